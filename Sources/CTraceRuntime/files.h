// What descriptors are of, and how calls of the kernel that put something into a queue or take it out
// are recorded.
#ifndef CTRACE_RUNTIME_FILES_H
#define CTRACE_RUNTIME_FILES_H

#include <errno.h>

#include "runtime.h"

/// Descriptors from here on are not looked at.
enum { FILES_KNOWN = 1 << 16 };

/// What a descriptor is of. A number that tells it from others of its class is in the lower 48 bits of
/// what is known of it.
enum file_class {
  FILE_UNSEEN = 0,
  /// None of those below: a file, a terminal, a connection to another machine.
  FILE_OTHER = 1,
  FILE_PIPE = 2,
  FILE_SOCKET = 3,
  FILE_EVENTFD = 4,
  FILE_EPOLL = 5,
  FILE_MESSAGES = 6,
};
static const uint64_t OTHER_FILE = (uint64_t)FILE_OTHER << 56;

/// Per descriptor; memory that is never touched costs nothing.
extern uint64_t known_files[FILES_KNOWN];

always_inline uint64_t known_file(int file) {
  return (unsigned)file < FILES_KNOWN ? __atomic_load_n(&known_files[file], __ATOMIC_RELAXED) : 0;
}

always_inline uint8_t class_of(uint64_t known) { return (uint8_t)(known >> 56); }

/// Whether this thread records what goes through queues of the kernel.
always_inline bool records_queues(void) {
  return likely(is_recording()) && likely(arena.records_kernel_queues);
}

/// The part of queue_of() for all that is not known to be of no interest.
noinline uint64_t find_queue(int file, uint8_t operation);

/// The queue that a call with a descriptor puts something into or takes it from; 0 where there is none
/// that is recorded. A descriptor may have been closed and made anew in ways that nobody saw, so that
/// one call in 64 looks again.
always_inline uint64_t queue_of(int file, uint8_t operation) {
  if (unlikely(!records_queues()) || unlikely((unsigned)file >= FILES_KNOWN)) return 0;
  uint64_t known = __atomic_load_n(&known_files[file], __ATOMIC_RELAXED);
  if (likely(known == OTHER_FILE) && likely(++self.file_calls % 64 != 0)) return 0;
  return find_queue(file, operation);
}

/// Messages of Python's to and from the server that a connected socket is of, in all of its connections; 0
/// where there is none with a path.
struct server {
  uint64_t requests;
  uint64_t replies;
  /// Whether the socket is an end of the server's own.
  bool is_own;
};
struct server server_of(int file);

/// Looks at a descriptor as if it had not been seen; returns the queue it is of.
noinline uint64_t look_again(int file, uint8_t operation);
/// Records what the kernel says of the depth of a queue, where it does: now and then, and after waits, so
/// that one is not far from it whose other end nobody records.
noinline void tell_depth(int file, uint64_t queue);
/// The queue of messages that a descriptor is of; 0: none.
noinline uint64_t message_queue_of(int file);
/// A descriptor has been opened for a queue of messages, or is about to be closed.
noinline void message_queue_opened(int file, const char *name, struct site site);
noinline void file_closes(int file);

/// How a call of the kernel ended.
always_inline uint8_t outcome_of_call(long result) {
  return result >= 0                                  ? CTRACE_ACQUIRED
         : errno == ETIMEDOUT || errno == EAGAIN ? CTRACE_TIMED_OUT
                                                      : CTRACE_FAILED;
}

/// Whether a call that began with a wait and moved so many bytes has waited. The kernel does not say:
/// it has when it took longer than the work does.
always_inline bool has_waited(uint64_t start, uint64_t end, uint64_t bytes) {
  return end - start >= arena.longest_call + (bytes >> 10) * arena.longest_kilobyte;
}

/// Whether a call waits with a descriptor, by its flags as a file and those of a call with a socket.
/// Asked where it took long.
noinline bool may_wait(int file, int flags);

#endif
