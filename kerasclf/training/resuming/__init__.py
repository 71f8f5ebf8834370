"""Checkpoints, and trainings that resume, stop early or share their beginning."""
