"""One model under several versions of its framework: made in environments of their own, judged and compared here."""

import json
import os
import sys

import pytest

torch = pytest.importorskip("torch")

from bpcompare.cli import main  # noqa: E402
from bpcompare.engine.address import locate  # noqa: E402
from bpcompare.own.apart import ElsewhereError, step_of  # noqa: E402
from bpcompare.own.factory import FactoryError, FailedError  # noqa: E402

HERE = f"torch@{sys.executable}"
"""This Python, as if it were another one."""
NET = """
import os
import sys

import torch
from torch import nn

APART = sys.flags.isolated


def make():
    act = nn.GELU(approximate="tanh" if APART else "none")
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)), torch.ones(2, 3), None, torch.mean


def other():
    return nn.Sequential(nn.Linear(3, 4), nn.GELU(approximate="tanh" if APART else "none")), torch.randn(2, 3), None, torch.mean


def fails():
    raise KeyError("no data")


def ends():
    os._exit(7)


def lacks():
    import no_such_package
"""


@pytest.fixture(autouse=True)
def net(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)


def test_versions_are_judged_each_and_compared(capsys):
    """Somebody who upgrades could not see before it what becomes of their model."""
    assert main(["check", "net.py:make", "-b", f"torch,{HERE}"]) == 0
    out = capsys.readouterr().out
    assert out.count("certified  torch") == 4
    assert out.count("same  net.py:make as") == 2


@pytest.mark.slow
def test_where_the_numbers_part_is_told(capsys):
    """A version that computes another function would be certified, and nobody would be told where it differs."""
    assert main(["check", "net.py:other", "-b", f"torch,{HERE}", "--as-is", "--json", "-"]) == 1
    (change,) = json.loads(capsys.readouterr().out)["changes"]
    (run,) = change["runs"]
    assert change["outcome"] == "changed"
    assert run["differences"][0]["module"] == "1"
    assert run["parts"]["path"] == "1:gelu.y"


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("fails", FailedError, "no data"),
        ("ends", ElsewhereError, "exit code 7"),
        ("lacks", FailedError, "-m pip install"),
        ("mak", FactoryError, 'did you mean "make"?'),
    ],
)
def test_what_fails_there_is_said_here(name, kind, says):
    """A process that ends in another Python would be a traceback of ours, or silence."""
    with pytest.raises(kind, match=says) as caught:
        step_of(locate(HERE), f"net.py:{name}", as_is=True)
    assert str(caught.value).startswith("torch@")


@pytest.mark.slow
def test_an_environment_that_cannot_be_made_is_said_in_a_line(monkeypatch, tmp_path, capsys):
    """Offline, a page of pip's retries would be the answer."""
    monkeypatch.setenv("BPCOMPARE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))  # no uv
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert main(["check", "net.py:make", "-b", "torch@2.12.0"]) == 3
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("torch@2.12.0: no environment with torch==2.12.0 can be made")


@pytest.mark.parametrize(
    ("names", "says"),
    [("delta", "code of your own runs on torch, jax"), ("tensorflow@2.0", "no backend is called"), ("torch,torch", "twice")],
)
def test_what_is_no_framework_is_refused(capsys, names, says):
    """A backend of specs would be asked to run somebody's model."""
    assert main(["check", "net.py:make", "-b", names]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.slow
def test_a_step_is_made_where_nothing_is_installed_that_judges(monkeypatch, tmp_path):
    """An environment of a version has NumPy, safetensors and the framework, and would have to have all of ours."""
    blocked = ("scipy", "rich", "pydantic", "packaging", "platformdirs", "cyclopts", "jinja2", "filelock", "tree_sitter")
    code = f"""
import sys
for name in {blocked!r}:
    sys.modules[name] = None
from pathlib import Path
from bpcompare.own.serving import serve
sys.exit(serve(Path({str(tmp_path)!r}), {{"of": "net.py:make", "seed": 0, "as_is": True, "intended": []}}))
"""
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "outcome.json").read_text())["outcome"] == "made"
