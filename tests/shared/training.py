"""A small net of torch's, and steps of its training, watched: what the tests of own code share."""

import torch

import bpcompare

SIZE = 5


def net(dtype=torch.float32):
    """Two layers, always the same."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(SIZE, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3)).to(dtype)


def error(model, seed=1):
    """E of a batch."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(8, SIZE, generator=generator).to(next(model.parameters()).dtype)
    return torch.nn.functional.cross_entropy(model(x), torch.randint(0, 3, (8,), generator=generator))


def backward(model, seed=1):
    """Forward and backward."""
    value = error(model, seed)
    value.backward()
    return value


def watched(model, optimizer, between=lambda _model: None, steps=1):
    """Steps in one watch, with something between backward and step."""
    with bpcompare.watch(model) as step:
        for seed in range(steps):
            optimizer.zero_grad()
            backward(model, seed)
            between(model)
            optimizer.step()
    return step.step


def refuted(step):
    """The paths of what left the proof."""
    return {claim.path for _, claim, _ in step.refuted}


def named(step):
    """What was not examined, as lines."""
    return [f"{one.what}: {one.why}" for one in step.unexamined]
