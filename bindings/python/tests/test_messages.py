"""Messages of the library have the names that this package's callers know."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import swiftrnn
import swiftrnn.models
from swiftrnn.errors import PYTHONS_NAMES, Status, error_of

INCLUDE = Path(__file__).resolve().parents[3] / "include"

# What callers cannot get wrong, as the package itself passes it: pointers to results, and the structs themselves.
NEVER_NAMED = {"out_count", "out_elements", "out_equations", "out_forest", "out_info", "out_network", "out_norm",
               "out_part", "out_size", "out_stream", "out_weights", "out_batches", "out_counts", "out_dtype",
               "out_gradients", "out_id", "out_improved", "out_inspection", "out_lengths", "out_log_probabilities",
               "out_mean", "out_model", "out_position", "out_rate", "out_result", "out_scores", "out_state",
               "out_index", "out_steps", "out_tensors", "out_tokens", "out_trainer", "out_values",
               "out_vocabulary"}  # fmt: skip


def names_of_the_headers() -> set[str]:
    """Fields of structs and parameters of functions."""
    both = "\n".join((INCLUDE / name).read_text() for name in ("swiftrnn.h", "swiftrnn_models.h"))
    text = re.sub(r"/\*.*?\*/|^ *#.*?$", "", both, flags=re.DOTALL | re.MULTILINE)
    found = {field for body in re.findall(r"struct swiftrnn_\w+ \{(.*?)\}", text, re.DOTALL)
             for field in re.findall(r"(\w+)(?:\[\d+\])?;", body)}  # fmt: skip
    for arguments in re.findall(r"swiftrnn_\w+\(([^)]*)\);", text):
        found |= {argument.split()[-1].lstrip("*") for argument in arguments.split(",")}
    return found


def names_of_the_package() -> set[str]:
    """Arguments of everything public."""
    found = set()
    public = [getattr(module, name) for module in (swiftrnn, swiftrnn.models) for name in module.__all__]
    for value in public:
        callables = [value] if callable(value) else []
        if inspect.isclass(value):
            callables += [member for label, member in inspect.getmembers(value, callable) if not label.startswith("__")]
        for each in callables:
            try:
                found |= set(inspect.signature(each).parameters)
            except ValueError:  # of what is built in
                continue
    return found


def test_every_name_of_the_header_is_one_of_the_package_or_has_one() -> None:
    header, package = names_of_the_headers(), names_of_the_package()
    assert {"projection_size", "x_step_stride", "beta1", "tape_size", "max_norm"} <= header and "proj_size" in package
    compound = {name for name in header if "_" in name or name[-1].isdigit()}
    assert len(compound) > 60
    assert sorted(compound - package - set(PYTHONS_NAMES) - NEVER_NAMED) == []
    assert sorted(set(PYTHONS_NAMES) - header) == [], "names that the header no longer has"


def test_only_the_name_that_a_message_begins_with_is_another() -> None:
    assert error_of(2, "rate is -1, must be 0").message == "lr is -1, must be 0"
    assert error_of(2, "layer_dilations[1] is 0").message == "options.dilations[1] is 0"
    assert error_of(1, "an entry of initial_states must not be NULL").message == "an entry of state must not be NULL"
    text = 'line 1, column 2: there is no function "rate"\n  rate(workspace)'
    assert error_of(2, text).message == text


LSTM = swiftrnn.LSTM(3, 4, seed=0)
Options = swiftrnn.LayerOptions


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: swiftrnn.LSTM(3, 4, proj_size=4), "proj_size is 4, must be in 0...3"),
        (lambda: swiftrnn.GRU(3, 4, 2, options=Options(hidden_sizes=[3, 0])),
         r"options.hidden_sizes\[1\] is 0, must be in 1..."),
        (lambda: swiftrnn.GRU(3, 4, 2, options=Options(dilations=[0, 1])),
         r"options.dilations\[0\] is 0, must be in 1..."),
        (lambda: swiftrnn.Cell("x" * 100_000 + "="), "the size of the text in bytes is"),
        (lambda: swiftrnn.LSTM(3, 4).initialize(weights=("uniform", -1)), "weights is -1"),
        (lambda: swiftrnn.LSTM(3, 4).initialize(recurrent=("normal", -1)), "recurrent is -1"),
        (lambda: swiftrnn.LSTM(3, 4).initialize(bias=("normal", -1)), "bias is -1"),
        (lambda: swiftrnn.LSTM(3, 4).initialize(chrono=1), "chrono is 1, must be"),
        (lambda: swiftrnn.LSTM(3, 4).initialize(forget_bias=float("inf")), "forget_bias is inf"),
        (lambda: LSTM.stream(-1), "batch is -1"),
        (lambda: swiftrnn.set_num_threads(-1), "threads is -1"),
        (lambda: LSTM(np.ones((5, 2, 3), np.float32), mask=np.ones((5, 2), bool)), "mask: .*LayerOptions"),
        (lambda: swiftrnn.sample(np.ones(3), top_p=2), "top_p is 2"),
        (lambda: swiftrnn.clip_grad_norm(np.ones(3), -1), "max_norm is -1"),
    ],
)  # fmt: skip
def test_names_of_arguments(call: Any, message: str) -> None:
    with pytest.raises(swiftrnn.SwiftRNNError, match=f"^{message}") as caught:
        call()
    assert isinstance(caught.value.status, Status)
