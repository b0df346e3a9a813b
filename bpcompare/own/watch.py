"""`watch`: the door for code that runs as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bpcompare.own.recorders import models_of, recorder_of
from bpcompare.own.sample import Sample
from bpcompare.own.step import Watching
from bpcompare.text.duration import seconds_of
from bpcompare.text.size import bytes_of


def watch(
    model: Any,
    optimizer: Any = None,
    *,
    intended: Sequence[Any] = (),
    reference: Mapping[Any, Callable[..., Any]] | None = None,
    sample: str | float | None = None,
    memory: str | int | None = None,
) -> Watching:
    """Watch a training step: whatever runs in the block, forward, `backward()` and, if it likes, `optimizer.step()`:

        with bpcompare.watch(model, optimizer) as step:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
        print(step)

    `model`: a torch.nn.Module, or a list or dict of several. `optimizer`: any step of an optimizer in the block is watched, so
    it need not be given. `intended`: custom autograd functions, or their names, whose backward is meant to be no derivative of
    their forward (straight-through estimators, gradient reversal), or "hook" for hooks that are meant to change gradients; they
    are named in the verdict. `reference`: for a function whose inside nobody can see (a kernel, NumPy, C++), another one of the
    same meaning, made of the framework's own functions: by the autograd function, the op of torch.library, or its name.
    `sample`: the time that there is for judging, "30s" or seconds; by default it takes what it takes (see `WatchedStep.sampled`).
    `memory`: what recorded numbers may take in memory, "4G" or bytes, before they go into a temporary file; by default what the
    environment's BPCOMPARE_MEMORY says, or half of what is free.
    Nothing of the code is changed: the numbers that are judged are those of this very run. One thing is: what torch.compile made
    does not run within the block, the functions that it was made from do.
    Raises TypeError for what is no model, ValueError for what is no time or size, ImportError where the framework's package is
    missing.
    """
    del optimizer  # steps of all optimizers are seen
    names = [one if isinstance(one, str) else getattr(one, "__name__", type(one).__name__) for one in intended]
    time = None if sample is None else Sample(seconds_of(sample))
    size = None if memory is None else bytes_of(memory)
    return Watching(recorder_of(models_of(model), reference or {}, size), names, time)
