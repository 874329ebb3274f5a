"""Safetensors files, by the package ``safetensors``, which is optional: written whole or not at all."""

from __future__ import annotations

import os
import secrets
from typing import Any, Mapping, Union

from ._arrays import Array, dense

Path = Union[str, "os.PathLike[str]"]


def _package() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "swiftrnn: save and load need the package safetensors: pip install safetensors. Without it, "
            "np.savez(path, **owner.state_dict()) and owner.load_state_dict(np.load(path)) do the same"
        ) from error
    return safetensors


def write_tensors(path: Path, tensors: Mapping[str, Array]) -> None:
    """Writes arrays to a file: beside it first, then renamed, so that a file at `path` is never in pieces.

    Raises
    ------
    ImportError
        There is no package safetensors.
    OSError
        The file cannot be written; there is no temporary one left.
    """
    contents = _package().numpy.save({name: dense(array) for name, array in tensors.items()})
    target = os.fspath(path)
    temporary = f"{target}.tmp-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        with open(temporary, "xb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        try:
            os.unlink(temporary)
        except OSError:
            pass  # it was never made
        raise


def read_tensors(path: Path) -> dict[str, Array]:
    """The arrays of a file by their names.

    Raises
    ------
    ImportError
        There is no package safetensors.
    OSError
        The file cannot be read.
    ValueError
        It is no safetensors file, or has tensors of a type that numpy has not.
    """
    package = _package()
    with open(path, "rb") as file:
        contents = file.read()
    try:
        found: dict[str, Array] = package.numpy.load(contents)
    except (package.SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{os.fspath(path)}: no safetensors file that numpy can hold: {error}") from None
    return found
