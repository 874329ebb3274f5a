"""Files of models, checkpoints, and trainings that are cut: the same bits, and nothing damaged is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import swiftrnn
from safetensors.numpy import load_file
from swiftrnn.models import (
    Classifier,
    EncoderDecoder,
    Features,
    LanguageModel,
    Model,
    Regressor,
    Tagger,
    Trainer,
    VectorDecoder,
    Vocabulary,
    load,
)

LETTERS = Vocabulary("characters", ["abcdefgh"], specials=("<unk>", "<bos>", "<eos>"))
MODELS: list[Any] = [
    lambda: LanguageModel(LETTERS, 6, tie_embedding=True, seed=0),
    lambda: Tagger(LETTERS, ["A", "B"], 6, seed=0, dtype="float64"),
    lambda: Tagger(Features(2), None, 4, outputs=2, seed=0),
    lambda: Classifier(LETTERS, ["A", "B b"], 6, pooling="attention", attention_size=3, seed=0),
    lambda: Regressor(Features(2), 2, 4, cell="gru", seed=0),
    lambda: VectorDecoder(3, LETTERS, 5, seed=0),
    lambda: EncoderDecoder(LETTERS, LETTERS, 5, attention="concat", attention_size=3, bidirectional=True, seed=0),
    lambda: LanguageModel(9, 5, cell="like lstm\nf = 1 - i", seed=0),
]


@pytest.mark.parametrize("make", MODELS)
def test_what_is_saved_is_loaded(make: Any, tmp_path: Path) -> None:
    model: Model = make()
    model.set_metadata({"note": "a text", "gone": "x"})
    model.set_metadata({"gone": None})
    path = tmp_path / "model.safetensors"
    model.save(path)
    again = type(model).load(path)
    assert type(load(path)) is type(model) is type(again)
    assert again.configuration == model.configuration and again.dtype == model.dtype
    assert (again.vocabulary, again.target_vocabulary) == (model.vocabulary, model.target_vocabulary)
    assert list(again.parameters) == list(model.parameters)
    np.testing.assert_array_equal(again.flat, model.flat)
    assert again.get_metadata("note") == "a text" and again.get_metadata("gone") is None
    with pytest.raises(ValueError, match=f"has a {type(model).__name__}, not a"):
        (Classifier if type(model) is not Classifier else Tagger).load(path)


def test_files_of_other_writers_read_them(tmp_path: Path) -> None:
    model = MODELS[0]()
    model.save(tmp_path / "m")
    tensors = load_file(tmp_path / "m")
    assert {name: tensors[name].tolist() for name in model.parameters} == {
        k: v.tolist() for k, v in model.parameters.items()
    }


def damaged(whole: bytes, rng: np.random.Generator) -> list[bytes]:
    """Files with one byte changed, each at another place, and with an end cut off."""
    found = []
    for place in sorted({*range(24), *rng.integers(0, len(whole), 300).tolist()}):
        changed = bytearray(whole)
        changed[place] ^= 1 << int(rng.integers(0, 8))
        found.append(bytes(changed))
    return found + [whole[:size] for size in (0, 1, 7, 8, 9, len(whole) // 2, len(whole) - 1)] + [whole + b"\0"]


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    model = Classifier(LETTERS, ["A", "B"], 3, seed=0)
    path, same = tmp_path / "model", 0
    model.save(path)
    whole = path.read_bytes()
    for changed in damaged(whole, np.random.default_rng(0)):
        path.write_bytes(changed)
        try:
            again = load(path)
        except ValueError as error:  # SwiftRNNValueError is one
            assert str(path) in str(error)
            continue
        same += 1
        assert again.configuration == model.configuration
        np.testing.assert_array_equal(again.flat, model.flat)
    assert same < 5


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    model = Classifier(3, 2, 2, seed=0)
    trainer, path = Trainer(model, "adam"), tmp_path / "checkpoint"
    trainer.step([([0, 1], 1)])
    trainer.save(path, progress="so far")
    whole = path.read_bytes()
    for changed in damaged(whole, np.random.default_rng(1))[::2]:
        path.write_bytes(changed)
        try:
            again, state, progress = Trainer.load(path)
        except ValueError:
            continue
        assert state is None and progress == "so far" and again.steps == 1
        np.testing.assert_array_equal(again.model.flat, model.flat)


def test_files_that_there_are_not(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        load(tmp_path / "none")
    with pytest.raises(swiftrnn.SwiftRNNFileError):
        MODELS[0]().save(tmp_path / "no folder" / "model")
    (tmp_path / "text").write_text("no model")
    with pytest.raises(ValueError, match="text"):
        load(tmp_path / "text")
    with pytest.raises(TypeError, match="path: expected a path, got int"):
        load(3)  # type: ignore[arg-type]


# ---- Trainings that are cut ------------------------------------------------------------------------------------------

TEXT = "the cat sat on the mat. " * 10
PAIRS = [([0, 1, 1], 0), ([1, 0], 1), ([1, 1, 1, 1], 0), ([0, 0, 1], 1), ([1], 1)] * 3


class Cut(Exception):
    """What a training is cut with."""


OPTIMIZERS = ["adam", "adamw", "sgd", {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
              "rmsprop", {"optimizer": "rmsprop", "centered": True, "momentum": 0.5}]  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kind", ["text", "examples"])
def test_a_training_that_was_cut_ends_with_the_same_bits(optimizer: Any, kind: str, tmp_path: Path) -> None:
    def made() -> tuple[Any, Any, dict[str, Any]]:
        options: Any = {"optimizer": optimizer, "epochs": 3, "seed": 1, "progress": False, "rate": 0.01}
        options |= {"schedule": "cosine", "checkpoint_every": 1}
        if kind == "text":
            model: Any = LanguageModel(Vocabulary("characters", [TEXT]), 8, dropout=0.2, seed=0)
            return model, TEXT, options | {"batch_size": 2, "steps": 20, "validation": 0.2, "every": 2}
        return (
            Classifier(2, 2, 6, dropout=0.2, seed=0),
            PAIRS,
            options | {"batch_size": 4, "validation": PAIRS, "patience": 2},  # fmt: skip,
        )

    whole, data, options = made()
    history = whole.fit(data, **options)
    path = tmp_path / "checkpoint"
    for cut in (1, 4, 5):
        model, _, _ = made()

        def stop(report: Any, cut: int = cut) -> None:
            if report.step > cut:
                raise Cut

        try:
            model.fit(data, checkpoint=path, callback=stop, **options)
        except Cut:
            pass
    last, _, _ = made()
    resumed = last.fit(data, checkpoint=path, **options)
    np.testing.assert_array_equal(last.flat, whole.flat)
    assert resumed.train_loss == history.train_loss and resumed.validation_loss == history.validation_loss
    assert resumed.rate == history.rate and resumed.stopped_early == history.stopped_early
    np.testing.assert_array_equal(load(path).flat if kind == "text" else last.flat, whole.flat)


def test_a_trainer_goes_on_with_state_and_progress(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    model = LanguageModel(5, 6, dropout=0.3, seed=0)
    rng = np.random.default_rng(0)
    batches = [swiftrnn.models.Batch(ids=ids[:-1], targets=ids[1:]) for ids in rng.integers(0, 5, (6, 4, 2))]
    trainer, state = Trainer(model, "adam", seed=3), model.make_state()
    for batch in batches[:3]:
        trainer.step(batch, state)
    trainer.save(path, state, "half")
    again, carried, progress = Trainer.load(path)
    assert progress == "half" and carried is not None and again.settings == trainer.settings
    for batch in batches[3:]:
        assert trainer.step(batch, state) == again.step(batch, carried)
    np.testing.assert_array_equal(again.model.flat, model.flat)


# ---- State dicts -----------------------------------------------------------------------------------------------------


def test_state_dicts() -> None:
    a, b = LanguageModel(7, 4, seed=0), LanguageModel(7, 4, seed=1)
    state = a.state_dict(prefix="lm.")
    assert list(state) == ["lm." + name for name in a.parameters]
    b.load_state_dict(state, prefix="lm.")
    np.testing.assert_array_equal(a.flat, b.flat)
    state["lm.output.bias"][:] = 7
    assert not (a.parameters["output.bias"] == 7).any(), "a copy"
    before = b.flat.copy()
    for wrong, error, message in [
        ({**state, "lm.other": np.zeros(1, np.float32)}, ValueError, r"unexpected \['lm.other'\]"),
        ({k: v for k, v in state.items() if k != "lm.output.bias"}, ValueError, r"missing \['lm.output.bias'\]"),
        (
            {**state, "lm.output.bias": np.zeros(6, np.float32)},
            ValueError,
            r"lm.output.bias: expected shape \[7\], got \[6\]",
        ),
        ({**state, "lm.output.bias": np.zeros(7)}, TypeError, "lm.output.bias: expected float32, got float64"),
    ]:
        with pytest.raises(error, match=message):
            b.load_state_dict(wrong, prefix="lm.")
        np.testing.assert_array_equal(b.flat, before, "nothing is copied unless all fit")
    with pytest.raises(ValueError, match="unexpected"):
        b.load_state_dict(state)
    b.load_state_dict({"lm.output.bias": state["lm.output.bias"], "more": 3}, strict=False, prefix="lm.")
    assert (b.parameters["output.bias"] == 7).all() and (
        b.parameters["embedding.weight"] == a.parameters["embedding.weight"]
    ).all()
