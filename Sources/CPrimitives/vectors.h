/* Vector instructions that Swift has no word for. SIMD.squareRoot() calls sqrtf for every element, and nothing in Swift
 * becomes a load or store of a vector's first elements.
 *
 * Each Swift module compiles these for its own instruction set, and inlines them: they are as much of that set as the
 * Swift code around them. Types and functions end in the element's type and count: f32x8 is SIMD8<Float>. */
#ifndef SWIFTRNN_VECTORS_H
#define SWIFTRNN_VECTORS_H

#include <stddef.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#define SWIFTRNN_INLINE static inline __attribute__((always_inline, unused))

#define SWIFTRNN_VECTOR(scalar, count, suffix)                                                                 \
  typedef scalar swiftrnn_##suffix __attribute__((ext_vector_type(count)));                                    \
  SWIFTRNN_INLINE swiftrnn_##suffix swiftrnn_square_root_##suffix(swiftrnn_##suffix x) {                       \
    return __builtin_elementwise_sqrt(x);                                                                      \
  }

SWIFTRNN_VECTOR(float, 4, f32x4)
SWIFTRNN_VECTOR(float, 8, f32x8)
SWIFTRNN_VECTOR(float, 16, f32x16)
SWIFTRNN_VECTOR(double, 2, f64x2)
SWIFTRNN_VECTOR(double, 4, f64x4)
SWIFTRNN_VECTOR(double, 8, f64x8)

/* The first n elements, the other lanes zero; all of them if n is at least as many as there are. Element by element,
 * without a loop: the branches are on constants. AVX2's masked moves are not used: a masked store takes some 20
 * operations on Zen, and qemu 7.2 faults on elements outside the mask. */
#define SWIFTRNN_FIRST(scalar, count, suffix)                                                                  \
  SWIFTRNN_INLINE swiftrnn_##suffix swiftrnn_load_##suffix(const scalar *p, ptrdiff_t n) {                     \
    swiftrnn_##suffix x = 0;                                                                                   \
    if (n >= count) {                                                                                          \
      __builtin_memcpy(&x, p, sizeof x);                                                                       \
      return x;                                                                                                \
    }                                                                                                          \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < count - 1; i++) {                                   \
      if (i < n) x[i] = p[i];                                                                                  \
    }                                                                                                          \
    return x;                                                                                                  \
  }                                                                                                            \
  SWIFTRNN_INLINE void swiftrnn_store_##suffix(swiftrnn_##suffix x, scalar *p, ptrdiff_t n) {                  \
    if (n >= count) {                                                                                          \
      __builtin_memcpy(p, &x, sizeof x);                                                                       \
      return;                                                                                                  \
    }                                                                                                          \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < count - 1; i++) {                                   \
      if (i < n) p[i] = x[i];                                                                                  \
    }                                                                                                          \
  }

SWIFTRNN_FIRST(float, 4, f32x4)
SWIFTRNN_FIRST(float, 8, f32x8)
SWIFTRNN_FIRST(double, 2, f64x2)
SWIFTRNN_FIRST(double, 4, f64x4)

/* The same with a mask register: elements outside it are not touched, so they may lie in memory that is not there. */
#if defined(__AVX512F__) && defined(__BMI2__)
SWIFTRNN_INLINE swiftrnn_f32x16 swiftrnn_load_f32x16(const float *p, ptrdiff_t n) {
  return (swiftrnn_f32x16)_mm512_maskz_loadu_ps((__mmask16)_bzhi_u32(0xffff, n < 16 ? (unsigned)n : 16), p);
}
SWIFTRNN_INLINE void swiftrnn_store_f32x16(swiftrnn_f32x16 x, float *p, ptrdiff_t n) {
  _mm512_mask_storeu_ps(p, (__mmask16)_bzhi_u32(0xffff, n < 16 ? (unsigned)n : 16), (__m512)x);
}
SWIFTRNN_INLINE swiftrnn_f64x8 swiftrnn_load_f64x8(const double *p, ptrdiff_t n) {
  return (swiftrnn_f64x8)_mm512_maskz_loadu_pd((__mmask8)_bzhi_u32(0xff, n < 8 ? (unsigned)n : 8), p);
}
SWIFTRNN_INLINE void swiftrnn_store_f64x8(swiftrnn_f64x8 x, double *p, ptrdiff_t n) {
  _mm512_mask_storeu_pd(p, (__mmask8)_bzhi_u32(0xff, n < 8 ? (unsigned)n : 8), (__m512d)x);
}
#else
SWIFTRNN_FIRST(float, 16, f32x16)
SWIFTRNN_FIRST(double, 8, f64x8)
#endif

#endif
