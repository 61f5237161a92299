// The beginning: an audit hook, which the interpreter lets C code add before it is initialised, and which
// every way to run Python code passes (<https://peps.python.org/pep-0578/>). Nothing is needed on Python's
// search path, so that -I, -S and -E change nothing.
#include <stdlib.h>
#include <string.h>

#include "probe.h"

const struct ctrace_probe_api *runtime;
uint32_t python_version;

static bool is_set_up;

struct watched_module watched_modules[] = {
    {.name = "threading", .set_up = set_up_threading},
    {.name = "queue", .set_up = set_up_queue},
    {.name = "concurrent.futures._base", .set_up = set_up_futures},
    {.name = "asyncio", .set_up = set_up_asyncio},
    {.name = "uvloop", .set_up = set_up_uvloop},
    {.name = NULL},
};

// MARK: Modules

/// Sets up a module that is loaded already; one whose own code still runs is not complete.
static void set_up_loaded(struct watched_module *watched) {
  PyObject *name = PyUnicode_FromString(watched->name);
  PyObject *module = name == NULL ? NULL : PyImport_GetModule(name);
  if (module != NULL) watched->is_done = watched->set_up(module);
  PyErr_Clear();
  Py_DecRef(module);
  Py_DecRef(name);
}

/// Imports a module in the name of the program, which is about to. Where that fails, it fails once more.
static void import_first(struct watched_module *watched) {
  watched->is_under_way = true;
  PyObject *module = PyImport_ImportModule(watched->name);
  if (module != NULL && !watched->is_done) watched->is_done = watched->set_up(module);
  PyErr_Clear();
  Py_DecRef(module);
  watched->is_under_way = false;
}

/// Whether what is imported is a module, or in it: then that is imported first.
static bool is_in(const char *name, const char *module) {
  size_t size = strlen(module);
  return name != NULL && strncmp(name, module, size) == 0 && (name[size] == 0 || name[size] == '.');
}

static void look_at_import(PyObject *arguments) {
  const char *name = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(arguments, 0), NULL);
  for (struct watched_module *watched = watched_modules; watched->name != NULL; watched++) {
    if (watched->is_done || watched->is_under_way) continue;
    if (is_in(name, watched->name))
      import_first(watched);
    else
      set_up_loaded(watched);
  }
  PyErr_Clear();
}

// MARK: The hook

static void set_up(void) {
  is_set_up = true;
  set_up_frames();
  for (struct watched_module *watched = watched_modules; watched->name != NULL; watched++)
    set_up_loaded(watched);
}

/// Runs with the interpreter's lock held, at every event that the interpreter tells of.
static int hook(const char *event, PyObject *arguments, void *unused) {
  (void)unused;
  bool is_import = event[0] == 'i' && strcmp(event, "import") == 0;
  if (likely(is_set_up) && !is_import) return 0;
  bool is_run = !is_set_up && strncmp(event, "cpython.run_", 12) == 0;
  if (!(is_set_up && is_import) && !is_run) return 0;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  if (is_run)
    set_up();
  else
    look_at_import(arguments);
  PyErr_Restore(type, value, traceback);
  return 0;
}

__attribute__((visibility("default"))) void ctrace_probe_start(const struct ctrace_probe_api *api) {
  runtime = api;
  const char *version = Py_GetVersion();
  python_version = strncmp(version, "3.", 2) == 0 ? (uint32_t)strtoul(version + 2, NULL, 10) : 0;
  PySys_AddAuditHook(hook, NULL);
}

// MARK: Helpers

PyObject *get(PyObject *owner, const char *name) {
  PyObject *found = owner == NULL ? NULL : PyObject_GetAttrString(owner, name);
  if (found == NULL) PyErr_Clear();
  return found;
}

bool is_named(const PyObject *object, const char *name) {
  enum { NAME = 24 };
  const char *found = *(const char *const *)((const char *)object->type + NAME);
  const char *dot = found == NULL ? NULL : strrchr(found, '.');
  return found != NULL && strcmp(dot == NULL ? found : dot + 1, name) == 0;
}

void mark(PyObject *type, const char *method, uint8_t role, uint8_t lock_kind) {
  PyObject *function = get(type, method);
  // Kept, because the runtime knows it by its address.
  PyObject *code = get(function, "__code__");
  if (code != NULL) runtime->mark_code(code, role, lock_kind);
  Py_DecRef(function);
}

void mark_all(PyObject *module, const struct marked_method *methods) {
  for (; methods->type != NULL; methods++) {
    PyObject *type = get(module, methods->type);
    if (type != NULL) mark(type, methods->method, methods->role, methods->lock_kind);
    Py_DecRef(type);
  }
}

long long number_of(PyObject *object, PyObject *name, long long otherwise) {
  PyObject *value = PyObject_GetAttr(object, name);
  long long number = value == NULL ? otherwise : PyLong_AsLongLong(value);
  if (PyErr_Occurred()) {
    PyErr_Clear();
    number = otherwise;
  }
  Py_DecRef(value);
  return number;
}

PyObject *interned(PyObject **place, const char *text) {
  if (*place == NULL) *place = PyUnicode_InternFromString(text);
  return *place;
}
