"""Cells that nobody has thought of: equations drawn at random, as a text and as a step in torch."""

from __future__ import annotations

import re
from typing import Any, Callable

import numpy as np
import torch

# I, H and another size.
INPUTS, HIDDEN, OTHER = 3, 6, 5

Names = dict[str, Any]

UNARY: dict[str, Callable[[Any], Any]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "selu": torch.selu,
    "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu,
    "softplus": torch.nn.functional.softplus,
    "softsign": torch.nn.functional.softsign,
    "log_sigmoid": torch.nn.functional.logsigmoid,
    "abs": torch.abs,
    "elu": torch.nn.functional.elu,
    "leaky_relu": lambda v: torch.nn.functional.leaky_relu(v, 0.01),
    "hard_sigmoid": lambda v: torch.clamp(0.2 * v + 0.5, 0, 1),
    "hard_tanh": torch.nn.functional.hardtanh,
    "sign": torch.sign,
    "layer_norm": lambda v: torch.nn.functional.layer_norm(v, v.shape[-1:], eps=1e-5),
    "rms_norm": lambda v: v / torch.sqrt((v * v).mean(-1, keepdim=True) + 1e-5),
    "softmax": lambda v: torch.softmax(v, -1),
}


class RandomCell:
    """`text`; `step` as in cell_reference. All sizes are said, so that a text has one meaning."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.head: list[str] = []
        self.lines: list[str] = []
        self.equations: list[tuple[str, Callable[[Names], Any]]] = []
        self.known: list[tuple[str, int]] = [("x", INPUTS)]
        self.numbers: list[str] = []
        self.matrices: list[tuple[str, int, int]] = []
        self.vectors: list[tuple[str, int]] = []
        self.count = 0
        self.varying = {"x", "a", "e", "h", "c", "s"}
        for name in self.some(["a", "e"], 0.3):
            self.head.append(f"input {name}")
            if name == "a":
                self.numbers.append(name)
            else:
                self.head.append("size e = 2")
                self.known.append((name, 2))
        states = [("h", HIDDEN)]
        states += [(name, int(self.rng.choice([HIDDEN, OTHER]))) for name in self.some(["c", "s"], 0.5)]
        self.known += states
        self.head += [f"size {name} = {self.size(width)}" for name, width in states]
        order = list(states)
        self.rng.shuffle(order)  # type: ignore[arg-type]
        for name, width in order:
            self.equation(f"{name}'", self.bounded(int(width), 4))
            self.known.append((f"{name}'", int(width)))
        # So that all of them are read.
        total = self.product(HIDDEN, (f"{order[0][0]}'", self.reader(f"{order[0][0]}'")), int(order[0][1]))
        for name, width in order[1:]:
            part = self.product(HIDDEN, (f"{name}'", self.reader(f"{name}'")), int(width))
            total = self.join("+", total, part)
        if self.rng.random() < 0.5:
            self.head.append("size y = H")
            self.equation("y", total)
        else:
            self.equation("y", self.join("+", total, self.vector(HIDDEN, 2)))
        # An input that nothing reads is an error.
        read = re.findall(r"\w+", " ".join(line.partition("=")[2] for line in self.lines))
        self.head = [line for line in self.head if line.split()[1] not in {"a", "e"}.difference(read)]
        self.text = "\n".join(self.head + self.lines)

    # ---- Drawing ----

    def some(self, names: list[str], probability: float) -> list[str]:
        return [name for name in names if self.rng.random() < probability]

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    @staticmethod
    def size(width: int) -> str:
        names = {INPUTS: "I", HIDDEN: "H", 3 * INPUTS: "3*I", 3 * HIDDEN: "3*H"}
        return names.get(width, str(width))

    @staticmethod
    def reader(name: str) -> Callable[[Names], Any]:
        return lambda names: names[name]

    def equation(self, target: str, expression: Any) -> None:
        self.lines.append(f"{target} = {expression[0]}")
        self.equations.append((target, expression[1]))
        if self.varies(expression[0]):
            self.varying.add(target)

    def varies(self, text: str) -> bool:
        """Whether it depends on an input or a state."""
        return any(name in self.varying for name in re.findall(r"[A-Za-z]\w*'?", text))

    @staticmethod
    def join(sign: str, left: Any, right: Any) -> Any:
        (a, f), (b, g) = left, right
        operation = {
            "+": lambda names: f(names) + g(names), "-": lambda names: f(names) - g(names),
            "*": lambda names: f(names) * g(names),
        }[sign]  # fmt: skip
        return f"({a} {sign} {b})", operation

    def product(self, rows: int, right: Any, columns: int) -> Any:
        if not self.varies(right[0]):  # which the language asks of a product's right side
            widths = [(name, w) for name, w in self.known if name in self.varying and w == columns]
            name = str(self.rng.choice([name for name, _ in widths])) if widths else "h"
            other = (name, self.reader(name))
            right = self.join("*", right, other if widths else self.product(columns, other, HIDDEN))
        fitting = [name for name, r, k in self.matrices if (r, k) == (rows, columns)]
        if fitting and self.rng.random() < 0.3:
            name = str(self.rng.choice(fitting))
        else:
            name = self.fresh("M")
            self.matrices.append((name, rows, columns))
            self.head.append(f"size {name} = {self.size(rows)}")
        text, read = right
        return f"({name} @ {text})", lambda names: read(names) @ names[name].T

    def bounded(self, width: int, depth: int) -> Any:
        text, read = self.vector(width, depth)
        return f"tanh({text})", lambda names: torch.tanh(read(names))

    def leaf(self, width: int) -> Any:
        fitting = [name for name, w in self.known if w == width]
        if fitting and self.rng.random() < 0.8:
            name = str(self.rng.choice(fitting))
        elif self.rng.random() < 0.5 and any(w == width for _, w in self.vectors):
            name = str(self.rng.choice([n for n, w in self.vectors if w == width]))
        else:
            name = self.fresh("p")
            self.vectors.append((name, width))
            self.head.append(f"size {name} = {self.size(width)}")
        return name, self.reader(name)

    def number(self, depth: int) -> Any:
        kind = self.rng.integers(4)
        if kind == 0 and self.numbers:
            name = str(self.rng.choice(self.numbers))
            return name, self.reader(name)
        if kind == 1:
            name = self.fresh("k")
            return f"sigmoid(scalar({name}))", lambda names: torch.sigmoid(names[name])
        if kind == 2:
            text, read = self.vector(int(self.rng.choice([HIDDEN, OTHER])), depth - 1)
            return f"mean({text})", lambda names: read(names).mean(-1, keepdim=True)
        value = round(float(self.rng.uniform(-2, 2)), 2)
        return f"({value})", lambda names: value

    def vector(self, width: int, depth: int) -> Any:
        """An expression of a vector; now and then it gets a name, by which others can read it."""
        made = self.unnamed(width, depth)
        if depth > 0 and self.rng.random() < 0.25:
            name = self.fresh("v")
            self.equation(name, made)
            self.known.append((name, width))
            return name, self.reader(name)
        return made

    def unnamed(self, width: int, depth: int) -> Any:
        if depth <= 0:
            return self.leaf(width)
        kind = self.rng.integers(15)
        if kind <= 2:
            columns = int(self.rng.choice([INPUTS, HIDDEN, OTHER]))
            return self.product(width, self.vector(columns, depth - 1), columns)
        if kind <= 4:
            sign = str(self.rng.choice(["+", "-"]))
            return self.join(sign, self.vector(width, depth - 1), self.vector(width, depth - 1))
        if kind == 5:
            return self.join("*", self.bounded(width, depth - 1), self.vector(width, depth - 1))
        if kind == 6:
            name = str(self.rng.choice(list(UNARY)))
            text, read = self.vector(width, depth - 1)
            return f"{name}({text})", lambda names: UNARY[name](read(names))
        if kind == 7:
            return self.join("*", self.number(depth - 1), self.vector(width, depth - 1))
        if kind == 8:
            (a, f), (b, g) = self.vector(width, depth - 1), self.vector(width, depth - 1)
            return f"({a} / (1.5 + {b} * {b}))", lambda names: f(names) / (1.5 + g(names) * g(names))
        if kind == 9:
            (a, f), (b, g) = self.vector(width, depth - 1), self.vector(width, depth - 1)
            name = str(self.rng.choice(["min", "max"]))
            operation = torch.minimum if name == "min" else torch.maximum
            return f"{name}({a}, {b})", lambda names: operation(f(names), g(names))
        if kind == 10:
            (a, f), (b, g) = self.vector(width, depth - 1), self.vector(width, depth - 1)
            (u, v), (w, z) = self.vector(width, depth - 1), self.vector(width, depth - 1)
            compare = str(self.rng.choice(["<", "<=", ">", ">="]))
            test = {"<": torch.lt, "<=": torch.le, ">": torch.gt, ">=": torch.ge}[compare]
            return f"where({a} {compare} {b}, {u}, {w})", lambda names: torch.where(
                test(f(names), g(names)), v(names), z(names)
            )
        if kind == 11:
            text, read = self.bounded(width, depth - 1)
            name = str(self.rng.choice(["exp", "clip", "scaled_tanh", "sqrt", "log", "affine"]))
            return {
                "exp": (f"exp({text})", lambda names: torch.exp(read(names))),
                "clip": (f"clip({text}, -0.3, 0.4)", lambda names: torch.clamp(read(names), -0.3, 0.4)),
                "scaled_tanh": (f"scaled_tanh({text}, 1.7, 0.6)", lambda names: 1.7 * torch.tanh(0.6 * read(names))),
                "sqrt": (f"sqrt(1.5 + {text})", lambda names: torch.sqrt(1.5 + read(names))),
                "log": (f"log(1.5 - {text})", lambda names: torch.log(1.5 - read(names))),
                "affine": (f"affine({text}, -0.7, 0.2)", lambda names: -0.7 * read(names) + 0.2),
            }[name]
        if kind == 12 and width == HIDDEN:
            # Diagonal blocks: all their rows, the columns of one.
            blocks, name = int(self.rng.choice([2, 3])), self.fresh("B")
            self.head.append(f"size {name} = H")
            text, read = self.vector(HIDDEN, depth - 1)
            if not self.varies(text):
                text, read = self.join("*", (text, read), ("h", self.reader("h")))
            return f"(blocks({name}, {blocks}) @ {text})", lambda names: read(names) @ torch.block_diag(
                *names[name].chunk(blocks)
            ).T
        if kind == 13:
            # A known vector's halves, and products of the first and of the whole, which lie in one place. Nothing else
            # reads the halves: they have as many numbers as x has in the first layer, but not in others.
            name = str(self.rng.choice([name for name, w in self.known if w == HIDDEN and self.varies(name)]))
            first, second, matrix = self.fresh("v"), self.fresh("v"), self.fresh("M")
            self.head.append(f"size {matrix} = {self.size(width)}")
            self.lines.append(f"{first}, {second} = {name}")
            for index, part in enumerate((first, second)):
                self.equations.append((part, lambda names, index=index: names[name].chunk(2, -1)[index]))
                self.varying.add(part)
            half = (f"({matrix} @ {first})", lambda names: names[first] @ names[matrix].T)
            whole = self.product(width, (name, self.reader(name)), HIDDEN)
            text, read = self.join(str(self.rng.choice(["+", "-", "*"])), half, whole)
            return f"({text} * sigmoid(mean({second})))", lambda names: read(names) * torch.sigmoid(
                names[second].mean(-1, keepdim=True)
            )
        # Cut: three parts of a product, one of which is used; the others are used in its factor.
        text, read = self.product(3 * width, self.leaf(HIDDEN), HIDDEN)
        parts = [self.fresh("v") for _ in range(3)]
        self.lines.append(f"{', '.join(parts)} = {text}")
        for index, part in enumerate(parts):
            self.equations.append((part, lambda names, index=index: read(names).chunk(3, -1)[index]))
            self.known.append((part, width))
            self.varying.add(part)
        a, b, c = parts
        return f"({a} * sigmoid({b}) + {c})", lambda names: names[a] * torch.sigmoid(names[b]) + names[c]

    # ---- Running ----

    def step(self, x: Any, states: Names, parameters: Names, inputs: Names) -> tuple[Any, Names]:
        names = {"x": x, **states, **parameters, **inputs}
        for target, read in self.equations:
            names[target] = read(names)
        return names["y"], {name: names[f"{name}'"].expand(value.shape) for name, value in states.items()}
