"""The lowest base of all models: the handle, parameters, batches, files."""

from __future__ import annotations

import json
import secrets
from typing import Any, ClassVar, Iterable, Mapping, Sequence, TypeVar, Union

import numpy as np

from .. import _c as c
from .._arguments import float_type, integer, unsigned
from .._arrays import Array, shaped
from .._initializers import Distribution, initializer
from ..parameters import IncompatibleKeys, NamedViews
from ._batch import Batch, CheckedBatch
from ._class_methods import advises, class_only
from ._examples import Examples
from ._handles import ModelHandle, PathLike, StateHandle, path_bytes
from ._state import ModelState
from ._vocabulary import Vocabulary

_Self = TypeVar("_Self", bound="BaseModel")

Data = Union[Batch, Examples, Sequence[Any]]


class BaseModel:
    """A model without passes: `Passes` adds these, `Model` adds training. Not made itself."""

    _kind: ClassVar[str] = ""
    _classes: ClassVar[dict[str, type["BaseModel"]]] = {}

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "_kind" in vars(cls):
            BaseModel._classes[cls._kind] = cls

    def __init__(self, *_: Any, **__: Any) -> None:
        raise TypeError("swiftrnn.models.Model is the base of the models: make one of these, or load a file")

    def _make(
        self,
        configuration: Mapping[str, Any],
        dtype: Any,
        seed: int | None,
        vocabulary: Vocabulary | None,
        target_vocabulary: Vocabulary | None = None,
    ) -> None:
        """A new model of a configuration, with parameters drawn."""
        chosen = secrets.randbits(64) if seed is None else unsigned(seed, "seed")
        kind = np.dtype(np.float32) if dtype is None else float_type(dtype)
        self._adopt(ModelHandle.created(kind, json.dumps({"kind": self._kind, **configuration})))
        for role, given in ((c.VOCABULARY_INPUT, vocabulary), (c.VOCABULARY_OUTPUT, target_vocabulary)):
            if isinstance(given, Vocabulary):
                c.model_set_vocabulary(self._handle.pointer, role, given._pointer)
        self._vocabularies = self._read_vocabularies()
        self.initialize(chosen)

    def _adopt(self, handle: ModelHandle) -> None:
        """Becomes the model of a handle."""
        self._handle = handle
        self._flat, self._flat_gradients = handle.vectors()
        self._parameters = NamedViews(self._flat, handle.parameters)
        self._gradients = NamedViews(self._flat_gradients, handle.parameters)
        self._configuration: dict[str, Any] = json.loads(handle.configuration())
        self._drawn: Any = None
        self._left_at = ("", "")  # of a `fit` with a checkpoint: hashes of the parameters before and after it
        """The hash of the parameters that the last training with a checkpoint began with; else empty."""
        self._vocabularies = self._read_vocabularies()

    def _read_vocabularies(self) -> tuple[Vocabulary | None, Vocabulary | None]:
        found: list[Vocabulary | None] = []
        for role in (c.VOCABULARY_INPUT, c.VOCABULARY_OUTPUT):
            pointer = c.VocabularyPointer()
            c.model_vocabulary(self._handle.pointer, role, c.byref(pointer))
            found.append(Vocabulary._of(pointer) if pointer else None)
        return found[0], found[1]

    @staticmethod
    def _of(handle: ModelHandle) -> Any:
        """The model of a handle: an object of the class of its kind."""
        kind = json.loads(handle.configuration())["kind"]
        if kind not in BaseModel._classes:
            raise ValueError(f"a model of kind {kind!r} has no class in Python")
        model = object.__new__(BaseModel._classes[kind])
        model._adopt(handle)
        return model

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {self._flat.size} parameters, {self.dtype}>"

    def __reduce__(self) -> Any:
        raise TypeError("a model is not pickled or copied: save it, and load the file")

    # ---- What the model is ----

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything that is needed to make the model again, as its files have it (docs/files.md)."""
        return json.loads(json.dumps(self._configuration))  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of all numbers: float32 or float64."""
        return self._handle.dtype

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The vocabulary of the input; of a language model also of the output. None: the model has none."""
        return self._vocabularies[0]

    @property
    def target_vocabulary(self) -> Vocabulary | None:
        """The vocabulary of labels, or of a decoder's output: ``target_vocabulary.tokens[id]`` is the text of an id, of
        a label or a column of probabilities. None: the model has none."""
        return self._vocabularies[1]

    @property
    def parameters(self) -> NamedViews:
        """Named views of `flat`: ``embedding.weight``, ``network.weight_ih_l0``, ``output.weight``. They may be written
        to; ``parameters[name] = array`` copies into the view, and checks type and shape.
        """
        return self._parameters

    @property
    def gradients(self) -> NamedViews:
        """Named views of `flat_gradients`: those of the last `loss`."""
        return self._gradients

    @property
    def flat(self) -> Array:
        """All parameters as one vector, in the order of `parameters`. It may be written to."""
        return self._flat

    @flat.setter
    def flat(self, value: Array) -> None:
        if value is not self._flat:  # it is where += has written
            self._flat[...] = shaped(value, "flat", self.dtype, self._flat.shape)

    @property
    def flat_gradients(self) -> Array:
        """The gradients of all parameters as one vector: those of the last `loss`."""
        return self._flat_gradients

    def initialize(
        self,
        seed: int | None = None,
        *,
        weights: Distribution = "torch",
        recurrent: Distribution = "torch",
        bias: Distribution = "torch",
        forget_bias: float | None = None,
        chrono: float | None = None,
    ) -> None:
        """Draws all parameters: those of networks as `swiftrnn.Network.initialize` does with these arguments,
        embeddings from N(0, 1), or if tied from N(0, 1 / width), other layers from U(-1/sqrt(inputs), 1/sqrt(inputs)).

        Parameters
        ----------
        seed : int, optional
            In 0...2^64 - 1: the same numbers on every machine. None: a seed from the operating system.
        weights, recurrent, bias, forget_bias, chrono
            Distributions of networks: see `swiftrnn.Network.initialize`.
        """
        chosen = secrets.randbits(64) if seed is None else unsigned(seed, "seed")
        made = initializer(weights, recurrent, bias, forget_bias, chrono)
        with self._handle.lock:
            c.model_initialize(self._handle.pointer, c.byref(made), chosen)
        self._drawn, self._left_at = (made, chosen), ("", "")

    def _is_as_drawn(self) -> bool:
        """Whether all parameters are what `initialize` drew. Draws them again."""
        if self._drawn is None:
            return False
        made, seed = self._drawn
        again = ModelHandle.created(self.dtype, self._handle.configuration())
        c.model_initialize(again.pointer, c.byref(made), seed)
        return bool(np.array_equal(again.vectors()[0], self._flat))

    # ---- Parameters as a dict ----

    def state_dict(self, prefix: str = "") -> dict[str, Array]:
        """Copies of all parameters by their names.

        Parameters
        ----------
        prefix : str
            Put before each name.
        """
        return self._parameters.copies(prefix)

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True, prefix: str = "") -> IncompatibleKeys:
        """Copies parameters in; nothing is copied unless all fit.

        Parameters
        ----------
        state, strict, prefix
            As for `swiftrnn.Network.load_state_dict`.

        Returns
        -------
        IncompatibleKeys
            As for `swiftrnn.Network.load_state_dict`.
        """
        return self._parameters.load(state, strict, prefix)

    # ---- Batches and states ----

    def batch(self, data: Sequence[Any]) -> Batch:
        """One batch of examples: padded, with the targets.

        Parameters
        ----------
        data : sequence
            Examples, as `fit` takes them.

        Returns
        -------
        Batch
            All examples, in their order.
        """
        examples = self._examples(data)
        return examples.batch(range(len(examples)))

    def _batch_of(self, data: Data) -> Batch:
        if isinstance(data, Batch):
            return data
        return data.batch(range(len(data))) if isinstance(data, Examples) else self.batch(data)

    def _examples(self, data: Any, name: str = "data") -> Examples:
        """Examples of data as users have them; `name` is what errors call these."""
        raise NotImplementedError

    def _checked(self, data: Data) -> CheckedBatch:
        return CheckedBatch(self._batch_of(data), self._configuration, self.dtype)

    def _state_pointer(self, state: ModelState | None) -> Any:
        if state is None:
            return None
        if not isinstance(state, ModelState):
            raise TypeError(f"state: expected what make_state gave, got {type(state).__name__}")
        return state._handle.pointer

    def make_state(self, look_back: int = 0) -> ModelState:
        """A state at the beginning of sequences: of language models, and of taggers of one direction.

        Parameters
        ----------
        look_back : int
            For training by truncated back-propagation with k2 above k1 (Williams and Peng 1990): with batches of k1
            steps, k2 - k1, how many steps before each batch gradients reach back into. 0: none.

        Raises
        ------
        SwiftRNNError
            UNSUPPORTED: the model needs whole sequences.
        """
        return ModelState(StateHandle(self._handle, look_back=integer(look_back, "look_back", 0)))

    # ---- Files ----

    def save(self, path: PathLike) -> None:
        """Writes parameters, configuration, vocabularies and metadata as one safetensors file, which appears whole or
        not at all (docs/files.md).

        Parameters
        ----------
        path : str or path
            The file, which is replaced if there is one.

        Raises
        ------
        SwiftRNNFileError
            The file cannot be written (also an OSError).
        """
        with self._handle.lock:
            c.model_save(self._handle.pointer, path_bytes(path))

    @class_only
    @advises(
        "makes a new model and leaves this one as it is: write model = {name}.load(path), or for the parameters alone "
        "model.load_state_dict({name}.load(path).state_dict())"
    )
    def load(cls: type[_Self], path: PathLike) -> _Self:
        """The model of a file, which is not trusted: all of it is checked. A checkpoint of a training is a model, too.

        A new model: of the class, not of a model that is there, whose parameters ``load_state_dict`` replaces.

        Parameters
        ----------
        path : str or path
            The file.

        Raises
        ------
        SwiftRNNFileError
            The file cannot be read (also an OSError).
        ValueError
            The file is no model, is damaged, or has a model of another class.
        TypeError
            `load` was called on a model.
        """
        model = BaseModel._of(ModelHandle.loaded(path))
        if not isinstance(model, cls):
            raise ValueError(f"{path}: has a {type(model).__name__}, not a {cls.__name__}")
        return model

    def set_metadata(self, values: Mapping[str, str | None]) -> None:
        """Sets entries of text that files of the model have.

        Parameters
        ----------
        values : mapping of str to str or None
            Entries by their names; None removes one.
        """
        for key, value in values.items():
            encoded = None if value is None else value.encode()
            if "\0" in key or (encoded is not None and b"\0" in encoded):
                raise ValueError(f"metadata: {key!r} has a zero character in its key or value")
            c.model_set_metadata(self._handle.pointer, key.encode(), encoded)

    def get_metadata(self, key: str) -> str | None:
        """An entry of the metadata that files of the model have.

        Parameters
        ----------
        key : str
            The name of the entry.

        Returns
        -------
        str or None
            None: there is no such entry.
        """
        return self._handle.metadata(key)


def natural(data: Any, name: str) -> Iterable[Any]:
    """Data that must be several examples, not one text."""
    if isinstance(data, (str, bytes, Mapping)) or not hasattr(data, "__len__") or not hasattr(data, "__getitem__"):
        advice = " (put a single example in a list)" if isinstance(data, (str, bytes)) else ""
        raise TypeError(f"{name}: expected a sequence of examples, got {type(data).__name__}{advice}")
    if isinstance(data, np.ndarray) and data.ndim == 0:
        raise TypeError(f"{name}: expected a sequence of examples, got one number")
    return data  # type: ignore[no-any-return]
