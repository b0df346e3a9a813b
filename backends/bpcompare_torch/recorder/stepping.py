"""Runs a model's step for `check`: as a copy in float64 and as it is, unobserved first; and puts everything back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from math import inf, isfinite
from typing import Any

import torch
from torch import Tensor, nn

from bpcompare.program import Unexamined, Watched
from bpcompare_torch.recorder.compiling import call_by_call
from bpcompare_torch.recorder.recorder import TorchRecorder
from bpcompare_torch.recorder.references import Reference
from bpcompare_torch.recorder.restoring import held, restored
from bpcompare_torch.recorder.widening import MasksWidened, Widened

WAKE = 0.02
"""The size of what parameters are woken with that are all 0."""

COPY = "as a float64 copy"

Run = tuple[str, Watched, tuple[Unexamined, ...]]


def checked(
    model: nn.Module,
    inputs: Any,
    target: Any,
    loss: Any,
    optimizer: Any,
    reference: Mapping[Any, Reference],
    *,
    copy: bool,
    wake: bool = True,
) -> list[Run]:
    """The runs: what they are called, what was seen, and what could not be done."""
    with (
        call_by_call(),
        restored(model, optimizer, loss, (inputs, target)),
    ):  # a loss reaches more than the copy
        return _runs(model, inputs, target, loss, optimizer, reference, copy=copy, wake=wake)


def _runs(
    model: nn.Module,
    inputs: Any,
    target: Any,
    loss: Any,
    optimizer: Any,
    reference: Mapping[Any, Reference],
    *,
    copy: bool,
    wake: bool,
) -> list[Run]:
    runs: list[Run] = []
    if copy:
        try:
            other, other_optimizer, other_loss = deepcopy((model, optimizer, loss), _recomputed(model, loss))
        except Exception as error:  # noqa: BLE001 — a model may hold anything
            runs.append(_uncopied(f"the model cannot be copied: {_first_line(error)}"))
        else:
            woken = _widened(other, other_optimizer, other_loss, wake=wake)
            runs.append(_copied(woken, (other, _wide(inputs), _wide(target), other_loss, other_optimizer, reference)))
    runs.append(("as it is", *_twice(model, inputs, target, loss, optimizer, reference)))
    return runs


def _recomputed(model: nn.Module, loss: Any) -> dict[int, Any]:
    """Copies, by the id of the original, of weights that a hook computes before each forward, and torch does not copy.

    So weight norm, spectral norm and pruning keep them.
    """
    copies: dict[int, Any] = {}
    for module in (module for one in (model, *held(loss)) for module in one.modules()):
        for hook in module._forward_pre_hooks.values():
            weight = vars(module).get(str(getattr(hook, "name", getattr(hook, "_tensor_name", ""))))
            if isinstance(weight, Tensor) and weight.grad_fn is not None:
                copies[id(weight)] = weight.detach().clone()
    return copies


def _copied(woken: int, step: tuple[Any, ...]) -> Run:
    """The run of the copy. Where that fails, it is tried again with float64 for what the model's own code makes as float32."""
    said = [f"{woken} zero parameters woken"] if woken else []
    try:
        cudnn = torch.backends.cudnn  # its recurrent networks hide what is between their steps of time
        with cudnn.flags(enabled=False, benchmark=cudnn.benchmark, deterministic=cudnn.deterministic), MasksWidened():
            return _titled(said), *_twice(*step)
    except Exception as error:  # noqa: BLE001 — where the model fails as it is, too, that error is raised later
        first = error
    try:
        with Widened():
            return _titled([*said, "also where its code asks for float32"]), *_twice(*step)
    except Exception:  # noqa: BLE001 — the first error is the one that says something
        return _uncopied(f"its step fails in float64: {_first_line(first)}")


def _titled(said: list[str]) -> str:
    return COPY + (f" ({'; '.join(said)})" if said else "")


def _uncopied(why: str) -> Run:
    return COPY, Watched((), {}, {"framework": "torch"}), (Unexamined("the float64 copy", why),)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _widened(model: nn.Module, optimizer: Any, loss: Any, *, wake: bool) -> int:
    """The copy in float64; how many parameters were all 0, and have small numbers now."""
    for one in (model, *(() if getattr(loss, "__closure__", None) else held(loss))):  # what it closes over is no copy
        one.double()
        one._apply(lambda t: _doubled(t) if t.is_complex() else t)  # which double() leaves as it is
        for module in one.modules():  # what is no parameter and no buffer, double() leaves as it is
            vars(module).update({key: _wide(value) for key, value in vars(module).items() if isinstance(value, Tensor)})
    if optimizer is not None:
        for state in optimizer.state.values():
            for key, value in state.items():
                if isinstance(value, Tensor) and value.ndim:
                    state[key] = _doubled(value)
    generator = torch.Generator().manual_seed(0)
    woken = 0
    with torch.no_grad():
        for p in model.parameters() if wake else ():
            if p.requires_grad and p.numel() and p.ndim > 1 and not p.any():
                p.copy_(WAKE * torch.randn(p.shape, generator=generator, dtype=torch.float64))
                woken += 1
    return woken


def _doubled(t: Tensor) -> Tensor:
    """In float64 or complex128, whatever has a fraction."""
    return t.to(torch.complex128) if t.is_complex() else t.double() if t.is_floating_point() else t


def _wide(value: Any) -> Any:
    """Inputs in float64, whatever they are wrapped in."""
    if isinstance(value, Tensor):
        if not (value.is_floating_point() or value.is_complex()):
            return value
        return _doubled(value.detach()).requires_grad_(value.requires_grad)
    if isinstance(value, Mapping):
        return {key: _wide(one) for key, one in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_wide(one) for one in value)
    return value


def _twice(
    model: nn.Module, inputs: Any, target: Any, loss: Any, optimizer: Any, reference: Mapping[Any, Reference]
) -> tuple[Watched, tuple[Unexamined, ...]]:
    """The step without the recorder, and again with it: both must give the same bits."""
    with restored(model, optimizer, loss, (inputs, target)):
        plain, scalar = _stepped(model, inputs, target, loss, optimizer)
    recorder = TorchRecorder({"": model}, reference)
    with restored(model, optimizer, loss, (inputs, target)), recorder:
        seen, _ = _stepped(model, inputs, target, loss, optimizer)
    other = [name for name, g in plain.items() if not _same(g, seen.get(name))]
    if not other:
        return recorder.watched(), ()
    if _vary(model, inputs, target, loss, optimizer, plain, seen, other):
        watched = recorder.watched()
        return replace(watched, facts={**watched.facts, "varies": "; ".join(other)}), ()
    more = f" and {len(other) - 3} more" if len(other) > 3 else ""
    why = "a run that nobody watched gave other bits: it draws from other generators, keeps state, or watching changed it"
    unwatched = {"": scalar, **{name: g for name, g in plain.items() if g is not None and not g.is_sparse}}
    watched = replace(recorder.watched(), unwatched={name: _array(t) for name, t in unwatched.items()})
    return watched, (Unexamined(f"the gradient of {', '.join(other[:3])}{more}", why),)


def _array(t: Tensor) -> Any:
    t = t.detach().cpu()
    return (t.float() if t.dtype == torch.bfloat16 else t).numpy()


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    a, b = (t if t.layout == torch.strided else t.to_dense() for t in (a, b))
    return a.shape == b.shape and torch.equal(torch.nan_to_num(a), torch.nan_to_num(b))


ROUNDINGS = 4096
"""So many units of the largest entry a gradient may differ from run to run, where sums are added up in an order of their own."""
ALIKE = 16
"""So many times as far apart as two runs that nobody watched may be the one that was watched."""


AGAIN = 3
"""So often it is run without a recorder, to see whether these runs differ."""


def _vary(
    model: nn.Module,
    inputs: Any,
    target: Any,
    loss: Any,
    optimizer: Any,
    plain: Mapping[str, Tensor | None],
    seen: Mapping[str, Tensor | None],
    other: Sequence[str],
) -> bool:
    """Whether runs that nobody watches differ among themselves as well, by roundings, and the watched one by no more."""
    noise, most = 0.0, ROUNDINGS * _unit(plain.values()) * _largest(plain.values())
    for _ in range(AGAIN):
        with restored(model, optimizer, loss, (inputs, target)):
            again, _ = _stepped(model, inputs, target, loss, optimizer)
        noise = max(noise, *(_apart(plain[name], again.get(name)) for name in plain))
        if noise:
            break
    return 0.0 < noise <= most and all(_apart(plain[name], seen.get(name)) <= min(ALIKE * noise, most) for name in other)


def _dense(tensors: Iterable[Tensor | None]) -> list[Tensor]:
    return [t for t in tensors if t is not None and not t.is_sparse and t.is_floating_point() and t.numel()]


def _unit(tensors: Iterable[Tensor | None]) -> float:
    return max((torch.finfo(t.dtype).eps for t in _dense(tensors)), default=0.0)


def _largest(tensors: Iterable[Tensor | None]) -> float:
    return max((float(t.detach().abs().max()) for t in _dense(tensors)), default=0.0)


def _apart(one: Tensor | None, other: Tensor | None) -> float:
    """The largest distance; infinite where it is no number, or nobody measures it: of sparse gradients, say."""
    if one is None or other is None or one.shape != other.shape or one.is_sparse or other.is_sparse:
        return 0.0 if one is other else inf
    found = float((one - other).abs().max()) if one.numel() else 0.0
    return found if isfinite(found) else inf


def _stepped(model: nn.Module, inputs: Any, target: Any, loss: Any, optimizer: Any) -> tuple[dict[str, Tensor | None], Tensor]:
    """Forward, backward, and the optimizer's step. The gradients, by name, and the loss."""
    model.zero_grad()
    scalar = _scalar(_called(model, inputs), target, loss)
    scalar.backward()  # type: ignore[no-untyped-call]
    found = {name: None if p.grad is None else p.grad.detach().clone() for name, p in model.named_parameters()}
    if optimizer is not None:
        optimizer.step()
    return found, scalar


def _called(model: nn.Module, inputs: Any) -> Any:
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, tuple) else model(inputs)


def _scalar(output: Any, target: Any, loss: Any) -> Tensor:
    """E. Raises ValueError where nothing says what it is."""
    if loss is not None:
        found = loss(output) if target is None else loss(output, target)
    else:
        found = getattr(output, "loss", None)
        found = output if found is None else found
    if isinstance(found, (tuple, list)) and len(found) == 1:
        found = found[0]
    if not isinstance(found, Tensor) or found.numel() != 1:
        shape = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(
            f"there is no scalar to differentiate: got {shape}; give loss=, a function of the output (and the target)"
        )
    if not found.requires_grad:
        raise ValueError("the loss does not depend on any parameter that requires a gradient")
    return found
