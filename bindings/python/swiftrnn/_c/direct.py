"""The functions that are called for each short sequence or step, once more, as ctypes calls them fastest: all handles
and arrays as addresses in plain ints, and the status as an int that the caller looks at (`failure` makes an exception).

Declared by their types and checked by `errcheck` they take twice as long to call. ctypes gives the GIL back here, too.
"""

from __future__ import annotations

from ctypes import c_int, c_int64, c_void_p
from typing import Any

from .functions import library


def _declare(name: str, *arguments: Any) -> Any:
    function = library[name]  # another object than the attribute of the same name
    function.restype = c_int
    function.argtypes = arguments
    return function


network_forward = _declare("swiftrnn_network_forward", c_void_p, c_void_p)
stream_step = _declare("swiftrnn_stream_step", c_void_p, c_void_p, c_void_p)
stream_step_inputs = _declare("swiftrnn_stream_step_inputs", c_void_p, c_void_p, c_void_p, c_int64, c_void_p)
