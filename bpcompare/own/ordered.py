"""A check that is asked for by FILE.py:NAME: seeds, their function, and whose error it is where one is raised."""

from __future__ import annotations

from collections.abc import Sequence

from bpcompare.own.check import Checked, check
from bpcompare.own.factory import FactoryError, FailedError, made
from bpcompare.own.failing import failing, raised_by_us
from bpcompare.own.recorders import is_loss, seeded


def ordered(
    address: str,
    seed: int = 0,
    *,
    as_is: bool = False,
    intended: Sequence[str] = (),
    sample: str | None = None,
    wake: bool = True,
) -> Checked:
    """The verdict about what FILE.py:NAME makes, with the generators' seed; `intended` besides what the factory itself says.

    `as_is`: without the copy in float64; `sample` and `wake` as for `check`. Raises FactoryError, and FailedError for an error of
    their code.
    """
    seeded(seed)
    with made(address) as parts:
        try:
            meant = [*parts.pop("intended", ()), *intended]
            model, inputs = parts.pop("model"), parts.pop("inputs")
            given = inputs if is_loss(model) and isinstance(inputs, tuple) else (inputs,)
            return check(model, *given, **parts, as_is=as_is, intended=meant, sample=sample, wake=wake)
        except (Exception, SystemExit) as error:
            if raised_by_us(error):
                raise FactoryError(f"{address}: {error}") from error
            raise FailedError(f"{address} failed: {failing(error)}") from error
