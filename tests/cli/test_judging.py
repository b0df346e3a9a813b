"""The commands about own code while they judge: progress, an end of the time, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from io import StringIO

import pytest

from bpcompare.cli.own import Observer
from bpcompare.cli.terminal import Progress
from bpcompare.own.judged import Moment

torch = pytest.importorskip("torch")

MODEL = """
import torch
from torch import nn

def parts(*layers):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), *layers, nn.Linear(4, 2)), torch.randn(5, 3), torch.tensor([0, 1, 0, 1, 0]), loss


loss = nn.functional.cross_entropy


def right():
    return parts(nn.Tanh())


if __name__ == "__main__":
    model, x, y, loss = right()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for epoch in range(3):
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
        print("epoch", epoch)
"""

SLOW = """
import sys, time
import torch
import bpcompare
from torch import nn
from model import parts

torch.library.define("slowly::twice", "(Tensor x) -> Tensor")
torch.library.impl("slowly::twice", "CompositeExplicitAutograd", lambda x: 2 * x)
torch.library.register_autograd("slowly::twice", lambda ctx, g: 2 * g)


@bpcompare.law("slowly::twice")
def twice(a):
    print("ready", file=sys.stderr, flush=True)
    time.sleep(30)
    return 2 * a.x


class Slow(nn.Module):
    def forward(self, x):
        return torch.ops.slowly.twice(x)


def slow():
    return parts(Slow())
"""


@pytest.fixture
def file(tmp_path):
    """The file with models."""
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    yield path
    sys.modules.pop("model", None)


@pytest.fixture
def pressed(monkeypatch):
    """pressed(5): Ctrl-C while the fifth claim is judged."""
    from bpcompare.own import judged

    judge = judged.judge

    def at(number):
        seen = []

        def one(*args):
            seen.append(args)
            if len(seen) == number:
                raise KeyboardInterrupt
            return judge(*args)

        monkeypatch.setattr(judged, "judge", one)

    return at


def test_a_time_that_is_none(said, file):
    """Exit code 1 would mean that the model is wrong."""
    for words in (("check", f"{file}:right"), ("watch", "--sample", "soon", file)):
        found = said(*words, *(["--sample", "soon"] if words[0] == "check" else []))
        assert (found.code, found.out) == (2, "")
        assert "--sample: a time is a positive number with a unit" in found.err


def test_a_size_that_is_none(said, file, monkeypatch):
    """The script would have run for hours, and ended in our error."""
    monkeypatch.setenv("BPCOMPARE_MEMORY", "plenty")
    for words in (("check", f"{file}:right"), ("watch", file)):
        found = said(*words)
        assert (found.code, found.out) == (2, "")
        assert "BPCOMPARE_MEMORY: a size is a number with a unit" in found.err


def test_enough_time(said, file):
    """An option would change the verdict."""
    found = said("check", f"{file}:right", "--sample", "1h", "--as-is")
    assert found.code == 0
    assert "sampled" not in found.out
    assert said("watch", "--sample", "1h", file).code == 0


def test_no_time(said, file):
    """What was not judged would be passed over."""
    found = said("check", f"{file}:right", "--sample", "0.000001s", "--as-is", "--json", "-")
    assert found.code == 4
    (run,) = json.loads(found.out)["runs"]
    assert run["not_judged"] > 0
    assert not run["claims"]


@pytest.mark.parametrize("words", [("check", "FILE:right"), ("watch", "FILE"), ("watch", "FILE", "--go-on")])
def test_ctrl_c_while_judging(said, file, pressed, words):
    """All that was judged by then would be lost; or what is told would pass for a verdict."""
    pressed(5)
    found = said(*(word.replace("FILE", str(file)) for word in words))
    assert found.code == 130
    assert "certified in part" in found.out
    assert "4 of 4 hold" in found.out
    assert "not judged: interrupted" in " ".join(found.out.split())
    assert "interrupted" in found.err
    assert "Traceback" not in found.err
    assert "epoch 1" not in found.err, "the script was to end, too"


def test_ctrl_c_in_json(said, file, pressed):
    """A program would take a part for the whole."""
    pressed(5)
    found = said("check", f"{file}:right", "--as-is", "--json", "-")
    content = json.loads(found.out)
    assert (found.code, content["exit_code"]) == (130, 130)
    assert content["runs"][0]["not_judged"] > 0


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_ctrl_c_at_a_terminal(file):
    """The real key would end in a traceback, or in nothing told."""
    path = file.with_name("slow.py")
    path.write_text(SLOW)
    words = [sys.executable, "-m", "bpcompare", "check", f"{path}:slow", "--as-is"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        while (line := process.stderr.readline()) and "ready" not in line:
            pass
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "2 of 2 hold" in out
    assert "interrupted" in err
    assert "Traceback" not in err


def test_progress_says_what_is_judged(monkeypatch):
    """Nobody would know whether it hangs, and at what."""
    stream = StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    Observer(Progress(quiet=False))(Moment(300, 1200, "encoder.layers.0", "addmm"))
    assert "[#####...............] judging 300 of 1,200: encoder.layers.0 addmm" in stream.getvalue()


def test_no_progress_in_a_file(said, file):
    """Logs would be full of lines that replace each other."""
    assert "judging" not in said("check", f"{file}:right", "--as-is").err
