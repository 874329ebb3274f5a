/* Streams samples through an RNN, LSTM or GRU that was saved in Python, with the same bits as there (docs/c.md):
 *   stream MODEL.safetensors [STEPS] < x > y        raw float32, STEPS at a time: 64, or 1 for step by step */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <swiftrnn_models.h>

static _Noreturn void stop(const char *what, const char *why) {
  fprintf(stderr, "stream: %s: %s\n", what, why);
  exit(EXIT_FAILURE);
}

static void check(swiftrnn_status status) {
  if (status != SWIFTRNN_STATUS_OK) stop(swiftrnn_status_string(status), swiftrnn_last_error());
}

/* A number of a tensor's shape, or 0 if there is no such tensor or dimension. */
static int64_t extent(const swiftrnn_tensors *file, const char *name, int64_t dimension) {
  swiftrnn_tensor_info info = {.rank = 0};
  int64_t index;
  check(swiftrnn_tensors_index(file, name, &index));
  if (index >= 0) check(swiftrnn_tensors_info_at(file, index, &info));
  return dimension < info.rank ? info.shape[dimension] : 0;
}

/* The metadata says which cell; names and shapes of the tensors, which are torch's, say the rest. */
static swiftrnn_config read_config(const swiftrnn_tensors *file, const char *path) {
  static const char *const cells[] = {"rnn_tanh", "rnn_relu", "lstm", "gru", "gru_reset_before"}; /* swiftrnn_cell */
  char cell[32] = "";
  int i = 0;
  check(swiftrnn_tensors_metadata(file, "cell", cell, sizeof cell, NULL));
  while (i < 5 && strcmp(cells[i], cell) != 0) i++;
  if (i == 5) stop(path, "metadata \"cell\" must be rnn_tanh, rnn_relu, lstm, gru, gru_reset_before");
  swiftrnn_config config;
  check(swiftrnn_config_init(&config, sizeof config, (swiftrnn_cell)(SWIFTRNN_RNN_TANH + i)));
  config.input_size = extent(file, "weight_ih_l0", 1);
  config.projection_size = extent(file, "weight_hr_l0", 0);
  config.hidden_size = extent(file, config.projection_size > 0 ? "weight_hr_l0" : "weight_hh_l0", 1);
  if (config.input_size == 0 || config.hidden_size == 0) stop(path, "no matrices weight_ih_l0, weight_hh_l0");
  config.bias = extent(file, "bias_ih_l0", 0) > 0;
  for (char name[32] = "weight_ih_l1"; extent(file, name, 0) > 0;)
    snprintf(name, sizeof name, "weight_ih_l%lld", (long long)++config.num_layers);
  return config;
}

int main(int count, char **arguments) {
  char *end = "";
  const long long block = count > 2 ? strtoll(arguments[2], &end, 10) : 64;
  if (count < 2 || count > 3 || *end != '\0' || block < 1 || block > 1 << 20)
    stop("usage", "stream MODEL.safetensors [STEPS in 1 ... 1048576] < x > y");
  swiftrnn_tensors *file;
  swiftrnn_network *network;
  swiftrnn_weights *weights;
  swiftrnn_stream *stream;
  int64_t tensors, outputs;
  check(swiftrnn_tensors_load(arguments[1], &file));
  const swiftrnn_config config = read_config(file, arguments[1]);
  check(swiftrnn_network_create(&config, &network));
  check(swiftrnn_network_output_size(network, &outputs));
  check(swiftrnn_network_parameter_count(network, &tensors));
  const size_t x_row = (size_t)config.input_size * sizeof(float), y_row = (size_t)outputs * sizeof(float);
  char *x = calloc((size_t)block, x_row), *y = calloc((size_t)block, y_row);
  const void **parameters = calloc((size_t)tensors, sizeof *parameters);
  if (x == NULL || y == NULL || parameters == NULL) stop("out of memory", "fewer STEPS at a time need less");
  check(swiftrnn_tensors_parameters(file, NULL, network, parameters, tensors));
  check(swiftrnn_weights_create(network, parameters, tensors, &weights));
  check(swiftrnn_stream_create(network, weights, 1, &stream));

  size_t bytes;
  while ((bytes = fread(x, 1, (size_t)block * x_row, stdin)) > 0) {
    if (bytes % x_row != 0) stop("standard input", "ends inside a step");
    const size_t steps = bytes / x_row;
    check(swiftrnn_stream_run(stream, (int64_t)steps, x, y));
    if (fwrite(y, y_row, steps, stdout) < steps || fflush(stdout) != 0) stop("standard output", "can't be written");
  }
  if (ferror(stdin)) stop("standard input", "can't be read");
  swiftrnn_stream_destroy(stream), swiftrnn_weights_destroy(weights), swiftrnn_network_destroy(network);
  free(x), free(y), free(parameters), swiftrnn_tensors_destroy(file);
}
