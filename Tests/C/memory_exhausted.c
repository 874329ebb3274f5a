/* When memory runs out, the calls that need some say so, with the bytes, and the process goes on. Memory is limited by
 * setrlimit() in child processes. */
#include "problem.h"
#include "processes.h"
#include "refused.h"

#include <sys/resource.h>

/* No more than `more` bytes beside what the process has now. */
static void limit_memory(size_t more) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%lu", &pages) == 1);
  if (file != NULL) fclose(file);
  struct rlimit limit;
  limit.rlim_cur = limit.rlim_max = pages * (size_t)sysconf(_SC_PAGESIZE) + more;
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

static shape some_shape(swiftrnn_dtype dtype, int64_t hidden) {
  shape is;
  memset(&is, 0, sizeof is);
  is.cell = SWIFTRNN_LSTM, is.dtype = dtype;
  is.inputs = is.hidden = hidden;
  is.layers = 2, is.steps = 3, is.sequences = 2, is.threads = 1;
  return is;
}

/* The bytes in the message of the last error. */
static double bytes_in_message(void) {
  const char *message = swiftrnn_last_error();
  while (*message != 0 && (*message < '0' || *message > '9')) message++;
  return strtod(message, NULL);
}

static void large_handles(void) {
  for (int dtype = 0; dtype < 2; dtype++) {
    const shape small = some_shape((swiftrnn_dtype)dtype, 7);
    problem *p = problem_make(&small), *before = problem_make(&small);
    problem_train(before);
    problem_pack(p);
    /* Of a large network the parameters are not even looked at: their copies cannot be had. */
    const shape large = some_shape((swiftrnn_dtype)dtype, 16384);
    swiftrnn_network *network = network_of(&large);
    int64_t elements = 0;
    CHECK_STATUS(swiftrnn_network_flat_count(network, &elements), SWIFTRNN_STATUS_OK);
    if (dtype == 0) limit_memory((size_t)64 << 20);
    for (int i = 0; i < 10; i++) {
      swiftrnn_weights *weights = (swiftrnn_weights *)(void *)p;
      CHECK_REFUSED(swiftrnn_weights_create(network, p->forward.parameters, p->parameter_count, &weights),
                    OUT_OF_MEMORY, "out of memory", "bytes");
      CHECK(weights == NULL);
      /* Packed, the two biases of a gate are one. */
      CHECK(bytes_in_message() >= (double)(elements - 2 * 4 * large.hidden) * (double)p->element);
      swiftrnn_stream *stream = (swiftrnn_stream *)(void *)p;
      const int64_t sequences = (int64_t)1 << 24;
      CHECK_REFUSED(swiftrnn_stream_create(p->network, p->weights, sequences, &stream), OUT_OF_MEMORY, "out of memory",
                    "bytes");
      CHECK(stream == NULL);
      CHECK(bytes_in_message() >= (double)sequences * 2 * 7 * (double)p->element);
      CHECK_REFUSED(swiftrnn_stream_create(p->network, p->weights, (int64_t)1 << 31, &stream), OUT_OF_MEMORY, "bytes");
      CHECK(stream == NULL);
      /* There is enough for what is small. */
      CHECK_STATUS(swiftrnn_stream_create(p->network, p->weights, 2, &stream), SWIFTRNN_STATUS_OK);
      CHECK_STATUS(swiftrnn_stream_run(stream, small.steps, p->forward.x, p->forward.y), SWIFTRNN_STATUS_OK);
      swiftrnn_stream_destroy(stream);
      problem_train(p);
      CHECK_SAME_RESULTS(p, before, 1);
    }
    swiftrnn_network_destroy(network);
    problem_free(p), problem_free(before);
  }
}

/* Takes all memory that there is, down to the last 16 bytes. Returns the chain of what it took. */
static void *take_everything(void) {
  void *chain = NULL;
  for (size_t size = (size_t)1 << 26; size >= 16; size /= 2) {
    for (;;) {
      void *memory = malloc(size);
      if (memory == NULL) break;
      *(void **)memory = chain;
      chain = memory;
    }
  }
  return chain;
}

static void give_back(void *chain) {
  while (chain != NULL) {
    void *next = *(void **)chain;
    free(chain);
    chain = next;
  }
}

/* Not a byte is left: every call is done or says so, none ends the process. */
static void nothing_left(void) {
  const shape small = some_shape(SWIFTRNN_FLOAT32, 7);
  problem *p = problem_make(&small), *before = problem_make(&small);
  swiftrnn_config config;
  swiftrnn_network *network = NULL;
  swiftrnn_weights *weights = NULL;
  swiftrnn_stream *stream = NULL, *made = NULL;
  problem_train(before);
  CHECK_STATUS(swiftrnn_stream_create(p->network, problem_pack(p), 2, &made), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_config_init(&config, sizeof config, SWIFTRNN_GRU), SWIFTRNN_STATUS_OK);
  config.input_size = config.hidden_size = 20;
  const swiftrnn_forward_args inference = problem_inference(p, 1);
  fflush(NULL);
  limit_memory((size_t)16 << 20);
  void *chain = take_everything();
  const int create = (int)swiftrnn_network_create(&config, &network);
  const int pack = (int)swiftrnn_weights_create(p->network, p->forward.parameters, p->parameter_count, &weights);
  const int streams = (int)swiftrnn_stream_create(p->network, p->weights, 2, &stream);
  const int run = (int)swiftrnn_stream_run(made, small.steps, p->forward.x, p->forward.y);
  const int packed = (int)swiftrnn_network_forward(p->network, &inference);
  const int forward = (int)swiftrnn_network_forward(p->network, &p->forward);
  const int backward = (int)swiftrnn_network_backward(before->network, &before->backward);
  give_back(chain);
  CHECK_STATUS(create, SWIFTRNN_STATUS_OUT_OF_MEMORY);
  CHECK_STATUS(pack, SWIFTRNN_STATUS_OUT_OF_MEMORY);
  CHECK_STATUS(streams, SWIFTRNN_STATUS_OUT_OF_MEMORY);
  CHECK(network == NULL && weights == NULL && stream == NULL);
  /* With packed weights nothing is needed. */
  CHECK_STATUS(run, SWIFTRNN_STATUS_OK);
  CHECK_STATUS(packed, SWIFTRNN_STATUS_OK);
  CHECK(forward == SWIFTRNN_STATUS_OK || forward == SWIFTRNN_STATUS_OUT_OF_MEMORY);
  CHECK(backward == SWIFTRNN_STATUS_OK || backward == SWIFTRNN_STATUS_OUT_OF_MEMORY);
  CHECK_STATUS(swiftrnn_network_create(&config, &network), SWIFTRNN_STATUS_OK);
  problem_train(p), problem_train(before);
  CHECK_SAME_RESULTS(p, before, 1);
  swiftrnn_network_destroy(network);
  swiftrnn_stream_destroy(made);
  problem_free(p), problem_free(before);
}

enum { ROWS = 1200, WIDTH = 60, ELEMENTS = ROWS * WIDTH, CALLS = 11 };
static float weight[WIDTH * WIDTH], rows_in[ELEMENTS], rows_out[ELEMENTS], gradient[ELEMENTS], more[2][ELEMENTS];
static int64_t ids[ROWS];

/* Every function around a network, with work enough for several threads. */
static void train_once(int status[CALLS]) {
  const swiftrnn_dtype f = SWIFTRNN_FLOAT32;
  const int64_t counts[1] = {ELEMENTS};
  void *const gradients[1] = {gradient};
  double loss = 0, norm = 0;
  swiftrnn_adam_config adam;
  swiftrnn_sample_config sampling;
  memset(&adam, 0, sizeof adam), memset(&sampling, 0, sizeof sampling);
  adam.size = sizeof adam, adam.rate = 0.1, adam.beta1 = 0.9, adam.beta2 = 0.99, adam.epsilon = 1e-8;
  sampling.size = sizeof sampling, sampling.temperature = 1, sampling.top_p = 0.5;
  status[0] = (int)swiftrnn_embedding_forward(f, WIDTH, WIDTH, weight, ROWS, ids, rows_in);
  status[1] = (int)swiftrnn_embedding_backward(f, WIDTH, WIDTH, ROWS, ids, rows_in, 0, weight);
  status[2] = (int)swiftrnn_linear_forward(f, ROWS, WIDTH, WIDTH, rows_in, weight, NULL, rows_out);
  status[3] =
      (int)swiftrnn_linear_backward(f, ROWS, WIDTH, WIDTH, rows_in, weight, rows_out, 0, gradient, weight, NULL);
  status[4] = (int)swiftrnn_cross_entropy(f, ROWS, WIDTH, rows_out, ids, -1, NULL, gradient, &loss, NULL, NULL);
  status[5] = (int)swiftrnn_clip_gradients(f, 1, gradients, counts, 1, &norm);
  status[6] = (int)swiftrnn_sgd_step(f, ELEMENTS, 0.1, 0, 0, 0, gradient, rows_in, NULL);
  status[7] = (int)swiftrnn_adam_step(f, &adam, 1, ELEMENTS, gradient, rows_in, more[0], more[1]);
  status[8] = (int)swiftrnn_sample(f, &sampling, ROWS, WIDTH, rows_out, ids);
  swiftrnn_linear_cross_entropy_args fused;
  swiftrnn_elementwise_loss_config pairs;
  memset(&fused, 0, sizeof fused), memset(&pairs, 0, sizeof pairs);
  fused.size = sizeof fused, fused.rows = ROWS, fused.inputs = fused.classes = WIDTH, fused.x = rows_in;
  fused.weight = more[0], fused.targets = ids, fused.dx = gradient, fused.dweight = weight, fused.out_loss = &loss;
  status[9] = (int)swiftrnn_linear_cross_entropy(f, &fused);
  pairs.size = sizeof pairs, pairs.loss = SWIFTRNN_LOSS_SQUARED_ERROR;
  status[10] = (int)swiftrnn_elementwise_loss(f, &pairs, ROWS, WIDTH, rows_in, rows_out, gradient, &loss);
}

/* The kernel ends a process whose stack would have to grow without memory, whatever runs on it. With threads it is not
 * always the calling one that goes deepest while there still is some: so its stack is had before. */
static void touch_stack(void) {
  volatile char stack[1 << 16];
  for (size_t i = 0; i < sizeof stack; i += 1024) stack[i] = 0;
}

static void train_without_memory(int64_t threads, int warm) {
  int status[CALLS], i;
  swiftrnn_set_num_threads(threads);
  touch_stack();
  if (warm) train_once(status);
  /* Room for the stacks of four threads, which may be made once there is memory again. */
  limit_memory((size_t)64 << 20);
  void *chain = take_everything();
  train_once(status);
  give_back(chain);
  for (i = 0; i < CALLS; i++) CHECK(status[i] == SWIFTRNN_STATUS_OK || status[i] == SWIFTRNN_STATUS_OUT_OF_MEMORY);
  train_once(status);
  for (i = 0; i < CALLS; i++) CHECK_STATUS((swiftrnn_status)status[i], SWIFTRNN_STATUS_OK);
}

static void train_cold(void) { train_without_memory(1, 0); }
static void train_warm(void) { train_without_memory(1, 1); }
static void train_cold_with_threads(void) { train_without_memory(4, 0); }
static void train_warm_with_threads(void) { train_without_memory(4, 1); }

/* A library that waits for a thread that can't be made hangs: the child's alarm ends it. Memory for a stack is what
 * lacks here; a limit on threads gives the same error. */
static void no_thread(void) {
  int status[CALLS];
  swiftrnn_set_num_threads(4);
  limit_memory((size_t)4 << 20);
  train_once(status);
  for (int i = 0; i < CALLS; i++) CHECK_STATUS((swiftrnn_status)status[i], SWIFTRNN_STATUS_OK);
}

/* Between too little for anything and enough for a thread's stack, for libdispatch and for malloc()'s arena of the
 * thread lies all that can go wrong with threads: whatever it is, passes are done in a moment, or say so. */
static size_t limit_of_child;

static void few_megabytes(void) {
  shape two = some_shape(SWIFTRNN_FLOAT32, 60);
  two.threads = 2, two.sequences = 40, two.steps = 20;
  problem *p = problem_make(&two);
  touch_stack();
  limit_memory(limit_of_child);
  alarm(4);
  for (int i = 0; i < 4; i++) {
    const int forward = (int)swiftrnn_network_forward(p->network, &p->forward);
    CHECK(forward == SWIFTRNN_STATUS_OK || forward == SWIFTRNN_STATUS_OUT_OF_MEMORY);
    if (forward != SWIFTRNN_STATUS_OK) continue;
    const int backward = (int)swiftrnn_network_backward(p->network, &p->backward);
    CHECK(backward == SWIFTRNN_STATUS_OK || backward == SWIFTRNN_STATUS_OUT_OF_MEMORY);
  }
}

int main(void) {
  for (int i = 0; i < 120; i++) {
    limit_of_child = (size_t)i * (i < 40 ? 50000 : 800000);
    check_in_child("a few megabytes", few_megabytes);
  }
  check_in_child("training without memory, the first call", train_cold);
  check_in_child("training without memory", train_warm);
  check_in_child("training without memory on threads, the first call", train_cold_with_threads);
  check_in_child("training without memory on threads", train_warm_with_threads);
  check_in_child("no thread to be had", no_thread);
  check_in_child("large handles", large_handles);
  check_in_child("no memory at all", nothing_left);
  return check_result();
}
