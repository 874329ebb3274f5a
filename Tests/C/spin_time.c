/* Threads that wait awake for the next call: they stay as long as was asked, and no longer; and a child after fork(),
 * where they are not, does without. */
#include "processes.h"

#include "problem.h"

#include <time.h>

static problem *trained, *reference;

static void train(void) {
  problem_fill(trained, 255);
  problem_train(trained);
  CHECK_SAME_RESULTS(trained, reference, 1);
}

/* Seconds of CPU time that this process uses in a fifth of a second of sleep. */
static double used_while_asleep(void) {
  struct timespec before, after;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  usleep(200000);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  return (double)(after.tv_sec - before.tv_sec) + 1e-9 * (double)(after.tv_nsec - before.tv_nsec);
}

static void spin_and_fork(void) {
  shape is;
  memset(&is, 0, sizeof is);
  is.cell = SWIFTRNN_LSTM;
  is.dtype = SWIFTRNN_FLOAT32;
  is.inputs = 30, is.hidden = 100, is.layers = 1, is.directions = 1;
  is.steps = 15, is.sequences = 10;
  is.seed = 2;
  is.threads = 1;
  reference = problem_make(&is);
  is.threads = 2;
  trained = problem_make(&is);
  describe(&is, "threads that stay awake");
  problem_train(reference);
  CHECK_STATUS(swiftrnn_set_num_threads(2), SWIFTRNN_STATUS_OK);
  for (int i = 0; i < 3; i++) train();
  CHECK(used_while_asleep() < 0.05);
  CHECK_STATUS(swiftrnn_set_spin_time(1000000), SWIFTRNN_STATUS_OK);
  for (int i = 0; i < 20; i++) train();
  CHECK(used_while_asleep() > 0.01);
  check_in_child("fork beside spinning threads", train);
  train();
  CHECK_STATUS(swiftrnn_set_spin_time(1000), SWIFTRNN_STATUS_OK);
  sleep(2); /* those that went on to wait for a second */
  for (int i = 0; i < 20; i++) train();
  usleep(100000);
  CHECK(used_while_asleep() < 0.05);
  problem_free(trained), problem_free(reference);
}

int main(void) {
  check_with_each_isa(spin_and_fork);
  return check_result();
}
