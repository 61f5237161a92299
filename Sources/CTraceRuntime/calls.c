// Finds the caller of a function that has neither a frame nor an unwind table, as many of Swift's own
// libraries have: by the call in front of a return address, if what it calls is in the function's library.
#ifdef __x86_64__
#include <string.h>

#include "unwind.h"

/// How far up a return address is looked for.
enum { LARGEST_FRAME = 64 };

/// Whether so many bytes lie in an object's code.
static bool is_in(const struct dl_find_object *object, uintptr_t address, uintptr_t size) {
  return address >= (uintptr_t)object->dlfo_map_start &&
         address <= (uintptr_t)object->dlfo_map_end - size;
}

static int32_t distance_at(uintptr_t address) {
  int32_t distance;
  memcpy(&distance, (const void *)address, sizeof distance);
  return distance;
}

/// What the jump at a place in a procedure linkage table leads to; 0 where that is none.
static uintptr_t linked_function(const struct dl_find_object *object, uintptr_t place) {
  static const uint8_t branch_target[] = {0xf3, 0x0f, 0x1e, 0xfa};
  if (is_in(object, place, 16) && memcmp((const void *)place, branch_target, 4) == 0) place += 4;
  if (is_in(object, place, 16) && *(const uint8_t *)place == 0xf2) place += 1;
  if (!is_in(object, place, 8) || memcmp((const void *)place, "\xff\x25", 2) != 0) return 0;
  // Code that jumps by a slot may read it. The slot lies in the object's data, whose end nobody tells.
  uintptr_t slot = place + 6 + (uintptr_t)(intptr_t)distance_at(place + 2);
  return slot % 8 == 0 ? *(const uintptr_t *)slot : 0;
}

/// What the instruction in front of a return address calls in another library; 0 where that is none.
static uintptr_t called_before(uintptr_t address) {
  union rule rule;
  struct dl_find_object object;
  // Where the tables know a function there is code, which can be read.
  if (!read_rule(address - 1, &rule) || rule.kind == RULE_UNKNOWN ||
      _dl_find_object((void *)address, &object) != 0 || !is_in(&object, address - 6, 6))
    return 0;
  uintptr_t place = address + (uintptr_t)(intptr_t)distance_at(address - 4);
  if (*(const uint8_t *)(address - 5) == 0xe8) return linked_function(&object, place);
  if (memcmp((const void *)(address - 6), "\xff\x15", 2) == 0 && place % 8 == 0)
    return *(const uintptr_t *)place;
  return 0;
}

bool find_rule(uintptr_t address, uintptr_t sp, uintptr_t top, union rule *rule) {
  struct dl_find_object own, called;
  if (_dl_find_object((void *)address, &own) != 0) return false;
  for (uintptr_t place = sp; place - sp < LARGEST_FRAME * 8 && place + 8 <= top; place += 8) {
    uintptr_t word = *(const uintptr_t *)place;
    // Most words on a stack are small numbers or lie on the stack itself.
    if (word < 4096 || (word >= sp && word < top) || is_in(&own, word, 0)) continue;
    uintptr_t function = called_before(word);
    if (function == 0 || _dl_find_object((void *)function, &called) != 0 ||
        called.dlfo_link_map != own.dlfo_link_map)
      continue;
    *rule = (union rule){.kind = RULE_SP, .cfa_offset = (int32_t)(place + 8 - sp)};
    // The register for frame pointers is the first that is saved where it is saved at all.
    uintptr_t saved = place - 8 >= sp ? *(const uintptr_t *)(place - 8) : 0;
    if (saved > place && saved < top && saved % 8 == 0) {
      rule->pointer = POINTER_AT_CFA;
      rule->pointer_offset = -16;
    }
    return true;
  }
  return false;
}

#endif
