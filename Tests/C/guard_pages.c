/* No call touches memory outside the arrays that it is given: each lies flush against a forbidden page, at its end and
 * then at its start, for sizes around every vector width. What is read too far, kills; what is written beside an array
 * or into the gaps of strided rows, is found. */
#include "problem.h"
#include "processes.h"

static const int64_t hidden_sizes[] = {1, 3, 7, 8, 9, 17, 33};
enum { HIDDEN_SIZES = sizeof hidden_sizes / sizeof *hidden_sizes };

/* Elements of y or dx that belong to no row hold the pattern; rows past a sequence's length hold zeros. */
static void check_rows(const problem *p, const void *base, int64_t width, int64_t step_stride,
                       int64_t sequence_stride, const buffer *whole) {
  if (step_stride == 0) sequence_stride = width, step_stride = width * p->is.sequences;
  unsigned char *owned = (unsigned char *)required(calloc(whole->size + 1, 1));
  long not_zero = 0, overwritten = 0;
  for (int64_t t = 0; t < p->is.steps; t++) {
    for (int64_t n = 0; n < p->is.sequences; n++) {
      const int64_t start = t * step_stride + n * sequence_stride;
      memset(owned + (size_t)start * p->element, 1, (size_t)width * p->element);
      if (p->is.lengths == NULL || t < p->is.lengths[n]) continue;
      for (int64_t i = 0; i < width; i++) not_zero += get_number(p->is.dtype, base, start + i) != 0;
    }
  }
  for (size_t i = 0; i < whole->size; i++) overwritten += !owned[i] && whole->data[i] != CANARY;
  CHECK(not_zero == 0);
  CHECK(overwritten == 0);
  free(owned);
}

static const buffer *named(const problem *p, const char *name) {
  for (int i = 0; i < p->buffer_count; i++) {
    if (strcmp(p->buffers[i].name, name) == 0) return &p->buffers[i];
  }
  return (const buffer *)required(NULL);
}

static void check_forward(const problem *p) {
  CHECK_INPUTS_KEPT(p);
  check_rows(p, p->forward.y, p->output_size, p->forward.y_step_stride, p->forward.y_sequence_stride, named(p, "y"));
}

static void run_stream(problem *p) {
  swiftrnn_stream *stream = NULL;
  const size_t row_x = (size_t)(p->is.sequences * p->is.inputs) * p->element;
  const size_t row_y = (size_t)(p->is.sequences * p->output_size) * p->element;
  buffer x = buffer_make("x of a step", row_x, p->is.flush), y = buffer_make("y of a step", row_y, p->is.flush);
  memset(x.data, 0, row_x);
  CHECK_STATUS(swiftrnn_stream_create(p->network, problem_pack(p), p->is.sequences, &stream), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_stream_set_state(stream, p->forward.initial_states, p->state_count), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_stream_step(stream, x.data, y.data), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_stream_step(stream, x.data, NULL), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_stream_run(stream, 1, x.data, y.data), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_stream_get_state(stream, p->forward.final_states, p->state_count), SWIFTRNN_STATUS_OK);
  CHECK(buffer_is_bounded(&x) && buffer_is_bounded(&y));
  if (p->is.rows == DENSE) {
    CHECK_STATUS(swiftrnn_stream_run(stream, p->is.steps, p->forward.x, p->forward.y), SWIFTRNN_STATUS_OK);
  }
  swiftrnn_stream_destroy(stream);
  buffer_free(&x), buffer_free(&y);
  CHECK_INPUTS_KEPT(p);
}

static void run(const shape *is) {
  describe(is, "setting up");
  problem *p = problem_make(is);
  problem_keep(p);
  for (int packed = 0; packed < 2; packed++) {
    describe(is, packed ? "inference with packed weights" : "inference");
    problem_fill(p, CANARY);
    const swiftrnn_forward_args a = problem_inference(p, packed);
    CHECK_STATUS(swiftrnn_network_forward(p->network, &a), SWIFTRNN_STATUS_OK);
    check_forward(p);
  }
  describe(is, "training, forward");
  problem_fill(p, CANARY);
  CHECK_STATUS(swiftrnn_network_forward(p->network, &p->forward), SWIFTRNN_STATUS_OK);
  check_forward(p);
  describe(is, "training, backward");
  CHECK_STATUS(swiftrnn_network_backward(p->network, &p->backward), SWIFTRNN_STATUS_OK);
  CHECK_INPUTS_KEPT(p);
  check_rows(p, p->backward.dx, p->is.inputs, p->backward.dx_step_stride, p->backward.dx_sequence_stride,
             named(p, "dx"));
  describe(is, "training, backward, adding to some gradients");
  swiftrnn_backward_args some = p->backward;
  some.dx = NULL;
  some.accumulate = 1;
  some.final_state_gradients = NULL;
  void **gradients = (void **)(void *)named(p, "pointers to gradients")->data;
  for (int64_t i = 0; i < p->parameter_count; i += 2) gradients[i] = NULL;
  CHECK_STATUS(swiftrnn_network_backward(p->network, &some), SWIFTRNN_STATUS_OK);
  for (int i = 0; i < p->buffer_count; i++) CHECK(buffer_is_bounded(&p->buffers[i]));
  problem_keep(p);
  describe(is, "stream");
  if (is->directions == 1) run_stream(p);
  describe(is, "initialize");
  CHECK_STATUS(swiftrnn_network_initialize(p->network, 1, (void *const *)p->forward.parameters, p->parameter_count),
               SWIFTRNN_STATUS_OK);
  for (int i = 0; i < p->buffer_count; i++) CHECK(buffer_is_bounded(&p->buffers[i]));
  problem_free(p);
}

static void run_all(void) {
  uint64_t random = 1;
  watch_pages();
  for (int i = 0; i < HIDDEN_SIZES; i++) {
    for (int kind = 0; kind < KINDS; kind++) {
      for (int variant = 0; variant < 8; variant++) {
        static const int64_t batches[] = {1, 2, 3, 5, 9, 11}, inputs[] = {1, 5, 7, 15, 17, 35};
        const uint64_t choice = next_random(&random);
        const int64_t hidden = hidden_sizes[i];
        int64_t lengths[11];
        shape is = shape_of_kind(kind, hidden - 1 - (hidden > 8 ? 2 : 0));
        is.dtype = variant & 1 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
        is.flush = variant & 2 ? BORDER_START : BORDER_END;
        is.layers = is.directions = variant & 4 ? 2 : 1;
        is.hidden = hidden;
        is.inputs = inputs[choice % 6];
        is.sequences = batches[choice / 6 % 6];
        is.steps = 1 + (int64_t)(choice / 36 % 4);
        is.rows = (layout)(choice / 144 % 3);
        is.dropout = is.layers > 1 ? 0.3 : 0;
        is.without_bias = choice / 432 % 4 == 0;
        is.seed = choice;
        for (int64_t n = 0; n < is.sequences; n++) {
          lengths[n] = (int64_t)(next_random(&random) % (uint64_t)(is.steps + 1));
        }
        run(&is);
        is.lengths = lengths;
        run(&is);
      }
    }
  }
}

int main(void) {
  check_with_each_isa(run_all);
  return check_result();
}
