/* Networks of different kinds, with everything that any function of the header takes: what tests of every function
 * start from (every_function.h). Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_WORLDS_H
#define SWIFTRNN_TEST_WORLDS_H

#include "equations.h"
#include "problem.h"

enum { MOST_AREAS = 64, STEPS = 12, SEQUENCES = 16, ROWS = 1200, WIDTH = 60, NODES = 40, OUT_SIZE = 1 << 15 };

/** Memory that calls write. It starts as `start` before each. */
typedef struct area {
  unsigned char *data, *start;
  size_t size;
  int is_result; /* all of its bits are told by the arguments */
} area;

/** Mark of an area: a refused call may have written there all the same, as the header says of gradients. */
enum { RESULT_UNLESS_REFUSED = 2 };

struct model_world;

typedef struct world {
  const char *name, *text; /* NULL: an LSTM */
  swiftrnn_config config;
  int64_t dilations[2], widths[2];
  size_t element;
  int kind;
  unsigned has;
  uint64_t random;
  uint64_t *hashes; /* of results, by function */
  swiftrnn_equations *equations;
  size_list sizes;
  swiftrnn_network *network;
  swiftrnn_weights *weights;
  swiftrnn_stream *stream;
  swiftrnn_forest *forest;
  int64_t parameter_count, state_count, input_count, output_size, flat_count;
  area areas[MOST_AREAS];
  int area_count;
  void *made; /* what a function makes */
  unsigned char *out; /* for functions that look something up */
  void **values, *flat; /* parameters that calls change */
  swiftrnn_forward_args forward, packed;
  swiftrnn_backward_args backward;
  swiftrnn_forest_forward_args up;
  swiftrnn_forest_backward_args down;
  const void *tape; /* of the forward pass for training */
  int64_t tape_size;
  int64_t parents[NODES], children[NODES], ids[ROWS], lengths[40];
  /* Around a network. */
  void *weight, *matrix, *rows_in, *rows_out, *gradient, *moments[2];
  double *numbers;
  int64_t *counts;
  /* Of worlds of models (model_worlds.h): else NULL. */
  struct model_world *models;
  void (*prepare)(struct world *); /* before each call, beside areas; or NULL */
} world;

/** What of a world there is. */
enum { NETWORK = 1, WEIGHTS = 2, STREAM = 4, TAPE = 8, FOREST = 16, FOREST_TAPE = 32, TEXT = 64, EVERYTHING = 127 };
enum { WORLDS = 7, FUSED = 0, INTERPRETED = 1, OPTIONS = 2, STATISTICS = 3, TREES = 4, DIRECTIONS = 5, HEAD = 6 };

static inline void *area_of(world *w, size_t size, int is_result, const void *start) {
  if (w->area_count == MOST_AREAS) required(NULL);
  area *const a = &w->areas[w->area_count++];
  a->size = size > 0 ? size : 1;
  a->is_result = is_result;
  a->data = (unsigned char *)required(malloc(a->size));
  a->start = (unsigned char *)required(malloc(a->size));
  memset(a->start, CANARY, a->size);
  if (start != NULL) memcpy(a->start, start, size);
  memcpy(a->data, a->start, a->size);
  return a->data;
}

static inline void world_reset(world *w) {
  for (int i = 0; i < w->area_count; i++) memcpy(w->areas[i].data, w->areas[i].start, w->areas[i].size);
  w->made = w;
}

static inline int world_is_untouched(const world *w) {
  for (int i = 0; i < w->area_count; i++) {
    if (w->areas[i].is_result == RESULT_UNLESS_REFUSED) continue;
    if (memcmp(w->areas[i].data, w->areas[i].start, w->areas[i].size) != 0) return 0;
  }
  return 1;
}

static inline uint64_t world_hash(const world *w) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (int i = 0; i < w->area_count; i++) {
    const area *const a = &w->areas[i];
    if (!a->is_result) continue;
    for (size_t k = 0; k < a->size; k += 8) {
      uint64_t word = 0;
      memcpy(&word, a->data + k, a->size - k < 8 ? a->size - k : 8);
      hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
      hash ^= hash >> 29;
    }
  }
  return hash;
}

static inline void *random_numbers(const world *w, int64_t count, uint64_t *random) {
  void *const numbers = required(malloc((size_t)count * w->element + 1));
  fill_random(w->config.dtype, numbers, count, 0.5, random);
  return numbers;
}

/* The tensors of all states over `rows` sequences or nodes, written by calls, or given. */
static inline void **world_states(world *w, int64_t rows, int layers, uint64_t *random) {
  void **const tensors = (void **)required(calloc(16, sizeof(void *)));
  for (int64_t i = 0; i < w->state_count; i++) {
    swiftrnn_state_part part;
    CHECK_STATUS(swiftrnn_network_state_part(w->network, i, layers - 1, &part), SWIFTRNN_STATUS_OK);
    const int64_t count = rows * (part.offset + part.rows * part.width);
    tensors[i] = random == NULL ? area_of(w, (size_t)count * w->element, 1, NULL) : random_numbers(w, count, random);
  }
  return tensors;
}

static inline void *world_workspace(const world *w, swiftrnn_workspace purpose, int64_t *size) {
  CHECK_STATUS(swiftrnn_network_workspace_size(w->network, purpose, STEPS, SEQUENCES, size), SWIFTRNN_STATUS_OK);
  return required(malloc((size_t)*size));
}

/* A network, and all arrays of its passes. */
static inline void world_network(world *w) {
  const int layers = (int)w->config.num_layers;
  const int64_t rows = STEPS * SEQUENCES;
  uint64_t *const random = &w->random;
  swiftrnn_forward_args *const f = &w->forward;
  swiftrnn_backward_args *const b = &w->backward;
  if (w->text == NULL) {
    CHECK_STATUS(swiftrnn_network_create(&w->config, &w->network), SWIFTRNN_STATUS_OK);
  } else {
    w->network = network_with_sizes(w->equations, &w->config, 4, &w->sizes);
  }
  required(w->network);
  CHECK_STATUS(swiftrnn_network_parameter_count(w->network, &w->parameter_count), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_state_count(w->network, &w->state_count), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_input_count(w->network, &w->input_count), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_output_size(w->network, &w->output_size), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_flat_count(w->network, &w->flat_count), SWIFTRNN_STATUS_OK);
  const int64_t flat_size = w->flat_count * (int64_t)w->element, pointers = w->parameter_count;
  /* Vectors that something is divided by are not to be negative. */
  void *const flat = random_numbers(w, w->flat_count, random);
  for (int64_t i = 0; i < w->flat_count; i++) {
    const double number = get_number(w->config.dtype, flat, i);
    set_number(w->config.dtype, flat, i, 0.1 + 0.3 * number * number);
  }
  void **const parameters = (void **)required(calloc((size_t)pointers, sizeof(void *)));
  void **const gradients = (void **)required(calloc((size_t)pointers, sizeof(void *)));
  w->values = (void **)required(calloc((size_t)pointers, sizeof(void *)));
  w->flat = area_of(w, (size_t)flat_size, 1, flat);
  void *const all = area_of(w, (size_t)flat_size, 1, NULL);
  CHECK_STATUS(swiftrnn_network_flat_pointers(w->network, flat, flat_size, parameters, pointers), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_flat_pointers(w->network, w->flat, flat_size, w->values, pointers), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_flat_pointers(w->network, all, flat_size, gradients, pointers), SWIFTRNN_STATUS_OK);
  f->size = sizeof *f, b->size = sizeof *b, f->seeded = 1;
  f->steps = b->steps = STEPS, f->sequences = b->sequences = SEQUENCES;
  f->x = b->x = random_numbers(w, rows * w->config.input_size, random);
  b->dy = random_numbers(w, rows * w->output_size, random);
  f->initial_states = b->initial_states = (const void *const *)world_states(w, SEQUENCES, layers, random);
  b->final_state_gradients = (const void *const *)world_states(w, SEQUENCES, layers, random);
  f->state_count = b->state_count = w->state_count;
  f->parameters = b->parameters = (const void *const *)parameters, b->gradients = gradients;
  f->parameter_count = b->parameter_count = pointers;
  void **const inputs = (void **)required(calloc(16, sizeof(void *)));
  void **const input_gradients = (void **)required(calloc(16, sizeof(void *)));
  for (int64_t i = 0; i < w->input_count; i++) {
    swiftrnn_input_info info;
    CHECK_STATUS(swiftrnn_network_input_info(w->network, i, &info), SWIFTRNN_STATUS_OK);
    inputs[i] = random_numbers(w, rows * info.width, random);
    input_gradients[i] = area_of(w, (size_t)(rows * info.width) * w->element, 1, NULL);
  }
  f->inputs = b->inputs = (const void *const *)inputs, b->input_gradients = input_gradients;
  f->input_count = b->input_count = w->input_count;
  f->y = area_of(w, (size_t)(rows * w->output_size) * w->element, 1, NULL);
  f->final_states = world_states(w, SEQUENCES, layers, NULL);
  b->dx = area_of(w, (size_t)(rows * w->config.input_size) * w->element, 1, NULL);
  b->initial_state_gradients = world_states(w, SEQUENCES, layers, NULL);
  CHECK_STATUS(swiftrnn_network_tape_size(w->network, STEPS, SEQUENCES, &w->tape_size), SWIFTRNN_STATUS_OK);
  f->tape_size = b->tape_size = w->tape_size;
  f->tape = area_of(w, (size_t)w->tape_size, 0, NULL);
  f->workspace = world_workspace(w, SWIFTRNN_WORKSPACE_FORWARD, &f->workspace_size);
  b->workspace = world_workspace(w, SWIFTRNN_WORKSPACE_BACKWARD, &b->workspace_size);
  w->packed = *f;
  w->packed.tape = NULL, w->packed.tape_size = 0;
  w->packed.parameters = NULL, w->packed.parameter_count = 0;
  w->packed.workspace = world_workspace(w, SWIFTRNN_WORKSPACE_FORWARD_WEIGHTS, &w->packed.workspace_size);
}

/* What a forward pass leaves for the backward pass. */
static inline void world_tape(world *w) {
  swiftrnn_forward_args a = w->forward;
  a.tape = required(malloc((size_t)w->tape_size + 1));
  CHECK_STATUS(swiftrnn_network_forward(w->network, &a), SWIFTRNN_STATUS_OK);
  w->tape = w->backward.tape = a.tape;
  world_reset(w);
}

static inline void world_forest(world *w) {
  swiftrnn_forest_forward_args *const f = &w->up;
  swiftrnn_forest_backward_args *const b = &w->down;
  CHECK_STATUS(swiftrnn_forest_create(w->parents, NODES, &w->forest), SWIFTRNN_STATUS_OK);
  f->size = sizeof *f, b->size = sizeof *b, f->seeded = 1;
  f->x = b->x = random_numbers(w, NODES * w->config.input_size, &w->random);
  b->dy = random_numbers(w, NODES * w->output_size, &w->random);
  f->parameters = b->parameters = w->forward.parameters;
  f->parameter_count = b->parameter_count = w->parameter_count;
  b->gradients = w->backward.gradients;
  f->y = area_of(w, (size_t)(NODES * w->output_size) * w->element, 1, NULL);
  f->final_states = world_states(w, NODES, (int)w->config.num_layers, NULL), f->state_count = w->state_count;
  b->dx = area_of(w, (size_t)(NODES * w->config.input_size) * w->element, 1, NULL);
  CHECK_STATUS(swiftrnn_forest_tape_size(w->network, w->forest, &f->tape_size), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_forest_workspace_size(w->network, w->forest, SWIFTRNN_WORKSPACE_FORWARD, &f->workspace_size),
               SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_forest_workspace_size(w->network, w->forest, SWIFTRNN_WORKSPACE_BACKWARD, &b->workspace_size),
               SWIFTRNN_STATUS_OK);
  f->workspace = required(malloc((size_t)f->workspace_size));
  b->workspace = required(malloc((size_t)b->workspace_size));
  b->tape_size = f->tape_size;
  f->tape = area_of(w, (size_t)f->tape_size, 0, NULL);
}

static inline void world_forest_tape(world *w) {
  swiftrnn_forest_forward_args a = w->up;
  a.tape = required(malloc((size_t)a.tape_size + 1));
  CHECK_STATUS(swiftrnn_forest_forward(w->network, w->forest, &a), SWIFTRNN_STATUS_OK);
  w->down.tape = a.tape;
  world_reset(w);
}

/** Adds to a world what it lacks of `needs`, and of what that needs. */
static inline void world_need(world *w, unsigned needs) {
  if (needs & FOREST_TAPE) needs |= FOREST;
  if (needs & STREAM) needs |= WEIGHTS;
  if (needs & ~(unsigned)TEXT) needs |= NETWORK;
  if (needs & NETWORK) needs |= TEXT;
  if (w->text == NULL) needs &= ~(unsigned)TEXT;
  if (w->kind != TREES) needs &= ~(unsigned)(FOREST | FOREST_TAPE);
  if (w->kind == DIRECTIONS) needs &= ~(unsigned)STREAM;
  needs &= ~w->has;
  w->has |= needs;
  if (needs & TEXT) w->equations = parsed(w->text);
  if (needs & NETWORK) world_network(w);
  if (needs & WEIGHTS) {
    CHECK_STATUS(swiftrnn_weights_create(w->network, w->forward.parameters, w->parameter_count, &w->weights),
                 SWIFTRNN_STATUS_OK);
    w->packed.weights = w->weights;
  }
  if (needs & STREAM) {
    CHECK_STATUS(swiftrnn_stream_create(w->network, w->weights, SEQUENCES, &w->stream), SWIFTRNN_STATUS_OK);
  }
  if (needs & TAPE) world_tape(w);
  if (needs & FOREST) world_forest(w);
  if (needs & FOREST_TAPE) world_forest_tape(w);
}

/** A network's world, of which there is what `needs` says: calls that were not needed have not been made. */
static inline world *world_of(int kind, const char *name, const char *text, swiftrnn_dtype dtype, int64_t layers,
                              unsigned needs) {
  world *const w = (world *)required(calloc(1, sizeof *w));
  w->kind = kind, w->random = 5;
  w->name = name, w->text = text;
  /* Not swiftrnn_config_init(): a world without needs is one without calls. */
  w->config.size = sizeof w->config;
  w->config.cell = text == NULL ? SWIFTRNN_LSTM : SWIFTRNN_EQUATIONS;
  w->config.num_directions = w->config.bias = 1;
  /* Some cells add x to a state. */
  w->config.input_size = kind < 0 ? 48 : 40, w->config.hidden_size = 48, w->config.num_layers = layers;
  w->config.dtype = dtype;
  w->element = dtype == SWIFTRNN_FLOAT64 ? 8 : 4;
  if (kind == DIRECTIONS) w->config.num_directions = 2;
  if (kind == OPTIONS) {
    w->dilations[0] = 1, w->dilations[1] = 3, w->widths[0] = 48, w->widths[1] = 40;
    w->config.layer_dilations = w->dilations, w->config.layer_hidden_sizes = w->widths;
    w->config.skip = SWIFTRNN_SKIP_DENSE, w->config.learned_initial_states = 1;
  }
  w->out = (unsigned char *)area_of(w, OUT_SIZE, 1, NULL);
  for (int64_t i = 0; i < NODES; i++) {
    w->parents[i] = i == 0 ? -1 : (i - 1) / 2;
    w->children[i] = i;
  }
  world_need(w, needs);
  return w;
}

/* What the functions around a network take: numbers of type float. */
static inline void world_training(world *w) {
  const size_t size = sizeof(float);
  float *const start = (float *)random_numbers(w, ROWS * WIDTH, &w->random);
  for (int64_t i = 0; i < ROWS; i++) w->ids[i] = i % WIDTH;
  for (int64_t i = 0; i < 40; i++) w->lengths[i] = (i * 7) % (ROWS / 40 + 1);
  w->weight = area_of(w, WIDTH * WIDTH * size, 1, start);
  w->matrix = random_numbers(w, WIDTH * WIDTH, &w->random);
  w->rows_in = random_numbers(w, ROWS * WIDTH, &w->random);
  w->rows_out = area_of(w, ROWS * WIDTH * size, 1, start);
  w->gradient = area_of(w, ROWS * WIDTH * size, 1, start);
  w->numbers = (double *)area_of(w, ROWS * sizeof(double), 1, NULL);
  w->counts = (int64_t *)area_of(w, ROWS * sizeof(int64_t), 1, NULL);
  void *const zeros = required(calloc(ROWS * WIDTH, size));
  for (int i = 0; i < 2; i++) w->moments[i] = area_of(w, ROWS * WIDTH * size, 1, zeros);
}

static const char *const world_names[WORLDS] = {"fused", "interpreted", "options", "statistics", "trees",
                                                 "directions", "head"};

/** World `kind`. */
static inline world *world_make(int kind, unsigned needs) {
  static const char *const texts[WORLDS] = {
      NULL, "like augru", NULL, "h' = tanh(batch_norm(W @ x, m, v) * g + b + U @ h)\ninit g, v = 1",
      "like tree_child_sum", NULL, "like lstm\ny = tanh(V @ h' + d) + Z @ c'\nsize y = 50"};
  world *const w = world_of(kind, world_names[kind], texts[kind], kind % 2 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32, 2,
                            needs);
  if (kind == FUSED) world_training(w);
  return w;
}

#endif
