"""Are mistakes in large products refuted along random vectors as they are without? And what do probes save?

    python -m benchmarks.probes [--count 1500] [--widths 64-128-128-10] [--examples 400]

Random mistakes are planted in delta's record, in every product that probes decide; behind an activation in Δ, in −∂E/∂a, or
the same one in both. Printed: how often each outcome was met, with probes and without; the claims that came out otherwise, if
there are any; CPU seconds of a certificate by each means.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from time import process_time

import numpy as np

from benchmarks.bare import mlp
from bpcompare.engine.address import locate
from bpcompare.engine.worker import InProcess
from bpcompare.laws import LAWS
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball.format import format_of
from bpcompare.plan import Plan, back
from bpcompare.plan.draw import plan as draw
from bpcompare.plan.record import Record
from bpcompare.proof import probes, products
from bpcompare.proof.balls import Balls
from bpcompare.proof.certificate import Means, certify, judge
from bpcompare.proof.question import question
from bpcompare.proof.values import step_values

FMT = format_of("float32")


KINDS = ("entry", "row", "column", "all", "sign", "swap", "zero row", "zero column", "NaN")


def wrong(x: Array, kind: str, random: np.random.Generator) -> None:
    """Plant a mistake of this kind in an array of two axes."""
    i, j, other = (int(random.integers(size)) for size in (*x.shape, x.shape[0]))
    factor = np.float32(1 + 10 ** random.uniform(-6, 0))
    if kind == "sign":
        x[i, j] *= -1
    elif kind == "swap":
        x[[i, other]] = x[[other, i]]
    elif kind == "NaN":
        x[i, j] = np.nan
    else:
        at = {"entry": (i, j), "all": ...}.get(kind, i if "row" in kind else (slice(None), j))
        x[at] = 0 if "zero" in kind else x[at] * factor


def planted(plan: Plan, record: Record, count: int) -> tuple[Counter[tuple[str, str]], list[str]]:
    """How often each pair of outcomes was met, without probes and with; and what came out otherwise."""
    (values,) = step_values(plan, record)
    claims = {claim.path: claim for claim in question(plan).claims}
    draws = np.random.default_rng()
    tried = {path: judge(claim, Balls(values, FMT, random=draws), LAWS) for path, claim in claims.items()}
    paths = [path for path, finding in tried.items() if finding.probed]
    behind = {f"{path.removesuffix('.a')}.delta": path for path in values.back}
    random, met, other = np.random.default_rng(7), Counter[tuple[str, str]](), []
    for number in range(count):
        path = paths[number % len(paths)]
        kind, where = KINDS[int(random.integers(len(KINDS)))], int(random.integers(3)) if path in behind else 0
        seed, changed = int(random.integers(2**32)), values
        if where != 1:
            x = values.recorded[path].copy()
            wrong(x, kind, np.random.default_rng(seed))
            changed = replace(changed, recorded={**changed.recorded, path: x})
        if where:
            b = values.back[behind[path]].copy()
            wrong(b, kind, np.random.default_rng(seed))
            changed = replace(changed, back={**changed.back, behind[path]: b})
        full = judge(claims[path], Balls(replace(changed, back={}), FMT), LAWS)
        some = judge(claims[path], Balls(changed, FMT, random=draws), LAWS)
        met[full.outcome, some.outcome] += 1
        if (full.outcome, full.off) != (some.outcome, some.off):
            other.append(f"{path}: {kind}, {full.outcome} without probes, {some.outcome} with; {full.share:.3g} of its ball")
    return met, other


def seconds(plan: Plan, record: Record, means: Means) -> float:
    """CPU time of a certificate."""
    found = []
    for _ in range(3):
        started = process_time()
        certify(plan, record, means=means)
        found.append(process_time() - started)
    return min(found)


def main() -> None:
    """Print all that."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--widths", default="64-128-128-10")
    parser.add_argument("--examples", type=int, default=400)
    asked = parser.parse_args()
    back.WORTH = back.PAYS = 1
    plan = draw(mlp([int(width) for width in asked.widths.split("-")], asked.examples), "float32")
    record = InProcess().run(locate("delta"), plan)
    print({means: round(seconds(plan, record, means), 4) for means in ("balls", "full", "probes")}, "s")
    probes.PAYS, products.FEW_TERMS = 1, 0
    with np.errstate(all="ignore"):
        met, other = planted(plan, record, asked.count)
    print(f"{asked.count} mistakes planted; without probes and with:", dict(met))
    print("\n".join(other) or "every outcome is the same")


if __name__ == "__main__":
    main()
