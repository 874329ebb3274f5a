/* Calls of the library with a limit on their time, and the arrays of a pass in watched memory: what is read and written,
 * and what must come out the same. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_STRANGE_CALLS_H
#define SWIFTRNN_TEST_STRANGE_CALLS_H

#include "strange_texts.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

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

#endif
