/* A process that has used threads, and its children after fork(), which have only the calling one: the same bits, on
 * every instruction set. */
#include "processes.h"

#include "equations.h"
#include "problem.h"

#include <dirent.h>
#include <pthread.h>
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

enum { CALLERS = 4, CHILDREN = 40 };
static pthread_barrier_t all_there;

/* Compiles some cells of the library: much that the Swift runtime sets up in first calls. */
static void *compile(void *number) {
  pthread_barrier_wait(&all_there);
  for (int64_t i = 0; i < 3; i++) {
    char name[64], text[96];
    const int64_t caller = (int64_t)(intptr_t)number;
    swiftrnn_equations *equations = NULL;
    swiftrnn_config config;
    size_list sizes;
    if (swiftrnn_cell_name(caller * 7 + i, name, sizeof name) != SWIFTRNN_STATUS_OK) return NULL;
    snprintf(text, sizeof text, "like %s", name);
    if (swiftrnn_cell_parse(text, (int64_t)strlen(text), &equations) != SWIFTRNN_STATUS_OK) return NULL;
    if (swiftrnn_config_init(&config, sizeof config, SWIFTRNN_EQUATIONS) != SWIFTRNN_STATUS_OK) return NULL;
    config.input_size = config.hidden_size = 6;
    config.dtype = caller % 2 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
    swiftrnn_network_destroy(network_with_sizes(equations, &config, 2, &sizes));
    swiftrnn_equations_destroy(equations);
  }
  return &all_there;
}

static void compile_at_once(void) {
  pthread_t thread[CALLERS];
  alarm(20);
  CHECK(pthread_barrier_init(&all_there, NULL, CALLERS) == 0);
  for (intptr_t i = 1; i < CALLERS; i++) CHECK(pthread_create(&thread[i], NULL, compile, (void *)i) == 0);
  CHECK(compile((void *)0) != NULL);
  for (int i = 1; i < CALLERS; i++) {
    void *result = NULL;
    CHECK(pthread_join(thread[i], &result) == 0 && result != NULL);
  }
}

/* A child whose threads meet at locks of the runtime that the parent's thread has taken before: one of some 40 hung,
 * before those locks were told of the child. */
static void fork_before_threads(void) {
  const shape one = some_shape(SWIFTRNN_LSTM, 1, 1);
  swiftrnn_network_destroy(network_of(&one));
  for (int i = 0; i < CHILDREN; i++) check_in_child("threads that compile cells at once", compile_at_once);
}

int main(void) {
  check_in_child("fork before threads", fork_before_threads);
  check_with_each_isa(fork_twice);
  return check_result();
}
