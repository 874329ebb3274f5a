/* What the library and its networks say of themselves, structs with defaults, and parameters' first values. Valid in
 * C11 and in C++17. */
#ifndef SWIFTRNN_TEST_QUERIES_H
#define SWIFTRNN_TEST_QUERIES_H

#include "comparisons.h"

static struct {
  const swiftrnn_network *network;
  int is_dilated;
  int64_t index, layer, steps, sequences, size, count, cell_index, threads;
  swiftrnn_workspace purpose;
  swiftrnn_cell cell;
  void *out;
  char *text;
  const char *name;
  int64_t *out_size;
  void *flat;
  void **pointers;
  uint64_t seed;
  const swiftrnn_initializer *initializer;
  swiftrnn_config *config;
  swiftrnn_initializer *defaults;
} asked;

static int run_threads(void) { return (int)swiftrnn_set_num_threads(asked.threads); }
static int run_config_init(void) { return (int)swiftrnn_config_init(asked.config, asked.size, asked.cell); }
static int run_initializer_init(void) { return (int)swiftrnn_initializer_init(asked.defaults, asked.size); }
static int run_describe(void) {
  return (int)swiftrnn_network_describe(asked.network, asked.text, asked.size, asked.out_size);
}
static int run_output_size(void) { return (int)swiftrnn_network_output_size(asked.network, asked.out_size); }
static int run_input_count(void) { return (int)swiftrnn_network_input_count(asked.network, asked.out_size); }
static int run_input_info(void) {
  return (int)swiftrnn_network_input_info(asked.network, asked.index, (swiftrnn_input_info *)asked.out);
}
static int run_cell_count(void) { return (int)swiftrnn_cell_count(asked.out_size); }
static int run_cell_name(void) { return (int)swiftrnn_cell_name(asked.cell_index, asked.text, asked.size); }
static int run_cell_text(void) {
  return (int)swiftrnn_cell_text(asked.name, asked.text, asked.size, asked.out_size);
}
static int run_parameter_count(void) { return (int)swiftrnn_network_parameter_count(asked.network, asked.out_size); }
static int run_parameter_info(void) {
  return (int)swiftrnn_network_parameter_info(asked.network, asked.index, (swiftrnn_parameter_info *)asked.out);
}
static int run_flat_count(void) { return (int)swiftrnn_network_flat_count(asked.network, asked.out_size); }
static int run_flat_pointers(void) {
  return (int)swiftrnn_network_flat_pointers(asked.network, asked.flat, asked.size, asked.pointers, asked.count);
}
static int run_state_count(void) { return (int)swiftrnn_network_state_count(asked.network, asked.out_size); }
static int run_state_info(void) {
  return (int)swiftrnn_network_state_info(asked.network, asked.index, (swiftrnn_state_info *)asked.out);
}
static int run_state_part(void) {
  return (int)swiftrnn_network_state_part(asked.network, asked.index, asked.layer, (swiftrnn_state_part *)asked.out);
}
static int run_workspace_size(void) {
  return (int)swiftrnn_network_workspace_size(asked.network, asked.purpose, asked.steps, asked.sequences,
                                              asked.out_size);
}
static int run_tape_size(void) {
  return (int)swiftrnn_network_tape_size(asked.network, asked.steps, asked.sequences, asked.out_size);
}
static int run_initialize(void) {
  return (int)swiftrnn_network_initialize(asked.network, asked.seed, asked.pointers, asked.count);
}
static int run_initialize_with(void) {
  return (int)swiftrnn_network_initialize_with(asked.network, asked.initializer, asked.seed, asked.pointers,
                                               asked.count);
}

/* Asks, and with arguments that are refused; `changes` of those. */
static void ask(call *c, unsigned statuses, int64_t changes) {
  keep_blocks();
  name_call(c, "");
  (void)perform(c, statuses);
  changed_calls(c, changes, &fill_state);
}

/* One of the queries whose result is a number. */
static void ask_number(const facts *f) {
  static const function which[] = {F_network_output_size, F_network_input_count, F_network_parameter_count,
                                   F_network_flat_count, F_network_state_count};
  static int (*const run[])(void) = {run_output_size, run_input_count, run_parameter_count, run_flat_count,
                                     run_state_count};
  const int64_t values[] = {f->outputs, f->input_count, f->parameter_count, f->flat, f->state_count};
  const int64_t k = any(5);
  call c;
  asked.out_size = (int64_t *)array_new("out", FORWARD_RESULT, 8);
  call_begin(&c, which[k], run[k]);
  has_object(&c, "network", &asked.network);
  has_array(&c, "out", &asked.out_size, 8, 1);
  ask(&c, BIT(OK), 0);
  if (*asked.out_size != values[k]) REPORT("%" PRId64 ", was %" PRId64, *asked.out_size, values[k]);
  changed_calls(&c, 2, &fill_state);
}

/* One of the queries that fill a struct. */
static void ask_info(const facts *f) {
  static const function which[] = {F_network_input_info, F_network_parameter_info, F_network_state_info,
                                   F_network_state_part};
  static int (*const run[])(void) = {run_input_info, run_parameter_info, run_state_info, run_state_part};
  const int64_t counts[] = {f->input_count, f->parameter_count, f->state_count, f->state_count};
  static const int64_t sizes[] = {sizeof(swiftrnn_input_info), sizeof(swiftrnn_parameter_info),
                                  sizeof(swiftrnn_state_info), sizeof(swiftrnn_state_part)};
  const int64_t k = any(4);
  call c;
  asked.out = array_new("out", FORWARD_RESULT, sizes[k]);
  asked.index = counts[k] > 0 ? any(counts[k]) : 0, asked.layer = any(f->layers);
  call_begin(&c, which[k], run[k]);
  has_object(&c, "network", &asked.network);
  has_array(&c, "out", &asked.out, 8, 1);
  has_number(&c, "index", &asked.index, 0, counts[k] - 1, BIT(INVALID_VALUE));
  if (k == 3) has_number(&c, "layer", &asked.layer, 0, f->layers - 1, BIT(INVALID_VALUE));
  ask(&c, counts[k] > 0 ? BIT(OK) : BIT(INVALID_VALUE), 3);
}

/* Sizes of buffers, of passes that no memory could hold. `statuses` of a small pass. */
static void ask_sizes(unsigned statuses) {
  static const int64_t sizes[] = {0, 1, 2, 3, 1000, 1 << 20, (int64_t)1 << 30, MOST - 1, MOST};
  call c;
  const int is_tape = any(3) == 0;
  asked.out_size = (int64_t *)array_new("out_size", FORWARD_RESULT, 8);
  ENUM_FROM(swiftrnn_workspace, purpose, (int32_t)any(3));
  asked.steps = sizes[any(9)], asked.sequences = sizes[any(9)], asked.purpose = purpose;
  call_begin(&c, is_tape ? F_network_tape_size : F_network_workspace_size,
             is_tape ? run_tape_size : run_workspace_size);
  has_object(&c, "network", &asked.network);
  has_array(&c, "out_size", &asked.out_size, 8, 1);
  has_number(&c, "steps", &asked.steps, 0, MOST, BIT(INVALID_SIZE));
  has_number(&c, "sequences", &asked.sequences, 0, MOST, BIT(INVALID_SIZE));
  if (!is_tape) has_flag(&c, "purpose", &asked.purpose, 2);
  /* Chains of a dilated layer are sequences, and may be too many. */
  ask(&c, BIT(OK) | BIT(OVERFLOW) | (asked.is_dilated ? BIT(INVALID_SIZE) : 0), 0);
  /* A size that does not fit is no other refusal, but it may come first. */
  for (int i = 0; i < c.count; i++) {
    if (c.arguments[i].is == NUMBER) c.arguments[i].refusals |= BIT(OVERFLOW);
  }
  asked.steps = any(20), asked.sequences = any(20);
  ask(&c, statuses, 3);
}

/* A text whole, cut, and with no room at all. */
static void ask_text(const facts *f) {
  call c;
  const int is_cell = any(2) == 0;
  char name[64];
  int64_t count = 0, whole = 0;
  swiftrnn_cell_count(&count), swiftrnn_cell_name(any(count), name, sizeof name);
  char *own_name = (char *)array_new("name", INPUT, (int64_t)strlen(name) + 1);
  memcpy(own_name, name, strlen(name) + 1);
  asked.name = own_name, asked.text = NULL, asked.size = 0;
  asked.out_size = (int64_t *)array_new("out_size", FORWARD_RESULT, 8);
  call_begin(&c, is_cell ? F_cell_text : F_network_describe, is_cell ? run_cell_text : run_describe);
  keep_blocks();
  valid_call(&c, "");
  whole = *asked.out_size;
  asked.size = any(4) == 0 ? whole : any(4) == 0 ? whole + any(50) : any(whole + 1);
  if (whole < 2 || whole > 1 << 16) REPORT("a text of %" PRId64 " bytes", whole);
  asked.text = (char *)array_new("text", FORWARD_RESULT, asked.size);
  if (any(8) == 0) asked.out_size = NULL;
  has_array(&c, "text", &asked.text, 1, asked.size > 0);
  has_number(&c, "text_size", &asked.size, 0, INT64_MAX, BIT(INVALID_SIZE));
  if (asked.out_size != NULL) has_array(&c, "out_size", &asked.out_size, 8, 0);
  if (is_cell) {
    has_array(&c, "name", &asked.name, 1, 1);
  } else {
    has_object(&c, "network", &asked.network);
  }
  (void)f;
  ask(&c, BIT(OK), 0);
  const int64_t length = asked.size > 0 ? (int64_t)strnlen(asked.text, (size_t)asked.size) : 0;
  const int64_t expected = asked.size > whole ? whole - 1 : asked.size - 1;
  if (asked.size > 0 && length != expected) REPORT("%" PRId64 " bytes, not %" PRId64, length, expected);
  if (asked.out_size != NULL && *asked.out_size != whole) REPORT("another size");
  changed_calls(&c, 4, &fill_state);
}

/* Names of cells that the library has and that no library has. */
static void ask_names(void) {
  call c;
  int64_t count = 0;
  swiftrnn_cell_count(&count);
  asked.cell_index = any(count), asked.size = any(3) ? 64 : any(40);
  asked.text = (char *)array_new("name", FORWARD_RESULT, asked.size);
  call_begin(&c, F_cell_name, run_cell_name);
  has_array(&c, "name", &asked.text, 1, asked.size > 0);
  has_number(&c, "index", &asked.cell_index, 0, count - 1, BIT(INVALID_VALUE));
  /* Too little room comes first where there is less than the name takes. */
  for (int i = 0; i < c.count && asked.size < 64; i++) {
    c.arguments[i].refusals |= BIT(BUFFER_TOO_SMALL);
    if (c.arguments[i].is == NEEDED) c.arguments[i].is = WANTED;
  }
  ask(&c, asked.size < 64 ? BIT(OK) | BIT(BUFFER_TOO_SMALL) : BIT(OK), 2);
  asked.out_size = (int64_t *)array_new("out_count", FORWARD_RESULT, 8);
  call_begin(&c, F_cell_count, run_cell_count);
  has_array(&c, "out_count", &asked.out_size, 8, 1);
  ask(&c, BIT(OK), 1);
  char *name = (char *)array_new("name", INPUT, 12);
  for (int i = 0; i < 11; i++) name[i] = (char)(1 + any(255));
  name[any(12)] = 0, name[11] = 0;
  asked.name = name, asked.text = NULL, asked.size = 0;
  call_begin(&c, F_cell_text, run_cell_text);
  ask(&c, BIT(OK) | BIT(MISMATCH), 0);
}

static void ask_defaults(void) {
  call c;
  const int is_config = any(2) == 0;
  const int64_t known = is_config ? (int64_t)sizeof(swiftrnn_config) : (int64_t)sizeof(swiftrnn_initializer);
  asked.size = known + (any(2) ? 0 : any(100));
  ENUM_FROM(swiftrnn_cell, cell, 1 + (int32_t)any(6));
  asked.cell = cell;
  void *memory = array_new("the struct", FORWARD_RESULT, asked.size);
  asked.config = (swiftrnn_config *)memory, asked.defaults = (swiftrnn_initializer *)memory;
  if (((uintptr_t)memory & 7) != 0) return; /* a struct of odd size cannot end at a border */
  call_begin(&c, is_config ? F_config_init : F_initializer_init, is_config ? run_config_init : run_initializer_init);
  has_array(&c, "the struct", is_config ? (void *)&asked.config : (void *)&asked.defaults, 8, 1);
  argument_new(&c, "size", STRUCT_BYTES, &asked.size)->low = known;
  if (is_config) {
    argument *a = argument_new(&c, "cell", NUMBER_32, &asked.cell);
    a->low = 1, a->high = 6;
  }
  ask(&c, BIT(OK), 3);
}

static void ask_library(void) {
  call c;
  const char *version = swiftrnn_version(), *isa = swiftrnn_isa();
  all->calls[F_version][0]++, all->calls[F_isa][0]++, all->calls[F_status_string][0]++, all->calls[F_last_error][0]++;
  ENUM_FROM(swiftrnn_status, status, (int32_t)next_random(&random_state));
  if (version == NULL || isa == NULL || strlen(version) < 5) REPORT("no version, or no instruction set");
  if (strlen(swiftrnn_status_string(status)) == 0 || strlen(swiftrnn_last_error()) > 1023) REPORT("no text");
  asked.threads = any(1025);
  call_begin(&c, F_set_num_threads, run_threads);
  has_number(&c, "threads", &asked.threads, 0, 1024, BIT(INVALID_VALUE));
  ask(&c, BIT(OK), 0);
  const int64_t before = swiftrnn_get_num_threads();
  all->calls[F_get_num_threads][0]++;
  if (asked.threads > 0 && before != asked.threads) REPORT("%" PRId64 " threads", before);
  ask(&c, BIT(OK), 2);
  set_threads();
}

/* ---- Parameters --------------------------------------------------------------------------------------------------*/

static void flat_pointers(const facts *f) {
  call c;
  asked.size = f->flat * f->element, asked.count = f->parameter_count;
  asked.flat = array_new("flat", INPUT, asked.size);
  asked.pointers = (void **)array_new("pointers", FORWARD_RESULT, f->parameter_count * (int64_t)sizeof(void *));
  call_begin(&c, F_network_flat_pointers, run_flat_pointers);
  has_object(&c, "network", &asked.network);
  has_array(&c, "flat", &asked.flat, (int)f->element, 1);
  has_array(&c, "pointers", &asked.pointers, 8, 1);
  has_bytes(&c, "flat_size", &asked.size);
  has_count(&c, "pointer_count", &asked.count);
  ask(&c, BIT(OK), 0);
  for (int64_t i = 0; i < f->parameter_count; i++) {
    if (asked.pointers[i] != (char *)asked.flat + f->parameters[i].offset * f->element) REPORT("pointer %d", (int)i);
  }
  changed_calls(&c, 3, &fill_state);
}

/* Draws twice, in different places: the same numbers, and none of them NaN. */
static void draw_parameters(const facts *f) {
  static const double no_scale[] = {-1, NAN, INFINITY, -INFINITY, 1e31}, no_number[] = {NAN, INFINITY, -INFINITY, 1e31};
  swiftrnn_initializer g;
  const int with = any(2) == 0;
  const uint64_t left_out = any(2) ? 0 : next_random(&random_state);
  unsigned statuses = BIT(OK);
  memset(&g, 0, sizeof g);
  swiftrnn_initializer_init(&g, (int64_t)sizeof g), all->calls[F_initializer_init][0]++;
  g.weights = (swiftrnn_distribution)any(12), g.recurrent = (swiftrnn_distribution)any(12);
  g.bias = (swiftrnn_distribution)any(4), g.forget_gate = (swiftrnn_forget_gate)any(3);
  g.weights_scale = (double)any(3), g.bias_scale = (double)any(3), g.forget_value = (double)(2 + any(100));
  if (with && g.forget_gate != SWIFTRNN_FORGET_GATE_AS_BIAS) statuses |= BIT(UNSUPPORTED);
  asked.seed = next_random(&random_state);
  for (int round = 0; round < 2; round++) {
    call c;
    int64_t tail = 0;
    slots_reset();
    placement_state = next_random(&random_state);
    swiftrnn_initializer *given = (swiftrnn_initializer *)struct_new("initializer", &g, (int64_t)sizeof g, &tail);
    asked.initializer = given;
    asked.pointers = parameters_new(f, "a parameter", FORWARD_RESULT, left_out, 0, NULL);
    asked.count = f->parameter_count;
    call_begin(&c, with ? F_network_initialize_with : F_network_initialize,
               with ? run_initialize_with : run_initialize);
    has_object(&c, "network", &asked.network);
    has_pointers(&c, "parameters", &asked.pointers, f->parameter_count, (int)f->element, 1, 0);
    has_count(&c, "parameter_count", &asked.count);
    if (with) {
      has_array(&c, "initializer", &asked.initializer, 8, 1);
      has_struct(&c, given, (int64_t)sizeof g, tail);
      has_flag(&c, "weights", &given->weights, 11), has_flag(&c, "recurrent", &given->recurrent, 11);
      has_flag(&c, "bias", &given->bias, 3), has_flag(&c, "forget_gate", &given->forget_gate, 2);
      const int any_sign = g.weights == SWIFTRNN_DISTRIBUTION_CONSTANT || g.weights == SWIFTRNN_DISTRIBUTION_IDENTITY;
      if (g.weights != SWIFTRNN_DISTRIBUTION_TORCH) {
        has_real(&c, "weights_scale", &given->weights_scale, any_sign ? no_number : no_scale, any_sign ? 4 : 5);
      }
    }
    fill_outputs(&fill_state, 1);
    keep_blocks();
    name_call(&c, "");
    const int status = perform(&c, statuses);
    if (status == 0 && round == 0) record_keep(&drawn, FORWARD_RESULT);
    if (status == 0 && round == 1) {
      comparison k;
      memset(&k, 0, sizeof k);
      k.with = &drawn, k.dtype = f->dtype;
      each_piece(FORWARD_RESULT, compare_piece, &k);
      if (k.other != NULL) REPORT("drew %.17g, before %.17g", k.value, k.was);
    }
    for (int64_t i = 0; i < f->parameter_count && status == 0; i++) {
      for (int64_t j = 0; j < f->parameters[i].elements && asked.pointers[i] != NULL; j++) {
        if (isnan(get_number(f->dtype, asked.pointers[i], j))) REPORT("parameter %s is NaN", f->parameters[i].name);
      }
    }
    if (round == 0 && f->flat < 5000 && statuses == BIT(OK)) changed_calls(&c, 3, &fill_state);
  }
}

/* Some of all that a network can be asked. */
static void query(const facts *f) {
  asked.network = f->network, asked.is_dilated = f->made_of.has_dilations;
  slots_reset();
  for (int64_t k = 2 + any(6); k > 0; k--) {
    switch (any(8)) {
      case 0: ask_number(f); break;
      case 1: ask_info(f); break;
      case 2: ask_sizes(BIT(OK)); break;
      case 3: ask_text(f); break;
      case 4: ask_names(); break;
      case 5: ask_defaults(); break;
      case 6: ask_library(); break;
      default: flat_pointers(f);
    }
  }
  /* Orthogonal matrices take the third power of their size. */
  if (f->flat < 20000 && any(3) == 0) draw_parameters(f);
}

#endif
