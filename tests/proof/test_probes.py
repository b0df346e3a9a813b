"""Large products along random vectors: what balls refute is refuted, nothing else is, and what could escape is stated."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.engine.registry import Ready, resolve
from bpcompare.engine.worker import InProcess
from bpcompare.laws import LAWS
from bpcompare.mistakes import MISTAKES
from bpcompare.mistakes.saboteur import saboteur
from bpcompare.numbers.ball.format import format_of
from bpcompare.plan.draw import plan as draw
from bpcompare.proof import certificate, probes, products
from bpcompare.proof.balls import Balls
from bpcompare.proof.certificate import certify, judge
from bpcompare.proof.evaluation import evaluate
from bpcompare.proof.question import question
from bpcompare.proof.values import step_values
from bpcompare.report import text
from bpcompare_delta import Delta
from mistaken_networks import ADAM, CLASSES, SGD, mlp

NET = mlp(ops.Relu(), CLASSES, SGD, widths=(70, 60), name="probed", inputs=50, examples=80, outputs=8)
PROBED = ["h0.in", "h1.in", "o.in", "h0.weight.gradient", "h1.weight.gradient", "o.weight.gradient"]
FMT = format_of("float32")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Probes for small products as well."""
    monkeypatch.setattr(probes, "PAYS", 2)
    monkeypatch.setattr(products, "LARGE", 2)
    monkeypatch.setattr(products, "FEW_TERMS", 0)
    with np.errstate(all="ignore"):
        yield


@pytest.fixture(scope="module")
def honest():
    """A plan, delta's record of it, and its claims by path."""
    plan = draw(NET, "float32")
    record = InProcess().run(Delta, plan)
    return plan, record, {claim.path: claim for claim in question(plan).claims}


def changed(values, path, change):
    """The same numbers with a change of one array."""
    x = values.recorded[path].copy()
    result = change(x)
    return replace(values, recorded={**values.recorded, path: x if result is None else np.ascontiguousarray(result)})


@pytest.mark.parametrize("name", ["delta", "torch", "jax"])
def test_honest_products_hold_along_vectors(name):
    """Every product would be judged number by number, and nothing would be quicker; or a right backend would be accused."""
    status = resolve(name)
    if not isinstance(status, Ready):
        pytest.skip(f"{name} is not installed")
    plan = draw(NET, "float32")
    record = InProcess().run(status.backend, plan)
    found = certify(plan, record, means="probes")
    assert found.verdict == "certified"
    assert [finding.path for finding in found.findings if finding.probed] == PROBED
    full = certify(plan, record)
    assert not any(finding.probed for finding in full.findings)
    assert [finding.outcome for finding in found.findings] == [finding.outcome for finding in full.findings]


KINDS = {
    "element": lambda x, i, j, k, eps: x.__setitem__((i, j), x[i, j] * np.float32(1 + eps)),
    "sign": lambda x, i, j, k, eps: x.__setitem__((i, j), -x[i, j]),
    "scale": lambda x, i, j, k, eps: x * np.float32(1 + eps),
    "row": lambda x, i, j, k, eps: x.__setitem__(i, x[i] * np.float32(1 + eps)),
    "column": lambda x, i, j, k, eps: x.__setitem__((slice(None), j), x[:, j] * np.float32(1 + eps)),
    "rows": lambda x, i, j, k, eps: x.__setitem__([i, k], x[[k, i]]),
    "zero row": lambda x, i, j, k, eps: x.__setitem__(i, 0),
    "zero column": lambda x, i, j, k, eps: x.__setitem__((slice(None), j), 0),
    "NaN": lambda x, i, j, k, eps: x.__setitem__((i, j), np.nan),
    "infinity": lambda x, i, j, k, eps: x.__setitem__((i, j), np.inf),
}


@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.slow)])
def test_planted_mistakes_are_refuted_as_without_probes(count, honest):
    """A mistake would escape because it was only looked at along a few vectors."""
    plan, record, claims = honest
    (values,) = step_values(plan, record)
    random, refuted = np.random.default_rng(2), 0
    for number in range(count):
        path = PROBED[number % len(PROBED)]
        kind = list(KINDS)[int(random.integers(len(KINDS)))]
        rows, columns = values.recorded[path].shape
        i, k, j = int(random.integers(rows)), int(random.integers(rows)), int(random.integers(columns))
        eps = 10 ** random.uniform(-6, 0)
        wrong = changed(values, path, lambda x, f=KINDS[kind], i=i, j=j, k=k, eps=eps: f(x, i, j, k, eps))
        full = judge(claims[path], Balls(wrong, FMT), LAWS)
        tried = judge(claims[path], Balls(wrong, FMT, random=np.random.default_rng()), LAWS)
        assert (tried.outcome, tried.off) == (full.outcome, full.off), (path, kind, eps, full.share)
        if full.outcome == "refuted":
            assert repr(tried) == repr(full)  # the same words: what fired was judged by balls
            refuted += 1
    assert refuted > count // 2


WIDE = (NET, mlp(ops.Relu(), CLASSES, ADAM, widths=(60,), name="adam", inputs=50, examples=80, outputs=30))


@pytest.mark.parametrize("net", WIDE, ids=lambda net: net.name)
@pytest.mark.parametrize("every", [pytest.param(10, id="some"), pytest.param(1, id="all", marks=pytest.mark.slow)])
def test_saboteurs_are_refuted_as_without_probes(net, every):
    """A known mistake would pass, or be found at another place."""
    plan, tried = draw(net, "float32", steps=2), 0
    for code in [code for code in sorted(MISTAKES) if MISTAKES[code].applies(net)][::every]:
        record = InProcess().run(saboteur(Delta, MISTAKES[code]), plan)
        full, some = certify(plan, record), certify(plan, record, means="probes")
        assert [(one.path, one.off) for one in some.refuted] == [(one.path, one.off) for one in full.refuted], code
        tried += any(finding.probed for finding in some.findings)
    assert tried


def test_what_is_so_many_times_the_threshold_off_does_not_escape(honest):
    """The stated power would be a promise that nobody keeps: one in a million is never seen in 200 tries."""
    plan, record, claims = honest
    (values,) = step_values(plan, record)
    random = np.random.default_rng(4)
    for number in range(200):
        path = PROBED[number % len(PROBED)]
        finding = probes.probed(claims[path], Balls(values, FMT), LAWS, np.random.default_rng())
        rows, columns = values.recorded[path].shape
        i, j = int(random.integers(rows)), int(random.integers(columns))
        size = np.abs(values.recorded[path]).max()
        wrong = changed(values, path, lambda x, i=i, j=j, by=1.05 * finding.power * size: x.__setitem__((i, j), x[i, j] + by))
        assert probes.probed(claims[path], Balls(wrong, FMT), LAWS, np.random.default_rng()) is None


def test_the_vectors_are_the_systems(honest, monkeypatch):
    """With vectors that a backend could know, wrong numbers could be made that none of them shows."""
    plan, record, _ = honest
    seeds = []
    original = np.random.default_rng
    monkeypatch.setattr(certificate.np.random, "default_rng", lambda *seed: seeds.append(seed) or original(*seed))
    certify(plan, record, means="probes")
    assert seeds == [()]
    seen = []
    along = probes.along
    monkeypatch.setattr(probes, "along", lambda x, v, q=None: seen.append(v) or along(x, v, q))
    for _ in range(2):
        certify(plan, record, means="probes")
    half = len(seen) // 2
    assert all((one != other).any() for one, other in zip(seen[:half], seen[half:], strict=True))


def test_vectors_that_are_known_can_be_escaped_and_others_cannot(honest, monkeypatch):
    """The reason for drawing them late: a mistake at right angles to all vectors, which fresh ones find."""
    plan, record, claims = honest
    (values,) = step_values(plan, record)
    seen = []
    along = probes.along
    with monkeypatch.context() as patched:
        patched.setattr(probes, "along", lambda x, v, q=None: seen.append(v) or along(x, v, q))
        assert probes.probed(claims["h1.in"], Balls(values, FMT), LAWS, np.random.default_rng(1)) is not None
    v = seen[0]
    blind = np.linalg.svd(v.T)[2][-1]  # at right angles to each of them
    wrong = changed(values, "h1.in", lambda x: x.__setitem__(3, (x[3] + 0.5 * blind).astype(np.float32)))
    assert judge(claims["h1.in"], Balls(wrong, FMT), LAWS).outcome == "refuted"
    assert probes.probed(claims["h1.in"], Balls(wrong, FMT), LAWS, np.random.default_rng(1)) is not None
    for _ in range(20):
        assert judge(claims["h1.in"], Balls(wrong, FMT, random=np.random.default_rng()), LAWS).outcome == "refuted"


def test_a_probe_that_fires_accuses_nobody(honest, monkeypatch):
    """Thresholds are no bounds: honest rounding may pass them, and then balls have the word."""
    plan, record, _ = honest
    monkeypatch.setattr(probes, "MARGIN", 1e-9)
    monkeypatch.setattr(probes, "HONEST", 0.0)
    found = certify(plan, record, means="probes")
    assert found.verdict == "certified"
    assert not any(finding.probed for finding in found.findings)


@pytest.mark.parametrize("path", PROBED)
def test_the_power_counts_what_a_vector_may_miss(path, honest, monkeypatch):
    """A report would promise that what is just outside of a ball had shown."""
    plan, record, claims = honest
    (values,) = step_values(plan, record)
    balls, rests = Balls(values, FMT), []
    residuals = probes._residuals
    monkeypatch.setattr(probes, "TIMES", 400.0)  # more than the two radii that balls miss, for every shape
    monkeypatch.setattr(probes, "_residuals", lambda *its: rests.append(residuals(*its)) or rests[0])
    finding = probes.probed(claims[path], balls, LAWS, np.random.default_rng())
    ball = evaluate(claims[path], balls, LAWS)
    escapes = 400.0 * np.outer(rests[0].threshold, rests[0].scale)
    sharpest = (1 - 1e-5) * float((escapes / np.abs(ball.mid)).min())
    assert finding.power >= sharpest > 2 * float((ball.final_radius() / np.abs(ball.mid)).min())
    x = values.recorded[path]
    assert finding.size - finding.probed <= x.shape[1] * (2 * probes.ROWS + x.shape[0] // 8)


def test_float64_has_no_probes():
    """Nobody works a sum in float64 out more exactly than the record has it: residuals would be the judge's own rounding."""
    plan = draw(NET, "float64")
    found = certify(plan, InProcess().run(Delta, plan), means="probes")
    assert found.verdict == "certified"
    assert not any(finding.probed for finding in found.findings)


def test_it_is_said_what_was_probed():
    """A reader would take “every number is in its ball” from a report that did not look at every number."""
    some, full = (bpcompare.run(NET, ["delta"], dtype="float32", certificate=how) for how in ("probes", "full"))
    claims, numbers = some.probed
    assert claims == len(PROBED)
    assert numbers > 0
    assert f"{claims} products of {numbers:,} numbers along random vectors" in " ".join(text(some).split())
    assert some.summary()["probed"] == {"claims": claims, "numbers": numbers}
    assert full.summary()["probed"] == {"claims": 0, "numbers": 0}
    assert "random vectors" not in text(full)
