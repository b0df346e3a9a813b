"""Functions of JAX: jax.nn, jax.numpy, jax.scipy, linear algebra; layers and losses are a file of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.gradients.jax_layers import attention, losses, normalizations, recurrent
from benchmarks.gradients.sample import Change, Function, Row, Sample

DOMAINS: dict[str, Callable[[np.random.Generator], Any]] = {
    "x": lambda r: r.standard_normal((3, 4)),
    "p": lambda r: r.uniform(0.3, 2.5, (3, 4)),
    "u": lambda r: r.uniform(-0.9, 0.9, (3, 4)),
    "q": lambda r: r.uniform(0.05, 0.95, (3, 4)),
    "a": lambda r: r.uniform(1.1, 3.0, (3, 4)),
    "v": lambda r: r.standard_normal(4),
    "w": lambda r: r.standard_normal((4, 5)),
    "s": lambda r: r.standard_normal((4, 4)),
    "d": lambda r: _definite(r.standard_normal((4, 4))),
    "t": lambda r: r.standard_normal((2, 3, 4)),
    "i": lambda r: r.integers(0, 4, 3),
    "b": lambda r: r.integers(0, 2, (3, 4)) * 1.0,
    "o": lambda r: np.eye(4)[r.integers(0, 4, 3)],
    "c": lambda r: r.standard_normal((2, 6, 3)),
    "k": lambda r: r.standard_normal((3, 3, 2)),
    "h": lambda r: r.standard_normal((3, 5)),
    "g": lambda r: r.standard_normal((9, 15)) * 0.5,
    "l": lambda r: r.standard_normal((9, 20)) * 0.5,
    "r": lambda r: r.standard_normal((9, 5)) * 0.5,
    "m": lambda r: r.standard_normal((2, 5, 2, 4)),
}
"""Numbers of any sign, positive, within one, probabilities, above one; vectors, matrices, square, definite; examples; …"""


def functions() -> tuple[list[Function], list[str]]:
    """Every row of the tables, and what is not there. Raises ImportError without JAX."""
    found, absent = [], []
    for prefix, made in families().items():
        try:
            rows = made()
        except (ImportError, AttributeError) as error:
            absent.append(f"{prefix}*: {error}")
            continue
        for name, row in rows.items():
            if row is None:
                absent.append(f"{prefix}{name}")
            else:
                found.append(Function("jax", f"{prefix}{name}", partial(_sample, *row, f"{prefix}{name}")))
    return found, absent


def _sample(function: Callable[..., Any], domains: str, name: str, seed: int, dtype: str) -> Sample:
    import jax

    random = np.random.default_rng((seed, len(domains), *domains.encode()))
    drawn = [DOMAINS[letter](random) for letter in domains]
    with jax.enable_x64(True):
        inputs = tuple(jax.numpy.asarray(x.astype(dtype) if x.dtype.kind == "f" else x) for x in drawn)

    def called(*given: Any) -> Any:
        return function(*given)

    called.__name__ = name.rpartition(".")[2]
    return sample_of(called, inputs)


class Linearized:
    """Outputs and pullback of a function, kept by the bits of its inputs: mutants ask for the same again and again."""

    def __init__(self, function: Callable[..., Any], floats: Sequence[int]) -> None:
        self._function, self._floats = function, floats
        self._known: dict[Any, Any] = {}

    def __call__(self, xs: Sequence[Any]) -> Any:
        """By the inputs of floating point. Tracers have no bits."""
        import jax

        if any(isinstance(x, jax.core.Tracer) for x in xs):
            return self._found(xs)
        bits = tuple((str(x.dtype), x.shape, np.asarray(x).tobytes()) for x in xs)
        if bits not in self._known:
            self._known[bits] = self._found(xs)
        return self._known[bits]

    def _found(self, xs: Sequence[Any]) -> Any:
        import jax

        def of_floats(*some: Any) -> Any:
            whole = list(xs)
            for i, x in zip(self._floats, some, strict=True):
                whole[i] = x
            return self._function(*whole)

        return jax.vjp(of_floats, *(xs[i] for i in self._floats))


def sample_of(function: Callable[..., Any], inputs: tuple[Any, ...]) -> Sample:
    """With JAX's own gradient."""
    import jax

    def flat(*given: Any) -> Any:
        out = function(*given)
        leaves = tuple(jax.tree_util.tree_leaves(out))
        return out if isinstance(out, jax.Array) else leaves[0] if len(leaves) == 1 else leaves

    flat.__name__ = getattr(function, "__name__", "function")
    floats = [i for i, x in enumerate(inputs) if jax.numpy.issubdtype(x.dtype, jax.numpy.floating)]

    linearized = Linearized(flat, floats)

    def pulled(sent: Change, found: Change) -> Callable[..., Any]:
        def back(*args: Any) -> Any:
            xs, dys = list(args[: len(inputs)]), args[len(inputs) :]
            many = len(dys) == 1 and isinstance(dys[0], tuple)
            dys = dys[0] if many else dys

            out, pull = linearized(xs)
            carrying = [jax.numpy.issubdtype(y.dtype, jax.numpy.floating) for y in (out if isinstance(out, tuple) else (out,))]
            changed = iter(sent([dy for dy, one in zip(dys, carrying, strict=True) if one]))
            ys = out if isinstance(out, tuple) else (out,)
            both = tuple(
                next(changed).astype(y.dtype) if one else np.zeros(y.shape, jax.dtypes.float0)
                for y, one in zip(ys, carrying, strict=True)
            )
            rest = dict(zip(floats, found(list(pull(both if isinstance(out, tuple) else both[0]))), strict=True))
            return tuple(rest.get(i) for i in range(len(inputs)))

        return back

    def constant(array: Any, like: Any) -> Any:
        return jax.numpy.asarray(array if np.asarray(array).dtype.kind != "f" else np.asarray(array, np.dtype(like.dtype)))

    def like(other: Callable[..., Any]) -> Sample:
        return sample_of(other, inputs)

    return Sample(function, flat, inputs, pulled, constant, np.array, like)


Rows = dict[str, Row | None]
"""By name; None where these versions have no such function."""


def _named(module: Any, names: Mapping[str, str]) -> Rows:
    found: Rows = {}
    for line, inputs in names.items():
        for name in line.split():
            function = getattr(module, name, None)
            found[name] = None if function is None else (function, inputs)
    return found


def families() -> Mapping[str, Callable[[], Rows]]:
    """What gives names and inputs, by the module that they stand in."""
    import jax
    import jax.numpy as jnp
    import jax.scipy as jsp

    return {
        "jax.nn.": lambda: _activations(jax.nn),
        "jax.numpy.": lambda: _named(jnp, NUMPY) | _with_options(jnp),
        "jax.numpy.linalg.": lambda: _named(jnp.linalg, LINALG),
        "jax.scipy.special.": lambda: _named(jsp.special, SPECIAL),
        "jax.scipy.stats.": lambda: _distributions(jsp.stats),
        "jax.lax.": lambda: _named(jax.lax, LAX) | _of_lax(jax.lax, jnp),
        "optax.": lambda: dict(losses()),
        "normalization.": lambda: dict(normalizations(jax, jnp)),
        "attention.": lambda: dict(attention(jax, jnp)),
        "recurrent.": lambda: dict(recurrent(jax, jnp)),
    }


def _distributions(stats: Any) -> Rows:
    found: Rows = {}
    for name, inputs in STATS.items():
        for kind in ("logpdf", "cdf"):
            function = getattr(getattr(stats, name, None), kind, None)
            found[f"{name}.{kind}"] = None if function is None else (function, inputs)
    return found


NUMPY = {
    "abs sin cos tan sinh cosh tanh arctan arcsinh exp expm1 square negative sinc cbrt deg2rad rad2deg exp2 fabs conj real": "x",
    "sqrt log log2 log10 log1p reciprocal": "p",
    "arcsin arccos arctanh": "u",
    "arccosh": "a",
    "add subtract multiply maximum minimum arctan2 hypot logaddexp logaddexp2 fmax fmin copysign outer": "xx",
    "divide true_divide": "xp",
    "power float_power": "px",
    "mod remainder fmod": "pp",
    "sum prod mean std var max min amax amin ptp nansum nanmean nanvar nanstd nanprod nanmax nanmin cumsum cumprod": "x",
    "median nanmedian sort ravel flip fliplr flipud rot90 transpose diff ediff1d nan_to_num tril triu trapezoid squeeze": "x",
    "trace diag diagonal diagflat": "s",
    "dot matmul": "xw",
    "inner": "xx",
    "vdot tensordot": "xx",
    "kron": "vv",
    "convolve correlate": "vv",
    "cross": "kk",
    "vander": "v",
    "polyval": "vx",
    "i0 atleast_2d atleast_3d": "x",
}

LINALG = {
    "inv det slogdet norm matrix_transpose": "s",
    "cholesky eigvalsh eigh": "d",
    "solve": "ds",
    "svdvals qr pinv": "s",
    "vector_norm": "x",
    "matmul": "xw",
    "outer": "vv",
}

SPECIAL = {
    "expit erf erfc i0 i0e i1 i1e log_ndtr ndtr log_softmax softmax logsumexp": "x",
    "gammaln digamma gamma entr exp1 expi": "p",
    "logit ndtri": "q",
    "erfinv": "u",
    "xlogy xlog1py": "xp",
    "rel_entr kl_div betaln beta": "pp",
    "gammainc gammaincc": "pp",
    "betainc": "ppq",
    "spence": "p",
    "poch": "pp",
    "hyp1f1": "ppp",
}

STATS = {
    "norm": "xxp",
    "cauchy": "xxp",
    "laplace": "xxp",
    "logistic": "x",
    "expon": "p",
    "gamma": "pp",
    "t": "xp",
    "beta": "qpp",
    "pareto": "ap",
    "gumbel_r": "xxp",
}

LAX = {
    "rsqrt": "p",
    "logistic cumlogsumexp": "x",
    "atan2": "xp",
    "lgamma": "p",
    "erf_inv": "u",
    "max min mul sub": "xx",
    "pow": "px",
    "cummax cummin cumsum cumprod": "x",
}


def _activations(nn: Any) -> Rows:
    names = (
        "relu relu6 sigmoid softplus sparse_plus sparse_sigmoid soft_sign silu log_sigmoid leaky_relu hard_sigmoid hard_silu "
        "hard_tanh elu celu selu gelu glu squareplus mish identity softmax log_softmax standardize logsumexp"
    )
    rows = _named(nn, {names: "x"})
    rows["gelu (exact)"] = (lambda x: nn.gelu(x, approximate=False), "x")
    rows["logmeanexp"] = (lambda x: nn.logmeanexp(x, axis=1), "x")
    rows["normalize"] = (lambda x: nn.standardize(x, axis=0, epsilon=1e-3), "x")
    return rows


def _definite(m: Any) -> Any:
    return m @ m.T + np.eye(len(m))


def _both(z: Any) -> Any:
    import jax.numpy as jnp

    return jnp.stack((z.real, z.imag))


def _with_options(jnp: Any) -> Rows:
    return {
        "where": (lambda x, y: jnp.where(x > 0, x * y, y), "xx"),
        "clip": (lambda x: jnp.clip(x, -0.5, 0.5), "x"),
        "concatenate": (lambda x, y: jnp.concatenate((x, y), 1), "xx"),
        "stack": (lambda x, y: jnp.stack((x, y), 1), "xx"),
        "hstack": (lambda x, y: jnp.hstack((x, y)), "xx"),
        "vstack": (lambda x, y: jnp.vstack((x, y)), "xx"),
        "split": (lambda x: tuple(jnp.split(x, 2, 1)), "x"),
        "array_split": (lambda x: tuple(jnp.array_split(x, 3, 1)), "x"),
        "take": (lambda x, i: jnp.take(x, i, axis=1), "xi"),
        "take_along_axis": (lambda x, i: jnp.take_along_axis(x, i[:, None], 1), "xi"),
        "getitem": (lambda x, i: x[jnp.arange(3), i], "xi"),
        "at.add": (lambda x, y, i: x.at[:, i].add(y[:, :3]), "xxi"),
        "at.set": (lambda x, v: x.at[1].set(v), "xv"),
        "at.max": (lambda x, v: x.at[1].max(v), "xv"),
        "tile": (lambda x: jnp.tile(x, (2, 1)), "x"),
        "repeat": (lambda x: jnp.repeat(x, 3, 1), "x"),
        "roll": (lambda x: jnp.roll(x, 1, 1), "x"),
        "pad": (lambda x: jnp.pad(x, 1), "x"),
        "pad (reflect)": (lambda x: jnp.pad(x, 1, "reflect"), "x"),
        "einsum": (lambda x, w: jnp.einsum("ij,jk->ki", x, w), "xw"),
        "einsum (three)": (lambda t, s, w: jnp.einsum("bij,jk,kl->bl", t, s, w), "tsw"),
        "moveaxis": (lambda t: jnp.moveaxis(t, 0, -1), "t"),
        "swapaxes": (lambda t: jnp.swapaxes(t, 1, 2), "t"),
        "broadcast_to": (lambda v: jnp.broadcast_to(v, (3, 4)), "v"),
        "expand_dims": (lambda x: jnp.expand_dims(x, 1), "x"),
        "reshape": (lambda x: jnp.reshape(x, (2, 6)), "x"),
        "interp": (lambda x, y: jnp.interp(x, jnp.linspace(-2, 2, 4), y), "xv"),
        "select": (lambda x: jnp.select([x > 1, x > 0], [x**2, x], 0.5 * x), "x"),
        "piecewise": (lambda x: jnp.piecewise(x, [x < 0, x >= 0], [lambda z: z**2, jnp.sin]), "x"),
        "quantile": (lambda x: jnp.quantile(x, 0.3, axis=1), "x"),
        "percentile": (lambda x: jnp.percentile(x, 60, axis=0), "x"),
        "average": (lambda x, p: jnp.average(x, axis=1, weights=p), "xp"),
        "cov": (jnp.cov, "x"),
        "corrcoef": (jnp.corrcoef, "x"),
        "gradient": (lambda x: tuple(jnp.gradient(x)), "x"),
        "fft.rfft": (lambda x: _both(jnp.fft.rfft(x)), "x"),
        "fft.fft": (lambda x: _both(jnp.fft.fft(x)), "x"),
        "fft.irfft": (lambda x, y: jnp.fft.irfft(x + 1j * y), "xx"),
        "linspace": (lambda v, q: jnp.linspace(v, q[0], 5), "vx"),
        "meshgrid": (lambda v, z: jnp.meshgrid(v, z)[0] * jnp.meshgrid(v, z)[1], "vv"),
        "max (axis)": (lambda x: x.max(1), "x"),
        "prod (axis)": (lambda x: jnp.prod(x, 1), "x"),
        "cumprod (axis)": (lambda x: jnp.cumprod(x, 1), "x"),
        "std (axis)": (lambda x: jnp.std(x, 1, ddof=1), "x"),
        "var (axis)": (lambda x: jnp.var(x, 0), "x"),
        "sort (axis)": (lambda x: jnp.sort(x, 0), "x"),
        "apply_along_axis": (lambda x: jnp.apply_along_axis(lambda z: jnp.cumsum(z) * z, 1, x), "x"),
    }


def _of_lax(lax: Any, jnp: Any) -> Rows:
    def conv(x: Any, k: Any) -> Any:
        return lax.conv_general_dilated(x, k, (2,), "SAME", dimension_numbers=("NWC", "WIO", "NWC"))

    def pooled(kind: Any, start: float) -> Callable[[Any], Any]:
        return lambda x: lax.reduce_window(x, start, kind, (1, 3, 1), (1, 2, 1), "VALID")

    def scanned(s: Any, x: Any) -> Any:
        return lax.scan(lambda h, z: (jnp.tanh(s @ h + z), h), jnp.zeros(4, x.dtype), x)

    return {
        "conv_general_dilated": (conv, "ck"),
        "conv_transpose": (lambda x, k: lax.conv_transpose(x, k, (2,), "SAME", dimension_numbers=("NWC", "WIO", "NWC")), "ck"),
        "reduce_window (max)": (pooled(lax.max, -np.inf), "c"),
        "reduce_window (sum)": (pooled(lax.add, 0.0), "c"),
        "scan": (scanned, "sx"),
        "fori_loop": (lambda s, v: lax.fori_loop(0, 3, lambda _, h: jnp.sin(s @ h), v), "sv"),
        "cond": (lambda x, y: lax.cond(x.sum() > 0, lambda: x * y, lambda: jnp.exp(x) + y), "xx"),
        "map": (lambda x, s: lax.map(lambda z: jnp.tanh(s @ z), x), "xs"),
        "associative_scan": (lambda x: lax.associative_scan(jnp.multiply, x), "x"),
        "dot_general": (lambda t, s: lax.dot_general(t, s, (((2,), (0,)), ((), ()))), "ts"),
        "dynamic_slice": (lambda x, i: lax.dynamic_slice(x, (i[0] % 2, 1), (2, 2)), "xi"),
        "dynamic_update_slice": (lambda x, s: lax.dynamic_update_slice(x, s[:2, :2], (0, 1)), "xs"),
        "top_k": (lambda x: lax.top_k(x, 2)[0], "x"),
        "integer_pow": (lambda x: lax.integer_pow(x, 3), "x"),
        "rem": (lax.rem, "xp"),
        "clamp": (lambda x: lax.clamp(-0.5, x, 0.7), "x"),
        "rng-free dropout": (lambda x, b: x * b / 0.5, "xb"),
        "vmap of grad": (_vmap_of_grad, "xs"),
        "checkpoint": (_checkpointed, "xs"),
        "jit": (_jitted, "xs"),
    }


def _vmap_of_grad(x: Any, s: Any) -> Any:
    import jax

    return jax.vmap(jax.grad(lambda z: jax.numpy.sum(jax.numpy.sin(s @ z))))(x)


def _checkpointed(x: Any, s: Any) -> Any:
    import jax

    return jax.checkpoint(lambda z: jax.numpy.tanh(z @ s) ** 2)(x)


def _jitted(x: Any, s: Any) -> Any:
    import jax

    return jax.jit(lambda z: jax.numpy.tanh(z @ s) * z)(x)
