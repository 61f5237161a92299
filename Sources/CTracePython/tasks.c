// Tasks of asyncio: which callbacks are steps of them, what they are called, what they wait for.
//
// A task is known by its address from its first step on, until its coroutine has ended. Of one that was
// forgotten before, the address may come back: a coroutine that has not begun is another one's.
#include <string.h>
#include <sys/mman.h>

#include "asyncio.h"

/// What is known of asyncio itself.
static struct {
  /// The class in C, and the one in Python.
  PyTypeObject *c_task;
  PyTypeObject *python_task;
  /// Attributes of tasks in C, by the functions that read them.
  struct getter {
    PyObject *(*get)(PyObject *object, void *closure);
    void *closure;
  } coroutine, future;
  PyObject *get_name;
  /// Methods that say whether a task is over, as asyncio has them: a program's own class may have others.
  PyObject *c_done;
  PyObject *python_done;
  /// The methods that are steps of tasks in Python.
  PyObject *step;
  PyObject *wakeup;
} known;

// MARK: Attributes

enum { DESCRIPTOR_FIELD = 40 };

/// The function behind an attribute of a type in C; NULL where it is something else.
static struct getter getter_of(PyObject *type, const char *name) {
  PyObject *descriptor = get(type, name);
  struct getter found = {NULL, NULL};
  if (descriptor != NULL && is_named(descriptor, "getset_descriptor")) {
    const PyGetSetDef *definition =
        *(const PyGetSetDef *const *)((const char *)descriptor + DESCRIPTOR_FIELD);
    if (definition != NULL && strcmp(definition->name, name) == 0)
      found = (struct getter){definition->get, definition->closure};
  }
  Py_DecRef(descriptor);
  return found;
}

static PyObject *something(PyObject *object) {
  if (object == NULL) PyErr_Clear();
  if (object != Py_None) return object;
  Py_DecRef(object);
  return NULL;
}

bool is_task(PyObject *object) {
  return is_of(object, known.c_task) || is_of(object, known.python_task);
}

PyObject *coroutine_of(PyObject *task) {
  static PyObject *name;
  if (known.coroutine.get != NULL && is_of(task, known.c_task))
    return something(known.coroutine.get(task, known.coroutine.closure));
  return something(PyObject_GetAttr(task, interned(&name, "_coro")));
}

PyObject *future_of(PyObject *task) {
  static PyObject *name;
  if (known.future.get != NULL && is_of(task, known.c_task))
    return something(known.future.get(task, known.future.closure));
  return something(PyObject_GetAttr(task, interned(&name, "_fut_waiter")));
}

// MARK: Callbacks

/// The types in C whose instances step a task, as they are met.
static struct step_type {
  PyTypeObject *type;
  struct getter task;
} step_types[2];

/// Whether a callback of a type that was not met yet steps a task: then the type is kept.
static bool is_step_type(PyObject *callback, struct step_type *place) {
  bool is_it = is_named(callback, "TaskStepMethWrapper") || is_named(callback, "TaskWakeupMethWrapper");
  struct getter task = is_it ? getter_of((PyObject *)callback->type, "__self__")
                             : (struct getter){NULL, NULL};
  if (task.get == NULL) return false;
  Py_IncRef((PyObject *)callback->type);
  *place = (struct step_type){callback->type, task};
  return true;
}

/// The task that a method in C wakes.
static PyObject *woken_task(PyObject *callback) {
  static const PyMethodDef *wakeup;
  const PyMethodDef *method = *(const PyMethodDef *const *)(callback + 1);
  PyObject *task = PyCFunction_GetSelf(callback);
  if (task == NULL || !is_of(task, known.c_task)) return NULL;
  if (wakeup == NULL && (strcmp(method->name, "task_wakeup") == 0 ||
                         strcmp(method->name, "TaskWakeup") == 0))
    wakeup = method;
  if (method != wakeup) return NULL;
  Py_IncRef(task);
  return task;
}

/// The task that a method in Python steps.
static PyObject *task_in_python(PyObject *callback) {
  PyObject *function = PyMethod_Function(callback), *task = PyMethod_Self(callback);
  if ((function != known.step && function != known.wakeup) || !is_of(task, known.python_task))
    return NULL;
  Py_IncRef(task);
  return task;
}

/// The task that a callback is a step of: a reference, or NULL.
static PyObject *stepped_task(PyObject *callback) {
  for (struct step_type *place = step_types; place < step_types + 2; place++)
    if (callback->type == place->type)
      return something(place->task.get(callback, place->task.closure));
  if (callback->type == &PyCFunction_Type) return woken_task(callback);
  if (callback->type == &PyMethod_Type) return task_in_python(callback);
  if (callback->type == &PyFunction_Type || known.c_task == NULL) return NULL;
  for (struct step_type *place = step_types; place < step_types + 2; place++)
    if (place->type == NULL && is_step_type(callback, place))
      return something(place->task.get(callback, place->task.closure));
  return NULL;
}

// MARK: Names

void append(struct text *text, const char *characters, size_t size) {
  size_t room = sizeof text->characters - text->size;
  if (size > room) size = room;
  memcpy(text->characters + text->size, characters, size);
  text->size += size;
}

static bool append_string(struct text *text, PyObject *string) {
  Py_ssize_t size = 0;
  const char *characters = string == NULL || !is_of(string, &PyUnicode_Type)
                               ? NULL
                               : PyUnicode_AsUTF8AndSize(string, &size);
  if (characters == NULL) PyErr_Clear();
  if (characters != NULL) append(text, characters, (size_t)size);
  return size > 0;
}

static bool append_attribute(struct text *text, PyObject *object, const char *name) {
  PyObject *value = get(object, name);
  bool is_there = append_string(text, value);
  Py_DecRef(value);
  return is_there;
}

static void append_number(struct text *text, uint32_t number) {
  char digits[10];
  size_t place = sizeof digits;
  do digits[--place] = (char)('0' + number % 10);
  while ((number /= 10) != 0);
  append(text, digits + place, sizeof digits - place);
}

/// Adds where a function is: " (app.py:12)".
static void append_place(struct text *text, const void *code) {
  if (python_layout == NULL || code == NULL) return;
  PyObject *file = *(PyObject *const *)((const char *)code + python_layout->code_file);
  Py_ssize_t size = 0;
  const char *path = PyUnicode_AsUTF8AndSize(file, &size);
  if (path == NULL) {
    PyErr_Clear();
    return;
  }
  const char *slash = strrchr(path, '/');
  append(text, " (", 2);
  append(text, slash == NULL ? path : slash + 1,
         (size_t)(slash == NULL ? size : size - (slash + 1 - path)));
  append(text, ":", 1);
  append_number(text, *(const uint32_t *)((const char *)code + python_layout->code_first_line));
  append(text, ")", 1);
}

void append_code_name(struct text *text, const void *code) {
  append_string(text, *(PyObject *const *)((const char *)code + python_layout->code_name));
  append_place(text, code);
}

/// Whether a task's name is one that asyncio has given it: that of no name with some task factories.
static bool is_made_up(const struct text *name, size_t start) {
  static const char prefix[] = "Task-", none[] = "None";
  size_t place = start + sizeof prefix - 1;
  if (name->size - start == sizeof none - 1 &&
      memcmp(name->characters + start, none, sizeof none - 1) == 0)
    return true;
  if (name->size <= place || memcmp(name->characters + start, prefix, sizeof prefix - 1) != 0)
    return false;
  for (; place < name->size; place++)
    if (name->characters[place] < '0' || name->characters[place] > '9') return false;
  return true;
}

static void append_given_name(struct text *text, PyObject *task) {
  if (!is_of(task, known.c_task)) {
    append_attribute(text, task, "_name");
  } else if (known.get_name != NULL) {
    PyObject *name = PyObject_CallFunctionObjArgs(known.get_name, task, NULL);
    if (name == NULL) PyErr_Clear();
    append_string(text, name);
    Py_DecRef(name);
  }
}

/// Whether a name is one of the first that were given to tasks: a program may give each task one of its own,
/// such as the number of a request, and is then better told by coroutines.
static bool is_among_first(const struct text *name, size_t start) {
  enum { MOST_NAMES = 256, PLACES = 2 * MOST_NAMES };
  static uint64_t hashes[PLACES];
  static uint32_t count;
  uint64_t hash = 1;
  for (size_t place = start; place < name->size; place++)
    hash = (hash ^ (uint8_t)name->characters[place]) * UINT64_C(0x100000001b3);
  size_t place = hash * UINT64_C(0x9e3779b97f4a7c15) >> 55;
  while (hashes[place] != 0 && hashes[place] != hash) place = (place + 1) % PLACES;
  if (hashes[place] == 0 && count < MOST_NAMES) {
    hashes[place] = hash;
    count += 1;
  }
  return hashes[place] == hash;
}

void append_task_name(struct text *text, PyObject *task, PyObject *coroutine) {
  size_t start = text->size;
  append_given_name(text, task);
  if (text->size == start || is_made_up(text, start) || !is_among_first(text, start)) {
    text->size = start;
    if (coroutine != NULL && !append_attribute(text, coroutine, "__qualname__"))
      append_attribute(text, (PyObject *)coroutine->type, "__qualname__");
  }
  if (coroutine != NULL) append_place(text, code_of_coroutine(coroutine));
}

// MARK: Labels of callbacks

/// What is behind methods and partial functions: a reference.
static PyObject *function_behind(PyObject *callback) {
  enum { DEEPEST = 4 };
  Py_IncRef(callback);
  for (uint32_t depth = 0; depth < DEEPEST; depth++) {
    PyObject *inner = callback->type == &PyMethod_Type    ? PyMethod_Function(callback)
                      : is_named(callback, "partial") ? get(callback, "func")
                                                      : NULL;
    if (inner == NULL) break;
    if (callback->type == &PyMethod_Type) Py_IncRef(inner);
    Py_DecRef(callback);
    callback = inner;
  }
  return callback;
}

static uint64_t mixed(uint64_t hash, const void *more) {
  return (hash ^ (uintptr_t)more) * UINT64_C(0x9e3779b97f4a7c15);
}

/// What tells functions apart, also where one comes to live at the address of another.
static uint64_t identity_of(PyObject *function) {
  if (function->type == &PyCFunction_Type) {
    const PyMethodDef *method = *(const PyMethodDef *const *)(function + 1);
    return mixed(mixed(1, method), method->name);
  }
  if (function->type != &PyFunction_Type || python_layout == NULL) return 0;
  const char *code = (const char *)PyFunction_GetCode(function);
  uint64_t name = mixed(2, *(const void *const *)(code + python_layout->code_name));
  uint64_t line = *(const uint32_t *)(code + python_layout->code_first_line);
  return mixed(mixed(name ^ line, function), code) | 1;
}

static uint64_t make_label(PyObject *function) {
  struct text text = {.size = 0};
  if (!append_attribute(&text, function, "__qualname__")) {
    append_attribute(&text, (PyObject *)function->type, "__qualname__");
    append(&text, ".__call__", 9);
  }
  if (function->type == &PyFunction_Type) append_place(&text, PyFunction_GetCode(function));
  return runtime->label(CTRACE_TASK, text.characters, text.size);
}

uint64_t callback_label(PyObject *callback) {
  static struct { uint64_t identity, label; } labels[256];
  PyObject *function = function_behind(callback);
  uint64_t identity = identity_of(function);
  size_t place = identity >> 56;
  uint64_t label;
  if (identity != 0 && labels[place].identity == identity) {
    label = labels[place].label;
  } else {
    label = make_label(function);
    if (identity != 0) {
      labels[place].label = label;
      labels[place].identity = identity;
    }
  }
  Py_DecRef(function);
  return label;
}

// MARK: The table

struct task {
  PyObject *object;
  uint64_t number;
  uint64_t label;
  /// When its last step was over.
  uint64_t ended;
};

enum { FIRST_TASKS = 1024, MOST_TASKS = 1 << 22 };
static struct task first_tasks[FIRST_TASKS];
/// Tasks by their address, each at the place of its hash or behind it, with no gap between.
static struct {
  struct task *tasks;
  size_t size;
  size_t count;
  uint64_t last_number;
  /// How often tasks have changed their places.
  uint64_t moves;
} table = {first_tasks, FIRST_TASKS, 0, 0, 0};

static size_t home_of(const PyObject *object) {
  return (uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (table.size - 1);
}

/// The place of a task, or where it would be.
static struct task *place_of(const PyObject *object) {
  size_t place = home_of(object);
  while (table.tasks[place].object != NULL && table.tasks[place].object != object)
    place = (place + 1) & (table.size - 1);
  return &table.tasks[place];
}

/// Makes room for twice as many. Where that can't be had, all are forgotten, and get other numbers.
static void grow(void) {
  table.moves++;
  struct task *old = table.tasks;
  size_t old_size = table.size, size = old_size * 2;
  void *memory = size > MOST_TASKS ? MAP_FAILED
                                   : mmap(NULL, size * sizeof *old, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    memset(old, 0, old_size * sizeof *old);
    table.count = 0;
    return;
  }
  table.tasks = memory;
  table.size = size;
  for (size_t place = 0; place < old_size; place++)
    if (old[place].object != NULL) *place_of(old[place].object) = old[place];
  if (old != first_tasks) munmap(old, old_size * sizeof *old);
}

static void forget(struct task *task) {
  size_t gap = (size_t)(task - table.tasks), mask = table.size - 1;
  table.count--;
  table.moves++;
  for (size_t place = (gap + 1) & mask; table.tasks[place].object != NULL; place = (place + 1) & mask) {
    // One whose home lies behind the gap stays.
    if (((place - home_of(table.tasks[place].object)) & mask) < ((place - gap) & mask)) continue;
    table.tasks[gap] = table.tasks[place];
    gap = place;
  }
  table.tasks[gap].object = NULL;
}

/// A task at its first step, or at the first that is seen.
static struct task *add(PyObject *object, PyObject *coroutine) {
  if (table.count >= table.size / 2) grow();
  struct text text = {.size = 0};
  append_task_name(&text, object, coroutine);
  struct task *task = place_of(object);
  table.count += task->object == NULL;
  *task = (struct task){
      .object = object,
      .number = ++table.last_number,
      .label = runtime->label(CTRACE_TASK, text.characters, text.size),
  };
  return task;
}

// MARK: Steps

static __thread struct step *current;

uint64_t running_task(void) { return current == NULL ? 0 : current->number; }

static bool is_cancelled(PyObject *future) {
  static PyObject *name;
  PyObject *state = PyObject_GetAttr(future, interned(&name, "_state"));
  const char *text = state == NULL || !is_of(state, &PyUnicode_Type)
                         ? NULL
                         : PyUnicode_AsUTF8AndSize(state, NULL);
  bool is_it = text != NULL && strcmp(text, "CANCELLED") == 0;
  PyErr_Clear();
  Py_DecRef(state);
  return is_it;
}

/// Tells of the wait that a task has behind it. Its coroutine is as it was all the time.
static void tell_wait(const struct task *task, uint64_t time, PyObject *coroutine, PyObject *future) {
  struct suspended calls[MOST_SUSPENDED];
  uint32_t count = read_suspended(coroutine, calls);
  struct awaited awaited;
  if (count == 0 || !find_awaited(&awaited, calls, count, future)) return;
  uint64_t places[MOST_SUSPENDED];
  for (uint32_t index = 0; index < count; index++)
    places[index] = runtime->place(calls[count - 1 - index].code, calls[count - 1 - index].instruction);
  uint8_t outcome = is_cancelled(future) ? CTRACE_CANCELLED : CTRACE_ACQUIRED;
  runtime->task_wait(awaited.key, awaited.lock_kind, awaited.operation, outcome, task->number,
                     task->ended, places, count);
  if (outcome == CTRACE_ACQUIRED) note_acquired(&awaited, time);
}

static void begin_task(struct step *step) {
  step->coroutine = coroutine_of(step->task);
  struct task *task = place_of(step->task), known_task = *task;
  bool is_new = step->coroutine != NULL && progress_of(step->coroutine) == PROGRESS_CREATED;
  if (task->object == NULL || is_new) {
    task = add(step->task, step->coroutine);
  } else if (task->ended != 0 && step->coroutine != NULL) {
    PyObject *future = future_of(step->task);
    if (future != NULL) tell_wait(&known_task, step->start, step->coroutine, future);
    Py_DecRef(future);
    // What was asked may have run code of the program's, and tasks may have changed their places.
    task = place_of(step->task);
  }
  step->number = task->number;
  step->label = task->label;
  step->place = task;
  step->moves = table.moves;
}

void begin_step(struct step *step, PyObject *callback) {
  *step = (struct step){.outer = current, .start = runtime->now()};
  step->task = stepped_task(callback);
  if (step->task != NULL)
    begin_task(step);
  else
    step->label = callback_label(callback);
  current = step;
}

static bool is_done(PyObject *task) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyObject *done = is_of(task, known.c_task) ? known.c_done : known.python_done;
  PyObject *result = done == NULL ? NULL : PyObject_CallFunctionObjArgs(done, task, NULL);
  bool is_it = result != NULL && PyObject_IsTrue(result) == 1;
  Py_DecRef(result);
  PyErr_Restore(type, value, traceback);
  return is_it;
}

void end_step(struct step *step) {
  current = step->outer;
  uint64_t time = runtime->step(step->label, CTRACE_TASK, step->number, step->start);
  if (step->task == NULL) return;
  enum progress progress =
      step->coroutine == NULL ? PROGRESS_UNKNOWN : progress_of(step->coroutine);
  bool has_ended =
      progress == PROGRESS_ENDED || (progress == PROGRESS_UNKNOWN && is_done(step->task));
  // Others may have come and gone meanwhile.
  struct task *task = step->moves == table.moves ? step->place : place_of(step->task);
  if (task->object == step->task && task->number == step->number) {
    task->ended = time;
    if (has_ended) forget(task);
  }
  Py_DecRef(step->coroutine);
  Py_DecRef(step->task);
}

// MARK: Setting up

void set_up_tasks(PyObject *module) {
  PyObject *task = get(module, "_CTask"), *python_task = get(module, "_PyTask");
  known.c_task = (PyTypeObject *)task;
  known.python_task = (PyTypeObject *)python_task;
  if (task != NULL) {
    known.coroutine = getter_of(task, "_coro");
    known.future = getter_of(task, "_fut_waiter");
    known.get_name = get(task, "get_name");
    known.c_done = get(task, "done");
  }
  if (python_task != NULL) {
    known.python_done = get(python_task, "done");
    known.step = get(python_task, "_Task__step");
    known.wakeup = get(python_task, "_Task__wakeup");
  }
}
