"""What holds for the whole process: instruction set and threads."""

from __future__ import annotations

from . import _c_api as c
from ._arrays import integer
from ._errors import Status, SwiftRNNError


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
        1...1024; 0 goes back to the default, which is what affinity and the cgroup's CPU quota leave.

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
    """The number that `set_num_threads` set, or the default.

    Examples
    --------
    >>> import swiftrnn
    >>> swiftrnn.get_num_threads() >= 1
    True
    """
    threads: int = c.get_num_threads()
    return threads


def set_spin_time(microseconds: int) -> None:
    """Sets how long the threads of a call wait awake for the next one before they sleep. Results do not depend on it.

    For short calls one after the other, where waking a thread takes as long as it then works, some thousand are enough.
    Threads that spin take CPU time, from the process's other threads too; at most one less than `get_num_threads` do.

    Parameters
    ----------
    microseconds : int
        0...1000000; 0, the default: nothing spins after a call has returned.

    Raises
    ------
    SwiftRNNError
        `microseconds` is outside 0...1000000 (also a ValueError).

    Examples
    --------
    >>> import swiftrnn
    >>> swiftrnn.set_spin_time(2000)
    >>> swiftrnn.get_spin_time()
    2000
    >>> swiftrnn.set_spin_time(0)
    """
    c.set_spin_time(integer(microseconds, "microseconds"))


def get_spin_time() -> int:
    """The number of microseconds that `set_spin_time` set, or 0.

    Examples
    --------
    >>> import swiftrnn
    >>> swiftrnn.get_spin_time()
    0
    """
    microseconds: int = c.get_spin_time()
    return microseconds
