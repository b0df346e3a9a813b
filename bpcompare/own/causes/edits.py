"""Slips at one step of the forward: what people write in the place of its derivative, by what the step computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from math import log
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.number import closed
from bpcompare.own.causes.formulas import formulas
from bpcompare.own.causes.scores import scores
from bpcompare.own.causes.trial import Edit, arguments, exactly, function, only, ordinal, right, seen
from bpcompare.own.causes.windows import windows
from bpcompare.program import Step

STAIRS = frozenset({"round", "floor", "ceil", "trunc", "sign", "heaviside", "frac"})
"""Functions whose derivative is 0: what is sent back through them is meant for another one."""
MASKS = frozenset({"relu", "relu6", "where", "masked_fill", "clamp", "clip", "clamp_min", "clamp_max", "hardtanh", "threshold",
    "maximum", "minimum", "fmax", "fmin", "hardshrink", "softshrink", "leaky_relu", "tril", "triu",
    "native_dropout"})  # fmt: skip
"""Functions that let some elements through, and others not."""
TURNED = frozenset({"cumsum", "roll", "rot90", "permute", "transpose", "t", "take"})
"""Linear functions that are not their own transpose: Δ goes through them the other way round."""
PRODUCTS = frozenset({"mm", "matmul", "bmm", "linear", "mv", "dot", "addmm", "baddbmm", "lax.dot_general", "einsum"})
SUMS = frozenset({"sum", "mean"})
PICKED = frozenset({"amax", "amin", "max", "min"})
NATURAL: Mapping[str, float] = {"log2": log(2), "log10": log(10), "exp2": 1 / log(2)}
"""Factors between these and the functions of base e."""
MORE_AXES = 4
"""Axes along which one row alone is tried."""


def edits(step: Step) -> Iterator[tuple[str, Edit]]:
    """Slips at a step that are a formula of their own, those that people make most often first; {} stands for it."""
    for part in (_let_through, _passed, _powers, formulas, _ways, windows, scores, _again, _operands):
        yield from part(step)


def losses(step: Step) -> Iterator[tuple[str, Edit]]:
    """Slips that any step may have: a term, a factor, or rows are lost. Along a chain of steps one is like the other."""
    for part in (_without, _sizes, _rows):
        yield from part(step)


def _let_through(step: Step) -> Iterator[tuple[str, Edit]]:
    name = function(step)
    if name in STAIRS:
        yield (
            (
                "as if the derivative of {} were 1, though it is 0 wherever it has one (straight-through). Where that is meant, "
                "meant_for= tells check_gradient for which function, and intended= tells watch and check that it is"
            ),
            passed,
        )
    if name in MASKS and name != "where":
        yield "as if {} let every element through: its mask is missing", passed
        words = "as if {} let through what it stops, and stopped what it lets through: its mask is turned round"
        yield words, lambda law, at: passed(law, at) - right(law, at)


def _passed(step: Step) -> Iterator[tuple[str, Edit]]:
    if function(step) not in MASKS | STAIRS | {"_log_softmax", "log_softmax"} or function(step) == "where":
        yield "as if the derivative of {} were 1: its factor is missing", passed


def _powers(step: Step) -> Iterator[tuple[str, Edit]]:
    """Exponents, and bases of logarithms."""
    name = function(step)
    if name == "pow":
        yield "as if the exponent of {} were 2", only(0, lambda _, at: 2.0 * np.asarray(at.xs[0]) * seen(at))
        yield "the exponent of {} is missing as a factor", only(0, lambda law, at: right(law, at) / _exponent(at))
        words = "as if the exponent of {} were not 1 smaller in its derivative"
        yield words, only(0, lambda law, at: right(law, at) * np.asarray(at.xs[0]))
        yield "as if the base of {} were the variable, not its exponent", _power_rule
    if name in NATURAL:
        yield "as if {} were of base e: the factor of its base is missing", lambda law, at: NATURAL[name] * right(law, at)
    if name == "log":
        for base in (2, 10):
            yield f"as if {{}} were of base {base}: a factor 1/ln {base} too much", partial(_divided, log(base))


def _ways(step: Step) -> Iterator[tuple[str, Edit]]:
    """Where dy goes: forwards, to every element, along another axis."""
    name = function(step)
    if name in TURNED:
        yield "as if dy went through {} in the direction of the forward: it must go the other way round", _forwards
    if name in PICKED:
        yield "as if every element were the one that {} takes", _everywhere
    if name in SUMS | {"amax", "amin", "var", "std"} and isinstance(dim := arguments(step).get("dim"), (int, tuple)):
        yield from _turned_axes(step, dim)


def _again(_step: Step) -> Iterator[tuple[str, Edit]]:
    yield "as if the derivative of {} were there twice", _twice


def _sizes(_step: Step) -> Iterator[tuple[str, Edit]]:
    yield "what comes through {} has the wrong sign", partial(_divided, -1.0)
    yield "what comes through {} is 2 times what it must be: is a ½ missing?", partial(_divided, 0.5)
    yield "what comes through {} is half of what it must be: is a 2 missing?", partial(_divided, 2.0)


def _without(step: Step) -> Iterator[tuple[str, Edit]]:
    """One operand, or all, taken for constants."""
    if len(step.reads) == 1:
        yield "as if {} did not depend on the input: its term is missing", nothing
        return
    for slot in range(len(step.reads)):
        yield f"as if the {ordinal(slot)} operand of {{}} did not depend on the input: its term is missing", only(slot, nothing)
    yield "as if {} did not depend on the input: its term is missing", nothing


def _operands(step: Step) -> Iterator[tuple[str, Edit]]:
    """Of a product of matrices, the other one not transposed; of any, the operands for each other."""
    if function(step) in PRODUCTS and len(step.reads) > 1:
        yield "as if the other matrix of {} were transposed", _transposed
        yield "as if the other factor of {} were not to be turned round (a kernel, on the way back)", _reversed
        yield "as if the gradient at {} were transposed", lambda law, at: np.swapaxes(_square(right(law, at)), -1, -2)
    if len(step.reads) == 2:
        yield "as if the two operands of {} were swapped", _swapped


def _rows(_step: Step) -> Iterator[tuple[str, Edit]]:
    """One row of dy where they must be added up."""
    for axis in range(MORE_AXES):
        for at, which in ((-1, "last"), (0, "first")):
            words = (
                f"at {{}}, only the {which} row along axis {axis} is used: assigned (=), where rows must be added up (+=, sum)?"
            )
            yield words, partial(_one_row, axis, at)


def _turned_axes(step: Step, dim: int | tuple[int, ...]) -> Iterator[tuple[str, Edit]]:
    one = dim if isinstance(dim, int) else dim[0] if len(dim) == 1 else None
    if one is None:
        return
    for other in range(MORE_AXES):
        changed = exactly(step, dim=other if isinstance(dim, int) else (other,))
        words = f"as if {{}} were along axis {other}, not {one}: is dy broadcast along the wrong axis (keepdims)?"
        yield words, partial(_along, other, one, changed.op)


def _divided(by: float, law: Any, at: Any) -> Array:
    return right(law, at) / by


def nothing(_law: Any, at: Any) -> Array:
    """No Δ at all."""
    return np.zeros(np.shape(at.xs[at.slot]))


def passed(_law: Any, at: Any) -> Array:
    """Δ of the result, as if the derivative were 1. Raises ValueError where it has another shape than the operand."""
    dy = seen(at)
    if dy.shape != np.shape(at.xs[at.slot]):
        raise ValueError("dy has another shape")
    return dy


def _exponent(at: Any) -> Any:
    value = at.op.arguments["exponent"]
    return float(value) if isinstance(value, (int, float)) else np.asarray(at.xs[-1])


def _power_rule(_law: Any, at: Any) -> Array:
    """p xᵖ⁻¹ dy with x the exponent and p the base: the rule for a power, where that of an exponential is meant."""
    base = at.op.arguments["self"]
    b = float(base) if isinstance(base, (int, float)) else np.asarray(at.xs[0])
    x = np.asarray(at.xs[-1])
    return np.asarray(b * x ** (b - 1.0) * seen(at), np.float64)


def _forwards(law: Any, at: Any) -> Array:
    """A linear function of Δ, in the direction of the forward."""
    x = np.asarray(at.xs[0])
    y = np.asarray(closed(law.forward(at.but(xs=[seen(at).reshape(x.shape)]))), np.float64)
    return y.reshape(x.shape)


def _everywhere(_law: Any, at: Any) -> Array:
    x, dy = np.asarray(at.xs[at.slot]), seen(at)
    dim = at.op.arguments.get("dim")
    if dy.ndim < x.ndim and dim is not None and dim != ():
        dy = np.expand_dims(dy, tuple(one % x.ndim for one in ((dim,) if isinstance(dim, int) else dim)))
    return np.broadcast_to(dy, x.shape)


def _along(other: int, one: int, op: Any, law: Any, at: Any) -> Array:
    x = np.asarray(at.xs[0])
    if other >= x.ndim or other == one % x.ndim or x.shape[other] != x.shape[one]:
        raise ValueError("no such axis")
    dy = seen(at)
    return right(law, at.but(kept=None, op=op, dy=np.swapaxes(dy, other, one) if dy.ndim == x.ndim else dy))


def _twice(law: Any, at: Any) -> Array:
    first = right(law, at)
    if first.shape != seen(at).shape:
        raise ValueError("another shape")
    return right(law, at.but(dy=first))


def _square(x: Array) -> Array:
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError("not square")
    return x


def _transposed(law: Any, at: Any) -> Array:
    xs = [np.asarray(x) if k == at.slot else np.swapaxes(_square(np.asarray(x)), -1, -2) for k, x in enumerate(at.xs)]
    return right(law, at.but(kept=None, xs=xs))


def _reversed(law: Any, at: Any) -> Array:
    xs = [np.asarray(x) for x in at.xs]
    other = 1 - at.slot
    if len(xs) != 2 or xs[other].ndim < 3:
        raise ValueError("no kernel")
    xs[other] = np.flip(xs[other], (-1, -2))
    return right(law, at.but(kept=None, xs=xs))


def _swapped(law: Any, at: Any) -> Array:
    found = right(law, at.but(slot=1 - at.slot))
    if found.shape != np.shape(at.xs[at.slot]):
        raise ValueError("another shape")
    return found


def _one_row(axis: int, k: int, law: Any, at: Any) -> Array:
    dy = seen(at)
    summed = at.op.function in PRODUCTS or (dy.size > np.size(at.xs[at.slot]) and at.op.function not in ("cat", "stack"))
    if axis >= dy.ndim or dy.shape[axis] < 2 or not summed:
        raise ValueError("no such rows")
    alone = np.zeros_like(dy)
    place = (slice(None),) * axis + (k,)
    alone[place] = dy[place]
    return right(law, at.but(dy=alone))
