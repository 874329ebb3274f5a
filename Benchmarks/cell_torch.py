"""A cell of equations in torch: its text becomes the source of a step. cell_loop.py runs it over time.

The source reads as one would write the step by hand: a line for each equation, in torch's functions. What parameters
alone give (cuts of a matrix, sigmoid(scalar(a))) is made once per call, masks of all steps and the statistics of
batch_norm too. A number that the text knows is a Python number; what is multiplied by zero, as the second child of a
node in a chain, is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Union

import cell_language as language
import torch
from cell_language import Call, Cell, Child, Comparison, Expression, Factors, Name, Negated, Next, Number, Product

# Python: a number, or the source of a tensor.
Code = Union[float, str]

# Of each number of a vector: the source around it, and the defaults of the numbers behind the vector.
UNARY: dict[str, tuple[str, tuple[float, ...]]] = {
    "sigmoid": ("torch.sigmoid({v})", ()),
    "tanh": ("torch.tanh({v})", ()),
    "relu": ("torch.relu({v})", ()),
    "selu": ("F.selu({v})", ()),
    "gelu": ("F.gelu({v})", ()),
    "silu": ("F.silu({v})", ()),
    "softplus": ("F.softplus({v})", ()),
    "softsign": ("F.softsign({v})", ()),
    "exp": ("torch.exp({v})", ()),
    "log": ("torch.log({v})", ()),
    "log_sigmoid": ("F.logsigmoid({v})", ()),
    "sqrt": ("torch.sqrt({v})", ()),
    "abs": ("torch.abs({v})", ()),
    "sign": ("torch.sign({v})", ()),
    "leaky_relu": ("F.leaky_relu({v}, {0})", (0.01,)),
    "elu": ("F.elu({v}, {0})", (1.0,)),
    "hard_sigmoid": ("torch.clamp({0} * {v} + {1}, 0.0, 1.0)", (0.2, 0.5)),
    "hard_tanh": ("F.hardtanh({v}, {0}, {1})", (-1.0, 1.0)),
    "thresholded_relu": ("F.threshold({v}, {0}, 0.0)", (1.0,)),
    "scaled_tanh": ("({0} * torch.tanh({1} * {v}))", (1.0, 1.0)),
    "affine": ("({0} * {v} + {1})", (1.0, 0.0)),
    "clip": ("torch.clamp({v}, {0}, {1})", (math.nan, math.nan)),
    "layer_norm": ("F.layer_norm({v}, {v}.shape[-1:], eps=1e-5)", ()),
    "rms_norm": ("F.rms_norm({v}, {v}.shape[-1:], eps=1e-5)", ()),
    "softmax": ("torch.softmax({v}, -1)", ()),
    "sum": ("{v}.sum(-1, keepdim=True)", ()),
    "mean": ("{v}.mean(-1, keepdim=True)", ()),
}
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def block_product(matrix: torch.Tensor, blocks: int, vector: torch.Tensor) -> torch.Tensor:
    """The product with `blocks` diagonal blocks, which stand below each other in `matrix`."""
    rows, columns = matrix.shape[0] // blocks, matrix.shape[1]
    parts = vector.reshape(-1, blocks, columns).transpose(0, 1)
    products = torch.bmm(parts, matrix.reshape(blocks, rows, columns).transpose(1, 2))
    return products.transpose(0, 1).reshape(-1, blocks * rows)


def cut(value: torch.Tensor, part: int, parts: int, axis: int) -> torch.Tensor:
    return value.chunk(parts, axis)[part]


@dataclass(frozen=True)
class Draw:
    """A call that draws a mask: which one of the text, how likely a unit is dropped, and what it is drawn for."""

    number: int
    probability: float
    kind: str
    """dropout, zoneout or drop_connect"""
    per_step: bool


class Writer:
    """Writes the source of a cell's step."""

    def __init__(self, cell: Cell, shapes: Mapping[str, tuple[int, ...]], sizes: Mapping[str, int]) -> None:
        self.cell, self.shapes, self.sizes = cell, shapes, sizes
        self.order, self.states = cell.order()
        self.draws: dict[Call, Draw] = {}
        self.numbers: dict[str, float] = {}
        self.matrices = {name for name, shape in shapes.items() if len(shape) == 2}
        self.call_numbers = cell.draws()
        self.tensors: list[float] = []
        """Numbers that torch wants as tensors."""
        self.elements = {name: math.prod(shape) for name, shape in shapes.items()}
        self.products: dict[tuple[str, str], float] = {}
        """Multiply-adds of each matrix with a vector: of the rows that are read."""
        self.share = 1.0
        self.normalised: list[str] = []
        """What batch_norm is laid on."""
        once: list[str] = []
        step: list[str] = []
        written: dict[Expression, str] = {}
        self.made_once: list[str] = []
        """Of names that equations give from parameters alone."""
        for equation in self.order:
            fixed = self.is_fixed(equation.expression)
            lines = once if fixed else step
            target = self.next(equation.name) if equation.is_next else self.named(equation.name)
            if equation.parts == 1:
                code = self.code(equation.expression)
                if isinstance(code, float) and not equation.is_next:
                    self.numbers[equation.name] = code
                    continue
                lines.append(f"{target} = {code}")
            else:
                whole = written.get(equation.expression)
                if whole is None:
                    whole = written[equation.expression] = f"cut_{len(written)}"
                    self.share = sum(e.expression is equation.expression for e in self.order) / equation.parts
                    lines.append(f"{whole} = {self.code(equation.expression)}")
                    self.share = 1.0
                axis = 0 if self.is_matrix(equation.expression) else -1
                lines.append(f"{target} = cut({whole}, {equation.part}, {equation.parts}, {axis})")
            if self.is_matrix(equation.expression):
                self.matrices.add(equation.name)
                self.elements[equation.name] = self.elements[equation.expression.name] // equation.parts
            if fixed:
                self.made_once.append(target)
        self.finish(once, step)

    def finish(self, once: list[str], step: list[str]) -> None:
        """The two functions."""
        parameters = [self.named(name) for name in self.shapes]
        masks = {draw: f"mask_{draw.number}" for draw in self.draws.values()}
        connect = [name for draw, name in masks.items() if draw.kind == "drop_connect"]
        self.step_masks = [draw for draw in masks if draw.per_step]
        self.sequence_masks = [draw for draw in masks if not draw.per_step and draw.kind != "drop_connect"]
        self.matrix_masks = [draw for draw in masks if draw.kind == "drop_connect"]
        products = [f"connected_{draw.number}" for draw in self.matrix_masks]
        once = [*once, *self.connections]
        fixed = [*parameters, *self.made_once, *products]
        results = [self.next(state.name) for state in self.states]
        output = self.cell.output
        y = self.next(output.name) if output.is_next else self.named(output.name)
        arguments = [
            "v_x", *(self.named(name) for name in self.cell.inputs), *(masks[draw] for draw in self.step_masks),
            *(self.named(state.name) for state in self.states), *fixed, *(masks[draw] for draw in self.sequence_masks),
            *(f"{moment}_{index}" for index in range(len(self.normalised)) for moment in ("mean", "variance")),
        ]  # fmt: skip
        self.source = function("once", [*parameters, *connect], once, tuples(fixed))
        self.source += "\n\n" + function("step", arguments, step, f"{y}, {tuples(results)}")
        # x and inputs of all steps at once.
        moments = [f"{code}.{moment}" for code in self.normalised
                   for moment in ("mean((0, 1))", "var((0, 1), unbiased=False)")]  # fmt: skip
        inputs = ["v_x", *(self.named(name) for name in self.cell.inputs)]
        self.source += "\n\n" + function("moments", [*inputs, *fixed], [], tuples(moments))

    # ---- Names ----

    @staticmethod
    def named(name: str) -> str:
        return f"v_{name}"

    @staticmethod
    def next(name: str) -> str:
        return f"next_{name}"

    def is_parameter(self, name: str) -> bool:
        return name in self.shapes

    def is_fixed(self, expression: Expression) -> bool:
        """Whether only parameters and numbers are read, by equations too."""
        for part in language.visit(expression):
            if isinstance(part, (Next, Child)) or isinstance(part, Call) and part.name in ("dropout", "zoneout"):
                return False
            if isinstance(part, Name) and not self.is_parameter(part.name) and part.name not in self.sizes:
                equation = self.cell.equations.get(part.name)
                if equation is None or equation.is_next or not self.is_fixed(equation.expression):
                    return False
        return True

    def is_matrix(self, expression: Expression) -> bool:
        return isinstance(expression, Name) and expression.name in self.matrices

    # ---- Expressions ----

    def code(self, expression: Expression) -> Code:
        if isinstance(expression, Number):
            return expression.value
        if isinstance(expression, Name):
            return self.numbers.get(expression.name, self.named(expression.name))
        if isinstance(expression, Next):
            return self.next(expression.name)
        if isinstance(expression, Child):
            return self.named(expression.name) if expression.index == 1 else 0.0
        if isinstance(expression, Negated):
            value = self.code(expression.value)
            return -value if isinstance(value, float) else f"(-{value})"
        if isinstance(expression, language.Sum):
            return self.sum(expression)
        if isinstance(expression, Factors):
            return self.factors(expression)
        if isinstance(expression, Product):
            return self.product(expression)
        return self.call(expression)

    def sum(self, expression: language.Sum) -> Code:
        number, text = 0.0, ""
        for sign, term in expression.terms:
            value = self.code(term)
            if isinstance(value, float):
                number += value if sign == "+" else -value
            elif text:
                text += f" {sign} {value}"
            else:
                text = value if sign == "+" else f"-{value}"
        if not text:
            return number
        # A number first, where it was: 1 - z, not -z + 1.
        if number and text.startswith("-"):
            return f"({number!r} - {text[1:]})"
        return f"({text} + {number!r})" if number else f"({text})"

    def factors(self, expression: Factors) -> Code:
        number, text = 1.0, ""
        for sign, factor in expression.factors:
            value = self.code(factor)
            if isinstance(value, float):
                number = number * value if sign == "*" else number / value
            elif text:
                text += f" {sign} {value}"
            else:
                text = value if sign == "*" else f"1.0 / {value}"
        if not text or number == 0:
            return number
        return f"({text})" if number == 1 else f"({number!r} * {text})"

    def product(self, expression: Product) -> Code:
        vector = self.code(expression.vector)
        if isinstance(vector, float):
            if vector == 0:
                return 0.0
            raise ValueError("a product with a number")
        left = expression.matrix
        if isinstance(left, Call) and left.name == "blocks":
            count = left.arguments[1]
            blocks = int(count.value) if isinstance(count, Number) else self.sizes[count.name]
            matrix = self.matrix(left.arguments[0])
            code = f"block_product({matrix}, {blocks}, {vector})"
        else:
            matrix = self.matrix(left)
            code = f"F.linear({vector}, {matrix})"
        parameter = next(part for part in language.visit(left) if isinstance(part, Name))
        self.products[matrix, vector] = self.share * self.elements[parameter.name]
        return code

    connections: tuple[str, ...] = ()

    def matrix(self, expression: Expression) -> str:
        if isinstance(expression, Name):
            return self.named(expression.name)
        if not isinstance(expression, Call) or expression.name != "drop_connect":
            raise ValueError("no matrix stands left of @")
        draw = self.draw(expression, expression.arguments[1])
        inner = self.matrix(expression.arguments[0])
        self.connections += (f"connected_{draw.number} = drop({inner}, mask_{draw.number})",)
        return f"connected_{draw.number}"

    def draw(self, call: Call, probability: Expression) -> Draw:
        chance = self.code(probability)
        if not isinstance(chance, float):
            raise ValueError("a probability is a number")
        per_step = not call.per_sequence and call.name != "drop_connect"
        self.draws[call] = Draw(self.call_numbers[call], chance, call.name, per_step)
        return self.draws[call]

    def call(self, call: Call) -> Code:
        name, arguments = call.name, call.arguments
        if name in UNARY:
            source, defaults = UNARY[name]
            value, *given = (self.code(argument) for argument in arguments)
            return source.format(*map(repr, [*given, *defaults[len(given):]]), v=self.tensor(value))
        if name in ("min", "max"):
            values = [self.tensor(self.code(argument)) for argument in arguments]
            return f"torch.{name}imum({', '.join(values)})"
        if name == "where":
            return self.where(*arguments)
        if name in ("scalar", "sum_children"):
            return self.code(arguments[0])
        if name == "batch_norm":
            value = self.tensor(self.code(arguments[0]))
            if any(isinstance(part, Name) and part.name in self.cell.equations for part in language.visit(arguments[0])):
                raise ValueError("batch_norm of what another equation gives is not translated")
            index = len(self.normalised)
            self.normalised.append(value)
            return f"(({value} - mean_{index}) / torch.sqrt(variance_{index} + 1e-5))"
        if name == "dropout":
            draw = self.draw(call, arguments[1])
            return f"drop({self.code(arguments[0])}, mask_{draw.number})"
        if name == "zoneout":
            draw = self.draw(call, arguments[2])
            return f"zone({self.code(arguments[0])}, {self.code(arguments[1])}, mask_{draw.number})"
        raise ValueError(f"there is no function {name}")

    def where(self, test: Comparison, then: Expression, other: Expression) -> Code:
        left, right = self.code(test.left), self.code(test.right)
        if isinstance(left, float) and isinstance(right, float):
            return self.code(then if COMPARE[test.sign](left, right) else other)
        values = [self.tensor(self.code(value)) for value in (then, other)]
        return f"torch.where({left} {test.sign} {right}, {', '.join(values)})"

    def tensor(self, value: Code) -> str:
        """For a function that takes no Python number."""
        if not isinstance(value, float):
            return value
        if value not in self.tensors:
            self.tensors.append(value)
        return f"number_{self.tensors.index(value)}"


def function(name: str, arguments: Sequence[str], lines: Sequence[str], result: str) -> str:
    return "\n    ".join([f"def {name}({', '.join(arguments)}):", *lines, f"return {result}"]) + "\n"


def tuples(names: Sequence[str]) -> str:
    return f"({''.join(name + ', ' for name in names)})"


class TorchCell:
    """A cell's step as functions. `source` is what was written."""

    def __init__(
        self, text: str, builtin: Callable[[str], str], shapes: Mapping[str, tuple[int, ...]], sizes: Mapping[str, int]
    ) -> None:
        self.cell = language.parse(text, builtin)
        written = Writer(self.cell, shapes, sizes)
        self.source, self.tensors = written.source, written.tensors
        self.multiply_adds = sum(written.products.values())
        """Of a step of one sequence: of rows that are read, of diagonal blocks, not with the zeros of a second child."""
        self.states = [state.name for state in written.states]
        self.step_masks, self.sequence_masks = written.step_masks, written.sequence_masks
        self.matrix_masks = written.matrix_masks
        self.draws = [*self.step_masks, *self.sequence_masks, *self.matrix_masks]

    def functions(
        self, dtype: torch.dtype, drop: Callable = torch.mul, zone: Callable | None = None
    ) -> tuple[Callable, Callable, Callable]:
        """once(parameters, masks of matrices), moments(x and inputs of all steps, what once gave), and step(...); drop
        and zone apply masks."""
        names = {
            "torch": torch, "F": torch.nn.functional, "cut": cut, "block_product": block_product, "drop": drop,
            "zone": zone or (lambda following, previous, mask: torch.where(mask, following, previous)),
            **{f"number_{index}": torch.tensor(value, dtype=dtype) for index, value in enumerate(self.tensors)},
        }  # fmt: skip
        exec(compile(self.source, "<equations>", "exec"), names)
        return names["once"], names["moments"], names["step"]
