"""Contracts of NumPy pairs: each planted violation has a right gradient on the inputs, and is caught by its name."""

from itertools import count

import numpy as np
import pytest
from scipy import special

from bpcompare import check_gradient

R = np.random.default_rng(3)
X = R.standard_normal((4, 3))


def forward(x):
    return x**2


def back(x, dy):
    return dy * 2 * x


def in_place(x, dy):
    dy *= 2 * x
    return dy


def zeroed(x, dy):
    g = dy * 2 * x
    x[...] = 0
    return g


def adding():
    total = []

    def forward_first(x):
        total.clear()
        return x**2

    def backward(x, dy):
        total.append(dy * 2 * x)
        return sum(total)

    return forward_first, backward


def shaky():
    runs = count()
    return forward, lambda x, dy: dy * 2 * x * (1 + 1e-3 * (next(runs) > 1))


def clipped(x, dy):
    return np.clip(dy, -100, 100) * 2 * x


def divided(x, dy):
    with np.errstate(all="ignore"):
        return dy / np.abs(dy).max() * np.abs(dy).max() * 2 * x


def by_sign(x, dy):
    return dy * 2 * x if dy.min() < 0 < dy.max() else np.abs(dy) * 2 * x


def dy_order(x, dy):
    return dy.ravel(order="K").reshape(dy.shape) * 2 * x


def x_order(x, dy):
    return dy * 2 * x.ravel(order="K").reshape(x.shape)


def of_base(x, dy):
    whole = x if x.base is None or not x.size < x.base.size else x.base
    return dy * 2 * whole.ravel()[: x.size].reshape(x.shape)


PLANTED = [
    ("dy", forward, in_place, "changed 12 of 12 entries of dy"),
    ("inputs", forward, zeroed, "entries of x in place"),
    ("twice", *adding(), "it was called again"),
    ("runs", *shaky(), "ran again on the same numbers"),
    ("linear", forward, clipped, "dy was multiplied with -65536"),
    ("linear", forward, lambda x, dy: np.where(np.abs(dy) < 1e-9, 0, dy) * 2 * x, "dy was multiplied with 9.09495e-13"),
    ("linear", forward, divided, "dy was 0"),
    ("linear", forward, by_sign, "positive and its negative part"),
    ("layouts", forward, dy_order, "dy was in Fortran order"),
    ("layouts", forward, x_order, "x was in Fortran order"),
    ("views", forward, of_base, "x was a part of a larger array"),
]


@pytest.mark.parametrize(("name", "forward", "backward", "said"), PLANTED, ids=[f"{k} {row[0]}" for k, row in enumerate(PLANTED)])
def test_a_broken_contract_is_caught_by_its_name(name, forward, backward, said):
    """A backward that is right in a test and wrong in a program would pass."""
    assert check_gradient(forward, backward, (X,), contracts=False).verdict == "certified"
    check = check_gradient(forward, backward, (X,), names=("x",))
    broken = {one.name: one for one in check.contracts if one.outcome == "broken"}
    assert check.verdict == "wrong", str(check)
    assert name in broken, str(check)
    assert said in broken[name].said
    assert broken[name].advice
    assert f"contract broken: {broken[name].title}" in str(check)
    assert set(broken) <= {name, "layouts"}, str(check)


def layer_norm(x, w):
    c = x - x.mean(-1, keepdims=True)
    return c / np.sqrt((c * c).mean(-1, keepdims=True) + 1e-5) * w


def layer_norm_back(x, w, dy):
    c = x - x.mean(-1, keepdims=True)
    s = 1 / np.sqrt((c * c).mean(-1, keepdims=True) + 1e-5)
    h, d = c * s, dy * w
    return s * (d - d.mean(-1, keepdims=True) - h * (d * h).mean(-1, keepdims=True)), (dy * h).sum(0)


def softmax_back(x, dy):
    y = special.softmax(x, -1)
    return y * (dy - (dy * y).sum(-1, keepdims=True))


def spread(x, w):
    """The same, of numbers whose mean is a thousand times their spread."""
    return layer_norm(x + 1000, w)


HONEST = [
    ("matmul", lambda x, w: x @ w, lambda x, w, dy: (dy @ w.T, x.T @ dy), ((5, 70), (70, 3))),
    ("layer norm", layer_norm, layer_norm_back, ((4, 33), (33,))),
    ("ill conditioned", spread, lambda x, w, dy: layer_norm_back(x + 1000, w, dy), ((4, 33), (33,))),
    ("softmax", lambda x: special.softmax(x, -1), softmax_back, ((3, 17),)),
    ("mean", lambda x: x.mean(), lambda x, dy: np.full(x.shape, dy / x.size), ((6, 5),)),
    ("dy itself", lambda x, y: x + y, lambda x, y, dy: (dy, dy), ((4, 4), (4, 4))),
    ("kink", np.abs, lambda x, dy: dy * np.sign(x), ((4, 4),)),
    ("two outputs", lambda x: (np.sin(x), x.sum(0)), lambda x, dys: dys[0] * np.cos(x) + dys[1], ((4, 3),)),
    ("outer", np.multiply.outer, lambda x, y, dy: (dy @ y, x @ dy), ((5,), (7,))),
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "forward", "backward", "shapes"), HONEST, ids=[row[0] for row in HONEST])
def test_an_honest_backward_keeps_them_all(name, forward, backward, shapes, dtype):
    """Honest code would be called wrong for its rounding."""
    for seed in range(8):
        random = np.random.default_rng(seed)
        inputs = tuple(random.standard_normal(shape).astype(dtype) for shape in shapes)
        check = check_gradient(forward, backward, inputs, seed=seed)
        assert {one.outcome for one in check.contracts} <= {
            "kept",
            "not tried",
            *({"undecided"} if name == "ill conditioned" else ()),
        }, str(check)


@pytest.mark.parametrize(
    "backward",
    [lambda x, dy: 2 * x, lambda x, dy: np.abs(dy) * 2 * x, lambda x, dy: dy * dy * 2 * x, lambda x, dy: np.sign(dy) * 2 * x],
    ids=["ignored", "its size", "its square", "its sign"],
)
def test_a_wrong_gradient_that_is_not_linear_in_dy_is_told_so(backward):
    """That dy is ignored, or not multiplied with, would stay without a name."""
    check = check_gradient(forward, backward, (X,))
    assert [one.verdict for one in check.findings] == ["wrong"]
    assert [one.name for one in check.contracts if one.outcome == "broken"] == ["linear"], str(check)


def test_a_wrong_gradient_is_not_accused_of_more():
    """A wrong factor would be told as ten violations."""
    check = check_gradient(lambda x, w: x @ w, lambda x, w, dy: (2 * dy @ w.T, -x.T @ dy), (X, X.T.copy()))
    assert {one.verdict for one in check.findings} == {"wrong"}
    assert {one.outcome for one in check.contracts} == {"kept", "not tried"}, str(check)


def test_what_refuses_strides_is_told_and_not_accused():
    """Code that says clearly what it does not take would be called wrong."""

    def careful(x, dy):
        if not dy.flags.c_contiguous:
            raise ValueError("dy must be contiguous")
        return dy * 2 * x

    check = check_gradient(forward, careful, (X,))
    assert check.ok
    assert "contract refused: strides" in str(check)
    assert "dy must be contiguous" in " ".join(str(check).split())


def test_contracts_are_chosen_by_name():
    """Nobody could leave out what does not concern them, or a mistyped name would try nothing."""
    assert check_gradient(forward, in_place, (X,), contracts=False).contracts == ()
    (one,) = check_gradient(forward, in_place, (X,), contracts=("linear",)).contracts
    assert (one.name, one.outcome) == ("linear", "kept")
    with pytest.raises(ValueError, match='did you mean "linear"'):
        check_gradient(forward, back, (X,), contracts=("liner",))
