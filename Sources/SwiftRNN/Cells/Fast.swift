// FastRNN and FastGRNN, for devices with little memory.

extension BuiltInCells {
  static let fast = [
    BuiltInCell(
      "fast_rnn",
      """
      # FastRNN (Kusupati 2018, eq 2), scalars kept in (0, 1) by sigmoids as in EdgeML
      n  = tanh(W @ x + U @ h + b)
      h' = sigmoid(scalar(alpha)) * n + sigmoid(scalar(beta)) * h
      init alpha = -3
      init beta = 3
      init b = 1
      """),
    BuiltInCell(
      "fast_grnn",
      """
      # FastGRNN (Kusupati 2018, eq 3)
      p  = W @ x + U @ h
      z  = sigmoid(p + bz)
      n  = tanh(p + bn)
      h' = (sigmoid(scalar(zeta)) * (1 - z) + sigmoid(scalar(nu))) * n + z * h
      init zeta = 1
      init nu = -4
      init bz, bn = 1
      """),
    BuiltInCell(
      "fast_grnn_low_rank",
      """
      # W = W1 W2 and U = U1 U2: the rows of W2 and U2 are the ranks
      like fast_grnn
      size W2 = Rw
      size U2 = Ru
      p  = W1 @ W2 @ x + U1 @ U2 @ h
      """),
  ]
}
