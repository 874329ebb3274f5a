/* Memory behind the allocations of the Swift runtime, which ends the process where malloc() gives none.
 * CMakeLists.txt has the linker send the library's calls of malloc() and its like here (allocations.c), and what the
 * system refuses comes from the call's own block, which the door has had since before anything was written; or,
 * outside of such calls, from some memory of the library. What lies there can be freed at any time, by any thread.
 *
 * Rarely used, so made as simple as possible: one lock, chunks from the bottom up, freed ones kept by size. */
#define _GNU_SOURCE 1
#include "reserve.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../CPrimitives/reserve.h"

void *__real_malloc(size_t size);
void __real_free(void *memory);

/* Sizes of chunks: multiples of 16 up to 1024, and above four to each power of two. */
enum { ALIGNMENT = 16, SMALL = 64, CLASSES = SMALL + 4 * 32, NOT_REUSED = CLASSES };
/* Blocks of more bytes than this are mapped: of what stays used, only the pages in use are kept. */
enum { MAPPED = 1 << 18 };
/* For threads without a call's block: libdispatch's own allocations, and those of small calls that look something
 * up. */
enum { COMMON = 1 << 18 };

/* In front of each piece of memory that is given out. */
typedef struct chunk {
  uint64_t size; /* of the memory behind it */
  uint32_t class;
  uint32_t unused;
} chunk;

typedef struct block {
  struct block *next;
  unsigned char *top, *end;
  size_t held; /* chunks that are in use */
  size_t mapped; /* bytes; 0: of malloc() */
  int closed;
  void *freed[CLASSES]; /* lists through the first word of what is given out */
} block;

/* The block begins where the memory does, once something is drawn: until then nothing is written there. */
struct swiftrnn_reserve {
  unsigned char *memory;
  size_t size, mapped, lacking;
  int drawn;
};

_Static_assert(sizeof(chunk) == ALIGNMENT, "what lies behind a chunk is aligned");

/* All zeros in the file: its borders are set when something is first drawn. */
static union {
  block block;
  unsigned char bytes[COMMON];
} common;
/* All blocks that something was drawn from. */
static block *blocks = &common.block;
/* Chunks in use, of all blocks, and where these are: free() looks here first. */
static atomic_size_t held;
static atomic_uintptr_t lowest = UINTPTR_MAX, highest;
static atomic_flag busy = ATOMIC_FLAG_INIT;

/* Thread-local memory of a library that was loaded by dlopen() is allocated at a thread's first use, by the dynamic
 * linker, which ends the process where there is none. Where a library has a relocation by TLSDESC, the dynamic
 * linker gives it a place in every thread's static memory if there is room. On x86-64 compilers do not make one by
 * themselves. */
static _Thread_local swiftrnn_reserve own __asm__("swiftrnn_thread_reserve");
static _Thread_local swiftrnn_reserve *current;
#if defined(__x86_64__)
__attribute__((used)) static void never_called(void) {
  __asm__ volatile("leaq swiftrnn_thread_reserve@TLSDESC(%%rip), %%rax\n\t"
                   "call *swiftrnn_thread_reserve@TLSCALL(%%rax)"
                   :
                   : "m"(own)
                   : "rax", "cc", "memory");
}
#endif

static void lock(void) {
  while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire)) sched_yield();
}

static void unlock(void) { atomic_flag_clear_explicit(&busy, memory_order_release); }

/* A child of fork() finds the lock open. */
__attribute__((constructor)) static void watch_forks(void) { (void)pthread_atfork(lock, unlock, unlock); }

/* ==== Blocks, under the lock ======================================================================================*/

/* Rounds a size up, and says of which class it is. */
static uint32_t class_of(size_t *size) {
  if (*size <= SMALL * ALIGNMENT) {
    const size_t units = *size == 0 ? 1 : (*size + ALIGNMENT - 1) / ALIGNMENT;
    *size = units * ALIGNMENT;
    return (uint32_t)units - 1;
  }
  const unsigned power = 63 - (unsigned)__builtin_clzll(*size - 1); /* 10 or more */
  const size_t step = (size_t)1 << (power - 2), quarter = (*size - 1) / step;
  *size = (quarter + 1) * step;
  return (uint32_t)(SMALL + 4 * (power - 10) + quarter - 4);
}

static void *draw_from(block *b, size_t size, size_t alignment) {
  if (size > (size_t)1 << 40) return NULL;
  uint32_t class = class_of(&size);
  unsigned char *memory = NULL;
  if (alignment <= ALIGNMENT) {
    memory = (unsigned char *)b->freed[class];
    if (memory != NULL) b->freed[class] = *(void **)(void *)memory;
    alignment = ALIGNMENT;
  } else {
    class = NOT_REUSED;
  }
  if (memory == NULL) {
    const uintptr_t start = ((uintptr_t)b->top + sizeof(chunk) + alignment - 1) & ~(uintptr_t)(alignment - 1);
    if (start > (uintptr_t)b->end || size > (uintptr_t)b->end - start) return NULL;
    memory = b->top + (start - (uintptr_t)b->top);
    b->top = memory + size;
  }
  chunk *const head = (chunk *)(void *)memory - 1;
  head->size = size;
  head->class = class;
  b->held++;
  atomic_fetch_add_explicit(&held, 1, memory_order_relaxed);
  return memory;
}

/* The block of this thread's call, once something is drawn from it. */
static block *current_block(void) {
  swiftrnn_reserve *const r = current;
  if (r == NULL || r->memory == NULL) return NULL;
  block *const b = (block *)(void *)r->memory;
  if (!r->drawn) {
    for (size_t i = 0; i < CLASSES; i++) b->freed[i] = NULL;
    b->held = 0, b->closed = 0, b->mapped = r->mapped;
    b->top = r->memory + sizeof(block), b->end = r->memory + r->size;
    b->next = blocks, blocks = b;
    r->drawn = 1;
  }
  return b;
}

static block *common_block(void) {
  common.block.end = common.bytes + sizeof common;
  if (common.block.top == NULL) common.block.top = common.bytes + sizeof(block);
  return &common.block;
}

static block *block_of(const void *memory) {
  const unsigned char *const p = (const unsigned char *)memory;
  for (block *b = blocks; b != NULL; b = b->next) {
    if (p > (unsigned char *)b && p < b->end) return b;
  }
  return NULL;
}

static void leave_list(block *b) {
  for (block **link = &blocks; *link != NULL; link = &(*link)->next) {
    if (*link == b) {
      *link = b->next;
      return;
    }
  }
}

/* Not under the lock. */
static void dispose(void *memory, size_t mapped) {
  if (mapped > 0) {
    munmap(memory, mapped);
  } else {
    __real_free(memory);
  }
}

/* ==== For allocations.c ===========================================================================================*/

static void widen(uintptr_t from, uintptr_t to) {
  if (from < atomic_load_explicit(&lowest, memory_order_relaxed)) {
    atomic_store_explicit(&lowest, from, memory_order_relaxed);
  }
  if (to > atomic_load_explicit(&highest, memory_order_relaxed)) {
    atomic_store_explicit(&highest, to, memory_order_relaxed);
  }
}

void *reserve_draw(size_t size, size_t alignment) {
  const int error = errno;
  lock();
  if (current != NULL && current->lacking == 0) current->lacking = size == 0 ? 1 : size;
  block *const own_block = current_block();
  void *memory = own_block == NULL ? NULL : draw_from(own_block, size, alignment);
  if (memory == NULL) memory = draw_from(common_block(), size, alignment);
  if (memory != NULL) widen((uintptr_t)memory, (uintptr_t)memory);
  unlock();
  if (memory != NULL) errno = error;
  return memory;
}

/* Whether `memory` may lie in a block: a first look without the lock. Whoever has the address knows of its drawing. */
static int is_near(const void *memory) {
  return atomic_load_explicit(&held, memory_order_relaxed) > 0 &&
         (uintptr_t)memory >= atomic_load_explicit(&lowest, memory_order_relaxed) &&
         (uintptr_t)memory <= atomic_load_explicit(&highest, memory_order_relaxed);
}

size_t reserve_size(const void *memory) {
  if (!is_near(memory)) return 0;
  lock();
  const size_t size = block_of(memory) == NULL ? 0 : ((const chunk *)memory - 1)->size;
  unlock();
  return size;
}

int reserve_give_back(void *memory) {
  if (!is_near(memory)) return 0;
  lock();
  block *const b = block_of(memory);
  if (b == NULL) {
    unlock();
    return 0;
  }
  const chunk *const head = (const chunk *)memory - 1;
  if ((unsigned char *)memory + head->size == b->top && head->class != NOT_REUSED) {
    b->top = (unsigned char *)memory - sizeof(chunk);
  } else if (head->class != NOT_REUSED) {
    *(void **)memory = b->freed[head->class];
    b->freed[head->class] = memory;
  }
  b->held--;
  atomic_fetch_sub_explicit(&held, 1, memory_order_relaxed);
  const int empty = b->closed && b->held == 0;
  const size_t mapped = b->mapped;
  if (empty) leave_list(b);
  unlock();
  if (empty) dispose(b, mapped);
  return 1;
}

/* ==== For the door ================================================================================================*/

bool swiftrnn_open_reserve(size_t bytes) {
  const size_t size = bytes + sizeof(block);
  void *memory;
  size_t mapped = 0;
  if (size > MAPPED) {
    mapped = size;
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return false;
  } else {
    memory = __real_malloc(size);
    if (memory == NULL) return false;
  }
  own = (swiftrnn_reserve){.memory = (unsigned char *)memory, .size = size, .mapped = mapped};
  current = &own;
  return true;
}

void swiftrnn_close_reserve(void) {
  void *memory = own.memory;
  size_t mapped = own.mapped;
  lock();
  if (own.drawn) {
    block *const b = (block *)memory;
    if (b->held == 0) {
      leave_list(b);
    } else {
      b->closed = 1;
      memory = NULL;
      /* Of a mapped block only the pages that were used stay. */
      const size_t page = (size_t)sysconf(_SC_PAGESIZE);
      const size_t used = ((size_t)(b->top - own.memory) + page - 1) / page * page;
      if (mapped > used) {
        munmap(own.memory + used, mapped - used);
        b->mapped = used;
        b->end = own.memory + used;
      }
    }
  }
  current = NULL;
  own = (swiftrnn_reserve){0};
  unlock();
  if (memory != NULL) dispose(memory, mapped);
}

size_t swiftrnn_lacking_memory(void) { return current == NULL ? 0 : current->lacking; }

bool swiftrnn_reserve_holds(void) {
  lock();
  const bool result = own.drawn && ((const block *)(void *)own.memory)->held > 0;
  unlock();
  return result;
}

swiftrnn_reserve *swiftrnn_own_reserve(void) { return current; }

void swiftrnn_use_reserve(swiftrnn_reserve *reserve) { current = reserve; }
