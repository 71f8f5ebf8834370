"""Probabilities that can be trusted: calibration, abstention and conformal prediction."""

from kerasclf.inference.calibration.abstention import choose_threshold, images_needed
from kerasclf.inference.calibration.calibration import fit_temperature, temper
from kerasclf.inference.calibration.conformal import conformal_sets, fewest_images

__all__ = ["choose_threshold", "conformal_sets", "fewest_images", "fit_temperature", "images_needed", "temper"]
