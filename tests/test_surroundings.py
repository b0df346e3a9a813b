"""What a backend changes in this process is put back, and what it replaces of the judge is named."""

import ctypes
import decimal
import logging
import os
import random
import signal
import subprocess
import sys
import warnings
from textwrap import dedent
from types import FunctionType, ModuleType

import numpy as np
import pytest

import bpcompare
from bpcompare.engine.registry import Broken, resolve
from bpcompare.engine.surroundings import in_turn, state, surroundings
from bpcompare.engine.surroundings.bindings import bindings
from bpcompare.engine.worker import InProcess
from bpcompare.laws import LAWS
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.array import FUNCTIONS
from bpcompare.ops import Embedding
from bpcompare.plan.draw import plan as draw
from bpcompare.proof import certificate
from bpcompare.verdict import comparison
from bpcompare_delta import Delta
from students import mlp

NET = mlp([3, 4, 2])


def doing(change):
    """Delta, which does something else on the way."""

    class Careless(Delta):
        name = "careless"

        def run(self, plan):
            change()
            return super().run(plan)

    return Careless


def _leave():
    os.chdir("/")


def _environment():
    os.environ["BPCOMPARE_TEST"] = "left"
    os.environ.pop("HOME", None)
    os.environ["PATH"] = ""


def _numpy():
    np.seterr(all="raise")
    np.random.seed(1)  # noqa: NPY002
    np.set_printoptions(precision=1)


def _paths():
    sys.path.insert(0, "/nowhere")
    sys.stderr = None
    sys.stdout = None


def _handlers():
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    os.umask(0o777)


def _flush():
    ctypes.CDLL("libm.so.6").fesetround(0x800)


ACCIDENTS = {
    "the working directory": _leave,
    "environment variables": _environment,
    "NumPy's random numbers": _numpy,
    "how NumPy prints": _numpy,
    "the recursion limit": lambda: sys.setrecursionlimit(5_000),
    "the import path": _paths,
    "logging": lambda: logging.disable(logging.CRITICAL),
    "Python's random numbers": lambda: random.seed(1),
    "the decimal context": lambda: setattr(decimal.getcontext(), "prec", 3),
    "the umask": _handlers,
    "signal handlers": _handlers,
}
if sys.platform == "linux":
    ACCIDENTS[state.FLOATING] = _flush


@pytest.mark.parametrize("what", ACCIDENTS)
def test_accidents_are_put_back(what):
    """The next backend, or whoever called, would run in another folder, with other numbers or without a standard output."""
    before, filters = state.look(), list(warnings.filters)
    record = InProcess().run(doing(ACCIDENTS[what]), draw(NET))
    assert record.failure is None
    after = state.look()
    assert not [name for name in before if not state._same(before[name], after[name])]
    assert warnings.filters == filters
    with surroundings() as kept:
        ACCIDENTS[what]()
    assert what in kept.changed
    assert not kept.problem


def test_warnings_are_as_they_were():
    """One backend's filter would hide the next one's warnings."""
    InProcess().run(doing(lambda: warnings.simplefilter("ignore")), draw(NET))
    with pytest.warns(UserWarning, match="still there"):
        warnings.warn("still there", stacklevel=1)


def test_a_backend_that_raises_is_put_back_too(tmp_path):
    """A crash halfway is when things are left open."""
    here = os.getcwd()  # noqa: PTH109

    def change():
        os.chdir(tmp_path)
        raise ValueError

    assert InProcess().run(doing(change), draw(NET)).failure.startswith("ValueError")
    assert os.getcwd() == here  # noqa: PTH109


def _always(*_, **__):
    return True


def _setting(owner, name):
    return lambda: setattr(owner, name, _always)


def _code():
    certificate.certify.__code__ = _always.__code__


def _shadow():
    certificate.abs = _always


def _module():
    sys.modules["bpcompare.verdict.blame"] = sys.modules["json"]


REPLACED = {
    "bpcompare.proof.certificate.certify": _setting(certificate, "certify"),
    "bpcompare.proof.certificate.judge": _setting(certificate, "judge"),
    "bpcompare.verdict.comparison.Comparison.verdict": _setting(comparison.Comparison, "verdict"),
    "Ball.final_radius": _setting(Ball, "final_radius"),
    "LAWS.ops": lambda: LAWS.ops.__setitem__(Embedding, None),
    "bpcompare.proof.certificate.abs": _shadow,
    "bpcompare.verdict.blame": _module,
    "certify": _code,
    "numpy.abs": _setting(np, "abs"),
    "math.sqrt": _setting(sys.modules["math"], "sqrt"),
    "comparison.EXIT": lambda: comparison.EXIT.__setitem__("wrong", 0),
}


@pytest.mark.parametrize("name", REPLACED)
def test_a_judge_that_was_replaced_is_put_back_and_named(name):
    """A backend could have itself certified, and every other."""
    plan = draw(NET)
    record = InProcess().run(doing(REPLACED[name]), plan)
    first = record.failure.partition("\n")[0]
    assert first.startswith("it replaced ")
    assert name in first
    assert "--isolate" in first
    again = bpcompare.run(NET, ["delta", "delta!BP301"])
    assert (again.verdict, again.exit_code) == ("wrong", 1)


def test_code_of_a_file_is_watched_while_it_is_imported(tmp_path):
    """The judge would be replaced before the backend runs at all."""
    text = """
        import os
        import bpcompare.proof.certificate
        from bpcompare_delta import Delta

        os.chdir("/")
        {more}


        class Student(Delta):
            name = "student"
    """
    here = os.getcwd()  # noqa: PTH109
    for name, more in (("bad", "bpcompare.proof.certificate.certify = len"), ("good", "pass")):
        (tmp_path / f"{name}.py").write_text(dedent(text).format(more=more), encoding="utf-8")
        status = resolve(f"{tmp_path / name}.py:Student")
        assert os.getcwd() == here  # noqa: PTH109
        assert isinstance(status, Broken) is (name == "bad")
    assert "it replaced bpcompare.proof.certificate.certify" in resolve(f"{tmp_path}/bad.py:Student").reason


def test_a_table_that_grew_is_watched_with_what_it_has_now(monkeypatch):
    """Whatever the judge notes, all it consists of would be listed anew; or what came to a table could be replaced unseen."""
    listed = bindings()
    monkeypatch.setitem(comparison.EXIT, "came", 7)
    assert vars(bindings())["_codes"] is vars(listed)["_codes"]  # which takes long to list
    record = InProcess().run(doing(lambda: comparison.EXIT.__setitem__("came", 0)), draw(NET))
    assert record.failure.startswith("it replaced bpcompare.verdict.comparison.EXIT.came ")
    assert comparison.EXIT["came"] == 7


def test_what_was_imported_since_the_last_run_is_watched_too(monkeypatch):
    """A part of the judge that is imported late could be replaced, and one that was there before as well."""
    first = bindings()
    later = ModuleType("bpcompare.proof.later")
    exec("def weigh():\n    return 1\n\n\nclass Scale:\n    def tare(self):\n        return 0\n", vars(later))
    monkeypatch.setitem(sys.modules, "bpcompare.proof.later", later)
    monkeypatch.setattr(bpcompare.proof, "later", later, raising=False)
    grown, weigh, tare = bindings(), later.weigh, later.Scale.tare
    assert grown is not first
    with surroundings() as kept:
        later.weigh, later.Scale.tare = None, len
        certificate.judge.__defaults__ = ("", {})
    assert kept.replaced == [
        "bpcompare.proof.later.weigh",
        "bpcompare.proof.later.Scale.tare",
        "bpcompare.proof.certificate.judge",
    ]
    assert (later.weigh, later.Scale.tare) == (weigh, tare)
    assert not first.no_more(), "another list is made where that module is gone again"


def test_a_judge_that_somebody_replaced_before_is_not_taken_for_an_import(monkeypatch):
    """What somebody puts in the place of a part of ours before a run would stand in the list without its inside."""
    bindings()
    monkeypatch.setitem(sys.modules, "bpcompare.proof.later", ModuleType("bpcompare.proof.later"))
    mine = FunctionType(certificate.judge.__code__, vars(certificate), "mine", certificate.judge.__defaults__)
    monkeypatch.setattr(certificate, "judge", mine)
    with surroundings() as kept:
        mine.__defaults__ = None
    assert kept.replaced == ["bpcompare.proof.certificate.judge"]


def test_a_run_inside_of_a_run_takes_nothing_over_for_it():
    """A backend would replace an entry of the judgement, run bpcompare itself, and be judged by what it put there."""
    name, honest = next(iter(FUNCTIONS.items()))
    with surroundings() as kept:
        FUNCTIONS[name] = lambda x: x
        with surroundings():
            pass
    assert FUNCTIONS[name] is honest
    assert any("FUNCTIONS" in one for one in kept.replaced), kept.replaced


def test_what_our_own_code_keeps_is_no_replacement():
    """Honest backends would be refused for a module that was imported meanwhile."""
    run = "import bpcompare; net = bpcompare.load('mazur'); print(bpcompare.run(net, ['delta', 'delta!BP204']).verdict)"
    ended = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
    assert ended.stdout == "wrong\n"


def test_a_process_of_its_own_survives_all_of_it(tmp_path):
    """What is recommended for code that is not trusted must hold."""
    text = """
        import threading, time
        import bpcompare.proof.certificate, bpcompare.verdict.comparison
        from bpcompare_delta import Delta


        def later():
            time.sleep(0.2)
            bpcompare.proof.certificate.judge = bpcompare.verdict.comparison.Comparison.verdict = None


        class Student(Delta):
            name = "student"

            def run(self, plan):
                record = super().run(plan)
                record.steps[0].delta["l0"][...] *= 2
                threading.Thread(target=later, daemon=True).start()
                return record
    """
    (tmp_path / "student.py").write_text(dedent(text), encoding="utf-8")
    found = bpcompare.run(NET, [f"{tmp_path}/student.py:Student", "delta"], isolate=True)
    assert (found.verdict, found.backends["student"].verdict, found.backends["delta"].verdict) == ("wrong", "wrong", "certified")


def test_in_turn_each_backend_is_looked_at():
    """What the second of several backends replaces would judge the third, for it was looked at before the first."""
    with in_turn():
        first, second, third = (
            InProcess().run(backend, draw(NET)) for backend in (Delta, doing(_setting(certificate, "certify")), Delta)
        )
    assert (first.failure, third.failure) == (None, None)
    assert "replaced bpcompare.proof.certificate.certify" in second.failure
    assert certificate.certify is not _always


def test_in_turn_who_runs_another_backend_answers_for_what_it_replaced():
    """A backend would be refused for what the one that runs it had done before."""
    inner = []

    def run():
        inner.append(InProcess().run(Delta, draw(NET)))

    def change():
        certificate.certify = _always
        run()

    with in_turn():
        for _ in range(3):  # what is remembered from one run to the next is there then, and nothing is looked at anew for it
            InProcess().run(doing(run), draw(NET))
        outer = InProcess().run(doing(change), draw(NET))
    assert [one.failure for one in inner] == [None] * 4
    assert "replaced bpcompare.proof.certificate.certify" in outer.failure
