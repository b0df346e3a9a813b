"""The verdict: what every backend's certificate says, who is wrong, and how far apart the backends are."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

from bpcompare.numbers.dyadic import InexactError
from bpcompare.plan import Plan
from bpcompare.plan.record import Record
from bpcompare.proof.exact import Sight, sight
from bpcompare.proof.finding import Certificate, Finding
from bpcompare.proof.findings import Findings
from bpcompare.text.shown import Paged
from bpcompare.verdict.blame import Blame
from bpcompare.verdict.distance import Pair, same

Verdict = Literal["identical", "certified", "convention", "undecided", "wrong", "not_run"]

EXIT: Mapping[str, int] = {"identical": 0, "certified": 0, "wrong": 1, "convention": 1, "not_run": 3, "undecided": 4}
GOOD = ("identical", "certified")
"""Verdicts that are a success."""
NOTHING_COMPARED = 5
BAD_SPEC = 2
PRECEDENCE = (2, 3, 1, 4, 5, 0)
"""Which exit code stands when several apply, first one first."""


@dataclass(frozen=True)
class First:
    """The first place where the proof breaks, as the JSON has it."""

    path: str
    backend: str
    blame: str | None
    ground: str
    code: str | None
    relative: float


@dataclass(frozen=True)
class Judged:
    """One backend, judged: its verdict, its framework's version, the finding nearest its bound, and the run's wall seconds."""

    verdict: Verdict
    version: str
    worst: Finding | None
    seconds: float


@dataclass(frozen=True)
class BlindSpots:
    """Codes of mistakes that the first `steps` steps of a run could not have shown; None: not searched, for the reason `why`.

    `untried` are codes of those for which the search had no time.
    """

    codes: tuple[str, ...] | None = None
    steps: int = 0
    why: str = ""
    untried: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Paged):
    """One plan, every backend's record and certificate, and what follows from them.

    `pairs` are information, not verdict. `blames` has one entry for each backend that is wrong. `search` looks for blind spots,
    which takes up to half a second: when somebody asks for them. `certificate_seconds` is the wall time of all judging.
    """

    bundle: ClassVar[str] = "comparison_bundle"

    spec: str
    plan: Plan
    records: Mapping[str, Record]
    certificates: Mapping[str, Certificate]
    blames: tuple[Blame, ...] = ()
    pairs: Sequence[Pair] = ()
    search: Callable[[], BlindSpots] = BlindSpots
    oracle: bool = True
    certificate_seconds: float = 0.0

    def __post_init__(self) -> None:
        # Whoever was asked is judged, and nobody else: a backend that is missing here would be missing from the verdict.
        if self.records.keys() != self.certificates.keys():
            odd = ", ".join(sorted(self.records.keys() ^ self.certificates.keys()))
            raise ValueError(f"every record must have a certificate, and every certificate a record: {odd}")

    def __str__(self) -> str:
        from bpcompare.report import text

        return text(self)

    def __repr__(self) -> str:
        names = ", ".join(list(self.certificates)[:4]) + (" …" if len(self.certificates) > 4 else "")
        return f"<Comparison {self.spec} {self.dtype}: {self.verdict} ({names})>"

    @cached_property
    def blind(self) -> BlindSpots:
        """What mistakes this run could not have shown, looked for when this is asked for first."""
        return self.search()

    @property
    def unseen(self) -> tuple[str, ...] | None:
        """Codes of mistakes that the first `searched` steps could not have shown; None: not searched, `unsearched` says why."""
        return self.blind.codes

    @property
    def searched(self) -> int:
        """The steps that were searched for blind spots, from the first."""
        return self.blind.steps

    @property
    def unsearched(self) -> str:
        """Why blind spots were not searched for."""
        return self.blind.why

    @property
    def untried(self) -> tuple[str, ...]:
        """Codes of mistakes for which the search had no time."""
        return self.blind.untried

    @property
    def dtype(self) -> str:
        """float64 or float32."""
        return self.plan.dtype

    @cached_property
    def backends(self) -> Mapping[str, Judged]:
        """Every backend that was asked, judged."""
        return {name: self._judged(name, certificate) for name, certificate in self.certificates.items()}

    def _judged(self, name: str, certificate: Certificate) -> Judged:
        verdict: Verdict = certificate.verdict
        if verdict == "certified" and len(self.ran) > 1 and same(self.pairs, name) and not self._blurred:
            verdict = "identical"
        provenance = certificate.provenance
        return Judged(verdict, provenance.version, certificate.worst, provenance.seconds)

    @property
    def ran(self) -> tuple[str, ...]:
        """Backends that answered."""
        return tuple(name for name, certificate in self.certificates.items() if certificate.failure is None)

    @cached_property
    def verdict(self) -> Verdict:
        """The worst that is true of any backend; not_run if one did not answer."""
        verdicts = {certificate.verdict for certificate in self.certificates.values()}
        for bad in ("not_run", "wrong", "convention", "undecided"):
            if bad in verdicts:
                return bad
        if not verdicts:
            return "not_run"
        alike = len(self.ran) > 1 and all(same(self.pairs, name) for name in self.ran)
        return "identical" if alike and not self._blurred else "certified"

    @cached_property
    def sight(self) -> Sight | None:
        """For an exact run: the bits its numbers need, and where a narrower format would not show."""
        try:
            return sight(self.plan) if self.plan.exact else None
        except InexactError:  # then no backend has a certificate
            return None

    @property
    def _blurred(self) -> bool:
        """Whether equal bits leave open in which format some step was computed: then they are not called identical."""
        return self.sight is not None and bool(self.sight.blurred)

    @cached_property
    def probed(self) -> tuple[int, int]:
        """How many claims were tried along random vectors, and how many numbers of them were not judged one by one."""
        every = (certificate.findings for certificate in self.certificates.values())
        judged = (findings.judged if isinstance(findings, Findings) else findings for findings in every)
        found = [finding.probed for findings in judged for finding in findings if finding.probed]
        return len(found), sum(found)

    @property
    def exit_code(self) -> int:
        """0 success, 1 wrong or convention, 3 a backend did not run, 4 undecided, 5 fewer than two backends."""
        codes = {EXIT[certificate.verdict] for certificate in self.certificates.values()}
        if len(self.ran) < 2:
            codes.add(NOTHING_COMPARED)
        return next(code for code in PRECEDENCE if code in codes)

    @cached_property
    def first(self) -> First | None:
        """The first claim, in the order of the proof, that some backend leaves; None where all hold."""
        if self.blames:
            blame = self.blames[0]
            return First(blame.path, blame.backend, blame.blame, blame.ground, blame.code, blame.relative)
        for name, certificate in self.certificates.items():
            for finding in certificate.notable:
                if finding.outcome == "convention":
                    return First(finding.path, name, None, finding.note, None, finding.relative)
        for name, certificate in self.certificates.items():
            for finding in certificate.plain:
                if finding.outcome == "refuted":
                    return First(finding.path, name, name, finding.note, None, finding.relative)
        return None

    @cached_property
    def power(self) -> tuple[float, str]:
        """The smallest relative mistake that would have shown everywhere, and where it is largest."""
        blindest = max(
            (certificate.blindest for certificate in self.certificates.values() if certificate.blindest is not None),
            key=lambda finding: finding.power,
            default=None,
        )
        return (blindest.power, blindest.path) if blindest else (float("inf"), "")

    @cached_property
    def zeros(self) -> Mapping[str, float]:
        """Paths that are 0 for some backend that ran, with the largest size of the terms that cancelled (0: by structure)."""
        found: dict[str, float] = {}
        for certificate in self.certificates.values():
            for finding in certificate.zeros:
                found[finding.path] = max(found.get(finding.path, 0.0), finding.terms)
        return found

    def assert_identical(self) -> None:
        """Raise AssertionError, with the text that the command line prints, unless the verdict is identical or certified."""
        if self.exit_code != 0:
            from bpcompare.report import text

            raise AssertionError(text(self))

    def to_json(self) -> str:
        """One line of JSON; numbers that are not finite become null."""
        return json.dumps(_finite(self.summary()), ensure_ascii=False, allow_nan=False)

    def summary(self) -> dict[str, Any]:
        """The content of the JSON line."""
        power, where = self.power
        return {
            "spec": self.spec,
            "dtype": self.dtype,
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "power": {"relative": power, "path": where},
            "probed": dict(zip(("claims", "numbers"), self.probed, strict=True)),
            "first": None if self.first is None else vars(self.first),
            "backends": {
                name: {
                    "verdict": judged.verdict,
                    "version": judged.version,
                    "worst": None if judged.worst is None else {"path": judged.worst.path, "share": judged.worst.share},
                    "seconds": judged.seconds,
                }
                | ({"failure": failure.partition("\n")[0]} if (failure := self.certificates[name].failure) is not None else {})
                for name, judged in self.backends.items()
            },
            "blind_spots": {
                "searched": self.unseen is not None,
                "steps": self.searched,
                "codes": list(self.unseen or ()),
                "reason": self.unsearched,
                "untried": list(self.untried),
            },
            "exact": self.sight
            and {
                "bits": dict(self.sight.bits),
                "narrower": self.sight.narrower,
                "narrower_bits": self.sight.limit,
                "unseen": [{"path": blur.path, "operand": blur.operand or None} for blur in self.sight.blurred],
            },
            "pairs": [vars(pair) for pair in self.pairs],
            "certificate_seconds": self.certificate_seconds,
        }

    def save(self, path: str) -> None:
        """Write the plan and every record to one file; whoever reads it judges anew. Raises StorageError, OSError."""
        from bpcompare.verdict.saving import save

        save(self, path)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return value
