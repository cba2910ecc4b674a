"""How a kernel is started: under ringpress, or under QEMU TCG to check that the test itself is right."""
import os
import shlex

from console import Console


class Machine:
    """engine: seccomp or ptrace, or qemu.

    program is build/ringpress; the environment variable RINGPRESS_RUN replaces `PROGRAM run` by another command
    (with its first arguments), for example a wrapper.
    """

    def __init__(self, program, engine, guests, initrd):
        self.program, self.engine, self.guests, self.initrd = program, engine, guests, initrd
        if engine == "qemu":
            self.command = ["qemu-system-i386", "-accel", "tcg", "-M", "pc"]
        else:
            run = os.environ.get("RINGPRESS_RUN")
            self.command = shlex.split(run) if run else [program, "run"]
            self.command += ["--engine", engine]

    def is_qemu(self):
        return self.engine == "qemu"

    def _serial(self, display):
        if display == "text":
            return "none"
        # Only with its own monitor on the same terminal does QEMU pass Ctrl-C on to the guest.
        return "mon:stdio" if self.is_qemu() else "stdio"

    def boot(self, kernel, append="", megabytes=64, initrd=None, drive=None, snapshot=False, display="none",
             limit=300, more=()):
        """Starts a kernel of the guests' cache with its serial line on the console; limit: seconds."""
        command = [*self.command, "-kernel", os.path.join(self.guests, kernel), "-m", str(megabytes), "-no-reboot"]
        command += ["-display", "curses" if self.is_qemu() and display == "text" else display]
        command += ["-serial", self._serial(display)]
        if append:
            command += ["-append", append]
        if initrd:
            command += ["-initrd", initrd]
        if drive:
            command += ["-drive", f"file={drive},format=raw,snapshot={'on' if snapshot else 'off'}"]
        if not self.is_qemu():
            command += ["--time-limit", str(limit)]
        return Console([*command, *more])

    def boot_debian(self, append="", megabytes=256, **options):
        """Debian's kernel with the initrd of scripts/make-initrd; address-space randomisation stays on."""
        return self.boot("vmlinuz", append=f"console=ttyS0 {append}".strip(), megabytes=megabytes,
                         initrd=self.initrd, **options)
