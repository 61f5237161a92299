// What the runtime in the target and the recorder share: the bytes of one memory object, the arena.
//
// The recorder creates the arena and names it to its children in the environment variable
// CTRACE_SESSION. Each process maps the whole of it, so that forked children have theirs without a
// descriptor or a path. One side alone writes each field; which one is said beside it. The recorder
// believes nothing that it reads here before it has checked it.
//
//   0                    struct ctrace_control
//   CTRACE_SLOTS_OFFSET  slots of CTRACE_SLOT_SIZE bytes, one per live thread:
//                          0                        struct ctrace_thread
//                          CTRACE_SLOT_TABLE        the thread's first table of uses
//                          CTRACE_SLOT_STACKS       struct ctrace_stack_entry[CTRACE_STACK_ENTRIES]
//                          CTRACE_SLOT_RING         the ring, CTRACE_RING_SIZE bytes
//   heap_offset          tables that outgrew their slot, given out once and never again
#ifndef CTRACE_ABI_H
#define CTRACE_ABI_H

#include <stddef.h>
#include <stdint.h>

static const uint64_t CTRACE_ABI_MAGIC = UINT64_C(0x316e7572656361);  // "acerun1"
#define CTRACE_ABI_VERSION 5u

/// The environment variable that names the arena: RECORDER-PID:DESCRIPTOR:TOKEN, token in hex.
#define CTRACE_SESSION_VARIABLE "CTRACE_SESSION"

enum {
  CTRACE_CONTROL_SIZE = 64 << 10,
  CTRACE_SLOTS_OFFSET = CTRACE_CONTROL_SIZE,
  CTRACE_SLOT_TABLE = 4 << 10,
  CTRACE_SLOT_STACKS = 48 << 10,
  CTRACE_SLOT_RING = 64 << 10,
  CTRACE_RING_SIZE = 512 << 10,
  CTRACE_SLOT_SIZE = CTRACE_SLOT_RING + CTRACE_RING_SIZE,
  CTRACE_MAX_SLOTS = 28672,
  CTRACE_FIRST_TABLE_LOG2 = 8,
  CTRACE_LAST_TABLE_LOG2 = 23,
  /// Groups of four.
  CTRACE_STACK_ENTRIES = 252,
  CTRACE_MAX_FRAMES = 64,
  CTRACE_NAME_SIZE = 16,
  CTRACE_VALUES_PER_WINDOW = 256,
  CTRACE_VALUE_WINDOW_NANOSECONDS = 2500000,
  CTRACE_DEFERRED_VALUES = 4,
  CTRACE_UNWRITTEN_ITEMS = 4,
  CTRACE_MAX_TEXT = 4096,
  CTRACE_OWNERS = 1024,
  /// Locks that a thread has at once, beyond which none is kept in mind.
  CTRACE_MOST_HELD = 16,
  /// Nestings of a thread that are told: groups of four.
  CTRACE_NESTINGS = 256,
};

/// Where the clock of all stamps comes from.
enum ctrace_clock {
  /// The CPU's own counter; the recorder converts it.
  CTRACE_CLOCK_COUNTER = 0,
  /// clock_gettime(CLOCK_MONOTONIC), nanoseconds.
  CTRACE_CLOCK_MONOTONIC = 1,
};

enum ctrace_flags {
  /// Only the program itself is recorded, not its children.
  CTRACE_NO_CHILDREN = 1 << 0,
  /// Acquires are counted but not stamped, so that holds are unknown.
  CTRACE_NO_HOLDS = 1 << 1,
  /// The kernel is asked for the depth of its queues at each operation.
  CTRACE_ASKS_DEPTH = 1 << 2,
  /// Queues of the kernel are not recorded.
  CTRACE_NO_KERNEL_QUEUES = 1 << 3,
};

/// The start of the arena.
struct ctrace_control {
  // Written by the recorder before the first target starts.
  uint64_t magic;
  uint32_t version;
  uint32_t flags;
  uint64_t arena_size;
  uint64_t heap_offset;
  uint64_t token;
  uint32_t clock;
  uint32_t slot_capacity;
  /// Waits shorter than this, in units of the clock, are counted instead of recorded one by one.
  uint64_t minimum_wait;
  /// A thread records at most CTRACE_VALUES_PER_WINDOW semaphore values in so many units of the clock.
  uint64_t value_window;
  /// Set by the recorder when it stops reading: the runtime goes quiet.
  uint32_t stopped;
  /// The program itself, for CTRACE_NO_CHILDREN.
  int32_t root_pid;
  // Written by targets, atomically.
  /// Slots ever used: those below have been handed out at least once.
  uint32_t slot_count;
  /// Program images so far; the next takes this plus one as its number.
  uint32_t process_count;
  /// The first byte of the heap not yet given out.
  uint64_t heap_next;
  /// Threads that found no free slot and are not recorded.
  uint64_t unrecorded_threads;
  /// Calls of fork under way: a child that was made, but has no slot yet, is among them.
  uint64_t forking;
  /// One bit per slot below slot_count: set by the recorder when it has emptied the slot of a thread
  /// that ended, cleared by the target that takes it.
  uint64_t free_slots[CTRACE_MAX_SLOTS / 64];
  /// Who has taken which of the locks last that processes share, by hash: the thread's number of the
  /// kernel's, with a part of the hash below it. Of targets among themselves.
  uint64_t owners[CTRACE_OWNERS];
};

enum ctrace_slot_state {
  CTRACE_SLOT_FREE = 0,
  CTRACE_SLOT_LIVE = 1,
  /// The thread's start routine has returned; it may still run destructors.
  CTRACE_SLOT_ENDING = 2,
};

/// What a thread waits for right now, or has just waited for.
struct ctrace_pending {
  /// 0: nothing. 1: the wait goes on. 2: it has ended, but is not in the ring yet.
  uint32_t state;
  uint8_t lock_kind;
  uint8_t operation;
  uint8_t outcome;
  uint8_t stack;  // index + 1 into the stack entries; 0: none
  uint64_t start;
  /// 0 while the wait goes on, unless another thread has told when it was over.
  uint64_t end;
  uint64_t lock;
  uint64_t partner;
  uint32_t owner;
  /// Whether the wait has an end of its own: a deadline.
  uint32_t is_timed;
};

/// A semaphore value that was not recorded because values came too fast.
struct ctrace_deferred_value {
  uint64_t lock;  // 0: none
  uint64_t time;
  uint32_t value;
  uint32_t operation;
};

/// Items that came into a queue or left it while the ring was full: the next record of the same says
/// how many there were in all.
struct ctrace_unwritten_items {
  uint64_t queue;  // 0: none
  uint64_t count;
  uint8_t record_kind;
  uint8_t lock_kind;
  uint8_t reserved[6];
  uint64_t time;
};

/// The head of a slot. Written by the thread, except where said.
struct ctrace_thread {
  uint32_t state;  // the recorder too: it sets FREE
  uint32_t process;
  uint32_t parent_process;
  int32_t pid;
  int32_t parent_pid;
  int32_t tid;
  /// Counts the uses of this slot, so that a new thread is told from the one before.
  uint32_t generation;
  /// Counts destroy records, so that the recorder looks for them only where there are any.
  uint32_t destroys;
  uint64_t started;
  uint64_t ended;
  uint64_t cpu_nanoseconds;
  /// Offset of the current table of uses in the arena, with the logarithm of its length in the low
  /// byte. One word, so that a table is replaced in one store.
  uint64_t table;
  /// Events that found the ring full.
  uint64_t lost;
  /// Acquires not counted because a signal handler interrupted the runtime itself.
  uint64_t reentered;
  /// Acquires that neither a table nor the ring had room for.
  uint64_t uncounted;
  char name[CTRACE_NAME_SIZE];
  /// The thread's pthread_t as a key (see ctrace_use): what others join.
  uint64_t handle;
  // Padding puts what different sides write on different cache lines.
  uint64_t padding_1[2];
  /// Bytes ever written to the ring.
  uint64_t head;
  uint64_t padding_2[7];
  struct ctrace_pending pending;
  struct ctrace_deferred_value deferred[CTRACE_DEFERRED_VALUES];
  struct ctrace_unwritten_items unwritten[CTRACE_UNWRITTEN_ITEMS];
  uint64_t padding_3[6];
  /// Bytes ever read from the ring; written by the recorder.
  uint64_t tail;
  uint64_t padding_4[7];
  /// Locks that the thread has, in the order in which it acquired them: so many of the addresses below.
  uint64_t held_count;
  /// Addresses; CTRACE_SHARED_HOLD is set where it is the shared side of a lock.
  uint64_t held[CTRACE_MOST_HELD];
  /// The key of the interpreter's lock while the thread has it; otherwise 0.
  uint64_t interpreter;
  /// Hashes of the nestings that it has told of.
  uint64_t nestings[CTRACE_NESTINGS];
};

/// What a thread did with a lock: the part that every acquire touches.
struct ctrace_use {
  /// The address, with the address's epoch (see CTRACE_RECORD_DESTROY) in the top 16 bits. 0: empty.
  uint64_t key;
  /// Acquisitions in the upper 48 bits; the lower 16 number the thread's fillings of entries, so that
  /// an entry that was emptied into the ring is told from one filled anew.
  uint64_t counts;
  /// When it was last acquired. For a semaphore: when its value was last recorded.
  uint64_t acquired;
  /// Where it was first acquired, with the lock's kind in the top 8 bits.
  uint64_t site;
};

/// The other part. A table of 2^n uses is followed by as many of these.
struct ctrace_use_detail {
  uint64_t releases;
  uint64_t short_waits;
  uint64_t short_wait_time;
  uint64_t lost_waits;
  uint64_t lost_wait_time;
  uint64_t longest_unrecorded_wait;
  /// Of holds that nobody waits for some are measured: how many those stand for, and as often their time.
  uint64_t sampled_holds;
  uint64_t sampled_hold_time;
};

/// A stack that the thread has written to its ring and may refer to by its index.
struct ctrace_stack_entry {
  uint64_t hash;  // 0: none
  /// How many frames, from the first on, may be found by frame pointers when the stack is walked again.
  uint64_t by_pointers;
};

/// Kinds of locks: TraceModel's LockKind.
enum ctrace_lock_kind {
  CTRACE_MUTEX = 1,
  CTRACE_RWLOCK = 2,
  CTRACE_SPINLOCK = 3,
  CTRACE_SEMAPHORE = 4,
  CTRACE_CONDITION = 5,
  CTRACE_BARRIER = 6,
  CTRACE_ONCE = 7,
  CTRACE_THREAD = 8,
  CTRACE_FUTEX = 9,
  CTRACE_QUEUE = 10,
  CTRACE_LABEL = 11,
  CTRACE_DISPATCH_QUEUE = 12,
  CTRACE_DISPATCH_SEMAPHORE = 13,
  CTRACE_DISPATCH_GROUP = 14,
  CTRACE_ACTOR = 15,
  CTRACE_MESSAGE_QUEUE = 16,
  CTRACE_SYSTEM_V_QUEUE = 17,
  CTRACE_SYSTEM_V_SEMAPHORE = 18,
  CTRACE_PIPE = 19,
  CTRACE_SOCKET = 20,
  CTRACE_EVENTFD = 21,
  CTRACE_POLL = 22,
  CTRACE_THREAD_POOL = 23,
  CTRACE_LOCK_OBJECT = 24,
  CTRACE_GIL = 25,
  CTRACE_PYTHON_LOCK = 26,
  CTRACE_PYTHON_CONDITION = 27,
  CTRACE_PYTHON_EVENT = 28,
  CTRACE_PYTHON_SEMAPHORE = 29,
  CTRACE_PYTHON_BARRIER = 30,
  CTRACE_PYTHON_QUEUE = 31,
  CTRACE_ASYNCIO_LOCK = 32,
  CTRACE_ASYNCIO_CONDITION = 33,
  CTRACE_ASYNCIO_EVENT = 34,
  CTRACE_ASYNCIO_SEMAPHORE = 35,
  CTRACE_ASYNCIO_QUEUE = 36,
  CTRACE_EVENT_LOOP = 37,
  CTRACE_TASK = 38,
  CTRACE_GREENLET = 39,
  CTRACE_GEVENT_LOCK = 40,
  CTRACE_GEVENT_EVENT = 41,
  CTRACE_GEVENT_SEMAPHORE = 42,
  CTRACE_GEVENT_QUEUE = 43,
  CTRACE_FUTURE = 44,
  CTRACE_MESSAGES = 45,
  CTRACE_CALL = 46,
};

/// Operations: TraceModel's Event.Operation.
enum ctrace_operation {
  CTRACE_LOCK = 1,
  CTRACE_READ = 2,
  CTRACE_WRITE = 3,
  CTRACE_WAIT = 4,
  CTRACE_POST = 5,
  CTRACE_SIGNAL = 6,
  CTRACE_BROADCAST = 7,
  CTRACE_ARRIVE = 8,
  CTRACE_CALL_ONCE = 9,
  CTRACE_JOIN = 10,
  // 11 to 15 are the kernel's.
  CTRACE_PUT = 16,
  CTRACE_TAKE = 17,
  CTRACE_POLLING = 18,
  /// Of work that more than one thread may have done.
  CTRACE_SPAN = 19,
  /// Of a value: what the kernel says is in a queue.
  CTRACE_TOLD = 20,
};

/// In the number of a socket: it stands for the other end of the one with this number.
static const uint64_t CTRACE_OTHER_END = UINT64_C(1) << 47;

/// How a wait ended: TraceModel's Event.Outcome.
enum ctrace_outcome {
  CTRACE_ACQUIRED = 0,
  CTRACE_TIMED_OUT = 1,
  CTRACE_CANCELLED = 2,
  CTRACE_FAILED = 3,
  // 4 is the recorder's: a wait that had not ended.
  /// Of a condition: timed out, after a wake that came when the thread had the mutex and did not wait yet.
  CTRACE_MISSED = 5,
};

/// The head of every record in a ring. Records are whole words of 8 bytes and never wrap around the
/// ring's end: a pad fills what is left.
struct ctrace_record {
  uint8_t kind;
  uint8_t lock_kind;
  uint16_t words;  // of the whole record
  uint8_t operation;
  uint8_t outcome;
  uint8_t stack;  // index + 1 into the stack entries; 0: none
  uint8_t flags;
  uint64_t time;
};

enum ctrace_record_kind {
  /// Nothing. Only the first word counts.
  CTRACE_RECORD_PAD = 0,
  CTRACE_RECORD_WAIT = 1,
  CTRACE_RECORD_RELEASE = 2,
  CTRACE_RECORD_SIGNAL = 3,
  CTRACE_RECORD_VALUE = 4,
  /// Frames of a stack, innermost first, which `stack` stands for from here on.
  CTRACE_RECORD_STACK = 5,
  /// A use that had to leave its table.
  CTRACE_RECORD_USE = 6,
  /// A lock was initialised.
  CTRACE_RECORD_INIT = 7,
  /// A lock was destroyed. Its address's epoch is now `lock >> 48`; epochs are shared by addresses
  /// with the same hash, so that only a destroy of the same address ends a generation.
  CTRACE_RECORD_DESTROY = 8,
  /// A module that is mapped: written for all of them when a program starts, and for others before
  /// the first stack or lock that lies in them.
  CTRACE_RECORD_MODULE = 9,
  /// The command line of the program, arguments ended by zero bytes.
  CTRACE_RECORD_ARGUMENTS = 10,
  /// A process executes the program whose path follows.
  CTRACE_RECORD_EXEC = 11,
  /// Items were put into a queue.
  CTRACE_RECORD_ENQUEUE = 12,
  /// Items were taken out of a queue.
  CTRACE_RECORD_DEQUEUE = 13,
  /// The thread did a piece of work of a queue or of a label.
  CTRACE_RECORD_SLICE = 14,
  /// Something with a label happened.
  CTRACE_RECORD_INSTANT = 15,
  /// A counter with a label has a value.
  CTRACE_RECORD_COUNTER = 16,
  /// What a lock or a queue is called, and how much it holds.
  CTRACE_RECORD_NAME = 17,
  /// A place in a program of Python's, which frames of stacks refer to by its number.
  CTRACE_RECORD_PLACE = 18,
  /// A task ran on the thread: from when to when, and which of the tasks with that name it was.
  CTRACE_RECORD_STEP = 19,
  /// A task waited, and its thread did other things meanwhile.
  CTRACE_RECORD_TASK_WAIT = 20,
  /// A task released what others waited for.
  CTRACE_RECORD_TASK_RELEASE = 21,
  /// What is to be said to people of this process: a text.
  CTRACE_RECORD_NOTE = 22,
  /// What a program of Python's calls the thread: a text, with whether it is a daemon as `capacity`.
  CTRACE_RECORD_THREAD_NAME = 23,
  /// What a program of Python's calls the process: a text.
  CTRACE_RECORD_PROCESS_NAME = 24,
  /// A thread asked for a lock while it had others: told once by each thread for the same locks in the same
  /// order.
  CTRACE_RECORD_NESTING = 25,
};

/// In the address, or key, of a lock that a thread has or asks for: it is the shared side. Locks lie at even
/// addresses.
static const uint64_t CTRACE_SHARED_HOLD = 1;

/// In the top byte of a frame: it is no address, but the number of a PLACE.
static const uint64_t CTRACE_PYTHON_FRAME = UINT64_C(0xfe) << 56;

/// `key` below: an address with its epoch in the top 16 bits, as in ctrace_use. Where the top byte is
/// CTRACE_SHARED_KEY, it is no address but the number of something that processes share, with its lock
/// kind in the byte below.
static const uint64_t CTRACE_SHARED_KEY = UINT64_C(0xff);

struct ctrace_record_wait {
  struct ctrace_record head;  // time: when it ended
  uint64_t start;
  uint64_t key;
  uint64_t partner;
  uint64_t owner;
};

struct ctrace_record_release {
  struct ctrace_record head;
  uint64_t acquired;  // 0: unknown
  uint64_t key;
};

struct ctrace_record_lock {  // SIGNAL, INIT, DESTROY
  struct ctrace_record head;
  uint64_t key;
};

struct ctrace_record_value {
  struct ctrace_record head;
  uint64_t key;
  uint64_t value;
};

struct ctrace_record_items {
  struct ctrace_record head;
  uint64_t key;
  /// Items, or bytes where those are counted.
  uint64_t count;
  /// When a taken item had been put in; 0: not known.
  uint64_t since;
};

struct ctrace_record_name {
  struct ctrace_record head;
  uint64_t key;
  /// Of so many items or bytes a queue is full; 0: none, or not known.
  uint64_t capacity;
  uint64_t size;
  // followed by the name, filled up with zero bytes to whole words
};

struct ctrace_record_place {
  struct ctrace_record head;
  uint64_t number;
  uint64_t line;
  uint64_t file_size;
  uint64_t function_size;
  // followed by the file and the function, filled up with zero bytes to whole words
};

struct ctrace_record_task {  // STEP, TASK_WAIT, TASK_RELEASE
  struct ctrace_record head;
  uint64_t start;  // 0: unknown
  uint64_t key;
  /// The task's own number in its process.
  uint64_t task;
};

struct ctrace_record_nesting {
  struct ctrace_record head;
  /// What was asked for, with CTRACE_SHARED_HOLD. With no locks behind: it was released by another thread
  /// than the one that had it.
  uint64_t wanted;
  uint64_t count;
  // followed by as many keys, with CTRACE_SHARED_HOLD
};

struct ctrace_record_use {
  struct ctrace_record head;
  struct ctrace_use use;
  struct ctrace_use_detail detail;
};

struct ctrace_record_module {
  struct ctrace_record head;
  uint64_t bias;
  uint64_t start;
  uint64_t end;
  uint8_t build_id_size;
  uint8_t build_id[31];
  uint64_t path_size;
  // followed by the path, filled up with zero bytes to whole words
};

struct ctrace_record_exec {
  struct ctrace_record head;
  /// The process that is to run it: this one or a child.
  uint64_t pid;
  /// 0: what this process was about to execute could not be.
  uint64_t path_size;
  // followed by the path, filled up with zero bytes to whole words
};

#define CTRACE_ASSERT_SIZE(type, size) \
  _Static_assert(sizeof(struct type) == (size), "the recorder and the runtime must agree")
CTRACE_ASSERT_SIZE(ctrace_control, 104 + CTRACE_MAX_SLOTS / 8 + CTRACE_OWNERS * 8);
CTRACE_ASSERT_SIZE(ctrace_pending, 48);
CTRACE_ASSERT_SIZE(ctrace_deferred_value, 24);
CTRACE_ASSERT_SIZE(ctrace_unwritten_items, 32);
CTRACE_ASSERT_SIZE(ctrace_thread, 592 + CTRACE_MOST_HELD * 8 + CTRACE_NESTINGS * 8);
CTRACE_ASSERT_SIZE(ctrace_stack_entry, 16);
CTRACE_ASSERT_SIZE(ctrace_use, 32);
CTRACE_ASSERT_SIZE(ctrace_use_detail, 64);
CTRACE_ASSERT_SIZE(ctrace_record, 16);
CTRACE_ASSERT_SIZE(ctrace_record_wait, 48);
CTRACE_ASSERT_SIZE(ctrace_record_release, 32);
CTRACE_ASSERT_SIZE(ctrace_record_lock, 24);
CTRACE_ASSERT_SIZE(ctrace_record_value, 32);
CTRACE_ASSERT_SIZE(ctrace_record_items, 40);
CTRACE_ASSERT_SIZE(ctrace_record_name, 40);
CTRACE_ASSERT_SIZE(ctrace_record_place, 48);
CTRACE_ASSERT_SIZE(ctrace_record_task, 40);
CTRACE_ASSERT_SIZE(ctrace_record_nesting, 32);
CTRACE_ASSERT_SIZE(ctrace_record_use, 112);
CTRACE_ASSERT_SIZE(ctrace_record_module, 80);
CTRACE_ASSERT_SIZE(ctrace_record_exec, 32);
_Static_assert(offsetof(struct ctrace_thread, head) == 128, "alone on its cache line");
_Static_assert(offsetof(struct ctrace_thread, pending) == 192, "the thread's own");
_Static_assert(offsetof(struct ctrace_thread, tail) == 512, "the recorder's own");
_Static_assert(offsetof(struct ctrace_thread, held_count) == 576, "the thread's own");
_Static_assert(sizeof(struct ctrace_thread) <= CTRACE_SLOT_TABLE, "the head fits into its slot");
_Static_assert(sizeof(struct ctrace_control) <= CTRACE_CONTROL_SIZE, "the control page holds it");
_Static_assert(CTRACE_SLOT_TABLE + (96 << CTRACE_FIRST_TABLE_LOG2) <= CTRACE_SLOT_STACKS,
               "the first table fits into its slot");

#endif
