"""The base of layers that stand beside networks: parameters, initialisation, copies and pickles."""

from __future__ import annotations

import copy
import random
import secrets
from typing import Any, Mapping, NamedTuple, TypeVar

import numpy as np

from .._arguments import float_type, integer, unsigned
from .._arrays import Array, own, shaped
from .._handles import ParameterInfo
from .._initializers import Distribution
from .._parameterized import Parameterized
from ..errors import Status, SwiftRNNValueError
from ..parameters import Parameters
from ._drawing import check_distributions, derived_seed, draw

_OWN_ATTRIBUTES = frozenset({"_config", "_infos", "_flat", "_parameters", "_seeds", "_held_by"})
_MOST_BYTES = 2**63 - 1

_Self = TypeVar("_Self", bound="Layer")


class Tensor(NamedTuple):
    """A parameter of a layer: its name and shape; how many numbers go into a sum with it; whether it is only added."""

    name: str
    shape: tuple[int, ...]
    inputs: int
    is_bias: bool = False


def size(value: Any, name: str) -> int:
    """A size of a layer: 1 or more."""
    return integer(value, name, 1)


class Layer(Parameterized):
    """A layer that stands beside networks: the base of `Embedding`, `Linear`, `Dropout`, `Pool` and `Attention`, which
    document its arguments. Not made itself.

    Layers are used as networks are: ``layer(x)`` is inference; ``layer.forward(x)`` also returns a tape, whose
    ``backward(dy)`` returns `Gradients`. `parameters`, `flat`, `state_dict`, `load_state_dict`, `initialize`,
    optimizers and clipping are as of an `LSTM`. Several of them, networks too, make one vector in a `Layers`.

    Any number of threads may use one layer at once, as long as none changes its parameters meanwhile; each call gives
    the GIL back while it computes. Layers can be pickled and copied, as networks can.
    """

    _config: Mapping[str, Any]
    _defaults: Mapping[str, Any] = {}
    """Arguments that `__repr__` leaves out where they have these values."""

    def __new__(cls: type[_Self], *_: Any, **__: Any) -> _Self:
        if cls is Layer:
            others = "Embedding, Linear, Dropout, Pool and Attention"
            raise TypeError(f"swiftrnn.Layer is the base of {others}: make one of these")
        return super().__new__(cls)

    def __init__(self, config: dict[str, Any], dtype: Any, seed: int | None) -> None:
        chosen = None if seed is None else unsigned(seed, "seed")
        self._config = {**config, "dtype": float_type(dtype).name}
        count = sum(info.elements for info in self._described())
        if count * self.dtype.itemsize > _MOST_BYTES:
            raise SwiftRNNValueError(Status.OVERFLOW, f"{count} parameters have more than 2^63 - 1 bytes")
        self._adopt(np.empty(count, self.dtype))
        self._seeds = random.Random(chosen)
        self.initialize(chosen)

    def _tensors(self) -> list[Tensor]:
        """The parameters that the configuration gives, in their order."""
        return []

    def _described(self) -> tuple[ParameterInfo, ...]:
        infos, offset = [], 0
        for tensor in self._tensors():
            elements = 1
            for extent in tensor.shape:
                elements *= extent
            infos.append(ParameterInfo(tensor.name, tensor.shape, elements, offset))
            offset += elements
        return tuple(infos)

    def _adopt(self, flat: Array) -> None:
        self._infos = self._described()
        self._flat = flat
        self._parameters = Parameters(flat, self._infos)

    def _rebind(self, vector: Array) -> None:
        vector[...] = self._flat
        version = self._parameters.version
        self._adopt(vector)
        self._parameters.version = version + 1  # tapes made before have the views of the vector before

    def __repr__(self) -> str:
        left_out = {"dtype": "float32", **self._defaults}
        words = [repr(value) for name, value in self._config.items() if name not in left_out]
        words += [
            f"{name}={value!r}" for name, value in self._config.items() if name in left_out and value != left_out[name]
        ]
        return f"{type(self).__name__}({', '.join(words)})"

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64: of every array of this layer."""
        return np.dtype(self._config["dtype"])

    def initialize(
        self, seed: int | None = None, *, weights: Distribution = "torch", bias: Distribution = "torch"
    ) -> None:
        """Draws all parameters, by default as torch does: a matrix and its bias from U(-1/sqrt(in), 1/sqrt(in)), `in`
        being the columns of the matrix; of an `Embedding` from N(0, 1).

        Parameters
        ----------
        seed : int, optional
            In 0...2^64 - 1: the same numbers on every machine. None: a seed from the operating system.
        weights, bias : str, float or (str, float)
            Distributions as for `Network.initialize`: of matrices, and of vectors that are multiplied, as matrices of
            one row; and of vectors that are only added.

        Raises
        ------
        ValueError
            There is no distribution of this name, or a number is out of its range; nothing has changed.

        Examples
        --------
        >>> import swiftrnn
        >>> linear = swiftrnn.Linear(3, 4, seed=7)
        >>> linear.initialize(7, weights="glorot_uniform", bias="zeros")
        >>> linear.parameters["bias"].tolist()
        [0.0, 0.0, 0.0, 0.0]
        """
        chosen = secrets.randbits(64) if seed is None else unsigned(seed, "seed")
        check_distributions(weights, bias)
        for tensor in self._tensors():
            bound = ("uniform", tensor.inputs**-0.5)
            own_weights = self._torchs_weights(bound) if isinstance(weights, str) and weights == "torch" else weights
            own_bias = bound if isinstance(bias, str) and bias == "torch" else bias
            draw(
                self._parameters[tensor.name], tensor.inputs, own_weights, own_bias, is_bias=tensor.is_bias,
                seed=derived_seed(chosen, tensor.name),
            )  # fmt: skip
        self._parameters.changed()

    def _torchs_weights(self, bound: tuple[str, float]) -> Distribution:
        """The distribution of matrices that torch has, where that of a linear layer is `bound`."""
        return bound

    # ---- Pickle and copy: configuration, parameters, where the seeds are, and attributes that were added ----

    def _added(self) -> dict[str, Any]:
        """The attributes that a subclass or a user added."""
        return {name: value for name, value in vars(self).items() if name not in _OWN_ATTRIBUTES}

    def __getstate__(self) -> dict[str, Any]:
        return {
            "config": dict(self._config),
            "flat": self._flat,
            "seeds": self._seeds.getstate(),
            "attributes": self._added(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._config = state["config"]
        count = sum(info.elements for info in self._described())
        self._adopt(own(shaped(state["flat"], "flat", self.dtype, (count,))))
        self._seeds = random.Random()
        self._seeds.setstate(state["seeds"])
        vars(self).update(state["attributes"])

    def __copy__(self: _Self) -> _Self:
        copied = type(self).__new__(type(self))
        copied.__setstate__({**self.__getstate__(), "flat": self._flat.copy()})
        return copied

    def __deepcopy__(self: _Self, memo: dict[int, Any]) -> _Self:
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied  # before the attributes, which may refer to the layer
        # Copy through memo: whatever else is copied along and holds the vector or a view of it gets this copy's.
        copied.__setstate__({**self.__getstate__(), "flat": copy.deepcopy(self._flat, memo), "attributes": {}})
        memo[id(self._parameters)] = copied._parameters
        for name, view in self._parameters.items():
            memo.setdefault(id(view), copied._parameters[name])
        vars(copied).update(copy.deepcopy(self._added(), memo))
        return copied
