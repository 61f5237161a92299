// The loop of asyncio: each run of a callback, how many are ready, and how late those are that have a time.
//
// All callbacks of its own loops go through Handle._run, which calls Context.run, a method in C: that is where
// they are seen. Loops that are not asyncio's own may do without: see uvloop.c.
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
  /// The code of Handle._run.
  const void *run;
  // Slots of handles: offsets in bytes.
  Py_ssize_t loop;
  Py_ssize_t when;
} known;

// MARK: Slots

/// Where objects of a class have a slot; 0 where it is none.
static Py_ssize_t slot_of(PyObject *type, const char *name) {
  enum { DEFINITION = 40 };
  PyObject *descriptor = get(type, name);
  Py_ssize_t offset = 0;
  if (descriptor != NULL && is_named(descriptor, "member_descriptor")) {
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

// MARK: Loops


void name_loop(PyObject *loop) {
  char name[128] = "event loop";
  PyObject *threading_name = PyUnicode_FromString("threading");
  PyObject *threading = PyImport_GetModule(threading_name);
  PyObject *active = get(threading, "_active"), *main_thread = get(threading, "_main_thread");
  PyObject *ident = PyLong_FromUnsignedLong(PyThread_get_thread_ident());
  PyObject *thread = active == NULL ? NULL : PyObject_GetItem(active, ident);
  PyObject *thread_name = thread == NULL || thread == main_thread ? NULL : get(thread, "_name");
  const char *text = thread_name == NULL ? NULL : PyUnicode_AsUTF8AndSize(thread_name, NULL);
  if (text != NULL) {
    size_t place = strlen(name), size = strnlen(text, sizeof name - place - 4);
    memcpy(name + place, " (", 2);
    memcpy(name + place + 2, text, size);
    memcpy(name + place + 2 + size, ")", 2);
  }
  runtime->name(runtime->key(loop), CTRACE_EVENT_LOOP, 0, name);
  PyErr_Clear();
  Py_DecRef(thread_name);
  Py_DecRef(thread);
  Py_DecRef(ident);
  Py_DecRef(main_thread);
  Py_DecRef(active);
  Py_DecRef(threading);
  Py_DecRef(threading_name);
}

void tell_ready(struct ready *ready, uint64_t count) {
  uint64_t told = ready->told;
  if (likely(count == told) || (count < told && count != 0 && told - count <= told / 8)) return;
  runtime->depth(runtime->key(ready->loop), CTRACE_EVENT_LOOP, count);
  ready->told = count;
}

void tell_late(struct ready *ready, uint64_t count, uint64_t since, uint64_t time) {
  uint64_t key = runtime->key(ready->loop);
  // With the one that comes and goes, as many are ready as were.
  if (ready->told != count) runtime->depth(key, CTRACE_EVENT_LOOP, count);
  ready->told = count;
  runtime->items(CTRACE_RECORD_ENQUEUE, key, CTRACE_EVENT_LOOP, 1, 0, time);
  runtime->items(CTRACE_RECORD_DEQUEUE, key, CTRACE_EVENT_LOOP, 1, since < time ? since : time, time);
}

/// A loop that runs in this thread.
static __thread struct running {
  /// The one within which it runs.
  struct running *outer;
  struct ready ready;
  /// Its queue of callbacks that are ready: a reference, for as long as it runs.
  PyObject *queue;
} *running;

/// How many are in a queue: the field of all objects that have a size.
static uint64_t size_of(const PyObject *queue) { return (uint64_t) * (const Py_ssize_t *)(queue + 1); }

static PyObject *run_forever(PyObject *callable, PyObject *const *arguments, size_t count,
                             PyObject *names) {
  bool is_one = argument_count(count) == 1 && runtime->is_recording();
  PyObject *queue = is_one ? get(arguments[0], "_ready") : NULL;
  if (queue == NULL || queue->type != known.deque) {
    Py_DecRef(queue);
    return call_original(callable, arguments, count, names);
  }
  struct running loop = {running, {arguments[0], UINT64_MAX}, queue};
  name_loop(arguments[0]);
  running = &loop;
  PyObject *result = call_original(callable, arguments, count, names);
  tell_ready(&loop.ready, size_of(queue));
  running = loop.outer;
  Py_DecRef(queue);
  return result;
}

// MARK: Turns

/// How late a callback is, in nanoseconds; less than 0 where it has no time, or its loop has a time of its
/// own.
static int64_t lateness(PyObject *handle, PyObject *loop) {
  static PyObject *name;
  if (likely(handle->type == known.handle) || known.when == 0 || !is_of(handle, known.timer))
    return -1;
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

static void begin_turn(struct running *running, PyObject *handle, uint64_t time) {
  uint64_t others = size_of(running->queue);
  int64_t late = lateness(handle, running->ready.loop);
  if (late < 0)
    tell_ready(&running->ready, others + 1);
  else
    tell_late(&running->ready, others, time - runtime->units((uint64_t)late), time);
}

/// The handle whose method calls; NULL where another function does.
static PyObject *calling_handle(void) {
  const char *frame = *(const char *const *)((const char *)PyThreadState_Get() + python_layout->thread_frame);
  if (python_layout->indirect_frame != CTRACE_NO_OFFSET)
    frame = *(const char *const *)(frame + python_layout->indirect_frame);
  if (frame == NULL || *(const void *const *)(frame + python_layout->frame_code) != known.run)
    return NULL;
  PyObject *handle = *(PyObject *const *)(frame + python_layout->frame_locals);
  return handle != NULL && is_of(handle, known.handle) ? handle : NULL;
}

static PyObject *run_in_context(const struct call *call) {
  // It has an array of arguments and their number.
  PyObject *handle = (Py_ssize_t)call->words[1] > 0 ? calling_handle() : NULL;
  PyObject *loop = handle == NULL ? NULL : object_at(handle, known.loop);
  if (loop == NULL) return go_on(call);
  struct step step;
  begin_step(&step, *(PyObject *const *)call->words[0]);
  struct running *own = running != NULL && running->ready.loop == loop ? running : NULL;
  if (own != NULL) begin_turn(own, handle, step.start);
  PyObject *result = go_on(call);
  end_step(&step);
  if (own != NULL) tell_ready(&own->ready, size_of(own->queue));
  return result;
}

static PyObject *make_loop(PyObject *callable, PyObject *const *arguments, size_t count,
                           PyObject *names) {
  if (argument_count(count) != 0) tell_creation(arguments[0], CTRACE_EVENT_LOOP);
  return call_original(callable, arguments, count, names);
}

// MARK: Setting up

static void set_up_handles(PyObject *events) {
  PyObject *handle = get(events, "Handle"), *timer = get(events, "TimerHandle"),
           *run_method = get(handle, "_run"), *contextvars = get(events, "contextvars"),
           *context = get(contextvars, "Context");
  known.handle = (PyTypeObject *)handle;
  known.timer = (PyTypeObject *)timer;
  known.run = code_of_function(run_method);
  if (handle != NULL) known.loop = slot_of(handle, "_loop");
  if (timer != NULL) known.when = slot_of(timer, "_when");
  bool can_be = known.run != NULL && known.loop != 0 && context != NULL && python_layout != NULL &&
                native_flags(context, "run") == (METH_FASTCALL | METH_KEYWORDS);
  if (!can_be || !lead_method(context, "run", run_in_context))
    runtime->note("this CPython was built in a way that is not known: tasks are not recorded.");
  Py_DecRef(context);
  Py_DecRef(contextvars);
  Py_DecRef(run_method);
}

static void set_up_loops(PyObject *module) {
  PyObject *loop = get(module, "BaseEventLoop"), *collections = get(module, "collections");
  known.deque = (PyTypeObject *)get(collections, "deque");
  known.time = get(loop, "time");
  if (loop != NULL) {
    stand_in(loop, "__init__", make_loop);
    stand_in(loop, "run_forever", run_forever);
  }
  Py_DecRef(collections);
  Py_DecRef(loop);
}

bool set_up_asyncio(PyObject *package) {
  if (!is_complete(package)) return false;
  PyObject *events = get(package, "events"), *loops = get(package, "base_events"),
           *tasks = get(package, "tasks");
  if (events != NULL && loops != NULL && tasks != NULL) {
    set_up_coroutines();
    set_up_tasks(tasks);
    set_up_locks(package, tasks);
    set_up_loops(loops);
    set_up_handles(events);
  }
  Py_DecRef(tasks);
  Py_DecRef(loops);
  Py_DecRef(events);
  return true;
}
