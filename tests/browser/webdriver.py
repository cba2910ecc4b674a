"""A headless Chromium, driven through chromedriver by the WebDriver protocol (W3C)."""
import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

KEYS = {"right": "\ue014", "left": "\ue012", "down": "\ue015", "up": "\ue013", "end": "\ue010", "home": "\ue011",
        "escape": "\ue00c", "tab": "\ue004", "enter": "\ue007"}


def missing():
    """What must be installed first; empty if all is there."""
    return [name for name in ("chromium", "chromedriver") if not shutil.which(name)]


class Browser:
    def __init__(self, width=1400, height=1000, dark=False):
        self.folder = tempfile.TemporaryDirectory(prefix="ringpress-browser-", ignore_cleanup_errors=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = dict(os.environ, HOME=self.folder.name)
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, env=environment)
        self.base = f"http://127.0.0.1:{port}"
        self.session = None
        try:
            self._start(width, height, dark)
        except BaseException:
            self.close()
            raise

    def _start(self, width, height, dark):
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic",
                     "--hide-scrollbars", f"--window-size={width},{height}", f"--user-data-dir={self.folder.name}/profile"]
        if dark:
            arguments.append("--force-dark-mode")
        deadline = time.monotonic() + 30
        while True:
            try:
                self._call("GET", "/status")
                break
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": arguments},
                  "goog:loggingPrefs": {"browser": "ALL"}}
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{answer['sessionId']}"

    def _call(self, method, path, body=None):
        data = json.dumps(body if body is not None else {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.base + path, data=data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def open(self, file):
        self._call("POST", self.session + "/url", {"url": "file://" + os.path.abspath(file)})

    def run(self, script, *arguments):
        """What the function body `script` returns."""
        return self._call("POST", self.session + "/execute/sync", {"script": script, "args": list(arguments)})

    def wait_for(self, script, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = self.run("return " + script)
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"did not come true in {seconds} s: {script}")

    def _actions(self, *sources):
        self._call("POST", self.session + "/actions", {"actions": list(sources)})

    def click_at(self, x, y):
        """In pixels of the page's visible part."""
        move = {"type": "pointerMove", "x": round(x), "y": round(y)}
        self._actions({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"},
                       "actions": [move, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]})

    def wheel_at(self, x, y, by):
        self._actions({"type": "wheel", "id": "wheel", "actions": [
            {"type": "scroll", "x": round(x), "y": round(y), "deltaX": 0, "deltaY": by}]})

    def press(self, *keys):
        for key in keys:
            key = KEYS.get(key, key)
            self._actions({"type": "key", "id": "keys",
                           "actions": [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]})

    def console(self):
        """What the page, and the browser about it, have logged since the last call."""
        return self._call("POST", self.session + "/se/log", {"type": "browser"})

    def screenshot(self, file):
        with open(file, "wb") as out:
            out.write(base64.b64decode(self._call("GET", self.session + "/screenshot")))

    def close(self):
        if self.session:
            try:
                self._call("DELETE", self.session)
            except (RuntimeError, OSError):
                pass
        self.driver.terminate()
        self.driver.wait()
        self.folder.cleanup()
