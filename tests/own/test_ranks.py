"""Several processes that train one model: each gradient is the mean over all ranks, and the ranks stay one model."""

import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import bpcompare  # noqa: E402
from bpcompare.ops.call import Call, Read  # noqa: E402
from bpcompare.own.judged import judged  # noqa: E402
from bpcompare.program import Program, Recording, Step, Value  # noqa: E402
from places import ROOT  # noqa: E402


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """What two processes left that trained together."""
    if not (torch.distributed.is_available() and torch.distributed.is_gloo_available()):
        pytest.skip("this torch has no gloo")
    path = tmp_path_factory.mktemp("ranks")
    words = [sys.executable, str(ROOT / "tests" / "shared" / "ranks_training.py")]
    started = [subprocess.Popen([*words, str(rank), str(path)], stderr=subprocess.PIPE, text=True) for rank in range(2)]
    for one in started:
        _, err = one.communicate(timeout=240)
        assert one.returncode == 0, err
    return path


@pytest.fixture
def together(folder):
    """together("right"): both steps, judged."""
    return lambda way, **options: bpcompare.ranks([folder / f"{way}{rank}.step" for rank in range(2)], **options)


@pytest.mark.slow
class TestTwoProcesses:
    """Two processes with gloo."""

    @pytest.mark.parametrize("way", ["right", "views", "accumulated", "unused"])
    def test_honest_training_is_certified(self, together, way):
        """Nobody could use it for what DistributedDataParallel does as it is meant to."""
        found = together(way)
        assert found.verdict == "certified", str(found)
        assert len(found.findings) == 12

    def test_one_rank_alone_is_not_certified(self, folder):
        """What the other ranks had a part in would pass for this rank's own gradient; or correct code would be accused."""
        step = bpcompare.load_watched(folder / "right0.step")
        assert step.verdict == "certified in part"
        assert "other ranks have a part in it" in " ".join(str(step).split())
        assert "bpcompare.ranks" in str(step)

    def test_what_others_add_may_be_taken_as_it_is(self, folder):
        """torchrun would stop all ranks as soon as one had been watched; or what was not judged would not be named."""
        step = bpcompare.load_watched(folder / "right0.step")
        meant = type(step)(step.watched, intended=["all_reduce"])
        assert meant.verdict == "certified"
        assert "intended   all_reduce: what other ranks have added to gradients was taken as it is" in str(meant)

    def test_a_parameter_that_a_rank_did_not_use_is_named(self, together):
        """A head that half of the ranks never train would go unseen."""
        text = str(together("unused"))
        assert "unused     module.other.weight (rank 1), module.other.bias (rank 1): not used there" in text

    @pytest.mark.parametrize(
        ("way", "words"),
        [
            ("alone", "computed alone: nothing was averaged (no_sync, or a missing all-reduce)"),
            ("summed", "it is the sum over 2 ranks, 2 times their mean"),
            ("apart", "module.one.bias of rank 1 is not that of rank 0 before the step: the ranks are not in sync"),
            ("apart", "1 of 3 elements, at [1]"),
            ("rates", "module.body.weight of rank 1 is not that of rank 0 after the step, from the same numbers"),
            ("rates", "eta is 0.1, 0.2"),
            ("faulty", "Twice.backward"),
        ],
    )
    def test_mistakes_are_found(self, together, way, words):
        """Ranks that drift apart train for weeks before anybody sees it."""
        found = together(way)
        assert found.verdict == "wrong"
        assert found.exit_code == 1
        assert words in " ".join(str(found).split())

    def test_the_faulty_rank_is_named(self, together):
        """All ranks would be suspected."""
        assert [step.verdict for step in together("faulty").steps] == ["certified", "wrong"]

    def test_compression_is_no_mistake(self, together):
        """A hook that sends float16 would be accused; or certified as the mean."""
        found = together("compressed")
        assert found.verdict == "certified in part"
        assert "the communication hook fp16_compress_hook stands in between" in " ".join(str(found).split())
        assert together("compressed", intended=["fp16_compress_hook"]).verdict == "certified"

    def test_what_nobody_used_is_not_accused(self, together):
        """A micro-batch under no_sync, whose gradients are averaged later, would be called wrong."""
        found = together("waiting")
        assert found.verdict == "certified in part"
        assert "no optimizer used it in what was watched" in " ".join(str(found).split())

    @pytest.mark.parametrize("rank", [0, 1])
    def test_what_others_have_a_part_in_is_not_held_against_this_rank(self, folder, rank):
        """A bias that torch adds in one rank alone would be called a fault of torch's (tensor parallel)."""
        step = bpcompare.load_watched(folder / f"across{rank}.step")
        assert step.verdict == "certified in part", str(step)
        (one,) = (one for one in step.unexamined if one.what.startswith("distributed::addmm"))
        assert "other ranks have a part in it" in one.why

    def test_values_of_other_ranks_are_named_as_that(self, folder):
        """Somebody would be told to write a law for all_gather, or what is made of its result would not be judged."""
        step = bpcompare.load_watched(folder / "gathered0.step")
        assert step.verdict == "certified in part"
        (one,) = step.unexamined
        assert one.what == "_c10d_functional::all_gather_into_tensor"
        assert "other ranks have a part in it" in one.why

    def test_a_backward_that_other_ranks_have_a_part_in(self, folder):
        """Megatron's layers, whose backward adds up over ranks, would be called wrong; or a fault beside them would not be."""
        step = bpcompare.load_watched(folder / "columns and rows0.step")
        assert "Parted.backward calls c10d::allreduce_: other ranks have a part in it" in " ".join(str(step).split())
        wrong = bpcompare.load_watched(folder / "twice in parts0.step")
        assert wrong.verdict == "wrong"
        assert {claim.path for _, claim, _ in wrong.refuted} == {"tanh.y.delta"}

    @pytest.mark.parametrize("way", ["by hand", "coalesced", "in parts", "across", "gathered", "columns and rows"])
    def test_what_is_not_followed_is_named(self, together, way):
        """Correct code of other kinds (all_reduce by hand, FSDP) would be accused, or certified unseen."""
        found = together(way)
        assert found.verdict == "certified in part", str(found)
        assert found.unexamined


def mean_of(arrays, left):
    """The finding about `left` as the mean of arrays."""
    names = [f"g{number}" for number in range(len(arrays))]
    values = {name: Value(name, name, given=True, dtype="float32") for name in names}
    values["mean"] = Value("mean", "mean", dtype="float32")
    op = Call("mean_of_ranks", {"tensors": tuple(map(Read, range(len(names))))}, (left.shape,))
    program = Program(values, (Step("mean", op, tuple(names), "mean"),), (), "error", ("error",))
    given = dict(zip(names, arrays, strict=True))
    (pair,) = judged(Recording("", program, given, {"mean": left}, {})).findings
    return pair[1]


@pytest.mark.parametrize("count", [2, 3, 5, 7, 64])
@pytest.mark.parametrize("cancelling", [False, True])
def test_any_order_and_any_division_is_the_mean(count, cancelling):
    """Reducers that divide first, or add in a ring, would be accused where gradients cancel."""
    random = np.random.default_rng(count)
    arrays = [random.normal(size=200).astype(np.float32) for _ in range(count)]
    if cancelling:
        arrays[-1] = -np.sum(arrays[:-1], axis=0, dtype=np.float32)
    factor = np.float32(1 / count)
    for _ in range(5):
        order = random.permutation(count)
        first, last = np.zeros(200, np.float32), np.zeros(200, np.float32)
        for number in order:
            first, last = first + arrays[number] * factor, last + arrays[number]
        assert mean_of(arrays, first).outcome == "holds"
        assert mean_of(arrays, last / np.float32(count)).outcome == "holds"
    wrong = last / np.float32(count)
    wrong[7] += np.float32(1e-3)
    assert mean_of(arrays, wrong).outcome == "refuted"


def test_steps_of_no_ranks(watched, model, tmp_path):
    """Two steps that have nothing to do with each other would be certified as one training."""
    step = watched(model())
    step.save(tmp_path / "a.step")
    found = bpcompare.ranks([step, tmp_path / "a.step"])
    assert found.verdict == "certified in part"
    assert "none of these steps was watched where several processes train together" in " ".join(str(found).split())
    with pytest.raises(ValueError, match="at least two ranks"):
        bpcompare.ranks([step])
    with pytest.raises(AssertionError, match="2 ranks"):
        found.assert_certified()


def test_two_steps_of_one_rank(watched, model):
    """A gradient would be averaged with itself."""
    steps = [watched(model()).step for _ in range(2)]
    for step in steps:
        step.watched.facts["rank"] = "0"
    with pytest.raises(ValueError, match="2 steps of rank 0"):
        bpcompare.ranks(steps)
