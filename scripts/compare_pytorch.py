#!/usr/bin/env python3
"""Training speed of nnmpi and PyTorch on this machine, interleaved in one run.

compare_pytorch.py [--nnmpi build/release/nnmpi] [--models a,b,...] [--rounds 5] [--seconds 2]
                   [--more] [--bf16]

Needs numpy, h5py and torch (Debian: python3-torch python3-h5py). Each round starts, one after the
other and in an order that changes from round to round: nnmpi with 2 ranks of 1 thread and with 1
rank of 2; PyTorch in one process with 1 thread and with 2; PyTorch's DistributedDataParallel over
gloo with 2 processes of 1 thread. All take plain SGD steps with momentum 0.9 on the same global
minibatch. PyTorch is given its minibatches as ready floats in memory and the settings that make it
fastest: the AVX-512 kernels of OpenBLAS, an allocator that keeps its pages, channels_last for
convolutions. nnmpi shuffles, gathers and converts the stored numbers in every step.

Each start is timed in 20 windows, of which the slower half is discarded as noisy, on either side,
and the median of the others counts. A start is repeated (at most --tries times), on either side,
when other programs or the host took more than --noise of the machine's time while it ran. On a
machine with other work, `chrt -r 1 scripts/compare_pytorch.py` puts both sides before it. Ratios
are taken round by round; the table has their medians. First both sides take 10 steps from the same
parameters on one minibatch, and must have the same loss.

With --more each round also starts nnmpi with 1 rank and with 8 ranks of 1 thread, and with products
by OpenBLAS alone, and a second table has: the speed of 2 ranks over that of 1, of 8 ranks over that
of 2, and the two ratios to PyTorch with OpenBLAS alone.

With --bf16 each round also starts both sides with products of bfloat16, train.precision: bf16 here
and autocast there, and a table has, in bfloat16 and with the better of both precisions on either
side, the speed of nnmpi over that of PyTorch in one process.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import h5py
import numpy


def dense(name, units, activation=""):
    return f"dense: {{name: {name}, units: {units}{', activation: ' + activation if activation else ''}}}"


def conv(name, filters, kernel, more=""):
    return f"conv2d: {{name: {name}, filters: {filters}, kernel: {kernel}{more}}}"


POOL = "max_pool: {size: 2}"
RELU = ", activation: relu"

# name: (title, shape of a sample in files, minibatch, samples, layers of nnmpi, modules of PyTorch,
#        wanted ratio to the best single process, and to DDP)
MODELS = {
    "a": ("784-128-10", (784,), 64, 16384,
          [dense("fc1", 128, "relu"), dense("fc2", 10)],
          "fc1=nn.Linear(784, 128), r1=nn.ReLU(), fc2=nn.Linear(128, 10)", 2.3, 12),
    "b": ("784-512-512-10", (784,), 128, 16384,
          [dense("fc1", 512, "relu"), dense("fc2", 512, "relu"), dense("fc3", 10)],
          "fc1=nn.Linear(784, 512), r1=nn.ReLU(), fc2=nn.Linear(512, 512), r2=nn.ReLU(), "
          "fc3=nn.Linear(512, 10)", 1.35, 3.7),
    "c": ("4096-4096-4096-4096-10", (4096,), 256, 2048,
          [dense("fc1", 4096, "relu"), dense("fc2", 4096, "relu"), dense("fc3", 4096, "relu"),
           dense("fc4", 10)],
          "fc1=nn.Linear(4096, 4096), r1=nn.ReLU(), fc2=nn.Linear(4096, 4096), r2=nn.ReLU(), "
          "fc3=nn.Linear(4096, 4096), r3=nn.ReLU(), fc4=nn.Linear(4096, 10)", 1.08, 1.9),
    "d": ("LeNet 20/50/500", (1, 28, 28), 64, 16384,
          [conv("c1", 20, 5), POOL, conv("c2", 50, 5), POOL, "flatten",
           dense("fc1", 500, "relu"), dense("fc2", 10)],
          "c1=nn.Conv2d(1, 20, 5), p1=nn.MaxPool2d(2), c2=nn.Conv2d(20, 50, 5), "
          "p2=nn.MaxPool2d(2), f=nn.Flatten(), fc1=nn.Linear(800, 500), r=nn.ReLU(), "
          "fc2=nn.Linear(500, 10)", 1.5, 2.3),
    "d2": ("LeNet 6/16", (1, 28, 28), 64, 16384,
           [conv("c1", 6, 5, ", padding: 2" + RELU), POOL, conv("c2", 16, 5, RELU), POOL,
            "flatten", dense("fc1", 120, "relu"), dense("fc2", 84, "relu"), dense("fc3", 10)],
           "c1=nn.Conv2d(1, 6, 5, padding=2), r1=nn.ReLU(), p1=nn.MaxPool2d(2), "
           "c2=nn.Conv2d(6, 16, 5), r2=nn.ReLU(), p2=nn.MaxPool2d(2), f=nn.Flatten(), "
           "fc1=nn.Linear(400, 120), r3=nn.ReLU(), fc2=nn.Linear(120, 84), r4=nn.ReLU(), "
           "fc3=nn.Linear(84, 10)", 2, 4),
    "e": ("conv 64-64-128-128", (3, 32, 32), 64, 2048,
          [conv("c1", 64, 3, ", padding: 1" + RELU), conv("c2", 64, 3, ", padding: 1" + RELU),
           POOL, conv("c3", 128, 3, ", padding: 1" + RELU),
           conv("c4", 128, 3, ", padding: 1" + RELU), POOL, "flatten",
           dense("fc1", 256, "relu"), dense("fc2", 10)],
          "c1=nn.Conv2d(3, 64, 3, padding=1), r1=nn.ReLU(), "
          "c2=nn.Conv2d(64, 64, 3, padding=1), r2=nn.ReLU(), p1=nn.MaxPool2d(2), "
          "c3=nn.Conv2d(64, 128, 3, padding=1), r3=nn.ReLU(), "
          "c4=nn.Conv2d(128, 128, 3, padding=1), r4=nn.ReLU(), p2=nn.MaxPool2d(2), "
          "f=nn.Flatten(), fc1=nn.Linear(8192, 256), r5=nn.ReLU(), fc2=nn.Linear(256, 10)",
          1.1, 1.15),
    "f": ("LSTM 128, 28 x 28", (28, 28), 64, 16384,
          ["lstm: {name: lstm, units: 128}", dense("fc", 10)],
          "lstm=nn.LSTM(28, 128, batch_first=True), fc=nn.Linear(128, 10)", 2.5, 2.1),
}

CONFIG = """
data: {{path: "{data}"}}
model:
{model}
loss: cross_entropy
train: {{epochs: 1000000000, max_steps: {steps}, batch_size: {batch}, threads: {threads},
  log_every: {log}, optimizer: {{sgd: {{lr: 0.001, momentum: 0.9}}}}}}
validate: {{every_epochs: 0}}
checkpoint: {{every_epochs: 0}}
"""

LOSS_STEPS = 10
WINDOWS = 20
TORCH_JOB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch_job.py")


def quiet_rate(windows):
    """The median of the faster half."""
    return statistics.median(sorted(windows)[len(windows) // 2:])


def make_data(shape, samples, target):
    random = numpy.random.default_rng(1)
    with h5py.File(target, "w") as f:
        f["train/x"] = random.integers(0, 256, (samples, *shape), dtype="u1")
        f["train/y"] = random.integers(0, 10, samples, dtype="u1")
        f["train"].attrs["scale"] = 1 / 255
    return target


def write_config(target, layers, **values):
    """`values` are those of CONFIG but for its model."""
    with open(target, "w", encoding="utf-8") as out:
        out.write(CONFIG.format(model="\n".join("  - " + one for one in layers), **values))
    return target


def train_events(run):
    with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines]
    return [event for event in events if event["event"] == "train"]


def environments():
    """Of nnmpi, and the one in which PyTorch is fastest."""
    ours = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    for name in ("OMP_NUM_THREADS", "OMP_PROC_BIND", "OPENBLAS_CORETYPE"):
        ours.pop(name, None)
    theirs = dict(ours, MALLOC_MMAP_THRESHOLD_="4000000000", MALLOC_TRIM_THRESHOLD_="8000000000")
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as cpuinfo:
        if " avx512f " in cpuinfo.read():
            theirs.update(OPENBLAS_CORETYPE="SkylakeX", ATEN_CPU_CAPABILITY="avx512")
    return ours, theirs


def machine_seconds():
    """Seconds that all cores were busy or taken away by the host, since the start."""
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _, _, irq, soft, steal = map(int, stat.readline().split()[1:9])
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def watched(run):
    """What run() returns, and the share of the machine's time that others took meanwhile."""
    start, busy, own = time.monotonic(), machine_seconds(), own_seconds()
    value = run()
    others = machine_seconds() - busy - (own_seconds() - own)
    return value, max(0, others) / ((time.monotonic() - start) * os.cpu_count())


class Bench:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.ours, self.theirs = environments()
        self.rates = {}  # of nnmpi, to choose the number of steps
        self.port = 29600

    def path(self, name):
        return os.path.join(self.folder, name)

    def nnmpi(self, name, data, run, ranks, threads, steps, log, library="", precision="float32"):
        _, _, batch, _, layers = MODELS[name][:5]
        config = write_config(self.path("config.yaml"), layers, data=data, steps=steps, batch=batch,
                              threads=threads, log=log)
        bind = "core" if threads == 1 and ranks <= os.cpu_count() else "none"
        command = ["mpirun", "--oversubscribe", "--bind-to", bind, "-n", str(ranks),
                   self.arguments.nnmpi, "train", config, "-q", "--run", run,
                   "-o", f"train.precision={precision}"]
        done = subprocess.run(command, env=dict(self.ours, NNMPI_GEMM=library), text=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stderr}")
        return train_events(run)

    def nnmpi_rate(self, name, ranks, threads, **how):
        batch, samples = MODELS[name][2:4]
        data = self.path(f"{name}.h5")
        if not os.path.exists(data):
            make_data(MODELS[name][1], samples, data)
        if name not in self.rates:
            self.rates[name] = batch  # a step in a second, to begin with
            for seconds in (2, 0.3):
                self.rates[name] = self.windows(name, data, ranks, threads, seconds, **how)
        rate = self.windows(name, data, ranks, threads, self.arguments.seconds, **how)
        self.rates[name] = max(rate, self.rates[name] / 2)
        return rate

    def windows(self, name, data, ranks, threads, seconds, **how):
        """Samples/s; a window before those that count warms up."""
        log = max(1, int(seconds / WINDOWS * self.rates[name] / MODELS[name][2]))
        with tempfile.TemporaryDirectory(dir=self.folder) as run:
            events = self.nnmpi(name, data, run, ranks, threads, (WINDOWS + 1) * log, log, **how)
        return quiet_rate([e["samples_per_s"] for e in events[1:]])

    def torch(self, name, what, **more):
        _, shape, batch = MODELS[name][:3]
        self.port += 1
        job = dict(what=what, model=MODELS[name][5], shape=shape, batch=batch, port=self.port,
                   seconds=self.arguments.seconds, windows=WINDOWS, least_windows=WINDOWS, **more)
        done = subprocess.run([sys.executable, TORCH_JOB, json.dumps(job)], env=self.theirs,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"PyTorch failed on model {name}:\n{done.stderr}")
        return json.loads(done.stdout)

    def losses(self, name):
        """The loss after the same steps on one minibatch from nnmpi's parameters: ours, theirs."""
        batch = MODELS[name][2]
        data = make_data(MODELS[name][1], batch, self.path("one.h5"))
        with tempfile.TemporaryDirectory(dir=self.folder) as run:
            self.nnmpi(name, data, run, 1, 1, 0, 1)
            theirs = self.torch(name, "loss", data=data, steps=LOSS_STEPS,
                                parameters=os.path.join(run, "last.h5"))
        with tempfile.TemporaryDirectory(dir=self.folder) as run:
            ours = self.nnmpi(name, data, run, 2, 1, LOSS_STEPS, 1)[-1]["loss"]
        if not abs(ours - theirs) <= 1e-4 * abs(theirs):
            sys.exit(f"model {name}: the loss of step {LOSS_STEPS} is {ours} here and {theirs} "
                     "in PyTorch")
        return ours, theirs

    def quiet(self, run):
        """run() until others left it alone; the quietest when they never did."""
        best = None
        for _ in range(self.arguments.tries):
            value, noise = watched(run)
            if best is None or noise < best[1]:
                best = value, noise
            if noise <= self.arguments.noise:
                break
        return best

    def round(self, name, number):
        def torch(what, **more):
            return quiet_rate(self.torch(name, what, **more))

        def nnmpi(ranks, threads, **how):
            return lambda: self.nnmpi_rate(name, ranks, threads, **how)

        starts = [("nnmpi 2x1", nnmpi(2, 1)),
                  ("nnmpi 1x2", nnmpi(1, 2)),
                  ("torch 1", lambda: torch("single", threads=1)),
                  ("torch 2", lambda: torch("single", threads=2)),
                  ("torch ddp", lambda: torch("ddp", ranks=2, address="127.0.0.1", interface="lo"))]
        if self.arguments.more:
            starts += [("nnmpi 1x1", nnmpi(1, 1)),
                       ("nnmpi 8x1", nnmpi(8, 1)),
                       ("blas 2x1", nnmpi(2, 1, library="openblas")),
                       ("blas 1x2", nnmpi(1, 2, library="openblas"))]
        if self.arguments.bf16:
            starts += [("bf16 2x1", nnmpi(2, 1, precision="bf16")),
                       ("bf16 1x2", nnmpi(1, 2, precision="bf16")),
                       ("torch bf16 1", lambda: torch("single", threads=1, bf16=True)),
                       ("torch bf16 2", lambda: torch("single", threads=2, bf16=True))]
        first = number % len(starts)
        rates, noisy = {}, 0
        for label, run in starts[first:] + starts[:first]:
            rates[label], noise = self.quiet(run)
            noisy += noise > self.arguments.noise
        return rates, noisy


def median_ratio(rounds, above, below):
    """Of the best of some starts to the best of others, round by round."""
    return statistics.median(max(r[key] for key in above) / max(r[key] for key in below)
                             for r in rounds)


def against_pytorch(rounds, ours):
    return (median_ratio(rounds, ours, ("torch 1", "torch 2")),
            median_ratio(rounds, ours, ("torch ddp",)))


def report(name, losses, rounds):
    title, _, _, _, _, _, wanted_single, wanted_ddp = MODELS[name]
    order = ("nnmpi 2x1", "nnmpi 1x2", "torch 1", "torch 2", "torch ddp")
    single, ddp = against_pytorch(rounds, ("nnmpi 2x1", "nnmpi 1x2"))
    print(f"{name:2} {title:23}" +
          "".join(f" {statistics.median(r[key] for r in rounds):9.0f}" for key in order) +
          f" | {single:5.2f} ({wanted_single}) {ddp:6.2f} ({wanted_ddp}) | "
          f"{losses[0]:.6f} {losses[1]:.6f}", flush=True)


def report_more(name, rounds):
    single, ddp = against_pytorch(rounds, ("blas 2x1", "blas 1x2"))
    return (f"{name:2} {MODELS[name][0]:23}"
            f" {median_ratio(rounds, ('nnmpi 2x1',), ('nnmpi 1x1',)):17.2f}"
            f" {median_ratio(rounds, ('nnmpi 8x1',), ('nnmpi 2x1',)):16.2f}"
            f" {single:16.2f} {ddp:5.2f}")


def report_bf16(name, rounds):
    ours, theirs = ("bf16 2x1", "bf16 1x2"), ("torch bf16 1", "torch bf16 2")
    all_ours, all_theirs = ours + ("nnmpi 2x1", "nnmpi 1x2"), theirs + ("torch 1", "torch 2")
    return (f"{name:2} {MODELS[name][0]:23}" +
            "".join(f" {statistics.median(r[k] for r in rounds):12.0f}" for k in ours + theirs) +
            f" {median_ratio(rounds, ours, theirs):12.2f}"
            f" {median_ratio(rounds, all_ours, all_theirs):12.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--nnmpi", default="build/release/nnmpi", help="the program")
    parser.add_argument("--models", default=",".join(MODELS), help="which, e.g. a,b,c")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    parser.add_argument("--noise", type=float, default=0.03,
                        help="share of the machine's time that others may take")
    parser.add_argument("--more", action="store_true", help="1 and 8 ranks, OpenBLAS alone")
    parser.add_argument("--bf16", action="store_true", help="both sides in bfloat16, too")
    parser.add_argument("--tries", type=int, default=4, help="starts of a measurement, at most")
    arguments = parser.parse_args()
    arguments.nnmpi = os.path.abspath(arguments.nnmpi)
    noisy = measured = 0
    more, bf16 = [], []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, folder)
        print("samples/s, medians            nnmpi 2x1       1x2   torch 1t        2t       ddp | "
              "best nnmpi / best single, / ddp (wanted) | "
              f"loss of step {LOSS_STEPS}: nnmpi, torch")
        for name in arguments.models.split(","):
            losses = bench.losses(name)
            rounds = []
            for number in range(arguments.rounds):
                rates, bad = bench.round(name, number)
                rounds.append(rates)
                noisy, measured = noisy + bad, measured + len(rates)
                print(f"  {name} round {number + 1}: " +
                      ", ".join(f"{k} {v:.0f}" for k, v in sorted(rates.items())),
                      file=sys.stderr)
            report(name, losses, rounds)
            if arguments.more:
                more.append(report_more(name, rounds))
            if arguments.bf16:
                bf16.append(report_bf16(name, rounds))
    if more:
        print("\n" + " " * 27 + "2 ranks / 1 rank  8 ranks / 2 ranks  OpenBLAS alone / single, / ddp",
              *more, sep="\n")
    if bf16:
        print("\nsamples/s in bfloat16       " +
              "".join(f" {title:>12}" for title in ("nnmpi 2x1", "1x2", "torch 1t", "2t", "best/best",
                                                    "of all")), *bf16, sep="\n")
    print(f"{noisy} of {measured} measurements were noisy to the last")


if __name__ == "__main__":
    main()
