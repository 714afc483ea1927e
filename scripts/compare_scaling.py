#!/usr/bin/env python3
"""What `bench scaling` predicts for hosts, beside what training takes there.

compare_scaling.py [--nnmpi build/release/nnmpi] [--hosts 2,4] [--networks 100mbit,1gbit]
                   [--models a,b,c2,d,f] [--ways float32,bf16] [--rounds 3] [--seconds 3]

Hosts are namespaces of this machine (scripts/hosts.sh, as root), with one rank of one thread each,
and models those of compare_hosts.py; a minibatch is divided among the hosts. The network is fitted
once, on two hosts at 1 Gbit/s; for other networks its rate alone is changed. What computing takes is
known in one of two ways: `predicted` has the seconds of the layers on these hosts, which share the
cores of this machine with each other and with their messages; `from one` has those of one host, timed
while as many as there are hosts compute, and divides them by the rows of a host. Prints a table in
Markdown with the medians of the rounds.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

from compare_hosts import HOSTS, MODELS, NO_HOSTS, WAYS
from compare_pytorch import environments, make_data, write_config

UNITS = {"mbit": 1e-3, "gbit": 1}
FIT = "1gbit"
BURST = "128"  # KiB: of limit_rate in hosts.sh


def gbits(network):
    number, unit = re.fullmatch(r"([0-9.]+)(mbit|gbit)", network).groups()
    return float(number) * UNITS[unit]


class Bench:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.environment = dict(environments()[0], OMP_NUM_THREADS="1")
        self.configs = {}

    def config(self, model):
        if model not in self.configs:
            _, shape, batch, samples, layers = MODELS[model][:5]
            data = make_data(shape, samples, os.path.join(self.folder, f"{model}.h5"))
            self.configs[model] = write_config(os.path.join(self.folder, f"{model}.yaml"), layers,
                                               data=data, threads=1, batch=batch, steps=1, log=1)
        return self.configs[model]

    def start(self, launcher, model, way, *options):
        command = [*launcher, self.arguments.nnmpi, "bench", "scaling", self.config(model), "-q",
                   "--json", "--seconds", str(self.arguments.seconds), *options]
        command += [word for change in WAYS[way] for word in ("-o", change)]
        return subprocess.Popen(command, env=self.environment, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    @staticmethod
    def finish(process):
        out, err = process.communicate()
        if process.returncode:
            print(err, end="", file=sys.stderr)
            sys.exit(NO_HOSTS if process.returncode == NO_HOSTS else 1)
        return json.loads(out)

    def on_hosts(self, hosts, network, model, way, *options):
        launcher = [HOSTS, "--rate", network, str(hosts), os.environ.get("MPIEXEC", "mpirun"),
                    "-n", str(hosts)]
        return self.finish(self.start(launcher, model, way, *options))

    def alone(self, hosts, model, way, *options):
        """A report of one host while all of them compute."""
        reports = [self.finish(p) for p in [self.start((), model, way, *options)
                                            for _ in range(hosts)]]
        return sorted(reports, key=lambda r: r["step"]["seconds"])[(hosts - 1) // 2]


def predicted(report, hosts):
    """The step on so many hosts with the network that was given."""
    return next(p["strong"] for p in report["scaling"] if p["ranks"] == hosts and not p["here"])


def compare(bench, network, hosts, model, way, fitted):
    """Seconds of a step: measured, predicted, predicted from one host; and the layers by rows."""
    rate = fitted["gbits"] * gbits(network) / gbits(FIT)
    given = ("--gbits", f"{rate:.9g}", "--latency", f"{1e6 * fitted['latency_s']:.9g}",
             "--overhead", f"{1e6 * fitted['overhead_s']:.9g}", "--burst", BURST)
    seconds = []
    for _ in range(bench.arguments.rounds):
        there = bench.on_hosts(hosts, network, model, way, *given)
        one = bench.alone(hosts, model, way, *given)
        seconds.append((there["step"]["seconds"], predicted(there, hosts)["seconds"],
                        predicted(one, hosts)["seconds"]))
    return [statistics.median(column) for column in zip(*seconds)], predicted(there, hosts)["by_rows"]


def fit(bench):
    """The fastest of some looks at the network."""
    looks = [bench.on_hosts(2, FIT, "a", "float32")["network"] for _ in range(3)]
    return {"latency_s": min(n["latency_s"] for n in looks), "gbits": max(n["gbits"] for n in looks),
            "overhead_s": min(n["overhead_s"] for n in looks)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--nnmpi", default="build/release/nnmpi", help="the program")
    parser.add_argument("--hosts", default="2,4")
    parser.add_argument("--networks", default="100mbit,1gbit")
    parser.add_argument("--models", default="a,b,c2,d,f")
    parser.add_argument("--ways", default="float32,bf16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    arguments = parser.parse_args()
    arguments.nnmpi = os.path.abspath(arguments.nnmpi)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, folder)
        fitted = fit(bench)
        print(f"fitted: {1e6 * fitted['latency_s']:.1f} us, {1e6 * fitted['overhead_s']:.2f} us a "
              f"message, {fitted['gbits']:.3f} of {FIT}\n\n"
              "| network | hosts | model | ms a step | predicted | from one | by rows |\n"
              "|---|---|---|---|---|---|---|", flush=True)
        for network in arguments.networks.split(","):
            for hosts in map(int, arguments.hosts.split(",")):
                for model in arguments.models.split(","):
                    for way in arguments.ways.split(","):
                        seconds, rows = compare(bench, network, hosts, model, way, fitted)
                        ratios = "".join(f" {1e3 * s:.2f} ({s / seconds[0]:.2f}) |"
                                         for s in seconds[1:])
                        print(f"| {network} | {hosts} | {model}, {way} | {1e3 * seconds[0]:.2f} |"
                              f"{ratios} {', '.join(rows) or '-'} |", flush=True)


if __name__ == "__main__":
    main()
