#include "safetensors.h"

#include "safetensors_header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The format's own limit on a header. */
enum { LARGEST_HEADER = 100000000 };

/* ==== The file ==================================================================================================== */

/* Reads `size` bytes into memory that grows with what has been read: a size that the file only claims costs nothing.
 * `tensor` is for the message: whose bytes, NULL for the header's. Returns memory for one byte at least, or NULL. */
static char *read_bytes(safetensors *file, const char *tensor, FILE *stream, int64_t size) {
  char *bytes = NULL;
  size_t used = 0, room = 1 << 16;
  int open = (uint64_t)size < SIZE_MAX || safetensors_fail(file, tensor, "too large for this machine");
  while (open) {
    if (room > (size_t)size || room < used) room = (size_t)size;
    char *larger = (char *)realloc(bytes, room + 1);
    if (larger == NULL) {
      safetensors_fail(file, tensor, "out of memory");
      break;
    }
    bytes = larger;
    errno = 0;
    used += fread(bytes + used, 1, room - used, stream);
    if (used == (size_t)size) return bytes;
    if (used < room && ferror(stream)) {
      safetensors_fail(file, tensor, "%s", errno != 0 ? strerror(errno) : "reading failed");
      break;
    }
    if (used < room) {
      safetensors_fail(file, tensor, "the file ends %lld bytes early", (long long)size - (long long)used);
      break;
    }
    room = 2 * used;
  }
  free(bytes);
  return NULL;
}

static int read_stream(safetensors *file, FILE *stream) {
  const uint16_t one = 1;
  if (*(const unsigned char *)&one != 1)
    return safetensors_fail(file, NULL, "the format is little-endian, this machine is not");
  unsigned char *prefix = (unsigned char *)read_bytes(file, NULL, stream, 8);
  if (prefix == NULL) return 0;
  uint64_t size = 0;
  for (int i = 7; i >= 0; i--) size = size << 8 | prefix[i];
  free(prefix);
  if (size > LARGEST_HEADER)
    return safetensors_fail(file, NULL, "a header of %llu bytes, of which the format allows %d; is it safetensors?",
                            (unsigned long long)size, LARGEST_HEADER);
  file->header = read_bytes(file, NULL, stream, (int64_t)size);
  if (file->header == NULL || !safetensors_read_header(file, (int64_t)size)) return 0;
  /* Each tensor into memory of its own: offsets need not suit the alignment of numbers. */
  for (int64_t i = 0; i < file->tensor_count; i++) {
    safetensors_tensor *tensor = &file->tensors[i];
    tensor->data = read_bytes(file, tensor->name, stream, tensor->end - tensor->begin);
    if (tensor->data == NULL) return 0;
  }
  if (fgetc(stream) != EOF) return safetensors_fail(file, NULL, "bytes behind the last tensor");
  return ferror(stream) ? safetensors_fail(file, NULL, "%s", strerror(errno)) : 1;
}

int safetensors_read_stream(safetensors *file, FILE *stream) {
  memset(file, 0, sizeof *file);
  return read_stream(file, stream);
}

int safetensors_read(safetensors *file, const char *path) {
  memset(file, 0, sizeof *file);
  FILE *stream = fopen(path, "rb");
  if (stream == NULL) return safetensors_fail(file, NULL, "%s", strerror(errno));
  int done = read_stream(file, stream);
  fclose(stream);
  return done;
}

void safetensors_close(safetensors *file) {
  for (int64_t i = 0; i < file->tensor_count; i++) {
    free(file->tensors[i].shape);
    free(file->tensors[i].data);
  }
  free(file->tensors);
  free(file->metadata);
  free(file->header);
  memset(file, 0, sizeof *file);
}

/* ==== What is in it =============================================================================================== */

const safetensors_tensor *safetensors_find(const safetensors *file, const char *name) {
  for (int64_t i = 0; i < file->tensor_count; i++)
    if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
  return NULL;
}

int64_t safetensors_extent(const safetensors *file, const char *name, int64_t dimension) {
  const safetensors_tensor *tensor = safetensors_find(file, name);
  return tensor != NULL && dimension < tensor->rank ? tensor->shape[dimension] : 0;
}

const char *safetensors_metadata_value(const safetensors *file, const char *name) {
  for (int64_t i = 0; i < file->metadata_count; i++)
    if (strcmp(file->metadata[i].name, name) == 0) return file->metadata[i].value;
  return NULL;
}

/* "[rows, columns]" */
static void write_shape(char text[64], int64_t rank, int64_t rows, int64_t columns) {
  if (rank == 1) snprintf(text, 64, "[%lld]", (long long)rows);
  if (rank == 2) snprintf(text, 64, "[%lld, %lld]", (long long)rows, (long long)columns);
  if (rank != 1 && rank != 2) snprintf(text, 64, "%lld dimensions", (long long)rank);
}

const float *safetensors_float32(safetensors *file, const char *name, int64_t rows, int64_t columns) {
  const safetensors_tensor *tensor = safetensors_find(file, name);
  int64_t rank = columns == 0 ? 1 : 2;
  if (tensor == NULL) {
    safetensors_fail(file, name, "is not in the file");
  } else if (strcmp(tensor->dtype, "F32") != 0) {
    safetensors_fail(file, name, "is of %s, must be of F32", tensor->dtype);
  } else if (tensor->rank != rank || tensor->shape[0] != rows || (rank == 2 && tensor->shape[1] != columns)) {
    const int64_t *shape = tensor->shape;
    char has[64], must[64];
    write_shape(has, tensor->rank, tensor->rank > 0 ? shape[0] : 0, tensor->rank > 1 ? shape[1] : 0);
    write_shape(must, rank, rows, columns);
    safetensors_fail(file, name, "has the shape %s, must have %s", has, must);
  } else {
    return (const float *)tensor->data;
  }
  return NULL;
}

int64_t safetensors_number(safetensors *file, const char *name, int64_t largest) {
  const char *value = safetensors_metadata_value(file, name);
  if (value == NULL) return safetensors_fail(file, NULL, "%.64s is not in the metadata", name) - 1;
  char *end;
  errno = 0;
  long long number = strtoll(value, &end, 10);
  if (errno == 0 && end != value && *end == '\0' && number >= 1 && number <= largest) return number;
  return safetensors_fail(file, NULL, "%.64s is %.64s, must be in 1 ... %lld", name, value, (long long)largest) - 1;
}
