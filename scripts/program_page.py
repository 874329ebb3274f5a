#!/usr/bin/env python3
"""Writes docs/program-options.md: the arguments of each command of the program `swiftrnn`, from the program itself.

    scripts/program_page.py            writes the page; SWIFTRNN_LIBRARY and PYTHONPATH as for the Python tests
    scripts/program_page.py --check    fails if the page is not what it would write
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

try:
    import swiftrnn.program
except ModuleNotFoundError:  # not installed: the source tree's
    sys.path.insert(0, str(ROOT / "bindings/python"))
    import swiftrnn.program

PAGE = ROOT / "docs/program-options.md"


def commands() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command."""
    actions = swiftrnn.program.make_parser()._actions
    found = next(action for action in actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)


def name(action: argparse.Action) -> str:
    """An argument as one writes it, with a word for its value."""
    if not action.option_strings:
        word = str(action.metavar)
        return f"[{word}]" if action.nargs == "?" else word
    if action.nargs == 0:
        return ", ".join(action.option_strings)
    value = action.metavar or "CHOICE"
    return f"{', '.join(action.option_strings)} {value}"


def row(action: argparse.Action) -> str:
    """A row of the table: the argument, its meaning, its default."""
    text = (action.help or "") % {"default": action.default}
    meaning, _, default = text.partition(" (default: ")
    if action.choices is not None:
        meaning += f": {', '.join(f'`{one}`' for one in action.choices)}"
    cells = (f"`{name(action)}`", meaning, default.removesuffix(")"))
    # Markdown would take <unk> for HTML, and a bar for the next cell.
    shown = [cell if cell.startswith("`") else cell.replace("<", "&lt;") for cell in cells]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in shown)} |"


def page() -> str:
    """The whole page."""
    lines = [
        "# Options of the program",
        "",
        "All arguments of the commands of `swiftrnn` ([program.md](program.md)), as `swiftrnn COMMAND --help` has them.",
        "Where there is no default, an option is off or absent unless it is given. Written by `scripts/program_page.py`",
        "from the program.",
        "",
        " ".join(f"[{command}](#{command})" for command in commands()),
    ]
    for command, parser in commands().items():
        lines += ["", f"## {command}"]
        for group in parser._action_groups:
            actions = [action for action in group._group_actions if action.dest != "help"]
            if actions:
                title = {"positional arguments": "files", "options": "options"}.get(str(group.title), str(group.title))
                lines += ["", f"| {title} | | default |", "|---|---|---|", *map(row, actions)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Writes or checks."""
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    text = page()
    if sys.argv[1:] == ["--check"]:
        if PAGE.read_text() != text:
            sys.exit(f"{PAGE.relative_to(ROOT)} is not what scripts/program_page.py writes")
        return
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
