"""What speed and memory are to reach: one table, a row for each, with the machine's load while it was measured.

Ratios are of work side by side in one process, in turn and warm, medians. Each row is a process of its own, once with one thread,
whose CPU time counts, and once with two, whose wall time does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time
from typing import Any

CLOCKS = (perf_counter, process_time)
"""Wall and CPU."""


def _ratio(widths: list[int], examples: int, repeats: int) -> list[tuple[float, float]]:
    """Whole verdict ÷ bare steps of NumPy, torch and JAX: the same plan, everything warm."""
    from benchmarks.bare import bare_jax, bare_numpy, bare_torch, mlp
    from bpcompare import session
    from bpcompare.cli.memory import keep_freed_memory
    from bpcompare.engine.asked import located
    from bpcompare.engine.isolation import Isolated
    from bpcompare.plan.draw import plan as draw
    from bpcompare.session.arrivals import Arrivals

    keep_freed_memory()
    plan = draw(mlp(widths, examples), "float32")

    def whole() -> None:
        arrivals = Arrivals(plan)
        records = session.answers(plan, located(["delta", "torch", "jax"]), Isolated(), arrivals=arrivals)
        assert session.judge("goals", plan, records, arrivals=arrivals).verdict == "certified"

    work = [bare_numpy(plan), bare_torch(plan), bare_jax(plan), whole]
    times: list[list[tuple[float, float]]] = [[] for _ in work]
    for repeat in range(repeats + 1):
        for found, do in zip(times, work, strict=True):
            spent = _clocked(do)
            found.extend([spent] if repeat else [])
    middle = [[median(one[clock] for one in found) for clock in (0, 1)] for found in times]
    wall, cpu = (middle[-1][clock] / sum(one[clock] for one in middle[:-1]) for clock in (0, 1))
    return [(wall, cpu)]


def _again() -> list[tuple[float, float]]:
    from benchmarks.again import measured

    *bare, whole = measured()[0].values()
    wall, cpu = (whole[clock] / sum(one[clock] for one in bare) for clock in (0, 1))
    return [(wall, cpu)]


def _nodes(count: int) -> list[tuple[float, float]]:
    from benchmarks.nodes import spec, stages

    text = spec(count, 10)
    return [_clocked(lambda: stages(text))]


def _command(*words: str) -> list[tuple[float, float]]:
    from benchmarks.starting import MAZUR, seconds_of

    command, found = [sys.executable, "-m", "bpcompare", "run", MAZUR, *words], []
    for repeat in range(6):
        started = perf_counter()
        cpu = seconds_of(command)
        found.extend([(perf_counter() - started, cpu)] if repeat else [])
    return [(median(wall for wall, _ in found), median(cpu for _, cpu in found))]


def _nets(count: int = 60) -> list[tuple[float, float]]:
    """Random nets a second. The undecided ones are left so: to follow their advice is up to 25 runs more."""
    from benchmarks.fuzz import Task, judged

    judged(Task(tuple(range(1000, 1010)), 1, ("delta", "torch"), extreme=False, advised=False))
    wall, cpu = _clocked(lambda: judged(Task(tuple(range(count)), 1, ("delta", "torch"), extreme=False, advised=False)))
    return [(count / wall, count / cpu)]


def _gradcheck() -> list[tuple[float, float]]:
    from benchmarks.speed import HIDDEN, checked

    return [(theirs[0] / ours[0], theirs[1] / ours[1]) for _, theirs, ours in map(checked, HIDDEN)]


def _memory(size: str) -> list[tuple[float, float]]:
    """Peaks: all pages, and those that no file backs, ÷ bare; they stand where other rows have wall and CPU time."""
    peaks = {}
    for kind in ("bare", "whole"):
        words = [sys.executable, "-m", "benchmarks.memory", size, "--examples", "1024", "--measure", kind]
        peaks[kind] = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    bare, whole = peaks["bare"]["peak"], peaks["whole"]
    return [(whole["peak"] / bare, whole["anonymous"] / bare)]


def _clocked(work: Callable[[], Any]) -> tuple[float, float]:
    before = [clock() for clock in CLOCKS]
    work()
    wall, cpu = (clock() - was for clock, was in zip(CLOCKS, before, strict=True))
    return wall, cpu


@dataclass(frozen=True)
class Row:
    """What is measured, what is to be reached, what would be better still; and the measure: (wall, CPU), one or several."""

    title: str
    reach: str
    aim: str
    measure: Callable[[], list[tuple[float, float]]]


MEMORY = "peak memory ÷ bare, 17 million parameters: without pages of files; all pages"
ROWS: Mapping[str, Row] = {
    "small": Row(
        "whole verdict ÷ bare steps, 64-256-256-10, 1,797 examples", "≤ 2.5", "1.5", lambda: _ratio([64, 256, 256, 10], 1797, 11)
    ),
    "wide": Row("the same, 4,096 wide, 1,024 examples", "≤ 1.5", "1.1", lambda: _ratio([64, 4096, 4096, 10], 1024, 3)),
    "lenet": Row("the digits through a LeNet, ten steps of Adam, run again ÷ bare", "≤ 3", "2", _again),
    "memory": Row(MEMORY, "≤ 4", "3", lambda: _memory("64-4096-4096-10")),
    "large": Row("the same, 10⁸ parameters, in 24 GB", "runs", "≤ 3", lambda: _memory("1e8")),
    "nodes": Row("10,000 single nodes, a whole run, s", "≤ 3", "1", lambda: _nodes(10_000)),
    "edges": Row("10⁶ edges, a whole run, s", "runs", "< 10", lambda: _nodes(100_000)),
    "mazur": Row("`bpcompare run examples/mazur.toml`, three backends, s", "≤ 5", "4", _command),
    "delta": Row("the same, delta alone, s", "≤ 0.6", "0.3", lambda: _command("-b", "delta")),
    "fuzz": Row("random nets through delta and torch, a second and core", "≥ 12", "20", _nets),
    "gradcheck": Row("gradcheck ÷ bpcompare, 0.7 · 5 · 20 · 200 thousand parameters", "≥ 10 · 60 · 300 · 1,000", "", _gradcheck),
}


def measure(name: str, threads: int) -> list[tuple[float, float]]:
    """A row in a process of its own, with so many threads: (wall, CPU), or what stands for them, one or several."""
    words = [sys.executable, "-m", "benchmarks.goals", "--measure", name]
    env = {**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    done = subprocess.run(words, check=False, capture_output=True, text=True, env=env)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr.strip()[-500:]}")
    return [(wall, cpu) for wall, cpu in json.loads(done.stdout.splitlines()[-1])]


def goals() -> list[str]:
    """The table, row by row; what is measured goes to standard error as well."""
    lines = [
        "## What is to be reached",
        "",
        "| | CPU time, one thread | wall time, two threads | to reach | aim | load |",
        "|---" * 6 + "|",
    ]
    for name, row in ROWS.items():
        try:
            one, two = (measure(name, threads) for threads in (1, 2))
            told = [" · ".join(f"{found[clock]:.3g}" for found in times) for times, clock in ((one, 1), (two, 0))]
        except RuntimeError as error:
            told = ["failed", f"{error}".replace("\n", " ")[:200]]
        lines.append(f"| {row.title} | {told[0]} | {told[1]} | {row.reach} | {row.aim} | {os.getloadavg()[0]:.1f} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return [*lines, "", f"On {os.cpu_count()} processors. Of memory, the two columns are those two peaks.", ""]


def main() -> None:
    """One row for `goals`, or some of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", choices=ROWS, required=True)
    print(json.dumps(ROWS[parser.parse_args().measure].measure()))


if __name__ == "__main__":
    main()
