/* The bits of all results, sums over the batch among them, do not depend on how many threads run: set for the network
 * or for the process; on every instruction set of this CPU. The sizes are large enough that the library uses them. */
#include "processes.h"

#include "problem.h"

static void run(const shape *is, int64_t few) {
  const int64_t counts[] = {few, 8};
  shape one = *is;
  one.threads = 1;
  problem *reference = problem_make(&one);
  describe(&one, "one thread");
  problem_train(reference);
  for (int i = 0; i < 2; i++) {
    shape several = *is;
    several.threads = counts[i];
    problem *p = problem_make(&several);
    describe(&several, "training");
    problem_fill(p, 255);
    problem_train(p);
    CHECK_SAME_RESULTS(p, reference, 1);
    if (is->dropout == 0 && i == 0) {
      const swiftrnn_forward_args a = problem_inference(p, 1);
      describe(&several, "inference");
      problem_fill(p, 0);
      CHECK_STATUS(swiftrnn_network_forward(p->network, &a), SWIFTRNN_STATUS_OK);
      CHECK_SAME_RESULTS(p, reference, 0);
    }
    problem_free(p);
  }
  if (is->lengths == NULL) {
    problem *p = problem_make(is);
    CHECK_STATUS(swiftrnn_set_num_threads(3), SWIFTRNN_STATUS_OK);
    describe(is, "three threads, set for the process");
    problem_train(p);
    CHECK_SAME_RESULTS(p, reference, 1);
    CHECK_STATUS(swiftrnn_set_num_threads(0), SWIFTRNN_STATUS_OK);
    problem_free(p);
  }
  problem_free(reference);
}

static void run_all(void) {
  /* 8 threads are used from 11.5 million multiply-adds per pass and layer, 32 counted for a gate's activation, where
   * vectors have 16 lanes; with fewer from less. */
  static const int64_t hidden[6] = {73, 71, 33, 41, 43, 37}, sequences[6] = {32, 33, 22, 19, 19, 23};
  int64_t lengths[64];
  uint64_t random = 5;
  watch_pages();
  for (int kind = 0; kind < KINDS; kind++) {
    for (int variant = 0; variant < 2; variant++) {
      /* The two activations of the vanilla RNN, and LSTM without and with projection, share most of their code. */
      if ((kind == 1 && variant == 0) || (kind == 5 && variant == 1)) continue;
      shape is = shape_of_kind(kind, 29);
      is.dtype = (kind + variant) % 2 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
      is.inputs = 35, is.hidden = hidden[kind], is.sequences = sequences[kind], is.steps = 96;
      if (variant) {
        is.directions = 2;
        for (int64_t n = 0; n < is.sequences; n++) lengths[n] = (int64_t)(next_random(&random) % 97);
        is.lengths = lengths;
      } else {
        is.layers = 2, is.dropout = kind % 2 ? 0.2 : 0;
      }
      run(&is, variant ? 3 : 2);
    }
  }
  /* Few sequences and many units: threads share the units of each step. */
  for (int kind = 2; kind < KINDS; kind++) {
    shape is = shape_of_kind(kind, 130);
    is.dtype = kind % 2 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
    is.inputs = 35, is.hidden = 150, is.sequences = 3, is.steps = 96;
    run(&is, 2);
  }
}

int main(void) {
  check_with_each_isa(run_all);
  return check_result();
}
