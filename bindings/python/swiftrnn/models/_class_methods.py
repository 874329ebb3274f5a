"""Methods of a class that are refused on its objects: there what they return would easily be lost."""

from __future__ import annotations

import functools
from typing import Any, Callable


class ClassOnly(classmethod):  # type: ignore[type-arg]
    """A class method that objects of the class refuse, with an error that says what to write.

    Attributes
    ----------
    advice : str
        What the method does, and what to write instead; ``{name}`` is the class's.
    """

    advice = ""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return super().__get__(None, owner)
        message = f"{self.__func__.__name__}: {self.advice.format(name=type(instance).__name__)}"

        @functools.wraps(self.__func__)
        def refused(*_: Any, **__: Any) -> Any:
            raise TypeError(message)

        return refused


def class_only(advice: str) -> Callable[[Any], Any]:
    """Makes a function a `ClassOnly` method."""

    def made(function: Any) -> Any:
        method = ClassOnly(function)
        method.advice = advice
        return method

    return made
