"""Arguments that a constructor does not have: what was meant, by a near name or by the words of torch and Keras."""

from __future__ import annotations

import contextlib
import difflib
import functools
import inspect
from typing import TYPE_CHECKING, Any, Collection, Iterator, Mapping, TypeVar

from .errors import SwiftRNNValueError

_Class = TypeVar("_Class", bound=type)

# Letters of the documentation, and what others call an argument: of whatever constructor has one of that name.
_CALLED_HERE = {
    "I": "input_size",
    "H": "hidden_size",
    "L": "num_layers",
    "P": "proj_size",
    "D": "bidirectional",
    "units": "hidden_size",
    "num_units": "hidden_size",
    "activation": "nonlinearity",
    "learning_rate": "lr",
    "rate": "lr",
    "beta1": "betas",
    "beta2": "betas",
    "beta_1": "betas",
    "beta_2": "betas",
    "epsilon": "eps",
    "params": "parameters",
    "k": "top_k",
    "p": "top_p",
}
# The sizes that each cell has.
_GIVEN_BY_PLACE = {
    "I": "input_size, the first argument of Cell.layer",
    "H": "hidden_size, the second argument of Cell.layer",
}
_OF_LAYER_OPTIONS = (
    "skip",
    "merge",
    "independent_directions",
    "dilations",
    "hidden_sizes",
    "learned_initial_states",
    "gaps",
)
# Advice for names of other libraries. The first dictionary that has the name counts.
_OF_CELLS = {
    "proj_size": "a projection is in the cell's text, with a size of its own: Cell('lstm_projected').layer(…, P=…)",
    "bias": "biases are in the cell's text: leave them out there, as 'lstm_no_bias' does",
    "nonlinearity": "the cell's text says it: Cell('rnn'), Cell('rnn_relu')",
    "reset_after": "the cell's text says it: Cell('gru'), Cell('gru_before')",
}
_INSTEAD = {
    "proj_size": "only LSTM has a projection: multiply y with swiftrnn.linear, or write a Cell",
    "nonlinearity": "only RNN has it: another cell's is changed in the text of a Cell",
    "reset_after": "only GRU has it",
    "device": "everything is computed on the CPU: leave it out",
    "return_sequences": "y has all steps: the last is y[-1], or y[:, -1] with batch_first",
    "return_state": "the state is always returned, behind y",
    "stateful": "give a call the state that the last one returned, or use network.stream()",
    "recurrent_dropout": "it is in the text of a cell: Cell('lstm_dropout_keras'), Cell('gru_dropout_keras')",
    "residual": "it is skip='residual' in LayerOptions",
    "dense": "it is skip='dense' in LayerOptions",
    **{name: f"it is one of the layer options: options=LayerOptions({name}=…)" for name in _OF_LAYER_OPTIONS},
}


def advice(name: str, known: Collection[str], of_a_cell: bool = False) -> str | None:
    """Advice for an argument `name` that is not one of `known`, if anything is near."""
    if _CALLED_HERE.get(name) in known:
        return f"it is called {_CALLED_HERE[name]!r} here"
    instead = {**_INSTEAD, **_OF_CELLS} if of_a_cell else _INSTEAD
    if name in instead:
        return instead[name]
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else None


def _arguments(method: Any) -> list[str]:
    """The names of a method's arguments, without self and without what stands for any other keyword."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return [parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]


def answers_keywords(cls: _Class) -> _Class:
    """Lets a class's constructor say what was meant by an argument that it does not have.

    Looked for only where Python has refused the call: a call that is right takes 0.3 us more, and a subclass's own
    constructor, or one that is put in its place, takes what it likes.
    """
    constructor: Any = cls.__init__  # type: ignore[misc]

    @functools.wraps(constructor)
    def construct(self: Any, *arguments: Any, **given: Any) -> None:
        try:
            constructor(self, *arguments, **given)
        except TypeError:
            refused = _refused(cls, constructor, given) if given else None
            if refused is not None:
                raise refused from None
            raise  # of something else

    cls.__init__ = construct  # type: ignore[misc]
    return cls


def _refused(cls: type, constructor: Any, given: Mapping[str, Any]) -> TypeError | None:
    known = _arguments(constructor)
    for name in given:
        if name not in known:
            what = advice(name, known) or f"expected one of {', '.join(known)}"
            return TypeError(f"{cls.__name__}: there is no argument {name!r}; {what}")
    return None


class ChecksAttributes:
    """The base of classes whose settings are attributes: a mistyped one would be set and never looked at.

    Refused is what is nearly a setting's name, or another library's, on an object of a class of this package; other
    attributes may be added, and those of subclasses are theirs.
    """

    _attributes: tuple[str, ...]
    """The settings that are no attributes of the class."""

    if not TYPE_CHECKING:  # for which the attributes are those that classes declare

        def __setattr__(self, name: str, value: Any) -> None:
            if name not in self._attributes and name[:1] != "_" and not hasattr(type(self), name):
                self._refuse_near(name)
            super().__setattr__(name, value)

    def _refuse_near(self, name: str) -> None:
        own = type(self)
        if own.__module__.partition(".")[0] != __package__:
            return
        described = [one for one in dir(own) if one[:1] != "_" and hasattr(getattr(own, one), "__set__")]
        known = [*self._attributes, *described]
        near = difflib.get_close_matches(name, known, 1, 0.8)
        meant = _CALLED_HERE[name] if _CALLED_HERE.get(name) in known else near[0] if near else None
        if meant is not None:
            raise AttributeError(f"{own.__name__} has no attribute {name!r}; did you mean {meant!r}?")


@contextlib.contextmanager
def sizes_or_arguments(sizes: Mapping[str, Any], method: Any) -> Iterator[None]:
    """Errors of the block that refuse one of `sizes` also say which argument of `method` may have been meant.

    A network of equations takes any further keyword for a size of its cell's, and only the library knows which there
    are.
    """
    try:
        yield
    except SwiftRNNValueError as error:
        first, newline, rest = error.message.partition("\n")
        for name in sizes:
            if f'the cell has no size "{name}"' not in first:
                continue
            if name in _GIVEN_BY_PLACE:  # the library says that the cell has I and H
                first = f'the size "{name}" is {_GIVEN_BY_PLACE[name]}: leave {name}= out'
                raise SwiftRNNValueError(error.status, f"{first}{newline}{rest}") from None
            what = _instead_of_a_size(name, method)
            if what is not None:
                raise SwiftRNNValueError(error.status, f"{first}; as an argument: {what}{newline}{rest}") from None
        raise
    except TypeError as error:
        for name in sizes:
            what = _instead_of_a_size(name, method) if str(error).startswith(f"{name}: ") else None
            if what is not None:
                raise TypeError(f"{error}, as a size of the cell's text; as an argument: {what}") from None
        raise


def _instead_of_a_size(name: str, method: Any) -> str | None:
    return advice(name, _arguments(method), of_a_cell=True)
