#!/usr/bin/env python3
"""What bounds a training step of the models of compare_pytorch.py: a table of `nnmpi bench step`.

share_of_peak.py [--nnmpi build/release/nnmpi] [--models a,b,...] [--rounds 3] [--seconds 2]
                 [--threads 1]

Each round times a step of every model in float32 and, where the processor has it, in bfloat16, on one
rank; the fastest step of all rounds counts, with the peak and the rate of memory that were measured
beside it. Prints a table in Markdown. Needs numpy and h5py. On a machine with other work,
`chrt -r 1 scripts/share_of_peak.py` puts it before that.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

from compare_pytorch import MODELS, environments, make_data, write_config

PRECISIONS = ("float32", "bf16")


def has_bf16():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as cpuinfo:
        return " avx512_bf16" in cpuinfo.read()


def time_step(arguments, config, precision):
    command = [arguments.nnmpi, "bench", "step", config, "-q", "--json", "--seconds",
               str(arguments.seconds), "-o", f"train.precision={precision}"]
    done = subprocess.run(command, env=environments()[0], text=True, capture_output=True,
                          check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)


def row(name, precision, report):
    step = report["step"]
    rate = step["gflop"] / step["seconds"]
    return (f"| {name}: {MODELS[name][0]}, {MODELS[name][2]} | {precision} "
            f"| {1e6 * step['seconds']:,.0f} | {rate:.1f} | {rate / report['peak_gflops']:.2f} "
            f"| {report['bound']} | {report['share']:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nnmpi", default="build/release/nnmpi")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    names = arguments.models.split(",")
    precisions = PRECISIONS if has_bf16() else PRECISIONS[:1]
    best = {}
    with tempfile.TemporaryDirectory() as folder:
        configs = {}
        for name in names:
            _, shape, batch, samples, layers = MODELS[name][:5]
            data = make_data(shape, samples, os.path.join(folder, f"{name}.h5"))
            configs[name] = write_config(os.path.join(folder, f"{name}.yaml"), layers, batch=batch,
                                         threads=arguments.threads, steps=1, log=1, data=data)
        for _ in range(arguments.rounds):
            for name in names:
                for precision in precisions:
                    report = time_step(arguments, configs[name], precision)
                    before = best.get((name, precision))
                    if not before or report["step"]["seconds"] < before["step"]["seconds"]:
                        best[name, precision] = report
    print("| model, minibatch | products | us a step | GFLOP/s | of the peak | bound by | share |\n"
          "|---|---|---|---|---|---|---|")
    for (name, precision), report in best.items():
        print(row(name, precision, report))


if __name__ == "__main__":
    main()
