"""The workers of one training on several machines or processes: where they are, and which of them this process is."""

import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from kerasclf.errors import KerasclfError, in_short, raise_all

# Set by `kerasclf launch` for the command that it starts, and by a run that takes part in a training of all workers.
_LAUNCHED, _JOINED = "KERASCLF_WORKERS", "KERASCLF_JOINED"
NO_WORKERS = (
    "strategy: expected workers for 'multiworker'. Received none. Start the command with kerasclf launch, such as "
    "kerasclf launch --local 2 -- train my_photos."
)
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/,\[\]]+):(\d{1,5})")
# The roles of worker 0 in TF_CONFIG; the second one is the old name.
_CHIEFS = ("chief", "master")
_EXAMPLE = '{"cluster": {"worker": ["a:4000", "b:4000"]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Cluster:
    """The workers of a training, and which of them this process is.

    Args:
        addresses: The address `host:port` of each worker, at which TensorFlow listens. Worker 0 leads the others; it
            also listens on the next port.
        index: Number of this worker, from 0.

    Raises:
        KerasclfError: If an address is wrong or given twice, or if there is no worker of this number.

    Example:
        >>> from kerasclf.machine.cluster import Cluster
        >>> Cluster(("a:4000", "b:4000"), 1).name()
        'worker 1 (b:4000)'
    """

    addresses: tuple[str, ...]
    index: int

    def __post_init__(self) -> None:
        problems = [
            f"hosts: expected HOST:PORT with a port from 1 to 65534. Received: {address!r}."
            for address in self.addresses
            if not (found := _ADDRESS.fullmatch(address)) or not 1 <= int(found[2]) <= 65534
        ]
        problems += [
            f"hosts: expected each address once. Received {address} {count} times. Several workers of one host need "
            "a port each."
            for address, count in Counter(self.addresses).items()
            if count > 1
        ]
        if not problems and len(self.addresses) > 1 and self._next_port() in self.addresses[1:]:
            problems.append(
                f"hosts: expected the port after that of {self.addresses[0]} to be free, as worker 0 leads the others "
                "there. Received it as the address of another worker."
            )
        if not 0 <= self.index < len(self.addresses):
            last = len(self.addresses) - 1
            problems.append(f"index: expected the number of a worker, from 0 to {last}. Received: {self.index}.")
        raise_all("The workers cannot start", problems)

    def name(self, index: int | None = None) -> str:
        """Returns the name of a worker in messages; None names the worker of this process."""
        index = self.index if index is None else index
        return f"worker {index} ({self.addresses[index]})"

    def place(self, index: int) -> tuple[str, int]:
        """Returns host and port of a worker, at which TensorFlow listens."""
        host, _, port = self.addresses[index].rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def leader(self) -> tuple[str, int]:
        """Host and port at which worker 0 leads the others."""
        host, port = self.place(0)
        return host, port + 1

    def to_json(self) -> str:
        """Returns the workers as TensorFlow's TF_CONFIG."""
        task = {"type": "worker", "index": self.index}
        return json.dumps({"cluster": {"worker": list(self.addresses)}, "task": task})

    def _next_port(self) -> str:
        host, _, port = self.addresses[0].rpartition(":")
        return f"{host}:{int(port) + 1}"


def launched() -> Cluster | None:
    """Returns the workers if `kerasclf launch` has started this command; None if it has not, or for one worker."""
    return _from_environment(_LAUNCHED)


def joined() -> Cluster | None:
    """Returns the workers if this process takes part in a training of all of them, otherwise None."""
    return _from_environment(_JOINED)


def training_workers() -> Cluster | None:
    """Returns the workers of the trainings here: of those that this process takes part in, or that it only plans."""
    return launched() or joined()


def launch_environment(cluster: Cluster) -> dict[str, str]:
    """Returns the environment variables of a command that `kerasclf launch` starts."""
    return {_LAUNCHED: cluster.to_json()}


def join(cluster: Cluster) -> None:
    """Makes this process take part in trainings of all workers, until `leave`."""
    os.environ[_JOINED] = cluster.to_json()


def leave() -> None:
    """Ends what `join` began."""
    os.environ.pop(_JOINED, None)


def _from_environment(name: str) -> Cluster | None:
    text = os.environ.get(name)
    cluster = read_tf_config(text) if text else None
    return cluster if cluster is not None and len(cluster.addresses) > 1 else None


def read_tf_config(text: str) -> Cluster:
    """Returns the workers that TensorFlow's TF_CONFIG describes, such as that of Kubeflow. A chief is worker 0.

    Args:
        text: The value of the variable.

    Raises:
        KerasclfError: If it has another form, or describes processes that are no workers.
    """
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits, and deep nesting
        raise KerasclfError(f"TF_CONFIG: expected JSON, such as {_EXAMPLE}. Received: {text[:200]!r}.") from error
    try:
        jobs, task = plain["cluster"], plain["task"]
        kind, index = str(task["type"]), int(task["index"])
        found = {name: _addresses(jobs, name) for name in (*_CHIEFS, "worker", "ps")}
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise KerasclfError(f"TF_CONFIG: expected the form {_EXAMPLE}. Received: {text[:200]!r}.") from error
    _check_roles(found, kind, index)
    chief = found["chief"] + found["master"]
    return Cluster(chief + found["worker"], index if kind in _CHIEFS else index + len(chief))


def _addresses(jobs: dict[str, Any], name: str) -> tuple[str, ...]:
    found = jobs.get(name) or []
    if not isinstance(found, list) or not all(isinstance(address, str) for address in found):
        raise TypeError(name)
    return tuple(found)


def _check_roles(found: dict[str, tuple[str, ...]], kind: str, index: int) -> None:
    """Checks that the processes of TF_CONFIG are workers, and that this process is one of them.

    Args:
        found: Their addresses, by role.
        kind: The role of this process.
        index: Its number among those of its role.

    Raises:
        KerasclfError: If they are not. All processes refuse servers, and an evaluator, which is in no cluster, itself.
    """
    if found["ps"]:
        raise KerasclfError(
            "TF_CONFIG: expected no parameter servers ('ps'), as workers exchange gradients themselves. Received: "
            f"{len(found['ps'])}. Leave them out of the job."
        )
    if kind not in (*_CHIEFS, "worker"):
        evaluator = " Leave it out of the job, as the workers evaluate." if kind == "evaluator" else ""
        raise KerasclfError(
            f"TF_CONFIG: expected a task of type 'chief' or 'worker'. Received: {in_short(kind)}.{evaluator}"
        )
    if len(found["chief"] + found["master"]) > 1:
        raise KerasclfError("TF_CONFIG: expected one chief at most. Received several.")
    if not 0 <= index < len(found[kind]):
        raise KerasclfError(
            f"TF_CONFIG: expected the number of a {kind}, of which there are {len(found[kind])}, from 0. "
            f"Received: {index}."
        )


def read_slurm(port: int) -> Cluster:
    """Returns the workers of a Slurm step, one for each task, as TensorFlow's resolver finds them.

    Args:
        port: Port of the first worker of a host. Further workers there count up.

    Raises:
        KerasclfError: If Slurm's variables or its command scontrol are missing.
    """
    from kerasclf.quiet import quiet_tensorflow

    quiet_tensorflow(devices=False)
    import tensorflow as tf

    try:
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            jobs={"worker": int(os.environ["SLURM_STEP_NUM_TASKS"])}, port_base=port, auto_set_gpu=False
        )
        addresses = resolver.cluster_spec().as_dict()["worker"]
        _, index = resolver.get_task_info()
    except (KeyError, ValueError, OSError, RuntimeError) as error:
        raise KerasclfError(f"Expected the variables of a Slurm step (start with srun). Received: {error}.") from error
    return Cluster(tuple(addresses), index)
