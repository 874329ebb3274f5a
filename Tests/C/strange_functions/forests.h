/* Forests at random, trees and graphs; and passes over them, as over sequences: refused, and repeated with other
 * threads in other places. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_FORESTS_H
#define SWIFTRNN_TEST_FORESTS_H

#include "tapes.h"

enum { MOST_NODES = 40, MOST_EDGES = 90 };

static struct {
  int64_t nodes, edges;
  const int64_t *parents, *children;
  swiftrnn_forest **out;
  const swiftrnn_network *network;
  const swiftrnn_forest *forest;
  swiftrnn_workspace purpose;
  int64_t *out_size;
  const swiftrnn_forest_forward_args *forward;
  const swiftrnn_forest_backward_args *backward;
} grown;

static int run_forest(void) { return (int)swiftrnn_forest_create(grown.parents, grown.nodes, grown.out); }
static int run_forest_edges(void) {
  return (int)swiftrnn_forest_create_edges(grown.nodes, grown.children, grown.parents, grown.edges, grown.out);
}
static int run_forest_tape(void) {
  return (int)swiftrnn_forest_tape_size(grown.network, grown.forest, grown.out_size);
}
static int run_forest_workspace(void) {
  return (int)swiftrnn_forest_workspace_size(grown.network, grown.forest, grown.purpose, grown.out_size);
}
static int run_forest_forward(void) {
  return (int)swiftrnn_forest_forward(grown.network, grown.forest, grown.forward);
}
static int run_forest_backward(void) {
  return (int)swiftrnn_forest_backward(grown.network, grown.forest, grown.backward);
}

static void has_nodes(call *c, const char *name, const int64_t *list, int64_t count, int64_t low) {
  for (int i = 0; i < 2 && count > 0; i++) {
    argument *a = argument_new(c, name, NUMBER, (void *)(uintptr_t)&list[any(count)]);
    a->low = low, a->high = grown.nodes - 1, a->refusals = BIT(INVALID_VALUE);
  }
}

/* Trees by their parents, or edges from nodes to nodes behind them; the order of nodes is any. */
static swiftrnn_forest *forest_make(int64_t nodes, int is_graph) {
  int64_t order[MOST_NODES];
  call c;
  slots_reset();
  placement_state = next_random(&random_state);
  for (int64_t i = 0; i < nodes; i++) {
    const int64_t k = any(i + 1);
    order[i] = order[k], order[k] = i;
  }
  int64_t edges = is_graph && nodes > 1 ? any(MOST_EDGES) : 0;
  int64_t *parents = (int64_t *)array_new("parents", INPUT, (is_graph ? edges : nodes) * (int64_t)sizeof *parents);
  int64_t *children = (int64_t *)array_new("children", INPUT, edges * (int64_t)sizeof *children);
  const int is_chain = any(4) == 0;
  for (int64_t i = 0; i < nodes && !is_graph; i++) {
    const int is_root = i + 1 == nodes || (!is_chain && any(5) == 0);
    parents[order[i]] = is_root ? -1 : is_chain ? order[i + 1] : order[i + 1 + any(nodes - i - 1)];
  }
  for (int64_t k = 0; k < edges; k++) {
    const int64_t child = any(nodes - 1);
    children[k] = order[child], parents[k] = order[child + 1 + any(nodes - child - 1)];
  }
  grown.nodes = nodes, grown.edges = edges, grown.parents = parents, grown.children = children;
  grown.out = (swiftrnn_forest **)array_new("out_forest", HANDLE, 8);
  *grown.out = NULL;
  call_begin(&c, is_graph ? F_forest_create_edges : F_forest_create, is_graph ? run_forest_edges : run_forest);
  has_array(&c, "out_forest", &grown.out, 8, 1);
  has_array(&c, "parents", &grown.parents, 8, is_graph ? edges > 0 : nodes > 0);
  /* Fewer nodes have parents among themselves no more, or they have. */
  has_number(&c, "node_count", &grown.nodes, 0, MOST, BIT(INVALID_SIZE));
  if (is_graph) {
    has_array(&c, "children", &grown.children, 8, edges > 0);
    has_number(&c, "edge_count", &grown.edges, 0, MOST, BIT(INVALID_SIZE));
    has_nodes(&c, "a child", children, edges, 0);
  }
  has_nodes(&c, "a parent", parents, is_graph ? edges : nodes, is_graph ? 0 : -1);
  keep_blocks();
  valid_call(&c, "");
  swiftrnn_forest *made = *grown.out;
  *grown.out = NULL;
  for (int k = 0; k < 4; k++) {
    changed_calls(&c, 1, &fill_state);
    if (*grown.out != NULL) swiftrnn_forest_destroy(*grown.out), all->calls[F_forest_destroy][0]++;
    *grown.out = NULL;
  }
  return made;
}

/* A pass over a forest: the arrays of a plan of one step, its nodes the sequences. */
typedef struct forest_pass {
  swiftrnn_forest_forward_args *forward;
  swiftrnn_forest_backward_args *backward;
  int64_t forward_tail, backward_tail, tape_size, sizes[2];
} forest_pass;

static int forest_sizes(const facts *f, const swiftrnn_forest *forest, forest_pass *p) {
  call c;
  slots_reset();
  grown.network = f->network, grown.forest = forest;
  grown.out_size = (int64_t *)array_new("out_size", FORWARD_RESULT, 8);
  const unsigned may_not = BIT(UNSUPPORTED) | BIT(MISMATCH);
  for (int i = 0; i < 3; i++) {
    call_begin(&c, i < 2 ? F_forest_workspace_size : F_forest_tape_size,
               i < 2 ? run_forest_workspace : run_forest_tape);
    has_object(&c, "network", &grown.network);
    has_object(&c, "forest", &grown.forest);
    has_array(&c, "out_size", &grown.out_size, 8, 1);
    grown.purpose = i == 0 ? SWIFTRNN_WORKSPACE_FORWARD : SWIFTRNN_WORKSPACE_BACKWARD;
    if (i < 2) has_flag(&c, "purpose", &grown.purpose, 2);
    keep_blocks();
    name_call(&c, "");
    if (perform(&c, BIT(OK) | may_not) != 0) return 0;
    *(i < 2 ? &p->sizes[i] : &p->tape_size) = *grown.out_size;
    if (any(8) == 0) changed_calls(&c, 2, &fill_state);
  }
  return p->tape_size <= 1 << 20 && p->sizes[0] <= 1 << 20 && p->sizes[1] <= 1 << 20;
}

static int forest_pass_make(const facts *f, const swiftrnn_forest *forest, forest_pass *p, const plan *s,
                            uint64_t placement) {
  if (!forest_sizes(f, forest, p)) return 0;
  const int64_t nodes = s->sequences;
  slots_reset();
  placement_state = placement;
  uint64_t state[2] = {s->numbers, ~s->numbers};
  swiftrnn_forest_forward_args a;
  swiftrnn_forest_backward_args b;
  memset(&a, 0, sizeof a), memset(&b, 0, sizeof b);
  a.state_count = b.state_count = f->state_count;
  a.parameter_count = b.parameter_count = f->parameter_count;
  a.input_count = b.input_count = f->input_count;
  a.seed = s->seed, a.seeded = 1, a.first_node = s->first_sequence, b.accumulate = s->accumulates;
  a.x = b.x = numbers_new(f, "x", INPUT, nodes * f->inputs, s->is_odd, state);
  a.parameters = b.parameters = (const void *const *)parameters_new(f, "a parameter", INPUT, 0, s->is_odd, state);
  a.inputs = b.inputs = (const void *const *)inputs_new(f, s, "an input", INPUT, ~0u, state);
  if (s->has_dy) b.dy = numbers_new(f, "dy", INPUT, nodes * f->outputs, s->is_odd, state);
  b.state_gradients = (const void *const *)states_new(f, s, "a state's gradient", INPUT, s->final_gradients, state);
  if (s->has_y) a.y = numbers_new(f, "y", FORWARD_RESULT, nodes * f->outputs, 0, NULL);
  a.final_states = states_new(f, s, "a final state", FORWARD_RESULT, s->final, NULL);
  if (s->has_dx) b.dx = numbers_new(f, "dx", BACKWARD_RESULT, nodes * f->inputs, 0, NULL);
  if (s->has_gradients) b.gradients = parameters_new(f, "a gradient", BACKWARD_RESULT, s->left_out, 0, NULL);
  b.input_gradients = inputs_new(f, s, "an input's gradient", BACKWARD_RESULT, s->input_gradients, NULL);
  a.tape = array_new("the tape", TAPE, p->tape_size), b.tape = a.tape;
  a.tape_size = b.tape_size = p->tape_size;
  a.workspace = array_new("the workspace", SCRATCH, p->sizes[0]), a.workspace_size = p->sizes[0];
  b.workspace = array_new("the workspace of the backward pass", SCRATCH, p->sizes[1]);
  b.workspace_size = p->sizes[1];
  p->forward = (swiftrnn_forest_forward_args *)struct_new("args", &a, (int64_t)sizeof a, &p->forward_tail);
  p->backward = (swiftrnn_forest_backward_args *)struct_new("args", &b, (int64_t)sizeof b, &p->backward_tail);
  return 1;
}

static void forest_forward_call(call *c, const facts *f, const forest_pass *p, int64_t nodes) {
  swiftrnn_forest_forward_args *a = p->forward;
  const int element = (int)f->element, exist = nodes > 0;
  call_begin(c, F_forest_forward, run_forest_forward);
  grown.forward = a;
  has_object(c, "network", &grown.network);
  has_object(c, "forest", &grown.forest);
  has_array(c, "args", &grown.forward, 8, 1);
  has_struct(c, a, (int64_t)sizeof *a, p->forward_tail);
  has_array(c, "x", &a->x, element, exist);
  if (a->y != NULL) has_array(c, "y", &a->y, element, 0);
  has_pointers(c, "inputs", &a->inputs, f->input_count, element, exist, exist);
  if (a->inputs != NULL) has_count(c, "input_count", &a->input_count);
  has_pointers(c, "final_states", &a->final_states, f->state_count, element, 0, 0);
  if (a->final_states != NULL) has_count(c, "state_count", &a->state_count);
  has_pointers(c, "parameters", &a->parameters, f->parameter_count, element, 1, 1);
  has_count(c, "parameter_count", &a->parameter_count);
  if (a->tape != NULL) has_array(c, "tape", &a->tape, element, 0), has_bytes(c, "tape_size", &a->tape_size);
  has_array(c, "workspace", &a->workspace, 1, 1);
  has_bytes(c, "workspace_size", &a->workspace_size);
  has_seed(c, &a->seeded, &a->reserved, a->seed != 0);
  has_number(c, "first_node", &a->first_node, 0, ((int64_t)1 << 32) - nodes, BIT(INVALID_VALUE));
}

static void forest_backward_call(call *c, const facts *f, const forest_pass *p, int64_t nodes) {
  swiftrnn_forest_backward_args *b = p->backward;
  const int element = (int)f->element, exist = nodes > 0;
  call_begin(c, F_forest_backward, run_forest_backward);
  c->reads_tape = 1;
  grown.backward = b;
  has_object(c, "network", &grown.network);
  has_object(c, "forest", &grown.forest);
  has_array(c, "args", &grown.backward, 8, 1);
  has_struct(c, b, (int64_t)sizeof *b, p->backward_tail);
  has_array(c, "x", &b->x, element, exist);
  if (b->dy != NULL) has_array(c, "dy", &b->dy, element, 0);
  if (b->dx != NULL) has_array(c, "dx", &b->dx, element, 0);
  has_pointers(c, "inputs", &b->inputs, f->input_count, element, exist, exist);
  has_pointers(c, "input_gradients", &b->input_gradients, f->input_count, element, 0, 0);
  if (b->inputs != NULL) has_count(c, "input_count", &b->input_count);
  has_pointers(c, "state_gradients", &b->state_gradients, f->state_count, element, 0, 0);
  if (b->state_gradients != NULL) has_count(c, "state_count", &b->state_count);
  has_pointers(c, "parameters", &b->parameters, f->parameter_count, element, 1, 1);
  has_pointers(c, "gradients", &b->gradients, f->parameter_count, element, 0, 0);
  has_count(c, "parameter_count", &b->parameter_count);
  has_flag(c, "accumulate", &b->accumulate, 1);
  has_flag(c, "reserved", &b->reserved, 0);
  has_array(c, "tape", &b->tape, element, 1);
  has_bytes(c, "tape_size", &b->tape_size);
  has_array(c, "workspace", &b->workspace, 1, 1);
  has_bytes(c, "workspace_size", &b->workspace_size);
}

static int forest_forward(const facts *f, forest_pass *p, int64_t nodes, int trains, const char *how) {
  call c;
  void *const tape = p->forward->tape;
  if (!trains) p->forward->tape = NULL;
  fill_outputs(&fill_state, 1);
  forest_forward_call(&c, f, p, nodes);
  keep_blocks();
  const int status = valid_call(&c, how);
  if (status == 0) record_keep(trains ? &trained : &inferred, FORWARD_RESULT);
  if (!trains && any(2)) changed_calls(&c, 4, &fill_state);
  p->forward->tape = tape;
  return status;
}

static int forest_backward(const facts *f, const plan *s, forest_pass *p, const char *how) {
  call c;
  uint64_t numbers = s->numbers;
  fill_outputs(&fill_state, 0);
  for (int i = 0; i < block_count && s->accumulates; i++) {
    if (strcmp(blocks[i].name, "a gradient") != 0) continue;
    numbers_into(f, blocks[i].data, (int64_t)blocks[i].size / f->element, 0, &numbers);
  }
  forest_backward_call(&c, f, p, s->sequences);
  keep_blocks();
  return valid_call(&c, how);
}

/* A byte of the tape's header is another. */
static void forest_tape_changed(const facts *f, const plan *s, forest_pass *p) {
  call c;
  unsigned char *const tape = (unsigned char *)p->forward->tape;
  const int64_t at = any(HEADER_BYTES);
  const unsigned char before = tape[at];
  fill_outputs(&fill_state, 0);
  tape[at] = (unsigned char)(before ^ 1u << any(8));
  forest_backward_call(&c, f, p, s->sequences);
  keep_blocks();
  name_call(&c, " with a changed tape");
  note(" byte %d of the tape = %d, was %d", (int)at, tape[at], before);
  const int is_checked = at < CHECKED_BYTES || tape_headers_are_hashed;
  const int status = perform(&c, is_checked ? BIT(OK) | BIT(MISMATCH) : any_status);
  if (status == 0 && is_checked && !s->accumulates) {
    compare_results(f, &reversed, BACKWARD_RESULT, "a forest's tape with a changed header was taken, and");
  }
  tape[at] = before;
}

/* 0: the network takes no forests. */
static int forest(const facts *f) {
  static plan s;
  forest_pass p;
  call c;
  memset(&p, 0, sizeof p);
  draw_plan(&s, f);
  const int64_t nodes = any(20) ? any(12) : any(MOST_NODES);
  swiftrnn_forest *made = forest_make(nodes, any(3) == 0);
  if (made == NULL) return 0;
  int is_recursive_network = 0;
  s.steps = 1, s.sequences = nodes, s.first_sequence = any(3);
  if (forest_pass_make(f, made, &p, &s, next_random(&random_state))) {
    is_recursive_network = 1;
    set_threads();
    if (forest_forward(f, &p, nodes, 0, "") != 0) inferred.size = 0;
    if (forest_pass_make(f, made, &p, &s, next_random(&random_state))) {
      set_threads();
      if (forest_forward(f, &p, nodes, 1, " with a tape") == 0) {
        if (!f->trains_otherwise) compare_results(f, &inferred, FORWARD_RESULT, "training over a forest");
        if (forest_backward(f, &s, &p, "") == 0) {
          record_keep(&reversed, BACKWARD_RESULT);
          forest_tape_changed(f, &s, &p);
          forest_backward_call(&c, f, &p, nodes);
          if (any(2)) changed_calls(&c, 5, &fill_state);
          set_threads();
          if (forest_backward(f, &s, &p, " again") == 0) {
            compare_results(f, &reversed, BACKWARD_RESULT, "backward over a forest again");
          }
        }
      }
    }
  }
  swiftrnn_forest_destroy(made), all->calls[F_forest_destroy][0]++;
  return is_recursive_network;
}

#endif
