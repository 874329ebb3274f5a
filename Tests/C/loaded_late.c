/* The library loaded by dlopen(), as interpreters do: a thread's first call, when nothing is left, does not end the
 * process either. Thread-local memory of such a library would be allocated in that call, by the dynamic linker. Not
 * linked with the library. */
#include "allocator.h"
#include "processes.h"

static void *library;

typedef swiftrnn_status (*create_network)(const swiftrnn_config *, swiftrnn_network **);
typedef swiftrnn_status (*set_threads)(int64_t);
typedef const char *(*last_error)(void);

static create_network create;
static set_threads set;
static last_error message;

static void find(const char *name, void *function) {
  void *const found = dlsym(library, name);
  CHECK(found != NULL);
  memcpy(function, &found, sizeof found);
}

static swiftrnn_config some_config(void) {
  swiftrnn_config config;
  memset(&config, 0, sizeof config);
  config.size = sizeof config, config.cell = SWIFTRNN_LSTM;
  config.input_size = 4, config.hidden_size = 8, config.num_layers = config.num_directions = config.bias = 1;
  return config;
}

static int statuses[4];
static swiftrnn_network *network;

static void *without_memory(void *unused) {
  const swiftrnn_config config = some_config();
  watch(1, 1);
  statuses[0] = (int)set(-1);
  statuses[1] = (int)create(&config, &network);
  unwatch();
  statuses[2] = (int)create(&config, &network);
  statuses[3] = (int)strlen(message());
  return unused;
}

static void run(void) {
  library = dlopen(SWIFTRNN_TEST_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  CHECK(library != NULL);
  if (library == NULL) return;
  find("swiftrnn_network_create", &create);
  find("swiftrnn_set_num_threads", &set);
  find("swiftrnn_last_error", &message);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, without_memory, NULL) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(statuses[0] == SWIFTRNN_STATUS_INVALID_VALUE);
  CHECK(statuses[1] == SWIFTRNN_STATUS_OUT_OF_MEMORY);
  CHECK(statuses[2] == SWIFTRNN_STATUS_OK && network != NULL);
  CHECK(statuses[3] > 0);
}

int main(void) {
  check_in_child("a library that is loaded late", run);
  return check_result();
}
