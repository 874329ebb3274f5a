/* A network at random, and all that is done with it. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_NETWORKS_H
#define SWIFTRNN_TEST_NETWORKS_H

#include "queries.h"
#include "forests.h"
#include "streams.h"
#include "tapes.h"

static struct {
  const swiftrnn_network *network;
  const void *tape;
  int64_t tape_size, steps, sequences, parameter_count;
  double momentum;
  void *const *parameters;
} updated;

static int run_update(void) {
  return (int)swiftrnn_network_update_statistics(updated.network, updated.tape, updated.tape_size, updated.steps,
                                                 updated.sequences, updated.momentum, updated.parameters,
                                                 updated.parameter_count);
}

/* Running statistics move, or stay where there are none. */
static void update_statistics(const pass *p) {
  static const double no_momentum[] = {-0.1, 1.5, NAN, INFINITY, -INFINITY};
  const facts *f = p->of;
  call c;
  updated.network = f->network, updated.tape = p->tape, updated.tape_size = p->tape_size;
  updated.steps = p->is->steps, updated.sequences = p->is->sequences, updated.momentum = 0.1;
  updated.parameters = (void *const *)(uintptr_t)p->forward->parameters, updated.parameter_count = f->parameter_count;
  call_begin(&c, F_network_update_statistics, run_update);
  c.reads_tape = 1;
  has_object(&c, "network", &updated.network);
  has_array(&c, "tape", &updated.tape, (int)f->element, 1);
  has_bytes(&c, "tape_size", &updated.tape_size);
  has_number(&c, "steps", &updated.steps, 0, MOST, BIT(INVALID_SIZE));
  has_number(&c, "sequences", &updated.sequences, 0, MOST, BIT(INVALID_SIZE));
  has_real(&c, "momentum", &updated.momentum, no_momentum, 5);
  has_pointers(&c, "parameters", &updated.parameters, f->parameter_count, (int)f->element, 1, 1);
  has_count(&c, "parameter_count", &updated.parameter_count);
  /* Parameters are an output here. */
  for (int i = 0; i < block_count; i++) {
    if (strcmp(blocks[i].name, "a parameter") == 0 && f->has_batch_norm) blocks[i].is = FORWARD_RESULT;
  }
  changed_calls(&c, 3, &fill_state);
  keep_blocks();
  valid_call(&c, "");
}

/* Backward passes of the tape that is there. */
static void train(pass *p, uint64_t placement) {
  static unsigned char memory[1 << 20];
  const facts *f = p->of;
  const plan *s = p->is;
  call c;
  if (backward(p, "") != 0) return;
  record_keep(&reversed, BACKWARD_RESULT);
  if (any(2)) tape_changed(p);
  if (any(2)) mask_changed(p);
  backward_call(&c, p);
  if (any(2)) changed_calls(&c, 6, &fill_state);
  /* Once more, with other threads. */
  set_threads();
  if (backward(p, " again") != 0) return;
  compare_results(f, &reversed, BACKWARD_RESULT, "backward again");
  if (s->sequences > 0 && !f->has_batch_norm && any(2) && s->steps * f->inputs < 2000 && s->steps * f->outputs < 2000) {
    static single one;
    static const void *parameters[MOST_PARAMETERS];
    int64_t states = 0;
    for (int64_t i = 0; i < f->state_count; i++) states += f->state_elements[i];
    int64_t bytes = 2 * s->steps * (f->inputs + f->outputs) + 4 * states + f->flat;
    for (int64_t i = 0; i < f->input_count; i++) bytes += s->steps * f->input_width[i];
    if (bytes * f->element > (int64_t)sizeof memory) return;
    const int64_t n = any(s->sequences);
    single_take(&one, p, n, memory);
    unsigned char *at = memory + (bytes - f->flat) * f->element;
    for (int64_t i = 0; i < f->parameter_count; i++) {
      parameters[i] = at;
      memcpy(at, p->forward->parameters[i], (size_t)(f->parameters[i].elements * f->element));
      at += f->parameters[i].elements * f->element;
    }
    snprintf(all->text, sizeof all->text, "sequence %d of %d", (int)n, (int)s->sequences);
    single_run(f, &one, parameters, placement);
  }
}

/* Networks whose parameters no memory could hold: made, asked for sizes, and gone. */
static void absurd_network(void) {
  static const int64_t sizes[] = {1, 2, 1000, 46341, 65536, 1 << 20, 1 << 30, MOST - 1, MOST};
  static design d;
  draw_design(&d);
  if (d.config.cell == SWIFTRNN_EQUATIONS) return;
  d.config.input_size = sizes[any(9)], d.config.hidden_size = sizes[any(9)];
  d.config.projection_size = d.config.cell == SWIFTRNN_LSTM && any(2) ? d.config.hidden_size / 2 : 0;
  if (any(2)) d.config.num_layers = 1 + any(1024), d.has_hidden = d.has_dilations = 0;
  describe_design(&d);
  swiftrnn_network *made = create(&d, NULL, 2);
  if (made == NULL) return;
  asked.network = made, asked.is_dilated = d.has_dilations;
  slots_reset();
  ask_sizes(BIT(OK) | BIT(OVERFLOW));
  ask_sizes(BIT(OK) | BIT(OVERFLOW));
  swiftrnn_network_destroy(made), all->calls[F_network_destroy][0]++;
}

static void network(void) {
  static facts f;
  static plan s;
  pass p;
  call c;
  if (!draw_network(&f)) {
    if (f.network != NULL) swiftrnn_network_destroy(f.network), all->calls[F_network_destroy][0]++;
    return;
  }
  query(&f);
  for (int64_t plans = f.made_of.is_large ? 1 : 1 + any(4); plans > 0; plans--) {
    draw_plan(&s, &f);
    if (!pass_make(&p, &f, &s, next_random(&random_state))) continue;
    set_threads();
    if (forward(&p, 0, "") != 0) continue;
    record_keep(&inferred, FORWARD_RESULT);
    forward_call(&c, &p);
    changed_calls(&c, 10, &fill_state);
    swiftrnn_weights *weights = pack(&p);
    if (weights != NULL) {
      set_threads();
      forward_packed(&p, weights);
      stream(&p, weights);
      swiftrnn_weights_destroy(weights), all->calls[F_weights_destroy][0]++;
    }
    forward_in_place(&p);
    /* The same in other places, with other threads, for training. */
    if (!pass_make(&p, &f, &s, next_random(&random_state))) continue;
    set_threads();
    if (forward(&p, 0, " elsewhere") == 0) compare_results(&f, &inferred, FORWARD_RESULT, "elsewhere");
    if (forward(&p, 1, " with a tape") != 0) continue;
    if (!f.trains_otherwise) compare_results(&f, &inferred, FORWARD_RESULT, "training");
    record_keep(&trained, FORWARD_RESULT);
    set_threads();
    if (forward(&p, 1, " with a tape again") != 0) continue;
    compare_results(&f, &trained, FORWARD_RESULT, "training again");
    train(&p, next_random(&random_state));
    if (any(4) == 0 && pass_make(&p, &f, &s, 1) && forward(&p, 1, "") == 0) update_statistics(&p);
    if (any(6) == 0) tape_of_another(&f, &s, next_random(&random_state));
  }
  for (int64_t forests = 1 + any(8); forests > 0 && forest(&f); forests--) continue;
  swiftrnn_network_destroy(f.network), all->calls[F_network_destroy][0]++;
}

#endif
