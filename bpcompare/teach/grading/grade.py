"""A submission's grade: every step asked on the spec's numbers and on others, and judged here."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bpcompare.files.reading import Unreadable, contents
from bpcompare.network import Data, Network
from bpcompare.network.parameter import Initializer
from bpcompare.plan.draw import plan as draw
from bpcompare.teach.grading.confinement import Confine, Confinement
from bpcompare.teach.grading.submission import GraderFailure, Limits, ask, confined
from bpcompare.teach.learn.marking import Mark, mark
from bpcompare.teach.learn.questions import Asked, Sheet, unfit
from bpcompare.teach.learn.views import STEPS
from bpcompare.text.words import inert

LARGEST_SUBMISSION = 2**20
"""Bytes of a submission."""
HIDDEN_EXAMPLES = 3
DRAWS = 20
"""Times that hidden numbers are drawn, until no quantity that is asked is 0 everywhere: of that, wrong formulas are right."""


class GradingError(ValueError):
    """A submission that cannot be read, or a spec that is no exercise."""


@dataclass(frozen=True)
class Part:
    """One step on one set of numbers: "public", the spec's, or "hidden", others of the same network."""

    step: str
    kind: str
    mark: Mark
    points: float

    @property
    def score(self) -> float:
        """All of its points, or none."""
        return self.points if self.mark.passed else 0.0


@dataclass(frozen=True)
class Grade:
    """All parts that were asked, and what the submission printed: its text is shown, but never read as a result.

    `seed` draws the hidden numbers again (None: there were none); `drawn` says that nobody chose it. `confined` says what the
    submission ran in. A `failure` is the grader's: then there is no score, and nothing is said about the submission.
    """

    spec: str
    file: str
    parts: tuple[Part, ...]
    reveal: bool = False
    printed: str = ""
    most: float = 0.0
    seed: int | None = None
    drawn: bool = False
    confined: str = ""
    failure: str = ""

    @property
    def score(self) -> float | None:
        """Points reached; None where the grader failed."""
        return None if self.failure else sum(part.score for part in self.parts)


def grade(
    network: Network,
    file: str,
    points: Mapping[str, float] | None = None,
    *,
    hidden: bool = True,
    limits: Limits = Limits(),  # noqa: B008 — frozen
    reveal: bool = False,
    seed: int | None = None,
    confine: Confine = "auto",
    progress: Callable[[str], None] = lambda _: None,
) -> Grade:
    """Grade the file: `points` for each step that counts, all four with one point each by default.

    Half of a step's points are for the spec's numbers and half for `hidden` ones, drawn from `seed`, or at random. The submission
    runs as `confine` says. Where the grader fails, the grade has a `failure` and no score. Raises SpecError and GradingError.
    """
    wanted = dict.fromkeys(STEPS, 1.0) if points is None else {step: points[step] for step in STEPS if step in points}
    if points is None and not any(name != network.error.of for name in network.layers):
        del wanted["delta_hidden"]
    if problems := unfit(network, list(wanted), vectorized=False):
        raise GradingError("\n".join([f"{network.name} is no network for this exercise:", *(f"  {one}" for one in problems)]))
    source = _source(file)
    drawn = secrets.randbits(32) if seed is None else seed
    empty = Grade(inert(network.name), inert(Path(file).name), (), reveal, most=sum(wanted.values()))
    if hidden:
        empty = replace(empty, seed=drawn, drawn=seed is None)
    try:
        sheets = [Sheet(draw(network, "float64", 1)), *([_hidden(network, drawn, list(wanted))] if hidden else [])]
        progress("trying the sandbox")
        confinement = confined(confine, limits)
        empty = replace(empty, confined=confinement.words)
        parts, printed = _parts(network, source, wanted, sheets, limits, confinement, progress)
    except GraderFailure as failure:
        return replace(empty, failure=str(failure))
    except MemoryError:
        return replace(empty, failure="this machine has too little memory to judge the answers")
    return replace(empty, parts=parts, printed=printed)


def _parts(
    network: Network,
    source: bytes,
    wanted: Mapping[str, float],
    sheets: Sequence[Sheet],
    limits: Limits,
    confinement: Confinement,
    progress: Callable[[str], None],
) -> tuple[tuple[Part, ...], str]:
    """Every step on every sheet, and what was printed. Raises GraderFailure."""
    kinds = ("public", "hidden")[: len(sheets)]
    may_be_arrays = not unfit(network, list(wanted), vectorized=True)
    parts: list[Part] = []
    printed: list[str] = []
    # In this order no step's questions hold the answers of a step that is asked later.
    for step, most in wanted.items():
        progress(f"asking for {step}")
        node = [sheet.asked(step, vectorized=False) for sheet in sheets]
        arrays: list[list[Asked]] = (
            [sheet.asked(step, vectorized=True) for sheet in sheets] if may_be_arrays else [[]] * len(sheets)
        )
        said = ask(source, step, node, arrays, limits, confinement)
        printed.append(said.printed)
        found: list[Mark] = []
        for at in range(len(kinds)):
            problem = said.problems[at]
            if said.vectorized and not may_be_arrays:
                problem = "vectorized answers cannot be asked of this network: its layers are not all dense"
            asked = arrays[at] if said.vectorized else node[at]
            found.append(mark(sheets[at], step, asked, said.numbers[at], problem))
        parts += [Part(step, kind, one, most / len(kinds)) for kind, one in zip(kinds, _agreed(found), strict=True)]
    return tuple(parts), "\n".join(dict.fromkeys(filter(None, printed)))


def _agreed(marks: Sequence[Mark]) -> list[Mark]:
    """The same marks, with those mistakes first that explain all of them: other numbers tell apart what the spec's cannot."""
    wrong = [one for one in marks if one.causes]
    both = [cause for cause in (wrong[0].causes if wrong else ()) if all(cause in one.causes for one in wrong)]
    return [replace(one, causes=tuple(both)) if one.causes and both else one for one in marks]


def _source(file: str) -> bytes:
    try:
        return contents(Path(file), LARGEST_SUBMISSION, "a submission")
    except Unreadable as error:
        raise GradingError(f"{file}: {error}") from None


def _hidden(network: Network, seed: int, steps: Sequence[str]) -> Sheet:
    """Other numbers for the same network, of which no quantity that is asked is 0 everywhere, if some can be drawn."""
    first = None
    for attempt in range(DRAWS):
        sheet = Sheet(draw(_other(network, seed, attempt), "float64", 1))
        if all(np.any(sheet(one.claim.path)) for step in steps for one in sheet.asked(step, vectorized=False)):
            return sheet
        first = first or sheet
    assert first is not None  # noqa: S101 — it was drawn
    return first


def _other(network: Network, seed: int, attempt: int) -> Network:
    """The same network with other weights, other data and another η: answers that were copied, not computed, fail here."""
    random = np.random.default_rng([seed, attempt])
    parameters = {name: replace(one, init=Initializer("normal", 0.6)) for name, one in network.parameters.items()}
    inputs = {}
    for name, x in network.data.inputs.items():
        shape = (HIDDEN_EXAMPLES, *x.shape[1:])
        inputs[name] = random.choice(x.ravel(), shape) if x.dtype.kind != "f" else random.standard_normal(shape)
    shape = (HIDDEN_EXAMPLES, *network.data.target.shape[1:])
    if network.error.op.target_kind == "zeros and ones":
        target = random.integers(0, 2, shape).astype(np.float64)
    elif network.error.op.target_kind == "numbers":
        target = random.uniform(0.05, 0.95, shape)
    else:  # classes, or rows of probabilities: what they may be, the spec's own say
        target = network.data.target[random.integers(0, len(network.data.target), HIDDEN_EXAMPLES)]
    update = replace(network.update, eta=0.7 * getattr(network.update, "eta", 1.0))  # type: ignore[call-arg]
    training = replace(network.training, seed=int(random.integers(2**32)), batch=None, first=0, steps=1)
    return replace(
        network,
        parameters=parameters,
        data=Data(inputs, target),
        update=update,
        training=training,
        name=f"{network.name} (hidden)",
    )
