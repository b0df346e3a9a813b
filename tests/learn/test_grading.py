"""Twenty-two submissions, graded as they deserve, and nothing that they do changes it."""

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import bpcompare
from bpcompare.cli import main
from bpcompare.teach.grading import FORMATS, GradingError, grade
from bpcompare.teach.grading.submission import Limits

FOLDER = Path(__file__).parent / "submissions"
STEPS = ("delta_output", "delta_hidden", "gradient", "update")
ALL = dict.fromkeys(STEPS, "")
LATE, NOTHING = "and was stopped", "ended without an answer"

# What becomes of each step: "" passed, a code, or words of the reason.
DESERVED = {
    "right": ALL,
    "right_vectorized": ALL,
    "deletes_files": ALL,
    "no_slope_at_output": ALL | {"delta_output": "BP201"},
    "no_slope_hidden": ALL | {"delta_hidden": "BP202"},
    "slope_at_a": ALL | {"delta_output": "BP203", "delta_hidden": "BP203"},
    "wrong_sign": ALL | {"delta_output": "BP106"},
    "mean_forgotten": ALL | {"delta_output": "BP102"},
    "transposed": ALL | {"delta_hidden": "BP205"},
    "first_consumer_only": ALL | {"delta_hidden": "cause unknown"},
    "sign_of_gradient": ALL | {"gradient": "BP304"},
    "last_example": ALL | {"gradient": "BP302"},
    "eta_twice": ALL | {"update": "BP408"},
    "uphill": ALL | {"update": "BP409"},
    "crash": ALL | {"delta_hidden": "raised ZeroDivisionError: division by zero (line"},
    "syntax": dict.fromkeys(STEPS, "raised SyntaxError"),
    "endless": ALL | {"delta_hidden": LATE},
    "memory": ALL | {"gradient": "raised MemoryError"},
    "prints_the_answer": dict.fromkeys(STEPS, "not"),
    "patches_the_checker": dict.fromkeys(STEPS, "not"),
    "leaves_early": dict.fromkeys(STEPS, NOTHING),
    "not_numbers": {
        "delta_output": "not a finite number",
        "delta_hidden": "returned 'small' (str)",
        "gradient": "returned None",
        "update": "(list), where a number is needed",
    },
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """graded("right"): the grade on the net of three by three, made once; of a copy, which must be there afterwards."""
    folder, made = tmp_path_factory.mktemp("submissions"), {}

    def one(name):
        if name not in made:
            source = next(path for path in (FOLDER / f"{name}.py", FOLDER / f"{name}.py.txt") if path.is_file())
            copy = folder / f"{name}.py"
            shutil.copy(source, copy)
            made[name] = grade(bpcompare.load("three-by-three"), str(copy), limits=Limits(3.0, 512 * 2**20), seed=7)
            assert copy.read_bytes() == source.read_bytes()
        return made[name]

    return one


def test_the_set_is_complete():
    """A submission that nobody looks at."""
    assert set(DESERVED) == {path.name.partition(".")[0] for path in FOLDER.iterdir() if path.is_file()}
    assert len(DESERVED) >= 20


AT_ONCE = {"right", "right_vectorized", "transposed", "last_example", "crash", "patches_the_checker", "leaves_early"}
"""Of each kind of end one; each is asked in eight processes."""


@pytest.mark.sampled(7)
@pytest.mark.parametrize("name", [pytest.param(x, marks=[pytest.mark.slow] * (x not in AT_ONCE)) for x in sorted(DESERVED)])
def test_each_submission_gets_what_it_deserves(name, graded):
    """Somebody's grade would be wrong."""
    it = graded(name)
    assert {(part.step, part.kind) for part in it.parts} == {(step, kind) for step in STEPS for kind in ("public", "hidden")}
    shown = json.loads(FORMATS["gradescope"](it))
    for test in shown["tests"]:
        step = test["name"].partition(" ")[0]
        wanted = DESERVED[name][step]
        if wanted == "not":
            assert test["status"] == "failed", (step, test)
        elif wanted:
            assert test["status"] == "failed", (step, test)
            assert wanted in " ".join(test["output"].split()), (step, test["output"])
        else:
            assert test["status"] == "passed", (step, test)
    good = sum(not wanted for wanted in DESERVED[name].values())
    assert it.score == shown["score"] == good
    assert it.most == 4


def test_copied_answers_pass_in_public_and_nowhere_else(tmp_path):
    """Whoever copies the numbers of a friend gets the friend's grade."""
    from bpcompare.plan.draw import plan
    from bpcompare.teach.learn.questions import Sheet

    sheet = Sheet(plan(bpcompare.load("mazur")))
    numbers = sheet("o.delta").ravel().tolist()
    file = tmp_path / "copied.py"
    file.write_text(
        f"numbers = iter({numbers!r} + [0.0] * 99)\n\n\ndef delta_output(k):\n    return next(numbers)\n", encoding="utf-8"
    )
    it = grade(bpcompare.load("mazur"), str(file), {"delta_output": 2}, seed=7)
    assert [(part.kind, part.mark.passed) for part in it.parts] == [("public", True), ("hidden", False)]
    assert it.score == 1


def test_a_submission_sees_no_expected_value_and_no_answer_of_a_later_step(tmp_path):
    """The questions would hold the answers."""
    seen = tmp_path / "seen.txt"
    file = tmp_path / "spy.py"
    file.write_text(
        "from pathlib import Path\n\n"
        f"with Path({str(seen)!r}).open('a') as out:\n"
        "    out.write('\\n'.join(sorted(p.name for p in Path('.').iterdir())) + '\\n')\n"
        "    out.write(Path('request.json').read_text() + '\\n@\\n')\n",
        encoding="utf-8",
    )
    from bpcompare.plan.draw import plan
    from bpcompare.teach.learn.questions import Sheet

    grade(bpcompare.load("mazur"), str(file), hidden=False, confine="process")  # a sandbox would not let it write that
    parts = seen.read_text(encoding="utf-8").split("@\n")
    sheet = Sheet(plan(bpcompare.load("mazur")))
    answers = {
        0: ["o.delta", "h.delta", "o.weight.gradient", "h.weight.gradient", "o.weight.update"],
        1: ["h.delta", "o.weight.gradient", "h.weight.gradient", "o.weight.update"],
        2: ["o.weight.gradient", "h.weight.gradient", "o.weight.update", "h.weight.update"],
        3: ["o.weight.update", "h.weight.update"],
    }
    for at, paths in answers.items():
        for path in paths:
            for number in sheet(path).ravel():
                assert repr(float(number)) not in parts[at], (at, path)
    assert "expected" not in "".join(parts)


@pytest.mark.slow
@pytest.mark.parametrize(
    "form", ["text", *(pytest.param(form, marks=pytest.mark.slow) for form in ("json", "gradescope", "junit"))]
)
def test_the_command_in_every_format(form, tmp_path, capsys):
    """A grader's platform would not understand it."""
    right, wrong = str(FOLDER / "right.py"), str(FOLDER / "no_slope_hidden.py")
    assert main(["grade", right, "--spec", "three-by-three", "--format", form]) == 0
    assert main(["grade", wrong, "--spec", "three-by-three", "--format", form, "--points", "delta_hidden=4,update"]) == 1
    out = capsys.readouterr().out
    if form == "text":
        assert "score  4 of 4" in out
        assert "score  1 of 5" in out
        assert "BP202" in out
        assert "public checks passed" in out
        assert "all passed" not in out
    else:
        result = tmp_path / "results.json"
        assert main(["grade", wrong, "--spec", "three-by-three", "--format", form, "-o", str(result)]) == 1
        content = result.read_text(encoding="utf-8")
        if form == "junit":
            assert ET.fromstring(content).get("failures") == "2"
        else:
            assert json.loads(content)["score"] == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.py", "--spec", "mazur"], "there is no file"),
        (["right.py", "--spec", "nowhere"], "cannot read"),
        (["right.py", "--spec", "digits"], "looks at several outputs"),
        (["right.py", "--spec", "mazur", "--points", "delta=1"], "is not STEP=POINTS"),
        (["right.py", "--spec", "mazur", "--points", "update=-1"], "is not STEP=POINTS"),
        (["right.py", "--spec", "mazur", "--timeout", "0"], "--timeout"),
        (["right.py", "--spec", "mazur", "--memory", "much"], "--memory"),
        (["right.py", "--spec", "mazur", "--seed", "-1"], "--seed must be"),
        (["right.py", "--spec", "mazur", "-o", "none/results.json"], "no folder"),
    ],
)
def test_bad_options_are_told(words, message, monkeypatch, capsys):
    """A grader's script fails, and nobody knows why."""
    monkeypatch.chdir(FOLDER)
    assert main(["grade", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_huge_file_is_no_submission(tmp_path):
    """Reading it would be the first thing to hang."""
    file = tmp_path / "huge.py"
    file.write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(GradingError, match="it has 2 MiB, a submission may have 1 MiB"):
        grade(bpcompare.load("mazur"), str(file))


def test_feedback_holds_no_expected_value_unless_it_is_allowed(graded):
    """The failing test would print the answer."""
    from bpcompare.plan.draw import plan
    from bpcompare.teach.learn.questions import Sheet

    it = graded("no_slope_hidden")
    sheet = Sheet(plan(bpcompare.load("three-by-three")))
    right = [f"{float(x):.6g}".lstrip("-") for x in sheet("h.delta").ravel()]
    for form in FORMATS.values():
        assert not any(number in form(it) for number in right)
    told = grade(
        bpcompare.load("three-by-three"), str(FOLDER / "no_slope_hidden.py"), {"delta_hidden": 1}, reveal=True, hidden=False
    )
    assert any(number in FORMATS["text"](told) for number in right)
