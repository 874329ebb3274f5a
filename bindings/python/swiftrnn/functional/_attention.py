"""Attention of queries over keys, and its gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _c as c
from .._arguments import flag
from .._arrays import Array, dense, shaped
from .._batch import Lengths
from ._attention_arguments import Attended, AttentionGradients, _Attention, _query_size
from ._checks import target


def attention(
    queries: Array,
    keys: Array,
    values: Array | None = None,
    *,
    kind: str = "dot",
    lengths: Lengths | None = None,
    mask: Any = None,
    query_weight: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    score: Array | None = None,
    scale: float = 1.0,
    memory: Array | None = None,
    need_weights: bool = True,
) -> Attended:
    """How much each key counts for each query, and the sum of the keys' values by that.

    The weights are the softmax, over the keys that count, of ``scale`` times a score of query q and key k:

    - "dot": ``q @ k``, Q = K (Luong, Pham, Manning 2015);
    - "general": ``q @ (weight @ k)``, weight [Q, K] (the same);
    - "concat": ``score @ tanh(weight @ [q, k] + bias)``, weight [A, Q + K], bias and score [A] (the same,
      without bias);
    - "additive": ``score @ tanh(query_weight @ q + weight @ k + bias)``, query_weight [A, Q], weight [A, K] (Bahdanau,
      Cho, Bengio 2015, whose equations leave biases out).

    A sequence without a key that counts has weights and context of zero.

    Parameters
    ----------
    queries : ndarray [Tq, N, Q]
    keys : ndarray [Tk, N, K]
    values : ndarray [Tk, N, V], optional
        None: the keys.
    kind : str
    lengths : integers [N], optional
        The keys of each sequence; later keys are not read. None: all.
    mask : array of bool [Tk, N], optional
        True where a key counts, of those within the lengths.
    query_weight, weight, bias, score : ndarray, optional
        The parameters of the kind; a bias of None is zeros.
    scale : float
        ``K ** -0.5``, for instance.
    memory : ndarray, optional
        The result of `attention_memory` for these keys, which a decoder computes once for all of its steps.
    need_weights : bool
        Whether weights are returned: `attention_backward` takes them.

    Returns
    -------
    context : ndarray [Tq, N, V]
    weights : ndarray [Tq, N, Tk] or None

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> queries, keys = np.zeros((1, 1, 2)), np.array([[[1.0, 0.0]], [[3.0, 0.0]], [[5.0, 5.0]]])
    >>> context, weights = swiftrnn.attention(queries, keys, lengths=[2])
    >>> context.tolist(), weights.tolist()
    ([[[2.0, 0.0]]], [[[0.5, 0.5, 0.0]]])
    """
    a = _Attention(
        kind, lengths, mask, keys, _query_size(kind, queries), query_weight, weight, bias, score, scale,
        with_queries=True,
    )  # fmt: skip
    a.more(queries, values, memory)
    context = np.empty((a.query_steps, a.sequences, a.value_size), a.dtype)
    wanted = flag(need_weights, "need_weights")
    weights = np.empty((a.query_steps, a.sequences, a.steps), a.dtype) if wanted else None
    a.call(
        c.attention_forward, c.AttentionArgs, query_steps=a.query_steps, queries=a.queries, values=a.values,
        query_weight=a.query_weight, score=a.score, memory=a.memory, context=context, weights=weights,
    )  # fmt: skip
    return Attended(context, weights)


def attention_backward(
    dcontext: Array,
    weights: Array,
    queries: Array,
    keys: Array,
    values: Array | None = None,
    *,
    kind: str = "dot",
    lengths: Lengths | None = None,
    mask: Any = None,
    query_weight: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    score: Array | None = None,
    scale: float = 1.0,
    memory: Array | None = None,
    need_queries: bool = True,
    need_keys: bool = True,
    need_parameters: bool = True,
    accumulate_into: AttentionGradients | None = None,
) -> AttentionGradients:
    """The gradients of `attention`.

    Parameters
    ----------
    dcontext : ndarray [Tq, N, V]
    weights : ndarray [Tq, N, Tk]
        The weights that `attention` returned.
    queries, keys, values, kind, lengths, mask, query_weight, weight, bias, score, scale, memory
        As for `attention`.
    need_queries, need_keys, need_parameters : bool
        Which gradients to compute; `need_keys` is of keys, values and memory.
    accumulate_into : AttentionGradients, optional
        C-contiguous arrays: all gradients but that of the queries are added to these, where they are wanted, and they
        are returned. Over the steps of a decoder, that is what the step before returned.

    Returns
    -------
    AttentionGradients
        Without a memory `keys` is all that reaches the keys, as values too where they are. With one, `memory` is what
        `attention_memory_backward` takes, `values` is the gradient of the values, or of the keys as values, and of the
        parameters there is what comes by way of the queries: no bias, of "concat" zeros in the keys' columns of weight.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> queries, keys = np.zeros((1, 1, 2)), np.array([[[1.0, 0.0]], [[3.0, 0.0]]])
    >>> context, weights = swiftrnn.attention(queries, keys)
    >>> gradients = swiftrnn.attention_backward(np.ones_like(context), weights, queries, keys)
    >>> gradients.queries.tolist(), gradients.keys.tolist()
    ([[[1.0, 0.0]]], [[[0.5, 0.5]], [[0.5, 0.5]]])
    """
    a = _Attention(
        kind, lengths, mask, keys, _query_size(kind, queries), query_weight, weight, bias, score, scale,
        with_queries=True,
    )  # fmt: skip
    a.more(queries, values, memory)
    dcontext = dense(shaped(dcontext, "dcontext", a.dtype, (a.query_steps, a.sequences, a.value_size)))
    weights = dense(shaped(weights, "weights", a.dtype, (a.query_steps, a.sequences, a.steps)))
    has_memory, adds = a.memory is not None, accumulate_into is not None
    into = AttentionGradients() if accumulate_into is None else accumulate_into

    def wanted(name: str, shape: tuple[int, ...], need: bool, zeros: bool = False) -> Array | None:
        return target(getattr(into, name), name, a.dtype, shape, adds or zeros) if need else None

    def of(name: str, need: bool, zeros: bool = False) -> Array | None:
        array = getattr(a, name)
        return None if array is None else wanted(name, array.shape, need, zeros)

    for name, value in {"queries": need_queries, "keys": need_keys, "parameters": need_parameters}.items():
        flag(value, f"need_{name}")
    rows = (a.steps, a.sequences)
    found = AttentionGradients(
        queries=np.empty_like(a.queries) if need_queries else None,
        keys=wanted("keys", a.keys.shape, need_keys and not has_memory),
        values=wanted("values", (*rows, a.value_size), need_keys and (has_memory or a.values is not None)),
        memory=wanted("memory", (*rows, a.memory_size), need_keys and has_memory),
        query_weight=of("query_weight", need_parameters),
        weight=of("weight", need_parameters and (not has_memory or kind == "concat"), has_memory),
        bias=of("bias", need_parameters and not has_memory),
        score=of("score", need_parameters),
    )
    a.call(
        c.attention_backward, c.AttentionBackwardArgs, query_steps=a.query_steps, queries=a.queries, values=a.values,
        query_weight=a.query_weight, score=a.score, memory=a.memory, weights=weights, dcontext=dcontext,
        dqueries=found.queries, dkeys=found.keys, dvalues=found.values, dmemory=found.memory,
        dquery_weight=found.query_weight, dweight=found.weight, dbias=found.bias, dscore=found.score,
        accumulate=adds, accumulate_keys=adds,
    )  # fmt: skip
    return found
