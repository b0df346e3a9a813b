"""FILE.py:NAME, a function of somebody's file that makes what `check` asks for: a model, its inputs, and what else there is."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from bpcompare.engine.siblings import beside
from bpcompare.own.failing import failing
from bpcompare.own.recorders import is_loss
from bpcompare.text.words import did_you_mean

PARTS = ("model", "inputs", "target", "loss", "optimizer")
"""What a factory gives, in the order of a tuple; by these names in a dict, or as attributes."""
MORE = ("update", "intended", "reference")
"""What else a dict or an object may have, as arguments of `check`."""


class FactoryError(Exception):
    """What was given is no factory, or none of what is needed; `exit_code` is the command's."""

    exit_code = 2


class FailedError(FactoryError):
    """Their own code raised an error."""

    exit_code = 3


@contextmanager
def made(address: str) -> Iterator[dict[str, Any]]:
    """The arguments for `check`, made by FILE.py:NAME; while it lasts, modules beside the file are found.

    What it prints goes to standard error. Raises FactoryError, or FailedError for an error of their own code.
    """
    with found(address) as (factory, _):
        if needed := _needs(factory):
            raise FactoryError(
                f"{address} needs {needed}: it is called without arguments; give them values, or write a function without"
            )
        try:
            given = factory()
        except (Exception, SystemExit) as error:
            raise FailedError(f"{address} failed: {failing(error)}") from error
        yield _parts(address, given)


@contextmanager
def found(address: str) -> Iterator[tuple[Any, ModuleType]]:
    """What FILE.py:NAME names, a function or a class, and its module; while it lasts, modules beside the file are found.

    What it prints goes to standard error. Raises FactoryError, or FailedError for an error of their own code.
    """
    path, name = present(address)
    with beside(Path(path).resolve().parent, anew=True), redirect_stdout(sys.stderr):
        try:
            module = _loaded(Path(path))
        except (Exception, SystemExit) as error:  # a script that ends itself would end the command as if it had a verdict
            raise FailedError(f"{path} cannot be imported: {failing(error)}") from error
        factory = getattr(module, name, None)
        if not callable(factory):
            own = [key for key, x in vars(module).items() if callable(x) and getattr(x, "__module__", "") == module.__name__]
            hint = did_you_mean(name, own) or f"its functions: {', '.join(own[:8]) or 'none'}"
            raise FactoryError(f"{path} has no function {name}; {hint}")
        yield factory, module


def _needs(factory: Any) -> str:
    """The arguments that a function cannot be called without, in words; "" where there are none, or nobody can tell."""
    try:
        known = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return ""
    open_ = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return ", ".join(one.name for one in known if one.default is one.empty and one.kind not in open_)


def present(address: str) -> tuple[str, str]:
    """File and name of FILE.py:NAME. Raises FactoryError where there is no such file."""
    path, _, name = address.rpartition(":")
    if not path or not name.isidentifier():
        raise FactoryError(f"{address!r} is not FILE.py:NAME, with the name of a function that makes the model and its inputs")
    if not Path(path).is_file():
        raise FactoryError(f"there is no file {path}")
    if importlib.util.spec_from_file_location(name, path) is None:
        raise FactoryError(f"{path} is no file of Python's: its name does not end in .py")
    return path, name


def _loaded(path: Path) -> ModuleType:
    name = f"_bpcompare_own_{sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("it is not Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses of the file look their module up here
    spec.loader.exec_module(module)
    return module


def _parts(address: str, given: Any) -> dict[str, Any]:
    """What was made, by the names of `check`'s arguments."""
    if isinstance(given, Mapping):
        found = {str(key): value for key, value in given.items()}
    elif isinstance(given, (tuple, list)) and len(given) > 2 and is_loss(given[0]):  # as bpcompare.check is called
        found = {"model": given[0], "inputs": tuple(given[1:])}
    elif isinstance(given, (tuple, list)):
        if len(given) > len(PARTS):
            raise FactoryError(f"{address} gave {len(given)} things; at most {len(PARTS)} are known: {', '.join(PARTS)}")
        found = dict(zip(PARTS, given, strict=False))
    else:
        found = {part: getattr(given, part) for part in (*PARTS, *MORE) if hasattr(given, part)}
    if "params" in found and "model" not in found and callable(found.get("loss")):  # as JAX code calls them
        data = found.pop("data", ())
        inputs = (found.pop("params"), *(data if isinstance(data, (tuple, list)) else (data,)))
        found = {"model": found.pop("loss"), "inputs": inputs, **found}
    unknown = [key for key in found if key not in (*PARTS, *MORE)]
    if unknown:
        raise FactoryError(f"{address} gave {', '.join(unknown)}; what is known is {', '.join((*PARTS, *MORE))}")
    missing = [part for part in PARTS[:2] if found.get(part) is None]
    if missing:
        kind = type(given).__name__
        what = "None" if given is None else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind} without {' and '.join(missing)}"
        raise FactoryError(f"{address} gave {what}: return model, inputs, target, loss, optimizer; in JAX, loss, params, data")
    return found
