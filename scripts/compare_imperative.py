#!/usr/bin/env python3
"""compare_imperative.py: the imperative loop of nnmpi beside PyTorch's, in turns.

    compare_imperative.py [--turns N] [--torch COMMAND]

Trains 784-500-10 (ReLU, cross-entropy, Adam, minibatches of 64) on one process with 1 and 2 threads, from minibatches
that are tensors already, and prints milliseconds a step: the least of all turns, by the clock and by the processor. The
package nnmpi is on the path of this Python; COMMAND is a Python that has PyTorch (by default this one).
"""

import argparse
import importlib
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

STEPS, WARM_UP, ROWS, BATCHES = 100, 50, 64, 50


def steps_of(library: str, threads: int):
    """A function that trains for so many steps."""
    t = importlib.import_module(library)
    nn, optim = (importlib.import_module(f"{library}.{part}") for part in ("nn", "optim"))
    t.set_num_threads(threads)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = nn.Linear(784, 500)
            self.relu = nn.ReLU()
            self.fc2 = nn.Linear(500, 10)

        def forward(self, x):
            return self.fc2(self.relu(self.fc1(x)))

    net, criterion, rng = Net(), nn.CrossEntropyLoss(), np.random.default_rng(0)
    optimizer = optim.Adam(net.parameters(), lr=0.001)
    data = [
        (t.from_numpy(rng.random((ROWS, 784), np.float32)), t.from_numpy(rng.integers(0, 10, ROWS)))
        for _ in range(BATCHES)
    ]

    def run(steps: int) -> float:
        for i in range(steps):
            x, y = data[i % BATCHES]
            loss = criterion(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    return run


def measure(library: str, threads: int) -> None:
    """Prints milliseconds a step by the clock and by the processor."""
    run = steps_of(library, threads)
    run(WARM_UP)
    wall, cpu = time.perf_counter(), time.process_time()
    run(STEPS)
    print((time.perf_counter() - wall) * 1e3 / STEPS, (time.process_time() - cpu) * 1e3 / STEPS)


def main() -> None:
    """Takes turns, or is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--torch", default=sys.executable, metavar="COMMAND")
    parser.add_argument("--measure", nargs=2, metavar=("LIBRARY", "THREADS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(args.measure[0], int(args.measure[1]))
        return
    program = Path(__file__).read_text(encoding="utf-8")
    for threads in (1, 2):
        least = {}
        for _ in range(args.turns):
            for library, python in (("nnmpi", sys.executable), ("torch", args.torch)):
                command = [*shlex.split(python), "-", "--measure", library, str(threads)]
                out = subprocess.run(command, input=program, capture_output=True, text=True, check=True).stdout
                took = [float(word) for word in out.split()]
                least[library] = [min(pair) for pair in zip(took, least.get(library, took))]
        for library, (wall, cpu) in least.items():
            print(f"{threads} threads  {library:6} {wall:8.3f} ms a step, {cpu:8.3f} of processors")


if __name__ == "__main__":
    main()
