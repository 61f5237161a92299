// The module threading: what threads are called, what they wait for in it, and the value of semaphores.
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "probe.h"

static const struct marked_method methods[] = {
    {"Condition", "__init__", CTRACE_ROLE_MAKE, CTRACE_PYTHON_CONDITION},
    {"Condition", "wait", CTRACE_ROLE_WAIT, CTRACE_PYTHON_CONDITION},
    {"Condition", "wait_for", CTRACE_ROLE_PART, 0},
    {"Condition", "notify", CTRACE_ROLE_WAKE, CTRACE_PYTHON_CONDITION},
    {"Condition", "notify_all", CTRACE_ROLE_PART, 0},
    {"Event", "__init__", CTRACE_ROLE_MAKE, CTRACE_PYTHON_EVENT},
    {"Event", "wait", CTRACE_ROLE_WAIT, CTRACE_PYTHON_EVENT},
    {"Event", "set", CTRACE_ROLE_WAKE, CTRACE_PYTHON_EVENT},
    {"Semaphore", "__init__", CTRACE_ROLE_MAKE, CTRACE_PYTHON_SEMAPHORE},
    {"Semaphore", "acquire", CTRACE_ROLE_WAIT, CTRACE_PYTHON_SEMAPHORE},
    {"Semaphore", "release", CTRACE_ROLE_WAKE, CTRACE_PYTHON_SEMAPHORE},
    {"BoundedSemaphore", "release", CTRACE_ROLE_WAKE, CTRACE_PYTHON_SEMAPHORE},
    {"Barrier", "__init__", CTRACE_ROLE_MAKE, CTRACE_PYTHON_BARRIER},
    {"Barrier", "wait", CTRACE_ROLE_ARRIVE, CTRACE_PYTHON_BARRIER},
    {"Barrier", "_enter", CTRACE_ROLE_PART, 0},
    {"Barrier", "_wait", CTRACE_ROLE_PART, 0},
    {"Barrier", "_release", CTRACE_ROLE_WAKE, CTRACE_PYTHON_BARRIER},
    {"Barrier", "_break", CTRACE_ROLE_WAKE, CTRACE_PYTHON_BARRIER},
    {"_RLock", "__init__", CTRACE_ROLE_PART, 0},
    {"Thread", "_wait_for_tstate_lock", CTRACE_ROLE_JOIN, CTRACE_THREAD},
    {.type = NULL},
};

// MARK: Threads

/// Tells of a thread by its object: its name with the function that it runs, as threads that nobody has
/// named have it from 3.10 on.
static void tell_thread(PyObject *thread) {
  char name[256], function[128], text[512];
  copy_text(name, sizeof name, thread, "_name");
  PyObject *target = get(thread, "_target"), *daemon = get(thread, "_daemonic");
  bool is_named = copy_text(function, sizeof function, target, "__qualname__") > 0 &&
                  strncmp(name, "Thread-", 7) == 0 && strchr(name, '(') == NULL;
  snprintf(text, sizeof text, is_named ? "%s (%s)" : "%s", name, function);
  // The main thread has its name from the beginning, or that of its process.
  if (strcmp(name, "MainThread") != 0)
    runtime->thread_name(text, daemon != NULL && PyObject_IsTrue(daemon) == 1);
  PyErr_Clear();
  Py_DecRef(target);
  Py_DecRef(daemon);
}

static PyObject *thread_begins(PyObject *callable, PyObject *const *arguments, size_t count,
                               PyObject *names) {
  PyObject *result = call_original(callable, arguments, count, names);
  if (result == NULL || argument_count(count) != 1) return result;
  static PyObject *ident;
  // In a program whose threads are greenlets they have no thread of their own.
  if (number_of(arguments[0], interned(&ident, "_ident"), 0) != (long long)pthread_self())
    return result;
  runtime->thread_begins(arguments[0]);
  tell_thread(arguments[0]);
  return result;
}

/// A thread may have got another name, and has forgotten its function by its end.
static void tell_last_name(PyObject *thread) {
  char name[256];
  PyObject *daemon = get(thread, "_daemonic");
  if (copy_text(name, sizeof name, thread, "_name") > 0 && strncmp(name, "Thread-", 7) != 0)
    runtime->thread_name(name, daemon != NULL && PyObject_IsTrue(daemon) == 1);
  PyErr_Clear();
  Py_DecRef(daemon);
}

static PyObject *thread_runs(PyObject *callable, PyObject *const *arguments, size_t count,
                             PyObject *names) {
  static PyObject *ident;
  PyObject *result = call_original(callable, arguments, count, names);
  if (result != NULL && argument_count(count) == 1 &&
      number_of(arguments[0], interned(&ident, "_ident"), 0) == (long long)pthread_self())
    tell_last_name(arguments[0]);
  return result;
}

// MARK: Semaphores

static void tell_value(PyObject *semaphore) {
  static PyObject *value;
  long long number = number_of(semaphore, interned(&value, "_value"), -1);
  if (number >= 0)
    runtime->depth(runtime->key(semaphore), CTRACE_PYTHON_SEMAPHORE, (uint64_t)number);
}

static PyObject *semaphore_acquire(PyObject *callable, PyObject *const *arguments, size_t count,
                                   PyObject *names) {
  PyObject *result = call_original(callable, arguments, count, names);
  if (result == NULL || argument_count(count) == 0 || !runtime->is_recording()) return result;
  if (PyObject_IsTrue(result) == 1) {
    runtime->acquired(arguments[0], CTRACE_PYTHON_SEMAPHORE);
    tell_value(arguments[0]);
  }
  return result;
}

static PyObject *semaphore_release(PyObject *callable, PyObject *const *arguments, size_t count,
                                   PyObject *names) {
  PyObject *result = call_original(callable, arguments, count, names);
  if (result == NULL || argument_count(count) == 0 || !runtime->is_recording()) return result;
  runtime->released(arguments[0], CTRACE_PYTHON_SEMAPHORE);
  tell_value(arguments[0]);
  return result;
}

bool set_up_threading(PyObject *module) {
  PyObject *thread = get(module, "Thread"), *semaphore = get(module, "Semaphore"),
           *bounded = get(module, "BoundedSemaphore"), *last = get(module, "_after_fork");
  // The last function of the module: it is complete.
  if (last != NULL) {
    mark_all(module, methods);
    mark(module, "RLock", CTRACE_ROLE_PART, 0);
    mark(thread, "join", python_version >= 13 ? CTRACE_ROLE_JOIN : CTRACE_ROLE_PART, CTRACE_THREAD);
    stand_in(thread, python_version >= 8 ? "_set_native_id" : "_set_ident", thread_begins);
    stand_in(thread, "_bootstrap_inner", thread_runs);
    stand_in(semaphore, "acquire", semaphore_acquire);
    stand_in(semaphore, "__enter__", semaphore_acquire);
    stand_in(semaphore, "release", semaphore_release);
    stand_in(bounded, "release", semaphore_release);
    runtime->thread_name("MainThread", false);
  }
  Py_DecRef(thread);
  Py_DecRef(semaphore);
  Py_DecRef(bounded);
  Py_DecRef(last);
  return last != NULL;
}
