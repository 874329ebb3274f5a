"""``python -m swiftrnn``: the program `swiftrnn`."""

from .program import main

if __name__ == "__main__":
    raise SystemExit(main())
