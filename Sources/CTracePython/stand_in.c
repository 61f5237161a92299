// Stand-ins for methods: a type whose instances are called in their place.
//
// A stand-in is what the function is to all who ask: it gives the function's attributes as its own, its
// class too, and has no frame, so that tracebacks, traces and profiles are as before.
#include <stdlib.h>

#include "probe.h"

struct stand_in {
  PyObject base;
  PyObject *original;
  vectorcallfunc function;
  const void *context;
  PyObject *weak_references;
};

static struct stand_in *stand_in_of(PyObject *object) { return (struct stand_in *)object; }

// MARK: Calls

/// A call whose arguments are to become a tuple and a dictionary, where nothing better is exported: methods
/// of types that are not Python's own, up to 3.10.
static PyObject *call_slowly(PyObject *callable, PyObject *const *arguments, size_t count,
                             PyObject *names) {
  PyObject *tuple = PyTuple_New((Py_ssize_t)count), *dict = NULL;
  if (tuple == NULL) return NULL;
  for (size_t index = 0; index < count; index++) {
    Py_IncRef(arguments[index]);
    PyTuple_SetItem(tuple, (Py_ssize_t)index, arguments[index]);
  }
  if (names != NULL) {
    dict = PyDict_New();
    for (Py_ssize_t index = 0; dict != NULL && index < PyTuple_Size(names); index++)
      PyDict_SetItem(dict, PyTuple_GetItem(names, index), arguments[count + (size_t)index]);
  }
  PyObject *result = PyObject_Call(callable, tuple, dict);
  Py_DecRef(tuple);
  Py_DecRef(dict);
  return result;
}

PyObject *call_original(PyObject *callable, PyObject *const *arguments, size_t count,
                        PyObject *names) {
  PyObject *original = stand_in_of(callable)->original;
  if (_PyFunction_Vectorcall != NULL && original->type == &PyFunction_Type)
    return _PyFunction_Vectorcall(original, arguments, count, names);
  if (PyObject_Vectorcall != NULL) return PyObject_Vectorcall(original, arguments, count, names);
  return call_slowly(original, arguments, argument_count(count), names);
}

/// A call by a tuple and a dictionary.
static PyObject *call(PyObject *self, PyObject *tuple, PyObject *dict) {
  enum { MOST = 32 };
  size_t count = (size_t)PyTuple_Size(tuple), names_count = 0;
  size_t named = dict == NULL ? 0 : (size_t)PyObject_Size(dict);
  // More than a method of these takes: what is wrong with them the function itself says.
  if (count + named > MOST) return PyObject_Call(stand_in_of(self)->original, tuple, dict);
  PyObject *arguments[MOST], *names = named == 0 ? NULL : PyTuple_New((Py_ssize_t)named);
  if (named != 0 && names == NULL) return NULL;
  for (size_t index = 0; index < count; index++)
    arguments[index] = PyTuple_GetItem(tuple, (Py_ssize_t)index);
  Py_ssize_t position = 0;
  PyObject *key, *value;
  while (names_count < named && PyDict_Next(dict, &position, &key, &value)) {
    Py_IncRef(key);
    PyTuple_SetItem(names, (Py_ssize_t)names_count, key);
    arguments[count + names_count++] = value;
  }
  PyObject *result = stand_in_of(self)->function(self, arguments, count, names);
  Py_DecRef(names);
  return result;
}

// MARK: Likeness

static PyObject *bind(PyObject *self, PyObject *object, PyObject *type) {
  (void)type;
  if (object != NULL && object != Py_None) return PyMethod_New(self, object);
  Py_IncRef(self);
  return self;
}

/// Functions are copied and pickled by their name.
static PyObject *reduce(PyObject *self, PyObject *unused) {
  (void)unused;
  return PyObject_GetAttrString(stand_in_of(self)->original, "__qualname__");
}

static PyObject *get_attribute(PyObject *self, PyObject *name) {
  static PyMethodDef method = {"__reduce_ex__", reduce, METH_O, NULL};
  if (PyUnicode_CompareWithASCIIString(name, "__reduce_ex__") == 0)
    return PyCFunction_NewEx(&method, self, NULL);
  return PyObject_GetAttr(stand_in_of(self)->original, name);
}

static int set_attribute(PyObject *self, PyObject *name, PyObject *value) {
  return PyObject_SetAttr(stand_in_of(self)->original, name, value);
}

static PyObject *represent(PyObject *self) { return PyObject_Repr(stand_in_of(self)->original); }

static int traverse(PyObject *self, visitproc visit, void *data) {
  PyObject *original = stand_in_of(self)->original;
  int result = original == NULL ? 0 : visit(original, data);
  // From 3.9 on objects have their types.
  if (result == 0 && python_version >= 9) result = visit((PyObject *)self->type, data);
  return result;
}

static void end(PyObject *self) {
  PyTypeObject *type = self->type;
  PyObject_GC_UnTrack(self);
  if (stand_in_of(self)->weak_references != NULL) PyObject_ClearWeakRefs(self);
  Py_DecRef(stand_in_of(self)->original);
  PyObject_GC_Del(self);
  Py_DecRef((PyObject *)type);
}

static PyTypeObject *make_type(void) {
  static PyMemberDef members[] = {
      {"__vectorcalloffset__", T_PYSSIZET, offsetof(struct stand_in, function), READONLY, NULL},
      {.name = NULL},
  };
  PyType_Slot slots[] = {
      {Py_tp_call, (void *)call},
      {Py_tp_dealloc, (void *)end},
      {Py_tp_descr_get, (void *)bind},
      {Py_tp_getattro, (void *)get_attribute},
      {Py_tp_setattro, (void *)set_attribute},
      {Py_tp_repr, (void *)represent},
      {Py_tp_traverse, (void *)traverse},
      // 3.8 does not know that member, and calls by tp_call.
      {python_version >= 9 ? Py_tp_members : 0, members},
      {0, NULL},
  };
  PyType_Spec spec = {
      .name = "builtins.function",
      .size = sizeof(struct stand_in),
      .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_METHOD_DESCRIPTOR |
               (python_version >= 9 ? Py_TPFLAGS_HAVE_VECTORCALL : 0),
      .slots = slots,
  };
  PyObject *type = PyType_FromSpec(&spec);
  // 3.8 does not know the member for it.
  enum { WEAK_REFERENCES_OF_TYPE = 208 };
  if (type != NULL)
    *(Py_ssize_t *)((char *)type + WEAK_REFERENCES_OF_TYPE) = offsetof(struct stand_in, weak_references);
  return (PyTypeObject *)type;
}

bool stand_in(PyObject *owner, const char *method, vectorcallfunc function) {
  return stand_in_with(owner, method, function, NULL);
}

const void *context_of(PyObject *callable) { return stand_in_of(callable)->context; }

bool stand_in_with(PyObject *owner, const char *method, vectorcallfunc function,
                   const void *context) {
  static PyTypeObject *type;
  if (type == NULL) type = make_type();
  PyObject *dict = get(owner, "__dict__");
  PyObject *original = dict == NULL ? NULL : PyMapping_GetItemString(dict, method);
  Py_DecRef(dict);
  struct stand_in *made = type == NULL || original == NULL || original->type == type
                              ? NULL
                              : (struct stand_in *)PyType_GenericAlloc(type, 0);
  if (made != NULL) {
    made->original = original;
    made->function = function;
    made->context = context;
    PyObject_SetAttrString(owner, method, (PyObject *)made);
    Py_DecRef((PyObject *)made);
  } else {
    Py_DecRef(original);
  }
  bool is_made = made != NULL && !PyErr_Occurred();
  PyErr_Clear();
  return is_made;
}
