/* What parameters start with: the same bits on every CPU, the default in both of its forms, and refusals. */
#include "refused.h"

#include <math.h>

/* FNV-1a (Fowler, Noll, Vo 1991). */
static uint64_t hash(const void *data, size_t size) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < size; i++) h = (h ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
  return h;
}

static swiftrnn_initializer defaults(void) {
  swiftrnn_initializer initializer;
  CHECK_STATUS(swiftrnn_initializer_init(&initializer, sizeof initializer), SWIFTRNN_STATUS_OK);
  return initializer;
}

typedef struct drawn {
  swiftrnn_network *network;
  int64_t count, elements;
  size_t bytes;
  void *flat, **parameters;
} drawn;

static drawn drawn_make(swiftrnn_network *network, swiftrnn_dtype dtype) {
  drawn d;
  d.network = network;
  CHECK_STATUS(swiftrnn_network_parameter_count(network, &d.count), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_flat_count(network, &d.elements), SWIFTRNN_STATUS_OK);
  d.bytes = (size_t)d.elements * (dtype == SWIFTRNN_FLOAT64 ? 8 : 4);
  d.flat = required(malloc(d.bytes));
  d.parameters = (void **)required(malloc((size_t)d.count * sizeof *d.parameters));
  CHECK_STATUS(swiftrnn_network_flat_pointers(network, d.flat, (int64_t)d.bytes, d.parameters, d.count),
               SWIFTRNN_STATUS_OK);
  return d;
}

static void drawn_free(drawn *d) {
  swiftrnn_network_destroy(d->network);
  free(d->flat), free(d->parameters);
}

static uint64_t draw(drawn *d, const swiftrnn_initializer *initializer) {
  memset(d->flat, CANARY, d->bytes);
  CHECK_STATUS(swiftrnn_network_initialize_with(d->network, initializer, 42, d->parameters, d->count),
               SWIFTRNN_STATUS_OK);
  return hash(d->flat, d->bytes);
}

static swiftrnn_network *equations(const char *text, swiftrnn_dtype dtype) {
  swiftrnn_equations *cell = NULL;
  swiftrnn_network *network = NULL;
  swiftrnn_config config;
  CHECK_STATUS(swiftrnn_cell_parse(text, (int64_t)strlen(text), &cell), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_config_init(&config, sizeof config, SWIFTRNN_EQUATIONS), SWIFTRNN_STATUS_OK);
  config.dtype = dtype, config.input_size = 7, config.hidden_size = 10, config.num_layers = 2;
  CHECK_STATUS(swiftrnn_network_create_equations(cell, &config, NULL, 0, &network), SWIFTRNN_STATUS_OK);
  swiftrnn_equations_destroy(cell);
  return network;
}

/* Numbers that this program found once: on every CPU, of every instruction set, the library draws the same. */
static void bits(void) {
  static const uint64_t expected[2][4] = {
      {0xac02283fa0a38ab0u, 0xbcda21b35c118aadu, 0x6a0807b1f057fb96u, 0x6018b9e6a13a5babu},
      {0x172ed358f9c7098cu, 0x410438cc5ed864c6u, 0x6f2b77370c924279u, 0x754fd83268bd86c5u}};
  for (int dtype = 0; dtype < 2; dtype++) {
    shape is = refused_shape(SWIFTRNN_LSTM, (swiftrnn_dtype)dtype);
    is.inputs = 33, is.hidden = 29, is.projection = 11, is.directions = 2;
    drawn d = drawn_make(network_of(&is), is.dtype);
    swiftrnn_initializer initializer = defaults();
    uint64_t found[4];
    found[0] = draw(&d, &initializer);
    initializer.weights = SWIFTRNN_DISTRIBUTION_GLOROT_NORMAL, initializer.recurrent = SWIFTRNN_DISTRIBUTION_ORTHOGONAL;
    initializer.bias = SWIFTRNN_DISTRIBUTION_NORMAL, initializer.bias_scale = 0.125;
    initializer.forget_gate = SWIFTRNN_FORGET_GATE_CHRONO, initializer.forget_value = 784;
    found[1] = draw(&d, &initializer);
    initializer.weights = SWIFTRNN_DISTRIBUTION_ORTHOGONAL, initializer.recurrent = SWIFTRNN_DISTRIBUTION_HE_UNIFORM;
    initializer.weights_scale = 1.25, initializer.bias = SWIFTRNN_DISTRIBUTION_UNIFORM;
    initializer.forget_gate = SWIFTRNN_FORGET_GATE_CONSTANT;
    found[2] = draw(&d, &initializer);
    drawn_free(&d);
    drawn cell = drawn_make(equations("like li_gru", is.dtype), is.dtype);
    initializer = defaults();
    found[3] = draw(&cell, &initializer);
    drawn_free(&cell);
    for (int i = 0; i < 4; i++) {
      CHECK(found[i] == expected[dtype][i]);
      if (found[i] != expected[dtype][i]) fprintf(stderr, "dtype %d, %d: 0x%016" PRIx64 "\n", dtype, i, found[i]);
    }
  }
}

/* The default in both forms, and a struct of zeros. */
static void forms(void) {
  for (int dtype = 0; dtype < 2; dtype++) {
    const shape is = refused_shape(SWIFTRNN_GRU, (swiftrnn_dtype)dtype);
    drawn d = drawn_make(network_of(&is), is.dtype);
    swiftrnn_initializer initializer = defaults();
    const uint64_t with = draw(&d, &initializer);
    memset(d.flat, CANARY, d.bytes);
    CHECK_STATUS(swiftrnn_network_initialize(d.network, 42, d.parameters, d.count), SWIFTRNN_STATUS_OK);
    CHECK(hash(d.flat, d.bytes) == with);
    memset(&initializer, 0, sizeof initializer);
    initializer.size = sizeof initializer;
    CHECK(draw(&d, &initializer) == with);
    /* Entries that are NULL are skipped, and change nothing of the others. */
    void *const before = d.parameters[1];
    const size_t start = (size_t)((char *)before - (char *)d.flat), element = dtype ? 8 : 4;
    memset(d.flat, CANARY, d.bytes);
    d.parameters[1] = NULL;
    initializer.recurrent = SWIFTRNN_DISTRIBUTION_ORTHOGONAL;
    CHECK_STATUS(swiftrnn_network_initialize_with(d.network, &initializer, 42, d.parameters, d.count),
                 SWIFTRNN_STATUS_OK);
    for (size_t i = 0; i < 3 * 7 * 7 * element; i++) CHECK(((unsigned char *)d.flat)[start + i] == CANARY);
    d.parameters[1] = before;
    drawn_free(&d);
  }
}

static void init(void) {
  union {
    swiftrnn_initializer initializer;
    unsigned char bytes[sizeof(swiftrnn_initializer) + 32];
  } u;
  const int64_t size = sizeof(swiftrnn_initializer);
  memset(&u, CANARY, sizeof u);
  CHECK_REFUSED(swiftrnn_initializer_init(NULL, size), NULL_POINTER, "initializer");
  CHECK_REFUSED(swiftrnn_initializer_init(MOVED(swiftrnn_initializer *, &u, 4), size), MISALIGNED, "initializer", "8");
  static const int64_t wrong[] = {0, -1, 8, sizeof(swiftrnn_initializer) - 1, 65537, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK_REFUSED(swiftrnn_initializer_init(&u.initializer, wrong[i]), INVALID_SIZE, "size", number(wrong[i]),
                  number(size));
  }
  for (size_t i = 0; i < sizeof u; i++) CHECK(u.bytes[i] == CANARY);
  CHECK_STATUS(swiftrnn_initializer_init(&u.initializer, size + 16), SWIFTRNN_STATUS_OK);
  CHECK(u.initializer.size == size + 16);
  CHECK(u.initializer.weights == SWIFTRNN_DISTRIBUTION_TORCH && u.initializer.recurrent == SWIFTRNN_DISTRIBUTION_TORCH);
  CHECK(u.initializer.bias == SWIFTRNN_DISTRIBUTION_TORCH);
  CHECK(u.initializer.forget_gate == SWIFTRNN_FORGET_GATE_AS_BIAS);
  CHECK(u.initializer.weights_scale == 1 && u.initializer.recurrent_scale == 1 && u.initializer.forget_value == 1);
  CHECK(u.initializer.bias_scale == 0);
  for (size_t i = (size_t)size; i < sizeof u; i++) CHECK(u.bytes[i] == (i < (size_t)size + 16 ? 0 : CANARY));
}

/* An initializer that is refused writes nothing. */
#define REFUSED_INITIALIZER(status, text, value, change)                                                    \
  do {                                                                                                      \
    swiftrnn_initializer i = defaults();                                                                    \
    change;                                                                                                 \
    CHECK_REFUSED(swiftrnn_network_initialize_with(d.network, &i, 1, d.parameters, d.count), status, text,  \
                  value);                                                                                   \
  } while (0)

static void refusals(void) {
  const shape is = refused_shape(SWIFTRNN_LSTM, SWIFTRNN_FLOAT32);
  drawn d = drawn_make(network_of(&is), is.dtype);
  memset(d.flat, CANARY, d.bytes);
  static const int32_t values[] = {-1, 12, 13, INT32_MAX, INT32_MIN};
  for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
    ENUM_FROM(swiftrnn_distribution, distribution, values[k]);
    ENUM_FROM(swiftrnn_forget_gate, gate, values[k]);
    const char *value = number((uint32_t)values[k]);
    REFUSED_INITIALIZER(INVALID_VALUE, "weights is", value, i.weights = distribution);
    REFUSED_INITIALIZER(INVALID_VALUE, "recurrent is", value, i.recurrent = distribution);
    REFUSED_INITIALIZER(INVALID_VALUE, "bias is", value, i.bias = distribution);
    REFUSED_INITIALIZER(INVALID_VALUE, "forget_gate is", value, i.forget_gate = gate);
  }
  REFUSED_INITIALIZER(INVALID_VALUE, "forget_gate is 3", "0...2", i.forget_gate = (swiftrnn_forget_gate)3);
  for (int v = 4; v < 12; v++) {
    REFUSED_INITIALIZER(INVALID_VALUE, "bias is", "0...3", i.bias = (swiftrnn_distribution)v);
  }
  static const double numbers[] = {NAN, INFINITY, -INFINITY, 1.01e30, -1};
  for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
    const double s = numbers[k];
    for (int v = 2; v < 11; v++) {
      REFUSED_INITIALIZER(INVALID_VALUE, "weights_scale is", "[0, 1e30]",
                          (i.weights = (swiftrnn_distribution)v, i.weights_scale = s));
      REFUSED_INITIALIZER(INVALID_VALUE, "recurrent_scale is", "[0, 1e30]",
                          (i.recurrent = (swiftrnn_distribution)v, i.recurrent_scale = s));
    }
    REFUSED_INITIALIZER(INVALID_VALUE, "bias_scale is", "[0, 1e30]",
                        (i.bias = SWIFTRNN_DISTRIBUTION_NORMAL, i.bias_scale = s));
    REFUSED_INITIALIZER(INVALID_VALUE, "forget_value is", "[2, 1e15]",
                        (i.forget_gate = SWIFTRNN_FORGET_GATE_CHRONO, i.forget_value = s));
    if (s == -1) continue;
    REFUSED_INITIALIZER(INVALID_VALUE, "recurrent_scale is", "[-1e30, 1e30]",
                        (i.recurrent = SWIFTRNN_DISTRIBUTION_IDENTITY, i.recurrent_scale = s));
    REFUSED_INITIALIZER(INVALID_VALUE, "bias_scale is", "[-1e30, 1e30]",
                        (i.bias = SWIFTRNN_DISTRIBUTION_CONSTANT, i.bias_scale = s));
    REFUSED_INITIALIZER(INVALID_VALUE, "forget_value is", "[-1e30, 1e30]",
                        (i.forget_gate = SWIFTRNN_FORGET_GATE_CONSTANT, i.forget_value = s));
  }
  REFUSED_INITIALIZER(INVALID_VALUE, "forget_value is 1.5", "[2, 1e15]",
                      (i.forget_gate = SWIFTRNN_FORGET_GATE_CHRONO, i.forget_value = 1.5));
  static const int64_t sizes[] = {0, -1, 8, sizeof(swiftrnn_initializer) - 1, 65537, INT64_MAX, INT64_MIN};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    REFUSED_INITIALIZER(INVALID_SIZE, number(sizes[k]), number(sizeof(swiftrnn_initializer)), i.size = sizes[k]);
  }
  union {
    swiftrnn_initializer initializer;
    unsigned char bytes[sizeof(swiftrnn_initializer) + 16];
  } longer;
  memset(&longer, 0, sizeof longer);
  longer.initializer = defaults();
  longer.initializer.size = sizeof longer;
  longer.bytes[sizeof longer - 3] = 1;
  CHECK_REFUSED(swiftrnn_network_initialize_with(d.network, &longer.initializer, 1, d.parameters, d.count), MISMATCH,
                "newer header");
  swiftrnn_initializer i = defaults();
  CHECK_REFUSED(swiftrnn_network_initialize_with(NULL, &i, 1, d.parameters, d.count), NULL_POINTER, "network");
  CHECK_REFUSED(swiftrnn_network_initialize_with(d.network, NULL, 1, d.parameters, d.count), NULL_POINTER,
                "initializer");
  CHECK_REFUSED(swiftrnn_network_initialize_with(d.network, MOVED(swiftrnn_initializer *, &longer, 4), 1, d.parameters,
                                                 d.count), MISALIGNED, "initializer", "8");
  CHECK_REFUSED(swiftrnn_network_initialize_with(d.network, &i, 1, NULL, d.count), NULL_POINTER, "parameters");
  CHECK_REFUSED(swiftrnn_network_initialize_with(d.network, &i, 1, d.parameters, d.count - 1), INVALID_SIZE,
                "parameter_count", number(d.count - 1), number(d.count));
  void *const first = d.parameters[0];
  d.parameters[0] = MOVED(void *, first, 2);
  CHECK_REFUSED(swiftrnn_network_initialize_with(d.network, &i, 1, d.parameters, d.count), MISALIGNED, "parameters");
  d.parameters[0] = first;
  for (size_t k = 0; k < d.bytes; k++) CHECK(((unsigned char *)d.flat)[k] == CANARY);
  /* Of torch's distribution the scale is not read. */
  i.weights_scale = i.recurrent_scale = i.bias_scale = i.forget_value = NAN;
  draw(&d, &i);
  drawn_free(&d);
}

/* Which cells have no gate that keeps a state, or none with a bias. */
static void forget_gates(void) {
  static const char *const texts[] = {"like rnn", "like mgu", "like cifg", "like cornn", "like lstm_no_bias"};
  for (size_t k = 0; k < 8; k++) {
    shape is = refused_shape(k == 5 ? SWIFTRNN_RNN_TANH : k == 6 ? SWIFTRNN_RNN_RELU : SWIFTRNN_LSTM,
                             SWIFTRNN_FLOAT32);
    is.without_bias = 1;
    drawn d = drawn_make(k < 5 ? equations(texts[k], SWIFTRNN_FLOAT32) : network_of(&is), SWIFTRNN_FLOAT32);
    memset(d.flat, CANARY, d.bytes);
    const char *text = k == 4 || k == 7 ? "the forget gate has no bias" : "no forget gate: no sigmoid";
    REFUSED_INITIALIZER(UNSUPPORTED, text, "gate", i.forget_gate = SWIFTRNN_FORGET_GATE_CONSTANT);
    REFUSED_INITIALIZER(UNSUPPORTED, text, "gate",
                        (i.forget_gate = SWIFTRNN_FORGET_GATE_CHRONO, i.forget_value = 50));
    for (size_t b = 0; b < d.bytes; b++) CHECK(((unsigned char *)d.flat)[b] == CANARY);
    drawn_free(&d);
  }
}

/* Scratch that no machine has, of a network that none holds: nothing traps. */
static void out_of_memory(void) {
  shape is = refused_shape(SWIFTRNN_RNN_TANH, SWIFTRNN_FLOAT32);
  is.inputs = 1, is.hidden = (int64_t)1 << 28, is.layers = 1;
  swiftrnn_network *network = network_of(&is);
  void *none[4] = {NULL, NULL, NULL, NULL};
  swiftrnn_initializer i = defaults();
  i.recurrent = SWIFTRNN_DISTRIBUTION_ORTHOGONAL;
  CHECK_REFUSED(swiftrnn_network_initialize_with(network, &i, 1, none, 4), OUT_OF_MEMORY, "out of memory",
                number((int64_t)1 << 59));
  i.recurrent = SWIFTRNN_DISTRIBUTION_NORMAL;
  CHECK_STATUS(swiftrnn_network_initialize_with(network, &i, 1, none, 4), SWIFTRNN_STATUS_OK);
  swiftrnn_network_destroy(network);
}

int main(void) {
  init();
  bits();
  forms();
  refusals();
  forget_gates();
  out_of_memory();
  return check_result();
}
