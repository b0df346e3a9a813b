"""What loss scaling does to gradients (torch's GradScaler), and to its scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.arithmetic import operand
from bpcompare.laws.calls.called import Arguments, Rows
from bpcompare.laws.kernel import Node, lifted
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import positive

rows = Rows()
LARGEST = float(np.finfo(np.float64).max)


def finite(x: Node) -> Array:
    """Where x is neither infinite nor NaN."""
    return np.asarray(positive(LARGEST - x.value) & positive(LARGEST + x.value))


@rows.law("_amp_foreach_non_finite_check_and_unscale")
def _unscaled(a: Arguments) -> list[Node]:
    """Every gradient, times 1/scale; and the flag, raised where one of them is not finite."""
    gradients = [lifted(one) for one in a.self]
    found, scale = lifted(a.found_inf), lifted(a.inv_scale)
    broken = not all(finite(one).all() for one in gradients)
    flag = kernel.where(np.full(found.shape, broken), operand(a, 1.0), found)
    return [*(kernel.multiply(one, kernel.reshape(scale, ())) for one in gradients), flag]


@rows.law("_amp_update_scale")
def _update_scale(a: Arguments) -> list[Any]:
    """The scale: smaller where the flag is raised, larger after so many steps without, else the same."""
    scale, flag = lifted(a.self), lifted(a.found_inf)
    raised = np.reshape(positive(flag.value), scale.shape)
    grown = np.full(scale.shape, int(np.max(a.growth_tracker)) + 1 == a.growth_interval)
    larger = kernel.where(grown, kernel.multiply(scale, operand(a, a.scale_growth_factor)), scale)
    return [kernel.where(raised, kernel.multiply(scale, operand(a, a.scale_backoff_factor)), larger), None]
