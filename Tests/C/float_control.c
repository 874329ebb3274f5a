/* Whatever the caller has set in the floating-point control register, flushing of subnormals, another rounding,
 * unmasked exceptions, the results have the same bits, nothing traps, and the register is as before, even after a
 * refusal. */
#include "problem.h"

#include <math.h>
#include <xmmintrin.h>

enum { FLUSH = 0x8000, SUBNORMALS_ARE_ZERO = 0x40, ALL_MASKS = 0x1f80, DOWN = 0x2000, UP = 0x4000, TO_ZERO = 0x6000,
       ALL_FLAGS = 0x3f };

/* The register after each call must be this one. */
static unsigned expected_control;

static void check_control(const char *call, int line) {
  const unsigned now = _mm_getcsr();
  _mm_setcsr(ALL_MASKS);
  check_count++;
  if (now != expected_control) {
    check_failures++;
    fprintf(stderr, "%s:%d: the register is %#x after %s, was %#x: %s\n", __FILE__, line, now, call, expected_control,
            current_work);
  }
}

/* The call with the register set, which is then looked at and put back; its status. */
#define CONTROLLED(call) \
  (_mm_setcsr(expected_control), last_status = (int)(call), check_control(#call, __LINE__), last_status)
static int last_status;

static void forbidden_exception(int number) {
  (void)number;
  static const char text[] = "a floating-point exception trapped\n";
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0) _exit(3);
  if (write(STDERR_FILENO, current_work, strlen(current_work)) < 0) _exit(3);
  _exit(2);
}

static void passes(problem *p, const problem *reference) {
  problem_fill(p, 255);
  CHECK(CONTROLLED(swiftrnn_network_forward(p->network, &p->forward)) == SWIFTRNN_STATUS_OK);
  CHECK(CONTROLLED(swiftrnn_network_backward(p->network, &p->backward)) == SWIFTRNN_STATUS_OK);
  CHECK_SAME_RESULTS(p, reference, 1);
}

static void weights_and_streams(problem *p, const problem *reference) {
  swiftrnn_weights *weights = NULL;
  swiftrnn_stream *stream = NULL;
  const size_t size = (size_t)(p->is.sequences * p->output_size) * p->element;
  unsigned char *y = (unsigned char *)required(malloc(size));
  CHECK(CONTROLLED(swiftrnn_weights_create(p->network, p->forward.parameters, p->parameter_count, &weights)) == 0);
  CHECK(CONTROLLED(swiftrnn_stream_create(p->network, weights, p->is.sequences, &stream)) == 0);
  CHECK(CONTROLLED(swiftrnn_stream_set_state(stream, p->forward.initial_states, p->state_count)) == 0);
  CHECK(CONTROLLED(swiftrnn_stream_step(stream, p->forward.x, y)) == 0);
  if (p->is.dropout == 0) CHECK(memcmp(y, reference->forward.y, size) == 0);
  CHECK(CONTROLLED(swiftrnn_stream_get_state(stream, p->forward.final_states, p->state_count)) == 0);
  CHECK(CONTROLLED(swiftrnn_stream_reset(stream)) == 0);
  CHECK(CONTROLLED(swiftrnn_stream_step(stream, NULL, y)) == SWIFTRNN_STATUS_NULL_POINTER);
  CHECK(CONTROLLED(swiftrnn_stream_run(stream, -1, p->forward.x, y)) == SWIFTRNN_STATUS_INVALID_SIZE);
  swiftrnn_stream_destroy(stream);
  swiftrnn_weights_destroy(weights);
  free(y);
}

static void initialize(problem *p, const problem *reference) {
  for (int64_t i = 0; i < p->parameter_count; i++) {
    const size_t size = (size_t)p->parameter[i].elements * p->element;
    void *mine[MOST_TENSORS] = {NULL}, *its[MOST_TENSORS] = {NULL};
    mine[i] = required(malloc(size)), its[i] = required(malloc(size));
    CHECK(CONTROLLED(swiftrnn_network_initialize(p->network, 7, mine, p->parameter_count)) == 0);
    CHECK(swiftrnn_network_initialize(reference->network, 7, its, p->parameter_count) == 0);
    CHECK(memcmp(mine[i], its[i], size) == 0);
    free(mine[i]), free(its[i]);
  }
}

static void networks_and_refusals(problem *p) {
  swiftrnn_config config;
  swiftrnn_network *network = NULL;
  int64_t size = 0;
  CHECK(CONTROLLED(swiftrnn_config_init(&config, sizeof config, SWIFTRNN_LSTM)) == 0);
  config.input_size = 3;
  config.hidden_size = 5;
  static const double dropouts[] = {1.7, -1.0 / 3, 1e300, 1e-310, INFINITY, NAN, 0.3};
  for (int i = 0; i < 7; i++) {
    config.dropout = dropouts[i];
    const int status = CONTROLLED(swiftrnn_network_create(&config, &network));
    CHECK(status == (i == 3 || i == 6 ? SWIFTRNN_STATUS_OK : SWIFTRNN_STATUS_INVALID_VALUE));
    swiftrnn_network_destroy(network);
  }
  CHECK(CONTROLLED(swiftrnn_network_tape_size(p->network, 5, 3, &size)) == 0);
  CHECK(CONTROLLED(swiftrnn_network_workspace_size(p->network, SWIFTRNN_WORKSPACE_BACKWARD, 5, 3, &size)) == 0);
  swiftrnn_forward_args f = p->forward;
  swiftrnn_backward_args b = p->backward;
  f.workspace_size--, b.workspace_size--;
  CHECK(CONTROLLED(swiftrnn_network_forward(p->network, &f)) == SWIFTRNN_STATUS_BUFFER_TOO_SMALL);
  CHECK(CONTROLLED(swiftrnn_network_backward(p->network, &b)) == SWIFTRNN_STATUS_BUFFER_TOO_SMALL);
  f.steps = b.steps = -1;
  CHECK(CONTROLLED(swiftrnn_network_forward(p->network, &f)) == SWIFTRNN_STATUS_INVALID_SIZE);
  CHECK(CONTROLLED(swiftrnn_network_backward(p->network, &b)) == SWIFTRNN_STATUS_INVALID_SIZE);
  CHECK(CONTROLLED(swiftrnn_network_forward(NULL, &f)) == SWIFTRNN_STATUS_NULL_POINTER);
  CHECK(CONTROLLED(swiftrnn_set_num_threads(-1)) == SWIFTRNN_STATUS_INVALID_VALUE);
}

/* Numbers whose sums and products underflow: with subnormal inputs, states and gradients among them. */
static void add_subnormals(problem *p) {
  const double tiny = p->is.dtype == SWIFTRNN_FLOAT64 ? 1e-310 : 1e-40;
  for (int i = 0; i < p->first_output; i++) {
    const buffer *b = &p->buffers[i];
    if (strncmp(b->name, "pointers", 8) == 0 || strcmp(b->name, "lengths") == 0) continue;
    for (size_t k = 0; k < b->size / p->element; k += 3) set_number(p->is.dtype, b->data, (int64_t)k, tiny * (double)k);
  }
}

int main(void) {
  static const unsigned controls[] = {
      ALL_MASKS,
      ALL_MASKS | FLUSH,
      ALL_MASKS | FLUSH | SUBNORMALS_ARE_ZERO,
      ALL_MASKS | DOWN,
      ALL_MASKS | UP,
      ALL_MASKS | TO_ZERO,
      ALL_MASKS | ALL_FLAGS | UP | SUBNORMALS_ARE_ZERO,
      0, /* every exception traps */
      UP | FLUSH,
      0x1000, /* all but the inexact ones trap */
  };
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = forbidden_exception;
  watch_pages();
  sigaction(SIGFPE, &action, NULL);
  for (int kind = 0; kind < KINDS; kind++) {
    for (int variant = 0; variant < 2; variant++) {
      shape is = shape_of_kind(kind, 6);
      is.dtype = (kind + variant) % 2 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
      is.inputs = 10, is.hidden = 13, is.layers = 2, is.steps = 6, is.sequences = 4;
      is.dropout = variant ? 0.3 : 0;
      is.threads = 1;
      /* Once with work for several threads, whose registers start as the caller's. */
      if (kind == 2) is.threads = 3, is.inputs = 40, is.hidden = 33, is.steps = 20, is.sequences = 10;
      describe(&is, "the default control");
      problem *p = problem_make(&is), *reference = problem_make(&is);
      add_subnormals(p), add_subnormals(reference);
      expected_control = ALL_MASKS;
      problem_train(reference);
      for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
        char text[64];
        snprintf(text, sizeof text, "the register at %#x", controls[i]);
        describe(&is, text);
        expected_control = controls[i];
        passes(p, reference);
        weights_and_streams(p, reference);
        initialize(p, reference);
        networks_and_refusals(p);
      }
      problem_free(p), problem_free(reference);
    }
  }
  return check_result();
}
