"""How long a verdict takes, beside what it is about: side by side in one run, warm.

    python -m benchmarks.speed [PART …] [--write]

The first table, `goals`, has a row for each aim, measured in processes of their own: CPU time on one thread, wall time on two.
Then (a) the whole verdict against the bare steps of the three frameworks, by hand; (b) delta's step against torch eager's;
(c) growth with width, depth and number of single nodes, time and peak memory, with log-log slopes; (d) against torch's
gradcheck; (e) the memory of a verdict beside bare steps; what starting costs (`starting`), and a network that is run again
(`again`), in CPU time. Medians of interleaved repeats. Compilation (JAX) is left out of (a): it is paid once a plan, and printed
by itself. CPU time is that of all threads together. Memory is the peak of the process above what it had before, each point in a
process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from math import log
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.again import again
from benchmarks.bare import bare_jax, bare_numpy, bare_torch, mlp
from benchmarks.fuzz import versions
from benchmarks.goals import goals
from benchmarks.memory import from_here, memory, peak
from benchmarks.starting import starting
from bpcompare import session
from bpcompare.cli.memory import keep_freed_memory
from bpcompare.engine.worker import InProcess
from bpcompare.network import Network
from bpcompare.plan import Plan
from bpcompare.plan.draw import plan as draw
from bpcompare.testing.nodes import nodes
from bpcompare.verdict.distance import Pairs

REPEATS = 15


def timed(work: Callable[[], Any]) -> float:
    """Seconds."""
    started = perf_counter()
    work()
    return perf_counter() - started


def clocked(work: Callable[[], Any]) -> tuple[float, float]:
    """Milliseconds on the wall, and of all cores together."""
    wall, cpu = perf_counter(), process_time()
    work()
    return 1e3 * (perf_counter() - wall), 1e3 * (process_time() - cpu)


def measured(widths: list[int], examples: int, repeats: int) -> dict[str, tuple[float, float]]:
    """What one step costs bare, run and judged, interleaved: medians of wall and CPU time; and JAX's first run."""
    from bpcompare_delta import Delta
    from bpcompare_jax import Jax
    from bpcompare_torch import Torch

    keep_freed_memory()  # as the command does; it speeds the bare steps up too
    plan = draw(mlp(widths, examples), "float32")
    runner = InProcess()
    records = {"delta": runner.run(Delta, plan), "torch": runner.run(Torch, plan)}
    compiled = clocked(lambda: records.update(jax=runner.run(Jax, plan)))
    work = {
        "bare NumPy": bare_numpy(plan),
        "bare torch": bare_torch(plan),
        "bare JAX": bare_jax(plan),
        "run delta": lambda: runner.run(Delta, plan),
        "run torch": lambda: runner.run(Torch, plan),
        "run jax": _warm_jax(plan),
        "judge": lambda: session.judge("speed", plan, records).verdict,
        "judge, --certificate full": lambda: session.judge("speed", plan, records, means="full").verdict,
        "judge, every number by a ball": lambda: session.judge("speed", plan, records, means="balls").verdict,
        "how far apart they are": lambda: list(Pairs(records)),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for _ in range(repeats):
        for name, step in work.items():
            found[name].append(clocked(step))
    middle = {name: (median(wall for wall, _ in times), median(cpu for _, cpu in times)) for name, times in found.items()}
    return middle | {"a first JAX run, compilation included": compiled}


STEPS = ("run delta", "run torch", "run jax", "judge")
"""What a verdict is made of."""


def verdict() -> list[str]:
    """(a) and (b)."""
    small = measured([64, 256, 256, 10], 1797, REPEATS)
    lines = ["## (a) the whole verdict, float32, one step", ""]
    lines += _verdict("64-256-256-10, 1,797 examples", small, "2.5, aim 1.5")
    lines += _verdict("64-4096-4096-10, 1,024 examples", measured([64, 4096, 4096, 10], 1024, 3), "1.5, aim 1.1")
    (delta, _), (torch, _), (run, _) = small["run delta"], small["bare torch"], small["run torch"]
    return [
        *lines,
        "## (b) delta beside torch eager, 64-256-256-10",
        "",
        f"delta's run {delta:.1f} ms, torch's bare eager step {torch:.1f} ms: **{delta / torch:.2f}×** (goal 1.5, aim 1); "
        f"against the recorded torch run ({run:.1f} ms): {delta / run:.2f}×.",
        "",
    ]


def _verdict(title: str, middle: dict[str, tuple[float, float]], goal: str) -> list[str]:
    whole, bare = (
        [sum(times[clock] for name, times in middle.items() if chosen(name)) for clock in (0, 1)]
        for chosen in (STEPS.__contains__, lambda name: name.startswith("bare"))
    )
    lines = [f"| {title} | ms | CPU ms |", "|---|---|---|"]
    lines += [f"| {name} | {wall:.1f} | {cpu:.1f} |" for name, (wall, cpu) in middle.items()]
    lines += [
        f"| **whole verdict** (three runs and the judgement) | {whole[0]:.1f} | {whole[1]:.1f} |",
        f"| **bare steps** of the three frameworks | {bare[0]:.1f} | {bare[1]:.1f} |",
        "",
        f"Whole verdict / bare steps: **{whole[0] / bare[0]:.1f}×** on the wall, **{whole[1] / bare[1]:.1f}×** of CPU time "
        f"(goal {goal}). The judgement is {middle['judge'][1] / whole[1]:.0%} of the CPU time.",
        "",
    ]
    return lines


def _warm_jax(plan: Plan) -> Callable[[], Any]:
    """JAX's recorded and plain gradient and its update, compiled: what its run costs a second time."""
    import jax

    from bpcompare_jax import Jax

    backend = Jax()
    with jax.enable_x64(True):
        walk, feed = backend._walk(plan), backend._feed(plan.batches[0], {})
        parameters = {name: backend.array(value) for name, value in plan.parameters.items()}
        slots: dict[str, dict[str, Any]] = {name: {} for name in parameters}

    def step() -> Any:
        with jax.enable_x64(True):
            walked, gradients, din = backend.differentiate(plan, walk, parameters, feed)
            plain = backend.plain_gradient(plan, walk, parameters, feed)
            updated, _ = backend.descend(plan.network.update, 1, parameters, gradients, slots)
            everything = [
                *walked.net_in.values(),
                *walked.a.values(),
                *din.values(),
                *gradients.values(),
                *plain.values(),
                *updated.values(),
            ]
            return [backend.numpy(x) for x in everything]

    step()
    return step


POINTS = {
    "width": [64, 128, 256, 512, 1024, 2048],
    "depth": [2, 4, 8, 16, 32, 64],
    "nodes": [100, 300, 1000, 3000, 10000],
}


def network_of(kind: str, size: int) -> Network:
    """The net of one point of (c)."""
    if kind == "width":
        return mlp([64, size, size, 10], 256)
    if kind == "depth":
        return mlp([64] + [128] * (size - 1) + [10], 256)
    return nodes(size)


def point(kind: str, size: int, backend: str) -> dict[str, float]:
    """Seconds and MiB of one backend's run, and of its certificate, in this process."""
    from bpcompare.engine.registry import Ready, resolve
    from bpcompare.proof.certificate import certify

    status = resolve(backend)
    assert isinstance(status, Ready)
    plan = draw(network_of(kind, size), "float32")
    small = draw(network_of(kind, POINTS[kind][0]), "float32")
    certify(small, InProcess().run(status.backend, small))
    before = from_here()
    record = None

    def work() -> None:
        nonlocal record
        record = InProcess().run(status.backend, plan)

    run = timed(work)
    assert record is not None
    run_memory = peak() - before
    before = from_here()
    judged = min(timed(lambda: certify(plan, record)) for _ in range(1 if kind == "nodes" else 3))
    return {"run": run, "run MiB": run_memory, "certificate": judged, "certificate MiB": peak() - before}


def growth() -> list[str]:
    """(c)."""
    lines = ["## (c) growth, float32", ""]
    for kind, sizes in POINTS.items():
        backends = ["delta"] if kind == "nodes" else ["delta", "torch"]
        lines += [f"| {kind} | backend | run ms | run MiB | certificate ms | certificate MiB |", "|---" * 6 + "|"]
        slopes = []
        for backend in backends:
            found = {size: json.loads(_python("-m", "benchmarks.speed", "--point", kind, str(size), backend)) for size in sizes}
            for size, one in found.items():
                lines.append(
                    f"| {size} | {backend} | {one['run'] * 1e3:.1f} | {one['run MiB']:.0f} | "
                    f"{one['certificate'] * 1e3:.1f} | {one['certificate MiB']:.0f} |"
                )
            four = {what: _slope({n: max(p[what], 0.1) for n, p in found.items()}) for what in next(iter(found.values()))}
            slopes += [
                f"{backend}: run {four['run']:.2f} (memory {four['run MiB']:.2f}), "
                f"certificate {four['certificate']:.2f} (memory {four['certificate MiB']:.2f})"
            ]
        lines += ["", f"Log-log slopes over the upper half, {kind}: {'; '.join(slopes)}.", ""]
    return lines


def _slope(values: dict[int, float]) -> float:
    """Least squares on logarithms, over the upper half of the sizes: below, fixed costs dominate."""
    chosen = list(values.items())[len(values) // 2 - 1 :]
    x, y = [log(size) for size, _ in chosen], [log(value) for _, value in chosen]
    return float(np.polyfit(x, y, 1)[0])


HIDDEN = (16, 56, 128, 432)
"""Widths of two hidden layers: 0.7, 5, 20 and 200 thousand parameters."""


def checked(hidden: int) -> tuple[int, tuple[float, float], tuple[float, float]]:
    """Parameters of such a net; milliseconds (wall, CPU) of gradcheck in slow mode, and of our verdict on delta and torch."""
    import torch
    from torch.nn import functional

    network = mlp([16, hidden, hidden, 10], 8)
    plan = draw(network, "float64")
    values = [torch.tensor(value, requires_grad=True) for value in plan.parameters.values()]
    x, t = torch.tensor(plan.batches[0].inputs["x"]), torch.tensor(plan.batches[0].target)

    def error(*p: Any) -> Any:
        a = functional.relu(x @ p[0] + p[1])
        return functional.cross_entropy(functional.relu(a @ p[2] + p[3]) @ p[4] + p[5], t)

    session.run(network, ["delta", "torch"])
    ours = [clocked(lambda: session.run(network, ["delta", "torch"])) for _ in range(5)]
    theirs = clocked(lambda: torch.autograd.gradcheck(error, values, raise_exception=False))
    return sum(value.size for value in plan.parameters.values()), theirs, (median(w for w, _ in ours), median(c for _, c in ours))


def gradcheck() -> list[str]:
    """(d)."""
    lines = ["## (d) beside torch.autograd.gradcheck (slow mode), float64", ""]
    lines += ["| parameters | gradcheck s | bpcompare, delta and torch, s | ratio |", "|---|---|---|---|"]
    for count, (theirs, _), (ours, _) in map(checked, HIDDEN):
        lines.append(f"| {count:,} | {theirs / 1e3:.2f} | {ours / 1e3:.3f} | {theirs / ours:.0f} |")
    return [*lines, ""]


def _python(*arguments: str) -> str:
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True).stdout


PARTS = {part.__name__: part for part in (goals, verdict, growth, memory, gradcheck, starting, again)}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)}; all of them without")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--point", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.point:
        kind, size, backend = asked.point
        print(json.dumps(point(kind, int(size), backend)))
        return
    lines = []
    for part in (PARTS[name] for name in asked.parts or PARTS):
        print(part.__name__, file=sys.stderr, flush=True)
        lines += part()
    text = "\n".join(lines)
    print(text)
    if asked.write:
        said = " ".join((__doc__ or "").split())
        head = f"# Speed\n\n`python -m benchmarks.speed`, {versions(('delta', 'torch', 'jax'))}. {said}\n\n"
        load = f"Load average when it ended: {os.getloadavg()[0]:.1f}.\n"
        Path(__file__).with_suffix(".md").write_text(head + text + "\n" + load, encoding="utf-8")


if __name__ == "__main__":
    main()
