/* Times two builds of libswiftrnn.so in turn, in one process, over a few shapes of each kind:
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

enum work { INFERENCE, TRAINING, STREAM };

struct shape {
  swiftrnn_cell cell;
  const char *text; /* a cell of the library's, by name, with SWIFTRNN_EQUATIONS */
  enum work work;
  int T, N, H, layers, directions, is_double, threads;
};

static const struct shape shapes[] = {
  {SWIFTRNN_LSTM, NULL, STREAM, 1, 1, 16, 1, 1, 0, 1},
  {SWIFTRNN_LSTM, NULL, STREAM, 1, 1, 128, 1, 1, 0, 1},
  {SWIFTRNN_GRU, NULL, STREAM, 1, 1, 40, 2, 1, 0, 1},
  {SWIFTRNN_LSTM, NULL, INFERENCE, 1, 1, 16, 1, 1, 0, 1},
  {SWIFTRNN_LSTM, NULL, INFERENCE, 25, 1, 64, 1, 1, 0, 1},
  {SWIFTRNN_GRU, NULL, INFERENCE, 25, 1, 512, 1, 1, 0, 2},
  {SWIFTRNN_LSTM, NULL, INFERENCE, 12, 200, 64, 1, 1, 0, 1},
  {SWIFTRNN_LSTM, NULL, INFERENCE, 25, 32, 256, 2, 2, 0, 1},
  {SWIFTRNN_RNN_TANH, NULL, INFERENCE, 50, 16, 128, 1, 1, 0, 1},
  {SWIFTRNN_GRU_RESET_BEFORE, NULL, INFERENCE, 25, 8, 96, 1, 1, 1, 1},
  {SWIFTRNN_LSTM, NULL, TRAINING, 1, 1, 64, 1, 1, 0, 1},
  {SWIFTRNN_LSTM, NULL, TRAINING, 20, 8, 32, 1, 1, 0, 1},
  {SWIFTRNN_LSTM, NULL, TRAINING, 25, 32, 256, 1, 1, 0, 1},
  {SWIFTRNN_GRU, NULL, TRAINING, 25, 64, 128, 1, 1, 0, 2},
  {SWIFTRNN_RNN_TANH, NULL, TRAINING, 50, 16, 128, 1, 1, 1, 1},
  {SWIFTRNN_EQUATIONS, "lstm_peephole", TRAINING, 20, 8, 32, 1, 1, 0, 1},
  {SWIFTRNN_EQUATIONS, "slstm", INFERENCE, 20, 16, 64, 1, 1, 0, 1},
  {SWIFTRNN_EQUATIONS, "lstm_layer_norm", TRAINING, 20, 32, 128, 1, 1, 0, 1},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, ROUNDS = 100000 };

#define FUNCTIONS(F)                                                                                              \
  F(config_init) F(network_create) F(network_create_equations) F(cell_parse) F(network_parameter_count)           \
  F(network_flat_count) F(network_flat_pointers) F(network_initialize) F(network_workspace_size)                  \
  F(network_tape_size) F(weights_create) F(stream_create) F(stream_step) F(network_forward) F(network_backward)   \
  F(network_destroy) F(weights_destroy) F(stream_destroy) F(equations_destroy) F(last_error)

struct library {
#define F(name) __typeof__(&swiftrnn_##name) name;
  FUNCTIONS(F)
#undef F
  swiftrnn_network *network;
  swiftrnn_weights *weights;
  swiftrnn_stream *stream;
  swiftrnn_forward_args forward;
  swiftrnn_backward_args backward;
  void *memory[8];
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

static void make_network(struct library *l, const struct shape *s) {
  swiftrnn_config config;
  check(l, l->config_init(&config, sizeof config, s->cell));
  config.dtype = s->is_double ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
  config.input_size = config.hidden_size = s->H, config.num_layers = s->layers;
  config.num_directions = s->directions, config.num_threads = s->threads;
  if (s->text == NULL) {
    check(l, l->network_create(&config, &l->network));
    return;
  }
  swiftrnn_equations *equations;
  char text[64];
  const int length = snprintf(text, sizeof text, "like %s", s->text);
  check(l, l->cell_parse(text, length, &equations));
  /* 4 heads, of the cells that have some. */
  const swiftrnn_named_size heads = {.name = "heads", .value = 4};
  const int has_heads = strcmp(s->text, "slstm") == 0;
  check(l, l->network_create_equations(equations, &config, &heads, has_heads, &l->network));
  l->equations_destroy(equations);
}

static void prepare(struct library *l, const struct shape *s) {
  l->used = 0, l->weights = NULL, l->stream = NULL;
  make_network(l, s);
  const int64_t item = s->is_double ? 8 : 4;
  int64_t tensors, elements, sizes[3], tape;
  check(l, l->network_parameter_count(l->network, &tensors));
  check(l, l->network_flat_count(l->network, &elements));
  check(l, l->network_tape_size(l->network, s->T, s->N, &tape));
  for (int p = 0; p < 3; p++) {
    check(l, l->network_workspace_size(l->network, (swiftrnn_workspace)p, s->T, s->N, &sizes[p]));
  }
  void **const parameters = allocate(l, tensors * (int64_t)sizeof *parameters);
  check(l, l->network_flat_pointers(l->network, allocate(l, elements * item), elements * item, parameters, tensors));
  check(l, l->network_initialize(l->network, 1, parameters, tensors));
  const int64_t numbers = (int64_t)s->T * s->N * s->H;
  char *const x = allocate(l, numbers * item);
  for (int64_t i = 0; i < numbers; i++) {
    const double value = (double)(i * 7919 % 2003) / 1001.5 - 1;
    if (s->is_double) ((double *)x)[i] = value; else ((float *)x)[i] = (float)value;
  }
  l->y_size = (size_t)(numbers * s->directions * item);
  l->y = allocate(l, (int64_t)l->y_size);
  l->gradients_size = 0;
  l->forward = (swiftrnn_forward_args){.size = sizeof l->forward, .steps = s->T, .sequences = s->N, .x = x, .y = l->y};
  if (s->work == TRAINING) {
    void **const gradients = allocate(l, tensors * (int64_t)sizeof *gradients);
    l->gradients_size = (size_t)(elements * item);
    l->gradients = allocate(l, elements * item);
    check(l, l->network_flat_pointers(l->network, l->gradients, elements * item, gradients, tensors));
    l->forward.parameters = (const void *const *)parameters, l->forward.parameter_count = tensors;
    l->forward.tape = allocate(l, tape), l->forward.tape_size = tape;
    l->backward = (swiftrnn_backward_args){
      .size = sizeof l->backward, .steps = s->T, .sequences = s->N, .x = x, .dy = l->y,
      .parameters = l->forward.parameters, .gradients = gradients, .parameter_count = tensors,
      .tape = l->forward.tape, .tape_size = tape};
  } else {
    check(l, l->weights_create(l->network, (const void *const *)parameters, tensors, &l->weights));
    l->forward.weights = l->weights;
  }
  if (s->work == STREAM) check(l, l->stream_create(l->network, l->weights, s->N, &l->stream));
  const int64_t most = sizes[0] > sizes[2] ? sizes[0] > sizes[1] ? sizes[0] : sizes[1]
                                           : sizes[2] > sizes[1] ? sizes[2] : sizes[1];
  l->forward.workspace = l->backward.workspace = allocate(l, most);
  l->forward.workspace_size = l->backward.workspace_size = most;
}

static void run(struct library *l, const struct shape *s) {
  if (s->work == STREAM) {
    check(l, l->stream_step(l->stream, l->forward.x, l->y));
    return;
  }
  check(l, l->network_forward(l->network, &l->forward));
  if (s->work == TRAINING) check(l, l->network_backward(l->network, &l->backward));
}

static void release(struct library *l) {
  l->stream_destroy(l->stream), l->weights_destroy(l->weights), l->network_destroy(l->network);
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
  static const char *const cells[] = {[SWIFTRNN_RNN_TANH] = "RNN", [SWIFTRNN_LSTM] = "LSTM", [SWIFTRNN_GRU] = "GRU",
                                      [SWIFTRNN_GRU_RESET_BEFORE] = "GRU before"};
  static const char *const works[] = {"inference", "training", "stream"};
  printf("%-15s %-9s T%-3d N%-3d H%-3d L%d D%d %s %d threads", s->text != NULL ? s->text : cells[s->cell],
         works[s->work], s->T, s->N, s->H, s->layers, s->directions, s->is_double ? "f64" : "f32", s->threads);
}

int main(int count, char **arguments) {
  const double seconds = count == 4 ? atof(arguments[3]) : 2;
  if (count < 3 || count > 4 || !(seconds > 0)) {
    fputs("usage: compare OLD.so NEW.so [SECONDS-PER-SHAPE]\n", stderr);
    return 2;
  }
  static struct library old, new;
  open_library(&old, arguments[1]);
  open_library(&new, arguments[2]);
  double logarithms = 0;
  for (int i = 0; i < SHAPES; i++) {
    const struct shape *const s = &shapes[i];
    prepare(&old, s), prepare(&new, s);
    run(&old, s), run(&new, s);
    const int same = memcmp(old.y, new.y, old.y_size) == 0 &&
                     (old.gradients_size == 0 || memcmp(old.gradients, new.gradients, old.gradients_size) == 0);
    const double ratio = compare(&old, &new, s, seconds);
    logarithms += log(ratio);
    print_name(s);
    printf("  %.3f  %s\n", ratio, same ? "same bits" : "other bits");
    fflush(stdout);
    release(&old), release(&new);
  }
  printf("new time / old time, geometric mean over %d shapes: %.3f\n", SHAPES, exp(logarithms / SHAPES));
}
