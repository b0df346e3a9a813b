"""At the ends of what numbers can hold: undecided is an answer there, an accusation of honest backends is not."""

import pytest

from bpcompare.testing.cases import cases
from bpcompare.testing.conform import able
from extremes import compared, plans

NAMES = list({case.about: case.name for case in reversed(cases()) if not case.kink}.values())
"""A case of each op and update rule."""


def _alarms(dtype, backends, wanted):
    """Every honest backend that was called wrong."""
    found = []
    for name, kind, factor, plan in plans(dtype, wanted):
        asked = able(backends, plan.network)
        if not asked:
            continue
        comparison = compared(plan, asked)
        for who, one in comparison.certificates.items():
            assert one.failure is None, (name, kind, factor, who, one.failure)
            found += [(name, kind, factor, who, f.path, f.recorded, f.expected, f.radius) for f in one.refuted[:1]]
    return found


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_alarm_at_the_ends_of_the_range(dtype, torch_backend):
    """Squares that overflow, slots near the smallest number: all frameworks were called wrong together, and the law blamed."""
    assert _alarms(dtype, ["delta", "torch"], NAMES[5::40]) == []


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("part", range(6))
def test_no_alarm_for_any_op(dtype, part, torch_backend):
    """Every op and update rule, each kind of number at 1e±30 (float64: 1e±290) and in between."""
    assert _alarms(dtype, ["delta", "torch"], NAMES[part::6]) == []


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_alarm_for_a_compiler(dtype):
    """XLA flushes denormal numbers and orders products as it likes."""
    pytest.importorskip("jax")
    assert _alarms(dtype, ["jax"], NAMES[::13]) == []
