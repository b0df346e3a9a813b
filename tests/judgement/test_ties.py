"""Entries that tie for a maximum are judged together: whoever gets it, Δ comes out of a window once."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.network.parameter import Initializer, Parameter
from bpcompare_delta import Delta

IMAGE = np.array([[1.0, 5.0, 0.0, 0.0], [5.0, 5.0, 0.0, 0.0], [3.0, 1.0, 5.0, 4.0], [0.0, 2.0, 1.0, 0.0]])


def _network(pool, g=None, image=IMAGE, examples=1):
    """A copy of the image, pooled; and a dense layer."""
    layers = {
        "s": Layer(ops.Scale(1.0), ("x",), g or ops.Identity(), {}),
        "p": Layer(pool, ("s",), ops.Identity(), {}),
        "f": Layer(ops.Flatten(), ("p",), ops.Identity(), {}),
        "o": Layer(ops.Dense(1), ("f",), ops.Identity(), {"weight": "o.weight", "bias": "o.bias"}),
    }
    parameters = {name: Parameter(Initializer("normal", 1.0)) for name in ("o.weight", "o.bias")}
    data = Data({"x": np.broadcast_to(image, (examples, 1, *image.shape)).copy()}, np.full((examples, 1), 1.0))
    error = Error(ops.HalfSquared("sum"), "o")
    return Network("ties", {"x": Input((1, *image.shape))}, layers, parameters, error, ops.Sgd(0.1), data, Training())


def _sharing(share, pool, title):
    """delta, but what a window sends back is shared by `share(window, tied)`: weights of its entries."""

    class Student(Delta):
        name = title

        def backward(self, plan, batch, parameters, state, net_in, a):
            delta = dict(super().backward(plan, batch, parameters, state, net_in, a))
            x, dy, (ky, kx), (sy, sx) = a["s"], delta["p"], pool.kernel, pool.stride
            back = np.zeros_like(x)
            for n, c, i, j in np.ndindex(dy.shape):
                window = x[n, c, i * sy : i * sy + ky, j * sx : j * sx + kx]
                back[n, c, i * sy : i * sy + ky, j * sx : j * sx + kx] += share(window == window.max()) * dy[n, c, i, j]
            delta["s"] = back * (net_in["s"] > 0 if plan.network.layers["s"].g.name == "relu" else 1.0)
            return delta

    return Student


def _last(tied):
    kept = np.zeros(tied.size)
    kept[np.flatnonzero(tied)[-1]] = 1.0
    return kept.reshape(tied.shape)


SHARES = {
    "first": (lambda tied: np.eye(1, tied.size, np.flatnonzero(tied)[0]).reshape(tied.shape), "holds"),
    "last": (_last, "convention"),
    "mean": (lambda tied: tied / tied.sum(), "convention"),
    "all": (lambda tied: tied * 1.0, "refuted"),
    "none": (lambda tied: tied * float(tied.sum() == 1), "refuted"),
    "half-of-all": (lambda tied: tied * (1.0 if tied.sum() == 1 else 0.5), "refuted"),
    "negative": (lambda tied: tied / tied.sum() * (1.0 if tied.sum() == 1 else -1.0), "refuted"),
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("kind", SHARES)
@pytest.mark.parametrize(
    "pool", [ops.MaxPool2d((2, 2), (2, 2)), ops.MaxPool2d((2, 3), (1, 1)), ops.MaxPool2d((3, 3), (1, 1))], ids=str
)
@pytest.mark.parametrize("g", [ops.Identity(), ops.Relu()], ids=lambda g: g.name)
def test_what_a_window_may_send_back(kind, pool, g):
    """The whole Δ to each of three tied entries passed as "another valid derivative": three times the slope there is."""
    share, outcome = SHARES[kind]
    comparison = bpcompare.run(_network(pool, g), ["delta", _sharing(share, pool, "student")])
    finding = next(f for f in comparison.certificates["student"].findings if f.path == "s.delta")
    assert finding.outcome == outcome, finding
    # What is wrong beyond each entry's own choices says so; else the reader would look for another reason.
    assert outcome != "refuted" or kind == "negative" or "tie for a maximum" in finding.note
    assert outcome != "refuted" or kind == "negative" or "tie for a maximum" in " ".join(str(comparison).split())


@pytest.mark.parametrize("traded", [1.0, 1e-8])
def test_one_window_does_not_pay_for_another(traded):
    """Δ twice in one window and never in the next has the right sum over the whole image."""
    image = np.tile(np.array([[2.0, 2.0], [1.0, 1.0]]), (1, 2))
    pool = ops.MaxPool2d((2, 2), (2, 2))
    network = _network(pool, image=image)
    network = replace(network, parameters={"o.weight": Parameter(np.ones((2, 1))), "o.bias": Parameter(np.zeros(1))})

    class Student(Delta):
        name = "student"

        def backward(self, plan, batch, parameters, state, net_in, a):
            delta = dict(super().backward(plan, batch, parameters, state, net_in, a))
            back, sent = np.zeros_like(a["s"]), delta["p"][0, 0, 0]
            assert sent[0] == sent[1] != 0
            back[0, 0, 0, :2] = sent[0] * (1 + traded) / 2
            back[0, 0, 0, 2:] = sent[1] * (1 - traded) / 2
            delta["s"] = back
            return delta

    comparison = bpcompare.run(network, ["delta", Student])
    assert next(f for f in comparison.certificates["student"].findings if f.path == "s.delta").outcome == "refuted"


def test_a_tie_at_zero_behind_relu():
    """in = 0 and in < 0 tie in a after relu: all of Δ, some or none may come through the one at the kink, and no more."""
    image = np.array([[0.0, -1.0], [-2.0, -3.0]])
    pool = ops.MaxPool2d((2, 2), (2, 2))
    for part, outcome in ((0.0, "holds"), (0.5, "convention"), (1.0, "convention"), (1.5, "refuted"), (-0.5, "refuted")):

        class Student(Delta):
            name = "student"
            slope = part

            def backward(self, plan, batch, parameters, state, net_in, a):
                delta = dict(super().backward(plan, batch, parameters, state, net_in, a))
                delta["s"] = np.zeros_like(a["s"])
                delta["s"][0, 0, 0, 0] = self.slope * delta["p"][0, 0, 0, 0]
                return delta

        comparison = bpcompare.run(_network(pool, ops.Relu(), image), ["delta", Student])
        finding = next(f for f in comparison.certificates["student"].findings if f.path == "s.delta")
        # Where the law itself is 0 in every element, a match proves nothing.
        assert finding.outcome == ("undecided" if outcome == "holds" else outcome), (part, finding)


def _chained(sent):
    """delta, but a row of equal numbers has `sent` times the Δ of the first window in place of what the law gives."""

    class Student(Delta):
        name = "student"

        def backward(self, plan, batch, parameters, state, net_in, a):
            delta = dict(super().backward(plan, batch, parameters, state, net_in, a))
            delta["s"] = np.array(sent).reshape(a["s"].shape) * delta["p"][0, 0, 0, 0]
            return delta

    return Student


CHAINS = [
    ([1.0, 0.0, 1.0, 0.0], "holds"),
    ([0.5, 0.5, 0.5, 0.5], "convention"),
    ([0.0, 1.0, 0.0, 1.0], "convention"),
    ([0.0, 0.0, 1.0, 1.0], "refuted"),
    ([1.0, 1.0, 0.0, 0.0], "refuted"),
    ([0.25, 0.25, 0.75, 0.75], "refuted"),
    ([0.1, 0.8, 0.1, 1.0], "refuted"),
    ([0.1, 0.9, 0.2, 0.8], "convention"),
    ([0.5, 0.5, 0.5, 0.5 - 1e-8], "refuted"),
]


@pytest.mark.parametrize(("sent", "outcome"), CHAINS)
@pytest.mark.parametrize("g", [ops.Identity(), ops.Relu()], ids=lambda g: g.name)
def test_windows_of_one_chain_do_not_pay_for_each_other(sent, outcome, g):
    """Three windows overlap in ties, and the middle one sends nothing: the outer two have one Δ each, and traded them."""
    network = _network(ops.MaxPool2d((1, 2), (1, 1)), g, np.array([[2.0, 2.0, 2.0, 2.0]]))
    weights = Parameter(np.array([[1.0], [0.0], [1.0]]))
    network = replace(network, parameters={"o.weight": weights, "o.bias": Parameter(np.array([0.5]))})
    comparison = bpcompare.run(network, ["delta", _chained(sent)])
    finding = next(f for f in comparison.certificates["student"].findings if f.path == "s.delta")
    assert finding.outcome == outcome, finding


@pytest.mark.parametrize(("sent", "outcome"), [([0.5, 0.0, 0.3, 0.0], "convention"), ([0.0, 0.0, 1.0, 0.9], "refuted")])
def test_a_chain_at_the_kink_of_relu(sent, outcome):
    """Where in is 0 each entry has any part of what arrives at it, and still nothing of what arrives at another."""
    network = _network(ops.MaxPool2d((1, 2), (1, 1)), ops.Relu(), np.zeros((1, 4)))
    weights = Parameter(np.array([[1.0], [0.0], [1.0]]))
    network = replace(network, parameters={"o.weight": weights, "o.bias": Parameter(np.array([0.5]))})
    comparison = bpcompare.run(network, ["delta", _chained(sent)])
    finding = next(f for f in comparison.certificates["student"].findings if f.path == "s.delta")
    assert finding.outcome == outcome, finding


@pytest.mark.parametrize("size", [1e-9, -1e-9])
def test_not_even_a_little_is_lost_at_a_tie(size):
    """The sum over a group of ties is known to the last digit: a part in a thousand million less is wrong."""
    pool = ops.MaxPool2d((2, 2), (2, 2))
    share = lambda tied: tied / tied.sum() * (1.0 if tied.sum() == 1 else 1.0 + size)  # noqa: E731 — a row of SHARES with a size
    comparison = bpcompare.run(_network(pool), ["delta", _sharing(share, pool, "student")])
    finding = next(f for f in comparison.certificates["student"].findings if f.path == "s.delta")
    assert finding.outcome == "refuted"
