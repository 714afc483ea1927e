#!/usr/bin/env python3
"""Training speed of nnmpi and PyTorch between hosts, in turns in one run.

compare_hosts.py [--nnmpi build/release/nnmpi] [--hosts 2] [--networks 100mbit,1gbit,unlimited]
                 [--models a,b,c2,d,f] [--ways float32 bf16 NAME:KEY=VALUE,...]
                 [--rounds 3] [--seconds 3] [--no-torch] [--python COMMAND] [--json FILE]

Makes the hosts from namespaces of this machine (scripts/hosts.sh, as root), with one rank of one
thread on each, bound to no core, and prints a table in Markdown: samples/s on each network and
model. Models are those of compare_pytorch.py, and c2, 4096-4096-4096-10; a minibatch is divided
among the hosts. All take plain SGD steps with momentum 0.9.

A way is a configuration of nnmpi: float32 changes nothing, bf16 is train.compress=bf16, any other
has a name and the keys that it sets, as nnmpi train -o has them. With --nnmpi OLD,NEW both programs
are measured. PyTorch is DistributedDataParallel over gloo, as it is and with its hooks that send
fp16 and bf16, with the settings of compare_pytorch.py that make it fastest. --python is what runs
it, if not this Python. What does not work on this machine is left out, and said below the table.

Each round starts everything once, in an order that changes from round to round. A start is timed
in windows, of which the slower half is discarded as noisy, on either side, and the median of the
others counts; the table has the medians of rounds and, in brackets, the median of their ratios to
DDP, which without PyTorch are those to the first program or way.
"""
import argparse
import json
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile

import compare_pytorch
from compare_pytorch import TORCH_JOB, dense, quiet_rate

HOSTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hosts.sh")
NO_HOSTS = 77  # the exit code of hosts.sh where there can be none

# as in compare_pytorch.py
MODELS = {name: compare_pytorch.MODELS[name][:6] for name in ("a", "b", "d", "f")}
MODELS["c2"] = ("4096-4096-4096-10", (4096,), 256, 2048,
                [dense("fc1", 4096, "relu"), dense("fc2", 4096, "relu"), dense("fc3", 10)],
                "fc1=nn.Linear(4096, 4096), r1=nn.ReLU(), fc2=nn.Linear(4096, 4096), "
                "r2=nn.ReLU(), fc3=nn.Linear(4096, 10)")

WAYS = {"float32": [], "bf16": ["train.compress=bf16"]}
DDP = {"DDP": None, "DDP fp16": "fp16_compress_hook", "DDP bf16": "bf16_compress_hook"}

WINDOWS = 10
LEAST_WINDOWS = 3  # when a step takes long


class Failure(Exception):
    """Why a program did not train."""


def cause(stderr):
    """The line of an error message that says it."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    said = [line for line in lines if re.match(r"nnmpi: .*(error|:)|\w*Error: ", line)]
    return (said or lines or ["no message"])[0]


class Place:
    """Hosts on a network, and what is trained there."""

    def __init__(self, hosts, network, model):
        self.hosts, self.network, self.model = hosts, network, model
        self.title, self.shape, self.batch, self.samples, self.layers, self.modules = MODELS[model]

    def launch(self, command, environment):
        """Standard output of a rank on each host."""
        rate = [] if self.network == "unlimited" else ["--rate", self.network]
        launch = [HOSTS, *rate, str(self.hosts), os.environ.get("MPIEXEC", "mpirun"),
                  "-n", str(self.hosts), *command]
        done = subprocess.run(launch, env=environment, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        if done.returncode == NO_HOSTS:
            print(done.stderr, end="", file=sys.stderr)
            sys.exit(NO_HOSTS)
        if done.returncode:
            raise Failure(cause(done.stderr))
        return done.stdout


class Nnmpi:
    """A column: a program in a way."""

    def __init__(self, bench, program, name, changes):
        self.bench, self.program, self.name = bench, program, name
        self.changes = [word for change in changes for word in ("-o", change)]
        self.optional = bool(changes)
        self.rates = {}  # last seen at a place, to choose the number of steps

    def windows(self, place, windows, steps):
        """Samples/s of windows of so many steps; one before those that count warms up."""
        data = self.bench.data(place)
        with tempfile.TemporaryDirectory(dir=self.bench.folder) as run:
            config = compare_pytorch.write_config(
                os.path.join(run, "net.yaml"), place.layers, data=data, threads=1,
                batch=place.batch, steps=(windows + 1) * steps, log=steps)
            place.launch([self.program, "train", config, "-q", "--run", os.path.join(run, "run"),
                          *self.changes], self.bench.ours)
            events = compare_pytorch.train_events(os.path.join(run, "run"))
        return [event["samples_per_s"] for event in events[1:]]

    def rate(self, place):
        """Samples/s. When it turns out to be over too soon, it is done again for longer."""
        seconds = self.bench.arguments.seconds
        expected = self.rates.get(place, 0)
        while True:
            steps = expected * seconds / place.batch
            windows = max(LEAST_WINDOWS, min(WINDOWS, int(steps)))
            each = max(1, int(steps / windows))
            rate = quiet_rate(self.windows(place, windows, each))
            self.rates[place] = expected = rate
            if windows * each * place.batch / rate >= seconds / 2:
                return rate


class Ddp:
    """A column: PyTorch with one of its hooks."""

    def __init__(self, bench, name, hook):
        self.bench, self.name, self.hook = bench, name, hook
        self.optional = bool(hook)

    def rate(self, place):
        job = {"what": "rank", "model": place.modules, "shape": place.shape, "batch": place.batch,
               "ranks": place.hosts, "address": "10.77.0.1", "port": 29600, "interface": "eth0",
               "hook": self.hook, "seconds": self.bench.arguments.seconds, "windows": WINDOWS,
               "least_windows": LEAST_WINDOWS}
        output = place.launch([*self.bench.python, TORCH_JOB, json.dumps(job)], self.bench.theirs)
        return quiet_rate(json.loads(output))


class Bench:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.python = shlex.split(arguments.python)
        self.ours, self.theirs = (dict(e, OMP_NUM_THREADS="1")
                                  for e in compare_pytorch.environments())
        self.torch = None if arguments.no_torch else self.torch_version()
        self.columns = self.of_nnmpi()
        if self.torch:
            self.columns += [Ddp(self, name, hook) for name, hook in DDP.items()]
        self.absent = {}  # (column, model): why a start of it is left out

    def torch_version(self):
        done = subprocess.run([*self.python, TORCH_JOB, '{"what": "version"}'], env=self.theirs,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"no PyTorch ({cause(done.stderr)}): --python says where it is, and "
                     "--no-torch does without")
        return json.loads(done.stdout)

    def of_nnmpi(self):
        programs = self.arguments.nnmpi
        return [Nnmpi(self, program, name if len(programs) == 1 else f"{number} {name}", changes)
                for number, program in enumerate(programs, 1)
                for name, changes in self.arguments.ways.items()]

    def data(self, place):
        path = os.path.join(self.folder, f"{place.model}.h5")
        if not os.path.exists(path):
            compare_pytorch.make_data(place.shape, place.samples, path)
        return path

    def base(self, column):
        """The column that this one is compared with."""
        if self.torch:
            return next(c for c in self.columns if isinstance(c, Ddp))
        ways = len(self.arguments.ways)
        place = self.columns.index(column)
        return self.columns[place % ways if place >= ways else 0]

    def measure(self, place):
        """{column: samples/s of each round}, without those that do not work."""
        rates = {}
        for number in range(self.arguments.rounds):
            first = number % len(self.columns)
            for column in self.columns[first:] + self.columns[:first]:
                if number and column not in rates:
                    continue
                try:
                    rates.setdefault(column, []).append(column.rate(place))
                except Failure as failure:
                    if not column.optional:
                        sys.exit(f"{column.name}, model {place.model}: {failure}")
                    if not rates[column]:
                        del rates[column]
                    self.absent[column, place.model] = str(failure)
            print(f"  {place.hosts} hosts, {place.network}, {place.model}, round {number + 1}: " +
                  ", ".join(f"{c.name} {rates[c][-1]:.5g}" for c in self.columns if c in rates),
                  file=sys.stderr)
        return rates

    def cell(self, column, rates):
        if column not in rates:
            return "-"
        median = statistics.median(rates[column])
        text = f"{median:,.0f}" if median >= 100 else f"{median:.1f}"
        base = self.base(column)
        if base in rates and base is not column:
            text += f" ({self.ratio(column, rates):.2f})"
        return text

    def ratio(self, column, rates):
        return statistics.median(a / b for a, b in zip(rates[column], rates[self.base(column)]))

    def table(self, hosts):
        """Prints it line by line, and returns what is in it."""
        names = [column.name for column in self.columns]
        print(f"\n{hosts} hosts, one rank of one thread on each, samples/s:\n")
        print("| network | model, minibatch | " + " | ".join(names) + " |")
        print("|---|---|" + "---|" * len(names), flush=True)
        rows = []
        for network in self.arguments.networks:
            for model in self.arguments.models:
                place = Place(hosts, network, model)
                rates = self.measure(place)
                print(f"| {network} | {model}: {place.title}, {place.batch} | " +
                      " | ".join(self.cell(c, rates) for c in self.columns) + " |", flush=True)
                rows.append({"hosts": hosts, "network": network, "model": model,
                             "rates": {c.name: r for c, r in rates.items()},
                             "ratios": {c.name: self.ratio(c, rates) for c in rates
                                        if self.base(c) in rates}})
        return rows

    def notes(self):
        programs = self.arguments.nnmpi
        if len(programs) > 1:
            yield from (f"{i}: {program}" for i, program in enumerate(programs, 1))
        if self.torch:
            yield f"PyTorch {self.torch}"
        yield from (f"without a start of {column.name}, {model}: {why}"
                   for (column, model), why in self.absent.items())


def ways_of(texts):
    """{name: keys that it sets}"""
    ways = {}
    for text in texts:
        name, colon, changes = text.partition(":")
        if not colon and name not in WAYS:
            sys.exit(f"--ways: '{name}' is none of {', '.join(WAYS)}, and has no NAME:KEY=VALUE")
        ways[name] = changes.split(",") if changes else WAYS.get(name, [])
    return ways


def checked(arguments):
    """The arguments, with lists for texts."""
    arguments.nnmpi = [os.path.abspath(path) for path in arguments.nnmpi.split(",")]
    arguments.hosts = [int(count) for count in arguments.hosts.split(",")]
    arguments.networks = arguments.networks.split(",")
    arguments.models = arguments.models.split(",")
    arguments.ways = ways_of(arguments.ways)
    for model in arguments.models:
        if model not in MODELS:
            sys.exit(f"--models: '{model}' is none of {', '.join(sorted(MODELS))}")
        for count in arguments.hosts:
            if MODELS[model][2] % count:
                sys.exit(f"a minibatch of {MODELS[model][2]} samples (model {model}) is not "
                         f"divided among {count} hosts")
    return arguments


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nnmpi", default="build/release/nnmpi", help="the programs")
    parser.add_argument("--hosts", default="2", help="how many, e.g. 2,4")
    parser.add_argument("--networks", default="100mbit,1gbit,unlimited",
                        help="rates that a host can send at, as tc has them, or unlimited")
    parser.add_argument("--models", default="a,b,c2,d,f")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), metavar="WAY")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement, about")
    parser.add_argument("--no-torch", action="store_true", help="nnmpi alone")
    parser.add_argument("--python", default=sys.executable, help="what runs PyTorch")
    parser.add_argument("--json", metavar="FILE", help="the samples/s of every round")
    arguments = checked(parser.parse_args())
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, folder)
        rows = [row for hosts in arguments.hosts for row in bench.table(hosts)]
    print("\n" + "\n".join(f"- {note}" for note in bench.notes()))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as out:
            json.dump({"programs": arguments.nnmpi, "torch": bench.torch, "rows": rows}, out,
                      indent=1)


if __name__ == "__main__":
    main()
