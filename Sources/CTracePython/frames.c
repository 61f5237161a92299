// Where each version of CPython keeps its frames, and a test of it: a layout that does not give what the
// interpreter itself says of its frames is not used.
//
// Offsets are those of the headers Include/cpython and Include/internal of each version, on 64-bit systems.
#include "probe.h"

/// Up to 3.10 frames are objects, each of a call in C of its own.
#define FRAMES_ARE_OBJECTS                                                                         \
  .thread_frame = 24, .indirect_frame = CTRACE_NO_OFFSET, .frame_code = 32, .frame_back = 24,      \
  .frame_entry = CTRACE_NO_OFFSET, .string_ascii = 48, .string_other = 72
/// From 3.8 on, which has one number more in front of them.
#define CODE_HAS_POSITIONAL_COUNT                                                                  \
  .code_file = 104, .code_name = 112, .code_first_line = 40, .code_lines = 120

/// From 3.12 on a call in C has a frame of its own, which is not the program's.
#define CALLS_HAVE_FRAMES                                                                          \
  .frame_code = 0, .frame_back = 8, .frame_instruction = 56, .frame_entry = 70, .entry_value = 3,  \
  .is_entry_hidden = true, .frame_locals = 72, .code_file = 112, .code_name = 128,                 \
  .code_first_line = 68, .code_lines = 136, .string_ascii = 40, .string_other = 56

static const struct ctrace_python_layout layouts[] = {
    {
        .version = 7,
        FRAMES_ARE_OBJECTS,
        .frame_instruction = 104,
        .frame_locals = 360,
        .code_file = 96,
        .code_name = 104,
        .code_first_line = 36,
        .code_lines = 112,
    },
    {.version = 8, FRAMES_ARE_OBJECTS, CODE_HAS_POSITIONAL_COUNT, .frame_instruction = 104,
     .frame_locals = 360},
    {.version = 9, FRAMES_ARE_OBJECTS, CODE_HAS_POSITIONAL_COUNT, .frame_instruction = 104,
     .frame_locals = 360},
    {.version = 10, FRAMES_ARE_OBJECTS, CODE_HAS_POSITIONAL_COUNT, .frame_instruction = 96,
     .frame_locals = 352},
    {
        .version = 11,
        .thread_frame = 56,
        .indirect_frame = 8,
        .frame_code = 32,
        .frame_back = 48,
        .frame_instruction = 56,
        .frame_entry = 68,
        .entry_value = 1,
        .frame_locals = 72,
        .code_file = 112,
        .code_name = 128,
        .code_first_line = 72,
        .code_lines = 136,
        .code_instructions = 184,
        .string_ascii = 48,
        .string_other = 72,
    },
    {.version = 12, .thread_frame = 56, .indirect_frame = 0, CALLS_HAVE_FRAMES,
     .code_instructions = 192},
    {.version = 13, .thread_frame = 72, .indirect_frame = CTRACE_NO_OFFSET, CALLS_HAVE_FRAMES,
     .code_instructions = 200},
};

/// The layout under test, and then in use.
static struct ctrace_python_layout layout;
const struct ctrace_python_layout *python_layout;

// MARK: The test

enum { MOST_FRAMES = 16, FEWEST_FRAMES = 4 };

/// Whether a thread's innermost frame is where the layout has it: nothing else is read before that is sure.
static bool is_frame_found(PyObject *frame) {
  enum { FRAME_OF_OBJECT = 24 };
  const char *thread = layout.thread_state();
  if (thread == NULL) return false;
  const void *found = *(const void *const *)(thread + layout.thread_frame);
  if (layout.version < 11) return found == frame;
  if (layout.indirect_frame != CTRACE_NO_OFFSET) {
    if (found == NULL || (uintptr_t)found % 8 != 0) return false;
    found = *(const void *const *)((const char *)found + layout.indirect_frame);
  }
  // From 3.11 on the object that stands for a frame points to it.
  return found == *(const void *const *)((const char *)frame + FRAME_OF_OBJECT);
}

static bool is_field(const PyObject *object, uint16_t offset, const char *name) {
  PyObject *value = get((PyObject *)object, name);
  bool is_same = value == *(PyObject *const *)((const char *)object + offset);
  Py_DecRef(value);
  return is_same;
}

static bool is_text_found(const PyObject *code) {
  PyObject *name = get((PyObject *)code, "co_name");
  const char *text = name == NULL ? NULL : PyUnicode_AsUTF8AndSize(name, NULL);
  bool is_same = text != NULL && text == (const char *)name + layout.string_ascii;
  Py_DecRef(name);
  return is_same;
}

static bool is_code_read(const PyObject *code) {
  static PyObject *first_line;
  return is_field(code, layout.code_file, "co_filename") &&
         is_field(code, layout.code_name, layout.version < 11 ? "co_name" : "co_qualname") &&
         is_field(code, layout.code_lines, layout.version < 10 ? "co_lnotab" : "co_linetable") &&
         number_of((PyObject *)code, interned(&first_line, "co_firstlineno"), -1) ==
             *(const int32_t *)((const char *)code + layout.code_first_line) &&
         is_text_found(code);
}

/// Compares the frames as they are read with what the interpreter says.
static bool are_frames_read(void) {
  static PyObject *line_name;
  PyObject *frame = PyEval_GetFrame();
  if (frame == NULL || !is_frame_found(frame)) return false;
  Py_IncRef(frame);
  struct ctrace_python_frame frames[MOST_FRAMES];
  uint32_t count = runtime->read_frames(&layout, frames, MOST_FRAMES), place = 0;
  bool are_same = true;
  for (; are_same && place < count && frame != NULL; place++) {
    PyObject *code = get(frame, "f_code");
    are_same = code == frames[place].code && is_code_read(code) &&
               number_of(frame, interned(&line_name, "f_lineno"), -1) == frames[place].line;
    Py_DecRef(code);
    PyObject *back = get(frame, "f_back");
    Py_DecRef(frame);
    frame = back == Py_None ? NULL : back;
    if (back == Py_None) Py_DecRef(back);
  }
  are_same = are_same && place >= FEWEST_FRAMES && (frame == NULL) == (place == count);
  Py_DecRef(frame);
  return are_same;
}

static bool is_right;

static PyObject *test(PyObject *self, PyObject *unused) {
  (void)self, (void)unused;
  is_right = are_frames_read();
  PyErr_Clear();
  Py_IncRef(Py_None);
  return Py_None;
}

/// Functions of several kinds, over several lines, that call the test.
static const char program[] =
    "def plain(test):\n"
    "    for _ in range(2):\n"
    "        test(\n"
    "            )\n"
    "\n"
    "class Type:\n"
    "    def method(self, test):\n"
    "        yield [\n"
    "            plain(test)\n"
    "            for _ in (1,)]\n"
    "\n"
    "def last(test):\n"
    "\n"
    "    max(Type().method(test))\n"
    "\n"
    "last(test)\n";

void set_up_frames(void) {
  static PyMethodDef method = {"test", test, METH_NOARGS, NULL};
  for (size_t index = 0; index < sizeof layouts / sizeof *layouts; index++)
    if (layouts[index].version == python_version) layout = layouts[index];
  if (layout.version == 0) {
    runtime->note("this version of CPython is not known: stacks have no Python frames.");
    return;
  }
  layout.thread_state = PyGILState_GetThisThreadState;
  layout.is_running = Py_IsInitialized;
  PyObject *names = PyDict_New(), *function = PyCFunction_NewEx(&method, NULL, NULL);
  PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins());
  PyDict_SetItemString(names, "test", function);
  PyObject *code = Py_CompileString(program, "<ctrace>", Py_file_input);
  PyObject *result = code == NULL ? NULL : PyEval_EvalCode(code, names, names);
  if (result != NULL && is_right) {
    runtime->set_layout(&layout);
    python_layout = &layout;
  } else {
    runtime->note("this CPython was built in a way that is not known: stacks have no Python frames.");
  }
  PyErr_Clear();
  Py_DecRef(result);
  Py_DecRef(code);
  Py_DecRef(function);
  Py_DecRef(names);
}
