"""Subclasses of networks, optimizers and samplers, which may have arguments and attributes of any name; and what type
checkers see of the classes themselves."""

from __future__ import annotations

import abc
import ast
import copy
import functools
import inspect
import pickle
import typing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swiftrnn
from swiftrnn import _keywords

PACKAGE = Path(swiftrnn.__file__).resolve().parent
# Networks, layers, optimizers and their parts; models and the program have classes of their own kind.
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent.name not in ("models", "program"))


class Warm(swiftrnn.Adam):
    """Has names of its own that resemble settings, another library's words, and methods."""

    def __init__(self, parameters: Any, learning_rate: float) -> None:
        super().__init__(parameters, lr=learning_rate)
        self.learning_rate = learning_rate
        self.weightdecay, self.stepped, self.state_dicts, self.beta1 = 1, 2, 3, 4


class Best(swiftrnn.Sampler):
    def __init__(self, k: int, **settings: Any) -> None:
        super().__init__(top_k=k, **settings)
        self.k, self.p, self.temp = k, 0.5, 1.5


class Abstract(swiftrnn.GRU, abc.ABC):
    """Of two bases, the other with a metaclass."""


def test_attributes_of_subclasses_are_theirs() -> None:
    warm, best = Warm(np.ones(3), learning_rate=0.5), Best(2, seed=1)
    warm.rate = best.topk = 7  # type: ignore[attr-defined]
    for made in (warm, copy.copy(warm), copy.deepcopy(warm), pickle.loads(pickle.dumps(warm))):
        assert made.learning_rate == made.lr == 0.5 and made.state_dicts == 3 and made.rate == 7
    for drawn in (best, copy.deepcopy(best), pickle.loads(pickle.dumps(best))):
        assert drawn.k == drawn.top_k == 2 and drawn.p == 0.5 and drawn.topk == 7
    assert best(np.array([0.0, 1.0])).shape == () and best.position == 1
    assert Abstract(3, 4).hidden_size == 4


class Told:
    """Hears of each attribute."""

    told: tuple[str, ...] = ()

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        object.__setattr__(self, "told", (*self.told, name))


def test_attributes_reach_the_other_bases() -> None:
    class Both(swiftrnn.Sampler, Told):
        pass

    both = Both(seed=1)
    both(np.zeros(3))
    assert both.told[-1] == "position" and "temperature" in both.told


def test_names_near_methods_may_be_added() -> None:
    for owner, names in (
        (swiftrnn.SGD(np.ones(3)), ("state_dicts", "load_state", "stepper")),
        (swiftrnn.Sampler(seed=1), ("call", "draw")),
    ):
        for name in names:
            setattr(owner, name, 1)
            assert getattr(owner, name) == 1


def test_a_constructor_that_stands_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """With another keyword, and the look of the one that it wraps."""

    def noted(constructor: Any) -> Any:
        @functools.wraps(constructor)
        def construct(self: Any, *arguments: Any, note: str = "", **given: Any) -> None:
            constructor(self, *arguments, **given)
            self.note = note

        return construct

    class Noted(swiftrnn.GRU):
        __init__ = noted(swiftrnn.GRU.__init__)

    assert Noted(3, 4, note="a").note == "a"
    for make, arguments in ((swiftrnn.LSTM, (3, 4)), (swiftrnn.SGD, (np.ones(3),)), (swiftrnn.Sampler, ())):
        monkeypatch.setattr(make, "__init__", noted(make.__init__))
        assert make(*arguments, note="b").note == "b"
        with pytest.raises(TypeError, match=f"^{make.__name__}: there is no argument 'sed'; "):
            make(*arguments, sed=1)


def test_errors_from_inside_a_constructor_stay_what_they_are() -> None:
    def inner() -> None:
        pass

    class Broken(swiftrnn.RNN):
        def initialize(self, *arguments: Any, **options: Any) -> None:
            inner(num_layer=1)  # type: ignore[call-arg]

    with pytest.raises(TypeError, match=r"inner\(\) got an unexpected keyword argument 'num_layer'"):
        Broken(3, 4, seed=1)
    with pytest.raises(TypeError, match=r"^LSTM.__init__\(\) missing 1 required positional argument: 'hidden_size'"):
        swiftrnn.LSTM(3, seed=1)
    with pytest.raises(TypeError, match="^dtype: expected float32 or float64, got int32"):
        swiftrnn.LSTM(3, 4, dtype="int32")


def test_right_calls_look_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a constructor takes is asked for after Python has refused a call: asking takes ten microseconds."""
    asked: list[Any] = []
    real = inspect.signature
    monkeypatch.setattr(inspect, "signature", lambda *args, **options: (asked.append(args), real(*args, **options))[1])
    swiftrnn.LayerOptions(skip="residual")
    swiftrnn.LSTM(3, 4, seed=0, num_threads=1)
    swiftrnn.AdamW(np.ones(3), lr=0.5)
    swiftrnn.Sampler(seed=1)
    assert asked == []
    with pytest.raises(TypeError):
        swiftrnn.Sampler(sed=1)  # type: ignore[call-arg]
    assert len(asked) == 1


# ---- What type checkers see ----


def visible_methods() -> list[tuple[str, ast.FunctionDef]]:
    """Methods of the package's classes, without those under ``if not TYPE_CHECKING``."""
    found = []
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.ClassDef):
                methods = [member for member in node.body if isinstance(member, ast.FunctionDef)]
                found += [(f"{source.name} {node.name}.{member.name}", member) for member in methods]
    return found


def test_a_call_of_a_class_has_its_own_type() -> None:
    """``__new__`` gives the type of its argument, or a checker takes its result for that of the call; and attributes
    are those that there are, where no ``__setattr__`` takes every name."""
    methods = visible_methods()
    assert len(methods) > 200
    for where, method in methods:
        assert method.name not in ("__setattr__", "__getattr__", "__getattribute__"), where
        if method.name == "__new__":
            first, result = method.args.args[0].annotation, method.returns
            assert first is not None and result is not None, where
            assert ast.unparse(first) == f"type[{ast.unparse(result)}]", where
    hints = typing.get_type_hints(_keywords.answers_keywords)
    assert hints["cls"] is hints["return"] and isinstance(hints["cls"], typing.TypeVar)


@pytest.mark.parametrize(
    "name", ["LSTM", "GRU", "RNN", "CellNetwork", "SGD", "Adam", "AdamW", "Sampler", "LayerOptions"]
)
def test_a_class_shows_the_arguments_of_its_own_constructor(name: str) -> None:
    made = getattr(swiftrnn, name)
    assert "__init__" in vars(made)
    given = list(inspect.signature(made).parameters.values())
    assert given == list(inspect.signature(made.__init__).parameters.values())[1:]
    assert all(one.annotation is not inspect.Parameter.empty for one in given), given
