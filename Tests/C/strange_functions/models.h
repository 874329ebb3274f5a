/* Models of random configurations, right and wrong ones; what is known of them; their files, whole and damaged. Valid in
 * C11 and in C++17. */
#ifndef SWIFTRNN_TEST_STRANGE_MODELS_H
#define SWIFTRNN_TEST_STRANGE_MODELS_H

#include "vocabularies.h"

#include <sys/resource.h>

typedef enum model_kind {
  LANGUAGE_MODEL, TAGGER, CLASSIFIER, REGRESSOR, VECTOR_DECODER, ENCODER_DECODER, OUTPUT_FEEDBACK, MODEL_KINDS
} model_kind;

/* The model that calls are of, and what is asked of it. */
static struct {
  model_kind kind;
  swiftrnn_dtype dtype;
  int64_t element, vocabulary, features, outputs, written, vector; /* sizes; vocabulary 0: features */
  int predicts_numbers, is_of_trees, is_bidirectional;
  swiftrnn_model *model, **out_model;
  const char *config, *path, *key, *value;
  int64_t config_size, index, size;
  uint64_t seed;
  const swiftrnn_initializer *initializer;
  swiftrnn_dtype *out_dtype;
  void **out_values, **out_gradients;
  swiftrnn_model_parameter_info *info;
  swiftrnn_vocabulary_role role;
  char *out;
  int64_t *out_size;
} m;

static int run_model_create(void) {
  return (int)swiftrnn_model_create(m.dtype, m.config, m.config_size, m.out_model);
}
static int run_model_load(void) { return (int)swiftrnn_model_load(m.path, m.out_model); }
static int run_model_save(void) { return (int)swiftrnn_model_save(m.model, m.path); }
static int run_model_initialize(void) { return (int)swiftrnn_model_initialize(m.model, m.initializer, m.seed); }
static int run_model_configuration(void) {
  return (int)swiftrnn_model_configuration(m.model, m.out, m.size, m.out_size);
}
static int run_model_dtype(void) { return (int)swiftrnn_model_dtype(m.model, m.out_dtype); }
static int run_model_parameters(void) {
  return (int)swiftrnn_model_parameters(m.model, m.out_values, m.out_gradients, m.out_size);
}
static int run_model_parameter_count(void) { return (int)swiftrnn_model_parameter_count(m.model, m.out_size); }
static int run_model_parameter_info_at(void) {
  return (int)swiftrnn_model_parameter_info_at(m.model, m.index, m.info);
}
static int run_model_set_vocabulary(void) {
  return (int)swiftrnn_model_set_vocabulary(m.model, m.role, v.vocabulary);
}
static int run_model_vocabulary(void) { return (int)swiftrnn_model_vocabulary(m.model, m.role, v.out_vocabulary); }
static int run_model_set_metadata(void) { return (int)swiftrnn_model_set_metadata(m.model, m.key, m.value); }
static int run_model_metadata(void) {
  return (int)swiftrnn_model_metadata(m.model, m.key, m.out, m.size, m.out_size);
}

/* A size of a configuration: sometimes what none can be, or more than any memory has, never what just fits. */
static int is_strange_config;
static const char *size_text(int64_t size) {
  static char texts[24][64];
  static int next;
  static const char *const odd[] = {"0", "-1", "2147483648", "2147483647", "9223372036854775807", "9223372036854775808",
                                    "-9223372036854775808", "1e3", "3.5", "\"3\"", "null", "[]", "true", "{}",
                                    "1e400", "123456789012345678901234567890"};
  char *const text = texts[next++ % 24];
  const int is_odd = is_strange_config && any(8) == 0;
  snprintf(text, sizeof texts[0], "%s", is_odd ? ONE_OF(odd) : number(size));
  return text;
}

static int64_t network_text(char *to, size_t room, const char *name, int is_bidirectional, int of_trees, int64_t hidden) {
  static const char *const cells[] = {"rnn", "rnn_relu", "lstm", "gru", "gru_before", "lstm_layer_norm", "mgu",
                                      "h' = tanh(W @ x + U @ h + b)"};
  static const char *const tree_cells[] = {"tree_child_sum", "h' = tanh(W @ x + U @ sum_children(h) + b)"};
  static const char *const odd[] = {"", "nothing", "h' = W @", "tree_child_sum", "lstm_attention", "\\u0000", "\\ud83d"};
  const char *const cell = is_strange_config && any(6) == 0 ? ONE_OF(odd) : of_trees ? ONE_OF(tree_cells) : ONE_OF(cells);
  return snprintf(to, room,
                  "\"%s\": {\"cell\": \"%s\", \"hidden_size\": %s, \"num_layers\": %s, \"bidirectional\": %s}, ", name,
                  cell, size_text(hidden), size_text(of_trees ? 1 : 1 + any(2)), is_bidirectional ? "true" : "false");
}

static int64_t input_text(char *to, size_t room, const char *name, int64_t vocabulary, int64_t width) {
  if (vocabulary == 0) return snprintf(to, room, "\"%s\": {\"features\": %s}, ", name, size_text(width));
  return snprintf(to, room, "\"%s\": {\"vocabulary\": %s, \"embedding_size\": %s}, ", name, size_text(vocabulary),
                  size_text(width));
}

/* The text of a configuration, and in `m` what it says where it is right. */
static int64_t config_text(char *text, size_t room) {
  static const char *const kinds[] = {"language_model", "tagger", "classifier", "regressor", "vector_decoder",
                                      "encoder_decoder", "output_feedback"};
  static const char *const pooling[] = {"last", "mean", "max", "attention"};
  static const char *const attention[] = {"none", "additive", "dot", "general", "concat"};
  int64_t at = 0;
#define TELL(...) at += snprintf(text + at, room - (size_t)at, __VA_ARGS__)
  m.kind = (model_kind)any(MODEL_KINDS);
  const int decodes = m.kind == VECTOR_DECODER || m.kind == ENCODER_DECODER;
  m.is_of_trees = m.kind >= TAGGER && m.kind <= REGRESSOR && any(4) == 0;
  m.is_bidirectional = !m.is_of_trees && m.kind != LANGUAGE_MODEL && m.kind != OUTPUT_FEEDBACK && any(2);
  m.vocabulary = m.kind == LANGUAGE_MODEL || any(2) ? 2 + any(9) : 0;
  m.features = 3 + any(6), m.outputs = 2 + any(9), m.vector = 5 + any(5);
  m.predicts_numbers = m.kind == REGRESSOR || ((m.kind == TAGGER || m.kind == OUTPUT_FEEDBACK) && any(2));
  if (m.kind == LANGUAGE_MODEL) m.outputs = m.vocabulary;
  const int64_t hidden = 5 + any(8), width = 5 + any(6);
  const char *const attends = ONE_OF(attention), *const pools = m.is_of_trees ? "last" : ONE_OF(pooling);
  TELL("{\"kind\": \"%s\", ", kinds[m.kind]);
  if (m.kind != VECTOR_DECODER) {
    at += input_text(text + at, room - (size_t)at, "input", m.vocabulary, m.vocabulary > 0 ? width : m.features);
    if (m.kind == OUTPUT_FEEDBACK) {
      TELL("\"network\": {\"cell\": \"rnn\", \"hidden_size\": %s, \"num_layers\": 1, \"bidirectional\": false}, ",
           size_text(hidden));
    } else {
      at += network_text(text + at, room - (size_t)at, "network", m.is_bidirectional, m.is_of_trees, hidden);
    }
  }
  if (decodes) {
    at += input_text(text + at, room - (size_t)at, "decoder_input", m.outputs, width);
    at += network_text(text + at, room - (size_t)at, "decoder", 0, 0, hidden);
  }
  TELL("\"outputs\": %s, \"dropout\": %s", size_text(m.outputs), any(2) ? "0.25" : is_strange_config ? "1.5" : "0");
  if (m.is_of_trees) TELL(", \"structure\": \"trees\"");
  if (m.kind == TAGGER || m.kind == OUTPUT_FEEDBACK) {
    TELL(", \"predicts_numbers\": %s", m.predicts_numbers ? "true" : "false");
  }
  if (m.kind == CLASSIFIER || m.kind == REGRESSOR) TELL(", \"pooling\": \"%s\"", pools);
  if ((m.kind == CLASSIFIER || m.kind == REGRESSOR) && strcmp(pools, "attention") == 0) {
    TELL(", \"attention_size\": %s", size_text(5));
  }
  if (m.kind == VECTOR_DECODER) {
    TELL(", \"vector_size\": %s, \"vector_use\": \"%s\"", size_text(m.vector), any(2) ? "states" : "input");
  }
  if (m.kind == ENCODER_DECODER) {
    TELL(", \"attention\": \"%s\"", attends);
    if (strcmp(attends, "additive") == 0 || strcmp(attends, "concat") == 0) {
      TELL(", \"attention_size\": %s", size_text(6));
    }
    if (strcmp(attends, "none") != 0 && any(3) == 0) TELL(", \"attention_use\": \"input\"");
  }
  if (decodes || m.kind == LANGUAGE_MODEL) TELL(", \"tie_embedding\": false");
  TELL("}");
#undef TELL
  return at < (int64_t)room ? at : (int64_t)room - 1;
}

static void destroy_made_model(void) {
  if (*m.out_model != NULL) all->calls[F_model_destroy][0]++;
  swiftrnn_model_destroy(*m.out_model);
  *m.out_model = NULL;
}

/* No more memory than this for a configuration that may ask for any. */
static void limit_memory(int64_t bytes) {
  struct rlimit limit;
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = bytes > 0 ? (rlim_t)bytes : limit.rlim_max;
  setrlimit(RLIMIT_AS, &limit);
}

static swiftrnn_model *make_model(int is_strange) {
  static char text[4096];
  call c;
  is_strange_config = is_strange && any(3) != 0;
  m.config_size = config_text(text, sizeof text);
  if (is_strange && !is_strange_config) m.config_size = damage(text, m.config_size);
  now->size = m.config_size < (int64_t)MOST_WRITTEN ? m.config_size : (int64_t)MOST_WRITTEN;
  memcpy(now->text, text, (size_t)now->size);
  m.config = bytes_new("configuration", text, m.config_size);
  m.dtype = (swiftrnn_dtype)any(2), m.element = m.dtype == SWIFTRNN_FLOAT64 ? (int64_t)8 : (int64_t)4;
  m.out_model = (swiftrnn_model **)array_new("out_model", HANDLE, 8);
  *m.out_model = NULL;
  call_begin(&c, F_model_create, run_model_create);
  has_flag(&c, "dtype", &m.dtype, 1);
  has_array(&c, "configuration", &m.config, 1, m.config_size > 0);
  has_number(&c, "configuration_size", &m.config_size, 0, INT64_MAX, BIT(INVALID_SIZE));
  has_array(&c, "out_model", &m.out_model, 8, 1);
  keep_blocks(), name_call(&c, "");
  if (is_strange) limit_memory((int64_t)3 << 30);
  (void)perform(&c, is_strange ? any_status | BIT(INVALID_FORMAT) : BIT(OK) | BIT(UNSUPPORTED) | BIT(INVALID_SIZE));
  swiftrnn_model *const made = *m.out_model;
  *m.out_model = NULL;
  for (int64_t i = any(3); i > 0 && made != NULL; i--) changed_calls(&c, 1, &fill_state), destroy_made_model();
  limit_memory(0);
  return made;
}

static void describe_model(void) {
  call c;
  int64_t count = 0;
  (void)swiftrnn_model_parameter_count(m.model, &count);
  m.out_size = (int64_t *)array_new("out_size", FORWARD_RESULT, 8);
  m.size = any(200), m.out = (char *)array_new("text", FORWARD_RESULT, m.size);
  static const char *const keys[] = {"author", "a", "", "\xff", "format", "configuration", "swiftrnn.checksum",
                                     "another key, longer than fifteen bytes"};
  m.key = string_new("key", ONE_OF(keys)), m.value = any(3) ? string_new("value", ONE_OF(keys)) : NULL;
  switch (any(8)) {
    case 0:
      call_begin(&c, F_model_configuration, run_model_configuration);
      has_array(&c, "text", &m.out, 1, m.size > 0), has_array(&c, "out_size", &m.out_size, 8, 0);
      has_number(&c, "text_size", &m.size, 0, INT64_MAX, BIT(INVALID_SIZE));
      break;
    case 1:
      m.out_dtype = (swiftrnn_dtype *)array_new("out_dtype", FORWARD_RESULT, 4);
      call_begin(&c, F_model_dtype, run_model_dtype);
      has_array(&c, "out_dtype", &m.out_dtype, 4, 1);
      break;
    case 2:
      m.out_values = (void **)array_new("out_values", FORWARD_RESULT, 8);
      m.out_gradients = (void **)array_new("out_gradients", FORWARD_RESULT, 8);
      call_begin(&c, F_model_parameters, run_model_parameters);
      has_array(&c, "out_values", &m.out_values, 8, 0), has_array(&c, "out_gradients", &m.out_gradients, 8, 0);
      has_array(&c, "out_elements", &m.out_size, 8, 0);
      break;
    case 3:
      call_begin(&c, F_model_parameter_count, run_model_parameter_count);
      has_array(&c, "out_count", &m.out_size, 8, 1);
      break;
    case 4:
      m.index = any(count);
      m.info = (swiftrnn_model_parameter_info *)array_new("out_info", FORWARD_RESULT, sizeof *m.info);
      call_begin(&c, F_model_parameter_info_at, run_model_parameter_info_at);
      has_number(&c, "index", &m.index, 0, count - 1, BIT(INVALID_VALUE)), has_array(&c, "out_info", &m.info, 8, 1);
      break;
    case 5:
      call_begin(&c, F_model_set_metadata, run_model_set_metadata);
      has_object(&c, "key", &m.key), has_array(&c, "value", &m.value, 1, 0);
      break;
    case 6:
      call_begin(&c, F_model_metadata, run_model_metadata);
      has_object(&c, "key", &m.key), has_array(&c, "text", &m.out, 1, m.size > 0);
      has_number(&c, "text_size", &m.size, 0, INT64_MAX, BIT(INVALID_SIZE)), has_array(&c, "out_size", &m.out_size, 8, 0);
      break;
    default:
      m.seed = next_random(&random_state), m.initializer = NULL;
      call_begin(&c, F_model_initialize, run_model_initialize);
  }
  has_object(&c, "model", &m.model);
  keep_blocks(), name_call(&c, "");
  /* A key may be one of the library's own, or no UTF-8: then a call with another wrong argument may name either. */
  const int has_key = c.which == F_model_set_metadata || c.which == F_model_metadata;
  const int status = perform(&c, has_key ? BIT(OK) | BIT(INVALID_VALUE) : BIT(OK));
  if (status == (int)SWIFTRNN_STATUS_OK) changed_calls(&c, any(4), &fill_state);
}

/* Vocabularies of any size: that of the model, or another. */
static void exchange_vocabularies(void) {
  call c;
  swiftrnn_vocabulary_config g;
  memset(&g, 0, sizeof g);
  static const char letters[] = "abcdefghijklmnop";
  const char *const text = letters;
  const int64_t size = any(2) ? m.outputs : 1 + any(12);
  g.size = sizeof g, g.tokens = SWIFTRNN_TOKENS_CHARACTERS;
  if (swiftrnn_vocabulary_create(&g, &text, &size, 1, &v.vocabulary) != SWIFTRNN_STATUS_OK) return;
  m.role = (swiftrnn_vocabulary_role)any(2);
  call_begin(&c, F_model_set_vocabulary, run_model_set_vocabulary);
  has_object(&c, "model", &m.model), has_array(&c, "vocabulary", &v.vocabulary, 1, 0), has_flag(&c, "role", &m.role, 1);
  keep_blocks(), name_call(&c, "");
  (void)perform(&c, BIT(OK) | BIT(INVALID_VALUE));
  changed_calls(&c, any(3), &fill_state);
  swiftrnn_vocabulary_destroy(v.vocabulary);
  v.out_vocabulary = (swiftrnn_vocabulary **)array_new("out_vocabulary", HANDLE, 8);
  *v.out_vocabulary = NULL;
  call_begin(&c, F_model_vocabulary, run_model_vocabulary);
  has_object(&c, "model", &m.model), has_flag(&c, "role", &m.role, 1);
  has_array(&c, "out_vocabulary", &v.out_vocabulary, 8, 1);
  keep_blocks(), valid_call(&c, "");
  destroy_made_vocabulary();
  changed_vocabularies(&c, any(3));
}

/* A file is a model again, or damaged: then it is refused, or was not damaged where it matters. */
static void exchange_files(void) {
  static char bytes[1 << 17];
  call c;
  m.path = string_new("path", strange_path("model"));
  m.out_model = (swiftrnn_model **)array_new("out_model", HANDLE, 8);
  *m.out_model = NULL;
  call_begin(&c, F_model_save, run_model_save);
  has_object(&c, "model", &m.model), has_object(&c, "path", &m.path);
  keep_blocks(), valid_call(&c, "");
  changed_calls(&c, any(2), &fill_state);
  call_begin(&c, F_model_load, run_model_load);
  has_object(&c, "path", &m.path), has_array(&c, "out_model", &m.out_model, 8, 1);
  keep_blocks(), valid_call(&c, "");
  destroy_made_model();
  changed_calls(&c, any(2), &fill_state), destroy_made_model();
  const int file = open(strange_path("model"), O_RDONLY);
  const int64_t size = file < 0 ? 0 : read(file, bytes, sizeof bytes);
  if (file >= 0) close(file);
  if (size <= 0 || size == (int64_t)sizeof bytes) return;
  for (int64_t i = 0; i < 6; i++) {
    static char other[sizeof bytes];
    memcpy(other, bytes, (size_t)size);
    const int64_t header = any(4) ? 8 + any(600) : any(size);
    int64_t left = size;
    if (any(6) == 0) left = any(size); else if (any(6) == 0) left = damage(other, size);
    else other[header < size ? header : size - 1] ^= (char)(1 << any(8));
    write_strange(strange_path("model"), other, left);
    keep_blocks(), name_call(&c, " of a damaged file");
    (void)perform(&c, any_status);
    destroy_made_model();
  }
}

#endif
