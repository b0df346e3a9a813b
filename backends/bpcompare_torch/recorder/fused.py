"""Layers that torch runs as one call, taken apart into steps of time.

Of `mkldnn_rnn_layer` (an LSTM layer in float32 on the CPU) and of `_cudnn_rnn` (all layers of a recurrent network on CUDA) the
outputs h_t of the last layer are recorded, all of them, and the last h_t and c_t of each layer; all else inside is nobody's
numbers, and stays open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from bpcompare.program import Place
from bpcompare_torch.recorder.memory import Kept
from bpcompare_torch.recorder.tape import Entry, Seen

LAYER, NETWORK = "mkldnn_rnn_layer", "_cudnn_rnn"
RELU, TANH, LSTM, GRU = range(4)
"""The modes, as both calls count them."""
GATES = {RELU: 1, TANH: 1, LSTM: 4, GRU: 3}

WEIGHTS = ("w_ih", "w_hh", "b_ih", "b_hh")


def apart(entries: Sequence[Entry]) -> list[Entry]:
    """The calls, with fused layers in steps of time."""
    return [part for entry in entries for part in _parts(entry)]


def _parts(entry: Entry) -> list[Entry]:
    a = entry.arguments
    results = 3 if a.get("mode") == LSTM else 2
    if entry.function not in (LAYER, NETWORK) or a.get("batch_sizes") or any(one is None for one in entry.results[:results]):
        return [entry]
    if entry.function == LAYER:
        return _layer(entry) if a.get("mode") == LSTM else [entry]
    drawn = a.get("train") and a.get("dropout") and a["num_layers"] > 1
    return [entry] if drawn or a.get("proj_size") else _network(entry)


Stepped = tuple[str, dict[str, Any], Seen | None]
"""The function that gives h_t, its arguments, and c_t."""


class Making:
    """The parts of one call in the making."""

    def __init__(self, fused: Entry) -> None:
        self.fused = fused
        self.parts: list[Entry] = []
        y = fused.results[0]
        assert y is not None  # noqa: S101 — looked at before
        self.y = y

    def made(self, function: str, arguments: dict[str, Any], shape: tuple[int, ...], kept: Kept | None = None) -> Seen:
        """The result, of this `shape`, of a part: a `function` of `arguments`. Nobody's numbers, unless they are `kept`."""
        fused, y = self.fused, self.y
        place = Place(fused.place.module, function, fused.place.line, fused.place.custom)
        entry = Entry(function, arguments, place, custom=fused.custom, factors=fused.factors)
        opened = Kept(torch.empty(shape, dtype=y.kept.tensor.dtype, device="meta")) if kept is None else kept
        depends = any(one.depends for one in entry.read())
        seen = Seen("made", opened, y.clock, depends, "", entry, 0, fused.custom, between=kept is None)
        entry.results.append(seen)
        self.parts.append(entry)
        return seen

    def known(self, function: str, arguments: dict[str, Any], tensor: torch.Tensor) -> Seen:
        """The result of a part whose numbers were recorded."""
        return self.made(function, arguments, tuple(tensor.shape), Kept(tensor))

    def end(self, seen: Seen, function: str, arguments: dict[str, Any]) -> None:
        """A result of the fused call itself, made of its parts."""
        fused = self.fused
        place = Place(fused.place.module, fused.function, fused.place.line, fused.place.custom)
        seen.entry, seen.output = Entry(function, arguments, place, [seen], fused.custom), 0
        self.parts.append(seen.entry)

    def cell(self, mode: int, x: Seen, h: Seen, c: Seen | None, weights: Mapping[str, Any]) -> Stepped:
        """One step of time in a `mode`, from the input `x` and the states before it, `h` and `c`; with `weights` by role."""
        examples, size = h.kept.shape
        if mode == GRU:
            sides = {}
            for side, one, w, b in (("input_gates", x, "w_ih", "b_ih"), ("hidden_gates", h, "w_hh", "b_hh")):
                bias = {"bias": weights[b]} if b in weights else {}
                sides[side] = self.made("linear", {"input": one, "weight": weights[w], **bias}, (examples, 3 * size))
            return "_thnn_fused_gru_cell", {**sides, "hx": h}, None
        z = self.made("recurrent_in", {"input": x, "hx": h, **weights}, (examples, GATES[mode] * size))
        if mode != LSTM:
            return "tanh" if mode == TANH else "relu", {"self": z}, None
        c = self.made("lstm_memory", {"self": z, "cx": c}, (examples, size))
        return "lstm_output", {"self": z, "cx": c}, c


def _layer(fused: Entry) -> list[Entry]:
    a, making = fused.arguments, Making(fused)
    y, last_h, last_c = fused.results[:3]
    assert y is not None and last_h is not None and last_c is not None  # noqa: S101, PT018 — looked at before
    weights = {"w_ih": a["weight0"], "w_hh": a["weight1"]}
    if a.get("has_biases"):
        weights |= {"b_ih": a["weight2"], "b_hh": a["weight3"]}
    x: Seen = a["input"]
    times, examples = x.kept.shape[:2]
    size = last_h.kept.shape[-1]
    h, c = (making.known("view", {"self": a[name]}, a[name].kept.tensor.reshape(examples, size)) for name in ("hx_", "cx_"))
    memory: Seen | None = c
    hidden: dict[int, Seen] = {}
    for t in reversed(range(times)) if a.get("reverse") else range(times):
        now = making.known("select", {"self": x, "dim": 0, "index": t}, x.kept.tensor[t])
        function, arguments, memory = making.cell(LSTM, now, h, memory, weights)
        h = hidden[t] = making.known(function, arguments, y.kept.tensor[t])
    making.end(y, "stack", {"tensors": tuple(hidden[t] for t in range(times)), "dim": 0})
    making.end(last_h, "view", {"self": h})
    making.end(last_c, "view", {"self": memory})
    return making.parts


def _network(fused: Entry) -> list[Entry]:
    """All layers, in both directions. Steps of time come first, whatever comes first in memory."""
    a, making, mode = fused.arguments, Making(fused), fused.arguments["mode"]
    ways, axis = 2 if a["bidirectional"] else 1, 1 if a["batch_first"] else 0
    x: Seen = a["input"]
    y = making.y.kept.tensor.movedim(axis, 0)
    size, times = y.shape[-1] // ways, y.shape[0]
    row = [making.known("select", {"self": x, "dim": axis, "index": t}, x.kept.tensor.select(axis, t)) for t in range(times)]
    ends: list[list[Seen | None]] = [[], []]
    for layer in range(a["num_layers"]):
        recorded = layer == a["num_layers"] - 1
        sides = []
        for way in range(ways):
            number, each = layer * ways + way, a["weight_stride0"]
            weights = dict(zip(WEIGHTS, a["weight"][number * each : (number + 1) * each], strict=False))
            h, c = (
                making.known("select", {"self": a[name], "dim": 0, "index": number}, a[name].kept.tensor[number])
                if isinstance(a.get(name), Seen)
                else None
                for name in ("hx", "cx")
            )
            hidden: dict[int, Seen] = {}
            for t in reversed(range(times)) if way else range(times):
                assert h is not None  # noqa: S101 — a network always begins with some h
                function, arguments, c = making.cell(mode, row[t], h, c, weights)
                kept = Kept(y[t][..., way * size : (way + 1) * size]) if recorded else None
                h = hidden[t] = making.made(function, arguments, tuple(h.kept.shape), kept)
            ends[0].append(h)
            ends[1].append(c)
            sides.append(hidden)
        row = [_side_by_side(making, [hidden[t] for hidden in sides], y[t] if recorded else None) for t in range(times)]
    making.end(making.y, "stack", {"tensors": tuple(row), "dim": axis})
    for seen, last in zip(fused.results[1 : 3 if mode == LSTM else 2], ends, strict=False):
        assert seen is not None  # noqa: S101 — looked at before
        making.end(seen, "stack", {"tensors": tuple(last), "dim": 0})
    return making.parts


def _side_by_side(making: Making, sides: Sequence[Seen], known: torch.Tensor | None) -> Seen:
    """Both directions at one time."""
    if len(sides) == 1:
        return sides[0]
    shape = (*sides[0].kept.shape[:-1], sum(side.kept.shape[-1] for side in sides))
    return making.made("cat", {"tensors": tuple(sides), "dim": -1}, shape, None if known is None else Kept(known))
