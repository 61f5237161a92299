// Perf events about scheduling: how they are opened, and the memory the kernel hands them over in.
#ifndef CLINUX_PERF_H
#define CLINUX_PERF_H

#include <stdint.h>
#include <sys/types.h>

/// The clock of the records: perf's own, or one of clock_gettime's (`CLOCK_MONOTONIC_RAW` and the
/// like).
#define CLINUX_PERF_CLOCK (-1)

/// What is asked of an event.
enum {
  /// Switches of the task it is about, without what came before and after.
  CLINUX_PERF_SWITCHES = 1 << 0,
  /// Forks, ends and names of tasks.
  CLINUX_PERF_TASKS = 1 << 1,
  /// Children of the task too.
  CLINUX_PERF_INHERIT = 1 << 2,
  /// The user's call stack in each sample.
  CLINUX_PERF_STACKS = 1 << 3,
};

/// Opens an event on a CPU that counts nothing and tells of what `what` asks for: of one task and,
/// with CLINUX_PERF_INHERIT, its later children, or of all (`task` -1). Every record ends with the
/// sample's identification: pid, tid, time. Returns a descriptor, or -1 and errno.
int clinux_perf_open(pid_t task, int cpu, int32_t clock, uint32_t what, uint32_t wakeup_bytes);
/// Opens a tracepoint by its number, of all tasks on a CPU. Its samples have pid, tid, time, the
/// stack where asked for, and the raw record. Returns a descriptor, or -1 and errno.
int clinux_perf_open_tracepoint(uint64_t number, int cpu, int32_t clock, uint32_t what,
                                uint32_t wakeup_bytes);
/// Lets an event write to another one's ring. Returns 0, or -1 and errno.
int clinux_perf_redirect(int descriptor, int to);
/// Drops what does not pass a tracepoint's filter. Returns 0, or -1 and errno.
int clinux_perf_filter(int descriptor, const char *filter);

/// Records of an event, and of those it was inherited by, that found the ring full; 0 where the kernel
/// does not count them.
uint64_t clinux_perf_lost(int descriptor);

/// Bytes ever written to a ring whose first page this is.
uint64_t clinux_perf_head(const void *page);
/// Bytes of it that have been read.
void clinux_perf_set_tail(void *page, uint64_t tail);

/// A file system of tracepoints that is mounted nowhere: a descriptor of its root, or -1 and errno.
int clinux_open_tracefs(void);

enum {
  CLINUX_RECORD_LOST = 2,
  CLINUX_RECORD_COMM = 3,
  CLINUX_RECORD_EXIT = 4,
  CLINUX_RECORD_FORK = 7,
  CLINUX_RECORD_SAMPLE = 9,
  CLINUX_RECORD_SWITCH = 14,
  CLINUX_RECORD_SWITCH_CPU_WIDE = 15,
  /// Bits of a switch record.
  CLINUX_SWITCH_OUT = 1 << 13,
  CLINUX_SWITCH_PREEMPTED = 1 << 14,
  /// Bit of a name record: it was given by exec.
  CLINUX_COMM_EXEC = 1 << 13,
};

#endif
