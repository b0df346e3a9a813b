"""Copies that a recorder makes stand in memory that is used again, but by nobody while somebody may look at it."""

import gc
import weakref

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import bpcompare  # noqa: E402
from bpcompare_torch.recorder import memory  # noqa: E402
from bpcompare_torch.recorder.buffers import LEAST, Buffers  # noqa: E402


def tensor(size=LEAST):
    return torch.arange(size, dtype=torch.float32)


def test_who_holds_a_copy_keeps_its_numbers():
    """What one step recorded would become what another one did: honest code would be called wrong, or wrong code certified."""
    buffers = Buffers()
    first = buffers.copied(tensor())
    array = buffers.copied(tensor() + 1).numpy()
    view = buffers.copied(tensor() + 2)[1:].view(-1)
    for number in range(5):
        buffers.copied(torch.full((LEAST,), float(number)))
    assert torch.equal(first, tensor())
    assert np.array_equal(array, tensor() + 1)
    assert torch.equal(view, tensor()[1:] + 2)


def test_memory_that_nobody_holds_is_used_again():
    """Each step that is watched would take new memory from the system, and keep it for ever."""
    buffers = Buffers()
    places = {buffers.copied(tensor()).data_ptr() for _ in range(5)}
    assert len(places) == 1


@pytest.mark.parametrize("t", [tensor()[::2], tensor().reshape(64, -1).T, tensor(8), tensor().to(torch.complex64).conj()])
def test_a_copy_is_a_copy(t):
    """What lies in memory in another way would have its numbers at other places."""
    made = Buffers().copied(t)
    assert torch.equal(made, t)
    assert made.data_ptr() != t.data_ptr()
    assert made.stride() == t.clone().stride()


def test_there_is_an_end_to_what_is_kept(monkeypatch):
    """A process that watches one large step would hold its memory as long as it lives."""
    monkeypatch.setattr("bpcompare_torch.recorder.buffers.MOST", 3 * tensor().nbytes)
    buffers = Buffers()
    held = [buffers.copied(tensor() + number) for number in range(6)]
    assert buffers._bytes <= 3 * tensor().nbytes
    assert all(torch.equal(one, tensor() + number) for number, one in enumerate(held))


def test_steps_that_are_watched_one_after_the_other_do_not_share_numbers(monkeypatch):
    """A verdict that is asked for later would be about the numbers of another step."""
    monkeypatch.setattr(memory, "_watched", [1])
    torch.manual_seed(0)
    model = torch.nn.Linear(128, 128)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x = torch.randn(4, 128)

    def step():
        with bpcompare.watch(model, optimizer) as watched:
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()
        return watched

    steps = [step() for _ in range(3)]
    del steps[1]
    gc.collect()
    steps.append(step())
    with torch.no_grad():
        model.weight.zero_()
    assert [one.verdict for one in steps] == ["certified"] * 3


@pytest.mark.slow
def test_a_step_that_nobody_holds_is_gone():
    """Numbers of steps that were judged would stay until garbage is collected, and the next step find no memory to use again."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x = torch.randn(4, 1, 8, 8)
    others = {id(one) for one in gc.get_objects() if type(one) is memory.Kept}  # of steps that other tests hold

    def kept():
        with bpcompare.watch(model, optimizer) as watched:
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
        assert watched.verdict in ("certified", "undecided")
        return [weakref.ref(one) for one in gc.get_objects() if type(one) is memory.Kept and id(one) not in others]

    kept()
    gc.collect()
    gc.disable()
    try:
        assert not [one for one in kept() if one() is not None]
    finally:
        gc.enable()
