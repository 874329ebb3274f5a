/* When a call draws a seed from the system, what happens where the system gives none, and that processes after fork()
 * draw seeds of their own. The system is asked through this program's syscall(), which counts. */
#include "processes.h"

#include "problem.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static long asked; /* how often getrandom() was */
static int refuses;

#ifdef __cplusplus
#define WITHOUT_EXCEPTIONS noexcept
extern "C" {
#else
#define WITHOUT_EXCEPTIONS
#endif
long syscall(long number, ...) WITHOUT_EXCEPTIONS {
  typedef long (*function)(long, ...);
  union {
    void *pointer;
    function call;
  } real;
  real.pointer = dlsym(RTLD_NEXT, "syscall");
  long a[6];
  va_list list;
  va_start(list, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_getrandom) {
    asked++;
    if (refuses) {
      errno = EPERM;
      return -1;
    }
  }
  return real.call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
#ifdef __cplusplus
}
#endif

static problem *dropout(double probability) {
  shape is;
  memset(&is, 0, sizeof is);
  is.cell = SWIFTRNN_GRU, is.dtype = SWIFTRNN_FLOAT32, is.dropout = probability;
  is.inputs = 3, is.hidden = 20, is.layers = 2, is.steps = 4, is.sequences = 3, is.threads = 1;
  problem *p = problem_make(&is);
  p->forward.seed = 0, p->forward.seeded = 0;
  return p;
}

/* How often a pass asks the system. */
static long asked_by(problem *p, const swiftrnn_forward_args *args) {
  const long before = asked;
  CHECK_STATUS(swiftrnn_network_forward(p->network, args), SWIFTRNN_STATUS_OK);
  return asked - before;
}

enum { CLASSES = 1000, TOKENS = 16 };

static long asked_by_sampling(double temperature, int32_t seeded, int64_t *tokens) {
  static const float logits[CLASSES] = {0};
  swiftrnn_sample_config config;
  memset(&config, 0, sizeof config);
  config.size = sizeof config, config.temperature = temperature, config.seeded = seeded;
  const long before = asked;
  for (int i = 0; i < TOKENS; i++) {
    CHECK_STATUS(swiftrnn_sample(SWIFTRNN_FLOAT32, &config, 1, CLASSES, logits, &tokens[i]), SWIFTRNN_STATUS_OK);
  }
  return asked - before;
}

static int same_tokens(const int64_t *tokens) {
  int same = 0;
  for (int i = 1; i < TOKENS; i++) same += tokens[i] == tokens[0];
  return same;
}

static void only_where_something_is_random(void) {
  problem *random = dropout(0.5), *plain = dropout(0);
  CHECK(asked_by(random, &random->forward) == 1);
  CHECK(asked_by(plain, &plain->forward) == 0);
  swiftrnn_forward_args a = problem_inference(random, 0);
  CHECK(asked_by(random, &a) == 0);
  random->forward.seeded = 1;
  CHECK(asked_by(random, &random->forward) == 0);
  int64_t tokens[TOKENS];
  CHECK(asked_by_sampling(1, 0, tokens) == TOKENS && same_tokens(tokens) < 4);
  CHECK(asked_by_sampling(0, 0, tokens) == 0 && same_tokens(tokens) == TOKENS - 1);
  CHECK(asked_by_sampling(1, 1, tokens) == 0 && same_tokens(tokens) == TOKENS - 1);
  problem_free(random), problem_free(plain);
}

/* As under a filter of system calls. */
static void without_the_system(void) {
  int64_t tokens[TOKENS];
  problem *p = dropout(0.5);
  const size_t size = (size_t)(p->is.steps * p->is.sequences * p->output_size) * sizeof(float);
  void *before = required(malloc(size));
  refuses = 1;
  CHECK(asked_by_sampling(1, 0, tokens) == TOKENS && same_tokens(tokens) < 4);
  CHECK(asked_by(p, &p->forward) == 1);
  memcpy(before, p->forward.y, size);
  CHECK(asked_by(p, &p->forward) == 1 && memcmp(before, p->forward.y, size) != 0);
  refuses = 0;
  free(before);
  problem_free(p);
}

static int64_t (*drawn)[TOKENS];
static int process;

static void draw(void) { asked_by_sampling(1, 0, drawn[process]); }

static void after_fork(void) {
  drawn = (int64_t(*)[TOKENS])mmap(NULL, 6 * sizeof *drawn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (drawn == MAP_FAILED) required(NULL);
  for (process = 0; process < 6; process++) {
    refuses = process >= 3;
    if (process % 3 == 0) {
      draw();
    } else {
      check_in_child("draws after fork", draw);
    }
  }
  refuses = 0;
  for (int i = 0; i < 6; i++) {
    for (int j = 0; j < i; j++) CHECK(memcmp(drawn[i], drawn[j], sizeof *drawn) != 0);
  }
  munmap(drawn, 6 * sizeof *drawn);
}

int main(void) {
  only_where_something_is_random();
  without_the_system();
  after_fork();
  return check_result();
}
