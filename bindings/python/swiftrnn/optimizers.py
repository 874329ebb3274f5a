"""The optimizers SGD with momentum, Adam, AdamW and RMSprop; `clip_grad_norm` and `clip_grad_value` are to be found
here too.

They work in place on float32 or float64 vectors; for a network, on its ``flat``. The optimizer holds its moments.

Settings, such as ``lr``, are attributes that may be changed between steps; they are checked when they are set.

Copies and pickles: an optimizer that is deep-copied or pickled together with what it trains, as
``copy.deepcopy((network, optimizer))``, trains the copy. By itself it takes a copy of its parameters along, as torch's
do. Pickle does not know that arrays are views of one vector: where that matters, give the optimizer the network.
``copy.copy`` gives an optimizer of the same parameters with moments of its own.
"""

from __future__ import annotations

import collections.abc
from typing import Any, Sequence, Union

import numpy as np

from . import _c_api as c
from ._arrays import Array, address, below_one, flag, not_negative
from ._clipping import clip_grad_norm as clip_grad_norm, clip_grad_value as clip_grad_value
from ._keywords import answers_keywords
from ._optimizer import Optimizer, Setting
from ._optimizer_arguments import Gradient as Gradient, Parameter as Parameter


@answers_keywords
class SGD(Optimizer):
    """Gradient descent with momentum, in torch's form: ``v = momentum v + (g + weight_decay p)``, ``p -= lr v``; with
    `nesterov`, ``p -= lr (g + weight_decay p + momentum v)`` (Sutskever et al. 2013).

    Parameters
    ----------
    parameters : Network, ndarray, or a sequence of them
        Arrays are C-contiguous, writeable, and share no memory; they are updated in place.
    lr, momentum, weight_decay : float
        0 or more.
    nesterov : bool

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> p = np.array([1.0, 2.0])
    >>> optimizer = swiftrnn.SGD(p, lr=0.5)
    >>> optimizer.step(np.array([1.0, -1.0]))
    >>> p.tolist()
    [0.5, 2.5]
    >>> optimizer
    SGD(float64[2], lr=0.5, momentum=0.0, weight_decay=0.0, nesterov=False, steps=1)
    """

    momentum = Setting(not_negative, "0 or more; may be changed between steps, also from and to 0.")
    weight_decay = Setting(not_negative, "0 or more; may be changed between steps.")
    nesterov = Setting(flag, "Whether momentum is Nesterov's; may be changed between steps.")

    _optional_moments = ("velocities",)  # there are none until the first step with momentum

    def __init__(
        self,
        parameters: Union[Parameter, Sequence[Parameter]],
        lr: float = 1e-3,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(parameters, lr)
        self.momentum, self.weight_decay, self.nesterov = momentum, weight_decay, nesterov
        self._velocities: list[Array] = []
        self._prepare()

    def _prepare(self) -> None:
        if self.momentum != 0 and not self._velocities:
            self._velocities[:] = self._zeros()

    def _moments(self) -> dict[str, list[Array]]:
        return {"velocities": self._velocities}

    def _update(self, index: int, array: Array, gradient: Array, step: int) -> None:
        velocity = self._velocities[index] if self.momentum != 0 else None
        c.sgd_step(
            c.dtype_code(array.dtype), array.size, self.lr, self.momentum, self.weight_decay, self.nesterov,
            address(gradient), address(array), address(velocity),
        )  # fmt: skip


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
    lr, eps, weight_decay : float
        0 or more.
    betas : (float, float)
        Each in [0, 1).

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
    """Adam with decoupled weight decay (Loshchilov, Hutter 2019). Arguments as for `Adam`.

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


@answers_keywords
class RMSprop(Optimizer):
    """RMSprop (Tieleman, Hinton 2012), in torch's form: the gradient, with `weight_decay` p added, is divided by the
    root of the running mean of its square; `centered` (Graves 2013), by that of its variance.

    Parameters
    ----------
    parameters : Network, ndarray, or a sequence of them
        Arrays are C-contiguous and writeable; they are updated in place.
    lr, eps, weight_decay, momentum : float
        0 or more.
    alpha : float
        The decay of the running means, in [0, 1).
    centered : bool

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> p = np.array([1.0, 2.0])
    >>> swiftrnn.RMSprop(p, lr=0.5, alpha=0.75, eps=0.0).step(np.array([4.0, -1.0]))
    >>> p.tolist()
    [0.0, 3.0]
    """

    alpha = Setting(below_one, "The decay of the running means, in [0, 1); may be changed between steps.")
    eps = Setting(not_negative, "0 or more; may be changed between steps.")
    weight_decay = Setting(not_negative, "0 or more; may be changed between steps.")
    momentum = Setting(not_negative, "0 or more; may be changed between steps, also from and to 0.")
    centered = Setting(flag, "Whether the variance takes the place of the mean square; may be changed between steps.")

    _optional_moments = ("means", "velocities")  # there are none until they are needed

    def __init__(
        self,
        parameters: Union[Parameter, Sequence[Parameter]],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(parameters, lr)
        self.alpha, self.eps, self.weight_decay = alpha, eps, weight_decay
        self.momentum, self.centered = momentum, centered
        self._squares = self._zeros()
        self._means: list[Array] = []
        self._velocities: list[Array] = []
        self._prepare()

    def _prepare(self) -> None:
        if self.centered and not self._means:
            self._means[:] = self._zeros()
        if self.momentum != 0 and not self._velocities:
            self._velocities[:] = self._zeros()

    def _moments(self) -> dict[str, list[Array]]:
        return {"squares": self._squares, "means": self._means, "velocities": self._velocities}

    def _update(self, index: int, array: Array, gradient: Array, step: int) -> None:
        config = c.RMSpropConfig(
            rate=self.lr,
            alpha=self.alpha,
            epsilon=self.eps,
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            centered=self.centered,
        )
        c.rmsprop_step(
            c.dtype_code(array.dtype), c.byref(config), array.size, address(gradient), address(array),
            address(self._squares[index]), address(self._means[index]) if self.centered else None,
            address(self._velocities[index]) if self.momentum != 0 else None,
        )  # fmt: skip
