"""`bpcompare golden`: whether later versions still compute what a version computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from bpcompare.cli.apart import Apart
from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.terminal import complain, say

if TYPE_CHECKING:
    from bpcompare.golden import Checked, Options

USAGE, NOT_RUN = 2, 3
Job = Callable[[], int]
"""One golden, checked or made: returns an exit code, or raises why there is none."""

Specs = Annotated[str, Parameter(name="SPEC", help="TOML or JSON files that describe a network.", negative="")]
Backends = Annotated[
    list[str] | None,
    Parameter(name=["--backend", "-b"], negative="", help="A backend, as for `bpcompare run`. Repeat it, or use commas."),
]
Dtype = Annotated[Literal["float64", "float32"] | None, Parameter(help="Precision; by default the spec's.")]
Steps = Annotated[int | None, Parameter(help="Update steps; by default the spec's.")]
Seed = Annotated[int | None, Parameter(help="Seed of everything drawn; by default the spec's.")]
Isolate = Annotated[bool, Parameter(negative="", help="Give the backend a process of its own: for code that you do not trust.")]
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
    trust: Annotated[bool, Parameter(negative="", help="Run backends in files that a golden names, without -b.")] = False,
) -> int:
    """Run backends on the numbers of their goldens. By default, all goldens of a spec, whatever options they were made with.

    Exit code 0: the same bits, or moved within rounding. 1: changed. 3: a backend did not run. 4: undecided. 5: no golden.
    """
    from bpcompare.address import separated
    from bpcompare.golden import check, goldens_of, runnable

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

    return _each(specs, backend, jobs)


def _run(spec: str, name: Callable[[], str], options: Options, one: Callable[[str, str, Options], int]) -> int:
    """Check the golden of a backend that nobody named: one that is not here is one that does not run."""
    from bpcompare.address import UnknownBackendError

    try:
        return one(spec, name(), options)
    except UnknownBackendError as error:
        complain(error)
        return NOT_RUN


def update(
    *specs: Specs,
    backend: Backends = None,
    dtype: Dtype = None,
    steps: Steps = None,
    seed: Seed = None,
    isolate: Isolate = False,
    timeout: Timeout = None,
    memory: Memory = None,
    force: Annotated[bool, Parameter(negative="", help="Replace what is damaged, or of another spec.")] = False,
) -> int:
    """Show what moved since the goldens were made, and write them anew.

    By default, for every backend that is installed, and under the options of every golden of them that is there. A golden is
    written only of what is certified, or undecided: never of what is wrong.
    """
    from bpcompare.address import separated
    from bpcompare.golden import goldens_of, update, write
    from bpcompare.registry import Ready, statuses

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

    return _each(specs, backend, jobs)


def _options(specs: tuple[str, ...], dtype: str | None, steps: int | None, seed: int | None, apart: Apart) -> Options | int:
    """The options, or the exit code where they make no sense."""
    problem = apart.problem
    if not specs:
        problem = "at least one SPEC is needed: a TOML or JSON file that describes a network"
    elif steps is not None and steps < 1:
        problem = f"--steps must be at least 1, is {steps}"
    elif seed is not None and seed < 0:
        problem = f"--seed must not be negative, is {seed}"
    if problem:
        complain(f"{problem}\nTry: bpcompare golden --help")
        return USAGE
    from bpcompare.golden import Options

    keep_freed_memory()
    return Options(dtype=dtype, steps=steps, seed=seed, **apart.options)  # type: ignore[arg-type]  # cyclopts checked it


def _each(specs: tuple[str, ...], given: list[str] | None, jobs: Callable[[str], Iterable[Job]]) -> int:
    """Do everything, whatever becomes of what stands before it."""
    from bpcompare.address import UnknownBackendError, separated
    from bpcompare.cli.present import present
    from bpcompare.comparison import NOTHING_COMPARED, PRECEDENCE
    from bpcompare.golden import GoldenError
    from bpcompare.network import SpecError
    from bpcompare.spec import read

    try:
        present(separated(given or ()))
    except UnknownBackendError as error:
        complain(error)
        return USAGE
    codes = []
    for spec in specs:
        try:
            read(spec)
        except SpecError as error:
            complain(error)
            codes.append(USAGE)
            continue
        some = False
        for job in jobs(spec):
            some = True
            try:
                codes.append(job())
            except (SpecError, UnknownBackendError) as error:
                complain(error)
                codes.append(USAGE)
            except GoldenError as error:
                complain(error)
                codes.append(error.exit_code)
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
