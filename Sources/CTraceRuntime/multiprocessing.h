// What CPython's module multiprocessing makes of semaphores, pipes and sockets: locks, conditions and queues
// that processes share.
#ifndef CTRACE_RUNTIME_MULTIPROCESSING_H
#define CTRACE_RUNTIME_MULTIPROCESSING_H

#include "interpreter.h"
#include "shared_semaphores.h"

/// Whether a semaphore is part of something. One that another process has made shows it in its use.
bool is_part(struct shared_semaphore *semaphore);

// Of semaphores that are part of something.
void part_wait_begin(struct wait *wait, const struct shared_semaphore *semaphore);
void part_taken(const struct shared_semaphore *semaphore);
int part_post(sem_t *semaphore, const struct shared_semaphore *shared);

/// What a thread waits for; `lock` is 0 where nobody knows.
struct awaited {
  uint64_t lock;
  uint8_t lock_kind;
};
/// What a thread waits for in one of multiprocessing's functions that puts something into a file or takes
/// it out.
struct awaited awaited_by_python(int file, uint8_t operation);

/// A pipe or a pair of sockets was made, of which this number is one direction.
void message_queue_made(uint64_t number);

// What the probe is offered: see ctrace_probe_api.
void semaphore_is(const void *semaphore, uint8_t role);
void queue_is(const void *object, const void *semaphore, const void *buffer, uint64_t capacity);
void messages_are(const void *object, int file);
void message_goes(int file);
void message_is_out(int file, bool is_sent);
void message_received(int file);

#endif
