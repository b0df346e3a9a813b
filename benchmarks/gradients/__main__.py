"""`check_gradient` on the functions of torch's own tests, of JAX, and on mutants of their gradients.

    python -m benchmarks.gradients [--whole] [-n 2] [--only NAME …] [--library torch] [--minutes 60] [--again] [--write]

Every function with a derivative, in float64 and float32, as it is and where terms cancel before it and behind (x + 100 − 100).
The honest gradient is the framework's own: by itself, and as a backward beside the forward. Ten mutants are planted into it, one
at a time, judged without contracts: in one gradient the sign, ½, zero, transposed (or turned round), the middle element × 1.1,
the last row dropped, × (1 + 1e-3); in what is sent back dy ignored, |dy|, the terms of one output dropped. A mutant is caught
where the verdict is wrong; it is below the power where it is off by no more than the power that is stated, relative to the
largest element; equal, where it changes nothing on these numbers; missed, where it is certified, or called a convention, above
that. By default a seed for each function, `--whole` for eight.

Answers are written as they come, to `--answers` (benchmarks/gradients/answers/), and what is answered is not asked again, unless
`--again`; after a change of the code, delete them. `--write` puts the table into benchmarks/gradients.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from time import monotonic, time

from benchmarks.fuzz import versions
from benchmarks.gradients.answers import Answers, Found
from benchmarks.gradients.question import Key
from benchmarks.gradients.table import lines

HERE = Path(__file__).parent
_BEGUN = time()


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole", action="store_true", help="eight seeds instead of one")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("-n", type=int, default=1, help="processes")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--library", choices=("torch", "jax"), action="append")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument(
        "--budget", type=float, default=60, help="seconds of the processor for a function, all its questions together"
    )
    parser.add_argument("--answers", type=Path, default=HERE / "answers")
    parser.add_argument("--again", action="store_true", help="ask anew what is answered")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    given.answers.mkdir(exist_ok=True)
    _ask(given)
    found = _known(given.answers)
    if given.only:
        found = {key: one for key, one in found.items() if key.name in given.only}
    text = _text(found)
    print(text)
    if given.write:
        (HERE.parent / "gradients.md").write_text(text, encoding="utf-8")


def _ask(given: argparse.Namespace) -> None:
    """A process a share; one that a function ended is started again, for what is left."""
    until = monotonic() + 60 * given.minutes
    more = {
        "libraries": given.library or ["torch", "jax"],
        "only": given.only,
        "seeds": given.seeds or (8 if given.whole else 1),
        "shares": given.n,
        "budget": given.budget,
    }
    before = [] if given.again else sorted(map(str, given.answers.glob("*.jsonl")))

    def started(share: int) -> subprocess.Popen[bytes]:
        # After --again, too, what this very run has answered is known.
        path = given.answers / f"{'again-' if given.again else ''}{int(_BEGUN)}-{share}.jsonl"
        told = {"share": share, "answers": str(path), "known": before, "seconds": until - monotonic()}
        return subprocess.Popen([sys.executable, "-m", "benchmarks.gradients.asking", json.dumps(more | told)])

    running = {share: started(share) for share in range(given.n)}
    while running:
        for share, process in list(running.items()):
            code = process.wait()
            if code < 0 and monotonic() < until:
                running[share] = started(share)
            else:
                del running[share]


def _known(folder: Path) -> dict[Key, Found]:
    found: dict[Key, Found] = {}
    for path in sorted(folder.glob("*.jsonl"), key=lambda path: path.stem.split("-")[-2:]):  # by when they were begun
        found |= Answers(path).read()
    return {key: one for key, one in found.items() if one}


def _text(found: dict[Key, Found]) -> str:
    about = " ".join((__doc__ or "").split("\n\n")[2].split())
    rounds = Counter((key.seed, key.dtype, "cancelling" if key.cancelling else "as they are") for key in found)
    covered = "; ".join(f"seed {seed}, {dtype}, {form}: {count}" for (seed, dtype, form), count in sorted(rounds.items()))
    of = f"{len({(key.library, key.name) for key in found})} functions. Questions: {covered}."
    head = f"`python -m benchmarks.gradients`, {versions(('delta', 'torch', 'jax'))}. Covered: {of}"
    return "\n".join(["# check_gradient on functions whose gradient is known", "", head, "", about, "", *lines(found), ""])


if __name__ == "__main__":
    main()
