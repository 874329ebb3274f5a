"""numpy arrays of callers: their types, shapes and strides checked, their addresses taken.

A wrong type is a TypeError that names both types, a wrong shape a ValueError with the numbers. Nothing is ever cast.
"""

from __future__ import annotations

import ctypes
import operator
import re
from typing import Any, Mapping, Sequence, overload

import numpy as np
from numpy.typing import NDArray

from ._arguments import FLOAT_TYPES, refuse_masked, refuse_matrix, wrong_type
from .errors import SwiftRNNError

Array = NDArray[Any]
INT64 = np.dtype(np.int64)
_INT64_RANGE = f"{-(2**63)}...{2**63 - 1}"


def typed(value: Any, name: str, dtype: np.dtype[Any] | None = None, *, written: bool = False) -> Array:
    """`value`, which must be a numpy array of `dtype` (None: of either float type).

    `written` says that the library writes into it: a cast copy would be of no use then, and the message does not advise
    to make one.
    """
    if type(value) is np.ndarray and value.dtype is dtype:  # nearly always, and quick
        return value
    refuse_masked(value, name)
    refuse_matrix(value, name)
    if isinstance(value, np.ndarray) and (value.dtype == dtype if dtype is not None else value.dtype in FLOAT_TYPES):
        return value
    expected, wanted = ("float32 or float64", "float32") if dtype is None else (str(dtype), dtype.name)
    raise wrong_type(value, name, expected, wanted, written=written)


def one_type(arrays: Mapping[str, Array | None]) -> None:
    """Refuses arrays of one call, by their names, that differ in their types."""
    given = [(name, array) for name, array in arrays.items() if array is not None]
    for name, array in given[1:]:
        first, of_first = given[0]
        if array.dtype != of_first.dtype:
            raise TypeError(
                f"{first} is {of_first.dtype} and {name} is {array.dtype}: they must be of one type (nothing is cast: "
                "use .astype)"
            )


def shaped(value: Any, name: str, dtype: np.dtype[Any] | None, shape: Sequence[int], *, written: bool = False) -> Array:
    """`value`, which must be a numpy array of `dtype` and `shape`; `written` as for `typed`."""
    array = typed(value, name, dtype, written=written)
    if array.shape != tuple(shape):
        raise ValueError(f"{name}: expected shape {list(shape)}, got {list(array.shape)}")
    return array


def integers(value: Any, name: str, expected: str = "integers") -> Array:
    """`value`, integers of any type in an array or in nested lists, as a dense int64 array: itself if it is one."""
    if type(value) is np.ndarray and value.dtype is INT64:
        return dense(value)
    refuse_masked(value, name)
    try:
        found = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name}: expected {expected}, got lists of different lengths") from None
    if found.size == 0 and not isinstance(value, np.ndarray):
        found = found.astype(np.int64)
    if found.dtype.kind == "O":
        raise _of_objects(found, name)
    if found.dtype.kind == "f" and not isinstance(value, np.ndarray):
        found = _of_mixed_types(value, found, name)
    if found.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integers, got {found.dtype}")
    if found.dtype.kind == "u" and found.size and int(found.max()) > 2**63 - 1:
        largest = int(found.argmax())
        raise ValueError(f"{name}{place(largest, found.shape)}: {int(found.flat[largest])} is outside {_INT64_RANGE}")
    return np.ascontiguousarray(found, np.int64).reshape(found.shape)  # which gives numbers of no axes one


def _of_mixed_types(value: Any, found: Array, name: str) -> Array:
    """The integers of lists that numpy makes floats of: there is no other type for signed and unsigned ones together,
    and 2^63 is unsigned to it. `found` itself where there are floats among them."""
    objects = np.asarray(value, object)
    if any(isinstance(item, (bool, np.bool_)) or not hasattr(type(item), "__index__") for item in objects.flat):
        return found
    try:
        return objects.astype(np.int64)
    except OverflowError:
        raise _of_objects(objects, name) from None


def _of_objects(array: Array, name: str) -> Exception:
    """The error for an array of Python objects where integers are meant: numpy makes one of a list with None in it, or
    with an integer that no type of its own holds."""
    for index, item in enumerate(array.flat):
        at = f"{name}{place(index, array.shape)}"
        if isinstance(item, (bool, np.bool_)) or not hasattr(type(item), "__index__"):
            expected = "an integer" if array.ndim else "integers"
            return TypeError(f"{at}: expected {expected}, got {type(item).__name__}")
        if not -(2**63) <= operator.index(item) <= 2**63 - 1:
            return ValueError(f"{at}: {operator.index(item)} is outside {_INT64_RANGE}")
    return TypeError(f"{name}: expected integers, got an array of Python objects (use .astype(np.int64))")


def place(index: int, shape: Sequence[int]) -> str:
    """The element `index`, in C order, of an array of `shape`, as one writes it: ``[2, 1]``; of a single number ""."""
    at = np.unravel_index(index, shape)
    return f"[{', '.join(str(int(one)) for one in at)}]" if at else ""


def indices(value: Any, name: str) -> Array:
    """`value`, one axis of integers, as an int64 array of the package's own that nobody writes to."""
    found = integers(value, name, "one axis of integers")
    if found.ndim != 1:
        raise ValueError(f"{name}: expected one axis, got shape {list(found.shape)}")
    own_array = np.array(found)
    own_array.flags.writeable = False
    return own_array


def dense(array: Array) -> Array:
    """`array` itself if it is C-contiguous and aligned, otherwise a copy that is."""
    flags = array.flags
    if flags.c_contiguous and flags.aligned:
        return array
    return np.array(array, order="C")


def writeable(value: Any, name: str, dtype: np.dtype[Any] | None = None, shape: Sequence[int] | None = None) -> Array:
    """`value`, which must be an array that the library can write into: C-contiguous, aligned and writeable."""
    if shape is None:
        array = typed(value, name, dtype, written=True)
    else:
        array = shaped(value, name, dtype, shape, written=True)
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise ValueError(f"{name}: expected a C-contiguous, aligned array, got strides {list(array.strides)}")
    if not array.flags.writeable:
        raise ValueError(f"{name}: the array is read-only")
    return array


def own(array: Array) -> Array:
    """`array` itself if the library can write into it, otherwise a copy: pickle gives arrays over buffers of its
    caller's, which may be read-only."""
    flags = array.flags
    if flags.c_contiguous and flags.aligned and flags.writeable:
        return array
    return np.array(array, order="C")


def strided(array: Array) -> tuple[Array, int, int]:
    """A [T, N, features] array whose rows the library can read, and its two strides in elements.

    It is `array` itself where its rows are dense and apart from each other, and its strides are multiples of an element
    and not negative; otherwise, as for a broadcast array or a sliding window, a dense copy.
    """
    steps, sequences, features = array.shape
    item = array.itemsize
    by_step, by_sequence, by_feature = array.strides
    if steps <= 1:
        by_step = sequences * features * item
    if sequences <= 1:
        by_sequence = features * item
    readable = (
        array.flags.aligned
        and (features <= 1 or by_feature == item)
        and by_step >= features * item
        and by_sequence >= features * item
        and by_step % item == 0
        and by_sequence % item == 0
    )
    if array.size == 0:
        return array, 0, 0
    if readable:
        return array, by_step // item, by_sequence // item
    return np.array(array, order="C"), 0, 0


_byte_of = ctypes.c_char.from_buffer
_address_of = ctypes.addressof


@overload
def address(array: Array) -> int: ...


@overload
def address(array: Array | None) -> int | None: ...


def address(array: Array | None) -> int | None:
    """Where an array's first element is; None stays None."""
    if array is None:
        return None
    try:
        return _address_of(_byte_of(array))  # a fifth of the time of what follows
    except (TypeError, ValueError):  # read-only, empty, or not dense
        return array.ctypes.data


def bounds(array: Array) -> tuple[int, int]:
    """Where an array's first byte is in memory, and where its last one ends; of an empty array the same twice."""
    if array.flags.c_contiguous or array.size == 0:
        start = address(array)
        return start, start + array.nbytes
    reaches = [(count - 1) * stride for count, stride in zip(array.shape, array.strides)]
    start = array.ctypes.data + sum(reach for reach in reaches if reach < 0)
    return start, start + sum(map(abs, reaches)) + array.itemsize


def rows(value: Any, name: str, width: int | None = None) -> Array:
    """`value`, a float array [..., width], dense; None: of any width."""
    array = typed(value, name)
    if array.ndim == 0 or (width is not None and array.shape[-1] != width):
        expected = "[..., features]" if width is None else f"[..., {width}]"
        raise ValueError(f"{name}: expected shape {expected}, got {list(array.shape)}")
    return dense(array)


def matrix(value: Any, name: str) -> Array:
    """`value`, a float array of two dimensions, dense."""
    array = typed(value, name)
    if array.ndim != 2:
        raise ValueError(f"{name}: expected 2 dimensions, got shape {list(array.shape)}")
    return dense(array)


def placed(error: SwiftRNNError, name: str, shape: Sequence[int]) -> SwiftRNNError:
    """The error itself, or, where it begins with ``name[k]``, one that says where element k is in an array of `shape`:
    ``ids[2, 1]``.

    Called where a call has failed: a block that all calls pass would take 0.2 us of a small one's 3.
    """
    found = re.match(rf"{name}\[(\d+)\]", error.message)
    if found is None or len(shape) == 1:
        return error
    message = f"{name}{place(int(found[1]), shape)}{error.message[found.end() :]}"
    return type(error)(error.status, message)
