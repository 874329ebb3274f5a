"""Settings of the whole process: instruction set and threads."""

from __future__ import annotations

from . import _c as c
from ._arguments import integer
from .errors import Status, SwiftRNNError


def isa() -> str:
    """The instruction set in use: "avx512", "avx2" or "baseline".

    It is chosen once per process, from the CPU, or from the environment variable ``SWIFTRNN_ISA``.

    Raises
    ------
    SwiftRNNError
        UNSUPPORTED: ``SWIFTRNN_ISA`` has another value, or names a set that this CPU lacks.

    Examples
    --------
    >>> import swiftrnn
    >>> swiftrnn.isa() in ("avx512", "avx2", "baseline")
    True
    """
    name = c.isa()
    if name is None:
        raise SwiftRNNError(Status.UNSUPPORTED, (c.last_error() or b"").decode("utf-8", "replace"))
    found: str = name.decode("ascii")
    return found


def set_num_threads(threads: int) -> None:
    """Sets how many threads a call may use at most, where its network does not say. Results do not depend on it.

    Parameters
    ----------
    threads : int
        1...1024; 0 goes back to the default, which is what affinity and the cgroup's CPU quota leave, and reads both
        again.

    Raises
    ------
    SwiftRNNError
        `threads` is outside 0...1024 (also a ValueError).

    Examples
    --------
    >>> import swiftrnn
    >>> swiftrnn.set_num_threads(2)
    >>> swiftrnn.get_num_threads()
    2
    >>> swiftrnn.set_num_threads(0)
    """
    c.set_num_threads(integer(threads, "threads"))


def get_num_threads() -> int:
    """The number that `set_num_threads` set, or the default. 1 after a fork in the child of a process that had used
    several: calls run on the calling thread there.

    Examples
    --------
    >>> import swiftrnn
    >>> swiftrnn.get_num_threads() >= 1
    True
    """
    threads: int = c.get_num_threads()
    return threads
