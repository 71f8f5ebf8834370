"""The declared searches, one a file."""
