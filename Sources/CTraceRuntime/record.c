// Writing records: the ring, the stacks, the waits, and what leaves a table of uses.
#include <errno.h>
#include <sys/mman.h>

#include "interpreter.h"

_Static_assert((CTRACE_RING_SIZE & (CTRACE_RING_SIZE - 1)) == 0, "positions are masked");

// MARK: The ring

static bool has_room(uint64_t end) {
  if (end - self.known_tail <= CTRACE_RING_SIZE) return true;
  uint64_t tail = __atomic_load_n(&self.slot->tail, __ATOMIC_ACQUIRE);
  // The recorder only ever moves the tail towards the head: anything else is not its doing.
  if (tail <= self.head) self.known_tail = tail;
  return end - self.known_tail <= CTRACE_RING_SIZE;
}

bool has_room_to_spare(void) { return has_room(self.head + CTRACE_RING_SIZE / 2); }

void *reserve_record(uint8_t kind, uint32_t words, uint64_t time) {
  uint64_t position = self.head & (CTRACE_RING_SIZE - 1);
  uint64_t left = CTRACE_RING_SIZE - position;
  uint64_t pad = (uint64_t)words * 8 <= left ? 0 : left;
  if (!has_room(self.head + pad + (uint64_t)words * 8)) {
    self.slot->lost += 1;
    return NULL;
  }
  char *ring = (char *)self.slot + CTRACE_SLOT_RING;
  if (pad != 0) {
    *(uint64_t *)(ring + position) = CTRACE_RECORD_PAD | (pad / 8) << 16;
    self.head += pad;
    position = 0;
  }
  struct ctrace_record *record = (struct ctrace_record *)(ring + position);
  *record = (struct ctrace_record){.kind = kind, .words = (uint16_t)words, .time = time};
  return record;
}

void commit_record(const void *record) {
  self.head += (uint64_t)((const struct ctrace_record *)record)->words * 8;
  __atomic_store_n(&self.slot->head, self.head, __ATOMIC_RELEASE);
}

// MARK: Stacks

/// Places that a stack's entry may be in: as many as share a cache line.
enum { ENTRY_GROUP = 4 };

static struct ctrace_stack_entry *stack_entries(void) {
  return (struct ctrace_stack_entry *)((char *)self.slot + CTRACE_SLOT_STACKS);
}

static struct ctrace_stack_entry *group_for(uint64_t hash) {
  return &stack_entries()[((hash >> 32) * (CTRACE_STACK_ENTRIES / ENTRY_GROUP) >> 32) * ENTRY_GROUP];
}

static struct ctrace_stack_entry *find_entry(struct ctrace_stack_entry *group, uint64_t hash) {
  for (uint32_t place = 0; place < ENTRY_GROUP; place++)
    if (group[place].hash == hash) return &group[place];
  return NULL;
}

static uint8_t number_of(const struct ctrace_stack_entry *entry) {
  return (uint8_t)(entry - stack_entries() + 1);
}

/// Writes a new stack to the ring and returns the entry that stands for it from here on: where all
/// are taken, another leaves, and is written again when it is next met. NULL when the ring is full.
static struct ctrace_stack_entry *write_stack(const struct stack *stack) {
  for (uint32_t frame = 0; frame < stack->count; frame++)
    if (stack->frames[frame] >> 56 == 0) write_module_of((uintptr_t)stack->frames[frame]);
  struct ctrace_record *record = reserve_record(CTRACE_RECORD_STACK, 2 + stack->count, 0);
  if (record == NULL) return NULL;
  struct ctrace_stack_entry *group = group_for(stack->hash), *entry = find_entry(group, 0);
  if (entry == NULL) entry = &group[self.replaced_stacks++ % ENTRY_GROUP];
  record->stack = number_of(entry);
  uint64_t *words = (uint64_t *)(record + 1);
  for (uint32_t frame = 0; frame < stack->count; frame++) words[frame] = stack->frames[frame];
  commit_record(record);
  entry->hash = stack->hash;
  return entry;
}

/// The entry of a stack that was written already, where what is known of its frames holds again: whether
/// a function keeps a frame pointer at a call is the same each time, and what the tables once confirmed
/// they would confirm again.
static struct ctrace_stack_entry *find_stack(const struct stack *stack) {
  struct ctrace_stack_entry *entry = find_entry(group_for(stack->hash), stack->hash);
  return entry != NULL && entry->by_pointers == stack->by_pointers ? entry : NULL;
}

static uint8_t number_of_stack(const struct stack *stack) {
  struct ctrace_stack_entry *entry = find_entry(group_for(stack->hash), stack->hash);
  if (entry == NULL) entry = write_stack(stack);
  if (entry == NULL) return 0;
  entry->by_pointers = stack->by_pointers;
  return number_of(entry);
}

/// The stack of a thread in Python, which its frames alone make up. One that was met lately is found by
/// their hash.
static uint8_t capture_python_stack(void) {
  uint64_t frames = frames_hash();
  struct known_stack *known = &self.known_stacks[frames >> (64 - KNOWN_STACKS_LOG2)];
  if (likely(known->frames == frames) && known->number != 0 &&
      likely(stack_entries()[known->number - 1].hash == known->hash))
    return known->number;
  const struct stack nothing = {.count = 0};
  struct stack stack;
  if (!mix_stack(&stack, &nothing)) return 0;
  *known = (struct known_stack){frames, stack.hash, number_of_stack(&stack)};
  return known->number;
}

uint8_t stack_of(const uint64_t *frames, uint32_t count) {
  struct stack stack = {.hash = CTRACE_PYTHON_FRAME};
  for (uint32_t frame = 0; frame < count && stack.count < CTRACE_MAX_FRAMES; frame++)
    if (frames[frame] != 0) add_to_stack(&stack, frames[frame]);
  return stack.count == 0 ? 0 : number_of_stack(&stack);
}

uint8_t capture_stack(struct site site) {
  // Any other without a frame is that of a function of the program, which a library calls.
  if (site.address == 0) return capture_python_stack();
  struct stack stack, mixed;
  walk_stack(&stack, site);
  const struct stack *shown = mix_stack(&mixed, &stack) ? &mixed : &stack;
  const struct ctrace_stack_entry *entry = find_stack(shown);
  if (likely(entry != NULL)) return number_of(entry);
  check_stack(&stack, site);
  return number_of_stack(mix_stack(&mixed, &stack) ? &mixed : &stack);
}

// MARK: Uses

/// Whether the ring has room for a use that leaves its table, at its end or behind a pad.
static bool has_room_for_use(void) {
  return has_room(self.head + 2 * sizeof(struct ctrace_record_use));
}

/// Makes room in a bucket: what the use holds goes to the ring.
static void evict(struct ctrace_use *use) {
  struct ctrace_use_detail *detail = detail_of(use);
  if (has_room_for_use()) {
    struct ctrace_record_use *record =
        reserve_record(CTRACE_RECORD_USE, sizeof *record / 8, now());
    record->use = *use;
    record->detail = *detail;
    commit_record(record);
  } else {
    self.slot->uncounted += use->counts >> 16;
  }
  // Whenever the process is killed, the entry is either marked empty or still bears the number of
  // its filling, which the recorder has read from the ring.
  __atomic_store_n(&use->key, 0, __ATOMIC_RELEASE);
  *detail = (struct ctrace_use_detail){0};
  use->acquired = 0;
}

/// Buckets behind its own that a use may lie in: when there was room for it neither there nor in the
/// ring.
enum { DISPLACED_BUCKETS = 7 };

/// The first of the places for a hash that has this key; 0 stands for an empty one. NULL: none.
static struct ctrace_use *place_with(uint64_t key, uint64_t hash) {
  size_t last = ((size_t)2 << (64 - self.bucket_shift)) - 1;
  size_t first = (hash << EPOCH_BITS >> self.bucket_shift) << 1;
  for (size_t step = 0; step < 2 * (DISPLACED_BUCKETS + 1); step++) {
    struct ctrace_use *use = &self.uses[(first + step) & last];
    if (use->key == key) return use;
  }
  return NULL;
}

struct ctrace_use *find_anywhere(uint64_t key, uint64_t hash) {
  struct ctrace_use *use = find_use(key, hash);
  return use != NULL || likely(!self.has_displaced) ? use : place_with(key, hash);
}

/// An empty table of 2^log2 uses from the heap; NULL where there is none to be had.
static struct ctrace_use *new_table(uint32_t log2) {
  uint64_t size = (uint64_t)96 << log2;
  if (log2 > CTRACE_LAST_TABLE_LOG2) return NULL;
  uint64_t offset = __atomic_fetch_add(&arena.control->heap_next, size, __ATOMIC_RELAXED);
  if (offset < CTRACE_SLOTS_OFFSET || offset > arena.size || size > arena.size - offset)
    return NULL;
  void *table = arena.base + offset;
  return mprotect(table, size, PROT_READ | PROT_WRITE) == 0 ? table : NULL;
}

/// Copies all uses of a table to the thread's new one; false where one finds no place in it.
static bool move_uses(struct ctrace_use *old_uses, size_t length) {
  struct ctrace_use_detail *old_details = (struct ctrace_use_detail *)(old_uses + length);
  for (size_t index = 0; index < length; index++) {
    if (old_uses[index].key == 0) continue;
    uint64_t hash = hash_address((uintptr_t)(old_uses[index].key & 0xffffffffffff));
    struct ctrace_use *place = place_with(0, hash);
    if (place == NULL) return false;
    *place = old_uses[index];
    *detail_of(place) = old_details[index];
  }
  return true;
}

/// Takes a larger table. The old one stays as it was until the new one is in place, so that the
/// recorder finds a whole one at any moment. False where there is none to be had.
static bool grow_table(void) {
  struct ctrace_use *old_uses = self.uses, *new_uses;
  uint32_t old_shift = self.bucket_shift, old_log2 = 65 - old_shift;
  // Fast at first, sparing with memory where it is much.
  uint32_t new_log2 = old_log2 + (old_log2 < 17 ? 3 : 1);
  int saved_errno = errno;
  self.evictions = 0;
  for (; (new_uses = new_table(new_log2)) != NULL; new_log2++) {
    self.uses = new_uses;
    self.bucket_shift = 65 - new_log2;
    bool is_moved = move_uses(old_uses, (size_t)1 << old_log2);
    if (is_moved)
      __atomic_store_n(&self.slot->table, (uint64_t)((char *)new_uses - arena.base) | new_log2,
                       __ATOMIC_RELEASE);
    // What is not used gives its memory back, but for the first table, which is part of the slot. A
    // recorder that is just reading the old one finds nothing there, and looks again.
    struct ctrace_use *unused = is_moved ? old_uses : new_uses;
    if ((char *)unused != (char *)self.slot + CTRACE_SLOT_TABLE)
      madvise(unused, (size_t)96 << (is_moved ? old_log2 : new_log2), MADV_REMOVE);
    if (is_moved) break;
    self.uses = old_uses;
    self.bucket_shift = old_shift;
  }
  errno = saved_errno;
  return new_uses != NULL;
}

/// A place for a new key: in its own bucket, where the use that was acquired longer ago leaves for
/// the ring if it must; elsewhere only while the ring is full.
static struct ctrace_use *make_place(uint64_t hash) {
  for (bool can_grow = true;; can_grow = grow_table()) {
    struct ctrace_use *bucket = &self.uses[(hash << EPOCH_BITS >> self.bucket_shift) << 1];
    if (bucket[0].key == 0) return &bucket[0];
    if (bucket[1].key == 0) return &bucket[1];
    // A table that is too small for its thread shows by evictions.
    if (++self.evictions > (UINT32_C(1) << (64 - self.bucket_shift)) && can_grow) continue;
    struct ctrace_use *elsewhere = has_room_for_use() ? NULL : place_with(0, hash);
    if (elsewhere != NULL) {
      self.has_displaced = true;
      return elsewhere;
    }
    if (can_grow && !has_room_for_use()) continue;
    struct ctrace_use *older = bucket[0].acquired <= bucket[1].acquired ? &bucket[0] : &bucket[1];
    evict(older);
    return older;
  }
}

struct ctrace_use *make_use(uint64_t key, uint64_t hash, uint8_t lock_kind, uintptr_t site) {
  struct ctrace_use *use = self.has_displaced ? place_with(key, hash) : NULL;
  if (use != NULL) return use;
  write_module_of(site);
  write_module_of((uintptr_t)(key & 0xffffffffffff));
  use = make_place(hash);
  use->counts = ++self.fillings & 0xffff;
  use->site = (uint64_t)lock_kind << 56 | (site & UINT64_C(0xffffffffffffff));
  __atomic_store_n(&use->key, key, __ATOMIC_RELEASE);
  return use;
}

int note_acquire_slowly(uintptr_t lock, uint8_t lock_kind, uintptr_t site) {
  struct ctrace_use *use = use_of(lock, lock_kind, site);
  uint64_t counts = use->counts;
  use->counts = counts + ONE_ACQUISITION;
  if (is_held(lock_kind) && arena.stamps_holds) {
    use->acquired = now();
    if (is_sampled(counts)) begin_sample(lock);
  }
  leave();
  return 0;
}

void sample_hold(uintptr_t lock) {
  enter();
  uint64_t hash = hash_address(lock);
  struct ctrace_use *use = find_anywhere(key_of(lock, hash), hash);
  if (use != NULL && use->acquired != 0) {
    struct ctrace_use_detail *detail = detail_of(use);
    uint64_t weight = sample_weight(use->counts);
    detail->sampled_holds += weight;
    detail->sampled_hold_time += (now() - use->acquired) * weight;
  }
  end_sample();
  leave();
}

// MARK: Waits

/// Writes the ended wait of the slot to the ring.
static void write_wait(void) {
  struct ctrace_pending *pending = &self.slot->pending;
  self.wait_ended = 0;
  if (pending->state != 2) return;
  struct ctrace_record_wait *record =
      reserve_record(CTRACE_RECORD_WAIT, sizeof *record / 8, pending->end);
  if (record != NULL) {
    record->head.lock_kind = pending->lock_kind;
    record->head.operation = pending->operation;
    record->head.outcome = pending->outcome;
    record->head.stack = pending->stack;
    record->start = pending->start;
    record->key = pending->lock;
    record->partner = pending->partner;
    record->owner = pending->owner;
    commit_record(record);
  } else {
    uintptr_t lock = (uintptr_t)(pending->lock & 0xffffffffffff);
    uint64_t hash = hash_address(lock);
    struct ctrace_use *use = find_use(pending->lock, hash);
    if (use == NULL) use = make_use(pending->lock, hash, pending->lock_kind, 0);
    struct ctrace_use_detail *detail = detail_of(use);
    uint64_t duration = pending->end - pending->start;
    detail->lost_waits += 1;
    detail->lost_wait_time += duration;
    if (duration > detail->longest_unrecorded_wait) detail->longest_unrecorded_wait = duration;
  }
  __atomic_store_n(&pending->state, 0, __ATOMIC_RELEASE);
}

int flush_wait(int result) {
  enter();
  write_wait();
  leave();
  return result;
}

/// Whether the wait that goes on was left by a jump out of a signal handler: its frame is gone when a
/// call further out on the same stack waits.
static bool is_left_behind(uintptr_t place) {
  return self.wait_place >= self.stack_bottom && self.wait_place <= place &&
         place < self.stack_top;
}

void wait_begin(struct wait *wait, uintptr_t lock, uint8_t lock_kind, uint8_t operation,
                uint32_t owner, uintptr_t partner, struct site site) {
  wait->is_recorded = false;
  if (!is_recording()) return;
  struct ctrace_pending *pending = &self.slot->pending;
  if (unlikely(self.is_whole) && pending->state == 1) return;
  enter();
  self.waits += 1;
  if (self.wait_ended) write_wait();
  wait->lock = lock;
  wait->lock_kind = lock_kind;
  wait->site = site.address;
  wait->is_recorded = true;
  // A signal handler that came while the thread was waiting waits itself.
  wait->is_nested = pending->state == 1 && !is_left_behind((uintptr_t)wait);
  if (wait->is_nested) {
    wait->outer = *pending;
    wait->outer_place = self.wait_place;
  }
  self.wait_place = (uintptr_t)wait;
  // The stack index of the outer wait must keep its meaning: a nested one does without.
  uint8_t stack = wait->is_nested ? 0 : capture_stack(site);
  pending->state = 0;
  signal_fence();
  pending->lock_kind = lock_kind;
  pending->operation = operation;
  pending->outcome = CTRACE_ACQUIRED;
  pending->stack = stack;
  pending->lock = any_key(lock);
  pending->partner = partner == 0 ? 0 : key_of(partner, hash_address(partner));
  pending->owner = owner;
  pending->is_timed = wait->is_timed;
  pending->end = 0;
  self.is_whole = wait->is_whole;
  pending->start = now();
  __atomic_store_n(&pending->state, 1, __ATOMIC_RELEASE);
  leave();
}

void wait_end(struct wait *wait, uint8_t outcome) { wait_end_at(wait, outcome, 0); }

void wait_end_at(struct wait *wait, uint8_t outcome, uint64_t end) {
  if (!wait->is_recorded) return;
  wait->is_recorded = false;
  // A child forked from a signal handler in the middle of a wait has nothing to end.
  if (self.live != this_process.live) return;
  enter();
  struct ctrace_pending *pending = &self.slot->pending;
  self.is_whole = false;
  if (end == 0) end = now();
  uint64_t duration = end - pending->start;
  if (duration < arena.minimum_wait && !wait->is_always_recorded && outcome == CTRACE_ACQUIRED) {
    __atomic_store_n(&pending->state, 0, __ATOMIC_RELEASE);
    struct ctrace_use_detail *detail = detail_of(use_of(wait->lock, wait->lock_kind, wait->site));
    detail->short_waits += 1;
    detail->short_wait_time += duration;
    if (duration > detail->longest_unrecorded_wait) detail->longest_unrecorded_wait = duration;
  } else {
    pending->end = end;
    pending->outcome = outcome;
    __atomic_store_n(&pending->state, 2, __ATOMIC_RELEASE);
    self.wait_ended = 1;
  }
  if (wait->is_nested) {
    if (self.wait_ended) write_wait();
    *pending = wait->outer;
    self.wait_place = wait->outer_place;
  }
  leave();
}

uint64_t wait_start(const struct wait *wait) {
  return wait->is_recorded && self.live == this_process.live ? self.slot->pending.start : 0;
}

void wait_end_for(struct wait *wait, uint64_t lock, uint8_t outcome) {
  if (wait_start(wait) == 0) return;
  wait->lock = lock;
  self.slot->pending.lock = any_key(lock);
  wait_end(wait, outcome);
}

void wait_abandon(struct wait *wait) {
  if (!wait->is_recorded) return;
  wait->is_recorded = false;
  if (self.live != this_process.live) return;
  enter();
  self.is_whole = false;
  __atomic_store_n(&self.slot->pending.state, 0, __ATOMIC_RELEASE);
  if (wait->is_nested) {
    self.slot->pending = wait->outer;
    self.wait_place = wait->outer_place;
  }
  leave();
}

void wait_cleanup(struct wait *wait) { wait_end(wait, CTRACE_CANCELLED); }

// MARK: Other records

void record_release(uintptr_t lock, uint8_t lock_kind, uint8_t operation, uint64_t acquired,
                    uint64_t released, struct site site) {
  enter();
  if (self.wait_ended) write_wait();
  uint8_t stack = self.slot->pending.state == 1 ? 0 : capture_stack(site);
  struct ctrace_record_release *record =
      reserve_record(CTRACE_RECORD_RELEASE, sizeof *record / 8, released);
  if (record != NULL) {
    record->head.lock_kind = lock_kind;
    record->head.operation = operation;
    record->head.stack = stack;
    record->acquired = acquired;
    record->key = any_key(lock);
    commit_record(record);
  }
  leave();
}

void record_lock(uint8_t record_kind, uintptr_t lock, uint8_t lock_kind, uint8_t operation,
                 struct site site) {
  enter();
  if (self.wait_ended) write_wait();
  uint8_t stack = self.slot->pending.state == 1 ? 0 : capture_stack(site);
  struct ctrace_record_lock *record = reserve_record(record_kind, sizeof *record / 8, now());
  if (record != NULL) {
    record->head.lock_kind = lock_kind;
    record->head.operation = operation;
    record->head.stack = stack;
    record->key = any_key(lock);
    commit_record(record);
  }
  leave();
}

void record_destroy(uintptr_t lock, uint8_t lock_kind) {
  enter();
  if (self.wait_ended) write_wait();
  uint64_t hash = hash_address(lock);
  __atomic_fetch_add(&epochs[hash >> (64 - EPOCH_BITS)], 1, __ATOMIC_RELAXED);
  struct ctrace_record_lock *record =
      reserve_record(CTRACE_RECORD_DESTROY, sizeof *record / 8, now());
  if (record != NULL) {
    record->head.lock_kind = lock_kind;
    record->key = key_of(lock, hash);
    commit_record(record);
    __atomic_store_n(&self.slot->destroys, self.slot->destroys + 1, __ATOMIC_RELEASE);
  }
  leave();
}

static bool write_value(uint64_t key, uint64_t time, uint8_t operation, uint32_t value) {
  struct ctrace_record_value *record =
      reserve_record(CTRACE_RECORD_VALUE, sizeof *record / 8, time);
  if (record == NULL) return false;
  record->head.lock_kind = CTRACE_SEMAPHORE;
  record->head.operation = operation;
  record->key = key;
  record->value = value;
  commit_record(record);
  return true;
}

void record_value(uintptr_t lock, uint8_t operation, uint32_t value, uint64_t time) {
  enter();
  if (self.wait_ended) write_wait();
  uint64_t hash = hash_address(lock), key = any_key(lock);
  if (time - self.value_window > arena.control->value_window) {
    self.value_window = time;
    self.value_budget = CTRACE_VALUES_PER_WINDOW;
  }
  struct ctrace_deferred_value *deferred =
      &self.slot->deferred[hash >> 20 & (CTRACE_DEFERRED_VALUES - 1)];
  if (self.value_budget > 0) {
    self.value_budget -= 1;
    // Older than this one, and known to the recorder by time: it takes the newest of both.
    if (deferred->lock == key) __atomic_store_n(&deferred->lock, 0, __ATOMIC_RELAXED);
    write_value(key, time, operation, value);
  } else {
    __atomic_store_n(&deferred->lock, 0, __ATOMIC_RELAXED);
    signal_fence();
    deferred->time = time;
    deferred->value = value;
    deferred->operation = operation;
    __atomic_store_n(&deferred->lock, key, __ATOMIC_RELEASE);
  }
  leave();
}
