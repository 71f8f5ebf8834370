"""The workers of a training: their addresses, from options, TF_CONFIG and the environment."""

import json
import re
from pathlib import Path

import pytest
import yaml

from kerasclf.commands.launch import LaunchCommand
from kerasclf.commands.options.command_line import command_line_problems
from kerasclf.errors import KerasclfError
from kerasclf.machine.cluster import Cluster, join, joined, launch_environment, launched, leave, read_tf_config


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


def tf_job(kind, index, **replicas):
    """Returns the TF_CONFIG that Kubeflow gives a process of the job `photos`. Its evaluators are in no cluster."""
    cluster = {
        role: [f"photos-{role}-{number}.lab.svc:2222" for number in range(count)] for role, count in replicas.items()
    }
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}, "environment": "cloud"})


@pytest.mark.parametrize("chief", ["chief", "master"])
def test_a_tf_job_with_a_chief_counts_it_as_worker_0(chief):
    addresses = tuple(f"photos-{name}.lab.svc:2222" for name in (f"{chief}-0", "worker-0", "worker-1"))
    for task, index in ((chief, 0), 0), (("worker", 0), 1), (("worker", 1), 2):
        assert read_tf_config(tf_job(*task, **{chief: 1, "worker": 2})) == Cluster(addresses, index)


def test_a_tf_job_without_a_chief_begins_with_its_first_worker():
    found = read_tf_config(tf_job("worker", 1, worker=2))
    assert found == Cluster(("photos-worker-0.lab.svc:2222", "photos-worker-1.lab.svc:2222"), 1)
    assert found.leader == ("photos-worker-0.lab.svc", 2223)


@pytest.mark.parametrize("task", [("chief", 0), ("worker", 0), ("ps", 1)])
def test_every_process_of_a_tf_job_refuses_parameter_servers(task):
    with pytest.raises(KerasclfError, match=r"TF_CONFIG: expected no parameter servers \('ps'\).* Received: 2. Leave"):
        read_tf_config(tf_job(*task, chief=1, worker=1, ps=2))


def test_an_evaluator_of_a_tf_job_is_refused():
    with pytest.raises(KerasclfError, match=r"Received: 'evaluator'\. Leave it out of the job, as the workers"):
        read_tf_config(tf_job("evaluator", 0, chief=1, worker=1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "TF_CONFIG: expected JSON, such as"),
        ("[" * 100_000, "TF_CONFIG: expected JSON, such as"),
        ("9" * 5000, "TF_CONFIG: expected JSON, such as"),
        ("[]", "TF_CONFIG: expected the form"),
        ('{"cluster": {}, "task": {"type": "worker", "index": Infinity}}', "TF_CONFIG: expected the form"),
        ('{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}', "TF_CONFIG: expected the form"),
        ('{"sparseCluster": {"worker": {"0": "a:1"}}, "task": {"type": "worker", "index": 0}}', "expected the form"),
        (tf_job("ps", 0, worker=1), "'chief' or 'worker'. Received: 'ps'"),
        (tf_job("chief", 0, chief=1, master=1), "expected one chief at most"),
        (tf_job("chief", 0, worker=2), "expected the number of a chief, of which there are 0, from 0. Received: 0."),
        (tf_job("worker", 2, worker=2), "expected the number of a worker, of which there are 2, from 0. Received: 2."),
    ],
)
def test_another_tf_config_is_refused(text, message):
    with pytest.raises(KerasclfError, match=message):
        read_tf_config(text)


def test_the_jobs_for_kubernetes_in_the_manual_start_two_workers():
    page = (Path(__file__).parents[2] / "docs" / "several_machines.md").read_text(encoding="utf-8")
    kubeflow, service, job = (
        plain for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) for plain in yaml.safe_load_all(text)
    )
    (own,) = kubeflow["spec"]["tfReplicaSpecs"]["Worker"]["template"]["spec"]["containers"]
    pod = job["spec"]["template"]["spec"]
    (indexed,) = pod["containers"]
    for container in (own, indexed):
        words = container["command"][2 : container["command"].index("--")]
        assert container["command"][:2] == ["kerasclf", "launch"]
        assert command_line_problems("launch", LaunchCommand, ["0" if word[0] == "$" else word for word in words]) == []
    names = [f"{job['metadata']['name']}-{index}.{pod['subdomain']}" for index in range(job["spec"]["completions"])]
    hosts = indexed["command"][indexed["command"].index("--hosts") + 1]
    assert [address.partition(":")[0] for address in hosts.split(",")] == names
    assert service["metadata"]["name"] == pod["subdomain"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert Cluster(tuple(hosts.split(",")), 1).name() == "worker 1 (photos-1.workers:4000)"
