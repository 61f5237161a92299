// Locks that threads have at once, and in which order they asked for them.
//
// Two threads that ask for the same two locks in opposite orders can come to wait for each other for ever,
// though they may never have: see TraceAnalysis's LockOrder. So a thread that asks for a lock while it has
// others tells of it, once for the same locks in the same order. What it has told is known by a hash in its
// slot; where there is no room for one more, it is not told. While the ring fills up it waits for the next time,
// so that it takes no room from what happens once only.
#include "runtime.h"

enum { NESTING_GROUP = 4 };

static uint64_t mix(uint64_t hash, uint64_t number) {
  hash = (hash ^ number) * UINT64_C(0x9e3779b97f4a7c15);
  return hash ^ hash >> 29;
}

/// Whether something with this hash is to be told: it is not yet, and there is room to know that it was.
static uint64_t *untold(uint64_t hash) {
  uint64_t *group =
      &self.slot->nestings[(hash >> 32) * (CTRACE_NESTINGS / NESTING_GROUP) >> 32 << 2];
  for (uint32_t place = 0; place < NESTING_GROUP; place++) {
    if (group[place] == hash) return NULL;
    if (group[place] == 0) return &group[place];
  }
  return NULL;
}

/// How many locks the thread has, of those that are kept in mind. The program may have written over it.
static uint64_t held_count(void) {
  uint64_t count = __atomic_load_n(&self.slot->held_count, __ATOMIC_RELAXED);
  return count <= CTRACE_MOST_HELD ? count : 0;
}

/// The key of a lock that the thread has, which can't have been another since it has it.
static uint64_t key_of_hold(uint64_t held) {
  uintptr_t lock = held & ~CTRACE_SHARED_HOLD;
  return key_of(lock, hash_address(lock)) | (held & CTRACE_SHARED_HOLD);
}

static bool write_nesting(uint64_t wanted, uint8_t lock_kind, const uint64_t *held, uint64_t count,
                          uint8_t stack) {
  struct ctrace_record_nesting *record = reserve_record(
      CTRACE_RECORD_NESTING, (uint32_t)(sizeof *record / 8 + count), now());
  if (record == NULL) return false;
  record->head.lock_kind = lock_kind;
  record->head.stack = stack;
  record->wanted = wanted;
  record->count = count;
  uint64_t *keys = (uint64_t *)(record + 1);
  for (uint64_t place = 0; place < count; place++) keys[place] = key_of_hold(held[place]);
  commit_record(record);
  return true;
}

/// How often a thread has begun others, to the next power of two: what it did before it began any can't meet
/// what they do, so that it tells of it again.
static uint64_t begun(void) { return 64 - (uint64_t)__builtin_clzll(self.threads_begun << 1 | 1); }

int note_nested_hold(uintptr_t lock, uint8_t lock_kind, uint64_t shared, struct site site) {
  note_acquire(lock, lock_kind, site);
  enter();
  const uint64_t *held = self.slot->held;
  uint64_t count = held_count();
  // The last is the lock itself; where there was no room for it, the others are all the same those that it
  // was asked for with.
  if (count > 0 && is_hold_of(held[count - 1], lock)) count -= 1;
  uint64_t wanted = key_of_hold(lock | shared), hash = mix(begun(), wanted);
  bool is_held = false;
  for (uint64_t place = 0; place < count; place++) {
    hash = mix(hash, key_of_hold(held[place]));
    is_held |= is_hold_of(held[place], lock);
  }
  uint64_t *place = is_held || count == 0 ? NULL : untold(hash);
  if (unlikely(place != NULL) && has_room_to_spare()) {
    // The stack of a wait that is not written yet must keep its number.
    if (self.wait_ended) {
      leave();
      flush_wait(0);
      enter();
    }
    uint8_t stack = self.slot->pending.state == 1 ? 0 : capture_stack(site);
    if (write_nesting(wanted, lock_kind, held, count, stack)) *place = hash;
  }
  leave();
  return 0;
}

void let_go_slowly(uintptr_t lock) {
  enter();
  uint64_t *held = self.slot->held, count = held_count(), place = count;
  while (place > 0 && !is_hold_of(held[place - 1], lock)) place -= 1;
  if (place > 0) {
    for (; place < count; place++) held[place - 1] = held[place];
    self.slot->held_count = count - 1;
  } else {
    // Another thread has acquired it, and may be taken to have it still.
    uint64_t key = key_of_hold(lock), hash = mix(0, key);
    uint64_t *told = untold(hash);
    if (told != NULL && has_room_to_spare() && write_nesting(key, 0, NULL, 0, 0)) *told = hash;
  }
  leave();
}
