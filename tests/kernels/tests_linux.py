"""Debian's unmodified i386 kernel with busybox: it boots, can be used, and ends cleanly."""
import hashlib
import os
import re
import subprocess
import tempfile
import time

from console import Failure, Shell

BOOT = 120  # seconds that a boot may take on a busy machine

# What tests/kernels/guest/tour.sh prints anywhere that computes rightly (checked on the host with coreutils).
TOUR = [
    "processes: 1",
    "pipes: 997",
    "zeros: b5cfa9d6c8febd618f91ac2843d50a1c",
    "gzip: c1d4ba52c72ac7bcc71ff2d6c083e684",
    "sha256: 44969d026ed4164dbe77d48d4d359e98ac4057008cafd61723be72bff83e5fd4",
    "threads: total 52260248 wave 59999.750 alarms 1 child 1",
    "fork and exec: 50",
    "sleep: status 0",
]


def want(condition, message):
    if not condition:
        raise Failure(message)


def ends_well(machine, console, said):
    """The guest has halted for good: ringpress ends with status 0.  QEMU sits on (unless ACPI switched it off)."""
    console.expect(said, 60)
    if not machine.is_qemu():
        status = console.status(20)
        want(status == 0, f"ringpress ended with status {status} after {said!r}, not 0")


def no_oops(console):
    for sign in ("Oops", "BUG:", "WARNING:", "Call Trace", "segfault", "general protection", "Kernel panic"):
        want(sign not in console.text, f"the guest's log says {sign!r}")


def shell(machine):
    """An interactive shell on the serial line: commands, pipes, checksums, threads, Ctrl-C, power-off."""
    with machine.boot_debian() as console:
        sh = Shell(console, BOOT)
        want("kthreadd" in sh.run("ps"), "ps does not list the kernel's threads")
        want(sh.run("seq 1 1000 | grep 7 | sort -rn | head -n 1").strip() == "997", "a pipe of four gives no 997")
        sums = sh.run("dd if=/dev/zero bs=1k count=1000 2>/dev/null | md5sum", 60)
        want(hashlib.md5(bytes(1024000)).hexdigest() in sums, f"dd | md5sum printed {sums!r}")
        want(TOUR[5] in sh.run("threads", 60), "the dynamically linked program with threads failed")
        want("2147483648" in sh.run("echo $((1 << 31))"), "arithmetic in the shell is wrong")
        sh.send("sleep 1000")
        console.listen(1)
        console.type("\x03")
        console.expect(Shell.PROMPT, 20)
        want(sh.run("echo $?").strip() == "130", "Ctrl-C did not interrupt sleep")
        sh.send("poweroff -f")
        ends_well(machine, console, "reboot: (System halted|Power down)")
        no_oops(console)


def tour(machine):
    """A script of everyday work, without a terminal: the sums and counts are right."""
    with machine.boot_debian("rp.run=tour.sh") as console:
        console.expect(r"running /rp/tour\.sh", BOOT)
        for line in TOUR:
            console.expect(re.escape(line), 90)
        ends_well(machine, console, "reboot: (System halted|Power down)")
        no_oops(console)


def make_disk(path):
    """16 MiB of ext4 with one file."""
    with tempfile.NamedTemporaryFile("w") as greeting:
        greeting.write("good morning\n")
        greeting.flush()
        environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        subprocess.run(["truncate", "-s", "16M", path], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True, env=environment)
        subprocess.run(["debugfs", "-w", "-R", f"write {greeting.name} greeting", path], check=True,
                       capture_output=True, env=environment)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def disk(machine):
    """ext4 on an IDE disk: read, written, and on the host's side just as the guest left it; snapshot=on forgets."""
    numbers = "dea9193b768319cbb4ff1a137ac03113"  # seq 1 100000 | md5sum
    with tempfile.TemporaryDirectory() as folder:
        image = os.path.join(folder, "disk")
        make_disk(image)
        fresh = digest(image)
        for snapshot in (True, False):
            with machine.boot_debian("rp.run=disk.sh", drive=image, snapshot=snapshot) as console:
                console.expect("from the host: good morning", BOOT)
                console.expect(f"numbers: {numbers}", 60)
                console.expect("ended with status 0", 20)
                ends_well(machine, console, "reboot: (System halted|Power down)")
                no_oops(console)
            want((digest(image) == fresh) == snapshot, f"the image is wrong after snapshot={snapshot}")
        environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        read = subprocess.run(["debugfs", "-R", "cat numbers", image], capture_output=True, check=True, env=environment)
        want(hashlib.md5(read.stdout).hexdigest() == numbers, "the host reads something else than the guest wrote")
        check = subprocess.run(["e2fsck", "-fn", image], capture_output=True, env=environment)
        want(check.returncode == 0, f"e2fsck finds damage: {check.stdout.decode()[-200:]!r}")


def repeat(machine, times=20):
    """Boots in a row, each with its kernel somewhere else."""
    places = set()
    for number in range(times):
        with machine.boot_debian("quiet rp.run=boot.sh") as console:
            try:
                places.add(console.expect(r"booted: \S+ at ([0-9a-f]{8})", BOOT).group(1))
                ends_well(machine, console, "reboot: (System halted|Power down)")
                no_oops(console)
            except Failure as failure:
                print(console.text[-3000:])
                raise Failure(f"boot {number + 1} of {times}: {failure}") from None
    print(f"{times} boots at {len(places)} different addresses")
    want(len(places) > 1, "address-space randomisation is off: every boot had the kernel at the same address")


def ends(machine):
    """halt and reboot (with -no-reboot) end the process with status 0, as poweroff does."""
    for command, said in (("halt -f", "reboot: System halted"), ("reboot -f", "reboot: Restarting system")):
        with machine.boot_debian("quiet") as console:
            sh = Shell(console, BOOT)
            sh.send(command)
            ends_well(machine, console, said)


def little_memory(machine):
    """48 MiB of RAM are enough: the kernel unpacks itself beside its initrd."""
    with machine.boot_debian("quiet rp.run=boot.sh", megabytes=48) as console:
        console.expect("booted:", BOOT)
        ends_well(machine, console, "reboot: (System halted|Power down)")


def much_memory(machine):
    """1 GiB: the guest sees all of it, and it is not allocated before it is touched."""
    with machine.boot_debian("quiet", megabytes=1024) as console:
        sh = Shell(console, BOOT)
        total = int(re.search(r"MemTotal:\s+(\d+)", sh.run("grep MemTotal /proc/meminfo")).group(1))
        want(total > 850 * 1024, f"the guest sees {total >> 10} MiB of memory")
        sh.send("poweroff -f")
        ends_well(machine, console, "reboot: (System halted|Power down)")


def boot_time(machine, qemu, rounds=3):
    """From exec to the shell's first line, against QEMU TCG in the same run: at most half of it."""
    def measure(on):
        with on.boot_debian("quiet") as console:
            console.expect("ringpress: shell ready", BOOT)
            return console.seconds()
    best = {"ringpress": 1e9, "qemu": 1e9}
    for _ in range(rounds):
        best["ringpress"] = min(best["ringpress"], measure(machine))
        best["qemu"] = min(best["qemu"], measure(qemu))
        time.sleep(0.2)
    ratio = best["ringpress"] / best["qemu"]
    print(f"boot to shell: ringpress {best['ringpress']:.2f} s, QEMU TCG {best['qemu']:.2f} s, ratio {ratio:.2f}")
    want(ratio <= 0.5, f"booting takes {ratio:.2f} of QEMU TCG's time; the promise is 0.5")
