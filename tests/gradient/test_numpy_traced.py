"""NumPy code is written down as it runs: what JAX says of the same code is certified, and no mistake in it passes."""

import dis

import numpy as np
import pytest
from scipy import special

from bpcompare import check_gradient
from bpcompare.tools.gradient.arrays.creation import _called_by_name

jax = pytest.importorskip("jax")
R = np.random.default_rng(11)
X, Y, W, V, S = (R.standard_normal(shape) for shape in ((4, 3), (4, 3), (3, 5), (6,), (4, 4)))
P = np.abs(X) + 0.5
"""Positive numbers."""


def window_sums(np, x, k):
    return np.stack([(x[i : i + 2] * k).sum() for i in range(5)])


def attention(np, q, k, v):
    s = q @ k.T / np.sqrt(3.0)
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return (e / e.sum(axis=-1, keepdims=True)) @ v


def recurrent(np, w, h):
    for _ in range(4):
        h = np.tanh(h @ w + 0.1)
    return h


FUNCTIONS = {
    "sum over an axis": lambda np, x: x.sum(axis=0) * 2,
    "mean, kept": lambda np, x: x - np.mean(x, axis=1, keepdims=True),
    "variance": lambda np, x: np.var(x, axis=0, ddof=1),
    "standard deviation": lambda np, x: x.std(axis=-1),
    "product": lambda np, x: np.prod(x, axis=1),
    "largest": lambda np, x: x.max(axis=1),
    "smallest of all": lambda np, x: np.min(x),
    "cumulative": lambda np, x: np.cumsum(x, axis=1) + np.cumprod(x, axis=0),
    "reshape and turn": lambda np, x: x.reshape(2, 6).T[1:, ::-1] ** 3,
    "swap and move axes": lambda np, x: np.moveaxis(np.swapaxes(x[None], 0, 2), 0, 1) * np.arange(3.0)[:, None],
    "fancy index": lambda np, x: x[np.array([0, 2, 2]), np.array([1, 1, 0])],
    "mask": lambda np, x: np.where(x > 0, x, 0.1 * x),
    "clip": lambda np, x: np.clip(x, -0.5, 0.5) * x,
    "concatenate": lambda np, x, y: np.concatenate([x, y[:, :2]], axis=1) ** 2,
    "stack": lambda np, x, y: np.stack([x, y], axis=1) * np.stack([y, x], axis=1),
    "roll, flip, tile": lambda np, x: np.tile(np.roll(np.flip(x, 0), 1, axis=1), (2, 1)) ** 2,
    "repeat": lambda np, x: np.repeat(x, 2, axis=0) * np.arange(8.0)[:, None],
    "pad": lambda np, x: np.pad(x, ((1, 0), (0, 2))) ** 2 + np.pad(x, ((0, 1), (2, 0)), mode="edge"),
    "split": lambda np, x: np.split(x, 3, axis=1)[0] * np.split(x, 3, axis=1)[2],
    "triangle and diagonal": lambda np, s: np.tril(s) @ np.triu(s, 1) + np.diag(np.diagonal(s)),
    "trace": lambda np, s: np.trace(s @ s),
    "matrix product": lambda np, x, w: x @ w,
    "dot, outer, inner": lambda np, v: np.outer(v, v) @ v + np.dot(v, v) + np.inner(v, v) * v,
    "tensordot": lambda np, x, y: np.tensordot(x, y, axes=([0], [0])),
    "einsum": lambda np, x, w: np.einsum("ij,jk,ij->ik", x, w, x),
    "einsum with dots": lambda np, x, w: np.einsum("...j,jk->...k", x, w),
    "einsum of one": lambda np, x: np.einsum("ij->j", x),
    "norm": lambda np, x: x / np.linalg.norm(x, axis=1, keepdims=True),
    "inverse": lambda np, s: np.linalg.inv(s + 3 * np.eye(4)),
    "powers": lambda np, p: p**2.5 + p**-1 + 2.0**p + p**p,
    "exponentials": lambda np, x: np.expm1(x) + np.exp2(x) + np.logaddexp(x, 0.3),
    "logarithms": lambda np, p: np.log(p) + np.log1p(p) + np.log2(p) * np.log10(p),
    "trigonometric": lambda np, x: np.sin(x) * np.cos(x) + np.arctan2(x, 2.0) + np.hypot(x, 1.0),
    "hyperbolic": lambda np, x: np.tanh(x) + np.sinh(x) / np.cosh(x) + np.arcsinh(x),
    "absolute, signed": lambda np, x: np.abs(x) + np.sign(x) * x + np.maximum(x, 0.2) + np.minimum(x, -0.2),
    "windows in a loop": window_sums,
    "attention": attention,
    "a recurrent cell": recurrent,
    "sorted": lambda np, x: np.sort(x, axis=1)[:, :2],
    "broadcast": lambda np, x, v: x[:, :, None] * v + np.broadcast_to(v, (3, 6)),
    "division": lambda np, x, p: x / p - (1.0 / p) * x + (-x) / 2,
    "meshed": lambda np, x: np.expand_dims(x, 1) - np.expand_dims(x, 0),
}
NAMED = {"x": X, "y": Y, "w": W, "v": V, "s": S, "p": P, "q": X, "k": Y, "h": X[:, :3], "np": None}
INPUTS = {"windows in a loop": (V, V[:2]), "attention": (X, Y, R.standard_normal((4, 2))), "a recurrent cell": (S[:3, :3], X)}


def pair(function):
    """The NumPy function, and JAX's gradient of the same code."""

    def backward(*args):
        *xs, dy = args
        with jax.enable_x64(True):
            return tuple(
                np.asarray(g) for g in jax.vjp(lambda *given: function(jax.numpy, *given), *xs)[1](jax.numpy.asarray(dy))
            )

    return lambda *xs: function(np, *xs), backward


def inputs_of(name):
    function = FUNCTIONS[name]
    return INPUTS.get(name) or tuple(NAMED[key] for key in function.__code__.co_varnames[1 : function.__code__.co_argcount])


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_jax_says_is_certified_and_a_small_mistake_is_wrong(name):
    """A law of ours would be misapplied to a function of NumPy's: right code called wrong, or wrong code right."""
    forward, backward = pair(FUNCTIONS[name])
    inputs = inputs_of(name)
    check = check_gradient(forward, backward, inputs)
    assert check.untraced == ""
    assert check.verdict == "certified", str(check)
    assert check.power < 1e-9

    def nearly(*args):
        first, *rest = backward(*args)
        return (first * (1 + 1e-8), *rest)

    assert check_gradient(forward, nearly, inputs).findings[0].verdict == "wrong"


def test_writing_in_place_is_followed():
    """Loops that fill an array, the commonest NumPy there is, would be judged by differences, or a write be overlooked."""

    def forward(x, k):
        out = np.zeros(4)
        for i in range(4):
            out[i] = (x[i : i + 3] * k).sum()
        view = out[1:3]
        view *= 2
        out[0] += out[3]
        out[-1] = 0.5
        return np.asarray(out)

    def backward(x, k, dy):
        d = np.array([dy[0], 2 * dy[1], 2 * dy[2], dy[0]])
        gx, gk = np.zeros_like(x), np.zeros_like(k)
        for i in range(4):
            gx[i : i + 3] += d[i] * k
            gk += d[i] * x[i : i + 3]
        return gx, gk

    check = check_gradient(forward, backward, (V, V[:3]))
    assert (check.verdict, check.untraced) == ("certified", "")
    wrong = check_gradient(forward, lambda x, k, dy: backward(x, k, np.array([dy[0], 2 * dy[1], dy[2], dy[0]])), (V, V[:3]))
    assert wrong.verdict == "wrong"


def test_terms_that_meet_are_added():
    """np.add.at, by which embeddings are written, would be taken for an assignment."""

    def forward(w, i):
        out = np.zeros((2, 3))
        np.add.at(out, i % 2, w[i])
        return out

    def backward(w, i, dy):
        g = np.zeros_like(w)
        np.add.at(g, i, dy[i % 2])
        return g, None

    check = check_gradient(forward, backward, (X, np.array([0, 1, 1, 3])))
    assert (check.verdict, check.untraced) == ("certified", "")


def test_ufuncs_of_scipy_are_followed():
    """Sigmoids and error functions are scipy's in NumPy code."""
    check = check_gradient(
        lambda x: special.expit(x) + special.erf(x),
        lambda x, dy: dy * (special.expit(x) * (1 - special.expit(x)) + 2 / np.sqrt(np.pi) * np.exp(-(x**2))),
        (X,),
    )
    assert (check.verdict, check.untraced) == ("certified", "")


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (lambda x: np.array([float(v) ** 2 for v in x.ravel()]), "taken out of an array"),
        (lambda x: special.softmax(x, -1).ravel() ** 2, ""),
        (lambda x: np.nan_to_num(x).ravel() ** 2, "nan_to_num"),
    ],
    ids=["bare numbers", "scipy's softmax", "a function nobody knows"],
)
def test_what_cannot_be_followed_is_said_and_judged_by_differences(forward, said):
    """A part out of sight would be taken for a constant, and a right backward be called wrong."""

    def backward(x, dy):
        found = np.zeros(x.size)
        for k in range(x.size):
            e = np.zeros(x.size)
            e[k] = 1e-6
            e = e.reshape(x.shape)
            found[k] = (dy * (forward(x + e) - forward(x - e)) / 2e-6).sum()
        return found.reshape(x.shape)

    check = check_gradient(forward, backward, (X[:2, :2],))
    assert check.untraced
    assert said in check.untraced
    assert "differences" in str(check)
    assert check.findings[0].expected == 0 or check.findings[0].relative < 1e-6


def test_what_a_layer_keeps_is_its_own_again():
    """A layer that keeps its input for its backward would be left with one of our arrays in it."""

    class Square:
        def forward(self, x):
            self.x = x
            return x * x

        def backward(self, x, dy):
            return 2 * self.x * dy

    layer = Square()
    assert check_gradient(layer.forward, layer.backward, (X,)).verdict == "certified"
    assert type(layer.x) is np.ndarray
    assert np.zeros.__module__ == "numpy"


def test_a_write_from_a_view_of_the_same_array():
    """What is written would be read after it was overwritten."""

    def forward(x):
        y = x * 1.0
        y[1:] = y[:-1]
        y[1:] += y[:-1] * y[:-1]
        return y

    def jaxed(x):
        y = x * 1.0
        y = y.at[1:].set(y[:-1])
        return y.at[1:].add(y[:-1] * y[:-1])

    def backward(x, dy):
        with jax.enable_x64(True):
            return np.asarray(jax.vjp(jaxed, jax.numpy.asarray(x))[1](jax.numpy.asarray(dy))[0])

    check = check_gradient(forward, backward, (X,))
    assert (check.verdict, check.untraced) == ("certified", "")


def test_random_numbers_of_a_generator_are_drawn_within():
    """NumPy's compiled generators ask `np.empty` for memory: an array of ours there ends the process."""

    def dropped(x):
        kept = np.zeros(x.shape)
        kept[:] = np.random.default_rng(3).random(x.shape) > 0.4
        return x * kept / 0.6

    def back(x, dy, mask):
        return dy * (np.random.default_rng(3).random(x.shape) > 0.4 if mask else 1.0) / 0.6

    verdicts = [check_gradient(dropped, lambda x, dy, m=m: back(x, dy, m), (X,), contracts=False).verdict for m in (1, 0)]
    assert verdicts == ["certified", "wrong"]


def test_what_compiled_code_asks_for_is_its_own():
    """`rng.random(3)` looks up `np.empty` without a frame of its own: the call that its caller is in names another function."""
    code = compile("a = rng.random(np.empty)\nb = np.empty((3, 2))\n", "theirs.py", "exec")
    calls = [one for one in dis.get_instructions(code) if one.opname == "CALL"]
    assert [_called_by_name(code, one.offset, "empty") for one in calls] == [True, True]
    code = compile("a = rng.random(3)\nb = np.empty((3, 2))\n", "theirs.py", "exec")
    calls = [one for one in dis.get_instructions(code) if one.opname == "CALL"]
    assert [_called_by_name(code, one.offset, "empty") for one in calls] == [False, True]
    assert not _called_by_name(code, calls[1].offset, "zeros")
