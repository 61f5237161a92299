// Walks stacks: by frame pointers where the program keeps them, by its unwind tables elsewhere.
//
// The stack is read only from the hook's frame up to its top, all of which is mapped, and each step
// leads up: whatever a register held, a walk ends. The hook may hold any of the program's locks, so
// that no lock is taken here, not even the loader's.
#include "unwind.h"

#include <ucontext.h>

struct walk {
  /// The registers as they are after the return to `address`.
  uintptr_t address;
  uintptr_t sp;
  uintptr_t fp;
  /// The end of the stack.
  uintptr_t top;
  /// Frames seen so far.
  uint32_t count;
  bool crosses_signal;
  uint64_t hash;
};

// MARK: The CPU

#ifdef __x86_64__

static void set_out(struct walk *walk, struct site site) {
  // A hook that ended in a tail call has left its frame, but what took its place saves the same frame
  // pointer in the same place.
  walk->sp = site.frame + 16;
  walk->fp = *(const uintptr_t *)site.frame;
}

/// The plain return address in a stored one.
static uintptr_t plain(uintptr_t address) { return address; }

#else

/// The plain return address in a stored one, which may be signed in bits that no address has.
static uintptr_t plain(uintptr_t address) { return address & (UINT64_MAX >> 16); }

static void set_out(struct walk *walk, struct site site) {
  // A frame's record lies anywhere in it, and is gone with a hook that ended in a tail call. Our own
  // functions' records lead to it.
  const uintptr_t *record = __builtin_frame_address(0);
  for (int step = 0; plain(record[1]) != site.address; step++) {
    uintptr_t next = record[0];
    if (step == 8 || next <= (uintptr_t)record || next >= self.stack_top - 16) return;
    record = (const uintptr_t *)next;
  }
  walk->sp = (uintptr_t)record;
  walk->fp = record[0];
}

#endif

// MARK: Steps

/// Whether so many words may be read from the stack.
always_inline bool is_readable(const struct walk *walk, uintptr_t address, uintptr_t words) {
  return address >= walk->sp && address % sizeof address == 0 &&
         address <= walk->top - words * sizeof address;
}

always_inline uintptr_t word_at(uintptr_t address) { return *(const uintptr_t *)address; }

/// Moves on to a caller. False where that is none: no code lies in the first page.
always_inline bool move_to(struct walk *walk, uintptr_t address, uintptr_t sp, uintptr_t fp) {
  walk->address = address;
  walk->sp = sp;
  walk->fp = fp;
  return address >= 4096;
}

always_inline bool step_by_pointer(struct walk *walk) {
  uintptr_t fp = walk->fp;
  return is_readable(walk, fp, 2) &&
         move_to(walk, plain(word_at(fp + sizeof fp)), fp + 2 * sizeof fp, word_at(fp));
}

#ifdef __x86_64__

/// Rules found so far, in buckets of two. What is read while another thread writes is not believed:
/// the key is that of the address only together with the rule.
static struct {
  uint64_t key;
  uint64_t rule;
} known_rules[1 << 12][2] __attribute__((aligned(32)));

always_inline uint64_t key_with(uint64_t key, union rule rule) {
  return key ^ rule.word * UINT64_C(0xd6e8feb86659fd93);
}

static noinline union rule learn_rule(const struct walk *walk, uintptr_t address, uint64_t key,
                                      uint64_t bucket) {
  union rule rule;
  if (!read_rule(address, &rule)) return rule;
  // It is the same each time: the function has made room once, when it was entered.
  if (rule.kind == RULE_UNKNOWN) find_rule(address, walk->sp, walk->top, &rule);
  for (int place = 1; place >= 0; place--) {
    uint64_t new_key = key_with(key, rule), new_rule = rule.word;
    if (place == 1) {
      new_key = __atomic_load_n(&known_rules[bucket][0].key, __ATOMIC_RELAXED);
      new_rule = __atomic_load_n(&known_rules[bucket][0].rule, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&known_rules[bucket][place].key, new_key, __ATOMIC_RELAXED);
    __atomic_store_n(&known_rules[bucket][place].rule, new_rule, __ATOMIC_RELAXED);
  }
  return rule;
}

/// The rule for the place of a walk: the call, not what comes after it, which may belong to another
/// function.
always_inline union rule rule_of(const struct walk *walk) {
  uintptr_t address = walk->address - 1;
  // What was unloaded takes its rules along.
  uint64_t key = address ^ (uint64_t)__atomic_load_n(&unloadings, __ATOMIC_RELAXED) << 48;
  uint64_t bucket = hash_address(address) >> 52;
  for (int place = 0; place < 2; place++) {
    union rule rule = {
        .word = __atomic_load_n(&known_rules[bucket][place].rule, __ATOMIC_RELAXED)};
    uint64_t found = __atomic_load_n(&known_rules[bucket][place].key, __ATOMIC_RELAXED);
    if (likely(found == key_with(key, rule))) return rule;
  }
  return learn_rule(walk, address, key, bucket);
}

/// To what a signal interrupted, from the frame that the kernel made.
always_inline bool step_over_signal(struct walk *walk) {
  const ucontext_t *context = (const ucontext_t *)walk->sp;
  const greg_t *registers = context->uc_mcontext.gregs;
  if (!is_readable(walk, walk->sp, sizeof *context / sizeof(uintptr_t))) return false;
  uintptr_t sp = (uintptr_t)registers[REG_RSP];
  walk->crosses_signal = true;
  // What was interrupted is the instruction itself, not the one before it as with a return.
  return sp > walk->sp && sp <= walk->top &&
         move_to(walk, (uintptr_t)registers[REG_RIP] + 1, sp, (uintptr_t)registers[REG_RBP]);
}

/// The canonical frame address where it is stored in the frame; 0 where that can't be read.
always_inline uintptr_t stored_cfa(const struct walk *walk, union rule rule) {
  uintptr_t place = (rule.kind == RULE_STORED_AT_FP ? walk->fp : walk->sp) + (uintptr_t)rule.cfa_offset;
  return is_readable(walk, place, 1) ? word_at(place) : 0;
}

always_inline bool step_by_table(struct walk *walk) {
  union rule rule = rule_of(walk);
  uintptr_t cfa = (rule.kind == RULE_FP ? walk->fp : walk->sp) + (uintptr_t)rule.cfa_offset;
  if (unlikely(rule.kind != RULE_SP && rule.kind != RULE_FP)) {
    if (rule.kind == RULE_UNKNOWN) return step_by_pointer(walk);
    if (rule.kind == RULE_SIGNAL) return step_over_signal(walk);
    if (rule.kind == RULE_END) return false;
    cfa = stored_cfa(walk, rule);
  }
  if (unlikely(!is_readable(walk, cfa - sizeof cfa, 1))) return false;
  uintptr_t fp = rule.pointer == POINTER_LOST ? 0 : walk->fp;
  if (rule.pointer == POINTER_AT_CFA || rule.pointer == POINTER_AT_FP) {
    uintptr_t saved = (rule.pointer == POINTER_AT_FP ? fp : cfa) + (uintptr_t)rule.pointer_offset;
    // A signal may have come between the return of the register and that of the frame.
    if (likely(is_readable(walk, saved, 1))) fp = word_at(saved);
  }
  return move_to(walk, word_at(cfa - sizeof cfa), cfa, fp);
}

/// Remembers the way from where frame pointers break off, if no frame pointer matters on it.
static void learn_ending(struct walk walk) {
  struct stack_ending ending = {.address = walk.address, .sp = walk.sp};
  for (;;) {
    uint64_t kind = rule_of(&walk).kind;
    if (kind == RULE_END && ending.count > 0) self.ending = ending;
    if (kind != RULE_SP || ending.count == LONGEST_ENDING || !step_by_table(&walk)) return;
    ending.places[ending.count] = walk.sp - sizeof(uintptr_t);
    ending.frames[ending.count++] = walk.address;
  }
}

#else

static void learn_ending(struct walk walk) { (void)walk; }

/// Compilers for this CPU keep frame pointers unless told otherwise.
always_inline bool step_by_table(struct walk *walk) { return step_by_pointer(walk); }

#endif

// MARK: Walks

/// The bit that stands for a return address in self.pointerless.
always_inline uint64_t pointerless_bit(uintptr_t address) {
  return UINT64_C(1) << ((address ^ address >> 6) & 63);
}

always_inline void add_frame(struct stack *stack, struct walk *walk) {
  stack->frames[walk->count++] = walk->address;
  walk->hash = (walk->hash ^ walk->address) * UINT64_C(0x9e3779b97f4a7c15);
}

/// Begins with the hook's caller.
always_inline struct walk begin(struct stack *stack, struct site site) {
  // From such a stack pointer on nothing can be read: on another stack there is no going on.
  struct walk walk = {.address = site.address, .sp = UINTPTR_MAX, .top = self.stack_top};
  // Addresses mean something else when other code has taken the place of what was unloaded.
  walk.hash = (uint64_t)__atomic_load_n(&unloadings, __ATOMIC_RELAXED) << 32;
  if (site.frame > self.stack_bottom && site.frame < self.stack_top) set_out(&walk, site);
  add_frame(stack, &walk);
  return walk;
}

always_inline bool goes_on(const struct walk *walk) {
  return walk->count < CTRACE_MAX_FRAMES;
}

always_inline void finish(struct stack *stack, const struct walk *walk) {
  uint64_t hash = walk->hash ^ walk->hash >> 29;
  stack->hash = hash == 0 ? 1 : hash;
  stack->count = walk->count;
  stack->end = walk->sp;
  stack->crosses_signal = walk->crosses_signal;
}

/// Goes to the end where it is the one that is known.
always_inline bool finish_known(struct stack *stack, struct walk *walk) {
  const struct stack_ending *ending = &self.ending;
  if (walk->address != ending->address || walk->sp != ending->sp ||
      walk->count + ending->count > CTRACE_MAX_FRAMES)
    return false;
  for (uint32_t frame = 0; frame < ending->count; frame++)
    if (word_at(ending->places[frame]) != ending->frames[frame]) return false;
  for (uint32_t frame = 0; frame < ending->count; frame++) {
    walk->address = ending->frames[frame];
    add_frame(stack, walk);
  }
  walk->sp = ending->places[ending->count - 1] + sizeof(uintptr_t);
  return true;
}

void walk_stack(struct stack *stack, struct site site) {
  struct walk walk = begin(stack, site), next = walk;
  // Whether a signal handler is in the stack of a thread that has CPython's lock, tables alone tell.
  uint64_t pointerless = self.holds_gil && has_tables() ? UINT64_MAX : self.pointerless;
  while (goes_on(&walk) && !(pointerless & pointerless_bit(walk.address)) &&
         step_by_pointer(&next)) {
    add_frame(stack, &next);
    walk = next;
  }
  stack->by_pointers = walk.count;
  if (!finish_known(stack, &walk))
    while (goes_on(&walk) && step_by_table(&walk)) add_frame(stack, &walk);
  finish(stack, &walk);
}

void check_stack(struct stack *stack, struct site site) {
  if (stack->by_pointers == 1 || !has_tables()) return;
  uint32_t count = stack->count, same = 1;
  struct walk walk = begin(stack, site), last_by_pointer = walk;
  while (goes_on(&walk) && step_by_table(&walk)) {
    if (same == walk.count && same < count && stack->frames[same] == walk.address) same += 1;
    add_frame(stack, &walk);
    if (walk.count == stack->by_pointers) last_by_pointer = walk;
  }
  if (same != count || same != walk.count || walk.sp != stack->end) {
    uint32_t parted = same < stack->by_pointers ? same : stack->by_pointers - 1;
    self.pointerless |= pointerless_bit(stack->frames[parted - 1]);
    stack->by_pointers = 1;
  } else {
    learn_ending(last_by_pointer);
  }
  finish(stack, &walk);
}
