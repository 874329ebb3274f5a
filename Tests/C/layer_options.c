/* Networks with layer options: random combinations of them, with all arrays flush against forbidden pages, train and
 * infer within their arrays and give the same bits wherever these lie; and what does not fit is refused. */
#include "refused.h"

enum { STEPS = 7, SEQUENCES = 3, INPUTS = 4, MOST_LAYERS = 3, MOST_STATES = 2 };

typedef struct options {
  swiftrnn_config config;
  int64_t hidden[MOST_LAYERS], dilations[MOST_LAYERS];
  int has_lengths, has_mask, gives_state;
  const char *text; /* of a cell of equations, or NULL */
} options;

static options drawn(uint64_t *random) {
  static const swiftrnn_cell cells[] = {SWIFTRNN_RNN_TANH, SWIFTRNN_LSTM, SWIFTRNN_GRU, SWIFTRNN_EQUATIONS};
  static const char *const texts[] = {"like lstm_peephole", "like li_gru", "h' = tanh(W @ x + U @ h)\ninit h = 0.5"};
  options o;
  memset(&o, 0, sizeof o);
  const swiftrnn_cell cell = cells[next_random(random) % 4];
  CHECK_STATUS(swiftrnn_config_init(&o.config, sizeof o.config, cell), SWIFTRNN_STATUS_OK);
  swiftrnn_config *c = &o.config;
  c->dtype = next_random(random) % 2 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
  c->input_size = INPUTS, c->hidden_size = 5;
  c->num_layers = 1 + (int64_t)(next_random(random) % MOST_LAYERS);
  c->num_directions = 1 + (int32_t)(next_random(random) % 2);
  c->dropout = next_random(random) % 2 ? 0.25 : 0;
  c->num_threads = 1 + (int64_t)(next_random(random) % 2);
  static const swiftrnn_skip skips[] = {SWIFTRNN_SKIP_NONE, SWIFTRNN_SKIP_RESIDUAL, SWIFTRNN_SKIP_DENSE};
  static const swiftrnn_merge merges[] = {SWIFTRNN_MERGE_CONCATENATE, SWIFTRNN_MERGE_SUM, SWIFTRNN_MERGE_MEAN,
                                          SWIFTRNN_MERGE_PRODUCT};
  static const swiftrnn_gaps gaps[] = {SWIFTRNN_GAPS_NONE, SWIFTRNN_GAPS_REPEATED, SWIFTRNN_GAPS_ZERO};
  c->skip = skips[next_random(random) % 3], c->merge = merges[next_random(random) % 4];
  c->gaps = gaps[next_random(random) % 3];
  c->independent_directions = (int32_t)(next_random(random) % 2);
  c->learned_initial_states = (int32_t)(next_random(random) % 2);
  for (int layer = 0; layer < MOST_LAYERS; layer++) {
    o.hidden[layer] = c->skip == SWIFTRNN_SKIP_RESIDUAL ? 5 : 3 + (int64_t)(next_random(random) % 6);
    o.dilations[layer] = 1 + (int64_t)(next_random(random) % 4);
  }
  if (cell == SWIFTRNN_EQUATIONS) o.text = texts[next_random(random) % 3];
  o.has_lengths = (int)(next_random(random) % 2), o.has_mask = c->gaps != SWIFTRNN_GAPS_NONE;
  o.gives_state = (int)(next_random(random) % 2);
  return o;
}

static swiftrnn_network *made(options *o) {
  /* The lists are copied: they may go. */
  o->config.layer_hidden_sizes = o->hidden, o->config.layer_dilations = o->dilations;
  swiftrnn_network *network = NULL;
  if (o->text == NULL) {
    CHECK_STATUS(swiftrnn_network_create(&o->config, &network), SWIFTRNN_STATUS_OK);
  } else {
    swiftrnn_equations *equations = NULL;
    CHECK_STATUS(swiftrnn_cell_parse(o->text, (int64_t)strlen(o->text), &equations), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_network_create_equations(equations, &o->config, NULL, 0, &network), SWIFTRNN_STATUS_OK);
    swiftrnn_equations_destroy(equations);
  }
  return (swiftrnn_network *)required(network);
}

/* The arrays of a pass: all are kept in one list, so that all borders are looked at. */
enum { MOST_ARRAYS = 256 };
static buffer arrays[MOST_ARRAYS];
static int array_count;

static void *array(const char *name, int64_t bytes, border flush) {
  if (array_count == MOST_ARRAYS) required(NULL);
  arrays[array_count] = buffer_make(name, (size_t)bytes, flush);
  return arrays[array_count++].data;
}

static uint64_t hashed(uint64_t hash, const void *data, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i++) hash = (hash ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
  return hash;
}

/* Trains, infers and streams; the bits of all results. */
static uint64_t run(options *o, border flush, uint64_t seed) {
  swiftrnn_network *network = made(o);
  const swiftrnn_dtype dtype = o->config.dtype;
  const int64_t size = dtype == SWIFTRNN_FLOAT64 ? 8 : 4, layers = o->config.num_layers;
  uint64_t random = seed, hash = 0xcbf29ce484222325u;
  array_count = 0;
  int64_t parameters = 0, states = 0, width = 0, bytes = 0;
  CHECK_STATUS(swiftrnn_network_parameter_count(network, &parameters), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_state_count(network, &states), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_output_size(network, &width), SWIFTRNN_STATUS_OK);
  void **values = (void **)required(calloc((size_t)parameters, sizeof(void *)));
  void **gradients = (void **)required(calloc((size_t)parameters, sizeof(void *)));
  int64_t *sizes = (int64_t *)required(calloc((size_t)parameters, sizeof(int64_t)));
  for (int64_t i = 0; i < parameters; i++) {
    swiftrnn_parameter_info info;
    CHECK_STATUS(swiftrnn_network_parameter_info(network, i, &info), SWIFTRNN_STATUS_OK);
    sizes[i] = info.elements * size;
    values[i] = array("a parameter", sizes[i], flush), gradients[i] = array("a gradient", sizes[i], flush);
  }
  CHECK_STATUS(swiftrnn_network_initialize(network, seed, values, parameters), SWIFTRNN_STATUS_OK);
  const int64_t rows = STEPS * SEQUENCES;
  void *x = array("x", rows * INPUTS * size, flush), *dx = array("dx", rows * INPUTS * size, flush);
  void *y = array("y", rows * width * size, flush), *dy = array("dy", rows * width * size, flush);
  fill_random(dtype, x, rows * INPUTS, 1, &random), fill_random(dtype, dy, rows * width, 1, &random);
  void *initial[MOST_STATES] = {NULL, NULL}, *final[MOST_STATES] = {NULL, NULL}, *start[MOST_STATES] = {NULL, NULL};
  int64_t state_bytes[MOST_STATES] = {0, 0};
  for (int64_t i = 0; i < states; i++) {
    swiftrnn_state_part part;
    CHECK_STATUS(swiftrnn_network_state_part(network, i, layers - 1, &part), SWIFTRNN_STATUS_OK);
    const int64_t elements = SEQUENCES * (part.offset + part.rows * part.width);
    state_bytes[i] = elements * size;
    final[i] = array("a final state", state_bytes[i], flush), start[i] = array("its gradient", state_bytes[i], flush);
    if (!o->gives_state) continue;
    initial[i] = array("an initial state", state_bytes[i], flush);
    fill_random(dtype, initial[i], elements, 1, &random);
  }
  int64_t *lengths = (int64_t *)array("lengths", SEQUENCES * 8, flush);
  uint8_t *mask = (uint8_t *)array("mask", rows, flush);
  for (int64_t n = 0; n < SEQUENCES; n++) lengths[n] = n == 0 ? (int64_t)STEPS : (int64_t)(next_random(&random) % (STEPS + 1));
  for (int64_t i = 0; i < rows; i++) mask[i] = (uint8_t)(next_random(&random) % 3);
  swiftrnn_forward_args f;
  memset(&f, 0, sizeof f);
  f.size = sizeof f, f.steps = STEPS, f.sequences = SEQUENCES, f.x = x, f.y = y, f.seed = seed, f.seeded = 1;
  f.lengths = o->has_lengths ? lengths : NULL, f.mask = o->has_mask ? mask : NULL;
  f.initial_states = (const void *const *)initial, f.final_states = final, f.state_count = states;
  f.parameters = (const void *const *)values, f.parameter_count = parameters;
  CHECK_STATUS(swiftrnn_network_tape_size(network, STEPS, SEQUENCES, &bytes), SWIFTRNN_STATUS_OK);
  f.tape = array("the tape", f.tape_size = bytes, flush);
  CHECK_STATUS(swiftrnn_network_workspace_size(network, SWIFTRNN_WORKSPACE_FORWARD, STEPS, SEQUENCES, &bytes),
               SWIFTRNN_STATUS_OK);
  f.workspace = array("the workspace", f.workspace_size = bytes, flush);
  CHECK_STATUS(swiftrnn_network_forward(network, &f), SWIFTRNN_STATUS_OK);
  hash = hashed(hash, y, rows * width * size);
  swiftrnn_backward_args b;
  memset(&b, 0, sizeof b);
  b.size = sizeof b, b.steps = STEPS, b.sequences = SEQUENCES, b.x = x, b.dy = dy, b.dx = dx;
  b.lengths = f.lengths, b.mask = f.mask, b.initial_states = f.initial_states, b.state_count = states;
  b.initial_state_gradients = start, b.final_state_gradients = (const void *const *)final;
  b.parameters = f.parameters, b.gradients = gradients, b.parameter_count = parameters;
  b.tape = f.tape, b.tape_size = f.tape_size;
  CHECK_STATUS(swiftrnn_network_workspace_size(network, SWIFTRNN_WORKSPACE_BACKWARD, STEPS, SEQUENCES, &bytes),
               SWIFTRNN_STATUS_OK);
  b.workspace = array("the workspace of the backward pass", b.workspace_size = bytes, flush);
  CHECK_STATUS(swiftrnn_network_backward(network, &b), SWIFTRNN_STATUS_OK);
  hash = hashed(hash, dx, rows * INPUTS * size);
  for (int64_t i = 0; i < parameters; i++) hash = hashed(hash, gradients[i], sizes[i]);
  for (int64_t i = 0; i < states; i++) {
    hash = hashed(hashed(hash, start[i], state_bytes[i]), final[i], state_bytes[i]);
  }
  CHECK_REFUSED(swiftrnn_network_update_statistics(network, f.tape, f.tape_size, STEPS, SEQUENCES, 1.5, values,
                                                   parameters), INVALID_VALUE, "momentum", "1.5", "[0, 1]");
  CHECK_REFUSED(swiftrnn_network_update_statistics(network, f.tape, 8, STEPS, SEQUENCES, 0.1, values, parameters),
                BUFFER_TOO_SMALL, "tape_size");
  CHECK_REFUSED(swiftrnn_network_update_statistics(network, MOVED(const void *, f.tape, 2), f.tape_size, STEPS,
                                                   SEQUENCES, 0.1, values, parameters), MISALIGNED, "tape");
  CHECK_STATUS(swiftrnn_network_update_statistics(network, f.tape, f.tape_size, STEPS, SEQUENCES, 0.1, values,
                                                  parameters), SWIFTRNN_STATUS_OK);
  /* Inference, packed, in the memory of the initial states. */
  swiftrnn_weights *weights = NULL;
  CHECK_STATUS(swiftrnn_weights_create(network, f.parameters, parameters, &weights), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_workspace_size(network, SWIFTRNN_WORKSPACE_FORWARD_WEIGHTS, STEPS, SEQUENCES, &bytes),
               SWIFTRNN_STATUS_OK);
  f.workspace = array("the workspace of inference", f.workspace_size = bytes, flush);
  f.weights = weights, f.tape = NULL;
  if (o->gives_state) f.final_states = initial;
  CHECK_STATUS(swiftrnn_network_forward(network, &f), SWIFTRNN_STATUS_OK);
  hash = hashed(hash, y, rows * width * size);
  if (o->config.num_directions == 1) {
    swiftrnn_stream *stream = NULL;
    CHECK_STATUS(swiftrnn_stream_create(network, weights, SEQUENCES, &stream), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_stream_run(stream, STEPS, x, y), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_stream_get_state(stream, final, states), SWIFTRNN_STATUS_OK);
    swiftrnn_stream_destroy(stream);
    hash = hashed(hash, y, rows * width * size);
  }
  swiftrnn_weights_destroy(weights);
  swiftrnn_network_destroy(network);
  for (int i = 0; i < array_count; i++) {
    if (!buffer_is_bounded(&arrays[i])) fprintf(stderr, "written beside %s: %s\n", arrays[i].name, current_work);
    CHECK(buffer_is_bounded(&arrays[i]));
    buffer_free(&arrays[i]);
  }
  free(values), free(gradients), free(sizes);
  return hash;
}

#define REFUSED_CONFIG(status, change, ...)                                       \
  do {                                                                            \
    swiftrnn_config c;                                                            \
    swiftrnn_network *out = NULL;                                                 \
    CHECK_STATUS(swiftrnn_config_init(&c, sizeof c, SWIFTRNN_GRU), SWIFTRNN_STATUS_OK); \
    c.input_size = 4, c.hidden_size = 5, c.num_layers = 2;                        \
    change;                                                                       \
    CHECK_REFUSED(swiftrnn_network_create(&c, &out), status, __VA_ARGS__);        \
    CHECK(out == NULL);                                                           \
  } while (0)

static void refusals(void) {
  static const int64_t wrong[2] = {3, 0}, uneven[2] = {5, 6}, huge[2] = {MOST, MOST}, negative[2] = {-1, INT64_MIN};
  ENUM_FROM(swiftrnn_skip, skip, 3);
  ENUM_FROM(swiftrnn_merge, merge, -1);
  ENUM_FROM(swiftrnn_gaps, gaps, 1 << 30);
  REFUSED_CONFIG(INVALID_VALUE, c.skip = skip, "skip is 3", "0...2");
  REFUSED_CONFIG(INVALID_VALUE, c.merge = merge, "merge is", "0...3");
  REFUSED_CONFIG(INVALID_VALUE, c.gaps = gaps, "gaps is", "0...2");
  REFUSED_CONFIG(INVALID_VALUE, c.independent_directions = 2, "independent_directions is 2");
  REFUSED_CONFIG(INVALID_VALUE, c.learned_initial_states = -1, "learned_initial_states is -1");
  REFUSED_CONFIG(INVALID_VALUE, c.reserved = 1, "reserved is 1");
  REFUSED_CONFIG(INVALID_VALUE, c.layer_dilations = wrong, "layer_dilations[1] is 0");
  REFUSED_CONFIG(INVALID_VALUE, c.layer_hidden_sizes = negative, "layer_hidden_sizes[0] is -1");
  REFUSED_CONFIG(MISALIGNED, c.layer_dilations = MOVED(const int64_t *, wrong, 4), "layer_dilations");
  REFUSED_CONFIG(INVALID_SIZE, c.num_layers = 1025; c.layer_dilations = wrong, "num_layers is 1025");
  REFUSED_CONFIG(INVALID_SIZE, c.layer_hidden_sizes = uneven; c.skip = SWIFTRNN_SKIP_RESIDUAL, "residual", "6", "5");
  REFUSED_CONFIG(OVERFLOW, c.layer_hidden_sizes = huge; c.skip = SWIFTRNN_SKIP_DENSE, "more bytes");
  REFUSED_CONFIG(INVALID_VALUE, c.layer_dilations = huge, "layer_dilations[0] is 2147483648", "1...65536");
}

/* The chains of a dilated layer are sequences of its network, of which there may be 2^31. */
static void too_many_chains(void) {
  static const int64_t dilations[2] = {1, 3};
  swiftrnn_config c;
  swiftrnn_network *network = NULL;
  int64_t size = 77;
  CHECK_STATUS(swiftrnn_config_init(&c, sizeof c, SWIFTRNN_RNN_TANH), SWIFTRNN_STATUS_OK);
  c.input_size = c.hidden_size = 1, c.num_layers = 2, c.layer_dilations = dilations;
  CHECK_STATUS(swiftrnn_network_create(&c, &network), SWIFTRNN_STATUS_OK);
  CHECK_REFUSED(swiftrnn_network_tape_size(network, 1, MOST / 3 + 1, &size), INVALID_SIZE,
                "sequences times the dilation", number(MOST / 3 * 3 + 3), number(MOST));
  CHECK_REFUSED(swiftrnn_network_workspace_size(network, SWIFTRNN_WORKSPACE_FORWARD, 1, MOST, &size), INVALID_SIZE,
                "sequences times the dilation", number(3 * MOST));
  CHECK(size == 77);
  CHECK_STATUS(swiftrnn_network_tape_size(network, 1, MOST / 3, &size), SWIFTRNN_STATUS_OK);
  swiftrnn_network_destroy(network);
}

/* A cell without parameters or states has neither to learn. */
static void nothing_to_learn(void) {
  const float x[3] = {1, -2, 3};
  float y[3] = {0, 0, 0};
  options o;
  memset(&o, 0, sizeof o);
  CHECK_STATUS(swiftrnn_config_init(&o.config, sizeof o.config, SWIFTRNN_EQUATIONS), SWIFTRNN_STATUS_OK);
  o.config.input_size = o.config.hidden_size = 3, o.config.num_layers = 2, o.config.learned_initial_states = 1;
  o.hidden[0] = o.hidden[1] = 3, o.dilations[0] = o.dilations[1] = 1, o.text = "h' = -x";
  swiftrnn_network *network = made(&o);
  const void *none[1] = {NULL};
  swiftrnn_weights *weights = NULL;
  CHECK_STATUS(swiftrnn_weights_create(network, none, 0, &weights), SWIFTRNN_STATUS_OK);
  swiftrnn_stream *stream = NULL;
  CHECK_STATUS(swiftrnn_stream_create(network, weights, 1, &stream), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_stream_step(stream, x, y), SWIFTRNN_STATUS_OK);
  CHECK(memcmp(x, y, sizeof x) == 0);
  swiftrnn_stream_destroy(stream);
  swiftrnn_weights_destroy(weights);
  swiftrnn_network_destroy(network);
}

/* Layers of different widths read the same inputs beside x, which have the same width in each. */
static void inputs_of_layers(void) {
  static const struct {
    const char *text;
    int64_t hidden[2];
    int is_refused;
  } cases[] = {{"input j\nsize j = H\nh' = tanh(W @ j + U @ h + V @ x)", {1, 600}, 1},
               {"input j\nsize j = H\nh' = tanh(W @ j + U @ h + V @ x)", {6, 6}, 0},
               {"input j\nsize j = I\nh' = tanh(W @ j + U @ h + V @ x)", {3, 4}, 1},
               {"input j\nsize j = I\nh' = tanh(W @ j + U @ h + V @ x)", {4, 7}, 0},
               {"input j\nsize j = 3\nh' = tanh(W @ j + U @ h + V @ x)", {1, 600}, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    swiftrnn_config c;
    swiftrnn_equations *equations = NULL;
    swiftrnn_network *network = NULL;
    CHECK_STATUS(swiftrnn_cell_parse(cases[i].text, (int64_t)strlen(cases[i].text), &equations), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_config_init(&c, sizeof c, SWIFTRNN_EQUATIONS), SWIFTRNN_STATUS_OK);
    c.input_size = 4, c.hidden_size = 5, c.num_layers = 2, c.layer_hidden_sizes = cases[i].hidden;
    if (cases[i].is_refused) {
      CHECK_REFUSED(swiftrnn_network_create_equations(equations, &c, NULL, 0, &network), INVALID_VALUE, "\"j\"",
                    "another size in each layer");
    } else {
      CHECK_STATUS(swiftrnn_network_create_equations(equations, &c, NULL, 0, &network), SWIFTRNN_STATUS_OK);
    }
    swiftrnn_network_destroy(network);
    swiftrnn_equations_destroy(equations);
  }
}

int main(void) {
  watch_pages();
  uint64_t random = 7;
  const char *all = getenv("SWIFTRNN_TEST_EXPECTED_ISA"); /* emulated: fewer */
  for (int i = 0; i < (all != NULL ? 40 : 600); i++) {
    const uint64_t seed = next_random(&random);
    options o = drawn(&random);
    snprintf(current_work, sizeof current_work,
             "network %d: cell %d %s, %d layers, %d directions, skip %d, merge %d, gaps %d, independent %d, learned %d",
             i, (int)o.config.cell, o.text == NULL ? "" : o.text, (int)o.config.num_layers,
             (int)o.config.num_directions, (int)o.config.skip, (int)o.config.merge, (int)o.config.gaps,
             (int)o.config.independent_directions, (int)o.config.learned_initial_states);
    const uint64_t at_end = run(&o, BORDER_END, seed), at_start = run(&o, BORDER_START, seed);
    CHECK(at_end == at_start);
    if (at_end != at_start) fprintf(stderr, "other bits: %s\n", current_work);
  }
  refusals();
  inputs_of_layers();
  too_many_chains();
  nothing_to_learn();
  return check_result();
}
