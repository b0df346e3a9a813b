"""`check_gradient` on the functions of torch's own tests and of jax.nn: is anything right called wrong, or anything wrong right?

    python -m benchmarks.gradients [--seeds 8] [--mutants 10] [--only NAME] [--minutes 60] [--write]

Functions of torch with a derivative, by the samples that torch's own tests draw (torch.testing, which needs expecttest), in
float64 and float32; each also behind a sum of terms that cancel (`x + 100 − 100`). The honest gradient is torch's own. Mutants of
it: sign, ×½, ×2, ×1.01, one element, last row, zero, transposed or turned round, dy ignored, |dy|. A mutant is seen where the
verdict is wrong; it is below the power where the power that is stated is no better than the change; what is equal to the honest
gradient on these numbers is no mutant. `--write` puts the table into benchmarks/gradients.md.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.fuzz import versions

LARGEST = 400
"""Numbers in all inputs of a sample; larger ones are left out."""


@dataclass
class Row:
    """What was found of one function."""

    verdicts: Counter[str] = field(default_factory=Counter)
    mutants: Counter[str] = field(default_factory=Counter)
    traced: int = 0
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    why: Counter[str] = field(default_factory=Counter)


Case = tuple[str, Callable[..., Any], tuple[Any, ...]]


def cases(seeds: int, only: str | None) -> Iterator[Case]:
    """Name, function and inputs."""
    import torch
    from torch.testing._internal.common_methods_invocations import op_db

    for dtype in (torch.float64, torch.float32):
        for op in op_db:
            if (only and op.name != only) or not op.supports_autograd or dtype not in op.supported_dtypes("cpu"):
                continue
            torch.manual_seed(0)
            try:
                samples = list(op.sample_inputs("cpu", dtype, requires_grad=False))[:seeds]
            except Exception:  # noqa: BLE001 — samples that this build cannot draw
                continue
            for sample in samples:
                made = _case(op, sample)
                if made is not None:
                    yield op.name, *made


def _case(op: Any, sample: Any) -> tuple[Callable[..., Any], tuple[Any, ...]] | None:
    import torch

    if not isinstance(sample.input, torch.Tensor):
        return None
    args, kwargs = sample.args, sample.kwargs
    tensors = (sample.input, *args)
    if any(isinstance(x, torch.Tensor) and x.layout != torch.strided for x in tensors):
        return None
    size = sum(x.numel() for x in tensors if isinstance(x, torch.Tensor))
    if not 0 < size <= LARGEST or not all(torch.isfinite(x).all() for x in tensors if isinstance(x, torch.Tensor)):
        return None

    def function(*given: Any) -> Any:
        torch.manual_seed(0)  # functions that draw
        return op(*given, **kwargs)

    function.__name__ = op.name
    return function, tensors


def mutants(torch: Any) -> dict[str, Callable[[Any, Any], Any]]:
    """What is made of a gradient g by a wrong backward, with dy."""

    def one(g: Any, _: Any) -> Any:
        g = g.clone()
        g.view(-1)[g.numel() // 2] *= 1.1
        return g

    def last(g: Any, _: Any) -> Any:
        g = g.clone()
        g[-1:] = 0
        return g

    return {
        "sign": lambda g, _: -g,
        "×½": lambda g, _: 0.5 * g,
        "×2": lambda g, _: 2 * g,
        "×1.01": lambda g, _: 1.01 * g,
        "one element": lambda g, dy: one(g.contiguous(), dy),
        "last row": lambda g, dy: last(g, dy) if g.ndim else torch.zeros_like(g),
        "zero": lambda g, _: torch.zeros_like(g),
        "turned round": lambda g, _: g.flip(tuple(range(g.ndim))),
        "plus dy": lambda g, dy: g + dy.mean().to(g),
        "absolute": lambda g, _: g.abs(),
    }


def honest(torch: Any, function: Any, change: Callable[[Any, Any], Any] | None) -> Any:
    """A backward made of torch's own, changed in its first gradient."""

    def back(*args: Any) -> Any:
        xs, dys = args[: honest.count], args[honest.count :]  # type: ignore[attr-defined]
        own = [x.detach().requires_grad_() if isinstance(x, torch.Tensor) and x.is_floating_point() else x for x in xs]
        floats = [x for x in own if isinstance(x, torch.Tensor) and x.requires_grad]
        with torch.enable_grad():
            out = function(*own)
            ys = [out] if isinstance(out, torch.Tensor) else [y for y in out if isinstance(y, torch.Tensor)]
            pairs = [(y, dy) for y, dy in zip(ys, dys, strict=True) if y.requires_grad]
            found = list(torch.autograd.grad([y for y, _ in pairs], floats, [dy for _, dy in pairs], allow_unused=True))
        if change is not None and found[0] is not None:
            found[0] = change(found[0], pairs[0][1])
        rest = iter(found)
        return tuple(next(rest) if isinstance(x, torch.Tensor) and x.requires_grad else None for x in own)

    return back


def tried(name: str, function: Any, inputs: tuple[Any, ...], rows: dict[str, Row], planted: int) -> None:
    """One function on one sample: honest, behind a cancelling sum, and mutated."""
    import torch

    from bpcompare import check_gradient

    row = rows.setdefault(name, Row())

    def cancelling(*given: Any) -> Any:
        out = function(*given)
        return out + 100.0 - 100.0 if isinstance(out, torch.Tensor) and out.is_floating_point() else out

    for form in (function, cancelling):
        try:
            check = check_gradient(form, inputs=inputs)
        except ValueError as error:
            row.verdicts["refused"] += 1
            row.why[str(error)[:80]] += 1
            continue
        row.verdicts[check.verdict] += 1
        row.traced += not check.untraced
        row.why[check.untraced[:80]] += bool(check.untraced)
        if check.verdict == "wrong":
            row.wrong.append(f"{str(inputs[0].dtype)[6:]}, {_told(check)}")

    _mutated(row, function, inputs, planted)


def _told(check: Any) -> str:
    """The first wrong gradient, in a line."""
    one = next(finding for finding in check.findings if finding.verdict == "wrong")
    return f"{one.name}{list(one.index) if one.index else ''}: {one.got:.6g}, not {one.expected:.6g}; {one.note or one.cause}"


def _mutated(row: Row, function: Any, inputs: tuple[Any, ...], planted: int) -> None:
    import torch

    from bpcompare import check_gradient

    honest.count = len(inputs)  # type: ignore[attr-defined]
    for title, change in list(mutants(torch).items())[:planted]:
        try:
            right = check_gradient(function, honest(torch, function, None), inputs)
            check = check_gradient(function, honest(torch, function, change), inputs)
        except ValueError:
            return
        if right.verdict not in ("certified", "convention"):
            row.mutants["honest one not certified"] += 1
            continue
        same = [(one.got, one.expected) for one in check.findings] == [(one.got, one.expected) for one in right.findings]
        if check.verdict == "wrong":
            row.mutants["seen"] += 1
        elif same:
            row.mutants["equal here"] += 1
        elif check.verdict == "undecided" or check.power > 0.005:
            row.mutants["below the power"] += 1
        else:
            row.mutants["missed"] += 1
            row.missed.append(f"{title}, {str(inputs[0].dtype)[6:]}, {tuple(inputs[0].shape)}, power {check.power:.2g}")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--mutants", type=int, default=10)
    parser.add_argument("--only")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    rows: dict[str, Row] = {}
    begun = perf_counter()
    left = 0
    for name, function, inputs in cases(given.seeds, given.only):
        if perf_counter() - begun > 60 * given.minutes:
            left += 1
            continue
        tried(name, function, inputs, rows, given.mutants)
    text = _table(rows, left, perf_counter() - begun)
    print(text)
    if given.write:
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


def _table(rows: dict[str, Row], left: int, seconds: float) -> str:
    total, mutated = Counter[str](), Counter[str]()
    for row in rows.values():
        total += row.verdicts
        mutated += row.mutants
    about = " ".join((__doc__ or "").split("\n\n")[2].split())
    lines = [
        "# check_gradient on functions whose gradient is known", "",
        f"`python -m benchmarks.gradients`, {versions(('delta', 'torch'))}. {about}", "",
        f"{len(rows)} functions; {seconds:.0f} s; {left} samples left out for want of time.", "",
        "| honest gradients | " + " | ".join(total) + " |", "|---" * (len(total) + 1) + "|",
        "| " + " | ".join(["checks", *map(str, total.values())]) + " |", "",
        "| mutants | " + " | ".join(mutated) + " |", "|---" * (len(mutated) + 1) + "|",
        "| " + " | ".join(["checks", *map(str, mutated.values())]) + " |", "",
    ]  # fmt: skip
    for title, found in (
        ("Called wrong", {name: row.wrong for name, row in rows.items() if row.wrong}),
        ("Mutants that were missed", {name: row.missed for name, row in rows.items() if row.missed}),
        (
            "Refused or not traced",
            {name: [f"{n}× {why}" for why, n in row.why.items() if why] for name, row in rows.items() if +row.why},
        ),
    ):
        lines += [f"## {title}", ""]
        lines += [
            f"- {name}: {texts[0].strip()}{f' (and {len(texts) - 1} more)' if len(texts) > 1 else ''}"
            for name, texts in found.items()
        ]
        lines += [] if found else ["Nothing."]
        lines += [""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
