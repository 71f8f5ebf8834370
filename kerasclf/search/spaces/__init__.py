"""Search spaces: an axis for each field of an experiment that a search varies."""
