"""Which slip in a backward gives exactly the wrong numbers? Each is tried at every step of the forward."""

from bpcompare.tools.gradient.causes.catalogue import slip
from bpcompare.tools.gradient.causes.factor import Factors
from bpcompare.tools.gradient.causes.outputs import Outputs
from bpcompare.tools.gradient.causes.same import Same
from bpcompare.tools.gradient.causes.trial import Trial, function

__all__ = ["Factors", "Outputs", "Same", "Trial", "function", "slip"]
