#!/usr/bin/env python3
"""Writes docs/cells-of-the-library.md: the cells of equations that come with the library, from the library itself.

    scripts/cells_page.py            writes the page; SWIFTRNN_LIBRARY and PYTHONPATH as for the Python tests
    scripts/cells_page.py --check    fails if the page is not what it would write
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

try:
    import swiftrnn
except ModuleNotFoundError:  # not installed: the source tree's
    sys.path.insert(0, str(ROOT / "bindings/python"))
    import swiftrnn

PAGE = ROOT / "docs/cells-of-the-library.md"


def page() -> str:
    """The whole page."""
    names = swiftrnn.cells()
    lines = [
        "# Cells of the library",
        "",
        f"The {len(names)} cells of equations that come with the library, in the language of [cells.md](cells.md), with",
        "their sources and years: `swiftrnn.Cell(name)`, or `like name` in a text of one's own. Written by",
        "`scripts/cells_page.py` from the library.",
        "",
        " ".join(f"[{name}](#{name})" for name in names),
    ]
    for name in names:
        lines += ["", f"## {name}", "", "```", swiftrnn.cell_text(name).rstrip("\n"), "```"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Writes or checks."""
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    text = page()
    if sys.argv[1:] == ["--check"]:
        if PAGE.read_text() != text:
            sys.exit(f"{PAGE.relative_to(ROOT)} is not what scripts/cells_page.py writes")
        return
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
