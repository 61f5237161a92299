// A thread waits for an atomic that another changes after 5 ms, twenty times, and says for how long.
#include <atomic>
#include <semaphore>
#include <thread>

#include "workload.h"

enum { ROUNDS = 20 };

static std::atomic<int> atomic_word;
static std::atomic<int> turn;
static int64_t waited;

NAMED static void change_it(int round) {
  atomic_word.store(round, std::memory_order_release);
  atomic_word.notify_one();
}

NAMED static void await_it(int round) {
  int64_t begin = now_ns();
  atomic_word.wait(round - 1);
  waited += now_ns() - begin;
}

int main() {
  std::thread waiter([] {
    pthread_setname_np(pthread_self(), "waiter");
    for (int round = 1; round <= ROUNDS; round++) {
      turn.store(round);
      await_it(round);
    }
  });
  for (int round = 1; round <= ROUNDS; round++) {
    while (turn.load() < round) sleep_ns(50000);
    sleep_ms(5);
    change_it(round);
  }
  waiter.join();
  say("rounds", ROUNDS);
  say("waited", waited);
}
