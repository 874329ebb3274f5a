/* A stream's steps allocate nothing, free nothing and take no lock. This program's own malloc and free, and its own
 * locks, stand before the system's, and count. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "problem.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#ifdef __cplusplus
#define NOEXCEPT noexcept
extern "C" {
#else
#define NOEXCEPT
#endif

/* glibc's own names for its allocator. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

static volatile int watching;
static volatile long allocations, frees, locks;

void *malloc(size_t size) NOEXCEPT {
  allocations += watching;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) NOEXCEPT {
  allocations += watching;
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) NOEXCEPT {
  allocations += watching;
  return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) NOEXCEPT {
  allocations += watching;
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) NOEXCEPT {
  allocations += watching;
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) NOEXCEPT {
  allocations += watching;
  void *result = __libc_memalign(alignment, size);
  if (result == NULL) return ENOMEM;
  *memory = result;
  return 0;
}

void free(void *memory) NOEXCEPT {
  frees += watching;
  __libc_free(memory);
}

/* The next definition of a function, found once, before anything is watched. */
#define NEXT(type, name)                                       \
  static type next;                                            \
  if (next == NULL) {                                          \
    void *const found = dlsym(RTLD_NEXT, name);                \
    memcpy(&next, &found, sizeof next);                        \
  }

typedef int (*lock_function)(pthread_mutex_t *);

int pthread_mutex_lock(pthread_mutex_t *mutex) NOEXCEPT {
  NEXT(lock_function, "pthread_mutex_lock")
  locks += watching;
  return next(mutex);
}

typedef int (*wait_function)(pthread_cond_t *, pthread_mutex_t *);

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
  NEXT(wait_function, "pthread_cond_wait")
  locks += watching;
  return next(condition, mutex);
}

typedef int (*create_function)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument) NOEXCEPT {
  NEXT(create_function, "pthread_create")
  locks += watching;
  return next(thread, attributes, start, argument);
}

#ifdef __cplusplus
}
#endif

static void check_nothing(const char *what, int line) {
  watching = 0;
  check_count++;
  if (allocations == 0 && frees == 0 && locks == 0) return;
  check_failures++;
  fprintf(stderr, "%s:%d: %s: %ld allocations, %ld frees, %ld locks: %s\n", __FILE__, line, what, allocations, frees,
          locks, current_work);
}

/* Runs a statement and counts in it. */
#define CHECK_NOTHING_ALLOCATED(what, statement) \
  do {                                           \
    allocations = frees = locks = 0;             \
    watching = 1;                                \
    statement;                                   \
    check_nothing(what, __LINE__);               \
  } while (0)

static void *volatile kept;

/* The counters count, also for the library: making a stream allocates. */
static void counters(problem *p) {
  swiftrnn_stream *stream = NULL;
  allocations = frees = locks = 0;
  watching = 1;
  kept = malloc(100);
  free(kept);
  pthread_mutex_t mutex;
  pthread_mutex_init(&mutex, NULL);
  pthread_mutex_lock(&mutex);
  pthread_mutex_unlock(&mutex);
  watching = 0;
  CHECK(allocations == 1 && frees == 1 && locks == 1);
  watching = 1;
  const int status = swiftrnn_stream_create(p->network, p->weights, 1, &stream);
  watching = 0;
  CHECK_STATUS(status, SWIFTRNN_STATUS_OK);
  CHECK(allocations >= 3);
  frees = 0;
  watching = 1;
  swiftrnn_stream_destroy(stream);
  watching = 0;
  CHECK(frees >= 2);
}

static void run(const shape *is) {
  describe(is, "stream");
  problem *p = problem_make(is);
  problem_pack(p);
  counters(p);
  swiftrnn_stream *stream = NULL;
  CHECK_STATUS(swiftrnn_stream_create(p->network, p->weights, is->sequences, &stream), SWIFTRNN_STATUS_OK);
  const void *const *in = p->forward.initial_states;
  void *const *out = p->forward.final_states;
  const void *x = p->forward.x;
  void *y = p->forward.y;
  int status[8] = {0};
  /* Even the first step. */
  CHECK_NOTHING_ALLOCATED("the first step", status[0] = swiftrnn_stream_step(stream, x, y));
  CHECK_NOTHING_ALLOCATED("100 steps", for (int i = 0; i < 100; i++) status[1] |= swiftrnn_stream_step(stream, x, y));
  CHECK_NOTHING_ALLOCATED("a run", status[2] = swiftrnn_stream_run(stream, is->steps, x, y));
  CHECK_NOTHING_ALLOCATED("set_state", status[3] = swiftrnn_stream_set_state(stream, in, p->state_count));
  CHECK_NOTHING_ALLOCATED("get_state", status[4] = swiftrnn_stream_get_state(stream, out, p->state_count));
  CHECK_NOTHING_ALLOCATED("reset", status[5] = swiftrnn_stream_reset(stream));
  CHECK_NOTHING_ALLOCATED("a refusal", status[6] = swiftrnn_stream_step(stream, NULL, y));
  CHECK_NOTHING_ALLOCATED("another", status[7] = swiftrnn_stream_run(stream, -1, x, y));
  for (int i = 0; i < 6; i++) CHECK_STATUS(status[i], SWIFTRNN_STATUS_OK);
  CHECK_STATUS(status[6], SWIFTRNN_STATUS_NULL_POINTER);
  CHECK_STATUS(status[7], SWIFTRNN_STATUS_INVALID_SIZE);
  swiftrnn_stream_destroy(stream);
  problem_free(p);
}

/* A stream with layer options, or of a cell of equations: rows of all kinds between layers. */
static void run_options(swiftrnn_cell cell, swiftrnn_skip skip, const char *text) {
  enum { STEPS = 7, SEQUENCES = 2, INPUTS = 5, WIDTH = 6, MOST_STATE = SEQUENCES * 8 * WIDTH };
  static const int64_t dilations[3] = {1, 3, 2};
  swiftrnn_config config;
  swiftrnn_network *network = NULL;
  CHECK_STATUS(swiftrnn_config_init(&config, sizeof config, cell), SWIFTRNN_STATUS_OK);
  config.input_size = INPUTS, config.hidden_size = WIDTH, config.num_layers = 3;
  config.skip = skip, config.learned_initial_states = 1, config.layer_dilations = dilations;
  if (text == NULL) {
    CHECK_STATUS(swiftrnn_network_create(&config, &network), SWIFTRNN_STATUS_OK);
  } else {
    swiftrnn_equations *equations = NULL;
    CHECK_STATUS(swiftrnn_cell_parse(text, (int64_t)strlen(text), &equations), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_network_create_equations(equations, &config, NULL, 0, &network), SWIFTRNN_STATUS_OK);
    swiftrnn_equations_destroy(equations);
  }
  snprintf(current_work, sizeof current_work, "cell %d, skip %d, %s", (int)cell, (int)skip, text == NULL ? "" : text);
  int64_t count = 0, elements = 0, states = 0;
  CHECK_STATUS(swiftrnn_network_parameter_count(network, &count), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_flat_count(network, &elements), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_state_count(network, &states), SWIFTRNN_STATUS_OK);
  float *flat = (float *)required(calloc((size_t)elements, sizeof(float)));
  void **parameters = (void **)required(calloc((size_t)count, sizeof(void *)));
  CHECK_STATUS(swiftrnn_network_flat_pointers(network, flat, elements * 4, parameters, count), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_initialize(network, 1, parameters, count), SWIFTRNN_STATUS_OK);
  swiftrnn_weights *weights = NULL;
  swiftrnn_stream *stream = NULL;
  CHECK_STATUS(swiftrnn_weights_create(network, (const void *const *)parameters, count, &weights), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_stream_create(network, weights, SEQUENCES, &stream), SWIFTRNN_STATUS_OK);
  static float x[STEPS * SEQUENCES * INPUTS], y[STEPS * SEQUENCES * WIDTH], kept_states[2][MOST_STATE];
  void *const in_out[2] = {kept_states[0], kept_states[1]};
  int status[6] = {0};
  CHECK_NOTHING_ALLOCATED("the first step", status[0] = swiftrnn_stream_step(stream, x, y));
  CHECK_NOTHING_ALLOCATED("100 steps", for (int i = 0; i < 100; i++) status[1] |= swiftrnn_stream_step(stream, x, y));
  CHECK_NOTHING_ALLOCATED("a run", status[2] = swiftrnn_stream_run(stream, STEPS, x, y));
  CHECK_NOTHING_ALLOCATED("get_state", status[3] = swiftrnn_stream_get_state(stream, in_out, states));
  CHECK_NOTHING_ALLOCATED(
      "set_state", status[4] = swiftrnn_stream_set_state(stream, (const void *const *)in_out, states));
  CHECK_NOTHING_ALLOCATED("reset", status[5] = swiftrnn_stream_reset(stream));
  for (int i = 0; i < 6; i++) CHECK_STATUS(status[i], SWIFTRNN_STATUS_OK);
  swiftrnn_stream_destroy(stream);
  swiftrnn_weights_destroy(weights);
  swiftrnn_network_destroy(network);
  free(flat), free(parameters);
}

int main(void) {
  run_options(SWIFTRNN_LSTM, SWIFTRNN_SKIP_NONE, NULL);
  run_options(SWIFTRNN_GRU, SWIFTRNN_SKIP_RESIDUAL, NULL);
  run_options(SWIFTRNN_RNN_TANH, SWIFTRNN_SKIP_DENSE, NULL);
  run_options(SWIFTRNN_EQUATIONS, SWIFTRNN_SKIP_DENSE, "like lstm_peephole");
  for (int kind = 0; kind < KINDS; kind++) {
    for (int variant = 0; variant < 8; variant++) {
      shape is = shape_of_kind(kind, 9);
      is.dtype = variant & 1 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
      is.layers = variant & 2 ? 3 : 1;
      is.sequences = variant & 4 ? 3 : 1;
      is.inputs = 10, is.hidden = 17, is.steps = 5, is.threads = 2;
      run(&is);
    }
  }
  return check_result();
}
