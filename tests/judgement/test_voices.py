"""Votes are counted by voice: whoever shares the code behind its numbers with another backend has one word together with it."""

from dataclasses import replace
from textwrap import dedent, indent

import pytest

from bpcompare import load_comparison, ops
from bpcompare.engine.asked import located
from bpcompare.engine.worker import InProcess
from bpcompare.engine.worker.origin import seen, voice
from bpcompare.plan.draw import plan as draw
from bpcompare.plan.record import Provenance
from bpcompare.plan.voice import listed, sources, voices
from bpcompare.session import changed, judge, run
from bpcompare.testing.scaffold import scaffold
from bpcompare_delta import Delta
from students import mlp

NET = mlp([3, 4, 2], ops.Tanh())

BY_HAND = '''
    import numpy as np

    from bpcompare.backend import Backend
    from bpcompare.ops import OPS, Dense, HalfSquared, Identity, Sgd, Tanh
    from bpcompare.plan.record import Provenance, Record, StepRecord


    class {name}(Backend):
        """Two dense layers by hand."""

        name = "{name}"
        table = {{op: np.add for op in (Dense, HalfSquared, Identity, Sgd, Tanh)}}
        gaps = {{op: "not written" for op in set(OPS.values()) - table.keys()}}

        @classmethod
        def version(cls):
            return np.__version__

        def run(self, plan):
            w, (batch,) = plan.parameters, plan.batches
            x, t, n = batch.inputs["x"], batch.target, len(batch)
            in0 = x @ w["l0.weight"] + w["l0.bias"]
            a0 = np.tanh(in0)
            in1 = {forward}
            d1 = (t - in1) / n
            d0 = (1 - a0 * a0) * (d1 @ w["l1.weight"].T)
            gradient = {{
                "l0.weight": -(x.T @ d0), "l0.bias": -d0.sum(axis=0), "l1.weight": -(a0.T @ d1), "l1.bias": -d1.sum(axis=0),
            }}
            new = {{name: w[name] - plan.network.update.eta * gradient[name] for name in w}}
            step = StepRecord(
                np.array(0.5 * np.sum((t - in1) ** 2) / n), {{"l0": in0, "l1": in1}}, {{"l0": a0, "l1": in1.copy()}},
                {{"l0": d0, "l1": d1}}, gradient, None, new, {{}}, {{}},
            )
            return Record(plan.digest, (step,), Provenance("{name}", "numpy", "2"))
'''
RIGHT, WRONG = 'a0 @ w["l1.weight"] + w["l1.bias"]', '1.001 * (a0 @ w["l1.weight"]) + w["l1.bias"]'
AROUND = """
    {imports}


    class {name}({base}):
        name = "{name}"
        {declared}

        def run(self, plan):
            record = {call}
            record.steps[0].net_in["l1"][...] *= 1.001
            return record
"""


def _by_hand(folder, name, forward=RIGHT):
    path = folder / f"{name}.py"
    path.write_text(dedent(BY_HAND).format(name=name, forward=forward), encoding="utf-8")
    return f"{path}:{name}"


def _around(folder, name, *, imports="from bpcompare_torch import *", base="Torch", call="super().run(plan)", declared="pass"):
    """A backend that takes another's numbers, and scales the second layer's net input."""
    path = folder / f"{name}.py"
    written = dedent(AROUND).format(imports=imports, name=name, base=base, call=call, declared=declared)
    path.write_text(written, encoding="utf-8")
    return f"{path}:{name}"


def _judged(*backends, net=NET, **options):
    return run(net, list(backends), oracle="off", **options)


def _blamed(comparison):
    return {blame.backend: blame.blame for blame in comparison.blames}


@pytest.fixture(autouse=True)
def frameworks():
    pytest.importorskip("torch")
    pytest.importorskip("jax")


def test_two_students_by_hand_are_two_voices(tmp_path):
    """The law could never be found wrong by people who have no framework."""
    comparison = _judged(_by_hand(tmp_path, "Ann", WRONG), _by_hand(tmp_path, "Bob", f"({WRONG})*1 + 0"))
    assert set(_blamed(comparison).values()) == {"law"}
    assert comparison.first.ground == "Ann and Bob leave the law together and agree with each other"


@pytest.mark.parametrize(("beside", "blamed"), [(("torch",), {"Ann": "Ann", "Bob": "Bob"}), ((), {"Ann": None, "Bob": None})])
def test_two_students_with_one_known_mistake_do_not_convict_the_law(beside, blamed, tmp_path):
    """Most of a class goes uphill, and the report says that the law is wrong."""
    asked = []
    for name, step in (
        ("Ann", "w[name] + plan.network.update.eta * gradient[name]"),
        ("Bob", "w[name] - -1 * eta * gradient[name]"),
    ):
        path = tmp_path / f"{name}.py"
        text = (
            dedent(BY_HAND).format(name=name, forward=RIGHT).replace("w[name] - plan.network.update.eta * gradient[name]", step)
        )
        path.write_text(text.replace("w, (batch,) =", "eta, w, (batch,) = plan.network.update.eta,"), encoding="utf-8")
        asked.append(f"{path}:{name}")
    comparison = _judged(*asked, *beside)
    assert {blame.code for blame in comparison.blames} == {"BP409"}
    assert _blamed(comparison) == blamed


def test_a_copied_file_is_one_voice(tmp_path):
    """Two who hand in the same file, with their own names in it, would convict the law."""
    comparison = _judged(_by_hand(tmp_path, "Ann", WRONG), _by_hand(tmp_path, "Bob", WRONG))
    assert set(_blamed(comparison).values()) == {None}
    assert "Ann and Bob (one voice: the same code)" in comparison.first.ground


WAYS = {
    "subclass": {},
    "subclass with another voice": {"declared": 'voice = ("mine", "another")'},
    "subclass by attribute": {"imports": "import bpcompare_torch", "base": "bpcompare_torch.Torch"},
    "imported where it is used": {
        "imports": "from bpcompare_torch.backend import Torch as Base\nimport numpy",
        "base": "Base",
    },
}
WRAPPERS = {
    "composed": ("from bpcompare_torch import Torch", "Torch().run(plan)"),
    "imported inside": ("import importlib", "importlib.import_module('bpcompare_torch').Torch().run(plan)"),
    "by sys.modules": ("import sys", "__import__('bpcompare_torch').Torch().run(plan)"),
    "by bpcompare.run": ("import bpcompare", "bpcompare.run(plan.network, ['torch'], plan.dtype).records['torch']"),
}


@pytest.mark.parametrize("way", WAYS)
def test_two_subclasses_do_not_outvote_the_framework(way, tmp_path):
    """Two twins of torch with one mistake would make the law the culprit, against torch itself."""
    twins = [_around(tmp_path, name, **WAYS[way]) for name in ("Castor", "Pollux")]
    comparison = _judged(*twins, "torch")
    assert _blamed(comparison) == {"Castor": "Castor", "Pollux": "Pollux"}
    assert "Castor and Pollux (one voice: torch)" in comparison.first.ground
    assert set(_blamed(_judged(*twins)).values()) == {None}


@pytest.mark.slow
def test_a_voice_travels_with_the_record(tmp_path):
    """In processes of their own, or read from a saved run, twins would be two."""
    twins = [_around(tmp_path, name) for name in ("Castor", "Pollux")]
    comparison = _judged(*twins, isolate=True)
    assert set(_blamed(comparison).values()) == {None}
    comparison.save(str(tmp_path / "run.bpz"))
    saved = load_comparison(tmp_path / "run.bpz")
    again = judge("again", saved.plan, saved.records, oracle=False)
    assert again.first.ground == comparison.first.ground
    assert "one voice: torch" in again.first.ground


@pytest.mark.parametrize("way", WRAPPERS)
def test_a_wrapper_speaks_with_the_voice_inside(way, tmp_path):
    """A plugin that calls torch would be a second witness for what torch does."""
    imports, call = WRAPPERS[way]
    head = f"{imports}\nfrom bpcompare.backend import Backend\nfrom bpcompare.ops import OPS\n"
    body = 'table = dict.fromkeys(OPS.values(), len)\nversion = classmethod(lambda cls: "1")'
    twins = [
        _around(tmp_path, name, imports=head, base="Backend", declared=indent(body, " " * 4).strip(), call=call)
        for name in ("Castor", "Pollux")
    ]
    comparison = _judged(*twins)
    assert {verdict.verdict for verdict in comparison.backends.values()} == {"wrong"}
    assert set(_blamed(comparison).values()) == {None}


def test_a_subclass_of_delta_shares_the_laws(tmp_path):
    """Under a name of its own, the law's own formulas would be the witness for the law."""
    own = _around(tmp_path, "Own", imports="from bpcompare_delta import Delta", base="Delta", declared='voice = "mine"')
    honest = tmp_path / "honest.py"
    honest.write_text("from bpcompare_delta import Delta\n\n\nclass Honest(Delta):\n    name = 'Honest'\n", encoding="utf-8")
    comparison = _judged(own, f"{honest}:Honest", "delta!BP301")
    assert set(_blamed(comparison).values()) == {None}
    assert "whose voice is also that of Honest" in comparison.first.ground


def test_two_versions_of_a_framework_are_one_voice():
    """A regression that two versions share would be the law's fault as soon as a matrix holds both."""
    plan = draw(NET)
    honest = InProcess().run(Delta, plan)
    step = honest.steps[0]
    spoiled = replace(step, net_in={**step.net_in, "l1": step.net_in["l1"] * 1.001})
    records = {
        name: replace(honest, steps=(spoiled,), provenance=Provenance(name, "jax", name[4:], voice=("jax",)))
        for name in ("jax@0.4.35", "jax@0.6.2")
    }
    comparison = judge("versions", plan, records, oracle=False)
    assert set(_blamed(comparison).values()) == {None}
    assert "jax@0.4.35 and jax@0.6.2 (one voice: jax)" in comparison.first.ground
    older = replace(honest, provenance=Provenance("jax@0.4.30", "jax", "0.4.30", voice=("jax",)))
    assert all(
        name == blamed for name, blamed in _blamed(judge("v", plan, {**records, "jax@0.4.30": older}, oracle=False)).items()
    )


def test_a_backend_then_and_now_is_one_voice(tmp_path):
    """A golden and what was made of it since would convict the law together."""
    plan = draw(NET)
    records = [InProcess().run(located([_by_hand(tmp_path, name, WRONG)])[0], plan) for name in ("then", "now")]
    records[1] = replace(records[1], provenance=replace(records[1].provenance, voice=("code other",)))
    change = changed("net", plan, ("then", records[0], "golden"), ("then", records[1], "now"))
    assert {blame.blame for blame in change.comparison.blames} <= {None, *change.comparison.records}
    assert all("leave the law together" not in blame.ground for blame in change.comparison.blames)


def test_records_without_a_voice_speak_by_their_framework():
    """Of runs saved before voices were written down, delta would be a witness for the law, and two torches two."""
    assert sources("delta", Provenance("delta", "numpy", "2")) == {"laws"}
    assert sources("delta!BP204", Provenance("delta!BP204", "numpy", "2")) == {"laws"}
    assert sources("mine", Provenance("mine", "numpy", "2", updater="bpcompare.laws.update")) == {"laws"}
    assert sources("a", Provenance("a", "PyTorch", "2")) == sources("b", Provenance("b", "torch", "1")) == {"torch"}
    assert sources("c", Provenance("c", "numpy", "2")).isdisjoint(sources("d", Provenance("d", "numpy", "2")))
    assert sources("e", Provenance("e", "new framework", "2")) == {"new framework"}


def test_a_backend_on_two_frameworks_adds_no_voice():
    """torch, JAX and a layer over both would be three."""
    heard = {"both": frozenset({"torch", "jax"}), "torch": frozenset({"torch"}), "jax": frozenset({"jax"})}
    assert len(voices(["both", "torch", "jax"], heard)) == 2
    assert str(voices(["both"], heard)[0]) == "both"
    assert listed(voices(["torch", "jax"], heard)) == "torch and jax"


def test_a_shared_module_is_one_voice(tmp_path):
    """Two files that call the same helper would confirm each other's mistake."""
    (tmp_path / "common.py").write_text("def double(x):\n    return 2 * x\n", encoding="utf-8")
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(f"from common import double\n\n\ndef {name}():\n    ...\n", encoding="utf-8")
    assert set(seen(f"{tmp_path}/one.py:A")) & set(seen(f"{tmp_path}/two.py:B"))


def test_what_stands_beside_a_backend_does_not_silence_it(tmp_path):
    """A file that also runs bpcompare, draws a picture or reads a table would lose its vote."""
    path = tmp_path / "mine.py"
    text = "import bpcompare, numpy, scipy.special, pandas, tqdm\n\nbpcompare.run(lambda: 0)\n"
    path.write_text(text, encoding="utf-8")
    assert len(seen(f"{path}:Mine")) == 1


def test_an_empty_file_is_no_common_ground(tmp_path):
    """Every two packages have an empty __init__.py in common."""
    for name in ("one", "two"):
        inner = tmp_path / name / "inner"
        inner.mkdir(parents=True)
        (inner / "__init__.py").write_text("", encoding="utf-8")
        (tmp_path / name / f"{name}.py").write_text(f"import inner\n\n\ndef {name}(x):\n    return x\n", encoding="utf-8")
    assert not set(seen(f"{tmp_path}/one/one.py:A")) & set(seen(f"{tmp_path}/two/two.py:B"))


def test_two_scaffolds_are_one_voice_until_one_is_written(tmp_path):
    """What `bpcompare new` writes would be two witnesses under two names."""
    ann, bob = (scaffold(name, tmp_path) / f"bpcompare_{name}" / "backend.py" for name in ("ann", "bob"))
    assert set(seen(f"{ann}:Ann")) & set(seen(f"{bob}:Bob"))
    bob.write_text(bob.read_text(encoding="utf-8").replace("1 - a * a", "1 / np.cosh(x) ** 2"), encoding="utf-8")
    assert not set(seen(f"{ann}:Ann")) & set(seen(f"{bob}:Bob"))


def test_installed_code_is_seen_without_being_imported():
    """A process of its own could say of itself what it likes."""
    assert "torch" in seen("bpcompare_torch:Torch")
    assert "laws" in seen("bpcompare_delta.backend:Delta")
    assert seen("no_such_module_at_all:Nobody") == ()


def test_code_that_cannot_be_read_is_a_voice_of_its_own(tmp_path):
    """A source that is no Python, or nests a thousand deep, would end the run."""
    for name, text in (("a", "def ("), ("b", "(" * 5_000), ("c", "\0"), ("d", "x = lambda: 0\ny = " + "1 + " * 5_000 + "1")):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        assert len(seen(f"{tmp_path}/{name}.py:A")) == 1


def test_declared_sources_come_first():
    """A report would call torch's voice by the name of a package."""

    class Odd(Delta):
        voice = ("mine", "", 3)

    assert voice(Odd)[:2] == ("mine", "laws")
