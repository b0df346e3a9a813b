"""Of which layers −∂E/∂a is worth recording: where it spares the certificate a large product, and costs one more array."""

from __future__ import annotations

from bpcompare.ops import Dense, Identity
from bpcompare.plan.plan import Plan

WORTH = 2**24
"""So many multiplications of one step."""

PAYS = 64
"""So many for each number of the array."""


def returned(plan: Plan) -> tuple[str, ...]:
    """Layers behind an activation that dense layers alone read, in order, where it pays to record −∂E/∂a.

    None of them in float64: there the certificate tries no product along random vectors.
    """
    if plan.dtype != "float32":
        return ()
    network, examples = plan.network, max((len(batch) for batch in plan.batches), default=0)
    found = []
    for name in plan.order:
        layer, shape = network.layers[name], network.shape(name)
        readers = [network.layers[reader].op for reader, _ in network.consumers[name]]
        if isinstance(layer.g, Identity) or len(shape) != 1 or name == network.error.of or not readers:
            continue
        if not all(isinstance(op, Dense) for op in readers):
            continue
        units = sum(op.units for op in readers if isinstance(op, Dense))
        if units >= PAYS and examples * shape[0] * units >= WORTH:
            found.append(name)
    return tuple(found)
