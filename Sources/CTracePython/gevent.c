// gevent: what greenlets wait for, and what goes through its queues.
//
// Its locks, events and queues are types in C, made by Cython. Calls of their methods come by here; calls
// that gevent's own C code makes without Python do not: what gevent.pool's imap hands on, for one. A call
// that is part of another, as the acquire of what an RLock is made of, counts as that other. A greenlet has
// waited where it has switched to another and come back within a call.
#include "greenlets.h"

// MARK: Objects

enum { MOST_OBJECTS = 4096, OBJECTS_OF_ONE_HASH = 4 };
static struct waited_object objects[MOST_OBJECTS];

/// What is known of an object; NULL where all places are taken.
static struct waited_object *find_object(PyObject *object) {
  uint64_t hash = (uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15);
  struct waited_object *first = &objects[hash >> 52 & ~(uint64_t)(OBJECTS_OF_ONE_HASH - 1)];
  struct waited_object *unused = NULL;
  for (struct waited_object *each = first; each < first + OBJECTS_OF_ONE_HASH; each++) {
    if (each->object == object) return each;
    if (each->users == 0 && (unused == NULL || each->object == NULL)) unused = each;
  }
  if (unused != NULL) *unused = (struct waited_object){.object = object};
  return unused;
}

static PyObject *lock_type;

/// The lock of a program whose threads are greenlets is a semaphore too.
static uint8_t kind_of_semaphore(PyTypeObject *type) {
  return lock_type != NULL && PyType_IsSubtype(type, (PyTypeObject *)lock_type)
             ? CTRACE_GEVENT_LOCK
             : CTRACE_GEVENT_SEMAPHORE;
}

// MARK: Calls

/// A call of an object that greenlets wait for.
struct use {
  struct greenlet *greenlet;
  struct waited_object *object;
  uint64_t start;
};

/// False where the call is part of another, or is not recorded.
static bool begin_use(struct use *use, PyObject *object) {
  struct greenlet *greenlet = running_greenlet();
  if (greenlet->is_inside || !runtime->is_recording()) return false;
  use->greenlet = greenlet;
  use->object = find_object(object);
  if (use->object != NULL) use->object->users += 1;
  greenlet->is_inside = true;
  greenlet->has_waited = false;
  greenlet->inside = use->object;
  use->start = runtime->now();
  return true;
}

/// Whether the greenlet has waited.
static bool end_use(struct use *use) {
  if (use->object != NULL) use->object->users -= 1;
  use->greenlet->is_inside = false;
  use->greenlet->inside = NULL;
  return use->greenlet->has_waited;
}

static PyObject *full, *empty;

static uint8_t outcome_of(PyObject *result) {
  if (result == Py_False) return CTRACE_TIMED_OUT;
  if (result != NULL) return CTRACE_ACQUIRED;
  bool is_over = (full != NULL && PyErr_ExceptionMatches(full)) ||
                 (empty != NULL && PyErr_ExceptionMatches(empty));
  return is_over ? CTRACE_TIMED_OUT : CTRACE_FAILED;
}

static void tell_wait(const struct use *use, const void *object, uint8_t lock_kind,
                      uint8_t operation, uint8_t outcome) {
  runtime->task_wait(runtime->key(object), lock_kind, operation, outcome, use->greenlet->number,
                     use->start, NULL, 0);
}

static void tell_release(const struct use *use, const void *object, uint8_t lock_kind,
                         uint64_t acquired) {
  runtime->task_release(runtime->key(object), lock_kind, use->greenlet->number, acquired);
}

static PyObject *make(const struct call *call, uint8_t lock_kind) {
  struct use use;
  if (!begin_use(&use, call->object)) return go_on(call);
  PyObject *result = go_on(call), *object = made_by(call, result);
  end_use(&use);
  if (object == NULL) return result;
  struct waited_object *known = find_object(object);
  if (known != NULL && known->users == 0) *known = (struct waited_object){.object = object};
  tell_creation(object, lock_kind);
  return result;
}

// MARK: Locks and semaphores

/// What the libraries of Python's do with a lock that is a greenlet's, where that is all that it is for; its
/// object is NULL where it is not.
static struct ctrace_python_object purpose_of_lock(uint8_t lock_kind) {
  struct ctrace_python_object none = {.object = NULL};
  if (lock_kind != CTRACE_GEVENT_LOCK) return none;
  struct ctrace_python_object found = runtime->object_in_use();
  bool is_purpose =
      found.inner_role == CTRACE_ROLE_WAIT || found.inner_role == CTRACE_ROLE_WAKE;
  return is_purpose ? found : none;
}

static uint8_t operation_of(uint8_t role) {
  return role == CTRACE_ROLE_PUT      ? CTRACE_PUT
         : role == CTRACE_ROLE_TAKE   ? CTRACE_TAKE
         : role == CTRACE_ROLE_ARRIVE ? CTRACE_ARRIVE
                                      : CTRACE_WAIT;
}

static void tell_value(PyObject *semaphore) {
  static PyObject *counter;
  long long value = number_of(semaphore, interned(&counter, "counter"), -1);
  if (value >= 0)
    runtime->depth(runtime->key(semaphore), CTRACE_GEVENT_SEMAPHORE, (uint64_t)value);
}

static PyObject *acquire(const struct call *call, uint8_t lock_kind) {
  struct use use;
  if (!begin_use(&use, call->object)) return go_on(call);
  PyObject *result = go_on(call);
  bool has_waited = end_use(&use);
  struct ctrace_python_object purpose = purpose_of_lock(lock_kind);
  if (purpose.object != NULL) {
    if (has_waited)
      tell_wait(&use, purpose.object, purpose.lock_kind, operation_of(purpose.role),
                outcome_of(result));
    return result;
  }
  if (has_waited) tell_wait(&use, call->object, lock_kind, CTRACE_LOCK, outcome_of(result));
  if (result == NULL || result == Py_False) return result;
  runtime->acquired(call->object, lock_kind);
  if (use.object != NULL) use.object->acquired = runtime->now();
  if (lock_kind == CTRACE_GEVENT_SEMAPHORE) tell_value(call->object);
  return result;
}

static PyObject *release(const struct call *call, uint8_t lock_kind) {
  struct use use;
  if (!begin_use(&use, call->object)) return go_on(call);
  PyObject *result = go_on(call);
  end_use(&use);
  if (result == NULL) return result;
  bool is_wanted = use.object != NULL && use.object->waiters > 0;
  struct ctrace_python_object purpose = purpose_of_lock(lock_kind);
  if (purpose.object != NULL) {
    // Of queues, what comes in wakes.
    if (is_wanted && purpose.lock_kind != CTRACE_PYTHON_QUEUE)
      tell_release(&use, purpose.object, purpose.lock_kind, 0);
    return result;
  }
  runtime->released(call->object, lock_kind);
  if (is_wanted) tell_release(&use, call->object, lock_kind, use.object->acquired);
  if (use.object != NULL) use.object->acquired = 0;
  if (lock_kind == CTRACE_GEVENT_SEMAPHORE) tell_value(call->object);
  return result;
}

static PyObject *acquire_semaphore(const struct call *call) {
  return acquire(call, kind_of_semaphore(call->object->type));
}

static PyObject *release_semaphore(const struct call *call) {
  return release(call, kind_of_semaphore(call->object->type));
}

static PyObject *wait_for_semaphore(const struct call *call) {
  struct use use;
  if (!begin_use(&use, call->object)) return go_on(call);
  PyObject *result = go_on(call);
  if (end_use(&use))
    tell_wait(&use, call->object, kind_of_semaphore(call->object->type), CTRACE_WAIT,
              outcome_of(result));
  return result;
}

static PyObject *make_semaphore(const struct call *call) {
  PyTypeObject *type = call->stand_in != NULL ? call->object->type : (PyTypeObject *)call->object;
  uint8_t lock_kind = kind_of_semaphore(type);
  struct ctrace_python_object user = {.object = NULL};
  if (lock_kind == CTRACE_GEVENT_LOCK && runtime->is_recording()) user = runtime->object_in_use();
  // One to wait by, made for a single wait.
  if (user.object != NULL && user.inner_role == CTRACE_ROLE_WAIT) return go_on(call);
  PyObject *result = make(call, lock_kind);
  if (result != NULL && user.object != NULL && user.role == CTRACE_ROLE_MAKE)
    tell_creation(user.object, user.lock_kind);
  return result;
}

static PyObject *make_rlock(const struct call *call) { return make(call, CTRACE_GEVENT_LOCK); }

/// What is held already is not acquired once more, and not released before it is so as often.
static bool is_held_by(PyObject *rlock, const struct greenlet *greenlet) {
  static PyObject *owner;
  PyObject *holder = PyObject_GenericGetAttr(rlock, interned(&owner, "_owner"));
  bool is_holder = holder != NULL && holder == greenlet->object;
  PyErr_Clear();
  Py_DecRef(holder);
  return is_holder;
}

static PyObject *acquire_rlock(const struct call *call) {
  return is_held_by(call->object, running_greenlet()) ? go_on(call)
                                                      : acquire(call, CTRACE_GEVENT_LOCK);
}

static PyObject *release_rlock(const struct call *call) {
  static PyObject *count;
  return number_of(call->object, interned(&count, "_count"), 1) > 1
             ? go_on(call)
             : release(call, CTRACE_GEVENT_LOCK);
}

static PyObject *restore_rlock(const struct call *call) {
  return acquire(call, CTRACE_GEVENT_LOCK);
}

static PyObject *give_up_rlock(const struct call *call) {
  return release(call, CTRACE_GEVENT_LOCK);
}

// MARK: Events

static PyObject *wait_for_event(const struct call *call) {
  struct use use;
  if (!begin_use(&use, call->object)) return go_on(call);
  PyObject *result = go_on(call);
  if (end_use(&use))
    tell_wait(&use, call->object, CTRACE_GEVENT_EVENT, CTRACE_WAIT, outcome_of(result));
  return result;
}

/// What is waited for is a value: it may be any.
static PyObject *wait_for_result(const struct call *call) {
  struct use use;
  if (!begin_use(&use, call->object)) return go_on(call);
  PyObject *result = go_on(call);
  if (end_use(&use))
    tell_wait(&use, call->object, CTRACE_GEVENT_EVENT, CTRACE_WAIT,
              result == NULL ? CTRACE_FAILED : CTRACE_ACQUIRED);
  return result;
}

static PyObject *set_event(const struct call *call) {
  struct use use;
  if (!begin_use(&use, call->object)) return go_on(call);
  PyObject *result = go_on(call);
  end_use(&use);
  if (result != NULL && use.object != NULL && use.object->waiters > 0)
    tell_release(&use, call->object, CTRACE_GEVENT_EVENT, 0);
  return result;
}

static PyObject *make_event(const struct call *call) { return make(call, CTRACE_GEVENT_EVENT); }

// MARK: Queues

/// How many items a queue holds; 0 where it says nothing.
static uint64_t size_of(PyObject *queue) {
  static PyObject *name;
  PyObject *items = PyObject_GenericGetAttr(queue, interned(&name, "queue"));
  Py_ssize_t size = items == NULL ? 0 : PyObject_Size(items);
  PyErr_Clear();
  Py_DecRef(items);
  return size > 0 ? (uint64_t)size : 0;
}

/// Begins a use of a queue, which is told of when it is met first.
static bool begin_queue_use(struct use *use, PyObject *queue) {
  static PyObject *maximum;
  if (!begin_use(use, queue)) return false;
  if (use->object != NULL && use->object->is_told) return true;
  uint64_t key = runtime->key(queue), size = size_of(queue);
  long long capacity = number_of(queue, interned(&maximum, "maxsize"), 0);
  runtime->name(key, CTRACE_GEVENT_QUEUE, capacity > 0 ? (uint64_t)capacity : 0, NULL);
  if (size > 0) runtime->depth(key, CTRACE_GEVENT_QUEUE, size);
  if (use->object != NULL) use->object->is_told = true;
  return true;
}

static void tell_items(PyObject *queue, uint8_t record_kind, uint64_t time) {
  runtime->items(record_kind, runtime->key(queue), CTRACE_GEVENT_QUEUE, 1, 0, time);
}

static PyObject *put(const struct call *call) {
  struct use use;
  if (!begin_queue_use(&use, call->object)) return go_on(call);
  PyObject *result = go_on(call);
  bool has_waited = end_use(&use);
  if (has_waited)
    tell_wait(&use, call->object, CTRACE_GEVENT_QUEUE, CTRACE_PUT, outcome_of(result));
  // One that had to wait for room was let in just now.
  if (result != NULL)
    tell_items(call->object, CTRACE_RECORD_ENQUEUE, has_waited ? runtime->now() : use.start);
  return result;
}

static PyObject *take_by(const struct call *call, bool is_taken, bool is_iteration) {
  struct use use;
  if (!begin_queue_use(&use, call->object)) return go_on(call);
  PyObject *result = go_on(call);
  if (end_use(&use))
    tell_wait(&use, call->object, CTRACE_GEVENT_QUEUE, CTRACE_TAKE,
              result == Py_False ? CTRACE_ACQUIRED : outcome_of(result));
  // A loop takes the item that ends it.
  if (result == NULL && is_iteration) is_taken = PyErr_ExceptionMatches(PyExc_StopIteration);
  else if (result == NULL) is_taken = false;
  if (is_taken) tell_items(call->object, CTRACE_RECORD_DEQUEUE, runtime->now());
  return result;
}

static PyObject *take(const struct call *call) { return take_by(call, true, false); }
static PyObject *take_next(const struct call *call) { return take_by(call, true, true); }
static PyObject *look_at(const struct call *call) { return take_by(call, false, false); }

/// A channel has what is offered to it: it goes in when the call begins.
static PyObject *put_channel(const struct call *call) {
  struct use use;
  if (!begin_queue_use(&use, call->object)) return go_on(call);
  tell_items(call->object, CTRACE_RECORD_ENQUEUE, use.start);
  PyObject *result = go_on(call);
  if (end_use(&use))
    tell_wait(&use, call->object, CTRACE_GEVENT_QUEUE, CTRACE_PUT, outcome_of(result));
  if (result == NULL) tell_items(call->object, CTRACE_RECORD_DEQUEUE, runtime->now());
  return result;
}

static PyObject *join_queue(const struct call *call) {
  struct use use;
  if (!begin_queue_use(&use, call->object)) return go_on(call);
  PyObject *result = go_on(call);
  if (end_use(&use))
    tell_wait(&use, call->object, CTRACE_GEVENT_QUEUE, CTRACE_WAIT, outcome_of(result));
  return result;
}

/// What was in it may be thrown away.
static PyObject *shut_down(const struct call *call) {
  struct use use;
  if (!begin_queue_use(&use, call->object)) return go_on(call);
  PyObject *result = go_on(call);
  end_use(&use);
  if (result != NULL)
    runtime->depth(runtime->key(call->object), CTRACE_GEVENT_QUEUE, size_of(call->object));
  return result;
}

static PyObject *make_queue(const struct call *call) { return make(call, CTRACE_GEVENT_QUEUE); }

/// The queue of a pool of threads: used by several at once, it waits by locks of the interpreter's.
static PyObject *put_task(const struct call *call) {
  uint64_t time = runtime->now();
  PyObject *result = go_on(call);
  if (result != NULL) tell_items(call->object, CTRACE_RECORD_ENQUEUE, time);
  return result;
}

static PyObject *take_task(const struct call *call) {
  PyObject *result = go_on(call);
  if (result != NULL) tell_items(call->object, CTRACE_RECORD_DEQUEUE, runtime->now_after());
  return result;
}

// MARK: Setting up

struct led_method {
  const char *name;
  call_handler handler;
};

/// Leads what a type and its bases have of some methods, and what makes it.
static void lead_type(PyObject *module, const char *name, const struct led_method *methods,
                      call_handler make) {
  PyObject *type = get(module, name), *bases = get(type, "__mro__");
  Py_ssize_t count = bases == NULL ? 0 : PyTuple_Size(bases);
  // The last is object.
  for (Py_ssize_t index = 0; index < count - 1; index++) {
    PyObject *base = PyTuple_GetItem(bases, index);
    for (const struct led_method *method = methods; method->name != NULL; method++)
      lead_method(base, method->name, method->handler);
    lead_constructor(base, make);
  }
  Py_DecRef(bases);
  Py_DecRef(type);
}

bool set_up_gevent_hub(PyObject *module) {
  PyObject *type = get(module, "Hub");
  if (type == NULL || !is_complete(module)) {
    Py_DecRef(type);
    return false;
  }
  set_hub_type(type);
  Py_DecRef(type);
  return true;
}

bool set_up_gevent_greenlet(PyObject *module) {
  PyObject *type = get(module, "Greenlet");
  if (type == NULL || !is_complete(module)) {
    Py_DecRef(type);
    return false;
  }
  set_gevent_greenlet_type(type);
  Py_DecRef(type);
  return true;
}

bool set_up_gevent_locks(PyObject *module) {
  static const struct led_method semaphore[] = {
      {"acquire", acquire_semaphore},   {"wait", wait_for_semaphore},
      {"release", release_semaphore},   {"__enter__", acquire_semaphore},
      {"__exit__", release_semaphore}, {.name = NULL},
  };
  static const struct led_method rlock[] = {
      {"acquire", acquire_rlock},          {"__enter__", acquire_rlock},
      {"_acquire_restore", restore_rlock}, {"release", release_rlock},
      {"__exit__", release_rlock},         {"_release_save", give_up_rlock},
      {.name = NULL},
  };
  if (!is_complete(module)) return false;
  lead_type(module, "Semaphore", semaphore, make_semaphore);
  lead_type(module, "BoundedSemaphore", semaphore, make_semaphore);
  lead_type(module, "RLock", rlock, make_rlock);
  return true;
}

bool set_up_gevent_thread(PyObject *module) {
  PyObject *type = get(module, "LockType");
  if (type == NULL || !is_complete(module)) {
    Py_DecRef(type);
    return false;
  }
  lock_type = type;
  mark(type, "acquire", CTRACE_ROLE_PART, 0);
  lead_constructor(type, make_semaphore);
  return true;
}

bool set_up_gevent_events(PyObject *module) {
  static const struct led_method event[] = {
      {"wait", wait_for_event}, {"set", set_event}, {.name = NULL}};
  static const struct led_method result[] = {
      {"wait", wait_for_result}, {"get", wait_for_result},        {"result", wait_for_result},
      {"set", set_event},        {"set_exception", set_event}, {.name = NULL},
  };
  if (!is_complete(module)) return false;
  lead_type(module, "Event", event, make_event);
  lead_type(module, "AsyncResult", result, make_event);
  return true;
}

/// A loop over a queue takes its items.
static void lead_loop(PyObject *module, const char *name) {
  PyObject *type = get(module, name);
  if (type != NULL) lead_iteration(type, take_next);
  Py_DecRef(type);
}

bool set_up_gevent_queues(PyObject *module) {
  static const struct led_method queue[] = {
      {"put", put},           {"put_nowait", put},      {"get", take},
      {"get_nowait", take},   {"peek", look_at},        {"peek_nowait", look_at},
      {"__next__", take_next}, {"join", join_queue},     {"shutdown", shut_down},
      {.name = NULL},
  };
  static const struct led_method channel[] = {
      {"put", put_channel}, {"put_nowait", put_channel}, {"get", take},
      {"get_nowait", take}, {"__next__", take_next},     {.name = NULL},
  };
  static const char *const types[] = {"SimpleQueue",  "Queue",     "UnboundQueue",
                                      "PriorityQueue", "LifoQueue", "JoinableQueue"};
  if (!is_complete(module)) return false;
  full = get(module, "Full");
  empty = get(module, "Empty");
  lead_type(module, "Channel", channel, make_queue);
  lead_loop(module, "Channel");
  for (size_t index = 0; index < sizeof types / sizeof *types; index++) {
    lead_type(module, types[index], queue, make_queue);
    lead_loop(module, types[index]);
  }
  return true;
}

bool set_up_gevent_pool(PyObject *module) {
  static const struct led_method queue[] = {{"put", put_task}, {"get", take_task}, {.name = NULL}};
  if (!is_complete(module)) return false;
  lead_type(module, "Queue", queue, make_queue);
  return true;
}
