/* The calls around a network with every combination of extreme sizes, and without arrays: where one size is 0, another
 * may be any number, even one that has no number of bytes. Each call is taken, or refused with a status of sizes and
 * pointers; none ends the process or takes its time. */
#include "refused.h"

static const int64_t sizes[] = {0,  1, 2, 3, INT32_MAX, MOST, INT64_MAX / 16, INT64_MAX / 4, INT64_MAX / 2,
                                INT64_MAX - 31, INT64_MAX, -1, INT64_MIN};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* `least` is the smallest of the sizes: a negative one is refused as such. */
static void check_taken(swiftrnn_status status, int64_t least, const char *call) {
  const int is_fine = least < 0 ? status == SWIFTRNN_STATUS_INVALID_SIZE
                                : status == SWIFTRNN_STATUS_OK || status == SWIFTRNN_STATUS_OVERFLOW ||
                                      status == SWIFTRNN_STATUS_NULL_POINTER || status == SWIFTRNN_STATUS_INVALID_SIZE;
  check_count++;
  if (is_fine) return;
  check_failures++;
  fprintf(stderr, "%s: %s: %s\n", call, swiftrnn_status_string(status), swiftrnn_last_error());
}

static int64_t least_of(int64_t a, int64_t b, int64_t c) {
  const int64_t least = a < b ? a : b;
  return least < c ? least : c;
}

#define TAKEN(least, function, ...) check_taken(swiftrnn_##function(__VA_ARGS__), (least), #function)

/* Attention and pools: a steps, b sequences, c what a row has, and as many queries. */
static void attention_sizes(swiftrnn_dtype dtype, int64_t a, int64_t b, int64_t c) {
  const int64_t least = least_of(a, b, c);
  swiftrnn_dropout_config dropout;
  memset(&dropout, 0, sizeof dropout);
  dropout.size = sizeof dropout, dropout.p = 0.5;
  TAKEN(least, dropout, dtype, &dropout, a, b, c, NULL, NULL, NULL);
  for (int kind = 0; kind < 4; kind++) {
    swiftrnn_pool_config pool;
    swiftrnn_pool_args up;
    swiftrnn_pool_backward_args down;
    memset(&pool, 0, sizeof pool), memset(&up, 0, sizeof up), memset(&down, 0, sizeof down);
    pool.size = sizeof pool, pool.kind = (swiftrnn_pool_kind)kind, pool.width = c;
    up.size = sizeof up, down.size = sizeof down, up.steps = down.steps = a, up.sequences = down.sequences = b;
    TAKEN(least, pool_forward, dtype, &pool, &up);
    TAKEN(least, pool_backward, dtype, &pool, &down);
    swiftrnn_attention_config how;
    swiftrnn_attention_args f;
    swiftrnn_attention_backward_args g;
    memset(&how, 0, sizeof how), memset(&f, 0, sizeof f), memset(&g, 0, sizeof g);
    how.size = sizeof how, how.kind = (swiftrnn_attention_kind)kind, how.key_size = how.value_size = c;
    how.query_size = kind == 0 ? c : 0;
    f.size = sizeof f, g.size = sizeof g, f.steps = g.steps = a, f.sequences = g.sequences = b;
    TAKEN(least, attention_memory, dtype, &how, &f);
    TAKEN(least, attention_memory_backward, dtype, &how, &g);
    for (int i = 0; i < 3; i++) {
      f.query_steps = g.query_steps = i == 0 ? 0 : i == 1 ? 1 : a;
      TAKEN(least, attention_forward, dtype, &how, &f);
      TAKEN(least, attention_backward, dtype, &how, &g);
    }
  }
}

static void all_sizes(swiftrnn_dtype dtype, int64_t a, int64_t b, int64_t c) {
  const int64_t least = least_of(a, b, c), of_two = a < b ? a : b;
  TAKEN(least, embedding_forward, dtype, a, b, NULL, c, NULL, NULL);
  TAKEN(least, embedding_backward, dtype, a, b, c, NULL, NULL, 0, NULL);
  TAKEN(least, embedding_backward, dtype, a, b, c, NULL, NULL, 1, NULL);
  TAKEN(least, linear_forward, dtype, a, b, c, NULL, NULL, NULL, NULL);
  TAKEN(least, linear_backward, dtype, a, b, c, NULL, NULL, NULL, 0, NULL, NULL, NULL);
  swiftrnn_linear_cross_entropy_args fused;
  memset(&fused, 0, sizeof fused);
  fused.size = sizeof fused, fused.rows = a, fused.inputs = b, fused.classes = c, fused.ignore_index = -1;
  TAKEN(least, linear_cross_entropy, dtype, &fused);
  attention_sizes(dtype, a, b, c);
  if (c != 0) return;
  swiftrnn_sample_config sampler;
  memset(&sampler, 0, sizeof sampler);
  sampler.size = sizeof sampler, sampler.temperature = 1, sampler.top_p = 0.5;
  TAKEN(of_two, cross_entropy, dtype, a, b, NULL, NULL, -1, NULL, NULL, NULL, NULL, NULL);
  swiftrnn_elementwise_loss_config loss;
  memset(&loss, 0, sizeof loss);
  loss.size = sizeof loss;
  TAKEN(of_two, elementwise_loss, dtype, &loss, a, b, NULL, NULL, NULL, NULL);
  TAKEN(of_two, sample, dtype, &sampler, a, b, NULL, NULL);
}

/* The same where each array is there and has no elements. */
static void empty_arrays(swiftrnn_dtype dtype, int64_t size) {
  double some = 0;
  const int64_t none = 0;
  TAKEN(size, embedding_forward, dtype, 0, size, &some, 0, &none, &some);
  TAKEN(size, embedding_backward, dtype, 0, size, 0, &none, &some, 0, &some);
  TAKEN(size, embedding_backward, dtype, size, 0, 0, &none, &some, 0, &some);
  TAKEN(size, linear_forward, dtype, 0, size, 0, &some, &some, &some, &some);
  TAKEN(size, linear_backward, dtype, 0, size, 0, &some, &some, &some, 0, &some, &some, &some);
  TAKEN(size, linear_backward, dtype, size, 0, 0, &some, &some, &some, 0, &some, &some, &some);
  TAKEN(size, cross_entropy, dtype, 0, size, &some, &none, -1, &some, &some, NULL, NULL, NULL);
  swiftrnn_linear_cross_entropy_args fused;
  memset(&fused, 0, sizeof fused);
  fused.size = sizeof fused, fused.x = &some, fused.weight = &some, fused.bias = &some, fused.targets = &none;
  fused.dx = &some, fused.dweight = &some, fused.dbias = &some, fused.row_losses = &some, fused.inputs = size;
  TAKEN(size, linear_cross_entropy, dtype, &fused);
  fused.inputs = 0, fused.rows = size, fused.targets = NULL, fused.row_losses = NULL, fused.ignore_index = 0;
  if (size <= 0) TAKEN(size, linear_cross_entropy, dtype, &fused);
  fused.rows = 0, fused.classes = size, fused.bias = fused.dbias = NULL;
  TAKEN(size, linear_cross_entropy, dtype, &fused);
  swiftrnn_elementwise_loss_config loss;
  memset(&loss, 0, sizeof loss);
  loss.size = sizeof loss;
  TAKEN(size, elementwise_loss, dtype, &loss, size, 0, &some, &some, &some, NULL);
  TAKEN(size, elementwise_loss, dtype, &loss, 0, size, &some, &some, &some, NULL);
  CHECK(some == 0);
}

int main(void) {
  for (int i = 0; i < SIZES * SIZES * SIZES; i++) {
    const int64_t a = sizes[i % SIZES], b = sizes[i / SIZES % SIZES], c = sizes[i / SIZES / SIZES];
    all_sizes(SWIFTRNN_FLOAT32, a, b, c);
    all_sizes(SWIFTRNN_FLOAT64, a, b, c);
  }
  for (int i = 0; i < SIZES; i++) {
    empty_arrays(SWIFTRNN_FLOAT32, sizes[i]);
    empty_arrays(SWIFTRNN_FLOAT64, sizes[i]);
    void *tensor = NULL;
    const int64_t elements = sizes[i];
    TAKEN(elements, clip_gradients, SWIFTRNN_FLOAT32, 1, &tensor, &elements, 1, NULL);
    TAKEN(elements, clip_gradients, SWIFTRNN_FLOAT32, elements, NULL, NULL, 1, NULL);
    TAKEN(elements, sgd_step, SWIFTRNN_FLOAT32, elements, 0.1, 0, 0, 0, NULL, NULL, NULL);
    swiftrnn_adam_config adam;
    memset(&adam, 0, sizeof adam);
    adam.size = sizeof adam, adam.rate = 0.1;
    TAKEN(elements, adam_step, SWIFTRNN_FLOAT64, &adam, 1, elements, NULL, NULL, NULL, NULL);
    TAKEN(elements, clip_values, SWIFTRNN_FLOAT32, 1, &tensor, &elements, 1);
    TAKEN(elements, clip_values, SWIFTRNN_FLOAT32, elements, NULL, NULL, 1);
    swiftrnn_rmsprop_config rmsprop;
    memset(&rmsprop, 0, sizeof rmsprop);
    rmsprop.size = sizeof rmsprop, rmsprop.rate = 0.1, rmsprop.momentum = 0.5, rmsprop.centered = 1;
    TAKEN(elements, rmsprop_step, SWIFTRNN_FLOAT64, &rmsprop, elements, NULL, NULL, NULL, NULL, NULL);
  }
  return check_result();
}
