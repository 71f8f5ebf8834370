"""The declared searches, one per file."""
