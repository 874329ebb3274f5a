/* The checks that every C test uses. A failed check prints where it stands and what it saw, and the test goes on;
 * main returns check_result(). Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_CHECK_H
#define SWIFTRNN_TEST_CHECK_H

#include "swiftrnn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long check_count, check_failures;

/** The condition holds. */
#define CHECK(condition)                                                            \
  do {                                                                              \
    check_count++;                                                                  \
    if (!(condition)) {                                                             \
      check_failures++;                                                             \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);       \
    }                                                                               \
  } while (0)

/** Two texts are the same, and neither is NULL. */
#define CHECK_TEXT(value, expected)                                                 \
  do {                                                                              \
    const char *check_value = (value), *check_expected = (expected);                \
    check_count++;                                                                  \
    if (!check_value || !check_expected || strcmp(check_value, check_expected)) {   \
      check_failures++;                                                             \
      fprintf(stderr, "%s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__, \
              #value, check_value ? check_value : "(NULL)",                         \
              check_expected ? check_expected : "(NULL)");                          \
    }                                                                               \
  } while (0)

/** A call came to this status. */
#define CHECK_STATUS(call, expected)                                                \
  do {                                                                              \
    const int check_value = (int)(call), check_expected = (int)(expected);          \
    check_count++;                                                                  \
    if (check_value != check_expected) {                                            \
      check_failures++;                                                             \
      fprintf(stderr, "%s:%d: %s is %d (%s), expected %d; last error: %s\n",        \
              __FILE__, __LINE__, #call, check_value,                               \
              swiftrnn_status_string((swiftrnn_status)check_value), check_expected, \
              swiftrnn_last_error());                                               \
    }                                                                               \
  } while (0)

/** What main returns: 0 only if something was checked and nothing failed. */
static inline int check_result(void) {
  printf("%ld checks, %ld failed\n", check_count, check_failures);
  return check_count > 0 && check_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
