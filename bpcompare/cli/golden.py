"""`bpcompare golden`: whether later versions still compute what a version computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from shlex import quote
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bpcompare.cli.apart import Apart
from bpcompare.cli.codes import NOT_RUN, USAGE
from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.options import Backends, Dtype, Intended, Seed, Steps, out_of_range, switch
from bpcompare.cli.terminal import complain, refused, say

if TYPE_CHECKING:
    from bpcompare.tools.golden import Checked, Options

Job = Callable[[], int]
"""One golden, checked or made: returns an exit code, or raises why there is none."""

Specs = Annotated[
    str,
    Parameter(
        name="SPEC",
        negative="",
        help="TOML or JSON files that describe a network; or FILE.py:NAME, a function of yours, as for `bpcompare check`.",
    ),
]
Isolate = Annotated[bool, switch("Give the backend a process of its own: for code that you do not trust.")]
Timeout = Annotated[float | None, Parameter(help="Seconds a backend may take, in a process of its own.")]
Memory = Annotated[str | None, Parameter(help="Memory a backend may take, in a process of its own: 4G, 500M.")]


def check(
    *specs: Specs,
    backend: Backends = None,
    dtype: Dtype = None,
    steps: Steps = None,
    seed: Seed = None,
    isolate: Isolate = False,
    timeout: Timeout = None,
    memory: Memory = None,
    trust: Annotated[bool, switch("Run backends in files that a golden names, without -b.")] = False,
    intended: Intended = None,
) -> int:
    """Run backends on the numbers of their goldens. By default, all goldens of a spec, whatever options they were made with.

    Of FILE.py:NAME, make the step of your own model again. Exit code 0: the same bits, or moved within rounding. 1: changed, or
    wrong. 3: a backend did not run. 4: undecided. 5: no golden.
    """
    from bpcompare.cli import steps_of_own
    from bpcompare.engine.address import separated
    from bpcompare.tools.golden import check, goldens_of, runnable

    options = _options(specs, dtype, steps, seed, Apart(isolate, timeout, memory))
    if isinstance(options, int):
        return options

    def one(spec: str, name: str, options: Options) -> int:
        checked = check(spec, name, options)
        assert checked.change is not None  # noqa: S101 — it was checked against something
        _tell(checked, name, f"bpcompare golden check {quote(spec)} -b {quote(name)}{_flags(options)}")
        return checked.change.exit_code

    def jobs(spec: str) -> Iterator[Job]:
        if backend is None:
            for entry in goldens_of(spec, options):
                yield partial(_run, spec, partial(runnable, spec, entry, trust=trust), replace(options, **entry.named), one)
            return
        for name in separated(backend):
            # None is there: to check it says so.
            under = [replace(options, **entry.named) for entry in goldens_of(spec, options, [name])] or [options]
            for each in under:
                yield partial(one, spec, name, each)

    def own(address: str) -> list[int]:
        return [steps_of_own.checked(address, seed or 0, intended or (), name) for name in separated(backend or ()) or [""]]

    return _each(specs, backend, jobs, own)


def _run(spec: str, name: Callable[[], str], options: Options, one: Callable[[str, str, Options], int]) -> int:
    """Check the golden of a backend that nobody named: one that is not here is one that does not run."""
    from bpcompare.engine.address import UnknownBackendError

    try:
        return one(spec, name(), options)
    except UnknownBackendError as error:
        return refused(error, NOT_RUN)


def update(
    *specs: Specs,
    backend: Backends = None,
    dtype: Dtype = None,
    steps: Steps = None,
    seed: Seed = None,
    isolate: Isolate = False,
    timeout: Timeout = None,
    memory: Memory = None,
    force: Annotated[bool, switch("Replace what is damaged, or of another spec.")] = False,
    intended: Intended = None,
) -> int:
    """Show what moved since the goldens were made, and write them anew.

    By default, for every backend that is installed, and under the options of every golden of them that is there. A golden is
    written only of what is certified, or undecided: never of what is wrong. Of FILE.py:NAME, for the step of your own model.
    """
    from bpcompare.cli import steps_of_own
    from bpcompare.engine.address import separated
    from bpcompare.engine.registry import Ready, statuses
    from bpcompare.tools.golden import goldens_of, update, write

    options = _options(specs, dtype, steps, seed, Apart(isolate, timeout, memory))
    if isinstance(options, int):
        return options

    def one(spec: str, name: str, options: Options) -> int:
        proposed = update(spec, name, options)
        if proposed.replaces and not force:
            write(proposed)  # refuses, and says what it would replace
        _tell(proposed, name, None)
        if proposed.current:
            say("  nothing is to be written")
            return 0
        if proposed.replaces:
            say(f"  replaces   {proposed.replaces}")
        say(f"  written    {write(proposed, force=force).path}")
        return 0

    def jobs(spec: str) -> Iterator[Job]:
        names = [status.name for status in statuses() if isinstance(status, Ready)] if backend is None else separated(backend)
        for name in names:
            under = [replace(options, **entry.named) for entry in goldens_of(spec, options, [name])]
            for each in dict.fromkeys((options, *under) if backend is None else (options,)):
                yield partial(one, spec, name, each)

    def own(address: str) -> list[int]:
        names = separated(backend or ()) or [""]
        return [steps_of_own.updated(address, seed or 0, intended or (), name, force=force) for name in names]

    return _each(specs, backend, jobs, own)


def _options(specs: tuple[str, ...], dtype: str | None, steps: int | None, seed: int | None, apart: Apart) -> Options | int:
    """The options, or the exit code where they make no sense."""
    from bpcompare.tools.golden.own import is_own

    problem = out_of_range(steps, seed) or apart.problem
    if not specs:
        problem = "at least one SPEC is needed: a TOML or JSON file that describes a network, or FILE.py:NAME"
    if any(map(is_own, specs)):
        given = {"--dtype": dtype, "--steps": steps, "--isolate": apart.isolate or None, "--timeout": apart.timeout}
        given |= {"--memory": apart.memory}
        wrong = [option for option, value in given.items() if value is not None]
        problem = problem or (f"{wrong[0]} is for specs, and not for FILE.py:NAME" if wrong else "")
    if problem:
        complain(f"{problem}\nTry: bpcompare golden --help")
        return USAGE
    from bpcompare.tools.golden import Options

    keep_freed_memory()
    return Options(dtype=dtype, steps=steps, seed=seed, **apart.options)  # type: ignore[arg-type]  # cyclopts checked it


def _each(
    specs: tuple[str, ...], given: list[str] | None, jobs: Callable[[str], Iterable[Job]], own: Callable[[str], list[int]]
) -> int:
    """Do everything, whatever becomes of what stands before it: the jobs of a spec, or `own` for FILE.py:NAME."""
    from bpcompare.cli.present import present
    from bpcompare.engine.address import UnknownBackendError, separated
    from bpcompare.network import SpecError
    from bpcompare.spec import read
    from bpcompare.tools.golden import GoldenError
    from bpcompare.tools.golden.own import is_own
    from bpcompare.verdict.comparison import NOTHING_COMPARED, PRECEDENCE

    try:
        present(separated(given or ()))
    except UnknownBackendError as error:
        return refused(error)
    codes = []
    for spec in specs:
        if is_own(spec):
            codes += own(spec)
            continue
        try:
            read(spec)
        except SpecError as error:
            codes.append(refused(error))
            continue
        some = False
        for job in jobs(spec):
            some = True
            try:
                codes.append(job())
            except (SpecError, UnknownBackendError, GoldenError) as error:
                codes.append(refused(error))
        if not some:
            complain(f"{spec} has no goldens; `bpcompare golden update {quote(spec)}` makes them")
            codes.append(NOTHING_COMPARED)
    return next(code for code in PRECEDENCE if code in codes)


def _flags(options: Options) -> str:
    return "".join(f" --{key} {value}" for key, value in options.named.items() if value is not None)


def _tell(checked: Checked, name: str, command: str | None) -> None:
    from bpcompare.report.change import change_text

    if checked.change is None:
        golden = checked.golden
        say(f"new  {golden.spec}  {name}  {golden.made_by}  {golden.verdict}")
    else:
        change = checked.change
        say(lambda: change_text(change, name, command))
