"""The float64 copy of models whose code makes float32 tensors by itself."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from bpcompare_torch.recorder.widening import Widened  # noqa: E402 — it needs torch


class Asking(nn.Module):
    """A layer, and a tensor that `made` makes to multiply its result with."""

    def __init__(self, made):
        super().__init__()
        self.layer, self.made, self.kept = nn.Linear(3, 4), made, torch.rand(4, 4)
        self.listed, self.named = [torch.rand(4, 4), (torch.rand(4, 4), 3)], {"a": torch.rand(4, 4)}

    def forward(self, x):
        y = self.layer(x)
        return y @ self.made(self)


APART = torch.rand(4, 4, generator=torch.Generator().manual_seed(0))

MADE = {
    "by default": lambda m: torch.ones(4, 4),
    "float32": lambda m: torch.ones(4, 4, dtype=torch.float32),
    "converted": lambda m: torch.arange(16).reshape(4, 4).float(),
    "to": lambda m: torch.arange(16).reshape(4, 4).to(torch.float32),
    "attribute": lambda m: m.kept,
    "in a list": lambda m: m.listed[1][0],
    "in a dict": lambda m: m.named["a"],
    "of nobody": lambda m: APART,
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


class Experts(nn.Module):
    """Rows sorted by experts, one product for each; the second expert has no rows."""

    def __init__(self, product):
        super().__init__()
        self.layer, self.experts, self.product = nn.Linear(8, 8), nn.Parameter(torch.randn(3, 8, 16) * 0.3), product

    def forward(self, x):
        return self.product(self.layer(x), self.experts, offs=torch.tensor([2, 2, 6], dtype=torch.int32))


GROUPED = [f for f in (getattr(nn.functional, "grouped_mm", None), getattr(torch, "_grouped_mm", None)) if f is not None]


@pytest.mark.skipif(not GROUPED, reason="this torch has no grouped product")
@pytest.mark.parametrize("product", GROUPED)
def test_a_grouped_product_is_made_group_by_group(product):
    """torch has grouped products in no float64: every mixture of experts would be left without its copy."""
    torch.manual_seed(0)
    found = bpcompare.check(Experts(product), torch.randn(6, 8), loss=lambda y: y.square().mean())
    assert found.verdict == "certified", str(found)
    assert "as a float64 copy" in str(found.runs[0])


@pytest.mark.skipif(not GROUPED, reason="this torch has no grouped product")
@pytest.mark.parametrize("shapes", [((6, 8), (3, 8, 16)), ((3, 5, 8), (8, 16)), ((4, 16), (16, 8)), ((3, 4, 8), (3, 8, 16))])
def test_group_by_group_is_the_same_function(shapes):
    """The copy would be another model's: certified, and about something else."""
    from bpcompare_torch.recorder.widening import Widened

    torch.manual_seed(0)
    left, right = (torch.randn(shape) for shape in shapes)
    both = len(shapes[0]) == len(shapes[1]) == 3
    offs = None if both else torch.tensor([4, 4, 16] if shapes[1][0] == 16 else [2, 2, 6] if left.ndim == 2 else [4, 4, 16])
    offs = None if offs is None else offs.to(torch.int32)
    theirs = GROUPED[-1](left, right, offs=offs)
    with Widened():
        ours = GROUPED[-1](left.double(), right.double(), offs=offs)
    assert ours.dtype == torch.float64
    torch.testing.assert_close(ours.float(), theirs, rtol=1e-5, atol=1e-5)


def test_complex_parameters_are_widened_too():
    """Fourier layers would meet float64 with weights of complex64, and be left without their copy."""

    class Spectral(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.weight = nn.Linear(8, 8), nn.Parameter(torch.randn(5, dtype=torch.complex64))
            self.register_buffer("phase", torch.randn(5, dtype=torch.complex64))
            self.window = torch.randn(5, dtype=torch.complex64)

        def forward(self, x):
            return torch.fft.irfft(torch.fft.rfft(self.layer(x)) * self.weight * self.phase * self.window, n=8)

    torch.manual_seed(0)
    model = Spectral()
    optimizer = torch.optim.Adam(model.parameters())
    found = bpcompare.check(model, torch.randn(6, 8), loss=lambda y: y.square().mean(), optimizer=optimizer)
    assert found.verdict == "certified", str(found)
    assert "float64 on cpu as a float64 copy:" in str(found.runs[0])
    assert "float32/float64" not in str(found.runs[0])
    assert model.weight.dtype == model.phase.dtype == model.window.dtype == torch.complex64


def test_a_loss_that_closes_over_weights():
    """Class weights that a loss keeps are in no copy: torch would not multiply them, and the logic would be left unexamined."""
    weights = torch.tensor([1.0, 2.0, 0.5, 3.0])
    torch.manual_seed(0)
    found = bpcompare.check(
        nn.Linear(3, 4), torch.randn(8, 3), loss=lambda y: nn.functional.cross_entropy(y, torch.arange(8) % 4, weight=weights)
    )
    assert found.verdict == "certified", str(found)
    assert weights.dtype == torch.float32


def test_what_is_written_into_stays_what_it_is():
    """The copy would write into a widened copy of a buffer, and be another model's: certified, and about something else."""

    class Filling(nn.Linear):
        def forward(self, x):
            y, filled = super().forward(x), APART.clone()
            filled[:2].copy_(y[:2])
            filled[2] += y[2]
            return (filled @ APART.T).to(y.dtype) + y

    torch.manual_seed(0)
    found = bpcompare.check(Filling(3, 4), torch.randn(4, 3), loss=lambda y: y.square().mean())
    assert found.verdict == "certified", str(found)
    filled, ones = torch.zeros(3), torch.ones(3, dtype=torch.float64)
    with Widened():
        filled[:2].copy_(ones[:2])
        filled[2] += ones[2]
    assert filled.tolist() == [1, 1, 1]


@pytest.mark.skipif(not torch.__version__.startswith("2.13"), reason="a fault of torch 2.13")
def test_a_fault_of_torchs_in_the_copy_alone_is_none_of_the_model():
    """Who trains MobileNet in float32 would be called wrong for what torch does to float64."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Hardsigmoid(), nn.Linear(4, 2))
    found = bpcompare.check(model, torch.randn(6, 3), loss=lambda y: y.square().mean())
    assert [run.verdict for run in found.runs] == ["certified in part", "certified"]
    assert "hardsigmoid is at fault in that format, or something changes its numbers unseen" in " ".join(str(found).split())
    assert bpcompare.check(model.double(), torch.randn(6, 3).double(), loss=lambda y: y.square().mean()).verdict == "wrong"


class Nearly(torch.autograd.Function):
    """x², with a derivative that is off by less than float32 shows."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        return (2.0 + 1e-9) * g * ctx.saved_tensors[0]


def test_a_fault_of_ones_own_in_the_copy_alone_is_wrong():
    """A backward of one's own that float32 cannot tell from the right one would be excused as torch's."""

    class Squared(nn.Linear):
        def forward(self, x):
            return Nearly.apply(super().forward(x))

    torch.manual_seed(0)
    found = bpcompare.check(Squared(3, 4), torch.randn(6, 3), loss=lambda y: y.mean())
    assert [run.verdict for run in found.runs] == ["wrong", "certified"]


def test_a_mask_of_float32_masks_the_copy_as_well():
    """torch 2.13 reads such a mask as if it were float64: every detector with a mask of its own would be certified in part."""

    class Masked(nn.Linear):
        def forward(self, x):
            q, later = super().forward(x)[:, None], torch.ones(64, 64).triu(1).bool()  # 16 are too few
            mask = torch.zeros(64, 64, dtype=torch.float32).masked_fill(later, float("-inf"))
            return nn.functional.scaled_dot_product_attention(q, q, q, attn_mask=mask)

    torch.manual_seed(0)
    found = bpcompare.check(Masked(3, 4), torch.randn(2, 64, 3), loss=lambda y: y.square().mean())
    assert found.verdict == "certified", str(found)
