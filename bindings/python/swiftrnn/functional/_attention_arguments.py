"""Arguments of attention, checked, and its results."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import _c as c
from .._arguments import real
from .._arrays import Array, address, dense, one_type, shaped, typed
from .._batch import Lengths
from ._checks import counted, parameter, three

_KINDS = {
    "dot": c.ATTENTION_DOT,
    "general": c.ATTENTION_GENERAL,
    "concat": c.ATTENTION_CONCAT,
    "additive": c.ATTENTION_ADDITIVE,
}


class Attended(NamedTuple):
    """Results of `attention`: the sums of the values, and the weight of each key."""

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
        """Further arguments of a pass over queries."""
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
