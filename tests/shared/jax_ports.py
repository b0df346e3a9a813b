"""The model of `ports` in JAX, channels last, with the same mistakes."""

import jax
import jax.numpy as jnp

from ports import batch, dropped, last, model

SCOPES = {
    "another activation": ("act", "act"),
    "another epsilon": ("norm", "norm"),
    "flattened otherwise": ("dense", "dense"),
    "no activation": ("", "pool"),
    "no bias": ("dense", "dense"),
    "not transposed": ("mix.dense", "mix"),
    "not scaled": ("mix", ""),
    "no residual": ("", "head"),
    "mean of the pool": ("pool", "pool"),
    "summed loss": ("", "loss"),
    "masked loss": ("", "loss"),
}
"""By mistake: the module of the model, and the scope of the port, where they part."""


def numbers(t):
    """A tensor as an array."""
    return jnp.asarray(t.detach().contiguous().numpy())


def params():
    """The model's parameters, as JAX keeps them."""
    one = model()

    def dense(layer):
        return {"w": numbers(layer.weight.T), "b": numbers(layer.bias)}

    return {
        "conv": {"w": numbers(one.conv.weight.permute(2, 3, 1, 0)), "b": numbers(one.conv.bias)},
        "norm": {"scale": numbers(one.norm.weight), "bias": numbers(one.norm.bias)},
        "dense": dense(one.dense), "mix": dense(one.mix.dense), "head": dense(one.head),
    }  # fmt: skip


def data():
    """The batch, channels last."""
    x, y = batch()
    return numbers(last(x)), numbers(y)


def loss(mistake=""):
    """loss(params, x, y), with a mistake."""
    is_ = mistake.__eq__

    def found(p, x, y):
        n, scope = len(x), jax.named_scope
        with scope("conv"):
            axes = ("NHWC", "HWIO", "NHWC")
            h = jax.lax.conv_general_dilated(x, p["conv"]["w"], (1, 1), "SAME", dimension_numbers=axes) + p["conv"]["b"]
        h = h if is_("no activation") else jnp.maximum(h, 0)
        with scope("pool"):
            h = h.reshape(n, 2, 2, 2, 2, 3)
            h = h.mean((2, 4)) if is_("mean of the pool") else h.max((2, 4))
        h = h.reshape(n, -1) if is_("flattened otherwise") else h.transpose(0, 3, 1, 2).reshape(n, -1)
        with scope("dense"):
            h = h @ p["dense"]["w"]
            h = h if is_("no bias") else h + p["dense"]["b"]
        with scope("norm"):
            c = h - h.mean(-1, keepdims=True)
            h = c / jnp.sqrt((c * c).mean(-1, keepdims=True) + (1e-6 if is_("another epsilon") else 1e-5))
            h = h * p["norm"]["scale"] + p["norm"]["bias"]
        with scope("act"):
            h = jax.nn.gelu(h, approximate=is_("another activation"))
        with scope("mix"):
            m = h * numbers(dropped()) if is_("dropout") else h
            m = m @ (p["mix"]["w"].T if is_("not transposed") else p["mix"]["w"]) + p["mix"]["b"]
            m = m if is_("not scaled") else m / jnp.sqrt(8)
        h = m if is_("no residual") else (jax.lax.stop_gradient(h) if is_("cut") else h) + m
        with scope("head"):
            s = h @ p["head"]["w"] + (jax.lax.stop_gradient(p["head"]["b"]) if is_("frozen") else p["head"]["b"])
        with scope("loss"):
            s, y = (s[:-1], y[:-1]) if is_("masked loss") else (s, y)
            each = -jax.nn.log_softmax(s)[jnp.arange(len(y)), y]
            return each.sum() if is_("summed loss") else each.mean()

    return found
