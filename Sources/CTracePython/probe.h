// What all parts of the probe share.
//
// The probe changes nothing that a program can see. What threads wait for, the runtime reads from their
// frames; for what goes on without a wait, methods of Python's libraries get a stand-in, which looks like
// the function that it stands for. All of it runs with the interpreter's lock held, allocates nothing of its
// own once it is set up, and leaves no error.
#ifndef CTRACE_PYTHON_PROBE_H
#define CTRACE_PYTHON_PROBE_H

#include "ctrace_abi.h"
#include "ctrace_probe.h"
#include "python_api.h"

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)
#define noinline __attribute__((noinline))

/// The runtime.
extern const struct ctrace_probe_api *runtime;
/// The interpreter's minor version.
extern uint32_t python_version;

// MARK: Setting up

/// Finds out whether frames can be read, and lets stacks have them if so. Once.
void set_up_frames(void);

/// Where frames are, once that is sure; NULL before.
extern const struct ctrace_python_layout *python_layout;

/// What is done to a module once it is there; false where it is not complete yet.
typedef bool (*module_function)(PyObject *module);
/// The modules that are looked for, ended by one without a name. An import of one is done in the name of
/// the program just before it does it itself.
struct watched_module {
  const char *name;
  module_function set_up;
  bool is_done;
  bool is_under_way;
};
extern struct watched_module watched_modules[];

/// A class or function of a module or class; NULL without an error where there is none.
PyObject *get(PyObject *owner, const char *name);

/// Whether a module's own code has run to its end.
bool is_complete(PyObject *module);

/// Says what a method of a class means when a thread waits in it; where there is none, nothing.
void mark(PyObject *type, const char *method, uint8_t role, uint8_t lock_kind);
struct marked_method {
  const char *type;
  const char *method;
  uint8_t role;
  uint8_t lock_kind;
};
/// The same for many of a module, ended by one without a type.
void mark_all(PyObject *module, const struct marked_method *methods);

// MARK: Stand-ins

/// Lets a method of a class's own go through a function, which gets the stand-in as `callable` and calls
/// what it stands for with call_original(). False where there is none.
bool stand_in(PyObject *type, const char *method, vectorcallfunc function);

/// Calls what a stand-in stands for.
PyObject *call_original(PyObject *callable, PyObject *const *arguments, size_t count,
                        PyObject *names);

/// The same, with something that the function finds by context_of().
bool stand_in_with(PyObject *type, const char *method, vectorcallfunc function, const void *context);
const void *context_of(PyObject *callable);

/// How many arguments without a name a call has.
static inline size_t argument_count(size_t count) { return count & ~PY_VECTORCALL_ARGUMENTS_OFFSET; }

// MARK: Methods in C

/// A call that goes through the probe, of a method in C or in Python.
struct call {
  /// What it is called for: the object, and of a constructor in C the type.
  PyObject *object;
  /// In C.
  const struct native *native;
  void *words[4];
  /// In Python.
  PyObject *stand_in;
  PyObject *const *arguments;
  size_t count;
  PyObject *names;
};

/// Takes a call, and does what it would have done by go_on().
typedef PyObject *(*call_handler)(const struct call *call);
PyObject *go_on(const struct call *call);

/// Whether methods in C can be led through functions of the probe: tried out once.
bool are_natives_led(void);
/// Leads a method of a type's own, in C or in Python, through a function. False where there is none.
bool lead_method(PyObject *type, const char *name, call_handler handler);
/// The same for what makes objects of the type.
bool lead_constructor(PyObject *type, call_handler handler);
/// The same for what ends objects of the type, and of those made of it.
bool lead_end(PyObject *type, call_handler handler);
/// The flags of a method in C of a type's own, which say in what form it gets its arguments; 0 where there is
/// none.
int native_flags(PyObject *type, const char *name);
/// The object that such a call has made, from its result.
PyObject *made_by(const struct call *call, PyObject *result);
/// The same for the function in C that gives the next item in a loop.
bool lead_iteration(PyObject *type, call_handler handler);
/// The same for a function in C that is called by a pointer.
bool lead_pointer(void **place, call_handler handler);

// MARK: Values

/// Whether an object is one of a type, which may be missing, or of one made of it.
static inline bool is_of(const PyObject *object, PyTypeObject *type) {
  return type != NULL && (object->type == type || PyType_IsSubtype(object->type, type));
}

/// The code of a function: a reference, or NULL without an error. Programs' audit hooks are not told.
PyObject *code_of_function(PyObject *function);

/// Whether the type of an object has a name, apart from the module in front of it.
bool is_named(const PyObject *object, const char *name);

/// The whole number that an attribute is, or another number where it is none. `name` is interned.
long long number_of(PyObject *object, PyObject *name, long long otherwise);

/// Copies the text of an attribute, which may be missing; returns how much.
size_t copy_text(char *to, size_t room, PyObject *owner, const char *name);

/// Tells of an object at its creation, where another may have been before that said nothing when it went.
static inline void tell_creation(const void *object, uint8_t lock_kind) {
  if (!runtime->is_recording()) return;
  runtime->gone(object, lock_kind);
  runtime->init(object, lock_kind);
}

/// An interned string, made where `place` is NULL.
PyObject *interned(PyObject **place, const char *text);

// MARK: Modules

bool set_up_threading(PyObject *module);
bool set_up_queue(PyObject *module);
bool set_up_futures(PyObject *module);
void set_up_asyncio_queue(PyObject *queue);
bool set_up_asyncio(PyObject *module);
bool set_up_uvloop(PyObject *module);
bool set_up_simple_queue(PyObject *module);
bool set_up_greenlet(PyObject *module);
bool set_up_gevent_hub(PyObject *module);
bool set_up_gevent_greenlet(PyObject *module);
bool set_up_gevent_locks(PyObject *module);
bool set_up_gevent_thread(PyObject *module);
bool set_up_gevent_events(PyObject *module);
bool set_up_gevent_queues(PyObject *module);
bool set_up_gevent_pool(PyObject *module);
bool set_up_selectors(PyObject *module);
bool set_up_contexts(PyObject *module);
bool set_up_processes(PyObject *module);
bool set_up_shared_locks(PyObject *module);
bool set_up_connections(PyObject *module);
bool set_up_shared_queues(PyObject *module);
bool set_up_fork_server(PyObject *module);
bool set_up_resource_tracker(PyObject *module);

#endif
