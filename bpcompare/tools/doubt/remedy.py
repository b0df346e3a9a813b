"""Why a mutant was not noticed, and the line of test that would notice it."""

from __future__ import annotations

from collections.abc import Sequence

from bpcompare.report.numbers import short
from bpcompare.tools.doubt.doubt import Doubt, Fate
from bpcompare.tools.doubt.seen import Found, Seen

CACHES = {"cache", "saved", "res", "residuals", "memo", "context", "ctx"}
"""What people call what a plain backward has of its forward."""
_SAME = {
    "compared": "the gradient is 0 in every call",
    "transposed": "the gradient is its own transpose in every call",
    "place": "the gradient is 0 there in every call",
    "size": "the gradient is the same to the last bit in every call",
    "broadcast": "the repetitions make no difference on these numbers: dy is the same in all of them, or 0",
    "outputs": "dy of this output is 0 in every call",
    "side effects": "dy has the same numbers after it in every call",
    "terms": "the term adds nothing on these numbers, or the next lines undo it",
    "dy": "dy makes no difference on these numbers",
}
_AROUND = {
    "transposed": "with a square {}, and a gradient that is not symmetric",
    "size": "with {} in float64",
    "broadcast": "with {} smaller than the output, in two rows at least",
}
_UNSEEN = {
    "place": "what your tests compare leaves these elements out",
    "dy": "what your tests compare leaves out where dy makes the difference",
}
LOOSE = 0.01
"""A mistake smaller than this share of the gradient is one for tolerances."""


def cause(fate: Fate, it: Doubt) -> str:
    """Why no test failed; {} stands for how far the gradient was off."""
    mutant, seen = fate.mutant, it.seen
    if fate.status == "same":
        return f"never differed on the numbers your tests use: {_same(mutant.kind, mutant.about, seen)}"
    if fate.by:
        return fate.by
    if mutant.about == "side effects":
        return "no test looks at dy after the call, or uses it a second time"
    if not fate.largest:
        return "no test compares it"
    if fate.largest < LOOSE:
        return "off by up to {} of the largest element: within your tolerances, or not compared"
    return f"off by up to {{}} of the largest element: {_UNSEEN.get(mutant.about, 'no test compares that')}"


def why(fates: Sequence[Fate], it: Doubt) -> str:
    """Why no test failed with any of these, which share a cause."""
    return cause(fates[0], it).replace("{}", short(max(fate.largest for fate in fates)))


def _same(kind: str, about: str, seen: Seen) -> str:
    if about == "dy" and seen.looked:
        if seen.ones:
            return "dy is 1 everywhere, as y.sum().backward() makes it"
        if kind == "dy-squared" and seen.flat:
            return "dy holds nothing but 0 and 1"
        if kind == "dy-absolute" and not seen.negative:
            return "dy is never below 0"
    if about == "dy" and seen.ones and not seen.traced and not seen.looked:
        return "no test gives it a dy: it is left at its default"
    return _SAME[about]


def line(fate: Fate, it: Doubt) -> str:
    """A line of test that fails with it."""
    found, about = it.found, fate.mutant.about
    if about == "side effects":
        return _untouched(found)
    name = it.seen.leaves[fate.mutant.leaf].name if fate.mutant.leaf >= 0 else ""
    around = _AROUND.get(about, "").format(name or "x")
    whole = _of_attribute(found, name) if name.startswith("self.") else check(found)
    return whole + (f"  # {around}" if around else "")


def check(found: Found) -> str:
    """The line that checks all of a backward."""
    xs = found.arguments or ["x"]
    if found.kind != "plain":
        return f"bpcompare.check_gradient({found.call}, inputs={_tuple(xs)}).assert_ok()"
    back, forward = found.call, found.forward or "forward"
    if "." in back and not found.forward:
        method = back.rpartition(".")[2]
        return f"bpcompare.check_gradient(layer.forward, layer.{method}, (x,)).assert_ok()"
    if CACHES & set(xs):
        call = f"{back}(dy, {forward}(x)[1])" if not found.last else f"{back}({forward}(x)[1], dy)"
        return f"bpcompare.check_gradient(lambda x: {forward}(x)[0], lambda x, dy: {call}, (x,)).assert_ok()"
    if not found.last:
        given = ", ".join(f"{x}={x}" for x in xs)
        back = f"lambda {', '.join(xs)}, dy: {back}({given}, {found.dy}=dy)"
    return f"bpcompare.check_gradient({forward}, {back}, {_tuple(xs)}).assert_ok()"


def _of_attribute(found: Found, name: str) -> str:
    """The line that checks a gradient that a method keeps in its object: of the attribute that is called so without its d."""
    method, kept = found.call.rpartition(".")[2], name.removeprefix("self.")
    stem = kept.partition("[")[2].strip("]'\"") or kept
    w = next((stem.removeprefix(one) for one in ("grad_", "d_", "d") if stem.startswith(one)), stem.removesuffix("_grad"))
    forward = f"lambda {w}: setattr(layer, '{w}', {w}) or layer.forward(x)"
    return f"bpcompare.check_gradient({forward}, lambda dy: (layer.{method}(dy), layer.{kept})[1], (layer.{w},)).assert_ok()"


def also(fate: Fate, it: Doubt) -> str:
    """What to change in a test that is there; "" where there is nothing to say."""
    kind = it.found.kind
    if fate.mutant.about == "dy":
        return {
            "torch": "y.backward(torch.randn_like(y)) instead of y.sum().backward(), held against the gradient by another way",
            "jax": "jax.vjp(f, x)[1](dy) with a random dy instead of jax.grad of a sum, held against the gradient by another way",
        }.get(kind, "a random dy with both signs instead of ones, and compare with the gradient by another way")
    if fate.mutant.about == "size" and fate.status == "survived":
        return "use float64, and a tolerance such as rtol=1e-9, atol=1e-12"
    return ""


def _untouched(found: Found) -> str:
    if found.kind == "torch":
        return "dy = torch.randn_like(y); kept = dy.clone(); y.backward(dy); assert torch.equal(dy, kept)"
    if "." in found.call and not found.forward:
        return f"kept = dy.copy(); layer.{found.call.rpartition('.')[2]}(dy); assert (dy == kept).all()"
    every = [*(one for one in found.arguments if one != found.dy), "dy" if found.last else f"{found.dy}=dy"]
    return f"kept = dy.copy(); {found.call}({', '.join(every)}); assert (dy == kept).all()"


def _tuple(names: list[str]) -> str:
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"
