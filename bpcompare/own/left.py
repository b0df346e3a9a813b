"""What was left: claims that there was no time for, and how little the others prove without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from bpcompare.own.judged import Judged
from bpcompare.own.where import Where
from bpcompare.program import Unexamined
from bpcompare.report.lines import named

STATEMENTS = {"forward": "value", "base": "Δ", "inductive": "Δ", "gradient": "gradient", "update": "update", "state": "state"}
"""What a claim is about, in a word."""
DEPTH = 2
"""Parts of a module's path that are told."""


def left(judged: Sequence[Judged], why: str) -> Iterator[Unexamined]:
    """By kind: how many claims of how many were not judged, and in which modules."""
    total = Counter(STATEMENTS[claim.statement] for one in judged for claim in one.question.claims)
    modules: dict[str, Counter[str]] = {}
    for one in judged:
        where = Where(one.recording)
        for claim in one.left:
            module = ".".join(where.module(claim).split(".")[:DEPTH])
            modules.setdefault(STATEMENTS[claim.statement], Counter())[module] += 1
    for kind, found in modules.items():
        names = [module for module, _ in found.most_common() if module]
        many = kind if kind == "Δ" or total[kind] == 1 else f"{kind}s"
        yield Unexamined(f"{found.total():,} of {total[kind]:,} {many}{f' in {named(names)}' if names else ''}", why)


def founded(judged: Sequence[Judged]) -> tuple[int, int]:
    """How many gradients rest on nothing but numbers that were judged as well, all the way from the loss; and of how many."""
    whole = gradients = 0
    for one in judged:
        lacking = {claim.path for claim in one.left}
        for claim in one.question.claims:  # each after those that it rests on
            if claim.path not in lacking and not lacking.isdisjoint(claim.reads()):
                lacking.add(claim.path)
        found = [claim.path for claim, _ in one.findings if claim.statement == "gradient"]
        gradients += len(found)
        whole += sum(path not in lacking for path in found)
    return whole, gradients
