"""torch's updates: the functions that the backend calls, and the optimizers they stand for."""

import subprocess
import sys
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, optim  # noqa: E402

from bpcompare import ops  # noqa: E402
from bpcompare.testing.networks import UPDATES  # noqa: E402
from bpcompare_torch import Torch  # noqa: E402
from bpcompare_torch.update import RULES  # noqa: E402
from by_hand.update import TORCH  # noqa: E402

SHAPES = ((), (3,), (1, 1), (4, 5), (2, 3, 3, 3))


def optimizer(op: Any, parameters: list[Tensor]) -> optim.Optimizer:
    """torch's own class, as somebody writes it who trains with this rule."""
    named = TORCH[type(op)]
    own = named.options(op)
    made: optim.Optimizer = getattr(optim, named.optimizer)(
        parameters, lr=op.eta, weight_decay=op.weight_decay, foreach=False, **own
    )
    return made


def drawn(dtype: torch.dtype, seed: int, *, positive: bool = False) -> dict[str, Tensor]:
    """A tensor for each shape, some entries far from 1."""
    rng = torch.Generator().manual_seed(seed)
    found = {str(shape): torch.randn(shape, generator=rng, dtype=dtype) * 10.0 ** (n - 2) for n, shape in enumerate(SHAPES)}
    return {name: x.abs() + 0.01 for name, x in found.items()} if positive else found


def possible(op: ops.UpdateOp) -> bool:
    """Whether torch has this form of the rule."""
    beyond, _ = Torch.limits.get(type(op), (lambda _: False, ""))
    return not beyond(op)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("op", [op for op in UPDATES if possible(op)], ids=str)
@pytest.mark.parametrize("count", [0, 1, 7])
def test_an_update_has_the_bits_of_step(op: Any, count: int, dtype: torch.dtype) -> None:
    """What is certified is not the optimizer that people call: three steps from one state, every parameter and slot."""
    parameters = drawn(dtype, 1)
    slots = {name: {} for name in parameters}  # type: dict[str, dict[str, Tensor]]
    for number, slot in enumerate(op.slots):
        for name, x in drawn(dtype, 2 + number, positive=slot in op.squares).items():
            slots[name][slot] = x
    if "m" in op.slots and "v" in op.slots:  # the square of the mean is no larger than the mean of squares
        slots = {name: {**own, "v": own["v"] + own["m"] ** 2} for name, own in slots.items()}
    theirs = {name: p.clone().requires_grad_() for name, p in parameters.items()}
    their = optimizer(op, list(theirs.values()))
    keys = TORCH[type(op)].keys
    for name, p in theirs.items():
        their.state[p] = {keys[slot]: x.clone() for slot, x in slots[name].items()} | {"step": torch.tensor(float(count))}
    for number in range(3):
        gradients = drawn(dtype, 10 + number)
        for name, p in theirs.items():
            p.grad = gradients[name].clone()
        their.step()
        parameters, slots = Torch().descend(op, count + number + 1, parameters, gradients, slots)  # type: ignore[assignment]
        for name, p in theirs.items():
            assert same(parameters[name], p.detach())
            for slot in op.slots:
                assert same(slots[name][slot], their.state[p][keys[slot]])


def same(x: Tensor, y: Tensor) -> bool:
    """Bit by bit."""
    return x.dtype == y.dtype and x.shape == y.shape and x.numpy().tobytes() == y.numpy().tobytes()


def test_every_rule_is_compared() -> None:
    """A rule that is added to the backend is compared with nothing."""
    assert set(RULES) == set(TORCH) == {type(op) for op in UPDATES}


@pytest.mark.slow
def test_no_compiler_is_imported() -> None:
    """Whoever runs torch once waits twice as long, for a compiler that nothing uses."""
    code = (
        "import bpcompare, sys; bpcompare.run('mazur', ['torch']); print(*('torch' + x in sys.modules for x in ('', '._dynamo')))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["True", "False"]
