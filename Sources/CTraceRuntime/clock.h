// The clock of all stamps. What is particular to a CPU stands here.
#ifndef CTRACE_RUNTIME_CLOCK_H
#define CTRACE_RUNTIME_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_counter(void) {
#if defined(__x86_64__)
  uint32_t low, high;
  // Not serialising: a stamp may be early by the instructions in flight, some nanoseconds, and costs
  // nearly nothing beside an atomic operation. A fence would cost more than the lock itself.
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
#elif defined(__aarch64__)
  uint64_t value;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
#else
#error "ctrace needs x86-64 or aarch64"
#endif
}

static inline uint64_t clock_monotonic(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
