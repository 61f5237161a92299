// Finding CPython in the process, and what its probe is offered.
#include "interpreter.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "counts.h"
#include "library.h"
#include "multiprocessing.h"

struct interpreter interpreter;

// MARK: The search

/// The module that an address lies in; empty where none is known.
static struct range module_of(uintptr_t address) {
  struct dl_find_object found;
  if (_dl_find_object == NULL || _dl_find_object((void *)address, &found) != 0)
    return (struct range){0, 0};
  return (struct range){(uintptr_t)found.dlfo_map_start,
                        (uintptr_t)found.dlfo_map_end - (uintptr_t)found.dlfo_map_start};
}

void find_interpreter(void) {
  int saved_errno = errno;
  struct symbol state = {.name = "_PyRuntime"}, evaluation = {.name = "_PyEval_EvalFrameDefault"};
  if (find_symbol(&state) && find_symbol(&evaluation)) {
    interpreter.evaluation = (struct range){evaluation.address, evaluation.size};
    interpreter.module = module_of(evaluation.address);
    interpreter.state = (struct range){state.address, state.size};
  }
  errno = saved_errno;
}

void record_note(const char *text) {
  if (!is_recording()) return;
  if (self.wait_ended) flush_wait(0);
  enter();
  struct ctrace_record head = {0};
  write_text(CTRACE_RECORD_NOTE, now(), &head, sizeof head, text, strlen(text));
  leave();
}

// MARK: The probe's records

static bool is_recorded(void) { return is_recording(); }
static uint64_t present(void) { return now(); }
static uint64_t present_after(void) { return now_after(); }

static uint64_t units(uint64_t nanoseconds) {
  // The recorder has said how many units of the clock a window of values has.
  return (uint64_t)((unsigned __int128)nanoseconds * arena.control->value_window /
                    CTRACE_VALUE_WINDOW_NANOSECONDS);
}

static uint64_t key_of_object(const void *object) { return any_key((uintptr_t)object); }

static void items(uint8_t record_kind, uint64_t key, uint8_t lock_kind, uint64_t count,
                  uint64_t since, uint64_t time) {
  record_items(record_kind, key, lock_kind, count, since, time, PYTHON_SITE);
}

static void init(const void *object, uint8_t lock_kind) {
  if (is_recording())
    record_lock(CTRACE_RECORD_INIT, (uintptr_t)object, lock_kind, 0, PYTHON_SITE);
}

static void gone(const void *object, uint8_t lock_kind) {
  if (is_recording()) record_destroy((uintptr_t)object, lock_kind);
}

static void acquired(const void *object, uint8_t lock_kind) {
  if (is_recording()) note_acquire((uintptr_t)object, lock_kind, (struct site){(uintptr_t)object, 0});
}

static void released(const void *object, uint8_t lock_kind) {
  if (is_recording()) note_wake((uintptr_t)object, lock_kind, (struct site){(uintptr_t)object, 0});
}

/// Writes what a task did until now; returns when that is.
static uint64_t write_task(uint8_t record_kind, uint64_t key, uint8_t lock_kind, uint8_t operation,
                           uint8_t outcome, uint64_t task, uint64_t start, uint8_t stack) {
  uint64_t time = now();
  struct ctrace_record_task *record = reserve_record(record_kind, sizeof *record / 8, time);
  if (record == NULL) return time;
  record->head.lock_kind = lock_kind;
  record->head.operation = operation;
  record->head.outcome = outcome;
  record->head.stack = stack;
  record->start = start;
  record->key = key;
  record->task = task;
  commit_record(record);
  return time;
}

static uint64_t step(uint64_t label, uint8_t lock_kind, uint64_t task, uint64_t start) {
  if (!is_recording()) return 0;
  if (self.wait_ended) flush_wait(0);
  enter();
  uint64_t time = write_task(CTRACE_RECORD_STEP, label, lock_kind, 0, 0, task, start, 0);
  leave();
  return time;
}

static void task_wait(uint64_t key, uint8_t lock_kind, uint8_t operation, uint8_t outcome,
                      uint64_t task, uint64_t start, const uint64_t *frames, uint32_t frame_count) {
  if (!is_recording()) return;
  if (self.wait_ended) flush_wait(0);
  enter();
  uint8_t stack = self.slot->pending.state == 1 ? 0
                  : frames != NULL              ? stack_of(frames, frame_count)
                                                : capture_stack(PYTHON_SITE);
  write_task(CTRACE_RECORD_TASK_WAIT, key, lock_kind, operation, outcome, task, start, stack);
  leave();
}

static void task_release(uint64_t key, uint8_t lock_kind, uint64_t task, uint64_t start) {
  if (!is_recording()) return;
  if (self.wait_ended) flush_wait(0);
  enter();
  uint8_t stack = self.slot->pending.state != 1 ? capture_stack(PYTHON_SITE) : 0;
  write_task(CTRACE_RECORD_TASK_RELEASE, key, lock_kind, 0, 0, task, start, stack);
  leave();
}

static void thread_name(const char *name, bool is_daemon) {
  if (!is_recording()) return;
  if (self.wait_ended) flush_wait(0);
  enter();
  struct ctrace_record_name head = {.capacity = is_daemon, .size = strlen(name)};
  write_text(CTRACE_RECORD_THREAD_NAME, now(), &head, sizeof head, name, head.size);
  leave();
}

static void process_name(const char *name) {
  if (!is_recording()) return;
  if (self.wait_ended) flush_wait(0);
  enter();
  struct ctrace_record head = {0};
  write_text(CTRACE_RECORD_PROCESS_NAME, now(), &head, sizeof head, name, strlen(name));
  leave();
}

static void thread_begins(const void *object) {
  int64_t *known = is_recording() ? count_of((uintptr_t)object) : NULL;
  if (known != NULL) *known = (int64_t)self.slot->handle;
}

static void thread_is_gone(const void *object) { forget_count((uintptr_t)object); }

static void set_stack_switcher(const void *function) {
  interpreter.switcher = module_of((uintptr_t)function);
}

/// What is called when the interpreter has made a lock, or ended one.
static void (*at_locks)(void);

static void call_at_locks(void (*function)(void)) { at_locks = function; }

void interpreter_turn(void) {
  if (likely(at_locks == NULL) || !self.holds_gil) return;
  int saved_errno = errno;
  at_locks();
  errno = saved_errno;
}

static struct ctrace_probe_api api = {
    .size = sizeof api,
    .layout_size = sizeof(struct ctrace_python_layout),
    .is_recording = is_recorded,
    .now = present,
    .now_after = present_after,
    .units = units,
    .call_at_locks = call_at_locks,
    .read_frames = read_python_frames,
    .set_layout = set_python_layout,
    .set_stack_switcher = set_stack_switcher,
    .mark_code = mark_python_code,
    .place = python_place,
    .object_in_use = object_in_use,
    .enter_object = enter_object,
    .key = key_of_object,
    .label = label_of_kind,
    .items = items,
    .depth = record_depth,
    .init = init,
    .gone = gone,
    .name = record_name,
    .acquired = acquired,
    .released = released,
    .step = step,
    .task_wait = task_wait,
    .task_release = task_release,
    .note = record_note,
    .thread_name = thread_name,
    .thread_begins = thread_begins,
    .thread_is_gone = thread_is_gone,
    .process_name = process_name,
    .semaphore_is = semaphore_is,
    .queue_is = queue_is,
    .messages_are = messages_are,
    .message_goes = message_goes,
    .message_is_out = message_is_out,
    .message_received = message_received,
};

void load_probe(const char *runtime_path) {
  if (interpreter.state.size == 0) return;
  char path[PATH_MAX];
  const char *slash = strrchr(runtime_path, '/');
  size_t folder = slash == NULL ? 0 : (size_t)(slash - runtime_path) + 1;
  if (folder + sizeof CTRACE_PROBE_FILE > sizeof path) return;
  memcpy(path, runtime_path, folder);
  memcpy(path + folder, CTRACE_PROBE_FILE, sizeof CTRACE_PROBE_FILE);
  int saved_errno = errno;
  void *probe = real.dlopen(path, RTLD_LAZY | RTLD_LOCAL);
  ctrace_probe_start_function start =
      probe == NULL ? NULL : (ctrace_probe_start_function)dlsym(probe, CTRACE_PROBE_START);
  api.state = (void *)interpreter.state.start;
  api.state_size = interpreter.state.size;
  if (start != NULL) interpreter.probe = module_of((uintptr_t)start);
  if (start == NULL)
    record_note("the probe for Python, " CTRACE_PROBE_FILE
                ", can't be loaded from ctrace's folder: of Python code nothing is recorded but the "
                "GIL.");
  else if (!start(&api))
    record_note("the probe for Python, " CTRACE_PROBE_FILE
                ", is of another build of ctrace: install ctrace again. Of Python code nothing is recorded "
                "but the GIL.");
  errno = saved_errno;
}
