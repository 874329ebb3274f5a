"""Every program of docs/course.md prints what the page says, in ten lines or so; README.md's table names them all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/course.md").read_text()
SECTIONS = re.findall(r"^## (.*?)\n.*?^```python\n(.*?)^```\n\n```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_every_section_has_a_program_that_the_readme_names() -> None:
    titles = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    assert [title for title, _, _ in SECTIONS] == titles and len(titles) >= 14
    readme = (ROOT / "README.md").read_text()
    for title in titles:
        assert f"(docs/course.md#{title.lower().replace(' ', '-')})" in readme, title


@pytest.mark.parametrize("title, program, output", SECTIONS, ids=[title for title, _, _ in SECTIONS])
def test_program(title: str, program: str, output: str, run_python: Callable[..., Any]) -> None:
    assert len(program.splitlines()) <= 10
    assert run_python(program).stdout == output
