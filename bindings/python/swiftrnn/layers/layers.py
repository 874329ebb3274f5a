"""Layers and networks by name, whose parameters are parts of one vector; and their gradients."""

from __future__ import annotations

import copy
import dataclasses
import secrets
import weakref
from typing import Any, ItemsView, Iterator, KeysView, Mapping, Sequence, TypeVar, ValuesView

import numpy as np

from .._arguments import unsigned
from .._arrays import Array
from .._handles import ParameterInfo
from .._memory import overlap
from .._parameterized import Parameterized
from ..gradients import Gradients
from ..parameters import NamedViews, Parameters
from ._drawing import derived_seed


@dataclasses.dataclass(eq=False, repr=False)
class LayersGradients(Gradients):
    """The gradients of all layers of a `Layers`, made by ``Layers.gradients``.

    ``grads["encoder"]`` is the part of a layer as `Gradients`, of a `Layers` within it as `LayersGradients`: what the
    layer's ``tape.backward(dy, accumulate_into=…)`` takes, optimizers and clipping.

    Attributes
    ----------
    parameters : mapping of str to ndarray
        Views of `flat` by names such as ``encoder.weight_ih_l0``.
    flat : ndarray
        All gradients as one vector, in the order of ``Layers.flat``.
    x, state, inputs
        None: these are the layers' own.
    """

    parts: Mapping[str, Gradients] = dataclasses.field(default_factory=dict)
    """The parts by the layers' names."""

    def __getitem__(self, name: str) -> Gradients:
        try:
            return self.parts[name]
        except (KeyError, TypeError):
            raise KeyError(f"there is no layer {name!r}: there are {', '.join(self.parts)}") from None

    def zero(self) -> None:
        """Sets all gradients to 0, for the next step of training."""
        if self.flat is not None:
            self.flat[...] = 0


_OWN_ATTRIBUTES = frozenset({"_layers", "_infos", "_flat", "_parameters", "_held_by"})

_Self = TypeVar("_Self", bound="Layers")


class LayersParameters(Parameters):
    """The parameters of `Layers`: a change is one of the layers that it is in.

    They and their parts hold each other: a view of a part has the whole vector as its base, and leads here also when
    the `Layers` itself is gone.
    """

    def __init__(self, flat: Array, infos: tuple[ParameterInfo, ...], parts: Sequence[Parameters]) -> None:
        super().__init__(flat, infos)
        self._parts = parts
        for part in parts:
            part._whole = self

    def changed(self) -> None:
        """Notes a change made through `flat` or a view, so that tapes of all layers made before it notice it too."""
        for part in self._parts:
            part.changed()
        super().changed()

    def _changed_within(self, array: Array) -> None:
        for part in self._parts:
            if overlap(part._flat, array):
                part._changed_within(array)
        self.version += 1

    def __setitem__(self, name: str, value: Any) -> None:
        super(Parameters, self).__setitem__(name, value)
        self._changed_within(self[name])


class Layers(Parameterized):
    """Layers and networks by name, as torch's ``nn.ModuleDict``: one flat vector, one `state_dict`, one optimizer and
    one file for all of them.

    ``layers["encoder"]`` is the layer itself, and is called as a layer alone is; the program says how layers follow
    each other. Names of parameters start with the layer's: ``encoder.weight_ih_l0``. A `Layers` may hold others:
    ``decoder.attention.weight``.

    The layers' vectors become parts of `flat`. Arrays that `flat` and `parameters` of a layer returned before are no
    longer its parameters, and tapes made before are refused. A layer belongs to one `Layers`, once. The set of layers
    does not change later.

    Gradients of all layers are one vector, too: `gradients`.

    `Layers` can be pickled and copied, as networks can; attributes that a subclass adds go along.

    Parameters
    ----------
    layers : mapping of str to Network, Layer or Layers, optional
        Names are texts without a dot.
    **named : Network, Layer or Layers
        The same, as keywords; they come after those of the mapping. All are of one dtype.

    Raises
    ------
    TypeError
        There is something else among them, or their types differ.
    ValueError
        There are none, a name is given twice or has a dot, or a layer is given twice or belongs to another `Layers`.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> model = swiftrnn.Layers(
    ...     embedding=swiftrnn.Embedding(10, 4, seed=0), encoder=swiftrnn.GRU(4, 8, seed=1),
    ...     pool=swiftrnn.Pool("attention", 8, seed=2), output=swiftrnn.Linear(8, 3, seed=3))
    >>> optimizer, ids, labels = swiftrnn.Adam(model, lr=0.05), np.array([[1, 2], [3, 4], [5, 6]]), [0, 2]
    >>> for step in range(20):
    ...     x, of_embedding = model["embedding"].forward(ids)
    ...     y, h, of_encoder = model["encoder"].forward(x)
    ...     pooled, of_pool = model["pool"].forward(y)
    ...     logits, of_output = model["output"].forward(pooled)
    ...     loss, dlogits, perplexity = swiftrnn.cross_entropy(logits, labels)
    ...     grads = model.gradients()
    ...     dpooled = of_output.backward(dlogits, accumulate_into=grads["output"]).x
    ...     dy = of_pool.backward(dpooled, accumulate_into=grads["pool"]).x
    ...     dx = of_encoder.backward(dy, accumulate_into=grads["encoder"]).x
    ...     nothing = of_embedding.backward(dx, accumulate_into=grads["embedding"])
    ...     norm = swiftrnn.clip_grad_norm(grads, 1.0)
    ...     optimizer.step(grads)
    >>> loss < 0.5, list(model.state_dict())[:2]
    (True, ['embedding.weight', 'encoder.weight_ih_l0'])
    """

    def __init__(self, layers: Mapping[str, Parameterized] | None = None, /, **named: Parameterized) -> None:
        given: list[tuple[str, Any]] = []
        if layers is not None:
            if not isinstance(layers, Mapping):
                raise TypeError(f"layers: expected a mapping of names to layers, got {type(layers).__name__}")
            given += layers.items()
        given += named.items()
        found: dict[str, Parameterized] = {}
        for name, layer in given:
            _check(name, layer, found)
            found[name] = layer
        if not found:
            raise ValueError("layers: there are none")
        self._hold(found)

    def _hold(self, layers: dict[str, Parameterized], flat: Array | None = None) -> None:
        """Makes the layers' vectors parts of `flat`, None: of a new vector."""
        infos, offset, places = [], 0, []
        for name, layer in layers.items():
            for info in layer.parameters._infos:
                infos.append(ParameterInfo(f"{name}.{info.name}", info.shape, info.elements, offset + info.offset))
            places.append(slice(offset, offset + layer.flat.size))
            offset += layer.flat.size
        if flat is None:
            flat = np.empty(offset, next(iter(layers.values())).flat.dtype)
        for place, layer in zip(places, layers.values()):
            layer._rebind(flat[place])
            layer._held_by = weakref.ref(self)
        self._layers, self._infos, self._flat = layers, tuple(infos), flat
        self._parameters = LayersParameters(flat, self._infos, [layer.parameters for layer in layers.values()])

    def _rebind(self, vector: Array) -> None:
        self._hold(self._layers, vector)

    # ---- The layers ----

    def __getitem__(self, name: str) -> Any:
        try:
            return self._layers[name]
        except (KeyError, TypeError):
            raise KeyError(f"there is no layer {name!r}: there are {', '.join(self._layers)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def __contains__(self, name: object) -> bool:
        return name in self._layers

    def keys(self) -> KeysView[str]:
        """The names, in their order."""
        return self._layers.keys()

    def values(self) -> ValuesView[Parameterized]:
        """The layers, in the order of their names."""
        return self._layers.values()

    def items(self) -> ItemsView[str, Parameterized]:
        """Names and layers."""
        return self._layers.items()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={layer!r}' for name, layer in self._layers.items())})"

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64: of every array of these layers."""
        return self._flat.dtype

    # ---- All of them at once ----

    def initialize(self, seed: int | None = None) -> None:
        """Draws all parameters as torch does, each layer from a seed of its own that follows from `seed` and its name.
        Other distributions are a layer's: ``layers["encoder"].initialize(7, recurrent="orthogonal")``.

        Parameters
        ----------
        seed : int, optional
            In 0...2^64 - 1: the same numbers on every machine. None: a seed from the operating system.

        Examples
        --------
        >>> import swiftrnn
        >>> a, b = (swiftrnn.Layers(first=swiftrnn.Linear(3, 3), second=swiftrnn.Linear(3, 3)) for _ in range(2))
        >>> a.initialize(7)
        >>> b.initialize(7)
        >>> bool((a.flat == b.flat).all()), bool((a["first"].flat != a["second"].flat).any())
        (True, True)
        """
        chosen = secrets.randbits(64) if seed is None else unsigned(seed, "seed")
        for name, layer in self._layers.items():
            layer.initialize(derived_seed(chosen, name))  # type: ignore[attr-defined]

    def gradients(self) -> LayersGradients:
        """New gradients of all layers as one vector of zeros: each layer's backward pass is told to add to its part, by
        ``tape.backward(dy, accumulate_into=grads["encoder"])``. Optimizers and clipping take the whole, clipping also
        parts: ``clip_grad_norm([grads["embedding"], grads["encoder"]], 1.0)``.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> layers = swiftrnn.Layers(first=swiftrnn.Linear(3, 4), second=swiftrnn.Linear(4, 2))
        >>> grads = layers.gradients()
        >>> y, tape = layers["second"].forward(np.ones((5, 4), np.float32))
        >>> dx = tape.backward(np.ones_like(y), accumulate_into=grads["second"]).x
        >>> grads.parameters["second.bias"].tolist(), bool(grads["first"].flat.any())
        ([5.0, 5.0], False)
        """
        return self._gradients_in(np.zeros_like(self._flat))

    def _gradients_in(self, flat: Array) -> LayersGradients:
        """Gradients of all layers as views of `flat`."""
        parts: dict[str, Gradients] = {}
        offset = 0
        for name, layer in self._layers.items():
            part = flat[offset : offset + layer.flat.size]
            offset += layer.flat.size
            if isinstance(layer, Layers):
                parts[name] = layer._gradients_in(part)
            else:
                views = NamedViews(part, layer.parameters._infos)
                parts[name] = Gradients(x=None, state=None, parameters=views, flat=part, inputs=None)
        views = NamedViews(flat, self._infos)
        return LayersGradients(x=None, state=None, parameters=views, flat=flat, inputs=None, parts=parts)

    # ---- Pickle and copy: the layers, and attributes that were added ----

    def _added(self) -> dict[str, Any]:
        """The attributes that a subclass or a user added."""
        return {name: value for name, value in vars(self).items() if name not in _OWN_ATTRIBUTES}

    def __getstate__(self) -> dict[str, Any]:
        return {"layers": self._layers, "attributes": self._added()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._hold(dict(state["layers"]))
        vars(self).update(state["attributes"])

    def __copy__(self: _Self) -> _Self:
        copied = type(self).__new__(type(self))
        layers = {name: copy.copy(layer) for name, layer in self._layers.items()}
        copied.__setstate__({"layers": layers, "attributes": self._added()})
        return copied

    def __deepcopy__(self: _Self, memo: dict[int, Any]) -> _Self:
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied  # before the attributes, which may refer to the layers
        # Copy through memo: whatever else is copied along and holds the vector or a part of it gets this copy's.
        flat = copy.deepcopy(self._flat, memo)
        self._copy_parts(flat, memo)
        layers = {name: copy.deepcopy(layer, memo) for name, layer in self._layers.items()}
        copied._hold(layers, flat)
        memo[id(self._parameters)] = copied._parameters
        for name, view in self._parameters.items():
            memo.setdefault(id(view), copied._parameters[name])
        vars(copied).update(copy.deepcopy(self._added(), memo))
        return copied

    def _copy_parts(self, flat: Array, memo: dict[int, Any]) -> None:
        """Enters the parts of a copied vector as the copies of the layers' vectors."""
        offset = 0
        for layer in self._layers.values():
            memo.setdefault(id(layer.flat), flat[offset : offset + layer.flat.size])
            offset += layer.flat.size


def _check(name: Any, layer: Any, others: Mapping[str, Parameterized]) -> None:
    """Refuses a name or a layer that cannot be added to `others`."""
    if not isinstance(name, str):
        raise TypeError(f"layers: expected names, got {type(name).__name__}")
    if not name or "." in name:
        raise ValueError(f"layers: {name!r} is no name of a layer: it must have a character, and no dot")
    if name in others:
        raise ValueError(f"layers: the name {name!r} is there twice")
    if not isinstance(layer, Parameterized):
        raise TypeError(f"{name}: expected a network, a layer, or Layers, got {type(layer).__name__}")
    for other, known in others.items():
        if layer is known:
            raise ValueError(f"{name}: this layer is there already, as {other!r}")
        if layer.flat.dtype != known.flat.dtype:
            raise TypeError(f"{other} is {known.flat.dtype} and {name} is {layer.flat.dtype}: they must be of one type")
    holder = None if layer._held_by is None else layer._held_by()
    if holder is not None:
        raise ValueError(f"{name}: this layer belongs to another Layers already")
