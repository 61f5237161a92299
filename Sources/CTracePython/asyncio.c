// The loop of asyncio: each run of a callback, how many are ready, and how late those are that have a time.
//
// All callbacks of its own loops go through Handle._run. Loops that are not asyncio's own may do without:
// see uvloop.c.
#include <string.h>
#include <time.h>

#include "asyncio.h"

/// What is known of asyncio's classes.
static struct {
  PyTypeObject *handle;
  PyTypeObject *timer;
  PyTypeObject *deque;
  /// The method that tells a loop's time.
  PyObject *time;
  // Slots of handles: offsets in bytes.
  Py_ssize_t callback;
  Py_ssize_t loop;
  Py_ssize_t when;
} known;

// MARK: Slots

/// Where objects of a class have a slot; 0 where it is none.
static Py_ssize_t slot_of(PyObject *type, const char *name) {
  enum { DEFINITION = 40 };
  PyObject *descriptor = get(type, name);
  Py_ssize_t offset = 0;
  const char *type_name =
      descriptor == NULL ? "" : *(const char *const *)((const char *)descriptor->type + 24);
  if (strcmp(type_name, "member_descriptor") == 0) {
    const PyMemberDef *definition = *(const PyMemberDef *const *)((const char *)descriptor + DEFINITION);
    if (strcmp(definition->name, name) == 0 && definition->type == T_OBJECT_EX)
      offset = definition->offset;
  }
  Py_DecRef(descriptor);
  return offset;
}

static PyObject *object_at(PyObject *object, Py_ssize_t offset) {
  return *(PyObject *const *)((const char *)object + offset);
}

static bool is_of(PyObject *object, PyTypeObject *type) {
  return object->type == type || PyType_IsSubtype(object->type, type);
}

// MARK: Loops

/// Loops that were met lately, with the depth that was told last.
static struct loop {
  PyObject *object;
  uint64_t told;
  bool is_named;
} loops[16];

static struct loop *find_loop(PyObject *object) {
  static uint32_t last, next;
  if (likely(loops[last].object == object)) return &loops[last];
  for (last = 0; last < sizeof loops / sizeof *loops; last++)
    if (loops[last].object == object) return &loops[last];
  last = next++ % (sizeof loops / sizeof *loops);
  loops[last] = (struct loop){.object = object};
  return &loops[last];
}

/// Names a loop; one that is not the main thread's by its thread.
static void name_loop(struct loop *loop) {
  if (likely(loop->is_named)) return;
  loop->is_named = true;
  char name[128] = "event loop";
  PyObject *threading_name = PyUnicode_FromString("threading");
  PyObject *threading = PyImport_GetModule(threading_name);
  PyObject *active = get(threading, "_active"), *main_thread = get(threading, "_main_thread");
  PyObject *ident = PyLong_FromUnsignedLong(PyThread_get_thread_ident());
  PyObject *thread = active == NULL ? NULL : PyObject_GetItem(active, ident);
  PyObject *thread_name = thread == NULL || thread == main_thread ? NULL : get(thread, "_name");
  const char *text = thread_name == NULL ? NULL : PyUnicode_AsUTF8AndSize(thread_name, NULL);
  if (text != NULL) {
    size_t size = strnlen(text, sizeof name - 16), place = strlen(name);
    memcpy(name + place, " (", 2);
    memcpy(name + place + 2, text, size);
    memcpy(name + place + 2 + size, ")", 2);
  }
  runtime->name(runtime->key(loop->object), CTRACE_EVENT_LOOP, 0, name);
  PyErr_Clear();
  Py_DecRef(thread_name);
  Py_DecRef(thread);
  Py_DecRef(ident);
  Py_DecRef(main_thread);
  Py_DecRef(active);
  Py_DecRef(threading);
  Py_DecRef(threading_name);
}

void loop_made(PyObject *object) {
  for (struct loop *loop = loops; loop < loops + sizeof loops / sizeof *loops; loop++)
    if (loop->object == object) loop->object = NULL;
  runtime->gone(object, CTRACE_EVENT_LOOP);
  runtime->init(object, CTRACE_EVENT_LOOP);
}

/// Falls are told when they are an eighth of what was: what is shown is no more than that above what is.
void tell_ready(PyObject *object, uint64_t count) {
  struct loop *loop = find_loop(object);
  uint64_t told = loop->told;
  if (likely(count == told) || (count < told && count != 0 && told - count <= told / 8)) return;
  name_loop(loop);
  runtime->depth(runtime->key(object), CTRACE_EVENT_LOOP, count);
  loop->told = count;
}

void tell_due(PyObject *object, uint64_t ready, uint64_t since, uint64_t time) {
  struct loop *loop = find_loop(object);
  uint64_t key = runtime->key(object);
  name_loop(loop);
  // With the one that comes and goes, as many are ready as were.
  if (loop->told != ready) runtime->depth(key, CTRACE_EVENT_LOOP, ready);
  runtime->items(CTRACE_RECORD_ENQUEUE, key, CTRACE_EVENT_LOOP, 1, 0, time);
  runtime->items(CTRACE_RECORD_DEQUEUE, key, CTRACE_EVENT_LOOP, 1, since, time);
  loop->told = ready;
}

// MARK: Turns

/// The queue of callbacks that a loop has ready: a reference, or NULL where it has none of that kind.
static PyObject *ready_of(PyObject *loop) {
  static PyObject *name;
  PyObject *ready = PyObject_GetAttr(loop, interned(&name, "_ready"));
  if (ready != NULL && ready->type == known.deque) return ready;
  if (ready == NULL) PyErr_Clear();
  Py_DecRef(ready);
  return NULL;
}

/// How many are in a queue: the field of all objects that have a size.
static uint64_t size_of(const PyObject *ready) { return (uint64_t) * (const Py_ssize_t *)(ready + 1); }

/// How late a callback is, in nanoseconds; less than 0 where it has no time, or its loop has a time of its
/// own.
static int64_t lateness(PyObject *handle, PyObject *loop) {
  static PyObject *name;
  if (known.when == 0 || !is_of(handle, known.timer)) return -1;
  PyObject *method = PyObject_GetAttr(loop, interned(&name, "time"));
  bool is_own = method != NULL && method->type == &PyMethod_Type &&
                PyMethod_Function(method) == known.time;
  PyObject *when = object_at(handle, known.when);
  double due = is_own && when != NULL ? PyFloat_AsDouble(when) : 0;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  double late = ((double)now.tv_sec - due) * 1e9 + (double)now.tv_nsec;
  if (method == NULL || PyErr_Occurred()) PyErr_Clear();
  Py_DecRef(method);
  // A callback has its turn when its time is near.
  return !is_own || due <= 0 || late > 1e18 ? -1 : late < 0 ? 0 : (int64_t)late;
}

static PyObject *begin_turn(PyObject *handle, PyObject *loop, uint64_t time) {
  PyObject *ready = ready_of(loop);
  if (ready == NULL) return NULL;
  int64_t late = lateness(handle, loop);
  if (late < 0)
    tell_ready(loop, size_of(ready) + 1);
  else
    tell_due(loop, size_of(ready), time - runtime->units((uint64_t)late), time);
  return ready;
}

static void end_turn(PyObject *loop, PyObject *ready) {
  if (ready == NULL) return;
  tell_ready(loop, size_of(ready));
  Py_DecRef(ready);
}

static PyObject *run(PyObject *callable, PyObject *const *arguments, size_t count, PyObject *names) {
  PyObject *handle = argument_count(count) == 1 && names == NULL ? arguments[0] : NULL;
  bool is_one = handle != NULL && is_of(handle, known.handle) && runtime->is_recording();
  PyObject *callback = is_one ? object_at(handle, known.callback) : NULL;
  PyObject *loop = is_one ? object_at(handle, known.loop) : NULL;
  if (callback == NULL || loop == NULL) return call_original(callable, arguments, count, names);
  struct step step;
  begin_step(&step, callback);
  PyObject *ready = begin_turn(handle, loop, step.start);
  PyObject *result = call_original(callable, arguments, count, names);
  end_step(&step);
  end_turn(loop, ready);
  return result;
}

static PyObject *make_loop(PyObject *callable, PyObject *const *arguments, size_t count,
                           PyObject *names) {
  if (argument_count(count) != 0 && runtime->is_recording()) loop_made(arguments[0]);
  return call_original(callable, arguments, count, names);
}

// MARK: Setting up

static void set_up_handles(PyObject *events) {
  PyObject *handle = get(events, "Handle"), *timer = get(events, "TimerHandle");
  if (handle != NULL && timer != NULL) {
    known.handle = (PyTypeObject *)handle;
    known.timer = (PyTypeObject *)timer;
    known.callback = slot_of(handle, "_callback");
    known.loop = slot_of(handle, "_loop");
    known.when = slot_of(timer, "_when");
    if (known.callback != 0 && known.loop != 0) stand_in(handle, "_run", run);
  }
}

static void set_up_loops(PyObject *module) {
  PyObject *loop = get(module, "BaseEventLoop"), *collections = get(module, "collections");
  known.deque = (PyTypeObject *)get(collections, "deque");
  known.time = get(loop, "time");
  if (loop != NULL) stand_in(loop, "__init__", make_loop);
  Py_DecRef(collections);
  Py_DecRef(loop);
}

/// The package's last statement makes its list of names, from those of its modules.
bool set_up_asyncio(PyObject *package) {
  PyObject *names = get(package, "__all__"), *events = get(package, "events"),
           *loops = get(package, "base_events"), *tasks = get(package, "tasks");
  bool is_complete = names != NULL && events != NULL && loops != NULL && tasks != NULL;
  if (is_complete) {
    set_up_coroutines();
    set_up_tasks(tasks);
    set_up_locks(package, tasks);
    set_up_loops(loops);
    set_up_handles(events);
  }
  Py_DecRef(tasks);
  Py_DecRef(loops);
  Py_DecRef(events);
  Py_DecRef(names);
  return is_complete;
}
