"""The page of a search and its files."""

import re

from kerasclf.report.search.search_page import write_search_report
from kerasclf.search import Budget, Search, Space, run_search
from tests.search.fake import BASE, SPACE, FakeEngine


def test_the_page_shows_the_findings_and_the_failed_trials(no_figures, tmp_path):
    fails = lambda job: ("The loss is nan.", True) if job.experiment.train.learning_rate > 0.5 else None  # noqa: E731
    search = Search(BASE, Space(SPACE), median=True)
    results = run_search(search, tmp_path / "out", Budget(25), engine=FakeEngine(fails=fails))
    page = write_search_report(results, tmp_path / "report")
    text, markdown = page.read_text(), (tmp_path / "report" / "report.md").read_text()
    assert f"The best of 25 trials is {results.best.title}: val_accuracy {results.best.value:.4f}" in text
    assert "The loss is nan." in text
    assert "stopped early" in text
    assert "It has not been evaluated on the test set." in markdown
    assert "<script" not in text
    assert "http" not in re.sub(r"http://www\.w3\.org|data:[^\"]*", "", text)
    rows = (tmp_path / "report" / "trials.csv").read_text().splitlines()
    assert len(rows) == 26
    for name in re.findall(r"\]\((.*?)\)", markdown):
        assert (tmp_path / "report" / name).exists()
