import importlib
import json
import subprocess
import sys

import pytest

from bpcompare import __version__
from bpcompare.laws import LAWS
from bpcompare.mistakes import MISTAKES
from bpcompare.ops import OPS
from bpcompare.text.plain import in_ascii

HEAVY = {"numpy", "scipy", "torch", "jax", "pydantic", "safetensors", "optax", "bpcompare_delta"}


@pytest.mark.parametrize("words", [["--help"], ["--version"], []])
def test_help_imports_nothing_heavy(words):
    """`bpcompare --help` would take seconds, and fail where a framework is broken."""
    code = f"import sys; from bpcompare.cli import main; main({words!r}); print('\\n', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    modules = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert not HEAVY & modules


def test_version(said):
    """Bug reports would name another version."""
    assert said("--version").out.strip() == __version__


def test_help_of_a_verb(said):
    """The options would be undocumented."""
    shown = said("run", "--help").out
    for option in ("--backend", "-b", "--dtype", "--steps", "--exact", "--oracle", "--seed", "--json", "--save", "-q", "-v"):
        assert option in shown


@pytest.mark.sampled(4)
@pytest.mark.parametrize("code", ["BP002", *MISTAKES])
def test_every_code_has_a_page(said, code):
    """A report would send its reader to a page that does not exist."""
    answer = said("explain", code)
    assert answer.code == 0
    assert answer.out.startswith(f"{code}  ")
    if code in MISTAKES:
        assert MISTAKES[code].wrong in answer.out
        assert MISTAKES[code].right in answer.out


def test_explain_lists_all_codes(said):
    """A mistake would have a page that nobody can find."""
    shown = said("explain").out
    assert all(code in shown for code in MISTAKES)
    assert said("explain", "bp204").out == said("explain", "BP204").out


@pytest.mark.parametrize("name", ["dense", "batch_norm", "relu", "softmax_cross_entropy", "adamw"])
def test_an_op_has_a_page(said, name):
    """A spec's author would have to read the source."""
    shown = said("ops", name).out
    assert all(equation in shown for equation in OPS[name].equations)
    assert all(kink in shown for kink in OPS[name].kinks)
    assert "delta: yes" in shown


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_an_ops_page_says_what_is_granted(said, op):
    """Nobody could find out how wide the ball of an op is that the documents do not list."""
    shown = said("ops", op.name).out
    law = LAWS.ops.get(op) or LAWS.updates[op]
    assert ("a formula in another form is granted: 8 u" in shown) is law.rearranged
    assert ("no other formula is granted" in shown) is not law.rearranged


@pytest.mark.parametrize("name", ["gelu_erf", "layer_norm", "l2", "adam", "huber"])
def test_an_ops_page_says_where_its_law_is(said, name):
    """A newcomer who looks for a derivative would search twelve files that have the word."""
    op, lines = OPS[name], said("ops", name).out.split()
    assert op.__module__ in lines
    (law,) = (word for word in lines if word.startswith("bpcompare.laws."))
    table = importlib.import_module(law).TABLE
    assert op in table


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("gelu", '"gelu_erf" or "gelu_tanh"'),
        ("reluu", '"relu"'),
        ("norm", '"batch_norm"'),
        ("pool2d", '"max_pool2d" or'),
        ("soft", ""),
    ],
)
def test_a_part_of_a_name_is_understood(said, word, meant):
    """Who asks for gelu would be asked whether elu was meant."""
    answer = said("ops", word)
    assert answer.code == 2
    assert meant in answer.err


def test_ops_are_listed(said):
    """An op would exist that nobody can find."""
    shown = said("ops").out
    assert all(f"\n{name} " in shown for name in OPS)


def test_backends_are_listed(said):
    """Nobody could tell why a backend does not run."""
    answer = said("backends")
    assert answer.code == 0
    assert answer.out.startswith("delta ")
    assert "ready" in answer.out


def test_schema_is_json(said):
    """Editors could not load the schema."""
    schema = json.loads(said("schema").out)
    assert schema["$schema"].startswith("https://json-schema.org/")


def test_every_formula_has_an_ascii_reading():
    """On an old console a formula would be a row of escapes."""
    texts = [text for one in MISTAKES.values() for text in (one.title, one.wrong, one.right, one.page)]
    texts += [text for op in OPS.values() for text in (op.__doc__, *op.equations, *op.kinks)]
    for text in texts:
        assert in_ascii(text).isascii()
        assert "\\u" not in in_ascii(text)
        assert "\\x" not in in_ascii(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("Δ_j = ½ Σ_k η", "delta_j = 1/2 Sum_k eta"), ("m̂/(1 − β₁ᵗ⁻¹)", "m_hat/(1 - beta1^t-1)"), ("naïve 層", "naive \\u5c64")],
)
def test_ascii_readings(text, plain):
    """A formula in ASCII would say something else."""
    assert in_ascii(text) == plain
