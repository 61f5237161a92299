// Calls with pipes, sockets, eventfds, semaphores and queues of messages that succeed, fail, move little,
// much or nothing: it prints what each returned, so that a traced run can be compared with another.
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "workload.h"

/// A place that nothing is mapped at, and a count of nothing, which no compiler looks through.
static void *volatile nowhere = (void *)8;
static volatile int negative = -1;
#define NOWHERE nowhere

#define SHOW(call)                                                \
  do {                                                            \
    errno = 12345;                                                \
    long given = (long)(call);                                    \
    printf("%d: %s = %ld, errno %d\n", __LINE__, #call, given, errno); \
  } while (0)

static char buffer[200000];

static void pipes(void) {
  int ends[2], others[2];
  struct iovec parts[] = {{buffer, 3}, {buffer + 10, 4}}, wrong[] = {{NOWHERE, 8}};
  SHOW(pipe(NOWHERE));
  SHOW(pipe2(ends, 0x7fffffff));
  SHOW(pipe(ends));
  SHOW(pipe2(others, O_NONBLOCK));
  SHOW(read(others[0], buffer, 1));
  SHOW(write(ends[1], "abcd", 4));
  SHOW(tee(ends[0], others[1], 3, 0));
  SHOW(read(others[0], buffer, 9));
  SHOW(read(ends[0], buffer, 9));
  SHOW(write(others[1], buffer, 70000));
  SHOW(write(others[1], buffer, 70000));
  SHOW(read(ends[1], buffer, 1));
  SHOW(write(ends[0], buffer, 1));
  SHOW(write(ends[1], NOWHERE, 5));
  SHOW(write(ends[1], "", 0));
  SHOW(write(ends[1], "0123456789", 10));
  SHOW(writev(ends[1], parts, 2));
  SHOW(writev(ends[1], wrong, 1));
  SHOW(writev(ends[1], parts, negative));
  SHOW(writev(ends[1], NOWHERE, 1));
  SHOW(read(ends[0], NOWHERE, 5));
  SHOW(read(ends[0], buffer, 2));
  SHOW(readv(ends[0], parts, 2));
  SHOW(readv(ends[0], NOWHERE, 1));
  SHOW(tee(ends[0], others[1], 3, 0));
  SHOW(splice(others[0], NULL, others[1], NULL, 3, 0));
  SHOW(splice(ends[0], NULL, ends[1], NULL, 3, 0));
  SHOW(splice(others[0], NULL, ends[1], NULL, 300, 0));
  SHOW(vmsplice(ends[1], parts, 2, 0));
  SHOW(vmsplice(ends[0], wrong, 1, SPLICE_F_NONBLOCK));
  int file = open("/proc/self/exe", O_RDONLY);
  SHOW(sendfile(ends[1], file, NULL, 100));
  SHOW(sendfile(ends[1], -1, NULL, 100));
  SHOW(fcntl(ends[0], F_SETPIPE_SZ, 1 << 17));
  SHOW(fcntl(ends[0], F_GETPIPE_SZ));
  SHOW(fcntl(ends[0], F_DUPFD, 200));
  SHOW(fcntl(-1, F_DUPFD, 200));
  SHOW(dup2(ends[0], 200));
  SHOW(dup2(200, 200));
  SHOW(dup2(-1, 200));
  SHOW(dup3(ends[0], 200, 99));
  SHOW(dup3(ends[0], 201, O_CLOEXEC));
  SHOW(close_range(200, 201, 0));
  SHOW(close(200));
  SHOW(close(-1));
  SHOW(close(100000));
  SHOW(read(100000, buffer, 1));
  SHOW(read(-1, buffer, 1));
  SHOW(write(-1, buffer, 1));
  SHOW(close(ends[1]));
  SHOW(read(ends[0], buffer, 1000));
  SHOW(read(ends[0], buffer, 1000));
  signal(SIGPIPE, SIG_IGN);
  SHOW(close(others[0]));
  SHOW(write(others[1], "x", 1));
}

static void sockets(void) {
  int ends[2], datagrams[2];
  SHOW(socketpair(AF_UNIX, SOCK_STREAM, 99, ends));
  SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, NOWHERE));
  SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  SHOW(socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams));
  SHOW(send(ends[0], "0123456789", 10, 0));
  SHOW(recv(ends[1], buffer, 4, MSG_PEEK));
  SHOW(recv(ends[1], buffer, 4, 0));
  SHOW(recvfrom(ends[1], buffer, 4, 0, NULL, NULL));
  SHOW(recv(ends[1], buffer, 100, MSG_DONTWAIT));
  SHOW(recv(ends[1], buffer, 100, MSG_DONTWAIT));
  SHOW(sendto(ends[0], "x", 1, 0, NOWHERE, 99));
  SHOW(send(ends[0], NOWHERE, 10, 0));
  SHOW(sendmsg(ends[0], NOWHERE, 0));
  SHOW(recvmsg(ends[0], NOWHERE, MSG_DONTWAIT));
  struct iovec part = {buffer, 100};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  struct mmsghdr several[2] = {{.msg_hdr = message}, {.msg_hdr = message}};
  SHOW(sendmsg(datagrams[0], &message, 0));
  SHOW(sendmmsg(datagrams[0], several, 2, 0));
  SHOW(recvmsg(datagrams[1], &message, 0));
  SHOW(recvmmsg(datagrams[1], several, 2, MSG_DONTWAIT, NULL));
  SHOW(recvmmsg(datagrams[1], several, 2, MSG_DONTWAIT, NULL));
  SHOW(several[1].msg_len);
  struct timeval soon = {.tv_usec = 20000};
  SHOW(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon));
  SHOW(recv(ends[0], buffer, 1, 0));
  SHOW(close(ends[1]));
  SHOW(recv(ends[0], buffer, 1, 0));
  SHOW(send(ends[0], "x", 1, MSG_NOSIGNAL));
}

static void events(void) {
  int file = eventfd(3, EFD_NONBLOCK);
  uint64_t value = 4;
  SHOW(file >= 0);
  SHOW(eventfd(1, 0x7fffffff));
  SHOW(read(file, &value, 4));
  SHOW(read(file, &value, 8));
  SHOW(value);
  SHOW(read(file, &value, 8));
  SHOW(write(file, &value, 8));
  SHOW(eventfd_read(file, &value));
  SHOW(value);
  SHOW(eventfd_read(file, &value));
  SHOW(eventfd_write(file, 7));
  SHOW(eventfd_write(file, UINT64_MAX));
  SHOW(eventfd_read(-1, &value));
  struct pollfd wanted = {.fd = file, .events = POLLIN};
  struct timespec brief = {.tv_nsec = 20000000}, wrong = {.tv_nsec = -1};
  struct timeval instant = {0};
  SHOW(poll(&wanted, 1, -1));
  SHOW(poll(&wanted, 1, 0));
  SHOW(poll(NOWHERE, 1, -1));
  SHOW(poll(NULL, 0, 20));
  SHOW(ppoll(&wanted, 1, &brief, NULL));
  SHOW(ppoll(&wanted, 1, &wrong, NULL));
  fd_set set;
  FD_ZERO(&set);
  FD_SET(file, &set);
  SHOW(select(file + 1, &set, NULL, NULL, &instant));
  SHOW(select(file + 1, NOWHERE, NULL, NULL, &instant));
  SHOW(pselect(0, NULL, NULL, NULL, &brief, NULL));
  SHOW(epoll_create(0));
  SHOW(epoll_create1(99));
  int poll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  SHOW(epoll_ctl(poll, EPOLL_CTL_ADD, file, &event));
  SHOW(epoll_wait(poll, &event, 1, -1));
  SHOW(epoll_wait(poll, &event, 0, -1));
  SHOW(epoll_wait(-1, &event, 1, -1));
  SHOW(epoll_pwait(poll, &event, 1, 0, NULL));
  SHOW(epoll_pwait2(poll, &event, 1, NULL, NULL));
  SHOW(epoll_pwait2(poll, &event, 1, &wrong, NULL));
  SHOW(eventfd_read(file, &value));
  SHOW(epoll_wait(poll, &event, 1, 20));
}

static void messages(void) {
  char name[64], text[64];
  unsigned priority = 0;
  snprintf(name, sizeof name, "/ctrace-calls-%d", (int)getpid());
  struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 64};
  struct timespec past = {0}, wrong = {.tv_nsec = -1};
  SHOW(mq_open("/ctrace-nowhere", O_RDWR));
  SHOW(mq_open("no slash", O_RDWR));
  mqd_t file = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
  SHOW(file >= 0);
  SHOW(mq_unlink(name));
  SHOW(mq_send(file, "one", 3, 1));
  SHOW(mq_send(file, "two", 3, 2));
  SHOW(mq_send(file, NOWHERE, 3, 2));
  SHOW(mq_send(file, text, 65, 2));
  SHOW(mq_timedsend(file, "three", 5, 0, &past));
  SHOW(mq_timedsend(file, "three", 5, 0, &wrong));
  SHOW(mq_timedsend(file, "three", 5, 0, NOWHERE));
  SHOW(mq_receive(file, text, 3, &priority));
  SHOW(mq_receive(file, text, 64, &priority));
  SHOW(priority);
  SHOW(mq_timedreceive(file, text, 64, NULL, &wrong));
  SHOW(mq_receive(file, text, 64, NULL));
  SHOW(mq_timedreceive(file, text, 64, NULL, &past));
  SHOW(mq_receive(-1, text, 64, NULL));
  SHOW(mq_send(0, text, 64, 0));
  SHOW(mq_close(file));
  SHOW(mq_close(file));
  struct {
    long type;
    char text[8];
  } message = {1, "message"};
  SHOW(msgget(0x7fabcdef, 0));
  int queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
  SHOW(msgsnd(queue, &message, 8, 0));
  SHOW(msgsnd(queue, &message, 8, 0));
  SHOW(msgsnd(queue, NOWHERE, 8, 0));
  SHOW(msgsnd(-1, &message, 8, 0));
  SHOW(msgrcv(queue, &message, 8, 7, IPC_NOWAIT));
  SHOW(msgrcv(queue, &message, 4, 0, 0));
  SHOW(msgrcv(queue, &message, 4, 0, MSG_NOERROR));
  SHOW(msgrcv(queue, &message, 8, 0, 0));
  SHOW(msgrcv(queue, &message, 8, 0, IPC_NOWAIT));
  SHOW(msgctl(queue, IPC_RMID, NULL));
  SHOW(msgsnd(queue, &message, 8, 0));
}

static void semaphores(void) {
  struct timespec brief = {.tv_nsec = 20000000};
  struct sembuf down = {0, -1, 0}, both[] = {{0, 2, 0}, {1, -1, 0}}, far = {9, 1, 0};
  unsigned short values[] = {1, 3};
  int set = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
  SHOW(semget(0x7fabcdef, 1, 0));
  SHOW(semctl(set, 0, SETVAL, 5));
  SHOW(semctl(set, 0, SETVAL, -5));
  SHOW(semctl(set, 7, SETVAL, 5));
  SHOW(semctl(set, 0, GETVAL));
  SHOW(semctl(set, 0, SETALL, values));
  SHOW(semctl(set, 0, SETALL, NOWHERE));
  SHOW(semop(set, &down, 1));
  SHOW(semop(set, both, 2));
  SHOW(semop(set, both, 0));
  SHOW(semop(set, both, 100000));
  SHOW(semop(set, NOWHERE, 1));
  SHOW(semop(set, &far, 1));
  SHOW(semop(-1, &down, 1));
  SHOW(semop(set, &down, 1));
  SHOW(semop(set, &down, 1));
  SHOW(semtimedop(set, &down, 1, &brief));
  SHOW(semtimedop(set, &down, 1, NOWHERE));
  SHOW(semctl(set, 0, GETVAL));
  SHOW(semctl(set, 1, GETVAL));
  SHOW(semctl(set, 0, IPC_RMID));
  SHOW(semop(set, &down, 1));
}

int main(void) {
  pipes();
  sockets();
  events();
  messages();
  semaphores();
}
