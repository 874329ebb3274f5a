"""Gradient clipping and the optimizers: SGD with momentum, Adam, AdamW.

They work in place on float32 or float64 vectors; for a network, on its ``flat``. The optimizer holds its moments.
"""

from __future__ import annotations

from typing import Any, Sequence, Union

import numpy as np

from . import _c_api as c
from ._arrays import Array, address, dense, integer, shaped, writeable
from ._network import Network
from ._tape import Gradients

Parameter = Union[Network, Array]
Gradient = Union[Gradients, Array]


def _gradient_array(gradient: Any, name: str) -> Any:
    if isinstance(gradient, Gradients):
        if gradient.flat is None:
            raise ValueError(f"{name}: these gradients were made with need_parameters=False")
        return gradient.flat
    return gradient


def clip_grad_norm(gradients: Union[Gradient, Sequence[Gradient]], max_norm: float) -> float:
    """Scales all gradients, in place, by ``max_norm / norm`` if their common 2-norm is larger than `max_norm`
    (Pascanu, Mikolov, Bengio 2013). A norm that is not finite leaves them as they are.

    Parameters
    ----------
    gradients : Gradients, ndarray, or a sequence of them
        Arrays are C-contiguous and writeable, all of one type.
    max_norm : float
        Above 0; ``math.inf`` to measure only.

    Returns
    -------
    float
        The norm before.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> a, b = np.array([3.0]), np.array([[4.0]])
    >>> swiftrnn.clip_grad_norm([a, b], 1.0)
    5.0
    >>> a.round(9).tolist(), b.round(9).tolist()
    ([0.6], [[0.8]])
    """
    given = [gradients] if isinstance(gradients, (Gradients, np.ndarray)) else list(gradients)
    arrays: list[Array] = []
    for index, gradient in enumerate(given):
        name = f"gradients[{index}]"
        arrays.append(
            writeable(_gradient_array(gradient, name), name, arrays[0].dtype if arrays else None)
        )
    norm = c.c_double()
    elements = (c.c_int64 * len(arrays))(*(array.size for array in arrays))
    code = c.FLOAT64 if arrays and arrays[0].dtype == np.float64 else c.FLOAT32
    c.clip_gradients(
        code, len(arrays), c.pointers([address(array) for array in arrays]), elements, float(max_norm), c.byref(norm)
    )
    return norm.value


class _Optimizer:
    """Holds what is optimized, and hands each vector and its gradient to `_update`."""

    def __init__(self, parameters: Union[Parameter, Sequence[Parameter]], lr: float) -> None:
        self.lr = lr
        """The learning rate; may be changed between steps."""
        self._single = isinstance(parameters, (Network, np.ndarray))
        self._owners: list[Any] = [parameters] if self._single else list(parameters)  # type: ignore[arg-type]
        self._arrays = [
            writeable(owner.flat if isinstance(owner, Network) else owner, f"parameters[{index}]")
            for index, owner in enumerate(self._owners)
        ]
        self.steps = 0
        """How many steps were taken."""

    def step(self, gradients: Union[Gradient, Sequence[Gradient]]) -> None:
        """One step, in place.

        Parameters
        ----------
        gradients : Gradients, ndarray, or a sequence of them
            One for each of the parameters, in the same order, of the same shape and type.

        Raises
        ------
        TypeError, ValueError
            A type or a shape is wrong; nothing has changed.
        """
        if self._single:
            given: list[Any] = [gradients]
        else:
            given = list(gradients)  # type: ignore[arg-type]
        if len(given) != len(self._arrays):
            raise ValueError(f"gradients: expected {len(self._arrays)}, got {len(given)}")
        checked = []
        for index, (array, gradient) in enumerate(zip(self._arrays, given)):
            name = f"gradients[{index}]"
            checked.append(dense(shaped(_gradient_array(gradient, name), name, array.dtype, array.shape)))
        for index, (owner, array, gradient) in enumerate(zip(self._owners, self._arrays, checked)):
            self._update(index, array, gradient, self.steps + 1)
            if isinstance(owner, Network):
                owner.parameters.changed()
        self.steps += 1

    def _update(self, index: int, array: Array, gradient: Array, step: int) -> None:
        raise NotImplementedError

    def _state(self) -> dict[str, list[Array]]:
        return {}

    def state_dict(self) -> dict[str, Any]:
        """The number of steps and copies of the moments, for a checkpoint."""
        return {"steps": self.steps, **{name: [a.copy() for a in arrays] for name, arrays in self._state().items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Copies what `state_dict` gave back in.

        Raises
        ------
        ValueError, TypeError
            A name is missing or unknown, a shape or a type differs; nothing has changed.
        """
        mine = self._state()
        if set(state) != {"steps", *mine}:
            raise ValueError(f"state dict: expected {sorted({'steps', *mine})}, got {sorted(state)}")
        steps = integer(state["steps"], "steps", 0)
        for name, arrays in mine.items():
            if len(state[name]) != len(arrays):
                raise ValueError(f"{name}: expected {len(arrays)} arrays, got {len(state[name])}")
            for index, (array, value) in enumerate(zip(arrays, state[name])):
                shaped(value, f"{name}[{index}]", array.dtype, array.shape)
        for name, arrays in mine.items():
            for array, value in zip(arrays, state[name]):
                array[...] = value
        self.steps = steps


def _dtype_code(array: Array) -> int:
    return c.FLOAT32 if array.dtype == np.float32 else c.FLOAT64


class SGD(_Optimizer):
    """Gradient descent with momentum, in torch's form: ``v = momentum v + (g + weight_decay p)``, ``p -= lr v``; with
    `nesterov`, ``p -= lr (g + weight_decay p + momentum v)`` (Sutskever et al. 2013).

    Parameters
    ----------
    parameters : Network, ndarray, or a sequence of them
        Arrays are C-contiguous and writeable; they are updated in place.
    lr, momentum, weight_decay : float
    nesterov : bool

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> p = np.array([1.0, 2.0])
    >>> optimizer = swiftrnn.SGD(p, lr=0.5)
    >>> optimizer.step(np.array([1.0, -1.0]))
    >>> p.tolist()
    [0.5, 2.5]
    """

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
        self._velocities = [np.zeros_like(array) for array in self._arrays] if momentum != 0 else []

    def _state(self) -> dict[str, list[Array]]:
        return {"velocities": self._velocities}

    def _update(self, index: int, array: Array, gradient: Array, step: int) -> None:
        velocity = self._velocities[index] if self._velocities else None
        c.sgd_step(
            _dtype_code(array), array.size, self.lr, self.momentum, self.weight_decay, self.nesterov,
            address(gradient), address(array), address(velocity),
        )  # fmt: skip


class Adam(_Optimizer):
    """Adam (Kingma, Ba 2015); weight decay, if any, joins the gradient.

    Parameters
    ----------
    parameters : Network, ndarray, or a sequence of them
        Arrays are C-contiguous and writeable; they are updated in place.
    lr, eps, weight_decay : float
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
        self._first = [np.zeros_like(array) for array in self._arrays]
        self._second = [np.zeros_like(array) for array in self._arrays]

    def _state(self) -> dict[str, list[Array]]:
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
            _dtype_code(array), c.byref(config), step, array.size, address(gradient), address(array),
            address(self._first[index]), address(self._second[index]),
        )  # fmt: skip


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
