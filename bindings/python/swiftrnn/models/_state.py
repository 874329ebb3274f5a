"""Where the sequences of a language model's or tagger's batch are between calls."""

from __future__ import annotations

from .. import _c as c
from ._handles import StateHandle


class ModelState:
    """Where the sequences of a batch are: a call that is given a state begins there and moves the state on, so that a
    text which is longer than a batch is read in parts. `Model.make_state` makes one.

    Gradients stop at the beginning of a call (Williams, Peng 1990). Belongs to one thread at a time, as the model does.
    """

    def __init__(self, handle: StateHandle) -> None:
        self._handle = handle

    def reset(self) -> None:
        """The next call begins where the cell does."""
        with self._handle.model.lock:
            c.model_state_reset(self._handle.pointer)
