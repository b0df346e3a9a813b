"""`bpcompare report`: a run as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from bpcompare.cli.codes import USAGE, reason
from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.options import Backends, Dtype, Seed, out_of_range, switch
from bpcompare.cli.terminal import Progress, complain, refused, say

if TYPE_CHECKING:
    from bpcompare.backend import Backend
    from bpcompare.verdict.comparison import Comparison


def report(
    spec: Annotated[str, Parameter(name="SPEC", help="A spec, an example's name, or a run saved by `bpcompare run --save`.")],
    /,
    *,
    output: Annotated[str, Parameter(name=["--output", "-o"], help="The file to write.")] = "report.html",
    step: Annotated[int | None, Parameter(help="Which step, from 1; by default the first that is wrong, or the first.")] = None,
    node: Annotated[
        list[str] | None,
        Parameter(negative="", help="Show every formula of this layer, unit, parameter or path as well. Repeat it."),
    ] = None,
    static: Annotated[bool, switch("No script at all, for places that forbid them.")] = False,
    notation: Annotated[
        Literal["article", "nielsen", "bishop", "code"], Parameter(help="The notation the page opens with.")
    ] = "article",
    backend: Backends = None,
    dtype: Dtype = None,
    steps: Annotated[int | None, Parameter(help="Steps to run; by default the spec's.")] = None,
    seed: Seed = None,
    trust: Annotated[bool, switch("Import the backends that a saved run names, to show the lines of their code.")] = False,
) -> int:
    """Write a run as one HTML page: the verdict, the network, every step with its formula, the proof. It needs no network.

    The exit code is that of `run`. A saved run is judged anew, and nothing that it names is imported without --trust.
    """
    keep_freed_memory()
    from bpcompare.engine.address import UnknownBackendError
    from bpcompare.files.writing import unwritable, write
    from bpcompare.network import SpecError
    from bpcompare.page import Wishes, page
    from bpcompare.plan.storage import StorageError, is_saved
    from bpcompare.report import verdict_line
    from bpcompare.report.steps import NothingToShowError
    from bpcompare.session.archive import load_comparison

    if static and notation != "article":
        complain("--static shows the textbook's notation; the others need the script. Leave out one of the two.")
        return USAGE
    if problem := unwritable(output) or out_of_range(steps):
        complain(f"{problem}\nTry: bpcompare report --help")
        return USAGE
    progress = Progress(quiet=False)
    try:
        saved = is_saved(spec)
        if saved:
            comparison, command = load_comparison(spec), f"bpcompare repro {quote(spec)}"
        else:
            comparison, command = _compared(spec, backend, dtype, steps, seed, (step, node or ()), progress)
        progress("writing")
        code = classes(comparison) if trust or not saved else {}
        wishes = Wishes(step, tuple(node or ()), static, notation, command, code)
        text = page(comparison, wishes)
    except (SpecError, UnknownBackendError, NothingToShowError, StorageError) as error:
        progress.done()
        return refused(error)
    try:
        write(output, text.encode("utf-8", "replace"))
    except OSError as error:
        progress.done()
        complain(f"{output} was not written: {reason(error)}")
        return USAGE
    progress.done()
    say(lambda: f"{verdict_line(comparison)}\n{output}: {len(text) / 1000:,.0f} kB")
    if saved and not trust:
        complain("without lines of code: a saved run names who made its numbers, and --trust imports them to show how")
    return comparison.exit_code


def _compared(
    spec: str,
    backend: list[str] | None,
    dtype: str | None,
    steps: int | None,
    seed: int | None,
    asked: tuple[int | None, Sequence[str]],
    progress: Progress,
) -> tuple[Comparison, str]:
    """The comparison, and the command that makes it again. What is `asked` for (step, nodes) must be there before it is run."""
    import bpcompare
    from bpcompare.cli.present import present
    from bpcompare.cli.reading import loaded
    from bpcompare.engine.address import separated
    from bpcompare.report.lines import counted
    from bpcompare.report.steps import NothingToShowError, asked_for

    names = None if backend is None else separated(backend)
    network = loaded(spec, progress)
    present(names, network)
    _, said = asked_for(network, asked[1], asked[0])
    runs = network.training.steps if steps is None else steps
    if said is not None and said > runs:
        raise NothingToShowError(f"there is no step {said}: the run has {counted(runs, 'step')}; --steps {said} runs so many")
    comparison = bpcompare.run(network, names, dtype, steps, seed=seed, progress=progress)  # type: ignore[arg-type]
    words = ["bpcompare", "run", quote(spec), *(word for name in backend or () for word in ("-b", quote(name)))]
    for option, value in (("--dtype", dtype), ("--steps", steps), ("--seed", seed)):
        words += [] if value is None else [option, str(value)]
    return comparison, " ".join(words)


def classes(comparison: Comparison) -> dict[str, type[Backend]]:
    """The classes of backends that can be had here: for their source lines. One of another Python has none."""
    from bpcompare.engine.address import UnknownBackendError, locate
    from bpcompare.engine.registry import Ready, arrive

    found = {}
    for name, record in comparison.records.items():
        try:
            address = locate(record.provenance.address or name)
            # A planted mistake has no lines of its own.
            if address.foreign or "!" in name:
                continue
            loaded = arrive(address)
        except (UnknownBackendError, OSError):
            continue
        if isinstance(loaded, Ready):
            found[name] = loaded.backend
    return found
