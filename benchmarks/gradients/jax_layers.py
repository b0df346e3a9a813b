"""Layers and losses in JAX: optax's losses, normalizations, attention, recurrent cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.gradients.sample import Row


def losses() -> dict[str, Row]:
    """Of optax."""
    import optax

    return {
        "squared_error": (optax.squared_error, "xx"),
        "l2_loss": (optax.l2_loss, "xx"),
        "huber_loss": (optax.huber_loss, "xx"),
        "log_cosh": (optax.log_cosh, "xx"),
        "cosine_similarity": (optax.cosine_similarity, "xx"),
        "cosine_distance": (optax.cosine_distance, "xx"),
        "softmax_cross_entropy": (optax.softmax_cross_entropy, "xo"),
        "softmax_cross_entropy_with_integer_labels": (optax.softmax_cross_entropy_with_integer_labels, "xi"),
        "sigmoid_binary_cross_entropy": (optax.sigmoid_binary_cross_entropy, "xb"),
        "hinge_loss": (lambda x, b: optax.hinge_loss(x, 2 * b - 1), "xb"),
        "kl_divergence": (lambda x, y: optax.kl_divergence(_log_softmax(x), _log_softmax(y, soft=True)), "xx"),
        "sigmoid_focal_loss": (lambda x, b: optax.sigmoid_focal_loss(x, b, alpha=0.3), "xb"),
        "poly_loss_cross_entropy": (optax.losses.poly_loss_cross_entropy, "xo"),
        "convex_kl_divergence": (lambda x, y: optax.convex_kl_divergence(_log_softmax(x), _log_softmax(y, soft=True)), "xx"),
        "smooth_labels": (lambda x, o: optax.softmax_cross_entropy(x, optax.smooth_labels(o, 0.1)), "xo"),
        "triplet_margin_loss": (optax.losses.triplet_margin_loss, "xxx"),
        "ctc_loss": (_ctc, "t"),
    }


def _log_softmax(x: Any, *, soft: bool = False) -> Any:
    import jax

    return jax.nn.softmax(x) if soft else jax.nn.log_softmax(x)


def _ctc(x: Any) -> Any:
    import jax.numpy as jnp
    import optax

    return optax.ctc_loss(
        x, jnp.zeros((2, 3), x.dtype), jnp.array([[1, 2], [3, 0]]), jnp.array([[0.0, 0.0], [0.0, 1.0]], x.dtype)
    )


def normalizations(jax: Any, jnp: Any) -> dict[str, Row]:
    """By hand, and of Flax."""

    def layer_norm(x: Any, g: Any, b: Any) -> Any:
        return (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * g + b

    def rms_norm(x: Any, g: Any) -> Any:
        return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + 1e-6) * g

    def batch_norm(x: Any, g: Any, b: Any) -> Any:
        return (x - x.mean(0)) / jnp.sqrt(x.var(0) + 1e-5) * g + b

    def group_norm(t: Any) -> Any:
        z = t.reshape(2, 3, 2, 2)
        return ((z - z.mean((1, 3), keepdims=True)) / jnp.sqrt(z.var((1, 3), keepdims=True) + 1e-5)).reshape(t.shape)

    def weight_norm(x: Any, w: Any) -> Any:
        return x @ (w / jnp.linalg.norm(w, axis=0))

    return {
        "layer_norm": (layer_norm, "xvv"),
        "rms_norm": (rms_norm, "xv"),
        "batch_norm": (batch_norm, "xvv"),
        "group_norm": (group_norm, "t"),
        "weight_norm": (weight_norm, "xw"),
    } | {f"flax {name}": (_flax(name), "t") for name in ("LayerNorm", "RMSNorm", "BatchNorm", "InstanceNorm")}


def _flax(name: str) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        import jax
        from flax import linen

        more = {"use_running_average": False} if name == "BatchNorm" else {}
        layer = getattr(linen, name)(**more)
        made = layer.init(jax.random.key(0), x)
        out = layer.apply(made, x, mutable=["batch_stats"])
        return out[0]

    return function


def attention(jax: Any, jnp: Any) -> dict[str, Row]:
    """Of jax.nn, and by hand."""

    def by_hand(x: Any, y: Any, z: Any) -> Any:
        return jax.nn.softmax(x @ y.swapaxes(-1, -2) / 2.0, -1) @ z

    def causal(x: Any, y: Any, z: Any) -> Any:
        scores = jnp.where(jnp.tril(jnp.ones((3, 3), bool)), x @ y.swapaxes(-1, -2), -jnp.inf)
        return jax.nn.softmax(scores, -1) @ z

    return {
        "dot_product_attention": (jax.nn.dot_product_attention, "mmm"),
        "dot_product_attention (causal)": (lambda q, k, v: jax.nn.dot_product_attention(q, k, v, is_causal=True), "mmm"),
        "by hand": (by_hand, "ttt"),
        "causal": (causal, "ttt"),
    }


def recurrent(jax: Any, jnp: Any) -> dict[str, Row]:
    """Cells, and a loop over time."""

    def gru(x: Any, h: Any, w: Any) -> Any:
        z, r, _ = jnp.split(jnp.concatenate((x, h), 1) @ w, 3, 1)
        z, r = jax.nn.sigmoid(z), jax.nn.sigmoid(r)
        n = jnp.tanh(jnp.concatenate((x, r * h), 1) @ w[:, 10:])
        return (1 - z) * n + z * h

    def lstm(x: Any, h: Any, c: Any, w: Any) -> Any:
        i, f, g, o = jnp.split(jnp.concatenate((x, h), 1) @ w, 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jax.nn.sigmoid(o) * jnp.tanh(c), c

    def elman(x: Any, h: Any, w: Any) -> Any:
        return jnp.tanh(jnp.concatenate((x, h), 1) @ w)

    def unrolled(t: Any, h: Any, w: Any) -> Any:
        return jax.lax.scan(lambda s, x: (elman(x, s, w),) * 2, h[:2], jnp.swapaxes(t, 0, 1))

    return {"gru": (gru, "xhg"), "lstm": (lstm, "xhhl"), "elman": (elman, "xhr"), "elman (scan)": (unrolled, "thr")}
