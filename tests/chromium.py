"""A headless Chromium that a test steers through a pipe, by the Chrome DevTools protocol."""

import base64
import itertools
import json
import os
import selectors
import shutil
import subprocess
import time

# Windows passes no handles 3 and 4 on to a browser, and has no fcntl.
CHROMIUM = None if os.name == "nt" else shutil.which("chromium") or shutil.which("google-chrome")
_OPTIONS = (
    "--headless=new --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --remote-debugging-pipe --use-fake-ui-for-media-stream "
    "--use-fake-device-for-media-stream"
).split()
_PATIENCE_S = 120


class Chromium:
    """One page of a browser with a fresh profile.

    `requests` are the addresses that the page has asked for, `errors` the exceptions of its scripts.
    """

    def __init__(self, profile, width=1100, height=900):
        import fcntl

        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        # Chromium reads from handle 3 and writes to handle 4.
        high = [fcntl.fcntl(handle, fcntl.F_DUPFD, 20) for handle in (to_browser, from_browser)]
        command = f'exec "$@" 3<&{high[0]} 4>&{high[1]}'
        self._process = subprocess.Popen(
            ["bash", "-c", command, "chromium", CHROMIUM, *_OPTIONS, f"--user-data-dir={profile}"],
            pass_fds=high, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for handle in (to_browser, from_browser, *high):
            os.close(handle)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._read, selectors.EVENT_READ)
        self._numbers, self._received, self._session = itertools.count(1), b"", None
        self.requests, self.errors = [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "DOM"):
            self.call(f"{domain}.enable")
        self.resize(width, height)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.kill()
        self._process.wait()
        self._selector.close()
        os.close(self._read)
        os.close(self._write)

    def call(self, method, **parameters):
        """Calls a method of the protocol and returns its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != number:
            self._note(answer)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def open(self, url):
        self.call("Page.navigate", url=url)

    def resize(self, width, height):
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def run(self, script):
        """Returns the value of an expression in JavaScript."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait_for(self, script):
        """Waits until an expression in JavaScript is true, and returns its value."""
        end = time.monotonic() + _PATIENCE_S
        while not (value := self.run(script)):
            assert time.monotonic() < end, f"{script} is not true: {self.run('document.body.innerText')}"
            time.sleep(0.1)
        return value

    @property
    def text(self):
        """The visible text of the page."""
        return self.run("document.body.innerText")

    def choose_file(self, path, selector="input[type=file]"):
        """Chooses a file as a user does."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[str(path)], nodeId=node)

    def screenshot(self, path, height=None, scale=1):
        """Writes a picture of the page: of the whole, or of its top."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"], "scale": scale}
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(found["data"]))

    def _next(self):
        while b"\0" not in self._received:
            assert self._selector.select(_PATIENCE_S), "Chromium does not answer"
            received = os.read(self._read, 1 << 20)
            assert received, "Chromium has ended"
            self._received += received
        message, self._received = self._received.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event):
        method, values = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(values["exceptionDetails"])
