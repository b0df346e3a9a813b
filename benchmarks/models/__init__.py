"""Models that are not ours, each with one training step."""
