"""What the schema of a function of torch says: its name, its arguments, and which of them it writes into."""

from __future__ import annotations

from typing import Any

from torch import Tensor

RUNNING = ("running_mean", "running_var")
MOMENTUM = ("momentum", "exponential_average_factor")
"""By which statistics move: a function without it, such as one of the way back, only reads them."""


OBSERVED = {
    **dict.fromkeys(("running_min", "running_max"), "observer_on"),
    **dict.fromkeys(("scale", "zero_point"), "fake_quant_on"),
}
"""What a call that observes and quantizes leaves moved, with the switch for it."""

TOGETHER = ("c10d::", "_c10d_functional::")
"""How the full names of functions begin by which processes hand tensors around."""


def statistics(func: Any, given: dict[str, Any]) -> tuple[str, ...]:
    """The statistics that a call leaves moved, by the names of its arguments; most schemas do not say so."""
    if "observer_on" in given:
        return tuple(name for name, switch in OBSERVED.items() if bool(given[switch].any()))
    if not any(name in given for name in MOMENTUM):
        return ()
    training = given.get("training", given.get("train", "_with_update" in func._schema.name))
    return tuple(name for name in RUNNING if isinstance(given.get(name), Tensor)) if training is True else ()


def left(given: dict[str, Any]) -> dict[str, Any]:
    """What such a call has left, by the names of its arguments: the numbers that it quantizes by."""
    moved = OBSERVED if "observer_on" in given else ()
    return {f"{name}_after": given[name].numpy(force=True).copy() for name in moved}


class Signature:
    """What the schema of a function says, read once: its name, its arguments, and which of them it writes into."""

    def __init__(self, schema: Any) -> None:
        self.full_name: str = schema.name
        arguments = [(one.name, one.kwarg_only, one.has_default_value(), one.default_value) for one in schema.arguments]
        self.writes = tuple(one.name for one in schema.arguments if _written(one))
        self.together = schema.name.startswith(TOGETHER) and any("Tensor" in str(one.type) for one in schema.arguments)
        if not self.writes and _in_place(schema.name):  # those of torch.distributed do not say it
            found = [one.name for one in schema.arguments if "Tensor" in str(one.type)]
            self.writes = tuple(name for name in found if name.startswith("output")) or tuple(found)
        self.name = _name(schema.name, in_place=bool(self.writes))
        self.alone = self.writes == ("self",)
        named = {one.name for one in schema.arguments}
        self.has_statistics = "observer_on" in named or (not named.isdisjoint(RUNNING) and not named.isdisjoint(MOMENTUM))
        self._positional = tuple(name for name, by_name, _, _ in arguments if not by_name)
        self._order = tuple(name for name, *_ in arguments)
        self._defaults = {name: default for name, _, has, default in arguments if has}

    def named(self, args: Any, kwargs: Any) -> dict[str, Any]:
        """The arguments by their names, in the schema's order, with its defaults where the caller left them out."""
        found = dict(zip(self._positional, args, strict=False))
        for name in self._order[len(args) :]:
            if name in kwargs:
                found[name] = kwargs[name]
            elif name in self._defaults:
                found[name] = self._defaults[name]
        return found


_known: dict[int, tuple[Any, Signature]] = {}


def signature(func: Any) -> Signature:
    """The signature of a function that torch calls. It is found by the function's identity: its hash costs more than the rest."""
    found = _known.get(id(func))
    if found is None:
        found = _known[id(func)] = func, Signature(func._schema)  # held, so that no other has its identity
    return found[1]


def _name(full: str, *, in_place: bool) -> str:
    """The name: add of aten::add_, without namespace, overload, and the underscore of those that write in place."""
    namespace, name = full.split("::")
    if in_place and _in_place(name):
        name = name[:-1]
    return name if namespace == "aten" else f"{namespace}::{name}"


def _in_place(name: str) -> bool:
    return name.endswith("_") and not name.endswith("__")


def _written(argument: Any) -> bool:
    return argument.alias_info is not None and bool(argument.alias_info.is_write)
