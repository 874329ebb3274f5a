/* The bits of a sequence's results do not depend on the batch that it is in: any cut, any order, padded or not, at any
 * strides; nor on inference or training, packed weights or not, streamed or whole. Gradients of parameters do not
 * depend on padding and strides. */
#include "sequences.h"

enum { STEPS = 7, SEQUENCES = 6 };
static const int64_t some_lengths[SEQUENCES] = {3, 0, 7, 5, 1, 7};

static shape some_shape(int kind, int variant) {
  static const int64_t hidden[] = {9, 17, 5, 12, 33, 8};
  shape is = shape_of_kind(kind, 5);
  is.dtype = variant & 1 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
  is.hidden = hidden[kind];
  is.inputs = 7;
  is.layers = 2;
  is.directions = variant & 2 ? 2 : 1;
  is.dropout = 0.25;
  is.steps = STEPS, is.sequences = SEQUENCES;
  is.lengths = some_lengths;
  is.seed = (uint64_t)(kind * 4 + variant);
  return is;
}

/* Some sequences of `whole` as a batch of their own, of `steps` steps. */
static void compare(const problem *whole, int64_t first, int64_t count, int reversed, int64_t steps, layout rows,
                    const char *what) {
  int64_t which[SEQUENCES], lengths[SEQUENCES];
  for (int64_t n = 0; n < count; n++) {
    which[n] = reversed ? first + count - 1 - n : first + n;
    lengths[n] = length_of(whole, which[n]);
  }
  shape is = whole->is;
  is.sequences = count;
  is.steps = steps;
  is.lengths = lengths;
  is.rows = rows;
  describe(&is, what);
  problem *part = problem_make(&is);
  part->forward.seed = whole->forward.seed;
  part->forward.first_sequence = first;
  copy_sequences(part, whole, which);
  problem_fill(part, 255);
  problem_train(part);
  CHECK_SAME_SEQUENCES(part, whole, which, 1);
  if (count == whole->is.sequences && !reversed) {
    for (int64_t i = 0; i < part->parameter_count; i++) {
      CHECK(memcmp(part->backward.gradients[i], whole->backward.gradients[i],
                   (size_t)part->parameter[i].elements * part->element) == 0);
    }
  }
  problem_free(part);
}

static int64_t longest(int64_t first, int64_t count) {
  int64_t most = 0;
  for (int64_t n = first; n < first + count; n++) most = some_lengths[n] > most ? some_lengths[n] : most;
  return most;
}

static void batches(const shape *is) {
  problem *whole = problem_make(is);
  problem_train(whole);
  for (int64_t first = 0; first < SEQUENCES; first++) {
    for (int64_t count = 1; first + count <= SEQUENCES; count++) {
      compare(whole, first, count, 0, longest(first, count), DENSE, "a cut of the batch");
    }
  }
  compare(whole, 0, SEQUENCES, 0, STEPS + 4, DENSE, "padded");
  compare(whole, 0, SEQUENCES, 0, STEPS, BATCH_FIRST, "batch first");
  compare(whole, 0, SEQUENCES, 0, STEPS + 1, GAPS, "padded, with gaps");
  problem_free(whole);
  /* Dropout's masks go by the index of a sequence: another order has the same results only without. */
  shape plain = *is;
  plain.dropout = 0;
  whole = problem_make(&plain);
  problem_train(whole);
  compare(whole, 0, SEQUENCES, 1, STEPS, DENSE, "another order");
  compare(whole, 1, 4, 1, STEPS, GAPS, "a cut in another order");
  problem_free(whole);
}

/* All of T: with lengths that say so, and without. */
static void without_lengths(const shape *is) {
  static const int64_t all[SEQUENCES] = {STEPS, STEPS, STEPS, STEPS, STEPS, STEPS};
  shape with = *is, without = *is;
  with.lengths = all;
  without.lengths = NULL;
  describe(&with, "lengths that are all T");
  problem *p = problem_make(&with), *q = problem_make(&without);
  problem_train(p);
  problem_train(q);
  CHECK_SAME_RESULTS(p, q, 1);
  problem_free(p), problem_free(q);
}

/* Training without dropout, inference, inference with packed weights; gradients added to zeros. */
static void modes(const shape *is) {
  shape plain = *is;
  plain.dropout = 0;
  problem *p = problem_make(&plain), *q = problem_make(&plain);
  describe(&plain, "inference or training");
  problem_train(p);
  for (int packed = 0; packed < 2; packed++) {
    const swiftrnn_forward_args a = problem_inference(q, packed);
    problem_fill(q, 255);
    CHECK_STATUS(swiftrnn_network_forward(q->network, &a), SWIFTRNN_STATUS_OK);
    CHECK_SAME_RESULTS(p, q, 0);
  }
  describe(&plain, "added to zeros");
  problem_fill(q, 0);
  q->backward.accumulate = 1;
  problem_train(q);
  CHECK_SAME_RESULTS(p, q, 1);
  describe(&plain, "final states in the memory of the initial ones");
  problem_fill(q, 255);
  q->forward.final_states = (void *const *)q->forward.initial_states;
  CHECK_STATUS(swiftrnn_network_forward(q->network, &q->forward), SWIFTRNN_STATUS_OK);
  for (int64_t s = 0; s < q->state_count; s++) {
    const size_t size = (size_t)(state_rows(q) * q->is.sequences * q->state[s].width) * q->element;
    CHECK(memcmp(q->forward.final_states[s], p->forward.final_states[s], size) == 0);
  }
  problem_free(p), problem_free(q);
}

/* Whole, in two calls that hand the states on, step by step through a stream, and run through one. */
static void streams(const shape *is) {
  shape plain = *is;
  plain.dropout = 0;
  plain.lengths = NULL;
  plain.directions = 1;
  problem *p = problem_make(&plain), *q = problem_make(&plain);
  const size_t row_x = (size_t)(plain.sequences * plain.inputs) * p->element;
  const size_t row_y = (size_t)(plain.sequences * p->output_size) * p->element;
  CHECK_STATUS(swiftrnn_network_forward(p->network, &p->forward), SWIFTRNN_STATUS_OK);

  describe(&plain, "in two calls");
  for (int64_t cut = 0; cut <= plain.steps; cut++) {
    problem_fill(q, 255);
    swiftrnn_forward_args a = problem_inference(q, 1);
    a.steps = cut;
    CHECK_STATUS(swiftrnn_network_forward(q->network, &a), SWIFTRNN_STATUS_OK);
    a.steps = plain.steps - cut;
    a.x = (const char *)a.x + (size_t)cut * row_x;
    a.y = (char *)a.y + (size_t)cut * row_y;
    a.initial_states = (const void *const *)a.final_states;
    CHECK_STATUS(swiftrnn_network_forward(q->network, &a), SWIFTRNN_STATUS_OK);
    CHECK_SAME_RESULTS(p, q, 0);
  }
  for (int64_t single = 0; single <= plain.steps; single++) {
    swiftrnn_stream *stream = NULL;
    describe(&plain, "streamed");
    problem_fill(q, 255);
    CHECK_STATUS(swiftrnn_stream_create(q->network, problem_pack(q), plain.sequences, &stream), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_stream_set_state(stream, q->forward.initial_states, q->state_count), SWIFTRNN_STATUS_OK);
    const char *x = (const char *)q->forward.x;
    char *y = (char *)q->forward.y;
    for (int64_t s = 0; s < single; s++, x += row_x, y += row_y) {
      CHECK_STATUS(swiftrnn_stream_step(stream, x, y), SWIFTRNN_STATUS_OK);
    }
    CHECK_STATUS(swiftrnn_stream_run(stream, plain.steps - single, x, y), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_stream_get_state(stream, q->forward.final_states, q->state_count), SWIFTRNN_STATUS_OK);
    CHECK_SAME_RESULTS(p, q, 0);
    /* From zeros again, as a new one. */
    CHECK_STATUS(swiftrnn_stream_reset(stream), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_stream_run(stream, plain.steps, q->forward.x, q->forward.y), SWIFTRNN_STATUS_OK);
    swiftrnn_forward_args a = problem_inference(p, 0);
    a.initial_states = NULL;
    CHECK_STATUS(swiftrnn_network_forward(p->network, &a), SWIFTRNN_STATUS_OK);
    CHECK(memcmp(p->forward.y, q->forward.y, (size_t)plain.steps * row_y) == 0);
    CHECK_STATUS(swiftrnn_network_forward(p->network, &p->forward), SWIFTRNN_STATUS_OK);
    swiftrnn_stream_destroy(stream);
  }
  problem_free(p), problem_free(q);
}

int main(void) {
  watch_pages();
  for (int kind = 0; kind < KINDS; kind++) {
    for (int variant = 0; variant < 4; variant++) {
      const shape is = some_shape(kind, variant);
      batches(&is);
      without_lengths(&is);
      modes(&is);
      if (variant < 2) streams(&is);
    }
  }
  return check_result();
}
