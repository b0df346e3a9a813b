"""A backward pass as somebody wrote it: once with the weights taken after their update, once right."""

from typing import ClassVar

import numpy as np

from bpcompare.backend import Backend
from bpcompare.ops import OPS, Dense, HalfSquared, Sgd, Sigmoid
from bpcompare.plan.record import Provenance, Record, StepRecord


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Student(Backend):
    """Chains of dense sigmoid layers, E = ½ Σ (t − a)², w ← w + η a Δ."""

    name = "student"
    right = False
    table: ClassVar = {Dense: np.matmul, Sigmoid: sigmoid, HalfSquared: np.subtract, Sgd: np.add}
    gaps: ClassVar = dict.fromkeys(set(OPS.values()) - {Dense, Sigmoid, HalfSquared, Sgd}, "not written yet")

    @classmethod
    def version(cls):
        return np.__version__

    def run(self, plan):
        network, w, steps = plan.network, dict(plan.parameters), []
        for batch in plan.batches:
            net_in, a, delta, gradient, new = {}, dict(batch.inputs), {}, {}, dict(w)
            for j in plan.order:
                (i,) = network.layers[j].sources
                net_in[j] = a[i] @ w[f"{j}.weight"] + w[f"{j}.bias"]
                a[j] = sigmoid(net_in[j])
            back = batch.target - a[j]
            error = np.array(0.5 * np.sum(back * back))
            for j in reversed(plan.order):
                (i,) = network.layers[j].sources
                delta[j] = a[j] * (1 - a[j]) * back
                for name, step in ((f"{j}.weight", a[i].T @ delta[j]), (f"{j}.bias", delta[j].sum(axis=0))):
                    if name in network.trainable:
                        gradient[name] = -step
                        new[name] = w[name] + network.update.eta * step
                back = delta[j] @ (w if self.right else new)[f"{j}.weight"].T
            w = {name: np.array(x) for name, x in new.items()}
            layers = {j: a[j] for j in plan.order}
            steps.append(StepRecord(error, net_in, layers, delta, gradient, None, w, state={}, slots={}))
        return Record(plan.digest, tuple(steps), Provenance(self.name, "numpy", np.__version__))


class Honest(Student):
    """The same, put right."""

    name = "honest"
    right = True
