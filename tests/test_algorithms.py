"""A backend that names a fast algorithm gets that algorithm's bound: honest ones are not wrong, and nothing hides in it."""

from dataclasses import replace

import numpy as np
import pytest

from bpcompare import ops
from bpcompare.engine.worker import InProcess
from bpcompare.network import Data, Error, Input, Layer, Network
from bpcompare.network.parameter import Initializer, Parameter
from bpcompare.ops.algorithms import ALGORITHMS, algorithm, problems
from bpcompare.plan.draw import plan as draw
from bpcompare.proof.certificate import certify
from bpcompare.session import run
from bpcompare_delta import Delta
from students import mlp

POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)


def network(size=12, channels=4, kernel=(3, 3), padding=(1, 1), stride=(1, 1)):
    random = np.random.default_rng(3)
    layers = {
        "c": Layer(ops.Conv2d(channels, kernel, stride, padding), ("x",), ops.Tanh(), {"weight": "c.weight", "bias": "c.bias"}),
        "d": Layer(ops.Conv2d(2, kernel, stride, padding), ("c",), ops.Identity(), {"weight": "d.weight", "bias": "d.bias"}),
        "f": Layer(ops.Flatten(), ("d",)),
        "o": Layer(ops.Dense(3), ("f",), parameters={"weight": "o.weight", "bias": "o.bias"}),
    }
    names = [name for layer in layers.values() for name in layer.parameters.values()]
    parameters = {name: Parameter(Initializer("lecun_normal") if "weight" in name else Initializer("normal")) for name in names}
    data = Data({"x": random.standard_normal((2, 3, size, size))}, random.standard_normal((2, 3)))
    error = Error(ops.HalfSquared(reduce="sum"), "o")
    return Network("conv", {"x": Input((3, size, size))}, layers, parameters, error, ops.Sgd(0.1), data)


NET = network()
DENSE = mlp([16, 16, 8], ops.Tanh())


def toom(m, r=3):
    """Aᵀ, G and Bᵀ of Winograd's algorithm for m outputs and r taps, by Toom and Cook: points POINTS and infinity."""
    n = m + r - 1
    points = np.array(POINTS[: n - 1])
    at, g = np.zeros((m, n)), np.zeros((n, r))
    at[:, :-1] = points ** np.arange(m)[:, None]
    g[:-1] = points[:, None] ** np.arange(r) / np.array([np.prod([p - q for q in points if q != p]) for p in points])[:, None]
    at[-1, -1] = g[-1, -1] = 1
    rows = np.array([at[i] * g[:, k] for i in range(m) for k in range(r)])
    wanted = np.array([np.eye(n)[i + k] for i in range(m) for k in range(r)])
    return at, g, np.linalg.lstsq(rows, wanted, rcond=None)[0]


def winograd(x, w, m=6):
    """Correlation of x (examples, channels, height, width), padded already, with w (out, channels, 3, 3), tile by tile."""
    at, g, bt = (part.astype(x.dtype) for part in toom(m))
    high, wide = x.shape[2] - 2, x.shape[3] - 2
    x = np.pad(x, ((0, 0), (0, 0), (0, -high % m), (0, -wide % m)))
    u = g @ w @ g.T
    y = np.zeros((x.shape[0], w.shape[0], high + (-high % m), wide + (-wide % m)), x.dtype)
    for i in range(0, high, m):
        for j in range(0, wide, m):
            v = bt @ x[:, :, i : i + m + 2, j : j + m + 2] @ bt.T
            y[:, :, i : i + m, j : j + m] = at @ np.einsum("ocij,ncij->noij", u, v) @ at.T
    return y[:, :, :high, :wide]


def fft(x, w):
    """The same by a product of Fourier transforms."""
    import scipy.fft

    shape = (x.shape[2] + 2, x.shape[3] + 2)
    product = scipy.fft.rfft2(x, shape)[:, None] * scipy.fft.rfft2(w[:, :, ::-1, ::-1], shape)[None]
    return scipy.fft.irfft2(product.sum(axis=2), shape)[:, :, 2 : x.shape[2], 2 : x.shape[3]].astype(x.dtype)


def cut(x, bits):
    """x rounded to so many significant bits."""
    mantissa, exponent = np.frexp(x)
    return np.ldexp(np.round(mantissa * 2.0**bits) / 2.0**bits, exponent).astype(x.dtype)


PRODUCTS = {
    "winograd": winograd,
    "fft": fft,
    "tf32": lambda x, w: direct(cut(x, 11), cut(w, 11)),
    "bf16": lambda x, w: direct(cut(x, 8), cut(w, 8)),
}


def direct(x, w):
    view = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", view, w, optimize=True).astype(x.dtype)


def conv_by(product, declared, change=lambda record: None):
    """Delta with its 3×3 convolutions, forward and back, and their gradients computed by `product`."""
    return type("Fast", (Delta,), {"name": "fast", "run": lambda self, plan: _fast(plan, product, declared, change)})


def _padded(x):
    return np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))


def _fast(plan, product, declared, change):
    record = Delta().run(plan)
    (batch,), (step,) = plan.batches, record.steps
    w, a = plan.parameters, {**batch.inputs, **step.a}
    net_in, delta, gradient = dict(step.net_in), dict(step.delta), dict(step.gradient)
    for name, source in (("c", "x"), ("d", "c")):
        seen = _padded(a[source])
        net_in[name] = product(seen, w[f"{name}.weight"]) + w[f"{name}.bias"][:, None, None]
        if product not in (winograd, fft):  # these two are written for kernels of 3×3
            across = product(seen.transpose(1, 0, 2, 3), delta[name].transpose(1, 0, 2, 3))
            gradient[f"{name}.weight"] = -across.transpose(1, 0, 2, 3)
    flipped = w["d.weight"].transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
    delta["c"] = (1 - a["c"] ** 2) * product(_padded(step.delta["d"]), flipped)
    # Every later step from what was recorded before it.
    a = {**step.a, "c": np.tanh(net_in["c"])}
    found = replace(step, net_in=_owned(net_in), a=a, delta=_owned(delta), gradient=_owned(gradient))
    change(found)
    return replace(record, steps=(found,), provenance=replace(record.provenance, algorithms=declared))


def _owned(arrays):
    return {name: np.array(x, order="C") for name, x in arrays.items()}


def _judged(product, declared, change=lambda step: None, dtype="float32", net=NET):
    plan = draw(net, dtype)
    record = InProcess().run(conv_by(product, declared, change), plan)
    assert record.failure is None, record.failure
    paths = ("c.in", "d.in", "c.delta", "c.weight.gradient", "d.weight.gradient")
    return {finding.path: finding for finding in certify(plan, record).findings if finding.path in paths}


@pytest.mark.parametrize("name", PRODUCTS)
def test_an_honest_algorithm_is_not_called_wrong(name):
    """Whoever says openly how it computes would be accused of rounding."""
    found = _judged(PRODUCTS[name], {"conv2d": name})
    assert {finding.outcome for finding in found.values()} <= {"holds", "undecided"}
    assert found["c.in"].outcome == "holds" or (name, found["c.in"].doubt) == ("bf16", "algorithm")


@pytest.mark.parametrize("name", ["winograd", "tf32", "bf16"])
def test_unsaid_it_is_found(name):
    """The algorithms of this test would be direct sums after all, and the other tests say nothing."""
    assert "refuted" in {finding.outcome for finding in _judged(PRODUCTS[name], {}).values()}


def _doubled(path):
    def change(step):
        name, _, kind = path.rpartition(".")
        {"gradient": step.gradient, "delta": step.delta, "in": step.net_in}[kind][name][...] *= 2

    return change


@pytest.mark.parametrize("path", ["c.weight.gradient", "d.weight.gradient", "c.delta", "d.in"])
@pytest.mark.parametrize("name", ["winograd", "fft", "tf32", "bf16x3"])
def test_a_doubled_number_does_not_hide_behind_a_name(name, path):
    """A word in the provenance would turn wrong into undecided."""
    assert _judged(direct, {"conv2d": name}, _doubled(path))[path].outcome == "refuted"


@pytest.mark.parametrize("product", [winograd, fft])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_bound_is_near_what_it_bounds(product, dtype):
    """A bound of a thousand times the error would be a place to hide."""
    share = max(finding.share for finding in _judged(product, {"conv2d": product.__name__}, dtype=dtype).values())
    assert 1e-3 < share <= 1


def test_other_sizes_have_a_direct_sum():
    """Winograd's bound would be given to convolutions that it cannot compute."""
    for shape in ({"kernel": (1, 1), "padding": (0, 0)}, {"stride": (2, 2)}):
        op = network(**shape).layers["c"].op
        assert ALGORITHMS["winograd"].factor(op, 12) == 0
    assert ALGORITHMS["winograd"].factor(NET.layers["c"].op, 12) > 0


@pytest.mark.parametrize(
    ("declared", "dtype", "said"),
    [
        ({"conv2d": "winograd"}, "float64", ""),
        ({"conv2d": "Winograd", "dense": "direct"}, "float32", ""),
        ({"dense": "TensorFloat32"}, "float32", ""),
        ({"dense": "winograd"}, "float32", "dense has no algorithm 'winograd'; known for it are bf16, bf16x3, tf32, tf32x3"),
        ({"sgd": "winograd"}, "float32", "sgd has no algorithm 'winograd'; nothing but a direct evaluation is known for it"),
        ({"conv2d": "magic"}, "float32", "conv2d has no algorithm 'magic'"),
        ({"dense": "tf32"}, "float64", "dense by tf32: its bound is that of a product in float32, and the plan is in float64"),
        ({"h": "winograd"}, "float32", "wanted the name of an op"),
        ({"dense": 3}, "float32", "wanted the name of an op"),
        (["dense"], "float32", "wanted a mapping"),
    ],
)
def test_what_cannot_be_meant_is_refused(declared, dtype, said):
    """Any word for any op would widen any ball, or the backend would not learn that its word means nothing."""
    found = list(problems(declared, dtype))
    assert any(said in problem for problem in found) if said else not found


def test_a_backend_learns_that_its_word_means_nothing():
    """It would be judged as a direct sum, and not know why."""

    class Named(Delta):
        name = "named"

        def run(self, plan):
            record = super().run(plan)
            return replace(record, provenance=replace(record.provenance, algorithms={"tanh": "winograd"}))

    comparison = run(DENSE, [Named, "delta"])
    assert comparison.exit_code == 3
    assert "provenance.algorithms: tanh has no algorithm 'winograd'" in comparison.certificates["named"].failure


def test_only_products_are_widened():
    """The activation, the update and the gradient of a bias would be judged as loosely as a product in bfloat16."""

    class Coarse(Delta):
        name = "coarse"

        def run(self, plan):
            record = super().run(plan)
            record.steps[0].gradient["l0.bias"][...] *= 1.0001
            record.steps[0].a["l0"][...] *= 1.0001
            record.steps[0].net_in["l1"][...] *= 1.0001
            return replace(record, provenance=replace(record.provenance, algorithms={"dense": "bf16"}))

    plan = draw(DENSE, "float32")
    refuted = {finding.path for finding in certify(plan, InProcess().run(Coarse, plan)).refuted}
    assert {"l0.a", "l0.bias.gradient"} <= refuted
    assert "l1.in" not in refuted


def test_names_in_old_records_that_mean_nothing_widen_nothing():
    """A saved run could hide behind a word that is refused today."""
    assert algorithm(ops.Tanh(), {"tanh": "winograd"}, "float32") is None
    assert algorithm(ops.Dense(2), {"dense": "magic"}, "float32") is None
    assert algorithm(ops.Dense(2), {"dense": "tf32"}, "float64") is None
