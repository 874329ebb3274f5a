"""Methods of a class that are refused on its objects: there what they return would easily be lost."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Callable, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

if TYPE_CHECKING:
    class_only = classmethod
else:

    class class_only(classmethod):
        """A class method that objects of the class refuse, with an error that says what to write: see `advises`."""

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            if instance is None:
                return super().__get__(None, owner)
            name = self.__func__.__name__
            message = f"{name}: {self.__func__.advice.format(name=type(instance).__name__)}"

            @functools.wraps(self.__func__)
            def refused(*_: Any, **__: Any) -> Any:
                raise TypeError(message)

            return refused


def advises(advice: str) -> Callable[[_Function], _Function]:
    """Notes what a method of a class does, and what to write instead of calling the method on an object; ``{name}`` is
    the class's."""

    def noted(function: _Function) -> _Function:
        function.advice = advice  # type: ignore[attr-defined]
        return function

    return noted
