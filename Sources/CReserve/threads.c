/* Threads that libdispatch wants and that cannot be made now. It would sleep for a second and try again, for as long
 * as it takes, with its caller waiting. So it is told that the thread was made; what it wanted is kept, and is made
 * before the next call uses threads (Threads.swift). Until then calls run on their own thread: concurrentPerform()
 * waits for no thread that has not begun. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "../CPrimitives/reserve.h"

/* As many as libdispatch has at most. */
enum { MOST = 512 };

typedef struct wanted {
  const pthread_attr_t *attributes; /* of a queue, which lives for ever */
  void *(*start)(void *);
  void *argument;
} wanted;

static wanted list[MOST];
static atomic_int count;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void *__real_malloc(size_t size);
void __real_free(void *memory);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                          void *argument) {
  int error = __real_pthread_create(thread, attributes, start, argument);
  if (error == 0) return 0;
  pthread_mutex_lock(&mutex);
  const int number = atomic_load_explicit(&count, memory_order_relaxed);
  if (number < MOST) {
    list[number] = (wanted){attributes, start, argument};
    atomic_store_explicit(&count, number + 1, memory_order_relaxed);
    *thread = pthread_self();
    error = 0;
  }
  pthread_mutex_unlock(&mutex);
  return error;
}

bool swiftrnn_has_threads(void) {
  /* libdispatch keeps small pieces of memory: they had better not come from a call's reserve. */
  void *const some = __real_malloc(256);
  if (some == NULL) return false;
  __real_free(some);
  if (atomic_load_explicit(&count, memory_order_relaxed) == 0) return true;
  pthread_mutex_lock(&mutex);
  int left = atomic_load_explicit(&count, memory_order_relaxed);
  while (left > 0) {
    pthread_t thread;
    const wanted next = list[left - 1];
    if (__real_pthread_create(&thread, next.attributes, next.start, next.argument) != 0) break;
    left--;
    atomic_store_explicit(&count, left, memory_order_relaxed);
  }
  pthread_mutex_unlock(&mutex);
  return left == 0;
}
