// The beginning: an audit hook, which the interpreter lets C code add before it is initialised, and which
// every way to run Python code passes (<https://peps.python.org/pep-0578/>). Nothing is needed on Python's
// search path, so that -I, -S and -E change nothing.
//
// 3.7 has no such hooks. There the probe has its turn whenever the interpreter makes a lock or ends one, as each
// import does, and each thread and queue that is made.
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
    {.name = "_queue", .set_up = set_up_simple_queue},
    {.name = "greenlet", .set_up = set_up_greenlet},
    {.name = "gevent.hub", .set_up = set_up_gevent_hub},
    {.name = "gevent.greenlet", .set_up = set_up_gevent_greenlet},
    {.name = "gevent.lock", .set_up = set_up_gevent_locks},
    {.name = "gevent.thread", .set_up = set_up_gevent_thread},
    {.name = "gevent.event", .set_up = set_up_gevent_events},
    {.name = "gevent.queue", .set_up = set_up_gevent_queues},
    {.name = "gevent._threading", .set_up = set_up_gevent_pool},
    {.name = "selectors", .set_up = set_up_selectors},
    {.name = "multiprocessing.context", .set_up = set_up_contexts},
    {.name = "multiprocessing.process", .set_up = set_up_processes},
    {.name = "multiprocessing.synchronize", .set_up = set_up_shared_locks},
    {.name = "multiprocessing.connection", .set_up = set_up_connections},
    {.name = "multiprocessing.queues", .set_up = set_up_shared_queues},
    {.name = "multiprocessing.forkserver", .set_up = set_up_fork_server},
    {.name = "multiprocessing.resource_tracker", .set_up = set_up_resource_tracker},
    // That of 3.7.
    {.name = "multiprocessing.semaphore_tracker", .set_up = set_up_resource_tracker},
    {.name = NULL},
};

// MARK: Modules

/// Sets up a module that is loaded already; false for one whose own code still runs.
static bool set_up_loaded(struct watched_module *watched) {
  PyObject *name = PyUnicode_FromString(watched->name);
  PyObject *module = name == NULL ? NULL : PyImport_GetModule(name);
  bool is_there = module != NULL && module != Py_None;
  if (is_there) watched->is_done = watched->set_up(module);
  PyErr_Clear();
  Py_DecRef(module);
  Py_DecRef(name);
  return !is_there || watched->is_done;
}

/// Imports a module in the name of the program, which is about to. Where that fails, the program's import
/// fails with the same error: false.
static bool import_first(struct watched_module *watched) {
  watched->is_under_way = true;
  PyObject *package = PyImport_ImportModuleLevel(watched->name, NULL, NULL, NULL, 0);
  watched->is_under_way = false;
  if (package == NULL) return false;
  Py_DecRef(package);
  if (!watched->is_done) set_up_loaded(watched);
  return true;
}

/// Whether what is imported is a module, or in it: then that is imported first.
static bool is_in(const char *name, const char *module) {
  size_t size = strlen(module);
  return name != NULL && strncmp(name, module, size) == 0 && (name[size] == 0 || name[size] == '.');
}

/// False with an error where the import fails.
static bool look_at_import(PyObject *arguments) {
  PyObject *text = PyTuple_Size(arguments) > 0 ? PyTuple_GetItem(arguments, 0) : NULL;
  const char *name = text == NULL ? NULL : PyUnicode_AsUTF8AndSize(text, NULL);
  PyErr_Clear();
  for (struct watched_module *watched = watched_modules; watched->name != NULL; watched++) {
    if (watched->is_done || watched->is_under_way) continue;
    if (!is_in(name, watched->name))
      set_up_loaded(watched);
    else if (!import_first(watched))
      return false;
  }
  return true;
}

/// Sets up all that are loaded; false where one is not complete.
static bool set_up_all_loaded(void) {
  bool are_complete = true;
  for (struct watched_module *watched = watched_modules; watched->name != NULL; watched++)
    if (!watched->is_done && !set_up_loaded(watched)) are_complete = false;
  return are_complete;
}

// MARK: The hook

static void set_up(void) {
  is_set_up = true;
  set_up_frames();
  set_up_all_loaded();
}

/// Other interpreters of the process are left alone.
static bool is_main_interpreter(void) {
  return PyInterpreterState_Get == NULL || PyInterpreterState_Get() == PyInterpreterState_Main();
}

/// The interpreter's entry of the hook: what it allocates when it is given the first one.
static struct {
  void *next;
  Py_AuditHookFunction hook;
  void *data;
} *entry;

/// Takes the entry out of the interpreter's list, before it is freed at the end: the interpreter does that
/// by the allocator that it has by then, which is another one with -X dev and PYTHONMALLOC.
static void leave_list(void) {
  char *state = runtime->state;
  for (size_t place = 0; entry != NULL && place + sizeof(void *) <= runtime->state_size;
       place += sizeof(void *)) {
    void **word = (void **)(state + place);
    if (*word == entry) *word = entry->next;
  }
}

/// Runs with the interpreter's lock held, at every event that the interpreter tells of.
static int hook(const char *event, PyObject *arguments, void *unused) {
  (void)unused;
  bool is_import = event[0] == 'i' && strcmp(event, "import") == 0;
  if (event[0] == 'c' && strcmp(event, "cpython._PySys_ClearAuditHooks") == 0) leave_list();
  if (likely(is_set_up) && !is_import) return 0;
  // Programs that have Python in them run nothing in the interpreter's own ways, but import.
  if (!is_set_up && !(is_import ? Py_IsInitialized() : strncmp(event, "cpython.run_", 12) == 0))
    return 0;
  if (!is_main_interpreter()) return 0;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  if (!is_set_up) set_up();
  if (is_import && !look_at_import(arguments)) return -1;
  PyErr_Restore(type, value, traceback);
  return 0;
}

static void *allocate_entry(void *unused, size_t size) {
  (void)unused;
  void *memory = malloc(size);
  if (entry == NULL && size == sizeof *entry) entry = memory;
  return memory;
}

static void add_hook(void) {
  PyMemAllocatorEx allocator;
  PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &allocator);
  PyMemAllocatorEx own = allocator;
  own.malloc = allocate_entry;
  PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &own);
  PySys_AddAuditHook(hook, NULL);
  PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &allocator);
}

// MARK: Turns

/// Looks at the modules where there are more than before.
static void take_turn(void) {
  static bool is_under_way, are_complete;
  static Py_ssize_t known_modules;
  if (is_under_way || !Py_IsInitialized()) return;
  PyObject *modules = PyImport_GetModuleDict();
  Py_ssize_t count = modules == NULL ? 0 : PyObject_Size(modules);
  if (are_complete && count == known_modules) return;
  is_under_way = true;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  if (!is_set_up) set_up();
  are_complete = set_up_all_loaded();
  known_modules = count;
  PyErr_Restore(type, value, traceback);
  is_under_way = false;
}

// MARK: Versions

/// The minor versions that the probe has been tried with.
enum { OLDEST_VERSION = 7, NEWEST_VERSION = 13 };

/// What can't be recorded of this interpreter, said to people; false where that is everything.
static bool check_version(const char *version) {
  char *end;
  unsigned long micro;
  if (strncmp(version, "3.", 2) != 0) return false;
  python_version = (uint32_t)strtoul(version + 2, &end, 10);
  micro = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
  // Their objects begin in another way.
  if (strstr(version, "free-threading") != NULL) {
    runtime->note("this CPython is built without the GIL, which this ctrace does not know: of its Python "
                  "code only waits are recorded, without its lines.");
    return false;
  }
  if (python_version > NEWEST_VERSION) {
    runtime->note("this CPython is newer than this ctrace knows: of its Python code only the GIL and waits "
                  "are recorded, without its lines.");
    return false;
  }
  if (python_version == 13 && micro > 0)
    runtime->note("CPython keeps its locks to itself from 3.13.1 on: of threading.Lock and RLock waits are "
                  "recorded, but not who holds them, nor how often they are taken.");
  return python_version >= OLDEST_VERSION;
}

__attribute__((visibility("default"))) bool ctrace_probe_start(const struct ctrace_probe_api *api) {
  if (api->size != sizeof *api || api->layout_size != sizeof(struct ctrace_python_layout)) return false;
  runtime = api;
  if (!check_version(Py_GetVersion())) return true;
  if (PySys_AddAuditHook != NULL)
    add_hook();
  else
    runtime->call_at_locks(take_turn);
  return true;
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

bool is_complete(PyObject *module) {
  PyObject *spec = get(module, "__spec__"), *state = get(spec, "_initializing");
  bool is_under_way = state != NULL && PyObject_IsTrue(state) == 1;
  PyErr_Clear();
  Py_DecRef(state);
  Py_DecRef(spec);
  return !is_under_way;
}

PyObject *code_of_function(PyObject *function) {
  if (function == NULL || function->type != &PyFunction_Type) return get(function, "__code__");
  PyObject *code = PyFunction_GetCode(function);
  Py_IncRef(code);
  return code;
}

void mark(PyObject *type, const char *method, uint8_t role, uint8_t lock_kind) {
  PyObject *function = get(type, method);
  // Kept, because the runtime knows it by its address.
  PyObject *code = code_of_function(function);
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
  // What is no whole number would be made one by code of its own.
  bool is_number = value != NULL && PyType_GetFlags(value->type) & Py_TPFLAGS_LONG_SUBCLASS;
  long long number = is_number ? PyLong_AsLongLong(value) : otherwise;
  if (PyErr_Occurred()) {
    PyErr_Clear();
    number = otherwise;
  }
  Py_DecRef(value);
  return number;
}

size_t copy_text(char *to, size_t room, PyObject *owner, const char *name) {
  PyObject *value = get(owner, name);
  const char *text = value == NULL ? NULL : PyUnicode_AsUTF8AndSize(value, NULL);
  size_t size = text == NULL ? 0 : strnlen(text, room - 1);
  if (text != NULL) memcpy(to, text, size);
  to[size] = 0;
  PyErr_Clear();
  Py_DecRef(value);
  return size;
}

PyObject *interned(PyObject **place, const char *text) {
  if (*place == NULL) *place = PyUnicode_InternFromString(text);
  return *place;
}
