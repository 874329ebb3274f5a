/* What is linked in place of the Swift runtime's function that names a Unicode scalar: here none has a name. The tables
 * of names are 0.55 MB. Their only caller, Unicode.Scalar.Properties.name, is in the one section of the runtime's code
 * that cannot be taken apart, and nothing of ours calls it. */
#include <stdint.h>

intptr_t __wrap__swift_stdlib_getScalarName(uint32_t scalar, uint8_t *name, intptr_t capacity);

/* How many bytes of `name` it has written. */
intptr_t __wrap__swift_stdlib_getScalarName(uint32_t scalar, uint8_t *name, intptr_t capacity) {
  (void)scalar, (void)name, (void)capacity;
  return 0;
}
