/* A backward pass refuses what is wrong, with its numbers, and writes nothing: not dx, not the gradients of states and
 * parameters, not the workspace, and nothing beside them. Among what is wrong: the tapes of other passes. */
#include "refused.h"

/* The call with one thing changed in its arguments `a`. */
#define REFUSED_BACKWARD(p, status, texts, change)                                             \
  do {                                                                                         \
    swiftrnn_backward_args a = (p)->backward;                                                  \
    change;                                                                                    \
    CHECK_REFUSED(swiftrnn_network_backward((p)->network, &a), status, EXPAND texts);          \
    CHECK_NOTHING_WRITTEN(p);                                                                  \
  } while (0)

static void sizes(problem *p) {
  static const int64_t wrong[] = {-1, INT64_MIN, INT64_MAX, MOST + 1};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const int64_t v = wrong[i];
    REFUSED_BACKWARD(p, INVALID_SIZE, ("steps is", number(v)), a.steps = v);
    REFUSED_BACKWARD(p, INVALID_SIZE, ("sequences is", number(v)), a.sequences = v);
    if (v > 0) continue;
    REFUSED_BACKWARD(p, INVALID_SIZE, ("x_step_stride is", number(v)), a.x_step_stride = v);
    REFUSED_BACKWARD(p, INVALID_SIZE, ("x_sequence_stride is", number(v)), a.x_sequence_stride = v);
    REFUSED_BACKWARD(p, INVALID_SIZE, ("dy_step_stride is", number(v)), a.dy_step_stride = v);
    REFUSED_BACKWARD(p, INVALID_SIZE, ("dy_sequence_stride is", number(v)), a.dy_sequence_stride = v);
    REFUSED_BACKWARD(p, INVALID_SIZE, ("dx_step_stride is", number(v)), a.dx_step_stride = v);
    REFUSED_BACKWARD(p, INVALID_SIZE, ("dx_sequence_stride is", number(v)), a.dx_sequence_stride = v);
  }
  REFUSED_BACKWARD(p, INVALID_SIZE, ("dx_step_stride is 4", "5 or more"), a.dx_step_stride = 4);
  REFUSED_BACKWARD(p, INVALID_SIZE, ("rows of dx overlap"), (a.dx_step_stride = 5, a.dx_sequence_stride = 19));
  REFUSED_BACKWARD(p, INVALID_SIZE, ("dx_sequence_stride is 0", "5 or more"), a.dx_sequence_stride = 0);
  REFUSED_BACKWARD(p, INVALID_SIZE, ("dy_step_stride is 0", "14 or more"), a.dy_step_stride = 0);
  REFUSED_BACKWARD(p, INVALID_SIZE, ("dy_sequence_stride is 13", "14 or more"), a.dy_sequence_stride = 13);
  REFUSED_BACKWARD(p, OVERFLOW, ("dx"), a.dx_step_stride = INT64_MAX);
  REFUSED_BACKWARD(p, OVERFLOW, ("dy"), a.dy_sequence_stride = INT64_MAX / 2);
  REFUSED_BACKWARD(p, OVERFLOW, ("x"), a.x_step_stride = INT64_MAX / 3);
  REFUSED_BACKWARD(p, OVERFLOW, ("bytes"), (a.steps = MOST, a.sequences = MOST, a.lengths = NULL, a.dx = NULL));
  static const int64_t lengths[] = {-1, 5, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    const int64_t own[3] = {4, lengths[i], 2};
    REFUSED_BACKWARD(p, INVALID_SIZE, ("lengths[1] is", number(lengths[i]), "0...4"), a.lengths = own);
  }
}

static void pointers(problem *p) {
  const char *size = p->element == 8 ? "8 bytes" : "4 bytes";
  REFUSED_BACKWARD(p, NULL_POINTER, ("x must"), a.x = NULL);
  REFUSED_BACKWARD(p, NULL_POINTER, ("parameters"), a.parameters = NULL);
  REFUSED_BACKWARD(p, NULL_POINTER, ("tape"), a.tape = NULL);
  REFUSED_BACKWARD(p, NULL_POINTER, ("workspace"), a.workspace = NULL);
  CHECK_REFUSED(swiftrnn_network_backward(NULL, &p->backward), NULL_POINTER, "network");
  CHECK_REFUSED(swiftrnn_network_backward(p->network, NULL), NULL_POINTER, "args");
  for (int odd = 1; odd < (int)p->element; odd++) {
    REFUSED_BACKWARD(p, MISALIGNED, ("x must", size), a.x = MOVED(const void *, a.x, odd));
    REFUSED_BACKWARD(p, MISALIGNED, ("dy must", size), a.dy = MOVED(const void *, a.dy, odd));
    REFUSED_BACKWARD(p, MISALIGNED, ("dx must", size), a.dx = MOVED(void *, a.dx, odd));
    REFUSED_BACKWARD(p, MISALIGNED, ("tape", size), a.tape = MOVED(const void *, a.tape, odd));
    REFUSED_BACKWARD(p, MISALIGNED, ("lengths", "8"), a.lengths = MOVED(const int64_t *, a.lengths, odd));
    REFUSED_BACKWARD(p, MISALIGNED, ("initial_states", "8"),
                     a.initial_states = MOVED(const void *const *, a.initial_states, odd));
    REFUSED_BACKWARD(p, MISALIGNED, ("final_state_gradients", "8"),
                     a.final_state_gradients = MOVED(const void *const *, a.final_state_gradients, odd));
    REFUSED_BACKWARD(p, MISALIGNED, ("initial_state_gradients", "8"),
                     a.initial_state_gradients = MOVED(void *const *, a.initial_state_gradients, odd));
    REFUSED_BACKWARD(p, MISALIGNED, ("parameters", "8"), a.parameters = MOVED(const void *const *, a.parameters, odd));
    REFUSED_BACKWARD(p, MISALIGNED, ("gradients", "8"), a.gradients = MOVED(void *const *, a.gradients, odd));
  }
  for (int64_t i = 0; i < p->parameter_count; i++) {
    const void *some[MOST_TENSORS];
    void *wanted[MOST_TENSORS];
    memcpy(some, p->backward.parameters, (size_t)p->parameter_count * sizeof *some);
    memcpy(wanted, p->backward.gradients, (size_t)p->parameter_count * sizeof *wanted);
    some[i] = NULL;
    REFUSED_BACKWARD(p, NULL_POINTER, ("parameters"), a.parameters = some);
    some[i] = MOVED(const void *, p->backward.parameters[i], 2);
    REFUSED_BACKWARD(p, MISALIGNED, ("parameters", size), a.parameters = some);
    wanted[i] = MOVED(void *, wanted[i], 2);
    REFUSED_BACKWARD(p, MISALIGNED, ("gradients", size), a.gradients = wanted);
  }
  for (int64_t i = 0; i < p->state_count; i++) {
    void *some[2] = {p->backward.initial_state_gradients[0], p->backward.initial_state_gradients[p->state_count - 1]};
    some[i] = MOVED(void *, some[i], 3);
    REFUSED_BACKWARD(p, MISALIGNED, ("initial_states", size), a.initial_states = (const void *const *)some);
    REFUSED_BACKWARD(p, MISALIGNED, ("final_state_gradients", size),
                     a.final_state_gradients = (const void *const *)some);
    REFUSED_BACKWARD(p, MISALIGNED, ("initial_state_gradients", size), a.initial_state_gradients = some);
  }
}

static void counts(problem *p) {
  static const int64_t wrong[] = {-1, 0, 3, 1000, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const int64_t v = wrong[i];
    REFUSED_BACKWARD(p, INVALID_SIZE, ("state_count", number(v), number(p->state_count)), a.state_count = v);
    REFUSED_BACKWARD(p, INVALID_SIZE, ("parameter_count", number(v), number(p->parameter_count)),
                     a.parameter_count = v);
  }
  static const int32_t flags[] = {-1, 2, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    REFUSED_BACKWARD(p, INVALID_VALUE, ("accumulate", number(flags[i]), "0...1"), a.accumulate = flags[i]);
    REFUSED_BACKWARD(p, INVALID_VALUE, ("reserved", number(flags[i])), a.reserved = flags[i]);
  }
  const int64_t tape = p->backward.tape_size, workspace = p->backward.workspace_size;
  REFUSED_BACKWARD(p, BUFFER_TOO_SMALL, ("tape_size has", number(tape - 1), number(tape)), a.tape_size--);
  REFUSED_BACKWARD(p, BUFFER_TOO_SMALL, ("workspace_size has", number(workspace - 1), number(workspace)),
                   a.workspace_size--);
  static const int64_t negative[] = {0, -1, INT64_MIN};
  for (size_t i = 0; i < sizeof negative / sizeof *negative; i++) {
    const int64_t v = negative[i];
    REFUSED_BACKWARD(p, BUFFER_TOO_SMALL, ("tape_size", number(v), number(tape)), a.tape_size = v);
    REFUSED_BACKWARD(p, BUFFER_TOO_SMALL, ("workspace_size", number(v), number(workspace)), a.workspace_size = v);
  }
}

static void versions(problem *p) {
  const int64_t size = sizeof(swiftrnn_backward_args);
  const int64_t wrong[] = {0, -1, 8, size - 8, size - 1, 65537, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    REFUSED_BACKWARD(p, INVALID_SIZE, (number(wrong[i]), number(size)), a.size = wrong[i]);
  }
  union {
    swiftrnn_backward_args args;
    unsigned char bytes[sizeof(swiftrnn_backward_args) + 40];
  } newer;
  memset(&newer, 0, sizeof newer);
  newer.args = p->backward;
  newer.args.size = sizeof newer;
  for (size_t i = sizeof newer.args; i < sizeof newer; i += 13) {
    newer.bytes[i] = 1;
    CHECK_REFUSED(swiftrnn_network_backward(p->network, &newer.args), MISMATCH, "newer header");
    CHECK_NOTHING_WRITTEN(p);
    newer.bytes[i] = 0;
  }
}

/* The tape of a pass of `other` is refused: the message says what differs and, if `theirs` and `ours` aren't empty, the
 * tape's number and the call's. */
static void tape_of(problem *p, const shape *other, const char *what, const char *theirs, const char *ours) {
  problem *q = problem_make(other);
  CHECK_STATUS(swiftrnn_network_forward(q->network, &q->forward), SWIFTRNN_STATUS_OK);
  /* As much memory as this pass asks for, so that it is the header that is looked at. */
  int64_t size = q->backward.tape_size > p->backward.tape_size ? q->backward.tape_size : p->backward.tape_size;
  unsigned char *tape = (unsigned char *)required(calloc(1, (size_t)size));
  memcpy(tape, q->backward.tape, (size_t)q->backward.tape_size);
  REFUSED_BACKWARD(p, MISMATCH, ("tape", what, theirs, ours), (a.tape = tape, a.tape_size = size));
  free(tape);
  problem_free(q);
}

/* A tape of the right size whose header has been changed, and tapes of other passes. */
static void tapes(problem *p) {
  unsigned char *copy = (unsigned char *)required(malloc((size_t)p->backward.tape_size));
  memcpy(copy, p->backward.tape, (size_t)p->backward.tape_size);
  /* Up to the hash of the lengths every bit counts; behind it are the numbers of the dropout masks. */
  for (int i = 0; i < 40; i++) {
    copy[i] ^= (unsigned char)(1 << i % 8);
    REFUSED_BACKWARD(p, MISMATCH, ("tape"), a.tape = copy);
    copy[i] ^= (unsigned char)(1 << i % 8);
  }
  memset(copy, 0, (size_t)p->backward.tape_size);
  REFUSED_BACKWARD(p, MISMATCH, ("tape"), a.tape = copy);
  memset(copy, 255, (size_t)p->backward.tape_size);
  REFUSED_BACKWARD(p, MISMATCH, ("tape"), a.tape = copy);
  free(copy);

  static const int64_t other_lengths[3] = {4, 2, 0}, more_lengths[4] = {4, 0, 2, 1};
  for (int change = 0; change < SHAPE_CHANGES; change++) {
    const shape other = changed_shape(&p->is, change);
    tape_of(p, &other, "configuration", "", "");
  }
  shape other = p->is;
  other.dropout = 0.5, tape_of(p, &other, "configuration", "", "");
  other.dropout = 0, tape_of(p, &other, "configuration", "", "");
  other = p->is;
  other.steps++, tape_of(p, &other, "steps", "5", "4");
  other = p->is;
  other.sequences++, other.lengths = more_lengths, tape_of(p, &other, "sequences", "4", "3");
  other = p->is;
  other.lengths = other_lengths, tape_of(p, &other, "lengths", "", "");
  other.lengths = NULL, tape_of(p, &other, "lengths", "", "");
  /* The same tape with other sizes in the call. */
  REFUSED_BACKWARD(p, MISMATCH, ("tape", "sequences", "3", "2"), a.sequences--);
  REFUSED_BACKWARD(p, MISMATCH, ("tape", "lengths"), a.lengths = NULL);
}

/* A tape may be moved, is only read, and serves more than once; threads may differ. What is not wanted may be NULL. */
static void allowed(problem *p) {
  shape same = p->is;
  same.threads = 3;
  problem *q = problem_make(&same);
  memcpy((void *)(uintptr_t)q->backward.tape, p->backward.tape, (size_t)p->backward.tape_size);
  CHECK_STATUS(swiftrnn_network_backward(p->network, &p->backward), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_backward(q->network, &q->backward), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_backward(q->network, &q->backward), SWIFTRNN_STATUS_OK);
  CHECK_INPUTS_KEPT(p);
  CHECK(memcmp(q->backward.tape, p->backward.tape, (size_t)p->backward.tape_size) == 0);
  for (int64_t i = 0; i < p->parameter_count; i++) {
    CHECK(memcmp(p->backward.gradients[i], q->backward.gradients[i],
                 (size_t)p->parameter[i].elements * p->element) == 0);
  }
  problem_free(q);
  problem_keep(p);
  swiftrnn_backward_args a = p->backward;
  a.dy = NULL;
  a.dx = NULL;
  a.gradients = NULL;
  a.initial_state_gradients = NULL;
  CHECK_STATUS(swiftrnn_network_backward(p->network, &a), SWIFTRNN_STATUS_OK);
  for (int i = 0; i < p->buffer_count; i++) {
    CHECK(buffer_is_kept(&p->buffers[i]) || strcmp(p->buffers[i].name, "workspace of the backward pass") == 0);
  }
}

int main(void) {
  watch_pages();
  for (int kind = 0; kind < 4; kind++) {
    const shape is = refused_pass_shape(kind % 2 ? SWIFTRNN_GRU_RESET_BEFORE : SWIFTRNN_LSTM,
                                        kind < 2 ? SWIFTRNN_FLOAT32 : SWIFTRNN_FLOAT64);
    describe(&is, "refusals of a backward pass");
    problem *p = problem_make(&is);
    CHECK_STATUS(swiftrnn_network_forward(p->network, &p->forward), SWIFTRNN_STATUS_OK);
    problem_keep(p);
    sizes(p);
    pointers(p);
    counts(p);
    versions(p);
    tapes(p);
    allowed(p);
    problem_free(p);
  }
  return check_result();
}
