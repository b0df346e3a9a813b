"""What is proved: steps over values, whoever they come from."""

from bpcompare.program.program import Program, Step, Update, Value
from bpcompare.program.recording import CUT_OFF, Place, Recording, Unexamined, Watched

__all__ = ["CUT_OFF", "Place", "Program", "Recording", "Step", "Unexamined", "Update", "Value", "Watched"]
