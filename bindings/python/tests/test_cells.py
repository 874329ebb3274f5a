"""Cells of equations in Python: texts, networks, states, and what is refused."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import swiftrnn
from cell_cases import CELLS, F, SIZES, TWO_INPUTS, normal
from torch_reference import as_list, assert_same_bits

CELL = swiftrnn.Cell("lstm")

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
        (
            "input a\nh' = x",
            'line 1, column 7: nothing that leads to the output reads the input "a"\n  input a\n        ^',
        ),
        (
            "h' = x\nz = h",
            'line 2, column 1: nothing that leads to the output reads "z"; the output is h\' unless an equation gives '
            "y\n  z = h\n  ^",
        ),
        ("h' = x\nlstm", 'line 2, column 5: expected "=", found the end of the line (did you mean "like lstm"?)'),
        ("y' = x\nz = y", 'line 2, column 1: nothing that leads to the output reads "z"\n  z = y\n  ^'),
        (
            "f = tanh(U @ h)\nh = f + x",
            "line 1, column 14: a cycle: h needs f needs h (for h of the step before, let its equation give h')",
        ),
        (
            "c' = sigmoid(W @ x) * c' + x\nh' = c'",
            "line 1, column 23: a cycle: c' needs c' (c of the step before is read without the prime)",
        ),
        (
            "f = tanh(h' + x)\nh' = f * x",
            "line 1, column 10: a cycle: h' needs f needs h' (h of the step before is read without the prime)",
        ),
        ("h' = x\ny = hh'", "line 2, column 5: no equation gives hh' (did you mean \"h'\"?)"),
        ("size O\nh' = x", 'line 1, column 7: expected "=" and a size, as in "size y = O", found the end of the line'),
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


def test_the_caret_stands_alone_on_its_line() -> None:
    with pytest.raises(swiftrnn.SwiftRNNError) as caught:
        swiftrnn.Cell("h' = x + tnah(h)")
    first, line, caret = str(caught.value).split("\n")
    assert first.startswith("line 1, column 10: ") and first.endswith(" [INVALID_VALUE]")
    assert (line, caret) == ("  h' = x + tnah(h)", "           ^")
    assert caught.value.message == f"{first.removesuffix(' [INVALID_VALUE]')}\n{line}\n{caret}"


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
        ("lstm", {"P": 3}, 'the cell has no size "P"; it has I and H only'),
        ("lstm_projected", {"proj_size": 3}, 'the cell has no size "proj_size"; beside I and H it has P'),
        ("a, b = W @ x + U @ h\nh' = tanh(a + b)\nsize W = H", {}, "differ: H/2 with H = 4 and H with H = 4"),
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


@pytest.mark.parametrize(
    "given, error, message",
    [
        ({"num_layer": 2}, swiftrnn.SwiftRNNValueError, "as an argument: did you mean 'num_layers'?"),
        ({"proj_size": 2}, swiftrnn.SwiftRNNValueError,
         "as an argument: a projection is in the cell's text, with a size"),
        ({"skip": 1}, swiftrnn.SwiftRNNValueError, "as an argument: it is one of the layer options: options=LayerOpt"),
        ({"bias": False}, TypeError,
         "bias: expected an integer, got bool, as a size of the cell's text; as an argument: biases are in the cell's "
         "text"),
        ({"device": "cpu"}, TypeError, "device: expected an integer, got str, as a size of the cell's text; as an "),
    ],
)  # fmt: skip
def test_a_size_that_was_meant_as_an_argument(given: dict[str, Any], error: type, message: str) -> None:
    for make in (swiftrnn.Cell("lstm").layer, lambda *sizes, **rest: swiftrnn.CellNetwork(CELL, *sizes, **rest)):
        with pytest.raises(error) as caught:
            make(3, 4, **given)
        first = str(caught.value).split("\n")[0]
        assert message in first and (error is TypeError or f'the cell has no size "{next(iter(given))}"' in first)
    with pytest.raises(swiftrnn.SwiftRNNValueError, match="has I and H only \\[INVALID_VALUE\\]\n"):
        swiftrnn.Cell("lstm").layer(3, 4, xyzzy=1)  # nothing is near
    for name, argument in (("I", "input_size, the first argument"), ("H", "hidden_size, the second argument")):
        for cell in ("lstm", "lstm_projected"):
            with pytest.raises(swiftrnn.SwiftRNNValueError) as caught:
                swiftrnn.Cell(cell).layer(3, 4, **{name: 8})
            first = caught.value.message.split("\n")[0]
            assert first == f'the size "{name}" is {argument} of Cell.layer: leave {name}= out'


@pytest.mark.parametrize("name", ["P\0", "P\0x", "\0", "P q", "\N{GREEK SMALL LETTER ALPHA}", "P\nh", "", "2", "_P"])
def test_names_that_no_text_can_have(name: str) -> None:
    """The library reads a size's name up to a zero byte; a number is a line of the text."""
    rule = 'names are ASCII letters, digits and "_", a letter first$'
    with pytest.raises(ValueError, match=f"is no name of a size: {rule}"):
        swiftrnn.Cell("lstm_projected").layer(3, 4, **{name: 2})
    with pytest.raises(ValueError, match=f"is no name of a number: {rule}"):
        swiftrnn.Cell("cornn", **{name: 0.5})
    with pytest.raises(swiftrnn.SwiftRNNValueError):  # which is also the language's rule
        swiftrnn.Cell(f"like cornn\n{name} = 0.5")


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
