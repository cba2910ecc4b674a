"""How cost grows: with the guest's RAM, the memory in use, the number of processes, and the number of machines."""
import contextlib
import math
import subprocess
import time
from dataclasses import dataclass

from console import Console, Failure, Shell
from files import Trouble
from measure import BOOT_LIMIT, LINE, expect_alive, memory_bytes, processor_seconds, type_program

# Linear may be this much worse from one point to the next: caches fill, and measurements scatter.
TOLERANCE = 1.3
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Series:
    name: str
    title: str
    x: str           # what grows
    points: tuple
    quick: tuple     # with --quick
    metrics: tuple   # (name, unit)


RAM = Series("ram", "RAM of the guest", "MiB of RAM", (64, 128, 256, 512, 1024, 2048), (64, 256),
             (("boot to shell", "s"), ("CPU time until then", "s"), ("memory of the host", "MiB")))
SET = Series("set", "memory in use by a program (in 1 GiB of RAM)", "MiB in use", (4, 16, 64, 256), (4, 16),
             (("touch all for the first time", "ms"), ("read a word of each page", "ms"), ("fork + exit + wait", "ms"),
              ("fork, and the child writes all", "ms")))
PROCESSES = Series("processes", "processes in a ring, 16 KiB each", "processes", (2, 8, 32, 128), (2, 8),
                   (("a token goes round", "ms"),))
MACHINES = Series("machines", "machines side by side, 128 MiB each, all booting at once", "machines", (1, 2, 4, 8),
                  (1, 2),
                  (("until all are at the shell", "s"), ("CPU time of all", "s"), ("memory of the host", "MiB")))
ALL = (RAM, SET, PROCESSES, MACHINES)

# Which row of the program measures which metric, in microseconds.
PROGRAM_METRICS = {
    "grow_touch": "touch all for the first time",
    "grow_read": "read a word of each page",
    "grow_fork": "fork + exit + wait",
    "grow_fork_write": "fork, and the child writes all",
    "grow_ring": "a token goes round",
}


def booted(peer, megabytes, stack):
    """A console at the shell's prompt; the stack closes it."""
    peer.megabytes = megabytes
    console = stack.enter_context(Console(peer.boot_command()))
    expect_alive(console, "ringpress: shell ready", BOOT_LIMIT)
    console.expect(Shell.PROMPT, 60)
    return console


def measure_ram(peer, x):
    with contextlib.ExitStack() as stack:
        console = booted(peer, x, stack)
        seconds, leader = console.seconds(), console.process.pid
        return {"boot to shell": seconds, "CPU time until then": processor_seconds(leader),
                "memory of the host": memory_bytes(leader) / MEBIBYTE}


def measure_machines(peer, x):
    peer.megabytes = 128
    with contextlib.ExitStack() as stack:
        start = time.monotonic()
        consoles = [stack.enter_context(Console(peer.boot_command())) for _ in range(x)]
        for console in consoles:
            expect_alive(console, "ringpress: shell ready", BOOT_LIMIT)
            console.expect(Shell.PROMPT, 60)
        seconds, leaders = time.monotonic() - start, [console.process.pid for console in consoles]
        return {"until all are at the shell": seconds, "CPU time of all": sum(map(processor_seconds, leaders)),
                "memory of the host": sum(map(memory_bytes, leaders)) / MEBIBYTE}


def program_values(text):
    values = {}
    for name, value, verdict in LINE.findall(text.replace("\r", "")):
        if verdict != "ok":
            raise Failure(f"{name}: {verdict}")
        values[PROGRAM_METRICS[name]] = float(value) / 1000
    return values


def measure_program(peer, points, pattern, quick):
    """All points in one boot: {x: values}."""
    more = ["--quick"] if quick else []
    if not peer.boots:
        found = {}
        for x in points:
            command = peer.program_command([*more, "--size", str(x), pattern])
            found[x] = program_values(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        return found
    with contextlib.ExitStack() as stack:
        console = booted(peer, 1024, stack)
        return {x: program_values(type_program(console, [*more, "--size", str(x), pattern])[0]) for x in points}


def measure(series, peer, points, quick):
    """{x: {metric: value}}; empty if this peer has no such thing."""
    try:
        if series is SET:
            return measure_program(peer, points, "grow_[tf]|grow_read", quick)
        if series is PROCESSES:
            return measure_program(peer, points, "grow_ring", quick)
        if not peer.boots:
            return {}
        one = measure_ram if series is RAM else measure_machines
        return {x: one(peer, x) for x in points}
    except (Failure, subprocess.SubprocessError) as failure:
        raise Trouble(f"{series.name}, {peer.name}: {failure}") from None


def worse_than_linear(points, reference):
    """Steps (x, next x) at which a value grows faster than x does, and faster than on the host itself as well.

    points, reference: [(x, value)] in order; reference is empty where the host has no such thing.
    """
    native, steps = dict(reference), []
    for (x, value), (next_x, next_value) in zip(points, points[1:]):
        allowed = next_x / x
        if native.get(x) and native.get(next_x):
            allowed = max(allowed, native[next_x] / native[x])
        if value > 0 and next_value / value > allowed * TOLERANCE:
            steps.append((x, next_x))
    return steps


def exponent(points):
    """The power of x by which the value has grown from the first to the last point: 1 is linear."""
    (x, value), (last_x, last) = points[0], points[-1]
    return math.log(last / value) / math.log(last_x / x) if value > 0 and last > 0 and last_x != x else 0.0
