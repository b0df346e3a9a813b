"""A backend of the user's: the delta backend, with a slip that an environment variable switches on."""

import os

import numpy as np

from bpcompare_delta import Delta


class Student(Delta):
    name = "student"

    def run(self, plan):
        record = super().run(plan)
        slip = float(os.environ.get("SLIP", "0"))
        step = record.steps[0]
        if slip:
            step.gradient["h.weight"][0, 1] *= 1 + slip
        if os.environ.get("NUDGE"):  # one bit: rounding explains it
            step.gradient["h.weight"][0, 1] = np.nextafter(step.gradient["h.weight"][0, 1], 1)
            step.parameters["h.weight"][...] = plan.parameters["h.weight"] - plan.network.update.eta * step.gradient["h.weight"]
        return record
