// Walks the same stacks twice: with what the runtime does and with libgcc. A signal asks for it at
// any instruction of library code and of callbacks from it, the prologues and epilogues of functions
// included.
#include "../../Sources/CTraceRuntime/calls.c"
#include "../../Sources/CTraceRuntime/unwind.c"

#include "../../Sources/CTraceRuntime/tables.c"
#undef noinline
#include "workload.h"

#include <regex.h>
#include <sys/time.h>
#include <unwind.h>

__thread struct thread_state self;
uint32_t unloadings;

extern void *__libc_stack_end;
extern char *__cxa_demangle(const char *name, char *buffer, size_t *size, int *status);

struct expected {
  uintptr_t frames[CTRACE_MAX_FRAMES + 16];
  uint32_t count;
};

static struct {
  int64_t compared, frames, by_pointers, different, shorter;
} found;

static _Unwind_Reason_Code add_expected(struct _Unwind_Context *context, void *argument) {
  struct expected *expected = argument;
  int is_interrupted = 0;
  uintptr_t address = _Unwind_GetIPInfo(context, &is_interrupted);
  if (address == 0 || expected->count == CTRACE_MAX_FRAMES + 16) return _URC_END_OF_STACK;
  expected->frames[expected->count++] = address + (is_interrupted ? 1 : 0);
  return _URC_NO_REASON;
}

static void tell(const char *what, const struct stack *stack, const uintptr_t *expected) {
  if (found.different + found.shorter > 20) return;
  fprintf(stderr, "%s\n", what);
  for (uint32_t frame = 0; frame < stack->count; frame++)
    fprintf(stderr, "  %#lx %#lx\n", stack->frames[frame], expected[frame]);
}

static void compare(const struct stack *stack, const struct expected *expected) {
  uint32_t first = 0;
  while (first < expected->count && expected->frames[first] != stack->frames[0]) first += 1;
  uint32_t count = expected->count - first;
  if (count > CTRACE_MAX_FRAMES) count = CTRACE_MAX_FRAMES;
  found.compared += 1;
  found.frames += stack->count;
  for (uint32_t frame = 0; frame < stack->count && frame < count; frame++) {
    if (stack->frames[frame] == expected->frames[first + frame]) continue;
    found.different += 1;
    tell("different", stack, expected->frames + first);
    return;
  }
  if (stack->count != count) {
    found.shorter += 1;
    tell("shorter", stack, expected->frames + first);
  }
}

NAMED static void walk_both(void) {
  struct site site = THIS_SITE;
  struct expected expected = {.count = 0};
  _Unwind_Backtrace(add_expected, &expected);
  struct stack stack;
  walk_stack(&stack, site);
  check_stack(&stack, site);
  found.by_pointers += stack.by_pointers > 1;
  compare(&stack, &expected);
}

static void interrupted(int number) {
  (void)number;
  int saved_errno = errno;
  walk_both();
  errno = saved_errno;
}

static uint32_t random_state = 1;

static uint32_t random_number(void) { return random_state = random_state * 1664525 + 1013904223; }

static int by_value(const void *left, const void *right) {
  uint32_t one = *(const uint32_t *)left, two = *(const uint32_t *)right;
  if (random_number() % 1024 == 0) walk_both();
  return one < two ? -1 : one > two;
}

NAMED static void sort(void) {
  uint32_t values[2000];
  for (size_t index = 0; index < 2000; index++) values[index] = random_number();
  qsort(values, 2000, sizeof values[0], by_value);
}

NAMED static void match(void) {
  regex_t expression;
  OK(regcomp(&expression, "^(a+b?)+(c|d)*[x-z]{2,9}$", REG_EXTENDED));
  regexec(&expression, "aabaaabaaaaabcdcdcdcxyzzy", 0, NULL, 0);
  regfree(&expression);
}

NAMED static void print(void) {
  char text[400];
  snprintf(text, sizeof text, "%.30Lf %a %s %*d", (long double)random_number() / 7, 0.1, "text",
           20, (int)random_number());
  volatile double number = strtod(text, NULL);
  (void)number;
}

NAMED static void demangle(void) {
  int status;
  free(__cxa_demangle(
      "_ZNSt8_Rb_treeISsSt4pairIKSsSt6vectorIN5outer5innerE"
      "SaIS4_EEESt10_Select1stIS7_ESt4lessISsESaIS7_EE8_M_eraseEPSt13_Rb_tree_nodeIS7_E",
      NULL, NULL, &status));
}

NAMED static int in_an_array(uint32_t length) {
  volatile char array[length];
  array[length - 1] = 1;
  sort();
  return array[length - 1];
}

NAMED static int aligned(void) {
  volatile char block[64] __attribute__((aligned(128)));
  block[3] = 1;
  match();
  return block[3];
}

NAMED static void work(void) {
  sort();
  CHECK(in_an_array(1 + random_number() % 1000) == 1);
  CHECK(aligned() == 1);
  print();
  demangle();
}

int main(int count, char **arguments) {
  intptr_t milliseconds = count > 1 ? atoi(arguments[1]) : 1000;
  self.stack_top = (uintptr_t)__libc_stack_end;
  self.stack_bottom = self.stack_top - (1 << 20);
  // What libgcc and the loader do on first use is not for a signal handler.
  walk_both();
  work();
  struct sigaction action = {.sa_handler = interrupted, .sa_flags = SA_RESTART};
  OK(sigaction(SIGPROF, &action, NULL));
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGPROF};
  OK(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer));
  struct itimerspec interval = {{0, 100000}, {0, 100000}};
  OK(timer_settime(timer, 0, &interval, NULL));
  for (int64_t end = now_ns() + milliseconds * 1000000; now_ns() < end;) work();
  OK(timer_delete(timer));
  say("compared", found.compared);
  say("frames", found.frames);
  say("by_pointers", found.by_pointers);
  say("different", found.different);
  say("shorter", found.shorter);
}
