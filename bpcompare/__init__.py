"""bpcompare: do these backends compute the same gradients and weight updates, and if not, who is wrong?"""

__version__ = "0.1.0"
