"""Arrays of one call of a model: sequences side by side, and what is to come out."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np
from numpy.typing import ArrayLike

from .. import _c as c
from .._arguments import integer
from .._arrays import Array, address, dense, integers, shaped
from ..forests.forest import Forest

IGNORED = -100
"""A target that does not count."""


class Batch:
    """Sequences side by side, steps first, and what is to come out: N sequences of T steps.

    Which arrays a model needs:

    ================  ======================  ====================================================
    model             reads                   comes out
    ================  ======================  ====================================================
    LanguageModel     ids [T, N]              targets [T, N]: the token that follows each
    Tagger            ids, or features        targets [T, N], or values [T, N, outputs]
                      [T, N, F]
    Classifier        as a tagger             targets [N]
    Regressor         as a tagger             values [N, outputs]
    EncoderDecoder    as a tagger; and        targets [S, N]
                      decoder_ids [S, N]
    VectorDecoder     features [N, size];     targets [S, N]
                      and decoder_ids [S, N]
    OutputFeedback    as a tagger             as a tagger
    ================  ======================  ====================================================

    Over trees (``trees=True``) `forest` has M nodes: ids are [M], features [M, F]; targets and values are of nodes for
    a Tagger, [M] and [M, outputs], and of roots for a Classifier and a Regressor, in the order of ``forest.roots``.

    Arrays of numbers have the model's type and are never cast; they are read when a call is made, not before. Arrays
    that are not dense are copied.

    Parameters
    ----------
    ids : array of integers, optional
        Tokens, each in the vocabulary, also behind the end of a sequence.
    features : ndarray, optional
        Numbers in the place of tokens.
    lengths : array of integers [N], optional
        Each in 0...T; None: all T.
    targets : array of integers, optional
        Classes; -100 where none counts.
    values : ndarray, optional
        Numbers that are to come out.
    decoder_ids : array of integers, optional
        Inputs of a decoder: its targets one step later, after ``<bos>``.
    target_lengths : array of integers [N], optional
        Each in 0...S; None: all S.
    forest : Forest, optional
        For models over trees: all trees of the batch.
    first_sequence : int
        Added to a sequence's index in dropout masks: parts of a batch have the masks of the whole.
    """

    def __init__(
        self,
        *,
        ids: ArrayLike | None = None,
        features: Array | None = None,
        lengths: ArrayLike | None = None,
        targets: ArrayLike | None = None,
        values: Array | None = None,
        decoder_ids: ArrayLike | None = None,
        target_lengths: ArrayLike | None = None,
        forest: Forest | None = None,
        first_sequence: int = 0,
    ) -> None:
        self.ids = None if ids is None else integers(ids, "ids")
        self.features = features
        self.lengths = None if lengths is None else integers(lengths, "lengths")
        self.targets = None if targets is None else integers(targets, "targets")
        self.values = values
        self.decoder_ids = None if decoder_ids is None else integers(decoder_ids, "decoder_ids")
        self.target_lengths = None if target_lengths is None else integers(target_lengths, "target_lengths")
        if forest is not None and not isinstance(forest, Forest):
            raise TypeError(f"forest: expected a swiftrnn.Forest, got {type(forest).__name__}")
        self.forest = forest
        self.first_sequence = integer(first_sequence, "first_sequence", 0, 2**32 - 1)

    def __repr__(self) -> str:
        names = ("ids", "features", "lengths", "targets", "values", "decoder_ids", "target_lengths")
        there = ", ".join(
            f"{name}: {list(np.shape(getattr(self, name)))}" for name in names if getattr(self, name) is not None
        )
        if self.forest is not None:
            there = f"forest: {self.forest!r}, {there}"
        return f"Batch({there})"


class CheckedBatch:
    """A batch as the library's struct, for a model of a configuration: every array has the shape that its model reads.

    Attributes
    ----------
    struct : swiftrnn_model_batch
    steps, sequences, target_steps : int
        T, N and S.
    """

    def __init__(self, batch: Batch, configuration: Mapping[str, Any], dtype: np.dtype[Any]) -> None:
        self.kind: str = configuration["kind"]
        self.outputs: int = configuration["outputs"]
        self._batch, self._dtype = batch, dtype
        self._kept: list[Array] = []
        self.struct = c.ModelBatch(first_sequence=batch.first_sequence)
        self.steps, self.sequences, self.target_steps = 0, 0, 0
        self._trees = configuration.get("structure") == "trees"
        if batch.forest is not None and not self._trees:
            raise ValueError("batch.forest: is for models over trees: make the model with trees=True")
        if self._trees:
            self._nodes(configuration["input"])
        elif self.kind == "vector_decoder":
            self._vector(configuration["vector_size"])
        else:
            self._sequences(configuration["input"])
        if self.kind in ("vector_decoder", "encoder_decoder"):
            self._decoder()
        self._targets(configuration)
        self.struct.steps, self.struct.sequences = self.steps, self.sequences
        self.struct.target_steps = self.target_steps

    def output_shape(self) -> tuple[int, ...]:
        """The shape of what `swiftrnn_model_predict` writes."""
        if self._trees or self.kind in ("classifier", "regressor"):
            return (self.sequences, self.outputs)
        steps = self.target_steps if self.kind in ("vector_decoder", "encoder_decoder") else self.steps
        return (steps, self.sequences, self.outputs)

    def _place(self, array: Array) -> int | None:
        array = dense(array)
        self._kept.append(array)
        return address(array)

    def _missing(self, name: str) -> ValueError:
        return ValueError(f"batch.{name}: a {self.kind.replace('_', ' ')} needs it")

    def _numbers(self, name: str, axes: str, last: int) -> Array:
        """An array of numbers with as many axes as `axes` says, the last of which has `last` elements."""
        array = getattr(self._batch, name)
        if array is None:
            raise self._missing(name)
        if not isinstance(array, np.ndarray) or array.dtype != self._dtype:
            found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise TypeError(f"batch.{name}: expected an array of {self._dtype}, got {found} (nothing is cast)")
        if array.ndim != axes.count(",") + 1 or array.shape[-1] != last:
            raise ValueError(f"batch.{name}: expected shape [{axes}] with {last} last, got {list(array.shape)}")
        return array

    def _int64(self, name: str) -> Array:
        """An array of integers, also one that was assigned later."""
        array = getattr(self._batch, name)
        if not isinstance(array, np.ndarray) or array.dtype != np.int64:
            found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise TypeError(f"batch.{name}: expected an array of int64, got {found}")
        return array

    def _integers(self, name: str, shape: tuple[int, ...]) -> Any:
        array = self._int64(name)
        if array.shape != shape:
            raise ValueError(f"batch.{name}: expected shape {list(shape)}, got {list(array.shape)}")
        return c.int64s(self._place(array))

    def _vector(self, width: int) -> None:
        features = self._numbers("features", "N, vector_size", width)
        self.sequences = features.shape[0]
        self.struct.features = self._place(features)

    def _sequences(self, described: Mapping[str, Any]) -> None:
        if "features" in described:
            features = self._numbers("features", "T, N, features", described["features"])
            self.steps, self.sequences = features.shape[:2]
            self.struct.features = self._place(features)
        else:
            if self._batch.ids is None:
                raise self._missing("ids")
            ids = self._int64("ids")
            if ids.ndim != 2:
                raise ValueError(f"batch.ids: expected shape [T, N], got {list(ids.shape)}")
            self.steps, self.sequences = ids.shape
            self.struct.ids = c.int64s(self._place(ids))
        if self._batch.lengths is not None:
            self.struct.lengths = self._lengths("lengths", self.steps)

    def _nodes(self, described: Mapping[str, Any]) -> None:
        forest = self._batch.forest
        if forest is None:
            raise ValueError("batch.forest: a model over trees needs it")
        if self._batch.lengths is not None:
            raise ValueError("batch.lengths: trees have none")
        nodes = forest.node_count
        if "features" in described:
            features = self._numbers("features", "nodes, features", described["features"])
            if len(features) != nodes:
                raise ValueError(f"batch.features: has {len(features)} rows, and the forest {nodes} nodes")
            self.struct.features = self._place(features)
        elif self._batch.ids is None:
            raise self._missing("ids")
        else:
            self.struct.ids = self._integers("ids", (nodes,))
        self.struct.forest = forest._handle.pointer
        self.sequences = nodes if self.kind == "tagger" else len(forest.roots)

    def _lengths(self, name: str, steps: int) -> Any:
        lengths = getattr(self._batch, name)
        pointer = self._integers(name, (self.sequences,))
        if lengths.size and not (lengths.min() >= 0 and lengths.max() <= steps):
            found = f"{int(lengths.min())}...{int(lengths.max())}"
            raise ValueError(f"batch.{name}: expected numbers in 0...{steps}, got {found}")
        return pointer

    def _decoder(self) -> None:
        ids = self._batch.decoder_ids
        if ids is None:
            return  # it is not needed to write
        if ids.ndim != 2:
            raise ValueError(f"batch.decoder_ids: expected shape [S, N], got {list(ids.shape)}")
        self.target_steps = ids.shape[0]
        self.struct.decoder_ids = self._integers("decoder_ids", (self.target_steps, self.sequences))
        if self._batch.target_lengths is not None:
            self.struct.target_lengths = self._lengths("target_lengths", self.target_steps)

    def _targets(self, configuration: Mapping[str, Any]) -> None:
        shape = self.output_shape()
        if self.kind == "regressor" or configuration.get("predicts_numbers"):
            if self._batch.values is not None:
                values = shaped(self._batch.values, "batch.values", self._dtype, shape)
                self.struct.values = self._place(values)
        elif self._batch.targets is not None:
            self.struct.targets = self._integers("targets", shape[:-1])
