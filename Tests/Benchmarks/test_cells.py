"""scripts/bench --cells: its loops in torch are the library's cells, its counts of products, and its tables."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Benchmarks"))

import cell_report as report  # noqa: E402
import cell_shapes as shapes  # noqa: E402
import cell_worker as worker  # noqa: E402

# ---- Against the library ----


def test_every_cell_of_the_library_is_measured() -> None:
    worker.check_names()
    assert len(shapes.CELLS) == len(set(shapes.CELLS)) >= 72
    assert set(shapes.QUICK) | set(shapes.NEAR_LSTM) | set(shapes.FORESTS) <= set(shapes.CELLS)


@pytest.mark.parametrize("cell", shapes.CELLS)
def test_the_loop_in_torch_is_the_librarys_cell(cell: str) -> None:
    network = worker.network_of(cell, 16, 16, 1, "float64")
    arrays = worker.drawn(network, shapes.Sequences(5, 9, 16))
    loop, timed = worker.torch_loops(cell, network, arrays, False)
    ours = worker.Ours(network, arrays)
    for call in (ours, loop, timed[worker.TORCH]):
        call.run()
    found, expected = ours.results(), loop.results()
    assert found.keys() == expected.keys() and worker.difference(found, expected, False) is None
    for name, value in found.items():
        allowed = 1e-10 * max(1, np.abs(value).max())
        np.testing.assert_allclose(value, expected[name].reshape(value.shape), rtol=0, atol=allowed, err_msg=name)
    # Torch's own masks are others.
    assert (timed[worker.TORCH].results()["y"] == expected["y"]).all() == (not loop.cell.draws)


def test_a_difference_is_found() -> None:
    ours = {"y": np.ones(3, np.float32), "dx": np.full(3, 10, np.float32)}
    assert worker.difference(ours, {**ours, "y": ours["y"] + 9e-5}, False) is None
    off = {**ours, "y": ours["y"] + 2e-4}
    assert worker.difference(ours, off, False) == "y: by 0.0002"
    # Float32 may be as far off as torch's is, but no further.
    assert worker.difference(ours, off, False, lambda: {**ours, "y": ours["y"] + 1e-4}) is None
    assert worker.difference(ours, off, False, lambda: {**ours, "y": ours["y"] + 1.5e-4}) == "y: by 0.00015"
    assert worker.difference(ours, {**ours, "dx": ours["dx"] + 9e-4}, False) is None
    assert worker.difference(ours, {**ours, "dx": ours["dx"] + 0.05}, True) is None
    assert worker.difference(ours, {**ours, "dx": ours["dx"] + 0.5}, True).startswith("dx: by ")
    assert "not finite" in worker.difference(ours, {**ours, "dx": ours["dx"] * np.nan}, True)
    assert worker.difference(ours, {"y": ours["y"]}, False)


@pytest.mark.parametrize("cell", shapes.FORESTS)
def test_forests_at_once_one_tree_at_a_time_and_in_torch(cell: str) -> None:
    network = worker.network_of(cell, 5, 6, 1)
    random = np.random.default_rng(0)
    trees = [worker.random_tree(random, leaves) for leaves in (1, 2, 7, 20)]
    assert [len(tree) for tree in trees] == [1, 3, 13, 39]
    for tree in trees:
        children = [tree.count(node) for node in range(len(tree))]
        assert set(children) <= {0, 2} and tree.count(-1) == 1
    x, dy = (random.standard_normal((56, width), np.float32) for width in (5, 6))
    results = []
    for forests in (
        worker.Forests(network, trees, x, dy, together=True),
        worker.Forests(network, trees, x, dy, together=False),
        worker.TorchTrees(cell, worker.own_names(network.parameters), trees, x, dy),
    ):
        forests.run()
        forests.run()  # gradients start anew
        results.append(forests.results())
        forests.close()
    assert np.abs(results[0]["gradients"]).max() > 0.1
    for other in results[1:]:
        assert worker.difference(results[0], other, False) is None


# ---- Products, and the bar ----


@pytest.mark.parametrize(
    ("cell", "products", "sibling"),
    [
        ("lstm", 8, "LSTM"), ("lstm_separate", 8, "LSTM"), ("lstm_cifg", 6, "LSTM"), ("cifg", 6, "LSTM"),
        ("lstm_projected", 4 * 1.5 + 0.5, "LSTM"), ("slstm", 4 * 1.25, "LSTM"), ("fgr", 17, "LSTM"),
        ("lstm_drop_connect", 8, "LSTM"), ("lstm_dropout_keras", 8, "LSTM"), ("tree_binary", 9, "LSTM"),
        ("gru_before", 6, "GRU"), ("mgu", 4, "GRU"), ("li_gru_layer_norm", 4, "GRU"), ("gru_dropout_keras", 6, "GRU"),
        ("rnn", 2, "RNN"), ("fast_grnn_low_rank", 1, "RNN"), ("ind_rnn", 1, "RNN"), ("socher", 1, "RNN"),
        ("cfc", 6, "GRU"), ("lem", 8, "LSTM"), ("jordan", 3, "RNN"),
    ],
)  # fmt: skip
def test_products_are_counted(cell: str, products: float, sibling: str) -> None:
    network = worker.network_of(cell, 16, 16, 1)
    loop, _ = worker.torch_loops(cell, network, worker.drawn(network, shapes.Sequences(2, 2, 16)), False)
    assert loop.cell.multiply_adds == products * 16 * 16
    assert shapes.sibling_of(cell, loop.cell.multiply_adds, 16) == sibling


def row(cell: str, hidden: int, ours: float, sibling: float, products: float, torch_loop: float) -> dict:
    times = {name: {"median": time, "q1": time, "q3": 1.1 * time, "rounds": 3}
             for name, time in ((report.OURS, ours), (report.SIBLING, sibling), (report.TORCH, torch_loop))}
    return {"cell": cell, "sibling": "LSTM", "shape": [1, 1, hidden], "products": products, "threads": 1,
            "times": times, "disturbed": 0, "refused": {}}


def test_rows_that_are_met_are_counted() -> None:
    rows = [
        row("fgr", 512, 2.4, 1, 2, 6), row("fgr", 128, 1.7, 1, 1, 8.5), row("mgu", 512, 0.7, 1, 0.5, 1.5),
        row("lstm_cifg", 128, 0.8, 1, 0.75, 5), row("lstm_cifg", 512, 0.9, 1, 0.75, 5),
    ]  # fmt: skip
    rows.append({"cell": "rnn", "shape": [1, 1, 128], "threads": 1, "differs": "y", "refused": {}})
    forest = row("", 0, 1, 1, 1, 1)
    forest["times"] |= {report.ONE_BY_ONE: {"median": 11.0}, report.NODE_BY_NODE: {"median": 9.0}}
    del forest["cell"], forest["shape"]
    rows.append({**forest, "forest": "tree_binary"})
    verdicts = report.evaluate(rows)
    figures = [verdict.figure.partition(";")[0] for verdict in verdicts]
    assert figures == ["1 of 2", "0 of 1", "1 of 2", "2 of 3", "2 of 2", "1 of 1", "0 of 1"]
    assert verdicts[2].what == "peepholes, coupled gates"
    assert verdicts[2].figure.endswith("1.20× (lstm_cifg H 512, 1 thread)")
    identity = dict.fromkeys(("date", "cpu", "system", "versions", "commit"), "–")
    run = {"command": "scripts/bench", "cells": True, "identity": identity, "machine": {}, "results": rows}
    assert "  rnn H 128, 1 thread: y" in report.summary_lines(run)
    text = report.markdown(run)
    assert "| fgr | 512 | 1 | LSTM | 2.00 | 2400.0 | 10% | 1000.0 | 1.20 | met | 6000.0 | 2.50 | met |  |  |" in text
    assert "11.0×; met" in text and "9.0×; not met" in text
    missing = report.missing({**run, "machine": {"1": {}}})
    assert len(missing) == 2 * len(shapes.CELLS) + 2 - 6 and "the forest of tree_child_sum with 1" in missing
