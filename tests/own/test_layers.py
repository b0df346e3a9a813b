"""Layers whose calls leave state behind, run many steps as one, or write where autograd does not look."""

import numpy as np
import pytest
import torch
from torch import nn

from bpcompare.own.judged import judged
from bpcompare.program import Watched
from bpcompare_torch.recorder import TorchRecorder
from called import judged_with, weighted

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")
DTYPES = [torch.float64, torch.float32]


def _watched(model: nn.Module, f, *data: torch.Tensor) -> Watched:
    torch.manual_seed(0)
    recorder = TorchRecorder({"": model})
    with recorder:
        found = f(model, *data)
        weighted(found, np.random.default_rng(5)).backward()
    return recorder.watched()


def _holds(seen: Watched):
    assert not seen.unexamined
    assert not [name for name, why in seen.parameters.items() if why]
    found = judged(seen.recordings[0])
    assert not found.unexamined, found.unexamined
    assert not found.refuted, [(claim.path, finding) for claim, finding in found.refuted]
    return found


def _outputs(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Everything that a recurrent layer gives back, in one."""
    y, state = model(x)
    return torch.cat([t.reshape(-1) for t in (y, *(state if isinstance(state, tuple) else (state,)))])


RECURRENT = {
    "lstm": nn.LSTM(4, 6),
    "lstm, both ways, two layers": nn.LSTM(4, 6, 2, bidirectional=True, batch_first=True),
    "lstm, no bias": nn.LSTM(4, 6, bias=False),
    "lstm, projected": nn.LSTM(4, 6, proj_size=3),
    "gru": nn.GRU(4, 6),
    "rnn": nn.RNN(4, 6),
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_layers(name, dtype):
    """A layer of recurrence runs as one call in float32: its gates are nobody's numbers, and it would be left unexamined."""
    torch.manual_seed(1)
    seen = _watched(RECURRENT[name].to(dtype), _outputs, torch.randn(5, 3, 4).to(dtype))
    found = _holds(seen)
    gradients = {claim.path: finding for claim, finding in found.findings if claim.statement == "gradient"}
    assert gradients.keys() == {f"{name}.gradient" for name in seen.parameters}
    assert all(finding.outcome == "holds" and finding.power < 1e-2 for finding in gradients.values()), gradients


def test_a_fused_layer_goes_on_from_states_that_are_learned():
    """What came into h_0 and c_0 has a Δ, too; and each is named where it is wrong."""
    torch.manual_seed(1)
    model = nn.LSTM(4, 6)
    model.h, model.c = nn.Parameter(torch.randn(1, 3, 6)), nn.Parameter(torch.randn(1, 3, 6))
    seen = _watched(model, lambda m, x: m(x, (m.h, m.c))[0], torch.randn(5, 3, 4))
    _holds(seen)
    for path in ("h.gradient", "c.gradient", "weight_hh_l0.gradient", "bias_ih_l0.gradient"):
        assert [claim.path for claim, _ in judged_with(seen.recordings[0], path, lambda g: 1.01 * g).refuted] == [path]


@pytest.mark.parametrize(
    "what",
    [lambda h: h + 0.01 * (np.arange(h.size).reshape(h.shape) == 7), lambda h: 1.01 * h],
    ids=["an element", "scale"],
)
def test_a_wrong_output_of_a_fused_layer(what):
    """Of all steps of time the wrong one is named, and what reads it."""
    torch.manual_seed(1)
    seen = _watched(nn.LSTM(4, 6), lambda m, x: m(x)[0], torch.randn(5, 3, 4))
    found = judged_with(seen.recordings[0], "lstm_output (3).y", what)
    assert "lstm_output (3).y" in [claim.path for claim, _ in found.refuted]
    assert "lstm_output.y" not in [claim.path for claim, _ in found.refuted]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("model", [nn.LSTMCell(4, 6), nn.GRUCell(4, 6), nn.RNNCell(4, 6)], ids=lambda model: type(model).__name__)
def test_recurrent_cells(model, dtype):
    """Loops over time that people write themselves."""
    torch.manual_seed(1)

    def run(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
        state, outputs = None, []
        for now in x:
            state = m(now, state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(outputs)

    _holds(_watched(model.to(dtype), run, torch.randn(4, 3, 4).to(dtype)))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("model", "shape"),
    [(nn.BatchNorm1d(4), (5, 4)), (nn.BatchNorm2d(4), (5, 4, 3, 3)), (nn.BatchNorm1d(4, momentum=None), (5, 4, 3))],
    ids=["1d", "2d", "average"],
)
def test_running_statistics(model, shape, dtype):
    """Training goes well and evaluation does not: running statistics were moved the wrong way, and nobody looked."""
    torch.manual_seed(1)
    seen = _watched(model.to(dtype), lambda m, x: m(x), (2 * torch.randn(shape) + 1).to(dtype))
    found = _holds(seen)
    states = [claim.path for claim, finding in found.findings if claim.statement == "state" and finding.outcome == "holds"]
    assert states == ["native_batch_norm.running_mean", "native_batch_norm.running_var"]
    for path in states:
        assert [claim.path for claim, _ in judged_with(seen.recordings[0], path, lambda v: 1.01 * v).refuted] == [path]


def test_running_statistics_of_an_evaluated_layer_stay():
    """There is nothing to claim of them, and what was read is what stood there."""
    model = nn.BatchNorm1d(4).eval()
    found = _holds(_watched(model, lambda m, x: m(x), torch.randn(5, 4)))
    assert not [claim for claim, _ in found.findings if claim.statement == "state"]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("weights", [False, True])
def test_multi_head_attention(weights, dtype):
    """One call where nobody asks for the weights, and many where somebody does: in either way a model would be left in part."""
    torch.manual_seed(1)
    model = nn.MultiheadAttention(4, 2).to(dtype)
    _holds(_watched(model, lambda m, x: m(x, x, x, need_weights=weights)[0], torch.randn(5, 3, 4).to(dtype)))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_transformer_layer(dtype):
    """The layer that most models are made of is not examined whole."""
    torch.manual_seed(1)
    model = nn.TransformerEncoderLayer(4, 2, 8).to(dtype)
    _holds(_watched(model, lambda m, x: m(x), torch.randn(5, 3, 4).to(dtype)))


class Bounded(nn.Module):
    """Its values are written into without autograd, as cosine_similarity of torch does it."""

    def __init__(self, bound: float) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
        self.bound = bound

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.w * x
        with torch.no_grad():
            y.clamp_(min=self.bound)
        return y * y


def test_a_write_that_changes_nothing():
    """A bound that nothing passes leaves a model certified: every cosine_similarity has one."""
    _holds(_watched(Bounded(0.1), lambda m, x: m(x), torch.ones(3)))


def test_a_write_that_autograd_does_not_see():
    """The gradient is then not that of what was computed: it is left out by name, and nobody before it is blamed."""
    seen = _watched(Bounded(1.5), lambda m, x: m(x), torch.ones(3))
    found = judged(seen.recordings[0])
    assert not found.refuted
    assert any("a value of MulBackward0" in one.what for one in found.unexamined)
