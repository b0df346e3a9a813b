"""JAX code that runs on several devices: shard by shard, and what collectives bring from one to another."""

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402
from jax import lax  # noqa: E402
from jax.sharding import NamedSharding  # noqa: E402
from jax.sharding import PartitionSpec as P  # noqa: E402

import bpcompare  # noqa: E402
from bpcompare.own.judged import judged  # noqa: E402
from bpcompare_jax.recorder.same import varying  # noqa: E402

if not hasattr(jax, "shard_map") or len(jax.devices()) < 4:
    pytest.skip("this JAX has no jax.shard_map, or one device only", allow_module_level=True)

AUTO = jax.sharding.AxisType.Auto


def normal(*shape, seed=0):
    return jax.random.normal(jax.random.key(seed), shape)


LINE = jax.make_mesh((2,), ("i",), axis_types=(AUTO,))
GRID = jax.make_mesh((2, 2), ("data", "model"), axis_types=(AUTO, AUTO))
W = {"w": normal(3, 2), "b": normal(2, seed=3)}
X = normal(4, 3, seed=1)


WHOLE, BATCH = P(), (P(), P("i"))


def sharded(f, mesh=LINE, given=BATCH, made=WHOLE, **more):
    return jax.shard_map(f, mesh=mesh, in_specs=given, out_specs=made, **more)


def error(p, x):
    return jnp.mean(jnp.tanh(x @ p["w"] + p["b"]) ** 2)


def mean_error(p, x):
    return lax.pmean(error(p, x), "i")


def collectives(w, x):
    n = 2
    every = lax.all_gather(jnp.sin(w), "i", axis=0, tiled=True)
    beside = lax.all_gather(w, "i", axis=1)
    part = lax.psum_scatter(every @ x.T, "i", scatter_dimension=0, tiled=True)
    one = lax.psum_scatter(jnp.tanh(every), "i", scatter_dimension=0)
    turned = lax.ppermute(part, "i", [(k, (k + 1) % n) for k in range(n)]) + 2 * lax.ppermute(part, "i", [(0, 1)])
    across = lax.all_to_all(turned.reshape(1, 4), "i", 1, 0, tiled=True)
    swapped = lax.all_to_all(turned.reshape(2, 2), "i", 0, 0)
    place = 1.0 + lax.axis_index("i")
    return jnp.stack([place * jnp.sum(across**2) + jnp.sum(jnp.cos(swapped)) + jnp.sum(beside**3) + jnp.sum(one)])


def by_collectives(checked):
    f = sharded(collectives, given=(P("i"), P()), made=P("i"), check_vma=checked)
    return lambda p, x: jnp.sum(f(p["w"], x) ** 2), {"w": normal(2, 3)}, X


def columns_and_rows(checked):
    def f(p, x):
        y = lax.psum(jax.nn.gelu(x @ p["u"]) @ p["v"], "model")
        return lax.pmean(jnp.mean((y - x) ** 2), "data")

    f = sharded(f, GRID, ({"u": P(None, "model"), "v": P("model")}, P("data")), check_vma=checked)
    return f, {"u": normal(3, 4), "v": normal(4, 3, seed=2)}, X


def both_axes():
    def f(w, x):
        return jnp.tanh(lax.all_gather(w, ("model", "data"), tiled=True) @ x.T)[:2]

    f = sharded(f, GRID, (P(("data", "model")), P(("model", "data"))), P("model", "data"))
    return lambda p, x: jnp.sum(f(p["w"], x) ** 2), {"w": normal(4, 3)}, X


def groups():
    def f(p, x):
        h = jnp.tanh(x @ p["w"])
        return lax.pmean(jnp.mean((h - lax.pmean(h, "i", axis_index_groups=[[0, 2], [3, 1]])) ** 2), "i")

    return sharded(f, jax.make_mesh((4,), ("i",), axis_types=(AUTO,)), check_vma=False), W, X


def ring():
    def f(p, x):
        q, k, v = (x @ p[name] for name in "qkv")

        def step(state, _):
            k, v, o, s = state
            e = jnp.exp(q @ k.T)
            k, v = (lax.ppermute(a, "i", [(0, 1), (1, 0)]) for a in (k, v))
            return (k, v, o + e @ v, s + jnp.sum(e, 1, keepdims=True)), jnp.sum(e)

        (_, _, o, s), along = lax.scan(step, (k, v, q * 0, q[:, :1] * 0), None, length=2)
        return o / s * jnp.sum(along)

    f = sharded(f, made=P("i"))
    return lambda p, x: jnp.mean(f(p, x) ** 2), {name: 0.3 * normal(3, 2, seed=i) for i, name in enumerate("qkv")}, X


def drawn_apart():
    def f(p, x):
        h = jax.checkpoint(lambda p, x: jnp.tanh(x @ p["w"] + p["b"]))(p, x)
        kept = jax.random.bernoulli(jax.random.fold_in(jax.random.key(3), lax.axis_index("i")), 0.6, h.shape)
        return lax.pmean(jnp.mean(jnp.where(kept, h / 0.6, 0.0) ** 2), "i")

    return sharded(f), W, X


def inner_step():
    def f(p, x):
        g = jax.grad(mean_error)(p, x)
        return mean_error(jax.tree.map(lambda a, b: a - 0.1 * b, p, g), x)

    return sharded(f), W, X


def mapped():
    def f(p, x):
        return jnp.mean(jax.pmap(error, axis_name="i", in_axes=(None, 0))(p, x.reshape(2, 2, 3)))

    return f, W, X


def one_axis_of_two():
    f = sharded(lambda p, x: lax.pmean(error(p, x), "data"), GRID, (P(), P("data")), axis_names={"data"})
    return jax.jit(f), W, X


def laid_out():
    sharding = NamedSharding(LINE, P("i"))
    f = jax.jit(lambda p, x: jnp.mean(jnp.tanh(lax.with_sharding_constraint(x @ p["w"], sharding) + p["b"]) ** 2))
    return f, jax.device_put(W, NamedSharding(LINE, P())), jax.device_put(X, sharding)


RIGHT = {
    "data": lambda: (jax.jit(sharded(mean_error)), W, X),
    "data, unchecked": lambda: (sharded(mean_error, check_vma=False), W, X),
    "collectives": lambda: by_collectives(True),
    "collectives, unchecked": lambda: by_collectives(False),
    "columns and rows": lambda: columns_and_rows(True),
    "columns and rows, unchecked": lambda: columns_and_rows(False),
    "both axes": both_axes,
    "groups": groups,
    "a ring": ring,
    "drawn apart": drawn_apart,
    "a step inside": inner_step,
    "pmap": mapped,
    "one axis of two": one_axis_of_two,
    "laid out": laid_out,
}
FAST = {"data"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in FAST else pytest.mark.slow) for n in RIGHT])
def test_what_runs_on_several_devices_is_certified_whole(name):
    """A step on several devices would be examined by nobody, or be accused for how a collective sends gradients back."""
    loss, p, *data = RIGHT[name]()
    found = bpcompare.check(loss, p, *data, as_is=True)
    assert found.verdict == "certified", str(found)


@pytest.mark.slow
def test_a_mesh_in_the_types_of_arrays():
    """`jax.make_mesh` as it is now, with axes in the types of arrays, would end in a traceback."""
    mesh = jax.make_mesh((2,), ("i",))
    with jax.set_mesh(mesh):
        f = jax.jit(jax.shard_map(mean_error, mesh=mesh, out_specs=P()))
        found = bpcompare.check(f, W, jax.device_put(X, NamedSharding(mesh, P("i"))))
    assert found.verdict == "certified", str(found)
    assert len(found.runs) == 2


@pytest.mark.slow
def test_planted_errors_are_caught_on_their_shard():
    """One device with a wrong number, or what a collective brought wrongly, would go unnoticed, or others be called wrong."""
    loss, p, x = by_collectives(True)
    found = bpcompare.check(loss, p, x, as_is=True)
    assert found.verdict == "certified", str(found)
    (recording,) = found.runs[0].watched.recordings
    asked = ("psum", "reduce_scatter", "all_gather", "ppermute", "all_to_all", "shard_map.y", "slice")
    paths = [path for path in recording.recorded if any(name in path for name in asked)]
    assert len(paths) == 30
    for path in [*paths, "w.gradient"]:
        right = np.asarray(recording.recorded[path], np.float64)
        wrong = np.array(right)
        at = np.unravel_index(np.argmax(np.abs(right)), right.shape)
        wrong[at] *= 1.01
        refuted = {claim.path for claim, _ in judged(replace(recording, recorded={**recording.recorded, path: wrong})).refuted}
        assert not right.any() or path in refuted, path


def half(v, g):
    return 0.5 * g * jnp.cos(v)


def of_one_device(v, g):
    return jnp.where(lax.axis_index("i") == 1, 1.1, 1.0) * g * jnp.cos(v)


@pytest.mark.parametrize(("rule", "shards"), [(half, "01"), (of_one_device, "1")])
def test_a_wrong_rule_is_wrong_where_it_runs(rule, shards):
    """A custom_vjp that is wrong on one device would be lost in the mean over all."""

    @jax.custom_vjp
    def sine(v):
        return jnp.sin(v)

    sine.defvjp(lambda v: (sine(v), v), lambda v, g: (rule(v, g),))
    f = sharded(lambda p, x: lax.pmean(jnp.mean(sine(x @ p["w"]) ** 2), "i"))
    found = bpcompare.check(f, {"w": W["w"]}, X, as_is=True)
    assert found.verdict == "wrong"
    refuted = {claim.path for _, claim, finding in found.runs[0].findings if finding.outcome == "refuted"}
    assert refuted == {f"shard_map[i={shard}]:dot_general.y.delta" for shard in shards}


def test_what_is_said_to_be_the_same_everywhere_and_is_not_is_wrong():
    """A loss that nobody took the mean of would have the gradient of the mean, and be certified."""
    found = bpcompare.check(sharded(error, check_vma=False), W, X, as_is=True)
    assert found.verdict == "wrong"
    assert "a pmean makes them so" in " ".join(str(found).split())
    assert {claim.path for _, claim, finding in found.runs[0].findings if finding.outcome == "refuted"} == {"shard_map.y"}


def no_sum(p, x):
    return jnp.sum(((x @ p["a"]) @ p["b"] - 1.0) ** 2)


def far_apart(p, x):
    return jnp.sum(p["a"] ** 2) + jnp.array([0.0, 1.0, -1.0, 0.0])[lax.axis_index("i")] * jnp.sum(p["a"] ** 3)


def by_a_ring(p, x):
    e = jnp.sum(jnp.tanh(x @ p["a"]))
    return e + lax.ppermute(e, "i", [(0, 1), (1, 0)])


@pytest.mark.parametrize(
    ("f", "n", "given"),
    [
        pytest.param(no_sum, 2, ({"a": P(None, "i"), "b": P("i")}, P())),
        pytest.param(far_apart, 4, (P(), P()), marks=pytest.mark.slow),
        pytest.param(by_a_ring, 2, BATCH, marks=pytest.mark.slow),
    ],
)
def test_what_is_the_same_on_these_numbers_alone_is_named(f, n, given):
    """A psum that was forgotten would be certified where the numbers hide it: adapters that begin at 0, copies with one mean."""
    mesh = jax.make_mesh((n,), ("i",), axis_types=(AUTO,))
    p = {"a": normal(3, 4), "b": jnp.zeros((4, 2))}
    found = bpcompare.check(sharded(f, mesh, given, check_vma=False), p, X, as_is=True)
    assert found.verdict == "certified in part", str(found)
    assert "whether what shard_map gives is the same on every device" in " ".join(str(found).split())


def rounds(w, x):
    def step(state, _):
        a, b, c, before = state
        return (a + lax.psum(jnp.sum(x), "i"), a * b, x[0, 0] * c + b, c), (a, lax.all_gather(before, "i"))

    (a, b, c, before), (d, e) = lax.scan(step, (jnp.sum(w), 1.0, 1.0, 1.0), None, length=3)
    return a, b, c, before, jnp.sum(d), jnp.sum(e), lax.pmean(c, "i") + jax.jit(jnp.sin)(b), lax.axis_index("i") * a


def test_what_is_the_same_on_every_device_is_told_by_how_it_is_made():
    """What one round of a loop hands to the next would be called the same, or nothing that was summed would be."""
    closed = jax.make_jaxpr(rounds, axis_env=[("i", 2), ("j", 2)])(W["w"], X)
    one = frozenset("i")
    assert varying(closed, [frozenset(), one], ("i", "j")) == [frozenset()] * 2 + [one] * 2 + [frozenset()] * 3 + [one]
    assert varying(closed, [frozenset("j")] * 2, ("i", "j"))[0] == frozenset("j")


def bits(w, x):
    y = lax.bitcast_convert_type(lax.bitcast_convert_type(jnp.sum(x @ w), jnp.int32), jnp.float32)
    return lax.pmean(y, "i")


@jax.custom_vjp
def around(w, x):
    return sharded(bits)(w, x)


around.defvjp(lambda w, x: (around(w, x), (w, x)), lambda r, g: (g * jnp.ones_like(r[0]) * jnp.sum(r[1], 0)[:, None] / 2, None))


@pytest.mark.slow
def test_what_hides_its_derivative_on_several_devices_is_named():
    """A rule around numbers that are taken apart into bits on devices would be held against a derivative of 0."""
    found = bpcompare.check(lambda p, x: around(p["w"], x) ** 2, {"w": W["w"]}, X, as_is=True)
    assert found.verdict == "certified in part", str(found)
    assert "around" in str(found).partition("unexamined")[2]


def branch(p, x):
    return lax.pmean(jnp.mean(lax.cond(lax.axis_index("i") == 0, jnp.sin, jnp.tanh, x @ p["w"])), "i")


@jax.custom_vjp
def everywhere(x):
    return lax.psum(jnp.sin(x), "i")


everywhere.defvjp(lambda x: (everywhere(x), x), lambda x, g: (lax.pcast(g, "i", to="varying") * jnp.cos(x),))


@jax.custom_vjp
def both(x, y):
    return lax.psum(x * y, "i")


both.defvjp(
    lambda x, y: (both(x, y), (x, y)), lambda r, g: tuple(lax.pcast(g, "i", to="varying") * other for other in reversed(r))
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("f", "name"),
    [
        (branch, "lax.cond"),
        (lambda p, x: everywhere(error(p, x)), "everywhere"),
        (lambda p, x: both(error(p, x), jnp.sum(x @ p["w"])), "both"),
    ],
)
def test_what_is_not_followed_on_several_devices_is_named(f, name):
    """A branch that each device takes for itself, or a rule that asks others, would be accused, or pass unexamined."""
    found = bpcompare.check(sharded(f), W, X, as_is=True)
    assert found.verdict == "certified in part", str(found)
    assert f"{name} in shard_map" in " ".join(str(found).split())
