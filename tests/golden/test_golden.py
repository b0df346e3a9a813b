"""Goldens: what a backend computed once."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare.cli import main
from bpcompare.tools.golden import GoldenError, Options, backends_of, check, update, write
from bpcompare.tools.golden.store import TENSORS, TEXT, found, read, stem_of
from bpcompare_delta import Delta
from places import EXAMPLES


class Then(Delta):
    """The version that made the golden."""

    name = "mine"


class Nudged(Delta):
    """Moves every gradient of the weights of h by one bit, and updates with what it says."""

    name = "mine"

    def run(self, plan):
        record = super().run(plan)
        step = record.steps[0]
        g = step.gradient["h.weight"]
        g[...] = np.nextafter(g, np.inf)
        step.parameters["h.weight"][...] = plan.parameters["h.weight"] - plan.network.update.eta * g
        return record


class Wrong(Delta):
    """A relative error of 1e-10 in one element of one gradient."""

    name = "mine"

    def run(self, plan):
        record = super().run(plan)
        record.steps[0].gradient["o.weight"][1, 0] *= 1 + 1e-10
        return record


class Crashes(Delta):
    name = "mine"

    def run(self, plan):
        raise RuntimeError("no such device")


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "mazur.toml"
    path.write_bytes((EXAMPLES / "mazur.toml").read_bytes())
    return path


@pytest.fixture
def made(spec):
    return write(update(spec, Then))


def test_the_same_backend_gives_the_same_bits(spec, made):
    """A golden would not hold what was computed, or lose a bit on its way through the file."""
    checked = check(spec, Then)
    assert (checked.change.outcome, checked.change.exit_code, checked.change.moves) == ("same", 0, ())
    assert checked.golden.verdict == "certified"


def test_rounding_moves_and_does_not_change(spec, made):
    """One bit would be called a regression, or go unmentioned."""
    change = check(spec, Nudged).change
    assert (change.outcome, change.exit_code, change.guilty) == ("moved", 0, ())
    assert {move.path for move in change.moves} >= {"h.weight.gradient"}
    (gradient,) = [move for move in change.moves if move.path == "h.weight.gradient"]
    assert (gradient.off, gradient.size, gradient.max_ulp) == (4, 4, 1)


def test_a_planted_change_of_1e_10_is_found_located_and_blamed(spec, made):
    """A tolerance would let it pass."""
    change = check(spec, Wrong).change
    assert (change.outcome, change.exit_code, change.guilty) == ("changed", 1, (change.now,))
    assert (change.moves[0].path, change.moves[0].index) == ("o.weight.gradient", (1, 0))
    assert change.comparison.first.path == "o.weight.gradient"
    assert change.comparison.first.relative == pytest.approx(1e-10, rel=1e-3)


def test_a_golden_that_is_wrong_itself_is_named_as_such(spec, made):
    """A wrong golden would make every right answer a regression."""
    golden = made.golden
    record = Wrong().run(golden.plan)
    write(replace(made, golden=replace(golden, record=record), path=stem_of(spec, "mine")))
    change = check(spec, Then).change
    assert (change.outcome, change.guilty) == ("changed", (change.then,))


def test_a_backend_that_does_not_run_is_not_a_change(spec, made):
    """A crash would be reported as a changed gradient, or as none."""
    change = check(spec, Crashes).change
    assert (change.outcome, change.exit_code) == ("not_run", 3)
    with pytest.raises(GoldenError, match="does not run, so it has no golden: RuntimeError: no such device"):
        update(spec, Crashes)


def test_no_golden_is_made_of_what_is_wrong(spec, made):
    """A mistake would become the reference."""
    before = made.path.read_bytes()
    with pytest.raises(GoldenError, match=r"is wrong on .* a golden must not be"):
        update(spec, Wrong)
    assert made.path.read_bytes() == before


def test_an_update_shows_what_moved_and_writes_only_when_told(spec, made):
    """A golden would be replaced before anybody saw what by."""
    before = made.path.read_bytes()
    proposed = update(spec, Nudged)
    assert proposed.change.outcome == "moved"
    assert made.path.read_bytes() == before
    assert write(proposed).path == made.path
    assert made.path.read_bytes() != before
    assert check(spec, Nudged).change.outcome == "same"


def test_a_spec_that_was_changed_is_told_with_the_difference(spec, made):
    """The numbers of another net would be compared, and everything be called changed."""
    spec.write_text(spec.read_text().replace("eta = 0.5", "eta = 0.25"))
    with pytest.raises(GoldenError, match=r"of another spec: update.eta was 0.5, is 0.25"):
        check(spec, Then)
    assert update(spec, Then).change is None


def test_numbers_of_a_golden_outlive_the_generator_that_drew_them(tmp_path, monkeypatch):
    """A NumPy that draws other numbers would invalidate every golden."""
    spec = tmp_path / "xor.toml"
    spec.write_text((EXAMPLES / "xor.toml").read_text().replace("weights = {", 'init = "he_normal" #'))
    golden = write(update(spec, Then)).golden
    from bpcompare.plan import seeds

    real = seeds.generator
    monkeypatch.setattr(seeds, "generator", lambda seed, path: real(seed + 1, path))
    checked = check(spec, Then)
    assert checked.change.outcome == "same"
    assert checked.golden.plan.digest == golden.plan.digest
    assert update(spec, Then).golden.plan.digest == golden.plan.digest


def test_small_goldens_are_text_with_one_number_a_line(made):
    """Nobody could review what changed."""
    assert made.path.name == "mazur.mine.golden.json"
    lines = made.path.read_text().splitlines()
    values = json.loads(made.path.read_text())["values"]
    assert values["record/step1/delta/h[0,0]"] == pytest.approx(-0.00877135468948694, rel=1e-14)
    assert len([line for line in lines if re.match(r'  "(plan|record)/.*": \S+$', line)]) == len(values)
    assert '  "record/step1/error": 0.2983711087600027' in "\n".join(lines)


def test_large_goldens_are_tensors(tmp_path):
    """A text of a million lines is reviewed by nobody."""
    for name in ("digits.toml", "digits.csv.gz"):
        source = next(EXAMPLES.rglob(name))
        target = tmp_path / source.relative_to(EXAMPLES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    made = write(update(tmp_path / "digits.toml", Then, Options(steps=1, dtype="float32")))
    assert made.path.name == "digits.mine.float32.steps1.golden.safetensors"
    assert check(tmp_path / "digits.toml", Then, Options(steps=1, dtype="float32")).change.outcome == "same"


def test_every_option_has_a_golden_of_its_own(spec, made):
    """A golden in float32 would be compared with an answer in float64, or replace it."""
    write(update(spec, Then, Options(dtype="float32", steps=3)))
    assert check(spec, Then).golden.plan.dtype == "float64"
    assert len(check(spec, Then, Options(dtype="float32", steps=3)).golden.plan.batches) == 3
    assert backends_of(spec) == ("mine",)
    with pytest.raises(GoldenError, match="has no golden"):
        check(spec, Then, Options(steps=2))


def test_numbers_that_are_not_finite_survive_the_text(spec, made):
    """JSON has no NaN: a golden of an undecided run could not be read again."""
    from bpcompare.tools.golden import text

    arrays = {"x": np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324, 0.1]), "y": np.float32([0.1, 3e-45]), "i": np.array([2**62])}
    _, again = text.loads(text.dumps({"a": [1, "ä"]}, arrays))
    for name, x in arrays.items():
        assert again[name].dtype == x.dtype
        assert again[name].tobytes() == x.tobytes()


def test_a_golden_twice_is_no_golden(spec, made):
    """Which of two would be checked is nobody's guess."""
    stem = stem_of(spec, "mine")
    stem.with_name(stem.name + TENSORS).write_bytes(b"")
    with pytest.raises(GoldenError, match="are the same golden twice"):
        found(stem)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: b"", "is not a golden that bpcompare wrote"),
        (lambda data: data[: len(data) // 2], "is cut short"),
        (lambda data: data.replace(b"0.15", b"0.16", 1), "was changed after it was written"),
        (lambda data: data.replace(b'"bpcompare golden": 1', b'"bpcompare golden": 2'), "format version 2.*install a newer"),
        (lambda data: b"\xff\xfe" + data, "no UTF-8"),
        (lambda data: b'{"version": 1, "snapshots": {}}\n', "is not a golden that bpcompare wrote"),
        (lambda data: data + b"\n", "is cut short"),
    ],
    ids=["empty", "half", "edited", "newer", "binary", "foreign", "longer"],
)
def test_a_damaged_foreign_or_newer_golden_is_told_and_kept(spec, made, change, said, capsys):
    """A damaged golden would be believed, replaced unasked, or end in a traceback."""
    made.path.write_bytes(change(made.path.read_bytes()))
    before = made.path.read_bytes()
    with pytest.raises(GoldenError, match=rf"mazur\.mine\.golden\.json.*{said}"):
        check(spec, Then)
    assert main(["golden", "check", str(spec), "-b", "delta"]) == 5
    assert made.path.read_bytes() == before
    assert update(spec, Then).change is None
    assert made.path.read_bytes() == before


def test_line_endings_of_other_systems_are_no_damage(spec, made):
    """A checkout on Windows would invalidate every golden."""
    made.path.write_bytes(made.path.read_bytes().replace(b"\n", b"\r\n"))
    assert check(spec, Then).change.outcome == "same"


def test_the_commands_tell_and_return_what_became_of_it(spec, capsys):
    """Scripts rely on exit codes, people on words."""
    assert main(["golden", "check", str(spec)]) == 5
    assert "golden update" in capsys.readouterr().err
    assert main(["golden", "update", str(spec), "-b", "delta"]) == 0
    assert "new  mazur  delta" in capsys.readouterr().out
    assert main(["golden", "check", str(spec)]) == 0
    assert capsys.readouterr().out.startswith("same  mazur  delta  numpy")
    assert main(["golden", "update", str(spec), "-b", "delta"]) == 0
    assert "nothing is to be written" in capsys.readouterr().out
    (golden,) = spec.parent.joinpath("goldens").iterdir()
    golden.write_bytes(golden.read_bytes()[:-9])
    assert main(["golden", "check", str(spec)]) == 2
    assert "cut short" in capsys.readouterr().err
    assert main(["golden", "check", str(spec), "-b", "nobody"]) == 2
    assert main(["golden", "check"]) == 2
    assert main(["golden", "check", str(spec.with_name("none.toml"))]) == 2
    assert "there is no file" in capsys.readouterr().err
    assert main(["golden", "update", str(spec), "--steps", "0"]) == 2


def test_a_golden_says_which_versions_and_switches_made_it(made):
    """Nobody could tell what changed between then and now."""
    provenance = read(made.path).record.provenance
    assert provenance.version == np.__version__
    assert {"python", "numpy", "machine"} <= provenance.environment.keys() or isinstance(Then, type)
    assert made.path.name.endswith(TEXT)


def test_goldens_of_the_public_example_hold_against_the_literature(spec, made):
    """The widely published weights of this example, to all their digits: a golden of them must hold them."""
    values = json.loads(made.path.read_text())["values"]
    assert values["record/step1/parameters/h.weight[0,0]"] == pytest.approx(0.149780716, abs=5e-10)
    assert bpcompare.load(spec).name == "mazur"
