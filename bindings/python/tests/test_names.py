"""Names that there are not, of arguments and parameters: the error says which there are, and what was meant."""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any

import numpy as np
import pytest

import swiftrnn
from swiftrnn import _batch, _keywords


@pytest.mark.parametrize(
    "make, name, message",
    [
        (swiftrnn.LSTM, "num_layer", "did you mean 'num_layers'?"),
        (swiftrnn.LSTM, "hidden", "did you mean 'hidden_size'?"),
        (swiftrnn.LSTM, "projection_size", "did you mean 'proj_size'?"),
        (swiftrnn.LSTM, "H", "it is called 'hidden_size' here"),
        (swiftrnn.LSTM, "P", "it is called 'proj_size' here"),
        (swiftrnn.LSTM, "nonlinearity", "only RNN has it"),
        (swiftrnn.GRU, "proj_size", "only LSTM has a projection"),
        (swiftrnn.GRU, "batchfirst", "did you mean 'batch_first'?"),
        (swiftrnn.RNN, "activation", "it is called 'nonlinearity' here"),
        (swiftrnn.RNN, "device", "everything is computed on the CPU: leave it out"),
        (swiftrnn.RNN, "dilations", "it is one of the layer options: options=LayerOptions(dilations=…)"),
        (swiftrnn.RNN, "xyzzy", "expected one of input_size, hidden_size, num_layers, nonlinearity, "),
        (swiftrnn.LayerOptions, "residual", "it is skip='residual' in LayerOptions"),
        (swiftrnn.LayerOptions, "dilation", "did you mean 'dilations'?"),
        (swiftrnn.Adam, "learning_rate", "it is called 'lr' here"),
        (swiftrnn.SGD, "weightdecay", "did you mean 'weight_decay'?"),
        (swiftrnn.Sampler, "temprature", "did you mean 'temperature'?"),
        (swiftrnn.Sampler, "k", "it is called 'top_k' here"),
    ],
)  # fmt: skip
def test_an_argument_that_there_is_not(make: Any, name: str, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        make(**{name: 2})
    assert str(caught.value).startswith(f"{make.__name__}: there is no argument {name!r}; {message}"), caught.value


def test_what_is_said_of_other_arguments_exists() -> None:
    """The tables of other libraries' words name arguments, layer options and cells of this one."""
    makers = (swiftrnn.LSTM, swiftrnn.RNN, swiftrnn.Adam, swiftrnn.Sampler)
    arguments = {argument for make in makers for argument in inspect.signature(make).parameters}
    assert set(_keywords._CALLED_HERE.values()) <= arguments
    assert list(_keywords._OF_LAYER_OPTIONS) == [field.name for field in dataclasses.fields(swiftrnn.LayerOptions)]
    for text in (*_keywords._OF_CELLS.values(), *_keywords._INSTEAD.values()):
        for cell in re.findall(r"Cell\('(\w+)'\)|as '(\w+)'", text):
            assert (cell[0] or cell[1]) in swiftrnn.cells(), text
    # What help() and editors show are still the arguments themselves.
    assert list(inspect.signature(swiftrnn.GRU).parameters)[:2] == ["input_size", "hidden_size"]
    assert list(inspect.signature(swiftrnn.Sampler).parameters) == ["temperature", "top_k", "top_p", "seed"]


def test_a_derived_network_has_arguments_of_its_own() -> None:
    class Sized(swiftrnn.GRU):
        def __init__(self, width: int) -> None:
            super().__init__(width, width)

    class Any_(swiftrnn.GRU):
        def __init__(self, **options: Any) -> None:
            super().__init__(3, options["of_its_own"])

    assert Sized(width=4).hidden_size == 4 and Any_(of_its_own=5).hidden_size == 5
    with pytest.raises(TypeError, match=r"Sized.__init__\(\) got an unexpected keyword argument 'widht'"):  # Python's
        Sized(widht=4)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="^GRU: there is no argument 'widht'; expected one of input_size, hidden_size"):
        type("Inherits", (swiftrnn.GRU,), {})(widht=4)


@pytest.mark.parametrize(
    "name, hint",
    [
        ("length", "(did you mean 'lengths'?)"),
        ("hx", "(did you mean 'state'?)"),
        ("initial_state", "(did you mean 'state'?)"),
        ("a", ""),
    ],
)
def test_an_argument_that_no_pass_has(name: str, hint: str) -> None:
    lstm = swiftrnn.LSTM(3, 4, seed=0)
    for call in (lstm, lstm.forward, lstm.freeze()):
        with pytest.raises(TypeError) as caught:
            call(np.zeros((5, 2, 3), np.float32), **{name: np.zeros((1, 2, 4), np.float32)})
        start = f"unexpected argument {name!r} {hint}".strip()
        assert str(caught.value) == f"{start}: this network has no inputs beside x"
    with pytest.raises(TypeError, match="^unexpected argument 'lengths': this"):
        lstm.stream().step(np.zeros((1, 3), np.float32), lengths=[1])


GATED = swiftrnn.Cell("input gate, other\nh' = tanh(W @ x + gate * (U @ sum_children(h)) + other)").layer(3, 4, seed=0)
STEPS, ROWS, TREES = np.zeros((2, 1, 3), np.float32), np.zeros((1, 3), np.float32), swiftrnn.Forest([1, -1])
PASSES = {
    "call": (GATED.__call__, (STEPS,), _batch.CALL),
    "frozen": (GATED.freeze().__call__, (STEPS,), _batch.CALL),
    "forward": (GATED.forward, (STEPS,), _batch.FORWARD),
    "step": (GATED.stream().step, (ROWS,), _batch.STEP),
    "run": (GATED.stream().run, (STEPS,), _batch.STEP),
    "tree": (GATED.tree, (TREES, STEPS[:, 0]), _batch.TREE),
    "tree_forward": (GATED.tree_forward, (TREES, STEPS[:, 0]), _batch.TREE_FORWARD),
}


@pytest.mark.parametrize("method, arguments, keywords", PASSES.values(), ids=PASSES)
def test_what_a_pass_suggests_it_takes(method: Any, arguments: tuple[Any, ...], keywords: tuple[str, ...]) -> None:
    names = list(inspect.signature(method).parameters)
    assert names == [*({2: ["forest"]}.get(len(arguments), [])), "x", *keywords, "inputs"]
    tried = "sed stat hx froest selff xx outt first_nod first_sequenc lenghts maks gat"
    for wrong in tried.split():
        with pytest.raises(TypeError) as caught:
            method(*arguments, **{wrong: 1})
        start, _, rest = str(caught.value).partition(": this network's inputs beside x are gate, other")
        meant = re.fullmatch(r"unexpected argument '\w+'(?: \(did you mean '(\w+)'\?\))?", start)
        assert meant is not None and not rest, caught.value
        assert meant[1] in (None, "gate", *keywords), caught.value
        if wrong == "gat" or wrong == "sed" and "seed" in keywords or wrong == "hx" and "state" in keywords:
            assert meant[1] == {"gat": "gate", "sed": "seed", "hx": "state"}[wrong]
    with pytest.raises(TypeError, match="^unexpected argument 'gat': this"):
        method(*arguments, gate=1, gat=1)  # what is given already is not meant


def test_a_parameter_that_there_is_not() -> None:
    network = swiftrnn.LSTM(3, 4, seed=0)
    y, _, tape = network.forward(np.ones((5, 2, 3), np.float32))
    of_network = "weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0"
    for views in (network.parameters, tape.backward(y).parameters):
        for use in (lambda name: views[name], lambda name: views.__setitem__(name, y)):
            with pytest.raises(KeyError) as caught:
                use("weight_ih")
            hint = "(did you mean 'weight_ih_l0' or 'weight_hh_l0'?)"
            assert caught.value.args == (f"there is no parameter 'weight_ih' {hint}: there are {of_network}",)
            with pytest.raises(KeyError) as caught:
                use(3)
            assert caught.value.args == (f"there is no parameter 3: there are {of_network}",)
        assert "weight_ih" not in views and 3 not in views and "weight_ih_l0" in views
        assert views.get("weight_ih") is None and views.get("weight_ih", 7) == 7
        assert views.get("weight_ih_l0") is views["weight_ih_l0"]
    many = swiftrnn.GRU(3, 4, num_layers=50, bidirectional=True, seed=0).parameters
    with pytest.raises(KeyError) as caught:
        many["xyzzy"]
    assert caught.value.args[0].endswith("bias_hh_l0_reverse and 392 more") and len(caught.value.args[0]) < 300
    with pytest.raises(KeyError, match="there is no parameter 'W': there are none"):
        swiftrnn.Cell("h' = x + h").layer(3, 3).parameters["W"]
