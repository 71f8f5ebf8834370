"""Requests answered in forks of one process that has imported TensorFlow."""

import json
import subprocess
import sys

import psutil
import pytest

from kerasclf.runs.engines.forking import CAN_FORK

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="forks are used only under Linux")

# Prints its own process and its parent, and then does what the request says.
ANSWERING = """
import json, os, signal, sys, threading
from kerasclf.runs.engines import forking

def answer(line):
    imported = ["tensorflow" in sys.modules, "sklearn" in sys.modules]
    print(json.dumps([json.loads(line), os.getpid(), os.getppid(), *imported]), flush=True)
    if "kill" in line:
        os.kill(os.getpid(), signal.SIGKILL)
    if "raise" in line:
        raise ValueError("Something is wrong.")
    if "wait" in line:
        threading.Event().wait()
    os._exit(0)

forking.serve(answer)
"""


@pytest.fixture
def server():
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = subprocess.Popen([sys.executable, "-c", ANSWERING], **streams, text=True)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_each_request_has_a_fork_whose_end_leaves_the_server_alive(server):
    def ask(request):
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        return json.loads(server.stdout.readline())

    forks, late = [], []
    for request, code in (("plain", 0), ("kill", -9), ("raise", 1), ("plain again", 0)):
        log, fork, parent, warm, scores = ask(request)
        assert (log, parent, warm) == (request, server.pid, True)
        assert json.loads(server.stdout.readline()) == ["ended", code]
        forks.append(fork)
        late.append(scores)
    assert len(set(forks)) == 4
    assert late == [False, True, True, True]  # imported while the first fork works

    fork = psutil.Process(ask("wait")[1])
    server.kill()
    alive = psutil.wait_procs([fork], timeout=10)[1]
    for one in alive:
        one.kill()
    assert not alive, "a fork outlived its server"
