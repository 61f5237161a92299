// Writes random bytes over the memory it is recorded in, while its threads use their locks; or counts that
// are as great as can be, which random bytes never are.
#include <sys/mman.h>

#include "ctrace_abi.h"
#include "workload.h"

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static volatile bool is_over;

static void *work(void *unused) {
  while (!is_over) {
    OK(pthread_mutex_lock(&mu));
    OK(pthread_mutex_unlock(&mu));
  }
  return unused;
}

static uint64_t state = 1;
static uint64_t random_number(void) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

/// Scribbles over each writable part of the shared memory but the first `skipped` bytes of it.
static int scribble(uint64_t skipped, int words) {
  FILE *maps = fopen("/proc/self/maps", "r");
  CHECK(maps != NULL);
  char line[512];
  int found = 0;
  uint64_t first = 0;
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long start, end;
    char rights[8];
    if (strstr(line, "memfd:ctrace") == NULL) continue;
    CHECK(sscanf(line, "%lx-%lx %7s", &start, &end, rights) == 3);
    if (first == 0) first = start;
    if (rights[1] != 'w') continue;
    if (start < first + skipped) start = first + skipped;
    if (start >= end) continue;
    found++;
    for (int index = 0; index < words; index++) {
      uint64_t place = start + random_number() % (end - start) / 8 * 8;
      *(volatile uint64_t *)place = random_number();
    }
  }
  fclose(maps);
  return found;
}

/// The start of the shared memory.
static char *arena(void) {
  FILE *maps = fopen("/proc/self/maps", "r");
  CHECK(maps != NULL);
  char line[512];
  unsigned long start = 0;
  while (start == 0 && fgets(line, sizeof line, maps) != NULL) {
    if (strstr(line, "memfd:ctrace") != NULL) CHECK(sscanf(line, "%lx", &start) == 1);
  }
  fclose(maps);
  return (char *)start;
}

/// Makes each second of the main thread's uses one of a lock of some kind, all else of it ones. Between
/// them entries stay empty, so that the runtime still finds its own.
static int fill_uses(void) {
  enum { COUNT = 1 << CTRACE_FIRST_TABLE_LOG2 };
  struct ctrace_use *uses = (void *)(arena() + CTRACE_SLOTS_OFFSET + CTRACE_SLOT_TABLE);
  struct ctrace_use_detail *details = (void *)(uses + COUNT);
  for (uint64_t place = 0; place < COUNT; place += 2) {
    memset(&details[place], 0xff, sizeof *details);
    uses[place] =
        (struct ctrace_use){.key = ~place, .counts = ~0, .acquired = 1, .site = place / 2 << 56 | 1};
  }
  return COUNT / 2;
}

int main(int count, char **arguments) {
  bool spares_control = count > 1 && strcmp(arguments[1], "rings") == 0;
  bool is_random = count <= 1 || strcmp(arguments[1], "counts") != 0;
  state = count > 2 ? strtoull(arguments[2], NULL, 10) : 1;
  pthread_t threads[2] = {start(work, NULL), start(work, NULL)};
  int found = 0;
  for (int round = 0; is_random && round < 60; round++) {
    found += scribble(spares_control ? 65536 : 0, 20000);
    sleep_ms(2);
  }
  is_over = true;
  for (int index = 0; index < 2; index++) join(threads[index]);
  if (!is_random) found = fill_uses();
  say("found", found);
}
