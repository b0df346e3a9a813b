"""Laws of optimizers' rules by name, for own code: those of specs with the switches that frameworks have, and some more."""

from collections.abc import Mapping

from bpcompare.laws.law import UpdateLaw
from bpcompare.laws.rules.averaged import AsgdRule
from bpcompare.laws.rules.factored import AdafactorRule, OptaxAdafactorRule
from bpcompare.laws.rules.moments import AdamaxRule, AdamRule, NAdamRule, RAdamRule
from bpcompare.laws.rules.orthogonal import MuonRule, NewtonSchulz
from bpcompare.laws.rules.signs import RpropRule
from bpcompare.laws.rules.squares import AdadeltaRule, AdagradRule, RmsPropRule, SgdRule
from bpcompare.laws.rules.turned import Turned
from bpcompare.laws.rules.variants import (
    AdaBeliefRule,
    AmsgradRule,
    LambRule,
    LionRule,
    NesterovAdamRule,
    SignRule,
    YogiRule,
)

RULES: Mapping[str, UpdateLaw] = {
    "sgd": Turned(SgdRule()),
    "adam": Turned(AdamRule()),
    "nadam": Turned(NAdamRule()),
    "radam": Turned(RAdamRule()),
    "adamax": Turned(AdamaxRule()),
    "rmsprop": Turned(RmsPropRule()),
    "adagrad": Turned(AdagradRule()),
    "adadelta": Turned(AdadeltaRule()),
    "asgd": Turned(AsgdRule()),
    "rprop": Turned(RpropRule()),
    "adafactor": Turned(AdafactorRule()),
    "optax adafactor": Turned(OptaxAdafactorRule()),
    "muon": Turned(MuonRule()),
    "newton_schulz": NewtonSchulz(),
    "nesterov adam": Turned(NesterovAdamRule()),
    "amsgrad": Turned(AmsgradRule()),
    "adabelief": Turned(AdaBeliefRule()),
    "yogi": Turned(YogiRule()),
    "lion": Turned(LionRule()),
    "signsgd": Turned(SignRule()),
    "lamb": Turned(LambRule()),
}
"""Every rule that a `Rule` may name."""
