"""Update rules as torch.optim optimizers, and their state under the textbook's names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from bpcompare.ops import Adagrad, Adam, AdamW, Op, RmsProp, Sgd, UpdateOp


def sgd(op: Sgd, parameters: Sequence[Tensor]) -> Optimizer:
    """torch.optim.SGD; decay is added to the gradient before momentum sees it."""
    return torch.optim.SGD(
        parameters,
        lr=op.eta,
        momentum=op.momentum,
        dampening=0,
        weight_decay=op.weight_decay,
        nesterov=op.nesterov,
        foreach=False,
    )


def adam(op: Adam, parameters: Sequence[Tensor]) -> Optimizer:
    """torch.optim.Adam; decay is added to the gradient before the moments see it."""
    return torch.optim.Adam(
        parameters,
        lr=op.eta,
        betas=(op.beta1, op.beta2),
        eps=op.epsilon,
        weight_decay=op.weight_decay,
        foreach=False,
    )


def adamw(op: AdamW, parameters: Sequence[Tensor]) -> Optimizer:
    """torch.optim.AdamW."""
    return torch.optim.AdamW(
        parameters,
        lr=op.eta,
        betas=(op.beta1, op.beta2),
        eps=op.epsilon,
        weight_decay=op.weight_decay,
        foreach=False,
    )


def rmsprop(op: RmsProp, parameters: Sequence[Tensor]) -> Optimizer:
    """torch.optim.RMSprop; its alpha is ρ, and its momentum adds up what is not yet multiplied by η."""
    return torch.optim.RMSprop(
        parameters,
        lr=op.eta,
        alpha=op.rho,
        eps=op.epsilon,
        weight_decay=op.weight_decay,
        momentum=op.momentum,
        centered=op.centered,
        foreach=False,
    )


def adagrad(op: Adagrad, parameters: Sequence[Tensor]) -> Optimizer:
    """torch.optim.Adagrad. What its sum begins with is in the plan's slots."""
    return torch.optim.Adagrad(parameters, lr=op.eta, lr_decay=0, weight_decay=op.weight_decay, eps=op.epsilon, foreach=False)


class _Rule(NamedTuple):
    """What makes the optimizer, its name in words for the provenance, and our slot names → the keys of its state."""

    make: Callable[..., Any]
    name: str
    keys: Mapping[str, str]


_MOMENTS = {"m": "exp_avg", "v": "exp_avg_sq"}
RULES: Mapping[type[Op], _Rule] = {
    Sgd: _Rule(sgd, "torch.optim.SGD", {"velocity": "momentum_buffer"}),
    Adam: _Rule(adam, "torch.optim.Adam", _MOMENTS),
    AdamW: _Rule(adamw, "torch.optim.AdamW", _MOMENTS),
    RmsProp: _Rule(rmsprop, "torch.optim.RMSprop", {"v": "square_avg", "m": "grad_avg", "velocity": "momentum_buffer"}),
    Adagrad: _Rule(adagrad, "torch.optim.Adagrad", {"sum": "sum"}),
}
TABLE: Mapping[type[Op], Callable[..., Any]] = {op: rule.make for op, rule in RULES.items()}
LIMITS: Mapping[type[Op], tuple[Callable[[Any], bool], str]] = {
    RmsProp: (lambda op: op.epsilon_inside, "ε inside the root: torch.optim.RMSprop adds it outside"),
    Adagrad: (
        lambda op: op.epsilon_inside and op.epsilon > 0,
        "ε inside the root: torch.optim.Adagrad adds it outside; with epsilon = 0 there is no difference",
    ),
}


def one_step(
    make: Callable[[UpdateOp, Sequence[Tensor]], Optimizer],
    op: UpdateOp,
    count: int,
    parameters: Mapping[str, Tensor],
    gradients: Mapping[str, Tensor],
    slots: Mapping[str, Mapping[str, Tensor]],
) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
    """New parameters and new slots (by parameter, then slot), after `count` earlier updates that left `slots`.

    The optimizer changes parameters and state in place, so it works on copies. Its state is never empty: with none, torch
    would take the first momentum for a step without history, and begin the others anew. Those that do not count steps do not
    look at the number.
    """
    keys = RULES[type(op)].keys
    own = {name: p.clone().requires_grad_() for name, p in parameters.items()}
    optimizer = make(op, list(own.values()))
    for name, p in own.items():
        p.grad = gradients[name].clone()
        optimizer.state[p] = {keys[slot]: value.clone() for slot, value in slots[name].items()}
        optimizer.state[p]["step"] = torch.tensor(float(count), dtype=torch.float32, device="cpu")
    optimizer.step()
    moved = {name: {slot: optimizer.state[p][keys[slot]] for slot in op.slots} for name, p in own.items()}
    return {name: p.detach() for name, p in own.items()}, moved
