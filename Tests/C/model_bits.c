/* The contract on bits, of models: losses, gradients, predictions and written sequences are the same on 1, 2 and 3 threads;
 * and a sequence has the same loss in a part of a batch as in the whole, whose dropout masks parts have by
 * first_sequence. The losses of numbers of an evaluation are those of the model's predictions. */
#include "model_worlds.h"
#include "processes.h"

#include <math.h>

/* Everything that a model computes of its batch: a hash of all results. */
static uint64_t hash_of(world *w) {
  model_world *const m = w->models;
  uint64_t hash = 0;
  swiftrnn_model_loss_options how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.seed = 6, how.seeded = 1;
  world_reset(w), model_world_prepare(w);
  CHECK_STATUS(swiftrnn_model_loss(m->model, &m->batch, m->state, &how, m->doubles, m->counts), SWIFTRNN_STATUS_OK);
  CHECK(m->doubles[0] > 0);
  CHECK_STATUS(swiftrnn_model_predict(m->model, &m->batch, m->state, m->out, m->out_elements), SWIFTRNN_STATUS_OK);
  hash = world_hash(w);
  world_reset(w), model_world_prepare(w);
  CHECK_STATUS(swiftrnn_trainer_step(m->trainer, &m->batch, m->state, NULL), SWIFTRNN_STATUS_OK);
  if (w->kind != REGRESSOR) {
    CHECK_STATUS(swiftrnn_model_score(m->model, &m->batch, m->state, m->doubles, m->counts), SWIFTRNN_STATUS_OK);
  }
  hash = hash * 31 + world_hash(w);
  if (w->kind != LANGUAGE && w->kind != TRANSLATOR) return hash;
  for (m->writing.beams = 1; m->writing.beams <= MODEL_BEAMS; m->writing.beams += MODEL_BEAMS - 1) {
    world_reset(w);
    CHECK_STATUS(swiftrnn_model_generate(m->model, &m->prompts, &m->writing, m->counts, m->more_counts, m->doubles, NULL),
                 SWIFTRNN_STATUS_OK);
    hash = hash * 31 + world_hash(w);
  }
  return hash;
}

static void threads(void) {
  for (int kind = WORLDS; kind < ALL_WORLDS; kind++) {
    world *const w = model_world_make(kind, MODEL | STATE | TRAINER);
    CHECK_STATUS(swiftrnn_set_num_threads(1), SWIFTRNN_STATUS_OK);
    const uint64_t one = hash_of(w);
    for (int64_t n = 1; n <= 3; n++) {
      CHECK_STATUS(swiftrnn_set_num_threads(n), SWIFTRNN_STATUS_OK);
      CHECK(hash_of(w) == one);
    }
  }
}

/* Columns `first` ..< first + count of [steps, MODEL_SEQUENCES], as an array of their own. */
static const int64_t *columns(const int64_t *all, int64_t steps, int64_t first, int64_t count) {
  int64_t *const part = (int64_t *)required(malloc((size_t)(steps * count) * sizeof(int64_t)));
  for (int64_t t = 0; t < steps; t++) {
    for (int64_t n = 0; n < count; n++) part[t * count + n] = all[t * MODEL_SEQUENCES + first + n];
  }
  return part;
}

/* The loss in training of some of a batch's sequences, its sum over what counts; with the masks that sequences have from
 * `masks` on. */
static double part_with(model_world *m, int64_t first, int64_t count, int64_t masks) {
  swiftrnn_model_batch b = m->batch;
  swiftrnn_model_loss_options how;
  double mean = 0;
  int64_t counted = 0;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.seed = 6, how.seeded = 1;
  b.sequences = count, b.first_sequence = masks;
  b.ids = columns(m->ids, MODEL_STEPS, first, count), b.targets = columns(m->targets, MODEL_STEPS, first, count);
  if (b.decoder_ids != NULL) b.decoder_ids = columns(m->decoder_ids, MODEL_STEPS, first, count);
  if (b.lengths != NULL) b.lengths = m->lengths + first;
  if (b.target_lengths != NULL) b.target_lengths = m->lengths + first;
  CHECK_STATUS(swiftrnn_model_loss(m->model, &b, NULL, &how, &mean, &counted), SWIFTRNN_STATUS_OK);
  CHECK(counted > 0);
  return mean * (double)counted;
}
static double part_of(model_world *m, int64_t first, int64_t count) { return part_with(m, first, count, first); }

/* With dropout: the masks of a part are those of the whole only where first_sequence says which part. */
static void parts(void) {
  static const int kinds[] = {LANGUAGE, TAGGER, TRANSLATOR};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    world *const w = model_world_make(kinds[k], MODEL);
    model_world *const m = w->models;
    const double whole = part_of(m, 0, MODEL_SEQUENCES);
    const double sum = part_of(m, 0, 2) + part_of(m, 2, 1) + part_of(m, 3, MODEL_SEQUENCES - 3);
    /* Sums of rounded means: all but the last bits. */
    CHECK(whole > 0 && sum > whole * (1 - 1e-6) && sum < whole * (1 + 1e-6));
    CHECK(part_with(m, 2, 1, 2) == part_of(m, 2, 1) && part_with(m, 2, 1, 0) != part_of(m, 2, 1));
  }
}

/* At inference scores are of each sequence: the same bits in a batch and by itself. */
static void scores(void) {
  static const int kinds[] = {LANGUAGE, TAGGER, TRANSLATOR};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    world *const w = model_world_make(kinds[k], MODEL);
    model_world *const m = w->models;
    double all[MODEL_SEQUENCES], one = 0;
    int64_t counts[MODEL_SEQUENCES], count = 0;
    CHECK_STATUS(swiftrnn_model_score(m->model, &m->batch, NULL, all, counts), SWIFTRNN_STATUS_OK);
    for (int64_t n = 0; n < MODEL_SEQUENCES; n++) {
      swiftrnn_model_batch b = m->batch;
      b.sequences = 1;
      b.ids = columns(m->ids, MODEL_STEPS, n, 1), b.targets = columns(m->targets, MODEL_STEPS, n, 1);
      if (b.decoder_ids != NULL) b.decoder_ids = columns(m->decoder_ids, MODEL_STEPS, n, 1);
      if (b.lengths != NULL) b.lengths = m->lengths + n;
      if (b.target_lengths != NULL) b.target_lengths = m->lengths + n;
      CHECK_STATUS(swiftrnn_model_score(m->model, &b, NULL, &one, &count), SWIFTRNN_STATUS_OK);
      CHECK(one == all[n] && count == counts[n] && one < 0);
    }
  }
}

static double element_of(const world *w, const void *numbers, int64_t i) {
  return w->element == sizeof(float) ? (double)((const float *)numbers)[i] : ((const double *)numbers)[i];
}

/* A loss of numbers by the header's words, in double. */
static double loss_of(swiftrnn_loss loss, double p, double t, double delta) {
  const double distance = fabs(p - t);
  switch (loss) {
    case SWIFTRNN_LOSS_BINARY_CROSS_ENTROPY: return t * log1p(exp(-p)) + (1 - t) * log1p(exp(p));
    case SWIFTRNN_LOSS_SQUARED_ERROR: return distance * distance;
    case SWIFTRNN_LOSS_ABSOLUTE_ERROR: return distance;
    case SWIFTRNN_LOSS_HUBER:
      return distance <= delta ? distance * distance / 2 : delta * (distance - delta / 2);
  }
  return NAN;
}

/* Evaluation of a regressor by each loss, from what it predicts; NULL is the squared error. */
static void losses_of_numbers(void) {
  world *const w = model_world_make(REGRESSOR, MODEL);
  model_world *const m = w->models;
  double mean = 0;
  int64_t count = 0;
  world_reset(w), model_world_prepare(w);
  CHECK_STATUS(swiftrnn_model_predict(m->model, &m->batch, NULL, m->out, m->out_elements), SWIFTRNN_STATUS_OK);
  for (int kind = -1; kind < 4; kind++) {
    swiftrnn_elementwise_loss_config how;
    memset(&how, 0, sizeof how);
    how.size = sizeof how, how.loss = (swiftrnn_loss)(kind < 0 ? SWIFTRNN_LOSS_SQUARED_ERROR : kind), how.delta = 0.25;
    double sum = 0;
    for (int64_t i = 0; i < m->out_elements; i++) {
      sum += loss_of(how.loss, element_of(w, m->out, i), element_of(w, m->batch.values, i), how.delta);
    }
    CHECK_STATUS(swiftrnn_model_evaluate(m->model, &m->batch, NULL, kind < 0 ? NULL : &how, &mean, &count),
                 SWIFTRNN_STATUS_OK);
    CHECK(count == MODEL_SEQUENCES * MODEL_CLASSES && fabs(mean - sum / (double)m->out_elements) < 1e-6 * (1 + mean));
  }
}

static void all(void) {
  threads();
  parts();
  scores();
  losses_of_numbers();
}

int main(void) {
  make_model_folder();
  check_with_each_isa(all);
  remove_model_folder();
  return check_result();
}
