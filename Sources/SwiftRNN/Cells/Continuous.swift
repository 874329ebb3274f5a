// Cells that are steps of a differential equation.

extension BuiltInCells {
  static let continuous = [
    BuiltInCell(
      "lem",
      """
      # LEM (Rusch 2022, eq 3); y is state and output
      dt = 1
      k  = dt * sigmoid(W1 @ y + V1 @ x + b1)
      l  = dt * sigmoid(W2 @ y + V2 @ x + b2)
      z' = (1 - k) * z + k * tanh(Wz @ y + Vz @ x + bz)
      y' = (1 - l) * y + l * tanh(Wy @ z' + Vy @ x + by)
      """),
    BuiltInCell(
      "cornn",
      """
      # coRNN (Rusch, Mishra 2021, eq 3, explicit damping as in the code)
      dt = 0.1
      gamma = 1
      epsilon = 1
      z' = z + dt * (tanh(W @ y + Wz @ z + V @ x + b) - gamma * y - epsilon * z)
      y' = y + dt * z'
      """),
    BuiltInCell(
      "cornn_implicit",
      """
      # the paper's other choice, z at the new step, solved for z'
      like cornn
      z' = (z + dt * (tanh(W @ y + Wz @ z + V @ x + b) - gamma * y)) / (1 + dt * epsilon)
      """),
    BuiltInCell(
      "cfc",
      """
      # CfC, gated (Hasani 2022, eq 10), with the backbone of the authors' code; t is the time since the last step
      input t
      size u = B
      u  = 1.7159 * tanh(0.666 * (Wu @ x + Uu @ h + bu))
      g  = tanh(Wg @ u + bg)
      k  = tanh(Wk @ u + bk)
      s  = sigmoid((Wa @ u + ba) * t + Wb @ u + bb)
      h' = (1 - s) * g + s * k
      """),
  ]
}
