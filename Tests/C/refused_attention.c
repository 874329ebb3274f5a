/* Dropout, pooling and attention refuse what is wrong, with its numbers, and write nothing: not the results, nothing
 * beside them. */
#include "refused.h"

#include <math.h>

enum { T = 4, N = 3, W = 6, Q = 5, K = 6, V = 2, A = 7, TQ = 2, MOST_ARRAYS = 40 };

static buffer arrays[MOST_ARRAYS];
static int array_count;

static void *numbers(const char *name, int64_t count) {
  static uint64_t state = 3;
  if (array_count == MOST_ARRAYS) required(NULL);
  buffer *const b = &arrays[array_count++];
  *b = buffer_make(name, (size_t)count * sizeof(float), BORDER_END);
  fill_random(SWIFTRNN_FLOAT32, b->data, count, 0.5, &state);
  return b->data;
}

static void keep(void) {
  for (int i = 0; i < array_count; i++) buffer_keep(&arrays[i]);
}

static int is_kept(void) {
  for (int i = 0; i < array_count; i++) {
    if (!buffer_is_kept(&arrays[i])) return 0;
  }
  return 1;
}

static void free_arrays(void) {
  for (int i = 0; i < array_count; i++) buffer_free(&arrays[i]);
  array_count = 0;
}

#define REFUSED(call, status, ...)            \
  do {                                        \
    CHECK_REFUSED(call, status, __VA_ARGS__); \
    CHECK(is_kept());                         \
  } while (0)

static const int64_t no_sizes[] = {-1, INT64_MIN};
enum { NO_SIZES = sizeof no_sizes / sizeof *no_sizes };
static const swiftrnn_dtype f32 = SWIFTRNN_FLOAT32;

static void dropout(void) {
  swiftrnn_dropout_config how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.p = 0.5, how.seed = 3, how.seeded = 1;
  void *const x = numbers("x", T * N * W), *const y = numbers("y", T * N * W);
  uint64_t seed = 77;
  keep();
#define DROPOUT(status, texts, change)                                                                  \
  do {                                                                                                  \
    swiftrnn_dropout_config a = how;                                                                    \
    change;                                                                                             \
    REFUSED(swiftrnn_dropout(f32, &a, T, N, W, x, y, &seed), status, EXPAND texts);                     \
    CHECK(seed == 77);                                                                                  \
  } while (0)
  static const double shares[] = {-0.1, 1, NAN, INFINITY};
  for (int i = 0; i < 4; i++) DROPOUT(INVALID_VALUE, ("p is"), a.p = shares[i]);
  DROPOUT(INVALID_VALUE, ("layer is -1", "0...2147483647"), a.layer = -1);
  DROPOUT(INVALID_VALUE, ("layer is 2147483648"), a.layer = MOST);
  DROPOUT(INVALID_VALUE, ("first_step is -1", "0...4294967292"), a.first_step = -1);
  DROPOUT(INVALID_VALUE, ("first_step is 4294967293"), a.first_step = 2 * MOST - 3);
  DROPOUT(INVALID_VALUE, ("first_sequence is 4294967294", "0...4294967293"), a.first_sequence = 2 * MOST - 2);
  DROPOUT(INVALID_VALUE, ("seed is 3", "0 unless seeded is 1"), a.seeded = 0);
  DROPOUT(INVALID_VALUE, ("first_step is 1", "0 unless"), (a.seeded = 0, a.seed = 0, a.first_step = 1));
  DROPOUT(INVALID_VALUE, ("first_sequence is 1", "0 unless"), (a.seeded = 0, a.seed = 0, a.first_sequence = 1));
  DROPOUT(INVALID_VALUE, ("seeded is 2"), a.seeded = 2);
  DROPOUT(INVALID_VALUE, ("reserved is 1"), a.reserved = 1);
  DROPOUT(INVALID_SIZE, ("size of the struct"), a.size = 8);
  REFUSED(swiftrnn_dropout(f32, NULL, T, N, W, x, y, NULL), NULL_POINTER, "config");
  REFUSED(swiftrnn_dropout(f32, &how, T, N, W, NULL, y, NULL), NULL_POINTER, "x");
  REFUSED(swiftrnn_dropout(f32, &how, T, N, W, x, NULL, NULL), NULL_POINTER, "y");
  REFUSED(swiftrnn_dropout(f32, &how, T, N, W, MOVED(void *, x, 2), y, NULL), MISALIGNED, "x");
  REFUSED(swiftrnn_dropout(f32, &how, T, N, W, x, y, MOVED(uint64_t *, &seed, 4)), MISALIGNED, "out_seed");
  REFUSED(swiftrnn_dropout(f32, &how, MOST, MOST, MOST, x, y, NULL), OVERFLOW, "x");
  for (int i = 0; i < NO_SIZES; i++) {
    REFUSED(swiftrnn_dropout(f32, &how, no_sizes[i], N, W, x, y, NULL), INVALID_SIZE, "steps is", number(no_sizes[i]));
    REFUSED(swiftrnn_dropout(f32, &how, T, no_sizes[i], W, x, y, NULL), INVALID_SIZE, "sequences is");
    REFUSED(swiftrnn_dropout(f32, &how, T, N, no_sizes[i], x, y, NULL), INVALID_SIZE, "width is");
  }
  ENUM_FROM(swiftrnn_dtype, none, 2);
  REFUSED(swiftrnn_dropout(none, &how, T, N, W, x, y, NULL), INVALID_VALUE, "dtype is 2");
  CHECK_STATUS(swiftrnn_dropout(f32, &how, T, N, W, x, y, &seed), SWIFTRNN_STATUS_OK);
  CHECK(seed == 3 && !is_kept());
  free_arrays();
}

static void pools(void) {
  static const int64_t lengths[N] = {4, 0, 2}, wrong[N] = {4, 0, 5};
  swiftrnn_pool_config how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.kind = SWIFTRNN_POOL_ATTENTION, how.width = W, how.attention_size = A;
  swiftrnn_pool_args up;
  swiftrnn_pool_backward_args down;
  memset(&up, 0, sizeof up), memset(&down, 0, sizeof down);
  up.size = sizeof up, down.size = sizeof down, up.steps = down.steps = T, up.sequences = down.sequences = N;
  up.lengths = down.lengths = lengths, up.y = down.y = numbers("y", T * N * W);
  up.weight = down.weight = numbers("weight", A * W), up.bias = down.bias = numbers("bias", A);
  up.query = down.query = numbers("query", A), up.out = numbers("out", N * W), up.weights = numbers("weights", T * N);
  down.dout = numbers("dout", N * W), down.dy = numbers("dy", T * N * W), down.dweight = numbers("dweight", A * W);
  down.dbias = numbers("dbias", A), down.dquery = numbers("dquery", A);
  keep();
#define POOL(status, texts, change)                                                                        \
  do {                                                                                                     \
    swiftrnn_pool_config g = how;                                                                          \
    swiftrnn_pool_args a = up;                                                                             \
    swiftrnn_pool_backward_args b = down;                                                                  \
    change;                                                                                                \
    (void)a, (void)b;                                                                                      \
    if (memcmp(&a, &up, sizeof a) != 0 || memcmp(&g, &how, sizeof g) != 0) {                               \
      REFUSED(swiftrnn_pool_forward(f32, &g, &a), status, EXPAND texts);                                   \
    }                                                                                                      \
    if (memcmp(&b, &down, sizeof b) != 0 || memcmp(&g, &how, sizeof g) != 0) {                             \
      REFUSED(swiftrnn_pool_backward(f32, &g, &b), status, EXPAND texts);                                  \
    }                                                                                                      \
  } while (0)
  POOL(INVALID_VALUE, ("directions is 2"), g.num_directions = 2);
  POOL(INVALID_VALUE, ("directions is -1"), g.num_directions = -1);
  ENUM_FROM(swiftrnn_pool_kind, none, 4);
  POOL(INVALID_VALUE, ("kind is 4", "0...3"), g.kind = none);
  POOL(INVALID_SIZE, ("width is -1"), g.width = -1);
  POOL(INVALID_SIZE, ("attention_size is -1"), g.attention_size = -1);
  POOL(OVERFLOW, ("bytes"), g.width = INT64_MAX / 8);
  POOL(INVALID_SIZE, ("size of the struct"), g.size = 0);
  POOL(INVALID_SIZE, ("attention_size is 7", "must be 0"),
       (g.kind = SWIFTRNN_POOL_MEAN, a.weight = b.weight = a.bias = b.bias = a.query = b.query = NULL, a.weights = NULL,
        b.dweight = b.dbias = b.dquery = NULL));
  POOL(UNSUPPORTED, ("parameters"), (g.kind = SWIFTRNN_POOL_MEAN, g.attention_size = 0));
  POOL(INVALID_SIZE, ("steps is -1"), (a.steps = b.steps = -1));
  POOL(INVALID_SIZE, ("sequences is -1"), (a.sequences = b.sequences = -1));
  POOL(INVALID_SIZE, ("lengths[2] is 5", "0...4"), (a.lengths = b.lengths = wrong));
  POOL(MISALIGNED, ("lengths"), (a.lengths = b.lengths = MOVED(const int64_t *, lengths, 4)));
  POOL(NULL_POINTER, ("y must"), (a.y = b.y = NULL));
  POOL(MISALIGNED, ("y must"), (a.y = b.y = MOVED(const void *, up.y, 1)));
  POOL(NULL_POINTER, ("weight must"), (a.weight = b.weight = NULL));
  POOL(NULL_POINTER, ("query must"), (a.query = b.query = NULL));
  POOL(MISALIGNED, ("bias must"), (a.bias = b.bias = MOVED(const void *, up.bias, 3)));
  POOL(NULL_POINTER, ("out must"), a.out = NULL);
  POOL(MISALIGNED, ("weights must"), a.weights = MOVED(void *, up.weights, 2));
  POOL(NULL_POINTER, ("dout must"), b.dout = NULL);
  POOL(MISALIGNED, ("dy must"), b.dy = MOVED(void *, down.dy, 2));
  POOL(MISALIGNED, ("dquery must"), b.dquery = MOVED(void *, down.dquery, 2));
  POOL(INVALID_VALUE, ("accumulate is 2"), b.accumulate = 2);
  POOL(INVALID_VALUE, ("reserved is 1"), b.reserved = 1);
  POOL(INVALID_SIZE, ("size of the struct"), (a.size = b.size = 16));
  REFUSED(swiftrnn_pool_forward(f32, &how, NULL), NULL_POINTER, "args");
  REFUSED(swiftrnn_pool_backward(f32, NULL, &down), NULL_POINTER, "config");
  how.kind = SWIFTRNN_POOL_LAST, how.num_directions = 2, how.width = W - 1, how.attention_size = 0;
  up.weight = up.bias = up.query = NULL, up.weights = NULL;
  REFUSED(swiftrnn_pool_forward(f32, &how, &up), UNSUPPORTED, "even number of columns");
  up.weights = numbers("weights", T * N), how.width = W;
  keep();
  REFUSED(swiftrnn_pool_forward(f32, &how, &up), UNSUPPORTED, "only pooling by attention has weights");
  up.weights = NULL;
  CHECK_STATUS(swiftrnn_pool_forward(f32, &how, &up), SWIFTRNN_STATUS_OK);
  CHECK(!is_kept());
  free_arrays();
}

static void attentions(void) {
  static const int64_t lengths[N] = {4, 0, 2}, wrong[N] = {4, -1, 2};
  swiftrnn_attention_config how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.kind = SWIFTRNN_ATTENTION_ADDITIVE, how.query_size = Q, how.key_size = K;
  how.value_size = V, how.attention_size = A;
  swiftrnn_attention_args up;
  swiftrnn_attention_backward_args down;
  memset(&up, 0, sizeof up), memset(&down, 0, sizeof down);
  up.size = sizeof up, down.size = sizeof down, up.steps = down.steps = T, up.sequences = down.sequences = N;
  up.query_steps = down.query_steps = TQ, up.lengths = down.lengths = lengths;
  up.queries = down.queries = numbers("queries", TQ * N * Q), up.keys = down.keys = numbers("keys", T * N * K);
  up.values = down.values = numbers("values", T * N * V);
  up.query_weight = down.query_weight = numbers("query_weight", A * Q);
  up.weight = down.weight = numbers("weight", A * K), up.bias = down.bias = numbers("bias", A);
  up.score = down.score = numbers("score", A), up.context = numbers("context", TQ * N * V);
  up.weights = numbers("weights", TQ * N * T), down.weights = numbers("weights", TQ * N * T);
  down.dcontext = numbers("dcontext", TQ * N * V), down.dqueries = numbers("dqueries", TQ * N * Q);
  down.dkeys = numbers("dkeys", T * N * K), down.dvalues = numbers("dvalues", T * N * V);
  down.dquery_weight = numbers("dquery_weight", A * Q), down.dweight = numbers("dweight", A * K);
  down.dbias = numbers("dbias", A), down.dscore = numbers("dscore", A);
  void *const memory = numbers("memory", T * N * A);
  keep();
#define ATTENTION(status, texts, change)                                                                   \
  do {                                                                                                     \
    swiftrnn_attention_config g = how;                                                                     \
    swiftrnn_attention_args a = up;                                                                        \
    swiftrnn_attention_backward_args b = down;                                                             \
    change;                                                                                                \
    if (memcmp(&a, &up, sizeof a) != 0 || memcmp(&g, &how, sizeof g) != 0) {                               \
      REFUSED(swiftrnn_attention_forward(f32, &g, &a), status, EXPAND texts);                              \
    }                                                                                                      \
    if (memcmp(&b, &down, sizeof b) != 0 || memcmp(&g, &how, sizeof g) != 0) {                             \
      REFUSED(swiftrnn_attention_backward(f32, &g, &b), status, EXPAND texts);                             \
    }                                                                                                      \
  } while (0)
  ENUM_FROM(swiftrnn_attention_kind, none, 4);
  ATTENTION(INVALID_VALUE, ("kind is 4", "0...3"), g.kind = none);
  ATTENTION(INVALID_VALUE, ("reserved is 1"), g.reserved = 1);
  ATTENTION(INVALID_VALUE, ("scale is"), g.scale = NAN);
  ATTENTION(INVALID_VALUE, ("scale is infinity"), g.scale = INFINITY);
  ATTENTION(INVALID_SIZE, ("query_size is -1"), g.query_size = -1);
  ATTENTION(INVALID_SIZE, ("key_size is -1"), g.key_size = -1);
  ATTENTION(INVALID_SIZE, ("value_size is -1"), g.value_size = -1);
  ATTENTION(INVALID_SIZE, ("attention_size is -1"), g.attention_size = -1);
  ATTENTION(OVERFLOW, ("bytes"), g.attention_size = INT64_MAX / 2);
  ATTENTION(OVERFLOW, ("bytes"), g.query_size = INT64_MAX / 4);
  ATTENTION(INVALID_SIZE, ("size of the struct"), g.size = 1 << 20);
  ATTENTION(INVALID_SIZE, ("steps is -1"), (a.steps = b.steps = -1));
  ATTENTION(INVALID_SIZE, ("sequences is -1"), (a.sequences = b.sequences = -1));
  ATTENTION(INVALID_SIZE, ("query_steps is -1"), (a.query_steps = b.query_steps = -1));
  ATTENTION(OVERFLOW, ("bytes"), (a.query_steps = b.query_steps = INT64_MAX));
  ATTENTION(INVALID_SIZE, ("lengths[1] is -1"), (a.lengths = b.lengths = wrong));
  ATTENTION(INVALID_SIZE, ("value_size is 2", "must be 6"), (a.values = b.values = NULL, b.dvalues = NULL));
  ATTENTION(NULL_POINTER, ("queries must"), (a.queries = b.queries = NULL));
  ATTENTION(NULL_POINTER, ("keys must"), (a.keys = b.keys = NULL));
  ATTENTION(NULL_POINTER, ("query_weight must"), (a.query_weight = b.query_weight = NULL));
  ATTENTION(NULL_POINTER, ("weight must"), (a.weight = b.weight = NULL));
  ATTENTION(NULL_POINTER, ("score must"), (a.score = b.score = NULL));
  ATTENTION(MISALIGNED, ("queries must"), (a.queries = b.queries = MOVED(const void *, up.queries, 2)));
  ATTENTION(MISALIGNED, ("keys must"), (a.keys = b.keys = MOVED(const void *, up.keys, 1)));
  ATTENTION(MISALIGNED, ("values must"), (a.values = b.values = MOVED(const void *, up.values, 3)));
  ATTENTION(MISALIGNED, ("bias must"), (a.bias = b.bias = MOVED(const void *, up.bias, 3)));
  ATTENTION(NULL_POINTER, ("context must"), a.context = NULL);
  ATTENTION(MISALIGNED, ("weights must"), a.weights = MOVED(void *, up.weights, 1));
  ATTENTION(NULL_POINTER, ("weights must"), b.weights = NULL);
  ATTENTION(NULL_POINTER, ("dcontext must"), b.dcontext = NULL);
  ATTENTION(MISALIGNED, ("dqueries must"), b.dqueries = MOVED(void *, down.dqueries, 1));
  ATTENTION(MISALIGNED, ("dkeys must"), b.dkeys = MOVED(void *, down.dkeys, 1));
  ATTENTION(MISALIGNED, ("dvalues must"), b.dvalues = MOVED(void *, down.dvalues, 1));
  ATTENTION(MISALIGNED, ("dscore must"), b.dscore = MOVED(void *, down.dscore, 2));
  ATTENTION(INVALID_VALUE, ("accumulate is -1"), b.accumulate = -1);
  ATTENTION(INVALID_VALUE, ("accumulate_keys is 2"), b.accumulate_keys = 2);
  ATTENTION(UNSUPPORTED, ("a parameter was given"), g.kind = SWIFTRNN_ATTENTION_CONCAT);
  ATTENTION(UNSUPPORTED, ("dmemory needs a memory"), b.dmemory = memory);
  ATTENTION(UNSUPPORTED, ("from its own backward pass"), b.memory = memory);
  REFUSED(swiftrnn_attention_forward(f32, &how, NULL), NULL_POINTER, "args");
  REFUSED(swiftrnn_attention_backward(f32, NULL, &down), NULL_POINTER, "config");

  swiftrnn_attention_args m = up;
  REFUSED(swiftrnn_attention_memory(f32, &how, &m), NULL_POINTER, "memory");
  m.memory = MOVED(void *, memory, 1);
  REFUSED(swiftrnn_attention_memory(f32, &how, &m), MISALIGNED, "memory");
  m.memory = memory, m.keys = NULL;
  REFUSED(swiftrnn_attention_memory(f32, &how, &m), NULL_POINTER, "keys");
  m.keys = up.keys, m.lengths = wrong;
  REFUSED(swiftrnn_attention_memory(f32, &how, &m), INVALID_SIZE, "lengths[1]");
  m.lengths = NULL, m.weight = NULL;
  REFUSED(swiftrnn_attention_memory(f32, &how, &m), NULL_POINTER, "weight");
  swiftrnn_attention_backward_args d = down;
  REFUSED(swiftrnn_attention_memory_backward(f32, &how, &d), NULL_POINTER, "dmemory");
  d.dmemory = memory, d.keys = NULL;
  REFUSED(swiftrnn_attention_memory_backward(f32, &how, &d), NULL_POINTER, "keys");
  d.keys = down.keys, d.accumulate_keys = 3;
  REFUSED(swiftrnn_attention_memory_backward(f32, &how, &d), INVALID_VALUE, "accumulate_keys is 3");
  d.accumulate_keys = 0, d.dweight = MOVED(void *, down.dweight, 2);
  REFUSED(swiftrnn_attention_memory_backward(f32, &how, &d), MISALIGNED, "dweight");

  /* And after all that they still run. */
  CHECK_STATUS(swiftrnn_attention_forward(f32, &how, &up), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_attention_backward(f32, &how, &down), SWIFTRNN_STATUS_OK);
  m.weight = up.weight, d.dweight = down.dweight;
  CHECK_STATUS(swiftrnn_attention_memory(f32, &how, &m), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_attention_memory_backward(f32, &how, &d), SWIFTRNN_STATUS_OK);
  CHECK(!is_kept());
  free_arrays();
}

int main(void) {
  dropout();
  pools();
  attentions();
  return check_result();
}
