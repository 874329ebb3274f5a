/* What Swift has no word for: CPU features, the floating-point control register, affinity, random bits of the system,
 * prefetch, pause, thread-local text; of vectors, the square root and the loads and stores of their first elements.
 * Nothing else here computes a result. */
#ifndef SWIFTRNN_PRIMITIVES_H
#define SWIFTRNN_PRIMITIVES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <cpuid.h>

static inline uint64_t swiftrnn_xgetbv(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return ((uint64_t)high << 32) | low;
}

/** The x86-64 level that CPU and operating system support: 1, 3 (AVX2, FMA, BMI2 …) or 4 (AVX-512 F, BW, CD, DQ, VL). */
static inline int32_t swiftrnn_x86_64_level(void) {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 1;
  const uint32_t fma = 1u << 12, sse3 = 1u << 0, ssse3 = 1u << 9, sse41 = 1u << 19, sse42 = 1u << 20, movbe = 1u << 22,
                 popcnt = 1u << 23, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29, cx16 = 1u << 13;
  const uint32_t level3_1c = fma | sse3 | ssse3 | sse41 | sse42 | movbe | popcnt | osxsave | avx | f16c | cx16;
  if ((c & level3_1c) != level3_1c) return 1;
  if ((swiftrnn_xgetbv() & 0x6) != 0x6) return 1; /* the system saves xmm and ymm */
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 1;
  const uint32_t bmi1 = 1u << 3, avx2 = 1u << 5, bmi2 = 1u << 8;
  const uint32_t features7b = b;
  if ((features7b & (bmi1 | avx2 | bmi2)) != (bmi1 | avx2 | bmi2)) return 1;
  if (!__get_cpuid(0x80000001u, &a, &b, &c, &d)) return 1;
  const uint32_t lzcnt = 1u << 5;
  if (!(c & lzcnt)) return 1;
  const uint32_t avx512 = (1u << 16) | (1u << 17) | (1u << 28) | (1u << 30) | (1u << 31); /* F, DQ, CD, BW, VL */
  if ((features7b & avx512) != avx512) return 3;
  if ((swiftrnn_xgetbv() & 0xe6) != 0xe6) return 3; /* and zmm and the mask registers */
  return 4;
}

/** Sets round to nearest, flush of subnormal results and operands, no traps, clear flags. Returns what was there. */
static inline uint64_t swiftrnn_float_control_enter(void) {
  uint32_t before, mode = 0x9fc0;
  __asm__ volatile("stmxcsr %0" : "=m"(before) : : "memory");
  __asm__ volatile("ldmxcsr %0" : : "m"(mode) : "memory");
  return before;
}

static inline void swiftrnn_float_control_leave(uint64_t before) {
  uint32_t value = (uint32_t)before;
  __asm__ volatile("ldmxcsr %0" : : "m"(value) : "memory");
}

static inline void swiftrnn_pause(void) { __asm__ volatile("pause"); }

#elif defined(__aarch64__)

static inline int32_t swiftrnn_x86_64_level(void) { return 0; }

static inline uint64_t swiftrnn_float_control_enter(void) {
  uint64_t before, mode = 1u << 24; /* FZ */
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"(mode) : "memory");
  return before;
}

static inline void swiftrnn_float_control_leave(uint64_t before) { __asm__ volatile("msr fpcr, %0" : : "r"(before) : "memory"); }

static inline void swiftrnn_pause(void) { __asm__ volatile("yield"); }

#else
#error "SwiftRNN runs on x86-64 and arm64"
#endif

/** Asks for a cache line in the second-level cache. Any address. */
static inline __attribute__((always_inline)) void swiftrnn_prefetch(const void *address) {
  __builtin_prefetch(address, 0, 2);
}

/** Asks for a cache line in the first-level cache. Any address. */
static inline __attribute__((always_inline)) void swiftrnn_prefetch_first(const void *address) {
  __builtin_prefetch(address, 0, 3);
}

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

/** How many CPUs the process may run on, 0 if the kernel does not say. Swift does not see sched_getaffinity(). */
static inline int32_t swiftrnn_affinity_count(void) {
  unsigned long bits[128];
  long bytes = syscall(SYS_sched_getaffinity, 0, sizeof bits, bits);
  int32_t count = 0;
  for (long i = 0; i < bytes / (long)sizeof bits[0]; i++) count += __builtin_popcountl(bits[i]);
  return count;
}
#endif

/** Fills `bits` from the system's random numbers, without waiting for any; 0: there are none to be had. */
#if defined(__linux__)
static inline int32_t swiftrnn_random_bits(uint64_t *bits) {
  const unsigned no_wait = 1; /* GRND_NONBLOCK */
  return syscall(SYS_getrandom, bits, sizeof *bits, no_wait) == (long)sizeof *bits;
}
#else
#include <sys/random.h>

static inline int32_t swiftrnn_random_bits(uint64_t *bits) { return getentropy(bits, sizeof *bits) == 0; }
#endif

/** The IEEE 754 square root as one instruction. Swift's squareRoot() is C's, which branches for negative numbers to set
 *  errno. */
static inline double swiftrnn_square_root_double(double x) { return __builtin_elementwise_sqrt(x); }


/* The calling thread's text, in memory of its own and not in thread-local memory: the dynamic linker can put the few bytes
 * that the library has there beside the thread's stack, which 1024 would not fit (Sources/CReserve/reserve.c). */
static inline pthread_key_t *swiftrnn_error_key(void) {
  static pthread_key_t key;
  return &key;
}

static inline bool *swiftrnn_error_key_made(void) {
  static bool made;
  return &made;
}

static inline void swiftrnn_make_error_key(void) {
  *swiftrnn_error_key_made() = pthread_key_create(swiftrnn_error_key(), free) == 0;
}

/** The calling thread's 1024 bytes for the message of its last error, zeros at the start; NULL: there are none yet, and
 *  cannot be had if `make` is true. Each module that imports this header has its own: only SwiftRNNC uses it. */
static inline char *swiftrnn_error_text(bool make) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, swiftrnn_make_error_key);
  if (!*swiftrnn_error_key_made()) return NULL;
  char *text = (char *)pthread_getspecific(*swiftrnn_error_key());
  if (text != NULL || !make) return text;
  text = (char *)calloc(1, 1024);
  if (text != NULL && pthread_setspecific(*swiftrnn_error_key(), text) != 0) {
    free(text);
    text = NULL;
  }
  return text;
}

#include "reserve.h"
#include "vectors.h"

#endif
