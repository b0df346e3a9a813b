"""Functions that move, index, window and contract: torch's own numbers hold, and a wrong gradient is refuted where it is."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare

torch = pytest.importorskip("torch")

from bpcompare.laws.calls import CALLS  # noqa: E402
from bpcompare.own.judged import judged  # noqa: E402
from bpcompare_torch.recorder import TorchRecorder  # noqa: E402
from moving_calls import EXAMPLES  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:index_reduce.. is in beta")
DTYPES = ("float64", "float32")


class Formula(torch.nn.Module):
    """An example's inputs as parameters."""

    def __init__(self, f, inputs):
        super().__init__()
        self.f = f
        self.inputs = torch.nn.ParameterList(inputs)

    def forward(self):
        return self.f(*self.inputs)


def recorded(name, dtype):
    """One backward pass of an example, from a weighted sum of its result."""
    _, f, *inputs = EXAMPLES[name]
    torch.manual_seed(len(name))
    made = [x if isinstance(x, torch.Tensor) else torch.randn(x, dtype=torch.float64) for x in inputs]
    module = Formula(f, [x.to(getattr(torch, dtype), copy=True) for x in made])
    recorder = TorchRecorder({"": module})
    with recorder:
        y = module()
        (y * torch.randn(y.shape, dtype=torch.float64).to(y.dtype)).sum().backward()
    watched = recorder.watched()
    assert not watched.unexamined
    assert set(watched.parameters.values()) == {""}
    (recording,) = watched.recordings
    return recording


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_holds(name, dtype):
    """Every function has a law, and nothing leaves its ball. What is undecided is so for a reason outside of the law."""
    recording = recorded(name, dtype)
    functions = {step.op.function for step in recording.program.steps}
    assert not EXAMPLES[name][0] or EXAMPLES[name][0] in functions, functions
    found = judged(recording)
    assert not found.unexamined
    chosen = {"convention"} if name in CHOSEN_OTHERWISE else set()
    left = [(claim.path, finding) for claim, finding in found.findings if not fine(claim, finding)]
    assert not [one for one in left if one[1].outcome not in chosen], left
    gradients = {claim.subject for claim, _ in found.findings if claim.statement == "gradient"}
    assert gradients == {f"inputs.{i}" for i in range(len(EXAMPLES[name]) - 2)}


CHOSEN_OTHERWISE = {"fmax tied"}
"""Where two numbers are equal, torch 2.14 gives Δ to another one than 2.13 does: a convention, which is said."""


def fine(claim, finding):
    """Whether it holds; a law that is 0 or of no numbers at all cannot, and the weighted sum may cancel in float32."""
    cancels = claim.path == "sum.y" and finding.doubt == "blurred"
    return finding.outcome == "holds" or finding.doubt in ("zero", "empty") or cancels


def element(g):
    """The largest element, off by 1 %."""
    wrong = g.copy()
    wrong.flat[np.argmax(np.abs(g))] *= 1.01
    return wrong


PLANTED = {
    "element": element,
    "scaled": lambda g: g * 1.001,
    "rolled": lambda g: np.roll(g, 1),
    "turned": lambda g: g[::-1] if g.ndim else -g,
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_planted(name, dtype):
    """A gradient that is changed a little, or moved, is refuted; nothing else is."""
    recording = recorded(name, dtype)
    paths = [value.delta for value in recording.program.values.values() if value.parameter and value.delta]
    paths += [value.delta for value in recording.program.values.values() if not value.parameter and value.delta][:1]
    caught = 0
    for path in paths:
        g = np.asarray(recording.recorded[path])
        for plant in PLANTED.values():
            if not g.size or (path.endswith(".delta") and plant is not element):
                continue
            wrong = plant(g).astype(g.dtype)
            if np.abs(wrong - g).max(initial=0.0) <= 1e-4 * np.abs(g).max(initial=0.0):
                continue  # it is the same
            altered = replace(recording, recorded={**recording.recorded, path: wrong})
            found = judged(altered)
            if path.endswith(".gradient"):
                assert {claim.path for claim, _ in found.refuted} == {path}
            else:  # at a tie it may be another valid derivative, which is no finding that holds
                assert {finding.outcome for claim, finding in found.findings if claim.path == path} <= {"refuted", "convention"}
            caught += 1
    assert caught


def test_every_function_has_an_example():
    """Of those in this table that torch calls on a processor of its own."""
    assert {function for function, *_ in EXAMPLES.values() if function} <= set(CALLS)


def test_a_column_that_torch_resamples_wrongly_is_called_wrong():
    """A fault of torch 2.13, which its own gradcheck sees as well, would pass: results of one column, smoothed."""
    torch.manual_seed(0)
    model = torch.nn.ParameterList([torch.nn.Parameter(torch.randn(1, 2, 5, 4, dtype=torch.float64))])

    def column(x):
        return torch.nn.functional.interpolate(x, (3, 1), mode="bilinear", antialias=True)

    with bpcompare.watch(model) as step:
        column(model[0]).square().sum().backward()
    right = torch.autograd.gradcheck(column, model[0], raise_exception=False)
    assert step.verdict == ("certified" if right else "wrong"), str(step)
