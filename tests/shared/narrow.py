"""Backends that round one thing to a narrower format and say nothing of it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from bpcompare.arithmetic import Product
from bpcompare.exact.sight import rounded
from bpcompare.laws import LAWS, Laws
from bpcompare_delta import Delta

PLACES = (
    "everything",
    "a read forward",
    "weight read forward",
    "bias read forward",
    "sums forward",
    "stored in",
    "stored a",
    "flushed a",
    "stored E",
    "numbers read by E",
    "weight read backward",
    "Δ read backward",
    "stored Δ",
    "a read by gradients",
    "Δ read by gradients",
    "stored gradient",
    "update",
    "parameter read by update",
    "gradient read by update",
    "velocity read by update",
    "stored parameter",
    "stored velocity",
)


def narrow(place, width):  # noqa: C901 — one small function for each place
    """A delta that rounds to `width` bits at `place`."""

    def to(x):
        return np.asarray(rounded(x, width)).astype(np.asarray(x).dtype) if np.asarray(x).dtype.kind == "f" else x

    def cut(x):
        mantissa, exponent = np.frexp(x)
        return np.ldexp(np.trunc(np.ldexp(mantissa, width)), exponent - width).astype(x.dtype)

    def at(*places):
        return to if place in places or place == "everything" else (lambda x: x)

    class Rounding(Laws):
        def of(self, owner, op):
            law = super().of(owner, op)
            return SimpleNamespace(
                forward=lambda op, xs, p, c: _forward(law, owner, op, xs, p, c),
                delta=lambda op, xs, p, dy, c, slot: _delta(law, owner, op, xs, p, dy, c, slot),
                gradient=lambda op, xs, p, dy, c, role: _gradient(law, op, xs, p, dy, c, role),
                state=law.state,
            )

        def update(self, owner, op):
            law = super().update(owner, op)

            def read(t, p, g, slots):
                p, g = at("update", "parameter read by update")(p), at("update", "gradient read by update")(g)
                return t, p, g, {name: at("update", "velocity read by update")(x) for name, x in slots.items()}

            return SimpleNamespace(
                slot=lambda op, t, p, g, slots, name: at("update", "stored velocity")(law.slot(op, *read(t, p, g, slots), name)),
                parameter=lambda op, t, p, g, slots: at("update", "stored parameter")(law.parameter(op, *read(t, p, g, slots))),
            )

    def _forward(law, owner, op, xs, p, c):
        if owner == "error":
            return at("stored E")(law.forward(op, [at("numbers read by E")(x) for x in xs], p, c))
        if owner.endswith(".g"):
            a = law.forward(op, xs, p, c)
            return cut(a) if place == "flushed a" else at("stored a")(a)
        p = {role: at(f"{role} read forward")(x) for role, x in p.items()}
        return at("sums forward", "stored in")(law.forward(op, [at("a read forward")(x) for x in xs], p, c))

    def _delta(law, owner, op, xs, p, dy, c, slot):
        if owner == "error" or owner.endswith(".g"):
            found = law.delta(op, xs, p, dy, c, slot)
            return found if owner == "error" else at("stored Δ")(found)
        p = {role: at("weight read backward")(x) for role, x in p.items()}
        return law.delta(op, list(xs), p, at("Δ read backward")(dy), c, slot)

    def _gradient(law, op, xs, p, dy, c, role):
        xs = [at("a read by gradients")(x) for x in xs]
        found = law.gradient(op, xs, p, at("Δ read by gradients")(dy), c, role)
        if isinstance(found, Product):
            found = found.x @ found.w
        return at("stored gradient")(found)

    class Narrow(Delta):
        name = "narrow"

        def __init__(self):
            super().__init__(Rounding(LAWS.ops, LAWS.updates))

        def run(self, plan):
            record = super().run(plan)
            return replace(record, provenance=replace(record.provenance, backend="narrow"))

    return Narrow
