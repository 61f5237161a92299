// What CPython's module multiprocessing makes of semaphores, pipes and sockets.
//
// All of it is known by numbers that every process knows: a lock by the number of its semaphore, a condition
// and what is made of one by that of the semaphore which its threads wait at, a queue by that of the semaphore
// which counts its free places, and messages by that of the pipe or socket which they go through. What a
// semaphore stands for is told when it is made, and from then on by the functions that it is used in.
#include "multiprocessing.h"

#include <errno.h>

#include "files.h"
#include "python_locks.h"

// MARK: Queues

/// Python's objects that are queues, in this process: the queue that processes share, and the items that are
/// yet to be sent, which are a queue of the process's own. A new one takes the place of an old one.
enum { OBJECTS_LOG2 = 10, BUCKET = 4 };
static struct queue_object {
  uintptr_t object;
  uint64_t queue;
  uintptr_t buffer;
} objects[1 << OBJECTS_LOG2][BUCKET];

static struct queue_object *bucket_of(uintptr_t object) {
  return objects[hash_address(object) >> (64 - OBJECTS_LOG2)];
}

static const struct queue_object *find_object(uintptr_t object) {
  struct queue_object *bucket = bucket_of(object);
  for (uint32_t place = 0; object != 0 && place < BUCKET; place++)
    if (bucket[place].object == object) return &bucket[place];
  return NULL;
}

/// Both sides run with the interpreter's lock held, or in a thread that uses the queue.
static void remember(uintptr_t object, uint64_t queue, uintptr_t buffer) {
  static uint32_t replaced;
  struct queue_object *bucket = bucket_of(object), *place = &bucket[replaced % BUCKET];
  bool is_found = false;
  for (uint32_t index = 0; index < BUCKET && !is_found; index++) {
    is_found = bucket[index].object == object || bucket[index].object == 0;
    if (is_found) place = &bucket[index];
  }
  if (!is_found) replaced += 1;
  place->queue = queue;
  place->buffer = buffer;
  __atomic_store_n(&place->object, object, __ATOMIC_RELEASE);
}

static bool is_made(struct ctrace_python_object object) { return object.role == CTRACE_ROLE_MAKE; }

void queue_is(const void *object, const void *semaphore, const void *buffer, uint64_t capacity) {
  struct shared_semaphore *shared = shared_semaphore(semaphore);
  if (shared == NULL || !is_recording()) return;
  uint64_t queue = shared_key(CTRACE_PYTHON_QUEUE, shared->number);
  shared->role = CTRACE_SEMAPHORE_QUEUE;
  remember((uintptr_t)object, queue, (uintptr_t)buffer);
  if (is_made(object_in_use()))
    record_lock(CTRACE_RECORD_INIT, queue, CTRACE_PYTHON_QUEUE, 0, PYTHON_SITE);
  record_name(queue, CTRACE_PYTHON_QUEUE, capacity, NULL);
  // Where another has been before: an object says nothing when it goes.
  record_destroy((uintptr_t)buffer, CTRACE_PYTHON_QUEUE);
  record_name(any_key((uintptr_t)buffer), CTRACE_PYTHON_QUEUE, 0, "items to be sent");
}

/// The thread that sends what is in a queue's buffer runs a function whose first argument is the buffer.
static bool is_sender(struct ctrace_python_object object) {
  return object.lock_kind == CTRACE_PYTHON_QUEUE && object.role == CTRACE_ROLE_TAKE &&
         find_object((uintptr_t)object.object) == NULL;
}

static void move_item(uint8_t record_kind, uint64_t queue, uint64_t time) {
  record_items(record_kind, queue, CTRACE_PYTHON_QUEUE, 1, 0, time, PYTHON_SITE);
}

// MARK: Semaphores

bool is_part(struct shared_semaphore *semaphore) {
  if (semaphore->role == CTRACE_SEMAPHORE_ITSELF) {
    uint8_t kind = object_in_use().lock_kind;
    if (kind != 0 && kind != CTRACE_SEMAPHORE) semaphore->role = CTRACE_SEMAPHORE_PART;
  }
  return semaphore->role > CTRACE_SEMAPHORE_ITSELF;
}

void semaphore_is(const void *semaphore, uint8_t role) {
  struct shared_semaphore *shared = shared_semaphore(semaphore);
  if (shared == NULL || !is_recording()) return;
  struct ctrace_python_object object = object_in_use();
  shared->role = role;
  if (!is_made(object)) return;
  // Those of a queue are told of with the queue.
  uint8_t kind = role == CTRACE_SEMAPHORE_LOCK ? CTRACE_PYTHON_LOCK : object.lock_kind;
  if (role != CTRACE_SEMAPHORE_LOCK && kind != CTRACE_SEMAPHORE) shared->role = CTRACE_SEMAPHORE_PART;
  uint64_t lock = shared_key(kind, shared->number);
  if (kind != CTRACE_PYTHON_QUEUE) record_lock(CTRACE_RECORD_INIT, lock, kind, 0, PYTHON_SITE);
  if (kind == CTRACE_SEMAPHORE) record_value(lock, 0, semaphore_value(semaphore), now());
}

/// What a thread waits for at a semaphore that is part of something: what that is shows in its functions.
static struct awaited awaited_at_part(const struct shared_semaphore *semaphore,
                                      struct ctrace_python_object object) {
  const struct queue_object *queue = find_object((uintptr_t)object.object);
  if (queue != NULL) return (struct awaited){queue->queue, kind_of_shared(queue->queue)};
  uint8_t kind = object.lock_kind == 0 || object.lock_kind == CTRACE_PYTHON_QUEUE
                     ? CTRACE_PYTHON_CONDITION
                     : object.lock_kind;
  return (struct awaited){shared_key(kind, semaphore->number), kind};
}

/// Whoever takes items holds a lock meanwhile: others that want some wait for items.
static bool is_for_items(struct ctrace_python_object object) {
  return object.role == CTRACE_ROLE_TAKE && find_object((uintptr_t)object.object) != NULL;
}

void part_wait_begin(struct wait *wait, const struct shared_semaphore *semaphore) {
  struct ctrace_python_object object = object_in_use();
  uint64_t lock = shared_key(CTRACE_PYTHON_LOCK, semaphore->number);
  switch (semaphore->role) {
    case CTRACE_SEMAPHORE_LOCK:
      if (!is_for_items(object)) {
        wait_begin(wait, lock, CTRACE_PYTHON_LOCK, CTRACE_LOCK, shared_owner(lock), 0, PYTHON_SITE);
        break;
      }
      [[fallthrough]];
    case CTRACE_SEMAPHORE_PART: {
      struct awaited awaited = awaited_at_part(semaphore, object);
      // Whoever wakes others waits until they have woken up.
      if (object.inner_role == CTRACE_ROLE_WAKE && kind_of_shared(self.signalled) == awaited.lock_kind)
        awaited.lock = self.signalled;
      wait_begin(wait, awaited.lock, awaited.lock_kind, python_operation(object.role), 0, 0,
                 PYTHON_SITE);
      break;
    }
    default:
      wait_begin(wait, shared_key(CTRACE_PYTHON_QUEUE, semaphore->number), CTRACE_PYTHON_QUEUE,
                 CTRACE_PUT, 0, 0, PYTHON_SITE);
  }
}

void part_taken(const struct shared_semaphore *semaphore) {
  uint64_t lock = shared_key(CTRACE_PYTHON_LOCK, semaphore->number);
  if (semaphore->role == CTRACE_SEMAPHORE_LOCK) {
    set_shared_owner(lock);
    enter();
    note_acquire_slowly(lock, CTRACE_PYTHON_LOCK, 0);
  } else if (semaphore->role == CTRACE_SEMAPHORE_QUEUE) {
    // A place is given back before this, and the item is taken out after it.
    uint64_t time = now_after();
    move_item(CTRACE_RECORD_ENQUEUE, shared_key(CTRACE_PYTHON_QUEUE, semaphore->number), time);
    const struct queue_object *queue = find_object((uintptr_t)object_in_use().object);
    if (queue != NULL && queue->buffer != 0)
      move_item(CTRACE_RECORD_ENQUEUE, any_key(queue->buffer), time);
  }
}

int part_post(sem_t *semaphore, const struct shared_semaphore *shared) {
  uint64_t lock = shared_key(CTRACE_PYTHON_LOCK, shared->number), time = now();
  bool is_wanted = semaphore_has_waiters(semaphore);
  uint8_t role = shared->role;
  struct ctrace_python_object object = object_in_use();
  if (role == CTRACE_SEMAPHORE_PART && is_wanted && object.inner_role == CTRACE_ROLE_WAKE) {
    struct awaited awaited = awaited_at_part(shared, object);
    record_lock(CTRACE_RECORD_SIGNAL, awaited.lock, awaited.lock_kind, CTRACE_SIGNAL, PYTHON_SITE);
    self.signalled = awaited.lock;
  }
  int result = real.sem_post(semaphore);
  if (result != 0) return result;
  if (role == CTRACE_SEMAPHORE_LOCK) {
    python_lock_released(lock, time, is_wanted);
  } else if (role == CTRACE_SEMAPHORE_QUEUE) {
    move_item(CTRACE_RECORD_DEQUEUE, shared_key(CTRACE_PYTHON_QUEUE, shared->number), time);
    // The sender gives a place back for an item that can't be sent.
    if (is_sender(object)) move_item(CTRACE_RECORD_DEQUEUE, any_key((uintptr_t)object.object), time);
  }
  return result;
}

// MARK: Messages

/// The messages that go through a file in one direction; 0 where that is none that both ends know. Those to
/// and from one server are the same in all of its connections.
static uint64_t messages_of(int file, uint8_t operation) {
  uint64_t queue = (unsigned)file < FILES_KNOWN ? find_queue(file, operation) : 0;
  if (queue == 0) return 0;
  struct server server = server_of(file);
  if (server.requests == 0) return shared_key(CTRACE_MESSAGES, queue);
  return server.is_own == (operation == CTRACE_TAKE) ? server.requests : server.replies;
}

void message_queue_made(uint64_t number) {
  struct ctrace_python_object object = object_in_use();
  if (object.lock_kind != CTRACE_MESSAGES || !is_made(object)) return;
  uint64_t queue = shared_key(CTRACE_MESSAGES, number);
  remember((uintptr_t)object.object, queue, 0);
  record_lock(CTRACE_RECORD_INIT, queue, CTRACE_MESSAGES, 0, PYTHON_SITE);
}

void messages_are(const void *object, int file) {
  uint64_t queue = is_recording() ? messages_of(file, CTRACE_TAKE) : 0;
  if (queue != 0) remember((uintptr_t)object, queue, 0);
}

struct awaited awaited_by_python(int file, uint8_t operation) {
  // With the interpreter's lock only its signal handlers write.
  if (self.holds_gil) return (struct awaited){0, 0};
  struct ctrace_python_object object = object_in_use();
  const struct queue_object *queue;
  if (object.role != (operation == CTRACE_PUT ? CTRACE_ROLE_PUT : CTRACE_ROLE_TAKE))
    return (struct awaited){0, 0};
  if (object.lock_kind == CTRACE_MESSAGES)
    return (struct awaited){messages_of(file, operation), CTRACE_MESSAGES};
  if (object.lock_kind == CTRACE_PYTHON_QUEUE && (queue = find_object((uintptr_t)object.object)) != NULL)
    return (struct awaited){queue->queue, CTRACE_PYTHON_QUEUE};
  return (struct awaited){0, 0};
}

/// What goes through the pipe of a queue is told of by the queue.
static bool is_of_queue(struct ctrace_python_object object) {
  return object.lock_kind == CTRACE_PYTHON_QUEUE;
}

static void move_message(uint8_t record_kind, int file, uint8_t operation) {
  uint64_t queue = messages_of(file, operation);
  if (queue != 0) record_items(record_kind, queue, CTRACE_MESSAGES, 1, 0, now_after(), PYTHON_SITE);
}

/// Told before it goes, and before the events of its going: whoever gets it may be faster.
void message_goes(int file) {
  if (is_recording() && !is_of_queue(object_in_use()))
    move_message(CTRACE_RECORD_ENQUEUE, file, CTRACE_PUT);
}

void message_is_out(int file, bool is_sent) {
  struct ctrace_python_object object = object_in_use();
  if (!is_recording()) return;
  if (is_sender(object)) {
    if (is_sent) move_item(CTRACE_RECORD_DEQUEUE, any_key((uintptr_t)object.object), now());
  } else if (!is_of_queue(object) && !is_sent) {
    move_message(CTRACE_RECORD_DEQUEUE, file, CTRACE_PUT);
  }
}

void message_received(int file) {
  if (is_recording() && !is_of_queue(object_in_use()))
    move_message(CTRACE_RECORD_DEQUEUE, file, CTRACE_TAKE);
}
