// Cells with layer normalisation.

extension BuiltInCells {
  static let normalised = [
    BuiltInCell(
      "lstm_layer_norm",
      """
      # Ba 2016, eqs 20 to 22 (haste's LayerNormLSTM is this without bias_hh): both norms over all 4 H
      like lstm
      ai, af, ag, ao = layer_norm(weight_ih @ x) * gain_ih + bias_ih + layer_norm(weight_hh @ h) * gain_hh + bias_hh
      h' = o * tanh(layer_norm(c') * gain_c + bias_c)
      init gain_ih, gain_hh, gain_c = 1
      """),
    BuiltInCell(
      "lstm_layer_norm_tflite",
      """
      # TFLite: a norm per gate, the peephole inside it
      like lstm
      i = sigmoid(layer_norm(ai + pi * c) * gi + bi)
      f = sigmoid(layer_norm(af + pf * c) * gf + bf)
      g = tanh(layer_norm(ag) * gg + bg)
      o = sigmoid(layer_norm(ao + po * c') * go + bo)
      init gi, gf, gg, go = 1
      """),
    BuiltInCell(
      "gru_layer_norm",
      """
      # haste's LayerNormGRU (rows r z n here, z r h there)
      like gru
      ri, zi, ni = layer_norm(weight_ih @ x) * gain_ih + bias_ih
      rh, zh, nh = layer_norm(weight_hh @ h) * gain_hh + bias_hh
      init gain_ih, gain_hh = 1
      """),
  ]
}
