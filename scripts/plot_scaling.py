#!/usr/bin/env python3
"""Scaling to expect of the models of compare_pytorch.py: a picture and tables of `bench scaling`.

plot_scaling.py [--nnmpi build/release/nnmpi] [--models a,b,...] [--seconds 5] [--out docs/scaling.svg]

A step of each model is timed on one rank of one thread, and its schedule simulated on up to 4096
nodes of one such rank. Prints tables in Markdown, and writes the curves as SVG. Needs numpy and h5py.
On a machine with other work, `chrt -r 1 scripts/plot_scaling.py` puts it before that.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

from compare_pytorch import MODELS, environments, make_data, write_config

NETWORKS = (1, 10, 100)  # Gbit/s
COLORS = ("#c0392b", "#e08e0b", "#1f77b4")
WAYS = ("strong", "weak")
TITLES = {"strong": "same minibatch (strong)", "weak": "minibatch grows (weak)"}

# What others have published of weak scaling: where docs/performance.md tells the conditions.
# (ranks, efficiency)
PUBLISHED = {
    "Horovod": [(512, 0.90), (512, 0.68)],
    "Goyal et al.": [(256, 0.90)],
    "Intel Caffe": [(128, 0.90), (256, 0.83), (314, 0.76)],
    "Poseidon": [(16, 15.5 / 16), (32, 31.5 / 32)],
}
MARKS = ("#555555", "#2e8b57", "#8e44ad", "#d35400")

WIDTH, HEIGHT, LEFT, TOP, GAP = 128, 110, 40, 34, 16  # of a panel, and around it
MOST = 4096


def predict(arguments, folder, name):
    """[{ranks, gbits, strong: {efficiency, ...}, weak}] of a model."""
    _, shape, batch, samples, layers = MODELS[name][:5]
    config = write_config(os.path.join(folder, "net.yaml"), layers, batch=batch, threads=1, steps=1,
                          log=1, data=make_data(shape, samples, os.path.join(folder, "data.h5")))
    command = [arguments.nnmpi, "bench", "scaling", config, "-q", "--json", "--seconds",
               str(arguments.seconds), "--gbits", ",".join(map(str, NETWORKS))]
    done = subprocess.run(command, env=environments()[0], text=True, capture_output=True,
                          check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)


# ---- tables ---------------------------------------------------------------------------------------

def table(reports, way, counts):
    at = {name: {(p["ranks"], p["gbits"]): p[way] for p in report["scaling"]}
          for name, report in reports.items()}
    cells = [(ranks, gbits) for gbits in NETWORKS for ranks in counts]
    lines = ["| model | " + " | ".join(f"{gbits} Gbit/s: {ranks}" if ranks == counts[0] else str(ranks)
                                       for ranks, gbits in cells) + " |",
             "|---" * (len(cells) + 1) + "|"]
    for name, points in at.items():
        lines.append(f"| {name}: {MODELS[name][0]}, {MODELS[name][2]} | " +
                     " | ".join(f"{points[cell]['efficiency']:.2f}" for cell in cells) + " |")
    return "\n".join(lines)


# ---- picture --------------------------------------------------------------------------------------

def place(ranks, efficiency):
    return WIDTH * math.log2(ranks) / math.log2(MOST), HEIGHT * (1 - efficiency)


def text(x, y, what, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{what}</text>'


def axes(title, below):
    marks = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999"/>',
             text(WIDTH / 2, -6, title)]
    for share in (0.25, 0.5, 0.75):
        y = HEIGHT * (1 - share)
        marks.append(f'<path d="M0 {y} H{WIDTH}" stroke="#ddd"/>')
    for ranks, anchor in ((1, "start"), (16, "middle"), (256, "middle"), (4096, "end")):
        x, _ = place(ranks, 0)
        marks.append(f'<path d="M{x:.1f} {HEIGHT} v3" stroke="#999"/>')
        if below:
            marks.append(text(x, HEIGHT + 14, ranks, anchor))
    return marks


def curve(report, way, gbits, color):
    points = [(1, 1)] + [(p["ranks"], p[way]["efficiency"])
                         for p in report["scaling"] if p["gbits"] == gbits]
    line = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in points)
    return f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="1.8"/>'


def panel(column, row, marks):
    x, y = LEFT + column * (WIDTH + GAP), TOP + row * (HEIGHT + 2 * GAP)
    return f'<g transform="translate({x} {y})">' + "".join(marks) + "</g>"


def legend():
    marks = []
    for i, (gbits, color) in enumerate(zip(NETWORKS, COLORS)):
        marks.append(f'<path d="M8 {14 + 16 * i} h20" stroke="{color}" stroke-width="1.8"/>' +
                     text(34, 18 + 16 * i, f"{gbits} Gbit/s", "start"))
    for i, (who, color) in enumerate(zip(PUBLISHED, MARKS)):
        marks.append(f'<circle cx="18" cy="{64 + 14 * i}" r="3.5" fill="{color}"/>' +
                     text(34, 68 + 14 * i, who, "start"))
    return marks


def published():
    marks = axes("published (weak)", True)
    for points, color in zip(PUBLISHED.values(), MARKS):
        for point in points:
            x, y = place(*point)
            marks.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>')
    return marks


def picture(reports):
    panels = []
    for row, way in enumerate(WAYS):
        for column, (name, report) in enumerate(reports.items()):
            marks = axes(f"{name}: {MODELS[name][0]}" if row == 0 else "", row == 1)
            marks += [curve(report, way, *network) for network in zip(NETWORKS, COLORS)]
            if column == 0:
                marks += [text(-5, HEIGHT * (1 - share) + 4, share, "end") for share in (0, 0.5, 1)]
                marks.append(text(-HEIGHT / 2, -24, TITLES[way], more=' transform="rotate(-90)"'))
            panels.append(panel(column, row, marks))
    panels += [panel(len(reports), 0, legend()), panel(len(reports), 1, published())]
    width, height = LEFT + (len(reports) + 1) * (WIDTH + GAP), TOP + 2 * HEIGHT + 3 * GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            'font-family="sans-serif" font-size="10">'
            f'<rect width="{width}" height="{height}" fill="white"/>' +
            text(width / 2, 14, "share of the ideal speed, by ranks") +
            "\n".join(panels) + "</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--nnmpi", default="build/release/nnmpi", help="the program")
    parser.add_argument("--models", default=",".join(MODELS), help="which, e.g. a,b,c")
    parser.add_argument("--seconds", type=float, default=5, help="of training steps of each model")
    parser.add_argument("--out", default="docs/scaling.svg", help="the picture")
    arguments = parser.parse_args()
    reports = {}
    for name in arguments.models.split(","):
        with tempfile.TemporaryDirectory() as folder:
            reports[name] = predict(arguments, folder, name)
        print(f"{name}: {1e3 * reports[name]['step']['seconds']:.3f} ms a step", file=sys.stderr)
    print(table(reports, "strong", (2, 8, 32)), table(reports, "weak", (8, 256, 4096)), sep="\n\n")
    with open(arguments.out, "w", encoding="utf-8") as out:
        out.write(picture(reports))


if __name__ == "__main__":
    main()
