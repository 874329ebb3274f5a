/* oneDNN's side of the benchmark, called directly: one primitive per layer, scratchpad and workspace allocated
 * beforehand, every layout that a primitive may choose left to it.
 *
 * Parameters are held as oneDNN's plain layout ldigo, with its gate order: [inputs][gates][units] per direction; that is
 * made of torch's before anything is timed. For inference they are reordered once. In training the reorders into what
 * the forward and the backward pass want, and of the weight gradients back to ldigo where they differ, are timed: a
 * training step has new weights. Documentation: https://uxlfoundation.github.io/oneDNN/dev_guide_rnn.html */
#include <dnnl.hpp>

#include <string>
#include <unordered_map>
#include <vector>

#include "worker.h"

namespace {

using dnnl::memory;
using tag = memory::format_tag;

dnnl::engine engine;
dnnl::stream stream;
shape s;
arrays *a;
memory::data_type type;

/* One primitive with its arguments. */
struct Call {
  dnnl::primitive_desc_base description;
  dnnl::primitive primitive;
  std::unordered_map<int, memory> arguments;

  void set(dnnl_primitive_desc_t created) {
    description.reset(created);
    primitive = dnnl::primitive(created);
    add(DNNL_ARG_SCRATCHPAD, description.query_md(dnnl::query::scratchpad_md));
  }
  memory::desc wants(int argument) const { return description.query_md(dnnl::query::exec_arg_md, argument); }
  memory &add(int argument, const memory::desc &layout) { return arguments[argument] = memory(layout, engine); }
  void run() const { primitive.execute(stream, arguments); }
};

struct Reorder {
  dnnl::reorder primitive;
  memory from, to;
  Reorder(const memory &source, const memory &target) : primitive(source, target), from(source), to(target) {}
  void run() { primitive.execute(stream, from, to); }
};

struct Layer {
  int64_t inputs;
  memory w, u, bias;                  /* plain: ldigo, ldigo, ldgo */
  memory dw, du, dbias;
  memory y, dx, h0, c0, hn, cn, dh0, dc0;
  Call forward, backward;
  std::vector<Reorder> before_forward, before_backward, after_backward;
  bool overwrites = false;            /* weight gradients, instead of adding to them */
};

std::vector<Layer> layers;

/* Which of torch's gates each of oneDNN's is: LSTM i f c o; GRU u r o, torch's z r n. */
int64_t torch_gate(int64_t gate) {
  static const int64_t gru[] = {1, 0, 2};
  return s.gates == 3 ? gru[gate] : gate;
}

bool reset_after() { return strcmp(s.cell, "gru") == 0; }
int64_t bias_rows() { return reset_after() ? 4 : s.gates; }

float *data(const memory &m) { return static_cast<float *>(m.get_data_handle()); }

memory::desc layout(const memory::dims &dims, tag format) { return memory::desc(dims, type, format); }

memory over(char *bytes, const memory::dims &dims, tag format) {
  return memory(layout(dims, format), engine, bytes);
}

/* Runs `move(torch, plain)` with pointers to each number of a layer's parameters in both forms: weights one to one, the
 * two biases of torch to the row or rows of oneDNN's. `kind` is 0 for weights, 1 for bias_ih, 2 for bias_hh. */
template <typename Move>
void visit(char *flat, int64_t index, const memory &w, const memory &u, const memory &bias, Move move) {
  float *torch = reinterpret_cast<float *>(flat);
  const int64_t H = s.H, G = s.gates;
  for (int64_t layer = 0; layer < index; layer++) torch += s.directions * G * H * (layer_inputs(&s, layer) + H + 2);
  const int64_t I = layer_inputs(&s, index);
  for (int64_t d = 0; d < s.directions; d++) {
    for (int part = 0; part < 2; part++) {
      const int64_t columns = part == 0 ? I : H;
      float *const plain = data(part == 0 ? w : u) + d * columns * G * H;
      for (int64_t g = 0; g < G; g++) {
        for (int64_t h = 0; h < H; h++) {
          float *const row = torch + (torch_gate(g) * H + h) * columns;
          for (int64_t i = 0; i < columns; i++) move(row[i], plain[(i * G + g) * H + h], 0);
        }
      }
      torch += G * H * columns;
    }
    float *const rows = data(bias) + d * bias_rows() * H;
    for (int part = 1; part <= 2; part++) {
      for (int64_t g = 0; g < G; g++) {
        const int64_t row = reset_after() && g == 2 && part == 2 ? 3 : g;
        for (int64_t h = 0; h < H; h++) move(torch[torch_gate(g) * H + h], rows[row * H + h], part);
      }
      torch += G * H;
    }
  }
}

dnnl_rnn_direction_t direction() {
  return s.directions == 2 ? dnnl_bidirectional_concat : dnnl_unidirectional_left2right;
}

/* Layouts of a layer's arguments. Empty ones are not given: in training the final states, which nobody asks for. */
struct Layouts {
  memory::desc x, h0, c0, w, u, bias, y, hn, cn, none;
  explicit Layouts(int64_t inputs) {
    const int64_t D = s.directions, G = s.gates;
    x = layout({s.T, s.N, inputs}, tag::tnc);
    h0 = layout({1, D, s.N, s.H}, tag::ldnc);
    w = layout({1, D, inputs, G, s.H}, tag::any);
    u = layout({1, D, s.H, G, s.H}, tag::any);
    bias = layout({1, D, bias_rows(), s.H}, tag::ldgo);
    y = layout({s.T, s.N, D * s.H}, tag::tnc);
    if (s.has_c) c0 = h0;
    if (s.work != TRAINING) hn = h0, cn = c0;
  }
};

void check(dnnl_status_t status) { dnnl::error::wrap_c_api(status, "could not create a primitive descriptor"); }

dnnl_alg_kind_t activation() { return strcmp(s.cell, "rnn_relu") == 0 ? dnnl_eltwise_relu : dnnl_eltwise_tanh; }

dnnl_primitive_desc_t describe_forward(const Layouts &m, const dnnl::primitive_attr &attributes) {
  const dnnl_prop_kind_t kind = s.work == TRAINING ? dnnl_forward_training : dnnl_forward_inference;
  dnnl_primitive_desc_t made = nullptr;
  if (s.has_c) {
    check(dnnl_lstm_forward_primitive_desc_create(
        &made, engine.get(), kind, direction(), m.x.get(), m.h0.get(), m.c0.get(), m.w.get(), m.u.get(), m.none.get(),
        m.none.get(), m.bias.get(), m.y.get(), m.hn.get(), m.cn.get(), 0, attributes.get()));
  } else if (s.gates == 1) {
    check(dnnl_vanilla_rnn_forward_primitive_desc_create(
        &made, engine.get(), kind, activation(), direction(), m.x.get(), m.h0.get(), m.w.get(), m.u.get(),
        m.bias.get(), m.y.get(), m.hn.get(), 0, 0.f, 0.f, attributes.get()));
  } else {
    const auto create = reset_after() ? dnnl_lbr_gru_forward_primitive_desc_create
                                      : dnnl_gru_forward_primitive_desc_create;
    check(create(&made, engine.get(), kind, direction(), m.x.get(), m.h0.get(), m.w.get(), m.u.get(), m.bias.get(),
                 m.y.get(), m.hn.get(), 0, attributes.get()));
  }
  return made;
}

dnnl_primitive_desc_t describe_backward(const Layouts &m, const dnnl::primitive_attr &attributes, unsigned flags,
                                        const_dnnl_primitive_desc_t hint) {
  dnnl_primitive_desc_t made = nullptr;
  const dnnl_prop_kind_t kind = dnnl_backward;
  if (s.has_c) {
    check(dnnl_lstm_backward_primitive_desc_create(
        &made, engine.get(), kind, direction(), m.x.get(), m.h0.get(), m.c0.get(), m.w.get(), m.u.get(), m.none.get(),
        m.none.get(), m.bias.get(), m.y.get(), m.hn.get(), m.cn.get(), m.x.get(), m.h0.get(), m.c0.get(), m.w.get(),
        m.u.get(), m.none.get(), m.none.get(), m.bias.get(), m.y.get(), m.hn.get(), m.cn.get(), flags, hint,
        attributes.get()));
  } else if (s.gates == 1) {
    check(dnnl_vanilla_rnn_backward_primitive_desc_create(
        &made, engine.get(), kind, activation(), direction(), m.x.get(), m.h0.get(), m.w.get(), m.u.get(),
        m.bias.get(), m.y.get(), m.hn.get(), m.x.get(), m.h0.get(), m.w.get(), m.u.get(), m.bias.get(), m.y.get(),
        m.hn.get(), flags, 0.f, 0.f, hint, attributes.get()));
  } else {
    const auto create = reset_after() ? dnnl_lbr_gru_backward_primitive_desc_create
                                      : dnnl_gru_backward_primitive_desc_create;
    check(create(&made, engine.get(), kind, direction(), m.x.get(), m.h0.get(), m.w.get(), m.u.get(), m.bias.get(),
                 m.y.get(), m.hn.get(), m.x.get(), m.h0.get(), m.w.get(), m.u.get(), m.bias.get(), m.y.get(),
                 m.hn.get(), flags, hint, attributes.get()));
  }
  return made;
}

/* `plain` where the call can take it as it is; else memory in the layout that the call wants, and the reorder. */
void pass_weights(Call &call, int argument, const memory &plain, std::vector<Reorder> &reorders) {
  if (call.wants(argument) == plain.get_desc()) {
    call.arguments[argument] = plain;
  } else {
    reorders.emplace_back(plain, call.add(argument, call.wants(argument)));
  }
}

void take_gradient(Layer &layer, int argument, const memory &plain) {
  Call &call = layer.backward;
  if (call.wants(argument) == plain.get_desc()) {
    call.arguments[argument] = plain;
  } else {
    layer.after_backward.emplace_back(call.add(argument, call.wants(argument)), plain);
  }
}

void prepare_backward(Layer &layer, const Layouts &m, const dnnl::primitive_attr &attributes, const memory &dy) {
  const const_dnnl_primitive_desc_t hint = layer.forward.description.get();
  try {
    layer.backward.set(describe_backward(m, attributes, dnnl_rnn_flags_diff_weights_overwrite, hint));
    layer.overwrites = true;
  } catch (const dnnl::error &) {
    layer.backward.set(describe_backward(m, attributes, dnnl_rnn_flags_undef, hint));
  }
  Call &call = layer.backward;
  for (const int shared : {DNNL_ARG_SRC_LAYER, DNNL_ARG_SRC_ITER, DNNL_ARG_SRC_ITER_C, DNNL_ARG_BIAS,
                           DNNL_ARG_DST_LAYER, DNNL_ARG_WORKSPACE}) {
    const auto found = layer.forward.arguments.find(shared);
    if (found != layer.forward.arguments.end()) call.arguments.insert(*found);
  }
  pass_weights(call, DNNL_ARG_WEIGHTS_LAYER, layer.w, layer.before_backward);
  pass_weights(call, DNNL_ARG_WEIGHTS_ITER, layer.u, layer.before_backward);
  call.arguments[DNNL_ARG_DIFF_DST_LAYER] = dy;
  call.arguments[DNNL_ARG_DIFF_SRC_LAYER] = layer.dx;
  call.arguments[DNNL_ARG_DIFF_SRC_ITER] = layer.dh0;
  if (s.has_c) call.arguments[DNNL_ARG_DIFF_SRC_ITER_C] = layer.dc0;
  layer.dw = memory(layer.w.get_desc(), engine), layer.du = memory(layer.u.get_desc(), engine);
  layer.dbias = memory(layer.bias.get_desc(), engine);
  take_gradient(layer, DNNL_ARG_DIFF_WEIGHTS_LAYER, layer.dw);
  take_gradient(layer, DNNL_ARG_DIFF_WEIGHTS_ITER, layer.du);
  call.arguments[DNNL_ARG_DIFF_BIAS] = layer.dbias;
}

void prepare_forward(int64_t index, const memory &x, const dnnl::primitive_attr &attributes) {
  Layer &layer = layers[static_cast<size_t>(index)];
  const int64_t D = s.directions, I = layer_inputs(&s, index);
  const int64_t state = index * (a->state_size / s.layers);
  const memory::dims iter{1, D, s.N, s.H};
  const Layouts m(I);
  layer.inputs = I;
  layer.w = memory(layout({1, D, I, s.gates, s.H}, tag::ldigo), engine);
  layer.u = memory(layout({1, D, s.H, s.gates, s.H}, tag::ldigo), engine);
  layer.bias = memory(m.bias, engine);
  memset(layer.bias.get_data_handle(), 0, m.bias.get_size());
  visit(a->parameters, index, layer.w, layer.u, layer.bias, [](float &torch, float &plain, int kind) {
    /* The second bias is added, but for the row of its own that reset-after has; that one is zero before. */
    plain = kind == 2 ? plain + torch : torch;
  });
  layer.y = index + 1 < s.layers ? memory(m.y, engine) : memory(m.y, engine, a->y);
  Call &call = layer.forward;
  call.set(describe_forward(m, attributes));
  call.arguments[DNNL_ARG_SRC_LAYER] = x;
  call.arguments[DNNL_ARG_SRC_ITER] = over(a->h0 + state, iter, tag::ldnc);
  if (s.has_c) call.arguments[DNNL_ARG_SRC_ITER_C] = over(a->c0 + state, iter, tag::ldnc);
  call.arguments[DNNL_ARG_BIAS] = layer.bias;
  call.arguments[DNNL_ARG_DST_LAYER] = layer.y;
  pass_weights(call, DNNL_ARG_WEIGHTS_LAYER, layer.w, layer.before_forward);
  pass_weights(call, DNNL_ARG_WEIGHTS_ITER, layer.u, layer.before_forward);
  if (s.work == TRAINING) {
    call.add(DNNL_ARG_WORKSPACE, call.description.query_md(dnnl::query::workspace_md));
    layer.dx = index > 0 ? memory(m.x, engine) : memory(m.x, engine, a->dx);
    layer.dh0 = over(a->dh0 + state, iter, tag::ldnc);
    if (s.has_c) layer.dc0 = over(a->dc0 + state, iter, tag::ldnc);
  } else {
    call.arguments[DNNL_ARG_DST_ITER] = over(a->hn + state, iter, tag::ldnc);
    if (s.has_c) call.arguments[DNNL_ARG_DST_ITER_C] = over(a->cn + state, iter, tag::ldnc);
  }
}

void run() {
  for (Layer &layer : layers) {
    if (s.work == TRAINING) {
      for (Reorder &reorder : layer.before_forward) reorder.run();
    }
    layer.forward.run();
  }
  if (s.work == TRAINING) {
    for (size_t index = layers.size(); index-- > 0;) {
      Layer &layer = layers[index];
      for (Reorder &reorder : layer.before_backward) reorder.run();
      if (!layer.overwrites) {
        for (const int argument : {DNNL_ARG_DIFF_WEIGHTS_LAYER, DNNL_ARG_DIFF_WEIGHTS_ITER, DNNL_ARG_DIFF_BIAS}) {
          const memory &m = layer.backward.arguments[argument];
          memset(m.get_data_handle(), 0, m.get_desc().get_size());
        }
      }
      layer.backward.run();
      for (Reorder &reorder : layer.after_backward) reorder.run();
    }
  }
  stream.wait();
}

const char *prepare(const shape *wanted, arrays *given) {
  static std::string refusal;
  s = *wanted, a = given;
  if (s.lengths) return "has no lengths";
  type = s.item_size == 8 ? memory::data_type::f64 : memory::data_type::f32;
  try {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    layers.resize(static_cast<size_t>(s.layers));
    memory x = over(a->x, {s.T, s.N, s.I}, tag::tnc);
    for (int64_t index = 0; index < s.layers; index++) {
      prepare_forward(index, x, attributes);
      x = layers[static_cast<size_t>(index)].y;
    }
    if (s.work == TRAINING) {
      memory dy = over(a->dy, {s.T, s.N, s.directions * s.H}, tag::tnc);
      for (int64_t index = s.layers; index-- > 0;) {
        Layer &layer = layers[static_cast<size_t>(index)];
        prepare_backward(layer, Layouts(layer.inputs), attributes, dy);
        dy = layer.dx;
      }
    }
    for (Layer &layer : layers) {
      for (Reorder &reorder : layer.before_forward) reorder.run();
    }
    stream.wait();
  } catch (const dnnl::error &error) {
    refusal = std::string(error.what()) + (s.item_size == 8 ? " for float64" : "");
    return refusal.c_str();
  }
  return nullptr;
}

void collect() {
  if (s.work != TRAINING) return;
  for (int64_t index = 0; index < s.layers; index++) {
    const Layer &layer = layers[static_cast<size_t>(index)];
    visit(a->gradients, index, layer.dw, layer.du, layer.dbias,
          [](float &torch, float &plain, int) { torch = plain; });
  }
}

void release() { layers.clear(); }

}  // namespace

int main() {
  engine = dnnl::engine(dnnl::engine::kind::cpu, 0);
  stream = dnnl::stream(engine);
  const dnnl_version_t *const version = dnnl_version();
  char greeting[64];
  snprintf(greeting, sizeof greeting, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
  const worker self = {prepare, run, collect, release, nullptr};
  return serve(&self, greeting);
}
