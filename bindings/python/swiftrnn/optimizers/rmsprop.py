"""RMSprop."""

from __future__ import annotations

from typing import Sequence, Union

from .. import _c as c
from .._arguments import below_one, flag, not_negative
from .._arrays import Array, address
from .._keywords import answers_keywords
from ._arguments import Parameter
from .optimizer import Optimizer, Setting


@answers_keywords
class RMSprop(Optimizer):
    """RMSprop (Tieleman, Hinton 2012), in torch's form: the gradient, with `weight_decay` p added, is divided by the
    root of the running mean of its square; `centered` (Graves 2013), by that of its variance.

    Parameters
    ----------
    parameters : Network, ndarray, or a sequence of them
        Arrays are C-contiguous, writeable, and share no memory; they are updated in place.
    lr : float
        The learning rate, 0 or more.
    alpha : float
        The decay of the running means, in [0, 1).
    eps : float
        Added to the root that divides the gradient, 0 or more.
    weight_decay : float
        The factor of the parameters in weight decay, 0 or more.
    momentum : float
        The factor of the velocity, 0 or more.
    centered : bool
        Whether the variance takes the place of the mean square.

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
