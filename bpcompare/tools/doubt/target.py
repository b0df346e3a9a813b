"""The backward under doubt: found in its module, and another put in its place, in memory."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from types import FunctionType, ModuleType
from typing import Any

from bpcompare.tools.doubt.seen import Found

DY = (
    "dy",
    "dout",
    "grad_output",
    "grad_out",
    "grad_outputs",
    "dY",
    "dOut",
    "upstream",
    "cotangent",
    "ct",
    "g",
    "grad",
    "delta",
    "dz",
    "dL",
)
"""What people call the gradient of the output, the most likely first."""
ENDS = ("_backward", "_bwd", "_back", "_vjp", "_grad", "_gradient", "_prime")
STARTS = ("backward_", "bwd_", "grad_", "gradient_", "d_")


HOOK = "_bpcompare_doubt"
"""Under this name the module of a plain backward holds what is planted."""


class TargetError(Exception):
    """What was named is not there, or has no backward."""


@dataclass
class Target:
    """A backward: `original` as it was, `put` plants another, `dys` tells which arguments are the gradients of the outputs."""

    found: Found
    original: Callable[..., Any]
    names: list[str]
    put: Callable[[Callable[..., Any]], None]
    first: int
    """The place of the first dy among the arguments; for a plain function the only one's."""
    owned: bool = False
    """Whether it is a method, which may keep gradients in its object."""

    def split(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], Callable[[list[Any]], Any]]:
        """The dys of a call, and the call of the original with others in their place."""
        if self.found.kind == "torch":
            return list(args[1:]), lambda new: self.original(args[0], *new)
        if self.found.kind == "jax":
            from bpcompare.tools.doubt.leaves import leaves

            dys, _, build = leaves(args[-1], [])
            return dys, lambda new: self.original(*args[:-1], build(new))
        if self.found.dy in kwargs:
            return [kwargs[self.found.dy]], lambda new: self.original(*args, **{**kwargs, self.found.dy: new[0]})
        if self.first >= len(args):  # it has a default, and this call leaves it at that
            return [], lambda _: self.original(*args, **kwargs)
        at = self.first if self.first >= 0 else len(args) - 1
        return [args[at]], lambda new: self.original(*args[:at], new[0], *args[at + 1 :], **kwargs)


def target(module: ModuleType, path: str, dy: str) -> Target:
    """The backward of `module`'s `path`, Swish or Layer.backward; `dy`: its argument, "" to guess. Raises TargetError."""
    owner: Any = module
    *outer, name = path.split(".")
    for part in outer:
        owner = _attribute(owner, part, module)
    it = _attribute(owner, name, module)
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    if torch is not None and isinstance(getattr(it, "__self__", None), type):
        it = (
            it.__self__ if issubclass(it.__self__, torch.autograd.Function) and it.__name__ == "apply" else it
        )  # swish = Swish.apply
    if torch is not None and isinstance(it, type) and issubclass(it, torch.autograd.Function):
        return _torch(torch, it)
    if jax is not None and (custom := _custom(jax, it)) is not None:
        return _jax(custom, name)
    if isinstance(it, type):
        own = [key for key in ("backward", "bwd", "vjp", "grad") if callable(vars(it).get(key))]
        hint = f"name its method, {module.__name__}:{path}.{own[0]}" if own else _others(module)
        raise TargetError(f"{path} is a class without a backward of torch's kind, no torch.autograd.Function; {hint}")
    if not callable(it):
        raise TargetError(f"{path} is a {type(it).__name__}, not a function; {_others(module)}")
    return _plain(owner, name, it, path, dy)


def _attribute(owner: Any, name: str, module: ModuleType) -> Any:
    if not hasattr(owner, name):
        from bpcompare.text.words import did_you_mean

        where = module.__name__ if owner is module else getattr(owner, "__name__", "it")
        hint = did_you_mean(name, [key for key in vars(owner) if not key.startswith("__")]) or _others(module)
        raise TargetError(f"{where} has no {name}; {hint}")
    return getattr(owner, name)


def _others(module: ModuleType) -> str:
    """What in the module has a backward."""
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    found = []
    for key, it in vars(module).items():
        own = getattr(it, "__module__", "") == module.__name__
        is_function = torch is not None and isinstance(it, type) and issubclass(it, torch.autograd.Function)
        is_named = inspect.isfunction(it) and key.endswith(ENDS)
        if (own and (is_function or is_named)) or (jax is not None and _custom(jax, it) is not None):
            found.append(key)
    if not found:
        return f"nothing in {module.__name__} looks like a backward"
    return f"{module.__name__} has {', '.join(found[:6])}{' and more' if len(found) > 6 else ''}"


def _torch(torch: Any, it: Any) -> Target:
    base = torch.autograd.Function
    name = "vjp" if it.vjp is not base.vjp else "backward"
    original = getattr(it, name)
    if original is getattr(base, name):
        raise TargetError(f"{it.__name__} has no backward")

    def put(new: Callable[..., Any]) -> None:
        setattr(it, name, staticmethod(new))

    split = it.setup_context is not base.setup_context
    names = _parameters(it.forward)[0 if split else 1 :]
    return Target(Found("torch", it.__name__, it.__name__, names), original, names, put, 1)


def _custom(jax: Any, it: Any) -> Any:
    """The custom_vjp inside `it`, which may be compiled; None for anything else."""
    for _ in range(8):
        if isinstance(it, jax.custom_vjp):
            return it
        it = getattr(it, "__wrapped__", None)
    return None


def _jax(it: Any, name: str) -> Target:
    if getattr(it, "bwd", None) is None:
        raise TargetError(f"{name} is a custom_vjp without rules: nobody called {name}.defvjp")

    def put(new: Callable[..., Any]) -> None:
        it.bwd = new

    arguments = _parameters(it.fun)
    constant = {at if at >= 0 else at + len(arguments) for at in getattr(it, "nondiff_argnums", ()) if isinstance(at, int)}
    names = [one for at, one in enumerate(arguments) if at not in constant]
    return Target(Found("jax", name, name, arguments), it.bwd, names, put, -1)


def _plain(owner: Any, name: str, it: Callable[..., Any], path: str, asked: str) -> Target:
    method = isinstance(owner, type)
    held = vars(owner).get(name, it)
    free = isinstance(held, staticmethod | classmethod)
    original = held.__func__ if isinstance(held, staticmethod | classmethod) else held
    every = _parameters(original)
    skipped = 1 if method and not isinstance(held, staticmethod) else 0
    if len(every) < 1 + skipped:
        raise TargetError(f"{path} takes no dy: a plain backward is a function of (*inputs, dy)")
    if asked and asked not in every:
        raise TargetError(f"{path} has no argument {asked}; it has {', '.join(every)}")
    dy = asked or next((word for word in DY if word in every[skipped:]), every[-1])

    before, called = original, _twin(original)

    def put(new: Callable[..., Any]) -> None:
        if called is not before:
            _redirect(before, new)
            return
        setattr(owner, name, type(held)(new) if free else new)
        if not method:
            sweep(before, new)

    names = [one for one in every[skipped:] if one != dy]
    forward = _forward(sys.modules[original.__module__], name) if not method and original.__module__ in sys.modules else ""
    if isinstance(held, staticmethod) and callable(getattr(owner, "forward", None)):
        forward = f"{path.rpartition('.')[0]}.forward"
    found = Found("plain", path if method else name, forward, names, dy, every[-1] == dy)
    return Target(found, called, names, put, every.index(dy), method and not free)


def _forward(module: ModuleType, name: str) -> str:
    """The forward that belongs to a plain backward, by its name."""
    stems = [name.removesuffix(end) for end in ENDS if name.endswith(end)]
    stems += [name.removeprefix(start) for start in STARTS if name.startswith(start)]
    forms = [form for stem in stems for form in (stem, f"{stem}_forward", f"forward_{stem}", f"{stem}_fwd")]
    return next((form for form in [*forms, "forward"] if form != name and callable(vars(module).get(form))), "")


def _twin(original: Any) -> Any:
    """Another function with the same code, if the original's own code can be exchanged: it is plain Python, and no closure."""
    if not isinstance(original, FunctionType) or original.__closure__ is not None:
        return original
    twin = FunctionType(original.__code__, original.__globals__, original.__name__, original.__defaults__)
    twin.__kwdefaults__, twin.__module__, twin.__doc__ = original.__kwdefaults__, original.__module__, original.__doc__
    return twin


def _redirect(function: Any, new: Callable[..., Any]) -> None:
    """Let the function itself call `new`, so that whoever has it in a table, a partial or a default of theirs calls that, too."""
    function.__signature__ = inspect.signature(new)
    function.__globals__[HOOK] = new
    function.__code__ = _door.__code__


def _door(*args: Any, **kwargs: Any) -> Any:
    # This runs in the module of the function that it stands for.
    return _bpcompare_doubt(*args, **kwargs)  # type: ignore[name-defined]  # noqa: F821


def sweep(original: Any, new: Any) -> None:
    """Put `new` wherever a module has `original` by name."""
    for module in list(sys.modules.values()):
        for key, held in list(getattr(module, "__dict__", {}).items()):
            if held is original:
                setattr(module, key, new)


def _parameters(function: Any) -> list[str]:
    """Names of the positional parameters; none where Python does not know them."""
    try:
        every = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [one.name for one in every if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


def replaced(original: Callable[..., Any], by: Callable[..., Any]) -> Callable[..., Any]:
    """`by` under the name and the signature of the original."""
    try:
        return wraps(original)(by)
    except (AttributeError, TypeError):
        return by
