/* The floating-point control register, for test_bits_float_control.py: the modes a caller may have set. */
#include <stdint.h>

#if defined(__x86_64__)
/* Default; flush to zero and denormals are zero; round down, up, towards zero; the last with flushing too. */
static const uint64_t modes[] = {0x1f80, 0x9fc0, 0x3f80, 0x5f80, 0x7f80, 0xffc0};
uint64_t control(void) {
  uint32_t value;
  __asm__ volatile("stmxcsr %0" : "=m"(value));
  return value & 0xffc0; /* without the flags that any operation raises */
}
void set_control(uint64_t value) {
  uint32_t narrow = (uint32_t)value;
  __asm__ volatile("ldmxcsr %0" : : "m"(narrow));
}
#elif defined(__aarch64__)
static const uint64_t modes[] = {0, 1u << 24, 2u << 22, 1u << 22, 3u << 22, (1u << 24) | (3u << 22)};
uint64_t control(void) {
  uint64_t value;
  __asm__ volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}
void set_control(uint64_t value) { __asm__ volatile("msr fpcr, %0" : : "r"(value)); }
#endif

uint64_t mode(int64_t index) { return modes[index]; }
