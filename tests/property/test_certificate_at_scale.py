"""Node-level graphs: thousands of single nodes, one weight array a layer."""

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.parameter import Initializer, Parameter


def _nodes(count, fan=10, seed=0):
    random = np.random.default_rng(seed)
    inputs = {f"x{i}": Input((1,)) for i in range(10)}
    names, used, layers, parameters = list(inputs), set(), {}, {}
    for k in range(count):
        name = f"n{k}"
        sources = [names[i] for i in random.choice(len(names), fan, replace=False)]
        used.update(sources)
        layers[name] = Layer(ops.Dense(1), tuple(sources), ops.Sigmoid(), {"weight": f"{name}.weight", "bias": f"{name}.bias"})
        parameters |= {
            f"{name}.weight": Parameter(Initializer("normal", 0.5)),
            f"{name}.bias": Parameter(Initializer("normal", 0.5)),
        }
        names.append(name)
    loose = tuple(name for name in names if name not in used)
    layers["o"] = Layer(ops.Dense(2), loose, ops.Sigmoid(), {"weight": "o.weight", "bias": "o.bias"})
    parameters |= {"o.weight": Parameter(Initializer("lecun_normal")), "o.bias": Parameter(Initializer("zeros"))}
    data = Data({name: random.standard_normal((4, 1)) for name in inputs}, random.standard_normal((4, 2)))
    error = Error(ops.HalfSquared(reduce="sum"), "o")
    return Network("nodes", inputs, layers, parameters, error, ops.Sgd(0.1), data, Training())


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "count"), [("delta", 10_000), ("torch", 1_000), ("jax", 200)])
def test_graphs_of_single_nodes(backend, count):
    """Something that grows with the square of the nodes would make the article's own graphs unusable."""
    if backend != "delta":
        pytest.importorskip(backend)
    comparison = bpcompare.run(_nodes(count), [backend])
    assert comparison.verdict == "certified"
    assert len(comparison.certificates[backend].findings) == 7 * (count + 1) + 1
