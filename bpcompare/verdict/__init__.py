"""Who is wrong, how far backends are apart, and what changed."""
