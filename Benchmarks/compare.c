/* Times two builds of libswiftrnn.so in turn, in one process, over the shapes that standard input has, a line each as
 * compare_shapes.py prints them:
 *
 *   compare OLD.so NEW.so [SECONDS-PER-SHAPE]
 *
 * prints for each shape the median over rounds of new time / old time, and whether both computed the same bits. The
 * machine's speed drifts, so only times of one round are compared. scripts/compare builds and runs this. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <swiftrnn.h>

enum work { INFERENCE, TRAINING, STREAM, FOREST_INFERENCE, FOREST_TRAINING, WORKS };
static const char *const works[] = {"inference", "training", "stream", "forest_inference", "forest_training"};

struct shape {
  int cell, work, T, N, I, H, layers, directions, is_double, threads, has_lengths;
  char options[16], text[32]; /* "-": none */
};

enum { ROUNDS = 100000 };

#define FUNCTIONS(F)                                                                                              \
  F(config_init) F(network_create) F(network_create_equations) F(cell_parse) F(network_parameter_count)           \
  F(network_flat_count) F(network_flat_pointers) F(network_initialize) F(network_workspace_size)                  \
  F(network_tape_size) F(weights_create) F(stream_create) F(stream_step) F(network_forward) F(network_backward)   \
  F(network_destroy) F(weights_destroy) F(stream_destroy) F(equations_destroy) F(last_error) F(forest_create)     \
  F(forest_tape_size) F(forest_workspace_size) F(forest_forward) F(forest_backward) F(forest_destroy)

struct library {
#define F(name) __typeof__(&swiftrnn_##name) name;
  FUNCTIONS(F)
#undef F
  swiftrnn_network *network;
  swiftrnn_weights *weights;
  swiftrnn_stream *stream;
  swiftrnn_forest *forest;
  swiftrnn_forward_args forward;
  swiftrnn_backward_args backward;
  swiftrnn_forest_forward_args up;
  swiftrnn_forest_backward_args down;
  void *memory[12];
  int used;
  char *y, *gradients;
  size_t y_size, gradients_size;
};

static void *allocate(struct library *l, int64_t size) {
  void *const p = l->memory[l->used++] = calloc((size_t)size + 64, 1);
  if (p == NULL) exit(1);
  return p;
}

static void open_library(struct library *l, const char *path) {
  void *const handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) fprintf(stderr, "compare: %s\n", dlerror()), exit(1);
#define F(name)                                                                                                   \
  *(void **)&l->name = dlsym(handle, "swiftrnn_" #name);                                                          \
  if (l->name == NULL) fprintf(stderr, "compare: %s has no swiftrnn_" #name "\n", path), exit(1);
  FUNCTIONS(F)
#undef F
}

static void check(const struct library *l, swiftrnn_status status) {
  if (status != SWIFTRNN_STATUS_OK) fprintf(stderr, "compare: %s\n", l->last_error()), exit(1);
}

static int is(const char *word, const char *other) { return strcmp(word, other) == 0; }

static void make_network(struct library *l, const struct shape *s) {
  static const int64_t dilations[] = {1, 2, 4, 8};
  swiftrnn_config config;
  check(l, l->config_init(&config, sizeof config, (swiftrnn_cell)s->cell));
  config.dtype = s->is_double ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
  config.input_size = s->I, config.hidden_size = s->H, config.num_layers = s->layers;
  config.num_directions = s->directions, config.num_threads = s->threads;
  config.skip = is(s->options, "residual") ? SWIFTRNN_SKIP_RESIDUAL
                : is(s->options, "dense")  ? SWIFTRNN_SKIP_DENSE
                                           : SWIFTRNN_SKIP_NONE;
  config.merge = is(s->options, "sum") ? SWIFTRNN_MERGE_SUM : SWIFTRNN_MERGE_CONCATENATE;
  /* Residual layers are all as wide: of two directions the sum. */
  if (is(s->options, "residual") && s->directions == 2) config.merge = SWIFTRNN_MERGE_SUM;
  config.gaps = is(s->options, "zero") ? SWIFTRNN_GAPS_ZERO : SWIFTRNN_GAPS_NONE;
  if (is(s->options, "dilated")) config.layer_dilations = dilations;
  if (is(s->text, "-")) {
    check(l, l->network_create(&config, &l->network));
    return;
  }
  swiftrnn_equations *equations;
  char text[64];
  const int length = snprintf(text, sizeof text, "like %s", s->text);
  check(l, l->cell_parse(text, length, &equations));
  static const char *const named[][2] = {{"slstm", "heads"}, {"lstm_projected", "P"}, {"cfc", "B"}};
  swiftrnn_named_size size = {.name = NULL, .value = 4};
  for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
    if (is(s->text, named[i][0])) size.name = named[i][1];
  }
  check(l, l->network_create_equations(equations, &config, &size, size.name != NULL, &l->network));
  l->equations_destroy(equations);
}

static int is_forest(const struct shape *s) { return s->work == FOREST_INFERENCE || s->work == FOREST_TRAINING; }

static int is_training(const struct shape *s) { return s->work == TRAINING || s->work == FOREST_TRAINING; }

/* Rows of x: steps of sequences, or nodes of trees. */
static int64_t rows(const struct shape *s) { return (int64_t)s->N * (is_forest(s) ? 2 * s->T - 1 : s->T); }

/* N binary trees of T leaves: of each two nodes in a row the next free node is the parent. */
static void make_forest(struct library *l, const struct shape *s) {
  int64_t *const parents = allocate(l, rows(s) * (int64_t)sizeof *parents), nodes = 2 * s->T - 1;
  for (int64_t i = 0; i < rows(s); i++) {
    const int64_t node = i % nodes;
    parents[i] = node == nodes - 1 ? -1 : i - node + s->T + node / 2;
  }
  check(l, l->forest_create(parents, rows(s), &l->forest));
}

static void *make_input(struct library *l, const struct shape *s, int64_t item) {
  char *const x = allocate(l, rows(s) * s->I * item);
  for (int64_t i = 0; i < rows(s) * s->I; i++) {
    const double value = (double)(i * 7919 % 2003) / 1001.5 - 1;
    if (s->is_double) ((double *)x)[i] = value; else ((float *)x)[i] = (float)value;
  }
  return x;
}

/* The arguments of a pass over sequences, but for parameters and gradients. */
static void set_sequences(struct library *l, const struct shape *s, const void *x) {
  int64_t sizes[3], tape, most = 0;
  check(l, l->network_tape_size(l->network, s->T, s->N, &tape));
  for (int p = 0; p < 3; p++) {
    check(l, l->network_workspace_size(l->network, (swiftrnn_workspace)p, s->T, s->N, &sizes[p]));
    if (sizes[p] > most) most = sizes[p];
  }
  int64_t *const lengths = s->has_lengths ? allocate(l, s->N * (int64_t)sizeof *lengths) : NULL;
  for (int n = 0; lengths != NULL && n < s->N; n++) lengths[n] = 1 + (int64_t)n * 7919 % s->T;
  l->forward = (swiftrnn_forward_args){.size = sizeof l->forward, .steps = s->T, .sequences = s->N, .x = x, .y = l->y,
                                       .lengths = lengths, .seed = 1, .seeded = 1};
  l->backward = (swiftrnn_backward_args){
    .size = sizeof l->backward, .steps = s->T, .sequences = s->N, .x = x, .dy = l->y, .lengths = lengths};
  if (s->work == TRAINING) l->forward.tape = allocate(l, tape), l->forward.tape_size = tape;
  l->backward.tape = l->forward.tape, l->backward.tape_size = tape;
  l->forward.workspace = l->backward.workspace = allocate(l, most);
  l->forward.workspace_size = l->backward.workspace_size = most;
}

/* The same over trees. */
static void set_forest(struct library *l, const struct shape *s, const void *x) {
  int64_t up, down, tape;
  make_forest(l, s);
  check(l, l->forest_tape_size(l->network, l->forest, &tape));
  check(l, l->forest_workspace_size(l->network, l->forest, SWIFTRNN_WORKSPACE_FORWARD, &up));
  check(l, l->forest_workspace_size(l->network, l->forest, SWIFTRNN_WORKSPACE_BACKWARD, &down));
  const int64_t most = up > down ? up : down;
  l->up = (swiftrnn_forest_forward_args){.size = sizeof l->up, .x = x, .y = l->y, .seed = 1, .seeded = 1};
  l->down = (swiftrnn_forest_backward_args){.size = sizeof l->down, .x = x, .dy = l->y};
  if (s->work == FOREST_TRAINING) l->up.tape = allocate(l, tape), l->up.tape_size = tape;
  l->down.tape = l->up.tape, l->down.tape_size = tape;
  l->up.workspace = l->down.workspace = allocate(l, most);
  l->up.workspace_size = l->down.workspace_size = most;
}

static void prepare(struct library *l, const struct shape *s) {
  l->used = 0, l->weights = NULL, l->stream = NULL, l->forest = NULL;
  make_network(l, s);
  const int64_t item = s->is_double ? 8 : 4;
  int64_t tensors, elements;
  check(l, l->network_parameter_count(l->network, &tensors));
  check(l, l->network_flat_count(l->network, &elements));
  void **const parameters = allocate(l, tensors * (int64_t)sizeof *parameters);
  check(l, l->network_flat_pointers(l->network, allocate(l, elements * item), elements * item, parameters, tensors));
  check(l, l->network_initialize(l->network, 1, parameters, tensors));
  const void *const x = make_input(l, s, item);
  /* The widest y: dense layers and directions side by side. */
  l->y_size = (size_t)(rows(s) * s->H * s->directions * item);
  l->y = allocate(l, (int64_t)l->y_size);
  if (is_forest(s)) set_forest(l, s, x); else set_sequences(l, s, x);
  l->gradients_size = 0;
  if (is_training(s)) {
    void **const gradients = allocate(l, tensors * (int64_t)sizeof *gradients);
    l->gradients_size = (size_t)(elements * item);
    l->gradients = allocate(l, elements * item);
    check(l, l->network_flat_pointers(l->network, l->gradients, elements * item, gradients, tensors));
    l->backward.gradients = l->down.gradients = gradients;
  }
  if (is_forest(s) || is_training(s)) {
    l->forward.parameters = l->backward.parameters = l->up.parameters = l->down.parameters =
      (const void *const *)parameters;
    l->forward.parameter_count = l->backward.parameter_count = tensors;
    l->up.parameter_count = l->down.parameter_count = tensors;
  } else {
    check(l, l->weights_create(l->network, (const void *const *)parameters, tensors, &l->weights));
    l->forward.weights = l->weights;
  }
  if (s->work == STREAM) check(l, l->stream_create(l->network, l->weights, s->N, &l->stream));
}

static void run(struct library *l, const struct shape *s) {
  switch (s->work) {
    case STREAM:
      check(l, l->stream_step(l->stream, l->forward.x, l->y));
      break;
    case FOREST_INFERENCE:
    case FOREST_TRAINING:
      check(l, l->forest_forward(l->network, l->forest, &l->up));
      if (s->work == FOREST_TRAINING) check(l, l->forest_backward(l->network, l->forest, &l->down));
      break;
    default:
      check(l, l->network_forward(l->network, &l->forward));
      if (s->work == TRAINING) check(l, l->network_backward(l->network, &l->backward));
  }
}

static void release(struct library *l) {
  l->forest_destroy(l->forest), l->stream_destroy(l->stream), l->weights_destroy(l->weights);
  l->network_destroy(l->network);
  while (l->used > 0) free(l->memory[--l->used]);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double time_calls(struct library *l, const struct shape *s, long calls) {
  const double start = now();
  for (long i = 0; i < calls; i++) run(l, s);
  return now() - start;
}

static int ascending(const void *a, const void *b) {
  return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* The median of new time / old time; a round takes each library 1 ms or more. */
static double compare(struct library *old, struct library *new, const struct shape *s, double seconds) {
  static double ratios[ROUNDS];
  long calls = 1;
  for (double used = 0; used < 1e-3; calls *= 2) used = time_calls(new, s, calls);
  int rounds = 0;
  for (const double end = now() + seconds; rounds < ROUNDS && (rounds < 5 || now() < end); rounds++) {
    /* Each goes first in every other round. */
    struct library *const first = rounds % 2 == 0 ? old : new, *const second = rounds % 2 == 0 ? new : old;
    const double a = time_calls(first, s, calls), b = time_calls(second, s, calls);
    ratios[rounds] = rounds % 2 == 0 ? b / a : a / b;
  }
  qsort(ratios, (size_t)rounds, sizeof *ratios, ascending);
  return ratios[rounds / 2];
}

static void print_name(const struct shape *s) {
  static const char *const cells[] = {[SWIFTRNN_RNN_TANH] = "RNN",   [SWIFTRNN_RNN_RELU] = "RNN relu",
                                      [SWIFTRNN_LSTM] = "LSTM",      [SWIFTRNN_GRU] = "GRU",
                                      [SWIFTRNN_GRU_RESET_BEFORE] = "GRU before"};
  printf("%-17s %-16s T%-3d N%-3d I%-4d H%-4d L%d D%d %s %d thread%s%s %s", is(s->text, "-") ? cells[s->cell] : s->text,
         works[s->work], s->T, s->N, s->I, s->H, s->layers, s->directions, s->is_double ? "f64" : "f32", s->threads,
         s->threads > 1 ? "s" : "", s->has_lengths ? " lengths" : "", is(s->options, "-") ? "" : s->options);
}

/* Reads a line; 0 at the end of the input. */
static int read_shape(struct shape *s) {
  char work[20], type[4];
  const int found =
    scanf("%d %19s %d %d %d %d %d %d %3s %d %d %15s %31s", &s->cell, work, &s->T, &s->N, &s->I, &s->H, &s->layers,
          &s->directions, type, &s->threads, &s->has_lengths, s->options, s->text);
  if (found == EOF) return 0;
  for (s->work = 0; s->work < WORKS && !is(work, works[s->work]);) s->work++;
  s->is_double = found >= 9 && is(type, "f64");
  if (found != 13 || s->work == WORKS || s->T < 1 || s->N < 1 || s->I < 1 || s->H < 1 || s->layers < 1 ||
      s->layers > 4 || s->cell < SWIFTRNN_RNN_TANH || s->cell > SWIFTRNN_EQUATIONS) {
    fputs("compare: a line that compare_shapes.py does not print\n", stderr);
    exit(2);
  }
  return 1;
}

int main(int count, char **arguments) {
  const double seconds = count == 4 ? atof(arguments[3]) : 2;
  if (count < 3 || count > 4 || !(seconds > 0)) {
    fputs("usage: compare OLD.so NEW.so [SECONDS-PER-SHAPE] <SHAPES\n", stderr);
    return 2;
  }
  static struct library old, new;
  open_library(&old, arguments[1]);
  open_library(&new, arguments[2]);
  double logarithms = 0, largest = 0;
  int shapes = 0, others = 0;
  for (struct shape shape; read_shape(&shape); shapes++) {
    const struct shape *const s = &shape;
    prepare(&old, s), prepare(&new, s);
    run(&old, s), run(&new, s);
    const int same = memcmp(old.y, new.y, old.y_size) == 0 &&
                     (old.gradients_size == 0 || memcmp(old.gradients, new.gradients, old.gradients_size) == 0);
    const double ratio = compare(&old, &new, s, seconds);
    logarithms += log(ratio), others += !same;
    if (ratio > largest) largest = ratio;
    print_name(s);
    printf("  %.3f  %s\n", ratio, same ? "same bits" : "other bits");
    fflush(stdout);
    release(&old), release(&new);
  }
  printf("new time / old time over %d shapes: geometric mean %.3f, largest %.3f; other bits: %d\n", shapes,
         exp(logarithms / (shapes > 0 ? shapes : 1)), largest, others);
}
