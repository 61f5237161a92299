// Semaphores that processes share: by the address that each has in this process, the number that all
// processes know it by.
#ifndef CTRACE_RUNTIME_SHARED_SEMAPHORES_H
#define CTRACE_RUNTIME_SHARED_SEMAPHORES_H

#include "ctrace_probe.h"
#include "runtime.h"

struct shared_semaphore {
  uintptr_t address;
  uint64_t number;
  /// How often the process has opened it without closing it.
  uint32_t opened;
  /// What it is part of: see ctrace_semaphore_role.
  uint8_t role;
};

/// Whether there are any, or were.
extern bool has_shared_semaphores;

struct shared_semaphore *find_shared_semaphore(uintptr_t address);

/// What is known of a semaphore that processes share, or NULL.
always_inline struct shared_semaphore *shared_semaphore(const sem_t *semaphore) {
  return likely(!has_shared_semaphores) ? NULL : find_shared_semaphore((uintptr_t)semaphore);
}

/// A semaphore was opened by its name.
void named_semaphore_opened(const sem_t *semaphore, const char *name);
/// A semaphore without a name was made that forked children share.
void unnamed_semaphore_made(const sem_t *semaphore);
/// A semaphore was closed or destroyed, or another made in its place.
void shared_semaphore_gone(const sem_t *semaphore);

/// The value in glibc's sem_t: the lower half of one word. It may change at any moment.
always_inline uint32_t semaphore_value(const sem_t *semaphore) {
  return (uint32_t)__atomic_load_n((const uint64_t *)semaphore, __ATOMIC_RELAXED);
}

/// Threads that wait, of all processes, are counted in the upper half.
always_inline bool semaphore_has_waiters(const sem_t *semaphore) {
  return __atomic_load_n((const uint64_t *)semaphore, __ATOMIC_RELAXED) >> 32 != 0;
}

// MARK: Owners

/// Who has taken a lock last that processes share: its thread's number of the kernel's; 0 where that is not
/// known.
uint32_t shared_owner(uint64_t lock);
void set_shared_owner(uint64_t lock);

#endif
