/* Losses: cross-entropy, by itself and behind a linear layer, and losses of numbers. */
#ifndef SWIFTRNN_TEST_LOSSES_H
#define SWIFTRNN_TEST_LOSSES_H

#include "training_arguments.h"

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

#endif
