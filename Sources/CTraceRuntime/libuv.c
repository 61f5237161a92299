// libuv: the work that a program hands to its pool of threads. Its locks are libc's.
//
// The request itself carries the program's function and the time, in the fields that libuv keeps for itself
// and uses for no request of this sort. File and name look-ups go to the same threads by a function that is
// not exported.
#include "library.h"

typedef struct request request;
typedef void work_function(request *request);
typedef void after_function(request *request, int status);

/// uv_work_t, as every version 1 has it.
struct request {
  void *data;
  int type;
  work_function *original;
  uint64_t since;
  void *reserved[4];
  void *loop;
  work_function *work;
};
_Static_assert(offsetof(struct request, work) == 72, "as in uv.h");

/// UV_WORK.
enum { TYPE_WORK = 7 };

#define FUNCTIONS(X)                                                                           \
  X(int, uv_queue_work,                                                                        \
    (void *loop, request *request, work_function *work, after_function *after))                \
  X(int, uv_cancel, (request * request))
LIBRARY_FUNCTIONS(libuv, "libuv.so", FUNCTIONS)

/// Stands for the one pool that a process has.
static const char pool;

static void taken(uint64_t since, uint64_t time, struct site site) {
  record_items(CTRACE_RECORD_DEQUEUE, (uintptr_t)&pool, CTRACE_THREAD_POOL, 1, since, time, site);
}

/// Runs in a thread of the pool. The request is the program's again once its function is done.
static void run_work(request *request) {
  work_function *work = request->original;
  request->work = work;
  uint64_t start = is_recording() ? now_after() : 0;
  if (start != 0) taken(request->since, start, (struct site){(uintptr_t)work + 1, 0});
  work(request);
  if (start != 0) record_slice((uintptr_t)&pool, CTRACE_THREAD_POOL, 0, start);
}

exported int uv_queue_work(void *loop, request *request, work_function *work,
                           after_function *after) {
  if (work == NULL || request == NULL || !is_recording())
    return REAL_OF(libuv, uv_queue_work, THIS_SITE)(loop, request, work, after);
  record_name((uintptr_t)&pool, CTRACE_THREAD_POOL, 0, "libuv work");
  uint64_t time = now();
  request->original = work;
  request->since = time;
  // Before the work can begin, and the request be gone.
  record_items(CTRACE_RECORD_ENQUEUE, (uintptr_t)&pool, CTRACE_THREAD_POOL, 1, 0, time, THIS_SITE);
  return REAL_OF(libuv, uv_queue_work, THIS_SITE)(loop, request, run_work, after);
}

/// Work that has not begun leaves the pool without running.
exported int uv_cancel(request *request) {
  bool is_ours = request != NULL && request->type == TYPE_WORK && request->work == run_work;
  uint64_t since = is_ours ? request->since : 0;
  int result = REAL_OF(libuv, uv_cancel, THIS_SITE)(request);
  if (result == 0 && is_ours && is_recording()) taken(since, now_after(), THIS_SITE);
  return result;
}
