"""Gradients that are 0 up to rounding: how large a mistake may hide in them is said."""

import numpy as np
import pytest

from bpcompare import check_gradient

torch = pytest.importorskip("torch")


def shifted(x, shift):
    """The shift is taken away again with the mean: its gradient is 0, and what is computed is rounding."""
    return torch.nn.functional.layer_norm(x + shift, (5,))


def test_the_power_of_a_zero_is_relative_to_its_terms():
    """A power of 1e-14 would stand beside a gradient whose sign, even, is rounding."""
    torch.manual_seed(0)
    x, shift = torch.randn(4, 5, dtype=torch.float64), torch.tensor(0.3, dtype=torch.float64)
    check = check_gradient(shifted, inputs=(x, shift), names=["x", "shift"])
    whole, zero = check.findings
    assert (whole.verdict, zero.verdict) == ("certified", "certified")
    assert whole.terms == 0.0
    assert zero.terms > 1e6 * abs(zero.got)
    assert "of its terms" in str(check)
    assert f"a mistake smaller than {zero.power * zero.terms:.3g}"[:30] in " ".join(str(check).split())


@pytest.mark.parametrize(("times", "verdict"), [(0.1, "certified"), (10.0, "wrong")])
def test_mistakes_that_may_hide_and_those_that_may_not(times, verdict):
    """What the report says may hide there would be another number than what does."""
    torch.manual_seed(0)
    x, shift = torch.randn(4, 5, dtype=torch.float64), torch.tensor(0.3, dtype=torch.float64)
    zero = check_gradient(shifted, inputs=(x, shift)).findings[1]

    def backward(x, shift, dy):
        with torch.enable_grad():
            own = x.detach().requires_grad_()
            (g,) = torch.autograd.grad(shifted(own, shift), own, dy)
        return g, torch.tensor(times * zero.power * zero.terms, dtype=torch.float64)

    found = check_gradient(shifted, backward, (x, shift), contracts=False)
    assert [one.verdict for one in found.findings] == ["certified", verdict]
    assert np.isfinite(found.findings[1].error)
