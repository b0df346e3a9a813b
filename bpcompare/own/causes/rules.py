"""How an optimizer's rule is misread: each mistake of the catalogue, and other settings, as laws that take its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

from bpcompare.laws import LAWS, Laws
from bpcompare.laws.law import UpdateAt
from bpcompare.mistakes import MISTAKES
from bpcompare.mistakes.mistake import STATEMENTS
from bpcompare.numbers.number import Num
from bpcompare.ops import Adagrad, Adam, AdamW, RmsProp, Sgd, UpdateOp
from bpcompare.ops.rule import Rule

SPECS: Mapping[str, type[UpdateOp]] = {"sgd": Sgd, "adam": Adam, "rmsprop": RmsProp, "adagrad": Adagrad}
OFF = ("maximize", "amsgrad", "dampening", "lr_decay")
"""Switches that rules of specs do not have."""
USUAL: Mapping[str, tuple[float, ...]] = {
    "beta1": (0.9, 0.95, 0.8, 0.5, 0.0),
    "beta2": (0.999, 0.99, 0.98, 0.95, 0.9),
    "epsilon": (1e-8, 1e-7, 1e-6, 1e-5, 1e-3, 1e-12, 0.0),
    "momentum": (0.9, 0.99, 0.95, 0.5, 0.0),
    "rho": (0.99, 0.9, 0.999, 0.95),
    "weight_decay": (1e-2, 1e-4, 0.1, 1e-3, 5e-4),
}
"""Settings by what they often are."""
SIGNS = {"beta1": "β₁", "beta2": "β₂", "epsilon": "ε", "momentum": "μ", "rho": "ρ", "weight_decay": "λ (weight decay)"}


def misread(rule: Any, parameter: str) -> Iterator[tuple[str, Laws]]:
    """Each misreading in words, with laws in which the rule of this parameter is that one; none of a rule that is not known."""
    if not isinstance(rule, Rule):
        return
    spec = as_spec(rule)
    for mistake in (one for one in MISTAKES.values() if one.breaks == STATEMENTS["4"] and spec is not None):
        for places in (mistake.places, *mistake.others):
            wrong = places(_network(spec, parameter), LAWS).get(parameter)
            if wrong is not None:
                words = getattr(places, "words", "") or mistake.wrong
                yield f"{mistake.title}: {words} (bpcompare explain {mistake.code})", _Instead(parameter, _OfSpec(wrong, spec))
    for name, values in USUAL.items():
        for value in values if name in rule.settings else ():
            if value != rule.settings[name]:
                other = replace(rule, settings={**rule.settings, name: value})
                yield (
                    f"as if {SIGNS[name]} were {value:g}, not {rule.settings[name]:g}",
                    _Instead(parameter, _OfSpec(None, other)),
                )


def as_spec(rule: Rule) -> UpdateOp | None:
    """The same rule as specs have it; None where they have none with these switches."""
    made: Any = SPECS.get(rule.function)
    if made is None or any(rule.settings.get(name) for name in OFF):
        return None
    made = AdamW if made is Adam and rule.decoupled else made
    names = {field.name for field in fields(made)}
    found: UpdateOp = made(**{name: value for name, value in rule.settings.items() if name in names})
    return found


def _network(spec: UpdateOp | None, parameter: str) -> Any:
    """As much of a network as mistakes in updates ask for: one layer, with one parameter."""
    role = "bias" if parameter.rpartition(".")[2] == "bias" else "weight"
    layer = SimpleNamespace(op=SimpleNamespace(below=None), g=SimpleNamespace())
    return SimpleNamespace(
        update=spec,
        kinds=frozenset(),
        trainable=(parameter,),
        uses={parameter: (("layer", role),)},
        layers={"layer": layer},
        order=(),
        error=SimpleNamespace(op=None),
        parameters={parameter: None},
        penalties={},
    )


class _Instead(Laws):
    """The right laws, but for the rule of one parameter."""

    def __init__(self, parameter: str, law: _OfSpec) -> None:
        super().__init__(LAWS.ops, LAWS.updates, LAWS.calls, LAWS.rules)
        self._parameter, self._law = parameter, law

    def update(self, owner: str, op: UpdateOp) -> Any:
        """The law of the update rule for parameter `owner`."""
        return self._law if owner == self._parameter else super().update(owner, op)


class _OfSpec:
    """A law of a rule, asked where own code has another op; `law`: None for the right one of that op."""

    def __init__(self, law: Any, op: UpdateOp | None) -> None:
        self._law, self._op = law, op

    def _asked(self, at: UpdateAt[Any]) -> tuple[Any, UpdateAt[Any]]:
        op = self._op or at.op
        return (LAWS.update("", op) if self._law is None else self._law), at.but(op=op)

    def parameter(self, at: UpdateAt[Any]) -> Num:
        """The parameter after the step."""
        law, there = self._asked(at)
        return law.parameter(there)

    def slot(self, at: UpdateAt[Any]) -> Num:
        """A slot after the step."""
        law, there = self._asked(at)
        return law.slot(there)

    def __getattr__(self, name: str) -> Any:
        return getattr(LAWS.update("", self._op) if self._law is None and self._op is not None else self._law, name)
