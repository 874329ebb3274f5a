/* Every function of the header, as a call in a world. `check_all_functions_are_here` holds the list against the header.
 * Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_EVERY_FUNCTION_H
#define SWIFTRNN_TEST_EVERY_FUNCTION_H

#include "worlds.h"

typedef struct function {
  const char *name;
  swiftrnn_status (*call)(world *);
  /* Of what `call` makes: gives it back, after some use of it if there is memory. NULL: it makes nothing. */
  void (*destroy)(world *, int use);
  unsigned worlds; /* a bit for each */
  unsigned needs;  /* of the world */
  int uses_threads;
} function;

#define IN(name) static inline swiftrnn_status in_##name(world *w)

/* ==== Process =====================================================================================================*/

/* What has no status has a result that the contract tells. */
static inline swiftrnn_status holds(int condition) { return condition ? SWIFTRNN_STATUS_OK : SWIFTRNN_STATUS_MISMATCH; }

IN(version) { return holds(w != NULL && strlen(swiftrnn_version()) > 0); }
IN(status_string) { return holds(w != NULL && strcmp(swiftrnn_status_string(SWIFTRNN_STATUS_OK), "ok") == 0); }
IN(last_error) { return holds(w != NULL && swiftrnn_last_error() != NULL); }
IN(isa) { return holds(w != NULL && swiftrnn_isa() != NULL); }
IN(set_num_threads) { return swiftrnn_set_num_threads(w != NULL ? swiftrnn_get_num_threads() : -1); }
IN(get_num_threads) { return holds(w != NULL && swiftrnn_get_num_threads() > 0); }

/* ==== Networks ====================================================================================================*/

IN(config_init) {
  return swiftrnn_config_init((swiftrnn_config *)(void *)w->out, sizeof(swiftrnn_config), SWIFTRNN_GRU);
}
IN(network_create) { return swiftrnn_network_create(&w->config, (swiftrnn_network **)&w->made); }
IN(cell_parse) { return swiftrnn_cell_parse(w->text, (int64_t)strlen(w->text), (swiftrnn_equations **)&w->made); }
IN(network_create_equations) {
  return swiftrnn_network_create_equations(w->equations, &w->config, w->sizes.count > 0 ? w->sizes.list : NULL,
                                           w->sizes.count, (swiftrnn_network **)&w->made);
}
IN(network_describe) { return swiftrnn_network_describe(w->network, (char *)w->out, OUT_SIZE, w->counts); }
IN(network_output_size) { return swiftrnn_network_output_size(w->network, (int64_t *)(void *)w->out); }
IN(network_input_count) { return swiftrnn_network_input_count(w->network, (int64_t *)(void *)w->out); }
IN(network_input_info) { return swiftrnn_network_input_info(w->network, 0, (swiftrnn_input_info *)(void *)w->out); }
IN(cell_count) { return swiftrnn_cell_count(w != NULL ? (int64_t *)(void *)w->out : NULL); }
IN(cell_name) { return swiftrnn_cell_name(3, (char *)w->out, 64); }
IN(cell_text) { return swiftrnn_cell_text("lstm_layer_norm", (char *)w->out, OUT_SIZE, NULL); }
IN(network_parameter_count) { return swiftrnn_network_parameter_count(w->network, (int64_t *)(void *)w->out); }
IN(network_parameter_info) {
  return swiftrnn_network_parameter_info(w->network, 1, (swiftrnn_parameter_info *)(void *)w->out);
}
IN(network_flat_count) { return swiftrnn_network_flat_count(w->network, (int64_t *)(void *)w->out); }
IN(network_flat_pointers) {
  return swiftrnn_network_flat_pointers(w->network, w->flat, w->flat_count * (int64_t)w->element, w->values,
                                        w->parameter_count);
}
IN(network_initialize) { return swiftrnn_network_initialize(w->network, 3, w->values, w->parameter_count); }
IN(initializer_init) {
  return swiftrnn_initializer_init((swiftrnn_initializer *)(void *)w->out, sizeof(swiftrnn_initializer));
}
IN(network_initialize_with) {
  swiftrnn_initializer how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.weights = SWIFTRNN_DISTRIBUTION_GLOROT_UNIFORM, how.weights_scale = 1;
  how.recurrent = SWIFTRNN_DISTRIBUTION_ORTHOGONAL, how.recurrent_scale = 1, how.forget_value = 1;
  return swiftrnn_network_initialize_with(w->network, &how, 3, w->values, w->parameter_count);
}
IN(network_state_count) { return swiftrnn_network_state_count(w->network, (int64_t *)(void *)w->out); }
IN(network_state_info) { return swiftrnn_network_state_info(w->network, 0, (swiftrnn_state_info *)(void *)w->out); }
IN(network_state_part) { return swiftrnn_network_state_part(w->network, 0, 1, (swiftrnn_state_part *)(void *)w->out); }
IN(network_workspace_size) {
  return swiftrnn_network_workspace_size(w->network, SWIFTRNN_WORKSPACE_BACKWARD, STEPS, SEQUENCES,
                                         (int64_t *)(void *)w->out);
}
IN(network_tape_size) { return swiftrnn_network_tape_size(w->network, STEPS, SEQUENCES, (int64_t *)(void *)w->out); }

/* ==== Sequences and streams =======================================================================================*/

IN(network_forward) {
  swiftrnn_forward_args a = w->forward;
  a.tape = NULL, a.tape_size = 0;
  return swiftrnn_network_forward(w->network, &a);
}
IN(network_forward_training) { return swiftrnn_network_forward(w->network, &w->forward); }
IN(network_forward_packed) { return swiftrnn_network_forward(w->network, &w->packed); }
IN(network_backward) { return swiftrnn_network_backward(w->network, &w->backward); }
IN(network_update_statistics) {
  return swiftrnn_network_update_statistics(w->network, w->tape, w->tape_size, STEPS, SEQUENCES, 0.1, w->values,
                                            w->parameter_count);
}
IN(weights_create) {
  return swiftrnn_weights_create(w->network, w->forward.parameters, w->parameter_count, (swiftrnn_weights **)&w->made);
}
IN(stream_create) { return swiftrnn_stream_create(w->network, w->weights, SEQUENCES, (swiftrnn_stream **)&w->made); }
IN(stream_step) { return swiftrnn_stream_step(w->stream, w->forward.x, w->forward.y); }
IN(stream_step_inputs) {
  return swiftrnn_stream_step_inputs(w->stream, w->forward.x, w->forward.inputs, w->input_count, w->forward.y);
}
IN(stream_run) { return swiftrnn_stream_run(w->stream, STEPS, w->forward.x, w->forward.y); }
IN(stream_reset) { return swiftrnn_stream_reset(w->stream); }
IN(stream_get_state) { return swiftrnn_stream_get_state(w->stream, w->forward.final_states, w->state_count); }
IN(stream_set_state) { return swiftrnn_stream_set_state(w->stream, w->forward.initial_states, w->state_count); }

/* ==== Trees =======================================================================================================*/

IN(forest_create) { return swiftrnn_forest_create(w->parents, NODES, (swiftrnn_forest **)&w->made); }
IN(forest_create_edges) {
  return swiftrnn_forest_create_edges(NODES, w->children + 1, w->parents + 1, NODES - 1, (swiftrnn_forest **)&w->made);
}
IN(forest_tape_size) { return swiftrnn_forest_tape_size(w->network, w->forest, (int64_t *)(void *)w->out); }
IN(forest_workspace_size) {
  return swiftrnn_forest_workspace_size(w->network, w->forest, SWIFTRNN_WORKSPACE_BACKWARD, (int64_t *)(void *)w->out);
}
IN(forest_forward) { return swiftrnn_forest_forward(w->network, w->forest, &w->up); }
IN(forest_backward) { return swiftrnn_forest_backward(w->network, w->forest, &w->down); }

/* ==== Around a network ============================================================================================*/

static const swiftrnn_dtype of_float = SWIFTRNN_FLOAT32;

IN(embedding_forward) {
  return swiftrnn_embedding_forward(of_float, WIDTH, WIDTH, w->weight, ROWS, w->ids, w->rows_out);
}
IN(embedding_backward) {
  return swiftrnn_embedding_backward(of_float, WIDTH, WIDTH, ROWS, w->ids, w->rows_in, 0, w->weight);
}
IN(linear_forward) {
  return swiftrnn_linear_forward(of_float, ROWS, WIDTH, WIDTH, w->rows_in, w->weight, NULL, w->rows_out);
}
IN(linear_backward) {
  return swiftrnn_linear_backward(of_float, ROWS, WIDTH, WIDTH, w->rows_in, w->matrix, w->rows_in, 0, w->gradient,
                                  w->weight, w->moments[0]);
}
IN(cross_entropy) {
  return swiftrnn_cross_entropy(of_float, ROWS, WIDTH, w->rows_in, w->ids, -1, NULL, w->gradient, w->numbers,
                                w->numbers + 1, w->counts);
}
IN(cross_entropy_with) {
  swiftrnn_cross_entropy_options how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.label_smoothing = 0.1, how.reduction = SWIFTRNN_REDUCTION_SUM;
  return swiftrnn_cross_entropy_with(of_float, &how, ROWS, WIDTH, w->rows_in, w->ids, -1, NULL, w->gradient, w->numbers,
                                     w->numbers + 1, w->counts);
}
IN(linear_cross_entropy) {
  swiftrnn_cross_entropy_options how;
  swiftrnn_linear_cross_entropy_args a;
  memset(&how, 0, sizeof how), memset(&a, 0, sizeof a);
  how.size = sizeof how, how.label_smoothing = 0.1;
  a.size = sizeof a, a.rows = ROWS, a.inputs = WIDTH, a.classes = WIDTH, a.x = w->rows_in, a.weight = w->matrix;
  a.targets = w->ids, a.ignore_index = -1, a.options = &how, a.memory_limit = 1, a.dx = w->gradient;
  a.dweight = w->weight, a.dbias = w->moments[0], a.out_loss = w->numbers, a.out_count = w->counts;
  return swiftrnn_linear_cross_entropy(of_float, &a);
}
IN(elementwise_loss) {
  const int64_t lengths[2] = {ROWS / 2, 7};
  swiftrnn_elementwise_loss_config how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.loss = SWIFTRNN_LOSS_BINARY_CROSS_ENTROPY, how.lengths = lengths, how.sequences = 2;
  return swiftrnn_elementwise_loss(of_float, &how, ROWS, WIDTH, w->rows_in, w->rows_in, w->gradient, w->numbers);
}
IN(clip_values) {
  void *const gradients[1] = {w->gradient};
  const int64_t counts[1] = {ROWS * WIDTH};
  return swiftrnn_clip_values(of_float, 1, gradients, counts, 0.25);
}
IN(clip_gradients) {
  void *const gradients[1] = {w->gradient};
  const int64_t counts[1] = {ROWS * WIDTH};
  return swiftrnn_clip_gradients(of_float, 1, gradients, counts, 0.5, w->numbers);
}
IN(sgd_step) {
  return swiftrnn_sgd_step(of_float, ROWS * WIDTH, 0.1, 0.5, 0, 0, w->rows_in, w->rows_out, w->moments[0]);
}
IN(adam_step) {
  swiftrnn_adam_config adam;
  memset(&adam, 0, sizeof adam);
  adam.size = sizeof adam, adam.rate = 0.1, adam.beta1 = 0.9, adam.beta2 = 0.99, adam.epsilon = 1e-8;
  return swiftrnn_adam_step(of_float, &adam, 1, ROWS * WIDTH, w->rows_in, w->rows_out, w->moments[0], w->moments[1]);
}
IN(rmsprop_step) {
  swiftrnn_rmsprop_config how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.rate = 0.1, how.alpha = 0.9, how.epsilon = 1e-8, how.momentum = 0.5;
  return swiftrnn_rmsprop_step(of_float, &how, ROWS * WIDTH, w->rows_in, w->rows_out, w->moments[0], NULL,
                               w->moments[1]);
}
IN(sample) {
  swiftrnn_sample_config how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.temperature = 1, how.top_k = 30, how.top_p = 0.5, how.seeded = 1;
  return swiftrnn_sample(of_float, &how, ROWS, WIDTH, w->rows_in, w->counts);
}
IN(dropout) {
  swiftrnn_dropout_config how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.p = 0.3, how.seed = 5, how.seeded = 1;
  return swiftrnn_dropout(of_float, &how, ROWS / 40, 40, WIDTH, w->rows_in, w->rows_out, NULL);
}

/* By attention: all that pooling needs. */
static inline swiftrnn_pool_config pool_config(void) {
  swiftrnn_pool_config how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.kind = SWIFTRNN_POOL_ATTENTION, how.width = WIDTH, how.attention_size = WIDTH;
  return how;
}
IN(pool_forward) {
  const swiftrnn_pool_config how = pool_config();
  swiftrnn_pool_args a;
  memset(&a, 0, sizeof a);
  a.size = sizeof a, a.steps = ROWS / 40, a.sequences = 40, a.lengths = w->lengths;
  a.y = w->rows_in, a.weight = w->matrix, a.bias = w->matrix, a.query = w->matrix;
  a.out = w->rows_out, a.weights = w->gradient;
  return swiftrnn_pool_forward(of_float, &how, &a);
}
IN(pool_backward) {
  const swiftrnn_pool_config how = pool_config();
  swiftrnn_pool_backward_args a;
  memset(&a, 0, sizeof a);
  a.size = sizeof a, a.steps = ROWS / 40, a.sequences = 40, a.lengths = w->lengths;
  a.y = w->rows_in, a.weight = w->matrix, a.bias = w->matrix, a.query = w->matrix, a.dout = w->rows_in;
  a.dy = w->gradient, a.dweight = w->weight, a.dbias = w->moments[0], a.dquery = w->moments[1];
  return swiftrnn_pool_backward(of_float, &how, &a);
}

/* Additive, over keys whose lengths differ: all that attention needs. Queries, keys and values are the same rows. */
static inline swiftrnn_attention_config attention_config(void) {
  swiftrnn_attention_config how;
  memset(&how, 0, sizeof how);
  how.size = sizeof how, how.kind = SWIFTRNN_ATTENTION_ADDITIVE;
  how.query_size = how.key_size = how.value_size = how.attention_size = WIDTH;
  return how;
}
static inline swiftrnn_attention_args attention_args(const world *w) {
  swiftrnn_attention_args a;
  memset(&a, 0, sizeof a);
  a.size = sizeof a, a.steps = a.query_steps = ROWS / 40, a.sequences = 40, a.lengths = w->lengths;
  a.queries = a.keys = w->rows_in, a.query_weight = a.weight = a.bias = a.score = w->matrix;
  return a;
}
IN(attention_memory) {
  const swiftrnn_attention_config how = attention_config();
  swiftrnn_attention_args a = attention_args(w);
  a.memory = w->rows_out;
  return swiftrnn_attention_memory(of_float, &how, &a);
}
IN(attention_forward) {
  const swiftrnn_attention_config how = attention_config();
  swiftrnn_attention_args a = attention_args(w);
  a.context = w->rows_out, a.weights = w->gradient;
  return swiftrnn_attention_forward(of_float, &how, &a);
}
static inline swiftrnn_attention_backward_args attention_backward_args(const world *w) {
  const swiftrnn_attention_args from = attention_args(w);
  swiftrnn_attention_backward_args a;
  memset(&a, 0, sizeof a);
  a.size = sizeof a, a.steps = a.query_steps = from.steps, a.sequences = from.sequences, a.lengths = from.lengths;
  a.queries = from.queries, a.keys = from.keys, a.query_weight = a.weight = a.bias = a.score = w->matrix;
  a.dweight = w->weight, a.dbias = w->moments[0];
  return a;
}
IN(attention_backward) {
  const swiftrnn_attention_config how = attention_config();
  swiftrnn_attention_backward_args a = attention_backward_args(w);
  /* Any numbers will do for weights. */
  a.weights = a.dcontext = w->rows_in;
  a.dqueries = w->rows_out, a.dkeys = w->gradient, a.dscore = w->moments[1];
  return swiftrnn_attention_backward(of_float, &how, &a);
}
IN(attention_memory_backward) {
  const swiftrnn_attention_config how = attention_config();
  swiftrnn_attention_backward_args a = attention_backward_args(w);
  a.dmemory = w->rows_in, a.dkeys = w->gradient;
  return swiftrnn_attention_memory_backward(of_float, &how, &a);
}
#undef IN

/* ==== What is made ================================================================================================*/

/* The bits of all results, of what the world has or of what was made. */
static inline void take_hash(world *w, uint64_t hash[2], int which) {
  hash[which] = world_hash(w);
  world_reset(w);
}

static inline void destroy_network(world *w, int use) {
  swiftrnn_network *const network = (swiftrnn_network *)w->made;
  uint64_t hash[2] = {0, 0};
  if (use) world_need(w, NETWORK);
  for (int i = 0; i < 2 && use; i++) {
    swiftrnn_forward_args a = w->forward;
    a.tape = NULL, a.tape_size = 0;
    CHECK_STATUS(swiftrnn_network_forward(i == 0 ? w->network : network, &a), SWIFTRNN_STATUS_OK);
    take_hash(w, hash, i);
  }
  CHECK(hash[0] == hash[1]);
  swiftrnn_network_destroy(network);
}

static inline void destroy_equations(world *w, int use) {
  swiftrnn_equations *const equations = (swiftrnn_equations *)w->made;
  uint64_t hash[2] = {0, 0};
  if (use) world_need(w, TEXT);
  for (int i = 0; i < 2 && use; i++) {
    swiftrnn_network *network = NULL;
    CHECK_STATUS(swiftrnn_network_create_equations(i == 0 ? w->equations : equations, &w->config, NULL, 0, &network),
                 SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_network_describe(network, (char *)w->out, OUT_SIZE, NULL), SWIFTRNN_STATUS_OK);
    swiftrnn_network_destroy(network);
    take_hash(w, hash, i);
  }
  CHECK(hash[0] == hash[1]);
  swiftrnn_equations_destroy(equations);
}

static inline void destroy_weights(world *w, int use) {
  swiftrnn_weights *const weights = (swiftrnn_weights *)w->made;
  uint64_t hash[2] = {0, 0};
  if (use) world_need(w, WEIGHTS);
  for (int i = 0; i < 2 && use; i++) {
    swiftrnn_forward_args a = w->packed;
    if (i == 1) a.weights = weights;
    CHECK_STATUS(swiftrnn_network_forward(w->network, &a), SWIFTRNN_STATUS_OK);
    take_hash(w, hash, i);
  }
  CHECK(hash[0] == hash[1]);
  swiftrnn_weights_destroy(weights);
}

static inline void destroy_stream(world *w, int use) {
  swiftrnn_stream *const stream = (swiftrnn_stream *)w->made;
  uint64_t hash[2] = {0, 0};
  if (use) world_need(w, STREAM);
  for (int i = 0; i < 2 && use; i++) {
    swiftrnn_stream *const one = i == 0 ? w->stream : stream;
    CHECK_STATUS(swiftrnn_stream_reset(one), SWIFTRNN_STATUS_OK);
    CHECK_STATUS(swiftrnn_stream_step_inputs(one, w->forward.x, w->forward.inputs, w->input_count, w->forward.y),
                 SWIFTRNN_STATUS_OK);
    take_hash(w, hash, i);
  }
  CHECK(hash[0] == hash[1]);
  swiftrnn_stream_destroy(stream);
}

static inline void destroy_forest(world *w, int use) {
  swiftrnn_forest *const forest = (swiftrnn_forest *)w->made;
  uint64_t hash[2] = {0, 0};
  if (use) world_need(w, FOREST);
  for (int i = 0; i < 2 && use; i++) {
    swiftrnn_forest_forward_args a = w->up;
    a.tape = NULL, a.tape_size = 0;
    CHECK_STATUS(swiftrnn_forest_forward(w->network, i == 0 ? w->forest : forest, &a), SWIFTRNN_STATUS_OK);
    take_hash(w, hash, i);
  }
  CHECK(hash[0] == hash[1]);
  swiftrnn_forest_destroy(forest);
}

enum { ONE = 1 << FUSED, TREE = 1 << TREES, BOTH = 1 << DIRECTIONS, PLAIN = ONE | 1 << OPTIONS | BOTH };
enum { WORDS = 1 << INTERPRETED | 1 << STATISTICS | TREE | 1 << HEAD, ALL = PLAIN | WORDS, FLOWS = ALL & ~BOTH };

/* The first word is the header's name; what makes handles also gives them back. */
static const function every_function[] = {
    {"version", in_version, NULL, ONE, 0, 0},
    {"status_string", in_status_string, NULL, ONE, 0, 0},
    {"last_error", in_last_error, NULL, ONE, 0, 0},
    {"isa", in_isa, NULL, ONE, 0, 0},
    {"set_num_threads", in_set_num_threads, NULL, ONE, 0, 0},
    {"get_num_threads", in_get_num_threads, NULL, ONE, 0, 0},
    {"config_init", in_config_init, NULL, ONE, 0, 0},
    {"network_create", in_network_create, destroy_network, PLAIN, 0, 0},
    {"cell_parse", in_cell_parse, destroy_equations, WORDS, 0, 0},
    {"network_create_equations", in_network_create_equations, destroy_network, WORDS, TEXT, 0},
    {"network_describe", in_network_describe, NULL, ALL, NETWORK, 0},
    {"network_output_size", in_network_output_size, NULL, ALL, NETWORK, 0},
    {"network_input_count", in_network_input_count, NULL, ALL, NETWORK, 0},
    {"network_input_info", in_network_input_info, NULL, 1 << INTERPRETED, NETWORK, 0},
    {"cell_count", in_cell_count, NULL, ONE, 0, 0},
    {"cell_name", in_cell_name, NULL, ONE, 0, 0},
    {"cell_text", in_cell_text, NULL, ONE, 0, 0},
    {"network_parameter_count", in_network_parameter_count, NULL, ALL, NETWORK, 0},
    {"network_parameter_info", in_network_parameter_info, NULL, ALL, NETWORK, 0},
    {"network_flat_count", in_network_flat_count, NULL, ALL, NETWORK, 0},
    {"network_flat_pointers", in_network_flat_pointers, NULL, ALL, NETWORK, 0},
    {"network_initialize", in_network_initialize, NULL, ALL, NETWORK, 0},
    {"initializer_init", in_initializer_init, NULL, ONE, 0, 0},
    {"network_initialize_with", in_network_initialize_with, NULL, ALL, NETWORK, 0},
    {"network_state_count", in_network_state_count, NULL, ALL, NETWORK, 0},
    {"network_state_info", in_network_state_info, NULL, ALL, NETWORK, 0},
    {"network_state_part", in_network_state_part, NULL, ALL, NETWORK, 0},
    {"network_workspace_size", in_network_workspace_size, NULL, ALL, NETWORK, 0},
    {"network_tape_size", in_network_tape_size, NULL, ALL, NETWORK, 0},
    {"network_forward", in_network_forward, NULL, ALL, NETWORK, 1},
    {"network_forward training", in_network_forward_training, NULL, ALL, NETWORK, 1},
    {"network_forward packed", in_network_forward_packed, NULL, ALL, WEIGHTS, 1},
    {"network_backward", in_network_backward, NULL, ALL, TAPE, 1},
    {"network_update_statistics", in_network_update_statistics, NULL, 1 << FUSED | 1 << STATISTICS, TAPE, 1},
    {"weights_create", in_weights_create, destroy_weights, ALL, NETWORK, 1},
    {"stream_create", in_stream_create, destroy_stream, FLOWS, WEIGHTS, 0},
    {"stream_step", in_stream_step, NULL, FLOWS & ~(1 << INTERPRETED), STREAM, 0},
    {"stream_step_inputs", in_stream_step_inputs, NULL, FLOWS, STREAM, 0},
    {"stream_run", in_stream_run, NULL, FLOWS & ~(1 << INTERPRETED), STREAM, 0},
    {"stream_reset", in_stream_reset, NULL, FLOWS, STREAM, 0},
    {"stream_get_state", in_stream_get_state, NULL, FLOWS, STREAM, 0},
    {"stream_set_state", in_stream_set_state, NULL, FLOWS, STREAM, 0},
    {"forest_create", in_forest_create, destroy_forest, TREE, 0, 0},
    {"forest_create_edges", in_forest_create_edges, destroy_forest, TREE, 0, 0},
    {"forest_tape_size", in_forest_tape_size, NULL, TREE, FOREST, 0},
    {"forest_workspace_size", in_forest_workspace_size, NULL, TREE, FOREST, 0},
    {"forest_forward", in_forest_forward, NULL, TREE, FOREST, 1},
    {"forest_backward", in_forest_backward, NULL, TREE, FOREST_TAPE, 1},
    {"embedding_forward", in_embedding_forward, NULL, ONE, 0, 1},
    {"embedding_backward", in_embedding_backward, NULL, ONE, 0, 1},
    {"linear_forward", in_linear_forward, NULL, ONE, 0, 1},
    {"linear_backward", in_linear_backward, NULL, ONE, 0, 1},
    {"cross_entropy", in_cross_entropy, NULL, ONE, 0, 1},
    {"cross_entropy_with", in_cross_entropy_with, NULL, ONE, 0, 1},
    {"linear_cross_entropy", in_linear_cross_entropy, NULL, ONE, 0, 1},
    {"elementwise_loss", in_elementwise_loss, NULL, ONE, 0, 1},
    {"clip_values", in_clip_values, NULL, ONE, 0, 1},
    {"clip_gradients", in_clip_gradients, NULL, ONE, 0, 1},
    {"sgd_step", in_sgd_step, NULL, ONE, 0, 1},
    {"adam_step", in_adam_step, NULL, ONE, 0, 1},
    {"rmsprop_step", in_rmsprop_step, NULL, ONE, 0, 1},
    {"sample", in_sample, NULL, ONE, 0, 1},
    {"dropout", in_dropout, NULL, ONE, 0, 1},
    {"pool_forward", in_pool_forward, NULL, ONE, 0, 1},
    {"pool_backward", in_pool_backward, NULL, ONE, 0, 1},
    {"attention_memory", in_attention_memory, NULL, ONE, 0, 1},
    {"attention_forward", in_attention_forward, NULL, ONE, 0, 1},
    {"attention_backward", in_attention_backward, NULL, ONE, 0, 1},
    {"attention_memory_backward", in_attention_memory_backward, NULL, ONE, 0, 1},
};
enum { FUNCTIONS = sizeof every_function / sizeof *every_function };

/** Number of functions of a header; each must be in a list, or give back a handle, which those that make one do
 *  too. */
static inline int functions_of_header(const char *path, const function *list, int count) {
  static const char *const results[] = {"swiftrnn_status ", "void ", "int64_t ", "const char *"};
  char line[512], name[128];
  int found = 0;
  FILE *const header = fopen(path, "r");
  CHECK(header != NULL);
  while (header != NULL && fgets(line, sizeof line, header) != NULL) {
    for (int r = 0; r < 4; r++) {
      const size_t length = strlen(results[r]);
      if (strncmp(line, results[r], length) != 0) continue;
      if (sscanf(line + length, "swiftrnn_%127[a-z0-9_](", name) != 1) continue;
      found++;
      int is_here = strlen(name) > 8 && strcmp(name + strlen(name) - 8, "_destroy") == 0;
      for (int i = 0; i < count; i++) is_here |= strcmp(list[i].name, name) == 0;
      check_count++;
      if (is_here) continue;
      check_failures++;
      fprintf(stderr, "swiftrnn_%s is not in the list of functions\n", name);
    }
  }
  if (header != NULL) fclose(header);
  return found;
}

/** Every function of the header is in the list above. */
static inline void check_all_functions_are_here(void) {
  CHECK(functions_of_header(SWIFTRNN_TEST_HEADER, every_function, FUNCTIONS) > 50);
}

#endif
