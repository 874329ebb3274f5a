"""docs/cells-of-the-library.md has the texts that the library runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_is_made_from_the_library() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/cells_page.py"), "--check"], capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 0, done.stdout + done.stderr
