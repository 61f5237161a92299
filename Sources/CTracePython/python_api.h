// CPython's API as far as the probe needs it, so that one build serves all versions and no header of
// Python's is needed: the stable ABI (<https://docs.python.org/3/c-api/stable.html>), and a few functions
// beside it that all versions from 3.7 to 3.13 export. Where not all do, the declaration is weak.
#ifndef CTRACE_PYTHON_API_H
#define CTRACE_PYTHON_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WEAK __attribute__((weak))

typedef ssize_t Py_ssize_t;
typedef struct _object PyObject;
typedef struct _typeobject PyTypeObject;

/// The beginning of every object, the same in all versions that the probe knows.
struct _object {
  Py_ssize_t references;
  PyTypeObject *type;
};

typedef PyObject *(*PyCFunction)(PyObject *self, PyObject *arguments);
typedef PyObject *(*vectorcallfunc)(PyObject *callable, PyObject *const *arguments, size_t count,
                                    PyObject *names);
typedef int (*visitproc)(PyObject *object, void *data);
typedef int (*Py_AuditHookFunction)(const char *event, PyObject *arguments, void *data);

typedef struct {
  const char *name;
  PyCFunction function;
  int flags;
  const char *documentation;
} PyMethodDef;

typedef struct {
  int slot;
  void *function;
} PyType_Slot;

typedef struct {
  const char *name;
  int size;
  int item_size;
  unsigned int flags;
  PyType_Slot *slots;
} PyType_Spec;

typedef struct {
  const char *name;
  int type;
  Py_ssize_t offset;
  int flags;
  const char *documentation;
} PyMemberDef;

typedef struct {
  const char *name;
  PyObject *(*get)(PyObject *object, void *closure);
  int (*set)(PyObject *object, PyObject *value, void *closure);
  const char *documentation;
  void *closure;
} PyGetSetDef;

enum {
  METH_VARARGS = 0x0001,
  METH_O = 0x0008,
  METH_NOARGS = 0x0004,
  METH_KEYWORDS = 0x0002,
  METH_FASTCALL = 0x0080,

  T_OBJECT_EX = 16,
  T_PYSSIZET = 19,
  READONLY = 1,

  Py_tp_call = 50,
  Py_tp_dealloc = 52,
  Py_tp_descr_get = 54,
  Py_tp_getattro = 58,
  Py_tp_iternext = 63,
  Py_tp_members = 72,
  Py_tp_methods = 64,
  Py_tp_new = 65,
  Py_tp_repr = 66,
  Py_tp_setattro = 69,
  Py_tp_traverse = 71,
  Py_tp_clear = 51,

  Py_file_input = 257,
};

static const unsigned Py_TPFLAGS_HEAPTYPE = 1u << 9;
static const unsigned Py_TPFLAGS_HAVE_VECTORCALL = 1u << 11;
static const unsigned Py_TPFLAGS_HAVE_GC = 1u << 14;
static const unsigned Py_TPFLAGS_METHOD_DESCRIPTOR = 1u << 17;
static const unsigned Py_TPFLAGS_DEFAULT = 1u << 18;
static const unsigned long Py_TPFLAGS_LONG_SUBCLASS = 1ul << 24;
static const size_t PY_VECTORCALL_ARGUMENTS_OFFSET = (size_t)1 << (8 * sizeof(size_t) - 1);

typedef struct {
  void *context;
  void *(*malloc)(void *context, size_t size);
  void *(*calloc)(void *context, size_t count, size_t size);
  void *(*realloc)(void *context, void *memory, size_t size);
  void (*free)(void *context, void *memory);
} PyMemAllocatorEx;
enum { PYMEM_DOMAIN_RAW = 0 };

void PyMem_GetAllocator(int domain, PyMemAllocatorEx *allocator);
void PyMem_SetAllocator(int domain, PyMemAllocatorEx *allocator);

WEAK int PySys_AddAuditHook(Py_AuditHookFunction hook, void *data);
const char *Py_GetVersion(void);
int Py_IsInitialized(void);
void *PyGILState_GetThisThreadState(void);
void *PyThreadState_Get(void);

void Py_IncRef(PyObject *object);
void Py_DecRef(PyObject *object);

PyObject *PyObject_GetAttr(PyObject *object, PyObject *name);
PyObject *PyObject_GetAttrString(PyObject *object, const char *name);
int PyObject_SetAttr(PyObject *object, PyObject *name, PyObject *value);
int PyObject_SetAttrString(PyObject *object, const char *name, PyObject *value);
PyObject *PyObject_Call(PyObject *callable, PyObject *arguments, PyObject *names);
PyObject *PyObject_CallObject(PyObject *callable, PyObject *arguments);
PyObject *PyObject_CallFunctionObjArgs(PyObject *callable, ...);
PyObject *PyObject_GetItem(PyObject *object, PyObject *key);
PyObject *PyObject_Repr(PyObject *object);
PyObject *PyObject_GenericGetAttr(PyObject *object, PyObject *name);
int PyObject_IsTrue(PyObject *object);
int PyCallable_Check(PyObject *object);
int PyObject_IsInstance(PyObject *object, PyObject *type);
Py_ssize_t PyObject_Size(PyObject *object);
WEAK PyObject *PyObject_Vectorcall(PyObject *callable, PyObject *const *arguments, size_t count,
                                   PyObject *names);
WEAK PyObject *_PyFunction_Vectorcall(PyObject *function, PyObject *const *arguments, size_t count,
                                 PyObject *names);

PyObject *PyErr_Occurred(void);
void PyErr_Clear(void);
int PyErr_ExceptionMatches(PyObject *type);
void PyErr_Fetch(PyObject **type, PyObject **value, PyObject **traceback);
void PyErr_Restore(PyObject *type, PyObject *value, PyObject *traceback);

PyObject *PyImport_ImportModuleLevel(const char *name, PyObject *globals, PyObject *locals,
                                     PyObject *names, int level);
WEAK void *PyInterpreterState_Get(void);
WEAK void *PyInterpreterState_Main(void);
void PyObject_ClearWeakRefs(PyObject *object);
void *PyCapsule_GetPointer(PyObject *capsule, const char *name);
PyObject *PyImport_GetModule(PyObject *name);
PyObject *PyImport_GetModuleDict(void);
PyObject *PyEval_GetBuiltins(void);
PyObject *PyEval_GetFrame(void);
PyObject *PyEval_EvalCode(PyObject *code, PyObject *globals, PyObject *locals);
PyObject *Py_CompileString(const char *text, const char *file, int start);

PyObject *PyType_FromSpec(PyType_Spec *spec);
unsigned long PyType_GetFlags(PyTypeObject *type);
int PyType_IsSubtype(PyTypeObject *type, PyTypeObject *base);
void PyType_Modified(PyTypeObject *type);
PyObject *PyType_GenericAlloc(PyTypeObject *type, Py_ssize_t count);
void PyObject_Free(void *object);
void PyObject_GC_UnTrack(void *object);
void PyObject_GC_Del(void *object);
PyObject *PyMethod_New(PyObject *function, PyObject *self);
PyObject *PyMethod_Function(PyObject *method);
PyObject *PyMethod_Self(PyObject *method);
PyObject *PyFunction_GetCode(PyObject *function);
PyObject *PyCFunction_NewEx(PyMethodDef *method, PyObject *self, PyObject *module);
PyObject *PyCFunction_GetSelf(PyObject *function);

PyObject *PyMapping_GetItemString(PyObject *mapping, const char *name);
PyObject *PyDict_New(void);
int PyDict_Next(PyObject *dict, Py_ssize_t *position, PyObject **key, PyObject **value);
PyObject *PyDict_GetItemString(PyObject *dict, const char *name);
int PyDict_SetItemString(PyObject *dict, const char *name, PyObject *value);
int PyDict_SetItem(PyObject *dict, PyObject *key, PyObject *value);
PyObject *PyTuple_New(Py_ssize_t size);
PyObject *PyTuple_GetItem(PyObject *tuple, Py_ssize_t index);
int PyTuple_SetItem(PyObject *tuple, Py_ssize_t index, PyObject *item);
Py_ssize_t PyTuple_Size(PyObject *tuple);
PyObject *PyList_GetItem(PyObject *list, Py_ssize_t index);
int PyUnicode_CompareWithASCIIString(PyObject *string, const char *text);
PyObject *PyUnicode_FromString(const char *text);
PyObject *PyUnicode_InternFromString(const char *text);
const char *PyUnicode_AsUTF8AndSize(PyObject *string, Py_ssize_t *size);
PyObject *PyLong_FromLongLong(long long value);
PyObject *PyLong_FromUnsignedLong(unsigned long value);
unsigned long PyThread_get_thread_ident(void);
long long PyLong_AsLongLong(PyObject *number);
unsigned long long PyLong_AsUnsignedLongLong(PyObject *number);
double PyFloat_AsDouble(PyObject *number);

extern PyTypeObject PyBaseObject_Type;
extern PyTypeObject PyType_Type;
extern PyTypeObject PyFunction_Type;
extern PyTypeObject PyUnicode_Type;
extern PyTypeObject PyMethod_Type;
extern PyTypeObject PyCFunction_Type;
extern PyTypeObject PyGen_Type;
extern PyTypeObject PyCoro_Type;
extern PyTypeObject PyAsyncGen_Type;
extern PyTypeObject PyMethodDescr_Type;
extern PyObject *PyExc_StopIteration;
extern PyObject _Py_NoneStruct;
extern PyObject _Py_TrueStruct;
extern PyObject _Py_FalseStruct;
#define Py_None (&_Py_NoneStruct)
#define Py_True (&_Py_TrueStruct)
#define Py_False (&_Py_FalseStruct)

#endif
