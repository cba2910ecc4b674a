"""The nanobenchmarks: runs their guest, turns cycles into nanoseconds, puts the raw costs of this host beside them."""
import json
import re
import subprocess
import statistics

from measure import Run
from rows import NANO_BARS, Row
from table import align, figure, verdict

LINE = re.compile(r"^nano (\S+) (\d+) ([0-9.]+) (ok|FAIL.*?)\s*$", re.M)
LIMIT = 300  # seconds
RAW = (("cost_cli", "a bare SIGSEGV round trip (32-bit code of a 64-bit process)"),
       ("cost_int3", "a bare SIGTRAP round trip"),
       ("cost_ptrace", "a ptrace stop, registers read and written"),
       ("cost_gate", "a far jump to 64-bit code and back"))


class NanoRun(Run):
    """values: nanoseconds of each, hot; cycles: the same in cycles; cold: nanoseconds of the first time."""

    def __init__(self):
        super().__init__()
        self.cycles, self.cold = {}, {}


def run_nano(peer, megahertz, options):
    run = NanoRun()
    command = [*peer.guest_command(peer.files.nano()), *(["-append", "quick"] if options.quick else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        run.fail("", f"the nanobenchmarks do not end within {LIMIT} s")
        return run
    for name, cold, hot, how in LINE.findall(done.stdout.replace("\r", "")):
        run.cold[name] = float(cold) * 1000 / megahertz
        run.cycles[name] = float(hot)
        run.values[name] = float(hot) * 1000 / megahertz
        if how != "ok":
            run.fail(name, how.removeprefix("FAIL "))
    if "nano-end 0" not in done.stdout or done.returncode != 1:  # isa-debug-exit's 0 is a status of 1
        last = (done.stdout + done.stderr).strip().split("\n")[-1]
        run.fail("", f"the nanobenchmarks ended with status {done.returncode}: {last}")
    return run


def tsc_megahertz(files):
    return float(subprocess.run([files.program(32), "--tsc"], capture_output=True, text=True, check=True).stdout)


def raw_costs(files):
    """Nanoseconds of what trapping is made of, as ringpress doctor measures them just now."""
    done = subprocess.run([files.ringpress, "doctor", "--json"], capture_output=True, text=True)
    costs = {}
    for finding in json.loads(done.stdout)["findings"]:
        value = re.match(r"([0-9.]+) us$", finding["finding"])
        if value:
            costs[finding["id"]] = float(value.group(1)) * 1000
    return costs


def rows_of(runs, pattern):
    """In the order in which the guest printed them; the pattern sees nano.NAME."""
    names = dict.fromkeys(name for peer_runs in runs.values() for run in peer_runs for name in run.values)
    return [Row(name, name, "ns", NANO_BARS.get(name, ())) for name in names
            if pattern is None or re.search(pattern, "nano." + name)]


def median_of(runs, attribute, name):
    values = [getattr(run, attribute)[name] for run in runs if name in getattr(run, attribute)]
    return statistics.median(values) if values else None


def lines_of(results, subject):
    """The cells of the table: hot nanoseconds and cycles, and the first time, for each peer."""
    names = [peer.name for peer in results.peers]
    ratios = [name for name in ("tcg",) if name in names and name != subject]
    lines = [["", *(f"{name} ns" for name in names), *(f"{name} cycles" for name in names),
              *(f"{name} first, us" for name in names), *(f"/{name}" for name in ratios), "bar"]]
    for row in results.rows:
        failed = {name: results.failure(name, row) for name in names}
        cells = [row.title]
        cells += ["FAIL" if failed[name] else figure(results.median(name, row)) for name in names]
        cells += [figure(median_of(results.runs[name], "cycles", row.name)) for name in names]
        for name in names:
            cold = median_of(results.runs[name], "cold", row.name)
            cells.append(figure(cold / 1000) if cold is not None else "")
        cells += [figure(results.ratio(subject, name, row)) for name in ratios]
        cells.append(verdict(results.judge(subject, row)))
        lines.append(cells)
    return lines


def raw_lines(results, raw):
    """The raw costs in words, and what an unpatched trap adds to the bare one."""
    lines = [f"{title}: {figure(statistics.median(costs[key] for costs in raw))} ns"
             for key, title in RAW if all(key in costs for costs in raw)]
    cli = next((row for row in results.rows if row.name == "cli"), None)
    trap = results.median("trap", cli) if cli and "trap" in results.runs else None
    if trap and all("cost_cli" in costs for costs in raw):
        ratio = trap / statistics.median(costs["cost_cli"] for costs in raw)
        how = "aim" if ratio <= 1.1 else "met" if ratio <= 1.25 else "MISSED"
        lines.append("an unpatched trap (cli at --sensitive trap) against the bare round trip: "
                     f"{ratio:.2f}; bar 1.25: {how}")
    return lines


def render(results, subject, raw):
    return align(lines_of(results, subject), left=(0, -1)) + "\n\n" + "\n".join(raw_lines(results, raw))
