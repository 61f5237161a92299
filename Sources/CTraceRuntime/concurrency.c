// Swift's actors: the messages that wait for one, and how long it works at them.
//
// A task that goes on at an actor calls swift_task_switch() with what is to be resumed there: at once, or
// when the actor has done what came before. In its place an item of ours is resumed. It is the frame of an
// asynchronous function with nothing in it but the way back, and is left by going back.
//
// A task that begins at an actor is created with that as an option. In place of its function it gets one of
// ours, of which there is one for each function that tasks were seen to begin with.
//
// What the runtime sends to an executor that is no actor comes to libdispatch: see dispatch.c.
#include "dispatch.h"

#include "library.h"
#include "pool.h"

#define swift_async __attribute__((swiftasynccall))
#define async_context __attribute__((swift_async_context))
#define swift_call __attribute__((swiftcall))

typedef swift_async void (*resume_function)(async_context void *context);
/// What a task begins with. `result` is there where it has one, and else whatever is in its place.
typedef swift_async void (*task_function)(void *result, async_context void *context,
                                          __attribute__((swift_context)) void *closure);

/// Whom a task runs at: what it is, and how it is used. Of an actor that has its queue from the runtime,
/// there is no more to know than what it is.
struct executor {
  void *identity;
  uintptr_t witnesses;
};

struct task_and_context {
  void *task;
  void *context;
};

/// An option of a new task, in a list.
struct task_option {
  uint8_t kind;
  const struct task_option *next;
  /// Of the first kind.
  struct executor executor;
};

/// A function of a task as code refers to it: where it lies from here, and the size of its frame.
struct task_code {
  int32_t distance;
  uint32_t frame_size;
};

#define CONCURRENCY_FUNCTIONS(X)                                                                \
  X(swift_async void, swift_task_switch,                                                        \
    (async_context void *context, resume_function resume, void *executor, uintptr_t witnesses)) \
  X(swift_call struct executor, swift_task_getCurrentExecutor, (void))                          \
  X(swift_call struct task_and_context, swift_task_create,                                      \
    (size_t flags, const struct task_option *options, const void *type,                         \
     const struct task_code *code, void *closure))                                              \
  X(swift_call struct task_and_context, swift_task_create_common,                               \
    (size_t flags, const struct task_option *options, const void *type, task_function function, \
     void *closure, size_t frame_size))                                                         \
  X(swift_call void, swift_defaultActor_initialize, (void *actor))                              \
  X(swift_call void, swift_defaultActor_destroy, (void *actor))
LIBRARY_FUNCTIONS(concurrency, "libswift_Concurrency.so", CONCURRENCY_FUNCTIONS)

// MARK: Names

/// The head of a class's metadata, as Swift's ABI has it where there is no Objective-C.
struct class_metadata {
  uintptr_t kind;
  void *superclass;
  uint32_t flags;
  uint32_t address_point;
  uint32_t size;
  uint16_t alignment;
  uint16_t reserved;
  uint32_t class_size;
  uint32_t class_address_point;
  const struct type_descriptor *descriptor;
};

/// What describes a type; its name lies at a distance from the field that tells it.
struct type_descriptor {
  uint32_t flags;
  int32_t parent;
  int32_t name;
};

enum { METADATA_OF_CLASS = 0, KIND_OF_DESCRIPTOR = 0x1f, DESCRIPTOR_OF_CLASS = 16 };

/// The name of an object's class; NULL where it is none that has one.
static const char *class_name(const void *object) {
  const struct class_metadata *class = *(const struct class_metadata *const *)object;
  if (class == NULL || class->kind != METADATA_OF_CLASS || class->descriptor == NULL) return NULL;
  const struct type_descriptor *type = class->descriptor;
  if ((type->flags & KIND_OF_DESCRIPTOR) != DESCRIPTOR_OF_CLASS || type->name == 0) return NULL;
  return (const char *)&type->name + type->name;
}

// MARK: Work

/// What an actor does in this thread, and since when.
static __thread struct {
  uintptr_t actor;
  uint64_t start;
} work __attribute__((tls_model("initial-exec")));

void leave_actor(void) {
  if (likely(work.actor == 0)) return;
  record_slice(work.actor, CTRACE_ACTOR, 0, work.start);
  work.actor = 0;
}

/// A message has come to an actor, which begins with it.
static void begin_work(uintptr_t actor, uint64_t since, uintptr_t code) {
  uint64_t start = arena.base != NULL ? now() : 0;
  leave_actor();
  record_items(CTRACE_RECORD_DEQUEUE, actor, CTRACE_ACTOR, 1, since, start,
               (struct site){code + 1, 0});
  // In a thread that runs jobs of its own accord nobody would tell the end.
  if (items_at_work > 0) {
    work.actor = actor;
    work.start = start;
  }
}

/// Puts a message into an actor's queue. Returns when.
static uint64_t put_message(void *actor, struct site site) {
  const char *name = class_name(actor);
  if (name != NULL) record_name((uintptr_t)actor, CTRACE_ACTOR, 0, name);
  uint64_t time = now();
  record_items(CTRACE_RECORD_ENQUEUE, (uintptr_t)actor, CTRACE_ACTOR, 1, 0, time, site);
  return time;
}

static bool is_actor(struct executor executor) {
  return executor.identity != NULL && executor.witnesses == 0;
}

// MARK: Tasks that come to an actor

/// Resumed in place of a task that comes to an actor.
static swift_async void arrive(async_context void *context) {
  struct item item = *(struct item *)context;
  forget(context);
  begin_work(item.queue, item.since, (uintptr_t)item.function);
  __attribute__((musttail)) return ((resume_function)(void *)item.function)(item.argument);
}

/// Remembers where a task is to go on; NULL where it has to go as it is.
static noinline struct item *remember_task(void *context, resume_function resume, void *actor,
                                           struct site site) {
  // It may be there already: functions of an actor see to it whenever they are entered.
  if (REAL_OF(concurrency, swift_task_getCurrentExecutor, site)().identity == actor) return NULL;
  leave_actor();
  struct item *item = remember();
  if (item == NULL) return NULL;
  item->argument = context;
  item->function = (void (*)(void *))(void *)resume;
  item->queue = (uintptr_t)actor;
  item->since = put_message(actor, (struct site){(uintptr_t)resume + 1, 0});
  return item;
}

exported swift_async void swift_task_switch(async_context void *context, resume_function resume,
                                            void *identity, uintptr_t witnesses) {
  type_of_swift_task_switch real_switch = REAL_OF(concurrency, swift_task_switch, THIS_SITE);
  if (!is_actor((struct executor){identity, witnesses})) {
    leave_actor();
  } else if (is_recording()) {
    struct item *item = remember_task(context, resume, identity, THIS_SITE);
    if (item != NULL) {
      context = item;
      resume = arrive;
    }
  }
  __attribute__((musttail)) return real_switch(context, resume, identity, witnesses);
}

// MARK: Tasks that begin at an actor

/// Functions that tasks were seen to begin with, each in a place for good.
enum { MOST_BEGINNINGS = 64 };
static task_function beginnings[MOST_BEGINNINGS];

static void begin_task(task_function function) {
  struct executor executor = REAL_OF(concurrency, swift_task_getCurrentExecutor, THIS_SITE)();
  if (is_actor(executor)) begin_work((uintptr_t)executor.identity, 0, (uintptr_t)function);
}

#define BEGINNING(place)                                                                       \
  static swift_async void begin_##place(void *result, async_context void *context,            \
                                        __attribute__((swift_context)) void *closure) {        \
    begin_task(beginnings[0##place]);                                                          \
    __attribute__((musttail)) return beginnings[0##place](result, context, closure);           \
  }
#define EIGHT(X, ten) X(ten##0) X(ten##1) X(ten##2) X(ten##3) X(ten##4) X(ten##5) X(ten##6) X(ten##7)
/// All places, in octal.
#define PLACES(X)                                                                              \
  EIGHT(X, 0) EIGHT(X, 1) EIGHT(X, 2) EIGHT(X, 3) EIGHT(X, 4) EIGHT(X, 5) EIGHT(X, 6) EIGHT(X, 7)
PLACES(BEGINNING)

#define NAME(place) begin_##place,
static const task_function stand_ins[MOST_BEGINNINGS] = {PLACES(NAME)};

/// What stands in for a function; NULL where all places are taken.
static task_function stand_in_for(task_function function) {
  for (uint32_t place = 0; place < MOST_BEGINNINGS; place++) {
    task_function found = __atomic_load_n(&beginnings[place], __ATOMIC_ACQUIRE);
    if (found == NULL && __atomic_compare_exchange_n(&beginnings[place], &found, function, false,
                                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      found = function;
    if (found == function) return stand_ins[place];
  }
  return NULL;
}

/// The actor that a new task begins at; NULL where it is none.
static void *first_actor(size_t flags, const struct task_option *options) {
  enum { IS_ENQUEUED = 1 << 12, FIRST_EXECUTOR = 0 };
  if (!(flags & IS_ENQUEUED)) return NULL;
  for (const struct task_option *option = options; option != NULL; option = option->next)
    if (option->kind == FIRST_EXECUTOR && is_actor(option->executor))
      return option->executor.identity;
  return NULL;
}

exported swift_call struct task_and_context swift_task_create(size_t flags,
                                                              const struct task_option *options,
                                                              const void *type,
                                                              const struct task_code *code,
                                                              void *closure) {
  void *actor = first_actor(flags, options);
  if (unlikely(actor != NULL) && is_recording()) {
    task_function function = (task_function)((uintptr_t)code + (uintptr_t)(intptr_t)code->distance);
    task_function stand_in = stand_in_for(function);
    type_of_swift_task_create_common create =
        REAL_OF(concurrency, swift_task_create_common, THIS_SITE);
    if (stand_in != NULL && create != NULL) {
      put_message(actor, THIS_SITE);
      return create(flags, options, type, stand_in, closure, code->frame_size);
    }
  }
  return REAL_OF(concurrency, swift_task_create, THIS_SITE)(flags, options, type, code, closure);
}

// MARK: Actors

exported swift_call void swift_defaultActor_initialize(void *actor) {
  REAL_OF(concurrency, swift_defaultActor_initialize, THIS_SITE)(actor);
  if (is_recording()) record_lock(CTRACE_RECORD_INIT, (uintptr_t)actor, CTRACE_ACTOR, 0, THIS_SITE);
}

exported swift_call void swift_defaultActor_destroy(void *actor) {
  if (is_recording()) record_destroy((uintptr_t)actor, CTRACE_ACTOR);
  REAL_OF(concurrency, swift_defaultActor_destroy, THIS_SITE)(actor);
}
