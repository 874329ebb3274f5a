"""The programs of README.md and of the pages in docs/ run, in Python, C and Swift; and every link has a target."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from safetensors.numpy import save_file

import swiftrnn
from swiftrnn import _c as c

ROOT = Path(__file__).resolve().parents[3]

PACKAGE = """// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Readme",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "SwiftRNN", path: "../..")],
  targets: [.executableTarget(name: "Readme", dependencies: [.product(name: "SwiftRNN", package: "SwiftRNN"),
    .product(name: "SwiftRNNModels", package: "SwiftRNN")])]
)
"""


def program(language: str, index: int = 0, page: str = "README.md") -> str:
    """A fenced block of a language."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    assert len(found) > index, f"{page} has {len(found)} blocks of {language}"
    block: str = found[index]
    return block


def run(*command: Any, **options: Any) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_readme(run_python: Callable[..., Any]) -> None:
    found = re.fullmatch(r"mean squared error: (\S+)\n", run_python(program("python")).stdout)
    assert found and 0 < float(found[1]) < 0.01


def test_python(run_python: Callable[..., Any]) -> None:
    output = run_python(program("python", page="docs/python.md")).stdout
    found = re.fullmatch(r"mean squared error: (\S+)\nthe same bits: True\n", output)
    assert found, output
    assert 0 < float(found[1]) < 0.01


def test_a_language_model(run_python: Callable[..., Any]) -> None:
    output = run_python(program("python", 1, page="docs/python.md")).stdout
    found = re.fullmatch(r"perplexity: (\S+)\n(.*)\n", output, re.DOTALL)
    assert found, output
    assert 1 < float(found[1]) < 1.2
    assert len(found[2]) == 110 and found[2].startswith("Twinkle, twinkle, little star,\nHow I wonder"), found[2]


def test_a_cell_in_python(run_python: Callable[..., Any]) -> None:
    names = [f"{name}_l{layer}" for layer in (0, 1) for name in ("Wf", "Uf", "Wn", "Un", "bf", "bn")]
    assert run_python(program("python", 2)).stdout == f"gradients of: {' '.join(names)}\n"


def test_the_programs_of_the_page_on_models(tmp_path: Path, run_python: Callable[..., Any]) -> None:
    first, second = program("python", page="docs/python-models.md"), program("python", 2, page="docs/python-models.md")
    there = f"import os; os.chdir({str(tmp_path)!r})\n"
    output = run_python(there + first + second.replace("seed=0", "seed=0, batch_size=4, progress=False")).stdout
    assert output.splitlines()[1] == " wonder what you are!" and output.startswith("loss ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["star.checkpoint", "star.safetensors"]
    assert run_python(program("python", 1, page="docs/python-models.md")).stdout == "['-', '+']\n"


def test_a_model(tmp_path: Path, run_python: Callable[..., Any]) -> None:
    (tmp_path / "README.md").write_text((ROOT / "README.md").read_text())
    output = run_python(f"import os; os.chdir({str(tmp_path)!r})\n" + program("python", 3)).stdout
    found = re.fullmatch(r"nats per character: (\S+)\nThe (.{60})\n", output, re.DOTALL)
    assert found and 0 < float(found[1]) < 3, output
    assert (tmp_path / "readme.safetensors").stat().st_size > 100_000


def test_layer_options(run_python: Callable[..., Any]) -> None:
    assert run_python(program("python", page="docs/layers.md")).stdout == "(9, 2, 8) (14, 2, 8)\n"


def test_a_cell_of_ones_own(run_python: Callable[..., Any]) -> None:
    output = run_python(program("python", page="docs/cells.md")).stdout
    found = re.fullmatch(r"mean squared error: (\S+)\nthe same bits: True\n", output)
    assert found, output
    assert 0 < float(found[1]) < 0.005


def test_trees_in_python(run_python: Callable[..., Any]) -> None:
    output = run_python(program("python", 1, page="docs/cells.md")).stdout
    found = re.fullmatch(r"mean squared error: (\S+)\nthe same bits: True\n", output)
    assert found, output
    assert 0 < float(found[1]) < 0.1  # of a variance of 0.7


def link_library(folder: Path) -> None:
    # The package's file may have another name than the one that programs look for.
    library = Path(c.library._name).resolve()
    for name in ("libswiftrnn.so", "libswiftrnn.so.0"):
        (folder / name).symlink_to(library)


def run_c(tmp_path: Path, text: str) -> str:
    link_library(tmp_path)
    (tmp_path / "program.c").write_text(text)
    run(
        "cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT / 'include'}", tmp_path / "program.c",
        "-o", tmp_path / "program", f"-L{tmp_path}", "-lswiftrnn", f"-Wl,-rpath,{tmp_path}",
    )  # fmt: skip
    return run(tmp_path / "program", cwd=tmp_path)


def test_a_cell_in_c(tmp_path: Path) -> None:
    output = run_c(tmp_path, program("c", page="docs/cells.md"))
    found = re.fullmatch(r"mean squared error: (\S+)\n", output)
    assert found, output
    assert 0 < float(found[1]) < 0.02


def test_c(tmp_path: Path) -> None:
    output = run_c(tmp_path, program("c", page="docs/c.md"))
    numbers = [float(word) for word in output.removeprefix("the last output: ").split()]
    assert len(numbers) == 4
    assert all(0 < abs(number) < 1 for number in numbers)


def test_a_model_in_c(tmp_path: Path) -> None:
    output = run_c(tmp_path, program("c", 2, page="docs/c.md"))
    found = re.fullmatch(r"step 100: loss (\S+)\n", output)
    assert found and 0 < float(found[1]) < 0.1, output
    assert (tmp_path / "tagger.safetensors").stat().st_size > 1000


def run_shell(tmp_path: Path, text: str) -> str:
    """Commands in tmp_path, as if that were a clone, and pkg-config found the library."""
    link_library(tmp_path)
    (tmp_path / "bindings").symlink_to(ROOT / "bindings")
    (tmp_path / "swiftrnn.pc").write_text(
        f"Name: swiftrnn\nDescription: of this tree\nVersion: 0\nCflags: -I{ROOT / 'include'}\n"
        f"Libs: -L{tmp_path} -lswiftrnn\n"
    )
    folders = {"PKG_CONFIG_PATH": str(tmp_path), "LD_LIBRARY_PATH": str(tmp_path)}
    return run("bash", "-euc", text, cwd=tmp_path, env={**os.environ, **folders})


def test_tensors_of_a_file_in_c(tmp_path: Path) -> None:
    lstm = swiftrnn.LSTM(1, 32, proj_size=1, seed=0)
    save_file(lstm.state_dict(), tmp_path / "lstm.safetensors")
    lines = run_c(tmp_path, program("c", 1, page="docs/c.md")).splitlines()
    assert sorted(lines) == sorted(f"{name}: F32 {list(array.shape)}" for name, array in lstm.state_dict().items())


def test_from_python_to_c(tmp_path: Path, run_python: Callable[..., Any]) -> None:
    commands = program("sh", page="docs/c.md")
    run_python(f"import os; os.chdir({str(tmp_path)!r})\n" + program("python", page="docs/c.md"))
    assert run_shell(tmp_path, commands) == "the same bits\n"


def test_from_python_to_c_in_the_readme(tmp_path: Path, run_python: Callable[..., Any]) -> None:
    """The programs of the page go on from one to the next; the samples are the first sequence's."""
    samples = 'x[:, 0].tofile("x.f32"), lstm(x[:, :1])[0].tofile("expected.f32")\n'
    text = program("python", 0) + program("python", 1) + samples
    run_python(f"import os; os.chdir({str(tmp_path)!r})\n" + text)
    commands = program("sh", 2)
    search = commands.splitlines()[:2]
    assert [line.split("=")[0] for line in search] == ["lib", "export PKG_CONFIG_PATH"]
    # The library of these tests in the place of an installed one.
    run_shell(tmp_path, "\n".join(commands.splitlines()[2:]))
    assert (tmp_path / "out.f32").read_bytes() == (tmp_path / "expected.f32").read_bytes() != b""


def swift(verb: str, package: Path, *arguments: str, **options: Any) -> str:
    # In the checkout's build folder and with the flags of its tests, so that the modules, which take minutes, are
    # compiled once for all.
    return run(
        "swift", verb, "--package-path", package, "--scratch-path", ROOT / ".build", "-c", "release",
        "-Xswiftc", "-enable-testing", *arguments, **options,
    )  # fmt: skip


def test_the_example_is_a_package() -> None:
    swift("build", ROOT / "Examples/CharacterLanguageModel")


def run_swift(text: str, **options: Any) -> str:
    # A package that depends on the checkout by its path.
    package = ROOT / "build" / "readme"
    sources = {package / "Package.swift": PACKAGE, package / "Sources" / "Readme" / "main.swift": text}
    for path, text in sources.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return swift("run", package, "Readme", **options)


def test_a_cell_in_swift() -> None:
    output = run_swift(program("swift", page="docs/cells.md"))
    assert "gradients of: Wk_l0 Uk_l0 W_l0 U_l0 bk_l0 b_l0 Wk_l1" in output
    root = [float(word) for word in output.split("output of the root: [")[1].split("]")[0].split(",")]
    assert len(root) == 4
    assert all(0 < abs(number) < 1 for number in root)


def test_swift() -> None:
    output = run_swift(program("swift", page="docs/swift.md"))
    found = re.fullmatch(r"the last output: \[(.*)\]\nthe same bits: true\n", output)
    assert found, output
    numbers = [float(word) for word in found[1].split(",")]
    assert len(numbers) == 4
    assert all(0 < abs(number) < 1 for number in numbers)


def test_the_landing_page_of_the_swift_reference() -> None:
    assert run_swift(program("swift", page="Sources/SwiftRNN/SwiftRNN.docc/SwiftRNN.md")) == ""


def test_seeds_in_swift() -> None:
    assert run_swift(program("swift", 1, page="docs/swift.md")) == "the same first token: true\n"


def test_models_in_swift(tmp_path: Path) -> None:
    output = run_swift(program("swift", page="docs/models.md"), cwd=tmp_path)
    found = re.fullmatch(r"nats per character: (\S+)\nUp above the world so high,\nthe same: true\n", output)
    assert found and 0 < float(found[1]) < 0.3, output


def test_a_classifier_in_swift(tmp_path: Path) -> None:
    lines = run_swift(program("swift", 1, page="docs/models.md"), cwd=tmp_path).splitlines()
    found = re.fullmatch(r"epoch (\d+), step \d+, loss \S+, validation (\S+), rate 0.01", lines[0])
    assert found and int(found[1]) <= 100 and 0 < float(found[2]) < 0.5, lines
    expected = {"good": "positive", "not good": "negative", "never good": "negative"}
    assert lines[1:] == [f"the book was {words}: {label}" for words, label in expected.items()]
    assert (tmp_path / "opinions.safetensors").stat().st_size > 1000


def test_layers_in_swift() -> None:
    loss, count = run_swift(program("swift", 2, page="docs/models.md")).split()
    assert 0 < float(loss) < 5 and int(count) == 100 * 32 + 3 * 64 * (32 + 64 + 2) + 64 * 5 + 5


PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


@pytest.mark.parametrize("page", PAGES)
def test_links(page: str) -> None:
    def anchors(text: str) -> set[str]:
        plain = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
        titles = re.findall(r"^#+ +(.*)$", plain, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

    path = ROOT / page
    text = path.read_text()
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'<img src="([^"]+)"', text)
    targets = [target for target in found if not target.startswith("http")]
    for target in targets:
        file, _, anchor = target.partition("#")
        other = path.parent / file if file else path
        assert other.exists(), target
        assert not anchor or anchor in anchors(other.read_text()), target
