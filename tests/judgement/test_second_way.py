"""The oracle's second way: a framework's differentiation of the forward pass. It takes a word away, and never gives one."""

import subprocess
import sys

import numpy as np
import pytest

from bpcompare import ops
from bpcompare.engine import arithmetics
from bpcompare.engine.arithmetics import Arithmetic
from bpcompare.engine.worker.in_process import InProcess
from bpcompare.laws import LAWS
from bpcompare.mistakes import MISTAKES
from bpcompare.plan.draw import plan as draw
from bpcompare.proof.oracle import element, opinion, tensor
from bpcompare.proof.question import question
from bpcompare.proof.values import step_values
from bpcompare.report import text
from bpcompare.session import conductor, run
from bpcompare.testing.cases import cases
from bpcompare_delta import Delta
from students import mlp

NET = mlp([3, 4, 4, 2], ops.Silu())
REAL = [Arithmetic("torch", "bpcompare_torch.number"), Arithmetic("jax", "bpcompare_jax.number")]
DELTAS = ("base", "inductive", "gradient")


def _step(network):
    plan = draw(network, "float64")
    return plan, step_values(plan, InProcess().run(Delta, plan))[0]


class Said:
    """A framework that gives the same number for everything, or raises it."""

    def __init__(self, value, source="other"):
        self.value = value
        self.source = source
        self.asked = 0

    def gradient(self, f, x):
        self.asked += 1
        if isinstance(self.value, Exception):
            raise self.value
        return np.full(np.shape(x), self.value)


class Numeric:
    """Central differences of a law's forward pass on arrays, under the name of a framework."""

    source = "differences"

    def gradient(self, f, x):
        found = np.zeros(x.shape)
        for index in np.ndindex(*x.shape):
            step = np.zeros(x.shape)
            step[index] = 1e-6
            found[index] = (f(x + step) - f(x - step)) / 2e-6
        return found


@pytest.fixture
def lent(monkeypatch):
    def lent(*frameworks):
        monkeypatch.setattr(conductor, "ARITHMETICS", frameworks)

    return lent


@pytest.mark.parametrize("case", [case for case in cases() if not case.kink][::7], ids=lambda case: case.name)
def test_it_has_every_delta_and_gradient(case):
    """It would contradict right laws, or see a part of what depends on a value."""
    pytest.importorskip("torch")
    plan, values = _step(case.network)
    for claim in question(plan).claims:
        if claim.statement in DELTAS:
            x = values.recorded[claim.path]
            found = tensor(question(plan).program, claim, values, REAL[0])
            np.testing.assert_allclose(found, x, rtol=1e-9, atol=1e-12 * max(1.0, np.abs(x).max()), err_msg=claim.path)


@pytest.mark.parametrize("name", ["dense-fork-and-skip", "dense-shared-weight", "dense-frozen-weight", "embedding-repeated"])
def test_the_way_through_the_program_needs_no_framework(name):
    """A consumer or a use left out would be confirmed by a framework as the whole."""
    case = next(case for case in cases() if case.name == name)
    plan, values = _step(case.network)
    for claim in question(plan).claims:
        if claim.statement in DELTAS:
            x = values.recorded[claim.path]
            found = tensor(question(plan).program, claim, values, Numeric())
            np.testing.assert_allclose(found, x, rtol=1e-5, atol=1e-7 * max(1.0, np.abs(x).max()), err_msg=claim.path)


@pytest.mark.parametrize("framework", REAL, ids=lambda lent: lent.source)
@pytest.mark.parametrize("code", ["BP101", "BP203", "BP211", "BP301"])
def test_it_contradicts_a_wrong_law(code, framework):
    """A law of Δ that is wrong would pass it."""
    pytest.importorskip(framework.source)
    plan, values = _step(NET)
    wrong, off = MISTAKES[code].laws(NET, LAWS), 0
    for claim in question(plan).claims:
        if claim.statement in DELTAS:
            law = claim.value(lambda path: values.given[path] if path in values.given else values.recorded[path], wrong)
            found = tensor(question(plan).program, claim, values, framework, wrong)
            off += not np.allclose(law, found, rtol=1e-9, atol=0)
    assert off


class TestOpinions:
    """What the oracle says of one element, from what the ways say."""

    @pytest.fixture
    def ask(self):
        plan, values = _step(mlp([3, 4, 2]))
        claim = question(plan).by_path["l0.delta"]
        right = element(plan.program, claim, values, (0, 0), LAWS)
        return right, lambda law, record, *lent: opinion(
            plan.program, claim, values, (0, 0), right * law, right * record, LAWS, lent
        )

    def test_both_ways_agree(self, ask):
        """Nobody would ever be named."""
        right, said = ask
        with_law, with_record = said(1, 2, Said(right)), said(2, 1, Said(right))
        assert (with_law.side, with_law.second, with_law.value, with_law.doubt) == ("law", "other", right, "")
        assert (with_record.side, with_record.second, with_record.doubt) == ("record", "other", "")

    def test_they_disagree(self, ask):
        """Somebody would be accused on the word of one way against the other."""
        right, said = ask
        for law, record, alone in ((1, 2, "law"), (2, 1, "record")):
            for other in (2 * right, 1.5 * right, 3 * right):
                heard = said(law, record, Said(other))
                assert (heard.side, heard.alone, heard.value) == ("neither", alone, right)
                assert heard.doubt == (
                    f"the complex step has {right:.15g}, and other's differentiation of the forward pass has {other:.15g}"
                )

    @pytest.mark.parametrize("nothing", [np.nan, np.inf, RuntimeError("no"), ImportError("no"), NotImplementedError()], ids=repr)
    def test_a_framework_that_says_nothing_changes_nothing(self, ask, nothing):
        """A broken installation would take every word away, or end in a traceback."""
        right, said = ask
        assert said(1, 2, Said(nothing)) == said(1, 2)
        assert said(1, 2, Said(nothing), Said(2 * right)).side == "neither"

    def test_one_is_heard_and_only_where_there_is_something_to_say(self, ask):
        """Every framework would be loaded, for places where the complex step takes no side."""
        right, said = ask
        first, second = Said(right), Said(2 * right)
        assert said(1, 2, first, second).side == "law"
        assert (first.asked, second.asked) == (1, 0)
        assert said(1, 1, first).side == "neither"
        assert first.asked == 1

    @pytest.mark.parametrize("factor", [1, 2])
    def test_alone_it_accuses_nobody(self, factor, monkeypatch):
        """A framework's word alone, which may be its own mistake, would be an accusation that there was not before."""
        plan, values = _step(mlp([3, 4, 2]))
        claim = question(plan).by_path["l0.delta"]
        monkeypatch.setattr("bpcompare.proof.oracle.element", lambda *_: np.nan)
        heard = opinion(plan.program, claim, values, (0, 0), 1.0, 2.0, LAWS, [Said(float(factor))])
        assert (heard.value, heard.side, heard.alone) == (None, "neither", "neither")
        assert heard.doubt.startswith(
            f"the complex step has no value, and other's differentiation of the forward pass has {factor},"
        )
        assert opinion(plan.program, claim, values, (0, 0), 1.0, 2.0, LAWS, [Said(np.nan)]) is None


class Wrong(Delta):
    """Its Δ is a thousandth too large: no mistake of the catalogue, and no laws' voice."""

    name = "wrong"
    voice = "wrong"
    of = 1.001

    def run(self, plan):
        record = super().run(plan)
        for step in record.steps:
            step.delta["l0"] = step.delta["l0"] * self.of
        return record


def _blamed(*backends, **options):
    return [blame.blame for blame in run(NET, list(backends), **options).blames]


class TestJudgedRuns:
    """What becomes of a verdict."""

    @pytest.mark.parametrize("framework", REAL, ids=lambda lent: lent.source)
    def test_a_wrong_backend_is_named(self, lent, framework):
        """With a second way nobody could be named any more."""
        pytest.importorskip(framework.source)
        lent(framework)
        comparison = run(NET, ["delta", Wrong])
        assert comparison.first.blame == "wrong"
        assert comparison.first.ground.startswith("the oracle, from the forward pass alone, confirms the law")
        assert comparison.blames[0].doubt == ""

    @pytest.mark.parametrize("framework", REAL, ids=lambda lent: lent.source)
    def test_a_wrong_law_is_named(self, lent, framework):
        """The harness would accuse others of its own mistake, or say nothing."""
        pytest.importorskip(framework.source)
        lent(framework)
        laws = MISTAKES["BP211"].laws(NET, LAWS)
        comparison = run(NET, ["delta"], laws=laws)
        assert comparison.first.blame == "law"

    def test_where_the_ways_differ_nobody_is_blamed(self, lent):
        """The second worst failure: right code accused, although the examiner contradicts himself."""
        lent(Said(123.0))
        comparison = run(NET, ["delta", Wrong])
        assert [blame.blame for blame in comparison.blames] == [None]
        assert "other's differentiation of the forward pass has 123" in comparison.first.ground
        assert "other's differentiation of the forward pass has 123" in text(comparison)

    def test_votes_that_say_what_the_complex_step_says_still_count(self, lent):
        """A vote would be worth less with the oracle on than with it off."""
        pytest.importorskip("torch")
        lent(Said(123.0))
        comparison = run(NET, [Wrong, "torch"])
        assert comparison.first.blame == "wrong"
        assert "without it" in comparison.first.ground

    @pytest.mark.sampled(6)
    @pytest.mark.parametrize("value", [0.0, 1.0, -123.0, 1e-300, np.nan, ValueError("no")], ids=repr)
    def test_whatever_it_says_the_blame_is_what_it_was_or_nobodys(self, lent, value):
        """A second way would accuse."""
        laws = MISTAKES["BP203"].laws(NET, LAWS)
        for backends, options in (([Wrong, "delta"], {}), (["delta"], {"laws": laws}), (["delta", "delta!BP301"], {})):
            lent()
            before = _blamed(*backends, **options)
            lent(Said(value))
            after = _blamed(*backends, **options)
            assert len(after) == len(before)
            assert all(now in (then, None) for now, then in zip(after, before, strict=True))

    def test_a_framework_has_no_say_about_its_own(self, lent):
        """torch would clear a backend on torch with the very formula that is wrong, or be the only one against it."""

        class OnTorch(Wrong):
            name = "on torch"
            voice = ("torch", "wrong")

        own, other = Said(123.0, "torch"), Said(123.0, "jax")
        lent(own, other)
        assert _blamed("delta", OnTorch) == [None]
        assert (own.asked, other.asked) == (0, 1)
        lent(own)
        assert _blamed("delta", OnTorch) == ["on torch"]
        assert own.asked == 0

    def test_nor_has_the_framework_of_another_who_is_accused_there(self, lent):
        """Two frameworks with the same wrong formula would clear each other."""

        class OnTorch(Wrong):
            name = "on torch"
            voice = "torch"

        class OnJax(Wrong):
            name = "on jax"
            voice = "jax"

        torch, jax = Said(123.0, "torch"), Said(123.0, "jax")
        lent(torch, jax)
        run(NET, [OnTorch, OnJax])
        assert (torch.asked, jax.asked) == (0, 0)

    def test_an_honest_run_asks_nobody(self, lent):
        """Every run would load a framework."""
        said = Said(123.0)
        lent(said)
        assert run(NET, ["delta"]).verdict == "certified"
        assert said.asked == 0


class TestImports:
    """A framework is asked where it is loaded, and a broken one is no failure."""

    def test_what_does_not_load_is_not_lent(self):
        """A framework that is half installed would end every judgement."""
        with pytest.raises(arithmetics.NotLentError):
            Arithmetic("none", "bpcompare_none.number").gradient(lambda x: x, np.ones(1))

    @pytest.mark.parametrize("broken", ["raise ImportError('half installed')", "raise SystemExit(3)", "1/0"])
    def test_a_broken_framework_changes_no_verdict(self, tmp_path, broken):
        """A wrong backend would go unnamed where torch is half installed, or the run end in a traceback."""
        for name in ("torch", "jax"):
            (tmp_path / f"{name}.py").write_text(broken, encoding="utf-8")
        code = "from bpcompare.session import run; print(run('xor', ['delta', 'delta!BP203']).first.blame)"
        code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        assert done.stdout.split() == ["delta!BP203"]

    def test_nobody_who_is_blamed_makes_a_framework_load(self):
        """An import that ends the process would take a run with it whose backends were kept apart, or a saved run."""
        code = "from bpcompare.session import run; blame = run('xor', ['delta', 'delta!BP203']).first.blame"
        code += "; import sys; print(blame, *(name for name in ('torch', 'jax') if name in sys.modules))"
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        assert done.stdout.split() == ["delta!BP203"]
