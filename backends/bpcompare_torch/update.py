"""Update rules by the functions that the optimizers of torch.optim call in `step()`, and their state under the textbook's names.

An optimizer object and its `step()` import torch's compiler, which takes longer than torch itself; they do not. That both
have the same bits, with every switch of a rule, is tested. A row of the table changes parameters and state in place: lists of
tensors, those of one parameter at one position, state by slot; `steps` count the updates before this one, as torch keeps them.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim.adagrad import adagrad as _adagrad
from torch.optim.adam import adam as _adam
from torch.optim.adamw import adamw as _adamw
from torch.optim.rmsprop import rmsprop as _rmsprop
from torch.optim.sgd import sgd as _sgd

from bpcompare.ops import Adagrad, Adam, AdamW, Op, RmsProp, Sgd, UpdateOp

Tensors = list[Tensor]
Rule = Callable[[Any, Tensors, Tensors, Mapping[str, Tensors], Tensors], None]
"""rule(op, parameters, gradients, state by slot, counts of steps) changes parameters and state in place."""


def sgd(op: Sgd, parameters: Tensors, gradients: Tensors, state: Mapping[str, Tensors], steps: Tensors) -> None:
    """torch.optim.SGD, in place; decay is added to the gradient before momentum sees it. No slot without momentum."""
    _sgd(
        parameters,
        gradients,
        [*state.get("velocity", [])],
        foreach=False,
        weight_decay=op.weight_decay,
        momentum=op.momentum,
        lr=op.eta,
        dampening=0,
        nesterov=op.nesterov,
        maximize=False,
    )


def adam(op: Adam | AdamW, parameters: Tensors, gradients: Tensors, state: Mapping[str, Tensors], steps: Tensors) -> None:
    """torch.optim.Adam, which adds decay to the gradient before the moments see it, or AdamW, which does not; in place."""
    rule = _adamw if isinstance(op, AdamW) else _adam
    rule(
        parameters,
        gradients,
        state["m"],
        state["v"],
        [],
        steps,
        foreach=False,
        amsgrad=False,
        beta1=op.beta1,
        beta2=op.beta2,
        lr=op.eta,
        weight_decay=op.weight_decay,
        eps=op.epsilon,
        maximize=False,
    )


def rmsprop(op: RmsProp, parameters: Tensors, gradients: Tensors, state: Mapping[str, Tensors], steps: Tensors) -> None:
    """torch.optim.RMSprop, in place; its alpha is ρ, and its momentum adds up what is not yet multiplied by η."""
    _rmsprop(
        parameters,
        gradients,
        state["v"],
        state.get("m", []),
        state.get("velocity", []),
        steps,
        foreach=False,
        lr=op.eta,
        alpha=op.rho,
        eps=op.epsilon,
        weight_decay=op.weight_decay,
        momentum=op.momentum,
        centered=op.centered,
    )


def adagrad(op: Adagrad, parameters: Tensors, gradients: Tensors, state: Mapping[str, Tensors], steps: Tensors) -> None:
    """torch.optim.Adagrad, in place. What its sum begins with is in the plan's slots, as all of its state is."""
    _adagrad(
        parameters,
        gradients,
        state["sum"],
        steps,
        foreach=False,
        lr=op.eta,
        weight_decay=op.weight_decay,
        lr_decay=0,
        eps=op.epsilon,
        maximize=False,
    )


class _Named(NamedTuple):
    """A rule, and the optimizer that it belongs to, in words for the provenance."""

    rule: Rule
    name: str


RULES: Mapping[type[Op], _Named] = {
    Sgd: _Named(sgd, "torch.optim.SGD"),
    Adam: _Named(adam, "torch.optim.Adam"),
    AdamW: _Named(adam, "torch.optim.AdamW"),
    RmsProp: _Named(rmsprop, "torch.optim.RMSprop"),
    Adagrad: _Named(adagrad, "torch.optim.Adagrad"),
}
TABLE: Mapping[type[Op], Callable[..., Any]] = {op: named.rule for op, named in RULES.items()}
LIMITS: Mapping[type[Op], tuple[Callable[[Any], bool], str]] = {
    RmsProp: (lambda op: op.epsilon_inside, "ε inside the root: torch.optim.RMSprop adds it outside"),
    Adagrad: (
        lambda op: op.epsilon_inside and op.epsilon > 0,
        "ε inside the root: torch.optim.Adagrad adds it outside; with epsilon = 0 there is no difference",
    ),
}


def one_step(
    rule: Rule,
    op: UpdateOp,
    count: int,
    parameters: Mapping[str, Tensor],
    gradients: Mapping[str, Tensor],
    slots: Mapping[str, Mapping[str, Tensor]],
) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
    """New parameters and new slots (by parameter, then slot), after `count` earlier updates that left `slots`.

    The rule changes parameters and state in place, so it works on copies, of so many at a time that those of gradients need
    little memory. Its state is never empty: with none, torch would take the first momentum for a step without history, and begin
    the others anew. Those that do not count steps do not look at the number.
    """
    own: dict[str, Tensor] = {}
    moved: dict[str, dict[str, Tensor]] = {}
    with torch.no_grad():
        for names in _portions(parameters):
            some = {name: parameters[name].clone() for name in names}
            state = {slot: [slots[name][slot].clone() for name in names] for slot in op.slots}
            steps = [torch.tensor(float(count), dtype=torch.float32, device="cpu") for _ in names]
            rule(op, [*some.values()], [gradients[name].clone() for name in names], state, steps)
            own |= some
            moved |= {name: {slot: state[slot][at] for slot in op.slots} for at, name in enumerate(names)}
    return own, moved


AT_ONCE = 64 * 2**20
"""Bytes of parameters that are updated in one call."""


def _portions(parameters: Mapping[str, Tensor]) -> Iterator[list[str]]:
    names, held = list[str](), 0
    for name, p in parameters.items():
        if names and held + p.nbytes > AT_ONCE:
            yield names
            names, held = [], 0
        names.append(name)
        held += p.nbytes
    if names:
        yield names
