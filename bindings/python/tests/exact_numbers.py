"""Numbers of extended range, each with a bound on how far arithmetic in float32 and in float64 may be from it.

Values are mpmath's, whose exponents have no end: nothing overflows or vanishes. The bounds follow the value through the
operations as rounding errors do (running error analysis: Wilkinson 1963; Higham 2002, section 3.3), so that a test need
not guess a tolerance for sums of 1e30 and 1. Gradients are by reverse mode, with bounds of the same kind.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Iterable, Sequence

from mpmath import fp, mp, mpf

mp.prec = 200

#: Of float32 and float64: half a unit in the last place of 1, the smallest normal number, and the largest number.
ROUNDING = (2.0**-24, 2.0**-53)
SMALLEST = (2.0**-126, 2.0**-1022)
LARGEST = (float.fromhex("0x1.fffffep127"), float.fromhex("0x1.fffffffffffffp1023"))
TYPES = (0, 1)

#: Roundings that an operation may make: an elementary function is at most 2 ulp off, and so 4 of these.
EACH = 6.0


def size(value: Any) -> float:
    return abs(float(value))


class Tape:
    """Numbers in the order in which they were made."""

    def __init__(self) -> None:
        self.numbers: list[Number] = []


class Number:
    """A value, the size of what was added up for it, and its bounds for both types.

    `diverges`: for which types a sum or a product on the way to it is larger than all numbers, so that the equations
    themselves overflow; `gradient_diverges` likewise. Of a function, such as exp, no such excuse is taken.
    """

    __slots__ = (
        "diverges", "errors", "gradient", "gradient_diverges", "gradient_errors", "gradient_mass", "mass", "parents",
        "tape", "value",
    )  # fmt: skip

    def __init__(
        self, tape: Tape, value: Any, errors: Sequence[float] = (0.0, 0.0), mass: float | None = None,
        parents: Iterable[tuple["Number", Any, Sequence[float]]] = (),
    ) -> None:  # fmt: skip
        self.tape, self.value, self.errors = tape, value, tuple(errors)
        self.mass = size(value) if mass is None else mass
        self.parents = list(parents)
        self.diverges = [any(p.diverges[t] for p, _, _ in self.parents) for t in TYPES]
        self.gradient, self.gradient_mass, self.gradient_errors = mpf(0), 0.0, [0.0, 0.0]
        self.gradient_diverges = [False, False]
        tape.numbers.append(self)

    def made_of(self, *parents: tuple["Number", Any, Sequence[float]]) -> "Number":
        """The parents of a sum or a product."""
        self.parents = list(parents)
        for t in TYPES:
            self.diverges[t] = not self.mass < LARGEST[t] / 4 or any(p.diverges[t] for p, _, _ in parents)
        return self

    def errors_of(self, spread: Callable[[int], float], roundings: float = EACH) -> list[float]:
        return [spread(t) + roundings * ROUNDING[t] * self.mass + SMALLEST[t] for t in TYPES]


def constant(tape: Tape, value: float) -> Number:
    return Number(tape, mpf(value), (ROUNDING[0] * abs(value), 0.0))


EXACT = (0.0, 0.0)
ONE, MINUS_ONE = mpf(1), mpf(-1)


def added(a: Number, b: Number, sign: int = 1) -> Number:
    """a + b, or a - b: sums of sums are one sum, whose terms may be added in any order."""
    made = Number(a.tape, a.value + b.value if sign > 0 else a.value - b.value, EXACT, a.mass + b.mass)
    made.errors = made.errors_of(lambda t: a.errors[t] + b.errors[t])
    return made.made_of((a, ONE, EXACT), (b, ONE if sign > 0 else MINUS_ONE, EXACT))


def negated(a: Number) -> Number:
    return Number(a.tape, -a.value, a.errors, a.mass, [(a, MINUS_ONE, EXACT)])


def multiplied(a: Number, b: Number) -> Number:
    made = Number(a.tape, a.value * b.value)
    x, y = size(a.value), size(b.value)
    made.errors = made.errors_of(lambda t: x * b.errors[t] + y * a.errors[t] + a.errors[t] * b.errors[t])
    return made.made_of((a, b.value, b.errors), (b, a.value, a.errors))


def divided(a: Number, b: Number) -> Number:
    if b.value == 0:
        return Number(a.tape, mpf("nan"), (math.inf, math.inf))
    made = Number(a.tape, a.value / b.value)
    # Below all floats nothing can be told.
    y, divisor = size(made.value), size(b.value) or 5e-324

    def near(t: int) -> float:
        return divisor - b.errors[t] if b.errors[t] < divisor / 2 else 0.0

    def spread(t: int) -> float:
        return (a.errors[t] + y * b.errors[t]) / near(t) if near(t) > 0 else math.inf

    def inverse_error(t: int) -> float:
        return b.errors[t] / near(t) / divisor + EACH * ROUNDING[t] / divisor if near(t) > 0 else math.inf

    made.errors = made.errors_of(spread)
    inverse = ONE / b.value
    return made.made_of(
        (a, inverse, [inverse_error(t) for t in TYPES]),
        (b, -made.value * inverse, [y * inverse_error(t) + made.errors[t] / divisor for t in TYPES]),
    )


def chosen(a: Number, b: Number, holds: bool, is_near: Sequence[bool], each: tuple[Any, Any]) -> Number:
    """a or b, of which either is right for the types where it is near; derivatives `each`."""
    made = Number(a.tape, a.value if holds else b.value, EXACT, a.mass if holds else b.mass)
    apart = size(a.value - b.value)
    made.errors = [
        a.errors[t] + b.errors[t] + apart if is_near[t] else (a if holds else b).errors[t] for t in TYPES
    ]
    unsure = [1.0 if near else 0.0 for near in is_near]
    made.parents = [(a, mpf(each[0]), unsure), (b, mpf(each[1]), unsure)]
    made.diverges = [a.diverges[t] or b.diverges[t] for t in TYPES]
    return made


def near(a: Number, b: Number) -> list[bool]:
    """For which types a and b cannot be told apart by their bounds; equal ones are exactly equal if both are exact."""
    apart = size(a.value - b.value)
    return [0 < a.errors[t] + b.errors[t] >= apart for t in TYPES]


def smaller(a: Number, b: Number, sign: int = 1) -> Number:
    """min, or with a sign of -1 max; of equal ones each gets half of the gradient."""
    difference = (a.value - b.value) * sign
    if difference == 0:
        return chosen(a, b, True, near(a, b), (0.5, 0.5))
    holds = difference < 0
    return chosen(a, b, holds, near(a, b), (1, 0) if holds else (0, 1))


def backward(tape: Tape) -> None:
    """From the gradients that have been set on some numbers to those of all others."""
    for number in reversed(tape.numbers):
        gradient, mass = number.gradient, size(number.gradient)
        if number.gradient_mass == 0 and not any(number.gradient_errors):
            continue
        errors = [
            number.gradient_errors[t] + EACH * ROUNDING[t] * number.gradient_mass for t in TYPES
        ]
        number.gradient_errors = errors
        for t in TYPES:
            number.gradient_diverges[t] |= number.diverges[t] or not number.gradient_mass < LARGEST[t] / 4
        for parent, derivative, derivative_errors in number.parents:
            product = gradient * derivative
            factor, made = size(derivative), size(product)
            parent.gradient += product
            parent.gradient_mass += made
            for t in TYPES:
                parent.gradient_diverges[t] |= number.gradient_diverges[t]
                parent.gradient_errors[t] += (
                    factor * errors[t] + (mass + errors[t]) * derivative_errors[t]
                    + EACH * ROUNDING[t] * made + SMALLEST[t]
                )  # fmt: skip


# ---- Functions -------------------------------------------------------------------------------------------------------


class Function:
    """f and its derivative for mpmath's numbers and for floats, and what is beside the relative error of either.

    `value_error(x)` and `derivative_error(x)`: absolute, in roundings, where a function promises no relative bound.
    `bound`: f stays within so much of any of its values. `has_factor`: it is x times something that may vanish first.
    """

    def __init__(
        self, f: Callable[[Any, Any], Any], derivative: Callable[[Any, Any], Any],
        value_error: Callable[[float], float] = lambda x: 0.0,
        derivative_error: Callable[[float], float] = lambda x: 0.0, bound: float = math.inf, has_factor: bool = False,
    ) -> None:  # fmt: skip
        self.f, self.derivative, self.bound, self.has_factor = f, derivative, bound, has_factor
        self.value_error, self.derivative_error = value_error, derivative_error

    def __call__(self, x: Number) -> Number:
        made = Number(x.tape, mpf(self.f(mp, x.value)))
        derivative = mpf(self.derivative(mp, x.value))
        at = float(x.value)
        slope, factor = size(derivative), size(x.value) if self.has_factor else 0.0

        def slopes(t: int) -> tuple[float, float]:
            """The largest derivative within the bounds, and how far it may be from that at x."""
            e = x.errors[t]
            if e == 0:
                return slope, 0.0
            points = [at - e, at + e] + [p for p in (0.0, at) if at - e <= p <= at + e]
            found = [float(self.derivative(fp, p)) for p in points]
            return max(slope, *map(abs, found)), max(found) - min(found)

        bounds = [slopes(t) for t in TYPES]
        made.errors = made.errors_of(
            lambda t: (min(bounds[t][0] * x.errors[t], self.bound) if x.errors[t] else 0.0)
            + self.value_error(at) * ROUNDING[t] + factor * SMALLEST[t]
        )
        errors = [
            bounds[t][1] + (EACH * slope + self.derivative_error(at)) * ROUNDING[t] + (1 + factor) * SMALLEST[t]
            for t in TYPES
        ]
        made.parents, made.diverges = [(x, derivative, errors)], list(x.diverges)
        return made


def _exp(m: Any, x: Any) -> Any:
    return math.inf if m is fp and x > 709 else m.exp(x)


def _sigmoid(m: Any, x: Any) -> Any:
    return 1 / (1 + m.exp(-x)) if x >= 0 else m.exp(x) / (1 + m.exp(x))


def _tanh(m: Any, x: Any) -> Any:
    e = m.exp(-2 * abs(x))
    return (1 if x >= 0 else -1) * (1 - e) / (1 + e)


def _tanh_derivative(m: Any, x: Any) -> Any:
    e = m.exp(-2 * abs(x))
    return 4 * e / (1 + e) ** 2


def _softplus(m: Any, x: Any) -> Any:
    e = m.exp(-abs(x))
    return max(x, 0 * x) + (math.log1p(e) if m is fp else m.log1p(e))


def _density(m: Any, x: Any) -> Any:
    return m.exp(-x * x / 2) / m.sqrt(2 * m.pi) if abs(x) < 1e150 else 0 * x


def _distribution(m: Any, x: Any) -> Any:
    if abs(x) > 1e5:
        return 1 if x > 0 else 0 * x
    return m.erfc(-x / m.sqrt(m.mpf(2))) / 2


def _elu(scale: float, alpha: float) -> Function:
    return Function(
        lambda m, x: scale * (x if x > 0 else alpha * (m.expm1(x) if m is mp else math.expm1(x))),
        lambda m, x: scale * (1 if x > 0 else alpha * m.exp(x)),
    )


def _clamp(low: float, high: float, at_edges: int) -> Function:
    return Function(
        lambda m, x: min(max(x, m.mpf(low)), m.mpf(high)),
        lambda m, x: 1 if low < x < high else at_edges if low <= x <= high else 0,
    )


SELU = (1.0507009873554804934193349852946, 1.6732632423543772848170429916717)

#: Each function of one number in the language, by its name and the numbers behind.
FUNCTIONS: dict[str, Callable[..., Function]] = {
    # 1 - s and 1 - t^2 are of the value, as in torch: absolute errors of some roundings of 1.
    "sigmoid": lambda: Function(
        _sigmoid, lambda m, x: _sigmoid(m, x) * _sigmoid(m, -x), derivative_error=lambda x: 4 * _sigmoid(fp, x), bound=1
    ),
    "tanh": lambda: Function(_tanh, _tanh_derivative, derivative_error=lambda x: 8.0, bound=2),
    "scaled_tanh": lambda k=1.0, l=1.0: Function(
        lambda m, x: k * _tanh(m, l * x), lambda m, x: k * l * _tanh_derivative(m, l * x),
        value_error=lambda x: 4 * abs(k) * abs(l * x) * _tanh_derivative(fp, l * x),
        derivative_error=lambda x: abs(k * l) * (8.0 + 8 * abs(l * x) * _tanh_derivative(fp, l * x)), bound=2 * abs(k),
    ),
    "relu": lambda: Function(lambda m, x: max(x, 0 * x), lambda m, x: 1 if x > 0 else 0),
    "selu": lambda: _elu(*SELU),
    "elu": lambda alpha=1.0: _elu(1.0, alpha),
    # The argument of e^(-x^2 / 2) is rounded; the distribution's error is of the size of 1.
    "gelu": lambda: Function(
        lambda m, x: x * _distribution(m, x), lambda m, x: x * _density(m, x) + _distribution(m, x),
        value_error=lambda x: 8 * min(abs(x), 1e300) * (1 if x > 0 else _distribution(fp, x) * (1 + x * x)),
        derivative_error=lambda x: 8 + 4 * min(abs(x), 100.0) ** 3 * _density(fp, x), has_factor=True,
    ),
    "silu": lambda: Function(
        lambda m, x: x * _sigmoid(m, x), lambda m, x: _sigmoid(m, x) * (1 + x * _sigmoid(m, -x)),
        derivative_error=lambda x: EACH * _sigmoid(fp, x) * (1 + abs(x) * _sigmoid(fp, -x)), has_factor=True,
    ),
    "softplus": lambda: Function(_softplus, _sigmoid),
    "log_sigmoid": lambda: Function(lambda m, x: -_softplus(m, -x), lambda m, x: _sigmoid(m, -x)),
    "softsign": lambda: Function(lambda m, x: x / (1 + abs(x)), lambda m, x: 1 / (1 + abs(x)) ** 2, bound=2),
    "exp": lambda: Function(_exp, _exp),
    "log": lambda: Function(
        lambda m, x: m.log(x) if x > 0 else m.nan, lambda m, x: 1 / x if x != 0 else m.inf, value_error=lambda x: 2.0
    ),
    "sqrt": lambda: Function(
        lambda m, x: m.sqrt(x) if x >= 0 else m.nan, lambda m, x: 1 / (2 * m.sqrt(x)) if x > 0 else m.inf
    ),
    "abs": lambda: Function(lambda m, x: abs(x), lambda m, x: 1 if x > 0 else -1 if x < 0 else 0),
    "sign": lambda: Function(lambda m, x: m.mpf(1 if x > 0 else -1 if x < 0 else 0), lambda m, x: 0, bound=2),
    "leaky_relu": lambda slope=0.01: Function(
        lambda m, x: x if x > 0 else slope * x, lambda m, x: 1 if x > 0 else slope
    ),
    "hard_sigmoid": lambda slope=0.2, offset=0.5: Function(
        lambda m, x: min(max(slope * x + offset, m.mpf(0)), m.mpf(1)),
        lambda m, x: slope if 0 < slope * x + offset < 1 else 0, value_error=lambda x: 4.0,
    ),
    "hard_tanh": lambda low=-1.0, high=1.0: _clamp(low, high, 0),
    "clip": lambda low, high: _clamp(low, high, 1),
    "thresholded_relu": lambda threshold=1.0: Function(
        lambda m, x: x if x >= threshold else 0 * x, lambda m, x: 1 if x >= threshold else 0
    ),
    "affine": lambda slope=1.0, offset=0.0: Function(
        lambda m, x: slope * x + offset, lambda m, x: slope, value_error=lambda x: 4 * (abs(slope * x) + abs(offset))
    ),
}  # fmt: skip
