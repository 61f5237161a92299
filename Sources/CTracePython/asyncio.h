// What the parts that know asyncio share: coroutines, tasks, the loop's callbacks, locks and queues.
#ifndef CTRACE_PYTHON_ASYNCIO_H
#define CTRACE_PYTHON_ASYNCIO_H

#include "probe.h"

// MARK: Coroutines

/// Finds out whether coroutines can be read, by some of its own. Once.
void set_up_coroutines(void);

/// How far a coroutine is.
enum progress {
  PROGRESS_UNKNOWN,
  PROGRESS_CREATED,
  PROGRESS_BEGUN,
  PROGRESS_ENDED,
};
enum progress progress_of(PyObject *coroutine);

/// A suspended call in a coroutine.
struct suspended {
  const void *code;
  /// The offset of the instruction in bytes.
  int64_t instruction;
  /// Its first local: of a method, the object.
  PyObject *first;
};
enum { MOST_SUSPENDED = 48 };
/// The code of a coroutine that has not ended, which has it as long; NULL where that is not known.
const void *code_of_coroutine(PyObject *coroutine);

/// The calls in which a coroutine is suspended, outermost first; returns how many.
uint32_t read_suspended(PyObject *coroutine, struct suspended calls[MOST_SUSPENDED]);

// MARK: Waits

/// What a coroutine waits for.
struct awaited {
  /// NULL where it has no address of its own that would be worth telling.
  PyObject *object;
  uint64_t key;
  uint8_t lock_kind;
  uint8_t operation;
};
/// Finds that of a coroutine by the calls in which it is suspended, at least one, and by the future that it
/// waits for. False where it is nothing that is worth telling.
bool find_awaited(struct awaited *found, const struct suspended *calls, uint32_t count,
                  PyObject *future);
/// That a task has what it had waited for, from now on.
void note_acquired(const struct awaited *awaited, uint64_t time);

// MARK: Labels

/// A text of limited length.
struct text {
  size_t size;
  char characters[240];
};
void append(struct text *text, const char *characters, size_t size);
/// What a task is called, with where its coroutine is.
void append_task_name(struct text *text, PyObject *task, PyObject *coroutine);
/// What a code object's function is called, with where it is.
void append_code_name(struct text *text, const void *code);
/// The label of what a callback runs.
uint64_t callback_label(PyObject *callback);

// MARK: Tasks

void set_up_tasks(PyObject *module);
/// Whether an object is a task of asyncio's.
bool is_task(PyObject *object);
/// Its coroutine: a reference, or NULL.
PyObject *coroutine_of(PyObject *task);
/// The future that a task waits for: a reference, or NULL.
PyObject *future_of(PyObject *task);

struct task;
/// A run of a callback.
struct step {
  /// The one within which it runs.
  struct step *outer;
  uint64_t label;
  /// Its own number of the task; 0 of a callback that is no task's.
  uint64_t number;
  uint64_t start;
  /// References, or NULL.
  PyObject *task;
  PyObject *coroutine;
  /// Where the task is among those that are known, as long as none has moved.
  struct task *place;
  uint64_t moves;
};
void begin_step(struct step *step, PyObject *callback);
void end_step(struct step *step);
/// The number of the task that runs in this thread; 0 where none does.
uint64_t running_task(void);

// MARK: Loops

/// What was told of a loop.
struct ready {
  PyObject *loop;
  /// How many callbacks were ready.
  uint64_t told;
};
/// Names a loop; one that is not the main thread's by its thread.
void name_loop(PyObject *loop);
/// Tells how many callbacks are ready. That they are fewer is told when they are fewer by an eighth.
void tell_ready(struct ready *ready, uint64_t count);
/// Tells of a callback that has its turn after its time, with how many others are ready.
void tell_late(struct ready *ready, uint64_t count, uint64_t since, uint64_t time);

// MARK: Locks

void set_up_locks(PyObject *package, PyObject *tasks);

#endif
