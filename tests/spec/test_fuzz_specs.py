"""Ten thousand malformed specs: each is refused with a SpecError, or is a network without problems."""

import json
import random
import re
import tomllib

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from bpcompare.network import SpecError
from bpcompare.spec import parse, read
from bpcompare.spec.document import ALL
from bpcompare.spec.entries import ROLES
from places import EXAMPLES

TEXTS = {path.stem: path.read_text("utf-8") for path in sorted(EXAMPLES.glob("*.toml"))}
# The digits are read once for each spec that names them; fewer of them make the same mistakes sooner.
SMALL = "data/few.csv"
KEYS = sorted(
    {*re.findall(r"^\s*\[?([\w.]+)", "\n".join(TEXTS.values()), re.MULTILINE), "keys", "header", "one_hot", "value", "key"}
)
WORDS = sorted(
    {
        *ALL.layers,
        *ALL.updates,
        *(role for roles in ROLES.values() for role in roles),
        *KEYS,
        "nan",
        "inf",
        "true",
        "x",
        "o",
        "h",
    }
)
ODD = (
    '""', '"\\u0000"', '"a b"', '"x"', "''", "'''", '"', "[]", "[[]]", "[1, [2]]", "[[1], [2]]", "[nan]", "[true]", "{}",
    "{ a = 1 }", "{ op = 3 }", '{ op = "relu" }', '[{ op = "relu" }]', '["x", "x"]', '["x", 1]', '["o"]', "0", "-1", "1", "3",
    "64", "1e308", "-1e308", "5e-324", "nan", "-inf", "1e999", "9223372036854775807", "9223372036854775808", "1_000_000_000_000",
    "0x" + "f" * 3000, "0x" + "f" * 5000, "9" * 500, "-0.0", "true", "1979-05-27", "07:32:00", "[0, 64]", "[64, 0]", "[-1, 65]",
    "[0, 99999]", '["E"]', '"E"', '"h.weight"', '"*"', '"[a-"', "[" * 300, "{ kind = 1 }", '{ kind = "normal" }',
    '"data/few.csv"', '"../../../etc/passwd"', '"."', '"few.npz"', "#", "\t", "\x00", "\ud7ff", "é",
)  # fmt: skip
TOKEN = re.compile(r'"[^"\n]*"|[\w.+-]+|[^\s\w]')


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("specs")
    (folder / "data").mkdir()
    rows = (",".join(str((i * j) % 17) for j in range(64)) + f",{i % 10}\n" for i in range(40))
    (folder / SMALL).write_text("".join(rows))
    return folder


def lines_changed(text, draw):
    """Some lines of `text` deleted, doubled, swapped or cut."""
    lines = text.split("\n")
    for _ in range(draw.randint(1, 3)):
        at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
        match draw.randrange(4):
            case 0:
                lines[at] = ""
            case 1:
                lines.insert(other, lines[at])
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines[at] = lines[at][: draw.randrange(len(lines[at]) + 1)]
    return "\n".join(lines)


def tokens_replaced(text, draw):
    """Some words or signs of `text` replaced by others, of the text or odd ones."""
    for _ in range(draw.randint(1, 3)):
        found = list(TOKEN.finditer(text))
        token = draw.choice(found)
        new = draw.choice((draw.choice(found).group(), draw.choice(WORDS), draw.choice(ODD)))
        text = text[: token.start()] + new + text[token.end() :]
    return text


def values_replaced(text, draw):
    """Odd values under keys that exist."""
    lines = text.split("\n")
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(lines))
        key = lines[at].partition(" = ")[0] if " = " in lines[at] else draw.choice(KEYS)
        line = f"{key} = {draw.choice(ODD)}"
        lines[at : at + (" = " in lines[at])] = [line]
    return "\n".join(lines)


def bytes_changed(text, draw):
    """Bytes of `text` replaced, removed, added."""
    data = bytearray(text.encode())
    for _ in range(draw.randint(1, 8)):
        at = draw.randrange(len(data))
        data[at : at + draw.randint(0, 3)] = draw.randbytes(draw.randint(0, 3))
    return data.decode("utf-8", "replace")


CHANGES = (lines_changed, tokens_replaced, values_replaced, bytes_changed)


def judged(reader):
    """Nothing but a SpecError that shows something, or a sound network."""
    try:
        network = reader()
    except SpecError as error:
        refusal = error
    else:
        assert network.problems() == ()
        return True
    text = str(refusal)
    assert text.startswith("BP002")
    assert refusal.problems
    assert all(char.isprintable() or char == "\n" for char in text)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_mutated_examples(base, count):
    """If this fails, some slip of the hand in a spec ends in a traceback, or makes a network that cannot run."""
    accepted = []

    @settings(max_examples=count)
    @given(st.integers(0, 2**32))
    def check(seed):
        draw = random.Random(seed)
        text = TEXTS[draw.choice(list(TEXTS))].replace("data/digits.csv.gz", SMALL)
        for _ in range(draw.choice((1, 1, 1, 2))):
            text = draw.choice(CHANGES)(text, draw)
        note(text)
        accepted.append(judged(lambda: parse(text, base=base)))

    check()
    assert len(accepted) >= count
    assert 0.02 < sum(accepted) / len(accepted) < 0.6  # neither nonsense throughout nor hardly a mistake


def mutilated(value, draw):
    """A JSON value with one part, at any depth, replaced, removed or doubled."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        key = draw.choice(list(value))
        match draw.randrange(12):
            case 0:
                return {k: v for k, v in value.items() if k != key}
            case 1:
                return {**value, draw.choice(WORDS): value[key]}
            case _:
                return {**value, key: mutilated(value[key], draw)}
    if isinstance(value, list) and value and draw.random() < 0.8:
        at = draw.randrange(len(value))
        return [*value[:at], mutilated(value[at], draw), *value[at + 1 :]]
    return draw.choice(
        (
            None,
            True,
            0,
            -1,
            3,
            2.5,
            1e308,
            10**30,
            "",
            "x",
            "\0",
            "\ud800",
            [],
            [[]],
            {},
            {"op": "relu"},
            [0, 64],
            ["x"],
            [1, None],
        )
    )


DOCUMENTS = [tomllib.loads(text.replace("data/digits.csv.gz", SMALL)) for text in TEXTS.values()]


@pytest.mark.slow
@settings(max_examples=2_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_mutilated_json(base, seed):
    """If this fails, a program that writes specs gets a traceback for its mistakes, or a network that cannot run."""
    draw = random.Random(seed)
    text = json.dumps(mutilated(draw.choice(DOCUMENTS), draw))
    note(text)
    judged(lambda: parse(text, base=base, json=True))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(), inner, max_size=4)
)
SECTIONS = st.sampled_from(
    ("inputs", "layers", "error", "update", "data", "run", "parameters", "freeze", "init", "name", "$schema")
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.dictionaries(SECTIONS, VALUES | st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=4)))
def test_any_json(document):
    """If this fails, a value of a kind nobody thought of ends in a traceback."""
    judged(lambda: parse(json.dumps(document), json=True))


@settings(max_examples=500)
@given(st.text() | st.lists(st.sampled_from((*WORDS, *ODD, *"[]{}=.,#\n\"'")), max_size=60).map(" ".join))
def test_any_text(text):
    """If this fails, text that is no spec at all ends in a traceback."""
    judged(lambda: parse(text))
    judged(lambda: parse(text, json=True))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from(("s.toml", "s.json", "s.toml.gz", "s")))
def test_any_bytes(base, data, name):
    """If this fails, a file of random bytes ends in a traceback."""
    (base / name).write_bytes(data)
    judged(lambda: read(base / name))
