// Cells without a product in the loop: their steps can be computed for all units apart.

extension BuiltInCells {
  static let elementwise = [
    BuiltInCell(
      "ind_rnn",
      """
      # IndRNN (Li 2018, eq 4): a vector instead of a matrix, drawn below 2^(1/T), which is 1 for long sequences
      h' = relu(W @ x + u * h + b)
      init u = uniform(0, 1)
      """),
    BuiltInCell(
      "ind_rnn_clipped",
      """
      # with the bound of section 3 on the recurrent weight, 2^(1/T), for T = 100
      like ind_rnn
      h' = relu(W @ x + clip(u, -1.00696, 1.00696) * h + b)
      """),
    BuiltInCell(
      "sru",
      """
      # SRU (Lei 2018, eqs 1 to 4): raw x, needs I = H; c is the only state
      alpha = 1.7320508
      f  = sigmoid(Wf @ x + vf * c + bf)
      c' = f * c + (1 - f) * (W @ x)
      r  = sigmoid(Wr @ x + vr * c + br)
      y  = r * c' + (1 - r) * x * alpha
      """),
    BuiltInCell(
      "sru_projected",
      """
      like sru
      y  = r * c' + (1 - r) * (Wx @ x) * alpha
      """),
    BuiltInCell(
      "min_gru",
      """
      # minGRU (Feng 2024, section 3.1.3): z weighs the new value
      z  = sigmoid(Wz @ x + bz)
      n  = Wn @ x + bn
      h' = (1 - z) * h + z * n
      """),
    BuiltInCell(
      "min_gru_log",
      """
      # appendix B: the candidate of the log-space form is made positive by g
      like min_gru
      v  = Wn @ x + bn
      n  = where(v >= 0, v + 0.5, sigmoid(v))
      """),
    BuiltInCell(
      "min_lstm",
      """
      # minLSTM (section 3.2.3), gates normalised: f / (f + i), also where both underflow
      f  = log_sigmoid(Wf @ x + bf)
      i  = log_sigmoid(Wi @ x + bi)
      n  = Wn @ x + bn
      h' = sigmoid(f - i) * h + sigmoid(i - f) * n
      """),
  ]
}
