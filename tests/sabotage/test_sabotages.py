"""Who tests the tests of the judge? Each planted fault must be noticed by a test that is about it."""

import ast

import pytest

from sabotages import ROOT, Copy, sabotages

LISTED = sabotages()
PARTS = 12
"""In so many parts the tests run without a sabotage: workers share them, and none takes long."""


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
@pytest.mark.parametrize("part", range(PARTS))
def test_the_tests_pass_without_a_sabotage(part, copy):
    """A test that fails anyway notices nothing."""
    tests = sorted({test for sabotage in LISTED for test in sabotage.noticed_by})
    first, last = (len(tests) * number // PARTS for number in (part, part + 1))
    code, said = copy.run(*tests[first:last])
    assert code == 0, said[-3000:]
