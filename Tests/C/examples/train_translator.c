/* Trains an encoder and decoder that gives the words of a line backwards, and saves it: a model for bindings/c/translate.c.
 *
 *     train_translator MODEL */
#include "check.h"
#include "swiftrnn_models.h"

enum { WORDS = 4, LONGEST = 3, N = 4 + 16 + 64 };

static const char *const words[WORDS] = {"one", "two", "three", "four"};
static const char config[] =
    "{\"kind\": \"encoder_decoder\", \"input\": {\"vocabulary\": 4, \"embedding_size\": 16}, \"network\": {\"cell\": "
    "\"gru\", \"hidden_size\": 32, \"num_layers\": 1, \"bidirectional\": false}, \"outputs\": 6, \"decoder_input\": "
    "{\"vocabulary\": 6, \"embedding_size\": 16}, \"decoder\": {\"cell\": \"gru\", \"hidden_size\": 32, \"num_layers\": "
    "1, \"bidirectional\": false}, \"dropout\": 0, \"attention\": \"general\", \"tie_embedding\": false}";

static swiftrnn_vocabulary *vocabulary_of(int32_t specials) {
  swiftrnn_vocabulary_config c;
  swiftrnn_vocabulary *made = NULL;
  const char *texts[WORDS];
  int64_t sizes[WORDS];
  memset(&c, 0, sizeof c);
  c.size = sizeof c, c.tokens = SWIFTRNN_TOKENS_WHITESPACE, c.specials = specials;
  for (int i = 0; i < WORDS; i++) texts[i] = words[i], sizes[i] = (int64_t)strlen(words[i]);
  CHECK_STATUS(swiftrnn_vocabulary_create(&c, texts, sizes, WORDS, &made), SWIFTRNN_STATUS_OK);
  return made;
}

int main(int argc, char **argv) {
  static int64_t ids[LONGEST * N], lengths[N], targets[(LONGEST + 1) * N], read[(LONGEST + 1) * N], target_lengths[N];
  static const char settings[] = "{\"rate\": 0.01, \"clip_norm\": 1}";
  swiftrnn_vocabulary *const source = vocabulary_of(0), *const target = vocabulary_of(12);
  swiftrnn_model *model = NULL;
  swiftrnn_trainer *trainer = NULL;
  swiftrnn_trainer_result result;
  swiftrnn_model_batch b;
  int64_t start = -1, end = -1, from = -1, to = -1, n = 0;
  CHECK(argc == 2);
  CHECK_STATUS(swiftrnn_vocabulary_id(target, "<bos>", 5, &start), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_vocabulary_id(target, "<eos>", 5, &end), SWIFTRNN_STATUS_OK);
  for (int64_t length = 1, count = WORDS; length <= LONGEST; length++, count *= WORDS) {
    for (int64_t k = 0; k < count; k++, n++) {
      lengths[n] = length, target_lengths[n] = length + 1;
      for (int64_t t = 0, rest = k; t <= length; t++, rest /= WORDS) {
        const char *const word = words[rest % WORDS];
        if (t == length) continue;
        CHECK_STATUS(swiftrnn_vocabulary_id(source, word, (int64_t)strlen(word), &from), SWIFTRNN_STATUS_OK);
        CHECK_STATUS(swiftrnn_vocabulary_id(target, word, (int64_t)strlen(word), &to), SWIFTRNN_STATUS_OK);
        ids[t * N + n] = from, targets[(length - 1 - t) * N + n] = to;
      }
      targets[length * N + n] = end, read[n] = start;
      for (int64_t t = 0; t < length; t++) read[(t + 1) * N + n] = targets[t * N + n];
    }
  }
  memset(&b, 0, sizeof b), memset(&result, 0, sizeof result);
  result.size = sizeof result, b.size = sizeof b, b.steps = LONGEST, b.sequences = N, b.ids = ids, b.lengths = lengths;
  b.targets = targets, b.decoder_ids = read, b.target_steps = LONGEST + 1, b.target_lengths = target_lengths;
  CHECK_STATUS(swiftrnn_model_create(SWIFTRNN_FLOAT32, config, sizeof config - 1, &model), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_model_initialize(model, NULL, 1), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_model_set_vocabulary(model, SWIFTRNN_VOCABULARY_INPUT, source), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_model_set_vocabulary(model, SWIFTRNN_VOCABULARY_OUTPUT, target), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_trainer_create(model, settings, sizeof settings - 1, &trainer), SWIFTRNN_STATUS_OK);
  for (int i = 0; i < 200; i++) CHECK_STATUS(swiftrnn_trainer_step(trainer, &b, NULL, &result), SWIFTRNN_STATUS_OK);
  printf("loss %g\n", result.loss);
  CHECK(result.loss < 0.05);
  CHECK_STATUS(swiftrnn_model_save(model, argv[1]), SWIFTRNN_STATUS_OK);
  swiftrnn_trainer_destroy(trainer), swiftrnn_model_destroy(model);
  swiftrnn_vocabulary_destroy(source), swiftrnn_vocabulary_destroy(target);
  return check_result();
}
