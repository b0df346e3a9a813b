"""What makes recording cheap sees no less: writes that were told before a step, nodes that nobody hooked, numbers let go."""

import gc
from weakref import ref

import pytest

import bpcompare

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from bpcompare_torch.recorder import registered  # noqa: E402
from bpcompare_torch.recorder.garbage import SELDOM, Spared  # noqa: E402
from bpcompare_torch.recorder.registered import Registered  # noqa: E402


def watched(optimizer, before=1, **settings):
    """A model and its optimizer after a watched step, and that step."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    optimizer = optimizer(model.parameters(), lr=1e-2, **settings)
    x = torch.randn(8, 6)

    def step():
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()

    for _ in range(before):
        step()
    with bpcompare.watch(model, optimizer) as seen:
        step()
    return model, optimizer, seen


SETTINGS = {
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "gradients are written into": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "foreach": True}),
    "lists": (torch.optim.AdamW, {"foreach": True}),
    "one call for all": (torch.optim.AdamW, {"fused": True}),
}


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("before", [0, 1])
def test_what_a_step_writes_into_is_kept_as_it_was(kind, before):
    """Numbers of after the step would stand for those of before it, or for the gradients that it used."""
    optimizer, settings = SETTINGS[kind]
    _, _, seen = watched(optimizer, before, **settings)
    seen.assert_certified()


def test_what_a_step_writes_into_besides_is_seen():
    """A step that also writes into data would leave later numbers in the place of those that forward read."""
    torch.manual_seed(0)
    model, x = nn.Linear(6, 3), torch.randn(8, 6)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)
    inner = optimizer._init_group

    def also(*args, **kwargs):
        x.mul_(2.0)
        return inner(*args, **kwargs)

    optimizer._init_group = also
    data = x.clone()
    with bpcompare.watch(model, optimizer) as seen:
        model(x).square().mean().backward()
        optimizer.step()
    assert torch.equal(x, 2 * data)
    seen.assert_certified()


def test_a_step_that_is_broken_off_hides_no_later_write():
    """What somebody writes into parameters after a step that failed would be taken for a part of that step."""
    torch.manual_seed(0)
    model, x = nn.Linear(6, 3), torch.randn(8, 6)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)
    model(x).square().mean().backward()
    optimizer.step()

    def fails(*_args, **_kwargs):
        raise TypeError("no")

    optimizer._init_group = fails
    with bpcompare.watch(model, optimizer) as seen:
        optimizer.zero_grad()
        model(x).square().mean().backward()
        with pytest.raises(TypeError):
            optimizer.step()
        with torch.no_grad():
            model.weight.mul_(2.0)
    assert seen.verdict == "certified in part"
    assert not seen.refuted


def test_where_nodes_tell_nothing_all_of_them_are_asked(monkeypatch):
    """In a version of torch that notes hooks in another way, none would ever be found."""
    with Registered() as one:
        assert not one.theirs
        torch.ones(2, requires_grad=True).exp().grad_fn.register_hook(lambda *_: None)
        assert one.theirs
    assert registered.REGISTER not in vars(torch.autograd.Function)
    monkeypatch.setattr(registered, "REGISTER", "_hooks_are_noted_elsewhere")
    with Registered() as one:
        assert one.theirs


@pytest.mark.parametrize(("before", "meanwhile"), [(700, None), (0, None), (9000, None), (700, 50)])
def test_how_often_garbage_is_looked_for_is_as_it_was_afterwards(before, meanwhile):
    """A training that was watched once would be left with another setting of Python's, or lose the one that it set itself."""
    found = gc.get_threshold()
    try:
        gc.set_threshold(before, *found[1:])
        with Spared():
            assert gc.get_threshold()[0] == (before and max(before, SELDOM))
            if meanwhile is not None:
                gc.set_threshold(meanwhile, *found[1:])
        assert gc.get_threshold() == (before if meanwhile is None else meanwhile, *found[1:])
    finally:
        gc.set_threshold(*found)


@pytest.mark.parametrize("asked", [False, True])
def test_numbers_are_free_as_soon_as_nobody_has_the_step(asked):
    """Each watched step would hold its numbers until Python's collector comes by: some hundred megabytes, again and again."""
    _, _, seen = watched(torch.optim.AdamW)
    kept = [ref(one.kept) for entry in seen._recorder._mode.entries for one in entry.results if one is not None]
    assert len(kept) > 5
    if asked:
        assert seen.step.watched.recordings
    gc.collect()
    gc.disable()
    try:
        del seen
        assert not any(one() is not None for one in kept)
    finally:
        gc.enable()
