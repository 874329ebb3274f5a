/* What the machine can do with THREADS threads, each on a CPU of its own: clock, issue slots, multiply-adds, a product
 * tile fed from the first-level cache, and read bandwidths. Prints "name value" lines.
 *
 *   machine THREADS         everything
 *   machine THREADS tile    the product tile alone, in some milliseconds
 *
 * Compile with -O3 -march=native -pthread: the vectors are as wide as the CPU's. Every figure is the best of some
 * rounds, because on a shared machine the neighbours only ever take away. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A tile of ROWS x VECTORS accumulators, and as many chains: what the registers hold beside the operands. */
#if defined(__AVX512F__)
enum { LANES = 16, ROWS = 6, VECTORS = 4 };
#elif defined(__AVX__)
enum { LANES = 8, ROWS = 6, VECTORS = 2 };
#else
enum { LANES = 4, ROWS = 6, VECTORS = 2 };
#endif
enum { CHAINS = ROWS * VECTORS, DEPTH = 64, MAX_THREADS = 1024 };
typedef float vector __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

/* One thread's memory, and where results go so that the compiler must compute them. */
typedef struct {
  long index;
  char *buffer;
  float sink;
} worker;

/* What is timed: runs `amount` units of work. */
typedef void kernel(worker *self, long amount);

static long threads;
static int cpus[MAX_THREADS];
static atomic_long arrived;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Clock and issue slots: adds that depend on each other, one per cycle, and adds that do not. The empty assembly
 *      keeps the compiler from joining them. */
#define KEEP(x) __asm__ volatile("" : "+r"(x))

static void dependent_adds(worker *self, long amount) {
  uint64_t a = 1, one = (uint64_t)self->index + 1;
  for (long i = 0; i < amount; i++) {
#pragma GCC unroll 64
    for (int k = 0; k < 64; k++) {
      a += one;
      KEEP(a);
    }
  }
  self->sink += (float)a;
}

static void independent_adds(worker *self, long amount) {
  uint64_t a[8] = {0}, one = (uint64_t)self->index + 1;
  for (long i = 0; i < amount; i++) {
#pragma GCC unroll 8
    for (int k = 0; k < 8; k++) {
#pragma GCC unroll 8
      for (int j = 0; j < 8; j++) {
        a[j] += one;
        KEEP(a[j]);
      }
    }
  }
  for (int j = 0; j < 8; j++) self->sink += (float)a[j];
}

/* ---- Multiply-adds in registers only. */
static void multiply_adds(worker *self, long amount) {
  vector a[CHAINS], b, c;
  for (int i = 0; i < LANES; i++) b[i] = 0.999f, c[i] = 1e-3f;
  for (int i = 0; i < CHAINS; i++) a[i] = b * (float)i;
  for (long step = 0; step < amount; step++) {
#pragma GCC unroll 24
    for (int i = 0; i < CHAINS; i++) a[i] = a[i] * b + c;
  }
  for (int i = 0; i < CHAINS; i++) self->sink += a[i][0];
}

/* ---- The clock while vectors are busy, which wide ones lower on some CPUs: a chain of adds with half as many
 *      multiply-adds beside it as the CPU can do, so that the chain decides. */
static void dependent_adds_beside_vectors(worker *self, long amount) {
  vector a[CHAINS], b, c;
  uint64_t count = 1, one = (uint64_t)self->index + 1;
  for (int i = 0; i < LANES; i++) b[i] = 0.999f, c[i] = 1e-3f;
  for (int i = 0; i < CHAINS; i++) a[i] = b * (float)i;
  for (long step = 0; step < amount; step++) {
#pragma GCC unroll 24
    for (int i = 0; i < CHAINS; i++) {
      a[i] = a[i] * b + c;
      count += one;
      KEEP(count);
    }
  }
  for (int i = 0; i < CHAINS; i++) self->sink += a[i][0];
  self->sink += (float)count;
}

/* ---- Multiply-adds from the first-level cache: per k VECTORS loads, ROWS broadcasts, ROWS * VECTORS multiply-adds. What a
 *      product of matrices can reach at most, where a neighbour on the same core takes load or issue slots. */
static void tile(worker *self, long amount) {
  const float *panel = (const float *)self->buffer, *rows = panel + DEPTH * VECTORS * LANES;
  vector sums[ROWS][VECTORS];
  memset(sums, 0, sizeof sums);
  for (long pass = 0; pass < amount; pass++) {
    for (int k = 0; k < DEPTH; k++) {
      vector w[VECTORS];
#pragma GCC unroll 4
      for (int v = 0; v < VECTORS; v++) w[v] = *(const vector *)(panel + (k * VECTORS + v) * LANES);
#pragma GCC unroll 6
      for (int r = 0; r < ROWS; r++) {
        const vector x = rows[r * DEPTH + k] - (vector){0};
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) sums[r][v] += w[v] * x;
      }
    }
    __asm__ volatile("" ::: "memory"); /* the next pass loads again */
  }
  for (int r = 0; r < ROWS; r++) {
    for (int v = 0; v < VECTORS; v++) self->sink += sums[r][v][0];
  }
}

/* ---- Reads of `read_bytes` from each thread's own memory, `amount` times. */
static size_t read_bytes;

static void reads(worker *self, long amount) {
  typedef int64_t wide __attribute__((vector_size(LANES * sizeof(float)), may_alias));
  enum { AHEAD = 16 };
  wide sums[AHEAD];
  memset(sums, 0, sizeof sums);
  const wide *const buffer = (const wide *)self->buffer;
  const size_t count = read_bytes / sizeof(wide) / AHEAD * AHEAD;
  for (long pass = 0; pass < amount; pass++) {
    for (size_t i = 0; i < count; i += AHEAD) {
#pragma GCC unroll 16
      for (int j = 0; j < AHEAD; j++) sums[j] |= buffer[i + (size_t)j];
    }
    __asm__ volatile("" ::: "memory");
  }
  for (int j = 0; j < AHEAD; j++) self->sink += (float)sums[j][0];
}

/* ---- Rounds: all threads start together, and the slowest one counts. A round takes some milliseconds, so that on a busy
 *      machine some of them are not interrupted; waking a sleeping thread would be a part of that, so they spin. */
static void wait_for_all(void) {
  const long mine = atomic_fetch_add(&arrived, 1), all = (mine / threads + 1) * threads;
  while (atomic_load(&arrived) < all) sched_yield();
}

typedef struct {
  worker self;
  kernel *run;
  long amount;
  int rounds;
  double best;
} task;

static void *perform(void *argument) {
  task *const own = argument;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus[own->self.index], &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
  own->self.buffer = aligned_alloc(4096, (read_bytes + 65536) / 4096 * 4096);
  if (own->self.buffer == NULL) exit(1);
  memset(own->self.buffer, 0, read_bytes + 32768); /* by the thread that reads it */
  own->run(&own->self, own->amount / 10 + 1);
  for (int round = 0; round < own->rounds; round++) {
    wait_for_all();
    const double start = now();
    own->run(&own->self, own->amount);
    wait_for_all();
    const double time = now() - start;
    if (time < own->best) own->best = time;
  }
  free(own->self.buffer);
  return NULL;
}

/* Seconds of the best of `rounds` rounds. */
static double measure(kernel *run, long amount, int rounds) {
  static task tasks[MAX_THREADS];
  pthread_t handles[MAX_THREADS];
  for (long t = 0; t < threads; t++) {
    tasks[t] = (task){{t, NULL, 0}, run, amount, rounds, 1e30};
    if (pthread_create(&handles[t], NULL, perform, &tasks[t]) != 0) exit(1);
  }
  for (long t = 0; t < threads; t++) pthread_join(handles[t], NULL);
  return tasks[0].best;
}

/* A rate in 1e9 per second, with the clock of the same milliseconds, which on some CPUs is another one in the next
 * second. The higher one of the clock before and the clock behind: what disturbs a clock lowers it, and would make the
 * rate per cycle larger than it can be. */
static void rate(const char *name, kernel *run, double operations, long amount, int rounds) {
  const double before = CHAINS * 4e4 / measure(dependent_adds_beside_vectors, 40000, 3);
  const double seconds = measure(run, amount, rounds);
  const double behind = CHAINS * 4e4 / measure(dependent_adds_beside_vectors, 40000, 3);
  printf("%s_gflops %.2f\n%s_clock_ghz %.3f\n", name, 1e-9 * operations * (double)amount / seconds, name,
         1e-9 * (before > behind ? before : behind));
  fflush(stdout);
}

static size_t cache_size(int name, size_t otherwise) {
  const long size = sysconf(name);
  return size > 0 ? (size_t)size : otherwise;
}

static void bandwidth(const char *name, size_t bytes_per_thread, double seconds) {
  read_bytes = bytes_per_thread;
  /* 10 GB/s is a guess from below: a round takes no longer than this, and is long against the barrier. */
  const long passes = 1 + (long)(seconds * 10e9 / (double)bytes_per_thread);
  printf("%s %.2f\n", name, 1e-9 * (double)threads * (double)passes * (double)bytes_per_thread /
                                measure(reads, passes, 10));
  fflush(stdout);
}

int main(int count, char **arguments) {
  threads = count > 1 ? strtol(arguments[1], NULL, 10) : 1;
  cpu_set_t allowed;
  sched_getaffinity(0, sizeof allowed, &allowed);
  long found = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE && found < threads && found < MAX_THREADS; cpu++) {
    if (CPU_ISSET(cpu, &allowed)) cpus[found++] = cpu;
  }
  if (threads < 1 || found < threads) {
    fprintf(stderr, "%ld threads need as many CPUs, %ld are allowed\n", threads, found);
    return 2;
  }

  const double operations = 2.0 * CHAINS * LANES * (double)threads;
  if (count > 2 && strcmp(arguments[2], "tile") == 0) {
    rate("tile", tile, operations * DEPTH, 3000, 3);
    return 0;
  }

  const double adds = 64 * 100000.0;
  const double dependent = adds / measure(dependent_adds, 100000, 40);
  const double independent = adds / measure(independent_adds, 100000, 40);
  printf("clock_ghz %.3f\nadds_per_cycle %.2f\n", dependent * 1e-9, independent / dependent);

  const double beside = CHAINS * 2e5 / measure(dependent_adds_beside_vectors, 200000, 40);
  printf("vector_clock_ghz %.3f\n", beside * 1e-9);
  printf("lanes %d\nchains %d\n", LANES, CHAINS);
  rate("peak", multiply_adds, operations, 400000, 20);
  rate("tile", tile, operations * DEPTH, 6000, 20);

  const size_t l1 = cache_size(_SC_LEVEL1_DCACHE_SIZE, 32 << 10), l2 = cache_size(_SC_LEVEL2_CACHE_SIZE, 512 << 10);
  const size_t l3 = cache_size(_SC_LEVEL3_CACHE_SIZE, 8 << 20);
  printf("l1_bytes %zu\nl2_bytes %zu\nl3_bytes %zu\n", l1, l2, l3);
  /* Halves of the private caches. Of the shared one, more than the second level holds and a fraction that neighbours
   * may leave; for memory, several times the third level. */
  size_t third = 4 * l2 < l3 / 2 / (size_t)threads ? 4 * l2 : l3 / 2 / (size_t)threads;
  if (third < 2 * l2) third = 2 * l2;
  size_t memory = 4 * l3 / (size_t)threads;
  if (memory < 64u << 20) memory = 64u << 20;
  if (memory > 512u << 20) memory = 512u << 20;
  bandwidth("l1_gbs", l1 / 2, 0.05);
  bandwidth("l2_gbs", l2 / 2, 0.02);
  bandwidth("l3_gbs", third, 0.02);
  bandwidth("memory_gbs", memory, 0.02);
  return 0;
}
