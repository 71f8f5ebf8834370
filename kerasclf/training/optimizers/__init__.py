"""Optimizers, learning-rate schedules and learning rates per layer."""
