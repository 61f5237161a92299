// Walking a stack: the frames, and the rules that lead from one to its caller.
#ifndef CTRACE_RUNTIME_UNWIND_H
#define CTRACE_RUNTIME_UNWIND_H

#include <dlfcn.h>

#include "runtime.h"

/// In glibc from 2.35 on. Takes no lock.
extern int _dl_find_object(void *address, struct dl_find_object *result) __attribute__((weak));

/// Raised by each dlclose, before and after it: what is known of an address holds for one number.
extern uint32_t unloadings;

struct stack {
  /// Return addresses, innermost first.
  uint64_t frames[CTRACE_MAX_FRAMES];
  uint32_t count;
  /// How many of the frames, from the first on, are known without unwind tables: at least that one.
  uint32_t by_pointers;
  uint64_t hash;
  /// The stack pointer in the outermost frame.
  uintptr_t end;
  /// Whether a signal handler is in it, as far as the walk went by unwind tables.
  bool crosses_signal;
};

/// Adds a frame, which walks do in their own way.
always_inline void add_to_stack(struct stack *stack, uint64_t frame) {
  stack->frames[stack->count++] = frame;
  stack->hash = (stack->hash ^ frame) * UINT64_C(0x9e3779b97f4a7c15);
}

/// Walks the stack above a call, by frame pointers as far as they are not known to break off, and by
/// unwind tables from there on. What frame pointers gave may be wrong.
void walk_stack(struct stack *stack, struct site site);

/// Whether unwind tables are found here.
always_inline bool has_tables(void) {
#ifdef __x86_64__
  return _dl_find_object != NULL;
#else
  return false;
#endif
}

/// Walks it again by unwind tables alone, unless nothing of it came by frame pointers. Where the two
/// differ, the stack becomes that of the tables, and where they parted is remembered.
void check_stack(struct stack *stack, struct site site);

#ifdef __x86_64__

enum rule_kind {
  /// The tables say nothing, or what no rule here can say: a frame pointer may lead on.
  RULE_UNKNOWN,
  // The canonical frame address, which is the stack pointer after the return, is at an offset from
  // the stack pointer or the frame pointer, or is stored there.
  RULE_SP,
  RULE_FP,
  RULE_STORED_AT_SP,
  RULE_STORED_AT_FP,
  /// A signal handler returns here: all registers are stored in its frame.
  RULE_SIGNAL,
  /// Nothing is above.
  RULE_END,
};

enum saved_pointer {
  POINTER_KEPT,
  POINTER_AT_CFA,
  POINTER_AT_FP,
  POINTER_LOST,
};

/// How to find a caller from one place of code: as one word, so that it can be cached as one. The
/// return address lies below the canonical frame address, which is where the call left it.
union rule {
  struct {
    uint64_t kind : 4;
    uint64_t pointer : 4;
    int64_t pointer_offset : 24;
    int64_t cfa_offset : 32;
  };
  uint64_t word;
};

/// The rule for an address, from the unwind table of the object that it lies in. False where no
/// object is known there.
bool read_rule(uintptr_t address, union rule *rule);

/// The rule for an address that no table knows, found by what is on the stack. False where it isn't.
bool find_rule(uintptr_t address, uintptr_t sp, uintptr_t top, union rule *rule);

#endif
#endif
