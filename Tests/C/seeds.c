/* Seeds: without one every call draws anew, with one seed and position decide; and a seed that would not count is
 * refused. */
#include "equations.h"
#include "refused.h"

enum { T = 5, N = 4, I = 3, H = 6, CLASSES = 1000, MOST_NUMBERS = 4096 };

/* A network, its parameters, and what a pass over it needs. */
typedef struct pass {
  swiftrnn_network *network;
  int64_t tensors, outputs;
  swiftrnn_forward_args forward;
  swiftrnn_backward_args backward;
  float x[T * N * I], y[MOST_NUMBERS], dx[T * N * I], dy[MOST_NUMBERS];
} pass;

static void *bytes_for(int64_t size) { return required(malloc(size > 0 ? (size_t)size : 1)); }

/* Weights and x are above zero, so that relu is the identity, and y is linear in x. */
static pass *pass_of(swiftrnn_network *network) {
  pass *p = (pass *)required(calloc(1, sizeof *p));
  p->network = network;
  CHECK_STATUS(swiftrnn_network_parameter_count(network, &p->tensors), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_output_size(network, &p->outputs), SWIFTRNN_STATUS_OK);
  int64_t elements;
  CHECK_STATUS(swiftrnn_network_flat_count(network, &elements), SWIFTRNN_STATUS_OK);
  float *flat = (float *)bytes_for(elements * (int64_t)sizeof(float));
  for (int64_t i = 0; i < elements; i++) flat[i] = 0.01f * (float)(i % 7 + 1);
  void **pointers = (void **)bytes_for(p->tensors * (int64_t)sizeof(void *));
  CHECK_STATUS(swiftrnn_network_flat_pointers(network, flat, elements * (int64_t)sizeof(float), pointers, p->tensors),
               SWIFTRNN_STATUS_OK);
  for (int i = 0; i < T * N * I; i++) p->x[i] = 0.125f * (float)(i % 5 + 1);
  for (int64_t i = 0; i < T * N * p->outputs; i++) p->dy[i] = 1;
  swiftrnn_forward_args *f = &p->forward;
  swiftrnn_backward_args *b = &p->backward;
  f->size = sizeof *f, b->size = sizeof *b;
  f->steps = b->steps = T, f->sequences = b->sequences = N;
  f->x = b->x = p->x, f->y = p->y, b->dy = p->dy, b->dx = p->dx;
  f->parameters = b->parameters = (const void *const *)pointers;
  f->parameter_count = b->parameter_count = p->tensors;
  CHECK_STATUS(swiftrnn_network_tape_size(network, T, N, &f->tape_size), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_workspace_size(network, SWIFTRNN_WORKSPACE_FORWARD, T, N, &f->workspace_size),
               SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_workspace_size(network, SWIFTRNN_WORKSPACE_BACKWARD, T, N, &b->workspace_size),
               SWIFTRNN_STATUS_OK);
  b->tape_size = f->tape_size;
  f->tape = bytes_for(f->tape_size), b->tape = f->tape;
  f->workspace = bytes_for(f->workspace_size), b->workspace = bytes_for(b->workspace_size);
  return p;
}

static void pass_free(pass *p) {
  free(p->forward.tape), free(p->forward.workspace), free(p->backward.workspace);
  free((void *)(uintptr_t)p->forward.parameters[0]); /* the first tensor begins the vector of all */
  free((void *)(uintptr_t)p->forward.parameters);
  swiftrnn_network_destroy(p->network);
  free(p);
}

static void run(pass *p) {
  memset(p->y, 0, sizeof p->y);
  CHECK_STATUS(swiftrnn_network_forward(p->network, &p->forward), SWIFTRNN_STATUS_OK);
}

static double sum_of_y(const pass *p) {
  double sum = 0;
  for (int64_t i = 0; i < T * N * p->outputs; i++) sum += (double)p->y[i];
  return sum;
}

/* Passes for training with and without a seed; backward has the masks of its forward pass, which this shows where y is
 * linear in x: then sum(y) = sum(dx * x). */
static void training(swiftrnn_network *network, int is_random) {
  pass *p = pass_of(network);
  float first[MOST_NUMBERS];
  p->forward.seed = 77, p->forward.seeded = 1;
  run(p), memcpy(first, p->y, sizeof first);
  run(p);
  CHECK(memcmp(first, p->y, sizeof first) == 0);
  p->forward.seed = 78;
  run(p);
  CHECK((memcmp(first, p->y, sizeof first) != 0) == is_random);
  p->forward.seed = 0;
  run(p), memcpy(first, p->y, sizeof first);
  run(p);
  CHECK(memcmp(first, p->y, sizeof first) == 0); /* 0 is a seed like others */

  p->forward.seeded = 0;
  int others = 0;
  for (int i = 0; i < 8; i++) {
    memcpy(first, p->y, sizeof first);
    run(p);
    others += memcmp(first, p->y, sizeof first) != 0;
    CHECK_STATUS(swiftrnn_network_backward(p->network, &p->backward), SWIFTRNN_STATUS_OK);
    double sum = 0;
    for (int j = 0; j < T * N * I; j++) sum += (double)p->dx[j] * (double)p->x[j];
    const double expected = sum_of_y(p), difference = sum - expected;
    CHECK(difference < 1e-4 * expected && -difference < 1e-4 * expected);
  }
  CHECK(others == (is_random ? 8 : 0));

  /* At inference nothing is random, and a seed beside seeded 0 is refused there, too. */
  swiftrnn_forward_args f = p->forward;
  f.tape = NULL;
  CHECK_STATUS(swiftrnn_network_forward(p->network, &f), SWIFTRNN_STATUS_OK);
  memcpy(first, p->y, sizeof first);
  CHECK_STATUS(swiftrnn_network_forward(p->network, &f), SWIFTRNN_STATUS_OK);
  CHECK(memcmp(first, p->y, sizeof first) == 0);
  for (int is_training = 0; is_training < 2; is_training++) {
    f.tape = is_training ? p->forward.tape : NULL;
    f.seed = 5;
    CHECK_REFUSED(swiftrnn_network_forward(p->network, &f), INVALID_VALUE, "seed is 5", "0 unless seeded is 1");
    f.seed = UINT64_MAX;
    CHECK_REFUSED(swiftrnn_network_forward(p->network, &f), INVALID_VALUE, "seed is 1.84467", "seeded");
    f.seed = 0, f.seeded = 2;
    CHECK_REFUSED(swiftrnn_network_forward(p->network, &f), INVALID_VALUE, "seeded is 2", "0...1");
    f.seeded = 1, f.reserved = 1;
    CHECK_REFUSED(swiftrnn_network_forward(p->network, &f), INVALID_VALUE, "reserved is 1", "must be 0");
    f.seeded = f.reserved = 0;
  }
  CHECK(memcmp(first, p->y, sizeof first) == 0);
  pass_free(p);
}

static swiftrnn_network *relu(double dropout, int64_t layers, swiftrnn_skip skip) {
  swiftrnn_config config;
  swiftrnn_network *network = NULL;
  CHECK_STATUS(swiftrnn_config_init(&config, sizeof config, SWIFTRNN_RNN_RELU), SWIFTRNN_STATUS_OK);
  config.input_size = I, config.hidden_size = H, config.num_layers = layers, config.dropout = dropout;
  config.bias = 0, config.skip = skip;
  CHECK_STATUS(swiftrnn_network_create(&config, &network), SWIFTRNN_STATUS_OK);
  return (swiftrnn_network *)required(network);
}

static swiftrnn_network *cell(const char *text) {
  swiftrnn_config config = good();
  swiftrnn_equations *equations = parsed(text);
  swiftrnn_network *network = NULL;
  config.input_size = I, config.hidden_size = H;
  CHECK_STATUS(swiftrnn_network_create_equations(equations, &config, NULL, 0, &network), SWIFTRNN_STATUS_OK);
  swiftrnn_equations_destroy(equations);
  return (swiftrnn_network *)required(network);
}

/* The same of trees. */
static void trees(void) {
  pass *p = pass_of(cell("h' = dropout(W @ x + U @ sum_children(h), 0.5)"));
  static const int64_t parents[T * N] = {1, 2, 3, -1, 5, 6, 7, -1, 9, 10, 11, -1, 13, 14, 15, -1, 17, 18, 19, -1};
  swiftrnn_forest *forest = NULL;
  CHECK_STATUS(swiftrnn_forest_create(parents, T * N, &forest), SWIFTRNN_STATUS_OK);
  swiftrnn_forest_forward_args f;
  memset(&f, 0, sizeof f);
  f.size = sizeof f, f.x = p->x, f.y = p->y, f.parameters = p->forward.parameters, f.parameter_count = p->tensors;
  CHECK_STATUS(swiftrnn_forest_tape_size(p->network, forest, &f.tape_size), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_forest_workspace_size(p->network, forest, SWIFTRNN_WORKSPACE_FORWARD, &f.workspace_size),
               SWIFTRNN_STATUS_OK);
  f.tape = bytes_for(f.tape_size), f.workspace = bytes_for(f.workspace_size);
  float first[MOST_NUMBERS];
  memset(p->y, 0, sizeof p->y);
  int others = 0;
  for (int i = 0; i < 8; i++) {
    memcpy(first, p->y, sizeof first);
    CHECK_STATUS(swiftrnn_forest_forward(p->network, forest, &f), SWIFTRNN_STATUS_OK);
    others += memcmp(first, p->y, sizeof first) != 0;
  }
  CHECK(others == 8);
  f.seed = 9, f.seeded = 1;
  CHECK_STATUS(swiftrnn_forest_forward(p->network, forest, &f), SWIFTRNN_STATUS_OK);
  memcpy(first, p->y, sizeof first);
  CHECK_STATUS(swiftrnn_forest_forward(p->network, forest, &f), SWIFTRNN_STATUS_OK);
  CHECK(memcmp(first, p->y, sizeof first) == 0);
  f.seeded = 0;
  CHECK_REFUSED(swiftrnn_forest_forward(p->network, forest, &f), INVALID_VALUE, "seed is 9", "0 unless seeded is 1");
  f.seeded = 3;
  CHECK_REFUSED(swiftrnn_forest_forward(p->network, forest, &f), INVALID_VALUE, "seeded is 3", "0...1");
  f.seeded = 1, f.reserved = -1;
  CHECK_REFUSED(swiftrnn_forest_forward(p->network, forest, &f), INVALID_VALUE, "reserved is -1", "must be 0");
  f.reserved = 0, f.first_node = -1;
  CHECK_REFUSED(swiftrnn_forest_forward(p->network, forest, &f), INVALID_VALUE, "first_node is -1", "0...4294967276");
  free(f.tape), free(f.workspace);
  swiftrnn_forest_destroy(forest);
  pass_free(p);
}

/* Tokens of a text: with a seed the positions make it, without one each text is another. */
static void sampling(void) {
  static const float logits[CLASSES] = {0};
  enum { TOKENS = 40 };
  int64_t texts[4][TOKENS];
  for (int text = 0; text < 4; text++) {
    swiftrnn_sample_config config;
    memset(&config, 0, sizeof config);
    config.size = sizeof config, config.temperature = 1;
    if (text < 2) config.seed = 6, config.seeded = 1;
    for (int position = 0; position < TOKENS; position++) {
      if (text < 2) config.position = (uint64_t)position;
      CHECK_STATUS(swiftrnn_sample(SWIFTRNN_FLOAT32, &config, 1, CLASSES, logits, &texts[text][position]),
                   SWIFTRNN_STATUS_OK);
    }
    int same = 0;
    for (int i = 1; i < TOKENS; i++) same += texts[text][i] == texts[text][0];
    CHECK(same < 4);
  }
  CHECK(memcmp(texts[0], texts[1], sizeof texts[0]) == 0);
  CHECK(memcmp(texts[0], texts[2], sizeof texts[0]) != 0);
  CHECK(memcmp(texts[2], texts[3], sizeof texts[2]) != 0);
}

int main(void) {
  training(relu(0.5, 2, SWIFTRNN_SKIP_NONE), 1);
  training(relu(0.5, 3, SWIFTRNN_SKIP_RESIDUAL), 1);
  training(relu(0.5, 1, SWIFTRNN_SKIP_NONE), 0); /* dropout is between layers */
  training(relu(0, 2, SWIFTRNN_SKIP_NONE), 0);
  training(cell("h' = dropout(W @ x, 0.5) + U @ h"), 1);
  training(cell("h' = W @ x + zoneout(U @ h, h, 0.5)"), 1);
  training(cell("h' = W @ x + drop_connect(U, 0.5) @ h"), 1);
  training(cell("h' = W @ x + U @ h"), 0);
  trees();
  sampling();
  return check_result();
}
