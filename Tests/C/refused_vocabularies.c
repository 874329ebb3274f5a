/* Vocabularies and streams of texts refuse what is wrong, with a status and a message, and write nothing. */
#include "model_refusals.h"

enum { COUNT = 8 };

static const char text[] = "a b c a b a";
static const int64_t text_size = sizeof text - 1;

static void making(void) {
  const char *const texts[2] = {text, text};
  const int64_t sizes[2] = {text_size, text_size}, negative[2] = {text_size, -1};
  const char *const missing[2] = {text, NULL};
  swiftrnn_vocabulary_config c = words();
  swiftrnn_vocabulary *out = NULL;
#define CREATE(config, texts, sizes, count) \
  (out = (swiftrnn_vocabulary *)(void *)&c, swiftrnn_vocabulary_create(config, texts, sizes, count, &out))
  CHECK_REFUSED(swiftrnn_vocabulary_create(&c, texts, sizes, 2, NULL), NULL_POINTER, "out_vocabulary");
  CHECK_REFUSED(swiftrnn_vocabulary_create(&c, texts, sizes, 2, MOVED(swiftrnn_vocabulary **, &out, 4)), MISALIGNED,
                "out_vocabulary");
  CHECK_REFUSED_MAKING(CREATE(NULL, texts, sizes, 2), out, NULL_POINTER, "config");
  CHECK_REFUSED_MAKING(CREATE(MOVED(swiftrnn_vocabulary_config *, &c, 4), texts, sizes, 2), out, MISALIGNED, "config");
  CHECK_REFUSED_MAKING(CREATE(&c, NULL, sizes, 2), out, NULL_POINTER, "texts");
  CHECK_REFUSED_MAKING(CREATE(&c, texts, NULL, 2), out, NULL_POINTER, "text_sizes");
  CHECK_REFUSED_MAKING(CREATE(&c, missing, sizes, 2), out, NULL_POINTER, "a text");
  CHECK_REFUSED_MAKING(CREATE(&c, texts, negative, 2), out, INVALID_SIZE, "a text's size is -1");
  CHECK_REFUSED_MAKING(CREATE(&c, texts, sizes, -1), out, INVALID_SIZE, "text_count is -1");
  CHECK_REFUSED_MAKING(CREATE(&c, texts, sizes, INT64_MAX), out, OVERFLOW, "texts");
  static const int64_t struct_sizes[] = {0, -1, sizeof c - 1, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof struct_sizes / sizeof *struct_sizes; i++) {
    c = words(), c.size = struct_sizes[i];
    CHECK_REFUSED_MAKING(CREATE(&c, texts, sizes, 2), out, INVALID_SIZE, "size of the struct");
  }
  struct {
    swiftrnn_vocabulary_config known;
    int64_t later;
  } newer;
  newer.known = words(), newer.known.size = sizeof newer, newer.later = 1;
  CHECK_REFUSED_MAKING(CREATE(&newer.known, texts, sizes, 2), out, MISMATCH, "a newer header");
  c = words(), c.reserved = 1;
  CHECK_REFUSED_MAKING(CREATE(&c, texts, sizes, 2), out, INVALID_VALUE, "reserved is 1");
  c = words(), c.specials = 16;
  CHECK_REFUSED_MAKING(CREATE(&c, texts, sizes, 2), out, INVALID_VALUE, "specials is 16", "0...15");
  c = words(), c.specials = -1;
  CHECK_REFUSED_MAKING(CREATE(&c, texts, sizes, 2), out, INVALID_VALUE, "specials is -1");
  c = words(), c.lowercase = 2;
  CHECK_REFUSED_MAKING(CREATE(&c, texts, sizes, 2), out, INVALID_VALUE, "lowercase is 2");
  c = words(), c.tokens = SWIFTRNN_TOKENS_CHARACTERS, c.lowercase = 1;
  CHECK_REFUSED_MAKING(CREATE(&c, texts, sizes, 2), out, UNSUPPORTED, "lowercase");
  c = words(), c.minimum_count = -1;
  CHECK_REFUSED_MAKING(CREATE(&c, texts, sizes, 2), out, INVALID_VALUE, "minimum_count is -1");
  static const int64_t maxima[] = {-1, (1 << 24) + 1, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof maxima / sizeof *maxima; i++) {
    c = words(), c.maximum_size = maxima[i];
    CHECK_REFUSED_MAKING(CREATE(&c, texts, sizes, 2), out, INVALID_VALUE, "maximum_size", number(maxima[i]));
  }
  c = words(), c.specials = 15, c.maximum_size = 3;
  CHECK_REFUSED_MAKING(CREATE(&c, texts, sizes, 2), out, INVALID_VALUE, "4...");
  static const int32_t kinds[] = {-1, 5, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    ENUM_FROM(swiftrnn_tokens, kind, kinds[i]);
    c = words(), c.tokens = kind;
    CHECK_REFUSED_MAKING(CREATE(&c, texts, sizes, 2), out, INVALID_VALUE, "tokens");
  }
#undef CREATE
  c = words();
  CHECK_STATUS(swiftrnn_vocabulary_create(&c, NULL, NULL, 0, &out), SWIFTRNN_STATUS_OK);
  int64_t size = 0;
  CHECK_STATUS(swiftrnn_vocabulary_size(out, &size), SWIFTRNN_STATUS_OK);
  CHECK(size == 2);
  swiftrnn_vocabulary_destroy(out);
  swiftrnn_vocabulary_destroy(NULL);
}

static void files(void) {
  swiftrnn_vocabulary_config c = words();
  swiftrnn_vocabulary *out = NULL;
#define CREATE(config, path) \
  (out = (swiftrnn_vocabulary *)(void *)&c, swiftrnn_vocabulary_create_from_file(config, path, &out))
  CHECK_REFUSED(swiftrnn_vocabulary_create_from_file(&c, "/tmp", NULL), NULL_POINTER, "out_vocabulary");
  CHECK_REFUSED_MAKING(CREATE(NULL, "/dev/null"), out, NULL_POINTER, "config");
  CHECK_REFUSED_MAKING(CREATE(&c, NULL), out, NULL_POINTER, "path");
  CHECK_REFUSED_MAKING(CREATE(&c, ""), out, FILE, "an empty path");
  CHECK_REFUSED_MAKING(CREATE(&c, "/tmp"), out, FILE, "/tmp", "regular");
  CHECK_REFUSED_MAKING(CREATE(&c, "/dev/null"), out, FILE, "regular");
  CHECK_REFUSED_MAKING(CREATE(&c, "/nowhere/at/all"), out, FILE, "/nowhere/at/all", "No such file");
#undef CREATE
#define PARSE(json, size) (out = (swiftrnn_vocabulary *)(void *)&c, swiftrnn_vocabulary_parse(json, size, &out))
  static const char json[] = "{\"kind\": \"whitespace\", \"specials\": [], \"tokens\": [\"a\", \"b\"]}";
  CHECK_REFUSED(swiftrnn_vocabulary_parse(json, sizeof json - 1, NULL), NULL_POINTER, "out_vocabulary");
  CHECK_REFUSED_MAKING(PARSE(NULL, 1), out, NULL_POINTER, "json");
  CHECK_REFUSED_MAKING(PARSE(json, -1), out, INVALID_SIZE, "a text's size is -1");
  CHECK_REFUSED_MAKING(PARSE(json, 0), out, INVALID_FORMAT, "byte 0", "expected a value");
  CHECK_REFUSED_MAKING(PARSE(NULL, 0), out, INVALID_FORMAT, "expected a value");
  CHECK_REFUSED_MAKING(PARSE(json, 20), out, INVALID_FORMAT, "byte 20");
  static const char *const wrong[][2] = {
      {"[]", "the vocabulary"},
      {"{\"kind\": \"words\"}", "lowercase"},
      {"{\"kind\": \"verses\", \"specials\": [], \"tokens\": []}", "verses"},
      {"{\"kind\": \"lines\", \"specials\": [\"<eos>\", \"<bos>\"], \"tokens\": []}", "in the order"},
      {"{\"kind\": \"lines\", \"specials\": [\"<who>\"], \"tokens\": []}", "<who>"},
      {"{\"kind\": \"lines\", \"specials\": [], \"tokens\": [\"a\", \"a\"]}", "there twice"},
      {"{\"kind\": \"whitespace\", \"specials\": [], \"tokens\": [\"a b\"]}", "no token of whitespace"},
      {"{\"kind\": \"characters\", \"specials\": [], \"tokens\": [\"\"]}", "no token of characters"},
      {"{\"kind\": \"bytes\", \"specials\": [], \"tokens\": []}", "tokens"},
      {"{\"kind\": \"lines\", \"specials\": [], \"tokens\": [7]}", "tokens"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK_REFUSED_MAKING(PARSE(wrong[i][0], (int64_t)strlen(wrong[i][0])), out, INVALID_FORMAT, wrong[i][1]);
  }
#undef PARSE
}

static void looking_up(void) {
  swiftrnn_vocabulary *const v = vocabulary_of(text, 0);
  int64_t ids[COUNT], count = 77, *const odd = MOVED(int64_t *, &count, 4);
  char out[16];
  memset(ids, CANARY, sizeof ids), memset(out, CANARY, sizeof out);
  const buffer before = copy_of(ids, sizeof ids), text_before = copy_of(out, sizeof out);
  CHECK_REFUSED(swiftrnn_vocabulary_size(NULL, &count), NULL_POINTER, "vocabulary");
  CHECK_REFUSED(swiftrnn_vocabulary_size(v, NULL), NULL_POINTER, "out_size");
  CHECK_REFUSED(swiftrnn_vocabulary_size(v, odd), MISALIGNED, "out_size");
  CHECK_REFUSED(swiftrnn_vocabulary_id(NULL, "a", 1, &count), NULL_POINTER, "vocabulary");
  CHECK_REFUSED(swiftrnn_vocabulary_id(v, NULL, 1, &count), NULL_POINTER, "token");
  CHECK_REFUSED(swiftrnn_vocabulary_id(v, "a", -1, &count), INVALID_SIZE, "a text's size is -1");
  CHECK_REFUSED(swiftrnn_vocabulary_id(v, "a", 1, NULL), NULL_POINTER, "out_id");
  CHECK_REFUSED(swiftrnn_vocabulary_id(v, "a", 1, odd), MISALIGNED, "out_id");
  CHECK_REFUSED(swiftrnn_vocabulary_encode(NULL, text, text_size, 0, ids, COUNT, &count), NULL_POINTER, "vocabulary");
  CHECK_REFUSED(swiftrnn_vocabulary_encode(v, NULL, 1, 0, ids, COUNT, &count), NULL_POINTER, "text");
  CHECK_REFUSED(swiftrnn_vocabulary_encode(v, text, -1, 0, ids, COUNT, &count), INVALID_SIZE, "a text's size is -1");
  CHECK_REFUSED(swiftrnn_vocabulary_encode(v, text, text_size, 2, ids, COUNT, &count), INVALID_VALUE, "framed is 2");
  CHECK_REFUSED(swiftrnn_vocabulary_encode(v, text, text_size, 0, NULL, COUNT, &count), NULL_POINTER, "ids");
  CHECK_REFUSED(swiftrnn_vocabulary_encode(v, text, text_size, 0, MOVED(int64_t *, ids, 4), 1, &count), MISALIGNED,
                "ids");
  CHECK_REFUSED(swiftrnn_vocabulary_encode(v, text, text_size, 0, ids, -1, &count), INVALID_SIZE, "id_count is -1");
  CHECK_REFUSED(swiftrnn_vocabulary_encode(v, text, text_size, 0, ids, INT64_MAX, &count), OVERFLOW, "ids");
  CHECK_REFUSED(swiftrnn_vocabulary_encode(v, text, text_size, 0, ids, COUNT, NULL), NULL_POINTER, "out_count");
  static const int64_t fine[2] = {0, 1};
  static const int64_t wrong_ids[] = {-1, 5, INT64_MAX, INT64_MIN};
  CHECK_REFUSED(swiftrnn_vocabulary_decode(NULL, fine, 2, 0, out, 16, &count), NULL_POINTER, "vocabulary");
  CHECK_REFUSED(swiftrnn_vocabulary_decode(v, NULL, 2, 0, out, 16, &count), NULL_POINTER, "ids");
  CHECK_REFUSED(swiftrnn_vocabulary_decode(v, fine, -1, 0, out, 16, &count), INVALID_SIZE, "id_count is -1");
  CHECK_REFUSED(swiftrnn_vocabulary_decode(v, fine, INT64_MAX, 0, out, 16, &count), OVERFLOW, "ids");
  CHECK_REFUSED(swiftrnn_vocabulary_decode(v, fine, 2, -1, out, 16, &count), INVALID_VALUE, "write_specials is -1");
  CHECK_REFUSED(swiftrnn_vocabulary_decode(v, fine, 2, 0, NULL, 16, &count), NULL_POINTER, "text");
  CHECK_REFUSED(swiftrnn_vocabulary_decode(v, fine, 2, 0, out, -1, &count), INVALID_SIZE, "text_size is -1");
  CHECK_REFUSED(swiftrnn_vocabulary_decode(v, fine, 2, 0, out, 16, odd), MISALIGNED, "out_size");
  for (size_t i = 0; i < sizeof wrong_ids / sizeof *wrong_ids; i++) {
    const int64_t wrong[2] = {0, wrong_ids[i]};
    CHECK_REFUSED(swiftrnn_vocabulary_decode(v, wrong, 2, 0, out, 16, &count), INVALID_VALUE, "ids",
                  number(wrong_ids[i]));
  }
  CHECK_REFUSED(swiftrnn_vocabulary_json(NULL, out, 16, &count), NULL_POINTER, "vocabulary");
  CHECK_REFUSED(swiftrnn_vocabulary_json(v, NULL, 16, &count), NULL_POINTER, "text");
  CHECK_REFUSED(swiftrnn_vocabulary_json(v, out, -1, &count), INVALID_SIZE, "text_size is -1");
  CHECK_REFUSED(swiftrnn_vocabulary_json(v, out, 16, odd), MISALIGNED, "out_size");
  CHECK(is_copy_of(ids, &before) && is_copy_of(out, &text_before) && count == 77);
  /* Without "<unk>" a text may have a token that there is no id for. */
  swiftrnn_vocabulary_config c = words();
  swiftrnn_vocabulary *known = NULL;
  const char *const texts[1] = {text};
  c.specials = 0;
  CHECK_STATUS(swiftrnn_vocabulary_create(&c, texts, &text_size, 1, &known), SWIFTRNN_STATUS_OK);
  CHECK_REFUSED(swiftrnn_vocabulary_encode(known, "a z", 3, 0, ids, COUNT, &count), INVALID_VALUE, "z", "<unk>");
  CHECK(count == 77);
  /* What the header says may be NULL. */
  CHECK_STATUS(swiftrnn_vocabulary_encode(v, NULL, 0, 1, NULL, 0, &count), SWIFTRNN_STATUS_OK);
  CHECK(count == 0);
  CHECK_STATUS(swiftrnn_vocabulary_decode(v, NULL, 0, 1, NULL, 0, NULL), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_vocabulary_json(v, NULL, 0, NULL), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_vocabulary_id(v, NULL, 0, &count), SWIFTRNN_STATUS_OK);
  CHECK(count == -1);
  swiftrnn_vocabulary_destroy(known), swiftrnn_vocabulary_destroy(v);
}

static void streams(void) {
  swiftrnn_vocabulary *const v = vocabulary_of(text, 0);
  swiftrnn_text_stream *out = NULL;
  char path[] = "/tmp/swiftrnn-text-XXXXXX";
  const int file = mkstemp(path);
  CHECK(file >= 0 && write(file, text, (size_t)text_size) == text_size);
#define OPEN(path, v, sequences, steps) \
  (out = (swiftrnn_text_stream *)(void *)v, swiftrnn_text_stream_open(path, v, sequences, steps, &out))
  CHECK_REFUSED(swiftrnn_text_stream_open(path, v, 1, 1, NULL), NULL_POINTER, "out_stream");
  CHECK_REFUSED_MAKING((OPEN(NULL, v, 1, 1)), out, NULL_POINTER, "path");
  CHECK_REFUSED_MAKING((out = (swiftrnn_text_stream *)(void *)v, swiftrnn_text_stream_open(path, NULL, 1, 1, &out)),
                       out, NULL_POINTER, "vocabulary");
  CHECK_REFUSED_MAKING(OPEN("/nowhere/at/all", v, 1, 1), out, FILE, "No such file");
  static const int64_t wrong[] = {0, -1, INT64_MIN};
  for (size_t i = 0; i < 3; i++) {
    CHECK_REFUSED_MAKING(OPEN(path, v, wrong[i], 1), out, INVALID_VALUE, "sequences is", number(wrong[i]));
    CHECK_REFUSED_MAKING(OPEN(path, v, 1, wrong[i]), out, INVALID_VALUE, "steps is", number(wrong[i]));
  }
  CHECK_REFUSED_MAKING(OPEN(path, v, 4, 1), out, INVALID_VALUE, "6 tokens, too few for 4");
  CHECK_REFUSED_MAKING(OPEN(path, v, INT64_MAX, 1), out, INVALID_VALUE, "too few");
#undef OPEN
  int64_t ids[4], targets[4], steps = 77, *const odd = MOVED(int64_t *, &steps, 4);
  CHECK_STATUS(swiftrnn_text_stream_open(path, v, 2, 2, &out), SWIFTRNN_STATUS_OK);
  CHECK_REFUSED(swiftrnn_text_stream_next(NULL, ids, targets, &steps), NULL_POINTER, "stream");
  CHECK_REFUSED(swiftrnn_text_stream_next(out, NULL, targets, &steps), NULL_POINTER, "ids");
  CHECK_REFUSED(swiftrnn_text_stream_next(out, ids, NULL, &steps), NULL_POINTER, "targets");
  CHECK_REFUSED(swiftrnn_text_stream_next(out, ids, targets, NULL), NULL_POINTER, "out_steps");
  CHECK_REFUSED(swiftrnn_text_stream_next(out, ids, targets, odd), MISALIGNED, "out_steps");
  CHECK_REFUSED(swiftrnn_text_stream_position(NULL, &steps, NULL, NULL), NULL_POINTER, "stream");
  CHECK_REFUSED(swiftrnn_text_stream_position(out, odd, NULL, NULL), MISALIGNED, "out_tokens");
  CHECK_REFUSED(swiftrnn_text_stream_position(out, NULL, odd, NULL), MISALIGNED, "out_batches");
  CHECK_REFUSED(swiftrnn_text_stream_position(out, NULL, NULL, odd), MISALIGNED, "out_position");
  CHECK_REFUSED(swiftrnn_text_stream_seek(NULL, 0), NULL_POINTER, "stream");
  CHECK_REFUSED(swiftrnn_text_stream_seek(out, -1), INVALID_VALUE, "position is -1", "0...2");
  CHECK_REFUSED(swiftrnn_text_stream_seek(out, 3), INVALID_VALUE, "position is 3");
  CHECK_REFUSED(swiftrnn_text_stream_seek(out, INT64_MAX), INVALID_VALUE, "position");
  CHECK(steps == 77);
  CHECK_STATUS(swiftrnn_text_stream_position(out, NULL, NULL, NULL), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_text_stream_next(out, ids, targets, &steps), SWIFTRNN_STATUS_OK);
  CHECK(steps == 2);
  CHECK_STATUS(swiftrnn_text_stream_next(out, ids, targets, &steps), SWIFTRNN_STATUS_OK);
  CHECK(steps == 0);
  swiftrnn_text_stream_destroy(out);
  /* A batch that no memory could hold. */
  CHECK_STATUS(swiftrnn_text_stream_open(path, v, 2, INT64_MAX, &out), SWIFTRNN_STATUS_OK);
  CHECK_REFUSED(swiftrnn_text_stream_next(out, ids, targets, &steps), OVERFLOW, "ids");
  swiftrnn_text_stream_destroy(out), swiftrnn_text_stream_destroy(NULL);
  swiftrnn_vocabulary_destroy(v);
  close(file), unlink(path);
}

int main(void) {
  making();
  files();
  looking_up();
  streams();
  return check_result();
}
