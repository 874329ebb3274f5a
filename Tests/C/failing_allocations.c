/* The system refuses one allocation of a call, the first, the second and so on, or that one and all behind it: the call
 * is done, with the same bits, or ends with OUT_OF_MEMORY and has written nothing; nothing is lost, and later calls are
 * right. Every function, in its first call of a process and in later ones, on one thread and on several.
 *
 * Prints what each function allocates, and what became of it: `failing_allocations-c11 [NAME...]` of these only. */
#include "allocator.h"
#include "every_model_function.h"
#include "processes.h"

#include <stdint.h>

/* What the processes of one function in one world tell each other. */
typedef struct report {
  uint64_t hash;                       /* of its results */
  long cold, warm, most;               /* allocations, and the most bytes at once */
  long refusals[2][2], done[2][2];     /* calls, by warm and on: ended with OUT_OF_MEMORY, and done */
  long number, on, is_warm;            /* of the allocation that is being refused */
  long checks;
  int wait_status;                     /* of the last process */
} report;

static report *shared;
static const function *now;
static int64_t threads;

/* Numbers of allocations to refuse: all of the first ones, some of many more. */
static long next_number(long number, long all) { return number < all ? number + 1 : number + number / 6 + 1; }

/* What has been seen of a call in which allocation `number` was refused. */
static void check_call(world *w, swiftrnn_status status, int warm, int on) {
  const int fine = status == SWIFTRNN_STATUS_OK || status == SWIFTRNN_STATUS_OUT_OF_MEMORY;
  CHECK(fine);
  shared->done[warm][on] += status == SWIFTRNN_STATUS_OK;
  shared->refusals[warm][on] += status == SWIFTRNN_STATUS_OUT_OF_MEMORY;
  if (status == SWIFTRNN_STATUS_OK) {
    CHECK(world_hash(w) == shared->hash);
    if (now->destroy != NULL) CHECK(w->made != NULL && w->made != w);
  } else {
    CHECK(world_is_untouched(w));
    CHECK(now->destroy == NULL || w->made == NULL);
    CHECK(strlen(swiftrnn_last_error()) > 0);
    if (w->models == NULL || now->destroy != NULL) return;
    /* States, positions and moments are where they were, too: the same call does what it would have done. */
    world_reset(w);
    CHECK_STATUS(now->call(w), SWIFTRNN_STATUS_OK);
    CHECK(world_hash(w) == shared->hash);
  }
}

static swiftrnn_status call(world *w, long number, int on) {
  world_reset(w);
  if (w->stream != NULL) CHECK_STATUS(swiftrnn_stream_reset(w->stream), SWIFTRNN_STATUS_OK);
  if (w->prepare != NULL) w->prepare(w);
  shared->number = number, shared->on = on;
  watch(number, on);
  const swiftrnn_status status = now->call(w);
  unwatch();
  return status;
}

static void call_twice(world *w, long number, int on) {
  const swiftrnn_status status = call(w, number, on);
  if (number == 0) shared->hash = world_hash(w), shared->cold = allocations;
  if (number > 0) check_call(w, status, 0, on);
  if (status == SWIFTRNN_STATUS_OK && now->destroy != NULL) now->destroy(w, 1);
  CHECK_STATUS(call(w, 0, 0), SWIFTRNN_STATUS_OK);
  CHECK(now->destroy != NULL || world_hash(w) == shared->hash);
  if (now->destroy != NULL) now->destroy(w, 1);
}

static void in_fresh_process(world *unused, long kind, int also_unused);

/* Whether a child process did well; `body` runs there. */
static int in_child(void (*body)(world *, long, int), world *w, long number, int on) {
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) {
    check_count = check_failures = 0;
    alarm(body == in_fresh_process ? 500 : 30); /* a call that waits for memory fails */
    body(w, number, on);
    shared->checks += check_count;
    fflush(NULL);
    _exit(check_count > 0 && check_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  int status = -1;
  const pid_t ended = child > 0 ? waitpid(child, &status, 0) : -1;
  shared->wait_status = status;
  return child > 0 && ended == child && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

static void complain(const char *world, const char *what) {
  check_failures++;
  fprintf(stderr, "%s, %s, %d threads, %s, allocation %ld%s: wait status %#x\n", now->name, world, (int)threads, what,
          shared->number, shared->on ? " and all behind it" : "", (unsigned)shared->wait_status);
}

/* The same call again and again, whose allocations are refused in turn. */
static void call_often(world *w, long number, int on) {
  (void)number, (void)on;
  (void)swiftrnn_set_num_threads(-1); /* this thread has its text */
  for (int i = 0; i < 3; i++) {
    CHECK_STATUS(call(w, 0, 0), SWIFTRNN_STATUS_OK);
    if (now->destroy != NULL) now->destroy(w, 0);
  }
  shared->warm = allocations, shared->most = bytes_most;
  const long start = pieces_alive;
  for (int all = 0; all < 2; all++) {
    for (long k = 1; k <= shared->warm; k = next_number(k, 60)) {
      const long pieces = pieces_alive, mapped = bytes_mapped;
      const swiftrnn_status status = call(w, k, all);
      check_call(w, status, 1, all);
      if (status == SWIFTRNN_STATUS_OK && now->destroy != NULL) now->destroy(w, 0);
      if (threads == 1) CHECK(pieces_alive == pieces);
      CHECK(bytes_mapped == mapped);
      if (check_failures > 0) return;
    }
  }
  /* libdispatch keeps up to 1024 small pieces of each thread for later. */
  CHECK(pieces_alive - start < 4 * 1024);
}

/* A process that has called the library only for what the world needs. */
static void in_fresh_process(world *unused, long kind, int also_unused) {
  (void)unused, (void)also_unused;
  CHECK_STATUS(swiftrnn_set_num_threads(1), SWIFTRNN_STATUS_OK);
  world *const w = any_world_make((int)kind, now->needs);
  CHECK_STATUS(swiftrnn_set_num_threads(threads), SWIFTRNN_STATUS_OK);
  if (!in_child(call_twice, w, 0, 0)) complain(w->name, "the first call");
  for (int on = 0; on < 2; on++) {
    for (long k = 1; k <= shared->cold; k = next_number(k, 12)) {
      if (!in_child(call_twice, w, k, on)) complain(w->name, "the first call");
    }
  }
  if (!in_child(call_often, w, 0, 0)) complain(w->name, "later calls");
}

/* ==== Several threads at once ======================================================================================*/

enum { CALLERS = 4, ROUNDS = 20 };

static const char *const at_once[] = {
    "network_create",     "network_create_equations", "cell_parse",
    "network_forward",    "network_forward packed",   "network_forward training",
    "network_backward",   "network_initialize",       "network_describe",
    "weights_create",     "stream_create",            "network_update_statistics",
    "forest_forward",     "forest_backward",
};

typedef struct caller {
  world *w;
  long done, refused;
} caller;

/* All of these calls, of which the system refuses something now and then. */
static void *call_all(void *argument) {
  caller *const me = (caller *)argument;
  world *const w = me->w;
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < FUNCTIONS; i++) {
      const function *const f = &every_function[i];
      if (!(f->worlds >> w->kind & 1)) continue;
      int is_meant = 0;
      for (size_t k = 0; k < sizeof at_once / sizeof *at_once; k++) is_meant |= strcmp(at_once[k], f->name) == 0;
      if (!is_meant) continue;
      world_reset(w);
      const swiftrnn_status status = f->call(w);
      const int fine = status == SWIFTRNN_STATUS_OK || status == SWIFTRNN_STATUS_OUT_OF_MEMORY;
      if (!fine || (status != SWIFTRNN_STATUS_OK && !world_is_untouched(w))) return NULL;
      if (status == SWIFTRNN_STATUS_OK && f->destroy == NULL) {
        const uint64_t hash = world_hash(w);
        if (w->hashes[i] != 0 && w->hashes[i] != hash) return NULL;
        w->hashes[i] = hash;
      }
      if (status == SWIFTRNN_STATUS_OK && f->destroy != NULL) f->destroy(w, 0);
      me->done += status == SWIFTRNN_STATUS_OK, me->refused += status != SWIFTRNN_STATUS_OK;
    }
  }
  return w;
}

static void several_callers(void) {
  CHECK_STATUS(swiftrnn_set_num_threads(1), SWIFTRNN_STATUS_OK);
  for (int kind = 0; kind < WORLDS; kind++) {
    pthread_t thread[CALLERS];
    caller callers[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
      callers[i].w = world_make(kind, EVERYTHING), callers[i].done = callers[i].refused = 0;
      callers[i].w->hashes = (uint64_t *)required(calloc(FUNCTIONS, sizeof(uint64_t)));
    }
    CHECK_STATUS(swiftrnn_set_num_threads(2), SWIFTRNN_STATUS_OK);
    for (int i = 0; i < CALLERS; i++) CHECK(pthread_create(&thread[i], NULL, call_all, &callers[i]) == 0);
    watch(0, SOME);
    long done = 0, refused = 0;
    for (int i = 0; i < CALLERS; i++) {
      void *result = NULL;
      CHECK(pthread_join(thread[i], &result) == 0);
      CHECK(result == callers[i].w);
      done += callers[i].done, refused += callers[i].refused;
    }
    unwatch();
    for (int i = 0; i < CALLERS * FUNCTIONS; i++) {
      const uint64_t hash = callers[i / FUNCTIONS].w->hashes[i % FUNCTIONS], same = callers[0].w->hashes[i % FUNCTIONS];
      CHECK(hash == 0 || same == 0 || hash == same);
    }
    printf("%s: %d threads at once, %ld calls done, %ld ended with OUT_OF_MEMORY\n", world_names[kind], (int)CALLERS,
           done, refused);
    CHECK(done > 0 && refused > 0);
    CHECK_STATUS(swiftrnn_set_num_threads(1), SWIFTRNN_STATUS_OK);
  }
}

static void print_row(int kind) {
  printf("%-26s %-11s %d %6ld %6ld %9ld  %4ld/%-4ld %4ld/%-4ld %4ld/%-4ld %4ld/%-4ld\n", now->name, any_world_name(kind),
         (int)threads, shared->cold, shared->warm, shared->most, shared->done[0][0], shared->refusals[0][0],
         shared->done[0][1], shared->refusals[0][1], shared->done[1][0], shared->refusals[1][0], shared->done[1][1],
         shared->refusals[1][1]);
}

/* What docs/abi.md says: no allocation in any call, or none in later ones. */
static void check_promises(void) {
  static const char *const never[] = {"version", "status_string", "last_error", "set_num_threads", "get_num_threads",
                                      "config_init", "initializer_init", "network_parameter_count",
                                      "network_parameter_info", "network_flat_count", "network_flat_pointers",
                                      "network_output_size", "stream_step", "stream_step_inputs", "stream_run",
                                      "stream_reset", "stream_get_state", "stream_set_state", "tensors_count",
                                      "tensors_index", "tensors_info_at", "tensors_metadata"};
  for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
    if (strcmp(now->name, never[i]) == 0) CHECK(shared->cold == 0 && shared->warm == 0);
  }
  if (strcmp(now->name, "isa") == 0) CHECK(shared->warm == 0);
}

static int is_wanted(const char *name, int count, char **names) {
  for (int i = 1; i < count; i++) {
    if (strcmp(names[i], name) == 0) return 1;
  }
  return count < 2;
}

int main(int count, char **names) {
  void *const memory = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  shared = (report *)required(memory);
  check_all_functions_are_here();
  check_all_model_functions_are_here();
  make_model_folder();
  printf("Threads; allocations in the first call and in later ones, the most bytes at once of a later one; then calls\n"
         "done / ended with OUT_OF_MEMORY where one allocation was refused, and where all from one on were: first\n"
         "calls, and later ones.\n");
  for (int i = 0; i < ALL_FUNCTIONS; i++) {
    now = function_at(i);
    if (!is_wanted(now->name, count, names)) continue;
    for (int kind = 0; kind < ALL_WORLDS; kind++) {
      if (!(now->worlds >> kind & 1)) continue;
      for (threads = 1; threads <= (now->uses_threads ? 4 : 1); threads += 3) {
        memset(shared, 0, sizeof *shared);
        const int fine = in_child(in_fresh_process, NULL, kind, 0);
        check_count += shared->checks + 1;
        check_failures += !fine;
        print_row(kind);
        check_promises();
        if (strcmp(now->name, "network_forward packed") == 0 && threads == 1 && (kind == FUSED || kind == DIRECTIONS)) {
          CHECK(shared->warm == 0);
        }
      }
    }
  }
  if (count < 2) check_in_child("several threads at once", several_callers);
  remove_model_folder();
  return check_result();
}
