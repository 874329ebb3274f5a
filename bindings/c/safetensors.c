#include "safetensors.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names point into the file's bytes, where their closing quote has become a zero. */
struct tensor {
  const char *name;
  int64_t rank, shape[2];
  int64_t begin, end; /* bytes of the data */
};

struct metadata {
  const char *name, *value;
};

static int fail(safetensors *file, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(file->error, sizeof file->error, format, arguments);
  va_end(arguments);
  return 0;
}

/* ==== The header: as much of JSON as safetensors has ============================================================== */

/* What has not been read yet. */
typedef struct cursor {
  char *at, *end;
} cursor;

static void skip_space(cursor *c) {
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r')) c->at++;
}

/* Takes one character if it comes next. */
static int take(cursor *c, char expected) {
  skip_space(c);
  if (c->at == c->end || *c->at != expected) return 0;
  c->at++;
  return 1;
}

/* Takes a string and ends it with a zero where its closing quote was. Escapes don't occur in names like ours. */
static const char *take_string(cursor *c) {
  if (!take(c, '"')) return NULL;
  char *start = c->at;
  while (c->at < c->end && *c->at != '"') {
    if (*c->at == '\\' || *c->at == '\0') return NULL;
    c->at++;
  }
  if (c->at == c->end) return NULL;
  *c->at++ = '\0';
  return start;
}

/* Takes an integer of 0 or more. */
static int take_number(cursor *c, int64_t *number) {
  skip_space(c);
  char *start = c->at;
  *number = 0;
  while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
    if (*number > (INT64_MAX - 9) / 10) return 0;
    *number = 10 * *number + (*c->at++ - '0');
  }
  return c->at > start;
}

/* Takes [a] or [a, b]. Returns how many numbers there are, 0 for anything else. */
static int take_numbers(cursor *c, int64_t numbers[2]) {
  if (!take(c, '[') || !take_number(c, &numbers[0])) return 0;
  numbers[1] = 1;
  if (take(c, ']')) return 1;
  return take(c, ',') && take_number(c, &numbers[1]) && take(c, ']') ? 2 : 0;
}

/* "name": "value", ... */
static int take_metadata(safetensors *file, cursor *c) {
  if (!take(c, '{')) return fail(file, "its metadata is no object");
  if (take(c, '}')) return 1;
  do {
    struct metadata *entry = &file->metadata[file->metadata_count];
    entry->name = take_string(c);
    if (entry->name == NULL || !take(c, ':') || (entry->value = take_string(c)) == NULL)
      return fail(file, "its metadata is damaged");
    file->metadata_count++;
  } while (take(c, ','));
  return take(c, '}') ? 1 : fail(file, "its metadata is damaged");
}

/* {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]}, in any order. */
static int take_tensor(safetensors *file, cursor *c, const char *name, int64_t data_size) {
  int is_float = 0, has_offsets = 0;
  int64_t offsets[2] = {0, 0};
  struct tensor *tensor = &file->tensors[file->tensor_count++];
  tensor->name = name;
  if (!take(c, '{')) return fail(file, "the entry of %.64s is no object", name);
  do {
    const char *key = take_string(c);
    if (key == NULL || !take(c, ':')) return fail(file, "the entry of %.64s is damaged", name);
    if (strcmp(key, "dtype") == 0) {
      const char *type = take_string(c);
      is_float = type != NULL && strcmp(type, "F32") == 0;
    } else if (strcmp(key, "shape") == 0) {
      tensor->rank = take_numbers(c, tensor->shape);
    } else if (strcmp(key, "data_offsets") == 0) {
      has_offsets = take_numbers(c, offsets) == 2;
    } else {
      return fail(file, "the entry of %.64s has something unknown: %.64s", name, key);
    }
  } while (take(c, ','));
  if (!take(c, '}')) return fail(file, "the entry of %.64s is damaged", name);
  if (!is_float) return fail(file, "%.64s is not of float32", name);
  if (tensor->rank == 0) return fail(file, "%.64s has neither one nor two dimensions", name);
  tensor->begin = offsets[0];
  tensor->end = offsets[1];
  if (!has_offsets || tensor->begin > tensor->end || tensor->end > data_size || tensor->begin % 4 != 0)
    return fail(file, "%.64s is not inside the file", name);
  /* No product that could overflow: rows * columns must be `elements`. */
  int64_t elements = (tensor->end - tensor->begin) / 4, rows = tensor->shape[0], columns = tensor->shape[1];
  if ((tensor->end - tensor->begin) % 4 != 0 || columns == 0 || elements % columns != 0 || elements / columns != rows)
    return fail(file, "%.64s does not have as many bytes as its shape says", name);
  return 1;
}

static int take_header(safetensors *file, cursor *c, int64_t data_size) {
  /* Every entry has a colon behind its name: there are at most as many of each kind. */
  size_t colons = 0;
  for (const char *at = c->at; at < c->end; at++) colons += *at == ':';
  file->tensors = calloc(colons + 1, sizeof *file->tensors);
  file->metadata = calloc(colons + 1, sizeof *file->metadata);
  if (file->tensors == NULL || file->metadata == NULL) return fail(file, "out of memory");
  if (!take(c, '{')) return fail(file, "its header is no object");
  do {
    const char *name = take_string(c);
    if (name == NULL || !take(c, ':')) return fail(file, "its header is damaged");
    int done = strcmp(name, "__metadata__") == 0 ? take_metadata(file, c) : take_tensor(file, c, name, data_size);
    if (!done) return 0;
  } while (take(c, ','));
  if (!take(c, '}')) return fail(file, "its header is damaged");
  skip_space(c);
  return c->at == c->end ? 1 : fail(file, "its header has something behind its end");
}

/* ==== The file ==================================================================================================== */

/* All bytes of a file, a pipe too. */
static int read_bytes(safetensors *file, FILE *stream, int64_t *size) {
  size_t room = 0, used = 0;
  for (;;) {
    if (used == room) {
      room = room == 0 ? 1 << 20 : 2 * room;
      char *larger = realloc(file->bytes, room);
      if (larger == NULL) return fail(file, "out of memory");
      file->bytes = larger;
    }
    size_t count = fread(file->bytes + used, 1, room - used, stream);
    used += count;
    if (count == 0) break;
  }
  *size = (int64_t)used;
  return ferror(stream) ? fail(file, "%s", strerror(errno)) : 1;
}

int safetensors_read(safetensors *file, const char *path) {
  FILE *stream = fopen(path, "rb");
  if (stream == NULL) return fail(file, "%s", strerror(errno));
  int64_t size = 0;
  int done = read_bytes(file, stream, &size);
  fclose(stream);
  if (!done) return 0;

  if (size < 8) return fail(file, "it is too short: %lld bytes", (long long)size);
  uint64_t header_size = 0;
  for (int i = 7; i >= 0; i--) header_size = header_size << 8 | (unsigned char)file->bytes[i];
  if (header_size > (uint64_t)(size - 8))
    return fail(file, "its header is longer than the file; is it safetensors?");
  char *header = file->bytes + 8, *data = header + header_size;
  int64_t data_size = size - 8 - (int64_t)header_size;
  cursor c = {header, data};
  if (!take_header(file, &c, data_size)) return 0;

  /* The numbers are little-endian, as every processor is that the library runs on. */
  file->numbers = malloc(data_size > 0 ? (size_t)data_size : 1);
  if (file->numbers == NULL) return fail(file, "out of memory");
  memcpy(file->numbers, data, (size_t)data_size);
  return 1;
}

void safetensors_close(safetensors *file) {
  free(file->bytes);
  free(file->numbers);
  free(file->tensors);
  free(file->metadata);
  memset(file, 0, sizeof *file);
}

const float *safetensors_tensor(safetensors *file, const char *name, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < file->tensor_count; i++) {
    const struct tensor *tensor = &file->tensors[i];
    if (strcmp(tensor->name, name) != 0) continue;
    int64_t rank = columns == 0 ? 1 : 2;
    if (tensor->rank == rank && tensor->shape[0] == rows && (rank == 1 || tensor->shape[1] == columns))
      return file->numbers + tensor->begin / 4;
    fail(file, "%.64s has the shape [%lld, %lld], must have [%lld, %lld]", name, (long long)tensor->shape[0],
         (long long)tensor->shape[1], (long long)rows, (long long)(rank == 1 ? 1 : columns));
    return NULL;
  }
  fail(file, "it has no %.64s", name);
  return NULL;
}

int64_t safetensors_number(safetensors *file, const char *name, int64_t largest) {
  for (int64_t i = 0; i < file->metadata_count; i++) {
    if (strcmp(file->metadata[i].name, name) != 0) continue;
    char *end;
    errno = 0;
    long long number = strtoll(file->metadata[i].value, &end, 10);
    if (errno == 0 && end != file->metadata[i].value && *end == '\0' && number >= 1 && number <= largest)
      return number;
    fail(file, "%.64s is %.64s, must be in 1 ... %lld", name, file->metadata[i].value, (long long)largest);
    return -1;
  }
  fail(file, "it does not say %.64s", name);
  return -1;
}
