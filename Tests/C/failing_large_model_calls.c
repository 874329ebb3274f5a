/* As failing_large_calls.c, of models: many sequences, layers and tokens, long sequences that are written, large
 * vocabularies and texts. The system refuses everything from one allocation on: a call's reserve is large enough for all
 * that is then still to be done by Swift's own allocator. */
#include "allocator.h"
#include "processes.h"
#include "swiftrnn_models.h"

#include <inttypes.h>

enum { SEQUENCES = 40000, WRITTEN = 16, LENGTH = 1500, TOKENS = 60000, TEXT_SIZE = 1 << 20, JSON_SIZE = 1 << 22 };

static long first;      /* allocation that is refused, and all behind it; 0: none */
static int64_t layers;

static void *required(void *memory) {
  if (memory == NULL) exit(EXIT_FAILURE);
  return memory;
}

/* A call that is done, or ends with OUT_OF_MEMORY; then it is made again, with memory. */
#define TRY(call)                                                                       \
  do {                                                                                  \
    watch(first, first > 0);                                                            \
    const swiftrnn_status status = (call);                                              \
    unwatch();                                                                          \
    CHECK(status == SWIFTRNN_STATUS_OK || status == SWIFTRNN_STATUS_OUT_OF_MEMORY);     \
    if (status != SWIFTRNN_STATUS_OK) CHECK_STATUS((call), SWIFTRNN_STATUS_OK);         \
  } while (0)

static swiftrnn_model *model_of(const char *kind, const char *cell, const char *rest) {
  char json[1024];
  swiftrnn_model *model = NULL;
  snprintf(json, sizeof json,
           "{\"kind\": \"%s\", \"input\": {\"vocabulary\": 9, \"embedding_size\": 3}, \"network\": {\"cell\": \"%s\", "
           "\"hidden_size\": 3, \"num_layers\": %" PRId64 ", \"bidirectional\": false}, \"outputs\": 9, \"dropout\": 0.1, "
           "%s}",
           kind, cell, layers, rest);
  TRY(swiftrnn_model_create(SWIFTRNN_FLOAT32, json, (int64_t)strlen(json), &model));
  TRY(swiftrnn_model_initialize((swiftrnn_model *)required(model), NULL, 4));
  return model;
}

static int64_t *numbers(int64_t count, int64_t below) {
  int64_t *const all = (int64_t *)required(malloc((size_t)count * sizeof *all));
  for (int64_t i = 0; i < count; i++) all[i] = i % below;
  return all;
}

static swiftrnn_model_batch batch_of(int64_t steps, int64_t sequences) {
  swiftrnn_model_batch b;
  memset(&b, 0, sizeof b);
  b.size = sizeof b, b.steps = steps, b.sequences = sequences;
  b.ids = numbers(steps * sequences, 9), b.targets = numbers(steps * sequences, 9);
  return b;
}

/* Passes, files and trainers. */
static void passes(void) {
  const int64_t sequences = layers > 1 ? 2 : SEQUENCES;
  char path[] = "/tmp/swiftrnn-large-XXXXXX";
  const int file = mkstemp(path);
  CHECK(file >= 0 && close(file) == 0);
  swiftrnn_model *const model = model_of("tagger", layers > 1 ? "lstm_layer_norm" : "gru", "\"predicts_numbers\": false");
  swiftrnn_model *loaded = NULL, *again = NULL;
  swiftrnn_trainer *trainer = NULL, *other = NULL;
  swiftrnn_inspection *inspection = NULL;
  swiftrnn_model_loss_options how;
  swiftrnn_model_batch b = batch_of(3, sequences), fewer = batch_of(40, 2);
  double mean = 0, *const scores = (double *)required(malloc((size_t)sequences * sizeof(double)));
  float *const out = (float *)required(malloc((size_t)(3 * sequences * 9) * sizeof(float)));
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.tape_limit = -1;
  b.lengths = numbers(sequences, 4);
  TRY(swiftrnn_model_loss(model, &b, NULL, NULL, &mean, NULL));
  if (layers == 1) TRY(swiftrnn_model_loss(model, &b, NULL, &how, &mean, NULL));
  TRY(swiftrnn_model_evaluate(model, &b, NULL, NULL, &mean, NULL));
  TRY(swiftrnn_model_predict(model, &b, NULL, out, 3 * sequences * 9));
  TRY(swiftrnn_model_score(model, &b, NULL, scores, NULL));
  TRY(swiftrnn_inspection_create(model, &fewer, NULL, &inspection));
  TRY(swiftrnn_trainer_create(model, "{}", 2, &trainer));
  TRY(swiftrnn_trainer_step(trainer, &b, NULL, NULL));
  TRY(swiftrnn_model_save(model, path));
  TRY(swiftrnn_model_load(path, &loaded));
  TRY(swiftrnn_trainer_save(trainer, NULL, NULL, 0, path));
  TRY(swiftrnn_trainer_load(path, &again, &other, NULL));
  CHECK(loaded != NULL && again != NULL && mean > 0);
  swiftrnn_inspection_destroy(inspection);
  swiftrnn_trainer_destroy(trainer), swiftrnn_trainer_destroy(other);
  swiftrnn_model_destroy(model), swiftrnn_model_destroy(loaded), swiftrnn_model_destroy(again);
  unlink(path);
}

static void writing(void) {
  layers = 1;
  swiftrnn_model *const model = model_of("language_model", "gru", "\"tie_embedding\": true");
  swiftrnn_model_batch b = batch_of(LENGTH, WRITTEN);
  swiftrnn_generation_options how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.length = LENGTH, how.end = -1, how.temperature = 1, how.seeded = 1;
  int64_t *const tokens = numbers(WRITTEN * LENGTH * 4, 9), *const counts = numbers(WRITTEN * 4, 9);
  for (how.beams = 1; how.beams <= 4; how.beams += 3) {
    for (how.repetition_penalty = 1; how.repetition_penalty <= 2; how.repetition_penalty += 1) {
      TRY(swiftrnn_model_generate(model, &b, &how, tokens, counts, NULL, NULL));
      CHECK(counts[0] == LENGTH);
    }
  }
  swiftrnn_model_destroy(model);
}

/* Short tokens, of which many go into a text; and long ones, of which each takes much. */
static void vocabularies(void) {
  static char text[TEXT_SIZE], json[JSON_SIZE], metadata[TEXT_SIZE];
  swiftrnn_vocabulary_config config;
  swiftrnn_vocabulary *made = NULL, *again = NULL;
  int64_t size = 0, used = 0, count = 0;
  const char *const start = text;
  layers = 1;
  for (int i = 0; i < TOKENS; i++) used += snprintf(text + used, sizeof text - (size_t)used, "\"%x ", i);
  for (int i = 0; used + 900 < TEXT_SIZE; i++) used += snprintf(text + used, sizeof text - (size_t)used, "%0800d ", i);
  memset(&config, 0, sizeof config);
  config.size = sizeof config, config.tokens = SWIFTRNN_TOKENS_WHITESPACE, config.specials = 15;
  TRY(swiftrnn_vocabulary_create(&config, &start, &used, 1, &made));
  TRY(swiftrnn_vocabulary_json(made, json, JSON_SIZE, &size));
  CHECK(size > TOKENS && size < JSON_SIZE);
  TRY(swiftrnn_vocabulary_parse(json, size - 1, &again));
  TRY(swiftrnn_vocabulary_encode(again, text, used, 1, NULL, 0, &count));
  CHECK(count > TOKENS);
  swiftrnn_model *const model = model_of("language_model", "gru", "\"tie_embedding\": true");
  memset(metadata, 'x', sizeof metadata - 1);
  TRY(swiftrnn_model_set_metadata(model, "notes", metadata));
  TRY(swiftrnn_model_metadata(model, "notes", text, TEXT_SIZE, &size));
  CHECK(size == TEXT_SIZE && strcmp(text, metadata) == 0);
  swiftrnn_model_destroy(model);
  swiftrnn_vocabulary_destroy(made), swiftrnn_vocabulary_destroy(again);
}

/* A file with many tensors, a tensor of many dimensions, and a long text. */
static void tensors(void) {
  enum { TENSORS = 3000, DIMENSIONS = 20000, MOST = TENSORS * 96 + DIMENSIONS * 2 + TEXT_SIZE };
  static char bytes[MOST + 8], text[TEXT_SIZE];
  char path[] = "/tmp/swiftrnn-large-XXXXXX";
  char *const header = bytes + 8;
  const int file = mkstemp(path);
  swiftrnn_tensors *made = NULL;
  swiftrnn_tensor_info info;
  int64_t size = 0, index = -1, used = 0;
#define ADD(...) used += snprintf(header + used, MOST - (size_t)used, __VA_ARGS__)
  ADD("{");
  for (int i = 0; i < TENSORS; i++) {
    ADD("\"%d of the tensors\": {\"dtype\": \"U8\", \"shape\": [0], \"data_offsets\": [0, 0]}, ", i);
  }
  ADD("\"many\": {\"dtype\": \"U8\", \"shape\": [");
  for (int i = 1; i < DIMENSIONS; i++) ADD("1,");
  ADD("1], \"data_offsets\": [0, 1]}, \"__metadata__\": {\"notes\": \"");
  memset(header + used, 'x', TEXT_SIZE / 2), used += TEXT_SIZE / 2;
  ADD("\"}}");
#undef ADD
  for (int i = 0; i < 8; i++) bytes[i] = (char)(used >> (8 * i) & 255);
  header[used] = 7;
  CHECK(file >= 0 && write(file, bytes, (size_t)used + 9) == (ssize_t)used + 9 && close(file) == 0);
  TRY(swiftrnn_tensors_load(path, &made));
  TRY(swiftrnn_tensors_metadata(made, "notes", text, TEXT_SIZE, &size));
  CHECK(size == TEXT_SIZE / 2 + 1 && text[0] == 'x' && text[size - 1] == 0);
  TRY(swiftrnn_tensors_index(made, "many", &index));
  TRY(swiftrnn_tensors_info_at(made, index, &info));
  CHECK(index == TENSORS && info.rank == DIMENSIONS && info.elements == 1 && *(const char *)info.data == 7);
  TRY(swiftrnn_tensors_index(made, "2999 of the tensors", &index));
  CHECK(index >= 0 && index < TENSORS);
  swiftrnn_tensors_destroy(made);
  unlink(path);
}

int main(void) {
  static const long firsts[] = {1, 2, 3, 10, 1000};
  for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
    first = firsts[i];
    layers = 1;
    check_in_child("models of many sequences", passes);
    layers = 300;
    check_in_child("models of many layers", passes);
    check_in_child("long sequences that are written", writing);
    check_in_child("large vocabularies", vocabularies);
    check_in_child("files of many tensors", tensors);
  }
  return check_result();
}
