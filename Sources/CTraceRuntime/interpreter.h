// CPython in the process: where it is, its frames, its global interpreter lock.
#ifndef CTRACE_RUNTIME_INTERPRETER_H
#define CTRACE_RUNTIME_INTERPRETER_H

#include "ctrace_probe.h"
#include "unwind.h"

/// A range of addresses.
struct range {
  uintptr_t start;
  uintptr_t size;
};

always_inline bool contains(struct range range, uintptr_t address) {
  return address - range.start < range.size;
}

/// What is known of the interpreter; ranges are empty where there is none.
struct interpreter {
  /// `_PyRuntime`, the state of all interpreters of the process.
  struct range state;
  /// The program or library that it is part of.
  struct range module;
  /// The function that runs code.
  struct range evaluation;
  /// The probe.
  struct range probe;
  /// What switches between stacks in one thread.
  struct range switcher;
};
extern struct interpreter interpreter;

/// Looks for an interpreter. Before it is initialised, where no hook is under way.
void find_interpreter(void);
/// Loads the probe for it, which lies beside the runtime.
void load_probe(const char *runtime_path);
/// Says something of this process to people.
void record_note(const char *text);

/// Whether a call came out of the interpreter itself, and not out of what it has loaded.
always_inline bool is_from_interpreter(struct site site) {
  return unlikely(contains(interpreter.module, site.address));
}

/// Calls what the probe wants called when the interpreter has made a lock, or ended one.
void interpreter_turn(void);

// MARK: Frames

/// The stack of a thread that is in Python: no call in C is looked at.
#define PYTHON_SITE ((struct site){0, 0})

/// Puts frames of Python's in the place of the interpreter's own; false where the thread has none.
bool mix_stack(struct stack *mixed, const struct stack *native);

/// A hash of the thread's frames, by what they are in memory: it is much sooner had than the stack, and two
/// that are alike are of one stack.
uint64_t frames_hash(void);

/// What a thread in one of Python's libraries waits for, or has just made: that of the outermost of the
/// libraries' own functions in which it is.
struct ctrace_python_object object_in_use(void);
/// The thread is in a call in C of an object, until it enters what this returns.
struct ctrace_python_object enter_object(struct ctrace_python_object object);
/// Whether it is: locks of such an object are part of it.
bool is_in_native_object(void);

/// What the probe is offered of frames: see ctrace_probe_api.
uint32_t read_python_frames(const struct ctrace_python_layout *layout,
                            struct ctrace_python_frame *frames, uint32_t count);
void set_python_layout(const struct ctrace_python_layout *layout);
uint64_t python_place(const void *code, int64_t instruction);
bool mark_python_code(const void *code, uint8_t role, uint8_t lock_kind);

// MARK: The global interpreter lock

/// Whether a condition or mutex is one of the interpreter's own.
always_inline bool is_interpreters(const void *object) {
  return unlikely(contains(interpreter.state, (uintptr_t)object));
}

void interpreter_condition_made(const void *condition);
int interpreter_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                          const struct timespec *time);
int interpreter_signal(pthread_cond_t *condition);
int interpreter_unlock(pthread_mutex_t *mutex);
/// Ends a wait of a thread that ends without the lock.
void abandon_gil(void);

#endif
