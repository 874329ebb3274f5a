"""Forks, threads, memory that runs out, and finding the library."""

from __future__ import annotations

import importlib
import multiprocessing
import pkgutil
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

import swiftrnn
from swiftrnn._c import loader
from test_bits import make
from torch_reference import CELLS, assert_same_bits, ours


def _in_child(connection: Any, network: swiftrnn.Network, x: np.ndarray) -> None:
    y, _, tape = network.forward(x)
    connection.send((y, tape.backward(np.ones_like(y)).flat, swiftrnn.LSTM(3, 4, seed=0).flat))
    connection.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_fork() -> None:
    network = swiftrnn.LSTM(32, 128, num_layers=2, seed=0, num_threads=2)
    x = np.random.default_rng(0).standard_normal((20, 16, 32)).astype(np.float32)
    y, _, tape = network.forward(x)  # the parent's threads exist now
    flat = tape.backward(np.ones_like(y)).flat
    context = multiprocessing.get_context("fork")
    for _ in range(3):
        mine, theirs = context.Pipe(False)
        child = context.Process(target=_in_child, args=(theirs, network, x))
        child.start()
        assert mine.poll(60), "the child does not answer"
        child_y, child_flat, child_parameters = mine.recv()
        child.join(60)
        assert child.exitcode == 0
        assert_same_bits(child_y, y)
        assert_same_bits(child_flat, flat)
        assert_same_bits(child_parameters, swiftrnn.LSTM(3, 4, seed=0).flat)
        assert_same_bits(network(x)[0], y)  # and the parent goes on


AFFINITY = """
import os
import swiftrnn

cpus = sorted(os.sched_getaffinity(0))
started = swiftrnn.get_num_threads()
os.sched_setaffinity(0, cpus[:1])
assert swiftrnn.get_num_threads() == started, "not read at every call"
swiftrnn.set_num_threads(0)
assert swiftrnn.get_num_threads() == 1
os.sched_setaffinity(0, cpus)
swiftrnn.set_num_threads(7)
assert swiftrnn.get_num_threads() == 7
swiftrnn.set_num_threads(0)
assert swiftrnn.get_num_threads() == started
assert started <= len(cpus)
print("read again")
"""


def test_the_default_is_read_again(run_python: Callable[..., Any]) -> None:
    assert run_python(AFFINITY).stdout == "read again\n"


FORKED = """
import os, sys
import numpy as np, swiftrnn

def in_child(check):
    child = os.fork()
    if child == 0:
        os._exit(0 if check() else 1)
    return os.waitpid(child, 0)[1] == 0

swiftrnn.set_num_threads(2)
assert in_child(lambda: swiftrnn.get_num_threads() == 2), "no threads were used yet: the child may make its own"
network = swiftrnn.LSTM(64, 256, seed=0)
x = np.ones((20, 16, 64), np.float32)
network(x)

def alone():
    found = [swiftrnn.get_num_threads()]
    swiftrnn.set_num_threads(2)
    found.append(swiftrnn.get_num_threads())
    network(x)
    return found == [1, 1] and len(os.listdir("/proc/self/task")) == 1

assert in_child(alone)
assert swiftrnn.get_num_threads() == 2
print("one thread in the child")
"""


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_number_of_threads_after_a_fork(run_python: Callable[..., Any]) -> None:
    assert run_python(FORKED).stdout == "one thread in the child\n"


def in_threads(count: int, call: Callable[[int], None]) -> None:
    errors: list[BaseException] = []
    start = threading.Barrier(count)

    def run(index: int) -> None:
        try:
            start.wait()
            call(index)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


def test_one_network_shared_by_many_threads() -> None:
    case = make("lstm_projected", "float32", (12, 17, 20, 96, 40, 2, True), dropout=0.2)
    data, network = case.data(), case.network(num_threads=2)
    expected = ours(case, data, network, seed=1)
    frozen = network.freeze()
    whole, _ = network(data.x)
    y, _, tape = network.forward(data.x, seed=2)
    gradient = tape.backward(data.dy).flat

    def call(index: int) -> None:
        for _ in range(4):
            if index % 2:
                for (name, a), (_, b) in zip(ours(case, data, network, seed=1).items(), expected.items()):
                    assert_same_bits(a, b, name)
            else:
                assert_same_bits(frozen(data.x)[0], whole)
                assert_same_bits(tape.backward(data.dy).flat, gradient)

    in_threads(8, call)


def test_several_threads_with_several_networks() -> None:
    cases = [make(cell, dtype, (7, 9, 20, 70, 30, 2, False)) for cell in CELLS for dtype in ("float32", "float64")]
    data = [case.data() for case in cases]
    expected = [ours(case, d, case.network(num_threads=1)) for case, d in zip(cases, data)]

    def call(index: int) -> None:
        network = cases[index].network(num_threads=1 + index % 3)
        stream = network.stream(9)
        for _ in range(3):
            for (name, a), (_, b) in zip(ours(cases[index], data[index], network).items(), expected[index].items()):
                assert_same_bits(a, b, name)
            stream.reset()
            assert_same_bits(stream.run(data[index].x), network(data[index].x)[0])

    in_threads(len(cases), call)


def test_errors_belong_to_their_thread() -> None:
    def call(index: int) -> None:
        for _ in range(200):
            with pytest.raises(swiftrnn.SwiftRNNError) as caught:
                swiftrnn.LSTM(3, -1000 - index)
            assert str(-1000 - index) in caught.value.message

    in_threads(8, call)


def test_the_gil_is_free_during_a_call() -> None:
    network = swiftrnn.LSTM(256, 256, seed=0, num_threads=1)
    x = np.zeros((400, 16, 256), np.float32)
    started, done = threading.Event(), threading.Event()

    def call() -> None:
        started.set()
        network(x)
        done.set()

    thread = threading.Thread(target=call)
    turns, interval = 0, sys.getswitchinterval()
    try:
        sys.setswitchinterval(30)  # nobody is made to give the GIL up: this thread runs only if the call did
        thread.start()
        started.wait()
        while not done.is_set():
            time.sleep(0.0005)
            turns += 1
        thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert turns >= 10, f"{turns} turns while the call computed"


MEMORY = """
import resource
import numpy as np, swiftrnn

network = swiftrnn.LSTM(2048, 2048, seed=0, num_threads=1)
small = swiftrnn.LSTM(3, 4, seed=0, num_threads=1)
x = np.ones((2, 1, 3), np.float32)
expected = small(x)[0]
frozen_small = small.freeze()
in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limits = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (in_use + 48 * 2**20, limits[1]))
for name, call in (
    ("freeze", network.freeze),
    ("stream", lambda: frozen_small.stream(10**7)),
):
    for _ in range(3):
        try:
            call()
        except swiftrnn.SwiftRNNError as error:
            assert isinstance(error, MemoryError)
            assert any(c.isdigit() for c in error.message), error.message
            print(name, error.status.name)
try:
    network.forward(np.ones((500, 1, 2048), np.float32))
except MemoryError:
    print("forward MemoryError")
assert (small(x)[0] == expected).all() and (frozen_small(x)[0] == expected).all()
resource.setrlimit(resource.RLIMIT_AS, limits)
y, _ = network.freeze()(np.ones((2, 1, 2048), np.float32))
assert np.isfinite(y).all() and y.any()
print("alive")
"""


def test_memory_exhausted(run_python: Callable[..., Any]) -> None:
    lines = run_python(MEMORY).stdout.splitlines()
    assert lines == ["freeze OUT_OF_MEMORY"] * 3 + ["stream OUT_OF_MEMORY"] * 3 + ["forward MemoryError", "alive"]


# ---- Finding the library ---------------------------------------------------------------------------------------------

IMPORT = "import swiftrnn; print(swiftrnn.isa())"


def test_a_library_that_is_not_there_is_named(run_python: Callable[..., Any], tmp_path: Path) -> None:
    missing = tmp_path / "libnothing.so"
    failed = run_python(IMPORT, check=False, SWIFTRNN_LIBRARY=str(missing))
    assert failed.returncode != 0
    assert f"{missing}: no such file" in failed.stderr and "ImportError" in failed.stderr


def test_each_candidate_is_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SWIFTRNN_LIBRARY", raising=False)
    paths = loader.candidates()
    assert paths[0].parent == Path(swiftrnn.__file__).resolve().parent / "lib"
    assert all(any(path.is_relative_to(Path(entry).resolve()) for entry in swiftrnn.__path__) for path in paths)
    broken = [tmp_path / "a.so", tmp_path / "b.so"]
    broken[1].write_text("not a library")
    monkeypatch.setattr(loader, "candidates", lambda: broken)
    with pytest.raises(ImportError) as caught:
        loader.load()
    assert f"{broken[0]}: no such file" in str(caught.value) and str(broken[1]) in str(caught.value)


def test_the_source_tree_is_told_from_an_installed_package(run_python: Callable[..., Any], tmp_path: Path) -> None:
    shutil.copytree(Path(swiftrnn.__file__).parent, tmp_path / "swiftrnn", ignore=shutil.ignore_patterns("lib"))
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import swiftrnn"
    installed = run_python(program, check=False, SWIFTRNN_LIBRARY="").stderr
    assert "Install the package with its library" in installed and "source tree" not in installed
    (tmp_path / "pyproject.toml").touch()
    sources = run_python(program, check=False, SWIFTRNN_LIBRARY="").stderr
    assert f"you are importing the source tree in {tmp_path}, which has no library. Install the package" in sources
    assert f"(pip install {tmp_path}) and change to another folder" in sources
    assert "or set SWIFTRNN_LIBRARY" in sources and "with its library" not in sources
    assert str(tmp_path / "swiftrnn" / "lib" / "libswiftrnn.so") in sources, "what was tried"
    named = run_python(program, check=False, SWIFTRNN_LIBRARY="/nowhere.so").stderr
    assert "the library that SWIFTRNN_LIBRARY names cannot be loaded" in named and "source tree" not in named


def test_an_editable_installs_library_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """scikit-build-core's editable install gives the package a second folder, in site-packages: the library's."""
    loaded, package, site = Path(loader.load()._name), Path(swiftrnn.__file__).parent, tmp_path / "swiftrnn"
    monkeypatch.delenv("SWIFTRNN_LIBRARY", raising=False)
    library = site / "lib" / "libswiftrnn.so"
    library.parent.mkdir(parents=True)
    shutil.copy(loaded, library)
    monkeypatch.setattr(swiftrnn, "__path__", [str(site), str(package)])
    paths = loader.candidates()
    assert paths == [package.resolve() / "lib" / "libswiftrnn.so", library]
    monkeypatch.setattr(loader, "candidates", lambda: [path for path in paths if path.is_relative_to(tmp_path)])
    assert loader.load()._name == str(library)


def test_every_module_of_the_package_can_be_imported() -> None:
    """As tools do that list a package's modules, which takes a library beside them for a module."""
    names = [module.name for module in pkgutil.walk_packages(swiftrnn.__path__, "swiftrnn.")]
    assert "swiftrnn.functional" in names
    for name in names:
        importlib.import_module(name)


def test_the_librarys_version_is_compared(run_python: Callable[..., Any], tmp_path: Path) -> None:
    other = {"old": 'const char *swiftrnn_version(void) { return "0.0.9"; }', "foreign": "int nothing;"}
    for name, text in other.items():
        source, library = tmp_path / f"{name}.c", tmp_path / f"{name}.so"
        source.write_text(text)
        subprocess.run(["cc", "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    failed = run_python(IMPORT, check=False, SWIFTRNN_LIBRARY=str(tmp_path / "old.so"))
    assert f"has version {swiftrnn.__version__}" in failed.stderr and "has version 0.0.9" in failed.stderr
    failed = run_python(IMPORT, check=False, SWIFTRNN_LIBRARY=str(tmp_path / "foreign.so"))
    assert "is not libswiftrnn" in failed.stderr


def test_the_package_finds_the_library_in_its_own_folder(run_python: Callable[..., Any], tmp_path: Path) -> None:
    package = tmp_path / "swiftrnn"
    shutil.copytree(Path(swiftrnn.__file__).parent, package)
    library = package / "lib" / "libswiftrnn.so"
    if not library.exists():
        library.parent.mkdir()
        shutil.copy(loader.load()._name, library)
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import swiftrnn._c as c; print(c.library._name)"
    assert run_python(program, SWIFTRNN_LIBRARY="").stdout.strip() == str(library)
