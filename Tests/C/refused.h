/* Checks of refusals: the status, the message with its numbers, and that nothing was written. Valid in C11 and in
 * C++17. */
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

/** Texts in parentheses, as one argument of a macro, without them. */
#define EXPAND(...) __VA_ARGS__

/** A pointer `odd` bytes further, where nothing of its type may lie. */
#define MOVED(type, pointer, odd) ((type)(uintptr_t)((uintptr_t)(pointer) + (uintptr_t)(odd)))

/** The largest size that any call takes: steps, sequences, hidden units. */
#define MOST ((int64_t)1 << 31)

/** A bit pattern as an enumeration's value, which a compiler may otherwise take for impossible. */
#define ENUM_FROM(type, variable, value)                     \
  type variable;                                             \
  do {                                                       \
    const int32_t enum_value = (value);                      \
    memcpy(&variable, &enum_value, sizeof variable);         \
  } while (0)

/** What calls that are refused are made with: small, of two layers. */
static inline shape refused_shape(swiftrnn_cell cell, swiftrnn_dtype dtype) {
  shape is;
  memset(&is, 0, sizeof is);
  is.cell = cell, is.dtype = dtype;
  is.inputs = 5, is.hidden = 7, is.layers = 2, is.steps = 4, is.sequences = 3;
  return is;
}

/** The same with all that passes over whole sequences know of: directions, dropout, lengths, gaps between rows. */
static inline shape refused_pass_shape(swiftrnn_cell cell, swiftrnn_dtype dtype) {
  static const int64_t lengths[3] = {4, 0, 2};
  shape is = refused_shape(cell, dtype);
  is.directions = 2, is.dropout = 0.25;
  is.lengths = lengths;
  is.rows = GAPS;
  return is;
}

enum { SHAPE_CHANGES = 8 };

/** A network whose weights and tapes do not fit `from`'s: change 0 ..< SHAPE_CHANGES is the one thing that differs.
 *  Only LSTM knows projection, so that the last change makes other cells an LSTM too. */
static inline shape changed_shape(const shape *from, int change) {
  shape is = *from;
  switch (change) {
    case 0: is.cell = is.cell == SWIFTRNN_RNN_TANH ? SWIFTRNN_RNN_RELU : SWIFTRNN_RNN_TANH; break;
    case 1: is.dtype = is.dtype == SWIFTRNN_FLOAT64 ? SWIFTRNN_FLOAT32 : SWIFTRNN_FLOAT64; break;
    case 2: is.inputs++; break;
    case 3: is.hidden++; break;
    case 4: is.layers++; break;
    case 5: is.directions = is.directions == 2 ? 1 : 2; break;
    case 6: is.without_bias = !is.without_bias; break;
    default: is.cell = SWIFTRNN_LSTM, is.projection = 3; break;
  }
  return is;
}

#endif
