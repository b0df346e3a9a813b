"""`bpcompare show`: every Δ, and why it is what it is."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from bpcompare.cli.codes import USAGE
from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.options import Backends, Dtype, Seed, Spec, switch
from bpcompare.cli.terminal import Progress, complain, laid_out, refused, say, write


def show(
    spec: Spec,
    node: Annotated[
        str | None,
        Parameter(name="NODE", help="Layer, unit, input, weight or path: h, h1, x1, w[x1,h1], E, h.delta, step2/h1.delta."),
    ] = None,
    /,
    *,
    step: Annotated[int | None, Parameter(help="Which step, from 1; by default the one that NODE says, or the first.")] = None,
    interactive: Annotated[bool, switch("One at a time, by the arrow keys.", "--interactive", "-i")] = False,
    backend: Backends = None,
    dtype: Dtype = None,
    seed: Seed = None,
) -> int:
    """Show a run, forward, backward and update: the formula, the formula with numbers, and every backend's value.

    The exit code is that of `run`: a wrong backend is shown, and still wrong.
    """
    keep_freed_memory()
    import bpcompare
    from bpcompare.cli import stepper
    from bpcompare.cli.present import present
    from bpcompare.cli.reading import loaded
    from bpcompare.engine.address import UnknownBackendError, separated
    from bpcompare.network import SpecError
    from bpcompare.report import verdict_line
    from bpcompare.report.steps import NothingToShowError, asked_for, frames, steps_text
    from bpcompare.verdict.comparison import NOTHING_COMPARED

    if interactive and not stepper.interactive():
        complain("--interactive needs a terminal to be stepped through; without it, all steps are printed one after the other")
        return USAGE

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
        return refused(error)
    progress.done()
    if interactive:
        stepper.step_through([frame for _, frame in each], [phase for phase, _ in each], write)
        say(lambda: verdict_line(comparison))
    else:
        say(lambda: f"{text}\n\n{verdict_line(comparison)}")
    return 0 if comparison.exit_code == NOTHING_COMPARED else comparison.exit_code
