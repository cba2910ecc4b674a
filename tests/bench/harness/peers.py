"""Who is measured: ringpress in its variants, the programs it is compared with, and the host itself."""
import os
import shlex
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
KERNEL_ARGUMENTS = "quiet"
RINGPRESS = {
    "inline": ["--engine", "seccomp", "--sensitive", "inline"],
    "trap": ["--engine", "seccomp", "--sensitive", "trap"],
    "ignore": ["--engine", "seccomp", "--sensitive", "ignore"],
    "ptrace": ["--engine", "ptrace", "--sensitive", "inline"],
    "ptrace-trap": ["--engine", "ptrace", "--sensitive", "trap"],
    "direct": ["--engine", "seccomp", "--sensitive", "inline", "--user-code", "direct"],
}


class Unavailable(Exception):
    """This peer cannot be measured here; the message says why."""


class Peer:
    """boots: it runs a guest; bits: of the benchmark program that it runs."""
    boots, bits, note = True, 32, ""
    megabytes = 256  # of the guest's RAM
    boot_only = False  # nothing is typed there

    def __init__(self, name, files):
        self.name, self.files = name, files

    def boot_command(self, append=""):
        """Boots the Debian guest with its console on standard input and output."""
        raise NotImplementedError

    def guest_command(self, kernel):
        """Runs a Multiboot kernel with isa-debug-exit at 0x501, its console on standard output; None: it cannot."""
        return None


class Ringpress(Peer):
    def __init__(self, name, files, arguments, program=None):
        super().__init__(name, files)
        self.program, self.arguments = program or files.ringpress, arguments

    def _run(self, *more):
        return [self.program, "run", *self.arguments, "-m", str(self.megabytes), "-no-reboot", "-display", "none",
                "-serial", "stdio", *more]

    def boot_command(self, append=""):
        return self._run("-kernel", self.files.kernel, "-initrd", self.files.initrd(32), "-append",
                         f"console=ttyS0 {KERNEL_ARGUMENTS} {append}".strip(), "--time-limit", "1200")

    def guest_command(self, kernel):
        return self._run("-kernel", kernel, "-device", "isa-debug-exit,iobase=0x501,iosize=2", "--time-limit", "300")


class Qemu(Peer):
    def __init__(self, name, files):
        super().__init__(name, files)
        if not shutil.which("qemu-system-i386"):
            raise Unavailable("there is no qemu-system-i386 (Debian: qemu-system-x86)")
        version = subprocess.run(["qemu-system-i386", "--version"], capture_output=True, text=True, check=True).stdout
        self.note = version.split("\n")[0].replace("QEMU emulator version ", "QEMU ").split(" (")[0] + ", TCG"

    def _run(self, serial, *more):
        return ["qemu-system-i386", "-accel", "tcg", "-M", "pc", "-m", str(self.megabytes), "-no-reboot", "-display",
                "none", "-serial", serial, *more]

    def boot_command(self, append=""):
        return self._run("mon:stdio", "-kernel", self.files.kernel, "-initrd", self.files.initrd(32), "-append",
                         f"console=ttyS0 {KERNEL_ARGUMENTS} {append}".strip())

    def guest_command(self, kernel):
        return self._run("stdio", "-kernel", kernel, "-device", "isa-debug-exit,iobase=0x501,iosize=2")


class Uml(Peer):
    def __init__(self, name, files):
        super().__init__(name, files)
        self.bits = 64 if name == "uml" else 32
        self.program = os.path.join(files.peers(), f"uml{self.bits}", "usr/bin/linux.uml")
        self.note = f"User-mode Linux, {self.bits} bits"
        if self.bits == 64:
            self.note += ", with its own build of the program"

    def boot_command(self, append=""):
        loader = []
        if self.bits == 32:  # needs no i386 libraries on the host
            libc = os.path.join(self.files.guests, "libc/lib")
            loader = [os.path.join(libc, "ld-linux.so.2"), "--library-path", os.path.join(libc, "i386-linux-gnu")]
        return [*loader, self.program, f"mem={self.megabytes}M", f"initrd={self.files.initrd(self.bits)}", "con=null",
                "con0=fd:0,fd:1", *KERNEL_ARGUMENTS.split(), *append.split()]


class Native(Peer):
    """The same program on the host."""
    boots, note = False, "the same program on the host, on one processor"

    def program_command(self, arguments):
        return [self.files.program(32), "--dir", "/dev/shm", "--busybox", os.path.join(self.files.guests, "busybox"),
                *arguments]


NAMES = (*RINGPRESS, "tcg", "uml", "uml32", "native", "bochs")


def make_peer(name, files):
    """name: one of NAMES.  Raises Unavailable, or ValueError for a name that is not known."""
    if name in RINGPRESS:
        return Ringpress(name, files, RINGPRESS[name])
    if name == "tcg":
        return Qemu(name, files)
    if name in ("uml", "uml32"):
        return Uml(name, files)
    if name == "native":
        return Native(name, files)
    if name == "bochs":
        from bochs import Bochs
        return Bochs(name, files)
    raise ValueError(f"no peer {name}; there are {', '.join(NAMES)}")


def make_variant(text, files):
    """LABEL=[PROGRAM] OPTIONS...: ringpress with options of its own, or another build of it, named by a path."""
    label, equals, command = text.partition("=")
    if not equals or not label:
        raise ValueError(f"{text!r} is not LABEL=[PROGRAM] OPTIONS...")
    words = shlex.split(command)
    program = os.path.abspath(words.pop(0)) if words and not words[0].startswith("-") else None
    if program and not os.access(program, os.X_OK):
        raise ValueError(f"{program} is no program")
    return Ringpress(label, files, words, program)
