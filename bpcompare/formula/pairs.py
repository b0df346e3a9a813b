"""The sums of the textbook: Σ w a forward, Σ w Δ back, Σ a Δ for a gradient. Which elements meet in them, op by op."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from bpcompare.network import Layer, Network
from bpcompare.ops import Add, AvgPool2d, Concat, Conv2d, Dense, Dropout, Embedding, Flatten, MaxPool2d, Scale
from bpcompare.ops.op import LayerOp

Get = Callable[[str], Any]
Index = tuple[int, ...]


@dataclass(frozen=True)
class Pairs:
    """Σ left[left_at] · right[right_at] over rows of indices; without `left` every right-hand element counts `factor` times.

    `symbol` names the factor where it has a name.
    """

    right: str
    right_at: Any
    left: str | None = None
    left_at: Any = None
    factor: float = 1.0
    symbol: str = ""


def forward_pairs(network: Network, name: str, at: Index, get: Get) -> list[Pairs] | None:
    """in of layer `name` at (example, …) as Σ w a, without its bias; None where the op is no such sum."""
    layer = network.layers[name]
    form = _FORWARD.get(type(layer.op))
    return None if form is None else form(network, name, layer, at, get)


def delta_pairs(network: Network, consumer: str, slot: int, at: Index, get: Get) -> list[Pairs] | None:
    """What layer `consumer` sends back to element `at` of its source number `slot`, as Σ w Δ; None likewise."""
    layer = network.layers[consumer]
    form = _DELTA.get(type(layer.op))
    return None if form is None else form(network, consumer, layer, slot, at, get)


def gradient_pairs(network: Network, name: str, role: str, at: Index, get: Get) -> list[Pairs] | None:
    """−∂E/∂p at element `at` of the parameter with this role as Σ a Δ; None likewise."""
    layer = network.layers[name]
    form = _GRADIENT.get(type(layer.op))
    return None if form is None else form(network, name, layer, role, at, get)


def _rows(*columns: Any) -> Any:
    """Index rows from columns, each a number or a range of them."""
    return np.stack(np.broadcast_arrays(*(np.asarray(column) for column in columns)), axis=-1).reshape(-1, len(columns))


def _dense_forward(network: Network, name: str, layer: Layer, at: Index, get: Get) -> list[Pairs]:
    row, unit = at
    found = []
    for source, start in zip(layer.sources, network.starts[name], strict=True):
        i = np.arange(network.shape(source)[0])
        found.append(Pairs(f"{source}.a", _rows(row, i), layer.parameters["weight"], _rows(start + i, unit)))
    return found


def _dense_delta(network: Network, name: str, layer: Layer, slot: int, at: Index, get: Get) -> list[Pairs]:
    row, unit = at
    k = np.arange(network.shape(name)[0])
    weight = _rows(network.starts[name][slot] + unit, k)
    return [Pairs(f"{name}.delta", _rows(row, k), layer.parameters["weight"], weight)]


def _dense_gradient(network: Network, name: str, layer: Layer, role: str, at: Index, get: Get) -> list[Pairs]:
    b = np.arange(len(get(f"{name}.delta")))
    if role == "bias":
        return [Pairs(f"{name}.delta", _rows(b, at[0]))]
    row, unit = at
    source, start = next(
        (s, start) for s, start in zip(reversed(layer.sources), reversed(network.starts[name]), strict=True) if start <= row
    )
    return [Pairs(f"{name}.delta", _rows(b, unit), f"{source}.a", _rows(b, row - start))]


def _conv_forward(network: Network, name: str, layer: Layer, at: Index, get: Get) -> list[Pairs]:
    op: Any = layer.op
    (source,) = layer.sources
    row, channel, y, x = at
    channels, high, wide = network.shape(source)
    seen = [
        ((channel, c, u, v), (row, c, py, px))
        for c, u, v in product(range(channels), range(op.kernel[0]), range(op.kernel[1]))
        if 0 <= (py := y * op.stride[0] + u - op.padding[0]) < high and 0 <= (px := x * op.stride[1] + v - op.padding[1]) < wide
    ]
    return _paired(f"{source}.a", [a for _, a in seen], layer.parameters["weight"], [w for w, _ in seen])


def _conv_delta(network: Network, name: str, layer: Layer, slot: int, at: Index, get: Get) -> list[Pairs]:
    op: Any = layer.op
    row, c, py, px = at
    channels, high, wide = network.shape(name)
    seen = []
    for u, v in product(range(op.kernel[0]), range(op.kernel[1])):
        y, off_y = divmod(py + op.padding[0] - u, op.stride[0])
        x, off_x = divmod(px + op.padding[1] - v, op.stride[1])
        if not off_y and not off_x and 0 <= y < high and 0 <= x < wide:
            seen += [((o, c, u, v), (row, o, y, x)) for o in range(channels)]
    return _paired(f"{name}.delta", [d for _, d in seen], layer.parameters["weight"], [w for w, _ in seen])


def _conv_gradient(network: Network, name: str, layer: Layer, role: str, at: Index, get: Get) -> list[Pairs]:
    op: Any = layer.op
    delta = get(f"{name}.delta")
    if role == "bias":
        b, y, x = np.indices((delta.shape[0], *delta.shape[2:])).reshape(3, -1)
        return [Pairs(f"{name}.delta", _rows(b, at[0], y, x))]
    channel, c, u, v = at
    (source,) = layer.sources
    _, high, wide = network.shape(source)
    b, y, x = np.indices((delta.shape[0], *delta.shape[2:])).reshape(3, -1)
    py, px = y * op.stride[0] + u - op.padding[0], x * op.stride[1] + v - op.padding[1]
    inside = (py >= 0) & (py < high) & (px >= 0) & (px < wide)
    b, y, x, py, px = (one[inside] for one in (b, y, x, py, px))
    return [Pairs(f"{name}.delta", _rows(b, channel, y, x), f"{source}.a", _rows(b, c, py, px))]


def _paired(right: str, right_at: list[Index], left: str, left_at: list[Index]) -> list[Pairs]:
    return [Pairs(right, np.array(right_at), left, np.array(left_at))] if right_at else []


def _window(op: Any, at: Index) -> list[Index]:
    row, c, y, x = at
    return [(row, c, y * op.stride[0] + u, x * op.stride[1] + v) for u, v in product(range(op.kernel[0]), range(op.kernel[1]))]


def _windows_over(network: Network, name: str, op: Any, at: Index) -> list[Index]:
    """The windows of a pooling layer that see pixel `at`."""
    row, c, py, px = at
    _, high, wide = network.shape(name)
    found: list[Index] = []
    for u, v in product(range(op.kernel[0]), range(op.kernel[1])):
        y, off_y = divmod(py - u, op.stride[0])
        x, off_x = divmod(px - v, op.stride[1])
        if not off_y and not off_x and 0 <= y < high and 0 <= x < wide:
            found.append((row, c, y, x))
    return found


def _largest(source: Any, op: Any, at: Index) -> Index:
    window = _window(op, at)
    return window[int(np.argmax([source[one] for one in window]))]


def _max_forward(network: Network, name: str, layer: Layer, at: Index, get: Get) -> list[Pairs]:
    path = f"{layer.sources[0]}.a"
    return [Pairs(path, np.array([_largest(get(path), layer.op, at)]))]


def _max_delta(network: Network, name: str, layer: Layer, slot: int, at: Index, get: Get) -> list[Pairs]:
    source = get(f"{layer.sources[0]}.a")
    won = [w for w in _windows_over(network, name, layer.op, at) if _largest(source, layer.op, w) == at]
    return [Pairs(f"{name}.delta", np.array(won))] if won else []


def _avg_factor(layer: Layer) -> float:
    op: Any = layer.op
    return float(1.0 / (op.kernel[0] * op.kernel[1]))


def _avg_forward(network: Network, name: str, layer: Layer, at: Index, get: Get) -> list[Pairs]:
    return [Pairs(f"{layer.sources[0]}.a", np.array(_window(layer.op, at)), factor=_avg_factor(layer), symbol="1/window")]


def _avg_delta(network: Network, name: str, layer: Layer, slot: int, at: Index, get: Get) -> list[Pairs]:
    over = _windows_over(network, name, layer.op, at)
    return [Pairs(f"{name}.delta", np.array(over), factor=_avg_factor(layer), symbol="1/window")] if over else []


def _add_forward(network: Network, name: str, layer: Layer, at: Index, get: Get) -> list[Pairs]:
    return [Pairs(f"{source}.a", np.array([at])) for source in layer.sources]


def _same_delta(network: Network, name: str, layer: Layer, slot: int, at: Index, get: Get) -> list[Pairs]:
    return [Pairs(f"{name}.delta", np.array([at]))]


def _concat_forward(network: Network, name: str, layer: Layer, at: Index, get: Get) -> list[Pairs]:
    row, first, *others = at
    source, start = next(
        (s, start) for s, start in zip(reversed(layer.sources), reversed(network.starts[name]), strict=True) if start <= first
    )
    return [Pairs(f"{source}.a", np.array([(row, first - start, *others)]))]


def _concat_delta(network: Network, name: str, layer: Layer, slot: int, at: Index, get: Get) -> list[Pairs]:
    row, first, *others = at
    return [Pairs(f"{name}.delta", np.array([(row, network.starts[name][slot] + first, *others)]))]


def _scale_forward(network: Network, name: str, layer: Layer, at: Index, get: Get) -> list[Pairs]:
    op: Any = layer.op
    return [Pairs(f"{layer.sources[0]}.a", np.array([at]), factor=op.factor, symbol="factor")]


def _scale_delta(network: Network, name: str, layer: Layer, slot: int, at: Index, get: Get) -> list[Pairs]:
    op: Any = layer.op
    return [Pairs(f"{name}.delta", np.array([at]), factor=op.factor, symbol="factor")]


def _flatten_forward(network: Network, name: str, layer: Layer, at: Index, get: Get) -> list[Pairs]:
    (source,) = layer.sources
    inside = np.unravel_index(at[1], network.shape(source))
    return [Pairs(f"{source}.a", np.array([(at[0], *map(int, inside))]))]


def _flatten_delta(network: Network, name: str, layer: Layer, slot: int, at: Index, get: Get) -> list[Pairs]:
    flat = int(np.ravel_multi_index(at[1:], network.shape(layer.sources[0]))) if len(at) > 1 else 0
    return [Pairs(f"{name}.delta", np.array([(at[0], flat)]))]


def _dropout(path: str, name: str, op: Any, at: Index, get: Get) -> list[Pairs]:
    kept = float(get(f"{name}.mask")[at]) / (1.0 - op.rate)
    return [Pairs(path, np.array([at]), factor=kept, symbol="mask/(1 − rate)")]


def _dropout_forward(network: Network, name: str, layer: Layer, at: Index, get: Get) -> list[Pairs]:
    return _dropout(f"{layer.sources[0]}.a", name, layer.op, at, get)


def _dropout_delta(network: Network, name: str, layer: Layer, slot: int, at: Index, get: Get) -> list[Pairs]:
    return _dropout(f"{name}.delta", name, layer.op, at, get)


def _embedding_forward(network: Network, name: str, layer: Layer, at: Index, get: Get) -> list[Pairs]:
    picked = int(get(f"{layer.sources[0]}.a")[at[:-1]])
    return [Pairs(layer.parameters["weight"], np.array([(picked, at[-1])]))]


def _embedding_gradient(network: Network, name: str, layer: Layer, role: str, at: Index, get: Get) -> list[Pairs]:
    places = np.argwhere(np.asarray(get(f"{layer.sources[0]}.a")) == at[0])
    if not len(places):
        return []
    return [Pairs(f"{name}.delta", np.concatenate([places, np.full((len(places), 1), at[1])], axis=1))]


_FORWARD: Mapping[type[LayerOp], Callable[..., list[Pairs]]] = {
    Dense: _dense_forward,
    Conv2d: _conv_forward,
    MaxPool2d: _max_forward,
    AvgPool2d: _avg_forward,
    Add: _add_forward,
    Concat: _concat_forward,
    Scale: _scale_forward,
    Flatten: _flatten_forward,
    Dropout: _dropout_forward,
    Embedding: _embedding_forward,
}
_DELTA: Mapping[type[LayerOp], Callable[..., list[Pairs]]] = {
    Dense: _dense_delta,
    Conv2d: _conv_delta,
    MaxPool2d: _max_delta,
    AvgPool2d: _avg_delta,
    Add: _same_delta,
    Concat: _concat_delta,
    Scale: _scale_delta,
    Flatten: _flatten_delta,
    Dropout: _dropout_delta,
}
_GRADIENT: Mapping[type[LayerOp], Callable[..., list[Pairs]]] = {
    Dense: _dense_gradient,
    Conv2d: _conv_gradient,
    Embedding: _embedding_gradient,
}
