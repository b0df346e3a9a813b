"""Backward passes with one slip each, of every kind that is known: forward, backward, inputs, and words of the cause."""

import numpy as np

R = np.random.default_rng(5)
X, G = R.standard_normal((6, 3)), R.uniform(0.5, 1.5, 3)
S, W = R.standard_normal((4, 4)), R.standard_normal((4, 4))
Q, K, V = (R.standard_normal((4, 3)) for _ in range(3))
P = np.abs(X) + 0.5
MASK = R.random((6, 3)) > 0.4
PICKED = np.array([0, 2, 2, 1, 0])


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(q, k, v):
    return softmax(q @ k.T / np.sqrt(3.0)) @ v


def attention_back(q, k, v, dy):
    p = softmax(q @ k.T / np.sqrt(3.0))
    d = dy @ v.T
    d = p * (d - (d * p).sum(-1, keepdims=True))  # the scale is missing
    return d @ k, d.T @ q, p.T @ dy


def recurrent(start):
    def forward(x, w):
        h, found = np.full(3, start), []
        for t in range(4):
            h = np.tanh(w * h + x[t])
            found.append(h)
        return np.stack(found)

    return forward


def recurrent_back(start, later=0, earlier=0, detached=False, overwritten=False):
    def back(x, w, dy):
        h = [np.full(3, start)]
        for t in range(4):
            h.append(np.tanh(w * h[-1] + x[t]))
        g, dx, dw = np.zeros(3), np.zeros_like(x), np.zeros(3)
        for t in reversed(range(4)):
            d = dx[t] = (dy[t] + g) * (1 - h[t + 1 - earlier] ** 2)
            dw = (0 if overwritten else dw) + d * h[t + later]
            g = 0 if detached else d * w
        return dx, dw

    return back


def picked_back(x, dy):
    g = np.zeros_like(x)
    g[PICKED] = 2 * x[PICKED] * dy
    return g


def windows(x):
    return np.array([x[i : i + 3].max() for i in range(5)])


def windows_back(x, dy):
    g = np.zeros_like(x)
    for i, d in zip(range(5), dy, strict=True):
        g[i + np.argmax(x[i : i + 3])] = d
    return g


def _padded(x):
    found = np.full((x.shape[0] + 2, x.shape[1] + 2), -np.inf)
    found[1:-1, 1:-1] = x
    return found


def pooled(x):
    p = _padded(x)
    return np.array([[p[i : i + 3, j : j + 3].max() for j in (0, 2)] for i in (0, 2)])


def pooled_back(x, dy):
    p = _padded(x)
    g = np.zeros_like(p)
    for i in (0, 1):
        for j in (0, 1):
            u, v = np.unravel_index(np.argmax(p[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]), (3, 3))
            g[2 * i + u, 2 * j + v] = dy[i, j]
    return g[1:-1, 1:-1]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def deviation_back(x, dy):
    s = x.std(0)
    return dy / s - (x - x.mean(0)) / (5 * s**3) * (dy * x).sum(0)


SLIPS = {
    "softmax, the diagonal alone": (softmax, lambda x, dy: softmax(x) * (1 - softmax(x)) * dy, (X,), "diagonal of the Jacobian"),
    "softmax without its sum": (softmax, lambda x, dy: softmax(x) * dy, (X,), "second operand of `divide`"),
    "the scale of attention": (attention, attention_back, (Q, K, V), "the derivative of `divide`"),
    "a weight not transposed": (lambda x: x @ W, lambda x, dy: dy @ W, (S,), "other matrix of `matmul`"),
    "a gradient transposed": (lambda x, w: x @ w, lambda x, w, dy: (dy @ w.T, dy.T @ x), (S, W), "transposed"),
    "one row of a broadcast": (lambda x, b: 2 * x + b, lambda x, b, dy: (2 * dy, dy[-1]), (X, G), "only the last row"),
    "the mean over a broadcast": (lambda x, b: 2 * x + b, lambda x, b, dy: (2 * dy, dy.mean(0)), (X, G), "1/6"),
    "1/n of one term": (lambda x: (x**2).mean() + x.sum(), lambda x, dy: dy * (2 * x + 1), (X,), "18 = 6·3"),
    "a 2": (lambda x: ((x - 1) ** 2).mean(), lambda x, dy: dy * (x - 1) / x.size, (X,), "half of the right one"),
    "the base of a logarithm": (lambda x: x * np.log10(x), lambda x, dy: dy * (1 + np.log10(x)), (P,), "of base e"),
    "ddof": (lambda x: x / x.std(0), deviation_back, (X,), "ddof"),
    "another axis": (
        lambda x: x / x.sum(1, keepdims=True),
        lambda x, dy: dy / x.sum(1, keepdims=True) - ((dy * x).sum(1) / x.sum(1) ** 2)[None],
        (np.abs(S) + 1,), "along axis 0, not 1",
    ),
    "an ε left out": (lambda x: np.log(x * x + 0.01), lambda x, dy: dy * 2 / x, (X,), "0.01 that is added"),
    "an ε outside": (
        lambda x: 1 / np.sqrt(x * x + 0.01), lambda x, dy: -dy * x / (abs(x) * (abs(x) + 0.01) ** 2), (X,), "outside of"
    ),
    "an ε within": (lambda x: 1 / (np.sqrt(x * x) + 0.01), lambda x, dy: -dy * x * (x * x + 0.01) ** -1.5, (X,), "within"),
    "another ε": (lambda x: 1 / np.sqrt(x * x + 1e-3), lambda x, dy: -dy * x * (x * x + 1e-5) ** -1.5, (X,), "1e-05"),
    "a mask": (lambda x: np.where(MASK, x * x, 0.0), lambda x, dy: 2 * x * dy, (X,), "`where`"),
    "the mask of relu": (lambda x: 2 * np.maximum(x, 0), lambda x, dy: 2 * dy, (X,), "its mask is missing"),
    "the bounds of clip": (lambda x: np.clip(x, -0.5, 0.5) ** 2, lambda x, dy: 2 * dy * np.clip(x, -0.5, 0.5), (X,), "`clip`"),
    "dropout's scale": (lambda x: x * MASK / 0.6, lambda x, dy: dy * MASK, (X,), "the derivative of `divide`"),
    "tanh by x, not y": (np.tanh, lambda x, dy: dy * (1 - x * x), (X,), "1 − y²"),
    "p(1 − p) twice": (sigmoid, lambda x, dy: dy * (sigmoid(x) * (1 - sigmoid(x))) ** 2, (X,), "there twice"),
    "cumsum not reversed": (lambda x: np.cumsum(x, 0), lambda x, dy: np.cumsum(dy, 0), (X,), "`cumsum`"),
    "roll not reversed": (
        lambda x: np.roll(x, 1, 0) * x, lambda x, dy: np.roll(x, 1, 0) * dy + np.roll(dy * x, 1, 0), (X,), "`roll`"
    ),
    "time, off by one": (recurrent(0.5), recurrent_back(0.5, later=1), (X, G), "off by one in time"),
    "time, another state": (recurrent(0.0), recurrent_back(0.0, earlier=1), (X, G), "off by one in time"),
    "time, not carried on": (recurrent(0.5), recurrent_back(0.5, detached=True), (X, G), "its term is missing"),
    "time, overwritten": (recurrent(0.5), recurrent_back(0.5, overwritten=True), (X, G), "not added up"),
    "rows overwritten": (lambda x: x[PICKED] ** 2, picked_back, (X,), "not added up"),
    "windows overwritten": (windows, windows_back, (np.array([1.0, 2, 9, 3, 4, 5, 8]),), "not added up"),
    "windows with a border overwritten": (
        pooled, pooled_back, (np.diag([1.0, 9, 2, 3]) + np.arange(16.0).reshape(4, 4) / 7,), "not added up"
    ),
    "inputs swapped": (lambda a, b: a * a * b, lambda a, b, dy: (dy * a * a, 2 * dy * a * b), (X, P), "another input"),
    "a sign": (lambda a, b: (a - b) ** 2, lambda a, b, dy: (2 * (a - b) * dy, 2 * (a - b) * dy), (X, P), "the wrong sign"),
    "straight through": (lambda x: np.round(3 * x) / 3 + x * x, lambda x, dy: dy * (1 + 2 * x), (X,), "meant_for="),
    "straight through, no mask": (lambda x: np.clip(np.round(3 * x), -1, 1) / 3, lambda x, dy: dy, (X,), "`clip`"),
    "float32 inside": (
        lambda x: np.exp(x) * x, lambda x, dy: dy * np.exp(x.astype(np.float32)) * (1 + x), (X,), "the digits of float32"
    ),
    "a norm taken for a constant": (
        lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True)), lambda x, dy: dy / np.sqrt((x * x).sum(-1, keepdims=True)), (X,),
        "second operand of `divide`",
    ),
    "max to every element": (lambda x: x.max(1), lambda x, dy: np.repeat(dy[:, None], 3, 1), (X,), "every element were the one"),
    "the second output": (lambda x: (np.sin(x), x.sum(0)), lambda x, dy: dy[0] * np.cos(x), (X,), "second output"),
    "one term of a product": (
        lambda x: x * (1 + np.tanh(0.8 * x)), lambda x, dy: dy * (1 + np.tanh(0.8 * x)), (X,), "second operand of `multiply`"
    ),
    "the exponent": (lambda x: x**3.0, lambda x, dy: 3 * dy * x**3, (X,), "1 smaller"),
    "NaN beside another slip": (
        lambda x: x**3.0, lambda x, dy: np.where(x < -1, np.nan, 2 * dy * x), (X,), "the exponent of `power`"
    ),
}  # fmt: skip
