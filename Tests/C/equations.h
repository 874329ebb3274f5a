/* Cells of equations and configurations of their networks, as tests need them. */
#ifndef SWIFTRNN_TEST_EQUATIONS_H
#define SWIFTRNN_TEST_EQUATIONS_H

#include "memory.h"

static inline swiftrnn_equations *parsed(const char *text) {
  swiftrnn_equations *equations = NULL;
  CHECK_STATUS(swiftrnn_cell_parse(text, (int64_t)strlen(text), &equations), SWIFTRNN_STATUS_OK);
  return (swiftrnn_equations *)required(equations);
}

static inline swiftrnn_config good(void) {
  swiftrnn_config config;
  CHECK_STATUS(swiftrnn_config_init(&config, sizeof config, SWIFTRNN_EQUATIONS), SWIFTRNN_STATUS_OK);
  config.input_size = 5;
  config.hidden_size = 6;
  return config;
}

/** The sizes of a cell beside I and H. */
typedef struct size_list {
  swiftrnn_named_size list[8];
  char names[8][64];
  int count;
} size_list;

/** A network of a cell that may want any sizes: those that the messages ask for are all `size`. NULL: it does not
 *  fit. */
static inline swiftrnn_network *network_with_sizes(const swiftrnn_equations *equations, const swiftrnn_config *config,
                                                   int64_t size, size_list *sizes) {
  swiftrnn_network *network = NULL;
  for (sizes->count = 0;;) {
    const swiftrnn_status status = swiftrnn_network_create_equations(
        equations, config, sizes->count == 0 ? NULL : sizes->list, sizes->count, &network);
    if (status != SWIFTRNN_STATUS_INVALID_VALUE || sizes->count == 8) return network;
    const char *const message = strstr(swiftrnn_last_error(), "the size \"");
    char *const name = sizes->names[sizes->count];
    if (message == NULL || sscanf(message, "the size \"%63[^\"]", name) != 1) return NULL;
    sizes->list[sizes->count].name = name, sizes->list[sizes->count].value = size;
    sizes->count++;
  }
}

/** The library's cell `index`. */
static inline swiftrnn_equations *library_cell(int64_t index, char name[64]) {
  char text[96];
  CHECK_STATUS(swiftrnn_cell_name(index, name, 64), SWIFTRNN_STATUS_OK);
  snprintf(text, sizeof text, "like %s", name);
  return parsed(text);
}

#endif
