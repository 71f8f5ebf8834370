"""The networks: one family per file, each a function from sizes to an uncompiled model."""
