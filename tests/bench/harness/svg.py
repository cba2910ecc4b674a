"""Plots as SVG, without a library: the ratios of the table, and lines over x for growth."""
import math
from xml.sax.saxutils import escape

COLOURS = ("#0b62a4", "#d1571b", "#4a8c2a", "#8a4fa3", "#b8860b", "#2a8c8c", "#777777", "#c2185b")
STYLE = ("<style>text{font:12px sans-serif;fill:#222}.grid{stroke:#ddd}.one{stroke:#888;stroke-dasharray:4 3}"
         ".axis{stroke:#444}.small{font-size:11px;fill:#555}</style>")


def document(width, height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
            f'{STYLE}<rect width="100%" height="100%" fill="white"/>' + "\n".join(parts) + "</svg>\n")


def text(x, y, words, anchor="start", css=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}">{escape(words)}</text>'


def line(x1, y1, x2, y2, css):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def legend(names, x, y):
    parts = []
    for index, name in enumerate(names):
        parts.append(f'<circle cx="{x}" cy="{y - 4}" r="5" fill="{COLOURS[index % len(COLOURS)]}"/>')
        parts.append(text(x + 10, y, name))
        x += 24 + 8 * len(name)
    return parts


def ratios(results, base):
    """A dot for each peer and row, at its time divided by the peer base's, on a logarithmic scale."""
    names = [peer.name for peer in results.peers]
    rows = [row for row in results.rows if results.median(base, row)]
    left, top, step, width = 270, 60, 20, 900
    points = {(name, row.name): results.ratio(name, base, row) for name in names for row in rows}
    known = [value for value in points.values() if value and value > 0] or [1.0]
    low, high = math.floor(math.log10(min(known))), max(0.5, math.log10(max(known)) + 0.1)

    def place(value):
        return left + (math.log10(value) - low) / (high - low) * (width - left - 30)
    bottom = top + step * len(rows)
    parts = legend(names, left, 24)
    parts.append(text(left, 44, f"time, as a multiple of {base}'s: further left is faster", css="small"))
    for power in range(low, math.floor(high) + 1):
        for digit in (1, 2, 5):
            value = digit * 10 ** power
            if low <= math.log10(value) <= high:
                parts.append(line(place(value), top, place(value), bottom, "one" if value == 1 else "grid"))
                parts.append(text(place(value), bottom + 16, f"{value:g}", "middle", "small"))
    for index, row in enumerate(rows):
        y = top + step * (index + 0.5)
        parts.append(text(left - 10, y + 4, row.title, "end"))
        parts.append(line(left, y, width - 30, y, "grid"))
        for number, name in enumerate(names):
            value = points[name, row.name]
            if value and value > 0:
                colour = COLOURS[number % len(COLOURS)]
                parts.append(f'<circle cx="{place(value):.1f}" cy="{y:.1f}" r="4.5" fill="{colour}" '
                             f'fill-opacity="0.85"><title>{escape(name)}: {value:.3g}</title></circle>')
    return document(width, bottom + 30, parts)


def growth(series, curves):
    """A line for each metric and peer, both scales logarithmic, and dashed lines that are linear growth."""
    left, top, width, height = 70, 40 + 18 * len(curves), 640, 340
    units = dict(series.metrics)
    xs = sorted({x for curve in curves.values() for x, _ in curve})
    ys = [y for curve in curves.values() for _, y in curve if y > 0]
    low, high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)) + 0.01)
    span = math.log(xs[-1] / xs[0]) or 1

    def across(x):
        return left + math.log(x / xs[0]) / span * width

    def up(y):
        return top + height - (math.log10(y) - low) / (high - low) * height
    parts = [text(left, 20, series.title)]
    parts.append(f'<clipPath id="plot"><rect x="{left}" y="{top}" width="{width}" height="{height}"/></clipPath>')
    for power in range(low, high + 1):
        parts.append(line(left, up(10 ** power), left + width, up(10 ** power), "grid"))
        parts.append(text(left - 8, up(10 ** power) + 4, f"{10 ** power:g}", "end", "small"))
    for x in xs:
        parts.append(line(across(x), top, across(x), top + height, "grid"))
        parts.append(text(across(x), top + height + 16, f"{x}", "middle", "small"))
    parts.append(text(left + width / 2, top + height + 34, series.x + "; dashed: linear growth", "middle", "small"))
    for index, ((metric, peer), curve) in enumerate(curves.items()):
        colour = COLOURS[index % len(COLOURS)]
        drawn = [(across(x), up(y)) for x, y in curve if y > 0]
        if not drawn:
            continue
        first_x, first_y = next((x, y) for x, y in curve if y > 0)
        parts.append(f'<line x1="{across(first_x):.1f}" y1="{up(first_y):.1f}" x2="{across(xs[-1]):.1f}" '
                     f'y2="{up(first_y * xs[-1] / first_x):.1f}" stroke="{colour}" stroke-dasharray="3 4" '
                     'stroke-opacity="0.5" clip-path="url(#plot)"/>')
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="'
                     + " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn) + '"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in drawn]
        parts += legend_line(f"{metric} ({units[metric]}), {peer}", colour, left, 38 + 18 * index)
    return document(left + width + 30, top + height + 50, parts)


def legend_line(words, colour, x, y):
    return [f'<circle cx="{x + 5}" cy="{y - 4}" r="5" fill="{colour}"/>', text(x + 16, y, words)]
