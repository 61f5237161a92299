// Memory for items, without malloc and without a lock: it is mapped in blocks as it is first needed, and
// what is given back is found again in lists, one for some of the threads each.
#include "pool.h"

#include <errno.h>
#include <sys/mman.h>

enum {
  LISTS = 16,
  ITEMS_PER_BLOCK = 4096,
  /// So many blocks hold four million items, which take 256 MB.
  MOST_BLOCKS = 1024,
};

/// The number of the first free item in the lower half; in the upper half, a count of the changes, so that
/// a list that was changed and changed back is told from one that was not.
static struct {
  _Alignas(64) uint64_t head;
} lists[LISTS];

static struct item *blocks[MOST_BLOCKS];
/// Items that have ever been in use.
static uint32_t used;

static struct item *item_numbered(uint32_t number) {
  struct item *block = __atomic_load_n(&blocks[(number - 1) / ITEMS_PER_BLOCK], __ATOMIC_ACQUIRE);
  return &block[(number - 1) % ITEMS_PER_BLOCK];
}

/// The list of the calling thread.
static uint32_t own_list(void) {
  return (uint32_t)((uintptr_t)self.slot / CTRACE_SLOT_SIZE) % LISTS;
}

static struct item *take_from(uint64_t *list) {
  uint64_t head = __atomic_load_n(list, __ATOMIC_ACQUIRE);
  while ((uint32_t)head != 0) {
    // Another thread may take it meanwhile, and what is read is then of no use: the head has changed.
    struct item *item = item_numbered((uint32_t)head);
    uint32_t next = __atomic_load_n(&item->next, __ATOMIC_RELAXED);
    uint64_t changed = ((head >> 32) + 1) << 32 | next;
    if (__atomic_compare_exchange_n(list, &head, changed, true, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
      return item;
  }
  return NULL;
}

/// Maps a block where there is none; false where it can't be.
static bool make_block(struct item **block) {
  if (__atomic_load_n(block, __ATOMIC_ACQUIRE) != NULL) return true;
  int saved_errno = errno;
  size_t size = ITEMS_PER_BLOCK * sizeof(struct item);
  void *made = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct item *none = NULL;
  if (made != MAP_FAILED && !__atomic_compare_exchange_n(block, &none, made, false,
                                                         __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    munmap(made, size);
  errno = saved_errno;
  return made != MAP_FAILED;
}

/// An item that was never in use.
static struct item *take_new(void) {
  uint32_t number = __atomic_load_n(&used, __ATOMIC_RELAXED);
  do {
    if (number == ITEMS_PER_BLOCK * MOST_BLOCKS || !make_block(&blocks[number / ITEMS_PER_BLOCK]))
      return NULL;
  } while (!__atomic_compare_exchange_n(&used, &number, number + 1, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
  struct item *item = item_numbered(number + 1);
  item->number = number + 1;
  return item;
}

struct item *remember(void) {
  uint32_t own = own_list();
  struct item *item = NULL;
  for (uint32_t step = 0; step < LISTS && item == NULL; step++)
    item = take_from(&lists[(own + step) % LISTS].head);
  return item != NULL ? item : take_new();
}

void forget(struct item *item) {
  uint64_t *list = &lists[own_list()].head, head = __atomic_load_n(list, __ATOMIC_RELAXED), changed;
  do {
    __atomic_store_n(&item->next, (uint32_t)head, __ATOMIC_RELAXED);
    changed = ((head >> 32) + 1) << 32 | item->number;
  } while (!__atomic_compare_exchange_n(list, &head, changed, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED));
}
