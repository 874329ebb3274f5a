/* Passes over trees refuse what is wrong by the names that their arguments have. */
#include "equations.h"
#include "refused.h"

enum { M = 5, I = 3, H = 4 };

static swiftrnn_forest *forest_of(const int64_t *parents, int64_t nodes) {
  swiftrnn_forest *forest = NULL;
  CHECK_STATUS(swiftrnn_forest_create(parents, nodes, &forest), SWIFTRNN_STATUS_OK);
  return (swiftrnn_forest *)required(forest);
}

int main(void) {
  static const int64_t parents[M] = {2, 2, 4, 4, -1}, others[M] = {1, 2, 4, 4, -1};
  static double a[M], x[M * I], h[M * H], y[M * H], flat[4096], gradient[4096], da[M], dh[M * H];
  swiftrnn_config config = good();
  config.input_size = I, config.hidden_size = H, config.dtype = SWIFTRNN_FLOAT64;
  swiftrnn_equations *equations = parsed("input a\nh' = a * tanh(W @ x + U @ sum_children(h))");
  swiftrnn_network *network = NULL;
  CHECK_STATUS(swiftrnn_network_create_equations(equations, &config, NULL, 0, &network), SWIFTRNN_STATUS_OK);
  void *parameters[2], *gradients[2];
  CHECK_STATUS(swiftrnn_network_flat_pointers(network, flat, sizeof flat, parameters, 2), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_network_flat_pointers(network, gradient, sizeof gradient, gradients, 2), SWIFTRNN_STATUS_OK);
  swiftrnn_forest *forest = forest_of(parents, M), *larger = forest_of(others, M), *smaller = forest_of(parents + 4, 1);

  const void *inputs[1] = {a}, *state_gradients[1] = {dh};
  void *states[1] = {h}, *input_gradients[1] = {da};
  swiftrnn_forest_forward_args f;
  swiftrnn_forest_backward_args b;
  memset(&f, 0, sizeof f), memset(&b, 0, sizeof b);
  f.size = sizeof f, f.x = x, f.y = y, f.inputs = inputs, f.input_count = 1;
  f.final_states = states, f.state_count = 1;
  f.parameters = (const void *const *)parameters, f.parameter_count = 2;
  b.size = sizeof b, b.x = x, b.dy = y, b.inputs = inputs, b.input_gradients = input_gradients, b.input_count = 1;
  b.state_gradients = state_gradients, b.state_count = 1;
  b.parameters = (const void *const *)parameters, b.gradients = gradients, b.parameter_count = 2;
  CHECK_STATUS(swiftrnn_forest_tape_size(network, forest, &f.tape_size), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_forest_workspace_size(network, forest, SWIFTRNN_WORKSPACE_FORWARD, &f.workspace_size),
               SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_forest_workspace_size(network, forest, SWIFTRNN_WORKSPACE_BACKWARD, &b.workspace_size),
               SWIFTRNN_STATUS_OK);
  f.tape = required(calloc(1, (size_t)f.tape_size)), f.workspace = required(malloc((size_t)f.workspace_size));
  b.tape = f.tape, b.tape_size = f.tape_size, b.workspace = required(malloc((size_t)b.workspace_size));

  CHECK_REFUSED(swiftrnn_forest_backward(network, forest, &b), MISMATCH, "not filled by a forward pass");
  CHECK_STATUS(swiftrnn_forest_forward(network, forest, &f), SWIFTRNN_STATUS_OK);
  CHECK_STATUS(swiftrnn_forest_backward(network, forest, &b), SWIFTRNN_STATUS_OK);
  CHECK_REFUSED(swiftrnn_forest_backward(network, larger, &b), MISMATCH, "another forest");
  CHECK_REFUSED(swiftrnn_forest_backward(network, smaller, &b), MISMATCH, "another forest");

  states[0] = MOVED(void *, h, 4);
  CHECK_REFUSED(swiftrnn_forest_forward(network, forest, &f), MISALIGNED, "final_states", "8");
  state_gradients[0] = MOVED(const void *, dh, 4);
  CHECK_REFUSED(swiftrnn_forest_backward(network, forest, &b), MISALIGNED, "state_gradients must", "8");
  state_gradients[0] = dh, input_gradients[0] = MOVED(void *, da, 4);
  CHECK_REFUSED(swiftrnn_forest_backward(network, forest, &b), MISALIGNED, "an entry of input_gradients", "8");
  inputs[0] = MOVED(const void *, a, 4);
  CHECK_REFUSED(swiftrnn_forest_backward(network, forest, &b), MISALIGNED, "an entry of inputs", "8");
  inputs[0] = NULL;
  CHECK_REFUSED(swiftrnn_forest_backward(network, forest, &b), NULL_POINTER, "an entry of inputs");

  free(f.tape), free(f.workspace), free(b.workspace);
  swiftrnn_forest_destroy(forest), swiftrnn_forest_destroy(larger), swiftrnn_forest_destroy(smaller);
  swiftrnn_network_destroy(network), swiftrnn_equations_destroy(equations);
  return check_result();
}
