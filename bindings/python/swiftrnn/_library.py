"""Finds and loads ``libswiftrnn``.

The library is the one in the package's own folder, unless the environment variable ``SWIFTRNN_LIBRARY`` names a file;
then it is that file and no other.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from ._version import __version__

ENVIRONMENT_VARIABLE = "SWIFTRNN_LIBRARY"


def candidates() -> list[Path]:
    """The paths at which the library may be, in the order in which they are tried."""
    override = os.environ.get(ENVIRONMENT_VARIABLE)
    if override:
        return [Path(override)]
    name = "libswiftrnn.dylib" if sys.platform == "darwin" else "libswiftrnn.so"
    package = Path(__file__).resolve().parent
    return [package / name, package / "lib" / name]


def load() -> ctypes.CDLL:
    """Loads the library and compares its version with the package's.

    Raises
    ------
    ImportError
        None of the candidates can be loaded (each is listed with its reason), or the library's major or minor version
        is not the package's.
    """
    reasons = []
    for path in candidates():
        if not path.is_file():
            reasons.append(f"{path}: no such file")
            continue
        try:
            library = ctypes.CDLL(str(path))
        except OSError as error:
            reasons.append(f"{path}: {error}")
            continue
        _compare_versions(library, path)
        return library
    raise ImportError(
        "swiftrnn: libswiftrnn was not found. Install the package with its library (pip install ./bindings/python), "
        f"or set {ENVIRONMENT_VARIABLE} to the library's path. Tried:\n  " + "\n  ".join(reasons)
    )


def _compare_versions(library: ctypes.CDLL, path: Path) -> None:
    # const char *swiftrnn_version(void);
    try:
        version = library.swiftrnn_version
    except AttributeError:
        raise ImportError(f"swiftrnn: {path} is not libswiftrnn: it has no function swiftrnn_version") from None
    version.restype = ctypes.c_char_p
    version.argtypes = ()
    found = (version() or b"").decode("ascii", "replace")
    if found.split(".")[:2] != __version__.split(".")[:2]:
        raise ImportError(f"swiftrnn: the package has version {__version__}, but {path} has version {found}")
