"""The float64 copy of models whose code makes float32 tensors by itself."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402


class Asking(nn.Module):
    """A layer, and a tensor that `made` makes to multiply its result with."""

    def __init__(self, made):
        super().__init__()
        self.layer, self.made, self.kept = nn.Linear(3, 4), made, torch.rand(4, 4)

    def forward(self, x):
        y = self.layer(x)
        return y @ self.made(self)


MADE = {
    "by default": lambda m: torch.ones(4, 4),
    "float32": lambda m: torch.ones(4, 4, dtype=torch.float32),
    "converted": lambda m: torch.arange(16).reshape(4, 4).float(),
    "to": lambda m: torch.arange(16).reshape(4, 4).to(torch.float32),
    "attribute": lambda m: m.kept,
}


@pytest.mark.parametrize("made", MADE)
def test_it_is_run_all_the_same(made):
    """Position encodings and masks that a model makes would leave its logic unexamined: torch adds up no float64 and float32."""
    torch.manual_seed(0)
    model = Asking(MADE[made])
    found = bpcompare.check(model, torch.randn(2, 3), loss=lambda y: y.square().mean())
    assert found.verdict == "certified", str(found)
    assert " float64 on cpu as a float64 copy" in str(found.runs[0])
    assert torch.get_default_dtype() == torch.float32
    assert model.kept.dtype == torch.float32


def test_an_island_of_float32_stays_one():
    """Where the copy runs as it is written, what a model does in float32 on purpose would not be judged as it does it."""

    class Island(nn.Linear):
        def forward(self, x):
            return super().forward(x).float().softmax(-1).to(x.dtype)

    torch.manual_seed(0)
    found = bpcompare.check(Island(3, 4), torch.randn(2, 3), loss=lambda y: y.square().mean())
    assert found.verdict == "certified", str(found)
    assert "float32/float64" in str(found.runs[0])


def test_an_error_that_is_none_of_formats_is_said_as_it_is():
    """The second try would hide why the first one failed."""

    class Kernel(nn.Linear):
        def forward(self, x):
            if x.dtype == torch.float64:
                raise RuntimeError("this kernel knows no float64")
            return super().forward(x)

    found = bpcompare.check(Kernel(3, 4), torch.randn(2, 3), loss=lambda y: y.square().mean())
    assert "this kernel knows no float64" in " ".join(str(found).split())
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize("norm", ["weight_norm", "spectral_norm", "pruning"])
@pytest.mark.parametrize("ran", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_a_weight_that_a_hook_computes(norm, ran):
    """torch copies no weight with a history: every vocoder with weight norm would be left without its copy."""
    from torch.nn.utils import prune

    norms = {
        "weight_norm": nn.utils.weight_norm,
        "spectral_norm": nn.utils.spectral_norm,
        "pruning": lambda m: prune.l1_unstructured(m, "weight", 0.3),
    }
    torch.manual_seed(0)
    model, x = nn.Sequential(norms[norm](nn.Linear(3, 4)), nn.Tanh(), nn.Linear(4, 2)), torch.randn(5, 3)
    if ran:
        model(x).sum().backward()
    found = bpcompare.check(model, x, loss=lambda y: y.square().mean())
    assert found.verdict == "certified", str(found)
