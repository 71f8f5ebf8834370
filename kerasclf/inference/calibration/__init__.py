"""Probabilities that can be trusted: calibration, abstention and conformal prediction."""
