"""The workers of a training: their addresses, from options, TF_CONFIG and the environment."""

import json

import pytest

from kerasclf.cluster import Cluster, join, joined, launch_environment, launched, leave, read_tf_config
from kerasclf.errors import KerasclfError


def test_a_cluster_travels_through_the_environment(monkeypatch):
    two = Cluster(("a:4000", "b:4000"), 1)
    assert launched() is None and joined() is None
    for name, value in launch_environment(two).items():
        monkeypatch.setenv(name, value)
    assert launched() == two and joined() is None
    join(two)
    assert joined() == two
    leave()
    assert joined() is None


def test_one_worker_is_no_cluster(monkeypatch):
    for name, value in launch_environment(Cluster(("a:4000",), 0)).items():
        monkeypatch.setenv(name, value)
    assert launched() is None


def test_worker_0_leads_at_the_next_port():
    cluster = Cluster(("[::1]:4000", "b:5000"), 1)
    assert cluster.leader == ("::1", 4001) and cluster.place(1) == ("b", 5000)


@pytest.mark.parametrize(
    ("addresses", "index", "message"),
    [
        (("a:4000", "b:4000", "a:4000"), 0, "expected each address once. Received a:4000 2 times"),
        (("a", "b:4000"), 0, "hosts: expected HOST:PORT with a port from 1 to 65534. Received: 'a'"),
        (("a:4000", "b:65535"), 0, "Received: 'b:65535'"),
        (("a:4000", "b:4000"), 2, "index: expected the number of a worker, from 0 to 1. Received: 2."),
        (("a:4000", "a:4001"), 0, "expected the port after that of a:4000 to be free"),
    ],
)
def test_wrong_addresses_are_refused(addresses, index, message):
    with pytest.raises(KerasclfError, match=message):
        Cluster(addresses, index)


def test_tf_config_counts_a_chief_as_worker_0():
    jobs = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    for task, index in (("chief", 0), 0), (("worker", 1), 2):
        text = json.dumps({"cluster": jobs, "task": dict(zip(("type", "index"), task, strict=True))})
        assert read_tf_config(text) == Cluster(("a:1", "b:1", "c:1"), index)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "TF_CONFIG: expected JSON, such as"),
        ("[]", "TF_CONFIG: expected the form"),
        ('{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}', "TF_CONFIG: expected the form"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "'chief' or 'worker'. Received: 'ps'"),
    ],
)
def test_another_tf_config_is_refused(text, message):
    with pytest.raises(KerasclfError, match=message):
        read_tf_config(text)
