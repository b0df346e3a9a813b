"""Text for people to read: how wide it may be, in which characters, and where its lines are broken."""
