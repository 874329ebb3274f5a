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

#endif
