"""Networks at the ends of what numbers can hold: every op and update rule, with one kind of number far too large or too small."""

from dataclasses import replace

import numpy as np

from bpcompare import session
from bpcompare.engine.asked import located
from bpcompare.engine.isolation import Isolated
from bpcompare.plan.draw import plan as draw
from bpcompare.plan.draw import sealed
from bpcompare.testing.cases import cases
from samples import WHOLE, sample

KINDS = ("weights", "data", "target", "loss", "slots", "eta")
MAGNITUDES = {"float32": (1e30, 1e19, 1e-19, 1e-30, 1e-42), "float64": (1e290, 1e155, 1e-155, 1e-290, 1e-315)}


def scaled(plan, kind, factor):
    """`plan` with one kind of number multiplied by `factor`; None where the plan has none of the kind."""

    def times(arrays):
        with np.errstate(all="ignore"):
            return {name: x if x.dtype.kind != "f" else x * x.dtype.type(factor) for name, x in arrays.items()}

    network = plan.network
    if kind == "weights":
        plan = replace(plan, parameters=times(plan.parameters))
    elif kind == "data":
        plan = replace(plan, batches=tuple(replace(batch, inputs=times(batch.inputs)) for batch in plan.batches))
    elif kind == "target":
        if network.error.op.name in ("softmax_cross_entropy", "binary_cross_entropy_with_logits"):
            return None
        plan = replace(plan, batches=tuple(replace(b, target=times({"t": b.target})["t"]) for b in plan.batches))
    elif kind == "slots":
        if not plan.slots:
            return None
        plan = replace(plan, slots=times(plan.slots))
    elif kind == "loss":
        error = replace(network.error.op, scale=network.error.op.scale * factor)
        plan = replace(plan, network=replace(network, error=replace(network.error, op=error)))
    elif kind == "eta":
        plan = replace(plan, network=replace(network, update=replace(network.update, eta=network.update.eta * factor)))
    arrays = [x for _, x in plan.arrays() if x.dtype.kind == "f"]
    return sealed(plan) if all(np.isfinite(x).all() for x in arrays) else None


def compared(plan, backends):
    """The comparison of `backends` on `plan`."""
    records = session.answers(plan, located(backends), Isolated())
    return session.judge("extreme", plan, records, oracle=False)


def plans(dtype, names):
    """(name of the case, kind of number, magnitude, plan) of the cases called `names`.

    Of each case every other of its thirty ways, of the next case the others; all with `make whole`.
    """
    for case in cases():
        if case.name not in names:
            continue
        plan = draw(case.network, dtype)
        ways = [(kind, factor) for kind in KINDS for factor in MAGNITUDES[dtype]]
        for kind, factor in sample(ways[0 if WHOLE else names.index(case.name) % 2 :], 2):
            if (extreme := scaled(plan, kind, factor)) is not None:
                yield case.name, kind, factor, extreme
