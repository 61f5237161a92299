// oneTBB's bounded queue: filled while its taker is held back, waited for when full and when empty, aborted;
// and its mutexes.
#include <oneapi/tbb/concurrent_queue.h>
#include <oneapi/tbb/mutex.h>
#include <oneapi/tbb/rw_mutex.h>

#include <thread>

#include "pair.h"

enum { CAPACITY = 50, WAITS = 10, MANY = 1500 };

typedef tbb::concurrent_bounded_queue<int> Queue;
static int64_t room_waited, item_waited, mutex_waited, rw_waited;

NAMED static void put_item(Queue &queue, int item) { queue.push(item); }

NAMED static int take_item(Queue &queue) {
  int item;
  queue.pop(item);
  return item;
}

static tbb::mutex tbb_mutex;
static tbb::rw_mutex tbb_rw_mutex;

NAMED static void want_mutex() {
  tbb_mutex.lock();
  tbb_mutex.unlock();
}

NAMED static void hold_mutex() {
  tbb_mutex.lock();
  pair_hold();
  tbb_mutex.unlock();
}

NAMED static void want_rw_mutex() {
  tbb_rw_mutex.lock_shared();
  tbb_rw_mutex.unlock_shared();
}

NAMED static void hold_rw_mutex() {
  tbb_rw_mutex.lock();
  pair_hold();
  tbb_rw_mutex.unlock();
}

static Queue *waited_for;
static void put_one() { put_item(*waited_for, 1); }
static void take_one() { take_item(*waited_for); }

/// Another thread waits for each step of this one.
template <typename Step>
static void take_turns(int first, int64_t &waited, void (*want)(), Step step) {
  std::thread other([=, &waited] {
    for (int round = first; round < first + WAITS; round++) waited += pair_want(round, want);
  });
  for (int round = first; round < first + WAITS; round++) {
    step();
    pair_done(round);
  }
  other.join();
}

NAMED static void fill_and_drain(Queue &queue) {
  queue.set_capacity(CAPACITY);
  waited_for = &queue;
  for (int item = 0; item < CAPACITY; item++) put_item(queue, item);
  CHECK(!queue.try_push(1));
  sleep_ms(50);
  // Full: a putter waits for each that is taken.
  take_turns(0, room_waited, put_one, [&] {
    pair_hold();
    take_item(queue);
  });
  pair_say("room", room_waited);
  for (int item = 0; item < CAPACITY; item++) take_item(queue);
  int item;
  CHECK(!queue.try_pop(item));
  // Empty: a taker waits for each.
  take_turns(WAITS, item_waited, take_one, [&] {
    pair_hold();
    put_item(queue, 1);
  });
  pair_say("item", item_waited);
}

static bool is_aborted;
static void take_in_vain() {
  try {
    take_item(*waited_for);
  } catch (tbb::user_abort &) {
    is_aborted = true;
  }
}

int main() {
  {
    Queue queue;
    fill_and_drain(queue);
    // A wait that is aborted leaves by an exception.
    std::thread taker([] { pair_want(2 * WAITS, take_in_vain); });
    pair_hold();
    queue.abort();
    taker.join();
    CHECK(is_aborted);
    pair_held = 0;
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
  take_turns(2 * WAITS + 1, mutex_waited, want_mutex, hold_mutex);
  pair_say("mutex", mutex_waited);
  take_turns(3 * WAITS + 1, rw_waited, want_rw_mutex, hold_rw_mutex);
  pair_say("rw_mutex", rw_waited);
  say("capacity", CAPACITY);
  say("waits", WAITS);
  say("items", CAPACITY + 2 * WAITS);
  say("many", MANY);
}
