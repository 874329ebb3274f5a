/* Models that write refuse what is wrong, with a status and a message, and write nothing: options, prompts, arrays. */
#include "model_refusals.h"

#include <math.h>

enum { T = 3, N = 2, BEAMS = 2, LENGTH = 4, ROWS = N * BEAMS };

static int64_t ids[T * N] = {0, 1, 2, 3, 4, 0}, lengths[N] = {3, 2};

static swiftrnn_model_batch prompts(void) {
  swiftrnn_model_batch b;
  memset(&b, 0, sizeof b);
  b.size = sizeof b, b.steps = T, b.sequences = N, b.ids = ids, b.lengths = lengths;
  return b;
}

static swiftrnn_generation_options options(void) {
  swiftrnn_generation_options o;
  memset(&o, 0, sizeof o);
  o.size = sizeof o, o.length = LENGTH, o.start = 0, o.end = -1, o.beams = BEAMS;
  return o;
}

/* Where results go: untouched by all that is refused. */
static int64_t tokens[ROWS * LENGTH], counts[ROWS];
static double log_probabilities[ROWS], scores[ROWS];
static buffer before[4];

static void keep(void) {
  memset(tokens, CANARY, sizeof tokens), memset(counts, CANARY, sizeof counts);
  memset(log_probabilities, CANARY, sizeof scores), memset(scores, CANARY, sizeof scores);
  before[0] = copy_of(tokens, sizeof tokens), before[1] = copy_of(counts, sizeof counts);
  before[2] = copy_of(log_probabilities, sizeof scores), before[3] = copy_of(scores, sizeof scores);
}
static int is_kept(void) {
  return is_copy_of(tokens, &before[0]) && is_copy_of(counts, &before[1]) &&
         is_copy_of(log_probabilities, &before[2]) && is_copy_of(scores, &before[3]);
}

static swiftrnn_status generate(swiftrnn_model *model, const swiftrnn_model_batch *b,
                                const swiftrnn_generation_options *o) {
  return swiftrnn_model_generate(model, b, o, tokens, counts, log_probabilities, scores);
}

static void arguments(swiftrnn_model *model) {
  const swiftrnn_model_batch b = prompts();
  const swiftrnn_generation_options o = options();
  double *const odd = MOVED(double *, scores, 4);
  int64_t *const odd_tokens = MOVED(int64_t *, tokens, 4);
  CHECK_REFUSED(generate(NULL, &b, &o), NULL_POINTER, "model");
  CHECK_REFUSED(generate(model, NULL, &o), NULL_POINTER, "batch");
  CHECK_REFUSED(generate(model, MOVED(swiftrnn_model_batch *, &b, 4), &o), MISALIGNED, "batch");
  CHECK_REFUSED(generate(model, &b, NULL), NULL_POINTER, "options");
  CHECK_REFUSED(generate(model, &b, MOVED(swiftrnn_generation_options *, &o, 4)), MISALIGNED, "options");
#define GENERATE(tokens, counts, logs, scores) swiftrnn_model_generate(model, &b, &o, tokens, counts, logs, scores)
  CHECK_REFUSED(GENERATE(NULL, counts, NULL, NULL), NULL_POINTER, "out_tokens");
  CHECK_REFUSED(GENERATE(odd_tokens, counts, NULL, NULL), MISALIGNED, "out_tokens");
  CHECK_REFUSED(GENERATE(tokens, NULL, NULL, NULL), NULL_POINTER, "out_lengths");
  CHECK_REFUSED(GENERATE(tokens, odd_tokens, NULL, NULL), MISALIGNED, "out_lengths");
  CHECK_REFUSED(GENERATE(tokens, counts, odd, NULL), MISALIGNED, "out_log_probabilities");
  CHECK_REFUSED(GENERATE(tokens, counts, NULL, odd), MISALIGNED, "out_scores");
#undef GENERATE
  CHECK(is_kept());
}

static void wrong_options(swiftrnn_model *model) {
  const swiftrnn_model_batch b = prompts();
  swiftrnn_generation_options o;
#define CHANGED(change, status, text)                       \
  do {                                                      \
    o = options();                                          \
    change;                                                 \
    CHECK_REFUSED(generate(model, &b, &o), status, text);   \
    CHECK(is_kept());                                       \
  } while (0)
  CHANGED(o.size = 8, INVALID_SIZE, "size of the struct is 8");
  CHANGED(o.seed = 1, INVALID_VALUE, "seed");
  CHANGED(o.seeded = -1, INVALID_VALUE, "seeded is -1");
  CHANGED(o.reserved = 7, INVALID_VALUE, "reserved is 7");
  static const int64_t negative[] = {-1, INT64_MIN};
  for (size_t i = 0; i < 2; i++) {
    CHANGED(o.length = negative[i], INVALID_VALUE, "length is");
    CHANGED(o.start = negative[i], INVALID_VALUE, "start is");
    CHANGED(o.beams = negative[i], INVALID_VALUE, "beams is");
    CHANGED((o.beams = 0, o.top_k = negative[i]), INVALID_VALUE, "top_k is");
  }
  CHANGED(o.length = ((int64_t)1 << 31) + 1, INVALID_VALUE, "length is 2147483649");
  CHANGED(o.length = INT64_MAX, INVALID_VALUE, "length is");
  CHANGED(o.start = 5, INVALID_VALUE, "start is 5");
  CHANGED(o.end = 5, INVALID_VALUE, "end is 5");
  CHANGED(o.end = -2, INVALID_VALUE, "end is -2");
  CHANGED(o.end = INT64_MAX, INVALID_VALUE, "end is");
  CHANGED(o.beams = 4097, INVALID_VALUE, "beams is 4097");
  CHANGED((o.beams = 0, o.temperature = -1), INVALID_VALUE, "temperature is -1");
  CHANGED((o.beams = 0, o.temperature = 1, o.top_p = 1.5), INVALID_VALUE, "top_p is 1.5");
  CHANGED(o.repetition_penalty = -1, INVALID_VALUE, "repetition_penalty is -1");
  CHANGED(o.repetition_penalty = HUGE_VAL, INVALID_VALUE, "repetition_penalty is inf");
  CHANGED(o.length_penalty = -1, INVALID_VALUE, "length_penalty is -1");
  CHANGED(o.length_penalty = 101, INVALID_VALUE, "length_penalty is 101");
#undef CHANGED
}

static void wrong_prompts(swiftrnn_model *model) {
  const swiftrnn_generation_options o = options();
  swiftrnn_model_batch b;
#define CHANGED(change, status, text)                       \
  do {                                                      \
    b = prompts();                                          \
    change;                                                 \
    CHECK_REFUSED(generate(model, &b, &o), status, text);   \
    CHECK(is_kept());                                       \
  } while (0)
  CHANGED(b.size = INT64_MIN, INVALID_SIZE, "size of the struct");
  CHANGED(b.steps = -1, INVALID_SIZE, "steps is -1");
  CHANGED(b.sequences = -1, INVALID_SIZE, "sequences is -1");
  CHANGED(b.sequences = INT64_MAX, OVERFLOW, "batch");
  CHANGED((b.steps = 0, b.sequences = INT64_MAX), OVERFLOW, "");
  CHANGED(b.ids = NULL, NULL_POINTER, "ids");
  CHANGED(b.ids = MOVED(int64_t *, ids, 4), MISALIGNED, "ids");
  const int64_t wrong_lengths[2] = {3, 4}, negative[2] = {3, INT64_MIN}, wrong_ids[T * N] = {0, 1, 2, 3, 5, 0};
  CHANGED(b.lengths = wrong_lengths, INVALID_SIZE, "lengths[1] is 4");
  CHANGED(b.lengths = negative, INVALID_SIZE, "lengths[1]");
  CHANGED(b.ids = wrong_ids, INVALID_VALUE, "is 5");
#undef CHANGED
}

int main(void) {
  swiftrnn_model *const model = model_of(SWIFTRNN_FLOAT32, language_json);
  swiftrnn_model *const tagger = model_of(SWIFTRNN_FLOAT32, tagger_json);
  swiftrnn_model *const translator = model_of(SWIFTRNN_FLOAT64, translator_json);
  swiftrnn_generation_options o = options();
  swiftrnn_model_batch b = prompts();
  keep();
  arguments(model);
  wrong_options(model);
  wrong_prompts(model);
  CHECK_REFUSED(generate(tagger, &b, &o), UNSUPPORTED, "prompts");
  b.ids = NULL;
  CHECK_REFUSED(generate(translator, &b, &o), NULL_POINTER, "ids");
  CHECK(is_kept());
  /* Prompts without tokens begin with the start token: nothing is read of ids. */
  b.steps = 0, b.lengths = NULL;
  CHECK_STATUS(generate(model, &b, &o), SWIFTRNN_STATUS_OK);
  CHECK(counts[0] == LENGTH && counts[ROWS - 1] == LENGTH && tokens[0] == tokens[BEAMS * LENGTH]);
  /* Length 0 is nothing. */
  o.length = 0;
  CHECK_STATUS(swiftrnn_model_generate(model, &b, &o, NULL, counts, NULL, NULL), SWIFTRNN_STATUS_OK);
  swiftrnn_model_destroy(model), swiftrnn_model_destroy(tagger), swiftrnn_model_destroy(translator);
  return check_result();
}
