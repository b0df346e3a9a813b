"""Functions of torch: its own tests' samples (torch.testing, which needs expecttest), and modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from benchmarks.gradients.sample import LARGEST, Change, Function, Sample

DRAWN = 60
"""Samples of a function that are looked through for those that can be asked."""


def functions() -> tuple[list[Function], list[str]]:
    """Every function with a derivative, by its name and variant; and what is not there. Raises ImportError without torch."""
    import torch

    found, absent = [], []
    try:
        from torch.testing._internal.common_methods_invocations import op_db
    except ImportError as error:
        absent.append(f"torch's own samples of its functions: {error}")
        op_db = []
    for op in op_db:
        if op.supports_autograd:
            name = f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name
            found.append(Function("torch", name, partial(_sample, op)))
    for name, (made, shapes) in modules().items():
        if hasattr(torch.nn, name.partition(".")[2]):
            found.append(Function("torch", name, partial(_module, made, shapes)))
        else:
            absent.append(name)
    return found, absent


def _sample(op: Any, seed: int, dtype: str) -> Sample | None:
    import torch

    kind = getattr(torch, dtype)
    if kind not in op.supported_dtypes("cpu"):
        return None
    torch.manual_seed(seed)
    try:
        drawn = list(islice(op.sample_inputs("cpu", kind, requires_grad=False), DRAWN))
    except Exception:  # noqa: BLE001 — samples that this build cannot draw
        return None
    fitting = [sample for sample in drawn if _fits(sample)]
    if not fitting:
        return None
    # From small and plain ones to stranger ones, a seed each; all over again where there are fewer.
    chosen = fitting[seed * max(1, len(fitting) // 8) % len(fitting)]
    args, kwargs = chosen.args, chosen.kwargs
    before = torch.get_rng_state()
    op(chosen.input, *args, **kwargs)
    draws = not torch.equal(before, torch.get_rng_state())

    def function(*given: Any) -> Any:
        if draws:
            torch.default_generator.manual_seed(0)
        if kwargs.get("hermitian"):  # of a matrix that is none, it reads one triangle, and its derivative is not defined
            given = (given[0] + given[0].mH, *given[1:])
        out = op(*given, **kwargs)
        return torch.view_as_real(out.resolve_conj()) if isinstance(out, torch.Tensor) and out.is_complex() else out

    function.__name__ = op.name
    return sample_of(*_differentiable(function, (chosen.input, *args)))


def _differentiable(function: Callable[..., Any], inputs: tuple[Any, ...]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The function of those inputs that may ask for a gradient: autograd refuses a running mean, or a target."""

    def refused(at: int) -> bool:
        try:
            function(*(x.detach().clone().requires_grad_(i == at) if _floats(x) else x for i, x in enumerate(inputs)))
        except RuntimeError as error:
            return "cannot have requires_grad True" in str(error)
        return False

    kept = [i for i, x in enumerate(inputs) if not (_floats(x) and refused(i))]
    if len(kept) == len(inputs):
        return function, inputs

    def of_these(*given: Any) -> Any:
        whole = [x.clone() if _floats(x) else x for x in inputs]
        for i, x in zip(kept, given, strict=True):
            whole[i] = x
        return function(*whole)

    of_these.__name__ = function.__name__
    return of_these, tuple(inputs[i] for i in kept)


def _fits(sample: Any) -> bool:
    import torch

    tensors = [x for x in (sample.input, *sample.args) if isinstance(x, torch.Tensor)]
    if not isinstance(sample.input, torch.Tensor) or any(x.layout != torch.strided or x.is_complex() for x in tensors):
        return False
    return 0 < sum(x.numel() for x in tensors) <= LARGEST and all(bool(torch.isfinite(x).all()) for x in tensors)


def sample_of(function: Callable[..., Any], inputs: tuple[Any, ...]) -> Sample:
    """With autograd's own gradient. Of several outputs, those of floats that autograd does not follow are left out."""
    import torch

    with torch.enable_grad():
        asking = [x.detach().clone().requires_grad_() if _floats(x) else x for x in inputs]
        followed = [y.requires_grad or not _floats(y) for y in _tensors(function(*asking))]

    def flat(*given: Any) -> Any:
        out = function(*given)
        if isinstance(out, torch.Tensor):
            return out
        return tuple(y for y, one in zip(_tensors(out), followed, strict=True) if one or not any(followed))

    flat.__name__ = getattr(function, "__name__", "function")

    def pulled(sent: Change, found: Change) -> Callable[..., Any]:
        def back(*args: Any) -> Any:
            xs, dys = args[: len(inputs)], args[len(inputs) :]
            own = [x.detach().requires_grad_() if _floats(x) else x for x in xs]
            floats = [x for x in own if _floats(x)]
            with torch.enable_grad():
                ys = list(_tensors(flat(*own)))
                pairs = [(y, dy) for y, dy in zip(ys, dys, strict=True) if y.requires_grad and dy is not None]
                changed = sent([dy for _, dy in pairs])
                gradients = torch.autograd.grad([y for y, _ in pairs], floats, changed, allow_unused=True)
            rest = iter(found(list(gradients)))
            return tuple(next(rest) if _floats(x) else None for x in own)

        return back

    def constant(array: Any, like: Any) -> Any:
        made = torch.tensor(np.array(array, order="C"))
        return made.to(like.dtype) if made.is_floating_point() else made

    def like(other: Callable[..., Any]) -> Sample:
        return sample_of(other, inputs)

    return Sample(function, flat, inputs, pulled, constant, _numbers, like)


def _numbers(x: Any) -> Any:
    import torch

    known = x.float() if x.dtype == torch.bfloat16 else x
    return known.detach().numpy(force=True).copy()


def _floats(x: Any) -> bool:
    import torch

    return isinstance(x, torch.Tensor) and x.is_floating_point()


def _tensors(out: Any) -> Iterator[Any]:
    import torch

    if isinstance(out, torch.Tensor):
        yield out
    elif isinstance(out, Mapping):
        for one in out.values():
            yield from _tensors(one)
    elif isinstance(out, Sequence) and not isinstance(out, str):
        for one in out:
            yield from _tensors(one)


def modules() -> Mapping[str, tuple[Callable[[], Any], tuple[tuple[int, ...], ...]]]:
    """Recurrent cells and layers, attention, normalizations, losses: how each is made, and the shapes of its inputs."""
    from torch import nn

    def attention() -> Any:
        return nn.MultiheadAttention(4, 2, batch_first=True)

    def encoder() -> Any:
        return nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True)

    def decoder() -> Any:
        return nn.TransformerDecoderLayer(4, 2, 6, dropout=0.0, batch_first=True)

    return {
        "nn.RNNCell": (lambda: nn.RNNCell(3, 4), ((2, 3), (2, 4))),
        "nn.GRUCell": (lambda: nn.GRUCell(3, 4), ((2, 3), (2, 4))),
        "nn.LSTMCell": (lambda: nn.LSTMCell(3, 4), ((2, 3),)),
        "nn.RNN": (lambda: nn.RNN(3, 4, batch_first=True), ((2, 3, 3),)),
        "nn.GRU": (lambda: nn.GRU(3, 4, batch_first=True, bidirectional=True), ((2, 3, 3),)),
        "nn.LSTM": (lambda: nn.LSTM(3, 4, 2, batch_first=True), ((2, 3, 3),)),
        "nn.MultiheadAttention": (attention, ((2, 3, 4), (2, 5, 4), (2, 5, 4))),
        "nn.TransformerEncoderLayer": (encoder, ((2, 3, 4),)),
        "nn.TransformerDecoderLayer": (decoder, ((2, 3, 4), (2, 2, 4))),
        "nn.BatchNorm1d": (lambda: nn.BatchNorm1d(3), ((5, 3),)),
        "nn.BatchNorm2d": (lambda: nn.BatchNorm2d(3), ((2, 3, 2, 3),)),
        "nn.InstanceNorm2d": (lambda: nn.InstanceNorm2d(3, affine=True), ((2, 3, 3, 3),)),
        "nn.GroupNorm": (lambda: nn.GroupNorm(2, 4), ((2, 4, 3),)),
        "nn.LayerNorm": (lambda: nn.LayerNorm(5), ((4, 5),)),
        "nn.RMSNorm": (lambda: nn.RMSNorm(5), ((4, 5),)),
        "nn.LocalResponseNorm": (lambda: nn.LocalResponseNorm(3), ((2, 5, 3),)),
        "nn.PReLU": (lambda: nn.PReLU(3), ((4, 3),)),
        "nn.Bilinear": (lambda: nn.Bilinear(3, 4, 2), ((5, 3), (5, 4))),
        "nn.PairwiseDistance": (nn.PairwiseDistance, ((5, 3), (5, 3))),
    }


def _module(made: Callable[[], Any], shapes: tuple[tuple[int, ...], ...], seed: int, dtype: str) -> Sample:
    """The module's parameters are inputs, too."""
    import torch

    kind = getattr(torch, dtype)
    torch.manual_seed(seed)
    module = made().to(kind)
    names = [name for name, _ in module.named_parameters()]

    def function(*given: Any) -> Any:
        xs, weights = given[: len(shapes)], given[len(shapes) :]
        return torch.func.functional_call(module, dict(zip(names, weights, strict=True)), xs)

    function.__name__ = type(module).__name__
    drawn = [torch.randn(shape, dtype=kind) for shape in shapes]
    return sample_of(function, (*drawn, *(p.detach().clone() for p in module.parameters())))
