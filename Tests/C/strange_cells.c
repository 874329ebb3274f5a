/* Cells from strangers: texts that were written to break things, texts of random equations, and those of the library
 * with pieces changed. Whatever they say, no call may crash, hang, eat memory or write beside its buffers; and where a
 * text is a cell, its networks keep the promises on bits: inference and training, threads, packed weights, streams.
 *
 *     strange_cells                     the texts below, and some hundred others
 *     strange_cells SECONDS [SEED]      others for that long
 *     strange_cells SECONDS SEED ROUND  one of them again
 *     strange_cells FILE                the text of a file, in many sizes
 *
 * Texts are tried in child processes, so that a crash is a finding and not the end. Valid in C11 and in C++17. */
#include "processes.h"
#include "refused.h"

#include <math.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

/* A tool that slows programs down may be given more time: -DSWIFTRNN_TEST_SLOWER=50 */
#ifndef SWIFTRNN_TEST_SLOWER
#define SWIFTRNN_TEST_SLOWER 1
#endif

enum { LARGEST_TEXT = 65536, TEXTS_OF_A_CHILD = 100, MOST_STATES = 16, MOST_INPUTS = 15, MOST_WRITTEN = 4000 };

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
  char text[LARGEST_TEXT + 4096];
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

static void say(const char *format, ...) {
  const int64_t room = (int64_t)sizeof now->text - now->size;
  va_list list;
  va_start(list, format);
  const int64_t count = vsnprintf(now->text + now->size, (size_t)room, format, list);
  va_end(list);
  now->size += count < room ? count : room - 1;
}

/* A piece for each number from 1 on: "%1$x" is the number, "%2$x" the one before. */
static void each(int64_t count, const char *format) {
  for (int64_t i = 1; i <= count && now->size < LARGEST_TEXT; i++) say(format, (unsigned)i, (unsigned)i - 1);
}

enum { MADE = 34 };

/* Texts whose size is the danger, `n` of something. */
static void make(int64_t kind, int64_t n) {
  switch (kind) {
    case 0: say("h' = tanh(a%x @ x)\n", (int)n), each(n, "a%1$x = a%2$x\n"); break;
    case 1: say("h' = tanh(a%x)\na0 = W @ x\n", (int)n), each(n, "a%1$x = a%2$x * h + x\n"); break;
    case 2: say("h' = x"), each(n, " + W%1$x @ x"); break;
    case 3: say("h' = x"), each(n, " + U%1$x @ h"); break;
    case 4: say("h' = x"), each(n, " + p%1$x * h"); break;
    case 5: say("h' = x"), each(n, " + tanh(p%1$x + h)"); break;
    case 6: say("h' = a%x\na0 = x\n", (int)n), each(n, "a%1$x = tanh(a%2$x)\n"); break;
    case 7: say("h' = a%x\na0 = h\n", (int)n), each(n, "a%1$x = U @ a%2$x\n"); break;
    case 8: say("h' = x"), each(n, " + s%1$x"), say("\n"), each(n, "s%1$x' = s%1$x * h + x\n"); break;
    case 9: each(n, "input i%1$x\nsize i%1$x = 3\n"), say("h' = x"), each(n, " + W%1$x @ i%1$x"); break;
    case 10: say("h' = tanh(a%x)\n", (int)n), each(n, "a%1$x, b%1$x = a%2$x\n"); break;
    case 11: each(n, "a%1$x,"), say("z = W @ x\nh' = z"), each(n, " + a%1$x"); break;
    case 12: say("h' = "), each(n, "-("), say("x"), each(n, ")"); break;
    case 13: say("h' = x"), each(n, " + p%1$x"), say("\n"), each(n, "size p%1$x = k%1$x\n"); break;
    case 14: say("h' = x"), each(n, " + clip(h, -%1$x, %1$x)"); break;
    case 15: say("h' = x"), each(n, " + dropout(h, 0.%1$x)"); break;
    case 16: say("h' = x"), each(n, " + drop_connect(U, 0.%1$x) @ h"); break;
    case 17: say("h' = x"), each(n, " + blocks(U%1$x, H) @ h"); break;
    case 18: say("h' = a * b"), each(n, "b"); break;
    case 19: say("h' = x * 1"), each(n, "0"); break;
    case 20: say("h' = "), each(n, "softmax("), say("x + h"), each(n, ")"); break;
    case 21: say("h' = a%x\na0 = x\n", (int)n), each(n, "a%1$x = where(a%2$x>h,U@a%2$x,v)\n"); break;
    /* Cuts that overlap. */
    case 22:
      say("size v = 720720\nh' = U @ h");
      for (int64_t i = 1; i <= n && i < 64; i++) say(" + sum(c%dx1)", (int)i);
      say("\n");
      for (int64_t i = 1; i <= n && i < 64; i++) {
        for (int64_t k = 1; k <= i; k++) say("%sc%dx%d", k > 1 ? ", " : "", (int)i, (int)k);
        say(" = v\n");
      }
      break;
    case 23: say("h' = h"), each(n, "h"), say("(x)"); break;
    case 24: say("h' = x"), each(n, " * p%1$x"), say("\n"), each(n, "init p%1$x = %1$x\n"); break;
    case 25: say("h' = x"), each(n, " + U%1$x @ h[%1$x]"); break;
    case 26: say("h' = x + "), each(n, "W @ "), say("x"); break;
    case 27: say("h' = x * s\ns = scalar(a)"), each(n, " + scalar(a%1$x) * scalar(a%1$x)"); break;
    case 28: say("h' = a%x\na0 = p\n", (int)n), each(n, "a%1$x = tanh(a%2$x * q%1$x)\n"); break;
    case 29: say("h' = x"), each(n, " - sum(h * p%1$x) * mean(x - %1$x)"); break;
    case 30: say("h' = m%x @ x\nm0 = U\n", (int)n), each(n, "m%1$x, n%1$x = m%2$x\n"); break;
    case 31: say("h' = x"), each(n, " + layer_norm(p%1$x) + batch_norm(h, m%1$x, v%1$x)"); break;
    case 32: say("h' = z + x\nz = a0"), each(n, " + a%1$x"), say("\na0"), each(n, ", a%1$x"), say(" = U @ h\n"); break;
    default: say("h' = x"), each(n, " + max(h, p%1$x) / sqrt(h)"); break;
  }
}

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

/* ---- Calls -------------------------------------------------------------------------------------------------------*/

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int64_t resident(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (int64_t)usage.ru_maxrss << 10;
}

/* A call that takes longer ends the child, with SIGPROF. */
static void begin(const char *call) {
  struct itimerval limit;
  memset(&limit, 0, sizeof limit);
  limit.it_value.tv_sec = longest_call;
  setitimer(ITIMER_PROF, &limit, NULL);
  snprintf(now->call, sizeof now->call, "%s", call);
}
#define CALL(function, ...) (begin(#function), function(__VA_ARGS__))
#define EXPECT_OK(function, ...)                                                     \
  do {                                                                               \
    if (CALL(function, __VA_ARGS__) != SWIFTRNN_STATUS_OK) fail("%s", swiftrnn_last_error()); \
  } while (0)

static int trains_otherwise(const char *text, int64_t size, int depth) {
  static const char *const words[] = {"dropout", "zoneout", "drop_connect", "batch_norm"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
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
  return trains_otherwise(found, count - 1, depth - 1);
}

/* All arrays of a pass: watched memory. */
static buffer arrays[8192];
static int array_count, first_output;

static void *array(const char *name, int64_t bytes) {
  if (array_count == (int)(sizeof arrays / sizeof *arrays)) required(NULL);
  arrays[array_count] = buffer_make(name, (size_t)bytes, any(2) ? BORDER_END : BORDER_START);
  return arrays[array_count++].data;
}

typedef struct cell_pass {
  swiftrnn_network *network;
  swiftrnn_dtype dtype;
  size_t element;
  int64_t inputs, layers, directions, steps, sequences, outputs, state_count, input_count, parameter_count;
  int64_t state_width[MOST_STATES], input_width[MOST_INPUTS];
  int trains_otherwise;
  swiftrnn_forward_args forward;
  swiftrnn_backward_args backward;
  void *workspace_weights;
  int64_t workspace_weights_size;
} cell_pass;

static void *numbers(cell_pass *p, const char *name, int64_t count, int kind) {
  void *data = array(name, count * (int64_t)p->element);
  static const double odd[] = {NAN, INFINITY, -INFINITY, 1e30, -1e30, 1e-40, 0, -0.0, 1, 1e300};
  for (int64_t i = 0; i < count && kind >= 0; i++) {
    const double value = 0.5 * next_uniform(&random_state);
    set_number(p->dtype, data, i, kind == 2 ? 0 : kind == 1 && any(20) == 0 ? odd[any(10)] : value);
  }
  return data;
}

/* `kind` -1: to be written. */
static void **state_arrays(cell_pass *p, const char *name, int kind) {
  void **pointers = (void **)array("pointers", MOST_STATES * (int64_t)sizeof(void *));
  for (int64_t i = 0; i < p->state_count; i++) {
    pointers[i] = numbers(p, name, p->layers * p->directions * p->sequences * p->state_width[i], kind);
  }
  return pointers;
}

static void **parameter_arrays(cell_pass *p, const char *name, int kind) {
  void **pointers = (void **)array("pointers", p->parameter_count * (int64_t)sizeof(void *));
  if (p->parameter_count > 200 || any(3) == 0) {
    int64_t flat = 0;
    EXPECT_OK(swiftrnn_network_flat_count, p->network, &flat);
    void *memory = numbers(p, name, flat, kind);
    EXPECT_OK(swiftrnn_network_flat_pointers, p->network, memory, flat * (int64_t)p->element, pointers,
              p->parameter_count);
    return pointers;
  }
  for (int64_t i = 0; i < p->parameter_count; i++) {
    swiftrnn_parameter_info info;
    EXPECT_OK(swiftrnn_network_parameter_info, p->network, i, &info);
    pointers[i] = numbers(p, name, info.elements, kind);
  }
  return pointers;
}

/* Draws the parameters anew, somehow. All that is drawn is a number. */
static void initialize(cell_pass *p, void *const *parameters) {
  swiftrnn_initializer initializer;
  EXPECT_OK(swiftrnn_initializer_init, &initializer, (int64_t)sizeof initializer);
  initializer.weights = (swiftrnn_distribution)any(12), initializer.recurrent = (swiftrnn_distribution)any(12);
  initializer.bias = (swiftrnn_distribution)any(4), initializer.forget_gate = (swiftrnn_forget_gate)any(3);
  initializer.bias_scale = (double)any(3), initializer.forget_value = (double)(2 + any(100));
  const uint64_t seed = next_random(&random_state);
  const int status = (int)CALL(swiftrnn_network_initialize_with, p->network, &initializer, seed, parameters,
                               p->parameter_count);
  if (status == (int)SWIFTRNN_STATUS_UNSUPPORTED && initializer.forget_gate != SWIFTRNN_FORGET_GATE_AS_BIAS) return;
  if (status != (int)SWIFTRNN_STATUS_OK) fail("%s", swiftrnn_last_error());
  for (int64_t i = 0; i < p->parameter_count; i++) {
    swiftrnn_parameter_info info;
    EXPECT_OK(swiftrnn_network_parameter_info, p->network, i, &info);
    for (int64_t j = 0; j < info.elements; j++) {
      if (isnan(get_number(p->dtype, parameters[i], j))) fail("parameter %s is NaN", info.name);
    }
  }
}

static void **input_arrays(cell_pass *p, const char *name, int kind) {
  void **pointers = (void **)array("pointers", MOST_INPUTS * (int64_t)sizeof(void *));
  for (int64_t i = 0; i < p->input_count; i++) {
    pointers[i] = numbers(p, name, p->steps * p->sequences * p->input_width[i], kind);
  }
  return pointers;
}

static int is_output(const char *name, const char *const *wanted) {
  for (; *wanted != NULL; wanted++) {
    if (strcmp(name, *wanted) == 0) return 1;
  }
  return 0;
}

/* Results of the forward pass, and of the backward pass. */
static const char *const forward_results[] = {"y", "final state", NULL};
static const char *const backward_results[] = {"dx", "dstate", "gradient", "dinput", NULL};

static void keep_results(const char *const *names) {
  for (int i = first_output; i < array_count; i++) {
    if (is_output(arrays[i].name, names)) buffer_keep(&arrays[i]);
  }
}

/* The results are those that were kept; NaN is like NaN. Then they are spoiled for the next call. */
static void compare(const cell_pass *p, const char *const *names, const char *what) {
  for (int i = first_output; i < array_count; i++) {
    const buffer *b = &arrays[i];
    if (!is_output(b->name, names)) continue;
    const unsigned char *kept = b->kept + (b->data - b->pages);
    for (int64_t k = 0; memcmp(b->data, kept, b->size) != 0 && k < (int64_t)(b->size / p->element); k++) {
      const size_t at = (size_t)k * p->element;
      if (memcmp(b->data + at, kept + at, p->element) == 0) continue;
      const double is = get_number(p->dtype, b->data, k), was = get_number(p->dtype, kept, k);
      if (isnan(is) && isnan(was)) continue;
      fail("%s: number %" PRId64 " of %s is %.17g, was %.17g", what, k, b->name, is, was);
      break;
    }
    memset(b->data, 0x5a, b->size);
  }
}

static void check_borders(void) {
  for (int i = 0; i < array_count; i++) {
    if (!buffer_is_bounded(&arrays[i])) fail("wrote beside %s", arrays[i].name);
    if (i < first_output && !buffer_is_kept(&arrays[i])) fail("wrote to %s", arrays[i].name);
  }
}

static void stream(cell_pass *p, const swiftrnn_weights *weights) {
  swiftrnn_stream *stream = NULL;
  if (CALL(swiftrnn_stream_create, p->network, weights, p->sequences, &stream) != SWIFTRNN_STATUS_OK) {
    if (p->directions == 1) fail("%s", swiftrnn_last_error());
    return;
  }
  const size_t x_row = (size_t)(p->sequences * p->inputs) * p->element;
  const size_t y_row = (size_t)(p->sequences * p->outputs) * p->element;
  const int given = p->forward.initial_states != NULL;
  if (given) EXPECT_OK(swiftrnn_stream_set_state, stream, p->forward.initial_states, p->state_count);
  for (int64_t t = 0; t < p->steps; t++) {
    const void *inputs[MOST_INPUTS];
    for (int64_t i = 0; i < p->input_count; i++) {
      inputs[i] = (const char *)p->forward.inputs[i] + (size_t)(t * p->sequences * p->input_width[i]) * p->element;
    }
    const void *x = (const char *)p->forward.x + (size_t)t * x_row;
    void *y = (char *)p->forward.y + (size_t)t * y_row;
    if (p->input_count > 0) {
      EXPECT_OK(swiftrnn_stream_step_inputs, stream, x, inputs, p->input_count, y);
    } else {
      EXPECT_OK(swiftrnn_stream_step, stream, x, y);
    }
  }
  EXPECT_OK(swiftrnn_stream_get_state, stream, p->forward.final_states, p->state_count);
  if (p->forward.lengths == NULL) compare(p, forward_results, "stream");
  swiftrnn_stream_destroy(stream);
}

/* Runs everything that a network can do. */
static void pass(cell_pass *p) {
  swiftrnn_forward_args *f = &p->forward;
  swiftrnn_backward_args *b = &p->backward;
  const int kind = any(4) == 0 ? 1 : any(10) == 0 ? 2 : 0;
  int64_t tape = 0, forward = 0, backward = 0, weights_size = 0, flat = 0;
  int64_t *const sizes[] = {&forward, &weights_size, &backward};
  if (CALL(swiftrnn_network_tape_size, p->network, p->steps, p->sequences, &tape) != SWIFTRNN_STATUS_OK) return;
  for (int i = 0; i < 3; i++) {
    if (CALL(swiftrnn_network_workspace_size, p->network, (swiftrnn_workspace)i, p->steps, p->sequences, sizes[i]) !=
        SWIFTRNN_STATUS_OK)
      return;
  }
  EXPECT_OK(swiftrnn_network_flat_count, p->network, &flat);
  if (flat > largest_pass || tape > largest_pass || forward > largest_pass || backward > largest_pass ||
      p->steps * p->sequences * (p->inputs + p->outputs) > largest_pass)
    return;
  now->passes++;

  array_count = 0;
  f->size = sizeof *f, b->size = sizeof *b;
  f->steps = b->steps = p->steps;
  f->sequences = b->sequences = p->sequences;
  f->state_count = b->state_count = p->state_count;
  f->parameter_count = b->parameter_count = p->parameter_count;
  f->input_count = b->input_count = p->input_count;
  f->seed = next_random(&random_state), f->first_sequence = any(3);
  f->x = b->x = numbers(p, "x", p->steps * p->sequences * p->inputs, kind);
  b->dy = any(8) ? numbers(p, "dy", p->steps * p->sequences * p->outputs, kind) : NULL;
  if (any(2) && p->sequences > 0) {
    int64_t *lengths = (int64_t *)array("lengths", p->sequences * (int64_t)sizeof(int64_t));
    for (int64_t i = 0; i < p->sequences; i++) lengths[i] = any(p->steps + 1);
    f->lengths = b->lengths = lengths;
  }
  void **parameters = parameter_arrays(p, "parameter", kind);
  /* Orthogonal matrices take the third power of their size. */
  if (flat <= 1 << 16 && any(4) == 0) initialize(p, parameters);
  f->parameters = b->parameters = (const void *const *)parameters;
  if (any(4)) f->initial_states = b->initial_states = (const void *const *)state_arrays(p, "initial state", kind);
  if (any(4)) b->final_state_gradients = (const void *const *)state_arrays(p, "dfinal", kind);
  f->inputs = b->inputs = (const void *const *)input_arrays(p, "input", kind);
  first_output = array_count;
  f->y = numbers(p, "y", p->steps * p->sequences * p->outputs, -1);
  f->final_states = (void *const *)state_arrays(p, "final state", -1);
  b->dx = any(8) ? numbers(p, "dx", p->steps * p->sequences * p->inputs, -1) : NULL;
  b->initial_state_gradients = (void *const *)state_arrays(p, "dstate", -1);
  b->gradients = (void *const *)parameter_arrays(p, "gradient", -1);
  b->input_gradients = (void *const *)input_arrays(p, "dinput", -1);
  f->tape_size = b->tape_size = tape, f->workspace_size = forward, b->workspace_size = backward;
  f->tape = array("tape", tape), b->tape = f->tape;
  f->workspace = array("workspace", forward), b->workspace = array("backward workspace", backward);
  void *workspace_weights = array("workspace with weights", weights_size);
  for (int i = 0; i < first_output; i++) buffer_keep(&arrays[i]);

  swiftrnn_forward_args inference = *f;
  inference.tape = NULL, inference.tape_size = 0;
  swiftrnn_set_num_threads(1);
  EXPECT_OK(swiftrnn_network_forward, p->network, &inference);
  keep_results(forward_results);
  swiftrnn_weights *weights = NULL;
  EXPECT_OK(swiftrnn_weights_create, p->network, f->parameters, p->parameter_count, &weights);
  if (weights != NULL) {
    swiftrnn_forward_args packed = inference;
    packed.weights = weights, packed.workspace = workspace_weights, packed.workspace_size = weights_size;
    EXPECT_OK(swiftrnn_network_forward, p->network, &packed);
    compare(p, forward_results, "packed weights");
    stream(p, weights);
    swiftrnn_weights_destroy(weights);
  }
  swiftrnn_set_num_threads(3);
  EXPECT_OK(swiftrnn_network_forward, p->network, &inference);
  compare(p, forward_results, "3 threads");
  EXPECT_OK(swiftrnn_network_forward, p->network, f);
  if (p->trains_otherwise) keep_results(forward_results);
  if (!p->trains_otherwise) compare(p, forward_results, "training");
  EXPECT_OK(swiftrnn_network_backward, p->network, b);
  keep_results(backward_results);
  swiftrnn_set_num_threads(1);
  EXPECT_OK(swiftrnn_network_forward, p->network, f);
  compare(p, forward_results, "training with 1 thread");
  EXPECT_OK(swiftrnn_network_backward, p->network, b);
  compare(p, backward_results, "backward with 1 thread");
  check_borders();
  for (int i = 0; i < array_count; i++) buffer_free(&arrays[i]);
}

static void describe_network(const swiftrnn_network *network) {
  int64_t size = 0;
  char little[64], before;
  EXPECT_OK(swiftrnn_network_describe, network, NULL, 0, &size);
  buffer text = buffer_make("text", (size_t)size, BORDER_END);
  EXPECT_OK(swiftrnn_network_describe, network, (char *)text.data, size, NULL);
  if (!buffer_is_bounded(&text) || strlen((char *)text.data) + 1 != (size_t)size) fail("%" PRId64 " bytes", size);
  const int64_t some = 1 + any(40);
  before = little[some] = (char)CANARY;
  EXPECT_OK(swiftrnn_network_describe, network, little, some, NULL);
  if (little[some] != before || memchr(little, 0, (size_t)some) == NULL) fail("wrote beside %" PRId64 " bytes", some);
  buffer_free(&text);
}

static void query(cell_pass *p) {
  EXPECT_OK(swiftrnn_network_parameter_count, p->network, &p->parameter_count);
  EXPECT_OK(swiftrnn_network_state_count, p->network, &p->state_count);
  EXPECT_OK(swiftrnn_network_input_count, p->network, &p->input_count);
  if (p->state_count > MOST_STATES || p->input_count > MOST_INPUTS) fail("too many states or inputs");
  int64_t flat = 0, sum = 0;
  EXPECT_OK(swiftrnn_network_flat_count, p->network, &flat);
  for (int64_t i = 0; i < p->parameter_count && p->parameter_count < 20000; i++) {
    swiftrnn_parameter_info info;
    EXPECT_OK(swiftrnn_network_parameter_info, p->network, i, &info);
    if (info.offset != sum || info.elements != info.shape[0] * info.shape[1] || info.elements < 1 ||
        memchr(info.name, 0, sizeof info.name) == NULL)
      fail("parameter %" PRId64, i);
    sum += info.elements;
  }
  if (p->parameter_count < 20000 && sum != flat) fail("%" PRId64 " elements, and %" PRId64, sum, flat);
  for (int64_t i = 0; i < p->state_count; i++) {
    swiftrnn_state_info info;
    EXPECT_OK(swiftrnn_network_state_info, p->network, i, &info);
    p->state_width[i] = info.width;
    if (memchr(info.name, 0, sizeof info.name) == NULL || info.width < 1) fail("state %" PRId64, i);
  }
  for (int64_t i = 0; i < p->input_count; i++) {
    swiftrnn_input_info info;
    EXPECT_OK(swiftrnn_network_input_info, p->network, i, &info);
    p->input_width[i] = info.width;
    if (memchr(info.name, 0, sizeof info.name) == NULL || info.width < 1) fail("input %" PRId64, i);
  }
}

/* The same over the nodes of trees: from parents at random, inference and training, 1 and 3 threads. */
static void forest(cell_pass *p) {
  enum { MOST_NODES = 40 };
  int64_t parents[MOST_NODES], tape = 0, forward = 0, backward = 0, flat = 0;
  const int64_t nodes = any(MOST_NODES);
  const int is_chain = any(4) == 0;
  for (int64_t i = 0; i < nodes; i++) {
    const int is_root = i + 1 == nodes || (!is_chain && any(5) == 0);
    parents[i] = is_root ? -1 : is_chain ? i + 1 : i + 1 + any(nodes - i - 1);
  }
  swiftrnn_forest *made = NULL;
  EXPECT_OK(swiftrnn_forest_create, parents, nodes, &made);
  const int is_refused = CALL(swiftrnn_forest_tape_size, p->network, made, &tape) != SWIFTRNN_STATUS_OK;
  if (!is_refused) {
    EXPECT_OK(swiftrnn_forest_workspace_size, p->network, made, SWIFTRNN_WORKSPACE_FORWARD, &forward);
    EXPECT_OK(swiftrnn_forest_workspace_size, p->network, made, SWIFTRNN_WORKSPACE_BACKWARD, &backward);
    EXPECT_OK(swiftrnn_network_flat_count, p->network, &flat);
  }
  if (is_refused || flat > largest_pass || tape > largest_pass || forward > largest_pass || backward > largest_pass) {
    swiftrnn_forest_destroy(made);
    return;
  }
  const int kind = any(4) == 0 ? 1 : 0;
  swiftrnn_forest_forward_args f;
  swiftrnn_forest_backward_args b;
  memset(&f, 0, sizeof f), memset(&b, 0, sizeof b);
  now->passes++;
  array_count = 0;
  p->steps = 1, p->sequences = nodes;
  f.size = sizeof f, b.size = sizeof b;
  f.state_count = b.state_count = p->state_count;
  f.parameter_count = b.parameter_count = p->parameter_count;
  f.input_count = b.input_count = p->input_count;
  f.seed = next_random(&random_state);
  f.x = b.x = numbers(p, "x", nodes * p->inputs, kind);
  b.dy = any(4) ? numbers(p, "dy", nodes * p->outputs, kind) : NULL;
  f.parameters = b.parameters = (const void *const *)parameter_arrays(p, "parameter", kind);
  f.inputs = b.inputs = (const void *const *)input_arrays(p, "input", kind);
  if (any(2)) b.state_gradients = (const void *const *)state_arrays(p, "dfinal", kind);
  first_output = array_count;
  f.y = numbers(p, "y", nodes * p->outputs, -1);
  f.final_states = (void *const *)state_arrays(p, "final state", -1);
  b.dx = any(4) ? numbers(p, "dx", nodes * p->inputs, -1) : NULL;
  b.gradients = (void *const *)parameter_arrays(p, "gradient", -1);
  b.input_gradients = (void *const *)input_arrays(p, "dinput", -1);
  f.tape_size = b.tape_size = tape, f.workspace_size = forward, b.workspace_size = backward;
  f.tape = array("tape", tape), b.tape = f.tape;
  f.workspace = array("workspace", forward), b.workspace = array("backward workspace", backward);
  for (int i = 0; i < first_output; i++) buffer_keep(&arrays[i]);
  swiftrnn_forest_forward_args inference = f;
  inference.tape = NULL, inference.tape_size = 0;
  swiftrnn_set_num_threads(1);
  EXPECT_OK(swiftrnn_forest_forward, p->network, made, &inference);
  keep_results(forward_results);
  swiftrnn_set_num_threads(3);
  EXPECT_OK(swiftrnn_forest_forward, p->network, made, &inference);
  compare(p, forward_results, "forest, 3 threads");
  EXPECT_OK(swiftrnn_forest_forward, p->network, made, &f);
  if (p->trains_otherwise) keep_results(forward_results);
  if (!p->trains_otherwise) compare(p, forward_results, "forest, training");
  EXPECT_OK(swiftrnn_forest_backward, p->network, made, &b);
  keep_results(backward_results);
  swiftrnn_set_num_threads(1);
  EXPECT_OK(swiftrnn_forest_forward, p->network, made, &f);
  compare(p, forward_results, "forest, training with 1 thread");
  EXPECT_OK(swiftrnn_forest_backward, p->network, made, &b);
  compare(p, backward_results, "forest, backward with 1 thread");
  check_borders();
  for (int i = 0; i < array_count; i++) buffer_free(&arrays[i]);
  swiftrnn_forest_destroy(made);
}

static double network_of_text(const swiftrnn_equations *equations, int is_absurd, int64_t resident_before) {
  static const int64_t absurd[] = {0,        -1,          1,        2,        16,       1000,
                                   46341,    65536,       1 << 20,  1 << 30,  MOST - 1, MOST,
                                   MOST + 1, MOST << 10,  INT64_MAX, INT64_MIN};
  enum { ABSURD = sizeof absurd / sizeof *absurd, MOST_NAMES = 8 };
  cell_pass p;
  swiftrnn_config config;
  memset(&p, 0, sizeof p);
  swiftrnn_config_init(&config, sizeof config, SWIFTRNN_EQUATIONS);
  p.dtype = config.dtype = any(2) ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
  p.element = config.dtype == SWIFTRNN_FLOAT64 ? 8 : 4;
  config.hidden_size = is_absurd ? absurd[any(ABSURD)] : any(3) ? 2 + 2 * any(10) : 1 + any(20);
  config.input_size = is_absurd && any(2) ? absurd[any(ABSURD)] : any(2) ? config.hidden_size : 1 + any(20);
  config.num_layers = any(2) ? 1 : 1 + any(is_absurd ? 1024 : 3);
  config.num_directions = 1 + (int32_t)any(2);
  if (config.num_layers > 1 && any(3) == 0) config.dropout = 0.25;
  char names[MOST_NAMES][64];
  swiftrnn_named_size sizes[MOST_NAMES];
  int64_t count = 0;
  int status = 0;
  double time = 0;
  for (;;) {
    snprintf(now->sizes, sizeof now->sizes,
             "dtype %d, I %" PRId64 ", H %" PRId64 ", layers %" PRId64 ", directions %d, dropout %g", (int)config.dtype,
             config.input_size, config.hidden_size, config.num_layers, (int)config.num_directions, config.dropout);
    const double start = seconds();
    status = CALL(swiftrnn_network_create_equations, equations, &config, count > 0 ? sizes : NULL, count, &p.network);
    time = seconds() - start;
    const int64_t grown = resident() - resident_before;
    if (grown > now->grown) now->grown = grown, now->largest_round = now->round;
    if (grown > largest_compile) fail("compiling took %" PRId64 " MiB", grown >> 20);
    if (status == SWIFTRNN_STATUS_OK || count == MOST_NAMES) break;
    const char *name = strstr(swiftrnn_last_error(), "the size \"");
    if (name == NULL || strstr(name, "must be given") == NULL) break;
    snprintf(names[count], sizeof names[count], "%s", name + 10);
    names[count][strcspn(names[count], "\"")] = 0;
    sizes[count].name = names[count];
    sizes[count].value = is_absurd ? absurd[any(ABSURD)] : any(2) ? config.hidden_size : 1 + any(4);
    count++;
  }
  if (status != SWIFTRNN_STATUS_OK) {
    if (p.network != NULL || strlen(swiftrnn_last_error()) == 0) fail("refused, but made, or without a message");
    return time;
  }
  now->networks++;
  query(&p);
  describe_network(p.network);
  p.inputs = config.input_size, p.layers = config.num_layers, p.directions = config.num_directions;
  EXPECT_OK(swiftrnn_network_output_size, p.network, &p.outputs);
  p.trains_otherwise = trains_otherwise(now->text, now->size, 5) || config.dropout > 0;
  if (is_absurd) {
    for (int i = 0; i < 6; i++) {
      int64_t size = 0;
      const int64_t steps = absurd[any(ABSURD)], sequences = absurd[any(ABSURD)];
      (void)CALL(swiftrnn_network_tape_size, p.network, steps, sequences, &size);
      for (int purpose = 0; purpose < 3; purpose++) {
        (void)CALL(swiftrnn_network_workspace_size, p.network, (swiftrnn_workspace)purpose, steps, sequences, &size);
      }
    }
  }
  p.steps = any(8), p.sequences = any(6);
  if (any(4) == 0) p.steps = 1 + any(60), p.sequences = 1 + any(40);
  if (config.num_layers <= 3 && config.hidden_size <= 1000) {
    pass(&p);
    forest(&p);
  }
  swiftrnn_network_destroy(p.network);
  return time;
}

/* The text of `now`: read, and where it is a cell, made to networks that are run. */
static void try_text(int networks) {
  swiftrnn_equations *equations = NULL;
  const int64_t before = resident();
  now->texts++;
  snprintf(now->sizes, sizeof now->sizes, "no network");
  /* What lies behind the text is not read. */
  buffer text = buffer_make("text", (size_t)now->size, BORDER_END);
  memcpy(text.data, now->text, (size_t)now->size);
  const double start = seconds();
  const int status = CALL(swiftrnn_cell_parse, (const char *)text.data, now->size, &equations);
  const double parsing = seconds() - start;
  double time = parsing;
  buffer_free(&text);
  if (status != SWIFTRNN_STATUS_OK) {
    const size_t length = strlen(swiftrnn_last_error());
    if (equations != NULL || length == 0 || length > 1023) fail("refused, but made, or without a message");
  } else {
    now->cells++;
    for (int i = 0; i < networks; i++) {
      const double made = parsing + network_of_text(equations, i % 3 == 2, i == 0 ? before : resident());
      if (made > time) time = made;
    }
    swiftrnn_equations_destroy(equations);
  }
  if (time > longest_compile) fail("compiled in %.1f s", time);
  if (time > now->slowest) now->slowest = time, now->slowest_round = now->round;
}

/* ---- Rounds ------------------------------------------------------------------------------------------------------*/

/* Each was a bug once, or is nearly one. */
static const char *const corpus[] = {
    "h' = W @ x + U @ h",
    /* An output, a state, a mask of parameters only: there is no row of the batch that they were from. */
    "h' = tanh(a * 2)\na, b = p",
    "c' = exp(p) / q\nh' = c' * tanh(U @ h)",
    "h' = dropout(p, 0.5) * gelu(h)",
    "h' = zoneout(p, q, 0.5)\ny = U @ dropout(r, 0.5, per_sequence)",
    "h' = 0.5",
    "y = p",
    /* Products of the same vector that are wanted in places apart. */
    "input a, b\nsize a = 3\nsize b = 2\nh' = x + W @ a + V @ b",
    "d = U @ h\nh' = tanh(W @ x + h * tanh(d))\ny = V @ h\nc' = Z @ h - c",
    /* A slot was free twice where a value is computed that nothing reads. */
    "input i\nc' = mean(i * h[2] + i + h[2])\nh' = tanh(c + h)",
    /* Sums over no rows at all. */
    "like lstm\nf = 1 - i",
    /* x as wide as it says itself; inputs whose size is another in each layer. */
    "size x = H\nh' = h",
    "size x = 2147483647\nh' = W @ x",
    "input a\nsize a = I\nh' = tanh(W @ a + U @ h)",
    "input a\nsize a = 2*I\nh' = U @ a",
    /* Thousands of blocks; rows of blocks; one block. */
    "h' = tanh(blocks(U, H) @ h + W @ x)",
    "h' = blocks(U, 2147483647) @ h",
    "h' = blocks(U, 1) @ h + x",
    "a, b = blocks(U, 2)\nh' = tanh(W @ x)\ny = a @ h + b @ h",
    "a, b = m\nm = drop_connect(blocks(U, 2), 0.5)\nh' = a @ h + b @ h",
    "a, b = drop_connect(U, 0.5)\nh' = a @ h * tanh(b @ h + x)",
    /* Sizes whose products do not fit. */
    "size U = 2147483647\nh' = sum(U @ x) * h",
    "size h = 2147483647*H\nh' = h",
    "like greff\no = 1",
    "size p = K\nsize h = K\nh' = p * h",
    /* Circles, and what is almost one. */
    "h' = a\na = b + a",
    "h' = h'",
    "h' = c'\nc' = h'",
    "like like\nlike = 3",
    "like lstm_zoneout\nlike lstm",
    "size = x\nh' = size\n",
    "input input\nh' = x * input",
    /* Numbers. */
    "h' = x * 1e999",
    "h' = x * 1e308 * 1e308",
    "h' = x / 0",
    "h' = dropout(x, 0.99999999999999999)",
    "h' = dropout(x, 0.9999999999999999) * h",
    "h' = clip(x, 1, -1)",
    "init h = 1e308\ninit p = -1e-320\nh' = p * h",
    "h' = h[99999999999]",
    "h' = h[2147483647] + x",
    /* A number where a vector is wanted. */
    "h' = W @ scalar(s)",
    "h' = softmax(sum(x))",
    "y = sum(x)",
    "input i\ny = i\nh' = i * h",
    "h' = sum_children(1) * x",
    "h' = where(1 > 2, x, h)",
    "h' = where(x > h, 1, 2)",
    "a, b = 2\nh' = a",
    "y, z = x\nh' = z",
    /* Bytes. */
    "",
    "\n\n#",
    "h' = (\nx\n+\n(h)\n)",
    "h' = x)",
    "\xff\xfeh' = x",
    "h' = \xc3\xa9",
};
enum { CORPUS = sizeof corpus / sizeof *corpus };

static void library_text(void) {
  int64_t count = 0, size = 0;
  char name[64];
  swiftrnn_cell_count(&count);
  swiftrnn_cell_name(any(count), name, sizeof name);
  if (any(3) == 0) {
    say("like %s\n%s", name, any(2) ? "h' = x * h\n" : "");
  } else {
    swiftrnn_cell_text(name, now->text, LARGEST_TEXT, &size);
    now->size = size - 1;
  }
}

static void round_of(int64_t round, uint64_t seed) {
  static const int64_t some[] = {1, 2, 15, 16, 17, 63, 64, 65, 300, 1000, 2000, 4000, 4096, 8000, 30000};
  now->round = round;
  now->size = 0;
  random_state = seed * 1000003 + (uint64_t)round;
  if (round < CORPUS) {
    say("%s", corpus[round]);
    try_text(9);
    return;
  }
  const int64_t kind = any(40);
  if (round < CORPUS + 5 * MADE || kind == 0) {
    const int64_t number = round < CORPUS + 5 * MADE ? round - CORPUS : any(5 * MADE);
    const int64_t sizes[5] = {3, 17, 300, 2000, 8000};
    make(number / 5, kind == 0 ? some[any(15)] : sizes[number % 5]);
    if (now->size > LARGEST_TEXT) now->size = LARGEST_TEXT;
    if (kind == 0 && any(3) == 0) mutate();
    try_text(kind == 0 ? 3 : 2);
    return;
  }
  if (kind == 1) {
    for (now->size = any(200) * any(20); now->size > 0 && random_state % 2 == 0;) now->size--;
    for (int64_t i = 0; i < now->size; i++) now->text[i] = (char)any(256);
  } else if (kind < 16) {
    library_text();
    if (any(4)) mutate();
  } else {
    random_cell();
    drop_unread();
    if (any(6) == 0) mutate();
  }
  try_text(4);
}

static char *file_text(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  now->size = (int64_t)fread(now->text, 1, LARGEST_TEXT + 1, file);
  fclose(file);
  return now->text;
}

/* Rounds until one fails, the time is over or there have been enough for a child. */
static void child(int64_t round, int64_t last, uint64_t seed, double end, const char *file) {
  struct rlimit memory = {(rlim_t)6 << 30, (rlim_t)6 << 30};
  if (SWIFTRNN_TEST_SLOWER == 1) setrlimit(RLIMIT_AS, &memory);
  for (; round < last && (double)time(NULL) < end; round++) {
    if (file == NULL) {
      round_of(round, seed);
    } else {
      now->round = round;
      random_state = seed * 1000003 + (uint64_t)round;
      try_text(60);
    }
  }
  fflush(NULL);
  now->round = round;
  _exit(EXIT_SUCCESS);
}

int main(int argc, char **argv) {
  now = (progress *)required(mmap(NULL, sizeof *now, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const double given = argc > 1 ? strtod(argv[1], NULL) : 0;
  const char *file = argc > 1 && given == 0 ? argv[1] : NULL;
  if (file != NULL && file_text(file) == NULL) return EXIT_FAILURE;
  const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  const double end = (double)time(NULL) + (given > 0 ? given : 600);
  const int64_t first = argc > 3 ? strtoll(argv[3], NULL, 10) : 0;
  const int64_t last = argc > 3 ? first + 1 : file != NULL ? 1 : given > 0 ? INT64_MAX : CORPUS + 5 * MADE + 200;
  int64_t round = first;
  while (round < last && (double)time(NULL) < end) {
    fflush(NULL);
    const int64_t until = last - round > TEXTS_OF_A_CHILD ? round + TEXTS_OF_A_CHILD : last;
    const pid_t process = fork();
    if (process == 0) child(round, until, seed, end, file);
    int status = -1;
    if (process < 0 || waitpid(process, &status, 0) != process) return EXIT_FAILURE;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) {
      round = now->round;
    } else {
      fail("the process ended with wait status %#x", (unsigned)status);
      round = now->round + 1;
    }
  }
  printf("%ld texts, %ld cells, %ld networks, %ld passes; slowest to compile %.2f s, round %" PRId64
         "; largest %" PRId64 " MiB, round %" PRId64 "\n",
         now->texts, now->cells, now->networks, now->passes, now->slowest, now->slowest_round, now->grown >> 20,
         now->largest_round);
  check_count = now->texts, check_failures = now->failures;
  return check_result();
}
