/* The machine's multiply-add peak: register-only chains of fused multiply-adds on every thread, the best of 20 rounds.
 * Prints GFLOP/s. Compile with -O3 -march=native -pthread; the vectors are as wide as the CPU's. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__AVX512F__)
#define LANES 16
#define CHAINS 24
#else
#define LANES 8
#define CHAINS 12
#endif
typedef float vector __attribute__((vector_size(LANES * sizeof(float))));

enum { ROUNDS = 20, STEPS = 2000000 };
static pthread_barrier_t barrier;
static float sink[1024];
static double best = 1e30;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *run(void *argument) {
  const long thread = (long)argument;
  vector a[CHAINS], b, c;
  for (int i = 0; i < LANES; i++) b[i] = 0.999f, c[i] = 1e-3f;
  for (int i = 0; i < CHAINS; i++) a[i] = b * (float)i;
  for (int round = 0; round < ROUNDS; round++) {
    pthread_barrier_wait(&barrier);
    const double start = now();
    for (long step = 0; step < STEPS; step++) {
#pragma GCC unroll 24
      for (int i = 0; i < CHAINS; i++) a[i] = a[i] * b + c;
    }
    pthread_barrier_wait(&barrier);
    const double time = now() - start;
    if (thread == 0 && time < best) best = time;
  }
  for (int i = 0; i < CHAINS; i++) sink[thread] += a[i][0];
  return NULL;
}

int main(int count, char **arguments) {
  const long threads = count > 1 ? strtol(arguments[1], NULL, 10) : 1;
  if (threads < 1 || threads > 1024) return 2;
  pthread_t handles[1024];
  pthread_barrier_init(&barrier, NULL, (unsigned)threads);
  for (long t = 0; t < threads; t++) {
    if (pthread_create(&handles[t], NULL, run, (void *)t) != 0) return 1;
  }
  for (long t = 0; t < threads; t++) pthread_join(handles[t], NULL);
  printf("%.1f\n", 2.0 * CHAINS * LANES * STEPS * (double)threads / best * 1e-9);
  return sink[0] == 12345.f;
}
