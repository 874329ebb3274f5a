"""Warnings of the package: each is shown at the line that called it."""

from __future__ import annotations

import os
import sys
import warnings

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def warn(message: str) -> None:
    """Warns at the first line behind the call that is not of the package."""
    warnings.warn(message, UserWarning, stacklevel=_outside())


def _outside() -> int:
    """The `stacklevel` of `warn` for the first frame outside the package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and os.path.abspath(frame.f_code.co_filename).startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    return level
