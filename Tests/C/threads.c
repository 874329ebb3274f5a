/* Handles in several threads: many threads with handles of their own, one network and its weights shared by many; and
 * each thread its own last error. */
#include "problem.h"
#include "refused.h"

#include <pthread.h>

enum { THREADS = 8 };

/* Enough work for two threads at least: with AVX-512 that is 2.9 million multiply-adds. */
static shape some_shape(int number, int64_t threads) {
  shape is;
  memset(&is, 0, sizeof is);
  is.cell = all_cells[number % 5];
  is.dtype = number % 3 == 1 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
  is.inputs = 30, is.hidden = (number % 5 < 2 ? 100 : 50) + number, is.layers = 1, is.directions = 1 + number % 2;
  is.steps = 32, is.sequences = 10;
  is.threads = threads;
  is.seed = (uint64_t)number;
  return is;
}

/* What a thread does: its own problem with its own handles, or with the network and the weights of another. */
typedef struct job {
  problem *own, *shared;
  const problem *reference;
  int number;
  /* Checks are not made on several threads at once. */
  int statuses[6], same;
  char message[256];
} job;

static int same_bytes(const problem *p, const problem *q) {
  for (int i = p->first_output; i < p->buffer_count; i++) {
    if (!is_result(p->buffers[i].name, 1)) continue;
    if (memcmp(p->buffers[i].data, q->buffers[i].data, p->buffers[i].size) != 0) return 0;
  }
  return 1;
}

static void *run_job(void *argument) {
  job *j = (job *)argument;
  problem *p = j->own;
  const swiftrnn_network *network = j->shared != NULL ? j->shared->network : p->network;
  j->same = 1;
  for (int i = 0; i < 2; i++) {
    problem_fill(p, i);
    j->statuses[0] |= (int)swiftrnn_network_forward(network, &p->forward);
    j->statuses[1] |= (int)swiftrnn_network_backward(network, &p->backward);
    j->same &= same_bytes(p, j->reference);
    if (j->shared != NULL) {
      swiftrnn_forward_args a = p->forward;
      a.tape = NULL;
      a.parameters = NULL;
      a.weights = j->shared->weights;
      a.workspace = p->workspace_weights;
      a.workspace_size = p->workspace_weights_size;
      memset(a.y, 255, 16);
      j->statuses[2] |= (int)swiftrnn_network_forward(network, &a);
      j->same &= same_bytes(p, j->reference);
      swiftrnn_stream *stream = NULL;
      if (p->is.directions == 1) {
        j->statuses[3] |= (int)swiftrnn_stream_create(network, a.weights, p->is.sequences, &stream);
        j->statuses[3] |= (int)swiftrnn_stream_set_state(stream, a.initial_states, p->state_count);
        j->statuses[3] |= (int)swiftrnn_stream_run(stream, p->is.steps, a.x, a.y);
        j->same &= same_bytes(p, j->reference);
        swiftrnn_stream_destroy(stream);
      }
    }
    swiftrnn_forward_args wrong = p->forward;
    wrong.steps = -1 - j->number;
    j->statuses[4] |= (int)swiftrnn_network_forward(network, &wrong);
  }
  snprintf(j->message, sizeof j->message, "%s", swiftrnn_last_error());
  return NULL;
}

static void run_jobs(job *jobs) {
  pthread_t threads[THREADS];
  CHECK_REFUSED(swiftrnn_set_num_threads(-99), INVALID_VALUE, "-99");
  for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, run_job, &jobs[i]) == 0);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  for (int i = 0; i < THREADS; i++) {
    for (int k = 0; k < 4; k++) CHECK_STATUS(jobs[i].statuses[k], SWIFTRNN_STATUS_OK);
    CHECK_STATUS(jobs[i].statuses[4], SWIFTRNN_STATUS_INVALID_SIZE);
    CHECK(jobs[i].same);
    char expected[32];
    snprintf(expected, sizeof expected, "steps is %d,", -1 - i);
    CHECK(strstr(jobs[i].message, expected) != NULL);
  }
  /* The other threads' failures are not this one's. */
  CHECK(strstr(swiftrnn_last_error(), "-99") != NULL);
}

static void own_handles(void) {
  job jobs[THREADS];
  memset(jobs, 0, sizeof jobs);
  for (int i = 0; i < THREADS; i++) {
    shape is = some_shape(i, i % 3 + 1);
    problem *reference = problem_make(&is);
    problem_train(reference);
    jobs[i].own = problem_make(&is);
    jobs[i].reference = reference;
    jobs[i].number = i;
  }
  run_jobs(jobs);
  for (int i = 0; i < THREADS; i++) problem_free(jobs[i].own), problem_free((problem *)(uintptr_t)jobs[i].reference);
}

static void shared_handles(int kind) {
  job jobs[THREADS];
  memset(jobs, 0, sizeof jobs);
  const shape is = some_shape(kind, 2);
  problem *shared = problem_make(&is);
  problem_pack(shared);
  problem_train(shared);
  for (int i = 0; i < THREADS; i++) {
    jobs[i].own = problem_make(&is);
    jobs[i].shared = shared;
    jobs[i].reference = shared;
    jobs[i].number = i;
  }
  run_jobs(jobs);
  for (int i = 0; i < THREADS; i++) problem_free(jobs[i].own);
  problem_free(shared);
}

int main(void) {
  own_handles();
  shared_handles(2);
  shared_handles(3);
  return check_result();
}
