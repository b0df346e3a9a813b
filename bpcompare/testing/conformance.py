"""The conformance suite for authors of backends, as a class of tests."""

from __future__ import annotations

from typing import Any, ClassVar

from bpcompare.backend import Backend
from bpcompare.network import Dtype
from bpcompare.ops import Op
from bpcompare.testing import conform
from bpcompare.testing.cases import Case

STRIDE = 4
"""Errors are planted in every so-many-th case: each of them means judging every quantity of it twice."""


class BackendConformance:
    """Subclass it in a test module, name your backend, done:

        class TestMine(BackendConformance):
            backend = "mine"

    `backend` is a name that `bpcompare backends` lists, or the class. Every op and update rule that it claims is tried in both
    dtypes, at all sizes and on kinks; declared gaps must be real; the same plan must give the same bits; errors planted in the
    backend's answers must be found, and so must mistakes made by `delta` in the same run, without blame for the backend.
    """

    backend: ClassVar[str | type[Backend]]

    @classmethod
    def resolved(cls) -> type[Backend]:
        """The backend's class. Raises AssertionError if there is none, so that the test fails."""
        try:
            return conform.resolved(cls.backend)
        except (LookupError, ValueError, AttributeError) as error:
            raise AssertionError(f"{cls.__name__}.backend: {error}") from error

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """A test for each case, gap and mistake."""
        names = metafunc.fixturenames
        asked = {"case", "gap", "code"} & set(names)
        if not asked:
            return
        backend = metafunc.cls.resolved()
        if "case" in names:
            some = conform.sharp(backend)[::STRIDE] if metafunc.function.__name__.endswith("seen") else conform.tried(backend)
            metafunc.parametrize("case", some, ids=[case.name for case in some])
        if "dtype" in names:
            metafunc.parametrize("dtype", conform.DTYPES)
        if "gap" in names:
            metafunc.parametrize("gap", list(backend.gaps), ids=[op.name for op in backend.gaps])
        if "code" in names:
            metafunc.parametrize("code", conform.with_mistakes(backend))

    def test_it_is_a_backend(self) -> None:
        """A name, and no op both in table and gaps: otherwise it could not be chosen, or would fail late."""
        __tracebackhide__ = True
        found = conform.contract(self.resolved())
        if found:
            raise AssertionError("\n".join(found))

    def test_it_is_certified(self, case: Case, dtype: Dtype) -> None:
        """Every step of the proof holds, the plan is untouched, and the same plan gives the same bits."""
        __tracebackhide__ = True
        found = conform.trial(self.resolved(), case, dtype).problem
        if found:
            raise AssertionError(found)

    def test_a_gap_is_real(self, gap: type[Op]) -> None:
        """What it says it cannot do, it cannot do: otherwise users are kept from it for nothing."""
        __tracebackhide__ = True
        found = conform.false_gap(self.resolved(), gap)
        if found:
            raise AssertionError(found)

    def test_planted_errors_are_seen(self, case: Case) -> None:
        """An error in any of its own numbers is refuted there: a check that cannot fail would prove nothing."""
        __tracebackhide__ = True
        found = conform.blind(self.resolved(), case)
        if found:
            raise AssertionError(found)

    def test_mistakes_of_others_are_theirs(self, code: str) -> None:
        """A known mistake, made by delta beside it, is found and not blamed on it."""
        __tracebackhide__ = True
        found = conform.unblamed(self.resolved(), code)
        if found:
            raise AssertionError(found)
