"""The figures of reports, and their themes."""
