"""Cells of equations in Python: texts, networks, states, further inputs, streams, copies, and what is refused."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any, Callable

import numpy as np
import pytest

import swiftrnn
from torch_reference import as_list, assert_same_bits

F = np.float32
CELLS = swiftrnn.cells()
SIZES: dict[str, dict[str, int]] = {
    "jordan": {"O": 5}, "lstm_projected": {"P": 4}, "lstm_projected_bias": {"P": 4},
    "fast_grnn_low_rank": {"Rw": 2, "Ru": 3}, "cfc": {"B": 5}, "slstm": {"heads": 3}, "slstm_exp": {"heads": 3},
    "slstm_flashrnn": {"heads": 3},
}  # fmt: skip
TWO_INPUTS = """
input a
input e
size e = E
h' = tanh(W @ x + V @ e + U @ h) * a
"""


def normal(*shape: int, seed: int = 0, dtype: Any = F) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def network_of(name: str, **options: Any) -> swiftrnn.CellNetwork:
    """A network of a cell of the library, I = H = 9: some cells need that."""
    network = swiftrnn.Cell(name).layer(9, 9, seed=0, **options, **SIZES.get(name, {}))
    for parameter, view in network.parameters.items():
        if parameter[:2] in ("vz", "vn"):  # Li-GRU's variances
            view[:] = 1
    return network


def inputs_of(network: swiftrnn.CellNetwork, *lead: int) -> dict[str, np.ndarray]:
    return {name: np.abs(normal(*lead, width, dtype=network.dtype)) for name, width in network.inputs.items()}


# ---- Texts -----------------------------------------------------------------------------------------------------------


def test_texts() -> None:
    cell = swiftrnn.Cell("like lstm\nf = 1 - i")
    assert cell.text == "like lstm\nf = 1 - i" and repr(cell) == "Cell('like lstm\\nf = 1 - i')"
    assert eval(repr(cell), {"Cell": swiftrnn.Cell}) == cell
    assert swiftrnn.Cell("lstm") == swiftrnn.Cell(" lstm ") == swiftrnn.Cell("like lstm") != cell
    assert hash(swiftrnn.Cell("lstm")) == hash(swiftrnn.Cell("like lstm"))
    assert cell != "like lstm\nf = 1 - i" and len({cell, swiftrnn.Cell(cell.text)}) == 1
    assert swiftrnn.Cell("cornn", dt=0.05, gamma=2).text == "like cornn\ndt = 0.05\ngamma = 2.0"
    assert swiftrnn.Cell("cornn", dt=np.float32(0.5)).text == "like cornn\ndt = 0.5"
    assert swiftrnn.Cell("cornn", dt=-1e-30).text == "like cornn\ndt = -1e-30"
    assert swiftrnn.Cell("h' = k * h + x", k=0.5).layer(3, 3).parameters == {}
    with pytest.raises(AttributeError):
        cell.text = "h' = x"  # type: ignore[misc]


def test_numbers_replace_those_of_the_text() -> None:
    x = normal(5, 2, 3)
    by_keyword, by_text = (
        swiftrnn.Cell(*arguments, **numbers).layer(3, 4, seed=0)
        for arguments, numbers in ((("cornn",), {"dt": 0.3}), (("like cornn\ndt = 0.3",), {}))
    )
    assert_same_bits(by_keyword(x)[0], by_text(x)[0])
    assert (by_keyword(x)[0] != swiftrnn.Cell("cornn").layer(3, 4, seed=0)(x)[0]).any()


def test_the_cells_of_the_library() -> None:
    assert len(CELLS) == len(set(CELLS)) >= 72
    for name in CELLS:
        text = swiftrnn.cell_text(name)
        assert swiftrnn.Cell(name).text == f"like {name}" and "=" in text
        twin = swiftrnn.Cell(text).layer(9, 9, seed=0, **SIZES.get(name, {}))
        network = swiftrnn.Cell(name).layer(9, 9, seed=0, **SIZES.get(name, {}))
        assert list(twin.parameters) == list(network.parameters)
        assert_same_bits(twin.flat, network.flat, name)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "line 1, column 1: a cell needs an equation for its output"),
        ("h' = tnah(x)", 'line 1, column 6: there is no function "tnah" (did you mean "tanh"?)\n  h\' = tnah(x)\n'),
        ("h' = x\nz = h", 'line 2, column 1: nothing that leads to the output reads "z"\n  z = h\n  ^'),
        ("lsmt", 'line 1, column 6: the library has no cell "lsmt" (did you mean "lstm"?)\n  like lsmt\n       ^'),
        ("h' = x + (", "line 1, column "),
        ("h' = x\0", "line 1, column 7: this character has no meaning here"),
        ("h' = \N{GREEK SMALL LETTER ALPHA} * x", "line 1, column 6: this character has no meaning here"),
        ("h' = \ud800", "line 1, column 6: this character has no meaning here"),
        ("#" * 65537, "the size of the text in bytes is 65537, must be in 0...65536"),
    ],
)
def test_a_text_that_is_no_cell(text: str, message: str) -> None:
    with pytest.raises(swiftrnn.SwiftRNNError) as caught:
        swiftrnn.Cell(text)
    assert isinstance(caught.value, ValueError) and caught.value.message.startswith(message), caught.value.message


def test_wrong_arguments_of_a_cell() -> None:
    for wrong in (b"lstm", None, 3):
        with pytest.raises(TypeError, match="^text: expected a str, got "):
            swiftrnn.Cell(wrong)  # type: ignore[arg-type]
    for wrong in ("0.1", None, True):
        with pytest.raises(TypeError, match="^dt: expected a number, got "):
            swiftrnn.Cell("cornn", dt=wrong)  # type: ignore[arg-type]
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="^dt: expected a finite number, got "):
            swiftrnn.Cell("cornn", dt=wrong)
    with pytest.raises(swiftrnn.SwiftRNNError, match='reads "td"'):
        swiftrnn.Cell("cornn", td=0.1)
    with pytest.raises(ValueError, match="^name: the library has no cell 'lsmt'; swiftrnn.cells"):
        swiftrnn.cell_text("lsmt")
    with pytest.raises(TypeError, match="^name: expected a str, got int"):
        swiftrnn.cell_text(3)  # type: ignore[arg-type]


# ---- Networks --------------------------------------------------------------------------------------------------------


def test_a_network_shows_what_it_is() -> None:
    network = swiftrnn.Cell("lstm_projected").layer(
        3, 8, 2, True, 0.25, True, "float64", 7, num_threads=2, P=4
    )  # fmt: skip
    assert type(network) is swiftrnn.CellNetwork and isinstance(network, swiftrnn.Network)
    assert repr(network) == (
        "CellNetwork('lstm_projected', 3, 8, num_layers=2, batch_first=True, dropout=0.25, bidirectional=True, "
        "dtype='float64', P=4)"
    )
    assert (network.input_size, network.hidden_size, network.num_layers, network.batch_first) == (3, 8, 2, True)
    assert (network.dropout, network.bidirectional, network.dtype, network.num_threads) == (0.25, True, np.float64, 2)
    assert network.cell == swiftrnn.Cell("lstm_projected") and network.sizes == {"P": 4} and network.inputs == {}
    assert list(network.parameters)[:6] == [
        "weight_ih_l0", "weight_hh_l0", "weight_hr_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l0_reverse",
    ]  # fmt: skip
    for missing in ("bias", "proj_size"):
        with pytest.raises(AttributeError, match="a network of equations has no"):
            getattr(network, missing)
    assert repr(swiftrnn.Cell("\nlike lstm\nf = 1 - i").layer(3, 4).stream(2)) == (
        "Stream(CellNetwork('like lstm …', 3, 4), batch=2)"
    )
    assert repr(swiftrnn.Cell("h' = x + h").layer(3, 3).freeze()) == """Frozen(CellNetwork("h' = x + h", 3, 3))"""


def test_the_description_is_the_librarys() -> None:
    text = swiftrnn.Cell(TWO_INPUTS).layer(3, 8, 2, E=5).describe()
    for line in ("parameter V [8, 5]", "input e [5]", "state h [8]", "output [8]", "first layer", "other layers"):
        assert f"{line}\n" in text
    assert "product [8, 8]" in text and text.endswith("\n")


@pytest.mark.parametrize(
    "name, layer, sizes",
    [
        ("rnn", swiftrnn.RNN(7, 9, 2, bidirectional=True, seed=5), {}),
        ("lstm", swiftrnn.LSTM(7, 9, 2, bidirectional=True, seed=5), {}),
        ("lstm_no_bias", swiftrnn.LSTM(7, 9, 2, bias=False, bidirectional=True, seed=5), {}),
        ("lstm_projected", swiftrnn.LSTM(7, 9, 2, bidirectional=True, proj_size=4, seed=5), {"P": 4}),
        ("gru", swiftrnn.GRU(7, 9, 2, bidirectional=True, seed=5), {}),
        ("gru_before", swiftrnn.GRU(7, 9, 2, bidirectional=True, reset_after=False, seed=5), {}),
    ],
)
def test_texts_of_fused_cells_have_their_bits(name: str, layer: Any, sizes: dict[str, int]) -> None:
    network = swiftrnn.Cell(name).layer(7, 9, 2, bidirectional=True, seed=5, **sizes)
    assert "run over sequences by the kernels of the " in network.describe()
    if not sizes:  # torch has the matrix of a projection last
        assert_same_bits(network.flat, layer.flat)
    for parameter, view in network.parameters.items():
        view[:] = layer.parameters[parameter]
    x, lengths = normal(11, 4, 7), [3, 11, 0, 8]
    (y, state, tape), expected = network.forward(x, lengths=lengths), layer.forward(x, lengths=lengths)
    gradients, others = tape.backward(normal(*y.shape, seed=1)), expected[2].backward(normal(*y.shape, seed=1))
    assert_same_bits(y, expected[0])
    for own, other in zip(as_list(state), as_list(expected[1]), strict=True):
        assert_same_bits(own, other)
    assert_same_bits(gradients.x, others.x)
    for parameter, gradient in gradients.parameters.items():
        assert_same_bits(gradient, others.parameters[parameter])


def test_initial_parameters() -> None:
    a, b = (swiftrnn.Cell("fast_grnn").layer(5, 16, seed=seed) for seed in (3, 4))
    assert a.parameters["zeta_l0"] == 1 and a.parameters["nu_l0"] == -4 and (a.parameters["bz_l0"] == 1).all()
    assert (a.parameters["W_l0"] != b.parameters["W_l0"]).any() and np.abs(a.parameters["W_l0"]).max() <= 0.25
    b.initialize(3)
    assert_same_bits(a.flat, b.flat)


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("lstm", {"P": 3}, 'the cell has no size "P"'),
        ("lstm", {"proj_size": 3}, 'the cell has no size "proj_size"'),
        ("lstm_projected", {"p": 3}, 'the cell has no size "p" (did you mean "P"?)'),
        ("lstm_projected", {}, 'the size "P" must be given with the layer'),
        ("lstm_projected", {"P": 0}, 'the size "P" is 0, must be in 1...'),
        ("lstm_projected", {"P": -1}, 'the size "P" is -1, must be in 1...'),
        ("lstm_projected", {"P": 2**63 - 1}, 'the size "P" is 9223372036854775807, must be in 1...'),
        ("slstm", {"heads": 3}, "4 rows cannot be cut into 3 blocks"),
        ("sru", {}, "sizes that meet here differ: H with H = 4 and I with I = 3"),
    ],
)
def test_sizes_are_the_librarys_to_check(name: str, options: dict[str, int], message: str) -> None:
    with pytest.raises(swiftrnn.SwiftRNNError) as caught:
        swiftrnn.Cell(name).layer(3, 4, **options)
    assert isinstance(caught.value, ValueError) and message in caught.value.message


def test_wrong_arguments_of_a_layer() -> None:
    cell = swiftrnn.Cell("lstm_projected")
    with pytest.raises(TypeError, match="^P: expected an integer, got float"):
        cell.layer(3, 4, P=2.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="^P: 9223372036854775808 is outside"):
        cell.layer(3, 4, P=2**63)
    with pytest.raises(TypeError, match="^dtype: expected float32 or float64"):
        cell.layer(3, 4, dtype="int8", P=2)
    with pytest.raises(TypeError, match="^batch_first: expected a bool, got str"):
        cell.layer(3, 4, batch_first="yes", P=2)  # type: ignore[arg-type]
    for sizes in ((0, 4), (3, 0), (3, 4, 0), (2**31 + 1, 4)):
        with pytest.raises(swiftrnn.SwiftRNNError):
            cell.layer(*sizes, P=2)
    with pytest.raises(TypeError, match="^cell: expected a swiftrnn.Cell, got str"):
        swiftrnn.CellNetwork("lstm", 3, 4)  # type: ignore[arg-type]
    with pytest.warns(UserWarning, match="dropout=0.5 does nothing with num_layers=1") as caught:
        swiftrnn.Cell("lstm").layer(3, 4, dropout=0.5)
    assert [warning.filename for warning in caught] == [__file__], "the line that made the network"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        swiftrnn.Cell("lstm").layer(3, 4, 2, dropout=0.5)
    # Beyond the first layer I is another: then a input would need two widths, a state two sizes.
    for text, what in (("input a\nsize a = I\nh' = tanh(W @ x + V @ a + U @ h)", "input"),
                       ("size c = I\nc' = x + c\nh' = tanh(W @ c' + U @ h)", "state")):  # fmt: skip
        swiftrnn.Cell(text).layer(3, 3, 2)
        swiftrnn.Cell(text).layer(3, 4)
        with pytest.raises(swiftrnn.SwiftRNNError, match=f'the {what} ".*" has another size in each layer'):
            swiftrnn.Cell(text).layer(3, 4, 2)


@pytest.mark.parametrize("name", ["state", "lengths", "seed", "first_sequence", "out", "self"])
def test_inputs_that_could_not_be_given(name: str) -> None:
    cell = swiftrnn.Cell(f"input {name}\nh' = tanh(W @ x + U @ h + {name})")
    with pytest.raises(ValueError, match=f"the cell's input '{name}' is also the name of an argument"):
        cell.layer(3, 4)


# ---- States ----------------------------------------------------------------------------------------------------------


def test_no_state() -> None:
    network, x = swiftrnn.Cell("y = tanh(W @ x + b)").layer(3, 4, 2, seed=0), normal(5, 2, 3)
    y, state, tape = network.forward(x, (), [5, 2])
    assert state == () and y.shape == (5, 2, 4) and not y[2:, 1].any()
    gradients = tape.backward(y, ())
    assert gradients.state == () and gradients.x.any() and (gradients.flat != 0).all()
    assert repr(gradients).endswith("state=(), parameters=4 tensors, flat=float32[36])")
    for call in (network, network.forward, network.freeze()):
        for wrong in (normal(2, 2, 4), (None,)):
            with pytest.raises(TypeError, match="state: expected an empty tuple, because the cell has no state, got "):
                call(x, wrong)
    stream = network.stream(2)
    assert stream.state == ()
    stream.state = ()
    stream.reset()
    assert_same_bits(stream.run(x), network(x)[0])


def test_many_states() -> None:
    network, x = swiftrnn.Cell("fgr").layer(3, 4, 2, seed=0), normal(5, 2, 3)
    given = tuple(normal(2, 2, 4, seed=k) for k in range(5))
    y, state, tape = network.forward(x, given)
    assert isinstance(state, tuple) and [part.shape for part in state] == [(2, 2, 4)] * 5
    gradients = tape.backward(y, (None, *state[1:]))
    assert [part.shape for part in gradients.state] == [(2, 2, 4)] * 5
    with pytest.raises(TypeError, match=r"^state: expected a tuple \(h, i, f, c, o\), got 2 items"):
        network(x, given[:2])
    with pytest.raises(TypeError, match=r"^dstate: expected a tuple \(h, i, f, c, o\), got ndarray"):
        tape.backward(y, given[0])
    with pytest.raises(ValueError, match=r"^state c: expected shape \[2, 2, 4\], got \[1, 2, 4\]"):
        network(x, (*given[:3], normal(1, 2, 4), given[4]))
    stream = network.stream(2)
    stream.state = given
    assert_same_bits(list(stream.state), list(given))
    assert_same_bits(stream.run(x), y)
    unbatched = network(x[:, 0], tuple(part[:, 0] for part in given))
    assert_same_bits(unbatched[0], y[:, 0])
    assert_same_bits(list(unbatched[1]), [part[:, 0] for part in state])


def test_states_that_do_not_start_with_zeros() -> None:
    network, x = swiftrnn.Cell("like lstm\ninit c = 0.5").layer(3, 4, 2, seed=0), normal(5, 2, 3)
    half = np.full((2, 2, 4), 0.5, F)
    expected, state = network(x, (np.zeros((2, 2, 4), F), half))
    for given in (None, (None, None), (None, half)):
        y, found = network(x, given)
        assert_same_bits([y, *found], [expected, *state])
    stream = network.stream(2)
    assert_same_bits(stream.state[1], half)
    assert_same_bits(stream.run(x), expected)
    stream.reset()
    assert_same_bits(stream.state[1], half)
    stream.state = (state[0], None)
    assert_same_bits(list(stream.state), [state[0], half])


def test_an_output_that_is_no_state() -> None:
    network = swiftrnn.Cell("size y = 2*H\nh' = tanh(W @ x + U @ h)\ny = V @ h' + d").layer(
        3, 4, 2, bidirectional=True, seed=0
    )
    y, h = network(normal(5, 2, 3))
    assert y.shape == (5, 2, 16) and h.shape == (4, 2, 4)
    number = swiftrnn.Cell("h' = tanh(W @ x + U @ h)\ny = mean(h')").layer(3, 4, seed=0)
    y, h, tape = number.forward(normal(5, 2, 3))
    assert y.shape == (5, 2, 1) and np.allclose(y[-1, :, 0], h[0].mean(1))
    assert np.allclose(tape.backward(dstate=h).flat, 0) is False and number.stream().step(normal(1, 3)).shape == (1, 1)


def test_no_parameters() -> None:
    network, x = swiftrnn.Cell("h' = tanh(x + h)").layer(4, 4), normal(5, 2, 4)
    assert network.state_dict() == {} and network.flat.shape == (0,)
    y, h, tape = network.forward(x)
    expected = np.zeros((2, 4))
    for row in x:
        expected = np.tanh(row + expected)
    assert np.allclose(h[0], expected, atol=1e-6)
    gradients = tape.backward(y)
    assert gradients.x.any() and gradients.flat.shape == (0,) and gradients.parameters == {}
    swiftrnn.SGD(network).step(gradients)
    assert_same_bits(pickle.loads(pickle.dumps(network))(x)[0], y)
    assert_same_bits(network.freeze()(x)[0], y)


# ---- Streams, batches, threads ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CELLS)
def test_the_same_bits_streamed_frozen_padded_alone(name: str, dtype: str) -> None:
    square = SIZES.get(name, {}).get("O", 9) == 9
    network = network_of(name, num_layers=2 if square else 1, dtype=dtype)
    x, inputs = normal(6, 5, 9, dtype=dtype), inputs_of(network, 6, 5)
    y, state = network(x, **inputs)
    assert np.isfinite(y).all() and y.any()
    stream = network.stream(5)
    steps = [stream.step(x[t], **{key: a[t] for key, a in inputs.items()}) for t in range(6)]
    assert_same_bits(np.stack(steps), y, "step by step")
    assert_same_bits(as_list(stream.state), as_list(state))
    stream.reset()
    assert_same_bits(stream.run(x, **inputs), y, "in one run")
    frozen, frozen_state = network.freeze()(x, **inputs)
    assert_same_bits([frozen, *as_list(frozen_state)], [y, *as_list(state)], "frozen")
    one, _ = network(x[:, 2:3], **{key: a[:, 2:3] for key, a in inputs.items()})
    assert_same_bits(one, y[:, 2:3], "alone")
    padded, _ = network(x, lengths=[6, 0, 4, 6, 1], **inputs)
    assert_same_bits(padded[:4, 2], y[:4, 2], "padded")
    text = swiftrnn.cell_text(name)
    if "batch_norm" in text:  # the one function whose result depends on the rest of the batch, in training
        trained, _, tape = network.forward(x, **inputs)
        assert (trained != y).any()
    elif not any(mask in text for mask in ("dropout", "zoneout", "drop_connect")):
        trained, trained_state, tape = network.forward(x, **inputs)
        assert_same_bits([trained, *as_list(trained_state)], [y, *as_list(state)], "training")
    else:
        trained, _, tape = network.forward(x, seed=1, **inputs)
        assert (trained != y).any()
        part, _, _ = network.forward(x[:, 2:], seed=1, first_sequence=2, **{k: a[:, 2:] for k, a in inputs.items()})
        assert_same_bits(part, trained[:, 2:], "parts of a batch have the whole's masks")
    gradients = tape.backward(trained)
    threaded = network_of(name, num_layers=network.num_layers, dtype=dtype, num_threads=2)
    other = threaded.forward(x, seed=1, **inputs)[2].backward(trained)
    assert_same_bits([gradients.x, gradients.flat], [other.x, other.flat], "threads")


def test_streams_with_inputs() -> None:
    network = swiftrnn.Cell(TWO_INPUTS).layer(3, 4, E=2, seed=0)
    x, a, e = normal(5, 2, 3), normal(5, 2, 1), normal(5, 2, 2)
    y, _ = network(x, a=a, e=e)
    stream = network.stream(2)
    out = np.empty((5, 2, 4), F)
    assert stream.run(x[:3], out=out[:3], a=a[:3, :, 0], e=e[:3]) is not None
    for t in (3, 4):
        assert stream.step(x[t], out=out[t], a=a[t, :, 0], e=np.asfortranarray(e[t])) is not None
    assert_same_bits(out, y)
    single = network.stream()
    row = [single.step(x[t, 0], a=a[t, 0, 0], e=e[t, 0]) for t in range(5)]
    assert_same_bits(np.stack(row), y[:, 0], "one sequence, a number per step")
    single.reset()
    assert_same_bits(single.run(x[:, 0], a=a[:, 0, 0], e=e[:, 0]), y[:, 0])
    by_batch = swiftrnn.Cell(TWO_INPUTS).layer(3, 4, batch_first=True, E=2, seed=0)
    swapped = {key: np.ascontiguousarray(value.swapaxes(0, 1)) for key, value in dict(a=a, e=e).items()}
    assert_same_bits(by_batch.stream(2).run(x.swapaxes(0, 1), **swapped).swapaxes(0, 1), y)
    empty = network.stream(0)
    nothing = empty.run(np.zeros((3, 0, 3), F), a=np.zeros((3, 0), F), e=np.zeros((3, 0, 2), F))
    assert nothing.shape == (3, 0, 4)

    with pytest.raises(TypeError, match="^missing input 'e': pass e=…; this network's inputs beside x are a, e"):
        stream.step(x[0], a=a[0])
    with pytest.raises(TypeError, match="^unexpected argument 'b': this network's inputs beside x are a, e"):
        stream.run(x, a=a, e=e, b=a)
    with pytest.raises(ValueError, match=r"^a: expected shape \[2, 1\] or \[2\], got \[1, 2\]"):
        stream.step(x[0], a=a[0].T, e=e[0])
    with pytest.raises(ValueError, match=r"^e: expected shape \[5, 2, 2\], got \[4, 2, 2\]"):
        stream.run(x, a=a, e=e[1:])
    with pytest.raises(TypeError, match="^e: expected float32, got float64"):
        stream.step(x[0], a=a[0], e=e[0].astype(float))
    square = swiftrnn.Cell("input e\nsize e = H\nh' = tanh(W @ x + e)").layer(3, 4, seed=0).stream(2)
    buffer = normal(2, 4)
    with pytest.raises(ValueError, match="^out overlaps e"):
        square.step(normal(2, 3), out=buffer, e=buffer)
    with pytest.raises(TypeError, match="^unexpected argument 'a': this network has no inputs beside x"):
        swiftrnn.GRU(3, 4).stream().step(normal(1, 3), a=a)
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        stream.step(x[0], a=a[0], e=e[0])


# ---- Inputs of whole sequences ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_layouts_of_inputs(flat: bool, layers: int) -> None:
    cell = swiftrnn.Cell(TWO_INPUTS)
    network = cell.layer(3, 4, layers, bidirectional=True, E=2, seed=0)
    by_batch = cell.layer(3, 4, layers, batch_first=True, bidirectional=True, E=2, seed=0)
    x, a, e, dy = normal(5, 2, 3), normal(5, 2, 1), normal(5, 2, 2), normal(5, 2, 8)
    lengths = [3, 5]
    y, h, tape = network.forward(x, lengths=lengths, a=a, e=e)
    expected = tape.backward(dy)
    assert list(expected.inputs) == ["a", "e"]
    assert expected.inputs["a"].shape == (5, 2, 1) and not expected.inputs["e"][3:, 0].any()

    given = {"a": a[..., 0] if flat else a, "e": e}
    _, _, tape = network.forward(x, lengths=lengths, **given)
    found = tape.backward(dy)
    assert found.inputs["a"].shape == given["a"].shape
    assert_same_bits(found.inputs["a"].ravel(), expected.inputs["a"].ravel())

    swapped = {key: value.swapaxes(0, 1) for key, value in given.items()}
    y_swapped, _, tape = by_batch.forward(x.swapaxes(0, 1), lengths=lengths, **swapped)
    assert_same_bits(y_swapped.swapaxes(0, 1), y)
    found = tape.backward(dy.swapaxes(0, 1))
    for key, gradient in found.inputs.items():
        assert gradient.flags.c_contiguous and gradient.shape == swapped[key].shape
        assert_same_bits(gradient.swapaxes(0, 1).ravel(), expected.inputs[key].ravel())
    assert_same_bits(found.flat, expected.flat)

    y_one, _, tape = network.forward(x[:, 1], **{key: value[:, 1] for key, value in given.items()})
    assert_same_bits(y_one, y[:, 1])
    found = tape.backward(dy[:, 1])
    for key, gradient in found.inputs.items():
        assert gradient.shape == given[key][:, 1].shape
        assert_same_bits(gradient.ravel(), expected.inputs[key][:, 1].ravel())
    assert_same_bits(network.freeze()(x, lengths=lengths, **given)[0], y)


def test_what_backward_may_leave_out() -> None:
    network = swiftrnn.Cell(TWO_INPUTS).layer(3, 4, E=2, seed=0)
    inputs = {"a": normal(5, 2, 1), "e": normal(5, 2, 2)}
    y, _, tape = network.forward(normal(5, 2, 3), **inputs)
    whole = tape.backward(y)
    without = tape.backward(y, need_inputs=False)
    assert without.inputs is None and repr(without) == repr(whole).partition(", inputs")[0] + ")"
    assert repr(whole).endswith(", inputs={a: float32[5, 2, 1], e: float32[5, 2, 2]})")
    only = tape.backward(y, need_x=False, need_state=False, need_parameters=False)
    assert only.x is None and only.flat is None
    assert_same_bits(list(only.inputs.values()), list(whole.inputs.values()))
    assert_same_bits(without.flat, whole.flat)
    again = tape.backward(y, accumulate_into=whole)
    assert_same_bits(again.flat, 2 * without.flat)
    gru = swiftrnn.GRU(3, 4, seed=0)
    y, _, tape = gru.forward(normal(5, 2, 3))
    assert tape.backward(y).inputs == {}


@pytest.mark.parametrize("steps, sequences", [(0, 2), (5, 0), (0, 0)])
def test_nothing_to_do(steps: int, sequences: int) -> None:
    network = swiftrnn.Cell(TWO_INPUTS).layer(3, 4, E=2, seed=0)
    x, a, e = (np.zeros((steps, sequences, width), F) for width in (3, 1, 2))
    y, h, tape = network.forward(x, a=a, e=e)
    gradients = tape.backward(y)
    assert y.shape == (steps, sequences, 4) and h.shape == (1, sequences, 4) and not gradients.flat.any()
    assert gradients.inputs["e"].shape == e.shape


def test_wrong_inputs() -> None:
    network, x = swiftrnn.Cell(TWO_INPUTS).layer(3, 4, E=2, seed=0), normal(5, 2, 3)
    a, e = normal(5, 2), normal(5, 2, 2)
    wrong: list[tuple[dict[str, Any], type, str]] = [
        ({}, TypeError, "^missing input 'a': pass a=…; this network's inputs beside x are a, e$"),
        ({"a": a}, TypeError, "^missing input 'e': pass e=…; this network's inputs beside x are a, e$"),
        ({"a": a, "e": e, "E": e}, TypeError, "^unexpected argument 'E': this network's inputs beside x are a, e$"),
        ({"a": a, "e": None}, TypeError, "^e: expected a numpy array of float32, got NoneType"),
        ({"a": 0.5, "e": e}, TypeError, "^a: expected a numpy array of float32, got float"),
        ({"a": a.astype(float), "e": e}, TypeError, r"^a: expected float32, got float64 \(nothing is cast: use"),
        ({"a": a.T, "e": e}, ValueError, r"^a: expected shape \[5, 2, 1\] or \[5, 2\], got \[2, 5\]"),
        ({"a": a, "e": e[..., 0]}, ValueError, r"^e: expected shape \[5, 2, 2\], got \[5, 2\]"),
        ({"a": a[:4], "e": e}, ValueError, r"^a: expected shape \[5, 2, 1\] or \[5, 2\], got \[4, 2\]"),
        ({"a": a[:, 0], "e": e[:, 0]}, ValueError, r"^a: expected shape \[5, 2, 1\] or \[5, 2\], got \[5\]"),
    ]
    for given, error, message in wrong:
        for call in (network, network.forward, network.freeze()):
            with pytest.raises(error, match=message):
                call(x, **given)
    for call in (swiftrnn.LSTM(3, 4), swiftrnn.GRU(3, 4).forward, swiftrnn.RNN(3, 4).freeze()):
        with pytest.raises(TypeError, match="^unexpected argument 'length': this network has no inputs beside x$"):
            call(x, length=[5, 2])  # type: ignore[operator]


# ---- Copies, checkpoints, training -----------------------------------------------------------------------------------


WAYS = pytest.mark.parametrize(
    "way",
    [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],
    ids=["copy", "deepcopy", "pickle"],
)


@WAYS
def test_copies(way: Callable[[Any], Any]) -> None:
    cell = swiftrnn.Cell("like lstm_projected\nf = 1 - i")
    assert way(cell) == cell
    network = cell.layer(3, 8, 2, dropout=0.5, seed=0, P=4)
    network.note = "added"  # type: ignore[attr-defined]
    twin = way(network)
    assert type(twin) is swiftrnn.CellNetwork and repr(twin) == repr(network) and twin.note == "added"
    assert twin.cell == cell and twin.sizes == {"P": 4} and not np.shares_memory(twin.flat, network.flat)
    x = normal(5, 2, 3)
    assert_same_bits([twin.flat, twin.forward(x)[0]], [network.flat, network.forward(x)[0]])
    other = cell.layer(3, 8, 2, seed=1, P=4)
    other.load_state_dict(network.state_dict())
    assert_same_bits(other(x)[0], network(x)[0])


def test_pickles_hold_the_text_and_no_handle() -> None:
    cell = swiftrnn.Cell("cornn", dt=0.05)
    assert cell.__reduce__() == (swiftrnn.Cell, ("like cornn\ndt = 0.05",))
    assert copy.deepcopy([cell])[0] is cell


class Own(swiftrnn.CellNetwork):
    """A subclass with a cell of its own."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__(swiftrnn.Cell("mgu"), 1, hidden_size, seed=0)
        self.head = np.zeros((1, hidden_size), F)


def test_a_network_of_a_cell_trains() -> None:
    network = Own(16)
    assert repr(network) == "Own('mgu', 1, 16)"
    optimizer = swiftrnn.Adam([network, network.head], lr=0.02)
    x = np.random.default_rng(0).uniform(-1, 1, (10, 32, 1)).astype(F)
    target = np.cumsum(x, axis=0) / np.arange(1, 11, dtype=F)[:, None, None]
    losses = []
    for _ in range(150):
        y, _, tape = network.forward(x)
        error = swiftrnn.linear(y, network.head) - target
        losses.append(float((error**2).mean()))
        head = swiftrnn.linear_backward(2 * error / error.size, y, network.head)
        gradients = [tape.backward(head.x), head.weight]
        swiftrnn.clip_grad_norm(gradients, 1.0)
        optimizer.step(gradients)
        with pytest.raises(swiftrnn.SwiftRNNError, match="parameters have changed"):
            tape.backward(y)
    assert losses[-1] < 0.05 * losses[0]
    twin, twin_optimizer = copy.deepcopy((network, optimizer))
    assert type(twin) is Own and twin_optimizer._owners[0] is twin and twin_optimizer._owners[1] is twin.head
