"""`SearchState`: a search that keeps failing."""

import pytest

from kerasclf.errors import FolderError
from kerasclf.search import Budget, read_search
from kerasclf.search.search_state import TooManyFailuresError
from tests.search.fake import FakeEngine, search


def test_a_search_stops_after_the_given_number_of_failures_in_a_row(tmp_path):
    engine = FakeEngine(fails=lambda job: ("The loss is nan.", True))
    with pytest.raises(TooManyFailuresError, match=r"4 trials in a row failed\. The last reason: The loss is nan\."):
        search(tmp_path / "out", engine=engine, budget=Budget(8, failures=4))
    assert [t.status for t in read_search(tmp_path / "out").trials] == ["failed"] * 4
    with pytest.raises(FolderError, match=r"no finished trial\. 4 failed\. The last reason: The loss is nan\."):
        _ = read_search(tmp_path / "out").best


def test_a_success_resets_the_count_of_failures(tmp_path):
    fails = lambda job: ("The loss is nan.", True) if job.name[-1] in "1245" else None  # noqa: E731
    results = search(tmp_path / "out", engine=FakeEngine(fails=fails), budget=Budget(6, failures=3))
    assert [t.status for t in results.trials] == ["failed", "failed", "completed"] * 2
