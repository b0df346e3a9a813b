"""The mistake of computing in a narrower format than the plan's, without a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from bpcompare.laws import Laws
from bpcompare.laws.law import At, Sources
from bpcompare.mistakes.mistake import Altered, Everywhere, Form, Mistake, Places
from bpcompare.network import Network
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.dyadic import InexactError
from bpcompare.numbers.number import Number, closed

BITS = {"float32": 24, "TF32": 11, "float16": 11, "bfloat16": 8}
"""Significant bits of formats that hardware and frameworks take without being asked."""


def rounded(x: Any, bits: int | None = None) -> Any:
    """x rounded to so many significant bits, ties to even; by default to float32, or to bfloat16 where x is float32 already.

    A ball becomes one around the rounded midpoint. Only where it holds a point at which rounding jumps it reaches to the next
    number of the format. Raises InexactError for dyadic numbers, which cannot be rounded.
    """
    if isinstance(x, Ball):
        bits = bits or _narrower(x.fmt.u > 2.0**-50)
        mid = _rounded(x.mid, bits)
        radius = np.broadcast_to(np.asarray(x.final_radius()), mid.shape)
        low, high = _rounded(x.mid - radius, bits), _rounded(x.mid + radius, bits)
        return Ball(mid, x.fmt, 0.0, np.maximum(np.abs(low - mid), np.abs(high - mid)))
    if isinstance(x, Number):
        raise InexactError("rounding to a narrower format")
    x = np.asarray(x)
    return _rounded(x, bits or _narrower(x.dtype == np.float32)) if x.dtype.kind == "f" else x


def _narrower(single: bool) -> int:
    return BITS["bfloat16"] if single else BITS["float32"]


def _rounded(x: Any, bits: int) -> Any:
    if bits == BITS["float32"]:  # with its range, too
        return x.astype(np.float32).astype(x.dtype)
    mantissa, exponent = np.frexp(x)
    return np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits).astype(x.dtype)


def representable(x: Any, bits: int) -> bool:
    """Whether every number of x has no more significant bits than these, and some number has something to show for it."""
    x = np.asarray(x, np.float64)
    return bool(np.isfinite(x).all() and (_rounded(x, bits) == x).all() and (x != 0).any())


def _result(bits: int | None) -> Places:
    """What laws give, rounded: every `in`, a, Δ and gradient, every new parameter and slot."""

    def places(network: Network, laws: Laws) -> Mapping[str, Any]:
        layers, free = network.layers, frozenset(network.trainable)

        def owners() -> Iterator[str]:
            for name in layers:
                yield from (name, f"{name}.g")
            yield from network.trainable

        def make(owner: str) -> Any:
            if owner in free:
                return _narrow(laws.update(owner, network.update), bits, ())
            if owner in layers:
                return _narrow(laws.of(owner, layers[owner].op), bits, tuple(layers[owner].parameters))
            return _narrow(laws.of(owner, layers[owner.removesuffix(".g")].g), bits, ())

        def could(owner: str) -> bool:
            return owner in free or owner in layers or (owner.endswith(".g") and owner.removesuffix(".g") in layers)

        return Everywhere(owners, could, make)

    def _narrow(law: Any, bits: int | None, roles: tuple[str, ...]) -> Any:
        def method(name: str) -> Any:
            return lambda at: rounded(closed(getattr(law, name)(at)), bits)

        return Altered(law, roles, None, **{name: method(name) for name in ("forward", "delta", "gradient", "slot", "parameter")})

    return places


def _operands(bits: int) -> Places:
    """What goes into the laws of layers, activations and the error, rounded, and the gradients that go into an update."""

    def places(network: Network, laws: Laws) -> dict[str, Any]:
        found: dict[str, Any] = {"error": _fed(laws.of("error", network.error.op), ())}
        for name, layer in network.layers.items():
            found[name] = _fed(laws.of(name, layer.op), tuple(layer.parameters))
            found[f"{name}.g"] = _fed(laws.of(f"{name}.g", layer.g), ())
        return found | {name: _led(laws.update(name, network.update)) for name in network.trainable}

    def _fed(law: Any, roles: tuple[str, ...]) -> Any:
        def method(name: str) -> Any:
            def wrong(at: At[Any]) -> Any:
                starts = at.xs.starts if isinstance(at.xs, Sources) else ()
                sources = Sources([str(slot) for slot in range(len(at.xs))], starts, lambda slot: rounded(at.xs[int(slot)], bits))
                narrow = {role: rounded(x, bits) for role, x in at.p.items()}
                dy = None if at.dy is None else rounded(closed(at.dy), bits)
                return getattr(law, name)(at.but(xs=sources, p=narrow, dy=dy))

            return wrong

        return Altered(law, roles, None, **{name: method(name) for name in ("forward", "delta", "gradient")})

    def _led(law: Any) -> Any:
        return Altered(
            law,
            slot=lambda at: law.slot(at.but(g=rounded(at.g, bits))),
            parameter=lambda at: law.parameter(at.but(g=rounded(at.g, bits))),
        )

    return places


MISTAKES = (
    Mistake(
        "BP510",
        "computed in a narrower format",
        "results, or what goes into them, rounded to float32 (24 bits), TF32 or float16 (11), bfloat16 (8)",
        "every number in the format of the plan",
        "Frameworks take float32 by default, and an array, a constant or a cast in the middle of a float64 computation "
        "narrows it without a word; autocast, TF32 and bfloat16 weights do the same to float32. All numbers look right to "
        "7 digits, or to 3.",
        _result(None),
        formats=BITS,
        family=True,
        others=(
            Form("operands rounded to float32", _operands(24)),
            Form("operands rounded to TF32 or float16", _operands(11)),
            Form("operands rounded to bfloat16", _operands(8)),
        ),
    ),
)
