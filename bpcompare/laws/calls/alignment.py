"""Connectionist temporal classification: the error of a text over all its alignments in time (Graves et al., ICML 2006)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpcompare.laws.calls.called import Arguments, Rows, plainly
from bpcompare.laws.kernel import Node, lifted
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, masked, total

rows = Rows()
ONE = 1e-2
"""How far from 1 shares may add up to: what 16 bits make of them, and no more."""


class Chain:
    """α and β over the states of each example: its classes with blanks around, as logarithms.

    `classes[b, s]` is the class of state s, `there` which states an example has, `skips` which may be entered two states on. What
    is not reached has no number: `alive` marks what has.
    """

    def __init__(self, x: Num, targets: Sequence[Array], times: Array, blank: int) -> None:
        self.x, self.times = x, times
        count = len(targets)
        self.ends = np.array([2 * len(one) for one in targets])
        states = int(self.ends.max(initial=0)) + 1
        self.classes = np.full((count, states), blank)
        for example, one in enumerate(targets):
            self.classes[example, 1 : 2 * len(one) : 2] = one
        self.there = np.arange(states) <= self.ends[:, None]
        before = np.pad(self.classes, ((0, 0), (2, 0)), constant_values=-1)[:, :states]
        self.skips = (self.classes != blank) & (self.classes != before) & (np.arange(states) > 1)
        self.examples = np.arange(count)[:, None]

    def scores(self, t: int) -> Num:
        """ln of the share of each state's class at time t."""
        return self.x[t][self.examples, self.classes]

    def forward(self) -> tuple[list[Num], list[Array]]:
        """α_t(s) = x_t(s) + ln(e^α_(t−1)(s) + e^α_(t−1)(s−1) + e^α_(t−1)(s−2)), the last where that may be skipped."""
        alive = self.there & (np.arange(self.there.shape[1]) < 2)
        alpha, lives = [masked(alive, self.scores(0))], [alive]
        for t in range(1, self.x.shape[0]):
            found, alive = logs_added([(shifted(alpha[-1], by), may) for by, may in self._from(lives[-1])])
            alpha.append(masked(alive, found + self.scores(t)))
            lives.append(alive)
        return alpha, lives

    def _from(self, alive: Array) -> list[tuple[int, Array]]:
        return [(by, shifted(alive, by) & self.there & (self.skips if by == 2 else True)) for by in (0, 1, 2)]

    def backward(self) -> tuple[list[Num], list[Array]]:
        """β_t(s) likewise, from each example's last time back."""
        last = (np.arange(self.there.shape[1]) >= self.ends[:, None] - 1) & self.there
        steps = self.x.shape[0]
        beta: list[Any] = [None] * steps
        lives: list[Any] = [None] * steps
        for t in reversed(range(steps)):
            begins = (self.times - 1 == t)[:, None]
            alive, found = last & begins, masked(np.zeros(last.shape, bool), self.scores(t))
            if t + 1 < steps:
                onto = [(by, shifted(lives[t + 1] & (self.skips if by == 2 else True), -by)) for by in (0, 1, 2)]
                goes_on = (self.times - 1 > t)[:, None]
                found, on = logs_added([(shifted(beta[t + 1], -by), may & self.there & goes_on) for by, may in onto])
                alive = alive | on
            beta[t], lives[t] = masked(alive, found + self.scores(t)), alive
        return beta, lives

    def error(self, alpha: Sequence[Num], lives: Sequence[Array]) -> tuple[Num, Array]:
        """−ln of the sum over both last states at each example's last time, and whether there is any way."""
        ends = []
        for back in (0, 1):
            at = np.maximum(self.ends - back, 0)
            may = np.array([lives[t - 1][b, at[b]] for b, t in enumerate(self.times)]) & (self.ends - back >= 0)
            value = np.concatenate([np.reshape(alpha[t - 1][b, int(at[b])], (1,)) for b, t in enumerate(self.times)])
            ends.append((value, may))
        found, any_way = logs_added(ends)
        return -found, any_way


def shifted(x: Num, by: int) -> Num:
    """Entry s − by at s along the last axis, 0 beyond its ends."""
    if by == 0:
        return x
    size = x.shape[-1]
    by = max(-size, min(size, by))
    kept, near, far = (x[:, : size - by], by, 0) if by > 0 else (x[:, -by:], 0, -by)
    return np.pad(kept, ((0, 0), (near, far)))


def logs_added(terms: Sequence[tuple[Num, Array]]) -> tuple[Num, Array]:
    """ln Σ eˣ of the terms that are alive, entry by entry, and whether any is; a plain number is subtracted from each before."""
    tops = [np.where(may, plainly(x), -np.inf) for x, may in terms]
    alive = np.logical_or.reduce([may for _, may in terms])
    top = np.where(alive, np.maximum.reduce(tops), 0.0)
    parts = [masked(may, np.exp(masked(may, x - top))) for x, may in terms]
    return masked(alive, np.log(np.where(alive, total(parts), 1.0)) + top), alive


@rows.law("_ctc_loss", "_cudnn_ctc_loss", rearranged=True)
def _ctc_loss(a: Arguments) -> list[Node | None]:
    """−ln of the share of all alignments of a text;  e^x − γ for each class, with the share γ of the alignments that are there.

    torch's Δ is that for scores which come out of a log-softmax: e^x is what its way back needs, and adds nothing there. For
    scores whose shares do not add up to 1 it is the derivative of nothing, and this law does not speak. A text that has no
    alignment has the error ∞, and where the caller asks for that no Δ.
    """
    x = lifted(a.log_probs)
    sums = np.exp(plainly(x)).sum(axis=-1)
    if x.ndim != 3 or not (np.abs(sums - 1.0) < ONE).all():
        raise LookupError("scores that are no logarithms of shares: torch's Δ is then that of no function")
    times, lengths = (np.asarray(a.get(name), np.int64).reshape(-1) for name in ("input_lengths", "target_lengths"))
    targets, texts = np.asarray(a.targets), []
    for example, length in enumerate(lengths):
        start = 0 if targets.ndim == 2 else int(lengths[:example].sum())
        texts.append((targets[example] if targets.ndim == 2 else targets)[start : start + int(length)])

    def chain() -> Chain:
        return Chain(x.value, texts, times, int(a.get("blank", 0)))

    def error() -> Num:
        states = chain()
        found, any_way = states.error(*states.forward())
        return found if any_way.all() else np.where(any_way, found, np.inf)

    def back(dy: Num) -> Num:
        states = chain()
        alpha, lives = states.forward()
        beta, ends = states.backward()
        found, any_way = states.error(alpha, lives)
        if not any_way.all() and not a.get("zero_infinity"):
            raise LookupError("a text that has no alignment")
        kinds, parts = x.shape[-1], []
        one_hot = states.classes[:, :, None] == np.arange(kinds)
        for t in range(x.shape[0]):
            alive = lives[t] & ends[t]
            inside = masked(alive, alpha[t] + beta[t] - states.scores(t) + np.reshape(found, (-1, 1)))
            share = masked(alive, np.exp(inside))
            each = total(masked(one_hot, np.broadcast_to(np.expand_dims(share, -1), one_hot.shape)), axis=1)
            now = ((states.times > t) & any_way)[:, None]
            part = masked(np.broadcast_to(now, each.shape), (np.exp(x.value[t]) - each) * np.reshape(dy, (-1, 1)))
            parts.append(np.expand_dims(part, 0))
        return np.concatenate(parts, axis=0)

    return [Node((x.shape[1],), error, [(x, back)]), None]
