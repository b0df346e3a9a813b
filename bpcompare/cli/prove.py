"""`bpcompare prove`: the proof on symbols."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from bpcompare.cli.codes import NOT_RUN, USAGE
from bpcompare.cli.options import switch
from bpcompare.cli.terminal import Progress, complain, refused, say


def prove(
    spec: Annotated[str, Parameter(name="SPEC", help="A small network: a spec, or an example's name.")],
    /,
    *,
    mistake: Annotated[
        str | None, Parameter(help="Plant a mistake of the catalogue, such as BP204, and see which statement breaks.")
    ] = None,
    budget: Annotated[float, Parameter(help="Seconds that it may take; what is not reached by then is open.")] = 300.0,
    verbose: Annotated[bool, switch("Print every row.", "--verbose", "-v")] = False,
) -> int:
    """Prove the four statements of backpropagation for a small network, for all weights and all data.

    The Δ laws are compared with the derivatives of the forward laws, on symbols. Needs SymPy: pip install sympy.
    Exit codes: 0 proved, 1 a statement is false, 2 bad input or no network for this, 3 SymPy is missing, 4 not shown,
    or not reached within the budget.
    """
    from bpcompare.cli.reading import loaded
    from bpcompare.network import SpecError
    from bpcompare.teach.symbolic import MissingSympyError, TooLargeError, proof_text
    from bpcompare.teach.symbolic import prove as shown

    if not budget > 0:
        complain(f"--budget must be a positive number of seconds, is {budget:g}")
        return USAGE
    progress = Progress(quiet=False)
    try:
        it = shown(loaded(spec, progress), mistake=mistake.upper() if mistake else None, progress=progress, seconds=budget)
    except (SpecError, TooLargeError) as error:
        progress.done()
        return refused(error)
    except MissingSympyError as error:
        progress.done()
        return refused(error, NOT_RUN)
    progress.done()
    say(lambda: proof_text(it, verbose=verbose))
    return {"shown": 0, "false": 1, "open": 4}[it.outcome]
