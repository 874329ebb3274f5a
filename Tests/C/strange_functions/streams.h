/* Streams: step by step, in pieces, with states put in and taken out, the bits of a whole pass; and with arguments that
 * no stream takes. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_STREAMS_H
#define SWIFTRNN_TEST_STREAMS_H

#include "comparisons.h"

static struct {
  const swiftrnn_network *network;
  const swiftrnn_weights *weights;
  int64_t sequences;
  swiftrnn_stream **out;
  swiftrnn_stream *stream;
  int64_t steps, input_count, state_count;
  const void *x;
  const void *const *inputs;
  void *y;
  void *const *get;
  const void *const *set;
} streamed;

static int run_stream_create(void) {
  return (int)swiftrnn_stream_create(streamed.network, streamed.weights, streamed.sequences, streamed.out);
}
static int run_step(void) { return (int)swiftrnn_stream_step(streamed.stream, streamed.x, streamed.y); }
static int run_step_inputs(void) {
  return (int)swiftrnn_stream_step_inputs(streamed.stream, streamed.x, streamed.inputs, streamed.input_count,
                                          streamed.y);
}
static int run_run(void) { return (int)swiftrnn_stream_run(streamed.stream, streamed.steps, streamed.x, streamed.y); }
static int run_reset(void) { return (int)swiftrnn_stream_reset(streamed.stream); }
static int run_get(void) { return (int)swiftrnn_stream_get_state(streamed.stream, streamed.get, streamed.state_count); }
static int run_set(void) { return (int)swiftrnn_stream_set_state(streamed.stream, streamed.set, streamed.state_count); }

static swiftrnn_stream *stream_make(const facts *f, const swiftrnn_weights *weights, int64_t sequences) {
  call c;
  streamed.network = f->network, streamed.weights = weights, streamed.sequences = sequences;
  streamed.out = (swiftrnn_stream **)array_new("out_stream", HANDLE, 8);
  *streamed.out = NULL;
  call_begin(&c, F_stream_create, run_stream_create);
  has_object(&c, "network", &streamed.network);
  has_object(&c, "weights", &streamed.weights);
  has_array(&c, "out_stream", &streamed.out, 8, 1);
  has_number(&c, "sequences", &streamed.sequences, 0, MOST, BIT(INVALID_SIZE));
  keep_blocks();
  name_call(&c, "");
  const int status = perform(&c, f->directions == 1 ? BIT(OK) : BIT(UNSUPPORTED));
  swiftrnn_stream *made = *streamed.out;
  if (status != 0 && made != NULL) REPORT("refused, but out_stream is not NULL");
  *streamed.out = NULL;
  for (int64_t i = status == 0 && any(3) == 0 ? 3 : 0; i > 0; i--) {
    changed_calls(&c, 1, &fill_state);
    if (*streamed.out != NULL) swiftrnn_stream_destroy(*streamed.out), all->calls[F_stream_destroy][0]++;
    *streamed.out = NULL;
  }
  return status == 0 ? made : NULL;
}

/* What a step may not be called with; what is accepted moves the stream on. */
static void step_call(call *c, const facts *f, int64_t sequences, int is_run) {
  call_begin(c, is_run ? F_stream_run : f->input_count > 0 ? F_stream_step_inputs : F_stream_step,
             is_run ? run_run : f->input_count > 0 ? run_step_inputs : run_step);
  const int element = (int)f->element, exist = sequences > 0;
  has_object(c, "stream", &streamed.stream);
  has_array(c, "x", &streamed.x, element, exist);
  if (streamed.y != NULL) has_array(c, "y", &streamed.y, element, 0);
  if (is_run) {
    has_number(c, "steps", &streamed.steps, 0, MOST, BIT(INVALID_SIZE));
  } else if (f->input_count > 0) {
    has_pointers(c, "inputs", &streamed.inputs, f->input_count, element, exist, exist);
    has_count(c, "input_count", &streamed.input_count);
  }
}

static void states_call(call *c, const facts *f, int sets) {
  call_begin(c, sets ? F_stream_set_state : F_stream_get_state, sets ? run_set : run_get);
  has_object(c, "stream", &streamed.stream);
  void *const place = sets ? (void *)&streamed.set : (void *)&streamed.get;
  has_pointers(c, "states", place, f->state_count, (int)f->element, 1, 0);
  has_count(c, "state_count", &streamed.state_count);
}

/* Where the whole pass started. */
static void stream_start(const facts *f, pass *p) {
  call c;
  streamed.state_count = f->state_count;
  if (p->forward->initial_states == NULL) {
    call_begin(&c, F_stream_reset, run_reset);
    has_object(&c, "stream", &streamed.stream);
    keep_blocks();
    valid_call(&c, "");
    return;
  }
  streamed.set = p->forward->initial_states;
  states_call(&c, f, 1);
  keep_blocks();
  valid_call(&c, "");
}

/* All steps, in pieces: some with one call for several, some with arguments that are refused before. */
static void stream_steps(const facts *f, pass *p) {
  const plan *s = p->is;
  const int64_t x_row = s->sequences * f->inputs * f->element, y_row = s->sequences * f->outputs * f->element;
  const void *inputs[MOST_INPUTS];
  call c;
  for (int64_t t = 0, count = 0; t < s->steps; t += count) {
    const int is_run = f->input_count == 0 && any(2);
    count = is_run ? any(s->steps - t + 1) : 1;
    streamed.steps = count, streamed.inputs = inputs, streamed.input_count = f->input_count;
    streamed.x = (const char *)p->forward->x + t * x_row;
    streamed.y = p->forward->y == NULL ? NULL : (char *)p->forward->y + t * y_row;
    for (int64_t i = 0; i < f->input_count; i++) {
      inputs[i] = (const char *)p->forward->inputs[i] + t * s->sequences * f->input_width[i] * f->element;
    }
    step_call(&c, f, s->sequences, is_run);
    valid_call(&c, "");
  }
}

static void stream(pass *p, const swiftrnn_weights *weights) {
  const facts *f = p->of;
  const plan *s = p->is;
  streamed.stream = stream_make(f, weights, s->sequences);
  if (streamed.stream == NULL) return;
  swiftrnn_stream *const made = streamed.stream;
  call c;
  const unsigned all_states = (1u << f->state_count) - 1;
  const int is_whole = !s->has_lengths && !s->has_mask && s->x_layout == 0 && (s->y_layout == 0 || !s->has_y) &&
                       (s->initial == 0 || (s->initial & all_states) == all_states);
  if (is_whole) {
    fill_outputs(&fill_state, 1);
    stream_start(f, p);
    keep_blocks();
    stream_steps(f, p);
    if (p->forward->final_states != NULL) {
      streamed.get = p->forward->final_states;
      states_call(&c, f, 0);
      valid_call(&c, "");
    }
    compare_results(f, &inferred, FORWARD_RESULT, "a stream");
  }
  /* What is refused leaves the stream alone; what is accepted after all comes to its own end. */
  for (int k = any(3) == 0 ? 4 : 0; k > 0; k--) {
    streamed.steps = s->steps < 2 ? s->steps : 1 + any(2), streamed.state_count = f->state_count;
    streamed.x = p->forward->x, streamed.y = p->forward->y;
    streamed.inputs = p->forward->inputs, streamed.input_count = f->input_count;
    const int what = (int)any(4);
    if (what < 2) {
      if (s->steps == 0 || s->x_layout != 0 || s->y_layout != 0) continue;
      step_call(&c, f, s->sequences, what == 0 && f->input_count == 0);
    } else {
      streamed.get = p->forward->final_states, streamed.set = p->forward->initial_states;
      if ((what == 2 ? (const void *)streamed.get : (const void *)streamed.set) == NULL) continue;
      states_call(&c, f, what == 3);
    }
    changed_calls(&c, 3, &fill_state);
    streamed.stream = made;
  }
  swiftrnn_stream_destroy(made), all->calls[F_stream_destroy][0]++;
}

#endif
