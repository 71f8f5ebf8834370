"""The port and the server of `kerasclf demo`."""

import os
import signal
import socket
import threading
import urllib.error
import urllib.request

import pytest

from kerasclf.errors import KerasclfError
from kerasclf.inference.demo import demo_server
from kerasclf.inference.demo.demo_server import OpenPort, check_gradio, is_loopback, serve


@pytest.fixture
def taken():
    """A port that another program uses."""
    with OpenPort("127.0.0.1", 0).socket as other:
        yield other.getsockname()[1]


def test_without_a_port_the_first_free_one_is_used(taken, monkeypatch):
    monkeypatch.setattr(demo_server, "FIRST_PORT", taken)
    port = OpenPort()
    with port.socket:
        assert taken < port.port < taken + 100
        assert port.url == f"http://127.0.0.1:{port.port}"
        assert port.is_private


def test_a_port_in_use_is_refused(taken):
    with pytest.raises(KerasclfError) as caught:
        OpenPort("127.0.0.1", taken)
    assert str(caught.value) == (
        f"port: expected a free port. Received: {taken}, which another program uses. Give another one, or leave it out "
        "for the first free one from 7860."
    )


@pytest.mark.parametrize(
    ("host", "reason"),
    [("192.0.2.1", "which is no address of this machine"), ("nowhere.invalid", "which is unknown")],
)
def test_a_host_of_another_machine_is_refused(host, reason):
    with pytest.raises(KerasclfError) as caught:
        OpenPort(host, None)
    assert str(caught.value) == (f"host: expected a name or an address of this machine. Received: {host}, {reason}.")


@pytest.mark.parametrize("port", [-1, 70_000])
def test_a_number_that_is_no_port_is_refused(port):
    with pytest.raises(KerasclfError, match=f"^port: expected a number from 1 to 65535. Received: {port}"):
        OpenPort("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "private"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("localhost", True), ("0.0.0.0", False)],
)
def test_only_loopback_is_private(host, private):
    assert is_loopback(host) is private


def test_the_address_of_every_address_is_the_name_of_this_machine():
    port = OpenPort("0.0.0.0", 0)
    with port.socket:
        assert port.url == f"http://{socket.gethostname()}:{port.port}"
        assert not port.is_private


def test_without_gradio_the_message_names_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(demo_server.util, "find_spec", lambda name: None)
    with pytest.raises(KerasclfError) as caught:
        check_gradio()
    assert str(caught.value) == (
        'The page needs gradio, which is not installed. Install it: pip install "kerasclf[demo]".'
    )


def test_it_serves_this_machine_until_ctrl_c():
    fastapi = pytest.importorskip("fastapi", reason="gradio is not installed (extra 'demo')")
    app, port, before, answers = fastapi.FastAPI(), OpenPort("127.0.0.1", 0), signal.getsignal(signal.SIGINT), []
    app.get("/")(lambda: "hello")

    def visit():
        with urllib.request.urlopen(port.url) as answer:
            answers.append((answer.read(), answer.headers["content-security-policy"]))
        # The name of another machine, which an attacker may lead to this one.
        strange = urllib.request.Request(port.url, headers={"Host": "attacker.example"})
        try:
            urllib.request.urlopen(strange)
        except urllib.error.HTTPError as refused:
            answers.append(refused.code)
            refused.close()
        os.kill(os.getpid(), signal.SIGINT)

    serve(app, port, lambda: threading.Thread(target=visit).start())
    assert answers[0][0] == b'"hello"'
    assert answers[0][1].startswith("default-src 'self' 'unsafe-inline'")
    assert answers[1] == 400
    assert signal.getsignal(signal.SIGINT) == before
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(port.url)
