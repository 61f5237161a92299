// Finding the functions of libraries that a program may have or not.
#include "library.h"

#include <errno.h>
#include <link.h>
#include <string.h>

#include "unwind.h"

extern struct library glib_library, libuv_library, tbb_library, openmp_library,
    openmp_locks_library, blocks_library, dispatch_library, dispatch_waits_library,
    concurrency_library;
static struct library *const libraries[] = {
    &glib_library,         &libuv_library,  &tbb_library,      &openmp_library,
    &openmp_locks_library, &blocks_library, &dispatch_library, &dispatch_waits_library,
    &concurrency_library,  NULL,
};

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

// MARK: Libraries that not all of the program sees

// The loader can be asked in the name of the whole program, or of a library that the program opened; but not
// of one that came as part of another. So the modules are looked through for what the caller needs.

/// What is looked for, and the best that is found.
struct search {
  const struct library *wanted;
  const char *name;
  /// Of the library that wants it.
  const struct link_map *caller;
  void *found;
  /// How early the caller names that very library among those that it needs; 0 where it is it.
  uint32_t rank;
};

/// A table of a module that its dynamic section tells of.
static const void *table_at(uintptr_t base, const ElfW(Dyn) *entry) {
  // Most loaders have relocated it already.
  return (const void *)(entry->d_un.d_ptr < base ? base + entry->d_un.d_ptr : entry->d_un.d_ptr);
}

static const ElfW(Dyn) *entry_of(const ElfW(Dyn) *dynamic, ElfW(Sxword) tag) {
  for (; dynamic->d_tag != DT_NULL; dynamic++)
    if (dynamic->d_tag == tag) return dynamic;
  return NULL;
}

/// The symbol of a name that a module has, in its default version. By its GNU hash table, as
/// <https://flapenguin.me/elf-dt-gnu-hash> describes it.
static const ElfW(Sym) *symbol_in(uintptr_t base, const ElfW(Dyn) *dynamic, const char *name) {
  const ElfW(Dyn) *hashes = entry_of(dynamic, DT_GNU_HASH), *strings = entry_of(dynamic, DT_STRTAB),
                  *symbols = entry_of(dynamic, DT_SYMTAB), *versions = entry_of(dynamic, DT_VERSYM);
  if (hashes == NULL || strings == NULL || symbols == NULL) return NULL;
  const uint32_t *table = table_at(base, hashes);
  const char *names = table_at(base, strings);
  const ElfW(Sym) *all = table_at(base, symbols);
  const uint16_t *marks = versions == NULL ? NULL : table_at(base, versions);
  const uint32_t *buckets = table + 4 + table[2] * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
  const uint32_t *chain = buckets + table[0];
  uint32_t hash = 5381;
  for (const char *letter = name; *letter != 0; letter++) hash = hash * 33 + (uint8_t)*letter;
  uint32_t index = table[0] == 0 ? 0 : buckets[hash % table[0]];
  if (index < table[1]) return NULL;
  for (;; index++) {
    uint32_t other = chain[index - table[1]];
    bool is_hidden = marks != NULL && marks[index] >> 15 != 0;
    if ((other | 1) == (hash | 1) && !is_hidden && all[index].st_shndx != SHN_UNDEF &&
        strcmp(names + all[index].st_name, name) == 0)
      return &all[index];
    if (other & 1) return NULL;
  }
}

static const ElfW(Dyn) *dynamic_of(const struct dl_phdr_info *info) {
  for (uint32_t index = 0; index < info->dlpi_phnum; index++)
    if (info->dlpi_phdr[index].p_type == PT_DYNAMIC)
      return (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[index].p_vaddr);
  return NULL;
}

static int look_for_symbol(struct dl_phdr_info *info, size_t size, void *argument) {
  (void)size;
  struct symbol *symbol = argument;
  const ElfW(Dyn) *dynamic = dynamic_of(info);
  const ElfW(Sym) *found = dynamic == NULL ? NULL : symbol_in(info->dlpi_addr, dynamic, symbol->name);
  if (found == NULL) return 0;
  symbol->address = info->dlpi_addr + found->st_value;
  symbol->size = found->st_size;
  return 1;
}

bool find_symbol(struct symbol *symbol) { return dl_iterate_phdr(look_for_symbol, symbol) != 0; }

/// A library that the caller does not name at all.
enum { NOT_NEEDED = UINT32_MAX };

/// How early the caller names a file among those that it needs.
static uint32_t rank_of(const struct search *search, const char *file) {
  if (search->caller == NULL) return NOT_NEEDED;
  const ElfW(Dyn) *strings = entry_of(search->caller->l_ld, DT_STRTAB);
  if (strings == NULL) return NOT_NEEDED;
  const char *names = table_at(search->caller->l_addr, strings);
  uint32_t rank = 1;
  for (const ElfW(Dyn) *entry = search->caller->l_ld; entry->d_tag != DT_NULL; entry++) {
    if (entry->d_tag != DT_NEEDED) continue;
    if (strcmp(file_name(names + entry->d_un.d_val), file) == 0) return rank;
    rank += 1;
  }
  return NOT_NEEDED;
}

static int look_in(struct dl_phdr_info *info, size_t size, void *argument) {
  (void)size;
  struct search *search = argument;
  const char *file = file_name(info->dlpi_name);
  const ElfW(Dyn) *dynamic = dynamic_of(info);
  if (dynamic == NULL || strncmp(file, search->wanted->file, strlen(search->wanted->file)) != 0)
    return 0;
  bool is_caller = search->caller != NULL && search->caller->l_ld == dynamic;
  uint32_t rank = is_caller ? 0 : rank_of(search, file);
  if (search->found != NULL && rank >= search->rank) return 0;
  const ElfW(Sym) *found = symbol_in(info->dlpi_addr, dynamic, search->name);
  if (found == NULL) return 0;
  search->found = (void *)(info->dlpi_addr + found->st_value);
  search->rank = rank;
  return 0;
}

static const struct library *library_of(const struct library_function *function) {
  for (uint32_t index = 0; libraries[index] != NULL; index++)
    if (function >= libraries[index]->functions &&
        function < libraries[index]->functions + libraries[index]->count)
      return libraries[index];
  return NULL;
}

static void *find_in_modules(struct library_function *function, const struct link_map *caller) {
  struct search search = {
      .wanted = library_of(function), .name = function->name, .caller = caller};
  if (search.wanted != NULL) dl_iterate_phdr(look_in, &search);
  return search.found;
}

// MARK: The search

/// What a caller's library means by a name: what all of the program means, or what the library needs.
static void *look_up_for(struct library_function *function, struct link_map *caller) {
  void *found = look_up(RTLD_NEXT, function->name);
  return found != NULL ? found : find_in_modules(function, caller);
}

/// Several copies of one library can be there, each for those that asked for it, and a library that came
/// later than the program can go: what was found holds for one caller, until any library goes.
static void *find_for_caller(struct library_function *function, struct link_map *map) {
  enum { CLAIMED = 1 };
  uint32_t generation = __atomic_load_n(&unloadings, __ATOMIC_ACQUIRE);
  for (uint32_t place = 0; place < CALLERS_KNOWN; place++) {
    struct function_of_caller *known = &function->callers[place];
    if (__atomic_load_n(&known->map, __ATOMIC_ACQUIRE) == map && known->generation == generation)
      return known->found;
  }
  void *found = look_up_for(function, map);
  for (uint32_t place = 0; found != NULL && place < CALLERS_KNOWN; place++) {
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
  void *found;
  if (_dl_find_object != NULL && _dl_find_object((void *)site.address, &object) == 0)
    found = find_for_caller(function, object.dlfo_link_map);
  else
    found = look_up_for(function, NULL);
  errno = saved_errno;
  return found;
}
