// Locks that are waited for and released below frames of every shape, one lock for each.
#include "workload.h"

static sem_t held, done;

/// Keeps a call from being the last thing that a function does.
#define AND_RETURN(call) \
  do {                   \
    int depth = (call);  \
    return depth + 1;    \
  } while (0)

static pthread_mutex_t *wanted_mu;

NAMED static int want(void) {
  OK(pthread_mutex_lock(wanted_mu));
  OK(pthread_mutex_unlock(wanted_mu));
  return 0;
}

// Twenty calls.
static pthread_mutex_t chain_mu = PTHREAD_MUTEX_INITIALIZER;

NAMED static int link_0(void) { AND_RETURN(want()); }
#define LINK(number, next) \
  NAMED static int link_##number(void) { AND_RETURN(link_##next()); }
LINK(1, 0) LINK(2, 1) LINK(3, 2) LINK(4, 3) LINK(5, 4) LINK(6, 5) LINK(7, 6) LINK(8, 7)
LINK(9, 8) LINK(10, 9) LINK(11, 10) LINK(12, 11) LINK(13, 12) LINK(14, 13) LINK(15, 14)
LINK(16, 15) LINK(17, 16) LINK(18, 17) LINK(19, 18)

// A frame whose size is known when it runs.
static pthread_mutex_t array_mu = PTHREAD_MUTEX_INITIALIZER;

NAMED static int in_an_array(size_t length) {
  volatile char array[length];
  array[length - 1] = 1;
  int depth = want();
  return depth + array[length - 1];
}

NAMED static int make_array(void) { AND_RETURN(in_an_array((size_t)getpid() % 100 + 1)); }

// A frame that is aligned further than the one below it.
static pthread_mutex_t aligned_mu = PTHREAD_MUTEX_INITIALIZER;

NAMED static int sum_aligned(int one, int two, int three, int four, int five, int six, int seven,
                             int eight) {
  volatile char block[64] __attribute__((aligned(128)));
  block[0] = (char)(one + two + three + four);
  int depth = want();
  volatile char array[depth + 8];
  array[0] = 1;
  return depth + block[0] + five + six + seven + eight + array[0];
}

NAMED static int align(void) { AND_RETURN(sum_aligned(0, 0, 0, 0, 0, 0, 0, 0)); }

// A callback from libc.
static pthread_mutex_t callback_mu = PTHREAD_MUTEX_INITIALIZER;
static bool is_compared;

NAMED static int compare(const void *left, const void *right) {
  if (!is_compared) want();
  is_compared = true;
  return *(const int *)left - *(const int *)right;
}

NAMED static int sort(void) {
  int values[] = {2, 1};
  qsort(values, 2, sizeof values[0], compare);
  return values[0];
}

// All registers that a function must keep.
static pthread_mutex_t registers_mu = PTHREAD_MUTEX_INITIALIZER;
static volatile int zero;

NAMED static int use_registers(void) {
  int one = zero, two = zero, three = zero, four = zero, five = zero, six = zero, seven = zero;
  want();
  want();
  return one + 2 * two + 3 * three + 4 * four + 5 * five + 6 * six + 7 * seven;
}

NAMED static int call_with_registers(void) { AND_RETURN(use_registers()); }

// A signal handler on the stack of what it interrupts.
static pthread_mutex_t handler_mu = PTHREAD_MUTEX_INITIALIZER;

NAMED static void handle(int number) {
  want();
  CHECK(number == SIGUSR1);
}

NAMED static int interrupted(void) { AND_RETURN(raise(SIGUSR1)); }

// Three ways between the same functions, the longer ones through a function that keeps a frame pointer
// in any build: by frame pointers alone they look like the shortest.
static pthread_mutex_t ways_mu = PTHREAD_MUTEX_INITIALIZER;

NAMED static int arrive(size_t length, int turn) {
  OK(pthread_mutex_lock(&ways_mu));
  OK(pthread_mutex_unlock(&ways_mu));
  (void)length, (void)turn;
  return 0;
}

NAMED static int one_way(void) { AND_RETURN(arrive(0, 0)); }
NAMED static int another_way(void) { AND_RETURN(arrive(0, 0)); }

NAMED static int detour(size_t length, int turn) {
  volatile char array[length];
  array[0] = 1;
  int depth = turn % 3 == 1 ? one_way() : another_way();
  return depth + array[0];
}

NAMED static int take_turns(void) {
  static int turn;
  int (*volatile way)(size_t, int) = turn % 3 == 0 ? arrive : detour;
  AND_RETURN(way((size_t)getpid() % 100 + 1, turn++));
}

// The other side.
NAMED static int release(pthread_mutex_t *mutex) {
  OK(pthread_mutex_unlock(mutex));
  return 0;
}

NAMED static int release_below_array(pthread_mutex_t *mutex, size_t length) {
  volatile char array[length];
  array[length - 1] = 1;
  int depth = release(mutex);
  return depth + array[length - 1];
}

static const struct {
  pthread_mutex_t *mutex;
  int (*run)(void);
} cases[] = {
    {&chain_mu, link_19},          {&array_mu, make_array}, {&aligned_mu, align},
    {&callback_mu, sort},          {&registers_mu, call_with_registers},
    {&handler_mu, interrupted},    {&ways_mu, take_turns},  {&ways_mu, take_turns},
    {&ways_mu, take_turns},        {&ways_mu, take_turns},  {&ways_mu, take_turns},
    {&ways_mu, take_turns},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static void *wait_for_all(void *unused) {
  for (int index = 0; index < CASES; index++) {
    OK(sem_wait(&held));
    wanted_mu = cases[index].mutex;
    cases[index].run();
    OK(sem_post(&done));
  }
  return unused;
}

int main(void) {
  OK(sem_init(&held, 0, 0));
  OK(sem_init(&done, 0, 0));
  CHECK(signal(SIGUSR1, handle) != SIG_ERR);
  pthread_t thread = start(wait_for_all, NULL);
  for (int index = 0; index < CASES; index++) {
    OK(pthread_mutex_lock(cases[index].mutex));
    OK(sem_post(&held));
    until_wanted(cases[index].mutex);
    sleep_ms(2);
    CHECK(release_below_array(cases[index].mutex, (size_t)getpid() % 100 + 1) == 1);
    OK(sem_wait(&done));
  }
  join(thread);
  say("cases", CASES);
}
