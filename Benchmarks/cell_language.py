"""The language of cells of equations (docs/cells.md): a text becomes equations, by recursive descent.

Only texts that the library takes come here, so that errors are short. Nothing but Python is needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Union

# ---- Expressions: compared by identity, because two calls that draw masks are two even if they read the same ----


@dataclass(frozen=True, eq=False)
class Number:
    value: float


@dataclass(frozen=True, eq=False)
class Name:
    """A previous state, an input, a parameter, or what an equation gives."""

    name: str


@dataclass(frozen=True, eq=False)
class Next:
    """`h'`"""

    name: str


@dataclass(frozen=True, eq=False)
class Child:
    """`h[k]`, k from 1."""

    name: str
    index: int


@dataclass(frozen=True, eq=False)
class Comparison:
    left: Expression
    sign: str
    right: Expression


@dataclass(frozen=True, eq=False)
class Call:
    """`arguments` without per_sequence."""

    name: str
    arguments: tuple[Union[Expression, Comparison], ...]
    per_sequence: bool = False


@dataclass(frozen=True, eq=False)
class Sum:
    """Terms with their signs, "+" or "-"."""

    terms: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, eq=False)
class Factors:
    """Factors with their signs, "*" or "/"."""

    factors: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, eq=False)
class Negated:
    value: Expression


@dataclass(frozen=True, eq=False)
class Product:
    """`matrix @ vector`"""

    matrix: Expression
    vector: Expression


Expression = Union[Number, Name, Next, Child, Call, Sum, Factors, Negated, Product]
MASKS = ("dropout", "zoneout", "drop_connect")


def visit(expression: Union[Expression, Comparison]) -> Iterator[Union[Expression, Comparison]]:
    """It and all within it, in the order of the text."""
    yield expression
    inner: tuple = ()
    if isinstance(expression, Comparison):
        inner = (expression.left, expression.right)
    elif isinstance(expression, Call):
        inner = expression.arguments
    elif isinstance(expression, Sum):
        inner = tuple(term for _, term in expression.terms)
    elif isinstance(expression, Factors):
        inner = tuple(factor for _, factor in expression.factors)
    elif isinstance(expression, Negated):
        inner = (expression.value,)
    elif isinstance(expression, Product):
        inner = (expression.matrix, expression.vector)
    for part in inner:
        yield from visit(part)


@dataclass(frozen=True)
class Equation:
    """Of one name: all of what `expression` gives, or one of the `parts` of a cut of it, the first being part 0."""

    name: str
    is_next: bool
    part: int
    parts: int
    expression: Expression


@dataclass
class Cell:
    """Equations by name in their order, those of a text in the places of those that they replace."""

    equations: dict[str, Equation] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    """Beside x."""
    initials: dict[str, float] = field(default_factory=dict)

    @property
    def output(self) -> Equation:
        return self.equations.get("y") or self.equations["h"]

    def draws(self) -> dict[Call, int]:
        """Calls that draw masks, and how many stand before each: also in equations that nothing reads."""
        expressions = dict.fromkeys(equation.expression for equation in self.equations.values())
        found = [part for expression in expressions for part in visit(expression)]
        calls = [part for part in found if isinstance(part, Call) and part.name in MASKS]
        return {call: number for number, call in enumerate(calls)}

    def order(self) -> tuple[list[Equation], list[Equation]]:
        """The equations that the output needs, each behind those that it reads; and those of states whose previous
        values are read, h first."""
        done: dict[str, Equation] = {}
        states: set[str] = set()

        def need(equation: Equation) -> None:
            if equation.name in done:
                return
            for part in visit(equation.expression):
                name = getattr(part, "name", None)
                if isinstance(part, Call) or name not in self.equations:
                    continue
                if self.equations[name].is_next and not isinstance(part, Next):
                    states.add(name)
                else:
                    need(self.equations[name])
            done[equation.name] = equation

        need(self.output)
        while missing := states - done.keys():
            for name in missing:
                need(self.equations[name])
        places = list(self.equations)
        in_order = sorted(states, key=lambda name: (name != "h", places.index(name)))
        return list(done.values()), [self.equations[name] for name in in_order]


# ---- Reading ----

TOKEN = re.compile(
    r"(?P<blank>[ \t]+|#[^\n]*)|(?P<newline>\n)|(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z][A-Za-z0-9_]*)|(?P<sign><=|>=|[-+*/@()\[\],='<>])"
)


def tokens(text: str) -> list[tuple[str, str]]:
    """(kind, text) of each; no ends of lines inside parentheses."""
    found, place, depth = [], 0, 0
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"{text[place:].splitlines()[0]!r}: its first character has no meaning here")
        kind, word, place = match.lastgroup, match[0], match.end()
        depth += (word == "(") - (word == ")")
        if kind != "blank" and not (kind == "newline" and depth > 0):
            found.append((kind, word))
    return [*found, ("newline", "\n"), ("end", "")]


class Parser:
    """One function per rule of the grammar in docs/cells.md."""

    def __init__(self, text: str, builtin: Callable[[str], str]) -> None:
        self.tokens = tokens(text)
        self.place = 0
        self.builtin = builtin

    def peek(self, ahead: int = 0) -> tuple[str, str]:
        return self.tokens[min(self.place + ahead, len(self.tokens) - 1)]

    def take(self, *words: str) -> str | None:
        """The next sign, if it is one of these."""
        kind, word = self.peek()
        if kind != "sign" or word not in words:
            return None
        self.place += 1
        return word

    def expect(self, wanted: str) -> str:
        """The next token, of this kind or this sign."""
        kind, word = self.peek()
        if wanted not in (kind, word):
            raise ValueError(f"expected {wanted}, found {word!r}")
        self.place += 1
        return word

    def text(self) -> Cell:
        cell = Cell()
        while self.peek()[0] == "newline":
            self.place += 1
        if self.starts("like"):
            cell = parse(self.builtin(self.expect("name")), self.builtin)
        while self.peek()[0] != "end":
            if self.peek()[0] != "newline":
                self.line(cell)
            self.expect("newline")
        return cell

    def starts(self, word: str) -> bool:
        """Whether a line starts with this word, which it is only before a name."""
        if self.peek() != ("name", word) or self.peek(1)[0] != "name":
            return False
        self.place += 1
        return True

    def line(self, cell: Cell) -> None:
        if self.starts("size"):  # parameters have their shapes from the network
            self.names()
            self.expect("=")
            self.sum()
        elif self.starts("input"):
            cell.inputs += self.names()
        elif self.starts("init"):
            names = self.names()
            self.expect("=")
            if self.peek()[0] == "name":  # a distribution of a parameter: the network draws it
                self.sum()
                return
            sign = -1.0 if self.take("-") else 1.0
            cell.initials |= dict.fromkeys(names, sign * float(self.expect("number")))
        else:
            targets = [self.target()]
            while self.take(","):
                targets.append(self.target())
            self.expect("=")
            expression = self.sum()
            for part, (name, is_next) in enumerate(targets):
                cell.equations[name] = Equation(name, is_next, part, len(targets), expression)

    def names(self) -> list[str]:
        found = [self.expect("name")]
        while self.take(","):
            found.append(self.expect("name"))
        return found

    def target(self) -> tuple[str, bool]:
        return self.expect("name"), bool(self.take("'"))

    def sum(self) -> Expression:
        terms = [("+", self.term())]
        while sign := self.take("+", "-"):
            terms.append((sign, self.term()))
        return terms[0][1] if len(terms) == 1 else Sum(tuple(terms))

    def term(self) -> Expression:
        factors = [("*", self.signed())]
        while sign := self.take("*", "/"):
            factors.append((sign, self.signed()))
        return factors[0][1] if len(factors) == 1 else Factors(tuple(factors))

    def signed(self) -> Expression:
        if self.take("-"):
            return Negated(self.signed())
        left = self.atom()
        return Product(left, self.signed()) if self.take("@") else left

    def atom(self) -> Expression:
        kind, _ = self.peek()
        if kind == "number":
            return Number(float(self.expect("number")))
        if self.take("("):
            inner = self.sum()
            self.expect(")")
            return inner
        name = self.expect("name")
        if self.take("'"):
            return Next(name)
        if self.take("["):
            index = int(self.expect("number"))
            self.expect("]")
            return Child(name, index)
        return self.call(name) if self.take("(") else Name(name)

    def call(self, name: str) -> Call:
        arguments: list = []
        while True:
            argument = self.sum()
            if sign := self.take("<", "<=", ">", ">="):
                argument = Comparison(argument, sign, self.sum())
            arguments.append(argument)
            if not self.take(","):
                break
        self.expect(")")
        last = arguments[-1]
        per_sequence = isinstance(last, Name) and last.name == "per_sequence"
        return Call(name, tuple(arguments[:-1] if per_sequence else arguments), per_sequence)


def parse(text: str, builtin: Callable[[str], str]) -> Cell:
    """The equations of a text. `builtin` gives the text of a cell of the library, for `like`."""
    return Parser(text, builtin).text()
