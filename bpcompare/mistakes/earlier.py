"""Mistakes that read from the step before. The first step is right; only a run of two steps can show them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bpcompare.laws.law import At, Sources
from bpcompare.mistakes.mistake import Altered, Form, Memory, Mistake, Places, at_activations, at_layers, at_updates
from bpcompare.network import Network
from bpcompare.numbers.number import closed, total
from bpcompare.ops import ACTIVATIONS, LAYERS, UPDATES, Conv2d, Dense
from bpcompare.ops.op import Op


def _before(memory: Memory, key: Any, x: Any) -> Any:
    """x of the step before, where there was one of the same shape."""
    found = memory.recall(key)
    memory.keep(key, x)
    return x if found is None or found.shape != x.shape else found


def _slope_before(_network: Network, _name: str, law: Any) -> Any:
    memory = Memory()

    def delta(at: At[Any]) -> Any:
        return law.delta(at.but(xs=[_before(memory, "in", at.x)]))

    return Altered(law, memory=memory, delta=delta)


def _gradient(wrong: Callable[..., Any], *ops: type[Op]) -> Places:
    """Layers `ops` with another gradient: wrong(memory, law, at)."""

    def make(network: Network, name: str, law: Any) -> Any:
        roles = network.layers[name].parameters
        free = [role for role, path in roles.items() if network.parameters[path].trainable]
        if not free:
            return None
        memory = Memory()
        return Altered(law, free, memory, gradient=lambda at: wrong(memory, law, at))

    return at_layers(make, *ops)


def _activation_before(memory: Memory, law: Any, at: At[Any]) -> Any:
    old = [_before(memory, slot, at.xs[slot]) for slot in range(len(at.xs))]
    starts = at.xs.starts if isinstance(at.xs, Sources) else ()
    sources = Sources([str(slot) for slot in range(len(old))], starts, lambda slot: old[int(slot)])
    return law.gradient(at.but(xs=sources))


def _with_weights_only(network: Network, name: str, law: Any) -> Any:
    """As `_gradient`, for weights: the source of a bias is 1 in every step."""
    weight = network.layers[name].parameters["weight"]
    if not network.parameters[weight].trainable:
        return None
    memory = Memory()
    return Altered(law, ["weight"], memory, gradient=lambda at: _activation_before(memory, law, at))


def _never_cleared(memory: Memory, law: Any, at: At[Any]) -> Any:
    found, now = memory.recall(at.role), closed(law.gradient(at))
    return memory.keep(at.role, now if found is None else total([found, now]))


def _gradient_before(memory: Memory, law: Any, at: At[Any]) -> Any:
    return _before(memory, at.role, closed(law.gradient(at)))


def _update(given: Callable[[Memory, Any], Any]) -> Places:
    """Every update rule, given another gradient: given(memory, g)."""

    def make(_network: Network, _name: str, law: Any) -> Any:
        memory = Memory()
        return Altered(
            law,
            memory=memory,
            slot=lambda at: law.slot(at.but(g=given(memory, at.g))),
            parameter=lambda at: law.parameter(at.but(g=given(memory, at.g))),
        )

    return at_updates(make, *UPDATES)


def _sum_so_far(memory: Memory, g: Any) -> Any:
    found = memory.recall("g")
    return memory.keep("g", g if found is None else total([found, g]))


_STRAIGHT = tuple(g for g in ACTIVATIONS if g.straight and not g.unchanged)
"""Their g' is most often the same in both steps."""
_CURVED = tuple(g for g in ACTIVATIONS if not g.straight)

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
        _gradient(_never_cleared, *LAYERS),
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
        others=(Form("in the gradient itself", _gradient(_gradient_before, *LAYERS)),),
    ),
)
