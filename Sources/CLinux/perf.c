#include "clinux_perf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(CLINUX_RECORD_LOST == PERF_RECORD_LOST, "the kernel's numbers");
_Static_assert(CLINUX_RECORD_COMM == PERF_RECORD_COMM, "the kernel's numbers");
_Static_assert(CLINUX_RECORD_EXIT == PERF_RECORD_EXIT, "the kernel's numbers");
_Static_assert(CLINUX_RECORD_FORK == PERF_RECORD_FORK, "the kernel's numbers");
_Static_assert(CLINUX_RECORD_SAMPLE == PERF_RECORD_SAMPLE, "the kernel's numbers");
_Static_assert(CLINUX_RECORD_SWITCH == PERF_RECORD_SWITCH, "the kernel's numbers");
_Static_assert(CLINUX_RECORD_SWITCH_CPU_WIDE == PERF_RECORD_SWITCH_CPU_WIDE,
               "the kernel's numbers");
_Static_assert(CLINUX_SWITCH_OUT == PERF_RECORD_MISC_SWITCH_OUT, "the kernel's numbers");
_Static_assert(CLINUX_SWITCH_PREEMPTED == PERF_RECORD_MISC_SWITCH_OUT_PREEMPT,
               "the kernel's numbers");
_Static_assert(CLINUX_COMM_EXEC == PERF_RECORD_MISC_COMM_EXEC, "the kernel's numbers");

/// What all events have in common: nobody is woken for each record, and each says when and who.
static struct perf_event_attr attributes(int32_t clock, uint32_t what, uint32_t wakeup_bytes) {
  struct perf_event_attr attributes = {
      .size = sizeof attributes,
      .sample_period = 1,
      .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
      .sample_id_all = 1,
      .watermark = 1,
      .wakeup_watermark = wakeup_bytes,
      .read_format = PERF_FORMAT_LOST,
      .inherit = (what & CLINUX_PERF_INHERIT) != 0,
  };
  if (clock != CLINUX_PERF_CLOCK) {
    attributes.use_clockid = 1;
    attributes.clockid = clock;
  }
  return attributes;
}

static int open_event(struct perf_event_attr *attributes, pid_t task, int cpu) {
  int event = (int)syscall(SYS_perf_event_open, attributes, task, cpu, -1, PERF_FLAG_FD_CLOEXEC);
  if (event >= 0 || errno != EINVAL || attributes->read_format == 0) return event;
  // Kernels before 6.0 tell of losses in the ring alone.
  attributes->read_format = 0;
  return (int)syscall(SYS_perf_event_open, attributes, task, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

int clinux_perf_open(pid_t task, int cpu, int32_t clock, uint32_t what, uint32_t wakeup_bytes) {
  struct perf_event_attr event = attributes(clock, what, wakeup_bytes);
  event.type = PERF_TYPE_SOFTWARE;
  event.config = PERF_COUNT_SW_DUMMY;
  // An ordinary user may not look into the kernel; a dummy has nothing there to see.
  event.exclude_kernel = 1;
  event.exclude_hv = 1;
  event.context_switch = (what & CLINUX_PERF_SWITCHES) != 0;
  event.task = event.comm = event.comm_exec = (what & CLINUX_PERF_TASKS) != 0;
  return open_event(&event, task, cpu);
}

int clinux_perf_open_tracepoint(uint64_t number, int cpu, int32_t clock, uint32_t what,
                                uint32_t wakeup_bytes) {
  struct perf_event_attr event = attributes(clock, what, wakeup_bytes);
  event.type = PERF_TYPE_TRACEPOINT;
  event.config = number;
  event.sample_type |= PERF_SAMPLE_RAW;
  if (what & CLINUX_PERF_STACKS) {
    event.sample_type |= PERF_SAMPLE_CALLCHAIN;
    event.exclude_callchain_kernel = 1;
  }
  return open_event(&event, -1, cpu);
}

int clinux_perf_redirect(int descriptor, int to) {
  return ioctl(descriptor, PERF_EVENT_IOC_SET_OUTPUT, to);
}

int clinux_perf_filter(int descriptor, const char *filter) {
  return ioctl(descriptor, PERF_EVENT_IOC_SET_FILTER, filter);
}

uint64_t clinux_perf_lost(int descriptor) {
  uint64_t values[2];
  return read(descriptor, values, sizeof values) == sizeof values ? values[1] : 0;
}

uint64_t clinux_perf_head(const void *page) {
  return __atomic_load_n(&((const struct perf_event_mmap_page *)page)->data_head,
                         __ATOMIC_ACQUIRE);
}

void clinux_perf_set_tail(void *page, uint64_t tail) {
  __atomic_store_n(&((struct perf_event_mmap_page *)page)->data_tail, tail, __ATOMIC_RELEASE);
}

int clinux_open_tracefs(void) {
  int context = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int root = -1;
  if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
    root = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
  int error = errno;
  close(context);
  errno = error;
  return root;
}
