/* Trainers refuse what is wrong, with a status and a message; a step that is refused leaves parameters and count. */
#include "model_refusals.h"

#include <math.h>

enum { T = 3, N = 2 };

static const char settings[] = "{\"optimizer\": \"adam\", \"rate\": 0.01}";
static int64_t ids[T * N] = {0, 1, 2, 3, 4, 0}, targets[T * N] = {1, 2, 3, 4, 0, 1};

static void making(swiftrnn_model *model) {
  swiftrnn_trainer *out = NULL;
#define CREATE(model, text, size) \
  (out = (swiftrnn_trainer *)(void *)&out, swiftrnn_trainer_create(model, text, size, &out))
  const int64_t size = sizeof settings - 1;
  CHECK_REFUSED(swiftrnn_trainer_create(model, settings, size, NULL), NULL_POINTER, "out_trainer");
  CHECK_REFUSED_MAKING(CREATE(NULL, settings, size), out, NULL_POINTER, "model");
  CHECK_REFUSED_MAKING(CREATE(model, NULL, size), out, NULL_POINTER, "settings");
  CHECK_REFUSED_MAKING(CREATE(model, settings, -1), out, INVALID_SIZE, "a text's size is -1");
  CHECK_REFUSED_MAKING(CREATE(model, settings, 5), out, INVALID_FORMAT, "the settings", "byte 5");
  static const char *const wrong[][2] = {
      {"{\"optimizer\": \"newton\"}", "\"adamw\""},
      {"{\"rate\": -1}", "rate is -1"},
      {"{\"rate\": \"1\"}", "rate"},
      {"{\"betas\": [0.9]}", "betas"},
      {"{\"betas\": [0.9, 1]}", "betas"},
      {"{\"momentum\": 0.5}", "momentum"},
      {"{\"schedule\": \"cosine\", \"steps\": 0}", "steps is 0"},
      {"{\"warm_up\": -1}", "warm_up is -1"},
      {"{\"clip_norm\": 0}", "clip_norm"},
      {"{\"plateau_factor\": 0.5}", "plateau_patience"},
      {"{\"sampling\": \"inverse_sigmoid\", \"sampling_k\": 0.5}", "sampling_k"},
      {"{\"class_weights\": [1, -1, 1, 1, 1]}", "class_weights[1]"},
      {"[]", "an array"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK_REFUSED_MAKING(CREATE(model, wrong[i][0], (int64_t)strlen(wrong[i][0])), out, INVALID_FORMAT, wrong[i][1]);
  }
  /* A message that lists all keys. */
  static const char unknown[] = "{\"optimiser\": \"adam\"}";
  CHECK_STATUS(CREATE(model, unknown, sizeof unknown - 1), SWIFTRNN_STATUS_INVALID_FORMAT);
  CHECK(out == NULL && strstr(swiftrnn_last_error(), "\"optimiser\"; the keys are optimizer, rate") != NULL);
  static const char weights[] = "{\"class_weights\": [1, 1]}", numbers[] = "{\"loss\": \"huber\"}";
  CHECK_REFUSED_MAKING(CREATE(model, weights, sizeof weights - 1), out, INVALID_SIZE, "class_weights", "5");
  CHECK_REFUSED_MAKING(CREATE(model, numbers, sizeof numbers - 1), out, UNSUPPORTED, "numbers");
#undef CREATE
  swiftrnn_trainer_destroy(NULL);
}

static swiftrnn_trainer *trainer_of(swiftrnn_model *model, const char *text) {
  swiftrnn_trainer *made = NULL;
  CHECK_STATUS(swiftrnn_trainer_create(model, text, (int64_t)strlen(text), &made), SWIFTRNN_STATUS_OK);
  return (swiftrnn_trainer *)required(made);
}

static void steps(swiftrnn_model *model) {
  swiftrnn_trainer *const trainer = trainer_of(model, settings);
  swiftrnn_trainer_result result;
  swiftrnn_model_batch b;
  double rate = 77;
  int64_t count = 77, elements = 0;
  int32_t improved = 77;
  char text[8];
  void *values = NULL;
  memset(&result, 0, sizeof result), memset(&b, 0, sizeof b);
  result.size = sizeof result, b.size = sizeof b;
  b.steps = T, b.sequences = N, b.ids = ids, b.targets = targets;
  CHECK_STATUS(swiftrnn_model_parameters(model, &values, NULL, &elements), SWIFTRNN_STATUS_OK);
  const buffer before = copy_of(values, (size_t)elements * sizeof(float)), untouched = copy_of(&result, sizeof result);
  CHECK_REFUSED(swiftrnn_trainer_step(NULL, &b, NULL, &result), NULL_POINTER, "trainer");
  CHECK_REFUSED(swiftrnn_trainer_step(trainer, NULL, NULL, &result), NULL_POINTER, "batch");
  CHECK_REFUSED(swiftrnn_trainer_step(trainer, &b, NULL, MOVED(swiftrnn_trainer_result *, &result, 4)), MISALIGNED,
                "out_result");
  targets[3] = 5;
  CHECK_REFUSED(swiftrnn_trainer_step(trainer, &b, NULL, &result), INVALID_VALUE, "targets[3] is 5");
  targets[3] = 4, ids[2] = -1;
  CHECK_REFUSED(swiftrnn_trainer_step(trainer, &b, NULL, &result), INVALID_VALUE, "ids[2] is -1");
  ids[2] = 2;
  CHECK(is_copy_of(&result, &untouched));
  result.size = 8;
  CHECK_REFUSED(swiftrnn_trainer_step(trainer, &b, NULL, &result), INVALID_SIZE, "size of the struct is 8");
  CHECK_REFUSED(swiftrnn_trainer_update(trainer, &result), INVALID_SIZE, "size of the struct is 8");
  result.size = sizeof result;
  CHECK_REFUSED(swiftrnn_trainer_update(NULL, &result), NULL_POINTER, "trainer");
  CHECK_REFUSED(swiftrnn_trainer_report(NULL, 1, &improved), NULL_POINTER, "trainer");
  CHECK_REFUSED(swiftrnn_trainer_report(trainer, 1, MOVED(int32_t *, &improved, 2)), MISALIGNED, "out_improved");
  CHECK_REFUSED(swiftrnn_trainer_rate(NULL, &rate, &count), NULL_POINTER, "trainer");
  CHECK_REFUSED(swiftrnn_trainer_rate(trainer, MOVED(double *, &rate, 4), &count), MISALIGNED, "out_rate");
  CHECK_REFUSED(swiftrnn_trainer_rate(trainer, &rate, MOVED(int64_t *, &count, 4)), MISALIGNED, "out_steps");
  CHECK_REFUSED(swiftrnn_trainer_set_rate_factor(NULL, 1), NULL_POINTER, "trainer");
  CHECK_REFUSED(swiftrnn_trainer_set_rate_factor(trainer, -1), INVALID_VALUE, "factor is -1");
  CHECK_REFUSED(swiftrnn_trainer_set_rate_factor(trainer, HUGE_VAL), INVALID_VALUE, "factor is inf");
  CHECK_REFUSED(swiftrnn_trainer_settings(NULL, text, 8, &count), NULL_POINTER, "trainer");
  CHECK_REFUSED(swiftrnn_trainer_settings(trainer, NULL, 8, &count), NULL_POINTER, "text");
  CHECK_REFUSED(swiftrnn_trainer_settings(trainer, text, -1, &count), INVALID_SIZE, "text_size is -1");
  CHECK_REFUSED(swiftrnn_trainer_progress(NULL, text, 8, &count), NULL_POINTER, "trainer");
  CHECK_REFUSED(swiftrnn_trainer_progress(trainer, NULL, 8, &count), NULL_POINTER, "text");
  CHECK(rate == 77 && count == 77 && improved == 77 && is_copy_of(values, &before));
  CHECK_STATUS(swiftrnn_trainer_rate(trainer, NULL, &count), SWIFTRNN_STATUS_OK);
  CHECK(count == 0);
  CHECK_STATUS(swiftrnn_trainer_step(trainer, &b, NULL, NULL), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_trainer_report(trainer, 1, NULL), SWIFTRNN_STATUS_OK);
  CHECK(!is_copy_of(values, &before));
  swiftrnn_trainer_destroy(trainer);
}

static void files(swiftrnn_model *model) {
  swiftrnn_trainer *const trainer = trainer_of(model, settings);
  swiftrnn_model *const doubles = model_of(SWIFTRNN_FLOAT64, language_json);
  swiftrnn_model_state *state = NULL, *out_state = NULL;
  swiftrnn_model *out_model = NULL;
  swiftrnn_trainer *out = NULL;
  char path[] = "/tmp/swiftrnn-trainer-XXXXXX";
  const int file = mkstemp(path);
  CHECK(file >= 0);
  CHECK_STATUS(swiftrnn_model_state_create(doubles, 0, &state), SWIFTRNN_STATUS_OK);
  CHECK_REFUSED(swiftrnn_trainer_save(NULL, NULL, "", 0, path), NULL_POINTER, "trainer");
  CHECK_REFUSED(swiftrnn_trainer_save(trainer, NULL, NULL, 1, path), NULL_POINTER, "progress");
  CHECK_REFUSED(swiftrnn_trainer_save(trainer, NULL, "x", -1, path), INVALID_SIZE, "progress_size is -1");
  CHECK_REFUSED(swiftrnn_trainer_save(trainer, NULL, "", 0, NULL), NULL_POINTER, "path");
  CHECK_REFUSED(swiftrnn_trainer_save(trainer, NULL, "", 0, ""), FILE, "an empty path");
  CHECK_REFUSED(swiftrnn_trainer_save(trainer, state, "", 0, path), MISMATCH, "another dtype");
#define LOAD(path)                                                                           \
  (out_model = model, out = trainer, out_state = state,                                      \
   swiftrnn_trainer_load(path, &out_model, &out, &out_state))
#define REFUSED_LOADING(path, status, text)                      \
  do {                                                           \
    CHECK_REFUSED_MAKING(LOAD(path), out, status, text);         \
    CHECK(out_model == NULL && out_state == NULL);               \
  } while (0)
  CHECK_REFUSED(swiftrnn_trainer_load(path, NULL, &out, NULL), NULL_POINTER, "out_model");
  CHECK_REFUSED(swiftrnn_trainer_load(path, &out_model, NULL, NULL), NULL_POINTER, "out_trainer");
  REFUSED_LOADING(NULL, NULL_POINTER, "path");
  REFUSED_LOADING("/nowhere/at/all", FILE, "No such file");
  REFUSED_LOADING(path, INVALID_FORMAT, "0 bytes");
  CHECK_STATUS(swiftrnn_model_save(model, path), SWIFTRNN_STATUS_OK);
  REFUSED_LOADING(path, INVALID_FORMAT, "no checkpoint");
  CHECK_STATUS(swiftrnn_trainer_save(trainer, NULL, NULL, 0, path), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_trainer_load(path, &out_model, &out, NULL), SWIFTRNN_STATUS_OK);
  swiftrnn_model_destroy(out_model), swiftrnn_trainer_destroy(out);
#undef LOAD
#undef REFUSED_LOADING
  close(file), unlink(path);
  swiftrnn_model_state_destroy(state);
  swiftrnn_trainer_destroy(trainer), swiftrnn_model_destroy(doubles);
}

int main(void) {
  swiftrnn_model *const model = model_of(SWIFTRNN_FLOAT32, language_json);
  making(model);
  steps(model);
  files(model);
  swiftrnn_model_destroy(model);
  return check_result();
}
