// A thread holds a lock and does one thing meanwhile, while another waits for it; what it did is
// measured by the thread itself, so that the answer is known also on a machine that is busy.
//
//   sleep      it sleeps
//   compute    it computes
//   preempted  it computes on a CPU that another thread computes on too
//   runqueue   it sleeps, and the waiter is to run on a CPU where others compute
//   chain      it waits for a lock, whose holder waits for another, whose holder sleeps
//   many       four threads sleep in turn, each with the lock; with `free` as well: without it
#include <sched.h>
#include <sys/resource.h>

#include "workload.h"

enum { ROUNDS = 40, BURNERS = 2, SLEEPERS = 4, SLEEPS = 25 };

static pthread_mutex_t first_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t second_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t third_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t turn;
static const char *mode;
static bool is_free;
static int64_t computed, held, waited, released, latency;
static volatile bool is_over;

static int64_t cpu_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/// Time that the hypervisor has kept CPUs from this machine, in steps of a clock tick for each of them.
/// Threads are on a CPU then, and the kernel does not count it as theirs.
static int64_t stolen_ns(void) {
  FILE *file = fopen("/proc/stat", "r");
  long long ticks = 0;
  if (file != NULL) {
    if (fscanf(file, "cpu %*s %*s %*s %*s %*s %*s %*s %lld", &ticks) != 1) ticks = 0;
    fclose(file);
  }
  return ticks * (1000000000 / sysconf(_SC_CLK_TCK));
}

static bool is(const char *name) { return strcmp(mode, name) == 0; }

static void stay_on(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  OK(pthread_setaffinity_np(pthread_self(), sizeof set, &set));
}

/// The last CPU that the program may use.
static int a_cpu(void) {
  cpu_set_t set;
  OK(sched_getaffinity(0, sizeof set, &set));
  int last = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &set)) last = cpu;
  return last;
}

NAMED static void compute(int64_t nanoseconds) {
  int64_t end = cpu_ns() + nanoseconds;
  while (cpu_ns() < end) {
  }
}

static void *burn(void *cpu) {
  pthread_setname_np(pthread_self(), "burner");
  stay_on((int)(intptr_t)cpu);
  while (!is_over) compute(100000);
  return NULL;
}

NAMED static void hold_it(void) {
  OK(pthread_mutex_lock(&first_mu));
  pthread_barrier_wait(&turn);
  until_wanted(&first_mu);
  int64_t begin = now_ns(), cpu = cpu_ns();
  if (is("compute") || is("preempted"))
    compute(5000000);
  else
    sleep_ms(5);
  computed += cpu_ns() - cpu;
  released = now_ns();
  held += released - begin;
  OK(pthread_mutex_unlock(&first_mu));
  pthread_barrier_wait(&turn);
}

NAMED static void want_it(void) {
  pthread_barrier_wait(&turn);
  int64_t begin = now_ns();
  OK(pthread_mutex_lock(&first_mu));
  int64_t end = now_ns();
  OK(pthread_mutex_unlock(&first_mu));
  waited += end - begin;
  latency += end - released;
  pthread_barrier_wait(&turn);
}

static void tell(const char *who) {
  struct rusage usage;
  OK(getrusage(RUSAGE_THREAD, &usage));
  char name[64];
  snprintf(name, sizeof name, "%s_voluntary", who);
  say(name, usage.ru_nvcsw);
  snprintf(name, sizeof name, "%s_cpu", who);
  say(name, cpu_ns());
}

static void *holder(void *cpu) {
  pthread_setname_np(pthread_self(), "holder");
  if (is("preempted")) stay_on((int)(intptr_t)cpu);
  for (int round = 0; round < ROUNDS; round++) hold_it();
  tell("holder");
  return NULL;
}

static void *waiter(void *cpu) {
  pthread_setname_np(pthread_self(), "waiter");
  if (is("runqueue")) {
    stay_on((int)(intptr_t)cpu);
    // The others on that CPU go first.
    OK(setpriority(PRIO_PROCESS, (id_t)gettid(), 19));
  }
  for (int round = 0; round < ROUNDS; round++) want_it();
  tell("waiter");
  return NULL;
}

// MARK: A chain

static void *last_link(void *unused) {
  pthread_setname_np(pthread_self(), "last");
  OK(pthread_mutex_lock(&third_mu));
  pthread_barrier_wait(&turn);
  until_wanted(&third_mu);
  sleep_ms(300);
  OK(pthread_mutex_unlock(&third_mu));
  return unused;
}

static void *middle_link(void *unused) {
  pthread_setname_np(pthread_self(), "middle");
  OK(pthread_mutex_lock(&second_mu));
  pthread_barrier_wait(&turn);
  until_wanted(&second_mu);
  OK(pthread_mutex_lock(&third_mu));
  OK(pthread_mutex_unlock(&third_mu));
  OK(pthread_mutex_unlock(&second_mu));
  return unused;
}

static void *first_link(void *unused) {
  pthread_setname_np(pthread_self(), "first");
  OK(pthread_mutex_lock(&first_mu));
  pthread_barrier_wait(&turn);
  until_wanted(&first_mu);
  OK(pthread_mutex_lock(&second_mu));
  OK(pthread_mutex_unlock(&second_mu));
  OK(pthread_mutex_unlock(&first_mu));
  return unused;
}

static void *victim(void *unused) {
  pthread_setname_np(pthread_self(), "victim");
  pthread_barrier_wait(&turn);
  int64_t begin = now_ns();
  OK(pthread_mutex_lock(&first_mu));
  waited = now_ns() - begin;
  OK(pthread_mutex_unlock(&first_mu));
  return unused;
}

// MARK: Many

static void *sleeper(void *unused) {
  for (int round = 0; round < SLEEPS; round++) {
    if (!is_free) OK(pthread_mutex_lock(&first_mu));
    sleep_ms(4);
    if (!is_free) OK(pthread_mutex_unlock(&first_mu));
  }
  return unused;
}

int main(int count, char *arguments[]) {
  CHECK(count >= 2);
  mode = arguments[1];
  is_free = count > 2 && strcmp(arguments[2], "free") == 0;
  int64_t begin = now_ns(), stolen = stolen_ns();
  if (is("chain")) {
    OK(pthread_barrier_init(&turn, NULL, 4));
    pthread_t threads[] = {start(last_link, NULL), start(middle_link, NULL),
                           start(first_link, NULL), start(victim, NULL)};
    for (int index = 0; index < 4; index++) join(threads[index]);
  } else if (is("many")) {
    run_threads(SLEEPERS, sleeper);
  } else {
    OK(pthread_barrier_init(&turn, NULL, 2));
    pthread_t burners[BURNERS];
    intptr_t cpu = a_cpu();
    bool burns = is("preempted") || is("runqueue");
    for (int index = 0; burns && index < BURNERS; index++) burners[index] = start(burn, (void *)cpu);
    pthread_t one = start(holder, (void *)cpu), other = start(waiter, (void *)cpu);
    join(one);
    join(other);
    is_over = true;
    for (int index = 0; burns && index < BURNERS; index++) join(burners[index]);
  }
  say("lasted", now_ns() - begin);
  stolen = stolen_ns() - stolen;
  // What is under way is counted when it is over.
  say("stolen", stolen == 0 ? 0 : stolen + 10000000);
  say("rounds", ROUNDS);
  say("computed", computed);
  say("held", held);
  say("waited", waited);
  say("latency", latency);
}
