/* SWIFTRNN_ISA: each value that this CPU can have is used, an empty one is none, any other makes every call that computes
 * fail. */
#include "problem.h"
#include "processes.h"
#include "refused.h"

static void refused(void) {
  CHECK(swiftrnn_isa() == NULL);
  CHECK(strstr(swiftrnn_last_error(), "SWIFTRNN_ISA") != NULL);
  swiftrnn_config config;
  swiftrnn_network *network = (swiftrnn_network *)(void *)&config;
  CHECK_STATUS(swiftrnn_config_init(&config, sizeof config, SWIFTRNN_GRU), SWIFTRNN_STATUS_OK);
  config.input_size = config.hidden_size = 4;
  for (int dtype = 0; dtype < 2; dtype++) {
    config.dtype = (swiftrnn_dtype)dtype;
    CHECK_REFUSED(swiftrnn_network_create(&config, &network), UNSUPPORTED, "SWIFTRNN_ISA");
    CHECK(network == NULL);
    double numbers[8] = {1, 2, 3, 4, 5, 6, 7, 8}, before[8];
    double *const tensors[1] = {numbers};
    const int64_t count = 2, id = 0;
    memcpy(before, numbers, sizeof before);
    CHECK_REFUSED(swiftrnn_clip_gradients(config.dtype, 1, (void *const *)(const void *)tensors, &count, 0.5, NULL),
                  UNSUPPORTED, "SWIFTRNN_ISA");
    CHECK_REFUSED(swiftrnn_sgd_step(config.dtype, 2, 0.1, 0, 0, 0, numbers, numbers + 4, NULL), UNSUPPORTED,
                  "SWIFTRNN_ISA");
    CHECK_REFUSED(swiftrnn_linear_forward(config.dtype, 1, 1, 1, numbers, numbers + 1, NULL, numbers + 4), UNSUPPORTED,
                  "SWIFTRNN_ISA");
    CHECK_REFUSED(swiftrnn_cross_entropy(config.dtype, 1, 2, numbers, &id, -1, NULL, numbers + 4, NULL, NULL, NULL),
                  UNSUPPORTED, "SWIFTRNN_ISA");
    swiftrnn_linear_cross_entropy_args fused;
    swiftrnn_elementwise_loss_config pairs;
    swiftrnn_rmsprop_config rmsprop;
    memset(&fused, 0, sizeof fused), memset(&pairs, 0, sizeof pairs), memset(&rmsprop, 0, sizeof rmsprop);
    fused.size = sizeof fused, pairs.size = sizeof pairs, rmsprop.size = sizeof rmsprop;
    fused.rows = fused.inputs = fused.classes = 1, fused.x = numbers, fused.weight = numbers + 1, fused.targets = &id;
    fused.dx = numbers + 4;
    CHECK_REFUSED(swiftrnn_linear_cross_entropy(config.dtype, &fused), UNSUPPORTED, "SWIFTRNN_ISA");
    CHECK_REFUSED(swiftrnn_elementwise_loss(config.dtype, &pairs, 1, 2, numbers, numbers + 2, numbers + 4, NULL),
                  UNSUPPORTED, "SWIFTRNN_ISA");
    CHECK_REFUSED(swiftrnn_rmsprop_step(config.dtype, &rmsprop, 2, numbers, numbers + 2, numbers + 4, NULL, NULL),
                  UNSUPPORTED, "SWIFTRNN_ISA");
    CHECK_REFUSED(swiftrnn_clip_values(config.dtype, 1, (void *const *)(const void *)tensors, &count, 0.5), UNSUPPORTED,
                  "SWIFTRNN_ISA");
    CHECK(memcmp(before, numbers, sizeof before) == 0);
  }
}

static const char *wanted;

static void used(void) {
  CHECK_TEXT(swiftrnn_isa(), wanted);
  /* The choice is made once. */
  setenv("SWIFTRNN_ISA", "none", 1);
  CHECK_TEXT(swiftrnn_isa(), wanted);
  shape is;
  memset(&is, 0, sizeof is);
  is.cell = SWIFTRNN_LSTM, is.inputs = is.hidden = 5, is.steps = 3, is.sequences = 2;
  problem *p = problem_make(&is);
  problem_train(p);
  problem_free(p);
}

int main(void) {
  static const char *const names[] = {"baseline", "avx2", "avx512", " ", "AVX2", "avx", "avx512 ", "sse"};
#if defined(__x86_64__)
  const int has[8] = {1, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"),
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")};
#else
  const int has[8] = {1};
#endif
  for (int i = 0; i < 8; i++) {
    wanted = names[i];
    setenv("SWIFTRNN_ISA", wanted, 1);
    check_in_child(wanted, has[i] ? used : refused);
  }
  wanted = has[2] ? names[2] : has[1] ? names[1] : names[0];
  setenv("SWIFTRNN_ISA", "", 1);
  check_in_child("an empty value", used);
  return check_result();
}
