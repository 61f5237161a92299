// The CPU's own counter, by which targets stamp: what is particular to a CPU about it stands here alone.
//
// x86-64 has the time-stamp counter, aarch64 the generic timer's virtual count. Whether either is a
// clock is the kernel's word: see the recorder's CounterClock, which otherwise has targets stamp with
// clock_gettime.
#ifndef CTRACE_COUNTER_H
#define CTRACE_COUNTER_H

#include <stdint.h>

#if defined(__x86_64__)

/// What the kernel calls the counter among its clock sources.
#define CTRACE_COUNTER_NAME "tsc"

static inline uint64_t ctrace_counter(void) {
  uint32_t low, high;
  // Not serialising: a stamp may be early by the instructions in flight, some nanoseconds, and costs
  // nearly nothing beside an atomic operation. A fence would cost more than the lock itself.
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

/// Lets nothing that follows begin before all that precedes is done, a reading of the counter neither.
static inline void ctrace_counter_fence(void) { __asm__ volatile("lfence" ::: "memory"); }

#elif defined(__aarch64__)

#define CTRACE_COUNTER_NAME "arch_sys_counter"

static inline uint64_t ctrace_counter(void) {
  uint64_t value;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
}

static inline void ctrace_counter_fence(void) { __asm__ volatile("isb" ::: "memory"); }

#else
#error "ctrace needs x86-64 or aarch64"
#endif

#endif
