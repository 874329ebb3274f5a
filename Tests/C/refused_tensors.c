/* Tensors of a file: a stranger's file and wrong arguments are refused, with a status and a message, and nothing is
 * written. test_safetensors.py compares verdicts and contents of many files with the safetensors package. */
#include "model_refusals.h"

#include <fcntl.h>

static char path[] = "/tmp/swiftrnn-tensors-XXXXXX";

/* A file of a header and so many bytes of data: 0, 1, 2 and so on. */
static void write_tensors(const char *header, int64_t size) {
  static char bytes[4096];
  const size_t length = strlen(header);
  CHECK(length + (size_t)size + 8 <= sizeof bytes);
  for (int i = 0; i < 8; i++) bytes[i] = (char)(length >> (8 * i) & 255);
  memcpy(bytes + 8, header, length);
  for (int64_t i = 0; i < size; i++) bytes[8 + length + (size_t)i] = (char)i;
  const int file = open(path, O_WRONLY | O_TRUNC);
  CHECK(file >= 0 && write(file, bytes, 8 + length + (size_t)size) == (ssize_t)(8 + length + (size_t)size));
  close(file);
}

static swiftrnn_tensors *load(const char *header, int64_t size) {
  swiftrnn_tensors *made = NULL;
  write_tensors(header, size);
  CHECK_STATUS(swiftrnn_tensors_load(path, &made), SWIFTRNN_STATUS_OK);
  return (swiftrnn_tensors *)required(made);
}

static void files(void) {
  swiftrnn_tensors *out = NULL;
#define LOAD(path) (out = (swiftrnn_tensors *)(void *)&out, swiftrnn_tensors_load(path, &out))
  CHECK_REFUSED(swiftrnn_tensors_load(path, NULL), NULL_POINTER, "out_tensors");
  CHECK_REFUSED(swiftrnn_tensors_load(path, MOVED(swiftrnn_tensors **, &out, 4)), MISALIGNED, "out_tensors");
  CHECK_REFUSED_MAKING(LOAD(NULL), out, NULL_POINTER, "path");
  CHECK_REFUSED_MAKING(LOAD(""), out, FILE, "an empty path");
  CHECK_REFUSED_MAKING(LOAD("\xff"), out, INVALID_VALUE, "path is no UTF-8");
  CHECK_REFUSED_MAKING(LOAD("/tmp"), out, FILE, "/tmp", "regular");
  CHECK_REFUSED_MAKING(LOAD("/dev/zero"), out, FILE, "regular");
  CHECK_REFUSED_MAKING(LOAD("/nowhere/at/all"), out, FILE, "/nowhere/at/all", "No such file");
  CHECK_REFUSED_MAKING(LOAD(path), out, INVALID_FORMAT, path, "has 0 bytes");
  static const struct {
    const char *header;
    int64_t size;
    const char *message;
  } wrong[] = {
      {"", 0, "expected a value"},
      {"[]", 0, "not an object"},
      {"{}", 1, "1 bytes behind the last tensor"},
      {"{\"a\": {\"dtype\": \"U8\", \"shape\": [2], \"data_offsets\": [0, 2]}}", 1, "ends 1 bytes early"},
      {"{\"a\": {\"dtype\": \"F33\", \"shape\": [2], \"data_offsets\": [0, 2]}}", 2, "unknown dtype F33"},
      {"{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 2]}}", 2, "make 8 bytes"},
      {"{\"a\": {\"dtype\": \"U8\", \"shape\": [-2], \"data_offsets\": [0, 2]}}", 2, "shape"},
      {"{\"a\": {\"dtype\": \"U8\", \"shape\": [4294967296, 4294967296], \"data_offsets\": [0, 0]}}", 0, "too large"},
      {"{\"a\": {\"dtype\": \"U8\", \"shape\": [2], \"data_offsets\": [1, 3]}}", 3, "leaves a hole"},
      {"{\"a\": {\"dtype\": \"U8\", \"shape\": [2], \"data_offsets\": [0, 2]}, "
       "\"b\\u001b[31m\": {\"dtype\": \"U8\", \"shape\": [2], \"data_offsets\": [1, 3]}}", 3,
       "tensor b?[31m: its data overlaps another's"},
      {"{\"a\": {\"dtype\": \"U8\", \"shape\": [], \"data_offsets\": [0, 1], \"strides\": [1]}}", 1, "strides"},
      {"{\"__metadata__\": {\"a\": 1}}", 0, "not a string"},
      {"{\"__metadata__\": {\"swiftrnn.checksum\": \"crc32:00000001\"}}", 0, "is damaged"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    write_tensors(wrong[i].header, wrong[i].size);
    CHECK_REFUSED_MAKING(LOAD(path), out, INVALID_FORMAT, path, wrong[i].message);
  }
#undef LOAD
  swiftrnn_tensors_destroy(NULL);
}

static void looking_up(void) {
  swiftrnn_tensors *const t = load(
      "{\"b\": {\"dtype\": \"F64\", \"shape\": [], \"data_offsets\": [3, 11]}, \"__metadata__\": {\"cell\": \"gru\", "
      "\"\": \"\"}, \"a\\u00e9\": {\"dtype\": \"U8\", \"shape\": [3, 1], \"data_offsets\": [0, 3]}, "
      "\"\": {\"dtype\": \"F32\", \"shape\": [0, 7], \"data_offsets\": [0, 0]}}", 11);
  int64_t count = 77, *const odd = MOVED(int64_t *, &count, 4);
  char out[8];
  swiftrnn_tensor_info info;
  memset(&info, CANARY, sizeof info), memset(out, CANARY, sizeof out);
  const buffer before = copy_of(&info, sizeof info), text_before = copy_of(out, sizeof out);
  CHECK_REFUSED(swiftrnn_tensors_count(NULL, &count), NULL_POINTER, "tensors");
  CHECK_REFUSED(swiftrnn_tensors_count(t, NULL), NULL_POINTER, "out_count");
  CHECK_REFUSED(swiftrnn_tensors_count(t, odd), MISALIGNED, "out_count");
  CHECK_REFUSED(swiftrnn_tensors_index(NULL, "b", &count), NULL_POINTER, "tensors");
  CHECK_REFUSED(swiftrnn_tensors_index(t, NULL, &count), NULL_POINTER, "name");
  CHECK_REFUSED(swiftrnn_tensors_index(t, "b", NULL), NULL_POINTER, "out_index");
  CHECK_REFUSED(swiftrnn_tensors_index(t, "b", odd), MISALIGNED, "out_index");
  CHECK_REFUSED(swiftrnn_tensors_info_at(NULL, 0, &info), NULL_POINTER, "tensors");
  CHECK_REFUSED(swiftrnn_tensors_info_at(t, 0, NULL), NULL_POINTER, "out_info");
  CHECK_REFUSED(swiftrnn_tensors_info_at(t, 0, MOVED(swiftrnn_tensor_info *, &info, 4)), MISALIGNED, "out_info");
  static const int64_t outside[] = {-1, 3, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
    CHECK_REFUSED(swiftrnn_tensors_info_at(t, outside[i], &info), INVALID_VALUE, "index is", number(outside[i]),
                  "0...2");
  }
  CHECK_REFUSED(swiftrnn_tensors_metadata(NULL, "cell", out, 8, &count), NULL_POINTER, "tensors");
  CHECK_REFUSED(swiftrnn_tensors_metadata(t, NULL, out, 8, &count), NULL_POINTER, "key");
  static const char *const keys[] = {"cell", "another"};
  for (int i = 0; i < 2; i++) {
    CHECK_REFUSED(swiftrnn_tensors_metadata(t, keys[i], NULL, 8, &count), NULL_POINTER, "text");
    CHECK_REFUSED(swiftrnn_tensors_metadata(t, keys[i], out, -1, &count), INVALID_SIZE, "text_size is -1");
    CHECK_REFUSED(swiftrnn_tensors_metadata(t, keys[i], out, 8, odd), MISALIGNED, "out_size");
  }
  CHECK(is_copy_of(&info, &before) && is_copy_of(out, &text_before) && count == 77);

  CHECK_STATUS(swiftrnn_tensors_metadata(t, "another", out, 8, &count), SWIFTRNN_STATUS_OK);
  CHECK(count == 0 && is_copy_of(out, &text_before));
  CHECK_STATUS(swiftrnn_tensors_metadata(t, "cell", out, 3, &count), SWIFTRNN_STATUS_OK);
  CHECK(count == 4 && strcmp(out, "gr") == 0);
  CHECK_STATUS(swiftrnn_tensors_metadata(t, "", out, 8, &count), SWIFTRNN_STATUS_OK);
  CHECK(count == 1 && out[0] == 0);
  CHECK_STATUS(swiftrnn_tensors_metadata(t, "cell", NULL, 0, NULL), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_tensors_count(t, &count), SWIFTRNN_STATUS_OK);
  CHECK(count == 3);
  static const struct {
    const char *name, *dtype;
    int64_t rank, shape[2], elements, bytes, first;
  } expected[] = {{"", "F32", 2, {0, 7}, 0, 0, 0},
                  {"a\xc3\xa9", "U8", 2, {3, 1}, 3, 3, 0},
                  {"b", "F64", 0, {0, 0}, 1, 8, 3}};
  for (int64_t i = 0; i < 3; i++) {
    CHECK_STATUS(swiftrnn_tensors_info_at(t, i, &info), SWIFTRNN_STATUS_OK);
    CHECK(strcmp(info.name, expected[i].name) == 0 && strcmp(info.dtype, expected[i].dtype) == 0);
    CHECK(info.rank == expected[i].rank && info.elements == expected[i].elements && info.bytes == expected[i].bytes);
    for (int64_t k = 0; k < info.rank; k++) CHECK(info.shape[k] == expected[i].shape[k]);
    CHECK(info.data != NULL && (uintptr_t)info.data % 64 == 0);
    for (int64_t k = 0; k < info.bytes; k++) CHECK(((const unsigned char *)info.data)[k] == expected[i].first + k);
    CHECK_STATUS(swiftrnn_tensors_index(t, info.name, &count), SWIFTRNN_STATUS_OK);
    CHECK(count == i);
  }
  static const char *const lacking[] = {"a", "B", "c", "__metadata__", "a\xc3\xa9 ", "\xff"};
  for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++) {
    CHECK_STATUS(swiftrnn_tensors_index(t, lacking[i], &count), SWIFTRNN_STATUS_OK);
    CHECK(count == -1);
  }
  swiftrnn_tensors_destroy(t);
}

/* An RNN of one input and one state: weight_ih_l0 [1, 1], weight_hh_l0 [1, 1], and without bias no more. */
static void parameters(void) {
  swiftrnn_config config;
  swiftrnn_network *network = NULL, *larger = NULL;
  CHECK_STATUS(swiftrnn_config_init(&config, sizeof config, SWIFTRNN_RNN_TANH), SWIFTRNN_STATUS_OK);
  config.input_size = config.hidden_size = 1, config.bias = 0;
  CHECK_STATUS(swiftrnn_network_create(&config, &network), SWIFTRNN_STATUS_OK);
  config.dtype = SWIFTRNN_FLOAT64;
  CHECK_STATUS(swiftrnn_network_create(&config, &larger), SWIFTRNN_STATUS_OK);
#define IH "weight_ih_l0\": {\"dtype\": \"F32\", \"shape\": [1, 1], \"data_offsets\": [0, 4]}"
#define HH "weight_hh_l0\": {\"dtype\": \"F32\", \"shape\": [1, 1], \"data_offsets\": [4, 8]}"
#define OTHER "head\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [8, 9]}"
  swiftrnn_tensors *t = load("{\"" IH ", \"" HH "}", 8);
  const void *found[2], *none[2];
  memset(found, CANARY, sizeof found), memcpy(none, found, sizeof none);
  CHECK_REFUSED(swiftrnn_tensors_parameters(NULL, NULL, network, found, 2), NULL_POINTER, "tensors");
  CHECK_REFUSED(swiftrnn_tensors_parameters(t, NULL, NULL, found, 2), NULL_POINTER, "network");
  CHECK_REFUSED(swiftrnn_tensors_parameters(t, NULL, network, NULL, 2), NULL_POINTER, "parameters");
  CHECK_REFUSED(swiftrnn_tensors_parameters(t, NULL, network, MOVED(const void **, found, 4), 2), MISALIGNED,
                "parameters");
  CHECK_REFUSED(swiftrnn_tensors_parameters(t, "\xff", network, found, 2), INVALID_VALUE, "prefix is no UTF-8");
  static const int64_t counts[] = {0, 1, 3, -1, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    CHECK_REFUSED(swiftrnn_tensors_parameters(t, NULL, network, found, counts[i]), INVALID_SIZE, "parameter_count",
                  number(counts[i]));
  }
  CHECK_REFUSED(swiftrnn_tensors_parameters(t, NULL, larger, found, 2), INVALID_FORMAT, path, "weight_ih_l0",
                "is of F32, must be of F64");
  CHECK_REFUSED(swiftrnn_tensors_parameters(t, "a.", network, found, 2), INVALID_FORMAT,
                "the tensor a.weight_ih_l0 is missing");
  CHECK(memcmp(found, none, sizeof none) == 0);
  CHECK_STATUS(swiftrnn_tensors_parameters(t, "", network, found, 2), SWIFTRNN_STATUS_OK);
  CHECK(memcmp(found[0], "\0\1\2\3", 4) == 0 && memcmp(found[1], "\4\5\6\7", 4) == 0);
  swiftrnn_tensors_destroy(t);

  static const struct {
    const char *header;
    int64_t size;
    const char *message;
  } wrong[] = {
      {"{\"" IH "}", 4, "the tensor weight_hh_l0 is missing"},
      {"{\"" IH ", \"" HH ", \"" OTHER "}", 9, "the tensor head is none of the network's"},
      {"{\"" IH ", \"weight_hh_l0\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 8]}}", 8,
       "has the shape [1], must have [1, 1]"},
      {"{\"" IH ", \"weight_hh_l0\": {\"dtype\": \"F32\", \"shape\": [1,1,1,1,1,1,1,1,1,1], "
       "\"data_offsets\": [4, 8]}}", 8, "has the shape [1, 1, 1, 1, 1, 1, 1, 1, \xe2\x80\xa6], must have [1, 1]"},
  };
  memcpy(found, none, sizeof none);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    t = load(wrong[i].header, wrong[i].size);
    CHECK_REFUSED(swiftrnn_tensors_parameters(t, NULL, network, found, 2), INVALID_FORMAT, path, wrong[i].message);
    CHECK(memcmp(found, none, sizeof none) == 0);
    swiftrnn_tensors_destroy(t);
  }
  /* Others are no concern of a prefix, but those that begin with the prefix. */
  t = load("{\"a." IH ", \"a." HH ", \"" OTHER "}", 9);
  CHECK_STATUS(swiftrnn_tensors_parameters(t, "a.", network, found, 2), SWIFTRNN_STATUS_OK);
  swiftrnn_tensors_destroy(t);
  t = load("{\"a." IH ", \"a." HH ", \"a." OTHER "}", 9);
  CHECK_REFUSED(swiftrnn_tensors_parameters(t, "a.", network, found, 2), INVALID_FORMAT,
                "the tensor a.head is none of the network's");
  swiftrnn_tensors_destroy(t);
  swiftrnn_network_destroy(network), swiftrnn_network_destroy(larger);
}

int main(void) {
  const int file = mkstemp(path);
  CHECK(file >= 0 && close(file) == 0);
  files();
  looking_up();
  parameters();
  unlink(path);
  return check_result();
}
