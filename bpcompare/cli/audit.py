"""`bpcompare audit`: what a spec and its data cannot show."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.terminal import Progress, complain, say


def audit(
    spec: Annotated[str, Parameter(name="SPEC", help="A TOML or JSON file that describes a network.")],
    /,
    *,
    dtype: Annotated[Literal["float64", "float32"] | None, Parameter(help="Precision; by default the spec's.")] = None,
    steps: Annotated[int | None, Parameter(help="Update steps; by default the spec's.")] = None,
    seed: Annotated[int | None, Parameter(help="Seed of everything drawn; by default the spec's.")] = None,
    verbose: Annotated[bool, Parameter(name=["--verbose", "-v"], negative="", help="List everything.")] = False,
) -> int:
    """Say what this spec and its data cannot show: blind spots and what would open them, dead and saturated units, sharpness.

    Exit code 0, or 2 for a bad spec.
    """
    keep_freed_memory()
    from bpcompare.audit import audit as audited
    from bpcompare.audit.text import audit_text
    from bpcompare.cli.reading import loaded
    from bpcompare.network import SpecError

    progress = Progress(quiet=False)
    try:
        found = audited(loaded(spec, progress), dtype, steps, seed, progress)
    except SpecError as error:
        complain(error)
        return 2
    finally:
        progress.done()
    say(lambda: audit_text(found, verbose=verbose))
    return 0
