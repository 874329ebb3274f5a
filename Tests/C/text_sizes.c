/* Texts of cells from strangers, and what they take: time, memory and stack of parsing them and of making a network
 * grow with the text and not with its square, or the text is refused. Each family of texts is tried in sizes that are
 * four times each other. Work is counted in bytes that are asked for, which are the same in each run; the time of the
 * thread, the shortest of some runs, only where a square would show. Stack is memory of this program's own, painted
 * before. Valid in C11 and in C++17. */
#include "allocator.h"
#include "check.h"
#include "growing_texts.h"

#include <inttypes.h>
#include <time.h>

/* What the calls may take of the stack, of a thread whose stack is 128 KiB: plug-in hosts give no more. */
enum { STACK_SIZE = 128 << 10, STACK_ALLOWED = 60 << 10, PAINT = 0xa5, RUNS = 5 };

static char text[WRITTEN_SIZE];
static int64_t text_size;

typedef struct cost {
  int64_t bytes, asked, most, stack;
  double seconds;
  int is_cell, is_network;
} cost;

static double thread_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A network of the text, as a stranger would have it. */
static void *compile(void *result) {
  cost *const c = (cost *)result;
  swiftrnn_equations *cell = NULL;
  swiftrnn_network *network = NULL;
  swiftrnn_config config;
  watch(0, 0);
  const double start = thread_seconds();
  c->is_cell = swiftrnn_cell_parse(text, text_size, &cell) == SWIFTRNN_STATUS_OK;
  swiftrnn_config_init(&config, sizeof config, SWIFTRNN_EQUATIONS);
  config.input_size = 4, config.hidden_size = 4;
  c->is_network =
      c->is_cell && swiftrnn_network_create_equations(cell, &config, NULL, 0, &network) == SWIFTRNN_STATUS_OK;
  swiftrnn_network_destroy(network);
  swiftrnn_equations_destroy(cell);
  c->seconds = thread_seconds() - start;
  unwatch();
  c->asked = bytes_asked, c->most = bytes_most;
  return NULL;
}

static cost measured(void) {
  cost best;
  memset(&best, 0, sizeof best);
  for (int run = 0; run < RUNS; run++) {
    void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED);
    memset(stack, PAINT, STACK_SIZE);
    cost c;
    memset(&c, 0, sizeof c);
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstack(&attributes, stack, STACK_SIZE) == 0);
    CHECK(pthread_create(&thread, &attributes, compile, &c) == 0 && pthread_join(thread, NULL) == 0);
    pthread_attr_destroy(&attributes);
    const unsigned char *painted = (const unsigned char *)stack, *const end = painted + STACK_SIZE;
    while (painted < end && *painted == PAINT) painted++;
    c.stack = end - painted, c.bytes = text_size;
    munmap(stack, STACK_SIZE);
    const double seconds = run == 0 || c.seconds < best.seconds ? c.seconds : best.seconds;
    best = c, best.seconds = seconds;
    if (c.seconds > 0.5) break;
  }
  return best;
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* Seconds from which on two times are compared: a square is sixteen times as long, a proportion four times. */
static const double TIMED = 1e-3;

/* A text of four times as many of something takes at most ten times as much, where that is any amount to speak of. */
static void grow(int64_t kind, int is_shown) {
  cost before;
  memset(&before, 0, sizeof before);
  for (int64_t n = 4; n <= 16384; n *= 4) {
    text_size = 0;
    make(kind, n);
    if (text_size > LARGEST_TEXT) break;
    const cost now = measured();
    const int fits = now.stack <= STACK_ALLOWED && now.asked <= 10 * larger(before.asked, 4 << 20) &&
                     now.most <= 10 * larger(before.most, 1 << 20) &&
                     (before.seconds < TIMED || now.seconds <= 10 * before.seconds);
    CHECK(fits);
    if (!fits || is_shown) {
      printf("family %" PRId64 ", %5" PRId64 ": %5" PRId64 " bytes, %s; %6" PRId64 " KiB asked for, %5" PRId64
             " KiB at once, %3" PRId64 " KiB of stack, %.1f ms\n",
             kind, n, now.bytes, now.is_network ? "network" : now.is_cell ? "cell" : "refused", now.asked >> 10,
             now.most >> 10, now.stack >> 10, 1e3 * now.seconds);
    }
    before = now;
  }
}

/* The cells of the library, and what each takes. */
static void library(int is_shown) {
  int64_t count = 0;
  CHECK_STATUS(swiftrnn_cell_count(&count), SWIFTRNN_STATUS_OK);
  int64_t stack = 0;
  for (int64_t i = 0; i < count; i++) {
    char name[64];
    CHECK_STATUS(swiftrnn_cell_name(i, name, sizeof name), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_cell_text(name, text, sizeof text, &text_size), SWIFTRNN_STATUS_OK);
    text_size--;
    const cost c = measured();
    CHECK(c.is_cell && c.stack <= STACK_ALLOWED);
    stack = larger(stack, c.stack);
  }
  if (is_shown) printf("cells of the library: %" PRId64 " KiB of stack\n", stack >> 10);
}

int main(int argc, char **argv) {
  const int is_shown = argc > 1;
  written = text, written_size = &text_size;
  /* What the process does once is no text's. */
  make(0, 4);
  measured();
  library(is_shown);
  for (int64_t kind = argc > 1 ? strtoll(argv[1], NULL, 10) : 0; kind < MADE; kind++) {
    grow(kind, is_shown);
    if (argc > 2) break;
  }
  return check_result();
}
