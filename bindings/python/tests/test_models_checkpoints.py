"""Trainings that go on from a checkpoint: only the same training does, in the memory of the model, and with its best
parameters."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import swiftrnn
from swiftrnn.models import (
    Batch,
    Classifier,
    LanguageModel,
    Report,
    Tagger,
    Trainer,
    Vocabulary,
    load,
)

QUIET: dict[str, Any] = {"seed": 1, "progress": False}
PAIRS: Any = [([0, 1, 2], 0), ([2, 1], 1), ([1], 0), ([2, 2, 0], 1)]
HELD: Any = [([0, 2], 1), ([1, 1, 0], 0)]
TEXT = "the cat sat on the mat. " * 10


def classifier(seed: int = 0, **options: Any) -> Classifier:
    return Classifier(3, 2, 8, seed=seed, **options)


def cut(model: Any, data: Any, step: int, checkpoint: Path, **options: Any) -> None:
    """A training that ends with an error after the report at `step`; its checkpoint is that of the step before."""

    def stop(report: Report) -> None:
        if report.step > step:
            raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        model.fit(data, checkpoint=checkpoint, callback=stop, **{"every": 1, **QUIET, **options})


# ---- What must be the same -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"validation": HELD[:1]}, "validation differ: examples was 2, and is 1 now, other lengths, other inputs"),
        ({"validation": [HELD[0], ([1, 1, 0], 1)]}, "validation differ: other targets. Give"),
        ({"validation": None, "patience": None}, "there was validation, and there is no validation now"),
        ({"data": [([0, 1], 0), ([2, 2, 1], 1), *PAIRS[2:]]}, "data differ: other lengths. Give another checkpoint"),
        ({"data": [([0, 1, 1], 0), *PAIRS[1:]]}, "data differ: other inputs. Give"),
        ({"data": [([0, 1, 2], 1), *PAIRS[1:]]}, "data differ: other targets. Give"),
        ({"batch_size": 3}, "data differ: batch_size was 2, and is 3 now"),
        ({"token_limit": 99}, "data differ: token_limit was not given, and is 99 now"),
        ({"rate": 0.5}, "rate was 0.001, and is 0.5 now"),
        ({"clip": None}, "clip_norm was 1.0, and is not given now"),
        ({"every": 1}, "every was not given, and is 1 now"),
        ({"patience": 3}, "patience was 9, and is 3 now"),
        ({"seed": 2}, "seed was 1, and is 2 now"),
    ],
)
def test_another_training_is_refused_and_told(changed: Any, message: str, tmp_path: Path) -> None:
    options = {"data": PAIRS, "validation": HELD, "patience": 9, "batch_size": 2, "epochs": 2, **QUIET}
    options["checkpoint"] = tmp_path / "c"
    classifier().fit(**options)
    with pytest.raises(ValueError, match="c: is of another training: .*" + re.escape(message)):
        classifier().fit(**{**options, **changed})


def test_boundaries_of_texts_and_labels_are_told_apart(tmp_path: Path) -> None:
    for number, (one, other) in enumerate([
        ([([0, 1, 2], [0, 1, 0]), ([2], [1])], [([0, 1], [0, 1]), ([2, 2], [0, 1])]),
        ([([0, 1], [0, 1]), ([2, 2], [1, 1])], [([0, 1], [0, 1]), ([2, 2], [1, 0])]),
    ]):  # fmt: skip
        options: Any = {"epochs": 1, "checkpoint": tmp_path / str(number), **QUIET}
        Tagger(3, 2, 4, seed=0).fit(one, **options)
        with pytest.raises(ValueError, match="data differ"):
            Tagger(3, 2, 4, seed=0).fit(other, **options)


def test_the_shape_of_trees_is_compared(tmp_path: Path) -> None:
    def trees(parents: list[int]) -> list[tuple[Any, Any, Any]]:
        return [(parents, [0, 1, 2], 0), ([1, -1], [2, 1], 1)]

    options: Any = {"epochs": 1, "checkpoint": tmp_path / "c", **QUIET}
    classifier(trees=True).fit(trees([2, 2, -1]), **options)
    classifier(trees=True).fit(trees([2, 2, -1]), **options)
    with pytest.raises(ValueError, match="data differ: other trees. Give another checkpoint"):
        classifier(trees=True).fit(trees([1, 2, -1]), **options)


def test_the_content_of_a_file_is_compared(tmp_path: Path) -> None:
    text, held, letters = tmp_path / "text", tmp_path / "held", Vocabulary("characters", [TEXT])
    text.write_text(TEXT)
    held.write_text(TEXT[:60])
    options: Any = {"epochs": 1, "batch_size": 2, "steps": 8, "checkpoint": tmp_path / "c", "validation": held, **QUIET}
    LanguageModel(letters, 6, seed=0).fit(text, **options)
    LanguageModel(letters, 6, seed=0).fit(text, **options)
    text.write_text(TEXT.replace("cat", "act", 1))  # of the same size
    with pytest.raises(ValueError, match="data differ: other content. Give"):
        LanguageModel(letters, 6, seed=0).fit(text, **options)
    text.write_text(TEXT)
    held.write_text(TEXT[1:61])
    with pytest.raises(ValueError, match="validation differ: other content. Give"):
        LanguageModel(letters, 6, seed=0).fit(text, **options)
    held.write_text(TEXT[:60])
    with pytest.raises(ValueError, match="look_back was 0, and is 4 now"):
        LanguageModel(letters, 6, seed=0).fit(text, look_back=4, **options)


def test_a_training_that_is_over_is_of_its_own_model(tmp_path: Path) -> None:
    options: Any = {"epochs": 3, "checkpoint": tmp_path / "c", "validation": HELD, "patience": 9, **QUIET}
    model = classifier()
    history = model.fit(PAIRS, **options)
    other = classifier(seed=5)
    before = other.flat.copy()
    for epochs in (3, 6):
        with pytest.raises(ValueError, match=r"is over, and its model began with other parameters \(load\(\) has"):
            other.fit(PAIRS, **{**options, "epochs": epochs})
        np.testing.assert_array_equal(other.flat, before)
    assert model.fit(PAIRS, **options).reports == history.reports  # the model that ended there
    again = classifier()
    assert again.fit(PAIRS, **options).reports == history.reports  # and one that begins as that did
    np.testing.assert_array_equal(again.flat, model.flat)


def test_parameters_of_another_model_are_not_lost(tmp_path: Path) -> None:
    """A model that is as it was drawn may be replaced by that of the checkpoint; one that was trained may not."""
    cut(classifier(), PAIRS, 2, tmp_path / "c", epochs=5)
    options: Any = {"epochs": 5, "every": 1, "checkpoint": tmp_path / "c", **QUIET}
    trained = classifier(seed=5)
    trained.fit(PAIRS, epochs=1, **QUIET)
    trained.save(tmp_path / "model")
    for model in (trained, Classifier.load(tmp_path / "model")):
        before = model.flat.copy()
        with pytest.raises(ValueError, match="c: is of another training: its model began with other parameters"):
            model.fit(PAIRS, **options)
        np.testing.assert_array_equal(model.flat, before)
    trained.initialize(6, forget_bias=1.0)
    assert trained.fit(PAIRS, **options).steps == [1, 2, 3, 4, 5]
    whole = classifier()
    whole.fit(PAIRS, epochs=5, **QUIET)
    np.testing.assert_array_equal(trained.flat, whole.flat)


def test_the_same_model_goes_on_after_an_error(tmp_path: Path) -> None:
    """Its parameters are those of a step behind the checkpoint."""
    model, whole = classifier(), classifier()
    cut(model, PAIRS, 2, tmp_path / "c", epochs=5)
    assert not np.array_equal(model.flat, load(tmp_path / "c").flat)
    model.fit(PAIRS, epochs=5, every=1, checkpoint=tmp_path / "c", **QUIET)
    whole.fit(PAIRS, epochs=5, every=1, **QUIET)
    np.testing.assert_array_equal(model.flat, whole.flat)


def test_more_epochs_go_on_and_resume_may_be_refused(tmp_path: Path) -> None:
    options: Any = {"checkpoint": tmp_path / "c", "batch_size": 2, **QUIET}
    classifier().fit(PAIRS, epochs=2, **options)
    longer, whole = classifier(), classifier()
    assert longer.fit(PAIRS, epochs=5, **options).epochs == [1, 2, 3, 4, 5]
    whole.fit(PAIRS, epochs=5, batch_size=2, **QUIET)
    np.testing.assert_array_equal(longer.flat, whole.flat)
    with pytest.raises(ValueError, match=r"of the model input.embedding_size was 8, and is 9 now, "
                       r"network.hidden_size was 8, and is 9 now, dropout was 0.0, and is 0.1 now. Give"):
        Classifier(3, 2, 9, dropout=0.1, seed=0).fit(PAIRS, **options)
    with pytest.raises(ValueError, match="of the model dtype was float32, and is float64 now"):
        classifier(dtype="float64").fit(PAIRS, **options)
    with pytest.raises(ValueError, match="the model has other vocabularies"):
        Classifier(3, ["a", "b"], 8, seed=0).fit(PAIRS, **options)
    assert len(classifier().fit(PAIRS, epochs=1, resume=False, rate=0.5, **options)) == 1


def test_reports_that_change_nothing_may_come_more_often(tmp_path: Path) -> None:
    options: Any = {"checkpoint": tmp_path / "c", "batch_size": 2, "epochs": 4, **QUIET}
    cut(classifier(), PAIRS, 3, **{**options, "validation": HELD})
    resumed, whole = classifier(), classifier()
    resumed.fit(PAIRS, every=2, validation=HELD, **options)
    whole.fit(PAIRS, epochs=4, batch_size=2, **QUIET)
    np.testing.assert_array_equal(resumed.flat, whole.flat)


def test_epochs_belong_to_a_schedule_with_an_end(tmp_path: Path) -> None:
    options: Any = {"checkpoint": tmp_path / "c", "schedule": "cosine", **QUIET}
    classifier().fit(PAIRS, epochs=2, **options)
    with pytest.raises(ValueError, match="epochs was 2, and is 5 now: the schedule ends with the last one. Give"):
        classifier().fit(PAIRS, epochs=5, **options)


def test_what_is_no_checkpoint_of_fit_is_refused(tmp_path: Path) -> None:
    model = classifier(seed=5)
    vector, before = model.flat, model.flat.copy()
    Trainer(classifier(), "sgd", rate=0.0).save(tmp_path / "trainer")
    Trainer(classifier()).save(tmp_path / "other", progress="{}")
    classifier().save(tmp_path / "model")
    (tmp_path / "text").write_text("no checkpoint")
    for name, message in [
        ("trainer", "the checkpoint is of a Trainer, and not of fit"), ("other", "is no checkpoint of fit: give"),
        ("model", "no checkpoint"), ("text", "text: "),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            model.fit(PAIRS, checkpoint=tmp_path / name, **QUIET)
    assert model.flat is vector
    np.testing.assert_array_equal(vector, before)


def test_a_checkpoint_of_another_version_is_told(tmp_path: Path) -> None:
    Trainer(classifier()).save(tmp_path / "c", progress='{"format": 1}')
    with pytest.raises(ValueError, match="is of another training: the checkpoint is of another version of swiftrnn"):
        classifier().fit(PAIRS, checkpoint=tmp_path / "c", **QUIET)


# ---- The best parameters ---------------------------------------------------------------------------------------------


def test_the_file_of_the_best_parameters_is_needed(tmp_path: Path) -> None:
    options: Any = {"epochs": 6, "validation": HELD, "patience": 20, "batch_size": 2}
    cut(classifier(), PAIRS, 4, tmp_path / "c", **options)
    best = tmp_path / "c.best"
    kept = best.read_bytes()
    best.unlink()
    model = classifier()
    before = model.flat.copy()
    resume: Any = {"checkpoint": tmp_path / "c", "every": 1, **options, **QUIET}
    with pytest.raises(ValueError, match=r"c\.best: is missing, .* the training in .*c: put it back, or pass resume="):
        model.fit(PAIRS, **resume)
    classifier(dropout=0.5).save(best)
    with pytest.raises(ValueError, match=r"c\.best: is of another training: of the model dropout was 0.5, and is 0"):
        model.fit(PAIRS, **resume)
    np.testing.assert_array_equal(model.flat, before)
    best.write_bytes(kept)
    model.fit(PAIRS, **resume)
    whole = classifier()
    whole.fit(PAIRS, every=1, **options, **QUIET)
    np.testing.assert_array_equal(model.flat, whole.flat)


def test_best_parameters_of_another_training_are_refused(tmp_path: Path) -> None:
    options: Any = {"epochs": 3, "validation": HELD, "patience": 20, "checkpoint": tmp_path / "c", **QUIET}
    classifier().fit(PAIRS, **options)
    classifier(seed=9).save(tmp_path / "c.best")
    with pytest.raises(ValueError, match=r"c\.best: .*its parameters are not the best ones of this training"):
        classifier().fit(PAIRS, **options)


# ---- Memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["examples", "text"])
def test_a_resumed_training_stays_in_the_memory_of_the_model(kind: str, tmp_path: Path) -> None:
    def made() -> tuple[Any, Any, dict[str, Any]]:
        if kind == "text":
            model: Any = LanguageModel(Vocabulary("characters", [TEXT]), 6, dropout=0.2, seed=0)
            return model, TEXT, {"epochs": 2, "batch_size": 2, "steps": 20}
        return classifier(dropout=0.2), PAIRS, {"epochs": 4, "batch_size": 2}

    model, data, options = made()
    cut(model, data, 3, tmp_path / "c", **options)
    whole, _, _ = made()
    whole.fit(data, every=1, **options, **QUIET)
    last, _, _ = made()
    flat, gradients, view = last.flat, last.flat_gradients, next(iter(last.parameters.values()))
    other = Trainer(last, "sgd", rate=0.1)
    last.fit(data, checkpoint=tmp_path / "c", every=1, **options, **QUIET)
    assert last.flat is flat and last.flat_gradients is gradients and np.shares_memory(view, last.flat)
    np.testing.assert_array_equal(flat, whole.flat)
    np.testing.assert_array_equal(gradients, whole.flat_gradients)
    np.testing.assert_array_equal(load(tmp_path / "c").flat, whole.flat)
    assert other.model is last
    gradients[:] = 1
    other.update()
    np.testing.assert_allclose(flat, whole.flat - np.float32(0.1), rtol=0, atol=1e-6)


def test_what_a_callback_writes_counts_after_a_resume_too(tmp_path: Path) -> None:
    def trained(checkpoint: Path | None, model: Classifier, stop: int) -> np.ndarray:
        def shrink(report: Report) -> None:
            if report.step > stop:
                raise RuntimeError("cut")
            model.flat[...] *= np.float32(0.5)

        options: Any = {"epochs": 4, "batch_size": 2, "every": 1, **QUIET}
        try:
            model.fit(PAIRS, callback=shrink, checkpoint=checkpoint, **options)
        except RuntimeError:
            assert stop < 8
        return model.flat

    trained(tmp_path / "c", classifier(), 3)
    resumed = trained(tmp_path / "c", classifier(), 99)
    np.testing.assert_array_equal(resumed, trained(None, classifier(), 99))


# ---- Epochs, settings, and parameters that a resume must not lose ----------------------------------------------------


@pytest.mark.parametrize("epochs", [1, 3])
def test_no_more_epochs_than_are_done_end_at_once(epochs: int, tmp_path: Path) -> None:
    model = classifier()
    cut(model, PAIRS, 8, tmp_path / "c", epochs=9, batch_size=2)
    history = model.fit(PAIRS, checkpoint=tmp_path / "c", epochs=epochs, batch_size=2, every=1, **QUIET)
    whole = classifier()
    whole.fit(PAIRS, epochs=4, batch_size=2, **QUIET)  # 8 steps
    assert history.reports[-1].step == 8 and (model.flat == whole.flat).all()


def test_settings_are_compared_as_a_checkpoint_has_them(tmp_path: Path) -> None:
    own = {"optimizer": "adam", "betas": (0.9, 0.99), "epsilon": np.float64(1e-6)}
    options: Any = {"epochs": 4, "optimizer": own, "validation": HELD, "patience": np.int64(9)}
    whole, model = classifier(), classifier()
    whole.fit(PAIRS, every=1, **options, **QUIET)
    cut(model, PAIRS, 2, tmp_path / "c", **options)
    model.fit(PAIRS, checkpoint=tmp_path / "c", every=1, **options, **QUIET)
    assert (model.flat == whole.flat).all()


def test_parameters_that_changed_after_a_cut_are_not_lost(tmp_path: Path) -> None:
    model = Classifier(3, 2, 8)
    model.flat[...] += 1  # not as it was drawn
    cut(model, PAIRS, 2, tmp_path / "c", epochs=4)
    kept = model.flat.copy()
    model.flat[0] += 1
    with pytest.raises(ValueError, match="began with other parameters"):
        model.fit(PAIRS, checkpoint=tmp_path / "c", epochs=4, every=1, **QUIET)
    model.flat[...] = kept
    model.fit(PAIRS, checkpoint=tmp_path / "c", epochs=4, every=1, **QUIET)
    model.initialize(seed=5)
    cut(model, PAIRS, 2, tmp_path / "d", epochs=4)
    model.initialize(seed=6)
    model.flat[0] += 1
    with pytest.raises(ValueError, match="began with other parameters"):
        model.fit(PAIRS, checkpoint=tmp_path / "d", epochs=4, every=1, **QUIET)


def test_long_epochs_are_saved_once_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, saved = 0.0, []
    step, save = Trainer.step, Trainer.save

    def slow(self: Trainer, *own: Any) -> Any:
        nonlocal now
        now += 25
        return step(self, *own)

    def counted(self: Trainer, *own: Any) -> None:
        saved.append(now)
        save(self, *own)

    monkeypatch.setattr(swiftrnn.models._training.time, "monotonic", lambda: now)
    monkeypatch.setattr(Trainer, "step", slow)
    monkeypatch.setattr(Trainer, "save", counted)
    classifier().fit(PAIRS * 2, epochs=1, batch_size=1, checkpoint=tmp_path / "c", **QUIET)
    assert [at for at in saved if at > 0] == [75, 150, 200]  # the third, the sixth and the last of eight steps


def test_a_checkpoint_that_cannot_be_written_is_told_before_the_first_step(tmp_path: Path) -> None:
    heard: list[Report] = []
    with pytest.raises(FileNotFoundError, match="checkpoint: there is no folder"):
        classifier().fit(PAIRS, checkpoint=tmp_path / "none/c", callback=heard.append, **QUIET)
    with pytest.raises(OSError, match="is no file"):
        classifier().fit(PAIRS, checkpoint=tmp_path, callback=heard.append, **QUIET)
    assert not heard


def test_a_text_is_read_with_the_same_steps_and_begins_anew_in_each_epoch(tmp_path: Path) -> None:
    options: Any = {"epochs": 3, "batch_size": 2, "steps": 10}
    model = LanguageModel(Vocabulary("characters", [TEXT]), 6, seed=0)
    cut(model, TEXT, 5, tmp_path / "c", **options)
    for changed in ({"steps": 12}, {"batch_size": 3}):
        with pytest.raises(ValueError, match="data differ"):
            model.fit(TEXT, checkpoint=tmp_path / "c", every=1, **{**options, **changed}, **QUIET)
    ours, byhand = (LanguageModel(Vocabulary("characters", [TEXT]), 6, seed=0) for _ in range(2))
    ours.fit(TEXT, rate=0.01, **options, **QUIET)
    trainer = Trainer(byhand, "adam", rate=0.01, clip=1.0, seed=1)
    ids = byhand.vocabulary.encode(TEXT)
    columns = ids[: len(ids) // 2 * 2].reshape(2, -1).T
    for _ in range(3):
        state = byhand.make_state()
        for start in range(0, len(columns) - 1, 10):
            rows = columns[start : start + 11]
            trainer.step(Batch(ids=rows[:-1].copy(), targets=rows[1:].copy()), state)
    np.testing.assert_array_equal(ours.flat, byhand.flat)
