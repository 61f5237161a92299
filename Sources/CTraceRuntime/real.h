// The functions that the hooks stand in for, as the next library in the search order has them: libc,
// or another library that wraps it.
#ifndef CTRACE_RUNTIME_REAL_H
#define CTRACE_RUNTIME_REAL_H

#include <pthread.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <threads.h>
#include <time.h>

#define REAL_FUNCTIONS(X)                                                                         \
  X(pthread_mutex_lock, (pthread_mutex_t * m), (m))                                               \
  X(pthread_mutex_trylock, (pthread_mutex_t * m), (m))                                            \
  X(pthread_mutex_unlock, (pthread_mutex_t * m), (m))                                             \
  X(pthread_mutex_timedlock, (pthread_mutex_t * m, const struct timespec *t), (m, t))             \
  X(pthread_mutex_clocklock, (pthread_mutex_t * m, clockid_t c, const struct timespec *t),        \
    (m, c, t))                                                                                    \
  X(pthread_mutex_init, (pthread_mutex_t * m, const pthread_mutexattr_t *a), (m, a))              \
  X(pthread_mutex_destroy, (pthread_mutex_t * m), (m))                                            \
  X(pthread_rwlock_init, (pthread_rwlock_t * l, const pthread_rwlockattr_t *a), (l, a))           \
  X(pthread_rwlock_destroy, (pthread_rwlock_t * l), (l))                                          \
  X(pthread_rwlock_rdlock, (pthread_rwlock_t * l), (l))                                           \
  X(pthread_rwlock_wrlock, (pthread_rwlock_t * l), (l))                                           \
  X(pthread_rwlock_tryrdlock, (pthread_rwlock_t * l), (l))                                        \
  X(pthread_rwlock_trywrlock, (pthread_rwlock_t * l), (l))                                        \
  X(pthread_rwlock_timedrdlock, (pthread_rwlock_t * l, const struct timespec *t), (l, t))         \
  X(pthread_rwlock_timedwrlock, (pthread_rwlock_t * l, const struct timespec *t), (l, t))         \
  X(pthread_rwlock_clockrdlock, (pthread_rwlock_t * l, clockid_t c, const struct timespec *t),    \
    (l, c, t))                                                                                    \
  X(pthread_rwlock_clockwrlock, (pthread_rwlock_t * l, clockid_t c, const struct timespec *t),    \
    (l, c, t))                                                                                    \
  X(pthread_rwlock_unlock, (pthread_rwlock_t * l), (l))                                           \
  X(pthread_spin_init, (pthread_spinlock_t * l, int s), (l, s))                                   \
  X(pthread_spin_destroy, (pthread_spinlock_t * l), (l))                                          \
  X(pthread_spin_lock, (pthread_spinlock_t * l), (l))                                             \
  X(pthread_spin_trylock, (pthread_spinlock_t * l), (l))                                          \
  X(pthread_spin_unlock, (pthread_spinlock_t * l), (l))                                           \
  X(pthread_cond_init, (pthread_cond_t * c, const pthread_condattr_t *a), (c, a))                 \
  X(pthread_cond_destroy, (pthread_cond_t * c), (c))                                              \
  X(pthread_cond_wait, (pthread_cond_t * c, pthread_mutex_t * m), (c, m))                         \
  X(pthread_cond_timedwait, (pthread_cond_t * c, pthread_mutex_t * m, const struct timespec *t),  \
    (c, m, t))                                                                                    \
  X(pthread_cond_clockwait,                                                                       \
    (pthread_cond_t * c, pthread_mutex_t * m, clockid_t k, const struct timespec *t),             \
    (c, m, k, t))                                                                                 \
  X(pthread_cond_signal, (pthread_cond_t * c), (c))                                               \
  X(pthread_cond_broadcast, (pthread_cond_t * c), (c))                                            \
  X(sem_init, (sem_t * s, int p, unsigned v), (s, p, v))                                          \
  X(sem_destroy, (sem_t * s), (s))                                                                \
  X(sem_close, (sem_t * s), (s))                                                                  \
  X(sem_wait, (sem_t * s), (s))                                                                   \
  X(sem_trywait, (sem_t * s), (s))                                                                \
  X(sem_timedwait, (sem_t * s, const struct timespec *t), (s, t))                                 \
  X(sem_clockwait, (sem_t * s, clockid_t c, const struct timespec *t), (s, c, t))                 \
  X(sem_post, (sem_t * s), (s))                                                                   \
  X(pthread_barrier_init, (pthread_barrier_t * b, const pthread_barrierattr_t *a, unsigned n),    \
    (b, a, n))                                                                                    \
  X(pthread_barrier_destroy, (pthread_barrier_t * b), (b))                                        \
  X(pthread_barrier_wait, (pthread_barrier_t * b), (b))                                           \
  X(pthread_once, (pthread_once_t * o, void (*r)(void)), (o, r))                                  \
  X(pthread_create,                                                                               \
    (pthread_t * t, const pthread_attr_t *a, void *(*r)(void *), void *p), (t, a, r, p))          \
  X(pthread_join, (pthread_t t, void **r), (t, r))                                                \
  X(pthread_timedjoin_np, (pthread_t t, void **r, const struct timespec *u), (t, r, u))           \
  X(pthread_clockjoin_np, (pthread_t t, void **r, clockid_t c, const struct timespec *u),         \
    (t, r, c, u))                                                                                 \
  X(pthread_tryjoin_np, (pthread_t t, void **r), (t, r))                                          \
  X(pthread_detach, (pthread_t t), (t))                                                           \
  X(pthread_setname_np, (pthread_t t, const char *n), (t, n))                                     \
  X(mtx_init, (mtx_t * m, int t), (m, t))                                                         \
  X(thrd_create, (thrd_t * t, thrd_start_t r, void *p), (t, r, p))                                \
  X(thrd_join, (thrd_t t, int *r), (t, r))                                                        \
  X(thrd_detach, (thrd_t t), (t))                                                                 \
  X(fork, (void), ())                                                                             \
  X(execve, (const char *p, char *const a[], char *const e[]), (p, a, e))                         \
  X(execvpe, (const char *p, char *const a[], char *const e[]), (p, a, e))                        \
  X(execveat, (int d, const char *p, char *const a[], char *const e[], int f), (d, p, a, e, f))   \
  X(fexecve, (int d, char *const a[], char *const e[]), (d, a, e))                                \
  X(posix_spawn,                                                                                  \
    (pid_t * i, const char *p, const posix_spawn_file_actions_t *f, const posix_spawnattr_t *s,   \
     char *const a[], char *const e[]),                                                           \
    (i, p, f, s, a, e))                                                                           \
  X(posix_spawnp,                                                                                 \
    (pid_t * i, const char *p, const posix_spawn_file_actions_t *f, const posix_spawnattr_t *s,   \
     char *const a[], char *const e[]),                                                           \
    (i, p, f, s, a, e))                                                                           \
  X(dlclose, (void *h), (h))

struct real_functions {
  /// Whether libc's locks are reached through another library that stands in for them too.
  bool is_mutex_wrapped;
#define X(name, parameters, arguments) int(*name) parameters;
  REAL_FUNCTIONS(X)
#undef X
  sem_t *(*sem_open)(const char *name, int flags, ...);
  void (*pthread_exit)(void *value);
  void *(*dlopen)(const char *path, int flags);
  void *(*dlmopen)(long space, const char *path, int flags);
#ifdef __x86_64__
  // The condition variables of programs linked before glibc 2.3.2 hold a pointer to the real one.
  int (*old_cond_init)(pthread_cond_t *c, const pthread_condattr_t *a);
  int (*old_cond_destroy)(pthread_cond_t *c);
  int (*old_cond_wait)(pthread_cond_t *c, pthread_mutex_t *m);
  int (*old_cond_timedwait)(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t);
  int (*old_cond_signal)(pthread_cond_t *c);
  int (*old_cond_broadcast)(pthread_cond_t *c);
#endif
};

/// Each starts out as a function that looks the real one up, so that a hook called before our own
/// constructor works.
extern struct real_functions real;

/// Looks all of them up.
void resolve_real_functions(void);

#endif
