// The clocks of all stamps: the CPU's counter, of ctrace_counter.h, or the system's.
#ifndef CTRACE_RUNTIME_CLOCK_H
#define CTRACE_RUNTIME_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "ctrace_counter.h"

static inline uint64_t clock_monotonic(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
