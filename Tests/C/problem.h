/* A network with everything that its calls take, filled with numbers: what every test of networks starts from. Each
 * array is watched memory of its own (memory.h), of exactly the size that the header asks for. */
#ifndef SWIFTRNN_TEST_PROBLEM_H
#define SWIFTRNN_TEST_PROBLEM_H

#include "memory.h"

enum { MOST_BUFFERS = 160, MOST_TENSORS = 64 };

/** How x, y, dy and dx lie in memory. */
typedef enum layout { DENSE, BATCH_FIRST, GAPS } layout;

/** What a problem is; 0 is the default of each. */
typedef struct shape {
  swiftrnn_cell cell;
  swiftrnn_dtype dtype;
  int64_t inputs, hidden, projection, layers, threads;
  int32_t directions, without_bias;
  double dropout;
  int64_t steps, sequences;
  const int64_t *lengths; /* [sequences], or NULL */
  layout rows;
  border flush;
  uint64_t seed;
} shape;

typedef struct problem {
  shape is;
  swiftrnn_network *network;
  swiftrnn_weights *weights; /* NULL until problem_pack() */
  size_t element;            /* bytes of a number */
  int64_t parameter_count, state_count, output_size;
  swiftrnn_parameter_info parameter[MOST_TENSORS];
  swiftrnn_state_info state[2];
  /* inputs come before outputs */
  buffer buffers[MOST_BUFFERS];
  int buffer_count, first_output;
  swiftrnn_forward_args forward; /* for training */
  swiftrnn_backward_args backward;
  void *workspace_weights;
  int64_t workspace_weights_size;
} problem;

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t next_random(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static inline double next_uniform(uint64_t *state) { return (double)(next_random(state) >> 11) * 0x1p-52 - 1; }

static inline void set_number(swiftrnn_dtype dtype, void *array, int64_t index, double value) {
  if (dtype == SWIFTRNN_FLOAT64) {
    ((double *)array)[index] = value;
  } else {
    ((float *)array)[index] = (float)value;
  }
}

static inline double get_number(swiftrnn_dtype dtype, const void *array, int64_t index) {
  return dtype == SWIFTRNN_FLOAT64 ? ((const double *)array)[index] : (double)((const float *)array)[index];
}

/** Fills an array with numbers in [-scale, scale). */
static inline void fill_random(swiftrnn_dtype dtype, void *array, int64_t count, double scale, uint64_t *state) {
  for (int64_t i = 0; i < count; i++) set_number(dtype, array, i, scale * next_uniform(state));
}

static inline buffer *problem_buffer(problem *p, const char *name, size_t size) {
  if (p->buffer_count == MOST_BUFFERS) required(NULL);
  p->buffers[p->buffer_count] = buffer_make(name, size, p->is.flush);
  return &p->buffers[p->buffer_count++];
}

/** The network of a shape; ends the test if there is none. */
static inline swiftrnn_network *network_of(const shape *is) {
  swiftrnn_config config;
  swiftrnn_network *network = NULL;
  CHECK_STATUS(swiftrnn_config_init(&config, sizeof config, is->cell), SWIFTRNN_STATUS_OK);
  config.dtype = is->dtype;
  config.input_size = is->inputs;
  config.hidden_size = is->hidden;
  config.projection_size = is->projection;
  if (is->layers > 0) config.num_layers = is->layers;
  if (is->directions > 0) config.num_directions = is->directions;
  if (is->without_bias) config.bias = 0;
  config.dropout = is->dropout;
  config.num_threads = is->threads;
  CHECK_STATUS(swiftrnn_network_create(&config, &network), SWIFTRNN_STATUS_OK);
  return (swiftrnn_network *)required(network);
}

/* Rows of `width`: their strides, and the elements from the first to the last one. */
static inline int64_t problem_rows(const problem *p, int64_t width, int64_t *step_stride, int64_t *sequence_stride) {
  const int64_t steps = p->is.steps, sequences = p->is.sequences;
  *step_stride = *sequence_stride = 0;
  if (p->is.rows == BATCH_FIRST) *step_stride = width, *sequence_stride = steps * width;
  if (p->is.rows == GAPS) *sequence_stride = width + 3, *step_stride = sequences * (width + 3) + 5;
  if (steps == 0 || sequences == 0) return 0;
  if (p->is.rows == DENSE) return steps * sequences * width;
  return (steps - 1) * *step_stride + (sequences - 1) * *sequence_stride + width;
}

static inline void *problem_tensor(problem *p, const char *name, int64_t elements, double scale, uint64_t *state) {
  buffer *b = problem_buffer(p, name, (size_t)elements * p->element);
  if (state != NULL) fill_random(p->is.dtype, b->data, elements, scale, state);
  return b->data;
}

static inline void **problem_pointers(problem *p, const char *name, int64_t count) {
  return (void **)(void *)problem_buffer(p, name, (size_t)count * sizeof(void *))->data;
}

/* The state tensors behind one array of pointers. */
static inline void **problem_states(problem *p, const char *name, uint64_t *state) {
  void **pointers = problem_pointers(p, "pointers to states", p->state_count);
  const int64_t rows = (p->is.layers > 0 ? p->is.layers : 1) * (p->is.directions > 0 ? p->is.directions : 1);
  for (int64_t i = 0; i < p->state_count; i++) {
    pointers[i] = problem_tensor(p, name, rows * p->is.sequences * p->state[i].width, 1, state);
  }
  return pointers;
}

static inline void *problem_scratch(problem *p, const char *name, int64_t size) {
  return problem_buffer(p, name, (size_t)size)->data;
}

/** Makes network and arrays; outputs and scratch hold the canaries' pattern. Free with problem_free(). */
static inline problem *problem_make(const shape *is) {
  problem *p = (problem *)required(calloc(1, sizeof *p));
  uint64_t state = is->seed + 1;
  p->is = *is;
  p->element = is->dtype == SWIFTRNN_FLOAT64 ? 8 : 4;
  p->network = network_of(is);
  CHECK_STATUS(swiftrnn_network_parameter_count(p->network, &p->parameter_count), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_state_count(p->network, &p->state_count), SWIFTRNN_STATUS_OK);
  if (p->parameter_count > MOST_TENSORS) required(NULL);
  for (int64_t i = 0; i < p->parameter_count; i++) {
    CHECK_STATUS(swiftrnn_network_parameter_info(p->network, i, &p->parameter[i]), SWIFTRNN_STATUS_OK);
  }
  for (int64_t i = 0; i < p->state_count; i++) {
    CHECK_STATUS(swiftrnn_network_state_info(p->network, i, &p->state[i]), SWIFTRNN_STATUS_OK);
  }
  p->output_size = p->state[0].width * (is->directions > 0 ? is->directions : 1);

  swiftrnn_forward_args *f = &p->forward;
  swiftrnn_backward_args *b = &p->backward;
  f->size = sizeof *f, b->size = sizeof *b;
  f->steps = b->steps = is->steps;
  f->sequences = b->sequences = is->sequences;
  f->seed = is->seed, f->seeded = 1;
  f->state_count = b->state_count = p->state_count;
  f->parameter_count = b->parameter_count = p->parameter_count;

  const int64_t x_elements = problem_rows(p, is->inputs, &f->x_step_stride, &f->x_sequence_stride);
  const int64_t y_elements = problem_rows(p, p->output_size, &f->y_step_stride, &f->y_sequence_stride);
  b->x_step_stride = b->dx_step_stride = f->x_step_stride;
  b->x_sequence_stride = b->dx_sequence_stride = f->x_sequence_stride;
  b->dy_step_stride = f->y_step_stride;
  b->dy_sequence_stride = f->y_sequence_stride;

  f->x = b->x = problem_tensor(p, "x", x_elements, 1, &state);
  b->dy = problem_tensor(p, "dy", y_elements, 1, &state);
  if (is->lengths != NULL) {
    buffer *lengths = problem_buffer(p, "lengths", (size_t)is->sequences * sizeof(int64_t));
    if (is->sequences > 0) memcpy(lengths->data, is->lengths, lengths->size);
    f->lengths = b->lengths = (const int64_t *)(const void *)lengths->data;
  }
  void **parameters = problem_pointers(p, "pointers to parameters", p->parameter_count);
  for (int64_t i = 0; i < p->parameter_count; i++) {
    parameters[i] = problem_tensor(p, p->parameter[i].name, p->parameter[i].elements, 0.4, &state);
  }
  f->parameters = b->parameters = (const void *const *)parameters;
  f->initial_states = b->initial_states = (const void *const *)problem_states(p, "initial state", &state);
  b->final_state_gradients = (const void *const *)problem_states(p, "final state gradient", &state);
  void **gradients = problem_pointers(p, "pointers to gradients", p->parameter_count);

  p->first_output = p->buffer_count;
  f->y = problem_tensor(p, "y", y_elements, 0, NULL);
  f->final_states = (void *const *)problem_states(p, "final state", NULL);
  b->dx = problem_tensor(p, "dx", x_elements, 0, NULL);
  b->initial_state_gradients = (void *const *)problem_states(p, "initial state gradient", NULL);
  for (int64_t i = 0; i < p->parameter_count; i++) {
    gradients[i] = problem_tensor(p, "gradient", p->parameter[i].elements, 0, NULL);
  }
  b->gradients = gradients;

  CHECK_STATUS(swiftrnn_network_tape_size(p->network, is->steps, is->sequences, &f->tape_size), SWIFTRNN_STATUS_OK);
  f->tape = problem_scratch(p, "tape", f->tape_size);
  b->tape = f->tape;
  b->tape_size = f->tape_size;
  int64_t *sizes[3] = {&f->workspace_size, &p->workspace_weights_size, &b->workspace_size};
  for (int purpose = 0; purpose < 3; purpose++) {
    CHECK_STATUS(swiftrnn_network_workspace_size(p->network, (swiftrnn_workspace)purpose, is->steps, is->sequences,
                                                 sizes[purpose]),
                 SWIFTRNN_STATUS_OK);
  }
  f->workspace = problem_scratch(p, "workspace of the forward pass", f->workspace_size);
  p->workspace_weights = problem_scratch(p, "workspace with packed weights", p->workspace_weights_size);
  b->workspace = problem_scratch(p, "workspace of the backward pass", b->workspace_size);
  return p;
}

static inline void problem_free(problem *p) {
  swiftrnn_weights_destroy(p->weights);
  swiftrnn_network_destroy(p->network);
  for (int i = 0; i < p->buffer_count; i++) buffer_free(&p->buffers[i]);
  free(p);
}

/** Fills all outputs and scratch, but nothing beside them. */
static inline void problem_fill(problem *p, int byte) {
  for (int i = p->first_output; i < p->buffer_count; i++) {
    if (strncmp(p->buffers[i].name, "pointers", 8) != 0) memset(p->buffers[i].data, byte, p->buffers[i].size);
  }
}

static inline void problem_keep(problem *p) {
  for (int i = 0; i < p->buffer_count; i++) buffer_keep(&p->buffers[i]);
}

/** No input has changed since problem_keep(), with outputs nothing at all; nothing beside a buffer was written. */
static inline void check_problem_kept(const problem *p, int outputs, const char *file, int line) {
  for (int i = 0; i < p->buffer_count; i++) {
    const buffer *b = &p->buffers[i];
    const int input = i < p->first_output || strncmp(b->name, "pointers", 8) == 0;
    const int fine = outputs || input ? buffer_is_kept(b) : buffer_is_bounded(b);
    check_count++;
    if (fine) continue;
    check_failures++;
    fprintf(stderr, "%s:%d: %s was written%s: %s\n", file, line, b->name, outputs || input ? "" : " beside its memory",
            current_work);
  }
}
#define CHECK_NOTHING_WRITTEN(p) check_problem_kept((p), 1, __FILE__, __LINE__)
#define CHECK_INPUTS_KEPT(p) check_problem_kept((p), 0, __FILE__, __LINE__)

/** The weights of a problem, packed. */
static inline swiftrnn_weights *problem_pack(problem *p) {
  if (p->weights == NULL) {
    CHECK_STATUS(
        swiftrnn_weights_create(p->network, p->forward.parameters, p->forward.parameter_count, &p->weights),
        SWIFTRNN_STATUS_OK);
  }
  return p->weights;
}

/** The arguments for inference: with parameters, or with packed weights. */
static inline swiftrnn_forward_args problem_inference(problem *p, int packed) {
  swiftrnn_forward_args a = p->forward;
  a.tape = NULL;
  a.tape_size = 0;
  if (packed) {
    a.weights = problem_pack(p);
    a.parameters = NULL;
    a.parameter_count = 0;
    a.workspace = p->workspace_weights;
    a.workspace_size = p->workspace_weights_size;
  }
  return a;
}

/** Forward with a tape, then backward. */
static inline void problem_train(problem *p) {
  CHECK_STATUS(swiftrnn_network_forward(p->network, &p->forward), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_backward(p->network, &p->backward), SWIFTRNN_STATUS_OK);
}

/** Whether a buffer is a result: of the forward pass, or of both passes. Tapes and scratch are not. */
static inline int is_result(const char *name, int backward) {
  if (strcmp(name, "y") == 0 || strcmp(name, "final state") == 0) return 1;
  return backward && (strcmp(name, "dx") == 0 || strcmp(name, "initial state gradient") == 0 ||
                      strcmp(name, "gradient") == 0);
}

/** Two problems of one shape have the same bits in all results. */
static inline void check_same_results(const problem *p, const problem *q, int backward, const char *file, int line) {
  for (int i = p->first_output; i < p->buffer_count; i++) {
    const buffer *a = &p->buffers[i], *b = &q->buffers[i - p->first_output + q->first_output];
    if (!is_result(a->name, backward)) continue;
    check_count++;
    if (a->size == b->size && memcmp(a->data, b->data, a->size) == 0) continue;
    check_failures++;
    fprintf(stderr, "%s:%d: %s has other bits: %s\n", file, line, a->name, current_work);
  }
}
#define CHECK_SAME_RESULTS(p, q, backward) check_same_results((p), (q), (backward), __FILE__, __LINE__)

/** Text for `current_work`. */
static inline void describe(const shape *s, const char *what) {
  snprintf(current_work, sizeof current_work,
           "%s; cell %d, dtype %d, T %lld, N %lld, I %lld, H %lld, P %lld, layers %lld, directions %d, %s, rows %d, "
           "border at the %s, dropout %g, bias %d, threads %lld",
           what, (int)s->cell, (int)s->dtype, (long long)s->steps, (long long)s->sequences, (long long)s->inputs,
           (long long)s->hidden, (long long)s->projection, (long long)s->layers, (int)s->directions,
           s->lengths ? "lengths" : "no lengths", (int)s->rows, s->flush == BORDER_END ? "end" : "start", s->dropout,
           !s->without_bias, (long long)s->threads);
}

static const swiftrnn_cell all_cells[5] = {SWIFTRNN_RNN_TANH, SWIFTRNN_RNN_RELU, SWIFTRNN_LSTM, SWIFTRNN_GRU,
                                           SWIFTRNN_GRU_RESET_BEFORE};

enum { KINDS = 6 };

/** The kinds that tests go through: the five cells, and as the sixth an LSTM whose output is projected to `projection`
 *  numbers, which the others don't look at. Everything else is the default. */
static inline shape shape_of_kind(int kind, int64_t projection) {
  shape is;
  memset(&is, 0, sizeof is);
  is.cell = kind < 5 ? all_cells[kind] : SWIFTRNN_LSTM;
  is.projection = kind < 5 ? 0 : projection;
  return is;
}

#endif
