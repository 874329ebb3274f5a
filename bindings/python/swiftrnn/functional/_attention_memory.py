"""The memory of keys that a decoder computes once, and its gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _c as c
from .._arguments import flag, integer
from .._arrays import Array, dense, shaped
from .._batch import Lengths
from ._attention_arguments import AttentionGradients, _Attention
from ._checks import target


def attention_memory(
    keys: Array,
    *,
    kind: str = "dot",
    lengths: Lengths | None = None,
    mask: Any = None,
    weight: Array | None = None,
    bias: Array | None = None,
    query_size: int | None = None,
) -> Array:
    """The part of `attention` that depends on keys alone: k, ``weight @ k``, or ``weight @ k + bias``.

    Parameters
    ----------
    keys : ndarray [Tk, N, K]
    kind, lengths, mask, weight, bias
        As for `attention`.
    query_size : int, optional
        Q, to be compared with the shape of a "concat" weight. None: it is what the shape says.

    Returns
    -------
    ndarray [Tk, N, M]
        M is K ("dot"), Q ("general") or A; zeros where a key does not count.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> rng = np.random.default_rng(0)
    >>> keys, weight, queries = rng.normal(size=(7, 2, 3)), rng.normal(size=(4, 3)), rng.normal(size=(5, 2, 4))
    >>> memory = swiftrnn.attention_memory(keys, kind="general", weight=weight)
    >>> context, _ = swiftrnn.attention(queries[:1], keys, kind="general", weight=weight, memory=memory)
    >>> whole, _ = swiftrnn.attention(queries, keys, kind="general", weight=weight)
    >>> bool((context == whole[:1]).all())
    True
    """
    size = None if query_size is None else integer(query_size, "query_size", 0)
    a = _Attention(kind, lengths, mask, keys, size, None, weight, bias, None, 1.0, with_queries=False)
    memory = np.empty((a.steps, a.sequences, a.memory_size), a.dtype)
    a.call(c.attention_memory, c.AttentionArgs, memory=memory)
    return memory


def attention_memory_backward(
    dmemory: Array,
    keys: Array,
    *,
    kind: str = "dot",
    lengths: Lengths | None = None,
    mask: Any = None,
    weight: Array | None = None,
    bias: Array | None = None,
    need_keys: bool = True,
    need_parameters: bool = True,
    accumulate_into: AttentionGradients | None = None,
) -> AttentionGradients:
    """The gradients of `attention_memory`.

    Parameters
    ----------
    dmemory : ndarray [Tk, N, M]
        The sum that the calls of `attention_backward` have returned.
    keys, kind, lengths, mask, weight, bias
        As for `attention_memory`.
    need_keys, need_parameters : bool
        Which gradients to compute.
    accumulate_into : AttentionGradients, optional
        C-contiguous arrays: the gradients of keys, weight and bias are added to these, where they are wanted, and they
        are returned. Where the keys are the values, `keys` of it is what reached them as values.

    Returns
    -------
    AttentionGradients
        keys [Tk, N, K], weight (of "concat" zeros in the queries' columns, or what is there) and bias.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> keys, weight = np.ones((3, 1, 2)), np.ones((4, 2))
    >>> gradients = swiftrnn.attention_memory_backward(np.ones((3, 1, 4)), keys, kind="general", weight=weight)
    >>> gradients.keys[0].tolist(), gradients.weight[0].tolist()
    ([[4.0, 4.0]], [3.0, 3.0])
    """
    a = _Attention(kind, lengths, mask, keys, None, None, weight, bias, None, 1.0, with_queries=False)
    shape = (a.steps, a.sequences, a.memory_size)
    dmemory = dense(shaped(dmemory, "dmemory", a.dtype, shape))
    adds = accumulate_into is not None
    into = AttentionGradients() if accumulate_into is None else accumulate_into
    flag(need_parameters, "need_parameters")

    def of(name: str, need: bool, zeros: bool = False) -> Array | None:
        array = getattr(a, name)
        if array is None or not need:
            return None
        return target(getattr(into, name), name, a.dtype, array.shape, adds or zeros)

    found = AttentionGradients(
        keys=of("keys", flag(need_keys, "need_keys")), weight=of("weight", need_parameters, kind == "concat"),
        bias=of("bias", need_parameters),
    )  # fmt: skip
    a.call(
        c.attention_memory_backward, c.AttentionBackwardArgs, dmemory=dmemory, dkeys=found.keys, dweight=found.weight,
        dbias=found.bias, accumulate=adds, accumulate_keys=adds,
    )  # fmt: skip
    return found
