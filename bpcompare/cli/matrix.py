"""`bpcompare matrix`: one spec, many versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bpcompare.cli.codes import USAGE
from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.options import Dtype, Seed, Specs, Steps
from bpcompare.cli.terminal import Progress, complain, refused, say

if TYPE_CHECKING:
    from bpcompare.verdict.comparison import Comparison


def matrix(
    *specs: Specs,
    backend: Annotated[
        list[str] | None,
        Parameter(name=["--backend", "-b"], negative="", help="Versions, in order: jax@0.4.35,0.6.2,0.10.2. Repeat for others."),
    ] = None,
    dtype: Dtype = None,
    steps: Steps = None,
    seed: Seed = None,
    timeout: Annotated[float | None, Parameter(help="Seconds a backend may take.")] = None,
) -> int:
    """Run specs on several versions, all on the same numbers: a table of verdicts, and the first version where something moved.

    Each version is certified on its own. The exit code is that of the worst spec, as for `run`.
    """
    from bpcompare.engine.address import UnknownBackendError, separated

    names = separated(backend or ())
    if not specs or not names:
        complain("matrix needs at least one SPEC and the versions: bpcompare matrix SPEC -b jax@0.4.35,0.10.2")
        return USAGE
    if (steps is not None and steps < 1) or (seed is not None and seed < 0) or (timeout is not None and not timeout > 0):
        complain("--steps and --timeout must be positive, --seed must not be negative")
        return USAGE
    keep_freed_memory()
    import bpcompare
    from bpcompare.cli.present import present
    from bpcompare.cli.reading import loaded
    from bpcompare.network import SpecError
    from bpcompare.report.matrix import matrix_text
    from bpcompare.verdict.comparison import PRECEDENCE

    try:
        present(names)
    except UnknownBackendError as error:
        return refused(error)
    found: list[Comparison] = []
    codes = []
    progress = Progress(quiet=False)
    for spec in specs:
        try:
            network = loaded(spec, progress)
            present(names, network)
            found.append(bpcompare.run(network, names, dtype, steps, seed=seed, isolate=True, timeout=timeout, progress=progress))
            codes.append(found[-1].exit_code)
        except (SpecError, UnknownBackendError) as error:
            progress.done()
            codes.append(refused(error))
    progress.done()
    if found:
        say(lambda: matrix_text(found))
    return next(code for code in PRECEDENCE if code in codes)
