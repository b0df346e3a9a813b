"""`bpcompare golden`: whether later versions still compute what a version computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from bpcompare.cli.apart import Apart
from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.terminal import complain, say

if TYPE_CHECKING:
    from bpcompare.golden import Checked, Options

USAGE, NOT_RUN = 2, 3

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
) -> int:
    """Run backends on the numbers of their goldens. By default, every backend that a spec has a golden of.

    Exit code 0: the same bits, or moved within rounding. 1: changed. 3: a backend did not run. 4: undecided. 5: no golden.
    """
    from bpcompare.golden import backends_of, check

    options = _options(specs, dtype, steps, seed, Apart(isolate, timeout, memory))
    if isinstance(options, int):
        return options

    def one(spec: str, name: str) -> int:
        checked = check(spec, name, options)
        assert checked.change is not None  # noqa: S101 — it was checked against something
        _tell(checked, name, f"bpcompare golden check {quote(spec)} -b {quote(name)}")
        return checked.change.exit_code

    def default(spec: str) -> tuple[str, ...]:
        return backends_of(spec, options)

    return _each(specs, backend, default, one)


def update(
    *specs: Specs,
    backend: Backends = None,
    dtype: Dtype = None,
    steps: Steps = None,
    seed: Seed = None,
    isolate: Isolate = False,
    timeout: Timeout = None,
    memory: Memory = None,
) -> int:
    """Show what moved since the goldens were made, and write them anew. By default, for every backend that is installed.

    A golden is written only of what is certified, or undecided: never of what is wrong.
    """
    from bpcompare.golden import update, write

    options = _options(specs, dtype, steps, seed, Apart(isolate, timeout, memory))
    if isinstance(options, int):
        return options

    def one(spec: str, name: str) -> int:
        proposed = update(spec, name, options)
        _tell(proposed, name, None)
        if proposed.current:
            say("  nothing is to be written")
            return 0
        say(f"  written    {write(proposed).path}")
        return 0

    def default(spec: str) -> tuple[str, ...]:
        from bpcompare.registry import Ready, statuses

        return tuple(status.name for status in statuses() if isinstance(status, Ready))

    return _each(specs, backend, default, one)


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


def _each(
    specs: tuple[str, ...], given: list[str] | None, default: Callable[[str], Sequence[str]], one: Callable[[str, str], int]
) -> int:
    from bpcompare.address import UnknownBackendError, separated
    from bpcompare.cli.present import present
    from bpcompare.comparison import NOTHING_COMPARED, PRECEDENCE
    from bpcompare.golden import GoldenError
    from bpcompare.network import SpecError
    from bpcompare.spec import read

    try:
        present(separated(given or ()))
    except UnknownBackendError as error:
        complain(str(error))
        return USAGE
    codes = []
    for spec in specs:
        try:
            read(spec)
        except SpecError as error:
            complain(str(error))
            codes.append(USAGE)
            continue
        names = default(spec) if given is None else separated(given)
        if not names:
            complain(f"{spec} has no goldens; `bpcompare golden update {quote(spec)}` makes them")
            codes.append(NOTHING_COMPARED)
        for name in names:
            try:
                codes.append(one(spec, name))
            except (SpecError, UnknownBackendError) as error:
                complain(str(error))
                codes.append(USAGE)
            except GoldenError as error:
                complain(str(error))
                codes.append(error.exit_code)
    return next(code for code in PRECEDENCE if code in codes)


def _tell(checked: Checked, name: str, command: str | None) -> None:
    from bpcompare.report.change import change_text

    if checked.change is None:
        golden = checked.golden
        say(f"new  {golden.spec}  {name}  {golden.made_by}  {golden.verdict}")
    else:
        change = checked.change
        say(lambda: change_text(change, name, command))
