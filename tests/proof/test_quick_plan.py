"""Networks judged by the quick ways of the proof: nothing is decided that balls would decide otherwise."""

from dataclasses import replace

import numpy as np
import pytest

from bpcompare import ops
from bpcompare.engine.registry import Ready, resolve
from bpcompare.engine.worker import InProcess
from bpcompare.laws import LAWS
from bpcompare.mistakes import MISTAKES
from bpcompare.mistakes.saboteur import saboteur
from bpcompare.numbers.ball.format import format_of
from bpcompare.numbers.number import dot
from bpcompare.ops.call import Call, Read
from bpcompare.plan.draw import plan as draw
from bpcompare.proof import certificate, entrywise, inside, products, quick
from bpcompare.proof.balls import Balls
from bpcompare.proof.certificate import certify, judge
from bpcompare.proof.claims import Claim
from bpcompare.proof.evaluation import evaluate
from bpcompare.proof.question import question
from bpcompare.proof.values import StepValues, step_values
from bpcompare_delta import Delta
from mistaken_networks import CLASSES, NETWORKS, SGD, mlp, network
from samples import sample

DTYPES = ["float32", "float64"]
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
"""`certify` ignores what arrays warn of, and `judge` is asked alone here."""


def small(monkeypatch):
    """The quick ways, for small arrays as well, in parts."""
    for module in (entrywise, inside):
        monkeypatch.setattr(module, "BLOCK", 97)
    for module in (entrywise, products, certificate):
        monkeypatch.setattr(module, "LARGE", 2)
    monkeypatch.setattr(entrywise, "SAMPLED", 31)


def slowly(plan, record):
    """The certificate by balls alone."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("held", "sums", "halved", "inside"):
            patched.setattr(certificate if name == "inside" else quick, name, lambda *_: None)
        patched.setattr(certificate, "together", lambda *_: {})
        return certify(plan, record)


def outcomes(found):
    """What is said of each claim."""
    return {finding.path: finding.outcome for finding in found.findings}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("net", sample(NETWORKS, 6), ids=lambda net: net.name)
def test_every_claim_is_decided_as_by_balls(net, dtype, monkeypatch):
    """A mistake would pass because its numbers were never given a ball, or right code would be accused."""
    small(monkeypatch)
    plan = draw(net, dtype)
    backends = [Delta, *(saboteur(Delta, MISTAKES[code]) for code in sample(sorted(MISTAKES), 12) if MISTAKES[code].applies(net))]
    for backend in backends:
        record = InProcess().run(backend, plan)
        slow, fast = slowly(plan, record), certify(plan, record)
        assert outcomes(fast) == outcomes(slow), backend.name
        for one, other in zip(fast.findings, slow.findings, strict=True):
            if one.outcome == "holds" and not one.terms:
                assert one.power >= other.power * (1 - 1e-9), (backend.name, one.path)


WIDE = mlp(ops.Relu(), CLASSES, SGD, widths=(40, 24), name="wide", inputs=30, examples=60, outputs=8)


@pytest.fixture
def decided(monkeypatch):
    """Which claims each way decided."""
    small(monkeypatch)
    monkeypatch.setattr(products, "FEW_TERMS", 0)  # which would decide nearly all of them
    found = {}
    for name in ("held", "summed", "inside"):
        module = certificate if name == "inside" else quick
        original = getattr(module, name)

        def told(claim, *arguments, original=original, name=name):
            finding = original(claim, *arguments)
            if finding is not None:
                found.setdefault(name, set()).add(claim.path)
            return finding

        monkeypatch.setattr(module, name, told)

    def side_by_side(claims, *arguments, original=certificate.together):
        held = original(claims, *arguments)
        found.setdefault("together", set()).update(claims[place].path for place in held)
        return held

    monkeypatch.setattr(certificate, "together", side_by_side)
    return found


@pytest.mark.sampled(5)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["delta", "torch", "jax"])
def test_honest_numbers_hold_by_the_quick_ways(name, dtype, decided):
    """Nothing would be any quicker: every product of a network of relu layers would get its ball."""
    status = resolve(name)
    if not isinstance(status, Ready):
        pytest.skip(f"{name} is not installed")
    plan = draw(WIDE, dtype)
    assert certify(plan, InProcess().run(status.backend, plan)).verdict == "certified"
    sums = {f"{layer}.in" for layer in plan.order} | {f"{layer}.delta" for layer in ("h0", "h1")}
    sums |= {f"{name}.gradient" for name in plan.parameters}
    assert decided["summed"] >= sums
    assert decided["held"] >= {f"{layer}.a" for layer in plan.order}
    assert decided["together"] == {f"{name}.update" for name in plan.parameters}


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("what", ["update", "adam.m", "adam.v"])
def test_one_wrong_entry_of_an_update_is_refuted_among_parameters_side_by_side(what, dtype, steps):
    """A parameter that went astray would pass with those that are updated beside it, or they would be accused with it."""
    plan = draw(mlp(ops.Relu(), CLASSES, ops.Adam(0.01), widths=(6, 5), name="adam", examples=9), dtype, steps=steps)
    record = InProcess().run(Delta, plan)
    for name in plan.parameters:
        *_, last = step_values(plan, record)
        claim = question(plan).by_path[f"{name}.{what}"]
        ball = evaluate(claim, Balls(last, format_of(dtype)), LAWS)
        at = tuple(size // 2 for size in ball.shape)
        where = record.steps[-1].parameters if what == "update" else record.steps[-1].slots
        key = name if what == "update" else f"{name}.{what}"
        x = where[key].copy()
        x[at] = ball.mid[at] + 3 * np.broadcast_to(ball.final_radius(), x.shape)[at] + 1e-30
        step = replace(record.steps[-1], **{"parameters" if what == "update" else "slots": {**where, key: x}})
        found = certify(plan, replace(record, steps=(*record.steps[:-1], step)))
        assert [(one.path.removeprefix("step2/"), one.worst) for one in found.refuted] == [(claim.path, at)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_entry_that_is_off_is_refuted_wherever_it_stands(dtype, decided):
    """One wrong number among many would be missed, for most of them are not even given a ball."""
    random = np.random.default_rng(0)
    plan = draw(WIDE, dtype)
    record = InProcess().run(Delta, plan)
    (values,), tried = step_values(plan, record), 0
    for claim in question(plan).claims:
        x = values.recorded[claim.path]
        if not x.size or not x.ndim:
            continue
        ball = evaluate(claim, Balls(values, format_of(dtype)), LAWS)
        radius = np.broadcast_to(ball.final_radius(), x.shape)
        for _ in range(4):
            at = tuple(int(random.integers(size)) for size in x.shape)
            wrong = x.astype(np.float64)
            wrong[at] = ball.mid[at] + 2.5 * max(radius[at], 2.0**-24 * abs(ball.mid[at]), 1e-30)
            changed = replace(values, recorded={**values.recorded, claim.path: wrong.astype(x.dtype)})
            finding = judge(claim, Balls(changed, format_of(dtype)), LAWS)
            assert (finding.outcome, finding.worst, finding.off) == ("refuted", at, 1), claim.path
            tried += 1
    assert tried > 80
    assert decided == {}


LOOKED_UP = network(
    "looked up",
    [
        ("e", ops.Embedding(6, 40), ["i"], ops.Identity()),  # three of its rows are read, many times each
        ("f", ops.Flatten(), ["e"], ops.Identity()),
        ("h", ops.Dense(30), ["f"], ops.Relu(), {"weight": "W"}),
        ("k", ops.Dense(30), ["f"], ops.Tanh(), {"weight": "W"}),
        ("o", ops.Dense(8), ["h", "k"], ops.Identity()),
    ],
    {"i": (5,)},
    CLASSES,
    SGD,
    examples=60,
    integers=("i",),
)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["delta", "torch", "jax"])
def test_rows_that_are_added_up_and_weights_that_are_shared_hold_by_the_quick_ways(name, dtype, decided):
    """The gradient of an embedding, or of a weight of two layers, would get its ball; or a wrong entry would hide there."""
    status = resolve(name)
    if not isinstance(status, Ready):
        pytest.skip(f"{name} is not installed")
    plan = draw(LOOKED_UP, dtype)
    record = InProcess().run(status.backend, plan)
    assert certify(plan, record).verdict == "certified"
    paths = {"e.weight.gradient", "W.gradient", "o.in", "o.weight.gradient"}
    assert decided["summed"] >= paths
    decided.clear()
    (values,), random, fmt = step_values(plan, record), np.random.default_rng(3), format_of(dtype, name == "jax")
    for path in paths:
        claim, x = question(plan).by_path[path], values.recorded[path]
        ball = evaluate(claim, Balls(values, fmt), LAWS)
        radius = np.broadcast_to(ball.final_radius(), x.shape)
        for _ in range(6):
            at = tuple(int(random.integers(size)) for size in x.shape)
            wrong = x.astype(np.float64)
            wrong[at] = ball.mid[at] + 2.5 * max(radius[at], 2.0**-24 * abs(ball.mid[at]), 1e-30)
            changed = replace(values, recorded={**values.recorded, path: wrong.astype(x.dtype)})
            finding = judge(claim, Balls(changed, fmt), LAWS)
            assert (finding.outcome, finding.worst, finding.off) == ("refuted", at, 1), path
    assert decided == {}


@pytest.mark.parametrize("dtype", DTYPES)
def test_short_sums_with_the_bits_of_the_law_need_no_more(dtype, monkeypatch):
    """One wrong entry of a short sum would hold with the others, or sums that nobody rounds otherwise would cost a ball."""
    small(monkeypatch)
    plan = draw(WIDE, dtype)
    (values,) = step_values(plan, InProcess().run(Delta, plan))
    found, fmt = {claim.path: claim for claim in question(plan).claims}, format_of(dtype)
    for path in ("h0.in", "h1.in", "o.in", "h0.delta", "h1.delta", "h0.weight.gradient"):
        claim, balls = found[path], Balls(values, fmt)
        finding = products.alike(claim, balls, LAWS, products.sums(claim, balls, LAWS))
        slow = judge(claim, Balls(values, fmt, quick=False), LAWS)
        assert (finding.outcome, finding.size, finding.power >= slow.power) == ("holds", slow.size, True)
        x = values.recorded[path].copy()
        x[5, 3] += 4 * np.abs(x).max() * fmt.u
        wrong = Balls(replace(values, recorded={**values.recorded, path: x}), fmt)
        assert products.alike(claim, wrong, LAWS, products.sums(claim, wrong, LAWS)) is None


def test_a_wrong_branch_is_refuted(decided):
    """Where relu is closed Δ is exactly 0: a number there, or a 0 beside it, would pass because the product is right."""
    plan = draw(WIDE, "float32")
    record = InProcess().run(Delta, plan)
    (values,) = step_values(plan, record)
    (claim,) = [one for one in question(plan).claims if one.path == "h0.delta"]
    closed = ~(values.recorded["h0.in"] > 0)
    for at in (np.argwhere(closed)[7], np.argwhere(~closed & (values.recorded["h0.delta"] != 0))[7]):
        wrong = values.recorded["h0.delta"].copy()
        wrong[tuple(at)] = 1e-3 if closed[tuple(at)] else 0.0
        changed = replace(values, recorded={**values.recorded, "h0.delta": wrong})
        finding = judge(claim, Balls(changed, format_of("float32")), LAWS)
        assert (finding.outcome, finding.worst) == ("refuted", tuple(at))


def test_same_bits_of_an_infinity_decide_nothing(decided):
    """An overflow would hold because relu of an infinity is that infinity."""
    plan = draw(WIDE, "float32")
    record = InProcess().run(Delta, plan)
    (values,) = step_values(plan, record)
    (claim,) = [one for one in question(plan).claims if one.path == "h0.a"]
    infinite = {path: values.recorded[path].copy() for path in ("h0.in", "h0.a")}
    for x in infinite.values():
        x[3, 5] = np.inf
    with np.errstate(all="ignore"):
        changed = Balls(replace(values, recorded={**values.recorded, **infinite}), format_of("float32"))
        assert judge(claim, changed, LAWS).outcome == "undecided"
    assert "h0.a" not in decided.get("held", ())


def test_what_is_added_up_in_more_bits_is_left_to_balls():
    """Sums of 16-bit numbers are added up in 32 bits: a bound that counts roundings of 16 would let wrong ones pass."""
    rng = np.random.default_rng(1)
    x, w = (rng.uniform(1, 2, shape).astype(np.float16) for shape in ((80, 20), (20, 90)))
    y = (x.astype(np.float64) @ w.astype(np.float64)).astype(np.float16)
    y[3, 4] *= np.float16(1 + 8 * 2.0**-11)
    op = Call("mm", {"self": Read(0), "mat2": Read(1)}, (y.shape,))
    claim = Claim("y", "forward", "mm", (("mm", op),), lambda: ("x", "w"), lambda get, laws: dot(get("x"), get("w")), "float16")
    balls = Balls(StepValues({}, {"x": x, "w": w, "y": y}), format_of("float16"), exact=True)
    assert products.summed(claim, balls, LAWS) is None
    assert judge(claim, balls, LAWS).outcome == "refuted"
