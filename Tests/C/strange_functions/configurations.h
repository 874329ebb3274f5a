/* Networks at random: of every cell, those of the library and random texts among them, with every option; and the calls
 * that make them, with arguments that no network has. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_CONFIGURATIONS_H
#define SWIFTRNN_TEST_CONFIGURATIONS_H

#include "calls.h"

enum { MOST_LAYERS = 6, MOST_PARAMETERS = 260, MOST_NAMED = 6 };

/* What a network is made of. */
typedef struct design {
  swiftrnn_config config;
  int64_t hidden[MOST_LAYERS], dilations[MOST_LAYERS];
  int has_hidden, has_dilations;
  int64_t text_size; /* of equations, else 0 */
  char text[8192];
  char names[MOST_NAMED][64];
  int64_t values[MOST_NAMED], size_count;
  int is_large; /* enough work for several threads */
} design;

/* A network, and what it says of itself. */
typedef struct facts {
  design made_of;
  swiftrnn_network *network;
  swiftrnn_dtype dtype;
  int64_t element, inputs, layers, directions, outputs, state_count, input_count, parameter_count, flat;
  swiftrnn_parameter_info parameters[MOST_PARAMETERS];
  swiftrnn_state_part parts[MOST_STATES][MOST_LAYERS];
  int64_t state_elements[MOST_STATES]; /* of a sequence */
  int64_t input_width[MOST_INPUTS];
  int trains_otherwise, has_batch_norm, has_mask;
} facts;

/* Statistics over the batch: a sequence's results depend on the others. */
static const char *const batch_norm_words[] = {"batch_norm", NULL};

static uint64_t fill_state;

static const int64_t small_sizes[] = {1, 1, 2, 3, 4, 5, 7, 8, 9, 11, 15, 16, 17, 20, 31, 33};
static int64_t small_size(void) { return small_sizes[any(16)]; }

static void draw_options(design *d) {
  swiftrnn_config *c = &d->config;
  ENUM_FROM(swiftrnn_skip, skip, (int32_t)any(3));
  ENUM_FROM(swiftrnn_merge, merge, (int32_t)any(4));
  ENUM_FROM(swiftrnn_gaps, gaps, (int32_t)any(3));
  if (any(2)) c->skip = skip;
  if (any(2)) c->merge = merge;
  if (any(2)) c->gaps = gaps;
  c->independent_directions = (int32_t)any(2);
  c->learned_initial_states = (int32_t)any(2);
  d->has_hidden = any(2) == 0, d->has_dilations = any(2) == 0;
  for (int layer = 0; layer < MOST_LAYERS; layer++) {
    d->hidden[layer] = c->skip == SWIFTRNN_SKIP_RESIDUAL ? c->hidden_size : c->projection_size + small_size();
    d->dilations[layer] = any(8) ? 1 + any(4) : 1 + any(70);
  }
}

static void clear_options(design *d) {
  swiftrnn_config *c = &d->config;
  c->skip = SWIFTRNN_SKIP_NONE, c->merge = SWIFTRNN_MERGE_CONCATENATE, c->gaps = SWIFTRNN_GAPS_NONE;
  c->independent_directions = c->learned_initial_states = d->has_hidden = d->has_dilations = 0;
}

/* The text of a cell: of the library, what is like one of them, or random equations. */
static void draw_text(design *d) {
  int64_t count = 0, size = 0;
  char name[64];
  now->size = 0;
  static const char *const recursive[] = {"tree_child_sum", "tree_binary", "socher"};
  static const char *const with_inputs[] = {"augru", "augru_lbr", "augru_onednn"};
  const int64_t what = any(14);
  swiftrnn_cell_count(&count);
  swiftrnn_cell_name(any(count), name, sizeof name);
  if (what < 5) {
    say("like %s\n", name);
  } else if (what < 7) {
    swiftrnn_cell_text(name, now->text, LARGEST_TEXT, &size);
    now->size = size - 1;
    if (any(3) == 0) mutate();
  } else if (what == 7) {
    make(any(MADE), 1 + any(6));
  } else if (what == 8) {
    say("like %s\n", ONE_OF(with_inputs));
  } else if (what == 9) {
    say("like %s\n", ONE_OF(recursive));
    if (any(3)) d->config.num_directions = 1, clear_options(d);
  } else {
    random_cell();
    drop_unread();
  }
  if (now->size > (int64_t)sizeof d->text) now->size = (int64_t)sizeof d->text;
  memcpy(d->text, now->text, (size_t)now->size);
  d->text_size = now->size;
}

static void draw_design(design *d) {
  static const swiftrnn_cell cells[] = {SWIFTRNN_RNN_TANH, SWIFTRNN_RNN_RELU, SWIFTRNN_LSTM, SWIFTRNN_LSTM,
                                        SWIFTRNN_GRU, SWIFTRNN_GRU_RESET_BEFORE};
  memset(d, 0, sizeof *d);
  const int is_equations = any(5) < 2;
  swiftrnn_config *c = &d->config;
  swiftrnn_config_init(c, (int64_t)sizeof *c, is_equations ? SWIFTRNN_EQUATIONS : cells[any(6)]);
  d->is_large = !is_equations && any(60) == 0;
  c->dtype = any(2) ? SWIFTRNN_FLOAT32 : SWIFTRNN_FLOAT64;
  c->hidden_size = d->is_large ? 60 + any(60) : small_size();
  c->input_size = d->is_large ? 20 + any(20) : any(3) ? small_size() : c->hidden_size;
  c->num_layers = any(2) ? 1 : any(8) ? 1 + any(3) : 1 + any(MOST_LAYERS);
  c->num_directions = 1 + (int32_t)any(2);
  c->bias = any(4) != 0;
  c->dropout = any(3) ? 0 : any(2) ? 0.25 : 0.99;
  c->num_threads = any(3) ? 0 : 1 + any(4);
  if (c->cell == SWIFTRNN_LSTM && c->hidden_size > 1 && any(3) == 0) c->projection_size = 1 + any(c->hidden_size - 1);
  if (any(is_equations ? 2 : 3) == 0 && !d->is_large) draw_options(d);
  if (is_equations) draw_text(d);
}

static void describe_design(const design *d) {
  const swiftrnn_config *c = &d->config;
  snprintf(now->sizes, sizeof now->sizes,
           "cell %d dtype %d I %" PRId64 " H %" PRId64 " P %" PRId64 " L %" PRId64
           " D %d bias %d dropout %g skip %d merge %d gaps %d independent %d learned %d%s%s threads %" PRId64,
           (int)c->cell, (int)c->dtype, c->input_size, c->hidden_size, c->projection_size, c->num_layers,
           (int)c->num_directions, (int)c->bias, c->dropout, (int)c->skip, (int)c->merge, (int)c->gaps,
           (int)c->independent_directions, (int)c->learned_initial_states, d->has_hidden ? " widths" : "",
           d->has_dilations ? " dilated" : "", c->num_threads);
  now->size = d->text_size;
  memcpy(now->text, d->text, (size_t)d->text_size);
}

/* ---- Calls that make networks ------------------------------------------------------------------------------------*/

static struct {
  const swiftrnn_config *config;
  const swiftrnn_equations *equations;
  const swiftrnn_named_size *sizes;
  int64_t size_count;
  const char *text;
  int64_t text_size;
  void *out;
} made_with;

static int run_parse(void) {
  return (int)swiftrnn_cell_parse(made_with.text, made_with.text_size, (swiftrnn_equations **)made_with.out);
}
static int run_create(void) {
  return (int)swiftrnn_network_create(made_with.config, (swiftrnn_network **)made_with.out);
}
static int run_create_equations(void) {
  return (int)swiftrnn_network_create_equations(made_with.equations, made_with.config, made_with.sizes,
                                                made_with.size_count, (swiftrnn_network **)made_with.out);
}

static const double no_share[] = {-0.25, 1, NAN, INFINITY, -INFINITY, 1e300, -1e-300};

static swiftrnn_equations *parse(const design *d) {
  call c;
  slots_reset();
  char *text = (char *)array_new("text", INPUT, d->text_size);
  memcpy(text, d->text, (size_t)d->text_size);
  swiftrnn_equations **out = (swiftrnn_equations **)array_new("out_equations", HANDLE, 8);
  made_with.text = text, made_with.text_size = d->text_size, made_with.out = out;
  *out = NULL;
  call_begin(&c, F_cell_parse, run_parse);
  has_array(&c, "text", &made_with.text, 1, 1);
  has_array(&c, "out_equations", &made_with.out, 8, 1);
  has_number(&c, "text_size", &made_with.text_size, 0, LARGEST_TEXT, BIT(INVALID_SIZE));
  keep_blocks();
  name_call(&c, "");
  if (perform(&c, BIT(OK) | BIT(INVALID_VALUE)) != 0) {
    if (*out != NULL) REPORT("refused, but out_equations is not NULL");
    return NULL;
  }
  swiftrnn_equations *made = *out;
  *out = NULL;
  for (int64_t i = any(4) == 0 ? 4 : 0; i > 0; i--) {
    changed_calls(&c, 1, &fill_state);
    if (*out != NULL) swiftrnn_equations_destroy(*out), all->calls[F_equations_destroy][0]++;
    *out = NULL;
  }
  return made;
}

/* What a configuration may not be. */
static void has_config(call *c, swiftrnn_config *g, int64_t tail) {
  const int is_equations = g->cell == SWIFTRNN_EQUATIONS;
  has_struct(c, g, (int64_t)sizeof *g, tail);
  argument *cell = argument_new(c, "cell", NUMBER_32, &g->cell);
  cell->low = is_equations ? 6 : 1, cell->high = 6;
  has_flag(c, "dtype", &g->dtype, 1);
  has_number(c, "input_size", &g->input_size, 1, MOST, BIT(INVALID_SIZE));
  has_number(c, "hidden_size", &g->hidden_size, 1, MOST, BIT(INVALID_SIZE));
  if (!is_equations) {
    const int64_t high = g->cell == SWIFTRNN_LSTM ? g->hidden_size - 1 : 0;
    has_number(c, "projection_size", &g->projection_size, 0, high, BIT(INVALID_SIZE));
  }
  has_number(c, "num_layers", &g->num_layers, 1, 1024, BIT(INVALID_SIZE));
  argument *directions = argument_new(c, "num_directions", NUMBER_32, &g->num_directions);
  directions->low = 1, directions->high = 2;
  has_flag(c, "bias", &g->bias, 1);
  has_real(c, "dropout", &g->dropout, no_share, 7);
  has_number(c, "num_threads", &g->num_threads, 0, 1024, BIT(INVALID_VALUE));
  has_flag(c, "skip", &g->skip, 2);
  has_flag(c, "merge", &g->merge, 3);
  has_flag(c, "gaps", &g->gaps, 2);
  has_flag(c, "independent_directions", &g->independent_directions, 1);
  has_flag(c, "learned_initial_states", &g->learned_initial_states, 1);
  has_flag(c, "reserved", &g->reserved, 0);
  has_array(c, "layer_hidden_sizes", &g->layer_hidden_sizes, 8, 0);
  has_array(c, "layer_dilations", &g->layer_dilations, 8, 0);
}

/* Makes the network of a design, or gives NULL if that has none: its equations do not fit its sizes. */
static swiftrnn_network *create(design *d, const swiftrnn_equations *equations, int64_t changes) {
  call c;
  int64_t tail = 0;
  slots_reset();
  swiftrnn_config *g = (swiftrnn_config *)struct_new("config", &d->config, (int64_t)sizeof *g, &tail);
  const int64_t layers = g->num_layers, bytes = layers * (int64_t)sizeof(int64_t);
  swiftrnn_network **out = (swiftrnn_network **)array_new("out_network", HANDLE, 8);
  *out = NULL;
  call_begin(&c, equations == NULL ? F_network_create : F_network_create_equations,
             equations == NULL ? run_create : run_create_equations);
  if (d->has_hidden) {
    int64_t *list = (int64_t *)array_new("layer_hidden_sizes", INPUT, bytes);
    memcpy(list, d->hidden, (size_t)bytes);
    g->layer_hidden_sizes = list;
    has_number(&c, "an entry of layer_hidden_sizes", &list[any(layers)], 1, MOST, BIT(INVALID_VALUE));
  }
  if (d->has_dilations) {
    int64_t *list = (int64_t *)array_new("layer_dilations", INPUT, bytes);
    memcpy(list, d->dilations, (size_t)bytes);
    g->layer_dilations = list;
    has_number(&c, "an entry of layer_dilations", &list[any(layers)], 1, 65536, BIT(INVALID_VALUE));
  }
  made_with.config = g, made_with.equations = equations, made_with.out = out;
  made_with.sizes = NULL, made_with.size_count = d->size_count;
  if (d->size_count > 0) {
    swiftrnn_named_size *sizes = (swiftrnn_named_size *)array_new("sizes", INPUT,
                                                                  d->size_count * (int64_t)sizeof *sizes);
    for (int64_t i = 0; i < d->size_count; i++) {
      const int64_t length = (int64_t)strlen(d->names[i]) + 1;
      char *name = (char *)array_new("the name of a size", INPUT, length);
      memcpy(name, d->names[i], (size_t)length);
      sizes[i].name = name, sizes[i].value = d->values[i];
    }
    made_with.sizes = sizes;
    const int64_t one = any(d->size_count);
    has_array(&c, "sizes", &made_with.sizes, 8, 1);
    has_number(&c, "size_count", &made_with.size_count, d->size_count, 256, BIT(INVALID_VALUE));
    has_array(&c, "the name of a size", &sizes[one].name, 1, 1);
    has_number(&c, "a size", &sizes[one].value, 1, MOST, BIT(INVALID_VALUE) | BIT(INVALID_SIZE));
  }
  has_array(&c, "config", &made_with.config, 8, 1);
  has_array(&c, "out_network", &made_with.out, 8, 1);
  if (equations != NULL) has_object(&c, "equations", &made_with.equations);
  has_config(&c, g, tail);
  keep_blocks();
  name_call(&c, "");
  const unsigned may_not_fit =
      BIT(INVALID_VALUE) | BIT(INVALID_SIZE) | BIT(MISMATCH) | BIT(OVERFLOW) | BIT(UNSUPPORTED);
  if (perform(&c, BIT(OK) | may_not_fit) != 0) {
    if (*out != NULL) REPORT("refused, but out_network is not NULL");
    const int may_fail = d->config.skip == SWIFTRNN_SKIP_RESIDUAL || d->config.input_size > 1000 ||
                         d->config.hidden_size >= 1000 || d->config.projection_size > 0;
    if (equations == NULL && !may_fail) REPORT("%s", swiftrnn_last_error());
    return NULL;
  }
  swiftrnn_network *made = *out;
  *out = NULL;
  for (; changes > 0; changes--) {
    changed_calls(&c, 1, &fill_state);
    if (*out != NULL) swiftrnn_network_destroy(*out), all->calls[F_network_destroy][0]++;
    *out = NULL;
  }
  return made;
}

/* Gives the sizes that a text asks for, one after the other. */
static swiftrnn_network *create_equations(design *d, const swiftrnn_equations *equations) {
  for (int tries = 0; tries < MOST_NAMED + 2; tries++) {
    swiftrnn_network *made = create(d, equations, 0);
    if (made != NULL) return made;
    const char *name = strstr(swiftrnn_last_error(), "the size \"");
    if (name != NULL && strstr(name, "must be given") != NULL && d->size_count < MOST_NAMED) {
      char *to = d->names[d->size_count];
      snprintf(to, sizeof d->names[0], "%.63s", name + 10);
      to[strcspn(to, "\"")] = 0;
      d->values[d->size_count++] = any(2) ? d->config.hidden_size : 1 + any(4);
    } else if (d->config.input_size != d->config.hidden_size) {
      d->config.input_size = d->config.hidden_size;
    } else if (d->config.num_layers > 1) {
      d->config.num_layers = 1;
    } else {
      break;
    }
  }
  return NULL;
}

#define LEARN(function, ...)                                                                              \
  do {                                                                                                    \
    all->calls[F_##function][0]++;                                                                        \
    if (swiftrnn_##function(__VA_ARGS__) != SWIFTRNN_STATUS_OK) REPORT("%s: %s", #function, swiftrnn_last_error()); \
  } while (0)

/* What a network says of itself. 0: more than the tests have room for. */
static int learn(facts *f) {
  const swiftrnn_config *c = &f->made_of.config;
  f->dtype = c->dtype, f->element = c->dtype == SWIFTRNN_FLOAT64 ? 8 : 4;
  f->inputs = c->input_size, f->layers = c->num_layers, f->directions = c->num_directions;
  f->has_mask = c->gaps != SWIFTRNN_GAPS_NONE;
  LEARN(network_output_size, f->network, &f->outputs);
  LEARN(network_state_count, f->network, &f->state_count);
  LEARN(network_input_count, f->network, &f->input_count);
  LEARN(network_parameter_count, f->network, &f->parameter_count);
  LEARN(network_flat_count, f->network, &f->flat);
  if (f->parameter_count > MOST_PARAMETERS || f->flat > 200000) return 0;
  if (f->state_count > MOST_STATES || f->input_count > MOST_INPUTS) REPORT("too many states or inputs");
  int64_t sum = 0;
  for (int64_t i = 0; i < f->parameter_count; i++) {
    swiftrnn_parameter_info *info = &f->parameters[i];
    LEARN(network_parameter_info, f->network, i, info);
    if (info->offset != sum || info->elements != info->shape[0] * info->shape[1] || info->elements < 1) {
      REPORT("parameter %" PRId64 ": %" PRId64 " elements at %" PRId64, i, info->elements, info->offset);
    }
    sum += info->elements;
  }
  if (sum != f->flat) REPORT("%" PRId64 " elements, and %" PRId64, sum, f->flat);
  for (int64_t i = 0; i < f->state_count; i++) {
    int64_t offset = 0;
    for (int64_t layer = 0; layer < f->layers; layer++) {
      swiftrnn_state_part *part = &f->parts[i][layer];
      LEARN(network_state_part, f->network, i, layer, part);
      if (part->offset != offset || part->width < 1 || part->rows < 1) REPORT("state %" PRId64, i);
      offset += part->width * part->rows;
    }
    f->state_elements[i] = offset;
  }
  for (int64_t i = 0; i < f->input_count; i++) {
    swiftrnn_input_info info;
    LEARN(network_input_info, f->network, i, &info);
    f->input_width[i] = info.width;
  }
  const design *d = &f->made_of;
  f->has_batch_norm = d->text_size > 0 && says(d->text, d->text_size, 5, batch_norm_words);
  f->trains_otherwise = (c->dropout > 0 && c->num_layers > 1) ||
                        (d->text_size > 0 && says(d->text, d->text_size, 5, training_words));
  return 1;
}

/* A network at random; 0: the design has none. */
static int draw_network(facts *f) {
  memset(f, 0, sizeof *f);
  design *d = &f->made_of;
  draw_design(d);
  describe_design(d);
  if (d->config.cell != SWIFTRNN_EQUATIONS) {
    f->network = create(d, NULL, 6);
  } else {
    swiftrnn_equations *equations = parse(d);
    if (equations == NULL) return 0;
    f->network = create_equations(d, equations);
    if (f->network != NULL && any(4) == 0) swiftrnn_network_destroy(create(d, equations, 4));
    swiftrnn_equations_destroy(equations), all->calls[F_equations_destroy][0]++;
  }
  describe_design(d);
  return f->network != NULL && learn(f);
}

#endif
