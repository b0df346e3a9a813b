"""A network all of whose names want to be markup."""

import numpy as np

from bpcompare.network import Data, Error, Input, Layer, Network
from bpcompare.network.parameter import Initializer, Parameter
from bpcompare.ops import Dense, HalfSquared, Sgd, Tanh

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; drop",
    "\u202eelif.exe",
    "a" * 10_000,
    "&lt;b&gt;",
    "</script>",
)


def hostile():
    """A network all of whose names want to be markup."""
    x, h, o = HOSTILE[0], HOSTILE[1], HOSTILE[3]
    return Network(
        name=HOSTILE[2] + HOSTILE[6],
        inputs={x: Input((2,), (HOSTILE[4], HOSTILE[5]))},
        layers={
            h: Layer(Dense(2), (x,), Tanh(), {"weight": HOSTILE[6], "bias": "b<i>"}, ("<u>", "]]>")),
            o: Layer(Dense(1), (h,), Tanh(), {"weight": "w<!--", "bias": "--></math>"}, ("<svg onload=alert(1)>",)),
        },
        parameters={name: Parameter(Initializer("normal", 0.5)) for name in (HOSTILE[6], "b<i>", "w<!--", "--></math>")},
        error=Error(HalfSquared(reduce="sum"), o),
        update=Sgd(0.1),
        data=Data({x: np.array([[0.3, -0.2]])}, np.array([[0.5]])),
    )
