"""`bpcompare check` and `bpcompare watch`: somebody's own code, as they would have written it."""

import json
import os
import subprocess
import sys

import pytest

from bpcompare.cli.watch import passed_on

torch = pytest.importorskip("torch")

MODEL = """
import sys

import torch
from torch import nn

print("imported")


class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(1.702 * x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(1.702 * x)
        return g * (s + x * s * (1 - s))


class Act(nn.Module):
    def forward(self, x):
        return Wrong.apply(x)


def parts(act):
    model = nn.Sequential(nn.Linear(3, 4), act, nn.Linear(4, 2))
    return model, torch.randn(5, 3), torch.randint(0, 2, (5,)), nn.functional.cross_entropy


def right():
    return parts(nn.GELU())


def wrong():
    print("making it")
    return dict(zip(("model", "inputs", "target", "loss"), parts(Act())))


class Object:
    def __init__(self):
        self.model, self.inputs, self.target, self.loss = parts(nn.Tanh())


def failing():
    raise ValueError("no data")


def lacking():
    return nn.Linear(2, 2)


def odd():
    return {"model": nn.Linear(2, 2), "inputs": torch.ones(1, 2), "labels": 1}


def vague():
    return nn.Linear(2, 2), torch.ones(1, 2)


def asking(data, *, seed=0):
    return data


def ending():
    sys.exit(0)


def crooked():
    return nn.Linear(2, 2), torch.ones(1, 3), None, torch.sum
"""

SCRIPT = """
import argparse
import torch
from torch import nn
from model import parts, Act

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.5)
parser.add_argument("--json")
parser.add_argument("--wrong", action="store_true")
args = parser.parse_args()
torch.manual_seed(0)


class Trainer:
    def __init__(self):
        self.network, self.x, self.y, self.loss = parts(Act() if args.wrong else nn.GELU())
        self.scale = nn.Parameter(torch.ones(()))
        self.optimizer = torch.optim.SGD([*self.network.parameters(), self.scale], lr=args.lr)

    def fit(self, epochs):
        for epoch in range(epochs):
            self.optimizer.zero_grad()
            self.loss(self.network(self.x) * self.scale, self.y).backward()
            self.optimizer.step()
            print("epoch", epoch, args.json)


if __name__ == "__main__":
    Trainer().fit(3)
    LINE
"""


@pytest.fixture
def file(tmp_path):
    """The file with models."""
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return path


@pytest.fixture
def script(file):
    """script("line"): a training script of three steps, with a last line."""

    def make(line="pass"):
        path = file.parent / "train.py"
        path.write_text(SCRIPT.replace("LINE", line))
        sys.modules.pop("model", None)
        return path

    return make


@pytest.fixture(autouse=True)
def _forgotten():
    yield
    sys.modules.pop("model", None)


def test_a_right_model_is_certified(said, file):
    """Nobody would believe a command that finds fault with the textbook."""
    found = said("check", f"{file}:right")
    assert found.code == 0
    assert found.out.count("certified  torch") == 2
    assert "as a float64 copy" in found.out
    assert "imported" in found.err
    assert "imported" not in found.out
    alone = said("check", f"{file}:Object", "--as-is")
    assert (alone.code, alone.out.count("certified  torch")) == (0, 1)


def test_a_wrong_backward_is_named_with_its_line(said, file):
    """It would be for the reader to find out which of hundred modules it is."""
    found = said("check", f"{file}:wrong", "--as-is", "--tree")
    assert found.code == 1
    assert found.out.startswith("wrong  ")
    assert "1  Wrong.backward" in found.out
    assert "model.py:17) is wrong" in found.out
    assert f"reproduce bpcompare check {file}:wrong --as-is" in " ".join(found.out.split())
    rows = [line.split() for line in found.out[found.out.rindex("\n\nmodule") :].split("\n") if line]
    assert ["1", "wrong"] in [row[:2] for row in rows]
    assert ["0", "certified"] in [row[:2] for row in rows]
    assert "making it" in found.err


def test_what_is_meant_is_no_mistake(said, file):
    """A straight-through estimator would make the command useless for the whole model."""
    found = said("check", f"{file}:wrong", "--as-is", "--intended", "Wrong")
    assert found.code == 0
    assert "intended" in found.out


def test_the_same_numbers_come_again(said, file):
    """What is printed as the way to see it again would show other numbers."""
    first, second = (said("check", f"{file}:wrong").out for _ in range(2))
    assert first == second
    assert said("check", f"{file}:wrong", "--seed", 7).out != first


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("failing", 3, "failed: ValueError: no data, at "),
        ("crooked", 3, "failed: RuntimeError"),
        ("lacking", 2, "gave a Linear without model and inputs: return model, inputs, target, loss, optimizer"),
        ("asking", 2, "needs data: it is called without arguments"),
        ("ending", 3, "failed: SystemExit: 0, at "),
        ("odd", 2, "gave labels; what is known is model, inputs"),
        ("vague", 2, "there is no scalar to differentiate"),
        ("rigth", 2, "has no function rigth; did you mean"),
        ("", 2, "is not FILE.py:NAME"),
    ],
)
def test_what_is_no_factory_is_told(said, file, name, code, words):
    """A traceback of ours would look like a fault of ours."""
    found = said("check", f"{file}:{name}")
    assert (found.code, found.out) == (code, "")
    assert words in found.err
    assert "Traceback" not in found.err


def test_other_misuse_is_told(said, file, tmp_path):
    """Exit code 1 would mean that the model is wrong."""
    assert "or compares two" in said("check", *[f"{file}:right"] * 3).err
    assert "needs FILE.py:NAME" in said("check").err
    assert "there is no file" in said("check", f"{tmp_path}/none.py:make").err
    (tmp_path / "notes.md").write_text("no code")
    assert "notes.md is no file of Python's" in said("check", f"{tmp_path}/notes.md:make").err
    assert "--json: there is no folder" in said("check", f"{file}:right", "--json", tmp_path / "no" / "x.json").err
    broken = tmp_path / "broken.py"
    broken.write_text("def make(:\n")
    found = said("check", f"{broken}:make")
    assert found.code == 3
    assert "cannot be imported: SyntaxError" in found.err
    broken.write_text("raise SystemExit('no data')\n")
    found = said("check", f"{broken}:make")
    assert found.code == 3
    assert "cannot be imported: SystemExit: no data" in found.err


def test_a_line_of_json(said, file, tmp_path):
    """A script in CI would have to read prose."""
    said("check", f"{file}:wrong", "--json", tmp_path / "found.json")
    content = json.loads((tmp_path / "found.json").read_text())
    assert (content["door"], content["exit_code"], len(content["runs"])) == ("check", 1, 2)
    (first,) = content["runs"][0]["wrong"]
    assert first["culprit"] == "Wrong.backward"
    assert first["line"].endswith("model.py:17")
    alone = said("check", f"{file}:right", "--json", "-")
    assert json.loads(alone.out)["runs"][0]["verdict"] == "certified"


def test_a_page(said, file, script, tmp_path):
    """Somebody would have to write a script to have the page; or a page that is not there would pass for a verdict."""
    page = tmp_path / "step.html"
    found = said("check", f"{file}:wrong", "--html", page, "--json", "-")
    assert (found.code, json.loads(found.out)["exit_code"]) == (1, 1)
    text = page.read_text(encoding="utf-8")
    assert "as a float64 copy" in text
    assert f"bpcompare check {file}:wrong" in text
    assert "Wrong.backward" in text
    found = said("watch", "--html", page, script(), "--lr", "0.5")
    assert (found.code, found.out.startswith("certified  torch")) == (0, True)
    assert "in step 1 of train.py" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["no/step.html", ".", ""])
def test_a_page_that_cannot_be_written(said, file, script, tmp_path, name):
    """The work would be done, and then lost."""
    place = tmp_path / name if name else ""
    for words in (("check", f"{file}:right"), ("watch", script())):
        found = said(words[0], "--html", place, words[1])
        assert (found.code, found.out) == (2, "")
        assert "--html: " in found.err
        assert "Traceback" not in found.err


def test_a_script_runs_as_it_is(said, script):
    """Somebody would have to change their training loop to ask about it."""
    found = said("watch", script(), "--lr", "0.5", "--json", "theirs")
    assert found.code == 0
    assert found.out.startswith("certified  torch")
    assert "in step 1 of train.py" in found.out
    assert "5 gradients" in found.out
    assert "all 5 parameters" in found.out
    assert "epoch" not in found.out + found.err, "it ends with the step that was watched"


def test_a_later_step(said, script):
    """Warm-up, schedules and state: the first step is not like the others."""
    found = said("watch", script(), "--at-step", 3, "--wrong", "--json=theirs")
    assert found.code == 1
    assert "in step 3 of train.py" in found.out
    assert "Wrong.backward" in found.out
    assert [line for line in found.err.split("\n") if "epoch" in line] == ["epoch 0 theirs", "epoch 1 theirs"]
    assert f"reproduce bpcompare watch --at-step 3 {script()} --wrong --json=theirs" in " ".join(found.out.split())


def test_it_may_go_on(said, script):
    """The run would be lost, hours of it."""
    found = said("watch", "--go-on", script("print('saved')"), "--at-step=2")
    assert found.code == 0
    assert found.out.startswith("certified")
    assert "epoch 2" in found.err
    assert "saved" in found.err


def test_a_step_is_kept(said, script, tmp_path):
    """Whoever is to help would need the script, its data, and the machine."""
    import bpcompare

    found = said("watch", "--save", tmp_path / "kept.step", script(), "--wrong")
    assert found.code == 1
    assert str(bpcompare.load_watched(tmp_path / "kept.step")) == found.out.rstrip("\n")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pass", "made 3 optimizer steps, so there is no step 9 to watch"),
        ("raise SystemExit(4)", "ended before the end of its optimizer step 9: exit code 4"),
        ("raise SystemExit('no GPU')", "no GPU"),
        ("[][0]", "IndexError: list index out of range, at "),
    ],
)
def test_a_step_that_never_comes(said, script, line, words):
    """Silence, or a verdict about nothing."""
    found = said("watch", script(line), "--at-step", 9)
    assert (found.code, found.out) == (3, "")
    assert words in found.err
    assert "Traceback" not in found.err


def test_a_script_that_fails_later_has_its_verdict(said, script):
    """The verdict would be lost with the script; or a script that fails would pass in CI."""
    found = said("watch", script("1 / 0"), "--at-step", 3, "--go-on")
    assert found.code == 3
    assert found.out.startswith("certified")
    assert "went on after step 3, and ended: ZeroDivisionError" in found.err


def test_scripts_that_make_no_step(said, tmp_path):
    """A script that trains without torch.optim would be said to be right."""
    path = tmp_path / "plain.py"
    path.write_text("import sys\nassert sys.argv == [__file__, '-x']\n")
    found = said("watch", path, "-x")
    assert found.code == 3
    assert "made no step of a torch optimizer" in found.err
    assert said("watch", tmp_path / "none.py").code == 2
    assert "--at-step must be at least 1" in said("watch", path, "--at-step", 0).err


def test_nothing_is_left_behind(said, script):
    """The next thing in this process would be recorded, too."""
    from torch.nn.modules import module
    from torch.optim import optimizer
    from torch.utils._python_dispatch import _get_current_dispatch_mode

    path, argv = list(sys.path), list(sys.argv)
    said("watch", script(), "--at-step", 2)
    said("watch", script("1/0"))
    assert (sys.path, sys.argv) == (path, argv)
    assert not module._global_forward_pre_hooks
    assert not optimizer._global_optimizer_post_hooks
    assert _get_current_dispatch_mode() is None


@pytest.mark.parametrize(
    ("words", "parsed"),
    [
        (["train.py"], ["--", "train.py"]),
        (["train.py", "--lr", "1"], ["--", "train.py", "--lr", "1"]),
        (["--json", "x", "train.py", "--json", "y"], ["--json", "x", "--", "train.py", "--json", "y"]),
        (["train.py", "--at-step", "3", "-v"], ["--at-step", "3", "--", "train.py", "-v"]),
        (["train.py", "--", "--at-step", "3"], ["--", "train.py", "--at-step", "3"]),
        (["--html", "x", "train.py", "--html", "y"], ["--html", "x", "--", "train.py", "--html", "y"]),
        (["--help"], ["--help"]),
        (["train.py", "--help"], ["--", "train.py", "--help"]),
        ([], []),
    ],
)
def test_whose_option_it_is(words, parsed):
    """A script's own --json would be taken from it."""
    assert passed_on(words) == parsed


TWO = """
import torch
from torch import nn

torch.manual_seed(0)
maker, critic = nn.Linear(3, 4), nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1))
first, second = (torch.optim.SGD(one.parameters(), lr=0.5) for one in (critic, maker))
for _ in range(3):
    made = maker(torch.randn(6, 3))
    first.zero_grad()
    critic(made.detach()).square().mean().backward()
    first.step()
    second.zero_grad()
    critic(made).mean().backward()
    second.step()
"""


def test_two_optimizers_that_share_a_forward(said, tmp_path):
    """The half of it that came before the step would be taken as it is, and the verdict be silent about it."""
    path = tmp_path / "two.py"
    path.write_text(TWO)
    alone = said("watch", path, "--at-step", 4)
    assert alone.code == 4
    assert alone.out.startswith("certified in part")
    both = said("watch", "--at-step", 3, "--steps", 2, path)
    assert both.code == 0, both.out
    assert "in steps 3 to 4 of two.py" in both.out
    assert "backward 1, SGD.step 1" in both.out or "backward 1, backward 2" in both.out
    assert "maker.weight" in said("watch", "--json", "-", "--steps", 2, path).out


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="forks are POSIX")
def test_a_script_that_ends_the_process(script):
    """Its exit code would be taken for a verdict."""
    path = script()
    path.write_text(path.read_text().replace("def fit(self, epochs):", "def fit(self, epochs):\n        import os; os._exit(0)"))
    found = subprocess.run([sys.executable, "-m", "bpcompare", "watch", path], capture_output=True, text=True, check=False)
    assert found.returncode == 3
    assert "there is no verdict" in found.stderr
    assert "isolate" not in found.stderr


def test_a_jax_loss_by_the_names_that_jax_code_has(said, tmp_path):
    """Who returns loss, params and data by name would be told that these are unknown."""
    pytest.importorskip("jax")
    path = tmp_path / "named.py"
    lines = ["import numpy as np", "def loss(p, x):", "    return ((x @ p['w']) ** 2).sum()", "def make():"]
    path.write_text(
        "\n".join([*lines, "    return {'loss': loss, 'params': {'w': np.ones((2, 1))}, 'data': np.ones((3, 2))}", ""])
    )
    found = said("check", f"{path}:make")
    assert (found.code, found.err) == (0, ""), found.err
    assert found.out.startswith("certified")


def test_a_jax_loss_as_check_is_called(said, tmp_path):
    """Who returns loss, params, x would be told that a target is for a torch model."""
    pytest.importorskip("jax")
    path = tmp_path / "ordered.py"
    lines = ["import jax.numpy as jnp", "def loss(p, x, y):", "    return ((x @ p['w'] - y) ** 2).sum()", "def make():"]
    path.write_text("\n".join([*lines, "    return loss, {'w': jnp.ones((2, 1))}, jnp.ones((3, 2)), jnp.ones(())", ""]))
    found = said("check", f"{path}:make")
    assert (found.code, found.err) == (0, ""), found.err
    assert found.out.startswith("certified")
