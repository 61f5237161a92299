// The functions that the hooks stand in for, as the next library in the search order has them: libc,
// or another library that wraps it.
#ifndef CTRACE_RUNTIME_REAL_H
#define CTRACE_RUNTIME_REAL_H

#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/poll.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <threads.h>
#include <time.h>

/// libc's FILE, without the header of what writes to it.
struct _IO_FILE;

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

/// Calls of the kernel: what fails returns -1, and says why in errno.
#define REAL_CALLS(X)                                                                             \
  X(ssize_t, read, (int f, void *b, size_t n), (f, b, n))                                         \
  X(ssize_t, write, (int f, const void *b, size_t n), (f, b, n))                                  \
  X(ssize_t, readv, (int f, const struct iovec *v, int n), (f, v, n))                             \
  X(ssize_t, writev, (int f, const struct iovec *v, int n), (f, v, n))                            \
  X(ssize_t, __read_chk, (int f, void *b, size_t n, size_t m), (f, b, n, m))                      \
  X(ssize_t, send, (int f, const void *b, size_t n, int o), (f, b, n, o))                         \
  X(ssize_t, sendto,                                                                              \
    (int f, const void *b, size_t n, int o, const struct sockaddr *a, socklen_t l),               \
    (f, b, n, o, a, l))                                                                           \
  X(ssize_t, sendmsg, (int f, const struct msghdr *m, int o), (f, m, o))                          \
  X(int, sendmmsg, (int f, struct mmsghdr *m, unsigned n, int o), (f, m, n, o))                   \
  X(ssize_t, recv, (int f, void *b, size_t n, int o), (f, b, n, o))                               \
  X(ssize_t, __recv_chk, (int f, void *b, size_t n, size_t m, int o), (f, b, n, m, o))            \
  X(ssize_t, recvfrom, (int f, void *b, size_t n, int o, struct sockaddr *a, socklen_t *l),       \
    (f, b, n, o, a, l))                                                                           \
  X(ssize_t, __recvfrom_chk,                                                                      \
    (int f, void *b, size_t n, size_t m, int o, struct sockaddr *a, socklen_t *l),                \
    (f, b, n, m, o, a, l))                                                                        \
  X(ssize_t, recvmsg, (int f, struct msghdr *m, int o), (f, m, o))                                \
  X(int, recvmmsg, (int f, struct mmsghdr *m, unsigned n, int o, struct timespec *t),             \
    (f, m, n, o, t))                                                                              \
  X(ssize_t, splice, (int f, off64_t *p, int g, off64_t *q, size_t n, unsigned o),                \
    (f, p, g, q, n, o))                                                                           \
  X(ssize_t, tee, (int f, int g, size_t n, unsigned o), (f, g, n, o))                             \
  X(ssize_t, vmsplice, (int f, const struct iovec *v, size_t n, unsigned o), (f, v, n, o))        \
  X(ssize_t, sendfile, (int f, int g, off_t *p, size_t n), (f, g, p, n))                          \
  X(ssize_t, sendfile64, (int f, int g, off64_t *p, size_t n), (f, g, p, n))                      \
  X(int, eventfd, (unsigned v, int o), (v, o))                                                    \
  X(int, eventfd_read, (int f, eventfd_t * v), (f, v))                                            \
  X(int, eventfd_write, (int f, eventfd_t v), (f, v))                                             \
  X(int, pipe, (int *f), (f))                                                                     \
  X(int, pipe2, (int *f, int o), (f, o))                                                          \
  X(int, socketpair, (int d, int t, int p, int *f), (d, t, p, f))                                 \
  X(int, dup, (int f), (f))                                                                       \
  X(int, dup2, (int f, int g), (f, g))                                                            \
  X(int, dup3, (int f, int g, int o), (f, g, o))                                                  \
  X(int, prctl, (int o, unsigned long a, unsigned long b, unsigned long c, unsigned long d),      \
    (o, a, b, c, d))                                                                              \
  X(int, fcntl, (int f, int c, long a), (f, c, a))                                                \
  X(int, fcntl64, (int f, int c, long a), (f, c, a))                                              \
  X(int, close, (int f), (f))                                                                     \
  X(int, close_range, (unsigned f, unsigned l, int o), (f, l, o))                                 \
  X(int, fclose, (struct _IO_FILE * f), (f))                                                      \
  X(int, pclose, (struct _IO_FILE * f), (f))                                                      \
  X(int, poll, (struct pollfd * f, nfds_t n, int t), (f, n, t))                                   \
  X(int, __poll_chk, (struct pollfd * f, nfds_t n, int t, size_t m), (f, n, t, m))                \
  X(int, ppoll, (struct pollfd * f, nfds_t n, const struct timespec *t, const sigset_t *s),       \
    (f, n, t, s))                                                                                 \
  X(int, __ppoll_chk,                                                                             \
    (struct pollfd * f, nfds_t n, const struct timespec *t, const sigset_t *s, size_t m),         \
    (f, n, t, s, m))                                                                              \
  X(int, select, (int n, fd_set * r, fd_set * w, fd_set * e, struct timeval * t),                 \
    (n, r, w, e, t))                                                                              \
  X(int, pselect,                                                                                 \
    (int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *t, const sigset_t *s),        \
    (n, r, w, e, t, s))                                                                           \
  X(int, epoll_create, (int n), (n))                                                              \
  X(int, epoll_create1, (int o), (o))                                                             \
  X(int, epoll_wait, (int f, struct epoll_event * e, int n, int t), (f, e, n, t))                 \
  X(int, epoll_pwait, (int f, struct epoll_event * e, int n, int t, const sigset_t *s),           \
    (f, e, n, t, s))                                                                              \
  X(int, epoll_pwait2,                                                                            \
    (int f, struct epoll_event *e, int n, const struct timespec *t, const sigset_t *s),           \
    (f, e, n, t, s))                                                                              \
  X(mqd_t, mq_open, (const char *n, int o, mode_t m, struct mq_attr *a), (n, o, m, a))            \
  X(mqd_t, __mq_open_2, (const char *n, int o), (n, o))                                           \
  X(int, mq_close, (mqd_t q), (q))                                                                \
  X(int, mq_send, (mqd_t q, const char *b, size_t n, unsigned p), (q, b, n, p))                   \
  X(int, mq_timedsend,                                                                            \
    (mqd_t q, const char *b, size_t n, unsigned p, const struct timespec *t), (q, b, n, p, t))    \
  X(ssize_t, mq_receive, (mqd_t q, char *b, size_t n, unsigned *p), (q, b, n, p))                 \
  X(ssize_t, mq_timedreceive,                                                                     \
    (mqd_t q, char *b, size_t n, unsigned *p, const struct timespec *t), (q, b, n, p, t))         \
  X(int, msgget, (key_t k, int o), (k, o))                                                        \
  X(int, msgsnd, (int q, const void *b, size_t n, int o), (q, b, n, o))                           \
  X(ssize_t, msgrcv, (int q, void *b, size_t n, long t, int o), (q, b, n, t, o))                  \
  X(int, semget, (key_t k, int n, int o), (k, n, o))                                              \
  X(int, semop, (int s, struct sembuf * o, size_t n), (s, o, n))                                  \
  X(int, semtimedop, (int s, struct sembuf * o, size_t n, const struct timespec *t),              \
    (s, o, n, t))                                                                                 \
  X(int, semctl, (int s, int n, int c, long a), (s, n, c, a))

struct real_functions {
  /// Whether libc's locks are reached through another library that stands in for them too.
  bool is_mutex_wrapped;
#define X(name, parameters, arguments) int(*name) parameters;
  REAL_FUNCTIONS(X)
#undef X
#define X(result, name, parameters, arguments) result(*name) parameters;
  REAL_CALLS(X)
#undef X
  void (*closefrom)(int first);
  struct _IO_FILE *(*freopen)(const char *path, const char *mode, struct _IO_FILE *file);
  struct _IO_FILE *(*freopen64)(const char *path, const char *mode, struct _IO_FILE *file);
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
