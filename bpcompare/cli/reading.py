"""A spec as the command line reads it: what it leaves open is told, once, on standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpcompare.cli.terminal import Progress, complain

if TYPE_CHECKING:
    from bpcompare.network import Network


def loaded(spec: str, progress: Progress | None = None) -> Network:
    """The network of `spec`. Raises SpecError."""
    from bpcompare.network import SpecError
    from bpcompare.plan.storage import is_saved
    from bpcompare.spec import read

    if is_saved(spec):
        raise SpecError(f"{spec} is a saved run, not a spec: `bpcompare report`, `repro` and `diff` read those")

    def told(hint: str) -> None:
        if progress is not None:
            progress.done()
        complain(f"hint  {hint}")

    return read(spec, told)
