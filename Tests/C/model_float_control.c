/* Models: whatever the caller has set in the floating-point control register, another rounding, subnormals, unmasked
 * exceptions, the results of passes, steps and writing have the same bits, nothing traps, and the register is as before.
 * float_control.c is about networks. */
#include "model_worlds.h"
#include "processes.h"

#include <xmmintrin.h>

enum { FLUSH = 0x8000, SUBNORMALS_ARE_ZERO = 0x40, ALL_MASKS = 0x1f80, DOWN = 0x2000, UP = 0x4000, TO_ZERO = 0x6000,
       ALL_FLAGS = 0x3f };

static const char *work;

/* The call with the register set to `control`, which must be there behind the call, too. */
#define CONTROLLED(call)                                                      \
  do {                                                                        \
    work = #call;                                                             \
    _mm_setcsr(control);                                                      \
    const int status_of_call = (int)(call);                                   \
    const unsigned now = _mm_getcsr();                                        \
    _mm_setcsr(ALL_MASKS);                                                    \
    CHECK(now == control);                                                    \
    CHECK_STATUS(status_of_call, SWIFTRNN_STATUS_OK);                         \
  } while (0)

static void forbidden_exception(int number) {
  (void)number;
  static const char text[] = "a floating-point exception trapped in ";
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0) _exit(3);
  if (write(STDERR_FILENO, work, strlen(work)) < 0) _exit(3);
  _exit(2);
}

/* A hash of all that the model computes of its batch. */
static uint64_t hash_with(world *w, unsigned control) {
  model_world *const m = w->models;
  swiftrnn_model_loss_options how;
  swiftrnn_inspection *inside = NULL;
  int64_t size = 0;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.seed = 6, how.seeded = 1;
  if (w->kind == LANGUAGE || w->kind == TRANSLATOR) how.sampling_probability = 0.5;
  world_reset(w), model_world_prepare(w);
  CONTROLLED(swiftrnn_model_loss(m->model, &m->batch, m->state, &how, m->doubles, m->counts));
  CONTROLLED(swiftrnn_model_predict(m->model, &m->batch, NULL, m->out, m->out_elements));
  uint64_t hash = world_hash(w);
  world_reset(w), model_world_prepare(w);
  CONTROLLED(swiftrnn_model_evaluate(m->model, &m->batch, m->state, NULL, m->doubles, m->counts));
  hash = hash * 31 + world_hash(w);
  world_reset(w), model_world_prepare(w);
  for (int step = 0; step < 3; step++) {
    CONTROLLED(swiftrnn_trainer_step(m->trainer, &m->batch, m->state, NULL));
    CONTROLLED(swiftrnn_trainer_rate(m->trainer, m->doubles, m->counts));
  }
  hash = hash * 31 + world_hash(w);
  world_reset(w), model_world_prepare(w);
  if (w->kind != REGRESSOR) CONTROLLED(swiftrnn_model_score(m->model, &m->batch, m->state, m->doubles, m->counts));
  hash = hash * 31 + world_hash(w);
  if (w->kind != TREE_CLASSIFIER && strstr(m->config, "attention_use") == NULL) {
    CONTROLLED(swiftrnn_inspection_create(m->model, &m->batch, NULL, &inside));
    CHECK_STATUS(swiftrnn_inspection_json(inside, NULL, 0, &size), SWIFTRNN_STATUS_OK);
    char *const json = (char *)required(malloc((size_t)size));
    CHECK_STATUS(swiftrnn_inspection_json(inside, json, size, &size), SWIFTRNN_STATUS_OK);
    for (int64_t i = 0; i < size; i++) hash = hash * 31 + (unsigned char)json[i];
    swiftrnn_inspection_destroy(inside), free(json);
  }
  if (w->kind != LANGUAGE && w->kind != TRANSLATOR) return hash;
  for (m->writing.beams = 1; m->writing.beams <= MODEL_BEAMS; m->writing.beams += MODEL_BEAMS - 1) {
    world_reset(w);
    CONTROLLED(swiftrnn_model_generate(m->model, &m->prompts, &m->writing, m->counts, m->more_counts, m->doubles, NULL));
    hash = hash * 31 + world_hash(w);
  }
  return hash;
}

/* Kinds whose parts add beside the library's kernels: teacher forcing of output feedback, in classes and in numbers, and
 * attention in a decoder's input. */
static const struct {
  int kind;
  const char *json;
} more[] = {
    {TAGGER, "{\"kind\": \"output_feedback\", \"input\": {\"vocabulary\": 11, \"embedding_size\": 8}, \"network\": "
             "{\"cell\": \"jordan\", \"hidden_size\": 7, \"num_layers\": 1, \"bidirectional\": false}, \"outputs\": 11, "
             "\"dropout\": 0, \"predicts_numbers\": false}"},
    {TRANSLATOR, "{\"kind\": \"encoder_decoder\", \"input\": {\"vocabulary\": 11, \"embedding_size\": 8}, \"network\": "
                 "{\"cell\": \"gru\", \"hidden_size\": 6, \"num_layers\": 1, \"bidirectional\": true}, \"outputs\": 11, "
                 "\"decoder_input\": {\"vocabulary\": 11, \"embedding_size\": 5}, \"decoder\": {\"cell\": \"lstm\", "
                 "\"hidden_size\": 7, \"num_layers\": 1, \"bidirectional\": false}, \"dropout\": 0.25, \"attention\": "
                 "\"additive\", \"attention_size\": 6, \"attention_use\": \"input\", \"tie_embedding\": false}"},
    {TRANSLATOR, "{\"kind\": \"encoder_decoder\", \"input\": {\"vocabulary\": 11, \"embedding_size\": 8}, \"network\": "
                 "{\"cell\": \"gru\", \"hidden_size\": 7, \"num_layers\": 1, \"bidirectional\": false}, \"outputs\": 11, "
                 "\"decoder_input\": {\"vocabulary\": 11, \"embedding_size\": 5}, \"decoder\": {\"cell\": \"gru\", "
                 "\"hidden_size\": 7, \"num_layers\": 1, \"bidirectional\": false}, \"dropout\": 0.25, \"attention\": "
                 "\"general\", \"tie_embedding\": false}"},
};
enum { MORE = sizeof more / sizeof *more };

/* A world's model, or one of `more`. */
static world *made(int number) {
  if (number < ALL_WORLDS - WORLDS) return model_world_make(WORLDS + number, MODEL | STATE | TRAINER);
  world *const w = model_world_make(more[number - (ALL_WORLDS - WORLDS)].kind, 0);
  w->models->config = more[number - (ALL_WORLDS - WORLDS)].json;
  model_world_need(w, MODEL | TRAINER);
  return w;
}

/* Parameters small enough that sums and products underflow, some of them subnormal. */
static void add_subnormals(world *w) {
  void *values = NULL;
  int64_t count = 0;
  CHECK_STATUS(swiftrnn_model_parameters(w->models->model, &values, NULL, &count), SWIFTRNN_STATUS_OK);
  for (int i = 0; i < w->area_count; i++) {
    area *const a = &w->areas[i];
    if (a->data != (unsigned char *)values) continue;
    for (int64_t k = 0; k < count; k += 5) {
      if (w->element == sizeof(float)) ((float *)(void *)a->start)[k] = 1e-40f * (float)k;
      else ((double *)(void *)a->start)[k] = 1e-310 * (double)k;
    }
  }
}

int main(void) {
  static const unsigned controls[] = {
      ALL_MASKS,
      ALL_MASKS | FLUSH | SUBNORMALS_ARE_ZERO,
      ALL_MASKS | DOWN,
      ALL_MASKS | UP,
      ALL_MASKS | TO_ZERO,
      ALL_MASKS | ALL_FLAGS | UP | SUBNORMALS_ARE_ZERO,
      0,      /* every exception traps */
      0x1000, /* all but the inexact ones trap */
  };
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = forbidden_exception;
  sigaction(SIGFPE, &action, NULL);
  make_model_folder();
  for (int number = 0; number < ALL_WORLDS - WORLDS + MORE; number++) {
    world *const w = made(number);
    for (int subnormals = 0; subnormals < 2; subnormals++) {
      if (subnormals) add_subnormals(w);
      const uint64_t expected = hash_with(w, ALL_MASKS);
      for (size_t i = 1; i < sizeof controls / sizeof *controls; i++) {
        const uint64_t found = hash_with(w, controls[i]);
        if (found != expected) fprintf(stderr, "model %d, register %#x\n", number, controls[i]);
        CHECK(found == expected);
      }
    }
  }
  remove_model_folder();
  return check_result();
}
