/* The same sequences in different batches: copied from one problem to another, and compared bit by bit. Valid in C11
 * and in C++17. */
#ifndef SWIFTRNN_TEST_SEQUENCES_H
#define SWIFTRNN_TEST_SEQUENCES_H

#include "problem.h"

static inline int64_t length_of(const problem *p, int64_t n) { return p->is.lengths ? p->is.lengths[n] : p->is.steps; }

/** The row of step t of sequence n in an array of rows. */
static inline void *row_at(const problem *p, const void *base, int64_t width, int64_t step_stride,
                           int64_t sequence_stride, int64_t t, int64_t n) {
  if (step_stride == 0 && sequence_stride == 0) sequence_stride = width, step_stride = width * p->is.sequences;
  return (char *)(uintptr_t)base + (size_t)(t * step_stride + n * sequence_stride) * p->element;
}

static inline void *x_row(const problem *p, const void *base, int64_t t, int64_t n) {
  return row_at(p, base, p->is.inputs, p->forward.x_step_stride, p->forward.x_sequence_stride, t, n);
}

static inline void *y_row(const problem *p, const void *base, int64_t t, int64_t n) {
  return row_at(p, base, p->output_size, p->forward.y_step_stride, p->forward.y_sequence_stride, t, n);
}

/** Layers times directions. */
static inline int64_t state_rows(const problem *p) {
  return (p->is.layers > 0 ? p->is.layers : 1) * (p->is.directions > 0 ? p->is.directions : 1);
}

static inline void *state_row(const problem *p, const void *tensor, int64_t state, int64_t row, int64_t n) {
  return (char *)(uintptr_t)tensor + (size_t)((row * p->is.sequences + n) * p->state[state].width) * p->element;
}

/** Makes sequence n of `to` the sequence which[n] of `from`, with its parameters: up to each length; behind it x and dy
 *  hold NaN. */
static inline void copy_sequences(problem *to, const problem *from, const int64_t *which) {
  const size_t inputs = (size_t)to->is.inputs * to->element, outputs = (size_t)to->output_size * to->element;
  for (int64_t i = 0; i < to->parameter_count; i++) {
    memcpy((void *)(uintptr_t)to->forward.parameters[i], from->forward.parameters[i],
           (size_t)to->parameter[i].elements * to->element);
  }
  for (int i = 0; i < to->first_output; i++) {
    buffer *b = &to->buffers[i];
    if (strcmp(b->name, "x") == 0 || strcmp(b->name, "dy") == 0) memset(b->data, 255, b->size);
  }
  for (int64_t n = 0; n < to->is.sequences; n++) {
    const int64_t m = which[n], length = length_of(from, m);
    CHECK(length_of(to, n) == length);
    for (int64_t t = 0; t < length; t++) {
      memcpy(x_row(to, to->forward.x, t, n), x_row(from, from->forward.x, t, m), inputs);
      memcpy(y_row(to, to->backward.dy, t, n), y_row(from, from->backward.dy, t, m), outputs);
    }
    for (int64_t s = 0; s < to->state_count; s++) {
      for (int64_t row = 0; row < state_rows(to); row++) {
        const size_t size = (size_t)to->state[s].width * to->element;
        memcpy(state_row(to, to->forward.initial_states[s], s, row, n),
               state_row(from, from->forward.initial_states[s], s, row, m), size);
        memcpy(state_row(to, to->backward.final_state_gradients[s], s, row, n),
               state_row(from, from->backward.final_state_gradients[s], s, row, m), size);
      }
    }
  }
}

/** Sequence n of `to` has the results of sequence which[n] of `from`: y and final states, and, with backward, dx and
 *  the gradients of the initial states. */
static inline void check_same_sequences(const problem *to, const problem *from, const int64_t *which, int backward,
                                        const char *file, int line) {
  const size_t inputs = (size_t)to->is.inputs * to->element, outputs = (size_t)to->output_size * to->element;
  for (int64_t n = 0; n < to->is.sequences; n++) {
    const int64_t m = which[n];
    int same = 1;
    for (int64_t t = 0; t < length_of(to, n); t++) {
      same &= memcmp(y_row(to, to->forward.y, t, n), y_row(from, from->forward.y, t, m), outputs) == 0;
      if (backward) same &= memcmp(x_row(to, to->backward.dx, t, n), x_row(from, from->backward.dx, t, m), inputs) == 0;
    }
    for (int64_t s = 0; s < to->state_count; s++) {
      for (int64_t row = 0; row < state_rows(to); row++) {
        const size_t size = (size_t)to->state[s].width * to->element;
        same &= memcmp(state_row(to, to->forward.final_states[s], s, row, n),
                       state_row(from, from->forward.final_states[s], s, row, m), size) == 0;
        if (backward) {
          same &= memcmp(state_row(to, to->backward.initial_state_gradients[s], s, row, n),
                         state_row(from, from->backward.initial_state_gradients[s], s, row, m), size) == 0;
        }
      }
    }
    check_count++;
    if (same) continue;
    check_failures++;
    fprintf(stderr, "%s:%d: sequence %d has other bits: %s\n", file, line, (int)n, current_work);
  }
}
#define CHECK_SAME_SEQUENCES(to, from, which, backward) \
  check_same_sequences((to), (from), (which), (backward), __FILE__, __LINE__)

#endif
