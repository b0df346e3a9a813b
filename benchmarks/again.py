"""A network run again in one process, as a session does: the digits through a small LeNet, ten steps of Adam, all three backends.

The bare steps are those that somebody writes by hand in torch (eager, torch.optim.Adam) and in JAX (jit, optax.adam), compiled
before; for NumPy's they are delta's own, which is plain NumPy and watches nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np

from bpcompare import session
from bpcompare.cli.memory import keep_freed_memory
from bpcompare.engine.worker import InProcess
from bpcompare.plan import Plan
from bpcompare.plan.draw import plan as draw
from bpcompare.spec import read

REPEATS = 7


def bare_torch(plan: Plan) -> Callable[[], Any]:
    """All steps of the plan, eager, from its first values."""
    import torch
    from torch.nn import functional

    first = {name: torch.tensor(x.T.copy() if x.ndim == 2 else x) for name, x in plan.parameters.items()}
    batches = [(torch.tensor(batch.inputs["x"]), torch.tensor(batch.target)) for batch in plan.batches]

    def steps() -> Any:
        p = {name: x.clone().requires_grad_() for name, x in first.items()}
        optimizer = torch.optim.Adam(p.values(), lr=0.01)
        for x, t in batches:
            optimizer.zero_grad()
            a = functional.max_pool2d(functional.relu(functional.conv2d(x, p["c1.weight"], p["c1.bias"], padding=2)), 2)
            a = functional.avg_pool2d(torch.tanh(functional.conv2d(a, p["c2.weight"], p["c2.bias"], padding=1)), 2)
            a = torch.tanh(functional.linear(a.flatten(1), p["h.weight"], p["h.bias"]))
            functional.cross_entropy(functional.linear(a, p["o.weight"], p["o.bias"]), t).backward()
            optimizer.step()
        return p

    return steps


def bare_jax(plan: Plan) -> Callable[[], Any]:
    """All steps of the plan, each one call of a jitted function, from its first values."""
    import jax
    import jax.numpy as jnp
    import optax
    from jax import lax

    jax.config.update("jax_enable_x64", True)
    rule = optax.adam(0.01)
    first = {name: jnp.array(x) for name, x in plan.parameters.items()}
    batches = [(jnp.array(batch.inputs["x"]), jnp.array(batch.target.astype(np.int32))) for batch in plan.batches]

    def conv(x: Any, p: Any, name: str, pad: int) -> Any:
        same = ("NCHW", "OIHW", "NCHW")
        y = lax.conv_general_dilated(x, p[f"{name}.weight"], (1, 1), [(pad, pad), (pad, pad)], dimension_numbers=same)
        return y + p[f"{name}.bias"][:, None, None]

    def error(p: Any, x: Any, t: Any) -> Any:
        window = (1, 1, 2, 2)
        a = lax.reduce_window(jax.nn.relu(conv(x, p, "c1", 2)), -jnp.inf, lax.max, window, window, "VALID")
        a = lax.reduce_window(jnp.tanh(conv(a, p, "c2", 1)), 0.0, lax.add, window, window, "VALID") / 4
        a = jnp.tanh(a.reshape(a.shape[0], -1) @ p["h.weight"] + p["h.bias"])
        return optax.softmax_cross_entropy_with_integer_labels(a @ p["o.weight"] + p["o.bias"], t).mean()

    @jax.jit
    def step(p: Any, state: Any, x: Any, t: Any) -> Any:
        updates, state = rule.update(jax.grad(error)(p, x, t), state, p)
        return optax.apply_updates(p, updates), state

    def steps() -> Any:
        p, state = first, rule.init(first)
        for x, t in batches:
            p, state = step(p, state, x, t)
        return jax.block_until_ready(p)

    return steps


def measured() -> tuple[dict[str, tuple[float, float]], float]:
    """Milliseconds (wall, CPU) of later runs beside the bare steps, in turn, medians; CPU seconds of a first run."""
    from bpcompare_delta import Delta

    keep_freed_memory()
    network = read("digits-lenet")
    plan = draw(network)
    started = process_time()
    session.run(network)
    first = process_time() - started
    work: dict[str, Callable[[], Any]] = {
        "bare torch": bare_torch(plan),
        "bare JAX": bare_jax(plan),
        "delta (plain NumPy)": lambda: InProcess().run(Delta, plan),
        "whole run, again": lambda: session.run(network),
    }
    milliseconds: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for repeat in range(REPEATS + 1):
        for name, do in work.items():
            wall, started = perf_counter(), process_time()
            do()
            if repeat:
                milliseconds[name].append(((perf_counter() - wall) * 1e3, (process_time() - started) * 1e3))
    return {name: (median(w for w, _ in times), median(c for _, c in times)) for name, times in milliseconds.items()}, first


def again() -> list[str]:
    """CPU time of a first and of later runs, beside the bare steps, in turn."""
    times, first = measured()
    middle = {name: cpu for name, (_, cpu) in times.items()}
    *bare, whole = middle.values()
    lines = ["## The digits through a LeNet, ten steps of Adam, run again in one process", "", "| | CPU ms |", "|---|---|"]
    lines += [f"| {name} | {value:.0f} |" for name, value in middle.items()]
    lines += [
        "",
        f"Whole run, again / bare steps: **{whole / sum(bare):.1f}×** (goal 3, aim 2). The first run: {first:.1f} s.",
        "",
    ]
    return lines
