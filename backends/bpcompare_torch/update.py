"""Update rules as torch.optim optimizers, and their state under the article's names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from bpcompare.ops import Adam, AdamW, Op, Sgd, UpdateOp

FIELDS: dict[str, str] = {"velocity": "momentum_buffer", "m": "exp_avg", "v": "exp_avg_sq"}
"""Our slot names → the keys of torch.optim's state."""


def sgd(op: Sgd, parameters: Sequence[Tensor]) -> torch.optim.Optimizer:
    """torch.optim.SGD; decay is added to the gradient before momentum sees it."""
    return torch.optim.SGD(
        parameters, lr=op.eta, momentum=op.momentum, nesterov=op.nesterov, weight_decay=op.weight_decay, foreach=False
    )


def adam(op: Adam, parameters: Sequence[Tensor]) -> torch.optim.Optimizer:
    """torch.optim.Adam."""
    return torch.optim.Adam(parameters, lr=op.eta, betas=(op.beta1, op.beta2), eps=op.epsilon, foreach=False)


def adamw(op: AdamW, parameters: Sequence[Tensor]) -> torch.optim.Optimizer:
    """torch.optim.AdamW."""
    return torch.optim.AdamW(
        parameters, lr=op.eta, betas=(op.beta1, op.beta2), eps=op.epsilon, weight_decay=op.weight_decay, foreach=False
    )


TABLE: dict[type[Op], Callable[..., Any]] = {Sgd: sgd, Adam: adam, AdamW: adamw}


def one_step(
    make: Callable[..., torch.optim.Optimizer],
    op: UpdateOp,
    count: int,
    parameters: Mapping[str, Tensor],
    gradients: Mapping[str, Tensor],
    slots: Mapping[str, Mapping[str, Tensor]],
) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
    """New parameters and new slots (by parameter, then slot), after `count` earlier updates that left `slots`."""
    own = {name: p.detach().clone() for name, p in parameters.items()}
    for name, p in own.items():
        p.grad = gradients[name].clone()
    optimizer = make(op, list(own.values()))
    for name, p in own.items():
        state = {FIELDS[slot]: value.clone() for slot, value in slots[name].items()}
        if isinstance(op, Adam):
            state["step"] = torch.tensor(float(count), dtype=torch.float32)
        if state:
            optimizer.state[p] = state
    optimizer.step()
    moved = {name: {slot: optimizer.state[p][FIELDS[slot]] for slot in op.slots} for name, p in own.items()}
    return {name: p.detach() for name, p in own.items()}, moved
