"""Messages between workers."""

import socket
from queue import Queue
from threading import Thread

import pytest

from kerasclf.errors import KerasclfError
from kerasclf.runs.launch import connection
from kerasclf.runs.launch.connection import Connection, GoneError, connect, wait_for_name


@pytest.fixture
def pair():
    sides = [Connection(one) for one in socket.socketpair()]
    yield sides
    for side in sides:
        side.close()


def test_a_message_arrives_with_its_file(pair, tmp_path):
    (tmp_path / "sent").write_bytes(b"x" * 3_000_000)

    def send():
        pair[0].send("run", file=tmp_path / "sent", job={"seed": 3})
        pair[0].send("go")

    Thread(target=send).start()  # the file is larger than what a socket takes at once
    message = pair[1].receive(tmp_path / "received")
    assert message.kind == "run" and message["job"] == {"seed": 3}
    assert (tmp_path / "received").read_bytes() == b"x" * 3_000_000
    assert pair[1].receive().kind == "go"


def test_the_end_of_the_other_side_is_noticed(pair):
    queue = Queue()
    pair[1].listen(queue, "other")
    pair[0].close()
    who, error = queue.get(timeout=5)
    assert who == "other" and isinstance(error, GoneError) and str(error) == "it has ended"
    pair[1].send("lost")  # no exception: `receive` has told it


def test_a_silent_side_counts_as_lost(monkeypatch):
    monkeypatch.setattr(connection, "SILENCE_S", 0.2)
    ours, theirs = socket.socketpair()
    with theirs, pytest.raises(GoneError, match="has not answered for 0 s"):
        Connection(ours).receive()


@pytest.mark.parametrize("sent", [b"no JSON\n", b"[1]\n", b"{}\n"])
def test_another_program_is_no_worker(sent):
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(sent)
        with pytest.raises(GoneError, match="the connection is broken"):
            Connection(ours).receive()


def test_nobody_answers():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(GoneError, match=f"nobody answers at 127.0.0.1:{port} within 0.3 s"):
        connect(("127.0.0.1", port), 0.3)


def test_a_name_may_become_known_later(monkeypatch):
    """As that of a pod of Kubernetes."""
    answers, lines = [socket.gaierror(-2, "Name or service not known")] * 2 + [[]], []
    monkeypatch.setattr(connection, "_LOOK_EVERY_S", 0)

    def look(host, port):
        assert host == "photos-worker-0.lab.svc"
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(socket, "getaddrinfo", look)
    wait_for_name("photos-worker-0.lab.svc", 60, lines.append)
    assert answers == []
    assert lines == ["waiting until a name server knows photos-worker-0.lab.svc"]


def test_a_name_that_stays_unknown_is_refused(monkeypatch):
    def look(host, port):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look)
    with pytest.raises(KerasclfError, match=r"Received: photos, which no name server knows within 0 s \(Name or"):
        wait_for_name("photos", 0, lambda line: None)
