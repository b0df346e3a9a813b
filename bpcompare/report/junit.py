"""Comparisons as JUnit XML, as build servers read it: a suite for each spec, a case for each backend."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from bpcompare.comparison import GOOD, Comparison
from bpcompare.problems.wording import disarmed, printable
from bpcompare.report import text


def junit(comparisons: Sequence[tuple[str, Comparison | str]]) -> str:
    """One document for all specs; a text instead of a comparison is why its spec could not be run."""
    root = ET.Element("testsuites", name="bpcompare")
    for spec, found in comparisons:
        root.append(_refused(spec, found) if isinstance(found, str) else _suite(spec, found))
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode")


def _suite(spec: str, comparison: Comparison) -> ET.Element:
    suite = ET.Element("testsuite", name=_clean(spec))
    report = _clean(text(comparison))
    failures = errors = 0
    for name, judged in comparison.backends.items():
        case = ET.SubElement(suite, "testcase", classname=_clean(spec), name=_clean(name), time=f"{judged.seconds:.3f}")
        failure = comparison.certificates[name].failure
        if failure is not None:
            errors += 1
            ET.SubElement(case, "error", message=_clean(failure.partition("\n")[0]), type="not_run").text = _clean(failure)
        elif judged.verdict not in GOOD:
            failures += 1
            ET.SubElement(case, "failure", message=_clean(_why(comparison, name)), type=judged.verdict).text = report
    if comparison.exit_code and not failures and not errors:
        failures += 1
        case = ET.SubElement(suite, "testcase", classname=_clean(spec), name="comparison")
        ET.SubElement(case, "failure", message="nothing was compared", type="nothing_compared").text = report
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    suite.set("errors", str(errors))
    return suite


def _why(comparison: Comparison, name: str) -> str:
    blame = next((one for one in comparison.blames if one.backend == name), None)
    if blame is not None:
        return f"wrong at {blame.path}{f' ({blame.code})' if blame.code else ''}: {blame.ground}"
    findings = (*comparison.certificates[name].findings, *comparison.certificates[name].plain)
    bad = next(one for one in findings if one.outcome != "holds")
    return f"{bad.outcome} at {bad.path}: {bad.note}"


def _refused(spec: str, reason: str) -> ET.Element:
    suite = ET.Element("testsuite", name=_clean(spec), tests="1", failures="0", errors="1")
    case = ET.SubElement(suite, "testcase", classname=_clean(spec), name="spec")
    ET.SubElement(case, "error", message=_clean(reason.partition("\n")[0]), type="bad_spec").text = _clean(reason)
    return suite


def _clean(words: str) -> str:
    """Without what XML 1.0 has no way to write, and without what a build server obeys where this is printed."""
    return "\n".join(disarmed(printable(line)) for line in words.split("\n"))
