// Finds the real functions. glibc's own aliases serve while the lookup itself runs: an allocator
// that takes locks may be called by dlsym.
#include "real.h"

#include <dlfcn.h>
#include <errno.h>

extern int __pthread_mutex_lock(pthread_mutex_t *);
extern int __pthread_mutex_trylock(pthread_mutex_t *);
extern int __pthread_mutex_unlock(pthread_mutex_t *);
extern int __pthread_mutex_init(pthread_mutex_t *, const pthread_mutexattr_t *);
extern int __pthread_mutex_destroy(pthread_mutex_t *);
extern int __pthread_rwlock_rdlock(pthread_rwlock_t *);
extern int __pthread_rwlock_wrlock(pthread_rwlock_t *);
extern int __pthread_rwlock_unlock(pthread_rwlock_t *);
extern int __pthread_once(pthread_once_t *, void (*)(void));
extern ssize_t __read(int, void *, size_t);
extern ssize_t __write(int, const void *, size_t);
extern int __close(int);

static __thread bool is_resolving __attribute__((tls_model("initial-exec")));

static int missing(void) { return ENOSYS; }

static long missing_call(void) {
  errno = ENOSYS;
  return -1;
}

/// dlsym finds "the next library" by the address it returns to: the result must pass through a
/// variable, so that no caller's frame replaces ours.
static void *find_next(const char *name, const char *version) {
  bool was_resolving = is_resolving;
  is_resolving = true;
  void *volatile found =
      version != NULL ? dlvsym(RTLD_NEXT, name, version) : dlsym(RTLD_NEXT, name);
  // A library in between that wraps the function may not version it.
  if (found == NULL && version != NULL) found = dlsym(RTLD_NEXT, name);
  is_resolving = was_resolving;
  return found;
}

static void *next_function(const char *name, const char *version) {
  void *found = find_next(name, version);
  return found != NULL ? found : (void *)missing;
}

static void *next_call(const char *name) {
  int saved_errno = errno;
  void *found = find_next(name, NULL);
  errno = saved_errno;
  return found != NULL ? found : (void *)missing_call;
}

static void *alias_of(const char *name) {
  static const struct {
    const char *name;
    void *alias;
  } aliases[] = {
      {"pthread_mutex_lock", (void *)__pthread_mutex_lock},
      {"pthread_mutex_trylock", (void *)__pthread_mutex_trylock},
      {"pthread_mutex_unlock", (void *)__pthread_mutex_unlock},
      {"pthread_mutex_init", (void *)__pthread_mutex_init},
      {"pthread_mutex_destroy", (void *)__pthread_mutex_destroy},
      {"pthread_rwlock_rdlock", (void *)__pthread_rwlock_rdlock},
      {"pthread_rwlock_wrlock", (void *)__pthread_rwlock_wrlock},
      {"pthread_rwlock_unlock", (void *)__pthread_rwlock_unlock},
      {"pthread_once", (void *)__pthread_once},
      {"read", (void *)__read},
      {"write", (void *)__write},
      {"close", (void *)__close},
  };
  for (size_t index = 0; index < sizeof aliases / sizeof aliases[0]; index++) {
    const char *left = aliases[index].name, *right = name;
    while (*left != 0 && *left == *right) left++, right++;
    if (*left == *right) return aliases[index].alias;
  }
  return NULL;
}

/// Which version of a function programs of today mean; only the condition variables have two.
static const char *version_of(const char *name) {
#ifdef __x86_64__
  static const char *const versioned[] = {
      "pthread_cond_init", "pthread_cond_destroy", "pthread_cond_wait",
      "pthread_cond_timedwait", "pthread_cond_signal", "pthread_cond_broadcast",
  };
  for (size_t index = 0; index < sizeof versioned / sizeof versioned[0]; index++) {
    const char *left = versioned[index], *right = name;
    while (*left != 0 && *left == *right) left++, right++;
    if (*left == *right) return "GLIBC_2.3.2";
  }
#else
  (void)name;
#endif
  return NULL;
}

#define X(name, parameters, arguments)                                              \
  static int first_##name parameters {                                              \
    void *alias;                                                                    \
    if (is_resolving && (alias = alias_of(#name)) != NULL)                          \
      return ((int(*) parameters)alias)arguments;                                   \
    int(*found) parameters = (int(*) parameters)next_function(#name, version_of(#name)); \
    __atomic_store_n(&real.name, found, __ATOMIC_RELAXED);                          \
    return found arguments;                                                         \
  }
REAL_FUNCTIONS(X)
#undef X

#define X(result, name, parameters, arguments)                                    \
  static result first_##name parameters {                                         \
    void *alias;                                                                  \
    if (is_resolving && (alias = alias_of(#name)) != NULL)                        \
      return ((result(*) parameters)alias)arguments;                              \
    result(*found) parameters = (result(*) parameters)next_call(#name);           \
    __atomic_store_n(&real.name, found, __ATOMIC_RELAXED);                        \
    return found arguments;                                                       \
  }
REAL_CALLS(X)
#undef X

static void first_closefrom(int first) {
  real.closefrom = (void (*)(int))next_call("closefrom");
  real.closefrom(first);
}

/// freopen and freopen64 are one on 64-bit systems.
static struct _IO_FILE *first_freopen(const char *path, const char *mode, struct _IO_FILE *file) {
  void *found = find_next("freopen", NULL);
  real.freopen = (struct _IO_FILE * (*)(const char *, const char *, struct _IO_FILE *)) found;
  real.freopen64 = real.freopen;
  return real.freopen(path, mode, file);
}

static sem_t *first_sem_open(const char *name, int flags, ...) {
  __builtin_va_list list;
  __builtin_va_start(list, flags);
  mode_t mode = __builtin_va_arg(list, mode_t);
  unsigned value = __builtin_va_arg(list, unsigned);
  __builtin_va_end(list);
  real.sem_open = (sem_t * (*)(const char *, int, ...)) next_function("sem_open", NULL);
  return real.sem_open(name, flags, mode, value);
}

static void first_pthread_exit(void *value) {
  real.pthread_exit = (void (*)(void *))next_function("pthread_exit", NULL);
  real.pthread_exit(value);
}

struct real_functions real = {
#define X(name, parameters, arguments) .name = first_##name,
    REAL_FUNCTIONS(X)
#undef X
#define X(result, name, parameters, arguments) .name = first_##name,
        REAL_CALLS(X)
#undef X
            .closefrom = first_closefrom,
        .freopen = first_freopen,
        .freopen64 = first_freopen,
        .sem_open = first_sem_open,
        .pthread_exit = first_pthread_exit,
};

void resolve_real_functions(void) {
#define X(name, parameters, arguments)                                                       \
  __atomic_store_n(&real.name, (int(*) parameters)next_function(#name, version_of(#name)), \
                   __ATOMIC_RELAXED);
  REAL_FUNCTIONS(X)
#undef X
#define X(result, name, parameters, arguments) \
  __atomic_store_n(&real.name, (result(*) parameters)next_call(#name), __ATOMIC_RELAXED);
  REAL_CALLS(X)
#undef X
  real.closefrom = (void (*)(int))next_call("closefrom");
  real.freopen = (struct _IO_FILE * (*)(const char *, const char *, struct _IO_FILE *))
      find_next("freopen", NULL);
  real.freopen64 = real.freopen;
  real.is_mutex_wrapped = real.pthread_mutex_lock != __pthread_mutex_lock;
  real.sem_open = (sem_t * (*)(const char *, int, ...)) next_function("sem_open", NULL);
  real.pthread_exit = (void (*)(void *))next_function("pthread_exit", NULL);
  real.dlopen = (void *(*)(const char *, int))next_function("dlopen", NULL);
  real.dlmopen = (void *(*)(long, const char *, int))next_function("dlmopen", NULL);
#ifdef __x86_64__
  real.old_cond_init = (int (*)(pthread_cond_t *, const pthread_condattr_t *))next_function(
      "pthread_cond_init", "GLIBC_2.2.5");
  real.old_cond_destroy =
      (int (*)(pthread_cond_t *))next_function("pthread_cond_destroy", "GLIBC_2.2.5");
  real.old_cond_wait = (int (*)(pthread_cond_t *, pthread_mutex_t *))next_function(
      "pthread_cond_wait", "GLIBC_2.2.5");
  real.old_cond_timedwait =
      (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))next_function(
          "pthread_cond_timedwait", "GLIBC_2.2.5");
  real.old_cond_signal =
      (int (*)(pthread_cond_t *))next_function("pthread_cond_signal", "GLIBC_2.2.5");
  real.old_cond_broadcast =
      (int (*)(pthread_cond_t *))next_function("pthread_cond_broadcast", "GLIBC_2.2.5");
#endif
}
