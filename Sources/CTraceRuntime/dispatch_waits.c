// What threads wait for in libdispatch beside the turn of a queue: its semaphores and groups.
#include "dispatch.h"

#include <errno.h>

#include "library.h"
#include "unwind.h"

#define DISPATCH_WAITS_FUNCTIONS(X)                                          \
  X(void *, dispatch_semaphore_create, (intptr_t value))                     \
  X(intptr_t, dispatch_semaphore_wait, (void *semaphore, uint64_t timeout)) \
  X(intptr_t, dispatch_semaphore_signal, (void *semaphore))                  \
  X(void *, dispatch_group_create, (void))                                   \
  X(intptr_t, dispatch_group_wait, (void *group, uint64_t timeout))          \
  X(void, dispatch_group_leave, (void *group))
LIBRARY_FUNCTIONS(dispatch_waits, "libdispatch.so", DISPATCH_WAITS_FUNCTIONS)

/// The timeout of those that only try.
enum { NO_TIME = 0 };

static void *made(void *object, uint8_t kind, struct site site) {
  if (object == NULL || !is_recording()) return object;
  note_made((uintptr_t)object, kind);
  record_lock(CTRACE_RECORD_INIT, (uintptr_t)object, kind, 0, site);
  return object;
}

/// A wait in the library: tried first, as nothing tells beforehand whether it is one.
struct dispatch_wait {
  struct wait wait;
  bool is_counted;
};

static void end_wait(struct dispatch_wait *wait) {
  if (self.is_inside_library) leave_library();
  if (wait->is_counted) __atomic_fetch_sub(&group_waiters, 1, __ATOMIC_RELAXED);
  wait_cleanup(&wait->wait);
}

always_inline intptr_t wait_for(intptr_t (*wait_in_library)(void *object, uint64_t timeout),
                                void *object, uint64_t timeout, uint8_t kind, uint8_t operation,
                                struct site site) {
  __attribute__((cleanup(end_wait))) struct dispatch_wait wait = {
      .is_counted = kind == CTRACE_DISPATCH_GROUP};
  if (wait.is_counted) __atomic_fetch_add(&group_waiters, 1, __ATOMIC_RELAXED);
  wait_begin(&wait.wait, (uintptr_t)object, kind, operation, 0, 0, site);
  enter_library();
  intptr_t result = wait_in_library(object, timeout);
  leave_library();
  wait_end(&wait.wait, result == 0 ? CTRACE_ACQUIRED : CTRACE_TIMED_OUT);
  return result;
}

// MARK: Semaphores

/// Whether a call comes from the library itself, whose threads wait for work at a semaphore.
static bool is_in_dispatch(struct site site) {
  if (_dl_find_object == NULL) return false;
  struct dl_find_object caller, library;
  void *known = (void *)REAL_OF(dispatch_waits, dispatch_semaphore_wait, site);
  return _dl_find_object((void *)site.address, &caller) == 0 &&
         _dl_find_object(known, &library) == 0 && caller.dlfo_link_map == library.dlfo_link_map;
}

exported void *dispatch_semaphore_create(intptr_t value) {
  return made(REAL_OF(dispatch_waits, dispatch_semaphore_create, THIS_SITE)(value),
              CTRACE_DISPATCH_SEMAPHORE, THIS_SITE);
}

/// The threads of the library that wait for work.
static void name_idle(void *semaphore) {
  record_name((uintptr_t)semaphore, CTRACE_THREAD_POOL, 0, "idle threads of Dispatch");
}

exported intptr_t dispatch_semaphore_wait(void *semaphore, uint64_t timeout) {
  type_of_dispatch_semaphore_wait wait = REAL_OF(dispatch_waits, dispatch_semaphore_wait, THIS_SITE);
  if (semaphore == NULL || !is_recording()) return wait(semaphore, timeout);
  int saved_errno = errno;
  enter_library();
  intptr_t result = wait(semaphore, NO_TIME);
  leave_library();
  // One that times out sets it.
  if (timeout != NO_TIME) errno = saved_errno;
  if (is_in_dispatch(THIS_SITE)) {
    if (result == 0 || timeout == NO_TIME) return result;
    name_idle(semaphore);
    return wait_for(wait, semaphore, timeout, CTRACE_THREAD_POOL, CTRACE_TAKE, THIS_SITE);
  }
  if (result != 0 && timeout != NO_TIME)
    result = wait_for(wait, semaphore, timeout, CTRACE_DISPATCH_SEMAPHORE, CTRACE_WAIT, THIS_SITE);
  if (result == 0 && is_recording())
    note_acquire((uintptr_t)semaphore, CTRACE_DISPATCH_SEMAPHORE, THIS_SITE);
  return result;
}

exported intptr_t dispatch_semaphore_signal(void *semaphore) {
  type_of_dispatch_semaphore_signal signal =
      REAL_OF(dispatch_waits, dispatch_semaphore_signal, THIS_SITE);
  if (semaphore == NULL || !is_recording()) return signal(semaphore);
  // Before it, as the woken thread may go on at once, and the semaphore with it.
  uint64_t time = now();
  enter_library();
  intptr_t result = signal(semaphore);
  leave_library();
  bool is_own = is_in_dispatch(THIS_SITE);
  uint8_t kind = is_own ? CTRACE_THREAD_POOL : CTRACE_DISPATCH_SEMAPHORE;
  if (!is_own) note_wake((uintptr_t)semaphore, kind, THIS_SITE);
  if (result != 0)
    record_release((uintptr_t)semaphore, kind, CTRACE_POST, 0, time, THIS_SITE);
  return result;
}

// MARK: Groups

uint32_t group_waiters;

void record_leave(uintptr_t group, uint64_t time, struct site site) {
  record_release(group, CTRACE_DISPATCH_GROUP, CTRACE_SIGNAL, 0, time, site);
}

exported void *dispatch_group_create(void) {
  return made(REAL_OF(dispatch_waits, dispatch_group_create, THIS_SITE)(), CTRACE_DISPATCH_GROUP,
              THIS_SITE);
}

exported intptr_t dispatch_group_wait(void *group, uint64_t timeout) {
  type_of_dispatch_group_wait wait = REAL_OF(dispatch_waits, dispatch_group_wait, THIS_SITE);
  if (group == NULL || !is_recording()) return wait(group, timeout);
  int saved_errno = errno;
  intptr_t result = wait(group, NO_TIME);
  if (timeout != NO_TIME) errno = saved_errno;
  if (result != 0 && timeout != NO_TIME)
    result = wait_for(wait, group, timeout, CTRACE_DISPATCH_GROUP, CTRACE_WAIT, THIS_SITE);
  if (result == 0 && is_recording())
    note_acquire((uintptr_t)group, CTRACE_DISPATCH_GROUP, THIS_SITE);
  return result;
}

exported void dispatch_group_leave(void *group) {
  if (unlikely(__atomic_load_n(&group_waiters, __ATOMIC_RELAXED) != 0) && group != NULL &&
      is_recording())
    record_leave((uintptr_t)group, now(), THIS_SITE);
  REAL_OF(dispatch_waits, dispatch_group_leave, THIS_SITE)(group);
}
