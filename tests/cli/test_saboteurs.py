from pathlib import Path

import pytest

import bpcompare
from bpcompare.engine.registry import Ready, UnknownBackendError, resolve
from bpcompare.mistakes import MISTAKES

NETWORK = bpcompare.load(Path(__file__).parents[2] / "examples" / "mazur.toml")
HONEST = bpcompare.run(NETWORK, ["delta"])
APPLICABLE = [code for code, mistake in MISTAKES.items() if mistake.applies(NETWORK) and code not in (HONEST.unseen or ())]


@pytest.mark.parametrize("code", APPLICABLE)
def test_a_planted_mistake_is_caught_by_its_code(code):
    """A wrong formula would pass, or be taken for another one."""
    comparison = bpcompare.run(NETWORK, ["delta", f"delta!{code}"])
    assert comparison.verdict == "wrong"
    assert comparison.first.backend == f"delta!{code}"
    assert comparison.first.code == code


def test_enough_mistakes_apply():
    """The test above would test nothing."""
    assert len(APPLICABLE) >= 10


def test_a_mistake_that_cannot_be_made_does_not_run():
    """A saboteur would be certified, and its mistake be thought invisible."""
    comparison = bpcompare.run(NETWORK, ["delta", "delta!BP305"])
    assert comparison.verdict == "not_run"
    assert "cannot be made in mazur" in comparison.certificates["delta!BP305"].failure


def test_names():
    """A saboteur would be found under another name than it was asked for, or a typing error be ignored."""
    status = resolve("delta!bp204")
    assert isinstance(status, Ready)
    assert status.name == "delta!BP204"
    assert resolve("delta").backend.name == "delta"
    with pytest.raises(UnknownBackendError, match="did you mean delta!BP204"):
        resolve("delta!BP2004")
    with pytest.raises(UnknownBackendError, match="only delta"):
        resolve("torch!BP204")
