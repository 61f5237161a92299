// Locks of CPython's, and what its libraries make of them.
//
// A lock of Python's is a semaphore that the interpreter itself calls libc for, so that the caller tells it
// from others. From 3.13 on some locks are words instead, at which a thread waits by a semaphore on its own
// stack: then the wait is seen, and an acquire without one is not.
#include "python_locks.h"

#include <errno.h>

#include "counts.h"
#include "shared_semaphores.h"

// MARK: Semaphores that are no locks

/// Semaphores by which threads wait at words. The caller of a post does not tell them from locks.
enum { PARKED = 1024, PARKED_OF_ONE = 8 };
static uintptr_t parked[PARKED + PARKED_OF_ONE];
/// Whether there were any.
static bool has_parked;

static uintptr_t *find_parked(uintptr_t wanted, uintptr_t semaphore) {
  uintptr_t *first = &parked[(hash_address(semaphore) >> 40) % PARKED];
  for (uint32_t place = 0; place < PARKED_OF_ONE; place++)
    if (__atomic_load_n(&first[place], __ATOMIC_RELAXED) == wanted) return &first[place];
  return NULL;
}

static bool is_parked(const sem_t *semaphore) {
  return unlikely(has_parked) && find_parked((uintptr_t)semaphore, (uintptr_t)semaphore) != NULL;
}

static void park(const sem_t *semaphore) {
  has_parked = true;
  uintptr_t *place, none = 0;
  do {
    place = find_parked(0, (uintptr_t)semaphore);
    none = 0;
  } while (place != NULL && !__atomic_compare_exchange_n(place, &none, (uintptr_t)semaphore, false,
                                                         __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

/// The word that a thread waits at by a semaphore of its own. The interpreter keeps both in one struct
/// wait_entry: see Python/parking_lot.c there.
static uintptr_t word_of(const sem_t *semaphore) { return ((const uintptr_t *)semaphore)[-1]; }

// MARK: Owners

/// Who has taken which lock last, by hash: a lock of Python's does not say. Read and written by threads
/// that have the interpreter's lock.
static struct owner {
  uintptr_t lock;
  int32_t tid;
} owners[1 << 12];

static struct owner *owner_of(uintptr_t lock) { return &owners[hash_address(lock) >> 52]; }

// MARK: Waits

uint8_t python_operation(uint8_t role) {
  switch (role) {
    case CTRACE_ROLE_PUT: return CTRACE_PUT;
    case CTRACE_ROLE_TAKE: return CTRACE_TAKE;
    case CTRACE_ROLE_ARRIVE: return CTRACE_ARRIVE;
    default: return CTRACE_WAIT;
  }
}

/// The key of the thread that an object is; 0 where that is not known.
static uint64_t thread_of(uintptr_t object) {
  const int64_t *key = known_count_of(object);
  return key == NULL ? 0 : (uint64_t)*key;
}

/// Begins to wait for a thread to end. Python gives threads' handles back when they begin, so that what its
/// handle means now is not what the thread had it for.
static void begin_join(struct wait *wait, uint64_t thread, struct site site) {
  if (thread == 0) return;
  wait->is_always_recorded = true;
  wait_begin(wait, thread & UINT64_C(0xffffffffffff), CTRACE_THREAD, CTRACE_JOIN, 0, 0, site);
  if (wait->is_recorded) self.slot->pending.lock = thread;
}

/// Whether a wait in one of Python's libraries is for what the library has made, and not for the lock that
/// guards it.
static bool is_for_object(struct ctrace_python_object object, const sem_t *semaphore) {
  return object.object != NULL &&
         (object.is_native || self.waiter_lock == (uintptr_t)semaphore ||
          object.inner_role == CTRACE_ROLE_JOIN ||
          (object.inner_role == CTRACE_ROLE_WAIT && is_parked(semaphore)));
}

void python_wait_begin(struct python_wait *wait, const sem_t *semaphore, struct site site) {
  if (!is_recording()) return;
  wait->semaphore = semaphore;
  struct ctrace_python_object object = object_in_use();
  if (is_for_object(object, semaphore)) {
    uintptr_t address = (uintptr_t)object.object;
    if (object.role == CTRACE_ROLE_JOIN)
      begin_join(&wait->wait, thread_of(address), site);
    else
      wait_begin(&wait->wait, address, object.lock_kind, python_operation(object.role), 0, 0, site);
    return;
  }
  uintptr_t lock = is_parked(semaphore) ? word_of(semaphore) : (uintptr_t)semaphore;
  const struct owner *owner = owner_of(lock);
  wait_begin(&wait->wait, lock, CTRACE_PYTHON_LOCK, CTRACE_LOCK,
             owner->lock == lock ? (uint32_t)owner->tid : 0, 0, site);
}

void python_wait_end(struct python_wait *wait, int result) {
  if (!wait->wait.is_recorded) return;
  uint8_t outcome = result == 0          ? CTRACE_ACQUIRED
                    : errno == ETIMEDOUT ? CTRACE_TIMED_OUT
                                         : CTRACE_FAILED;
  wait_end(&wait->wait, outcome);
  if (result == 0 && is_recording()) python_lock_acquired(wait->semaphore);
}

void python_wait_cleanup(struct python_wait *wait) { wait_end(&wait->wait, CTRACE_CANCELLED); }

// MARK: Locks

int python_lock_acquired(const sem_t *semaphore) {
  if (is_parked(semaphore) || is_in_native_object()) return 0;
  if (self.waiter_lock == (uintptr_t)semaphore) {
    // Taken twice, of which the second time is the wait.
    if (self.is_waiter_lock_taken) self.waiter_lock = 0;
    self.is_waiter_lock_taken = true;
    return 0;
  }
  struct owner *owner = owner_of((uintptr_t)semaphore);
  owner->lock = (uintptr_t)semaphore;
  owner->tid = self.slot->tid;
  // Where in the interpreter it was is of no use to anybody.
  // The interpreter itself tries first, so that a try is not told from an acquire.
  return note_hold((uintptr_t)semaphore, CTRACE_PYTHON_LOCK, ASKED, 0, PYTHON_SITE);
}

/// The hold ends: in whichever thread, because a lock need not be released by the one that took it.
void python_lock_released(uint64_t lock, uint64_t released, bool is_wanted) {
  if (!is_recording()) return;
  if (lock >> 48 == 0) let_go((uintptr_t)lock);
  enter();
  uint64_t key = any_key(lock), hash = hash_address(lock & UINT64_C(0xffffffffffff)), acquired = 0;
  struct ctrace_use *use = find_anywhere(key, hash);
  if (use != NULL) {
    acquired = use->acquired;
    use->acquired = 0;
    if (acquired != 0 && !is_wanted && self.sampled == lock) {
      struct ctrace_use_detail *detail = detail_of(use);
      uint64_t weight = sample_weight(use->counts);
      detail->sampled_holds += weight;
      detail->sampled_hold_time += (released - acquired) * weight;
    }
  }
  if (self.sampled == lock) end_sample();
  leave();
  if (is_wanted)
    record_release(lock, CTRACE_PYTHON_LOCK, CTRACE_LOCK, acquired, released, PYTHON_SITE);
  else if (unlikely(self.wait_ended))
    flush_wait(0);
}

/// Records that a thread wakes another that waits for what a library has made; false where the lock that
/// it releases is one.
static bool wake_object(void) {
  struct ctrace_python_object object = object_in_use();
  if (object.inner_role != CTRACE_ROLE_WAKE) return false;
  // Of queues, what comes in wakes.
  if (object.lock_kind != CTRACE_PYTHON_QUEUE)
    record_lock(CTRACE_RECORD_SIGNAL, (uintptr_t)object.object, object.lock_kind, CTRACE_SIGNAL,
                PYTHON_SITE);
  return true;
}

int python_lock_release(sem_t *semaphore) {
  if (!is_recording() || is_parked(semaphore) || is_in_native_object())
    return real.sem_post(semaphore);
  bool is_wanted = semaphore_has_waiters(semaphore);
  if (is_wanted && wake_object()) return real.sem_post(semaphore);
  uint64_t released = now();
  int result = real.sem_post(semaphore);
  if (result == 0) python_lock_released((uintptr_t)semaphore, released, is_wanted);
  return result;
}

void python_lock_made(const sem_t *semaphore, unsigned value) {
  if (value == 0) {
    park(semaphore);
    return;
  }
  if (!is_recording()) return;
  if (self.waiter_lock == (uintptr_t)semaphore) self.waiter_lock = 0;
  struct ctrace_python_object object = object_in_use();
  if (object.is_native) return;
  if (object.inner_role == CTRACE_ROLE_WAIT) {
    self.waiter_lock = (uintptr_t)semaphore;
    self.is_waiter_lock_taken = false;
    return;
  }
  if (object.role == CTRACE_ROLE_MAKE) {
    // Where another has been before: an object says nothing when it goes.
    record_destroy((uintptr_t)object.object, object.lock_kind);
    record_lock(CTRACE_RECORD_INIT, (uintptr_t)object.object, object.lock_kind, 0, PYTHON_SITE);
  }
  record_lock(CTRACE_RECORD_INIT, (uintptr_t)semaphore, CTRACE_PYTHON_LOCK, 0, PYTHON_SITE);
}

void python_lock_gone(const sem_t *semaphore) {
  uintptr_t *place = has_parked ? find_parked((uintptr_t)semaphore, (uintptr_t)semaphore) : NULL;
  if (place != NULL)
    __atomic_store_n(place, 0, __ATOMIC_RELAXED);
  else if (self.waiter_lock == (uintptr_t)semaphore)
    self.waiter_lock = 0;
  else if (is_recording())
    record_destroy((uintptr_t)semaphore, CTRACE_PYTHON_LOCK);
}
