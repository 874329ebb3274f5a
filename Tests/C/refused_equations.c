/* Cells of equations and their networks refuse what is wrong, and write nothing. */
#include "equations.h"
#include "refused.h"

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
  REFUSED_NETWORK(plain, UNSUPPORTED, ("takes no bias"), NULL, 0, c.bias = 0);
  REFUSED_NETWORK(plain, UNSUPPORTED, ("takes no projection size"), NULL, 0, c.projection_size = 2);
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

int main(void) {
  parse();
  create();
  named_sizes();
  return check_result();
}
