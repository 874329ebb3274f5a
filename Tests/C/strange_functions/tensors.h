/* Tensors of safetensors files, whole or damaged, and the parameters of a network among them. Valid in C11 and in
 * C++17. */
#ifndef SWIFTRNN_TEST_STRANGE_TENSORS_H
#define SWIFTRNN_TEST_STRANGE_TENSORS_H

#include "vocabularies.h"

enum { MOST_TENSOR_FILE = 1 << 16 };

/* What is given to the calls: one at a time. */
static struct {
  const char *path, *key, *prefix;
  swiftrnn_tensors *tensors, **out_tensors;
  swiftrnn_tensor_info *info;
  swiftrnn_network *network;
  const void **parameters;
  char *text;
  int64_t text_size, index, count, *out;
} s;

static int run_tensors_load(void) { return (int)swiftrnn_tensors_load(s.path, s.out_tensors); }
static int run_tensors_count(void) { return (int)swiftrnn_tensors_count(s.tensors, s.out); }
static int run_tensors_index(void) { return (int)swiftrnn_tensors_index(s.tensors, s.key, s.out); }
static int run_tensors_info_at(void) { return (int)swiftrnn_tensors_info_at(s.tensors, s.index, s.info); }
static int run_tensors_metadata(void) {
  return (int)swiftrnn_tensors_metadata(s.tensors, s.key, s.text, s.text_size, s.out);
}
static int run_tensors_parameters(void) {
  return (int)swiftrnn_tensors_parameters(s.tensors, s.prefix, s.network, s.parameters, s.count);
}

/* A file of the network's parameters and others; returns its size. `is_whole`: the parameters are all there, in the
 * right shapes and type, and no other tensor has their prefix. */
static int64_t tensor_file(char *out, const char *prefix, int is_double, int *is_whole) {
  static const char *const others[] = {"F16", "I64", "BOOL", "U8", "F4"};
  static char header[MOST_TENSOR_FILE / 2];
  int64_t used = 0, data = 0, count = 0;
  *is_whole = 1;
#define ADD(...) used += snprintf(header + used, sizeof header - (size_t)used, __VA_ARGS__)
  ADD("{\"__metadata__\": {\"cell\": \"lstm\", \"\": \"%s\"}", any(2) ? "" : "a value");
  (void)swiftrnn_network_parameter_count(s.network, &count);
  for (int64_t i = 0; i < count; i++) {
    swiftrnn_parameter_info p;
    (void)swiftrnn_network_parameter_info(s.network, i, &p);
    const int is_missing = any(40) == 0, is_other = any(40) == 0;
    const int64_t rows = p.shape[0] + (any(40) == 0), bytes = rows * p.shape[1] * (is_double != is_other ? 8 : 4);
    if (is_missing || is_other || rows != p.shape[0]) *is_whole = 0;
    if (is_missing) continue;
    ADD(", \"%s%s\": {\"dtype\": \"%s\", \"shape\": [%d", prefix, p.name, is_double != is_other ? "F64" : "F32",
        (int)rows);
    if (p.rank == 2) ADD(", %d", (int)p.shape[1]);
    ADD("], \"data_offsets\": [%d, %d]}", (int)data, (int)(data + bytes));
    data += bytes;
  }
  for (int64_t i = any(2) ? 0 : any(4); i > 0; i--) {
    const char *const type = ONE_OF(others);
    const int64_t elements = 8 * any(4);
    const int64_t bits = strcmp(type, "F16") == 0 ? 16 : *type == 'I' ? 64 : *type == 'F' ? 4 : 8;
    ADD(", \"%d other\": {\"dtype\": \"%s\", \"shape\": [2, %d], \"data_offsets\": [%d, %d]}", (int)i, type,
        (int)elements / 2, (int)data, (int)(data + elements * bits / 8));
    data += elements * bits / 8;
    if (*prefix == 0) *is_whole = 0;
  }
  ADD("}");
#undef ADD
  if (used + data + 8 > MOST_TENSOR_FILE || used >= (int64_t)sizeof header) required(NULL);
  for (int i = 0; i < 8; i++) out[i] = (char)(used >> (8 * i) & 255);
  memcpy(out + 8, header, (size_t)used);
  for (int64_t i = 0; i < data; i++) out[8 + used + i] = (char)any(256);
  return 8 + used + data;
}

static void destroy_made_tensors(void) {
  if (*s.out_tensors != NULL) all->calls[F_tensors_destroy][0]++;
  swiftrnn_tensors_destroy(*s.out_tensors), *s.out_tensors = NULL;
}

static void load_tensors(int is_damaged) {
  call c;
  s.path = string_new("path", strange_path("tensors"));
  s.out_tensors = (swiftrnn_tensors **)array_new("out_tensors", HANDLE, 8), *s.out_tensors = NULL;
  call_begin(&c, F_tensors_load, run_tensors_load);
  has_object(&c, "path", &s.path), has_array(&c, "out_tensors", &s.out_tensors, 8, 1);
  keep_blocks(), name_call(&c, "");
  (void)perform(&c, is_damaged ? BIT(OK) | BIT(INVALID_FORMAT) : BIT(OK));
  s.tensors = *s.out_tensors, *s.out_tensors = NULL;
  for (int64_t i = any(3); i > 0; i--) changed_calls(&c, 1, &fill_state), destroy_made_tensors();
}

/* Every number and byte that an info points to can be read. */
static void read_info(void) {
  volatile unsigned char seen = 0;
  int64_t product = 1;
  for (int64_t i = 0; i < s.info->rank; i++) product *= s.info->shape[i];
  for (int64_t i = 0; i < s.info->bytes; i++) seen = (unsigned char)(seen ^ ((const unsigned char *)s.info->data)[i]);
  if (product != s.info->elements || (uintptr_t)s.info->data % 64 != 0) REPORT("an info that cannot be");
  int64_t index = -2;
  if (swiftrnn_tensors_index(s.tensors, s.info->name, &index) != SWIFTRNN_STATUS_OK || index != s.index) {
    REPORT("tensor %d has the index %d", (int)s.index, (int)index);
  }
}

static void ask_tensors(int is_whole) {
  static const char *const keys[] = {"cell", "", "none", "weight_ih_l0", "1 other", "\xff\xfe"};
  call c;
  int64_t count = 0;
  unsigned statuses = BIT(OK);
  (void)swiftrnn_tensors_count(s.tensors, &count);
  s.out = (int64_t *)array_new("out", FORWARD_RESULT, 8), s.key = string_new("key", ONE_OF(keys));
  switch (any(count > 0 ? 5 : 4)) {
    case 0:
      call_begin(&c, F_tensors_count, run_tensors_count), has_array(&c, "out_count", &s.out, 8, 1);
      break;
    case 1:
      call_begin(&c, F_tensors_index, run_tensors_index);
      has_object(&c, "name", &s.key), has_array(&c, "out_index", &s.out, 8, 1);
      break;
    case 2:
      s.text_size = any(20), s.text = (char *)array_new("text", FORWARD_RESULT, s.text_size);
      call_begin(&c, F_tensors_metadata, run_tensors_metadata);
      has_object(&c, "key", &s.key), has_array(&c, "text", &s.text, 1, s.text_size > 0);
      has_number(&c, "text_size", &s.text_size, 0, INT64_MAX, BIT(INVALID_SIZE));
      has_array(&c, "out_size", &s.out, 8, 0);
      break;
    case 3:
      (void)swiftrnn_network_parameter_count(s.network, &s.count);
      s.parameters = (const void **)array_new("parameters", FORWARD_RESULT, s.count * 8);
      call_begin(&c, F_tensors_parameters, run_tensors_parameters);
      has_array(&c, "prefix", &s.prefix, 1, 0), has_object(&c, "network", &s.network);
      has_array(&c, "parameters", &s.parameters, 8, 1), has_count(&c, "parameter_count", &s.count);
      statuses = is_whole ? BIT(OK) : BIT(OK) | BIT(INVALID_FORMAT);
      break;
    default:
      s.index = any(count), s.info = (swiftrnn_tensor_info *)array_new("out_info", FORWARD_RESULT, sizeof *s.info);
      call_begin(&c, F_tensors_info_at, run_tensors_info_at);
      has_number(&c, "index", &s.index, 0, count - 1, BIT(INVALID_VALUE)), has_array(&c, "out_info", &s.info, 8, 1);
  }
  has_object(&c, "tensors", &s.tensors);
  fill_outputs(&fill_state, 1), keep_blocks(), name_call(&c, "");
  const int status = perform(&c, statuses);
  if (status != (int)SWIFTRNN_STATUS_OK) return;
  if (c.which == F_tensors_info_at) read_info();
  changed_calls(&c, any(3), &fill_state);
}

static void tensors(void) {
  static const char *const prefixes[] = {"", "", "encoder.", "a name longer than fifteen bytes."};
  static char bytes[MOST_TENSOR_FILE];
  swiftrnn_config config;
  slots_reset();
  if (swiftrnn_config_init(&config, sizeof config, (swiftrnn_cell)(1 + any(5))) !=
      SWIFTRNN_STATUS_OK) return;
  config.dtype = (swiftrnn_dtype)any(2), config.input_size = 1 + any(4), config.hidden_size = 1 + any(4);
  config.num_layers = 1 + any(2), config.num_directions = 1 + any(2), config.bias = (int32_t)any(2);
  if (swiftrnn_network_create(&config, &s.network) != SWIFTRNN_STATUS_OK) return;
  const char *const prefix = ONE_OF(prefixes);
  int is_whole = 0;
  int64_t size = tensor_file(bytes, prefix, config.dtype == SWIFTRNN_FLOAT64, &is_whole);
  const int is_damaged = any(3) == 0;
  if (is_damaged) size = damage(bytes, size), is_whole = 0;
  write_strange(strange_path("tensors"), bytes, size);
  load_tensors(is_damaged);
  for (int64_t i = s.tensors == NULL ? 0 : 4; i > 0; i--) {
    slots_reset();
    s.prefix = *prefix == 0 && any(2) ? NULL : string_new("prefix", prefix);
    ask_tensors(is_whole);
  }
  swiftrnn_tensors_destroy(s.tensors), all->calls[F_tensors_destroy][0]++;
  swiftrnn_network_destroy(s.network), s.network = NULL, s.tensors = NULL;
}

#endif
