/* Writes text with a character language model that was trained elsewhere, for instance by
 * Examples/CharacterLanguageModel, in Swift: the same bytes for the same seed.
 *
 *   sample FILE.safetensors [--length N] [--seed N] [--temperature X]
 */
#include <swiftrnn_models.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void stop(const char *what, const char *why) {
  fprintf(stderr, "sample: %s: %s\n", what, why);
  exit(EXIT_FAILURE);
}

static void check(swiftrnn_status status) {
  if (status != SWIFTRNN_STATUS_OK) stop(swiftrnn_status_string(status), swiftrnn_last_error());
}

static void *allocate(int64_t count, size_t size) {
  void *memory = calloc((size_t)count + 1, size);
  if (memory == NULL) stop("out of memory", "the text is too long");
  return memory;
}

/* What the model writes behind a line's end. */
static void write_text(swiftrnn_model *model, const swiftrnn_generation_options *options) {
  swiftrnn_vocabulary *vocabulary;
  check(swiftrnn_model_vocabulary(model, SWIFTRNN_VOCABULARY_INPUT, &vocabulary));
  if (vocabulary == NULL) stop("the model", "has no vocabulary");
  int64_t prompt, count, length, size;
  check(swiftrnn_vocabulary_encode(vocabulary, "\n", 1, 0, &prompt, 1, &count));
  if (count != 1) stop("the model", "its vocabulary has no line's end");
  swiftrnn_model_batch batch = {.size = sizeof batch, .steps = 1, .sequences = 1, .ids = &prompt};
  int64_t *ids = allocate(options->length, sizeof *ids);
  check(swiftrnn_model_generate(model, &batch, options, ids, &length, NULL, NULL));
  check(swiftrnn_vocabulary_decode(vocabulary, ids, length, 0, NULL, 0, &size));
  char *text = allocate(size, 1);
  check(swiftrnn_vocabulary_decode(vocabulary, ids, length, 0, text, size, NULL));
  fwrite(text, 1, (size_t)size - 1, stdout); /* without the zero byte */
  free(text);
  free(ids);
  swiftrnn_vocabulary_destroy(vocabulary);
}

int main(int count, char **arguments) {
  const char *usage = "sample FILE.safetensors [--length N] [--seed N] [--temperature X]";
  const char *path = NULL;
  swiftrnn_generation_options options = {
      .size = sizeof options, .length = 300, .end = -1, .temperature = 0.7, .seed = 1, .seeded = 1};
  for (int i = 1; i < count; i++) {
    const char *option = arguments[i];
    if (strcmp(option, "--help") == 0) {
      puts(usage);
      return EXIT_SUCCESS;
    }
    if (strncmp(option, "--", 2) != 0 && path == NULL) {
      path = option;
      continue;
    }
    const char *value = i + 1 < count ? arguments[++i] : "";
    char *end = NULL;
    errno = 0;
    if (strcmp(option, "--length") == 0)
      options.length = strtoll(value, &end, 10);
    else if (strcmp(option, "--seed") == 0)
      options.seed = strtoull(value, &end, 10);
    else if (strcmp(option, "--temperature") == 0)
      options.temperature = strtod(value, &end);
    else
      stop(option, "unknown option; there are --length, --seed and --temperature");
    if (value[0] == '-' || end == value || *end != '\0' || errno != 0) stop(option, "needs a number of 0 or more");
  }
  if (path == NULL) stop("usage", usage);

  swiftrnn_model *model;
  check(swiftrnn_model_load(path, &model));
  write_text(model, &options);
  swiftrnn_model_destroy(model);
  if (fflush(stdout) != 0) stop("standard output", strerror(errno));
  return EXIT_SUCCESS;
}
