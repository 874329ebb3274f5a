/* A forward pass refuses what is wrong, with its numbers, and writes nothing: not y, not the states, not the tape, not
 * the workspace, and nothing beside them. */
#include "refused.h"

#include <stddef.h>

/* The call with one thing changed in its arguments `a`. */
#define REFUSED_FORWARD(p, status, texts, change)                                              \
  do {                                                                                         \
    swiftrnn_forward_args a = (p)->forward;                                                    \
    change;                                                                                    \
    CHECK_REFUSED(swiftrnn_network_forward((p)->network, &a), status, EXPAND texts);           \
    CHECK_NOTHING_WRITTEN(p);                                                                  \
  } while (0)

static void sizes(problem *p) {
  static const int64_t wrong[] = {-1, INT64_MIN, INT64_MAX, MOST + 1};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const int64_t v = wrong[i];
    REFUSED_FORWARD(p, INVALID_SIZE, ("steps is", number(v)), a.steps = v);
    REFUSED_FORWARD(p, INVALID_SIZE, ("sequences is", number(v)), a.sequences = v);
    if (v == INT64_MAX || v > MOST) continue;
    REFUSED_FORWARD(p, INVALID_SIZE, ("x_step_stride is", number(v)), a.x_step_stride = v);
    REFUSED_FORWARD(p, INVALID_SIZE, ("x_sequence_stride is", number(v)), a.x_sequence_stride = v);
    REFUSED_FORWARD(p, INVALID_SIZE, ("y_step_stride is", number(v)), a.y_step_stride = v);
    REFUSED_FORWARD(p, INVALID_SIZE, ("y_sequence_stride is", number(v)), a.y_sequence_stride = v);
  }
  static const int64_t first[] = {-1, INT64_MIN, INT64_MAX, INT64_C(1) << 32};
  for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
    REFUSED_FORWARD(p, INVALID_VALUE, ("first_sequence is", number(first[i])), a.first_sequence = first[i]);
  }
  /* Rows that would lie on each other. */
  REFUSED_FORWARD(p, INVALID_SIZE, ("x_step_stride is 0", "5 or more"), a.x_step_stride = 0);
  REFUSED_FORWARD(p, INVALID_SIZE, ("x_sequence_stride is 4", "5 or more"), a.x_sequence_stride = 4);
  REFUSED_FORWARD(p, INVALID_SIZE, ("y_step_stride is 13", "14 or more"), a.y_step_stride = 13);
  REFUSED_FORWARD(p, INVALID_SIZE, ("y_sequence_stride is 0", "14 or more"), a.y_sequence_stride = 0);
  REFUSED_FORWARD(p, INVALID_SIZE, ("rows of y overlap", "14 and 14"), a.y_step_stride = a.y_sequence_stride = 14);
  REFUSED_FORWARD(p, INVALID_SIZE, ("rows of y overlap"), (a.y_step_stride = 28, a.y_sequence_stride = 14));
  REFUSED_FORWARD(p, INVALID_SIZE, ("rows of y overlap"), (a.y_step_stride = 14, a.y_sequence_stride = 55));
  /* Products and sums that do not fit. */
  REFUSED_FORWARD(p, OVERFLOW, ("x"), a.x_step_stride = INT64_MAX);
  REFUSED_FORWARD(p, OVERFLOW, ("x"), a.x_sequence_stride = INT64_MAX);
  REFUSED_FORWARD(p, OVERFLOW, ("x"), a.x_step_stride = INT64_MAX / 3);
  REFUSED_FORWARD(p, OVERFLOW, ("x"), (a.x_step_stride = INT64_MAX / 6, a.x_sequence_stride = INT64_MAX / 4));
  REFUSED_FORWARD(p, OVERFLOW, ("y"), a.y_step_stride = INT64_MAX);
  REFUSED_FORWARD(p, OVERFLOW, ("y"), a.y_sequence_stride = INT64_MAX / 2);
  REFUSED_FORWARD(p, OVERFLOW, ("bytes"), (a.steps = MOST, a.sequences = MOST, a.lengths = NULL, a.y = NULL));
  REFUSED_FORWARD(p, OVERFLOW, ("bytes"),
                  (a.steps = MOST, a.sequences = MOST, a.lengths = NULL, a.y = NULL, a.tape = NULL));
}

/* Sizes are looked at before the work is cut for threads: also with packed weights, in a network whose steps are much
 * work, and with more than one size that makes no sense. */
static void sizes_with_weights(void) {
  static const int64_t wrong[] = {-1, INT64_MIN, INT64_MAX, -MOST, MOST + 1};
  for (int64_t threads = 0; threads < 2; threads++) {
    shape is;
    memset(&is, 0, sizeof is);
    is.cell = SWIFTRNN_LSTM, is.dtype = SWIFTRNN_FLOAT32;
    is.inputs = 256, is.hidden = 512, is.layers = 1, is.steps = 1, is.sequences = 4, is.threads = threads;
    describe(&is, "sizes with packed weights");
    problem *p = problem_make(&is);
    problem_keep(p);
    swiftrnn_forward_args packed = p->forward;
    packed.weights = problem_pack(p), packed.tape = NULL, packed.tape_size = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
      for (size_t j = 0; j <= sizeof wrong / sizeof *wrong; j++) {
        swiftrnn_forward_args a = packed;
        a.steps = wrong[i];
        if (j > 0) a.sequences = wrong[j - 1];
        CHECK_REFUSED(swiftrnn_network_forward(p->network, &a), INVALID_SIZE, "steps is", number(wrong[i]));
        a.steps = packed.steps, a.sequences = wrong[i];
        CHECK_REFUSED(swiftrnn_network_forward(p->network, &a), INVALID_SIZE, "sequences is", number(wrong[i]));
      }
    }
    CHECK_NOTHING_WRITTEN(p);
    problem_free(p);
  }
}

static void lengths(problem *p) {
  static const int64_t wrong[] = {-1, 5, INT64_MAX, INT64_MIN};
  int64_t *const own = (int64_t *)(uintptr_t)p->forward.lengths;
  for (int64_t n = 0; n < p->is.sequences; n++) {
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
      char text[64];
      snprintf(text, sizeof text, "lengths[%d] is %" PRId64, (int)n, wrong[i]);
      const int64_t before = own[n];
      own[n] = wrong[i];
      problem_keep(p);
      REFUSED_FORWARD(p, INVALID_SIZE, (text, "0...4"), (void)0);
      own[n] = before;
      problem_keep(p);
    }
  }
}

static void pointers(problem *p) {
  REFUSED_FORWARD(p, NULL_POINTER, ("x must"), a.x = NULL);
  REFUSED_FORWARD(p, NULL_POINTER, ("parameters"), a.parameters = NULL);
  REFUSED_FORWARD(p, NULL_POINTER, ("workspace"), a.workspace = NULL);
  CHECK_REFUSED(swiftrnn_network_forward(NULL, &p->forward), NULL_POINTER, "network");
  CHECK_REFUSED(swiftrnn_network_forward(p->network, NULL), NULL_POINTER, "args");
  const char *size = p->element == 8 ? "8 bytes" : "4 bytes";
  for (int64_t odd = 1; odd < (int64_t)p->element; odd++) {
    REFUSED_FORWARD(p, MISALIGNED, ("x must", size), a.x = MOVED(const void *, a.x, odd));
    REFUSED_FORWARD(p, MISALIGNED, ("y must", size), a.y = MOVED(void *, a.y, odd));
    REFUSED_FORWARD(p, MISALIGNED, ("tape", size), a.tape = MOVED(void *, a.tape, odd));
    REFUSED_FORWARD(p, MISALIGNED, ("lengths", "8"), a.lengths = MOVED(const int64_t *, a.lengths, odd));
    REFUSED_FORWARD(p, MISALIGNED, ("initial_states", "8"),
                    a.initial_states = MOVED(const void *const *, a.initial_states, odd));
    REFUSED_FORWARD(p, MISALIGNED, ("final_states", "8"), a.final_states = MOVED(void *const *, a.final_states, odd));
    REFUSED_FORWARD(p, MISALIGNED, ("parameters", "8"), a.parameters = MOVED(const void *const *, a.parameters, odd));
  }
  for (int64_t i = 0; i < p->parameter_count; i++) {
    const void *some[MOST_TENSORS];
    memcpy(some, p->forward.parameters, (size_t)p->parameter_count * sizeof *some);
    some[i] = NULL;
    REFUSED_FORWARD(p, NULL_POINTER, ("parameters"), a.parameters = some);
    some[i] = MOVED(const void *, p->forward.parameters[i], 2);
    REFUSED_FORWARD(p, MISALIGNED, ("parameters", size), a.parameters = some);
  }
  for (int64_t i = 0; i < p->state_count; i++) {
    void *some[2] = {p->forward.final_states[0], p->forward.final_states[p->state_count - 1]};
    some[i] = MOVED(void *, some[i], 1);
    REFUSED_FORWARD(p, MISALIGNED, ("initial_states", size), a.initial_states = (const void *const *)some);
    REFUSED_FORWARD(p, MISALIGNED, ("final_states", size), a.final_states = some);
  }
  swiftrnn_forward_args moved[2];
  memset(moved, 0, sizeof moved);
  const uintptr_t place = ((uintptr_t)moved & ~(uintptr_t)7) + 12;
  memcpy((void *)place, &p->forward, sizeof p->forward);
  CHECK_REFUSED(swiftrnn_network_forward(p->network, (const swiftrnn_forward_args *)place), MISALIGNED, "args", "8");
  CHECK_NOTHING_WRITTEN(p);
}

static void counts(problem *p) {
  static const int64_t wrong[] = {-1, 0, 1, 1000, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const int64_t v = wrong[i];
    if (v != p->state_count) {
      REFUSED_FORWARD(p, INVALID_SIZE, ("state_count", number(v), number(p->state_count)), a.state_count = v);
      REFUSED_FORWARD(p, INVALID_SIZE, ("state_count", number(v)), (a.state_count = v, a.initial_states = NULL));
      REFUSED_FORWARD(p, INVALID_SIZE, ("state_count", number(v)), (a.state_count = v, a.final_states = NULL));
    }
    REFUSED_FORWARD(p, INVALID_SIZE, ("parameter_count", number(v), number(p->parameter_count)), a.parameter_count = v);
  }
  REFUSED_FORWARD(p, INVALID_SIZE, ("parameter_count", number(p->parameter_count - 1)), a.parameter_count--);
}

static void buffers(problem *p) {
  const int64_t tape = p->forward.tape_size, workspace = p->forward.workspace_size;
  REFUSED_FORWARD(p, BUFFER_TOO_SMALL, ("tape_size has", number(tape - 1), number(tape)), a.tape_size--);
  REFUSED_FORWARD(p, BUFFER_TOO_SMALL, ("workspace_size has", number(workspace - 1), number(workspace)),
                  a.workspace_size--);
  static const int64_t wrong[] = {0, -1, INT64_MIN};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const int64_t v = wrong[i];
    REFUSED_FORWARD(p, BUFFER_TOO_SMALL, ("tape_size", number(v), number(tape)), a.tape_size = v);
    REFUSED_FORWARD(p, BUFFER_TOO_SMALL, ("workspace_size", number(v), number(workspace)), a.workspace_size = v);
  }
  swiftrnn_forward_args packed = problem_inference(p, 1);
  packed.workspace_size--;
  CHECK_REFUSED(swiftrnn_network_forward(p->network, &packed), BUFFER_TOO_SMALL, number(packed.workspace_size),
                number(p->workspace_weights_size));
  packed.workspace = NULL;
  CHECK_REFUSED(swiftrnn_network_forward(p->network, &packed), NULL_POINTER, "workspace");
  CHECK_NOTHING_WRITTEN(p);
}

static void versions(problem *p) {
  const int64_t size = sizeof(swiftrnn_forward_args);
  const int64_t wrong[] = {0, -1, 8, size - 8, size - 1, 65537, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    REFUSED_FORWARD(p, INVALID_SIZE, (number(wrong[i]), number(size)), a.size = wrong[i]);
  }
  union {
    swiftrnn_forward_args args;
    unsigned char bytes[sizeof(swiftrnn_forward_args) + 40];
  } newer;
  memset(&newer, 0, sizeof newer);
  newer.args = p->forward;
  newer.args.size = sizeof newer;
  for (size_t i = sizeof newer.args; i < sizeof newer; i += 13) {
    newer.bytes[i] = 255;
    CHECK_REFUSED(swiftrnn_network_forward(p->network, &newer.args), MISMATCH, "newer header");
    CHECK_NOTHING_WRITTEN(p);
    newer.bytes[i] = 0;
  }
  CHECK_STATUS(swiftrnn_network_forward(p->network, &newer.args), SWIFTRNN_STATUS_OK);
  problem_fill(p, CANARY);
}

/* Packed weights of a network like `other` fit, or are refused. */
static void weights_of(problem *p, const shape *other, int fit) {
  problem *q = problem_make(other);
  swiftrnn_forward_args a = problem_inference(p, 1);
  a.weights = problem_pack(q);
  if (fit) {
    CHECK_STATUS(swiftrnn_network_forward(p->network, &a), SWIFTRNN_STATUS_OK);
    problem_fill(p, CANARY);
  } else {
    CHECK_REFUSED(swiftrnn_network_forward(p->network, &a), MISMATCH, "weights");
    CHECK_NOTHING_WRITTEN(p);
  }
  problem_free(q);
}

static void weights(problem *p) {
  for (int change = 0; change < SHAPE_CHANGES; change++) {
    const shape other = changed_shape(&p->is, change);
    weights_of(p, &other, 0);
  }
  /* Threads and dropout are nothing to the weights. */
  shape other = p->is;
  other.threads = 5, weights_of(p, &other, 1);
  other = p->is;
  other.dropout = 0.75, weights_of(p, &other, 1);
}

/* What looks odd and is allowed: empty batches without arrays, no outputs, a workspace at any address. */
static void allowed(problem *p) {
  swiftrnn_forward_args a = p->forward;
  a.steps = 0;
  a.x = NULL;
  a.lengths = NULL;
  CHECK_STATUS(swiftrnn_network_forward(p->network, &a), SWIFTRNN_STATUS_OK);
  for (int64_t i = 0; i < p->state_count; i++) {
    const size_t size = (size_t)(p->is.layers * p->is.directions * p->is.sequences * p->state[i].width) * p->element;
    CHECK(memcmp(a.final_states[i], a.initial_states[i], size) == 0);
  }
  a = p->forward;
  a.sequences = 0;
  a.x = NULL;
  a.lengths = NULL;
  CHECK_STATUS(swiftrnn_network_forward(p->network, &a), SWIFTRNN_STATUS_OK);
  a = p->forward;
  a.y = NULL;
  a.final_states = NULL;
  a.initial_states = NULL;
  a.state_count = 0;
  a.tape = NULL;
  CHECK_STATUS(swiftrnn_network_forward(p->network, &a), SWIFTRNN_STATUS_OK);
  unsigned char *larger = (unsigned char *)required(malloc((size_t)p->forward.workspace_size + 7));
  for (int odd = 1; odd < 8; odd += 3) {
    a = p->forward;
    a.workspace = larger + odd;
    CHECK_STATUS(swiftrnn_network_forward(p->network, &a), SWIFTRNN_STATUS_OK);
  }
  free(larger);
  CHECK_INPUTS_KEPT(p);
}

int main(void) {
  watch_pages();
  for (int kind = 0; kind < 4; kind++) {
    const shape is = refused_pass_shape(kind % 2 ? SWIFTRNN_GRU : SWIFTRNN_LSTM,
                                        kind < 2 ? SWIFTRNN_FLOAT32 : SWIFTRNN_FLOAT64);
    describe(&is, "refusals of a forward pass");
    problem *p = problem_make(&is);
    problem_keep(p);
    sizes(p);
    lengths(p);
    pointers(p);
    counts(p);
    buffers(p);
    versions(p);
    weights(p);
    CHECK_NOTHING_WRITTEN(p);
    allowed(p);
    problem_free(p);
  }
  sizes_with_weights();
  return check_result();
}
