"""What people reported of their own code, rebuilt: each cause has its name, and the form that they wrote."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

import bpcompare
from bpcompare.ops import (
    Adam,
    AdamW,
    BatchNorm,
    Dense,
    Embedding,
    Flatten,
    GeluTanh,
    HalfSquared,
    LayerNorm,
    MeanSquared,
    Relu,
    Sgd,
    SoftmaxCrossEntropy,
    Tanh,
)
from mistaken_networks import mlp, network

torch = pytest.importorskip("torch")

from bpcompare.backend.autodiff import Lowered  # noqa: E402 — torch may not be there
from bpcompare_torch.backend import Torch  # noqa: E402


def _fresh(net, steps=3, **training):
    """Training from the start, as in the reports: no optimizer state yet."""
    return replace(net, training=replace(net.training, steps=steps, slots="zero", updates_done=0, **training))


def _optimizer(rule):
    """torch with an update rule of its own: rule(op, t, w, g, slots, kept) gives the new w and slots."""

    class Own(Torch):
        name = "own"

        def descend(self, update, t, parameters, gradients, slots):
            kept = self.__dict__.setdefault("kept", {})
            new = {
                name: rule(update, t, w, gradients[name], slots[name], kept.setdefault(name, {}))
                for name, w in parameters.items()
            }
            return {name: one[0] for name, one in new.items()}, {name: one[1] for name, one in new.items()}

    return Own


def _blame(net, backend, **options):
    comparison = bpcompare.run(net, ["delta", "torch", backend], **options)
    assert comparison.backends["torch"].verdict != "wrong"
    (blame,) = comparison.blames
    return blame


def _moments(op, g, slots):
    return op.beta1 * slots["m"] + (1 - op.beta1) * g, op.beta2 * slots["v"] + (1 - op.beta2) * g * g


def _adam(epsilon=None, hat=False, decay=None):
    def rule(op, t, w, g, slots, kept):
        m, v = _moments(op, g, slots)
        first, second, e = 1 - op.beta1**t, 1 - op.beta2**t, op.epsilon if epsilon is None else epsilon
        if hat:
            new = w - op.eta * second**0.5 / first * m / (v.sqrt() + e)
        else:
            new = w - op.eta * (m / first) / ((v / second).sqrt() + e)
        return (decay(op, w, new) if decay else new), {"m": m, "v": v}

    return rule


PLAIN = mlp(Tanh(), SoftmaxCrossEntropy(reduce="mean", targets="classes"), Adam(0.01, epsilon=1e-3), widths=(3,))
DECAYED = replace(PLAIN, update=AdamW(0.01, weight_decay=0.1))


@pytest.mark.parametrize(
    ("net", "rule", "code", "form"),
    [
        (PLAIN, _adam(hat=True), "BP416", ""),
        (PLAIN, _adam(epsilon=1e-7, hat=True), "BP416", "ε-hat = 1e-07"),
        (PLAIN, _adam(epsilon=1e-7), "BP415", "ε = 1e-07"),
        (PLAIN, _adam(epsilon=0.0), "BP415", "ε = 0"),
        (DECAYED, _adam(decay=lambda op, w, new: new - op.weight_decay * w), "BP417", ""),
        (DECAYED, _adam(decay=lambda op, w, new: new - op.eta * op.weight_decay * new), "BP418", ""),
        (DECAYED, _adam(decay=lambda op, w, new: new * (1 - op.weight_decay)), "BP418", "and not multiplied by η"),
    ],
    ids=["tf", "tf-keras", "keras", "zero", "not-eta", "after", "after-not-eta"],
)
def test_adams_of_other_houses(net, rule, code, form):
    """A port from TensorFlow or an old AdamW trains otherwise, and its author reads “cause unknown”."""
    blame = _blame(_fresh(net), _optimizer(rule))
    assert (blame.code, blame.blame) == (code, "own")
    assert blame.form == form or form in blame.form.split(" or ")


def _momentum(velocity, change):
    def rule(op, t, w, g, slots, kept):
        v = velocity(op, slots["velocity"], g)
        return w + change(op, v, slots["velocity"], g), {"velocity": v}

    return rule


def _down(op, v, g):
    return op.momentum * v - op.eta * g


def _usual(op, v, g):
    return op.momentum * v + g


HEAVY = replace(PLAIN, update=Sgd(0.1, 0.9))
NESTEROV = replace(PLAIN, update=Sgd(0.1, 0.9, nesterov=True))


@pytest.mark.parametrize(
    ("net", "rule", "code", "form"),
    [
        (HEAVY, _momentum(_down, lambda op, v, old, g: v), "BP412", "velocity ← μ velocity − η g, w ← w + velocity"),
        (HEAVY, _momentum(lambda op, v, g: op.momentum * v - g, lambda op, v, old, g: op.eta * v), "BP423", ""),
        (HEAVY, _momentum(_usual, lambda op, v, old, g: -op.eta * (g + op.momentum * v)), "BP420", ""),
        (NESTEROV, _momentum(_down, lambda op, v, old, g: op.momentum * v - op.eta * g), "BP419", ""),
        (NESTEROV, _momentum(_down, lambda op, v, old, g: -op.momentum * old + (1 + op.momentum) * v), "BP419", ""),
        (NESTEROV, _momentum(_down, lambda op, v, old, g: v), "BP419", ""),
        (NESTEROV, _momentum(_usual, lambda op, v, old, g: -op.eta * (g + op.momentum * old)), "BP404 BP419", ""),
        (NESTEROV, _momentum(_usual, lambda op, v, old, g: -op.eta * (1 + op.momentum) * v), "BP419", "(1 + μ) velocity"),
        (NESTEROV, _momentum(_usual, lambda op, v, old, g: -op.eta * v), "BP410", ""),
    ],
    ids=["keras", "sign", "nesterov", "keras-nesterov", "look-ahead", "sutskever", "old", "twice", "plain"],
)
def test_momentum_in_other_words(net, rule, code, form):
    """There are as many ways to write momentum as frameworks; one that is not named looks like a bug without a cause."""
    blame = _blame(_fresh(net), _optimizer(rule))
    assert {blame.code, *blame.also} & set(code.split()), blame
    assert form in blame.form


def test_rows_that_a_batch_does_not_read_are_updated_too():
    """A sparse update keeps the velocity of words that do not occur, and training differs without a visible reason."""
    rows = [
        ("e", Embedding(6, 3), ["i"], Tanh()),
        ("f", Flatten(), ["e"], Tanh()),
        ("o", Dense(2), ["f"], Tanh()),
    ]
    net = network("sparse", rows, {"i": (2,)}, HalfSquared(reduce="sum"), Sgd(0.1, 0.9), integers=("i",))

    def rule(op, t, w, g, slots, kept):
        v = op.momentum * slots["velocity"] + g
        if w.shape != (6, 3):
            return w - op.eta * v, {"velocity": v}
        read = (g != 0).any(1, keepdim=True)
        return torch.where(read, w - op.eta * v, w), {"velocity": torch.where(read, v, slots["velocity"])}

    blame = _blame(_fresh(net, batch=1), _optimizer(rule))
    assert blame.path == "step2/e.weight.sgd.velocity"
    assert blame.code == "BP421"


def test_gradients_that_are_never_cleared_and_gradients_of_yesterday():
    """The commonest line that is forgotten in a training loop would be a mystery of the second step."""

    def uncleared(op, t, w, g, slots, kept):
        kept["g"] = kept.get("g", 0) + g
        return w - op.eta * kept["g"], {}

    def late(op, t, w, g, slots, kept):
        before, kept["g"] = kept.get("g", g), g
        return w - op.eta * before, {}

    net = replace(PLAIN, update=Sgd(0.5))
    for rule, code in ((uncleared, "BP308"), (late, "BP422")):
        blame = _blame(_fresh(net), _optimizer(rule))
        assert (blame.path, blame.code) == ("step2/h0.weight.update", code)
        assert _blamed_in_one_step(net, rule) == ()


def _blamed_in_one_step(net, rule):
    comparison = bpcompare.run(_fresh(net, steps=1), ["delta", "torch", _optimizer(rule)])
    assert {"BP308", "BP422"} <= set(comparison.unseen)
    return comparison.blames


def _normalization(op, forward):
    def lowered(one, xs, p, extra):
        return forward(one, xs[0], p, extra)

    class Own(Torch):
        name = "own"
        table: ClassVar = {**Torch.table, op: lowered}

    return Own


def _layer_norm(x, p, epsilon, *, divisor=0, outside=False):
    mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, correction=divisor)
    by = var.sqrt() + epsilon if outside else (var + epsilon).sqrt()
    return (x - mean) / by * p["scale"] + p["shift"]


LAYERED = network(
    "layered",
    [("h", Dense(6), ["x"], Tanh()), ("n", LayerNorm(1e-5), ["h"], Tanh()), ("o", Dense(2), ["n"], Tanh())],
    {"x": (3,)},
    HalfSquared(reduce="mean"),
    Sgd(0.1),
)


@pytest.mark.parametrize(
    ("forward", "code", "form"),
    [
        (lambda op, x, p, extra: _layer_norm(x, p, 1e-6), "BP505", "ε = 1e-06"),
        (lambda op, x, p, extra: _layer_norm(x, p, 1e-3), "BP505", "ε = 0.001"),
        (lambda op, x, p, extra: _layer_norm(x, p, 0.0), "BP505", "ε = 0"),
        (lambda op, x, p, extra: _layer_norm(x, p, op.epsilon, divisor=1), "BP503", ""),
        (lambda op, x, p, extra: _layer_norm(x, p, op.epsilon, outside=True), "BP508", ""),
        (lambda op, x, p, extra: _layer_norm(x, p, op.epsilon, divisor=1, outside=True), "BP508", "with the unbiased σ"),
    ],
    ids=["flax", "keras", "none", "unbiased", "outside", "annotated"],
)
def test_layer_norms_of_other_houses(forward, code, form):
    """Another ε is the commonest mistake of a port, and was the one without a name."""
    blame = _blame(LAYERED, _normalization(LayerNorm, forward))
    assert (blame.path, blame.code) == ("n.in", code)
    assert form in blame.form
    assert "another" not in blame.form


def test_another_epsilon_in_float32_has_its_name():
    """Where the ball is wide, several values of ε may give the number: they are all named, and the cause is one."""
    blame = _blame(LAYERED, _normalization(LayerNorm, lambda op, x, p, extra: _layer_norm(x, p, 1e-3)), dtype="float32")
    assert blame.code == "BP505"
    assert "ε = 0.001" in blame.form


BATCHED = network(
    "batched",
    [
        ("h", Dense(3), ["x"], Tanh()),
        ("n", BatchNorm(1e-3, 0.01, "unbiased"), ["h"], Tanh()),
        ("o", Dense(2), ["n"], Tanh()),
    ],
    {"x": (3,)},
    HalfSquared(reduce="mean"),
    Adam(0.01),
)


def _batch_norm(old, correction, epsilon=None):
    def forward(op, x, p, extra):
        mean, var = x.mean(0), x.var(0, correction=0)
        y = (x - mean) / (var + (op.epsilon if epsilon is None else epsilon)).sqrt() * p["scale"] + p["shift"]
        keep = op.momentum if old else 1 - op.momentum
        now = {"running_mean": mean.detach(), "running_var": x.detach().var(0, correction=correction)}
        return Lowered(y, {key: keep * extra[key] + (1 - keep) * value for key, value in now.items()})

    return forward


@pytest.mark.parametrize(
    ("forward", "path", "code", "form"),
    [
        (_batch_norm(True, 1), "n.running_mean", "BP506", ""),
        (_batch_norm(True, 0), "n.running_mean", "BP506", ""),
        (_batch_norm(False, 0), "n.running_var", "BP507", ""),
        (_batch_norm(False, 1, 1e-5), "n.in", "BP505", "ε = 1e-05"),
    ],
    ids=["swapped", "swapped-biased", "biased", "epsilon"],
)
def test_batch_norms_of_other_houses(forward, path, code, form):
    """momentum = 0.01 means the opposite in Flax: a port forgets its statistics at once, and nobody says why."""
    blame = _blame(BATCHED, _normalization(BatchNorm, forward))
    assert (blame.path, blame.code, blame.form) == (path, code, form)


@pytest.mark.parametrize("constant", [0.8, 0.79788, 0.7978845608])
def test_a_rounded_constant_of_gelu_has_its_name(constant):
    """Somebody would look for a wrong formula where a constant has too few digits."""

    def lowered(op, xs, p, extra):
        x = xs[0]
        return 0.5 * x * (1 + torch.tanh(constant * (x + 0.044715 * x**3)))

    class Own(Torch):
        name = "own"
        table: ClassVar = {**Torch.table, GeluTanh: lowered}

    blame = _blame(mlp(GeluTanh(), HalfSquared(reduce="sum"), Sgd(0.1), widths=(3,)), Own)
    assert (blame.path, blame.code) == ("h0.a", "BP502")
    assert f"√(2/π) written as {constant:.10g}" in blame.form


@pytest.mark.parametrize(("kind", "name"), [("float32", "float32"), ("bfloat16", "bfloat16"), ("float16", "float16")])
def test_a_cast_to_a_narrower_format_has_its_name(kind, name):
    """A float32 constant in a float64 net costs half of the digits, and no formula is wrong."""

    def lowered(op, xs, p, extra):
        narrow = getattr(torch, kind)
        x, w, b = (one.to(narrow) for one in (xs[0], p["weight"], p["bias"]))
        return (x @ w + b).to(xs[0].dtype)

    class Own(Torch):
        name = "own"
        table: ClassVar = {**Torch.table, Dense: lowered}

    blame = _blame(mlp(Tanh(), HalfSquared(reduce="sum"), Sgd(0.1), widths=(6,), inputs=5), Own)
    assert (blame.path, blame.code) == ("h0.in", "BP510")
    assert f"results rounded to {name}" in blame.form


def test_weights_that_were_cast_on_the_way_have_their_name():
    """Weights that went through a float32 file are off in the eighth digit, and every result with them."""

    def lowered(op, xs, p, extra):
        return xs[0].float().double() @ p["weight"].float().double() + p["bias"].float().double()

    class Own(Torch):
        name = "own"
        table: ClassVar = {**Torch.table, Dense: lowered}

    blame = _blame(mlp(Tanh(), HalfSquared(reduce="sum"), Sgd(0.1), widths=(6,)), Own)
    assert (blame.path, blame.code, blame.form) == ("h0.in", "BP510", "operands rounded to float32")


@pytest.mark.parametrize(
    ("rule", "form"),
    [
        (lambda op, t, w, g, slots, kept: ((w.float() - op.eta * g.float()).double(), {}), "results rounded to float32"),
        (lambda op, t, w, g, slots, kept: (w - op.eta * g.float().double(), {}), "operands rounded to float32"),
    ],
    ids=["weights", "gradients"],
)
def test_an_update_in_float32_has_its_name(rule, form):
    """Master weights that are kept in float32 lose small steps, and nothing in the formulas is wrong."""
    blame = _blame(_fresh(replace(PLAIN, update=Sgd(0.3))), _optimizer(rule))
    assert (blame.path, blame.code) == ("h0.weight.update", "BP510")
    assert form in blame.form


def test_outputs_and_targets_of_two_shapes_have_their_name():
    """(n, 1) − (n,) runs without a word, and the net learns the mean of the targets."""
    net = mlp(Relu(), MeanSquared(reduce="mean"), Sgd(0.1), widths=(6,), outputs=1)

    class Own(Torch):
        name = "own"
        table: ClassVar = {**Torch.table, MeanSquared: lambda op, xs, p, extra: ((xs[0] - xs[1][:, 0]) ** 2).mean() * op.scale}

    blame = _blame(net, Own)
    assert (blame.path, blame.code) == ("error", "BP509")


class _Linear(torch.autograd.Function):
    """x w + b, with a backward pass by hand: what(x, w, dy) gives the gradients of w and b."""

    @staticmethod
    def forward(ctx, x, w, b, what):
        ctx.save_for_backward(x, w)
        ctx.what = what
        return x @ w + b

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy @ w.T, *ctx.what(x, w, dy), None


def _by_hand(what):
    class Own(Torch):
        name = "own"
        table: ClassVar = {**Torch.table, Dense: lambda op, xs, p, extra: _Linear.apply(xs[0], p["weight"], p["bias"], what)}

    return Own


@pytest.mark.parametrize(
    ("what", "code", "path", "alone"),
    [
        (lambda x, w, dy: (x.T @ dy, (x.T @ dy).sum(0)), "BP307", "h0.bias.gradient", ""),
        (lambda x, w, dy: (x.T @ dy, (x.T @ dy).mean(0)), "BP307", "h0.bias.gradient", ""),
        (lambda x, w, dy: (x.T @ dy, dy.mean(0)), "BP301", "h0.bias.gradient", "h0.bias"),
        (lambda x, w, dy: (x.T @ dy, -dy.sum(0)), "BP304", "h0.bias.gradient", "h0.bias"),
        (lambda x, w, dy: (x.T @ dy / len(x), dy.mean(0)), "BP301", "h0.weight.gradient", ""),
        (lambda x, w, dy: (x.T @ dy, torch.zeros_like(dy[0])), "BP303", "h0.bias.gradient", ""),
    ],
    ids=["row sum", "row mean", "mean at the bias", "sign at the bias", "mean at both", "zero"],
)
def test_gradients_of_a_bias_by_hand(what, code, path, alone):
    """The bias is the parameter that homework gets wrong, and the weight beside it is right."""
    blame = _blame(mlp(Tanh(), HalfSquared(reduce="mean"), Sgd(0.1), widths=(4,)), _by_hand(what))
    assert (blame.path, blame.code, blame.alone) == (path, code, alone)


class _Relu(torch.autograd.Function):
    """relu, with its backward pass by hand."""

    @staticmethod
    def forward(ctx, x, back):
        ctx.save_for_backward(x)
        ctx.back = back
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, dy):
        return ctx.back(ctx.saved_tensors[0], dy), None


@pytest.mark.parametrize(
    ("back", "form"),
    [
        (lambda x, dy: dy.clamp(min=0), "relu of +∂E/∂a"),
        (lambda x, dy: dy.clamp(min=0) * (x > 0), "relu' of in, and relu of +∂E/∂a"),
    ],
    ids=["relu of the error", "guided"],
)
def test_relu_of_the_error_has_its_name(back, form):
    """The published solution of a course does it, and its readers compare their right numbers with it."""

    class Own(Torch):
        name = "own"
        table: ClassVar = {**Torch.table, Relu: lambda op, xs, p, extra: _Relu.apply(xs[0], back)}

    blame = _blame(mlp(Relu(), HalfSquared(reduce="sum"), Sgd(0.1), widths=(6,)), Own)
    assert (blame.path, blame.code, blame.form) == ("h0.delta", "BP222", form)


def test_an_activation_kept_from_the_step_before_has_its_name():
    """A cache that is filled once gives right first steps, and a net that learns almost."""
    kept = {}

    def what(x, w, dy):
        before, kept[w.shape] = kept.get(w.shape, x), x.clone()
        return before.T @ dy, dy.sum(0)

    net = mlp(Tanh(), HalfSquared(reduce="sum"), Sgd(0.1), widths=(4,))
    blame = _blame(_fresh(net, steps=2), _by_hand(what))
    assert (blame.path, blame.code) == ("step2/o.weight.gradient", "BP309")


def test_the_slope_that_cross_entropy_cancels_has_its_name(tmp_path):
    """“Is σ' missing in a − t?” is asked every month; the answer is no, and whoever adds it wants to know."""
    spec = tmp_path / "ce.toml"
    spec.write_text(
        """
[inputs.x]
units = 2
[layers.h]
op = "dense"
from = "x"
units = 3
g = "sigmoid"
init = "glorot_uniform"
[layers.o]
op = "dense"
from = "h"
units = 2
init = "glorot_uniform"
[error]
op = "binary_cross_entropy_with_logits"
of = "o"
reduce = "sum"
[update]
rule = "sgd"
eta = 0.5
[data]
examples = [{x=[0.3,0.9], t=[1,0]}, {x=[-1,0.4], t=[0,1]}]
""",
        encoding="utf-8",
    )
    exercise = bpcompare.exercise(str(spec), blank=["delta_output"])

    @exercise.step("delta_output")
    def slope_again(k):
        p = 1 / (1 + np.exp(-k.a))
        return (k.t - p) * p * (1 - p)

    assert "BP112" in str(exercise.check())


def test_no_honest_number_is_explained():
    """A wide catalogue would find a story for everything: a number that is off by a little has no cause."""
    random = np.random.default_rng(3)

    class Off(Torch):
        name = "own"

        def descend(self, update, t, parameters, gradients, slots):
            new, kept = super().descend(update, t, parameters, gradients, slots)
            return {key: w * (1 + 1e-7 * torch.tensor(random.standard_normal(w.shape))) for key, w in new.items()}, kept

    for net in (PLAIN, DECAYED, HEAVY, NESTEROV):
        blame = _blame(_fresh(net), Off)
        assert (blame.path, blame.code) == ("h0.weight.update", None)
