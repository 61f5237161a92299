// What the hooks of libdispatch and of Swift's concurrency share.
#ifndef CTRACE_RUNTIME_DISPATCH_H
#define CTRACE_RUNTIME_DISPATCH_H

#include "runtime.h"

/// Items of queues that the thread is at work on, each within the one before.
extern __thread uint32_t items_at_work __attribute__((tls_model("initial-exec")));

/// The end of what an actor does in this thread: its job has ended, or hops to another.
void leave_actor(void);

/// An object was made. It goes without a word when it is no longer needed: that shows by another that is
/// made at its address.
void note_made(uintptr_t object, uint8_t kind);

/// Threads that wait for groups: a leave that may have ended a wait is recorded while there are any.
extern uint32_t group_waiters;

/// Somebody leaves a group, or has left it.
void record_leave(uintptr_t group, uint64_t time, struct site site);

#endif
