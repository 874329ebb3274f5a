/* Results do not depend on what outputs, tape and workspace held before, nor on rows of x and dy behind a sequence's
 * end: zeros there, or NaN, the same bits. */
#include "sequences.h"

/* NaN in all rows of x and dy that do not exist. */
static void spoil_padding(problem *p) {
  for (int64_t n = 0; n < p->is.sequences; n++) {
    for (int64_t t = length_of(p, n); t < p->is.steps; t++) {
      memset(x_row(p, p->forward.x, t, n), 255, (size_t)p->is.inputs * p->element);
      memset(y_row(p, p->backward.dy, t, n), 255, (size_t)p->output_size * p->element);
    }
  }
}

static long count_nan(const problem *p) {
  long count = 0;
  for (int i = p->first_output; i < p->buffer_count; i++) {
    const buffer *b = &p->buffers[i];
    if (!is_result(b->name, 1)) continue;
    for (size_t k = 0; k < b->size / p->element; k++) {
      const double value = get_number(p->is.dtype, b->data, (int64_t)k);
      count += value != value;
    }
  }
  return count;
}

static void run(const shape *is) {
  problem *p = problem_make(is), *q = problem_make(is);
  spoil_padding(q);
  for (int packed = 0; packed < 2; packed++) {
    describe(is, packed ? "inference with packed weights" : "inference");
    const swiftrnn_forward_args a = problem_inference(p, packed), b = problem_inference(q, packed);
    problem_fill(p, 0), problem_fill(q, 255);
    CHECK_STATUS(swiftrnn_network_forward(p->network, &a), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_network_forward(q->network, &b), SWIFTRNN_STATUS_OK);
    CHECK_SAME_RESULTS(p, q, 0);
  }
  describe(is, "training");
  problem_fill(p, 0), problem_fill(q, 255);
  problem_train(p), problem_train(q);
  CHECK_SAME_RESULTS(p, q, 1);
  CHECK(count_nan(q) == 0);
  /* The scratch that a pass left, serves the next one. */
  problem_train(q);
  CHECK_SAME_RESULTS(p, q, 1);
  describe(is, "training from zeros, without dy");
  p->forward.initial_states = p->backward.initial_states = NULL;
  q->forward.initial_states = q->backward.initial_states = NULL;
  p->backward.dy = q->backward.dy = NULL;
  problem_fill(p, 0), problem_fill(q, 255);
  problem_train(p), problem_train(q);
  CHECK_SAME_RESULTS(p, q, 1);
  problem_free(p), problem_free(q);
}

int main(void) {
  static const int64_t hidden_sizes[] = {1, 3, 8, 9, 17, 33};
  uint64_t random = 3;
  watch_pages();
  for (int i = 0; i < 6; i++) {
    for (int kind = 0; kind < KINDS; kind++) {
      for (int variant = 0; variant < 4; variant++) {
        int64_t lengths[9];
        shape is = shape_of_kind(kind, hidden_sizes[i] / 2);
        is.dtype = variant & 1 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
        is.hidden = hidden_sizes[i];
        is.inputs = 1 + (int64_t)(next_random(&random) % 20);
        is.layers = is.directions = variant & 2 ? 2 : 1;
        is.dropout = variant & 2 ? 0.4 : 0;
        is.steps = 2 + (int64_t)(next_random(&random) % 4);
        is.sequences = 1 + (int64_t)(next_random(&random) % 9);
        is.rows = (layout)(next_random(&random) % 2);
        is.seed = next_random(&random);
        for (int64_t n = 0; n < is.sequences; n++) {
          lengths[n] = (int64_t)(next_random(&random) % (uint64_t)(is.steps + 1));
        }
        run(&is);
        is.lengths = lengths;
        run(&is);
      }
    }
  }
  return check_result();
}
