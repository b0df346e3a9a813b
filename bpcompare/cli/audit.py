"""`bpcompare audit`: what a spec and its data cannot show."""

from __future__ import annotations

from typing import Annotated

from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.options import Dtype, Seed, Spec, Steps, switch
from bpcompare.cli.terminal import Progress, refused, say


def audit(
    spec: Spec,
    /,
    *,
    dtype: Dtype = None,
    steps: Steps = None,
    seed: Seed = None,
    verbose: Annotated[bool, switch("List everything.", "--verbose", "-v")] = False,
) -> int:
    """Say what this spec and its data cannot show: blind spots and what would open them, dead and saturated units, sharpness.

    Exit code 0, or 2 for a bad spec.
    """
    keep_freed_memory()
    from bpcompare.cli.reading import loaded
    from bpcompare.network import SpecError
    from bpcompare.tools.audit import audit as audited
    from bpcompare.tools.audit.text import audit_text

    progress = Progress(quiet=False)
    try:
        found = audited(loaded(spec, progress), dtype, steps, seed, progress)
    except SpecError as error:
        return refused(error)
    finally:
        progress.done()
    say(lambda: audit_text(found, verbose=verbose))
    return 0
