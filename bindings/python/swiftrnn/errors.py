"""Exceptions: one for each kind of status of the C library."""

from __future__ import annotations

import contextlib
import enum
import re
from typing import Iterator


class Status(enum.IntEnum):
    """Result of a call of the C library: ``swiftrnn_status``."""

    OK = 0
    NULL_POINTER = 1
    INVALID_VALUE = 2
    INVALID_SIZE = 3
    OVERFLOW = 4
    BUFFER_TOO_SMALL = 5
    MISALIGNED = 6
    MISMATCH = 7
    OUT_OF_MEMORY = 8
    UNSUPPORTED = 9
    FILE = 10
    INVALID_FORMAT = 11


class SwiftRNNError(Exception):
    """A call that the library refused, or could not finish.

    Attributes
    ----------
    status : Status or int
        Why; an int if the library is newer than this package and has a status that it does not know.
    message : str
        The library's message, with the numbers in it, and Python's names of arguments.

    Examples
    --------
    >>> import swiftrnn
    >>> try:
    ...     swiftrnn.LSTM(0, 8)
    ... except swiftrnn.SwiftRNNError as error:
    ...     error.status.name in ("INVALID_VALUE", "INVALID_SIZE"), isinstance(error, ValueError)
    (True, True)
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status: int = status
        self.message = message

    def __str__(self) -> str:
        name = self.status.name if isinstance(self.status, Status) else str(int(self.status))
        # After the first line: the last one of a cell's text has a caret, which means a place.
        first, newline, rest = self.message.partition("\n")
        return f"{first} [{name}]{newline}{rest}"


class SwiftRNNValueError(SwiftRNNError, ValueError):
    """A value, size or combination outside what the library computes."""


class SwiftRNNMemoryError(SwiftRNNError, MemoryError):
    """The system had no memory left for the library. Nothing was computed; the process goes on."""


class SwiftRNNFileError(SwiftRNNError, OSError):
    """A file that cannot be read or written. The message has the path and the system's reason."""


for _public in (Status, SwiftRNNError, SwiftRNNValueError, SwiftRNNMemoryError, SwiftRNNFileError):
    _public.__module__ = "swiftrnn"  # where users find it: tracebacks and pickles say so

# Names in messages of the C library, and the names of this package's arguments for them.
PYTHONS_NAMES = {
    "projection_size": "proj_size",
    "num_directions": "bidirectional",
    "layer_hidden_sizes": "options.hidden_sizes",
    "layer_dilations": "options.dilations",
    "size_count": "the number of sizes",
    "text_size": "the size of the text in bytes",
    "name_size": "the size of the name in bytes",
    "weights_scale": "weights",
    "recurrent_scale": "recurrent",
    "bias_scale": "bias",
    "forget_value": "forget_bias",
    "forget_gate": "forget_bias or chrono",
    "rate": "lr",
    "beta1": "betas[0]",
    "beta2": "betas[1]",
    "epsilon": "eps",
    "decoupled": "AdamW",
    "positive_weights": "pos_weight",
    "limit": "clip_value",
    "x_step_stride": "x's stride from step to step",
    "x_sequence_stride": "x's stride from sequence to sequence",
    "y_step_stride": "y's stride from step to step",
    "y_sequence_stride": "y's stride from sequence to sequence",
    "dx_step_stride": "dx's stride from step to step",
    "dx_sequence_stride": "dx's stride from sequence to sequence",
    "dy_step_stride": "dy's stride from step to step",
    "dy_sequence_stride": "dy's stride from sequence to sequence",
    "initial_states": "state",
    "final_states": "the final state",
    "initial_state_gradients": "the gradient of the state",
    "final_state_gradients": "dstate",
    "state_gradients": "dstate",
    "state_count": "the number of states",
    "parameter_count": "the number of parameters",
    "pointer_count": "the number of parameters",
    "input_count": "the number of inputs beside x",
    "input_gradients": "the gradients of inputs",
    "tensor_count": "the number of gradients",
    "edge_count": "the number of edges",
    "tape_size": "the tape",
    "workspace_size": "the scratch memory",
    "workspace": "the scratch memory",
    "flat_size": "flat",
    "dweight": "the gradient of weight",
    "dbias": "the gradient of bias",
    "query_steps": "the number of queries",
    "key_size": "the width of keys",
    "value_size": "the width of values",
    "attention_size": "the number of rows of weight",
    "dquery_weight": "the gradient of query_weight",
    "accumulate_keys": "accumulate_into",
    "out_seed": "the seed",
    "out_ids": "the ids",
    "out_loss": "the loss",
    "out_perplexity": "the perplexity",
    "configuration_size": "the size of the configuration in bytes",
    "settings_size": "the size of the settings in bytes",
    "json_size": "the size of the JSON in bytes",
    "token_size": "the size of the token in bytes",
    "text_sizes": "the sizes of the texts in bytes",
    "text_count": "the number of texts",
    "progress_size": "the size of the progress in bytes",
    "id_count": "the number of ids",
    "target_steps": "the number of steps of decoder_ids",
    "write_specials": "specials",
}
# Only where a message begins with them: what else it has may be of a cell's text.
_C_NAMES = re.compile(rf"^(an entry of |rows of )?({'|'.join(PYTHONS_NAMES)})\b")

_VALUE_STATUSES = (Status.INVALID_VALUE, Status.INVALID_SIZE, Status.OVERFLOW, Status.INVALID_FORMAT)


def error_of(status: int, message: str) -> SwiftRNNError:
    """The exception for a status that is not OK; its message has Python's names of arguments."""
    message = _C_NAMES.sub(lambda found: (found[1] or "") + PYTHONS_NAMES[found[2]], message)
    known = Status(status) if status in Status._value2member_map_ else status
    if known == Status.OUT_OF_MEMORY:
        return SwiftRNNMemoryError(known, message)
    if known == Status.FILE:
        return SwiftRNNFileError(known, message)
    if known in _VALUE_STATUSES:
        return SwiftRNNValueError(known, message)
    return SwiftRNNError(known, message)


@contextlib.contextmanager
def renamed(theirs: str, ours: str) -> Iterator[None]:
    """Errors of the block say `ours` where others say `theirs`: of names whose meaning depends on the call."""
    try:
        yield
    except SwiftRNNError as error:
        message = re.sub(rf"\b{re.escape(theirs)}\b", ours, error.message)
        raise type(error)(error.status, message) from None
