"""`check_gradient` on the functions of torch's own tests, of JAX, and on mutants of their gradients.

    python -m benchmarks.gradients [-n 2] [--minutes 60] [--seeds 0 1 …] [--dtypes float64] [--cancelling [no]] [--mutants 10]
        [--only NAME …] [--library torch] [--answers DIR] [--beside DIR …] [--again] [--mixed] [--write [FILE]]

Every function with a derivative, in float64 and float32, as it is and where terms cancel before it and behind (x + 100 − 100).
The honest gradient is the framework's own: by itself, and as a backward beside the forward. Ten mutants are planted into it, one
at a time, judged without contracts: in one gradient the sign, ½, zero, transposed (or turned round), the middle element × 1.1,
the last row dropped, × (1 + 1e-3); in what is sent back dy ignored, |dy|, the terms of one output dropped. A mutant is caught
where the verdict is wrong; it is below the power where it is off by no more than the power that is stated, relative to the
largest element; equal, where it changes nothing on these numbers; missed, where it is certified, or called a convention, above
that. By default a seed for each function, `--whole` for eight. All of it on the processor, each process on one core.

Answers are written as they come, to `--answers` (benchmarks/gradients/answers/), and what is answered there, or `--beside`, is
not asked again, unless `--again`; after a change of the code, delete them. `--minutes 0` asks nothing. A table is of all
answers of all these folders, and says with which versions and how many states of the code they were found. `--mutants 0` asks
honest gradients alone. `--mixed` asks seeds, formats and forms in any order, so that what there is time for is a sample of all.
`--write` puts the table into benchmarks/gradients.md, or into a file of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from time import monotonic, time
from typing import Any

from benchmarks.gradients.answers import Answers, Found
from benchmarks.gradients.mutants import KINDS
from benchmarks.gradients.pool import Pool
from benchmarks.gradients.question import Key
from benchmarks.gradients.table import lines
from benchmarks.gradients.worker import EndedError

HERE = Path(__file__).parent
ROUNDS = (("float64", False), ("float32", True), ("float32", False), ("float64", True))
"""Formats, and whether terms cancel, in the order in which they are asked."""


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--jobs", type=int, default=1, help="processes")
    parser.add_argument("--minutes", type=float, default=60, help="of the clock, all of it but the table")
    parser.add_argument("--seeds", type=int, nargs="+")
    parser.add_argument("--whole", action="store_true", help="eight seeds instead of one")
    parser.add_argument("--dtypes", nargs="+", choices=("float64", "float32"), default=["float64", "float32"])
    parser.add_argument("--cancelling", nargs="?", choices=("only", "no", "both"), const="only", default="both")
    parser.add_argument("--mutants", type=int, default=len(KINDS), help="of each gradient, others for each seed")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--library", choices=("torch", "jax"), action="append")
    parser.add_argument(
        "--budget", type=float, default=60, help="seconds of the processor for a function, all its questions together"
    )
    parser.add_argument("--answers", type=Path, default=HERE / "answers", help="where answers are written, and read")
    parser.add_argument("--beside", type=Path, nargs="+", default=[], help="folders whose answers are read, too")
    parser.add_argument("--again", action="store_true", help="ask anew what is answered")
    parser.add_argument("--mixed", action="store_true", help="in any order")
    parser.add_argument("--write", type=Path, nargs="?", const=HERE.parent / "gradients.md", metavar="FILE")
    given = parser.parse_args()
    given.answers.mkdir(parents=True, exist_ok=True)
    folders = [*given.beside, given.answers]
    _ask(given, set() if given.again else set(_known(folders)))
    found = _known(folders)
    if given.only:
        found = {key: one for key, one in found.items() if key.name in given.only}
    text = _text(found, folders)
    print(text)
    if given.write:
        given.write.write_text(text, encoding="utf-8")


def _ask(given: argparse.Namespace, known: set[Key]) -> None:
    """What is not known yet, in so many minutes at most."""
    if given.minutes <= 0:
        return
    until = monotonic() + 60 * given.minutes
    pool = Pool(given.jobs, given.library or ["torch", "jax"], given.budget, given.mutants, until)
    try:
        names, ran_with = pool.names()
    except EndedError:
        sys.exit("benchmarks.gradients.asking ended before it said which functions there are: what it said stands above")
    for one in ran_with["absent"]:
        print(f"left out: {one}", file=sys.stderr)
    names = [(library, name) for library, name in names if not given.only or name in given.only]
    Random(0).shuffle(names)  # where the time is over before all are asked, it is a sample
    answers = Answers(given.answers / f"{'again-' if given.again else ''}{int(time())}.jsonl")
    answers.put_with(ran_with)
    keys = list(_keys(names, given))
    if given.mixed:
        Random(0).shuffle(keys)
    pool.ask((key for key in keys if key not in known), answers)


def _keys(names: Sequence[tuple[str, str]], given: argparse.Namespace) -> Iterator[Key]:
    """Every function in one seed, format and form, then in the next."""
    forms = {"no": {False}, "only": {True}, "both": {False, True}}[given.cancelling]
    for seed in given.seeds or range(8 if given.whole else 1):
        for dtype, cancelling in ROUNDS:
            if dtype in given.dtypes and cancelling in forms:
                yield from (Key(library, name, dtype, seed, cancelling) for library, name in names)


def _known(folders: Sequence[Path]) -> dict[Key, Found]:
    found: dict[Key, Found] = {}
    files = [path for folder in folders for path in folder.glob("*.jsonl")]
    for path in sorted(files, key=lambda path: path.stem.rpartition("-")[2]):  # by when they were begun
        found |= Answers(path).found()
    return {key: one for key, one in found.items() if one}


def _text(found: dict[Key, Found], folders: Sequence[Path]) -> str:
    about = " ".join((__doc__ or "").split("\n\n")[2].split())
    rounds = Counter((key.seed, key.dtype, "cancelling" if key.cancelling else "as they are") for key in found)
    covered = "; ".join(f"seed {seed}, {dtype}, {form}: {count}" for (seed, dtype, form), count in sorted(rounds.items()))
    of = f"{len({(key.library, key.name) for key in found})} functions. Questions: {covered}."
    ran_with = [one for folder in folders for path in sorted(folder.glob("*.jsonl")) for one in Answers(path).ran_with()]
    head = f"`python -m benchmarks.gradients`, {_ran(ran_with)}. Covered: {of}"
    absent = sorted({one for told in ran_with for one in told["absent"]})
    more = [f"Not there in these versions: {'; '.join(absent)}.", ""] if absent else []
    title = "# check_gradient on functions whose gradient is known"
    return "\n".join([title, "", head, "", *more, about, "", *lines(found), ""])


def _ran(ran_with: Sequence[Mapping[str, Any]]) -> str:
    """Versions, of each run that has others; and of how many states of the code the answers are."""
    versions = dict.fromkeys(
        ", ".join([*(f"{name} {version}" for name, version in one["versions"].items()), one["python"]]) for one in ran_with
    )
    states = len({one["state"] for one in ran_with})
    return " and ".join(versions) + (f", {states} states of the code" if states > 1 else "")


if __name__ == "__main__":
    main()
