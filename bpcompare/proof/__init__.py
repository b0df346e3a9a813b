"""The claims, and their evaluation: which are true, the smallest mistake that each would have shown, and what stays undecided."""
