"""One run: an experiment and a seed in, a run folder out; and the engines that make many runs side by side."""

from kerasclf.runs.experiment import Experiment

__all__ = ["Experiment"]
