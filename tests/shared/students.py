"""A plain network, and backends whose records are changed on their way out."""

from dataclasses import replace

import numpy as np

from bpcompare import ops
from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.parameter import Initializer, Parameter


def mlp(widths, g=None, *, examples=8, error=None, update=None, weight=1.0, bias=0.1):
    """Dense layers l0, l1, …; the last has no activation."""
    random = np.random.default_rng(5)
    layers, parameters, source = {}, {}, "x"
    for number, width in enumerate(widths[1:]):
        name = f"l{number}"
        last = number == len(widths) - 2
        roles = {"weight": f"{name}.weight", "bias": f"{name}.bias"}
        layers[name] = Layer(ops.Dense(width), (source,), ops.Identity() if last else g or ops.Tanh(), roles)
        parameters |= {
            roles["weight"]: Parameter(Initializer("lecun_normal", weight)),
            roles["bias"]: Parameter(Initializer("normal", bias)),
        }
        source = name
    data = Data({"x": random.standard_normal((examples, widths[0]))}, random.standard_normal((examples, widths[-1])))
    error = Error(error or ops.HalfSquared(reduce="mean"), source)
    return Network("mlp", {"x": Input((widths[0],))}, layers, parameters, error, update or ops.Sgd(0.1), data, Training())


def spoiled(base, change, title="student"):
    """`base` with its record changed: change(step) may alter the arrays of the first step."""

    class Spoiled(base):
        name = title

        def run(self, plan):
            record = super().run(plan)
            change(record.steps[0])
            return replace(record, provenance=replace(record.provenance, backend=title))

    return Spoiled
