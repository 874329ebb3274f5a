/* Networks of equations refuse what is wrong, and write nothing: calls that describe them, and passes and streams whose
 * inputs are wrong, or whose weights and tapes are of another cell. */
#include "equations.h"
#include "refused.h"

/* Texts are written as far as they fit; nothing is, of calls that are refused. */
static void texts(const swiftrnn_network *network) {
  char text[8], untouched[8];
  int64_t size = 77, count = 77;
  memset(text, CANARY, sizeof text);
  memcpy(untouched, text, sizeof text);
  static const int64_t negative[] = {-1, INT64_MIN};
  for (size_t i = 0; i < 2; i++) {
    CHECK_REFUSED(swiftrnn_network_describe(network, text, negative[i], &size), INVALID_SIZE, number(negative[i]));
    CHECK_REFUSED(swiftrnn_cell_text("lstm", text, negative[i], &size), INVALID_SIZE, number(negative[i]));
    CHECK_REFUSED(swiftrnn_cell_name(0, text, negative[i]), BUFFER_TOO_SMALL, "name_size");
  }
  CHECK_REFUSED(swiftrnn_network_describe(NULL, text, 8, &size), NULL_POINTER, "network");
  CHECK_REFUSED(swiftrnn_network_describe(network, NULL, 8, &size), NULL_POINTER, "text");
  CHECK_REFUSED(swiftrnn_network_describe(network, text, 8, MOVED(int64_t *, &size, 4)), MISALIGNED, "out_size");
  CHECK_REFUSED(swiftrnn_cell_text(NULL, text, 8, &size), NULL_POINTER, "name");
  CHECK_REFUSED(swiftrnn_cell_text("lstm", NULL, 8, &size), NULL_POINTER, "text");
  CHECK_REFUSED(swiftrnn_cell_text("lstm", text, 8, MOVED(int64_t *, &size, 4)), MISALIGNED, "out_size");
  CHECK_REFUSED(swiftrnn_cell_text("", text, 8, &size), MISMATCH, "no cell");
  CHECK_REFUSED(swiftrnn_cell_text("\xff", text, 8, &size), MISMATCH, "no cell");
  CHECK_REFUSED(swiftrnn_cell_count(NULL), NULL_POINTER, "out_count");
  CHECK_REFUSED(swiftrnn_cell_count(MOVED(int64_t *, &size, 4)), MISALIGNED, "out_count");
  CHECK_STATUS(swiftrnn_cell_count(&count), SWIFTRNN_STATUS_OK);
  const int64_t wrong[] = {-1, count, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < 4; i++) {
    CHECK_REFUSED(swiftrnn_cell_name(wrong[i], text, 8), INVALID_VALUE, "index", number(wrong[i]));
  }
  CHECK_REFUSED(swiftrnn_cell_name(0, text, 1), BUFFER_TOO_SMALL, "name_size has 1");
  CHECK_REFUSED(swiftrnn_cell_name(0, NULL, 64), NULL_POINTER, "name must");
  CHECK(size == 77 && memcmp(text, untouched, sizeof text) == 0);
  CHECK_STATUS(swiftrnn_cell_text("lstm", text, 7, &size), SWIFTRNN_STATUS_OK);
  CHECK(strlen(text) == 6 && text[7] == untouched[7] && size > 100);
}

static void queries(const swiftrnn_network *network) {
  int64_t count = 77;
  swiftrnn_input_info info;
  memset(&info, CANARY, sizeof info);
  CHECK_REFUSED(swiftrnn_network_input_count(NULL, &count), NULL_POINTER, "network");
  CHECK_REFUSED(swiftrnn_network_input_count(network, NULL), NULL_POINTER, "out_count");
  CHECK_REFUSED(swiftrnn_network_input_count(network, MOVED(int64_t *, &count, 4)), MISALIGNED, "out_count");
  CHECK_REFUSED(swiftrnn_network_input_info(NULL, 0, &info), NULL_POINTER, "network");
  CHECK_REFUSED(swiftrnn_network_input_info(network, 0, NULL), NULL_POINTER, "out_info");
  static const int64_t wrong[] = {-1, 2, 15, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK_REFUSED(swiftrnn_network_input_info(network, wrong[i], &info), INVALID_VALUE, "index", number(wrong[i]),
                  "0...1");
  }
  CHECK(count == 77);
  for (size_t i = 0; i < sizeof info; i++) CHECK(((unsigned char *)&info)[i] == CANARY);
}

/* ---- Passes ------------------------------------------------------------------------------------------------------*/

enum { STEPS = 3, SEQUENCES = 2, INPUTS = 2, PARAMETERS = 3 };

/* A network with inputs "a" of 3 numbers and "t" of 1, and what its calls take. */
typedef struct pass {
  swiftrnn_network *network;
  swiftrnn_weights *weights;
  buffer parameters[PARAMETERS], gradients[PARAMETERS], inputs[INPUTS], input_gradients[INPUTS];
  buffer x, y, tape, workspace, weights_workspace, backward_workspace;
  const void *parameter_list[PARAMETERS], *input_list[INPUTS];
  void *gradient_list[PARAMETERS], *input_gradient_list[INPUTS];
  swiftrnn_forward_args forward;
  swiftrnn_backward_args backward;
} pass;

static const char with_inputs[] = "input a, t\nsize a = 3\nh' = tanh(W @ x + U @ h + V @ a * t)";

static void pass_make(pass *p, const char *text, swiftrnn_dtype dtype) {
  const size_t element = dtype == SWIFTRNN_FLOAT64 ? 8 : 4;
  static const size_t widths[INPUTS] = {3, 1};
  uint64_t state = 5;
  memset(p, 0, sizeof *p);
  swiftrnn_equations *equations = parsed(text);
  swiftrnn_config config = good();
  config.dtype = dtype;
  CHECK_STATUS(swiftrnn_network_create_equations(equations, &config, NULL, 0, &p->network), SWIFTRNN_STATUS_OK);
  swiftrnn_equations_destroy(equations);
  swiftrnn_forward_args *f = &p->forward;
  swiftrnn_backward_args *b = &p->backward;
  f->size = sizeof *f, b->size = sizeof *b;
  f->steps = b->steps = STEPS, f->sequences = b->sequences = SEQUENCES;
  f->parameter_count = b->parameter_count = PARAMETERS;
  f->input_count = b->input_count = INPUTS;
  for (int i = 0; i < PARAMETERS; i++) {
    swiftrnn_parameter_info info;
    CHECK_STATUS(swiftrnn_network_parameter_info(p->network, i, &info), SWIFTRNN_STATUS_OK);
    p->parameters[i] = buffer_make("parameter", (size_t)info.elements * element, BORDER_END);
    p->gradients[i] = buffer_make("gradient", (size_t)info.elements * element, BORDER_END);
    fill_random(dtype, p->parameters[i].data, info.elements, 0.4, &state);
    p->parameter_list[i] = p->parameters[i].data, p->gradient_list[i] = p->gradients[i].data;
  }
  for (int i = 0; i < INPUTS; i++) {
    p->inputs[i] = buffer_make("input", STEPS * SEQUENCES * widths[i] * element, BORDER_END);
    p->input_gradients[i] = buffer_make("input gradient", p->inputs[i].size, BORDER_END);
    fill_random(dtype, p->inputs[i].data, (int64_t)(STEPS * SEQUENCES * widths[i]), 1, &state);
    p->input_list[i] = p->inputs[i].data, p->input_gradient_list[i] = p->input_gradients[i].data;
  }
  p->x = buffer_make("x", STEPS * SEQUENCES * 5 * element, BORDER_END);
  p->y = buffer_make("y", STEPS * SEQUENCES * 6 * element, BORDER_END);
  fill_random(dtype, p->x.data, STEPS * SEQUENCES * 5, 1, &state);
  f->x = b->x = p->x.data, f->y = p->y.data;
  f->parameters = b->parameters = p->parameter_list, b->gradients = p->gradient_list;
  f->inputs = b->inputs = p->input_list, b->input_gradients = p->input_gradient_list;
  CHECK_STATUS(swiftrnn_network_tape_size(p->network, STEPS, SEQUENCES, &f->tape_size), SWIFTRNN_STATUS_OK);
  b->tape_size = f->tape_size;
  int64_t sizes[3];
  for (int i = 0; i < 3; i++) {
    CHECK_STATUS(swiftrnn_network_workspace_size(p->network, (swiftrnn_workspace)i, STEPS, SEQUENCES, &sizes[i]),
                 SWIFTRNN_STATUS_OK);
  }
  p->tape = buffer_make("tape", (size_t)f->tape_size, BORDER_END);
  p->workspace = buffer_make("workspace", (size_t)sizes[0], BORDER_END);
  p->weights_workspace = buffer_make("workspace with weights", (size_t)sizes[1], BORDER_END);
  p->backward_workspace = buffer_make("backward workspace", (size_t)sizes[2], BORDER_END);
  f->tape = p->tape.data, b->tape = p->tape.data;
  f->workspace = p->workspace.data, f->workspace_size = sizes[0];
  b->workspace = p->backward_workspace.data, b->workspace_size = sizes[2];
  CHECK_STATUS(swiftrnn_weights_create(p->network, p->parameter_list, PARAMETERS, &p->weights), SWIFTRNN_STATUS_OK);
}

enum { BUFFERS = 2 * PARAMETERS + 2 * INPUTS + 6 };

static buffer *pass_buffer(pass *p, int i) {
  buffer *const groups[] = {p->parameters, p->gradients, p->inputs, p->input_gradients};
  static const int counts[] = {PARAMETERS, PARAMETERS, INPUTS, INPUTS};
  for (int g = 0; g < 4; i -= counts[g++]) {
    if (i < counts[g]) return groups[g] + i;
  }
  buffer *const rest[] = {&p->x, &p->y, &p->tape, &p->workspace, &p->weights_workspace, &p->backward_workspace};
  return rest[i];
}

static void pass_keep(pass *p) {
  for (int i = 0; i < BUFFERS; i++) buffer_keep(pass_buffer(p, i));
}

static int is_kept(pass *p) {
  for (int i = 0; i < BUFFERS; i++) {
    if (!buffer_is_kept(pass_buffer(p, i))) return 0;
  }
  return 1;
}

static void pass_free(pass *p) {
  swiftrnn_weights_destroy(p->weights);
  swiftrnn_network_destroy(p->network);
  for (int i = 0; i < BUFFERS; i++) buffer_free(pass_buffer(p, i));
}

/* `pass`: forward or backward. */
#define REFUSED_PASS(p, pass, status, texts, change)                                        \
  do {                                                                                      \
    swiftrnn_##pass##_args a = (p)->pass;                                                   \
    change;                                                                                 \
    CHECK_REFUSED(swiftrnn_network_##pass((p)->network, &a), status, EXPAND texts);         \
    CHECK(is_kept(p));                                                                      \
  } while (0)

/* Inputs that are missing or wrong, and counts. */
static void inputs(pass *p) {
  const void *some[INPUTS];
  REFUSED_PASS(p, forward, NULL_POINTER, ("inputs"), a.inputs = NULL);
  REFUSED_PASS(p, backward, NULL_POINTER, ("inputs"), a.inputs = NULL);
  REFUSED_PASS(p, forward, MISALIGNED, ("inputs"), a.inputs = MOVED(const void *const *, a.inputs, 4));
  REFUSED_PASS(p, backward, MISALIGNED, ("inputs"), a.inputs = MOVED(const void *const *, a.inputs, 4));
  REFUSED_PASS(p, backward, MISALIGNED, ("input_gradients"),
               a.input_gradients = MOVED(void *const *, a.input_gradients, 4));
  static const int64_t counts[] = {-1, 0, 1, 3, 15, 16, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    REFUSED_PASS(p, forward, INVALID_SIZE, ("input_count", number(counts[i]), "2"), a.input_count = counts[i]);
    REFUSED_PASS(p, backward, INVALID_SIZE, ("input_count", number(counts[i]), "2"), a.input_count = counts[i]);
    if (counts[i] == 3) continue;
    REFUSED_PASS(p, forward, INVALID_SIZE, ("parameter_count", number(counts[i])), a.parameter_count = counts[i]);
    REFUSED_PASS(p, backward, INVALID_SIZE, ("parameter_count", number(counts[i])), a.parameter_count = counts[i]);
  }
  for (int i = 0; i < INPUTS; i++) {
    memcpy(some, p->input_list, sizeof some);
    some[i] = NULL;
    REFUSED_PASS(p, forward, NULL_POINTER, ("inputs"), a.inputs = some);
    REFUSED_PASS(p, backward, NULL_POINTER, ("inputs"), a.inputs = some);
    some[i] = MOVED(const void *, p->input_list[i], 2);
    REFUSED_PASS(p, forward, MISALIGNED, ("inputs"), a.inputs = some);
    REFUSED_PASS(p, backward, MISALIGNED, ("inputs"), a.inputs = some);
    REFUSED_PASS(p, backward, MISALIGNED, ("an entry of input_gradients"), a.input_gradients = (void *const *)some);
  }
  REFUSED_PASS(p, forward, BUFFER_TOO_SMALL, ("tape"), a.tape_size--);
  REFUSED_PASS(p, forward, BUFFER_TOO_SMALL, ("workspace"), a.workspace_size--);
  REFUSED_PASS(p, backward, BUFFER_TOO_SMALL, ("tape"), a.tape_size--);
  REFUSED_PASS(p, backward, BUFFER_TOO_SMALL, ("workspace"), a.workspace_size--);
}

/* Weights and tapes of a cell that differs in a comment only, in an equation, in the type of numbers. */
static void others(pass *p) {
  static const char *const texts[3] = {
      "input a, t\nsize a = 3\nh' = tanh(W @ x + U @ h + V @ a * t) # another",
      "input a, t\nsize a = 3\nh' = sigmoid(W @ x + U @ h + V @ a * t)", with_inputs};
  for (int i = 0; i < 3; i++) {
    pass q;
    pass_make(&q, texts[i], i == 2 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32);
    REFUSED_PASS(p, forward, MISMATCH, ("weights"), (a.weights = q.weights, a.tape = NULL, a.tape_size = 0));
    swiftrnn_stream *stream = (swiftrnn_stream *)(void *)p;
    CHECK_REFUSED(swiftrnn_stream_create(p->network, q.weights, 2, &stream), MISMATCH, "weights");
    CHECK(stream == NULL);
    CHECK_STATUS(swiftrnn_network_forward(q.network, &q.forward), SWIFTRNN_STATUS_OK);
    /* That of doubles is larger, and large enough. */
    REFUSED_PASS(p, backward, MISMATCH, ("tape"), (a.tape = q.tape.data, a.tape_size = q.forward.tape_size));
    pass_free(&q);
  }
}

static void streams(pass *p) {
  swiftrnn_stream *stream = NULL;
  CHECK_STATUS(swiftrnn_stream_create(p->network, p->weights, SEQUENCES, &stream), SWIFTRNN_STATUS_OK);
  const void *some[INPUTS];
  const void *const *list = p->input_list;
  const void *x = p->x.data;
  void *y = p->y.data;
  CHECK_REFUSED(swiftrnn_stream_step(stream, x, y), NULL_POINTER, "inputs");
  CHECK_REFUSED(swiftrnn_stream_run(stream, 2, x, y), NULL_POINTER, "inputs");
  CHECK_REFUSED(swiftrnn_stream_step_inputs(NULL, x, list, INPUTS, y), NULL_POINTER, "stream");
  CHECK_REFUSED(swiftrnn_stream_step_inputs(stream, NULL, list, INPUTS, y), NULL_POINTER, "x");
  CHECK_REFUSED(swiftrnn_stream_step_inputs(stream, x, NULL, INPUTS, y), NULL_POINTER, "inputs");
  CHECK_REFUSED(swiftrnn_stream_step_inputs(stream, x, MOVED(const void *const *, list, 4), INPUTS, y), MISALIGNED,
                "inputs");
  CHECK_REFUSED(swiftrnn_stream_step_inputs(stream, MOVED(const void *, x, 2), list, INPUTS, y), MISALIGNED, "x");
  CHECK_REFUSED(swiftrnn_stream_step_inputs(stream, x, list, INPUTS, MOVED(void *, y, 2)), MISALIGNED, "y");
  static const int64_t counts[] = {-1, 0, 1, 3, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    CHECK_REFUSED(swiftrnn_stream_step_inputs(stream, x, list, counts[i], y), INVALID_SIZE, "input_count",
                  number(counts[i]));
  }
  for (int i = 0; i < INPUTS; i++) {
    memcpy(some, list, sizeof some);
    some[i] = NULL;
    CHECK_REFUSED(swiftrnn_stream_step_inputs(stream, x, some, INPUTS, y), NULL_POINTER, "inputs");
    some[i] = MOVED(const void *, list[i], 2);
    CHECK_REFUSED(swiftrnn_stream_step_inputs(stream, x, some, INPUTS, y), MISALIGNED, "inputs");
  }
  CHECK(is_kept(p));
  swiftrnn_stream_destroy(stream);
}

int main(void) {
  pass p;
  pass_make(&p, with_inputs, SWIFTRNN_FLOAT32);
  CHECK_STATUS(swiftrnn_network_forward(p.network, &p.forward), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_backward(p.network, &p.backward), SWIFTRNN_STATUS_OK);
  pass_keep(&p);
  texts(p.network);
  queries(p.network);
  inputs(&p);
  others(&p);
  streams(&p);
  /* And after all that it still runs. */
  CHECK_STATUS(swiftrnn_network_forward(p.network, &p.forward), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_backward(p.network, &p.backward), SWIFTRNN_STATUS_OK);
  pass_free(&p);
  return check_result();
}
