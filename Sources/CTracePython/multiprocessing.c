// The package multiprocessing: what processes are called, locks and queues that they share, and messages.
//
// What a semaphore, a pipe or a socket is to the program is told to the runtime where that is made or comes to
// another process; the rest the runtime reads from frames.
#include <stdio.h>
#include <string.h>

#include "probe.h"

// MARK: Functions with a meaning

/// They stand between what a program makes and what that is made of.
static const struct marked_method context_methods[] = {
    {"BaseContext", "Lock", CTRACE_ROLE_PART, 0},
    {"BaseContext", "RLock", CTRACE_ROLE_PART, 0},
    {"BaseContext", "Condition", CTRACE_ROLE_PART, 0},
    {"BaseContext", "Semaphore", CTRACE_ROLE_PART, 0},
    {"BaseContext", "BoundedSemaphore", CTRACE_ROLE_PART, 0},
    {.type = NULL},
};

static const struct marked_method lock_methods[] = {
    {"SemLock", "__init__", CTRACE_ROLE_MAKE, CTRACE_SEMAPHORE},
    {"SemLock", "__setstate__", CTRACE_ROLE_WAIT, CTRACE_SEMAPHORE},
    {"SemLock", "__enter__", CTRACE_ROLE_PART, 0},
    {"SemLock", "__exit__", CTRACE_ROLE_PART, 0},
    {"Semaphore", "__init__", CTRACE_ROLE_MAKE, CTRACE_SEMAPHORE},
    {"BoundedSemaphore", "__init__", CTRACE_ROLE_MAKE, CTRACE_SEMAPHORE},
    {"Lock", "__init__", CTRACE_ROLE_MAKE, CTRACE_PYTHON_LOCK},
    {"RLock", "__init__", CTRACE_ROLE_MAKE, CTRACE_PYTHON_LOCK},
    {"Condition", "__init__", CTRACE_ROLE_MAKE, CTRACE_PYTHON_CONDITION},
    {"Condition", "__enter__", CTRACE_ROLE_PART, 0},
    {"Condition", "__exit__", CTRACE_ROLE_PART, 0},
    {"Condition", "wait", CTRACE_ROLE_WAIT, CTRACE_PYTHON_CONDITION},
    {"Condition", "wait_for", CTRACE_ROLE_PART, 0},
    {"Condition", "notify", CTRACE_ROLE_WAKE, CTRACE_PYTHON_CONDITION},
    {"Condition", "notify_all", CTRACE_ROLE_PART, 0},
    {"Event", "__init__", CTRACE_ROLE_MAKE, CTRACE_PYTHON_EVENT},
    {"Event", "is_set", CTRACE_ROLE_WAKE, CTRACE_PYTHON_EVENT},
    {"Event", "clear", CTRACE_ROLE_WAKE, CTRACE_PYTHON_EVENT},
    {"Event", "set", CTRACE_ROLE_WAKE, CTRACE_PYTHON_EVENT},
    {"Event", "wait", CTRACE_ROLE_WAIT, CTRACE_PYTHON_EVENT},
    {"Barrier", "__init__", CTRACE_ROLE_MAKE, CTRACE_PYTHON_BARRIER},
    {.type = NULL},
};

static const struct marked_method queue_methods[] = {
    {"Queue", "__init__", CTRACE_ROLE_MAKE, CTRACE_PYTHON_QUEUE},
    {"Queue", "put", CTRACE_ROLE_PUT, CTRACE_PYTHON_QUEUE},
    {"Queue", "put_nowait", CTRACE_ROLE_PART, 0},
    {"Queue", "get", CTRACE_ROLE_TAKE, CTRACE_PYTHON_QUEUE},
    {"Queue", "get_nowait", CTRACE_ROLE_PART, 0},
    {"Queue", "_feed", CTRACE_ROLE_TAKE, CTRACE_PYTHON_QUEUE},
    {"JoinableQueue", "__init__", CTRACE_ROLE_MAKE, CTRACE_PYTHON_QUEUE},
    {"JoinableQueue", "put", CTRACE_ROLE_PUT, CTRACE_PYTHON_QUEUE},
    {"JoinableQueue", "join", CTRACE_ROLE_WAIT, CTRACE_PYTHON_QUEUE},
    {"JoinableQueue", "task_done", CTRACE_ROLE_WAKE, CTRACE_PYTHON_QUEUE},
    {"SimpleQueue", "__init__", CTRACE_ROLE_MAKE, CTRACE_MESSAGES},
    {"SimpleQueue", "get", CTRACE_ROLE_TAKE, CTRACE_MESSAGES},
    {"SimpleQueue", "put", CTRACE_ROLE_PUT, CTRACE_MESSAGES},
    {.type = NULL},
};

static const struct marked_method connection_methods[] = {
    {"Connection", "send", CTRACE_ROLE_PUT, CTRACE_MESSAGES},
    {"Connection", "send_bytes", CTRACE_ROLE_PUT, CTRACE_MESSAGES},
    {"Connection", "_send_bytes", CTRACE_ROLE_PART, 0},
    {"Connection", "_send", CTRACE_ROLE_PART, 0},
    {"Connection", "recv", CTRACE_ROLE_TAKE, CTRACE_MESSAGES},
    {"Connection", "recv_bytes", CTRACE_ROLE_TAKE, CTRACE_MESSAGES},
    {"Connection", "recv_bytes_into", CTRACE_ROLE_TAKE, CTRACE_MESSAGES},
    {"Connection", "_recv_bytes", CTRACE_ROLE_PART, 0},
    {"Connection", "_recv", CTRACE_ROLE_PART, 0},
    {"Connection", "poll", CTRACE_ROLE_TAKE, CTRACE_MESSAGES},
    {"Connection", "_poll", CTRACE_ROLE_PART, 0},
    {.type = NULL},
};

bool set_up_selectors(PyObject *module) {
  PyObject *last = get(module, "DefaultSelector"), *type = get(module, "PollSelector");
  if (last != NULL) mark(type, "select", CTRACE_ROLE_PART, 0);
  Py_DecRef(type);
  Py_DecRef(last);
  return last != NULL;
}

bool set_up_contexts(PyObject *module) {
  PyObject *last = get(module, "assert_spawning");
  if (last != NULL) mark_all(module, context_methods);
  Py_DecRef(last);
  return last != NULL;
}

// MARK: Processes

/// What processes are called that nobody has named: by their class and number.
static bool is_given_by_number(PyObject *process, const char *name) {
  char type[128];
  size_t size = copy_text(type, sizeof type, (PyObject *)process->type, "__name__");
  return size > 0 && strncmp(name, type, size) == 0 && name[size] == '-' &&
         strspn(name + size + 1, "0123456789:") == strlen(name + size + 1);
}

/// Names the process, and its main thread with it.
static void name_process(const char *name) {
  runtime->process_name(name);
  runtime->thread_name(name, false);
}

static PyObject *process_begins(PyObject *callable, PyObject *const *arguments, size_t count,
                                PyObject *names) {
  if (argument_count(count) > 0) {
    char name[256], function[128], text[512];
    PyObject *process = arguments[0], *target = get(process, "_target");
    if (copy_text(name, sizeof name, process, "_name") > 0) {
      bool is_told = copy_text(function, sizeof function, target, "__qualname__") > 0 &&
                     is_given_by_number(process, name);
      snprintf(text, sizeof text, is_told ? "%s (%s)" : "%s", name, function);
      name_process(text);
    }
    Py_DecRef(target);
  }
  return call_original(callable, arguments, count, names);
}

bool set_up_processes(PyObject *module) {
  PyObject *last = get(module, "_dangling"), *type = get(module, "BaseProcess");
  if (last != NULL) stand_in(type, "_bootstrap", process_begins);
  Py_DecRef(type);
  Py_DecRef(last);
  return last != NULL;
}

// The processes that multiprocessing starts for itself run a function of a module's.

static PyObject *fork_server_begins(PyObject *callable, PyObject *const *arguments, size_t count,
                                    PyObject *names) {
  name_process("ForkServer");
  return call_original(callable, arguments, count, names);
}

bool set_up_fork_server(PyObject *module) {
  PyObject *last = get(module, "get_inherited_fds");
  if (last != NULL) stand_in(module, "main", fork_server_begins);
  Py_DecRef(last);
  return last != NULL;
}

static PyObject *resource_tracker_begins(PyObject *callable, PyObject *const *arguments, size_t count,
                                         PyObject *names) {
  name_process("ResourceTracker");
  return call_original(callable, arguments, count, names);
}

bool set_up_resource_tracker(PyObject *module) { return stand_in(module, "main", resource_tracker_begins); }

// MARK: Locks

static PyObject *lock_types[2];

/// The semaphore of an object of multiprocessing's; NULL where it has none.
static const void *semaphore_of(PyObject *object) {
  static PyObject *handle;
  PyObject *semaphore = get(object, "_semlock");
  long long address = semaphore == NULL ? 0 : number_of(semaphore, interned(&handle, "handle"), 0);
  Py_DecRef(semaphore);
  return (const void *)(uintptr_t)address;
}

static bool is_lock(PyObject *object) {
  for (size_t index = 0; index < 2; index++)
    if (lock_types[index] != NULL && PyObject_IsInstance(object, lock_types[index]) == 1) return true;
  PyErr_Clear();
  return false;
}

/// The last that is done when a semaphore is made, or has come to another process.
static PyObject *semaphore_made(PyObject *callable, PyObject *const *arguments, size_t count,
                                PyObject *names) {
  PyObject *result = call_original(callable, arguments, count, names);
  if (result == NULL || argument_count(count) == 0) return result;
  const void *semaphore = semaphore_of(arguments[0]);
  if (semaphore != NULL)
    runtime->semaphore_is(
        semaphore, is_lock(arguments[0]) ? CTRACE_SEMAPHORE_LOCK : CTRACE_SEMAPHORE_ITSELF);
  return result;
}

bool set_up_shared_locks(PyObject *module) {
  PyObject *last = get(module, "Barrier"), *type = get(module, "SemLock");
  if (last != NULL) {
    mark_all(module, lock_methods);
    lock_types[0] = get(module, "Lock");
    lock_types[1] = get(module, "RLock");
    stand_in(type, "_make_methods", semaphore_made);
  }
  Py_DecRef(type);
  Py_DecRef(last);
  return last != NULL;
}

// MARK: Queues

/// The descriptor of a connection; -1 where it has none.
static int descriptor_of(PyObject *connection) {
  static PyObject *handle;
  return connection == NULL ? -1 : (int)number_of(connection, interned(&handle, "_handle"), -1);
}

/// A queue has got a buffer: a new one, one that has come to another process, or one after a fork.
static PyObject *queue_begins(PyObject *callable, PyObject *const *arguments, size_t count,
                              PyObject *names) {
  static PyObject *maxsize;
  PyObject *result = call_original(callable, arguments, count, names);
  if (result == NULL || argument_count(count) == 0) return result;
  PyObject *queue = arguments[0], *places = get(queue, "_sem"), *buffer = get(queue, "_buffer");
  const void *semaphore = places == NULL ? NULL : semaphore_of(places);
  long long capacity = number_of(queue, interned(&maxsize, "_maxsize"), 0);
  // One without a limit has that of semaphores.
  if (semaphore != NULL)
    runtime->queue_is(queue, semaphore, buffer,
                      capacity > 0 && capacity < INT32_MAX ? (uint64_t)capacity : 0);
  Py_DecRef(places);
  Py_DecRef(buffer);
  return result;
}

/// A queue of messages has come to another process.
static PyObject *simple_queue_comes(PyObject *callable, PyObject *const *arguments, size_t count,
                                    PyObject *names) {
  PyObject *result = call_original(callable, arguments, count, names);
  if (result == NULL || argument_count(count) == 0) return result;
  PyObject *reader = get(arguments[0], "_reader");
  int file = descriptor_of(reader);
  if (file >= 0) runtime->messages_are(arguments[0], file);
  Py_DecRef(reader);
  return result;
}

bool set_up_shared_queues(PyObject *module) {
  PyObject *last = get(module, "SimpleQueue"), *queue = get(module, "Queue");
  if (last != NULL) {
    mark_all(module, queue_methods);
    if (!stand_in(queue, "_reset", queue_begins)) stand_in(queue, "_after_fork", queue_begins);
    stand_in(last, "__setstate__", simple_queue_comes);
  }
  Py_DecRef(queue);
  Py_DecRef(last);
  return last != NULL;
}

// MARK: Messages

static PyObject *send_message(PyObject *callable, PyObject *const *arguments, size_t count,
                              PyObject *names) {
  if (argument_count(count) == 0 || !runtime->is_recording())
    return call_original(callable, arguments, count, names);
  int file = descriptor_of(arguments[0]);
  if (file >= 0) runtime->message_goes(file);
  PyObject *result = call_original(callable, arguments, count, names);
  if (file >= 0) runtime->message_is_out(file, result != NULL);
  return result;
}

static PyObject *receive_message(PyObject *callable, PyObject *const *arguments, size_t count,
                                 PyObject *names) {
  PyObject *result = call_original(callable, arguments, count, names);
  // One that is too long is not received, and nothing after it.
  if (result == NULL || result == Py_None || argument_count(count) == 0 || !runtime->is_recording())
    return result;
  int file = descriptor_of(arguments[0]);
  if (file >= 0) runtime->message_received(file);
  return result;
}

bool set_up_connections(PyObject *module) {
  PyObject *last = get(module, "reduce_connection"), *type = get(module, "Connection");
  if (last != NULL) {
    mark_all(module, connection_methods);
    mark(module, "wait", CTRACE_ROLE_PART, 0);
    mark(module, "Pipe", CTRACE_ROLE_MAKE, CTRACE_MESSAGES);
    PyObject *socket = get(module, "socket");
    mark(socket, "socketpair", CTRACE_ROLE_PART, 0);
    Py_DecRef(socket);
    stand_in(type, "_send_bytes", send_message);
    stand_in(type, "_recv_bytes", receive_message);
  }
  Py_DecRef(type);
  Py_DecRef(last);
  return last != NULL;
}
