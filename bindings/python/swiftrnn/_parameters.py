"""A network's parameters: one flat vector, and a named view of it per tensor."""

from __future__ import annotations

import weakref
from typing import Any, Iterator, Mapping, Sequence

from ._arrays import Array, mapping, shaped
from ._handles import ParameterInfo


def named_views(flat: Array, infos: Sequence[ParameterInfo]) -> dict[str, Array]:
    """The views of `flat` by torch's names; writing to one writes to `flat`."""
    return {info.name: flat[info.offset : info.offset + info.elements].reshape(info.shape) for info in infos}


class Parameters(Mapping[str, Array]):
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
        # Arrays from pickle's protocol 5 are views themselves: numpy gives their views the same base, not the array.
        self._vectors = (flat, flat[:].base)
        self._views = named_views(flat, infos)
        for vector in self._vectors:
            _of_vectors[id(vector)] = self
        self.version = 0
        """How many changes were noticed."""

    def __getitem__(self, name: str) -> Array:
        return self._views[name]

    def __setitem__(self, name: str, value: Any) -> None:
        view = self._views[name]
        view[...] = shaped(value, name, view.dtype, view.shape)
        self.changed()

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __repr__(self) -> str:
        lines = ", ".join(f"{name}: {list(array.shape)}" for name, array in self._views.items())
        return f"Parameters({lines})"

    def changed(self) -> None:
        """Notes a change made through `flat` or a view, so that tapes made before it notice it too."""
        self.version += 1

    def load(self, state: Mapping[str, Any]) -> None:
        """Copies all tensors in; nothing is copied unless every name, type and shape fits."""
        mapping(state, "state")
        missing = [name for name in self._views if name not in state]
        unexpected = [name for name in state if name not in self._views]
        if missing or unexpected:
            raise ValueError(f"state dict: missing {missing}, unexpected {unexpected}")
        for name, view in self._views.items():
            shaped(state[name], name, view.dtype, view.shape)
        for name, view in self._views.items():
            view[...] = state[name]
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
