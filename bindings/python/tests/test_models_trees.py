"""Models over trees, and networks with output feedback: against torch, and small tasks that they learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import swiftrnn
import torch
from swiftrnn.models import Batch, Classifier, Features, OutputFeedback, Regressor, Tagger, Vocabulary, load

TOLERANCE = 1e-10
QUIET: Any = {"seed": 0, "progress": False}


def tree(rng: np.random.Generator, count: int) -> list[int]:
    """The parents of a random tree whose root is its last node."""
    return [int(rng.integers(k + 1, count)) for k in range(count - 1)] + [-1]


def sums(rng: np.random.Generator, count: int) -> tuple[list[int], Any, Any]:
    """A tree of bits, and for each node the parity of all bits from there down."""
    parents, bits = tree(rng, count), rng.integers(0, 2, count)
    below = bits.copy()
    for node, parent in enumerate(parents[:-1]):
        below[parent] += below[node]
    return parents, bits, (below > 1).astype(np.int64)


def child_sum(p: dict[str, torch.Tensor], forest: swiftrnn.Forest, ids: Any) -> torch.Tensor:
    """The Child-Sum Tree-LSTM (Tai, Socher, Manning 2015, equations 2 to 8) by the parameters' names of the library."""
    names = {name.removeprefix("network."): value for name, value in p.items() if name.startswith("network.")}
    x, done = p["embedding.weight"][torch.tensor(ids)], {}
    children, parents = forest.edges

    def node(number: int) -> tuple[torch.Tensor, torch.Tensor]:
        if number not in done:
            below = [node(int(child)) for child in children[parents == number]]
            zero = torch.zeros(len(names["bf_l0"]), dtype=torch.float64)
            h = sum((h for h, _ in below), zero)
            i, o, u = (names[f"W{g}_l0"] @ x[number] + names[f"U{g}_l0"] @ h + names[f"b{g}_l0"] for g in "iou")
            c = torch.sigmoid(i) * torch.tanh(u)
            for own_h, own_c in below:
                c = c + own_c * torch.sigmoid(names["Wf_l0"] @ x[number] + names["Uf_l0"] @ own_h + names["bf_l0"])
            done[number] = (torch.sigmoid(o) * torch.tanh(c), c)
        return done[number]

    return torch.stack([node(number)[0] for number in range(len(ids))])


@pytest.mark.parametrize("kind", ["tagger", "classifier", "regressor"])
def test_gradients_over_trees_are_torchs(kind: str) -> None:
    make: Any = {"tagger": Tagger, "classifier": Classifier, "regressor": Regressor}[kind]
    model = make(6, 3, 4, trees=True, dtype="float64", seed=0)
    assert model.trees and model.configuration["structure"] == "trees"
    rng = np.random.default_rng(0)
    forest = swiftrnn.Forest.from_trees([tree(rng, count) for count in (5, 1, 7)])
    ids = rng.integers(0, 6, 13)
    batch = Batch(forest=forest, ids=ids)
    rows = 13 if kind == "tagger" else 3
    if kind == "regressor":
        batch.values = rng.normal(size=(rows, 3))
    else:
        batch.targets = rng.integers(0, 3, rows)
    p = {name: torch.tensor(view.copy(), requires_grad=True) for name, view in model.parameters.items()}
    h = child_sum(p, forest, ids)
    y = (h if kind == "tagger" else h[torch.tensor(forest.roots)]) @ p["output.weight"].T + p["output.bias"]
    wanted = (torch.nn.functional.mse_loss(y, torch.tensor(batch.values)) if kind == "regressor"
              else torch.nn.functional.cross_entropy(y, torch.tensor(batch.targets)))  # fmt: skip
    wanted.backward()
    assert model.loss(batch) == pytest.approx(wanted.item(), abs=TOLERANCE)
    assert model.evaluate(batch).loss == pytest.approx(wanted.item(), abs=TOLERANCE)
    np.testing.assert_allclose(model.logits(batch), y.detach(), rtol=0, atol=TOLERANCE)
    for name, gradient in model.gradients.items():
        np.testing.assert_allclose(gradient, p[name].grad, rtol=0, atol=TOLERANCE, err_msg=name)


def test_a_tagger_of_nodes_learns_and_is_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = [sums(rng, int(rng.integers(1, 7))) for _ in range(60)]
    model = Tagger(2, ["one at most", "more"], 8, trees=True, seed=0)
    model.fit(data, epochs=60, rate=0.03, checkpoint=tmp_path / "checkpoint", **QUIET)
    assert model.evaluate(data).accuracy == 1.0
    assert model.predict([([1, -1], [1, 1]), ([-1], [1])]) == [["one at most", "more"], ["one at most"]]
    scores, batched = model.score(data[:5]), model.score(data[:5], batch_size=1)
    np.testing.assert_allclose(scores, batched, rtol=0, atol=1e-6)
    by_hand = np.log(model.predict([data[0][:2]], probabilities=True)[0])[np.arange(len(data[0][1])), data[0][2]].sum()
    assert scores[0] == pytest.approx(by_hand, abs=1e-4)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert isinstance(again, Tagger) and again.trees
    assert again.predict([data[0][:2]]) == model.predict([data[0][:2]])


def test_a_classifier_and_a_regressor_of_roots_learn() -> None:
    rng = np.random.default_rng(0)
    words = Vocabulary("whitespace", ["good bad not"])
    data = [(swiftrnn.Forest([1, -1]), ["good", "not"], "bad"), ([1, -1], "bad not", "good"), ([-1], "good", "good"),
            ([-1], "bad", "bad"), ([1, 2, -1], "good not not", "good"), ([1, 2, -1], "bad not not", "bad")]  # fmt: skip
    model = Classifier(words, ["good", "bad"], 12, trees=True, seed=0)
    model.fit(data, epochs=120, rate=0.03, **QUIET)
    assert model.evaluate(data).accuracy == 1.0
    assert model.predict([([1, -1], "good not"), ([-1], "good")]) == ["bad", "good"]
    numbers = [(tree(rng, 4), x := rng.uniform(-1, 1, (4, 1)), x.sum()) for _ in range(60)]
    regressor = Regressor(Features(1), 1, 16, trees=True, cell="tree_child_sum", seed=0)
    regressor.fit(numbers, epochs=60, rate=0.02, **QUIET)
    assert regressor.evaluate(numbers).error < 0.15


@pytest.mark.parametrize(
    "data, error, message",
    [
        ([([1, -1], [0, 1])], TypeError, r"data\[0\]: expected three, \(parents, nodes, label\), got tuple"),
        ([([1, -1], [0], 0)], ValueError, r"data\[0\]: has 2 parents and 1 nodes"),
        ([([-1, -1], [0, 1], 0)], ValueError, r"data\[0\]\[0\]: has 2 roots: a classifier reads one tree at a time"),
        ([([1, 0], [0, 1], 0)], swiftrnn.SwiftRNNError, "circle|parents"),
        ([([5, -1], [0, 1], 0)], ValueError, r"data\[0\]\[0\]: "),
        ([(["a", "b"], [0, 1], 0)], TypeError, r"data\[0\]\[0\]: "),
        ([([1, -1], [0, 7], 0)], ValueError, r"data\[0\]\[1\]\[1\]: 7 is no id"),
    ],
)
def test_wrong_trees(data: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        Classifier(3, 2, 4, trees=True, seed=0).fit(data, **QUIET)


def test_what_trees_do_not_have() -> None:
    with pytest.raises(ValueError, match="bidirectional: trees have one direction"):
        Tagger(3, 2, 4, trees=True, bidirectional=True)
    with pytest.raises(swiftrnn.SwiftRNNError, match="pooling"):
        Classifier(3, 2, 4, trees=True, pooling="mean")
    with pytest.raises(ValueError, match="batch.forest: is for models over trees"):
        Tagger(3, 2, 4).loss(Batch(forest=swiftrnn.Forest([-1]), ids=[0], targets=[0]))
    model = Tagger(3, 2, 4, trees=True)
    with pytest.raises(ValueError, match="batch.forest: a model over trees needs it"):
        model.loss(Batch(ids=[[0]], targets=[[0]]))
    with pytest.raises(ValueError, match=r"batch.ids: expected shape \[1\], got \[2\]"):
        model.loss(Batch(forest=swiftrnn.Forest([-1]), ids=[0, 1], targets=[0]))
    with pytest.raises(TypeError, match="forest: expected a swiftrnn.Forest, got list"):
        Batch(forest=[-1])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"sequences\[0\]: expected a pair \(parents, nodes\), got int"):
        model.predict([3])


# ---- Output feedback -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("labels", [3, None])
def test_gradients_of_output_feedback_are_torchs(labels: Any, free: bool) -> None:
    model = OutputFeedback(Features(2), labels, 4, outputs=None if labels else 3, dtype="float64", seed=0)
    rng = np.random.default_rng(0)
    batch = Batch(features=rng.normal(size=(5, 2, 2)))
    if labels:
        batch.targets = rng.integers(0, 3, (5, 2))
        forced = torch.nn.functional.one_hot(torch.tensor(batch.targets), 3).double()
    else:
        batch.values = rng.normal(size=(5, 2, 3))
        forced = torch.tensor(batch.values)
    p = {name: torch.tensor(view.copy(), requires_grad=True) for name, view in model.parameters.items()}
    w, u, b, v, d = (p[f"network.{name}_l0"] for name in "WUbVd")
    fed, outputs = torch.zeros(2, 3, dtype=torch.float64), []
    for t, x in enumerate(torch.tensor(batch.features)):
        outputs.append(torch.tanh(x @ w.T + fed @ u.T + b) @ v.T + d)
        own = torch.softmax(outputs[-1], -1) if labels else outputs[-1]
        fed = own if free else forced[t]
    y = torch.stack(outputs)
    wanted = (torch.nn.functional.cross_entropy(y.reshape(10, 3), torch.tensor(batch.targets).reshape(10)) if labels
              else torch.nn.functional.mse_loss(y, forced))  # fmt: skip
    wanted.backward()
    assert model.loss(batch, sampling_probability=float(free)) == pytest.approx(wanted.item(), abs=TOLERANCE)
    for name, gradient in model.gradients.items():
        np.testing.assert_allclose(gradient, p[name].grad, rtol=0, atol=TOLERANCE, err_msg=name)
    result = model.evaluate(batch, free_running=free)
    assert result.loss == pytest.approx(wanted.item(), abs=TOLERANCE)
    right = (y.argmax(-1).numpy() == batch.targets).mean() if labels and free else None
    assert result.accuracy == right and (result.numbers is None) == (labels is not None)
    if free:
        np.testing.assert_allclose(model.logits(batch), y.detach(), rtol=0, atol=TOLERANCE)
        assert model.evaluate(batch) == result, "the default"


@pytest.mark.parametrize("labels", [3, None])
def test_output_feedback_is_validated_by_running_freely(labels: Any) -> None:
    model = OutputFeedback(Features(2), labels, 4, outputs=None if labels else 3, dtype="float64", seed=0)
    rng = np.random.default_rng(0)
    data = [
        (rng.normal(size=(steps, 2)), rng.integers(0, 3, steps) if labels else rng.normal(size=(steps, 3)))
        for steps in (5, 2, 4)
    ]  # fmt: skip
    history = model.fit(data, epochs=1, rate=0.0, validation=data, **QUIET)
    free, forced = model.evaluate(data), model.evaluate(data, free_running=False)
    assert history.validation_loss[0] == pytest.approx(free.loss, rel=1e-12)
    assert history.train_loss[0] == pytest.approx(forced.loss, rel=1e-12)
    assert history.validation_accuracy[0] == free.accuracy and forced.accuracy is None
    assert free.loss == pytest.approx(model.loss(data, sampling_probability=1.0), rel=1e-12)
    assert forced.loss == pytest.approx(model.loss(data), rel=1e-12) and free.loss != forced.loss
    with pytest.raises(TypeError, match="free_running: expected a bool"):
        model.evaluate(data, free_running=1)


def test_output_feedback_learns_parity_and_is_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = [
        (bits := rng.integers(0, 2, 6), ["odd" if odd else "even" for odd in np.cumsum(bits) % 2]) for _ in range(60)
    ]
    model = OutputFeedback(2, ["even", "odd"], 12, seed=0)
    model.fit(data, epochs=80, rate=0.03, **QUIET)
    assert model.evaluate(data).accuracy == 1.0
    assert model.predict([[1, 0, 1, 1]]) == [["odd", "odd", "even", "odd"]]
    model.save(tmp_path / "model")
    assert OutputFeedback.load(tmp_path / "model").predict([[1, 1]]) == [["odd", "even"]]
    with pytest.raises(ValueError, match="has a OutputFeedback, not a Tagger"):
        Tagger.load(tmp_path / "model")
    with pytest.raises(ValueError, match="labels, outputs: give one of them"):
        OutputFeedback(2, 3, 4, outputs=3)
