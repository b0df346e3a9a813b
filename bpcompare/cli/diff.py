"""`bpcompare diff`: two saved runs."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bpcompare.cli.codes import USAGE, reason
from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.terminal import complain, laid_out, refused, say

if TYPE_CHECKING:
    from bpcompare.session.archive import Saved

RunFile = Annotated[str, Parameter(help="What `bpcompare run --save` wrote: run.bpz.")]


def diff(a: Annotated[RunFile, Parameter(name="A")], b: Annotated[RunFile, Parameter(name="B")], /) -> int:
    """Compare two saved runs of the same numbers, backend by backend: versions, what moved, and whether rounding explains it.

    Exit code 0: the same bits, or moved within rounding. 1: changed. 4: undecided. 5: no backend is in both.
    """
    keep_freed_memory()
    from bpcompare.plan.storage import StorageError
    from bpcompare.report.change import change_text
    from bpcompare.session import changed
    from bpcompare.session.archive import load_answers
    from bpcompare.verdict.comparison import NOTHING_COMPARED, PRECEDENCE

    runs = []
    for path in (a, b):
        try:
            runs.append(load_answers(path))
        except StorageError as error:
            return refused(error)
        except OSError as error:
            complain(f"{path}: {reason(error)}")
            return USAGE
    old, new = runs
    if old.plan.digest != new.plan.digest:
        complain(
            f"{a} and {b} are runs of different numbers: {_difference(old, new)}. Only what is made of the same can be compared."
        )
        return USAGE
    codes, told = [], []
    for then, now in _matched(old, new):
        change = changed(old.spec, old.plan, (then, old.records[then], "A"), (now, new.records[now], "B"))
        codes.append(change.exit_code)
        with laid_out():
            told.append(change_text(change, then if then == now else f"{then}, {now}", f"bpcompare diff {quote(a)} {quote(b)}"))
    say("\n".join(told) if told else f"no backend is in both: {a} has {', '.join(old.records)}, {b} has {', '.join(new.records)}")
    return next((code for code in PRECEDENCE if code in codes), NOTHING_COMPARED)


def _matched(old: Saved, new: Saved) -> list[tuple[str, str]]:
    """Backends of both runs: by name, or else by the name without a version, where that is one on each side."""

    def bare(run: Saved) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in run.records:
            found.setdefault(name.partition("@")[0], []).append(name)
        return found

    pairs = [(name, name) for name in old.records if name in new.records]
    left, right = bare(old), bare(new)
    for name, them in left.items():
        if len(them) == len(right.get(name, ())) == 1 and (them[0], right[name][0]) not in pairs:
            pairs.append((them[0], right[name][0]))
    return pairs


def _difference(old: Saved, new: Saved) -> str:
    import numpy as np

    one, other = old.plan, new.plan
    steps = (len(one.batches), len(other.batches))
    for what, was, now in (("spec", old.spec, new.spec), ("dtype", one.dtype, other.dtype), ("steps", *steps)):
        if was != now:
            return f"{what} {was} and {now}"
    arrays, others = dict(one.arrays()), dict(other.arrays())
    for key, x in arrays.items():
        if key not in others or x.shape != others[key].shape:
            return f"{key} has no counterpart"
        if not np.array_equal(x, others[key]):
            at = tuple(int(i) for i in np.argwhere(x != others[key])[0])
            return f"{key}{list(at) if at else ''} is {x[at]} and {others[key][at]}"
    return "the networks differ"
