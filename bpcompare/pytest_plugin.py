"""The pytest plugin: fixtures `bpcompare` and `golden`, those of `pytest_own`, and a mark that tests every step of the proof.

Loaded with every run of pytest where bpcompare is installed, so it imports nothing else until a test uses it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from bpcompare.pytest_own import PROPERTY, check_gradient, golden_of_step, watch  # noqa: F401 — pytest finds fixtures here
from bpcompare.tools.placed import file_name, place, placed

if TYPE_CHECKING:
    from bpcompare.network import Network
    from bpcompare.own.change import Changes
    from bpcompare.plan import Plan
    from bpcompare.tools.golden import Checked
    from bpcompare.verdict.comparison import Comparison

Each = Literal["path", "backend", "spec"]
MOST_TESTS = 2_000
"""Tests that one spec may become."""
KEPT = 32
"""Comparisons that are kept for the tests of a mark: a hundred specs' numbers together would fill the memory."""
_COMPARISONS = pytest.StashKey[dict[Any, "Comparison"]]()
_STATUSES = pytest.StashKey[dict[Any, Any]]()
_FAILED = pytest.StashKey[dict[Any, str]]()
"""For every run and backend that did not answer: the test that says so."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("bpcompare", "gradients and weight updates")
    group.addoption("--bpcompare-update", action="store_true", help="write the goldens anew; refused where CI is set")
    group.addoption("--bpcompare-report", metavar="DIR", help="for every failing test, write its report and its saved run here")


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark. Raises UsageError for --bpcompare-update where CI is set."""
    config.addinivalue_line(
        "markers",
        "bpcompare(specs, backends=None, each='path', **options): a test for every step of the proof of every spec, on every "
        "backend; specs is a glob or a list of them, each is 'path', 'backend' or 'spec', options are those of bpcompare.run",
    )
    if config.getoption("bpcompare_update") and os.environ.get("CI"):
        raise pytest.UsageError("--bpcompare-update is refused where CI is set: goldens are made where somebody looks at them")


@dataclass(frozen=True)
class Case:
    """What one generated test is about: a spec; a backend, if not all; a path, if not all of its paths."""

    spec: Path
    backends: tuple[str, ...]
    options: tuple[tuple[str, Any], ...]
    backend: str = ""
    path: str = ""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make the tests of a marked function: `spec::path[backend]`. Raises UsageError for a mark that cannot be used."""
    mark = metafunc.definition.get_closest_marker("bpcompare")
    if mark is None:
        return
    where = f"{metafunc.definition.nodeid}: @pytest.mark.bpcompare"
    if "bpcompare" not in metafunc.fixturenames:
        raise pytest.UsageError(f"{where}: the test needs the argument `bpcompare`, and has to call it")
    try:
        specs, backends, each, options = _marked(**{**dict(zip(("specs", "backends"), mark.args, strict=False)), **mark.kwargs})
    except TypeError as error:
        raise pytest.UsageError(f"{where}: {error}") from error
    cases: list[Any] = []
    for name, spec in _specs(where, specs, Path(metafunc.definition.path), metafunc.config).items():
        cases += _cases(where, name, spec, backends, each, options, metafunc.definition)
    metafunc.parametrize("bpcompare", cases, indirect=True)


def _marked(
    specs: str | Sequence[str], backends: str | Sequence[str] | None = None, each: Each = "path", **options: Any
) -> tuple[Sequence[str], tuple[str, ...] | None, Each, dict[str, Any]]:
    if each not in ("path", "backend", "spec"):
        raise TypeError(f"each is 'path', 'backend' or 'spec', not {each!r}")
    chosen = None if backends in (None, "installed") else ((backends,) if isinstance(backends, str) else tuple(backends or ()))
    for at, one in enumerate(chosen or ()):
        if not isinstance(one, str):
            where = "names, or path/to/file.py:Class; bpcompare(spec, [Class]) takes classes"
            raise TypeError(f"backends of the mark are {where}, not {one!r:.80}")
        if one in (chosen or ())[:at]:
            raise TypeError(f"{one} is asked for twice")
    return [specs] if isinstance(specs, str) else list(specs), chosen, each, options


def _specs(where: str, globs: Sequence[str], test: Path, config: pytest.Config) -> dict[str, Path]:
    """Spec files by a name that is unique: their stem, or the path where two are called alike."""
    from bpcompare.files.writing import is_unfinished

    found: dict[Path, None] = {}
    for glob in globs:
        folders = (test.parent, config.rootpath)
        matched = (sorted(path for path in folder.glob(glob) if not is_unfinished(path)) for folder in folders)
        paths = next((paths for paths in matched if paths), None)
        if not paths:
            raise pytest.UsageError(f"{where}: no spec matches {glob!r} in {' or '.join(map(str, folders))}")
        found |= dict.fromkeys(paths)
    stems = [path.stem for path in found]
    return {path.stem if stems.count(path.stem) == 1 else _relative(path, config): path for path in found}


def _relative(path: Path, config: pytest.Config) -> str:
    try:
        return path.relative_to(config.rootpath).with_suffix("").as_posix()
    except ValueError:
        return path.with_suffix("").as_posix()


def _cases(
    where: str,
    name: str,
    spec: Path,
    backends: tuple[str, ...] | None,
    each: Each,
    options: dict[str, Any],
    node: pytest.Item,
) -> Iterator[Any]:
    from bpcompare.engine.address import names
    from bpcompare.proof.question import paths as claimed

    asked = backends if backends is not None else names()
    # Tests of one spec share one run: a worker of xdist is to have them all (--dist loadgroup).
    marks = [pytest.mark.xdist_group(name)] if node.config.pluginmanager.hasplugin("xdist") else []
    case = Case(spec, asked, tuple(sorted(options.items())))
    if each == "spec":
        yield pytest.param(case, id=name, marks=marks)
        return
    plan = _drawn(where, spec, options) if each == "path" else None
    paths = [""] if plan is None else claimed(plan)
    if len(paths) * len(asked) > MOST_TESTS:
        raise pytest.UsageError(
            f"{where}: {spec} would become {len(paths) * len(asked):,} tests; each='backend' makes {len(asked)} of it"
        )
    silent = {backend for backend in asked if plan is not None and _silent(where, node, backend, plan, options)}
    for backend in asked:
        # What does not answer, or has nobody to be compared with, says so once.
        for path in [""] if backend in silent or len(asked) - len(silent) < 2 else paths:
            one = Case(case.spec, case.backends, case.options, backend, path)
            yield pytest.param(one, id=f"{name}::{path}[{backend}]" if path else f"{name}[{backend}]", marks=marks)


def _drawn(where: str, spec: Path, options: dict[str, Any]) -> Plan:
    import bpcompare
    from bpcompare.network import SpecError
    from bpcompare.plan.draw import plan

    try:
        return plan(bpcompare.load(spec), options.get("dtype"), options.get("steps"))
    except SpecError as error:
        raise pytest.UsageError(f"{where}:\n{error}") from error


def _silent(where: str, node: pytest.Item, backend: str, plan: Plan, options: dict[str, Any]) -> bool:
    """Whether it is known before anything runs that a backend here does not answer: it is absent or broken, or has a gap."""
    from bpcompare.backend import unsupported
    from bpcompare.engine.address import UnknownBackendError, locate
    from bpcompare.engine.registry import Ready, arrive

    try:
        address = locate(placed(node, backend))
    except UnknownBackendError as error:
        raise pytest.UsageError(f"{where}: {error}") from error
    if address.foreign or {"isolate", "timeout", "memory"} & options.keys():
        return False
    known = node.config.stash.setdefault(_STATUSES, {})
    status = known[address] = known[address] if address in known else arrive(address)
    return not isinstance(status, Ready) or bool(unsupported(status.backend, plan.network))


@dataclass(repr=False)
class Checker:
    """The fixture `bpcompare`: call it to run and to assert."""

    request: pytest.FixtureRequest
    case: Case | None = None
    calls: int = field(default=0, init=False)

    def __repr__(self) -> str:
        # pytest prints it above every failure.
        return "the fixture"

    def __call__(
        self,
        spec: str | os.PathLike[str] | Network | None = None,
        backends: str | Sequence[str | type] | None = None,
        **options: Any,
    ) -> Comparison:
        """Run `spec` (a path, or a network) and assert that the backends are certified; options as for `bpcompare.run`.

        In a test with the mark, call it without arguments. Skips where a framework that was asked for is not installed.
        """
        __tracebackhide__ = True
        self.calls += 1
        if self.case is not None:
            if spec is not None or backends is not None or options:
                pytest.fail("a test with the mark calls bpcompare() without arguments: they stand in the mark", pytrace=False)
            return self._marked(self.case)
        if spec is None:
            pytest.fail("bpcompare needs a spec: bpcompare('specs/mlp.toml'), or the mark", pytrace=False)
        asked = None if backends in (None, "installed") else [backends] if isinstance(backends, str) else list(backends or ())
        asked = [placed(self.request, one) for one in asked] if asked is not None else None
        for name in asked or ():
            _skip_if_absent(name)
        comparison = self._run(spec, asked, options)
        self._assert(comparison)
        return comparison

    def _run(self, spec: Any, backends: Sequence[Any] | None, options: dict[str, Any]) -> Comparison:
        __tracebackhide__ = True
        import bpcompare
        from bpcompare.engine.address import UnknownBackendError
        from bpcompare.network import SpecError

        try:
            network = bpcompare.load(place(self.request, spec)) if isinstance(spec, str | os.PathLike) else spec
            return bpcompare.run(network, backends, **options)
        except (SpecError, UnknownBackendError) as error:
            message = str(error)
        pytest.fail(message, pytrace=False)

    def _marked(self, case: Case) -> Comparison:
        __tracebackhide__ = True
        kept = self.request.config.stash.setdefault(_COMPARISONS, {})
        key = (case.spec, case.backends, case.options)
        if key not in kept:
            from bpcompare.engine.address import locate
            from bpcompare.engine.registry import Absent, arrive

            isolated = any(name in ("isolate", "timeout", "memory") for name, _ in case.options)
            found = [placed(self.request, name) for name in case.backends]
            there = [name for name in found if isolated or locate(name).foreign or not isinstance(arrive(locate(name)), Absent)]
            kept[key] = self._run(case.spec, there, dict(case.options))
            if len(kept) > KEPT:
                del kept[next(iter(kept))]
        comparison = kept[key]
        if not case.backend:
            self._assert(comparison)
            return comparison
        names = {record.provenance.address: name for name, record in comparison.records.items()}
        name = names.get(placed(self.request, case.backend), case.backend)
        if name not in comparison.records:
            from bpcompare.engine.registry import Absent, resolve

            status = resolve(case.backend)
            hint = status.hint if isinstance(status, Absent) else "it did not run"
            pytest.skip(f"the framework of {case.backend} is not installed: {hint}")
        if comparison.certificates[name].failure is not None:
            first = self.request.config.stash.setdefault(_FAILED, {}).setdefault((*key, name), self.request.node.nodeid)
            if first != self.request.node.nodeid:
                pytest.skip(f"{name} did not run: {first} says why")
        self._assert_one(comparison, name, case.path)
        return comparison

    def _assert(self, comparison: Comparison) -> None:
        __tracebackhide__ = True
        if comparison.exit_code != 0:
            from bpcompare.report import text

            self._fail(comparison, text(comparison))

    def _assert_one(self, comparison: Comparison, backend: str, path: str) -> None:
        __tracebackhide__ = True
        from bpcompare.report import text
        from bpcompare.report.single import finding_text

        certificate = comparison.certificates[backend]
        if certificate.failure is not None:
            self._fail(comparison, f"{backend} did not run: {certificate.failure}")
        if len(comparison.ran) < 2:
            self._fail(comparison, text(comparison))
        bad = [one for one in certificate.notable if one.outcome != "holds" and path in ("", one.path)]
        if bad:
            first = comparison.first
            headline = first is not None and first.backend == backend and path in ("", first.path)
            self._fail(comparison, text(comparison) if headline else finding_text(comparison, backend, bad[0]))

    def _fail(self, comparison: Comparison, message: str) -> None:
        __tracebackhide__ = True
        raise AssertionError(f"\n{message}{_reported(self.request, message, comparison)}")


@pytest.fixture
def bpcompare(request: pytest.FixtureRequest) -> Iterator[Checker]:
    """Run a spec on several backends and assert: `bpcompare("specs/mlp.toml", backends=["delta", "torch"], dtype="float32")`."""
    checker = Checker(request, getattr(request, "param", None))
    yield checker
    if checker.case is not None and not checker.calls:
        pytest.fail("nothing was compared: the test has to call bpcompare()", pytrace=False)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[..., Checked | Changes | None]:
    """Check a backend, or code of your own, against its golden.

        golden("specs/mlp.toml", "torch", steps=3)      # a backend, on a spec
        golden(model, x, target=y, loss=criterion)      # a model: arguments as for `bpcompare.check`
        golden(step)                                    # a step that was watched

    A test that has several goldens of its own code tells them apart by `name=`. Without a golden, one is written and the test
    fails, so that somebody looks at it; where CI is set, none is written.
    """

    def check_golden(what: Any, *more: Any, **options: Any) -> Checked | Changes | None:
        __tracebackhide__ = True
        if isinstance(what, str | os.PathLike):
            return of_backend(what, *more, **options)
        return golden_of_step(request, what, more, options)

    def of_backend(spec: str | os.PathLike[str], backend: str | type, **options: Any) -> Checked:
        __tracebackhide__ = True
        from bpcompare.engine.address import UnknownBackendError
        from bpcompare.network import SpecError
        from bpcompare.tools.golden import Options
        from bpcompare.tools.golden.watch import watched

        name = backend if isinstance(backend, str) else str(getattr(backend, "name", backend))
        path = place(request, spec)
        backend = placed(request, backend)
        _skip_if_absent(backend)
        rewrite, alone = request.config.getoption("bpcompare_update"), bool(os.environ.get("CI"))
        try:
            asked = Options(**options)
        except TypeError as error:
            pytest.fail(f"golden: {error}", pytrace=False)
        try:
            found = watched(path, backend, name, asked, rewrite=rewrite, make=not alone)
        except (SpecError, UnknownBackendError) as error:
            problem = str(error)
        else:
            if found.note:
                request.node.user_properties.append((PROPERTY, found.note))
            if found.checked is not None and found.comparison is None:
                return found.checked
            if found.comparison is not None:
                raise AssertionError(f"\n{found.failure}{_reported(request, found.failure, found.comparison)}")
            problem = found.failure
        pytest.fail(problem, pytrace=False)

    return check_golden


def _skip_if_absent(backend: Any) -> None:
    if not isinstance(backend, str):
        return
    from bpcompare.engine.address import UnknownBackendError, locate
    from bpcompare.engine.registry import Absent, arrive

    try:
        address = locate(backend)
    except UnknownBackendError:
        return  # said where it is used
    status = None if address.foreign else arrive(address)
    if isinstance(status, Absent):
        pytest.skip(f"the framework of {backend} is not installed: {status.hint}")


def _reported(request: pytest.FixtureRequest, message: str, comparison: Comparison) -> str:
    """Write the reports that were asked for, and say where."""
    folder = request.config.getoption("bpcompare_report")
    if not folder:
        return ""
    from bpcompare.report.kept import kept

    return f"\n  report     {kept(comparison, message, Path(folder), file_name(request))}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Goldens that were written, or that moved within rounding: no failures, and not to be missed."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    lines = [words for report in reports for key, words in getattr(report, "user_properties", ()) if key == PROPERTY]
    if lines:
        terminalreporter.section("bpcompare")
        for line in dict.fromkeys(lines):
            terminalreporter.line(line)
