"""A training that is killed at any moment goes on by the same call and ends with the same bits."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models_fit_program import build

import swiftrnn
from swiftrnn.models import History, TrainingInterrupted, load

PROGRAM = Path(__file__).with_name("models_fit_program.py")


def uncut(kind: str) -> tuple[np.ndarray, History]:
    model, data, arguments = build(kind)
    history = model.fit(data, **arguments, seed=8, progress=False)
    return model.flat.copy(), history


@pytest.mark.parametrize("kind", ["text", "examples"])
def test_a_killed_training_ends_with_the_same_bits(kind: str, tmp_path: Path) -> None:
    checkpoint, result = tmp_path / "checkpoint", tmp_path / "result.npy"
    package = str(Path(swiftrnn.__file__).resolve().parent.parent)
    environment = {**os.environ, "PYTHONPATH": package}
    command = [sys.executable, str(PROGRAM), kind, str(checkpoint), str(result)]
    moments, kills = random.Random(kind), 0
    for attempt in range(60):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline() == b"begins\n"
        # Nothing of the length of a run is known: later attempts are let run longer.
        time.sleep(moments.uniform(0, 0.004 * (attempt + 1)))
        process.send_signal(signal.SIGKILL)
        ended = process.wait()
        process.stdout.close()
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        kills += 1
    assert kills >= 3
    if not result.exists():
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    expected, _ = uncut(kind)
    found = np.load(result)
    assert found.dtype == expected.dtype and (found == expected).all()


@pytest.mark.parametrize("kind", ["text", "examples"])
@pytest.mark.parametrize("step", [1, 9, 26])
def test_an_interrupted_training_goes_on(kind: str, step: int, tmp_path: Path) -> None:
    """Ctrl-C is heard between two steps, wherever they are in an epoch."""
    expected, history = uncut(kind)
    model, data, arguments = build(kind)
    arguments = {**arguments, "seed": 8, "progress": False, "checkpoint": tmp_path / "checkpoint"}
    stepped, training_step = 0, swiftrnn.models.Trainer.step

    def counted(self: Any, *own: Any) -> Any:
        nonlocal stepped
        stepped += 1
        if stepped == step:
            os.kill(os.getpid(), signal.SIGINT)
        return training_step(self, *own)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(swiftrnn.models.Trainer, "step", counted)
        with pytest.raises(TrainingInterrupted, match="saved in .*checkpoint") as caught:
            model.fit(data, **arguments)
    assert caught.value.step == step and caught.value.checkpoint == str(tmp_path / "checkpoint")
    again, _, _ = build(kind)
    whole = again.fit(data, **arguments)
    assert (again.flat == expected).all()
    assert whole.train_loss == history.train_loss and whole.validation_loss == history.validation_loss
    assert whole.steps == history.steps and whole.rate == history.rate and whole.norm == history.norm
    # A training that is over stays over.
    last, _, _ = build(kind)
    assert last.fit(data, **arguments).steps == history.steps and (last.flat == expected).all()
    assert type(load(tmp_path / "checkpoint")) is type(again)


def test_another_thread_trains_too() -> None:
    expected, _ = uncut("text")
    found: list[np.ndarray] = []
    thread = threading.Thread(target=lambda: found.append(uncut("text")[0]))
    thread.start()
    thread.join()
    assert (found[0] == expected).all()
