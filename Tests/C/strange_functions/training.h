/* The calls around a network: embedding, linear layer, loss, clipping, optimizers and sampling; each refused, then the
 * same bits with other threads in other places. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_TRAINING_H
#define SWIFTRNN_TEST_TRAINING_H

#include "comparisons.h"

static struct {
  swiftrnn_dtype dtype;
  int64_t rows, inputs, outputs, count, step, ignored;
  const void *x, *weight, *bias, *gradient;
  const int64_t *ids;
  int64_t *out_ids, *out_count;
  int32_t flag;
  void *y, *dx, *dweight, *dbias, *parameter, *first, *second, *mean;
  void *const *tensors;
  const int64_t *elements;
  double *row_losses, *out_loss, *out_perplexity, *out_norm;
  double max_norm, rate, momentum, weight_decay;
  const swiftrnn_adam_config *adam;
  const swiftrnn_sample_config *sampler;
  const swiftrnn_cross_entropy_options *options;
  const swiftrnn_linear_cross_entropy_args *fused;
  const swiftrnn_elementwise_loss_config *pairs;
  const swiftrnn_rmsprop_config *rmsprop;
} t;

static int run_embedding_forward(void) {
  return (int)swiftrnn_embedding_forward(t.dtype, t.rows, t.inputs, t.weight, t.count, t.ids, t.y);
}
static int run_embedding_backward(void) {
  return (int)swiftrnn_embedding_backward(t.dtype, t.rows, t.inputs, t.count, t.ids, t.gradient, t.flag, t.dweight);
}
static int run_linear_forward(void) {
  return (int)swiftrnn_linear_forward(t.dtype, t.rows, t.inputs, t.outputs, t.x, t.weight, t.bias, t.y);
}
static int run_linear_backward(void) {
  return (int)swiftrnn_linear_backward(t.dtype, t.rows, t.inputs, t.outputs, t.x, t.weight, t.gradient, t.flag, t.dx,
                                       t.dweight, t.dbias);
}
static int run_cross_entropy(void) {
  return (int)swiftrnn_cross_entropy(t.dtype, t.rows, t.inputs, t.x, t.ids, t.ignored, t.row_losses, t.dx, t.out_loss,
                                     t.out_perplexity, t.out_count);
}
static int run_clip(void) {
  return (int)swiftrnn_clip_gradients(t.dtype, t.count, t.tensors, t.elements, t.max_norm, t.out_norm);
}
static int run_sgd(void) {
  return (int)swiftrnn_sgd_step(t.dtype, t.count, t.rate, t.momentum, t.weight_decay, t.flag, t.gradient, t.parameter,
                                t.first);
}
static int run_adam(void) {
  return (int)swiftrnn_adam_step(t.dtype, t.adam, t.step, t.count, t.gradient, t.parameter, t.first, t.second);
}
static int run_cross_entropy_with(void) {
  return (int)swiftrnn_cross_entropy_with(t.dtype, t.options, t.rows, t.inputs, t.x, t.ids, t.ignored, t.row_losses,
                                          t.dx, t.out_loss, t.out_perplexity, t.out_count);
}
static int run_linear_cross_entropy(void) { return (int)swiftrnn_linear_cross_entropy(t.dtype, t.fused); }
static int run_elementwise_loss(void) {
  return (int)swiftrnn_elementwise_loss(t.dtype, t.pairs, t.rows, t.inputs, t.x, t.gradient, t.dx, t.out_loss);
}
static int run_clip_values(void) {
  return (int)swiftrnn_clip_values(t.dtype, t.count, t.tensors, t.elements, t.max_norm);
}
static int run_rmsprop(void) {
  return (int)swiftrnn_rmsprop_step(t.dtype, t.rmsprop, t.count, t.gradient, t.parameter, t.second, t.mean, t.first);
}
static int run_sample(void) {
  return (int)swiftrnn_sample(t.dtype, t.sampler, t.rows, t.inputs, t.x, t.out_ids);
}

/* What is drawn once for a call and its repetitions. */
typedef struct exercise {
  int which;
  int64_t rows, inputs, outputs, count;
  int is_odd, has[6];
  int32_t flag;
  uint64_t numbers;
  double rate, momentum, weight_decay, max_norm, temperature, top_p;
  int64_t top_k, step, ignored;
} exercise;

static const double negative[] = {-1, NAN, INFINITY, -INFINITY, -1e-300};
static const double no_norm[] = {0, -1, NAN, -INFINITY};
static const double no_top_p[] = {-0.1, 1.5, NAN, INFINITY};

/* A size that is a factor of a number of bytes, as is `other`: where that is 0, this one may be anything. */
static void has_size(call *c, const char *name, int64_t *place, int64_t other) {
  has_stride(c, name, place, 0, other > 0 ? 2 : 1);
}

static int64_t *ids_new(const char *name, int64_t count, int64_t below, int64_t ignored, uint64_t *state) {
  int64_t *ids = (int64_t *)array_new(name, INPUT, count * (int64_t)sizeof *ids);
  for (int64_t i = 0; i < count; i++) {
    const uint64_t number = next_random(state);
    ids[i] = below == 0 || (ignored < 0 && number % 5 == 0) ? ignored : (int64_t)(number / 5 % (uint64_t)below);
  }
  return ids;
}

static void has_ids(call *c, const char *name, int64_t count, int64_t below) {
  has_array(c, name, &t.ids, 8, count > 0);
  for (int i = 0; i < 2 && count > 0; i++) {
    has_number(c, "an identifier", (int64_t *)(uintptr_t)&t.ids[any(count)], 0, below - 1, BIT(INVALID_VALUE));
  }
}

static void *wanted(const facts *f, int is_wanted, const char *name, int64_t count, uint64_t *state) {
  return is_wanted ? numbers_new(f, name, FORWARD_RESULT, count, 0, state) : NULL;
}

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

/* 0, a half, 1 and one and a half. */
static void *weights_new(const facts *f, const char *name, int64_t count, uint64_t *state) {
  void *weights = array_new(name, INPUT, count * f->element);
  for (int64_t i = 0; i < count; i++) {
    const double weight = (double)(next_random(state) % 4) / 2;
    if (f->dtype == SWIFTRNN_FLOAT64) ((double *)weights)[i] = weight;
    else ((float *)weights)[i] = (float)weight;
  }
  return weights;
}

/* The options of a cross-entropy, at `place`. */
static void has_options(const exercise *e, const facts *f, call *c, void *place, int64_t classes, uint64_t *state) {
  int64_t tail = 0;
  const int element = (int)f->element;
  swiftrnn_cross_entropy_options g;
  memset(&g, 0, sizeof g);
  g.label_smoothing = e->top_p * 0.3, g.reduction = (swiftrnn_reduction)e->flag;
  g.class_weights = e->has[5] ? weights_new(f, "class_weights", classes, state) : NULL;
  g.row_weights = e->momentum != 0 ? weights_new(f, "row_weights", e->rows, state) : NULL;
  swiftrnn_cross_entropy_options *given =
      (swiftrnn_cross_entropy_options *)struct_new("options", &g, (int64_t)sizeof g, &tail);
  memcpy(place, &given, sizeof given);
  has_array(c, "options", place, 8, 0);
  has_struct(c, given, (int64_t)sizeof g, tail);
  has_real(c, "label_smoothing", &given->label_smoothing, no_top_p, 4);
  has_flag(c, "reduction", &given->reduction, 1), has_flag(c, "reserved", &given->reserved, 0);
  if (given->class_weights != NULL) has_array(c, "class_weights", &given->class_weights, element, 0);
  if (given->row_weights != NULL) has_array(c, "row_weights", &given->row_weights, element, 0);
}

static void has_targets(const exercise *e, call *c, const int64_t *targets, int64_t classes) {
  for (int i = 0; i < 2 && e->rows > 0 && e->ignored < -1; i++) {
    argument *a = argument_new(c, "a target", NUMBER, (void *)(uintptr_t)&targets[any(e->rows)]);
    a->low = 0, a->high = classes - 1, a->refusals = BIT(INVALID_VALUE);
  }
}

static void make_linear_cross_entropy(const exercise *e, const facts *f, call *c) {
  uint64_t state = e->numbers;
  int64_t tail = 0;
  const int element = (int)f->element;
  const int64_t rows = e->rows, inputs = e->outputs, classes = e->inputs;
  swiftrnn_linear_cross_entropy_args g;
  memset(&g, 0, sizeof g);
  g.rows = rows, g.inputs = inputs, g.classes = classes, g.ignore_index = e->ignored, g.accumulate = e->flag;
  g.memory_limit = e->top_k;
  g.x = numbers_new(f, "x", INPUT, rows * inputs, e->is_odd, &state);
  g.weight = numbers_new(f, "weight", INPUT, classes * inputs, e->is_odd, &state);
  g.bias = e->has[0] ? numbers_new(f, "bias", INPUT, classes, 0, &state) : NULL;
  g.targets = ids_new("targets", rows, classes, e->ignored, &state);
  g.dx = wanted(f, e->has[1], "dx", rows * inputs, &state);
  g.dweight = wanted(f, e->has[2], "dweight", classes * inputs, &state);
  g.dbias = wanted(f, e->has[3], "dbias", classes, &state);
  g.row_losses = e->has[4] ? (double *)array_new("row_losses", FORWARD_RESULT, rows * 8) : NULL;
  g.out_loss = e->has[0] ? (double *)array_new("out_loss", FORWARD_RESULT, 8) : NULL;
  g.out_perplexity = e->has[1] ? (double *)array_new("out_perplexity", FORWARD_RESULT, 8) : NULL;
  g.out_count = e->has[2] ? (int64_t *)array_new("out_count", FORWARD_RESULT, 8) : NULL;
  swiftrnn_linear_cross_entropy_args *given =
      (swiftrnn_linear_cross_entropy_args *)struct_new("args", &g, (int64_t)sizeof g, &tail);
  t.fused = given;
  call_begin(c, F_linear_cross_entropy, run_linear_cross_entropy);
  has_array(c, "args", &t.fused, 8, 1);
  has_struct(c, given, (int64_t)sizeof g, tail);
  has_size(c, "rows", &given->rows, inputs + classes), has_size(c, "inputs", &given->inputs, rows + classes);
  has_size(c, "classes", &given->classes, rows + inputs);
  has_number(c, "memory_limit", &given->memory_limit, 0, INT64_MAX, BIT(INVALID_SIZE));
  has_flag(c, "accumulate", &given->accumulate, 1), has_flag(c, "reserved", &given->reserved, 0);
  has_array(c, "x", &given->x, element, rows * inputs > 0);
  has_array(c, "weight", &given->weight, element, classes * inputs > 0);
  has_array(c, "targets", &given->targets, 8, rows > 0);
  has_targets(e, c, given->targets, classes);
  if (given->bias != NULL) has_array(c, "bias", &given->bias, element, 0);
  if (given->dx != NULL) has_array(c, "dx", &given->dx, element, 0);
  if (given->dweight != NULL) has_array(c, "dweight", &given->dweight, element, 0);
  if (given->dbias != NULL) has_array(c, "dbias", &given->dbias, element, 0);
  if (given->row_losses != NULL) has_array(c, "row_losses", &given->row_losses, 8, 0);
  if (given->out_loss != NULL) has_array(c, "out_loss", &given->out_loss, 8, 0);
  if (given->out_perplexity != NULL) has_array(c, "out_perplexity", &given->out_perplexity, 8, 0);
  if (given->out_count != NULL) has_array(c, "out_count", &given->out_count, 8, 0);
  has_options(e, f, c, &given->options, classes, &state);
}

static const double no_delta[] = {0, -1, NAN, INFINITY};

/* Where `in_place`, the predictions are the result. */
static void make_elementwise_loss(const exercise *e, const facts *f, call *c, int in_place) {
  uint64_t state = e->numbers;
  int64_t tail = 0;
  const int element = (int)f->element;
  const int64_t sequences = e->has[1] && e->outputs > 0 ? e->outputs : 0, width = e->inputs;
  const int64_t rows = sequences > 0 ? e->rows / sequences * sequences : e->rows;
  swiftrnn_elementwise_loss_config g;
  memset(&g, 0, sizeof g);
  g.loss = (swiftrnn_loss)(e->numbers / 7 % 4), g.reduction = (swiftrnn_reduction)e->flag, g.delta = 0.5;
  g.row_weights = e->has[2] ? weights_new(f, "row_weights", rows, &state) : NULL;
  g.positive_weights = e->has[3] && g.loss == SWIFTRNN_LOSS_BINARY_CROSS_ENTROPY
                           ? weights_new(f, "positive_weights", width, &state) : NULL;
  if (sequences > 0) {
    int64_t *lengths = (int64_t *)array_new("lengths", INPUT, sequences * 8);
    for (int64_t n = 0; n < sequences; n++) {
      lengths[n] = (int64_t)(next_random(&state) % (uint64_t)(rows / sequences + 1));
    }
    g.lengths = lengths, g.sequences = sequences;
  }
  swiftrnn_elementwise_loss_config *given =
      (swiftrnn_elementwise_loss_config *)struct_new("config", &g, (int64_t)sizeof g, &tail);
  t.pairs = given, t.rows = rows, t.inputs = width;
  t.x = numbers_new(f, in_place ? "dpredictions" : "predictions", in_place ? FORWARD_RESULT : INPUT, rows * width,
                    e->is_odd, &state);
  t.gradient = numbers_new(f, "targets", INPUT, rows * width, e->is_odd, &state);
  t.dx = in_place ? (void *)(uintptr_t)t.x : wanted(f, e->has[0], "dpredictions", rows * width, NULL);
  t.out_loss = e->has[4] ? (double *)array_new("out_loss", FORWARD_RESULT, 8) : NULL;
  call_begin(c, F_elementwise_loss, run_elementwise_loss);
  has_array(c, "config", &t.pairs, 8, 1);
  has_struct(c, given, (int64_t)sizeof g, tail);
  has_flag(c, "loss", &given->loss, 3), has_flag(c, "reduction", &given->reduction, 1);
  if (g.loss == SWIFTRNN_LOSS_HUBER) has_real(c, "delta", &given->delta, no_delta, 4);
  has_size(c, "rows", &t.rows, width), has_size(c, "width", &t.inputs, rows);
  has_array(c, "predictions", &t.x, element, rows * width > 0);
  has_array(c, "targets", &t.gradient, element, rows * width > 0);
  if (t.dx != NULL) has_array(c, "dpredictions", &t.dx, element, 0);
  if (t.out_loss != NULL) has_array(c, "out_loss", &t.out_loss, 8, 0);
  if (given->row_weights != NULL) has_array(c, "row_weights", &given->row_weights, element, 0);
  if (given->positive_weights != NULL) has_array(c, "positive_weights", &given->positive_weights, element, 0);
  if (sequences > 0) {
    has_array(c, "lengths", &given->lengths, 8, 1), has_size(c, "sequences", &given->sequences, rows);
    has_number(c, "a length", (int64_t *)(uintptr_t)&given->lengths[any(sequences)], 0, rows / sequences,
               BIT(INVALID_SIZE));
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

/* Where `in_place`, the logits are the result. */
static void make_cross_entropy(const exercise *e, const facts *f, call *c, int in_place, int with_options) {
  uint64_t state = e->numbers;
  const int element = (int)f->element;
  const int64_t rows = e->rows, classes = e->inputs;
  t.rows = rows, t.inputs = classes, t.ignored = e->ignored;
  t.ids = ids_new("targets", rows, classes, e->ignored, &state);
  t.x = numbers_new(f, in_place ? "dlogits" : "logits", in_place ? FORWARD_RESULT : INPUT, rows * classes, e->is_odd,
                    &state);
  t.dx = in_place ? (void *)(uintptr_t)t.x : wanted(f, e->has[0], "dlogits", rows * classes, NULL);
  t.row_losses = e->has[1] ? (double *)array_new("row_losses", FORWARD_RESULT, rows * 8) : NULL;
  t.out_loss = e->has[2] ? (double *)array_new("out_loss", FORWARD_RESULT, 8) : NULL;
  t.out_perplexity = e->has[3] ? (double *)array_new("out_perplexity", FORWARD_RESULT, 8) : NULL;
  t.out_count = e->has[4] ? (int64_t *)array_new("out_count", FORWARD_RESULT, 8) : NULL;
  if (with_options) call_begin(c, F_cross_entropy_with, run_cross_entropy_with);
  else call_begin(c, F_cross_entropy, run_cross_entropy);
  has_size(c, "rows", &t.rows, classes), has_size(c, "classes", &t.inputs, rows);
  has_array(c, "logits", &t.x, element, rows * classes > 0);
  has_array(c, "targets", &t.ids, 8, rows > 0);
  has_targets(e, c, t.ids, classes);
  if (t.dx != NULL) has_array(c, "dlogits", &t.dx, element, 0);
  if (t.row_losses != NULL) has_array(c, "row_losses", &t.row_losses, 8, 0);
  if (t.out_loss != NULL) has_array(c, "out_loss", &t.out_loss, 8, 0);
  if (t.out_perplexity != NULL) has_array(c, "out_perplexity", &t.out_perplexity, 8, 0);
  if (t.out_count != NULL) has_array(c, "out_count", &t.out_count, 8, 0);
  if (with_options) has_options(e, f, c, &t.options, classes, &state);
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
