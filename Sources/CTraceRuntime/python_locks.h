// Locks of CPython's, which are semaphores of libc up to 3.13.0.
#ifndef CTRACE_RUNTIME_PYTHON_LOCKS_H
#define CTRACE_RUNTIME_PYTHON_LOCKS_H

#include "interpreter.h"

/// A wait for a lock, or for what one of Python's libraries has made of it.
struct python_wait {
  struct wait wait;
  const sem_t *semaphore;
};

void python_wait_begin(struct python_wait *wait, const sem_t *semaphore, struct site site);
void python_wait_end(struct python_wait *wait, int result);
void python_wait_cleanup(struct python_wait *wait);

/// Waits by a call and returns what it does. Tries first: what can be had at once is no wait.
#define PYTHON_LOCK_WAIT(semaphore, call, site)                                     \
  do {                                                                              \
    int before = errno;                                                             \
    if (real.sem_trywait(semaphore) == 0) return python_lock_acquired(semaphore);   \
    errno = before;                                                                 \
    __attribute__((cleanup(python_wait_cleanup))) struct python_wait python = {0};  \
    python_wait_begin(&python, semaphore, site);                                    \
    int waited = call;                                                              \
    python_wait_end(&python, waited);                                         \
    return waited;                                                                  \
  } while (0)

/// The operation that a wait in a function with a role is.
uint8_t python_operation(uint8_t role);

/// A lock is no longer held, which others wait for or not.
void python_lock_released(uint64_t lock, uint64_t released, bool is_wanted);
/// Returns 0.
int python_lock_acquired(const sem_t *semaphore);
int python_lock_release(sem_t *semaphore);
void python_lock_made(const sem_t *semaphore, unsigned value);
void python_lock_gone(const sem_t *semaphore);

#endif
