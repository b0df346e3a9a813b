"""A grade as text, as Gradescope's results.json, as JSON and as JUnit XML."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from bpcompare.report.lines import clipped, joined, shown
from bpcompare.teach.grading.grade import Grade, Part
from bpcompare.teach.learn.feedback import told
from bpcompare.text.folding import wrapped
from bpcompare.text.medium import medium
from bpcompare.text.words import printable


def text(it: Grade) -> str:
    """For people: the public checks with their feedback, the hidden ones with their names."""
    if it.failure:
        return joined([f"{clipped(it.file, 60)}  on {clipped(it.spec, 40)}", "", *_rows("", _failed(it)), *_how(it)])
    lines = [f"{clipped(it.file, 60)}  on {clipped(it.spec, 40)}", ""]
    for part in it.parts:
        if part.kind == "public":
            lines += told(part.mark, reveal=it.reveal)
    hidden = [part for part in it.parts if part.kind == "hidden"]
    lines.append("")
    passed = [part.step for part in it.parts if part.kind == "public" and part.mark.passed]
    lines.append(f"public checks passed: {', '.join(passed)}" if passed else "no public check passed yet")
    if hidden:
        good = [part.step for part in hidden if part.mark.passed]
        lines.append(f"hidden checks, on other numbers, passed: {', '.join(good) or 'none'}")
    lines += ["", f"score  {it.score:g} of {it.most:g}", *_how(it)]
    return joined(lines)


def _failed(it: Grade) -> str:
    return f"the grader failed: {it.failure}. No mark was given: this is no judgement of the submission"


def _how(it: Grade) -> list[str]:
    """By which numbers, and in which confinement."""
    lines = [""]
    if it.seed is not None and not it.failure:
        lines += _rows("hidden numbers  ", f"drawn from {it.seed}; --seed {it.seed} draws them again")
    if it.confined:
        lines += _rows("confined by  ", it.confined)
    return lines if lines != [""] else []


def _rows(label: str, words: str) -> list[str]:
    """Words beside a label, in as many rows as they need."""
    rows = wrapped(shown(words), medium().width - len(label), whole=not medium().fit)
    return [f"{label}{rows[0]}", *(" " * len(label) + row for row in rows[1:])]


def gradescope(it: Grade) -> str:
    """Gradescope's results.json: public checks visible, hidden ones after the grades are published.

    Without a score and without tests where the grader failed: Gradescope then asks the staff, and gives none either. A seed that
    somebody chose is not for students to see: the next grading asks for the same numbers.
    """
    extra = {"seed": it.seed, "confined_by": it.confined}
    if it.failure:
        content: dict[str, Any] = {
            "output": _failed(it),
            "output_format": "text",
            "extra_data": extra | {"grader_failed": it.failure},
        }
        return json.dumps(content, ensure_ascii=False)
    tests = [
        {
            "name": f"{part.step} ({part.kind})",
            "score": part.score,
            "max_score": part.points,
            "status": "passed" if part.mark.passed else "failed",
            "output": _words(part, it),
            "output_format": "text",
            "visibility": "visible" if part.kind == "public" else "after_published",
        }
        for part in it.parts
    ]
    said = "Public checks look at the numbers of the exercise; others follow when grades are published."
    if it.drawn:
        said += f" The others were drawn from {it.seed}."
    content = {"score": it.score, "output": said, "output_format": "text", "tests": tests, "extra_data": extra}
    return json.dumps(content, ensure_ascii=False)


def as_json(it: Grade) -> str:
    """For other programs."""
    parts = [
        {
            "step": part.step,
            "kind": part.kind,
            "passed": part.mark.passed,
            "score": part.score,
            "max_score": part.points,
            "problem": part.mark.problem,
            "where": part.mark.where,
            "off": part.mark.off,
            "of": part.mark.of,
            "codes": [cause.code for cause in part.mark.causes],
            "ratio": part.mark.ratio.name if part.mark.ratio else None,
        }
        for part in it.parts
    ]
    content: dict[str, Any] = {"spec": it.spec, "file": it.file, "score": it.score, "max_score": it.most, "parts": parts}
    content |= {"grader_failed": it.failure or None, "seed": it.seed, "confined_by": it.confined}
    return json.dumps(content, ensure_ascii=False)


def junit(it: Grade) -> str:
    """As build servers read it."""
    failed = sum(not part.mark.passed for part in it.parts)
    counts = {"tests": str(len(it.parts) or 1), "failures": str(failed), "errors": "1" if it.failure else "0"}
    root = ET.Element("testsuites", {"name": "bpcompare grade", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": printable(it.spec), **counts})
    properties = ET.SubElement(suite, "properties")
    for name, value in (("seed", it.seed), ("confined_by", it.confined)):
        if value is not None:
            ET.SubElement(properties, "property", name=name, value=printable(str(value)))
    if it.failure:
        case = ET.SubElement(suite, "testcase", classname=printable(it.file), name="grading")
        ET.SubElement(case, "error", message=printable(_failed(it)), type="grader_failed")
    for part in it.parts:
        case = ET.SubElement(suite, "testcase", classname=printable(it.file), name=f"{part.step} ({part.kind})")
        if not part.mark.passed:
            words = _words(part, it)
            ET.SubElement(case, "failure", message=words.partition("\n")[0], type="wrong").text = words
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode")


def _words(part: Part, it: Grade) -> str:
    return "\n".join(line.strip() for line in joined(told(part.mark, reveal=it.reveal)).splitlines())


FORMATS: Mapping[str, Callable[[Grade], str]] = {"text": text, "gradescope": gradescope, "json": as_json, "junit": junit}
