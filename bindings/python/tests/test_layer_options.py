"""Layer options against torch, whose layers are joined by hand, and against Keras 3: its merges of directions and its
masks with gaps. float64 with torch, 1e-12; float32 with Keras, 2e-6, both relative to max(1, largest entry).
"""

from __future__ import annotations

import copy
import dataclasses
import os
import pickle
import tempfile
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

with tempfile.TemporaryDirectory() as _home:
    with mock.patch.dict(os.environ, KERAS_BACKEND="torch", KERAS_HOME=_home):
        import keras

import swiftrnn
from swiftrnn import LayerOptions

T, N, I, H = 9, 4, 5, 6
CELLS = {"lstm": swiftrnn.LSTM, "gru": swiftrnn.GRU}


def near(ours: Any, theirs: Any, tolerance: float, name: str) -> None:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, name
    assert np.abs(ours - theirs).max() <= tolerance * max(1.0, np.abs(theirs).max()), name


# ---- torch -----------------------------------------------------------------------------------------------------------


def torch_layer(cell: str, net: Any, layer: int, reverse: bool, x: torch.Tensor, dilation: int) -> torch.Tensor:
    """One direction of one layer with the network's parameters, which `net` holds as tensors: every `dilation`-th step
    by itself, from the initial states that `net` has or zeros."""
    if reverse:
        x = x.flip(0)
    suffix = f"_l{layer}{'_reverse' if reverse else ''}"
    width = net["weight_hh" + suffix].shape[1]
    module = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](x.shape[2], width, dtype=torch.float64)
    weights = {name: net[name[:-3] + suffix] for name, _ in module.named_parameters()}
    states = [
        net.get(f"initial_{name}{suffix}", torch.zeros(width, dtype=torch.float64))
        .expand(1, x.shape[1], width)
        .contiguous()
        for name in ("h", "c")[: 1 + (cell == "lstm")]
    ]
    y = torch.empty(*x.shape[:2], width, dtype=torch.float64)
    rows = {}
    for first in range(min(dilation, len(x))):
        start = tuple(states) if cell == "lstm" else states[0]
        rows[first], _ = torch.func.functional_call(module, weights, (x[first::dilation], start))
    y = torch.stack([rows[t % dilation][t // dilation] for t in range(len(x))])
    return y.flip(0) if reverse else y


def torch_network(cell: str, network: Any, net: Any, x: torch.Tensor) -> torch.Tensor:
    options = network.options
    merge = {
        "concatenate": lambda a, b: torch.cat([a, b], 2),
        "sum": torch.add,
        "mean": lambda a, b: (a + b) / 2,
        "product": torch.mul,
    }[options.merge]
    directions = [False, True][: 1 + network.bidirectional]
    flows = [x, x] if options.independent_directions else [x]
    for layer in range(network.num_layers):
        dilation = options.dilations[layer] if options.dilations else 1
        reads = [flows[reverse if options.independent_directions else 0] for reverse in directions]
        outputs = [torch_layer(cell, net, layer, reverse, u, dilation) for reverse, u in zip(directions, reads)]
        if not options.independent_directions and len(outputs) == 2:
            outputs = [merge(*outputs)]
        last = layer == network.num_layers - 1
        for flow, out in enumerate(outputs):
            if options.skip == "residual" and layer > 0:
                out = out + flows[flow]
            if options.skip == "dense" and not last:
                out = torch.cat([flows[flow], out], 2)
            flows[flow] = out
    return merge(*flows) if options.independent_directions else flows[0]


FORMS = [
    (LayerOptions(skip="residual"), False),
    (LayerOptions(skip="dense"), True),
    (LayerOptions(skip="residual", merge="sum"), True),
    (LayerOptions(skip="dense", merge="product", dilations=[1, 2, 4]), True),
    (LayerOptions(merge="mean", hidden_sizes=[4, 7, 3], learned_initial_states=True), True),
    (LayerOptions(independent_directions=True, learned_initial_states=True), True),
    (LayerOptions(independent_directions=True, skip="dense", merge="sum", dilations=[3, 1, 2]), True),
    (LayerOptions(dilations=[2, 4, 1], learned_initial_states=True), False),
]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("options, bidirectional", FORMS, ids=repr)
def test_layers_joined_by_hand_in_torch(cell: str, options: LayerOptions, bidirectional: bool) -> None:
    network = CELLS[cell](
        I, H, num_layers=3, bidirectional=bidirectional, options=options, dtype="float64", seed=3, num_threads=2
    )
    rng = np.random.default_rng(4)
    for name, parameter in network.parameters.items():
        if name.startswith("initial_"):
            assert not parameter.any(), "states start at zero before they have learned anything"
            parameter[:] = rng.standard_normal(parameter.shape)
    net = {name: torch.tensor(value, requires_grad=True) for name, value in network.parameters.items()}
    x = torch.tensor(rng.standard_normal((T, N, I)), requires_grad=True)
    dy = rng.standard_normal((T, N, network(x.detach().numpy())[0].shape[2]))

    y = torch_network(cell, network, net, x)
    (y * torch.tensor(dy)).sum().backward()
    ours, _, tape = network.forward(x.detach().numpy())
    gradients = tape.backward(dy)
    near(ours, y.detach(), 1e-12, "y")
    near(gradients.x, x.grad, 1e-12, "x")
    for name, tensor in net.items():
        near(gradients.parameters[name], tensor.grad, 1e-12, name)


# ---- Keras -----------------------------------------------------------------------------------------------------------


def keras_layer(cell: str, units: int, zero_output: bool) -> Any:
    make = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[cell]
    return make(units, return_sequences=True, zero_output_for_mask=zero_output)


def load(cell: str, layer: Any, network: Any, suffix: str) -> None:
    """Keras's gates of a GRU are z r h; its biases have two rows there, one in an LSTM."""

    def regrouped(array: np.ndarray) -> np.ndarray:
        blocks = np.split(array, 4 if cell == "lstm" else 3, -1)
        return np.concatenate(blocks if cell == "lstm" else [blocks[1], blocks[0], blocks[2]], -1)

    parameters = network.parameters
    layer.cell.kernel.assign(regrouped(parameters["weight_ih" + suffix].T))
    layer.cell.recurrent_kernel.assign(regrouped(parameters["weight_hh" + suffix].T))
    biases = [regrouped(parameters[name + suffix]) for name in ("bias_ih", "bias_hh")]
    layer.cell.bias.assign(np.stack(biases) if cell == "gru" else biases[0] + biases[1])


def same_as_keras(network: Any, layer: Any, x: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    mask = rng.random((N, T)) < 0.6
    mask[1], mask[2] = False, True
    x_theirs = torch.tensor(x, requires_grad=True)
    y = layer(x_theirs, mask=torch.tensor(mask))
    dy = rng.standard_normal(tuple(y.shape)).astype(np.float32)
    (y * torch.tensor(dy)).sum().backward()
    ours, _, tape = network.forward(x, mask=mask)
    near(ours, y.detach(), 2e-6, "y")
    near(network(x, mask=mask)[0], ours, 0, "inference")
    near(network.freeze()(x, mask=mask)[0], ours, 0, "packed")
    near(tape.backward(dy).x, x_theirs.grad, 2e-6, "x")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("gaps", ["repeated", "zero"])
def test_masks_with_gaps_as_in_keras(cell: str, gaps: str) -> None:
    network = CELLS[cell](I, H, batch_first=True, options=LayerOptions(gaps=gaps), seed=1)
    layer = keras_layer(cell, H, gaps == "zero")
    x = np.random.default_rng(2).standard_normal((N, T, I)).astype(np.float32)
    layer(x[:1])
    load(cell, layer, network, "_l0")
    same_as_keras(network, layer, x)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "merge, theirs", [("concatenate", "concat"), ("sum", "sum"), ("mean", "ave"), ("product", "mul")]
)
def test_merges_and_masks_as_in_keras(cell: str, merge: str, theirs: str) -> None:
    """Of two directions Keras writes zeros at gaps, whatever its layers say."""
    options = LayerOptions(gaps="zero", merge=merge)
    network = CELLS[cell](I, H, bidirectional=True, batch_first=True, options=options, seed=1)
    layer = keras.layers.Bidirectional(keras_layer(cell, H, True), merge_mode=theirs)
    x = np.random.default_rng(2).standard_normal((N, T, I)).astype(np.float32)
    layer(x[:1])
    load(cell, layer.forward_layer, network, "_l0")
    load(cell, layer.backward_layer, network, "_l0_reverse")
    same_as_keras(network, layer, x)


# ---- Use -------------------------------------------------------------------------------------------------------------


def test_a_mask_of_the_first_steps_is_lengths() -> None:
    network = swiftrnn.GRU(I, H, num_layers=2, options=LayerOptions(gaps="zero"), dtype="float64", seed=1)
    x = np.random.default_rng(0).standard_normal((T, N, I))
    lengths = [T, 3, 0, 5]
    mask = np.arange(T)[:, None] < np.array(lengths)
    masked, state = network(x, mask=mask)
    short, same = network(x, lengths=lengths)
    assert (masked == short).all() and (state == same).all()


def test_the_state_of_dilated_layers_of_different_widths() -> None:
    options = LayerOptions(dilations=[1, 2], hidden_sizes=[3, 4])
    network = swiftrnn.LSTM(I, H, num_layers=2, options=options, dtype="float64", seed=1)
    x = np.random.default_rng(0).standard_normal((T, N, I))
    whole, (h, c) = network(x)
    assert h.shape == c.shape == (N * (3 + 2 * 4),)
    assert network.layer_state(h, 0).shape == (1, 1, N, 3) and network.layer_state(c, 1, 1).shape == (1, 2, N, 4)
    first, state = network(x[:4])
    second, state = network(x[4:], state)
    assert (np.concatenate([first, second]) == whole).all() and (state[0] == h).all() and (state[1] == c).all()
    stream = network.stream(N)
    assert (stream.run(x) == whole).all() and (stream.state[1] == c).all()


def test_streams_start_with_learned_states_and_reset_to_them() -> None:
    network = swiftrnn.GRU(I, H, options=LayerOptions(learned_initial_states=True), dtype="float64", seed=1)
    network.parameters["initial_h_l0"][:] = 0.5
    x = np.ones((3, 1, I))
    y, _ = network(x)
    stream = network.stream()
    assert (stream.run(x) == y).all()
    stream.reset()
    assert (stream.run(x) == y).all()
    _, _, tape = network.forward(x, np.zeros((1, 1, H)))
    assert not tape.backward(np.ones_like(y)).parameters["initial_h_l0"].any(), "the call has given the state"


def test_options_are_kept_by_copies_and_pickles() -> None:
    network = swiftrnn.RNN(I, H, num_layers=2, options=LayerOptions(skip="dense", dilations=2), seed=1)
    x = np.ones((T, N, I), np.float32)
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert other.options == network.options
        assert (other(x)[0] == network(x)[0]).all()
    shown = "RNN(5, 6, num_layers=2, nonlinearity='tanh', options=LayerOptions(skip='dense', dilations=2))"
    assert repr(network) == shown


def test_a_cell_of_equations_takes_them() -> None:
    network = swiftrnn.Cell("mgu").layer(I, H, 3, options=LayerOptions(skip="residual", dilations=[1, 2, 4]), seed=1)
    y, h = network(np.ones((T, N, I), np.float32))
    assert y.shape == (T, N, H) and h.shape == (7, N, H)
    assert "layer 2: 6 to 6, states of 4 steps back" in network.describe()


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"skip": "residuel"}, ValueError, r"skip: expected one of .*, got 'residuel' \(did you mean 'residual'\?\)"),
        ({"merge": "concatenated"}, ValueError, r"did you mean 'concatenate'"),
        ({"gaps": True}, ValueError, "gaps: expected one of"),
        ({"dilations": [1, "2"]}, TypeError, r"dilations\[1\]"),
        ({"hidden_sizes": 4}, TypeError, "hidden_sizes: expected a sequence"),
        ({"hidden_sizes": np.array(4)}, TypeError, "^hidden_sizes: expected a sequence of integers, got a single numb"),
        ({"hidden_sizes": np.int64(4)}, TypeError, "^hidden_sizes: expected a sequence of integers, got a single numb"),
        ({"dilations": np.array(2.5)}, TypeError, "^dilations: expected an integer"),
        ({"dilations": np.array([[1, 2]])}, TypeError, r"^dilations\[0\]: expected an integer"),
    ],
)
def test_options_that_are_none(arguments: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        LayerOptions(**arguments)


@pytest.mark.parametrize(
    "theirs, ours", [("concat", "concatenate"), ("ave", "mean"), ("mul", "product"), ("sum", "sum")]
)
def test_merges_in_kerass_words(theirs: str, ours: str) -> None:
    options, same = LayerOptions(merge=theirs), LayerOptions(merge=ours)
    assert options == same and options.merge == ours and repr(options) == repr(same)
    assert dataclasses.replace(options, skip="dense") == LayerOptions(merge=ours, skip="dense")
    x = np.ones((T, N, I), np.float32)
    networks = [
        swiftrnn.GRU(I, H, bidirectional=True, options=each, seed=0) for each in (options, same)
    ]
    assert (networks[0](x)[0] == networks[1](x)[0]).all()


def test_options_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="hidden_sizes: expected one for each of 2 layers, got 1"):
        swiftrnn.GRU(I, H, num_layers=2, options=LayerOptions(hidden_sizes=[3]))
    with pytest.raises(ValueError, match="the width of a residual layer's output is 4, must be 3"):
        swiftrnn.GRU(I, H, num_layers=2, options=LayerOptions(hidden_sizes=[3, 4], skip="residual"))
    with pytest.raises(ValueError, match="is 0, must be in 1"):
        swiftrnn.GRU(I, H, num_layers=2, options=LayerOptions(dilations=[1, 0]))
    with pytest.raises(TypeError, match="options: expected a swiftrnn.LayerOptions, got str"):
        swiftrnn.GRU(I, H, options="residual")  # type: ignore[arg-type]
    network, x = swiftrnn.GRU(I, H), np.zeros((T, N, I), np.float32)
    with pytest.raises(swiftrnn.SwiftRNNError, match=r'options=LayerOptions\(gaps="zero"\)') as caught:
        network(x, mask=np.ones((T, N), bool))
    assert caught.value.status is swiftrnn.Status.UNSUPPORTED
    masked = swiftrnn.GRU(I, H, options=LayerOptions(gaps="zero"))
    with pytest.raises(ValueError, match=r"mask: expected shape \[9, 4\], got \[4, 9\]"):
        masked(x, mask=np.ones((N, T), bool))
    with pytest.raises(TypeError, match="mask: expected booleans, True where a step counts, got float64"):
        masked(x, mask=np.ones((T, N)))
    tree = swiftrnn.Cell("tree_child_sum").layer(I, H, 2, options=LayerOptions(skip="dense"))
    with pytest.raises(swiftrnn.SwiftRNNError, match="trees have no layer options and no batch_norm"):
        tree.tree(swiftrnn.Forest([-1]), np.zeros((1, I), np.float32))
    with pytest.raises(ValueError, match=r"^tensor: expected shape \[1, N, 6\], got \[7\]$"):
        network.layer_state(np.zeros(7), 0)


def test_one_dilation_of_any_integer_type() -> None:
    for dilation in (np.int64(2), np.array(2), np.array(2, np.uint8)):
        options = LayerOptions(dilations=dilation)
        assert options == LayerOptions(dilations=2) and repr(options) == "LayerOptions(dilations=2)"
    _, h = swiftrnn.GRU(I, H, 2, options=options)(np.ones((T, N, I), np.float32))
    assert h.shape == (4, N, H)


def test_a_layers_state_is_a_view_of_a_tensor_of_that_state() -> None:
    network = swiftrnn.LSTM(I, H, num_layers=2, bidirectional=True, proj_size=3, seed=0)
    _, (h, c) = network(np.ones((T, N, I), np.float32))
    for tensor in (c.copy(), np.asfortranarray(c), np.repeat(c, 2, axis=2)[:, :, ::2]):
        part = network.layer_state(tensor, 1, 1)
        assert (part[:, 0] == c[2:]).all() and part.base is not None
        part[...] = 7
        assert (tensor[2:] == 7).all() and (tensor[:2] == c[:2]).all(), "written through"
    # Of as many numbers, or of as many per sequence, but no state of this network's.
    y = np.ones((T, N, 6), np.float32)
    for wrong, index in ((h, 1), (c, 0), (y, 0), (h.reshape(-1), 0), (h[:3], 0), (np.ones((N, 12)), 0)):
        with pytest.raises(ValueError, match=r"^tensor: expected shape \[4, N, [36]\], got "):
            network.layer_state(wrong, 0, index)
    _, (h, _) = network(np.ones((T, I), np.float32))
    assert network.layer_state(h, 1).shape == (2, 1, 1, 3) and (network.layer_state(h, 1)[:, 0, 0] == h[2:]).all()
    # One axis of all numbers, where widths differ.
    options = LayerOptions(hidden_sizes=[3, 4])
    wide = swiftrnn.GRU(I, H, num_layers=2, options=options, seed=0)
    _, h = wide(np.ones((T, N, I), np.float32))
    sparse = np.repeat(h, 2)[::2]
    wide.layer_state(sparse, 1)[...] = 7
    assert (sparse[N * 3 :] == 7).all() and (sparse[: N * 3] == h[: N * 3]).all()
    with pytest.raises(ValueError, match=r"^tensor: expected shape \[7 N\], got \[15\]$"):
        wide.layer_state(np.zeros(15), 0)
