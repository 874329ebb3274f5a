"""The part of `Attention` that its memory and its tape use: sizes, parameters, and the caller's layout."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._arguments import flag, real
from .._arrays import Array, dense, typed
from ._layout import swapped
from .layer import Layer, Tensor, size

_KINDS = ("additive", "dot", "general", "concat")


class Scores(Layer):
    """The base of `Attention`: how queries and keys are scored. Not made itself."""

    _defaults = {"attention_size": None, "bias": True, "scale": 1.0, "batch_first": False}

    def __init__(
        self,
        kind: str,
        query_size: int,
        key_size: int | None = None,
        attention_size: int | None = None,
        bias: bool = True,
        scale: float = 1.0,
        batch_first: bool = False,
        dtype: Any = "float32",
        seed: int | None = None,
    ) -> None:
        if kind not in _KINDS:
            raise ValueError(f"kind: {kind!r} is none of {list(_KINDS)}")
        queries = size(query_size, "query_size")
        keys = queries if key_size is None else size(key_size, "key_size")
        inner = None if attention_size is None else size(attention_size, "attention_size")
        if kind == "dot" and keys != queries:
            raise ValueError(f"key_size: attention of kind 'dot' needs that of the queries, {queries}, got {keys}")
        if kind in ("dot", "general") and inner is not None:
            raise ValueError(f"attention_size: attention of kind {kind!r} has none")
        number = real(scale, "scale")
        if not np.isfinite(number) or number == 0:
            raise ValueError(f"scale: {number} is not a finite number other than 0")
        config = {
            "kind": kind, "query_size": queries, "key_size": keys,
            "attention_size": queries if kind in ("additive", "concat") and inner is None else inner,
            "bias": flag(bias, "bias"), "scale": number, "batch_first": flag(batch_first, "batch_first"),
        }  # fmt: skip
        super().__init__(config, dtype, seed)

    @property
    def kind(self) -> str:
        """How queries and keys are scored."""
        return str(self._config["kind"])

    @property
    def query_size(self) -> int:
        """Q."""
        return int(self._config["query_size"])

    @property
    def key_size(self) -> int:
        """K."""
        return int(self._config["key_size"])

    @property
    def attention_size(self) -> int | None:
        """A; None: of "dot" and "general"."""
        found: int | None = self._config["attention_size"]
        return found

    @property
    def bias(self) -> bool:
        """Whether "additive" and "concat" have a bias; its numbers are ``parameters["bias"]``."""
        return bool(self._config["bias"])

    @property
    def scale(self) -> float:
        """The factor of scores."""
        return float(self._config["scale"])

    @property
    def batch_first(self) -> bool:
        """Whether sequences come before steps."""
        return bool(self._config["batch_first"])

    def _tensors(self) -> list[Tensor]:
        queries, keys, inner = self.query_size, self.key_size, self.attention_size
        if self.kind == "dot":
            return []
        if inner is None:
            return [Tensor("weight", (queries, keys), keys)]
        columns = keys if self.kind == "additive" else queries + keys
        found = [Tensor("query_weight", (inner, queries), queries)] if self.kind == "additive" else []
        found.append(Tensor("weight", (inner, columns), columns))
        if self.bias:
            found.append(Tensor("bias", (inner,), columns, is_bias=True))
        return [*found, Tensor("score", (inner,), inner)]

    def _options(self) -> dict[str, Any]:
        """The arguments of `attention` that are the layer's."""
        return {"kind": self.kind, "scale": self.scale, **self._parameters}

    def _steps(self, value: Any, name: str, width: int | None) -> Array:
        """An array of the caller's as [T, N, width], dense; None: of any width."""
        array = typed(value, name, self.dtype)
        if array.ndim != 3 or width not in (None, array.shape[-1]):
            last = "V" if width is None else str(width)
            axes = f"[N, T, {last}]" if self.batch_first else f"[T, N, {last}]"
            raise ValueError(f"{name}: expected shape {axes}, got {list(array.shape)}")
        return dense(swapped(array, self.batch_first))

    def _own(self, array: Array) -> Array:
        """An array of the library's [T, N, ...] in the caller's layout, dense."""
        return dense(swapped(array, self.batch_first))
