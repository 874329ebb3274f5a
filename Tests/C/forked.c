/* A process that has used threads, and its children after fork(), which have only the calling one: the same bits, on
 * every instruction set. */
#include "processes.h"

#include "problem.h"

#include <dirent.h>
#include <sched.h>

/* Enough work for two threads: with AVX-512 that is 2.9 million multiply-adds. */
static shape some_shape(swiftrnn_cell cell, int directions, int64_t threads) {
  shape is;
  memset(&is, 0, sizeof is);
  is.cell = cell;
  is.dtype = SWIFTRNN_FLOAT32;
  is.inputs = 30, is.hidden = 100, is.layers = 1, is.directions = directions;
  is.steps = 15, is.sequences = 10;
  is.threads = threads;
  is.seed = 2;
  return is;
}

/* The threads of this process. */
static int thread_count(void) {
  int count = 0;
  DIR *tasks = opendir("/proc/self/task");
  if (tasks == NULL) return 0;
  for (const struct dirent *task; (task = readdir(tasks)) != NULL;) count += task->d_name[0] != '.';
  closedir(tasks);
  return count;
}

/* Waits, at most half a minute, until Dispatch has ended the threads it has no work for: as long as it believes in any,
 * it makes no others in a child. That leaves this thread and the one that watches events. */
static void wait_for_idle_threads(void) {
  for (int i = 0; i < 300 && thread_count() > 2; i++) usleep(100000);
  CHECK(thread_count() <= 2);
}

static problem *problem_of_parent, *reference;

static void train_again(void) {
  problem_fill(problem_of_parent, 255);
  problem_train(problem_of_parent);
  CHECK_SAME_RESULTS(problem_of_parent, reference, 1);
}

/* The parent's handles, and new ones. */
static void in_child(void) {
  train_again();
  const shape one = some_shape(SWIFTRNN_GRU, 2, 1), two = some_shape(SWIFTRNN_GRU, 2, 2);
  problem *p = problem_make(&one), *q = problem_make(&two);
  problem_train(p), problem_train(q);
  CHECK_SAME_RESULTS(p, q, 1);
  problem_free(p), problem_free(q);
  CHECK(thread_count() == 1);
  CHECK(swiftrnn_get_num_threads() == 1);
  CHECK(swiftrnn_set_num_threads(2) == SWIFTRNN_STATUS_OK);
  CHECK(swiftrnn_get_num_threads() == 1);
}

static void fork_twice(void) {
  const shape one = some_shape(SWIFTRNN_LSTM, 1, 1), two = some_shape(SWIFTRNN_LSTM, 1, 2);
  reference = problem_make(&one);
  problem_of_parent = problem_make(&two);
  describe(&two, "after fork");
  problem_train(reference);
  CHECK(thread_count() == 1);
  train_again();
  /* Dispatch makes no more threads than there are CPUs for this process. */
  cpu_set_t cpus;
  CHECK(sched_getaffinity(0, sizeof cpus, &cpus) == 0);
  CHECK(thread_count() > 1 || CPU_COUNT(&cpus) == 1);
  check_in_child("fork beside idle threads", in_child);
  train_again();
  wait_for_idle_threads();
  check_in_child("fork after idle threads", in_child);
  train_again();
  problem_free(problem_of_parent), problem_free(reference);
}

int main(void) {
  check_with_each_isa(fork_twice);
  return check_result();
}
