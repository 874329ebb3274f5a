"""Adam and AdamW."""

from __future__ import annotations

import collections.abc
from typing import Any, Sequence, Union

import numpy as np

from .. import _c as c
from .._arguments import below_one, not_negative
from .._arrays import Array, address
from .._keywords import answers_keywords
from ._arguments import Parameter
from .optimizer import Optimizer, Setting


def _betas(value: Any, name: str) -> tuple[float, float]:
    pair = isinstance(value, collections.abc.Sequence) and not isinstance(value, (str, bytes, bytearray))
    pair = pair or (isinstance(value, np.ndarray) and value.ndim == 1)
    if not pair or len(value) != 2:
        got = f"{len(value)} items" if pair else type(value).__name__
        raise TypeError(f"{name}: expected a pair of numbers, got {got}")
    return below_one(value[0], f"{name}[0]"), below_one(value[1], f"{name}[1]")


@answers_keywords
class Adam(Optimizer):
    """Adam (Kingma, Ba 2015); weight decay, if any, joins the gradient.

    Parameters
    ----------
    parameters : Network, ndarray, or a sequence of them
        Arrays are C-contiguous, writeable, and share no memory; they are updated in place.
    lr : float
        The learning rate, 0 or more.
    betas : (float, float)
        The decay of the two moments, each in [0, 1).
    eps : float
        Added to the root that divides the gradient, 0 or more.
    weight_decay : float
        The factor of the parameters in weight decay, 0 or more.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> lstm = swiftrnn.LSTM(3, 4, seed=0)
    >>> optimizer = swiftrnn.Adam(lstm, lr=1e-2)
    >>> y, state, tape = lstm.forward(np.ones((5, 2, 3), np.float32))
    >>> before = lstm.flat.copy()
    >>> optimizer.step(tape.backward(np.ones_like(y)))
    >>> bool((lstm.flat != before).all())
    True
    """

    betas = Setting(_betas, "The decay of the two moments, each in [0, 1); may be changed between steps.")
    eps = Setting(not_negative, "0 or more; may be changed between steps.")
    weight_decay = Setting(not_negative, "0 or more; may be changed between steps.")

    _decoupled = False

    def __init__(
        self,
        parameters: Union[Parameter, Sequence[Parameter]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        self._first = self._zeros()
        self._second = [np.zeros_like(array) for array in self._first]

    def _moments(self) -> dict[str, list[Array]]:
        return {"first": self._first, "second": self._second}

    def _update(self, index: int, array: Array, gradient: Array, step: int) -> None:
        config = c.AdamConfig(
            rate=self.lr,
            beta1=self.betas[0],
            beta2=self.betas[1],
            epsilon=self.eps,
            weight_decay=self.weight_decay,
            decoupled=self._decoupled,
        )
        c.adam_step(
            c.dtype_code(array.dtype), c.byref(config), step, array.size, address(gradient), address(array),
            address(self._first[index]), address(self._second[index]),
        )  # fmt: skip


@answers_keywords
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov, Hutter 2019).

    Parameters
    ----------
    parameters : Network, ndarray, or a sequence of them
        Arrays are C-contiguous, writeable, and share no memory; they are updated in place.
    lr : float
        The learning rate, 0 or more.
    betas : (float, float)
        The decay of the two moments, each in [0, 1).
    eps : float
        Added to the root that divides the gradient, 0 or more.
    weight_decay : float
        The factor of the parameters in weight decay, 0 or more.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> p = np.ones(3, np.float32)
    >>> swiftrnn.AdamW(p, lr=0.1, weight_decay=0.5).step(np.zeros(3, np.float32))
    >>> p.round(3).tolist() == np.float32([0.95, 0.95, 0.95]).tolist()
    True
    """

    _decoupled = True

    def __init__(
        self,
        parameters: Union[Parameter, Sequence[Parameter]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)
