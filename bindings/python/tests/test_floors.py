"""The package's modules import downward only: the floors are declared here, and read from the sources by `ast`."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import pytest

import swiftrnn

PACKAGE = Path(swiftrnn.__file__).resolve().parent

# From the ground up: a module imports from floors below, or from its own package. Modules of one floor do not import
# each other.
FLOORS = (
    ("_version", "_warnings", "errors"),
    ("_arguments", "_keywords"),
    ("_arrays",),
    ("_memory", "_c"),
    ("options", "process"),
    ("_handles",),
    ("parameters",),
    ("_parameterized", "_initializers", "_batch"),
    ("gradients", "streams"),
    ("tapes", "frozen", "functional"),
    ("forests",),
    ("networks",),
    ("cell",),
    ("layers",),
    ("optimizers",),
    ("models",),
    ("",),  # swiftrnn/__init__.py: all public names, and none that another module takes from there
    ("program",),
    ("__main__",),
)
LEVELS = {part: level for level, parts in enumerate(FLOORS) for part in parts}


def name_of(path: Path) -> str:
    """The module of a file, without the package's own name: ``layers.linear``, ``layers`` of an ``__init__.py``."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def part_of(module: str) -> str:
    """The module or package directly below ``swiftrnn`` that a module belongs to."""
    return module.partition(".")[0]


def imports(module: str, source: str, is_package: bool) -> set[str]:
    """The package's modules that a source imports, wherever in it: in functions, for types only, by any form."""
    package = module if is_package else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found |= {".".join(parts[1:]) for parts in names if parts[0] == "swiftrnn"}
        elif isinstance(node, ast.ImportFrom):
            base = (node.module or "").split(".")
            if node.level == 0 and base[0] != "swiftrnn":
                continue
            if node.level:
                folders = package.split(".") if package else []
                parents = folders[: len(folders) - node.level + 1]
                base = [*parents, *([node.module] if node.module else [])]
            else:
                base = base[1:]
            for alias in node.names:
                submodule = ".".join([*base, alias.name])
                found.add(submodule if submodule in FILES else ".".join(base))
    return found


def graph() -> dict[str, set[str]]:
    """The imports of every module. A package does not count as one of its own modules: its ``__init__`` only collects
    names."""
    return {name: imports(name, path.read_text(), path.name == "__init__.py") for name, path in FILES.items()}


def test_every_module_is_on_a_floor() -> None:
    assert {part_of(name) for name in FILES} == set(LEVELS)
    assert sum(map(len, FLOORS)) == len(LEVELS)


def test_no_module_imports_upward() -> None:
    edges = [(name, target) for name, targets in graph().items() for target in targets]
    assert len(edges) > 500
    upward = [
        f"{name or 'swiftrnn'} imports {target or 'swiftrnn'}"
        for name, target in edges
        if part_of(name) != part_of(target) and LEVELS[part_of(target)] >= LEVELS[part_of(name)]
    ]
    assert upward == []


def test_the_imports_have_no_cycle() -> None:
    order = list(graphlib.TopologicalSorter(graph()).static_order())
    assert set(order) == set(FILES)


def test_no_name_comes_by_a_string() -> None:
    """Imports that `ast` does not see: none are made by functions."""
    for name, path in FILES.items():
        text = path.read_text()
        assert "importlib" not in text and "__import__" not in text, name


@pytest.mark.parametrize(
    "module, source, expected",
    [
        ("layers.linear", "from ..functional import linear", {"functional"}),
        ("layers.linear", "def f():\n    from .layer import Layer", {"layers.layer"}),
        ("layers", "from .linear import Linear", {"layers.linear"}),
        ("cell", "from . import _c as c", {"_c"}),
        ("cell", "if TYPE_CHECKING:\n    from swiftrnn.layers.linear import Linear", {"layers.linear"}),
        ("cell", "import swiftrnn.models, numpy", {"models"}),
        ("program._info", "from swiftrnn import models, LSTM", {"models", ""}),
        ("cell", "import math\nfrom numpy import typing", set()),
    ],
)
def test_imports_are_read(module: str, source: str, expected: set[str]) -> None:
    assert imports(module, source, FILES[module].name == "__init__.py") == expected
