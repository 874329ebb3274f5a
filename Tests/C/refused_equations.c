/* Cells of equations, their networks, inputs and descriptions refuse what is wrong, and write nothing; and so do passes
 * and streams of their networks where inputs are wrong, or weights and tapes are of another cell. */
#include "refused.h"

static swiftrnn_equations *parsed(const char *text) {
  swiftrnn_equations *equations = NULL;
  CHECK_STATUS(swiftrnn_cell_parse(text, (int64_t)strlen(text), &equations), SWIFTRNN_STATUS_OK);
  return (swiftrnn_equations *)required(equations);
}

static swiftrnn_config good(void) {
  swiftrnn_config config;
  CHECK_STATUS(swiftrnn_config_init(&config, sizeof config, SWIFTRNN_EQUATIONS), SWIFTRNN_STATUS_OK);
  config.input_size = 5;
  config.hidden_size = 6;
  return config;
}

static void parse(void) {
  swiftrnn_equations *const other = (swiftrnn_equations *)(void *)current_work;
  swiftrnn_equations *out = other;
  CHECK_REFUSED(swiftrnn_cell_parse("h' = x", 6, NULL), NULL_POINTER, "out_equations");
  CHECK_REFUSED(swiftrnn_cell_parse("h' = x", 6, MOVED(swiftrnn_equations **, &out, 4)), MISALIGNED, "out_equations");
  CHECK(out == other);
  CHECK_REFUSED(swiftrnn_cell_parse(NULL, 6, &out), NULL_POINTER, "text");
  CHECK(out == NULL);
  static const int64_t sizes[] = {-1, 65537, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    out = other;
    CHECK_REFUSED(swiftrnn_cell_parse("h' = x", sizes[i], &out), INVALID_SIZE, "text_size", number(sizes[i]), "65536");
    CHECK(out == NULL);
  }
  CHECK_REFUSED(swiftrnn_cell_parse("", 0, &out), INVALID_VALUE, "equation for its output");
  CHECK_REFUSED(swiftrnn_cell_parse("h' = x\0", 7, &out), INVALID_VALUE, "line 1, column 7", "no meaning", "^");
  CHECK_REFUSED(swiftrnn_cell_parse("\n h' = \xff\xfe", 9, &out), INVALID_VALUE, "line 2, column 7", "no meaning");
  CHECK_REFUSED(swiftrnn_cell_parse("h' = tnah(x)", 12, &out), INVALID_VALUE, "tnah", "did you mean \"tanh\"?");
  CHECK_REFUSED(swiftrnn_cell_parse("like lstn", 9, &out), INVALID_VALUE, "lstn", "did you mean \"lstm\"?");
  CHECK_REFUSED(swiftrnn_cell_parse("a, b = blocks(U, 2)\nh' = a @ h + b @ x", 38, &out), INVALID_VALUE,
                "cannot be cut");
  CHECK(out == NULL);
  /* A name that is longer than a message may be. */
  static char text[60000];
  memset(text, 'f', sizeof text);
  memcpy(text, "h' = ", 5);
  memcpy(text + sizeof text - 3, "(x)", 3);
  CHECK_STATUS(swiftrnn_cell_parse(text, sizeof text, &out), SWIFTRNN_STATUS_INVALID_VALUE);
  CHECK(out == NULL && strlen(swiftrnn_last_error()) <= 1023);
  swiftrnn_equations_destroy(NULL);
}

/* A network that is refused leaves NULL. */
#define REFUSED_NETWORK(equations, status, texts, names, count, change)                                         \
  do {                                                                                                          \
    swiftrnn_config c = good();                                                                                 \
    swiftrnn_network *out = (swiftrnn_network *)(void *)&c;                                                     \
    change;                                                                                                     \
    CHECK_REFUSED(swiftrnn_network_create_equations((equations), &c, (names), (count), &out), status, EXPAND texts); \
    CHECK(out == NULL);                                                                                         \
  } while (0)
#define UNCHANGED (void)0

static void create(void) {
  swiftrnn_equations *plain = parsed("h' = tanh(W @ x + U @ h)");
  REFUSED_NETWORK(NULL, NULL_POINTER, ("equations"), NULL, 0, UNCHANGED);
  swiftrnn_config config = good();
  swiftrnn_network *network = (swiftrnn_network *)(void *)&config;
  CHECK_REFUSED(swiftrnn_network_create_equations(plain, NULL, NULL, 0, &network), NULL_POINTER, "config");
  CHECK(network == NULL);
  CHECK_REFUSED(swiftrnn_network_create_equations(plain, &config, NULL, 0, NULL), NULL_POINTER, "out_network");
  union {
    swiftrnn_config config;
    unsigned char bytes[sizeof(swiftrnn_config) + 8];
  } u;
  memset(&u, 0, sizeof u);
  memcpy(u.bytes + 4, &config, sizeof config);
  const swiftrnn_config *const odd = (const swiftrnn_config *)(void *)(u.bytes + 4);
  CHECK_REFUSED(swiftrnn_network_create_equations(plain, odd, NULL, 0, &network), MISALIGNED, "config");
  static const int64_t struct_sizes[] = {0, -1, 8, sizeof(swiftrnn_config) - 1, 65537, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof struct_sizes / sizeof *struct_sizes; i++) {
    REFUSED_NETWORK(plain, INVALID_SIZE, (number(struct_sizes[i])), NULL, 0, c.size = struct_sizes[i]);
  }
  u.config = config;
  u.config.size = sizeof u;
  u.bytes[sizeof u - 1] = 1;
  CHECK_REFUSED(swiftrnn_network_create_equations(plain, &u.config, NULL, 0, &network), MISMATCH, "newer header");

  REFUSED_NETWORK(plain, INVALID_VALUE, ("cell is 3"), NULL, 0, c.cell = SWIFTRNN_LSTM);
  CHECK(swiftrnn_network_create(&config, &network) != SWIFTRNN_STATUS_OK && network == NULL);
  static const int64_t wrong[] = {0, -1, INT64_MIN, INT64_MAX, MOST + 1};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const int64_t v = wrong[i];
    REFUSED_NETWORK(plain, INVALID_SIZE, ("input_size", number(v)), NULL, 0, c.input_size = v);
    REFUSED_NETWORK(plain, INVALID_SIZE, ("hidden_size", number(v)), NULL, 0, c.hidden_size = v);
    REFUSED_NETWORK(plain, INVALID_SIZE, ("num_layers", number(v)), NULL, 0, c.num_layers = v);
    if (v != 0) REFUSED_NETWORK(plain, INVALID_VALUE, ("num_threads", number(v)), NULL, 0, c.num_threads = v);
  }
  REFUSED_NETWORK(plain, INVALID_VALUE, ("num_directions is 3"), NULL, 0, c.num_directions = 3);
  REFUSED_NETWORK(plain, INVALID_VALUE, ("dropout is 1"), NULL, 0, c.dropout = 1);
  ENUM_FROM(swiftrnn_dtype, dtype, 2);
  REFUSED_NETWORK(plain, INVALID_VALUE, ("dtype"), NULL, 0, c.dtype = dtype);

  /* Larger than anything that instructions can name, or that is worth its while. */
  REFUSED_NETWORK(plain, INVALID_VALUE, ("more than 268435456 numbers"), NULL, 0, c.hidden_size = MOST);
  REFUSED_NETWORK(plain, INVALID_VALUE, ("more than 268435456 numbers"), NULL, 0, c.input_size = c.hidden_size = MOST);
  swiftrnn_equations *blocks = parsed("h' = tanh(blocks(U, H) @ h + W @ x)");
  REFUSED_NETWORK(blocks, INVALID_VALUE, ("more than 4096 diagonal blocks"), NULL, 0, c.hidden_size = 4097);
  swiftrnn_equations *width = parsed("size x = 7\nh' = tanh(W @ x)");
  REFUSED_NETWORK(width, INVALID_VALUE, ("x is 7 wide", "5 in a layer"), NULL, 0, UNCHANGED);
  swiftrnn_equations *input = parsed("input a\nsize a = I\nh' = tanh(W @ a + V @ x)");
  REFUSED_NETWORK(input, INVALID_VALUE, ("\"a\"", "another size in each layer"), NULL, 0, c.num_layers = 2);
  swiftrnn_equations_destroy(input);
  swiftrnn_equations_destroy(width);
  swiftrnn_equations_destroy(blocks);
  swiftrnn_equations_destroy(plain);
}

static void named_sizes(void) {
  swiftrnn_equations *equations = parsed("size h = P\nh' = tanh(blocks(U, heads) @ h + W @ x)");
  swiftrnn_named_size sizes[3] = {{"P", 6}, {"heads", 2}, {"P", 6}};
  swiftrnn_named_size *const at = sizes;
  REFUSED_NETWORK(equations, INVALID_VALUE, ("\"P\" must be given"), NULL, 0, UNCHANGED);
  REFUSED_NETWORK(equations, INVALID_VALUE, ("\"heads\" must be given"), at, 1, UNCHANGED);
  REFUSED_NETWORK(equations, NULL_POINTER, ("sizes"), NULL, 2, UNCHANGED);
  REFUSED_NETWORK(equations, MISALIGNED, ("sizes"), MOVED(swiftrnn_named_size *, at, 4), 2, UNCHANGED);
  REFUSED_NETWORK(equations, MISMATCH, ("given twice"), at, 3, UNCHANGED);
  static const int64_t counts[] = {-1, 257, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    REFUSED_NETWORK(equations, INVALID_VALUE, ("size_count", number(counts[i])), at, counts[i], UNCHANGED);
  }
  static const int64_t values[] = {0, -1, MOST + 1, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    sizes[1].value = values[i];
    REFUSED_NETWORK(equations, INVALID_VALUE, ("heads", number(values[i])), at, 2, UNCHANGED);
  }
  sizes[1].value = 4;
  REFUSED_NETWORK(equations, INVALID_VALUE, ("cannot be cut into 4 blocks"), at, 2, UNCHANGED);
  sizes[1].value = 2, sizes[0].name = NULL;
  REFUSED_NETWORK(equations, NULL_POINTER, ("name"), at, 2, UNCHANGED);
  sizes[0].name = "p";
  REFUSED_NETWORK(equations, INVALID_VALUE, ("no size \"p\"", "\"P\""), at, 2, UNCHANGED);
  sizes[0].name = "\xff\xfe";
  REFUSED_NETWORK(equations, INVALID_VALUE, ("no size"), at, 2, UNCHANGED);
  sizes[0].name = "H";
  REFUSED_NETWORK(equations, INVALID_VALUE, ("no size \"H\""), at, 2, UNCHANGED);
  swiftrnn_equations_destroy(equations);
}

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
  CHECK_REFUSED(swiftrnn_cell_name(0, NULL, 64), NULL_POINTER, "text");
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

#define REFUSED_FORWARD(p, status, texts, change)                                           \
  do {                                                                                      \
    swiftrnn_forward_args a = (p)->forward;                                                 \
    change;                                                                                 \
    CHECK_REFUSED(swiftrnn_network_forward((p)->network, &a), status, EXPAND texts);        \
    CHECK(is_kept(p));                                                                      \
  } while (0)
#define REFUSED_BACKWARD(p, status, texts, change)                                          \
  do {                                                                                      \
    swiftrnn_backward_args a = (p)->backward;                                               \
    change;                                                                                 \
    CHECK_REFUSED(swiftrnn_network_backward((p)->network, &a), status, EXPAND texts);       \
    CHECK(is_kept(p));                                                                      \
  } while (0)

/* Inputs that are missing or wrong, and counts. */
static void inputs(pass *p) {
  const void *some[INPUTS];
  REFUSED_FORWARD(p, NULL_POINTER, ("inputs"), a.inputs = NULL);
  REFUSED_BACKWARD(p, NULL_POINTER, ("inputs"), a.inputs = NULL);
  REFUSED_FORWARD(p, MISALIGNED, ("inputs"), a.inputs = MOVED(const void *const *, a.inputs, 4));
  REFUSED_BACKWARD(p, MISALIGNED, ("inputs"), a.inputs = MOVED(const void *const *, a.inputs, 4));
  REFUSED_BACKWARD(p, MISALIGNED, ("input_gradients"), a.input_gradients = MOVED(void *const *, a.input_gradients, 4));
  static const int64_t counts[] = {-1, 0, 1, 3, 15, 16, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    REFUSED_FORWARD(p, INVALID_SIZE, ("input_count", number(counts[i]), "2"), a.input_count = counts[i]);
    REFUSED_BACKWARD(p, INVALID_SIZE, ("input_count", number(counts[i]), "2"), a.input_count = counts[i]);
    if (counts[i] == 3) continue;
    REFUSED_FORWARD(p, INVALID_SIZE, ("parameter_count", number(counts[i])), a.parameter_count = counts[i]);
    REFUSED_BACKWARD(p, INVALID_SIZE, ("parameter_count", number(counts[i])), a.parameter_count = counts[i]);
  }
  for (int i = 0; i < INPUTS; i++) {
    memcpy(some, p->input_list, sizeof some);
    some[i] = NULL;
    REFUSED_FORWARD(p, NULL_POINTER, ("inputs"), a.inputs = some);
    REFUSED_BACKWARD(p, NULL_POINTER, ("inputs"), a.inputs = some);
    some[i] = MOVED(const void *, p->input_list[i], 2);
    REFUSED_FORWARD(p, MISALIGNED, ("inputs"), a.inputs = some);
    REFUSED_BACKWARD(p, MISALIGNED, ("inputs"), a.inputs = some);
    REFUSED_BACKWARD(p, MISALIGNED, ("an entry of input"), a.input_gradients = (void *const *)some);
  }
  REFUSED_FORWARD(p, BUFFER_TOO_SMALL, ("tape"), a.tape_size--);
  REFUSED_FORWARD(p, BUFFER_TOO_SMALL, ("workspace"), a.workspace_size--);
  REFUSED_BACKWARD(p, BUFFER_TOO_SMALL, ("tape"), a.tape_size--);
  REFUSED_BACKWARD(p, BUFFER_TOO_SMALL, ("workspace"), a.workspace_size--);
}

/* Weights and tapes of a cell that differs in a comment only, in an equation, in the type of numbers. */
static void others(pass *p) {
  static const char *const texts[3] = {
      "input a, t\nsize a = 3\nh' = tanh(W @ x + U @ h + V @ a * t) # another",
      "input a, t\nsize a = 3\nh' = sigmoid(W @ x + U @ h + V @ a * t)", with_inputs};
  for (int i = 0; i < 3; i++) {
    pass q;
    pass_make(&q, texts[i], i == 2 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32);
    REFUSED_FORWARD(p, MISMATCH, ("weights"), (a.weights = q.weights, a.tape = NULL, a.tape_size = 0));
    swiftrnn_stream *stream = (swiftrnn_stream *)(void *)p;
    CHECK_REFUSED(swiftrnn_stream_create(p->network, q.weights, 2, &stream), MISMATCH, "weights");
    CHECK(stream == NULL);
    CHECK_STATUS(swiftrnn_network_forward(q.network, &q.forward), SWIFTRNN_STATUS_OK);
    if (i < 2) REFUSED_BACKWARD(p, MISMATCH, ("tape"), (a.tape = q.tape.data, a.tape_size = q.forward.tape_size));
    if (i == 2) {
      /* The larger tape is also large enough. */
      REFUSED_BACKWARD(p, MISMATCH, ("tape"), (a.tape = q.tape.data, a.tape_size = q.forward.tape_size));
    }
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
  parse();
  create();
  named_sizes();
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
