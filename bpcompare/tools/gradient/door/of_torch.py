"""torch: an `autograd.Function`, a module, any function of tensors, or a pair of them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.door.code import CodeUnderTest, RefusedError
from bpcompare.tools.gradient.door.outputs import arrays_of, joined, outputs, parted
from bpcompare.tools.gradient.trees import Given


def is_torch(torch: Any, forward: Any) -> bool:
    """Whether a forward can be nothing but torch's: a module, or an `autograd.Function`."""
    return isinstance(forward, torch.nn.Module) or _is_function(torch, forward)


def _is_function(torch: Any, forward: Any) -> bool:
    return isinstance(forward, type) and issubclass(forward, torch.autograd.Function)


def apart(torch: Any, forward: Any) -> Any:
    """A copy of a module, so that what it keeps count of stays as it is; other code, and what cannot be copied, as it is."""
    if not isinstance(forward, torch.nn.Module):
        return forward
    try:
        return deepcopy(forward)
    except Exception:  # noqa: BLE001 — the author's own class
        return forward


def in_torch(torch: Any, given: Given) -> CodeUnderTest:
    """A function, a module or an `autograd.Function`, differentiated by autograd; or a pair of functions.

    A module that is given wider numbers than its own is copied into float64.
    """
    forward, backward, inputs = given.forward, given.backward, list(given.inputs.values())
    is_module = isinstance(forward, torch.nn.Module)
    function = forward if is_module or not is_torch(torch, forward) else forward.apply
    arrays = arrays_of([numbers(x) if isinstance(x, torch.Tensor) else x for x in inputs], ())

    device = device_of(torch, forward, inputs)
    counted = cache(partial(followed, torch, function, arrays, device))

    def tensor(x: Any) -> Any:
        return torch.tensor(x, device=device) if isinstance(x, (np.ndarray, np.generic)) else x

    def call(xs: Sequence[Any]) -> Array:
        wider = is_module and any(xs[i].dtype != x.dtype for i, x in enumerate(arrays) if isinstance(x, np.ndarray))
        with torch.no_grad():
            y = (deepcopy(function).double() if wider else function)(*map(tensor, xs))
        several = outputs(y)
        if backward is None and len(several) > 1:
            y = [one for one, kept in zip(several, counted(), strict=True) if kept]
        return joined(y, numbers)

    def back(xs: Sequence[Any], dy: Array) -> Any:
        tensors = _leaves(torch, xs, device)
        if backward is not None:
            like = forward(*(x.detach() if isinstance(x, torch.Tensor) else x for x in tensors))
            dys = parted(dy, like if not isinstance(like, torch.Tensor) else dy)
            dys = tuple(map(tensor, dys)) if isinstance(dys, tuple) else (tensor(dys),)
            found = backward(*(x.detach() if isinstance(x, torch.Tensor) else x for x in tensors), *dys)
            found = found if isinstance(found, tuple | list) else (found,)
            return tuple(None if g is None else numbers(g) for g in found)
        floats = [x for x in tensors if isinstance(x, torch.Tensor) and x.requires_grad]
        with torch.enable_grad():
            try:
                out = function(*tensors)
            except RuntimeError as error:
                raise RefusedError(f"forward: refuses inputs that ask for a gradient: {error}") from error
            ys = outputs(out)
            ys = [y for y in ys if isinstance(y, torch.Tensor) and y.is_floating_point()]
            parts = dy.reshape(-1)
            at, terms = 0, []
            for y in ys:
                if y.requires_grad:
                    terms.append((y, torch.tensor(parts[at : at + y.numel()].reshape(tuple(y.shape)))))
                    at += y.numel()
            if not terms:
                return tuple(None for _ in xs)
            found = iter(_pulled(torch, [y for y, _ in terms], floats, [d.to(y) for y, d in terms]))
        gradients = [next(found) if isinstance(x, torch.Tensor) and x.requires_grad else None for x in tensors]
        return tuple(None if g is None else numbers(g) for g in gradients)

    return CodeUnderTest("torch", given, arrays, call, back, analytic=False)


def with_parameters(torch: Any, code: CodeUnderTest) -> CodeUnderTest:
    """A module as a function of its inputs and of its parameters that want a gradient; other code as it is.

    It is called with buffers of its own, which stay as they are. Modules of complex numbers stay functions of their inputs.
    """
    module, inputs = code.given.forward, code.given.inputs
    if not isinstance(module, torch.nn.Module) or code.given.backward is not None or code.convention:
        return code
    named = {name: p for name, p in module.named_parameters() if p.requires_grad}
    own = deepcopy(module)
    wide: list[Any] = []

    def function(*args: Any) -> Any:
        given = dict(zip(named, args[len(inputs) :], strict=True))
        called = own
        if any(x.dtype == torch.float64 != named[name].dtype for name, x in given.items()):
            wide[:] = wide or [deepcopy(module).double()]  # its buffers have to go with such parameters
            (called,) = wide
        return torch.func.functional_call(called, given, args[: len(inputs)])

    function.__name__ = type(module).__name__
    titles = {f"parameter {name}" if name in inputs else name: p.detach() for name, p in named.items()}
    found = in_torch(torch, Given(function, None, {**inputs, **titles}))
    return replace(found, parameters=frozenset(range(len(inputs), len(inputs) + len(titles))))


def device_of(torch: Any, forward: Any, inputs: Sequence[Any]) -> Any:
    """The device of the first tensor among the inputs, or that of a module's parameters; None where there are none."""
    module = forward if isinstance(forward, torch.nn.Module) else None
    tensors = [*(x for x in inputs if isinstance(x, torch.Tensor)), *(module.parameters() if module is not None else ())]
    return tensors[0].device if tensors else None


def _leaves(torch: Any, xs: Sequence[Any], device: Any) -> list[Any]:
    return [torch.tensor(x, requires_grad=x.dtype.kind == "f", device=device) if isinstance(x, np.ndarray) else x for x in xs]


def followed(torch: Any, function: Any, arrays: Sequence[Any], device: Any) -> list[bool]:
    """Which outputs count: those that autograd follows. To what is detached nothing is sent back; all, if it is all."""
    given = _leaves(torch, arrays, device)
    with torch.enable_grad():
        found = [getattr(y, "requires_grad", False) for y in outputs(function(*given))]
    return found if any(found) else [True] * len(found)


def _pulled(torch: Any, ends: Sequence[Any], floats: Sequence[Any], dys: Sequence[Any]) -> Any:
    """What autograd gives. Raises RefusedError where that is an error of torch's own backward, and else what it raises."""
    try:
        return torch.autograd.grad(ends, floats, dys, allow_unused=True)
    except RuntimeError as error:
        if _own_code(torch, ends):
            raise
        raise RefusedError(f"backward: torch's own gives no gradient here: {error}") from error


def _own_code(torch: Any, ends: Sequence[Any]) -> bool:
    """Whether a backward that somebody wrote has a part in these outputs; else all of it is torch's."""
    left, seen = [y.grad_fn for y in ends], set()
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, torch.autograd.function.BackwardCFunction):
            return True
        left += [one for one, _ in node.next_functions]
    return False


def numbers(x: Any) -> Array:
    """A tensor's numbers as an array of its own; formats that NumPy lacks in float32."""
    x = x.detach().cpu()
    return np.array((x.float() if str(x.dtype) == "torch.bfloat16" else x).numpy(force=True))


def pulled_by_torch(torch: Any, forward: Any) -> Any:
    """What autograd, with the backward that `forward` has, makes of dy."""
    function = forward.apply if _is_function(torch, forward) else forward

    def back(*args: Any) -> Any:
        *xs, dy = args
        own = [
            x.detach().requires_grad_() if isinstance(x, torch.Tensor) and (x.is_floating_point() or x.is_complex()) else x
            for x in xs
        ]
        floats = [x for x in own if isinstance(x, torch.Tensor) and x.requires_grad]
        with torch.enable_grad():
            found = iter(torch.autograd.grad(function(*own), floats, dy, allow_unused=True))
        return tuple(next(found) if isinstance(x, torch.Tensor) and x.requires_grad else None for x in own)

    return back
