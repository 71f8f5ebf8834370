"""Studies: a question, the experiments that answer it, and the runner that executes their runs."""

from kerasclf.studies.study import Published, Study
from kerasclf.studies.study_catalogue import STUDIES, declare

__all__ = ["STUDIES", "Published", "Study", "declare"]
