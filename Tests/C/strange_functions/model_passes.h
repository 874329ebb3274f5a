/* Batches of models, right and wrong ones, at forbidden pages; losses, predictions, scores, what models write, a look
 * inside, and trainers. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_STRANGE_MODEL_PASSES_H
#define SWIFTRNN_TEST_STRANGE_MODEL_PASSES_H

#include "models.h"

static struct {
  swiftrnn_model_batch *batch;
  swiftrnn_model_state *state, **out_state;
  swiftrnn_model_loss_options *options;
  swiftrnn_elementwise_loss_config *numbers;
  swiftrnn_generation_options *writing;
  swiftrnn_trainer *trainer, **out_trainer;
  swiftrnn_trainer_result *result;
  swiftrnn_inspection *inspection, **out_inspection;
  double *mean, *scores, *log_probabilities, real;
  int64_t *count, *tokens, *lengths, out_elements, look_back, text_size;
  int32_t *out_improved;
  void *out;
  char *text;
  const char *progress, *settings;
  int64_t batch_tail, options_tail, numbers_tail, sequences, rows;
  int is_right, decodes;
  swiftrnn_forest *forest;
} b;

static int run_model_state_create(void) {
  return (int)swiftrnn_model_state_create(m.model, b.look_back, b.out_state);
}
static int run_model_state_reset(void) { return (int)swiftrnn_model_state_reset(b.state); }
static int run_model_loss(void) {
  return (int)swiftrnn_model_loss(m.model, b.batch, b.state, b.options, b.mean, b.count);
}
static int run_model_evaluate(void) {
  return (int)swiftrnn_model_evaluate(m.model, b.batch, b.state, b.numbers, b.mean, b.count);
}
static int run_model_predict(void) {
  return (int)swiftrnn_model_predict(m.model, b.batch, b.state, b.out, b.out_elements);
}
static int run_model_score(void) { return (int)swiftrnn_model_score(m.model, b.batch, b.state, b.scores, b.count); }
static int run_model_generate(void) {
  return (int)swiftrnn_model_generate(m.model, b.batch, b.writing, b.tokens, b.lengths, b.log_probabilities, b.scores);
}
static int run_inspection_create(void) {
  return (int)swiftrnn_inspection_create(m.model, b.batch, b.state, b.out_inspection);
}
static int run_inspection_json(void) {
  return (int)swiftrnn_inspection_json(b.inspection, b.text, b.text_size, m.out_size);
}
static int run_trainer_create(void) {
  return (int)swiftrnn_trainer_create(m.model, b.settings, b.text_size, b.out_trainer);
}
static int run_trainer_settings(void) {
  return (int)swiftrnn_trainer_settings(b.trainer, b.text, b.text_size, m.out_size);
}
static int run_trainer_step(void) { return (int)swiftrnn_trainer_step(b.trainer, b.batch, b.state, b.result); }
static int run_trainer_update(void) { return (int)swiftrnn_trainer_update(b.trainer, b.result); }
static int run_trainer_report(void) { return (int)swiftrnn_trainer_report(b.trainer, b.real, b.out_improved); }
static int run_trainer_rate(void) { return (int)swiftrnn_trainer_rate(b.trainer, b.mean, m.out_size); }
static int run_trainer_set_rate_factor(void) { return (int)swiftrnn_trainer_set_rate_factor(b.trainer, b.real); }
static int run_trainer_save(void) {
  return (int)swiftrnn_trainer_save(b.trainer, b.state, b.progress, b.text_size, m.path);
}
static int run_trainer_load(void) {
  return (int)swiftrnn_trainer_load(m.path, m.out_model, b.out_trainer, b.out_state);
}
static int run_trainer_progress(void) {
  return (int)swiftrnn_trainer_progress(b.trainer, b.text, b.text_size, m.out_size);
}

/* Numbers of tokens or classes, sometimes one that is none. */
static const int64_t *tokens_new(const char *name, int64_t count, int64_t below, int is_of_targets, int is_strange) {
  static const int64_t odd[] = {-1, INT64_MIN, INT64_MAX, (int64_t)1 << 32, -101};
  int64_t *const tokens = (int64_t *)array_new(name, INPUT, count * 8);
  for (int64_t i = 0; i < count; i++) tokens[i] = is_of_targets && any(6) == 0 ? -100 : any(below);
  if (is_strange && count > 0) tokens[any(count)] = any(2) ? odd[any(5)] : below, b.is_right = 0;
  return tokens;
}

static const int64_t *ends_new(const char *name, int64_t count, int64_t steps, int is_strange) {
  static const int64_t odd[] = {-1, INT64_MIN, INT64_MAX, (int64_t)1 << 32};
  int64_t *const lengths = (int64_t *)array_new(name, INPUT, count * 8);
  for (int64_t i = 0; i < count; i++) lengths[i] = any(3) ? any(steps + 1) : steps;
  if (is_strange && count > 0) lengths[any(count)] = any(2) ? odd[any(4)] : steps + 1, b.is_right = 0;
  return lengths;
}

static const void *reals_new(const char *name, int64_t count) {
  void *const reals = array_new(name, INPUT, count * m.element);
  uint64_t numbers = next_random(&random_state);
  for (int64_t i = 0; i < count; i++) set_number(m.dtype, reals, i, next_uniform(&numbers));
  return reals;
}

/* Nodes of trees, in the place of steps. */
static void make_trees(swiftrnn_model_batch *g) {
  int64_t parents[16], roots = 0;
  const int64_t nodes = 1 + any(15);
  for (int64_t i = 0; i < nodes; i++) {
    parents[i] = i == 0 || any(4) == 0 ? -1 : any(i);
    roots += parents[i] < 0;
  }
  swiftrnn_forest_destroy(b.forest), b.forest = NULL;
  if (swiftrnn_forest_create(parents, nodes, &b.forest) != SWIFTRNN_STATUS_OK) REPORT("no forest");
  g->forest = b.forest, g->steps = any(2) ? INT64_MIN : 0, g->sequences = INT64_MIN;
  b.sequences = nodes, b.rows = m.kind == TAGGER ? nodes : roots;
}

/* A batch, with something in it that is wrong if `is_strange`. */
static void make_batch(int is_strange) {
  swiftrnn_model_batch g;
  memset(&g, 0, sizeof g);
  static const int64_t firsts[] = {0, 0, 1, 1000, (int64_t)1 << 31, INT64_MAX};
  const int wrong = is_strange ? (int)any(8) : -1;
  b.is_right = 1, b.decodes = m.kind == VECTOR_DECODER || m.kind == ENCODER_DECODER;
  g.steps = m.kind == VECTOR_DECODER ? any(2) ? 0 : INT64_MIN : any(7), g.sequences = 1 + any(5);
  if (any(30) == 0) g.sequences = 0;
  if (m.is_of_trees) make_trees(&g);
  const int64_t steps = m.kind == VECTOR_DECODER || m.is_of_trees ? 1 : g.steps;
  const int64_t n = m.is_of_trees ? b.sequences : g.sequences;
  if (m.kind == VECTOR_DECODER) {
    g.features = (const float *)reals_new("features", n * m.vector);
  } else if (m.vocabulary > 0) {
    g.ids = tokens_new("ids", steps * n, m.vocabulary, 0, wrong == 0);
  } else {
    g.features = reals_new("features", steps * n * m.features);
  }
  if (m.kind != VECTOR_DECODER && !m.is_of_trees && any(2)) g.lengths = ends_new("lengths", n, steps, wrong == 1);
  g.target_steps = b.decodes ? any(6) : any(2) ? 0 : INT64_MIN;
  const int of_sequences = m.kind == CLASSIFIER || m.kind == REGRESSOR;
  if (!m.is_of_trees) b.rows = b.decodes ? g.target_steps * n : of_sequences ? n : steps * n;
  if (m.predicts_numbers) {
    g.values = reals_new("values", b.rows * m.outputs);
  } else {
    g.targets = tokens_new("targets", b.rows, m.outputs, 1, wrong == 2);
  }
  if (b.decodes) g.decoder_ids = tokens_new("decoder_ids", b.rows, m.outputs, 0, wrong == 3);
  if (b.decodes && any(2)) g.target_lengths = ends_new("target_lengths", n, g.target_steps, wrong == 4);
  g.first_sequence = firsts[any(6)];
  b.sequences = n;
  b.batch = (swiftrnn_model_batch *)struct_new("batch", &g, (int64_t)sizeof g, &b.batch_tail);
}

/* What may be changed in a batch: numbers only to less, as arrays have no more. */
static void has_batch(call *c) {
  swiftrnn_model_batch *const g = b.batch;
  has_array(c, "batch", &b.batch, 8, 1), has_struct(c, g, (int64_t)sizeof *g, b.batch_tail);
  if (m.kind != VECTOR_DECODER && !m.is_of_trees) has_number(c, "steps", &g->steps, 0, INT64_MAX, BIT(INVALID_SIZE));
  if (!m.is_of_trees) has_number(c, "sequences", &g->sequences, 0, INT64_MAX, BIT(INVALID_SIZE));
  if (b.decodes) has_number(c, "target_steps", &g->target_steps, 0, INT64_MAX, BIT(INVALID_SIZE));
  has_number(c, "first_sequence", &g->first_sequence, 0, INT64_MAX, BIT(INVALID_SIZE));
  has_array(c, "ids", &g->ids, 8, 0), has_array(c, "features", &g->features, (int)m.element, 0);
  has_array(c, "lengths", &g->lengths, 8, 0), has_array(c, "targets", &g->targets, 8, 0);
  has_array(c, "values", &g->values, (int)m.element, 0), has_array(c, "decoder_ids", &g->decoder_ids, 8, 0);
  has_array(c, "target_lengths", &g->target_lengths, 8, 0);
}

static void has_where(call *c) {
  has_object(c, "model", &m.model), has_batch(c);
}

/* Statuses of a pass of the batch: OK only of what is right. */
static unsigned pass_statuses(void) {
  return b.is_right ? any_status : BIT(INVALID_VALUE) | BIT(INVALID_SIZE) | BIT(UNSUPPORTED) | BIT(MISMATCH) | BIT(OK);
}

static void make_options(void) {
  static const double reals[] = {0, 0, 0, 0.1, 1, -0.5, 1.5, NAN, INFINITY};
  static const int64_t limits[] = {0, 0, -1, 1, 100, 5000, INT64_MAX, INT64_MIN};
  swiftrnn_model_loss_options o;
  memset(&o, 0, sizeof o);
  b.options = NULL, b.options_tail = 0;
  if (any(3) == 0) return;
  o.seeded = 1, o.seed = next_random(&random_state), o.label_smoothing = any(2) ? 0 : reals[any(9)];
  o.sampling_probability = any(2) ? 0 : reals[any(9)], o.memory_limit = any(2) ? 0 : limits[any(8)];
  o.tape_limit = any(2) ? 0 : limits[any(8)];
  o.sampled_classes = any(4) ? 0 : any(3) ? any(m.outputs + 1) : limits[any(8)];
  if (any(4) == 0) o.class_weights = reals_new("class_weights", m.outputs);
  b.options = (swiftrnn_model_loss_options *)struct_new("options", &o, (int64_t)sizeof o, &b.options_tail);
}

/* The loss of models that predict numbers: another than the squared error only for them. */
static void make_numbers(void) {
  static const double deltas[] = {1, 0.1, 100, 0, -1, NAN, INFINITY};
  swiftrnn_elementwise_loss_config g;
  memset(&g, 0, sizeof g);
  b.numbers = NULL, b.numbers_tail = 0;
  if (any(3) == 0) return;
  g.loss = m.predicts_numbers ? (swiftrnn_loss)any(4) : SWIFTRNN_LOSS_SQUARED_ERROR;
  g.delta = deltas[any(g.loss == SWIFTRNN_LOSS_HUBER ? 3 : 7)];
  b.numbers = (swiftrnn_elementwise_loss_config *)struct_new("numbers", &g, (int64_t)sizeof g, &b.numbers_tail);
}

static void pass_model(int is_strange) {
  call c;
  make_batch(is_strange);
  b.mean = (double *)array_new("out_mean", FORWARD_RESULT, 8);
  b.count = (int64_t *)array_new("out_count", FORWARD_RESULT, 8 * (b.sequences > 0 ? b.sequences : 1));
  const int64_t which = any(4);
  if (which == 0) {
    make_options();
    call_begin(&c, F_model_loss, run_model_loss);
    if (b.options != NULL) has_struct(&c, b.options, (int64_t)sizeof *b.options, b.options_tail);
    has_array(&c, "options", &b.options, 8, 0);
  } else if (which == 1) {
    make_numbers();
    call_begin(&c, F_model_evaluate, run_model_evaluate);
    if (b.numbers != NULL) has_struct(&c, b.numbers, (int64_t)sizeof *b.numbers, b.numbers_tail);
    has_array(&c, "numbers", &b.numbers, 8, 0);
  } else if (which == 2) {
    b.out_elements = b.rows * m.outputs;
    b.out = array_new("out", FORWARD_RESULT, b.out_elements * m.element);
    call_begin(&c, F_model_predict, run_model_predict);
    has_number(&c, "out_elements", &b.out_elements, 0, b.out_elements, any_status);
    has_array(&c, "out", &b.out, (int)m.element, b.out_elements > 0);
  } else {
    const int64_t scored = m.is_of_trees ? b.rows : b.sequences;
    b.scores = (double *)array_new("out_log_probabilities", FORWARD_RESULT, 8 * scored);
    call_begin(&c, F_model_score, run_model_score);
    has_array(&c, "out_log_probabilities", &b.scores, 8, 0), has_array(&c, "out_counts", &b.count, 8, 0);
  }
  if (which < 2) has_array(&c, "out_mean", &b.mean, 8, 1), has_array(&c, "out_count", &b.count, 8, 0);
  has_where(&c);
  for (int i = 0; i < c.count; i++) c.arguments[i].refusals |= any_status;
  fill_outputs(&fill_state, 1), keep_blocks(), name_call(&c, "");
  const int status = perform(&c, pass_statuses());
  if (status == 0 && b.is_right && b.state == NULL && which > 0) {
    /* With other threads the same bits. */
    record_keep(&other_record, FORWARD_RESULT);
    set_threads(), fill_outputs(&fill_state, 1), valid_call(&c, " with other threads");
    comparison compared;
    memset(&compared, 0, sizeof compared);
    compared.with = &other_record, compared.dtype = which == 2 ? m.dtype : SWIFTRNN_FLOAT64;
    for (int i = 0; i < block_count; i++) {
      const block *const block_of = &blocks[i];
      const int is_written = (which == 2 && block_of->data == (unsigned char *)b.out) ||
                             (which == 1 && block_of->data == (unsigned char *)b.mean) ||
                             (which == 3 && block_of->data == (unsigned char *)b.scores);
      if (block_of->is != FORWARD_RESULT) continue;
      if (is_written) compare_piece(&compared, block_of, block_of->data, block_of->size);
      else compared.at += block_of->size;
    }
    if (compared.other != NULL) REPORT("other threads: number %" PRId64 " of %s", compared.number, compared.other->name);
    swiftrnn_set_num_threads(1);
  }
  if (status == 0) changed_calls(&c, any(6), &fill_state);
}

static void write_sequences(int is_strange) {
  static const int64_t strange[] = {-1, INT64_MIN, INT64_MAX, (int64_t)1 << 31, 4097};
  static const double reals[] = {0, 1, 0.5, 2, -1, NAN, INFINITY, 1e300};
  call c;
  swiftrnn_generation_options g;
  memset(&g, 0, sizeof g);
  int64_t tail = 0;
  make_batch(is_strange && any(2));
  g.length = any(8), g.start = any(m.outputs), g.end = any(m.outputs + 1) - 1, g.beams = any(4);
  g.temperature = reals[any(3)], g.top_k = any(4), g.top_p = reals[any(3)], g.seeded = 1, g.seed = 7;
  g.repetition_penalty = reals[any(4)], g.length_penalty = reals[any(4)];
  const int64_t rows = b.sequences * (g.beams > 0 ? g.beams : 1), length = g.length;
  if (is_strange) {
    int64_t *const sizes[] = {&g.length, &g.start, &g.end, &g.beams, &g.top_k};
    double *const numbers[] = {&g.temperature, &g.top_p, &g.repetition_penalty, &g.length_penalty};
    if (any(2)) *sizes[any(5)] = strange[any(5)]; else *numbers[any(4)] = reals[any(8)];
  }
  /* Arrays that are too small for what is asked are the caller's; what no memory has is not written to. */
  if (is_strange && g.length > length && g.length < INT64_MAX && b.sequences > 0) g.length = INT64_MAX;
  if (is_strange && g.beams > 3) g.beams = INT64_MAX;
  b.writing = (swiftrnn_generation_options *)struct_new("options", &g, (int64_t)sizeof g, &tail);
  b.tokens = (int64_t *)array_new("out_tokens", FORWARD_RESULT, rows * length * 8);
  b.lengths = (int64_t *)array_new("out_lengths", FORWARD_RESULT, rows * 8);
  b.log_probabilities = any(2) ? (double *)array_new("out_log_probabilities", FORWARD_RESULT, rows * 8) : NULL;
  b.scores = any(2) ? (double *)array_new("out_scores", FORWARD_RESULT, rows * 8) : NULL;
  call_begin(&c, F_model_generate, run_model_generate);
  has_array(&c, "options", &b.writing, 8, 1), has_struct(&c, b.writing, (int64_t)sizeof g, tail);
  has_flag(&c, "reserved", &b.writing->reserved, 0), has_flag(&c, "seeded", &b.writing->seeded, 1);
  has_array(&c, "out_tokens", &b.tokens, 8, 0), has_array(&c, "out_lengths", &b.lengths, 8, 0);
  has_array(&c, "out_log_probabilities", &b.log_probabilities, 8, 0), has_array(&c, "out_scores", &b.scores, 8, 0);
  has_where(&c);
  for (int i = 0; i < c.count; i++) c.arguments[i].refusals |= any_status;
  fill_outputs(&fill_state, 1), keep_blocks(), name_call(&c, "");
  if (perform(&c, any_status) == 0) changed_calls(&c, any(5), &fill_state);
}

static void look_inside(int is_strange) {
  call c;
  make_batch(is_strange);
  b.out_inspection = (swiftrnn_inspection **)array_new("out_inspection", HANDLE, 8);
  *b.out_inspection = NULL;
  call_begin(&c, F_inspection_create, run_inspection_create);
  has_array(&c, "out_inspection", &b.out_inspection, 8, 1), has_where(&c);
  for (int i = 0; i < c.count; i++) c.arguments[i].refusals |= any_status;
  keep_blocks(), name_call(&c, "");
  (void)perform(&c, pass_statuses());
  b.inspection = *b.out_inspection, *b.out_inspection = NULL;
  for (int64_t i = b.inspection == NULL ? 0 : any(3); i > 0; i--) {
    changed_calls(&c, 1, &fill_state);
    if (*b.out_inspection != NULL) swiftrnn_inspection_destroy(*b.out_inspection);
    *b.out_inspection = NULL;
  }
  if (b.inspection == NULL) return;
  b.text_size = any(300), b.text = (char *)array_new("text", FORWARD_RESULT, b.text_size);
  m.out_size = (int64_t *)array_new("out_size", FORWARD_RESULT, 8);
  call_begin(&c, F_inspection_json, run_inspection_json);
  has_object(&c, "inspection", &b.inspection), has_array(&c, "text", &b.text, 1, b.text_size > 0);
  has_number(&c, "text_size", &b.text_size, 0, INT64_MAX, BIT(INVALID_SIZE)), has_array(&c, "out_size", &m.out_size, 8, 0);
  keep_blocks(), valid_call(&c, "");
  changed_calls(&c, any(2), &fill_state);
  swiftrnn_inspection_destroy(b.inspection), all->calls[F_inspection_destroy][0]++;
}

#endif
