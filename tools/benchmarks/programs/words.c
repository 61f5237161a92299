// What it costs to tell of oneself: `words none|queue|slice|counter CALLS-PER-ROUND ROUNDS`.
//
// Each turn of the loop makes two calls of ctrace.h, or none. A pause between rounds lets the recorder
// empty the ring.
#include <ctrace.h>
#include <string.h>

#include "common.h"

static struct ctrace_queue queue = CTRACE_QUEUE("queue", 0);

enum { NONE, QUEUE, SLICE, COUNTER };

static __attribute__((noinline)) double round_of(int what, long calls) {
  double start = now_ns();
  for (long call = 0; call < calls; call += 2) {
    // The compiler must neither take the loop for an empty one nor look only once whether it is recorded.
    __asm__ volatile("" : "+r"(call) : : "memory");
    switch (what) {
      case NONE: break;
      case QUEUE:
        ctrace_enqueue(&queue, 1);
        ctrace_dequeue(&queue, 1);
        break;
      case SLICE: {
        struct ctrace_slice slice = ctrace_slice_begin("slice");
        ctrace_slice_end(slice);
        break;
      }
      case COUNTER:
        ctrace_set_counter("counter", call);
        ctrace_set_counter("counter", call + 1);
        break;
    }
  }
  return (now_ns() - start) / (double)calls;
}

int main(int count, char **arguments) {
  static const char *const names[] = {"none", "queue", "slice", "counter"};
  int what = 0;
  while (what < 4 && (count < 2 || strcmp(arguments[1], names[what]) != 0)) what++;
  long calls = argument(count, arguments, 2, 4000);
  int rounds = (int)argument(count, arguments, 3, 100);
  if (what == 4 || calls < 2 || rounds < 1) {
    fprintf(stderr, "usage: words none|queue|slice|counter CALLS-PER-ROUND ROUNDS\n");
    return 2;
  }
  pin(0);
  double *results = calloc((size_t)rounds, sizeof *results);
  for (int i = 0; i < rounds; i++) {
    results[i] = round_of(what, calls);
    usleep(3000);
  }
  print_rounds(results, rounds);
  return 0;
}
