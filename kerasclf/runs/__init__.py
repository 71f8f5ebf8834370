"""Runs: from an experiment and a seed to a run folder, and the engines that execute many runs side by side."""

from kerasclf.runs.experiment import Experiment

__all__ = ["Experiment"]
