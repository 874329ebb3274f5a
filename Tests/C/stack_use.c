/* Every function runs in a thread of 128 KB of stack, as hosts of plug-ins have them, also in its first call: all
 * functions over some networks, and all that is done with a cell over all cells of the library. Prints how much each
 * needs: the depth of what it has written on a painted stack. */
#include "every_model_function.h"
#include "processes.h"

#include <pthread.h>

enum { STACK = 128 << 10 };

/* A call on a stack of its own. */
typedef struct task {
  swiftrnn_status (*call)(world *);
  world *w;
  unsigned char *entry; /* where its frame is */
  swiftrnn_status status;
} task;

static void *run_task(void *argument) {
  task *const t = (task *)argument;
  t->entry = (unsigned char *)__builtin_frame_address(0);
  t->status = t->call(t->w);
  return NULL;
}

/* Bytes of stack that a call needs. Below the stack is a page that nobody may touch. */
static long stack_of(swiftrnn_status (*call)(world *), world *w) {
  buffer memory = buffer_make("a stack", STACK, BORDER_START);
  task t = {call, w, NULL, SWIFTRNN_STATUS_OK};
  pthread_attr_t attributes;
  pthread_t thread;
  CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstack(&attributes, memory.data, STACK) == 0);
  CHECK(pthread_create(&thread, &attributes, run_task, &t) == 0 && pthread_join(thread, NULL) == 0);
  pthread_attr_destroy(&attributes);
  CHECK_STATUS(t.status, SWIFTRNN_STATUS_OK);
  size_t untouched = 0;
  while (untouched < STACK && memory.data[untouched] == CANARY) untouched++;
  const long needed = (long)(t.entry - memory.data) - (long)untouched;
  buffer_free(&memory);
  return needed;
}

/* What child processes find out: the most of each function, in first calls and in later ones. */
typedef struct report {
  long first[ALL_FUNCTIONS], later[ALL_FUNCTIONS];
  int64_t cells; /* of the library */
} report;

static report *shared;
static int number, kind;
static swiftrnn_dtype dtype;
static int64_t cell, threads;

/* Kilobytes that docs/abi.md says are enough: the first of these that a name begins with, or `others`. */
typedef struct limit {
  const char *name;
  long kilobytes;
} limit;

static const limit limits[] = {{"network_backward", 96}, {"network_forward", 64},          {"forest_forward", 56},
                               {"forest_backward", 56},  {"network_create_equations", 48}, {"cell_parse", 48},
                               {"network_create", 32},   {"weights_create", 32},           {"stream_", 32},
                               {"linear_", 32},          {"attention_", 80},               {"pool_", 80},
                               {"model_create", 56},     {"model_load", 56},         {"model_loss", 104},
                               {"model_evaluate", 88},   {"model_predict", 88},      {"model_score", 88},
                               {"model_generate", 88},   {"inspection_create", 104}, {"trainer_step", 104},
                               {"trainer_load", 64}};
enum { OTHERS = 24 };

static long limit_of(const char *name) {
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    if (strncmp(name, limits[i].name, strlen(limits[i].name)) == 0) return limits[i].kilobytes << 10;
  }
  return OTHERS << 10;
}

static void keep(long *most, long now) {
  if (now > *most) *most = now;
}

static void measure(world *w, int function_number) {
  const function *const f = function_at(function_number);
  for (int turn = 0; turn < 2; turn++) {
    w->made = NULL;
    if (w->prepare != NULL) w->prepare(w);
    keep(turn == 0 ? &shared->first[function_number] : &shared->later[function_number], stack_of(f->call, w));
    if (f->destroy != NULL) f->destroy(w, 0);
  }
}

static void in_world(void) {
  CHECK_STATUS(swiftrnn_set_num_threads(1), SWIFTRNN_STATUS_OK);
  snprintf(current_work, sizeof current_work, "%s in world %d", function_at(number)->name, kind);
  watch_pages();
  world *const w = any_world_make(kind, function_at(number)->needs);
  CHECK_STATUS(swiftrnn_set_num_threads(threads), SWIFTRNN_STATUS_OK);
  measure(w, number);
}

/* A cell in one layer and in two, of which all that can be done is done. */
static void with_cell(void) {
  char name[64], text[96];
  CHECK_STATUS(swiftrnn_set_num_threads(1), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_cell_count(&shared->cells), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_cell_name(cell, name, sizeof name), SWIFTRNN_STATUS_OK);
  snprintf(text, sizeof text, "like %s", name);
  watch_pages();
  for (int64_t layers = 1; layers <= 2; layers++) {
    world *const w = world_of(-1, name, text, dtype, layers, TEXT);
    size_list sizes;
    swiftrnn_network *const network = network_with_sizes(w->equations, &w->config, 4, &sizes);
    /* Not every cell can be stacked: some give out rows of another width than they read. */
    CHECK(network != NULL || layers > 1);
    if (network == NULL) continue;
    swiftrnn_network_destroy(network);
    world_need(w, NETWORK | STREAM | TAPE);
    for (int i = 0; i < FUNCTIONS; i++) {
      const function *const f = &every_function[i];
      const int is_of_cells = (f->needs != 0 && !(f->needs & (FOREST | FOREST_TAPE))) || f->call == in_cell_parse;
      const int lacks_names = (f->call == in_network_input_info && w->input_count == 0) ||
                              ((f->call == in_network_state_info || f->call == in_network_state_part) &&
                               (w->state_count == 0 || layers == 1));
      const int wants_inputs = w->input_count > 0 && (f->call == in_stream_step || f->call == in_stream_run);
      if (!is_of_cells || lacks_names || wants_inputs || f->call == in_network_parameter_info) continue;
      snprintf(current_work, sizeof current_work, "%s of %s", f->name, name);
      measure(w, i);
    }
  }
}

int main(void) {
  shared = (report *)required(mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  make_model_folder();
  for (number = 0; number < ALL_FUNCTIONS; number++) {
    for (kind = 0; kind < ALL_WORLDS; kind++) {
      if (!(function_at(number)->worlds >> kind & 1)) continue;
      for (threads = 1; threads <= 4; threads += 3) check_in_child(function_at(number)->name, in_world);
    }
  }
  shared->cells = 1;
  for (cell = 0; cell < shared->cells; cell++) {
    for (int d = 0; d < 2; d++) {
      dtype = d == 0 ? SWIFTRNN_FLOAT32 : SWIFTRNN_FLOAT64;
      check_in_child("a cell", with_cell);
    }
  }
  printf("Bytes of stack: in first calls, in later ones, and the limit.\n");
  remove_model_folder();
  for (int i = 0; i < ALL_FUNCTIONS; i++) {
    const long most = limit_of(function_at(i)->name);
    printf("%-26s %7ld %7ld %7ld\n", function_at(i)->name, shared->first[i], shared->later[i], most);
    CHECK(shared->first[i] <= most && shared->later[i] <= most);
  }
  return check_result();
}
