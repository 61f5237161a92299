// Calls that move bytes through pipes and local sockets, and counts through eventfds: what goes in and
// out, and how long a thread was blocked at either end.
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "files.h"
#include "multiprocessing.h"

/// What a call did.
struct transfer {
  int file;
  uint8_t operation;
  uint64_t queue;
  /// What it returned.
  ssize_t result;
  /// Bytes that went in or out.
  uint64_t bytes;
  /// What was written or read, of which an eventfd's is a count.
  const void *content;
  /// Of a call with a socket: its flags.
  int flags;
  /// Whether it is known that the call had to wait.
  bool had_to_wait;
};

/// After so many waits of a thread the kernel is asked what the descriptor is of and what is in it.
enum { WAITS_BETWEEN_LOOKS = 16 };

static void ask_depth(const struct transfer *transfer) {
  int depth;
  if (is_confined) return;
  uint8_t kind = kind_of_shared(transfer->queue);
  // Of a socket the kernel tells what is to be read from it.
  bool can_tell = kind == CTRACE_PIPE || (kind == CTRACE_SOCKET && transfer->operation == CTRACE_TAKE);
  if (can_tell && ioctl(transfer->file, FIONREAD, &depth) == 0 && depth >= 0)
    record_depth(transfer->queue, kind, (uint64_t)depth);
}

/// Records what a call did, and ends its wait if it was one. What is put in is stamped with the
/// beginning: whoever takes it out may do so before the call returns.
static noinline void transferred(struct wait *wait, const struct transfer *transfer) {
  uint64_t start = wait_start(wait), end = now();
  if (start == 0) return;
  int saved_errno = errno;
  bool waited = transfer->had_to_wait || (has_waited(start, end, transfer->bytes) &&
                                          may_wait(transfer->file, transfer->flags));
  uint64_t count = transfer->result > 0 ? transfer->bytes : 0;
  if (kind_of_shared(transfer->queue) == CTRACE_EVENTFD) {
    count = 0;
    if (transfer->result == sizeof count && transfer->content != NULL)
      memcpy(&count, transfer->content, sizeof count);
  }
  bool looks = waited && self.file_waits++ % WAITS_BETWEEN_LOOKS == 0;
  if (looks && look_again(transfer->file, transfer->operation) != transfer->queue &&
      known_file(transfer->file) != 0) {
    // It was another's descriptor.
    wait_abandon(wait);
    errno = saved_errno;
    return;
  }
  if (transfer->operation == CTRACE_PUT)
    record_items_of(wait, CTRACE_RECORD_ENQUEUE, transfer->queue, count, start);
  else
    record_items_of(wait, CTRACE_RECORD_DEQUEUE, transfer->queue, count, end);
  errno = saved_errno;
  if (waited)
    wait_end(wait, outcome_of_call(transfer->result));
  else
    wait_abandon(wait);
  if (unlikely(arena.asks_depth))
    ask_depth(transfer);
  else if (looks)
    tell_depth(transfer->file, transfer->queue);
  errno = saved_errno;
}

/// Begins a wait for a queue, or for what Python's multiprocessing has made of it.
static void begin_wait(struct wait *wait, int file, uint64_t queue, uint8_t operation,
                       struct site site) {
  struct awaited awaited = awaited_by_python(file, operation);
  if (awaited.lock == 0) awaited = (struct awaited){queue, kind_of_shared(queue)};
  wait_begin(wait, awaited.lock, awaited.lock_kind, operation, 0, 0, site);
}

/// The body of a hook. `moved` and `what` are looked at after the call, which has returned `result`.
#define TRANSFER(descriptor, direction, call, moved, what, options)                               \
  do {                                                                                   \
    uint64_t queue = queue_of(descriptor, direction);                                    \
    if (likely(queue == 0)) return call;                                                 \
    __attribute__((cleanup(wait_cleanup))) struct wait wait = {0};                       \
    begin_wait(&wait, descriptor, queue, direction, THIS_SITE);                          \
    __auto_type result = call;                                                           \
    struct transfer transfer = {.file = descriptor,                                      \
                                .operation = direction,                                  \
                                .queue = queue,                                          \
                                .result = result,                                        \
                                .bytes = result > 0 ? (uint64_t)(moved) : 0,             \
                                .content = result > 0 ? (what) : NULL,                   \
                                .flags = options};                                       \
    transferred(&wait, &transfer);                                                       \
    return result;                                                                       \
  } while (0)

#define TAKE(file, call, moved, what) TRANSFER(file, CTRACE_TAKE, call, moved, what, 0)
#define PUT(file, call, moved, what) TRANSFER(file, CTRACE_PUT, call, moved, what, 0)

// MARK: Pipes

/// Whether the kernel can be asked to move what it can through a pipe without waiting. That tells for
/// certain whether a call waits: how long one takes also depends on who gets the CPU meanwhile, and whom
/// a write wakes gets it often.
static bool can_try_pipes = true;

/// Reads from a pipe or writes to it, which is tried first.
static noinline ssize_t move_through_pipe(int file, void *buffer, size_t size, uint64_t queue,
                                          uint8_t operation, struct site site) {
  bool puts = operation == CTRACE_PUT;
  struct iovec part = {buffer, size};
  int saved_errno = errno;
  uint64_t start = now();
  ssize_t tried = puts ? pwritev2(file, &part, 1, -1, RWF_NOWAIT)
                       : preadv2(file, &part, 1, -1, RWF_NOWAIT);
  if (tried < 0 && errno != EAGAIN) {
    // Those that do not know the call, or not for pipes, do nothing.
    if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL) return tried;
    can_try_pipes = false;
  }
  size_t moved = tried > 0 ? (size_t)tried : 0;
  record_items(puts ? CTRACE_RECORD_ENQUEUE : CTRACE_RECORD_DEQUEUE, queue, CTRACE_PIPE, moved, 0,
               puts ? start : now(), site);
  struct transfer transfer = {.file = file, .operation = operation, .queue = queue};
  bool is_done = puts ? tried >= 0 && moved == size : tried >= 0;
  if (is_done) {
    if (unlikely(arena.asks_depth)) ask_depth(&transfer);
    return tried;
  }
  errno = saved_errno;
  __attribute__((cleanup(wait_cleanup))) struct wait wait = {0};
  begin_wait(&wait, file, queue, operation, site);
  transfer.result = puts ? real.write(file, (const char *)buffer + moved, size - moved)
                         : real.read(file, buffer, size);
  transfer.bytes = transfer.result > 0 ? (uint64_t)transfer.result : 0;
  // One that must not block says so again.
  transfer.had_to_wait = can_try_pipes && (transfer.result >= 0 || errno != EAGAIN);
  transferred(&wait, &transfer);
  if (transfer.result >= 0) return (ssize_t)moved + transfer.result;
  if (moved == 0) return -1;
  errno = saved_errno;
  return (ssize_t)moved;
}

/// The queue of a descriptor that is tried, or 0.
always_inline uint64_t pipe_of(int file, uint8_t operation) {
  if (class_of(known_file(file)) != FILE_PIPE || !can_try_pipes || is_confined) return 0;
  return is_recording() ? queue_of(file, operation) : 0;
}

// MARK: Files

exported ssize_t read(int file, void *buffer, size_t size) {
  uint64_t pipe = pipe_of(file, CTRACE_TAKE);
  if (unlikely(pipe != 0) && kind_of_shared(pipe) == CTRACE_PIPE)
    return move_through_pipe(file, buffer, size, pipe, CTRACE_TAKE, THIS_SITE);
  TAKE(file, real.read(file, buffer, size), result, buffer);
}

exported ssize_t __read_chk(int file, void *buffer, size_t size, size_t room) {
  TAKE(file, real.__read_chk(file, buffer, size, room), result, buffer);
}

exported ssize_t write(int file, const void *buffer, size_t size) {
  uint64_t pipe = pipe_of(file, CTRACE_PUT);
  if (unlikely(pipe != 0) && kind_of_shared(pipe) == CTRACE_PIPE)
    return move_through_pipe(file, (void *)buffer, size, pipe, CTRACE_PUT, THIS_SITE);
  PUT(file, real.write(file, buffer, size), result, buffer);
}

static const void *first_part(const struct iovec *parts, int count) {
  return count > 0 && parts[0].iov_len >= sizeof(uint64_t) ? parts[0].iov_base : NULL;
}

exported ssize_t readv(int file, const struct iovec *parts, int count) {
  TAKE(file, real.readv(file, parts, count), result, first_part(parts, count));
}

exported ssize_t writev(int file, const struct iovec *parts, int count) {
  PUT(file, real.writev(file, parts, count), result, first_part(parts, count));
}

/// eventfd_read and eventfd_write return 0 where read and write return 8.
#define EVENTFD(direction, call, value)                                            \
  do {                                                                             \
    uint64_t queue = queue_of(file, direction);                                    \
    if (likely(queue == 0)) return call;                                           \
    __attribute__((cleanup(wait_cleanup))) struct wait wait = {0};                 \
    wait_begin(&wait, queue, kind_of_shared(queue), direction, 0, 0, THIS_SITE);   \
    int result = call;                                                             \
    struct transfer transfer = {.file = file,                                      \
                                .operation = direction,                            \
                                .queue = queue,                                    \
                                .result = result == 0 ? (ssize_t)sizeof(eventfd_t) : result, \
                                .content = (value)};                               \
    transferred(&wait, &transfer);                                                 \
    return result;                                                                 \
  } while (0)

exported int eventfd_read(int file, eventfd_t *value) {
  EVENTFD(CTRACE_TAKE, real.eventfd_read(file, value), value);
}

exported int eventfd_write(int file, eventfd_t value) {
  EVENTFD(CTRACE_PUT, real.eventfd_write(file, value), &value);
}

// MARK: Sockets

/// What is only looked at stays where it is.
#define RECEIVE(file, call, moved, flags) \
  TRANSFER(file, CTRACE_TAKE, call, (flags) & MSG_PEEK ? 0 : (moved), NULL, flags)
#define SEND(file, call, moved, flags) TRANSFER(file, CTRACE_PUT, call, moved, NULL, flags)

exported ssize_t send(int file, const void *buffer, size_t size, int flags) {
  SEND(file, real.send(file, buffer, size, flags), result, flags);
}

exported ssize_t sendto(int file, const void *buffer, size_t size, int flags,
                        const struct sockaddr *address, socklen_t length) {
  SEND(file, real.sendto(file, buffer, size, flags, address, length), result, flags);
}

exported ssize_t sendmsg(int file, const struct msghdr *message, int flags) {
  SEND(file, real.sendmsg(file, message, flags), result, flags);
}

exported ssize_t recv(int file, void *buffer, size_t size, int flags) {
  RECEIVE(file, real.recv(file, buffer, size, flags), result, flags);
}

exported ssize_t __recv_chk(int file, void *buffer, size_t size, size_t room, int flags) {
  RECEIVE(file, real.__recv_chk(file, buffer, size, room, flags), result, flags);
}

exported ssize_t recvfrom(int file, void *restrict buffer, size_t size, int flags,
                          struct sockaddr *restrict address, socklen_t *restrict length) {
  RECEIVE(file, real.recvfrom(file, buffer, size, flags, address, length), result, flags);
}

exported ssize_t __recvfrom_chk(int file, void *restrict buffer, size_t size, size_t room, int flags,
                                struct sockaddr *restrict address, socklen_t *restrict length) {
  RECEIVE(file, real.__recvfrom_chk(file, buffer, size, room, flags, address, length), result, flags);
}

exported ssize_t recvmsg(int file, struct msghdr *message, int flags) {
  RECEIVE(file, real.recvmsg(file, message, flags), result, flags);
}

static uint64_t bytes_of(const struct mmsghdr *messages, int count) {
  uint64_t sum = 0;
  for (int index = 0; index < count; index++) sum += messages[index].msg_len;
  return sum;
}

exported int sendmmsg(int file, struct mmsghdr *messages, unsigned count, int flags) {
  SEND(file, real.sendmmsg(file, messages, count, flags), bytes_of(messages, result), flags);
}

exported int recvmmsg(int file, struct mmsghdr *messages, unsigned count, int flags,
                      struct timespec *time) {
  RECEIVE(file, real.recvmmsg(file, messages, count, flags, time), bytes_of(messages, result), flags);
}

// MARK: From file to file

/// What is moved from one to another is taken first: the wait is for the one that it comes from, if
/// that is a queue.
#define MOVE(from, to, call, file, flags)                                                         \
  do {                                                                                            \
    uint64_t source = (from), target = (to), waited_for = source != 0 ? source : target;          \
    if (likely(waited_for == 0)) return call;                                                     \
    __attribute__((cleanup(wait_cleanup))) struct wait wait = {0};                                \
    wait_begin(&wait, waited_for, kind_of_shared(waited_for),                                     \
               source != 0 ? CTRACE_TAKE : CTRACE_PUT, 0, 0, THIS_SITE);                          \
    ssize_t result = call;                                                                        \
    moved(&wait, source, target, result, file, flags);                                            \
    return result;                                                                                \
  } while (0)

static void moved(struct wait *wait, uint64_t source, uint64_t target, ssize_t result,
                  int file, int flags) {
  uint64_t start = wait_start(wait), end = now(), count = result > 0 ? (uint64_t)result : 0;
  if (start == 0) return;
  if (target != 0) record_items_of(wait, CTRACE_RECORD_ENQUEUE, target, count, start);
  if (source != 0) record_items_of(wait, CTRACE_RECORD_DEQUEUE, source, count, end);
  if (has_waited(start, end, count) && may_wait(file, flags))
    wait_end(wait, outcome_of_call(result));
  else
    wait_abandon(wait);
}

#define WITHOUT_WAIT(flags) ((flags) & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0)

exported ssize_t splice(int from, off64_t *from_place, int to, off64_t *to_place, size_t size,
                        unsigned flags) {
  MOVE(queue_of(from, CTRACE_TAKE), queue_of(to, CTRACE_PUT),
       real.splice(from, from_place, to, to_place, size, flags), from,
       WITHOUT_WAIT(flags));
}

/// Copies: nothing is taken.
exported ssize_t tee(int from, int to, size_t size, unsigned flags) {
  MOVE(0, queue_of(to, CTRACE_PUT), real.tee(from, to, size, flags), to, WITHOUT_WAIT(flags));
}

/// Into a pipe, or out of it, by which end it is.
exported ssize_t vmsplice(int file, const struct iovec *parts, size_t count, unsigned flags) {
  bool is_pipe = queue_of(file, CTRACE_PUT) != 0 && !is_confined;
  bool puts = is_pipe && (fcntl(file, F_GETFL) & O_ACCMODE) != O_RDONLY;
  MOVE(is_pipe && !puts ? queue_of(file, CTRACE_TAKE) : 0, puts ? queue_of(file, CTRACE_PUT) : 0,
       real.vmsplice(file, parts, count, flags), file, WITHOUT_WAIT(flags));
}

exported ssize_t sendfile(int to, int from, off_t *place, size_t size) {
  MOVE(0, queue_of(to, CTRACE_PUT), real.sendfile(to, from, place, size), to, 0);
}

exported ssize_t sendfile64(int to, int from, off64_t *place, size_t size) {
  MOVE(0, queue_of(to, CTRACE_PUT), real.sendfile64(to, from, place, size), to, 0);
}
