"""Layers that torch runs as one call, taken apart into steps of time.

Of `mkldnn_rnn_layer` (an LSTM layer in float32 on the CPU) the outputs h_t are recorded, all of them; gates and memory inside are
nobody's numbers, and stay open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from bpcompare.program import Place
from bpcompare_torch.recorder.memory import Kept
from bpcompare_torch.recorder.tape import Entry, Seen

LAYER, LSTM = "mkldnn_rnn_layer", 2
"""The fused layer, and its mode for the cell that is taken apart."""


def apart(entries: Sequence[Entry]) -> list[Entry]:
    """The calls, with fused layers in steps of time."""
    return [part for entry in entries for part in (_lstm(entry) if _is_lstm(entry) else [entry])]


def _is_lstm(entry: Entry) -> bool:
    return entry.function == LAYER and entry.arguments.get("mode") == LSTM and not entry.arguments.get("batch_sizes")


def _lstm(layer: Entry) -> list[Entry]:
    a, place = layer.arguments, layer.place
    y, last_h, last_c = layer.results[:3]
    if y is None or last_h is None or last_c is None:
        return [layer]
    parts: list[Entry] = []
    weights = {"w_ih": a["weight0"], "w_hh": a["weight1"]}
    if a.get("has_biases"):
        weights |= {"b_ih": a["weight2"], "b_hh": a["weight3"]}
    x: Seen = a["input"]
    times, examples = x.kept.shape[:2]
    size = last_h.kept.shape[-1]

    def made(function: str, arguments: dict[str, Any], shape: tuple[int, ...], kept: Kept | None = None) -> Seen:
        entry = Entry(function, arguments, Place(place.module, function, place.line, place.custom), custom=layer.custom)
        opened = Kept(torch.empty(shape, dtype=y.kept.tensor.dtype, device="meta")) if kept is None else kept
        depends = any(one.depends for one in entry.read())
        seen = Seen("made", opened, y.clock, depends, "", entry, 0, layer.custom, between=kept is None)
        entry.results.append(seen)
        parts.append(entry)
        return seen

    def known(function: str, arguments: dict[str, Any], tensor: torch.Tensor) -> Seen:
        return made(function, arguments, tuple(tensor.shape), Kept(tensor))

    h, c = (known("view", {"self": a[name]}, a[name].kept.tensor.reshape(examples, size)) for name in ("hx_", "cx_"))
    hidden: dict[int, Seen] = {}
    for t in reversed(range(times)) if a.get("reverse") else range(times):
        now = known("select", {"self": x, "dim": 0, "index": t}, x.kept.tensor[t])
        z = made("recurrent_in", {"input": now, "hx": h, **weights}, (examples, 4 * size))
        c = made("lstm_memory", {"self": z, "cx": c}, (examples, size))
        h = hidden[t] = known("lstm_output", {"self": z, "cx": c}, y.kept.tensor[t])
    ends: dict[Seen, tuple[str, dict[str, Any]]] = {
        y: ("stack", {"tensors": tuple(hidden[t] for t in range(times)), "dim": 0}),
        last_h: ("view", {"self": h}),
        last_c: ("view", {"self": c}),
    }
    for seen, (function, arguments) in ends.items():
        end = Entry(function, arguments, Place(place.module, LAYER, place.line, place.custom), [seen], layer.custom)
        seen.entry, seen.output = end, 0
        parts.append(end)
    return parts
