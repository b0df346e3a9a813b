"""A proof on symbols, printed as the textbook's, with the network's own indices."""

from __future__ import annotations

from dataclasses import dataclass

from bpcompare.formula import formula, in_symbols
from bpcompare.laws import LAWS
from bpcompare.mistakes import MISTAKES
from bpcompare.plan.path import Path
from bpcompare.proof.claims import Claim
from bpcompare.proof.question import question
from bpcompare.proof.values import StepValues, given_values
from bpcompare.proof.worked import values
from bpcompare.report.labels import Names
from bpcompare.report.lines import clipped, counted, joined, labelled, named, widest
from bpcompare.report.rule import rule
from bpcompare.teach.symbolic.prove import Line, Proof

MOST_ROWS = 4
"""Rows of one layer, or of one parameter, that are printed; all of them are shown."""
TITLES = {
    "base": "Base case.  At the output, Δ = −∂E/∂in:",
    "inductive": "Inductive step.  If Δ_k = −∂E/∂in_k for every k that a node feeds, then Δ_j = −∂E/∂in_j:",
    "gradient": "Gradient.  −∂E/∂w_ij = a_i Δ_j, that is, what is recorded as +∂E/∂w:",
    "state": "Optimizer state.  As its paper defines it:",
    "update": "Update.  With the gradient above, w ← w + η a Δ:",
}
_ENDS = {"shown": "✓", "false": "✗ FALSE", "open": "? not shown"}
_UNREACHED = "? not reached"


def proof_text(it: Proof, *, verbose: bool = False) -> str:
    """The four statements with their rows; `verbose` prints every row."""
    plan = it.plan
    names = Names(plan.network, units=True)
    # Any numbers at all: formulas are built over values, and printed with names only.
    plain = StepValues(given_values(plan, 1, None), values(plan, question(plan).claims, LAWS)[0])
    by_path = question(plan).by_path
    lines = [_head(it), ""]
    for statement, title in TITLES.items():
        mine = [line for line in it.lines if line.statement == statement]
        if not mine:
            continue
        lines.append(title if statement != "update" or plan.network.update.textbook else "Update.  As its paper defines it:")
        for path in dict.fromkeys(line.path for line in mine):
            writer = _Writer(names, by_path[path], plain)
            lines += _rows(writer, [line for line in mine if line.path == path], verbose=verbose)
        lines.append("")
    return joined([*lines, *_end(it)])


@dataclass(frozen=True)
class _Writer:
    names: Names
    claim: Claim
    plain: StepValues

    @property
    def kinked(self) -> bool:
        """Whether an op of this claim has a kink; branches of a smooth law are its own business."""
        return any(op.kinks or op.pieces for _, op in self.claim.owners)


def _head(it: Proof) -> str:
    here = len(it.plan.batches[0])
    cut = f" (of {it.examples:,}: they are alike)" if it.examples > here else ""
    planted = f", with {it.mistake} planted" if it.mistake else ""
    name = clipped(it.plan.network.name, 40)
    return f"{name}: the proof for all weights, inputs and targets, on {counted(here, 'example')}{cut}{planted}"


def _rows(writer: _Writer, mine: list[Line], *, verbose: bool) -> list[str]:
    # The first example stands for the others, which are proved alike.
    nodes = mine[0].subject in writer.names.network.layers
    shown = [line for line in mine if not nodes or line.index[0] == 0] if not verbose else mine
    bad = [line for line in mine if line.outcome != "shown"]
    chosen = bad[:MOST_ROWS] or (shown if verbose else shown[:MOST_ROWS])
    lines = [f"  {_written(writer, line)}   {_ENDS[line.outcome] if line.reached else _UNREACHED}" for line in chosen]
    if bad and bad[0].numbers:
        lines.append(f"      differs at {named([f'{name} = {value}' for name, value in bad[0].numbers], 6)}")
    if more := len(mine) - len(chosen):
        lines.append(f"    … and {more:,} {'more of this quantity' if bad else 'shown likewise'}")
    if writer.kinked and (kinks := sorted({kink for line in mine for kink in line.kinks})):
        sides = max(line.sides for line in mine)
        like = " and the like" if len(kinks) > 1 else ""
        lines.append(f"    on each side of {clipped(kinks[0], 60)} = 0{like}, {counted(sides, 'case')}")
    return [clipped(line, widest()) for line in lines]


def _written(writer: _Writer, line: Line) -> str:
    names, network = writer.names, writer.names.network
    left = _name(names, line.path, line.index)
    expression = formula(network, writer.claim, line.index, writer.plain)
    if expression is None:
        return f"{left}: {rule(network, writer.claim)}"
    rests = ""
    if line.statement == "inductive":
        rests = f"   (by the rows of {named(_fed(names, line.subject), 5)})"
    sign = "←" if line.statement in ("update", "state") else "="
    return f"{left} {sign} {in_symbols(expression, lambda q: _name(names, q.path, q.index))}{rests}"


def _fed(names: Names, layer: str) -> list[str]:
    """The nodes that a layer feeds; layers with inner structure by their own name."""
    found: dict[str, None] = {}
    for consumer, _ in names.network.consumers[layer]:
        shape = names.network.shape(consumer)
        units = [names.label(consumer, (at,)) for at in range(shape[0])] if len(shape) == 1 else [consumer]
        found |= dict.fromkeys(units)
    return list(found)


def _name(names: Names, path: str, index: tuple[int, ...]) -> str:
    """in_h1, Δ_o2, w_x1,h1: of the first example without saying so."""
    group = names.group(path)
    if path == "target":
        return f"t_{names.label(names.network.error.of, index[1:])}{_example(index)}"
    if group is not None:
        kind = {"in": "in", "a": "a", "delta": "Δ"}[Path(path).kind]
        return f"{kind}_{names.label(group, index[1:])}{_example(index)}"
    bare = path.removesuffix(".update")
    if bare.endswith(".gradient"):
        return f"∂E/∂{_name(names, bare.removesuffix('.gradient'), index)}"
    if bare in names.network.uses and (edge := names.edge(bare, index)):
        return f"w_{edge[0]},{edge[1]}" if edge[0] else f"b_{edge[1]}"
    return names.element(path, index)


def _example(index: tuple[int, ...]) -> str:
    return "" if not index or not index[0] else f"⁽{''.join('⁰¹²³⁴⁵⁶⁷⁸⁹'[int(digit)] for digit in str(index[0] + 1))}⁾"


def _end(it: Proof) -> list[str]:
    count, name, first = len(it.lines), clipped(it.plan.network.name, 40), it.first
    if first is None:
        lines = labelled(
            "proved", f"all {count:,} statements, for whatever real numbers weights, inputs, targets and η may be", 2
        )
        says = "a certificate says that one run followed the rule; this says that the rule is the gradient, in every run"
        lines += labelled("", f"{says}. At a kink (in = 0 of a relu) Δ is a convention", 2)
        return [*lines, "", f"proved  {name}  {count:,} statements"]
    what = "false" if first.outcome == "false" else "not shown"
    wrong = sum(line.outcome == "false" for line in it.lines)
    where = f"{TITLES[first.statement].partition('.')[0].lower()}, at {first.path}"
    if wrong:
        words = f"{wrong:,} of {count:,} statements are false"
    elif first.reached:
        words = "neither algebra nor numbers decide it"
    else:
        words = "the time was over before it was decided"
    lines = labelled(what, f"{where}; {words}")
    if (late := sum(not line.reached for line in it.lines)) and it.seconds is not None:
        says = f"{late:,} of {count:,} statements were not reached in {it.seconds:g} seconds and are open; --budget gives more"
        lines += labelled("budget", says)
    if it.mistake:
        lines += labelled("planted", f"{it.mistake}  {MISTAKES[it.mistake].title}", 1)
    return [*lines, "", f"{what}  {name}  {where}"]
