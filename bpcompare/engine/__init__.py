"""Finding backends and running them: names, what is installed, processes, environments."""
