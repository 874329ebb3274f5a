/* Memory for the tests whose borders are watched: one end lies flush against a page that nobody may touch, what is left
 * of the pages on the other side holds a pattern that must stay. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_MEMORY_H
#define SWIFTRNN_TEST_MEMORY_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "check.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

/** Which end of a buffer is flush against a forbidden page. */
typedef enum border { BORDER_END, BORDER_START } border;

/** `size` bytes at `data`. */
typedef struct buffer {
  const char *name;
  unsigned char *data;
  size_t size;
  /* The readable pages, between two forbidden ones, and a copy of them. */
  unsigned char *pages, *kept;
  size_t pages_size;
} buffer;

enum { CANARY = 0xa5 };

/** Ends the test where memory cannot be had: there is nothing to go on with. */
static inline void *required(void *memory) {
  if (memory == NULL || memory == MAP_FAILED) {
    fprintf(stderr, "the test itself has no memory\n");
    exit(EXIT_FAILURE);
  }
  return memory;
}

static inline buffer buffer_make(const char *name, size_t size, border flush) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  buffer b;
  b.name = name;
  b.size = size;
  b.pages_size = size == 0 ? page : (size + page - 1) / page * page;
  unsigned char *map = (unsigned char *)required(
      mmap(NULL, b.pages_size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  b.pages = map + page;
  if (mprotect(b.pages, b.pages_size, PROT_READ | PROT_WRITE) != 0) required(NULL);
  memset(b.pages, CANARY, b.pages_size);
  b.data = flush == BORDER_END ? b.pages + (b.pages_size - size) : b.pages;
  b.kept = NULL;
  return b;
}

static inline void buffer_free(buffer *b) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  if (b->pages != NULL) munmap(b->pages - page, b->pages_size + 2 * page);
  free(b->kept);
  memset(b, 0, sizeof *b);
}

/** Remembers a buffer and its surroundings. */
static inline void buffer_keep(buffer *b) {
  if (b->kept == NULL) b->kept = (unsigned char *)required(malloc(b->pages_size));
  memcpy(b->kept, b->pages, b->pages_size);
}

/** Nothing has been written since buffer_keep(). */
static inline int buffer_is_kept(const buffer *b) { return memcmp(b->kept, b->pages, b->pages_size) == 0; }

/** Nothing has been written beside the buffer. */
static inline int buffer_is_bounded(const buffer *b) {
  for (unsigned char *p = b->pages; p < b->pages + b->pages_size; p++) {
    if (p == b->data) p += b->size;
    if (p < b->pages + b->pages_size && *p != CANARY) return 0;
  }
  return 1;
}

/* What the program is doing, for the message when it steps on a forbidden page. */
static char current_work[512];

static inline void forbidden_page(int number, siginfo_t *info, void *context) {
  char text[640];
  (void)context;
  const int length = snprintf(text, sizeof text, "signal %d at address %p: %s\n", number, info->si_addr, current_work);
  if (write(STDERR_FILENO, text, (size_t)length) < 0) _exit(3);
  _exit(2);
}

/** From here on, stepping on a forbidden page ends the test with `current_work`. */
static inline void watch_pages(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = forbidden_page;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
}

#endif
