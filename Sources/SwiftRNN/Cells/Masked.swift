// Cells with zoneout, dropout within the step, and dropped connections.

extension BuiltInCells {
  static let masked = [
    BuiltInCell(
      "lstm_zoneout",
      """
      # Krueger 2016, eqs 4 and 5: h' is made from the cell that was not zoned out
      like lstm
      k  = f * c + i * g
      c' = zoneout(k, c, 0.5)
      h' = zoneout(o * tanh(k), h, 0.05)
      """),
    BuiltInCell(
      "lstm_zoneout_haste",
      """
      # haste: on h only
      like lstm
      h' = zoneout(o * tanh(c'), h, 0.1)
      """),
    BuiltInCell(
      "gru_zoneout",
      """
      like gru
      h' = zoneout((1 - z) * n + z * h, h, 0.1)
      """),
    BuiltInCell(
      "lstm_dropout_keras",
      """
      # Keras recurrent_dropout: a mask per gate, the same for all steps
      like lstm
      Ui, Uf, Ug, Uo = weight_hh
      ai, af, ag, ao = weight_ih @ x + bias_ih + bias_hh
      i = sigmoid(ai + Ui @ dropout(h, 0.2, per_sequence))
      f = sigmoid(af + Uf @ dropout(h, 0.2, per_sequence))
      g = tanh(ag + Ug @ dropout(h, 0.2, per_sequence))
      o = sigmoid(ao + Uo @ dropout(h, 0.2, per_sequence))
      """),
    BuiltInCell(
      "gru_dropout_keras",
      """
      # the same for GRU with reset_after (Keras's default): three masks
      like gru
      Ur, Uz, Un = weight_hh
      br, bz, bn = bias_hh
      rh = Ur @ dropout(h, 0.2, per_sequence) + br
      zh = Uz @ dropout(h, 0.2, per_sequence) + bz
      nh = Un @ dropout(h, 0.2, per_sequence) + bn
      """),
    BuiltInCell(
      "lstm_dropout_gal",
      """
      # Gal, Ghahramani 2016: one mask for x, one for h, for all gates and steps
      like lstm
      ai, af, ag, ao = weight_ih @ dropout(x, 0.2, per_sequence) + bias_ih + weight_hh @ dropout(h, 0.2, per_sequence) + bias_hh
      """),
    BuiltInCell(
      "lstm_dropout_semeniuta",
      """
      # Semeniuta 2016, eq 9: only the update g is dropped
      like lstm
      c' = f * c + i * dropout(g, 0.2)
      """),
    BuiltInCell(
      "gru_dropout_semeniuta",
      """
      like gru
      h' = (1 - z) * dropout(n, 0.2) + z * h
      """),
    BuiltInCell(
      "lstm_drop_connect",
      """
      # AWD-LSTM (Merity 2018), haste's dropout: one mask on the recurrent matrix per call
      like lstm
      ai, af, ag, ao = weight_ih @ x + bias_ih + drop_connect(weight_hh, 0.5) @ h + bias_hh
      """),
  ]
}
