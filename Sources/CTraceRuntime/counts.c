// Numbers of objects, in a table without locks. An object has one of a few places, by its hash; where all
// are taken, it has no number.
#include "counts.h"

enum { PLACES = 4096, PLACES_OF_ONE = 16 };

static struct {
  uintptr_t object;
  int64_t count;
} table[PLACES + PLACES_OF_ONE];

static uint32_t first_place(uintptr_t object) {
  return (uint32_t)(hash_address(object) >> 40) % PLACES;
}

int64_t *known_count_of(uintptr_t object) {
  uint32_t first = first_place(object);
  for (uint32_t place = first; place < first + PLACES_OF_ONE; place++)
    if (__atomic_load_n(&table[place].object, __ATOMIC_ACQUIRE) == object) return &table[place].count;
  return NULL;
}

int64_t *count_of(uintptr_t object) {
  int64_t *known = known_count_of(object);
  if (likely(known != NULL)) return known;
  uint32_t first = first_place(object);
  for (uint32_t place = first; place < first + PLACES_OF_ONE; place++) {
    uintptr_t before = 0;
    if (__atomic_compare_exchange_n(&table[place].object, &before, object, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE) ||
        before == object)
      return &table[place].count;
  }
  return NULL;
}

void forget_count(uintptr_t object) {
  uint32_t first = first_place(object);
  for (uint32_t place = first; place < first + PLACES_OF_ONE; place++) {
    if (__atomic_load_n(&table[place].object, __ATOMIC_ACQUIRE) != object) continue;
    __atomic_store_n(&table[place].count, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&table[place].object, 0, __ATOMIC_RELEASE);
  }
}

int64_t *waiters_of(uintptr_t object) {
  static int64_t waiters[1024];
  return &waiters[hash_address(object) >> 54];
}
