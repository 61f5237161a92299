// Queues of messages, POSIX and System V, and System V semaphores.
#include <limits.h>
#include <stdarg.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include "files.h"

/// Records one message that went in or out, and ends the wait if it was one.
static noinline void message_moved(struct wait *wait, uint64_t queue, uint8_t operation,
                                   bool has_moved, int file, int flags, long result, size_t size) {
  uint64_t start = wait_start(wait), end = now();
  if (start == 0) return;
  if (has_moved && operation == CTRACE_PUT)
    record_items_of(wait, CTRACE_RECORD_ENQUEUE, queue, 1, start);
  else if (has_moved)
    record_items_of(wait, CTRACE_RECORD_DEQUEUE, queue, 1, end);
  if (has_waited(start, end, size) && may_wait(file, flags))
    wait_end(wait, outcome_of_call(result));
  else
    wait_abandon(wait);
}

#define MESSAGE(key, direction, call, size, moves, file, flags, ask)                                  \
  do {                                                                                   \
    uint64_t queue = records_queues() ? (key) : 0;                                        \
    if (unlikely(queue == 0)) return call;                                               \
    __attribute__((cleanup(wait_cleanup))) struct wait wait = {0};                       \
    wait_begin(&wait, queue, kind_of_shared(queue), direction, 0, 0, THIS_SITE);         \
    __auto_type result = call;                                                           \
    message_moved(&wait, queue, direction, result >= 0 && (moves), file, flags, result,     \
                  size);                                                                 \
    if (unlikely(arena.asks_depth) || unlikely(++self.file_calls % 64 == 0))             \
      if (!is_confined) ask;                                                             \
    return result;                                                                       \
  } while (0)

/// What the kernel says: its word where the user wants that, otherwise one now and then.
static void tell_messages(uint64_t queue, uint64_t count, uint64_t time) {
  if (arena.asks_depth)
    record_depth_at(queue, kind_of_shared(queue), count, time);
  else
    record_told_depth(queue, kind_of_shared(queue), count, time);
}

// MARK: POSIX

static void ask_messages(mqd_t file, uint64_t queue) {
  struct mq_attr attributes;
  uint64_t time = now();
  int saved_errno = errno;
  if (mq_getattr(file, &attributes) == 0 && attributes.mq_curmsgs >= 0)
    tell_messages(queue, (uint64_t)attributes.mq_curmsgs, time);
  errno = saved_errno;
}

exported mqd_t mq_open(const char *name, int flags, ...) {
  va_list list;
  va_start(list, flags);
  // Absent arguments are read as whatever is there, and passed on to be ignored.
  mode_t mode = va_arg(list, mode_t);
  struct mq_attr *attributes = va_arg(list, struct mq_attr *);
  va_end(list);
  mqd_t file = real.mq_open(name, flags, mode, attributes);
  if (file >= 0) message_queue_opened(file, name, THIS_SITE);
  return file;
}

exported mqd_t __mq_open_2(const char *name, int flags) {
  mqd_t file = real.__mq_open_2(name, flags);
  if (file >= 0) message_queue_opened(file, name, THIS_SITE);
  return file;
}

exported int mq_close(mqd_t file) {
  file_closes(file);
  return real.mq_close(file);
}

exported int mq_send(mqd_t file, const char *buffer, size_t size, unsigned priority) {
  MESSAGE(message_queue_of(file), CTRACE_PUT, real.mq_send(file, buffer, size, priority), size, true,
          file, 0, ask_messages(file, queue));
}

exported int mq_timedsend(mqd_t file, const char *buffer, size_t size, unsigned priority,
                          const struct timespec *time) {
  MESSAGE(message_queue_of(file), CTRACE_PUT,
          real.mq_timedsend(file, buffer, size, priority, time), size, true,
          file, 0, ask_messages(file, queue));
}

exported ssize_t mq_receive(mqd_t file, char *buffer, size_t size, unsigned *priority) {
  MESSAGE(message_queue_of(file), CTRACE_TAKE, real.mq_receive(file, buffer, size, priority), size,
          true, file, 0, ask_messages(file, queue));
}

exported ssize_t mq_timedreceive(mqd_t file, char *restrict buffer, size_t size,
                                 unsigned *restrict priority, const struct timespec *restrict time) {
  MESSAGE(message_queue_of(file), CTRACE_TAKE,
          real.mq_timedreceive(file, buffer, size, priority, time), size, true,
          file, 0, ask_messages(file, queue));
}

// MARK: System V queues

static uint64_t system_v_queue(int queue) {
  return queue < 0 ? 0 : shared_key(CTRACE_SYSTEM_V_QUEUE, (uint64_t)queue);
}

static void ask_system_v(int queue, uint64_t key) {
  struct msqid_ds status;
  uint64_t time = now();
  int saved_errno = errno;
  if (msgctl(queue, IPC_STAT, &status) == 0) tell_messages(key, status.msg_qnum, time);
  errno = saved_errno;
}

exported int msgget(key_t key, int flags) {
  int queue = real.msgget(key, flags);
  if (queue >= 0 && records_queues() && !is_confined) {
    struct msqid_ds status;
    uint64_t lock = system_v_queue(queue), time = now();
    int saved_errno = errno;
    record_lock(CTRACE_RECORD_INIT, lock, CTRACE_SYSTEM_V_QUEUE, 0, THIS_SITE);
    if (msgctl(queue, IPC_STAT, &status) == 0 && status.msg_qnum > 0)
      record_told_depth(lock, CTRACE_SYSTEM_V_QUEUE, status.msg_qnum, time);
    errno = saved_errno;
  }
  return queue;
}

exported int msgsnd(int id, const void *message, size_t size, int flags) {
  MESSAGE(system_v_queue(id), CTRACE_PUT, real.msgsnd(id, message, size, flags), size, true,
          -1, flags & IPC_NOWAIT ? MSG_DONTWAIT : 0, ask_system_v(id, queue));
}

exported ssize_t msgrcv(int id, void *message, size_t size, long type, int flags) {
  // A copy leaves the message where it is.
  MESSAGE(system_v_queue(id), CTRACE_TAKE, real.msgrcv(id, message, size, type, flags), size,
          !(flags & MSG_COPY), -1, flags & IPC_NOWAIT ? MSG_DONTWAIT : 0, ask_system_v(id, queue));
}

// MARK: System V semaphores

enum { WHOLE_SET = UINT16_MAX, SEMAPHORES_NAMED = 64 };

/// One of a set, or the whole set where it is not known which.
static uint64_t system_v_semaphore(int set, unsigned short number) {
  return shared_key(CTRACE_SYSTEM_V_SEMAPHORE, (uint64_t)(unsigned)set << 16 | number);
}

static unsigned long semaphores_in(int set) {
  struct semid_ds status;
  return real.semctl(set, 0, IPC_STAT, (long)&status) == 0 ? status.sem_nsems : 0;
}

exported int semget(key_t key, int count, int flags) {
  int set = real.semget(key, count, flags);
  if (set >= 0 && records_queues() && !is_confined) {
    int saved_errno = errno;
    uint64_t time = now();
    unsigned short values[SEMAPHORES_NAMED];
    unsigned long many = semaphores_in(set);
    if (many <= SEMAPHORES_NAMED && real.semctl(set, 0, GETALL, (long)values) == 0)
      for (unsigned long number = 0; number < many; number++) {
        uint64_t lock = system_v_semaphore(set, (unsigned short)number);
        record_lock(CTRACE_RECORD_INIT, lock, CTRACE_SYSTEM_V_SEMAPHORE, 0, THIS_SITE);
        if (values[number] > 0)
          record_told_depth(lock, CTRACE_SYSTEM_V_SEMAPHORE, values[number], time);
      }
    errno = saved_errno;
  }
  return set;
}

/// The first operation that could have made the call wait.
static const struct sembuf *waiting_operation(const struct sembuf *operations, size_t count) {
  for (size_t index = 0; index < count; index++)
    if (operations[index].sem_op <= 0) return &operations[index];
  return count > 0 ? operations : NULL;
}

/// Counts what an operation of a call did to its semaphore.
static void count_operation(int set, const struct sembuf *operation, struct site site) {
  uint64_t lock = system_v_semaphore(set, operation->sem_num);
  if (operation->sem_op > 0) {
    note_wake(lock, CTRACE_SYSTEM_V_SEMAPHORE, site);
  } else if (operation->sem_op < 0) {
    enter();
    note_acquire_slowly(lock, CTRACE_SYSTEM_V_SEMAPHORE, site.address);
  }
  if (unlikely(arena.asks_depth) && !is_confined) {
    int value = real.semctl(set, operation->sem_num, GETVAL, 0);
    if (value >= 0) record_depth(lock, CTRACE_SYSTEM_V_SEMAPHORE, (uint64_t)value);
  }
}

static noinline void operated(struct wait *wait, int set, const struct sembuf *operations,
                              size_t count, int result, struct site site) {
  uint64_t start = wait_start(wait), end = now();
  if (start == 0) return;
  int saved_errno = errno;
  // The kernel has read the operations unless it says that it could not: no sooner may we.
  bool is_readable = result == 0 || errno == EAGAIN || errno == EINTR || errno == EIDRM;
  const struct sembuf *waiting = is_readable ? waiting_operation(operations, count) : NULL;
  for (size_t index = 0; result == 0 && index < count; index++)
    if (operations[index].sem_op > 0)
      record_items_of(wait, CTRACE_RECORD_ENQUEUE, system_v_semaphore(set, operations[index].sem_num),
                      (uint64_t)operations[index].sem_op, start);
  for (size_t index = 0; result == 0 && index < count; index++)
    if (operations[index].sem_op < 0)
      record_items_of(wait, CTRACE_RECORD_DEQUEUE, system_v_semaphore(set, operations[index].sem_num),
                      (uint64_t)-operations[index].sem_op, end);
  if (!has_waited(start, end, 0) || waiting == NULL)
    wait_abandon(wait);
  else
    wait_end_for(wait, system_v_semaphore(set, waiting->sem_num), outcome_of_call(result));
  for (size_t index = 0; result == 0 && index < count && is_recording(); index++)
    count_operation(set, &operations[index], site);
  errno = saved_errno;
}

#define OPERATE(call)                                                                      \
  do {                                                                                     \
    if (unlikely(!records_queues()) || set < 0) return call;                               \
    __attribute__((cleanup(wait_cleanup))) struct wait wait = {0};                         \
    wait_begin(&wait, system_v_semaphore(set, WHOLE_SET), CTRACE_SYSTEM_V_SEMAPHORE,       \
               CTRACE_WAIT, 0, 0, THIS_SITE);                                              \
    int result = call;                                                                     \
    operated(&wait, set, operations, count, result, THIS_SITE);                            \
    return result;                                                                         \
  } while (0)

exported int semop(int set, struct sembuf *operations, size_t count) {
  OPERATE(real.semop(set, operations, count));
}

exported int semtimedop(int set, struct sembuf *operations, size_t count,
                        const struct timespec *time) {
  OPERATE(real.semtimedop(set, operations, count, time));
}

/// What the program itself sets values to, or is told that they are.
static void values_told(int set, int number, int command, long argument, int result,
                        uint64_t time) {
  int saved_errno = errno;
  const unsigned short *values = (const unsigned short *)argument;
  unsigned long count = 0;
  switch (command) {
    case SETVAL:
      record_depth_at(system_v_semaphore(set, (unsigned short)number), CTRACE_SYSTEM_V_SEMAPHORE,
                      (uint64_t)(unsigned)(int)argument, time);
      break;
    case GETVAL:
      record_told_depth(system_v_semaphore(set, (unsigned short)number),
                         CTRACE_SYSTEM_V_SEMAPHORE, (uint64_t)result, time);
      break;
    case SETALL:
      count = semaphores_in(set);
      for (unsigned long index = 0; index < count; index++)
        record_depth_at(system_v_semaphore(set, (unsigned short)index), CTRACE_SYSTEM_V_SEMAPHORE,
                        values[index], time);
      break;
    default: break;
  }
  errno = saved_errno;
}

exported int semctl(int set, int number, int command, ...) {
  va_list list;
  va_start(list, command);
  // The union that it takes is as large as a pointer; where it is absent, it is not looked at.
  long argument = va_arg(list, long);
  va_end(list);
  uint64_t time = arena.base != NULL ? now() : 0;
  int result = real.semctl(set, number, command, argument);
  if (result >= 0 && records_queues() && !is_confined)
    values_told(set, number, command, argument, result, time);
  return result;
}
