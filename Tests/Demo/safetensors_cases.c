/* The library's reader of safetensors on many files, for test_safetensors.py:
 *
 *   safetensors_cases SCRATCH < CASES   each case its size in 8 bytes, little-endian, and as many bytes: these are
 *                                       written to the file SCRATCH, and that is read
 *
 * prints a line for each: "refused MESSAGE", or "read" and, behind tabs, the tensors. Behind the last one
 * "resident KIB": the most memory that the process had at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <swiftrnn_models.h>

static void require(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "safetensors_cases: %s\n", what);
  abort();
}

static void print_hexadecimal(const char *text) {
  for (; *text != '\0'; text++) printf("%02x", (unsigned char)*text);
}

/* All that is in a file of so many bytes; the metadata's values of the keys "a", "b" and "c" and of "" too. */
static void print(const swiftrnn_tensors *tensors, uint64_t size) {
  static const char *const keys[] = {"", "a", "b", "c"};
  int64_t count = -1;
  uint64_t least = 10;
  require(swiftrnn_tensors_count(tensors, &count) == SWIFTRNN_STATUS_OK && count >= 0, "no count");
  for (int k = 0; k < 4; k++) {
    char value[64];
    int64_t needed = -1;
    require(swiftrnn_tensors_metadata(tensors, keys[k], value, sizeof value, &needed) == SWIFTRNN_STATUS_OK, "no text");
    if (needed == 0) continue;
    printf("\tM ");
    print_hexadecimal(keys[k]);
    printf(" ");
    print_hexadecimal(value);
  }
  for (int64_t i = 0; i < count; i++) {
    swiftrnn_tensor_info info;
    int64_t index = -1;
    uint64_t sum = 0;
    require(swiftrnn_tensors_info_at(tensors, i, &info) == SWIFTRNN_STATUS_OK, "no info");
    require(swiftrnn_tensors_index(tensors, info.name, &index) == SWIFTRNN_STATUS_OK && index == i, "another index");
    require((uintptr_t)info.data % 64 == 0, "data that is not aligned");
    for (int64_t at = 0; at < info.bytes; at++) sum = (sum + ((const unsigned char *)info.data)[at]) * 31 % 1000000007;
    least += 48 + strlen(info.name) + 2 * (uint64_t)info.rank + (uint64_t)info.bytes;
    printf("\tT ");
    print_hexadecimal(info.name);
    printf(" %s %llu ", info.dtype, (unsigned long long)sum);
    for (int64_t axis = 0; axis < info.rank; axis++) printf("%lld,", (long long)info.shape[axis]);
  }
  require(least <= size, "more than the file has");
}

static void run(const char *path, uint64_t size) {
  swiftrnn_tensors *tensors = NULL;
  const swiftrnn_status status = swiftrnn_tensors_load(path, &tensors);
  require((status == SWIFTRNN_STATUS_OK) == (tensors != NULL), "a handle of a refused file, or none");
  if (status == SWIFTRNN_STATUS_OK) {
    printf("read");
    print(tensors, size);
  } else {
    require(status == SWIFTRNN_STATUS_INVALID_FORMAT, swiftrnn_last_error());
    require(strncmp(swiftrnn_last_error(), path, strlen(path)) == 0, "a message without the path");
    printf("refused ");
    for (const char *at = swiftrnn_last_error() + strlen(path); *at != 0; at++) {
      require((unsigned char)*at >= 0x20 && *at != 0x7f, "a control character in a message");
      putchar(*at);
    }
  }
  printf("\n");
  swiftrnn_tensors_destroy(tensors);
}

int main(int count, char **arguments) {
  unsigned char prefix[8];
  require(count == 2, "one argument: a path");
  while (fread(prefix, 1, 8, stdin) == 8) {
    uint64_t size = 0;
    for (int i = 7; i >= 0; i--) size = size << 8 | prefix[i];
    char *bytes = (char *)malloc(size + 1);
    require(bytes != NULL && fread(bytes, 1, size, stdin) == size, "the cases are cut off");
    FILE *file = fopen(arguments[1], "wb");
    require(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0, "cannot write");
    free(bytes);
    run(arguments[1], size);
    /* Each case a new file: some file systems bring one to the disk that was cut to nothing and written again. */
    require(remove(arguments[1]) == 0, "cannot remove");
  }
  /* getrusage() would count what the process had before exec(). */
  char line[256] = "";
  FILE *status = fopen("/proc/self/status", "r");
  while (status != NULL && strncmp(line, "VmHWM:", 6) != 0 && fgets(line, sizeof line, status) != NULL) {}
  require(strncmp(line, "VmHWM:", 6) == 0 && fclose(status) == 0, "no peak of memory");
  printf("resident %ld\n", strtol(line + 6, NULL, 10));
  return 0;
}
