"""The shapes that scripts/bench measures. Chosen before any tuning; each is measured with every thread count.

Sequences: a covering selection over {RNN, LSTM, GRU, GRU with reset before} x {inference, training}, N, H = I and T, in
which every pair of values of two of the five occurs (but H 2048 with T 150, which would take minutes, and half of the
pairs of N and H); DeepBench's shapes (https://github.com/baidu-research/DeepBench, one layer, I = H, vanilla is relu,
GRU resets after the product); one size for all cells; several layers and directions; odd sizes; float64; variable
lengths. Streaming: one step at N 1, I 1, by itself.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

GATES = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3, "gru_before": 3}
LABELS = {"rnn_tanh": "RNN", "rnn_relu": "RNN relu", "lstm": "LSTM", "gru": "GRU", "gru_before": "GRU before"}


@dataclass(frozen=True)
class Shape:
    """One row of the benchmark. `work` is inference, training or stream; `group` is where the shape comes from."""

    group: str
    cell: str
    work: str
    N: int
    H: int
    T: int
    I: int = 0  # noqa: E741  (0: as H)
    layers: int = 1
    directions: int = 1
    dtype: str = "f32"
    lengths: bool = False
    quick: bool = False

    def __post_init__(self) -> None:
        if self.I == 0:
            object.__setattr__(self, "I", self.H)

    @property
    def gates(self) -> int:
        return GATES[self.cell]

    @property
    def item_size(self) -> int:
        return 8 if self.dtype == "f64" else 4

    @property
    def training(self) -> bool:
        return self.work == "training"

    @property
    def streaming(self) -> bool:
        return self.work == "stream"

    @property
    def has_cell_state(self) -> bool:
        return self.cell == "lstm"

    def layer_inputs(self) -> list[int]:
        """The number of inputs of each layer."""
        return [self.I] + [self.directions * self.H] * (self.layers - 1)

    def parameter_shapes(self) -> list[tuple[int, ...]]:
        """Tensors in the flat order: per layer and direction weight_ih, weight_hh, bias_ih, bias_hh."""
        rows = self.gates * self.H
        one = [[(rows, inputs), (rows, self.H), (rows,), (rows,)] for inputs in self.layer_inputs()]
        return [tensor for tensors in one for _ in range(self.directions) for tensor in tensors]

    @property
    def name(self) -> str:
        words = [LABELS[self.cell], self.work, f"N{self.N}", f"H{self.H}", f"T{self.T}"]
        if self.I != self.H:
            words.append(f"I{self.I}")
        if self.layers > 1:
            words.append(f"L{self.layers}")
        if self.directions > 1:
            words.append("both directions")
        if self.dtype != "f32":
            words.append("float64")
        if self.lengths:
            words.append("lengths")
        return " ".join(words)

    def as_dict(self) -> dict:
        return asdict(self) | {"name": self.name}


def _rows(group: str, table: list[tuple], **common) -> list[Shape]:
    """Shapes of rows (cell, work, N, H, T[, quick]); `common` holds for all of them."""
    return [Shape(group, *row[:5], quick=len(row) > 5, **common) for row in table]


INFERENCE, TRAINING, QUICK = "inference", "training", True

COVERING = _rows(
    "covering",
    [
        ("rnn_tanh", INFERENCE, 1, 2048, 16),
        ("rnn_tanh", INFERENCE, 4, 16, 50),
        ("rnn_tanh", INFERENCE, 16, 512, 50),
        ("rnn_tanh", INFERENCE, 32, 256, 1),
        ("rnn_tanh", INFERENCE, 256, 128, 1),
        ("rnn_tanh", TRAINING, 2, 1024, 150),
        ("rnn_tanh", TRAINING, 8, 32, 16, QUICK),
        ("rnn_tanh", TRAINING, 64, 16, 150),
        ("rnn_tanh", TRAINING, 128, 64, 1),
        ("lstm", INFERENCE, 2, 64, 16),
        ("lstm", INFERENCE, 4, 32, 150, QUICK),
        ("lstm", INFERENCE, 8, 512, 1),
        ("lstm", INFERENCE, 128, 1024, 16),
        ("lstm", INFERENCE, 256, 256, 50),
        ("lstm", TRAINING, 1, 128, 50, QUICK),
        ("lstm", TRAINING, 16, 2048, 1),
        ("lstm", TRAINING, 32, 16, 150),
        ("lstm", TRAINING, 64, 128, 50, QUICK),
        ("gru", INFERENCE, 8, 1024, 50),
        ("gru", INFERENCE, 16, 128, 150, QUICK),
        ("gru", INFERENCE, 32, 64, 50),
        ("gru", INFERENCE, 128, 32, 50),
        ("gru", INFERENCE, 256, 16, 16),
        ("gru", TRAINING, 1, 512, 150),
        ("gru", TRAINING, 2, 16, 1),
        ("gru", TRAINING, 4, 2048, 1),
        ("gru", TRAINING, 64, 256, 16, QUICK),
        ("gru_before", INFERENCE, 1, 32, 1, QUICK),
        ("gru_before", INFERENCE, 2, 2048, 50),
        ("gru_before", INFERENCE, 64, 1024, 1),
        ("gru_before", INFERENCE, 128, 128, 150),
        ("gru_before", TRAINING, 4, 512, 16),
        ("gru_before", TRAINING, 8, 256, 150),
        ("gru_before", TRAINING, 16, 16, 16),
        ("gru_before", TRAINING, 32, 128, 16, QUICK),
        ("gru_before", TRAINING, 256, 64, 150),
    ],
)

DEEPBENCH = _rows(
    "DeepBench",
    [
        ("lstm", TRAINING, 16, 512, 25),
        ("lstm", INFERENCE, 32, 512, 25, QUICK),
        ("lstm", TRAINING, 64, 512, 25),
        ("lstm", INFERENCE, 128, 512, 25),
        ("lstm", INFERENCE, 16, 1024, 25),
        ("lstm", TRAINING, 32, 1024, 25),
        ("lstm", INFERENCE, 64, 1024, 25),
        ("lstm", TRAINING, 16, 256, 150),
        ("lstm", INFERENCE, 32, 256, 150),
        ("lstm", INFERENCE, 64, 256, 150),
        ("gru", INFERENCE, 32, 1536, 187),
        ("gru", INFERENCE, 32, 512, 1, QUICK),
        ("gru", TRAINING, 32, 512, 1),
        ("rnn_relu", INFERENCE, 16, 1760, 50),
        ("rnn_relu", TRAINING, 32, 1760, 50),
        ("rnn_relu", INFERENCE, 64, 1760, 50),
    ],
)

# One size for all cells: what the library is measured by first.
REFERENCE = _rows(
    "reference",
    [
        ("lstm", INFERENCE, 64, 512, 50, QUICK),
        ("lstm", TRAINING, 64, 512, 50),
        ("gru", INFERENCE, 64, 512, 50),
        ("rnn_tanh", INFERENCE, 64, 512, 50),
    ],
)

STACKED = [
    Shape("layers and directions", "lstm", TRAINING, 16, 256, 50, layers=2),
    Shape("layers and directions", "gru", INFERENCE, 32, 128, 50, directions=2),
    Shape("layers and directions", "lstm", INFERENCE, 8, 128, 50, layers=2, directions=2, quick=True),
]

ODD = [
    Shape("odd sizes", "lstm", INFERENCE, 32, 100, 50, I=3),
    Shape("odd sizes", "gru", TRAINING, 16, 200, 50, I=39, quick=True),
    Shape("odd sizes", "lstm", TRAINING, 64, 300, 16, I=80),
    Shape("odd sizes", "rnn_tanh", INFERENCE, 16, 1000, 16, I=1),
]

FLOAT64 = _rows(
    "float64",
    [
        ("lstm", INFERENCE, 32, 128, 50, QUICK),
        ("lstm", TRAINING, 32, 128, 50),
        ("gru", INFERENCE, 32, 128, 50),
        ("gru", TRAINING, 32, 128, 50),
    ],
    dtype="f64",
)

LENGTHS = _rows(
    "lengths",
    [
        ("lstm", INFERENCE, 64, 256, 150),
        ("lstm", TRAINING, 64, 128, 150, QUICK),
        ("gru", INFERENCE, 64, 128, 150),
        ("gru", TRAINING, 64, 256, 150),
    ],
    lengths=True,
)

STREAMING = [
    Shape("streaming", cell, "stream", 1, hidden, 1, I=1, quick=hidden in (16, 40, 128))
    for cell in ("lstm", "gru")
    for hidden in (8, 16, 24, 32, 40, 64, 128, 256)
]

SHAPES = COVERING + DEEPBENCH + REFERENCE + STACKED + ODD + FLOAT64 + LENGTHS + STREAMING
