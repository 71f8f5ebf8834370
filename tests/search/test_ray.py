"""A search whose trials are run on a Ray cluster on this machine."""

import pytest

from kerasclf.search import Budget, Search, Space, read_search, run_search
from tests.search.killable import BASE, SPACES

ray = pytest.importorskip("ray", reason="Ray is not installed (extra 'ray')")

# Ray's own threads and sockets are not ours to close.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def test_trials_run_on_a_cluster_and_are_promoted_there(tmp_path):
    from kerasclf.runs.ray_engine import Ray

    try:
        found = run_search(Search(BASE, Space(SPACES["tpe"]), "hyperband"), tmp_path / "out", Budget(5), engine=Ray())
    finally:
        ray.shutdown()
    assert [t.status for t in read_search(tmp_path / "out").trials] == ["completed"] * 5
    assert all(t.epochs == t.halt.after for t in found.trials)
