"""The layer `Attention`."""

from __future__ import annotations

from typing import Any, Union

import numpy as np

from .._arrays import Array
from .._batch import Lengths
from .._keywords import answers_keywords
from ..functional import Attended, attention
from ._layout import mask_by_step
from ._scores import Scores
from .attention_memory import AttentionMemory
from .attention_tape import AttentionTape


@answers_keywords
class Attention(Scores):
    """How much each key counts for each query, and the sum of the keys' values by that.

    The weights are the softmax, over the keys that count, of ``scale`` times a score of query q and key k:

    - "additive": ``score @ tanh(query_weight @ q + weight @ k + bias)`` (Bahdanau, Cho, Bengio 2015, whose equations
      leave biases out); parameters ``query_weight`` [A, Q], ``weight`` [A, K], ``bias`` [A], ``score`` [A];
    - "dot": ``q @ k``, Q = K (Luong, Pham, Manning 2015); no parameters;
    - "general": ``q @ (weight @ k)`` (the same); ``weight`` [Q, K];
    - "concat": ``score @ tanh(weight @ [q, k] + bias)`` (the same, without bias); ``weight`` [A, Q + K], ``bias`` [A],
      ``score`` [A].

    Matrices and the bias are drawn as those of a `Linear`, ``score`` as the weight of a `Linear` with one output.

    A decoder that attends once per step makes a `memory` of its keys first.

    Parameters
    ----------
    kind : str
    query_size : int
        Q.
    key_size : int, optional
        K; None: Q.
    attention_size : int, optional
        A, of "additive" and "concat"; None: Q.
    bias : bool
        Whether "additive" and "concat" have a bias.
    scale : float
        Finite and not 0; ``K ** -0.5`` in Vaswani et al. 2017.
    batch_first : bool
        Whether queries are [N, Tq, Q], keys [N, Tk, K], values [N, Tk, V], a mask [N, Tk], weights [N, Tq, Tk].
    dtype : str or numpy dtype
        float32 or float64.
    seed : int, optional
        In 0...2^64 - 1: the same numbers on every machine. None: drawn anew.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> attention = swiftrnn.Attention("additive", 8, 6, 16, seed=0)
    >>> queries, keys = np.ones((3, 2, 8), np.float32), np.ones((5, 2, 6), np.float32)
    >>> context, weights, tape = attention.forward(queries, keys, lengths=[5, 2])
    >>> context.shape, weights[0, 1].tolist()
    ((3, 2, 6), [0.5, 0.5, 0.0, 0.0, 0.0])
    >>> grads = tape.backward(np.ones_like(context))
    >>> grads.x.shape, grads.inputs["keys"].shape, list(grads.parameters)
    ((3, 2, 8), (5, 2, 6), ['query_weight', 'weight', 'bias', 'score'])
    """

    def memory(
        self, keys: Array, values: Array | None = None, lengths: Lengths | None = None, mask: Array | None = None
    ) -> AttentionMemory:
        """The part of the scores that depends on keys alone, computed once for the many steps of a decoder, to be
        passed instead of the keys.

        Parameters
        ----------
        keys : ndarray [Tk, N, K]
            Held by reference, as values are.
        values, lengths, mask
            As for a call.

        Examples
        --------
        >>> import numpy as np, swiftrnn
        >>> attention = swiftrnn.Attention("general", 8, 6, seed=0)
        >>> memory = attention.memory(np.ones((5, 2, 6), np.float32), lengths=[5, 2])
        >>> context, weights = attention(np.ones((1, 2, 8), np.float32), memory)     # one step of a decoder
        >>> context.shape
        (1, 2, 6)
        """
        key_steps = self._steps(keys, "keys", self.key_size)
        value_steps = None if values is None else self._steps(values, "values", None)
        shape = np.shape(keys)[:-1]
        return AttentionMemory(self, key_steps, value_steps, lengths, mask_by_step(mask, shape, self.batch_first))

    def _known(self, keys: AttentionMemory, values: Any, lengths: Any, mask: Any) -> AttentionMemory:
        """The memory that was given instead of keys."""
        for name, value in {"values": values, "lengths": lengths, "mask": mask}.items():
            if value is not None:
                raise ValueError(f"{name}: the memory has it: give it to Attention.memory")
        if keys._layer is not self:
            raise ValueError("keys: the memory is another layer's")
        return keys._checked()

    def __call__(
        self,
        queries: Array,
        keys: Union[Array, AttentionMemory],
        values: Array | None = None,
        lengths: Lengths | None = None,
        mask: Array | None = None,
    ) -> Attended:
        """Attends.

        Parameters
        ----------
        queries : ndarray [Tq, N, Q]
        keys : ndarray [Tk, N, K] or AttentionMemory
            A memory comes with its values, lengths and mask.
        values : ndarray [Tk, N, V], optional
            None: the keys.
        lengths : sequence of int, optional
            N values in 0...Tk: the keys of each sequence; later keys are not read. None: all.
        mask : array of bool [Tk, N], optional
            True where a key counts, of those within the lengths. None: all.

        Returns
        -------
        context : ndarray [Tq, N, V]
        weights : ndarray [Tq, N, Tk]

        Raises
        ------
        TypeError, ValueError
            A type or a shape is wrong; the memory is another layer's.
        SwiftRNNError
            MISMATCH: the parameters have changed since the memory was made.
        """
        return self._attend(queries, keys, values, lengths, mask)[0]

    def _attend(
        self, queries: Any, keys: Any, values: Any, lengths: Any, mask: Any
    ) -> tuple[Attended, Array, dict[str, Any], Array]:
        """Context and weights in the caller's layout; queries by step; what else there is, also for the backward pass;
        the weights by step."""
        query_steps = self._steps(queries, "queries", self.query_size)
        if isinstance(keys, AttentionMemory):
            memory = self._known(keys, values, lengths, mask)
            given = memory._arguments()
        else:
            value_steps = None if values is None else self._steps(values, "values", None)
            given = {
                "keys": self._steps(keys, "keys", self.key_size), "values": value_steps, "lengths": lengths,
                "mask": mask_by_step(mask, np.shape(keys)[:-1], self.batch_first), **self._options(),
            }  # fmt: skip
        context, weights = attention(query_steps, **given)
        assert weights is not None
        return Attended(self._own(context), self._own(weights)), query_steps, given, weights

    def forward(
        self,
        queries: Array,
        keys: Union[Array, AttentionMemory],
        values: Array | None = None,
        lengths: Lengths | None = None,
        mask: Array | None = None,
    ) -> tuple[Array, Array, AttentionTape]:
        """Attends, and returns a tape, too; errors as for a call.

        Parameters
        ----------
        queries, keys, values, lengths, mask
            As for a call.

        Returns
        -------
        context, weights
            As for a call.
        tape : AttentionTape
            Its `backward` takes the gradient for the context; the weights have none. It holds queries, keys, values and
            the weights by reference: leave them as they are until the last `backward`.
        """
        attended, query_steps, given, weights = self._attend(queries, keys, values, lengths, mask)
        memory = keys if isinstance(keys, AttentionMemory) else None
        tape = AttentionTape(self, query_steps, given, weights, memory, attended.context.shape)
        return attended.context, attended.weights, tape  # type: ignore[return-value]
