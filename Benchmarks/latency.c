/* The shortest time that one step of an LSTM or GRU can take by itself: K multiply-adds that depend on each other (a
 * unit's sum over I + H products in the order of the contract on bits), then once the chain sigmoid -> c -> tanh -> h.
 * Prints nanoseconds for each K on the command line, one per line: the best of 20 rounds.
 *
 *   latency K...
 *
 * All in registers, one vector wide; each step begins with the h of the one before. exp: reduced by log 2, then a
 * polynomial of degree 6 in Estrin's form, which is shorter than Horner's as a chain. Compile with -O3 -march=native. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float vector __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t integers __attribute__((vector_size(LANES * sizeof(float))));

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline vector exponential(vector x) {
  const float magic = 12582912.0f; /* 1.5 * 2^23: adding and subtracting it rounds to an integer */
  const vector shifted = x * 1.44269504f + magic, n = shifted - magic;
  const vector r = (x - n * 0.693359375f) + n * 2.12194440e-4f, r2 = r * r;
  const vector low = (1.0f + r) + r2 * (0.5f + r * 0.166666667f);
  const vector high = (0.0416666667f + r * 0.00833333333f) + r2 * 0.00138888889f;
  const vector p = low + (r2 * r2) * high;
  return (vector)((integers)p + ((integers)shifted << 23));
}

static inline vector sigmoid(vector x) { return 1.0f / (1.0f + exponential(-x)); }

static inline vector hyperbolic_tangent(vector x) {
  const vector e = exponential(x + x);
  return (e - 1.0f) / (e + 1.0f);
}

/* `steps` steps, one after the other; a number that depends on all of them. */
static float chain(long steps, long multiply_adds) {
  vector h = {0}, c = {0}, w = {0};
  for (int i = 0; i < LANES; i++) w[i] = 0.25f;
  for (long step = 0; step < steps; step++) {
    vector sum = h;
    for (long k = 0; k < multiply_adds; k++) {
      sum = sum * w + 0.125f;
      __asm__ volatile("" : "+x"(sum)); /* one after the other, however the compiler would like to arrange them */
    }
    const vector gate = sigmoid(sum);
    c = gate * c + gate;
    h = gate * hyperbolic_tangent(c);
  }
  return h[0];
}

int main(int count, char **arguments) {
  const long steps = 2000;
  float sink = 0;
  for (int argument = 1; argument < count; argument++) {
    const long multiply_adds = strtol(arguments[argument], NULL, 10);
    double best = 1e30;
    for (int round = 0; round < 20; round++) {
      const double start = now();
      sink += chain(steps, multiply_adds);
      const double time = now() - start;
      if (time < best) best = time;
    }
    printf("%.2f\n", best / (double)steps * 1e9);
  }
  return sink == 12345.0f;
}
