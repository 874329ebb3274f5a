/* Memory for millions of calls: slots of pages between forbidden ones, mapped once and handed out again and again. Each
 * array lies flush against a forbidden page, at its end or at its start; bytes on its other side hold a pattern. Valid
 * in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_SLOTS_H
#define SWIFTRNN_TEST_SLOTS_H

#include "strange_texts.h"

/* What an array is to the call under test. */
typedef enum role {
  INPUT,           /* no call may write to it */
  FORWARD_RESULT,  /* what a forward pass, or a plain function, gives */
  BACKWARD_RESULT, /* what a backward pass gives */
  TAPE,            /* of a forward pass an output, of a backward pass an input */
  SCRATCH,         /* the contents never matter */
  HANDLE           /* a pointer to an object, NULL after a refusal */
} role;

/* Rows of `width` bytes with gaps between them; `steps` 0: no rows, dense. */
typedef struct row_layout {
  int64_t steps, sequences, width, step_stride, sequence_stride;
} row_layout;

typedef struct block {
  const char *name;
  role is;
  unsigned char *data, *kept;
  size_t size;
  /* The pattern is at low ..< data and behind the data, up to high. */
  unsigned char *low, *high;
  row_layout rows;
  int filled; /* the byte that a result was filled with */
} block;

enum { SLOT_CLASSES = 4, MOST_BLOCKS = 1400, BESIDE = 64, KEPT_BYTES = 48 << 20 };
static const int slot_counts[SLOT_CLASSES] = {1100, 700, 64, 16};
static const size_t slot_sizes[SLOT_CLASSES] = {4096, 32768, 524288, 8388608};
static unsigned char *slot_start[SLOT_CLASSES];
static int slot_next[SLOT_CLASSES];
static block blocks[MOST_BLOCKS];
static int block_count;
static unsigned char *kept_start;
static size_t kept_size;
/* Where the next arrays lie: not from the numbers that choose the calls, so that the same calls lie elsewhere. */
static uint64_t placement_state;

static inline void slots_map(void) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  for (int c = 0; c < SLOT_CLASSES; c++) {
    const size_t distance = slot_sizes[c] + page, whole = distance * (size_t)slot_counts[c] + page;
    slot_start[c] = (unsigned char *)required(
        mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    slot_start[c] += page;
    for (int i = 0; i < slot_counts[c]; i++) {
      if (mprotect(slot_start[c] + distance * (size_t)i, slot_sizes[c], PROT_READ | PROT_WRITE) != 0) required(NULL);
    }
  }
  kept_start = (unsigned char *)required(mmap(NULL, KEPT_BYTES, PROT_READ | PROT_WRITE,
                                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
}

/* Gives all arrays back. */
static inline void slots_reset(void) {
  memset(slot_next, 0, sizeof slot_next);
  block_count = 0;
  kept_size = 0;
}

/* An array. All numbers must fit into the largest slot: callers ask for no more than `largest_array`. */
static const int64_t largest_array = 8388608;

static inline block *block_new(const char *name, role is, int64_t size) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  int c = 0;
  while (c < SLOT_CLASSES && (slot_sizes[c] < (size_t)size || slot_next[c] == slot_counts[c])) c++;
  if (c == SLOT_CLASSES || block_count == MOST_BLOCKS) required(NULL);
  unsigned char *start = slot_start[c] + (slot_sizes[c] + page) * (size_t)slot_next[c]++;
  unsigned char *end = start + slot_sizes[c];
  block *b = &blocks[block_count++];
  memset(b, 0, sizeof *b);
  b->name = name, b->is = is, b->size = (size_t)size;
  b->data = next_random(&placement_state) % 3 ? end - size : start;
  b->low = b->data - start > BESIDE ? b->data - BESIDE : start;
  b->high = end - b->data - size > BESIDE ? b->data + size + BESIDE : end;
  memset(b->low, CANARY, (size_t)(b->data - b->low));
  memset(b->data + size, CANARY, (size_t)(b->high - b->data - size));
  return b;
}

static inline void *array_new(const char *name, role is, int64_t size) { return block_new(name, is, size)->data; }

/* Fills what a call may write to with something else than before; for a backward pass without the tape, and without
 * what the forward pass gave. */
static inline void fill_outputs(uint64_t *state, int is_forward) {
  static const int bytes[] = {0x00, 0xff, 0x5a, 0x7f, 0xa5, 0x80, 0x3f};
  for (int i = 0; i < block_count; i++) {
    if (blocks[i].is == INPUT || blocks[i].is == HANDLE) continue;
    if (!is_forward && (blocks[i].is == TAPE || blocks[i].is == FORWARD_RESULT)) continue;
    blocks[i].filled = bytes[next_random(state) % 7];
    memset(blocks[i].data, blocks[i].filled, blocks[i].size);
  }
}

/* Copies of everything but scratch. */
static inline void keep_blocks(void) {
  kept_size = 0;
  for (int i = 0; i < block_count; i++) {
    block *b = &blocks[i];
    if (b->is == SCRATCH) continue;
    if (kept_size + b->size > KEPT_BYTES) required(NULL);
    b->kept = kept_start + kept_size;
    memcpy(b->kept, b->data, b->size);
    kept_size += b->size;
  }
}

/* NULL, or the name of an array that has changed since keep_blocks(): of all, or of inputs alone. */
static inline const char *changed_block(int inputs_only, int with_tape) {
  for (int i = 0; i < block_count; i++) {
    const block *b = &blocks[i];
    if (b->kept == NULL || b->is == HANDLE || b->is == SCRATCH) continue;
    if (inputs_only && b->is != INPUT && !(with_tape && b->is == TAPE)) continue;
    if (memcmp(b->kept, b->data, b->size) != 0) return b->name;
  }
  return NULL;
}

/* NULL, or the name of an array beside which something was written. */
static inline const char *crossed_block(void) {
  for (int i = 0; i < block_count; i++) {
    const block *b = &blocks[i];
    for (const unsigned char *p = b->low; p < b->data; p++) {
      if (*p != CANARY) return b->name;
    }
    for (const unsigned char *p = b->data + b->size; p < b->high; p++) {
      if (*p != CANARY) return b->name;
    }
  }
  return NULL;
}

static inline const unsigned char *row_of(const block *b, int64_t t, int64_t n) {
  return b->data + t * b->rows.step_stride + n * b->rows.sequence_stride;
}

/* NULL, or the name of a result with something written between its rows, where `filled` was before. */
static inline const char *written_gap(void) {
  static unsigned char owned[1 << 16];
  for (int i = 0; i < block_count; i++) {
    const block *b = &blocks[i];
    if (b->rows.steps == 0 || b->size > sizeof owned) continue;
    if (b->is != FORWARD_RESULT && b->is != BACKWARD_RESULT) continue;
    memset(owned, 0, b->size);
    for (int64_t t = 0; t < b->rows.steps; t++) {
      for (int64_t n = 0; n < b->rows.sequences; n++) {
        memset(owned + (row_of(b, t, n) - b->data), 1, (size_t)b->rows.width);
      }
    }
    for (size_t k = 0; k < b->size; k++) {
      if (!owned[k] && b->data[k] != (unsigned char)b->filled) return b->name;
    }
  }
  return NULL;
}

/* ---- Results, to be compared with those of another call ----------------------------------------------------------*/

enum { RECORD_BYTES = 16 << 20 };
typedef struct record {
  unsigned char *bytes;
  size_t size;
} record;

static inline record record_new(void) {
  record r;
  r.bytes = (unsigned char *)required(mmap(NULL, RECORD_BYTES, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  r.size = 0;
  return r;
}

/* Calls `body` for each dense piece of the results. */
static inline void each_piece(role is, void (*body)(void *, const block *, const unsigned char *, size_t), void *to) {
  for (int i = 0; i < block_count; i++) {
    const block *b = &blocks[i];
    if (b->is != is) continue;
    if (b->rows.steps == 0) {
      body(to, b, b->data, b->size);
      continue;
    }
    for (int64_t t = 0; t < b->rows.steps; t++) {
      for (int64_t n = 0; n < b->rows.sequences; n++) body(to, b, row_of(b, t, n), (size_t)b->rows.width);
    }
  }
}

static inline void record_piece(void *to, const block *b, const unsigned char *data, size_t size) {
  record *r = (record *)to;
  (void)b;
  if (r->size + size > RECORD_BYTES) required(NULL);
  memcpy(r->bytes + r->size, data, size);
  r->size += size;
}

static inline void record_keep(record *r, role is) {
  r->size = 0;
  each_piece(is, record_piece, r);
}

typedef struct comparison {
  const record *with;
  size_t at;
  swiftrnn_dtype dtype;
  const block *other;
  int64_t number;
  double value, was;
} comparison;

/* The same bits, but that NaN is like NaN. */
static inline void compare_numbers(comparison *c, const block *b, const unsigned char *data,
                                   const unsigned char *kept, size_t size) {
  const size_t element = c->dtype == SWIFTRNN_FLOAT64 ? 8 : 4;
  if (memcmp(data, kept, size) == 0 || c->other != NULL) return;
  for (size_t k = 0; k + element <= size; k += element) {
    if (memcmp(data + k, kept + k, element) == 0) continue;
    const double is = get_number(c->dtype, data + k, 0), was = get_number(c->dtype, kept + k, 0);
    if (isnan(is) && isnan(was)) continue;
    c->other = b, c->number = (int64_t)((size_t)(data + k - b->data) / element), c->value = is, c->was = was;
    return;
  }
}

static inline void compare_piece(void *to, const block *b, const unsigned char *data, size_t size) {
  comparison *c = (comparison *)to;
  if (c->at + size > c->with->size) {
    c->other = b;
    return;
  }
  compare_numbers(c, b, data, c->with->bytes + c->at, size);
  c->at += size;
}

#endif
