/* Small models and vocabularies for calls that are refused. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_MODEL_REFUSALS_H
#define SWIFTRNN_TEST_MODEL_REFUSALS_H

#include "refused.h"
#include "swiftrnn_models.h"

/** A call that makes `out` is refused: `out` is NULL then. */
#define CHECK_REFUSED_MAKING(call, out, status, ...)  \
  do {                                                \
    CHECK_REFUSED(call, status, __VA_ARGS__);         \
    CHECK((out) == NULL);                             \
  } while (0)

static inline swiftrnn_vocabulary_config words(void) {
  swiftrnn_vocabulary_config c;
  memset(&c, 0, sizeof c);
  c.size = sizeof c, c.tokens = SWIFTRNN_TOKENS_WORDS;
  c.specials = (int32_t)SWIFTRNN_SPECIAL_PAD + (int32_t)SWIFTRNN_SPECIAL_UNK;
  return c;
}

/** Words of a text, with "<pad>" and "<unk>"; of at most `most` ids, or 0. */
static inline swiftrnn_vocabulary *vocabulary_of(const char *text, int64_t most) {
  swiftrnn_vocabulary_config c = words();
  const int64_t size = (int64_t)strlen(text);
  swiftrnn_vocabulary *made = NULL;
  c.maximum_size = most;
  CHECK_STATUS(swiftrnn_vocabulary_create(&c, &text, &size, 1, &made), SWIFTRNN_STATUS_OK);
  return (swiftrnn_vocabulary *)required(made);
}

static inline swiftrnn_model *model_of(swiftrnn_dtype dtype, const char *json) {
  swiftrnn_model *made = NULL;
  CHECK_STATUS(swiftrnn_model_create(dtype, json, (int64_t)strlen(json), &made), SWIFTRNN_STATUS_OK);
  required(made);
  CHECK_STATUS(swiftrnn_model_initialize(made, NULL, 3), SWIFTRNN_STATUS_OK);
  return made;
}

/** A copy, to compare with. */
static inline buffer copy_of(const void *bytes, size_t size) {
  buffer b = buffer_make("a copy", size, BORDER_END);
  memcpy(b.data, bytes, size);
  return b;
}
static inline int is_copy_of(const void *bytes, const buffer *b) { return memcmp(bytes, b->data, b->size) == 0; }

/* Configurations of models that calls are refused of. */
static const char language_json[] =
    "{\"kind\": \"language_model\", \"input\": {\"vocabulary\": 5, \"embedding_size\": 4}, \"network\": {\"cell\": "
    "\"lstm\", \"hidden_size\": 6, \"num_layers\": 1, \"bidirectional\": false}, \"outputs\": 5, \"dropout\": 0, "
    "\"tie_embedding\": false}";
static const char tagger_json[] =
    "{\"kind\": \"tagger\", \"input\": {\"features\": 3}, \"network\": {\"cell\": \"gru\", \"hidden_size\": 6, "
    "\"num_layers\": 1, \"bidirectional\": true}, \"outputs\": 5, \"dropout\": 0, \"predicts_numbers\": false}";
static const char regressor_json[] =
    "{\"kind\": \"regressor\", \"input\": {\"features\": 3}, \"network\": {\"cell\": \"rnn\", \"hidden_size\": 6, "
    "\"num_layers\": 1, \"bidirectional\": false}, \"outputs\": 2, \"dropout\": 0, \"pooling\": \"mean\"}";
static const char translator_json[] =
    "{\"kind\": \"encoder_decoder\", \"input\": {\"vocabulary\": 5, \"embedding_size\": 4}, \"network\": {\"cell\": "
    "\"gru\", \"hidden_size\": 6, \"num_layers\": 1, \"bidirectional\": false}, \"outputs\": 7, \"decoder_input\": "
    "{\"vocabulary\": 7, \"embedding_size\": 4}, \"decoder\": {\"cell\": \"gru\", \"hidden_size\": 6, \"num_layers\": 1, "
    "\"bidirectional\": false}, \"dropout\": 0, \"attention\": \"dot\", \"tie_embedding\": false}";

#endif
