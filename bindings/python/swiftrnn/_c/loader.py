"""Finds and loads ``libswiftrnn``.

The library is the one in the package's folder ``lib``, unless the environment variable ``SWIFTRNN_LIBRARY`` names a
file; then it is that file and no other. After an editable install (``pip install -e``) the package has two folders, the
sources' and the one in site-packages, where the library is.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from .._version import __version__

ENVIRONMENT_VARIABLE = "SWIFTRNN_LIBRARY"


def candidates() -> list[Path]:
    """The paths at which the library may be, in the order in which they are tried."""
    override = os.environ.get(ENVIRONMENT_VARIABLE)
    if override:
        return [Path(override)]
    name = "libswiftrnn.dylib" if sys.platform == "darwin" else "libswiftrnn.so"
    return [folder / "lib" / name for folder in folders()]


def folders() -> list[Path]:
    """The package's folders: the one that this file is in first, then the others that Python searches for modules."""
    package = sys.modules[__name__.partition(".")[0]]
    searched = [Path(entry).resolve() for entry in getattr(package, "__path__", ())]
    return list(dict.fromkeys([Path(__file__).resolve().parent.parent, *searched]))


def advice() -> str:
    """Advice where no candidate could be loaded."""
    if os.environ.get(ENVIRONMENT_VARIABLE):
        return f"the library that {ENVIRONMENT_VARIABLE} names cannot be loaded"
    source = folders()[0].parent
    if (source / "pyproject.toml").is_file():
        return (
            f"you are importing the source tree in {source}, which has no library. Install the package (pip install "
            f"{source}) and change to another folder, where Python finds that, or set {ENVIRONMENT_VARIABLE} to the "
            "library's path"
        )
    return (
        "libswiftrnn was not found. Install the package with its library (pip install ./bindings/python), or set "
        f"{ENVIRONMENT_VARIABLE} to the library's path"
    )


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
    raise ImportError(f"swiftrnn: {advice()}. Tried:\n  " + "\n  ".join(reasons))


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
