"""Plans: checks before a run starts, and what it will cost in time, memory and disk space."""
