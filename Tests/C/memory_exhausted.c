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
      CHECK_REFUSED(swiftrnn_weights_create(network, p->forward.parameters, p->parameter_count, &weights), OUT_OF_MEMORY,
                    "out of memory", "bytes");
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

int main(void) {
  check_in_child("large handles", large_handles);
  check_in_child("no memory at all", nothing_left);
  return check_result();
}
