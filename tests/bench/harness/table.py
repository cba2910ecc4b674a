"""Results of all runs, their medians and ratios, as a table for people."""
import math
import statistics

RATIO_PEERS = ("tcg", "uml", "native")


class Results:
    """What came out: for each peer, one Run after the other."""

    def __init__(self, rows, peers):
        self.rows, self.peers = rows, peers
        self.runs = {peer.name: [] for peer in peers}

    def add(self, peer, run):
        self.runs[peer.name].append(run)

    def values(self, peer, row):
        return [run.values[row.name] for run in self.runs.get(peer, ()) if row.name in run.values]

    def median(self, peer, row):
        values = self.values(peer, row)
        return statistics.median(values) if values else None

    def failure(self, peer, row):
        """What went wrong in any of the runs, or an empty string."""
        return next((run.failures[row.name] for run in self.runs.get(peer, ()) if row.name in run.failures), "")

    def failures(self):
        """(peer, row name, what was wrong), each once."""
        found = {(name, row, why) for name, runs in self.runs.items() for run in runs
                 for row, why in run.failures.items()}
        return sorted(found)

    def ratio(self, subject, peer, row):
        """None as well where the peer's value drowns in an empty loop's: below half a nanosecond."""
        ours, theirs = self.median(subject, row), self.median(peer, row)
        known = ours is not None and theirs and not (row.unit == "ns" and theirs < 0.5)
        return ours / theirs if known else None

    def judge(self, subject, row):
        """For each of the row's bars that can be judged: (bar, value, "aim", "met" or "MISSED")."""
        judged = []
        for bar in row.all_bars():
            value = self.ratio(subject, bar.peer, row) if bar.peer else self.median(subject, row)
            if value is not None:
                judged.append((bar, value, "aim" if value <= bar.aim else "met" if value <= bar.limit else "MISSED"))
        return judged


def figure(value):
    """Three digits that mean something."""
    if value is None:
        return ""
    if value == 0:
        return "0"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def verdict(judged):
    """The bars of a row in one cell: the missed ones if there are any, else the nearest to its limit."""
    missed = [(bar, value) for bar, value, how in judged if how == "MISSED"]
    if missed:
        return "MISSED " + ", ".join(f"{bar}" for bar, _ in missed)
    if not judged:
        return ""
    tightest, _, _ = max(judged, key=lambda j: j[1] / j[0].limit)
    return ("aim " if all(how == "aim" for _, _, how in judged) else "met ") + str(tightest)


def align(lines, left):
    """Columns of text; left: which of them are set to the left."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    left = {column % len(widths) for column in left}
    return "\n".join("  ".join(cell.ljust(width) if column in left else cell.rjust(width)
                               for column, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines)


def markdown(lines, left):
    """The same lines for a document."""
    left = {column % len(lines[0]) for column in left}
    marks = ["---" if column in left else "--:" for column in range(len(lines[0]))]
    return "\n".join("| " + " | ".join(line) + " |" for line in (lines[0], marks, *lines[1:])) + "\n"


def put_into(path, name, text):
    """Replaces what stands between the comments `<!-- NAME: begin -->` and `<!-- NAME: end -->` of a document."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    with open(path) as file:
        document = file.read()
    if document.count(begin) != 1 or document.count(end) != 1:
        raise ValueError(f"{path} has no place for {name}: {begin.strip()} ... {end}")
    before, after = document.split(begin)[0], document.split(end)[1]
    with open(path, "w") as file:
        file.write(f"{before}{begin}\n{text.strip()}\n\n{end}{after}")


LEFT = (0, 1, -1)


def lines_of(results, subject):
    """The cells of the table; the ratios and bars are those of the peer `subject`."""
    names = [peer.name for peer in results.peers]
    ratio_peers = [name for name in RATIO_PEERS if name in names and name != subject]
    lines = [["", "unit", *names, *(f"/{name}" for name in ratio_peers), "bar"]]
    for row in results.rows:
        cells = [row.title, row.unit]
        for name in names:
            cells.append("FAIL" if results.failure(name, row) else figure(results.median(name, row)))
        cells += [figure(results.ratio(subject, name, row)) for name in ratio_peers]
        cells.append("FAIL" if results.failure(subject, row) else verdict(results.judge(subject, row)))
        lines.append(cells)
    return lines


def as_json(results, subject):
    return {
        "subject": subject,
        "peers": {peer.name: peer.note or " ".join(getattr(peer, "arguments", [])) for peer in results.peers},
        "rows": {
            row.name: {
                "title": row.title,
                "unit": row.unit,
                "values": {peer.name: results.values(peer.name, row) for peer in results.peers},
                "median": {peer.name: results.median(peer.name, row) for peer in results.peers},
                "bars": [{"peer": bar.peer, "limit": bar.limit, "aim": bar.aim, "value": value, "verdict": how}
                         for bar, value, how in results.judge(subject, row)],
            }
            for row in results.rows
        },
        "failures": [{"peer": peer, "row": row, "why": why} for peer, row, why in results.failures()],
    }
