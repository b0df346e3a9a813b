"""Contracts with other ways to differentiate: forward mode, vmap, and the gradient differentiated again."""

import numpy as np
import pytest

from bpcompare import check_gradient

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
jnp = jax.numpy
F = torch.nn.functional
X = torch.linspace(-1.3, 1.7, 12, dtype=torch.float64).reshape(3, 4)
W = torch.linspace(0.4, -0.9, 12, dtype=torch.float64).reshape(3, 4)


class Right(torch.autograd.Function):
    """x² w with all that a function may offer."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, w):
        return x * x * w

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return 2 * dy * w * x, dy * x * x

    @staticmethod
    def jvp(ctx, tx, tw):
        x, w = ctx.saved_tensors
        first = 0 if tx is None else 2 * x * w * tx
        return first if tw is None else first + x * x * tw


class HalfJvp(Right):
    @staticmethod
    def jvp(ctx, tx, tw):
        x, w = ctx.saved_tensors
        return x * w * tx if tx is not None else x * x * tw


class Shuffled(Right):
    generate_vmap_rule = False

    @staticmethod
    def vmap(info, in_dims, x, w):
        if None in in_dims:
            return (x * x * w).flip(0), 0
        x, w = x.movedim(in_dims[0], 0), w.movedim(in_dims[1], 0)
        return x * x * w, 0


class OldTanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        t = torch.tanh(x)
        ctx.save_for_backward(x, t)
        return 2 * t

    @staticmethod
    def backward(ctx, dy):
        _, t = ctx.saved_tensors
        return 2 * dy * (1 - t * t)


class Detached(OldTanh):
    @staticmethod
    def backward(ctx, dy):
        x, _ = ctx.saved_tensors
        return (2 * dy * (1 - torch.tanh(x) ** 2)).detach()


class DetachedDy(OldTanh):
    @staticmethod
    def backward(ctx, dy):
        x, _ = ctx.saved_tensors
        return 2 * dy.detach() * (1 - torch.tanh(x) ** 2)


class Twofold(OldTanh):
    @staticmethod
    def backward(ctx, dy):
        x, _ = ctx.saved_tensors
        return 2 * dy * (1 - torch.tanh(x) ** 2)


class Once(OldTanh):
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        x, _ = ctx.saved_tensors
        return 2 * dy * (1 - torch.tanh(x) ** 2)


def broken(check):
    return {one.name: one for one in check.contracts if one.outcome == "broken"}


@pytest.mark.parametrize(
    ("name", "function", "inputs", "said"),
    [
        ("forward_mode", HalfJvp, (X, W), "x was moved along a vector"),
        ("vmap", Shuffled, (X, W), "only x was stacked"),
        ("second", OldTanh, (X,), "differentiated again by x"),
        ("second", Detached, (X,), "differentiated again by x"),
        ("second", DetachedDy, (X,), "differentiated again by dy"),
    ],
    ids=["jvp", "vmap", "intermediate", "detached", "dy detached"],
)
def test_a_mode_that_is_wrong_is_caught_by_its_name(name, function, inputs, said):
    """A right gradient would hide that forward mode, vmap or the second derivative is wrong."""
    check = check_gradient(function, inputs=inputs, names=("x", "w")[: len(inputs)], order=2)
    assert {one.verdict for one in check.findings} == {"certified"}, str(check)
    assert list(broken(check)) == [name], str(check)
    assert said in broken(check)[name].said
    assert check.verdict == "wrong"


def test_what_offers_them_keeps_them_and_once_differentiable_is_no_mistake():
    """Honest functions would be accused, or what they offer not be tried."""
    found = {one.name: one for one in check_gradient(Right, inputs=(X, W), order=2).contracts}
    assert {found[name].outcome for name in ("forward_mode", "vmap", "second")} == {"kept"}
    assert check_gradient(Twofold, inputs=(X,), order=2).ok
    check = check_gradient(Once, inputs=(X,), order=2)
    assert check.ok
    assert "once_differentiable" in {one.name: one for one in check.contracts}["second"].said


def batched_wrongly():
    @jax.custom_batching.custom_vmap
    def slope(x):
        return 1 - jnp.tanh(x) ** 2

    @slope.def_vmap
    def _rule(size, is_batched, x):
        return (1 - jnp.tanh(x) ** 2)[::-1], True

    return slope


def tanh_with(slope):
    @jax.custom_vjp
    def function(x):
        return jnp.tanh(x)

    function.defvjp(lambda x: (jnp.tanh(x), x), lambda x, dy: (dy * slope(x),))
    return function


def right_slope(x):
    return 1 - jnp.tanh(x) ** 2


@pytest.mark.parametrize(
    ("name", "slope"),
    [("vmap", batched_wrongly()), ("second", lambda x: jax.lax.stop_gradient(right_slope(x)))],
    ids=["vmap", "stopped"],
)
def test_a_mode_of_jax_that_is_wrong_is_caught_by_its_name(name, slope):
    """The same in JAX."""
    order = 2 if name == "second" else 1
    assert check_gradient(tanh_with(right_slope), inputs=(X.numpy(),), order=order).ok
    check = check_gradient(tanh_with(slope), inputs=(X.numpy(),), order=order)
    assert {one.verdict for one in check.findings} == {"certified"}, str(check)
    assert list(broken(check)) == [name], str(check)


def test_a_wrong_jvp_of_jax_is_wrong_forwards_as_well():
    """That ⟨dy, J v⟩ = ⟨Jᵀ dy, v⟩ would be said of a custom_jvp that was not asked."""

    @jax.custom_jvp
    def sine(x):
        return jnp.sin(x)

    sine.defjvp(lambda xs, ts: (jnp.sin(xs[0]), jnp.cos(xs[0]) * ts[0]))
    found = {one.name: one for one in check_gradient(sine, inputs=(jnp.linspace(-1.0, 1.0, 6),), order=2).contracts}
    assert {found[name].outcome for name in ("forward_mode", "vmap", "second")} == {"kept"}, found


HONEST = [
    ("gelu", F.gelu, ((4, 9),)),
    ("relu", F.relu, ((4, 9),)),
    ("softmax", lambda x: F.softmax(x, -1), ((3, 7),)),
    ("layer norm", lambda x, w: F.layer_norm(x, (9,), w), ((4, 9), (9,))),
    ("linear", F.linear, ((5, 6), (7, 6), (7,))),
    ("max pool", lambda x: F.max_pool2d(x, 2), ((1, 2, 4, 4),)),
    ("sum", torch.sum, ((4,),)),
]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("name", "function", "shapes"), HONEST, ids=[row[0] for row in HONEST])
@pytest.mark.parametrize("seeds", [range(2), pytest.param(range(2, 8), marks=pytest.mark.slow)], ids=["few", "more"])
def test_honest_functions_keep_every_mode(name, function, shapes, dtype, seeds):
    """torch's own double backward, forward mode and vmap would be accused."""
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        inputs = tuple(torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes)
        check = check_gradient(function, inputs=inputs, seed=seed, order=2, contracts=("forward_mode", "vmap", "second"))
        assert [one.outcome for one in check.contracts] == ["kept"] * 3, f"{name}\n{check}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "function",
    [jax.nn.relu, *(pytest.param(one, marks=pytest.mark.slow) for one in (jax.nn.gelu, jax.nn.softmax))],
    ids=["relu", "gelu", "softmax"],
)
def test_honest_functions_of_jax_keep_every_mode(function):
    """The same in JAX."""
    for seed in range(2):
        x = jnp.asarray(np.random.default_rng(seed).standard_normal((3, 5)))
        check = check_gradient(function, inputs=(x,), seed=seed, order=2, contracts=("forward_mode", "vmap", "second"))
        assert [one.outcome for one in check.contracts] == ["kept"] * 3, str(check)
