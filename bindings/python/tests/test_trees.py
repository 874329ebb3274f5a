"""Passes over trees in Python: tapes, bits, threads, and what is refused."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from typing import Any, Callable

import numpy as np
import pytest

import swiftrnn
from torch_reference import as_list, assert_same_bits
from tree_reference import PARENTS, Problem, child_sum_layer, random_parents, x_of

F = np.float32


def refused(call: Callable[[], Any], status: swiftrnn.Status, message: str) -> None:
    with pytest.raises(swiftrnn.SwiftRNNError) as caught:
        call()
    assert caught.value.status is status and caught.value.message == message


# ---- Passes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", ["tree_child_sum", "tree_binary", "socher"])
def test_shapes(cell: str, dtype: str) -> None:
    network = swiftrnn.Cell(cell).layer(4, 4, 3, dtype=dtype, seed=0)
    forest, x = swiftrnn.Forest(PARENTS), x_of(11, 4, dtype=dtype)
    y, state = network.tree(forest, x)
    assert y.shape == (11, 4) and y.dtype == dtype
    assert isinstance(state, np.ndarray if cell == "socher" else tuple)
    states = as_list(state)
    assert len(states) == len(network._handle.state_names)
    assert all(s.shape == (3, 11, 4) and s.dtype == dtype for s in states)
    assert_same_bits(states[0][-1], y, "h of the last layer is the output")
    trained_y, trained_state, tape = network.tree_forward(forest, x)
    assert_same_bits([trained_y, *as_list(trained_state)], [y, *states], "training and inference")
    gradients = tape.backward(y)
    assert gradients.x.shape == x.shape and gradients.state is None and gradients.inputs == {}
    assert list(gradients.parameters) == list(network.parameters)
    assert np.shares_memory(gradients.parameters["b_l0" if cell == "socher" else "bi_l0"], gradients.flat)


def test_widths_of_their_own() -> None:
    text = """
    c' = tanh(W @ x + sum_children(R @ c))
    h' = tanh(V @ c' + sum_children(h))
    y  = Q @ h'
    size c = 5
    size y = 2
    """
    network = swiftrnn.Cell(text).layer(3, 4, 2, dtype="float64", seed=0)
    y, states, tape = network.tree_forward(swiftrnn.Forest([1, -1, 1]), x_of(3, 3, dtype="float64"))
    widths = dict(zip(network._handle.state_names, (state.shape for state in states)))
    assert y.shape == (3, 2) and widths == {"h": (2, 3, 4), "c": (2, 3, 5)}
    only_c = tape.backward(dstate=(None, np.ones((2, 3, 5))))
    assert only_c.parameters["R_l1"].any() and not only_c.parameters["Q_l1"].any()
    with pytest.raises(ValueError, match=r"dstate c: expected shape \[2, 3, 5\], got \[2, 3, 4\]"):
        tape.backward(dstate=(None, np.ones((2, 3, 4))))


def test_arrays_that_are_not_dense() -> None:
    network, forest = child_sum_layer(6), swiftrnn.Forest(PARENTS)
    x, dy, dh = x_of(11, 6)[:, ::2], x_of(6, 11, seed=1).T, np.broadcast_to(F(0.5), (1, 11, 6))
    y, _, tape = network.tree_forward(forest, x)
    found = tape.backward(dy, (dh, None))
    dense_y, _, dense_tape = network.tree_forward(forest, x.copy())
    expected = dense_tape.backward(dy.copy(), (dh.copy(), None))
    assert_same_bits([y, found.x, found.flat], [dense_y, expected.x, expected.flat])


def test_layout_of_sequences_does_not_matter() -> None:
    forest, x = swiftrnn.Forest(PARENTS), x_of(11, 3)
    assert_same_bits(child_sum_layer(batch_first=True).tree(forest, x)[0], child_sum_layer().tree(forest, x)[0])


@pytest.mark.parametrize("cell", ["lstm", "gru", "min_gru"])
def test_cells_that_are_not_recursive(cell: str) -> None:
    network = swiftrnn.Cell(cell).layer(3, 4, seed=0)
    message = "the cell is not recursive: it reads one child's state, without sum_children or h[1]"
    for call in (network.tree, network.tree_forward):
        refused(lambda: call(swiftrnn.Forest([-1]), x_of(1, 3)), swiftrnn.Status.UNSUPPORTED, message)
    assert not hasattr(swiftrnn.LSTM(3, 4), "tree")


def test_networks_and_forests_that_do_not_fit() -> None:
    forest, x = swiftrnn.Forest.from_edges(3, [0, 0], [1, 2]), x_of(3, 3)
    two, numbered = child_sum_layer(bidirectional=True), swiftrnn.Cell("tree_binary").layer(3, 4, seed=0)
    for network, status, message in (
        (two, swiftrnn.Status.UNSUPPORTED, "trees have one direction, from the leaves up"),
        (numbered, swiftrnn.Status.MISMATCH, "a cell with numbered children needs nodes with one parent at most"),
    ):
        for call in (network.tree, network.tree_forward):
            refused(lambda: call(forest, x), status, message)


@pytest.mark.parametrize("forward", [False, True])
def test_wrong_arguments(forward: bool) -> None:
    network, forest = child_sum_layer(), swiftrnn.Forest([1, -1])
    call: Any = network.tree_forward if forward else network.tree
    x = x_of(2, 3)
    for wrong in ([1, -1], np.array([1, -1]), None, forest._handle):
        with pytest.raises(TypeError, match=f"^forest: expected a swiftrnn.Forest, got {type(wrong).__name__}$"):
            call(wrong, x)
    for shape in ((3, 3), (2, 4), (2,), (1, 2, 3), (2, 1, 3), (0, 3)):
        with pytest.raises(ValueError) as caught:
            call(forest, np.zeros(shape, F))
        expected = "x: expected [M, I] with M = 2 nodes and I = input_size = 3, got shape"
        assert str(caught.value) == f"{expected} {list(shape)}"
    with pytest.raises(TypeError, match="^x: expected float32, got float64"):
        call(forest, x.astype(float))
    with pytest.raises(TypeError, match="^x: expected a numpy array of float32, got list"):
        call(forest, x.tolist())
    with pytest.raises(TypeError, match="^unexpected argument 'lengths': this network has no inputs beside x$"):
        call(forest, x, lengths=[1, 2])


def test_wrong_inputs_beside_x() -> None:
    cell = swiftrnn.Cell("input a\ninput e\nsize e = E\nh' = tanh(W @ x + V @ e + U @ sum_children(h)) * a")
    network, forest = cell.layer(3, 4, seed=0, E=2), swiftrnn.Forest([1, -1])
    x, a, e = x_of(2, 3), x_of(2), x_of(2, 2)
    assert_same_bits(network.tree(forest, x, a=a, e=e)[0], network.tree(forest, x, e=e, a=a[:, np.newaxis])[0])
    with pytest.raises(TypeError, match="^missing input 'e': pass e=…; this network's inputs beside x are a, e$"):
        network.tree(forest, x, a=a)
    with pytest.raises(ValueError, match=r"^a: expected shape \[2, 1\] or \[2\], got \[3\]$"):
        network.tree(forest, x, a=x_of(3), e=e)
    with pytest.raises(ValueError, match=r"^e: expected shape \[2, 2\], got \[2\]$"):
        network.tree(forest, x, a=a, e=a)
    y, _, tape = network.tree_forward(forest, x, a=a, e=e)
    gradients = tape.backward(y, need_inputs=False)
    assert gradients.inputs is None and gradients.x.any()
    for name in ("forest", "first_node"):
        with pytest.raises(ValueError, match=f"^the cell's input '{name}' is also the name of an argument"):
            swiftrnn.Cell(f"input {name}\nh' = tanh(W @ x + U @ sum_children(h)) * {name}").layer(3, 4)


# ---- Masks -----------------------------------------------------------------------------------------------------------


def test_seeds_and_first_nodes() -> None:
    cell = swiftrnn.Cell("like tree_child_sum\nu = dropout(tanh(Wu @ x + Uu @ s + bu), 0.4)")
    network = cell.layer(3, 8, 2, dropout=0.5, seed=0)
    trees = [[2, 2, -1], [-1, 0, 1, 1]]
    forest, x = swiftrnn.Forest.from_trees(trees), x_of(7, 3)
    y, _, tape = network.tree_forward(forest, x, seed=5)
    assert tape.seed == 5 and (y != network.tree(forest, x)[0]).any()
    assert_same_bits(network.tree_forward(forest, x, seed=5)[0], y, "the same seed, the same masks")
    drawn = [network.tree_forward(forest, x) for _ in range(2)]
    assert drawn[0][2].seed != drawn[1][2].seed and (drawn[0][0] != drawn[1][0]).any()
    assert_same_bits(network.tree_forward(forest, x, seed=drawn[0][2].seed)[0], drawn[0][0])
    part, _, part_tape = network.tree_forward(swiftrnn.Forest(trees[1]), x[3:], seed=5, first_node=3)
    assert_same_bits(part, y[3:], "a part has the masks of the whole")
    assert_same_bits(part_tape.backward(part).x, tape.backward(y).x[3:])
    last = network.tree_forward(swiftrnn.Forest(trees[1]), x[3:], seed=5, first_node=2**32 - 4)[0]
    assert (last != part).any()
    for wrong in (-1, 2**32 - 6):
        with pytest.raises(ValueError, match=f"^first_node: {wrong} is outside 0...4294967289$"):
            network.tree_forward(forest, x, first_node=wrong)
    with pytest.raises(TypeError, match="^first_node: expected an integer, got float"):
        network.tree_forward(forest, x, first_node=0.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="^seed: -1 is outside"):
        network.tree_forward(forest, x, seed=-1)


# ---- Bits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", ["tree_child_sum", "tree_binary", "socher"])
def test_a_tree_alone_and_in_a_forest(cell: str, dtype: str) -> None:
    network = swiftrnn.Cell(cell).layer(20, 20, 2, dtype=dtype, seed=0)
    rng = np.random.default_rng(0)
    trees = [random_parents(rng, int(rng.integers(1, 30)), 2, 0) for _ in range(12)]
    whole = Problem.draw(network, swiftrnn.Forest.from_trees(trees))
    y, state, tape = network.tree_forward(whole.forest, whole.x)
    dx = tape.backward(whole.dy).x
    first = 0
    for tree in trees:
        own = slice(first, first + len(tree))
        alone_y, alone_state, alone_tape = network.tree_forward(swiftrnn.Forest(tree), whole.x[own])
        assert_same_bits(alone_y, y[own])
        assert_same_bits(as_list(alone_state), [s[:, own] for s in as_list(state)])
        assert_same_bits(alone_tape.backward(whole.dy[own]).x, dx[own])
        assert_same_bits(network.tree(swiftrnn.Forest(tree), whole.x[own])[0], y[own])
        first += len(tree)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_do_not_matter(dtype: str, default_threads: None) -> None:
    rng = np.random.default_rng(0)
    trees = [random_parents(rng, int(rng.integers(20, 60)), 4, 0) for _ in range(20)]
    found = []
    for threads in (1, 3):
        swiftrnn.set_num_threads(threads)  # a forest is made for as many
        for own in (1, 3, 0):
            network = child_sum_layer(40, 2, dtype=dtype, num_threads=own)
            problem = Problem.draw(network, swiftrnn.Forest.from_trees(trees))
            y, state, tape = network.tree_forward(problem.forest, problem.x)
            gradients = tape.backward(problem.dy, tuple(problem.dstates))
            found.append([y, *state, gradients.x, gradients.flat, network.tree(problem.forest, problem.x)[0]])
    for other in found[1:]:
        assert_same_bits(other, found[0])
    assert_same_bits(found[0][0], found[0][-1], "training and inference")


def test_the_numbers_of_nodes_do_not_matter() -> None:
    """The same graph with other numbers for its nodes, and its children in the same order."""
    network, rng = child_sum_layer(12, 2), np.random.default_rng(0)
    forest = swiftrnn.Forest(random_parents(rng, 50, 4))
    names, x = rng.permutation(50), x_of(50, 3)
    children, parents = forest.edges
    renamed = swiftrnn.Forest.from_edges(50, names[children], names[parents])
    moved = np.empty_like(x)
    moved[names] = x
    y, (h, c) = network.tree(forest, x)
    other_y, (other_h, other_c) = network.tree(renamed, moved)
    assert_same_bits([other_y[names], other_h[:, names], other_c[:, names]], [y, h, c])


# ---- Tapes -----------------------------------------------------------------------------------------------------------


def test_gradients_that_arrive_through_y_and_states_add_up() -> None:
    network = child_sum_layer(dtype="float64", layers=2)
    problem = Problem.draw(network, swiftrnn.Forest(PARENTS))
    _, _, tape = network.tree_forward(problem.forest, problem.x)
    dh, dc = problem.dstates
    parts = [tape.backward(problem.dy), tape.backward(dstate=(dh, None)), tape.backward(dstate=(None, dc))]
    whole = tape.backward(problem.dy, (dh, dc))
    assert np.abs(sum(part.flat for part in parts) - whole.flat).max() < 1e-13 * np.abs(whole.flat).max()
    assert np.abs(sum(part.x for part in parts) - whole.x).max() < 1e-13 * np.abs(whole.x).max()
    nothing = tape.backward(np.zeros_like(dh[-1]))
    assert not nothing.x.any() and not nothing.flat.any()
    assert_same_bits(tape.backward(problem.dy, (dh, dc)).flat, whole.flat, "as often as wanted")


def test_what_is_not_wanted_is_not_computed() -> None:
    network = child_sum_layer()
    y, _, tape = network.tree_forward(swiftrnn.Forest(PARENTS), x_of(11, 3))
    whole = tape.backward(y)
    only_x = tape.backward(y, need_parameters=False, need_inputs=False)
    assert only_x.parameters is None and only_x.flat is None and only_x.inputs is None
    assert_same_bits(only_x.x, whole.x)
    only_parameters = tape.backward(y, need_x=False)
    assert only_parameters.x is None
    assert_same_bits(only_parameters.flat, whole.flat)


def test_accumulating() -> None:
    network = child_sum_layer(dtype="float64")
    y, _, tape = network.tree_forward(swiftrnn.Forest(PARENTS), x_of(11, 3, dtype="float64"))
    once = tape.backward(y)
    expected = 2 * once.flat
    again = tape.backward(y, accumulate_into=once)
    assert again.flat is once.flat and np.abs(again.flat - expected).max() <= 1e-14 * np.abs(expected).max()
    tape.backward(np.zeros_like(y), accumulate_into=once)
    assert np.abs(once.flat - expected).max() <= 1e-14 * np.abs(expected).max()
    with pytest.raises(ValueError, match="accumulate_into: expected gradients, got parameters"):
        tape.backward(y, accumulate_into=network.flat)
    with pytest.raises(ValueError, match="need_parameters"):
        tape.backward(y, accumulate_into=once, need_parameters=False)
    with pytest.raises(TypeError, match="expected float64, got float32"):
        tape.backward(y, accumulate_into=once.flat.astype(F))


def test_wrong_gradients() -> None:
    network = child_sum_layer()
    y, (h, c), tape = network.tree_forward(swiftrnn.Forest([1, -1]), x_of(2, 3))
    with pytest.raises(ValueError, match=r"^dy: expected shape \[2, 4\], got \[1, 4\]$"):
        tape.backward(y[:1])
    with pytest.raises(TypeError, match="^dy: expected float32, got float64"):
        tape.backward(y.astype(float))
    with pytest.raises(TypeError, match=r"^dstate: expected a pair \(h, c\), got ndarray$"):
        tape.backward(dstate=h)
    with pytest.raises(ValueError, match=r"^dstate c: expected shape \[1, 2, 4\], got \[2, 4\]$"):
        tape.backward(dstate=(h, c[0]))
    into = np.ones_like(network.flat)
    for nothing in ({}, {"dy": None, "dstate": None}, {"dstate": (None, None)}, {"accumulate_into": into}):
        with pytest.raises(ValueError, match="^no gradient arrives: give dy, .*, or dstate, "):
            tape.backward(**nothing)
    assert (into == 1).all()
    with pytest.raises(TypeError, match="need_state"):
        tape.backward(y, need_state=True)  # type: ignore[call-arg]


def test_a_tape_notices_changed_parameters_and_that_it_is_closed() -> None:
    network = child_sum_layer()
    y, _, tape = network.tree_forward(swiftrnn.Forest(PARENTS), x_of(11, 3))
    assert repr(tape) == f"ForestTape({network!r}, Forest(node_count=11, edge_count=8), nbytes={tape.nbytes})"
    swiftrnn.Adam(network).step(tape.backward(y))
    with pytest.raises(swiftrnn.SwiftRNNError, match="parameters have changed") as caught:
        tape.backward(y)
    assert caught.value.status is swiftrnn.Status.MISMATCH
    y, _, tape = network.tree_forward(swiftrnn.Forest(PARENTS), x_of(11, 3))
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="^a ForestTape cannot be copied or pickled.*run forward again$"):
            way(tape)
    with pytest.raises(TypeError, match="expected Gradients or an array, got ForestTape: tape.backward makes"):
        swiftrnn.Adam(network).step(tape)
    at = tape._buffer.ctypes.data
    with tape:
        tape.backward(y)
    assert repr(tape).endswith(", closed)")
    with pytest.raises(ValueError, match="^the tape is closed$"):
        tape.backward(y)
    _, _, next_tape = network.tree_forward(swiftrnn.Forest(PARENTS), x_of(11, 3))
    assert next_tape._buffer.ctypes.data == at, "its memory is the next one's"


def test_a_tape_keeps_network_and_forest() -> None:
    network = child_sum_layer()
    y, _, tape = network.tree_forward(swiftrnn.Forest(PARENTS), x_of(11, 3))
    expected, gone = tape.backward(y).flat, weakref.ref(network)
    del network
    gc.collect()
    assert gone() is not None
    assert_same_bits(tape.backward(y).flat, expected)
    del tape
    gc.collect()
    assert gone() is None


def test_sequences_and_trees_of_one_network_share_parameters_and_memory() -> None:
    network, forest, x = child_sum_layer(8, 2), swiftrnn.Forest(PARENTS), x_of(11, 3)
    sequence = x_of(30, 5, 3)
    expected = network.tree(forest, x)[0], network(sequence)[0]
    for _ in range(3):
        for y, _, tape in (network.tree_forward(forest, x), network.forward(sequence)):
            assert any(y.shape == known.shape and (y == known).all() for known in expected)
            tape.backward(y)
            tape.close()
    twin = pickle.loads(pickle.dumps(network))
    assert_same_bits(twin.tree(forest, x)[0], expected[0])


def test_several_threads_with_one_network_and_one_forest() -> None:
    network, rng = child_sum_layer(24, 2), np.random.default_rng(0)
    problem = Problem.draw(network, swiftrnn.Forest(random_parents(rng, 200, 4)))
    expected, _, tape = network.tree_forward(problem.forest, problem.x)
    gradient = tape.backward(problem.dy).flat
    errors: list[BaseException] = []

    def call() -> None:
        try:
            for _ in range(5):
                assert_same_bits(network.tree(problem.forest, problem.x)[0], expected)
                assert_same_bits(tape.backward(problem.dy).flat, gradient)
                own = network.tree_forward(problem.forest, problem.x)[2]
                assert_same_bits(own.backward(problem.dy).flat, gradient)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not errors and not any(thread.is_alive() for thread in threads)
