"""Dropout inside of a fused attention: the kernel of GPUs, whose part is played here by one of the CPU."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import bpcompare  # noqa: E402
from bpcompare_torch.recorder import drawn  # noqa: E402

P = 0.25
OFF = {"scale": 1.0}
"""What the gradient of the values is multiplied by."""


def uniform(query: Any, key: Any, _p: float, seed: int, _offset: int) -> Any:
    """The numbers that are drawn for a seed."""
    return np.random.default_rng(seed).random((*query.shape[:-1], key.shape[-2]))


def shares(query: Any, key: Any, scale: float) -> Any:
    """The softmax of the scores."""
    return torch.softmax(scale * (query @ key.mT), -1)


def kept(query: Any, key: Any, seed: Any) -> Any:
    """0, or 1/(1 − p)."""
    return torch.tensor(uniform(query, key, P, int(seed), 0) > P).to(query) / (1.0 - P)


def forward(query, key, value, bias, _sums, dropout_p=0.0, _causal=False, *, scale=None):
    """aten::_scaled_dot_product_efficient_attention."""
    seed, scale = torch.tensor(7), scale or query.shape[-1] ** -0.5
    y = (shares(query, key, scale) * kept(query, key, seed)) @ value
    return y, query.new_zeros(query.shape[:-1]), seed, torch.tensor(0)


def backward(dy, query, key, value, _bias, _y, _sums, seed, _offset, _p, _asked, _causal=False, *, scale=None):
    """aten::_scaled_dot_product_efficient_attention_backward."""
    scale = scale or query.shape[-1] ** -0.5
    s, m = shares(query, key, scale), kept(query, key, seed)
    ds = (dy @ value.mT) * m
    ds = s * (ds - (s * ds).sum(-1, keepdim=True))
    return scale * ds @ key, scale * ds.mT @ query, OFF["scale"] * (s * m).mT @ dy, None


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The kernel on the CPU, and what it draws."""
    library = torch.library.Library("aten", "IMPL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that it had another one, which refuses
        library.impl("_scaled_dot_product_efficient_attention", forward, "CPU")
        library.impl("_scaled_dot_product_efficient_attention_backward", backward, "CPU")
    monkeypatch.setattr(drawn, "_uniform", uniform)
    yield
    library._destroy()


def stepped() -> Any:
    """One step of an attention with dropout, recorded."""
    torch.manual_seed(0)
    inside = torch.nn.Linear(6, 18).double()
    x = torch.randn(2, 3, 5, 6, dtype=torch.float64)
    with bpcompare.watch(inside) as found:
        query, key, value = inside(x).chunk(3, -1)
        y, *_ = torch.ops.aten._scaled_dot_product_efficient_attention(query, key, value, None, True, P)
        y.square().mean().backward()
    return found


def test_the_mask_is_drawn_again():
    """Each transformer that trains on a GPU would be certified in part at best: its attention has a dropout inside."""
    found = stepped()
    assert found.verdict == "certified", str(found)


def test_another_mask_is_wrong(monkeypatch):
    """Whatever a kernel kept, the report would say that it is right."""
    monkeypatch.setattr(drawn, "_uniform", lambda q, k, p, seed, offset: uniform(q, k, p, seed + 1, offset))
    assert stepped().verdict == "wrong"


def test_a_wrong_backward_is_found(monkeypatch):
    """A gradient of values that is off by a thousandth would be certified."""
    monkeypatch.setitem(OFF, "scale", 1.001)
    found = stepped()
    assert found.verdict == "wrong"
    assert "_scaled_dot_product_efficient_attention.backward" in str(found)
