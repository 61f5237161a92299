// What the programs share: pinning, time, and the statistics of rounds.
//
// Each program runs many short rounds and prints the best and the median of them, so that a machine
// that others use spoils some rounds and not the result.
#ifndef BENCHMARK_COMMON_H
#define BENCHMARK_COMMON_H

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static inline double now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/// Keeps the calling thread on one CPU; the machine may have fewer than were asked for.
static inline void pin(int wanted) {
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(wanted % (cpus > 0 ? cpus : 1), &set);
  sched_setaffinity(0, sizeof set, &set);
}

static int compare_doubles(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/// Prints "best MINIMUM median MEDIAN", nanoseconds per unit of work.
static inline void print_rounds(double *rounds, int count) {
  qsort(rounds, (size_t)count, sizeof *rounds, compare_doubles);
  printf("best %.2f median %.2f\n", rounds[0], rounds[count / 2]);
}

static inline long argument(int count, char **arguments, int index, long otherwise) {
  return index < count ? strtol(arguments[index], NULL, 10) : otherwise;
}

#endif
