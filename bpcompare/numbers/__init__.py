"""What laws are computed in: the primitives, and the arithmetics beside plain arrays."""
