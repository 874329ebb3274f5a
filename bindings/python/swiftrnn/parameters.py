"""Parameters of a network, of a layer, or of several: one flat vector, and a named view of it per tensor."""

from __future__ import annotations

import difflib
import weakref
from typing import Any, Iterator, Mapping, NamedTuple, Sequence

import numpy as np

from ._arguments import flag, mapping
from ._arrays import Array, shaped
from ._handles import ParameterInfo
from ._memory import hold

# In a message: those of one layer with two directions.
_MOST_NAMES = 8


class IncompatibleKeys(NamedTuple):
    """Result of ``load_state_dict`` and ``load``: names that were left alone, in torch's words.

    Attributes
    ----------
    missing_keys : list of str
        Parameters that the dictionary did not have.
    unexpected_keys : list of str
        Names of the dictionary that are those of no parameter, as they are there.
    """

    missing_keys: list[str]
    unexpected_keys: list[str]


class NamedViews(Mapping[str, Array]):
    """The tensors of a flat vector by torch's names, in torch's order: views, through which the vector is written to.
    ``views[name] = array`` copies into the view, and checks type and shape.
    """

    def __init__(self, flat: Array, infos: Sequence[ParameterInfo]) -> None:
        self._flat, self._infos = flat, infos
        self._views = {info.name: flat[info.offset : info.offset + info.elements].reshape(info.shape) for info in infos}

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

    def copies(self, prefix: str) -> dict[str, Array]:
        """Copies of all tensors by their names after `prefix`. See ``state_dict``."""
        if not isinstance(prefix, str):
            raise TypeError(f"prefix: expected a str, got {type(prefix).__name__}")
        return {prefix + name: view.copy() for name, view in self._views.items()}

    def load(self, state: Mapping[str, Any], strict: bool, prefix: str) -> IncompatibleKeys:
        """Copies tensors in; nothing is copied unless every name (if `strict`), type and shape fits. They may be views
        of the vector itself, under whatever names. See ``load_state_dict``.
        """
        mapping(state, "state")
        if not isinstance(prefix, str):
            raise TypeError(f"prefix: expected a str, got {type(prefix).__name__}")
        names = {name: prefix + name for name in self._views}
        missing = [key for key in names.values() if key not in state]
        expected = set(names.values())
        unexpected = [key for key in state if key not in expected and (not prefix or str(key).startswith(prefix))]
        if flag(strict, "strict") and (missing or unexpected):
            raise ValueError(f"state dict: missing {missing}, unexpected {unexpected}{self._meant(state, prefix)}")
        found = {name: key for name, key in names.items() if key in state}
        tensors = {}
        for name, key in found.items():
            view = self._views[name]
            tensor = shaped(state[key], key, view.dtype, view.shape)
            # Copy before anything is written: numpy sees to overlaps within one assignment, not to later reads.
            tensors[name] = tensor.copy() if np.may_share_memory(tensor, self._flat) else tensor
        for name, tensor in tensors.items():
            self._views[name][...] = tensor
        return IncompatibleKeys(missing, unexpected)

    def _meant(self, state: Mapping[str, Any], prefix: str) -> str:
        """Which prefix would have found parameters, where the one that was given finds none."""
        if not self._views or any(prefix + name in state for name in self._views):
            return ""
        first = next(iter(self._views))
        keys = [key for key in state if isinstance(key, str)]
        near = [key[: -len(first)] for key in keys if key == first or key.endswith("." + first)]
        return f" (did you mean prefix={' or '.join(map(repr, near[:3]))}?)" if near else ""

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
        # Arrays from pickle's protocol 5 are views themselves: numpy gives their views the same base, not the array. A
        # part of the vector of a `Layers` has that as its base, which is the other's to know.
        base = flat[:].base
        whole = base is flat or not isinstance(base, np.ndarray) or base.nbytes == flat.nbytes
        self._vectors = (flat, base) if whole else (flat,)
        for vector in self._vectors:
            _of_vectors[id(vector)] = self
        hold(self)
        self._whole: Parameters | None = None
        """The parameters of the `Layers` that these are a part of."""
        self.version = 0
        """The number of changes that were noticed."""

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self.changed()

    def changed(self) -> None:
        """Notes a change made through `flat` or a view, so that tapes made before it notice it too."""
        self.version += 1

    def _changed_within(self, array: Array) -> None:
        """Notes a change of `array`, which shares memory with the vector."""
        self.changed()

    def _held_arrays(self) -> tuple[Array]:
        """The vector: see `_memory`."""
        return (self._flat,)

    def load(self, state: Mapping[str, Any], strict: bool, prefix: str) -> IncompatibleKeys:
        """See `NamedViews.load`; counts as a change."""
        result = super().load(state, strict, prefix)
        self.changed()
        return result


# By the identities of the vector and of what its views have as their base, which live as long as their Parameters.
_of_vectors: "weakref.WeakValueDictionary[int, Parameters]" = weakref.WeakValueDictionary()


def parameters_of(array: Array) -> Parameters | None:
    """The parameters that `array` is the vector of, or a view into; None for any other array."""
    for vector in (array, array.base):
        found = _of_vectors.get(id(vector))
        if found is not None and any(vector is known for known in found._vectors):
            return found
    return None


def note_change(array: Array) -> None:
    """Tells the parameters that `array` is a part of, if it is one, that it has changed, so that tapes notice it."""
    found = parameters_of(array)
    if found is not None:
        found._changed_within(array)
