"""Gradient clipping and the optimizers: SGD with momentum, Adam, AdamW.

They work in place on float32 or float64 vectors; for a network, on its ``flat``. The optimizer holds its moments.

Settings, such as ``lr``, are attributes that may be changed between steps; they are checked when they are set.

Copies and pickles: an optimizer that is deep-copied or pickled together with what it trains, as
``copy.deepcopy((network, optimizer))``, trains the copy. By itself it takes a copy of its parameters along, as torch's
do. Pickle does not know that arrays are views of one vector: where that matters, give the optimizer the network.
``copy.copy`` gives an optimizer of the same parameters with moments of its own.
"""

from __future__ import annotations

import copy
from typing import Any, Callable, Iterable, Mapping, Sequence, Union

import numpy as np

from . import _c_api as c
from ._arrays import Array, address, below_one, dense, flag, integer, not_negative, own, real, shaped, writeable
from ._network import Network
from ._tape import Gradients, Tape

Parameter = Union[Network, Array]
Gradient = Union[Gradients, Array]


def _gradient_array(gradient: Any, name: str) -> Any:
    if isinstance(gradient, Tape):
        raise TypeError(f"{name}: expected Gradients or an array, got Tape: tape.backward makes gradients")
    if isinstance(gradient, Gradients):
        if gradient.flat is None:
            raise ValueError(f"{name}: these gradients were made with need_parameters=False")
        return gradient.flat
    return gradient


def _gradient_list(gradients: Any) -> list[Any]:
    """Gradients as a list of `Gradients` and arrays."""
    if isinstance(gradients, (Gradients, np.ndarray, Tape)):
        return [gradients]
    if isinstance(gradients, (Mapping, str, bytes)) or not isinstance(gradients, Iterable):
        raise TypeError(
            f"gradients: expected Gradients, an array, or a sequence of them, got {type(gradients).__name__}"
        )
    return list(gradients)


def clip_grad_norm(gradients: Union[Gradient, Sequence[Gradient]], max_norm: float) -> float:
    """Scales all gradients, in place, by ``max_norm / norm`` if their common 2-norm is larger than `max_norm`
    (Pascanu, Mikolov, Bengio 2013). A norm that is not finite leaves them as they are.

    Parameters
    ----------
    gradients : Gradients, ndarray, or a sequence of them
        Arrays are C-contiguous and writeable, all of one type. An empty sequence is accepted: its norm is 0.
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
    limit = real(max_norm, "max_norm")
    arrays: list[Array] = []
    for index, gradient in enumerate(_gradient_list(gradients)):
        name = f"gradients[{index}]"
        arrays.append(
            writeable(_gradient_array(gradient, name), name, arrays[0].dtype if arrays else None)
        )
    norm = c.c_double()
    elements = (c.c_int64 * len(arrays))(*(array.size for array in arrays))
    code = c.dtype_code(arrays[0].dtype) if arrays else c.FLOAT32
    c.clip_gradients(
        code, len(arrays), c.pointers([address(array) for array in arrays]), elements, limit, c.byref(norm)
    )
    return norm.value


def _betas(value: Any, name: str) -> tuple[float, float]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        got = f"{len(value)} items" if isinstance(value, (tuple, list)) else type(value).__name__
        raise TypeError(f"{name}: expected a pair of numbers, got {got}")
    return below_one(value[0], f"{name}[0]"), below_one(value[1], f"{name}[1]")


class _Setting:
    """An attribute of an optimizer that `check` turns into plain Python when it is set, or refuses by its name."""

    def __init__(self, check: Callable[[Any, str], Any], doc: str) -> None:
        self.check = check
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else instance._settings[self.name]

    def __set__(self, instance: Any, value: Any) -> None:
        instance._settings[self.name] = self.check(value, self.name)


def _parameter_list(parameters: Any) -> list[Any]:
    """What is optimized as a list of networks and arrays."""
    if isinstance(parameters, (Network, np.ndarray)):
        return [parameters]
    if isinstance(parameters, (Mapping, str, bytes)) or not isinstance(parameters, Iterable):
        raise TypeError(
            f"parameters: pass the network, or arrays, or a sequence of them; got {type(parameters).__name__}"
        )
    return list(parameters)


def _array_of(owner: Any, name: str) -> Array:
    """The vector of a network, or the array itself."""
    return writeable(owner.flat if isinstance(owner, Network) else owner, name)


def _copied(owner: Any, memo: dict[int, Any]) -> Any:
    """A deep copy of a network or an array. Arrays that are views of one vector stay views of one vector."""
    base = getattr(owner, "base", None)
    if id(owner) in memo or type(owner) is not np.ndarray or type(base) is not np.ndarray:
        return copy.deepcopy(owner, memo)
    if not (base.flags.c_contiguous and owner.flags.c_contiguous):
        return copy.deepcopy(owner, memo)
    twin = copy.deepcopy(base, memo)
    view = np.ndarray(owner.shape, owner.dtype, twin, owner.ctypes.data - base.ctypes.data)
    memo[id(owner)] = view
    return view


class _Optimizer:
    """Holds what is optimized, and hands each vector and its gradient to `_update`."""

    lr = _Setting(not_negative, "The learning rate, 0 or more; may be changed between steps.")

    _moments_may_be_empty = False

    def __init__(self, parameters: Union[Parameter, Sequence[Parameter]], lr: float) -> None:
        self._settings: dict[str, Any] = {}
        self.lr = lr
        self._single = isinstance(parameters, (Network, np.ndarray))
        self._owners = _parameter_list(parameters)
        self._arrays()  # checks them
        self.steps = 0
        """How many steps were taken."""

    def _arrays(self) -> list[Array]:
        """What is optimized, as it is now: a network's vector is asked for each time, so that a copy has its own."""
        return [_array_of(owner, f"parameters[{index}]") for index, owner in enumerate(self._owners)]

    def _zeros(self) -> list[Array]:
        return [np.zeros_like(array) for array in self._arrays()]

    def __repr__(self) -> str:
        names = [
            repr(owner) if isinstance(owner, Network) else f"{owner.dtype}{list(owner.shape)}" for owner in self._owners
        ]
        trained = names[0] if self._single else f"[{', '.join(names)}]"
        settings = "".join(f", {name}={value!r}" for name, value in self._settings.items())
        return f"{type(self).__name__}({trained}{settings}, steps={self.steps})"

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
        arrays = self._arrays()
        if self._single:
            given: list[Any] = [gradients]
        elif isinstance(gradients, np.ndarray):  # its rows
            given = list(gradients)
        else:
            given = _gradient_list(gradients)
        if len(given) != len(arrays):
            raise ValueError(f"gradients: expected {len(arrays)}, got {len(given)}")
        checked = []
        for index, (array, gradient) in enumerate(zip(arrays, given)):
            name = f"gradients[{index}]"
            checked.append(dense(shaped(_gradient_array(gradient, name), name, array.dtype, array.shape)))
        self._prepare()
        for index, (owner, array, gradient) in enumerate(zip(self._owners, arrays, checked)):
            self._update(index, array, gradient, self.steps + 1)
            if isinstance(owner, Network):
                owner.parameters.changed()
        self.steps += 1

    def _prepare(self) -> None:
        """Before the first array of a step is touched."""

    def _update(self, index: int, array: Array, gradient: Array, step: int) -> None:
        raise NotImplementedError

    def _moments(self) -> dict[str, list[Array]]:
        """By name: an array for each of the parameters, or none at all."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """The number of steps, the settings, and copies of the moments, for a checkpoint.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> swiftrnn.SGD(np.ones(2), lr=0.5).state_dict()
        {'steps': 0, 'lr': 0.5, 'momentum': 0.0, 'weight_decay': 0.0, 'nesterov': False, 'velocities': []}
        """
        moments = {name: [array.copy() for array in arrays] for name, arrays in self._moments().items()}
        return {"steps": self.steps, **self._settings, **moments}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copies what `state_dict` gave back in. Settings that are left out stay as they are.

        Raises
        ------
        ValueError, TypeError
            A name is missing or unknown, a shape, a type or a value is wrong; nothing has changed.
        """
        mine, arrays = self._moments(), self._arrays()
        missing = [name for name in ("steps", *mine) if name not in state]
        unexpected = [name for name in state if name not in ("steps", *self._settings, *mine)]
        if missing or unexpected:
            raise ValueError(f"state dict: missing {missing}, unexpected {unexpected}")
        steps = integer(state["steps"], "steps", 0)
        settings = {
            name: getattr(type(self), name).check(state[name], name) for name in self._settings if name in state
        }
        for name in mine:
            values = state[name]
            if len(values) != len(arrays) and not (self._moments_may_be_empty and len(values) == 0):
                raise ValueError(f"{name}: expected {len(arrays)} arrays, got {len(values)}")
            for index, (array, value) in enumerate(zip(arrays, values)):
                shaped(value, f"{name}[{index}]", array.dtype, array.shape)
        loaded = {name: [np.array(value, order="C") for value in state[name]] for name in mine}
        for name, moments in mine.items():
            moments[:] = loaded[name]
        self._settings.update(settings)
        self.steps = steps

    # ---- Copy and pickle ----

    def __copy__(self) -> "_Optimizer":
        copied = type(self).__new__(type(self))
        vars(copied).update(vars(self), _settings=dict(self._settings), _owners=list(self._owners))
        for name, value in vars(self).items():
            if any(value is moments for moments in self._moments().values()):
                setattr(copied, name, [array.copy() for array in value])
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Optimizer":
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied._owners = [_copied(owner, memo) for owner in self._owners]
        rest = {name: value for name, value in vars(self).items() if name != "_owners"}
        vars(copied).update(copy.deepcopy(rest, memo))
        return copied

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        for moments in self._moments().values():
            moments[:] = [own(array) for array in moments]


class SGD(_Optimizer):
    """Gradient descent with momentum, in torch's form: ``v = momentum v + (g + weight_decay p)``, ``p -= lr v``; with
    `nesterov`, ``p -= lr (g + weight_decay p + momentum v)`` (Sutskever et al. 2013).

    Parameters
    ----------
    parameters : Network, ndarray, or a sequence of them
        Arrays are C-contiguous and writeable; they are updated in place.
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

    momentum = _Setting(not_negative, "0 or more; may be changed between steps, also from and to 0.")
    weight_decay = _Setting(not_negative, "0 or more; may be changed between steps.")
    nesterov = _Setting(flag, "Whether momentum is Nesterov's; may be changed between steps.")

    _moments_may_be_empty = True  # until the first step with momentum

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


class Adam(_Optimizer):
    """Adam (Kingma, Ba 2015); weight decay, if any, joins the gradient.

    Parameters
    ----------
    parameters : Network, ndarray, or a sequence of them
        Arrays are C-contiguous and writeable; they are updated in place.
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

    betas = _Setting(_betas, "The decay of the two moments, each in [0, 1); may be changed between steps.")
    eps = _Setting(not_negative, "0 or more; may be changed between steps.")
    weight_decay = _Setting(not_negative, "0 or more; may be changed between steps.")

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
        self._first, self._second = self._zeros(), self._zeros()

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
