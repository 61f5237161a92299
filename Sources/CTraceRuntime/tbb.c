// oneTBB: bounded queues and the mutexes that sleep. Most of both is inlined into the program; what is
// exported is what threads do when they have to wait, or have made it possible for others to go on.
//
// A bounded queue tells its waiters of each item after it was put in or taken out, so that a taker can be
// told of before the putter is. Who finds that out says both.
#include "counts.h"
#include "library.h"

// The names as C++ has them, of functions of tbb::detail::r1.
#define allocate_queue _ZN3tbb6detail2r126allocate_bounded_queue_repEm
#define deallocate_queue _ZN3tbb6detail2r128deallocate_bounded_queue_repEPhm
#define wait_for_queue \
  _ZN3tbb6detail2r126wait_bounded_queue_monitorEPNS1_18concurrent_monitorEmlRNS0_2d113delegate_baseE
#define notify_queue _ZN3tbb6detail2r128notify_bounded_queue_monitorEPNS1_18concurrent_monitorEmm
#define wait_on_address _ZN3tbb6detail2r115wait_on_addressEPvRNS0_2d113delegate_baseEm
#define notify_by_address _ZN3tbb6detail2r117notify_by_addressEPvm
#define notify_by_address_all _ZN3tbb6detail2r121notify_by_address_allEPv
#define notify_by_address_one _ZN3tbb6detail2r121notify_by_address_oneEPv

#define FUNCTIONS(X)                                                                             \
  X(char *, allocate_queue, (size_t size))                                                       \
  X(void, deallocate_queue, (char *memory, size_t size))                                         \
  X(void, wait_for_queue, (void *monitors, size_t tag, ptrdiff_t target, void *condition))       \
  X(void, notify_queue, (void *monitors, size_t tag, size_t ticket))                             \
  X(void, wait_on_address, (void *address, void *condition, uintptr_t context))                  \
  X(void, notify_by_address, (void *address, uintptr_t context))                                 \
  X(void, notify_by_address_all, (void *address))                                                \
  X(void, notify_by_address_one, (void *address))
LIBRARY_FUNCTIONS(tbb, "libtbb.so", FUNCTIONS)

// MARK: Queues

/// What a thread waits for, or tells of.
enum { TAG_ROOM = 0, TAG_ITEMS = 1 };

/// A queue is known by its monitors, which lie behind the rest of it.
exported char *allocate_queue(size_t size) {
  char *memory = REAL_OF(tbb, allocate_queue, THIS_SITE)(size);
  if (memory != NULL && is_recording()) {
    count_of((uintptr_t)memory + size);
    record_lock(CTRACE_RECORD_INIT, (uintptr_t)memory + size, CTRACE_QUEUE, 0, THIS_SITE);
  }
  return memory;
}

exported void deallocate_queue(char *memory, size_t size) {
  if (memory != NULL && is_recording()) {
    record_destroy((uintptr_t)memory + size, CTRACE_QUEUE);
    forget_count((uintptr_t)memory + size);
  }
  REAL_OF(tbb, deallocate_queue, THIS_SITE)(memory, size);
}

/// Leaves by an exception when the queue is aborted.
exported void wait_for_queue(void *monitors, size_t tag, ptrdiff_t target, void *condition) {
  __attribute__((cleanup(wait_cleanup))) struct wait wait = {.is_whole = true};
  wait_begin(&wait, (uintptr_t)monitors, CTRACE_QUEUE, tag == TAG_ROOM ? CTRACE_PUT : CTRACE_TAKE, 0,
             0, THIS_SITE);
  REAL_OF(tbb, wait_for_queue, THIS_SITE)(monitors, tag, target, condition);
  wait_end(&wait, CTRACE_ACQUIRED);
}

/// An item was put in, or, where a taker has told that already, nothing is left to be told.
static void put(void *monitors, int64_t *items, struct site site) {
  uint64_t time = now();
  if (__atomic_fetch_add(items, 1, __ATOMIC_ACQ_REL) >= 0)
    record_items(CTRACE_RECORD_ENQUEUE, (uintptr_t)monitors, CTRACE_QUEUE, 1, 0, time, site);
}

static void take(void *monitors, int64_t *items, struct site site) {
  bool is_told = __atomic_fetch_sub(items, 1, __ATOMIC_ACQ_REL) > 0;
  uint64_t time = now_after();
  if (!is_told)
    record_items(CTRACE_RECORD_ENQUEUE, (uintptr_t)monitors, CTRACE_QUEUE, 1, 0, time, site);
  record_items(CTRACE_RECORD_DEQUEUE, (uintptr_t)monitors, CTRACE_QUEUE, 1, 0, time, site);
}

exported void notify_queue(void *monitors, size_t tag, size_t ticket) {
  int64_t *items = is_recording() ? known_count_of((uintptr_t)monitors) : NULL;
  if (items != NULL) (tag == TAG_ITEMS ? put : take)(monitors, items, THIS_SITE);
  REAL_OF(tbb, notify_queue, THIS_SITE)(monitors, tag, ticket);
}

// MARK: Mutexes

/// Which of the mutexes it is, the functions on the stack tell: see syscall.c.
exported void wait_on_address(void *address, void *condition, uintptr_t context) {
  int64_t *waiters = waiters_of((uintptr_t)address);
  __atomic_fetch_add(waiters, 1, __ATOMIC_RELAXED);
  struct wait wait = {.is_whole = true};
  wait_begin(&wait, (uintptr_t)address, CTRACE_FUTEX, CTRACE_LOCK, 0, 0, THIS_SITE);
  REAL_OF(tbb, wait_on_address, THIS_SITE)(address, condition, context);
  wait_end(&wait, CTRACE_ACQUIRED);
  __atomic_fetch_sub(waiters, 1, __ATOMIC_RELAXED);
}

/// Called at every release, whether anybody waits or not.
static void released(void *address, struct site site) {
  if (!is_recording()) return;
  if (__atomic_load_n(waiters_of((uintptr_t)address), __ATOMIC_RELAXED) > 0)
    record_release((uintptr_t)address, CTRACE_FUTEX, CTRACE_LOCK, 0, now(), site);
  else if (self.wait_ended)
    flush_wait(0);
}

exported void notify_by_address(void *address, uintptr_t context) {
  released(address, THIS_SITE);
  REAL_OF(tbb, notify_by_address, THIS_SITE)(address, context);
}

exported void notify_by_address_all(void *address) {
  released(address, THIS_SITE);
  REAL_OF(tbb, notify_by_address_all, THIS_SITE)(address);
}

exported void notify_by_address_one(void *address) {
  released(address, THIS_SITE);
  REAL_OF(tbb, notify_by_address_one, THIS_SITE)(address);
}
