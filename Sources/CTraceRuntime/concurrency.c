// Swift's actors: the messages that wait for one, and how long it works at them.
//
// A task that goes on at an actor calls swift_task_switch() with what is to be resumed there: at once, or
// when the actor has done what came before. In its place an item of ours is resumed. It is the frame of an
// asynchronous function with nothing in it but the way back, and is left by going back.
//
// What the runtime sends to an executor that is no actor comes to libdispatch: see dispatch.c.
#include "dispatch.h"

#include "library.h"
#include "pool.h"

#define swift_async __attribute__((swiftasynccall))
#define async_context __attribute__((swift_async_context))
#define swift_call __attribute__((swiftcall))

typedef swift_async void (*resume_function)(async_context void *context);

#define CONCURRENCY_FUNCTIONS(X)                                                                \
  X(swift_async void, swift_task_switch,                                                        \
    (async_context void *context, resume_function resume, void *executor, uintptr_t witnesses)) \
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
  record_slice(work.actor, CTRACE_ACTOR, work.start);
  work.actor = 0;
}

/// Resumed in place of a task that comes to an actor.
static swift_async void arrive(async_context void *context) {
  struct item *item = context;
  void *caller = item->argument;
  resume_function resume = (resume_function)(void *)item->function;
  uintptr_t actor = item->queue;
  uint64_t since = item->since, start = arena.base != NULL ? now() : 0;
  forget(item);
  leave_actor();
  record_items(CTRACE_RECORD_DEQUEUE, actor, CTRACE_ACTOR, 1, since, start,
               (struct site){(uintptr_t)resume + 1, 0});
  // In a thread that runs jobs of its own accord nobody would tell the end.
  if (items_at_work > 0) {
    work.actor = actor;
    work.start = start;
  }
  __attribute__((musttail)) return resume(caller);
}

/// Puts a message into an actor's queue; NULL where it has to go in as it is.
static noinline struct item *send(void *context, resume_function resume, void *actor) {
  struct item *item = remember();
  if (item == NULL) return NULL;
  item->argument = context;
  item->function = (void (*)(void *))(void *)resume;
  item->queue = (uintptr_t)actor;
  const char *name = class_name(actor);
  if (name != NULL) record_name(item->queue, CTRACE_ACTOR, 0, name);
  item->since = now();
  record_items(CTRACE_RECORD_ENQUEUE, item->queue, CTRACE_ACTOR, 1, 0, item->since,
               (struct site){(uintptr_t)resume + 1, 0});
  return item;
}

exported swift_async void swift_task_switch(async_context void *context, resume_function resume,
                                            void *executor, uintptr_t witnesses) {
  type_of_swift_task_switch real_switch = REAL_OF(concurrency, swift_task_switch, THIS_SITE);
  leave_actor();
  // An executor without witnesses is an actor that has its queue from the runtime.
  if (executor != NULL && witnesses == 0 && is_recording()) {
    struct item *item = send(context, resume, executor);
    if (likely(item != NULL)) {
      context = item;
      resume = arrive;
    }
  }
  __attribute__((musttail)) return real_switch(context, resume, executor, witnesses);
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
