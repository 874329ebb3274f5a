/* Texts of cells from strangers: those whose size is the danger, random equations, and texts with pieces changed; what a
 * child is at; and how a finding is told. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_STRANGE_TEXTS_H
#define SWIFTRNN_TEST_STRANGE_TEXTS_H

#include "processes.h"
#include "refused.h"

#include "growing_texts.h"

#include <math.h>

/* A tool that slows programs down may be given more time: -DSWIFTRNN_TEST_SLOWER=50 */
#ifndef SWIFTRNN_TEST_SLOWER
#define SWIFTRNN_TEST_SLOWER 1
#endif

enum { TEXTS_OF_A_CHILD = 100, MOST_STATES = 16, MOST_INPUTS = 15, MOST_WRITTEN = 4000 };

/* What a call may take of the CPU, in seconds, and of memory; passes that need more are not run. */
static const double longest_compile = 2 * SWIFTRNN_TEST_SLOWER;
static const int longest_call = 5 * SWIFTRNN_TEST_SLOWER;
static const int64_t largest_pass = (int64_t)24 << 20, largest_compile = (int64_t)64 << 20;

/* What a child is at, for the parent to print if it ends. */
typedef struct progress {
  int64_t round, slowest_round, largest_round, grown;
  long texts, cells, networks, passes, failures;
  double slowest;
  char call[64], sizes[256];
  int64_t size;
  char text[WRITTEN_SIZE];
} progress;
static progress *now;

static uint64_t random_state;
static int64_t any(int64_t below) { return (int64_t)(next_random(&random_state) % (uint64_t)below); }
static const char *one_of(const char *const *texts, size_t count) { return texts[any((int64_t)count)]; }
#define ONE_OF(texts) one_of((texts), sizeof(texts) / sizeof *(texts))

static void fail(const char *format, ...) {
  va_list list;
  va_start(list, format);
  fprintf(stderr, "round %" PRId64 ", %s, %s: ", now->round, now->sizes, now->call);
  vfprintf(stderr, format, list);
  va_end(list);
  fprintf(stderr, "\n%.*s\n----\n", now->size < MOST_WRITTEN ? (int)now->size : (int)MOST_WRITTEN, now->text);
  now->failures++;
}

/* ---- Texts -------------------------------------------------------------------------------------------------------*/

static const char *const functions[] = {"sigmoid", "tanh", "relu", "selu", "gelu", "silu", "softplus", "softsign",
                                        "exp", "log", "log_sigmoid", "sqrt", "abs", "sign", "leaky_relu", "elu",
                                        "hard_sigmoid", "hard_tanh", "thresholded_relu", "scaled_tanh", "affine",
                                        "softmax", "layer_norm", "rms_norm"};
static const char *const vectors[] = {"h", "h", "h", "h'", "c", "x", "x", "a", "b", "d", "e", "p", "q", "h[1]", "h[2]",
                                      "r", "0.5", "2", "1", "scalar(s)", "i", "j", "u1", "u2", "w1", "w2"};
static const char *const matrices[] = {"U", "V", "W", "A", "m1", "m2", "drop_connect(U, 0.25)", "blocks(B, 2)",
                                       "blocks(B, k)", "drop_connect(V, 0.5)", "n1", "n2"};

/* Of a tree h and c are each child's, and what all of them give is a sum. */
static int is_recursive;

static void random_sum(int depth);

static void random_vector(int depth) {
  const char *f;
  if (depth <= 0 || any(4) == 0) {
    f = ONE_OF(vectors);
    const int is_state = strcmp(f, "h") == 0 || strcmp(f, "c") == 0;
    say(is_recursive && is_state && any(8) ? any(2) ? "sum_children(%s)" : "%s[1]" : "%s", f);
    return;
  }
  switch (any(15)) {
    case 0: case 1: case 2: say("%s @ ", ONE_OF(matrices)), random_vector(depth - 1); break;
    case 3: case 4:
      f = ONE_OF(functions);
      say("%s(", f), random_sum(depth - 1), say(")");
      break;
    case 5: say("("), random_sum(depth - 1), say(")"); break;
    case 6: say("-"), random_vector(depth - 1); break;
    case 7: say("%s(", any(2) ? "sum" : "mean"), random_sum(depth - 1), say(")"); break;
    case 8:
      say("%s(", any(2) ? "min" : "max"), random_sum(depth - 1), say(", "), random_sum(depth - 1), say(")");
      break;
    case 9:
      say("where("), random_sum(depth - 1), say(any(2) ? " > " : " <= "), random_sum(depth - 1), say(", ");
      random_sum(depth - 1), say(", "), random_sum(depth - 1), say(")");
      break;
    case 10: say("dropout("), random_sum(depth - 1), say(any(2) ? ", 0.5)" : ", 0.25, per_sequence)"); break;
    case 11: say("zoneout("), random_sum(depth - 1), say(", "), random_sum(depth - 1), say(", 0.25)"); break;
    case 12: say("batch_norm("), random_sum(depth - 1), say(", bm, vn)"); break;
    case 13: say("sum_children("), random_sum(depth - 1), say(")"); break;
    default: say("clip("), random_sum(depth - 1), say(", -0.5, 0.75)"); break;
  }
}

static void random_sum(int depth) {
  random_vector(depth);
  while (any(5) < 3 && now->size < LARGEST_TEXT) {
    say("%s", any(2) ? " + " : any(3) ? " * " : any(2) ? " - " : " / ");
    random_vector(depth - (int)any(2));
  }
}

/* Mostly a cell, of states h and c. Random equations rarely fit a size of their own, so that those are few. */
static void random_cell(void) {
  static const char *const names[] = {"c'", "a", "b", "d", "e"};
  const int depth = 1 + (int)any(4);
  is_recursive = any(3) == 0;
  if (any(4) == 0) say("input i\n");
  if (any(4) == 0) say("input j\nsize j = %s\n", any(2) ? "H" : "3");
  if (any(6) == 0) say("size c = %s\n", any(2) ? "H" : "2*H");
  if (any(8) == 0) say("init h = 0.5\n");
  say("h' = "), random_sum(depth);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (any(3)) say("\n%s = ", names[i]), random_sum(depth);
  }
  if (any(2)) say("\nu1, u2 = "), random_sum(depth);
  if (any(3) == 0) say("\nw1, w2 = %s", any(2) ? "v" : "z\nz = softmax(h * v)");
  if (any(3) == 0) say("\nm1, m2 = %s", any(3) ? "M" : "drop_connect(M, 0.5)");
  if (any(6) == 0) say("\nn1, n2 = %s", any(2) ? "blocks(N, 2)" : "m2");
  if (any(6) == 0) say("\ny = "), random_sum(depth);
  say("\n");
}

/* Equations that nothing reads are errors: without them more of the random ones are cells. */
static void drop_unread(void) {
  for (int tries = 0; tries < 12; tries++) {
    swiftrnn_equations *equations = NULL;
    if (swiftrnn_cell_parse(now->text, now->size, &equations) == SWIFTRNN_STATUS_OK) {
      swiftrnn_equations_destroy(equations);
      return;
    }
    int line = 0;
    const char *message = swiftrnn_last_error();
    if (strstr(message, "reads \"") == NULL || sscanf(message, "line %d", &line) != 1) return;
    char *start = now->text, *end;
    now->text[now->size] = 0;
    while (--line > 0 && (start = strchr(start, '\n')) != NULL) start++;
    if (start == NULL || (end = strchr(start, '\n')) == NULL) return;
    memmove(start, end + 1, (size_t)(now->text + now->size - end));
    now->size -= end + 1 - start;
  }
}

static void mutate(void) {
  static const char signs[] = "'[]()=,+-*/@<>#\n \t.0123456789ehxWU_\0\xff\xe9";
  static const char *const words[] = {
      "2147483647", "2147483648", "99999999999999999999", "1e308", "1e-320", "h'", "h[2]", "like lstm\n",
      "size h = 2*H\n", "input t\n", "init h = -1e30\n", "U @ ", "blocks(U, 3)", "drop_connect(U, 0.9999999999999999)",
      "sum(", "softmax(", " @ ", ", per_sequence", "scalar(", "a, b = U @ h\n", "size W = 2147483647\n", "/ 0",
      "zoneout(h, x, 0.5)", "where(h > x, h, x)", "y = h\n", "size x = H\n", "\xc3\xa9", "tnah(", "h' = ",
      "init U = orthogonal\n", "init W = uniform(-1, 1)\n", "init M = identity(2)\n", "init u = chrono(9)\n"};
  for (int64_t changes = 1 + any(4); changes > 0; changes--) {
    char *text = now->text;
    const int64_t size = now->size, at = size > 0 ? any(size) : 0;
    char piece[80];
    int64_t count = 0;
    switch (any(6)) {
      case 0: if (size > 0) text[at] = signs[any((int64_t)sizeof signs)]; break;
      case 1:
        for (int64_t dropped = any(12); dropped > 0 && at < now->size; dropped--) {
          memmove(text + at, text + at + 1, (size_t)(--now->size - at));
        }
        break;
      case 2: piece[0] = signs[any((int64_t)sizeof signs)], count = 1; break;
      case 3: count = snprintf(piece, sizeof piece, "%s", ONE_OF(words)); break;
      default:
        count = size == 0 ? 0 : any(40);
        const int64_t from = size == 0 ? 0 : any(size);
        if (from + count > size) count = size - from;
        memcpy(piece, text + from, (size_t)count);
    }
    if (count == 0 || size + count > LARGEST_TEXT) continue;
    memmove(text + at + count, text + at, (size_t)(size - at));
    memcpy(text + at, piece, (size_t)count);
    now->size += count;
  }
}

/* Cells that have these in their texts give something else in training. */
static const char *const training_words[] = {"dropout", "zoneout", "drop_connect", "batch_norm", NULL};

/* Whether a text has one of the words, or a text has that it is like. */
static int says(const char *text, int64_t size, int depth, const char *const *words) {
  for (int i = 0; words[i] != NULL; i++) {
    if (memmem(text, (size_t)size, words[i], strlen(words[i])) != NULL) return 1;
  }
  const char *like = (const char *)memmem(text, (size_t)size, "like ", 5);
  char name[64], found[4096];
  int64_t count = 0;
  if (like == NULL || depth == 0) return 0;
  memset(name, 0, sizeof name);
  memcpy(name, like + 5, (size_t)(text + size - like - 5 < 63 ? text + size - like - 5 : 63));
  name[strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789")] = 0;
  if (swiftrnn_cell_text(name, found, sizeof found, &count) != SWIFTRNN_STATUS_OK) return 0;
  return says(found, count - 1, depth - 1, words);
}

#endif
