// A thread waits for descriptors by poll, ppoll, select, pselect and epoll, and for an eventfd by
// reading it, each many times; another wakes it when it sleeps. It says how long it waited, each way. In
// between it looks many times without waiting.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/syscall.h>

#include "workload.h"

enum { ROUNDS = 20, LOOKS = 1000 };

static int event, polled;
static int waiter;
static int64_t waited;

static void *wake_it(void *unused) {
  for (int round = 0; round < 6 * ROUNDS; round++) {
    until_blocked(&waiter);
    sleep_ms(2);
    OK(eventfd_write(event, 1));
  }
  return unused;
}

#define TIMED(expected, call)                                                             \
  do {                                                                                    \
    __atomic_store_n(&waiter, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);                \
    int64_t begin = now_ns();                                                             \
    GIVES(expected, call);                                                                \
    waited += now_ns() - begin;                                                           \
  } while (0)

static void empty_it(void) {
  uint64_t value;
  OK(eventfd_read(event, &value));
}

NAMED static void by_poll(void) {
  struct pollfd wanted = {.fd = event, .events = POLLIN};
  TIMED(1, poll(&wanted, 1, -1));
  empty_it();
  for (int look = 0; look < LOOKS; look++) GIVES(0, poll(&wanted, 1, 0));
}

NAMED static void by_ppoll(void) {
  struct pollfd wanted = {.fd = event, .events = POLLIN};
  TIMED(1, ppoll(&wanted, 1, NULL, NULL));
  empty_it();
}

NAMED static void by_select(void) {
  fd_set set;
  struct timeval instant = {0};
  FD_ZERO(&set);
  FD_SET(event, &set);
  TIMED(1, select(event + 1, &set, NULL, NULL, NULL));
  empty_it();
  for (int look = 0; look < LOOKS; look++) GIVES(0, select(event + 1, &set, NULL, NULL, &instant));
}

NAMED static void by_pselect(void) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(event, &set);
  TIMED(1, pselect(event + 1, &set, NULL, NULL, NULL, NULL));
  empty_it();
}

NAMED static void by_epoll(void) {
  struct epoll_event found;
  TIMED(1, epoll_wait(polled, &found, 1, -1));
  empty_it();
  for (int look = 0; look < LOOKS; look++) GIVES(0, epoll_wait(polled, &found, 1, 0));
}

NAMED static void by_reading(void) {
  uint64_t value;
  TIMED(8, read(event, &value, sizeof value));
}

NAMED static int make_epoll(void) { return epoll_create1(0); }
NAMED static int make_event(void) { return eventfd(0, 0); }

static void *wait_for_it(void *unused) {
  pthread_setname_np(pthread_self(), "waiter");
  const struct {
    const char *name;
    void (*way)(void);
  } ways[] = {{"poll", by_poll},       {"ppoll", by_ppoll}, {"select", by_select},
              {"pselect", by_pselect}, {"epoll", by_epoll}, {"reading", by_reading}};
  for (int way = 0; way < 6; way++) {
    waited = 0;
    for (int round = 0; round < ROUNDS; round++) ways[way].way();
    say(ways[way].name, waited);
  }
  return unused;
}

int main(void) {
  event = make_event();
  polled = make_epoll();
  struct epoll_event wanted = {.events = EPOLLIN};
  OK(epoll_ctl(polled, EPOLL_CTL_ADD, event, &wanted));
  pthread_t one = start(wait_for_it, NULL), other = start(wake_it, NULL);
  join(one);
  join(other);
  say("rounds", ROUNDS);
}
