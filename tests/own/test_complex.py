"""Complex numbers: both parts of each are claimed, in torch's convention for gradients."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import fft, nn  # noqa: E402

import bpcompare  # noqa: E402
from bpcompare.own.judged import judged  # noqa: E402
from called import judged_with, watched  # noqa: E402
from complex_calls import COMPLEX_CALLS  # noqa: E402

BY_NAME = {call.name: call for call in COMPLEX_CALLS}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", BY_NAME)
def test_an_honest_call_holds(name, dtype):
    """A model that works with spectra is accused, or left half examined."""
    call = BY_NAME[name]
    if dtype in call.without:
        pytest.skip("it has a format of its own")
    found = judged(watched(call, getattr(torch, dtype)))
    assert not found.unexamined, found.unexamined
    assert not found.refuted, [(claim.path, finding) for claim, finding in found.refuted]
    outcomes = {claim.path: finding for claim, finding in found.findings}
    for number in range(len(call.leaves)):
        assert outcomes[f"x{number}.gradient"].outcome == "holds"


@pytest.mark.parametrize("name", BY_NAME)
def test_a_wrong_number_is_refuted(name):
    """A mistake in what is made of spectra passes for right."""
    recording = watched(BY_NAME[name], torch.float64)
    for path in recording.recorded:
        if not np.asarray(recording.recorded[path]).any():
            continue
        found = judged_with(recording, path, lambda x: 1.001 * x)
        assert path in [claim.path for claim, _ in found.refuted], path


class Product(torch.autograd.Function):
    """z w, by hand."""

    @staticmethod
    def forward(ctx, z, w):
        ctx.save_for_backward(z, w)
        return z * w

    @staticmethod
    def backward(ctx, g):
        z, w = ctx.saved_tensors
        return g * w.conj(), g * z.conj()


class NotConjugated(Product):
    """The mistake that everybody makes."""

    @staticmethod
    def backward(ctx, g):
        z, w = ctx.saved_tensors
        return g * w, g * z


class Spectral(nn.Module):
    """A layer with complex weights."""

    def __init__(self, product):
        super().__init__()
        self.w = nn.Parameter(torch.randn(3, 4, dtype=torch.cfloat))
        self.product = product

    def forward(self, x):
        return fft.irfft(self.product.apply(fft.rfft(x), self.w), n=6)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
@pytest.mark.parametrize("product", [Product, NotConjugated])
def test_complex_parameters_and_their_steps(product, optimizer):
    """Complex weights would be no parameters; or a conjugate that is forgotten would pass."""
    torch.manual_seed(0)
    model = Spectral(product)
    moved = getattr(torch.optim, optimizer)(model.parameters(), 0.1)
    with bpcompare.watch(model) as step:
        model(torch.randn(3, 6)).square().sum().backward()
        moved.step()
    assert step.verdict == ("certified" if product is Product else "wrong"), str(step)
    assert not step.unexamined, str(step)
    assert product is Product or "NotConjugated.backward" in str(step)
    assert any(claim.statement == "update" for _, claim, _ in step.findings)


def test_a_complex_write_through_a_view_of_real_numbers_is_named():
    """Which entries were written would be taken from another format's places."""
    torch.manual_seed(0)
    model = nn.Linear(4, 4)
    with bpcompare.watch(model) as step:
        h = model(torch.randn(3, 4)) * 1.0
        torch.view_as_complex(h.view(3, 2, 2)).mul_(1j)
        h.square().sum().backward()
    assert step.verdict == "certified in part", str(step)


def test_a_saved_step_has_complex_numbers(tmp_path):
    """A file would lose them, or not be readable."""
    torch.manual_seed(0)
    model = Spectral(Product)
    with bpcompare.watch(model) as step:
        model(torch.randn(3, 6)).square().sum().backward()
    step.save(tmp_path / "it.step")
    assert str(bpcompare.load_watched(tmp_path / "it.step")) == str(step)
