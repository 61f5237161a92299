// The modules queue and concurrent.futures: items of queues, and what threads wait for there. The queues of
// asyncio are made in the same way.
#include "probe.h"

static const struct marked_method queue_methods[] = {
    {"Queue", "__init__", CTRACE_ROLE_MAKE, CTRACE_PYTHON_QUEUE},
    {"Queue", "put", CTRACE_ROLE_PUT, CTRACE_PYTHON_QUEUE},
    {"Queue", "put_nowait", CTRACE_ROLE_PART, 0},
    {"Queue", "get", CTRACE_ROLE_TAKE, CTRACE_PYTHON_QUEUE},
    {"Queue", "get_nowait", CTRACE_ROLE_PART, 0},
    {"Queue", "join", CTRACE_ROLE_WAIT, CTRACE_PYTHON_QUEUE},
    {"Queue", "task_done", CTRACE_ROLE_WAKE, CTRACE_PYTHON_QUEUE},
    {.type = NULL},
};

static const struct marked_method future_methods[] = {
    {"Future", "__init__", CTRACE_ROLE_MAKE, CTRACE_FUTURE},
    {"Future", "result", CTRACE_ROLE_WAIT, CTRACE_FUTURE},
    {"Future", "exception", CTRACE_ROLE_WAIT, CTRACE_FUTURE},
    {"Future", "set_result", CTRACE_ROLE_WAKE, CTRACE_FUTURE},
    {"Future", "set_exception", CTRACE_ROLE_WAKE, CTRACE_FUTURE},
    {.type = NULL},
};

// MARK: Items in no order

/// When items came into queues that give them out in an order of their own. An item is known by its object;
/// of those that have no room the oldest are forgotten.
enum { ITEMS = 1 << 13, ITEMS_OF_ONE = 8 };
static struct item {
  PyObject *queue;
  PyObject *object;
  uint64_t time;
} items[ITEMS + ITEMS_OF_ONE];

static struct item *first_item(PyObject *queue, PyObject *object) {
  uint64_t hash = ((uintptr_t)queue * 31 ^ (uintptr_t)object) * UINT64_C(0x9e3779b97f4a7c15);
  return &items[hash >> 40 & (ITEMS - 1)];
}

static void remember_item(PyObject *queue, PyObject *object, uint64_t time) {
  struct item *first = first_item(queue, object), *oldest = first;
  for (struct item *item = first; item < first + ITEMS_OF_ONE && oldest->queue != NULL; item++)
    if (item->queue == NULL || item->time < oldest->time) oldest = item;
  *oldest = (struct item){queue, object, time};
}

/// When an item came in; 0 where that is not known.
static uint64_t forget_item(PyObject *queue, PyObject *object) {
  struct item *first = first_item(queue, object);
  for (struct item *item = first; item < first + ITEMS_OF_ONE; item++) {
    if (item->queue != queue || item->object != object) continue;
    item->queue = NULL;
    return item->time;
  }
  return 0;
}

// MARK: Items

/// The key of a queue, which is told of with how much it holds when it is met first.
static uint64_t key_of(PyObject *queue, uint8_t lock_kind) {
  static PyObject *names[2];
  static uint64_t told[64];
  uint64_t key = runtime->key(queue);
  uint64_t *place = &told[key * UINT64_C(0x9e3779b97f4a7c15) >> 58];
  if (*place != key) {
    bool is_asyncio = lock_kind == CTRACE_ASYNCIO_QUEUE;
    PyObject *name = interned(&names[is_asyncio], is_asyncio ? "_maxsize" : "maxsize");
    long long capacity = number_of(queue, name, 0);
    runtime->name(key, lock_kind, capacity > 0 ? (uint64_t)capacity : 0, NULL);
    *place = key;
  }
  return key;
}

/// The queue in whose method the thread is: a class may call the same method of the one that it is made
/// of, which counts as one.
static __thread PyObject *within;

// Both run with the queue's own lock held, or without another turn, so that what they tell is in its order,
// and so are their stamps.

static PyObject *put_in(PyObject *callable, PyObject *const *arguments, size_t count,
                        PyObject *names, uint8_t lock_kind, bool is_ordered) {
  PyObject *outer = within, *queue = argument_count(count) == 0 ? NULL : arguments[0];
  if (queue == NULL || queue == outer || !runtime->is_recording())
    return call_original(callable, arguments, count, names);
  uint64_t time = runtime->now();
  within = queue;
  PyObject *result = call_original(callable, arguments, count, names);
  within = outer;
  if (result != NULL) {
    if (!is_ordered && argument_count(count) == 2) remember_item(queue, arguments[1], time);
    runtime->items(CTRACE_RECORD_ENQUEUE, key_of(queue, lock_kind), lock_kind, 1, 0, time);
  }
  return result;
}

static PyObject *take_out(PyObject *callable, PyObject *const *arguments, size_t count,
                          PyObject *names, uint8_t lock_kind) {
  PyObject *outer = within, *queue = argument_count(count) == 0 ? NULL : arguments[0];
  if (queue == NULL || queue == outer || !runtime->is_recording())
    return call_original(callable, arguments, count, names);
  within = queue;
  PyObject *result = call_original(callable, arguments, count, names);
  within = outer;
  if (result != NULL)
    runtime->items(CTRACE_RECORD_DEQUEUE, key_of(queue, lock_kind), lock_kind, 1,
                   forget_item(queue, result), runtime->now());
  return result;
}

// MARK: Threads

static PyObject *put(PyObject *callable, PyObject *const *arguments, size_t count, PyObject *names) {
  return put_in(callable, arguments, count, names, CTRACE_PYTHON_QUEUE, true);
}

static PyObject *put_unordered(PyObject *callable, PyObject *const *arguments, size_t count,
                               PyObject *names) {
  return put_in(callable, arguments, count, names, CTRACE_PYTHON_QUEUE, false);
}

static PyObject *take(PyObject *callable, PyObject *const *arguments, size_t count,
                      PyObject *names) {
  return take_out(callable, arguments, count, names, CTRACE_PYTHON_QUEUE);
}

// MARK: asyncio

static PyObject *asyncio_put(PyObject *callable, PyObject *const *arguments, size_t count,
                             PyObject *names) {
  return put_in(callable, arguments, count, names, CTRACE_ASYNCIO_QUEUE, true);
}

static PyObject *asyncio_put_unordered(PyObject *callable, PyObject *const *arguments, size_t count,
                                       PyObject *names) {
  return put_in(callable, arguments, count, names, CTRACE_ASYNCIO_QUEUE, false);
}

static PyObject *asyncio_take(PyObject *callable, PyObject *const *arguments, size_t count,
                              PyObject *names) {
  return take_out(callable, arguments, count, names, CTRACE_ASYNCIO_QUEUE);
}

// MARK: Classes

/// Sees to the classes that a program has made of one of these, when there is a queue of theirs.
static void set_up_classes(PyObject *queue, vectorcallfunc put_function,
                           vectorcallfunc take_function) {
  PyObject *order = get((PyObject *)queue->type, "__mro__");
  for (Py_ssize_t index = 0; order != NULL && index < PyTuple_Size(order); index++) {
    PyObject *type = PyTuple_GetItem(order, index);
    stand_in(type, "_put", put_function);
    stand_in(type, "_get", take_function);
  }
  Py_DecRef(order);
}

static PyObject *make(PyObject *callable, PyObject *const *arguments, size_t count,
                      PyObject *names) {
  PyObject *result = call_original(callable, arguments, count, names);
  if (result != NULL && argument_count(count) != 0)
    set_up_classes(arguments[0], put_unordered, take);
  return result;
}

static PyObject *asyncio_make(PyObject *callable, PyObject *const *arguments, size_t count,
                              PyObject *names) {
  if (argument_count(count) != 0) {
    tell_creation(arguments[0], CTRACE_ASYNCIO_QUEUE);
    set_up_classes(arguments[0], asyncio_put_unordered, asyncio_take);
  }
  return call_original(callable, arguments, count, names);
}

bool set_up_queue(PyObject *module) {
  PyObject *last = get(module, "SimpleQueue");
  if (last == NULL) return false;
  mark_all(module, queue_methods);
  PyObject *queue = get(module, "Queue");
  stand_in(queue, "_put", put);
  stand_in(queue, "_get", take);
  stand_in(queue, "__init__", make);
  Py_DecRef(queue);
  Py_DecRef(last);
  return true;
}

void set_up_asyncio_queue(PyObject *queue) {
  stand_in(queue, "_put", asyncio_put);
  stand_in(queue, "_get", asyncio_take);
  stand_in(queue, "__init__", asyncio_make);
}

bool set_up_futures(PyObject *module) {
  PyObject *last = get(module, "BrokenExecutor");
  if (last == NULL) return false;
  mark_all(module, future_methods);
  Py_DecRef(last);
  return true;
}
