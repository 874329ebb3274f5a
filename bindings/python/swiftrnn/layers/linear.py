"""The layer `Linear`."""

from __future__ import annotations

from typing import Any

from .._arguments import flag
from .._arrays import Array, shaped, typed
from .._keywords import answers_keywords
from ..functional import linear, linear_backward
from ..parameters import NamedViews
from .layer import Layer, Tensor, size
from .tape import LayerTape


@answers_keywords
class Linear(Layer):
    """``y = x weight^T + bias``, torch's ``nn.Linear``.

    The parameters are ``weight`` [out_features, in_features] and ``bias`` [out_features], drawn from
    U(-1/sqrt(in_features), 1/sqrt(in_features)).

    Parameters
    ----------
    in_features, out_features : int
        1 or more.
    bias : bool
    dtype : str or numpy dtype
        float32 or float64.
    seed : int, optional
        In 0...2^64 - 1: the same numbers on every machine. None: drawn anew.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> linear = swiftrnn.Linear(3, 4, seed=0)
    >>> {name: array.shape for name, array in linear.parameters.items()}
    {'weight': (4, 3), 'bias': (4,)}
    >>> linear(np.ones((5, 2, 3), np.float32)).shape
    (5, 2, 4)
    """

    _defaults = {"bias": True}

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        dtype: Any = "float32",
        seed: int | None = None,
    ) -> None:
        config = {
            "in_features": size(in_features, "in_features"), "out_features": size(out_features, "out_features"),
            "bias": flag(bias, "bias"),
        }  # fmt: skip
        super().__init__(config, dtype, seed)

    @property
    def in_features(self) -> int:
        """The width of x."""
        return int(self._config["in_features"])

    @property
    def out_features(self) -> int:
        """The width of y."""
        return int(self._config["out_features"])

    @property
    def bias(self) -> bool:
        """Whether there is a bias; its numbers are ``parameters["bias"]``."""
        return bool(self._config["bias"])

    def _tensors(self) -> list[Tensor]:
        found = [Tensor("weight", (self.out_features, self.in_features), self.in_features)]
        if self.bias:
            found.append(Tensor("bias", (self.out_features,), self.in_features, is_bias=True))
        return found

    def __call__(self, x: Array) -> Array:
        """The linear map.

        Parameters
        ----------
        x : ndarray [..., in_features]

        Returns
        -------
        ndarray [..., out_features]

        Raises
        ------
        TypeError, ValueError
            The type or the shape is wrong.
        """
        return linear(typed(x, "x", self.dtype), self._parameters["weight"], self._parameters.get("bias"))

    def forward(self, x: Array) -> tuple[Array, LayerTape]:
        """The linear map, and a tape; errors as for a call.

        Parameters
        ----------
        x : ndarray [..., in_features]
            As for a call.

        Returns
        -------
        y : ndarray [..., out_features]
            As for a call.
        tape : LayerTape
            Holds x by reference: leave x as it is until the last `LayerTape.backward`.
        """
        x, weight = typed(x, "x", self.dtype), self._parameters["weight"]
        y = linear(x, weight, self._parameters.get("bias"))
        y_shape = y.shape

        def backward(dy: Any, gradients: NamedViews | None, need_x: bool) -> Array | None:
            dy = shaped(dy, "dy", self.dtype, y_shape)
            needed = gradients is not None
            into = None if gradients is None else (gradients["weight"], gradients.get("bias"))
            return linear_backward(
                dy, x, weight, need_x=need_x, need_weight=needed, need_bias=needed and self.bias, accumulate_into=into
            ).x

        return y, LayerTape(self, {"x": x}, backward)
