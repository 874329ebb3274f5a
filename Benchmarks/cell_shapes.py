"""The rows of scripts/bench --cells: the library's cells of equations, what each stands beside, and the bar.

A cell with gates as an LSTM has them stands beside our fused LSTM, a kind of GRU beside the GRU, any other beside the
one of RNN, GRU and LSTM whose number of multiply-adds is nearest. Nothing but Python is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

BESIDE_LSTM = """
lstm_1997 lstm lstm_no_bias lstm_separate lstm_peephole lstm_cifg lstm_cifg_tflite lstm_projected lstm_projected_bias
lstm_onnx greff nig nfg nog niaf noaf cifg np fgr lstm_layer_norm lstm_layer_norm_tflite lstm_zoneout lstm_zoneout_haste
lstm_dropout_keras lstm_dropout_gal lstm_dropout_semeniuta lstm_drop_connect slstm slstm_exp slstm_flashrnn
tree_child_sum tree_binary
""".split()
BESIDE_GRU = """
gru gru_z_new gru_before gru_before_z_new mgu mut1 mut1_projected mut2 mut2_projected mut3 ugrnn li_gru
li_gru_layer_norm janet augru augru_onednn augru_lbr gru_layer_norm gru_zoneout gru_dropout_keras gru_dropout_semeniuta
""".split()
BESIDE_NEAREST = """
rnn rnn_relu rnn_any jordan fast_rnn fast_grnn fast_grnn_low_rank ind_rnn ind_rnn_clipped sru sru_projected min_gru
min_gru_log min_lstm lem cornn cornn_implicit cfc socher
""".split()
CELLS = BESIDE_LSTM + BESIDE_GRU + BESIDE_NEAREST
# One or two of each kind.
QUICK = """
lstm lstm_peephole lstm_cifg lstm_projected lstm_layer_norm lstm_zoneout slstm fgr gru_before mgu li_gru augru rnn
fast_grnn ind_rnn min_gru lem cfc tree_binary
""".split()
# Cells whose forests are measured: N-ary and Child-Sum Tree-LSTM.
FORESTS = ["tree_binary", "tree_child_sum"]

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


@dataclass(frozen=True)
class Sequences:
    """Sizes of a row, with I = H."""

    N: int
    T: int
    H: int


SHAPES = [Sequences(32, 100, 128), Sequences(64, 50, 512)]
TREES, LEAVES, TREE_INPUTS, TREE_HIDDEN = 256, 20, 300, 150

# ---- The bar ----

# By H: our time per multiply-add as a multiple of the sibling's, at most; how many times faster than torch's loop.
PER_PRODUCT = {128: 1.6, 512: 1.25}
FASTER_THAN_TORCH = {128: 5.0, 512: 2.5}
# An LSTM with peepholes or coupled gates is to be nearly as fast as without.
NEAR_LSTM = ["lstm_peephole", "lstm_cifg", "lstm_cifg_tflite", "greff", "cifg"]
NEAR_LSTM_PER_PRODUCT = 1.1
FOREST_FASTER = 10.0


def per_product_bar(cell: str, hidden: int) -> float:
    return NEAR_LSTM_PER_PRODUCT if cell in NEAR_LSTM else PER_PRODUCT[hidden]


def extra_sizes(cell: str, hidden: int) -> dict[str, int]:
    """Those that the cell's text names, beside I and H."""
    if cell == "jordan":
        return {"O": hidden}
    if cell.startswith("lstm_projected"):
        return {"P": hidden // 2}
    if cell == "fast_grnn_low_rank":
        return {"Rw": hidden // 4, "Ru": hidden // 4}
    if cell == "cfc":
        return {"B": hidden}
    return {"heads": 4} if cell.startswith("slstm") else {}


def multiply_adds(sibling: str, hidden: int) -> int:
    """Of a sibling, per step and sequence, with I = H."""
    return GATES[sibling] * hidden * 2 * hidden


def sibling_of(cell: str, own: float, hidden: int) -> str:
    """What a cell with `own` multiply-adds per step and sequence stands beside."""
    if cell in BESIDE_LSTM:
        return "LSTM"
    if cell in BESIDE_GRU:
        return "GRU"
    return min(GATES, key=lambda sibling: abs(multiply_adds(sibling, hidden) - own))
