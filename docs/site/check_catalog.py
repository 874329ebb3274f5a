"""Compares a DocC catalog's landing page with a module's symbols: every public type and function has its place there.

usage: check_catalog.py SYMBOLS.json PAGE.md
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path


def main() -> None:
    symbols, page = map(Path, sys.argv[1:])
    paths = [symbol["pathComponents"] for symbol in json.loads(symbols.read_text())["symbols"]]
    public = {path[0] for path in paths if len(path) == 1}
    missing = sorted(public - set(re.findall(r"^- ``(.*)``$", page.read_text(), re.MULTILINE)))
    if missing:
        sys.exit(f"{page}: no topic has {', '.join(missing)}")


main()
