// Texts that are fused cells in other words, and texts that are nearly.
import Testing

@testable import SwiftRNN

/// A text that is a fused cell.
struct FusedWording: CustomTestStringConvertible, Sendable {
  let kind: CellKind
  let text: String
  /// Its first state is c.
  var startsWithC = false
  /// It needs as many inputs as hidden units.
  var isSquare = false

  var testDescription: String { text }

  static let all = [
    FusedWording(kind: .rnnTanh, text: "like rnn"),
    FusedWording(kind: .rnnTanh, text: "y' = tanh(U @ y + b + W @ x)"),
    FusedWording(kind: .rnnTanh, text: "h' = tanh(W @ x + U @ h)"),
    FusedWording(kind: .rnnTanh, text: "a = b + W @ x\nsize a = H\nh' = tanh(U @ h + (d + a))\ny = h'"),
    FusedWording(kind: .rnnTanh, text: "W, U = M\nh' = tanh(U @ h + b + W @ x)", isSquare: true),
    FusedWording(kind: .rnnRelu, text: "like rnn_relu"),
    FusedWording(kind: .rnnRelu, text: "h' = relu(W @ x + b + U @ h)"),
    FusedWording(kind: .lstm, text: "like lstm"),
    FusedWording(kind: .lstm, text: "like lstm\ninit bias_ih = 1"),
    FusedWording(kind: .lstm, text: "like lstm_no_bias"),
    FusedWording(kind: .lstm, text: "like lstm_separate"),
    FusedWording(kind: .lstm, text: "like np"),
    FusedWording(
      kind: .lstm,
      text: """
        s' = a * s + b * m
        a = sigmoid(p + A @ x + B @ y)
        m = tanh(D @ y + C @ x)
        b = sigmoid(E @ x + F @ y + q + r)
        y' = tanh(s') * e
        e = sigmoid(G @ y + K @ x + t)
        """, startsWithC: true),
    FusedWording(
      kind: .lstm,
      text: """
        af, ai, ao, ag = W @ x + U @ y + b
        y' = sigmoid(ao) * tanh(h')
        h' = tanh(ag) * sigmoid(ai) + h * sigmoid(af)
        """, startsWithC: true),
    FusedWording(
      kind: .lstm,
      text: """
        xi, xf = W @ x + b
        ug, ui = U @ h
        uf, uo = S @ h
        c' = sigmoid(xi + ui) * tanh(G @ x + ug + d) + sigmoid(uf + xf) * c
        bo, k = e
        h' = tanh(c') * sigmoid(bo + uo + k + O @ x)
        """),
    FusedWording(kind: .lstm, text: "like lstm_projected"),
    FusedWording(
      kind: .lstm,
      text: """
        size y = P
        i = sigmoid(Wi @ x + Ui @ y + bi)
        f = sigmoid(Wf @ x + Uf @ y)
        g = tanh(Wg @ x + Ug @ y + bg + dg)
        o = sigmoid(Wo @ x + Uo @ y)
        c' = i * g + c * f
        y' = R @ (tanh(c') * o)
        """, startsWithC: true),
    FusedWording(kind: .gru, text: "like gru"),
    FusedWording(
      kind: .gru,
      text: """
        keep = sigmoid(Uz @ s + Wz @ x)
        r = sigmoid(Wr @ x + Ur @ s + br + dr)
        new = tanh(r * (d + Un @ s) + Wn @ x)
        s' = new + (s - new) * keep
        y = s'
        """),
    FusedWording(
      kind: .gru,
      text: """
        xz, xr, xn = W @ x + b
        uz, ur, un = U @ h
        h' = sigmoid(xz + uz) * h + tanh(xn + sigmoid(xr + ur) * un) * (-sigmoid(xz + uz) + 1)
        """),
    FusedWording(kind: .gruResetBefore, text: "like gru_before"),
    FusedWording(
      kind: .gruResetBefore,
      text: """
        z = sigmoid(Wz @ x + Uz @ h + bz)
        r = sigmoid(Wr @ x + Ur @ h + br)
        n = tanh(Un @ (h * r) + Wn @ x + bn)
        h' = n + z * (h - n)
        """),
    FusedWording(
      kind: .gruResetBefore,
      text: """
        z = sigmoid(Wz @ x + Uz @ h)
        r = sigmoid(Wr @ x + Ur @ h)
        n = tanh(Un @ (r * h) + Wn @ x + bn + dn)
        h' = n * (1 - z) + z * h
        """),
  ]

  /// Nearly a fused cell.
  static let misses = [
    "like lstm\ni = sigmoid(ai + p * c)",
    "like lstm\ni = sigmoid(ai + p)",
    "like lstm\ni = sigmoid(ai + 1)",
    "like lstm\ni = sigmoid(ai + scalar(p))",
    "like lstm\ni = sigmoid(2 * ai)",
    "like lstm\ni = sigmoid(ai + V @ x)",
    "like lstm\ni = sigmoid(ai + V @ h)",
    "like lstm\ni = sigmoid(ai + V @ c)",
    "like lstm\ni = sigmoid(af)",
    "like lstm\ni = f",
    "like lstm\nf = 1 - i",
    "like lstm\ng = sigmoid(ag)",
    "like lstm\ng = tanh(-ag)",
    "like lstm\no = hard_sigmoid(ao)",
    "like lstm\no = tanh(ao)",
    "like lstm\nc' = f * c + i * g + g",
    "like lstm\nc' = f * c - i * g",
    "like lstm\nc' = f * c + i * g * o",
    "like lstm\nc' = f * h + i * g",
    "like lstm\nc' = clip(f * c + i * g, -1, 1)",
    "like lstm\nh' = o * tanh(c)",
    "like lstm\nh' = o * c'",
    "like lstm\nh' = o + tanh(c')",
    "like lstm\nh' = o * relu(c')",
    "like lstm\ninit c = 0.5",
    "like lstm\ninit h = 0.5",
    "like lstm\ny = V @ h'",
    "like lstm\ny = c'",
    "like lstm\ninput a\nsize a = H\ng = tanh(ag + a)",
    "like lstm\ng = dropout(tanh(ag), 0.3)",
    "like lstm\nc' = zoneout(f * c + i * g, c, 0.1)",
    "like lstm\nai, af, ag, ao = weight_ih @ x + drop_connect(weight_hh, 0.2) @ h + bias_ih",
    "like lstm\nai, af, ag, ao = layer_norm(weight_ih @ x) + weight_hh @ h + bias_ih",
    "like lstm\nai, af, ag, ao = weight_ih @ x - weight_hh @ h + bias_ih",
    "like lstm\nai, af, ag, ao = weight_ih @ x + weight_hh @ h - bias_ih",
    "like lstm\nai, af, ag, ao, rest = weight_ih @ x + weight_hh @ h + bias_ih",
    "like lstm\nai, af, ag, ao = weight_ih @ x + weight_hh @ h + bias_ih + bias_ih",
    "like lstm\nai, af, ag, ao = weight_ih @ x + weight_hh @ tanh(h) + bias_ih",
    "like lstm\nai, af, ag, ao = weight_ih @ tanh(x) + weight_hh @ h + bias_ih",
    "like lstm\nai, af, ag, ao = weight_ih @ x + weight_hh @ sum_children(h) + bias_ih",
    "like lstm_separate\nf = sigmoid(Wi @ x + Uf @ h + bf)",
    "like lstm_separate\nf = sigmoid(Wf @ x + Uf @ h + bi)",
    "like lstm_projected_bias",
    "like lstm_projected\nh' = clip(weight_hr @ (o * tanh(c')), -1, 1)",
    "like lstm_projected\nh' = drop_connect(weight_hr, 0.1) @ (o * tanh(c'))",
    "like gru_z_new",
    "like gru_before_z_new",
    "like gru\nn = tanh(nh + r * ni)",
    "like gru\nn = tanh(ni + z * nh)",
    "like gru\nn = tanh(ni + nh)",
    "like gru\nn = tanh(ni + r * nh + b)",
    "like gru\nn = tanh(ni + r * (nh + b))",
    "like gru\nn = tanh(ni + r * nh + r * b)",
    "like gru\nn = tanh(ni + r * r * nh)",
    "like gru\nn = relu(ni + r * nh)",
    "like gru\nn = tanh(ni - r * nh)",
    "like gru\nh' = (1 - r) * n + z * h",
    "like gru\nh' = (2 - z) * n + z * h",
    "like gru\nh' = (1 - z) * n - z * h",
    "like gru\nh' = n + z * (n - h)",
    "like gru\nh' = h + z * (h - n)",
    "like gru\nh' = (1 - z) * h + z * h",
    "like gru\nz = hard_sigmoid(zi + zh)",
    "like gru_before\nn = tanh(ni + Un @ (z * h) + bn)",
    "like gru_before\nn = tanh(ni + Un @ (r * r) + bn)",
    "like gru_before\nn = tanh(ni + Un @ (r * tanh(h)) + bn)",
    "like gru_before\nn = tanh(ni + Un @ (r * h) + bn + bm)",
    "like gru_before\nn = tanh(ni + r * (Un @ (r * h)) + bn)",
    "like rnn\nh' = tanh(weight_ih @ x + weight_hh @ h + bias_ih - bias_hh)",
    "like rnn\nh' = scaled_tanh(weight_ih @ x + weight_hh @ h + bias_ih + bias_hh, 1, 1)",
    "like rnn\nh' = leaky_relu(weight_ih @ x + weight_hh @ h + bias_ih + bias_hh, 0)",
    "like rnn\nh' = tanh(weight_ih @ x + blocks(weight_hh, 2) @ h + bias_ih)",
    "h' = tanh(W @ x + U @ h + V @ h)",
    "h' = tanh(W @ x + V @ x + U @ h)",
    "h' = tanh(W @ x + U @ V @ h)",
    "h' = tanh(U @ h + b)",
    "h' = tanh(W @ x + h)",
    "h' = tanh(W @ x + U @ h) + h",
    "a, b, c = U\nh' = tanh(W @ x + b @ h)",
    "s' = tanh(W @ x + U @ s)\nh' = tanh(V @ x + Z @ h + s)",
    // So many sums within sums that a walk through all of them would not end.
    "a0 = U @ h\n" + (1...60).map { "a\($0) = a\($0 - 1) - a\($0 - 1)\n" }.joined() + "h' = tanh(W @ x + a60)",
  ]
}
