"""The report of a success: what was checked, how sharply, and what this run could not have seen."""

from __future__ import annotations

from bpcompare.mistakes import MISTAKES
from bpcompare.mistakes.blind import SECONDS
from bpcompare.report.lines import clipped, counted, labelled, named
from bpcompare.report.numbers import short
from bpcompare.report.table import head, table
from bpcompare.verdict.comparison import Comparison

ROWS = 5
"""Backends with a row of their own."""


def passed(comparison: Comparison) -> list[str]:
    """All lines but the verdict."""
    return [head(comparison), "", *table(comparison, ROWS), "", *measures(comparison), *printed(comparison)]


def measures(comparison: Comparison) -> list[str]:
    """How far apart the backends are, and how sharp the certificate is."""
    found = _apart(comparison)
    if comparison.plan.exact:
        return found + exact(comparison) + _blind(comparison)
    return found + _power(comparison) + _probed(comparison) + _zeros(comparison) + _blind(comparison)


def exact(comparison: Comparison) -> list[str]:
    """For an exact run: what is compared, how many bits its numbers need, and what these do not show."""
    found = labelled("exact", "on these numbers no order of summation can round: every bit is compared", 1)
    seen = comparison.sight
    if seen is None:
        return found
    kinds = ", ".join(f"{kind} {number}" for kind, number in seen.bits.items())
    found += labelled("", f"they need up to {max(seen.bits.values())} bits ({kinds}), {seen.narrower} has {seen.limit}", 2)
    if seen.blurred:
        words = f"rounding to {seen.narrower} would not show in {counted(len(seen.blurred), 'step')} of the proof, so nothing is"
        words += f" called identical: {named([str(blur) for blur in seen.blurred])}; another --seed"
        found += labelled("unseen", words + (", --dtype float64" if comparison.dtype == "float32" else "") + " may show more", 3)
    return found


def _apart(comparison: Comparison) -> list[str]:
    widest = max(comparison.pairs, key=lambda pair: pair.max_scaled, default=None)
    if widest is None:
        return []
    ulp = max(pair.max_ulp for pair in comparison.pairs)
    if ulp == 0:
        return labelled("apart", "nothing: the backends have the same bits everywhere", 1)
    pair = f"{clipped(widest.a, 20)} and {clipped(widest.b, 20)}"
    scaled = f"at most {short(widest.max_scaled)} of a tensor's largest element ({pair})"
    # What is 0 up to rounding differs by all of its size.
    zeros = ", zeros included" if any(comparison.zeros.values()) else ""
    return labelled("apart", f"{scaled}, {short(ulp)} ulp; not the verdict{zeros}", 2)


def _power(comparison: Comparison) -> list[str]:
    size, where = comparison.power
    shown = f"a mistake of {short(size)} (relative) would have shown everywhere"
    return labelled("power", f"{shown}; least sharp at {clipped(where, 40)}", 1)


def _probed(comparison: Comparison) -> list[str]:
    """What was tried along random vectors, which may miss what is small: the power counts it."""
    claims, numbers = comparison.probed
    if not claims:
        return []
    words = f"{counted(claims, 'product')} of {numbers:,} numbers along random vectors: at this power a mistake escapes once in a"
    return labelled("probed", f"{words} million; --certificate full judges every number", 2)


def _zeros(comparison: Comparison) -> list[str]:
    """Quantities whose terms cancel: their own size is rounding, so that of the terms is what a mistake is measured against."""
    if not comparison.zeros:
        return []
    path, size = next(iter(comparison.zeros.items()))
    why = (
        f"up to rounding: what is left of terms of size {short(size)}" if size else "by structure: on other weights and data, too"
    )
    more = f", and {len(comparison.zeros) - 1:,} more (-v marks them)" if len(comparison.zeros) > 1 else ""
    return labelled("zero", f"{clipped(path, 30)} is 0 {why}{more}", 1)


def _blind(comparison: Comparison) -> list[str]:
    codes = comparison.unseen
    if codes is None:
        return labelled("blind to", f"not searched: {comparison.unsearched or 'this run was saved without'}", 2)
    if not codes and not comparison.untried:
        return labelled("blind to", "none of the known mistakes that apply to this net", 1)
    untried = f"; {len(comparison.untried):,} more could not be tried in {short(SECONDS)} s" if comparison.untried else ""
    if not codes:
        return labelled("blind to", f"none of the known mistakes that were tried{untried}", 2)
    first = f"{codes[0]} {MISTAKES[codes[0]].title}" if codes[0] in MISTAKES else codes[0]
    more = f", {', '.join(codes[1:8])}{' …' if len(codes) > 8 else ''}" if len(codes) > 1 else ""
    return labelled("blind to", f"{counted(len(codes), 'mistake')} that {unshown(comparison)}: {first}{more}{untried}", 2)


def unshown(comparison: Comparison) -> str:
    """What cannot show the mistakes that were not seen: the spec and its data, or as many of its steps as were searched."""
    ran = len(comparison.plan.batches)
    if comparison.searched < ran:
        return f"the first {counted(comparison.searched, 'step')} of {ran:,} cannot show (the others were not searched)"
    return "this spec and data cannot show"


def printed(comparison: Comparison) -> list[str]:
    """What backends in processes of their own wrote to their output: theirs, and no result."""
    chatty = {name: one.provenance.printed for name, one in comparison.certificates.items() if one.provenance.printed}
    lines: list[str] = []
    for name, words in list(chatty.items())[:2]:
        more = f" (and {counted(len(chatty) - 2, 'more backend')})" if lines and len(chatty) > 2 else ""
        lines += labelled("" if lines else "printed", f"{clipped(name, 30)}{more}: {clipped(' '.join(words.split()), 60)!r}", 1)
    return lines
