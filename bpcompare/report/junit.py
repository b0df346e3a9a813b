"""Comparisons as JUnit XML, as build servers read it: a suite for each spec, a case for each backend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from bpcompare.report import text
from bpcompare.text.words import disarmed, printable
from bpcompare.verdict.comparison import GOOD, Comparison


def junit(comparisons: Iterable[tuple[str, Comparison | str]]) -> str:
    """One document for all specs; a text instead of a comparison is why its spec could not be run."""
    return document([suite(spec, found) for spec, found in comparisons])


def suite(spec: str, found: Comparison | str) -> ET.Element:
    """What the document says of one spec: nothing of it is a comparison any more, of which hundreds would fill the memory."""
    return _refused(spec, found) if isinstance(found, str) else _suite(spec, found)


def document(suites: Sequence[ET.Element]) -> str:
    """The document of these suites."""
    root = ET.Element("testsuites", name="bpcompare")
    root.extend(suites)
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(one.get(key, "0")) for one in root)))
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
