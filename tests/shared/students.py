"""A plain network, and backends whose records are changed on their way out."""

from dataclasses import replace

from bpcompare import ops
from bpcompare.network.draft import Draft


def mlp(widths, g=None, *, examples=8, error=None, update=None, weight=1.0, bias=0.1):
    """Dense layers l0, l1, …; the last has no activation."""
    draft = Draft(
        "mlp", examples, error or ops.HalfSquared(reduce="mean"), update or ops.Sgd(0.1), seed=5, weight=weight, other=bias
    )
    source = draft.input("x", widths[0])
    for width in widths[1:-1]:
        source = draft.layer(ops.Dense(width), source, g=g or ops.Tanh())
    source = draft.layer(ops.Dense(widths[-1]), source)
    target = draft.random.standard_normal((examples, widths[-1]))
    return draft.network(source, target, updates_done=0, slots="zero")


def spoiled(base, change, title="student"):
    """`base` with its record changed: change(step) may alter the arrays of the first step."""

    class Spoiled(base):
        name = title

        def run(self, plan):
            record = super().run(plan)
            change(record.steps[0])
            return replace(record, provenance=replace(record.provenance, backend=title))

    return Spoiled
