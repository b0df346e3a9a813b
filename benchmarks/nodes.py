"""How long a run of a graph of single nodes takes, each a layer of its own, stage by stage, as a spec in TOML.

    python -m benchmarks.nodes [NODES [SOURCES]]

CPU seconds of one process, for it shares its machine with others; and its peak memory after each stage. Random graphs: each node
reads SOURCES earlier ones, two outputs read all that nothing else reads.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
from collections.abc import Callable
from time import process_time
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def spec(count: int, fan: int) -> str:
    """Such a graph as a spec."""
    random = np.random.default_rng(0)
    names, used, lines = [f"x{i}" for i in range(fan)], set[str](), ['name = "nodes"']
    lines += [f"[inputs.{name}]\nunits = 1" for name in names]
    for number in range(count):
        sources = [names[i] for i in random.choice(len(names), fan, replace=False)]
        used.update(sources)
        lines += [f'[layers.n{number}]\nop = "dense"\nunits = 1\ng = "sigmoid"\nfrom = {_quoted(sources)}']
        lines += ['init = { kind = "normal", scale = 0.5 }']
        names.append(f"n{number}")
    last = [name for name in names if name not in used]
    lines += [f'[layers.o]\nop = "dense"\nunits = 2\ng = "sigmoid"\nfrom = {_quoted(last)}']
    lines += [
        '[error]\nop = "half_squared"\nof = "o"\nreduce = "mean"',
        '[update]\nrule = "sgd"\neta = 0.5',
        "[data]",
        "examples = [",
    ]
    for _ in range(4):
        given = ", ".join(f"x{i} = [{x:.3f}]" for i, x in enumerate(random.standard_normal(fan)))
        lines.append(f"{{ {given}, t = [{random.random():.3f}, {random.random():.3f}] }},")
    return "\n".join([*lines, "]"])


def _quoted(names: list[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def stage(name: str, work: Callable[[], T], rows: list[tuple[str, float, int]]) -> T:
    """What `work` gives; its CPU seconds, and the peak of memory in MiB after it, become a row."""
    started = process_time()
    found = work()
    rows.append((name, process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10))
    return found


def stages(text: str) -> list[tuple[str, float, int]]:
    """Every stage of `bpcompare run -b delta`."""
    gc.set_threshold(200_000, 20, 20)  # as the command does
    rows: list[tuple[str, float, int]] = []

    def imported() -> tuple[Any, ...]:
        import bpcompare_delta
        from bpcompare import report, session
        from bpcompare.engine import worker
        from bpcompare.plan import draw
        from bpcompare.spec import parse

        return bpcompare_delta, report, session, worker, draw, parse

    delta, report, session, worker, draw, parse = stage("imports", imported, rows)
    network = stage("reading the spec", lambda: parse(text), rows)
    plan = stage("drawing numbers", lambda: draw.plan(network), rows)
    record = stage("delta's run", lambda: worker.InProcess().run(delta.Delta, plan), rows)
    comparison = stage("judging, and half a second of blind spots", lambda: session.judge("nodes", plan, {"delta": record}), rows)
    stage("the report", lambda: report.text(comparison), rows)
    return [*rows, ("**all**", sum(seconds for _, seconds, _ in rows), rows[-1][2])]


def main() -> None:
    """Print the table."""
    given = [int(word) for word in sys.argv[1:]]
    count, fan = (*given, *(10_000, 10)[len(given) :])
    found = stages(spec(count, fan))
    print(f"{count:,} nodes, {count * fan:,} edges, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")
    print("| | CPU s | peak MiB |\n|---|---|---|")
    for name, seconds, memory in found:
        print(f"| {name} | {seconds:.2f} | {memory} |")


if __name__ == "__main__":
    main()
