"""Shows a mistake at work: planted in a shipped example, with what the certificate says there."""

from __future__ import annotations

from bpcompare.mistakes import Mistake

EXAMPLES = ("mazur", "aima", "three-by-three", "xor", "skip", "shared", "digits-lenet")


def sighting(mistake: Mistake) -> str:
    """Where it shows first in an example, and how large; empty where none of the examples has a place for it."""
    import bpcompare
    from bpcompare.plan.draw import plan
    from bpcompare.report.numbers import off
    from bpcompare.report.places import described, place

    for name in EXAMPLES:
        network = bpcompare.load(name)
        if not mistake.applies(network):
            continue
        steps = 2 if mistake.laws(network).remembers else 1
        comparison = bpcompare.run(network, [f"delta!{mistake.code}"], steps=steps, oracle="off")
        certificate = next(iter(comparison.certificates.values()))
        if certificate.refuted:
            first = certificate.refuted[0]
            where = described(plan(network, steps=steps), place(comparison.plan, first.path, first.worst))
            others = len(certificate.refuted) - 1
            more = f"; {others} more quantities with it" if others > 1 else "; one more quantity with it" if others else ""
            return f"in {name}, {where} {_size(off(first.recorded, first.expected))}{more}; everything before it holds"
    return ""


def _size(words: str) -> str:
    """`is 16.8 % too small`, `has the wrong sign`."""
    return words if words.startswith(("is ", "has ", "should ")) else f"is {words}"
