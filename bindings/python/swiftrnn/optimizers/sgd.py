"""Gradient descent with momentum."""

from __future__ import annotations

from typing import Sequence, Union

from .. import _c as c
from .._arguments import flag, not_negative
from .._arrays import Array, address
from .._keywords import answers_keywords
from ._arguments import Parameter
from .optimizer import Optimizer, Setting


@answers_keywords
class SGD(Optimizer):
    """Gradient descent with momentum, in torch's form: ``v = momentum v + (g + weight_decay p)``, ``p -= lr v``; with
    `nesterov`, ``p -= lr (g + weight_decay p + momentum v)`` (Sutskever et al. 2013).

    Parameters
    ----------
    parameters : Network, ndarray, or a sequence of them
        Arrays are C-contiguous, writeable, and share no memory; they are updated in place.
    lr : float
        The learning rate, 0 or more.
    momentum : float
        The factor of the velocity, 0 or more.
    weight_decay : float
        The factor of the parameters in weight decay, 0 or more.
    nesterov : bool
        Whether momentum is Nesterov's.

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
