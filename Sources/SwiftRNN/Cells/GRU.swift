// The GRU, with the reset gate before and after its product, and its relatives with fewer gates or with others.

extension BuiltInCells {
  static let gru = [
    BuiltInCell(
      "gru",
      """
      # GRU, reset after the product (Cho 2014 v1; torch, cuDNN): z keeps the old state
      ri, zi, ni = weight_ih @ x + bias_ih
      rh, zh, nh = weight_hh @ h + bias_hh
      r  = sigmoid(ri + rh)
      z  = sigmoid(zi + zh)
      n  = tanh(ni + r * nh)
      h' = (1 - z) * n + z * h
      """),
    BuiltInCell(
      "gru_z_new",
      """
      # z weighs the new state (MPSGraph's default)
      like gru
      h' = (1 - z) * h + z * n
      """),
    BuiltInCell(
      "gru_before",
      """
      # reset before the product (Cho 2014 v3, ONNX linear_before_reset = 0), the same stacked parameters
      like gru
      Ur, Uz, Un = weight_hh
      br, bz, bn = bias_hh
      r  = sigmoid(ri + Ur @ h + br)
      z  = sigmoid(zi + Uz @ h + bz)
      n  = tanh(ni + Un @ (r * h) + bn)
      """),
    BuiltInCell(
      "gru_before_z_new",
      """
      # Chung 2014 prints this sense of z
      like gru_before
      h' = (1 - z) * h + z * n
      """),
    BuiltInCell(
      "mgu",
      """
      # minimal gated unit (Zhou 2016)
      f  = sigmoid(Wf @ x + Uf @ h + bf)
      n  = tanh(Wn @ x + Un @ (f * h) + bn)
      h' = (1 - f) * h + f * n
      """),
    BuiltInCell(
      "mut1",
      """
      # Jozefowicz 2015: raw x, needs I = H
      z  = sigmoid(Wz @ x + bz)
      r  = sigmoid(Wr @ x + Ur @ h + br)
      h' = tanh(U @ (r * h) + tanh(x) + b) * z + h * (1 - z)
      """),
    BuiltInCell(
      "mut1_projected",
      """
      like mut1
      h' = tanh(U @ (r * h) + tanh(W @ x) + b) * z + h * (1 - z)
      """),
    BuiltInCell(
      "mut2",
      """
      z  = sigmoid(Wz @ x + Uz @ h + bz)
      r  = sigmoid(x + Ur @ h + br)
      h' = tanh(U @ (r * h) + W @ x + b) * z + h * (1 - z)
      """),
    BuiltInCell(
      "mut2_projected",
      """
      like mut2
      r  = sigmoid(Wr @ x + Ur @ h + br)
      """),
    BuiltInCell(
      "mut3",
      """
      z  = sigmoid(Wz @ x + Uz @ tanh(h) + bz)
      r  = sigmoid(Wr @ x + Ur @ h + br)
      h' = tanh(U @ (r * h) + W @ x + b) * z + h * (1 - z)
      """),
    BuiltInCell(
      "ugrnn",
      """
      # UGRNN (Collins 2017)
      g  = sigmoid(Wg @ x + Ug @ h + bg)
      n  = tanh(Wn @ x + Un @ h + bn)
      h' = g * h + (1 - g) * n
      """),
    BuiltInCell(
      "li_gru",
      """
      # Li-GRU (Ravanelli 2018, eqs 6 and 7): batch norm of what comes from the input only; matrices start as there
      z  = sigmoid(batch_norm(Wz @ x, mz, vz) * gz + bz + Uz @ h)
      n  = relu(batch_norm(Wn @ x, mn, vn) * gn + bn + Un @ h)
      h' = z * h + (1 - z) * n
      init Wz, Wn = glorot_uniform
      init Uz, Un = orthogonal
      init mz, mn, bz, bn = 0
      init vz, vn, gz, gn = 1
      """),
    BuiltInCell(
      "li_gru_layer_norm",
      """
      # SpeechBrain's layernorm form: one norm over 2 H; a mask on the candidate, shared over time
      nx, zx = layer_norm(W @ x) * g + b
      nh, zh = U @ h
      z  = sigmoid(zx + zh)
      n  = dropout(relu(nx + nh), 0.2, per_sequence)
      h' = z * h + (1 - z) * n
      init U = orthogonal
      init g = 1
      """),
    BuiltInCell(
      "janet",
      """
      # JANET (van der Westhuizen, Lasenby 2018): beta is a constant of the paper, 1
      beta = 1
      s  = Wf @ x + Uf @ h + bf
      n  = tanh(Wn @ x + Un @ h + bn)
      h' = sigmoid(s) * h + (1 - sigmoid(s - beta)) * n
      """),
    BuiltInCell(
      "augru",
      """
      # AUGRU (Zhou 2019, DIEN, eqs 14 and 15): the attention a scales the weight of the new state
      like gru_before
      input a
      u  = a * (1 - z)
      h' = (1 - u) * h + u * n
      """),
    BuiltInCell(
      "augru_onednn",
      """
      # oneDNN, OpenVINO and DIEN's own code: a shrinks the weight of the old state; not the same function
      like gru_before
      input a
      u  = (1 - a) * z
      h' = u * h + (1 - u) * n
      """),
    BuiltInCell(
      "augru_lbr",
      """
      like gru
      input a
      u  = (1 - a) * z
      h' = u * h + (1 - u) * n
      """),
  ]
}
