/* swiftrnn_models.h: models on top of swiftrnn.h: language models, taggers, classifiers, regressors, decoders from a
 * vector, encoders and decoders; their vocabularies, files, training and generation. docs/models.md has the equations.
 *
 *   Inference:  model_load -> model_vocabulary -> vocabulary_encode -> model_predict, model_score or model_generate.
 *   Training:   model_create -> model_initialize -> trainer_create -> trainer_step for each batch -> model_save.
 *
 * All that swiftrnn.h says at its top holds here, too. Beside that:
 * Arrays    Dense, steps first: [T, N] tokens, [T, N, features] numbers. Tokens and targets are int64_t.
 * Texts     UTF-8 with a size in bytes; no zero byte is needed. Paths, keys and values of metadata are zero-terminated.
 * Results as text  Calls with `text`, `text_size` and `out_size` write as much as fits, and a zero byte; out_size
 *           receives the bytes of the whole with its zero byte, or is NULL; text may be NULL if text_size is 0.
 * Threads   Vocabularies and tensors are immutable: threads may share them. Models, states, trainers and text streams
 *           belong to one thread at a time; a state or trainer also uses the model that it was made from.
 * Errors    As in swiftrnn.h. A failed loss or step leaves parameters, states and optimizer as they were; gradients are
 *           not to be used then. */
#ifndef SWIFTRNN_MODELS_H
#define SWIFTRNN_MODELS_H

#include "swiftrnn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ==== Vocabularies ================================================================================================*/

/** Kinds of tokens. */
typedef enum swiftrnn_tokens {
  SWIFTRNN_TOKENS_BYTES = 0,      /**< 256 tokens, whatever the text */
  SWIFTRNN_TOKENS_CHARACTERS = 1, /**< Unicode scalars */
  SWIFTRNN_TOKENS_WORDS = 2,      /**< runs of letters, marks and digits; other scalars but white space by themselves */
  SWIFTRNN_TOKENS_WHITESPACE = 3, /**< what white space separates: texts that are split already, tags, phonemes */
  SWIFTRNN_TOKENS_LINES = 4       /**< what line ends separate: labels of any text */
} swiftrnn_tokens;

/** Special tokens; ids begin with those that a vocabulary has, in this order. */
typedef enum swiftrnn_special {
  SWIFTRNN_SPECIAL_PAD = 1, /**< "<pad>" fills up what is shorter than others */
  SWIFTRNN_SPECIAL_UNK = 2, /**< "<unk>" stands for tokens that the vocabulary lacks */
  SWIFTRNN_SPECIAL_BOS = 4, /**< "<bos>" begins a sequence */
  SWIFTRNN_SPECIAL_EOS = 8  /**< "<eos>" ends a sequence */
} swiftrnn_special;

/** Settings for making a vocabulary of texts. Zero, set size, then the rest. */
typedef struct swiftrnn_vocabulary_config {
  int64_t size;           /**< bytes of this struct */
  swiftrnn_tokens tokens;
  int32_t specials;       /**< the sum of swiftrnn_special values */
  int32_t lowercase;      /**< of WORDS: 1: words are in lower case */
  int32_t reserved;       /**< 0 */
  int64_t minimum_count;  /**< tokens that are there less often are left out; 0 or 1: none */
  int64_t maximum_size;   /**< ids at most, special tokens included: the most frequent stay; 0: 2^24 */
} swiftrnn_vocabulary_config;

/** Tokens and their ids: 0 ..< size. Immutable. */
typedef struct swiftrnn_vocabulary swiftrnn_vocabulary;

/** Makes a vocabulary of the tokens of texts: the most frequent first, and of equals those with smaller code points.
 *  @param texts      text_count pointers to texts, or NULL for none   @param text_sizes their bytes */
swiftrnn_status swiftrnn_vocabulary_create(const swiftrnn_vocabulary_config *config, const char *const *texts,
                                           const int64_t *text_sizes, int64_t text_count,
                                           swiftrnn_vocabulary **out_vocabulary);

/** Makes a vocabulary of the text in a file, which may be larger than memory. */
swiftrnn_status swiftrnn_vocabulary_create_from_file(const swiftrnn_vocabulary_config *config, const char *path,
                                                     swiftrnn_vocabulary **out_vocabulary);

/** Makes a vocabulary of what swiftrnn_vocabulary_json() wrote. */
swiftrnn_status swiftrnn_vocabulary_parse(const char *json, int64_t json_size, swiftrnn_vocabulary **out_vocabulary);

/** Gives the handle back. NULL is fine. */
void swiftrnn_vocabulary_destroy(swiftrnn_vocabulary *vocabulary);

/** Writes the vocabulary as JSON (docs/files.md). */
swiftrnn_status swiftrnn_vocabulary_json(const swiftrnn_vocabulary *vocabulary, char *text, int64_t text_size,
                                         int64_t *out_size);

/** Number of ids. */
swiftrnn_status swiftrnn_vocabulary_size(const swiftrnn_vocabulary *vocabulary, int64_t *out_size);

/** The id of a token by its text, or of a special token by its name, such as "<bos>"; -1: the vocabulary lacks it.
 *  @param token  NULL if token_size is 0 */
swiftrnn_status swiftrnn_vocabulary_id(const swiftrnn_vocabulary *vocabulary, const char *token, int64_t token_size,
                                       int64_t *out_id);

/** The ids of a text.
 *  @param text       NULL if text_size is 0
 *  @param framed     1: "<bos>" before and "<eos>" behind, as far as the vocabulary has them
 *  @param ids        [id_count] receives the first ids; NULL if id_count is 0
 *  @param out_count  how many ids the text has
 *  @retval SWIFTRNN_STATUS_INVALID_VALUE  the vocabulary lacks a token and "<unk>"; some ids may have been written */
swiftrnn_status swiftrnn_vocabulary_encode(const swiftrnn_vocabulary *vocabulary, const char *text, int64_t text_size,
                                           int32_t framed, int64_t *ids, int64_t id_count, int64_t *out_count);

/** The text of ids: bytes exactly; of characters the text; of words with one space between tokens.
 *  @param write_specials 1: special tokens by their names; 0: they are left out */
swiftrnn_status swiftrnn_vocabulary_decode(const swiftrnn_vocabulary *vocabulary, const int64_t *ids, int64_t id_count,
                                           int32_t write_specials, char *text, int64_t text_size, int64_t *out_size);

/* ==== Texts that are read as a stream =============================================================================*/

/** Batches of a text for a language model: the text is cut into N sequences of equal length, which are read side by
 *  side, T tokens at a time, so that states carry over. Of a file, which may be larger than memory, at most 64 KiB per
 *  sequence are in memory; the file must not change meanwhile. */
typedef struct swiftrnn_text_stream swiftrnn_text_stream;

/** Opens a text file. @param sequences N in 1...65536   @param steps T, 1 or more */
swiftrnn_status swiftrnn_text_stream_open(const char *path, const swiftrnn_vocabulary *vocabulary, int64_t sequences,
                                          int64_t steps, swiftrnn_text_stream **out_stream);

/** Gives the handle back. NULL is fine. */
void swiftrnn_text_stream_destroy(swiftrnn_text_stream *stream);

/** Tokens of the whole text, batches from its beginning to its end, and how many tokens of each sequence have been
 *  inputs: what a checkpoint keeps. Each may be NULL. */
swiftrnn_status swiftrnn_text_stream_position(const swiftrnn_text_stream *stream, int64_t *out_tokens,
                                              int64_t *out_batches, int64_t *out_position);

/** The next batch.
 *  @param ids, targets  [T, N]; targets are the tokens that follow
 *  @param out_steps     steps that were written: T, fewer in the last batch, 0 at the end */
swiftrnn_status swiftrnn_text_stream_next(swiftrnn_text_stream *stream, int64_t *ids, int64_t *targets,
                                          int64_t *out_steps);

/** Goes to a position of before; 0 is the beginning. */
swiftrnn_status swiftrnn_text_stream_seek(swiftrnn_text_stream *stream, int64_t position);

/* ==== Models ======================================================================================================*/

/** A model: its parts, parameters and gradients, vocabularies and metadata. */
typedef struct swiftrnn_model swiftrnn_model;

/** Makes a model whose parameters are zeros.
 *  @param dtype          of parameters, features and all numbers
 *  @param configuration  JSON, as docs/files.md has it:
 *                        {"kind": "tagger", "input": {"vocabulary": 5000, "embedding_size": 64}, "outputs": 17,
 *                         "network": {"cell": "lstm", "hidden_size": 128, "num_layers": 1, "bidirectional": true},
 *                         "dropout": 0, "predicts_numbers": false}; every key must be there, in any order
 *  @retval SWIFTRNN_STATUS_INVALID_FORMAT  no JSON, an unknown key or word: the message says where and what is known */
swiftrnn_status swiftrnn_model_create(swiftrnn_dtype dtype, const char *configuration, int64_t configuration_size,
                                      swiftrnn_model **out_model);

/** Loads a model of swiftrnn_model_save(), in the dtype that it was saved in. A file is not trusted: all is checked
 *  before memory is asked for. A checkpoint of swiftrnn_trainer_save() is a model, too.
 *  @retval SWIFTRNN_STATUS_FILE            the file cannot be read
 *  @retval SWIFTRNN_STATUS_INVALID_FORMAT  the file is no model, or is damaged */
swiftrnn_status swiftrnn_model_load(const char *path, swiftrnn_model **out_model);

/** Writes parameters, configuration, vocabularies and metadata as one safetensors file, which appears whole or not at
 *  all. @retval SWIFTRNN_STATUS_FILE  the file cannot be written */
swiftrnn_status swiftrnn_model_save(const swiftrnn_model *model, const char *path);

/** Gives the handle back; states and trainers made from the model stay usable. NULL is fine. */
void swiftrnn_model_destroy(swiftrnn_model *model);

/** Draws all parameters. On an error they are as before.
 *  @param initializer  of networks; NULL: their default. Embeddings are drawn from N(0, 1), or if tied from
 *                      N(0, 1 / width); other layers from U(-1/sqrt(inputs), 1/sqrt(inputs)) */
swiftrnn_status swiftrnn_model_initialize(swiftrnn_model *model, const swiftrnn_initializer *initializer,
                                          uint64_t seed);

/** Writes the configuration as JSON, with every key. */
swiftrnn_status swiftrnn_model_configuration(const swiftrnn_model *model, char *text, int64_t text_size,
                                             int64_t *out_size);

/** The type of all numbers. */
swiftrnn_status swiftrnn_model_dtype(const swiftrnn_model *model, swiftrnn_dtype *out_dtype);

/** The flat vectors of all parameters and of their gradients, at addresses that stay as long as the model lives; its
 *  owner may write both between calls. Each of the three may be NULL. */
swiftrnn_status swiftrnn_model_parameters(const swiftrnn_model *model, void **out_values, void **out_gradients,
                                          int64_t *out_elements);

/** One parameter tensor of a model. */
typedef struct swiftrnn_model_parameter_info {
  char name[128];   /**< layer and tensor: "network.weight_ih_l0" */
  int64_t rank;     /**< 1 or 2 */
  int64_t shape[2]; /**< shape[1] is 1 for vectors */
  int64_t elements;
  int64_t offset;   /**< elements from the start of the flat vector */
} swiftrnn_model_parameter_info;

/** How many parameter tensors the model has. */
swiftrnn_status swiftrnn_model_parameter_count(const swiftrnn_model *model, int64_t *out_count);

/** Describes parameter `index`. */
swiftrnn_status swiftrnn_model_parameter_info_at(const swiftrnn_model *model, int64_t index,
                                                 swiftrnn_model_parameter_info *out_info);

/** Which of a model's vocabularies. */
typedef enum swiftrnn_vocabulary_role {
  SWIFTRNN_VOCABULARY_INPUT = 0, /**< of what is read; of a language model also of what is written */
  SWIFTRNN_VOCABULARY_OUTPUT = 1 /**< of labels, or of what a decoder writes */
} swiftrnn_vocabulary_role;

/** The vocabulary that files of the model have; NULL takes it away. Its size must be the model's. */
swiftrnn_status swiftrnn_model_set_vocabulary(swiftrnn_model *model, swiftrnn_vocabulary_role role,
                                              const swiftrnn_vocabulary *vocabulary);

/** A new handle of that vocabulary for the caller to destroy; NULL, with SWIFTRNN_STATUS_OK, if there is none. */
swiftrnn_status swiftrnn_model_vocabulary(const swiftrnn_model *model, swiftrnn_vocabulary_role role,
                                          swiftrnn_vocabulary **out_vocabulary);

/** An entry of the metadata that files of the model have; value NULL takes it away. Keys that model files have for
 *  themselves are refused. */
swiftrnn_status swiftrnn_model_set_metadata(swiftrnn_model *model, const char *key, const char *value);

/** Writes the value of an entry; out_size receives 0 if there is none, and text nothing. */
swiftrnn_status swiftrnn_model_metadata(const swiftrnn_model *model, const char *key, char *text, int64_t text_size,
                                        int64_t *out_size);

/** Place of the sequences of a language model's or tagger's batch: a call that is given a state begins there and moves
 *  the state on. Gradients stop at the beginning of a call (Williams and Peng 1990). */
typedef struct swiftrnn_model_state swiftrnn_model_state;

/** Makes a state at the beginning of sequences.
 *  @param look_back  0; or for training by truncated back-propagation with k2 above k1 (Williams and Peng 1990): with
 *                    batches of k1 steps, k2 - k1, how many steps before each batch gradients reach back into
 *  @retval SWIFTRNN_STATUS_UNSUPPORTED  the model needs whole sequences: both directions, pooling, or a decoder */
swiftrnn_status swiftrnn_model_state_create(const swiftrnn_model *model, int64_t look_back,
                                            swiftrnn_model_state **out_state);

/** Gives the handle back. NULL is fine. */
void swiftrnn_model_state_destroy(swiftrnn_model_state *state);

/** The next call begins where the cell does. */
swiftrnn_status swiftrnn_model_state_reset(swiftrnn_model_state *state);

/** Sequences side by side, and what is to come out. Zero, set size, then what the model has. */
typedef struct swiftrnn_model_batch {
  int64_t size;                  /**< bytes of this struct */
  int64_t steps;                 /**< T of what is read; not looked at for a vector decoder or with a forest */
  int64_t sequences;             /**< N; not looked at with a forest */
  const int64_t *ids;            /**< [T, N] tokens, each in the vocabulary, also behind the end of a sequence; or */
  const void *features;          /**< [T, N, features]; of a vector decoder [N, vector_size] */
  const int64_t *lengths;        /**< [N] in 0...T, or NULL: all T */
  const int64_t *targets;        /**< classes: [T, N] of language models and taggers, [N] of classifiers,
                                      [target_steps, N] of decoders; -100 where none counts */
  const void *values;            /**< numbers: [T, N, outputs] of a tagger, [N, outputs] of a regressor */
  const int64_t *decoder_ids;    /**< [target_steps, N] that a decoder reads: targets one step later, behind "<bos>" */
  int64_t target_steps;          /**< T of a decoder */
  const int64_t *target_lengths; /**< [N] in 0...target_steps, or NULL: all */
  int64_t first_sequence;        /**< added to a sequence's index in dropout masks: parts of a batch have the masks of
                                      the whole */
  const swiftrnn_forest *forest; /**< of models over trees, else NULL: each of its M nodes is a sequence of one step, so
                                      that ids are [M], features [M, features]; targets and values are of nodes for
                                      taggers, of roots in the order of their nodes for classifiers and regressors */
} swiftrnn_model_batch;

/** Options of a loss. Zero, set size, then what is wanted. */
typedef struct swiftrnn_model_loss_options {
  int64_t size;                /**< bytes of this struct */
  uint64_t seed;               /**< of dropout and scheduled sampling */
  int32_t seeded;              /**< 1: seed counts */
  int32_t reserved;            /**< 0 */
  double label_smoothing;      /**< in [0, 1] (Szegedy et al. 2016) */
  const void *class_weights;   /**< [outputs] of the model's dtype, or NULL: 1 */
  double sampling_probability; /**< in [0, 1]: how often a decoder reads its own prediction in the place of the target
                                    before (Bengio et al. 2015); 0: teacher forcing, 1: free running */
  int64_t memory_limit;        /**< bytes of logits that are there at once; 0: 64 MB */
  int64_t tape_limit;          /**< bytes of activations that a network of one direction keeps for its backward pass;
                                    others are computed again (Chen et al. 2016), with the same bits, in about twice the
                                    time; 0: all are kept; -1: those of sqrt(T) steps */
  int64_t sampled_classes;     /**< sampled softmax for training with many classes: so many are drawn, log-uniform over
                                    ids that are sorted by frequency, to stand for all others (Jean et al. 2015); 0: the
                                    whole softmax */
  const swiftrnn_elementwise_loss_config *numbers; /**< loss and delta of models that give out numbers; its other fields
                                    are 0 or NULL. NULL: the squared error */
} swiftrnn_model_loss_options;

/** The loss in training, with dropout; the gradients of all parameters go to the flat vector of gradients, in place of
 *  what was there.
 *  @param state    or NULL: sequences begin here   @param options or NULL
 *  @param out_mean cross-entropy in nats over the targets that count, or the mean loss over all numbers
 *  @param out_count how many counted, or NULL */
swiftrnn_status swiftrnn_model_loss(swiftrnn_model *model, const swiftrnn_model_batch *batch,
                                    swiftrnn_model_state *state, const swiftrnn_model_loss_options *options,
                                    double *out_mean, int64_t *out_count);

/** The loss at inference: without dropout, smoothing and gradients.
 *  @param numbers  loss and delta of models that give out numbers, as in swiftrnn_model_loss_options; NULL: the squared
 *                  error. A model that a trainer learns by another loss is evaluated by that one. */
swiftrnn_status swiftrnn_model_evaluate(swiftrnn_model *model, const swiftrnn_model_batch *batch,
                                        swiftrnn_model_state *state, const swiftrnn_elementwise_loss_config *numbers,
                                        double *out_mean, int64_t *out_count);

/** Logits, with adaptive_cutoffs log-probabilities, or numbers. Targets are not looked at, but those of a decoder's
 *  input.
 *  @param out          [T, N, outputs] of language models and taggers, [N, outputs] of classifiers and regressors,
 *                      [target_steps, N, outputs] of decoders
 *  @param out_elements of `out`, which must be that many */
swiftrnn_status swiftrnn_model_predict(swiftrnn_model *model, const swiftrnn_model_batch *batch,
                                       swiftrnn_model_state *state, void *out, int64_t out_elements);

/** log P of the targets of each sequence, in nats: of a sentence, a translation, or a labelling.
 *  @param out_log_probabilities [N]   @param out_counts [N] targets that counted, or NULL */
swiftrnn_status swiftrnn_model_score(swiftrnn_model *model, const swiftrnn_model_batch *batch,
                                     swiftrnn_model_state *state, double *out_log_probabilities, int64_t *out_counts);

/** Options of writing. Zero, set size, then the rest. */
typedef struct swiftrnn_generation_options {
  int64_t size;              /**< bytes of this struct */
  int64_t length;            /**< L: tokens of a sequence at most, its end token included */
  int64_t start;             /**< the token that a decoder, or a prompt without tokens, begins with: "<bos>" */
  int64_t end;               /**< the token that ends a sequence; -1: none does */
  double temperature;        /**< 0: the likeliest token */
  int64_t top_k;             /**< only the K likeliest; 0: all */
  double top_p;              /**< only the likeliest that together have p (Holtzman et al. 2020); 0 or 1: all */
  uint64_t seed;
  int32_t seeded;            /**< 1: seed counts */
  int32_t reserved;          /**< 0 */
  double repetition_penalty; /**< above 1: of tokens that are there (Keskar et al. 2019); 0 or 1: none */
  int64_t beams;             /**< B of a search, which takes the place of drawing; 0 or 1: none */
  double length_penalty;     /**< of a search: alpha in ((5 + length) / 6)^alpha (Wu et al. 2016) */
} swiftrnn_generation_options;

/** Writes sequences: of a language model behind the prompts `ids` [T, N] with `lengths`, of decoders for each sequence
 *  of a batch. With B beams, the B best of each, the best first.
 *  @param out_tokens            [N, B, L], without prompt and start token; behind a sequence's end 0
 *  @param out_lengths           [N, B]; -1: fewer than B sequences were found
 *  @param out_log_probabilities [N, B], of the model itself, before temperature and penalties; or NULL
 *  @param out_scores            [N, B], what a search orders by; or NULL */
swiftrnn_status swiftrnn_model_generate(swiftrnn_model *model, const swiftrnn_model_batch *batch,
                                        const swiftrnn_generation_options *options, int64_t *out_tokens,
                                        int64_t *out_lengths, double *out_log_probabilities, double *out_scores);

/* ==== A look inside ===============================================================================================*/

/** Norms of gradients back in time through a model, spectral radii of its recurrent matrices, and which gates are
 *  shut or open. Immutable. */
typedef struct swiftrnn_inspection swiftrnn_inspection;

/** Looks inside a model with a batch, without dropout; parameters, gradients and the state are as before. Takes a copy
 *  of the model, and the time of some passes of single steps.
 *  @param batch  with targets   @param state where the sequences begin, not moved on; or NULL
 *  @retval SWIFTRNN_STATUS_UNSUPPORTED  models over trees, attention in a decoder's input, cells that draw masks or use
 *                                       statistics of the batch */
swiftrnn_status swiftrnn_inspection_create(swiftrnn_model *model, const swiftrnn_model_batch *batch,
                                           swiftrnn_model_state *state, swiftrnn_inspection **out_inspection);

/** Gives the handle back. NULL is fine. */
void swiftrnn_inspection_destroy(swiftrnn_inspection *inspection);

/** Writes what was found as JSON (docs/models.md): for each direction of each layer the norms of the loss's gradient
 *  for each state after each step, spectral radii, and shares of saturated gates. */
swiftrnn_status swiftrnn_inspection_json(const swiftrnn_inspection *inspection, char *text, int64_t text_size,
                                         int64_t *out_size);

/* ==== Training ====================================================================================================*/

/** An optimizer with its moments, a schedule, clipping, and the count of steps. */
typedef struct swiftrnn_trainer swiftrnn_trainer;

/** Makes a trainer of a model.
 *  @param settings JSON, as docs/models.md has it: {"optimizer": "adam", "rate": 0.001, "clip_norm": 1, "seed": 1,
 *                  "schedule": "cosine", "steps": 10000, "warm_up": 100} */
swiftrnn_status swiftrnn_trainer_create(swiftrnn_model *model, const char *settings, int64_t settings_size,
                                        swiftrnn_trainer **out_trainer);

/** Gives the handle back; the model stays. NULL is fine. */
void swiftrnn_trainer_destroy(swiftrnn_trainer *trainer);

/** Writes the settings as JSON, with every key. */
swiftrnn_status swiftrnn_trainer_settings(const swiftrnn_trainer *trainer, char *text, int64_t text_size,
                                          int64_t *out_size);

/** Results of a step. Zero, and set size. */
typedef struct swiftrnn_trainer_result {
  int64_t size;  /**< bytes of this struct */
  double loss;   /**< as of swiftrnn_model_loss() */
  int64_t count; /**< how many targets counted */
  double norm;   /**< of the gradients before clipping */
  double rate;   /**< of this step */
  int64_t step;  /**< steps so far, this one included */
} swiftrnn_trainer_result;

/** One step: loss, clipping, optimizer. @param state or NULL   @param out_result or NULL */
swiftrnn_status swiftrnn_trainer_step(swiftrnn_trainer *trainer, const swiftrnn_model_batch *batch,
                                      swiftrnn_model_state *state, swiftrnn_trainer_result *out_result);

/** Clipping and optimizer for the gradients that are in the model's flat vector: the second half of a step, for callers
 *  that compute gradients themselves. out_result's loss is NaN, its count 0. */
swiftrnn_status swiftrnn_trainer_update(swiftrnn_trainer *trainer, swiftrnn_trainer_result *out_result);

/** Tells the loss of a validation: a plateau of the settings lowers the rate by it.
 *  @param out_improved 1: the least loss so far; or NULL */
swiftrnn_status swiftrnn_trainer_report(swiftrnn_trainer *trainer, double validation_loss, int32_t *out_improved);

/** The rate of the next step, and the steps so far. Each may be NULL. */
swiftrnn_status swiftrnn_trainer_rate(const swiftrnn_trainer *trainer, double *out_rate, int64_t *out_steps);

/** Multiplies the schedule's rate from now on: 1 at first; finite and 0 or more. */
swiftrnn_status swiftrnn_trainer_set_rate_factor(swiftrnn_trainer *trainer, double factor);

/** Writes a checkpoint: model, moments, steps, settings, state, and the caller's own text, as one file that appears
 *  whole or not at all. @param state or NULL   @param progress progress_size bytes of UTF-8, such as JSON */
swiftrnn_status swiftrnn_trainer_save(const swiftrnn_trainer *trainer, const swiftrnn_model_state *state,
                                      const char *progress, int64_t progress_size, const char *path);

/** Goes on where swiftrnn_trainer_save() was: the training ends with the same bits as one that was never cut.
 *  @param out_state  NULL if the checkpoint has no state; may be NULL */
swiftrnn_status swiftrnn_trainer_load(const char *path, swiftrnn_model **out_model, swiftrnn_trainer **out_trainer,
                                      swiftrnn_model_state **out_state);

/** Writes the caller's text of the checkpoint that the trainer was loaded from. */
swiftrnn_status swiftrnn_trainer_progress(const swiftrnn_trainer *trainer, char *text, int64_t text_size,
                                          int64_t *out_size);

/* ==== Tensors of a file ===========================================================================================*/

/** Tensors and metadata of a safetensors file (https://huggingface.co/docs/safetensors), in memory: parameters that
 *  torch, Python or this library saved. Immutable. */
typedef struct swiftrnn_tensors swiftrnn_tensors;

/** Reads a file. A file is not trusted: all is checked before memory is asked for, and memory is in proportion to the
 *  file. The rules are in docs/files.md.
 *  @retval SWIFTRNN_STATUS_FILE            the file cannot be read
 *  @retval SWIFTRNN_STATUS_INVALID_FORMAT  the file is no safetensors, or is damaged: the message says where */
swiftrnn_status swiftrnn_tensors_load(const char *path, swiftrnn_tensors **out_tensors);

/** Gives the handle back, and with it every address of its tensors. NULL is fine. */
void swiftrnn_tensors_destroy(swiftrnn_tensors *tensors);

/** One tensor of a file. Addresses are valid until swiftrnn_tensors_destroy(). */
typedef struct swiftrnn_tensor_info {
  const char *name;     /**< UTF-8, zero-terminated */
  const char *dtype;    /**< as the format names it, zero-terminated: "F32", "F64", "F16", "BF16", "I64", "U8", ... */
  int64_t rank;         /**< 0: a single number */
  const int64_t *shape; /**< [rank], each 0 or more */
  int64_t elements;     /**< the product of the shape */
  int64_t bytes;        /**< of data; elements of fewer than 8 bits are packed */
  const void *data;     /**< [shape], row-major, little-endian, as the file has them; aligned to 64 bytes */
} swiftrnn_tensor_info;

/** Number of tensors. */
swiftrnn_status swiftrnn_tensors_count(const swiftrnn_tensors *tensors, int64_t *out_count);

/** The index of a tensor by its name; -1: the file lacks it. */
swiftrnn_status swiftrnn_tensors_index(const swiftrnn_tensors *tensors, const char *name, int64_t *out_index);

/** Describes tensor `index`, in the order of the file's data.
 *  @retval SWIFTRNN_STATUS_INVALID_VALUE  index is outside 0 ..< count */
swiftrnn_status swiftrnn_tensors_info_at(const swiftrnn_tensors *tensors, int64_t index,
                                         swiftrnn_tensor_info *out_info);

/** Writes the value of an entry of the metadata; out_size receives 0 if there is none, and text nothing. */
swiftrnn_status swiftrnn_tensors_metadata(const swiftrnn_tensors *tensors, const char *key, char *text,
                                          int64_t text_size, int64_t *out_size);

/** Finds the parameters of a network by their names, for swiftrnn_weights_create() and others: no number is copied.
 *  @param prefix           the part of the file's names before those of swiftrnn_network_parameter_info(), such as
 *                          "encoder."; NULL: none
 *  @param parameters       [parameter_count] receives addresses of data, valid until swiftrnn_tensors_destroy()
 *  @param parameter_count  as of swiftrnn_network_parameter_count()
 *  @retval SWIFTRNN_STATUS_INVALID_FORMAT  the file lacks a parameter, has it in another shape or not in the network's
 *                                          dtype, or has a tensor of the prefix that is none of the network's */
swiftrnn_status swiftrnn_tensors_parameters(const swiftrnn_tensors *tensors, const char *prefix,
                                            const swiftrnn_network *network, const void **parameters,
                                            int64_t parameter_count);

#ifdef __cplusplus
}
#endif
#endif /* SWIFTRNN_MODELS_H */
