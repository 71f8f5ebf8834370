"""`kerasclf demo`."""

import os
import re
import signal
import subprocess
import sys
import tempfile

import pytest

from kerasclf.cli import main
from kerasclf.inference.demo import demo_server
from kerasclf.inference.demo.demo_server import OpenPort
from tests.chromium import CHROMIUM, Chromium
from tests.inference import conftest

study = conftest.study
OPENED = (
    "opens the page to others. Everyone who reaches this machine can use the model and see its training images. "
    "Nothing is encrypted, and there is no password. Browsers allow the webcam only to pages of their own machine."
)


@pytest.fixture
def served(monkeypatch):
    """Instead of a page: what would be served, and where. Needs no gradio."""
    seen = []
    monkeypatch.setattr(demo_server, "check_gradio", lambda: None)
    monkeypatch.setattr("kerasclf.inference.demo.demo_page.make_app", lambda *given: given)

    def serve(given, port, ready):
        answers, text, folder = given
        (folder / "upload.png").write_bytes(b"an upload")
        seen.extend((answers, text, folder, port))
        ready()

    monkeypatch.setattr(demo_server, "serve", serve)
    return seen


def test_it_serves_this_machine_alone_and_keeps_no_upload(study, served, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    main(["demo", str(study), "--port", "0"])
    _, text, folder, port = served
    assert port.is_private and text.nearest_problem == ""
    assert text.title.startswith("mlp on ") and len(text.known) == 3 and len(text.untested) == 3
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("model: ")
    assert printed[-2:] == [
        f"http://127.0.0.1:{port.port}  (Ctrl-C ends it)",
        "Stopped. The uploaded images are removed.",
    ]
    assert not folder.exists() and port.socket.fileno() == -1 and opened == []

    main(["demo", str(study), "--port", "0", "--open"])
    assert opened == [served[-1].url]


def test_another_host_says_first_what_it_means(study, served, capsys):
    main(["demo", str(study), "--port", "0", "--host", "0.0.0.0"])
    printed = " ".join(capsys.readouterr().out.split())
    assert f"0.0.0.0 {OPENED}" in printed
    assert printed.index(OPENED) < printed.index("Ctrl-C ends it")


def test_all_problems_are_listed_before_tensorflow_starts(tmp_path, refused, monkeypatch):
    monkeypatch.setattr("kerasclf.commands.demo.quiet_tensorflow", lambda: pytest.fail("too late"))
    monkeypatch.setattr(demo_server.util, "find_spec", lambda name: None)
    with OpenPort("127.0.0.1", 0).socket as other:
        taken = other.getsockname()[1]
        error = refused("demo", str(tmp_path / "no"), "--port", str(taken))
    assert error.startswith("error: kerasclf demo cannot run:\n")
    assert '  - The page needs gradio, which is not installed. Install it: pip install "kerasclf[demo]".\n' in error
    assert f"{tmp_path / 'no'}, which does not exist.\n" in error
    assert f"  - --port: expected a free port. Received: {taken}, which another program uses." in error


@pytest.fixture
def page(tmp_path):
    """Starts `kerasclf demo` for a run in a process of its own; returns it and its address."""
    pytest.importorskip("gradio", reason="gradio is not installed (extra 'demo')")
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")
    started = []

    def start(run):
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        command = [sys.executable, "-m", "kerasclf", "demo", str(run), "--port", "0"]
        environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        started.append(process)
        for line in process.stdout:
            if found := re.match(r"(http://\S+)  \(Ctrl-C ends it\)", line):
                return process, found[1], temporary
        raise AssertionError("it has ended")

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.slow
def test_the_page_in_a_browser(study, photos, page, tmp_path):
    """Upload, webcam, a broken file, a hostile name; nothing is asked of another machine; Ctrl-C is a clean end."""
    process, url, temporary = page(study)
    hostile = tmp_path / "<img src=x onerror=boom()>.png"
    hostile.write_bytes(b"\x89PNG")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, Chromium(profile) as browser:
        browser.open(url)
        browser.wait_for("document.querySelector('input[type=file]') !== null")
        assert "Choose a photograph" in browser.text
        browser.choose_file(photos / "owl" / "001.png")
        browser.wait_for("document.body.innerText.includes('Nearest training images')")
        assert re.search(r"^(cat|dog|owl): \d+\.\d%$", browser.text, re.MULTILINE)
        assert "The limits of this model" in browser.text and "Not tested" in browser.text
        assert browser.run("document.querySelectorAll('figure img').length") == 3
        assert browser.run("[...document.querySelectorAll('figure img')].every(image => image.naturalWidth == 256)")
        browser.resize(390, 844)
        assert browser.run("document.documentElement.scrollWidth") == 390

        browser.choose_file(hostile)
        browser.wait_for("document.body.innerText.includes('cannot be read as an image')")
        assert "onerror=boom()>.png cannot be read as an image: cannot identify image file" in browser.text
        assert str(temporary) not in browser.text
        assert browser.run("document.querySelectorAll('figure img, img[src=x]').length") == 0

        browser.open(url)
        browser.wait_for("document.querySelector('[aria-label=\"Capture from camera\"]') !== null")
        browser.run("document.querySelector('[aria-label=\"Capture from camera\"]').click()")
        browser.wait_for("[...document.querySelectorAll('button')].some(one => /Access/.test(one.innerText))")
        browser.run("[...document.querySelectorAll('button')].find(one => /Access/.test(one.innerText)).click()")
        browser.wait_for("document.querySelector('[aria-label=\"capture photo\"]') !== null")
        browser.wait_for("document.querySelector('video').readyState == 4")
        browser.run("document.querySelector('[aria-label=\"capture photo\"]').click()")
        browser.wait_for("document.body.innerText.includes('Nearest training images')")
        own = (url, "data:", "blob:", "about:")
        assert [one for one in browser.requests if not one.startswith(own)] == []
        assert browser.errors == []
        assert list(temporary.rglob("*.png"))  # uploads, as long as the page is open
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert process.stdout.read() == "Stopped. The uploaded images are removed.\n"
    assert list(temporary.iterdir()) == []
