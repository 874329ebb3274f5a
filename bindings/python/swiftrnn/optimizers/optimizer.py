"""The base of all optimizers: settings, steps, checkpoints, copies and pickles. Subclasses have the equations."""

from __future__ import annotations

import copy
from typing import Any, Callable, Mapping, Sequence, Union

import numpy as np

from .._arguments import integer, mapping, not_negative
from .._arrays import Array, dense, own, shaped
from .._keywords import ChecksAttributes
from .._memory import hold, refuse_overlaps
from .._parameterized import Parameterized
from ..parameters import note_change
from ._arguments import Gradient, Parameter, array_of, gradient_array, gradient_list, parameter_list

# The largest number of steps that the library counts.
MOST_STEPS = 2**63 - 1


class Setting:
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


class Optimizer(ChecksAttributes):
    """Holds what is optimized, and hands each vector and its gradient to `_update`."""

    lr = Setting(not_negative, "The learning rate, 0 or more; may be changed between steps.")

    _attributes = ("steps",)
    _optional_moments: tuple[str, ...] = ()

    def __init__(self, parameters: Union[Parameter, Sequence[Parameter]], lr: float) -> None:
        self._settings: dict[str, Any] = {}
        self.lr = lr
        self._single = isinstance(parameters, (Parameterized, np.ndarray))
        self._owners: list[Any] = parameter_list(parameters)
        if not self._owners:
            raise ValueError("parameters: there are none to optimize")
        refuse_overlaps(self._arrays(), "parameters", "what is in both would be moved twice by each step")
        hold(self)
        self.steps = 0
        """The number of steps that were taken."""

    def _arrays(self) -> list[Array]:
        """The vectors of the parameters as they are now: a network is asked each time, so that a copy has its own."""
        return [array_of(owner, f"parameters[{index}]") for index, owner in enumerate(self._owners)]

    def _held_arrays(self) -> list[Array]:
        """Arrays among the parameters; networks hold their own vectors: see `_memory`."""
        return [owner for owner in self._owners if isinstance(owner, np.ndarray)]

    def _zeros(self) -> list[Array]:
        return [np.zeros_like(array) for array in self._arrays()]

    def __repr__(self) -> str:
        names = [
            repr(owner) if isinstance(owner, Parameterized) else f"{owner.dtype}{list(owner.shape)}"
            for owner in self._owners
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
            A type or a shape is wrong, or there have been 2^63 - 1 steps; nothing has changed.
        """
        arrays = self._arrays()
        integer(self.steps + 1, "steps", 1, MOST_STEPS)
        if self._single:
            given: list[Any] = [gradients]
        elif isinstance(gradients, np.ndarray):  # its rows
            given = list(gradients)
        else:
            given = gradient_list(gradients)
        if len(given) != len(arrays):
            raise ValueError(f"gradients: expected {len(arrays)}, got {len(given)}")
        checked = []
        for index, (array, gradient) in enumerate(zip(arrays, given)):
            name = f"gradients[{index}]"
            vector = gradient_array(gradient, name, "taken for their own gradients")
            checked.append(dense(shaped(vector, name, array.dtype, array.shape)))
        self._prepare()
        for index, (array, gradient) in enumerate(zip(arrays, checked)):
            self._update(index, array, gradient, self.steps + 1)
            note_change(array)
        self.steps += 1

    def _prepare(self) -> None:
        """Before the first array of a step is touched."""

    def _update(self, index: int, array: Array, gradient: Array, step: int) -> None:
        raise NotImplementedError

    def _moments(self) -> dict[str, list[Array]]:
        """By name: an array for each of the parameters, or none at all."""
        return {}

    def state_dict(self) -> dict[str, Array]:
        """The number of steps, the settings, and copies of the moments, as arrays under plain names, for a checkpoint:
        ``np.savez(file, **optimizer.state_dict())`` and ``optimizer.load_state_dict(np.load(file))``, or
        ``safetensors.numpy.save_file`` and ``load_file``.

        The moments of parameter k are called ``first.k``, ``second.k``, ``velocities.k``, ``squares.k``,
        ``means.k``.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> state = swiftrnn.Adam([np.ones(2), np.ones(3)], lr=0.5).state_dict()
        >>> list(state)[:5], state["lr"], state["first.1"]
        (['steps', 'lr', 'betas', 'eps', 'weight_decay'], array(0.5), array([0., 0., 0.]))
        """
        state = {name: np.array(value) for name, value in {"steps": self.steps, **self._settings}.items()}
        for name, arrays in self._moments().items():
            state.update((f"{name}.{index}", array.copy()) for index, array in enumerate(arrays))
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copies what `state_dict` gave back in. Settings that are left out stay as they are.

        Parameters
        ----------
        state : mapping of str to ndarray
            A dictionary, or what ``np.load`` returns for an .npz file.

        Raises
        ------
        ValueError, TypeError
            A name is missing or unknown, a shape, a type or a value is wrong; nothing has changed.
        """
        mine, arrays = self._moments(), self._arrays()
        mapping(state, "state")
        names = {name: [f"{name}.{index}" for index in range(len(arrays))] for name in mine}
        names = {
            name: numbered
            for name, numbered in names.items()
            if name not in self._optional_moments or any(one in state for one in numbered)
        }
        wanted = dict.fromkeys(["steps", *(one for numbered in names.values() for one in numbered)])
        missing = [name for name in wanted if name not in state]
        unexpected = [name for name in state if name not in wanted and name not in self._settings]
        if missing or unexpected:
            raise ValueError(f"state dict: missing {missing}, unexpected {unexpected}")
        steps = integer(state["steps"], "steps", 0, MOST_STEPS)
        settings = {
            name: getattr(type(self), name).check(state[name], name) for name in self._settings if name in state
        }
        loaded = {
            name: [
                np.array(shaped(state[one], one, array.dtype, array.shape), order="C")
                for one, array in zip(numbered, arrays)
            ]
            for name, numbered in names.items()
        }
        for name, moments in mine.items():
            moments[:] = loaded.get(name, [])
        self._settings.update(settings)
        self.steps = steps

    # ---- Copy and pickle ----

    def __copy__(self) -> "Optimizer":
        copied = type(self).__new__(type(self))
        vars(copied).update(vars(self), _settings=dict(self._settings), _owners=list(self._owners))
        for name, value in vars(self).items():
            if any(value is moments for moments in self._moments().values()):
                setattr(copied, name, [array.copy() for array in value])
        hold(copied)
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> "Optimizer":
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied._owners = [_copied(owner, memo) for owner in self._owners]
        rest = {name: value for name, value in vars(self).items() if name != "_owners"}
        vars(copied).update(copy.deepcopy(rest, memo))
        hold(copied)
        return copied

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        for moments in self._moments().values():
            moments[:] = [own(array) for array in moments]
        hold(self)


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
