/* What bindings/c/safetensors.h makes of many files, for test_safetensors.py:
 *
 *   safetensors_cases < CASES             each case its size in 8 bytes, little-endian, and as many bytes
 *   safetensors_cases --failing < CASES   the same, and before that with each allocation failing in turn
 *   safetensors_cases PATH...             files
 *
 * prints a line for each: "refused PEAK MESSAGE", or "read PEAK" and, behind tabs, what is in it. PEAK: the most
 * bytes that the reader had at once. To be linked with --wrap for malloc, calloc, realloc and free.
 *
 * With -DFUZZ, a target of libFuzzer, in bindings/c (Swift's clang has the runtime):
 *   clang -g -O1 -DFUZZ -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I. \
 *     ../../Tests/Demo/safetensors_cases.c safetensors.c safetensors_header.c json.c -o /tmp/fuzz && /tmp/fuzz */
#define _GNU_SOURCE
#include "safetensors.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void require(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "safetensors_cases: %s\n", what);
  abort();
}

/* What must hold of a file that was read, or was not. `size` are its bytes. */
static void check(const safetensors *file, int done, size_t size) {
  size_t data = 0, header = 2;
  for (const char *at = file->error; *at != 0; at++) require(*at >= 0x20 && *at <= 0x7e, "a raw byte in a message");
  if (!done) {
    require(file->error[0] != '\0', "a failure without a message");
    return;
  }
  require(file->error[0] == '\0', "a message without a failure");
  for (int64_t i = 0; i < file->tensor_count; i++) {
    const safetensors_tensor *tensor = &file->tensors[i];
    require(tensor->begin == (int64_t)data, "a hole, or an overlap");
    data = (size_t)tensor->end;
    header += 48 + strlen(tensor->name) + 2 * (size_t)tensor->rank;
    require(i > 1000 || safetensors_find(file, tensor->name) == tensor, "a name twice");
    require((uintptr_t)tensor->data % sizeof(double) == 0, "data that is not aligned");
  }
  require(header + data + 8 <= size, "more than the file has");
}

#ifdef FUZZ
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  FILE *stream = fmemopen((void *)(size > 0 ? bytes : (const uint8_t *)""), size, "rb");
  if (stream == NULL) return 0;
  safetensors file;
  int done = safetensors_read_stream(&file, stream);
  check(&file, done, size);
  safetensors_close(&file);
  fclose(stream);
  return 0;
}
#else

/* ==== Memory of the reader ======================================================================================== */

void *__real_malloc(size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

static size_t live, peak;
static long until_failure; /* allocations that succeed before one fails; below 0: all do */

void *__wrap_malloc(size_t size) {
  if (until_failure >= 0 && until_failure-- == 0) return NULL;
  void *memory = __real_malloc(size);
  if (memory != NULL) live += malloc_usable_size(memory);
  if (live > peak) peak = live;
  return memory;
}

void __wrap_free(void *memory) {
  if (memory != NULL) live -= malloc_usable_size(memory);
  __real_free(memory);
}

void *__wrap_calloc(size_t count, size_t size) {
  require(size == 0 || count <= SIZE_MAX / size, "calloc overflows");
  void *memory = __wrap_malloc(count * size);
  return memory == NULL ? NULL : memset(memory, 0, count * size);
}

/* Always a copy: as much memory as any implementation may need. */
void *__wrap_realloc(void *memory, size_t size) {
  void *copy = __wrap_malloc(size);
  if (copy == NULL || memory == NULL) return copy;
  size_t before = malloc_usable_size(memory);
  memcpy(copy, memory, before < size ? before : size);
  __wrap_free(memory);
  return copy;
}

/* ==== Cases ======================================================================================================= */

static void print_hexadecimal(const char *text) {
  for (; *text != '\0'; text++) printf("%02x", (unsigned char)*text);
}

static void print(const safetensors *file) {
  for (int64_t i = 0; i < file->metadata_count; i++) {
    printf("\tM ");
    print_hexadecimal(file->metadata[i].name);
    printf(" ");
    print_hexadecimal(file->metadata[i].value);
  }
  for (int64_t i = 0; i < file->tensor_count; i++) {
    const safetensors_tensor *tensor = &file->tensors[i];
    uint64_t sum = 0;
    for (int64_t at = 0; at < tensor->end - tensor->begin; at++)
      sum = (sum + ((const unsigned char *)tensor->data)[at]) * 31 % 1000000007;
    printf("\tT ");
    print_hexadecimal(tensor->name);
    printf(" %s %llu ", tensor->dtype, (unsigned long long)sum);
    for (int64_t axis = 0; axis < tensor->rank; axis++) printf("%lld,", (long long)tensor->shape[axis]);
  }
}

/* Reads a case of standard input, or of the path unless that is NULL, and prints what came of it. */
static int run(const char *path, char *bytes, size_t size, long failing, int silent) {
  FILE *stream = path == NULL ? fmemopen(bytes, size, "rb") : NULL;
  safetensors file;
  require(live == 0, "memory is left");
  peak = 0;
  until_failure = failing;
  int done = path == NULL ? safetensors_read_stream(&file, stream) : safetensors_read(&file, path);
  until_failure = -1;
  if (path == NULL) check(&file, done, size);
  if (!silent) {
    printf("%s %zu%s%s", done ? "read" : "refused", peak, done ? "" : " ", file.error);
    if (done) print(&file);
    printf("\n");
  } else if (!done) {
    require(strstr(file.error, "out of memory") != NULL, file.error);
  }
  safetensors_close(&file);
  require(live == 0, "memory is left");
  if (path == NULL) fclose(stream);
  return done;
}

int main(int count, char **arguments) {
  int failing = count == 2 && strcmp(arguments[1], "--failing") == 0;
  until_failure = -1;
  for (int i = 1; i < count && !failing; i++) run(arguments[i], NULL, 0, -1, 0);
  unsigned char prefix[8];
  while ((count == 1 || failing) && fread(prefix, 1, 8, stdin) == 8) {
    uint64_t size = 0;
    for (int i = 7; i >= 0; i--) size = size << 8 | prefix[i];
    char *bytes = (char *)__real_malloc(size + 1);
    require(bytes != NULL && fread(bytes, 1, size, stdin) == size, "the cases are cut off");
    if (failing)
      for (long k = 0; !run(NULL, bytes, size, k, 1); k++) require(k < 1000, "allocations fail for ever");
    run(NULL, bytes, size, -1, 0);
    __real_free(bytes);
  }
  return 0;
}
#endif
