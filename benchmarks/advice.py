"""Does the advice help? What an undecided report says would decide it, done to a random network, again and again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

TRIES = 25
"""Pieces of advice that are followed one after the other; where layers are dead, most of them are new weights."""


def cured(network: Any) -> bool:
    """Whether `network` is decided (by delta's own certificate) after its advice was followed, at most `TRIES` times."""
    from bpcompare import run
    from bpcompare.testing.networks import redrawn

    for number in range(TRIES):
        certificate = run(network, ["delta"], oracle="off").certificates["delta"]
        doubts = [finding.doubt for finding in certificate.notable if finding.outcome == "undecided"]
        if not doubts:
            return True
        narrow = network.training.dtype == "float32"
        if narrow and set(doubts) & {"blurred", "still", "unbounded", "infinite"}:  # "--dtype float64"
            network = replace(network, training=replace(network.training, dtype="float64"))
        elif {"unbounded", "infinite"} & set(doubts):  # "smaller weights, learning rate, loss scale or data"
            network = _ordinary(network)
        elif set(doubts) == {"still"}:  # "a larger learning rate"
            network = replace(network, update=replace(network.update, eta=0.1)) if number < 5 else _ordinary(network)
        else:  # "other data, weights or another --seed"
            network = redrawn(network, number)
            if number % 3 == 2:
                network = _ordinary(network)
    return False


def _ordinary(network: Any) -> Any:
    """Weights, biases, loss scale, learning rate and data of size one."""
    from bpcompare.network import Data
    from bpcompare.network.parameter import Initializer, Parameter

    drawn = {
        name: Parameter(Initializer("lecun_normal" if name.endswith("weight") else "normal", 1.0), parameter.trainable)
        for name, parameter in network.parameters.items()
    }
    inputs = {
        name: x / max(float(np.abs(x).max(initial=0.0)), 1e-300) if x.dtype.kind == "f" else x
        for name, x in network.data.inputs.items()
    }
    error = replace(network.error, op=replace(network.error.op, scale=1.0))
    update = replace(network.update, eta=0.1)
    return replace(network, parameters=drawn, data=Data(inputs, network.data.target), error=error, update=update)
