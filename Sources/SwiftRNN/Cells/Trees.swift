// Recursive cells, whose states are those of the children in a tree.

extension BuiltInCells {
  static let trees = [
    BuiltInCell(
      "tree_child_sum",
      """
      # Child-Sum Tree-LSTM (Tai 2015, eqs 2 to 8), with Wf @ x; on a chain it is the LSTM
      s  = sum_children(h)
      i  = sigmoid(Wi @ x + Ui @ s + bi)
      f  = sigmoid(Wf @ x + Uf @ h + bf)
      o  = sigmoid(Wo @ x + Uo @ s + bo)
      u  = tanh(Wu @ x + Uu @ s + bu)
      c' = i * u + sum_children(f * c)
      h' = o * tanh(c')
      """),
    BuiltInCell(
      "tree_binary",
      """
      # N-ary Tree-LSTM (Tai 2015, eqs 9 to 14), N = 2
      i  = sigmoid(Wi @ x + Ui1 @ h[1] + Ui2 @ h[2] + bi)
      f1 = sigmoid(Wf @ x + Uf11 @ h[1] + Uf12 @ h[2] + bf)
      f2 = sigmoid(Wf @ x + Uf21 @ h[1] + Uf22 @ h[2] + bf)
      o  = sigmoid(Wo @ x + Uo1 @ h[1] + Uo2 @ h[2] + bo)
      u  = tanh(Wu @ x + Uu1 @ h[1] + Uu2 @ h[2] + bu)
      c' = i * u + f1 * c[1] + f2 * c[2]
      h' = o * tanh(c')
      """),
    BuiltInCell(
      "socher",
      """
      # recursive cell (Socher 2011): a leaf is its vector, a node is made of its two children
      h' = where(sum_children(1) > 0, tanh(W1 @ h[1] + W2 @ h[2] + b), x)
      """),
  ]
}
