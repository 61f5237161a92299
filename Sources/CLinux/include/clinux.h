// What Swift cannot import from the system's headers: variadic and raw system calls, macros, atomic
// access to memory shared with another process, and the child's side of a fork.
#ifndef CLINUX_H
#define CLINUX_H

#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/types.h>

#include "clinux_perf.h"

// MARK: Shared memory

/// A new memory object without a name in the file system, readable by its owner alone. Returns a
/// descriptor, or -1 and errno.
int clinux_create_memory(const char *name, uint64_t size);
/// Gives memory back: what is there reads as zero from now on. Returns 0, or -1 and errno.
int clinux_punch_hole(int descriptor, uint64_t offset, uint64_t size);

static inline uint64_t clinux_load64(const void *address) {
  return __atomic_load_n((const uint64_t *)address, __ATOMIC_ACQUIRE);
}
static inline uint32_t clinux_load32(const void *address) {
  return __atomic_load_n((const uint32_t *)address, __ATOMIC_ACQUIRE);
}
static inline void clinux_store64(void *address, uint64_t value) {
  __atomic_store_n((uint64_t *)address, value, __ATOMIC_RELEASE);
}
static inline void clinux_store32(void *address, uint32_t value) {
  __atomic_store_n((uint32_t *)address, value, __ATOMIC_RELEASE);
}
/// What is read before this is read before what is read after it.
static inline void clinux_read_fence(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }
static inline void clinux_or64(void *address, uint64_t bits) {
  __atomic_fetch_or((uint64_t *)address, bits, __ATOMIC_RELEASE);
}

// MARK: Processes

/// Forks a child that waits until a byte arrives on `gate` and then executes `file` (searched in
/// PATH) with the signal mask `mask`. When that fails it writes errno to `failure`, and exits. Both
/// descriptors must be closed on exec. `streams` become its descriptors 0 to 2, where they are not
/// negative; with `own_group` it leads a process group. Returns the child's number, or -1 and errno.
pid_t clinux_fork_gated(const char *file, char *const arguments[], char *const environment[],
                        int gate, int failure, const sigset_t *mask, const int streams[3],
                        int own_group);
/// pidfd_open(2).
int clinux_open_process(pid_t pid);
/// Whether a thread exists: 1, 0, or -1 where that can't be told.
int clinux_thread_exists(pid_t pid, pid_t tid);

/// pipe2(2) with both ends closed on exec. Returns 0, or -1 and errno.
int clinux_pipe(int ends[2]);
/// signalfd(2), closed on exec, never blocking. Returns a descriptor, or -1 and errno.
int clinux_open_signals(const sigset_t *signals);

/// eventfd(2), closed on exec. Returns a descriptor, or -1 and errno.
int clinux_open_event(void);

// MARK: CPUs

/// Lets the calling thread sleep briefly on one CPU, so many times. It is on all CPUs that it was allowed
/// before when this returns. Returns 0, or -1 and errno.
int clinux_sleep_on(int cpu, int times);
/// The calling thread's number.
int32_t clinux_thread(void);

// MARK: Sockets

/// A socket to ask the kernel about sockets with, closed on exec. Returns a descriptor, or -1 and errno.
int clinux_open_socket_diagnosis(void);
/// The inode of the local socket that the one with this inode is connected with; 0 where there is none,
/// or none can be seen.
uint32_t clinux_other_end(int diagnosis, uint32_t socket);

// MARK: The clock

/// How the CPU's counter becomes nanoseconds of the clock that perf events are stamped with by
/// default: zero + (counter * multiplier >> shift), in 128 bits.
struct clinux_counter_scale {
  uint64_t zero;
  uint32_t multiplier;
  uint16_t shift;
};
/// Reads the kernel's own conversion from the page of a perf event. Returns 0; -1 and errno where
/// perf events are denied; -1 and ENOTSUP where the counter is no clock on this machine.
int clinux_read_counter_scale(struct clinux_counter_scale *scale);
/// The CPU's counter.
uint64_t clinux_counter(void);
/// What the kernel calls it among its clock sources.
const char *clinux_counter_name(void);
/// clock_gettime(CLOCK_MONOTONIC) in nanoseconds.
uint64_t clinux_monotonic(void);
/// clock_gettime(CLOCK_MONOTONIC_RAW) in nanoseconds.
uint64_t clinux_monotonic_raw(void);
/// clock_gettime(CLOCK_REALTIME) in nanoseconds.
uint64_t clinux_realtime(void);

// MARK: Threads of our own

/// A thread with all signals blocked that runs `routine(argument)`. Returns 0 or an errno.
int clinux_start_thread(uint64_t *thread, void (*routine)(void *), void *argument);
/// Waits for its end.
void clinux_join_thread(uint64_t thread);
/// Nobody will wait for that thread.
void clinux_detach_thread(uint64_t thread);

/// Writes to a descriptor everything that is given, or returns errno.
int clinux_write_all(int descriptor, const void *bytes, size_t size);

#endif
