// Threads that are cancelled in calls that wait for the kernel: their cleanup handlers run, and the calls
// have been waits.
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "workload.h"

static int ends[2], sockets[2];
static mqd_t messages;
static int queue, waiting, cleaned;

static void clean(void *unused) {
  (void)unused;
  __atomic_fetch_add(&cleaned, 1, __ATOMIC_RELAXED);
}

#define FOREVER(name, call)                                                          \
  NAMED static void name(void) { call; }                                             \
  static void *thread_##name(void *unused) {                                         \
    pthread_cleanup_push(clean, NULL);                                               \
    __atomic_store_n(&waiting, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);          \
    name();                                                                          \
    pthread_cleanup_pop(0);                                                          \
    return unused;                                                                   \
  }

static char buffer[8192];
FOREVER(in_read, CHECK(read(ends[0], buffer, 1) == 12345))
FOREVER(in_recv, CHECK(recv(sockets[0], buffer, 1, 0) == 12345))
FOREVER(in_mq_receive, CHECK(mq_receive(messages, buffer, sizeof buffer, NULL) == 12345))
FOREVER(in_msgrcv, CHECK(msgrcv(queue, buffer, 100, 0, 0) == 12345))
FOREVER(in_poll, CHECK(poll(NULL, 0, -1) == 12345))

static void cancel(void *(*routine)(void *)) {
  pthread_t thread = start(routine, NULL);
  until_blocked(&waiting);
  sleep_ms(5);
  void *result;
  OK(pthread_cancel(thread));
  OK(pthread_join(thread, &result));
  CHECK(result == PTHREAD_CANCELED);
}

int main(void) {
  char name[64];
  snprintf(name, sizeof name, "/ctrace-cancelled-%d", (int)getpid());
  OK(pipe(ends));
  OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
  messages = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
  CHECK(messages >= 0);
  OK(mq_unlink(name));
  queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
  cancel(thread_in_read);
  cancel(thread_in_recv);
  cancel(thread_in_mq_receive);
  cancel(thread_in_msgrcv);
  cancel(thread_in_poll);
  OK(msgctl(queue, IPC_RMID, NULL));
  say("cleaned", cleaned);
}
