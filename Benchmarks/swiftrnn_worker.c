/* SwiftRNN's side of the benchmark, over the C interface: weights packed beforehand for inference, packing counted in
 * training, all memory allocated beforehand. Streams run one step per call. */
#define _GNU_SOURCE
#include <swiftrnn.h>

#include "worker.h"

static shape s;
static arrays *a;
static swiftrnn_network *network;
static swiftrnn_weights *weights;
static swiftrnn_stream *stream;
static void **parameters, **gradients;
static const void *initial[2];
static void *final[2], *initial_gradients[2];
static char *tape, *workspace;
static int64_t tape_size, workspace_sizes[3];
static swiftrnn_forward_args forward;
static swiftrnn_backward_args backward;

static void check(swiftrnn_status status) {
  if (status != SWIFTRNN_STATUS_OK) fail(swiftrnn_status_string(status), swiftrnn_last_error());
}

static swiftrnn_cell cell_named(const char *name) {
  static const struct {
    const char *name;
    swiftrnn_cell cell;
  } cells[] = {{"rnn_tanh", SWIFTRNN_RNN_TANH}, {"rnn_relu", SWIFTRNN_RNN_RELU}, {"lstm", SWIFTRNN_LSTM},
               {"gru", SWIFTRNN_GRU},           {"gru_before", SWIFTRNN_GRU_RESET_BEFORE}};
  for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
    if (strcmp(cells[i].name, name) == 0) return cells[i].cell;
  }
  fail("unknown cell", name);
  return 0;
}

static void **pointers_into(char *flat, int64_t count) {
  void **const pointers = malloc((size_t)count * sizeof *pointers);
  if (pointers == NULL) fail("pointers", "out of memory");
  check(swiftrnn_network_flat_pointers(network, flat, a->parameters_size, pointers, count));
  return pointers;
}

static void prepare_training(int64_t tensors) {
  forward.tape = tape = allocate(tape_size);
  forward.tape_size = tape_size;
  gradients = pointers_into(a->gradients, tensors);
  initial_gradients[0] = a->dh0, initial_gradients[1] = a->dc0;
  backward = (swiftrnn_backward_args){.size = sizeof backward, .steps = s.T, .sequences = s.N, .x = a->x, .dy = a->dy,
                                      .dx = a->dx, .lengths = a->lengths, .initial_states = initial,
                                      .initial_state_gradients = initial_gradients,
                                      .state_count = forward.state_count, .parameters = forward.parameters,
                                      .gradients = gradients, .parameter_count = tensors, .tape = tape,
                                      .tape_size = tape_size};
}

static const char *prepare(const shape *wanted, arrays *given) {
  s = *wanted, a = given;
  swiftrnn_config config;
  check(swiftrnn_config_init(&config, sizeof config, cell_named(s.cell)));
  config.dtype = s.item_size == 8 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
  config.input_size = s.I, config.hidden_size = s.H;
  config.num_layers = s.layers, config.num_directions = (int32_t)s.directions;
  config.num_threads = s.threads;
  check(swiftrnn_network_create(&config, &network));
  int64_t tensors;
  check(swiftrnn_network_parameter_count(network, &tensors));
  parameters = pointers_into(a->parameters, tensors);
  check(swiftrnn_network_tape_size(network, s.T, s.N, &tape_size));
  for (int purpose = 0; purpose < 3; purpose++) {
    check(swiftrnn_network_workspace_size(network, (swiftrnn_workspace)purpose, s.T, s.N, &workspace_sizes[purpose]));
  }

  initial[0] = a->h0, initial[1] = a->c0;
  final[0] = a->hn, final[1] = a->cn;
  forward = (swiftrnn_forward_args){.size = sizeof forward, .steps = s.T, .sequences = s.N, .x = a->x, .y = a->y,
                                    .lengths = a->lengths, .initial_states = initial, .state_count = 1 + s.has_c};
  int64_t size;
  if (s.work == TRAINING) {
    forward.parameters = (const void *const *)parameters, forward.parameter_count = tensors;
    prepare_training(tensors);
    size = workspace_sizes[SWIFTRNN_WORKSPACE_FORWARD];
    if (size < workspace_sizes[SWIFTRNN_WORKSPACE_BACKWARD]) size = workspace_sizes[SWIFTRNN_WORKSPACE_BACKWARD];
  } else {
    check(swiftrnn_weights_create(network, (const void *const *)parameters, tensors, &weights));
    forward.weights = weights;
    forward.final_states = final;
    size = workspace_sizes[SWIFTRNN_WORKSPACE_FORWARD_WEIGHTS];
  }
  if (s.work == STREAM) check(swiftrnn_stream_create(network, weights, s.N, &stream));
  workspace = allocate(size);
  forward.workspace = backward.workspace = workspace;
  forward.workspace_size = backward.workspace_size = size;
  return NULL;
}

static void run(void) {
  if (s.work == STREAM) {
    check(swiftrnn_stream_step(stream, a->x, a->y));
    return;
  }
  check(swiftrnn_network_forward(network, &forward));
  if (s.work == TRAINING) check(swiftrnn_network_backward(network, &backward));
}

/* A stream's calls go on from each other, so the one that is compared starts anew. */
static void collect(void) {
  if (s.work != STREAM) return;
  check(swiftrnn_stream_set_state(stream, initial, 1 + s.has_c));
  run();
  check(swiftrnn_stream_get_state(stream, final, 1 + s.has_c));
}

static void release(void) {
  swiftrnn_stream_destroy(stream), stream = NULL;
  swiftrnn_weights_destroy(weights), weights = NULL;
  swiftrnn_network_destroy(network), network = NULL;
  free(parameters), parameters = NULL;
  free(gradients), gradients = NULL;
  free(tape), tape = NULL;
  free(workspace), workspace = NULL;
}

static int ascending(const void *left, const void *right) {
  const double l = *(const double *)left, r = *(const double *)right;
  return (l > r) - (l < r);
}

/* Percentiles of single steps, each timed by itself. What the clock takes by itself, the median of as many empty
 * intervals, is subtracted. */
static void latency(long count) {
  double *const steps = malloc((size_t)count * sizeof *steps), *const empty = malloc((size_t)count * sizeof *empty);
  if (steps == NULL || empty == NULL || count < 1) fail("latency", "out of memory");
  for (long i = 0; i < count; i++) {
    const double start = now();
    empty[i] = now() - start;
  }
  for (long i = 0; i < count; i++) {
    const double start = now();
    run();
    steps[i] = now() - start;
  }
  qsort(steps, (size_t)count, sizeof *steps, ascending);
  qsort(empty, (size_t)count, sizeof *empty, ascending);
  const double clock = empty[count / 2];
  printf("latency p50=%.10f p999=%.10f clock=%.10f\n", steps[count / 2] - clock, steps[count * 999 / 1000] - clock,
         clock);
  free(steps);
  free(empty);
}

static int other(const char *command) {
  long count;
  if (sscanf(command, "latency %ld", &count) == 1) {
    latency(count);
  } else if (strncmp(command, "memory", 6) == 0) {
    printf("memory tape=%lld forward=%lld forward_weights=%lld backward=%lld\n", (long long)tape_size,
           (long long)workspace_sizes[0], (long long)workspace_sizes[1], (long long)workspace_sizes[2]);
  } else {
    return 0;
  }
  return 1;
}

int main(void) {
  char greeting[128];
  if (swiftrnn_isa() == NULL) fail("SwiftRNN", swiftrnn_last_error());
  snprintf(greeting, sizeof greeting, "SwiftRNN %s (%s)", swiftrnn_version(), swiftrnn_isa());
  const worker self = {prepare, run, collect, release, other};
  return serve(&self, greeting);
}
