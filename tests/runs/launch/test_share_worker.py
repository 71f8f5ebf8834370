"""The process that trains the share of a worker: what it refuses before the first step."""

import pytest

from kerasclf import Experiment, load_dataset
from kerasclf.machine.cluster import Cluster, launch_environment
from kerasclf.runs.job import Job
from kerasclf.runs.launch import share_worker


@pytest.fixture
def job(tmp_path, monkeypatch):
    for name, value in launch_environment(Cluster(("127.0.0.1:4000", "127.0.0.1:4002"), 1)).items():
        monkeypatch.setenv(name, value)
    experiment = Experiment(data="digits", model="mlp")
    return lambda manifest: Job("t", "mlp", experiment, 0, tmp_path / "run", manifest)


def test_other_images_than_those_of_worker_0_are_refused(job):
    with pytest.raises(share_worker._RefusedError, match=r"Expected the images of worker 0 at digits. Received others"):
        share_worker._load(job("0" * 64))


def test_the_same_images_are_taken(job):
    manifest = load_dataset("digits").manifest["hash"]
    assert len(share_worker._load(job(manifest)).train)
