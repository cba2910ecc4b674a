"""Kernels of other families, unmodified, from Debian's packages."""
from console import Failure
from screen import Screen


def gnumach(machine):
    """GNU Mach probes its devices and gives up only for want of servers to start."""
    with machine.boot("gnumach", append="console=com0", megabytes=64) as console:
        console.expect("No bootstrap code loaded", 120)


def memtest(machine, passes=2, limit=400):
    """memtest86+ over the serial line: whole passes without an error.

    Its menu, driven by keys on the same line, takes out test 10, which does nothing but wait for minutes.
    """
    with machine.boot("memtest86+.bin", append="console=ttyS0,115200", megabytes=16, limit=limit + 30) as console:
        console.expect("Testing", 30)
        for keys, then in (("1", "Settings:"), ("1", "Test Selection:"), ("2", "Enter test #"),
                           ("10\r", r"\*\.\*{8}\."),
                           ("0", "Settings:"), ("0", "Status: Testing")):
            console.type(keys)
            console.expect(then, 20)
        while True:
            status = console.expect(r"Pass:\s+(\d+)\s+Errors:\s+(\d+)", 60)
            if int(status.group(2)) != 0:
                raise Failure(f"memtest86+ found {status.group(2)} errors in memory")
            if int(status.group(1)) >= passes:
                print(f"{passes} passes in {console.seconds():.0f} s")
                return
            if console.seconds() > limit:
                raise Failure(f"no {passes} full passes within {limit} s")


def invaders(machine):
    """grub-invaders draws on the VGA text screen, and can be played with the keys of a terminal."""
    def screen():
        return Screen().feed(console.text).lines()

    def see(what, seen, seconds, key):
        """Types a key as often as a keyboard repeats it, until `seen` says so."""
        for _ in range(seconds * 20):
            console.type(key)
            console.listen(0.05)
            if seen(screen()):
                return
        print("\n".join(screen()))
        raise Failure(f"{what} within {seconds} s")

    def ship(lines):
        return lines[24].find("/ \\")
    # A VT100 whose cursor keys a program has switched to application mode, as ncurses does.
    right, fire = "\x1bOC", " "
    with machine.boot("invaders.exec", megabytes=16, display="text") as console:
        console.listen(2)
        see("no invaders are drawn", lambda lines: any("-*-" in line for line in lines), 10, "")
        start = ship(screen())
        if start < 0:
            print("\n".join(screen()))
            raise Failure("no ship is drawn on the last line")
        see("the space bar fires no shot", lambda lines: any("|" in line for line in lines), 5, fire)
        see("the arrow key does not move the ship", lambda lines: ship(lines) > start, 5, right)
