/* What subnormal inputs, states and gradients cost: the time of forward and backward passes with them beside the time
 * without, printed. Times are not asserted; that the results are finite, and that a pass with subnormals is one with
 * zeros, is. */
#include "problem.h"

#include <time.h>

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The shortest of several trainings. */
static double shortest(problem *p) {
  double least = 1e9;
  for (int i = 0; i < 5; i++) {
    const double start = seconds();
    problem_train(p);
    const double time = seconds() - start;
    least = time < least ? time : least;
  }
  return least;
}

/* All inputs subnormal, or all zero; parameters stay as they are. */
static void set_inputs(problem *p, double value) {
  for (int i = 0; i < p->first_output; i++) {
    const buffer *b = &p->buffers[i];
    if (strcmp(b->name, "x") != 0 && strcmp(b->name, "dy") != 0 && strstr(b->name, "state") == NULL) continue;
    if (strncmp(b->name, "pointers", 8) == 0) continue;
    for (size_t k = 0; k < b->size / p->element; k++) set_number(p->is.dtype, b->data, (int64_t)k, value);
  }
}

int main(void) {
  printf("cell  type    normal ms  subnormal ms  ratio\n");
  for (int kind = 0; kind < 5; kind++) {
    for (int dtype = 0; dtype < 2; dtype++) {
      shape is = shape_of_kind(kind, 0);
      is.dtype = (swiftrnn_dtype)dtype;
      is.inputs = is.hidden = 48, is.steps = 10, is.sequences = 8, is.threads = 1;
      problem *p = problem_make(&is), *zeros = problem_make(&is);
      describe(&is, "subnormals");
      const double normal = shortest(p);
      set_inputs(p, dtype ? 3e-310 : 3e-40);
      set_inputs(zeros, 0);
      const double subnormal = shortest(p);
      printf("%4d  %s  %9.3f  %12.3f  %5.2f\n", kind + 1, dtype ? "double" : "float ", normal * 1e3, subnormal * 1e3,
             subnormal / normal);
      problem_train(zeros);
      CHECK_SAME_RESULTS(p, zeros, 1);
      for (int64_t i = 0; i < is.steps * is.sequences * p->output_size; i++) {
        const double y = get_number(is.dtype, p->forward.y, i);
        CHECK(y > -1e30 && y < 1e30);
      }
      problem_free(p), problem_free(zeros);
    }
  }
  return check_result();
}
