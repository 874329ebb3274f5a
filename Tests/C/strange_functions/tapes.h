/* Tapes that are not those of the pass: with a byte of the header changed, or of another configuration. Each is
 * refused, or means the same. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_TAPES_H
#define SWIFTRNN_TEST_TAPES_H

#include "comparisons.h"

/* Of the header's 64 bytes, those that a backward pass must not believe if they are changed; the seed and the first
 * sequence, of which masks are made, lie behind. */
enum { HEADER_BYTES = 64, CHECKED_BYTES = 40 };
/* Whether everything that gives a tape its meaning is hashed into its header: options of layers, masks, seeds. */
static const int tape_headers_are_hashed = 1;

/* One byte of the header is another: refused, or all gradients as they were. What lies behind the header means nothing
 * to the caller: where a byte of it is another, gradients are any, but calls stay within their arrays. */
static void tape_changed(pass *p) {
  call c;
  unsigned char *const tape = (unsigned char *)p->tape;
  const int64_t at = any(4) ? any(HEADER_BYTES) : any(p->tape_size);
  const unsigned char before = tape[at];
  fill_outputs(&fill_state, 0);
  tape[at] = any(2) ? (unsigned char)(before ^ 1u << any(8)) : (unsigned char)any(256);
  if (tape[at] == before) tape[at] ^= 0xff;
  backward_call(&c, p);
  keep_blocks();
  name_call(&c, " with a changed tape");
  note(" byte %d of the tape = %d, was %d", (int)at, tape[at], before);
  const int is_checked = at < (tape_headers_are_hashed ? HEADER_BYTES : CHECKED_BYTES);
  c.may_write = at >= HEADER_BYTES;
  const int status = perform(&c, is_checked ? BIT(OK) | BIT(MISMATCH) : any_status);
  if (status == 0 && is_checked && !p->is->accumulates) {
    compare_results(p->of, &reversed, BACKWARD_RESULT, "a tape with a changed header was taken, and");
  }
  tape[at] = before;
}

/* A step is left out that was not, or the other way round: refused, or all gradients as they were. */
static void mask_changed(pass *p) {
  const int64_t count = p->is->steps * p->is->sequences;
  if (p->backward->mask == NULL || count == 0) return;
  call c;
  unsigned char *const mask = (unsigned char *)(uintptr_t)p->backward->mask;
  const int64_t at = any(count);
  const unsigned char before = mask[at];
  fill_outputs(&fill_state, 0);
  mask[at] = before == 0;
  backward_call(&c, p);
  keep_blocks();
  name_call(&c, " with another mask");
  note(" byte %d of the mask = %d, was %d", (int)at, mask[at], before);
  c.may_write = !tape_headers_are_hashed;
  const int status = perform(&c, BIT(OK) | BIT(MISMATCH));
  if (status == 0 && tape_headers_are_hashed && !p->is->accumulates) {
    compare_results(p->of, &reversed, BACKWARD_RESULT, "a tape with another mask was taken, and");
  }
  mask[at] = before;
}

/* A configuration that differs in one thing. */
static void change_design(design *d) {
  swiftrnn_config *c = &d->config;
  ENUM_FROM(swiftrnn_skip, skip, (int32_t)any(3));
  ENUM_FROM(swiftrnn_merge, merge, (int32_t)any(4));
  ENUM_FROM(swiftrnn_gaps, gaps, (int32_t)any(3));
  switch (any(10)) {
    case 0: c->skip = skip; break;
    case 1: c->merge = merge; break;
    case 2: c->gaps = gaps; break;
    case 3: c->independent_directions ^= 1; break;
    case 4: c->learned_initial_states ^= 1; break;
    case 5: c->bias ^= 1; break;
    case 6: c->dropout = c->dropout > 0 ? 0 : 0.5; break;
    case 7: c->dtype = c->dtype == SWIFTRNN_FLOAT32 ? SWIFTRNN_FLOAT64 : SWIFTRNN_FLOAT32; break;
    case 8: c->cell = c->cell == SWIFTRNN_GRU ? SWIFTRNN_GRU_RESET_BEFORE : SWIFTRNN_GRU; break;
    default:
      if (d->has_dilations) d->dilations[any(c->num_layers)] += 1;
      if (d->has_hidden) d->hidden[any(c->num_layers)] += 1;
      if (!d->has_dilations && !d->has_hidden) c->input_size += 1;
  }
}

/* A backward pass with the tape, and a forward pass with the weights, of `other`. */
static void pass_with_those_of(const facts *other, pass *p, const unsigned char *tape, int64_t size,
                               const swiftrnn_weights *weights) {
  const facts *f = p->of;
  const swiftrnn_config *o = &other->made_of.config;
  const int is_checked = tape_headers_are_hashed;
  call c;
  if (forward(p, 1, "") == 0 && backward(p, "") == 0) {
    record_keep(&other_record, BACKWARD_RESULT);
    memset(p->tape, 0, (size_t)p->tape_size);
    memcpy(p->tape, tape, (size_t)(size < p->tape_size ? size : p->tape_size));
    fill_outputs(&fill_state, 0);
    backward_call(&c, p);
    keep_blocks();
    name_call(&c, " with the tape of another network");
    note(" cell %d dtype %d skip %d merge %d gaps %d independent %d learned %d bias %d dropout %g", (int)o->cell,
         (int)o->dtype, (int)o->skip, (int)o->merge, (int)o->gaps, (int)o->independent_directions,
         (int)o->learned_initial_states, (int)o->bias, o->dropout);
    c.may_write = !is_checked; /* the header of a layer within the tape is looked at late */
    if (perform(&c, is_checked ? BIT(OK) | BIT(MISMATCH) : any_status) == 0 && is_checked && !p->is->accumulates) {
      compare_results(f, &other_record, BACKWARD_RESULT, "the tape of another network was taken, and");
    }
  }
  if (forward(p, 0, "") == 0) record_keep(&other_record, FORWARD_RESULT);
  fill_outputs(&fill_state, 1);
  p->forward->weights = weights, p->forward->tape = NULL;
  p->forward->workspace = p->workspace_weights, p->forward->workspace_size = p->workspace_weights_size;
  forward_call(&c, p);
  keep_blocks();
  name_call(&c, " with the weights of another network");
  if (perform(&c, BIT(OK) | BIT(MISMATCH)) == 0) {
    compare_results(f, &other_record, FORWARD_RESULT, "the weights of another network were taken, and");
  }
}

static void stream_of_another(const facts *f, const swiftrnn_weights *weights) {
  swiftrnn_stream *made = NULL;
  const int status = (int)swiftrnn_stream_create(f->network, weights, 2, &made);
  all->calls[F_stream_create][status % STATUSES]++;
  if (((BIT(OK) | BIT(MISMATCH) | BIT(UNSUPPORTED)) >> status & 1) == 0 || (status != 0 && made != NULL)) {
    REPORT("a stream with the weights of another network: %s", swiftrnn_last_error());
  }
  swiftrnn_stream_destroy(made);
}

/* The tape of the same steps and sequences by a network that differs in one thing, and its packed weights. */
static void tape_of_another(const facts *f, const plan *s, uint64_t placement) {
  static unsigned char tape[1 << 20];
  static facts other;
  pass p;
  memset(&other, 0, sizeof other);
  other.made_of = f->made_of;
  if (other.made_of.config.cell == SWIFTRNN_EQUATIONS) return;
  change_design(&other.made_of);
  other.network = create(&other.made_of, NULL, 0);
  if (other.network == NULL) return;
  if (learn(&other) && (other.has_mask || !s->has_mask) && pass_make(&p, &other, s, placement) &&
      forward(&p, 1, " of another network") == 0) {
    const int64_t size = p.tape_size;
    memcpy(tape, p.tape, (size_t)size);
    swiftrnn_weights *weights = pack(&p);
    if (pass_make(&p, f, s, placement)) pass_with_those_of(&other, &p, tape, size, weights);
    stream_of_another(f, weights);
    swiftrnn_weights_destroy(weights);
  }
  swiftrnn_network_destroy(other.network);
}

#endif
