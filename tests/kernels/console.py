"""A guest on a pseudo-terminal: starts it, waits for what it says, types, and sees how it ends."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time


class Failure(Exception):
    """What the test wanted and did not get, in one line."""


class Console:
    on_start = staticmethod(lambda console: None)  # called with every console, for reports

    def __init__(self, command, rows=25, columns=80, term="vt100"):
        self.text = ""       # everything the guest said, for the report
        self.pending = ""    # what expect() has not consumed yet
        self.started = time.monotonic()
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        # Its controlling terminal, as in real life: a job in the background of a terminal leaves it alone.
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave,
                                        env={**os.environ, "TERM": term}, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.master = master
        Console.on_start(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.master)

    def seconds(self):
        return time.monotonic() - self.started

    def _read(self, timeout):
        """Takes in what has arrived; False once the guest's side is closed."""
        ready, _, _ = select.select([self.master], [], [], timeout)
        if not ready:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO: the last process with the terminal open has ended
            return False
        said = data.decode("latin-1")
        self.text += said
        self.pending += said
        return bool(data)

    def expect(self, pattern, timeout):
        """Waits until the output matches; returns the match and consumes up to its end."""
        deadline = time.monotonic() + timeout
        alive = True
        while True:
            match = re.search(pattern, self.pending)
            if match:
                self.pending = self.pending[match.end():]
                return match
            left = deadline - time.monotonic()
            if not alive:
                raise Failure(f"the guest ended with status {self.process.wait()} before it said {pattern!r}")
            if left <= 0:
                raise Failure(f"no {pattern!r} within {timeout} s")
            alive = self._read(min(left, 1.0))

    def type(self, keys):
        os.write(self.master, keys.encode("latin-1"))

    def listen(self, seconds):
        """Lets the guest go on for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._read(deadline - time.monotonic()):
            pass

    def status(self, timeout):
        """Waits for the end of the process; returns its exit status."""
        deadline = time.monotonic() + timeout
        while self._read(0.2) and time.monotonic() < deadline:
            pass
        try:
            return self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Failure(f"the guest does not end within {timeout} s") from None


class Shell:
    """The busybox shell of scripts/make-initrd's guest, at its prompt."""
    PROMPT = r"rp# (?:\x1b\[6n)?"

    def __init__(self, console, timeout):
        self.console = console
        console.expect("ringpress: shell ready", timeout)
        console.expect(self.PROMPT, 20)

    def send(self, line):
        assert len(line) < 70, "a longer line wraps, and the shell draws its prompt again"
        self.console.type(line + "\r")

    def run(self, line, timeout=30):
        """Runs a command; returns what it printed, without its own echo."""
        self.send(line)
        before = len(self.console.text) - len(self.console.pending)
        self.console.expect(self.PROMPT, timeout)
        end = len(self.console.text) - len(self.console.pending)
        printed = re.sub(self.PROMPT + r"\Z", "", self.console.text[before:end]).replace("\r", "")
        return printed.split("\n", 1)[1] if "\n" in printed else ""
