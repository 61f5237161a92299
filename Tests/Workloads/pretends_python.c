// Exports what an interpreter of the version VERSION would, and says whether a hook was added to it.
#include <stdio.h>

#define exported __attribute__((visibility("default")))

exported char _PyRuntime[4096];
exported char PyFunction_Type[512], PyUnicode_Type[512], PyMethod_Type[512], PyCFunction_Type[512];
exported char PyMethodDescr_Type[512], PyBaseObject_Type[512], PyType_Type[512];
exported char PyGen_Type[512], PyCoro_Type[512], PyAsyncGen_Type[512];
exported char _Py_NoneStruct[16], _Py_TrueStruct[32], _Py_FalseStruct[32];
exported void *PyExc_StopIteration;

static int hooks;

exported const char *Py_GetVersion(void) { return VERSION; }
exported void *_PyEval_EvalFrameDefault(void) { return _PyRuntime; }
exported int PySys_AddAuditHook(void *hook, void *data) {
  (void)hook, (void)data;
  return hooks++;
}
exported void *PyGILState_GetThisThreadState(void) { return NULL; }
exported int Py_IsInitialized(void) { return 0; }
exported void PyMem_GetAllocator(int domain, void *allocator) { (void)domain, (void)allocator; }
exported void PyMem_SetAllocator(int domain, void *allocator) { (void)domain, (void)allocator; }

int main(void) {
  printf("hooks %d\n", hooks);
  return 0;
}
