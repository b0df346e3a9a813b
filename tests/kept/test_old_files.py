"""What releases wrote is read for ever. `write.py` made the files, each release its own folder."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bpcompare
from bpcompare.engine.isolation.answers import outcome
from bpcompare.engine.worker import bootstrap
from bpcompare.engine.worker.answer import problems
from bpcompare.ops import OPS
from bpcompare.plan.draw import plan as draw
from bpcompare.plan.storage import load_plan, load_record, plan_bytes, record_bytes
from bpcompare.session import judge
from bpcompare.session.archive import load_answers
from bpcompare.session.reproduction import from_token
from bpcompare.testing.cases import cases
from bpcompare.tools.golden import Options, check, store, text, update
from bpcompare.tools.golden.golden import parts

HERE = Path(__file__).parent
RELEASES = sorted(path for path in HERE.iterdir() if path.name[:1].isdigit())
PLANS = [path for release in RELEASES for path in sorted((release / "plans").glob("*.plan.safetensors"))]
RUNS = {
    "certified": "certified",
    "float32": "certified",
    "wrong": "wrong",
    "exact": "certified",  # 0.1.0 drew short numbers, which leave the format open
    "not_run": "not_run",
    "alone": "certified",
}
GOLDENS = [
    ("mazur.toml", "delta", Options()),
    ("mazur.toml", "torch", Options(dtype="float32", steps=2)),
    ("mazur.toml", "jax", Options(seed=5)),
    ("mazur.toml", "student.py:Honest", Options(steps=3)),
    ("skip.toml", "delta", Options(steps=2)),
]


def named(path):
    return f"{path.parts[-3]}-{path.name.partition('.')[0]}"


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def release(request, tmp_path):
    """A copy of what one release wrote."""
    return Path(shutil.copytree(request.param, tmp_path / request.param.name))


@pytest.mark.parametrize("path", PLANS, ids=named)
def test_plans_and_records(path):
    """Plans and answers that somebody keeps, or that cross to another environment, could not be read after an upgrade."""
    plan, record = load_plan(path), load_record(path.with_name(path.name.replace(".plan.", ".record.")))
    assert not list(problems(plan, record, owned=False))
    kink = any(case.kink and case.name == path.name.partition(".")[0] for case in cases())
    assert judge("kept", plan, {"delta": record}).verdict in (
        ("certified", "undecided", "convention") if kink else ("certified",)
    )


@pytest.mark.parametrize("path", PLANS, ids=named)
def test_what_is_written_now_is_what_was_written_then(path):
    """A digest would change with an upgrade: kept answers would be to another plan, other versions could not read ours."""
    assert plan_bytes(load_plan(path)) == path.read_bytes()
    record = path.with_name(path.name.replace(".plan.", ".record."))
    assert record_bytes(load_record(record)) == record.read_bytes()


def test_every_op_of_then_is_among_them():
    """An op could become unreadable and no test would notice."""
    for folder in RELEASES:
        kept = set()
        for path in folder.glob("plans/*.plan.safetensors"):
            network = load_plan(path).network
            kept |= {network.error.op.name, network.update.name}
            kept |= {op.name for layer in network.layers.values() for op in (layer.op, layer.g)}
        assert len(kept) >= 31
        assert kept <= OPS.keys()


@pytest.mark.parametrize("name", RUNS)
def test_saved_runs(release, name):
    """Evidence that somebody saved could not be shown any more, or would say something else."""
    comparison = bpcompare.load_comparison(release / "runs" / f"{name}.bpz")
    assert comparison.verdict == RUNS[name]
    if name == "wrong":
        assert [blame.code for blame in comparison.blames] == ["BP204", "BP204"]
        assert comparison.first.path == "h.delta"


def test_an_old_run_and_a_new_one_are_of_the_same_numbers(release):
    """`diff` could not say what an upgrade moved."""
    old = load_answers(release / "runs" / "certified.bpz")
    assert old.plan.digest == draw(bpcompare.load(release / "goldens" / "mazur.toml")).digest


@pytest.mark.parametrize(("spec", "backend", "options"), GOLDENS, ids=lambda value: str(value)[:20])
def test_goldens(release, monkeypatch, spec, backend, options):
    """The first upgrade would make every golden worthless, which are there for upgrades."""
    if backend in ("torch", "jax"):
        pytest.importorskip(backend)
    monkeypatch.chdir(release / "goldens")
    checked = check(spec, backend, options)
    assert checked.change.outcome in ("same", "moved")
    if checked.path.name.endswith(store.TEXT):
        assert text.dumps(*parts(checked.golden)) == checked.path.read_bytes()


def test_a_golden_of_a_file_is_renewed_without_force(release, monkeypatch):
    """0.1.0 kept the whole path of a file: every checkout elsewhere would be asked to force what is the same."""
    monkeypatch.chdir(release / "goldens")
    proposed = update("mazur.toml", "student.py:Honest", Options(steps=3))
    assert not proposed.replaces
    assert proposed.change.outcome in ("same", "moved")
    assert proposed.golden.record.provenance.address == "student.py:Honest"


def test_tokens(release):
    """A token in an old issue could not be pasted any more."""
    it = from_token((release / "runs" / "token.txt").read_text(encoding="utf-8"))
    assert it.fails_likewise(it.run())
    assert it.first.code == "BP204"


@pytest.mark.slow
def test_scripts(release):
    """A script in an old issue would end in a traceback."""
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    command = [sys.executable, release / "runs" / "script.py.txt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=release)
    assert done.returncode == 1, done.stderr
    assert "It ends the same way here." in done.stdout


def test_a_worker_serves_the_request_of_then(release):
    """Whoever drives workers by the documented protocol would have to change with every release."""
    folder = release / "worker"
    answered = load_record(folder / "record.safetensors")
    for name in ("record.safetensors", "outcome.json"):
        (folder / name).unlink()
    subprocess.run([sys.executable, "-P", "-u", bootstrap.__file__, folder], check=True, capture_output=True)
    assert outcome(folder, 1)["outcome"] == "answered"
    again = load_record(folder / "record.safetensors")
    assert np.array_equal(again.steps[0].delta["h"], answered.steps[0].delta["h"])


@pytest.mark.parametrize("change", [{"protocol": 2}, {"protocol": None}, {"later": 1}])
def test_a_request_of_another_version_is_told(release, change):
    """A newer bpcompare would get a traceback from an older one in another environment, or an answer to what it did not ask."""
    folder = release / "worker"
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    (folder / "request.json").write_text(json.dumps({**request, **change}), encoding="utf-8")
    (folder / "outcome.json").unlink()
    subprocess.run([sys.executable, "-P", "-u", bootstrap.__file__, folder], check=True, capture_output=True)
    found = outcome(folder, 1)
    assert found["outcome"] == ("answered" if "later" in change else "broken")
    assert "later" in change or "of another bpcompare" in found["reason"]


def test_the_outcomes_of_then_are_understood(release):
    """A worker that was written for the documented protocol would be taken for one that crashed."""
    folder = release / "worker"
    for kind, key in (("absent", "hint"), ("broken", "reason")):
        shutil.copy(folder / f"outcome.{kind}.json", folder / "outcome.json")
        found = outcome(folder, 1)
        assert found["outcome"] == kind
        assert found[key]


LATER = {
    "plan/record.py": '    device: str = "cpu"\n',
    "network/network.py": "    steps: int = 1\n",
    "network/parameter.py": "    scale: float = 1.0\n",
    "proof/finding.py": "    recorded: float = 0.0\n",
    "verdict/blame.py": "    oracle: float | None = None\n",
    "ops/dense.py": "    bias: bool = True\n",
    "ops/update.py": "    momentum: float = 0.0\n",
    "ops/error.py": "    threshold: float = 1.0\n",
    "engine/address.py": '    distribution: str = ""\n',
}
"""Where a field is put in, before one that is there."""
READ = """
import sys
from pathlib import Path
import bpcompare
from bpcompare.tools.golden import Options, check
from bpcompare.plan.record import Provenance
from bpcompare.session.reproduction import from_token
from bpcompare.plan.storage import load_plan, load_record, plan_bytes, record_bytes
from bpcompare.engine.worker.child import serve
import json

assert Provenance("a", "b", "c").later == 7
release = Path(sys.argv[1])
for path in release.glob("plans/*.safetensors"):
    load, dump = (load_plan, plan_bytes) if ".plan." in path.name else (load_record, record_bytes)
    assert dump(load(path)) == path.read_bytes(), path
for path in release.glob("runs/*.bpz"):
    print(path.stem, bpcompare.load_comparison(path).verdict)
print(check(release / "goldens" / "mazur.toml", "delta").change.outcome)
print(from_token((release / "runs" / "token.txt").read_text()).verdict)
serve(release / "worker", json.loads((release / "worker" / "request.json").read_text())["address"])
"""


@pytest.mark.slow
def test_a_new_field_with_a_default_changes_nothing(release, tmp_path):
    """The next field that somebody adds would make every kept file unreadable."""
    package = Path(shutil.copytree(Path(bpcompare.__file__).parent, tmp_path / "later" / "bpcompare"))
    for name, line in LATER.items():
        source = (package / name).read_text(encoding="utf-8")
        assert line in source, f"{name} has no such field any more: take another"
        (package / name).write_text(source.replace(line, f"    later: int = 7\n{line}"), encoding="utf-8")
    command = [sys.executable, "-P", "-c", READ, str(release)]
    environment = {"PYTHONPATH": str(package.parent), "PATH": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=release)
    assert done.returncode == 0, done.stderr
    found = done.stdout.split("\n")
    assert {f"{name} {verdict}" for name, verdict in RUNS.items()} <= set(found)
    assert found[-3:-1] == ["same", "wrong"]
