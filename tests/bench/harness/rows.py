"""The rows of the Linux table, and the bars that are set for them: the one list of both."""
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """At most this: a ratio to a peer's value in the same run, or, without a peer, the value itself."""
    peer: str     # "tcg", "uml", "uml32", "native", or "" for an absolute value
    limit: float
    aim: float

    def __str__(self):
        return f"{self.limit:g} of {self.peer}" if self.peer else f"{self.limit:g}"


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    unit: str = "us"
    bars: tuple = ()
    note: str = ""
    left_out: tuple = ()  # peers that cannot do this rightly

    def all_bars(self):
        """Its own, and the two that every row has: never slower than the two peers that can run a Linux.

        What only computes is compared with UML of 32 bits: the other one runs another program, of 64-bit code.  And it
        runs natively there, so "not slower" is what it is against the host.
        """
        if self.unit in ("%", "ms", "ns"):
            return self.bars
        named = {bar.peer for bar in self.bars}
        uml = Bar("uml32", 1.03, 1.0) if self.bars == NATIVE else Bar("uml", 1.0, 0.5)
        return self.bars + tuple(bar for bar in (Bar("tcg", 1.0, 0.5), uml) if bar.peer not in named)


NATIVE = (Bar("native", 1.03, 1.00),)

# These are measured by the harness, around the guest...
HARNESS_ROWS = (
    Row("boot", "boot to shell", "s", (Bar("tcg", 0.3, 0.3), Bar("uml", 1.0, 1.0))),
    Row("idle", "idle at the prompt, of a core", "%", (Bar("", 2, 0.5),)),
    Row("first", "exec to first guest instruction", "ms", (Bar("", 15, 5),)),
)
# ... and these by the program of tests/bench/linux inside, in its order.
PROGRAM_ROWS = (
    Row("getppid", "getppid by int 0x80", bars=(Bar("tcg", 0.8, 0.4),),
        note="by syscall where the program has 64 bits"),
    Row("getppid_libc", "getppid by the C library's way"),
    Row("read_1", "read 1 byte of /dev/zero", bars=(Bar("tcg", 0.6, 0.3),)),
    Row("read_4k", "read 4 KiB of a tmpfs file"),
    Row("write_null", "write 4 KiB to /dev/null"),
    Row("write_1", "write 1 byte to a tmpfs file"),
    Row("signal", "signal to self", bars=(Bar("tcg", 0.3, 0.15),)),
    Row("fork_exit", "fork + exit + wait", bars=(Bar("tcg", 0.2, 0.12),)),
    Row("fork_exec", "fork + exec + wait", bars=(Bar("tcg", 0.5, 0.3),)),
    Row("page_fault", "page-fault touch", bars=(Bar("tcg", 0.8, 0.4),)),
    Row("mmap_touch", "mmap + touch 4 pages + munmap", bars=(Bar("tcg", 0.4, 0.25),)),
    Row("mprotect", "mprotect pair and a write"),
    Row("fault_signal", "mprotect, fault, signal, mprotect"),
    Row("pipe", "pipe round trip, two processes", bars=(Bar("uml", 0.5, 0.2),)),
    *(Row(f"switch_{count}_{size}k", f"context switch, {count} processes of {size} KiB")
      for count in (2, 8, 32) for size in (0, 64)),
    Row("open_read_close", "open + read + close on tmpfs"),
    Row("create_delete", "file create + delete on tmpfs"),
    *(Row(f"rep_movs_{size}", f"copy {title} by rep movs", bars=NATIVE)
      for size, title in (("8k", "8 KiB"), ("96k", "96 KiB"), ("1m", "1 MiB"))),
    *(Row(f"sse_copy_{size}", f"copy {title} by SSE2", bars=NATIVE)
      for size, title in (("8k", "8 KiB"), ("96k", "96 KiB"), ("1m", "1 MiB"))),
    Row("sieve", "sieve of 2 million", bars=NATIVE),
    Row("sha256", "SHA-256, a block", bars=NATIVE),
    Row("float_sse", "floating point, SSE2", bars=NATIVE),
    Row("float_x87", "floating point, x87", bars=NATIVE),
    Row("chase_16k", "follow a pointer, 16 KiB", bars=NATIVE),
    Row("chase_4m", "follow a pointer, 4 MiB", bars=NATIVE),
    Row("recursion", "recursion, fibonacci(20)", bars=NATIVE),
    Row("shell_loop", "busybox shell, loop of 5000"),
    Row("shell_forks", "busybox shell, a fork + exec"),
    Row("gzip", "busybox gzip, 256 KiB"),
    Row("sleep", "nanosleep 1 ms, overshoot", note="left out under uml32, whose clock_nanosleep fails",
        left_out=("uml32",)),
)
# Of the nanobenchmarks (tests/bench/nano), in nanoseconds; their guest names its rows itself.
NANO_BARS = {
    "cli+sti": (Bar("", 5, 2),),
    "pushf+popf": (Bar("", 5, 2),),
    "mov_to_es": (Bar("", 30, 15),),
    "iret_to_user": (Bar("", 150, 75),),
    "mov_to_cr3": (Bar("", 200, 100),),
    "in": (Bar("", 200, 100),),
}
ROWS = HARNESS_ROWS + PROGRAM_ROWS


def chosen_rows(pattern):
    """The rows whose name matches; pattern None: all of them."""
    return [row for row in ROWS if pattern is None or re.search(pattern, row.name)]
