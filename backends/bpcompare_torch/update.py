"""Update rules as torch.optim optimizers, and their state under the textbook's names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from bpcompare.ops import Adam, AdamW, Op, Sgd, UpdateOp

FIELDS: dict[str, str] = {"velocity": "momentum_buffer", "m": "exp_avg", "v": "exp_avg_sq"}
"""Our slot names → the keys of torch.optim's state."""


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
    """torch.optim.Adam."""
    return torch.optim.Adam(parameters, lr=op.eta, betas=(op.beta1, op.beta2), eps=op.epsilon, foreach=False)


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


TABLE: dict[type[Op], Callable[..., Any]] = {Sgd: sgd, Adam: adam, AdamW: adamw}
NAMES: dict[type[Op], str] = {Sgd: "torch.optim.SGD", Adam: "torch.optim.Adam", AdamW: "torch.optim.AdamW"}
"""Who applies the update, in words for the provenance."""


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
    would take the first momentum for a step without history.
    """
    own = {name: p.clone().requires_grad_() for name, p in parameters.items()}
    optimizer = make(op, list(own.values()))
    for name, p in own.items():
        p.grad = gradients[name].clone()
        optimizer.state[p] = {FIELDS[slot]: value.clone() for slot, value in slots[name].items()}
        if isinstance(op, Adam):
            optimizer.state[p]["step"] = torch.tensor(float(count), dtype=torch.float32, device="cpu")
    optimizer.step()
    moved = {name: {slot: optimizer.state[p][FIELDS[slot]] for slot in op.slots} for name, p in own.items()}
    return {name: p.detach() for name, p in own.items()}, moved
