/* The program's own malloc() and its like, mmap(), locks and threads, before the system's: they count, and can refuse.
 * Included once. The library's calls come here too. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_ALLOCATOR_H
#define SWIFTRNN_TEST_ALLOCATOR_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __cplusplus
#define NOEXCEPT noexcept
extern "C" {
#else
#define NOEXCEPT
#endif

/* glibc's own names for its allocator. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

/* While `watching` is 1, allocations are numbered from 1: number `failing` is refused, with `failing_on` all behind
 * it, or, if that is SOME, every third or so. */
enum { SOME = 2 };
static volatile int watching, failing_on;
static volatile long failing;
static long allocations, frees, locks;
/* At any time: pieces of memory that are in use, and bytes that are mapped. */
static long pieces_alive, bytes_mapped;
/* Bytes since `watching`, of malloc() and its like: all that were asked for, those in use, and the most of these. */
static long bytes_asked, bytes_alive, bytes_most;

static inline void watch(long fail, int on) {
  allocations = frees = locks = 0;
  bytes_asked = bytes_alive = bytes_most = 0;
  failing = fail, failing_on = on;
  watching = 1;
}

/** What was counted is left. */
static inline void unwatch(void) { watching = 0; }

static inline int refused_here(void) {
  if (!watching) return 0;
  const long number = __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
  const long first = failing;
  if (failing_on == SOME) return (number * 2654435761u >> 16) % 3 == 0;
  return first > 0 && (number == first || (failing_on && number > first));
}

static inline void *given(void *memory) {
  if (memory == NULL) return NULL;
  __atomic_add_fetch(&pieces_alive, 1, __ATOMIC_RELAXED);
  if (watching) {
    const long size = (long)malloc_usable_size(memory);
    __atomic_add_fetch(&bytes_asked, size, __ATOMIC_RELAXED);
    const long now = __atomic_add_fetch(&bytes_alive, size, __ATOMIC_RELAXED);
    if (now > bytes_most) bytes_most = now;
  }
  return memory;
}

static inline void taken(void *memory) {
  if (memory == NULL) return;
  __atomic_sub_fetch(&pieces_alive, 1, __ATOMIC_RELAXED);
  if (!watching) return;
  __atomic_add_fetch(&frees, 1, __ATOMIC_RELAXED);
  __atomic_sub_fetch(&bytes_alive, (long)malloc_usable_size(memory), __ATOMIC_RELAXED);
}

static inline void *refusal(void) {
  errno = ENOMEM;
  return NULL;
}

void *malloc(size_t size) NOEXCEPT { return refused_here() ? refusal() : given(__libc_malloc(size)); }

void *calloc(size_t count, size_t size) NOEXCEPT {
  return refused_here() ? refusal() : given(__libc_calloc(count, size));
}

void *realloc(void *memory, size_t size) NOEXCEPT {
  if (refused_here()) return refusal();
  const long before = watching && memory != NULL ? (long)malloc_usable_size(memory) : 0;
  void *const other = __libc_realloc(memory, size);
  if (other == NULL) return NULL;
  if (before > 0) __atomic_sub_fetch(&bytes_alive, before, __ATOMIC_RELAXED);
  if (memory != NULL) __atomic_sub_fetch(&pieces_alive, 1, __ATOMIC_RELAXED);
  return given(other);
}

void *memalign(size_t alignment, size_t size) NOEXCEPT {
  return refused_here() ? refusal() : given(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size) NOEXCEPT {
  return refused_here() ? refusal() : given(__libc_memalign(alignment, size));
}

int posix_memalign(void **memory, size_t alignment, size_t size) NOEXCEPT {
  void *result = refused_here() ? NULL : given(__libc_memalign(alignment, size));
  if (result == NULL) return ENOMEM;
  *memory = result;
  return 0;
}

void free(void *memory) NOEXCEPT {
  taken(memory);
  __libc_free(memory);
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) NOEXCEPT {
  if (refused_here()) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  void *const memory = (void *)syscall(SYS_mmap, address, size, protection, flags, file, offset);
  if (memory != MAP_FAILED) __atomic_add_fetch(&bytes_mapped, (long)size, __ATOMIC_RELAXED);
  return memory;
}

int munmap(void *memory, size_t size) NOEXCEPT {
  __atomic_sub_fetch(&bytes_mapped, (long)size, __ATOMIC_RELAXED);
  return (int)syscall(SYS_munmap, memory, size);
}

/* The next definition of a function, found once, before anything is watched. */
#define NEXT(type, name)                                       \
  static type next;                                            \
  if (next == NULL) {                                          \
    void *const found = dlsym(RTLD_NEXT, name);                \
    memcpy(&next, &found, sizeof next);                        \
  }

typedef int (*lock_function)(pthread_mutex_t *);

int pthread_mutex_lock(pthread_mutex_t *mutex) NOEXCEPT {
  NEXT(lock_function, "pthread_mutex_lock")
  locks += watching;
  return next(mutex);
}

typedef int (*wait_function)(pthread_cond_t *, pthread_mutex_t *);

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
  NEXT(wait_function, "pthread_cond_wait")
  locks += watching;
  return next(condition, mutex);
}

typedef int (*create_function)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument) NOEXCEPT {
  NEXT(create_function, "pthread_create")
  locks += watching;
  return refused_here() ? EAGAIN : next(thread, attributes, start, argument);
}

#ifdef __cplusplus
}
#endif

#endif
