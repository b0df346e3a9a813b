"""Where numbers stand: what is asked of code is made on the device of what it was given. Devices are played by torch's "meta"."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from bpcompare.tools.gradient.contracts.ways import way_of  # noqa: E402
from bpcompare.tools.gradient.door import CodeUnderTest, device_of  # noqa: E402
from bpcompare.tools.gradient.trees import Given  # noqa: E402
from bpcompare_torch.recorder import together  # noqa: E402

META = torch.device("meta")


def test_the_device_of_what_was_given():
    """A module on a GPU would be called with tensors of the CPU, and refuse them."""
    x = torch.zeros(2)
    assert device_of(torch, torch.nn.Linear(2, 2, device=META), ()) == META
    assert device_of(torch, torch.nn.Linear(2, 2, device=META), (x,)) == torch.device("cpu")
    assert device_of(torch, torch.relu, (1.0, x.to(META), x)) == META
    assert device_of(torch, torch.relu, (1.0,)) is None


def test_tensors_of_contracts():
    """Contracts about layouts would be tried on the CPU, where a kernel of a GPU does not run."""
    x = np.ones((2, 3), np.float32)
    way = way_of(CodeUnderTest("torch", Given(torch.relu, None, {"x": torch.zeros(2, 3, device=META)}), (x,), max, max, False))
    for layout in ("", *way.layouts, "expanded"):
        made = way.array(x, layout)
        assert made is None or made.device == META, layout


def test_lengths_of_a_ctc_loss():
    """A CTC loss on a GPU with lengths on the CPU, as its documentation shows it, would end in an error where it is watched."""
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 4)
    made = [torch.ops.aten._ctc_loss.Tensor, torch.ops.aten._ctc_loss_backward.Tensor]
    scores, targets, lengths = net(torch.randn(5, 2, 3)).log_softmax(-1).detach(), torch.tensor([1, 2, 3]), torch.tensor([2, 1])
    whole = torch.tensor([5, 5])
    losses, inside = together.called(made[0], (scores, targets, whole, lengths), {})
    expected = torch.nn.functional.ctc_loss(scores, targets, whole, lengths, reduction="none")
    assert torch.equal(losses, expected)
    given = (torch.ones(2), scores, targets, whole, lengths, losses, inside, 0)
    assert torch.equal(together.called(made[1], given, {}), made[1](*given))
    assert together.called(torch.ops.aten.relu.default, (torch.tensor([-1.0]),), {}) == 0.0
