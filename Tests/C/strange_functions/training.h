/* The calls around a network: embedding, linear layer, loss, clipping, optimizers and sampling; each refused, then the
 * same bits with other threads in other places. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_TRAINING_H
#define SWIFTRNN_TEST_TRAINING_H

#include "losses.h"

static void make_embedding(const exercise *e, const facts *f, call *c, int is_backward) {
  uint64_t state = e->numbers;
  const int64_t vocabulary = e->rows, width = e->inputs, count = vocabulary > 0 ? e->count : 0;
  const int element = (int)f->element;
  t.rows = vocabulary, t.inputs = width, t.count = count, t.flag = e->flag;
  t.ids = ids_new("ids", count, vocabulary, 0, &state);
  if (is_backward) {
    t.gradient = numbers_new(f, "dout", INPUT, count * width, e->is_odd, &state);
    t.dweight = numbers_new(f, "dweight", FORWARD_RESULT, vocabulary * width, 0, &state);
  } else {
    t.weight = numbers_new(f, "weight", INPUT, vocabulary * width, e->is_odd, &state);
    t.y = numbers_new(f, "out", FORWARD_RESULT, count * width, 0, &state);
  }
  call_begin(c, is_backward ? F_embedding_backward : F_embedding_forward,
             is_backward ? run_embedding_backward : run_embedding_forward);
  has_size(c, "vocabulary", &t.rows, width);
  has_size(c, "width", &t.inputs, vocabulary);
  has_size(c, "count", &t.count, 1);
  has_ids(c, "ids", count, vocabulary);
  if (is_backward) {
    has_array(c, "dout", &t.gradient, element, count * width > 0);
    has_array(c, "dweight", &t.dweight, element, vocabulary * width > 0);
    has_flag(c, "accumulate", &t.flag, 1);
  } else {
    has_array(c, "weight", &t.weight, element, vocabulary * width > 0);
    has_array(c, "out", &t.y, element, count * width > 0);
  }
}

static void make_linear(const exercise *e, const facts *f, call *c, int is_backward) {
  uint64_t state = e->numbers;
  const int element = (int)f->element;
  const int64_t rows = e->rows, inputs = e->inputs, outputs = e->outputs;
  t.rows = rows, t.inputs = inputs, t.outputs = outputs, t.flag = e->flag;
  t.x = numbers_new(f, "x", INPUT, rows * inputs, e->is_odd, &state);
  t.weight = numbers_new(f, "weight", INPUT, outputs * inputs, e->is_odd, &state);
  call_begin(c, is_backward ? F_linear_backward : F_linear_forward,
             is_backward ? run_linear_backward : run_linear_forward);
  has_size(c, "rows", &t.rows, inputs), has_size(c, "inputs", &t.inputs, rows);
  has_size(c, "outputs", &t.outputs, inputs);
  if (is_backward) {
    t.gradient = numbers_new(f, "dy", INPUT, rows * outputs, e->is_odd, &state);
    t.dx = wanted(f, e->has[0], "dx", rows * inputs, &state);
    t.dweight = wanted(f, e->has[1], "dweight", outputs * inputs, &state);
    t.dbias = wanted(f, e->has[2], "dbias", outputs, &state);
    if (t.dweight != NULL) has_array(c, "x", &t.x, element, rows * inputs > 0);
    if (t.dx != NULL) has_array(c, "weight", &t.weight, element, outputs * inputs > 0);
    has_array(c, "dy", &t.gradient, element, rows * outputs > 0);
    has_flag(c, "accumulate", &t.flag, 1);
    if (t.dx != NULL) has_array(c, "dx", &t.dx, element, 0);
    if (t.dweight != NULL) has_array(c, "dweight", &t.dweight, element, 0);
    if (t.dbias != NULL) has_array(c, "dbias", &t.dbias, element, 0);
    /* What is not read need not be there. */
    if (t.dweight == NULL && e->has[3]) t.x = NULL;
    if (t.dx == NULL && e->has[3]) t.weight = NULL;
  } else {
    t.bias = e->has[0] ? numbers_new(f, "bias", INPUT, outputs, 0, &state) : NULL;
    t.y = numbers_new(f, "y", FORWARD_RESULT, rows * outputs, 0, &state);
    has_array(c, "x", &t.x, element, rows * inputs > 0);
    has_array(c, "weight", &t.weight, element, outputs * inputs > 0);
    if (t.bias != NULL) has_array(c, "bias", &t.bias, element, 0);
    has_array(c, "y", &t.y, element, rows * outputs > 0);
  }
}

static void make_rmsprop(const exercise *e, const facts *f, call *c) {
  uint64_t state = e->numbers;
  int64_t tail = 0;
  const int element = (int)f->element, exist = e->count > 0;
  swiftrnn_rmsprop_config g;
  memset(&g, 0, sizeof g);
  g.rate = e->rate, g.alpha = 0.9, g.epsilon = 1e-8, g.weight_decay = e->weight_decay, g.momentum = e->momentum;
  g.centered = e->flag;
  swiftrnn_rmsprop_config *given = (swiftrnn_rmsprop_config *)struct_new("config", &g, (int64_t)sizeof g, &tail);
  t.rmsprop = given, t.count = e->count;
  t.gradient = numbers_new(f, "gradient", INPUT, e->count, e->is_odd, &state);
  t.parameter = numbers_new(f, "parameter", FORWARD_RESULT, e->count, 0, &state);
  t.second = numbers_new(f, "square", FORWARD_RESULT, e->count, 0, &state);
  t.mean = wanted(f, e->flag || e->has[0], "mean", e->count, &state);
  t.first = wanted(f, e->momentum != 0 || e->has[1], "velocity", e->count, &state);
  call_begin(c, F_rmsprop_step, run_rmsprop);
  has_array(c, "config", &t.rmsprop, 8, 1);
  has_struct(c, given, (int64_t)sizeof g, tail);
  has_size(c, "elements", &t.count, 1);
  has_array(c, "gradient", &t.gradient, element, exist), has_array(c, "parameter", &t.parameter, element, exist);
  has_array(c, "square", &t.second, element, exist);
  if (t.mean != NULL) has_array(c, "mean", &t.mean, element, e->flag && exist);
  if (t.first != NULL) has_array(c, "velocity", &t.first, element, e->momentum != 0 && exist);
  has_real(c, "rate", &given->rate, negative, 5), has_real(c, "epsilon", &given->epsilon, negative, 5);
  has_real(c, "alpha", &given->alpha, no_share, 7), has_real(c, "momentum", &given->momentum, negative, 5);
  has_real(c, "weight_decay", &given->weight_decay, negative, 5);
  has_flag(c, "centered", &given->centered, 1), has_flag(c, "reserved", &given->reserved, 0);
}

static void make_clip(const exercise *e, const facts *f, call *c, int by_value) {
  uint64_t state = e->numbers;
  const int64_t count = e->outputs;
  void **tensors = (void **)array_new("gradients", INPUT, count * (int64_t)sizeof *tensors);
  int64_t *elements = (int64_t *)array_new("elements", INPUT, count * (int64_t)sizeof *elements);
  for (int64_t i = 0; i < count; i++) {
    elements[i] = (int64_t)(next_random(&state) % (uint64_t)(e->count + 1));
    tensors[i] = next_random(&state) % 4 ? numbers_new(f, "a gradient", FORWARD_RESULT, elements[i], e->is_odd, &state)
                                         : NULL;
  }
  t.count = count, t.tensors = tensors, t.elements = elements, t.max_norm = e->max_norm;
  t.out_norm = e->has[0] && !by_value ? (double *)array_new("out_norm", FORWARD_RESULT, 8) : NULL;
  call_begin(c, by_value ? F_clip_values : F_clip_gradients, by_value ? run_clip_values : run_clip);
  has_size(c, "tensor_count", &t.count, 1);
  has_pointers(c, "gradients", &t.tensors, count, (int)f->element, count > 0, 0);
  has_array(c, "elements", &t.elements, 8, count > 0);
  for (int64_t i = 0; i < count && i < 2; i++) has_size(c, "an entry of elements", &elements[i], tensors[i] != NULL);
  has_real(c, by_value ? "limit" : "max_norm", &t.max_norm, no_norm, 4);
  if (t.out_norm != NULL) has_array(c, "out_norm", &t.out_norm, 8, 0);
}

static void make_optimizer(const exercise *e, const facts *f, call *c, int is_adam) {
  uint64_t state = e->numbers;
  const int element = (int)f->element, exist = e->count > 0;
  t.count = e->count;
  t.gradient = numbers_new(f, "gradient", INPUT, e->count, e->is_odd, &state);
  t.parameter = numbers_new(f, "parameter", FORWARD_RESULT, e->count, 0, &state);
  t.first = is_adam || e->momentum != 0 || e->has[0]
                ? numbers_new(f, "the first moment", FORWARD_RESULT, e->count, 0, &state) : NULL;
  t.second = is_adam ? numbers_new(f, "the second moment", FORWARD_RESULT, e->count, 0, &state) : NULL;
  call_begin(c, is_adam ? F_adam_step : F_sgd_step, is_adam ? run_adam : run_sgd);
  has_size(c, "elements", &t.count, 1);
  has_array(c, "gradient", &t.gradient, element, exist);
  has_array(c, "parameter", &t.parameter, element, exist);
  if (is_adam) {
    int64_t tail = 0;
    swiftrnn_adam_config g;
    memset(&g, 0, sizeof g);
    g.rate = e->rate, g.beta1 = 0.9, g.beta2 = 0.999, g.epsilon = 1e-8, g.weight_decay = e->weight_decay;
    g.decoupled = e->flag, t.step = e->step;
    swiftrnn_adam_config *given = (swiftrnn_adam_config *)struct_new("config", &g, (int64_t)sizeof g, &tail);
    t.adam = given;
    has_array(c, "first", &t.first, element, exist), has_array(c, "second", &t.second, element, exist);
    has_array(c, "config", &t.adam, 8, 1);
    has_struct(c, given, (int64_t)sizeof g, tail);
    has_number(c, "step", &t.step, 1, INT64_MAX, BIT(INVALID_VALUE));
    has_real(c, "rate", &given->rate, negative, 5), has_real(c, "epsilon", &given->epsilon, negative, 5);
    has_real(c, "beta1", &given->beta1, no_share, 7), has_real(c, "beta2", &given->beta2, no_share, 7);
    has_real(c, "weight_decay", &given->weight_decay, negative, 5);
    has_flag(c, "decoupled", &given->decoupled, 1), has_flag(c, "reserved", &given->reserved, 0);
  } else {
    t.rate = e->rate, t.momentum = e->momentum, t.weight_decay = e->weight_decay, t.flag = e->flag;
    if (t.first != NULL) has_array(c, "velocity", &t.first, element, e->momentum != 0 && exist);
    has_real(c, "rate", &t.rate, negative, 5), has_real(c, "momentum", &t.momentum, negative, 5);
    has_real(c, "weight_decay", &t.weight_decay, negative, 5);
    has_flag(c, "nesterov", &t.flag, 1);
  }
}

static void make_sample(const exercise *e, const facts *f, call *c) {
  uint64_t state = e->numbers;
  int64_t tail = 0;
  const int64_t rows = e->rows, classes = e->inputs;
  swiftrnn_sample_config g;
  memset(&g, 0, sizeof g);
  g.temperature = e->temperature, g.top_k = e->top_k, g.top_p = e->top_p, g.seed = e->numbers, g.position = e->numbers;
  g.seeded = 1;
  swiftrnn_sample_config *given = (swiftrnn_sample_config *)struct_new("config", &g, (int64_t)sizeof g, &tail);
  t.sampler = given, t.rows = rows, t.inputs = classes;
  t.x = numbers_new(f, "logits", INPUT, rows * classes, e->is_odd, &state);
  t.out_ids = (int64_t *)array_new("out_ids", FORWARD_RESULT, rows * 8);
  call_begin(c, F_sample, run_sample);
  has_array(c, "config", &t.sampler, 8, 1);
  has_struct(c, given, (int64_t)sizeof g, tail);
  has_seed(c, &given->seeded, &given->reserved, g.seed != 0);
  has_real(c, "temperature", &given->temperature, negative, 5);
  has_number(c, "top_k", &given->top_k, 0, INT64_MAX, BIT(INVALID_VALUE));
  has_real(c, "top_p", &given->top_p, no_top_p, 4);
  has_size(c, "rows", &t.rows, classes), has_size(c, "classes", &t.inputs, rows);
  has_array(c, "logits", &t.x, (int)f->element, rows * classes > 0);
  has_array(c, "out_ids", &t.out_ids, 8, rows > 0);
}

enum { CROSS_ENTROPY = 4, CLIP = 6, WITH_OPTIONS = 9, BEHIND_LINEAR, PAIRS, BY_VALUE, RMSPROP, EXERCISES };

/* Whether the results of a second call take the place of what it reads. */
static int is_in_place(const exercise *e) {
  return e->has[0] && (e->which == CROSS_ENTROPY || e->which == WITH_OPTIONS || e->which == PAIRS);
}

static void draw_exercise(exercise *e) {
  memset(e, 0, sizeof *e);
  const int is_large = any(40) == 0;
  e->which = (int)any(EXERCISES);
  e->rows = is_large ? 1 + any(300) : any(10), e->inputs = is_large ? 1 + any(300) : any(30);
  e->outputs = is_large ? any(200) : any(10), e->count = is_large ? any(100000) : any(70);
  if (e->which == CLIP || e->which == BY_VALUE) e->count = is_large ? any(20000) : any(70), e->outputs = any(8);
  if (e->which < 2) e->count = is_large ? any(500) : any(20);
  /* Sampling needs a class. */
  if (e->which == 5 && e->inputs == 0) e->inputs = 1;
  e->is_odd = any(6) == 0, e->flag = (int32_t)any(2), e->numbers = next_random(&random_state);
  for (int i = 0; i < 6; i++) e->has[i] = any(4) != 0;
  e->rate = any(8) ? 0.01 : 0, e->momentum = any(2) ? 0.9 : 0, e->weight_decay = any(2) ? 0.01 : 0;
  e->max_norm = any(4) ? 0.5 : INFINITY;
  e->temperature = any(3) ? 0.7 : 0, e->top_p = any(2) ? 0 : any(2) ? 0.9 : 1;
  e->top_k = any(2) ? 0 : any(40), e->step = any(8) ? 1 + any(1000) : INT64_MAX;
  e->ignored = any(3) == 0 ? 0 : -100;
}

static void make_exercise(const exercise *e, const facts *f, call *c, int is_second) {
  slots_reset();
  placement_state = next_random(&random_state);
  switch (e->which) {
    case 0: case 1: make_embedding(e, f, c, e->which); break;
    case 2: case 3: make_linear(e, f, c, e->which == 3); break;
    case CROSS_ENTROPY: case WITH_OPTIONS:
      make_cross_entropy(e, f, c, is_second && e->has[0], e->which == WITH_OPTIONS);
      break;
    case 5: make_sample(e, f, c); break;
    case CLIP: case BY_VALUE: make_clip(e, f, c, e->which == BY_VALUE); break;
    case BEHIND_LINEAR: make_linear_cross_entropy(e, f, c); break;
    case PAIRS: make_elementwise_loss(e, f, c, is_second && e->has[0]); break;
    case RMSPROP: make_rmsprop(e, f, c); break;
    default: make_optimizer(e, f, c, e->which == 8);
  }
  has_flag(c, "dtype", &t.dtype, 1);
  set_threads();
  keep_blocks();
}

static void training(void) {
  static exercise e;
  static facts f; /* of no network */
  call c;
  draw_exercise(&e);
  f.dtype = t.dtype = any(2) ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
  f.element = f.dtype == SWIFTRNN_FLOAT64 ? 8 : 4;
  snprintf(now->sizes, sizeof now->sizes,
           "dtype %d rows %" PRId64 " inputs %" PRId64 " outputs %" PRId64 " count %" PRId64
           " odd %d flag %d has %d%d%d%d%d",
           (int)f.dtype, e.rows, e.inputs, e.outputs, e.count, e.is_odd, (int)e.flag, e.has[0], e.has[1], e.has[2],
           e.has[3], e.has[4]);
  now->size = 0;
  /* Logits that are no numbers cannot be drawn from; classes that are none have no row. */
  const unsigned statuses = e.which == 5 && e.is_odd ? BIT(OK) | BIT(INVALID_VALUE) : BIT(OK);
  make_exercise(&e, &f, &c, 0);
  name_call(&c, "");
  if (perform(&c, statuses) != 0) return;
  record_keep(&inferred, FORWARD_RESULT);
  make_exercise(&e, &f, &c, 1);
  name_call(&c, " elsewhere");
  if (perform(&c, statuses) != 0) return;
  /* In place the results are others, in another order. */
  if (!is_in_place(&e)) compare_results(&f, &inferred, FORWARD_RESULT, "elsewhere");
  if (e.which == 5 && e.is_odd) return;
  changed_calls(&c, is_in_place(&e) ? 0 : 12, &fill_state);
}

#endif
