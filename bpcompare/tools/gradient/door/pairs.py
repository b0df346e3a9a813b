"""Code of complex numbers as code of pairs of real ones: the real and the imaginary part, along a last axis of two.

All that is known of real code then holds for it. Of E, which is real, a gradient by z = x + iy has two parts, and there are two
conventions for putting them into one number: torch's is ∂E/∂x + i ∂E/∂y, twice the conjugate Wirtinger derivative ∂E/∂z̄, and
JAX's is ∂E/∂x − i ∂E/∂y. So is dy by either. torch: *Autograd mechanics*, "Autograd for Complex Numbers"; JAX: *The Autodiff
Cookbook*, "Complex numbers and differentiation".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from bpcompare.tools.gradient.arrays.array import TracedArray
from bpcompare.tools.gradient.door.of_jax import pulled_by_jax, wide
from bpcompare.tools.gradient.door.of_torch import pulled_by_torch
from bpcompare.tools.gradient.door.outputs import outputs
from bpcompare.tools.gradient.trees import Given

Convention = Literal["torch", "jax"]
CONVENTIONS: Mapping[str, str] = {"torch": "∂E/∂x + i ∂E/∂y", "jax": "∂E/∂x − i ∂E/∂y"}
"""What the gradient by z = x + iy is."""


@dataclass(frozen=True)
class Parts:
    """What a framework makes of complex numbers and pairs; `is_complex` of anything; what its `pullback` makes of dy."""

    is_complex: Callable[[Any], bool]
    paired: Callable[[Any], Any]
    joined: Callable[[Any], Any]
    conjugate: Callable[[Any], Any]
    pullback: Callable[[Any], Any] | None
    fresh: Callable[[Any], Any]
    """Pairs of an input, of their own memory."""
    around: Callable[[Any, Callable[[Any], Any]], Any] = lambda forward, made: made(forward)
    """What `made` makes of a forward; around a module still a module."""


def holds_complex(x: Any) -> bool:
    """Whether it is an array of complex numbers, of any framework."""
    return str(getattr(x, "dtype", "")).rpartition(".")[2].startswith("complex")


def in_pairs(given: Given, parts: Parts, own: Convention, convention: Convention) -> Given:
    """The same functions of pairs, in torch's convention. `own` is that of the framework, `convention` that of the backward.

    Where they are not the same, the backward is called as code of the other convention would be.
    """
    back = given.backward
    if back is None and convention != own and parts.pullback is not None:
        back = parts.pullback(given.forward)
    inputs = {name: parts.fresh(x) if parts.is_complex(x) else x for name, x in given.inputs.items()}
    code = _InPairs(parts, [parts.is_complex(x) for x in given.inputs.values()], turned=convention != "torch")
    forward = parts.around(given.forward, code.ahead)
    return replace(given, forward=forward, backward=None if back is None else code.back(forward, back), inputs=inputs)


class _InPairs:
    """Functions of pairs for some of complex numbers. `turned`: dy and gradients are the conjugates of torch's."""

    def __init__(self, parts: Parts, is_pair: Sequence[bool], *, turned: bool) -> None:
        self._parts, self._is_pair, self._turned = parts, is_pair, turned
        self._kinds: Any = None
        """Which of the last outputs are complex, nested as they are."""

    def ahead(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        """A forward of pairs."""
        parts = self._parts

        def forward(*xs: Any) -> Any:
            out = inner(*self._complex(xs))
            self._kinds = _mapped(parts.is_complex, out)
            forward.pairs = [parts.is_complex(y) for y in outputs(out)]  # type: ignore[attr-defined]
            return _mapped(lambda y: parts.paired(y) if parts.is_complex(y) else y, out)

        forward.__name__ = getattr(inner, "__name__", "forward")
        return forward

    def back(self, forward: Callable[..., Any], inner: Callable[..., Any]) -> Callable[..., Any]:
        """A backward of pairs."""
        count = len(self._is_pair)

        def backward(*args: Any) -> Any:
            xs, dys = args[:count], args[count:]
            if self._kinds is None:
                forward(*xs)
            dys = tuple(map(self._dy, dys, _per_argument(self._kinds, len(dys))))
            found = inner(*self._complex(xs), *dys)
            found = found if isinstance(found, (tuple, list)) else (found,)
            pairs = self._is_pair if len(found) == count else map(self._parts.is_complex, found)
            return tuple(self._gradient(g) if pair else g for g, pair in zip(found, pairs, strict=True))

        return backward

    def _complex(self, xs: Sequence[Any]) -> list[Any]:
        return [self._parts.joined(x) if pair else x for x, pair in zip(xs, self._is_pair, strict=True)]

    def _dy(self, dy: Any, kind: Any) -> Any:
        if isinstance(kind, dict):
            return {key: self._dy(dy[key], one) for key, one in kind.items()}
        if isinstance(kind, tuple):
            return tuple(map(self._dy, dy, kind))
        return self._conjugate(self._parts.joined(dy)) if kind else dy

    def _gradient(self, g: Any) -> Any:
        return None if g is None else self._parts.paired(self._conjugate(g if self._parts.is_complex(g) else g + 0j))

    def _conjugate(self, z: Any) -> Any:
        return self._parts.conjugate(z) if self._turned else z


def _per_argument(kind: Any, count: int) -> Sequence[Any]:
    """The kinds of several arguments dy, as torch has them, or of one."""
    return kind if isinstance(kind, tuple) and count == len(kind) > 1 else [kind]


def _mapped(function: Callable[[Any], Any], out: Any) -> Any:
    if isinstance(out, Mapping):
        return {key: _mapped(function, one) for key, one in out.items()}
    if isinstance(out, (tuple, list)):
        return tuple(_mapped(function, one) for one in out)
    return function(out)


def of_numpy() -> Parts:
    """NumPy's arrays, and those that write down what is done with them."""

    def paired(z: Any) -> Any:
        if isinstance(z, TracedArray):
            return z.as_pairs()
        z = np.asarray(z, order="C")
        return z.reshape(*z.shape, 1).view(z.real.dtype)

    def joined(x: Any) -> Any:
        if isinstance(x, TracedArray):
            return x.as_complex()
        x = np.asarray(x, order=None if x.strides[-1] == x.itemsize else "C")
        return x.view(np.result_type(x.dtype, np.complex64))[..., 0]

    def fresh(z: Any) -> Any:
        return np.stack([np.real(z), np.imag(z)], -1)

    return Parts(holds_complex, paired, joined, np.conj, None, fresh)


def of_torch(torch: Any) -> Parts:
    """Tensors. A pair that is one behind the other in memory shares it with its complex number."""

    def joined(x: Any) -> Any:
        *strides, last = x.stride()
        fits = last == 1 and not any(one % 2 for one in (*strides, x.storage_offset()))
        return torch.view_as_complex(x if fits else x.contiguous())

    def paired(z: Any) -> Any:
        return torch.view_as_real(z.resolve_conj())

    class Paired(torch.nn.Module):  # type: ignore[misc]
        """A module of pairs around one of complex numbers, whose parameters and modules keep their names."""

        def __init__(self, inner: Any, made: Callable[[Any], Any]) -> None:
            super().__init__()
            self.inner, self._made = inner, made

        def forward(self, *xs: Any) -> Any:
            called = self._made(self.inner)
            out = called(*xs)
            self.pairs = called.pairs
            return out

        def named_parameters(self, *args: Any, **kwargs: Any) -> Any:
            return self.inner.named_parameters(*args, **kwargs)

        def named_modules(self, *args: Any, **kwargs: Any) -> Any:
            return self.inner.named_modules(*args, **kwargs)

    def around(forward: Any, made: Callable[[Any], Any]) -> Any:
        if isinstance(forward, torch.nn.Module):
            return Paired(forward, made)
        function: Any = forward
        return made(function.apply if isinstance(forward, type) else function)

    return Parts(
        holds_complex, paired, joined, torch.conj_physical, lambda forward: pulled_by_torch(torch, forward),
        lambda z: paired(z.detach()).clone(), around,
    )  # fmt: skip


def of_jax(jax: Any) -> Parts:
    """JAX's arrays."""
    jnp = jax.numpy

    def paired(z: Any) -> Any:
        return jnp.stack([jnp.real(z), jnp.imag(z)], -1)

    def fresh(z: Any) -> Any:
        with wide(jax):
            return paired(jnp.asarray(z))

    return Parts(
        holds_complex, paired, lambda x: jax.lax.complex(x[..., 0], x[..., 1]), jnp.conj,
        lambda forward: pulled_by_jax(jax, forward), fresh,
    )  # fmt: skip
