// sLSTM: exponential gates, kept in range by a state of their own.

extension BuiltInCells {
  static let exponential = [
    BuiltInCell(
      "slstm",
      """
      # sLSTM (Beck 2024, eqs 8 to 17) with xlstm's bound, before exp; m starts where the paper's code starts it
      i  = Wi @ x + blocks(Ui, heads) @ h + bi
      f  = Wf @ x + blocks(Uf, heads) @ h + bf
      z  = tanh(Wz @ x + blocks(Uz, heads) @ h + bz)
      o  = sigmoid(Wo @ x + blocks(Uo, heads) @ h + bo)
      k  = log_sigmoid(f) + m
      m' = where(n > 0, max(k, i), i)
      p  = exp(min(i - m', 0))
      q  = exp(min(k - m', 0))
      c' = q * c + p * z
      n' = q * n + p
      h' = o * c' / n'
      """),
    BuiltInCell(
      "slstm_exp",
      """
      # the exponential forget gate
      like slstm
      k  = f + m
      """),
    BuiltInCell(
      "slstm_flashrnn",
      """
      # flashrnn's normalisation
      like slstm
      n' = max(q * n + p, 1)
      """),
  ]
}
