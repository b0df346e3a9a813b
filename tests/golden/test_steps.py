"""Goldens of people's own code, by the command; files of them that are damaged, foreign, or newer."""

import json

import pytest

pytest.importorskip("torch")

from bpcompare.cli import main
from bpcompare.plan.storage import StorageError
from bpcompare.tools.golden.outlines import dumps, loads
from bpcompare.tools.golden.seal import sealed

NET = """
import torch
from torch import nn


class Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.tanh()

    @staticmethod
    def backward(ctx, g):
        return g / 2


class Act(nn.Module):
    def forward(self, x):
        return Half.apply(x)


def make():
    model = nn.Sequential(nn.Linear(3, 4), {act}, nn.Linear(4, 1))
    return {{"model": model, "inputs": torch.linspace(-1, 1, 15).reshape(5, 3), "loss": lambda y: y.square().mean()}}
"""


@pytest.fixture
def net(tmp_path, monkeypatch):
    """net(act): net.py with this activation."""
    monkeypatch.chdir(tmp_path)

    def written(act):
        (tmp_path / "net.py").write_text(NET.format(act=act))

    written("nn.GELU()")
    return written


@pytest.fixture
def golden(net, tmp_path):
    """The golden of net.py, and its file."""
    assert main(["golden", "update", "net.py:make"]) == 0
    return tmp_path / "goldens" / "net.make.step.json"


def test_a_golden_is_made_checked_changed_and_made_anew(golden, net, capsys):
    """Somebody who upgrades would have no command that says what became of their model."""
    assert main(["golden", "check", "net.py:make"]) == 0
    assert capsys.readouterr().out.startswith("same  net.py:make as a float64 copy: torch ")
    before = golden.read_bytes()
    net("nn.GELU(approximate='tanh')")
    assert main(["golden", "check", "net.py:make"]) == 1
    out = capsys.readouterr().out
    assert "changed    1  gelu: " in out
    assert "approximate was 'none', is 'tanh'" in out
    assert "parts      1:gelu.y[" in out
    assert golden.read_bytes() == before
    assert main(["golden", "update", "net.py:make"]) == 0
    assert "written    goldens/net.make.step.json" in capsys.readouterr().out
    assert main(["golden", "check", "net.py:make"]) == 0
    assert main(["golden", "update", "net.py:make"]) == 0
    assert "nothing is to be written" in capsys.readouterr().out


def test_what_is_wrong_is_told_and_becomes_no_golden(golden, net, capsys):
    """A mistake would be what later versions are held to."""
    before = golden.read_bytes()
    net("Act()")
    assert main(["golden", "check", "net.py:make"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("wrong  net.py:make")
    assert "1  Half.backward" in out
    assert main(["golden", "update", "net.py:make"]) == 1
    assert "a golden must not be" in capsys.readouterr().err
    assert golden.read_bytes() == before
    assert main(["golden", "check", "net.py:make", "--intended", "Half"]) == 1
    assert capsys.readouterr().out.startswith("changed  net.py:make")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["check", "net.py:make"], 5, "there is no golden goldens/net.make.step.json; `bpcompare golden update net.py:make`"),
        (["check", "no.py:make"], 2, "there is no file no.py"),
        (["update", "net.py:mak"], 2, 'net.py has no function mak; did you mean "make"?'),
        (["check", "net.py:make", "--steps", "3"], 2, "--steps is for specs, and not for FILE.py:NAME"),
        (["check", "net.py:make", "--isolate"], 2, "--isolate is for specs"),
        (["update", "net.py:make", "-b", "delta"], 2, "delta: code of your own runs on torch, jax"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(net, capsys, words, code, says):
    """A traceback, or nothing, would be the answer to a slip."""
    assert main(["golden", *words]) == code
    assert says in capsys.readouterr().err


def test_a_seed_has_a_golden_of_its_own(golden, capsys):
    """Two goldens would overwrite each other."""
    assert main(["golden", "check", "net.py:make", "--seed", "3"]) == 5
    assert main(["golden", "update", "net.py:make", "--seed", "3"]) == 0
    assert capsys.readouterr().out.startswith("new  net.py:make  torch ")
    assert (golden.parent / "net.make.seed3.step.json").exists()


def test_the_text_begins_with_what_a_person_reviews(golden):
    """A review would have to read everything, or nothing."""
    content = json.loads(golden.read_text(encoding="utf-8"))
    assert list(content)[:5] == ["bpcompare golden of a step", "of", "made by", "verdict", "summary"]
    assert content["of"] == "net.py:make"
    assert content["summary"][0].startswith("as a float64 copy: certified; backward; ")


def test_reading_and_writing_again_gives_the_same_bytes(golden):
    """A golden that is read and written would differ in version control."""
    data = golden.read_bytes()
    assert dumps(loads(data)) == data


DAMAGES = {
    "one character": (lambda text: text.replace('"gelu"', '"relu"', 1), "changed after it was written, or is damaged"),
    "cut": (lambda text: text[: len(text) // 2], "is cut short"),
    "empty": (lambda text: "", "is not a golden that bpcompare wrote"),
    "another file": (lambda text: '{"a": 1}', "is not a golden that bpcompare wrote"),
    "a golden of a spec": (lambda text: text.replace(" of a step", "", 1), "is not a golden that bpcompare wrote"),
    "newer": (lambda text: text.replace('step": 1,', 'step": 2,', 1), "install a newer bpcompare"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_file_is_refused_and_left_as_it_is(golden, capsys, damage):
    """An edited number would be a new truth, or a file of something else would be lost."""
    change, says = DAMAGES[damage]
    golden.write_text(change(golden.read_text(encoding="utf-8")), encoding="utf-8")
    before = golden.read_bytes()
    assert main(["golden", "check", "net.py:make"]) == 2
    assert says in capsys.readouterr().err
    assert main(["golden", "update", "net.py:make"]) == 2
    assert golden.read_bytes() == before
    assert main(["golden", "update", "net.py:make", "--force"]) == 0
    assert main(["golden", "check", "net.py:make"]) == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"places": {', '"place": {'),
        ('"verdict": "certified"', '"verdict": "fine"'),
        ('"runs": [', '"runs": 3, "others": ['),
        ('"steps": [', '"stops": ['),
        ('"unproved": []', '"unproved": [3]'),
        ('"function": "gelu"', '"function": 3'),
        ('"given": {', '"given": [], "gave": {'),
    ],
)
def test_a_file_with_a_good_checksum_and_no_sense_is_refused(golden, old, new):
    """Somebody's hand-made file would be a traceback."""
    text = golden.read_text(encoding="utf-8")
    body = text.rpartition(' "sha256": ')[0].replace(old, new)
    if body == text.rpartition(' "sha256": ')[0]:
        pytest.skip("the format has no such words")
    with pytest.raises(StorageError, match="does not make sense"):
        loads(sealed(body))
