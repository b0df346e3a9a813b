"""What a page says of a wrong number: whose it is, what is right, who is to blame, and which line made it."""

import re

import numpy as np
import pytest

import bpcompare
from bpcompare.ops import OPS, Identity, Relu, Sgd
from bpcompare.page import Wishes, page
from bpcompare.page.notation import NOTATIONS
from bpcompare.page.source import Snippet, SourceLines
from bpcompare.page.wording import restated
from bpcompare_delta import Delta
from students import mlp, spoiled

STEP = re.compile(r'<details class="step wrong".*?</details>', re.DOTALL)


class Student(Delta):
    """Forgets g' at one layer."""

    name = "student"

    def backward(self, plan, batch, parameters, state, net_in, a):
        delta = dict(super().backward(plan, batch, parameters, state, net_in, a))
        through = delta["l1"] @ parameters["l1.weight"].T
        delta["l0"] = through
        return delta


@pytest.fixture(scope="module")
def wrong():
    comparison = bpcompare.run(mlp([3, 4, 2]), ["delta", Student])
    return comparison, page(comparison, Wishes(backends={"delta": Delta, "student": Student}))


def test_the_heading_has_the_wrong_number_and_the_right_one_beside_it(wrong):
    """The right number stood where it said WRONG: whoever read the heading alone believed the wrong backend had it."""
    comparison, text = wrong
    steps = STEP.findall(text)
    assert steps
    for step in steps:
        heading = re.search(r"<summary>.*?</summary>", step, re.DOTALL).group()
        path, index = re.search(r'<code class="path">([\w.]+)\[([\d,]+)\]', step).groups()
        at = tuple(map(int, index.split(",")))
        recorded = comparison.records["student"].steps[0].delta[path.removesuffix(".delta")][at]
        before, _, after = heading.partition("✗ WRONG")
        assert float(_numbers(before)[-1]) == pytest.approx(recorded, rel=1e-6)
        assert "student" in after
        right = float(re.search(r"right: ([^<]+)<", after).group(1).replace("−", "-"))
        assert right != pytest.approx(recorded, rel=1e-6)


def test_two_numbers_that_differ_late_do_not_look_alike():
    """Seven digits of a number that is off in the tenth would show a right number as WRONG."""

    def change(step):
        step.delta["l0"] *= 1 + 1e-10

    text = page(bpcompare.run(mlp([3, 4, 2]), ["delta", spoiled(Delta, change)]))
    for step in STEP.findall(text):
        heading = re.search(r"<summary>.*?</summary>", step, re.DOTALL).group()
        shown, right = re.findall(r"(?:=|right:) (\S+)</span>", heading)
        assert shown != right


def test_blame_names_one_culprit_and_then_the_ground(wrong):
    """Culprit and witnesses in one list, "Blame: student, the law and torch agree …", read like three culprits."""
    _, text = wrong
    said = re.search(r'<div class="blame".*?</div>', text, re.DOTALL).group()
    assert re.search(r"Blame: <strong><bdi>student</bdi></strong>\. Ground: ", said)


def test_the_line_that_made_the_number_is_marked(wrong):
    """The reader would search a whole method for the one line."""
    _, text = wrong
    marked = re.findall(r'<mark class="guilty">(.*?)</mark>', text)
    assert [line.strip() for line in marked] == ["delta[&#34;l0&#34;] = through"]
    assert "makes the wrong number" in text
    (step, *_) = STEP.findall(text)
    number, lines = re.search(r'data-guilty="(\d+):([\d,]+)"', step).groups()
    snippet = re.search(rf'id="code-{number}".*?</details>', text, re.DOTALL).group()
    assert "<bdi>student</bdi> backward" in snippet
    assert "through</mark>" in snippet.split("<pre", 1)[1].split("\n")[int(lines)]


def test_the_code_shown_is_the_code_that_ran():
    """A subclass that writes a method anew was shown with the code of the laws, which it does not use."""
    comparison = bpcompare.run(mlp([3, 4, 2]), ["delta", Student])
    from bpcompare.proof.question import question

    sources = SourceLines({"student": Student, "delta": Delta})
    by_path = question(comparison.plan).by_path
    assert next(sources.snippets[at].what for at in sources.of("student", by_path["l0.delta"])) == "backward"
    assert [sources.snippets[at].what for at in sources.of("student", by_path["l0.in"])] == ["dense"]
    assert "backward" not in [sources.snippets[at].what for at in sources.of("delta", by_path["l0.delta"])]
    assert sources.guilty("delta", by_path["l0.in"])


def test_lines_are_found_in_any_code():
    """Half a lambda, or code that was cut off, would end the page with a traceback."""
    assert Snippet("b", "w", "p", "Relu: lambda x: x,").makes("h") == ()
    assert Snippet("b", "w", "p", "def f(x):\n    y = x\n    return y + 1").makes("h") == (2,)
    assert Snippet("b", "w", "p", "def f(x):\n    x['k'] = 1\n    x['h'] = 2\n    return x").makes("h") == (2,)
    assert Snippet("b", "w", "p", "def f(x):\n    x[n] = (\n        1\n    )\n    return x").makes("h") == (1, 2, 3)


@pytest.mark.parametrize("name", [name for name in NOTATIONS if name != "article"])
@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_no_rule_keeps_a_symbol_of_another_notation(op, name):
    """A class that writes δ and z would read Δ and in in every rule."""
    notation = NOTATIONS[name]
    for equation in op.equations:
        said = restated(equation, notation)
        assert "Δ" not in said
        if notation.net_in != "in":
            assert not re.search(r"(?<![A-Za-z])in[_\[)]", said)
        if notation.error != "E":
            assert not re.search(r"∂E|^E =", said)
        if notation.positive:
            assert "−∂" not in said
    assert [restated(equation, NOTATIONS["article"]) for equation in op.equations] == list(op.equations)


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.role == "error"], ids=lambda op: op.name)
def test_the_base_case_changes_its_sign_with_the_notation(op):
    """δ = +∂C/∂z would be said to be t − a, the negative of the number below it."""
    a, t = 0.3, 1.0
    values = {"t": t, "a": a, "z": a, "K": 4.0, "r": t - a, "softmax": np.tanh, "sigmoid": np.tanh, "σ": np.tanh}
    signs = []
    for name in ("article", "nielsen"):
        right = restated(op.equations[1], NOTATIONS[name]).partition(" = ")[2]
        right = right.replace("Σ_k t_k", "*t").replace(" limited to [−d, d]", "").replace("−", "-").replace(") (", ")*(")
        signs.append(eval(right, {"__builtins__": {}}, values))
    assert signs[0] == pytest.approx(-signs[1])
    assert signs[0] != 0


def test_the_rules_of_the_induction_in_other_words():
    """Index order, sign and symbols of the four statements would be mixed."""
    nielsen, bishop, code = (NOTATIONS[name] for name in ("nielsen", "bishop", "code"))
    inductive = "Δ_j = g'(in_j) Σ_k w_jk Δ_k  with g'(x) = 1 − tanh² x"
    assert restated(inductive, nielsen) == "δ_j = σ'(z_j) Σ_k w_kj δ_k  with σ'(x) = 1 − tanh² x"
    assert restated(inductive, bishop) == "δ_j = h'(a_j) Σ_k w_kj δ_k  with h'(x) = 1 − tanh² x"
    assert restated(inductive, code) == "delta_j = g'(in_j) Σ_k w_jk delta_k  with g'(x) = 1 − tanh² x"
    assert restated("Δ_k = g'(in_k) (t_k − a_k)", nielsen) == "δ_k = σ'(z_k) (a_k − t_k)"
    assert restated("−∂E/∂w_ij = a_i Δ_j", nielsen) == "∂C/∂w_ji = a_i δ_j"
    assert restated("−∂E/∂w_ij = a_i Δ_j", bishop) == "∂E/∂w_ji = z_i δ_j"
    update = "w ← w − η ∂E/∂w,  the textbook's w_ij ← w_ij + η a_i Δ_j"
    assert restated(update, nielsen) == "w ← w − η ∂C/∂w,  the textbook's w_ji ← w_ji − η a_i δ_j"
    assert restated("a frozen parameter stays as it is", bishop) == "a frozen parameter stays as it is"
    assert restated("each member of a window receives Δ / |window|", bishop) == "each member of a window receives δ / |window|"


def _numbers(text):
    return re.findall(r"[=←] (\S+?)</span>", text.replace("−", "-"))


@pytest.mark.slow
def test_an_exact_run_says_what_its_numbers_show():
    """The sentence "a mistake of 0 would have shown" says nothing, and bits that agree say nothing of the format."""
    network = mlp([8, 16, 4], Relu(), update=Sgd(0.25))
    twin = spoiled(Delta, lambda step: None)
    text = page(bpcompare.run(network, ["delta", twin], exact=True))
    assert "no order of summation can round" in text
    assert "float32 has 24: it would have shown in every step" in text
    chain = mlp([1, 1, 1, 1], Identity(), update=Sgd(0.25), examples=2)
    text = page(bpcompare.run(chain, ["delta", twin], exact=True, dtype="float32"))
    assert "so nothing is called identical" in text
