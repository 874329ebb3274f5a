"""Attention of queries over keys, and the memory of keys that a decoder makes once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import _c_api as c
from ._arrays import Array, address, dense, flag, integer, one_type, real, shaped, typed
from ._pooling import counted, parameter, target, three
from ._sequence import Lengths

_KINDS = {
    "dot": c.ATTENTION_DOT,
    "general": c.ATTENTION_GENERAL,
    "concat": c.ATTENTION_CONCAT,
    "additive": c.ATTENTION_ADDITIVE,
}


class Attended(NamedTuple):
    """What `attention` returns: the sums of the values, and how much each key counted."""

    context: Array
    weights: Array | None


class AttentionGradients(NamedTuple):
    """The gradients of an `attention`; None where not wanted, or where there is no such thing."""

    queries: Array | None = None
    keys: Array | None = None
    values: Array | None = None
    memory: Array | None = None
    query_weight: Array | None = None
    weight: Array | None = None
    bias: Array | None = None
    score: Array | None = None


class _Attention:
    """Parameters and keys, checked; the queries' size and A follow from the parameters' shapes."""

    def __init__(
        self, kind: str, lengths: Lengths | None, mask: Any, keys: Any, query_size: int | None, query_weight: Any,
        weight: Any, bias: Any, score: Any, scale: float, *, with_queries: bool,
    ) -> None:  # fmt: skip
        if kind not in _KINDS:
            raise ValueError(f"kind: {kind!r} is none of {list(_KINDS)}")
        self.kind, self.products = kind, kind in ("dot", "general")
        self.keys = three(keys, "keys", "[Tk, N, K]")
        self.dtype = self.keys.dtype
        self.steps, self.sequences, key_size = self.keys.shape
        self.lengths, self.mask = counted(self.steps, self.sequences, lengths, mask)
        given = {"query_weight": query_weight, "weight": weight, "bias": bias, "score": score}
        has = {
            "dot": (), "general": ("weight",), "concat": ("weight", "bias", "score"), "additive": tuple(given),
        }[kind]  # fmt: skip
        for name, value in given.items():
            if value is not None and name not in has:
                raise ValueError(f"{name}: attention of kind {kind!r} has none")
            of_queries = name in ("query_weight", "score")
            if value is None and name in has and name != "bias" and (with_queries or not of_queries):
                raise ValueError(f"{name}: attention of kind {kind!r} needs it")
        if weight is not None and typed(weight, "weight").ndim != 2:
            raise ValueError(f"weight: expected 2 dimensions, got shape {list(weight.shape)}")
        size = 0 if self.products else weight.shape[0]
        if query_size is None:
            query_size = {
                "dot": lambda: key_size, "general": lambda: weight.shape[0],
                "concat": lambda: max(weight.shape[1] - key_size, 0), "additive": lambda: 0,
            }[kind]()  # fmt: skip
        columns = {"dot": (), "general": (query_size, key_size), "concat": (size, query_size + key_size)}
        self.weight = parameter(weight, "weight", columns.get(kind, (size, key_size)))
        self.query_weight = parameter(query_weight, "query_weight", (size, query_size))
        self.bias, self.score = parameter(bias, "bias", (size,)), parameter(score, "score", (size,))
        self.query_size, self.key_size, self.size = query_size, key_size, size
        self.memory_size = key_size if kind == "dot" else query_size if kind == "general" else size
        number = real(scale, "scale")
        if not np.isfinite(number) or number == 0:
            raise ValueError(f"scale: {number} is not a finite number other than 0")
        self.scale = number
        one_type({
            "keys": self.keys, "query_weight": self.query_weight, "weight": self.weight, "bias": self.bias,
            "score": self.score,
        })  # fmt: skip

    def more(self, queries: Any, values: Any, memory: Any) -> None:
        """What a pass over queries has beside."""
        self.queries = three(queries, "queries", "[Tq, N, Q]")
        expected = (self.queries.shape[0], self.sequences, self.query_size)
        if self.queries.shape != expected:
            raise ValueError(f"queries: expected shape {list(expected)}, got {list(self.queries.shape)}")
        self.query_steps = self.queries.shape[0]
        self.values = None if values is None else three(values, "values", "[Tk, N, V]")
        if self.values is not None and self.values.shape[:2] != (self.steps, self.sequences):
            expected_rows = f"[{self.steps}, {self.sequences}, V]"
            raise ValueError(f"values: expected shape {expected_rows}, got {list(self.values.shape)}")
        shape = (self.steps, self.sequences, self.memory_size)
        self.memory = None if memory is None else dense(shaped(memory, "memory", self.dtype, shape))
        one_type({"keys": self.keys, "queries": self.queries, "values": self.values})

    @property
    def value_size(self) -> int:
        values = getattr(self, "values", None)
        return self.key_size if values is None else int(values.shape[2])

    def call(self, function: Any, make: Any, **arrays: Array | int | None) -> None:
        """Calls the library with the arguments of a pass: addresses of arrays, and flags."""
        config = c.AttentionConfig(
            kind=_KINDS[self.kind],
            query_size=self.query_size,
            key_size=self.key_size,
            value_size=self.value_size,
            attention_size=self.size,
            scale=self.scale,
        )
        given = {name: address(array) if isinstance(array, np.ndarray) else array for name, array in arrays.items()}
        arguments = make(
            steps=self.steps,
            sequences=self.sequences,
            lengths=c.int64s(address(self.lengths)),
            mask=c.uint8s(address(self.mask)),
            keys=address(self.keys),
            weight=address(self.weight),
            bias=address(self.bias),
            **given,
        )
        function(c.dtype_code(self.dtype), c.byref(config), c.byref(arguments))


def _query_size(kind: str, queries: Any) -> int | None:
    """Q as the queries say, where no parameter's shape says it alone."""
    return three(queries, "queries", "[Tq, N, Q]").shape[2] if kind in ("additive", "concat") else None


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
        How many keys each sequence has; what lies behind them is not read. None: all.
    mask : array of bool [Tk, N], optional
        True where a key counts, of those within the lengths.
    query_weight, weight, bias, score : ndarray, optional
        What the kind has; a bias of None is zeros.
    scale : float
        ``K ** -0.5``, for instance.
    memory : ndarray, optional
        Of `attention_memory` for these keys: a decoder makes it once and attends once for each of its steps.
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
        What `attention` returned.
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
    """What keys alone give to `attention`: k, ``weight @ k``, or ``weight @ k + bias``.

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
        What the calls of `attention_backward` have added up.
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
