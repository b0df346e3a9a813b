"""The proof on symbols: true laws are shown, wrong ones refuted at the statement they break."""

import importlib
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest

import bpcompare
from bpcompare import ops
from bpcompare.cli import main
from bpcompare.laws import LAWS
from bpcompare.mistakes import MISTAKES
from mistaken_networks import ADAGRAD, CLASSES, GRAVES, HALF, NETWORKS, RMSPROP, SGD, mlp, network, penalized

pytest.importorskip("sympy")
from bpcompare.teach.symbolic import MissingSympyError, TooLargeError, proof_text, prove
from bpcompare.teach.symbolic.budget import OutOfTime

SMALL = ("mazur", "xor", "aima", "three-by-three", "skip")
BY_NAME = {one.name: one for one in NETWORKS}


def conv(pool):
    """Convolution and pooling, as small as they can be."""
    layers = [
        ("c1", ops.Conv2d(1, (2, 2), padding=(1, 0)), ["x"], ops.Tanh()),
        ("c2", ops.Conv2d(1, (2, 1)), ["c1"], ops.Identity()),
        ("p", pool, ["c2"], ops.Identity()),
        ("f", ops.Flatten(), ["p"], ops.Identity()),
        ("o", ops.Dense(2), ["f"], ops.Identity()),
    ]
    return network("conv", layers, {"x": (1, 3, 3)}, CLASSES, SGD, examples=2)


def norm(op, examples):
    """A normalization between two layers."""
    layers = [
        ("h", ops.Dense(2), ["x"], ops.Identity()),
        ("n", op, ["h"], ops.Relu()),
        ("o", ops.Dense(2), ["n"], ops.Identity()),
    ]
    return network("norm", layers, {"x": (2,)}, HALF, SGD, examples=examples)


def drop():
    """Embedding, a shared parameter, dropout, a softmax in the middle."""
    layers = [
        ("e", ops.Embedding(3, 2), ["i"], ops.Identity()),
        ("f", ops.Flatten(), ["e"], ops.Identity()),
        ("h1", ops.Dense(2), ["f"], ops.Tanh(), {"bias": "b"}),
        ("h2", ops.Dense(2), ["h1"], ops.Softmax(), {"bias": "b"}),
        ("d", ops.Dropout(0.3), ["h2"], ops.Identity()),
        ("o", ops.Dense(2), ["d"], ops.Identity()),
    ]
    return network("drop", layers, {"i": (2,)}, HALF, SGD, examples=2, integers=("i",))


OTHERS = {
    "max_pool": lambda: conv(ops.MaxPool2d((2, 2), (1, 1))),
    "avg_pool": lambda: conv(ops.AvgPool2d((2, 2), (1, 1))),
    "layer_norm": lambda: norm(ops.LayerNorm(1e-3), 2),
    "batch_norm": lambda: norm(ops.BatchNorm(1e-3, 0.1, "unbiased"), 3),
    "drop": drop,
    **{name: lambda name=name: BY_NAME[name] for name in ("tanh", "elu-soft", "leaky", "gelu_erf", "skip-elu-adam", "softplus")},
}


@pytest.mark.slow
def test_the_shipped_examples_are_proved():
    """A law of ours that is not the gradient, or a proof that a lesson cannot wait for: then it ends open, not shown."""
    for name in SMALL:
        it = prove(bpcompare.load(name))
        assert it.outcome == "shown", (name, it.first)
        statements = {line.statement for line in it.lines}
        assert statements == {"base", "inductive", "gradient", "update"}


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in ("leaky", "skip-elu-adam", "gelu_erf"))) for name in sorted(OTHERS)],
)
def test_every_kind_of_layer_is_proved(name):
    """Convolution, pooling, normalization, embedding, dropout, softmax: the laws of all of them rest on hand-made derivatives."""
    assert prove(OTHERS[name]()).outcome == "shown"


BEYOND = {
    **dict.fromkeys(("BP224", "BP308", "BP309", "BP422"), "reads from the step before"),
    **dict.fromkeys(("BP506", "BP507"), "running statistics"),
    **dict.fromkeys(("BP416", "BP510"), "no symbolic form"),
    "BP421": "special numbers",
}
"""What is no formula for one step of the proof."""


@pytest.mark.parametrize("code", [pytest.param(code, marks=[pytest.mark.slow] * (code == "BP416")) for code in BEYOND])
def test_a_mistake_that_a_proof_cannot_see_is_refused(code):
    """“Shown”, with a mistake planted, would be a lie."""
    rows = [("e", ops.Embedding(3, 2), ["i"], ops.Identity()), ("f", ops.Flatten(), ["e"], ops.Identity())]
    rows.append(("o", ops.Dense(1), ["f"], ops.Identity()))
    net = network("rows", rows, {"i": (1,)}, HALF, ops.Sgd(0.1, 0.9), examples=2, integers=("i",))
    if code != "BP421":
        net = next(one for one in NETWORKS if MISTAKES[code].applies(one) and (code != "BP510" or len(one.layers) < 4))
    with pytest.raises(TooLargeError, match=BEYOND[code]):
        prove(net, mistake=code)


@pytest.mark.slow
@pytest.mark.parametrize("code", sorted(MISTAKES.keys() - BEYOND))
def test_every_mistake_breaks_a_statement_where_it_was_made(code):
    """A proof that no wrong formula can break proves nothing."""
    mistake = MISTAKES[code]
    choice = [*(bpcompare.load(name) for name in SMALL), *(make() for make in OTHERS.values()), *_more()]
    it = net = None
    for net in choice:
        if mistake.applies(net):
            with suppress(TooLargeError):  # it breaks nothing in this net, such as a bias left out where biases are frozen
                it = prove(net, mistake=code)
                if it.outcome == "false":
                    break
    assert it is not None, f"no small network for {code}"
    assert it.outcome == "false", f"{code} in {net.name} is proved"
    places = mistake.places(net, LAWS)
    allowed = {place.removesuffix(".g").removesuffix(".penalty") for place in places}
    first = it.first
    fed = {consumer for consumer, _ in net.consumers.get(first.subject, ())} if first.subject in net.layers else set()
    uses = {layer for layer, _ in net.uses.get(first.subject, ())}
    assert allowed & {first.subject, *fed, *uses} or ("error" in allowed and first.statement == "base"), (first, allowed)
    kinds = {"1": {"base"}, "3": {"gradient"}, "4": {"update", "state"}}
    assert first.statement in kinds.get(code[2], {"base", "inductive", "gradient"})


def _more():
    yield from (BY_NAME[name] for name in ("silu", "silu-nesterov", "gelu_erf-adam", "gelu_tanh", "skip-sigmoid-sgd"))
    yield penalized(mlp(ops.Tanh(), HALF, SGD, widths=(2,), name="small"), "l2", "weight")
    for number, rule in enumerate((RMSPROP, GRAVES, ADAGRAD)):
        yield mlp(ops.Tanh(), HALF, rule, name=f"small-{number}", widths=(2,), outputs=1, examples=2)


def test_it_is_printed_as_the_article_s_proof():
    """A wall of symbols, instead of base case, inductive step, gradient and update with the net's own names."""
    text = proof_text(prove(bpcompare.load("mazur")))
    rows = text.splitlines()
    assert len(rows) < 60
    assert "Δ_o1 = g'(in_o1) * [t_o1 - a_o1]   ✓" in text
    assert "Δ_h1 = g'(in_h1) * [w_h1,o1*Δ_o1 + w_h1,o2*Δ_o2]   (by the rows of o1, o2)   ✓" in text
    assert "w_h2,o1 ← w_h2,o1 - η*∂E/∂w_h2,o1   ✓" in text
    assert text.index("Base case") < text.index("Inductive step") < text.index("Gradient.") < text.index("Update.")
    assert rows[-1] == "proved  mazur  20 statements"


def test_kinks_are_named():
    """At 0 a relu has no derivative; a proof that says nothing of it claims too much."""
    text = proof_text(prove(OTHERS["layer_norm"]()))
    assert "on each side of" in text


def test_the_command(capsys):
    """Exit codes that a script can rely on, and where it breaks."""
    assert main(["prove", "aima"]) == 0
    assert "proved  aima" in capsys.readouterr().out
    assert main(["prove", "skip", "--mistake", "bp206"]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "false  skip  inductive step, at a.delta"
    assert "✗ FALSE" in out
    assert "differs at" in out
    assert main(["prove", "mazur", "--mistake", "BP213"]) == 2
    assert "cannot be made in" in capsys.readouterr().err
    assert main(["prove", "mazur", "--mistake", "BP999"]) == 2
    assert main(["prove", "digits"]) == 2
    assert "up to 800 are proved" in capsys.readouterr().err
    assert main(["prove", "nowhere.toml"]) == 2


def test_without_sympy_the_command_that_installs_it_is_told(monkeypatch, capsys):
    """A traceback for a missing extra."""
    monkeypatch.setitem(sys.modules, "sympy", None)
    with pytest.raises(MissingSympyError):
        prove(bpcompare.load("mazur"))
    assert main(["prove", "mazur"]) == 3
    assert "pip install sympy" in capsys.readouterr().err


def test_a_network_that_is_too_large_is_refused():
    """An evening of simplification."""
    with pytest.raises(TooLargeError, match="on 2 examples"):
        prove(bpcompare.load("digits"))


@pytest.mark.slow
def test_one_example_of_the_batch_is_not_enough_for_a_sum_over_examples():
    """Cut to one example, the mean over examples would be proved as their sum."""
    net = bpcompare.load("three-by-three")
    assert len(prove(replace(net)).plan.batches[0]) == 2
    assert prove(net, mistake="BP102").outcome == "false"


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seconds", [1e-9, 0.05])
def test_a_proof_ends_when_its_time_is_over(seconds, capsys):
    """Algebra of an hour, and no way to ask for less; or "proved" of what nobody looked at."""
    it = prove(bpcompare.load("three-by-three"), seconds=seconds)
    whole = prove(bpcompare.load("three-by-three"), seconds=None)
    assert it.outcome == "open"
    assert [(line.path, line.index) for line in it.lines] == [(line.path, line.index) for line in whole.lines]
    assert whole.outcome == "shown"
    assert all(line.reached for line in whole.lines)
    assert all(line.outcome == "open" for line in it.lines if not line.reached)
    text = proof_text(it)
    assert "? not reached" in text
    assert f"statements were not reached in {seconds:g} seconds and are open" in text
    assert main(["prove", "three-by-three", "--budget", "1e-9"]) == 4
    assert "not shown  three-by-three" in capsys.readouterr().out


ENDLESS = """
def endless(x):
    while True:
        with suppress(Exception):
            step(x)

def step(x):
    sum(range(1000))
"""
"""Stands for SymPy's own, and catches what is raised, as libraries do."""


def test_algebra_is_interrupted_in_the_middle(monkeypatch):
    """One simplification that does not end keeps the whole proof."""
    from bpcompare.teach.symbolic import budget, zero

    space = {"suppress": suppress}
    exec(compile(ENDLESS, f"{budget.ALGEBRA}/core/add.py", "exec"), space)
    monkeypatch.setattr(zero, "_expanded", space["endless"])
    started = time.monotonic()
    it = prove(bpcompare.load("mazur"), seconds=0.5)
    assert time.monotonic() - started < 30
    assert it.outcome == "open"
    assert not any(line.reached for line in it.lines)


def test_a_counterexample_stands_although_time_ran_out(monkeypatch):
    """A mistake that was found is forgotten because something else took too long."""
    module = importlib.import_module("bpcompare.teach.symbolic.zero")
    real, found = module.is_zero, []

    def slow_after_the_first(x, conditions):
        if found:
            raise OutOfTime
        answer = real(x, conditions)
        found.extend([answer] if answer.outcome == "false" else [])
        return answer

    monkeypatch.setattr(module, "is_zero", slow_after_the_first)
    it = prove(bpcompare.load("mazur"), mistake="BP304", seconds=1000)
    assert it.outcome == "false"
    assert it.first.numbers
    assert {line.outcome for line in it.lines} == {"shown", "false", "open"}
    assert "not reached in 1000 seconds" in proof_text(it)


def test_the_time_in_a_thread_and_without_end():
    """Timers belong to the main thread: elsewhere a proof fails, or never ends."""
    found = []
    thread = threading.Thread(target=lambda: found.append(prove(bpcompare.load("mazur"), seconds=1e-6)))
    thread.start()
    thread.join()
    assert found[0].outcome == "open"
    before = signal.getsignal(signal.SIGALRM)
    assert prove(bpcompare.load("mazur"), seconds=float("inf")).outcome == "shown"
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


@pytest.mark.parametrize("budget", ["0", "-1", "nan"])
def test_budgets_that_are_none(budget, capsys):
    """A proof of no seconds, or a traceback from the timer."""
    assert main(["prove", "mazur", "--budget", budget]) == 2
    assert "--budget must be a positive number of seconds" in capsys.readouterr().err
