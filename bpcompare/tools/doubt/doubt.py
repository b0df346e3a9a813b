"""Plants mistakes into a backward, one by one, and sees which of them somebody's tests notice."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bpcompare.text.words import did_you_mean, inert
from bpcompare.tools.doubt.children import Child, Children, children
from bpcompare.tools.doubt.mutants import KINDS, Mutant, mutants
from bpcompare.tools.doubt.seen import Found, Seen
from bpcompare.tools.doubt.suite import Run, Suite, ended

Status = Literal["killed", "survived", "same", "unclear", "not tried"]
"""`same`: it survived, and the numbers were the same as without it. `unclear`: it cannot be said whether a test noticed it."""
CODES = {"survived": 1, "same": 1, "unclear": 4, "not tried": 4, "killed": 0}
UNSURE = "no test fails; whether a number differed cannot be told, for tensors of torch.func show none"
TIMES, MORE = 5, 20.0
"""Without --timeout, a mutant has so many times the seconds of the suite, and so many seconds more."""
_TAIL = 1_500


class DoubtError(Exception):
    """What was given makes no sense; `exit_code` is the command's."""

    exit_code = 2


class SuiteError(DoubtError):
    """The suite fails without any mutant."""

    exit_code = 3


@dataclass(frozen=True)
class Fate:
    """What became of a mutant: `by` says which test killed it, or how it ended; `largest` is how far the gradient was off."""

    mutant: Mutant
    status: Status
    by: str = ""
    largest: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Doubt:
    """The fates of all mutants of one backward. `tests` of `collected` were run for each."""

    of: str
    found: Found
    seen: Seen
    tests: int
    seconds: float
    every: bool
    fates: list[Fate] = field(default_factory=list)

    def count(self, *statuses: Status) -> int:
        """How many mutants had one of these fates."""
        return sum(fate.status in statuses for fate in self.fates)

    @property
    def exit_code(self) -> int:
        """0 if every mutant was killed, 1 if one survived, 4 if some were not tried or their fate is not clear."""
        if not self.seen.calls:
            return 1
        codes = {CODES[fate.status] for fate in self.fates}
        return 1 if 1 in codes else 4 if 4 in codes else 0


@dataclass(frozen=True)
class Options:
    """`workers` mutants at a time; seconds for each and for all, None for the default and for any; kinds by their names.

    `dy`: the argument of a plain backward that is dy, "" to guess it.
    """

    workers: int = 1
    timeout: float | None = None
    budget: float | None = None
    every: bool = False
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    dy: str = ""


def doubt(words: Sequence[str], of: str, options: Options, progress: Callable[[str], None] = lambda _: None) -> Doubt:
    """Run somebody's suite once as it is, and once for each mutant of the backward `of`, such as package.module:Swish.

    `words` are pytest's paths and options. Raises DoubtError where they, or `of`, make no sense, and SuiteError where the suite
    fails.
    """
    module, path = _parts(of)
    for name in (*options.only, *options.without):
        if name not in KINDS:
            hint = did_you_mean(name, KINDS) or f"there are {', '.join(KINDS)}"
            raise DoubtError(f"{name} is no kind of mutant; {hint}")
    end = None if options.budget is None else time.monotonic() + options.budget
    with (
        tempfile.TemporaryDirectory(prefix="bpcompare-doubt-", ignore_cleanup_errors=True) as folder,
        children(folder) as running,
    ):
        suite = Suite(words, module, path, options.dy, Path(folder), running)
        progress("your suite, without a mutant")
        first = suite.run(options.budget)
        seen = _sound(suite, first, of)
        if seen.found is None:
            raise DoubtError(f"--of {of}: {seen.problem or 'your tests never import it'}")
        if seen.forward:
            hint = f"name that: --of {seen.forward}" if ":" in seen.forward else "no backward of yours has a part in it"
            raise DoubtError(f"--of {of} is no backward: torch differentiates what it gives, by {seen.forward}; {hint}")
        every = options.every or seen.everywhere
        suite.adapt(seen, every=every)
        asked = [one for one in mutants(seen) if _asked(one, options)] if seen.calls else []
        it = Doubt(of, seen.found, seen, seen.collected if every else len(seen.tests), first.seconds, every)
        seconds = options.timeout or first.seconds * TIMES + MORE
        for fate in tried(suite, running, asked, seconds, options.workers, end):
            it.fates.append(fate)
            progress(f"{len(it.fates)} of {len(asked)} mutants, {it.count('survived', 'same')} survived")
        it.fates.sort(key=lambda fate: asked.index(fate.mutant))
        return it


def _asked(mutant: Mutant, options: Options) -> bool:
    return (not options.only or mutant.kind in options.only) and mutant.kind not in options.without


def _parts(of: str) -> tuple[str, str]:
    module, _, path = of.partition(":")
    if module.endswith(".py") or "/" in module:
        raise DoubtError(f"--of {of}: name the module as your tests import it, package.module:Name, not its file")
    if not all(part.isidentifier() for part in (*module.split("."), *path.split("."))):
        raise DoubtError(
            f"--of {of} is not package.module:Name, with the name of an autograd.Function, a custom_vjp or a backward"
        )
    return module, path


def _sound(suite: Suite, run: Run, of: str) -> Seen:
    """What the suite's own run saw, if it passes."""
    told, seen = inert(run.printed.strip(), _TAIL, end=True), run.seen
    if run.timed_out:
        raise DoubtError("the time was over before your suite had run once without a mutant; --budget gives more")
    if run.code == 5:
        raise DoubtError("pytest found no tests there: give the paths and options that you give to pytest")
    if run.code == 4 or "No module named pytest" in run.printed:
        raise DoubtError(f"pytest did not begin:\n{told}")
    if run.code == 0 and seen is not None:
        return seen
    failed = seen.failures if seen is not None else []
    if suite.run(None, plain=True).code == 0:
        raise SuiteError(f"your suite passes, but not while the calls of {of} are counted; pytest said:\n{told}")
    names = "".join(f"\n  {name}" for name in failed[:5])
    more = f"\n  and {len(failed) - 5} more" if len(failed) > 5 else ""
    said = names + more if failed else ""
    said += f"\n{told}" if not failed or run.code == 2 else ""  # where it cannot be collected, nobody but pytest says why
    raise SuiteError(f"your suite fails without any mutant, so it cannot be said what it notices (exit code {run.code}):{said}")


def tried(
    suite: Suite, running: Children, asked: Sequence[Mutant], seconds: float, workers: int, end: float | None
) -> Iterator[Fate]:
    """The fate of every mutant, as they are known.

    Each has so many `seconds`; `end`, of time.monotonic, is when no other is begun, and what is running is left: None for never.
    """
    waiting, busy = list(asked), dict[int, tuple[Child, Mutant]]()
    while waiting or busy:
        if end is not None and time.monotonic() > end:
            left = [*(mutant for _, mutant in busy.values()), *waiting]
            running.end()
            yield from (Fate(mutant, "not tried", "the budget was over") for mutant in left)
            return
        while waiting and len(busy) < workers:
            mutant = waiting.pop(0)
            child = suite.start(mutant, seconds)
            busy[child.process.pid] = child, mutant
        for child in running.over():
            _, mutant = busy.pop(child.process.pid)
            yield fated(mutant, ended(child))
        time.sleep(0.02)


def fated(mutant: Mutant, run: Run) -> Fate:
    """What became of a mutant whose run ended like this."""
    seen = run.seen or Seen()

    def fate(status: Status, by: str) -> Fate:
        return Fate(mutant, status, by, seen.largest, run.seconds)

    if run.timed_out:
        return fate("killed", f"timeout: your tests did not end within {run.seconds:.0f} s")
    if seen.error:
        return fate("unclear", f"it could not be planted: {seen.error}")
    told = seen.differed or seen.unsure or seen.traced
    if seen.failures and not told:
        return fate("unclear", f"{seen.failures[0]} failed, though no number was changed: does it fail by itself now and then?")
    if seen.failures:
        return fate("killed", seen.failures[0])
    if run.code == 0 and not seen.calls:
        return fate("unclear", "this time no test ran the backward")
    if run.code == 0 and seen.unsure and not seen.differed:
        return fate("survived", UNSURE)
    if run.code == 0:
        return fate("survived" if seen.differed else "same", "")
    if run.code < 0 or run.code > 5:
        return fate("killed", f"the process ended, exit code {run.code}")
    return fate("unclear", f"pytest ended with exit code {run.code}, and no test failed")
