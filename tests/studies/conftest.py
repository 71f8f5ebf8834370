"""Fixtures that the tests of studies share."""

import pytest

from kerasclf.runs.job import Job
from kerasclf.runs.planning.plan import Plan
from kerasclf.studies import declare
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.studies.study_options import StudyOptions
from kerasclf.studies.study_plan import StudyPlan
from tests.studies.plans import COST


@pytest.fixture
def study_plan(tmp_path):
    """The plan of two runs, side by side."""
    study = declare("basenet", options=StudyOptions(data="shapes"))
    folder = StudyFolder(tmp_path / "out")
    names = ("sgd_20", "adam_20")
    jobs = tuple(
        Job(name, name, study.experiments[name], 0, folder.run(name, "12345678", 0).path, "hash") for name in names
    )
    plan = Plan({}, {}, costs=dict.fromkeys(names, COST), peak_memory_mb=800)
    return StudyPlan(study, folder, plan, jobs, finished=(), failed={}, width=2)
