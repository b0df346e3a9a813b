"""Rules of optax: a chain is told by its functions, and held against the law of its rule; of any other nothing is told."""

from functools import wraps

import numpy as np
import pytest

jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")
import jax.numpy as jnp  # noqa: E402

import bpcompare  # noqa: E402

PARAMS = {"w": jnp.array([[0.3, -0.2], [0.5, 1.1], [2.0, -0.7]]), "b": jnp.array([0.1, 0.2])}
DATA = jnp.array([[1.0, 2.0, 3.0], [0.5, -1.0, 0.2]])


def loss(p, x):
    return jnp.mean(jnp.tanh(x @ p["w"] + p["b"]) ** 2)


def checked(transformation, steps=2, params=PARAMS, **options):
    """The verdict about a later step of a transformation."""
    state = transformation.init(params)
    for _ in range(steps):
        _, state = transformation.update(jax.grad(loss)(params, DATA), state, params)
    return bpcompare.check(loss, params, DATA, update=(transformation, state), as_is=True, **options)


def facts(found):
    return found.runs[0].watched.facts


TOLD = {
    "adamw": (lambda: optax.adamw(1e-3, weight_decay=0.02), "beta1 = 0.9, beta2 = 0.999, epsilon = 1e-08, decay 0.02)"),
    "for some": (lambda: optax.adamw(1e-3, mask={"w": True, "b": False}), "decay 0 or 0.0001)"),
    "by a function": (lambda: optax.adamw(1e-3, mask=lambda p: jax.tree.map(lambda x: x.ndim > 1, p)), "decay 0 or 0.0001)"),
    "schedule": (lambda: optax.adam(optax.linear_schedule(0.1, 0.0, 10)), "adam (eta = 0.08"),
    "clipped": (lambda: optax.chain(optax.clip_by_global_norm(0.01), optax.adamw(1e-2)), "adam (eta = 0.01"),
    "coupled": (lambda: optax.chain(optax.add_decayed_weights(0.1), optax.adam(1e-2)), "decay 0.1)"),
    "sgd": (lambda: optax.sgd(0.1), "sgd (momentum = 0"),
    "momentum": (lambda: optax.sgd(0.1, momentum=0.9), "sgd (momentum = 0.9"),
    "nesterov": (lambda: optax.sgd(0.1, momentum=0.9, nesterov=True), "sgd (momentum = 0.9"),
    "rmsprop": (lambda: optax.rmsprop(0.1), "rmsprop (eta = 0.1, rho = 0.9"),
    "rmsprop, root first": (lambda: optax.rmsprop(0.1, eps_in_sqrt=False, eps=0.1), "epsilon = 0.1"),
    "adagrad": (lambda: optax.adagrad(0.1), "adagrad (eta = 0.1"),
    "adamax": (lambda: optax.adamax(0.1), "adamax (eta = 0.1, beta1 = 0.9"),
    "adadelta": (lambda: optax.adadelta(0.1), "adadelta (eta = 0.1, rho = 0.9, epsilon = 1e-06"),
    "groups": (
        lambda: optax.multi_transform(
            {"x": optax.adam(0.1), "y": optax.chain(optax.clip(0.1), optax.sgd(0.1, momentum=0.9))}, {"w": "x", "b": "y"}
        ),
        "sgd (momentum = 0.9, dampening = 0, eta = 0.1, decay 0) for 1 of 2 parameters; adam (eta = 0.1",
    ),
    "frozen": (
        lambda: optax.partition({"x": optax.adamw(0.1), "y": optax.set_to_zero()}, lambda p: {"w": "x", "b": "y"}),
        "kept for 1 of 2 parameters; adam",
    ),
    "chains for some": (
        lambda: optax.chain(
            optax.masked(optax.chain(optax.clip(0.1), optax.scale_by_adam()), {"w": True, "b": False}), optax.scale(-0.1)
        ),
        "sgd (momentum = 0, dampening = 0, eta = 0.1, decay 0) for 1 of 2 parameters; adam (eta = 0.1",
    ),
    "settings in the state": (
        lambda: optax.inject_hyperparams(optax.adamw)(optax.linear_schedule(0.1, 0.0, 10), weight_decay=0.5),
        "adam (eta = 0.08, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-08, decay 0.5)",
    ),
    "accumulated": (
        lambda: optax.chain(optax.clip(0.1), optax.MultiSteps(optax.adam(0.1), 3).gradient_transformation()),
        "adam (",
    ),
    "still accumulating": (lambda: optax.MultiSteps(optax.adam(0.1), 4), "kept"),
    "if finite": (lambda: optax.apply_if_finite(optax.adam(0.1), 5), "adam ("),
    "nadamw": (lambda: optax.nadamw(0.1, weight_decay=0.5), "nesterov adam (eta = 0.1, beta1 = 0.9, beta2 = 0.999, epsilon"),
    "amsgrad": (lambda: optax.amsgrad(0.1), "amsgrad (eta = 0.1"),
    "adabelief": (lambda: optax.adabelief(0.1), "adabelief (eta = 0.1"),
    "yogi": (lambda: optax.yogi(0.1), "yogi (eta = 0.1"),
    "lion": (lambda: optax.lion(0.1, weight_decay=0.5), "lion (eta = 0.1, beta1 = 0.9, beta2 = 0.99, decay 0.5)"),
    "sign": (lambda: optax.sign_sgd(0.1), "signsgd (eta = 0.1"),
    "lamb": (
        lambda: optax.lamb(0.1, weight_decay=0.5),
        "lamb (eta = 0.1, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-06, decay 0.5)",
    ),
    "centered rmsprop": (lambda: optax.rmsprop(0.1, centered=True), "rmsprop (eta = 0.1"),
    "by names": (lambda: optax.named_chain(("first", optax.clip(0.1)), ("then", optax.sgd(0.1))), "sgd ("),
}
TOLD |= {
    "adafactor": (lambda: optax.adafactor(0.1, min_dim_size_to_factor=2), "optax adafactor (eta = 0.1, d = 1, epsilon2 = 0.001"),
    "adafactor of no factors": (
        lambda: optax.chain(optax.clip(0.1), optax.adafactor(0.1, weight_decay_rate=0.5)),
        "left = 0.584756, new = 0.415244, epsilon = 1e-30, decay 0.5)",
    ),
    "adafactor alone": (
        lambda: optax.adafactor(
            optax.linear_schedule(0.1, 0.0, 10),
            min_dim_size_to_factor=2,
            clipping_threshold=None,
            multiply_by_parameter_scale=False,
        ),
        "optax adafactor (eta = 0.08, d = 0, epsilon2 = 0",
    ),
}
UNTOLD = {
    "adafactor with momentum": lambda: optax.adafactor(0.1, momentum=0.9),
    "adafactor of its own schedule": lambda: optax.chain(
        optax.scale_by_factored_rms(decay_rate_fn=lambda step, rate: 0.5 + 0.0 * step), optax.scale(-0.1)
    ),
    "adafactor in another order": lambda: optax.chain(
        optax.scale_by_factored_rms(), optax.scale_by_param_block_rms(), optax.clip_by_block_rms(1.0), optax.scale(-0.1)
    ),
    "novograd": lambda: optax.novograd(0.1),
    "smooth lion": lambda: optax.chain(optax.scale_by_lion(mode="smooth"), optax.scale(-0.1)),
    "lamb with nesterov": lambda: optax.chain(
        optax.scale_by_adam(nesterov=True), optax.scale_by_trust_ratio(), optax.scale(-0.1)
    ),
    "lamb of least norms": lambda: optax.chain(
        optax.scale_by_adam(), optax.scale_by_trust_ratio(min_norm=9.0), optax.scale(-0.1)
    ),
    "amsgrad with bias": lambda: optax.amsgrad(0.1, bias_correction_nu=False),
    "momentum of rmsprop": lambda: optax.rmsprop(0.1, momentum=0.9),
    "ε inside": lambda: optax.adam(0.1, eps_root=1e-3),
    "two formats": lambda: optax.adam(0.1, mu_dtype=jnp.bfloat16),
    "decay after the rate": lambda: optax.chain(optax.scale_by_adam(), optax.scale(-0.1), optax.add_decayed_weights(-0.1)),
    "decay beside momentum": lambda: optax.chain(optax.trace(0.9), optax.add_decayed_weights(0.1), optax.scale(-0.1)),
    "twice": lambda: optax.chain(optax.adam(0.1), optax.adam(0.1)),
    "a sign with decay in it": lambda: optax.chain(optax.add_decayed_weights(0.5), optax.scale_by_sign(), optax.scale(-0.1)),
    "lamb with decay in its moments": lambda: optax.chain(
        optax.add_decayed_weights(0.5), optax.scale_by_adam(), optax.scale_by_trust_ratio(), optax.scale(-0.1)
    ),
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", TOLD)
def test_a_chain_that_is_a_rule_is_told(name):
    """Nobody would learn whether what optax does is Adam; or optax would be accused for another order of the same formula."""
    made, words = TOLD[name]
    found = checked(made())
    assert found.verdict == "certified", str(found)
    assert words in facts(found)["rule"]
    assert "were held against" in " ".join(str(found).split())
    assert {"w.update", "b.update"} <= {claim.path for _, claim, _ in found.runs[0].findings}


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("dtype", "steps"), [("float64", 0), ("float64", 7), ("float32", 7)])
def test_radam_is_told(dtype, steps):
    """Its first steps are another formula; and of float32, where its ρ is rounded far, more would be said than is known."""
    with jax.enable_x64(dtype == "float64"):
        found = checked(optax.radam(0.1), steps, {name: jnp.asarray(np.asarray(x), dtype) for name, x in PARAMS.items()})
        assert facts(found)["rule"].startswith("radam (eta = 0.1")
        assert found.verdict == ("certified" if dtype == "float64" else "certified in part"), str(found)


WRONG = {
    "nesterov": (lambda: optax.nadam(0.1), "w.update"),
    "adabelief": (lambda: optax.adabelief(0.1), "w.update"),
    "yogi": (lambda: optax.yogi(0.1), "w.update"),
    "amsgrad": (lambda: optax.amsgrad(0.1), "w.top"),
    "lamb": (lambda: optax.lamb(0.1, weight_decay=0.5), "w.update"),
    "lion": (lambda: optax.lion(0.1), "w.m"),
    "radam": (lambda: optax.radam(0.1), "w.m"),
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", WRONG)
def test_a_variant_that_is_not_what_its_name_says_is_wrong(monkeypatch, name):
    """A variant of Adam would be told, and be held against nothing."""
    made, path = WRONG[name]
    function, wrong = ("update_moment", exchanged) if path == "w.m" else ("bias_correction", off_by_one)
    monkeypatch.setattr(optax.tree, function, wrong)
    found = checked(made(), 7)
    assert found.verdict == "wrong"
    assert {path} <= refuted_paths(found) <= {f"{w}.{x}" for w in "wb" for x in ("m", "top", "update")}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", UNTOLD)
def test_any_other_chain_is_not(name):
    """What is made in another way than Adam would be called Adam, and accused for it; or that nobody asked would go unsaid."""
    found = checked(UNTOLD[name]())
    assert found.verdict == "certified", str(found)
    assert "rule" not in facts(found)
    assert "whether together they are the rule that is meant was not asked" in " ".join(str(found).split())


def test_a_parameter_that_a_mask_leaves_out_is_named():
    """optax.masked lets the gradient of what it leaves out through as the update: nobody would learn that it goes uphill."""
    found = checked(optax.masked(optax.adam(0.1), {"w": True, "b": False}))
    assert facts(found)["rule"].endswith("for 1 of 2 parameters")
    assert facts(found)["by hand"].startswith("update of b (nothing is done to its gradient")
    assert not {"b.update", "b.m"} & {claim.path for _, claim, _ in found.runs[0].findings}


def test_a_norm_is_of_the_gradients_of_other_rules_too():
    """Both rules behind one clipping by norm would be accused, or held against gradients that they did not read."""
    groups = optax.multi_transform({"x": optax.sgd(0.5, momentum=0.9), "y": optax.sgd(0.1)}, {"w": "x", "b": "y"})
    found = checked(optax.chain(optax.masked(optax.clip(0.01), {"w": True, "b": False}), optax.clip_by_global_norm(0.01), groups))
    assert found.verdict == "certified", str(found)
    assert {"w.update", "w.velocity", "b.update"} <= {claim.path for _, claim, _ in found.runs[0].findings}


def test_a_step_that_is_left_out_is_told_to_be_no_rule():
    """Adam would be accused of a step that apply_if_finite did not take."""
    found = bpcompare.check(
        lambda p: jnp.sum(p["w"] * jnp.inf) * 0, PARAMS, update=optax.apply_if_finite(optax.adam(0.1), 5), as_is=True
    )
    assert "leaves a step out" in facts(found)["by hand"]
    assert not found.runs[0].refuted


def mine(learning_rate):
    return optax.chain(optax.stateless(lambda g, p: jax.tree.map(jnp.sign, g)), optax.sgd(learning_rate))


@pytest.mark.parametrize(
    "made",
    [
        lambda: mine(0.1),
        lambda: optax.chain(optax.clip(0.1), optax.inject_hyperparams(mine)(learning_rate=0.1)),
        lambda: optax.MultiSteps(mine(0.1), 2),
        lambda: optax.named_chain(("mine", mine(0.1))),
        lambda: optax.multi_transform({"x": mine(0.1)}, {"w": "x", "b": "x"}),
        lambda: optax.flatten(mine(0.1)),
        lambda: optax.MultiSteps(mine(0.1), 2, should_skip_update_fn=lambda g, step, p: (jnp.array(False), ())),
    ],
    ids=["alone", "injected", "accumulated", "named", "group", "flat", "left out by a function of one's own"],
)
def test_a_rule_of_ones_own_is_named_wherever_it_stands(made):
    """A function of somebody's own inside of a wrapper would be certified as if optax had written it."""
    found = checked(made())
    assert found.verdict == "certified in part", str(found)
    assert "mine.<locals>.<lambda> is the rule that is meant" in " ".join(str(found).split())


def test_a_function_around_one_of_optax_is_somebodys_own():
    """What somebody makes of a sign, under the name that functools.wraps gives it, would be accused of being no sign."""
    inner = optax.scale_by_sign()

    @wraps(inner.update)
    def update(updates, state, params=None):
        return jax.tree.map(jnp.tanh, updates), state

    found = checked(optax.chain(optax.GradientTransformation(inner.init, update), optax.scale(-0.1)))
    assert found.verdict == "certified in part", str(found)
    assert "rule" not in facts(found)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_formats(dtype):
    """Powers of β, which are worked out in the format of the parameters, would be held against sharper ones."""
    with jax.enable_x64(dtype == "float64"):
        params = {name: jnp.asarray(np.asarray(x), dtype) for name, x in PARAMS.items()}
        state = (rule := optax.adamw(10.0)).init(params)  # so that the step is more than the parameter
        found = bpcompare.check(
            lambda p: jnp.sum((p["w"] * p["b"]).astype(jnp.float32) ** 2), params, update=(rule, state), as_is=True
        )
        assert not [one for run in found.runs for one in run.refuted], str(found)
        assert "adam" in facts(found)["rule"]


def off_by_one(moment, decay, count):
    return jax.tree.map(lambda m: m / (1 - decay ** (count + 1)).astype(m.dtype), moment)


def exchanged(updates, moments, decay, order):
    return jax.tree.map(lambda g, m: decay * g**order + (1 - decay) * m, updates, moments)


@pytest.mark.parametrize(
    ("function", "wrong", "refuted"),
    [
        ("bias_correction", off_by_one, {"w.update", "b.update"}),
        ("update_moment", exchanged, {"w.m", "b.m", "w.update", "b.update"}),
        ("update_moment_per_elem_norm", exchanged, {"w.v", "b.v"}),
    ],
)
def test_a_rule_that_is_not_what_its_name_says_is_wrong(monkeypatch, function, wrong, refuted):
    """Each function does what it says, and together they are no Adam: that would be certified."""
    monkeypatch.setattr(optax.tree, function, wrong)
    found = checked(optax.adam(1e-2))
    assert found.verdict == "wrong"
    assert refuted_paths(found) == refuted


def refuted_paths(found):
    return {claim.path for _, claim, finding in found.runs[0].findings if finding.outcome == "refuted"}


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("made", "refuted"),
    [
        (lambda: optax.multi_transform({"x": optax.adam(0.1), "y": optax.sgd(0.1)}, {"w": "x", "b": "y"}), {"w.update"}),
        (lambda: optax.inject_hyperparams(optax.adam)(learning_rate=0.1), {"w.update", "b.update"}),
        (lambda: optax.MultiSteps(optax.adam(0.1), 3), {"w.update", "b.update"}),
        (lambda: optax.apply_if_finite(optax.adam(0.1), 3), {"w.update", "b.update"}),
    ],
    ids=["groups", "injected", "accumulated", "if finite"],
)
def test_a_wrong_rule_is_wrong_inside_of_a_wrapper(monkeypatch, made, refuted):
    """What a wrapper holds would be called Adam without being held against it."""
    monkeypatch.setattr(optax.tree, "bias_correction", off_by_one)
    found = checked(made())
    assert found.verdict == "wrong"
    assert refuted_paths(found) == refuted


@pytest.mark.parametrize("opaque", [False, True])
def test_what_a_rule_asks_for_is_what_it_is_given(opaque):
    """SAM would end in a traceback: it asks for the gradient as a function, and takes nothing else."""
    contrib = pytest.importorskip("optax.contrib")
    adversary = optax.chain(contrib.normalize(), optax.sgd(0.05))
    rule = contrib.sam(optax.sgd(0.1), adversary, sync_period=2, opaque_mode=opaque)
    found = bpcompare.check(loss, PARAMS, DATA, update=rule, as_is=True)
    said = " ".join(str(found).split())
    assert found.verdict == ("certified in part" if opaque else "certified"), said
    assert "whether together they are the rule that is meant was not asked" in said
    assert ("the gradients that the update itself takes of the loss" in said) is opaque


def test_a_wrapper_of_ones_own_is_given_what_it_reads():
    """A rule that reads the loss, and hands the rest on to one of optax's, would end in a traceback."""
    inner = optax.sgd(0.1)

    def update(g, s, p=None, **more):
        u, s = inner.update(g, s, p)
        return jax.tree.map(lambda x: x * jnp.minimum(1.0, more["value"]), u), s

    rule = optax.GradientTransformationExtraArgs(inner.init, update)
    found = bpcompare.check(loss, PARAMS, DATA, update=rule, as_is=True)
    assert found.verdict == "certified in part", str(found)


def test_what_is_not_chosen_is_not_asked():
    """RAdam's third step would be undecided: it works out, and leaves, the root of a number below 0."""
    found = checked(optax.radam(0.1), 2)
    assert found.verdict == "certified", str(found)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_adafactor_factors_the_two_largest_axes(dtype):
    """Adafactor of an array with three axes would be accused for those that it factors, or of float64 for its rates."""
    with jax.enable_x64(dtype == "float64"):
        params = {"k": jnp.asarray(np.linspace(-1, 2, 24).reshape(3, 4, 2), dtype)}
        rule, state = (made := optax.adafactor(0.5, min_dim_size_to_factor=3, weight_decay_rate=0.1)), made.init(params)
        for _ in range(3):
            _, state = rule.update(jax.tree.map(jnp.sin, params), state, params)
        found = bpcompare.check(lambda p: jnp.sum(jnp.cos(p["k"]) ** 2), params, update=(rule, state), as_is=True)
        assert not found.runs[0].refuted, str(found)
        assert dtype == "bfloat16" or found.verdict == "certified", str(found)
        assert {"k.rows", "k.columns", "k.update"} <= {claim.path for _, claim, _ in found.runs[0].findings}


@pytest.mark.parametrize(
    ("module", "function", "wrong", "refuted"),
    [
        ("optax._src.transform", "numerics", "safe_root_mean_squares", {"w.update", "b.update"}),
        ("optax._src.factorized", "numerics", "abs_sq", {"w.rows", "w.columns", "b.v", "w.update", "b.update"}),
    ],
)
def test_an_adafactor_that_is_none_is_wrong(monkeypatch, module, function, wrong, refuted):
    """Each function of a wrong Adafactor does what it says, and nobody would ask whether they are Adafactor."""
    from importlib import import_module
    from types import SimpleNamespace

    theirs = getattr(import_module(module), function)
    others = {"safe_root_mean_squares": lambda p, least: jnp.sqrt(jnp.sum(p**2)), "abs_sq": jnp.abs}
    replaced = SimpleNamespace(**{**vars(theirs), wrong: others[wrong]})
    rule = optax.adafactor(0.1, min_dim_size_to_factor=2)
    monkeypatch.setattr(import_module(module), function, replaced)
    found = checked(rule)
    assert found.verdict == "wrong", str(found)
    assert refuted_paths(found) <= refuted
    assert refuted_paths(found) & {"w.update", "w.rows"}
