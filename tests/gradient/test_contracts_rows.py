"""Contracts about rows: other numbers of them, and halves of a batch."""

import numpy as np
import pytest

from bpcompare import check_gradient

R = np.random.default_rng(1)
W = R.standard_normal((3, 5))


def forward(x, w):
    return np.tanh(x @ w)


def back(x, w, dy):
    d = dy * (1 - np.tanh(x @ w) ** 2)
    return d @ w.T, x.T @ d


def by_blocks(x, w, dy):
    d = dy * (1 - np.tanh(x @ w) ** 2)
    full = len(x) // 32 * 32 or len(x)
    return d @ w.T, sum(x[k : k + 32].T @ d[k : k + 32] for k in range(0, full, 32))


def by_pairs(x, w, dy):
    d = dy * (1 - np.tanh(x @ w) ** 2)
    return d @ w.T, sum(x[k : k + 2].T @ d[k : k + 2] for k in range(0, len(x) // 2 * 2, 2))


def outcome(check, name):
    return next(one for one in check.contracts if one.name == name)


def test_numbers_of_rows_around_blocks_are_checked():
    """A kernel that loses the last block would pass with the few rows of a test."""
    x = R.standard_normal((4, 3))
    assert check_gradient(forward, by_blocks, (x, W)).ok
    found = outcome(check_gradient(forward, by_blocks, (x, W), names=("x", "w"), shapes=True), "shapes")
    assert found.outcome == "broken"
    assert found.said.startswith("with 33 rows: the gradient of w[")
    assert "with 4 it is right" in found.said
    assert outcome(check_gradient(forward, back, (x, W), shapes=True), "shapes").outcome == "kept"
    factory = check_gradient(forward, by_blocks, (x, W), shapes=lambda n: (R.standard_normal((n, 3)), W))
    assert outcome(factory, "shapes").outcome == "broken"


def test_a_forward_that_takes_no_other_number_of_rows_is_told():
    """A fixed size would be called a mistake."""

    def fixed(x):
        if len(x) != 4:
            raise ValueError("four rows are needed")
        return x**2

    check = check_gradient(fixed, lambda x, dy: 2 * dy * x, (R.standard_normal((4, 3)),), shapes=(4, 33))
    assert check.ok
    assert outcome(check, "shapes").outcome == "refused"
    assert "four rows are needed" in " ".join(str(check).split())


@pytest.mark.parametrize("batch", [0, ("x",), "x"])
def test_halves_of_a_batch_give_the_whole(batch):
    """Rows that are lost or counted twice would pass where all of them fit."""
    x = R.standard_normal((6, 3))
    check = check_gradient(forward, by_pairs, (x, W), names=("x", "w"), batch=batch)
    assert [one.verdict for one in check.findings] == ["certified"] * 2
    assert outcome(check, "batch").outcome == "broken", str(check)
    assert outcome(check, "batch").input == "w"
    for seed in range(8):
        x = np.random.default_rng(seed).standard_normal((7, 3))
        assert outcome(check_gradient(forward, back, (x, W), names=("x", "w"), batch=batch), "batch").outcome == "kept"


def test_a_forward_that_mixes_examples_is_not_split():
    """Batch norm would be called wrong."""

    def centred(x):
        return x - x.mean(0)

    check = check_gradient(centred, lambda x, dy: dy - dy.mean(0), (R.standard_normal((6, 3)),), batch=0)
    assert check.ok
    assert (outcome(check, "batch").outcome, "mixes" in outcome(check, "batch").said) == ("not tried", True)


@pytest.mark.parametrize(
    ("wish", "said"),
    [({"order": 3}, "order: 1 or 2"), ({"shapes": (0,)}, "shapes: numbers of rows"), ({"contracts": "x"}, "there is none")],
)
def test_a_wish_that_is_none_is_refused(wish, said):
    """A slip in the call would try nothing and say so nowhere."""
    with pytest.raises(ValueError, match=said):
        check_gradient(forward, back, (R.standard_normal((4, 3)), W), **wish)
