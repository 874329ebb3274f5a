/* Losses, clipping by value and RMSprop with wrong arguments: the status, the message with its numbers, and nothing
 * written. */
#include "refused.h"

#include <math.h>

enum { ROWS = 6, INPUTS = 3, CLASSES = 4 };

/* Numbers of either type. */
typedef union numbers {
  float f[64];
  double d[64];
} numbers;

static swiftrnn_dtype dtype;
static numbers results[4];
static double losses[ROWS], scalars[2];
static int64_t count;

static size_t element(void) { return dtype == SWIFTRNN_FLOAT64 ? 8 : 4; }

static void set(numbers *n, int64_t i, double value) {
  if (dtype == SWIFTRNN_FLOAT64) n->d[i] = value;
  else n->f[i] = (float)value;
}

static void fill(numbers *n) {
  for (int64_t i = 0; i < 64; i++) set(n, i, 0.25 * (double)(i % 7) - 0.5);
}

static void results_mark(void) {
  memset(results, 0x5a, sizeof results), memset(losses, 0x5a, sizeof losses), memset(scalars, 0x5a, sizeof scalars);
  memset(&count, 0x5a, sizeof count);
}

static void check_untouched(void) {
  const unsigned char *const places[] = {(const unsigned char *)results, (const unsigned char *)losses,
                                         (const unsigned char *)scalars, (const unsigned char *)&count};
  const size_t sizes[] = {sizeof results, sizeof losses, sizeof scalars, sizeof count};
  for (int i = 0; i < 4; i++) {
    size_t same = 0;
    for (size_t j = 0; j < sizes[i]; j++) same += places[i][j] == 0x5a;
    CHECK(same == sizes[i]);
  }
}

static void *moved(void *pointer) { return (unsigned char *)pointer + 1; }

/* Each wrong option, through both functions that take them. */
static void options(numbers *x, numbers *weight, const int64_t *targets) {
  numbers classes, rows;
  for (int which = 0; which < 2; which++) {
    swiftrnn_cross_entropy_options o;
    swiftrnn_linear_cross_entropy_args a;
    memset(&o, 0, sizeof o), memset(&a, 0, sizeof a);
    a.size = sizeof a, a.rows = ROWS, a.inputs = INPUTS, a.classes = CLASSES, a.x = x, a.weight = weight;
    a.targets = targets, a.ignore_index = -1, a.options = &o, a.row_losses = losses, a.dx = &results[0];
    a.dweight = &results[1], a.dbias = &results[2], a.out_loss = scalars, a.out_perplexity = scalars + 1;
    a.out_count = &count;
#define CALL                                                                                                       \
  (which == 0 ? swiftrnn_cross_entropy_with(dtype, &o, ROWS, CLASSES, x, targets, -1, losses, &results[0], scalars, \
                                            scalars + 1, &count)                                                   \
              : swiftrnn_linear_cross_entropy(dtype, &a))
    fill(&classes), fill(&rows);
    for (int64_t i = 0; i < 64; i++) set(&classes, i, 1), set(&rows, i, 1);
    CHECK_REFUSED(CALL, INVALID_SIZE, "size of the struct is 0");
    o.size = sizeof o;
    const double shares[] = {-0.1, 1.1, NAN, INFINITY};
    for (int i = 0; i < 4; i++) {
      o.label_smoothing = shares[i];
      CHECK_REFUSED(CALL, INVALID_VALUE, "label_smoothing is", "[0, 1]");
    }
    o.label_smoothing = 0.5;
    o.reserved = 1;
    CHECK_REFUSED(CALL, INVALID_VALUE, "reserved is 1, must be 0");
    o.reserved = 0;
    o.reduction = (swiftrnn_reduction)2;
    CHECK_REFUSED(CALL, INVALID_VALUE, "reduction is 2, must be in 0...1");
    o.reduction = SWIFTRNN_REDUCTION_MEAN;
    o.class_weights = moved(&classes);
    CHECK_REFUSED(CALL, MISALIGNED, "class_weights");
    o.class_weights = &classes, o.row_weights = moved(&rows);
    CHECK_REFUSED(CALL, MISALIGNED, "row_weights");
    o.row_weights = &rows;
    const double wrong[] = {-1, NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 4; i++) {
      set(&classes, 3, wrong[i]);
      CHECK_REFUSED(CALL, INVALID_VALUE, "class_weights[3]", "finite and 0 or more");
      set(&classes, 3, 1), set(&rows, 5, wrong[i]);
      CHECK_REFUSED(CALL, INVALID_VALUE, "row_weights[5]", "finite and 0 or more");
      set(&rows, 5, 1);
    }
    if (dtype == SWIFTRNN_FLOAT64) {
      for (int64_t i = 0; i < ROWS; i++) set(&rows, i, 1e308);
      CHECK_REFUSED(CALL, INVALID_VALUE, "the sum of the weights is infinity");
      for (int64_t i = 0; i < ROWS; i++) set(&rows, i, 1);
    }
    check_untouched();
    CHECK_STATUS(CALL, SWIFTRNN_STATUS_OK);
    results_mark();
#undef CALL
  }
}

static void fused(numbers *x, numbers *weight, const int64_t *targets) {
  const int64_t bad[ROWS] = {0, 1, 2, CLASSES, 0, 0};
  swiftrnn_linear_cross_entropy_args good, a;
  memset(&good, 0, sizeof good);
  good.size = sizeof good, good.rows = ROWS, good.inputs = INPUTS, good.classes = CLASSES, good.x = x;
  good.weight = weight, good.bias = weight, good.targets = targets, good.ignore_index = -1, good.row_losses = losses;
  good.dx = &results[0], good.dweight = &results[1], good.dbias = &results[2], good.out_loss = scalars;
  good.out_perplexity = scalars + 1, good.out_count = &count;
  CHECK_REFUSED(swiftrnn_linear_cross_entropy(dtype, NULL), NULL_POINTER, "args");
  CHECK_REFUSED(swiftrnn_linear_cross_entropy((swiftrnn_dtype)9, &good), INVALID_VALUE, "dtype is 9");
#define WRONG(change, status, ...)                                                \
  do {                                                                            \
    a = good;                                                                     \
    change;                                                                       \
    CHECK_REFUSED(swiftrnn_linear_cross_entropy(dtype, &a), status, __VA_ARGS__); \
  } while (0)
  WRONG(a.size = 8, INVALID_SIZE, "size of the struct is 8");
  WRONG(a.rows = -1, INVALID_SIZE, "rows is -1");
  WRONG(a.inputs = -2, INVALID_SIZE, "inputs is -2");
  WRONG(a.classes = -3, INVALID_SIZE, "classes is -3");
  WRONG(a.memory_limit = -4, INVALID_SIZE, "memory_limit is -4");
  WRONG((a.rows = (int64_t)1 << 40, a.classes = (int64_t)1 << 40), OVERFLOW, "");
  WRONG(a.x = NULL, NULL_POINTER, "x must not be NULL");
  WRONG(a.weight = NULL, NULL_POINTER, "weight");
  WRONG(a.targets = NULL, NULL_POINTER, "targets");
  WRONG(a.targets = bad, INVALID_VALUE, "targets[3] is 4, must be in 0...3");
  WRONG(a.accumulate = 2, INVALID_VALUE, "accumulate is 2");
  WRONG(a.reserved = 1, INVALID_VALUE, "reserved is 1");
  WRONG(a.x = moved(x), MISALIGNED, "x must be aligned");
  WRONG(a.weight = moved(weight), MISALIGNED, "weight");
  WRONG(a.bias = moved(weight), MISALIGNED, "bias");
  WRONG(a.dx = moved(&results[0]), MISALIGNED, "dx");
  WRONG(a.dweight = moved(&results[1]), MISALIGNED, "dweight");
  WRONG(a.dbias = moved(&results[2]), MISALIGNED, "dbias");
  WRONG(a.row_losses = (double *)moved(losses), MISALIGNED, "row_losses");
  WRONG(a.out_loss = (double *)moved(scalars), MISALIGNED, "out_loss");
  WRONG(a.out_perplexity = (double *)moved(scalars), MISALIGNED, "out_perplexity");
  WRONG(a.out_count = (int64_t *)moved(&count), MISALIGNED, "out_count");
  WRONG(a.options = (const swiftrnn_cross_entropy_options *)moved(x), MISALIGNED, "options");
#undef WRONG
  check_untouched();
  CHECK_STATUS(swiftrnn_linear_cross_entropy(dtype, &good), SWIFTRNN_STATUS_OK);
  CHECK(count == ROWS && scalars[0] > 0);
  results_mark();
}

static void elementwise(numbers *p, numbers *t) {
  numbers weights;
  const int64_t lengths[2] = {3, 0}, bad[2] = {3, 4};
  swiftrnn_elementwise_loss_config good, g;
  memset(&good, 0, sizeof good);
  fill(&weights);
  for (int64_t i = 0; i < 64; i++) set(&weights, i, 1);
  good.size = sizeof good, good.delta = 1, good.row_weights = &weights, good.positive_weights = &weights;
  good.lengths = lengths, good.sequences = 2;
#define CALL(config) swiftrnn_elementwise_loss(dtype, config, ROWS, INPUTS, p, t, &results[0], scalars)
#define WRONG(change, status, ...)                \
  do {                                            \
    g = good;                                     \
    change;                                       \
    CHECK_REFUSED(CALL(&g), status, __VA_ARGS__); \
  } while (0)
  CHECK_REFUSED(CALL(NULL), NULL_POINTER, "config");
  WRONG(g.size = 0, INVALID_SIZE, "size of the struct is 0");
  WRONG(g.loss = (swiftrnn_loss)4, INVALID_VALUE, "loss is 4, must be in 0...3");
  WRONG(g.reduction = (swiftrnn_reduction)2, INVALID_VALUE, "reduction is 2");
  WRONG(g.loss = SWIFTRNN_LOSS_HUBER, UNSUPPORTED, "positive_weights are of binary cross-entropy only");
  const double deltas[] = {0, -1, NAN, INFINITY};
  for (int i = 0; i < 4; i++) {
    WRONG((g.loss = SWIFTRNN_LOSS_HUBER, g.positive_weights = NULL, g.delta = deltas[i]), INVALID_VALUE, "delta is",
          "finite and above 0");
  }
  WRONG(g.lengths = NULL, NULL_POINTER, "lengths, where sequences is not 0,");
  WRONG(g.lengths = bad, INVALID_SIZE, "lengths[1] is 4, must be in 0...3");
  WRONG(g.sequences = -1, INVALID_SIZE, "sequences is -1");
  WRONG(g.sequences = 4, INVALID_SIZE, "rows is 6, must be 4");
  WRONG(g.sequences = 0, INVALID_SIZE, "rows is 6, must be 0");
  WRONG(g.lengths = (const int64_t *)moved(&results[3]), MISALIGNED, "lengths");
  WRONG(g.row_weights = moved(&weights), MISALIGNED, "row_weights");
  WRONG(g.positive_weights = moved(&weights), MISALIGNED, "positive_weights");
  set(&weights, 2, -1);
  WRONG(g.positive_weights = NULL, INVALID_VALUE, "row_weights[2]", "finite and 0 or more");
  WRONG(g.row_weights = NULL, INVALID_VALUE, "positive_weights[2]", "finite and 0 or more");
  set(&weights, 2, 1);
  CHECK_REFUSED(swiftrnn_elementwise_loss((swiftrnn_dtype)2, &good, ROWS, INPUTS, p, t, NULL, NULL), INVALID_VALUE,
                "dtype is 2");
  CHECK_REFUSED(swiftrnn_elementwise_loss(dtype, &good, -6, INPUTS, p, t, NULL, NULL), INVALID_SIZE, "rows is -6");
  CHECK_REFUSED(swiftrnn_elementwise_loss(dtype, &good, ROWS, -3, p, t, NULL, NULL), INVALID_SIZE, "width is -3");
  CHECK_REFUSED(swiftrnn_elementwise_loss(dtype, &good, (int64_t)1 << 40, (int64_t)1 << 40, p, t, NULL, NULL),
                OVERFLOW, "");
  CHECK_REFUSED(swiftrnn_elementwise_loss(dtype, &good, ROWS, INPUTS, NULL, t, &results[0], scalars), NULL_POINTER,
                "predictions");
  CHECK_REFUSED(swiftrnn_elementwise_loss(dtype, &good, ROWS, INPUTS, p, NULL, &results[0], scalars), NULL_POINTER,
                "targets");
  CHECK_REFUSED(swiftrnn_elementwise_loss(dtype, &good, ROWS, INPUTS, moved(p), t, &results[0], scalars), MISALIGNED,
                "predictions");
  CHECK_REFUSED(swiftrnn_elementwise_loss(dtype, &good, ROWS, INPUTS, p, moved(t), &results[0], scalars), MISALIGNED,
                "targets");
  CHECK_REFUSED(swiftrnn_elementwise_loss(dtype, &good, ROWS, INPUTS, p, t, moved(&results[0]), scalars), MISALIGNED,
                "dpredictions");
  CHECK_REFUSED(swiftrnn_elementwise_loss(dtype, &good, ROWS, INPUTS, p, t, &results[0], (double *)moved(scalars)),
                MISALIGNED, "out_loss");
#undef WRONG
  check_untouched();
  CHECK_STATUS(CALL(&good), SWIFTRNN_STATUS_OK);
#undef CALL
  results_mark();
}

static void steps(numbers *g) {
  const int64_t elements[2] = {5, 7}, negative[2] = {5, -7};
  void *const tensors[2] = {&results[0], &results[1]}, *const odd[2] = {&results[0], moved(&results[1])};
  swiftrnn_rmsprop_config good, c;
  memset(&good, 0, sizeof good);
  good.size = sizeof good, good.rate = 0.1, good.alpha = 0.9, good.epsilon = 1e-8, good.momentum = 0.5;
  good.centered = 1;
#define CALL(config) \
  swiftrnn_rmsprop_step(dtype, config, 9, g, &results[0], &results[1], &results[2], &results[3])
#define WRONG(change, status, ...)                \
  do {                                            \
    c = good;                                     \
    change;                                       \
    CHECK_REFUSED(CALL(&c), status, __VA_ARGS__); \
  } while (0)
  CHECK_REFUSED(CALL(NULL), NULL_POINTER, "config");
  WRONG(c.size = 16, INVALID_SIZE, "size of the struct is 16");
  WRONG(c.rate = -1, INVALID_VALUE, "rate is -1");
  WRONG(c.alpha = 1, INVALID_VALUE, "alpha is 1, must be in [0, 1)");
  WRONG(c.epsilon = NAN, INVALID_VALUE, "epsilon is NaN");
  WRONG(c.weight_decay = -0.5, INVALID_VALUE, "weight_decay is -0.5");
  WRONG(c.momentum = INFINITY, INVALID_VALUE, "momentum is infinity");
  WRONG(c.centered = 2, INVALID_VALUE, "centered is 2");
  WRONG(c.reserved = 3, INVALID_VALUE, "reserved is 3");
#undef WRONG
#undef CALL
  void *const a = &results[0], *const b = &results[1], *const m = &results[2], *const v = &results[3];
  CHECK_REFUSED(swiftrnn_rmsprop_step((swiftrnn_dtype)2, &good, 9, g, a, b, m, v), INVALID_VALUE, "dtype is 2");
  CHECK_REFUSED(swiftrnn_rmsprop_step(dtype, &good, -9, g, a, b, m, v), INVALID_SIZE, "elements is -9");
  CHECK_REFUSED(swiftrnn_rmsprop_step(dtype, &good, 9, NULL, a, b, m, v), NULL_POINTER, "gradient");
  CHECK_REFUSED(swiftrnn_rmsprop_step(dtype, &good, 9, g, NULL, b, m, v), NULL_POINTER, "parameter");
  CHECK_REFUSED(swiftrnn_rmsprop_step(dtype, &good, 9, g, a, NULL, m, v), NULL_POINTER, "square");
  CHECK_REFUSED(swiftrnn_rmsprop_step(dtype, &good, 9, g, a, b, NULL, v), NULL_POINTER, "mean, where centered");
  CHECK_REFUSED(swiftrnn_rmsprop_step(dtype, &good, 9, g, a, b, m, NULL), NULL_POINTER, "velocity, where momentum");
  CHECK_REFUSED(swiftrnn_rmsprop_step(dtype, &good, 9, moved(g), a, b, m, v), MISALIGNED, "gradient");
  CHECK_REFUSED(swiftrnn_rmsprop_step(dtype, &good, 9, g, moved(a), b, m, v), MISALIGNED, "parameter");
  CHECK_REFUSED(swiftrnn_rmsprop_step(dtype, &good, 9, g, a, moved(b), m, v), MISALIGNED, "square");
  CHECK_REFUSED(swiftrnn_rmsprop_step(dtype, &good, 9, g, a, b, moved(m), v), MISALIGNED, "mean");
  CHECK_REFUSED(swiftrnn_rmsprop_step(dtype, &good, 9, g, a, b, m, moved(v)), MISALIGNED, "velocity");

  const double limits[] = {0, -1, NAN, -INFINITY};
  for (int i = 0; i < 4; i++) {
    CHECK_REFUSED(swiftrnn_clip_values(dtype, 2, tensors, elements, limits[i]), INVALID_VALUE, "limit is", "above 0");
  }
  CHECK_REFUSED(swiftrnn_clip_values((swiftrnn_dtype)2, 2, tensors, elements, 1), INVALID_VALUE, "dtype is 2");
  CHECK_REFUSED(swiftrnn_clip_values(dtype, -2, tensors, elements, 1), INVALID_SIZE, "tensor_count is -2");
  CHECK_REFUSED(swiftrnn_clip_values(dtype, 2, NULL, elements, 1), NULL_POINTER, "gradients");
  CHECK_REFUSED(swiftrnn_clip_values(dtype, 2, tensors, NULL, 1), NULL_POINTER, "elements");
  CHECK_REFUSED(swiftrnn_clip_values(dtype, 2, tensors, negative, 1), INVALID_SIZE, "an entry of elements is -7");
  CHECK_REFUSED(swiftrnn_clip_values(dtype, 2, odd, elements, 1), MISALIGNED, "a gradient");
  check_untouched();

  /* What is not centered has no mean, and what has no momentum no velocity; they are left alone where they are there. */
  memset(results, 0, sizeof results);
  good.centered = 0, good.momentum = 0;
  CHECK_STATUS(swiftrnn_rmsprop_step(dtype, &good, 9, g, a, b, m, v), SWIFTRNN_STATUS_OK);
  const numbers once = results[0];
  numbers zeros;
  memset(&zeros, 0, sizeof zeros);
  CHECK(memcmp(m, &zeros, sizeof zeros) == 0 && memcmp(v, &zeros, sizeof zeros) == 0);
  memset(results, 0, sizeof results);
  CHECK_STATUS(swiftrnn_rmsprop_step(dtype, &good, 9, g, a, b, NULL, NULL), SWIFTRNN_STATUS_OK);
  CHECK(memcmp(a, &once, 9 * element()) == 0);
  CHECK_STATUS(swiftrnn_clip_values(dtype, 2, tensors, elements, 1e-3), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_clip_values(dtype, 2, tensors, elements, INFINITY), SWIFTRNN_STATUS_OK);
  results_mark();
}

int main(void) {
  const int64_t targets[ROWS] = {0, 1, 2, 3, 1, 0};
  for (int kind = 0; kind < 2; kind++) {
    numbers x, weight;
    dtype = kind == 0 ? SWIFTRNN_FLOAT32 : SWIFTRNN_FLOAT64;
    fill(&x), fill(&weight), results_mark();
    options(&x, &weight, targets);
    fused(&x, &weight, targets);
    elementwise(&x, &weight);
    steps(&x);
  }
  return check_result();
}
