"""Numbers rounded to a grid of whole multiples, as they will be once they are quantized; Δ goes through as if they were not.

Their derivative is 0 almost everywhere. What torch sends back instead is what its documentation says: Δ where nothing was cut
(a straight-through estimate: Jacob et al., 2018, section 3), and for a scale that is learned that of Esser et al., 2020
(Learned Step Size Quantization, equation 3). A verdict about them says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows, plainly, recorded
from bpcompare.laws.kernel import Node, lifted
from bpcompare.laws.kernel.moves import summed_to
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, hyperparameter, masked, unit_of
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


def _grid(a: Arguments, axis: int | None, zero: Array) -> _Grid:
    """torch has s, 1/s and the result (not by channels) in float32, and x/s in float64 where x is: so is it here."""
    x = recorded(a.self)
    wide = 0.0 < unit_of(a.some) < FLOAT64
    shape = _shape(axis, lifted(a.self))
    scale, z = _plain(a, "scale").astype(np.float32).reshape(shape), zero.reshape(shape)
    steps = np.rint((x if wide else x.astype(np.float32)) * (np.float32(1.0) / scale)).astype(np.float64)
    q = z + steps
    held = np.clip(q, a.quant_min, a.quant_max)
    wider = np.float32 if axis is None else np.float64
    product = ((held - z).astype(wider) * scale.astype(wider)).astype(np.float64)
    return _Grid(hyperparameter(product, a.some) * hyperparameter(np.ones(()), a.some), q == held, held - z)


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
        return Node(x.shape, lambda: grid.value, [(x, lambda dy: masked(grid.inside, dy))]), None

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

ESTIMATED = frozenset(rows.table)
"""Functions whose Δ is no derivative, as their documentation says."""
