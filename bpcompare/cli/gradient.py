"""`bpcompare check FILE.py:NAME --inputs …`: one function of somebody's, and its backward."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from bpcompare.cli.codes import USAGE
from bpcompare.cli.terminal import Progress, complain, refused, say, say_exactly

if TYPE_CHECKING:
    from bpcompare.cli.wishes import Wishes
    from bpcompare.tools.gradient import GradientCheck

SHAPE = re.compile(r"(scalar|\d+(?:x\d+)*)(?::(float16|bfloat16|float32|float64|complex64|complex128|int\d*|bool))?")
"""4x3, 4x3:float32, 4x3:complex64, 8:int5 (whole numbers below 5), scalar."""
CODES = {"certified": 0, "convention": 0, "wrong": 1, "undecided": 4}


def gradient(
    address: str,
    inputs: Sequence[str],
    *,
    backward: str | None,
    meant_for: str | None,
    wishes: Wishes,
    seed: int,
    json: str | None,
) -> int:
    """Try the backward of FILE.py:NAME on inputs that are drawn: 0 right, 1 wrong, 2 usage, 3 their code failed, 4 undecided."""
    from bpcompare.files.writing import write
    from bpcompare.own.factory import FactoryError

    wrong = next((text for text in inputs if not SHAPE.fullmatch(text)), None)
    if wrong is not None:
        complain(
            f"--inputs: {wrong!r} is no shape. There are 4x3, 4x3:float32, 8:int5 (whole numbers below 5), 8:bool, scalar; "
            "several with commas"
        )
        return USAGE
    progress = Progress(quiet=json == "-")
    try:
        found = _checked(address, inputs, backward, meant_for, wishes.arguments() | {"progress": progress}, seed)
    except FactoryError as error:
        progress.done()
        return refused(error)
    finally:
        progress.done()
    if json == "-":
        say_exactly(_line(address, found))
    else:
        say(lambda: str(found))
        if json is not None:
            write(json, f"{_line(address, found)}\n".encode("utf-8", "surrogatepass"))
    return CODES[found.verdict]


def _checked(
    address: str, inputs: Sequence[str], backward: str | None, meant_for: str | None, wishes: Mapping[str, Any], seed: int
) -> GradientCheck:
    from bpcompare.own.factory import FactoryError, FailedError, found
    from bpcompare.own.failing import failing
    from bpcompare.own.recorders import seeded
    from bpcompare.text.words import did_you_mean
    from bpcompare.tools.gradient import check_gradient
    from bpcompare.tools.gradient.door import device_of

    seeded(seed)
    with found(address) as (forward, module):

        def other(name: str | None, option: str) -> Any:
            if name is None:
                return None
            if not callable(getattr(module, name, None)):
                own = [key for key, x in vars(module).items() if callable(x)]
                hint = did_you_mean(name, own)
                where = address.rpartition(":")[0]
                raise FactoryError(f"{option}: {where} has no function {name}{f'; {hint}' if hint else ''}")
            return getattr(module, name)

        backward_, meant = other(backward, "--backward"), other(meant_for, "--meant-for")
        framework = _framework(forward, module, backward_)
        if isinstance(forward, type) and framework == "torch" and hasattr(forward, "parameters"):
            raise FactoryError(f"{address} is a class of modules: name a function that gives one, or a module that is made")
        random = np.random.default_rng(seed)
        drawn = [_drawn(text, random, framework) for text in inputs]
        if framework == "torch" and (device := device_of(sys.modules["torch"], forward, ())) is not None:
            drawn = [x.to(device) for x in drawn]
        try:
            return check_gradient(forward, backward_, drawn, seed=seed, meant_for=meant, **wishes)
        except ValueError as error:
            raise FactoryError(f"{address}: {error}") from error
        except Exception as error:
            raise FailedError(f"{address} failed: {failing(error)}") from error


def _framework(forward: Any, module: ModuleType, backward: Any) -> str:
    """Whose arrays the function takes: by what it is, by the modules that its code names, or by those of its file."""
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    if torch is not None and (
        isinstance(forward, torch.nn.Module) or (isinstance(forward, type) and issubclass(forward, torch.autograd.Function))
    ):
        return "torch"
    if jax is not None and isinstance(forward, (jax.custom_vjp, jax.custom_jvp)):
        return "jax"
    used = {name for one in (forward, backward) for name in _names(one)}
    for names in (used, set(vars(module))):
        modules = [x for name, x in vars(module).items() if name in names and isinstance(x, ModuleType)]
        roots = {x.__name__.partition(".")[0] for x in modules}
        found = [name for name in ("torch", "jax", "numpy") if name in roots or (name == "numpy" and "scipy" in roots)]
        if found:
            return found[0]
    return "numpy"


def _names(function: Any) -> tuple[str, ...]:
    """The global names that a function's own code reads."""
    code = getattr(function, "__code__", None)
    return () if code is None else code.co_names


def _drawn(text: str, random: np.random.Generator, framework: str) -> Any:
    """An array of the framework's: normal numbers, whole ones, or truth values."""
    match = SHAPE.fullmatch(text)
    assert match is not None  # noqa: S101 — looked at before
    shape = () if match[1] == "scalar" else tuple(map(int, match[1].split("x")))
    kind = match[2] or "float64"
    x: Any = np.asarray(random.standard_normal(shape))
    if kind.startswith("int"):
        x = random.integers(0, int(kind[3:] or 2), shape)
    elif kind == "bool":
        x = random.random(shape) < 0.5
    elif kind.startswith("complex"):
        x = x + 1j * random.standard_normal(shape)
    if framework == "torch":
        torch = sys.modules["torch"]
        x = torch.tensor(x)
        return x.to(getattr(torch, kind)) if x.is_floating_point() or x.is_complex() else x
    if framework == "jax":
        jax = sys.modules["jax"]
        if kind == "bfloat16":
            return jax.numpy.asarray(x, jax.numpy.bfloat16)
    return x.astype(kind) if x.dtype.kind in "fc" and kind != "bfloat16" else x


def _line(address: str, check: GradientCheck) -> str:
    """One line of JSON."""
    import json

    findings: list[Mapping[str, Any]] = [
        {
            "name": one.name, "shape": list(one.shape), "verdict": one.verdict, "power": _number(one.power), "tried": one.tried,
            "index": list(one.index), "got": _number(one.got), "expected": _number(one.expected), "error": _number(one.error),
            "part": one.part, "off": one.off, "cause": one.cause, "code": one.code, "note": one.note,
            "terms": _number(one.terms),
        }
        for one in check.findings
    ]  # fmt: skip
    contracts: list[Mapping[str, Any]] = [
        {
            "name": one.name, "outcome": one.outcome, "said": one.said, "advice": one.advice, "input": one.input,
            "index": list(one.index), "got": _number(one.got), "expected": _number(one.expected),
        }
        for one in check.contracts
    ]  # fmt: skip
    content = {
        "door": "check_gradient", "of": address, "framework": check.framework, "verdict": check.verdict,
        "exit_code": CODES[check.verdict], "power": _number(check.power), "untraced": check.untraced,
        "convention": check.convention, "left": list(check.left), "findings": findings,
        "contracts": contracts,
    }  # fmt: skip
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def _number(x: float) -> float | None:
    """None where JSON has no such number."""
    return x if np.isfinite(x) else None
