// Messages go from a producer to a consumer through a queue of the kernel's: KIND is pipe, fifo, pair,
// stream, mq or sysv; the two are threads, or processes, by the second argument.
//
// In each of three parts it is known what happens: the producer puts a burst in while nobody takes
// anything; the consumer waits for a message that is sure to come late; the producer waits for room.
// Both count what they move, and time their calls: those that are not brief have blocked.
#include <fcntl.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "workload.h"

enum { SIZE = 4096, BURST = 8, BURSTS = 5, LATE = 10, FULL = 5, PAUSE = 5, BRIEF = 20000 };

struct message {
  long type;
  char text[SIZE];
};

/// What both sides see.
static struct shared {
  sem_t filled;
  sem_t emptied;
  int blocking;
  long filling;
  int64_t put, taken, put_wait, take_wait;
} *shared;

static const char *kind;
static int ends[2];
static mqd_t messages;
static int queue;
static char path[64];
static struct message outgoing = {.type = 1};

static void add_wait(int64_t *sum, int64_t begin) {
  int64_t time = now_ns() - begin;
  if (time >= BRIEF) *sum += time;
}

NAMED static void put_one(void) {
  int64_t begin = now_ns();
  if (strcmp(kind, "mq") == 0) {
    OK(mq_send(messages, outgoing.text, 64, 0));
  } else if (strcmp(kind, "sysv") == 0) {
    OK(msgsnd(queue, &outgoing, 1024, 0));
  } else if (strcmp(kind, "stream") == 0) {
    GIVES(SIZE, send(ends[1], outgoing.text, SIZE, 0));
  } else {
    GIVES(SIZE, write(ends[1], outgoing.text, SIZE));
  }
  add_wait(&shared->put_wait, begin);
  shared->put += 1;
}

NAMED static void take_one(void) {
  static struct message incoming;
  int64_t begin = now_ns();
  if (strcmp(kind, "mq") == 0) {
    GIVES(64, mq_receive(messages, incoming.text, SIZE, NULL));
  } else if (strcmp(kind, "sysv") == 0) {
    GIVES(1024, msgrcv(queue, &incoming, sizeof incoming.text, 0, 0));
  } else {
    for (size_t have = 0; have < SIZE;) {
      ssize_t count = read(ends[0], incoming.text, SIZE - have);
      CHECK(count > 0);
      have += (size_t)count;
    }
  }
  add_wait(&shared->take_wait, begin);
  shared->taken += 1;
}

/// Calls something that is sure to block, once the other side sees that it does.
static void blocked(void (*call)(void)) {
  __atomic_store_n(&shared->blocking, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
  call();
}

/// Waits until the other side sleeps in its call, and a while longer.
static void until_other_blocked(void) {
  until_blocked(&shared->blocking);
  sleep_ms(PAUSE);
}

/// How many messages fit in before a put blocks.
static int room(void) {
  if (strcmp(kind, "mq") == 0) return BURST;
  if (strcmp(kind, "pipe") == 0 || strcmp(kind, "fifo") == 0) return 16;
  if (strcmp(kind, "sysv") == 0) {
    struct msqid_ds status;
    OK(msgctl(queue, IPC_STAT, &status));
    return (int)(status.msg_qbytes / 1024);
  }
  // Of a socket: tried out.
  int count = 0;
  while (send(ends[1], outgoing.text, SIZE, MSG_DONTWAIT) == SIZE) count += 1;
  CHECK(errno == EAGAIN);
  shared->put += count;
  return -count;
}

static void *produce(void *unused) {
  for (int burst = 0; burst < BURSTS; burst++) {
    for (int index = 0; index < BURST; index++) put_one();
    OK(sem_post(&shared->filled));
    OK(sem_wait(&shared->emptied));
  }
  for (int index = 0; index < LATE; index++) {
    until_other_blocked();
    put_one();
    OK(sem_wait(&shared->emptied));
  }
  for (int index = 0; index < FULL; index++) {
    int fits = room();
    shared->filling = fits < 0 ? -fits : fits;
    for (int put = 0; put < fits; put++) put_one();
    OK(sem_post(&shared->filled));
    blocked(put_one);
    OK(sem_wait(&shared->emptied));
  }
  return unused;
}

static void *consume(void *unused) {
  for (int burst = 0; burst < BURSTS; burst++) {
    OK(sem_wait(&shared->filled));
    for (int index = 0; index < BURST; index++) take_one();
    OK(sem_post(&shared->emptied));
  }
  for (int index = 0; index < LATE; index++) {
    blocked(take_one);
    OK(sem_post(&shared->emptied));
  }
  for (int index = 0; index < FULL; index++) {
    OK(sem_wait(&shared->filled));
    until_other_blocked();
    for (long left = shared->filling + 1; left > 0; left--) take_one();
    OK(sem_post(&shared->emptied));
  }
  return unused;
}

/// The socket that a server made for a client that has connected, in the server's place.
static void connect_stream(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int listening = socket(AF_UNIX, SOCK_STREAM, 0);
  OK(bind(listening, (struct sockaddr *)&address, sizeof address));
  OK(listen(listening, 1));
  ends[1] = socket(AF_UNIX, SOCK_STREAM, 0);
  OK(connect(ends[1], (struct sockaddr *)&address, sizeof address));
  ends[0] = accept(listening, NULL, NULL);
  CHECK(ends[0] >= 0);
  close(listening);
}

NAMED static void make_queue(void) {
  snprintf(path, sizeof path, "%s-%d", strcmp(kind, "mq") == 0 ? "/ctrace" : "/tmp/ctrace",
           (int)getpid());
  if (strcmp(kind, "pipe") == 0) {
    OK(pipe(ends));
  } else if (strcmp(kind, "pair") == 0) {
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  } else if (strcmp(kind, "stream") == 0) {
    connect_stream();
  } else if (strcmp(kind, "fifo") == 0) {
    OK(mkfifo(path, 0600));
    ends[0] = open(path, O_RDONLY | O_NONBLOCK);
    ends[1] = open(path, O_WRONLY);
    CHECK(ends[0] >= 0 && ends[1] >= 0);
    OK(fcntl(ends[0], F_SETFL, O_RDONLY));
  } else if (strcmp(kind, "mq") == 0) {
    struct mq_attr attributes = {.mq_maxmsg = BURST, .mq_msgsize = SIZE};
    messages = mq_open(path, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    CHECK(messages >= 0);
  } else {
    queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    CHECK(queue >= 0);
  }
}

int main(int count, char *arguments[]) {
  CHECK(count == 3);
  kind = arguments[1];
  bool forks = strcmp(arguments[2], "processes") == 0;
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  OK(sem_init(&shared->filled, 1, 0));
  OK(sem_init(&shared->emptied, 1, 0));
  make_queue();
  if (forks) {
    pid_t child = fork();
    if (child == 0) {
      consume(NULL);
      _exit(0);
    }
    produce(NULL);
    GIVES(0, status_of(child));
  } else {
    pthread_t consumer = start(consume, NULL), producer = start(produce, NULL);
    join(consumer);
    join(producer);
  }
  CHECK(shared->put == shared->taken);
  say("put", shared->put);
  say("taken", shared->taken);
  say("put_wait", shared->put_wait);
  say("take_wait", shared->take_wait);
  say("room", shared->filling);
  say("least_put_wait", (int64_t)FULL * PAUSE * 1000000);
  say("least_take_wait", (int64_t)LATE * PAUSE * 1000000);
  if (strcmp(kind, "mq") == 0) OK(mq_unlink(path));
  if (strcmp(kind, "sysv") == 0) OK(msgctl(queue, IPC_RMID, NULL));
  if (strcmp(kind, "fifo") == 0 || strcmp(kind, "stream") == 0) OK(unlink(path));
}
