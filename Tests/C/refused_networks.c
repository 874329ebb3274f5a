/* Configurations, networks and their queries refuse what is wrong, with its numbers, and write nothing. */
#include "refused.h"

#include <math.h>

static swiftrnn_config good(void) {
  swiftrnn_config config;
  CHECK_STATUS(swiftrnn_config_init(&config, sizeof config, SWIFTRNN_LSTM), SWIFTRNN_STATUS_OK);
  config.input_size = 5;
  config.hidden_size = 7;
  return config;
}

static void config_init(void) {
  union {
    swiftrnn_config config;
    unsigned char bytes[sizeof(swiftrnn_config) + 64];
  } u;
  const int64_t size = sizeof(swiftrnn_config);
  memset(&u, CANARY, sizeof u);
  CHECK_REFUSED(swiftrnn_config_init(NULL, size, SWIFTRNN_LSTM), NULL_POINTER, "config");
  static const int64_t sizes[] = {0, -1, 8, sizeof(swiftrnn_config) - 1, 65537, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    CHECK_REFUSED(swiftrnn_config_init(&u.config, sizes[i], SWIFTRNN_LSTM), INVALID_SIZE, number(sizes[i]),
                  number(size));
  }
  static const int32_t cells[] = {0, 7, 1000, -1, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
    ENUM_FROM(swiftrnn_cell, cell, cells[i]);
    CHECK_REFUSED(swiftrnn_config_init(&u.config, size, cell), INVALID_VALUE, "cell", "1...6",
                  number((uint32_t)cells[i]));
  }
  CHECK_REFUSED(swiftrnn_config_init((swiftrnn_config *)(void *)(u.bytes + 1), size, SWIFTRNN_LSTM), MISALIGNED, "8");
  for (size_t i = 0; i < sizeof u; i++) CHECK(u.bytes[i] == CANARY);

  /* A newer header's struct is filled to its end, and not further. */
  CHECK_STATUS(swiftrnn_config_init(&u.config, size + 16, SWIFTRNN_GRU), SWIFTRNN_STATUS_OK);
  CHECK(u.config.size == size + 16 && u.config.cell == SWIFTRNN_GRU && u.config.dtype == SWIFTRNN_FLOAT32);
  CHECK(u.config.input_size == 0 && u.config.hidden_size == 0 && u.config.projection_size == 0);
  CHECK(u.config.num_layers == 1 && u.config.num_directions == 1 && u.config.bias == 1 && u.config.num_threads == 0);
  for (size_t i = (size_t)size; i < sizeof u; i++) CHECK(u.bytes[i] == (i < (size_t)size + 16 ? 0 : CANARY));
}

/* A configuration that is refused leaves NULL. */
#define REFUSED_CONFIG(status, text, value, change)                                                \
  do {                                                                                             \
    swiftrnn_config c = good();                                                                    \
    change;                                                                                        \
    swiftrnn_network *out = (swiftrnn_network *)(void *)&c;                                        \
    CHECK_REFUSED(swiftrnn_network_create(&c, &out), status, text, value);                         \
    CHECK(out == NULL);                                                                            \
  } while (0)

static void create(void) {
  static const int64_t wrong[] = {0, -1, INT64_MIN, INT64_MAX, (int64_t)1 << 32};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const int64_t v = wrong[i];
    REFUSED_CONFIG(INVALID_SIZE, "input_size", number(v), c.input_size = v);
    REFUSED_CONFIG(INVALID_SIZE, "hidden_size", number(v), c.hidden_size = v);
    REFUSED_CONFIG(INVALID_SIZE, "num_layers", number(v), c.num_layers = v);
    if (v != 0) REFUSED_CONFIG(INVALID_SIZE, "projection_size", number(v), c.projection_size = v);
    if (v != 0) REFUSED_CONFIG(INVALID_VALUE, "num_threads", number(v), c.num_threads = v);
  }
  REFUSED_CONFIG(INVALID_SIZE, "num_layers is 1025", "1...1024", c.num_layers = 1025);
  REFUSED_CONFIG(INVALID_SIZE, "projection_size is 7", "0...6", c.projection_size = 7);
  REFUSED_CONFIG(INVALID_SIZE, "projection_size", "3", (c.cell = SWIFTRNN_GRU, c.projection_size = 3));
  REFUSED_CONFIG(INVALID_VALUE, "num_threads is 1025", "0...1024", c.num_threads = 1025);
  static const int32_t flags[] = {-1, 2, 3, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    const int32_t v = flags[i];
    REFUSED_CONFIG(INVALID_VALUE, "bias", number(v), c.bias = v);
    if (v != 2) REFUSED_CONFIG(INVALID_VALUE, "num_directions", number(v), c.num_directions = v);
    ENUM_FROM(swiftrnn_dtype, dtype, v);
    REFUSED_CONFIG(INVALID_VALUE, "dtype", number((uint32_t)v), c.dtype = dtype);
    ENUM_FROM(swiftrnn_cell, cell, v == 2 || v == 3 ? v + 10 : v);
    REFUSED_CONFIG(INVALID_VALUE, "cell", "1...6", c.cell = cell);
  }
  REFUSED_CONFIG(INVALID_VALUE, "num_directions is 0", "1...2", c.num_directions = 0);
  REFUSED_CONFIG(INVALID_VALUE, "dropout is 1", "[0, 1)", c.dropout = 1);
  REFUSED_CONFIG(INVALID_VALUE, "dropout is -0.25", "[0, 1)", c.dropout = -0.25);
  REFUSED_CONFIG(INVALID_VALUE, "dropout is NaN", "[0, 1)", c.dropout = NAN);
  REFUSED_CONFIG(INVALID_VALUE, "dropout is infinity", "[0, 1)", c.dropout = INFINITY);
  REFUSED_CONFIG(INVALID_VALUE, "dropout is 1e300", "[0, 1)", c.dropout = 1e300);
  REFUSED_CONFIG(INVALID_VALUE, "dropout is -1e-9", "[0, 1)", c.dropout = -1e-9);
  REFUSED_CONFIG(INVALID_VALUE, "dropout is -1e-300", "[0, 1)", c.dropout = -1e-300);
  REFUSED_CONFIG(INVALID_VALUE, "dropout is 1e101", "[0, 1)", c.dropout = 9.9999999999999e100);
  REFUSED_CONFIG(INVALID_VALUE, "dropout is 1.00000000001,", "[0, 1)", c.dropout = 1.00000000001);
  REFUSED_CONFIG(INVALID_VALUE, "dropout is 123456789.25,", "[0, 1)", c.dropout = 123456789.25);
  REFUSED_CONFIG(INVALID_VALUE, "dropout is -0.0123,", "[0, 1)", c.dropout = -0.0123);
  /* Parameters that no memory could hold. */
  REFUSED_CONFIG(OVERFLOW, "parameters", "64-bit", (c.hidden_size = MOST, c.input_size = MOST));
  REFUSED_CONFIG(OVERFLOW, "parameters", "64-bit",
                 (c.hidden_size = MOST / 2, c.num_layers = 1024, c.cell = SWIFTRNN_RNN_TANH));

  swiftrnn_config c = good();
  swiftrnn_network *out = (swiftrnn_network *)(void *)&c;
  CHECK_REFUSED(swiftrnn_network_create(NULL, &out), NULL_POINTER, "config");
  CHECK(out == NULL);
  CHECK_REFUSED(swiftrnn_network_create(&c, NULL), NULL_POINTER, "out_network");
  unsigned char bytes[sizeof c + 8];
  memcpy(bytes + 4, &c, sizeof c);
  const uintptr_t odd = ((uintptr_t)(bytes + 4) & ~(uintptr_t)7) + 4;
  memmove((void *)odd, bytes + 4, sizeof c - 4);
  CHECK_REFUSED(swiftrnn_network_create((const swiftrnn_config *)odd, &out), MISALIGNED, "config", "8");
  swiftrnn_network_destroy(NULL);
}

/* Structs of older and newer headers. */
static void versions(void) {
  union {
    swiftrnn_config config;
    unsigned char bytes[sizeof(swiftrnn_config) + 64];
  } u;
  swiftrnn_network *network = NULL;
  static const int64_t sizes[] = {0, -1, 8, sizeof(swiftrnn_config) - 8, sizeof(swiftrnn_config) - 1, 65537, INT64_MAX,
                                  INT64_MIN};
  memset(&u, 0, sizeof u);
  u.config = good();
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    u.config.size = sizes[i];
    network = (swiftrnn_network *)(void *)&u;
    CHECK_REFUSED(swiftrnn_network_create(&u.config, &network), INVALID_SIZE, number(sizes[i]),
                  number(sizeof(swiftrnn_config)));
    CHECK(network == NULL);
  }
  u.config.size = sizeof u;
  CHECK_STATUS(swiftrnn_network_create(&u.config, &network), SWIFTRNN_STATUS_OK);
  swiftrnn_network_destroy(network);
  for (size_t i = sizeof(swiftrnn_config); i < sizeof u; i += 9) {
    u.bytes[i] = 1;
    CHECK_REFUSED(swiftrnn_network_create(&u.config, &network), MISMATCH, "newer header");
    CHECK(network == NULL);
    u.bytes[i] = 0;
  }
  u.bytes[sizeof u - 1] = 128;
  u.config.size = sizeof u - 1;
  CHECK_STATUS(swiftrnn_network_create(&u.config, &network), SWIFTRNN_STATUS_OK);
  swiftrnn_network_destroy(network);
}

static void queries(void) {
  swiftrnn_config config = good();
  swiftrnn_network *network = NULL;
  CHECK_STATUS(swiftrnn_network_create(&config, &network), SWIFTRNN_STATUS_OK);
  int64_t count = 77;
  CHECK_REFUSED(swiftrnn_network_parameter_count(NULL, &count), NULL_POINTER, "network");
  CHECK_REFUSED(swiftrnn_network_parameter_count(network, NULL), NULL_POINTER, "out_count");
  CHECK_REFUSED(swiftrnn_network_flat_count(NULL, &count), NULL_POINTER, "network");
  CHECK_REFUSED(swiftrnn_network_flat_count(network, NULL), NULL_POINTER, "out_elements");
  CHECK_REFUSED(swiftrnn_network_state_count(NULL, &count), NULL_POINTER, "network");
  CHECK_REFUSED(swiftrnn_network_state_count(network, NULL), NULL_POINTER, "out_count");
  CHECK_REFUSED(swiftrnn_network_tape_size(NULL, 1, 1, &count), NULL_POINTER, "network");
  CHECK_REFUSED(swiftrnn_network_tape_size(network, 1, 1, NULL), NULL_POINTER, "out_size");
  CHECK_REFUSED(swiftrnn_network_workspace_size(NULL, SWIFTRNN_WORKSPACE_FORWARD, 1, 1, &count), NULL_POINTER,
                "network");
  CHECK_REFUSED(swiftrnn_network_workspace_size(network, SWIFTRNN_WORKSPACE_FORWARD, 1, 1, NULL), NULL_POINTER,
                "out_size");
  static const int32_t purposes[] = {-1, 3, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++) {
    ENUM_FROM(swiftrnn_workspace, purpose, purposes[i]);
    CHECK_REFUSED(swiftrnn_network_workspace_size(network, purpose, 1, 1, &count), INVALID_VALUE, "purpose",
                  number((uint32_t)purposes[i]), "0...2");
  }
  static const int64_t wrong[] = {-1, INT64_MIN, INT64_MAX, MOST + 1};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK_REFUSED(swiftrnn_network_tape_size(network, wrong[i], 1, &count), INVALID_SIZE, "steps", number(wrong[i]));
    CHECK_REFUSED(swiftrnn_network_tape_size(network, 1, wrong[i], &count), INVALID_SIZE, "sequences",
                  number(wrong[i]));
    for (int purpose = 0; purpose < 3; purpose++) {
      CHECK_REFUSED(swiftrnn_network_workspace_size(network, (swiftrnn_workspace)purpose, wrong[i], 1, &count),
                    INVALID_SIZE, "steps", number(wrong[i]));
      CHECK_REFUSED(swiftrnn_network_workspace_size(network, (swiftrnn_workspace)purpose, 1, wrong[i], &count),
                    INVALID_SIZE, "sequences", number(wrong[i]));
    }
    swiftrnn_parameter_info info;
    memset(&info, CANARY, sizeof info);
    CHECK_REFUSED(swiftrnn_network_parameter_info(network, wrong[i], &info), INVALID_VALUE, number(wrong[i]), "0...3");
    swiftrnn_state_info state;
    memset(&state, CANARY, sizeof state);
    CHECK_REFUSED(swiftrnn_network_state_info(network, wrong[i], &state), INVALID_VALUE, number(wrong[i]), "0...1");
    for (size_t j = 0; j < sizeof info; j++) CHECK(((unsigned char *)&info)[j] == CANARY);
    for (size_t j = 0; j < sizeof state; j++) CHECK(((unsigned char *)&state)[j] == CANARY);
  }
  CHECK_REFUSED(swiftrnn_network_tape_size(network, MOST, MOST, &count), OVERFLOW, "tape");
  for (int purpose = 0; purpose < 3; purpose++) {
    CHECK_REFUSED(swiftrnn_network_workspace_size(network, (swiftrnn_workspace)purpose, MOST, MOST, &count), OVERFLOW,
                  "bytes");
  }
  swiftrnn_parameter_info info;
  swiftrnn_state_info state;
  CHECK_REFUSED(swiftrnn_network_parameter_info(network, 4, &info), INVALID_VALUE, "index is 4", "0...3");
  CHECK_REFUSED(swiftrnn_network_parameter_info(network, 0, NULL), NULL_POINTER, "out_info");
  CHECK_REFUSED(swiftrnn_network_parameter_info(NULL, 0, &info), NULL_POINTER, "network");
  CHECK_REFUSED(swiftrnn_network_state_info(network, 2, &state), INVALID_VALUE, "index is 2", "0...1");
  CHECK_REFUSED(swiftrnn_network_state_info(network, 0, NULL), NULL_POINTER, "out_info");
  CHECK_REFUSED(swiftrnn_network_state_info(NULL, 0, &state), NULL_POINTER, "network");
  CHECK(count == 77);
  swiftrnn_network_destroy(network);
}

/* The largest networks that are allowed have sizes, or overflow; nothing traps. */
static void largest(void) {
  static const int64_t sizes[] = {1, 1 << 10, 1 << 20, (int64_t)1 << 30, (int64_t)1 << 31};
  for (int i = 0; i < 5 * 5 * 5 * 2 * 2 * 2; i++) {
    swiftrnn_config config = good();
    config.cell = all_cells[i % 5];
    config.input_size = sizes[i / 5 % 5];
    config.hidden_size = sizes[i / 25 % 5];
    config.num_layers = i / 125 % 2 ? 1024 : 2;
    config.num_directions = i / 250 % 2 + 1;
    /* With a projection H is in no product with itself. */
    config.projection_size = i / 500 && config.cell == SWIFTRNN_LSTM && config.hidden_size > 1 ? 1 : 0;
    config.dropout = 0.5;
    swiftrnn_network *network = NULL;
    const int status = swiftrnn_network_create(&config, &network);
    CHECK(status == SWIFTRNN_STATUS_OK || status == SWIFTRNN_STATUS_OVERFLOW);
    if (status != SWIFTRNN_STATUS_OK) continue;
    for (int j = 0; j < 25; j++) {
      int64_t size = -1;
      int s = swiftrnn_network_tape_size(network, sizes[j % 5], sizes[j / 5], &size);
      CHECK((s == SWIFTRNN_STATUS_OK && size > 0) || (s == SWIFTRNN_STATUS_OVERFLOW && size == -1));
      for (int purpose = 0; purpose < 3; purpose++) {
        size = -1;
        s = swiftrnn_network_workspace_size(network, (swiftrnn_workspace)purpose, sizes[j % 5], sizes[j / 5], &size);
        CHECK((s == SWIFTRNN_STATUS_OK && size > 0) || (s == SWIFTRNN_STATUS_OVERFLOW && size == -1));
      }
    }
    int64_t flat = 0, count = 0;
    swiftrnn_parameter_info info;
    CHECK_STATUS(swiftrnn_network_flat_count(network, &flat), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_network_parameter_count(network, &count), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_network_parameter_info(network, count - 1, &info), SWIFTRNN_STATUS_OK);
    CHECK(flat > 0 && info.offset + info.elements == flat);
    swiftrnn_network_destroy(network);
  }
}

static void threads(void) {
  static const int64_t wrong[] = {-1, 1025, INT64_MAX, INT64_MIN};
  CHECK_STATUS(swiftrnn_set_num_threads(3), SWIFTRNN_STATUS_OK);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK_REFUSED(swiftrnn_set_num_threads(wrong[i]), INVALID_VALUE, "threads", number(wrong[i]), "0...1024");
    CHECK(swiftrnn_get_num_threads() == 3);
  }
  CHECK_STATUS(swiftrnn_set_num_threads(0), SWIFTRNN_STATUS_OK);
  CHECK(swiftrnn_get_num_threads() >= 1);
}

int main(void) {
  CHECK_TEXT(swiftrnn_last_error(), "");
  config_init();
  create();
  versions();
  queries();
  largest();
  threads();
  return check_result();
}
