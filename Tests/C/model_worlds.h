/* Models of different kinds, with everything that any function of swiftrnn_models.h takes: the start of tests of every
 * function (every_model_function.h). Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_MODEL_WORLDS_H
#define SWIFTRNN_TEST_MODEL_WORLDS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "swiftrnn_models.h"
#include "worlds.h"

#include <fcntl.h>
#include <sys/stat.h>

/** Worlds of models are numbered behind those of networks. */
enum { LANGUAGE = WORLDS, TAGGER, TRANSLATOR, REGRESSOR, TREE_CLASSIFIER, ALL_WORLDS };

/** The parts of a world of models. */
enum {
  VOCABULARIES = 1, MODEL = 2, STATE = 4, TRAINER = 8, TEXT_FILE = 16, TEXT_STREAM = 32, MODEL_FILE = 64,
  CHECKPOINT = 128, METADATA = 256, INSPECTION = 512, TENSORS = 1024
};

enum { MODEL_STEPS = 9, MODEL_SEQUENCES = 5, MODEL_ROWS = MODEL_STEPS * MODEL_SEQUENCES, MODEL_NODES = 21 };
enum { MODEL_LENGTH = 7, MODEL_BEAMS = 3, MODEL_FEATURES = 6, TEXT_STEPS = 6, TEXT_SEQUENCES = 4 };
enum { MODEL_CLASSES = 11, FILE_SIZE = 1 << 17 };

static const char model_text[] =
    "the cat sat on the mat, and the dog sat on the cat; then the mat was taken to the dog by a man with a hat";

typedef struct model_world {
  swiftrnn_vocabulary *vocabulary, *labels;
  swiftrnn_model *model;
  swiftrnn_model_state *state;
  swiftrnn_trainer *trainer;
  swiftrnn_text_stream *text;
  swiftrnn_inspection *inspection;
  swiftrnn_tensors *tensors; /* of the model's file */
  swiftrnn_network *network; /* of the language model */
  swiftrnn_forest *forest;
  swiftrnn_model_batch batch, prompts;
  swiftrnn_generation_options writing;
  int64_t classes, out_elements, outputs;
  int64_t ids[MODEL_ROWS], decoder_ids[MODEL_ROWS], targets[MODEL_ROWS], lengths[MODEL_SEQUENCES];
  int64_t parents[MODEL_NODES];
  void *features, *numbers, *out;
  double *doubles;
  int64_t *counts, *more_counts;
  char *file;         /* FILE_SIZE bytes: what a call has written to a file */
  const char *config; /* JSON */
  char path[160], text_path[160], model_path[160], checkpoint_path[160];
  swiftrnn_model *loaded_model;
  swiftrnn_model_state *loaded_state;
} model_world;

static char model_folder[128];

static inline void remove_model_folder(void) {
  static const char *const names[] = {"out", "text", "model", "checkpoint"};
  char path[160];
  for (int i = 0; i < 4; i++) {
    snprintf(path, sizeof path, "%.127s/%s", model_folder, names[i]);
    unlink(path);
  }
  /* A file that a call has left behind keeps the folder. */
  CHECK(rmdir(model_folder) == 0);
}

/** A folder for the files of all worlds; to be made before processes are forked. */
static inline void make_model_folder(void) {
  snprintf(model_folder, sizeof model_folder, "/tmp/swiftrnn-test-XXXXXX");
  required(mkdtemp(model_folder));
}

static inline void write_file(const char *path, const void *bytes, size_t size) {
  const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  CHECK(file >= 0 && write(file, bytes, size) == (ssize_t)size);
  if (file >= 0) close(file);
}

/** The bytes of a file, without an allocation; how many there are, or -1. */
static inline ssize_t read_file(const char *path, void *bytes, size_t size) {
  const int file = open(path, O_RDONLY);
  if (file < 0) return -1;
  const ssize_t count = read(file, bytes, size);
  close(file);
  return count;
}

static inline swiftrnn_vocabulary_config vocabulary_config(swiftrnn_tokens tokens) {
  swiftrnn_vocabulary_config c;
  memset(&c, 0, sizeof c);
  c.size = sizeof c, c.tokens = tokens, c.specials = 15;
  return c;
}

static inline swiftrnn_vocabulary *model_vocabulary(swiftrnn_tokens tokens, const char *text, int64_t most) {
  swiftrnn_vocabulary_config c = vocabulary_config(tokens);
  const int64_t size = (int64_t)strlen(text);
  swiftrnn_vocabulary *made = NULL;
  c.maximum_size = most;
  CHECK_STATUS(swiftrnn_vocabulary_create(&c, &text, &size, 1, &made), SWIFTRNN_STATUS_OK);
  return (swiftrnn_vocabulary *)required(made);
}

static inline int is_of_text(int kind) { return kind == LANGUAGE || kind == TAGGER || kind == TRANSLATOR; }
static inline int carries_state(int kind) { return kind == LANGUAGE; }

static const char *const model_configurations[ALL_WORLDS - WORLDS] = {
    "{\"kind\": \"language_model\", \"input\": {\"vocabulary\": 11, \"embedding_size\": 8}, \"network\": {\"cell\": "
    "\"lstm\", \"hidden_size\": 9, \"num_layers\": 2, \"bidirectional\": false}, \"outputs\": 11, \"dropout\": 0.25, "
    "\"tie_embedding\": false}",
    "{\"kind\": \"tagger\", \"input\": {\"vocabulary\": 11, \"embedding_size\": 8}, \"network\": {\"cell\": \"gru\", "
    "\"hidden_size\": 7, \"num_layers\": 1, \"bidirectional\": true}, \"outputs\": 11, \"dropout\": 0.25, "
    "\"predicts_numbers\": false}",
    "{\"kind\": \"encoder_decoder\", \"input\": {\"vocabulary\": 11, \"embedding_size\": 8}, \"network\": {\"cell\": "
    "\"lstm\", \"hidden_size\": 6, \"num_layers\": 1, \"bidirectional\": true}, \"outputs\": 11, \"decoder_input\": "
    "{\"vocabulary\": 11, \"embedding_size\": 5}, \"decoder\": {\"cell\": \"gru\", \"hidden_size\": 7, "
    "\"num_layers\": 1, \"bidirectional\": false}, \"dropout\": 0.25, \"attention\": \"additive\", "
    "\"attention_size\": 6, \"tie_embedding\": false}",
    "{\"kind\": \"regressor\", \"input\": {\"features\": 6}, \"network\": {\"cell\": \"rnn\", \"hidden_size\": "
    "7, \"num_layers\": 1, \"bidirectional\": false}, \"outputs\": 11, \"dropout\": 0.25, \"pooling\": \"attention\", "
    "\"attention_size\": 5}",
    "{\"kind\": \"classifier\", \"structure\": \"trees\", \"input\": {\"vocabulary\": 11, \"embedding_size\": 8}, "
    "\"network\": {\"cell\": \"tree_child_sum\", \"hidden_size\": 8, \"num_layers\": 1, \"bidirectional\": false}, "
    "\"outputs\": 11, \"dropout\": 0.25, \"pooling\": \"last\"}",
};

static const char *const model_world_names[ALL_WORLDS - WORLDS] = {"language", "tagger", "translator", "regressor",
                                                                    "trees"};

static const char trainer_text[] =
    "{\"optimizer\": \"adam\", \"rate\": 0.01, \"clip_norm\": 1, \"seed\": 3, \"schedule\": \"cosine\", \"steps\": 50}";

static inline swiftrnn_dtype model_dtype(int kind) { return kind % 2 ? SWIFTRNN_FLOAT32 : SWIFTRNN_FLOAT64; }

static inline void model_arrays(world *w) {
  model_world *const m = w->models;
  uint64_t *const random = &w->random;
  swiftrnn_model_batch *const b = &m->batch;
  m->classes = m->outputs = MODEL_CLASSES;
  for (int i = 0; i < MODEL_ROWS; i++) {
    m->ids[i] = (int64_t)(next_random(random) % MODEL_CLASSES);
    m->decoder_ids[i] = (int64_t)(next_random(random) % MODEL_CLASSES);
    m->targets[i] = i % 7 == 3 ? -100 : (int64_t)(next_random(random) % MODEL_CLASSES);
  }
  for (int i = 0; i < MODEL_SEQUENCES; i++) m->lengths[i] = 1 + (i * 5) % MODEL_STEPS;
  for (int i = 0; i < MODEL_NODES; i++) m->parents[i] = i < 2 ? -1 : i / 2 - 1;
  m->features = random_numbers(w, MODEL_ROWS * MODEL_FEATURES, random);
  m->numbers = random_numbers(w, MODEL_ROWS * MODEL_CLASSES, random);
  b->size = sizeof *b, b->steps = MODEL_STEPS, b->sequences = MODEL_SEQUENCES, b->lengths = m->lengths;
  m->out_elements = MODEL_ROWS * MODEL_CLASSES;
  if (w->kind == REGRESSOR) {
    b->features = m->features, b->values = m->numbers, m->out_elements = MODEL_SEQUENCES * MODEL_CLASSES;
  } else {
    b->ids = m->ids, b->targets = m->targets;
  }
  if (w->kind == TRANSLATOR) {
    b->decoder_ids = m->decoder_ids, b->target_steps = MODEL_STEPS, b->target_lengths = m->lengths;
  }
  if (w->kind == LANGUAGE) b->lengths = NULL;
  if (w->kind == TREE_CLASSIFIER) b->lengths = NULL, m->out_elements = 2 * MODEL_CLASSES;
  m->prompts = *b, m->prompts.lengths = m->lengths;
  m->writing.size = sizeof m->writing, m->writing.length = MODEL_LENGTH, m->writing.start = 2, m->writing.end = 3;
  m->writing.temperature = 1, m->writing.seeded = 1, m->writing.seed = 5, m->writing.repetition_penalty = 1.5;
  m->out = area_of(w, (size_t)m->out_elements * w->element, 1, NULL);
  m->doubles = (double *)(void *)area_of(w, 2 * MODEL_ROWS * MODEL_BEAMS * sizeof(double), 1, NULL);
  m->counts = (int64_t *)(void *)area_of(w, MODEL_ROWS * MODEL_BEAMS * MODEL_LENGTH * sizeof(int64_t), 1, NULL);
  m->more_counts = (int64_t *)(void *)area_of(w, MODEL_ROWS * MODEL_BEAMS * sizeof(int64_t), 1, NULL);
  m->file = (char *)area_of(w, FILE_SIZE, 1, NULL);
}

/* Parameters and gradients are areas: they start the same before each call. */
static inline void model_of_world(world *w) {
  model_world *const m = w->models;
  CHECK_STATUS(swiftrnn_model_create(model_dtype(w->kind), m->config, (int64_t)strlen(m->config), &m->model),
               SWIFTRNN_STATUS_OK);
  required(m->model);
  CHECK_STATUS(swiftrnn_model_initialize(m->model, NULL, 7), SWIFTRNN_STATUS_OK);
  if (m->vocabulary != NULL && is_of_text(w->kind)) {
    CHECK_STATUS(swiftrnn_model_set_vocabulary(m->model, SWIFTRNN_VOCABULARY_INPUT, m->vocabulary), SWIFTRNN_STATUS_OK);
  }
  void *values = NULL, *gradients = NULL;
  int64_t elements = 0;
  CHECK_STATUS(swiftrnn_model_parameters(m->model, &values, &gradients, &elements), SWIFTRNN_STATUS_OK);
  for (int i = 0; i < 2; i++) {
    area *const a = &w->areas[w->area_count++];
    a->size = (size_t)elements * w->element, a->data = (unsigned char *)(i == 0 ? values : gradients);
    a->is_result = i == 0 ? 1 : RESULT_UNLESS_REFUSED;
    a->start = (unsigned char *)required(malloc(a->size));
    memcpy(a->start, a->data, a->size);
  }
}

static inline void trainer_of_world(model_world *m) {
  swiftrnn_trainer_destroy(m->trainer);
  m->trainer = NULL;
  CHECK_STATUS(swiftrnn_trainer_create(m->model, trainer_text, (int64_t)strlen(trainer_text), &m->trainer),
               SWIFTRNN_STATUS_OK);
  required(m->trainer);
}

/** Puts back what a call moves on, beside areas: states, positions, moments, files. */
static inline void model_world_prepare(world *w) {
  model_world *const m = w->models;
  if (m->state != NULL) CHECK_STATUS(swiftrnn_model_state_reset(m->state), SWIFTRNN_STATUS_OK);
  if (m->text != NULL) CHECK_STATUS(swiftrnn_text_stream_seek(m->text, 5), SWIFTRNN_STATUS_OK);
  if (m->trainer != NULL) trainer_of_world(m);
  write_file(m->path, "before", 6);
}

/** Adds to a world of models what it lacks of `needs`, and of what that needs. */
static inline void model_world_need(world *w, unsigned needs) {
  model_world *const m = w->models;
  if (needs & CHECKPOINT) needs |= TRAINER;
  if (needs & TENSORS) needs |= MODEL_FILE | METADATA;
  if (needs & (STATE | TRAINER | MODEL_FILE | METADATA | INSPECTION)) needs |= MODEL | VOCABULARIES;
  if (needs & TEXT_STREAM) needs |= TEXT_FILE | VOCABULARIES;
  if (!carries_state(w->kind)) needs &= ~(unsigned)STATE;
  if (w->kind == TREE_CLASSIFIER) needs &= ~(unsigned)INSPECTION;
  needs &= ~w->has;
  w->has |= needs;
  if (needs & VOCABULARIES) {
    m->vocabulary = model_vocabulary(w->kind == TAGGER ? SWIFTRNN_TOKENS_WORDS : SWIFTRNN_TOKENS_CHARACTERS, model_text,
                                     MODEL_CLASSES);
    m->labels = model_vocabulary(SWIFTRNN_TOKENS_WHITESPACE, "a b c d e f g", MODEL_CLASSES);
  }
  if (needs & MODEL) model_of_world(w);
  if (needs & MODEL && w->kind == TREE_CLASSIFIER) {
    CHECK_STATUS(swiftrnn_forest_create(m->parents, MODEL_NODES, &m->forest), SWIFTRNN_STATUS_OK);
    m->batch.forest = m->forest;
  }
  if (needs & METADATA) CHECK_STATUS(swiftrnn_model_set_metadata(m->model, "author", "nobody"), SWIFTRNN_STATUS_OK);
  if (needs & STATE) CHECK_STATUS(swiftrnn_model_state_create(m->model, 0, &m->state), SWIFTRNN_STATUS_OK);
  if (needs & TRAINER) trainer_of_world(m);
  if (needs & TEXT_FILE) write_file(m->text_path, model_text, sizeof model_text - 1);
  if (needs & TEXT_STREAM) {
    CHECK_STATUS(swiftrnn_text_stream_open(m->text_path, m->vocabulary, TEXT_SEQUENCES, TEXT_STEPS, &m->text),
                 SWIFTRNN_STATUS_OK);
  }
  if (needs & MODEL_FILE) CHECK_STATUS(swiftrnn_model_save(m->model, m->model_path), SWIFTRNN_STATUS_OK);
  if (needs & CHECKPOINT) {
    CHECK_STATUS(swiftrnn_trainer_save(m->trainer, NULL, "{}", 2, m->checkpoint_path), SWIFTRNN_STATUS_OK);
  }
  if (needs & INSPECTION) {
    CHECK_STATUS(swiftrnn_inspection_create(m->model, &m->batch, NULL, &m->inspection), SWIFTRNN_STATUS_OK);
  }
  if (needs & TENSORS) {
    swiftrnn_config c;
    CHECK_STATUS(swiftrnn_config_init(&c, sizeof c, SWIFTRNN_LSTM), SWIFTRNN_STATUS_OK);
    c.dtype = model_dtype(w->kind), c.input_size = 8, c.hidden_size = 9, c.num_layers = 2;
    CHECK_STATUS(swiftrnn_tensors_load(m->model_path, &m->tensors), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_network_create(&c, &m->network), SWIFTRNN_STATUS_OK);
  }
}

/** World `kind`, of which there is what `needs` says. */
static inline world *model_world_make(int kind, unsigned needs) {
  world *const w = (world *)required(calloc(1, sizeof *w));
  model_world *const m = (model_world *)required(calloc(1, sizeof *m));
  w->models = m, w->kind = kind, w->random = 5, w->name = model_world_names[kind - WORLDS];
  w->config.dtype = model_dtype(kind), w->element = model_dtype(kind) == SWIFTRNN_FLOAT64 ? 8 : 4;
  w->prepare = model_world_prepare;
  m->config = model_configurations[kind - WORLDS];
  w->out = (unsigned char *)area_of(w, OUT_SIZE, 1, NULL);
  snprintf(m->path, sizeof m->path, "%.127s/out", model_folder);
  snprintf(m->text_path, sizeof m->text_path, "%.127s/text", model_folder);
  snprintf(m->model_path, sizeof m->model_path, "%.127s/model", model_folder);
  snprintf(m->checkpoint_path, sizeof m->checkpoint_path, "%.127s/checkpoint", model_folder);
  model_arrays(w);
  model_world_need(w, needs);
  return w;
}

/** World `kind` of networks or of models. */
static inline world *any_world_make(int kind, unsigned needs) {
  return kind < WORLDS ? world_make(kind, needs) : model_world_make(kind, needs);
}
static inline const char *any_world_name(int kind) {
  return kind < WORLDS ? world_names[kind] : model_world_names[kind - WORLDS];
}

#endif
