"""Gives the numbers of an exact plan more significant bits, one number at a time.

A change is kept if still nothing rounds, and if fewer steps are `blurred`: steps that a narrower format would pass unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.dyadic import InexactError
from bpcompare.plan import Plan
from bpcompare.proof.exact.draft import Draft, Entry
from bpcompare.proof.exact.numbers import Numbers
from bpcompare.proof.exact.sight import Blur, widest
from bpcompare.proof.exact.twins import twins

TRIES, PASSES = 16, 3
"""Proposals for each number before it stays short, and how often it gets its turn."""
TOGETHER = 3
"""Proposals for all weights at once."""
SEVERAL, NARROW = 4, 64
"""Entries of one array that are made long together, in arrays larger than that."""


Queue = tuple[Iterator[Numbers], tuple[str, ...], str]
"""Proposals for one number, the kinds of number that they make longer, or the parameter."""


class Lengthening:
    """An exact plan whose numbers are being changed: its numbers, the values of its claims, and the steps still blurred."""

    def __init__(self, start: Plan, numbers: Numbers, random: np.random.Generator) -> None:
        """Raises InexactError where already the short numbers round."""
        self.start, self.numbers, self.random = start, numbers, random
        _, self.limit = widest(start.dtype)
        self.same = twins(start.network)
        self.draft = Draft(start)
        self.entries: Mapping[str, Entry] = {}
        self._take(numbers, self.draft.evaluated(numbers, {}))

    def _take(self, numbers: Numbers, entries: Mapping[str, Entry]) -> None:
        self.numbers, self.entries = numbers, entries
        self.blurred = _blurred(entries)

    def right(self, path: str) -> Array:
        """What the laws make of the numbers."""
        return self.entries[path][1]

    def run(self, weights_first: bool, most: int) -> None:
        """Lengthen each number, then once more those that another number kept short, until `most` claims were evaluated."""
        network = self.start.network
        forward, backward = (".in", ".a", "error"), (".delta", ".gradient", "error")
        role = {name: uses[0][1] for name, uses in network.uses.items()}
        weights: list[Queue] = [(self._weights(name), (), name) for name in role if role[name] == "weight"]
        biases: list[Queue] = [(self._biases(name), (), name) for name in role if role[name] != "weight"]
        queues: list[Queue] = [(self._data(name), forward, "") for name in network.inputs if name not in network.integer_inputs]
        queues.append((self._targets(), backward, ""))
        queues = [*weights, *queues] if weights_first else [*queues, *weights]
        queues += biases
        queues += [(self._slots(path), (), path.rsplit(".", 2)[0]) for path in self.numbers.slots]
        for _ in range(TOGETHER if weights_first else 0):
            if self._taken(self._joint(weights)):
                break
        for _ in range(PASSES):
            for proposals, kinds, name in queues:
                for _, numbers in zip(range(TRIES), proposals, strict=False):
                    if self.draft.effort > most:
                        return
                    if not any(_concerns(blur, kinds, name) for blur in self.blurred) or self._taken(numbers):
                        break

    def _joint(self, weights: Sequence[Queue]) -> Numbers:
        """One proposal for every weight at once: of twins, they do not hinder one another."""
        moved = {name: next(proposals).parameters[name] for proposals, _, name in weights}
        return replace(self.numbers, parameters={**self.numbers.parameters, **moved})

    def _taken(self, numbers: Numbers) -> bool:
        try:
            entries = self.draft.evaluated(numbers, self.entries)
        except InexactError:
            return False
        if len(_blurred(entries)) >= len(self.blurred):
            return False
        self._take(numbers, entries)
        return True

    # for each number, proposals without end; twins are moved alike where that is not felt behind them

    def _data(self, name: str) -> Iterator[Numbers]:
        twin = self.same[name]
        while True:
            x = np.array(self.numbers.inputs[name], np.float64)
            flat = x.reshape(len(x), -1)
            example, feature = self.random.integers(len(flat)), self.random.integers(flat.shape[1])
            number = self._long(flat[example, feature])
            if self.random.random() < 0.5:  # alone in its example it meets fewer other long numbers
                flat[example] = 0.0
            flat[example, [feature, twin[feature]]] = number
            yield replace(self.numbers, inputs={**self.numbers.inputs, name: x})

    def _targets(self) -> Iterator[Numbers]:
        twin = self.same[self.start.network.error.of]
        while True:
            offset = np.array(self.numbers.offset)
            flat = offset.reshape(len(offset), -1)
            example, feature = self.random.integers(len(flat)), self.random.integers(flat.shape[1])
            # With the sign of the others, so that the sum over examples is no shorter than its widest term.
            flat[example, feature] = 0.0
            sign = 1.0 if flat[:, feature].sum() >= 0 else -1.0
            flat[example, [feature, twin[feature]]] = self._long(sign)
            yield replace(self.numbers, offset=offset)

    def _slots(self, path: str) -> Iterator[Numbers]:
        while True:
            x = np.array(self.numbers.slots[path])
            chosen = self.random.integers(x.size, size=SEVERAL)
            x.flat[chosen] = self._long(1.0, spare=3)
            yield replace(self.numbers, slots={**self.numbers.slots, path: x})

    def _weights(self, name: str) -> Iterator[Numbers]:
        layer, _ = self.start.network.uses[name][0]
        matrix = self.start.network.layers[layer].op.connects is not None
        while True:
            w = self.numbers.parameters[name]
            number = SEVERAL if w.size > NARROW and self.random.random() < 0.5 else 1
            for moved in list(self._squares(w, layer, number)) if matrix else [self._entries(w, number)]:
                yield self._with(name, moved)
            yield self.numbers

    def _biases(self, name: str) -> Iterator[Numbers]:
        layer, _ = self.start.network.uses[name][0]
        silenced = self.start.network.layers[layer].g.off_below_zero
        while True:
            b = np.array(self.numbers.parameters[name])
            unit = int(self.random.integers(len(b)))
            other = min(int(unit) ^ 1, len(b) - 1)
            if silenced and self.random.random() < 0.5:
                # A unit whose bias makes it 0 in all examples passes no Δ on.
                dead = [unit, other][: self.random.integers(1, 3)]
                net_in = np.moveaxis(self.right(f"{layer}.in"), 1, 0)
                b[dead] = -self._long(2.0 ** np.ceil(np.log2(max(np.abs(net_in[dead]).max(), 1.0)) + 1))
            else:
                b[unit] = self._long(b[unit])
                b[other] = (b[unit], 2 * np.rint(b[unit]) - b[unit], b[other])[self.random.integers(3)]
            yield self._with(name, b)

    def _with(self, name: str, x: Array) -> Numbers:
        return replace(self.numbers, parameters={**self.numbers.parameters, name: x})

    def _entries(self, x: Array, number: int) -> Array:
        """Single entries longer, with their twins along the last axis."""
        along = x.reshape(-1, x.shape[-1]).copy()
        rows, columns = (self.random.integers(n, size=number) for n in along.shape)
        along[rows, columns] = along[rows, np.minimum(columns ^ 1, along.shape[1] - 1)] = self._long(1.0)
        return along.reshape(x.shape)

    def _squares(self, w: Array, layer: str, number: int) -> Iterator[Array]:
        """ε around a square of twins where there are such; else in a row or column of them, or at one entry."""
        matrix = w.T if w.ndim == 2 else w.reshape(len(w), -1)  # columns × rows, as kernels have it
        a, delta = self._around(layer)
        rows, columns = _pairs(a), _pairs(delta)
        used = np.argwhere(matrix)
        used = used[self.random.permutation(len(used))]
        area = matrix.shape[1] // len(a)
        for want_row, want_column in ((True, True), (True, False), (False, True), (False, False)):
            moved, left = matrix.copy(), number
            for k, i in used:
                other_i = rows.get(i // area, -1) if want_row else -2
                other_k = columns.get(k, -1) if want_column else -2
                if -1 in (other_i, other_k) or not left:
                    continue
                left -= 1
                step = self._long(moved[k, i]) - moved[k, i]
                i2, k2 = other_i * area + i % area, other_k
                moved[k, i] += step
                if want_row:
                    moved[k, i2] -= step
                if want_column:
                    moved[k2, i] -= step
                if want_row and want_column:
                    moved[k2, i2] += step
            if left < number:
                yield (moved.T if w.ndim == 2 else moved).reshape(w.shape)

    def _around(self, layer: str) -> tuple[Array, Array]:
        """What a layer reads and its Δ, one row a unit or channel."""
        network = self.start.network
        sources = [self.right(f"{s}.a") if s in network.layers else self.numbers.inputs[s] for s in network.layers[layer].sources]
        a = np.concatenate([np.asarray(x, np.float64) for x in sources], axis=1)
        delta = self.right(f"{layer}.delta")
        return np.moveaxis(a, 1, 0).reshape(a.shape[1], -1), np.moveaxis(delta, 1, 0).reshape(delta.shape[1], -1)

    def _long(self, x: float, spare: int = 0) -> float:
        """A number of the size of x that needs one bit more than the narrower format has, and some to spare."""
        size = 2.0 ** np.floor(np.log2(abs(x))) if x else 1.0
        return float(np.copysign((abs(x) or 1.0) + size * 2.0 ** -(self.limit + spare), x))


def _blurred(entries: Mapping[str, Entry]) -> tuple[Blur, ...]:
    return tuple(blur for _, _, blurs in entries.values() for blur in blurs)


def _concerns(blur: Blur, kinds: tuple[str, ...], name: str) -> bool:
    """Whether longer numbers of these kinds, or of the parameter `name`, could help."""
    if name:
        return name == blur.operand or blur.path.startswith(f"{name}.")
    return blur.path.endswith(kinds) or blur.operand.endswith(kinds)


def _pairs(rows: Array) -> Mapping[int, int]:
    """Of all rows that are equal and not zero: each with another one."""
    alike: dict[bytes, list[int]] = {}
    for number, row in enumerate(rows):
        if row.any():
            alike.setdefault((row + 0.0).tobytes(), []).append(number)
    return {one: group[at - 1] for group in alike.values() if len(group) > 1 for at, one in enumerate(group)}
