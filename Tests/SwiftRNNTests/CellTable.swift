// What an interpreter of its own made of the library's cells: stages, states and parameters. Another program than the
// one that is tested here, on torch tensors.

struct CellRow {
  let name: String
  let stages: Int
  let states: String
  let parameters: String

  init(_ name: String, _ stages: Int, _ states: String, _ parameters: String) {
    (self.name, self.stages, self.states, self.parameters) = (name, stages, states, parameters)
  }
}

enum CellTable {
  /// Shapes by I, H and the other sizes; cells that use x as it is need I = H.
  static let rows = [
    CellRow("rnn", 1, "h(H)", "weight_ih[H×I], weight_hh[H×H], bias_ih[H], bias_hh[H]"),
    CellRow("rnn_relu", 1, "h(H)", "weight_ih[H×I], weight_hh[H×H], bias_ih[H], bias_hh[H]"),
    CellRow("rnn_any", 1, "h(H)", "weight_ih[H×I], weight_hh[H×H], bias_ih[H], bias_hh[H]"),
    CellRow("jordan", 2, "y(O)", "W[H×I], U[H×O], V[O×H], b[H], d[O]"),
    CellRow("lstm_1997", 1, "h(H), c(H)", "Wi[H×I], Ui[H×H], Wo[H×I], Uo[H×H], Wg[H×I], Ug[H×H], bi[H], bo[H], bg[H]"),
    CellRow("lstm", 1, "h(H), c(H)", "weight_ih[4H×I], weight_hh[4H×H], bias_ih[4H], bias_hh[4H]"),
    CellRow("lstm_no_bias", 1, "h(H), c(H)", "weight_ih[4H×I], weight_hh[4H×H]"),
    CellRow(
      "lstm_separate", 1, "h(H), c(H)",
      "Wi[H×I], Ui[H×H], Wf[H×I], Uf[H×H], Wg[H×I], Ug[H×H], Wo[H×I], Uo[H×H], bi[H], bf[H], bg[H], bo[H]"),
    CellRow(
      "lstm_peephole", 1, "h(H), c(H)",
      "weight_ih[4H×I], weight_hh[4H×H], bias_ih[4H], bias_hh[4H], pi[H], pf[H], po[H]"),
    CellRow("lstm_cifg", 1, "h(H), c(H)", "weight_ih[4H×I], weight_hh[4H×H], bias_ih[4H], bias_hh[4H]"),
    CellRow("lstm_cifg_tflite", 1, "h(H), c(H)", "weight_ih[4H×I], weight_hh[4H×H], bias_ih[4H], bias_hh[4H]"),
    CellRow(
      "lstm_projected", 2, "h(P), c(H)",
      "weight_ih[4H×I], weight_hh[4H×P], weight_hr[P×H], bias_ih[4H], bias_hh[4H]"),
    CellRow(
      "lstm_projected_bias", 2, "h(P), c(H)",
      "weight_ih[4H×I], weight_hh[4H×P], weight_hr[P×H], bias_ih[4H], bias_hh[4H], bias_hr[P]"),
    CellRow("lstm_onnx", 1, "h(H), c(H)", "weight_ih[4H×I], weight_hh[4H×H], bias_ih[4H], bias_hh[4H]"),
    CellRow(
      "greff", 1, "h(H), c(H)",
      "Wz[H×I], Rz[H×H], Wi[H×I], Ri[H×H], Wf[H×I], Rf[H×H], Wo[H×I], Ro[H×H], bz[H], pi[H], bi[H], pf[H], "
        + "bf[H], po[H], bo[H]"),
    CellRow(
      "nig", 1, "h(H), c(H)",
      "Wz[H×I], Rz[H×H], Wf[H×I], Rf[H×H], Wo[H×I], Ro[H×H], bz[H], pf[H], bf[H], po[H], bo[H]"),
    CellRow(
      "nfg", 1, "h(H), c(H)",
      "Wz[H×I], Rz[H×H], Wi[H×I], Ri[H×H], Wo[H×I], Ro[H×H], bz[H], pi[H], bi[H], po[H], bo[H]"),
    CellRow(
      "nog", 1, "h(H), c(H)",
      "Wz[H×I], Rz[H×H], Wi[H×I], Ri[H×H], Wf[H×I], Rf[H×H], bz[H], pi[H], bi[H], pf[H], bf[H]"),
    CellRow(
      "niaf", 1, "h(H), c(H)",
      "Wz[H×I], Rz[H×H], Wi[H×I], Ri[H×H], Wf[H×I], Rf[H×H], Wo[H×I], Ro[H×H], bz[H], pi[H], bi[H], pf[H], "
        + "bf[H], po[H], bo[H]"),
    CellRow(
      "noaf", 1, "h(H), c(H)",
      "Wz[H×I], Rz[H×H], Wi[H×I], Ri[H×H], Wf[H×I], Rf[H×H], Wo[H×I], Ro[H×H], bz[H], pi[H], bi[H], pf[H], "
        + "bf[H], po[H], bo[H]"),
    CellRow(
      "cifg", 1, "h(H), c(H)",
      "Wz[H×I], Rz[H×H], Wi[H×I], Ri[H×H], Wo[H×I], Ro[H×H], bz[H], pi[H], bi[H], po[H], bo[H]"),
    CellRow(
      "np", 1, "h(H), c(H)",
      "Wz[H×I], Rz[H×H], Wi[H×I], Ri[H×H], Wf[H×I], Rf[H×H], Wo[H×I], Ro[H×H], bz[H], bi[H], bf[H], bo[H]"),
    CellRow(
      "fgr", 1, "h(H), i(H), f(H), c(H), o(H)",
      "Wz[H×I], Rz[H×H], Wi[H×I], Ri[H×H], Rii[H×H], Rfi[H×H], Roi[H×H], Wf[H×I], Rf[H×H], Rif[H×H], "
        + "Rff[H×H], Rof[H×H], Wo[H×I], Ro[H×H], Rio[H×H], Rfo[H×H], Roo[H×H], bz[H], pi[H], bi[H], pf[H], "
        + "bf[H], po[H], bo[H]"),
    CellRow(
      "lstm_layer_norm", 1, "h(H), c(H)",
      "weight_ih[4H×I], weight_hh[4H×H], gain_ih[4H], bias_ih[4H], gain_hh[4H], bias_hh[4H], gain_c[H], "
        + "bias_c[H]"),
    CellRow(
      "lstm_layer_norm_tflite", 1, "h(H), c(H)",
      "weight_ih[4H×I], weight_hh[4H×H], bias_ih[4H], bias_hh[4H], pi[H], gi[H], bi[H], pf[H], gf[H], bf[H], "
        + "gg[H], bg[H], po[H], go[H], bo[H]"),
    CellRow(
      "gru_layer_norm", 1, "h(H)",
      "weight_ih[3H×I], weight_hh[3H×H], gain_ih[3H], bias_ih[3H], gain_hh[3H], bias_hh[3H]"),
    CellRow("lstm_zoneout", 1, "h(H), c(H)", "weight_ih[4H×I], weight_hh[4H×H], bias_ih[4H], bias_hh[4H]"),
    CellRow("lstm_zoneout_haste", 1, "h(H), c(H)", "weight_ih[4H×I], weight_hh[4H×H], bias_ih[4H], bias_hh[4H]"),
    CellRow("gru_zoneout", 1, "h(H)", "weight_ih[3H×I], weight_hh[3H×H], bias_ih[3H], bias_hh[3H]"),
    CellRow("lstm_dropout_keras", 1, "h(H), c(H)", "weight_ih[4H×I], weight_hh[4H×H], bias_ih[4H], bias_hh[4H]"),
    CellRow("gru_dropout_keras", 1, "h(H)", "weight_ih[3H×I], weight_hh[3H×H], bias_ih[3H], bias_hh[3H]"),
    CellRow("lstm_dropout_gal", 1, "h(H), c(H)", "weight_ih[4H×I], weight_hh[4H×H], bias_ih[4H], bias_hh[4H]"),
    CellRow("lstm_dropout_semeniuta", 1, "h(H), c(H)", "weight_ih[4H×I], weight_hh[4H×H], bias_ih[4H], bias_hh[4H]"),
    CellRow("gru_dropout_semeniuta", 1, "h(H)", "weight_ih[3H×I], weight_hh[3H×H], bias_ih[3H], bias_hh[3H]"),
    CellRow("lstm_drop_connect", 1, "h(H), c(H)", "weight_ih[4H×I], weight_hh[4H×H], bias_ih[4H], bias_hh[4H]"),
    CellRow("gru", 1, "h(H)", "weight_ih[3H×I], weight_hh[3H×H], bias_ih[3H], bias_hh[3H]"),
    CellRow("gru_z_new", 1, "h(H)", "weight_ih[3H×I], weight_hh[3H×H], bias_ih[3H], bias_hh[3H]"),
    CellRow("gru_before", 2, "h(H)", "weight_ih[3H×I], weight_hh[3H×H], bias_ih[3H], bias_hh[3H]"),
    CellRow("gru_before_z_new", 2, "h(H)", "weight_ih[3H×I], weight_hh[3H×H], bias_ih[3H], bias_hh[3H]"),
    CellRow("mgu", 2, "h(H)", "Wf[H×I], Uf[H×H], Wn[H×I], Un[H×H], bf[H], bn[H]"),
    CellRow("mut1", 2, "h(H)", "Wz[I×I], Wr[H×I], Ur[H×H], U[I×H], bz[I], br[H], b[I]"),
    CellRow("mut1_projected", 2, "h(H)", "Wz[H×I], Wr[H×I], Ur[H×H], U[H×H], W[H×I], bz[H], br[H], b[H]"),
    CellRow("mut2", 2, "h(H)", "Wz[H×I], Uz[H×H], Ur[I×H], U[H×I], W[H×I], bz[H], br[I], b[H]"),
    CellRow("mut2_projected", 2, "h(H)", "Wz[H×I], Uz[H×H], Wr[H×I], Ur[H×H], U[H×H], W[H×I], bz[H], br[H], b[H]"),
    CellRow("mut3", 2, "h(H)", "Wz[H×I], Uz[H×H], Wr[H×I], Ur[H×H], U[H×H], W[H×I], bz[H], br[H], b[H]"),
    CellRow("fast_rnn", 1, "h(H)", "W[H×I], U[H×H], b[H], alpha[1], beta[1]"),
    CellRow("fast_grnn", 1, "h(H)", "W[H×I], U[H×H], bz[H], bn[H], zeta[1], nu[1]"),
    CellRow("fast_grnn_low_rank", 2, "h(H)", "W1[H×Rw], W2[Rw×I], U1[H×Ru], U2[Ru×H], bz[H], bn[H], zeta[1], nu[1]"),
    CellRow("ugrnn", 1, "h(H)", "Wg[H×I], Ug[H×H], Wn[H×I], Un[H×H], bg[H], bn[H]"),
    CellRow("ind_rnn", 0, "h(H)", "W[H×I], u[H], b[H]"),
    CellRow("ind_rnn_clipped", 0, "h(H)", "W[H×I], u[H], b[H]"),
    CellRow(
      "li_gru", 1, "h(H)",
      "Wz[H×I], Uz[H×H], Wn[H×I], Un[H×H], mz[H], vz[H], gz[H], bz[H], mn[H], vn[H], gn[H], bn[H]"),
    CellRow("li_gru_layer_norm", 1, "h(H)", "W[2H×I], U[2H×H], g[2H], b[2H]"),
    CellRow("janet", 1, "h(H)", "Wf[H×I], Uf[H×H], Wn[H×I], Un[H×H], bf[H], bn[H]"),
    CellRow("sru", 0, "c(H)", "Wf[H×I], W[H×I], Wr[H×I], vf[H], bf[H], vr[H], br[H]"),
    CellRow("sru_projected", 0, "c(H)", "Wf[H×I], W[H×I], Wr[H×I], Wx[H×I], vf[H], bf[H], vr[H], br[H]"),
    CellRow("min_gru", 0, "h(H)", "Wz[H×I], Wn[H×I], bz[H], bn[H]"),
    CellRow("min_gru_log", 0, "h(H)", "Wz[H×I], Wn[H×I], bz[H], bn[H]"),
    CellRow("min_lstm", 0, "h(H)", "Wf[H×I], Wi[H×I], Wn[H×I], bf[H], bi[H], bn[H]"),
    CellRow(
      "slstm", 1, "h(H), m(H), c(H), n(H)",
      "Wi[H×I], Ui[heads blocks of H×H], Wf[H×I], Uf[heads blocks of H×H], Wz[H×I], Uz[heads blocks of H×H], "
        + "Wo[H×I], Uo[heads blocks of H×H], bi[H], bf[H], bz[H], bo[H]"),
    CellRow(
      "slstm_exp", 1, "h(H), m(H), c(H), n(H)",
      "Wi[H×I], Ui[heads blocks of H×H], Wf[H×I], Uf[heads blocks of H×H], Wz[H×I], Uz[heads blocks of H×H], "
        + "Wo[H×I], Uo[heads blocks of H×H], bi[H], bf[H], bz[H], bo[H]"),
    CellRow(
      "slstm_flashrnn", 1, "h(H), m(H), c(H), n(H)",
      "Wi[H×I], Ui[heads blocks of H×H], Wf[H×I], Uf[heads blocks of H×H], Wz[H×I], Uz[heads blocks of H×H], "
        + "Wo[H×I], Uo[heads blocks of H×H], bi[H], bf[H], bz[H], bo[H]"),
    CellRow("augru", 2, "h(H)", "weight_ih[3H×I], weight_hh[3H×H], bias_ih[3H], bias_hh[3H]"),
    CellRow("augru_onednn", 2, "h(H)", "weight_ih[3H×I], weight_hh[3H×H], bias_ih[3H], bias_hh[3H]"),
    CellRow("augru_lbr", 1, "h(H)", "weight_ih[3H×I], weight_hh[3H×H], bias_ih[3H], bias_hh[3H]"),
    CellRow(
      "lem", 2, "z(H), y(H)",
      "W1[H×H], V1[H×I], W2[H×H], V2[H×I], Wz[H×H], Vz[H×I], Wy[H×H], Vy[H×I], b1[H], b2[H], bz[H], by[H]"),
    CellRow("cornn", 1, "z(H), y(H)", "W[H×H], Wz[H×H], V[H×I], b[H]"),
    CellRow("cornn_implicit", 1, "z(H), y(H)", "W[H×H], Wz[H×H], V[H×I], b[H]"),
    CellRow(
      "cfc", 2, "h(H)",
      "Wu[B×I], Uu[B×H], Wg[H×B], Wk[H×B], Wa[H×B], Wb[H×B], bu[B], bg[H], bk[H], ba[H], bb[H]"),
    CellRow(
      "tree_child_sum", 1, "h(H), c(H)",
      "Wi[H×I], Ui[H×H], Wf[H×I], Uf[H×H], Wo[H×I], Uo[H×H], Wu[H×I], Uu[H×H], bi[H], bf[H], bo[H], bu[H]"),
    CellRow(
      "tree_binary", 1, "h(H), c(H)",
      "Wi[H×I], Ui1[H×H], Ui2[H×H], Wf[H×I], Uf11[H×H], Uf12[H×H], Uf21[H×H], Uf22[H×H], Wo[H×I], Uo1[H×H], "
        + "Uo2[H×H], Wu[H×I], Uu1[H×H], Uu2[H×H], bi[H], bf[H], bo[H], bu[H]"),
    CellRow("socher", 1, "h(H)", "W1[I×H], W2[I×H], b[I]"),
  ]
}
