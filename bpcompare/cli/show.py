"""`bpcompare show`: every Δ, and why it is what it is."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.terminal import Progress, complain, laid_out, say, write


def show(
    spec: Annotated[str, Parameter(name="SPEC", help="A TOML or JSON file that describes a network.")],
    node: Annotated[
        str | None,
        Parameter(name="NODE", help="Layer, unit, input, weight or path: h, h1, x1, w[x1,h1], E, h.delta, step2/h1.delta."),
    ] = None,
    /,
    *,
    step: Annotated[int | None, Parameter(help="Which step, from 1; by default the one that NODE says, or the first.")] = None,
    interactive: Annotated[
        bool, Parameter(name=["--interactive", "-i"], negative="", help="One at a time, by the arrow keys.")
    ] = False,
    backend: Annotated[
        list[str] | None,
        Parameter(name=["--backend", "-b"], negative="", help="A backend, as for `bpcompare run`. Repeat it, or use commas."),
    ] = None,
    dtype: Annotated[Literal["float64", "float32"] | None, Parameter(help="Precision; by default the spec's.")] = None,
    seed: Annotated[int | None, Parameter(help="Seed of everything drawn; by default the spec's.")] = None,
) -> int:
    """Show a run, forward, backward and update: the formula, the formula with numbers, and every backend's value.

    The exit code is that of `run`: a wrong backend is shown, and still wrong.
    """
    keep_freed_memory()
    import bpcompare
    from bpcompare.address import UnknownBackendError, separated
    from bpcompare.cli import stepper
    from bpcompare.cli.present import present
    from bpcompare.cli.reading import loaded
    from bpcompare.comparison import NOTHING_COMPARED
    from bpcompare.network import SpecError
    from bpcompare.report import verdict_line
    from bpcompare.report.steps import NothingToShowError, asked_for, frames, steps_text

    if interactive and not stepper.interactive():
        complain("--interactive needs a terminal to be stepped through; without it, all steps are printed one after the other")
        return 2

    progress = Progress(quiet=False)
    names = None if backend is None else separated(backend)
    try:
        network = loaded(spec, progress)
        present(names, network)
        _, step = asked_for(network, () if node is None else (node,), step)
        steps = max(step or 1, network.training.steps)
        comparison = bpcompare.run(network, names, dtype, steps, seed=seed, progress=progress)
        with laid_out():
            text = "" if interactive else steps_text(comparison, node, step)
            each = frames(comparison, node, step) if interactive else []
    except (SpecError, UnknownBackendError, NothingToShowError) as error:
        progress.done()
        complain(error)
        return 2
    progress.done()
    if interactive:
        stepper.step_through([frame for _, frame in each], [phase for phase, _ in each], write)
        say(lambda: verdict_line(comparison))
    else:
        say(lambda: f"{text}\n\n{verdict_line(comparison)}")
    return 0 if comparison.exit_code == NOTHING_COMPARED else comparison.exit_code
