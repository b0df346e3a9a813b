"""A net of dense layers, and one step of it as people write it by hand in each framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcompare import ops
from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.network.parameter import Initializer, Parameter
from bpcompare.plan import Plan


def mlp(widths: list[int], examples: int) -> Network:
    """Relu layers, softmax cross-entropy on classes, sgd."""
    random = np.random.default_rng(0)
    layers: dict[str, Layer] = {}
    parameters: dict[str, Parameter] = {}
    source = "x"
    for number, width in enumerate(widths[1:]):
        name, last = f"l{number}", number == len(widths) - 2
        roles = {"weight": f"{name}.weight", "bias": f"{name}.bias"}
        layers[name] = Layer(ops.Dense(width), (source,), ops.Identity() if last else ops.Relu(), roles)
        parameters |= {roles["weight"]: Parameter(Initializer("he_normal")), roles["bias"]: Parameter(Initializer("normal", 0.1))}
        source = name
    data = Data({"x": random.standard_normal((examples, widths[0]))}, random.integers(0, widths[-1], examples))
    error = Error(ops.SoftmaxCrossEntropy(reduce="mean", targets="classes"), source)
    return Network("mlp", {"x": Input((widths[0],))}, layers, parameters, error, ops.Sgd(0.1), data, Training())


def bare_numpy(plan: Plan) -> Callable[[], Any]:
    """One step by hand in NumPy."""
    count = len(plan.order)
    w, b = ([plan.parameters[f"l{i}.{role}"] for i in range(count)] for role in ("weight", "bias"))
    x, t = plan.batches[0].inputs["x"], plan.batches[0].target
    eta = x.dtype.type(0.1)

    def step() -> Any:
        a = [x]
        for i in range(count):
            z = a[-1] @ w[i] + b[i]
            a.append(np.maximum(z, 0) if i < count - 1 else z)
        e = np.exp(a[-1] - a[-1].max(axis=1, keepdims=True))
        delta = e / e.sum(axis=1, keepdims=True)
        delta[np.arange(len(t)), t] -= 1
        delta /= -len(t)
        new = []
        for i in reversed(range(count)):
            new.append((w[i] + eta * (a[i].T @ delta), b[i] + eta * delta.sum(axis=0)))
            if i:
                delta = (delta @ w[i].T) * (a[i] > 0)
        return new

    return step


def bare_torch(plan: Plan) -> Callable[[], Any]:
    """One eager step with torch.optim.SGD."""
    import torch
    from torch.nn import functional

    count = len(plan.order)
    w = [torch.tensor(plan.parameters[f"l{i}.weight"].T.copy(), requires_grad=True) for i in range(count)]
    b = [torch.tensor(plan.parameters[f"l{i}.bias"], requires_grad=True) for i in range(count)]
    x, t = torch.tensor(plan.batches[0].inputs["x"]), torch.tensor(plan.batches[0].target)
    optimizer = torch.optim.SGD([*w, *b], lr=1e-6)

    def step() -> Any:
        optimizer.zero_grad()
        a = x
        for i in range(count):
            a = functional.linear(a, w[i], b[i])
            a = functional.relu(a) if i < count - 1 else a
        functional.cross_entropy(a, t).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def bare_jax(plan: Plan) -> Callable[[], Any]:
    """One jitted step with optax.sgd."""
    import jax
    import jax.numpy as jnp
    import optax

    count = len(plan.order)
    parameters = {name: jnp.array(value) for name, value in plan.parameters.items()}
    x, t = jnp.array(plan.batches[0].inputs["x"]), jnp.array(plan.batches[0].target.astype(np.int32))
    rule = optax.sgd(0.1)

    def error(parameters: Any) -> Any:
        a = x
        for i in range(count):
            a = a @ parameters[f"l{i}.weight"] + parameters[f"l{i}.bias"]
            a = jax.nn.relu(a) if i < count - 1 else a
        return optax.softmax_cross_entropy_with_integer_labels(a, t).mean()

    @jax.jit
    def step(parameters: Any, state: Any) -> Any:
        updates, state = rule.update(jax.grad(error)(parameters), state, parameters)
        return optax.apply_updates(parameters, updates), state

    state = rule.init(parameters)
    return lambda: jax.block_until_ready(step(parameters, state))  # type: ignore[no-untyped-call]
