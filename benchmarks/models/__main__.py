"""Does a right training step of a real model hold? Models of other people's packages, small, with random weights, judged.

For each model: one forward and backward as a float64 copy and as float32. "refuted" must be 0 but for true faults of the
code that is run, which the notes name. "undecided" are claims that the precision cannot decide, "zeros" those about what is 0,
where nothing could show; "unexamined" is what no law speaks of. "recorded" is the step, without the recorder and with it.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.models.operators import provide
from benchmarks.models.real import Real
from benchmarks.models.registry import REAL

TABLE = Path(__file__).parent.with_suffix(".md")
NOTES = Path(__file__).with_name("notes.md")
DTYPES = ("float64", "float32")
COLUMNS = (
    "model",
    "dtype",
    "calls",
    "claims",
    "refuted",
    "undecided",
    "zeros",
    "unexamined",
    "power",
    "recorded, s",
    "judged, s",
)


@dataclass(frozen=True)
class Row:
    """What is said about one model in one precision."""

    name: str
    package: str
    dtype: str
    verdict: str
    steps: int
    claims: int
    refuted: int
    undecided: int
    zeros: int
    unexamined: tuple[str, ...]
    power: float
    least: str
    step_seconds: float
    seconds: float

    @property
    def cells(self) -> str:
        """A row of the table."""
        power = f"{self.power:.1e}" if isfinite(self.power) else "–"
        missing = ", ".join(what if len(what) < 60 else f"{what[:56]} …" for what in self.unexamined) or "–"
        return (
            f"| {self.name} | {self.dtype} | {self.steps:,} | {self.claims:,} | {self.refuted} | {self.undecided} | "
            f"{self.zeros} | {missing} | {power} | {self.step_seconds:.1f} | {self.seconds:.1f} |"
        )


def rows(real: Real, *, say: bool = False) -> Iterator[Row]:
    """One row for each precision."""
    import torch

    from bpcompare.own import check

    torch.manual_seed(0)
    made = real.make()
    started = perf_counter()
    checked = check(made.model, made.inputs, loss=made.loss, intended=made.intended)
    recorded = (perf_counter() - started) / len(checked.runs)
    for dtype, run in zip(DTYPES, checked.runs, strict=True):
        started = perf_counter()
        claims = len(run.findings)
        seconds = perf_counter() - started
        power, least = run.power
        if say and run.verdict != "certified":
            print(run, file=sys.stderr, flush=True)
        yield Row(
            real.name,
            real.package,
            dtype,
            run.verdict,
            sum(len(one.program.steps) for one in run.watched.recordings),
            claims,
            len(run.refuted),
            len(run.undecided),
            len(run.zeros),
            tuple(dict.fromkeys(one.what for one in run.unexamined)),
            power,
            least,
            recorded,
            seconds,
        )


def measured(names: list[str], kept: Path | None, *, say: bool) -> list[Row]:
    """The rows of these models; what could not be run is said on the way. `kept`: where rows of an earlier run are, and go to."""
    rows_of: dict[str, list[Row]] = {}
    if kept is not None and kept.exists():
        for one in json.loads(kept.read_text(encoding="utf-8")):
            rows_of.setdefault(one["name"], []).append(Row(**{**one, "unexamined": tuple(one["unexamined"])}))
    for name in names:
        if name in rows_of:
            continue
        started = perf_counter()
        try:
            found = list(rows(REAL[name], say=say))
        except Exception as error:  # noqa: BLE001 — a model may fail by itself; the table goes on
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            if say:
                traceback.print_exc()
            continue
        rows_of[name] = found
        if kept is not None:
            kept.write_text(json.dumps([asdict(row) for one in rows_of.values() for row in one], indent=1), encoding="utf-8")
        verdicts = ", ".join(f"{row.dtype} {row.verdict}" for row in found)
        print(f"{name}: {verdicts}, {perf_counter() - started:.1f} s", file=sys.stderr, flush=True)
    return [row for name in names for row in rows_of.get(name, ())]


def summary(found: list[Row]) -> list[str]:
    """The sums by package and precision."""
    lines = [
        "| package | models | dtype | claims | refuted | undecided | decided | models with something unexamined |",
        "|---" * 8 + "|",
    ]
    packages = list(dict.fromkeys(row.package for row in found))
    for package in [*packages, "all"]:
        for dtype in DTYPES:
            some = [row for row in found if package in (row.package, "all") and row.dtype == dtype]
            claims, undecided = sum(row.claims for row in some), sum(row.undecided for row in some)
            decided = f"{1 - undecided / claims:.2%}" if claims else "–"
            lines.append(
                f"| {package} | {len(some)} | {dtype} | {claims:,} | {sum(row.refuted for row in some)} | {undecided:,} | "
                f"{decided} | {sum(bool(row.unexamined) for row in some)} |"
            )
    return [*lines, ""]


def table(found: list[Row]) -> list[str]:
    """The whole table."""
    lines = []
    for package in dict.fromkeys(row.package for row in found):
        lines += [f"## {package} {version(package)}", ""]
        lines += [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
        lines += [row.cells for row in found if row.package == package]
        lines.append("")
    return lines


def quiet() -> None:
    """Other packages' warnings are none of ours; nothing is downloaded."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TORCHDYNAMO_DISABLE"] = "1"  # a compiled step rounds otherwise than one that is watched, which is eager
    provide()


def main() -> None:
    """Print the table, of all models or of those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="models; all, if none is named")
    parser.add_argument("--list", action="store_true", help="only say which models there are")
    parser.add_argument("--say", action="store_true", help="print the report of each that is not certified")
    parser.add_argument("--json", type=Path, help="the rows go here too, and those that are there are not made again")
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.name}")
    asked: Any = parser.parse_args()
    if asked.list:
        print("\n".join(f"{one.name}  ({one.package})" for one in REAL.values()))
        return
    quiet()
    found = measured(asked.names or list(REAL), asked.json, say=asked.say)
    text = "\n".join([*summary(found), *table(found)])
    print(text)
    if asked.write:
        said = " ".join((__doc__ or "").split())
        packages = ", ".join(f"{name} {version(name)}" for name in ("torch", *dict.fromkeys(row.package for row in found)))
        head = f"# Real models\n\n`python -m benchmarks.models`, {packages}. {said}\n\n"
        TABLE.write_text(head + text + "\n" + NOTES.read_text(encoding="utf-8"), encoding="utf-8")


if __name__ == "__main__":
    main()
