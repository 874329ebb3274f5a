/* Every function of the library, called with what nobody would: configurations, sizes and arrays at random, each array
 * flush against a forbidden page, and then with one to three arguments that are wrong. A refusal has a status that its
 * argument may give, and a message, and has written nothing. What is accepted has kept its inputs and stayed within its
 * arrays, and gives the same bits with other threads, in other places, in another batch, packed, trained or streamed.
 *
 *     strange_functions                        some seconds of random calls
 *     strange_functions SECONDS [SEED]         for that long
 *     strange_functions SECONDS SEED ITERATION one iteration again, with all of its calls told
 *
 * Calls are made in child processes, so that a crash is a finding and not the end; each child takes another instruction
 * set of this CPU, unless SWIFTRNN_ISA is set. Valid in C11 and in C++17. */
#include "strange_functions/networks.h"
#include "strange_functions/training.h"
#include "strange_functions/attention.h"
#include "strange_functions/trainers.h"
#include "strange_functions/tensors.h"

#include <time.h>

enum { ITERATIONS_OF_A_CHILD = 200, LONGEST_ITERATION = 60 * SWIFTRNN_TEST_SLOWER, MOST_FAILURES = 50 };

/* Not time(): a second that begins just before the next would end before the first call. */
static double clock_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void iteration(int64_t number, uint64_t seed) {
  now->round = number;
  all->number = 0;
  all->text[0] = 0;
  /* Not the sum itself: random numbers are hashes of what counts up, and the next iteration's would be this one's. */
  uint64_t sum = seed * 1000003 + (uint64_t)number;
  random_state = next_random(&sum);
  placement_state = next_random(&random_state);
  fill_state = next_random(&random_state);
  swiftrnn_set_num_threads(1);
  alarm((unsigned)LONGEST_ITERATION); /* what hangs, ends */
  const int64_t part = any(4);
  if (part == 0) {
    for (int i = 0; i < 2; i++) vocabularies();
    for (int i = 0; i < 2; i++) tensors();
    for (int i = 0; i < 3; i++) models();
  } else if (part < 3) {
    if (any(20) == 0) absurd_network();
    network();
  } else {
    for (int i = 0; i < 6; i++) training();
    for (int i = 0; i < 6; i++) attention();
  }
}

/* The library must not have been called yet. */
static void choose_isa(int64_t which) {
#if defined(__x86_64__)
  static const char *const names[3] = {"avx512", "avx2", "baseline"};
  const int has[3] = {__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"),
                      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), 1};
  int k = (int)(which % 3);
  while (!has[k]) k++;
  setenv("SWIFTRNN_ISA", names[k], 0);
#else
  (void)which;
#endif
}

static void child(int64_t first, int64_t last, uint64_t seed, double end) {
  choose_isa(first / ITERATIONS_OF_A_CHILD);
  inferred = record_new(), trained = record_new(), reversed = record_new(), other_record = record_new();
  drawn = record_new();
  int64_t number = first;
  for (; number < last && (clock_seconds() < end || is_traced); number++) iteration(number, seed);
  fflush(NULL);
  now->round = number;
  _exit(EXIT_SUCCESS);
}

static void print_counts(uint64_t seed, int64_t iterations) {
  long total = 0, refused = 0;
  printf("%-28s %10s %9s  refused: null value size overflow small misaligned mismatch memory unsupported "
         "file format\n", "function",
         "calls", "accepted");
  for (int i = 0; i < FUNCTIONS; i++) {
    long calls = 0;
    for (int s = 0; s < STATUSES; s++) calls += all->calls[i][s];
    printf("%-28s %10ld %9ld ", function_names[i], calls, all->calls[i][0]);
    for (int s = 1; s < STATUSES; s++) printf(" %ld", all->calls[i][s]);
    printf("\n");
    total += calls, refused += calls - all->calls[i][0];
    if (iterations >= 20000 && calls == 0) {
      fprintf(stderr, "%s has never been called\n", function_names[i]);
      now->failures++;
    }
  }
  printf("seed %" PRIu64 ": %" PRId64 " iterations, %ld calls, %ld refused, %ld with a change that was accepted\n",
         seed, iterations, total, refused, all->accepted_changes);
  fflush(stdout);
  check_count = total, check_failures = now->failures;
}

static void remove_files(void) {
  static const char *const names[] = {"text", "model", "checkpoint", "tensors"};
  for (int i = 0; i < 4; i++) unlink(strange_path(names[i]));
  /* A call that was ended in the middle may have left a file. */
  if (rmdir(strange_folder) != 0) fprintf(stderr, "%s is left\n", strange_folder);
}

int main(int argc, char **argv) {
  const int shared = MAP_SHARED | MAP_ANONYMOUS;
  now = (progress *)required(mmap(NULL, sizeof *now, PROT_READ | PROT_WRITE, shared, -1, 0));
  written = now->text, written_size = &now->size;
  all = (tally *)required(mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, shared, -1, 0));
  const double given = argc > 1 ? strtod(argv[1], NULL) : 0, start = clock_seconds();
  const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  const int64_t first = argc > 3 ? strtoll(argv[3], NULL, 10) : 0;
  is_traced = argc > 3;
  const double end = start + (given > 0 ? given : 5);
  const int64_t last = is_traced ? first + 1 : INT64_MAX;
  slots_map();
  snprintf(strange_folder, sizeof strange_folder, "/tmp/swiftrnn-strange-XXXXXX");
  required(mkdtemp(strange_folder));
  int64_t number = first;
  while (number < last && (clock_seconds() < end || is_traced) && now->failures < MOST_FAILURES) {
    fflush(NULL);
    const int64_t next = (number / ITERATIONS_OF_A_CHILD + 1) * ITERATIONS_OF_A_CHILD;
    const int64_t until = next < last ? next : last;
    const pid_t process = fork();
    if (process == 0) child(number, until, seed, end);
    int status = -1;
    if (process < 0 || waitpid(process, &status, 0) != process) return EXIT_FAILURE;
    number = now->round;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) continue;
    fail("the process ended with wait status %#x in call %ld, %s", (unsigned)status, all->number, all->text);
    number++;
  }
  remove_files();
  print_counts(seed, number - first);
  if (now->failures > 0) {
    fprintf(stderr, "again: strange_functions 0 %" PRIu64 " ROUND\n", seed);
  }
  return check_result();
}
