"""Backends that round one thing to a narrower format and say nothing of it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from bpcompare.laws import LAWS, Laws
from bpcompare.numbers.number import Product
from bpcompare.proof.exact.sight import rounded
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

    def here(*places):
        return to if place in places or place == "everything" else (lambda x: x)

    class Rounding(Laws):
        def of(self, owner, op):
            law = super().of(owner, op)
            return SimpleNamespace(
                forward=lambda at: _forward(law, owner, at),
                delta=lambda at: _delta(law, owner, at),
                gradient=lambda at: _gradient(law, at),
                state=law.state,
            )

        def update(self, owner, op):
            law = super().update(owner, op)

            def read(at):
                w, g = here("update", "parameter read by update")(at.w), here("update", "gradient read by update")(at.g)
                slots = {name: here("update", "velocity read by update")(x) for name, x in at.slots.items()}
                return at.but(w=w, g=g, slots=slots)

            return SimpleNamespace(
                slot=lambda at: here("update", "stored velocity")(law.slot(read(at))),
                parameter=lambda at: here("update", "stored parameter")(law.parameter(read(at))),
            )

    def _forward(law, owner, at):
        if owner == "error":
            return here("stored E")(law.forward(at.but(xs=[here("numbers read by E")(x) for x in at.xs])))
        if owner.endswith(".g"):
            a = law.forward(at)
            return cut(a) if place == "flushed a" else here("stored a")(a)
        p = {role: here(f"{role} read forward")(x) for role, x in at.p.items()}
        return here("sums forward", "stored in")(law.forward(at.but(xs=[here("a read forward")(x) for x in at.xs], p=p)))

    def _delta(law, owner, at):
        if owner == "error" or owner.endswith(".g"):
            found = law.delta(at)
            return found if owner == "error" else here("stored Δ")(found)
        p = {role: here("weight read backward")(x) for role, x in at.p.items()}
        return law.delta(at.but(xs=list(at.xs), p=p, dy=here("Δ read backward")(at.dy)))

    def _gradient(law, at):
        xs = [here("a read by gradients")(x) for x in at.xs]
        found = law.gradient(at.but(xs=xs, dy=here("Δ read by gradients")(at.dy)))
        if isinstance(found, Product):
            found = found.x @ found.w
        return here("stored gradient")(found)

    class Narrow(Delta):
        name = "narrow"

        def __init__(self):
            super().__init__(Rounding(LAWS.ops, LAWS.updates))

        def run(self, plan):
            record = super().run(plan)
            return replace(record, provenance=replace(record.provenance, backend="narrow"))

    return Narrow
