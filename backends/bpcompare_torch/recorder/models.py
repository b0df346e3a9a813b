"""The models that are watched: what is theirs, by name. Those that nobody named are found when they are first called."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from bpcompare_torch.recorder.memory import Kept, Memory, here
from bpcompare_torch.recorder.moved import Moved
from bpcompare_torch.recorder.tape import Entry, Seen

MOST_FRAMES = 40
"""Frames up from a call that are searched for the variable that holds the model."""


class Models:
    """Models by a prefix for their names, "" for the only one; None where they are found on the way."""

    def __init__(self, models: Mapping[str, nn.Module] | None, memory: Memory) -> None:
        self.open = models is None
        self._memory = memory
        self.models = dict(models or {})
        self.names = named(self.models)
        self.modules = {
            module: name for prefix, model in self.models.items() for name, module in model.named_modules(prefix=prefix)
        }
        self.outside: dict[str, Tensor] = {}
        self._before: dict[int, Kept | None] = {}
        self._held: list[Tensor] = []
        self._loose: set[int] = set()
        self._called: set[str] = set()

    def note(self) -> None:
        """From now on somebody watches: what gradients there are."""
        for p in self.parameters().values():
            self._note(p)

    def parameters(self) -> dict[str, Tensor]:
        """Every parameter by its name."""
        found: dict[str, Tensor] = {
            name: p for prefix, model in self.models.items() for name, p in model.named_parameters(prefix=prefix)
        }
        return found | self.outside

    def reached(self) -> dict[str, str]:
        """Why a parameter may have no gradient: "" where it has one that is not what it was before. Asked once, at the end."""
        found = {}
        for name, p in self.parameters().items():
            before = self._before.get(id(p))
            grad = None if p.grad is None else here(p.grad)
            if not p.requires_grad:
                found[name] = "frozen"
            elif grad is None or (before is not None and _same(before.tensor, grad)):
                found[name] = "no gradient"
            else:
                found[name] = ""
        self._before.clear()
        return found

    @property
    def device(self) -> str:
        """Where the parameters are."""
        return ", ".join(sorted({p.device.type for p in self.parameters().values()})) or "cpu"

    # found on the way

    def called(self, module: nn.Module) -> None:
        """A module is called outside of all others: a model, if nobody named it before."""
        if not self.open or module in self.modules:
            return
        name = self._unique(_variable(module) or type(module).__name__)
        for path, one in module.named_modules(prefix=name):
            self.modules.setdefault(one, path)
        parameters = list(module.parameters())
        new = [p for p in parameters if id(p) not in self.names or id(p) in self._loose]
        if not new:
            return
        self.models[name] = module
        for p in new:
            self._note(p)
            self._loose.discard(id(p))
            self.names.pop(id(p), None)
        self.outside = {path: p for path, p in self.outside.items() if id(p) in self._loose}
        for address, path in named({name: module}).items():
            self.names.setdefault(address, path)

    def optimized(self, optimizer: torch.optim.Optimizer, *, before: bool = False) -> None:
        """An optimizer moves parameters: those of no model are known by their group and number.

        `before`: nothing that is watched has happened yet, so that their gradients now are those from before.
        """
        for number, group in enumerate(optimizer.param_groups):
            for at, p in enumerate(group["params"]):
                if before:
                    self._note(p)
                if id(p) not in self.names and not before and p.is_leaf:
                    name = self._unique(f"{type(optimizer).__name__}.group{number}_{at}")
                    self.names[id(p)] = name
                    self._loose.add(id(p))
                    self.outside[name] = p

    def settle(self, entries: Iterable[Entry], moved: Iterable[Moved], leaves: Mapping[int, Seen]) -> None:
        """Names as they are told: a parameter that was read before its name was known has it; a single model needs no prefix."""
        for address, name in named(self.models).items():  # parameters that it got meanwhile
            self.names.setdefault(address, name)
        for address, leaf in leaves.items():
            leaf.name = leaf.name or self.names.get(address, "")
        if not self.open or len(self.models) != 1:
            return
        (prefix,) = self.models
        for seen in {seen for entry in entries for seen in (*entry.read(), *entry.results) if seen is not None} | set(
            leaves.values()
        ):
            seen.name = _without(seen.name, prefix)
        for entry in entries:
            entry.place = replace(entry.place, module=_without(entry.place.module, prefix))
        for one in moved:
            one.name = _without(one.name, prefix)
        self.models = {"": self.models[prefix]}
        self.names = {address: _without(name, prefix) for address, name in self.names.items()}

    def _note(self, p: Tensor) -> None:
        """A parameter's gradient now. The tensor itself is held, so that no other takes its identity."""
        if id(p) not in self._before:
            self._before[id(p)] = None if p.grad is None else self._memory.keep(p.grad)
            self._held.append(p)

    def _unique(self, name: str) -> str:
        number, found = 1, name
        while found in self._called:
            number += 1
            found = f"{name}{number}"
        self._called.add(found)
        return found


def named(models: Mapping[str, nn.Module]) -> dict[int, str]:
    """The names of parameters and buffers of models, by the identity of the tensor; the first name of those that are shared."""
    found: dict[int, str] = {}
    for prefix, model in models.items():
        for kind in (model.named_parameters, model.named_buffers):
            for name, t in kind(prefix=prefix):
                found.setdefault(id(t), name)
    return found


def _same(before: Tensor, grad: Tensor) -> bool:
    """Whether a gradient is what it was, of which what is not strided was written out."""
    grad = grad if grad.layout == torch.strided else grad.to_dense()
    return before.shape == grad.shape and torch.equal(before.to(grad.device), grad)  # a file is on no device


def _without(name: str, prefix: str) -> str:
    return "" if name == prefix else name.removeprefix(f"{prefix}.")


def _variable(module: nn.Module) -> str:
    """The variable that holds the module where it is called."""
    frame = sys._getframe(2)
    for _ in range(MOST_FRAMES):
        if frame is None:
            break
        if "torch" not in frame.f_globals.get("__name__", "").split(".")[:1]:
            owner = getattr(frame.f_locals.get("self"), "__dict__", {})
            for held in (frame.f_locals, owner, frame.f_globals):
                for name, value in held.items():
                    if value is module and name not in ("self", "module"):
                        return str(name)
        frame = frame.f_back  # type: ignore[assignment]
    return ""
