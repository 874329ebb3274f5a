/* Translates lines with a trained encoder and decoder.
 *
 *     translate MODEL [BEAMS] <lines >translations
 *
 * MODEL is a file of a model of the kind encoder_decoder, which Python, Swift or C has saved with both of its
 * vocabularies; that of the decoder has "<bos>" and "<eos>". BEAMS above 1 searches for the best translation, 1 takes the
 * likeliest token each time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <swiftrnn_models.h>

enum { LINE = 1 << 16, MOST_TOKENS = 4096, LENGTH = 256, MOST_BEAMS = 64 };

/* Ends the program with the library's message if a call has failed. */
static void check(swiftrnn_status status) {
  if (status == SWIFTRNN_STATUS_OK) return;
  fprintf(stderr, "%s: %s\n", swiftrnn_status_string(status), swiftrnn_last_error());
  exit(EXIT_FAILURE);
}

static void stop(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(EXIT_FAILURE);
}

static swiftrnn_vocabulary *vocabulary_of(const swiftrnn_model *model, swiftrnn_vocabulary_role role) {
  swiftrnn_vocabulary *vocabulary;
  check(swiftrnn_model_vocabulary(model, role, &vocabulary));
  if (vocabulary == NULL) stop("the model's file lacks a vocabulary");
  return vocabulary;
}

/* The id of a special token. */
static int64_t special(const swiftrnn_vocabulary *vocabulary, const char *name) {
  int64_t id;
  check(swiftrnn_vocabulary_id(vocabulary, name, (int64_t)strlen(name), &id));
  if (id < 0) stop("the decoder's vocabulary lacks <bos> or <eos>");
  return id;
}

/* Writes the translation of a line to `out`, of LINE bytes. */
static void translate(swiftrnn_model *model, const swiftrnn_vocabulary *source, const swiftrnn_vocabulary *target,
                      const swiftrnn_generation_options *options, const char *line, char *out) {
  static int64_t ids[MOST_TOKENS], tokens[MOST_BEAMS * LENGTH], lengths[MOST_BEAMS];
  int64_t count;
  check(swiftrnn_vocabulary_encode(source, line, (int64_t)strlen(line), 0, ids, MOST_TOKENS, &count));
  if (count > MOST_TOKENS) stop("a line has too many tokens");
  out[0] = 0;
  if (count == 0) return;
  /* One sequence, [count, 1]. The decoder writes its own input. */
  const swiftrnn_model_batch batch = {.size = sizeof batch, .steps = count, .sequences = 1, .ids = ids};
  check(swiftrnn_model_generate(model, &batch, options, tokens, lengths, NULL, NULL));
  /* The best one comes first. Special tokens, "<eos>" above all, are left out. */
  check(swiftrnn_vocabulary_decode(target, tokens, lengths[0] > 0 ? lengths[0] : 0, 0, out, LINE, NULL));
}

int main(int argc, char **argv) {
  static char line[LINE], out[LINE];
  swiftrnn_model *model;
  const int beams = argc > 2 ? atoi(argv[2]) : 1;
  if (argc < 2 || beams < 1 || beams > MOST_BEAMS) stop("usage: translate MODEL [BEAMS, 1 to 64]");
  check(swiftrnn_model_load(argv[1], &model));
  swiftrnn_vocabulary *source = vocabulary_of(model, SWIFTRNN_VOCABULARY_INPUT);
  swiftrnn_vocabulary *target = vocabulary_of(model, SWIFTRNN_VOCABULARY_OUTPUT);
  swiftrnn_generation_options options = {.size = sizeof options, .length = LENGTH, .beams = beams};
  options.start = special(target, "<bos>"), options.end = special(target, "<eos>");
  options.length_penalty = beams > 1 ? 0.6 : 0; /* without one, a search likes short translations */
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\r\n")] = 0;
    translate(model, source, target, &options, line, out);
    puts(out);
  }
  swiftrnn_vocabulary_destroy(source), swiftrnn_vocabulary_destroy(target);
  swiftrnn_model_destroy(model);
}
