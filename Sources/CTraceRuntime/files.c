// Descriptors: which are of pipes, local sockets and other queues of the kernel, as the calls that make
// and close them tell or, for those that were there before, the kernel when they are first used.
//
// What is known may be wrong, when a descriptor was closed by none of these calls: items are counted
// for another queue then until one looks again, and nothing else.
#include "files.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "multiprocessing.h"

uint64_t known_files[FILES_KNOWN];
/// Of sockets made in pairs: the number of the other one.
static uint64_t other_ends[FILES_KNOWN];
/// Of sockets that are connected to a server, in a process of Python's.
static struct server servers[FILES_KNOWN];
/// The greatest descriptor that anything was ever known of.
static int greatest_file;

static const uint64_t NUMBER = UINT64_C(0xffffffffffff);

/// Whether the table is for our own descriptors: a child made by vfork has others, but our memory.
static bool is_own_table(void) {
  if (is_confined) return true;
  if (this_process.live == 0 && !is_recording()) return false;
  return (int32_t)syscall(SYS_getpid) == this_process.pid;
}

static void remember(int file, uint8_t class, uint64_t number, uint64_t other_end) {
  if ((unsigned)file >= FILES_KNOWN) return;
  if (file > __atomic_load_n(&greatest_file, __ATOMIC_RELAXED))
    __atomic_store_n(&greatest_file, file, __ATOMIC_RELAXED);
  __atomic_store_n(&other_ends[file], other_end, __ATOMIC_RELAXED);
  if (unlikely(servers[file].requests != 0)) servers[file] = (struct server){0};
  __atomic_store_n(&known_files[file], (uint64_t)class << 56 | (number & NUMBER), __ATOMIC_RELEASE);
}

static void forget(int file) { __atomic_store_n(&known_files[file], 0, __ATOMIC_RELAXED); }

/// The kernel's number of what a descriptor is of, made different for each file system.
static uint64_t number_of(const struct stat *status) {
  return ((uint64_t)status->st_ino ^ (uint64_t)status->st_dev << 32) & NUMBER;
}

/// The same of a socket: as it is, because the recorder asks the kernel for the socket's other end.
static uint64_t socket_number(const struct stat *status) {
  return (uint64_t)status->st_ino & NUMBER & ~CTRACE_OTHER_END;
}

/// A number that nothing else has, for what the kernel gives none.
static uint64_t new_number(void) {
  return hash_address((uintptr_t)(now() ^ (uint64_t)this_process.pid << 40)) >> 16;
}

// MARK: Looking

static ssize_t name_of_file(int file, char *name, size_t size) {
  char path[] = "/proc/self/fd/\0\0\0\0\0\0\0\0\0\0\0";
  char digits[12], *digit = digits + sizeof digits;
  size_t length = strlen(path);
  do *--digit = (char)('0' + file % 10);
  while ((file /= 10) != 0);
  memcpy(path + length, digit, (size_t)(digits + sizeof digits - digit));
  ssize_t count = readlink(path, name, size - 1);
  name[count > 0 ? count : 0] = 0;
  return count;
}

static uint64_t pipe_size(int file) {
  int size = fcntl(file, F_GETPIPE_SZ);
  return size > 0 ? (uint64_t)size : 0;
}

static uint64_t bytes_waiting(int file) {
  int count = 0;
  return ioctl(file, FIONREAD, &count) == 0 && count > 0 ? (uint64_t)count : 0;
}

/// Tells of a pipe that was there already.
static void introduce_pipe(int file, uint64_t key) {
  char name[256];
  uint64_t time = now(), depth = bytes_waiting(file);
  // A pipe without a path is called by its number, which says less than who made it.
  bool has_path = name_of_file(file, name, sizeof name) > 0 && name[0] == '/';
  record_name(key, CTRACE_PIPE, pipe_size(file), has_path ? name : NULL);
  if (depth > 0) record_told_depth(key, CTRACE_PIPE, depth, time);
}

/// The path that a socket is bound to, or NULL. One beginning with zero is no path of a file.
static const char *bound_path(struct sockaddr_un *address, socklen_t size) {
  size_t start = offsetof(struct sockaddr_un, sun_path);
  if (size <= start + 1 || size >= sizeof *address) return NULL;
  ((char *)address)[size] = 0;
  if (address->sun_path[0] == 0) address->sun_path[0] = '@';
  return address->sun_path;
}

/// Tells of a socket that was there already: of the direction towards it, by the path of the server.
static void introduce_socket(int file, uint64_t key) {
  struct sockaddr_un address;
  socklen_t size = sizeof address;
  uint64_t time = now(), depth = bytes_waiting(file);
  const char *path = NULL;
  char replies[sizeof address + 16];
  bool is_own = getsockname(file, (struct sockaddr *)&address, &size) == 0 &&
                (path = bound_path(&address, size)) != NULL;
  if (!is_own) {
    size = sizeof address;
    if (getpeername(file, (struct sockaddr *)&address, &size) == 0) path = bound_path(&address, size);
  }
  if (path != NULL) {
    size_t length = strlen(path);
    memcpy(replies, path, length);
    memcpy(replies + length, " (replies)", sizeof " (replies)");
    record_name(key, CTRACE_SOCKET, 0, is_own ? path : replies);
    if (interpreter.state.size != 0)
      servers[file] = (struct server){label_of_kind(CTRACE_MESSAGES, path, length),
                                      label_of_kind(CTRACE_MESSAGES, replies, strlen(replies)), is_own};
  }
  if (depth > 0) record_told_depth(key, CTRACE_SOCKET, depth, time);
}

static bool is_local_socket(int file) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return getsockopt(file, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

/// What a descriptor is of by the kernel's word. What nobody can tell from another stays as known.
static uint64_t identify(int file, const struct stat *status, uint64_t known) {
  uint64_t pipe = (uint64_t)FILE_PIPE << 56 | number_of(status);
  uint64_t socket = (uint64_t)FILE_SOCKET << 56 | socket_number(status);
  uint64_t messages = (uint64_t)FILE_MESSAGES << 56 | number_of(status);
  if (S_ISFIFO(status->st_mode)) return pipe;
  if (S_ISSOCK(status->st_mode))
    return known == socket || is_local_socket(file) ? socket : OTHER_FILE;
  if (S_ISREG(status->st_mode) && known == messages) return messages;
  bool is_known = class_of(known) == FILE_EVENTFD || class_of(known) == FILE_EPOLL;
  return (status->st_mode & S_IFMT) == 0 && is_known ? known : OTHER_FILE;
}

/// Asks the kernel what a descriptor is of, which is returned, and remembers it.
static noinline uint64_t look_at(int file, uint64_t known) {
  struct stat status;
  int saved_errno = errno;
  if (is_confined) return known;
  // What can be sought in is no queue, and asking so is the cheapest.
  bool is_other = (known == 0 || known == OTHER_FILE) && lseek(file, 0, SEEK_CUR) >= 0;
  uint64_t found = is_other                    ? OTHER_FILE
                   : fstat(file, &status) == 0 ? identify(file, &status, known)
                                               : 0;
  if (found != 0 && found != known) {
    remember(file, class_of(found), found, 0);
    if (class_of(found) == FILE_PIPE) introduce_pipe(file, shared_key(CTRACE_PIPE, found));
    if (class_of(found) == FILE_SOCKET) introduce_socket(file, shared_key(CTRACE_SOCKET, found));
  }
  errno = saved_errno;
  return found;
}

static uint64_t queue_of_known(int file, uint64_t known, uint8_t operation) {
  uint64_t number = known & NUMBER, other_end;
  switch (class_of(known)) {
    case FILE_PIPE: return shared_key(CTRACE_PIPE, number);
    case FILE_EVENTFD: return shared_key(CTRACE_EVENTFD, number);
    case FILE_SOCKET:
      if (operation == CTRACE_TAKE) return shared_key(CTRACE_SOCKET, number);
      other_end = __atomic_load_n(&other_ends[file], __ATOMIC_RELAXED);
      return shared_key(CTRACE_SOCKET, other_end != 0 ? other_end : number | CTRACE_OTHER_END);
    default: return 0;
  }
}

struct server server_of(int file) { return servers[file]; }

uint64_t find_queue(int file, uint8_t operation) {
  uint64_t known = __atomic_load_n(&known_files[file], __ATOMIC_ACQUIRE);
  bool is_due = known != OTHER_FILE && ++self.file_calls % 64 == 0;
  if (known == 0 || known == OTHER_FILE || is_due) known = look_at(file, known);
  uint64_t queue = queue_of_known(file, known, operation);
  if (unlikely(is_due)) tell_depth(file, queue);
  return queue;
}

void tell_depth(int file, uint64_t queue) {
  uint64_t time = now();
  int count = 0, saved_errno = errno;
  if (is_confined) return;
  if (kind_of_shared(queue) == CTRACE_PIPE && ioctl(file, FIONREAD, &count) == 0 && count >= 0)
    record_told_depth(queue, CTRACE_PIPE, (uint64_t)count, time);
  errno = saved_errno;
}

uint64_t look_again(int file, uint8_t operation) {
  return queue_of_known(file, look_at(file, known_file(file)), operation);
}

bool may_wait(int file, int flags) {
  if (is_confined) return !(flags & MSG_DONTWAIT);
  int saved_errno = errno, status = flags & MSG_DONTWAIT ? O_NONBLOCK : real.fcntl(file, F_GETFL, 0);
  errno = saved_errno;
  return status < 0 || !(status & O_NONBLOCK);
}

// MARK: Queues of messages

static uint64_t add_message_queue(int file, const char *name, struct site site) {
  struct stat status;
  struct mq_attr attributes;
  int saved_errno = errno;
  uint64_t key = 0, time = now();
  if (is_confined) return 0;
  if ((unsigned)file < FILES_KNOWN && fstat(file, &status) == 0 &&
      mq_getattr(file, &attributes) == 0) {
    remember(file, FILE_MESSAGES, number_of(&status), 0);
    key = shared_key(CTRACE_MESSAGE_QUEUE, number_of(&status));
    if (site.address != 0) record_lock(CTRACE_RECORD_INIT, key, CTRACE_MESSAGE_QUEUE, 0, site);
    record_name(key, CTRACE_MESSAGE_QUEUE, (uint64_t)attributes.mq_maxmsg, name);
    if (attributes.mq_curmsgs > 0)
      record_told_depth(key, CTRACE_MESSAGE_QUEUE, (uint64_t)attributes.mq_curmsgs, time);
  }
  errno = saved_errno;
  return key;
}

void message_queue_opened(int file, const char *name, struct site site) {
  if (records_queues() && is_own_table()) add_message_queue(file, name, site);
}

uint64_t message_queue_of(int file) {
  if (!is_recording()) return 0;
  uint64_t known = known_file(file);
  if (class_of(known) != FILE_MESSAGES) return add_message_queue(file, NULL, (struct site){0});
  return shared_key(CTRACE_MESSAGE_QUEUE, known & NUMBER);
}

// MARK: Making

static void pipe_made(const int *files, struct site site) {
  struct stat status;
  if (is_confined) return;
  int saved_errno = errno;
  if (fstat(files[0], &status) == 0 && is_own_table()) {
    uint64_t number = number_of(&status), key = shared_key(CTRACE_PIPE, number);
    remember(files[0], FILE_PIPE, number, 0);
    remember(files[1], FILE_PIPE, number, 0);
    message_queue_made(number);
    record_lock(CTRACE_RECORD_INIT, key, CTRACE_PIPE, 0, site);
    record_name(key, CTRACE_PIPE, pipe_size(files[0]), NULL);
  }
  errno = saved_errno;
}

exported int pipe(int files[2]) {
  int result = real.pipe(files);
  if (result == 0 && records_queues()) pipe_made(files, THIS_SITE);
  return result;
}

exported int pipe2(int files[2], int flags) {
  int result = real.pipe2(files, flags);
  if (result == 0 && records_queues()) pipe_made(files, THIS_SITE);
  return result;
}

/// Each of the two is a queue of what is sent to it.
static void sockets_made(const int *files, struct site site) {
  struct stat status[2];
  if (is_confined) return;
  int saved_errno = errno;
  if (fstat(files[0], &status[0]) == 0 && fstat(files[1], &status[1]) == 0 && is_own_table()) {
    for (int end = 0; end < 2; end++) {
      uint64_t number = socket_number(&status[end]);
      remember(files[end], FILE_SOCKET, number, socket_number(&status[!end]));
      message_queue_made(number);
      record_lock(CTRACE_RECORD_INIT, shared_key(CTRACE_SOCKET, number), CTRACE_SOCKET, 0, site);
    }
  }
  errno = saved_errno;
}

exported int socketpair(int domain, int type, int protocol, int files[2]) {
  int result = real.socketpair(domain, type, protocol, files);
  if (result == 0 && domain == AF_UNIX && records_queues()) sockets_made(files, THIS_SITE);
  return result;
}

exported int eventfd(unsigned value, int flags) {
  int file = real.eventfd(value, flags);
  if (file >= 0 && records_queues() && is_own_table()) {
    uint64_t number = new_number(), key = shared_key(CTRACE_EVENTFD, number);
    remember(file, FILE_EVENTFD, number, 0);
    record_lock(CTRACE_RECORD_INIT, key, CTRACE_EVENTFD, 0, THIS_SITE);
    if (value > 0) record_depth(key, CTRACE_EVENTFD, value);
  }
  return file;
}

static int epoll_made(int file, struct site site) {
  if (file >= 0 && is_recording() && is_own_table()) {
    uint64_t number = new_number();
    remember(file, FILE_EPOLL, number, 0);
    record_lock(CTRACE_RECORD_INIT, shared_key(CTRACE_POLL, number), CTRACE_POLL, 0, site);
  }
  return file;
}

exported int epoll_create(int size) { return epoll_made(real.epoll_create(size), THIS_SITE); }

exported int epoll_create1(int flags) { return epoll_made(real.epoll_create1(flags), THIS_SITE); }

// MARK: Copying

static int copied(int from, int to) {
  if (to < 0 || from == to || arena.base == NULL) return to;
  uint64_t known = known_file(from);
  if (known == known_file(to) || !is_own_table()) return to;
  if (known == 0) {
    if ((unsigned)to < FILES_KNOWN) forget(to);
  } else {
    remember(to, class_of(known), known & NUMBER,
             __atomic_load_n(&other_ends[from], __ATOMIC_RELAXED));
    if ((unsigned)to < FILES_KNOWN && servers[from].requests != 0) servers[to] = servers[from];
  }
  return to;
}

exported int dup(int file) { return copied(file, real.dup(file)); }

exported int dup2(int file, int other) { return copied(file, real.dup2(file, other)); }

exported int dup3(int file, int other, int flags) {
  return copied(file, real.dup3(file, other, flags));
}

static int controlled(int file, int command, int result) {
  if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) return copied(file, result);
  if (command == F_SETPIPE_SZ && result > 0 && class_of(known_file(file)) == FILE_PIPE &&
      is_recording()) {
    uint64_t key = shared_key(CTRACE_PIPE, known_file(file));
    forget_name(key);
    record_name(key, CTRACE_PIPE, (uint64_t)result, NULL);
  }
  return result;
}

/// Only two of its commands are looked at; an absent argument is read as whatever is there.
#define CONTROL(function)                                                \
  do {                                                                   \
    va_list list;                                                        \
    va_start(list, command);                                             \
    long argument = va_arg(list, long);                                  \
    va_end(list);                                                        \
    return controlled(file, command, function(file, command, argument)); \
  } while (0)

exported int fcntl(int file, int command, ...) { CONTROL(real.fcntl); }

exported int fcntl64(int file, int command, ...) { CONTROL(real.fcntl64); }

// MARK: Closing

// Forgotten before they are closed: another thread may get the same number at once.

/// What can be looked up again may be forgotten at any time, by a child in our memory too.
static bool may_forget(uint64_t known) {
  return known == OTHER_FILE || class_of(known) == FILE_PIPE || is_own_table();
}

void file_closes(int file) {
  uint64_t known = known_file(file);
  if (unlikely(known != 0) && may_forget(known)) forget(file);
}

static void files_close(unsigned first, unsigned last) {
  unsigned greatest = (unsigned)__atomic_load_n(&greatest_file, __ATOMIC_RELAXED);
  if (arena.base == NULL || !is_own_table()) return;
  for (unsigned file = first; file <= last && file <= greatest; file++)
    if (known_file((int)file) != 0) forget((int)file);
}

extern int fileno(struct _IO_FILE *file);

static void stream_closes(struct _IO_FILE *file) {
  if (arena.base == NULL || file == NULL) return;
  int saved_errno = errno;
  file_closes(fileno(file));
  errno = saved_errno;
}

exported int close(int file) {
  file_closes(file);
  return real.close(file);
}

exported int close_range(unsigned first, unsigned last, int flags) {
  if (!((unsigned)flags & CLOSE_RANGE_CLOEXEC)) files_close(first, last);
  return real.close_range(first, last, flags);
}

exported void closefrom(int first) {
  files_close(first < 0 ? 0 : (unsigned)first, UINT32_MAX);
  real.closefrom(first);
}

exported int fclose(struct _IO_FILE *file) {
  stream_closes(file);
  return real.fclose(file);
}

exported int pclose(struct _IO_FILE *file) {
  stream_closes(file);
  return real.pclose(file);
}

exported struct _IO_FILE *freopen(const char *path, const char *mode, struct _IO_FILE *file) {
  stream_closes(file);
  return real.freopen(path, mode, file);
}

exported struct _IO_FILE *freopen64(const char *path, const char *mode, struct _IO_FILE *file) {
  stream_closes(file);
  return real.freopen64(path, mode, file);
}
