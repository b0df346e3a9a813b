"""What torch itself decides: draws, backwards that refuse, rounding of rows that are all equal."""

import pytest

from bpcompare import check_gradient

torch = pytest.importorskip("torch")


def drawn(mean, std):
    torch.manual_seed(0)
    return 2 * torch.normal(mean, std)


def written(mean, std):
    torch.manual_seed(0)
    return 2 * (mean + std * torch.randn_like(std))


def test_a_draw_is_no_mistake_and_not_certified():
    """`torch.normal` would be called wrong because autograd takes what it draws for a constant."""
    inputs = tuple(torch.tensor(x, dtype=torch.float64) for x in ([1.0, 2.0], [0.5, 0.3]))
    check = check_gradient(drawn, inputs=inputs)
    assert check.verdict == "undecided"
    assert "random number" in check.findings[0].note
    assert check_gradient(written, inputs=inputs).verdict == "certified"


def test_a_draw_excuses_no_other_gradient():
    """Anything would pass beside a draw."""
    inputs = tuple(torch.tensor(x, dtype=torch.float64) for x in ([1.0, 2.0], [0.5, 0.3]))
    check = check_gradient(drawn, lambda mean, _, dy: (0.1 * dy, None), inputs)
    assert [one.verdict for one in check.findings] == ["wrong", "undecided"]


class Raises(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, dy):
        raise RuntimeError("not written yet")


def test_a_backward_of_torchs_that_refuses_is_no_mistake_and_ones_own_is():
    """Where torch gives no gradient of eigenvectors, code would be called wrong for it; or an error of its own be excused."""
    x = torch.tensor([[0.0, 1.0], [-1.0, 0.1]], dtype=torch.float64)
    with pytest.raises(ValueError, match="torch's own gives no gradient here"):
        check_gradient(lambda x: torch.linalg.eig(x)[1], inputs=(x,))
    assert check_gradient(Raises, inputs=(x,)).verdict == "wrong"


def test_rows_that_are_all_equal_are_rounding_alone():
    """A batch normalization would be said to mind how its input lies in memory, for 4e-14 in place of 0."""
    torch.manual_seed(0)
    module, x = torch.nn.BatchNorm1d(3).double(), torch.randn(5, 3, dtype=torch.float64)
    assert check_gradient(module, inputs=(x,)).verdict == "certified"


def test_batch_normalization_that_has_no_switch():
    """The running statistics would be held against what goes by those of the batch."""
    x, one, running = torch.randn(5, 3, dtype=torch.float64), torch.ones(3).double(), torch.full((3,), 0.3).double()

    def normalized(x, weight, bias):
        return torch.ops.aten._batch_norm_with_update(x, weight, bias, running.clone(), running.clone(), 0.5, 0.6)[0]

    assert check_gradient(normalized, inputs=(x, 2 * one, one)).verdict == "certified"


def test_a_number_is_sent_back_as_a_tensor():
    """The backward of a function that gives one number would get NumPy's, and be called wrong for what it raises."""
    x = torch.tensor(2.0, dtype=torch.float64)

    def backward(x, dy):
        assert isinstance(dy, torch.Tensor)
        return 2 * x * dy

    assert check_gradient(lambda x: x * x, backward, (x,), contracts=False).verdict == "certified"


def test_what_the_library_chooses_is_no_mistake_and_not_certified():
    """torch's own gradient of a full basis would be called wrong, for a rotation of what nothing determines."""
    x = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    check = check_gradient(lambda x: torch.svd(x, some=False)[2], inputs=(x,), contracts=False)
    assert check.verdict == "undecided"
    assert "that nothing determines" in check.findings[0].note
    assert check_gradient(lambda x: torch.svd(x)[1], inputs=(x,), contracts=False).verdict == "certified"


def test_only_what_the_library_chooses_excuses():
    """A wrong gradient behind a decomposition that has no law would be excused."""
    x = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    check = check_gradient(lambda x: torch.linalg.qr(x)[1], lambda x, dy: torch.ones_like(x), (x,), contracts=False)
    assert check.verdict == "wrong"
