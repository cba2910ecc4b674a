"""The monitor at a real kernel: snapshots that go on in another process and under the other engine."""
import hashlib
import os
import tempfile
import time

from console import Console, Shell
from tests_linux import BOOT, no_oops, want


def monitor(console, line, answer, timeout=60):
    """A command at the prompt that Ctrl-A c brings; `answer` is waited for, and the guest has the keys again."""
    console.type("\x01c")
    console.expect(r"\(ringpress\) ", 20)
    console.type(line + "\r")
    match = console.expect(answer, timeout)
    console.type("\x01c")
    return match


NUMBERS = 20_000


def start_pipeline(sh):
    """Processes that take turns for a while, so that the monitor moves their memory together."""
    sh.run(f"(seq {NUMBERS} | cat | md5sum >/tmp/sum; echo >/tmp/done) &")


def finish_pipeline(sh):
    for _ in range(120):
        if sh.run("ls /tmp/done") == "/tmp/done\n":
            break
        time.sleep(0.5)
    numbers = "".join(f"{n}\n" for n in range(1, NUMBERS + 1))
    wanted = hashlib.md5(numbers.encode()).hexdigest()
    want(wanted in sh.run("cat /tmp/sum"), "what went through a pipe has changed")


def snapshot(machine):
    """Saved with processes, memory and a disk in use, ended, and gone on with under either engine."""
    with tempfile.TemporaryDirectory() as folder:
        disk, file = os.path.join(folder, "disk.img"), os.path.join(folder, "snapshot")
        with open(disk, "wb") as image:
            image.truncate(8 << 20)
        with machine.boot_debian(drive=disk, snapshot=True) as console:
            sh = Shell(console, BOOT)
            sh.run("saved=yes; mkdir /tmp; echo in-ram > /tmp/file")
            sh.run("echo on-disk | dd of=/dev/sda bs=512 seek=9 conv=sync; sync")
            start_pipeline(sh)
            time.sleep(0.5)
            before = float(sh.run("cat /proc/uptime").split()[0])
            monitor(console, "info registers", r"CR0=8005003[0-9a-f] .*CR4=")
            monitor(console, "info shadow", r"frames gathered +[1-9]")
            monitor(console, f"savevm {file}", r"\(ringpress\) ", 120)
            console.type("\x01x")
            want(console.status(20) == 0, "Ctrl-A x did not end ringpress with status 0")
        time.sleep(3)  # no time for the guest
        for engine in ("seccomp", "ptrace"):
            command = [*machine.command, "--load", file, "--time-limit", "120"]
            command[command.index("--engine") + 1] = engine
            with Console(command) as console:
                sh = Shell.__new__(Shell)
                sh.console = console
                console.listen(2)
                want("Linux version" not in console.text, "the guest booted instead of going on")
                console.type("\r")
                console.expect(Shell.PROMPT, 30)
                want(sh.run("echo $saved").strip() == "yes", "the shell has lost its variable")
                want(sh.run("cat /tmp/file").strip() == "in-ram", "a file in RAM is gone")
                read = sh.run("dd if=/dev/sda bs=512 skip=9 count=1")
                want("on-disk" in read, f"what was written to the disk is gone: {read!r}")
                finish_pipeline(sh)
                after = float(sh.run("cat /proc/uptime").split()[0])
                want(before < after < before + 60, f"the guest's clock went from {before} to {after}")
                no_oops(console)
