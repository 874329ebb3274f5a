"""The layer `Embedding`: a table of vectors, looked up by identifiers."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from .._arguments import integer
from .._arrays import Array, integers, shaped
from .._initializers import Distribution
from .._keywords import answers_keywords
from ..functional import embedding, embedding_backward
from ..parameters import NamedViews
from .layer import Layer, Tensor, size
from .tape import LayerTape


@answers_keywords
class Embedding(Layer):
    """A table of vectors: ``y[..., :] = weight[ids[...], :]``, torch's ``nn.Embedding``.

    The parameter is ``weight`` [num_embeddings, embedding_dim], drawn from N(0, 1).

    Parameters
    ----------
    num_embeddings : int
        The number of vectors; 1 or more, as all sizes.
    embedding_dim : int
        The width of each.
    padding_idx : int, optional
        An identifier whose row is zeros at first and gets no gradient; negative ones count from the end.
    dtype : str or numpy dtype
        float32 or float64.
    seed : int, optional
        In 0...2^64 - 1: the same numbers on every machine. None: drawn anew.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> embedding = swiftrnn.Embedding(10, 4, padding_idx=0, seed=0)
    >>> ids = np.array([[3, 1], [2, 0]])                     # T steps, N sequences
    >>> y, tape = embedding.forward(ids)
    >>> y.shape, bool(y[1, 1].any())
    ((2, 2, 4), False)
    >>> tape.backward(np.ones_like(y)).parameters["weight"][:4, 0].tolist()
    [0.0, 1.0, 1.0, 1.0]
    """

    _defaults = {"padding_idx": None}

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        dtype: Any = "float32",
        seed: int | None = None,
    ) -> None:
        count = size(num_embeddings, "num_embeddings")
        config: dict[str, Any] = {
            "num_embeddings": count, "embedding_dim": size(embedding_dim, "embedding_dim"), "padding_idx": None,
        }  # fmt: skip
        if padding_idx is not None:
            config["padding_idx"] = integer(padding_idx, "padding_idx", -count, count - 1) % count
        super().__init__(config, dtype, seed)

    @property
    def num_embeddings(self) -> int:
        """The number of vectors."""
        return int(self._config["num_embeddings"])

    @property
    def embedding_dim(self) -> int:
        """The width of each vector."""
        return int(self._config["embedding_dim"])

    @property
    def padding_idx(self) -> int | None:
        """The identifier whose row gets no gradient, 0 or more; None: there is none."""
        found: int | None = self._config["padding_idx"]
        return found

    def _tensors(self) -> list[Tensor]:
        return [Tensor("weight", (self.num_embeddings, self.embedding_dim), self.embedding_dim)]

    def _torchs_weights(self, bound: tuple[str, float]) -> Distribution:
        return ("normal", 1.0)

    def initialize(
        self, seed: int | None = None, *, weights: Distribution = "torch", bias: Distribution = "torch"
    ) -> None:
        """Draws the table, by default from N(0, 1); the row of `padding_idx` is zeros.

        Parameters
        ----------
        seed, weights
            As for `Layer.initialize`.
        bias : str, float or (str, float)
            Is checked, and has no effect: there is no bias.

        Examples
        --------
        >>> import swiftrnn
        >>> embedding = swiftrnn.Embedding(10, 4)
        >>> embedding.initialize(7, weights=("uniform", 0.1))
        >>> bool(abs(embedding.flat).max() <= 0.1)
        True
        """
        super().initialize(seed, weights=weights, bias=bias)
        if self.padding_idx is not None:
            self._parameters["weight"][self.padding_idx] = 0

    def __call__(self, ids: ArrayLike) -> Array:
        """Looks vectors up.

        Parameters
        ----------
        ids : array of integers, of any shape
            Each in 0 ..< num_embeddings.

        Returns
        -------
        ndarray [..., embedding_dim]

        Raises
        ------
        SwiftRNNError
            An identifier is outside the table (also a ValueError).
        TypeError
            They are no integers.
        """
        return embedding(self._parameters["weight"], ids)

    def forward(self, ids: ArrayLike) -> tuple[Array, LayerTape]:
        """Looks vectors up, and returns a tape, too; errors as for a call. Identifiers have no gradient:
        ``Gradients.x`` of the tape's `backward` is None.

        Parameters
        ----------
        ids : array of integers, of any shape
            As for a call.

        Returns
        -------
        y : ndarray [..., embedding_dim]
            As for a call.
        tape : LayerTape
            Holds the identifiers.
        """
        elements = integers(ids, "ids")
        y = embedding(self._parameters["weight"], elements)

        def backward(dy: Any, gradients: NamedViews | None, need_x: bool) -> Array | None:
            dy = shaped(dy, "dy", self.dtype, y_shape)
            if gradients is not None:
                table, padding = gradients["weight"], self.padding_idx
                kept = None if padding is None else table[padding].copy()
                embedding_backward(dy, elements, self.num_embeddings, accumulate_into=table)
                if padding is not None:
                    table[padding] = kept
            return None

        y_shape = y.shape
        return y, LayerTape(self, {"ids": elements}, backward)
