"""Rules of optimizers, held against numbers worked out by hand, in formulas as their papers have them."""

from math import sqrt

import numpy as np
import pytest

from bpcompare.laws import LAWS
from bpcompare.laws.law import UpdateAt
from bpcompare.laws.rules import RULES
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import format_of
from bpcompare.ops.rule import Rule

W, G, ETA, DECAY = 0.5, 0.25, 0.1, 0.2
B1, B2, EPSILON = 0.5, 0.75, 0.125
T = 3
COMMON = {"eta": ETA, "weight_decay": DECAY, "epsilon": EPSILON, "beta1": B1, "beta2": B2, "amsgrad": False, "decoupled": False}
D = G + DECAY * W
M, V = 0.4, 0.3
M1, V1 = B1 * M + (1 - B1) * D, B2 * V + (1 - B2) * D * D
HAT_M, HAT_V = M1 / (1 - B1**T), V1 / (1 - B2**T)


def asked(rule, settings, slots, name="", after=(), maximize=False, t=T, g=G):
    """The parameter, or the slot `name`, after the step."""
    op = Rule(rule, {**COMMON, "maximize": maximize, **settings}, tuple(slots))
    law = LAWS.update("w", op)
    at = UpdateAt(op, t, np.array([W]), np.array([g]), {key: np.array([x]) for key, x in slots.items()}, name, dict(after))
    return float(np.squeeze(law.slot(at) if name else law.parameter(at)))


def test_every_rule_is_here():
    """A rule could be entered that nobody has worked out by hand."""
    known = {"sgd", "adam", "nadam", "radam", "adamax", "rmsprop", "adagrad", "adadelta", "asgd", "rprop", "adafactor", "muon"}
    variants = {"nesterov adam", "amsgrad", "adabelief", "yogi", "lion", "signsgd", "lamb", "newton_schulz", "optax adafactor"}
    assert set(RULES) == known | variants


def test_sgd_with_dampening():
    """velocity ← μ velocity + (1 − τ) d."""
    settings = {"momentum": 0.5, "nesterov": False, "dampening": 0.25}
    velocity = 0.5 * 0.8 + 0.75 * D
    assert asked("sgd", settings, {"velocity": 0.8}, "velocity") == pytest.approx(velocity, rel=1e-15)
    assert asked("sgd", settings, {"velocity": 0.8}) == pytest.approx(W - ETA * velocity, rel=1e-15)
    uphill = 0.5 * 0.8 + 0.75 * (-G + DECAY * W)
    assert asked("sgd", settings, {"velocity": 0.8}, maximize=True) == pytest.approx(W - ETA * uphill, rel=1e-15)


def test_adam_and_its_switches():
    """The largest v so far stands under the root; a decoupled decay is in no moment."""
    slots = {"m": M, "v": V}
    assert asked("adam", {}, slots, "m") == pytest.approx(M1, rel=1e-15)
    assert asked("adam", {}, slots, "step") == T
    assert asked("adam", {}, slots) == pytest.approx(W - ETA * HAT_M / (sqrt(HAT_V) + EPSILON), rel=1e-15)
    for top, root in ((0.9, 0.9), (0.01, V1)):
        settings, more = {"amsgrad": True}, {**slots, "top": top}
        assert asked("adam", settings, more, "top") == pytest.approx(root, rel=1e-15)
        step = HAT_M / (sqrt(root / (1 - B2**T)) + EPSILON)
        assert asked("adam", settings, more) == pytest.approx(W - ETA * step, rel=1e-15)
    m, v = B1 * M + (1 - B1) * G, B2 * V + (1 - B2) * G * G
    step = m / (1 - B1**T) / (sqrt(v / (1 - B2**T)) + EPSILON) + DECAY * W
    assert asked("adam", {"decoupled": True}, slots) == pytest.approx(W - ETA * step, rel=1e-15)


def test_nadam():
    """Dozat's two steps, with momenta that grow."""
    settings, slots, psi = {"momentum_decay": 0.5}, {"m": M, "v": V, "product": 0.3}, 0.5
    mu, following = (B1 * (1 - 0.5 * 0.96 ** (t * psi)) for t in (T, T + 1))
    product = 0.3 * mu
    assert asked("nadam", settings, slots, "product") == pytest.approx(product, rel=1e-15)
    step = ((1 - mu) * D / (1 - product) + following * M1 / (1 - product * following)) / (sqrt(HAT_V) + EPSILON)
    after = {"product": np.asarray(product)}
    assert asked("nadam", settings, slots, after=after) == pytest.approx(W - ETA * step, rel=1e-15)


def test_radam_before_and_after_its_sixth_step():
    """m̂ alone while v rests on few steps; ε beside √v, before its bias is taken out."""
    slots, beta = {"m": M, "v": V}, 0.99
    v = beta * V + (1 - beta) * D * D
    for t in (5, 6):
        m = M1 / (1 - B1**t)
        most = 2 / (1 - beta) - 1
        now = most - 2 * t * beta**t / (1 - beta**t)
        assert (now > 5) == (t == 6)
        r = sqrt((now - 4) * (now - 2) * most / ((most - 4) * (most - 2) * now)) if now > 5 else None
        step = m if r is None else m * r * sqrt(1 - beta**t) / (sqrt(v) + EPSILON)
        assert asked("radam", {"beta2": beta}, slots, t=t) == pytest.approx(W - ETA * step, rel=1e-13)


def test_radam_with_epsilon_beside_the_corrected_root():
    """optax's: r m̂/(√v̂ + ε), and m̂ alone on few steps."""
    beta, t = 0.99, 8
    v, most = beta * V + (1 - beta) * D * D, 199.0
    now = most - 2 * t * beta**t / (1 - beta**t)
    r = sqrt((now - 4) * (now - 2) * most / ((most - 4) * (most - 2) * now))
    step = r * M1 / (1 - B1**t) / (sqrt(v / (1 - beta**t)) + EPSILON)
    settings = {"beta2": beta, "corrected": True}
    assert asked("radam", settings, {"m": M, "v": V}, t=t) == pytest.approx(W - ETA * step, rel=1e-13)


DECOUPLED = {"decoupled": True}
KEPT = W - ETA * DECAY * W
PLAIN_M, PLAIN_V = B1 * M + (1 - B1) * G, B2 * V + (1 - B2) * G * G
ROOT = sqrt(PLAIN_V / (1 - B2**T)) + EPSILON


def test_adam_with_nesterovs_momentum():
    """The momentum of the next step and the gradient of this one, each with its own bias taken out."""
    m = B1 * PLAIN_M / (1 - B1 ** (T + 1)) + (1 - B1) * G / (1 - B1**T)
    assert asked("nesterov adam", DECOUPLED, {"m": M, "v": V}) == pytest.approx(KEPT - ETA * m / ROOT, rel=1e-15)


def test_amsgrad_of_moments_without_bias():
    """The largest is taken of v̂, and nothing is taken out of it again."""
    for top in (2.0, 0.01):
        slots, larger = {"m": M, "v": V, "top": top}, max(top, PLAIN_V / (1 - B2**T))
        step = PLAIN_M / (1 - B1**T) / (sqrt(larger) + EPSILON)
        assert asked("amsgrad", DECOUPLED, slots, "top") == pytest.approx(larger, rel=1e-15)
        assert asked("amsgrad", DECOUPLED, slots) == pytest.approx(KEPT - ETA * step, rel=1e-15)


def test_adabelief():
    """Squares of what the gradient is off from its mean, with an ε of their own."""
    v = B2 * V + (1 - B2) * (G - PLAIN_M) ** 2 + 0.0625
    settings = {**DECOUPLED, "epsilon_inside": 0.0625}
    step = PLAIN_M / (1 - B1**T) / (sqrt(v / (1 - B2**T)) + EPSILON)
    assert asked("adabelief", settings, {"m": M, "v": V}, "v") == pytest.approx(v, rel=1e-15)
    assert asked("adabelief", settings, {"m": M, "v": V}) == pytest.approx(KEPT - ETA * step, rel=1e-15)


def test_yogi():
    """v goes up or down by a part of g²; which way is not told where both are the same."""
    for v, side in ((0.3, 1), (0.01, -1)):
        new = v - (1 - B2) * side * G * G
        step = PLAIN_M / (1 - B1**T) / (sqrt(new / (1 - B2**T)) + EPSILON)
        assert asked("yogi", DECOUPLED, {"m": M, "v": v}, "v") == pytest.approx(new, rel=1e-15)
        assert asked("yogi", DECOUPLED, {"m": M, "v": v}) == pytest.approx(KEPT - ETA * step, rel=1e-15)
    with pytest.raises(LookupError):
        asked("yogi", DECOUPLED, {"m": M, "v": G * G * (1 + 1e-15)}, "v")


def test_lion():
    """The sign of one mean, and another one that is kept."""
    for m, sign in ((M, 1), (-M, -1)):
        kept = B2 * m + (1 - B2) * G
        assert asked("lion", DECOUPLED, {"m": m}, "m") == pytest.approx(kept, rel=1e-15)
        assert asked("lion", DECOUPLED, {"m": m}) == pytest.approx(KEPT - ETA * sign, rel=1e-15)
    assert asked("lion", DECOUPLED, {"m": 0.0}, g=0.0) == pytest.approx(KEPT, rel=1e-15)
    with pytest.raises(LookupError):
        asked("lion", DECOUPLED, {"m": -G})  # β₁ is a half


def test_the_sign_of_the_gradient():
    """η sign g, uphill where it maximizes."""
    assert asked("signsgd", {}, {}) == W - ETA
    assert asked("signsgd", {}, {}, g=0.0) == W
    assert asked("signsgd", {}, {}, maximize=True) == W + ETA


def test_lamb():
    """Of one number the ratio of lengths leaves its size and a sign; of a parameter that is 0, the direction."""
    u = PLAIN_M / (1 - B1**T) / ROOT + DECAY * W
    assert u > 0
    assert asked("lamb", DECOUPLED, {"m": M, "v": V}) == pytest.approx(W - ETA * W, rel=1e-15)
    at = UpdateAt(
        Rule("lamb", {**COMMON, **DECOUPLED, "maximize": False}, ("m", "v")),
        T,
        np.array([0.0, 0.0]),
        np.array([G, G]),
        {"m": np.full(2, M), "v": np.full(2, V)},
    )
    assert LAWS.update("w", at.op).parameter(at) == pytest.approx(-ETA * PLAIN_M / (1 - B1**T) / ROOT, rel=1e-15)
    at = at.but(w=np.array([3.0, 4.0]), g=np.array([G, 0.0]), slots={"m": np.array([M, 0.0]), "v": np.full(2, V)})
    roots = np.array([ROOT, sqrt(B2 * V / (1 - B2**T)) + EPSILON])
    u2 = np.array([PLAIN_M, 0.0]) / (1 - B1**T) / roots + DECAY * at.w
    assert LAWS.update("w", at.op).parameter(at) == pytest.approx(at.w - ETA * 5.0 / np.sqrt((u2**2).sum()) * u2, rel=1e-15)


def test_adamax():
    """Kingma and Ba's algorithm 2, with ε inside of the maximum; for gradients of both signs."""
    for g, u in ((G, 0.1), (-4 * G, 0.1), (G, 3.0)):
        d = g + DECAY * W
        m, larger = B1 * M + (1 - B1) * d, max(B2 * u, abs(d) + EPSILON)
        slots = {"m": M, "u": u}
        assert asked("adamax", {}, slots, "u", g=g) == pytest.approx(larger, rel=1e-15)
        assert asked("adamax", {}, slots, g=g) == pytest.approx(W - ETA * m / (1 - B1**T) / larger, rel=1e-15)


def test_adagrad_with_a_falling_rate():
    """η/(1 + (t − 1) κ)."""
    settings = {"lr_decay": 0.5, "epsilon_inside": False}
    whole = 0.3 + D * D
    assert asked("adagrad", settings, {"sum": 0.3}, "sum") == pytest.approx(whole, rel=1e-15)
    assert asked("adagrad", settings, {"sum": 0.3}) == pytest.approx(W - ETA / 2 * D / (sqrt(whole) + EPSILON), rel=1e-15)


def test_adadelta():
    """Zeiler's algorithm 1, times η."""
    settings, slots = {"rho": 0.75}, {"v": V, "u": 0.2}
    v = 0.75 * V + 0.25 * D * D
    moved = sqrt(0.2 + EPSILON) / sqrt(v + EPSILON) * D
    assert asked("adadelta", settings, slots, "v") == pytest.approx(v, rel=1e-15)
    assert asked("adadelta", settings, slots, "u") == pytest.approx(0.75 * 0.2 + 0.25 * moved**2, rel=1e-15)
    assert asked("adadelta", settings, slots) == pytest.approx(W - ETA * moved, rel=1e-15)


def test_rmsprop():
    """The rule of specs, by its name."""
    settings = {"rho": 0.75, "momentum": 0.0, "centered": False, "epsilon_inside": False}
    v = 0.75 * V + 0.25 * D * D
    assert asked("rmsprop", settings, {"v": V}) == pytest.approx(W - ETA * D / (sqrt(v) + EPSILON), rel=1e-15)


def test_asgd():
    """A rate that falls with the steps, a decay by that rate, and a mean of what the parameter was."""
    settings, slots = {"decay": 0.25, "alpha": 0.75, "begins": 1.0}, {"eta": 0.3, "mu": 0.4, "mean": 0.7}
    now = (1 - 0.25 * 0.3) * W - 0.3 * D
    assert asked("asgd", settings, slots) == pytest.approx(now, rel=1e-15)
    assert asked("asgd", settings, slots, "mean") == pytest.approx(0.7 + 0.4 * (now - 0.7), rel=1e-15)
    assert asked("asgd", settings, slots, "eta") == pytest.approx(ETA / (1 + 0.25 * ETA * T) ** 0.75, rel=1e-15)
    assert asked("asgd", settings, slots, "mu") == pytest.approx(1 / (T - 1.0), rel=1e-15)


@pytest.mark.parametrize(("turned", "most", "size"), [(False, 1.0, 0.24), (False, 0.22, 0.22), (True, 1.0, 0.1)])
def test_rprop(turned, most, size):
    """A step of its own size by the sign of the gradient; where that has turned, a smaller size and no step."""
    settings = {"larger": 1.2, "smaller": 0.5, "least": 1e-3, "most": most}
    slots = {"size": 0.2, "before": -G if turned else G}
    assert asked("rprop", settings, slots, "size") == pytest.approx(size, rel=1e-15)
    assert asked("rprop", settings, slots, "before") == (0.0 if turned else G)
    assert asked("rprop", settings, slots) == pytest.approx(W if turned else W - size * np.sign(G), rel=1e-15)


ADAFACTOR = {"epsilon": 1e-3, "epsilon2": 0.5, "d": 0.9, "beta2_decay": -0.8}


def test_adafactor_of_a_vector():
    """A mean of squares, a step cut to size d, and a rate by the size of the parameter."""
    v = V + T**-0.8 * (G * G - V)
    u = G / sqrt(v)
    step = max(0.5, abs(W)) * min(ETA, T**-0.5) * u / max(1.0, abs(u) / 0.9)
    assert asked("adafactor", ADAFACTOR, {"v": V}, "v") == pytest.approx(v, rel=1e-15)
    assert asked("adafactor", ADAFACTOR, {"v": V}) == pytest.approx(W - ETA * DECAY * W - step, rel=1e-14)


def test_adafactor_of_a_matrix():
    """The mean of squares is the product of means over rows and over columns, over their mean."""
    random = np.random.default_rng(0)
    w, g = random.normal(size=(2, 3)), random.normal(size=(2, 3))
    rows, columns = random.uniform(0.5, 1, (2, 1)), random.uniform(0.5, 1, (1, 3))
    op = Rule("adafactor", {**COMMON, "maximize": False, **ADAFACTOR}, ("rows", "columns"))
    found = LAWS.update("w", op).parameter(UpdateAt(op, T, w, g, {"rows": rows, "columns": columns}, "", {}))
    part = T**-0.8
    rows = (1 - part) * rows + part * (g * g).mean(1, keepdims=True)
    columns = (1 - part) * columns + part * (g * g).mean(0, keepdims=True)
    u = g / np.sqrt(rows * columns / rows.mean())
    size = sqrt((u * u).mean())
    step = max(0.5, sqrt((w * w).mean())) * min(ETA, T**-0.5) * u / max(1.0, size / 0.9)
    assert np.allclose(found, w - ETA * DECAY * w - step, rtol=1e-13, atol=0)


MUON = {"momentum": 0.75, "nesterov": True, "adjust": "", "steps": 2.0, "a": 2.0, "b": -1.5, "c": 0.5, "turned": True}
MATRIX = np.array([[0.5, -0.25], [1.0, 0.75], [-0.125, 0.5]])


def muon(rule, name="", after=(), **changed):
    """The parameter, or a stage of the way to its step, with momentum 0 before the step."""
    op = Rule(rule, {**COMMON, "maximize": False, "decoupled": True, **MUON, **changed}, ("m",))
    at = UpdateAt(op, T, np.ones((3, 2)), MATRIX, {"m": np.zeros((3, 2))}, name, dict(after))
    return LAWS.update("w", op).slot(at) if name else LAWS.update("w", op).parameter(at)


def test_muon():
    """Momentum, Nesterov's, x₀ of norm 1 with the fewer rows, two iterations, and a step of √(3/2) η beside the decay."""
    m = 0.25 * MATRIX
    fed = m + 0.25 * (MATRIX - m)
    x = fed.T / np.sqrt((fed * fed).sum())
    for _ in range(2):
        gram = x @ x.T
        x = 2.0 * x + (-1.5 * gram + 0.5 * gram @ gram) @ x
    assert np.allclose(muon("muon", "m"), m, rtol=1e-15, atol=0)
    assert np.allclose(muon("newton_schulz", "fed"), fed, rtol=1e-15, atol=0)
    assert np.allclose(muon("newton_schulz", "fed", nesterov=False), m, rtol=1e-15, atol=0)
    assert np.allclose(muon("newton_schulz", "o"), x.T, rtol=1e-13, atol=0)
    assert np.allclose(muon("newton_schulz", "o", {"narrow": fed}, turned=False), x.T, rtol=1e-13, atol=0)  # either way round
    for adjust, scale in (("", sqrt(1.5)), ("original", sqrt(1.5)), ("match_rms_adamw", 0.2 * sqrt(3.0))):
        found = muon("muon", after={"o": x.T}, adjust=adjust)
        assert np.allclose(found, 1.0 - ETA * DECAY - ETA * scale * x.T, rtol=1e-14, atol=0)
    assert muon("newton_schulz", "norm", epsilon=9.0) == 9.0


def test_muon_uses_what_was_recorded_of_its_way():
    """A stage would be worked out from the gradient anew, in balls that hold any number."""
    two = {"x1": np.eye(2, 3), "poly2": np.eye(2)}
    assert np.array_equal(muon("newton_schulz", "o", two), 3.0 * np.eye(3, 2))
    assert np.array_equal(muon("newton_schulz", "gram2", two), np.eye(2))
    assert np.array_equal(muon("newton_schulz", "poly2", {"gram2": np.eye(2)}), -1.0 * np.eye(2))
    with pytest.raises(LookupError, match="nobody saw"):
        muon("muon")


def test_adam_whose_coefficients_have_few_bits():
    """Adam's fused kernel on CUDA works 1 − β out in float32: v is off by 1e-5 of its size there, and would be called wrong."""
    wide, narrow = 1.0 - 0.999, 1.0 - float(np.float32(0.999))
    assert abs(narrow / wide - 1.0) > 1e-5
    fmt = format_of("float32")
    given = {name: Ball(np.array([x]), fmt) for name, x in (("w", 0.5), ("g", 0.25), ("m", 0.125), ("v", 0.0))}
    for setting, inside in (({"narrow": True}, True), ({}, False)):
        op = Rule("adam", {**COMMON, "weight_decay": 0.0, "beta2": 0.999, "maximize": False, **setting}, ("m", "v"))
        slots = {"m": given["m"], "v": given["v"]}
        ball = LAWS.update("w", op).slot(UpdateAt(op, T, given["w"], given["g"], slots, "v"))
        off = abs(narrow * 0.0625 - ball.mid[0])
        assert bool(off <= ball.final_radius()) is inside
        assert abs(wide * 0.0625 - ball.mid[0]) <= ball.final_radius()
        assert not abs(1.001 * wide * 0.0625 - ball.mid[0]) <= ball.final_radius()


def test_adafactor_as_optax_has_it():
    """ε stands in the means, the decay is no part of the rate, and rows are means over the larger of the two axes."""
    settings = {"dims": None, "left": 0.25, "new": 0.75, "d": 0.5, "epsilon2": 0.001, "epsilon": 0.125}
    v = 0.25 * V + 0.75 * (G * G + 0.125)
    assert asked("optax adafactor", settings, {"v": V}, "v") == pytest.approx(v, rel=1e-15)
    u = G / sqrt(v)
    u /= max(1.0, abs(u) / 0.5)
    assert asked("optax adafactor", settings, {"v": V}) == pytest.approx(W - DECAY * W - ETA * W * u, rel=1e-15)
    plain = {**settings, "d": 0.0, "epsilon2": 0.0, "weight_decay": 0.0}
    assert asked("optax adafactor", plain, {"v": V}) == pytest.approx(W - ETA * G / sqrt(v), rel=1e-15)
    g, w = np.array([[1.0, 2.0, 4.0], [0.5, 1.0, -1.0]]), np.zeros((2, 3))
    slots = {"rows": np.array([1.0, 2.0]), "columns": np.array([1.0, 0.5, 0.25])}
    op = Rule("optax adafactor", {**COMMON, **plain, "dims": (0, 1), "maximize": False}, ("rows", "columns"))
    at = UpdateAt(op, T, w, g, slots, "")
    square = g * g + 0.125
    rows, columns = 0.25 * slots["rows"] + 0.75 * square.mean(1), 0.25 * slots["columns"] + 0.75 * square.mean(0)
    step = ETA * g / np.sqrt(np.outer(rows, columns) / rows.mean())
    assert np.allclose(LAWS.update("w", op).parameter(at), w - step, rtol=1e-14, atol=0)
    assert np.allclose(LAWS.update("w", op).slot(at.but(name="rows")), rows, rtol=1e-15, atol=0)
