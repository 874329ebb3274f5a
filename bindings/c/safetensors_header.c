#include "safetensors_header.h"

#include "json.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* The types of the format, and the bits of an element. */
static const struct {
  const char *name;
  int bits;
} types[] = {{"F4", 4},       {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"BOOL", 8},        {"U8", 8},          {"I8", 8},
             {"F8_E5M2", 8},  {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"U16", 16},
             {"I16", 16},     {"F16", 16},    {"BF16", 16},   {"U32", 32},        {"I32", 32},        {"F32", 32},
             {"U64", 64},     {"I64", 64},    {"F64", 64},    {"C64", 64}};
enum { TYPES = sizeof types / sizeof *types };

/* The text of a header, and where it begins. */
typedef struct reader {
  json_text text;
  const char *start;
} reader;

int safetensors_fail(safetensors *file, const char *tensor, const char *format, ...) {
  va_list arguments;
  int used = tensor == NULL ? 0 : snprintf(file->error, sizeof file->error, "tensor %.64s: ", tensor);
  va_start(arguments, format);
  vsnprintf(file->error + used, sizeof file->error - (size_t)used, format, arguments);
  va_end(arguments);
  /* A file's names do not reach a terminal raw. */
  for (char *at = file->error; *at != '\0'; at++)
    if (*at < 0x20 || *at > 0x7e) *at = '?';
  return 0;
}

static int fail_text(safetensors *file, const reader *reader, const char *tensor) {
  return safetensors_fail(file, tensor, "%s at byte %lld of the header", reader->text.problem,
                          (long long)(reader->text.at - reader->start));
}

/* Zeroed memory, for one element at least. */
static void *allocate(int64_t count, size_t size) {
  if ((uint64_t)count > SIZE_MAX / size) return NULL;
  return calloc(count > 0 ? (size_t)count : 1, size);
}

/* ==== A tensor ==================================================================================================== */

static int take_type(safetensors *file, reader *reader, safetensors_tensor *tensor) {
  const char *type = json_string(&reader->text);
  if (type == NULL) return fail_text(file, reader, tensor->name);
  for (int i = 0; i < TYPES; i++)
    if (strcmp(types[i].name, type) == 0) tensor->dtype = types[i].name;
  return tensor->dtype != NULL ? 1 : safetensors_fail(file, tensor->name, "unknown dtype %.64s", type);
}

static int take_shape(safetensors *file, reader *reader, safetensors_tensor *tensor) {
  json_text ahead = reader->text;
  tensor->rank = json_numbers(&ahead, NULL, 0);
  if (tensor->rank < 0) {
    reader->text = ahead;
    return fail_text(file, reader, tensor->name);
  }
  tensor->shape = (int64_t *)allocate(tensor->rank, sizeof *tensor->shape);
  if (tensor->shape == NULL) return safetensors_fail(file, tensor->name, "out of memory");
  json_numbers(&reader->text, tensor->shape, tensor->rank);
  return 1;
}

static int take_offsets(safetensors *file, reader *reader, safetensors_tensor *tensor) {
  int64_t offsets[2] = {0, 0}, count = json_numbers(&reader->text, offsets, 2);
  if (count < 0) return fail_text(file, reader, tensor->name);
  tensor->begin = offsets[0];
  tensor->end = offsets[1];
  if (count == 2) return 1;
  return safetensors_fail(file, tensor->name, "data_offsets has %lld numbers, must have 2", (long long)count);
}

/* The bytes of the data, or -1: more bits than an int64_t counts, or a last byte that is not full. */
static int64_t data_size(const safetensors_tensor *tensor) {
  int64_t bits = 0;
  for (int i = 0; i < TYPES; i++)
    if (types[i].name == tensor->dtype) bits = types[i].bits;
  for (int64_t i = 0; i < tensor->rank; i++) {
    if (tensor->shape[i] != 0 && bits > INT64_MAX / tensor->shape[i]) return -1;
    bits *= tensor->shape[i];
  }
  return bits % 8 == 0 ? bits / 8 : -1;
}

/* {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]}, in any order. */
static int take_tensor(safetensors *file, reader *reader, safetensors_tensor *tensor) {
  static const char *const keys[] = {"dtype", "shape", "data_offsets"};
  int taken[] = {0, 0, 0};
  json_text *text = &reader->text;
  if (!json_take(text, '{')) return fail_text(file, reader, tensor->name);
  int is_empty = json_take(text, '}');
  while (!is_empty) {
    const char *key = json_string(text);
    if (key == NULL || !json_take(text, ':')) return fail_text(file, reader, tensor->name);
    int i = 0;
    while (i < 3 && strcmp(keys[i], key) != 0) i++;
    if (i == 3) return safetensors_fail(file, tensor->name, "unknown key %.64s", key);
    if (taken[i]++) return safetensors_fail(file, tensor->name, "%s is there twice", key);
    int done = i == 0   ? take_type(file, reader, tensor)
               : i == 1 ? take_shape(file, reader, tensor)
                        : take_offsets(file, reader, tensor);
    if (!done) return 0;
    if (json_take(text, ',')) continue;
    if (json_take(text, '}')) break;
    return fail_text(file, reader, tensor->name);
  }
  for (int i = 0; i < 3; i++)
    if (!taken[i]) return safetensors_fail(file, tensor->name, "%s is missing", keys[i]);
  int64_t size = data_size(tensor);
  if (size < 0) return safetensors_fail(file, tensor->name, "its size is no whole number of bytes, or too large");
  if (tensor->end - tensor->begin != size)
    return safetensors_fail(file, tensor->name, "data_offsets are [%lld, %lld], but dtype and shape make %lld bytes",
                            (long long)tensor->begin, (long long)tensor->end, (long long)size);
  return 1;
}

/* ==== The header ================================================================================================== */

/* Counts on a copy, so that exactly what is there can be allocated before it is read. */
static int64_t count_members(reader *reader) {
  json_text ahead = reader->text;
  int64_t count = json_count_members(&ahead);
  if (count < 0) reader->text = ahead;
  return count;
}

static int metadata_by_name(const void *left, const void *right) {
  return strcmp(((const safetensors_metadata *)left)->name, ((const safetensors_metadata *)right)->name);
}

/* {"name": "value", ...} */
static int take_metadata(safetensors *file, reader *reader) {
  if (file->metadata != NULL) return safetensors_fail(file, NULL, "__metadata__ is there twice");
  int64_t count = count_members(reader);
  if (count < 0) return fail_text(file, reader, NULL);
  file->metadata = (safetensors_metadata *)allocate(count, sizeof *file->metadata);
  if (file->metadata == NULL) return safetensors_fail(file, NULL, "out of memory");
  json_take(&reader->text, '{');
  for (int64_t i = 0; i < count; i++) {
    if (i > 0) json_take(&reader->text, ',');
    safetensors_metadata *entry = &file->metadata[i];
    entry->name = json_string(&reader->text);
    if (entry->name == NULL || !json_take(&reader->text, ':')) return fail_text(file, reader, NULL);
    entry->value = json_string(&reader->text);
    if (entry->value == NULL) return fail_text(file, reader, NULL);
  }
  json_take(&reader->text, '}');
  file->metadata_count = count;
  qsort(file->metadata, (size_t)count, sizeof *file->metadata, metadata_by_name);
  for (int64_t i = 1; i < count; i++)
    if (strcmp(file->metadata[i - 1].name, file->metadata[i].name) == 0)
      return safetensors_fail(file, NULL, "%.64s is in the metadata twice", file->metadata[i].name);
  return 1;
}

static int tensors_by_name(const void *left, const void *right) {
  return strcmp(((const safetensors_tensor *)left)->name, ((const safetensors_tensor *)right)->name);
}

/* Empty tensors come before what has data at the same place. */
static int tensors_by_offset(const void *left, const void *right) {
  const safetensors_tensor *a = (const safetensors_tensor *)left, *b = (const safetensors_tensor *)right;
  if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
  return (a->end > b->end) - (a->end < b->end);
}

/* Every name once, and every byte of the data in one tensor. */
static int check_tensors(safetensors *file) {
  safetensors_tensor *tensors = file->tensors;
  qsort(tensors, (size_t)file->tensor_count, sizeof *tensors, tensors_by_name);
  for (int64_t i = 1; i < file->tensor_count; i++)
    if (strcmp(tensors[i - 1].name, tensors[i].name) == 0)
      return safetensors_fail(file, tensors[i].name, "is there twice");
  qsort(tensors, (size_t)file->tensor_count, sizeof *tensors, tensors_by_offset);
  int64_t end = 0;
  for (int64_t i = 0; i < file->tensor_count; i++) {
    if (tensors[i].begin != end)
      return safetensors_fail(file, tensors[i].name, "its data %s: it begins at %lld, the data before ends at %lld",
                              tensors[i].begin < end ? "overlaps another's" : "leaves a hole",
                              (long long)tensors[i].begin, (long long)end);
    end = tensors[i].end;
  }
  return 1;
}

int safetensors_read_header(safetensors *file, int64_t size) {
  reader reader = {{file->header, file->header + size, NULL}, file->header};
  json_text *text = &reader.text;
  int64_t count = count_members(&reader);
  if (count < 0) return fail_text(file, &reader, NULL);
  file->tensors = (safetensors_tensor *)allocate(count, sizeof *file->tensors);
  if (file->tensors == NULL) return safetensors_fail(file, NULL, "out of memory");
  json_take(text, '{');
  for (int64_t i = 0; i < count; i++) {
    if (i > 0) json_take(text, ',');
    const char *name = json_string(text);
    if (name == NULL || !json_take(text, ':')) return fail_text(file, &reader, NULL);
    if (strcmp(name, "__metadata__") == 0) {
      if (!take_metadata(file, &reader)) return 0;
      continue;
    }
    safetensors_tensor *tensor = &file->tensors[file->tensor_count++];
    tensor->name = name;
    if (!take_tensor(file, &reader, tensor)) return 0;
  }
  json_take(text, '}');
  text->problem = "text behind the end";
  return json_at_end(text) ? check_tensors(file) : fail_text(file, &reader, NULL);
}
