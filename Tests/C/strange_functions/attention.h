/* Dropout, pooling and attention with random arguments; each refused, then the same bits with other threads in other
 * places. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_ATTENTION_H
#define SWIFTRNN_TEST_ATTENTION_H

#include "training.h"

static struct {
  swiftrnn_dtype dtype;
  int64_t steps, sequences, width;
  const void *x;
  void *y;
  uint64_t *out_seed;
  const swiftrnn_dropout_config *dropout;
  const swiftrnn_pool_config *pool;
  const swiftrnn_pool_args *pool_args;
  const swiftrnn_pool_backward_args *pool_backward;
  const swiftrnn_attention_config *attention;
  const swiftrnn_attention_args *args;
  const swiftrnn_attention_backward_args *backward;
} u;

static int run_dropout(void) {
  return (int)swiftrnn_dropout(u.dtype, u.dropout, u.steps, u.sequences, u.width, u.x, u.y, u.out_seed);
}
static int run_pool_forward(void) { return (int)swiftrnn_pool_forward(u.dtype, u.pool, u.pool_args); }
static int run_pool_backward(void) { return (int)swiftrnn_pool_backward(u.dtype, u.pool, u.pool_backward); }
static int run_attention_memory(void) { return (int)swiftrnn_attention_memory(u.dtype, u.attention, u.args); }
static int run_attention_forward(void) { return (int)swiftrnn_attention_forward(u.dtype, u.attention, u.args); }
static int run_attention_backward(void) { return (int)swiftrnn_attention_backward(u.dtype, u.attention, u.backward); }
static int run_memory_backward(void) {
  return (int)swiftrnn_attention_memory_backward(u.dtype, u.attention, u.backward);
}

/* What is drawn once for a call and its repetitions. */
typedef struct attending {
  function which;
  int32_t kind, directions, flag, other_flag;
  int64_t steps, sequences, queries, query_size, key_size, value_size, size, layer, first_step, first_sequence;
  int is_odd, has[12], is_seeded;
  double p, scale;
  uint64_t numbers, seed;
} attending;

static const double no_scale[] = {NAN, INFINITY, -INFINITY};

static int64_t *lengths_new(const attending *e, uint64_t *state) {
  int64_t *lengths = (int64_t *)array_new("lengths", INPUT, e->sequences * 8);
  for (int64_t i = 0; i < e->sequences; i++) lengths[i] = (int64_t)(next_random(state) % (uint64_t)(e->steps + 1));
  return lengths;
}

static uint8_t *mask_new(const attending *e, uint64_t *state) {
  uint8_t *mask = (uint8_t *)array_new("mask", INPUT, e->steps * e->sequences);
  for (int64_t i = 0; i < e->steps * e->sequences; i++) mask[i] = (uint8_t)(next_random(state) % 3);
  return mask;
}

static void has_lengths(call *c, const attending *e, const int64_t **place) {
  if (*place == NULL) return;
  has_array(c, "lengths", place, 8, 0);
  for (int i = 0; i < 2 && e->sequences > 0; i++) {
    has_number(c, "a length", (int64_t *)(uintptr_t)&(*place)[any(e->sequences)], 0, e->steps, BIT(INVALID_SIZE));
  }
}

/* A size that arrays depend on: a negative one is refused, others may be. */
static void has_extent(call *c, const char *name, int64_t *place) { has_stride(c, name, place, 0, 1); }

static void make_dropout(const attending *e, const facts *f, call *c, int in_place) {
  uint64_t state = e->numbers;
  int64_t tail = 0;
  const int64_t count = e->steps * e->sequences * e->key_size;
  swiftrnn_dropout_config g;
  memset(&g, 0, sizeof g);
  g.p = e->p, g.layer = e->layer, g.seeded = e->is_seeded;
  if (e->is_seeded) g.seed = e->seed, g.first_step = e->first_step, g.first_sequence = e->first_sequence;
  swiftrnn_dropout_config *given = (swiftrnn_dropout_config *)struct_new("config", &g, (int64_t)sizeof g, &tail);
  u.dropout = given, u.steps = e->steps, u.sequences = e->sequences, u.width = e->key_size;
  u.x = numbers_new(f, in_place ? "y" : "x", in_place ? FORWARD_RESULT : INPUT, count, e->is_odd, &state);
  u.y = in_place ? (void *)(uintptr_t)u.x : numbers_new(f, "y", FORWARD_RESULT, count, 0, NULL);
  u.out_seed = e->has[0] ? (uint64_t *)array_new("out_seed", FORWARD_RESULT, 8) : NULL;
  call_begin(c, F_dropout, run_dropout);
  has_array(c, "config", &u.dropout, 8, 1);
  has_struct(c, given, (int64_t)sizeof g, tail);
  has_seed(c, &given->seeded, &given->reserved, g.seed != 0 || g.first_step != 0 || g.first_sequence != 0);
  has_real(c, "p", &given->p, no_share, 7);
  has_number(c, "layer", &given->layer, 0, ((int64_t)1 << 31) - 1, BIT(INVALID_VALUE));
  const int64_t words = (int64_t)1 << 32;
  const unsigned refusals = BIT(INVALID_VALUE);
  if (e->is_seeded) {
    has_number(c, "first_step", &given->first_step, 0, words - e->steps, refusals);
    has_number(c, "first_sequence", &given->first_sequence, 0, words - e->sequences, refusals);
  }
  has_extent(c, "steps", &u.steps), has_extent(c, "sequences", &u.sequences), has_extent(c, "width", &u.width);
  has_array(c, "x", &u.x, (int)f->element, count > 0), has_array(c, "y", &u.y, (int)f->element, count > 0);
  if (u.out_seed != NULL) has_array(c, "out_seed", &u.out_seed, 8, 0);
}

static void make_pool(const attending *e, const facts *f, call *c) {
  uint64_t state = e->numbers;
  int64_t tail = 0, args_tail = 0;
  const int element = (int)f->element, is_backward = e->which == F_pool_backward;
  const int attends = e->kind == (int32_t)SWIFTRNN_POOL_ATTENTION, reads = attends || e->kind == 2 || !is_backward;
  const int64_t rows = e->steps * e->sequences, width = e->key_size * (e->directions == 2 ? 2 : 1);
  const int64_t size = attends ? e->size : 0;
  swiftrnn_pool_config g;
  memset(&g, 0, sizeof g);
  g.kind = (swiftrnn_pool_kind)e->kind, g.num_directions = e->directions, g.width = width, g.attention_size = size;
  swiftrnn_pool_config *given = (swiftrnn_pool_config *)struct_new("config", &g, (int64_t)sizeof g, &tail);
  u.pool = given;
  swiftrnn_pool_args a;
  swiftrnn_pool_backward_args b;
  memset(&a, 0, sizeof a), memset(&b, 0, sizeof b);
  a.steps = b.steps = e->steps, a.sequences = b.sequences = e->sequences;
  a.lengths = b.lengths = e->has[0] ? lengths_new(e, &state) : NULL;
  a.mask = b.mask = e->has[1] ? mask_new(e, &state) : NULL;
  a.y = b.y = numbers_new(f, "y", INPUT, rows * width, e->is_odd, &state);
  if (attends) {
    a.weight = b.weight = numbers_new(f, "weight", INPUT, size * width, 0, &state);
    a.bias = b.bias = e->has[2] ? numbers_new(f, "bias", INPUT, size, 0, &state) : NULL;
    a.query = b.query = numbers_new(f, "query", INPUT, size, 0, &state);
  }
  if (is_backward) {
    b.dout = numbers_new(f, "dout", INPUT, e->sequences * width, 0, &state), b.accumulate = e->flag;
    b.dy = wanted(f, e->has[3], "dy", rows * width, &state);
    b.dweight = wanted(f, attends && e->has[4], "dweight", size * width, &state);
    b.dbias = wanted(f, attends && e->has[5], "dbias", size, &state);
    b.dquery = wanted(f, attends && e->has[6], "dquery", size, &state);
    swiftrnn_pool_backward_args *args =
        (swiftrnn_pool_backward_args *)struct_new("args", &b, (int64_t)sizeof b, &args_tail);
    u.pool_backward = args;
    call_begin(c, F_pool_backward, run_pool_backward);
    has_array(c, "args", &u.pool_backward, 8, 1), has_struct(c, args, (int64_t)sizeof b, args_tail);
    has_extent(c, "steps", &args->steps), has_extent(c, "sequences", &args->sequences);
    has_lengths(c, e, &args->lengths);
    if (reads) has_array(c, "y", &args->y, element, rows * width > 0);
    if (attends) has_array(c, "weight", &args->weight, element, size * width > 0);
    if (attends) has_array(c, "query", &args->query, element, size > 0);
    if (args->bias != NULL) has_array(c, "bias", &args->bias, element, 0);
    has_array(c, "dout", &args->dout, element, e->sequences * width > 0);
    if (args->dy != NULL) has_array(c, "dy", &args->dy, element, 0);
    if (args->dweight != NULL) has_array(c, "dweight", &args->dweight, element, 0);
    if (args->dbias != NULL) has_array(c, "dbias", &args->dbias, element, 0);
    if (args->dquery != NULL) has_array(c, "dquery", &args->dquery, element, 0);
    has_flag(c, "accumulate", &args->accumulate, 1), has_flag(c, "reserved", &args->reserved, 0);
  } else {
    a.out = numbers_new(f, "out", FORWARD_RESULT, e->sequences * width, 0, NULL);
    a.weights = wanted(f, attends && e->has[3], "weights", rows, NULL);
    swiftrnn_pool_args *args = (swiftrnn_pool_args *)struct_new("args", &a, (int64_t)sizeof a, &args_tail);
    u.pool_args = args;
    call_begin(c, F_pool_forward, run_pool_forward);
    has_array(c, "args", &u.pool_args, 8, 1), has_struct(c, args, (int64_t)sizeof a, args_tail);
    has_extent(c, "steps", &args->steps), has_extent(c, "sequences", &args->sequences);
    has_lengths(c, e, &args->lengths);
    has_array(c, "y", &args->y, element, rows * width > 0);
    if (attends) has_array(c, "weight", &args->weight, element, size * width > 0);
    if (attends) has_array(c, "query", &args->query, element, size > 0);
    if (args->bias != NULL) has_array(c, "bias", &args->bias, element, 0);
    has_array(c, "out", &args->out, element, e->sequences * width > 0);
    if (args->weights != NULL) has_array(c, "weights", &args->weights, element, 0);
  }
  has_array(c, "config", &u.pool, 8, 1), has_struct(c, given, (int64_t)sizeof g, tail);
  has_flag(c, "kind", &given->kind, 3);
  has_flag(c, "num_directions", &given->num_directions, e->kind == 0 ? 2 : 1);
  has_extent(c, "width", &given->width), has_extent(c, "attention_size", &given->attention_size);
}

/* The sizes of parameters, 0 of those that the kind lacks. */
typedef struct attention_sizes {
  int64_t query_size, memory, values, size, query_weight, weight;
  int is_tanh, has_weight;
} attention_sizes;

static attention_sizes sizes_of(const attending *e) {
  attention_sizes s;
  memset(&s, 0, sizeof s);
  s.is_tanh = e->kind >= (int32_t)SWIFTRNN_ATTENTION_CONCAT, s.has_weight = e->kind != 0;
  s.query_size = e->kind == 0 ? e->key_size : e->query_size;
  s.size = s.is_tanh ? e->size : 0;
  s.memory = s.is_tanh ? s.size : s.query_size;
  s.values = e->has[4] ? e->value_size : e->key_size;
  s.query_weight = e->kind == 3 ? s.size * s.query_size : 0;
  s.weight = e->kind == 1 ? s.query_size * e->key_size
             : e->kind == 2 ? s.size * (s.query_size + e->key_size) : s.size * e->key_size;
  return s;
}

static void has_attention_config(call *c, swiftrnn_attention_config *given, int64_t tail) {
  has_array(c, "config", &u.attention, 8, 1), has_struct(c, given, (int64_t)sizeof *given, tail);
  has_flag(c, "kind", &given->kind, 3), has_flag(c, "reserved", &given->reserved, 0);
  has_extent(c, "query_size", &given->query_size), has_extent(c, "key_size", &given->key_size);
  has_extent(c, "value_size", &given->value_size), has_extent(c, "attention_size", &given->attention_size);
  has_real(c, "scale", &given->scale, no_scale, 3);
}

static void make_attention(const attending *e, const facts *f, call *c) {
  uint64_t state = e->numbers;
  int64_t tail = 0, args_tail = 0;
  const int element = (int)f->element, is_odd = e->is_odd;
  const attention_sizes s = sizes_of(e);
  const int64_t rows = e->steps * e->sequences, queries = e->queries * e->sequences;
  const int makes_memory = e->which == F_attention_memory;
  const int is_of_memory = makes_memory || e->which == F_attention_memory_backward;
  const int is_backward = e->which == F_attention_backward || e->which == F_attention_memory_backward;
  const int has_memory = !is_of_memory && e->has[5], is_concat = e->kind == 2;
  const int needs_weight = s.has_weight && (is_concat || !has_memory);
  swiftrnn_attention_config g;
  memset(&g, 0, sizeof g);
  g.kind = (swiftrnn_attention_kind)e->kind, g.query_size = s.query_size, g.key_size = e->key_size;
  g.value_size = s.values, g.attention_size = s.size, g.scale = e->scale;
  swiftrnn_attention_config *given = (swiftrnn_attention_config *)struct_new("config", &g, (int64_t)sizeof g, &tail);
  u.attention = given;
  swiftrnn_attention_args a;
  memset(&a, 0, sizeof a);
  a.steps = e->steps, a.sequences = e->sequences, a.query_steps = is_of_memory ? 0 : e->queries;
  a.lengths = e->has[0] ? lengths_new(e, &state) : NULL;
  a.mask = e->has[1] ? mask_new(e, &state) : NULL;
  a.keys = numbers_new(f, "keys", INPUT, rows * e->key_size, is_odd, &state);
  if (!is_of_memory) {
    a.queries = numbers_new(f, "queries", INPUT, queries * s.query_size, is_odd, &state);
    a.values = e->has[4] ? numbers_new(f, "values", INPUT, rows * s.values, is_odd, &state) : NULL;
    a.query_weight = e->kind == 3 ? numbers_new(f, "query_weight", INPUT, s.query_weight, 0, &state) : NULL;
    a.score = s.is_tanh ? numbers_new(f, "score", INPUT, s.size, 0, &state) : NULL;
    a.memory = has_memory ? numbers_new(f, "memory", INPUT, rows * s.memory, is_odd, &state) : NULL;
  }
  a.weight = needs_weight ? numbers_new(f, "weight", INPUT, s.weight, 0, &state) : NULL;
  a.bias = s.is_tanh && e->has[2] ? numbers_new(f, "bias", INPUT, s.size, 0, &state) : NULL;
  if (is_backward) {
    swiftrnn_attention_backward_args b;
    memset(&b, 0, sizeof b);
    b.steps = a.steps, b.sequences = a.sequences, b.query_steps = a.query_steps, b.lengths = a.lengths;
    b.mask = a.mask, b.queries = a.queries, b.keys = a.keys, b.values = a.values, b.query_weight = a.query_weight;
    b.weight = a.weight, b.bias = a.bias, b.score = a.score, b.memory = a.memory;
    b.accumulate = e->flag, b.accumulate_keys = e->other_flag;
    b.dkeys = wanted(f, !has_memory && e->has[6], "dkeys", rows * e->key_size, &state);
    const int wants_weight = s.has_weight && (is_concat || !has_memory) && e->has[7];
    b.dweight = wanted(f, wants_weight, "dweight", s.weight, &state);
    b.dbias = wanted(f, s.is_tanh && !has_memory && e->has[8], "dbias", s.size, &state);
    if (is_of_memory) {
      b.dmemory = numbers_new(f, "dmemory", INPUT, rows * s.memory, 0, &state);
    } else {
      b.weights = numbers_new(f, "weights", INPUT, queries * e->steps, 0, &state);
      b.dcontext = numbers_new(f, "dcontext", INPUT, queries * s.values, 0, &state);
      b.dqueries = wanted(f, e->has[9], "dqueries", queries * s.query_size, &state);
      b.dmemory = wanted(f, has_memory && e->has[10], "dmemory", rows * s.memory, &state);
      b.dvalues = wanted(f, (has_memory || e->has[4]) && e->has[11], "dvalues", rows * s.values, &state);
      b.dquery_weight = wanted(f, e->kind == 3 && e->has[8], "dquery_weight", s.query_weight, &state);
      b.dscore = wanted(f, s.is_tanh && e->has[3], "dscore", s.size, &state);
    }
    swiftrnn_attention_backward_args *args =
        (swiftrnn_attention_backward_args *)struct_new("args", &b, (int64_t)sizeof b, &args_tail);
    u.backward = args;
    call_begin(c, e->which, is_of_memory ? run_memory_backward : run_attention_backward);
    has_array(c, "args", &u.backward, 8, 1), has_struct(c, args, (int64_t)sizeof b, args_tail);
    has_extent(c, "steps", &args->steps), has_extent(c, "sequences", &args->sequences);
    has_lengths(c, e, &args->lengths);
    if (needs_weight) has_array(c, "weight", &args->weight, element, s.weight > 0);
    if (args->bias != NULL) has_array(c, "bias", &args->bias, element, 0);
    has_flag(c, "accumulate", &args->accumulate, 1), has_flag(c, "accumulate_keys", &args->accumulate_keys, 1);
    if (args->dkeys != NULL) has_array(c, "dkeys", &args->dkeys, element, 0);
    if (args->dweight != NULL) has_array(c, "dweight", &args->dweight, element, 0);
    if (args->dbias != NULL) has_array(c, "dbias", &args->dbias, element, 0);
    if (is_of_memory) {
      has_array(c, "dmemory", &args->dmemory, element, rows * s.memory > 0);
      if (b.dweight != NULL) has_array(c, "keys", &args->keys, element, rows * e->key_size > 0);
    } else {
      has_extent(c, "query_steps", &args->query_steps);
      has_array(c, "queries", &args->queries, element, queries * s.query_size > 0);
      has_array(c, "weights", &args->weights, element, queries * e->steps > 0);
      has_array(c, "dcontext", &args->dcontext, element, queries * s.values > 0);
      if (!has_memory || !e->has[4]) has_array(c, "keys", &args->keys, element, rows * e->key_size > 0);
      if (s.is_tanh) has_array(c, "score", &args->score, element, s.size > 0);
      if (args->dqueries != NULL) has_array(c, "dqueries", &args->dqueries, element, 0);
      if (args->dmemory != NULL) has_array(c, "dmemory", &args->dmemory, element, 0);
      if (args->dvalues != NULL) has_array(c, "dvalues", &args->dvalues, element, 0);
      if (args->dscore != NULL) has_array(c, "dscore", &args->dscore, element, 0);
    }
  } else {
    if (makes_memory) {
      a.memory = numbers_new(f, "memory", FORWARD_RESULT, rows * s.memory, 0, NULL);
    } else {
      a.context = numbers_new(f, "context", FORWARD_RESULT, queries * s.values, 0, NULL);
      a.weights = wanted(f, e->has[3], "weights", queries * e->steps, NULL);
    }
    swiftrnn_attention_args *args =
        (swiftrnn_attention_args *)struct_new("args", &a, (int64_t)sizeof a, &args_tail);
    u.args = args;
    call_begin(c, e->which, makes_memory ? run_attention_memory : run_attention_forward);
    has_array(c, "args", &u.args, 8, 1), has_struct(c, args, (int64_t)sizeof a, args_tail);
    has_extent(c, "steps", &args->steps), has_extent(c, "sequences", &args->sequences);
    has_lengths(c, e, &args->lengths);
    if (needs_weight) has_array(c, "weight", &args->weight, element, s.weight > 0);
    if (args->bias != NULL) has_array(c, "bias", &args->bias, element, 0);
    if (!has_memory || !e->has[4]) has_array(c, "keys", &args->keys, element, rows * e->key_size > 0);
    if (makes_memory) {
      has_array(c, "memory", &args->memory, element, rows * s.memory > 0);
    } else {
      has_extent(c, "query_steps", &args->query_steps);
      has_array(c, "queries", &args->queries, element, queries * s.query_size > 0);
      if (s.is_tanh) has_array(c, "score", &args->score, element, s.size > 0);
      has_array(c, "context", &args->context, element, queries * s.values > 0);
      if (args->weights != NULL) has_array(c, "weights", &args->weights, element, 0);
    }
  }
  has_attention_config(c, given, tail);
}

static void draw_attending(attending *e) {
  static const function functions[] = {F_dropout,           F_pool_forward,       F_pool_backward,
                                       F_attention_memory,  F_attention_forward,  F_attention_backward,
                                       F_attention_memory_backward};
  memset(e, 0, sizeof *e);
  const int is_large = any(40) == 0;
  e->which = functions[any(7)];
  e->kind = (int32_t)any(4);
  e->directions = (int32_t)any(e->which != F_dropout && e->kind == 0 ? 3 : 2);
  e->steps = is_large ? any(60) : any(8), e->sequences = is_large ? any(20) : any(5);
  e->queries = is_large ? any(300) : any(7);
  e->key_size = is_large ? any(70) : any(20), e->query_size = is_large ? any(70) : any(20);
  e->value_size = is_large ? any(70) : any(20), e->size = is_large ? any(70) : any(20);
  e->layer = any(2) ? any(9) : ((int64_t)1 << 31) - 1;
  e->is_seeded = 1;
  e->first_step = any(3) ? 0 : any(1000), e->first_sequence = any(3) ? 0 : ((int64_t)1 << 32) - e->sequences;
  e->is_odd = any(6) == 0, e->flag = (int32_t)any(2), e->other_flag = (int32_t)any(2);
  for (int i = 0; i < 12; i++) e->has[i] = any(3) != 0;
  e->p = any(6) ? 0.3 : 0, e->scale = any(2) ? 0 : 0.5;
  e->numbers = next_random(&random_state), e->seed = any(4) ? next_random(&random_state) : 0;
}

static void make_attending(const attending *e, const facts *f, call *c, int is_second) {
  slots_reset();
  placement_state = next_random(&random_state);
  if (e->which == F_dropout) {
    make_dropout(e, f, c, is_second && e->has[1]);
  } else if (e->which == F_pool_forward || e->which == F_pool_backward) {
    make_pool(e, f, c);
  } else {
    make_attention(e, f, c);
  }
  has_flag(c, "dtype", &u.dtype, 1);
  set_threads();
  keep_blocks();
}

static void attention(void) {
  static attending e;
  static facts f; /* of no network */
  call c;
  draw_attending(&e);
  f.dtype = u.dtype = any(2) ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32;
  f.element = f.dtype == SWIFTRNN_FLOAT64 ? 8 : 4;
  snprintf(now->sizes, sizeof now->sizes,
           "dtype %d kind %d steps %" PRId64 " sequences %" PRId64 " queries %" PRId64 " Q %" PRId64 " K %" PRId64
           " V %" PRId64 " A %" PRId64 " odd %d flags %d%d has %d%d%d%d%d%d%d%d%d%d%d%d",
           (int)f.dtype, (int)e.kind, e.steps, e.sequences, e.queries, e.query_size, e.key_size, e.value_size, e.size,
           e.is_odd, (int)e.flag, (int)e.other_flag, e.has[0], e.has[1], e.has[2], e.has[3], e.has[4], e.has[5],
           e.has[6], e.has[7], e.has[8], e.has[9], e.has[10], e.has[11]);
  now->size = 0;
  make_attending(&e, &f, &c, 0);
  name_call(&c, "");
  if (perform(&c, BIT(OK)) != 0) return;
  record_keep(&inferred, FORWARD_RESULT);
  make_attending(&e, &f, &c, 1);
  name_call(&c, " elsewhere");
  if (perform(&c, BIT(OK)) != 0) return;
  const int in_place = e.which == F_dropout && e.has[1];
  if (!in_place) compare_results(&f, &inferred, FORWARD_RESULT, "elsewhere");
  changed_calls(&c, in_place ? 0 : 12, &fill_state);
}

#endif
