"""The code under test, as functions from NumPy arrays to NumPy arrays, whatever framework it is written in.

Frameworks are found among the modules that its author has imported; bpcompare imports none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.trees import Given, flattened, leaves


class RefusedError(ValueError):
    """The forward takes these inputs, but not as ones that ask for a gradient."""


Forward = Callable[[Sequence[Any]], Array]
Backward = Callable[[Sequence[Any], Array], Any]


@dataclass(frozen=True)
class CodeUnderTest:
    """The code under test, as functions of NumPy arrays.

    `given`: as it was given, but for trees of arrays. `inputs`: arrays, and what is no array (a flag, an ε, None) as it was
    given. `forward` computes in the dtype that it is given,
    which may be wider than that of the `inputs`; if `analytic`, also in complex numbers. Several outputs are one array: their
    numbers behind each other. `backward` computes in the dtype of the inputs.
    """

    framework: str
    given: Given
    inputs: tuple[Any, ...]
    forward: Forward
    backward: Backward
    analytic: bool

    @property
    def names(self) -> tuple[str, ...]:
        """What the inputs are called."""
        return tuple(self.given.inputs)

    @property
    def carrying(self) -> list[int]:
        """The inputs that carry a gradient: arrays of floats."""
        return [i for i, x in enumerate(self.inputs) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]


def code_under_test(
    forward: Any, backward: Any, inputs: Sequence[Any], names: Sequence[str], meant_for: Any = None
) -> CodeUnderTest:
    """The code under test, for the framework that it is written in. Raises ValueError where there is no backward to be found."""
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    parts = leaves(inputs)
    if any(
        np.iscomplexobj(x) if isinstance(x, (np.ndarray, np.generic, complex)) else "complex" in str(getattr(x, "dtype", ""))
        for x in parts
    ):
        raise ValueError(
            "inputs: complex numbers are not tried. Frameworks do not agree on what their gradient is (torch has the conjugate "
            "of JAX's); ask about the real and the imaginary part as two inputs"
        )
    if torch is not None and (any(isinstance(x, torch.Tensor) for x in parts) or _is_torch(torch, forward)):
        if meant_for is not None:
            forward, backward = meant_for, backward or _pulled_by_torch(torch, forward)
        return _torch(torch, flattened(forward, backward, inputs, names))
    if jax is not None and (any(isinstance(x, jax.Array) for x in parts) or isinstance(forward, jax.custom_vjp)):
        if meant_for is not None:
            forward, backward = meant_for, backward or _pulled_by_jax(jax, forward)
        return _jax(jax, flattened(forward, backward, inputs, names))
    if backward is None:
        raise ValueError("backward: a NumPy function needs one: backward(*inputs, dy) -> a gradient for each input")
    return _numpy(flattened(meant_for or forward, backward, inputs, names))


def cast(inputs: Sequence[Any], dtype: str) -> list[Any]:
    """The inputs with their floats in another format."""
    torch = sys.modules.get("torch")

    def one(x: Any) -> Any:
        if torch is not None and isinstance(x, torch.Tensor):
            return x.to(getattr(torch, dtype)) if x.is_floating_point() else x
        if isinstance(x, Mapping):
            return {key: one(value) for key, value in x.items()}
        if isinstance(x, (list, tuple)):
            return type(x)(map(one, x))
        return x.astype(dtype) if hasattr(x, "astype") and np.dtype(x.dtype).kind in "fV" else x

    return [one(x) for x in inputs]


def _numpy(given: Given) -> CodeUnderTest:
    arrays = _arrays(list(given.inputs.values()), ())

    def call(xs: Sequence[Any]) -> Array:
        return joined(given.forward(*map(_copied, xs)), np.asarray)

    def back(xs: Sequence[Any], dy: Array) -> Any:
        likes = given.forward(*map(_copied, xs))
        return given.backward(*map(_copied, xs), parted(dy.copy(), likes))

    return CodeUnderTest("numpy", given, arrays, call, back, analytic=True)


def joined(out: Any, array: Callable[[Any], Array]) -> Array:
    """An output as an array; several as one, their numbers behind each other. Those that hold no floats have no part in it."""
    if not isinstance(out, (tuple, list, Mapping)):
        return array(out)
    found = [array(y) for y in outputs(out)]
    floats = [y for y in found if y.dtype.kind in "fc"]
    return floats[0] if len(floats) == 1 and len(found) == 1 else np.concatenate([y.ravel() for y in floats] or [np.zeros(0)])


def outputs(out: Any) -> list[Any]:
    """The outputs one after the other, however they are nested."""
    if isinstance(out, Mapping):
        out = list(out.values())
    if isinstance(out, (tuple, list)):
        return [y for one in out for y in outputs(one)]
    return [] if out is None else [out]


def parted(dy: Array, like: Any) -> Any:
    """dy in the shapes of the outputs, nested as they are."""
    at = 0

    def part(y: Any) -> Any:
        nonlocal at
        if isinstance(y, Mapping):
            return {key: part(one) for key, one in y.items()}
        if isinstance(y, (tuple, list)):
            return tuple(map(part, y))
        if y is None:
            return None
        y = np.asarray(y)
        size = y.size if y.dtype.kind == "f" else 0
        at += size
        return dy.reshape(-1)[at - size : at].reshape(y.shape) if size else np.zeros_like(y)

    return part(like) if isinstance(like, (tuple, list, Mapping)) else dy


def _arrays(inputs: Sequence[Any], kinds: tuple[type, ...]) -> tuple[Any, ...]:
    """Arrays of them; what is none stays as it is. Where no input is an array of floats, Python's own floats are inputs."""
    known = (np.ndarray, np.generic, *kinds)
    arrays = [np.array(x) if isinstance(x, known) else x for x in inputs]
    if not any(isinstance(x, np.ndarray) and x.dtype.kind == "f" for x in arrays):
        arrays = [np.array(x) if isinstance(x, (float, list)) else x for x in arrays]
    return tuple(arrays)


def _copied(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x


def _is_torch(torch: Any, forward: Any) -> bool:
    return isinstance(forward, torch.nn.Module) or _is_function(torch, forward)


def _is_function(torch: Any, forward: Any) -> bool:
    return isinstance(forward, type) and issubclass(forward, torch.autograd.Function)


def _torch(torch: Any, given: Given) -> CodeUnderTest:
    forward, backward, inputs = given.forward, given.backward, list(given.inputs.values())
    is_module = isinstance(forward, torch.nn.Module)
    function = forward if is_module or not _is_torch(torch, forward) else forward.apply
    arrays = _arrays([numbers(x) if isinstance(x, torch.Tensor) else x for x in inputs], ())

    def tensor(x: Any) -> Any:
        return torch.tensor(x) if isinstance(x, np.ndarray) else x

    def call(xs: Sequence[Any]) -> Array:
        wider = is_module and any(xs[i].dtype != x.dtype for i, x in enumerate(arrays) if isinstance(x, np.ndarray))
        with torch.no_grad():
            y = (deepcopy(function).double() if wider else function)(*map(tensor, xs))
        several = outputs(y)
        if backward is None and len(several) > 1:
            y = [one for one, kept in zip(several, followed(), strict=True) if kept]
        return joined(y, numbers)

    @cache
    def followed() -> list[bool]:
        """Which outputs count: those that autograd follows. To what is detached nothing is sent back; all, if it is all."""
        given = [torch.tensor(x, requires_grad=x.dtype.kind == "f") if isinstance(x, np.ndarray) else x for x in arrays]
        with torch.enable_grad():
            found = [getattr(y, "requires_grad", False) for y in outputs(function(*given))]
        return found if any(found) else [True] * len(found)

    def back(xs: Sequence[Any], dy: Array) -> Any:
        tensors = [torch.tensor(x, requires_grad=x.dtype.kind == "f") if isinstance(x, np.ndarray) else x for x in xs]
        if backward is not None:
            like = forward(*(x.detach() if isinstance(x, torch.Tensor) else x for x in tensors))
            dys = parted(dy, like if not isinstance(like, torch.Tensor) else dy)
            dys = tuple(map(torch.tensor, dys)) if isinstance(dys, tuple) else (torch.tensor(dys),)
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
            found = iter(torch.autograd.grad([y for y, _ in terms], floats, [d.to(y) for y, d in terms], allow_unused=True))
        gradients = [next(found) if isinstance(x, torch.Tensor) and x.requires_grad else None for x in tensors]
        return tuple(None if g is None else numbers(g) for g in gradients)

    return CodeUnderTest("torch", given, arrays, call, back, analytic=False)


def numbers(x: Any) -> Array:
    """A tensor's numbers as an array of its own; formats that NumPy lacks in float32."""
    x = x.detach().cpu()
    return np.array((x.float() if str(x.dtype) == "torch.bfloat16" else x).numpy(force=True))


def _jax(jax: Any, asked: Given) -> CodeUnderTest:
    forward, backward = asked.forward, asked.backward
    arrays = tuple(_widened(x) for x in _arrays(list(asked.inputs.values()), (jax.Array,)))

    def given(xs: Sequence[Any]) -> list[Any]:
        return [jax.numpy.array(x.copy()) if isinstance(x, np.ndarray) else x for x in xs]

    def call(xs: Sequence[Any]) -> Array:
        with wide(jax):
            return joined(forward(*given(xs)), np.array)

    def back(xs: Sequence[Any], dy: Array) -> Any:
        with wide(jax):
            args = given(xs)
            at = [i for i, x in enumerate(xs) if isinstance(x, np.ndarray)]

            def applied(*some: Any) -> Any:
                whole = list(args)
                for i, x in zip(at, some, strict=True):
                    whole[i] = x
                return forward(*whole)

            if backward is not None:
                like = forward(*args)
                dys = parted(dy, like) if isinstance(like, (tuple, list, Mapping)) else dy
                found = backward(*args, jax.tree_util.tree_map(jax.numpy.array, dys))
                found = found if isinstance(found, tuple | list) else (found,)
            else:
                out, pull = jax.vjp(applied, *(args[i] for i in at))
                dys = parted(dy, out)
                dys = jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(out), jax.tree_util.tree_leaves(dys))
                partial = dict(zip(at, pull(jax.tree_util.tree_map(cotangent(jax), out, dys)), strict=True))
                found = tuple(partial.get(i) for i in range(len(xs)))
            if len(found) != len(xs):
                return tuple(found)
            return tuple(
                np.array(g) if g is not None and isinstance(x, np.ndarray) and x.dtype.kind == "f" else None
                for g, x in zip(found, xs, strict=True)
            )

    return CodeUnderTest("jax", asked, arrays, call, back, analytic=True)


def wide(jax: Any) -> AbstractContextManager[Any]:
    """JAX in 64 bits whatever the author's switch says, and as a context, so that it stays as it was."""
    if hasattr(jax, "enable_x64"):
        context: AbstractContextManager[Any] = jax.enable_x64(True)
        return context
    found = sys.modules.get("jax.experimental")
    return found.enable_x64() if found is not None and hasattr(found, "enable_x64") else nullcontext()


def per_input(found: Any, inputs: Sequence[Any]) -> list[Array | None]:
    """What a backward gave, as a gradient for each input. Those that are no arrays may be left out of it.

    Raises ValueError where there are too many or too few.
    """
    parts = list(found) if isinstance(found, tuple | list) else [found]
    arrays = [i for i, x in enumerate(inputs) if isinstance(x, np.ndarray)]
    if len(parts) == len(arrays) < len(inputs):
        given = dict(zip(arrays, parts, strict=True))
        parts = [given.get(i) for i in range(len(inputs))]
    if len(parts) != len(inputs):
        raise ValueError(f"backward gave {len(parts)} gradients for {len(inputs)} inputs")
    return [None if part is None else np.asarray(part) for part in parts]


def cotangent(jax: Any) -> Callable[[Any, Any], Any]:
    """What stands for dy of an output: zeros of JAX's own kind, where it holds integers."""

    def made(y: Any, dy: Any) -> Any:
        if jax.numpy.issubdtype(y.dtype, jax.numpy.floating):
            return jax.numpy.asarray(dy, y.dtype)
        return np.zeros(y.shape, jax.dtypes.float0)

    return made


def _widened(x: Any) -> Any:
    """Formats that NumPy lacks, in float32."""
    return x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype.kind == "V" else x


def _pulled_by_torch(torch: Any, forward: Any) -> Any:
    """What autograd, with the backward that `forward` has, makes of dy."""
    function = forward.apply if _is_function(torch, forward) else forward

    def back(*args: Any) -> Any:
        *xs, dy = args
        own = [x.detach().requires_grad_() if isinstance(x, torch.Tensor) and x.is_floating_point() else x for x in xs]
        floats = [x for x in own if isinstance(x, torch.Tensor) and x.requires_grad]
        with torch.enable_grad():
            found = iter(torch.autograd.grad(function(*own), floats, dy, allow_unused=True))
        return tuple(next(found) if isinstance(x, torch.Tensor) and x.requires_grad else None for x in own)

    return back


def _pulled_by_jax(jax: Any, forward: Any) -> Any:
    """What JAX, with the rule that `forward` has, makes of dy."""

    def back(*args: Any) -> Any:
        *xs, dy = args
        return jax.vjp(forward, *xs)[1](dy)

    return back
