"""`kerasclf launch`: one training on several workers, which are processes of this machine or other machines."""

import contextlib
import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from kerasclf.commands.printing.output import log_to, say
from kerasclf.errors import KerasclfError, Problems, did_you_mean, in_short
from kerasclf.escaping import visible
from kerasclf.machine.cluster import Cluster, launch_environment, read_slurm, read_tf_config

_COMMANDS = ("train", "study", "course")
_SEARCH = (
    "Trials exchange nothing: start kerasclf search without kerasclf launch, with --jobs on one machine, or with "
    "--chief and --worker on several."
)
_OTHERS = "Start other commands without kerasclf launch, as each worker would only repeat their work."
_THIS_MACHINE = "127.0.0.1"


@dataclass(frozen=True)
class LaunchCommand:
    """Train each run on several workers together: processes or machines.

    Give the command after --. Each worker reads its share of every batch, and the result is that of one process with
    the same batch size. Start the same line on each machine, with its own --index. Worker 0 makes the plan, writes the
    run folders and shows the progress. Without --local and --hosts, the workers come from TF_CONFIG or from Slurm.

    Every worker that ends, also by a kill, ends the others. The same command then goes on from the last epoch.

    Examples:
      kerasclf launch --local 2 -- train my_photos
      kerasclf launch --hosts a:4000,b:4000 --index 0 -- train my_photos
      srun kerasclf launch -- study basenet
    """

    command: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """The command and its options, after --: train, study or course."""
    local: int | None = None
    """Number of workers on this machine."""
    hosts: str | None = None
    """Addresses of all workers, HOST:PORT,HOST:PORT. Worker 0 also uses the port after its own."""
    index: int | None = None
    """Number of this worker in --hosts, from 0."""
    timeout: float = 60.0
    """Seconds within which all workers must have started."""
    port: int = 4000
    """With Slurm: the first port of each host."""
    logs: Path = Path("runs/launch")
    """With --local: folder for the output of the workers other than worker 0."""

    def run(self, console: Console) -> None:
        self._check()
        if self.local is not None:
            self._run_local(self.local, console)
        else:
            self._run_worker(self._cluster(), console)

    def _check(self) -> None:
        problems = Problems()
        if not self.command:
            problems.add("Expected a command after --, such as kerasclf launch --local 2 -- train my_photos.")
        elif self.command[0] not in _COMMANDS:
            problems.add(_refusal(self.command[0]))
        if _engine_of(self.command) == "ray":
            problems.add("--engine: expected no Ray with kerasclf launch, which chooses the machines itself.")
        if self.local is not None and self.local < 1:
            problems.add(f"--local: expected at least 1. Received: {self.local}.")
        if self.local is not None and (self.hosts is not None or self.index is not None):
            problems.add("--local: expected no --hosts and no --index with it.")
        if (self.hosts is None) != (self.index is None):
            problems.add("--hosts: expected --hosts and --index together.")
        if self.timeout <= 0:
            problems.add(f"--timeout: expected seconds above 0. Received: {self.timeout:g}.")
        problems.raise_all("kerasclf launch cannot run")

    def _cluster(self) -> Cluster:
        """Returns the workers that the options or the environment describe."""
        if self.hosts is not None and self.index is not None:
            return Cluster(tuple(address.strip() for address in self.hosts.split(",")), self.index)
        if text := os.environ.get("TF_CONFIG"):
            return read_tf_config(text)
        if "SLURM_STEP_NUM_TASKS" in os.environ:
            return read_slurm(self.port)
        raise KerasclfError(
            "Expected workers. Received none: neither --local nor --hosts, and no TF_CONFIG and no Slurm step in the "
            "environment."
        )

    def _run_local(self, workers: int, console: Console) -> None:
        cluster = Cluster(free_addresses(workers), 0)
        with self._local_members(cluster):
            if workers > 1:
                say(console, f"{workers} workers on this machine; the output of the others: {self.logs}/worker-N.log")
            _limit_cores(0, 0, workers)
            self._run_worker(cluster, console)

    @contextlib.contextmanager
    def _local_members(self, cluster: Cluster) -> Iterator[None]:
        """Starts the workers other than worker 0, and ends them with the block unless they end by themselves."""
        self.logs.mkdir(parents=True, exist_ok=True)
        started = []
        hosts = ["--hosts", ",".join(cluster.addresses), "--timeout", f"{self.timeout:g}"]
        for index in range(1, len(cluster.addresses)):
            words = ["launch", *hosts, "--index", str(index), "--", *self.command]
            with (self.logs / f"worker-{index}.log").open("wb") as log:
                started.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "kerasclf", *words],
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,  # Ctrl-C reaches worker 0, which ends the others
                    )
                )
            _limit_cores(started[-1].pid, index, len(cluster.addresses))
        try:
            yield
        finally:
            for process in started:
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.terminate()

    def _run_worker(self, cluster: Cluster, console: Console) -> None:
        """Leads or follows the other workers, and ends this process as they end."""
        from kerasclf.runs.launch.connection import wait_for_name
        from kerasclf.runs.launch.worker_leader import End, Leader, start_command

        wait_for_name(cluster.place(cluster.index)[0], self.timeout, log_to(console))
        if cluster.index > 0:
            from kerasclf.runs.launch.worker_member import follow

            say(console, f"this is {cluster.name()}; {cluster.name(0)} leads")
            end = follow(cluster, self.timeout)
        elif len(cluster.addresses) == 1:
            end = End(start_command(self.command, {}).wait())
        else:
            leader = Leader(cluster, self.timeout)
            leader.gather()
            end = leader.lead(start_command(self.command, launch_environment(cluster)))
        if end.message:
            print(f"error: {visible(end.message)}", file=sys.stderr, flush=True)
        raise SystemExit(end.code)


def _refusal(command: str) -> str:
    """Returns why workers cannot share a command, and what to do instead."""
    instead = _SEARCH if command == "search" else did_you_mean(command, _COMMANDS).strip() or _OTHERS
    return (
        f"Expected train, study or course after --, as workers share only trainings. Received: {in_short(command)}. "
        f"{instead}"
    )


def _engine_of(command: Sequence[str]) -> str | None:
    """Returns the engine that a command names, as --engine ray or --engine=ray."""
    for word, following in itertools.zip_longest(command, command[1:]):
        flag, equals, value = word.partition("=")
        if flag == "--engine":
            return value if equals else following
    return None


def free_addresses(count: int) -> tuple[str, ...]:
    """Returns addresses of this machine with free ports. So is the port after the first, where worker 0 leads."""
    while True:
        with contextlib.ExitStack() as stack:

            def free(port: int = 0) -> int:
                return int(stack.enter_context(socket.create_server((_THIS_MACHINE, port))).getsockname()[1])

            with contextlib.suppress(OSError, OverflowError):
                first = free()
                free(first + 1)
                return tuple(f"{_THIS_MACHINE}:{port}" for port in (first, *(free() for _ in range(count - 1))))


def _limit_cores(process: int, index: int, workers: int) -> None:
    """Gives a worker its share of the cores, unless there are fewer cores than workers."""
    if hasattr(os, "sched_setaffinity"):
        cores: Sequence[int] = sorted(os.sched_getaffinity(0))
        if len(cores) >= workers:
            os.sched_setaffinity(process, cores[index::workers])
