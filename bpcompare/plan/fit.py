"""Whether the numbers of a plan fit its network. A drawn plan always fits; one read from a file is checked here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from bpcompare.network import Data, Network
from bpcompare.network.parameter import Array
from bpcompare.network.problems.data import data_problems
from bpcompare.plan.plan import Batch, Plan

Wanted = Mapping[str, tuple[int, ...]]
LATEST = 2**53
"""Updates that may be done before the first step: β to the power of more is not computed exactly."""


def problems(plan: Plan) -> Iterator[str]:
    """What keeps `plan` from being one that could have been drawn.

    That is: a network that cannot be run; arrays that are missing, unknown, of another shape or dtype, or not finite; class
    numbers and rows out of range.
    """
    network = plan.network
    found = [str(problem) for problem in network.problems()]
    if not plan.batches:
        found.append("batches: there are none")
    if not 0 <= plan.updates_done < LATEST:
        found.append(f"updates_done: must be at least 0 and below 2⁵³, is {plan.updates_done}")
    yield from found
    if found:
        return
    shapes = {name: (layer, role) for name, uses in network.uses.items() for layer, role in uses[:1]}
    parameters = {name: network.shapes[layer].parameters[role].shape for name, (layer, role) in shapes.items()}
    yield from _group(plan, "parameters", plan.parameters, parameters)
    yield from _group(
        plan, "slots", plan.slots, {path: parameters[p] for p in plan.slot_paths for path in plan.slot_paths[p].values()}
    )
    states = {path: network.shapes[name].state[key] for name, paths in plan.state_paths.items() for key, path in paths.items()}
    yield from _group(plan, "state", plan.state, states)
    masks = {path: network.shapes[name].draws[key] for name, paths in plan.draw_paths.items() for key, path in paths.items()}
    judged: set[tuple[int, ...]] = set()
    for number, batch in enumerate(plan.batches, 1):
        place = f"batches.{number - 1}"
        integers = [*(batch.inputs[name] for name in network.integer_inputs & batch.inputs.keys())]
        integers += [batch.target] if network.error.op.integer_target else []
        whole = {id(x) for x in integers}
        for name, x in (*batch.inputs.items(), ("target", batch.target)):
            dtype = "int64" if id(x) in whole else plan.dtype
            if x.dtype != dtype:
                yield f"{place}.{name}: expected {dtype}, found {x.dtype}"
        key = (*map(id, batch.inputs.values()), id(batch.target))
        if key not in judged:
            judged.add(key)
            filled = _filled(plan, batch, network)
            yield from (f"{place}: {problem}" for problem in (filled.problems() if number == 1 else data_problems(filled)))
        yield from _group(plan, f"{place}.draws", batch.draws, {path: (len(batch), *shape) for path, shape in masks.items()})


def _filled(plan: Plan, batch: Batch, network: Network) -> Network:
    """The network of one step, with the step's own numbers in the place of the spec's."""
    kept = {name: replace(network.parameters[name], init=x) for name, x in plan.parameters.items() if name in network.parameters}
    training = replace(network.training, dtype=plan.dtype, steps=1, batch=None, first=0, updates_done=plan.updates_done)
    return replace(network, parameters={**network.parameters, **kept}, data=Data(batch.inputs, batch.target), training=training)


def _group(plan: Plan, place: str, found: Mapping[str, Array], wanted: Wanted) -> Iterator[str]:
    for title, names in (("missing", wanted.keys() - found.keys()), ("unknown", found.keys() - wanted.keys())):
        if names:
            yield f"{place}: {title} {', '.join(sorted(names)[:3])}"
    for name in wanted.keys() & found.keys():
        x = found[name]
        if x.shape != wanted[name] or x.dtype != plan.dtype:
            yield f"{place}.{name}: expected {plan.dtype} of shape {list(wanted[name])}, found {x.dtype} of shape {list(x.shape)}"
        elif not np.isfinite(x).all():
            yield f"{place}.{name}: its numbers must be finite"
