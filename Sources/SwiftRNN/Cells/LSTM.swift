// The LSTM of 1997, the one of today, and what torch, ONNX and TFLite make of it.

extension BuiltInCells {
  static let lstm = [
    BuiltInCell(
      "lstm_1997",
      """
      # LSTM without forget gate (Hochreiter, Schmidhuber 1997, section 4 and appendix A.1: g in (-2, 2), h in (-1, 1))
      i  = sigmoid(Wi @ x + Ui @ h + bi)
      o  = sigmoid(Wo @ x + Uo @ h + bo)
      g  = 4 * sigmoid(Wg @ x + Ug @ h + bg) - 2
      c' = c + i * g
      h' = o * (2 * sigmoid(c') - 1)
      """),
    BuiltInCell(
      "lstm",
      """
      # LSTM (Gers, Schmidhuber, Cummins 2000), names, shapes and gate order of torch.nn.LSTM
      ai, af, ag, ao = weight_ih @ x + weight_hh @ h + bias_ih + bias_hh
      i  = sigmoid(ai)
      f  = sigmoid(af)
      g  = tanh(ag)
      c' = f * c + i * g
      o  = sigmoid(ao)
      h' = o * tanh(c')
      """),
    BuiltInCell(
      "lstm_no_bias",
      """
      like lstm
      ai, af, ag, ao = weight_ih @ x + weight_hh @ h
      """),
    BuiltInCell(
      "lstm_separate",
      """
      # the same, one matrix per gate, as papers print it
      i  = sigmoid(Wi @ x + Ui @ h + bi)
      f  = sigmoid(Wf @ x + Uf @ h + bf)
      g  = tanh(Wg @ x + Ug @ h + bg)
      c' = f * c + i * g
      o  = sigmoid(Wo @ x + Uo @ h + bo)
      h' = o * tanh(c')
      """),
    BuiltInCell(
      "lstm_peephole",
      """
      # LSTM with peepholes (Gers, Schraudolph, Schmidhuber 2002): o looks at c'
      like lstm
      i = sigmoid(ai + pi * c)
      f = sigmoid(af + pf * c)
      o = sigmoid(ao + po * c')
      """),
    BuiltInCell(
      "lstm_cifg",
      """
      # coupled input and forget gates (Greff 2017; ONNX input_forget: f's rows are unused)
      like lstm
      f = 1 - i
      """),
    BuiltInCell(
      "lstm_cifg_tflite",
      """
      # the mirror image (TFLite): i's rows are unused
      like lstm
      i = 1 - f
      """),
    BuiltInCell(
      "lstm_projected",
      """
      # LSTM with projection (Sak 2014), as torch proj_size
      like lstm
      size h = P
      h' = weight_hr @ (o * tanh(c'))
      """),
    BuiltInCell(
      "lstm_projected_bias",
      """
      # with bias (TFLite), cell clip before the peephole-free output gate, projection clip
      like lstm_projected
      c' = clip(f * c + i * g, -3, 3)
      h' = clip(weight_hr @ (o * tanh(c')) + bias_hr, -1, 1)
      """),
    BuiltInCell(
      "lstm_onnx",
      """
      # as ONNX Runtime runs it: clip on the pre-activations, other activations (the specification clips c' in h', too)
      like lstm
      i  = hard_sigmoid(clip(ai, -3, 3), 0.2, 0.5)
      f  = hard_sigmoid(clip(af, -3, 3), 0.2, 0.5)
      g  = softsign(clip(ag, -3, 3))
      o  = hard_sigmoid(clip(ao, -3, 3), 0.2, 0.5)
      h' = o * leaky_relu(c', 0.01)
      """),
  ]
}
