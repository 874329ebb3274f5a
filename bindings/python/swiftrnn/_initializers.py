"""Initial parameters of a network: `Network.initialize`, and its arguments as the library's struct."""

from __future__ import annotations

import contextlib
import difflib
import secrets
from typing import Any, Union

from . import _c as c
from ._arguments import real, unsigned
from ._handles import NetworkHandle
from .errors import renamed
from .parameters import Parameters

Distribution = Union[str, float, "tuple[str, float]"]

_MATRICES = {
    "torch": c.DISTRIBUTION_TORCH,
    "zeros": c.DISTRIBUTION_CONSTANT,
    "constant": c.DISTRIBUTION_CONSTANT,
    "uniform": c.DISTRIBUTION_UNIFORM,
    "normal": c.DISTRIBUTION_NORMAL,
    "glorot_uniform": c.DISTRIBUTION_GLOROT_UNIFORM,
    "glorot_normal": c.DISTRIBUTION_GLOROT_NORMAL,
    "he_uniform": c.DISTRIBUTION_HE_UNIFORM,
    "he_normal": c.DISTRIBUTION_HE_NORMAL,
    "lecun_uniform": c.DISTRIBUTION_LECUN_UNIFORM,
    "lecun_normal": c.DISTRIBUTION_LECUN_NORMAL,
    "orthogonal": c.DISTRIBUTION_ORTHOGONAL,
    "identity": c.DISTRIBUTION_IDENTITY,
}
_BIASES = {name: _MATRICES[name] for name in ("torch", "zeros", "constant", "uniform", "normal")}
# Names in other libraries.
_ELSEWHERE = {
    "xavier_uniform": "glorot_uniform",
    "xavier_normal": "glorot_normal",
    "kaiming_uniform": "he_uniform",
    "kaiming_normal": "he_normal",
    "eye": "identity",
    "dirac": "identity",
    "random_uniform": "uniform",
    "random_normal": "normal",
    "orthogonal_initializer": "orthogonal",
}
_NUMBERS = {"constant": "its value", "uniform": "its bound", "normal": "its standard deviation"}
_WITHOUT = ("torch", "zeros")


class Initialized:
    """A network's `initialize`."""

    _handle: NetworkHandle
    _parameters: Parameters

    def _pointers(self) -> Any:
        raise NotImplementedError

    def initialize(
        self,
        seed: int | None = None,
        *,
        weights: Distribution = "torch",
        recurrent: Distribution = "torch",
        bias: Distribution = "torch",
        forget_bias: float | None = None,
        chrono: float | None = None,
    ) -> None:
        """Draws all parameters, by default from U(-1/sqrt(H), 1/sqrt(H)), as torch does.

        Distributions are names, names with a number, or a number, which all are then:

        - ``"torch"``: U(-1/sqrt(H), 1/sqrt(H)); ``"zeros"``; ``("uniform", b)``: U(-b, b); ``("normal", s)``:
          N(0, s^2).
        - Of matrices also ``"glorot_uniform"``, ``"glorot_normal"``, with variance 2 / (in + out) (Glorot, Bengio 2010;
          torch's xavier); ``"he_uniform"``, ``"he_normal"``, with 2 / in (He, Zhang, Ren, Sun 2015; torch's kaiming);
          ``"lecun_uniform"``, ``"lecun_normal"``, with 1 / in (LeCun, Bottou, Orr, Müller 1998); ``"orthogonal"``
          (Saxe, McClelland, Ganguli 2014); ``"identity"`` (Le, Jaitly, Hinton 2015); each with a factor if need be:
          ``("orthogonal", 0.5)``.

        Fans are those of a gate: `in` columns and `out` = H rows, each gate of a stacked matrix is orthogonal or the
        identity by itself. So stacking makes no difference. Keras counts all rows of a stacked matrix as `out`, and so
        does ``torch.nn.init`` of a whole ``weight_hh_l0``; Keras also truncates its normal distributions.

        Values that a cell's text gives by ``init`` hold against `weights`, `recurrent` and `bias`, but not against
        `forget_bias` and `chrono`.

        Parameters
        ----------
        seed : int, optional
            In 0...2^64 - 1: the same numbers on every machine. None: a seed from the operating system.
        weights : str, float or (str, float)
            Matrices that are not recurrent: of inputs, and of results of the same step, such as ``weight_hr``.
        recurrent : str, float or (str, float)
            Matrices that multiply a state of the step before, as it is or after gates: ``weight_hh``.
        bias : str, float or (str, float)
            Vectors that are only added. Others, such as peepholes, are drawn as torch does.
        forget_bias : float, optional
            Bias of the gate that keeps a state: f of an LSTM, z of a GRU; in a cell of equations, a sigmoid that
            multiplies a state's value of the step before in the sum that is the next value. 1 in Jozefowicz, Zaremba,
            Sutskever 2015. The first of two biases gets this number, the second one zeros.
        chrono : float, optional
            Steps that dependencies span, 2 or more: that bias is log U(1, chrono - 1), and the one of the gate of what
            is new, i of an LSTM, the same number negative (Tallec, Ollivier 2018).

        Raises
        ------
        ValueError
            There is no distribution of this name, or a number is out of its range.
        SwiftRNNError
            UNSUPPORTED: no gate keeps a state, or that gate has no bias.

        Examples
        --------
        >>> import swiftrnn
        >>> a, b = swiftrnn.GRU(3, 16, seed=7), swiftrnn.GRU(3, 16)
        >>> b.initialize(7)
        >>> bool((a.flat == b.flat).all()), bool(abs(a.flat).max() <= 0.25)
        (True, True)
        >>> lstm = swiftrnn.LSTM(3, 4)
        >>> lstm.initialize(7, weights="glorot_uniform", recurrent="orthogonal", bias="zeros", forget_bias=1)
        >>> lstm.parameters["bias_ih_l0"].reshape(4, 4)[1].tolist()
        [1.0, 1.0, 1.0, 1.0]
        """
        chosen = secrets.randbits(64) if seed is None else unsigned(seed, "seed")
        made = initializer(weights, recurrent, bias, forget_bias, chrono)
        with contextlib.nullcontext() if chrono is None else renamed("forget_bias", "chrono"):
            c.network_initialize_with(
                self._handle.pointer, c.byref(made), chosen, self._pointers(), len(self._handle.parameters)
            )
        self._parameters.changed()


def initializer(
    weights: Distribution, recurrent: Distribution, bias: Distribution, forget_bias: float | None, chrono: float | None
) -> Any:
    """``swiftrnn_initializer`` of the arguments of `Network.initialize`."""
    if forget_bias is not None and chrono is not None:
        raise ValueError("forget_bias, chrono: both say what the forget gate's bias starts with; give one of them")
    made = c.Initializer()
    made.weights, made.weights_scale = _distribution(weights, "weights", _MATRICES)
    made.recurrent, made.recurrent_scale = _distribution(recurrent, "recurrent", _MATRICES)
    made.bias, made.bias_scale = _distribution(bias, "bias", _BIASES)
    if forget_bias is not None:
        made.forget_gate, made.forget_value = c.FORGET_GATE_CONSTANT, real(forget_bias, "forget_bias")
    elif chrono is not None:
        made.forget_gate, made.forget_value = c.FORGET_GATE_CHRONO, real(chrono, "chrono")
    return made


def _distribution(value: Any, argument: str, known: dict[str, int]) -> tuple[int, float]:
    """The library's number of a distribution, and the number that goes with it."""
    pair = isinstance(value, tuple)
    if pair and (len(value) != 2 or not isinstance(value[0], str)):
        raise ValueError(f"{argument}: expected a name and a number such as ('normal', 0.1), got {value!r}")
    if not pair and not isinstance(value, str):
        return known["constant"], real(value, argument)
    name = value[0] if pair else value
    if name not in known:
        raise ValueError(f"{argument}: {_unknown(name, known)}")
    if pair:
        if name in _WITHOUT:
            raise ValueError(f"{argument}: {name!r} takes no number, got {value!r}")
        return known[name], real(value[1], argument)
    if name in _NUMBERS:
        raise ValueError(f"{argument}: {name!r} needs {_NUMBERS[name]}: ({name!r}, 0.1)")
    return known[name], 0.0 if name in _WITHOUT else 1.0


def _unknown(name: str, known: dict[str, int]) -> str:
    plain = name.lower().rstrip("_").replace("-", "_").replace(" ", "_")
    if _ELSEWHERE.get(plain, plain) in known:
        return f"there is no {name!r}; it is called {_ELSEWHERE.get(plain, plain)!r} here"
    if _ELSEWHERE.get(plain, plain) in _MATRICES:
        return f"{name!r} is for matrices: a bias has no fans and no diagonal; expected one of {', '.join(known)}"
    near = difflib.get_close_matches(plain, known, 1)
    advice = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
    return f"there is no {name!r}; {advice}"
