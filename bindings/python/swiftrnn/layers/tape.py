"""The tape of a layer: the record of a forward pass for training, from which gradients are computed."""

from __future__ import annotations

from typing import Any, Callable, Union

import numpy as np

from .._arguments import flag
from .._arrays import Array
from .._memory import refuse_overlap
from .._parameterized import Parameterized
from ..errors import Status, SwiftRNNError
from ..gradients import Gradients, flat_gradient
from ..parameters import NamedViews

# Computes the gradient of x, if wanted, of dy, and fills the layer's gradient views, or None.
Backward = Callable[[Any, Union[NamedViews, None], bool], Union[Array, None]]


class LayerTape:
    """The tape of one ``forward`` of a layer, from which `backward` makes gradients, as often as wanted.

    It holds the layer's input and the parameters' vector by reference: they must stay as they were until the last
    `backward`. As for the `Tape` of a network, a change of the parameters that the package saw is an error, and a
    change of x, or of a raw numpy view, is not noticed and gives wrong gradients. Lengths and masks are its own copies.

    Any number of threads may call `backward` at once. `close`, or leaving a ``with`` block, drops what the tape holds.
    A tape cannot be copied or pickled.

    Attributes
    ----------
    seed : int or None
        The seed of the mask; None: of a layer that is not `Dropout`.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> linear = swiftrnn.Linear(3, 4, seed=0)
    >>> y, tape = linear.forward(np.ones((5, 2, 3), np.float32))
    >>> grads = tape.backward(np.ones_like(y))
    >>> grads.x.shape, grads.parameters["bias"].tolist(), grads.flat.shape
    ((5, 2, 3), [10.0, 10.0, 10.0, 10.0], (16,))
    """

    def __init__(
        self, layer: Parameterized, read: dict[str, Array | None], backward: Backward, seed: int | None = None
    ) -> None:
        self._layer = layer
        self._read = read
        self._backward: Backward | None = backward
        self._version = layer.parameters.version
        self.seed = seed

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._layer!r}{', closed' if self._backward is None else ''})"

    def __reduce_ex__(self, protocol: Any) -> Any:  # what copy, deepcopy and pickle call
        raise TypeError(f"a {type(self).__name__} cannot be copied or pickled: share it, or run forward again")

    def backward(
        self,
        dy: Array,
        *,
        need_x: bool = True,
        need_parameters: bool = True,
        accumulate_into: Union[Gradients, Array, None] = None,
    ) -> Gradients:
        """The gradients of a loss from its gradient for y.

        Parameters
        ----------
        dy : ndarray
            In y's layout and type.
        need_x, need_parameters : bool
            Which gradients to compute; what is not wanted costs nothing.
        accumulate_into : Gradients or ndarray, optional
            Gradients of an earlier call, or a flat vector: those of the parameters are added to it, and the result's
            `flat` is that vector. Without it they go to a new vector.

        Returns
        -------
        Gradients
            Its `x` is in the layout of x, None for the identifiers of an `Embedding`; its `state` is None.

        Raises
        ------
        TypeError, ValueError
            `dy` or `accumulate_into` has the wrong type or shape; or the tape is closed.
        SwiftRNNError
            MISMATCH: the parameters have changed since the forward pass.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> linear = swiftrnn.Linear(3, 4, seed=0)
        >>> y, tape = linear.forward(np.ones((2, 3), np.float32))
        >>> once = tape.backward(np.ones_like(y), need_x=False)
        >>> tape.backward(np.ones_like(y), accumulate_into=once).flat is once.flat
        True
        """
        backward, wanted = self._function(), flag(need_x, "need_x")
        views = gradient_views(self._layer, need_parameters, accumulate_into, {**self._read, "dy": dy})
        dx = backward(dy, views, wanted)
        return Gradients(x=dx, state=None, parameters=views, flat=None if views is None else views._flat)

    def _function(self) -> Backward:
        """The layer's backward pass, as long as gradients can be made by it."""
        if self._backward is None:
            raise ValueError("the tape is closed")
        check_version(self._layer, self._version)
        return self._backward

    def close(self) -> None:
        """Drops what the tape holds; `backward` is an error from then on."""
        self._backward, self._read = None, {}

    def __enter__(self) -> "LayerTape":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_version(layer: Parameterized, version: int) -> None:
    """Refuses a backward pass whose layer has other parameters than at the forward pass."""
    if layer.parameters.version != version:
        raise SwiftRNNError(Status.MISMATCH, "the parameters have changed since the forward pass of this tape")


def gradient_views(
    layer: Parameterized, wanted: bool, into: Union[Gradients, Array, None], read: dict[str, Any]
) -> NamedViews | None:
    """Named views of the vector that a layer's gradients are added to: a new one of zeros, or the caller's, which may
    not be memory that the pass reads; None if not wanted."""
    flat = flat_gradient(layer.flat, flag(wanted, "need_parameters"), into)
    if flat is None:
        return None
    if into is None:
        flat[...] = 0
    else:
        arrays = {name: array for name, array in read.items() if isinstance(array, np.ndarray)}
        refuse_overlap(flat, "accumulate_into", arrays)
    return NamedViews(flat, layer.parameters._infos)
