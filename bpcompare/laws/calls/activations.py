"""Activations, and what cuts numbers off."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from bpcompare import ops
from bpcompare.laws import activation, kernel
from bpcompare.laws.calls.arithmetic import operand
from bpcompare.laws.calls.called import Arguments, Rows, compared, plainly, rounded
from bpcompare.laws.kernel import Node, lifted
from bpcompare.numbers.number import Num, masked, positive

rows = Rows()
AT_0 = ("0: the derivative is the one of the left side",)
AT_THE_BOUNDS = ("at the bounds: the derivative is the one of inside",)
OUTSIDE_AT_THE_BOUNDS = ("at the bounds: the derivative is the one of outside",)


def activated(op: type[ops.Op], x: Any, **fields: Any) -> Node:
    """An activation of the specs, whose g and g' stand in their table, on a whole array."""
    row: Any = activation.TABLE[op]
    it, x = SimpleNamespace(**fields), lifted(x)

    def g(v: Num) -> Num:
        return row.g(it, v)

    def g_prime(v: Num) -> Num:
        return row.g_prime(it, v)

    back = None if row.back is None else lambda dy: row.back(it, x.value, dy)
    return kernel.elementwise(x, g, g_prime, back)


for _name, _op in {"sigmoid": ops.Sigmoid, "silu": ops.Silu, "mish": ops.Mish}.items():
    rows.law(_name, rearranged=True, entrywise=True)(lambda a, op=_op: activated(op, a.self))  # type: ignore[misc]
rows.law("relu", kinks=AT_0, entrywise=True)(lambda a: activated(ops.Relu, a.self))
rows.law("relu6", kinks=OUTSIDE_AT_THE_BOUNDS)(lambda a: activated(ops.Relu6, a.self))
rows.law("hardsigmoid", rearranged=True, kinks=OUTSIDE_AT_THE_BOUNDS)(lambda a: activated(ops.HardSigmoid, a.self))
rows.law("hardswish", rearranged=True, kinks=("−3 and 3: the derivatives 0 and 1",))(lambda a: activated(ops.HardSwish, a.self))


@rows.law("gelu", rearranged=True, entrywise=True)
def _gelu(a: Arguments) -> Node:
    return activated(ops.GeluTanh if a.get("approximate") == "tanh" else ops.GeluErf, a.self)


@rows.law("leaky_relu", kinks=AT_0, entrywise=True)
def _leaky_relu(a: Arguments) -> Node:
    return activated(ops.LeakyRelu, a.self, slope=a.get("negative_slope", 0.01))


@rows.law("rrelu_with_noise", kinks=AT_0)
def _rrelu(a: Arguments) -> Node:
    if a.get("training"):
        raise LookupError("slopes that are drawn inside")
    return activated(ops.LeakyRelu, a.self, slope=0.5 * (a.get("lower", 0.125) + a.get("upper", 1.0 / 3.0)))


@rows.law("elu", rearranged=True, kinks=AT_0, entrywise=True)
def _elu(a: Arguments) -> Node:
    return _elu_of(a, *(float(a.get(name, 1)) for name in ("alpha", "scale", "input_scale")))


@rows.law("celu", rearranged=True, kinks=AT_0, entrywise=True)
def _celu(a: Arguments) -> Node:
    alpha = float(a.get("alpha", 1))
    return _elu_of(a, alpha, 1.0, 1.0 / alpha)


rows.law("selu", rearranged=True, kinks=AT_0)(lambda a: _elu_of(a, activation.SELU_ALPHA, activation.SELU_SCALE, 1.0))


def _elu_of(a: Arguments, alpha: float, scale: float, inner: float) -> Node:
    """λ x, and λ α (e^(ι x) − 1) where x is not positive: elu, selu and celu in one."""
    x, above = lifted(a.self), positive(a.self.value)
    low = kernel.where(above, np.zeros(()), x)

    def times(factor: float, y: Node) -> Node:
        return y if factor == 1 else kernel.multiply(operand(a, factor), y)

    # e^x as (e^x − 1) + 1: so the result in place is differentiated, and it is less exact than e^x far below 0.
    less_one = kernel.elementwise(times(inner, low), np.expm1, lambda v: np.expm1(v) + 1.0)
    return times(scale, kernel.where(above, x, times(alpha, less_one)))


@rows.law("softplus", rearranged=True, entrywise=True)
def _softplus(a: Arguments) -> Node:
    """ln(1 + e^(β x))/β, and x itself where β x is above a threshold."""
    x, beta = lifted(a.self), a.get("beta", 1)
    inner = x if beta == 1 else kernel.multiply(a.number("beta"), x)
    soft = activated(ops.Softplus, inner)
    far = positive(inner.value - rounded(a.get("threshold", 20), a.some))
    return kernel.where(far, x, soft if beta == 1 else kernel.divide(soft, a.number("beta")))


@rows.law("log_sigmoid_forward", "log_sigmoid", rearranged=True)
def _log_sigmoid(a: Arguments) -> list[Node | None]:
    """ln σ(x) = −ln(1 + e^−x)."""
    return [kernel.negative(activated(ops.Softplus, kernel.negative(a.self))), None]


@rows.law("_prelu_kernel", "prelu", kinks=AT_0)
def _prelu(a: Arguments) -> Node:
    """x, and w x where x is not positive."""
    return kernel.where(positive(a.self.value), a.self, kernel.multiply(a.weight, a.self))


@rows.law("glu", rearranged=True)
def _glu(a: Arguments) -> Node:
    """The first half along an axis, times σ of the second."""
    axis = a.get("dim", -1) % a.self.ndim
    half = a.self.shape[axis] // 2
    first, second = (kernel.cut(a.self, axis, range(at, at + half)) for at in (0, half))
    return kernel.multiply(first, activated(ops.Sigmoid, second))


# what cuts off


@rows.law("hardtanh", kinks=OUTSIDE_AT_THE_BOUNDS)
def _hardtanh(a: Arguments) -> Node:
    """x between the bounds, the bound elsewhere. At a bound the derivative is 0."""
    x = lifted(a.self)
    low, high = a.get("min_val", -1.0), a.get("max_val", 1.0)
    inside = positive(x.value - compared(low, a.some)) & positive(compared(high, a.some) - x.value)
    middle = 0.5 * (float(low) + float(high))
    ends = np.where(np.asarray(plainly(x)) > middle, rounded(high, a.some), rounded(low, a.some))
    return kernel.where(inside | np.isnan(plainly(x)), x, ends)


@rows.law("clamp", "clip", "clamp_min", "clamp_max", kinks=AT_THE_BOUNDS)
def _clamp(a: Arguments) -> Node:
    """x between the bounds, the bound elsewhere. At a bound the derivative is that of x; arrays as bounds have the rest of Δ."""
    x = lifted(a.self)
    low, high = a.get("min"), a.get("max")
    below = None if low is None else lifted(_bound(a, low))
    above = None if high is None else lifted(_bound(a, high))
    y: Node = x
    if below is not None:
        y = kernel.where(positive(below.value - x.value), below, y)
    if above is not None:  # where the bounds cross, the upper one wins
        y = kernel.where(positive(y.value - above.value), above, y)
    return y


def _bound(a: Arguments, bound: Any) -> Any:
    return np.full((), rounded(bound, a.some)) if isinstance(bound, (int, float)) else operand(a, bound)


@rows.law("threshold", kinks=("at the threshold: the derivative is 0",))
def _threshold(a: Arguments) -> Node:
    above = positive(a.self.value - compared(a.threshold, a.some))
    return kernel.where(above, a.self, operand(a, a.value))


def _far(a: Arguments, bound: Callable[[Any, Num], float]) -> tuple[Any, Any]:
    """Where x lies above λ, and below −λ, which is `bound` in the format that is compared in."""
    edge = bound(a.get("lambd", 0.5), a.some)
    return positive(a.self.value - edge), positive(-a.self.value - edge)


@rows.law("hardshrink", kinks=OUTSIDE_AT_THE_BOUNDS)
def _hardshrink(a: Arguments) -> Node:
    above, below = _far(a, rounded)
    return kernel.where(above | below, a.self, np.zeros(()))


@rows.law("softshrink", kinks=OUTSIDE_AT_THE_BOUNDS)
def _softshrink(a: Arguments) -> Node:
    """x nearer to 0 by λ, and 0 for what is within λ of it. In 16 bits torch has another λ on the way back than forward."""
    x, edge = lifted(a.self), operand(a, a.get("lambd", 0.5))

    def g() -> Num:
        above, below = _far(a, compared)
        nearer = np.where(above, x.value - edge, x.value + edge)
        return masked(above | below, nearer)

    def back(dy: Num) -> Num:
        above, below = _far(a, rounded)
        return masked(above | below, dy)

    return Node(x.shape, g, [(x, back)])


@rows.law("nan_to_num")
def _nan_to_num(a: Arguments) -> Node:
    """x where it is finite, a number for NaN and for either infinity;  Δ where it is finite."""
    x, v = lifted(a.self), plainly(a.self)
    finite = np.isfinite(v)
    if finite.all():
        return kernel.where(finite, x, np.zeros(()))
    largest = float(getattr(getattr(a.some, "fmt", None), "largest", np.finfo(np.float64).max))
    ends = {"posinf": largest, "neginf": -largest, "nan": 0.0}
    high, low, none = (float(a.get(name, otherwise)) for name, otherwise in ends.items())
    instead = np.where(np.isnan(v), none, np.where(v > 0, high, low))
    return kernel.where(finite, kernel.where(finite, x, np.zeros(())), instead)


@rows.law("native_dropout", "_fused_dropout")
def _native_dropout(a: Arguments) -> list[Node | None]:
    """x where the mask that was drawn lets it through, over the share that it lets through; what is drawn is no claim."""
    x = lifted(a.get("input", a.get("self")))
    p = float(a.p)
    if a.get("train", True) is False:
        return [kernel.multiply(1.0, x), None]
    if not a.knows(1):
        raise LookupError("a mask that was not recorded")
    scale = 0.0 if p == 1.0 else 1.0 / (1.0 - p)
    return [kernel.multiply(operand(a, scale), kernel.where(np.asarray(a.result(1), bool), x, np.zeros(()))), None]
