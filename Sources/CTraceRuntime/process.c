// Processes: finding the recorder's arena, forked children, programs that are executed, modules.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "interpreter.h"
#include "library.h"

union process_page process_page __attribute__((aligned(sizeof(union process_page))));
struct arena arena;
uint16_t epochs[1 << EPOCH_BITS];

extern char **environ;

/// The last number of this process or of the one it was forked from: outlives the fork.
static uint32_t last_process;
/// What children need to find the runtime and the recorder.
static char runtime_path[PATH_MAX];
static char session[80];

// MARK: The arena

static bool parse(const char **text, uint64_t base, uint64_t *value) {
  const char *start = *text;
  for (*value = 0;; ++*text) {
    char letter = **text;
    uint64_t digit = letter >= '0' && letter <= '9'   ? (uint64_t)(letter - '0')
                     : letter >= 'a' && letter <= 'f' ? (uint64_t)(letter - 'a' + 10)
                                                      : base;
    if (digit >= base) return *text != start;
    *value = *value * base + digit;
  }
}

static char *append(char *to, const char *text) {
  while (*text != 0) *to++ = *text++;
  *to = 0;
  return to;
}

static char *append_number(char *to, uint64_t number) {
  char digits[24], *digit = digits + sizeof digits;
  *--digit = 0;
  do *--digit = (char)('0' + number % 10);
  while ((number /= 10) != 0);
  return append(to, digit);
}

/// Maps the arena that the session variable names; leaves nothing open.
static void map_arena(const char *name) {
  uint64_t recorder, descriptor, token;
  const char *text = name;
  if (!parse(&text, 10, &recorder) || *text++ != ':' || !parse(&text, 10, &descriptor) ||
      *text++ != ':' || !parse(&text, 16, &token) || *text != 0)
    return;
  char path[80];
  append_number(append(append_number(append(path, "/proc/"), recorder), "/fd/"), descriptor);
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  struct ctrace_control *control =
      mmap(NULL, CTRACE_CONTROL_SIZE, PROT_READ, MAP_SHARED, file, 0);
  if (control == MAP_FAILED) {
    close(file);
    return;
  }
  // The recorder may be gone and its number another's.
  bool is_ours = control->magic == CTRACE_ABI_MAGIC && control->version == CTRACE_ABI_VERSION &&
                 control->token == token && !control->stopped;
  uint64_t size = is_ours ? control->arena_size : 0;
  munmap(control, CTRACE_CONTROL_SIZE);

  // All of it is reserved, nothing of it is accessible until a thread takes its slot: mlockall()
  // must not fill it, and a limit of address space must leave room for the program.
  struct rlimit limit;
  uint64_t most = size;
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur / 8 < most) most = limit.rlim_cur / 8;
  most &= ~UINT64_C(0xffff);
  void *base = MAP_FAILED;
  if (most >= CTRACE_SLOTS_OFFSET + CTRACE_SLOT_SIZE)
    base = mmap(NULL, most, PROT_NONE, MAP_SHARED | MAP_NORESERVE, file, 0);
  close(file);
  if (base == MAP_FAILED) return;
  if (mprotect(base, CTRACE_CONTROL_SIZE, PROT_READ | PROT_WRITE) != 0) {
    munmap(base, most);
    return;
  }
  madvise(base, most, MADV_DONTDUMP);
  control = base;
  arena.size = most;
  arena.control = control;
  arena.minimum_wait = control->minimum_wait;
  arena.is_clock_called = control->clock != CTRACE_CLOCK_COUNTER;
  arena.asks_depth = (control->flags & CTRACE_ASKS_DEPTH) != 0;
  arena.records_kernel_queues = !(control->flags & CTRACE_NO_KERNEL_QUEUES);
  // A window is 2.5 ms: a call that takes 10 us, and 0.25 us for each kilobyte, has not waited.
  arena.longest_call = control->value_window / 250;
  arena.longest_kilobyte = control->value_window / 10000;
  arena.stamps_holds = !(control->flags & CTRACE_NO_HOLDS);
  arena.base = base;
}

// MARK: Processes

bool attach_process(void) {
  if (arena.base == NULL) return false;
  int saved_errno = errno;
  int32_t pid = (int32_t)syscall(SYS_getpid), parent_pid = (int32_t)syscall(SYS_getppid);
  errno = saved_errno;
  if ((arena.control->flags & CTRACE_NO_CHILDREN) && pid != arena.control->root_pid) {
    arena.base = NULL;
    return false;
  }
  this_process.pid = pid;
  this_process.parent_pid = parent_pid;
  this_process.parent = last_process;
  last_process = __atomic_add_fetch(&arena.control->process_count, 1, __ATOMIC_RELAXED);
  this_process.live = last_process;
  return true;
}

/// The thread that forked is the only one in the child: it begins anew.
static void child_begins(void) { is_recording(); }

/// A parent may end before its child has said that it is there. The recorder, which ends with the last
/// process it knows of, is told that one is on its way.
exported pid_t fork(void) {
  bool is_told = is_recording();
  if (is_told) __atomic_fetch_add(&arena.control->forking, 1, __ATOMIC_RELAXED);
  pid_t child = real.fork();
  // The child has its slot by now. Where there is none, nobody is on the way.
  if (is_told && child <= 0) __atomic_fetch_sub(&arena.control->forking, 1, __ATOMIC_RELEASE);
  return child;
}

// MARK: Modules and arguments

void write_text(uint8_t kind, uint64_t time, const void *head, uint32_t head_size, const char *text,
                size_t size) {
  if (size > CTRACE_MAX_TEXT) size = CTRACE_MAX_TEXT;
  uint32_t words = (uint32_t)((head_size + size + 7) / 8);
  struct ctrace_record *record = reserve_record(kind, words, time);
  if (record != NULL) {
    char *bytes = (char *)record;
    record->lock_kind = ((const struct ctrace_record *)head)->lock_kind;
    memset(bytes + sizeof *record, 0, words * 8 - sizeof *record);
    memcpy(bytes + sizeof *record, (const char *)head + sizeof *record,
           head_size - sizeof *record);
    memcpy(bytes + head_size, text, size);
    commit_record(record);
  }
}

static void read_build_id(const ElfW(Phdr) * header, ElfW(Addr) bias,
                          struct ctrace_record_module *module) {
  const char *note = (const char *)(bias + header->p_vaddr), *end = note + header->p_memsz;
  while (end - note >= (ptrdiff_t)sizeof(ElfW(Nhdr))) {
    const ElfW(Nhdr) *head = (const ElfW(Nhdr) *)note;
    size_t name = (head->n_namesz + 3u) & ~3u, size = (head->n_descsz + 3u) & ~3u;
    if (name + size > (size_t)(end - note) - sizeof *head) return;
    const char *content = note + sizeof *head + name;
    if (head->n_type == NT_GNU_BUILD_ID && head->n_namesz == 4 &&
        memcmp(note + sizeof *head, "GNU", 4) == 0 && head->n_descsz <= sizeof module->build_id) {
      module->build_id_size = (uint8_t)head->n_descsz;
      memcpy(module->build_id, content, head->n_descsz);
      return;
    }
    note = content + size;
  }
}

static void write_module(const ElfW(Phdr) * headers, size_t count, ElfW(Addr) bias,
                         const char *name) {
  struct ctrace_record_module module = {.bias = bias, .start = UINT64_MAX};
  for (size_t index = 0; index < count; index++) {
    const ElfW(Phdr) *header = &headers[index];
    if (header->p_type == PT_LOAD) {
      uint64_t start = bias + header->p_vaddr, end = start + header->p_memsz;
      if (start < module.start) module.start = start;
      if (end > module.end) module.end = end;
    } else if (header->p_type == PT_NOTE && module.build_id_size == 0) {
      read_build_id(header, bias, &module);
    }
  }
  if (module.start >= module.end) return;
  module.path_size = strnlen(name, CTRACE_MAX_TEXT);
  write_text(CTRACE_RECORD_MODULE, now(), &module, sizeof module, name, module.path_size);
}

static int write_first_module(struct dl_phdr_info *info, size_t size, void *is_first) {
  (void)size;
  char path[PATH_MAX];
  const char *name = info->dlpi_name;
  if (*(bool *)is_first) {
    *(bool *)is_first = false;
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    name = path;
  }
  write_module(info->dlpi_phdr, info->dlpi_phnum, info->dlpi_addr, name);
  return 0;
}

uint32_t unloadings;
/// Calls of dlopen and dlclose so far.
static uint32_t module_changes;
/// What was written last of modules with this hash: its start, and module_changes then.
static uint64_t written_modules[64];

void write_module_of(uintptr_t address) {
  uint64_t changes = __atomic_load_n(&module_changes, __ATOMIC_RELAXED);
  struct dl_find_object found;
  if (likely(changes == 0) || _dl_find_object == NULL ||
      _dl_find_object((void *)address, &found) != 0)
    return;
  uintptr_t start = (uintptr_t)found.dlfo_map_start, end = (uintptr_t)found.dlfo_map_end;
  uint64_t stamp = changes << 40 ^ start;
  uint64_t *written = &written_modules[hash_address(start) >> 58];
  if (__atomic_load_n(written, __ATOMIC_RELAXED) == stamp) return;
  __atomic_store_n(written, stamp, __ATOMIC_RELAXED);
  // The loader keeps the program headers to itself, but maps the file's beginning, which names them.
  const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)start;
  if (end - start < 4096 || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_phoff > 4096 - sizeof(ElfW(Phdr)) ||
      header->e_phnum > (4096 - header->e_phoff) / sizeof(ElfW(Phdr)) ||
      found.dlfo_link_map->l_name == NULL || found.dlfo_link_map->l_name[0] == 0)
    return;
  write_module((const ElfW(Phdr) *)(start + header->e_phoff), header->e_phnum,
               found.dlfo_link_map->l_addr, found.dlfo_link_map->l_name);
}

static void write_arguments(int count, char **arguments) {
  char text[CTRACE_MAX_TEXT];
  size_t size = 0;
  for (int index = 0; index < count && arguments[index] != NULL; index++) {
    size_t length = strlen(arguments[index]) + 1;
    if (length > sizeof text - size) break;
    memcpy(text + size, arguments[index], length);
    size += length;
  }
  struct ctrace_record head = {0};
  write_text(CTRACE_RECORD_ARGUMENTS, now(), &head, sizeof head, text, size);
}

__attribute__((constructor)) static void start(int count, char **arguments, char **environment) {
  resolve_real_functions();
  const char *name = NULL;
  for (char **entry = environment; *entry != NULL; entry++)
    if (strncmp(*entry, CTRACE_SESSION_VARIABLE "=", sizeof CTRACE_SESSION_VARIABLE) == 0)
      name = *entry + sizeof CTRACE_SESSION_VARIABLE;
  if (name == NULL || strlen(name) >= sizeof session - sizeof CTRACE_SESSION_VARIABLE) return;
  append(append(session, CTRACE_SESSION_VARIABLE "="), name);
  Dl_info info;
  if (dladdr(&arena, &info) == 0 || strlen(info.dli_fname) >= sizeof runtime_path) return;
  append(runtime_path, info.dli_fname);

  int saved_errno = errno;
  map_arena(name);
  if (arena.base != NULL) {
    find_library_functions();
    madvise(&process_page, sizeof process_page, MADV_WIPEONFORK);
    pthread_atfork(NULL, NULL, child_begins);
    find_interpreter();
    // Whatever ran before, it is this image's own beginning.
    if (is_recording()) {
      bool is_first = true;
      enter();
      write_arguments(count, arguments);
      dl_iterate_phdr(write_first_module, &is_first);
      leave();
      load_probe(runtime_path);
    }
  }
  errno = saved_errno;
}

// dlopen finds libraries by who calls it, so the real one must be jumped to. What it loaded is
// written when something in it is: see write_module_of().

static void modules_change(void) {
  __atomic_fetch_add(&module_changes, 1, __ATOMIC_RELAXED);
}

exported void *dlopen(const char *path, int flags) {
  modules_change();
  if (unlikely(real.dlopen == NULL)) resolve_real_functions();
  __attribute__((musttail)) return real.dlopen(path, flags);
}

exported void *dlmopen(Lmid_t space, const char *path, int flags) {
  modules_change();
  if (unlikely(real.dlmopen == NULL)) resolve_real_functions();
  __attribute__((musttail)) return real.dlmopen(space, path, flags);
}

static void modules_unload(void) {
  modules_change();
  __atomic_fetch_add(&unloadings, 1, __ATOMIC_RELAXED);
}

exported int dlclose(void *handle) {
  modules_unload();
  int result = real.dlclose(handle);
  // What was used while it was being unloaded may be gone.
  modules_unload();
  return result;
}

// MARK: exec

// A child may be given an environment that does not lead it to the recorder.

static size_t count_of(char *const *list) {
  size_t count = 0;
  if (list != NULL)
    while (list[count] != NULL) count++;
  return count;
}

static bool is_propagated(void) {
  return arena.base != NULL && !(arena.control->flags & CTRACE_NO_CHILDREN) &&
         !arena.control->stopped;
}

/// Fills `merged`, which has room for three entries more than `given`, with `given` and what is
/// missing in it. Returns what to pass on.
static char *const *merge(char *const *given, char **merged, char *preload, size_t preload_size) {
  bool has_session = false, has_preload = false;
  size_t count = 0;
  for (char *const *entry = given; entry != NULL && *entry != NULL; entry++) {
    merged[count++] = *entry;
    if (strncmp(*entry, CTRACE_SESSION_VARIABLE "=", sizeof CTRACE_SESSION_VARIABLE) == 0) {
      merged[count - 1] = session;
      has_session = true;
    } else if (strncmp(*entry, "LD_PRELOAD=", 11) == 0) {
      has_preload = true;
      if (strstr(*entry, runtime_path) != NULL) continue;
      if (11 + strlen(runtime_path) + 1 + strlen(*entry + 11) >= preload_size) continue;
      append(append(append(append(preload, "LD_PRELOAD="), runtime_path), ":"), *entry + 11);
      merged[count - 1] = preload;
    }
  }
  if (!has_preload) {
    append(append(preload, "LD_PRELOAD="), runtime_path);
    merged[count++] = preload;
  }
  if (!has_session) merged[count++] = session;
  merged[count] = NULL;
  return merged;
}

/// Tells the recorder which program a process is to run: it may be one that the runtime can't be
/// loaded into. A vfork child runs this in its parent's memory, which is why the number is asked for.
static void note_exec(pid_t pid, const char *path, uint64_t time) {
  if (!is_recording()) return;
  struct ctrace_record_exec exec = {.pid = (uint64_t)pid, .path_size = strlen(path)};
  if (exec.path_size > CTRACE_MAX_TEXT) exec.path_size = CTRACE_MAX_TEXT;
  enter();
  write_text(CTRACE_RECORD_EXEC, time, &exec, sizeof exec, path, exec.path_size);
  leave();
}

static pid_t own_pid(void) { return (pid_t)syscall(SYS_getpid); }

/// Declares `environment` to be the one that leads a child to the recorder, made of `given`. The
/// list lives on the stack, because the caller may be a vfork child. An environment beyond reason
/// is passed on as it is.
#define MERGED_ENVIRONMENT(given)                                                     \
  size_t room = is_propagated() ? count_of(given) + 3 : 0;                            \
  if (room > 16384) room = 0;                                                         \
  char *merged[room + 1], preload[2 * PATH_MAX];                                      \
  char *const *environment =                                                          \
      room == 0 ? (given) : merge((given), merged, preload, sizeof preload)

#define EXEC(path, given, call)                            \
  do {                                                     \
    MERGED_ENVIRONMENT(given);                             \
    if (room != 0) note_exec(own_pid(), path, now());      \
    int result = call;                                     \
    if (room != 0) note_exec(own_pid(), "", now());        \
    return result;                                         \
  } while (0)

#define SPAWN(path, given, call)                           \
  do {                                                     \
    MERGED_ENVIRONMENT(given);                             \
    pid_t own;                                             \
    if (pid == NULL) pid = &own;                           \
    uint64_t start = room == 0 ? 0 : now();                \
    int result = call;                                     \
    if (room != 0 && result == 0) note_exec(*pid, path, start); \
    return result;                                         \
  } while (0)

exported int execve(const char *path, char *const arguments[], char *const given[]) {
  EXEC(path, given, real.execve(path, arguments, environment));
}

exported int execv(const char *path, char *const arguments[]) {
  EXEC(path, environ, real.execve(path, arguments, environment));
}

exported int execvpe(const char *file, char *const arguments[], char *const given[]) {
  EXEC(file, given, real.execvpe(file, arguments, environment));
}

exported int execvp(const char *file, char *const arguments[]) {
  EXEC(file, environ, real.execvpe(file, arguments, environment));
}

exported int execveat(int folder, const char *path, char *const arguments[], char *const given[],
                      int flags) {
  EXEC(path, given, real.execveat(folder, path, arguments, environment, flags));
}

exported int fexecve(int file, char *const arguments[], char *const given[]) {
  EXEC("(an open file)", given, real.fexecve(file, arguments, environment));
}

/// The arguments of a variadic exec, in `arguments`; the list's own end is the last.
#define COLLECT_ARGUMENTS(first, list)                                    \
  size_t argument_count = 1;                                              \
  va_list list, counting;                                                 \
  va_start(counting, first);                                              \
  while (va_arg(counting, char *) != NULL) argument_count++;              \
  va_end(counting);                                                       \
  char *arguments[argument_count + 1];                                    \
  arguments[0] = (char *)(uintptr_t)first;                                \
  va_start(list, first);                                                  \
  for (size_t index = 1; index <= argument_count; index++)                \
    arguments[index] = va_arg(list, char *);

exported int execl(const char *path, const char *argument, ...) {
  COLLECT_ARGUMENTS(argument, list)
  va_end(list);
  return execv(path, arguments);
}

exported int execlp(const char *file, const char *argument, ...) {
  COLLECT_ARGUMENTS(argument, list)
  va_end(list);
  return execvp(file, arguments);
}

exported int execle(const char *path, const char *argument, ...) {
  COLLECT_ARGUMENTS(argument, list)
  char *const *given = va_arg(list, char *const *);
  va_end(list);
  return execve(path, arguments, given);
}

exported int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                         const posix_spawnattr_t *attributes, char *const arguments[],
                         char *const given[]) {
  SPAWN(path, given, real.posix_spawn(pid, path, actions, attributes, arguments, environment));
}

exported int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                          const posix_spawnattr_t *attributes, char *const arguments[],
                          char *const given[]) {
  SPAWN(file, given, real.posix_spawnp(pid, file, actions, attributes, arguments, environment));
}

// MARK: Sanitizers

/// Asked by the address sanitizer before it insists on being the first library. A definition in the
/// program itself comes first in the search order and is used instead of this one.
exported const char *__asan_default_options(void) { return "verify_asan_link_order=0"; }
