"""Small figures as SVG: panels of lines, dots and coloured cells, side by side. What runs write, `nnmpi plot` draws."""

import math
from xml.sax.saxutils import escape

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7f3fbf", "#666666"]
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 330, 230, 52, 26, 10, 36


class Panel:
    def __init__(self, title, x="", y="", xlim=None, ylim=None, logx=False, logy=False):
        self.title, self.labels, self.limits, self.logs = title, (x, y), [xlim, ylim], (logx, logy)
        self.shapes = []

    def line(self, xs, ys, name="", colour=None, dots=False):
        """One curve; ``dots``: its points only."""
        self.shapes.append(("dots" if dots else "line", name, list(xs), list(ys), colour))
        return self

    def cells(self, rows, xlim, ylim):
        """rows[i][j], a class or None: coloured areas, the first row at the bottom."""
        self.shapes.append(("cells", "", [*xlim], [*ylim], rows))
        return self

    def svg(self, at_x, at_y):
        scale = [self._scale(axis) for axis in (0, 1)]
        out = [f'<g transform="translate({at_x},{at_y})">']
        out += [f'<text x="{LEFT}" y="16" font-weight="bold">{escape(self.title)}</text>']
        out += [f'<clipPath id="c{at_x}-{at_y}"><rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" '
                f'height="{HEIGHT - TOP - BOTTOM}"/></clipPath><g clip-path="url(#c{at_x}-{at_y})">']
        legend = []
        for kind, name, xs, ys, colour in self.shapes:
            if kind == "cells":
                out += self._cells(xs, ys, colour, scale)
                continue
            colour = colour or COLOURS[len(legend) % len(COLOURS)]
            legend += [(name, colour)]
            points = [(scale[0](x), scale[1](y)) for x, y in zip(xs, ys)
                      if all(math.isfinite(v) and (v > 0 or not log) for v, log in zip((x, y), self.logs))]
            if kind == "line":
                path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
                out += [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>']
            else:
                out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in points]
        out += ["</g>"] + self._axes(scale)
        named = [(name, colour) for name, colour in legend if name]
        for i, (name, colour) in enumerate(named):
            out += [f'<text x="{WIDTH - RIGHT - 4}" y="{TOP + 13 + 13 * i}" text-anchor="end" fill="{colour}">{escape(name)}</text>']
        return out + ["</g>"]

    def _range(self, axis):
        values = [v for shape in self.shapes for v in shape[2 + axis] if math.isfinite(v) and (v > 0 or not self.logs[axis])]
        low, high = self.limits[axis] or (min(values), max(values))
        return (low, high) if high > low else (low - 0.5, low + 0.5)

    def _scale(self, axis):
        low, high = self._range(axis)
        f = math.log10 if self.logs[axis] else float
        begin, end = ((LEFT, WIDTH - RIGHT), (HEIGHT - BOTTOM, TOP))[axis]
        far = 1e4  # points outside are cut off
        return lambda v: max(-far, min(far, begin + (f(v) - f(low)) / (f(high) - f(low)) * (end - begin)))

    def _ticks(self, axis):
        low, high = self._range(axis)
        if self.logs[axis]:
            return [10.0**e for e in range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)]
        step = 10 ** math.floor(math.log10((high - low) / 2))
        step *= next(m for m in (1, 2, 5, 10) if (high - low) / (m * step) <= 5)
        return [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]

    def _axes(self, scale):
        bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        out = [f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#888"/>']
        for v in self._ticks(0):
            out += [f'<text x="{scale[0](v):.1f}" y="{bottom + 14}" text-anchor="middle">{v:g}</text>']
        for v in self._ticks(1):
            out += [f'<text x="{LEFT - 5}" y="{scale[1](v) + 4:.1f}" text-anchor="end">{v:g}</text>']
        middle = (TOP + bottom) / 2
        return out + [f'<text x="{(LEFT + right) / 2}" y="{bottom + 29}" text-anchor="middle">{escape(self.labels[0])}</text>',
                      f'<text transform="translate(11,{middle}) rotate(-90)" text-anchor="middle">{escape(self.labels[1])}</text>']

    @staticmethod
    def _cells(xs, ys, rows, scale):
        """Neighbours of one class in a row are one rectangle."""
        out, high = [], (ys[1] - ys[0]) / len(rows)
        for i, row in enumerate(rows):
            wide, begin = (xs[1] - xs[0]) / len(row), 0
            for j in range(1, len(row) + 1):
                if j < len(row) and row[j] == row[begin]:
                    continue
                x, y = scale[0](xs[0] + begin * wide), scale[1](ys[0] + (i + 1) * high)
                w, h = scale[0](xs[0] + j * wide) - x, scale[1](ys[0] + i * high) - y
                if row[begin] is not None:
                    out += [f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h + 0.2:.1f}" fill="{COLOURS[row[begin]]}" opacity="0.3"/>']
                begin = j
        return out


def draw(path, *panels, columns=3):
    """Writes the panels, in rows of ``columns``, to a file."""
    rows, columns = -(-len(panels) // columns), min(columns, len(panels))
    width, height = columns * WIDTH, rows * HEIGHT
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
             'font-family="sans-serif" font-size="11" fill="#222">', f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for i, panel in enumerate(panels):
        lines += panel.svg(i % columns * WIDTH, i // columns * HEIGHT)
    with open(path, "w") as f:
        f.write("\n".join(lines + ["</svg>"]) + "\n")
