"""Backwards of every form that people write: found, planted, with the names of their gradients."""

import sys
from types import ModuleType

import numpy as np
import pytest

from bpcompare.tools.doubt.mutants import mutants
from bpcompare.tools.doubt.observer import Observer
from bpcompare.tools.doubt.remedy import check
from bpcompare.tools.doubt.target import TargetError, target

TORCH = """
import torch
from torch.autograd.function import once_differentiable

class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale=2.0):
        ctx.scale = scale
        return x * scale
    @staticmethod
    @once_differentiable
    def backward(ctx, dy):
        return dy * (ctx.scale + 0 * dy), None

class Split(torch.autograd.Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(x, w):
        return x * w
    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy * w, dy * x

class Other(Once):
    backward = torch.autograd.Function.backward
    @staticmethod
    def vjp(ctx, dy):
        return dy * ctx.scale, None

class Child(Once):
    pass

class Bare(torch.autograd.Function):
    pass
"""
JAX = """
import jax
from functools import partial

@partial(jax.custom_vjp, nondiff_argnums=(1,))
def scaled(parts, factor, shift):
    return parts["a"] * parts["b"] * factor + shift

def _bwd(factor, kept, dy):
    return {"a": dy * kept["b"] * factor, "b": dy * kept["a"] * factor}, dy

scaled.defvjp(lambda parts, factor, shift: (scaled(parts, factor, shift), parts), _bwd)
compiled = jax.jit(scaled, static_argnums=1)

@jax.custom_vjp
def bare(x):
    return x
"""
PLAIN = """
def affine_forward(x, w):
    return x @ w, (x, w)

def affine_backward(dout, cache):
    x, w = cache
    return {"dx": dout @ w.T, "dw": x.T @ dout}

def square(x): return x * x
def square_grad(grad_output, x): return 2 * x * grad_output
def nothing(): pass

class Cached:
    @staticmethod
    def forward(x): return x * x, x
    @staticmethod
    def backward(cache, dy): return 2 * cache * dy

class Layer:
    def backward(self, dy): return 2 * dy
"""


@pytest.fixture
def theirs(monkeypatch):
    """theirs(source): a module of that source."""

    def make(source):
        it = ModuleType("theirs")
        monkeypatch.setitem(sys.modules, "theirs", it)
        exec(compile(source, "theirs.py", "exec"), vars(it))
        return it

    return make


def seen(module, path, call):
    """What counting sees of a call."""
    counting = Observer(None)
    counting.plant(module, path, "")
    assert not counting.seen.problem
    call()
    counting.settled()
    return counting.seen


@pytest.mark.parametrize("name", ["Once", "Child", "Other"])
def test_torch_functions_with_a_decorator(theirs, name):
    """once_differentiable and inheritance are how backwards are really written."""
    torch = pytest.importorskip("torch")
    it = theirs(TORCH)
    x = torch.ones(3, requires_grad=True)
    found = seen(it, name, lambda: getattr(it, name).apply(x, 3.0).sum().backward())
    assert (found.calls, found.ones, [leaf.name for leaf in found.leaves]) == (1, True, ["x", "scale"])
    assert {one.leaf for one in mutants(found) if one.kind == "sign"} == {0}, "scale has no gradient"
    assert check(found.found) == f"bpcompare.check_gradient({name}, inputs=(x, scale)).assert_ok()"


def test_torch_func(theirs):
    """Under torch.func the numbers cannot be looked at, and the call must work."""
    torch = pytest.importorskip("torch")
    it = theirs(TORCH)

    def per_example(x, w):
        return torch.func.vmap(torch.func.grad(lambda x, w: it.Split.apply(x, w).sum()))(x, w)

    x, w = torch.ones(4, 3), torch.full((4, 3), 2.0)
    found = seen(it, "Split", lambda: per_example(x, w))
    assert (found.calls, [leaf.name for leaf in found.leaves]) == (1, ["x", "w"])
    planting = Observer({"kind": "double", "leaf": 0})
    planting.plant(it, "Split", "")
    assert (per_example(x, w) == 4).all()
    assert planting.seen.differed or planting.seen.unsure


def test_jax_trees_and_constants(theirs):
    """A gradient inside a dict, beside an argument without one, is a gradient."""
    jax = pytest.importorskip("jax")
    it = theirs(JAX)
    parts = {"a": np.ones(2), "b": np.full(2, 3.0)}

    def gradient():
        return jax.grad(lambda parts: it.compiled(parts, 2.0, np.zeros(2)).sum())(parts)

    found = seen(it, "compiled", gradient)
    assert [leaf.name for leaf in found.leaves] == ["parts['a']", "parts['b']", "shift"]
    jax.clear_caches()
    planting = Observer({"kind": "zero", "leaf": 1})
    planting.plant(it, "scaled", "")
    assert gradient()["b"].tolist() == [0.0, 0.0]
    assert gradient()["a"].tolist() == [6.0, 6.0]


def test_plain_functions(theirs):
    """dy comes first as often as last, and a cache is no input."""
    it = theirs(PLAIN)
    x, w, dy = np.ones((2, 3)), np.ones((3, 2)), np.full((2, 2), -1.0)
    found = seen(it, "affine_backward", lambda: it.affine_backward(dy, (x, w)))
    assert [leaf.name for leaf in found.leaves] == ["dx", "dw"]
    assert (found.found.dy, found.negative) == ("dout", True)
    assert check(found.found) == (
        "bpcompare.check_gradient(lambda x: affine_forward(x)[0], "
        "lambda x, dy: affine_backward(dy, affine_forward(x)[1]), (x,)).assert_ok()"
    )
    found = seen(it, "square_grad", lambda: it.square_grad(x=x, grad_output=x))
    assert check(found.found) == (
        "bpcompare.check_gradient(square, lambda x, dy: square_grad(x=x, grad_output=dy), (x,)).assert_ok()"
    )


def test_static_methods_and_layers(theirs):
    """The line that kills a mutant would call a method that takes other arguments."""
    it = theirs(PLAIN)
    found = seen(it, "Cached.backward", lambda: it.Cached.backward(np.ones(2), np.ones(2)))
    assert check(found.found) == (
        "bpcompare.check_gradient(lambda x: Cached.forward(x)[0], "
        "lambda x, dy: Cached.backward(Cached.forward(x)[1], dy), (x,)).assert_ok()"
    )
    found = seen(it, "Layer.backward", lambda: it.Layer().backward(np.ones(2)))
    assert check(found.found) == ("bpcompare.check_gradient(layer.forward, layer.backward, (x,)).assert_ok()")


def test_a_function_by_the_name_of_its_apply(theirs):
    """`swish = Swish.apply` is what a module exports, and what somebody names."""
    torch = pytest.importorskip("torch")
    it = theirs(TORCH + "\nonce = Once.apply\n")
    found = seen(it, "once", lambda: it.once(torch.ones(3, requires_grad=True), 3.0).sum().backward())
    assert (found.calls, found.found.kind, found.found.call) == (1, "torch", "Once")


@pytest.mark.parametrize(
    ("source", "path", "words"),
    [
        (TORCH, "Bare", "Bare has no backward"),
        (TORCH, "Onec", 'theirs has no Onec; did you mean "Once"?'),
        (JAX, "bare", "bare.defvjp"),
        (PLAIN, "nothing", "takes no dy"),
        (PLAIN, "zzz", "theirs has affine_backward, square_grad"),
    ],
)
def test_what_has_no_backward(theirs, source, path, words):
    """An error of ours, deep in somebody's pytest."""
    for framework in ("torch", "jax"):
        if f"import {framework}" in source:
            pytest.importorskip(framework)
    with pytest.raises(TargetError, match=words.replace("?", r"\?")):
        target(theirs(source), path, "")
