// Functions in C that types of extension modules are made of, led through functions of ours.
//
// Such a type is closed to programs: its attributes can't be set. But what is called is found by a pointer
// in each case: a method's in the definition that its descriptor points to, a constructor's in the type. The
// probe puts another definition, or function, in its place. The descriptor stays the object that it is, so
// that nothing can be told from outside: no dictionary changes, and no cache.
//
// What C code calls without such a pointer does not come by: Cython's own calls between methods of one type.
#include <string.h>

#include "probe.h"

/// All kinds of methods have their object first and then up to four words, which are passed on as they are:
/// what a kind does not have is in registers that nobody reads.
typedef PyObject *(*native_function)(PyObject *self, void *, void *, void *, void *);

struct native {
  native_function original;
  call_handler handler;
  PyMethodDef definition;
};

enum { MOST_NATIVES = 128 };
static struct native natives[MOST_NATIVES];
static size_t native_count;

PyObject *go_on(const struct call *call) {
  if (call->stand_in != NULL)
    return call_original(call->stand_in, call->arguments, call->count, call->names);
  return call->native->original(call->object, call->words[0], call->words[1], call->words[2],
                                call->words[3]);
}

// MARK: Trampolines

static inline PyObject *through(const struct native *native, PyObject *self, void *first,
                                void *second, void *third, void *fourth) {
  struct call call = {
      .object = self, .native = native, .words = {first, second, third, fourth}};
  return native->handler(&call);
}

// A function that is called so does not learn which one it stands for: there is one for each. Their numbers
// are octal.
#define TRAMPOLINE(number)                                                                      \
  static PyObject *trampoline_##number(PyObject *self, void *a, void *b, void *c, void *d) {    \
    return through(&natives[0##number], self, a, b, c, d);                                      \
  }
#define NAME(number) trampoline_##number,
#define EIGHT(each, number)                                                            \
  each(number##0) each(number##1) each(number##2) each(number##3) each(number##4)     \
      each(number##5) each(number##6) each(number##7)
#define EACH_NUMBER(each)                                                           \
  EIGHT(each, 0) EIGHT(each, 1) EIGHT(each, 2) EIGHT(each, 3) EIGHT(each, 4)        \
  EIGHT(each, 5) EIGHT(each, 6) EIGHT(each, 7) EIGHT(each, 10) EIGHT(each, 11)      \
  EIGHT(each, 12) EIGHT(each, 13) EIGHT(each, 14) EIGHT(each, 15) EIGHT(each, 16)   \
  EIGHT(each, 17)

EACH_NUMBER(TRAMPOLINE)
static const native_function trampolines[MOST_NATIVES] = {EACH_NUMBER(NAME)};

static bool is_trampoline(native_function function) {
  for (size_t index = 0; index < native_count; index++)
    if (trampolines[index] == function) return true;
  return false;
}

/// The function to be put in the place of another, once; NULL where there is no more room.
static native_function trampoline_for(native_function original, call_handler handler) {
  if (original == NULL || is_trampoline(original)) return original;
  if (native_count == MOST_NATIVES) return NULL;
  natives[native_count].original = original;
  natives[native_count].handler = handler;
  return trampolines[native_count++];
}

bool lead_pointer(void **place, call_handler handler) {
  native_function function = trampoline_for((native_function)*place, handler);
  if (function != NULL) *place = (void *)function;
  return function != NULL;
}

// MARK: Methods

/// Where objects for methods point to their definition: PyMethodDescrObject, and PyCFunctionObject, which
/// Cython's own type begins with.
enum { TYPE_OF_DESCRIPTOR = 16, NAME_OF_DESCRIPTOR = 24, OF_DESCRIPTOR = 40, OF_FUNCTION = 16 };

static bool is_cython_function(PyObject *function) {
  PyObject *name = get((PyObject *)function->type, "__name__");
  const char *text = name == NULL ? NULL : PyUnicode_AsUTF8AndSize(name, NULL);
  bool is_one = text != NULL && strcmp(text, "cython_function_or_method") == 0;
  PyErr_Clear();
  Py_DecRef(name);
  return is_one;
}

static PyMethodDef **definition_of(PyObject *owner, PyObject *function) {
  char *bytes = (char *)function;
  if (function->type == &PyMethodDescr_Type)
    return *(PyObject **)(bytes + TYPE_OF_DESCRIPTOR) == owner
               ? (PyMethodDef **)(bytes + OF_DESCRIPTOR)
               : NULL;
  return is_cython_function(function) ? (PyMethodDef **)(bytes + OF_FUNCTION) : NULL;
}

/// Puts another definition in the place of a method's.
static bool lead_native(PyObject *owner, PyObject *function, const char *name,
                        call_handler handler) {
  PyMethodDef **place = definition_of(owner, function);
  if (place == NULL || *place == NULL || strcmp((*place)->name, name) != 0) return false;
  size_t index = native_count;
  native_function other = trampoline_for((native_function)(void *)(*place)->function, handler);
  // A method may have two names.
  if (other == NULL || index == native_count) return other != NULL;
  natives[index].definition = **place;
  natives[index].definition.function = (PyCFunction)(void *)other;
  *place = &natives[index].definition;
  return true;
}

int native_flags(PyObject *type, const char *name) {
  PyObject *dict = get(type, "__dict__");
  PyObject *function = dict == NULL ? NULL : PyMapping_GetItemString(dict, name);
  PyErr_Clear();
  PyMethodDef **place = function == NULL ? NULL : definition_of(type, function);
  int flags = place == NULL || *place == NULL ? 0 : (*place)->flags;
  Py_DecRef(function);
  Py_DecRef(dict);
  return flags;
}

static PyObject *through_stand_in(PyObject *callable, PyObject *const *arguments, size_t count,
                                  PyObject *names) {
  if (argument_count(count) == 0) return call_original(callable, arguments, count, names);
  struct call call = {.object = arguments[0],
                      .stand_in = callable,
                      .arguments = arguments,
                      .count = count,
                      .names = names};
  return ((call_handler)context_of(callable))(&call);
}

bool lead_method(PyObject *type, const char *name, call_handler handler) {
  PyObject *dict = get(type, "__dict__");
  PyObject *function = dict == NULL ? NULL : PyMapping_GetItemString(dict, name);
  PyErr_Clear();
  bool is_led = false;
  if (function != NULL && function->type == &PyFunction_Type)
    is_led = stand_in_with(type, name, through_stand_in, (const void *)handler);
  else if (function != NULL && are_natives_led())
    is_led = lead_native(type, function, name, handler);
  Py_DecRef(function);
  Py_DecRef(dict);
  return is_led;
}

// MARK: Slots of types

/// In a type, the same in all versions that the probe knows.
enum {
  DEALLOC_OF_TYPE = 48,
  VECTORCALL_OFFSET_OF_TYPE = 56,
  ITERNEXT_OF_TYPE = 224,
  NEW_OF_TYPE = 312,
};

static void **slot_of(PyObject *type, size_t offset) { return (void **)((char *)type + offset); }

/// The function that some types have to be called by at once; NULL where there is none. A type has it where
/// the type of types says: from 3.9 on.
static void **vectorcall_of(PyObject *type) {
  size_t offset = *(size_t *)slot_of((PyObject *)&PyType_Type, VECTORCALL_OFFSET_OF_TYPE);
  void **slot = offset == 0 ? NULL : slot_of(type, offset);
  return slot == NULL || *slot == NULL ? NULL : slot;
}

/// The types that were made of this one before have the same function.
static void lead_subtypes(PyObject *type, void *original) {
  PyObject *function = get(type, "__subclasses__");
  PyObject *list = function == NULL ? NULL : PyObject_CallObject(function, NULL);
  Py_ssize_t count = list == NULL ? 0 : PyObject_Size(list);
  for (Py_ssize_t index = 0; index < count; index++) {
    PyObject *subtype = PyList_GetItem(list, index);
    void **slot = slot_of(subtype, NEW_OF_TYPE);
    if (*slot != original) continue;
    *slot = *slot_of(type, NEW_OF_TYPE);
    lead_subtypes(subtype, original);
  }
  PyErr_Clear();
  Py_DecRef(list);
  Py_DecRef(function);
}

/// A program may have anything in the place of a type.
static bool is_type(PyObject *object) { return PyType_IsSubtype(object->type, &PyType_Type); }

bool lead_constructor(PyObject *type, call_handler handler) {
  if (!is_type(type)) return false;
  void **slot = slot_of(type, NEW_OF_TYPE), *original = *slot;
  // A type in Python's object is made by that of all, and told of when it is made ready.
  if (original == *slot_of((PyObject *)&PyBaseObject_Type, NEW_OF_TYPE))
    return lead_method(type, "__init__", handler);
  if (!are_natives_led() || !lead_pointer(slot, handler)) return false;
  if (*slot != original) lead_subtypes(type, original);
  void **vectorcall = vectorcall_of(type);
  return vectorcall == NULL || lead_pointer(vectorcall, handler);
}

bool lead_iteration(PyObject *type, call_handler handler) {
  if (!is_type(type)) return false;
  void **slot = slot_of(type, ITERNEXT_OF_TYPE);
  bool is_python = PyType_GetFlags((PyTypeObject *)type) & Py_TPFLAGS_HEAPTYPE;
  return !is_python && are_natives_led() && *slot != NULL && lead_pointer(slot, handler);
}

bool lead_end(PyObject *type, call_handler handler) {
  return is_type(type) && are_natives_led() && lead_pointer(slot_of(type, DEALLOC_OF_TYPE), handler);
}

PyObject *made_by(const struct call *call, PyObject *result) {
  return result == NULL || call->stand_in == NULL ? result : call->object;
}

// MARK: The test

static PyObject *tested_method(PyObject *self, PyObject *unused) {
  (void)unused;
  Py_IncRef(self);
  return self;
}

static PyObject *tested_new(PyTypeObject *type, PyObject *arguments, PyObject *names) {
  (void)arguments, (void)names;
  return PyType_GenericAlloc(type, 0);
}

static void tested_end(PyObject *self) {
  PyTypeObject *type = self->type;
  PyObject_Free(self);
  Py_DecRef((PyObject *)type);
}

static PyObject *tested_next(PyObject *self) {
  Py_IncRef(self);
  return self;
}

static uint32_t tested_calls;

static PyObject *count_call(const struct call *call) {
  tested_calls += 1;
  return go_on(call);
}

/// Leads all there is of a type of our own, and uses it.
static bool test(void) {
  static PyMethodDef methods[] = {
      {"method", tested_method, METH_NOARGS, NULL},
      {.name = NULL},
  };
  PyType_Slot slots[] = {
      {Py_tp_methods, methods},
      {Py_tp_new, (void *)tested_new},
      {Py_tp_dealloc, (void *)tested_end},
      {Py_tp_iternext, (void *)tested_next},
      {0, NULL},
  };
  PyType_Spec spec = {.name = "builtins.object",
                      .size = sizeof(struct _object),
                      .flags = Py_TPFLAGS_DEFAULT,
                      .slots = slots};
  PyObject *type = PyType_FromSpec(&spec);
  PyObject *method = type == NULL ? NULL : get(type, "method");
  bool is_right = method != NULL && method->type == &PyMethodDescr_Type &&
                  *(PyMethodDef **)((char *)method + OF_DESCRIPTOR) == methods &&
                  *slot_of(type, NEW_OF_TYPE) == (void *)tested_new &&
                  *slot_of(type, DEALLOC_OF_TYPE) == (void *)tested_end &&
                  *slot_of(type, ITERNEXT_OF_TYPE) == (void *)tested_next &&
                  lead_native(type, method, "method", count_call) &&
                  lead_pointer(slot_of(type, NEW_OF_TYPE), count_call);
  PyObject *object = is_right ? PyObject_CallObject(type, NULL) : NULL;
  PyObject *bound = get(object, "method");
  PyObject *result = bound == NULL ? NULL : PyObject_CallObject(bound, NULL);
  is_right = is_right && object != NULL && result == object && tested_calls == 2;
  PyErr_Clear();
  Py_DecRef(result);
  Py_DecRef(bound);
  Py_DecRef(object);
  Py_DecRef(method);
  Py_DecRef(type);
  return is_right;
}

bool are_natives_led(void) {
  static enum { UNKNOWN, UNDER_WAY, RIGHT, WRONG } state;
  if (state == UNKNOWN) {
    state = UNDER_WAY;
    state = test() ? RIGHT : WRONG;
    if (state == WRONG)
      runtime->note("this CPython has methods in a way that is not known: of gevent and of "
                    "SimpleQueue nothing is recorded.");
  }
  return state == RIGHT;
}
