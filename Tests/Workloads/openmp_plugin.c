// A plugin whose team of three comes to a barrier one thread after the other.
#ifndef OUTER
#include <omp.h>
#endif

#include "workload.h"

#ifdef OUTER
// A plugin that has only come for the library behind it, which is all that needs OpenMP.
void run_team(int number);
void run(int number);

NAMED void run(int number) {
  run_team(number);
  fflush(stdout);
}
#else
void RUN(int number);

NAMED void RUN(int number) {
  int64_t waited = 0;
  omp_set_dynamic(0);
#pragma omp parallel num_threads(3)
  {
    CHECK(omp_get_num_threads() == 3);
    sleep_ms(10 * omp_get_thread_num());
    int64_t begin = now_ns();
#pragma omp barrier
    __atomic_fetch_add(&waited, now_ns() - begin, __ATOMIC_RELAXED);
  }
  char name[32];
  snprintf(name, sizeof name, "openmp%d", number);
  say(name, waited);
}
#endif
