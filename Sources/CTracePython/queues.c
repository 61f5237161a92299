// The modules queue and concurrent.futures: items of queues, and what threads wait for there.
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

// MARK: Items

/// The key of a queue, which is told of with how much it holds when it is met first.
static uint64_t key_of(PyObject *queue, uint8_t lock_kind) {
  static PyObject *names[2];
  static uint64_t told[64];
  uint64_t key = runtime->key(queue);
  uint64_t *place = &told[key * UINT64_C(0x9e3779b97f4a7c15) >> 58];
  if (*place != key) {
    PyObject *name = lock_kind == CTRACE_PYTHON_QUEUE ? interned(&names[0], "maxsize")
                                                      : interned(&names[1], "_maxsize");
    long long capacity = number_of(queue, name, 0);
    runtime->name(key, lock_kind, capacity > 0 ? (uint64_t)capacity : 0, NULL);
    *place = key;
  }
  return key;
}

PyObject *put_item(PyObject *callable, PyObject *const *arguments, size_t count, PyObject *names,
                   uint8_t lock_kind) {
  if (argument_count(count) == 0 || !runtime->is_recording())
    return call_original(callable, arguments, count, names);
  uint64_t time = runtime->now();
  PyObject *result = call_original(callable, arguments, count, names);
  if (result != NULL)
    runtime->items(CTRACE_RECORD_ENQUEUE, key_of(arguments[0], lock_kind), lock_kind, 1, 0, time);
  return result;
}

PyObject *take_item(PyObject *callable, PyObject *const *arguments, size_t count, PyObject *names,
                    uint8_t lock_kind) {
  PyObject *result = call_original(callable, arguments, count, names);
  if (result != NULL && argument_count(count) != 0 && runtime->is_recording())
    runtime->items(CTRACE_RECORD_DEQUEUE, key_of(arguments[0], lock_kind), lock_kind, 1, 0,
                   runtime->now_after());
  return result;
}

// Both run with the queue's own lock held, so that what they tell is in its order.

static PyObject *put(PyObject *callable, PyObject *const *arguments, size_t count, PyObject *names) {
  return put_item(callable, arguments, count, names, CTRACE_PYTHON_QUEUE);
}

static PyObject *take(PyObject *callable, PyObject *const *arguments, size_t count,
                      PyObject *names) {
  return take_item(callable, arguments, count, names, CTRACE_PYTHON_QUEUE);
}

bool set_up_queue(PyObject *module) {
  PyObject *last = get(module, "SimpleQueue");
  if (last == NULL) return false;
  mark_all(module, queue_methods);
  static const char *const types[] = {"Queue", "LifoQueue", "PriorityQueue"};
  for (size_t index = 0; index < sizeof types / sizeof *types; index++) {
    PyObject *type = get(module, types[index]);
    if (type != NULL) {
      stand_in(type, "_put", put);
      stand_in(type, "_get", take);
    }
    Py_DecRef(type);
  }
  Py_DecRef(last);
  return true;
}

bool set_up_futures(PyObject *module) {
  PyObject *last = get(module, "BrokenExecutor");
  if (last == NULL) return false;
  mark_all(module, future_methods);
  Py_DecRef(last);
  return true;
}
