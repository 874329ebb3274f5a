"""Cross-entropy with all its options, alone and behind a linear layer, against torch in float64; and bits."""

from __future__ import annotations

import itertools
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest
import torch

import swiftrnn
from torch_reference import assert_same_bits

TYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
TOLERANCE = {"float64": 1e-11, "float32": 2e-5}


class Batch:
    """Logits, or x and weight, with targets and the weights of classes and rows."""

    def __init__(self, dtype: str, rows: int, classes: int, inputs: int = 5, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.logits = (rng.standard_normal((rows, classes)) * 4).astype(dtype)
        self.x = rng.standard_normal((rows, inputs)).astype(dtype)
        self.weight = rng.standard_normal((classes, inputs)).astype(dtype)
        self.bias = rng.standard_normal(classes).astype(dtype)
        self.targets = rng.integers(0, classes, rows)
        self.targets[rng.random(rows) < 0.2] = -100
        self.class_weights = rng.random(classes).astype(dtype) + dtype_of(dtype, 0.1)
        self.row_weights = (rng.random(rows) * (rng.random(rows) > 0.3)).astype(dtype)

    def options(self, smoothing: float, by_class: bool, by_row: bool, reduction: str) -> dict[str, Any]:
        options: dict[str, Any] = dict(label_smoothing=smoothing, reduction=reduction)
        if by_class:
            options["class_weights"] = self.class_weights
        if by_row:
            options["row_weights"] = self.row_weights
        return options


def dtype_of(dtype: str, number: float) -> Any:
    return np.dtype(dtype).type(number)


def expected_loss(logits: torch.Tensor, targets: np.ndarray, options: dict[str, Any]) -> tuple[torch.Tensor, Any]:
    """torch's loss, and the loss of each row; rows' weights, which torch lacks, by their definition."""
    given = options.get("class_weights")
    class_weights = None if given is None else torch.from_numpy(given.astype(np.float64))
    wanted = torch.from_numpy(targets)
    each = torch.nn.functional.cross_entropy(
        logits, wanted, weight=class_weights, label_smoothing=options["label_smoothing"], reduction="none"
    )
    if "row_weights" not in options:
        loss = torch.nn.functional.cross_entropy(
            logits, wanted, weight=class_weights, label_smoothing=options["label_smoothing"],
            reduction=options["reduction"],
        )  # fmt: skip
        return loss, each
    rows = torch.from_numpy(options["row_weights"].astype(np.float64))
    each = each * rows
    if options["reduction"] == "sum":
        return each.sum(), each
    count = torch.where(wanted >= 0, rows, 0.0)
    if class_weights is not None:
        count = count * class_weights[wanted.clamp(min=0)]
    return each.sum() / count.sum(), each


OPTIONS = list(itertools.product([0.0, 0.1, 1.0], [False, True], [False, True], ["mean", "sum"]))


@TYPES
@pytest.mark.parametrize("smoothing, by_class, by_row, reduction", OPTIONS)
def test_every_option_of_cross_entropy(
    dtype: str, smoothing: float, by_class: bool, by_row: bool, reduction: str
) -> None:
    for rows, classes in ((1, 1), (7, 2), (40, 33), (13, 4099), (300, 16)):
        batch = Batch(dtype, rows, classes, seed=rows)
        batch.targets[0] = 0
        batch.row_weights[0] = 0.5
        options = batch.options(smoothing, by_class, by_row, reduction)
        theirs = torch.from_numpy(batch.logits.astype(np.float64)).requires_grad_()
        expected, each = expected_loss(theirs, batch.targets, options)
        expected.backward()
        row_losses = np.full(rows, np.nan)
        found = swiftrnn.cross_entropy(batch.logits, batch.targets, row_losses=row_losses, **options)
        scale = max(1.0, float(expected.detach()))
        assert abs(found.loss - float(expected.detach())) <= TOLERANCE[dtype] * scale
        assert np.abs(row_losses - each.detach().numpy()).max() <= TOLERANCE[dtype] * 30
        assert np.abs(found.dlogits - theirs.grad.numpy()).max() <= TOLERANCE[dtype]
        average = found.loss if reduction == "mean" else swiftrnn.cross_entropy(
            batch.logits, batch.targets, **{**options, "reduction": "mean"}
        ).loss  # fmt: skip
        if average < 700:
            assert abs(found.perplexity / np.exp(average) - 1) <= 1e-13
        # In place, without row losses, and without the gradient.
        in_place = batch.logits.copy()
        again = swiftrnn.cross_entropy(in_place, batch.targets, out=in_place, **options)
        assert_same_bits(in_place, found.dlogits)
        without = swiftrnn.cross_entropy(batch.logits, batch.targets, need_gradient=False, **options)
        assert again.loss == without.loss == found.loss


def test_gradients_of_cross_entropy_against_finite_differences() -> None:
    batch = Batch("float64", 6, 5, seed=3)
    options = batch.options(0.2, True, True, "mean")
    gradient = swiftrnn.cross_entropy(batch.logits, batch.targets, **options).dlogits
    for i in np.ndindex(batch.logits.shape):
        losses = []
        for step in (1e-5, -1e-5):
            moved = batch.logits.copy()
            moved[i] += step
            losses.append(swiftrnn.cross_entropy(moved, batch.targets, **options).loss)
        assert abs(gradient[i] - (losses[0] - losses[1]) / 2e-5) <= 1e-8


@TYPES
def test_options_that_change_nothing_change_no_bit(dtype: str) -> None:
    batch = Batch(dtype, 333, 101)
    plain = swiftrnn.cross_entropy(batch.logits, batch.targets)
    ones = dict(class_weights=np.ones(101, dtype), row_weights=np.ones(333, dtype), label_smoothing=0)
    weighted = swiftrnn.cross_entropy(batch.logits, batch.targets, **ones)
    assert weighted.loss == plain.loss and weighted.perplexity == plain.perplexity
    assert_same_bits(weighted.dlogits, plain.dlogits)


@TYPES
def test_bits_of_weighted_losses_do_not_depend_on_threads(dtype: str, default_threads: None) -> None:
    batch = Batch(dtype, 5001, 101)
    options = batch.options(0.1, True, True, "mean")
    expected = swiftrnn.cross_entropy(batch.logits, batch.targets, **options)
    for threads in (1, 2, 3, 8):
        swiftrnn.set_num_threads(threads)
        found = swiftrnn.cross_entropy(batch.logits, batch.targets, **options)
        assert found.loss == expected.loss
        assert_same_bits(found.dlogits, expected.dlogits)


@TYPES
def test_extreme_logits_with_options(dtype: str) -> None:
    logits = np.array([[1e30, -1e30, 0], [-1e30, -1e30, -1e30], [3e38, -3e38, 0], [80, -np.inf, 0]]).astype(dtype)
    targets = np.array([0, 1, 0, 0])
    weights = np.array([1, 0, 1], dtype)  # so that the class of probability 0 adds nothing
    row_losses = np.empty(4)
    found = swiftrnn.cross_entropy(
        logits, targets, label_smoothing=0.3, class_weights=weights, reduction="sum", row_losses=row_losses
    )
    top = logits.astype(np.float64)
    assert np.allclose(row_losses[[0, 1, 2, 3]], [
        0.1 * 1e30, 0.1 * 2 * np.log(3), 0.1 * top[2, 0], 0.1 * 80,
    ], rtol=1e-6)  # fmt: skip
    assert np.isfinite(found.loss) and np.isfinite(found.dlogits).all()
    smooth = swiftrnn.cross_entropy(logits[:3], targets[:3], label_smoothing=0.3)
    assert np.isfinite(smooth.loss) and np.isfinite(smooth.dlogits).all()
    assert swiftrnn.cross_entropy(logits, targets, label_smoothing=0.3).loss == np.inf  # -log 0
    if dtype == "float64":  # differences that are too large for a double, of a mean that is not
        wide = np.array([[1.5e308, -1.5e308, 1.5e308, 1.5e308]])
        found = swiftrnn.cross_entropy(wide, np.array([0]), label_smoothing=0.1)
        assert abs(found.loss / (0.025 * 1.5e308 * 2) - 1) <= 1e-12


@TYPES
def test_rows_that_weigh_nothing_may_be_anything(dtype: str) -> None:
    batch = Batch(dtype, 6, 5)
    batch.targets[:] = [0, 1, 2, 3, 4, 0]
    weights = np.array([1, 0, 1, 0, 2, 1], dtype)
    expected = swiftrnn.cross_entropy(batch.logits, batch.targets, row_weights=weights, label_smoothing=0.1)
    damaged = batch.logits.copy()
    damaged[[1, 3]] = [[np.nan], [np.inf]]
    found = swiftrnn.cross_entropy(damaged, batch.targets, row_weights=weights, label_smoothing=0.1)
    assert found.loss == expected.loss and not found.dlogits[[1, 3]].any()
    assert_same_bits(found.dlogits, expected.dlogits)
    nothing = swiftrnn.cross_entropy(damaged, batch.targets, row_weights=np.zeros(6, dtype))
    assert nothing.loss == 0 and nothing.perplexity == 1 and not nothing.dlogits.any()


def test_refused_options() -> None:
    batch = Batch("float64", 4, 3)
    call = swiftrnn.cross_entropy
    for options, error, text in (
        (dict(reduction="none"), ValueError, "reduction: expected 'mean' or 'sum', got 'none'"),
        (dict(label_smoothing=1.5), ValueError, r"label_smoothing is 1.5, must be in \[0, 1\]"),
        (dict(label_smoothing="x"), TypeError, "label_smoothing: expected a number, got str"),
        (dict(class_weights=np.ones(4)), ValueError, r"class_weights: expected shape \[3\], got \[4\]"),
        (dict(class_weights=np.ones(3, np.float32)), TypeError, "class_weights: expected float64, got float32"),
        (dict(class_weights=np.array([1, -1.0, 1])), ValueError, r"class_weights\[1\] has -1"),
        (dict(row_weights=np.ones(3)), ValueError, r"row_weights: expected shape \[4\], got \[3\]"),
        (dict(row_weights=np.array([1, 1, np.nan, 1])), ValueError, r"row_weights\[2\] has NaN"),
        (dict(row_weights=np.full(4, 1e308)), ValueError, "the sum of the weights is infinity, must be finite"),
    ):
        out = np.full_like(batch.logits, 7)
        targets = np.array([0, 1, 2, 0])
        with pytest.raises(error, match=text):
            call(batch.logits, targets, out=out, **options)
        assert (out == 7).all()
        with pytest.raises(error, match=text):
            swiftrnn.linear_cross_entropy(batch.x, batch.weight, targets, **options)


# ---- Behind a linear layer -------------------------------------------------------------------------------------------

SHAPES = [(1, 1, 1), (5, 3, 7), (9, 40, 33), (300, 20, 50), (700, 33, 9), (1030, 16, 300), (600, 70, 1200)]


@TYPES
@pytest.mark.parametrize("rows, inputs, classes", SHAPES)
@pytest.mark.parametrize("options", [(0.0, False, False, "mean"), (0.1, True, True, "mean"), (0.2, False, True, "sum")])
def test_the_bits_of_three_calls(
    dtype: str, rows: int, inputs: int, classes: int, options: Any, default_threads: None
) -> None:
    batch = Batch(dtype, rows, classes, inputs, seed=rows)
    given = batch.options(*options)
    for bias, accumulate in ((None, False), (batch.bias, True)):
        logits = swiftrnn.linear(batch.x, batch.weight, bias)
        row_losses, own = np.empty(rows), np.empty(rows)
        loss = swiftrnn.cross_entropy(logits, batch.targets, row_losses=row_losses, **given)

        def into() -> Any:
            return (batch.weight * 2, batch.bias * 2) if accumulate else None

        expected = swiftrnn.linear_backward(loss.dlogits, batch.x, batch.weight, accumulate_into=into())
        for threads, limit in ((1, 0), (2, 1), (3, 300 * classes * 8), (2, 1 << 30)):
            swiftrnn.set_num_threads(threads)
            found = swiftrnn.linear_cross_entropy(
                batch.x, batch.weight, batch.targets, bias, need_bias=True, accumulate_into=into(), row_losses=own,
                memory_limit=limit, **given,
            )  # fmt: skip
            assert (found.loss, found.perplexity) == (loss.loss, loss.perplexity)
            assert_same_bits(own, row_losses)
            assert_same_bits(found.x, expected.x, (threads, limit))
            assert_same_bits(found.weight, expected.weight, (threads, limit))
            assert_same_bits(found.bias, expected.bias, (threads, limit))
            only_x = swiftrnn.linear_cross_entropy(
                batch.x, batch.weight, batch.targets, bias, need_weight=False, need_bias=False, memory_limit=limit,
                **given,
            )  # fmt: skip
            assert only_x.loss == loss.loss and only_x.weight is None and only_x.bias is None
            assert_same_bits(only_x.x, expected.x)
            forward = swiftrnn.linear_cross_entropy(
                batch.x, batch.weight, batch.targets, bias, need_x=False, need_weight=False, need_bias=False,
                memory_limit=limit, **given,
            )  # fmt: skip
            assert forward.loss == loss.loss and forward.x is None


def test_linear_cross_entropy_against_torch() -> None:
    batch = Batch("float64", 600, 40, 7)
    options = batch.options(0.1, True, False, "mean")
    x, weight, bias = (torch.from_numpy(a).requires_grad_() for a in (batch.x, batch.weight, batch.bias))
    expected, _ = expected_loss(torch.nn.functional.linear(x, weight, bias), batch.targets, options)
    expected.backward()
    found = swiftrnn.linear_cross_entropy(
        batch.x.reshape(20, 30, 7), batch.weight, batch.targets.reshape(20, 30), batch.bias, **options
    )
    assert abs(found.loss - float(expected.detach())) <= 1e-12
    assert found.x.shape == (20, 30, 7)
    for mine, theirs in ((found.x.reshape(600, 7), x), (found.weight, weight), (found.bias, bias)):
        assert np.abs(mine - theirs.grad.numpy()).max() <= 1e-12


def test_linear_cross_entropy_of_nothing() -> None:
    weight, none = np.ones((4, 3)), np.empty((0, 3))
    found = swiftrnn.linear_cross_entropy(none, weight, [], np.zeros(4))
    assert found.loss == 0 and found.perplexity == 1 and found.x.shape == (0, 3)
    assert not found.weight.any() and not found.bias.any()
    ignored = swiftrnn.linear_cross_entropy(np.ones((2, 3)), weight, [-100, -100])
    assert ignored.loss == 0 and not ignored.x.any() and not ignored.weight.any()
    no_inputs = swiftrnn.linear_cross_entropy(np.ones((2, 0)), np.ones((4, 0)), [1, 2], np.zeros(4))
    assert abs(no_inputs.loss - np.log(4)) < 1e-15 and np.abs(no_inputs.bias.sum()) < 1e-15
    no_classes = swiftrnn.linear_cross_entropy(np.ones((2, 3)), np.ones((0, 3)), [-100, -100])
    assert no_classes.loss == 0 and not no_classes.x.any()
    with pytest.raises(ValueError, match=r"targets\[1\] is 4, must be in 0...3"):
        swiftrnn.linear_cross_entropy(np.ones((2, 3)), weight, [0, 4])
    with pytest.raises(ValueError, match="accumulate_into weight overlaps weight"):
        swiftrnn.linear_cross_entropy(np.ones((2, 3)), weight, [0, 1], accumulate_into=(weight, None))


MEMORY = """
    import resource
    import numpy as np
    import swiftrnn
    rows, inputs, classes = 4096, 16, 50_000
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, inputs), np.float32)
    weight = rng.standard_normal((classes, inputs), np.float32) * np.float32(0.1)
    targets = rng.integers(0, classes, rows)
    swiftrnn.linear_cross_entropy(x[:1], weight, targets[:1])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loss, perplexity, *gradients = swiftrnn.linear_cross_entropy(x, weight, targets)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert 10 < loss < 12 and all(gradient is None or gradient.any() for gradient in gradients)
    print((after - before) * 1024)
"""


def test_memory_of_a_large_vocabulary() -> None:
    """800 MB of logits; what comes are the 64 of a block, and some for packed operands."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(MEMORY)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100 << 20
