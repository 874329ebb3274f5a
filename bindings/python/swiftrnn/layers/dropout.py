"""The layer `Dropout`."""

from __future__ import annotations

from typing import Any

from .._arguments import below_one, integer, unsigned
from .._arrays import Array, rows, shaped, typed
from .._batch import needs_seed
from .._keywords import answers_keywords
from ..functional import dropout, dropout_backward
from ..parameters import NamedViews
from .layer import Layer
from .tape import LayerTape


@answers_keywords
class Dropout(Layer):
    """Inverted dropout (Srivastava et al. 2014): in training ``y = mask * x / (1 - p)``, in inference ``y = x``. It has
    no parameters.

    Parameters
    ----------
    p : float
        In [0, 1): how likely a number becomes 0.
    layer : int
        In 0...2^31 - 1: tells the dropout layers of a model apart where `forward` is given one seed for all.
    dtype : str or numpy dtype
        float32 or float64.
    seed : int, optional
        In 0...2^64 - 1: of the sequence of seeds that `forward` takes its own from. None: drawn anew.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> dropout, x = swiftrnn.Dropout(0.5, seed=0), np.ones((5, 2, 100), np.float32)
    >>> y, tape = dropout.forward(x)
    >>> sorted(set(y.ravel().tolist())), bool((tape.backward(x).x == y).all()), bool((dropout(x) == x).all())
    ([0.0, 2.0], True, True)
    """

    _defaults = {"layer": 0}

    def __init__(self, p: float = 0.5, layer: int = 0, dtype: Any = "float32", seed: int | None = None) -> None:
        super().__init__({"p": below_one(p, "p"), "layer": integer(layer, "layer", 0, 2**31 - 1)}, dtype, seed)

    @property
    def p(self) -> float:
        """How likely a number becomes 0."""
        return float(self._config["p"])

    @property
    def layer(self) -> int:
        """The number that tells dropout layers of one seed apart."""
        return int(self._config["layer"])

    def __call__(self, x: Array) -> Array:
        """Inference: x itself.

        Parameters
        ----------
        x : ndarray [..., N, width]
        """
        return typed(x, "x", self.dtype)

    def forward(
        self, x: Array, *, seed: int | None = None, first_step: int = 0, first_sequence: int = 0
    ) -> tuple[Array, LayerTape]:
        """Drops numbers out, and returns a tape.

        Parameters
        ----------
        x : ndarray [..., N, width]
            All dimensions before the last two are steps.
        seed : int, optional
            In 0...2^64 - 1: the same seed, the same mask. None: the next of a sequence that the layer's own seed
            starts; ``LayerTape.seed`` says which.
        first_step, first_sequence : int
            Added to a step's and a sequence's index in the mask, so that an array in parts has the masks of the whole.
            With a seed only.

        Returns
        -------
        y : ndarray
            As x.
        tape : LayerTape
        """
        x = rows(typed(x, "x", self.dtype), "x")
        needs_seed(seed, integer(first_step, "first_step", 0, 2**32), "first_step", "parts of a sequence")
        needs_seed(seed, integer(first_sequence, "first_sequence", 0, 2**32), "first_sequence", "parts of a batch")
        chosen = self._seeds.getrandbits(64) if seed is None else unsigned(seed, "seed")
        place: dict[str, Any] = {"layer": self.layer, "first_step": first_step, "first_sequence": first_sequence}
        y = dropout(x, self.p, seed=chosen, **place).y
        y_shape = y.shape

        def backward(dy: Any, gradients: NamedViews | None, need_x: bool) -> Array | None:
            dy = shaped(dy, "dy", self.dtype, y_shape)
            return dropout_backward(dy, self.p, chosen, **place) if need_x else None

        return y, LayerTape(self, {}, backward, chosen)
