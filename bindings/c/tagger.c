/* Trains a tagger: a label for each word of a sentence.
 *
 *     tagger DATA MODEL [EPOCHS]
 *
 * DATA is a text file with a sentence in each line: its words, a tab, and a label for each word. Where there is no such
 * file, one with a made task is written: words are "in" from an "open" on to the next "close", else "out"; an "open" that
 * no "close" follows opens nothing, so that a word's label depends on words behind it. MODEL is written; Python, Swift and
 * C load it (docs/files.md). The last fifth of the sentences is not trained on. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <swiftrnn_models.h>

enum { MOST_SENTENCES = 4000, MOST_WORDS = 64, LINE = 4096, BATCH = 32 };

/* Ends the program with the library's message if a call has failed. */
static void check(swiftrnn_status status) {
  if (status == SWIFTRNN_STATUS_OK) return;
  fprintf(stderr, "%s: %s\n", swiftrnn_status_string(status), swiftrnn_last_error());
  exit(EXIT_FAILURE);
}

static void stop(const char *what, const char *name) {
  fprintf(stderr, "%s: %s\n", name, what);
  exit(EXIT_FAILURE);
}

/* The made task. */
static void write_sentences(const char *path) {
  static const char *const words[] = {"open", "close", "the", "red", "house", "by", "a", "river"};
  FILE *file = fopen(path, "w");
  if (file == NULL) stop("cannot be written", path);
  for (int s = 0; s < 1000; s++) {
    int chosen[12], end = 0;
    const int count = 3 + rand() % 10;
    for (int i = 0; i < count; i++) {
      chosen[i] = rand() % 8;
      fprintf(file, i > 0 ? " %s" : "%s", words[chosen[i]]);
    }
    for (int i = 0; i < count; i++) {
      if (i >= end && chosen[i] == 0) {
        for (int k = i + 1; k < count && end <= i; k++) end = chosen[k] == 1 ? k + 1 : end;
      }
      fprintf(file, "%c%s", i > 0 ? ' ' : '\t', i < end ? "in" : "out");
    }
    fputc('\n', file);
  }
  if (fclose(file) != 0) stop("cannot be written", path);
}

typedef struct data {
  int count;
  int64_t lengths[MOST_SENTENCES], words[MOST_SENTENCES][MOST_WORDS], labels[MOST_SENTENCES][MOST_WORDS];
} data;

/* A vocabulary of everything that stands on one side of the tabs. */
static swiftrnn_vocabulary *vocabulary_of(char (*lines)[LINE], int count, int side, int32_t specials) {
  const char *texts[MOST_SENTENCES];
  int64_t sizes[MOST_SENTENCES];
  swiftrnn_vocabulary_config config = {.size = sizeof config, .tokens = SWIFTRNN_TOKENS_WHITESPACE};
  swiftrnn_vocabulary *vocabulary;
  config.specials = specials;
  for (int i = 0; i < count; i++) {
    const char *tab = strchr(lines[i], '\t');
    texts[i] = side == 0 ? lines[i] : tab + 1;
    sizes[i] = side == 0 ? tab - lines[i] : (int64_t)strlen(tab + 1);
  }
  check(swiftrnn_vocabulary_create(&config, texts, sizes, count, &vocabulary));
  return vocabulary;
}

/* Reads the file: both vocabularies, and the numbers of all words and labels. */
static void read_sentences(const char *path, data *all, swiftrnn_vocabulary **words, swiftrnn_vocabulary **labels) {
  static char lines[MOST_SENTENCES][LINE];
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    write_sentences(path);
    file = fopen(path, "r");
  }
  if (file == NULL) stop("cannot be read", path);
  while (all->count < MOST_SENTENCES && fgets(lines[all->count], LINE, file) != NULL) {
    if (strchr(lines[all->count], '\t') == NULL) stop("has a line without a tab", path);
    all->count++;
  }
  fclose(file);
  *words = vocabulary_of(lines, all->count, 0, SWIFTRNN_SPECIAL_UNK);
  *labels = vocabulary_of(lines, all->count, 1, 0);
  for (int i = 0; i < all->count; i++) {
    const char *tab = strchr(lines[i], '\t');
    int64_t count;
    check(swiftrnn_vocabulary_encode(*words, lines[i], tab - lines[i], 0, all->words[i], MOST_WORDS, &all->lengths[i]));
    check(swiftrnn_vocabulary_encode(*labels, tab + 1, (int64_t)strlen(tab + 1), 0, all->labels[i], MOST_WORDS, &count));
    if (count != all->lengths[i] || count > MOST_WORDS) stop("has a line with too few, too many or unlike labels", path);
  }
}

/* Sentences side by side, [T, N]: the shorter ones are filled up with zeros, which do not count. */
static swiftrnn_model_batch batch_of(const data *all, int first, int count) {
  static int64_t ids[MOST_WORDS * BATCH], targets[MOST_WORDS * BATCH];
  swiftrnn_model_batch batch = {.size = sizeof batch, .sequences = count, .ids = ids, .targets = targets};
  for (int n = 0; n < count; n++) {
    if (all->lengths[first + n] > batch.steps) batch.steps = all->lengths[first + n];
  }
  for (int64_t t = 0; t < batch.steps; t++) {
    for (int n = 0; n < count; n++) {
      const int counts = t < all->lengths[first + n];
      ids[t * count + n] = counts ? all->words[first + n][t] : 0;
      targets[t * count + n] = counts ? all->labels[first + n][t] : 0;
    }
  }
  batch.lengths = &all->lengths[first];
  return batch;
}

/* The share of words whose most likely label is the right one. */
static double accuracy(swiftrnn_model *model, const data *all, int first, int64_t labels) {
  int64_t right = 0, words = 0;
  float *logits = malloc((size_t)(MOST_WORDS * BATCH * labels) * sizeof *logits);
  if (logits == NULL) stop("no memory", "logits");
  for (int i = first; i < all->count; i += BATCH) {
    const swiftrnn_model_batch batch = batch_of(all, i, all->count - i < BATCH ? all->count - i : BATCH);
    check(swiftrnn_model_predict(model, &batch, NULL, logits, batch.steps * batch.sequences * labels));
    for (int64_t row = 0; row < batch.steps * batch.sequences; row++) {
      int64_t best = 0;
      if (row / batch.sequences >= batch.lengths[row % batch.sequences]) continue;
      for (int64_t k = 1; k < labels; k++) best = logits[row * labels + k] > logits[row * labels + best] ? k : best;
      right += best == batch.targets[row], words++;
    }
  }
  free(logits);
  return words > 0 ? (double)right / (double)words : 0;
}

int main(int argc, char **argv) {
  static data all;
  swiftrnn_vocabulary *words, *labels;
  swiftrnn_model *model;
  swiftrnn_trainer *trainer;
  char text[512];
  int64_t word_count, label_count;
  if (argc < 3) stop("tagger DATA MODEL [EPOCHS]", "usage");
  read_sentences(argv[1], &all, &words, &labels);
  check(swiftrnn_vocabulary_size(words, &word_count));
  check(swiftrnn_vocabulary_size(labels, &label_count));
  snprintf(text, sizeof text,
           "{\"kind\": \"tagger\", \"input\": {\"vocabulary\": %" PRId64 ", \"embedding_size\": 16}, \"network\": "
           "{\"cell\": \"gru\", \"hidden_size\": 32, \"num_layers\": 1, \"bidirectional\": true}, \"outputs\": %" PRId64
           ", \"dropout\": 0, \"predicts_numbers\": false}", word_count, label_count);
  check(swiftrnn_model_create(SWIFTRNN_FLOAT32, text, (int64_t)strlen(text), &model));
  check(swiftrnn_model_initialize(model, NULL, 1));
  check(swiftrnn_model_set_vocabulary(model, SWIFTRNN_VOCABULARY_INPUT, words));
  check(swiftrnn_model_set_vocabulary(model, SWIFTRNN_VOCABULARY_OUTPUT, labels));
  static const char settings[] = "{\"optimizer\": \"adam\", \"rate\": 0.01, \"clip_norm\": 1}";
  check(swiftrnn_trainer_create(model, settings, sizeof settings - 1, &trainer));
  const int trained = all.count * 4 / 5, epochs = argc > 3 ? atoi(argv[3]) : 8;
  for (int epoch = 1; epoch <= epochs; epoch++) {
    double loss = 0;
    int64_t count = 0;
    for (int i = 0; i + BATCH <= trained; i += BATCH) {
      const swiftrnn_model_batch batch = batch_of(&all, i, BATCH);
      swiftrnn_trainer_result result = {.size = sizeof result};
      check(swiftrnn_trainer_step(trainer, &batch, NULL, &result));
      loss += result.loss * (double)result.count, count += result.count;
    }
    printf("epoch %d: loss %.4f, accuracy %.4f\n", epoch, count > 0 ? loss / (double)count : 0,
           accuracy(model, &all, trained, label_count));
  }
  check(swiftrnn_model_save(model, argv[2]));
  swiftrnn_trainer_destroy(trainer);
  swiftrnn_model_destroy(model);
  swiftrnn_vocabulary_destroy(words), swiftrnn_vocabulary_destroy(labels);
}
