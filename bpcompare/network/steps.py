"""The program of a network: two steps a layer, its op and its activation; E at the end; an update for each parameter.

Where parameters have penalties, E is a sum: "error.data", of which the error's own law speaks, and "ID.penalty" of each. Nobody
records these; they are worked out on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpcompare.ops import Add
from bpcompare.program import Program, Step, Update, Value

if TYPE_CHECKING:
    from bpcompare.network.network import Network


def program_of(network: Network) -> Program:
    """Layers' `in` and its Δ are recorded, and `a`; the Δ of `a` is open: nobody records it, and the proof goes through it."""
    values = [Value(f"{name}.a", name, given=True) for name in network.inputs]
    values.append(Value("target", "error", given=True))
    for name, parameter in network.parameters.items():
        gradient = f"{name}.gradient" if parameter.trainable else None
        values.append(Value(name, name, given=True, delta=gradient, parameter=True))
    steps: list[Step] = []
    # One text for each activation, however many layers read it: equal texts that are one object are found at once.
    activations = {name: f"{name}.a" for name in (*network.inputs, *network.order)}
    for name in network.order:
        layer = network.layers[name]
        constants = network.draw_paths[name] | {key: f"{path}.before" for key, path in network.state_paths[name].items()}
        reads = tuple(map(activations.__getitem__, layer.sources))
        state, starts = network.state_paths[name], network.starts[name]
        steps.append(Step(name, layer.op, reads, f"{name}.in", dict(layer.parameters), constants, state, starts))
        steps.append(Step(f"{name}.g", layer.g, (f"{name}.in",), activations[name]))
        values += [Value(f"{name}.in", name, delta=f"{name}.delta"), Value(activations[name], name)]
    addends = ["error.data", *(f"{name}.penalty" for name in network.penalties)] if network.penalties else ["error"]
    steps.append(Step("error", network.error.op, (f"{network.error.of}.a", "target"), addends[0]))
    steps += [Step(f"{name}.penalty", op, (), f"{name}.penalty", {"w": name}) for name, op in network.penalties.items()]
    if network.penalties:
        steps.append(Step("error.sum", Add(), tuple(addends), "error"))
        values += [Value(path, "error", open=True) for path in addends]
    values.append(Value("error", "error"))
    updates = tuple(
        Update(name, network.update, f"{name}.update", f"{name}.gradient", network.slot_paths[name])
        if parameter.trainable
        else Update(name, None, f"{name}.update")
        for name, parameter in network.parameters.items()
    )
    return Program({value.path: value for value in values}, tuple(steps), updates, "error", tuple(addends))
