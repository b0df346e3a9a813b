"""What a rule makes of each parameter and of its state, as a program of updates."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bpcompare.program import Place, Program, Recording, Update, Value
from bpcompare_jax.recorder.names import leaf_name
from bpcompare_jax.recorder.programs import array
from bpcompare_jax.recorder.told import Told


def of_rule(rule: Told, params: Any, gradients: Any, state: Any, after: Any) -> Recording:
    """One update for each parameter: `after` holds parameters and state as optax left them, `gradients` what the rule read."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(params)
    names = [leaf_name(path) or "params" for path, _ in leaves]
    fed, left = jax.tree_util.tree_leaves(gradients), jax.tree_util.tree_leaves(after["parameter"])
    slots = {slot: tuple(map(jax.tree_util.tree_leaves, (at(state), at(after["state"])))) for slot, at in rule.kept.items()}
    given: dict[str, Any] = {}
    recorded: dict[str, Any] = {}
    values: dict[str, Value] = {}
    updates = []
    for number, (name, (_, given_as), op) in enumerate(zip(names, leaves, rule.rules, strict=True)):
        parameter = jnp.asarray(given_as)  # NumPy's float64 is float32 to JAX, unless it is told otherwise
        dtype = str(parameter.dtype)
        given |= {name: array(parameter), f"{name}.gradient": array(fed[number]), f"{name}.t": np.asarray(rule.t)}
        recorded[f"{name}.update"] = array(left[number])
        values[name] = Value(name, name, given=True, dtype=dtype)
        paths, formats = {}, {}
        for slot, (old, new) in slots.items():
            paths[slot], formats[slot] = f"{name}.{slot}", str(new[number].dtype)
            given[f"{name}.{slot}.before"], recorded[f"{name}.{slot}"] = array(old[number]), array(new[number])
        updates.append(Update(name, op, f"{name}.update", f"{name}.gradient", paths, f"{name}.t", dtype, formats))
    place = Place("", rule.rules[0].function if rule.rules else "update")
    program = Program(values, (), tuple(updates), "error", ())
    return Recording(f"{place.function}.step", program, given, recorded, dict.fromkeys(names, place))
