/* Models refuse what is wrong, with a status and a message, and write nothing: making, files, what is known of a model,
 * states, batches, losses, predictions. refused_generation.c has what models write, refused_trainers.c trainers. */
#include "model_refusals.h"

#include <math.h>

static void making(void) {
  swiftrnn_model *out = NULL;
#define CREATE(dtype, json, size) \
  (out = (swiftrnn_model *)(void *)&out, swiftrnn_model_create(dtype, json, size, &out))
  const int64_t size = sizeof language_json - 1;
  CHECK_REFUSED(swiftrnn_model_create(SWIFTRNN_FLOAT32, language_json, size, NULL), NULL_POINTER, "out_model");
  CHECK_REFUSED(swiftrnn_model_create(SWIFTRNN_FLOAT32, language_json, size, MOVED(swiftrnn_model **, &out, 1)),
                MISALIGNED, "out_model");
  CHECK_REFUSED_MAKING(CREATE(SWIFTRNN_FLOAT32, NULL, size), out, NULL_POINTER, "configuration");
  CHECK_REFUSED_MAKING(CREATE(SWIFTRNN_FLOAT32, language_json, -1), out, INVALID_SIZE, "a text's size is -1");
  CHECK_REFUSED_MAKING(CREATE(SWIFTRNN_FLOAT32, NULL, 0), out, INVALID_FORMAT, "expected a value");
  CHECK_REFUSED_MAKING(CREATE(SWIFTRNN_FLOAT32, language_json, 30), out, INVALID_FORMAT, "the configuration", "byte");
  static const int32_t dtypes[] = {-1, 2, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < 4; i++) {
    ENUM_FROM(swiftrnn_dtype, dtype, dtypes[i]);
    CHECK_REFUSED_MAKING(CREATE(dtype, language_json, size), out, INVALID_VALUE, "dtype");
  }
  static const struct {
    const char *from, *to;
    swiftrnn_status status;
    const char *text;
  } wrong[] = {
      {"language_model", "poem", SWIFTRNN_STATUS_INVALID_FORMAT, "\"language_model\""},
      {"\"outputs\": 5", "\"outputs\": 0", SWIFTRNN_STATUS_INVALID_FORMAT, "outputs"},
      {"\"outputs\": 5", "\"outputs\": 5.0", SWIFTRNN_STATUS_INVALID_FORMAT, "outputs"},
      {"\"outputs\": 5", "\"outputs\": 9223372036854775807", SWIFTRNN_STATUS_INVALID_FORMAT, "outputs"},
      {"\"outputs\": 5", "\"outputs\": 9223372036854775808", SWIFTRNN_STATUS_INVALID_FORMAT, "64 bits"},
      {"\"outputs\": 5", "\"outputs\": 5, \"outputs\": 5", SWIFTRNN_STATUS_INVALID_FORMAT, "twice"},
      {"\"outputs\": 5", "\"output\": 5", SWIFTRNN_STATUS_INVALID_FORMAT, "outputs"},
      {"\"dropout\": 0", "\"dropout\": 1", SWIFTRNN_STATUS_INVALID_VALUE, "dropout"},
      {"\"dropout\": 0", "\"dropout\": -0.5", SWIFTRNN_STATUS_INVALID_VALUE, "dropout"},
      {"\"dropout\": 0", "\"dropout\": \"0\"", SWIFTRNN_STATUS_INVALID_FORMAT, "dropout"},
      {"\"lstm\"", "\"mgu_of_mine\"", SWIFTRNN_STATUS_INVALID_VALUE, "mgu_of_mine"},
      {"\"lstm\"", "\"h' = W @\"", SWIFTRNN_STATUS_INVALID_VALUE, "h' = W @"},
      {"\"lstm\"", "\"\"", SWIFTRNN_STATUS_INVALID_VALUE, ""},
      {"\"lstm\"", "\"lstm\", \"sizes\": {\"P\": 3}", SWIFTRNN_STATUS_UNSUPPORTED, "sizes"},
      {"\"lstm\"", "\"lstm\", \"sizes\": [3]", SWIFTRNN_STATUS_INVALID_FORMAT, "sizes"},
      {"\"hidden_size\": 6", "\"hidden_size\": -6", SWIFTRNN_STATUS_INVALID_FORMAT, "hidden_size"},
      {"\"hidden_size\": 6", "\"hidden_size\": 2147483648", SWIFTRNN_STATUS_OVERFLOW, ""},
      {"\"hidden_size\": 6", "\"hidden_size\": 100000000", SWIFTRNN_STATUS_OUT_OF_MEMORY, "bytes"},
      {"\"num_layers\": 1", "\"num_layers\": 1025", SWIFTRNN_STATUS_INVALID_FORMAT, "num_layers"},
      {"\"bidirectional\": false", "\"bidirectional\": true", SWIFTRNN_STATUS_UNSUPPORTED, "one direction"},
      {"\"bidirectional\": false", "\"bidirectional\": 0", SWIFTRNN_STATUS_INVALID_FORMAT, "bidirectional"},
      {"\"tie_embedding\": false", "\"tie_embedding\": true", SWIFTRNN_STATUS_INVALID_SIZE, "tied"},
      {"\"tie_embedding\": false", "\"tie\": false", SWIFTRNN_STATUS_INVALID_FORMAT, "tie_embedding"},
      {"\"embedding_size\": 4", "\"embedding_size\": 0", SWIFTRNN_STATUS_INVALID_FORMAT, "embedding_size"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    char json[1024];
    const char *const at = strstr(language_json, wrong[i].from);
    required((void *)(uintptr_t)at);
    snprintf(json, sizeof json, "%.*s%s%s", (int)(at - language_json), language_json, wrong[i].to,
             at + strlen(wrong[i].from));
    const swiftrnn_status status = CREATE(SWIFTRNN_FLOAT32, json, (int64_t)strlen(json));
    if (status != wrong[i].status || strstr(swiftrnn_last_error(), wrong[i].text) == NULL) {
      fprintf(stderr, "%s: ", wrong[i].to);
      CHECK_STATUS(status, wrong[i].status);
      CHECK_TEXT(swiftrnn_last_error(), wrong[i].text);
    }
    CHECK(out == NULL);
  }
  /* The header's example is one. */
  static const char example[] =
      "{\"kind\": \"tagger\", \"input\": {\"vocabulary\": 5000, \"embedding_size\": 64}, \"outputs\": 17, "
      "\"network\": {\"cell\": \"lstm\", \"hidden_size\": 128, \"num_layers\": 1, \"bidirectional\": true}, "
      "\"dropout\": 0, \"predicts_numbers\": false}";
  CHECK_STATUS(CREATE(SWIFTRNN_FLOAT64, example, sizeof example - 1), SWIFTRNN_STATUS_OK);
  swiftrnn_model_destroy(out), swiftrnn_model_destroy(NULL);
#undef CREATE
}

static void files(void) {
  swiftrnn_model *const model = model_of(SWIFTRNN_FLOAT32, language_json);
  swiftrnn_model *out = NULL;
  char path[] = "/tmp/swiftrnn-model-XXXXXX", bytes[1 << 14];
  const int file = mkstemp(path);
  CHECK(file >= 0);
#define LOAD(path) (out = model, swiftrnn_model_load(path, &out))
  CHECK_REFUSED(swiftrnn_model_load(path, NULL), NULL_POINTER, "out_model");
  CHECK_REFUSED_MAKING(LOAD(NULL), out, NULL_POINTER, "path");
  CHECK_REFUSED_MAKING(LOAD(""), out, FILE, "an empty path");
  CHECK_REFUSED_MAKING(LOAD("/nowhere/at/all"), out, FILE, "/nowhere/at/all", "No such file");
  CHECK_REFUSED_MAKING(LOAD("/tmp"), out, FILE, "regular");
  CHECK_REFUSED_MAKING(LOAD(path), out, INVALID_FORMAT, path, "0 bytes");
  CHECK_REFUSED(swiftrnn_model_save(NULL, path), NULL_POINTER, "model");
  CHECK_REFUSED(swiftrnn_model_save(model, NULL), NULL_POINTER, "path");
  CHECK_REFUSED(swiftrnn_model_save(model, ""), FILE, "an empty path");
  CHECK_REFUSED(swiftrnn_model_save(model, "/nowhere/at/all"), FILE, "/nowhere");
  CHECK_REFUSED(swiftrnn_model_save(model, "/tmp"), FILE, "/tmp");
  CHECK_REFUSED(swiftrnn_model_save(model, "/dev/null"), FILE, "/dev/null", "regular");
  CHECK_REFUSED(swiftrnn_model_save(model, "/tmp/\xff"), INVALID_VALUE, "path", "UTF-8");
  CHECK_REFUSED_MAKING(LOAD("/tmp/\xff"), out, INVALID_VALUE, "path", "UTF-8");
  CHECK_STATUS(swiftrnn_model_save(model, path), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_model_load(path, &out), SWIFTRNN_STATUS_OK);
  swiftrnn_model_destroy(out);
  /* Every byte of the file matters, and so does its size. */
  FILE *const saved = fopen(path, "rb");
  const long size = saved == NULL ? 0 : (long)fread(bytes, 1, sizeof bytes, saved);
  CHECK(size > 1000 && size < (long)sizeof bytes && saved != NULL && fclose(saved) == 0);
  const char *key = bytes;
  while (key < bytes + size && memcmp(key, "swiftrnn.checksum", 17) != 0) key++;
  for (long at = 0; at < size; at += at < 16 ? 1 : 13) {
    /* A file whose checksum has another name is one without. */
    if (at >= key - bytes && at < key - bytes + 17) continue;
    bytes[at] = (char)(bytes[at] ^ 0x20);
    FILE *const damaged = fopen(path, "wb");
    CHECK(damaged != NULL && fwrite(bytes, 1, (size_t)size, damaged) == (size_t)size && fclose(damaged) == 0);
    CHECK_REFUSED_MAKING(LOAD(path), out, INVALID_FORMAT, path);
    bytes[at] = (char)(bytes[at] ^ 0x20);
    if (at % 5 != 0) continue;
    FILE *const cut = fopen(path, "wb");
    CHECK(cut != NULL && fwrite(bytes, 1, (size_t)at, cut) == (size_t)at && fclose(cut) == 0);
    CHECK_REFUSED_MAKING(LOAD(path), out, INVALID_FORMAT, path);
  }
#undef LOAD
  close(file), unlink(path);
  swiftrnn_model_destroy(model);
}

static void knowledge(void) {
  swiftrnn_model *const model = model_of(SWIFTRNN_FLOAT64, language_json);
  swiftrnn_vocabulary *const fits = vocabulary_of("a b c", 0), *const larger = vocabulary_of("a b c d", 0);
  int64_t count = 77, *const odd = MOVED(int64_t *, &count, 4);
  void *pointer = &count, **const odd_pointer = MOVED(void **, &pointer, 4);
  swiftrnn_dtype dtype = SWIFTRNN_FLOAT32;
  char text[8];
  swiftrnn_model_parameter_info info;
  memset(&info, CANARY, sizeof info), memset(text, CANARY, sizeof text);
  const buffer before = copy_of(&info, sizeof info), text_before = copy_of(text, sizeof text);
  CHECK_REFUSED(swiftrnn_model_configuration(NULL, text, 8, &count), NULL_POINTER, "model");
  CHECK_REFUSED(swiftrnn_model_configuration(model, NULL, 8, &count), NULL_POINTER, "text");
  CHECK_REFUSED(swiftrnn_model_configuration(model, text, -1, &count), INVALID_SIZE, "text_size is -1");
  CHECK_REFUSED(swiftrnn_model_configuration(model, text, 8, odd), MISALIGNED, "out_size");
  CHECK_REFUSED(swiftrnn_model_dtype(NULL, &dtype), NULL_POINTER, "model");
  CHECK_REFUSED(swiftrnn_model_dtype(model, NULL), NULL_POINTER, "out_dtype");
  CHECK_REFUSED(swiftrnn_model_dtype(model, MOVED(swiftrnn_dtype *, &dtype, 2)), MISALIGNED, "out_dtype");
  CHECK_REFUSED(swiftrnn_model_parameters(NULL, &pointer, NULL, &count), NULL_POINTER, "model");
  CHECK_REFUSED(swiftrnn_model_parameters(model, odd_pointer, NULL, &count), MISALIGNED, "out_values");
  CHECK_REFUSED(swiftrnn_model_parameters(model, &pointer, odd_pointer, &count), MISALIGNED, "out_gradients");
  CHECK_REFUSED(swiftrnn_model_parameters(model, &pointer, NULL, odd), MISALIGNED, "out_elements");
  CHECK_REFUSED(swiftrnn_model_parameter_count(NULL, &count), NULL_POINTER, "model");
  CHECK_REFUSED(swiftrnn_model_parameter_count(model, NULL), NULL_POINTER, "out_count");
  CHECK_REFUSED(swiftrnn_model_parameter_count(model, odd), MISALIGNED, "out_count");
  CHECK_REFUSED(swiftrnn_model_parameter_info_at(NULL, 0, &info), NULL_POINTER, "model");
  CHECK_REFUSED(swiftrnn_model_parameter_info_at(model, 0, NULL), NULL_POINTER, "out_info");
  static const int64_t wrong[] = {-1, 7, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < 4; i++) {
    CHECK_REFUSED(swiftrnn_model_parameter_info_at(model, wrong[i], &info), INVALID_VALUE, "index", number(wrong[i]),
                  "0...6");
  }
  swiftrnn_initializer how;
  CHECK_STATUS(swiftrnn_initializer_init(&how, sizeof how), SWIFTRNN_STATUS_OK);
  how.size = 8;
  CHECK_REFUSED(swiftrnn_model_initialize(NULL, NULL, 1), NULL_POINTER, "model");
  CHECK_REFUSED(swiftrnn_model_initialize(model, &how, 1), INVALID_SIZE, "size of the struct is 8");
  CHECK_REFUSED(swiftrnn_model_initialize(model, MOVED(swiftrnn_initializer *, &how, 4), 1), MISALIGNED, "initializer");
  how.size = sizeof how, how.weights = SWIFTRNN_DISTRIBUTION_UNIFORM, how.weights_scale = -1;
  CHECK_REFUSED(swiftrnn_model_initialize(model, &how, 1), INVALID_VALUE, "weights_scale is -1");
  swiftrnn_vocabulary *out = larger;
  static const int32_t roles[] = {-1, 2, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < 4; i++) {
    ENUM_FROM(swiftrnn_vocabulary_role, role, roles[i]);
    CHECK_REFUSED(swiftrnn_model_set_vocabulary(model, role, fits), INVALID_VALUE, "role");
    CHECK_REFUSED_MAKING((out = larger, swiftrnn_model_vocabulary(model, role, &out)), out, INVALID_VALUE, "role");
  }
  CHECK_REFUSED(swiftrnn_model_set_vocabulary(NULL, SWIFTRNN_VOCABULARY_INPUT, fits), NULL_POINTER, "model");
  CHECK_REFUSED(swiftrnn_model_set_vocabulary(model, SWIFTRNN_VOCABULARY_INPUT, larger), INVALID_VALUE, "has 6 tokens",
                "5");
  CHECK_REFUSED(swiftrnn_model_set_vocabulary(model, SWIFTRNN_VOCABULARY_OUTPUT, fits), INVALID_VALUE, "no use");
  CHECK_REFUSED(swiftrnn_model_vocabulary(model, SWIFTRNN_VOCABULARY_INPUT, NULL), NULL_POINTER, "out_vocabulary");
  CHECK_REFUSED_MAKING((out = larger, swiftrnn_model_vocabulary(NULL, SWIFTRNN_VOCABULARY_INPUT, &out)), out,
                       NULL_POINTER, "model");
  CHECK_REFUSED(swiftrnn_model_set_metadata(NULL, "key", "value"), NULL_POINTER, "model");
  CHECK_REFUSED(swiftrnn_model_set_metadata(model, NULL, "value"), NULL_POINTER, "key");
  CHECK_REFUSED(swiftrnn_model_set_metadata(model, "format", "value"), INVALID_VALUE, "metadata", "format");
  CHECK_REFUSED(swiftrnn_model_set_metadata(model, "\xff", "value"), INVALID_VALUE, "key", "UTF-8");
  CHECK_REFUSED(swiftrnn_model_set_metadata(model, "key", "\xff"), INVALID_VALUE, "value", "UTF-8");
  CHECK_REFUSED(swiftrnn_model_metadata(NULL, "key", text, 8, &count), NULL_POINTER, "model");
  CHECK_REFUSED(swiftrnn_model_metadata(model, NULL, text, 8, &count), NULL_POINTER, "key");
  CHECK_REFUSED(swiftrnn_model_metadata(model, "key", NULL, 8, &count), NULL_POINTER, "text");
  CHECK_REFUSED(swiftrnn_model_metadata(model, "key", text, -1, &count), INVALID_SIZE, "text_size is -1");
  CHECK_REFUSED(swiftrnn_model_metadata(model, "key", text, 8, odd), MISALIGNED, "out_size");
  CHECK(count == 77 && pointer == &count && is_copy_of(&info, &before) && is_copy_of(text, &text_before));
  /* Nothing is no error. */
  CHECK_STATUS(swiftrnn_model_metadata(model, "key", text, 8, &count), SWIFTRNN_STATUS_OK);
  CHECK(count == 0);
  CHECK_STATUS(swiftrnn_model_metadata(model, "key", NULL, 0, NULL), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_model_set_metadata(model, "key", NULL), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_model_vocabulary(model, SWIFTRNN_VOCABULARY_OUTPUT, &out), SWIFTRNN_STATUS_OK);
  CHECK(out == NULL);
  CHECK_STATUS(swiftrnn_model_parameters(model, NULL, NULL, NULL), SWIFTRNN_STATUS_OK);
  swiftrnn_vocabulary_destroy(fits), swiftrnn_vocabulary_destroy(larger);
  swiftrnn_model_destroy(model);
}

/* ---- Passes ------------------------------------------------------------------------------------------------------*/

enum { T = 4, N = 3, CLASSES = 5, ELEMENTS = T * N * CLASSES };

static int64_t ids[T * N], targets[T * N], lengths[N];
static float features[T * N * 3], values[N * 2];

static swiftrnn_model_batch batch_of(int has_features) {
  swiftrnn_model_batch b;
  memset(&b, 0, sizeof b);
  for (int i = 0; i < T * N; i++) ids[i] = i % CLASSES, targets[i] = (i + 1) % CLASSES;
  for (int i = 0; i < N; i++) lengths[i] = T - i;
  b.size = sizeof b, b.steps = T, b.sequences = N, b.targets = targets;
  if (has_features) b.features = features; else b.ids = ids;
  return b;
}

/* A batch is refused by all that take one, with nothing written. */
static void check_batch(swiftrnn_model *model, const swiftrnn_model_batch *b, swiftrnn_status status, const char *what,
                        int is_of_predictions) {
  double mean = 77, scores[N] = {77, 77, 77};
  float out[ELEMENTS];
  int64_t counts[N] = {77, 77, 77};
  memset(out, CANARY, sizeof out);
  const buffer before = copy_of(out, sizeof out);
  const int expected = (int)status;
#define REFUSES(call)                                                           \
  do {                                                                          \
    const char *const texts[] = {what, NULL};                                   \
    check_refused((int)(call), expected, texts, __FILE__, __LINE__);            \
  } while (0)
  REFUSES(swiftrnn_model_loss(model, b, NULL, NULL, &mean, counts));
  REFUSES(swiftrnn_model_evaluate(model, b, NULL, NULL, &mean, counts));
  REFUSES(swiftrnn_model_score(model, b, NULL, scores, counts));
  if (is_of_predictions) REFUSES(swiftrnn_model_predict(model, b, NULL, out, ELEMENTS));
  swiftrnn_inspection *made = (swiftrnn_inspection *)(void *)model;
  REFUSES(swiftrnn_inspection_create(model, b, NULL, &made));
#undef REFUSES
  CHECK(made == NULL && mean == 77 && scores[0] == 77 && counts[0] == 77 && is_copy_of(out, &before));
}

static void batches(void) {
  swiftrnn_model *const model = model_of(SWIFTRNN_FLOAT32, language_json);
  swiftrnn_model *const tagger = model_of(SWIFTRNN_FLOAT32, tagger_json);
  swiftrnn_model_batch b;
#define CHANGED(change, status, text, of_predictions)                                              \
  do {                                                                                             \
    b = batch_of(0);                                                                               \
    change;                                                                                        \
    check_batch(model, &b, SWIFTRNN_STATUS_##status, text, of_predictions);                        \
  } while (0)
  check_batch(model, NULL, SWIFTRNN_STATUS_NULL_POINTER, "batch", 1);
  check_batch(model, MOVED(swiftrnn_model_batch *, &b, 4), SWIFTRNN_STATUS_MISALIGNED, "batch", 1);
  CHANGED(b.size = 8, INVALID_SIZE, "size of the struct is 8", 1);
  CHANGED(b.steps = -1, INVALID_SIZE, "steps is -1", 1);
  CHANGED(b.sequences = -1, INVALID_SIZE, "sequences is -1", 1);
  CHANGED(b.steps = INT64_MAX, OVERFLOW, "batch", 1);
  CHANGED(b.first_sequence = -1, INVALID_SIZE, "first_sequence is -1", 1);
  CHANGED(b.ids = NULL, NULL_POINTER, "ids", 1);
  CHANGED(b.ids = MOVED(int64_t *, ids, 4), MISALIGNED, "ids", 1);
  CHANGED(b.targets = MOVED(int64_t *, targets, 4), MISALIGNED, "targets", 1);
  CHANGED(b.targets = NULL, NULL_POINTER, "targets", 0);
  CHANGED(b.lengths = MOVED(int64_t *, lengths, 4), MISALIGNED, "lengths", 1);
  static const int64_t wrong[] = {-1, CLASSES, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < 4; i++) {
    CHANGED(ids[7] = wrong[i], INVALID_VALUE, "ids[7]", 1);
    CHANGED(ids[7] = wrong[i], INVALID_VALUE, number(wrong[i]), 1);
    CHANGED(targets[7] = wrong[i], INVALID_VALUE, "targets[7]", 0);
    if (wrong[i] != CLASSES) CHANGED((b.lengths = lengths, lengths[1] = wrong[i]), INVALID_SIZE, "lengths[1]", 1);
  }
  CHANGED((b.lengths = lengths, lengths[1] = T + 1), INVALID_SIZE, "lengths[1]", 1);
#undef CHANGED
  b = batch_of(1), b.features = NULL;
  check_batch(tagger, &b, SWIFTRNN_STATUS_NULL_POINTER, "features", 1);
  b.features = MOVED(float *, features, 2);
  check_batch(tagger, &b, SWIFTRNN_STATUS_MISALIGNED, "features", 1);
  swiftrnn_model_destroy(model), swiftrnn_model_destroy(tagger);
}

static void arguments(void) {
  swiftrnn_model *const model = model_of(SWIFTRNN_FLOAT32, language_json);
  swiftrnn_model *const numbers = model_of(SWIFTRNN_FLOAT32, regressor_json);
  swiftrnn_model *const doubles = model_of(SWIFTRNN_FLOAT64, language_json);
  const swiftrnn_model_batch b = batch_of(0);
  double mean = 77, scores[N], *const odd = MOVED(double *, &mean, 4);
  int64_t count = 77, counts[N], *const odd_count = MOVED(int64_t *, &count, 4);
  float out[ELEMENTS];
  swiftrnn_model_state *state = NULL, *other = NULL;
  CHECK_REFUSED(swiftrnn_model_loss(NULL, &b, NULL, NULL, &mean, &count), NULL_POINTER, "model");
  CHECK_REFUSED(swiftrnn_model_loss(model, &b, NULL, NULL, NULL, &count), NULL_POINTER, "out_mean");
  CHECK_REFUSED(swiftrnn_model_loss(model, &b, NULL, NULL, odd, &count), MISALIGNED, "out_mean");
  CHECK_REFUSED(swiftrnn_model_loss(model, &b, NULL, NULL, &mean, odd_count), MISALIGNED, "out_count");
  CHECK_REFUSED(swiftrnn_model_evaluate(NULL, &b, NULL, NULL, &mean, &count), NULL_POINTER, "model");
  CHECK_REFUSED(swiftrnn_model_evaluate(model, &b, NULL, NULL, NULL, &count), NULL_POINTER, "out_mean");
  CHECK_REFUSED(swiftrnn_model_evaluate(model, &b, NULL, NULL, &mean, odd_count), MISALIGNED, "out_count");
  CHECK_REFUSED(swiftrnn_model_predict(NULL, &b, NULL, out, ELEMENTS), NULL_POINTER, "model");
  CHECK_REFUSED(swiftrnn_model_predict(model, &b, NULL, NULL, ELEMENTS), NULL_POINTER, "out");
  CHECK_REFUSED(swiftrnn_model_predict(model, &b, NULL, out, -1), INVALID_SIZE, "out_elements is -1");
  CHECK_REFUSED(swiftrnn_model_predict(model, &b, NULL, out, ELEMENTS - 1), INVALID_SIZE, "out has 59", "60");
  CHECK_REFUSED(swiftrnn_model_predict(model, &b, NULL, MOVED(float *, out, 1), ELEMENTS), MISALIGNED, "out");
  CHECK_REFUSED(swiftrnn_model_score(NULL, &b, NULL, scores, counts), NULL_POINTER, "model");
  CHECK_REFUSED(swiftrnn_model_score(model, &b, NULL, NULL, counts), NULL_POINTER, "out_log_probabilities");
  CHECK_REFUSED(swiftrnn_model_score(model, &b, NULL, odd, counts), MISALIGNED, "out_log_probabilities");
  CHECK_REFUSED(swiftrnn_model_score(model, &b, NULL, scores, odd_count), MISALIGNED, "out_counts");
  swiftrnn_model_batch of_numbers = batch_of(1);
  of_numbers.values = values;
  CHECK_REFUSED(swiftrnn_model_score(numbers, &of_numbers, NULL, scores, counts), UNSUPPORTED, "log-probability");
  of_numbers.values = NULL;
  CHECK_REFUSED(swiftrnn_model_loss(numbers, &of_numbers, NULL, NULL, &mean, &count), NULL_POINTER, "values");
  /* States. */
  CHECK_REFUSED(swiftrnn_model_state_create(model, 0, NULL), NULL_POINTER, "out_state");
  CHECK_REFUSED_MAKING((state = (swiftrnn_model_state *)(void *)&b, swiftrnn_model_state_create(NULL, 0, &state)),
                       state, NULL_POINTER, "model");
  CHECK_REFUSED_MAKING(swiftrnn_model_state_create(model, -1, &state), state, INVALID_VALUE, "look_back is -1");
  CHECK_REFUSED_MAKING(swiftrnn_model_state_create(model, INT64_MAX, &state), state, INVALID_VALUE, "look_back");
  CHECK_REFUSED_MAKING(swiftrnn_model_state_create(numbers, 0, &state), state, UNSUPPORTED, "a state");
  CHECK_REFUSED(swiftrnn_model_state_reset(NULL), NULL_POINTER, "state");
  CHECK_STATUS(swiftrnn_model_state_create(model, 0, &state), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_model_state_create(doubles, 0, &other), SWIFTRNN_STATUS_OK);
  CHECK_REFUSED(swiftrnn_model_loss(model, &b, other, NULL, &mean, &count), MISMATCH, "another dtype");
  CHECK_REFUSED(swiftrnn_model_evaluate(doubles, &b, state, NULL, &mean, &count), MISMATCH, "another dtype");
  swiftrnn_model *const twin = model_of(SWIFTRNN_FLOAT32, language_json);
  CHECK_REFUSED(swiftrnn_model_loss(twin, &b, state, NULL, &mean, &count), MISMATCH, "another model");
  CHECK(mean == 77 && count == 77);
  CHECK_STATUS(swiftrnn_model_loss(model, &b, state, NULL, &mean, NULL), SWIFTRNN_STATUS_OK);
  swiftrnn_model_batch fewer = b;
  fewer.sequences = N - 1;
  CHECK_REFUSED(swiftrnn_model_loss(model, &fewer, state, NULL, &mean, NULL), INVALID_SIZE, "2", "3");
  /* Options. */
  swiftrnn_model_loss_options o;
#define CHANGED(change, status, text)                                                               \
  do {                                                                                              \
    memset(&o, 0, sizeof o);                                                                        \
    o.size = sizeof o, count = 77;                                                                  \
    change;                                                                                         \
    CHECK_REFUSED(swiftrnn_model_loss(model, &b, NULL, &o, &mean, &count), status, text);           \
    CHECK(count == 77);                                                                             \
  } while (0)
  CHANGED(o.size = 8, INVALID_SIZE, "size of the struct is 8");
  CHANGED(o.seed = 1, INVALID_VALUE, "seed");
  CHANGED(o.seeded = 2, INVALID_VALUE, "seeded is 2");
  CHANGED(o.reserved = 1, INVALID_VALUE, "reserved is 1");
  CHANGED(o.label_smoothing = 1.5, INVALID_VALUE, "label_smoothing is 1.5");
  CHANGED(o.label_smoothing = -1, INVALID_VALUE, "label_smoothing is -1");
  CHANGED(o.sampling_probability = 1.5, INVALID_VALUE, "sampling_probability is 1.5");
  CHANGED(o.memory_limit = -1, INVALID_VALUE, "memory_limit is -1");
  CHANGED(o.tape_limit = -2, INVALID_VALUE, "tape_limit is -2");
  CHANGED(o.sampled_classes = -1, INVALID_VALUE, "sampled_classes is -1");
  CHANGED(o.sampled_classes = 3, INVALID_VALUE, "sampled_classes is 3");
  CHANGED(o.sampled_classes = INT64_MAX, INVALID_VALUE, "sampled_classes is");
  CHANGED((o.sampled_classes = 2, o.label_smoothing = 0.5), UNSUPPORTED, "sampled classes");
  static const float weights[CLASSES] = {1, 1, -1, 1, 1};
  CHANGED(o.class_weights = MOVED(float *, weights, 2), MISALIGNED, "class_weights");
  CHANGED(o.class_weights = weights, INVALID_VALUE, "class_weights[2]");
  swiftrnn_elementwise_loss_config how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.loss = SWIFTRNN_LOSS_HUBER, how.delta = 1;
  CHANGED(o.numbers = &how, UNSUPPORTED, "losses of numbers");
  how.sequences = 3;
  CHANGED(o.numbers = &how, UNSUPPORTED, "the lengths of the batch");
#undef CHANGED
#define CHANGED(change, of, batch, status, text)                                                     \
  do {                                                                                              \
    memset(&how, 0, sizeof how);                                                                    \
    how.size = sizeof how, how.loss = SWIFTRNN_LOSS_HUBER, how.delta = 1, mean = 77, count = 77;    \
    change;                                                                                         \
    CHECK_REFUSED(swiftrnn_model_evaluate(of, batch, NULL, &how, &mean, &count), status, text);      \
    CHECK(mean == 77 && count == 77);                                                               \
  } while (0)
  of_numbers.values = values;
  CHANGED((void)0, model, &b, UNSUPPORTED, "losses of numbers");
  CHANGED(how.size = 8, numbers, &of_numbers, INVALID_SIZE, "size of the struct is 8");
  CHANGED(how.loss = (swiftrnn_loss)4, numbers, &of_numbers, INVALID_VALUE, "loss is 4");
  CHANGED(how.delta = 0, numbers, &of_numbers, INVALID_VALUE, "delta is 0");
  CHANGED(how.delta = NAN, numbers, &of_numbers, INVALID_VALUE, "delta is NaN");
  CHANGED(how.row_weights = values, numbers, &of_numbers, UNSUPPORTED, "has no weights");
  CHANGED(how.lengths = lengths, numbers, &of_numbers, UNSUPPORTED, "the lengths of the batch");
  CHANGED(how.reduction = SWIFTRNN_REDUCTION_SUM, numbers, &of_numbers, UNSUPPORTED, "has no weights");
#undef CHANGED
  CHECK_REFUSED(swiftrnn_model_evaluate(numbers, &of_numbers, NULL, MOVED(swiftrnn_elementwise_loss_config *, &how, 4),
                                        &mean, &count), MISALIGNED, "numbers");
  swiftrnn_inspection *inside = (swiftrnn_inspection *)(void *)&b;
  CHECK_REFUSED(swiftrnn_inspection_create(model, &b, NULL, NULL), NULL_POINTER, "out_inspection");
  CHECK_REFUSED_MAKING(swiftrnn_inspection_create(NULL, &b, NULL, &inside), inside, NULL_POINTER, "model");
  CHECK_REFUSED_MAKING(swiftrnn_inspection_create(model, &b, other, &inside), inside, MISMATCH, "another dtype");
  CHECK_REFUSED(swiftrnn_inspection_json(NULL, NULL, 0, &count), NULL_POINTER, "inspection");
  CHECK_STATUS(swiftrnn_inspection_create(model, &b, NULL, &inside), SWIFTRNN_STATUS_OK);
  CHECK_REFUSED(swiftrnn_inspection_json(inside, NULL, 8, &count), NULL_POINTER, "text");
  CHECK_REFUSED(swiftrnn_inspection_json(inside, (char *)out, -1, &count), INVALID_SIZE, "text_size is -1");
  swiftrnn_inspection_destroy(inside), swiftrnn_inspection_destroy(NULL);
  swiftrnn_model_state_destroy(state), swiftrnn_model_state_destroy(other), swiftrnn_model_state_destroy(NULL);
  swiftrnn_model_destroy(model), swiftrnn_model_destroy(numbers), swiftrnn_model_destroy(doubles);
  swiftrnn_model_destroy(twin);
}

int main(void) {
  making();
  files();
  knowledge();
  batches();
  arguments();
  return check_result();
}
