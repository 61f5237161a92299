// What the runtime in a program and its probe for CPython share. Both are of one build: see
// ctrace_probe_start().
#ifndef CTRACE_PROBE_H
#define CTRACE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The file of the probe, beside the runtime's.
#define CTRACE_PROBE_FILE "libctrace-python.so"

/// Where a version of CPython keeps what the runtime reads of it: offsets in bytes.
///
/// Frames are objects up to 3.10. From 3.11 on they are parts of one stack, of which calls of Python in
/// Python need no call in C.
struct ctrace_python_layout {
  /// The minor version.
  uint32_t version;
  /// The thread state of the calling thread; a null pointer where it has none. Takes no lock.
  void *(*thread_state)(void);
  /// Whether the interpreter runs, and does not end. Takes no lock.
  int (*is_running)(void);
  /// In a thread state: the frame, or what leads to it.
  uint16_t thread_frame;
  /// 3.11 and 3.12: that is a pointer to where the frame is at this offset. NO_OFFSET: it is the frame.
  uint16_t indirect_frame;
  // In a frame.
  uint16_t frame_code;
  uint16_t frame_back;
  /// The last instruction: an index up to 3.10, a pointer from then on.
  uint16_t frame_instruction;
  /// Whether the frame is the first of its call in C: a byte that is this value. NO_OFFSET: each is.
  uint16_t frame_entry;
  uint8_t entry_value;
  /// Whether such a frame is itself none of the program's.
  bool is_entry_hidden;
  uint16_t frame_locals;
  // In a code object.
  uint16_t code_file;
  uint16_t code_name;
  uint16_t code_first_line;
  uint16_t code_lines;
  uint16_t code_instructions;
  /// In a string: where characters begin that are all ASCII, and others.
  uint16_t string_ascii;
  uint16_t string_other;
};

enum { CTRACE_NO_OFFSET = UINT16_MAX };

/// What a function of Python's libraries does to the object that is its first argument, when a thread waits
/// for a lock in it, releases or makes one.
enum ctrace_python_role {
  CTRACE_ROLE_NONE = 0,
  /// Nothing: the call of it that is further out counts.
  CTRACE_ROLE_PART = 1,
  CTRACE_ROLE_WAIT = 2,
  CTRACE_ROLE_PUT = 3,
  CTRACE_ROLE_TAKE = 4,
  CTRACE_ROLE_ARRIVE = 5,
  /// Waits for a thread to end.
  CTRACE_ROLE_JOIN = 6,
  CTRACE_ROLE_MAKE = 7,
  CTRACE_ROLE_WAKE = 8,
};

/// An object that a thread is in a call of, and what the call does to it.
struct ctrace_python_object {
  const void *object;  // NULL: none
  uint8_t role;
  uint8_t lock_kind;
  /// What the innermost does that is no part of another.
  uint8_t inner_role;
  /// The call is in C, and has no frame.
  bool is_native;
  /// The innermost frame at its call: where it is another, the thread has gone on to something else.
  const void *frame;
};

/// What a semaphore that processes share is part of.
enum ctrace_semaphore_role {
  /// Nothing that is known.
  CTRACE_SEMAPHORE_PLAIN = 0,
  /// It is a semaphore of Python's.
  CTRACE_SEMAPHORE_ITSELF = 1,
  /// It is a lock.
  CTRACE_SEMAPHORE_LOCK = 2,
  /// It counts the free places of a queue.
  CTRACE_SEMAPHORE_QUEUE = 3,
  /// Of a condition, or of something that is made of one.
  CTRACE_SEMAPHORE_PART = 4,
};

/// A frame of Python's, as the runtime reads it: for the probe's test of the layout.
struct ctrace_python_frame {
  const void *code;
  uint32_t line;
  uint32_t is_entry;
};

/// What the runtime offers to the probe. All functions may be called at any time; each but
/// `read_frames` is one of the runtime's own, and they are told there.
struct ctrace_probe_api {
  /// Of this, and of a layout: a runtime and a probe of two builds would differ in them.
  size_t size;
  size_t layout_size;
  /// `_PyRuntime`.
  void *state;
  size_t state_size;
  bool (*is_recording)(void);
  uint64_t (*now)(void);
  uint64_t (*now_after)(void);
  /// How many units of the clock nanoseconds are.
  uint64_t (*units)(uint64_t nanoseconds);
  /// Reads frames by a layout, innermost first; returns how many.
  uint32_t (*read_frames)(const struct ctrace_python_layout *layout,
                          struct ctrace_python_frame *frames, uint32_t count);
  /// Calls a function after each lock that the interpreter makes or ends, with the interpreter's own held: it
  /// does both for each import, and for all that Python's libraries make for threads.
  void (*call_at_locks)(void (*function)(void));
  /// From here on stacks have frames of Python's. The layout is to stay.
  void (*set_layout)(const struct ctrace_python_layout *layout);
  /// Stacks that are not the thread's first begin in the module of this function: what is further out in
  /// C belongs to another.
  void (*set_stack_switcher)(const void *function);
  /// What a code object, which is to stay, means: false where there is no room for more.
  bool (*mark_code)(const void *code, uint8_t role, uint8_t lock_kind);
  /// The frame of a stack that stands for an instruction of a code object, by its offset in bytes; 0
  /// where it can't be had.
  uint64_t (*place)(const void *code, int64_t instruction);
  /// The object of the libraries' own functions that the thread is in.
  struct ctrace_python_object (*object_in_use)(void);
  /// The thread is in a call in C of an object, until it enters what this returns.
  struct ctrace_python_object (*enter_object)(struct ctrace_python_object object);
  /// The key of an object.
  uint64_t (*key)(const void *object);
  /// A label by its name.
  uint64_t (*label)(uint8_t lock_kind, const char *name, size_t size);

  // Records, with the stack of Python's frames where they have one.
  void (*items)(uint8_t record_kind, uint64_t key, uint8_t lock_kind, uint64_t count, uint64_t since,
                uint64_t time);
  void (*depth)(uint64_t key, uint8_t lock_kind, uint64_t depth);
  void (*init)(const void *object, uint8_t lock_kind);
  void (*gone)(const void *object, uint8_t lock_kind);
  void (*name)(uint64_t key, uint8_t lock_kind, uint64_t capacity, const char *name);
  /// Counts an acquire of something that is not held, or a release.
  void (*acquired)(const void *object, uint8_t lock_kind);
  void (*released)(const void *object, uint8_t lock_kind);
  // Of tasks. `task`: its own number in the process. A wait has the frames given; those of the thread
  // where that is a null pointer.
  /// A step ends now: returns when that is.
  uint64_t (*step)(uint64_t label, uint8_t lock_kind, uint64_t task, uint64_t start);
  void (*task_wait)(uint64_t key, uint8_t lock_kind, uint8_t operation, uint8_t outcome, uint64_t task,
                    uint64_t start, const uint64_t *frames, uint32_t frame_count);
  void (*task_release)(uint64_t key, uint8_t lock_kind, uint64_t task, uint64_t start);
  void (*note)(const char *text);
  void (*thread_name)(const char *name, bool is_daemon);
  /// That an object stands for this thread, and that none does any more.
  void (*thread_begins)(const void *object);
  void (*thread_is_gone)(const void *object);

  // Of processes that share things.
  void (*process_name)(const char *name);
  /// What a semaphore is: one by itself or a lock.
  void (*semaphore_is)(const void *semaphore, uint8_t role);
  /// That an object is a queue whose free places a semaphore counts, and what keeps its items until they are
  /// sent. A capacity of 0: none.
  void (*queue_is)(const void *object, const void *semaphore, const void *buffer, uint64_t capacity);
  /// That an object is a queue of the messages that come in by a descriptor.
  void (*messages_are)(const void *object, int file);
  /// A message is about to go out by a descriptor, which tells of what that takes; then it is out, or could
  /// not be sent.
  void (*message_goes)(int file);
  void (*message_is_out)(int file, bool is_sent);
  /// A message has come in by a descriptor.
  void (*message_received)(int file);
};

/// The probe's only function: called once, before the interpreter is initialised. False where the two are not
/// of one build.
///
/// It is the one that dlsym finds by this name.
#define CTRACE_PROBE_START "ctrace_probe_start"
typedef bool (*ctrace_probe_start_function)(const struct ctrace_probe_api *api);

#endif
