"""Runs on a Ray cluster on this machine. The long test has two nodes, one of which is lost."""

from unittest.mock import MagicMock

import pytest

from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig, run_study
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.runs.progress import SilentRunListener
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.studies.study_runner import plan_study

ray = pytest.importorskip("ray", reason="Ray is not installed (extra 'ray')")

# Ray's own threads and sockets are not ours to close.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

# Long enough that the node is lost before the run is finished.
EPOCHS = 60
BASE = Experiment(
    data="shapes",
    split=Split(train_per_class=40, test_per_class=2, validation=0.25),
    augmentation=Augmentation(rescale=1 / 255, horizontal_flip=True),
    train=TrainConfig(epochs=EPOCHS, batch_size=16),
)
STUDY = Study("ray", "Ray", "Does it survive?", {"base": BASE})


class LoseTheNode(SilentRunListener):
    """Removes the node of the run after its second epoch."""

    def __init__(self, cluster, node):
        self.cluster, self.node = cluster, node
        self.begun_from = []

    def began(self, title, epochs, steps, rows):
        self.begun_from.append(len(rows))

    def finished_epoch(self, title, row):
        if row["epoch"] == 2 and self.node is not None:
            node, self.node = self.node, None
            self.cluster.remove_node(node, allow_graceful=False)
            self.cluster.add_node(num_cpus=1)


@pytest.mark.slow
def test_a_lost_node_costs_no_finished_epoch(tmp_path):
    from ray.cluster_utils import Cluster

    from kerasclf.runs.engines.ray_engine import Ray

    # The head has no CPU, so the run is on the node that is lost.
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        node = cluster.add_node(num_cpus=1)
        listener = LoseTheNode(cluster, node)
        run_study(STUDY, tmp_path / "out", engine=Ray(cluster.address), listener=listener)
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert listener.node is None
    assert listener.begun_from[0] == 0
    assert listener.begun_from[-1] >= 1, "the run was started over"
    run = StudyFolder(tmp_path / "out").run("base", BASE.identity, 0)
    run.check(BASE, 0)
    assert list(run.history()["epoch"]) == list(range(1, EPOCHS + 1))


@pytest.mark.slow
def test_a_run_folder_from_another_disk_is_copied(tmp_path):
    """The files that a cluster without shared storage sends are those of the run folder."""
    from kerasclf.runs.engines.ray_engine import Ray, _pack, _unpack

    small = Study("ray", "Ray", "?", {"base": BASE.but(train=BASE.train.but(epochs=1))})
    try:
        folder = run_study(small, tmp_path / "far", engine=Ray())
    finally:
        ray.shutdown()
    far = folder.run("base", small.experiments["base"].identity, 0)
    made = {path.name: path.read_bytes() for path in far.path.iterdir()}
    assert "model.keras" in made
    near = StudyFolder(tmp_path / "near").run("base", small.experiments["base"].identity, 0)
    _unpack(_pack(far.path), near.path)
    assert {path.name: path.read_bytes() for path in near.path.iterdir()} == made
    near.check(small.experiments["base"], 0)
    assert not near.partial.exists()


def test_an_error_of_a_network_is_reported_as_it_is(tmp_path, monkeypatch):
    from kerasclf.runs.engines import ray_engine

    def fail(job, messenger):
        raise ValueError("a layer got the shape (3, 4)")

    monkeypatch.setattr(ray_engine, "run_job", fail)
    monkeypatch.setattr(ray_engine, "TemporaryFolder", MagicMock())
    job = plan_study(STUDY, tmp_path / "out", engine=Inline(), measure=False).jobs[0]
    answer = ray_engine._run(job.to_dict(), None, [])
    assert answer == {"error": "ValueError: a layer got the shape (3, 4)", "lasting": True}
