"""Cells of recurrent layers, one step of time each. The recorder takes a fused layer apart into these.

With open values between the steps, a layer's rounding bound grows from step to step by about |W|.
"""

from __future__ import annotations

from bpcompare import ops
from bpcompare.laws import kernel
from bpcompare.laws.calls.activations import activated
from bpcompare.laws.calls.called import Arguments, Rows
from bpcompare.laws.calls.sums import product
from bpcompare.laws.kernel import Node

rows = Rows()


def _sigmoid(x: Node) -> Node:
    return activated(ops.Sigmoid, x)


def gates(z: Node, count: int) -> list[Node]:
    """The net inputs of the gates, which lie side by side along the last axis."""
    size = z.shape[-1] // count
    return [kernel.cut(z, -1, range(i * size, (i + 1) * size)) for i in range(count)]


@rows.law("recurrent_in")
def _recurrent_in(a: Arguments) -> Node:
    """W_x x + W_h h + b_x + b_h: net inputs of all gates."""
    x, h = product(a.input, kernel.permute(a.w_ih, (1, 0))), product(a.hx, kernel.permute(a.w_hh, (1, 0)))
    return kernel.add(x, h, *(b for b in (a.get("b_ih"), a.get("b_hh")) if b is not None))


@rows.law("lstm_memory", rearranged=True)
def _lstm_memory(a: Arguments) -> Node:
    """c_t = σ(f) c_(t−1) + σ(i) tanh g."""
    i, f, g, _ = gates(a.self, 4)
    return kernel.add(kernel.multiply(_sigmoid(f), a.cx), kernel.multiply(_sigmoid(i), kernel.tanh(g)))


@rows.law("lstm_output", rearranged=True)
def _lstm_output(a: Arguments) -> Node:
    """h_t = σ(o) tanh c_t."""
    return kernel.multiply(_sigmoid(gates(a.self, 4)[3]), kernel.tanh(a.cx))


def _given(a: Arguments, name: str, bias: str) -> Node:
    found: Node = a.get(name)
    return found if a.get(bias) is None else kernel.add(found, a.get(bias))


@rows.law("_thnn_fused_lstm_cell", rearranged=True)
def _fused_lstm_cell(a: Arguments) -> list[Node | None]:
    x, h = _given(a, "input_gates", "input_bias"), _given(a, "hidden_gates", "hidden_bias")
    i, f, g, o = gates(kernel.add(x, h), 4)
    c = kernel.add(kernel.multiply(_sigmoid(f), a.cx), kernel.multiply(_sigmoid(i), kernel.tanh(g)))
    return [kernel.multiply(_sigmoid(o), kernel.tanh(c)), c, None]


@rows.law("_thnn_fused_gru_cell", rearranged=True)
def _fused_gru_cell(a: Arguments) -> list[Node | None]:
    """n + z (h − n) with n = tanh(x_n + r h_n): r resets, z keeps."""
    x, h = (gates(_given(a, f"{side}_gates", f"{side}_bias"), 3) for side in ("input", "hidden"))
    r, z = (_sigmoid(kernel.add(x[i], h[i])) for i in (0, 1))
    n = kernel.tanh(kernel.add(x[2], kernel.multiply(r, h[2])))
    return [kernel.add(n, kernel.multiply(z, kernel.subtract(a.hx, n))), None]
