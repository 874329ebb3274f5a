"""The parser of a command's arguments: options and files in any order, and errors of one line."""

from __future__ import annotations

import argparse
import difflib
from typing import NoReturn, Sequence

from ._failures import USAGE
from ._option_names import suggestion


class Parser(argparse.ArgumentParser):
    """A parser of a command's arguments.

    Files may come before, between and behind options. Options are not abbreviated. An unknown option is refused with
    the option that it is likely to mean.
    """

    _mixes = False

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        if self._subparsers is not None or self._mixes:
            return super().parse_known_args(args, namespace)
        self._mixes = True  # the method below calls this one
        try:
            found, rest = self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixes = False
        if rest:
            self._refuse(rest)
        found.given = self._given(args or ())
        return found, rest

    def _given(self, args: Sequence[str]) -> dict[str, str]:
        """The options among the arguments, by their names in the namespace: a default may be given, too."""
        flags = {word.partition("=")[0] for word in args}
        return {
            action.dest: flag for action in self._actions for flag in action.option_strings if flag in flags
        }

    def error(self, message: str) -> NoReturn:
        """Ends the program with status 2 and one line, or more where a place in a cell's equations is shown."""
        if message.endswith("expected one argument"):
            flag = message.split()[1].split("/")[-1].rstrip(":")
            message += f" (one that begins with - is written as {flag}=-...)"
        advice = "" if "\n" in message else f"; see {self.prog} --help"
        self.exit(USAGE, f"{self.prog}: error: {message.rstrip()}{advice}\n")

    def _check_value(self, action: argparse.Action, value: object) -> None:
        choices = [str(one) for one in action.choices or ()]
        if action.choices is None or value in action.choices:
            return
        near = difflib.get_close_matches(str(value), choices, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise argparse.ArgumentError(action, f"invalid choice: {value!r} ({hint}choose from {', '.join(choices)})")

    def _refuse(self, rest: list[str]) -> NoReturn:
        flags = [flag for action in self._actions for flag in action.option_strings]
        found = [suggestion(word, flags) for word in rest if word.startswith("-")]
        hints = list(dict.fromkeys(flag for flag in found if flag is not None))
        if "--prompt" in flags and not any(word.startswith("-") for word in rest):
            self.error(f"unrecognized arguments: {' '.join(rest)} (what the text begins with is --prompt TEXT)")
        self.error(
            f"unrecognized arguments: {' '.join(rest)}" + (f" (did you mean {', '.join(hints)}?)" if hints else "")
        )
