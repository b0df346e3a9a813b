"""How much memory a verdict takes beside what it is about.

    python -m benchmarks.memory [WIDTHS | PARAMETERS …] [--examples N] [--room 256M]

The peak of a process above what it had when its frameworks were warm and the numbers drawn: of a whole verdict by delta, torch
and JAX, report and blind spots included, and of bare steps, of which the largest of NumPy, torch and JAX counts. Each is
measured in a process of its own. WIDTHS: 64-4096-4096-10; PARAMETERS: 1e8, three square layers of so many weights, and ten
outputs. Two peaks of the verdict are told: all pages, and without those of files, which the system takes back when it needs
them (looked at every 5 ms). Above --room, records go into a temporary file (BPCOMPARE_MEMORY).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from time import process_time

from benchmarks.bare import bare_jax, bare_numpy, bare_torch, mlp
from bpcompare import report, session
from bpcompare.backend import Backend
from bpcompare.engine.asked import located
from bpcompare.engine.isolation import Isolated
from bpcompare.engine.worker import InProcess
from bpcompare.plan.draw import plan as draw
from bpcompare.session.arrivals import Arrivals, room

SIZES = ("64-2048-2048-10", "64-4096-4096-10", "1e7", "3e7")


def widths_of(size: str) -> list[int]:
    """The widths of a net: as they are written, or of three square layers of so many weights, and ten outputs."""
    if "-" in size:
        return [int(width) for width in size.split("-")]
    return [*[round((float(size) / 3) ** 0.5)] * 4, 10]


def from_here() -> float:
    """Start Linux's count of the peak anew; MiB in use now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS")


def peak() -> float:
    """MiB at the peak since."""
    return _status("VmHWM")


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


class Anonymous(Thread):
    """Looks at the memory that no file backs, every 5 ms."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.before = self.peak = _status("RssAnon")
        self._over = Event()

    def run(self) -> None:
        """Until it is `above`."""
        while not self._over.wait(0.005):
            self.peak = max(self.peak, _status("RssAnon"))

    def above(self) -> float:
        """MiB at the peak above the beginning."""
        self._over.set()
        return self.peak - self.before


def measured(kind: str, size: str, examples: int) -> dict[str, float]:
    """MiB above what the process had before, in this process."""
    from bpcompare_delta import Delta
    from bpcompare_jax import Jax
    from bpcompare_torch import Torch

    backends: list[type[Backend]] = [Delta, Torch, Jax]
    small = draw(mlp([8, 16, 4], 4), "float32")
    session.judge("small", small, {one.name: InProcess().run(one, small) for one in backends})
    plan = draw(mlp(widths_of(size), examples), "float32")
    gc.collect()
    before, watcher, started = from_here(), Anonymous(), process_time()
    watcher.start()
    found: dict[str, float] = {}
    if kind == "bare":
        for make in (bare_numpy, bare_torch, bare_jax):
            step = make(plan)
            step()
            step()
            del step
    else:
        arrivals = Arrivals(plan, room=room())
        records = session.answers(plan, located(backends), Isolated(), arrivals=arrivals)
        comparison = session.judge("memory", plan, records, arrivals=arrivals)
        found["text"] = len(report.text(comparison))
        if comparison.verdict not in ("certified", "identical"):
            raise AssertionError(report.text(comparison))
    return found | {"peak": peak() - before, "anonymous": watcher.above(), "seconds": process_time() - started}


def memory(sizes: tuple[str, ...] = SIZES, examples: int = 1024) -> list[str]:
    """(e): a line for each size."""
    lines = [
        "## (e) memory, float32, three frameworks",
        "",
        "| net | parameters MiB | bare MiB | verdict MiB | ratio | without pages of files | ratio | CPU s |",
        "|---" * 8 + "|",
    ]
    for size in sizes:
        bare, whole = (_apart(kind, size, examples) for kind in ("bare", "whole"))
        parameters = 4 * sum((one + 1) * other for one, other in pairwise(widths_of(size))) / 2**20
        title = f"{'-'.join(map(str, widths_of(size)))}, {examples:,} examples"
        one, other = (whole[what] / bare["peak"] for what in ("peak", "anonymous"))
        lines.append(
            f"| {title} | {parameters:.0f} | {bare['peak']:.0f} | {whole['peak']:.0f} | {one:.1f} | {whole['anonymous']:.0f} | "
            f"{other:.1f} | {whole['seconds']:.1f} |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    return [
        *lines,
        "",
        "Goal: at most 4, aim 3. Bare is the largest peak of the three frameworks' steps.",
        "",
    ]


def _apart(kind: str, size: str, examples: int) -> dict[str, float]:
    words = [sys.executable, "-m", "benchmarks.memory", size, "--examples", str(examples), "--measure", kind]
    found: dict[str, float] = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", default=SIZES, metavar="WIDTHS | PARAMETERS")
    parser.add_argument("--examples", type=int, default=1024)
    parser.add_argument("--room", help="as BPCOMPARE_MEMORY")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.room:
        os.environ["BPCOMPARE_MEMORY"] = asked.room
    if asked.measure:
        print(json.dumps(measured(asked.measure, asked.sizes[0], asked.examples)))
        return
    print("\n".join(memory(tuple(asked.sizes), asked.examples)))


if __name__ == "__main__":
    main()
