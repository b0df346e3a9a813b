"""What an equation is in the terms of laws: the function, its arguments, and what it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpcompare.ops.call import Read
from bpcompare_jax.recorder.evaluation import floating
from bpcompare_jax.recorder.functions import PASSING, common, transform
from bpcompare_jax.recorder.moves import moved, permutation
from bpcompare_jax.recorder.solving import solving
from bpcompare_jax.recorder.triangles import factored_by_one


def called(
    equation: Any, sources: Sequence[Any], output: int, result: Callable[[int], Any]
) -> tuple[str, dict[str, Any], list[Any]]:
    """The function that gives one result of an equation, its arguments, `Read(i)` for its source i, and the sources.

    `result` gives what was recorded of each: of factors it says which signs they have.
    """
    name = equation.primitive.name
    args = list(sources)
    numbers = [arg.number for arg in args]
    if name in PASSING:
        return "identity", {"self": Read(0)}, [args[output]]
    if name == "sort":
        places = {"index": permutation(equation, numbers), "axis": equation.params["dimension"], "key": output == 0}
        return "lax.sort", {"x0": Read(0), **places}, [args[output]]
    if name == "cholesky":
        return "lax.cholesky", {"x0": Read(0), "triangle": factored_by_one()}, args
    if name in SIGNED and floating(numbers[0]):
        factor = result(SIGNED[name]) if len(equation.outvars) > 1 else np.zeros(())
        return f"lax.{name}", {"x0": Read(0), "index": factor, **_plain(equation)}, args
    if name == "fft":
        return *transform(equation.params, numbers[0].ndim), args
    index = moved(equation, numbers) or solving(equation, numbers)
    if index is not None:
        function, arguments, which = index
        return function, arguments, [args[i] for i in which]
    shared = common(name, equation.params, len(args))
    if shared is not None:
        return *shared, args
    return f"lax.{name}", {**{f"x{i}": Read(i) for i in range(len(args))}, **_plain(equation)}, args


SIGNED = {"eigh": 0, "svd": 1, "qr": 1}
"""Primitives whose factors have signs that the library chooses, with the result that says which."""


def _plain(equation: Any) -> dict[str, Any]:
    return {key: plainly(value) for key, value in equation.params.items()}


def plainly(value: Any) -> Any:
    """A parameter of an equation as numbers, texts and tuples of them; names of fields are kept."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (tuple, list)) and not hasattr(value, "_fields"):
        return tuple(plainly(one) for one in value)
    fields = getattr(value, "_fields", None) or getattr(value, "__dataclass_fields__", None)
    if fields:
        return tuple((name, plainly(getattr(value, name))) for name in fields)
    return str(value)


def rule_name(equation: Any) -> str:
    """The name of the function whose rule it is."""
    p = equation.params
    found = getattr(p.get("call_jaxpr") or p.get("fun_jaxpr"), "jaxpr", None)
    named = getattr(getattr(found, "debug_info", None), "func_name", None) or p.get("name")
    return str(named) if named else str(equation.primitive.name)


def chosen_of(which: Any) -> int | None:
    """The one case that is chosen for all entries; None where there is more than one."""
    found = np.unique(np.asarray(which))
    return int(found[0]) if len(found) == 1 else None
