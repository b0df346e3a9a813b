"""Who tests the tests of the judge? Each planted fault must be noticed by a test that is about it."""

import ast

import pytest

from sabotages import ROOT, Copy, sabotages

LISTED = sabotages()


@pytest.fixture(scope="session")
def copy(tmp_path_factory):
    made = Copy(tmp_path_factory.mktemp("sabotaged"))
    yield made
    made.close()


@pytest.mark.parametrize("sabotage", LISTED, ids=str)
def test_it_still_applies(sabotage):
    """After a change of the judge a sabotage would change nothing, and be noticed by nobody, or by a syntax error."""
    text = sabotage.applied((ROOT / sabotage.file).read_text(encoding="utf-8"))
    ast.parse(text)
    for test in sabotage.noticed_by:
        path, _, name = test.partition("::")
        assert name.rpartition("::")[2].partition("[")[0] in (ROOT / path).read_text(encoding="utf-8"), test


@pytest.mark.slow
@pytest.mark.parametrize("sabotage", LISTED, ids=str)
def test_it_is_noticed(sabotage, copy):
    """A line of the judge that can be broken without a failing test about it will be broken one day."""
    with copy.planted(sabotage):
        for test in sabotage.noticed_by:
            code, said = copy.run(test)
            assert code == 1, f"{test} did not notice: {sabotage.lets_pass}\n{said[-2500:]}"
            assert str(copy.folder) in said or "failed" in said


@pytest.mark.slow
def test_the_tests_pass_without_a_sabotage(copy):
    """A test that fails anyway notices nothing."""
    code, said = copy.run(*sorted({test for sabotage in LISTED for test in sabotage.noticed_by}))
    assert code == 0, said[-3000:]
