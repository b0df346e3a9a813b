"""Backends in processes of their own."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bpcompare
from bpcompare.engine.isolation import Isolated
from bpcompare.engine.worker import InProcess
from bpcompare.plan.draw import plan as draw
from bpcompare.report import text
from bpcompare_delta import Delta
from places import EXAMPLES

HERE = Path(__file__).parent
TROUBLE = HERE / "troublemakers.py"
LIMITS = {"timeout": 20, "memory": 2 * 2**30}


def troublemaker(name):
    return f"{TROUBLE}:{name}"


@pytest.fixture(scope="module")
def mazur():
    return bpcompare.load(EXAMPLES / "mazur.toml")


@pytest.fixture(scope="module")
def together(mazur):
    """All troublemakers and two honest backends, in one run."""
    trouble = ["Segfaults", "Hangs", "Chatters", "Allocates", "Nan", "Garbage", "Leaves", "Aborts", "Changes"]
    honest = ["delta", "torch"] if importlib.util.find_spec("torch") else ["delta"]
    return bpcompare.run(mazur, [*honest, *map(troublemaker, trouble)], isolate=True, timeout=8, memory=2 * 2**30)


SAID = {
    "Segfaults": "crashed with SIGSEGV",
    "Hangs": "did not answer within 8 s",
    "allocates": "Unable to allocate",
    "garbage": "run must return a Record, returned bytes",
    "Leaves": "ended with exit code 0 and no answer",
    "Aborts": "crashed with SIGABRT",
}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", SAID)
def test_what_goes_wrong_is_reported_as_that_backends(together, name):
    """A crash, a hang or an empty memory would take the whole run with it, or be nobody's."""
    key = name if name.islower() else troublemaker(name)
    assert SAID[name] in together.certificates[key].failure
    assert together.backends[key].verdict == "not_run"
    assert Path(name).name.casefold() in text(together).casefold()


def test_the_others_results_stand(together, mazur):
    """One backend's trouble would change, or lose, the answers of the others."""
    alone = bpcompare.run(mazur, ["delta"])
    for name in ("delta", "chatters", "changes"):
        assert together.backends[name].verdict == "certified"
        for path, x in alone.records["delta"].steps[0].gradient.items():
            assert np.array_equal(x, together.records[name].steps[0].gradient[path])
    assert together.backends["nan"].verdict == "wrong"
    assert together.exit_code == 3, "a backend that did not run comes before one that is wrong"


def test_chatter_is_kept_as_the_backends_own_words(together):
    """What a backend prints would be lost, or reach the results, or fill the memory; control characters would reach terminals."""
    printed = together.records["chatters"].provenance.printed
    assert 100 < len(printed) <= 600
    assert "\x1b" not in printed
    assert "\x00" not in printed
    assert "outcome" in printed


def test_last_words_of_a_crash_say_where(together):
    """Nobody could find a crash in native code."""
    assert "string_at" in together.certificates[troublemaker("Segfaults")].failure


def test_nothing_that_hung_is_left_running(together):
    """Killing only the first process of a hanging backend would leave its children behind."""
    processes = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(b"left by hangs" in line for line in processes)


def test_answers_are_the_same_bits_apart_and_here(mazur):
    """A process of its own would change what a backend computes, or the way there and back would change a number."""
    for name in ("digits.toml", "skip.toml"):
        plan = draw(bpcompare.load(EXAMPLES / name), "float32", 2)
        here, there = InProcess().run(Delta, plan), Isolated(**LIMITS).run(Delta, plan)
        for one, other in zip(here.steps, there.steps, strict=True):
            for field in ("net_in", "a", "delta", "gradient", "parameters", "slots", "state"):
                for path, x in getattr(one, field).items():
                    assert np.array_equal(x, getattr(other, field)[path]), (field, path)
            assert one.error == other.error


def test_saboteurs_run_apart_too():
    """A name that only the registry understands would be unknown to a worker."""
    comparison = bpcompare.run(bpcompare.load(EXAMPLES / "xor.toml"), ["delta", "delta!BP204"], isolate=True, timeout=60)
    assert comparison.backends["delta!BP204"].verdict == "wrong"
    assert comparison.first.code == "BP204"


def test_a_class_from_nowhere_is_refused(mazur):
    """A class that another process cannot import would fail in an unreadable way."""

    class Local(Delta):
        name = "local"

    comparison = bpcompare.run(mazur, [Local], isolate=True)
    assert "can import" in comparison.certificates["local"].failure


@pytest.mark.slow
def test_frameworks_that_are_absent_are_left_out_unless_asked_for(mazur, tmp_path, monkeypatch):
    """With `isolate`, nobody imports a framework here to see whether it is there; the worker has to say."""
    info = tmp_path / "stranger-1.0.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text(
        "Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\nRequires-Dist: no-such-framework\n"
    )
    info.joinpath("entry_points.txt").write_text("[bpcompare.backends]\nstranger = stranger_backend:Own\n")
    (tmp_path / "stranger_backend.py").write_text("import no_such_framework\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "stranger" not in bpcompare.run(mazur, isolate=True).certificates
    asked = bpcompare.run(mazur, ["stranger"], isolate=True)
    assert "pip install no-such-framework" in asked.certificates["stranger"].failure


def test_a_worker_imports_the_standard_library_numpy_and_safetensors_only(tmp_path, mazur):
    """Another Python would need all of bpcompare's dependencies beside its framework."""
    (tmp_path / "spy.py").write_text(
        "import sys\nfrom bpcompare.backend import Backend\nfrom bpcompare.ops import OPS\n"
        "class Spy(Backend):\n    name = 'spy'\n    table = {op: print for op in OPS.values()}\n"
        "    @classmethod\n    def version(cls): return '1'\n"
        "    def run(self, plan): raise RuntimeError(' '.join(sorted({m.partition('.')[0] for m in sys.modules})))\n"
    )
    failure = bpcompare.run(mazur, [f"{tmp_path}/spy.py:Spy"], isolate=True).certificates["spy"].failure
    loaded = set(failure.partition("\n")[0].split()) - sys.stdlib_module_names
    strangers = {name for name in loaded if not name.startswith(("_", "numpy", "safetensors", "bpcompare")) and "spy" not in name}
    # Whatever .pth files of this environment bring in is not the worker's.
    assert not strangers & {"scipy", "pydantic", "rich", "cyclopts", "tree_sitter", "filelock", "platformdirs", "torch", "jax"}


@pytest.mark.parametrize(
    ("python", "said"),
    [("/nowhere/python", "there is no Python at /nowhere/python"), ("/", "there is no Python at /")],
)
def test_another_python_that_is_not_there(mazur, python, said):
    """A mistyped path would end in a traceback."""
    assert said in bpcompare.run(mazur, [f"delta@{python}"]).certificates[f"delta@{python}"].failure


def test_another_python_without_what_a_worker_needs(mazur, tmp_path):
    """Somebody's Python without NumPy would give a traceback instead of the words what to install."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    name = f"delta@{tmp_path}/bare/bin/python"
    failure = bpcompare.run(mazur, [name]).certificates[name].failure
    assert "has no module 'numpy'" in failure
    assert "must be installed for" in failure


def test_another_python_that_answers_with_nonsense(mazur, tmp_path):
    """A program that is no Python, or a record that was tampered with, would be taken for an answer."""
    liar = tmp_path / "python"
    liar.write_text('#!/bin/sh\nfor last; do :; done\necho \'{"protocol": 1, "outcome": "answered"}\' > "$last/outcome.json"\n')
    liar.chmod(0o755)
    failure = bpcompare.run(mazur, [f"delta@{liar}"]).certificates[f"delta@{liar}"].failure
    assert "record.safetensors" in failure
    liar.write_text(
        '#!/bin/sh\nfor last; do :; done\ncp "$last/plan.safetensors" "$last/record.safetensors"\n'
        'echo \'{"protocol": 1, "outcome": "answered"}\' > "$last/outcome.json"\n'
    )
    failure = bpcompare.run(mazur, [f"delta@{liar}"]).certificates[f"delta@{liar}"].failure
    assert "holds a plan, expected a record" in failure


def test_the_documented_protocol_is_the_one_that_is_spoken(mazur, tmp_path):
    """Who writes a worker in another language by docs/protocol.md would be misled."""
    spy = tmp_path / "python"
    spy.write_text(f'#!/bin/sh\nfor last; do :; done\ncp -r "$last" {tmp_path}/seen\nexit 7\n')
    spy.chmod(0o755)
    failure = bpcompare.run(mazur, [f"delta@{spy}"]).certificates[f"delta@{spy}"].failure
    assert "exit code 7" in failure
    request = json.loads((tmp_path / "seen" / "request.json").read_text())
    documented = (HERE.parent.parent / "docs" / "protocol.md").read_text()
    for key in (*request, *request["address"], "plan.safetensors", "record.safetensors", "outcome.json"):
        assert f"`{key}`" in documented, key


@pytest.mark.parametrize("options", [["--timeout", "0"], ["--timeout", "nan"], ["--memory", "much"], ["--memory", "1K"]])
def test_limits_that_make_no_sense_are_refused(options, capsys):
    """A limit that was mistyped would be no limit, or stop every backend."""
    from bpcompare.cli import main

    assert main(["run", str(EXAMPLES / "mazur.toml"), *options]) == 2
    assert options[0] in capsys.readouterr().err
