"""What a rule makes of each parameter and of its state, as a program of updates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bpcompare.ops.op import UpdateOp
from bpcompare.program import Place, Program, Recording, Update, Value
from bpcompare_jax.recorder.names import leaf_name
from bpcompare_jax.recorder.numbers import array
from bpcompare_jax.recorder.told import Told


def of_rule(rule: Told, params: Any, fed: Sequence[Sequence[Any]], state: Any, after: Any) -> Recording:
    """One update for each parameter that has a rule: `after` holds parameters and state as optax left them.

    `fed`, for each part of the rule: what it read in the place of gradients, in the order of all parameters.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(params)
    left = jax.tree_util.tree_leaves(after["parameter"])
    given: dict[str, Any] = {}
    recorded: dict[str, Any] = {}
    values: dict[str, Value] = {}
    updates = {}
    for part, arrived in zip(rule.parts, fed, strict=True):
        slots = {slot: tuple(map(jax.tree_util.tree_leaves, (at(state), at(after["state"])))) for slot, at in part.kept.items()}
        for number, op in zip(part.members, part.rules, strict=True):
            path, given_as = leaves[number]
            name = leaf_name(path) or "params"
            parameter = jnp.asarray(given_as)  # NumPy's float64 is float32 to JAX, unless it is told otherwise
            dtype = str(parameter.dtype)
            given |= {name: array(parameter), f"{name}.gradient": array(arrived[number]), f"{name}.t": np.asarray(part.t)}
            recorded[f"{name}.update"] = array(left[number])
            values[name] = Value(name, name, given=True, dtype=dtype)
            paths, formats = {}, {}
            for slot, (old, new) in slots.items():
                at = part.on.index(number)
                paths[slot], formats[slot] = f"{name}.{slot}", str(new[at].dtype)
                given[f"{name}.{slot}.before"], recorded[f"{name}.{slot}"] = array(old[at]), array(new[at])
            updates[number] = Update(name, op, f"{name}.update", f"{name}.gradient", paths, f"{name}.t", dtype, formats)
    called = {updates[number].parameter: function(updates[number].op) for number in sorted(updates)}
    places = {name: Place("", one) for name, one in called.items()}
    program = Program(values, (), tuple(updates[number] for number in sorted(updates)), "error", ())
    return Recording(f"{', '.join(dict.fromkeys(called.values()))}.step", program, given, recorded, places)


def function(op: UpdateOp | None) -> str:
    """What a rule is called; a parameter without one is kept."""
    return "kept" if op is None else op.called
