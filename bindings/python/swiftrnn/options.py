"""How the layers of a network are joined, if not as in torch: the same options for every cell."""

from __future__ import annotations

import dataclasses
import difflib
from typing import Any, Sequence

import numpy as np

from . import _c as c
from ._arguments import flag, integer
from ._keywords import answers_keywords

SKIPS = {"none": c.SKIP_NONE, "residual": c.SKIP_RESIDUAL, "dense": c.SKIP_DENSE}
MERGES = {
    "concatenate": c.MERGE_CONCATENATE,
    "sum": c.MERGE_SUM,
    "mean": c.MERGE_MEAN,
    "product": c.MERGE_PRODUCT,
}
# Keras's words.
_MERGES_ELSEWHERE = {"concat": "concatenate", "ave": "mean", "mul": "product"}
GAPS = {"none": c.GAPS_NONE, "repeated": c.GAPS_REPEATED, "zero": c.GAPS_ZERO}


@answers_keywords
@dataclasses.dataclass(frozen=True)
class LayerOptions:
    """How layers, directions and steps are joined. What is left out is as in torch; any combination works. Never
    changes. Passes over trees take none of these.

    Parameters
    ----------
    skip : "none", "residual" or "dense"
        Connections past layers. Residual: each layer but the first adds what it reads to what it gives out (He 2016;
        for recurrent layers Wu 2016); all layers are as wide then. Dense: each layer reads x and the outputs of all
        layers below, side by side (Huang 2017; for recurrent layers Ding 2018); y is the last one's output.
    merge : "concatenate", "sum", "mean" or "product"
        The merge of the outputs of two directions: after each layer, or, if these are independent, after the last.
        Keras's "concat", "ave" and "mul" are understood, too.
    independent_directions : bool
        Each direction reads its own direction's outputs of the layer below instead of both.
    dilations : sequence of int or int, optional
        k of each layer: the states that a step reads are those from k steps back (Chang 2017). A state has k rows for
        each of one then: row j is what step j of a call reads, and after the call what step j of the next one would.
    hidden_sizes : sequence of int, optional
        H of each layer, instead of `hidden_size`.
    learned_initial_states : bool
        States start with parameters, ``initial_h_l0``, where a call gives none.
    gaps : "none", "repeated" or "zero"
        Calls take a ``mask`` of steps. States are carried past the steps that it leaves out; in y each direction
        repeats there what it gave out last (zeros before its first step), or y is zero: Keras's masks.

    Examples
    --------
    >>> import numpy as np, swiftrnn
    >>> options = swiftrnn.LayerOptions(skip="residual", merge="sum", dilations=[1, 2, 4])
    >>> gru = swiftrnn.GRU(3, 8, num_layers=3, bidirectional=True, options=options, seed=0)
    >>> y, h = gru(np.ones((9, 2, 3), np.float32))
    >>> y.shape, h.shape                            # 2 directions of 1 + 2 + 4 rows
    ((9, 2, 8), (14, 2, 8))
    >>> masked = swiftrnn.LSTM(3, 8, options=swiftrnn.LayerOptions(gaps="zero"), seed=0)
    >>> y, _ = masked(np.ones((3, 1, 3), np.float32), mask=[[True], [False], [True]])
    >>> bool(y[1].any())
    False
    """

    skip: str = "none"
    merge: str = "concatenate"
    independent_directions: bool = False
    dilations: "Sequence[int] | int | None" = None
    hidden_sizes: "Sequence[int] | None" = None
    learned_initial_states: bool = False
    gaps: str = "none"

    def __post_init__(self) -> None:
        if isinstance(self.merge, str):
            object.__setattr__(self, "merge", _MERGES_ELSEWHERE.get(self.merge, self.merge))
        _named(self.skip, "skip", SKIPS)
        _named(self.merge, "merge", MERGES)
        _named(self.gaps, "gaps", GAPS)
        flag(self.independent_directions, "independent_directions")
        flag(self.learned_initial_states, "learned_initial_states")
        if isinstance(self.dilations, (int, np.integer)) or getattr(self.dilations, "ndim", 1) == 0:
            object.__setattr__(self, "dilations", integer(self.dilations, "dilations"))
        elif self.dilations is not None:
            object.__setattr__(self, "dilations", _integers(self.dilations, "dilations"))
        if self.hidden_sizes is not None:
            object.__setattr__(self, "hidden_sizes", _integers(self.hidden_sizes, "hidden_sizes"))

    def fill(self, config: Any, layers: int) -> Any:
        """Sets the fields of a ``swiftrnn_config``; what is returned must be kept until the library has read it."""
        config.skip = SKIPS[self.skip]
        config.merge = MERGES[self.merge]
        config.gaps = GAPS[self.gaps]
        config.independent_directions = int(self.independent_directions)
        config.learned_initial_states = int(self.learned_initial_states)
        dilations = (self.dilations,) * layers if isinstance(self.dilations, int) else self.dilations
        kept = [_list(dilations, "dilations", layers), _list(self.hidden_sizes, "hidden_sizes", layers)]
        config.layer_dilations, config.layer_hidden_sizes = kept
        return kept

    def __repr__(self) -> str:
        default = {field.name: field.default for field in dataclasses.fields(self)}
        words = [f"{name}={getattr(self, name)!r}" for name in default if getattr(self, name) != default[name]]
        return f"LayerOptions({', '.join(words)})"


def _named(value: Any, name: str, allowed: Sequence[str] | dict[str, int]) -> None:
    if isinstance(value, str) and value in allowed:
        return
    near = difflib.get_close_matches(value, allowed, 1) if isinstance(value, str) else []
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise ValueError(f"{name}: expected one of {', '.join(map(repr, allowed))}, got {value!r}{hint}")


def _integers(values: Any, name: str) -> tuple[int, ...]:
    if getattr(values, "ndim", 1) == 0:
        raise TypeError(f"{name}: expected a sequence of integers, got a single number")
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name}: expected a sequence of integers, got {type(values).__name__}")
    return tuple(integer(value, f"{name}[{index}]") for index, value in enumerate(values))


def _list(values: Sequence[int] | None, name: str, layers: int) -> Any:
    if values is None:
        return None
    if len(values) != layers:
        raise ValueError(f"{name}: expected one for each of {layers} layers, got {len(values)}")
    return (c.c_int64 * layers)(*values)
