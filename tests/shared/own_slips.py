"""Custom functions of torch with one slip each in their backward: forward, backward, parameters, and words of the cause.

`forward(*inputs)` returns the result and what is saved; `backward(dy, inputs, saved)` the gradients. The first input is a
batch of shape (5, 8); the others are named parameters: w and v of shape (8,), u of (8, 8).
"""

import math

import torch


def swish(x):
    s = torch.sigmoid(x)
    return x * s, s


def swish_back(dy, inputs, s):
    return dy * (s + inputs[0] * s * (1 - s))


def of(function):
    def forward(x):
        y = function(x)
        return y, y

    return forward


tanh, logistic, relu = of(torch.tanh), of(torch.sigmoid), of(torch.relu)
softmax, log_softmax = of(lambda x: torch.softmax(x, -1)), of(lambda x: torch.log_softmax(x, -1))


def rms(x, w):
    r = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)
    return x * r * w, r


def rms_back(dy, inputs, r, *, power=2, weight=True, mean=True, gradient=None):
    x, w = inputs
    g = dy * w if weight else dy
    inner = (g * x).mean(-1, keepdim=True) if mean else (g * x).sum(-1, keepdim=True)
    return r * (g - x * r**power * inner), (dy * x * r).sum(0) if gradient is None else gradient(dy, x, r)


def norm(x, w, v):
    m, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, correction=0)
    r = torch.rsqrt(var + 1e-5)
    z = (x - m) * r
    return z * w + v, (z, r)


def norm_back(dy, inputs, saved, *, mean=True, var=True, scale=None, shift=None):
    (z, r), g = saved, dy * inputs[1]
    inner = g - g.mean(-1, keepdim=True) if mean else g
    inner = inner - z * (g * z).mean(-1, keepdim=True) if var else inner
    dw = (dy * z).sum(0) if scale is None else scale(dy, inputs[0], z)
    return r * inner, dw, dy.sum(0) if shift is None else shift(dy)


def dense(x, u, v):
    return x @ u.t() + v, None


def dropout(x):
    kept = ((torch.arange(x.numel()).reshape(x.shape) * 7) % 10 < 7).to(x.dtype)
    return x * kept / 0.7, kept


def attention(x, u, w):
    q = x @ u
    p = torch.softmax(q @ x.t() / math.sqrt(8.0), -1)
    return p @ x * w, (q, p)


def attention_back(dy, inputs, saved, *, scale=8**-0.5, whole=True):
    (x, u, _), (q, p), g = inputs, saved, dy * inputs[2]
    d = g @ x.t()
    d = p * (d - (d * p).sum(-1, keepdim=True) if whole else d) * scale
    return p.t() @ g + d @ x @ u.t() + d.t() @ q, x.t() @ d @ x, (dy * (p @ x)).sum(0)


HONEST = {
    "swish": (swish, swish_back, ()),
    "tanh": (tanh, lambda dy, a, y: dy * (1 - y * y), ()),
    "softmax": (softmax, lambda dy, a, y: y * (dy - (dy * y).sum(-1, keepdim=True)), ()),
    "rms": (rms, rms_back, ("w",)),
    "norm": (norm, norm_back, ("w", "v")),
    "dense": (dense, lambda dy, a, _: (dy @ a[1], dy.t() @ a[0], dy.sum(0)), ("u", "v")),
    "attention": (attention, attention_back, ("u", "w")),
}
SLIPS = {
    "sigmoid's 1 − y": (swish, lambda dy, a, s: dy * (s + a[0] * s), (), "`sigmoid`", "were y, with y its result"),
    "a term": (swish, lambda dy, a, s: dy * s, (), "the second operand of `mul`", "its term is missing"),
    "dy": (swish, lambda dy, a, s: swish_back(torch.ones_like(dy), a, s), (), "not multiplied by dy"),
    "|dy|": (swish, lambda dy, a, s: swish_back(dy.abs(), a, s), (), "as if dy were |dy|"),
    "the last row": (
        swish, lambda dy, a, s: swish_back(dy, a, s) * (torch.arange(5) < 4).double()[:, None], (), "its last row is 0",
    ),
    "1 − y": (tanh, lambda dy, a, y: dy * (1 - y), (), "were 1 − y, with y its result: it is 1 − y²"),
    "at the input": (tanh, lambda dy, a, y: dy * (1 - a[0] ** 2), (), "as if its input were the result y of `tanh`"),
    "of tanh": (logistic, lambda dy, a, y: dy * (1 - y * y), (), "1 − y², as of tanh"),
    "a mask turned round": (relu, lambda dy, a, y: dy * (a[0] < 0), (), "its mask is turned round"),
    "r, not squared": (rms, lambda dy, a, r: rms_back(dy, a, r, power=1), ("w",), "`rsqrt`", "were −y²/2", "it is −y³/2"),
    "without the weight": (rms, lambda dy, a, r: rms_back(dy, a, r, weight=False), ("w",), "`mul`", "its factor is missing"),
    "a sum for a mean": (rms, lambda dy, a, r: rms_back(dy, a, r, mean=False), ("w",), "times 8, a size of"),
    "not normalized": (
        rms, lambda dy, a, r: rms_back(dy, a, r, gradient=lambda dy, x, r: (dy * x).sum(0)), ("w",), "the input, from `addmm`",
    ),
    "one row": (
        rms, lambda dy, a, r: rms_back(dy, a, r, gradient=lambda dy, x, r: (dy * x * r)[-1]), ("w",), "only the last row",
    ),
    "the mean's term": (norm, lambda dy, a, s: norm_back(dy, a, s, mean=False), ("w", "v"), "as if `mean`", "were a constant"),
    "the variance's term": (norm, lambda dy, a, s: norm_back(dy, a, s, var=False), ("w", "v"), "as if `var`", "were a constant"),
    "both terms": (
        norm, lambda dy, a, s: norm_back(dy, a, s, mean=False, var=False), ("w", "v"), "`mean`", "`var`", "were constants",
    ),
    "a mean for a sum": (norm, lambda dy, a, s: norm_back(dy, a, s, shift=lambda dy: dy.mean(0)), ("w", "v"), "times 1/5"),
    "u transposed": (dense, lambda dy, a, _: (dy @ a[1].t(), dy.t() @ a[0], dy.sum(0)), ("u", "v"), "`mm`", "transposed"),
    "∂u transposed": (dense, lambda dy, a, _: (dy @ a[1], a[0].t() @ dy, dy.sum(0)), ("u", "v"), "it is transposed"),
    "the diagonal": (softmax, lambda dy, a, y: dy * y * (1 - y), (), "only the diagonal of the Jacobian of `softmax`"),
    "another axis": (softmax, lambda dy, a, y: y * (dy - (dy * y).sum(0, keepdim=True)), (), "the sum in Δ of", "along axis 0"),
    "no exponential": (log_softmax, lambda dy, a, y: dy - y * dy.sum(-1, keepdim=True), (), "dy − y Σ dy, with y its result"),
    "no mask": (dropout, lambda dy, a, kept: dy / 0.7, (), "`mul`", "its factor is missing"),
    "scaled by 1 − p": (dropout, lambda dy, a, kept: dy * kept / 0.3, (), "0.7/(1 − 0.7)"),
    "the scale": (attention, lambda dy, a, s: attention_back(dy, a, s, scale=1.0), ("u", "w"), "`div`", "were 1"),
    "the softmax's sum": (attention, lambda dy, a, s: attention_back(dy, a, s, whole=False), ("u", "w"), "Σ y·dy is missing"),
}  # fmt: skip
