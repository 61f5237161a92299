// Queues without a limit, which concurrent.futures' pools of threads use: one is a type in C, with a lock of
// its own to wait by. While a thread is in a call of it, the runtime takes that lock for the queue.
#include "probe.h"

static struct ctrace_python_object enter(PyObject *object, uint8_t role) {
  return runtime->enter_object((struct ctrace_python_object){
      .object = object, .role = role, .lock_kind = CTRACE_PYTHON_QUEUE});
}

static PyObject *put(const struct call *call) {
  if (!runtime->is_recording()) return go_on(call);
  uint64_t time = runtime->now();
  struct ctrace_python_object before = enter(call->object, CTRACE_ROLE_WAKE);
  PyObject *result = go_on(call);
  runtime->enter_object(before);
  // Before the interpreter's lock is given up, so that nobody has taken the item yet.
  if (result != NULL)
    runtime->items(CTRACE_RECORD_ENQUEUE, runtime->key(call->object), CTRACE_PYTHON_QUEUE, 1, 0, time);
  return result;
}

static PyObject *take(const struct call *call) {
  if (!runtime->is_recording()) return go_on(call);
  struct ctrace_python_object before = enter(call->object, CTRACE_ROLE_TAKE);
  PyObject *result = go_on(call);
  runtime->enter_object(before);
  if (result != NULL)
    runtime->items(CTRACE_RECORD_DEQUEUE, runtime->key(call->object), CTRACE_PYTHON_QUEUE, 1, 0,
                   runtime->now_after());
  return result;
}

static PyObject *make(const struct call *call) {
  struct ctrace_python_object before = enter(call->object, CTRACE_ROLE_PART);
  PyObject *result = go_on(call);
  runtime->enter_object(before);
  if (result != NULL) {
    // Where another has been before: an object says nothing when it goes.
    runtime->gone(result, CTRACE_PYTHON_QUEUE);
    runtime->init(result, CTRACE_PYTHON_QUEUE);
  }
  return result;
}

bool set_up_simple_queue(PyObject *module) {
  PyObject *type = get(module, "SimpleQueue");
  if (type == NULL) return false;
  lead_constructor(type, make);
  lead_method(type, "put", put);
  lead_method(type, "put_nowait", put);
  lead_method(type, "get", take);
  lead_method(type, "get_nowait", take);
  Py_DecRef(type);
  return true;
}
