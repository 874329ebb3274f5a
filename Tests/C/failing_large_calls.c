/* As failing_allocations.c, of calls that allocate much: forests of many nodes, networks of as many layers as there
 * may be, many sequences at once, long texts. The system refuses everything from one allocation on: a call's reserve is large enough for
 * what is then still to be done. */
#include "allocator.h"
#include "equations.h"
#include "problem.h"
#include "processes.h"

enum { NODES = 100000, LAYERS = 1024, INPUTS = 3, STEPS = 3, TEXT_SIZE = 1 << 16, NETWORKS = 5 };

static int kind;
static int64_t most_layers, sequences, threads;
static long first; /* allocation that is refused; 0: none */

/* A call that is done, or ends with OUT_OF_MEMORY; then it is made again, with memory. */
#define TRY(call)                                                                       \
  do {                                                                                  \
    watch(first, first > 0);                                                            \
    const swiftrnn_status status = (call);                                              \
    unwatch();                                                                          \
    CHECK(status == SWIFTRNN_STATUS_OK || status == SWIFTRNN_STATUS_OUT_OF_MEMORY);     \
    if (status != SWIFTRNN_STATUS_OK) CHECK_STATUS((call), SWIFTRNN_STATUS_OK);         \
  } while (0)

/* A chain, a star, or each node below one of those before it. */
static void forests(void) {
  static int64_t parents[NODES], children[NODES];
  uint64_t random = 3;
  parents[0] = -1;
  for (int64_t i = 1; i < NODES; i++) {
    parents[i] = kind == 0 ? i - 1 : kind == 1 ? 0 : (int64_t)(next_random(&random) % (uint64_t)i);
    children[i] = i;
  }
  swiftrnn_forest *forest = NULL;
  TRY(swiftrnn_forest_create(parents, NODES, &forest));
  swiftrnn_forest_destroy(forest);
  TRY(swiftrnn_forest_create_edges(NODES, children + 1, parents + 1, NODES - 1, &forest));
  swiftrnn_forest_destroy(forest);
}

/* Plain, with layer options, of equations, with as many widths as layers, and with a head behind fused kernels. */
static swiftrnn_network *large_network(swiftrnn_config *config, swiftrnn_equations **equations) {
  static int64_t widths[LAYERS], dilations[LAYERS];
  static const char *const texts[NETWORKS] = {NULL, NULL, "like lstm_layer_norm",
                                           "h' = tanh(batch_norm(W @ x, m, v) * g + b + U @ h)",
                                           "like lstm\ny = V @ h' + d"};
  swiftrnn_network *network = NULL;
  for (int i = 0; i < LAYERS; i++) widths[i] = kind == 3 ? 1 + i % 200 : INPUTS + i % 2, dilations[i] = 1 + i % 3;
  CHECK_STATUS(swiftrnn_config_init(config, sizeof *config, texts[kind] == NULL ? SWIFTRNN_LSTM : SWIFTRNN_EQUATIONS),
               SWIFTRNN_STATUS_OK);
  config->input_size = config->hidden_size = INPUTS, config->num_layers = kind == 3 ? 200 : LAYERS;
  if (config->num_layers > most_layers) config->num_layers = most_layers;
  config->num_threads = threads;
  if (kind > 0) {
    config->layer_hidden_sizes = widths, config->layer_dilations = dilations, config->learned_initial_states = 1;
  }
  if (texts[kind] == NULL) {
    TRY(swiftrnn_network_create(config, &network));
  } else {
    *equations = parsed(texts[kind]);
    TRY(swiftrnn_network_create_equations(*equations, config, NULL, 0, &network));
  }
  return (swiftrnn_network *)required(network);
}

static void *numbers(int64_t count) { return required(calloc((size_t)count + 1, sizeof(float))); }
static void *bytes(int64_t count) { return required(malloc((size_t)count + 1)); }

static void passes(void) {
  static char text[1 << 22];
  swiftrnn_config config;
  swiftrnn_equations *equations = NULL;
  swiftrnn_network *const network = large_network(&config, &equations);
  int64_t count = 0, elements = 0, width = 0, tape = 0, sizes[3];
  CHECK_STATUS(swiftrnn_network_parameter_count(network, &count), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_flat_count(network, &elements), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_output_size(network, &width), SWIFTRNN_STATUS_OK);
  TRY(swiftrnn_network_tape_size(network, STEPS, sequences, &tape));
  for (int i = 0; i < 3; i++) {
    TRY(swiftrnn_network_workspace_size(network, (swiftrnn_workspace)i, STEPS, sequences, &sizes[i]));
  }
  void *const flat = numbers(elements), *const gradient = numbers(elements);
  void **const parameters = (void **)required(calloc((size_t)count, sizeof(void *)));
  void **const gradients = (void **)required(calloc((size_t)count, sizeof(void *)));
  CHECK_STATUS(swiftrnn_network_flat_pointers(network, flat, elements * 4, parameters, count), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_flat_pointers(network, gradient, elements * 4, gradients, count), SWIFTRNN_STATUS_OK);
  TRY(swiftrnn_network_initialize(network, 1, parameters, count));
  TRY(swiftrnn_network_describe(network, text, sizeof text, NULL));
  swiftrnn_weights *weights = NULL;
  swiftrnn_stream *stream = NULL;
  TRY(swiftrnn_weights_create(network, (const void *const *)parameters, count, &weights));
  TRY(swiftrnn_stream_create(network, weights, sequences, &stream));
  swiftrnn_stream_destroy(stream);
  swiftrnn_forward_args f;
  swiftrnn_backward_args b;
  memset(&f, 0, sizeof f), memset(&b, 0, sizeof b);
  f.size = sizeof f, b.size = sizeof b;
  f.steps = b.steps = STEPS, f.sequences = b.sequences = sequences;
  f.x = b.x = numbers(STEPS * sequences * INPUTS);
  f.y = numbers(STEPS * sequences * width), b.dy = numbers(STEPS * sequences * width);
  f.parameters = b.parameters = (const void *const *)parameters, f.parameter_count = b.parameter_count = count;
  b.gradients = gradients;
  f.workspace = bytes(sizes[1]), f.workspace_size = sizes[1], f.weights = weights;
  TRY(swiftrnn_network_forward(network, &f));
  f.weights = NULL, f.tape = bytes(tape), f.tape_size = b.tape_size = tape, b.tape = f.tape;
  f.workspace = bytes(sizes[0]), f.workspace_size = sizes[0];
  b.workspace = bytes(sizes[2]), b.workspace_size = sizes[2];
  TRY(swiftrnn_network_forward(network, &f));
  TRY(swiftrnn_network_backward(network, &b));
  TRY(swiftrnn_network_update_statistics(network, f.tape, tape, STEPS, sequences, 0.1, parameters, count));
  swiftrnn_weights_destroy(weights);
  swiftrnn_network_destroy(network);
  swiftrnn_equations_destroy(equations);
}

/* Many products, many numbers, many equations, and statistics of statistics. */
static void texts(void) {
  static char text[TEXT_SIZE];
  size_t used = 0;
#define SAY(...) used += (size_t)snprintf(text + used, sizeof text - used, __VA_ARGS__)
  switch (kind) {
  case 0:
    SAY("h' = tanh(W @ x");
    for (int i = 0; i < 1000; i++) SAY(" + W%d @ x", i);
    SAY(")\n");
    break;
  case 1:
    SAY("h' = tanh(W @ x");
    for (int i = 0; i < 2000; i++) SAY(" + x * %d.5", i + 2);
    SAY(")\n");
    break;
  case 2:
    SAY("a0 = W @ x\n");
    for (int i = 1; i < 600; i++) SAY("a%d = tanh(a%d + U%d @ h)\n", i, i - 1, i);
    SAY("h' = a599\n");
    break;
  default:
    SAY("a0 = W @ x\n");
    for (int i = 1; i < 16; i++) SAY("a%d = tanh(batch_norm(a%d, m%d, v%d))\n", i, i - 1, i, i);
    SAY("h' = a15 + h\n");
  }
#undef SAY
  swiftrnn_equations *equations = NULL;
  swiftrnn_network *network = NULL;
  swiftrnn_config config = good();
  config.input_size = config.hidden_size;
  TRY(swiftrnn_cell_parse(text, (int64_t)used, &equations));
  TRY(swiftrnn_network_create_equations(equations, &config, NULL, 0, &network));
  CHECK(equations != NULL && network != NULL);
  swiftrnn_network_destroy(network);
  swiftrnn_equations_destroy(equations);
}

int main(void) {
  /* The second is the first one behind a reserve of malloc(), the first one behind a mapped one. */
  static const long firsts[] = {1, 2, 3, 10, 1000};
  for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
    first = firsts[i];
    for (kind = 0; kind < 3; kind++) check_in_child("forests of many nodes", forests);
    most_layers = LAYERS, sequences = 2, threads = 1;
    for (kind = 0; kind < NETWORKS; kind++) check_in_child("networks of many layers", passes);
    most_layers = 2, sequences = 5000, threads = 3;
    for (kind = 0; kind < NETWORKS; kind++) check_in_child("many sequences", passes);
    for (kind = 0; kind < 4; kind++) check_in_child("long texts", texts);
  }
  return check_result();
}
