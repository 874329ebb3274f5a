"""Configurations over everything that the library computes: a name for each, and all arrays that it gives.

Numbers are hash values of a configuration's name, so that they depend on no generator and on no libm.
"""

from __future__ import annotations

import hashlib
import itertools
from typing import Any, Callable, Iterator

import numpy as np

import swiftrnn
from swiftrnn import LayerOptions, models

Results = dict[str, np.ndarray]
Configuration = tuple[str, Callable[[], Results]]

TYPES = ("float32", "float64")
FUSED = ("rnn", "rnn_relu", "lstm", "lstm_projected", "gru", "gru_before")
# T, N, I, H, P, layers, bidirectional, threads: work of one thread, batches cut over threads, hidden units shared by
# threads, panels that do not fill, and single steps.
SHAPES = (
    (6, 7, 5, 19, 7, 2, True, 1), (12, 33, 40, 96, 40, 2, False, 2), (8, 1, 33, 300, 130, 1, False, 2),
    (3, 3, 64, 257, 128, 1, True, 3), (1, 4, 16, 48, 24, 3, False, 1), (9, 64, 1, 1, 1, 1, True, 2),
)  # fmt: skip
SIZES: dict[str, dict[str, int]] = {
    "jordan": {"O": 5}, "lstm_projected": {"P": 4}, "lstm_projected_bias": {"P": 4}, "cfc": {"B": 5},
    "fast_grnn_low_rank": {"Rw": 2, "Ru": 3}, "slstm": {"heads": 3}, "slstm_exp": {"heads": 3},
    "slstm_flashrnn": {"heads": 3},
}  # fmt: skip
TREE_CELLS = ("tree_child_sum", "tree_binary", "socher")
OPTIONS: dict[str, dict[str, Any]] = {
    "residual": {"skip": "residual"}, "dense": {"skip": "dense"}, "sum": {"merge": "sum"}, "mean": {"merge": "mean"},
    "product": {"merge": "product"}, "independent": {"independent_directions": True},
    "dilated": {"dilations": [1, 2, 4]}, "widths": {"hidden_sizes": [5, 9, 7]},
    "learned": {"learned_initial_states": True}, "repeated": {"gaps": "repeated"}, "zero": {"gaps": "zero"},
}  # fmt: skip


class Draw:
    """Numbers of a name: multiples of 2^-15 in -1..<1."""

    def __init__(self, name: str, dtype: str) -> None:
        self._name, self._calls, self._dtype = name, 0, dtype

    def _words(self, count: int) -> np.ndarray:
        self._calls += 1
        return np.frombuffer(hashlib.shake_256(f"{self._name} {self._calls}".encode()).digest(2 * count), "<u2")

    def __call__(self, *shape: int) -> np.ndarray:
        words = self._words(int(np.prod(shape))).astype(np.int64)
        return ((words - 32768) / 32768).astype(self._dtype).reshape(shape)

    def integers(self, low: int, high: int, *shape: int) -> np.ndarray:
        """Integers in low..<high."""
        return low + self._words(int(np.prod(shape))).astype(np.int64).reshape(shape) % (high - low)

    def like(self, arrays: Any) -> Any:
        """Numbers in the shapes of an array, or of each of several."""
        return tuple(map(self.like, arrays)) if isinstance(arrays, tuple) else self(*arrays.shape)


def flattened(name: str, value: Any) -> Results:
    """An array, or those of a tuple or mapping, by name."""
    if value is None:
        return {}
    if isinstance(value, np.ndarray):
        return {name: value}
    if isinstance(value, (bool, int, float, np.generic)):
        return {name: np.array(value)}
    pairs = value.items() if hasattr(value, "items") else enumerate(value)
    return {key: array for part, each in pairs for key, array in flattened(f"{name}.{part}", each).items()}


def input_widths(network: Any) -> dict[str, int]:
    """Inputs beside x, by name; only cells of equations have these."""
    return dict(getattr(network, "inputs", {}))


def passes(network: Any, draw: Draw, steps: int, sequences: int, lengths: Any = None, mask: Any = None) -> Results:
    """Inference, training and its backward pass, from given states and gradients of states."""
    x = draw(steps, sequences, network.input_size)
    inputs = {key: np.abs(draw(steps, sequences, width)) for key, width in input_widths(network).items()}
    arguments = dict(lengths=lengths, mask=mask, **inputs)
    y, state = network(x, **arguments)
    start = draw.like(state)
    found = flattened("plain", {"y": y, "state": state})
    found |= flattened("given", network(x, start, **arguments))
    found |= flattened("frozen", network.freeze()(x, start, **arguments))
    y, state, tape = network.forward(x, start, seed=7, first_sequence=2, **arguments)
    gradients = tape.backward(draw.like(y), draw.like(state))
    parts = {key: getattr(gradients, key) for key in ("x", "state", "flat") if hasattr(gradients, key)}
    return found | flattened("trained", {"y": y, "state": state, **parts, "inputs": getattr(gradients, "inputs", None)})


def streamed(network: Any, draw: Draw, sequences: int, steps: int = 5) -> Results:
    """Steps one by one, then several in one call, and the states after them."""
    stream = network.stream(sequences)
    inputs = {key: np.abs(draw(steps, sequences, width)) for key, width in input_widths(network).items()}
    x = draw(steps, sequences, network.input_size)
    found = flattened("step", [stream.step(x[t], **{k: v[t] for k, v in inputs.items()}).copy() for t in range(steps)])
    return found | flattened("run", {"y": stream.run(x, **inputs), "state": stream.state})


def fused(cell: str, dtype: str, shape: tuple[Any, ...], bias: bool, dropout: float, lengths: bool) -> Results:
    """A cell with kernels of its own."""
    steps, sequences, inputs, hidden, projected, layers, both, threads = shape
    draw = Draw(f"{cell} {shape} {bias} {dropout} {lengths}", dtype)
    given = draw.integers(0, steps + 1, sequences).tolist() if lengths else None
    network = fused_network(
        cell, inputs, hidden, projected, num_layers=layers, bidirectional=both, bias=bias, dropout=dropout, dtype=dtype,
        num_threads=threads, seed=1,
    )  # fmt: skip
    found = passes(network, draw, steps, sequences, given)
    return found if both else found | streamed(network, draw, min(sequences, 4))


def fused_network(cell: str, inputs: int, hidden: int, projected: int, **options: Any) -> Any:
    kind = cell.partition("_")[0]
    if kind == "lstm":
        return swiftrnn.LSTM(inputs, hidden, proj_size=projected if cell == "lstm_projected" else 0, **options)
    if kind == "gru":
        return swiftrnn.GRU(inputs, hidden, reset_after=cell == "gru", **options)
    return swiftrnn.RNN(inputs, hidden, nonlinearity="relu" if cell == "rnn_relu" else "tanh", **options)


def equations(cell: str, dtype: str, layers: int, both: bool, lengths: bool, threads: int) -> Results:
    """A cell of equations."""
    draw = Draw(f"{cell} {layers} {both} {lengths}", dtype)
    network = swiftrnn.Cell(cell).layer(
        9, 9, num_layers=layers, bidirectional=both, dropout=0.2 if layers > 1 else 0.0, dtype=dtype,
        num_threads=threads, seed=1, **SIZES.get(cell, {}),
    )  # fmt: skip
    for name, values in network.parameters.items():
        if name[:2] in ("vz", "vn"):  # variances
            values[:] = 1
    found = passes(network, draw, 7, 5, draw.integers(0, 8, 5).tolist() if lengths else None)
    return found if both else found | streamed(network, draw, 3)


def joined(cell: str, dtype: str, words: tuple[str, ...], both: bool) -> Results:
    """Layers joined by options."""
    draw = Draw(f"{cell} {words} {both}", dtype)
    options = LayerOptions(**{key: value for word in words for key, value in OPTIONS[word].items()})
    common: dict[str, Any] = dict(num_layers=3, bidirectional=both, dropout=0.2, options=options, dtype=dtype, seed=1)
    if cell in FUSED:
        network = fused_network(cell, 6, 9, 5, **common)
    else:
        network = swiftrnn.Cell(cell).layer(6, 9, **common, **SIZES.get(cell, {}))
    mask = draw.integers(0, 3, 8, 5) > 0 if options.gaps != "none" else None
    found = passes(network, draw, 8, 5, draw.integers(0, 9, 5).tolist(), mask)
    return found if both or mask is not None else found | streamed(network, draw, 2)


def forest(cell: str, dtype: str, threads: int) -> Results:
    """A cell over trees."""
    draw = Draw(f"{cell} forest", dtype)
    count = 61
    parents = [int(draw.integers(k + 1, min(k + 6, count + 1), 1)[0]) for k in range(count)]
    if cell in ("tree_binary", "socher"):  # at most two children
        parents = [count if 2 * count - 2 - k < count else (count + k) // 2 + 1 for k in range(count)]
    trees = swiftrnn.Forest([-1 if parent >= count else parent for parent in parents])
    network = swiftrnn.Cell(cell).layer(9, 9, dtype=dtype, num_threads=threads, seed=1, **SIZES.get(cell, {}))
    x = draw(count, 9)
    inputs = {key: np.abs(draw(count, width)) for key, width in input_widths(network).items()}
    found = flattened("plain", network.tree(trees, x, **inputs))
    y, state, tape = network.tree_forward(trees, x, seed=7, **inputs)
    gradients = tape.backward(draw.like(y), draw.like(state))
    return found | flattened("trained", {"y": y, "state": state, "x": gradients.x, "flat": gradients.flat})


def model(kind: str, dtype: str, cell: str, options: dict[str, Any]) -> Results:
    """A model: loss, gradients, logits, and what it writes."""
    draw = Draw(f"{kind} {cell} {sorted(options)}", dtype)
    common: dict[str, Any] = dict(cell=cell, dtype=dtype, seed=1, **options)
    steps, sequences, size = 7, 5, 23
    lengths = draw.integers(1, steps + 1, sequences)
    ids = draw.integers(0, size, steps, sequences)
    targets = draw.integers(0, size, steps, sequences)
    if kind == "language_model":
        made: Any = models.LanguageModel(size, 16, embedding_size=12, dropout=0.2, **common)
        batch = models.Batch(ids=ids, targets=targets, lengths=lengths)
    elif kind == "tagger":
        made = models.Tagger(size, 7, 16, embedding_size=12, dropout=0.2, **common)
        batch = models.Batch(ids=ids, targets=targets % 7, lengths=lengths)
    elif kind == "tagger_of_numbers":
        made = models.Tagger(models.Features(6), None, 16, outputs=3, dropout=0.2, **common)
        features, values = draw(steps, sequences, 6), draw(steps, sequences, 3)
        batch = models.Batch(features=features, values=values, lengths=lengths)
    elif kind == "tree_tagger":
        made = models.Tagger(size, 7, 16, embedding_size=12, trees=True, **common)
        trees = swiftrnn.Forest([2, 2, -1, 5, 5, 6, -1])
        batch = models.Batch(ids=ids[:, 0].copy(), targets=targets[:, 0] % 7, forest=trees)
    elif kind == "output_feedback":
        del common["cell"]
        made = models.OutputFeedback(models.Features(6), None, 16, outputs=3, **common)
        features, values = draw(steps, sequences, 6), draw(steps, sequences, 3)
        batch = models.Batch(features=features, values=values, lengths=lengths)
    elif kind == "classifier":
        made = models.Classifier(size, 7, 16, embedding_size=12, dropout=0.2, **common)
        batch = models.Batch(ids=ids, targets=targets[0] % 7, lengths=lengths)
    elif kind == "regressor":
        made = models.Regressor(models.Features(6), 3, 16, dropout=0.2, **common)
        batch = models.Batch(features=draw(steps, sequences, 6), values=draw(sequences, 3), lengths=lengths)
    elif kind == "vector_decoder":
        made = models.VectorDecoder(6, size, 16, embedding_size=12, dropout=0.2, **common)
        batch = models.Batch(features=draw(sequences, 6), decoder_ids=ids, targets=targets, target_lengths=lengths)
    else:
        made = models.EncoderDecoder(size, size, 16, embedding_size=12, dropout=0.2, **common)
        batch = models.Batch(ids=ids, lengths=lengths, decoder_ids=targets, targets=ids, target_lengths=lengths)
    loss = made.loss(batch, seed=3)
    found = {"loss": loss, "gradients": made.flat_gradients.copy(), "logits": made.logits(batch)}
    found["evaluation"] = made.evaluate(batch).loss
    if kind == "language_model":
        found["written"] = [made.generate(ids[:3, 0], length=9, seed=4), made.generate(ids[:3, 0], length=9, beams=3)]
    return flattened(kind, found)


def all_configurations() -> Iterator[Configuration]:
    """Every configuration, by a name of its own."""
    for cell, dtype, shape in itertools.product(FUSED, TYPES, SHAPES):
        if cell == "lstm_projected" and shape[3] == shape[4]:
            continue
        bias = shape[1] != 7
        dropout = 0.3 if shape[5] > 1 else 0.0
        lengths = shape[0] > 1 and dtype == "float32"
        name = f"fused {cell} {dtype} {'x'.join(map(str, map(int, shape)))}"
        yield name, lambda a=(cell, dtype, shape, bias, dropout, lengths): fused(*a)
    for k, cell in enumerate(swiftrnn.cells()):
        if cell in TREE_CELLS:
            continue
        yield f"equations {cell} float32", lambda a=(cell, "float32", 1, False, k % 2 == 0, 1 + k % 3): equations(*a)
        both = cell not in ("mut1", "mut2", "sru")  # x is as wide as h
        yield f"equations {cell} float64", lambda a=(cell, "float64", 2, both, k % 2 == 1, 1 + k % 3): equations(*a)
    for cell in ("lstm", "gru_before", "slstm"):
        for word in OPTIONS:
            for both in (False, True):
                if both or word not in ("sum", "mean", "product", "independent"):
                    if cell == "slstm" and word == "widths":
                        continue
                    yield f"joined {cell} {word} {int(both)}", lambda a=(cell, "float32", (word,), both): joined(*a)
    for cell, (a, b) in itertools.product(("gru", "lstm_peephole"), itertools.combinations(OPTIONS, 2)):
        if set(OPTIONS[a]) & set(OPTIONS[b]) or ("widths" in (a, b) and "residual" in (a, b)):
            continue
        yield f"joined {cell} {a} {b}", lambda arguments=(cell, "float64", (a, b), True): joined(*arguments)
    for cell, dtype in itertools.product(TREE_CELLS, TYPES):
        yield f"forest {cell} {dtype}", lambda a=(cell, dtype, 1 + (dtype == "float32")): forest(*a)
    extra: dict[str, list[dict[str, Any]]] = {
        "language_model": [{}, {"num_layers": 2}, {"adaptive_cutoffs": [5, 11]}],
        "tagger": [{}, {"bidirectional": False}, {"num_layers": 2}],
        "tagger_of_numbers": [{}, {"bidirectional": True}],
        "tree_tagger": [{}],
        "output_feedback": [{}],
        "classifier": [{"pooling": word} for word in ("last", "mean", "max", "attention")] + [{"bidirectional": True}],
        "regressor": [{}, {"pooling": "mean"}],
        "vector_decoder": [{}, {"vector_use": "input"}],
        "encoder_decoder": [{"attention": word} for word in ("none", "additive", "dot", "general", "concat")]
        + [{"bidirectional": True, "decoder_num_layers": 2}, {"attention": "additive", "attention_use": "input"}],
    }
    for kind, dtype in itertools.product(extra, TYPES):
        cells = ("tree_child_sum",) if kind == "tree_tagger" else ("lstm", "gru", "lstm_peephole")
        for options, cell in zip(extra[kind], itertools.cycle(cells)):
            words = " ".join(f"{key}={value}" for key, value in options.items()).replace(", ", ",")
            yield f"model {kind} {dtype} {cell} {words}".strip(), lambda a=(kind, dtype, cell, options): model(*a)
