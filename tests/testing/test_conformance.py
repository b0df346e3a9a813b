"""The conformance kit on our own backends, on bad ones, and on a package that it has just begun."""

import importlib.util
import subprocess
import sys
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from bpcompare.cli import main
from bpcompare.mistakes import MISTAKES
from bpcompare.network.draft import Draft
from bpcompare.ops import OPS, Adam, Dense, HalfSquared, Identity, Relu, Sgd, Sigmoid, Tanh
from bpcompare.testing import BackendConformance
from bpcompare.testing import conform as kit
from bpcompare.testing.cases import cases, covered
from bpcompare.testing.conform import conform, tried
from bpcompare.testing.table import conformance_markdown, conformance_text
from bpcompare_delta import Delta
from samples import WHOLE, sample

PLAINEST = {case.about: case for case in reversed(cases())}
"""Of each op the first case: in both dtypes what the fast tests try with delta."""


class Fewer:
    """A `metafunc` that asks every eighth mistake, and most cases in one dtype, the next in the other; all with `make whole`.

    The plainest case of each op is tried in both dtypes; `bpcompare conform` tries everything. `now`: cases that the fast tests
    try; the slow ones try the others. All mistakes are made beside delta and torch in tests/mistakes/test_catalogue.py, beside
    torch and JAX in test_matrix.py.
    """

    def __init__(self, metafunc, now=None):
        self._metafunc, self._now, self._cases = metafunc, now, []

    def __getattr__(self, name):
        return getattr(self._metafunc, name)

    def parametrize(self, name, values, **options):
        if name == "code":
            values = sample(values, 8)
        if name == "case" and "dtype" in self._metafunc.fixturenames:
            self._cases = values
            return
        if name == "dtype":
            pairs = [(case, dtype) for turn, case in enumerate(self._cases) for dtype in self._dtypes(case, turn, values)]
            name, values, options = ("case", "dtype"), pairs, {"ids": [f"{case.name}-{dtype}" for case, dtype in pairs]}
        if self._now is not None and name not in {"gap", "code"}:
            values = [self._marked(*(value if isinstance(value, tuple) else (value,))) for value in values]
        self._metafunc.parametrize(name, values, **options)

    def _dtypes(self, case, turn, dtypes):
        return dtypes if WHOLE or case in PLAINEST.values() else (dtypes[turn % len(dtypes)],)

    def _marked(self, case, *rest):
        return pytest.param(case, *rest, marks=() if case in self._now else pytest.mark.slow)


class TestDelta(BackendConformance):
    """The textbook's algorithm, through its own kit."""

    backend = "delta"

    def pytest_generate_tests(self, metafunc):
        super().pytest_generate_tests(Fewer(metafunc, set(PLAINEST.values())))


@pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="torch is not installed")
@pytest.mark.slow
class TestTorch(BackendConformance):
    """autograd and torch.optim."""

    backend = "torch"

    def pytest_generate_tests(self, metafunc):
        super().pytest_generate_tests(Fewer(metafunc))


@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="jax is not installed")
@pytest.mark.slow
class TestJax(BackendConformance):
    """jax.grad under jit, and optax."""

    backend = "jax"

    def pytest_generate_tests(self, metafunc):
        super().pytest_generate_tests(Fewer(metafunc))


def test_every_op_has_cases_and_every_case_can_be_run():
    """An op without a case would conform whatever it does."""
    assert covered() == set(OPS.values())
    assert len({case.name for case in cases()}) == len(cases())
    assert not [case.name for case in cases() if case.network.problems()]


def test_sizes_of_zero_are_refused_before_any_backend_sees_them():
    """Backends would have to agree on what an empty tensor's gradient is."""
    draft = Draft("empty")
    draft.input("x", 0)
    assert draft.network().problems()
    draft = Draft("nobody", examples=0)
    draft.input("x", 2)
    assert draft.network().problems()


class Lies(Delta):
    """tanh' of in as if it were of a."""

    name = "lies"

    def run(self, plan):
        record = super().run(plan)
        for step in record.steps:
            for name, layer in plan.network.layers.items():
                if isinstance(layer.g, Tanh):
                    step.delta[name][...] *= 1 + 1e-9
        return record


class Forgets(Delta):
    """Gives other bits every time."""

    name = "forgets"
    runs = count()

    def run(self, plan):
        record = super().run(plan)
        x = record.steps[0].error
        x[...] = np.nextafter(x, 10 * x * (next(self.runs) % 2))
        return record


class Modest(Delta):
    """Says that it cannot do what it can."""

    name = "modest"
    table = {op: row for op, row in Delta.table.items() if op is not Relu}  # noqa: RUF012
    gaps = {Relu: "too hard"}  # noqa: RUF012


class Older(Delta):
    """Was written before there was Adam."""

    name = "older"
    table = {op: row for op, row in Delta.table.items() if op is not Adam}  # noqa: RUF012


class Meddles(Delta):
    """Changes the plan."""

    name = "meddles"

    def run(self, plan):
        record = super().run(plan)
        x = next(iter(plan.parameters.values()))
        x.setflags(write=True)
        x[...] = 0
        return record


class Widens(Delta):
    """Answers in float64, whatever was asked."""

    name = "widens"

    def run(self, plan):
        record = super().run(plan)
        steps = [replace(step, delta={k: x.astype(np.float64) for k, x in step.delta.items()}) for step in record.steps]
        return replace(record, steps=tuple(steps))


class Lends(Delta):
    """Returns views."""

    name = "lends"

    def run(self, plan):
        record = super().run(plan)
        steps = [replace(step, a={k: x[:] for k, x in step.a.items()}) for step in record.steps]
        return replace(record, steps=tuple(steps))


@pytest.fixture
def few_cases(monkeypatch):
    """The kit with a case of each op that the bad backends are bad at, and few mistakes made beside them."""
    about = {case.about: case for case in reversed(cases()) if not case.kink}
    few = tuple(about[op] for op in (Tanh, Relu, Adam, Sigmoid))
    monkeypatch.setattr(kit, "cases", lambda: few)
    monkeypatch.setattr(kit, "MISTAKES", {code: MISTAKES[code] for code in ("BP202", "BP301", "BP402")})


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("backend", "said"),
    [
        (Lies, "lies is wrong at"),
        (Forgets, "it is not deterministic: error has other bits"),
        (Modest, "relu is declared as a gap ('too hard')"),
        (Meddles, "changed the plan it was given"),
        (Widens, "wanted float32 of shape"),
        (Lends, "wanted an array that owns its memory"),
    ],
)
def test_a_bad_backend_does_not_conform(few_cases, backend, said):
    """A kit that has never failed is not known to be one."""
    found = conform(backend)
    assert any(said in complaint for complaint in found.complaints), found.complaints[:2]
    assert "does not conform" in conformance_text(found)


@pytest.mark.slow
def test_a_lie_in_one_op_is_told_at_that_op(few_cases):
    """An author would look for the mistake everywhere."""
    table = conformance_markdown(conform(Lies))
    (tanh,) = [line for line in table.splitlines() if line.startswith("| tanh |")]
    (sigmoid,) = [line for line in table.splitlines() if line.startswith("| sigmoid |")]
    assert "FAILS tanh-values" in tanh
    assert "certified" in sigmoid


class Narrow(Delta):
    """Five ops, of which three have no case that needs no other."""

    name = "narrow"
    table = {op: Delta.table[op] for op in (Dense, Sigmoid, Identity, HalfSquared, Sgd)}  # noqa: RUF012


class Silent(Narrow):
    """Never answers."""

    name = "silent"

    def run(self, plan):
        raise RuntimeError("not today")


@pytest.mark.slow
def test_what_no_case_tries_is_named():
    """A backend would be said to conform in ops that nothing was run of."""
    found = conform(Narrow)
    assert not found.complaints
    assert found.untried == {"identity": "scale", "sigmoid": "scale", "sgd": "tanh"}
    said = conformance_text(found)
    assert "not tried: its cases need tanh" in said
    assert said.rstrip().endswith("It conforms in what was tried, which identity, sigmoid, sgd of its table were not.")
    assert not kit.untried(Delta)


def test_who_gives_no_answer_is_not_said_to_have_been_examined():
    """A crash would be told as so many errors planted and mistakes made, and as an accusation of who crashed."""
    found = conform(Silent)
    assert (found.planted, found.mistakes) == (0, 0)
    assert len(found.complaints) == len(found.trials) > 0
    case = tried(Silent)[0]
    assert "gave no answer: RuntimeError: not today" in kit.blind(Silent, case)
    told = kit.unblamed(Silent, kit.with_mistakes(Silent)[0])
    assert "silent gave no answer: RuntimeError: not today" in told
    assert "accused" not in told


@pytest.mark.slow
def test_an_op_that_came_later_is_a_gap_and_no_complaint():
    """Every plugin would fail its own tests the day an op is added here."""
    found = conform(Older)
    assert not found.complaints
    assert "| adam | - | gap: it has neither a row nor a gap for it" in conformance_markdown(found)


def test_cases_that_need_a_gap_are_left_out():
    """A backend would fail for what it said it cannot do."""
    assert not [case.name for case in tried(Modest) if Relu in case.needs]
    assert len(tried(Modest)) < len(tried(Delta))


@pytest.mark.slow
def test_the_command_prints_the_table_and_returns_whether_it_conforms(few_cases, capsys):
    """A build would go on with a backend that does not conform."""
    assert main(["conform", "delta"]) == 0
    out = capsys.readouterr().out
    assert "It conforms." in out
    assert "tanh" in out
    assert main(["conform", f"{__file__}:Lies", "--markdown"]) == 1
    assert "| tanh |" in capsys.readouterr().out
    assert main(["conform", "nobody"]) == 2
    assert main(["conform", f"{__file__}:Nothing"]) == 3


@pytest.fixture
def begun(tmp_path):
    assert main(["new", "my_net", "--into", str(tmp_path)]) == 0
    return tmp_path / "bpcompare-my_net"


@pytest.mark.slow
def test_a_package_begins_with_passing_tests(begun):
    """An author's first minute would be spent on somebody else's mistakes."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=begun, env={"PYTHONPATH": str(begun)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "passed" in done.stdout


@pytest.mark.slow
def test_a_package_that_was_begun_can_be_installed(begun, tmp_path):
    """Its metadata would be wrong, and bpcompare not find it."""
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", target, begun]
    subprocess.run(pip, check=True, capture_output=True)
    command = [sys.executable, "-m", "bpcompare", "conform", "my_net"]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(target)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "It conforms in what was tried" in done.stdout


@pytest.mark.parametrize("name", ["Torch", "torch", "my-net", "2x", "", "a" * 50, "../x", "my__net"])
def test_names_that_cannot_be_are_refused(name, tmp_path, capsys):
    """A package that cannot be imported, or that hides another one, would be written."""
    if name == "torch" and not importlib.util.find_spec("bpcompare_torch"):
        pytest.skip("bpcompare_torch is not installed")
    assert main(["new", name, "--into", str(tmp_path)]) == 2
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(begun, capsys):
    """A second call would destroy the first one's work."""
    before = (begun / "README.md").read_text()
    assert main(["new", "my_net", "--into", str(begun.parent)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["new", "other", "--into", str(begun / "nowhere")]) == 2
    assert (begun / "README.md").read_text() == before
    assert sorted(path.name for path in begun.parent.iterdir()) == ["bpcompare-my_net"]
