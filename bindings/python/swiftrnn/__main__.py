"""``python -m swiftrnn``: the program `swiftrnn`."""

from .program import main

raise SystemExit(main())
