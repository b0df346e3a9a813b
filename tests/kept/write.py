"""Writes what this version of bpcompare writes, one of each kind: `python tests/kept/write.py FOLDER`, once for each release.

What a release wrote is never written again: tests/kept/test_old_files.py reads it for ever.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import bpcompare
import bpcompare.engine.address
from bpcompare.engine import isolation
from bpcompare.engine.isolation import process
from bpcompare.engine.worker import InProcess
from bpcompare.ops import OPS, Sigmoid
from bpcompare.plan.draw import plan as draw
from bpcompare.plan.storage import plan_bytes, save_plan, save_record
from bpcompare.session import reproduction
from bpcompare.testing.cases import cases
from bpcompare.tools.golden import Options, store, update, write
from bpcompare_delta import Delta

EXAMPLES = Path(__file__).parents[2] / "examples"
ALSO = ("dense-fork-and-skip", "dense-frozen-weight", "dense-shared-weight")
"""Cases beside the smallest of each op."""


class Unfinished(Delta):
    """A backend that gives no answer: it has no sigmoid."""

    name = "unfinished"
    table = {op: row for op, row in Delta.table.items() if op is not Sigmoid}  # noqa: RUF012
    gaps = {Sigmoid: "not written yet"}  # noqa: RUF012


def plans_and_records(folder):
    """A plan and the record of delta for every op and update rule, every second one in float32."""
    chosen = {}
    for op in OPS.values():
        mine = [case for case in cases() if case.about is op]
        smallest = min(mine, key=lambda case: len(plan_bytes(draw(case.network))))
        chosen |= {case.name: case for case in (mine if op.role == "update" else [smallest])}
    chosen |= {case.name: case for case in cases() if case.name in ALSO}
    for number, (name, case) in enumerate(chosen.items()):
        plan = draw(case.network, ("float64", "float32")[number % 2])
        save_plan(plan, folder / f"{name}.plan.safetensors")
        save_record(InProcess().run(Delta, plan), folder / f"{name}.record.safetensors")


def runs(folder):
    """Saved runs of every verdict that has numbers, and one that has none."""
    mazur, student = bpcompare.load(EXAMPLES / "mazur.toml"), f"{folder / 'student.py'}:Student"
    asked = {
        "certified": (mazur, ["delta", "torch", "jax"], {}),
        "float32": (mazur, ["delta", "torch", "jax"], {"dtype": "float32", "steps": 2}),
        "wrong": (mazur, [student, "torch", "jax", "delta!BP204"], {"oracle": "off"}),
        "exact": (next(case.network for case in cases() if case.name == "max_pool2d-gaps"), ["delta", "torch"], {"exact": True}),
        "not_run": (mazur, ["delta", Unfinished], {}),
        "alone": (mazur, ["delta"], {}),
    }
    found = {}
    for name, (network, backends, options) in asked.items():
        found[name] = bpcompare.run(network, backends, **options)
        found[name].save(folder / f"{name}.bpz")
    return found


def goldens(folder):
    """Goldens as text and as tensors, with options, of a backend in a file."""
    for name in ("mazur", "skip"):
        shutil.copy(EXAMPLES / f"{name}.toml", folder)
    spec = folder / "mazur.toml"
    for backend, options in (
        ("delta", Options()),
        ("torch", Options(dtype="float32", steps=2)),
        ("jax", Options(seed=5)),
        (f"{folder / 'student.py'}:Honest", Options(steps=3)),
    ):
        write(update(spec, backend, options))
    store.REVIEWABLE = 0
    write(update(folder / "skip.toml", "delta", Options(steps=2)))


def worker(folder):
    """Every file of one exchange with a worker's process, and the two outcomes without a record."""
    real = process.Process.run

    def kept(apart, command, timeout, **options):
        ended = real(apart, command, timeout, **options)
        for file in apart.folder.iterdir():
            shutil.copy(file, folder)
        return ended

    process.Process.run = kept
    isolation.Isolated().run(bpcompare.engine.address.locate("delta"), draw(bpcompare.load(EXAMPLES / "mazur.toml")))
    process.Process.run = real
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    # Where Python looks for modules, and how much memory there is, differs from machine to machine.
    (folder / "request.json").write_text(json.dumps({**request, "path": [], "memory": 0}), encoding="utf-8")
    for outcome in (
        {"outcome": "absent", "hint": "pip install torch"},
        {"outcome": "broken", "reason": "Python 3.8.2 is too old"},
    ):
        text = json.dumps({"protocol": 1, **outcome})
        (folder / f"outcome.{outcome['outcome']}.json").write_text(text, encoding="utf-8")


def main(target):
    """All of it, in a new folder `target`."""
    for name in ("plans", "runs", "goldens", "worker"):
        (target / name).mkdir(parents=True)
    for name in ("runs", "goldens"):
        shutil.copy(Path(__file__).with_name("student.py"), target / name)
    plans_and_records(target / "plans")
    found = runs(target / "runs")
    goldens(target / "goldens")
    worker(target / "worker")
    bare = bpcompare.run(bpcompare.load(EXAMPLES / "mazur.toml"), ["delta", "delta!BP204"])
    (target / "runs" / "token.txt").write_text(reproduction.token(reproduction.reproduction(bare)), encoding="utf-8")
    script = reproduction.script(reproduction.reproduction(found["wrong"]))
    (target / "runs" / "script.py.txt").write_text(script, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
