/* Passes over sequences: everything that a call takes, in arrays of exactly its size, wherever they lie; and what must
 * hold between its rows. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_PASSES_H
#define SWIFTRNN_TEST_PASSES_H

#include "configurations.h"

enum { MOST_SEQUENCES = 24, MOST_STEPS = 80 };

/* What is passed, before there is memory for it. The same plan makes the same numbers in other places. */
typedef struct plan {
  int64_t steps, sequences;
  int64_t lengths[MOST_SEQUENCES];
  unsigned char mask[MOST_SEQUENCES * MOST_STEPS];
  int has_lengths, has_mask, is_odd; /* odd: infinities, NaN and their like among the numbers */
  int x_layout, y_layout, dy_layout, dx_layout;
  unsigned initial, final, final_gradients, initial_gradients; /* a bit for each state; 0: no array */
  unsigned input_gradients;
  int has_y, has_dy, has_dx, has_gradients, accumulates;
  uint64_t left_out; /* gradients that are not wanted: a bit for each parameter mod 64 */
  uint64_t seed, numbers;
  int64_t first_sequence;
} plan;

/* A plan with its memory. */
typedef struct pass {
  const facts *of;
  const plan *is;
  swiftrnn_forward_args *forward;
  swiftrnn_backward_args *backward;
  int64_t forward_tail, backward_tail;
  void *tape, *workspace, *workspace_weights;
  int64_t tape_size, workspace_size, workspace_weights_size;
} pass;

static void draw_plan(plan *s, const facts *f) {
  memset(s, 0, sizeof *s);
  s->steps = f->made_of.is_large ? 8 + any(8) : any(30) ? any(9) : any(MOST_STEPS);
  s->sequences = f->made_of.is_large ? 6 + any(8) : any(30) ? any(7) : any(MOST_SEQUENCES);
  s->has_lengths = any(2) == 0;
  for (int i = 0; i < MOST_SEQUENCES; i++) s->lengths[i] = any(3) ? any(s->steps + 1) : s->steps;
  s->has_mask = f->has_mask && any(4) != 0;
  for (size_t i = 0; i < sizeof s->mask; i++) s->mask[i] = any(3) ? (unsigned char)(1 + any(255)) : 0;
  s->is_odd = any(6) == 0;
  s->x_layout = (int)any(3), s->y_layout = (int)any(3), s->dy_layout = (int)any(3), s->dx_layout = (int)any(3);
  s->initial = any(4) ? any(2) ? ~0u : (unsigned)any(1 << 16) : 0;
  s->final = any(4) ? any(2) ? ~0u : (unsigned)any(1 << 16) : 0;
  s->final_gradients = any(4) ? any(2) ? ~0u : (unsigned)any(1 << 16) : 0;
  s->initial_gradients = any(4) ? any(2) ? ~0u : (unsigned)any(1 << 16) : 0;
  s->input_gradients = any(4) ? any(2) ? ~0u : (unsigned)any(1 << 16) : 0;
  s->has_y = any(8) != 0, s->has_dy = any(8) != 0, s->has_dx = any(4) != 0, s->has_gradients = any(8) != 0;
  s->accumulates = any(4) == 0;
  s->left_out = any(3) ? 0 : next_random(&random_state);
  s->seed = next_random(&random_state), s->numbers = next_random(&random_state);
  /* A third is what a stream can do. */
  if (any(3) == 0) {
    s->has_lengths = s->has_mask = s->x_layout = s->y_layout = 0;
    s->initial = any(2) ? ~0u : 0;
  }
  const int64_t last = ((int64_t)1 << 32) - s->sequences;
  s->first_sequence = any(3) ? any(3) : last - any(2);
}

static void numbers_into(const facts *f, void *data, int64_t count, int is_odd, uint64_t *state) {
  static const double odd[] = {NAN, INFINITY, -INFINITY, 1e30, -1e30, 1e-40, 0, -0.0, 1, 1e300};
  fill_random(f->dtype, data, count, 0.5, state);
  for (int64_t i = 0; is_odd && i < count; i++) {
    const uint64_t number = next_random(state);
    if (number % 40 == 0) set_number(f->dtype, data, i, odd[number / 40 % 10]);
  }
}

static void *numbers_new(const facts *f, const char *name, role is, int64_t count, int is_odd, uint64_t *state) {
  void *data = array_new(name, is, count * f->element);
  if (state != NULL) numbers_into(f, data, count, is_odd, state);
  return data;
}

/* Rows of `width`, dense, batch first or with gaps. */
static void *rows_new(const facts *f, const plan *s, const char *name, role is, int64_t width, int layout,
                      int64_t *step_stride, int64_t *sequence_stride, uint64_t *state) {
  int64_t step = s->sequences * width, sequence = width;
  const int exist = s->steps > 0 && s->sequences > 0;
  *step_stride = *sequence_stride = 0;
  if (layout == 1) step = width, sequence = s->steps * width;
  if (layout == 2) sequence = width + 1, step = s->sequences * sequence + 2;
  if (layout != 0) *step_stride = step, *sequence_stride = sequence;
  const int64_t count = exist ? (s->steps - 1) * step + (s->sequences - 1) * sequence + width : 0;
  block *b = block_new(name, is, count * f->element);
  b->rows.steps = exist ? s->steps : 0, b->rows.sequences = s->sequences;
  b->rows.width = width * f->element;
  b->rows.step_stride = step * f->element, b->rows.sequence_stride = sequence * f->element;
  if (state == NULL) return b->data;
  /* The same numbers in each layout. */
  numbers_into(f, b->data, count, 0, state + 1);
  for (int64_t t = 0; exist && t < s->steps; t++) {
    for (int64_t n = 0; n < s->sequences; n++) {
      numbers_into(f, b->data + t * b->rows.step_stride + n * b->rows.sequence_stride, width, s->is_odd, state);
    }
  }
  return b->data;
}

static void **states_new(const facts *f, const plan *s, const char *name, role is, unsigned which, uint64_t *state) {
  if (which == 0) return NULL;
  void **pointers = (void **)array_new("pointers to states", INPUT, f->state_count * (int64_t)sizeof(void *));
  for (int64_t i = 0; i < f->state_count; i++) {
    pointers[i] = NULL;
    if ((which >> i & 1) == 0) continue;
    pointers[i] = numbers_new(f, name, is, f->state_elements[i] * s->sequences, s->is_odd, state);
  }
  return pointers;
}

static void **parameters_new(const facts *f, const char *name, role is, uint64_t left_out, int is_odd,
                             uint64_t *state) {
  void **pointers = (void **)array_new("pointers to parameters", INPUT, f->parameter_count * (int64_t)sizeof(void *));
  for (int64_t i = 0; i < f->parameter_count; i++) {
    pointers[i] = NULL;
    if ((left_out >> (i % 64) & 1) != 0) continue;
    pointers[i] = numbers_new(f, name, is, f->parameters[i].elements, is_odd, state);
  }
  return pointers;
}

static void **inputs_new(const facts *f, const plan *s, const char *name, role is, unsigned which, uint64_t *state) {
  if (f->input_count == 0 || which == 0) return NULL;
  void **pointers = (void **)array_new("pointers to inputs", INPUT, f->input_count * (int64_t)sizeof(void *));
  for (int64_t i = 0; i < f->input_count; i++) {
    pointers[i] = NULL;
    if ((which >> i & 1) == 0) continue;
    pointers[i] = numbers_new(f, name, is, s->steps * s->sequences * f->input_width[i], s->is_odd, state);
  }
  return pointers;
}

/* 0: more memory than a test of small networks takes. */
static int pass_sizes(pass *p) {
  const facts *f = p->of;
  int64_t *const sizes[] = {&p->workspace_size, &p->workspace_weights_size, &p->workspace_size};
  int64_t largest = 0;
  LEARN(network_tape_size, f->network, p->is->steps, p->is->sequences, &p->tape_size);
  if (p->tape_size > largest) largest = p->tape_size;
  for (int purpose = 2; purpose >= 0; purpose--) {
    LEARN(network_workspace_size, f->network, (swiftrnn_workspace)purpose, p->is->steps, p->is->sequences,
          sizes[purpose]);
    if (*sizes[purpose] > largest) largest = *sizes[purpose];
  }
  return largest <= 1 << 20;
}

/* Makes all arrays of a plan, in places of `placement`; 0: it needs too much. */
static int pass_make(pass *p, const facts *f, const plan *s, uint64_t placement) {
  memset(p, 0, sizeof *p);
  p->of = f, p->is = s;
  slots_reset();
  placement_state = placement;
  if (!pass_sizes(p)) return 0;
  uint64_t state[2] = {s->numbers, ~s->numbers};
  swiftrnn_forward_args a;
  swiftrnn_backward_args b;
  memset(&a, 0, sizeof a), memset(&b, 0, sizeof b);
  a.steps = b.steps = s->steps, a.sequences = b.sequences = s->sequences;
  a.parameter_count = b.parameter_count = f->parameter_count;
  a.state_count = b.state_count = f->state_count;
  a.input_count = b.input_count = f->input_count;
  b.accumulate = s->accumulates;
  a.seed = s->seed, a.seeded = 1, a.first_sequence = s->first_sequence;
  a.x = b.x = rows_new(f, s, "x", INPUT, f->inputs, s->x_layout, &a.x_step_stride, &a.x_sequence_stride, state);
  b.x_step_stride = a.x_step_stride, b.x_sequence_stride = a.x_sequence_stride;
  if (s->has_lengths) {
    int64_t *lengths = (int64_t *)array_new("lengths", INPUT, s->sequences * (int64_t)sizeof *lengths);
    memcpy(lengths, s->lengths, (size_t)s->sequences * sizeof *lengths);
    a.lengths = b.lengths = lengths;
  }
  if (s->has_mask) {
    unsigned char *mask = (unsigned char *)array_new("mask", INPUT, s->steps * s->sequences);
    memcpy(mask, s->mask, (size_t)(s->steps * s->sequences));
    a.mask = b.mask = mask;
  }
  a.parameters = b.parameters = (const void *const *)parameters_new(f, "a parameter", INPUT, 0, s->is_odd, state);
  a.initial_states = b.initial_states =
      (const void *const *)states_new(f, s, "an initial state", INPUT, s->initial, state);
  a.inputs = b.inputs = (const void *const *)inputs_new(f, s, "an input", INPUT, ~0u, state);
  b.final_state_gradients =
      (const void *const *)states_new(f, s, "a final state's gradient", INPUT, s->final_gradients, state);
  if (s->has_dy) {
    b.dy = rows_new(f, s, "dy", INPUT, f->outputs, s->dy_layout, &b.dy_step_stride, &b.dy_sequence_stride, state);
  }
  if (s->has_y) {
    a.y = rows_new(f, s, "y", FORWARD_RESULT, f->outputs, s->y_layout, &a.y_step_stride, &a.y_sequence_stride, NULL);
  }
  a.final_states = states_new(f, s, "a final state", FORWARD_RESULT, s->final, NULL);
  if (s->has_dx) {
    b.dx = rows_new(f, s, "dx", BACKWARD_RESULT, f->inputs, s->dx_layout, &b.dx_step_stride, &b.dx_sequence_stride,
                    NULL);
  }
  b.initial_state_gradients =
      states_new(f, s, "an initial state's gradient", BACKWARD_RESULT, s->initial_gradients, NULL);
  if (s->has_gradients) b.gradients = parameters_new(f, "a gradient", BACKWARD_RESULT, s->left_out, 0, NULL);
  b.input_gradients = inputs_new(f, s, "an input's gradient", BACKWARD_RESULT, s->input_gradients, NULL);
  p->tape = array_new("the tape", TAPE, p->tape_size);
  p->workspace_weights = array_new("the workspace of packed weights", SCRATCH, p->workspace_weights_size);
  int64_t backward_size = 0;
  LEARN(network_workspace_size, f->network, SWIFTRNN_WORKSPACE_BACKWARD, s->steps, s->sequences, &backward_size);
  p->workspace = array_new("the workspace", SCRATCH, p->workspace_size);
  a.tape = p->tape, b.tape = p->tape, a.tape_size = b.tape_size = p->tape_size;
  a.workspace = p->workspace, a.workspace_size = p->workspace_size;
  b.workspace = array_new("the workspace of the backward pass", SCRATCH, backward_size);
  b.workspace_size = backward_size;
  p->forward = (swiftrnn_forward_args *)struct_new("args", &a, (int64_t)sizeof a, &p->forward_tail);
  p->backward = (swiftrnn_backward_args *)struct_new("args", &b, (int64_t)sizeof b, &p->backward_tail);
  return 1;
}

/* ---- The calls ---------------------------------------------------------------------------------------------------*/

static struct {
  const swiftrnn_network *network;
  const swiftrnn_forward_args *forward;
  const swiftrnn_backward_args *backward;
} passed;

static int run_forward(void) { return (int)swiftrnn_network_forward(passed.network, passed.forward); }
static int run_backward(void) { return (int)swiftrnn_network_backward(passed.network, passed.backward); }

/* An array of pointers, one of its entries at random, and how many there are. */
static void has_pointers(call *c, const char *name, void *place, int64_t count, int element, int is_needed,
                         int needs_entries) {
  void **pointers = NULL;
  memcpy(&pointers, place, sizeof pointers);
  if (pointers == NULL) return;
  has_array(c, name, place, 8, is_needed);
  for (int i = 0; i < 2 && count > 0; i++) {
    void **entry = &pointers[any(count)];
    if (*entry != NULL) has_array(c, name, entry, element, needs_entries);
  }
}

/* A seed without `seeded` is an error. */
static void has_seed(call *c, int32_t *seeded, int32_t *reserved, int is_seed) {
  has_flag(c, "seeded", seeded, 1);
  if (is_seed) c->arguments[c->count - 1].low = 1;
  has_flag(c, "reserved", reserved, 0);
}

static void forward_call(call *c, const pass *p) {
  swiftrnn_forward_args *a = p->forward;
  const plan *s = p->is;
  const int element = (int)p->of->element, exist = s->steps > 0 && s->sequences > 0;
  const int64_t steps = exist ? s->steps : 0, sequences = exist ? s->sequences : 0;
  call_begin(c, F_network_forward, run_forward);
  passed.network = p->of->network, passed.forward = a;
  has_object(c, "network", &passed.network);
  has_array(c, "args", &passed.forward, 8, 1);
  has_struct(c, a, (int64_t)sizeof *a, p->forward_tail);
  has_number(c, "steps", &a->steps, 0, MOST, BIT(INVALID_SIZE));
  has_number(c, "sequences", &a->sequences, 0, MOST, BIT(INVALID_SIZE));
  has_array(c, "x", &a->x, element, exist);
  has_stride(c, "x_step_stride", &a->x_step_stride, p->of->inputs, steps);
  has_stride(c, "x_sequence_stride", &a->x_sequence_stride, p->of->inputs, sequences);
  if (a->y != NULL) {
    has_array(c, "y", &a->y, element, 0);
    has_stride(c, "y_step_stride", &a->y_step_stride, p->of->outputs, steps);
    has_stride(c, "y_sequence_stride", &a->y_sequence_stride, p->of->outputs, sequences);
  }
  if (a->lengths != NULL) {
    has_array(c, "lengths", &a->lengths, 8, 0);
    for (int i = 0; i < 2 && sequences > 0; i++) {
      has_number(c, "a length", (int64_t *)(uintptr_t)&a->lengths[any(sequences)], 0, s->steps, BIT(INVALID_SIZE));
    }
  }
  has_pointers(c, "initial_states", &a->initial_states, p->of->state_count, element, 0, 0);
  has_pointers(c, "final_states", &a->final_states, p->of->state_count, element, 0, 0);
  if (a->initial_states != NULL || a->final_states != NULL) has_count(c, "state_count", &a->state_count);
  if (a->weights == NULL) {
    has_pointers(c, "parameters", &a->parameters, p->of->parameter_count, element, 1, 1);
    has_count(c, "parameter_count", &a->parameter_count);
  }
  if (a->tape != NULL) {
    has_array(c, "tape", &a->tape, element, 0);
    has_bytes(c, "tape_size", &a->tape_size);
  }
  has_array(c, "workspace", &a->workspace, 1, 1);
  has_bytes(c, "workspace_size", &a->workspace_size);
  has_number(c, "first_sequence", &a->first_sequence, 0, ((int64_t)1 << 32) - s->sequences, BIT(INVALID_VALUE));
  has_pointers(c, "inputs", &a->inputs, p->of->input_count, element, exist, exist);
  if (a->inputs != NULL) has_count(c, "input_count", &a->input_count);
  if (a->mask != NULL) has_array(c, "mask", &a->mask, 1, 0);
  has_seed(c, &a->seeded, &a->reserved, a->seed != 0);
}

static void backward_call(call *c, const pass *p) {
  swiftrnn_backward_args *b = p->backward;
  const plan *s = p->is;
  const int element = (int)p->of->element, exist = s->steps > 0 && s->sequences > 0;
  const int64_t steps = exist ? s->steps : 0, sequences = exist ? s->sequences : 0;
  call_begin(c, F_network_backward, run_backward);
  c->reads_tape = 1;
  passed.network = p->of->network, passed.backward = b;
  has_object(c, "network", &passed.network);
  has_array(c, "args", &passed.backward, 8, 1);
  has_struct(c, b, (int64_t)sizeof *b, p->backward_tail);
  has_number(c, "steps", &b->steps, 0, MOST, BIT(INVALID_SIZE));
  has_number(c, "sequences", &b->sequences, 0, MOST, BIT(INVALID_SIZE));
  has_array(c, "x", &b->x, element, exist);
  has_stride(c, "x_step_stride", &b->x_step_stride, p->of->inputs, steps);
  has_stride(c, "x_sequence_stride", &b->x_sequence_stride, p->of->inputs, sequences);
  if (b->dy != NULL) {
    has_array(c, "dy", &b->dy, element, 0);
    has_stride(c, "dy_step_stride", &b->dy_step_stride, p->of->outputs, steps);
    has_stride(c, "dy_sequence_stride", &b->dy_sequence_stride, p->of->outputs, sequences);
  }
  if (b->dx != NULL) {
    has_array(c, "dx", &b->dx, element, 0);
    has_stride(c, "dx_step_stride", &b->dx_step_stride, p->of->inputs, steps);
    has_stride(c, "dx_sequence_stride", &b->dx_sequence_stride, p->of->inputs, sequences);
  }
  if (b->lengths != NULL) {
    has_array(c, "lengths", &b->lengths, 8, 0);
    for (int i = 0; i < 2 && sequences > 0; i++) {
      has_number(c, "a length", (int64_t *)(uintptr_t)&b->lengths[any(sequences)], 0, s->steps, BIT(INVALID_SIZE));
    }
  }
  has_pointers(c, "initial_states", &b->initial_states, p->of->state_count, element, 0, 0);
  has_pointers(c, "final_state_gradients", &b->final_state_gradients, p->of->state_count, element, 0, 0);
  has_pointers(c, "initial_state_gradients", &b->initial_state_gradients, p->of->state_count, element, 0, 0);
  if (b->initial_states != NULL || b->final_state_gradients != NULL || b->initial_state_gradients != NULL) {
    has_count(c, "state_count", &b->state_count);
  }
  has_pointers(c, "parameters", &b->parameters, p->of->parameter_count, element, 1, 1);
  has_pointers(c, "gradients", &b->gradients, p->of->parameter_count, element, 0, 0);
  has_count(c, "parameter_count", &b->parameter_count);
  has_flag(c, "accumulate", &b->accumulate, 1);
  has_flag(c, "reserved", &b->reserved, 0);
  has_array(c, "tape", &b->tape, element, 1);
  has_bytes(c, "tape_size", &b->tape_size);
  has_array(c, "workspace", &b->workspace, 1, 1);
  has_bytes(c, "workspace_size", &b->workspace_size);
  has_pointers(c, "inputs", &b->inputs, p->of->input_count, element, exist, exist);
  has_pointers(c, "input_gradients", &b->input_gradients, p->of->input_count, element, 0, 0);
  if (b->inputs != NULL) has_count(c, "input_count", &b->input_count);
  if (b->mask != NULL) has_array(c, "mask", &b->mask, 1, 0);
}

#endif
