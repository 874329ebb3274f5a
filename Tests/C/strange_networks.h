/* Networks of a text that is a cell: everything that they can do, over sequences and over trees. Valid in C11 and in
 * C++17. */
#ifndef SWIFTRNN_TEST_STRANGE_NETWORKS_H
#define SWIFTRNN_TEST_STRANGE_NETWORKS_H

#include "strange_calls.h"

static void stream(cell_pass *p, const swiftrnn_weights *weights) {
  swiftrnn_stream *stream = NULL;
  if (CALL(swiftrnn_stream_create, p->network, weights, p->sequences, &stream) != SWIFTRNN_STATUS_OK) {
    if (p->directions == 1) fail("%s", swiftrnn_last_error());
    return;
  }
  const size_t x_row = (size_t)(p->sequences * p->inputs) * p->element;
  const size_t y_row = (size_t)(p->sequences * p->outputs) * p->element;
  const int given = p->forward.initial_states != NULL;
  if (given) EXPECT_OK(swiftrnn_stream_set_state, stream, p->forward.initial_states, p->state_count);
  for (int64_t t = 0; t < p->steps; t++) {
    const void *inputs[MOST_INPUTS];
    for (int64_t i = 0; i < p->input_count; i++) {
      inputs[i] = (const char *)p->forward.inputs[i] + (size_t)(t * p->sequences * p->input_width[i]) * p->element;
    }
    const void *x = (const char *)p->forward.x + (size_t)t * x_row;
    void *y = (char *)p->forward.y + (size_t)t * y_row;
    if (p->input_count > 0) {
      EXPECT_OK(swiftrnn_stream_step_inputs, stream, x, inputs, p->input_count, y);
    } else {
      EXPECT_OK(swiftrnn_stream_step, stream, x, y);
    }
  }
  EXPECT_OK(swiftrnn_stream_get_state, stream, p->forward.final_states, p->state_count);
  if (p->forward.lengths == NULL) compare(p, forward_results, "stream");
  swiftrnn_stream_destroy(stream);
}

/* Runs everything that a network can do. */
static void pass(cell_pass *p) {
  swiftrnn_forward_args *f = &p->forward;
  swiftrnn_backward_args *b = &p->backward;
  const int kind = any(4) == 0 ? 1 : any(10) == 0 ? 2 : 0;
  int64_t tape = 0, forward = 0, backward = 0, weights_size = 0, flat = 0;
  int64_t *const sizes[] = {&forward, &weights_size, &backward};
  if (CALL(swiftrnn_network_tape_size, p->network, p->steps, p->sequences, &tape) != SWIFTRNN_STATUS_OK) return;
  for (int i = 0; i < 3; i++) {
    if (CALL(swiftrnn_network_workspace_size, p->network, (swiftrnn_workspace)i, p->steps, p->sequences, sizes[i]) !=
        SWIFTRNN_STATUS_OK)
      return;
  }
  EXPECT_OK(swiftrnn_network_flat_count, p->network, &flat);
  if (flat > largest_pass || tape > largest_pass || forward > largest_pass || backward > largest_pass ||
      p->steps * p->sequences * (p->inputs + p->outputs) > largest_pass)
    return;
  now->passes++;

  array_count = 0;
  f->size = sizeof *f, b->size = sizeof *b;
  f->steps = b->steps = p->steps;
  f->sequences = b->sequences = p->sequences;
  f->state_count = b->state_count = p->state_count;
  f->parameter_count = b->parameter_count = p->parameter_count;
  f->input_count = b->input_count = p->input_count;
  f->seed = next_random(&random_state), f->seeded = 1, f->first_sequence = any(3);
  f->x = b->x = numbers(p, "x", p->steps * p->sequences * p->inputs, kind);
  b->dy = any(8) ? numbers(p, "dy", p->steps * p->sequences * p->outputs, kind) : NULL;
  if (any(2) && p->sequences > 0) {
    int64_t *lengths = (int64_t *)array("lengths", p->sequences * (int64_t)sizeof(int64_t));
    for (int64_t i = 0; i < p->sequences; i++) lengths[i] = any(p->steps + 1);
    f->lengths = b->lengths = lengths;
  }
  void **parameters = parameter_arrays(p, "parameter", kind);
  /* Orthogonal matrices take the third power of their size. */
  if (flat <= 1 << 16 && any(4) == 0) initialize(p, parameters);
  f->parameters = b->parameters = (const void *const *)parameters;
  if (any(4)) f->initial_states = b->initial_states = (const void *const *)state_arrays(p, "initial state", kind);
  if (any(4)) b->final_state_gradients = (const void *const *)state_arrays(p, "dfinal", kind);
  f->inputs = b->inputs = (const void *const *)input_arrays(p, "input", kind);
  first_output = array_count;
  f->y = numbers(p, "y", p->steps * p->sequences * p->outputs, -1);
  f->final_states = (void *const *)state_arrays(p, "final state", -1);
  b->dx = any(8) ? numbers(p, "dx", p->steps * p->sequences * p->inputs, -1) : NULL;
  b->initial_state_gradients = (void *const *)state_arrays(p, "dstate", -1);
  b->gradients = (void *const *)parameter_arrays(p, "gradient", -1);
  b->input_gradients = (void *const *)input_arrays(p, "dinput", -1);
  f->tape_size = b->tape_size = tape, f->workspace_size = forward, b->workspace_size = backward;
  f->tape = array("tape", tape), b->tape = f->tape;
  f->workspace = array("workspace", forward), b->workspace = array("backward workspace", backward);
  void *workspace_weights = array("workspace with weights", weights_size);
  for (int i = 0; i < first_output; i++) buffer_keep(&arrays[i]);

  swiftrnn_forward_args inference = *f;
  inference.tape = NULL, inference.tape_size = 0;
  swiftrnn_set_num_threads(1);
  EXPECT_OK(swiftrnn_network_forward, p->network, &inference);
  keep_results(forward_results);
  swiftrnn_weights *weights = NULL;
  EXPECT_OK(swiftrnn_weights_create, p->network, f->parameters, p->parameter_count, &weights);
  if (weights != NULL) {
    swiftrnn_forward_args packed = inference;
    packed.weights = weights, packed.workspace = workspace_weights, packed.workspace_size = weights_size;
    EXPECT_OK(swiftrnn_network_forward, p->network, &packed);
    compare(p, forward_results, "packed weights");
    stream(p, weights);
    swiftrnn_weights_destroy(weights);
  }
  swiftrnn_set_num_threads(3);
  EXPECT_OK(swiftrnn_network_forward, p->network, &inference);
  compare(p, forward_results, "3 threads");
  EXPECT_OK(swiftrnn_network_forward, p->network, f);
  if (p->trains_otherwise) keep_results(forward_results);
  if (!p->trains_otherwise) compare(p, forward_results, "training");
  EXPECT_OK(swiftrnn_network_backward, p->network, b);
  keep_results(backward_results);
  swiftrnn_set_num_threads(1);
  EXPECT_OK(swiftrnn_network_forward, p->network, f);
  compare(p, forward_results, "training with 1 thread");
  EXPECT_OK(swiftrnn_network_backward, p->network, b);
  compare(p, backward_results, "backward with 1 thread");
  check_borders();
  for (int i = 0; i < array_count; i++) buffer_free(&arrays[i]);
}

static void describe_network(const swiftrnn_network *network) {
  int64_t size = 0;
  char little[64], before;
  EXPECT_OK(swiftrnn_network_describe, network, NULL, 0, &size);
  buffer text = buffer_make("text", (size_t)size, BORDER_END);
  EXPECT_OK(swiftrnn_network_describe, network, (char *)text.data, size, NULL);
  if (!buffer_is_bounded(&text) || strlen((char *)text.data) + 1 != (size_t)size) fail("%" PRId64 " bytes", size);
  const int64_t some = 1 + any(40);
  before = little[some] = (char)CANARY;
  EXPECT_OK(swiftrnn_network_describe, network, little, some, NULL);
  if (little[some] != before || memchr(little, 0, (size_t)some) == NULL) fail("wrote beside %" PRId64 " bytes", some);
  buffer_free(&text);
}

static void query(cell_pass *p) {
  EXPECT_OK(swiftrnn_network_parameter_count, p->network, &p->parameter_count);
  EXPECT_OK(swiftrnn_network_state_count, p->network, &p->state_count);
  EXPECT_OK(swiftrnn_network_input_count, p->network, &p->input_count);
  if (p->state_count > MOST_STATES || p->input_count > MOST_INPUTS) fail("too many states or inputs");
  int64_t flat = 0, sum = 0;
  EXPECT_OK(swiftrnn_network_flat_count, p->network, &flat);
  for (int64_t i = 0; i < p->parameter_count && p->parameter_count < 20000; i++) {
    swiftrnn_parameter_info info;
    EXPECT_OK(swiftrnn_network_parameter_info, p->network, i, &info);
    if (info.offset != sum || info.elements != info.shape[0] * info.shape[1] || info.elements < 1 ||
        memchr(info.name, 0, sizeof info.name) == NULL)
      fail("parameter %" PRId64, i);
    sum += info.elements;
  }
  if (p->parameter_count < 20000 && sum != flat) fail("%" PRId64 " elements, and %" PRId64, sum, flat);
  for (int64_t i = 0; i < p->state_count; i++) {
    swiftrnn_state_info info;
    EXPECT_OK(swiftrnn_network_state_info, p->network, i, &info);
    p->state_width[i] = info.width;
    if (memchr(info.name, 0, sizeof info.name) == NULL || info.width < 1) fail("state %" PRId64, i);
  }
  for (int64_t i = 0; i < p->input_count; i++) {
    swiftrnn_input_info info;
    EXPECT_OK(swiftrnn_network_input_info, p->network, i, &info);
    p->input_width[i] = info.width;
    if (memchr(info.name, 0, sizeof info.name) == NULL || info.width < 1) fail("input %" PRId64, i);
  }
}

/* The same over the nodes of trees: from parents at random, inference and training, 1 and 3 threads. */
static void forest(cell_pass *p) {
  enum { MOST_NODES = 40 };
  int64_t parents[MOST_NODES], tape = 0, forward = 0, backward = 0, flat = 0;
  const int64_t nodes = any(MOST_NODES);
  const int is_chain = any(4) == 0;
  for (int64_t i = 0; i < nodes; i++) {
    const int is_root = i + 1 == nodes || (!is_chain && any(5) == 0);
    parents[i] = is_root ? -1 : is_chain ? i + 1 : i + 1 + any(nodes - i - 1);
  }
  swiftrnn_forest *made = NULL;
  EXPECT_OK(swiftrnn_forest_create, parents, nodes, &made);
  const int is_refused = CALL(swiftrnn_forest_tape_size, p->network, made, &tape) != SWIFTRNN_STATUS_OK;
  if (!is_refused) {
    EXPECT_OK(swiftrnn_forest_workspace_size, p->network, made, SWIFTRNN_WORKSPACE_FORWARD, &forward);
    EXPECT_OK(swiftrnn_forest_workspace_size, p->network, made, SWIFTRNN_WORKSPACE_BACKWARD, &backward);
    EXPECT_OK(swiftrnn_network_flat_count, p->network, &flat);
  }
  if (is_refused || flat > largest_pass || tape > largest_pass || forward > largest_pass || backward > largest_pass) {
    swiftrnn_forest_destroy(made);
    return;
  }
  const int kind = any(4) == 0 ? 1 : 0;
  swiftrnn_forest_forward_args f;
  swiftrnn_forest_backward_args b;
  memset(&f, 0, sizeof f), memset(&b, 0, sizeof b);
  now->passes++;
  array_count = 0;
  p->steps = 1, p->sequences = nodes;
  f.size = sizeof f, b.size = sizeof b;
  f.state_count = b.state_count = p->state_count;
  f.parameter_count = b.parameter_count = p->parameter_count;
  f.input_count = b.input_count = p->input_count;
  f.seed = next_random(&random_state), f.seeded = 1;
  f.x = b.x = numbers(p, "x", nodes * p->inputs, kind);
  b.dy = any(4) ? numbers(p, "dy", nodes * p->outputs, kind) : NULL;
  f.parameters = b.parameters = (const void *const *)parameter_arrays(p, "parameter", kind);
  f.inputs = b.inputs = (const void *const *)input_arrays(p, "input", kind);
  if (any(2)) b.state_gradients = (const void *const *)state_arrays(p, "dfinal", kind);
  first_output = array_count;
  f.y = numbers(p, "y", nodes * p->outputs, -1);
  f.final_states = (void *const *)state_arrays(p, "final state", -1);
  b.dx = any(4) ? numbers(p, "dx", nodes * p->inputs, -1) : NULL;
  b.gradients = (void *const *)parameter_arrays(p, "gradient", -1);
  b.input_gradients = (void *const *)input_arrays(p, "dinput", -1);
  f.tape_size = b.tape_size = tape, f.workspace_size = forward, b.workspace_size = backward;
  f.tape = array("tape", tape), b.tape = f.tape;
  f.workspace = array("workspace", forward), b.workspace = array("backward workspace", backward);
  for (int i = 0; i < first_output; i++) buffer_keep(&arrays[i]);
  swiftrnn_forest_forward_args inference = f;
  inference.tape = NULL, inference.tape_size = 0;
  swiftrnn_set_num_threads(1);
  EXPECT_OK(swiftrnn_forest_forward, p->network, made, &inference);
  keep_results(forward_results);
  swiftrnn_set_num_threads(3);
  EXPECT_OK(swiftrnn_forest_forward, p->network, made, &inference);
  compare(p, forward_results, "forest, 3 threads");
  EXPECT_OK(swiftrnn_forest_forward, p->network, made, &f);
  if (p->trains_otherwise) keep_results(forward_results);
  if (!p->trains_otherwise) compare(p, forward_results, "forest, training");
  EXPECT_OK(swiftrnn_forest_backward, p->network, made, &b);
  keep_results(backward_results);
  swiftrnn_set_num_threads(1);
  EXPECT_OK(swiftrnn_forest_forward, p->network, made, &f);
  compare(p, forward_results, "forest, training with 1 thread");
  EXPECT_OK(swiftrnn_forest_backward, p->network, made, &b);
  compare(p, backward_results, "forest, backward with 1 thread");
  check_borders();
  for (int i = 0; i < array_count; i++) buffer_free(&arrays[i]);
  swiftrnn_forest_destroy(made);
}

static double network_of_text(const swiftrnn_equations *equations, int is_absurd, int64_t resident_before) {
  static const int64_t absurd[] = {0,        -1,          1,        2,        16,       1000,
                                   46341,    65536,       1 << 20,  1 << 30,  MOST - 1, MOST,
                                   MOST + 1, MOST << 10,  INT64_MAX, INT64_MIN};
  enum { ABSURD = sizeof absurd / sizeof *absurd, MOST_NAMES = 8 };
  cell_pass p;
  swiftrnn_config config;
  memset(&p, 0, sizeof p);
  swiftrnn_config_init(&config, sizeof config, SWIFTRNN_EQUATIONS);
  p.dtype = config.dtype = any(2) ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
  p.element = config.dtype == SWIFTRNN_FLOAT64 ? 8 : 4;
  config.hidden_size = is_absurd ? absurd[any(ABSURD)] : any(3) ? 2 + 2 * any(10) : 1 + any(20);
  config.input_size = is_absurd && any(2) ? absurd[any(ABSURD)] : any(2) ? config.hidden_size : 1 + any(20);
  config.num_layers = any(2) ? 1 : 1 + any(is_absurd ? 1024 : 3);
  config.num_directions = 1 + (int32_t)any(2);
  if (config.num_layers > 1 && any(3) == 0) config.dropout = 0.25;
  char names[MOST_NAMES][64];
  swiftrnn_named_size sizes[MOST_NAMES];
  int64_t count = 0;
  int status = 0;
  double time = 0;
  for (;;) {
    snprintf(now->sizes, sizeof now->sizes,
             "dtype %d, I %" PRId64 ", H %" PRId64 ", layers %" PRId64 ", directions %d, dropout %g", (int)config.dtype,
             config.input_size, config.hidden_size, config.num_layers, (int)config.num_directions, config.dropout);
    const double start = seconds();
    status = CALL(swiftrnn_network_create_equations, equations, &config, count > 0 ? sizes : NULL, count, &p.network);
    time = seconds() - start;
    const int64_t grown = resident() - resident_before;
    if (grown > now->grown) now->grown = grown, now->largest_round = now->round;
    if (grown > largest_compile) fail("compiling took %" PRId64 " MiB", grown >> 20);
    if (status == SWIFTRNN_STATUS_OK || count == MOST_NAMES) break;
    const char *name = strstr(swiftrnn_last_error(), "the size \"");
    if (name == NULL || strstr(name, "must be given") == NULL) break;
    snprintf(names[count], sizeof names[count], "%s", name + 10);
    names[count][strcspn(names[count], "\"")] = 0;
    sizes[count].name = names[count];
    sizes[count].value = is_absurd ? absurd[any(ABSURD)] : any(2) ? config.hidden_size : 1 + any(4);
    count++;
  }
  if (status != SWIFTRNN_STATUS_OK) {
    if (p.network != NULL || strlen(swiftrnn_last_error()) == 0) fail("refused, but made, or without a message");
    return time;
  }
  now->networks++;
  query(&p);
  describe_network(p.network);
  p.inputs = config.input_size, p.layers = config.num_layers, p.directions = config.num_directions;
  EXPECT_OK(swiftrnn_network_output_size, p.network, &p.outputs);
  p.trains_otherwise = says(now->text, now->size, 5, training_words) || config.dropout > 0;
  if (is_absurd) {
    for (int i = 0; i < 6; i++) {
      int64_t size = 0;
      const int64_t steps = absurd[any(ABSURD)], sequences = absurd[any(ABSURD)];
      (void)CALL(swiftrnn_network_tape_size, p.network, steps, sequences, &size);
      for (int purpose = 0; purpose < 3; purpose++) {
        (void)CALL(swiftrnn_network_workspace_size, p.network, (swiftrnn_workspace)purpose, steps, sequences, &size);
      }
    }
  }
  p.steps = any(8), p.sequences = any(6);
  if (any(4) == 0) p.steps = 1 + any(60), p.sequences = 1 + any(40);
  if (config.num_layers <= 3 && config.hidden_size <= 1000) {
    pass(&p);
    forest(&p);
  }
  swiftrnn_network_destroy(p.network);
  return time;
}

/* The text of `now`: read, and where it is a cell, made to networks that are run. */
static void try_text(int networks) {
  swiftrnn_equations *equations = NULL;
  const int64_t before = resident();
  now->texts++;
  snprintf(now->sizes, sizeof now->sizes, "no network");
  /* What lies behind the text is not read. */
  buffer text = buffer_make("text", (size_t)now->size, BORDER_END);
  memcpy(text.data, now->text, (size_t)now->size);
  const double start = seconds();
  const int status = CALL(swiftrnn_cell_parse, (const char *)text.data, now->size, &equations);
  const double parsing = seconds() - start;
  double time = parsing;
  buffer_free(&text);
  if (status != SWIFTRNN_STATUS_OK) {
    const size_t length = strlen(swiftrnn_last_error());
    if (equations != NULL || length == 0 || length > 1023) fail("refused, but made, or without a message");
  } else {
    now->cells++;
    for (int i = 0; i < networks; i++) {
      const double made = parsing + network_of_text(equations, i % 3 == 2, i == 0 ? before : resident());
      if (made > time) time = made;
    }
    swiftrnn_equations_destroy(equations);
  }
  if (time > longest_compile) fail("compiled in %.1f s", time);
  if (time > now->slowest) now->slowest = time, now->slowest_round = now->round;
}

#endif
