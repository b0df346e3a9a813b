"""Random networks through every backend: how many honest runs raise an alarm? None may.

    python -m benchmarks.fuzz [--count 2000] [--seed 0] [--backends delta,torch,jax] [--draws 1] [--extreme] [--minutes 60]
                              [--jobs 16] [--rows FILE] [--write]

Prints a table by kind of net and dtype, and the largest share of a ball that each backend used. For every net that is undecided
the advice of the report is followed, to see whether it helps. `--extreme`: nets at the ends of what numbers can hold.
`--draws 4`: each net four times, with the same layers and shapes, and other data and weights. JAX compiles three programs for a
net (the step with all its Δ, the plain gradient, the update), which is three quarters of what the net costs; it compiles for
shapes and constants, so the other draws of a net find its programs compiled, the very ones that a new compilation would give.
`--minutes`: end after so long, with the nets that were judged by then. `--write` puts the table into benchmarks/fuzz.md, in place
of the last one with the same backends. Every net is named by its number: the same number, of the same `--draws`, is the same net.

`--jobs`: how many processes, else one for each core. `--rows FILE`: each net that is judged adds a line to the file, and one that
stands there, of the same backends, draws and ends, is not judged again. So a run that was cut short goes on where it ended, and a
range of nets may be judged in parts, on several machines (`--seed`, `--count`, a file each): the files one after the other, as
`--rows` of the whole range, give the table of all.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from multiprocessing import TimeoutError, get_context  # noqa: A004 — the pool's own
from pathlib import Path
from time import perf_counter

KINDS = ("small",) * 18 + ("deep", "wide")
"""What net number n is: depth up to 64 and width up to 1,024, not both at once."""

PATIENCE = 300
"""Seconds without any answer after which a process must have died."""


@dataclass(frozen=True)
class Row:
    """One net, judged."""

    number: int
    kind: str
    dtype: str
    verdict: str
    alarm: str
    shares: dict[str, float]
    doubts: tuple[str, ...]
    ordinary: bool = True
    cured: bool | None = None


@dataclass(frozen=True)
class Task:
    """The draws of one random net: what one process judges, one by one. `advised`: undecided ones follow their advice."""

    numbers: tuple[int, ...]
    draws: int
    backends: tuple[str, ...]
    extreme: bool
    advised: bool = True


@dataclass(frozen=True)
class Kept:
    """Rows of earlier runs, and of this one, as lines of a file. Without a path nothing is kept."""

    path: Path | None
    backends: tuple[str, ...]
    draws: int
    extreme: bool

    @property
    def asked(self) -> dict[str, object]:
        """What made the rows: a row of something else is not for this table."""
        return {"backends": list(self.backends), "draws": self.draws, "extreme": self.extreme}

    def read(self, numbers: range) -> list[Row]:
        """The rows of these nets, one each. A last line that a killed run left half written is no row."""
        found: dict[int, Row] = {}
        if self.path is None or not self.path.exists():
            return []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue
            row = Row(**entry["row"] | {"doubts": tuple(entry["row"]["doubts"])})
            if entry["asked"] == self.asked and row.number in numbers:
                found[row.number] = row
        return list(found.values())

    def add(self, rows: Sequence[Row]) -> None:
        """Write them behind what is there, each on a line of its own, whatever the last one looks like."""
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines("\n" + json.dumps({"asked": self.asked, "row": asdict(row)}) for row in rows)


def unjudged(tasks: Sequence[Task], rows: Sequence[Row]) -> list[Task]:
    """The tasks, without the nets that have a row."""
    done = {row.number for row in rows}
    return [replace(task, numbers=left) for task in tasks if (left := tuple(n for n in task.numbers if n not in done))]


def judged_apart(task: Task) -> list[Row]:
    """As `judged`, for a net that ended the process: a process for each backend."""
    return judged(task, isolate=True)


def judged(task: Task, *, isolate: bool = False) -> list[Row]:
    """The net through the backends, in each of its draws."""
    rows = [drawn(task, number, isolate=isolate) for number in task.numbers]
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
    return rows


def drawn(task: Task, number: int, *, isolate: bool) -> Row:
    """Draw `number`, judged: of net `number // draws`. Its first draw is the net as it was built."""
    from benchmarks.advice import cured
    from bpcompare import run
    from bpcompare.network import SpecError
    from bpcompare.testing.conform import able
    from bpcompare.testing.networks import Seeded, Size, build, extreme, ordinary, redrawn

    sizes = {"small": Size(), "deep": Size(depth=64, width=8, batch=4), "wide": Size(depth=2, width=1024, batch=8)}
    net, again = divmod(number, task.draws)
    kind = KINDS[net % len(KINDS)]
    choose = Seeded(net)
    network = build(choose, sizes[kind])
    usual = ordinary(network)
    if again:
        network = redrawn(network, number)
    if task.extreme:
        network, kind, usual = extreme(network, choose), "extreme", False
    try:
        comparison = run(network, able(task.backends, network), isolate=isolate)
    except SpecError:  # a number of the spec is beyond the dtype
        return Row(number, kind, network.training.dtype, "refused", "", {}, (), usual)
    alarm = ""
    if comparison.verdict == "not_run" and isolate:
        failures = {name: one.failure.partition("\n")[0] for name, one in comparison.certificates.items() if one.failure}
        crashes = tuple(f"{name} gave no answer on net {number}: {why}" for name, why in failures.items())
        return Row(number, kind, comparison.dtype, "not_run", "", {}, crashes, usual)
    if comparison.verdict == "not_run":
        alarm = "; ".join(f"{n}: {c.failure.partition(chr(10))[0]}" for n, c in comparison.certificates.items() if c.failure)
    elif comparison.verdict == "wrong" and comparison.first is not None:
        alarm = f"{comparison.first.backend} {comparison.first.path} {comparison.first.relative:.3g}"
    shares = {name: one.worst.share for name, one in comparison.backends.items() if one.worst is not None}
    doubts = {
        finding.note.partition(",")[0]
        for certificate in comparison.certificates.values()
        for finding in certificate.notable
        if finding.outcome == "undecided"
    }
    helped = cured(network) if comparison.verdict == "undecided" and task.advised else None
    return Row(number, kind, comparison.dtype, comparison.verdict, alarm, shares, tuple(sorted(doubts)), usual, helped)


@contextmanager
def compiled_once(draws: int) -> Iterator[None]:
    """While it lasts, JAX keeps in a folder what it compiled, where a later draw of the same net finds it."""
    if draws == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="compiled-") as folder:
        os.environ |= {"JAX_COMPILATION_CACHE_DIR": folder, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
        yield


def table(rows: list[Row], backends: tuple[str, ...], seconds: float) -> str:
    """The result as markdown."""
    titles = [
        "nets",
        "dtype",
        "run",
        "identical or certified",
        "convention",
        "undecided",
        "of ordinary ones",
        "crashed",
        "false alarms",
    ]
    titles += backends
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for kind in [kind for kind in ("small", "deep", "wide", "extreme") if any(row.kind == kind for row in rows)]:
        for dtype in ("float64", "float32"):
            here = [row for row in rows if row.kind == kind and row.dtype == dtype and row.verdict != "refused"]
            usual = [row for row in here if row.ordinary]
            count = Counter(row.verdict for row in here)
            settled = [row for row in here if row.verdict in ("identical", "certified")]
            worst = [max((row.shares.get(name, 0.0) for row in settled), default=0.0) for name in backends]
            cells = [
                kind,
                dtype,
                len(here),
                count["identical"] + count["certified"],
                count["convention"],
                f"{count['undecided']} ({count['undecided'] / max(len(here), 1):.0%})",
                f"{sum(row.verdict == 'undecided' for row in usual)} of {len(usual)}",
                count["not_run"],
                sum(bool(row.alarm) for row in here),
                *(f"{share:.0%}" for share in worst),
            ]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    lines += [
        "",
        "Last columns: the largest share of its ball that a certified run of that backend used. Ordinary: weights, biases",
    ]
    lines += [
        "and loss scale of size one; the generator also draws biases of 100, weights of ten, and losses of 1e-6 and 1e6.",
        "",
    ]
    doubts = Counter(re.sub(r"\b\d+ of \d+\b|\b\d[\d.e+-]* (?=away)|\binf (?=away)", "…", x) for row in rows for x in row.doubts)
    lines += ["Why nets were undecided, or had no answer (a net may have several reasons):", ""]
    lines += [f"- {count}: {doubt}" for doubt, count in doubts.most_common()]
    tried = [row for row in rows if row.cured is not None]
    stubborn = ", ".join(str(row.number) for row in tried if not row.cured)
    lines += [
        "",
        f"The advice was followed on {len(tried)} undecided nets and helped on {sum(bool(row.cured) for row in tried)}.",
    ]
    lines += [f"It did not help on {stubborn}."] if stubborn else []
    refused = sum(row.verdict == "refused" for row in rows)
    lines += [f"{refused} nets were refused: their numbers are beyond the dtype."] if refused else []
    lines += ["", f"{len(rows)} nets in {seconds:.0f} s. False alarms: {sum(bool(row.alarm) for row in rows)}."]
    return "\n".join(lines)


def main() -> int:
    """0 when there was no false alarm, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0, help="number of the first net")
    parser.add_argument("--backends", default="delta,torch,jax")
    parser.add_argument("--draws", type=int, default=1, help="how often each net is tried, with other numbers each time")
    parser.add_argument("--extreme", action="store_true", help="nets at the ends of what numbers can hold")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end after so long, with the nets judged by then")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many processes")
    parser.add_argument("--rows", type=Path, help="file of the nets that were judged: taken from it, and added to it")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    backends = tuple(asked.backends.split(","))
    # One thread each: the nets are small, the cores are for different nets.
    os.environ |= {"OMP_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
    started = perf_counter()
    numbers = range(asked.seed, asked.seed + asked.count)
    kept = Kept(asked.rows, backends, asked.draws, asked.extreme)
    rows = kept.read(numbers)
    earlier = len(rows)
    tell(rows)
    over = False
    nets = groupby(numbers, lambda number: number // asked.draws)
    tasks = unjudged([Task(tuple(draws), asked.draws, backends, asked.extreme) for _, draws in nets], rows)
    with compiled_once(asked.draws):
        for work in (judged, judged_apart):
            with get_context("spawn").Pool(asked.jobs, maxtasksperchild=max(1, 100 // asked.draws)) as pool:
                answers = pool.imap_unordered(work, tasks)
                for _ in tasks:
                    try:
                        found = answers.next(PATIENCE * asked.draws)
                    except TimeoutError:  # a pool does not notice that a process of its has died
                        break
                    before = len(rows)
                    rows += found
                    kept.add(found)
                    tell(found)
                    if before // 100 != len(rows) // 100:
                        print(f"{len(rows)} nets, {perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
                    if over := perf_counter() - started > 60 * asked.minutes:
                        break
            tasks = [] if over else unjudged(tasks, rows)
    if tasks:
        print(f"no answer: nets {', '.join(str(number) for task in tasks for number in task.numbers)}", flush=True)
    text = table(rows, backends, perf_counter() - started)
    text += f" {earlier} of the nets had been judged before; the time is that of the others." if earlier else ""
    print(text)
    if asked.write:
        title = f"{'Nets at the ends of what numbers can hold' if asked.extreme else 'Random nets'}: {', '.join(backends)}"
        command = f"python -m benchmarks.fuzz --count {asked.count} --seed {asked.seed} --backends {asked.backends}"
        command += (
            (f" --draws {asked.draws}" if asked.draws > 1 else "")
            + " --extreme" * asked.extreme
            + (f" --minutes {asked.minutes:g}" if asked.minutes < float("inf") else "")
        )
        write(title, f"`{command}`, {versions(backends)}\n\n{text}\n")
    return 1 if tasks or any(row.alarm for row in rows) else 0


def tell(rows: Sequence[Row]) -> None:
    """Print the alarms among them."""
    for row in rows:
        if row.alarm:
            print(f"net {row.number} ({row.kind}, {row.dtype}): {row.alarm}", flush=True)


def write(title: str, text: str) -> None:
    """The section of this title in benchmarks/fuzz.md, in place of what it held."""
    path = Path(__file__).parent / "fuzz.md"
    head, *sections = path.read_text(encoding="utf-8").split("\n## ") if path.exists() else ["# Random networks\n"]
    kept = {section.partition("\n")[0]: section for section in sections} | {title: f"{title}\n\n{text}"}
    path.write_text("\n## ".join([head, *(kept[name] for name in sorted(kept, reverse=True))]), encoding="utf-8")


def versions(backends: tuple[str, ...]) -> str:
    """What it ran on."""
    from bpcompare.engine.registry import Ready, resolve

    found = [status for name in backends if isinstance(status := resolve(name), Ready)]
    named = ", ".join(f"{'numpy' if status.name == 'delta' else status.name} {status.version}" for status in found)
    return f"{named}, Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"


if __name__ == "__main__":
    sys.exit(main())
