"""Every row of the table of mutants, planted into backwards in this process: it does what its title says."""

import re
import sys
from functools import partial
from inspect import signature
from types import FunctionType, ModuleType

import numpy as np
import pytest

from bpcompare.tools.doubt.mutants import KINDS, mutants
from bpcompare.tools.doubt.observer import Observer
from places import ROOT

X = np.array([[1.1, -2.3], [0.7, 3.1]])
W = np.array([[0.3, 0.7], [-1.1, 0.2]])
DY = np.array([[2.0, -1.0], [0.5, 4.0]])
ONES = np.ones_like(DY)


def affine_backward(x, w, b, dy):
    """Gradients of x w + b."""
    return dy @ w.T, x.T @ dy, dy.sum(0)


TRUE = affine_backward(X, W, None, DY)
GRADIENT = TRUE[1]
WITHOUT_LAST = GRADIENT * [[1], [0]]
WITHOUT_FIRST = GRADIENT * [[0], [1]]
MIDDLE = np.array([[0.0, 0.0], [1.0, 0.0]])
WANTED = {
    "sign": -GRADIENT,
    "half": GRADIENT / 2,
    "double": GRADIENT * 2,
    "zero": GRADIENT * 0,
    "none": None,
    "transposed": GRADIENT.T,
    "dy-ignored": X.T @ ONES,
    "dy-absolute": X.T @ abs(DY),
    "dy-squared": X.T @ DY**2,
    "last-row": WITHOUT_LAST,
    "first-row": WITHOUT_FIRST,
    "element": GRADIENT * (1 - MIDDLE),
    "element-off": GRADIENT * (1 + 0.1 * MIDDLE),
    "factor": GRADIENT * 1.001,
    "float32": GRADIENT.astype(np.float32).astype(float),
    "float16": GRADIENT.astype(np.float16).astype(float),
    "swapped": TRUE[0],
}
"""What each kind makes of the gradient of w, the same for every framework."""


@pytest.fixture
def module(monkeypatch):
    """module(name=object): a module of theirs, with a backward in it."""

    def make(**content):
        it = ModuleType("theirs")
        vars(it).update(content)
        for one in content.values():
            one.__module__ = "theirs"
        monkeypatch.setitem(sys.modules, "theirs", it)
        return it

    return make


def numpy_pair():
    return {"affine_backward": FunctionType(affine_backward.__code__, globals())}, "affine_backward"


def torch_function():
    torch = pytest.importorskip("torch")

    class Affine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w, b):
            ctx.save_for_backward(x, w)
            return x @ w + b

        @staticmethod
        def backward(ctx, dy):
            x, w = ctx.saved_tensors
            return dy @ w.T, x.T @ dy, dy.sum(0)

    return {"Affine": Affine}, "Affine"


def jax_rule():
    jax = pytest.importorskip("jax")

    @jax.custom_vjp
    def affine(x, w, b):
        return x @ w + b

    affine.defvjp(lambda x, w, b: (affine(x, w, b), (x, w)), lambda kept, dy: (dy @ kept[1].T, kept[0].T @ dy, dy.sum(0)))
    return {"affine": affine}, "affine"


def called(module, name, dy=DY):
    """The three gradients, by the framework's own way."""
    it = getattr(module, name)
    if name == "affine_backward":
        return it(X, W, np.zeros(2), dy)
    if name == "Affine":
        import torch

        leaves = [torch.tensor(x, requires_grad=True) for x in (X, W, np.zeros(2))]
        it.apply(*leaves).backward(torch.tensor(dy))
        return [None if x.grad is None else x.grad.numpy() for x in leaves]
    import jax

    with jax.enable_x64(True):
        _, pull = jax.vjp(it, X, W, jax.numpy.zeros(2))
        return [np.array(g) for g in jax.jit(pull)(jax.numpy.array(dy))]


PAIRS = [numpy_pair, torch_function, jax_rule]


@pytest.mark.parametrize("pair", PAIRS)
def test_every_kind_does_what_it_says(module, pair):
    """A mutant would be another mistake than the one that is told, or none."""
    content, name = pair()
    counting = Observer(None)
    it = module(**content)
    counting.plant(it, name, "")
    called(it, name)
    counting.settled()
    assert [leaf.name for leaf in counting.seen.leaves] == ["x", "w", "b"]
    assert (counting.seen.calls, counting.seen.ones, counting.seen.negative) == (1, False, True)
    counting.seen.leaves[1].dtypes.append("float32")
    tried = [
        one for one in mutants(counting.seen) if one.kind in WANTED and one.where in ("w", "x" if one.kind == "swapped" else "w")
    ]
    assert {one.kind for one in tried} == set(WANTED) - ({"none"} if name == "affine" else set())
    for mutant in tried:
        content, name = pair()
        it = module(**content)
        planting = Observer(mutant.plan())
        planting.plant(it, name, "")
        found = called(it, name)
        planting.settled()
        assert planting.seen.differed, mutant
        assert not planting.seen.error, mutant
        wanted = WANTED[mutant.kind]
        if wanted is None:
            assert found[1] is None
        else:
            np.testing.assert_allclose(found[1], wanted, rtol=1e-12, err_msg=mutant.kind)
            if mutant.kind != "swapped":
                np.testing.assert_allclose(found[0], TRUE[0], rtol=1e-12)
            np.testing.assert_allclose(found[2], TRUE[2], rtol=1e-12)


@pytest.mark.parametrize("pair", PAIRS[:2])
def test_dy_changed_in_place(module, pair):
    """What others read of the same array afterwards is another number."""
    content, name = pair()
    it = module(**content)
    planting = Observer({"kind": "in-place"})
    planting.plant(it, name, "")
    if name == "Affine":
        import torch

        dy = torch.tensor(DY)
        it.Affine.apply(torch.tensor(X, requires_grad=True), torch.tensor(W), torch.zeros(2)).backward(dy)
    else:
        dy = DY.copy()
        it.affine_backward(X, W, None, dy)
    assert planting.seen.differed
    np.testing.assert_allclose(dy, TRUE[0])


def test_what_was_broadcast(module):
    """The commonest mistake of a bias: its gradient is not summed over the batch."""
    for kind, wanted in (("broadcast-first", DY[0]), ("broadcast-mean", DY.mean(0))):
        content, name = numpy_pair()
        it = module(**content)
        Observer({"kind": kind, "leaf": 2}).plant(it, name, "")
        np.testing.assert_allclose(called(it, name)[2], wanted)


def test_an_output_that_is_forgotten(module):
    """A backward of two outputs uses the gradient of one."""
    torch = pytest.importorskip("torch")

    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, da, db):
            return da * 2 + db * 3

    it = module(Both=Both)
    counting = Observer(None)
    counting.plant(it, "Both", "")

    def gradient():
        x = torch.ones(2, requires_grad=True)
        a, b = it.Both.apply(x)
        (a.sum() + b.sum()).backward()
        return x.grad.tolist()

    gradient()
    tried = [one for one in mutants(counting.seen) if one.kind == "output"]
    assert [one.title for one in tried] == ["dy of output 1 forgotten", "dy of output 2 forgotten"]
    Observer(tried[1].plan()).plant(it, "Both", "")
    assert gradient() == [2.0, 2.0]


def test_the_table_is_whole():
    """A kind without a row here would be planted, and nobody would have looked at what it does."""
    assert set(KINDS) == {*WANTED, "in-place", "broadcast-first", "broadcast-mean", "output", "term"}


def test_a_function_in_a_table(module):
    """Libraries of layers keep their backwards in a table: what is planted under the name alone would never be called."""
    content, name = numpy_pair()
    it = module(**content)
    table, held = {"affine": getattr(it, name)}, partial(getattr(it, name), X, W)
    planting = Observer({"kind": "sign", "leaf": 2})
    planting.plant(it, name, "")
    np.testing.assert_array_equal(table["affine"](X, W, None, DY)[2], -TRUE[2])
    np.testing.assert_array_equal(held(None, dy=DY)[2], -TRUE[2])
    assert list(signature(table["affine"]).parameters) == ["x", "w", "b", "dy"]
    assert planting.seen.calls == 2


def test_every_kind_stands_on_the_page():
    """A kind of mutant in somebody's table that no page explains."""
    page = (ROOT / "docs" / "doubt.md").read_text(encoding="utf-8")
    rows = page[page.index("| kind |") : page.index("## How it decides")]
    assert set(re.findall(r"`([a-z0-9-]+)`", "".join(row.split("|")[1] for row in rows.splitlines()[2:] if row))) == set(KINDS)
