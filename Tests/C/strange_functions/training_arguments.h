/* Arguments of the calls around a network, and the functions that hand them over. */
#ifndef SWIFTRNN_TEST_TRAINING_ARGUMENTS_H
#define SWIFTRNN_TEST_TRAINING_ARGUMENTS_H

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

#endif
