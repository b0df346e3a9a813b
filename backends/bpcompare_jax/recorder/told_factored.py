"""Optax's Adafactor among the functions of a chain: second moments by rows and columns, and what may stand behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bpcompare.ops.rule import Rule
from bpcompare_jax.recorder.chains import Link, UntoldError

CORE = "scale_by_factored_rms"
BEHIND = ("clip_by_block_rms", "scale", "scale_by_schedule", "scale_by_param_block_rms", "add_decayed_weights", "scale")
"""What stands behind it, in this order; all but the last may be left out."""

ULPS = 8
"""So far may tᵞ be off that is worked out in float32."""


def behind(links: Sequence[Link]) -> tuple[Link | None, Link | None, Link | None, Link | None, Link | None, Link]:
    """What stands behind the core, in the order of `BEHIND`. Raises UntoldError for another function, or another order."""
    if not links or links[-1].name != BEHIND[-1]:
        raise UntoldError("adafactor without a scale at its end")
    found: list[Link | None] = [None] * (len(BEHIND) - 1)
    at = 0
    for link in links[:-1]:
        at = next((i for i in range(at, len(found)) if BEHIND[i] == link.name), len(found))
        if at == len(found):
            raise UntoldError(f"adafactor with {link.name} behind it")
        found[at] = link
        at += 1
    clip, scale, schedule, sized, decay = found
    return clip, scale, schedule, sized, decay, links[-1]


def parts(
    core: Link, shapes: Sequence[tuple[int, ...]], settings: dict[str, Any]
) -> Iterator[tuple[list[int], Rule, dict[str, str]]]:
    """For each way of factoring the numbers of the arrays that have it, the rule, and its state by optax's names.

    Raises UntoldError for another schedule of the means than tᵞ.
    """
    left, new = _shares(core)
    groups: dict[tuple[int, int] | None, list[int]] = {}
    for number, shape in enumerate(shapes):
        groups.setdefault(_dims(core, shape), []).append(number)
    for dims, members in groups.items():
        state = {"v": "v"} if dims is None else {"rows": "v_row", "columns": "v_col"}
        means = {"left": left, "new": new, "epsilon": float(core.settings["epsilon"]), "dims": dims}
        yield members, Rule("optax adafactor", settings | means, tuple(state), whole=True), state


def _shares(core: Link) -> tuple[float, float]:
    """How much is left of the old means, and how much comes of the new ones, as optax works them out."""
    s = core.settings
    t = float(core.state.count) - float(s["step_offset"]) + 1.0
    left = np.float32(s["decay_rate_fn"](core.state.count - s["step_offset"], s["decay_rate"]))
    if not abs(float(left) - (1.0 - t ** -float(s["decay_rate"]))) <= ULPS * 2.0**-24:
        raise UntoldError("adafactor with another schedule of its means")
    return float(left), float(np.float32(1.0) - left)


def _dims(core: Link, shape: tuple[int, ...]) -> tuple[int, int] | None:
    """The two largest axes, the lesser one first; None where an array is not factored."""
    if not core.settings["factored"] or len(shape) < 2:
        return None
    order = np.argsort(shape)
    if shape[order[-2]] < int(core.settings["min_dim_size_to_factor"]):
        return None
    return int(order[-2]), int(order[-1])
