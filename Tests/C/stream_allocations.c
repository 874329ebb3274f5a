/* A stream's steps allocate nothing, free nothing and take no lock. This program's own malloc and free, and its own
 * locks, stand before the system's, and count. */
#include "allocator.h"
#include "equations.h"
#include "problem.h"

static void check_nothing(const char *what, int line) {
  unwatch();
  check_count++;
  if (allocations == 0 && frees == 0 && locks == 0) return;
  check_failures++;
  fprintf(stderr, "%s:%d: %s: %ld allocations, %ld frees, %ld locks: %s\n", __FILE__, line, what, allocations, frees,
          locks, current_work);
}

/* Runs a statement and counts in it. */
#define CHECK_NOTHING_ALLOCATED(what, statement) \
  do {                                           \
    watch(0, 0);                                 \
    statement;                                   \
    check_nothing(what, __LINE__);               \
  } while (0)

static void *volatile kept;

/* The counters count, also for the library: making a stream allocates. */
static void counters(problem *p) {
  swiftrnn_stream *stream = NULL;
  watch(0, 0);
  kept = malloc(100);
  free(kept);
  pthread_mutex_t mutex;
  pthread_mutex_init(&mutex, NULL);
  pthread_mutex_lock(&mutex);
  pthread_mutex_unlock(&mutex);
  unwatch();
  CHECK(allocations == 1 && frees == 1 && locks == 1);
  watch(0, 0);
  const int status = swiftrnn_stream_create(p->network, p->weights, 1, &stream);
  unwatch();
  CHECK_STATUS(status, SWIFTRNN_STATUS_OK);
  CHECK(allocations >= 3);
  watch(0, 0);
  swiftrnn_stream_destroy(stream);
  unwatch();
  CHECK(frees >= 2);
}

static void run(const shape *is) {
  describe(is, "stream");
  problem *p = problem_make(is);
  problem_pack(p);
  counters(p);
  swiftrnn_stream *stream = NULL;
  CHECK_STATUS(swiftrnn_stream_create(p->network, p->weights, is->sequences, &stream), SWIFTRNN_STATUS_OK);
  const void *const *in = p->forward.initial_states;
  void *const *out = p->forward.final_states;
  const void *x = p->forward.x;
  void *y = p->forward.y;
  int status[8] = {0};
  /* Even the first step. */
  CHECK_NOTHING_ALLOCATED("the first step", status[0] = swiftrnn_stream_step(stream, x, y));
  CHECK_NOTHING_ALLOCATED("100 steps", for (int i = 0; i < 100; i++) status[1] |= swiftrnn_stream_step(stream, x, y));
  CHECK_NOTHING_ALLOCATED("a run", status[2] = swiftrnn_stream_run(stream, is->steps, x, y));
  CHECK_NOTHING_ALLOCATED("set_state", status[3] = swiftrnn_stream_set_state(stream, in, p->state_count));
  CHECK_NOTHING_ALLOCATED("get_state", status[4] = swiftrnn_stream_get_state(stream, out, p->state_count));
  CHECK_NOTHING_ALLOCATED("reset", status[5] = swiftrnn_stream_reset(stream));
  CHECK_NOTHING_ALLOCATED("a refusal", status[6] = swiftrnn_stream_step(stream, NULL, y));
  CHECK_NOTHING_ALLOCATED("another", status[7] = swiftrnn_stream_run(stream, -1, x, y));
  for (int i = 0; i < 6; i++) CHECK_STATUS(status[i], SWIFTRNN_STATUS_OK);
  CHECK_STATUS(status[6], SWIFTRNN_STATUS_NULL_POINTER);
  CHECK_STATUS(status[7], SWIFTRNN_STATUS_INVALID_SIZE);
  swiftrnn_stream_destroy(stream);
  problem_free(p);
}

enum { STEPS = 4, INPUTS = 6, WIDTH = 6, MOST_STATES = 16, MOST_INPUTS = 15 };

static void *zeros(int64_t bytes) { return required(calloc(1, bytes > 0 ? (size_t)bytes : 1)); }

/* Numbers of a state over all layers, for one sequence. */
static int64_t state_elements(const swiftrnn_network *network, int64_t state, int64_t layers) {
  swiftrnn_state_part part;
  CHECK_STATUS(swiftrnn_network_state_part(network, state, layers - 1, &part), SWIFTRNN_STATUS_OK);
  return part.offset + part.rows * part.width;
}

/* All that a stream of any network can do. */
static void run_network(const swiftrnn_network *network, const swiftrnn_config *config, int64_t sequences) {
  const int64_t size = config->dtype == SWIFTRNN_FLOAT64 ? 8 : 4;
  int64_t count = 0, elements = 0, states = 0, inputs = 0, width = 0;
  CHECK_STATUS(swiftrnn_network_parameter_count(network, &count), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_flat_count(network, &elements), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_state_count(network, &states), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_input_count(network, &inputs), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_output_size(network, &width), SWIFTRNN_STATUS_OK);
  void *const flat = zeros(elements * size), **const parameters = (void **)zeros(count * (int64_t)sizeof(void *));
  CHECK_STATUS(swiftrnn_network_flat_pointers(network, flat, elements * size, parameters, count), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_initialize(network, 1, parameters, count), SWIFTRNN_STATUS_OK);
  void *const x = zeros(STEPS * sequences * INPUTS * size), *const y = zeros(STEPS * sequences * width * size);
  void *arrays[MOST_INPUTS], *tensors[MOST_STATES];
  for (int64_t i = 0; i < inputs; i++) {
    swiftrnn_input_info info;
    CHECK_STATUS(swiftrnn_network_input_info(network, i, &info), SWIFTRNN_STATUS_OK);
    arrays[i] = zeros(sequences * info.width * size);
  }
  for (int64_t i = 0; i < states; i++) {
    tensors[i] = zeros(sequences * state_elements(network, i, config->num_layers) * size);
  }
  const void *const *const given = (const void *const *)arrays, *const *const in = (const void *const *)tensors;
  swiftrnn_weights *weights = NULL;
  swiftrnn_stream *stream = NULL;
  CHECK_STATUS(swiftrnn_weights_create(network, (const void *const *)parameters, count, &weights), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_stream_create(network, weights, sequences, &stream), SWIFTRNN_STATUS_OK);
  int status[8] = {0};
  CHECK_NOTHING_ALLOCATED(
      "the first step with inputs", status[0] = swiftrnn_stream_step_inputs(stream, x, given, inputs, y));
  CHECK_NOTHING_ALLOCATED("steps with inputs", for (int i = 0; i < 9; i++) {
    status[1] |= swiftrnn_stream_step_inputs(stream, x, given, inputs, y);
  });
  CHECK_NOTHING_ALLOCATED("a step", status[2] = swiftrnn_stream_step(stream, x, y));
  CHECK_NOTHING_ALLOCATED("steps", for (int i = 0; i < 9; i++) status[3] |= swiftrnn_stream_step(stream, x, y));
  CHECK_NOTHING_ALLOCATED("a run", status[4] = swiftrnn_stream_run(stream, STEPS, x, y));
  CHECK_NOTHING_ALLOCATED("get_state", status[5] = swiftrnn_stream_get_state(stream, tensors, states));
  CHECK_NOTHING_ALLOCATED("set_state", status[6] = swiftrnn_stream_set_state(stream, in, states));
  CHECK_NOTHING_ALLOCATED("reset", status[7] = swiftrnn_stream_reset(stream));
  for (int i = 0; i < 8; i++) {
    /* Inputs beside x are not known to a step without them. */
    const int needs_inputs = inputs > 0 && i >= 2 && i <= 4;
    CHECK_STATUS(status[i], needs_inputs ? SWIFTRNN_STATUS_NULL_POINTER : SWIFTRNN_STATUS_OK);
  }
  swiftrnn_stream_destroy(stream);
  swiftrnn_weights_destroy(weights);
  for (int64_t i = 0; i < inputs; i++) free(arrays[i]);
  for (int64_t i = 0; i < states; i++) free(tensors[i]);
  free(x), free(y), free(parameters), free(flat);
}

/* Of both types, for one sequence and for three, one layer and three, plain and with layer options: dilations, and rows
 * of all kinds between layers. */
static void run_variants(swiftrnn_cell cell, const swiftrnn_equations *equations, const char *name) {
  static const int64_t dilations[3] = {1, 3, 2};
  static const swiftrnn_skip skips[4] = {SWIFTRNN_SKIP_NONE, SWIFTRNN_SKIP_RESIDUAL, SWIFTRNN_SKIP_DENSE,
                                         SWIFTRNN_SKIP_NONE};
  for (int variant = 0; variant < 10; variant++) {
    const int options = variant >= 4;
    swiftrnn_config config;
    CHECK_STATUS(swiftrnn_config_init(&config, sizeof config, cell), SWIFTRNN_STATUS_OK);
    config.input_size = INPUTS, config.hidden_size = WIDTH;
    config.dtype = variant & 1 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
    config.num_layers = variant & 2 || options ? 3 : 1;
    if (options) {
      config.skip = skips[(variant - 4) / 2], config.learned_initial_states = 1;
      if (variant >= 6) config.layer_dilations = dilations;
    }
    swiftrnn_network *network = NULL;
    if (equations == NULL) {
      CHECK_STATUS(swiftrnn_network_create(&config, &network), SWIFTRNN_STATUS_OK);
    } else {
      size_list sizes;
      network = network_with_sizes(equations, &config, 2, &sizes);
    }
    snprintf(current_work, sizeof current_work, "%s, variant %d", name, variant);
    /* Not every cell can be stacked: some read rows of another width than they give out. */
    CHECK(network != NULL || config.num_layers > 1);
    if (network == NULL) continue;
    for (int64_t sequences = 1; sequences <= 3; sequences += 2) run_network(network, &config, sequences);
    swiftrnn_network_destroy(network);
  }
}

static void run_all_cells(void) {
  char name[64];
  int64_t count = 0;
  for (int kind = 0; kind < 5; kind++) run_variants(all_cells[kind], NULL, "a built-in cell");
  CHECK_STATUS(swiftrnn_cell_count(&count), SWIFTRNN_STATUS_OK);
  CHECK(count > 0);
  for (int64_t index = 0; index < count; index++) {
    swiftrnn_equations *const equations = library_cell(index, name);
    run_variants(SWIFTRNN_EQUATIONS, equations, name);
    swiftrnn_equations_destroy(equations);
  }
}

/* Output equations behind the kernels of fused cells. */
static void run_heads(void) {
  static const char *const texts[] = {"like lstm\ny = V @ h' + d", "like lstm\ny = tanh(Z @ c') * h'",
                                      "like gru\ny = softmax(V @ h')"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    swiftrnn_equations *equations = NULL;
    CHECK_STATUS(swiftrnn_cell_parse(texts[i], (int64_t)strlen(texts[i]), &equations), SWIFTRNN_STATUS_OK);
    run_variants(SWIFTRNN_EQUATIONS, equations, texts[i]);
    swiftrnn_equations_destroy(equations);
  }
}

int main(void) {
  run_all_cells();
  run_heads();
  for (int kind = 0; kind < KINDS; kind++) {
    for (int variant = 0; variant < 8; variant++) {
      shape is = shape_of_kind(kind, 9);
      is.dtype = variant & 1 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
      is.layers = variant & 2 ? 3 : 1;
      is.sequences = variant & 4 ? 3 : 1;
      is.inputs = 10, is.hidden = 17, is.steps = 5, is.threads = 2;
      run(&is);
    }
  }
  return check_result();
}
