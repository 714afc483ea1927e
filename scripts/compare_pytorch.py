#!/usr/bin/env python3
"""Training speed of nnmpi and PyTorch on one thread, on the same data, interleaved in one run.

compare_pytorch.py --nnmpi build/release/nnmpi --data mnist.h5 [--rounds 5] [--seconds 3]

Needs numpy, h5py and torch (Debian: python3-torch python3-h5py). PyTorch gets its minibatches as
ready floats in memory and the AVX-512 kernels of OpenBLAS where the processor has them; nnmpi
shuffles, gathers and converts the stored pixels in every step. Both take plain SGD steps with
momentum 0.9 on the same minibatch size. Rounds alternate, and what is quoted is the median of the
rates and of the ratios round by round.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

CONFIG = """
data: {{path: "{data}"}}
model:
  - flatten
  - dense: {{units: 128, activation: relu}}
  - dense: {{units: 10}}
loss: cross_entropy
train: {{epochs: 1000000, max_steps: {steps}, batch_size: 64, threads: 1, log_every: {log},
  optimizer: {{sgd: {{lr: 0.001, momentum: 0.9}}}}}}
validate: {{every_epochs: 0}}
checkpoint: {{every_epochs: 0}}
"""

TORCH = """
import json, sys, time, h5py, torch
import torch.nn as nn, torch.nn.functional as F
data, seconds = sys.argv[1], float(sys.argv[2])
torch.set_num_threads(1)
torch.manual_seed(1)
with h5py.File(data, "r") as f:
    x = torch.from_numpy(f["train/x"][:]).float().reshape(-1, 784) / 255
    y = torch.from_numpy(f["train/y"][:].astype("int64"))
order = torch.randperm(len(x))
batches = [(x[i].contiguous(), y[i]) for i in order.split(64) if len(i) == 64]
model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
def run(seconds):
    n, start = 0, time.perf_counter()
    while True:
        a, b = batches[n % len(batches)]
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(a), b)
        loss.backward()
        optimizer.step()
        n += 1
        took = time.perf_counter() - start
        if took > seconds:
            return 64 * n / took, loss.item()
run(0.3)
rate, loss = run(seconds)
print(json.dumps({"rate": rate, "loss": loss}))
"""


def one_thread():
    env = dict(os.environ, OMP_NUM_THREADS="1", OMPI_ALLOW_RUN_AS_ROOT="1",
               OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as cpuinfo:
        best = " avx512f " in cpuinfo.read()
    return env, dict(env, MALLOC_MMAP_THRESHOLD_="4000000000",
                     MALLOC_TRIM_THRESHOLD_="8000000000",
                     **({"OPENBLAS_CORETYPE": "SkylakeX", "ATEN_CPU_CAPABILITY": "avx512"}
                        if best else {}))


def run_nnmpi(program, data, seconds, rate, env):
    steps = max(2000, int(seconds * rate / 64))
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "a.yaml")
        with open(config, "w", encoding="utf-8") as out:
            out.write(CONFIG.format(data=os.path.abspath(data), steps=steps, log=steps // 10))
        subprocess.run([program, "train", config, "-q", "--run", os.path.join(folder, "run")],
                       env=env, check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(folder, "run", "metrics.jsonl"), encoding="utf-8") as lines:
            events = [json.loads(line) for line in lines]
    train = [e for e in events if e["event"] == "train"]
    return statistics.median(e["samples_per_s"] for e in train[1:])


def run_torch(data, seconds, env):
    done = subprocess.run([sys.executable, "-c", TORCH, data, str(seconds)], env=env, check=True,
                          capture_output=True, text=True)
    return json.loads(done.stdout)["rate"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--nnmpi", default="build/release/nnmpi", help="the program")
    parser.add_argument("--data", default="mnist.h5", help="MNIST as `nnmpi data import` makes it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    arguments = parser.parse_args()
    env, torch_env = one_thread()
    ours, theirs = [], []
    rate = 100000
    for _ in range(arguments.rounds):
        rate = run_nnmpi(arguments.nnmpi, arguments.data, arguments.seconds, rate, env)
        ours.append(rate)
        theirs.append(run_torch(arguments.data, arguments.seconds, torch_env))
        print(f"round {len(ours)}: nnmpi {ours[-1]:.0f}, PyTorch {theirs[-1]:.0f} samples/s, "
              f"ratio {ours[-1] / theirs[-1]:.2f}", file=sys.stderr)
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    print("model               nnmpi    PyTorch  ratio")
    print(f"784-128-10, 64  {statistics.median(ours):9.0f}  {statistics.median(theirs):9.0f}"
          f"  {ratio:5.2f}")


if __name__ == "__main__":
    main()
