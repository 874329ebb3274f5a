"""A network's parameters: one flat vector, and a named view of it per tensor."""

from __future__ import annotations

import difflib
import weakref
from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from ._arrays import Array, mapping, shaped
from ._handles import ParameterInfo
from ._parameter_memory import hold


# In a message: those of one layer with two directions.
_MOST_NAMES = 8


class NamedViews(Mapping[str, Array]):
    """The tensors of a flat vector by torch's names, in torch's order: views, through which the vector is written to.
    ``views[name] = array`` copies into the view, and checks type and shape.
    """

    def __init__(self, flat: Array, infos: Sequence[ParameterInfo]) -> None:
        self._flat, self._infos = flat, infos
        self._views = {
            info.name: flat[info.offset : info.offset + info.elements].reshape(info.shape) for info in infos
        }

    def __getitem__(self, name: str) -> Array:
        try:
            return self._views[name]
        except KeyError:
            raise KeyError(self._unknown(name)) from None

    # Mapping's own ask __getitem__, whose error takes time to write.

    def __contains__(self, name: object) -> bool:
        return name in self._views

    def get(self, name: str, default: Any = None) -> Any:
        """The view, or `default` where there is none of this name."""
        return self._views.get(name, default)

    def _unknown(self, name: Any) -> str:
        near = difflib.get_close_matches(name, self._views, 3) if isinstance(name, str) else []
        hint = f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""
        names = list(self._views)[:_MOST_NAMES]
        more = f" and {len(self._views) - len(names)} more" if len(self._views) > len(names) else ""
        return f"there is no parameter {name!r}{hint}: there are {', '.join(names) or 'none'}{more}"

    def __setitem__(self, name: str, value: Any) -> None:
        view = self[name]
        if value is not view:  # it is where += has written
            view[...] = shaped(value, name, view.dtype, view.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __repr__(self) -> str:
        lines = ", ".join(f"{name}: {list(array.shape)}" for name, array in self._views.items())
        return f"{type(self).__name__}({lines})"

    def __reduce__(self) -> Any:  # as views of the vector, which may be pickled beside them
        return NamedViews, (self._flat, self._infos)


class Parameters(NamedViews):
    """The parameters by torch's names, in torch's order: weight_ih_l0, weight_hh_l0, bias_ih_l0 ….

    Each is a view of `Network.flat`. ``parameters[name] = array`` copies into the view, checks type and shape, and
    counts as a change that a tape notices; writing into a view in place (``parameters[name][:] = …``) is not noticed.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> gru = swiftrnn.GRU(3, 4, seed=0)
    >>> {name: array.shape for name, array in gru.parameters.items()}
    {'weight_ih_l0': (12, 3), 'weight_hh_l0': (12, 4), 'bias_ih_l0': (12,), 'bias_hh_l0': (12,)}
    >>> gru.parameters["bias_hh_l0"] = np.zeros(12, np.float32)
    >>> gru.parameters["weight_hh_l0"].base is gru.flat
    True
    """

    def __init__(self, flat: Array, infos: Sequence[ParameterInfo]) -> None:
        super().__init__(flat, infos)
        # Arrays from pickle's protocol 5 are views themselves: numpy gives their views the same base, not the array.
        self._vectors = (flat, flat[:].base)
        for vector in self._vectors:
            _of_vectors[id(vector)] = self
        hold(self)
        self.version = 0
        """How many changes were noticed."""

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self.changed()

    def changed(self) -> None:
        """Notes a change made through `flat` or a view, so that tapes made before it notice it too."""
        self.version += 1

    def _held_arrays(self) -> tuple[Array]:
        """The vector: see `_parameter_memory`."""
        return (self._flat,)

    def load(self, state: Mapping[str, Any]) -> None:
        """Copies all tensors in; nothing is copied unless every name, type and shape fits. They may be views of the
        vector itself, under whatever names.
        """
        mapping(state, "state")
        missing = [name for name in self._views if name not in state]
        unexpected = [name for name in state if name not in self._views]
        if missing or unexpected:
            raise ValueError(f"state dict: missing {missing}, unexpected {unexpected}")
        tensors = [shaped(state[name], name, view.dtype, view.shape) for name, view in self._views.items()]
        # Before anything is written: numpy sees to what overlaps within one assignment, not to what the next one reads.
        tensors = [tensor.copy() if np.may_share_memory(tensor, self._flat) else tensor for tensor in tensors]
        for view, tensor in zip(self._views.values(), tensors):
            view[...] = tensor
        self.changed()


# By the identities of the vector and of what its views have as their base, which live as long as their Parameters.
_of_vectors: "weakref.WeakValueDictionary[int, Parameters]" = weakref.WeakValueDictionary()


def parameters_of(array: Array) -> Parameters | None:
    """The parameters that `array` is the vector of, or a view into; None for any other array."""
    for vector in (array, array.base):
        found = _of_vectors.get(id(vector))
        if found is not None and any(vector is known for known in found._vectors):
            return found
    return None
