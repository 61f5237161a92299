// Locks, events, conditions, semaphores and queues of asyncio.
//
// What a task waits for is seen when it goes on, by the calls in which it is suspended. Their methods that
// wait are coroutines, and stay what they are: of an acquire without a wait nothing is seen but what it calls.
#include <string.h>

#include "asyncio.h"

// MARK: Waits

static struct mark {
  const void *code;
  uint8_t lock_kind;
  uint8_t operation;
} marks[16];
static uint32_t mark_count;

/// Says that who is suspended in a coroutine function waits for what has it.
static void mark_function(PyObject *owner, const char *name, uint8_t lock_kind, uint8_t operation) {
  PyObject *function = get(owner, name);
  // Kept, because it is known by its address.
  PyObject *code = code_of_function(function);
  if (code != NULL && mark_count < sizeof marks / sizeof *marks)
    marks[mark_count++] = (struct mark){code, lock_kind, operation};
  Py_DecRef(function);
}

static const struct mark *mark_of(const struct suspended *call) {
  for (uint32_t index = 0; index < mark_count; index++)
    if (marks[index].code == call->code) return &marks[index];
  return NULL;
}

/// Futures are many, and each is waited for once: they are known by a name. Of another task it is its own, of
/// any other the function that waits.
static uint64_t future_label(const struct suspended *innermost, PyObject *future) {
  struct text text = {.size = 0};
  if (is_task(future)) {
    PyObject *coroutine = coroutine_of(future);
    append(&text, "task ", 5);
    append_task_name(&text, future, coroutine);
    Py_DecRef(coroutine);
  } else {
    append(&text, "awaited in ", 11);
    append_code_name(&text, innermost->code);
  }
  return runtime->label(CTRACE_FUTURE, text.characters, text.size);
}

bool find_awaited(struct awaited *found, const struct suspended *calls, uint32_t count,
                  PyObject *future) {
  const struct suspended *call = &calls[count - 1];
  const struct mark *mark = mark_of(call), *outer = NULL;
  // A queue waits by an event of its own; a condition that was notified waits for its lock.
  if (mark != NULL && count > 1) outer = mark_of(call - 1);
  if (outer != NULL && outer->lock_kind == CTRACE_ASYNCIO_QUEUE) {
    mark = outer;
    call--;
  }
  if (mark == NULL || call->first == NULL) {
    *found = (struct awaited){NULL, future_label(call, future), CTRACE_FUTURE, CTRACE_WAIT};
    return true;
  }
  *found = (struct awaited){call->first, runtime->key(call->first), mark->lock_kind, mark->operation};
  // To sleep is to wait for nothing.
  return mark->lock_kind != CTRACE_LABEL;
}

// MARK: Objects

static PyObject *make(PyObject *callable, PyObject *const *arguments, size_t count, PyObject *names) {
  if (argument_count(count) != 0)
    tell_creation(arguments[0], (uint8_t)(uintptr_t)context_of(callable));
  return call_original(callable, arguments, count, names);
}

/// Whether tasks wait for an object: a deque, or none.
static bool has_waiters(PyObject *object) {
  static PyObject *name;
  PyObject *waiters = PyObject_GetAttr(object, interned(&name, "_waiters"));
  bool are_there = waiters != NULL && waiters != Py_None && PyObject_Size(waiters) > 0;
  PyErr_Clear();
  Py_DecRef(waiters);
  return are_there;
}

// MARK: Locks

/// Whether an acquire of a semaphore asks by a method whether it has to wait, and takes one off if not. Where it
/// does not, acquires are seen by their releases only, as those of locks that need not wait.
static bool do_acquires_ask(void) { return python_version >= 10; }

/// Since when locks are held that a task had waited for, by a hash of their key.
static struct hold {
  uint64_t key;
  uint64_t since;
} holds[256];

static struct hold *hold_of(uint64_t key) {
  return &holds[key * UINT64_C(0x9e3779b97f4a7c15) >> 56];
}

void note_acquired(const struct awaited *awaited, uint64_t time) {
  if (awaited->lock_kind == CTRACE_ASYNCIO_LOCK)
    *hold_of(awaited->key) = (struct hold){awaited->key, time};
  if (awaited->lock_kind == CTRACE_ASYNCIO_SEMAPHORE && do_acquires_ask())
    runtime->acquired(awaited->object, CTRACE_ASYNCIO_SEMAPHORE);
}

static PyObject *lock_release(PyObject *callable, PyObject *const *arguments, size_t count,
                              PyObject *names) {
  PyObject *lock = argument_count(count) == 1 && runtime->is_recording() ? arguments[0] : NULL;
  if (lock == NULL) return call_original(callable, arguments, count, names);
  bool is_wanted = has_waiters(lock);
  PyObject *result = call_original(callable, arguments, count, names);
  if (result == NULL) return NULL;
  // An acquire without a wait is seen by its release only.
  runtime->acquired(lock, CTRACE_ASYNCIO_LOCK);
  runtime->released(lock, CTRACE_ASYNCIO_LOCK);
  uint64_t key = runtime->key(lock);
  struct hold *hold = hold_of(key);
  uint64_t since = hold->key == key ? hold->since : 0;
  if (since != 0) hold->since = 0;
  if (is_wanted) runtime->task_release(key, CTRACE_ASYNCIO_LOCK, running_task(), since);
  return result;
}

// MARK: Semaphores

static PyObject *value_name;
/// The code of Semaphore.acquire.
static const void *acquire_code;

static long long value_of(PyObject *semaphore) {
  return number_of(semaphore, interned(&value_name, "_value"), -1);
}

static void tell_value(PyObject *semaphore, long long value) {
  if (value >= 0)
    runtime->depth(runtime->key(semaphore), CTRACE_ASYNCIO_SEMAPHORE, (uint64_t)value);
}

/// Whether who calls is the method that acquires.
static bool is_in_acquire(void) {
  struct ctrace_python_frame frame;
  return python_layout != NULL && acquire_code != NULL &&
         runtime->read_frames(python_layout, &frame, 1) == 1 && frame.code == acquire_code;
}

static PyObject *semaphore_locked(PyObject *callable, PyObject *const *arguments, size_t count,
                                  PyObject *names) {
  PyObject *result = call_original(callable, arguments, count, names);
  if (result == NULL || result == Py_True || argument_count(count) != 1 ||
      !runtime->is_recording() || !is_in_acquire())
    return result;
  int is_locked = PyObject_IsTrue(result);
  if (is_locked < 0) PyErr_Clear();
  if (is_locked != 0) return result;
  runtime->acquired(arguments[0], CTRACE_ASYNCIO_SEMAPHORE);
  tell_value(arguments[0], value_of(arguments[0]) - 1);
  return result;
}

static PyObject *semaphore_release(PyObject *callable, PyObject *const *arguments, size_t count,
                                   PyObject *names) {
  PyObject *semaphore = argument_count(count) == 1 && runtime->is_recording() ? arguments[0] : NULL;
  if (semaphore == NULL) return call_original(callable, arguments, count, names);
  bool is_wanted = has_waiters(semaphore);
  if (!do_acquires_ask()) {
    runtime->acquired(semaphore, CTRACE_ASYNCIO_SEMAPHORE);
    tell_value(semaphore, value_of(semaphore));
  }
  PyObject *result = call_original(callable, arguments, count, names);
  if (result == NULL) return NULL;
  runtime->released(semaphore, CTRACE_ASYNCIO_SEMAPHORE);
  tell_value(semaphore, value_of(semaphore));
  if (is_wanted)
    runtime->task_release(runtime->key(semaphore), CTRACE_ASYNCIO_SEMAPHORE, running_task(), 0);
  return result;
}

// MARK: Setting up

static const struct {
  const char *type;
  const char *method;
  vectorcallfunc function;
  uintptr_t context;
} methods[] = {
    {"Lock", "__init__", make, CTRACE_ASYNCIO_LOCK},
    {"Lock", "release", lock_release, 0},
    {"Event", "__init__", make, CTRACE_ASYNCIO_EVENT},
    {"Condition", "__init__", make, CTRACE_ASYNCIO_CONDITION},
    {"Semaphore", "__init__", make, CTRACE_ASYNCIO_SEMAPHORE},
    {"Semaphore", "locked", semaphore_locked, 0},
    {"Semaphore", "release", semaphore_release, 0},
};

static const struct {
  const char *type;
  const char *method;
  uint8_t lock_kind;
  uint8_t operation;
} waiting_methods[] = {
    {"Lock", "acquire", CTRACE_ASYNCIO_LOCK, CTRACE_LOCK},
    {"Event", "wait", CTRACE_ASYNCIO_EVENT, CTRACE_WAIT},
    {"Condition", "wait", CTRACE_ASYNCIO_CONDITION, CTRACE_WAIT},
    {"Semaphore", "acquire", CTRACE_ASYNCIO_SEMAPHORE, CTRACE_WAIT},
    {"Queue", "get", CTRACE_ASYNCIO_QUEUE, CTRACE_TAKE},
    {"Queue", "put", CTRACE_ASYNCIO_QUEUE, CTRACE_PUT},
    {"Queue", "join", CTRACE_ASYNCIO_QUEUE, CTRACE_WAIT},
};

void set_up_locks(PyObject *package, PyObject *tasks) {
  for (size_t index = 0; index < sizeof waiting_methods / sizeof *waiting_methods; index++) {
    PyObject *type = get(package, waiting_methods[index].type);
    mark_function(type, waiting_methods[index].method, waiting_methods[index].lock_kind,
                  waiting_methods[index].operation);
    if (waiting_methods[index].lock_kind == CTRACE_ASYNCIO_SEMAPHORE && mark_count != 0)
      acquire_code = marks[mark_count - 1].code;
    Py_DecRef(type);
  }
  mark_function(tasks, "sleep", CTRACE_LABEL, 0);
  for (size_t index = 0; index < sizeof methods / sizeof *methods; index++) {
    PyObject *type = get(package, methods[index].type);
    if (type != NULL)
      stand_in_with(type, methods[index].method, methods[index].function,
                    (const void *)methods[index].context);
    Py_DecRef(type);
  }
  PyObject *queue = get(package, "Queue");
  if (queue != NULL) set_up_asyncio_queue(queue);
  Py_DecRef(queue);
}
