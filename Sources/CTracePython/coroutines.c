// Coroutines: how far they are, and in which calls they are suspended.
//
// To ask the interpreter for a frame would make an object of it that lives on, and its locals with it. What is
// read instead are the fields of coroutines and of their frames, where coroutines of the probe's own have
// shown that they are.
#include <string.h>

#include "asyncio.h"

enum {
  /// Up to 3.10: where a coroutine has its frame, which is an object.
  FRAME_FIELD = 16,
  /// Of all objects that only pass on to a coroutine: where they have it.
  PASSED_ON = 16,
};

static struct {
  bool is_known;
  /// From 3.11 on: where in a coroutine its frame is, and the byte that tells how far it is.
  uint16_t frame;
  uint16_t progress;
  /// What that byte is while it has not begun.
  int8_t created;
} layout;

static const void *pointer_at(const void *object, size_t offset) {
  return *(const void *const *)((const char *)object + offset);
}

static bool has_frame(const PyObject *object) {
  return object->type == &PyCoro_Type || object->type == &PyGen_Type ||
         object->type == &PyAsyncGen_Type;
}

// MARK: Frames

static const char *frame_of(const PyObject *coroutine) {
  if (python_version < 11) return pointer_at(coroutine, FRAME_FIELD);
  return (const char *)coroutine + layout.frame;
}

static int64_t instruction_of(const char *frame, const char *code) {
  if (python_version < 11)
    return (int64_t)*(const int32_t *)(frame + python_layout->frame_instruction) *
           (python_version == 10 ? 2 : 1);
  return (const char *)pointer_at(frame, python_layout->frame_instruction) -
         (code + python_layout->code_instructions);
}

enum progress progress_of(PyObject *coroutine) {
  if (!layout.is_known || !has_frame(coroutine)) return PROGRESS_UNKNOWN;
  if (python_version >= 11) {
    int8_t state = *((const int8_t *)coroutine + layout.progress);
    return state == layout.created ? PROGRESS_CREATED : state > 0 ? PROGRESS_ENDED : PROGRESS_BEGUN;
  }
  const char *frame = frame_of(coroutine);
  if (frame == NULL) return PROGRESS_ENDED;
  return *(const int32_t *)(frame + python_layout->frame_instruction) < 0 ? PROGRESS_CREATED
                                                                          : PROGRESS_BEGUN;
}

static struct suspended call_of(const PyObject *coroutine) {
  const char *frame = frame_of(coroutine);
  const char *code = pointer_at(frame, python_layout->frame_code);
  return (struct suspended){
      .code = code,
      .instruction = instruction_of(frame, code),
      .first = (PyObject *)pointer_at(frame, python_layout->frame_locals),
  };
}

const void *code_of_coroutine(PyObject *coroutine) {
  enum progress progress = progress_of(coroutine);
  return progress == PROGRESS_CREATED || progress == PROGRESS_BEGUN ? call_of(coroutine).code : NULL;
}

// MARK: Chains

/// What a coroutine or generator awaits; NULL where that is nothing. It stays for as long as they are
/// suspended.
static PyObject *next_of(PyObject *object) {
  static PyObject *names[3];
  PyObject *name = object->type == &PyCoro_Type  ? interned(&names[0], "cr_await")
                   : object->type == &PyGen_Type ? interned(&names[1], "gi_yieldfrom")
                                                 : interned(&names[2], "ag_await");
  PyObject *next = PyObject_GetAttr(object, name);
  if (next == NULL) PyErr_Clear();
  Py_DecRef(next);
  return next == Py_None ? NULL : next;
}

/// What an object that passes on to a coroutine has behind it; otherwise itself.
static PyObject *behind(PyObject *object) {
  static const char *const types[] = {"coroutine_wrapper", "async_generator_asend",
                                      "async_generator_athrow"};
  if (PyType_GetFlags(object->type) & Py_TPFLAGS_HEAPTYPE) return object;
  for (size_t index = 0; index < sizeof types / sizeof *types; index++)
    if (is_named(object, types[index])) return (PyObject *)pointer_at(object, PASSED_ON);
  return object;
}

uint32_t read_suspended(PyObject *coroutine, struct suspended calls[MOST_SUSPENDED]) {
  uint32_t count = 0;
  while (count < MOST_SUSPENDED && coroutine != NULL) {
    if (!has_frame(coroutine)) coroutine = behind(coroutine);
    if (progress_of(coroutine) != PROGRESS_BEGUN) break;
    calls[count++] = call_of(coroutine);
    coroutine = next_of(coroutine);
  }
  return count;
}

// MARK: Setting up

enum { FRAME_OF_OBJECT = 24, BEFORE_FRAME = 8 };

/// The coroutine of the test, and the bytes in front of its frame when it was new and when it had begun.
static struct {
  PyObject *coroutine;
  int8_t created[BEFORE_FRAME];
  int8_t begun[BEFORE_FRAME];
  bool is_right;
} trial;

static bool find_frame(PyObject *coroutine) {
  enum { MOST = 256 };
  PyObject *frame = get(coroutine, "cr_frame");
  if (frame == NULL) return false;
  bool is_found = false;
  if (python_version < 11) {
    is_found = pointer_at(coroutine, FRAME_FIELD) == frame;
  } else {
    ptrdiff_t offset =
        (const char *)pointer_at(frame, FRAME_OF_OBJECT) - (const char *)coroutine;
    is_found = offset >= 2 * BEFORE_FRAME && offset < MOST && offset % 8 == 0;
    layout.frame = is_found ? (uint16_t)offset : 0;
  }
  Py_DecRef(frame);
  return is_found;
}

static void keep_bytes(int8_t *bytes) {
  if (python_version >= 11)
    memcpy(bytes, (const char *)trial.coroutine + layout.frame - BEFORE_FRAME, BEFORE_FRAME);
}

/// Which of the bytes tells how far it is: less than 0 before it ends, and another when it has begun.
static bool find_progress(void) {
  if (python_version < 11) return true;
  int8_t ended[BEFORE_FRAME];
  keep_bytes(ended);
  for (uint16_t place = 0; place < BEFORE_FRAME; place++) {
    bool is_it = trial.created[place] < 0 && trial.begun[place] < 0 &&
                 trial.created[place] != trial.begun[place] && ended[place] > 0;
    if (!is_it) continue;
    layout.progress = layout.frame - BEFORE_FRAME + place;
    layout.created = trial.created[place];
    return true;
  }
  return false;
}

/// Whether a suspended call is read as the interpreter has it.
static bool is_call_read(const struct suspended *call, PyObject *coroutine, const char *code_field,
                         const char *frame_field) {
  static PyObject *last;
  PyObject *code = get(coroutine, code_field), *frame = get(coroutine, frame_field);
  bool is_same = code != NULL && frame != NULL && call->code == code &&
                 number_of(frame, interned(&last, "f_lasti"), -1) == call->instruction;
  Py_DecRef(code);
  Py_DecRef(frame);
  return is_same;
}

/// Compares the calls of the suspended coroutine with what the interpreter says. How far it is is not
/// known yet.
static bool are_calls_read(PyObject *mark) {
  PyObject *coroutine = trial.coroutine, *inner = next_of(coroutine);
  if (inner == NULL || inner->type != &PyCoro_Type) return false;
  PyObject *pause = next_of(inner);
  if (pause == NULL || pause->type != &PyGen_Type || next_of(pause) != NULL) return false;
  struct suspended calls[] = {call_of(coroutine), call_of(inner), call_of(pause)};
  return is_call_read(&calls[0], coroutine, "cr_code", "cr_frame") &&
         is_call_read(&calls[1], inner, "cr_code", "cr_frame") &&
         is_call_read(&calls[2], pause, "gi_code", "gi_frame") && calls[1].first == mark;
}

static PyObject *look_at_new(PyObject *self, PyObject *coroutine) {
  (void)self;
  trial.is_right = coroutine->type == &PyCoro_Type && find_frame(coroutine);
  trial.coroutine = coroutine;
  if (trial.is_right) keep_bytes(trial.created);
  Py_IncRef(Py_None);
  return Py_None;
}

static PyObject *look_at_begun(PyObject *self, PyObject *mark) {
  (void)self;
  trial.is_right = trial.is_right && are_calls_read(mark);
  if (trial.is_right) keep_bytes(trial.begun);
  Py_IncRef(Py_None);
  return Py_None;
}

static PyObject *look_at_ended(PyObject *self, PyObject *coroutine) {
  (void)self;
  trial.is_right = trial.is_right && coroutine == trial.coroutine && find_progress();
  layout.is_known = trial.is_right;
  layout.is_known = layout.is_known && progress_of(coroutine) == PROGRESS_ENDED;
  Py_IncRef(Py_None);
  return Py_None;
}

static const char program[] =
    "class Pause:\n"
    "    def __await__(self):\n"
    "        yield\n"
    "\n"
    "async def inner(mark):\n"
    "    for _ in range(2):\n"
    "        await Pause()\n"
    "\n"
    "async def outer():\n"
    "\n"
    "    await inner(Pause)\n"
    "\n"
    "coroutine = outer()\n"
    "new(coroutine)\n"
    "coroutine.send(None)\n"
    "begun(Pause)\n"
    "coroutine.close()\n"
    "ended(coroutine)\n";

void set_up_coroutines(void) {
  if (python_layout == NULL) return;
  static PyMethodDef functions[] = {{"new", look_at_new, METH_O, NULL},
                                    {"begun", look_at_begun, METH_O, NULL},
                                    {"ended", look_at_ended, METH_O, NULL}};
  PyObject *names = PyDict_New();
  PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins());
  for (size_t index = 0; index < sizeof functions / sizeof *functions; index++) {
    PyObject *function = PyCFunction_NewEx(&functions[index], NULL, NULL);
    PyDict_SetItemString(names, functions[index].name, function);
    Py_DecRef(function);
  }
  PyObject *code = Py_CompileString(program, "<ctrace>", Py_file_input);
  PyObject *result = code == NULL ? NULL : PyEval_EvalCode(code, names, names);
  if (result == NULL || !layout.is_known)
    runtime->note("this CPython was built in a way that is not known: waits of tasks are not recorded.");
  layout.is_known = layout.is_known && result != NULL;
  PyErr_Clear();
  Py_DecRef(result);
  Py_DecRef(code);
  Py_DecRef(names);
}
