/* Vocabularies and texts that are read as a stream: of random bytes, from JSON that may be damaged, and back. Valid in C11
 * and in C++17. */
#ifndef SWIFTRNN_TEST_STRANGE_VOCABULARIES_H
#define SWIFTRNN_TEST_STRANGE_VOCABULARIES_H

#include "attention.h"
#include "swiftrnn_models.h"

#include <fcntl.h>

enum { MOST_JSON = 1 << 15 };
static const unsigned made_of_json = 1u << (int)SWIFTRNN_STATUS_INVALID_FORMAT;

/* What is given to the calls of models: one at a time. */
static struct {
  swiftrnn_vocabulary_config *vocabulary_config;
  const char **texts;
  int64_t *text_sizes;
  int64_t count, size, id_count, sequences, steps, position;
  const char *text, *path;
  char *out;
  int64_t *ids, *targets, *out_size, *outs[3];
  int32_t flag;
  swiftrnn_vocabulary *vocabulary, **out_vocabulary;
  swiftrnn_text_stream *stream, **out_stream;
} v;

static char strange_folder[64];
static const char *strange_path(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", strange_folder, name);
  return path;
}

static void write_strange(const char *path, const void *bytes, int64_t size) {
  const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file < 0 || write(file, bytes, (size_t)size) != size) required(NULL);
  close(file);
}

/* Bytes at a forbidden page. */
static const char *bytes_new(const char *name, const void *bytes, int64_t size) {
  void *const place = array_new(name, INPUT, size);
  if (size > 0) memcpy(place, bytes, (size_t)size);
  return (const char *)place;
}
static const char *string_new(const char *name, const char *text) {
  return bytes_new(name, text, (int64_t)strlen(text) + 1);
}

/* Text of words, other scalars, and bytes that are no UTF-8. */
static int64_t strange_text(char *out, int64_t most) {
  static const char *const pieces[] = {"a", "b", "the", " ", "\n", "\t", "don't", "\xc3\xa9", "e\xcc\x81", "\xe4\xb8\xad",
                                       "\xf0\x9f\x98\x80", "\xff", "\xc3", "\xe4\xb8", "\xed\xa0\x80", "\"", "\\",
                                       "<unk>", "<bos>", "\xe2\x80\xa8", "\xc2\xa0", "\xc4\xb0", "7", "_", "\x01"};
  int64_t size = 0;
  const int64_t wanted = any(20) ? any(60) : any(most);
  const int longer = any(10) == 0;
  while (size + 32 < most && size < wanted) {
    const char *const piece = any(12) ? ONE_OF(pieces) : "\0";
    const size_t length = *piece == 0 ? 1 : strlen(piece);
    for (int64_t copies = longer ? 1 + any(8) : 1; copies > 0 && size + 32 < most; copies--) {
      memcpy(out + size, piece, length);
      size += (int64_t)length;
    }
  }
  return size;
}

/* Somewhere something else; no digits beside others, so that no number becomes one that takes the machine's memory. */
static int64_t damage(char *text, int64_t size) {
  static const char bytes[] = "{}[]\",:x \\\xff\x01-.eE";
  for (int64_t i = 1 + any(2); i > 0 && size > 1; i--) {
    const int64_t at = any(size);
    switch (any(4)) {
      case 0: text[at] = bytes[any((int64_t)sizeof bytes)]; break;
      case 1: size = at; break;
      case 2: memmove(text + at, text + at + 1, (size_t)(size - at - 1)), text[size - 1] = ' '; break;
      default: text[at] = (char)any(256);
    }
    if (at < size && text[at] >= '0' && text[at] <= '9') text[at] = '1';
  }
  return size;
}

static int run_vocabulary_create(void) {
  return (int)swiftrnn_vocabulary_create(v.vocabulary_config, v.texts, v.text_sizes, v.count, v.out_vocabulary);
}
static int run_vocabulary_create_from_file(void) {
  return (int)swiftrnn_vocabulary_create_from_file(v.vocabulary_config, v.path, v.out_vocabulary);
}
static int run_vocabulary_parse(void) { return (int)swiftrnn_vocabulary_parse(v.text, v.size, v.out_vocabulary); }
static int run_vocabulary_json(void) { return (int)swiftrnn_vocabulary_json(v.vocabulary, v.out, v.size, v.out_size); }
static int run_vocabulary_size(void) { return (int)swiftrnn_vocabulary_size(v.vocabulary, v.out_size); }
static int run_vocabulary_id(void) { return (int)swiftrnn_vocabulary_id(v.vocabulary, v.text, v.size, v.out_size); }
static int run_vocabulary_encode(void) {
  return (int)swiftrnn_vocabulary_encode(v.vocabulary, v.text, v.size, v.flag, v.ids, v.id_count, v.out_size);
}
static int run_vocabulary_decode(void) {
  return (int)swiftrnn_vocabulary_decode(v.vocabulary, v.ids, v.id_count, v.flag, v.out, v.size, v.out_size);
}
static int run_text_stream_open(void) {
  return (int)swiftrnn_text_stream_open(v.path, v.vocabulary, v.sequences, v.steps, v.out_stream);
}
static int run_text_stream_position(void) {
  return (int)swiftrnn_text_stream_position(v.stream, v.outs[0], v.outs[1], v.outs[2]);
}
static int run_text_stream_next(void) {
  return (int)swiftrnn_text_stream_next(v.stream, v.ids, v.targets, v.out_size);
}
static int run_text_stream_seek(void) { return (int)swiftrnn_text_stream_seek(v.stream, v.position); }

static void destroy_made_vocabulary(void) {
  if (*v.out_vocabulary != NULL) all->calls[F_vocabulary_destroy][0]++;
  swiftrnn_vocabulary_destroy(*v.out_vocabulary);
  *v.out_vocabulary = NULL;
}

/* The calls with wrong arguments; what is made all the same is given back. */
static void changed_vocabularies(const call *c, int64_t rounds) {
  for (; rounds > 0; rounds--) changed_calls(c, 1, &fill_state), destroy_made_vocabulary();
}

static swiftrnn_vocabulary *make_vocabulary(void) {
  static char text[3][4096];
  call c;
  int64_t tail = 0;
  swiftrnn_vocabulary_config g;
  memset(&g, 0, sizeof g);
  g.tokens = (swiftrnn_tokens)any(5), g.specials = (int32_t)any(16), g.minimum_count = any(3);
  g.lowercase = g.tokens == SWIFTRNN_TOKENS_WORDS ? (int32_t)any(2) : 0;
  g.maximum_size = any(3) ? 0 : 4 + any(10);
  v.vocabulary_config = (swiftrnn_vocabulary_config *)struct_new("config", &g, (int64_t)sizeof g, &tail);
  v.count = any(4);
  v.texts = (const char **)array_new("texts", INPUT, v.count * 8);
  v.text_sizes = (int64_t *)array_new("text_sizes", INPUT, v.count * 8);
  for (int64_t i = 0; i < v.count; i++) {
    v.text_sizes[i] = strange_text(text[i], sizeof text[i]);
    v.texts[i] = bytes_new("a text", text[i], v.text_sizes[i]);
  }
  v.out_vocabulary = (swiftrnn_vocabulary **)array_new("out_vocabulary", HANDLE, 8);
  *v.out_vocabulary = NULL;
  const int of_file = any(4) == 0;
  if (of_file) write_strange(strange_path("text"), text[0], v.count > 0 ? v.text_sizes[0] : 0);
  v.path = string_new("path", strange_path("text"));
  call_begin(&c, of_file ? F_vocabulary_create_from_file : F_vocabulary_create,
             of_file ? run_vocabulary_create_from_file : run_vocabulary_create);
  has_array(&c, "config", &v.vocabulary_config, 8, 1);
  has_struct(&c, v.vocabulary_config, (int64_t)sizeof g, tail);
  has_flag(&c, "specials", &v.vocabulary_config->specials, 15);
  has_flag(&c, "reserved", &v.vocabulary_config->reserved, 0);
  has_flag(&c, "tokens", &v.vocabulary_config->tokens, 4);
  has_number(&c, "minimum_count", &v.vocabulary_config->minimum_count, 0, INT64_MAX, BIT(INVALID_VALUE));
  has_number(&c, "maximum_size", &v.vocabulary_config->maximum_size, 0, 1 << 24, BIT(INVALID_VALUE));
  has_array(&c, "out_vocabulary", &v.out_vocabulary, 8, 1);
  if (of_file) {
    has_object(&c, "path", &v.path);
  } else {
    has_array(&c, "texts", &v.texts, 8, v.count > 0), has_array(&c, "text_sizes", &v.text_sizes, 8, v.count > 0);
    has_number(&c, "text_count", &v.count, 0, INT64_MAX, BIT(INVALID_SIZE));
    if (v.count > 0) {
      has_number(&c, "text_sizes[0]", &v.text_sizes[0], 0, INT64_MAX, BIT(INVALID_SIZE));
      has_array(&c, "texts[0]", &v.texts[0], 1, v.text_sizes[0] > 0);
    }
  }
  keep_blocks();
  valid_call(&c, "");
  swiftrnn_vocabulary *const made = *v.out_vocabulary;
  *v.out_vocabulary = NULL;
  changed_vocabularies(&c, any(4));
  return made;
}

/* As JSON and back, whole or damaged. */
static void parse_vocabulary(void) {
  static char json[MOST_JSON];
  call c;
  int64_t size = 0;
  if (swiftrnn_vocabulary_json(v.vocabulary, json, sizeof json, &size) != SWIFTRNN_STATUS_OK || size > MOST_JSON) return;
  const int is_whole = any(3) == 0;
  v.size = is_whole ? size - 1 : damage(json, size - 1);
  v.text = bytes_new("json", json, v.size);
  v.out_vocabulary = (swiftrnn_vocabulary **)array_new("out_vocabulary", HANDLE, 8);
  *v.out_vocabulary = NULL;
  call_begin(&c, F_vocabulary_parse, run_vocabulary_parse);
  has_array(&c, "json", &v.text, 1, v.size > 0);
  has_number(&c, "json_size", &v.size, 0, INT64_MAX, BIT(INVALID_SIZE));
  has_array(&c, "out_vocabulary", &v.out_vocabulary, 8, 1);
  keep_blocks();
  name_call(&c, "");
  (void)perform(&c, is_whole ? BIT(OK) : BIT(OK) | made_of_json);
  destroy_made_vocabulary();
  changed_vocabularies(&c, any(3));
}

/* A text as ids and back; as far as there is room. */
static void encode(void) {
  static char text[2048];
  call c;
  int64_t size = 0;
  (void)swiftrnn_vocabulary_size(v.vocabulary, &size);
  v.size = strange_text(text, sizeof text), v.text = bytes_new("text", text, v.size);
  v.id_count = any(100), v.flag = (int32_t)any(2);
  v.ids = (int64_t *)array_new("ids", FORWARD_RESULT, v.id_count * 8);
  v.out_size = (int64_t *)array_new("out_count", FORWARD_RESULT, 8);
  call_begin(&c, F_vocabulary_encode, run_vocabulary_encode);
  c.may_write = 1; /* "some ids may have been written" */
  has_object(&c, "vocabulary", &v.vocabulary), has_array(&c, "text", &v.text, 1, v.size > 0);
  has_number(&c, "text_size", &v.size, 0, INT64_MAX, BIT(INVALID_SIZE));
  has_flag(&c, "framed", &v.flag, 1), has_array(&c, "ids", &v.ids, 8, v.id_count > 0);
  has_number(&c, "id_count", &v.id_count, 0, INT64_MAX, BIT(INVALID_SIZE));
  has_array(&c, "out_count", &v.out_size, 8, 1);
  fill_outputs(&fill_state, 1), keep_blocks(), name_call(&c, "");
  (void)perform(&c, BIT(OK) | BIT(INVALID_VALUE));
  changed_calls(&c, any(3), &fill_state);
  v.id_count = any(40), v.flag = (int32_t)any(2), v.size = any(200);
  v.ids = (int64_t *)array_new("ids", INPUT, v.id_count * 8);
  static const int64_t odd[] = {-1, INT64_MIN, INT64_MAX, (int64_t)1 << 32};
  int is_right = 1;
  for (int64_t i = 0; i < v.id_count; i++) {
    const int is_odd = size == 0 || any(200) == 0;
    v.ids[i] = is_odd ? odd[any(4)] : any(size);
    is_right &= !is_odd;
  }
  v.out = (char *)array_new("text", FORWARD_RESULT, v.size);
  v.out_size = (int64_t *)array_new("out_size", FORWARD_RESULT, 8);
  call_begin(&c, F_vocabulary_decode, run_vocabulary_decode);
  has_object(&c, "vocabulary", &v.vocabulary), has_array(&c, "ids", &v.ids, 8, v.id_count > 0);
  has_number(&c, "id_count", &v.id_count, 0, INT64_MAX, BIT(INVALID_SIZE));
  has_flag(&c, "write_specials", &v.flag, 1), has_array(&c, "text", &v.out, 1, v.size > 0);
  has_number(&c, "text_size", &v.size, 0, INT64_MAX, BIT(INVALID_SIZE));
  has_array(&c, "out_size", &v.out_size, 8, 0);
  fill_outputs(&fill_state, 1), keep_blocks(), name_call(&c, "");
  (void)perform(&c, is_right ? BIT(OK) : BIT(INVALID_VALUE));
  if (is_right) changed_calls(&c, any(3), &fill_state);
}

static void look_up(void) {
  static char text[64];
  call c;
  v.size = strange_text(text, sizeof text), v.text = bytes_new("token", text, v.size);
  v.out_size = (int64_t *)array_new("out_id", FORWARD_RESULT, 8);
  call_begin(&c, F_vocabulary_id, run_vocabulary_id);
  has_object(&c, "vocabulary", &v.vocabulary), has_array(&c, "token", &v.text, 1, v.size > 0);
  has_number(&c, "token_size", &v.size, 0, INT64_MAX, BIT(INVALID_SIZE)), has_array(&c, "out_id", &v.out_size, 8, 1);
  keep_blocks(), valid_call(&c, "");
  changed_calls(&c, any(3), &fill_state);
  call_begin(&c, F_vocabulary_size, run_vocabulary_size);
  has_object(&c, "vocabulary", &v.vocabulary), has_array(&c, "out_size", &v.out_size, 8, 1);
  keep_blocks(), valid_call(&c, "");
  changed_calls(&c, any(2), &fill_state);
  v.size = any(300), v.out = (char *)array_new("text", FORWARD_RESULT, v.size);
  call_begin(&c, F_vocabulary_json, run_vocabulary_json);
  has_object(&c, "vocabulary", &v.vocabulary), has_array(&c, "text", &v.out, 1, v.size > 0);
  has_number(&c, "text_size", &v.size, 0, INT64_MAX, BIT(INVALID_SIZE)), has_array(&c, "out_size", &v.out_size, 8, 0);
  keep_blocks(), valid_call(&c, "");
  changed_calls(&c, any(3), &fill_state);
}

static void read_text(void) {
  static char text[8192];
  call c;
  const int64_t size = strange_text(text, sizeof text);
  write_strange(strange_path("text"), text, size);
  v.path = string_new("path", strange_path("text"));
  static const int64_t strange[] = {0, -1, INT64_MIN, INT64_MAX, 65537, (int64_t)1 << 40};
  v.sequences = any(20) ? 1 + any(6) : strange[any(6)], v.steps = any(20) ? 1 + any(9) : strange[any(6)];
  v.out_stream = (swiftrnn_text_stream **)array_new("out_stream", HANDLE, 8);
  *v.out_stream = NULL;
  call_begin(&c, F_text_stream_open, run_text_stream_open);
  has_object(&c, "path", &v.path), has_object(&c, "vocabulary", &v.vocabulary);
  has_array(&c, "out_stream", &v.out_stream, 8, 1);
  keep_blocks(), name_call(&c, "");
  (void)perform(&c, BIT(OK) | BIT(INVALID_VALUE));
  v.stream = *v.out_stream, *v.out_stream = NULL;
  const int is_huge = v.steps == INT64_MAX;
  for (int64_t i = any(3); i > 0; i--) {
    changed_calls(&c, 1, &fill_state);
    swiftrnn_text_stream_destroy(*v.out_stream), *v.out_stream = NULL;
  }
  if (v.stream == NULL) return;
  if (!is_huge && v.steps > 1 << 17) {
    swiftrnn_text_stream_destroy(v.stream);
    return;
  }
  v.ids = (int64_t *)array_new("ids", FORWARD_RESULT, is_huge ? 8 : v.sequences * v.steps * 8);
  v.targets = (int64_t *)array_new("targets", FORWARD_RESULT, is_huge ? 8 : v.sequences * v.steps * 8);
  v.out_size = (int64_t *)array_new("out_steps", FORWARD_RESULT, 8);
  for (int i = 0; i < 3; i++) v.outs[i] = any(3) ? (int64_t *)array_new("a position", FORWARD_RESULT, 8) : NULL;
  for (int64_t round = any(6); round > 0; round--) {
    call_begin(&c, F_text_stream_next, run_text_stream_next);
    has_object(&c, "stream", &v.stream), has_array(&c, "ids", &v.ids, 8, 1), has_array(&c, "targets", &v.targets, 8, 1);
    has_array(&c, "out_steps", &v.out_size, 8, 1);
    fill_outputs(&fill_state, 1), keep_blocks(), name_call(&c, "");
    (void)perform(&c, is_huge ? BIT(OK) | BIT(OVERFLOW) : BIT(OK));
    if (!is_huge) changed_calls(&c, any(2), &fill_state);
    call_begin(&c, F_text_stream_position, run_text_stream_position);
    has_object(&c, "stream", &v.stream);
    for (int i = 0; i < 3; i++) has_array(&c, "a position", &v.outs[i], 8, 0);
    keep_blocks(), valid_call(&c, "");
    changed_calls(&c, any(2), &fill_state);
    v.position = any(3) ? any(12) : strange[any(6)];
    call_begin(&c, F_text_stream_seek, run_text_stream_seek);
    has_object(&c, "stream", &v.stream);
    keep_blocks(), name_call(&c, "");
    (void)perform(&c, BIT(OK) | BIT(INVALID_VALUE));
    changed_calls(&c, any(2), &fill_state);
  }
  swiftrnn_text_stream_destroy(v.stream), all->calls[F_text_stream_destroy][0]++;
}

static void vocabularies(void) {
  slots_reset();
  v.vocabulary = make_vocabulary();
  if (v.vocabulary == NULL) return;
  for (int64_t i = 2; i > 0; i--) {
    slots_reset();
    switch (any(4)) {
      case 0: parse_vocabulary(); break;
      case 1: encode(); break;
      case 2: look_up(); break;
      default: read_text();
    }
  }
  swiftrnn_vocabulary_destroy(v.vocabulary), all->calls[F_vocabulary_destroy][0]++;
}

#endif
