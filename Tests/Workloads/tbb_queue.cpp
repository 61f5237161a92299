// oneTBB's bounded queue: filled while its taker is held back, waited for when full and when empty, aborted;
// and its mutexes.
#include <oneapi/tbb/concurrent_queue.h>
#include <oneapi/tbb/mutex.h>
#include <oneapi/tbb/rw_mutex.h>

#include <atomic>
#include <thread>

#include "workload.h"

enum { CAPACITY = 50, WAITS = 10, MANY = 3000 };

typedef tbb::concurrent_bounded_queue<int> Queue;
static std::atomic<int> turn;
static int64_t room_waited, item_waited, mutex_waited, rw_waited;

static void until(int number) {
  while (turn.load() < number) sleep_ns(50000);
}

NAMED static void put_item(Queue &queue, int item) { queue.push(item); }

NAMED static int take_item(Queue &queue) {
  int item;
  queue.pop(item);
  return item;
}

static tbb::mutex tbb_mutex;
static tbb::rw_mutex tbb_rw_mutex;

NAMED static void want_mutex() {
  int64_t begin = now_ns();
  tbb_mutex.lock();
  mutex_waited += now_ns() - begin;
  tbb_mutex.unlock();
}

NAMED static void hold_mutex() {
  tbb_mutex.lock();
  turn++;
  sleep_ms(5);
  tbb_mutex.unlock();
}

NAMED static void want_rw_mutex() {
  int64_t begin = now_ns();
  tbb_rw_mutex.lock_shared();
  rw_waited += now_ns() - begin;
  tbb_rw_mutex.unlock_shared();
}

NAMED static void hold_rw_mutex() {
  tbb_rw_mutex.lock();
  turn++;
  sleep_ms(5);
  tbb_rw_mutex.unlock();
}

NAMED static void fill_and_drain(Queue &queue) {
  queue.set_capacity(CAPACITY);
  for (int item = 0; item < CAPACITY; item++) put_item(queue, item);
  CHECK(!queue.try_push(1));
  sleep_ms(50);
  // Full: a putter waits for each that is taken.
  std::thread putter([&] {
    for (int round = 0; round < WAITS; round++) {
      turn++;
      int64_t begin = now_ns();
      put_item(queue, round);
      room_waited += now_ns() - begin;
    }
  });
  for (int round = 0; round < WAITS; round++) {
    until(round + 1);
    sleep_ms(5);
    take_item(queue);
  }
  putter.join();
  for (int item = 0; item < CAPACITY; item++) take_item(queue);
  int item;
  CHECK(!queue.try_pop(item));
  // Empty: a taker waits for each.
  turn = 0;
  std::thread taker([&] {
    for (int round = 0; round < WAITS; round++) {
      turn++;
      int64_t begin = now_ns();
      take_item(queue);
      item_waited += now_ns() - begin;
    }
  });
  for (int round = 0; round < WAITS; round++) {
    until(round + 1);
    sleep_ms(5);
    put_item(queue, round);
  }
  taker.join();
}

int main() {
  {
    Queue queue;
    fill_and_drain(queue);
    // A wait that is aborted leaves by an exception.
    turn = 0;
    bool is_aborted = false;
    std::thread taker([&] {
      turn++;
      try {
        take_item(queue);
      } catch (tbb::user_abort &) {
        is_aborted = true;
      }
    });
    until(1);
    sleep_ms(5);
    queue.abort();
    taker.join();
    CHECK(is_aborted);
  }
  // Both sides as fast as they can: never less than nothing in it.
  {
    Queue queue;
    queue.set_capacity(20);
    std::thread taker([&] {
      for (int item = 0; item < MANY; item++) take_item(queue);
    });
    for (int item = 0; item < MANY; item++) put_item(queue, item);
    taker.join();
  }
  turn = 0;
  std::thread waiter([] {
    for (int round = 0; round < 2 * WAITS; round++) {
      until(2 * round + 1);
      round < WAITS ? want_mutex() : want_rw_mutex();
      turn++;
    }
  });
  for (int round = 0; round < 2 * WAITS; round++) {
    round < WAITS ? hold_mutex() : hold_rw_mutex();
    until(2 * round + 2);
  }
  waiter.join();
  say("capacity", CAPACITY);
  say("waits", WAITS);
  say("items", CAPACITY + 2 * WAITS);
  say("many", MANY);
  say("room", room_waited);
  say("item", item_waited);
  say("mutex", mutex_waited);
  say("rw_mutex", rw_waited);
}
