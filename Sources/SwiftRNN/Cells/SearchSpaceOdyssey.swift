// The LSTM and its eight variants of Greff, Srivastava, Koutnik, Steunebrink, Schmidhuber: LSTM: A Search Space
// Odyssey, 2017 (arXiv 1503.04069).

extension BuiltInCells {
  static let searchSpaceOdyssey = [
    BuiltInCell(
      "greff",
      """
      # section II: the "vanilla" LSTM, with peepholes; the paper's y is h; weights start as in its experiments
      z  = tanh(Wz @ x + Rz @ h + bz)
      i  = sigmoid(Wi @ x + Ri @ h + pi * c + bi)
      f  = sigmoid(Wf @ x + Rf @ h + pf * c + bf)
      c' = z * i + c * f
      o  = sigmoid(Wo @ x + Ro @ h + po * c' + bo)
      h' = tanh(c') * o
      init Wz, Rz, Wi, Ri, Wf, Rf, Wo, Ro, pi, pf, po, bz, bi, bf, bo = normal(0.1)
      """),
    BuiltInCell(
      "nig",
      """
      like greff
      i = 1
      """),
    BuiltInCell(
      "nfg",
      """
      like greff
      f = 1
      """),
    BuiltInCell(
      "nog",
      """
      like greff
      o = 1
      """),
    BuiltInCell(
      "niaf",
      """
      like greff
      z = Wz @ x + Rz @ h + bz
      """),
    BuiltInCell(
      "noaf",
      """
      like greff
      h' = c' * o
      """),
    BuiltInCell(
      "cifg",
      """
      like greff
      f = 1 - i
      """),
    BuiltInCell(
      "np",
      """
      like greff
      i = sigmoid(Wi @ x + Ri @ h + bi)
      f = sigmoid(Wf @ x + Rf @ h + bf)
      o = sigmoid(Wo @ x + Ro @ h + bo)
      """),
    BuiltInCell(
      "fgr",
      """
      # full gate recurrence: the gates are states; po looks at c' as in the base (option: c)
      z  = tanh(Wz @ x + Rz @ h + bz)
      i' = sigmoid(Wi @ x + Ri @ h + pi * c + bi + Rii @ i + Rfi @ f + Roi @ o)
      f' = sigmoid(Wf @ x + Rf @ h + pf * c + bf + Rif @ i + Rff @ f + Rof @ o)
      c' = z * i' + c * f'
      o' = sigmoid(Wo @ x + Ro @ h + po * c' + bo + Rio @ i + Rfo @ f + Roo @ o)
      h' = tanh(c') * o'
      init Wz, Rz, Wi, Ri, Rii, Rfi, Roi, Wf, Rf, Rif, Rff, Rof, Wo, Ro, Rio, Rfo, Roo = normal(0.1)
      init pi, pf, po, bz, bi, bf, bo = normal(0.1)
      """),
  ]
}
