// Confines itself to reading, writing and its end, by prctl() or, with an argument, by syscall(): any other
// call of the kernel would be its last. Then it uses pipes and a file, some for the first time.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "workload.h"

enum { ROUNDS = 200, BYTES = 10 };

#define ALLOW(number)                                    \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),     \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void confine(bool calls_kernel) {
  struct sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      ALLOW(SYS_read),
      ALLOW(SYS_write),
      ALLOW(SYS_close),
      ALLOW(SYS_exit_group),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  struct sock_fprog program = {sizeof rules / sizeof rules[0], rules};
  OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  if (calls_kernel) {
    OK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
  } else {
    OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
  }
}

int main(int count, char *arguments[]) {
  (void)arguments;
  char bytes[BYTES] = "";
  int ends[2], zeros = open("/dev/zero", O_RDONLY);
  OK(pipe(ends));
  say("bytes", ROUNDS * BYTES);
  fflush(stdout);
  confine(count > 1);
  for (int round = 0; round < ROUNDS; round++) {
    GIVES(BYTES, read(zeros, bytes, BYTES));
    GIVES(BYTES, write(ends[1], bytes, BYTES));
    GIVES(BYTES, read(ends[0], bytes, BYTES));
  }
  OK(close(ends[1]));
  GIVES(0, read(ends[0], bytes, BYTES));
  OK(close(ends[0]));
  OK(close(zeros));
  _exit(0);
}
