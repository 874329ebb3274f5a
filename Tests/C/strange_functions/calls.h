/* One call of the library: its arguments with what they may be, what a stranger would pass instead, and what must hold
 * after the call, refused or not. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_CALLS_H
#define SWIFTRNN_TEST_CALLS_H

#include "slots.h"

#define EACH_FUNCTION(X)                                                                                              \
  X(version) X(status_string) X(last_error) X(isa) X(set_num_threads) X(get_num_threads) X(config_init)               \
  X(network_create) X(network_destroy) X(cell_parse) X(equations_destroy) X(network_create_equations)                 \
  X(network_describe) X(network_output_size) X(network_input_count) X(network_input_info) X(cell_count) X(cell_name)  \
  X(cell_text) X(network_parameter_count) X(network_parameter_info) X(network_flat_count) X(network_flat_pointers)    \
  X(network_initialize) X(initializer_init) X(network_initialize_with) X(network_state_count) X(network_state_info)   \
  X(network_state_part) X(weights_create) X(weights_destroy) X(network_workspace_size) X(network_tape_size)           \
  X(network_forward) X(network_backward) X(network_update_statistics) X(stream_create) X(stream_destroy)              \
  X(stream_step) X(stream_step_inputs) X(stream_run) X(stream_reset) X(stream_get_state) X(stream_set_state)          \
  X(forest_create) X(forest_create_edges) X(forest_destroy) X(forest_tape_size) X(forest_workspace_size)              \
  X(forest_forward) X(forest_backward) X(embedding_forward) X(embedding_backward) X(linear_forward)                   \
  X(linear_backward) X(cross_entropy) X(clip_gradients) X(sgd_step) X(adam_step) X(sample) X(cross_entropy_with)      \
  X(linear_cross_entropy) X(elementwise_loss) X(clip_values) X(rmsprop_step) X(dropout) X(pool_forward)               \
  X(pool_backward) X(attention_memory) X(attention_forward) X(attention_backward) X(attention_memory_backward)  \
  X(vocabulary_create) X(vocabulary_create_from_file) X(vocabulary_parse) X(vocabulary_destroy) X(vocabulary_json)    \
  X(vocabulary_size) X(vocabulary_id) X(vocabulary_encode) X(vocabulary_decode) X(text_stream_open)                   \
  X(text_stream_destroy) X(text_stream_position) X(text_stream_next) X(text_stream_seek) X(model_create)              \
  X(model_load) X(model_save) X(model_destroy) X(model_initialize) X(model_configuration) X(model_dtype)              \
  X(model_parameters) X(model_parameter_count) X(model_parameter_info_at) X(model_set_vocabulary)                     \
  X(model_vocabulary) X(model_set_metadata) X(model_metadata) X(model_state_create) X(model_state_destroy)            \
  X(model_state_reset) X(model_loss) X(model_evaluate) X(model_predict) X(model_score) X(model_generate)              \
  X(inspection_create) X(inspection_destroy) X(inspection_json) X(trainer_create) X(trainer_destroy)                  \
  X(trainer_settings) X(trainer_step) X(trainer_update) X(trainer_report) X(trainer_rate) X(trainer_set_rate_factor)  \
  X(trainer_save) X(trainer_load) X(trainer_progress) X(tensors_load) X(tensors_destroy) X(tensors_count)             \
  X(tensors_index) X(tensors_info_at) X(tensors_metadata) X(tensors_parameters)

#define NUMBER_OF(name) F_##name,
#define NAME_OF(name) #name,
typedef enum function { EACH_FUNCTION(NUMBER_OF) FUNCTIONS } function;
static const char *const function_names[FUNCTIONS] = {EACH_FUNCTION(NAME_OF)};

enum { STATUSES = 12, MOST_ARGUMENTS = 120, MOST_CHANGES = 3 };

/* What all children have done; shared with the parent. */
typedef struct tally {
  long calls[FUNCTIONS][STATUSES];
  long number, accepted_changes; /* calls of this iteration; changed calls that were taken all the same */
  char text[1024];               /* the call that runs, and what was changed in it */
} tally;
static tally *all;
static int is_traced;

/* ---- Arguments ---------------------------------------------------------------------------------------------------*/

typedef enum kind {
  OBJECT,       /* a handle, or a struct's or a result's address: never NULL */
  NEEDED,       /* an array: never NULL */
  WANTED,       /* an array that may be NULL */
  NUMBER,       /* int64_t in low ... high */
  NUMBER_32,    /* int32_t in low ... high: flags, enumerations, 0 of what is reserved */
  COUNT,        /* int64_t, no other */
  BYTES,        /* int64_t: of a buffer that must not be smaller */
  STRIDE,       /* int64_t, low or more; `high` rows lie that far apart, and more than one must fit */
  STRUCT_BYTES, /* int64_t: a struct's own size, `low` of which the library knows */
  TAIL,         /* a byte of a struct that the library does not know: 0 */
  REAL          /* a double; `refused` are not taken */
} kind;

typedef struct argument {
  const char *name;
  kind is;
  void *place;
  int64_t low, high;
  int alignment;
  unsigned refusals; /* a bit for each status that a wrong value may give */
  const double *refused;
  int refused_count;
} argument;

typedef struct call {
  function which;
  int (*run)(void);
  argument arguments[MOST_ARGUMENTS];
  int count;
  int reads_tape;
  int may_write; /* also where it is refused */
} call;

#define BIT(status) (1u << (int)(SWIFTRNN_STATUS_##status))
static const unsigned any_status = (1u << STATUSES) - 1;

static inline void call_begin(call *c, function which, int (*run)(void)) {
  c->which = which, c->run = run, c->count = c->reads_tape = c->may_write = 0;
}

static inline argument *argument_new(call *c, const char *name, kind is, void *place) {
  if (c->count == MOST_ARGUMENTS) required(NULL);
  argument *a = &c->arguments[c->count++];
  memset(a, 0, sizeof *a);
  a->name = name, a->is = is, a->place = place, a->alignment = 8;
  return a;
}
static inline void has_object(call *c, const char *name, void *place) {
  argument_new(c, name, OBJECT, place)->alignment = 1;
}
static inline void has_array(call *c, const char *name, void *place, int alignment, int is_needed) {
  argument_new(c, name, is_needed ? NEEDED : WANTED, place)->alignment = alignment;
}
static inline void has_number(call *c, const char *name, int64_t *place, int64_t low, int64_t high, unsigned refusals) {
  argument *a = argument_new(c, name, NUMBER, place);
  a->low = low, a->high = high, a->refusals = refusals;
}
static inline void has_flag(call *c, const char *name, void *place, int64_t high) {
  argument *a = argument_new(c, name, NUMBER_32, place);
  a->high = high;
}
static inline void has_count(call *c, const char *name, int64_t *place) { argument_new(c, name, COUNT, place); }
static inline void has_bytes(call *c, const char *name, int64_t *place) { argument_new(c, name, BYTES, place); }
static inline void has_stride(call *c, const char *name, int64_t *place, int64_t width, int64_t rows) {
  argument *a = argument_new(c, name, STRIDE, place);
  a->low = width, a->high = rows;
}
static inline void has_real(call *c, const char *name, double *place, const double *refused, int count) {
  argument *a = argument_new(c, name, REAL, place);
  a->refused = refused, a->refused_count = count;
}
/* A struct of `known` bytes, which are followed by `tail` others. */
static inline void has_struct(call *c, void *start, int64_t known, int64_t tail) {
  argument_new(c, "size of the struct", STRUCT_BYTES, start)->low = known;
  if (tail > 0) argument_new(c, "a byte of a newer header", TAIL, (unsigned char *)start + known + any(tail));
}

/* Memory of a struct for a call: sometimes that of a newer header. Copies `known` bytes. */
static inline void *struct_new(const char *name, const void *from, int64_t known, int64_t *tail) {
  *tail = any(4) == 0 ? 8 * (1 + any(5)) : 0;
  unsigned char *data = (unsigned char *)array_new(name, INPUT, known + *tail);
  memset(data, 0, (size_t)(known + *tail));
  memcpy(data, from, (size_t)known);
  const int64_t size = known + *tail;
  memcpy(data, &size, sizeof size);
  return data;
}

/* ---- Changes -----------------------------------------------------------------------------------------------------*/

typedef struct change {
  void *place;
  unsigned char before[8];
  size_t size;
} change;

static inline void note(const char *format, ...) {
  const size_t length = strlen(all->text);
  va_list list;
  va_start(list, format);
  vsnprintf(all->text + length, sizeof all->text - length, format, list);
  va_end(list);
}

static inline unsigned change_number(const argument *a, int64_t *value) {
  const int64_t now_is = *value, below = a->low > INT64_MIN ? a->low - 1 : a->low;
  switch (any(7)) {
    case 0: *value = below; break;
    case 1: *value = INT64_MIN; break;
    case 2: *value = a->low > -1 ? -1 : below; break;
    case 3: *value = a->high < INT64_MAX ? a->high + 1 : below; break;
    case 4: *value = a->high < INT64_MAX ? INT64_MAX : below; break;
    case 5: *value = now_is > a->low ? now_is - 1 : below; break;
    default: *value = now_is > a->low ? a->low : below;
  }
  return *value < a->low || *value > a->high ? a->refusals : any_status;
}

static inline unsigned change_stride(const argument *a, int64_t *value) {
  static const int64_t some[] = {-1, INT64_MIN, INT64_MAX, INT64_MAX / 2, 0, -8};
  const int64_t before = *value;
  *value = any(4) == 0 && a->low > 0 ? a->low - 1 : some[any(6)];
  if (a->high <= 1) {
    /* Nothing is that far away, and what is negative is refused. */
    return *value < 0 ? BIT(INVALID_SIZE) : any_status;
  }
  return *value == before || *value == 0 ? any_status : BIT(INVALID_SIZE) | BIT(OVERFLOW);
}

static inline unsigned change_pointer(const argument *a, void **value) {
  if (a->alignment > 1 && *value != NULL && any(2)) {
    const int64_t moved = 1 + any(a->alignment - 1);
    *value = (void *)(uintptr_t)((uintptr_t)*value + (uintptr_t)moved);
    note(" %s + %d bytes;", a->name, (int)moved);
    return BIT(MISALIGNED);
  }
  const int was_null = *value == NULL;
  *value = NULL;
  note(" %s = NULL;", a->name);
  return a->is == WANTED || was_null ? any_status : BIT(NULL_POINTER);
}

/* Writes what a stranger would pass, and says which statuses the call may then have. */
static inline unsigned change_argument(const argument *a, change *made) {
  made->place = a->place;
  made->size = a->is == NUMBER_32 ? 4 : a->is == TAIL ? 1 : 8;
  memcpy(made->before, a->place, made->size);
  int64_t value = 0;
  int32_t value_32 = 0;
  void *pointer = NULL;
  double real = 0;
  unsigned statuses = any_status;
  switch (a->is) {
    case OBJECT: case NEEDED: case WANTED:
      memcpy(&pointer, a->place, sizeof pointer);
      statuses = change_pointer(a, &pointer);
      memcpy(a->place, &pointer, sizeof pointer);
      return statuses;
    case TAIL: {
      const unsigned char byte = (unsigned char)(1 + any(255));
      memcpy(a->place, &byte, 1);
      note(" %s = %d;", a->name, byte);
      return BIT(MISMATCH);
    }
    case NUMBER_32: {
      static const int32_t some[] = {-1, INT32_MAX, INT32_MIN, 256, 1 << 30};
      value_32 = any(3) == 0 ? (int32_t)a->high + 1 : any(4) == 0 ? (int32_t)a->low - 1 : some[any(5)];
      memcpy(a->place, &value_32, sizeof value_32);
      note(" %s = %d;", a->name, (int)value_32);
      return BIT(INVALID_VALUE);
    }
    case REAL:
      real = a->refused[any(a->refused_count)];
      memcpy(a->place, &real, sizeof real);
      note(" %s = %g;", a->name, real);
      return BIT(INVALID_VALUE);
    case NUMBER: case COUNT: case BYTES: case STRIDE: case STRUCT_BYTES: break;
  }
  memcpy(&value, a->place, sizeof value);
  static const int64_t counts[] = {-1, 0, INT64_MIN, INT64_MAX, 1000, 1};
  const int64_t sizes[] = {0, -1, 8, a->low - 8, a->low - 1, 65537, INT64_MAX, INT64_MIN};
  const int64_t before = value;
  switch (a->is) {
    case NUMBER: statuses = change_number(a, &value); break;
    case STRIDE: statuses = change_stride(a, &value); break;
    case COUNT: value = any(3) ? counts[any(6)] : value + (any(2) ? 1 : -1); break;
    case BYTES: value = any(2) ? value - 1 : any(2) ? value / 2 : counts[any(3)]; break;
    default: value = sizes[any(8)];
  }
  if (a->is == COUNT) statuses = value == before ? any_status : BIT(INVALID_SIZE);
  if (a->is == BYTES) statuses = value >= before ? any_status : BIT(BUFFER_TOO_SMALL);
  if (a->is == STRUCT_BYTES) statuses = BIT(INVALID_SIZE);
  memcpy(a->place, &value, sizeof value);
  note(" %s = %" PRId64 ", was %" PRId64 ";", a->name, value, before);
  return statuses;
}

/* ---- Calls -------------------------------------------------------------------------------------------------------*/

#define REPORT(...) (fail(__VA_ARGS__), fprintf(stderr, "the call: %ld, %s\n", all->number, all->text))

static char message_before[1024];

/* Makes a call, whose status must be one of `statuses`; what it may write to is `keep_blocks()`ed. */
static inline int perform(const call *c, unsigned statuses) {
  all->number++;
  if (is_traced) fprintf(stderr, "%ld: %s", all->number, all->text), fflush(stderr);
  snprintf(message_before, sizeof message_before, "%s", swiftrnn_last_error());
  const int status = c->run();
  if (is_traced) fprintf(stderr, "  -> %d %s\n", status, status == 0 ? "" : swiftrnn_last_error());
  if (status < 0 || status >= STATUSES) {
    REPORT("status %d", status);
    return status;
  }
  all->calls[c->which][status]++;
  const char *message = swiftrnn_last_error(), *where = NULL;
  if (((statuses >> status) & 1) == 0) {
    REPORT("the status is %s, not in the set %#x: %s", swiftrnn_status_string((swiftrnn_status)status), statuses,
           status == 0 ? "" : message);
  }
  if (status != (int)SWIFTRNN_STATUS_OK) {
    const size_t length = strnlen(message, 1024);
    if (length == 0 || length > 1023) REPORT("a message of %d bytes", (int)length);
    where = changed_block(c->may_write, 1);
    if (where != NULL) REPORT("refused (%s), but wrote to %s", message, where);
    for (int i = 0; i < block_count; i++) {
      if (blocks[i].is == HANDLE && blocks[i].kept != NULL && memcmp(blocks[i].data, blocks[i].kept, 8) != 0 &&
          *(void **)(void *)blocks[i].data != NULL)
        REPORT("refused (%s), but %s is another", message, blocks[i].name);
    }
  } else {
    if (strcmp(message, message_before) != 0) REPORT("a success changed the message to %s", message);
    where = changed_block(1, c->reads_tape);
    if (where != NULL) REPORT("wrote to the input %s", where);
  }
  where = crossed_block();
  if (where != NULL) REPORT("wrote beside %s", where);
  return status;
}

static inline void name_call(const call *c, const char *how) {
  snprintf(all->text, sizeof all->text, "%s%s:", function_names[c->which], how);
  snprintf(now->call, sizeof now->call, "%s", function_names[c->which]);
}

/* The call as it is. Inputs have been kept. */
static inline int valid_call(const call *c, const char *how) {
  name_call(c, how);
  return perform(c, BIT(OK));
}

/* Where the copy of a byte is, or NULL if no array holds it. */
static inline unsigned char *kept_place(void *place) {
  unsigned char *const byte = (unsigned char *)place;
  for (int i = 0; i < block_count; i++) {
    const block *b = &blocks[i];
    if (byte >= b->data && byte < b->data + b->size) return b->kept == NULL ? NULL : b->kept + (byte - b->data);
  }
  return NULL;
}

/* The call with one to three arguments changed. Where that was accepted, results and scratch are filled anew. */
static inline void changed_calls(const call *c, int64_t rounds, uint64_t *fill_state) {
  keep_blocks();
  for (; rounds > 0 && c->count > 0; rounds--) {
    change made[MOST_CHANGES];
    int64_t changes = any(4) ? 1 : 2 + any(MOST_CHANGES - 1);
    unsigned statuses = any_status;
    name_call(c, "");
    for (int64_t i = 0; i < changes; i++) {
      const argument *a = &c->arguments[any(c->count)];
      /* Twice the same could come to what it was. */
      for (int64_t k = 0; k < i; k++) {
        if (made[k].place == a->place) changes = i;
      }
      if (i >= changes) break;
      statuses = change_argument(a, &made[i]);
    }
    if (changes > 1) statuses = any_status;
    /* What has been changed is an input of this call. */
    for (int64_t i = 0; i < changes; i++) {
      unsigned char *const kept = kept_place(made[i].place);
      if (kept != NULL) memcpy(kept, made[i].place, made[i].size);
    }
    const int status = perform(c, statuses);
    for (int64_t i = changes - 1; i >= 0; i--) {
      unsigned char *const kept = kept_place(made[i].place);
      memcpy(made[i].place, made[i].before, made[i].size);
      if (kept != NULL) memcpy(kept, made[i].place, made[i].size);
    }
    if (status != (int)SWIFTRNN_STATUS_OK) continue;
    all->accepted_changes++;
    fill_outputs(fill_state, !c->reads_tape);
    keep_blocks();
  }
}

#endif
