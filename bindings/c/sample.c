/* Writes text with a character language model that was trained elsewhere, for instance by
 * Examples/CharacterLanguageModel, in Swift: the same bytes for the same seed.
 *
 *   sample FILE.safetensors [--length N] [--seed N] [--temperature X]
 */
#include "safetensors.h"

#include <swiftrnn.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A token is a byte. */
enum { VOCABULARY = 256 };

typedef struct model {
  int64_t embedding_size, hidden_size;
  const float *embedding; /* [256, embedding_size] */
  const float *weight;    /* of the linear layer, [256, hidden_size] */
  const float *bias;      /* [256] */
  swiftrnn_stream *stream;
} model;

static _Noreturn void stop(const char *what, const char *why) {
  fprintf(stderr, "sample: %s: %s\n", what, why);
  exit(EXIT_FAILURE);
}

static void check(swiftrnn_status status) {
  if (status != SWIFTRNN_STATUS_OK) stop(swiftrnn_status_string(status), swiftrnn_last_error());
}

static void *allocate(int64_t count, size_t size) {
  void *memory = calloc((size_t)count, size);
  if (memory == NULL) stop("out of memory", "the model is too large");
  return memory;
}

static int64_t number(safetensors *file, const char *path, const char *name, int64_t largest) {
  int64_t value = safetensors_number(file, name, largest);
  if (value < 0) stop(path, file->error);
  return value;
}

static const float *tensor(safetensors *file, const char *path, const char *name, int64_t rows, int64_t columns) {
  const float *numbers = safetensors_float32(file, name, rows, columns);
  if (numbers == NULL) stop(path, file->error);
  return numbers;
}

/* The LSTM, as a stream: it keeps its own copy of the weights. */
static swiftrnn_stream *make_stream(const swiftrnn_config *config, safetensors *file, const char *path) {
  swiftrnn_network *network;
  check(swiftrnn_network_create(config, &network));
  int64_t count;
  check(swiftrnn_network_parameter_count(network, &count));
  const void **parameters = allocate(count, sizeof *parameters);
  for (int64_t i = 0; i < count; i++) {
    swiftrnn_parameter_info info;
    check(swiftrnn_network_parameter_info(network, i, &info));
    char name[80];
    snprintf(name, sizeof name, "lstm.%s", info.name);
    parameters[i] = tensor(file, path, name, info.shape[0], info.rank == 1 ? 0 : info.shape[1]);
  }
  swiftrnn_weights *weights;
  check(swiftrnn_weights_create(network, parameters, count, &weights));
  swiftrnn_stream *stream;
  check(swiftrnn_stream_create(network, weights, 1, &stream));
  free(parameters);
  swiftrnn_weights_destroy(weights);
  swiftrnn_network_destroy(network);
  return stream;
}

static model make_model(safetensors *file, const char *path) {
  swiftrnn_config config;
  check(swiftrnn_config_init(&config, sizeof config, SWIFTRNN_LSTM));
  config.input_size = number(file, path, "embedding_size", 1 << 20);
  config.hidden_size = number(file, path, "hidden_size", 1 << 20);
  config.num_layers = number(file, path, "num_layers", 1024);
  model model = {.embedding_size = config.input_size, .hidden_size = config.hidden_size};
  model.embedding = tensor(file, path, "embedding.weight", VOCABULARY, model.embedding_size);
  model.weight = tensor(file, path, "linear.weight", VOCABULARY, model.hidden_size);
  model.bias = tensor(file, path, "linear.bias", VOCABULARY, 0);
  model.stream = make_stream(&config, file, path);
  return model;
}

/* Each byte is drawn from what the model expects after the ones before it; the first follows a line's end. */
static void write_text(const model *model, int64_t length, swiftrnn_sample_config config) {
  float *output = allocate(model->hidden_size, sizeof *output);
  float logits[VOCABULARY];
  int64_t byte = '\n';
  for (int64_t position = 0; position < length; position++) {
    check(swiftrnn_stream_step(model->stream, model->embedding + byte * model->embedding_size, output));
    check(swiftrnn_linear_forward(SWIFTRNN_FLOAT32, 1, model->hidden_size, VOCABULARY, output, model->weight,
                                  model->bias, logits));
    config.position = (uint64_t)position;
    check(swiftrnn_sample(SWIFTRNN_FLOAT32, &config, 1, VOCABULARY, logits, &byte));
    putchar((int)byte);
  }
  free(output);
}

int main(int count, char **arguments) {
  const char *usage = "sample FILE.safetensors [--length N] [--seed N] [--temperature X]";
  const char *path = NULL;
  int64_t length = 300;
  swiftrnn_sample_config config = {.size = sizeof config, .temperature = 0.7, .seed = 1, .seeded = 1};
  for (int i = 1; i < count; i++) {
    const char *option = arguments[i];
    if (strcmp(option, "--help") == 0) {
      puts(usage);
      return EXIT_SUCCESS;
    }
    if (strncmp(option, "--", 2) != 0 && path == NULL) {
      path = option;
      continue;
    }
    const char *value = i + 1 < count ? arguments[++i] : "";
    char *end = NULL;
    errno = 0;
    if (strcmp(option, "--length") == 0)
      length = strtoll(value, &end, 10);
    else if (strcmp(option, "--seed") == 0)
      config.seed = strtoull(value, &end, 10);
    else if (strcmp(option, "--temperature") == 0)
      config.temperature = strtod(value, &end);
    else
      stop(option, "unknown option; there are --length, --seed and --temperature");
    if (value[0] == '-' || end == value || *end != '\0' || errno != 0) stop(option, "needs a number of 0 or more");
  }
  if (path == NULL) stop("usage", usage);

  safetensors file;
  if (!safetensors_read(&file, path)) stop(path, file.error);
  model model = make_model(&file, path);
  write_text(&model, length, config);
  swiftrnn_stream_destroy(model.stream);
  safetensors_close(&file);
  if (fflush(stdout) != 0) stop("standard output", strerror(errno));
  return EXIT_SUCCESS;
}
