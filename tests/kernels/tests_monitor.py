"""The monitor at a real kernel: snapshots that go on in another process and under the other engine."""
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


def snapshot(machine):
    """Saved at the shell's prompt with a disk in use, ended, and gone on with under either engine."""
    with tempfile.TemporaryDirectory() as folder:
        disk, file = os.path.join(folder, "disk.img"), os.path.join(folder, "snapshot")
        with open(disk, "wb") as image:
            image.truncate(8 << 20)
        with machine.boot_debian(drive=disk, snapshot=True) as console:
            sh = Shell(console, BOOT)
            sh.run("saved=yes; mkdir /tmp; echo in-ram > /tmp/file")
            sh.run("echo on-disk | dd of=/dev/sda bs=512 seek=9 conv=sync; sync")
            before = float(sh.run("cat /proc/uptime").split()[0])
            monitor(console, "info registers", r"CR0=8005003[0-9a-f] .*CR4=")
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
                after = float(sh.run("cat /proc/uptime").split()[0])
                want(before < after < before + 60, f"the guest's clock went from {before} to {after}")
                no_oops(console)
