// State of the runtime, and what every hook does: find out whether it is recorded, count, stamp.
//
// Rules that hold in every function here. No allocation, no lock, no output, no signal, no exit
// hook; errno is kept. A hook runs in any thread at any time: before constructors, in a signal
// handler that interrupted another hook, after the thread's destructors, in a forked child.
#ifndef CTRACE_RUNTIME_H
#define CTRACE_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "ctrace_abi.h"
#include "ctrace_probe.h"
#include "real.h"

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)
#define noinline __attribute__((noinline))
#define always_inline static inline __attribute__((always_inline))
#define exported __attribute__((visibility("default")))
/// A signal handler runs in the same thread: only the compiler must keep the order.
#define signal_fence() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/// Where the program called a hook: the return address and the hook's own frame.
struct site {
  uintptr_t address;
  uintptr_t frame;
};
#define THIS_SITE                                       \
  ((struct site){(uintptr_t)__builtin_return_address(0), \
                 (uintptr_t)__builtin_frame_address(0)})

/// State of the process, alone on a page that the kernel clears in a forked child, however it was
/// forked.
struct process_state {
  /// The process's number in the recording; 0 in a new child and where nothing is recorded.
  uint32_t live;
  uint32_t parent;
  int32_t pid;
  int32_t parent_pid;
};
union process_page {
  struct process_state state;
  char page[4096];
};
extern union process_page process_page;
#define this_process (process_page.state)

/// Never a process's number: keeps threads out whose state was never set up.
#define NOT_ATTACHED UINT32_MAX

/// The outermost frames of a stack, those of libc that started the thread. From an address and a stack
/// pointer on they are the same while the same is stored in their places.
enum { LONGEST_ENDING = 4 };
struct stack_ending {
  uintptr_t address;
  uintptr_t sp;
  uint32_t count;
  uintptr_t places[LONGEST_ENDING];
  uintptr_t frames[LONGEST_ENDING];
};

/// A wait that a hook is in: on the hook's stack, so that a cancelled thread's cleanup finds it.
struct wait {
  uintptr_t lock;
  uint8_t lock_kind;
  bool is_recorded;
  /// Recorded however short it is.
  bool is_always_recorded;
  /// What the thread waits for meanwhile is part of it: a library's call that is made of others.
  bool is_whole;
  /// It has a deadline.
  bool is_timed;
  bool is_nested;
  uintptr_t site;
  struct ctrace_pending outer;
  /// Where the outer wait is.
  uintptr_t outer_place;
};

/// A stack of Python's frames that a thread has met lately: a hash of the frames, that of the stack, and its
/// number.
enum { KNOWN_STACKS_LOG2 = 5 };
struct known_stack {
  uint64_t frames;
  uint64_t hash;
  uint8_t number;
};

/// Names that a thread remembers to have written.
enum { KNOWN_NAMES = 64 };

struct thread_state {
  /// Equal to this_process.live while the thread may record: neither unattached, nor in a child that has
  /// not started over, nor inside the runtime itself.
  uint32_t live;
  /// What `live` is set back to when a hook leaves the runtime.
  uint32_t attached;
  /// Base of the table of uses, and the shift that turns a hash into a bucket.
  struct ctrace_use *uses;
  uint32_t bucket_shift;
  /// Uses pushed out since the table last grew, and entries ever filled.
  uint32_t evictions;
  uint32_t fillings;
  /// Whether a use may be outside its own bucket: see find_anywhere().
  bool has_displaced;
  /// A lock whose current hold is being measured although nobody waits for it.
  uintptr_t sampled;
  /// One that it goes on within, and that is measured as well.
  uintptr_t sampled_around;
  /// The pending wait has ended and should go to the ring.
  uint32_t wait_ended;
  /// The wait that goes on is a whole one.
  bool is_whole;
  /// The thread has no slot, and should not look for one each time.
  uint32_t refused;
  /// Between enter_library() and leave_library().
  uint32_t is_inside_library;
  struct ctrace_thread *slot;
  uint64_t head;
  uint64_t known_tail;
  /// The memory of the thread's own stack; 0 where it is not known.
  uintptr_t stack_bottom;
  uintptr_t stack_top;
  /// Return addresses, by hash, that frame pointers do not lead on from.
  uint64_t pointerless;
  struct stack_ending ending;
  /// Entries of stacks that had to leave.
  uint32_t replaced_stacks;
  /// Semaphore values that may still be recorded until value_window is over.
  uint64_t value_window;
  uint32_t value_budget;
  /// Keys whose names the thread has written, each in the place of its hash.
  uint64_t named[KNOWN_NAMES];
  /// The process they were written for.
  uint32_t named_for;
  struct known_stack known_stacks[1 << KNOWN_STACKS_LOG2];
  /// Whether items are in the slot that found the ring full.
  bool has_kept_items;
  /// Calls with descriptors: now and then one looks whether a descriptor is still what it was.
  uint32_t file_calls;
  /// Waits with descriptors, likewise.
  uint32_t file_waits;
  /// Where the last wait that began is, by its address.
  uintptr_t wait_place;
  /// The wait for a lock of ctrace.h.
  struct wait requested;
  /// The wait at the end of an OpenMP region, for those that are still in it.
  struct wait arrival;
  /// The wait for CPython's lock, which is a row of calls.
  struct wait gil_wait;
  /// Whether the thread has that lock.
  bool holds_gil;
  /// When the thread dropped that lock, until that is told.
  uint64_t gil_dropped;
  /// Whether others wanted it then.
  bool is_gil_wanted;
  /// The key that it was taken by: its address may have another epoch by the time that it is dropped.
  uint64_t gil_key;
  /// When the thread dropped it last, 0 before, and how many waits it had begun by then.
  uint64_t gil_free_since;
  uint32_t waits_at_drop;
  /// Waits that it has begun.
  uint32_t waits;
  /// Threads that it has begun.
  uint64_t threads_begun;
  /// The lock of Python's that the thread has made to wait by for a condition, and whether it has taken it.
  uintptr_t waiter_lock;
  bool is_waiter_lock_taken;
  /// The object in C of Python's that it is in a call of.
  struct ctrace_python_object entered;
  /// The condition of multiprocessing's that the thread has signalled last.
  uint64_t signalled;
};
extern __thread struct thread_state self __attribute__((tls_model("initial-exec")));

/// The arena as this process has it mapped; NULL where nothing is recorded.
struct arena {
  char *base;
  uint64_t size;
  struct ctrace_control *control;
  uint64_t minimum_wait;
  /// Whether stamps come from clock_gettime instead of the CPU's counter.
  bool is_clock_called;
  bool stamps_holds;
  /// Whether the kernel is asked for the depth of its queues at each operation.
  bool asks_depth;
  bool records_kernel_queues;
  /// A call of the kernel that takes less than this has not waited, whatever it moved; and what it may
  /// take longer for each 1,024 bytes. In units of the clock.
  uint64_t longest_call;
  uint64_t longest_kilobyte;
};
extern struct arena arena;

/// Whether the process has confined itself to some calls of the kernel: the runtime makes none of its own
/// any more in a hook, because one that is not allowed may end the process.
extern bool is_confined;

/// Epochs of addresses, by hash: raised by a destroy, so that what comes to live at the same address
/// is another lock. Cleared by nothing: a forked child goes on from its parent's.
enum { EPOCH_BITS = 12 };
extern uint16_t epochs[1 << EPOCH_BITS];

always_inline uint64_t now(void) {
  return unlikely(arena.is_clock_called) ? clock_monotonic() : ctrace_counter();
}

/// The present after what was just read from another thread, which stamped before it wrote.
always_inline uint64_t now_after(void) {
  ctrace_counter_fence();
  return now();
}

always_inline uint64_t hash_address(uintptr_t address) {
  return (uint64_t)address * UINT64_C(0x9e3779b97f4a7c15);
}

always_inline uint64_t key_of(uintptr_t address, uint64_t hash) {
  return (uint64_t)address | (uint64_t)epochs[hash >> (64 - EPOCH_BITS)] << 48;
}

/// The key of something that processes share, and that a number of the kernel's or a hash stands for.
always_inline uint64_t shared_key(uint8_t lock_kind, uint64_t number) {
  return (CTRACE_SHARED_KEY << 8 | lock_kind) << 48 | (number & UINT64_C(0xffffffffffff));
}

/// The kind of lock that such a key is of.
always_inline uint8_t kind_of_shared(uint64_t key) { return (uint8_t)(key >> 48); }

/// The key of a lock that may be one of those, which stands for itself.
always_inline uint64_t any_key(uint64_t lock) {
  return lock >> 48 != 0 ? lock : key_of(lock, hash_address(lock));
}

always_inline uint64_t key_hash(uint64_t key) {
  return (key ^ key >> 48) * UINT64_C(0x9e3779b97f4a7c15);
}

/// Whether this thread has written the name of a key for this process.
always_inline bool is_named(uint64_t key) {
  return self.named_for == self.attached && self.named[key_hash(key) >> 58] == key;
}

noinline bool attach_slowly(void);

/// Whether this thread records; sets it up when it has not been.
always_inline bool is_recording(void) {
  return likely(self.live == this_process.live) || attach_slowly();
}

/// From here to leave() a signal handler's hooks in this thread only pass on.
always_inline void enter(void) {
  self.live = NOT_ATTACHED;
  signal_fence();
}

always_inline void leave(void) {
  signal_fence();
  self.live = self.attached;
}

/// From here to leave_library() the thread is in a library's own lock or queue, which is recorded as
/// what it is: what it is made of is not recorded too.
always_inline void enter_library(void) {
  self.is_inside_library = true;
  enter();
}

always_inline void leave_library(void) {
  leave();
  self.is_inside_library = false;
}

/// The use of a key, or NULL. Buckets are two uses, one cache line.
always_inline struct ctrace_use *find_use(uint64_t key, uint64_t hash) {
  struct ctrace_use *bucket = &self.uses[(hash << EPOCH_BITS >> self.bucket_shift) << 1];
  if (likely(bucket[0].key == key)) return &bucket[0];
  if (bucket[1].key == key) return &bucket[1];
  return NULL;
}

/// The use of a key, wherever it is.
struct ctrace_use *find_anywhere(uint64_t key, uint64_t hash);

/// The use of a key, made where there is none; NULL when the thread is not set up.
noinline struct ctrace_use *make_use(uint64_t key, uint64_t hash, uint8_t lock_kind,
                                     uintptr_t site);

always_inline struct ctrace_use *use_of(uintptr_t lock, uint8_t lock_kind, uintptr_t site) {
  uint64_t key = any_key(lock), hash = hash_address(key & UINT64_C(0xffffffffffff));
  struct ctrace_use *use = find_use(key, hash);
  return likely(use != NULL) ? use : make_use(key, hash, lock_kind, site);
}

always_inline struct ctrace_use_detail *detail_of(struct ctrace_use *use) {
  size_t length = (size_t)2 << (64 - self.bucket_shift);
  struct ctrace_use_detail *details = (struct ctrace_use_detail *)(self.uses + length);
  return &details[use - self.uses];
}

#define ONE_ACQUISITION (UINT64_C(1) << 16)

/// Each of a thread's first holds of a lock is measured even when nobody waits for it, so that of locks
/// that are seldom acquired is known how long they were held.
#define FIRST_HOLDS (UINT64_C(1024) << 16)

/// Of later ones that is one in 64. Which one depends on a hash of the count, so that a program's own
/// rhythm does not pick them.
always_inline bool is_sampled(uint64_t counts) {
  return counts < FIRST_HOLDS || ((counts >> 16) * UINT64_C(0x9e3779b97f4a7c15)) >> 58 == 0;
}

/// So many holds a measured one stands for; `counts` is that after its acquire.
always_inline uint64_t sample_weight(uint64_t counts) {
  return counts < FIRST_HOLDS + ONE_ACQUISITION ? 1 : 64;
}

/// The hold that begins is measured. One that goes on around it still is, too.
always_inline void begin_sample(uintptr_t lock) {
  if (self.sampled != lock) self.sampled_around = self.sampled;
  self.sampled = lock;
}

/// No hold of the one that is measured ends here.
always_inline void end_sample(void) {
  self.sampled = self.sampled_around;
  self.sampled_around = 0;
}

/// Whether an acquire begins a hold: of a semaphore it takes one of many, of a barrier nothing.
always_inline bool is_held(uint8_t lock_kind) {
  return lock_kind == CTRACE_MUTEX || lock_kind == CTRACE_RWLOCK || lock_kind == CTRACE_SPINLOCK ||
         lock_kind == CTRACE_LOCK_OBJECT || lock_kind == CTRACE_GIL || lock_kind == CTRACE_PYTHON_LOCK;
}

/// The rest of note_acquire() for a lock that has no use yet, or whose clock is a call. Returns 0.
noinline int note_acquire_slowly(uintptr_t lock, uint8_t lock_kind, uintptr_t site);

/// Counts an acquire and stamps the start of the hold. Returns 0: a hook that returns it calls the
/// slow path as its last act, so that the fast one has nothing to keep across a call.
always_inline int note_acquire(uintptr_t lock, uint8_t lock_kind, struct site site) {
  enter();
  uint64_t hash = hash_address(lock);
  struct ctrace_use *use = find_use(key_of(lock, hash), hash);
  if (unlikely(use == NULL) || unlikely(arena.is_clock_called))
    return note_acquire_slowly(lock, lock_kind, site.address);
  uint64_t counts = use->counts;
  use->counts = counts + ONE_ACQUISITION;
  if (is_held(lock_kind) && arena.stamps_holds) {
    use->acquired = ctrace_counter();
    if (unlikely(is_sampled(counts))) begin_sample(lock);
  }
  leave();
  return 0;
}

// MARK: Locks that the thread has

/// Whether what is kept in mind is a lock.
always_inline bool is_hold_of(uint64_t held, uintptr_t lock) {
  return ((held ^ lock) & ~CTRACE_SHARED_HOLD) == 0;
}

/// Keeps in mind that the thread has a lock. Returns how many it had before.
always_inline uint64_t hold(uintptr_t lock, uint64_t shared) {
  struct ctrace_thread *slot = self.slot;
  uint64_t held = __atomic_load_n(&slot->held_count, __ATOMIC_RELAXED);
  if (unlikely(held >= CTRACE_MOST_HELD)) return held;
  // In this order: what a signal handler that comes between adds is behind this one, and gone again.
  slot->held_count = held + 1;
  signal_fence();
  slot->held[held] = lock | shared;
  return held;
}

noinline void let_go_slowly(uintptr_t lock);

/// The thread does not have a lock any more. Before others can have it.
always_inline void let_go(uintptr_t lock) {
  struct ctrace_thread *slot = self.slot;
  uint64_t last = __atomic_load_n(&slot->held_count, __ATOMIC_RELAXED) - 1;
  if (likely(last < CTRACE_MOST_HELD) && likely(is_hold_of(slot->held[last], lock)))
    slot->held_count = last;
  else
    let_go_slowly(lock);
}

/// How a lock was come by.
enum asking {
  /// The thread would have waited for it, for ever.
  ASKED,
  /// It would not: a try, a deadline.
  TRIED,
};

/// What note_hold() does for a thread that has other locks already. Returns 0.
noinline int note_nested_hold(uintptr_t lock, uint8_t lock_kind, uint64_t shared,
                              struct site site);

/// What note_acquire() does, for a lock that the thread has from now on until it lets go. Returns 0.
always_inline int note_hold(uintptr_t lock, uint8_t lock_kind, enum asking asking, uint64_t shared,
                            struct site site) {
  uint64_t held = hold(lock, shared);
  if (asking == ASKED && unlikely(held != 0))
    return note_nested_hold(lock, lock_kind, shared, site);
  return note_acquire(lock, lock_kind, site);
}

/// The start of the current hold without counting an acquire: a condition wait took the mutex back.
always_inline void note_reacquire(uintptr_t lock, uint8_t lock_kind, struct site site) {
  if (!arena.stamps_holds) return;
  enter();
  use_of(lock, lock_kind, site.address)->acquired = now();
  leave();
}

void wait_begin(struct wait *wait, uintptr_t lock, uint8_t lock_kind, uint8_t operation,
                uint32_t owner, uintptr_t partner, struct site site);
void wait_end(struct wait *wait, uint8_t outcome);
/// Ends a wait that was over at a moment before; 0 stands for now.
void wait_end_at(struct wait *wait, uint8_t outcome, uint64_t end);
/// For __attribute__((cleanup)): ends a wait that neither returned nor ended, because its thread is
/// being cancelled.
void wait_cleanup(struct wait *wait);
/// When a wait began that goes on; 0 where it is not recorded.
uint64_t wait_start(const struct wait *wait);
/// Ends a wait for something else than what was thought when it began.
void wait_end_for(struct wait *wait, uint64_t lock, uint8_t outcome);
/// Ends a wait that turned out to be none: nothing of it is recorded.
void wait_abandon(struct wait *wait);
/// Writes an ended wait to the ring. Returns what it is given.
noinline int flush_wait(int result);

always_inline uint8_t outcome_of(int result) {
  // ETIMEDOUT is 110 on every Linux that this runs on; EOWNERDEAD (130) is an acquire.
  return result == 0 || result == 130 ? CTRACE_ACQUIRED
         : result == 110              ? CTRACE_TIMED_OUT
                                      : CTRACE_FAILED;
}

/// Records the end of a hold that others wait for. `acquired` 0: not known.
noinline void record_release(uintptr_t lock, uint8_t lock_kind, uint8_t operation,
                             uint64_t acquired, uint64_t released, struct site site);
noinline void record_lock(uint8_t record_kind, uintptr_t lock, uint8_t lock_kind,
                          uint8_t operation, struct site site);
noinline void record_destroy(uintptr_t lock, uint8_t lock_kind);
noinline void record_value(uintptr_t lock, uint8_t operation, uint32_t value, uint64_t time);
/// Records that items came into a queue or left it: ENQUEUE or DEQUEUE. `time` is to be taken before
/// an item is put in, and by now_after() after it was taken out, so that none is out before it is in. `since`
/// is when taken items were put in; 0 where that is not known.
noinline void record_items(uint8_t record_kind, uint64_t queue, uint8_t lock_kind, uint64_t count,
                           uint64_t since, uint64_t time, struct site site);
/// The same for a queue that processes share, at the place where a wait began that goes on.
noinline void record_items_of(const struct wait *wait, uint8_t record_kind, uint64_t queue,
                              uint64_t count, uint64_t time);
/// Records what the kernel says is in a queue: it counts where not both ends of the queue are recorded.
noinline void record_told_depth(uint64_t queue, uint8_t lock_kind, uint64_t depth, uint64_t time);
/// Records what the depth of a queue is, or was at a time.
noinline void record_depth_at(uint64_t queue, uint8_t lock_kind, uint64_t depth, uint64_t time);
noinline void record_depth(uint64_t queue, uint8_t lock_kind, uint64_t depth);
/// Records a piece of work that began at `start` and has just ended.
noinline void record_slice(uint64_t label, uint8_t lock_kind, uint8_t operation, uint64_t start);
/// Records an INSTANT or the value of a COUNTER.
noinline void record_number(uint8_t record_kind, uint64_t label, int64_t number, struct site site);
/// Records what a lock or queue is called, unless this thread has lately. A name may be NULL.
noinline void record_name(uint64_t lock, uint8_t lock_kind, uint64_t capacity, const char *name);
/// Lets the next record_name() write the name or the capacity of a key again.
noinline void forget_name(uint64_t key);
/// A label by its name, which it records.
noinline uint64_t label_named(const char *name, size_t size);
noinline uint64_t label_of_kind(uint8_t lock_kind, const char *name, size_t size);
/// Adds the current hold of a sampled lock to what is known of its holds.
noinline void sample_hold(uintptr_t lock);

/// When the current hold began, or 0.
always_inline uint64_t acquired_at(uintptr_t lock) {
  uint64_t hash = hash_address(lock);
  struct ctrace_use *use = find_anywhere(key_of(lock, hash), hash);
  return use == NULL ? 0 : use->acquired;
}

/// Counts a post or a signal.
always_inline void note_wake(uintptr_t lock, uint8_t lock_kind, struct site site) {
  enter();
  detail_of(use_of(lock, lock_kind, site.address))->releases += 1;
  leave();
}

/// Whether half of the ring is free, as it mostly is: for what may also be told later.
bool has_room_to_spare(void);
/// Room for a record of so many words in the ring, its head filled in; NULL when the ring is full,
/// which is counted. Only between enter() and leave().
void *reserve_record(uint8_t kind, uint32_t words, uint64_t time);
/// Shows the record to the recorder.
void commit_record(const void *record);
/// Writes a record that ends in a text; of one that is too long, the beginning.
void write_text(uint8_t kind, uint64_t time, const void *head, uint32_t head_size, const char *text,
                size_t size);
/// The stack at a call, written to the ring where it is new: index + 1 into the thread's entries, or
/// 0. Only between enter() and leave().
uint8_t capture_stack(struct site site);

/// The same for frames that are known.
uint8_t stack_of(const uint64_t *frames, uint32_t count);

/// Writes what module an address lies in, where that may be one loaded by dlopen and is not written
/// yet. Only between enter() and leave().
void write_module_of(uintptr_t address);

/// Ends the wait of a thread of OpenMP's that was the last to be told that its region is over.
void end_arrival(void);

/// Gives the process a number, once for each image and each forked child; false where it is not
/// recorded.
bool attach_process(void);
/// Gives the thread a slot; false where there is none.
bool attach_thread(void);

#endif
