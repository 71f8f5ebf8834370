"""Reports: reads run folders and writes tables, figures and a page. Needs no TensorFlow."""

from kerasclf.report.results_reader import read_results
from kerasclf.report.study_page import write_report
from kerasclf.report.study_results import StudyResults
from kerasclf.report.summary import summarise

__all__ = ["StudyResults", "read_results", "summarise", "write_report"]
