// Waits for any of several descriptors: poll, select and epoll. What threads wait for is the epoll
// instance or, where there is none, the place of the call.
#include "files.h"

/// Ends a wait, if it was one.
static void polled(struct wait *wait, int result) {
  uint64_t start = wait_start(wait);
  if (start == 0) return;
  if (!has_waited(start, now(), 0))
    wait_abandon(wait);
  else
    wait_end(wait, result == 0 ? CTRACE_TIMED_OUT : outcome_of_call(result));
}

#define POLL(object, call)                                                         \
  do {                                                                             \
    if (unlikely(!is_recording())) return call;                                    \
    __attribute__((cleanup(wait_cleanup))) struct wait wait = {0};                 \
    wait_begin(&wait, object, CTRACE_POLL, CTRACE_POLLING, 0, 0, THIS_SITE);       \
    int result = call;                                                             \
    polled(&wait, result);                                                         \
    return result;                                                                 \
  } while (0)

exported int poll(struct pollfd *files, nfds_t count, int timeout) {
  // Only looks.
  if (timeout == 0) return real.poll(files, count, timeout);
  POLL(THIS_SITE.address, real.poll(files, count, timeout));
}

exported int __poll_chk(struct pollfd *files, nfds_t count, int timeout, size_t room) {
  if (timeout == 0) return real.__poll_chk(files, count, timeout, room);
  POLL(THIS_SITE.address, real.__poll_chk(files, count, timeout, room));
}

exported int ppoll(struct pollfd *files, nfds_t count, const struct timespec *timeout,
                   const sigset_t *signals) {
  POLL(THIS_SITE.address, real.ppoll(files, count, timeout, signals));
}

exported int __ppoll_chk(struct pollfd *files, nfds_t count, const struct timespec *timeout,
                         const sigset_t *signals, size_t room) {
  POLL(THIS_SITE.address, real.__ppoll_chk(files, count, timeout, signals, room));
}

exported int select(int count, fd_set *restrict read, fd_set *restrict write,
                    fd_set *restrict exceptional, struct timeval *restrict timeout) {
  POLL(THIS_SITE.address, real.select(count, read, write, exceptional, timeout));
}

exported int pselect(int count, fd_set *restrict read, fd_set *restrict write,
                     fd_set *restrict exceptional, const struct timespec *restrict timeout,
                     const sigset_t *restrict signals) {
  POLL(THIS_SITE.address, real.pselect(count, read, write, exceptional, timeout, signals));
}

static uint64_t epoll_of(int file, struct site site) {
  uint64_t known = known_file(file);
  return class_of(known) == FILE_EPOLL ? shared_key(CTRACE_POLL, known) : site.address;
}

exported int epoll_wait(int file, struct epoll_event *events, int count, int timeout) {
  if (timeout == 0) return real.epoll_wait(file, events, count, timeout);
  POLL(epoll_of(file, THIS_SITE), real.epoll_wait(file, events, count, timeout));
}

exported int epoll_pwait(int file, struct epoll_event *events, int count, int timeout,
                         const sigset_t *signals) {
  if (timeout == 0) return real.epoll_pwait(file, events, count, timeout, signals);
  POLL(epoll_of(file, THIS_SITE), real.epoll_pwait(file, events, count, timeout, signals));
}

exported int epoll_pwait2(int file, struct epoll_event *events, int count,
                          const struct timespec *timeout, const sigset_t *signals) {
  POLL(epoll_of(file, THIS_SITE), real.epoll_pwait2(file, events, count, timeout, signals));
}
