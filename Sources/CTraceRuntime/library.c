// Finding the functions of libraries that a program may have or not.
#include "library.h"

#include <errno.h>
#include <link.h>
#include <string.h>

#include "unwind.h"

extern struct library blocks_library, dispatch_library, dispatch_waits_library, concurrency_library;

static struct library *const libraries[] = {
    &blocks_library, &dispatch_library, &dispatch_waits_library, &concurrency_library, NULL};

static const char *file_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

/// Looks a name up, which is known to be there nearly always: where it is not, the loader keeps an error
/// for the program, which did not make it.
static void *look_up(void *handle, const char *name) {
  void *volatile found = dlsym(handle, name);
  if (found == NULL) dlerror();
  return found;
}

static int find_library(struct dl_phdr_info *info, size_t size, void *unused) {
  (void)size, (void)unused;
  const char *file = file_name(info->dlpi_name);
  for (uint32_t index = 0; libraries[index] != NULL; index++) {
    struct library *library = libraries[index];
    if (strncmp(file, library->file, strlen(library->file)) == 0) library->is_found = true;
  }
  return 0;
}

void find_library_functions(void) {
  int saved_errno = errno;
  dl_iterate_phdr(find_library, NULL);
  for (uint32_t index = 0; libraries[index] != NULL; index++) {
    struct library *library = libraries[index];
    if (!library->is_found || library->functions[0].found != NULL) continue;
    for (uint32_t place = 0; place < library->count; place++) {
      struct library_function *function = &library->functions[place];
      void *found = look_up(RTLD_NEXT, function->name);
      if (found != NULL) __atomic_store_n(&function->found, found, __ATOMIC_RELEASE);
    }
  }
  errno = saved_errno;
}

/// Whether an address is in the runtime itself: the program's own scope leads to the hooks.
static bool is_ours(const void *address) {
  struct dl_find_object object, own;
  return _dl_find_object((void *)address, &object) == 0 &&
         _dl_find_object((void *)is_ours, &own) == 0 && object.dlfo_link_map == own.dlfo_link_map;
}

/// Finds what a caller's own library means by a name. Several copies of one library can be there, each
/// for those that asked for it: what was found holds for one caller, until a library goes.
static void *find_for_caller(struct library_function *function, void *map) {
  enum { CLAIMED = 1 };
  uint32_t generation = __atomic_load_n(&unloadings, __ATOMIC_ACQUIRE);
  for (uint32_t place = 0; place < CALLERS_KNOWN; place++) {
    struct function_of_caller *known = &function->callers[place];
    if (__atomic_load_n(&known->map, __ATOMIC_ACQUIRE) == map && known->generation == generation)
      return known->found;
  }
  void *found = look_up(map, function->name);
  for (uint32_t place = 0; place < CALLERS_KNOWN; place++) {
    struct function_of_caller *known = &function->callers[place];
    void *before = __atomic_load_n(&known->map, __ATOMIC_ACQUIRE);
    if (before == (void *)CLAIMED || (before != NULL && known->generation == generation)) continue;
    if (!__atomic_compare_exchange_n(&known->map, &before, (void *)CLAIMED, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
      continue;
    known->found = found;
    known->generation = generation;
    __atomic_store_n(&known->map, map, __ATOMIC_RELEASE);
    break;
  }
  return found;
}

void *find_function_for(struct library_function *function, struct site site) {
  int saved_errno = errno;
  struct dl_find_object object;
  void *found = NULL;
  if (_dl_find_object != NULL && _dl_find_object((void *)site.address, &object) == 0)
    found = find_for_caller(function, object.dlfo_link_map);
  if (found == NULL || is_ours(found)) {
    found = look_up(RTLD_NEXT, function->name);
    if (found != NULL) __atomic_store_n(&function->found, found, __ATOMIC_RELEASE);
  }
  errno = saved_errno;
  return found;
}
