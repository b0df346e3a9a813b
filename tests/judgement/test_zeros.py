"""A quantity that is 0 because its terms cancel holds, measured against its terms; one that is 0 term by term proves nothing."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.network.parameter import Initializer, Parameter
from bpcompare.plan.draw import plan
from bpcompare.proof import structure
from bpcompare.report import text
from bpcompare_delta import Delta
from students import mlp, spoiled


def _network(normal, update, dtype, g=None):
    """dense with bias, a layer that a shift of all its inputs does not move, dense."""
    roles = {} if normal is None else {"scale": "n.scale", "shift": "n.shift"}
    layers = {"h": Layer(ops.Dense(4), ("x",), g or ops.Identity(), {"weight": "h.weight", "bias": "h.bias"})}
    if normal is not None:
        layers["n"] = Layer(normal, ("h",), ops.Tanh(), roles)
    last = "h" if normal is None else "n"
    layers["o"] = Layer(ops.Dense(2), (last,), ops.Identity(), {"weight": "o.weight", "bias": "o.bias"})
    names = [parameter for layer in layers.values() for parameter in layer.parameters.values()]
    parameters = {name: Parameter(Initializer("normal", 1.0)) for name in names}
    random = np.random.default_rng(3)
    data = Data({"x": random.standard_normal((6, 3))}, random.standard_normal((6, 2)))
    error = Error(ops.HalfSquared("mean"), "o")
    return Network("zeros", {"x": Input((3,))}, layers, parameters, error, update, data, Training(dtype=dtype, steps=2))


UPDATES = [ops.Sgd(0.1), ops.Sgd(0.1, 0.9), ops.Sgd(0.1, 0.9, nesterov=True), ops.Adam(0.01), ops.AdamW(0.01)]
UPDATES += [ops.RmsProp(0.01, 0.9, False, momentum=0.9, centered=True), ops.Adagrad(0.01, 1e-10, False)]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("update", UPDATES, ids=repr)
def test_a_bias_before_a_batch_norm(dtype, update, torch_backend):
    """Its gradient is 0 in truth and 1e-17 in every record; honest backends got exit code 4, and a wider dtype did not help."""
    comparison = bpcompare.run(_network(ops.BatchNorm(1e-5, 0.1, "unbiased"), update, dtype), ["delta", "torch"])
    assert comparison.exit_code == 0, text(comparison)
    assert "h.bias.gradient" in comparison.zeros
    assert "h.bias.gradient is 0 up to rounding: what is left of terms of size" in " ".join(text(comparison).split())


def test_a_logit_shift_before_softmax(torch_backend):
    """The sum over classes of Δ is 0: a bias that all classes share has no gradient."""
    random = np.random.default_rng(0)
    layers = {
        "shift": Layer(ops.Dense(1), ("x",), ops.Identity(), {"weight": "s.weight", "bias": "s.bias"}),
        "all": Layer(ops.Dense(3, bias=False), ("shift",), ops.Softmax(), {"weight": "all.weight"}),
        "o": Layer(ops.Dense(2), ("all",), ops.Identity(), {"weight": "o.weight", "bias": "o.bias"}),
    }
    parameters = {name: Parameter(Initializer("normal", 1.0)) for name in ("s.weight", "s.bias", "o.weight", "o.bias")}
    parameters["all.weight"] = Parameter(np.ones((1, 3)))
    data = Data({"x": random.standard_normal((5, 2))}, random.standard_normal((5, 2)))
    error = Error(ops.HalfSquared("sum"), "o")
    network = Network("logits", {"x": Input((2,))}, layers, parameters, error, ops.Sgd(0.1), data, Training())
    comparison = bpcompare.run(network, ["delta", "torch"])
    # Rounding leaves either a little of Δ, or nothing: then what is behind it has no terms at all, and stays undecided.
    assert comparison.verdict in ("certified", "identical", "undecided")
    assert all("wider dtype" not in f.note for one in comparison.certificates.values() for f in one.findings)
    assert "shift.delta" in comparison.zeros


@pytest.mark.parametrize("size", [1e-6, 1.0])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_wrong_zero_is_refuted(size, dtype):
    """If cancellation excused everything, a bias gradient that is not 0 would pass before every batch norm."""
    network = _network(ops.BatchNorm(1e-5, 0.1, "biased"), ops.Sgd(0.1), dtype)
    student = spoiled(Delta, lambda step: step.gradient["h.bias"].__iadd__(size))
    comparison = bpcompare.run(network, ["delta", student])
    assert (comparison.verdict, comparison.first.path) == ("wrong", "h.bias.gradient")


def test_a_step_from_a_zero_gradient_is_no_licence():
    """That nothing moves is right where the gradient is 0 up to rounding; a parameter that moves all the same is wrong."""
    network = _network(ops.BatchNorm(1e-5, 0.1, "biased"), ops.Sgd(0.1), "float64")
    student = spoiled(Delta, lambda step: step.parameters["h.bias"].__iadd__(1e-9))
    comparison = bpcompare.run(network, ["delta", student])
    assert (comparison.verdict, comparison.first.path) == ("wrong", "h.bias.update")


def _dead(dtype):
    network = mlp([3, 4, 2], ops.Relu(), examples=3)
    own = {**network.parameters, "l0.bias": Parameter(np.full(4, -100.0))}
    return replace(network, parameters=own, training=Training(dtype=dtype))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_dead_layer_stays_undecided_and_the_advice_helps(dtype):
    """0 element by element proves nothing; and "a wider dtype would decide it" sent people to a dtype that changes nothing."""
    comparison = bpcompare.run(_dead(dtype), ["delta"])
    findings = [f for f in comparison.certificates["delta"].findings if f.outcome == "undecided"]
    assert {f.path for f in findings} >= {"l0.delta", "l0.weight.gradient"}
    assert not comparison.zeros
    assert all("wider dtype" not in f.note for f in findings)
    shown = " ".join(text(comparison).split())
    assert "other data, weights or another --seed" in shown
    assert "--dtype" not in shown
    alive = replace(_dead(dtype), parameters=mlp([3, 4, 2]).parameters)
    assert bpcompare.run(alive, ["delta"]).certificates["delta"].verdict == "certified"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_no_advice_for_a_wider_dtype_in_the_widest(dtype):
    """What float64 cannot decide, "a wider dtype" does not decide either."""
    network = _network(None, ops.Sgd(1e-18), dtype)
    findings = bpcompare.run(network, ["delta"]).certificates["delta"].findings
    notes = {f.note for f in findings if f.outcome == "undecided"}
    assert notes
    assert all("larger learning rate" in note for note in notes)


def _one_class(g, units, examples=3):
    """A hidden layer with g over `units` units: a softmax over one is 1, whatever its net input is."""
    network = mlp([3, units, 2], g, examples=examples)
    return replace(network, training=Training(seed=3))


def test_what_is_zero_by_structure_holds(torch_backend):
    """No data and no weights give it another value, so advice to change them would send people in circles."""
    comparison = bpcompare.run(_one_class(ops.Softmax(), 1), ["delta", "torch"])
    assert comparison.exit_code == 0, text(comparison)
    certificate = comparison.certificates["delta"]
    found = {f.path for f in certificate.findings if f.structural}
    assert found >= {"l0.weight.gradient", "l0.weight.update", "l0.bias.gradient"}
    assert "on other weights and data" in " ".join(f.note for f in certificate.findings)


@pytest.mark.parametrize("size", [1e-12, 1.0])
def test_a_wrong_structural_zero_is_refuted(size):
    """Structure excuses the 0, and nothing else."""
    student = spoiled(Delta, lambda step: step.gradient["l0.weight"].__iadd__(size))
    comparison = bpcompare.run(_one_class(ops.Softmax(), 1), ["delta", student])
    assert (comparison.verdict, comparison.first.path) == ("wrong", "l0.weight.gradient")


@pytest.mark.parametrize("depth", [1, 6])
@pytest.mark.parametrize("bias", [-100.0, -2.0])
def test_a_dead_net_is_not_dead_by_structure(depth, bias):
    """Deep relu nets are dead on most draws of weights; taken for structure, they would be certified without being seen."""
    network = mlp([3, *[2] * depth, 2], ops.Relu(), examples=2)
    own = {name: Parameter(np.full(2, bias)) if name.endswith("bias") else p for name, p in network.parameters.items()}
    network = replace(network, parameters=own)
    certificate = bpcompare.run(network, ["delta"]).certificates["delta"]
    assert certificate.verdict == "undecided"
    assert not any(f.structural for f in certificate.findings)


def _beside(target, layers, **values):
    """Layers (name to op, source, activation) on an input of three units, with normal weights unless values are given."""
    random = np.random.default_rng(1)
    made = {
        name: Layer(op, (source,) if isinstance(source, str) else source, g, _roles(name, op))
        for name, (op, source, g) in layers.items()
    }
    names = [parameter for layer in made.values() for parameter in layer.parameters.values()]
    parameters = {name: Parameter(Initializer("normal", 1.0)) for name in names}
    parameters |= {name.replace("_", "."): Parameter(np.array(x)) for name, x in values.items()}
    data = Data({"x": random.standard_normal((len(target), 3))}, np.array(target))
    error = Error(ops.HalfSquared("mean"), list(made)[-1])
    return Network("beside", {"x": Input((3,))}, made, parameters, error, ops.Sgd(0.1), data, Training())


def _roles(name, op):
    roles = {ops.Dense: ("weight", "bias"), ops.BatchNorm: ("scale", "shift")}.get(type(op), ())
    return {role: f"{name}.{role}" for role in roles}


DEAD = (ops.Dense(4), "x", ops.Relu())
NONE = ops.Identity()


def _no_targets():
    network = _beside(np.zeros((4, 3)), {"h": (ops.Dense(4), "x", ops.Tanh()), "o": (ops.Dense(3), "h", NONE)})
    return replace(network, error=Error(ops.SoftmaxCrossEntropy("mean", targets="probabilities"), "o"))


def _a_large_neighbour():
    layers = {"h": DEAD, "k": (ops.Dense(1), "h", NONE), "l": (ops.Dense(1), "x", NONE), "o": (ops.Concat(), ("k", "l"), NONE)}
    return _beside([[1.0, 1e14]] * 4, layers, h_bias=[-100.0] * 4)


def _far_from_the_error():
    names = [f"h{number}" for number in range(25)]
    layers = {name: (ops.Dense(2), before, ops.Sigmoid()) for name, before in zip(names, ["x", *names[:-1]], strict=True)}
    layers["h12"] = (ops.Dense(2), "h11", ops.Relu())
    return _beside(np.ones((4, 2)), layers, h12_bias=[-100.0] * 2)


def _beyond_all_numbers():
    network = _beside(np.full((4, 2), 0.01), {"h": DEAD, "o": (ops.Dense(2), "h", NONE)}, h_bias=[-100.0] * 4)
    return replace(network, error=Error(ops.HalfSquared("mean", scale=1e308), "o"))


def _turned():
    """Behind the factor −1 positive weights kill relu, and in so thin a chain the others do nearly always."""
    layers, before = {}, "x"
    for number in range(6):
        layers[f"h{number}"] = (ops.Dense(1), before, ops.Relu())
        layers[f"s{number}"] = (ops.Scale(-1.0), f"h{number}", NONE)
        before = f"s{number}"
    return _beside(np.ones((2, 1)), {**layers, "o": (ops.Dense(1), before, NONE)}, h0_bias=[-100.0])


@pytest.mark.parametrize("made", [_no_targets, _a_large_neighbour, _far_from_the_error, _beyond_all_numbers, _turned])
def test_what_other_numbers_would_move_is_no_structure(made):
    """Whole backward passes that no number could show were "0 by structure: it is 0 on other weights and data", and certified."""
    certificate = bpcompare.run(made(), ["delta"]).certificates["delta"]
    assert certificate.verdict == "undecided"
    assert not [f.path for f in certificate.findings if f.structural and f.path.endswith(("gradient", "delta", "update"))]


def test_one_word_for_all_is_no_structure():
    """With the same row of an embedding in every example a batch norm has nothing to do; with other rows it has."""
    network = _beside(np.ones((4, 2)), {"n": (ops.BatchNorm(1e-5, 0.1, "biased"), "x", NONE), "o": (ops.Dense(2), "n", NONE)})
    first = {"e": Layer(ops.Embedding(5, 3), ("x",), NONE, {"weight": "e.weight"})}
    layers = first | network.layers | {"n": replace(network.layers["n"], sources=("e",))}
    parameters = {**network.parameters, "e.weight": Parameter(Initializer("normal", 1.0))}
    data = Data({"x": np.full(4, 2)}, np.ones((4, 2)))
    network = replace(network, inputs={"x": Input(())}, layers=layers, parameters=parameters, data=data)
    certificate = bpcompare.run(network, ["delta"]).certificates["delta"]
    assert certificate.verdict == "undecided"
    assert not any(f.structural for f in certificate.findings)


@pytest.mark.parametrize("factor", [0.0, 1.5])
def test_what_rounding_hides_on_these_numbers_is_not_zero(factor):
    """A layer norm over numbers near 1e6 in float32: its scale's gradient is 1.3, and 0 was certified in its place."""
    network = _network(ops.LayerNorm(1e-5), ops.Sgd(0.1), "float32")
    random = np.random.default_rng(0)
    layers = {"n": replace(network.layers["n"], sources=("x",)), "o": network.layers["o"]}
    parameters = {name: Parameter(Initializer("normal", 1.0)) for layer in layers.values() for name in layer.parameters.values()}
    data = Data({"x": np.float64(np.float32(1e6 + random.standard_normal((6, 8))))}, random.standard_normal((6, 2)))
    network = replace(network, inputs={"x": Input((8,))}, layers=layers, parameters=parameters, data=data)

    class Student(Delta):
        name = "student"

        def gradient(self, plan, *rest):
            found = dict(super().gradient(plan, *rest))
            return found | {"n.scale": found["n.scale"] * np.float32(factor)}

    comparison = bpcompare.run(network, ["delta", Student])
    assert comparison.verdict == "undecided", text(comparison)
    assert "n.scale.gradient" not in comparison.zeros


def test_a_saturated_layer_is_undecided():
    """Where tanh is flat in float32, any Δ below 1e-7 is as good as another, and one twice too large was certified."""
    network = replace(_network(None, ops.Sgd(0.1), "float32", ops.Tanh()), training=Training(dtype="float32"))
    own = {**network.parameters, "h.bias": Parameter(np.full(4, 20.0))}
    comparison = bpcompare.run(replace(network, parameters=own), ["delta"])
    finding = next(f for f in comparison.certificates["delta"].findings if f.path == "h.delta")
    assert (finding.outcome, finding.doubt) == ("undecided", "blurred")
    assert "--dtype float64" in text(comparison)


@pytest.mark.slow
def test_a_bias_before_a_batch_norm_in_a_large_net():
    """What is 0 by structure must be found in nets of some million weights, too: nobody could do anything about "undecided"."""
    network = _network(ops.BatchNorm(1e-5, 0.1, "biased"), ops.Sgd(0.1), "float32")
    layers = {
        "wide": Layer(ops.Dense(2000), ("x",), ops.Tanh(), {"weight": "wide.weight", "bias": "wide.bias"}),
        "h": replace(network.layers["h"], op=ops.Dense(2000), sources=("wide",)),
        **{name: network.layers[name] for name in ("n", "o")},
    }
    more = {name: Parameter(Initializer("normal", 0.02)) for name in ("wide.weight", "wide.bias", "h.weight", "h.bias")}
    network = replace(network, layers=layers, parameters=network.parameters | more, training=Training(dtype="float32"))
    comparison = bpcompare.run(network, ["delta"])
    assert "h.bias.gradient" in comparison.zeros


def test_zeros_by_structure_are_found_once_for_plans_that_differ_in_numbers(monkeypatch):
    """They are the dearest part of a verdict on a net with dead layers, and every other seed paid for them again."""
    network = _one_class(ops.Softmax(), 1)
    first = bpcompare.run(network, ["delta"]).certificates["delta"]
    monkeypatch.setattr(structure, "_on_other_numbers", lambda *_: pytest.fail("looked for again"))
    second = bpcompare.run(network, ["delta"], seed=4).certificates["delta"]
    found = [{f.path for f in certificate.findings if f.structural} for certificate in (first, second)]
    assert found[0] == found[1] != set()


def _plans_unlike():
    network = _network(ops.BatchNorm(1e-5, 0.1, "biased"), ops.Sgd(0.1, 0.9), "float64")
    layers = network.layers
    data = Data({"x": network.data.inputs["x"][:4]}, network.data.target[:4])
    drawn = plan(replace(network, training=replace(network.training, slots="drawn")))
    yield drawn
    yield replace(drawn, slots={name: 2 * x for name, x in drawn.slots.items()})
    yield plan(network)
    yield replace(plan(network), state={name: x + 1 for name, x in plan(network).state.items()})
    yield plan(network, "float32")
    yield plan(replace(network, data=data))
    yield plan(replace(network, layers=layers | {"n": replace(layers["n"], g=ops.Relu())}))
    yield plan(replace(network, error=Error(ops.HalfSquared("sum"), "o")))
    yield plan(replace(network, update=ops.Sgd(0.2, 0.9)))
    yield plan(
        replace(network, parameters=network.parameters | {"h.bias": replace(network.parameters["h.bias"], trainable=False)})
    )


def test_what_is_zero_by_structure_is_asked_of_each_structure():
    """A net would be excused by what is 0 in another one, of other layers, shapes, state or slots."""
    known = [structure._found_before(one) for one in _plans_unlike()]
    assert len({id(found) for found in known}) == len(known)
