"""The library's handles of models, states, trainers and text streams as Python objects. No numbers are touched here.

A handle is given back when the last reference to its object goes. Models, states and trainers belong to one thread at a
time: each has the lock of its model, which calls hold.
"""

from __future__ import annotations

import os
import threading
from typing import Any, Union

import numpy as np

from .. import _c as c
from .._arrays import Array
from .._handles import ParameterInfo, _owned

PathLike = Union[str, "os.PathLike[str]"]


def path_bytes(path: Any, name: str = "path") -> bytes:
    """A path as the library takes one."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{name}: expected a path, got {type(path).__name__}")
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ValueError(f"{name}: a path has no zero character")
    return encoded


class _Memory:
    """Numbers of the library's, for numpy: an array made of it holds it, and so the handle that owns them."""

    def __init__(self, owner: Any, address: int, count: int, dtype: str) -> None:
        self.owner = owner
        self.__array_interface__ = {
            "data": (address, False), "shape": (count,), "typestr": np.dtype(dtype).str, "version": 3
        }  # fmt: skip


class ModelHandle:
    """A ``swiftrnn_model``, and its parameters' names and shapes."""

    def __init__(self, pointer: Any) -> None:
        self.pointer = pointer
        self.lock = threading.RLock()
        _owned(self, pointer, c.model_destroy)
        dtype = c.c_int()
        c.model_dtype(pointer, c.byref(dtype))
        self.dtype = np.dtype(np.float32 if dtype.value == c.FLOAT32 else np.float64)
        count = c.c_int64()
        c.model_parameter_count(pointer, c.byref(count))
        self.parameters = tuple(self._parameter(index) for index in range(count.value))

    def vectors(self) -> tuple[Array, Array]:
        """The flat vectors of parameters and of gradients. Not kept here: they hold the handle."""
        values, gradients, elements = c.c_void_p(), c.c_void_p(), c.c_int64()
        c.model_parameters(self.pointer, c.byref(values), c.byref(gradients), c.byref(elements))
        return self._vector(values.value, elements.value), self._vector(gradients.value, elements.value)

    def _vector(self, address: int | None, count: int) -> Array:
        if address is None or count == 0:
            return np.empty(0, self.dtype)
        return np.asarray(_Memory(self, address, count, self.dtype.name))

    def _parameter(self, index: int) -> ParameterInfo:
        info = c.ModelParameterInfo()
        c.model_parameter_info_at(self.pointer, index, c.byref(info))
        return ParameterInfo(info.name.decode("ascii"), tuple(info.shape[: info.rank]), info.elements, info.offset)

    @classmethod
    def created(cls, dtype: np.dtype[Any], configuration: str) -> "ModelHandle":
        """A model of a configuration in JSON; all parameters are zeros."""
        text, pointer = configuration.encode(), c.ModelPointer()
        c.model_create(c.dtype_code(dtype), text, len(text), c.byref(pointer))
        return cls(pointer)

    @classmethod
    def loaded(cls, path: PathLike) -> "ModelHandle":
        """A model from a file."""
        pointer = c.ModelPointer()
        c.model_load(path_bytes(path), c.byref(pointer))
        return cls(pointer)

    def configuration(self) -> str:
        """The configuration in JSON, with every key."""
        return c.bytes_of(lambda *buffer: c.model_configuration(self.pointer, *buffer)).decode()

    def metadata(self, key: str) -> str | None:
        """The value of an entry of the files' metadata; None: there is none."""
        size = c.c_int64()
        c.model_metadata(self.pointer, key.encode(), None, 0, c.byref(size))
        if size.value == 0:
            return None
        return c.bytes_of(lambda *buffer: c.model_metadata(self.pointer, key.encode(), *buffer)).decode()


class StateHandle:
    """A ``swiftrnn_model_state``."""

    def __init__(self, model: ModelHandle, pointer: Any = None, look_back: int = 0) -> None:
        self.model = model
        if pointer is None:
            pointer = c.ModelStatePointer()
            c.model_state_create(model.pointer, look_back, c.byref(pointer))
        self.pointer = pointer
        _owned(self, pointer, c.model_state_destroy)


class TrainerHandle:
    """A ``swiftrnn_trainer``, and the model that it trains."""

    def __init__(self, model: ModelHandle, pointer: Any) -> None:
        self.model, self.pointer = model, pointer
        _owned(self, pointer, c.trainer_destroy)

    @classmethod
    def created(cls, model: ModelHandle, settings: str) -> "TrainerHandle":
        """A trainer that has made no steps."""
        text, pointer = settings.encode(), c.TrainerPointer()
        c.trainer_create(model.pointer, text, len(text), c.byref(pointer))
        return cls(model, pointer)

    @classmethod
    def loaded(cls, path: PathLike) -> tuple["TrainerHandle", StateHandle | None]:
        """Trainer and state of a checkpoint; the state is None if the checkpoint has none."""
        model, trainer, state = c.ModelPointer(), c.TrainerPointer(), c.ModelStatePointer()
        c.trainer_load(path_bytes(path), c.byref(model), c.byref(trainer), c.byref(state))
        handle = ModelHandle(model)
        return cls(handle, trainer), StateHandle(handle, state) if state else None

    def settings(self) -> str:
        """The settings in JSON, with every key."""
        return c.bytes_of(lambda *buffer: c.trainer_settings(self.pointer, *buffer)).decode()

    def progress(self) -> str:
        """The caller's text of the checkpoint that the trainer was loaded from."""
        return c.bytes_of(lambda *buffer: c.trainer_progress(self.pointer, *buffer)).decode()
