/* A plan of a network's pass: with arguments that are refused, and again with other threads, places, batches, packed
 * weights, in training and as a stream, for the same bits. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_COMPARISONS_H
#define SWIFTRNN_TEST_COMPARISONS_H

#include "passes.h"

static record inferred, trained, reversed, other_record, drawn;

static void compare_results(const facts *f, const record *with, role is, const char *what) {
  comparison c;
  memset(&c, 0, sizeof c);
  c.with = with, c.dtype = f->dtype;
  each_piece(is, compare_piece, &c);
  if (c.other != NULL) {
    REPORT("%s: number %" PRId64 " of %s is %.17g, was %.17g", what, c.number, c.other->name, c.value, c.was);
  } else if (c.at != with->size) {
    REPORT("%s: results of another size", what);
  }
}

/* What the header says of rows: nothing between them is written, and those past a length, or left out, are zero. */
static void check_rows(const facts *f, const plan *s, role is) {
  const char *where = written_gap();
  if (where != NULL) REPORT("wrote between the rows of %s", where);
  for (int i = 0; i < block_count; i++) {
    const block *b = &blocks[i];
    const int is_dx = is == BACKWARD_RESULT;
    if (b->rows.steps == 0 || b->is != is) continue;
    for (int64_t n = 0; n < s->sequences; n++) {
      for (int64_t t = 0; t < s->steps; t++) {
        const int is_past = s->has_lengths && t >= s->lengths[n];
        const int is_gap = s->has_mask && s->mask[t * s->sequences + n] == 0;
        if (!is_past && !(is_gap && (is_dx || f->made_of.config.gaps == SWIFTRNN_GAPS_ZERO))) continue;
        const unsigned char *row = row_of(b, t, n);
        for (int64_t k = 0; k < b->rows.width; k++) {
          if (row[k] == 0) continue;
          REPORT("%s of step %" PRId64 ", sequence %" PRId64 " is not zero", b->name, t, n);
          return;
        }
      }
    }
  }
}

static void set_threads(void) {
  all->calls[F_set_num_threads][0]++;
  swiftrnn_set_num_threads(any(3) ? 1 + any(4) : any(2) ? 0 : 1 + any(1024));
}

/* The forward pass, for inference or with the tape. */
static int forward(pass *p, int trains, const char *how) {
  call c;
  void *tape = p->forward->tape;
  const int64_t tape_size = p->forward->tape_size;
  if (!trains) p->forward->tape = NULL, p->forward->tape_size = any(2) ? 0 : tape_size;
  fill_outputs(&fill_state, 1);
  forward_call(&c, p);
  keep_blocks();
  const int status = valid_call(&c, how);
  check_rows(p->of, p->is, FORWARD_RESULT);
  p->forward->tape = tape, p->forward->tape_size = tape_size;
  return status;
}

/* Where gradients are added to, those that are there are always the same. */
static int backward(pass *p, const char *how) {
  call c;
  uint64_t numbers = p->is->numbers;
  fill_outputs(&fill_state, 0);
  for (int i = 0; i < block_count && p->is->accumulates; i++) {
    if (strcmp(blocks[i].name, "a gradient") != 0) continue;
    numbers_into(p->of, blocks[i].data, (int64_t)blocks[i].size / p->of->element, 0, &numbers);
  }
  backward_call(&c, p);
  keep_blocks();
  const int status = valid_call(&c, how);
  check_rows(p->of, p->is, BACKWARD_RESULT);
  return status;
}

/* ---- Packed weights ----------------------------------------------------------------------------------------------*/

static struct {
  const swiftrnn_network *network;
  const void *const *parameters;
  int64_t parameter_count;
  swiftrnn_weights **out;
} packed_with;

static int run_weights(void) {
  return (int)swiftrnn_weights_create(packed_with.network, packed_with.parameters, packed_with.parameter_count,
                                      packed_with.out);
}

static swiftrnn_weights *pack(pass *p) {
  call c;
  packed_with.network = p->of->network, packed_with.parameters = p->forward->parameters;
  packed_with.parameter_count = p->of->parameter_count;
  packed_with.out = (swiftrnn_weights **)array_new("out_weights", HANDLE, 8);
  *packed_with.out = NULL;
  call_begin(&c, F_weights_create, run_weights);
  has_object(&c, "network", &packed_with.network);
  has_pointers(&c, "parameters", &packed_with.parameters, p->of->parameter_count, (int)p->of->element, 1, 1);
  has_count(&c, "parameter_count", &packed_with.parameter_count);
  has_array(&c, "out_weights", &packed_with.out, 8, 1);
  keep_blocks();
  valid_call(&c, "");
  swiftrnn_weights *made = *packed_with.out;
  *packed_with.out = NULL;
  for (int64_t i = any(3) == 0 ? 3 : 0; i > 0; i--) {
    changed_calls(&c, 1, &fill_state);
    if (*packed_with.out != NULL) swiftrnn_weights_destroy(*packed_with.out), all->calls[F_weights_destroy][0]++;
    *packed_with.out = NULL;
  }
  return made;
}

/* Inference with packed weights, sometimes with final states in the memory of the initial ones. */
static void forward_packed(pass *p, const swiftrnn_weights *weights) {
  call c;
  const swiftrnn_forward_args before = *p->forward;
  swiftrnn_forward_args *a = p->forward;
  a->weights = weights, a->tape = NULL, a->tape_size = 0;
  a->workspace = p->workspace_weights, a->workspace_size = p->workspace_weights_size;
  if (any(2)) a->parameters = NULL, a->parameter_count = any(3) - 1;
  fill_outputs(&fill_state, 1);
  forward_call(&c, p);
  keep_blocks();
  if (valid_call(&c, " with packed weights") == 0) {
    compare_results(p->of, &inferred, FORWARD_RESULT, "packed weights");
    check_rows(p->of, p->is, FORWARD_RESULT);
  }
  if (any(2)) changed_calls(&c, 6, &fill_state);
  memcpy(a, &before, sizeof before);
}

static void forward_in_place(pass *p) {
  const swiftrnn_forward_args before = *p->forward;
  swiftrnn_forward_args *a = p->forward;
  if (a->initial_states == NULL || a->final_states == NULL) return;
  void *moved[MOST_STATES], *const *final = a->final_states;
  for (int64_t i = 0; i < p->of->state_count; i++) {
    moved[i] = NULL;
    if (final[i] == NULL || a->initial_states[i] == NULL) return;
    moved[i] = final[i];
  }
  fill_outputs(&fill_state, 1);
  for (int64_t i = 0; i < p->of->state_count; i++) {
    memcpy(moved[i], a->initial_states[i],
           (size_t)(p->of->state_elements[i] * p->is->sequences * p->of->element));
  }
  a->initial_states = (const void *const *)final, a->tape = NULL;
  call c;
  forward_call(&c, p);
  keep_blocks();
  if (valid_call(&c, " in place") == 0) {
    compare_results(p->of, &inferred, FORWARD_RESULT, "final states where the initial ones were");
  }
  memcpy(a, &before, sizeof before);
}

/* ---- One sequence by itself --------------------------------------------------------------------------------------*/

static void copy_rows(const pass *from, int64_t n, void *to, const char *name, int64_t steps, int64_t width) {
  const size_t bytes = (size_t)(width * from->of->element);
  for (int i = 0; i < block_count; i++) {
    const block *b = &blocks[i];
    if (strcmp(b->name, name) != 0) continue;
    for (int64_t t = 0; t < steps; t++) memcpy((char *)to + (size_t)t * bytes, row_of(b, t, n), bytes);
    return;
  }
}

/* Sequence n's part of a state. */
static void copy_state(const facts *f, int64_t state, const void *from, int64_t sequences, int64_t n, void *to) {
  unsigned char *out = (unsigned char *)to;
  for (int64_t layer = 0; layer < f->layers; layer++) {
    const swiftrnn_state_part *part = &f->parts[state][layer];
    const size_t bytes = (size_t)(part->width * f->element);
    for (int64_t row = 0; row < part->rows; row++) {
      const int64_t at = sequences * part->offset + (row * sequences + n) * part->width;
      memcpy(out, (const char *)from + at * f->element, bytes);
      out += bytes;
    }
  }
}

/* What one sequence of a batch is given and gives, dense. */
typedef struct single {
  plan is;
  unsigned char *x, *dy, *y, *dx, *inputs[MOST_INPUTS];
  unsigned char *initial[MOST_STATES], *final[MOST_STATES];
  unsigned char *final_gradient[MOST_STATES], *initial_gradient[MOST_STATES];
} single;

static unsigned char *piece(unsigned char **at, int64_t bytes) {
  unsigned char *start = *at;
  *at += bytes;
  return start;
}

/* Takes sequence n out of a batch that has been trained; its steps are those up to its length. */
static void single_take(single *one, const pass *p, int64_t n, unsigned char *memory) {
  const facts *f = p->of;
  const int64_t steps = p->is->has_lengths ? p->is->lengths[n] : p->is->steps, size = f->element;
  unsigned char *at = memory;
  memset(one, 0, sizeof *one);
  one->is = *p->is;
  one->is.steps = steps, one->is.sequences = 1, one->is.has_lengths = 0;
  one->is.first_sequence = p->is->first_sequence + n;
  for (int64_t t = 0; t < steps; t++) one->is.mask[t] = p->is->mask[t * p->is->sequences + n];
  one->x = piece(&at, steps * f->inputs * size), one->dy = piece(&at, steps * f->outputs * size);
  one->y = piece(&at, steps * f->outputs * size), one->dx = piece(&at, steps * f->inputs * size);
  copy_rows(p, n, one->x, "x", steps, f->inputs), copy_rows(p, n, one->dy, "dy", steps, f->outputs);
  copy_rows(p, n, one->y, "y", steps, f->outputs), copy_rows(p, n, one->dx, "dx", steps, f->inputs);
  for (int64_t i = 0; i < f->input_count; i++) {
    const int64_t bytes = f->input_width[i] * size;
    one->inputs[i] = piece(&at, steps * bytes);
    for (int64_t t = 0; t < steps; t++) {
      memcpy(one->inputs[i] + t * bytes, (const char *)p->forward->inputs[i] + (t * p->is->sequences + n) * bytes,
             (size_t)bytes);
    }
  }
  for (int64_t i = 0; i < f->state_count; i++) {
    const void *const *const lists[] = {p->forward->initial_states, (const void *const *)p->forward->final_states,
                                        p->backward->final_state_gradients,
                                        (const void *const *)p->backward->initial_state_gradients};
    unsigned char **const to[] = {&one->initial[i], &one->final[i], &one->final_gradient[i], &one->initial_gradient[i]};
    for (int k = 0; k < 4; k++) {
      if (lists[k] == NULL || lists[k][i] == NULL) continue;
      *to[k] = piece(&at, f->state_elements[i] * size);
      copy_state(f, i, lists[k][i], p->is->sequences, n, *to[k]);
    }
  }
}

static int differ(const facts *f, const void *is, const void *was, int64_t elements, const char *name) {
  comparison c;
  block b;
  memset(&c, 0, sizeof c), memset(&b, 0, sizeof b);
  if (is == NULL || was == NULL || elements == 0) return 0;
  c.dtype = f->dtype, b.name = name, b.data = (unsigned char *)(uintptr_t)is;
  compare_numbers(&c, &b, b.data, (const unsigned char *)was, (size_t)(elements * f->element));
  if (c.other == NULL) return 0;
  REPORT("a sequence by itself: number %" PRId64 " of %s is %.17g, was %.17g", c.number, name, c.value, c.was);
  return 1;
}

static void put(void *to, const void *from, int64_t bytes) {
  if (bytes > 0) memcpy(to, from, (size_t)bytes);
}

/* The parameters come from the plan's numbers, which are drawn behind those of x: here they are given. */
static void single_run(const facts *f, single *one, const void *const *parameters, uint64_t placement) {
  pass p;
  one->is.x_layout = one->is.y_layout = one->is.dy_layout = one->is.dx_layout = 0;
  if (!pass_make(&p, f, &one->is, placement)) return;
  const int64_t steps = one->is.steps, size = f->element;
  swiftrnn_forward_args *a = p.forward;
  swiftrnn_backward_args *b = p.backward;
  put((void *)(uintptr_t)a->x, one->x, steps * f->inputs * size);
  if (b->dy != NULL) put((void *)(uintptr_t)b->dy, one->dy, steps * f->outputs * size);
  for (int64_t i = 0; i < f->input_count; i++) {
    put((void *)(uintptr_t)a->inputs[i], one->inputs[i], steps * f->input_width[i] * size);
  }
  for (int64_t i = 0; i < f->parameter_count; i++) {
    put((void *)(uintptr_t)a->parameters[i], parameters[i], f->parameters[i].elements * size);
  }
  for (int64_t i = 0; i < f->state_count; i++) {
    const int64_t bytes = f->state_elements[i] * size;
    if (one->initial[i] != NULL) put((void *)(uintptr_t)a->initial_states[i], one->initial[i], bytes);
    if (one->final_gradient[i] != NULL) {
      put((void *)(uintptr_t)b->final_state_gradients[i], one->final_gradient[i], bytes);
    }
  }
  if (forward(&p, 1, " of a sequence by itself") != 0) return;
  int differs = differ(f, a->y, one->y, steps * f->outputs, "y");
  for (int64_t i = 0; i < f->state_count && a->final_states != NULL && !differs; i++) {
    differs = differ(f, a->final_states[i], one->final[i], f->state_elements[i], "a final state");
  }
  if (backward(&p, " of a sequence by itself") != 0 || differs) return;
  differs = differ(f, b->dx, one->dx, steps * f->inputs, "dx");
  for (int64_t i = 0; i < f->state_count && b->initial_state_gradients != NULL && !differs; i++) {
    differs = differ(f, b->initial_state_gradients[i], one->initial_gradient[i], f->state_elements[i],
                     "an initial state's gradient");
  }
}

#endif
