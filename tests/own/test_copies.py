"""The float64 copy that `check` judges first: what cannot be copied is named, and the model as it is is judged all the same."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from bpcompare.own import check  # noqa: E402


class Single(torch.nn.Module):  # type: ignore[name-defined, misc]
    """A model that knows no float64, as some kernels do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)

    def forward(self, x: Any) -> Any:
        """A layer, or an error."""
        if x.dtype == torch.float64:
            raise RuntimeError("Expected a Float32 matrix, got Double\nin a second line")
        return self.layer(x)


def test_a_step_that_fails_in_float64_is_named() -> None:
    """As it is, it is judged."""
    torch.manual_seed(0)
    checked = check(Single(), torch.randn(4, 3), loss=lambda y: (y**2).mean())
    copy, own = checked.runs
    assert own.verdict == "certified"
    assert copy.verdict == "certified in part"
    assert "its step fails in float64: RuntimeError: Expected a Float32 matrix, got Double" in str(copy)
    assert "second line" not in str(copy)


def test_an_error_of_the_model_is_raised() -> None:
    """What fails as it is, too, is an error of the model."""
    with pytest.raises(RuntimeError, match="Expected a Float32 matrix"):
        check(Single(), torch.randn(4, 3, dtype=torch.float64), loss=lambda y: (y**2).mean())


class Drawn(torch.nn.Module):  # type: ignore[name-defined, misc]
    """A model that draws from the generators of NumPy and of Python."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)

    def forward(self, x: Any) -> Any:
        """A layer of something random."""
        return self.layer(x * random.random()) * float(np.random.rand())


def test_all_generators_are_put_back() -> None:
    """The step is the same each time that it is made."""
    checked = check(Drawn(), torch.randn(4, 3), loss=lambda y: (y**2).mean())
    assert checked.verdict == "certified", str(checked)
