"""Docstrings: the overview of the package, and what classes say of the constructor arguments that they share."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any, Callable

import pytest

import swiftrnn
import swiftrnn.models

PACKAGE = Path(swiftrnn.__file__).resolve().parent
REFERENCE = Path(__file__).resolve().parents[3] / "docs/reference"

# Constructors of networks: each docstring is whole, for editors and type checkers read no other. The first one decides.
NETWORKS: tuple[Callable[..., Any], ...] = (
    swiftrnn.LSTM, swiftrnn.GRU, swiftrnn.RNN, swiftrnn.CellNetwork, swiftrnn.Cell.layer,
)  # fmt: skip
OPTIMIZERS = (swiftrnn.SGD, swiftrnn.Adam, swiftrnn.AdamW, swiftrnn.RMSprop)


def described(owner: Any) -> dict[str, str]:
    """The section Parameters of a docstring: names of arguments, with type and text on one line."""
    text = inspect.cleandoc(owner.__doc__)
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None, owner
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", section[1].strip()):
        names, _, rest = entry.partition(" : ")
        found.update((name.strip(), " ".join(rest.split())) for name in names.split(","))
    return found


def arguments(owner: Any) -> list[str]:
    """The arguments that a class or a method takes, as docstrings write them."""
    stars = {inspect.Parameter.VAR_KEYWORD: "**", inspect.Parameter.VAR_POSITIONAL: "*"}
    parameters = inspect.signature(owner).parameters.values()
    return [stars.get(one.kind, "") + one.name for one in parameters if one.name != "self"]


@pytest.mark.parametrize("owner", [*NETWORKS, *OPTIMIZERS], ids=lambda owner: owner.__qualname__)
def test_every_argument_is_described_in_its_place(owner: Any) -> None:
    assert list(described(owner)) == arguments(owner)


@pytest.mark.parametrize("owners", [NETWORKS, OPTIMIZERS], ids=["networks", "optimizers"])
def test_shared_arguments_are_described_in_the_same_words(owners: tuple[Any, ...]) -> None:
    known: dict[str, str] = {}
    compared = 0
    for owner in owners:
        for name, text in described(owner).items():
            compared += name in known
            assert known.setdefault(name, text) == text, (owner, name)
    assert compared >= 4 * (len(owners) - 1)


def test_shared_arguments_have_the_same_types_and_defaults() -> None:
    known: dict[str, tuple[Any, Any]] = {}
    for owner in NETWORKS:
        for name, parameter in inspect.signature(owner).parameters.items():
            if name not in ("self", "cell"):
                own = (parameter.annotation, parameter.default)
                assert known.setdefault(name, own) == own, (owner, name)
    assert {"input_size", "num_layers", "dropout", "bidirectional", "seed", "options"} <= set(known)


def test_the_help_of_the_package_begins_with_an_overview_of_a_screen() -> None:
    overview = swiftrnn.__doc__
    assert overview is not None and len(overview.splitlines()) <= 50
    for name in swiftrnn.__all__:
        plain = name.removesuffix("_backward")
        assert name.startswith("__") or re.search(rf"\b{plain}\b", overview), name


@pytest.mark.parametrize("module", [swiftrnn, swiftrnn.models], ids=["swiftrnn", "models"])
def test_every_public_name_is_on_a_page_of_the_reference(module: Any) -> None:
    described = []
    for page in sorted(REFERENCE.glob("*.rst")):
        text = page.read_text()
        current = re.search(r"^\.\. currentmodule:: (\S+)$", text, re.MULTILINE)
        if current is not None and current[1] == module.__name__:
            described += re.findall(r"^\.\. auto\w+:: (\w+)$", text, re.MULTILINE)
    assert sorted(described) == sorted(name for name in module.__all__ if name != "__version__")


def test_docstrings_open_with_a_noun_or_a_verb() -> None:
    opening = re.compile(r"(What|Of|Those|That of|How many|As of)\b")
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            value = node.value.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) else None
            if isinstance(value, str) and opening.match(value):
                wrong.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert wrong == []
