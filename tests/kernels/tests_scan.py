"""What ringpress finds in Debian's kernel before it runs, against what others find in it."""
import collections
import hashlib
import json
import lzma
import os
import re
import subprocess
import tempfile
import time

from console import Failure, Shell


def want(condition, message):
    if not condition:
        raise Failure(message)


def ringpress(machine, *arguments):
    return subprocess.run([machine.program, *arguments], capture_output=True, check=True, text=True).stdout


def symbols(machine):
    """The kernel's own symbol table, found in its packed image, is what the booted kernel shows, slid by KASLR."""
    kernel = os.path.join(machine.guests, "vmlinuz")
    mine = [line.split(" ", 1) for line in ringpress(machine, "symbols", kernel).splitlines()]
    with machine.boot_debian("quiet") as console:
        sh = Shell(console, 120)
        text = sh.run("grep ' T _text$' /proc/kallsyms")
        slide = int(re.search(r"([0-9a-f]{8}) T _text", text).group(1), 16) - 0xC1000000
        theirs = re.search(r"[0-9a-f]{32}", sh.run("grep -v '\\[' /proc/kallsyms | md5sum", 60)).group(0)
        sh.send("poweroff -f")
    slid = "".join(f"{int(address, 16) + slide:08x} {rest}\n" for address, rest in mine)
    print(f"{len(mine)} symbols, slide {slide:#x}")
    want(len(mine) > 20000, f"only {len(mine)} symbols were found")
    want(hashlib.md5(slid.encode()).hexdigest() == theirs, "the symbols differ from the guest's /proc/kallsyms")


COMPARED = ("cli", "sti", "pushf", "popf", "hlt", "in", "out", "lgdt", "lidt", "lldt", "ltr", "sgdt", "sidt", "sldt",
            "str", "clts", "invlpg", "wbinvd", "rdmsr", "wrmsr", "rdtsc", "rdtscp", "rdpmc", "cpuid", "iret", "verw")
NAMES = {name + suffix: name for name in COMPARED for suffix in ("", "l", "w")}  # objdump shows operand sizes


def objdump_counts(elf):
    counts = collections.Counter()
    lines = subprocess.run(["objdump", "-d", "--no-show-raw-insn", elf], capture_output=True, check=True,
                           text=True).stdout
    for match in re.finditer(r"^[0-9a-f]+:\s+(?:(?:cs|ds|es|ss|fs|gs|rep|repz|lock|data16|addr16) )*([a-z0-9]+)", lines,
                             re.MULTILINE):
        counts[NAMES.get(match.group(1))] += 1
    return counts


def scan(machine):
    """The scan of Debian's kernel takes less than 10 s, and counts what objdump counts."""
    kernel = os.path.join(machine.guests, "vmlinuz")
    start = time.monotonic()
    result = json.loads(ringpress(machine, "scan", kernel, "--json"))
    seconds = time.monotonic() - start
    print(f"{seconds:.1f} s for {result['total']['instructions']} instructions")
    want(seconds < 10, f"scanning took {seconds:.1f} s; the promise is 10")
    want(result["total"]["unknown_bytes"] == 0, "bytes of the kernel were not understood")
    mine = {entry["name"]: entry["sites"] for entry in result["instructions"]}
    with tempfile.NamedTemporaryFile() as elf:
        with open(kernel, "rb") as file:
            image = file.read()
        # boot.rst: setup_sects at 0x1F1, payload_offset and payload_length at 0x248.
        at = (image[0x1F1] + 1) * 512 + int.from_bytes(image[0x248:0x24C], "little")
        payload = image[at:at + int.from_bytes(image[0x24C:0x250], "little")]
        want(payload.startswith(b"\xfd7zXZ"), "Debian's kernel is packed with something else than xz")
        elf.write(lzma.LZMADecompressor().decompress(payload))
        elf.flush()
        theirs = objdump_counts(elf.name)
    for name in COMPARED:
        want(mine.get(name, 0) == theirs[name],
             f"{name}: {mine.get(name, 0)} sites, but objdump sees {theirs[name]}")
