"""`bpcompare ranks`, and files of which each rank writes its own."""

import sys

import pytest

torch = pytest.importorskip("torch")

SCRIPT = """
import torch
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
model(torch.ones(3, 2)).square().mean().backward()
optimizer.step()
"""


@pytest.fixture
def steps(said, tmp_path, monkeypatch):
    """What two runs of a script left."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        assert said("watch", "--save", tmp_path / "step{rank}", script).code == 0
        sys.modules.pop("train", None)
    return [tmp_path / "step0", tmp_path / "step1"]


def test_each_rank_has_its_own_file(steps):
    """All ranks would write into one file, and the last would stand for all."""
    assert all(path.is_file() for path in steps)


def test_steps_that_know_of_no_ranks(said, steps):
    """Two runs that have nothing to do with each other would be certified as one training."""
    found = said("ranks", *steps)
    assert found.code == 4
    assert found.out.startswith("certified in part  2 ranks")
    assert "watched where several processes train together" in " ".join(found.out.split())


def test_misuse_is_told(said, steps, tmp_path):
    """Exit code 1 would mean that the ranks drift apart."""
    (tmp_path / "other").write_text("x")
    for words, what in (
        ([], "at least two ranks"),
        ([steps[0]], "at least two ranks"),
        ([steps[0], tmp_path / "none"], "none: No such file"),
        ([steps[0], tmp_path / "other"], "is not a file that bpcompare wrote"),
    ):
        found = said("ranks", *words)
        assert (found.code, found.out) == (2, "")
        assert what in found.err
