// A bounded queue with condition variables: its users wait for each other's work, not for its lock.
#include "workload.h"

enum { ITEMS = 100, ROOM = 4 };

static pthread_mutex_t queue_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static int queue[ROOM], count, first;
static int64_t waited_for_items, waited_for_room;

NAMED static void put(int item) {
  OK(pthread_mutex_lock(&queue_mu));
  while (count == ROOM) {
    int64_t begin = now_ns();
    OK(pthread_cond_wait(&not_full, &queue_mu));
    waited_for_room += now_ns() - begin;
  }
  queue[(first + count++) % ROOM] = item;
  OK(pthread_mutex_unlock(&queue_mu));
  OK(pthread_cond_signal(&not_empty));
}

NAMED static int take(void) {
  OK(pthread_mutex_lock(&queue_mu));
  while (count == 0) {
    int64_t begin = now_ns();
    OK(pthread_cond_wait(&not_empty, &queue_mu));
    waited_for_items += now_ns() - begin;
  }
  int item = queue[first];
  first = (first + 1) % ROOM;
  count--;
  OK(pthread_mutex_unlock(&queue_mu));
  OK(pthread_cond_signal(&not_full));
  return item;
}

/// Slow in the first half, so that the consumer waits for items.
static void *producer(void *unused) {
  pthread_setname_np(pthread_self(), "producer");
  for (int item = 1; item <= ITEMS; item++) {
    if (item <= ITEMS / 2) sleep_ms(5);
    put(item);
  }
  return unused;
}

/// Slow in the second half, so that the producer waits for room.
static void *consumer(void *unused) {
  pthread_setname_np(pthread_self(), "consumer");
  for (int item = 1; item <= ITEMS; item++) {
    GIVES(item, take());
    if (item > ITEMS / 2) sleep_ms(5);
  }
  return unused;
}

int main(void) {
  pthread_t one = start(producer, NULL), other = start(consumer, NULL);
  join(one);
  join(other);
  say("waited_for_items", waited_for_items);
  say("waited_for_room", waited_for_room);
}
