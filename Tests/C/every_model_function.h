/* Every function of swiftrnn_models.h, as a call in a world of models. `check_all_model_functions_are_here` holds the list
 * against the header. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_EVERY_MODEL_FUNCTION_H
#define SWIFTRNN_TEST_EVERY_MODEL_FUNCTION_H

#include "every_function.h"
#include "model_worlds.h"

#define IN(name) static inline swiftrnn_status in_##name(world *w)
#define OUT_TEXT (char *)w->out, OUT_SIZE, w->models->counts

/* ==== Vocabularies and texts ======================================================================================*/

IN(vocabulary_create) {
  const swiftrnn_vocabulary_config c = vocabulary_config(SWIFTRNN_TOKENS_WORDS);
  const char *const texts[2] = {model_text, "more words"};
  const int64_t sizes[2] = {sizeof model_text - 1, 10};
  return swiftrnn_vocabulary_create(&c, texts, sizes, 2, (swiftrnn_vocabulary **)&w->made);
}
IN(vocabulary_create_from_file) {
  const swiftrnn_vocabulary_config c = vocabulary_config(SWIFTRNN_TOKENS_CHARACTERS);
  return swiftrnn_vocabulary_create_from_file(&c, w->models->text_path, (swiftrnn_vocabulary **)&w->made);
}
IN(vocabulary_parse) {
  static const char json[] = "{\"kind\": \"words\", \"lowercase\": true, \"specials\": [\"<unk>\"], \"tokens\": "
                             "[\"the\", \"cat\", \"\\u00e9t\\u00e9\", \"sat\", \"on\", \"mat\"]}";
  return swiftrnn_vocabulary_parse(json, sizeof json - 1, w != NULL ? (swiftrnn_vocabulary **)&w->made : NULL);
}
IN(vocabulary_json) { return swiftrnn_vocabulary_json(w->models->vocabulary, OUT_TEXT); }
IN(vocabulary_size) { return swiftrnn_vocabulary_size(w->models->vocabulary, w->models->counts); }
IN(vocabulary_id) { return swiftrnn_vocabulary_id(w->models->vocabulary, "<bos>", 5, w->models->counts); }
IN(vocabulary_encode) {
  return swiftrnn_vocabulary_encode(w->models->vocabulary, model_text, sizeof model_text - 1, 1,
                                    (int64_t *)(void *)w->out, 60, w->models->counts);
}
IN(vocabulary_decode) {
  return swiftrnn_vocabulary_decode(w->models->vocabulary, w->models->ids, MODEL_ROWS, 1, OUT_TEXT);
}
IN(text_stream_open) {
  return swiftrnn_text_stream_open(w->models->text_path, w->models->vocabulary, TEXT_SEQUENCES, TEXT_STEPS,
                                   (swiftrnn_text_stream **)&w->made);
}
IN(text_stream_position) {
  int64_t *const out = w->models->counts;
  return swiftrnn_text_stream_position(w->models->text, out, out + 1, out + 2);
}
IN(text_stream_next) {
  int64_t *const ids = w->models->counts, *const targets = w->models->more_counts;
  return swiftrnn_text_stream_next(w->models->text, ids, targets, ids + TEXT_SEQUENCES * TEXT_STEPS);
}
IN(text_stream_seek) { return swiftrnn_text_stream_seek(w->models->text, 2); }

/* ==== Models ======================================================================================================*/

IN(model_create) {
  return swiftrnn_model_create(model_dtype(w->kind), w->models->config, (int64_t)strlen(w->models->config),
                               (swiftrnn_model **)&w->made);
}
IN(model_load) { return swiftrnn_model_load(w->models->model_path, (swiftrnn_model **)&w->made); }

/* The file of a call is the new one if the call is done, and else what it was. */
static inline swiftrnn_status written_file(world *w, swiftrnn_status status) {
  char *const file = w->models->file;
  const ssize_t size = read_file(w->models->path, file, FILE_SIZE);
  if (status == SWIFTRNN_STATUS_OK) {
    CHECK(size > 100 && size < FILE_SIZE);
  } else {
    CHECK(size == 6 && memcmp(file, "before", 6) == 0);
    memset(file, CANARY, 6);
  }
  return status;
}
IN(model_save) { return written_file(w, swiftrnn_model_save(w->models->model, w->models->path)); }
IN(model_initialize) { return swiftrnn_model_initialize(w->models->model, NULL, 9); }
IN(model_configuration) { return swiftrnn_model_configuration(w->models->model, OUT_TEXT); }
IN(model_dtype) { return swiftrnn_model_dtype(w->models->model, (swiftrnn_dtype *)(void *)w->out); }
IN(model_parameters) {
  void *values = NULL, *gradients = NULL;
  const swiftrnn_status status = swiftrnn_model_parameters(w->models->model, &values, &gradients, w->models->counts);
  return status == SWIFTRNN_STATUS_OK ? holds(values != NULL && gradients != NULL) : status;
}
IN(model_parameter_count) { return swiftrnn_model_parameter_count(w->models->model, w->models->counts); }
IN(model_parameter_info_at) {
  return swiftrnn_model_parameter_info_at(w->models->model, 1, (swiftrnn_model_parameter_info *)(void *)w->out);
}
IN(model_set_vocabulary) {
  return swiftrnn_model_set_vocabulary(w->models->model, SWIFTRNN_VOCABULARY_INPUT, w->models->vocabulary);
}
IN(model_vocabulary) {
  return swiftrnn_model_vocabulary(w->models->model, SWIFTRNN_VOCABULARY_INPUT, (swiftrnn_vocabulary **)&w->made);
}
IN(model_set_metadata) {
  return swiftrnn_model_set_metadata(w->models->model, "author", "somebody whose name is longer than fifteen bytes");
}
IN(model_metadata) { return swiftrnn_model_metadata(w->models->model, "author", OUT_TEXT); }
IN(model_state_create) {
  return swiftrnn_model_state_create(w->models->model, 0, (swiftrnn_model_state **)&w->made);
}
IN(model_state_reset) { return swiftrnn_model_state_reset(w->models->state); }
IN(model_loss) {
  model_world *const m = w->models;
  swiftrnn_model_loss_options how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.seed = 4, how.seeded = 1;
  return swiftrnn_model_loss(m->model, &m->batch, m->state, &how, m->doubles, m->counts);
}
IN(model_evaluate) {
  model_world *const m = w->models;
  swiftrnn_elementwise_loss_config how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.loss = SWIFTRNN_LOSS_HUBER, how.delta = 0.5;
  const int predicts_numbers = m->batch.values != NULL;
  return swiftrnn_model_evaluate(m->model, &m->batch, m->state, predicts_numbers ? &how : NULL, m->doubles, m->counts);
}
IN(model_predict) {
  model_world *const m = w->models;
  return swiftrnn_model_predict(m->model, &m->batch, m->state, m->out, m->out_elements);
}
IN(model_score) {
  model_world *const m = w->models;
  return swiftrnn_model_score(m->model, &m->batch, m->state, m->doubles, m->counts);
}
static inline swiftrnn_status generated(model_world *m, int64_t beams) {
  swiftrnn_generation_options how = m->writing;
  how.beams = beams;
  return swiftrnn_model_generate(m->model, &m->prompts, &how, m->counts, m->more_counts, m->doubles,
                                 m->doubles + MODEL_SEQUENCES * MODEL_BEAMS);
}
IN(model_generate) { return generated(w->models, 1); }
IN(model_generate_beams) { return generated(w->models, MODEL_BEAMS); }

/* ==== A look inside, training =====================================================================================*/

IN(inspection_create) {
  return swiftrnn_inspection_create(w->models->model, &w->models->batch, NULL, (swiftrnn_inspection **)&w->made);
}
IN(inspection_json) { return swiftrnn_inspection_json(w->models->inspection, OUT_TEXT); }
IN(trainer_create) {
  return swiftrnn_trainer_create(w->models->model, trainer_text, sizeof trainer_text - 1,
                                 (swiftrnn_trainer **)&w->made);
}
IN(trainer_settings) { return swiftrnn_trainer_settings(w->models->trainer, OUT_TEXT); }
static inline swiftrnn_trainer_result *result_of(world *w) {
  swiftrnn_trainer_result *const result = (swiftrnn_trainer_result *)(void *)w->models->doubles;
  result->size = sizeof *result;
  return result;
}
/* The size that a caller sets is no result of a refused call. */
static inline swiftrnn_status with_result(world *w, swiftrnn_status status) {
  if (status != SWIFTRNN_STATUS_OK) memset(w->models->doubles, CANARY, sizeof(int64_t));
  return status;
}
IN(trainer_step) {
  model_world *const m = w->models;
  return with_result(w, swiftrnn_trainer_step(m->trainer, &m->batch, m->state, result_of(w)));
}
IN(trainer_update) { return with_result(w, swiftrnn_trainer_update(w->models->trainer, result_of(w))); }
IN(trainer_report) {
  return swiftrnn_trainer_report(w->models->trainer, 1.5, (int32_t *)(void *)w->models->counts);
}
IN(trainer_rate) { return swiftrnn_trainer_rate(w->models->trainer, w->models->doubles, w->models->counts); }
IN(trainer_set_rate_factor) { return swiftrnn_trainer_set_rate_factor(w->models->trainer, 0.5); }
IN(trainer_save) {
  model_world *const m = w->models;
  return written_file(w, swiftrnn_trainer_save(m->trainer, m->state, "{\"epoch\": 3}", 12, m->path));
}
IN(trainer_load) {
  model_world *const m = w->models;
  swiftrnn_model *const before = m->loaded_model = (swiftrnn_model *)(void *)w;
  const swiftrnn_status status =
      swiftrnn_trainer_load(m->checkpoint_path, &m->loaded_model, (swiftrnn_trainer **)&w->made, &m->loaded_state);
  CHECK(m->loaded_state == NULL && (status == SWIFTRNN_STATUS_OK) == (m->loaded_model != NULL));
  CHECK(m->loaded_model != before);
  return status;
}
IN(trainer_progress) { return swiftrnn_trainer_progress(w->models->trainer, OUT_TEXT); }

/* ==== Tensors of a file ===========================================================================================*/

IN(tensors_load) { return swiftrnn_tensors_load(w->models->model_path, (swiftrnn_tensors **)&w->made); }
IN(tensors_count) { return swiftrnn_tensors_count(w->models->tensors, w->models->counts); }
IN(tensors_index) { return swiftrnn_tensors_index(w->models->tensors, "network.weight_hh_l1", w->models->counts); }
/* Addresses differ between two handles: of the info only what they point to is a result. */
IN(tensors_info_at) {
  swiftrnn_tensor_info info;
  memset(&info, 0, sizeof info);
  const swiftrnn_status status = swiftrnn_tensors_info_at(w->models->tensors, 1, &info);
  if (status != SWIFTRNN_STATUS_OK) return status;
  const int64_t width = (int64_t)w->element;
  if (info.rank < 1 || info.bytes != info.elements * width || (uintptr_t)info.data % 64 != 0) return holds(0);
  memcpy(w->out, info.data, info.bytes < OUT_SIZE ? (size_t)info.bytes : (size_t)OUT_SIZE);
  return holds(strlen(info.name) > 5 && info.shape[0] > 1 && strcmp(info.dtype, width == 4 ? "F32" : "F64") == 0);
}
IN(tensors_metadata) { return swiftrnn_tensors_metadata(w->models->tensors, "author", OUT_TEXT); }
IN(tensors_parameters) {
  const void *parameters[8] = {NULL};
  const swiftrnn_status status =
      swiftrnn_tensors_parameters(w->models->tensors, "network.", w->models->network, parameters, 8);
  for (int i = 0; i < 8; i++) CHECK((parameters[i] != NULL) == (status == SWIFTRNN_STATUS_OK));
  if (status == SWIFTRNN_STATUS_OK) memcpy(w->out, parameters[5], 36 * 9 * w->element);
  return status;
}
#undef IN
#undef OUT_TEXT

/* ==== What is made ================================================================================================*/

static inline void destroy_vocabulary(world *w, int use) {
  swiftrnn_vocabulary *const made = (swiftrnn_vocabulary *)w->made;
  int64_t size = 0;
  if (use) CHECK_STATUS(swiftrnn_vocabulary_size(made, &size), SWIFTRNN_STATUS_OK);
  CHECK(!use || size > 5);
  swiftrnn_vocabulary_destroy(made);
}
static inline void destroy_text(world *w, int use) {
  swiftrnn_text_stream *const made = (swiftrnn_text_stream *)w->made;
  int64_t ids[TEXT_STEPS * TEXT_SEQUENCES], targets[TEXT_STEPS * TEXT_SEQUENCES], steps = 0;
  if (use) CHECK_STATUS(swiftrnn_text_stream_next(made, ids, targets, &steps), SWIFTRNN_STATUS_OK);
  CHECK(!use || steps > 1);
  swiftrnn_text_stream_destroy(made);
}
/* The loss without dropout, by a model that has the parameters of the world's. */
static inline void destroy_model(world *w, int use) {
  model_world *const m = w->models;
  swiftrnn_model *const made = (swiftrnn_model *)w->made;
  void *values = NULL, *own = NULL;
  double means[2] = {0, 0};
  int64_t elements = 0;
  if (use) {
    model_world_need(w, MODEL);
    CHECK_STATUS(swiftrnn_model_parameters(made, &values, NULL, &elements), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_model_parameters(m->model, &own, NULL, NULL), SWIFTRNN_STATUS_OK);
    memcpy(values, own, (size_t)elements * w->element);
    CHECK_STATUS(swiftrnn_model_evaluate(made, &m->batch, NULL, NULL, &means[0], NULL), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_model_evaluate(m->model, &m->batch, NULL, NULL, &means[1], NULL), SWIFTRNN_STATUS_OK);
    CHECK(means[0] > 0 && means[0] == means[1]);
  }
  swiftrnn_model_destroy(made);
}
static inline void destroy_state(world *w, int use) {
  if (use) CHECK_STATUS(swiftrnn_model_state_reset((swiftrnn_model_state *)w->made), SWIFTRNN_STATUS_OK);
  swiftrnn_model_state_destroy((swiftrnn_model_state *)w->made);
}
static inline void destroy_inspection(world *w, int use) {
  int64_t size = 0;
  if (use) {
    CHECK_STATUS(swiftrnn_inspection_json((swiftrnn_inspection *)w->made, NULL, 0, &size), SWIFTRNN_STATUS_OK);
    CHECK(size > 100);
  }
  swiftrnn_inspection_destroy((swiftrnn_inspection *)w->made);
}
static inline void destroy_trainer(world *w, int use) {
  swiftrnn_trainer *const made = (swiftrnn_trainer *)w->made;
  swiftrnn_trainer_result result;
  memset(&result, 0, sizeof result);
  result.size = sizeof result;
  if (use) CHECK_STATUS(swiftrnn_trainer_step(made, &w->models->batch, NULL, &result), SWIFTRNN_STATUS_OK);
  CHECK(!use || (result.step == 1 && result.loss > 0));
  swiftrnn_trainer_destroy(made);
}
static inline void destroy_loaded(world *w, int use) {
  swiftrnn_model *const model = w->models->loaded_model;
  destroy_trainer(w, use);
  swiftrnn_model_destroy(model);
}
static inline void destroy_tensors(world *w, int use) {
  int64_t count = 0;
  if (use) CHECK_STATUS(swiftrnn_tensors_count((swiftrnn_tensors *)w->made, &count), SWIFTRNN_STATUS_OK);
  CHECK(!use || count > 3);
  swiftrnn_tensors_destroy((swiftrnn_tensors *)w->made);
}

enum {
  IN_LANGUAGE = 1 << LANGUAGE, IN_TAGGER = 1 << TAGGER, IN_TRANSLATOR = 1 << TRANSLATOR, IN_REGRESSOR = 1 << REGRESSOR,
  IN_TREES = 1 << TREE_CLASSIFIER, IN_TEXTS = IN_LANGUAGE | IN_TAGGER, IN_CLASSES = IN_TEXTS | IN_TRANSLATOR | IN_TREES,
  IN_ALL = IN_CLASSES | IN_REGRESSOR
};

static const function every_model_function[] = {
    {"vocabulary_create", in_vocabulary_create, destroy_vocabulary, IN_LANGUAGE, 0, 0},
    {"vocabulary_create_from_file", in_vocabulary_create_from_file, destroy_vocabulary, IN_LANGUAGE, TEXT_FILE, 0},
    {"vocabulary_parse", in_vocabulary_parse, destroy_vocabulary, IN_LANGUAGE, 0, 0},
    {"vocabulary_json", in_vocabulary_json, NULL, IN_TEXTS, VOCABULARIES, 0},
    {"vocabulary_size", in_vocabulary_size, NULL, IN_LANGUAGE, VOCABULARIES, 0},
    {"vocabulary_id", in_vocabulary_id, NULL, IN_LANGUAGE, VOCABULARIES, 0},
    {"vocabulary_encode", in_vocabulary_encode, NULL, IN_TEXTS, VOCABULARIES, 0},
    {"vocabulary_decode", in_vocabulary_decode, NULL, IN_TEXTS, VOCABULARIES, 0},
    {"text_stream_open", in_text_stream_open, destroy_text, IN_LANGUAGE, TEXT_FILE | VOCABULARIES, 0},
    {"text_stream_position", in_text_stream_position, NULL, IN_LANGUAGE, TEXT_STREAM, 0},
    {"text_stream_next", in_text_stream_next, NULL, IN_LANGUAGE, TEXT_STREAM, 0},
    {"text_stream_seek", in_text_stream_seek, NULL, IN_LANGUAGE, TEXT_STREAM, 0},
    {"model_create", in_model_create, destroy_model, IN_ALL, 0, 0},
    {"model_load", in_model_load, destroy_model, IN_ALL, MODEL_FILE, 0},
    {"model_save", in_model_save, NULL, IN_LANGUAGE | IN_REGRESSOR, MODEL | METADATA, 0},
    {"model_initialize", in_model_initialize, NULL, IN_ALL, MODEL, 0},
    {"model_configuration", in_model_configuration, NULL, IN_ALL, MODEL, 0},
    {"model_dtype", in_model_dtype, NULL, IN_LANGUAGE, MODEL, 0},
    {"model_parameters", in_model_parameters, NULL, IN_LANGUAGE, MODEL, 0},
    {"model_parameter_count", in_model_parameter_count, NULL, IN_LANGUAGE, MODEL, 0},
    {"model_parameter_info_at", in_model_parameter_info_at, NULL, IN_LANGUAGE, MODEL, 0},
    {"model_set_vocabulary", in_model_set_vocabulary, NULL, IN_LANGUAGE, MODEL | VOCABULARIES, 0},
    {"model_vocabulary", in_model_vocabulary, destroy_vocabulary, IN_LANGUAGE, MODEL | VOCABULARIES, 0},
    {"model_set_metadata", in_model_set_metadata, NULL, IN_LANGUAGE, METADATA, 0},
    {"model_metadata", in_model_metadata, NULL, IN_LANGUAGE, METADATA, 0},
    {"model_state_create", in_model_state_create, destroy_state, IN_LANGUAGE, MODEL, 0},
    {"model_state_reset", in_model_state_reset, NULL, IN_LANGUAGE, STATE, 0},
    {"model_loss", in_model_loss, NULL, IN_ALL, MODEL | STATE, 1},
    {"model_evaluate", in_model_evaluate, NULL, IN_ALL, MODEL | STATE, 1},
    {"model_predict", in_model_predict, NULL, IN_ALL, MODEL | STATE, 1},
    {"model_score", in_model_score, NULL, IN_CLASSES, MODEL | STATE, 1},
    {"model_generate", in_model_generate, NULL, IN_LANGUAGE | IN_TRANSLATOR, MODEL, 1},
    {"model_generate beams", in_model_generate_beams, NULL, IN_LANGUAGE | IN_TRANSLATOR, MODEL, 1},
    {"inspection_create", in_inspection_create, destroy_inspection, IN_TEXTS, MODEL, 1},
    {"inspection_json", in_inspection_json, NULL, IN_LANGUAGE, INSPECTION, 0},
    {"trainer_create", in_trainer_create, destroy_trainer, IN_LANGUAGE | IN_REGRESSOR, MODEL, 0},
    {"trainer_settings", in_trainer_settings, NULL, IN_LANGUAGE, TRAINER, 0},
    {"trainer_step", in_trainer_step, NULL, IN_ALL, TRAINER | STATE, 1},
    {"trainer_update", in_trainer_update, NULL, IN_ALL, TRAINER, 1},
    {"trainer_report", in_trainer_report, NULL, IN_LANGUAGE, TRAINER, 0},
    {"trainer_rate", in_trainer_rate, NULL, IN_LANGUAGE, TRAINER, 0},
    {"trainer_set_rate_factor", in_trainer_set_rate_factor, NULL, IN_LANGUAGE, TRAINER, 0},
    {"trainer_save", in_trainer_save, NULL, IN_LANGUAGE | IN_REGRESSOR, TRAINER | STATE, 0},
    {"trainer_load", in_trainer_load, destroy_loaded, IN_LANGUAGE | IN_REGRESSOR, CHECKPOINT, 0},
    {"trainer_progress", in_trainer_progress, NULL, IN_LANGUAGE, TRAINER, 0},
    {"tensors_load", in_tensors_load, destroy_tensors, IN_ALL, MODEL_FILE, 0},
    {"tensors_count", in_tensors_count, NULL, IN_LANGUAGE, TENSORS, 0},
    {"tensors_index", in_tensors_index, NULL, IN_LANGUAGE, TENSORS, 0},
    {"tensors_info_at", in_tensors_info_at, NULL, IN_LANGUAGE, TENSORS, 0},
    {"tensors_metadata", in_tensors_metadata, NULL, IN_LANGUAGE, TENSORS, 0},
    {"tensors_parameters", in_tensors_parameters, NULL, IN_LANGUAGE, TENSORS, 0},
};
enum { MODEL_FUNCTIONS = sizeof every_model_function / sizeof *every_model_function };

/** Functions of both headers: those of swiftrnn.h come first. */
enum { ALL_FUNCTIONS = FUNCTIONS + MODEL_FUNCTIONS };
static inline const function *function_at(int i) {
  return i < FUNCTIONS ? &every_function[i] : &every_model_function[i - FUNCTIONS];
}

/** Every function of the header is in the list above, or gives back a handle. */
static inline void check_all_model_functions_are_here(void) {
  CHECK(functions_of_header(SWIFTRNN_TEST_MODELS_HEADER, every_model_function, MODEL_FUNCTIONS) > 40);
}

#endif
