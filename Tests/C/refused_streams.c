/* Packed weights, streams, and the calls on parameters refuse what is wrong, with its numbers; handles become NULL and
 * nothing else is written. */
#include "refused.h"

/* A handle that a call left NULL; then what it was before, for the next call. */
#define CHECK_NULLED(handle, before) \
  do {                               \
    CHECK((handle) == NULL);         \
    (handle) = (before);             \
  } while (0)

static void weights(problem *p) {
  const char *size = p->element == 8 ? "8 bytes" : "4 bytes";
  const int64_t count = p->parameter_count;
  const void *const *parameters = p->forward.parameters;
  swiftrnn_weights *const other = (swiftrnn_weights *)(void *)p;
  swiftrnn_weights *out = other;
  CHECK_REFUSED(swiftrnn_weights_create(NULL, parameters, count, &out), NULL_POINTER, "network");
  CHECK_NULLED(out, other);
  CHECK_REFUSED(swiftrnn_weights_create(p->network, NULL, count, &out), NULL_POINTER, "parameters");
  CHECK_NULLED(out, other);
  CHECK_REFUSED(swiftrnn_weights_create(p->network, parameters, count, NULL), NULL_POINTER, "out_weights");
  static const int64_t wrong[] = {-1, 0, 1, 9, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK_REFUSED(swiftrnn_weights_create(p->network, parameters, wrong[i], &out), INVALID_SIZE, "parameter_count",
                  number(wrong[i]), number(count));
    CHECK_NULLED(out, other);
    CHECK_REFUSED(swiftrnn_network_initialize(p->network, 0, (void *const *)parameters, wrong[i]), INVALID_SIZE,
                  "parameter_count", number(wrong[i]), number(count));
  }
  CHECK_REFUSED(swiftrnn_weights_create(p->network, MOVED(const void *const *, parameters, 4), count, &out), MISALIGNED,
                "parameters", "8");
  CHECK_NULLED(out, other);
  for (int64_t i = 0; i < count; i++) {
    const void *some[MOST_TENSORS];
    memcpy(some, parameters, (size_t)count * sizeof *some);
    some[i] = NULL;
    CHECK_REFUSED(swiftrnn_weights_create(p->network, some, count, &out), NULL_POINTER, "parameters");
    CHECK_NULLED(out, other);
    some[i] = MOVED(const void *, parameters[i], 2);
    CHECK_REFUSED(swiftrnn_weights_create(p->network, some, count, &out), MISALIGNED, "parameters", size);
    CHECK_NULLED(out, other);
    CHECK_REFUSED(swiftrnn_network_initialize(p->network, 0, (void *const *)some, count), MISALIGNED, "parameters",
                  size);
  }
  CHECK_REFUSED(swiftrnn_network_initialize(NULL, 0, (void *const *)parameters, count), NULL_POINTER, "network");
  CHECK_REFUSED(swiftrnn_network_initialize(p->network, 0, NULL, count), NULL_POINTER, "parameters");
  swiftrnn_weights_destroy(NULL);
  CHECK_NOTHING_WRITTEN(p);
}

static void flat_pointers(problem *p) {
  int64_t flat = 0;
  void *pointers[MOST_TENSORS], *before[MOST_TENSORS];
  memset(pointers, CANARY, sizeof pointers);
  memcpy(before, pointers, sizeof before);
  CHECK_STATUS(swiftrnn_network_flat_count(p->network, &flat), SWIFTRNN_STATUS_OK);
  const int64_t bytes = flat * (int64_t)p->element, count = p->parameter_count;
  void *memory = required(malloc((size_t)bytes + 8));
  CHECK_REFUSED(swiftrnn_network_flat_pointers(NULL, memory, bytes, pointers, count), NULL_POINTER, "network");
  CHECK_REFUSED(swiftrnn_network_flat_pointers(p->network, NULL, bytes, pointers, count), NULL_POINTER, "flat");
  CHECK_REFUSED(swiftrnn_network_flat_pointers(p->network, memory, bytes, NULL, count), NULL_POINTER, "pointers");
  CHECK_REFUSED(swiftrnn_network_flat_pointers(p->network, MOVED(void *, memory, 1), bytes, pointers, count),
                MISALIGNED, "flat");
  CHECK_REFUSED(swiftrnn_network_flat_pointers(p->network, memory, bytes, MOVED(void **, pointers, 4), count),
                MISALIGNED, "pointers");
  static const int64_t sizes[] = {-1, 0, 1, INT64_MIN};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    CHECK_REFUSED(swiftrnn_network_flat_pointers(p->network, memory, sizes[i], pointers, count), BUFFER_TOO_SMALL,
                  "flat_size", number(sizes[i]), number(bytes));
  }
  CHECK_REFUSED(swiftrnn_network_flat_pointers(p->network, memory, bytes - 1, pointers, count), BUFFER_TOO_SMALL,
                number(bytes - 1), number(bytes));
  static const int64_t counts[] = {-1, 0, 1, 9, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    CHECK_REFUSED(swiftrnn_network_flat_pointers(p->network, memory, bytes, pointers, counts[i]), INVALID_SIZE,
                  "pointer_count", number(counts[i]), number(count));
  }
  CHECK(memcmp(pointers, before, sizeof before) == 0);
  CHECK_STATUS(swiftrnn_network_flat_pointers(p->network, memory, bytes, pointers, count), SWIFTRNN_STATUS_OK);
  for (int64_t i = 0; i < count; i++) {
    CHECK(pointers[i] == (char *)memory + (size_t)p->parameter[i].offset * p->element);
  }
  CHECK(pointers[count] == before[count]);
  free(memory);
}

static void create(problem *p) {
  swiftrnn_stream *const other = (swiftrnn_stream *)(void *)p;
  swiftrnn_stream *out = other;
  swiftrnn_weights *packed = problem_pack(p);
  CHECK_REFUSED(swiftrnn_stream_create(NULL, packed, 3, &out), NULL_POINTER, "network");
  CHECK_NULLED(out, other);
  CHECK_REFUSED(swiftrnn_stream_create(p->network, NULL, 3, &out), NULL_POINTER, "weights");
  CHECK_NULLED(out, other);
  CHECK_REFUSED(swiftrnn_stream_create(p->network, packed, 3, NULL), NULL_POINTER, "out_stream");
  static const int64_t wrong[] = {-1, MOST + 1, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK_REFUSED(swiftrnn_stream_create(p->network, packed, wrong[i], &out), INVALID_SIZE, "sequences is",
                  number(wrong[i]), number(MOST));
    CHECK_NULLED(out, other);
  }
  for (int change = 0; change < SHAPE_CHANGES; change++) {
    const shape is = changed_shape(&p->is, change);
    problem *q = problem_make(&is);
    CHECK_REFUSED(swiftrnn_stream_create(p->network, problem_pack(q), 3, &out), MISMATCH, "weights");
    CHECK_NULLED(out, other);
    problem_free(q);
  }
  shape both = p->is;
  both.directions = 2;
  problem *q = problem_make(&both);
  CHECK_REFUSED(swiftrnn_stream_create(q->network, problem_pack(q), 3, &out), UNSUPPORTED, "bidirectional");
  CHECK(out == NULL);
  problem_free(q);
  swiftrnn_stream_destroy(NULL);
  CHECK_NOTHING_WRITTEN(p);
}

static void steps(problem *p) {
  const char *size = p->element == 8 ? "8 bytes" : "4 bytes";
  const void *x = p->forward.x;
  void *y = p->forward.y;
  void *const *states = p->forward.final_states;
  void *before[2] = {NULL, NULL}, *after[2] = {NULL, NULL};
  size_t bytes[2] = {0, 0};
  swiftrnn_stream *stream = NULL;
  CHECK_STATUS(swiftrnn_stream_create(p->network, problem_pack(p), p->is.sequences, &stream), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_stream_step(stream, x, NULL), SWIFTRNN_STATUS_OK);
  for (int64_t i = 0; i < p->state_count; i++) {
    bytes[i] = (size_t)(p->is.layers * p->is.sequences * p->state[i].width) * p->element;
    before[i] = required(malloc(bytes[i])), after[i] = required(malloc(bytes[i]));
  }
  CHECK_STATUS(swiftrnn_stream_get_state(stream, before, p->state_count), SWIFTRNN_STATUS_OK);

  CHECK_REFUSED(swiftrnn_stream_step(NULL, x, y), NULL_POINTER, "stream");
  CHECK_REFUSED(swiftrnn_stream_step(stream, NULL, y), NULL_POINTER, "x");
  CHECK_REFUSED(swiftrnn_stream_step(stream, MOVED(const void *, x, 1), y), MISALIGNED, "x", size);
  CHECK_REFUSED(swiftrnn_stream_step(stream, x, MOVED(void *, y, 2)), MISALIGNED, "y", size);
  CHECK_REFUSED(swiftrnn_stream_run(NULL, 2, x, y), NULL_POINTER, "stream");
  CHECK_REFUSED(swiftrnn_stream_run(stream, 2, NULL, y), NULL_POINTER, "x");
  CHECK_REFUSED(swiftrnn_stream_run(stream, 2, MOVED(const void *, x, 1), y), MISALIGNED, "x", size);
  CHECK_REFUSED(swiftrnn_stream_run(stream, 2, x, MOVED(void *, y, 2)), MISALIGNED, "y", size);
  static const int64_t wrong[] = {-1, MOST + 1, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK_REFUSED(swiftrnn_stream_run(stream, wrong[i], x, y), INVALID_SIZE, "steps is", number(wrong[i]));
  }
  CHECK_REFUSED(swiftrnn_stream_reset(NULL), NULL_POINTER, "stream");
  CHECK_REFUSED(swiftrnn_stream_get_state(NULL, states, p->state_count), NULL_POINTER, "stream");
  CHECK_REFUSED(swiftrnn_stream_get_state(stream, NULL, p->state_count), NULL_POINTER, "states");
  CHECK_REFUSED(swiftrnn_stream_set_state(NULL, p->forward.initial_states, p->state_count), NULL_POINTER, "stream");
  CHECK_REFUSED(swiftrnn_stream_set_state(stream, NULL, p->state_count), NULL_POINTER, "states");
  static const int64_t counts[] = {-1, 0, 3, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    CHECK_REFUSED(swiftrnn_stream_get_state(stream, states, counts[i]), INVALID_SIZE, "state_count", number(counts[i]),
                  number(p->state_count));
    CHECK_REFUSED(swiftrnn_stream_set_state(stream, p->forward.initial_states, counts[i]), INVALID_SIZE, "state_count",
                  number(counts[i]), number(p->state_count));
  }
  CHECK_REFUSED(swiftrnn_stream_get_state(stream, MOVED(void *const *, states, 4), p->state_count), MISALIGNED,
                "states");
  CHECK_REFUSED(swiftrnn_stream_set_state(stream, MOVED(const void *const *, states, 4), p->state_count), MISALIGNED,
                "states");
  for (int64_t i = 0; i < p->state_count; i++) {
    void *some[2] = {states[0], states[p->state_count - 1]};
    some[i] = MOVED(void *, some[i], 2);
    CHECK_REFUSED(swiftrnn_stream_get_state(stream, some, p->state_count), MISALIGNED, "states", size);
    CHECK_REFUSED(swiftrnn_stream_set_state(stream, (const void *const *)some, p->state_count), MISALIGNED, "states",
                  size);
  }
  CHECK_NOTHING_WRITTEN(p);
  /* The stream goes on from where it was. */
  CHECK_STATUS(swiftrnn_stream_get_state(stream, after, p->state_count), SWIFTRNN_STATUS_OK);
  for (int64_t i = 0; i < p->state_count; i++) {
    CHECK(memcmp(before[i], after[i], bytes[i]) == 0);
    free(before[i]), free(after[i]);
  }
  CHECK_STATUS(swiftrnn_stream_run(stream, 0, NULL, NULL), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_stream_run(stream, p->is.steps, x, y), SWIFTRNN_STATUS_OK);
  swiftrnn_stream_destroy(stream);
  stream = NULL;
  CHECK_STATUS(swiftrnn_stream_create(p->network, problem_pack(p), 0, &stream), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_stream_step(stream, NULL, NULL), SWIFTRNN_STATUS_OK);
  swiftrnn_stream_destroy(stream);
}

/* Weights and streams outlive the handles that they were made from. */
static void lifetimes(void) {
  const shape is = refused_shape(SWIFTRNN_LSTM, SWIFTRNN_FLOAT32);
  problem *p = problem_make(&is);
  swiftrnn_network *network = network_of(&is);
  swiftrnn_weights *packed = NULL;
  swiftrnn_stream *stream = NULL;
  CHECK_STATUS(swiftrnn_weights_create(network, p->forward.parameters, p->parameter_count, &packed),
               SWIFTRNN_STATUS_OK);
  swiftrnn_network_destroy(network);
  swiftrnn_forward_args a = problem_inference(p, 1);
  a.weights = packed;
  CHECK_STATUS(swiftrnn_network_forward(p->network, &a), SWIFTRNN_STATUS_OK);
  network = network_of(&is);
  CHECK_STATUS(swiftrnn_stream_create(network, packed, is.sequences, &stream), SWIFTRNN_STATUS_OK);
  swiftrnn_network_destroy(network);
  swiftrnn_weights_destroy(packed);
  CHECK_STATUS(swiftrnn_stream_run(stream, is.steps, p->forward.x, p->forward.y), SWIFTRNN_STATUS_OK);
  swiftrnn_stream_destroy(stream);
  problem_free(p);
}

int main(void) {
  watch_pages();
  for (int kind = 0; kind < 4; kind++) {
    const shape is = refused_shape(kind % 2 ? SWIFTRNN_RNN_RELU : SWIFTRNN_LSTM,
                                   kind < 2 ? SWIFTRNN_FLOAT32 : SWIFTRNN_FLOAT64);
    describe(&is, "refusals of weights and streams");
    problem *p = problem_make(&is);
    problem_keep(p);
    weights(p);
    flat_pointers(p);
    create(p);
    steps(p);
    problem_free(p);
  }
  lifetimes();
  return check_result();
}
