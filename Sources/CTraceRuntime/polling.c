// Waits for any of several descriptors: poll, select and epoll. What threads wait for is the epoll
// instance or, where there is none, the place of the call.
#include "files.h"
#include "multiprocessing.h"

/// Ends a wait, if it was one.
static void polled(struct wait *wait, int result) {
  uint64_t start = wait_start(wait);
  if (start == 0) return;
  if (!has_waited(start, now(), 0))
    wait_abandon(wait);
  else
    wait_end(wait, result == 0 ? CTRACE_TIMED_OUT : outcome_of_call(result));
}

/// A poll is for whatever the caller says, at the place of the call.
static struct awaited files_of(uint64_t object) { return (struct awaited){object, CTRACE_POLL}; }

/// What a poll of these files is for: in Python's multiprocessing, what it has made of the only one.
static struct awaited awaited_by_poll(const struct pollfd *files, nfds_t count, struct site site) {
  if (count == 1 && object_in_use().role == CTRACE_ROLE_TAKE) {
    struct awaited awaited = awaited_by_python(files[0].fd, CTRACE_TAKE);
    if (awaited.lock != 0) return awaited;
  }
  return files_of(site.address);
}

#define POLL(object, call)                                                         \
  do {                                                                             \
    if (unlikely(!is_recording())) return call;                                    \
    __attribute__((cleanup(wait_cleanup))) struct wait wait = {0};                 \
    struct awaited awaited = object;                                               \
    wait_begin(&wait, awaited.lock, awaited.lock_kind,                             \
               awaited.lock_kind == CTRACE_POLL ? CTRACE_POLLING : CTRACE_TAKE, 0, 0, THIS_SITE); \
    int result = call;                                                             \
    polled(&wait, result);                                                         \
    return result;                                                                 \
  } while (0)

exported int poll(struct pollfd *files, nfds_t count, int timeout) {
  // Only looks.
  if (timeout == 0) return real.poll(files, count, timeout);
  POLL(awaited_by_poll(files, count, THIS_SITE), real.poll(files, count, timeout));
}

exported int __poll_chk(struct pollfd *files, nfds_t count, int timeout, size_t room) {
  if (timeout == 0) return real.__poll_chk(files, count, timeout, room);
  POLL(awaited_by_poll(files, count, THIS_SITE), real.__poll_chk(files, count, timeout, room));
}

exported int ppoll(struct pollfd *files, nfds_t count, const struct timespec *timeout,
                   const sigset_t *signals) {
  POLL(files_of(THIS_SITE.address), real.ppoll(files, count, timeout, signals));
}

exported int __ppoll_chk(struct pollfd *files, nfds_t count, const struct timespec *timeout,
                         const sigset_t *signals, size_t room) {
  POLL(files_of(THIS_SITE.address), real.__ppoll_chk(files, count, timeout, signals, room));
}

exported int select(int count, fd_set *restrict read, fd_set *restrict write,
                    fd_set *restrict exceptional, struct timeval *restrict timeout) {
  POLL(files_of(THIS_SITE.address), real.select(count, read, write, exceptional, timeout));
}

exported int pselect(int count, fd_set *restrict read, fd_set *restrict write,
                     fd_set *restrict exceptional, const struct timespec *restrict timeout,
                     const sigset_t *restrict signals) {
  POLL(files_of(THIS_SITE.address), real.pselect(count, read, write, exceptional, timeout, signals));
}

static uint64_t epoll_of(int file, struct site site) {
  uint64_t known = known_file(file);
  return class_of(known) == FILE_EPOLL ? shared_key(CTRACE_POLL, known) : site.address;
}

exported int epoll_wait(int file, struct epoll_event *events, int count, int timeout) {
  if (timeout == 0) return real.epoll_wait(file, events, count, timeout);
  POLL(files_of(epoll_of(file, THIS_SITE)), real.epoll_wait(file, events, count, timeout));
}

exported int epoll_pwait(int file, struct epoll_event *events, int count, int timeout,
                         const sigset_t *signals) {
  if (timeout == 0) return real.epoll_pwait(file, events, count, timeout, signals);
  POLL(files_of(epoll_of(file, THIS_SITE)), real.epoll_pwait(file, events, count, timeout, signals));
}

exported int epoll_pwait2(int file, struct epoll_event *events, int count,
                          const struct timespec *timeout, const sigset_t *signals) {
  POLL(files_of(epoll_of(file, THIS_SITE)), real.epoll_pwait2(file, events, count, timeout, signals));
}
