"""`bpcompare run`: specs in, verdicts out."""

from __future__ import annotations

from functools import partial
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from bpcompare.cli.apart import Apart
from bpcompare.cli.codes import USAGE
from bpcompare.cli.kept import kept, lines_kept
from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.options import Dtype, Seed, Specs, Steps, out_of_range, switch, unlimited
from bpcompare.cli.terminal import Progress, complain, say, say_exactly

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from bpcompare.verdict.comparison import Comparison


def run(
    *specs: Specs,
    backend: Annotated[
        list[str] | None,
        Parameter(
            name=["--backend", "-b"],
            negative="",
            help="A backend to run: a name that `bpcompare backends` lists, path/to/file.py:Class, or delta!CODE (delta with a "
            "mistake planted). jax@0.4.35 is that version of the framework, in an environment made for it; torch@/path/to/python "
            "runs by that Python. Repeat it, or separate names by commas. By default every installed backend runs.",
        ),
    ] = None,
    dtype: Dtype = None,
    steps: Steps = None,
    exact: Annotated[bool, switch("Draw numbers that cannot round, and demand identical bits.")] = False,
    oracle: Annotated[Literal["auto", "off"], Parameter(help="Whether the forward pass alone may settle who is wrong.")] = "auto",
    seed: Seed = None,
    certificate: Annotated[
        Literal["probes", "full"],
        Parameter(help="Whether large products are tried along random vectors first, or every number is judged by itself."),
    ] = "probes",
    isolate: Annotated[
        bool,
        Parameter(
            negative="",
            help="Give every backend a process of its own: a crash is then that backend's alone, and nothing it changes reaches "
            "the judge. Without it, what happens by accident is put back; code that you do not trust needs it.",
        ),
    ] = False,
    timeout: Annotated[
        float | None, Parameter(help="Seconds a backend may take, in a process of its own; 600 where nothing is said.")
    ] = None,
    memory: Annotated[
        str | None, Parameter(help="Memory a backend may take, in a process of its own: 4G, 500M; by default what is free.")
    ] = None,
    json: Annotated[
        str | None,
        Parameter(
            negative="",
            allow_leading_hyphen=True,
            help="Write one line of JSON a spec to this file; - for standard output, without text.",
        ),
    ] = None,
    format: Annotated[  # noqa: A002 — the option's name
        Literal["text", "concise", "github", "junit", "json"],
        Parameter(help="What to print: text for people, a line a problem, GitHub annotations, JUnit XML, or JSON lines."),
    ] = "text",
    save: Annotated[
        str | None, Parameter(negative="", help="Save the plan and every answer here, as run.bpz (one SPEC only).")
    ] = None,
    quiet: Annotated[bool, switch("Print the verdict only.", "--quiet", "-q")] = False,
    verbose: Annotated[bool, switch("Print every finding, and tracebacks of failures.", "--verbose", "-v")] = False,
) -> int:
    """Run network specs on every backend and judge the answers.

    The exit code is that of the worst spec, by the precedence 2, 3, 1, 4, 5, 0.
    """
    apart = Apart(isolate, timeout, memory)
    if problem := _misused(specs, steps, seed, json, save, quiet=quiet, verbose=verbose) or apart.problem:
        complain(f"{problem}\nTry: bpcompare run --help")
        return USAGE
    from bpcompare.verdict.comparison import PRECEDENCE

    keep_freed_memory()

    from bpcompare.engine.address import separated

    names = None if backend is None else separated(backend)
    flags = _flags(backend, dtype, steps, oracle, seed, certificate, exact=exact) + apart.flags
    format = "json" if json == "-" else format  # noqa: A001
    codes, lines, told = [], [], set[str]()
    suites: list[Element] = []
    progress = Progress(quiet=quiet)
    for at, spec in enumerate(specs):
        try:
            options = {"dtype": dtype, "steps": steps, "exact": exact, "oracle": oracle, "seed": seed, "certificate": certificate}
            options |= apart.options
            found = _compared(spec, names, progress, **options)
        finally:
            progress.done()
        if format == "junit":
            from bpcompare.report.junit import suite

            suites.append(suite(spec, str(found) if isinstance(found, Exception) else found))
        codes.append(USAGE if isinstance(found, Exception) else found.exit_code)
        lines.append(_refusal(spec, dtype, str(found)) if isinstance(found, Exception) else found.to_json())
        if isinstance(found, Exception) and str(found) not in told:  # one wrong option is wrong for every spec
            complain(found)
            told.add(str(found))
        if format == "json":
            say_exactly(lines[-1])
        elif not isinstance(found, Exception):
            command = f"bpcompare run {quote(spec)}{flags}"
            _tell(found, spec, format, command, quiet=quiet, verbose=verbose, first=at == 0)
        if save is not None and not isinstance(found, Exception) and not kept("--save", save, partial(found.save, save)):
            codes.append(USAGE)
        del found  # the next one needs the memory
    if format == "junit":
        from bpcompare.report.junit import document

        say_exactly(document(suites))
    if json not in (None, "-") and not lines_kept(json, lines):
        codes.append(USAGE)
    return next(code for code in PRECEDENCE if code in codes)


def _tell(comparison: Comparison, spec: str, form: str, command: str, *, quiet: bool, verbose: bool, first: bool) -> None:
    if form == "text":
        _report(comparison, command, quiet=quiet, verbose=verbose, first=first)
    elif form in ("concise", "github"):
        from bpcompare.report.concise import concise, github
        from bpcompare.spec.lines import line_of

        for line in (concise if form == "concise" else github)(comparison, spec, lambda layer: line_of(spec, layer)):
            say(line, fold=False)


def _misused(
    specs: tuple[str, ...], steps: int | None, seed: int | None, json: str | None, save: str | None, *, quiet: bool, verbose: bool
) -> str:
    """What is wrong with the options themselves, before anything runs."""
    if not specs:
        return "run needs at least one SPEC: a TOML or JSON file that describes a network"
    if problem := out_of_range(steps, seed) or unlimited(None):
        return problem
    if quiet and verbose:
        return "-q and -v say opposite things; give one of them"
    if save is not None and len(specs) > 1:
        return f"--save takes one SPEC, {len(specs)} were given"
    from bpcompare.files.writing import unwritable

    for option, path in (("--json", None if json == "-" else json), ("--save", save)):
        if path is not None and (problem := unwritable(path)):
            return f"{option}: {problem}"
    return ""


def _compared(spec: str, backends: list[str] | None, progress: Progress, **options: Any) -> Comparison | Exception:
    """The comparison of one spec, or why there is none."""
    progress(f"{spec}: reading")
    import bpcompare
    from bpcompare.cli.present import present
    from bpcompare.cli.reading import loaded
    from bpcompare.engine.address import UnknownBackendError
    from bpcompare.network import SpecError

    def shown(message: str) -> None:
        progress(f"{spec}: {message}")

    try:
        network = loaded(spec, progress)
        present(backends, network)
        return bpcompare.run(network, backends, progress=shown, **options)
    except (SpecError, UnknownBackendError) as error:
        return error


def _refusal(spec: str, dtype: str | None, error: str) -> str:
    """The line of JSON for a spec that could not be run: the same keys, and `error`."""
    from json import dumps

    content: dict[str, Any] = {
        "spec": spec, "dtype": dtype, "verdict": "not_run", "exit_code": USAGE, "power": None, "first": None, "backends": {},
        "probed": None, "blind_spots": None, "exact": None, "pairs": [], "certificate_seconds": 0.0, "error": error,
    }  # fmt: skip
    return dumps(content, ensure_ascii=False)


def _report(comparison: Comparison, command: str, *, quiet: bool, verbose: bool, first: bool) -> None:
    from bpcompare.report import text, verdict_line

    if quiet:
        say(lambda: verdict_line(comparison))
        return
    if not first:
        say("")
    say(lambda: text(comparison, command=command, verbose=verbose))


def _flags(
    backend: list[str] | None,
    dtype: str | None,
    steps: int | None,
    oracle: str,
    seed: int | None,
    certificate: str,
    *,
    exact: bool,
) -> str:
    """The options that decide the result, as they were given."""
    words = [word for name in backend or () for word in ("-b", quote(name))]
    for option, value in (("--dtype", dtype), ("--steps", steps), ("--seed", seed)):
        words += [] if value is None else [option, str(value)]
    words += ["--exact"] if exact else []
    words += ["--oracle", "off"] if oracle == "off" else []
    words += ["--certificate", "full"] if certificate == "full" else []
    return "".join(f" {word}" for word in words)
