// Greenlets: which one runs when.
//
// Whoever leaves a greenlet calls switch or throw of another, by a method or from C by the table that the
// module greenlet offers, and comes back out of the same call. So these calls tell it all, and the tracer
// that greenlet lets programs set stays theirs alone. A greenlet that begins has no such call to come out
// of, and is told before; one that ends goes to one that comes out of its own. One whose last reference goes
// is made to end by a switch of greenlet's own, which is part of that.
#include "greenlets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static __thread struct {
  /// The one that runs; NULL until a first switch.
  struct greenlet *current;
  uint64_t since;
  /// The one that the thread began as.
  struct greenlet main;
} thread;

/// What greenlet offers to C code, from 2.0 on: see greenlet.h there.
enum {
  OF_GET_CURRENT = 4,
  OF_THROW = 5,
  OF_SWITCH = 6,
  OF_STARTED = 9,
  OF_PARENT = 11,
};
static struct {
  PyObject *(*current)(void);
  int (*is_started)(PyObject *greenlet);
  PyObject *(*parent)(PyObject *greenlet);
} api;

static PyTypeObject *hub_type, *gevent_type;

struct greenlet *running_greenlet(void) {
  return likely(thread.current != NULL) ? thread.current : &thread.main;
}

// MARK: Known greenlets

/// All that have begun and not ended, by address. Memory comes from the kernel, and is used again.
static struct {
  struct greenlet **buckets;
  size_t bucket_count;
  size_t count;
  struct greenlet *unused;
} known;

static uint64_t last_number;

static struct greenlet **link_to(PyObject *object) {
  uint64_t hash = (uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15);
  struct greenlet **link = &known.buckets[(hash >> 20) & (known.bucket_count - 1)];
  while (*link != NULL && (*link)->object != object) link = &(*link)->next;
  return link;
}

static void *take_memory(size_t size) {
  int saved_errno = errno;
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  errno = saved_errno;
  return memory == MAP_FAILED ? NULL : memory;
}

/// Has as many buckets as greenlets, where that can be.
static void make_buckets(void) {
  enum { FEWEST = 1024 };
  size_t old_count = known.bucket_count, count = old_count == 0 ? FEWEST : 2 * old_count;
  struct greenlet **old = known.buckets, **buckets = take_memory(count * sizeof *buckets);
  if (buckets == NULL) return;
  known.buckets = buckets;
  known.bucket_count = count;
  for (size_t index = 0; index < old_count; index++)
    for (struct greenlet *each = old[index], *next; each != NULL; each = next) {
      next = each->next;
      each->next = NULL;
      *link_to(each->object) = each;
    }
  if (old != NULL) munmap(old, old_count * sizeof *old);
}

static void make_unused(void) {
  enum { AT_ONCE = 512 };
  struct greenlet *made = take_memory(AT_ONCE * sizeof *made);
  for (size_t index = 0; made != NULL && index < AT_ONCE; index++) {
    made[index].next = known.unused;
    known.unused = &made[index];
  }
}

static void name(struct greenlet *greenlet, PyObject *object, const char *text, size_t size) {
  *greenlet = (struct greenlet){
      .object = object,
      .number = ++last_number,
      .label = runtime->label(CTRACE_GREENLET, text, size),
      .inside = greenlet->inside,
      .is_inside = greenlet->is_inside,
      .next = greenlet->next,
  };
}

/// A greenlet that nothing is known of yet; another that has been at its address never ended. NULL where
/// there is no memory.
static struct greenlet *learn(PyObject *object, const char *text, size_t size) {
  if (known.count >= known.bucket_count) make_buckets();
  if (known.buckets == NULL) return NULL;
  struct greenlet **link = link_to(object), *greenlet = *link;
  if (greenlet == NULL) {
    if (known.unused == NULL) make_unused();
    if (known.unused == NULL) return NULL;
    greenlet = known.unused;
    known.unused = greenlet->next;
    greenlet->next = NULL;
    *link = greenlet;
    known.count += 1;
  }
  greenlet->inside = NULL;
  greenlet->is_inside = false;
  name(greenlet, object, text, size);
  return greenlet;
}

static void forget(struct greenlet *greenlet) {
  struct greenlet **link = greenlet == &thread.main ? NULL : link_to(greenlet->object);
  if (link == NULL || *link != greenlet) return;
  *link = greenlet->next;
  greenlet->next = known.unused;
  known.unused = greenlet;
  known.count -= 1;
}

// MARK: Names

enum { LONGEST_NAME = 160 };

/// What functions are called with where they are, by their code. A code stays as long as it is here, so that
/// no other comes to live at its address.
static struct function_name {
  PyObject *code;
  size_t size;
  char text[LONGEST_NAME];
} function_names[256];

static const char *text_of(PyObject *string) {
  const char *text = string == NULL ? NULL : PyUnicode_AsUTF8AndSize(string, NULL);
  return text == NULL ? "" : text;
}

static const struct function_name *name_of_function(PyObject *function) {
  static struct function_name unknown = {.text = "greenlet", .size = 8};
  static PyObject *first_line;
  PyObject *code = code_of_function(function);
  if (code == NULL) return &unknown;
  uint64_t hash = (uint64_t)(uintptr_t)code * UINT64_C(0x9e3779b97f4a7c15);
  struct function_name *found = &function_names[hash >> 56];
  if (found->code == code) {
    Py_DecRef(code);
    return found;
  }
  PyObject *qualified = get(function, "__qualname__"), *path = get(code, "co_filename");
  const char *slash = strrchr(text_of(path), '/');
  int size = snprintf(found->text, LONGEST_NAME, "%s (%s:%lld)", text_of(qualified),
                      slash == NULL ? text_of(path) : slash + 1,
                      number_of(code, interned(&first_line, "co_firstlineno"), 0));
  found->size = size < 0 ? 0 : size < LONGEST_NAME ? (size_t)size : LONGEST_NAME - 1;
  Py_DecRef(found->code);
  found->code = code;
  Py_DecRef(qualified);
  Py_DecRef(path);
  return found;
}

/// An attribute that is not computed by code of the program's.
static PyObject *plain_attribute(PyObject *object, PyObject *name) {
  PyObject *value = PyObject_GenericGetAttr(object, name);
  if (value == NULL) PyErr_Clear();
  return value;
}

/// The function that a callable leads to, which becomes the caller's.
static PyObject *function_behind(PyObject *callable) {
  enum { DEEPEST = 6 };
  static PyObject *target, *run, *function;
  for (int depth = 0; callable != NULL && depth < DEEPEST; depth++) {
    PyObject *next = NULL;
    if (callable->type == &PyMethod_Type) {
      // A thread of a program whose threads are greenlets: what it is for.
      PyObject *object = get(callable, "__self__");
      next = plain_attribute(object, interned(&target, "_target"));
      if (next == Py_None) {
        Py_DecRef(next);
        next = plain_attribute(object, interned(&run, "run"));
      }
      Py_DecRef(object);
      if (next == NULL || next->type == &PyMethod_Type) {
        PyObject *method = next == NULL ? callable : next;
        PyObject *plain = get(method, "__func__");
        Py_DecRef(next);
        next = plain;
      }
    } else if (callable->type != &PyFunction_Type) {
      if (is_named(callable, "partial")) next = plain_attribute(callable, interned(&function, "func"));
    }
    if (next == NULL) break;
    Py_DecRef(callable);
    callable = next;
  }
  return callable;
}

/// Learns a greenlet that is about to begin. Its function is known only now.
static struct greenlet *learn_named(PyObject *object) {
  static PyObject *run, *gevent_run;
  if (is_of(object, hub_type)) return learn(object, "Hub", 3);
  PyObject *callable =
      function_behind(plain_attribute(object, is_of(object, gevent_type)
                                                  ? interned(&gevent_run, "_run")
                                                  : interned(&run, "run")));
  struct greenlet *learned;
  if (callable != NULL && callable->type == &PyFunction_Type) {
    const struct function_name *name = name_of_function(callable);
    learned = learn(object, name->text, name->size);
  } else {
    PyObject *called = get(callable, "__qualname__");
    if (called == NULL && callable != NULL) called = get((PyObject *)callable->type, "__qualname__");
    const char *text = called == NULL ? "greenlet" : text_of(called);
    learned = learn(object, text, strlen(text));
    Py_DecRef(called);
  }
  Py_DecRef(callable);
  return learned;
}

// MARK: Switches

/// Another greenlet runs from now on. The one before has ended where it is not away.
static void arrive(struct greenlet *next) {
  struct greenlet *before = thread.current;
  if (likely(before != NULL)) {
    runtime->step(before->label, CTRACE_GREENLET, before->number, thread.since);
    if (unlikely(!before->is_away)) forget(before);
  }
  thread.current = next;
  thread.since = runtime->now();
}

/// Finds out which greenlet runs where it is not the one that is known to.
static noinline struct greenlet *find_current(PyObject *object) {
  PyObject *parent = api.parent(object);
  struct greenlet *found = parent == NULL ? &thread.main : *link_to(object);
  if (parent == NULL && thread.main.object != object)
    name(found, object, "main", strlen("main"));
  else if (found == NULL)
    found = learn_named(object);
  PyErr_Clear();
  Py_DecRef(parent);
  // The one before may be in the middle of something.
  if (thread.current != NULL && found != NULL) {
    bool was_away = thread.current->is_away;
    struct greenlet *before = thread.current;
    before->is_away = true;
    arrive(found);
    before->is_away = was_away;
  } else if (found != NULL) {
    arrive(found);
  }
  return found;
}

static struct greenlet *current_greenlet(void) {
  PyObject *object = api.current();
  if (unlikely(object == NULL)) {
    PyErr_Clear();
    return NULL;
  }
  // The thread keeps it.
  Py_DecRef(object);
  struct greenlet *current = thread.current;
  return likely(current != NULL && current->object == object) ? current : find_current(object);
}

static noinline void begin(PyObject *object) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  struct greenlet *learned = learn_named(object);
  PyErr_Restore(type, value, traceback);
  if (learned != NULL) arrive(learned);
}

static PyObject *switch_called(const struct call *call) {
  struct greenlet *me = runtime->is_recording() ? current_greenlet() : NULL;
  if (unlikely(me == NULL)) return go_on(call);
  me->is_away = true;
  if (me->inside != NULL) me->inside->waiters += 1;
  if (unlikely(!api.is_started(call->object))) begin(call->object);
  PyObject *result = go_on(call);
  if (me->inside != NULL) me->inside->waiters -= 1;
  me->is_away = false;
  if (likely(thread.current != me)) {
    me->has_waited = true;
    arrive(me);
  }
  return result;
}

/// A greenlet goes. It may have had to run once more to its end.
static PyObject *end_called(const struct call *call) {
  struct greenlet *me = thread.current, **link = link_to(call->object), *ending = *link;
  PyObject *result = go_on(call);
  if (unlikely(thread.current != me) && me != NULL && runtime->is_recording()) arrive(me);
  // One that lives on after all is still away.
  link = link_to(call->object);
  if (unlikely(ending != NULL) && *link == ending && !ending->is_away) forget(ending);
  return result;
}

// MARK: Setting up

void set_hub_type(PyObject *type) {
  Py_IncRef(type);
  hub_type = (PyTypeObject *)type;
}

void set_gevent_greenlet_type(PyObject *type) {
  Py_IncRef(type);
  gevent_type = (PyTypeObject *)type;
}

/// The table for C code; NULL where this greenlet is too old to have all of it.
static void **find_table(PyObject *module) {
  PyObject *version = get(module, "__version__"), *capsule = get(module, "_C_API");
  void **table = NULL;
  if (capsule != NULL && atoi(text_of(version)) >= 2)
    table = PyCapsule_GetPointer(capsule, "greenlet._C_API");
  PyErr_Clear();
  Py_DecRef(capsule);
  Py_DecRef(version);
  return table;
}

bool set_up_greenlet(PyObject *module) {
  if (!is_complete(module)) return false;
  PyObject *type = get(module, "greenlet");
  void **table = find_table(module);
  if (known.buckets == NULL) make_buckets();
  if (table == NULL) {
    runtime->note("this greenlet is older than 2.0: its switches are not recorded.");
  } else if (known.buckets != NULL && are_natives_led()) {
    api.current = (PyObject * (*)(void)) table[OF_GET_CURRENT];
    api.is_started = (int (*)(PyObject *))table[OF_STARTED];
    api.parent = (PyObject * (*)(PyObject *)) table[OF_PARENT];
    runtime->set_stack_switcher((const void *)api.current);
    lead_method(type, "switch", switch_called);
    lead_method(type, "throw", switch_called);
    lead_pointer(&table[OF_SWITCH], switch_called);
    lead_pointer(&table[OF_THROW], switch_called);
    lead_end(type, end_called);
  }
  Py_DecRef(type);
  return true;
}
