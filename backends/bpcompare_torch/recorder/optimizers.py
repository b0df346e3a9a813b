"""Which rule a torch.optim optimizer applies to a parameter, with its state before and after the step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from bpcompare.ops.rule import Rule

Group = Mapping[str, Any]


@dataclass(frozen=True)
class Known:
    """An optimizer of torch's own: its rule, what torch calls the settings and the state of it, and what holds only sometimes.

    `settings` and `state` are from the rule's names to torch's. `fixed` are settings that torch does not ask for. `only`: the
    switch of torch's without which a state is not there. `pairs`: settings that are one of several
    numbers of a setting of torch's. `whole`: see `Rule`. `way`: the rule of its step's stages, where these have one.
    """

    rule: str
    settings: Mapping[str, str]
    state: Mapping[str, str]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    only: Mapping[str, str] = field(default_factory=dict)
    starts: Mapping[str, float] = field(default_factory=dict)
    counts: tuple[str, ...] = ()
    pairs: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    whole: bool = False
    way: str = ""


_COMMON = {"eta": "lr", "weight_decay": "weight_decay", "maximize": "maximize"}
_EPSILON = {"epsilon": "eps"}
_MOMENTS = {"m": "exp_avg", "v": "exp_avg_sq", "step": "step"}
_DECOUPLED = {"decoupled": "decoupled_weight_decay"}
_BETAS = {"beta1": ("betas", 0), "beta2": ("betas", 1)}
_ADAM = _COMMON | _EPSILON | _DECOUPLED | {"amsgrad": "amsgrad"}

OPTIMIZERS: Mapping[type[torch.optim.Optimizer], Known] = {
    torch.optim.SGD: Known(
        "sgd",
        _COMMON | {"momentum": "momentum", "nesterov": "nesterov", "dampening": "dampening"},
        {"velocity": "momentum_buffer"},
        only={"velocity": "momentum"},
    ),
    torch.optim.Adam: Known("adam", _ADAM, _MOMENTS | {"top": "max_exp_avg_sq"}, only={"top": "amsgrad"}),
    torch.optim.AdamW: Known("adam", _ADAM, _MOMENTS | {"top": "max_exp_avg_sq"}, {"decoupled": True}, only={"top": "amsgrad"}),
    torch.optim.NAdam: Known(
        "nadam",
        _COMMON | _EPSILON | _DECOUPLED | {"momentum_decay": "momentum_decay"},
        _MOMENTS | {"product": "mu_product"},
        {"amsgrad": False},
        starts={"product": 1.0},
        counts=("product",),
    ),
    torch.optim.RAdam: Known("radam", _COMMON | _EPSILON | _DECOUPLED, _MOMENTS, {"amsgrad": False}),
    torch.optim.Adamax: Known(
        "adamax",
        _COMMON | _EPSILON,
        {"m": "exp_avg", "u": "exp_inf", "step": "step"},
        {"amsgrad": False, "decoupled": False},
    ),
    torch.optim.RMSprop: Known(
        "rmsprop",
        _COMMON | _EPSILON | {"rho": "alpha", "momentum": "momentum", "centered": "centered"},
        {"v": "square_avg", "m": "grad_avg", "velocity": "momentum_buffer", "step": "step"},
        {"epsilon_inside": False},
        only={"m": "centered", "velocity": "momentum"},
    ),
    torch.optim.Adagrad: Known(
        "adagrad",
        _COMMON | _EPSILON | {"lr_decay": "lr_decay"},
        {"sum": "sum", "step": "step"},
        {"epsilon_inside": False},
    ),
    torch.optim.Adadelta: Known(
        "adadelta",
        _COMMON | _EPSILON | {"rho": "rho"},
        {"v": "square_avg", "u": "acc_delta", "step": "step"},
    ),
    torch.optim.ASGD: Known(
        "asgd",
        _COMMON | {"decay": "lambd", "alpha": "alpha", "begins": "t0"},
        {"mean": "ax", "eta": "eta", "mu": "mu", "step": "step"},
        {"decoupled": True},
        starts={"mu": 1.0},
    ),
    torch.optim.Rprop: Known(
        "rprop",
        {"eta": "lr", "maximize": "maximize"},
        {"before": "prev", "size": "step_size", "step": "step"},
        {"weight_decay": 0.0},
        pairs={"smaller": ("etas", 0), "larger": ("etas", 1), "least": ("step_sizes", 0), "most": ("step_sizes", 1)},
    ),
    torch.optim.Adafactor: Known(
        "adafactor",
        _COMMON | {"beta2_decay": "beta2_decay", "d": "d"},
        {"rows": "row_var", "columns": "col_var", "v": "variance", "step": "step"},
        {"decoupled": True},
        pairs={"epsilon": ("eps", 0), "epsilon2": ("eps", 1)},
        whole=True,
    ),
}
if hasattr(torch.optim, "Muon"):  # from torch 2.9 on
    OPTIMIZERS = {
        **OPTIMIZERS,
        torch.optim.Muon: Known(
            "muon",
            {
                **{name: name for name in ("weight_decay", "momentum", "nesterov")},
                "eta": "lr",
                "adjust": "adjust_lr_fn",
                "steps": "ns_steps",
                "epsilon": "eps",
            },
            {"m": "momentum_buffer"},
            {"maximize": False, "decoupled": True},
            counts=("m",),
            pairs={name: ("ns_coefficients", number) for number, name in enumerate("abc")},
            whole=True,
            way="newton_schulz",
        ),
    }
"""By the optimizer's own class. A subclass may do something else, and is not among them."""


def lawless(optimizer: torch.optim.Optimizer) -> bool:
    """Whether no rule is known of it, or autograd follows its step: then that is recorded function by function."""
    return type(optimizer) not in OPTIMIZERS or any(group.get("differentiable") for group in optimizer.param_groups)


REFUSED = ("capturable", "differentiable")
"""Switches under which coefficients are worked out in tensors, whose rounding few laws know."""


class Rules:
    """The rules of an optimizer's parameters as its step begins; those that could not differ are worked out once."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer
        self._found: dict[tuple[Any, ...], Rule | str] = {}

    def of(self, group: Group, parameter: Tensor) -> Rule | str:
        """The rule for a parameter of a group; a text says why there is none."""
        grad = parameter.grad
        gradient = None if grad is None else (grad.layout, grad.dim())
        begun = self._optimizer.state.get(parameter, {}).get("momentum_buffer") is not None
        key = id(group), parameter.dtype, gradient, begun
        if key not in self._found:
            self._found[key] = rule_of(self._optimizer, group, parameter)
        return self._found[key]


def rule_of(optimizer: torch.optim.Optimizer, group: Group, parameter: Tensor) -> Rule | str:
    """The rule for a parameter of a group; a text says why there is none."""
    known = OPTIMIZERS.get(type(optimizer))
    if known is None:
        return f"{type(optimizer).__name__} has no law"
    refused = _refused(optimizer, group, parameter)
    if refused:
        return refused
    state = optimizer.state.get(parameter, {})
    settings = {name: group.get(theirs, False) for name, theirs in known.settings.items()} | dict(known.fixed)
    for name, (theirs, number) in (dict(known.pairs) | (_BETAS if "betas" in group else {})).items():
        settings[name] = group[theirs][number]
    if known.rule == "adafactor" and settings["epsilon"] is None:
        settings["epsilon"] = torch.finfo(parameter.dtype).eps
    numbers = {name: _plain(value) for name, value in settings.items()}
    numbers |= {"narrow": True} if _narrow(optimizer, group, parameter) else {}
    starts = dict(known.starts)
    if known.rule == "sgd" and state.get("momentum_buffer") is None:
        if numbers["dampening"]:
            numbers["later_dampening"] = numbers["dampening"]  # no law asks for it, but two programs may differ in it
        numbers["dampening"] = 0.0  # the first velocity is the gradient itself
    if known.rule == "adagrad":
        starts["sum"] = float(group["initial_accumulator_value"])
    if known.rule in ("rprop", "asgd"):
        starts["size" if known.rule == "rprop" else "eta"] = float(group["lr"])
    kept = tuple(name for name in known.state if name not in known.only or group[known.only[name]])
    if known.rule == "adafactor":
        lacking = ("v",) if parameter.grad is not None and parameter.grad.dim() > 1 else ("rows", "columns")
        kept = tuple(name for name in kept if name not in lacking)
    return Rule(known.rule, numbers, kept, starts, known.counts, known.whole)


def _plain(value: Any) -> bool | float | str:
    """A setting: a switch, a number, or a name, which is empty for None."""
    return value if isinstance(value, (bool, str)) else "" if value is None else float(value)


def _refused(optimizer: torch.optim.Optimizer, group: Group, parameter: Tensor) -> str:
    on = [name for name in REFUSED if group.get(name) and not (name == "capturable" and _narrow(optimizer, group, parameter))]
    if on:
        return f"{type(optimizer).__name__} has no law with {on[0]}=True"
    if parameter.grad is not None and parameter.grad.layout != torch.strided:
        return "its gradient is sparse, for which no update is judged"
    tensors = [name for name, value in group.items() if name not in ("lr", "params") and _holds_tensors(value)]
    if tensors:
        return f"{type(optimizer).__name__} has no law for {tensors[0]} as a tensor"
    if getattr(optimizer, "grad_scale", None) is not None:
        return "the fused step unscales gradients itself (GradScaler): call unscale_, or take fused=False, to have it judged"
    if bool(getattr(optimizer, "found_inf", 0.0)):
        return "the fused step left everything as it was, for a gradient is not finite (GradScaler)"
    return ""


def _narrow(optimizer: torch.optim.Optimizer, group: Group, parameter: Tensor) -> bool:
    """Whether 1 − β and 1 − βᵗ are worked out in the format of the parameters: in tensors, or by the kernels of CUDA."""
    fused = bool(group.get("fused")) and parameter.device.type == "cuda"
    return OPTIMIZERS[type(optimizer)].rule == "adam" and (fused or bool(group.get("capturable")))


def _holds_tensors(value: Any) -> bool:
    return any(isinstance(one, Tensor) for one in (value if isinstance(value, (tuple, list)) else (value,)))


def rate_format(group: Group) -> str:
    """The format of a learning rate that is a tensor: the step that it scales is no sharper. "" for Python's numbers."""
    lr = group.get("lr")
    return str(lr.dtype).removeprefix("torch.") if isinstance(lr, Tensor) else ""


def slots_of(optimizer: torch.optim.Optimizer, rule: Rule, parameter: Tensor) -> dict[str, Tensor | None]:
    """The state of a parameter by the rule's own names; None where there is none yet."""
    names = OPTIMIZERS[type(optimizer)].state
    state = optimizer.state.get(parameter, {})
    found = {slot: state.get(names[slot]) for slot in rule.slots}
    return {slot: torch.tensor(float(value)) if isinstance(value, (int, float)) else value for slot, value in found.items()}


def steps_of(optimizer: torch.optim.Optimizer, parameter: Tensor) -> int:
    """How many steps the parameter has behind it."""
    step = optimizer.state.get(parameter, {}).get("step", 0)
    if isinstance(step, Tensor):
        with torch._C._DisableTorchDispatch():  # nobody's call
            return int(step)
    return int(step)
