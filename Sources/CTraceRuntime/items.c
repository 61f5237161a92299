// What goes through queues, and what a program says of itself: items, pieces of work, numbers, names.
#include <string.h>

#include "runtime.h"

// MARK: Items

/// Writes a record of items; false when the ring is full.
static bool write_items(uint8_t record_kind, uint64_t key, uint8_t lock_kind, uint64_t count,
                        uint64_t since, uint64_t time, uint8_t stack) {
  struct ctrace_record_items *record = reserve_record(record_kind, sizeof *record / 8, time);
  if (record == NULL) return false;
  record->head.lock_kind = lock_kind;
  record->head.stack = stack;
  record->key = key;
  record->count = count;
  record->since = since;
  commit_record(record);
  return true;
}

/// Keeps items that found the ring full for the next record of the same: the sums of what went in and
/// out stay right, and with them the depth.
static void keep_items(uint8_t record_kind, uint64_t key, uint8_t lock_kind, uint64_t count,
                       uint64_t time) {
  struct ctrace_unwritten_items *free = NULL;
  for (uint32_t index = 0; index < CTRACE_UNWRITTEN_ITEMS; index++) {
    struct ctrace_unwritten_items *kept = &self.slot->unwritten[index];
    if (kept->queue == key && kept->record_kind == record_kind) {
      kept->time = time;
      kept->count += count;
      return;
    }
    if (kept->queue == 0) free = kept;
  }
  self.has_kept_items = true;
  if (free != NULL) {
    free->record_kind = record_kind;
    free->lock_kind = lock_kind;
    free->time = time;
    free->count = count;
    __atomic_store_n(&free->queue, key, __ATOMIC_RELEASE);
  } else {
    self.slot->uncounted += count;
  }
}

/// Writes the items that were kept, those that the caller's record does not take along.
static uint64_t take_kept_items(uint8_t record_kind, uint64_t key) {
  uint64_t taken = 0;
  self.has_kept_items = false;
  for (uint32_t index = 0; index < CTRACE_UNWRITTEN_ITEMS; index++) {
    struct ctrace_unwritten_items *kept = &self.slot->unwritten[index];
    if (kept->queue == 0) continue;
    if (kept->queue == key && kept->record_kind == record_kind)
      taken += kept->count;
    else if (!write_items(kept->record_kind, kept->queue, kept->lock_kind, kept->count, 0,
                          kept->time, 0)) {
      self.has_kept_items = true;
      continue;
    }
    __atomic_store_n(&kept->queue, 0, __ATOMIC_RELEASE);
  }
  return taken;
}

/// Writes items, with those kept of the same, or keeps them.
static void pass_items(uint8_t record_kind, uint64_t key, uint8_t lock_kind, uint64_t count,
                       uint64_t since, uint64_t time, uint8_t stack) {
  if (unlikely(self.has_kept_items)) count += take_kept_items(record_kind, key);
  if (!write_items(record_kind, key, lock_kind, count, since, time, stack))
    keep_items(record_kind, key, lock_kind, count, time);
}

void record_items(uint8_t record_kind, uint64_t queue, uint8_t lock_kind, uint64_t count,
                  uint64_t since, uint64_t time, struct site site) {
  if (!is_recording() || count == 0) return;
  if (self.wait_ended) flush_wait(0);
  enter();
  uint64_t key = any_key(queue);
  const struct ctrace_pending *pending = &self.slot->pending;
  // The stack of a wait that goes on must keep its meaning; in a wait for the same queue it is the same.
  uint8_t stack = pending->state != 1     ? capture_stack(site)
                  : pending->lock == key ? pending->stack
                                          : 0;
  pass_items(record_kind, key, lock_kind, count, since, time, stack);
  leave();
}

void record_items_of(const struct wait *wait, uint8_t record_kind, uint64_t queue, uint64_t count,
                     uint64_t time) {
  if (wait_start(wait) == 0 || count == 0) return;
  enter();
  uint8_t stack = wait->is_nested ? 0 : self.slot->pending.stack;
  pass_items(record_kind, queue, kind_of_shared(queue), count, 0, time, stack);
  leave();
}

// MARK: Work and numbers

void record_slice(uint64_t label, uint8_t lock_kind, uint8_t operation, uint64_t start) {
  if (!is_recording()) return;
  if (self.wait_ended) flush_wait(0);
  enter();
  struct ctrace_record_release *record =
      reserve_record(CTRACE_RECORD_SLICE, sizeof *record / 8, now());
  if (record != NULL) {
    record->head.lock_kind = lock_kind;
    record->head.operation = operation;
    record->acquired = start;
    record->key = any_key(label);
    commit_record(record);
  }
  leave();
}

void record_number(uint8_t record_kind, uint64_t label, int64_t number, struct site site) {
  if (!is_recording()) return;
  if (self.wait_ended) flush_wait(0);
  enter();
  uint8_t stack =
      record_kind == CTRACE_RECORD_COUNTER || self.slot->pending.state == 1 ? 0 : capture_stack(site);
  struct ctrace_record_value *record = reserve_record(record_kind, sizeof *record / 8, now());
  if (record != NULL) {
    record->head.lock_kind = CTRACE_LABEL;
    record->head.stack = stack;
    record->key = any_key(label);
    record->value = (uint64_t)number;
    commit_record(record);
  }
  leave();
}

static void write_depth(uint64_t queue, uint8_t lock_kind, uint8_t operation, uint64_t depth,
                        uint64_t time) {
  if (!is_recording()) return;
  if (self.wait_ended) flush_wait(0);
  enter();
  struct ctrace_record_value *record =
      reserve_record(CTRACE_RECORD_VALUE, sizeof *record / 8, time);
  if (record != NULL) {
    record->head.lock_kind = lock_kind;
    record->head.operation = operation;
    record->key = any_key(queue);
    record->value = depth < UINT32_MAX ? depth : UINT32_MAX;
    commit_record(record);
  }
  leave();
}

void record_depth_at(uint64_t queue, uint8_t lock_kind, uint64_t depth, uint64_t time) {
  write_depth(queue, lock_kind, 0, depth, time);
}

void record_depth(uint64_t queue, uint8_t lock_kind, uint64_t depth) {
  write_depth(queue, lock_kind, 0, depth, now());
}

void record_told_depth(uint64_t queue, uint8_t lock_kind, uint64_t depth, uint64_t time) {
  write_depth(queue, lock_kind, CTRACE_TOLD, depth, time);
}

// MARK: Names

/// Whether a name is still to be written by this thread for this process.
static bool is_unnamed(uint64_t key) {
  if (self.named_for != self.attached) {
    memset(self.named, 0, sizeof self.named);
    self.named_for = self.attached;
  }
  return !is_named(key);
}

static void write_name(uint64_t key, uint8_t lock_kind, uint64_t capacity, const char *name,
                       size_t size) {
  struct ctrace_record_name head = {
      .head = {.lock_kind = lock_kind}, .key = key, .capacity = capacity, .size = size};
  uint64_t lost = self.slot->lost;
  write_text(CTRACE_RECORD_NAME, now(), &head, sizeof head, name, size);
  if (self.slot->lost == lost) self.named[key_hash(key) >> 58] = key;
}

void record_name(uint64_t lock, uint8_t lock_kind, uint64_t capacity, const char *name) {
  if (!is_recording()) return;
  uint64_t key = any_key(lock);
  if (!is_unnamed(key)) return;
  if (self.wait_ended) flush_wait(0);
  enter();
  write_name(key, lock_kind, capacity, name, name == NULL ? 0 : strnlen(name, CTRACE_MAX_TEXT));
  leave();
}

void forget_name(uint64_t key) {
  if (is_recording() && !is_unnamed(key)) self.named[key_hash(key) >> 58] = 0;
}

uint64_t label_named(const char *name, size_t size) {
  return label_of_kind(CTRACE_LABEL, name, size);
}

uint64_t label_of_kind(uint8_t lock_kind, const char *name, size_t size) {
  // FNV-1a, as <http://www.isthe.com/chongo/tech/comp/fnv/> has it.
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t index = 0; index < size; index++)
    hash = (hash ^ (uint8_t)name[index]) * UINT64_C(0x100000001b3);
  uint64_t key = shared_key(lock_kind, hash ^ hash >> 48);
  if (is_recording() && is_unnamed(key)) {
    if (self.wait_ended) flush_wait(0);
    enter();
    write_name(key, lock_kind, 0, name, size < CTRACE_MAX_TEXT ? size : CTRACE_MAX_TEXT);
    leave();
  }
  return key;
}
