"""Functions over lists of tensors, as a call for each member."""

from __future__ import annotations

from typing import Any

from torch import Tensor

EACH = "_foreach_"
SINGULAR = {"scalars": "other", "scalar": "other", "tensors1": "tensor1", "tensors2": "tensor2", "weights": "weight"}
"""What arguments of functions over lists are called in the function over one member."""
OF_EACH = {
    "clamp_min": {"other": "min", "scalar": "min", "scalars": "min"},
    "clamp_max": {"other": "max", "scalar": "max", "scalars": "max"},
    "addcmul": {"scalars": "value"},
    "addcdiv": {"scalars": "value"},
    "lerp": {"tensors1": "end"},
}
"""The same of single functions, where it is another name."""


def apart(
    function: str, arguments: dict[str, Any], results: list[Tensor | None]
) -> list[tuple[str, dict[str, Any], list[Tensor | None]]]:
    """A call for each member, where a function is applied to every member of lists; else the call itself."""
    if not function.startswith(EACH):
        return [(function, arguments, results)]

    def member(value: Any, number: int) -> Any:
        return value[number] if isinstance(value, tuple) and len(value) == len(results) else value

    name = function.removeprefix(EACH)
    name = {"norm": "linalg_vector_norm"}.get(name, name)
    singular = SINGULAR | OF_EACH.get(name, {})
    return [
        (name, {singular.get(key, key): member(value, number) for key, value in arguments.items()}, [t])
        for number, t in enumerate(results)
    ]


def results_of(out: Any) -> list[Tensor | None]:
    """The results in their order, lists among them one after the other; what is no tensor is None."""
    if isinstance(out, Tensor):
        return [out]
    if isinstance(out, (list, tuple)):
        return [t for one in out for t in results_of(one)]
    return [] if out is None else [None]
