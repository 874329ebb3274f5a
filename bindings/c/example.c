/* One LSTM layer over two short sequences: what a first program needs, and nothing else. */
#include <swiftrnn.h>

#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 5, SEQUENCES = 2, INPUTS = 3, HIDDEN = 4 };

static void check(swiftrnn_status status) {
  if (status == SWIFTRNN_STATUS_OK) return;
  fprintf(stderr, "%s: %s\n", swiftrnn_status_string(status), swiftrnn_last_error());
  exit(EXIT_FAILURE);
}

static void *allocate(int64_t bytes) {
  void *memory = malloc((size_t)bytes);
  if (memory != NULL) return memory;
  fprintf(stderr, "out of memory\n");
  exit(EXIT_FAILURE);
}

int main(void) {
  swiftrnn_config config;
  check(swiftrnn_config_init(&config, sizeof config, SWIFTRNN_LSTM));
  config.input_size = INPUTS;
  config.hidden_size = HIDDEN;
  swiftrnn_network *network;
  check(swiftrnn_network_create(&config, &network));

  /* All parameters in one vector, with a pointer to each tensor. */
  int64_t tensors, elements;
  check(swiftrnn_network_parameter_count(network, &tensors));
  check(swiftrnn_network_flat_count(network, &elements));
  const int64_t flat_size = elements * (int64_t)sizeof(float);
  float *flat = allocate(flat_size);
  void **parameters = allocate(tensors * (int64_t)sizeof *parameters);
  check(swiftrnn_network_flat_pointers(network, flat, flat_size, parameters, tensors));
  check(swiftrnn_network_initialize(network, 42, parameters, tensors));

  float x[STEPS][SEQUENCES][INPUTS], y[STEPS][SEQUENCES][HIDDEN];
  for (int t = 0; t < STEPS; t++)
    for (int n = 0; n < SEQUENCES; n++)
      for (int i = 0; i < INPUTS; i++) x[t][n][i] = 0.1f * (float)(t + n - i);

  swiftrnn_forward_args args = {.size = sizeof args, .steps = STEPS, .sequences = SEQUENCES, .x = x, .y = y};
  args.parameters = (const void *const *)parameters;
  args.parameter_count = tensors;
  check(swiftrnn_network_workspace_size(network, SWIFTRNN_WORKSPACE_FORWARD, STEPS, SEQUENCES, &args.workspace_size));
  args.workspace = allocate(args.workspace_size);
  check(swiftrnn_network_forward(network, &args));

  printf("SwiftRNN %s on %s\n", swiftrnn_version(), swiftrnn_isa());
  for (int n = 0; n < SEQUENCES; n++) {
    printf("sequence %d, last output:", n);
    for (int h = 0; h < HIDDEN; h++) printf(" %.6f", (double)y[STEPS - 1][n][h]);
    printf("\n");
  }

  free(args.workspace);
  free(parameters);
  free(flat);
  swiftrnn_network_destroy(network);
  return EXIT_SUCCESS;
}
