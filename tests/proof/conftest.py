from types import SimpleNamespace

import numpy as np
import pytest

from bpcompare import ops
from bpcompare.laws import LAWS
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import format_of
from bpcompare.proof.balls import Balls
from bpcompare.proof.certificate import judge
from bpcompare.proof.claims import Claim
from bpcompare.proof.values import StepValues


@pytest.fixture
def judged():
    """judged(x, mid, rad): the finding on a quantity x whose law is the ball mid ± rad, on premises of our choice."""

    def judged(x, mid, rad, *, statement="forward", dtype="float64", before=None, gradient=None, op=None, **more):
        x = np.asarray(x, dtype)
        given = {} if before is None else {"p": np.asarray(before, dtype)}
        recorded = {"q": x} | ({} if gradient is None else {"p.gradient": np.asarray(gradient, dtype)})
        recorded |= {path: np.asarray(value, dtype) for path, value in more.pop("premises", {}).items()}
        major = more.pop("major", None)

        def value(get, laws):
            m = np.asarray(mid, np.float64)
            r = np.broadcast_to(np.asarray(rad, np.float64), m.shape)
            return Ball(m, get.fmt, 0.0, r, major=None if major is None else np.asarray(major, np.float64))

        balls = SimpleNamespace(values=StepValues(given, recorded), fmt=format_of(dtype), algorithms={}, exact=False, quick=False)
        balls.recorded = lambda path: recorded[path].astype(np.float64)
        balls.lookup = lambda fmt: SimpleNamespace(fmt=fmt)
        owner = (("p", op or ops.Identity()),)
        claim = Claim("q", statement, "p", owner, lambda: tuple(more.get("reads", ())), value)
        with np.errstate(all="ignore"):
            return judge(claim, balls, LAWS, zeros=more.get("zeros"))

    return judged


@pytest.fixture
def lookup():
    """lookup(given, recorded, dtype): the balls of a step, as the certificate looks them up."""

    def lookup(given, recorded, dtype="float64", flushes=False):
        balls = Balls(StepValues(given, recorded), format_of(dtype, flushes))
        return balls.lookup(balls.fmt)

    return lookup
