"""Several backwards for one forward, which is followed once: each is judged as if it had been asked about alone."""

from dataclasses import astuple

import numpy as np
import pytest

from bpcompare import check_gradient
from bpcompare.tools.gradient.finding import NOT_ASKED

random = np.random.default_rng(5)
X, W = random.standard_normal((4, 3)), random.standard_normal((3, 5))


def forward(x, w):
    return np.tanh(x @ w)


def right(x, w, dy):
    d = dy * (1 - np.tanh(x @ w) ** 2)
    return d @ w.T, x.T @ d


def wrong_in_x(x, w, dy):
    gx, gw = right(x, w, dy)
    return 1.001 * gx, gw


def wrong_in_w(x, w, dy):
    gx, gw = right(x, w, dy)
    return gx, gw[::-1].copy()


def no_dy(x, w, dy):
    return right(x, w, np.ones_like(dy))


def misshapen(x, w, dy):
    return right(x, w, dy)[::-1]


def raises(x, w, dy):
    raise RuntimeError("no gradient")


MUTANTS = (wrong_in_x, wrong_in_w, right, no_dy, misshapen, raises, wrong_in_x)


def told(check):
    """All that it found, as one text."""
    return repr([astuple(one) for one in check.findings])


def test_each_is_judged_as_if_alone():
    """Else what is known of one backward passes for the next one's, and a wrong one is certified or a right one accused."""
    first = check_gradient(forward, right, (X, W), contracts=False)
    for backward in MUTANTS:
        assert told(first.with_backward(backward)) == told(check_gradient(forward, backward, (X, W), contracts=False))
    assert first.ok


def test_the_forward_is_followed_once():
    """Else whoever tries ten versions of a backward pays ten times for a forward that is always the same."""
    called = []

    def counted(x, w):
        called.append(1)
        return forward(x, w)

    first = check_gradient(counted, right, (X, W), contracts=False)
    before = len(called)
    assert first.with_backward(wrong_in_x).verdict == "wrong"
    assert len(called) <= before + 1  # the backward of a layer keeps what its forward was given


@pytest.mark.parametrize("kink", [False, True])
def test_in_torch(kink):
    """Else torch's backwards are held against dys that they were not given: right ones are accused."""
    torch = pytest.importorskip("torch")
    x, w = torch.tensor(X, dtype=torch.float32), torch.tensor(W, dtype=torch.float32)
    act = torch.relu if kink else torch.tanh

    def ahead(x, w):
        return act(x @ w), (x * x).sum()

    def back(factor, x, w, dy, ds):
        z = x @ w
        d = dy * ((z > 0).to(z) if kink else 1 - torch.tanh(z) ** 2)
        return d @ w.T + 2 * ds * x, factor * (x.T @ d)

    def good(*args):
        return back(1.0, *args)

    first = check_gradient(ahead, good, (x, w), contracts=False, dtypes=("float32",))
    assert first.with_backward(good).verdict == "certified"
    for factor in (1.01, -1.0):
        found = first.with_backward(lambda *args, factor=factor: back(factor, *args))
        assert [one.verdict for one in found.findings] == ["certified", "wrong"]
    own = check_gradient(ahead, inputs=(x, w), contracts=False)  # autograd's own, between whose values there are Δ
    assert own.with_backward(lambda *args: back(2.0, *args)).verdict == "wrong"


def test_an_output_of_integers_has_no_dy():
    """Else a check of torch.min, which gives places beside values, ends in an error of zip."""
    torch = pytest.importorskip("torch")

    def back(factor, x, dy, _):
        return factor * torch.zeros_like(x).scatter(1, x.min(1).indices[:, None], dy[:, None])

    first = check_gradient(lambda x: tuple(x.min(1)), lambda *args: back(1.0, *args), (torch.tensor(X),), contracts=False)
    assert first.ok
    assert first.with_backward(lambda *args: back(0.5, *args)).verdict == "wrong"


def test_in_jax():
    """Else a backward of JAX that was called by itself, and not compiled, is no longer one of the forward that was recorded."""
    jnp = pytest.importorskip("jax.numpy")
    x, w = jnp.asarray(X, jnp.float32), jnp.asarray(W, jnp.float32)

    def ahead(x, w):
        return jnp.tanh(x @ w)

    def back(factor, x, w, dy):
        d = dy * (1 - jnp.tanh(x @ w) ** 2)
        return factor * (d @ w.T), x.T @ d

    first = check_gradient(ahead, lambda *args: back(1.0, *args), (x, w), contracts=False)
    assert first.with_backward(lambda *args: back(1.0, *args)).verdict == "certified"
    assert [one.verdict for one in first.with_backward(lambda *args: back(-1.0, *args)).findings] == ["wrong", "certified"]


def test_causes_that_nobody_asked_for_are_named_as_that():
    """Else the report says that no slip is known, where none was looked for; or the verdict is another one without them."""
    asked = check_gradient(forward, no_dy, (X, W), contracts=False)
    quick = check_gradient(forward, no_dy, (X, W), contracts=False, causes=False)
    assert {one.cause for one in quick.findings} == {NOT_ASKED}
    assert NOT_ASKED[:20] in str(quick)
    assert [(one.verdict, one.index, one.off) for one in quick.findings] == [(x.verdict, x.index, x.off) for x in asked.findings]


def test_a_check_of_others_has_no_forward():
    """Else it ends in a TypeError about None."""
    with pytest.raises(ValueError, match="with_backward"):
        type(check_gradient(forward, right, (X, W), contracts=False))("numpy", ()).with_backward(right)
