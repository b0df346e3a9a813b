"""Backward passes that run a forward again, and complex numbers: what the recorder follows, and what it names."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
from torch.utils.checkpoint import checkpoint  # noqa: E402

import bpcompare  # noqa: E402


def watched(model: Any, x: Any) -> Any:
    """A step of the model, of which the mean square is the error."""
    with bpcompare.watch(model) as step:
        (model(x) ** 2).mean().backward()
    return step


class Checkpointed(torch.nn.Module):  # type: ignore[name-defined, misc]
    """A gate that is detached, inside of a reentrant checkpoint."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

    def gate(self, x: Any) -> Any:
        """x, gated by itself, through which no gradient goes."""
        h = torch.tanh(self.b(x))
        return h * torch.sigmoid(h.detach())

    def forward(self, x: Any) -> Any:
        """Run again in backward."""
        return checkpoint(self.gate, self.a(x), use_reentrant=True)


class Copied(torch.autograd.Function):  # type: ignore[misc]
    """A square that detaches its input first, as custom functions do: it is a square all the same."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        """x²."""
        x = x.detach()
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        """2x."""
        (x,) = ctx.saved_tensors
        return 2 * x * g


class Asked(torch.nn.Module):  # type: ignore[name-defined, misc]
    """A view of the data is asked for a gradient, as Wav2Vec2 does for checkpoints, and laid out anew by a pooling layer."""

    def __init__(self) -> None:
        super().__init__()
        self.a = torch.nn.Linear(4, 4)

    def forward(self, x: Any) -> Any:
        """A mean over all tokens."""
        x = x[:, None]
        x.requires_grad = True
        return torch.nn.functional.adaptive_avg_pool1d(self.a(x).transpose(1, 2), 1)


class Spectral(torch.nn.Module):  # type: ignore[name-defined, misc]
    """FNet's mixing of tokens, beside a skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

    def forward(self, x: Any) -> Any:
        """Through complex numbers and back."""
        h = torch.tanh(self.a(x))
        return self.b(h + torch.fft.fft2(h).real)


class Turned(Spectral):
    """Pairs of numbers turned by angles, written as products of complex numbers."""

    def forward(self, x: Any) -> Any:
        """As in Llama's first code."""
        h = torch.tanh(self.a(x))
        pairs = torch.view_as_complex(h.reshape(-1, 2, 2))
        turned = pairs * torch.polar(torch.ones(2), torch.arange(2.0))
        return self.b(h + torch.view_as_real(turned).reshape(h.shape))


class Correlated(Spectral):
    """Autoformer's correlation. torch takes a conjugate apart below autograd, in a call of its own, before the product."""

    def forward(self, x: Any) -> Any:
        """By way of the spectra."""
        h = torch.tanh(self.a(x))
        product = torch.fft.rfft(self.b(h)) * torch.conj(torch.fft.rfft(h))
        return h + torch.fft.irfft(product, n=4)


@pytest.fixture
def x() -> Any:
    """Some numbers."""
    torch.manual_seed(0)
    return torch.randn(5, 4)


def test_detach_cuts_where_a_forward_is_run_again(x: Any) -> None:
    """As it does where autograd follows it at once: nothing is wrong. What arrives at the parameters inside is not all seen."""
    step = watched(Checkpointed(), x)
    assert not step.refuted, str(step)
    assert "b.bias.gradient" in {claim.path for _, claim, finding in step.findings if finding.outcome == "holds"}


def test_detach_is_nothing_inside_of_a_custom_forward(x: Any) -> None:
    """Autograd does not follow it anyway."""

    class Net(torch.nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.a = torch.nn.Linear(4, 4)

        def forward(self, x: Any) -> Any:
            return Copied.apply(self.a(x))

    step = watched(Net(), x)
    assert step.verdict == "certified", str(step)


@pytest.mark.parametrize("kind", [Spectral, Turned, Correlated])
def test_complex_numbers_are_followed(kind: type[Spectral], x: Any) -> None:
    """What goes through them would be called wrong, or not be examined."""
    step = watched(kind(), x)
    assert step.verdict == "certified", str(step)


def test_a_view_may_ask_for_a_gradient(x: Any) -> None:
    """As any other array of data."""
    step = watched(Asked(), x)
    assert step.verdict == "certified", str(step)


class Sorted(torch.nn.Module):  # type: ignore[name-defined, misc]
    """Rows by their kind, of which there are none of one kind, as MFConv writes them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(4, 4) for _ in range(3))

    def forward(self, x: Any) -> Any:
        """Each kind by its own layer."""
        kinds, out = torch.tensor([0, 2, 0, 2, 2]), torch.zeros(5, 4)
        for number, layer in enumerate(self.layers):
            rows = (kinds == number).nonzero().view(-1)
            out = out.index_copy(0, rows, layer(x.index_select(0, rows)))
        return out


def test_nothing_is_written(x: Any) -> None:
    """Where there is none of a kind."""
    step = watched(Sorted(), x)
    assert step.verdict == "certified", str(step)
