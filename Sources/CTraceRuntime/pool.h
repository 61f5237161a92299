// Memory for what a hook has to remember of an item until it is taken out of its queue.
#ifndef CTRACE_RUNTIME_POOL_H
#define CTRACE_RUNTIME_POOL_H

#include "runtime.h"

/// One item, or what waits to be one. What a hook keeps here stands in for what the program put in.
struct item {
  /// What the program put in: a function with its argument, or a block. In this order they are the head
  /// of an asynchronous frame of Swift's: the caller's frame, and where it goes on.
  void *argument;
  void (*function)(void *);
  uintptr_t queue;
  /// When it was put in.
  uint64_t since;
  /// More that one hook wants to know.
  uint64_t extra[2];
  uintptr_t site;
  uint32_t number;
  /// The number of the next one that is free.
  uint32_t next;
};
_Static_assert(sizeof(struct item) == 64, "one cache line");

/// Memory for an item; NULL where there is none left.
struct item *remember(void);
/// Gives it back.
void forget(struct item *item);

#endif
