"""The plan maker: every number of a run, drawn once."""

from dataclasses import replace

import numpy as np
import pytest

from bpcompare import ops
from bpcompare.network import Layer, SpecError, Training
from bpcompare.network.parameter import Initializer, Parameter
from bpcompare.ops import Dense, Dropout, Sgd
from bpcompare.plan.draw import LIMIT, initial, plan, sealed
from bpcompare.plan.seeds import generator, generators
from mistaken_networks import HALF, mlp


def _content(made):
    return {key: (x.dtype.str, x.shape, x.tobytes()) for key, x in made.arrays()}


def test_same_spec_same_plan(make_network):
    """Two people who run one spec would not compare the same numbers."""
    first, second = plan(make_network()), plan(make_network())
    assert _content(first) == _content(second)
    assert first.digest == second.digest != plan(make_network(), seed=1).digest


def test_arrays_are_fixed(make_network):
    """A backend could write into the numbers that another backend reads next."""
    for _, x in plan(make_network(), steps=3).arrays():
        assert x.flags.c_contiguous
        assert not x.flags.writeable
        assert x.base is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(make_network, dtype):
    """Integers would reach a framework as floats, or reals in a precision the bounds do not cover."""
    made = plan(make_network(), dtype)
    whole = {key for key, x in made.arrays() if x.dtype == np.int64}
    assert whole == {"batch1/inputs/word", "batch1/target", "batch2/inputs/word", "batch2/target"}
    assert {x.dtype for key, x in made.arrays() if key not in whole} == {np.dtype(dtype)}


def test_float32_is_float64_rounded(make_network):
    """The two dtypes of one spec would be two different networks."""
    wide, narrow = dict(plan(make_network(), "float64").arrays()), dict(plan(make_network(), "float32").arrays())
    for key, x in wide.items():
        assert np.array_equal(x.astype(narrow[key].dtype), narrow[key]), key


def test_plans_do_not_alias_the_callers_arrays(make_network):
    """Changing an array after planning would change the plan behind its digest."""
    network = make_network()
    given = network.parameters["h.bias"].init
    made = plan(network)
    given[:] = 9
    assert made.parameters["h.bias"][0] == 0.1


def test_a_new_layer_leaves_other_draws_alone(make_network):
    """Adding a layer to a spec would change every weight drawn after it."""
    network = make_network()
    grown = replace(
        network,
        layers={"aside": Layer(Dense(3), ("x",), parameters={"weight": "aside.w", "bias": "aside.b"}), **network.layers},
        parameters={
            "aside.w": Parameter(Initializer("normal")),
            "aside.b": Parameter(Initializer("zeros")),
            **network.parameters,
        },
    )
    # `aside` feeds nothing; where checks refuse that, join it to the output instead.
    joined = Layer(Dense(3), ("k", "f", "aside"), parameters={"weight": "wide", "bias": "o.bias"})
    parameters = {name: p for name, p in grown.parameters.items() if name != "o.weight"} | {
        "wide": Parameter(Initializer("normal"))
    }
    grown = replace(grown, layers={**grown.layers, "o": joined}, parameters=parameters)
    before, after = _content(plan(network)), _content(plan(grown))
    unchanged = set(before) - {key for key in before if "o.weight" in key}
    assert {key: before[key] for key in unchanged} == {key: after[key] for key in unchanged}


@pytest.mark.parametrize(
    ("kind", "spread"),
    [
        ("glorot_uniform", np.sqrt(2 / 500)),
        ("glorot_normal", np.sqrt(2 / 500)),
        ("he_uniform", np.sqrt(2 / 300)),
        ("he_normal", np.sqrt(2 / 300)),
        ("lecun_uniform", np.sqrt(1 / 300)),
        ("lecun_normal", np.sqrt(1 / 300)),
        ("normal", 1.0),
        ("uniform", np.sqrt(1 / 3)),
    ],
)
def test_initializers_have_the_published_variance(kind, spread):
    """`he_normal` would name another distribution than He et al.'s."""
    x = initial(Initializer(kind, 2.0), (300, 200), (300, 200), generator(0, "w"))
    # 60,000 draws: the standard deviation is known to 0.3 %, five times that is allowed.
    assert np.std(x) == pytest.approx(2 * spread, rel=0.015)
    assert abs(np.mean(x)) < 5 * 2 * spread / np.sqrt(x.size)
    if kind.endswith("uniform"):
        assert np.abs(x).max() <= 2 * spread * np.sqrt(3)


def test_constant_initializers():
    """Ones would not be ones, or `scale` would be ignored."""
    assert np.array_equal(initial(Initializer("zeros", 3.0), (2,), (1, 1), generator(0, "w")), [0, 0])
    assert np.array_equal(initial(Initializer("ones", 3.0), (2,), (1, 1), generator(0, "w")), [3, 3])


def test_batches_walk_through_the_data_and_wrap(make_network):
    """A step would see other examples than the spec says, in every backend alike, so that nobody notices."""
    network = make_network(batch=3, first=5, steps=3)
    rows = [[5, 6, 0], [1, 2, 3], [4, 5, 6]]
    for batch, expected in zip(plan(network).batches, rows, strict=True):
        assert np.array_equal(batch.inputs["x"], network.data.inputs["x"][expected])
        assert np.array_equal(batch.inputs["word"], network.data.inputs["word"][expected])
        assert np.array_equal(batch.target, network.data.target[expected])


def test_without_batch_every_step_takes_all_examples(make_network):
    """`batch` left out would mean something else than all the data."""
    network = make_network(batch=None)
    made = plan(network, steps=2)
    assert [len(batch) for batch in made.batches] == [7, 7]
    assert made.batches[0].inputs["x"] is made.batches[1].inputs["x"]


def test_masks_are_zeros_and_ones_and_never_all_zero(make_network):
    """Dropout would scale instead of mask, or hide everything behind it; or every step would drop the same units."""
    network = make_network(batch=2, steps=200)
    masks = [batch.draws["d.mask"] for batch in plan(network).batches]
    assert {mask.shape for mask in masks} == {(2, 4)}
    assert set(np.unique(masks)) == {0.0, 1.0}
    assert 0.4 < np.mean(masks) < 0.6
    assert any(not np.array_equal(masks[0], mask) for mask in masks)
    rare = replace(network, layers={**network.layers, "d": Layer(Dropout(0.999), ("h",))})
    assert all(batch.draws["d.mask"].sum() >= 1 for batch in plan(rare).batches)


def test_state_starts_as_batch_norm_does(make_network):
    """Running statistics would start where no framework starts them."""
    state = plan(make_network()).state
    assert np.array_equal(state["n.running_mean"], np.zeros(4))
    assert np.array_equal(state["n.running_var"], np.ones(4))


def test_slots(make_network):
    """Optimizer state would be missing, belong to frozen weights, or start in the middle of training unasked."""
    made = plan(make_network())
    assert set(made.slots) == {path for slots in made.slot_paths.values() for path in slots.values()}
    assert not any(path.startswith("o.bias") for path in made.slots)
    assert not any(x.any() for x in made.slots.values())


@pytest.mark.parametrize("update", [None, Sgd(0.1, momentum=0.9)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_drawn_slots_are_nonzero(make_network, update, dtype):
    """From zero state, Adam's first step is blind to β₁, β₂ and the size of the gradient; v ≤ 0 would be no second moment."""
    network = make_network(slots="drawn", **({"update": update} if update else {}))
    for path, x in plan(network, dtype).slots.items():
        assert x.all(), path
        assert (x > 0).all() or not path.endswith(".v"), path


def test_overflow_is_named(make_network):
    """A weight that float32 cannot hold would become infinity before any backend sees it."""
    network = make_network(parameters={**make_network().parameters, "h.bias": Parameter(np.array([0.0, 1e300, 0, 0]))})
    network.data.inputs["x"][6, 2] = -1e200
    with pytest.raises(SpecError, match=r"parameters.h.bias: 1e\+300 at \[1\] does not fit into float32") as caught:
        plan(network, "float32", steps=2)
    assert {problem.where for problem in caught.value.problems} == {("parameters", "h.bias"), ("data", "x")}
    assert plan(network, "float64").parameters["h.bias"][1] == 1e300


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"dtype": "float16"}, "dtype"),
        ({"steps": 0}, "steps"),
        ({"steps": 1.5}, "steps"),
        ({"steps": True}, "steps"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_cannot_be_asked_for(make_network, asked, where):
    """A wrong argument would surface as a NumPy error somewhere inside."""
    with pytest.raises(SpecError) as caught:
        plan(make_network(), **asked)
    assert [problem.where for problem in caught.value.problems] == [("training", where)]


def test_absurd_sizes_are_refused_before_they_are_allocated(make_network):
    """A typing error in `steps` would exhaust the machine's memory."""
    with pytest.raises(SpecError, match=f"the limit is {LIMIT / 2**30:.3g} GiB"):
        plan(make_network(), steps=10**12)


def test_a_bad_network_is_refused(make_network):
    """A network with a dangling name would fail inside a backend instead of being explained."""
    network = make_network()
    broken = replace(network, layers={**network.layers, "h": replace(network.layers["h"], sources=("nowhere",))})
    with pytest.raises(SpecError, match="nowhere") as caught:
        plan(broken)
    assert caught.value.problems == broken.problems()


def test_sealing(make_network):
    """A plan changed by hand, as exact mode does, would keep the digest of the plan it was made from."""
    made = plan(make_network())
    doubled = sealed(replace(made, parameters={name: np.asfortranarray(2 * x) for name, x in made.parameters.items()}))
    assert doubled.digest != made.digest
    assert sealed(made).digest == made.digest
    assert all(x.flags.c_contiguous and not x.flags.writeable for _, x in doubled.arrays())


@pytest.mark.parametrize("change", [{"name": "other"}, {"update": Sgd(0.1)}, {"seed": 3}, {"updates_done": 4}])
def test_the_digest_covers_the_network(make_network, change):
    """A record could pass as the answer to a plan of another network."""
    assert plan(make_network(**change)).digest != plan(make_network()).digest


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_slots_of_squares_are_legal(dtype):
    """A root of a negative number in the first step: the plan itself would make NaN of an honest run."""
    rule = ops.RmsProp(0.01, 0.9, epsilon_inside=False, momentum=0.9, centered=True)
    drawn = plan(mlp(ops.Tanh(), HALF, rule), dtype).slots
    for name in ("h0.weight", "h0.bias"):
        v, m = drawn[f"{name}.rmsprop.v"], drawn[f"{name}.rmsprop.m"]
        assert (v > m * m).all()
        assert (m < 0).any()
    assert list(drawn)[:3] == [f"h0.weight.rmsprop.{slot}" for slot in ("v", "m", "velocity")]


def test_an_accumulator_begins_with_its_initial_value():
    """Adagrad would begin with 0 whatever the spec says, and its first steps be far too long."""
    network = mlp(ops.Tanh(), HALF, ops.Adagrad(0.01, 0.0, epsilon_inside=False, initial_accumulator=0.25))
    assert all((x > 0.25).all() for x in plan(network).slots.values())
    network = replace(network, training=Training())
    assert all((x == 0.25).all() for x in plan(network).slots.values())


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**32])
def test_generators_side_by_side_are_those_of_numpy(seed):
    """A plan of many parameters would have other numbers than before, and than one of few that has the same paths."""
    paths = [f"parameters/n{number}.weight" for number in range(40)]
    for path, found in zip(paths, generators(seed, paths), strict=True):
        alone = generator(seed, path)
        assert found.bit_generator.state == alone.bit_generator.state
        assert [found.integers(9), *found.standard_normal(3)] == [alone.integers(9), *alone.standard_normal(3)]
