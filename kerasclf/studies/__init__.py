"""Experiment, Study and runner; one declared study a file."""

from kerasclf.studies.catalogue import STUDIES, declare
from kerasclf.studies.experiment import Experiment
from kerasclf.studies.runner import run_study
from kerasclf.studies.study import Published, Study

__all__ = ["STUDIES", "Experiment", "Published", "Study", "declare", "run_study"]
