/* Streams samples through an RNN, LSTM or GRU that was saved in Python, with the same bits as there (docs/c.md):
 *   stream MODEL.safetensors [STEPS] < x > y        raw float32, STEPS at a time: 64, or 1 for step by step */
#include "safetensors.h"

#include <stdlib.h>
#include <string.h>
#include <swiftrnn.h>

static _Noreturn void stop(const char *what, const char *why) {
  fprintf(stderr, "stream: %s: %s\n", what, why);
  exit(EXIT_FAILURE);
}

static void check(swiftrnn_status status) {
  if (status != SWIFTRNN_STATUS_OK) stop(swiftrnn_status_string(status), swiftrnn_last_error());
}

/* The metadata says which cell; names and shapes of the tensors, which are torch's, say the rest. */
static swiftrnn_config read_config(const safetensors *file, const char *path) {
  static const char *const cells[] = {"rnn_tanh", "rnn_relu", "lstm", "gru", "gru_reset_before"}; /* swiftrnn_cell */
  const char *cell = safetensors_metadata_value(file, "cell");
  int i = 0;
  while (cell != NULL && i < 5 && strcmp(cells[i], cell) != 0) i++;
  if (cell == NULL || i == 5) stop(path, "metadata \"cell\" must be rnn_tanh, rnn_relu, lstm, gru, gru_reset_before");
  swiftrnn_config config;
  check(swiftrnn_config_init(&config, sizeof config, (swiftrnn_cell)(SWIFTRNN_RNN_TANH + i)));
  config.input_size = safetensors_extent(file, "weight_ih_l0", 1);
  config.projection_size = safetensors_extent(file, "weight_hr_l0", 0);
  config.hidden_size = safetensors_extent(file, config.projection_size > 0 ? "weight_hr_l0" : "weight_hh_l0", 1);
  if (config.input_size == 0 || config.hidden_size == 0) stop(path, "no matrices weight_ih_l0, weight_hh_l0");
  config.bias = safetensors_find(file, "bias_ih_l0") != NULL;
  for (char name[32] = "weight_ih_l1"; safetensors_find(file, name) != NULL;)
    snprintf(name, sizeof name, "weight_ih_l%lld", (long long)++config.num_layers);
  return config;
}

int main(int count, char **arguments) {
  char *end = "";
  const long long block = count > 2 ? strtoll(arguments[2], &end, 10) : 64;
  if (count < 2 || count > 3 || *end != '\0' || block < 1 || block > 1 << 20)
    stop("usage", "stream MODEL.safetensors [STEPS in 1 ... 1048576] < x > y");
  safetensors file;
  if (!safetensors_read(&file, arguments[1])) stop(arguments[1], file.error);

  const swiftrnn_config config = read_config(&file, arguments[1]);
  swiftrnn_network *network;
  swiftrnn_weights *weights;
  swiftrnn_stream *stream;
  int64_t tensors, outputs;
  check(swiftrnn_network_create(&config, &network));
  check(swiftrnn_network_output_size(network, &outputs));
  check(swiftrnn_network_parameter_count(network, &tensors));
  if (tensors < file.tensor_count) stop(arguments[1], "it has tensors that are not of a network of one direction");
  const void **parameters = calloc((size_t)tensors, sizeof *parameters);
  if (parameters == NULL) stop("out of memory", "the network is too large");
  for (int64_t i = 0; i < tensors; i++) {
    swiftrnn_parameter_info info;
    check(swiftrnn_network_parameter_info(network, i, &info));
    parameters[i] = safetensors_float32(&file, info.name, info.shape[0], info.rank == 1 ? 0 : info.shape[1]);
    if (parameters[i] == NULL) stop(arguments[1], file.error);
  }
  check(swiftrnn_weights_create(network, parameters, tensors, &weights));
  check(swiftrnn_stream_create(network, weights, 1, &stream));

  const size_t x_row = (size_t)config.input_size * sizeof(float), y_row = (size_t)outputs * sizeof(float);
  char *x = calloc((size_t)block, x_row), *y = calloc((size_t)block, y_row);
  if (x == NULL || y == NULL) stop("out of memory", "fewer STEPS at a time need less");
  size_t bytes;
  while ((bytes = fread(x, 1, (size_t)block * x_row, stdin)) > 0) {
    if (bytes % x_row != 0) stop("standard input", "ends inside a step");
    const size_t steps = bytes / x_row;
    check(swiftrnn_stream_run(stream, (int64_t)steps, x, y));
    if (fwrite(y, y_row, steps, stdout) < steps || fflush(stdout) != 0) stop("standard output", "can't be written");
  }
  if (ferror(stdin)) stop("standard input", "can't be read");
  swiftrnn_stream_destroy(stream), swiftrnn_weights_destroy(weights), swiftrnn_network_destroy(network);
  free(x), free(y), free(parameters), safetensors_close(&file);
}
