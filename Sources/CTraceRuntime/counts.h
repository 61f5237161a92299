// A number for each of some objects that belong to others, who keep no field for it: threads that wait for a
// lock, items that are in a queue.
#ifndef CTRACE_RUNTIME_COUNTS_H
#define CTRACE_RUNTIME_COUNTS_H

#include "runtime.h"

/// The number of an object, 0 at first; NULL where too many have one. To be changed atomically.
int64_t *count_of(uintptr_t object);

/// The number of an object that has one, or NULL.
int64_t *known_count_of(uintptr_t object);

/// How many threads wait for any of the objects that share this number: never fewer than for one of them.
int64_t *waiters_of(uintptr_t object);

/// An object is gone.
void forget_count(uintptr_t object);

#endif
