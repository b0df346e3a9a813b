"""What an addition costs: an op, an update rule and an activation, each as a patch that adds it."""
