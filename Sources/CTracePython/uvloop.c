// uvloop: a loop in C, whose handles run callbacks without a method that could be seen.
//
// What is given to the loop instead of a callback is an object of the probe's own, which looks like it and
// steps it. It knows when the callback was due. How many callbacks wait is counted by those objects, so that one
// that is cancelled is not there any more.
#include <string.h>

#include "asyncio.h"

/// Stands for a callback.
struct callback {
  PyObject base;
  PyObject *original;
  /// Not a reference: the handle that has the callback has the loop too.
  PyObject *loop;
  /// When it is to run; 0 where that is not known.
  uint64_t due;
  /// Whether it is counted among those that are ready.
  bool is_waiting;
};

static PyTypeObject *callback_type;

static struct callback *callback_of(PyObject *object) { return (struct callback *)object; }

// MARK: Loops

/// Loops that were met lately, with how many callbacks they have ready.
static struct loop {
  struct ready ready;
  uint64_t count;
  bool is_named;
} loops[16];

static struct loop *find_loop(PyObject *object) {
  enum { MOST = sizeof loops / sizeof *loops };
  static uint32_t last, next;
  if (likely(loops[last].ready.loop == object)) return &loops[last];
  for (last = 0; last < MOST; last++)
    if (loops[last].ready.loop == object) return &loops[last];
  last = next++ % MOST;
  loops[last] = (struct loop){.ready = {object, UINT64_MAX}};
  return &loops[last];
}

static void leave_queue(struct callback *callback) {
  if (!callback->is_waiting) return;
  callback->is_waiting = false;
  struct loop *loop = find_loop(callback->loop);
  if (loop->count > 0) loop->count--;
}

static void begin_turn(struct callback *callback, uint64_t time) {
  struct loop *loop = find_loop(callback->loop);
  if (unlikely(!loop->is_named)) name_loop(callback->loop);
  loop->is_named = true;
  if (callback->due == 0) {
    tell_ready(&loop->ready, loop->count);
    leave_queue(callback);
  } else {
    leave_queue(callback);
    tell_late(&loop->ready, loop->count, callback->due, time);
    callback->due = 0;
  }
}

// MARK: Callbacks

static PyObject *call(PyObject *self, PyObject *tuple, PyObject *dict) {
  struct callback *callback = callback_of(self);
  PyObject *original = callback->original, *loop = callback->loop;
  if (!runtime->is_recording()) {
    leave_queue(callback);
    return PyObject_Call(original, tuple, dict);
  }
  struct step step;
  // Its handle may be cancelled by what it runs.
  Py_IncRef(self);
  begin_step(&step, original);
  begin_turn(callback, step.start);
  PyObject *result = PyObject_Call(original, tuple, dict);
  end_step(&step);
  struct loop *own = find_loop(loop);
  tell_ready(&own->ready, own->count);
  Py_DecRef(self);
  return result;
}

static PyObject *get_attribute(PyObject *self, PyObject *name) {
  return PyObject_GetAttr(callback_of(self)->original, name);
}

static int set_attribute(PyObject *self, PyObject *name, PyObject *value) {
  return PyObject_SetAttr(callback_of(self)->original, name, value);
}

static PyObject *represent(PyObject *self) { return PyObject_Repr(callback_of(self)->original); }

static int traverse(PyObject *self, visitproc visit, void *data) {
  PyObject *original = callback_of(self)->original;
  int result = original == NULL ? 0 : visit(original, data);
  // From 3.9 on objects have their types.
  if (result == 0 && python_version >= 9) result = visit((PyObject *)self->type, data);
  return result;
}

static void end(PyObject *self) {
  PyTypeObject *type = self->type;
  PyObject_GC_UnTrack(self);
  leave_queue(callback_of(self));
  Py_DecRef(callback_of(self)->original);
  PyObject_GC_Del(self);
  Py_DecRef((PyObject *)type);
}

static PyTypeObject *make_type(void) {
  PyType_Slot slots[] = {
      {Py_tp_call, (void *)call},
      {Py_tp_dealloc, (void *)end},
      {Py_tp_getattro, (void *)get_attribute},
      {Py_tp_setattro, (void *)set_attribute},
      {Py_tp_repr, (void *)represent},
      {Py_tp_traverse, (void *)traverse},
      {0, NULL},
  };
  PyType_Spec spec = {
      .name = "builtins.function",
      .size = sizeof(struct callback),
      .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
      .slots = slots,
  };
  return (PyTypeObject *)PyType_FromSpec(&spec);
}

/// What stands for a callback: a reference. What can't be one is left to the loop to refuse.
static PyObject *stand_for(PyObject *original, PyObject *loop, uint64_t due, bool is_waiting) {
  bool can_be = original->type != callback_type && PyCallable_Check(original);
  struct callback *made =
      can_be ? (struct callback *)PyType_GenericAlloc(callback_type, 0) : NULL;
  if (made == NULL) PyErr_Clear();
  Py_IncRef(original);
  if (made == NULL) return original;
  made->loop = loop;
  made->due = due;
  made->is_waiting = is_waiting;
  made->original = original;
  if (is_waiting) find_loop(loop)->count++;
  return (PyObject *)made;
}

// MARK: Methods

/// The methods that are given a callback.
enum method { SOON, SOON_THREADSAFE, LATER, READER, WRITER, METHODS };
static const char *const method_names[METHODS] = {"call_soon", "call_soon_threadsafe", "call_later",
                                                  "add_reader", "add_writer"};
/// Whether they get their arguments as an array with their number and the names of the last, or as a tuple and
/// a dictionary.
static bool have_arrays[METHODS];

/// When what is called after a delay is due; 0 where the delay is no number.
static uint64_t due_after(PyObject *delay) {
  static const double century = 4e9;
  double seconds = is_named(delay, "float") || is_named(delay, "int") ? PyFloat_AsDouble(delay) : -1;
  PyErr_Clear();
  if (!(seconds > 0 && seconds < century)) return 0;
  return runtime->now() + runtime->units((uint64_t)(seconds * 1e9));
}

/// What stands for the callback that a method was given.
static PyObject *stand_for_given(enum method method, PyObject *loop, PyObject *first,
                                 PyObject *callback) {
  switch (method) {
    case SOON: return stand_for(callback, loop, 0, true);
    case SOON_THREADSAFE: return stand_for(callback, loop, runtime->now(), true);
    case LATER: return stand_for(callback, loop, due_after(first), false);
    default: return stand_for(callback, loop, 0, false);
  }
}

/// A call by an array, in which the callback is changed.
static PyObject *go_on_with_array(const struct call *call, enum method method, size_t place) {
  enum { MOST = 24 };
  PyObject *const *arguments = call->words[0], *names = call->words[2];
  size_t count = (size_t)call->words[1];
  size_t all = count + (names == NULL ? 0 : (size_t)PyTuple_Size(names));
  if (count <= place || all > MOST) return go_on(call);
  PyObject *changed[MOST];
  memcpy(changed, arguments, all * sizeof *changed);
  changed[place] = stand_for_given(method, call->object, arguments[0], arguments[place]);
  struct call other = *call;
  other.words[0] = changed;
  PyObject *result = go_on(&other);
  Py_DecRef(changed[place]);
  return result;
}

/// A call by a tuple, of which another is made.
static PyObject *go_on_with_tuple(const struct call *call, enum method method, size_t place) {
  PyObject *arguments = call->words[0];
  Py_ssize_t count = PyTuple_Size(arguments);
  PyObject *changed = count > (Py_ssize_t)place ? PyTuple_New(count) : NULL;
  if (changed == NULL) {
    PyErr_Clear();
    return go_on(call);
  }
  for (Py_ssize_t index = 0; index < count; index++) {
    PyObject *item = PyTuple_GetItem(arguments, index);
    if (index == (Py_ssize_t)place)
      item = stand_for_given(method, call->object, PyTuple_GetItem(arguments, 0), item);
    else
      Py_IncRef(item);
    PyTuple_SetItem(changed, index, item);
  }
  struct call other = *call;
  other.words[0] = changed;
  PyObject *result = go_on(&other);
  Py_DecRef(changed);
  return result;
}

static PyObject *give(const struct call *call, enum method method, size_t place) {
  if (!runtime->is_recording()) return go_on(call);
  return have_arrays[method] ? go_on_with_array(call, method, place)
                             : go_on_with_tuple(call, method, place);
}

static PyObject *call_soon(const struct call *call) { return give(call, SOON, 0); }
static PyObject *call_threadsafe(const struct call *call) { return give(call, SOON_THREADSAFE, 0); }
static PyObject *call_later(const struct call *call) { return give(call, LATER, 1); }
static PyObject *add_reader(const struct call *call) { return give(call, READER, 1); }
static PyObject *add_writer(const struct call *call) { return give(call, WRITER, 1); }
static const call_handler handlers[METHODS] = {call_soon, call_threadsafe, call_later, add_reader,
                                               add_writer};

/// After it, another loop may come to live at the same address.
static PyObject *close_loop(const struct call *call) {
  PyObject *result = go_on(call);
  if (result != NULL && runtime->is_recording()) {
    *find_loop(call->object) = (struct loop){.ready = {NULL, UINT64_MAX}};
    runtime->gone(call->object, CTRACE_EVENT_LOOP);
  }
  return result;
}

// MARK: Setting up

bool set_up_uvloop(PyObject *package) {
  if (!is_complete(package)) return false;
  PyObject *module = get(package, "loop"), *type = get(module, "Loop");
  callback_type = type == NULL ? NULL : make_type();
  for (size_t index = 0; callback_type != NULL && index < METHODS; index++) {
    int flags = native_flags(type, method_names[index]);
    have_arrays[index] = flags == (METH_FASTCALL | METH_KEYWORDS);
    bool is_led = (have_arrays[index] || flags == (METH_VARARGS | METH_KEYWORDS)) &&
                  lead_method(type, method_names[index], handlers[index]);
    if (!is_led && index == SOON)
      runtime->note("this uvloop was built in a way that is not known: its tasks are not recorded.");
  }
  if (callback_type != NULL) lead_method(type, "close", close_loop);
  PyErr_Clear();
  Py_DecRef(type);
  Py_DecRef(module);
  return true;
}
