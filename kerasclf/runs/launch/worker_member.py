"""A worker of `kerasclf launch` other than the first: trains its share of each run that worker 0 starts."""

import json
import subprocess
import threading
from pathlib import Path
from queue import Queue
from typing import Any

from kerasclf.errors import KerasclfError
from kerasclf.files.temporary import TemporaryFolder
from kerasclf.machine.child_process import start_child
from kerasclf.machine.cluster import Cluster, launch_environment
from kerasclf.networks.network_source import search_path
from kerasclf.runs.engines.worker_process import describe_exit
from kerasclf.runs.launch.connection import Connection, GoneError, Message, connect
from kerasclf.runs.launch.together import unpack_checkpoints
from kerasclf.runs.launch.worker_leader import RESUME, End, listen_at, versions

_TOGETHER = "Start kerasclf launch on all hosts at about the same time, as a worker cannot join later."
_LEADER, _SHARE = "leader", "share"  # who has sent a message


def follow(cluster: Cluster, timeout_s: float) -> End:
    """Takes part in the trainings of worker 0 until it ends.

    Args:
        cluster: The workers, and which of them this process is.
        timeout_s: Seconds within which worker 0 must answer.

    Returns:
        How it ended.
    """
    problem = ""
    try:
        listen_at(cluster.place(cluster.index)).close()
    except KerasclfError as error:
        problem = str(error)
    try:
        leader = connect(cluster.leader, timeout_s)
    except GoneError as error:
        return End(2, problem or f"{cluster.name(0)} has not started, or has ended: {error}. {_TOGETHER}")
    leader.send("hello", index=cluster.index, addresses=list(cluster.addresses), versions=versions(), problem=problem)
    try:
        return _Member(cluster, leader).follow()
    finally:
        leader.close()


class _Member:
    """The state of a worker that follows.

    Args:
        cluster: The workers.
        leader: The connection to worker 0.
    """

    def __init__(self, cluster: Cluster, leader: Connection) -> None:
        self.cluster, self.leader = cluster, leader
        self.temporary = TemporaryFolder()
        self.queue: Queue[tuple[Any, Message | GoneError]] = Queue()
        self.share: subprocess.Popen[str] | None = None

    def follow(self) -> End:
        packed = self.temporary.path / "checkpoints.zip"
        self.leader.listen(self.queue, _LEADER, packed)
        try:
            while True:
                who, message = self.queue.get()
                if who == _LEADER:
                    if end := self._obey(message, packed):
                        return end
                elif who is self.share:
                    self._report(message)
        finally:
            self._stop()
            self.temporary.remove()

    def _obey(self, message: Message | GoneError, packed: Path) -> End | None:
        """Does what worker 0 says. Returns how this worker ends, if it does."""
        if isinstance(message, GoneError):
            return End(1, f"{self.cluster.name(0)} has ended or cannot be reached: {message}. {RESUME}")
        if message.kind == "end":
            return End(int(message["code"]), str(message["message"]))
        if message.kind == "run":
            self._start(message["job"], packed)
        elif message.kind == "go" and self.share is not None:
            _write_line(self.share, "go")
        elif message.kind == "stop":
            self._stop()
            self.leader.send("free")
        return None

    def _start(self, job: dict[str, Any], packed: Path) -> None:
        """Starts the process that trains the share of this worker."""
        path = self.temporary.path / "runs" / Path(job["path"]).name
        from kerasclf.runs.run_folder import RunFolder

        unpack_checkpoints(packed, RunFolder(path).checkpoints)
        environment = launch_environment(self.cluster) | self.temporary.environment
        self.share = start_child("kerasclf.runs.launch.share_worker", [], environment, subprocess.PIPE)
        request = {"job": job, "path": str(path), "search_path": search_path()}
        _write_line(self.share, json.dumps(request))
        threading.Thread(target=self._read, args=(self.share,), daemon=True).start()

    def _read(self, share: "subprocess.Popen[str]") -> None:
        assert share.stdout is not None
        for line in share.stdout:
            self.queue.put((share, Message(json.loads(line))))
        self.queue.put((share, GoneError(describe_exit(share.wait()))))

    def _report(self, message: Message | GoneError) -> None:
        if isinstance(message, GoneError):
            self.leader.send("failed", message=str(message))
        else:
            self.leader.send(**message)

    def _stop(self) -> None:
        share, self.share = self.share, None
        if share is not None:
            share.kill()
            share.wait()


def _write_line(share: "subprocess.Popen[str]", line: str) -> None:
    assert share.stdin is not None
    try:
        share.stdin.write(line + "\n")
        share.stdin.flush()
    except BrokenPipeError:
        pass  # its end will be reported
