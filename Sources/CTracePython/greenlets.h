// Greenlets, as the parts of the probe know them that record what greenlets wait for.
#ifndef CTRACE_PYTHON_GREENLETS_H
#define CTRACE_PYTHON_GREENLETS_H

#include "probe.h"

/// Something that greenlets wait for. Known by its address while it is used; what is not used any more may
/// have to leave for another.
struct waited_object {
  PyObject *object;
  /// Greenlets in a call of it, and those of them that have switched away.
  uint32_t users;
  uint32_t waiters;
  /// When it was acquired last; 0: not known.
  uint64_t acquired;
  /// Whether the recorder knows what is known when it is first used.
  bool is_told;
};

struct greenlet {
  /// The object. It may be gone: a greenlet that never ended says nothing.
  PyObject *object;
  /// Its number in the process, which no other has had; 0: none yet.
  uint64_t number;
  uint64_t label;
  /// It has switched to another and has not come back.
  bool is_away;
  /// It is in a call of what greenlets wait for, and has switched to another since.
  bool is_inside;
  bool has_waited;
  /// The object of that call, where there was room to remember it.
  struct waited_object *inside;
  /// The next with the same hash.
  struct greenlet *next;
};

/// The greenlet that runs in this thread. A thread has one from its start, before any is made.
struct greenlet *running_greenlet(void);

/// The type whose greenlets are the loops of gevent, and the type of its others.
void set_hub_type(PyObject *type);
void set_gevent_greenlet_type(PyObject *type);

#endif
