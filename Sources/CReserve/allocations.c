/* What the library's own calls of malloc() and its like become: the linker's --wrap sends them here, the Swift
 * runtime's and libdispatch's among them. The system's function first; what that refuses comes from the reserve
 * (reserve.c). Memory of a size that a caller chose is asked for by aligned_alloc(), which is not among these
 * (Memory.swift). */
#define _GNU_SOURCE 1
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reserve.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
int __real_posix_memalign(void **memory, size_t alignment, size_t size);
void __real_free(void *memory);
size_t __real_malloc_usable_size(void *memory);

void *__wrap_malloc(size_t size) {
  void *const memory = __real_malloc(size);
  return memory != NULL ? memory : reserve_draw(size, 16);
}

void *__wrap_calloc(size_t count, size_t size) {
  void *memory = __real_calloc(count, size);
  size_t bytes;
  if (memory != NULL || __builtin_mul_overflow(count, size, &bytes)) return memory;
  memory = reserve_draw(bytes, 16);
  return memory == NULL ? NULL : memset(memory, 0, bytes);
}

void __wrap_free(void *memory) {
  if (memory == NULL || !reserve_give_back(memory)) __real_free(memory);
}

void *__wrap_realloc(void *memory, size_t size) {
  if (memory == NULL) return __wrap_malloc(size);
  size_t before = reserve_size(memory);
  if (before == 0) {
    void *const other = __real_realloc(memory, size);
    if (other != NULL || size == 0) return other;
    before = __real_malloc_usable_size(memory);
  }
  void *const other = size == 0 ? NULL : __wrap_malloc(size);
  if (other != NULL) memcpy(other, memory, before < size ? before : size);
  if (other != NULL || size == 0) __wrap_free(memory);
  return other;
}

int __wrap_posix_memalign(void **memory, size_t alignment, size_t size) {
  const int error = __real_posix_memalign(memory, alignment, size);
  if (error != ENOMEM) return error;
  void *const other = reserve_draw(size, alignment);
  if (other == NULL) return error;
  *memory = other;
  return 0;
}

size_t __wrap_malloc_usable_size(void *memory) {
  const size_t size = memory == NULL ? 0 : reserve_size(memory);
  return size != 0 ? size : __real_malloc_usable_size(memory);
}

char *__wrap_strdup(const char *text) {
  const size_t size = strlen(text) + 1;
  char *const copy = (char *)__wrap_malloc(size);
  return copy == NULL ? NULL : (char *)memcpy(copy, text, size);
}

/* ==== C++: operator new and delete of the runtime and of the C++ library inside ====================================*/

/* Nothing in the runtime catches what these would throw. */
static void *given(void *memory) {
  if (memory == NULL) abort();
  return memory;
}

void *__wrap__Znwm(size_t size) { return given(__wrap_malloc(size)); }

void *__wrap__ZnwmSt11align_val_t(size_t size, size_t alignment) {
  void *memory = NULL;
  return given(__wrap_posix_memalign(&memory, alignment, size) == 0 ? memory : NULL);
}

void __wrap__ZdlPv(void *memory) { __wrap_free(memory); }

void __wrap__ZdlPvm(void *memory, size_t size) {
  (void)size;
  __wrap_free(memory);
}

void __wrap__ZdlPvmSt11align_val_t(void *memory, size_t size, size_t alignment) {
  (void)size, (void)alignment;
  __wrap_free(memory);
}
