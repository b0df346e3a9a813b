"""`bpcompare watch -m`: training code in a package, which `python -m` runs."""

import sys

import pytest

pytest.importorskip("torch")

TRAIN = """
import sys
import torch
from .net import make
assert sys.argv[1:] == ["--lr", "0.5"], sys.argv
assert sys.modules["__main__"].__spec__.name == "parts.train"
model = make()
optimizer = torch.optim.SGD(model.parameters(), float(sys.argv[2]))
for _ in range(2):
    optimizer.zero_grad()
    model(torch.ones(3, 2)).square().sum().backward()
    optimizer.step()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a package that imports its own parts."""
    package = tmp_path / "parts"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "net.py").write_text("import torch\n\n\ndef make():\n    return torch.nn.Linear(2, 3)\n")
    (package / "train.py").write_text(TRAIN)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "parts"]:
        del sys.modules[name]


@pytest.mark.usefixtures("folder")
def test_a_module_runs_as_it_is(said):
    """Whoever keeps training code in a package would have to write a script to ask about it."""
    before = list(sys.path)
    found = said("watch", "-m", "--at-step", 2, "parts.train", "--lr", "0.5")
    assert (found.code, found.err.count("Traceback")) == (0, 0), found.err
    assert "in step 2 of parts.train" in found.out
    assert sys.path == before


@pytest.mark.usefixtures("folder")
def test_what_no_module_is_is_said(said):
    """A traceback of Python's would stand for an answer; or nobody would learn that there is -m."""
    for words, code, text in (
        (("-m", "part.train"), 2, "there is no module part in this folder"),
        (("-m", ""), 2, "there is no module"),
        (("-m", "parts.trains"), 3, "No module named parts.trains"),
        (("parts.train",), 2, "the module of that name is run by -m"),
        (("parts/train.py",), 3, "bpcompare watch -m PACKAGE.MODULE"),
    ):
        found = said("watch", *words)
        assert found.code == code, words
        assert text in " ".join(found.err.split()), found.err
        assert "Traceback" not in found.err
