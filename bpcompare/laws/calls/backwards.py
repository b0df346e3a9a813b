"""Functions by which torch works out a Δ. Where backward is differentiated in turn (create_graph=True), they are steps.

f_backward(g, x) = J(x)ᵀ g is Δ of the law of f, and no formula of its own. It is linear in g: v, which arrives at its result,
gives J(x) v to g, the derivative of f along v. To x it gives d/dε J(x + ε v)ᵀ g, because second derivatives are symmetric. Both
are the law of f on dual numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls import activations, convolutions, errors, normalization, scores, windows
from bpcompare.laws.calls.arithmetic import operand
from bpcompare.laws.calls.called import Arguments, Formula, Rows, compared, floats, one_of
from bpcompare.laws.calls.errors import LEAST_SPREAD
from bpcompare.laws.calls.moves import numbered, put
from bpcompare.laws.kernel import Node, UnreachedError, lifted, pulled_back
from bpcompare.laws.kernel.standard import average, standard_back
from bpcompare.network.parameter import Array
from bpcompare.numbers.dual import Dual
from bpcompare.numbers.number import Num, closed, either, positive

rows = Rows()
NO_SECOND = ("on a kink of the function there is no second derivative",)


@dataclass(frozen=True)
class Turned:
    """Δ that `formula`, the law of f, gives to `toward`, as a function of f's arguments and of `grad`, Δ of f's result."""

    a: Arguments
    formula: Formula
    grad: str
    toward: str

    def node(self) -> Node:
        """As a node of the program of f_backward, with the transposes toward all that it reads.

        Raises LookupError where `toward` is no array of floats.
        """
        a = self.a
        slot = a.slot(self.toward)
        if slot is None:
            raise LookupError(f"{self.toward}, which is no array of floats")
        sources: list[Any] = [(a.read(i), self._toward(i)) for i in a.slots]
        return Node(lifted(a.read(slot)).shape, lambda: self._back([x.value for x in map(a.read, a.slots)], slot), sources)

    def slope_times(self, v: Num) -> Num:
        """J(x)ᵀ v."""
        xs = [v if slot == self._grad else x.value for slot, x in enumerate(map(self.a.read, self.a.slots))]
        return self._back(xs, self.a.slot(self.toward) or 0)

    def _program(self, xs: Sequence[Num]) -> tuple[list[Node], Node]:
        inner = self.a.on(xs, xs[self._grad])
        nodes = [inner.read(i) for i in inner.slots]
        return nodes, one_of(self.formula(inner), 0)

    @property
    def _grad(self) -> int:
        slot = self.a.slot(self.grad)
        if slot is None:
            raise LookupError("a Δ that is no array of floats")
        return slot

    def _back(self, xs: Sequence[Num], toward: int) -> Num:
        nodes, y = self._program(xs)
        try:
            return closed(pulled_back(y, xs[self._grad], nodes[toward]))
        except UnreachedError:
            return np.zeros(nodes[toward].shape)

    def _toward(self, i: int) -> Callable[[Num], Num]:
        def transpose(v: Num) -> Num:
            along = self.a.slot(self.toward)
            xs = [Dual(x.value, v if slot == along else None) for slot, x in enumerate(map(self.a.read, self.a.slots))]
            moved = self._program(xs)[1].value if i == self._grad else self._back(xs, i)
            tangent = moved.tangent if isinstance(moved, Dual) else None
            return np.zeros(self.a.read(i).shape) if tangent is None else tangent

        return transpose


def _turned(function: str, formula: Formula, *toward: str, grad: str = "grad_output", kinks: tuple[str, ...] = ()) -> None:
    """`function` gives Δ of each of these arguments, where it is asked for; of a shift of channels, `toward` "shift", its sum."""

    def law(a: Arguments) -> Any:
        asked = a.get("output_mask", (True,) * len(toward))
        found = [_one(a, formula, grad, one) if wanted else None for one, wanted in zip(toward, asked, strict=True)]
        return found[0] if len(toward) == 1 else found

    rows.law(function, rearranged=True, kinks=kinks)(law)


def _one(a: Arguments, formula: Formula, grad: str, toward: str) -> Node:
    if toward != "shift":
        return Turned(a, formula, grad, toward).node()
    arriving = lifted(getattr(a, grad))
    return kernel.total(arriving, (0, *range(2, arriving.ndim)))


def _of(table: Mapping[str, Any], name: str) -> Formula:
    found: Formula = table[name].written
    return found


for _name in ("silu", "mish", "gelu", "softplus", "hardswish", "glu"):
    _turned(f"{_name}_backward", _of(activations.rows.table, _name), "self", kinks=NO_SECOND)
_errors = scores.rows.table | errors.rows.table
for _name in ("mse_loss", "smooth_l1_loss", "huber_loss", "soft_margin_loss", "nll_loss"):
    _turned(f"{_name}_backward", _of(_errors, _name), "self", kinks=NO_SECOND)
_turned("nll_loss2d_backward", _of(_errors, "nll_loss"), "self")
_turned("log_sigmoid_backward", lambda a: one_of(_of(activations.rows.table, "log_sigmoid")(a), 0), "self")
_turned("native_batch_norm_backward", normalization.by_batch, "input", "weight", "shift", grad="grad_out")
_turned("convolution_backward", _of(convolutions.rows.table, "convolution"), "input", "weight", "shift")
for _n in (1, 2, 3):
    _turned(f"avg_pool{_n}d_backward", _of(windows.rows.table, f"avg_pool{_n}d"), "self")
for _n in (2, 3):
    _turned(f"_adaptive_avg_pool{_n}d_backward", _of(windows.rows.table, f"_adaptive_avg_pool{_n}d"), "self")


def _pieces(function: str, formula: Formula, *, grad: str = "grad_output") -> None:
    """Of a function of straight pieces: Δ is its slope times what arrives, and the slope does not move."""

    def law(a: Arguments) -> Node:
        turned, arriving = Turned(a, formula, grad, "self"), getattr(a, grad)
        return Node(a.shape, lambda: turned.slope_times(arriving.value), [(arriving, turned.slope_times)])

    rows.law(function, kinks=NO_SECOND)(law)


for _name in ("leaky_relu", "hardtanh", "softshrink"):
    _pieces(f"{_name}_backward", _of(activations.rows.table, _name))
_pieces("hardshrink_backward", _of(activations.rows.table, "hardshrink"), grad="grad_out")
_pieces("rrelu_with_noise_backward", _of(activations.rows.table, "rrelu_with_noise"))


@partial(_pieces, "threshold_backward")
def _threshold(a: Arguments) -> Node:
    return kernel.where(positive(a.self.value - compared(a.threshold, a.some)), a.self, np.zeros(()))


@rows.law("_prelu_kernel_backward", kinks=NO_SECOND)
def _prelu(a: Arguments) -> list[Node]:
    """Δ, and w Δ where x is not positive;  x Δ there for w."""
    above, x, g = positive(a.self.value), a.self, a.grad_output
    return [kernel.where(above, g, kernel.multiply(a.weight, g)), kernel.where(above, np.zeros(()), kernel.multiply(x, g))]


# from what f gave, where torch keeps that and not what f was given


@rows.law("tanh_backward", rearranged=True)
def _tanh(a: Arguments) -> Node:
    """Δ (1 − y²)."""
    return kernel.multiply(a.grad_output, kernel.elementwise(a.output, lambda y: 1.0 - y * y, lambda y: -2.0 * y))


@rows.law("sigmoid_backward", rearranged=True)
def _sigmoid(a: Arguments) -> Node:
    """Δ y (1 − y)."""
    return kernel.multiply(a.grad_output, kernel.elementwise(a.output, lambda y: y * (1.0 - y), lambda y: 1.0 - 2.0 * y))


@rows.law("_softmax_backward_data", rearranged=True)
def _softmax(a: Arguments) -> Node:
    """y (Δ − Σ y Δ)."""
    y, g = a.output, a.grad_output
    weighed = kernel.multiply(y, g)
    return kernel.subtract(weighed, kernel.multiply(y, kernel.total(weighed, (a.dim,), keepdims=True)))


@rows.law("_log_softmax_backward_data", rearranged=True)
def _log_softmax(a: Arguments) -> Node:
    """Δ − e^y Σ Δ."""
    g = a.grad_output
    return kernel.subtract(g, kernel.multiply(kernel.exp(a.output), kernel.total(g, (a.dim,), keepdims=True)))


@rows.law("elu_backward", rearranged=True, kinks=NO_SECOND)
def _elu(a: Arguments) -> Node:
    """λ Δ, and Δ λ α ι e^(ι x) where x is not positive; of the result y itself Δ ι (y + λ α)."""
    x, g = a.self_or_result, a.grad_output
    alpha, scale, inner = (float(a.get(name, 1)) for name in ("alpha", "scale", "input_scale"))
    above = positive(x.value)
    low = kernel.where(above, np.zeros(()), x)
    if a.is_result:
        slope = kernel.multiply(operand(a, inner), kernel.add(low, operand(a, scale * alpha)))
    else:
        curve = kernel.exp(low if inner == 1 else kernel.multiply(operand(a, inner), low))
        slope = kernel.multiply(operand(a, scale * alpha * inner), curve)
    straight = g if scale == 1 else kernel.multiply(operand(a, scale), g)
    return kernel.where(above, straight, kernel.multiply(g, slope))


@rows.law("binary_cross_entropy_backward", rearranged=True)
def _binary_cross_entropy(a: Arguments) -> Node:
    """Δ w (x − t)/s with s = x (1 − x), over n where it is a mean;  (x² − 2 t x + t)/s² Δ for x, −Δ/s for t, times the same.

    torch has s + 10⁻¹² in what it makes of that. Raises LookupError where s is limited.
    """
    x, t, weight = lifted(a.self), lifted(floats(a.target)), a.get("weight")

    def over(top: Num, power: int) -> Num:
        s = x.value * (1.0 - x.value)
        if not positive(s - LEAST_SPREAD).all():
            raise LookupError("numbers so near to 0 or 1 that their Δ is limited")
        return either(top / s**power, lambda: top / (s + LEAST_SPREAD) ** power)

    def to_x(dy: Num) -> Num:
        return over(x.value * x.value - 2.0 * t.value * x.value + t.value, 2) * dy

    slope = Node(x.shape, lambda: over(x.value - t.value, 1), [(x, to_x), (t, lambda dy: over(-dy, 1))])
    y = kernel.multiply(a.grad_output, slope if weight is None else kernel.multiply(slope, floats(weight)))
    return kernel.divide(y, float(prod(x.shape))) if a.get("reduction", scores.MEAN) == scores.MEAN else y


# normalization, by the mean and the deviation that were kept


@rows.law("native_layer_norm_backward", rearranged=True)
def _layer_norm(a: Arguments) -> Any:
    """Δ through x̂ = (x − μ)/σ, with μ and 1/σ as the call is given them; both move with x, as torch has it."""
    count = len(a.normalized_shape)
    axes = tuple(range(a.input.ndim - count, a.input.ndim))

    def formula(inner: Arguments) -> Node:
        x, mean, inverse = (inner.read(a.slot(name) or 0) for name in ("input", "mean", "rstd"))
        apart, scale = _deviating(x.value, mean.value, inverse.value, axes)
        hat = Node(x.shape, lambda: apart * scale, [(x, lambda dy: standard_back(apart, scale, dy, axes))])
        weight, bias = inner.get("weight"), inner.get("bias")
        y = hat if weight is None else kernel.multiply(hat, weight)
        return y if bias is None else kernel.add(y, bias)

    asked = zip(("input", "weight", "bias"), a.output_mask, strict=True)
    return [Turned(a, formula, "grad_out", one).node() if wanted else None for one, wanted in asked]


def _deviating(x: Num, mean: Num, inverse: Num, axes: tuple[int, ...]) -> tuple[Num, Num]:
    """x − μ and 1/σ; where x moves along v, they move by v − mean(v) and −(1/σ)³ mean((x − μ) v)."""
    if not isinstance(x, Dual) or x.tangent is None:
        return x - mean, inverse
    apart, scale, v = x.value - mean.value, inverse.value, x.tangent
    return Dual(apart, v - average(v, axes)), Dual(scale, -(scale * scale * scale) * average(apart * v, axes))


# what only moves entries


@rows.law("embedding_dense_backward", rearranged=True)
def _embedding(a: Arguments) -> Node:
    """Every row of Δ goes to the row of the table that was looked up; that of `padding_idx` to none."""
    if a.get("scale_grad_by_freq"):
        raise LookupError("rows over how often they were looked up")
    g, width = a.grad_output, a.grad_output.shape[-1]
    index = np.asarray(a.indices)[..., None] * width + np.arange(width)
    unused = np.asarray(a.indices)[..., None] == a.padding_idx
    return put(g, np.where(unused, -1, index), (a.num_weights, width))


def _back_to(function: str, places: Callable[[Arguments, Array], Array]) -> None:
    """Each entry of Δ goes to the place that it was taken from; `places` takes them from the numbers of all."""

    def law(a: Arguments) -> Node:
        shape = tuple(a.input_sizes)
        return put(a.grad_output, places(a, numbered(shape)), shape)

    rows.law(function, moves=True)(law)


_back_to("diagonal_backward", lambda a, ids: np.diagonal(ids, a.offset, a.dim1, a.dim2))
_back_to("select_backward", lambda a, ids: np.take(ids, a.index, a.dim))
_back_to("slice_backward", lambda a, ids: ids[(slice(None),) * (a.dim % ids.ndim) + (slice(a.start, a.end, a.step),)])


def _pooled(n: int) -> Formula:
    """Δ of each window goes to the place of its maximum."""

    def formula(a: Arguments) -> Node:
        shape = a.shape
        lead, places = shape[: len(shape) - n], prod(shape[len(shape) - n :])
        plane = np.arange(prod(lead)).reshape((*lead, *(1,) * n)) * places
        return put(a.grad_output, np.asarray(a.indices) + plane, shape)

    return formula


for _n in (2, 3):
    rows.law(f"max_pool{_n}d_with_indices_backward")(_pooled(_n))
