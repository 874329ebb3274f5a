"""Cells from their texts, equation by equation, in the numbers of `exact_numbers`: an evaluator that shares nothing
with the library but the language (docs/cells.md).

An expression of the language becomes one of Python's: `@` binds as `**` does there, and `h'` is written `h__next`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Callable

import numpy as np

import exact_numbers as exact
import swiftrnn
from exact_numbers import Number, Tape, added, constant, divided, multiplied, negated

Equation = tuple[tuple[str, ...], str]


class Text:
    """The equations of a text, `like` included: by each name its targets and its expression."""

    def __init__(self, text: str) -> None:
        self.equations: dict[str, Equation] = {}
        self.states: list[str] = []
        self.inputs: list[str] = []
        self.starts: dict[str, float] = {}
        #: Names of sizes that a layer has to give.
        self.sizes: set[str] = set()
        self._read(text)
        for _, expression in self.equations.values():
            self.sizes |= set(re.findall(r"blocks\(\w+, *([A-Za-z]\w*)\)", expression))
        targets = [target for names, _ in self.equations.values() for target in names]
        self.states = [target[:-1] for target in targets if target.endswith("'")]

    def _read(self, text: str) -> None:
        lines, depth = [""], 0
        for line in text.splitlines():
            line = line.split("#")[0].rstrip()
            lines[-1] += " " + line
            depth += line.count("(") - line.count(")")
            if depth == 0:
                lines.append("")
        for line in filter(None, map(str.strip, lines)):
            if match := re.fullmatch(r"like (\w+)", line):
                self._read(swiftrnn.cell_text(match[1]))
            elif match := re.fullmatch(r"size [\w, ]+=\s*(?:\d+ *\* *)?([A-Za-z]\w*)?.*", line):
                self.sizes |= {match[1]} - {None, "I", "H"}
            elif match := re.fullmatch(r"input ([\w, ]+)", line):
                self.inputs += [name.strip() for name in match[1].split(",")]
            elif match := re.fullmatch(r"init ([\w, ]+)=(.*)", line):
                for name in match[1].split(","):
                    self.starts[name.strip()] = match[2].strip()
            else:
                left, _, right = line.partition("=")
                targets = tuple(name.strip() for name in left.split(","))
                for name in targets:
                    self.equations[name.rstrip("'")] = (targets, right.strip())

    def without_masks(self, name: str) -> str:
        """`like` the cell, with nothing dropped in training."""
        changed = {
            equation: re.sub(r",\s*[0-9.]+(,\s*per_sequence)?\)", r", 0\1)", equation[1])
            for equation in self.equations.values() if re.search(r"dropout\(|zoneout\(|drop_connect\(", equation[1])
        }  # fmt: skip
        return "\n".join([f"like {name}"] + [f"{', '.join(targets)} = {to}" for (targets, _), to in changed.items()])


class Vector:
    """Numbers; of one number all others may be joined."""

    def __init__(self, tape: Tape, numbers: list[Number]) -> None:
        self.tape, self.numbers = tape, numbers

    def _joined(self, other: Any, f: Callable[[Number, Number], Number], is_swapped: bool = False) -> "Vector":
        if not isinstance(other, Vector):
            other = Vector(self.tape, [constant(self.tape, float(other))])
        a, b = (other, self) if is_swapped else (self, other)
        count = max(len(a.numbers), len(b.numbers))
        return Vector(self.tape, [f(x, y) for x, y in zip(a.stretched(count), b.stretched(count))])

    def stretched(self, count: int) -> list[Number]:
        return self.numbers * count if len(self.numbers) == 1 else self.numbers

    def __add__(self, other: Any) -> "Vector":
        return self._joined(other, added)

    def __radd__(self, other: Any) -> "Vector":
        return self._joined(other, added, True)

    def __sub__(self, other: Any) -> "Vector":
        return self._joined(other, lambda a, b: added(a, b, -1))

    def __rsub__(self, other: Any) -> "Vector":
        return self._joined(other, lambda a, b: added(a, b, -1), True)

    def __mul__(self, other: Any) -> "Vector":
        return self._joined(other, multiplied)

    def __rmul__(self, other: Any) -> "Vector":
        return self._joined(other, multiplied, True)

    def __truediv__(self, other: Any) -> "Vector":
        return self._joined(other, divided)

    def __rtruediv__(self, other: Any) -> "Vector":
        return self._joined(other, divided, True)

    def __neg__(self) -> "Vector":
        return Vector(self.tape, [negated(a) for a in self.numbers])

    def __getitem__(self, child: int) -> "Vector":
        """On a chain the first child is the step before, and there is no other."""
        return self if child == 1 else Vector(self.tape, [constant(self.tape, 0.0) for _ in self.numbers])

    def __gt__(self, other: Any) -> tuple[Any, Any, bool]:
        return (self, other, False)

    def __ge__(self, other: Any) -> tuple[Any, Any, bool]:
        return (self, other, True)

    def __lt__(self, other: Any) -> tuple[Any, Any, bool]:
        return (other, self, False)

    def __le__(self, other: Any) -> tuple[Any, Any, bool]:
        return (other, self, True)


class Matrix:
    """Rows of a parameter; `**` is the product."""

    def __init__(self, tape: Tape, rows: list[list[Number]], blocks: int = 1) -> None:
        self.tape, self.rows, self.blocks = tape, rows, blocks

    def __pow__(self, other: Vector) -> Vector:
        made = []
        height, width = len(self.rows) // self.blocks, len(self.rows[0])
        for number, row in enumerate(self.rows):
            first = number // height * width if self.blocks > 1 else 0
            terms = [multiplied(a, x) for a, x in zip(row, other.numbers[first : first + width])]
            made.append(total(terms))
        return Vector(self.tape, made)


def total(terms: list[Number]) -> Number:
    result = terms[0]
    for term in terms[1:]:
        result = added(result, term)
    return result


class Cell:
    """One sequence through a layer of a cell, one direction."""

    def __init__(self, text: Text, sizes: dict[str, int], training: bool) -> None:
        self.text, self.sizes, self.training = text, sizes, training
        self.codes = {name: self._compiled(e) for name, (_, e) in text.equations.items()}

    @staticmethod
    def _compiled(expression: str) -> Any:
        # The value that batch_norm is laid on is wanted at all steps.
        source = expression.replace("@", "**").replace("'", "__next")
        source = re.sub(r"batch_norm\(", "batch_norm(lambda: ", source)
        return compile(source.strip(), expression, "eval")

    def run(
        self, x: np.ndarray, inputs: dict[str, np.ndarray], parameters: dict[str, np.ndarray], widths: dict[str, int]
    ) -> "Run":
        """x is [T, I], inputs [T, width], states start where the text says; `widths` of states."""
        return Run(self, x, inputs, parameters, widths)


class Run:
    def __init__(self, cell: Cell, x: Any, inputs: Any, parameters: Any, widths: dict[str, int]) -> None:
        self.cell, self.tape = cell, Tape()
        #: Of each call of batch_norm in training.
        self.cell_statistics: dict[Any, Any] = {}
        tape = self.tape

        def leaf(value: float) -> Number:
            return Number(tape, exact.mpf(float(value)))

        self.parameters = {
            name: [[leaf(v) for v in row] for row in (p if p.ndim == 2 else [p])] for name, p in parameters.items()
        }
        self.is_matrix = {name: p.ndim == 2 for name, p in parameters.items()}
        self.x = [[leaf(v) for v in row] for row in x]
        self.inputs = {name: [[leaf(v) for v in row] for row in value] for name, value in inputs.items()}
        self.y: list[list[Number]] = []
        states = {}
        for name, width in widths.items():
            start = float(cell.text.starts.get(name, 0))
            states[name] = Vector(tape, [leaf(start) for _ in range(width)])
        self.steps = [Step(self, t) for t in range(len(self.x))]
        for step in self.steps:
            step.states = states
            self.y.append(step.equation("y" if "y" in cell.text.equations else "h").numbers)
            # A number is the same for all units.
            states = {name: Vector(tape, step.equation(name).stretched(width)) for name, width in widths.items()}

    def backward(self, dy: np.ndarray) -> None:
        for row, gradients in zip(self.y, dy):
            for number, gradient in zip(row, gradients):
                number.gradient += exact.mpf(float(gradient))
                number.gradient_mass += abs(float(gradient))
        exact.backward(self.tape)


class Step(Mapping):
    """The names of an expression, at a step."""

    def __init__(self, run: Run, t: int) -> None:
        self.run, self.t, self.states = run, t, {}
        self.known: dict[str, Any] = {}
        self.functions = functions(self)

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __getitem__(self, name: str) -> Any:
        run, tape = self.run, self.run.tape
        if name.endswith("__next"):
            return self.equation(name[: -len("__next")])
        if name in self.states:
            return self.states[name]
        if name in run.cell.text.equations:
            return self.equation(name)
        if name == "x":
            return Vector(tape, run.x[self.t])
        if name in run.inputs:
            return Vector(tape, run.inputs[name][self.t])
        if name in run.parameters:
            rows = run.parameters[name]
            return Matrix(tape, rows) if run.is_matrix[name] else Vector(tape, rows[0])
        if name in run.cell.sizes:
            return run.cell.sizes[name]
        raise KeyError(name)

    def value(self, code: Any) -> Any:
        # Of a lambda names are looked up as globals, so that all of them are.
        return eval(code, Names(self))

    def equation(self, name: str) -> Any:
        if name not in self.known:
            targets, expression = self.run.cell.text.equations[name]
            whole = self.known.get(expression)
            if whole is None:
                whole = self.known[expression] = self.value(self.run.cell.codes[name])
            if not isinstance(whole, (Vector, Matrix)):
                whole = Vector(self.run.tape, [constant(self.run.tape, float(whole))])
            part = [target.rstrip("'") for target in targets].index(name)
            if isinstance(whole, Matrix):
                count = len(whole.rows) // len(targets)
                self.known[name] = Matrix(self.run.tape, whole.rows[part * count : (part + 1) * count])
            else:
                count = len(whole.numbers) // len(targets)
                self.known[name] = Vector(self.run.tape, whole.numbers[part * count : (part + 1) * count])
        return self.known[name]


class Names(dict):
    """Globals of an expression: Python asks `__missing__` for a dict's subclass."""

    def __init__(self, step: Step) -> None:
        super().__init__(step.functions)
        self.step = step

    def __missing__(self, name: str) -> Any:
        return self.step[name]


def functions(step: Step) -> dict[str, Any]:
    """The functions of the language at a step."""
    run = step.run
    tape, training = run.tape, run.cell.training

    def vector(v: Any) -> Vector:
        return v if isinstance(v, Vector) else Vector(tape, [constant(tape, float(v))])

    def of_numbers(name: str) -> Callable[..., Vector]:
        def call(v: Any, *given: float) -> Vector:
            function = exact.FUNCTIONS[name](*map(float, given))
            return Vector(tape, [function(a) for a in vector(v).numbers])

        return call

    def where(comparison: tuple[Any, Any, bool], u: Any, v: Any) -> Vector:
        larger, less, or_equal = (vector(comparison[0]), vector(comparison[1]), comparison[2])
        u, v = vector(u), vector(v)
        count = max(len(a.numbers) for a in (larger, less, u, v))
        made = []
        for a, b, p, q in zip(*(w.stretched(count) for w in (larger, less, u, v))):
            holds = a.value > b.value or (or_equal and a.value == b.value)
            made.append(exact.chosen(p, q, holds, exact.near(a, b), (1, 0) if holds else (0, 1)))
        return Vector(tape, made)

    def pairs(sign: int) -> Callable[[Any, Any], Vector]:
        return lambda a, b: vector(a)._joined(vector(b), lambda x, y: exact.smaller(x, y, sign))

    def sum_(v: Vector) -> Vector:
        return Vector(tape, [total(v.numbers)])

    def mean(v: Vector) -> Vector:
        return sum_(v) * (1 / len(v.numbers))

    def root(v: Vector) -> Vector:
        return of_numbers("sqrt")(v)

    def rms_norm(v: Vector) -> Vector:
        made = v / root(mean(v * v) + 1e-5)
        for number in made.numbers:
            # Its squares are its own affair.
            number.diverges = [any(a.diverges[t] for a in v.numbers) for t in exact.TYPES]
        return made

    def softmax(v: Vector) -> Vector:
        largest = max(a.value for a in v.numbers)
        shifted = Vector(tape, [added(a, Number(tape, largest), -1) for a in v.numbers])
        powers = of_numbers("exp")(shifted)
        return powers / sum_(powers)

    def batch_norm(f: Any, running_mean: Vector, running_variance: Vector) -> Vector:
        if not training:
            return (f() - running_mean) / root(running_variance + 1e-5)
        known = run.cell_statistics.get(f.__code__)
        if known is None:
            steps = [type(f)(f.__code__, Names(other))() for other in run.steps]
            share = 1 / len(steps)
            average = sum(steps[1:], steps[0]) * share
            squares = [(v - average) * (v - average) for v in steps]
            variance = sum(squares[1:], squares[0]) * share
            for number in variance.numbers:
                # A variance is a number of the type, in which running ones are kept.
                number.errors = [
                    np.inf if exact.size(number.value) > exact.LARGEST[t] / 4 else number.errors[t] for t in exact.TYPES
                ]
            known = run.cell_statistics[f.__code__] = (steps, average, root(variance + 1e-5))
        steps, average, deviation = known
        return (steps[step.t] - average) / deviation

    def zoneout(following: Any, previous: Any, p: float, per_sequence: Any = None) -> Vector:
        assert p == 0 or not training
        return following if training else previous * p + following * (1 - p)

    def dropout(v: Any, p: float, per_sequence: Any = None) -> Any:
        assert p == 0 or not training
        return v

    def blocks(matrix: Matrix, count: int) -> Matrix:
        return Matrix(tape, matrix.rows, int(count))

    return {
        "__builtins__": {}, "per_sequence": None,
        **{name: of_numbers(name) for name in exact.FUNCTIONS},
        "where": where, "min": pairs(1), "max": pairs(-1), "sum": sum_, "mean": mean, "scalar": lambda v: v,
        "sum_children": vector, "dropout": dropout, "drop_connect": dropout, "zoneout": zoneout, "blocks": blocks,
        "batch_norm": batch_norm, "rms_norm": rms_norm, "layer_norm": lambda v: rms_norm(v - mean(v)),
        "softmax": softmax,
    }  # fmt: skip
