"""Contracts of JAX functions: each planted violation has a right gradient on the inputs, and is caught by its name."""

from itertools import count

import numpy as np
import pytest

from bpcompare import check_gradient

jax = pytest.importorskip("jax")
jnp = jax.numpy
X, W = np.linspace(-1.3, 1.7, 12).reshape(3, 4), np.linspace(0.4, -0.9, 12).reshape(3, 4)
CALLS = count()


def made(back):
    @jax.custom_vjp
    def product(x, w):
        return x * w

    product.defvjp(lambda x, w: (x * w, (x, w)), back)
    return product


def right(kept, dy):
    x, w = kept
    return dy * w, dy * x


def clipped(kept, dy):
    x, w = kept
    return jnp.clip(dy, -100, 100) * w, dy * x


def normed(kept, dy):
    x, w = kept
    size = jnp.linalg.norm(dy)
    return dy / size * w * size, dy * x


def absolute(kept, dy):
    x, w = kept
    return jnp.where((dy > 0).any() & (dy < 0).any(), dy, jnp.abs(dy)) * w, dy * x


def shaky(kept, dy):
    x, w = kept
    return dy * w * (1 + 1e-3 * (next(CALLS) % 5 == 4)), dy * x


@pytest.mark.parametrize(
    ("name", "back", "said"),
    [
        ("linear", clipped, "dy was multiplied with -65536"),
        ("linear", normed, "dy was 0"),
        ("linear", absolute, "positive and its negative part"),
        ("runs", shaky, "ran again on the same numbers"),
    ],
    ids=["clipped", "normed", "absolute", "shaky"],
)
def test_a_broken_contract_is_caught_by_its_name(name, back, said):
    """A backward that is right in a test and wrong in a program would pass."""
    check = check_gradient(made(back), inputs=(X, W), names=("x", "w"))
    broken = {one.name: one for one in check.contracts if one.outcome == "broken"}
    assert list(broken) == [name], str(check)
    assert said in broken[name].said, str(check)
    assert check.verdict == "wrong"


def norm(x):
    return (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)


FEW = [
    ("product", made(right), ((3, 4), (3, 4))),
    ("matmul", jnp.matmul, ((5, 33), (33, 7))),
]
MORE = [
    ("gelu", jax.nn.gelu, ((4, 9),)),
    ("relu", jax.nn.relu, ((4, 9),)),
    ("softmax", jax.nn.softmax, ((3, 17),)),
    ("logsumexp", jax.nn.logsumexp, ((3, 17),)),
    ("layer norm", norm, ((4, 33),)),
    ("tuple", lambda x, w: (x @ w.T, {"sum": x.sum(0)}), ((3, 4), (5, 4))),
]


def tried(name, function, shapes, dtype, seed):
    random = np.random.default_rng(seed)
    with jax.enable_x64(True):
        arrays = tuple(jnp.asarray(random.standard_normal(shape).astype(dtype)) for shape in shapes)
    check = check_gradient(function, inputs=arrays, seed=seed)
    assert {one.outcome for one in check.contracts} <= {"kept", "not tried"}, f"{name}\n{check}"


@pytest.mark.parametrize(("name", "function", "shapes"), FEW, ids=[row[0] for row in FEW])
def test_what_is_honest_keeps_them_all(name, function, shapes):
    """JAX's own functions would be called wrong for their rounding."""
    tried(name, function, shapes, np.float32, 0)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "function", "shapes"), [*FEW, *MORE], ids=[row[0] for row in [*FEW, *MORE]])
def test_more_of_what_is_honest_keeps_them_all(name, function, shapes, dtype):
    """The same, of more functions and seeds."""
    for seed in range(8):
        tried(name, function, shapes, dtype, seed)
