"""Who tests the tests of the judge? Each planted fault must be noticed by a test that is about it."""

import ast

import pytest

from sabotages import ROOT, copied, run_against, sabotages

LISTED = sabotages()


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
def test_it_is_noticed(sabotage, tmp_path):
    """A line of the judge that can be broken without a failing test about it will be broken one day."""
    folder = copied(tmp_path)
    file = folder / sabotage.file
    file.write_text(sabotage.applied(file.read_text(encoding="utf-8")), encoding="utf-8")
    for test in sabotage.noticed_by:
        done = run_against(folder, (test,))
        assert done.returncode == 1, f"{test} did not notice: {sabotage.lets_pass}\n{done.stdout[-2000:]}{done.stderr[-500:]}"
        assert str(folder) in done.stdout or "failed" in done.stdout


@pytest.mark.slow
def test_the_tests_pass_without_a_sabotage(tmp_path):
    """A test that fails anyway notices nothing."""
    tests = sorted({test for sabotage in LISTED for test in sabotage.noticed_by})
    done = run_against(copied(tmp_path), tuple(tests))
    assert done.returncode == 0, done.stdout[-3000:]
