"""One run of one peer: boots it, types the benchmark's name at its shell, reads the lines, looks on from outside."""
import os
import re
import subprocess
import time

from console import Console, Failure, Shell
from rows import PROGRAM_ROWS

BOOT_LIMIT = 1500     # seconds
PROGRAM_LIMIT = 900
IDLE_SECONDS = 3
LINE = re.compile(r"^bench (\S+) (-?[0-9.]+) (ok|FAIL.*?)\s*$", re.M)
END = r"bench-end (\d+)"
PIECE = 50             # characters typed at once
# A guest whose clock runs differently from ours by more than this share measures something else than time.
CLOCK_TOLERANCE = 0.03
BAD_SIGNS = ("Oops", "BUG:", "WARNING:", "Call Trace", "segfault", "general protection", "Kernel panic")


class Run:
    """values: row name to value.  failures: row name to what was wrong; "" is for the run as a whole."""

    def __init__(self):
        self.values, self.failures = {}, {}

    def fail(self, row, why):
        self.failures.setdefault(row, why)


def program_arguments(options, rows):
    arguments = ["--quick"] if options.quick else []
    names = [row.name for row in PROGRAM_ROWS if row in rows]
    if len(names) < len(PROGRAM_ROWS):
        # By their names: the user's expression is one of Python's, and is meant for the rows of the harness, too.
        arguments.append(f"^({'|'.join(names)})$")
    return arguments


def take_lines(run, text, seconds, rows):
    """Reads what the program printed; seconds: what it took by our clock, if it came to its end."""
    wanted = {row.name for row in PROGRAM_ROWS if row in rows}
    for name, value, verdict in LINE.findall(text.replace("\r", "")):
        if name not in wanted:
            continue
        run.values[name] = float(value)
        if verdict != "ok":
            run.fail(name, verdict.removeprefix("FAIL "))
    for name in wanted - run.values.keys():
        run.fail(name, "printed no value")
    end = re.search(END, text)
    if not end:
        run.fail("", "the program did not come to its end")
    elif seconds is not None:
        inside = int(end.group(1)) / 1e6
        if abs(inside - seconds) > CLOCK_TOLERANCE * seconds + 0.3:
            run.fail("", f"the clock is wrong: {inside:.2f} s inside, {seconds:.2f} s outside")


def processes_of_session(leader):
    """The process, its descendants, and whoever shares its session."""
    parents, found = {}, {leader}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(entry)] = int(fields[1])
        if int(fields[3]) == leader:
            found.add(int(entry))
    grown = True
    while grown:
        grown = {child for child, parent in parents.items() if parent in found} - found
        found |= grown
    return found


def processor_seconds(leader):
    """CPU time that the processes of a peer have used so far, to the nanosecond."""
    total = 0
    for process in processes_of_session(leader):
        try:
            for task in os.listdir(f"/proc/{process}/task"):
                with open(f"/proc/{process}/task/{task}/schedstat") as stat:
                    total += int(stat.read().split()[0])
        except OSError:
            continue  # it has just ended
    return total / 1e9


def memory_bytes(leader):
    """Proportional share of memory of the processes of a peer."""
    total = 0
    for process in processes_of_session(leader):
        try:
            with open(f"/proc/{process}/smaps_rollup") as rollup:
                total += int(re.search(r"^Pss:\s+(\d+)", rollup.read(), re.M).group(1)) * 1024
        except (OSError, AttributeError):
            continue
    return total


def idle(console, run):
    console.listen(1)
    before, start = processor_seconds(console.process.pid), time.monotonic()
    console.listen(IDLE_SECONDS)
    used, spent = processor_seconds(console.process.pid) - before, time.monotonic() - start
    run.values["idle"] = 100 * used / spent


def expect_alive(console, pattern, timeout):
    """As Console.expect(); but a guest whose kernel gives up has failed at once, and says why."""
    match = console.expect(f"(?:{pattern})|Kernel panic[^\r\n]*", timeout)
    if match.group(0).startswith("Kernel panic"):
        console.listen(1)
        oops = re.search(r"(BUG:|Oops|EIP:)[^\r\n]*", console.text)
        raise Failure(f"{match.group(0)}{'; before that: ' + oops.group(0) if oops else ''}")
    return match


def type_program(console, arguments):
    """Runs the program at the shell's prompt; returns all that it printed, and the seconds that it took."""
    words = " ".join(f"'{word}'" for word in arguments)
    # Longer lines than the terminal is wide are echoed with movements of the cursor in between.
    pieces = [words[at:at + PIECE] for at in range(0, len(words), PIECE)]
    if len(pieces) > 1:
        for number, piece in enumerate(pieces):
            console.type(f'a={"$a" if number else ""}"{piece}"\r')
            console.expect(Shell.PROMPT, 60)
        words = "$a"
    console.type(f"eval bench {words}\r" if len(pieces) > 1 else f"bench {words}\r")
    console.expect(r"bench .*\n", 60)  # the shell's echo of that line
    start, before = time.monotonic(), len(console.text) - len(console.pending)
    if not re.match(END, expect_alive(console, rf"{END}\s|{Shell.PROMPT}", PROGRAM_LIMIT).group(0)):
        raise Failure("the program gave up")
    seconds = time.monotonic() - start
    console.expect(Shell.PROMPT, 60)
    return console.text[before:], seconds


def mount_tmpfs(console):
    console.type("mount -t tmpfs tmpfs /tmp\r")
    console.expect(Shell.PROMPT, 60)


def run_guest(peer, rows, options):
    run, names = Run(), {row.name for row in rows}
    in_program = any(row in rows for row in PROGRAM_ROWS) and not peer.boot_only
    if peer.boot_only and "boot" not in names:
        return run
    if not in_program and not names & {"boot", "idle"}:
        return run
    with Console(peer.boot_command()) as console:
        try:
            expect_alive(console, "ringpress: shell ready", BOOT_LIMIT)
            if "boot" in names:
                run.values["boot"] = console.seconds()
            if peer.boot_only:
                return run
            console.expect(Shell.PROMPT, 60)
            if "idle" in names:
                idle(console, run)
            if in_program:
                mount_tmpfs(console)
                before = len(console.text)
                try:
                    take_lines(run, *type_program(console, program_arguments(options, rows)), rows)
                except Failure:
                    take_lines(run, console.text[before:], None, rows)  # what it got done
                    raise
            console.type("poweroff -f\r")
            console.expect("reboot: (System halted|Power down)", 60)
        except Failure as failure:
            run.fail("", f"{failure}; its last words: {console.text[-200:].strip()!r}")
        for sign in BAD_SIGNS:
            if sign in console.text:
                run.fail("", f"the guest's log says {sign!r}")
    return run


def run_native(peer, rows, options):
    run = Run()
    if not any(row in rows for row in PROGRAM_ROWS):
        return run
    start = time.monotonic()
    done = subprocess.run(peer.program_command(program_arguments(options, rows)), capture_output=True, text=True,
                          timeout=PROGRAM_LIMIT)
    take_lines(run, done.stdout, time.monotonic() - start, rows)
    if done.returncode:
        run.fail("", f"exit status {done.returncode}: {done.stderr.strip()}")
    return run


def first_instruction(peer, run, times):
    """Milliseconds from exec to the end of a guest whose first instructions end it: the best of several."""
    command = peer.guest_command(peer.files.first())
    if not command:
        return
    best = None
    for _ in range(times):
        quiet = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
        start = time.monotonic()
        process = os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        spent = (time.monotonic() - start) * 1000
        if status != 85:  # see first.S
            run.fail("first", f"the guest ended with status {status}, not 85")
        best = spent if best is None else min(best, spent)
    run.values["first"] = best


def run_once(peer, rows, options):
    """Measures all of the rows that this peer has."""
    rows = [row for row in rows if peer.name not in row.left_out]
    run = run_guest(peer, rows, options) if peer.boots else run_native(peer, rows, options)
    if any(row.name == "first" for row in rows):
        first_instruction(peer, run, 3 if options.quick else 10)
    return run
