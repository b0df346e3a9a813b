"""Two real versions of JAX, each in an environment of its own. They are fetched from the package index, once."""

from pathlib import Path

import pytest

import bpcompare
from bpcompare.cli import main
from bpcompare.engine.address import locate
from bpcompare.engine.isolation.environment import environments, interpreter
from bpcompare.tools.golden import Options, check, update, write
from places import EXAMPLES

OLD, NEW = "0.4.35", "0.10.2"

PLANTED = """
from bpcompare_jax import Jax

class Planted(Jax):
    name = "jax"

    def differentiate(self, plan, walk, parameters, feed):
        walked, gradients, din = super().differentiate(plan, walk, parameters, feed)
        name = "h2.weight"
        gradients = {**gradients, name: gradients[name].at[1, 0].mul(1 + 1e-10)}
        return walked, gradients, din
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "skip.toml"
    path.write_bytes((EXAMPLES / "skip.toml").read_bytes())
    return path


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Environments of these tests alone: made here, and gone afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BPCOMPARE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def test_a_golden_of_one_version_is_certified_under_another(spec):
    """An upgrade could not be told from a regression."""
    made = write(update(spec, f"jax@{OLD}"))
    assert made.golden.made_by == f"jax {OLD}"
    assert "optax 0.2.5" in made.golden.record.provenance.updater
    checked = check(spec, f"jax@{NEW}")
    assert checked.change.outcome in ("same", "moved"), checked.change.comparison.first
    assert checked.change.now == f"jax {NEW} (now)"
    assert {"certified"} == {one.verdict for one in checked.change.comparison.certificates.values()}


def test_a_change_of_1e_10_under_another_version_is_found_and_located(spec, tmp_path):
    """A regression would drown in what rounding moves."""
    write(update(spec, f"jax@{OLD}"))
    (tmp_path / "planted.py").write_text(PLANTED.replace("h2.weight", _a_weight(spec)))
    python = interpreter(locate(f"jax@{NEW}"))
    spec.parent.joinpath("goldens", "skip.jax.golden.json").rename(spec.parent / "goldens" / "skip.Planted.golden.json")
    change = check(spec, f"{tmp_path}/planted.py:Planted@{python}").change
    assert (change.outcome, change.exit_code) == ("changed", 1)
    assert change.guilty == (change.now,)
    first = change.comparison.first
    assert (first.path, first.backend) == (f"{_a_weight(spec)}.gradient", change.now)
    assert first.relative == pytest.approx(1e-10, rel=1e-2)


def _a_weight(spec):
    network = bpcompare.load(spec)
    sizes = {name: bpcompare.run(network, ["delta"]).plan.parameters[name].shape for name in network.trainable}
    return next(name for name, shape in sizes.items() if len(shape) == 2 and shape[0] > 1)


def test_versions_beside_each_other(capsys):
    """Nobody could see which version it was that moved something."""
    assert main(["matrix", str(EXAMPLES / "mazur.toml"), str(EXAMPLES / "xor.toml"), "-b", f"jax@{OLD},{NEW},delta"]) == 0
    out = capsys.readouterr().out
    assert f"jax@{OLD}" in out.splitlines()[0]
    assert out.count("certified") >= 6
    assert main(["run", str(EXAMPLES / "digits-lenet.toml"), "-b", f"jax@{OLD},{NEW}", "--dtype", "float32", "--steps", "2"]) == 0


def test_an_environment_is_made_once():
    """Every run would fetch a hundred megabytes."""
    before = {one.folder: one.folder.stat().st_mtime_ns for one in environments()}
    python = interpreter(locate(f"jax@{OLD}"))
    assert Path(python).is_file()
    assert python == interpreter(locate(f"jax@{OLD}"))
    after = {one.folder: one.folder.stat().st_mtime_ns for one in environments()}
    assert before.items() <= after.items()
    assert any(one.requirements[0] == f"jax=={OLD}" for one in environments())


def test_a_version_that_does_not_exist_is_told(capsys):
    """pip's page of output would be all there is to read."""
    assert main(["run", str(EXAMPLES / "mazur.toml"), "-b", "delta", "-b", "jax@0.0.0.1"]) == 3
    assert "No matching distribution found for jax==0.0.0.1" in " ".join(capsys.readouterr().out.split())
    assert Options().named == {"dtype": None, "steps": None, "seed": None}
