// What is known of semaphores that processes share. Those with a name are files, of which the kernel's number
// tells one from another, in whichever process they are opened. Those without are known by a number of our
// own to the children that are forked after they were made: memory that processes map by a file, each at a
// place of its own, is not looked through.
//
// A table without locks, which forked children inherit: a semaphore has one of a few places, by its hash.
// Where all are taken, it is one for this process alone.
#include "shared_semaphores.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { PLACES = 8192, PLACES_OF_ONE = 16 };

static struct shared_semaphore table[PLACES + PLACES_OF_ONE];
bool has_shared_semaphores;

static struct shared_semaphore *first_place(uintptr_t address) {
  return &table[(uint32_t)(hash_address(address) >> 40) % PLACES];
}

struct shared_semaphore *find_shared_semaphore(uintptr_t address) {
  struct shared_semaphore *first = first_place(address);
  for (uint32_t place = 0; place < PLACES_OF_ONE; place++)
    if (__atomic_load_n(&first[place].address, __ATOMIC_ACQUIRE) == address) return &first[place];
  return NULL;
}

static void add(uintptr_t address, uint64_t number) {
  struct shared_semaphore *first = first_place(address), *known = find_shared_semaphore(address);
  if (known != NULL && known->number == number) {
    __atomic_fetch_add(&known->opened, 1, __ATOMIC_RELAXED);
    return;
  }
  for (uint32_t place = 0; known == NULL && place < PLACES_OF_ONE; place++) {
    uintptr_t none = 0;
    // Held by an address that is none, until the rest is there.
    if (__atomic_compare_exchange_n(&first[place].address, &none, 1, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED))
      known = &first[place];
  }
  if (known == NULL) return;
  known->number = number;
  known->opened = 1;
  known->role = CTRACE_SEMAPHORE_PLAIN;
  __atomic_store_n(&known->address, address, __ATOMIC_RELEASE);
  __atomic_store_n(&has_shared_semaphores, true, __ATOMIC_RELEASE);
}

/// The kernel's number of the file that glibc keeps a semaphore in; 0 where it is not to be had.
static uint64_t file_number(const char *name) {
  static const char folder[] = "/dev/shm/sem.";
  char path[sizeof folder + 256];
  struct stat status;
  while (*name == '/') name++;
  size_t size = strnlen(name, 256);
  if (size == 256 || is_confined) return 0;
  memcpy(path, folder, sizeof folder - 1);
  memcpy(path + sizeof folder - 1, name, size + 1);
  int saved_errno = errno;
  bool is_found = stat(path, &status) == 0;
  errno = saved_errno;
  return is_found ? (uint64_t)status.st_ino ^ (uint64_t)status.st_dev << 32 : 0;
}

void named_semaphore_opened(const sem_t *semaphore, const char *name) {
  uint64_t number = file_number(name);
  // Unlinked meanwhile: nobody else can open it any more.
  if (number == 0) number = hash_address((uintptr_t)(now() ^ (uint64_t)this_process.pid << 40)) >> 16;
  add((uintptr_t)semaphore, number & UINT64_C(0xffffffffffff));
}

void unnamed_semaphore_made(const sem_t *semaphore) {
  uint64_t stamp = now() ^ (uint64_t)this_process.pid << 40;
  shared_semaphore_gone(semaphore);
  add((uintptr_t)semaphore, hash_address((uintptr_t)stamp ^ (uintptr_t)semaphore) >> 16);
}

void shared_semaphore_gone(const sem_t *semaphore) {
  struct shared_semaphore *known = shared_semaphore(semaphore);
  if (known != NULL && __atomic_sub_fetch(&known->opened, 1, __ATOMIC_RELAXED) == 0)
    __atomic_store_n(&known->address, 0, __ATOMIC_RELEASE);
}

// MARK: Owners

static uint64_t *owner_place(uint64_t lock) {
  return &arena.control->owners[key_hash(lock) % CTRACE_OWNERS];
}

uint32_t shared_owner(uint64_t lock) {
  uint64_t owner = __atomic_load_n(owner_place(lock), __ATOMIC_RELAXED);
  return (uint32_t)owner == (uint32_t)(key_hash(lock) >> 32) ? (uint32_t)(owner >> 32) : 0;
}

void set_shared_owner(uint64_t lock) {
  uint64_t owner = (uint64_t)(uint32_t)self.slot->tid << 32 | (uint32_t)(key_hash(lock) >> 32);
  __atomic_store_n(owner_place(lock), owner, __ATOMIC_RELAXED);
}
