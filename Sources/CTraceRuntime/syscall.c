// Calls of the kernel that programs make by libc's syscall(): futexes, of which the locks of Rust, Swift
// and glib and the atomic waits of C++20 are made, and the question of ctrace.h.
#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "api.h"
#include "runtime.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

/// The arguments of a call, in their order.
struct arguments {
  long values[6];
};

static long call(long number, const struct arguments *arguments) {
  const long *v = arguments->values;
#if defined(__x86_64__)
  register long fourth __asm__("r10") = v[3];
  register long fifth __asm__("r8") = v[4];
  register long sixth __asm__("r9") = v[5];
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"(number), "D"(v[0]), "S"(v[1]), "d"(v[2]), "r"(fourth), "r"(fifth), "r"(sixth)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = v[0];
  register long x1 __asm__("x1") = v[1];
  register long x2 __asm__("x2") = v[2];
  register long x3 __asm__("x3") = v[3];
  register long x4 __asm__("x4") = v[4];
  register long x5 __asm__("x5") = v[5];
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
#else
#error "a processor that the runtime does not know"
#endif
}

// MARK: Futexes

static uint8_t futex_outcome(long result) {
  return result == 0              ? CTRACE_ACQUIRED
         : result == -ETIMEDOUT   ? CTRACE_TIMED_OUT
                                  : CTRACE_FAILED;
}

/// The thread whose number a lock's word bears. The kernel is to say first, by a wait that is over at
/// once, that there is a word: a call with a wrong address must fail as it does untraced.
static uint32_t owner_of(const uint32_t *word) {
  const struct timespec none = {0};
  struct arguments probe = {{(long)word, FUTEX_WAIT_PRIVATE, 0, (long)&none}};
  long result = call(SYS_futex, &probe);
  if (result != -EAGAIN && result != -ETIMEDOUT) return 0;
  return __atomic_load_n(word, __ATOMIC_RELAXED) & FUTEX_TID_MASK;
}

/// A wait at a word; of one that locks it, the word says who has it. What a futex is besides, the recorder
/// finds out by the functions on the stack.
static long wait_at(const struct arguments *arguments, bool locks, struct site site) {
  const uint32_t *word = (const uint32_t *)arguments->values[0];
  struct wait wait = {.is_always_recorded = true};
  wait_begin(&wait, (uintptr_t)word, CTRACE_FUTEX, locks ? CTRACE_LOCK : CTRACE_WAIT,
             locks ? owner_of(word) : 0, 0, site);
  long result = call(SYS_futex, arguments);
  // The word was not as the caller thought: it did not wait.
  if (result == -EAGAIN || result == -EFAULT || result == -EINVAL || result == -ENOSYS)
    wait_abandon(&wait);
  else
    wait_end(&wait, futex_outcome(result));
  if (locks && result == 0 && is_recording()) note_acquire((uintptr_t)word, CTRACE_FUTEX, site);
  return result;
}

/// Wakes others, which may go on before this call returns: stamped before it.
static long wake_at(const struct arguments *arguments, bool unlocks, struct site site) {
  uint64_t time = is_recording() ? now() : 0;
  long result = call(SYS_futex, arguments);
  bool has_woken = unlocks ? result == 0 : result > 0;
  if (has_woken && time != 0 && is_recording())
    record_release((uintptr_t)arguments->values[0], CTRACE_FUTEX,
                   unlocks ? CTRACE_LOCK : CTRACE_SIGNAL, 0, time, site);
  return result;
}

static long futex(const struct arguments *arguments, struct site site) {
  switch (arguments->values[1] & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET: return wait_at(arguments, false, site);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2: return wait_at(arguments, true, site);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
    case FUTEX_WAKE_OP:
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE: return wake_at(arguments, false, site);
    case FUTEX_UNLOCK_PI: return wake_at(arguments, true, site);
    default: return call(SYS_futex, arguments);
  }
}

// MARK: Confinement

bool is_confined;

/// From here on the kernel may end the process for a call that the program itself never makes.
exported int prctl(int option, ...) {
  unsigned long values[4];
  va_list list;
  va_start(list, option);
  // Absent arguments are read as whatever is there, and passed on to be ignored.
  for (int index = 0; index < 4; index++) values[index] = va_arg(list, unsigned long);
  va_end(list);
  if (option == PR_SET_SECCOMP) is_confined = true;
  return real.prctl(option, values[0], values[1], values[2], values[3]);
}

// MARK: The hook

__attribute__((used, visibility("hidden"))) long ctrace_syscall_failed(long result) {
  errno = (int)-result;
  return -1;
}

/// The three calls that are looked at; all others do not come here.
__attribute__((used, visibility("hidden"))) long ctrace_hooked_syscall(long number, long first,
                                                                      long second, long third,
                                                                      long fourth, long fifth,
                                                                      long sixth) {
  struct arguments arguments = {{first, second, third, fourth, fifth, sixth}};
  int saved_errno = errno;
  long result;
  if (number == SYS_getpid && first == CTRACE_QUESTION_1 && second == CTRACE_QUESTION_2) {
    answer_question((void *)third);
    result = call(number, &arguments);
  } else if (number == SYS_seccomp) {
    is_confined = true;
    result = call(number, &arguments);
  } else if (number == SYS_futex && is_recording()) {
    result = futex(&arguments, THIS_SITE);
  } else {
    result = call(number, &arguments);
  }
  errno = saved_errno;
  return result < 0 && result >= -4095 ? ctrace_syscall_failed(result) : result;
}

// As libc has it, without a frame: a call of clone or vfork returns twice from here.
#if defined(__x86_64__)
_Static_assert(SYS_futex == 202 && SYS_getpid == 39 && SYS_seccomp == 317,
               "as in the code below");
__asm__(
    ".text\n"
    ".globl syscall\n"
    ".type syscall, @function\n"
    "syscall:\n"
    ".cfi_startproc\n"
    "  cmpq $202, %rdi\n"
    "  je ctrace_hooked_syscall\n"
    "  cmpq $39, %rdi\n"
    "  je ctrace_hooked_syscall\n"
    "  cmpq $317, %rdi\n"
    "  je ctrace_hooked_syscall\n"
    "  movq %rdi, %rax\n"
    "  movq %rsi, %rdi\n"
    "  movq %rdx, %rsi\n"
    "  movq %rcx, %rdx\n"
    "  movq %r8, %r10\n"
    "  movq %r9, %r8\n"
    "  movq 8(%rsp), %r9\n"
    "  syscall\n"
    "  cmpq $-4095, %rax\n"
    "  jae 1f\n"
    "  ret\n"
    "1: movq %rax, %rdi\n"
    "  jmp ctrace_syscall_failed\n"
    ".cfi_endproc\n"
    ".size syscall, .-syscall\n");
#elif defined(__aarch64__)
_Static_assert(SYS_futex == 98 && SYS_getpid == 172 && SYS_seccomp == 277,
               "as in the code below");
__asm__(
    ".text\n"
    ".globl syscall\n"
    ".type syscall, %function\n"
    "syscall:\n"
    ".cfi_startproc\n"
    "  hint #34\n"
    "  cmp x0, #98\n"
    "  b.eq ctrace_hooked_syscall\n"
    "  cmp x0, #172\n"
    "  b.eq ctrace_hooked_syscall\n"
    "  cmp x0, #277\n"
    "  b.eq ctrace_hooked_syscall\n"
    "  mov x8, x0\n"
    "  mov x0, x1\n"
    "  mov x1, x2\n"
    "  mov x2, x3\n"
    "  mov x3, x4\n"
    "  mov x4, x5\n"
    "  mov x5, x6\n"
    "  svc 0\n"
    "  cmn x0, #4095\n"
    "  b.cs ctrace_syscall_failed\n"
    "  ret\n"
    ".cfi_endproc\n"
    ".size syscall, .-syscall\n");
#endif
