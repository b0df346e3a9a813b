"""Mistakes that read from the step before. The first step is right; only a run of two steps can show them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bpcompare.arithmetic import Product, total
from bpcompare.laws.law import Sources
from bpcompare.mistakes.mistake import Altered, Form, Memory, Mistake, Places, at_activations, at_layers, at_updates
from bpcompare.network import Network
from bpcompare.ops import ACTIVATIONS, LAYERS, UPDATES, Conv2d, Dense, Identity, LeakyRelu, Relu
from bpcompare.ops.op import Op


def _before(memory: Memory, key: Any, x: Any) -> Any:
    """x of the step before, where there was one of the same shape."""
    found = memory.recall(key)
    memory.keep(key, x)
    return x if found is None or found.shape != x.shape else found


def _closed(value: Any) -> Any:
    return total([value]) if isinstance(value, Product) else value


def _slope_before(network: Network, name: str, law: Any) -> Any:
    memory = Memory()

    def delta(op: Any, xs: Any, p: Any, dy: Any, c: Any, slot: int) -> Any:
        return law.delta(op, [_before(memory, "in", xs[0])], p, dy, c, slot)

    return Altered(law, memory=memory, delta=delta)


def _gradient(wrong: Callable[..., Any], *ops: type[Op]) -> Places:
    """Layers `ops` with another gradient: wrong(memory, law, op, xs, p, dy, c, role)."""

    def make(network: Network, name: str, law: Any) -> Any:
        roles = network.layers[name].parameters
        free = [role for role, path in roles.items() if network.parameters[path].trainable]
        if not free:
            return None
        memory = Memory()
        return Altered(law, free, memory, gradient=lambda *args: wrong(memory, law, *args))

    return at_layers(make, *ops)


def _activation_before(memory: Memory, law: Any, op: Any, xs: Any, p: Any, dy: Any, c: Any, role: str) -> Any:
    old = [_before(memory, slot, xs[slot]) for slot in range(len(xs))]
    starts = xs.starts if isinstance(xs, Sources) else ()
    sources = Sources([str(slot) for slot in range(len(old))], starts, lambda slot: old[int(slot)])
    return law.gradient(op, sources, p, dy, c, role)


def _with_weights_only(network: Network, name: str, law: Any) -> Any:
    """As `_gradient`, for weights: the source of a bias is 1 in every step."""
    weight = network.layers[name].parameters["weight"]
    if not network.parameters[weight].trainable:
        return None
    memory = Memory()
    return Altered(law, ["weight"], memory, gradient=lambda *args: _activation_before(memory, law, *args))


def _never_cleared(memory: Memory, law: Any, op: Any, xs: Any, p: Any, dy: Any, c: Any, role: str) -> Any:
    found, now = memory.recall(role), _closed(law.gradient(op, xs, p, dy, c, role))
    return memory.keep(role, now if found is None else total([found, now]))


def _gradient_before(memory: Memory, law: Any, op: Any, xs: Any, p: Any, dy: Any, c: Any, role: str) -> Any:
    return _before(memory, role, _closed(law.gradient(op, xs, p, dy, c, role)))


def _update(given: Callable[[Memory, Any], Any]) -> Places:
    """Every update rule, given another gradient: given(memory, g)."""

    def make(network: Network, name: str, law: Any) -> Any:
        memory = Memory()
        return Altered(
            law,
            memory=memory,
            slot=lambda op, t, p, g, slots, name: law.slot(op, t, p, given(memory, g), slots, name),
            parameter=lambda op, t, p, g, slots: law.parameter(op, t, p, given(memory, g), slots),
        )

    return at_updates(make, *UPDATES)


def _sum_so_far(memory: Memory, g: Any) -> Any:
    found = memory.recall("g")
    return memory.keep("g", g if found is None else total([found, g]))


_STRAIGHT = (Relu, LeakyRelu)
"""Activations whose g' depends on the side of 0 only: most often the same in both steps."""
_CURVED = tuple(g for g in ACTIVATIONS if g is not Identity and g not in _STRAIGHT)
_HAVE_PARAMETERS = tuple(op for op in LAYERS if op.name in ("dense", "conv2d", "batch_norm", "layer_norm", "embedding"))

MISTAKES = (
    Mistake(
        "BP224",
        "Δ from the net input of the step before",
        "Δ_j = g'(in_j of the step before) Σ_k w_jk Δ_k",
        "Δ_j = g'(in_j) Σ_k w_jk Δ_k with the in_j of this forward pass",
        "What is kept for the way back must be what this forward pass computed. A cache that is written only once, or read "
        "before it is written, gives the values of the step before. The first step is right: --steps 2 shows it.",
        at_activations(_slope_before, *_CURVED),
        others=(at_activations(_slope_before, *_STRAIGHT),),
    ),
    Mistake(
        "BP308",
        "gradients add up over steps",
        "∂E/∂w of this step + those of all steps before",
        "∂E/∂w of this step alone",
        "Frameworks add a new gradient to what is there, so that a batch can be computed in parts. Before each step it "
        "must be cleared: torch's optimizer.zero_grad(). The first step is right, the second moves twice, the third three "
        "times: --steps 2 shows it.",
        _gradient(_never_cleared, *_HAVE_PARAMETERS),
        others=(Form("in the update, beside right gradients", _update(_sum_so_far)),),
    ),
    Mistake(
        "BP309",
        "gradient from the activation of the step before",
        "∂E/∂w_ij = −(a_i of the step before) Δ_j",
        "∂E/∂w_ij = −a_i Δ_j, both of this step",
        "Both factors belong to the same forward pass. An input that is kept by reference and written over, or a cache "
        "that is filled too late, mixes two steps. The first step is right: --steps 2 shows it.",
        at_layers(_with_weights_only, Dense, Conv2d),
    ),
    Mistake(
        "BP422",
        "gradient of the step before",
        "w ← w − η (∂E/∂w of the step before)",
        "w ← w − η ∂E/∂w of this step",
        "Typical of a step that is taken before the new backward pass, or of a gradient copied before it is computed. The "
        "first step has no gradient before it and is right: --steps 2 shows it.",
        _update(lambda memory, g: _before(memory, "g", g)),
        others=(Form("in the gradient itself", _gradient(_gradient_before, *_HAVE_PARAMETERS)),),
    ),
)
