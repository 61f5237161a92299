// ctrace.h in C++: in two scopes, in a template and in a class.
#include <ctrace.h>

#include <cstdio>

template <typename Value>
Value measured(Value value) {
  ctrace::slice slice("a template's work");
  return value;
}

struct Pool {
  ctrace_queue queue = CTRACE_QUEUE("pool of C++", 4);
  void put() { ctrace_enqueue(&queue, 1); }
  void take() { ctrace_dequeue(&queue, 1); }
  ~Pool() { ctrace_queue_gone(&queue); }
};

int main() {
  Pool pool;
  for (int turn = 0; turn < 10; turn++) {
    pool.put();
    if (measured(turn) % 2 == 1) {
      pool.take();
      pool.take();
    }
  }
  std::printf("items 10\n");
}
