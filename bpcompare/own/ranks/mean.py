"""Whether each gradient is the mean over all ranks of what these accumulated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.ops.call import Call, Read
from bpcompare.own.judged import Judged, judged
from bpcompare.own.ranks.rank import Rank
from bpcompare.program import Program, Recording, Step, Value

CLOSE = 1e-2
"""Distance, relative to the largest, up to which numbers are taken for the same where the cause of a mistake is looked for."""


def means(ranks: Sequence[Rank], names: Sequence[str]) -> Judged:
    """Judge the parameters' gradients on every rank; the claim about `name` on rank number r has the path "name on rank r"."""
    values: dict[str, Value] = {}
    steps: list[Step] = []
    given: dict[str, Array] = {}
    recorded: dict[str, Array] = {}
    for name in names:
        reads = []
        for rank in ranks:
            path, one = f"{name} of rank {rank.number}", rank.reductions[name]
            given[path], values[path] = one.local, Value(path, name, given=True, dtype=one.dtype)
            reads.append(path)
        tensors = tuple(Read(slot) for slot in range(len(reads)))
        for rank in ranks:
            path, one = f"{name} on rank {rank.number}", rank.reductions[name]
            recorded[path], values[path] = one.left, Value(path, name, dtype=one.dtype)
            steps.append(Step(path, Call("mean_of_ranks", {"tensors": tensors}, (one.left.shape,)), tuple(reads), path))
    program = Program(values, tuple(steps), (), "error", ("error",))
    return judged(Recording("gradients over all ranks", program, given, recorded, {}))


def cause(ranks: Sequence[Rank], name: str, rank: Rank) -> str:
    """What it is instead of the mean, in words."""
    locals_ = [one.reductions[name].local.astype(np.float64) for one in ranks]
    left, own = rank.reductions[name].left, rank.reductions[name].local
    if np.array_equal(left, own):
        return "it is what this rank computed alone: nothing was averaged (no_sync, or a missing all-reduce)"
    mean = np.mean(locals_, axis=0)
    return next((words for words, value in _others(ranks, locals_) if _alike(left, value) and not _alike(mean, value)), "")


def _others(ranks: Sequence[Rank], locals_: Sequence[Array]) -> Iterator[tuple[str, Array]]:
    count, total = len(ranks), np.sum(locals_, axis=0)
    yield f"it is the sum over {count} ranks, {count} times their mean", total
    yield f"it is the mean divided by {count} once more", total / count**2
    for rank, local in zip(ranks, locals_, strict=True):
        yield f"it is what rank {rank.number} computed alone", local
        yield f"it is the mean without rank {rank.number}", (total - local) / (count - 1)
        yield f"it is as if the gradient of rank {rank.number} were 0", (total - local) / count


def _alike(x: Array, y: Array) -> bool:
    size = float(np.abs(y).max(initial=0.0))
    return size > 0 and bool((np.abs(x - y) <= CLOSE * size).all())
