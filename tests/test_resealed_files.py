"""Files whose content somebody changed, with checksums that are right: refused in a sentence, or judged for what they hold."""

import base64
import json
import struct
import traceback
import zlib
from itertools import islice

import numpy as np
import pytest
from safetensors.numpy import load as load_tensors

import bpcompare
from bpcompare.plan import storage, written
from bpcompare.plan.draw import sealed
from bpcompare.plan.storage import FORMAT, StorageError, pack
from bpcompare.report import text
from bpcompare.session import judge
from bpcompare.session.archive import comparison_from
from bpcompare.session.reproduction import KIND as TOKEN
from bpcompare.session.reproduction import MARK, ended, from_token, reproduction, token
from bpcompare.tools.golden import text as golden_text
from bpcompare.tools.golden import update
from bpcompare.tools.golden.golden import golden_of, parts
from bpcompare.verdict.saving import comparison_bytes
from places import EXAMPLES

LONGEST = 1_500
"""Characters of a refusal."""
WRONG = (
    None, True, False, -1, 0, 1, 2, 3.5, -1e300, 1e308, 2**70, -(2**63), "", "x", "h", "sgd", "float16", "\x1b[31m\nred\x00",
    "ä" * 3000, "step1/net_in/h", "parameters/h.weight",
    [], {}, [None], [[]], [1, 2, 3], ["x"], {"x": 1}, {"op": "dense"}, {"array": "x"}, {"float": "nan"},
)  # fmt: skip


def content_of(data):
    """The manifest and arrays of a file."""
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(json.loads(data[8 : 8 + length])["__metadata__"][FORMAT]), load_tensors(data)


def places(tree, path=()):
    """Every place in a tree of JSON."""
    yield path
    for key, entry in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from places(entry, (*path, key))


def changed(tree, path, value):
    """A copy with another value at a place; `...` takes the entry out."""
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    if len(path) == 1 and value is ...:
        del copy[path[0]]
    else:
        copy[path[0]] = changed(tree[path[0]], path[1:], value)
    return copy


def variants(content):
    """Every place of `content` with every wrong value, taken out, or with something added."""
    for path in places(content):
        here = content
        for key in path:
            here = here[key]
        for value in WRONG if path else WRONG[:3]:
            if type(value) is not type(here) or value != here:
                yield path, changed(content, path, value)
        if path:
            yield path, changed(content, path, ...)
        if isinstance(here, dict):
            yield (*path, "added"), changed(content, path, {**here, "added": 1})
        if isinstance(here, list) and here:
            yield (*path, "twice"), changed(content, path, [*here, here[0]])


def resealed_plan(content, arrays, monkeypatch):
    """The digest of the plan that this content would be, if it is one."""
    with monkeypatch.context() as patch:
        patch.setattr(storage, "sealed", lambda plan: plan)
        try:
            return written.digest(sealed(storage.plan_of(content, arrays)))
        except (StorageError, ValueError, TypeError):
            return None


@pytest.fixture(scope="module")
def run():
    """A saved run in which one backend is wrong."""
    comparison = bpcompare.run(bpcompare.load(EXAMPLES / "mazur.toml"), ["delta", "delta!BP204"])
    assert comparison.verdict == "wrong"
    return comparison_bytes(comparison)


def forged(run, inner, content, monkeypatch):
    """The run with other content in the part `inner` ("" for the whole), every checksum and digest right again."""
    manifest, arrays = content_of(run)
    if not inner:
        return pack("comparison", content, arrays)
    kind = "plan" if inner == "plan" else "record"
    _, own = content_of(arrays[inner].tobytes())
    if kind == "plan" and isinstance(content, dict) and (digest := resealed_plan(content, own, monkeypatch)):
        content = {**content, "digest": digest}
        for name in ("records/delta", "records/delta!BP204"):
            record, theirs = content_of(arrays[name].tobytes())
            record["content"]["plan_digest"] = digest
            arrays[name] = np.frombuffer(pack("record", record["content"], theirs), np.uint8)
    arrays[inner] = np.frombuffer(pack(kind, content, own), np.uint8)
    return pack("comparison", manifest["content"], arrays)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("inner", "every"),
    [("", 1), ("plan", 7), ("records/delta!BP204", 7)]
    + [pytest.param(inner, 1, marks=pytest.mark.slow) for inner in ("plan", "records/delta!BP204")],
)
def test_a_changed_run_is_refused_or_judged_anew(run, inner, every, monkeypatch):
    """Whoever can compute a checksum could have a verdict printed that nobody reached, or stop the reader with a traceback."""
    manifest, arrays = content_of(run)
    content = content_of(arrays[inner].tobytes())[0]["content"] if inner else manifest["content"]
    refused, judged, odd = 0, 0, []
    for path, other in islice(variants(content), None, None, every):
        try:
            data = forged(run, inner, other, monkeypatch)
        except (StorageError, ValueError):
            continue  # no file can hold it
        said = outcome(data)
        refused += said == "refused"
        judged += said in ("wrong", "not_run")
        odd += [(path, said)] if said not in ("refused", "wrong", "not_run") else []
    assert not odd, f"{len(odd)}: {odd[:20]}"
    assert refused > 50
    assert judged


def outcome(data):
    """What came of reading a file and of showing what it holds."""
    try:
        comparison = comparison_from(data)
    except StorageError as error:
        return "refused" if 10 < len(str(error)) < LONGEST and str(error).isprintable() else f"message {str(error)[:200]!r}"
    except Exception as error:  # noqa: BLE001 — whatever is raised is what the test is about
        return f"{type(error).__name__} {str(error)[:100]} {traceback.extract_tb(error.__traceback__)[-1]}"
    try:
        assert json.loads(comparison.to_json())["exit_code"] == comparison.exit_code
        assert "\x1b" not in text(comparison, verbose=True)
    except Exception as error:  # noqa: BLE001 — whatever is raised is what the test is about
        return f"shown: {type(error).__name__} {str(error)[:100]} {traceback.extract_tb(error.__traceback__)[-1]}"
    return comparison.verdict


@pytest.mark.slow
def test_a_changed_golden_is_refused_or_checked(tmp_path, monkeypatch):
    """A golden in somebody's pull request would stop the build with a traceback instead of a sentence."""
    golden = update(EXAMPLES / "mazur.toml", "delta").golden
    content, arrays = parts(golden)
    inner = {key.removeprefix("plan/"): x for key, x in arrays.items() if key.startswith("plan/")}
    refused, odd = 0, []
    for path, other in variants(json.loads(json.dumps(content))):
        plan = other.get("plan") if isinstance(other, dict) else None
        if path[:1] == ("plan",) and isinstance(plan, dict) and (digest := resealed_plan(plan, inner, monkeypatch)):
            plan["digest"] = digest
            other["record"] = {**other["record"], "plan_digest": digest}
        try:
            data = golden_text.dumps(other, arrays)
        except (StorageError, ValueError):
            continue
        try:
            found = golden_of(*golden_text.loads(data))
            judge(found.spec, found.plan, {found.backend: found.record})
        except StorageError as error:
            refused += 1
            odd += [(path, str(error))] if not str(error).isprintable() or len(str(error)) > LONGEST else []
        except Exception as error:  # noqa: BLE001 — whatever is raised is what the test is about
            odd.append((path, repr(error)[:200]))
    assert not odd, f"{len(odd)}: {odd[:20]}"
    assert refused > 1_000


@pytest.mark.slow
def test_a_changed_token_is_refused_or_understood(monkeypatch):
    """A pasted token would end in a traceback, or put escapes on the reader's terminal."""
    whole = reproduction(bpcompare.run(bpcompare.load(EXAMPLES / "mazur.toml"), ["delta", "delta!BP204"]))
    pasted = base64.urlsafe_b64decode(token(whole)[len(MARK) :])
    manifest, arrays = content_of(zlib.decompress(pasted))
    again = whole.run()
    refused, odd = 0, []
    for path, other in variants(manifest["content"]):
        plan = other.get("plan") if isinstance(other, dict) else None
        if isinstance(plan, dict) and (digest := resealed_plan(plan, arrays, monkeypatch)):
            plan["digest"] = digest
        try:
            text_of = MARK + base64.urlsafe_b64encode(zlib.compress(pack(TOKEN, other, arrays), 1)).decode()
        except (StorageError, ValueError):
            continue
        try:
            it = from_token(text_of)
            assert it.spec.isprintable()
            assert ended(it, again).isprintable()
        except StorageError as error:
            refused += 1
            odd += [(path, str(error))] if not str(error).isprintable() or len(str(error)) > LONGEST else []
        except Exception as error:  # noqa: BLE001 — whatever is raised is what the test is about
            odd.append((path, repr(error)[:200]))
    assert not odd, f"{len(odd)}: {odd[:20]}"
    assert refused > 1_000
