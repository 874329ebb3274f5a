// The vanilla recurrent network, with any activation, and with its feedback from the output.

extension BuiltInCells {
  static let vanilla = [
    BuiltInCell(
      "rnn",
      """
      # vanilla RNN (Elman 1990), as torch.nn.RNN
      h' = tanh(weight_ih @ x + weight_hh @ h + bias_ih + bias_hh)
      """),
    BuiltInCell(
      "rnn_relu",
      """
      # IRNN (Le, Jaitly, Hinton 2015): relu; first values as in its experiments
      like rnn
      h' = relu(weight_ih @ x + weight_hh @ h + bias_ih + bias_hh)
      init weight_ih = normal(0.001)
      init weight_hh = identity
      init bias_ih, bias_hh = 0
      """),
    BuiltInCell(
      "rnn_any",
      """
      # any activation: the equation is replaced
      like rnn
      h' = scaled_tanh(weight_ih @ x + weight_hh @ h + bias_ih + bias_hh, 1.7159, 0.6667)
      """),
    BuiltInCell(
      "jordan",
      """
      # Jordan (1986): the feedback comes from the output; h is no state, y is state and output
      size y = O
      h  = tanh(W @ x + U @ y + b)
      y' = V @ h + d
      """),
  ]
}
