/* Checks of refusals: the status, the message with its numbers, and that nothing was written. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_REFUSED_H
#define SWIFTRNN_TEST_REFUSED_H

#include "problem.h"

#include <inttypes.h>

/** A call came to this status, and its message holds each of the texts of a list that ends with NULL. */
static inline void check_refused(int status, int expected, const char *const *texts, const char *file, int line) {
  const char *message = swiftrnn_last_error();
  check_count++;
  int fine = status == expected && strlen(message) > 0 && strlen(message) < 256;
  for (; *texts != NULL; texts++) fine = fine && strstr(message, *texts) != NULL;
  if (fine) return;
  check_failures++;
  fprintf(stderr, "%s:%d: %s, expected %s; the message is: %s\n", file, line,
          swiftrnn_status_string((swiftrnn_status)status), swiftrnn_status_string((swiftrnn_status)expected), message);
}

/** A call is refused: CHECK_REFUSED(call, STATUS, "text of the message", "another", …). */
#define CHECK_REFUSED(call, status, ...)                                                                  \
  do {                                                                                                    \
    const char *const refused_texts[] = {__VA_ARGS__, NULL};                                              \
    const int refused_status = (int)(call);                                                               \
    check_refused(refused_status, (int)(SWIFTRNN_STATUS_##status), refused_texts, __FILE__, __LINE__);    \
  } while (0)

/** A number as it stands in a message. Eight at a time. */
static inline const char *number(int64_t value) {
  static char texts[8][24];
  static int next;
  char *text = texts[next++ % 8];
  snprintf(text, sizeof texts[0], "%" PRId64, value);
  return text;
}

/** A bit pattern as an enumeration's value, which a compiler may otherwise take for impossible. */
#define ENUM_FROM(type, variable, value)                     \
  type variable;                                             \
  do {                                                       \
    const int32_t enum_value = (value);                      \
    memcpy(&variable, &enum_value, sizeof variable);         \
  } while (0)

#endif
