"""Faster computation of some Keras layers. It is in effect during a fit, and the model stays unchanged."""

from kerasclf.training.faster.patching import faster_layers

__all__ = ["faster_layers"]
