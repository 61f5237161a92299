// A thread waits for an atomic that another changes after 5 ms, twenty times, and says for how long.
#include <atomic>
#include <thread>

#include "pair.h"

enum { ROUNDS = 20 };

static std::atomic<int> atomic_word;
static int64_t waited;

NAMED static void change_it() {
  pair_hold();
  atomic_word.fetch_add(1, std::memory_order_release);
  atomic_word.notify_one();
}

NAMED static void await_it() { atomic_word.wait(pair_load(&pair_wanting) / 2); }

int main() {
  std::thread waiter([] {
    pthread_setname_np(pthread_self(), "waiter");
    for (int round = 0; round < ROUNDS; round++) waited += pair_want(round, await_it);
  });
  for (int round = 0; round < ROUNDS; round++) {
    change_it();
    pair_done(round);
  }
  waiter.join();
  say("rounds", ROUNDS);
  pair_say("waited", waited);
}
