"""For authors of backends and of tests: random networks, from Hypothesis or from a seed."""
