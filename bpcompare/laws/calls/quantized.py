"""Numbers rounded to a grid of whole multiples, as they will be once they are quantized; Δ goes through as if they were not.

Their derivative is 0 almost everywhere. What torch sends back instead is what its documentation says: Δ where nothing was cut
(a straight-through estimate: Jacob et al., 2018, section 3), and for a scale that is learned that of Esser et al., 2020
(Learned Step Size Quantization, equation 3). A verdict about them says so. Where one call observes the range first, that range,
and the scale that follows from it, have laws of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, CallLaw, Rows, plainly, recorded
from bpcompare.laws.kernel import Node, lifted
from bpcompare.laws.kernel.moves import summed_to
from bpcompare.laws.law import At
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, hyperparameter, masked, total, unit_of
from bpcompare.ops.op import Shape

rows = Rows()
FLOAT64 = 2.0**-50
"""A unit roundoff below this is float64's."""


@dataclass(frozen=True)
class _Grid:
    """(q − z) s of each number, q = z + x/s to the nearest whole number, cut at both ends; `inside` where it was not cut."""

    value: Num
    inside: Array
    cut: Array
    """q − z where it was cut."""


def _grid(a: Arguments, axis: int | None, zero: Array, scale: str = "scale") -> _Grid:
    """torch has s, 1/s and the result (not by channels) in float32, and x/s in float64 where x is: so is it here."""
    x = recorded(a.self)
    wide = 0.0 < unit_of(a.some) < FLOAT64
    shape = _shape(axis, lifted(a.self))
    size, z = _plain(a, scale).astype(np.float32).reshape(shape), zero.reshape(shape)
    steps = np.rint((x if wide else x.astype(np.float32)) * (np.float32(1.0) / size)).astype(np.float64)
    q = z + steps
    held = np.clip(q, a.quant_min, a.quant_max)
    wider = np.float32 if axis is None else np.float64
    product = ((held - z).astype(wider) * size.astype(wider)).astype(np.float64)
    return _Grid(hyperparameter(product, a.some) * hyperparameter(np.ones(()), a.some), q == held, held - z)


def _straight_through(x: Node, grid: _Grid) -> Node:
    return Node(x.shape, lambda: grid.value, [(x, lambda dy: masked(grid.inside, dy))])


def _plain(a: Arguments, name: str) -> Array:
    return np.asarray(plainly(getattr(a, name)), np.float64)


def _fixed(per_channel: bool) -> Callable[[Arguments], Any]:
    def formula(a: Arguments) -> Any:
        x = lifted(a.self)
        if "fake_quant_enabled" in a and not np.all(plainly(a.fake_quant_enabled)):
            return kernel.reshape(x, x.shape), None
        zero = _plain(a, "zero_point")
        if (zero != np.rint(zero)).any():
            raise LookupError("a zero between whole numbers")
        grid = _grid(a, int(a.axis) if per_channel else None, zero)
        return _straight_through(x, grid), None

    return formula


rows.law("fake_quantize_per_tensor_affine_cachemask", "_fake_quantize_per_tensor_affine_cachemask_tensor_qparams")(_fixed(False))
rows.law("fake_quantize_per_channel_affine_cachemask")(_fixed(True))


def _learned(per_channel: bool) -> Callable[[Arguments], Node]:
    def formula(a: Arguments) -> Node:
        x, scale, zero = lifted(a.self), lifted(a.scale), lifted(a.zero_point)
        axis, factor = (int(a.axis) if per_channel else None), float(a.get("grad_factor", 1.0))
        z = recorded(zero)
        if (z != np.rint(z)).any():
            raise LookupError("a zero between whole numbers, which torch rounds one way forward and another way back")
        grid = _grid(a, axis, np.clip(z, a.quant_min, a.quant_max))

        def own(dy: Num) -> Num:
            return np.reshape(summed_to(dy, _shape(axis, x)), scale.shape)

        def to_scale(dy: Num) -> Num:
            apart = (grid.value - x.value) / np.reshape(scale.value, _shape(axis, x))
            return own(dy * factor * (masked(grid.inside, apart) + np.where(grid.inside, 0.0, grid.cut)))

        def to_zero(dy: Num) -> Num:
            return own(masked(~grid.inside, dy * factor * -np.reshape(scale.value, _shape(axis, x))))

        return Node(x.shape, lambda: grid.value, [(x, lambda dy: masked(grid.inside, dy)), (scale, to_scale), (zero, to_zero)])

    return formula


def _shape(axis: int | None, x: Node) -> Shape:
    """Of what is one for each place along an axis of x, or one for all."""
    return tuple(size if k == axis else 1 for k, size in enumerate(x.shape))


rows.law("_fake_quantize_learnable_per_tensor_affine", rearranged=True)(_learned(False))
rows.law("_fake_quantize_learnable_per_channel_affine", rearranged=True)(_learned(True))

SMALLEST = 6.1e-5
"""Below this torch chooses another scale."""
NEAREST = 0.501
"""How far a zero may be from where it belongs: to the nearest whole number, and it was worked out with roundings."""


def _range(a: Arguments) -> tuple[Array, Array, Array]:
    """The range that is quantized, and where its zero is in the middle: what was observed, with 0 in it.

    `ChooseQuantizationParams` of torch, which takes a symmetric range about 0 where there is something on both sides of it.
    """
    low, high = _plain(a, "running_min_after"), _plain(a, "running_max_after")
    steps = a.quant_max - a.quant_min
    both = (low < 0) & (high > 0) & bool(a.symmetric_quant)
    most = np.maximum(np.abs(low) / (steps // 2 + 1), np.abs(high) / (steps // 2))
    low, high = np.where(both, -most * (steps // 2 + 1), low), np.where(both, most * (steps // 2), high)
    return np.minimum(low, 0.0), np.maximum(high, 0.0), both


def _scale(a: Arguments) -> Array:
    """(high − low)/(number of steps). Raises LookupError for one that torch does not take."""
    low, high, _ = _range(a)
    found = np.asarray((high - low) / (a.quant_max - a.quant_min))
    if not (found >= SMALLEST).all():
        raise LookupError("a scale so small that another is taken")
    return found


def _zero(a: Arguments) -> Array:
    """The whole number that stands for 0: as it was recorded, if it is one of the nearest; else another, so that it shows."""
    low, high, both = _range(a)
    scale, theirs = _scale(a), _plain(a, "zero_point_after")
    from_below, from_above = a.quant_min - low / scale, a.quant_max - high / scale
    below = abs(a.quant_min) + np.abs(low / scale) < abs(a.quant_max) + np.abs(high / scale)
    middle = (a.quant_min + a.quant_max) / 2
    own = np.clip(np.where(both, middle, np.where(below, from_below, from_above)), a.quant_min, a.quant_max)
    return np.where(np.abs(theirs - own) <= NEAREST, theirs, np.rint(own))


class ObservedCall(CallLaw):
    """Numbers on a grid whose range is observed first: running means of the least and the largest, of each channel or of all.

    Jacob et al., 2018, section 3.1, as torch has it in one call.
    """

    def __init__(self) -> None:
        super().__init__(self._quantized)

    @staticmethod
    def _quantized(a: Arguments) -> Any:
        x = lifted(a.self)
        if not np.all(plainly(a.fake_quant_on)):
            return kernel.reshape(x, x.shape), None
        grid = _grid(a, int(a.ch_axis) if a.per_row_fake_quant else None, _zero(a), "scale_after")
        return _straight_through(x, grid), None

    def state(self, at: At[Any]) -> Num:
        """The scale, the zero, or r + c (the least or the largest − r); at first just that.

        Raises LookupError where a scale is not what follows from the range, or only some channels have one.
        """
        a = Arguments(at)
        one, shape = hyperparameter(np.ones(()), a.some), np.shape(plainly(getattr(a, f"{at.name}_after")))
        if at.name in ("scale", "zero_point"):
            found = hyperparameter((_scale(a) if at.name == "scale" else _zero(a)).reshape(shape), a.some) * one
            return found * one * one * one if a.symmetric_quant else found  # its ends are rounded, and a quotient before them
        x, before = recorded(a.self), a.get(at.name)
        over = tuple(k for k in range(x.ndim) if k != int(a.ch_axis) % x.ndim) if a.per_row_fake_quant else None
        now = hyperparameter((x.min(over) if at.name == "running_min" else x.max(over)).reshape(shape), a.some)
        first = np.broadcast_to(~np.isfinite(plainly(before)), shape) if np.size(plainly(before)) else np.ones(shape, bool)
        if first.all():
            return now * one
        if first.any():
            raise LookupError("some of its channels observed for the first time")
        return total([before, a.number("averaging_const") * (now - before)])


rows.table["_fused_moving_avg_obs_fq_helper"] = ObservedCall()

ESTIMATED = frozenset(rows.table)
"""Functions whose Δ is no derivative, as their documentation says."""
