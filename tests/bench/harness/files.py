"""What is measured with: built, fetched and packed when it is first asked for."""
import os
import subprocess
import sys

from peers import ROOT


class Trouble(Exception):
    """The user's or the host's doing, in one line."""


def say(message):
    print(message, file=sys.stderr, flush=True)


def run(command, what):
    """Runs a helper; raises Trouble with its last words if it fails.  Returns what it printed."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or "without a word").split("\n")
        for line in words[-20:-1]:
            say(line)
        raise Trouble(f"{what} failed: {words[-1]}")
    return done.stdout


class Files:
    def __init__(self, build, ringpress=None):
        self.build = os.path.abspath(build)
        self.ringpress = os.path.abspath(ringpress) if ringpress else os.path.join(self.build, "ringpress")
        self._initrds, self._peers = {}, {}
        self.guests = run([os.path.join(ROOT, "scripts/fetch-guests")], "scripts/fetch-guests").strip().split("\n")[-1]
        self.kernel = os.path.join(self.guests, "vmlinuz")

    def build_all(self):
        """Configures a release build if there is none, and builds the targets that are needed."""
        if not os.path.exists(os.path.join(self.build, "CMakeCache.txt")):
            say(f"configuring {self.build}")
            run(["cmake", "-S", ROOT, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"], "cmake")
        with open(os.path.join(self.build, "CMakeCache.txt")) as cache:
            text = cache.read()
        if "CMAKE_BUILD_TYPE:STRING=Release" not in text or "RINGPRESS_SANITIZE:STRING=\n" not in text:
            say(f"warning: {self.build} is not a plain release build; its figures say little")
        run(["cmake", "--build", self.build, "--target", "ringpress", "bench32", "bench64", "bench_first",
             "bench_nano"], "the build")

    def program(self, bits):
        return os.path.join(self.build, f"tests/bench/linux{bits}/bench")

    def first(self):
        return os.path.join(self.build, "tests/bench/bench_first")

    def nano(self):
        return os.path.join(self.build, "tests/bench/bench_nano")

    def peers(self, *options):
        if options not in self._peers:
            script = os.path.join(ROOT, "tests/bench/fetch-peers")
            self._peers[options] = run([script, *options], "tests/bench/fetch-peers").strip().split("\n")[-1]
        return self._peers[options]

    def initrd(self, bits):
        """The initial ramdisk of the kernel tests with the benchmark program in it."""
        if bits not in self._initrds:
            path = os.path.join(self.build, f"tests/bench/initrd{bits}.cpio.gz")
            more = ["--busybox", os.path.join(self.peers(), "busybox64")] if bits == 64 else []
            run([os.path.join(ROOT, "scripts/make-initrd"), "--program", self.program(bits), *more, "-o", path],
                "scripts/make-initrd")
            self._initrds[bits] = path
        return self._initrds[bits]
