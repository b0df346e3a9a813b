"""Functions of JAX that people's losses are made of: honest ones are certified whole, a wrong number among theirs is refuted."""

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402
from jax import lax  # noqa: E402
from jax.ad_checkpoint import checkpoint_name  # noqa: E402
from jax.scipy import special  # noqa: E402
from jax.scipy.sparse.linalg import cg  # noqa: E402

import bpcompare  # noqa: E402
from bpcompare.own.judged import judged  # noqa: E402

V = jnp.array([0.3, 1.7, -0.4, 2.2, 0.9, -1.1])
POSITIVE = jnp.array([0.3, 0.7, 1.4, 2.2, 0.9, 1.1])
WEIGHTS = jnp.array([1.0, -2.0, 0.5, 3.0, -1.5, 0.25])
SYMMETRIC = jnp.array([[3.0, 0.5, 0.2], [0.5, 2.0, -0.4], [0.2, -0.4, 1.5]])


def sorted_together(v):
    keys, values, third = lax.sort((v, v**2, jnp.sin(v)), num_keys=2)
    return keys * values + third


def by_eigenvectors(v):
    values, vectors = jnp.linalg.eigh(SYMMETRIC + jnp.outer(v[:3], v[:3]))
    return ((vectors * values) @ vectors[0]).repeat(2)


def by_singular_vectors(v):
    u, s, vt = jnp.linalg.svd(v.reshape(3, 2), full_matrices=False)
    return (u[:, 0] * s[0] * vt[0, 0]).repeat(2)


def by_columns(v):
    q, r = jnp.linalg.qr(v.reshape(3, 2))
    return (q @ r**2).ravel()


FUNCTIONS = {
    "softplus": jax.nn.softplus,
    "logaddexp": lambda v: jnp.logaddexp(v, v**2),
    "mish": jax.nn.mish,
    "log_ndtr": special.log_ndtr,
    "scatter": lambda v: jnp.zeros(6).at[jnp.array([0, 3, 5, 1, 2, 3])].set(v) ** 2,
    "scatter of a number": lambda v: v.at[jnp.array([0, 3])].set(2.0) ** 2,
    "scatter-sub": lambda v: v.at[jnp.array([0, 3, 3])].subtract(v[:3]) ** 2,
    "scatter-mul": lambda v: v.at[jnp.array([0, 3])].mul(v[1:3], unique_indices=True) ** 2,
    "scatter-max": lambda v: v.at[jnp.array([0, 3, 3])].max(0.5) ** 2,
    "scatter-min": lambda v: v.at[jnp.array([0, 3, 30])].min(v[:3], mode="drop") ** 2,
    "segment_max": lambda v: jnp.repeat(jax.ops.segment_max(v, jnp.array([0, 0, 1, 2, 2, 2]), 3), 2),
    "gather that fills": lambda v: v.at[jnp.array([0, 30, 1, 2, 3, 4])].get(mode="fill", fill_value=7) ** 2,
    "sort": jnp.sort,
    "sort downwards": lambda v: jnp.sort(v, descending=True),
    "several sorted together": sorted_together,
    "sorted by integers": lambda v: lax.sort((jnp.array([3, 1, 2, 2, 0, 5]), v**2), num_keys=1)[1],
    "median": lambda v: jnp.median(v) * v,
    "cumlogsumexp": lax.cumlogsumexp,
    "cummax": lax.cummax,
    "cummin backwards": lambda v: lax.cummin(v, reverse=True),
    "cumprod backwards": lambda v: lax.cumprod(v, reverse=True),
    "cbrt": jnp.cbrt,
    "clamp": lambda v: lax.clamp(-0.5, v, jnp.abs(v) * 0.5),
    "select": lambda v: jnp.select([v < 0, v < 1], [v, v**2], v**3),
    "lax.select_n of three": lambda v: lax.select_n(jnp.array([0, 1, 2, 2, 1, 0]), v, v**2, v**3),
    "stack": lambda v: jnp.stack([v, v**2])[0],
    "checkpoint_name": lambda v: checkpoint_name(v, "h") ** 2,
    "sum along the axis of a vmap": jax.vmap(lambda x: x * lax.psum(x, "i"), axis_name="i"),
    "while without gradient": lambda v: (
        v * lax.while_loop(lambda s: s < 50.0, lambda s: s * 1.5 + 1, lax.stop_gradient(v[0] ** 2))
    ),
    "triangular_solve": lambda v: lax.linalg.triangular_solve(
        SYMMETRIC * v[:3], v.reshape(2, 3), left_side=False, lower=True, transpose_a=True
    ).ravel(),
    "solve": lambda v: jnp.linalg.solve(v[:4].reshape(2, 2), v[4:]).repeat(3),
    "solve for columns": lambda v: jnp.linalg.solve(SYMMETRIC * (1 + v[:3]), v.reshape(3, 2)).ravel(),
    "inverses": lambda v: jnp.linalg.inv(jnp.stack([SYMMETRIC * (1 + v[:3]), SYMMETRIC * v[3:]])).sum((0, 2)).repeat(2),
    "determinant": lambda v: jnp.linalg.det(SYMMETRIC * (1 + v[:3]) * v[3:, None]) * v,
    "slogdet": lambda v: jnp.linalg.slogdet(SYMMETRIC * (1 + v[:3]) * v[3:, None])[1] * v,
    "eigh": by_eigenvectors,
    "svd": by_singular_vectors,
    "nuclear norm": lambda v: jnp.linalg.norm(v.reshape(3, 2), "nuc") * v,
    "qr": by_columns,
    "cholesky": lambda v: jnp.linalg.cholesky(SYMMETRIC * (1 + v[:3, None] ** 2) * (1 + v[None, :3] ** 2))[jnp.tril_indices(3)],
}


def z(v):
    return lax.complex(v, jnp.cos(v))


FUNCTIONS |= {
    "transforms": lambda v: jnp.abs(jnp.fft.fft(v)) + jnp.fft.ifft(z(v)).imag,
    "transforms of two axes": lambda v: jnp.fft.irfft2(jnp.fft.rfft2(v.reshape(2, 3)) * (2 + 1j), s=(2, 3)).ravel(),
    "back to an odd number": lambda v: jnp.fft.irfft(z(v[:3]) ** 2, n=5)[jnp.array([0, 1, 2, 3, 4, 0])],
    "complex arithmetic": lambda v: ((z(v) * jnp.conj(z(v[::-1])) + 1j) / (z(v) - 2j)).imag,
    "complex functions": lambda v: (jnp.exp(z(v)) + jnp.log(z(v)) + jnp.sqrt(z(v)) + z(v) ** -2).real,
    "complex products": lambda v: jnp.einsum("ij,j->i", jnp.outer(z(v), v), 1j * z(v)).imag,
    "complex and real products": lambda v: jnp.matmul(SYMMETRIC, z(v).reshape(3, 2)).real.ravel(),
    "complex moves": lambda v: (
        jnp.where(v > 0, jnp.pad(z(v)[jnp.array([0, 3, 3])], (1, 2)), z(v).at[jnp.array([1, 1])].add(2j)).imag
    ),
    "complex states": lambda v: lax.scan(lambda c, x: (c * (0.5 + 0.5j) + x, c.real), 0j * v[0], z(v))[1],
}
OF_POSITIVE = {
    "xlogy": lambda v: special.xlogy(v, v),
    "xlog1py": lambda v: special.xlog1py(v, -v / 3),
    "entr": special.entr,
    "lgamma": special.gammaln,
    "sum of no axis": lambda v: jnp.sum(v * v, axis=()),
    "max of no axis": lambda v: jnp.max(v * v, axis=()),
    "prod of no axis": lambda v: jnp.prod(v * v, axis=()),
    "digamma": special.digamma,
    "i0": special.i0,
    "i0e": special.i0e,
    "i1": special.i1,
    "i1e": special.i1e,
    "zeta": lambda v: special.zeta(3.0, v),
    "gammainc": lambda v: special.gammainc(1.5, v),
    "gammaincc": lambda v: special.gammaincc(2.5, v),
    "polygamma": lambda v: special.polygamma(2, v),
}


def loss_of(f):
    return lambda p: jnp.sum(f(p["v"]) * WEIGHTS)


CASES = [*((name, f, V) for name, f in FUNCTIONS.items()), *((name, f, POSITIVE) for name, f in OF_POSITIVE.items())]


@pytest.mark.sampled(16)
@pytest.mark.parametrize(("f", "v"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_honest_functions_are_certified_and_wrong_numbers_refuted(f, v):
    """A loss would be accused or half examined for a function that it uses, or a wrong number among those of it would pass."""
    found = bpcompare.check(loss_of(f), {"v": v})
    assert found.verdict == "certified", str(found)
    (recording,) = found.runs[0].watched.recordings
    for path in {claim.path for _, claim, _ in found.runs[0].findings}:
        right = np.asarray(recording.recorded[path])
        if not right.any():
            continue
        wrong = right.copy()
        at = np.unravel_index(np.argmax(np.abs(right)), right.shape)
        wrong[at] *= 1.01
        refuted = {claim.path for claim, _ in judged(replace(recording, recorded={**recording.recorded, path: wrong})).refuted}
        assert path in refuted, path


TIED = jnp.array([1.0, 2.0, 2.0, 0.0, 0.0, 2.0])


@pytest.mark.parametrize(
    "f",
    [jax.nn.relu, jnp.abs, jax.nn.relu6, jnp.sort, lax.cummax, lambda v: jnp.maximum(v, 2.0), lambda v: v * jnp.max(v)],
    ids=["relu", "abs", "relu6", "sort", "cummax", "maximum", "max"],
)
def test_a_parameter_on_a_kink_accuses_nobody(f):
    """An L1 penalty over weights that begin at 0, or relu of an exact 0, would be called wrong for JAX's derivatives there."""
    found = bpcompare.check(loss_of(f), {"v": TIED}, as_is=True)
    assert found.verdict == "certified", str(found)


@pytest.mark.parametrize("at_tie", [-0.5, 2.0])
def test_a_rule_that_is_wrong_at_ties_alone_is_wrong(at_tie):
    """That a parameter stands on a kink would excuse any number there."""

    @jax.custom_vjp
    def larger(v):
        return jnp.maximum(v, 0.0)

    larger.defvjp(lambda v: (larger(v), v), lambda v, g: (jnp.where(v == 0, at_tie, v > 0) * g,))
    found = bpcompare.check(loss_of(larger), {"v": TIED}, as_is=True)
    assert found.verdict == "wrong", str(found)


def test_a_gradient_inside_of_a_loss_is_certified_whole():
    """A gradient penalty, whose loss differentiates by itself, would be accused or half examined."""

    def penalized(p):
        def critic(x):
            return jnp.tanh(x @ p["w"]).sum()

        g = jax.vmap(jax.grad(critic))(V.reshape(2, 3))
        return jnp.mean((jnp.sqrt(jnp.sum(g**2, 1)) - 1) ** 2)

    found = bpcompare.check(penalized, {"w": SYMMETRIC})
    assert found.verdict == "certified", str(found)


def test_vectors_of_values_that_meet_are_not_certified():
    """Eigenvectors that nothing determines would be certified, or a library accused for those that it chose."""
    found = bpcompare.check(
        loss_of(lambda v: (jnp.linalg.eigh(jnp.diag(v[:3]))[1] @ v[3:]).repeat(2)),
        {"v": jnp.array([2.0, 2.0, 5.0, 1.0, 2.0, 3.0])},
        as_is=True,
    )
    assert found.verdict in ("undecided", "certified in part"), str(found)


def test_a_matrix_without_an_inverse_accuses_nobody():
    """What a library makes of a singular matrix would be held against another's."""
    found = bpcompare.check(
        loss_of(lambda v: jnp.linalg.solve(jnp.outer(v[:3], v[:3]), v[3:]).repeat(2)), {"v": POSITIVE}, as_is=True
    )
    assert found.verdict in ("undecided", "certified in part"), str(found)


@pytest.mark.slow
def test_what_is_not_followed_is_named():
    """Numbers that no law speaks of would be certified though nobody looked at them, or honest rules for them accused."""
    for f, named in (
        (lambda v: jnp.frexp(v)[0], "_frexp"),
        (lambda v: jnp.abs(jnp.linalg.eigvals(v[:4].reshape(2, 2) + 0j)).repeat(3), "complex.lax.eig"),
        (lambda v: lax.reduce_precision(v, 8, 7), "reduce_precision"),
        (lambda v: v.astype(jnp.float8_e4m3fn).astype(v.dtype), "_to_copy"),
        (lambda v: special.gammainc(v**2 + 0.5, 1.5), "order"),
        (lambda v: cg(SYMMETRIC * v[0], v[:3])[0].repeat(2), "custom_linear_solve"),
    ):
        found = bpcompare.check(loss_of(f), {"v": V}, as_is=True)
        assert found.verdict == "certified in part", str(found)
        assert named in str(found)


def complex_parameter(rule):
    """A loss of complex numbers; `rule` makes of the Δ of |z|² what its custom_vjp says."""

    @jax.custom_vjp
    def size(z):
        return jnp.abs(z) ** 2

    size.defvjp(lambda z: (size(z), z), lambda z, g: (rule(z, g),))
    params = {"v": V[:3], "z": jnp.array([1.0 + 2.0j, -0.5 + 1j, 2 - 1j])}
    return bpcompare.check(lambda p: jnp.sum(size(p["z"] * p["v"] + 1j)), params, as_is=True)


def test_the_gradient_of_a_complex_parameter_is_judged():
    """A parameter of complex numbers would be examined by nobody, or a rule with the conjugate of JAX's convention pass."""
    assert (found := complex_parameter(lambda z, g: 2 * g * jnp.conj(z))).verdict == "certified", str(found)
    assert complex_parameter(lambda z, g: 2 * g * z).verdict == "wrong"


@pytest.mark.parametrize(("fill", "verdict"), [({}, "certified"), ({"mode": "fill", "fill_value": 1.0}, "certified in part")])
def test_complex_numbers_are_taken_out_by_their_places(fill, verdict):
    """What stands where there is no place has two parts: right code that fills in a real number would be called wrong."""
    places = jnp.array([0, 2, 7 if fill else 1])
    z = jnp.array([1.0 + 2.0j, -0.5 + 1j, 2 - 1j])
    found = bpcompare.check(lambda p: jnp.sum(jnp.real(p["z"].at[places].get(**fill)) ** 2), {"z": z}, as_is=True)
    assert found.verdict == verdict, str(found)


def test_a_parameter_that_the_loss_does_not_use_has_no_gradient():
    """A head that is not trained would keep an honest step from being certified; or a rule that invents a gradient would pass."""
    found = bpcompare.check(lambda p: jnp.sum(p["v"] ** 2), {"v": V, "u": V}, as_is=True)
    assert found.verdict == "certified", str(found)

    @jax.custom_vjp
    def nothing(u):
        return jnp.zeros(())

    nothing.defvjp(lambda u: (nothing(u), u), lambda u, g: (u,))
    found = bpcompare.check(lambda p: jnp.sum(p["v"] ** 2) + nothing(p["u"]), {"v": V, "u": V}, as_is=True)
    assert found.verdict != "certified", str(found)


def test_a_loss_with_formats_written_into_it_is_judged_as_it_is():
    """A constant of float32 would end in a traceback of JAX about a float64 that nobody wrote."""
    found = bpcompare.check(lambda p: jnp.sum(lax.mul(p["v"], jnp.ones(6, jnp.float32))), {"v": V})
    assert found.verdict == "certified in part"
    assert "the copy in float64" in str(found)
    with pytest.raises(ZeroDivisionError):
        bpcompare.check(lambda p: jnp.sum(p["v"]) / 0 if 1 // 0 else None, {"v": V})


@pytest.mark.parametrize(
    "loop",
    [
        lambda v: lax.scan(lambda c, x: ((jnp.sin(c[0]) * x, c[0] + c[1]), c), (jnp.float32(1), jnp.float32(0)), v)[0][1],
        lambda v: lax.fori_loop(0, 3, lambda i, c: jnp.sin(c) * v, jnp.ones(6, jnp.float32)).sum(),
        lambda v: lax.fori_loop(lower=0, upper=3, body_fun=lambda i, c: c * v, init_val=jnp.ones(6, jnp.float32)).sum(),
    ],
    ids=["scan", "fori_loop", "by keywords"],
)
def test_a_loop_that_begins_in_float32_has_a_copy_in_float64(loop):
    """Recurrent cells of Flax, whose states begin with zeros of float32, would never be certified whole."""
    found = bpcompare.check(lambda p: loop(p["v"]), {"v": V})
    assert found.verdict == "certified", str(found)
    assert len(found.runs) == 2
    with pytest.raises(TypeError, match="carry"):
        lax.scan(lambda c, x: (c * x, None), jnp.int32(1), V)


def ragged(p):
    return jnp.sum(lax.ragged_dot(V[:5, None] * WEIGHTS[:4], p["e"], jnp.array([2, 0, 1])) ** 2)


def test_products_of_groups_of_rows_are_judged():
    """Experts that each take rows of their own would be examined by nobody, or a group's product be another's."""
    params = {"e": V[:3, None, None] * WEIGHTS[None, :4, None] + V[None, None, :2]}
    found = bpcompare.check(ragged, params, as_is=True)
    assert found.verdict == "certified", str(found)
    (recording,) = found.runs[0].watched.recordings
    path = next(path for path in recording.recorded if path.startswith("ragged_dot") and path.endswith(".y"))
    wrong = np.array(recording.recorded[path])
    wrong[2] = wrong[1]
    assert judged(replace(recording, recorded={**recording.recorded, path: wrong})).refuted


def half(v, g):
    return 0.5 * g * jnp.cos(v)


def uphill(v, g):
    return -g * jnp.cos(v)


def last_lost(v, g):
    return (g * jnp.cos(v)).at[-1].set(0.0)


def right(v, g):
    return g * jnp.cos(v)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("rule", [half, uphill, last_lost, right])
@pytest.mark.parametrize("within", ["scan", "while", "cond", "vmap", "jit", "checkpoint", "fori"])
def test_rules_are_judged_wherever_they_stand(rule, within):
    """A wrong custom_vjp inside of a loop, a branch or a map would pass, or a right one be accused."""

    @jax.custom_vjp
    def sine(v):
        return jnp.sin(v)

    sine.defvjp(lambda v: (sine(v), v), lambda v, g: (rule(v, g),))
    f = {
        "scan": lambda v: lax.scan(lambda c, x: (sine(c) + x, c), v[:2], v[2:].reshape(2, 2))[1].sum() * v,
        "while": lambda v: v * lax.while_loop(lambda s: s < 9.0, lambda s: s + 2.0, lax.stop_gradient(v[0])) + sine(v),
        "cond": lambda v: lax.cond(v[0] > 0, sine, jnp.cos, v),
        "vmap": lambda v: jax.vmap(sine)(v.reshape(3, 2)).ravel(),
        "jit": jax.jit(lambda v: sine(v) * 2),
        "checkpoint": jax.checkpoint(lambda v: sine(v) * 2),
        "fori": lambda v: lax.fori_loop(0, 3, lambda i, h: sine(h) + v, v),
    }[within]
    found = bpcompare.check(loss_of(f), {"v": V}, as_is=True)
    assert found.verdict == ("certified" if rule is right else "wrong"), str(found)


@pytest.mark.parametrize("name", ["polyak_sgd", "adafactor", "lion", "sm3"])
def test_rules_of_optax_are_judged_function_by_function(name):
    """An optimizer that asks for the loss would end in a traceback, or an honest one be accused."""
    optax = pytest.importorskip("optax")
    found = bpcompare.check(lambda p: jnp.sum(jnp.sin(p["v"]) ** 2), {"v": V}, update=getattr(optax, name)(1e-2), as_is=True)
    assert found.verdict == "certified", str(found)


@pytest.mark.slow
def test_a_search_along_a_line_is_followed_round_by_round():
    """The loop of a line search would be a function without a law, or a traceback."""
    optax = pytest.importorskip("optax")
    found = bpcompare.check(lambda p: jnp.sum(jnp.sin(p["v"]) ** 2), {"v": V}, update=optax.lbfgs(), as_is=True)
    assert not found.runs[0].refuted, str(found)
    assert any("while[0]" in name for recording in found.runs[0].watched.recordings for name in recording.places)


def test_a_rule_of_ones_own_is_named():
    """An update that goes uphill would be certified: each of its functions is computed as it should be."""
    optax = pytest.importorskip("optax")

    def uphill():
        return optax.GradientTransformation(lambda p: (), lambda g, s, p=None: (jax.tree.map(lambda g: 0.1 * g, g), s))

    def loss(p):
        return jnp.sum(jnp.sin(p["v"]) ** 2)

    runs = [
        bpcompare.check(loss, {"v": V}, update=update)
        for update in (optax.chain(optax.clip(1.0), uphill()), optax.chain(optax.clip(1.0), optax.sgd(0.1)))
    ]
    assert [run.verdict for run in runs] == ["certified in part", "certified"]
    assert "uphill" in str(runs[0])


@pytest.mark.parametrize("kind", [pytest.param("checkpointed", marks=pytest.mark.slow), "bounded"])
def test_primitives_of_others_are_what_their_functions_compute(kind):
    """A loop of Equinox, and with it every solver of diffrax, would be examined in part; or its rule backward by nobody."""
    within = pytest.importorskip("equinox.internal")

    def loss(p):
        def body(state):
            return state[0] + 1, jnp.sin(state[1]) * p["v"]

        return jnp.sum(within.while_loop(lambda state: state[0] < 2, body, (0, WEIGHTS), max_steps=3, kind=kind)[1])

    found = bpcompare.check(loss, {"v": V}, as_is=True)
    assert found.verdict == "certified", str(found)


def test_a_primitive_of_somebodys_own_is_held_against_its_function():
    """A wrong derivative of one's own primitive would pass, for nobody here knows its name."""
    from jax.extend.core import Primitive
    from jax.interpreters import ad, mlir

    def computed(x):
        return jnp.sin(x)

    primitive = Primitive("mine")
    primitive.def_impl(computed)
    primitive.def_abstract_eval(lambda x: x)
    mlir.register_lowering(primitive, mlir.lower_fun(computed, multiple_results=False))
    found = {}
    for name, factor in (("certified", 1.0), ("wrong", 0.5)):
        ad.defjvp(primitive, lambda g, x, factor=factor: g * factor * jnp.cos(x))
        found[name] = bpcompare.check(lambda p: jnp.sum(primitive.bind(p["v"])), {"v": V}, as_is=True)
        assert found[name].verdict == name, str(found[name])
    assert "mine.backward" in str(found["wrong"])


def test_a_check_that_may_raise_hides_nothing():
    """A function that only asks whether its numbers are good, and would raise, would keep a step from being certified."""
    equinox = pytest.importorskip("equinox")
    found = bpcompare.check(
        lambda p: jnp.sum(equinox.error_if(p["v"] ** 2, jnp.any(p["v"] > 100.0), "too large")), {"v": V}, as_is=True
    )
    assert found.verdict == "certified", str(found)


def test_what_asks_another_program_inside_of_a_rule_is_named():
    """A function that NumPy computes would be accused, or pass, for a derivative that nobody can see."""

    @jax.custom_vjp
    def sine(v):
        return jax.pure_callback(np.sin, jax.ShapeDtypeStruct(v.shape, v.dtype), v)

    sine.defvjp(lambda v: (sine(v), v), lambda v, g: (g * jnp.cos(v),))
    found = bpcompare.check(lambda p: jnp.sum(sine(p["v"]) ** 2), {"v": V}, as_is=True)
    assert found.verdict == "certified in part", str(found)
    assert "sine (" in str(found)


@pytest.mark.parametrize("factor", [-0.00165322962780713, 0.1, 1 / 3, 1e-3, 2.7, 0.7])
def test_numbers_that_stand_in_the_code_are_what_jax_rounds_them_to(factor):
    """A product with 0.1 would be called wrong where both its number and its result are rounded far: `betaln` was."""
    v = jnp.linspace(1.0, 2.0, 400)
    found = bpcompare.check(lambda p: jnp.sum(factor * p["v"]), {"v": v}, as_is=True)
    assert found.verdict == "certified", str(found)
    (recording,) = found.runs[0].watched.recordings
    constants = [x for name, x in recording.given.items() if name.startswith("constant")]
    assert any(np.float32(factor) == x for x in constants)


def test_the_derivative_of_what_a_search_finds_is_no_fault():
    """A solver with a derivative by the implicit function theorem, off by its tolerance, would be accused for its loop."""
    equinox = pytest.importorskip("equinox")

    @jax.custom_jvp
    def root(a):
        x, _ = lax.while_loop(lambda s: s[1] > 1e-2, lambda s: ((s[0] + a / s[0]) / 2, jnp.abs(s[0] ** 2 - a)), (a, a))
        return equinox.error_if(x, x < 0.0, "no root")

    @root.defjvp
    def _(primals, tangents):
        x = root(primals[0])
        return x, tangents[0] / (2 * x)

    found = bpcompare.check(lambda p: root(p["a"]) ** 3, {"a": jnp.float32(2.0)}, as_is=True)
    assert found.verdict == "certified in part", str(found)
    assert "root (" in str(found)
