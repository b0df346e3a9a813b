"""Gradient checkers on the same nets with the same planted errors: false alarms, catches, and the smallest error each sees.

    python -m benchmarks.checkers [--write]

The gradient of one weight is spoiled: all zero, × 1.5, × 1.01, × (1 + 1e-6), one element flipped, transposed. Every net runs
at loss scales 1e-4, 1 and 1e6. A catch is a rejected wrong gradient, a false alarm a rejected right one. The last column is
the smallest ε of 1e-1, 1e-2 … for which × (1 + ε) was rejected at loss scale 1, if the right gradient was accepted (median
over nets). bpcompare gets one more column: plants that it did not call wrong although they were larger than its stated power.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import torch
from jax.test_util import check_grads

import bpcompare
from benchmarks.fuzz import versions
from bpcompare import ops
from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.network.parameter import Initializer, Parameter
from bpcompare.plan import Plan
from bpcompare.plan.draw import plan as draw
from bpcompare_jax import Jax
from bpcompare_torch import Torch

SCALES = (1e-4, 1.0, 1e6)
SPOILED = "l1.weight"
Spoil = Callable[[Any], Any]


def _flipped(g: Any) -> Any:
    """The largest element with its sign changed."""
    shape = g.shape
    flat = g.reshape(-1)
    at = int(abs(np.asarray(flat if not isinstance(flat, torch.Tensor) else flat.detach())).argmax())
    signs = np.ones(len(flat), np.asarray(flat[:0] if not isinstance(flat, torch.Tensor) else flat[:0].detach()).dtype)
    signs[at] = -1
    return (flat * (torch.from_numpy(signs) if isinstance(flat, torch.Tensor) else signs)).reshape(shape)


PLANTS: dict[str, Spoil] = {
    "all zero": lambda g: g * 0,
    "× 1.5": lambda g: g * 1.5,
    "× 1.01": lambda g: g * 1.01,
    "× (1 + 1e-6)": lambda g: g * (1 + 1e-6),
    "one flipped": _flipped,
    "transposed": lambda g: g.swapaxes(0, 1) if not isinstance(g, torch.Tensor) else g.transpose(0, 1),
}


def mlp(widths: list[int], g: Any, error: Any) -> Network:
    """Dense layers; the weight of the second is square, so that it can be transposed."""
    random = np.random.default_rng(3)
    layers, parameters, source = {}, {}, "x"
    for number, width in enumerate(widths[1:]):
        name, last = f"l{number}", number == len(widths) - 2
        roles = {"weight": f"{name}.weight", "bias": f"{name}.bias"}
        layers[name] = Layer(ops.Dense(width), (source,), ops.Identity() if last else g, roles)
        parameters |= {
            roles["weight"]: Parameter(Initializer("lecun_normal")),
            roles["bias"]: Parameter(Initializer("normal", 0.1)),
        }
        source = name
    target = random.integers(0, widths[-1], 8) if error.integer_target else random.standard_normal((8, widths[-1]))
    data = Data({"x": random.standard_normal((8, widths[0]))}, target)
    return Network("mlp", {"x": Input((widths[0],))}, layers, parameters, Error(error, source), ops.Sgd(0.1), data, Training())


NETS = {
    "tanh 4-5-5-3": mlp([4, 5, 5, 3], ops.Tanh(), ops.HalfSquared(reduce="mean")),
    "sigmoid 8-12-12-4": mlp([8, 12, 12, 4], ops.Sigmoid(), ops.SoftmaxCrossEntropy(reduce="mean", targets="classes")),
    "gelu 6-16-16-16-2": mlp([6, 16, 16, 16, 2], ops.GeluErf(), ops.MeanSquared(reduce="mean")),
    "tanh 8-64-64, 4,736 parameters": mlp([8, 64, 64], ops.Tanh(), ops.HalfSquared(reduce="mean")),
}


def scaled(network: Network, scale: float) -> Network:
    """The same net with E multiplied."""
    return replace(network, error=replace(network.error, op=replace(network.error.op, scale=scale)))


def _torch_error(plan: Plan) -> tuple[Callable[..., Any], list[torch.Tensor], list[str]]:
    backend = Torch()
    walk, feed = backend._walk(plan), backend._feed(plan.batches[0], {})
    names = list(plan.parameters)
    values = [torch.tensor(plan.parameters[name]) for name in names]

    def error(*parameters: torch.Tensor) -> torch.Tensor:
        return walk(dict(zip(names, parameters, strict=True)), feed, lambda _, y: y).error

    return error, values, names


def _jax_error(plan: Plan) -> tuple[Callable[..., Any], list[Any], list[str]]:
    backend = Jax()
    walk, feed = backend._walk(plan), backend._feed(plan.batches[0], {})
    names = list(plan.parameters)
    values = [jnp.array(plan.parameters[name]) for name in names]

    def error(*parameters: Any) -> Any:
        return walk(dict(zip(names, parameters, strict=True)), feed, lambda _, y: y).error

    return error, values, names


class _Spoiling(torch.autograd.Function):
    """The weight itself forward; a spoiled gradient backward."""

    @staticmethod
    def forward(ctx: Any, w: Any, spoil: Spoil) -> Any:
        ctx.spoil = spoil
        return w.clone()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return ctx.spoil(g), None


def gradcheck(fast: bool) -> Callable[[Plan, Spoil | None], bool]:
    """torch.autograd.gradcheck with its defaults. float64 only: it says so itself."""

    def accepts(plan: Plan, spoil: Spoil | None) -> bool:
        error, values, names = _torch_error(plan)
        values = [value.requires_grad_() for value in values]

        def planted(*parameters: Any) -> Any:
            found = [_Spoiling.apply(p, spoil) if spoil and n == SPOILED else p for n, p in zip(names, parameters, strict=True)]
            return error(*found)

        return bool(torch.autograd.gradcheck(planted, values, fast_mode=fast, raise_exception=False))

    return accepts


def jax_check(mode: str) -> Callable[[Plan, Spoil | None], bool]:
    """jax.test_util.check_grads with its defaults, order 1."""

    def accepts(plan: Plan, spoil: Spoil | None) -> bool:
        error, values, names = _jax_error(plan)

        @jax.custom_vjp
        def weight(w: Any) -> Any:
            return w

        weight.defvjp(lambda w: (w, None), lambda _, g: (spoil(g) if spoil else g,))

        @jax.custom_jvp
        def tangent(w: Any) -> Any:
            return w

        tangent.defjvp(lambda primals, tangents: (primals[0], spoil(tangents[0]) if spoil else tangents[0]))
        wrap = weight if mode == "rev" else tangent

        def planted(*parameters: Any) -> Any:
            return error(*[wrap(p) if spoil and n == SPOILED else p for n, p in zip(names, parameters, strict=True)])

        try:
            check_grads(planted, values, order=1, modes=(mode,))
        except AssertionError:
            return False
        return True

    return accepts


def closeness(rule: Callable[[Any, Any], None]) -> Callable[[Plan, Spoil | None], bool]:
    """A rule of closeness between torch's gradient, spoiled, and JAX's."""

    def accepts(plan: Plan, spoil: Spoil | None) -> bool:
        error, values, names = _torch_error(plan)
        values = [value.requires_grad_() for value in values]
        mine = [g.numpy() for g in torch.autograd.grad(error(*values), values)]
        other, starts, _ = _jax_error(plan)
        theirs = [np.asarray(g) for g in jax.grad(other, argnums=tuple(range(len(starts))))(*starts)]
        if spoil:
            at = names.index(SPOILED)
            mine[at] = np.ascontiguousarray(np.asarray(spoil(mine[at]), mine[at].dtype))
        try:
            for x, y in zip(mine, theirs, strict=True):
                rule(x, y)
        except AssertionError:
            return False
        return True

    return accepts


@dataclass
class Count:
    """What one checker did."""

    alarms: int = 0
    honest: int = 0
    caught: int = 0
    planted: int = 0
    missed: int = 0
    smallest: list[float] = field(default_factory=list)


def bpcompare_accepts(plan_of: Network, dtype: Any, spoil: Spoil | None) -> tuple[bool, bool]:
    """(no backend called wrong, the plant was larger than the stated power)."""

    class Student(Torch):
        name = "student"

        def differentiate(self, *args: Any) -> Any:
            walked, gradients, din = super().differentiate(*args)
            if spoil:
                gradients = {**gradients, SPOILED: spoil(gradients[SPOILED]).contiguous()}
            return walked, gradients, din

        def plain_gradient(self, *args: Any) -> Any:
            gradients = dict(super().plain_gradient(*args))
            if spoil:
                gradients[SPOILED] = spoil(gradients[SPOILED]).contiguous()
            return gradients

    comparison = bpcompare.run(plan_of, ["delta", "torch", Student], dtype=dtype)
    wrong = comparison.verdict == "wrong"
    if wrong and spoil:
        first = comparison.first
        assert first is not None
        assert (first.path, first.blame) == (f"{SPOILED}.gradient", "student"), first
    right = comparison.records["torch"].steps[0].gradient[SPOILED].astype(np.float64)
    got = comparison.records["student"].steps[0].gradient[SPOILED].astype(np.float64)
    power = next(f.power for f in comparison.certificates["torch"].findings if f.path == f"{SPOILED}.gradient")
    size = float(np.abs(got - right).max() / np.abs(right).max())
    return not wrong, size > power


def rows() -> dict[str, dict[str, Count]]:
    """Counts by checker, by dtype."""
    checkers: dict[str, Callable[[Plan, Spoil | None], bool]] = {
        "torch gradcheck": gradcheck(fast=False),
        "torch gradcheck, fast_mode": gradcheck(fast=True),
        "jax check_grads, fwd": jax_check("fwd"),
        "jax check_grads, rev": jax_check("rev"),
        "chex assert_trees_all_close": closeness(chex.assert_trees_all_close),
        "numpy assert_allclose": closeness(np.testing.assert_allclose),
        "torch assert_close": closeness(lambda x, y: torch.testing.assert_close(torch.tensor(x), torch.tensor(y))),
    }
    found = {name: {"float64": Count(), "float32": Count()} for name in [*checkers, "bpcompare"]}
    for title, network in NETS.items():
        for dtype in ("float64", "float32"):
            for name in found:
                if name.startswith("torch gradcheck") and dtype == "float32":
                    continue
                print(f"{title}, {dtype}: {name}", file=sys.stderr, flush=True)
                _measure(found[name][dtype], network, dtype, checkers.get(name))
    return found


def _measure(count: Count, network: Network, dtype: Any, checker: Callable[[Plan, Spoil | None], bool] | None) -> None:
    seen = dict.fromkeys(10.0**-k for k in range(1, 16))
    smallest = float("inf")
    for scale in SCALES:
        net = scaled(network, scale)
        plan = draw(net, dtype)

        def accepts(spoil: Spoil | None, net: Network = net, plan: Plan = plan) -> tuple[bool, bool]:
            if checker is None:
                return bpcompare_accepts(net, dtype, spoil)
            return checker(plan, spoil), False

        honest, _ = accepts(None)
        count.honest += 1
        count.alarms += not honest
        for spoil in PLANTS.values():
            accepted, visible = accepts(spoil)
            count.planted += 1
            count.caught += not accepted
            count.missed += accepted and visible
        if honest and scale == 1.0:
            for epsilon in seen:
                if accepts(lambda g, epsilon=epsilon: g * (1 + epsilon))[0]:
                    break
                smallest = epsilon
    count.smallest.append(smallest)


def table(found: dict[str, dict[str, Count]]) -> str:
    """The counts as markdown."""
    lines = ["| checker | dtype | false alarms | caught | missed above its stated power | smallest ε seen |", "|---" * 6 + "|"]
    for name, by_dtype in found.items():
        for dtype, count in by_dtype.items():
            if not count.honest:
                lines.append(f"| {name} | {dtype} | does not apply | | | |")
                continue
            middle = median(count.smallest)
            seen = "none" if middle == float("inf") else f"{middle:.0e}"
            missed = str(count.missed) if name == "bpcompare" else "–"
            lines.append(
                f"| {name} | {dtype} | {count.alarms} of {count.honest} | {count.caught} of {count.planted} | {missed} | {seen} |"
            )
    return "\n".join(lines)


def main() -> int:
    """0 if bpcompare raised no false alarm and missed nothing above its stated power."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    warnings.simplefilter("ignore")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with jax.enable_x64(True):
        found = rows()
    text = table(found)
    print(text)
    if write:
        ran = f"{versions(('delta', 'torch', 'jax'))}, chex {chex.__version__}"
        head = f"# Gradient checkers\n\n`python -m benchmarks.checkers`, {ran}\n"
        nets = "\nNets: " + "; ".join(NETS) + ". " + " ".join((__doc__ or "").split("\n\n", 2)[2].split()) + "\n\n"
        Path(__file__).with_suffix(".md").write_text(head + nets + text + "\n", encoding="utf-8")
    ours = found["bpcompare"].values()
    return 1 if any(count.alarms or count.missed for count in ours) else 0


if __name__ == "__main__":
    sys.exit(main())
