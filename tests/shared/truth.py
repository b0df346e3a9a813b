"""What a formula gives without rounding, by multi-precision arithmetic (Arb), and what IEEE arithmetic may make of it."""

from fractions import Fraction

import numpy as np
from flint import arb, ctx

from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import format_of

ctx.prec = 300

TINY = {"float32": 2.0**-126, "float64": 2.0**-1022}
U = {"float32": 2.0**-24, "float64": 2.0**-53}


def true(function, *arguments):
    """`function` of exact numbers, as an Arb ball far thinner than anything that is asked here."""
    return function(*(x if isinstance(x, arb) else arb(float(x)) for x in arguments))


def distance(value, exact):
    """|value − exact| rounded up, as a float."""
    gap = abs(arb(float(value)) - exact)
    return float(gap.upper()) * (1 + 2.0**-50)


def ball(x, dtype="float32", rel=0.0, rad=0.0, *, flushes=False, **law):
    """Exact numbers, or such with a radius, under the rules of a format."""
    fmt = format_of(dtype, flushes)
    return Ball(np.asarray(x, np.float64), fmt(**law) if law else fmt, rel, rad)


def radius_of(result):
    """The final radius, an entry for each of the midpoint's, and a hair more: it is worked out in float64 itself."""
    return np.broadcast_to(np.asarray(result.final_radius(), np.float64) * (1 + 1e-13), result.mid.shape)


def flushed(x):
    """As hardware that knows no denormal numbers has it."""
    return np.where(np.abs(x) < TINY[str(x.dtype)], x.dtype.type(0), x)


def numbers(dtype, count=60, seed=0):
    """Numbers of both signs at every magnitude of the format, near its ends, and denormal ones."""
    random = np.random.default_rng(seed)
    low, high = (-140, 120) if dtype == "float32" else (-1050, 1000)
    x = random.uniform(1, 2, count) * np.exp2(random.integers(low, high, count)) * random.choice([-1, 1], count)
    return x.astype(dtype)


def fraction(x):
    """A number as a ratio of whole numbers."""
    return Fraction(float(x))
