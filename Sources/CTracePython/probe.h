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

/// How many arguments without a name a call has.
static inline size_t argument_count(size_t count) { return count & ~PY_VECTORCALL_ARGUMENTS_OFFSET; }

/// A method in C of a type, if it can be changed; otherwise NULL. It is of the form that its flags say.
PyMethodDef *method_in_c(PyObject *type, const char *name);
/// Lets it go through a function of the same form; returns the one it had. For good, and only once.
PyCFunction redirect(PyMethodDef *method, PyCFunction function);

// MARK: Values

/// Whether the type of an object has a name, apart from the module in front of it.
bool is_named(const PyObject *object, const char *name);

/// The whole number that an attribute is, or another number where it is none. `name` is interned.
long long number_of(PyObject *object, PyObject *name, long long otherwise);

/// An interned string, made where `place` is NULL.
PyObject *interned(PyObject **place, const char *text);

// MARK: Queues

// Call the method of a queue that a stand-in stands for, and tell of the item that it puts in or takes out.
PyObject *put_item(PyObject *callable, PyObject *const *arguments, size_t count, PyObject *names,
                   uint8_t lock_kind);
PyObject *take_item(PyObject *callable, PyObject *const *arguments, size_t count, PyObject *names,
                    uint8_t lock_kind);

// MARK: Modules

bool set_up_threading(PyObject *module);
bool set_up_queue(PyObject *module);
bool set_up_futures(PyObject *module);
bool set_up_asyncio(PyObject *module);
bool set_up_uvloop(PyObject *module);

#endif
