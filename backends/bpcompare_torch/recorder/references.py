"""What stands for a function whose inside nobody can see: another one of the same meaning, made of torch's own functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

Reference = Callable[..., Any]

FORWARD = ".forward"


def references(given: Mapping[Any, Reference]) -> dict[str, Reference]:
    """The references by the names that calls are recorded under. Raises TypeError for a key that names no function."""
    return {_name(key): function for key, function in given.items()}


def _name(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, type) and issubclass(key, torch.autograd.Function):
        return key.__name__ + FORWARD
    for attribute in ("_qualified_op_name", "_qualname"):  # a packet of torch.ops, an op of torch.library.custom_op
        name = getattr(key, attribute, None)
        if isinstance(name, str):
            return name
    schema = getattr(key, "_schema", None)
    if schema is not None:
        return str(schema.name)
    raise TypeError(
        f"reference: {key!r} names no function that can be recorded: "
        "an autograd.Function, an op of torch.library, or the name of one ('mylib::op')"
    )
