#!/usr/bin/env python3
"""For how long checkpoints stop training: nnmpi and PyTorch, in turns in one run.

compare_checkpoints.py [--nnmpi build/release/nnmpi] [--megabytes 1,100,1000] [--rounds 5]
                       [--ranks 1] [--folder DIR]

Needs numpy, h5py and torch, for torch.distributed.checkpoint at least 2.6 (Debian 13: python3-torch
python3-h5py). A net of one square matrix takes steps of SGD with momentum, and is saved a few times
on the way: parameters and momentum, so many MB together. A table has, for each size, medians of

  stop     seconds for which training stands still for a checkpoint
  written  seconds from then until it is on the disk

of nnmpi (wait_s and write_s of metrics.jsonl); of torch.save into a new file, fsync and rename, as
nnmpi does it; and of torch.distributed.checkpoint.async_save, whose call is what training waits
for. PyTorch has as many threads as nnmpi. Files are in DIR, which should be on the disk to ask for.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

import h5py
import numpy

SAVES = 4
ROWS = 32  # of a minibatch


def width_of(megabytes):
    """Of a square matrix which, with its momentum, takes so many MB."""
    return int(math.sqrt(megabytes * 1e6 / 8))


def steps_of(megabytes):
    """Between two checkpoints: longer than one takes to write."""
    return max(16, int(400 / math.sqrt(megabytes) ** 0.8))


def run_nnmpi(args, megabytes, folder):
    width = width_of(megabytes)
    data, run = os.path.join(folder, "data.h5"), os.path.join(folder, "run")
    rng = numpy.random.default_rng(1)
    with h5py.File(data, "w") as file:
        file["train/x"] = rng.standard_normal((ROWS, width), dtype="f4")
        file["train/y"] = rng.standard_normal((ROWS, width), dtype="f4")
    config = os.path.join(folder, "net.yaml")
    with open(config, "w", encoding="utf-8") as out:
        out.write(f"""data: {{path: {data}}}
model: [dense: {{name: fc, units: {width}, bias: false}}]
loss: squared
train: {{epochs: {SAVES * steps_of(megabytes)}, batch_size: {ROWS}, lr: 1e-6, optimizer: {{sgd: {{momentum: 0.9}}}},
  log_every: 1}}
validate: {{every_epochs: 0}}
checkpoint: {{every_steps: {steps_of(megabytes)}, every_epochs: 0, keep: 2}}
""")
    launch = ["mpirun", "-n", str(args.ranks)] if args.ranks > 1 else []
    subprocess.run([*launch, args.nnmpi, "train", config, "--run", run, "-q"], check=True,
                   stdout=subprocess.DEVNULL)
    with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines]
    # the last one is waited for by the end of the run: not what is asked for here
    saved = [e for e in events if e["event"] == "checkpoint"][:-1]
    if len(saved) < SAVES - 1:
        sys.exit(f"only {len(saved)} of {SAVES} checkpoints are in metrics.jsonl")
    return [(e["wait_s"], e["write_s"]) for e in saved]


def run_torch(how, threads, megabytes, folder):
    """In a process of its own: this program with --torch."""
    out = subprocess.run([sys.executable, __file__, "--torch", how, "--threads", str(threads),
                          "--megabytes", str(megabytes), "--folder", folder], check=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return [tuple(pair) for pair in json.loads(out.stdout.splitlines()[-1])]


def save_plainly(torch, state, path):
    begin = time.perf_counter()
    with open(path + ".new", "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".new", path)
    seconds = time.perf_counter() - begin
    return seconds, seconds


def torch_side(how, threads, megabytes, folder):
    import torch
    torch.set_num_threads(threads)
    width = width_of(megabytes)
    net = torch.nn.Linear(width, width, bias=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-6, momentum=0.9)
    x, y = torch.randn(ROWS, width), torch.randn(ROWS, width)
    if how == "async":
        import torch.distributed.checkpoint as dcp
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="0", RANK="0", WORLD_SIZE="1")
        torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    found, under_way = [], None
    for step in range(SAVES * steps_of(megabytes)):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(net(x), y, reduction="sum").backward()
        optimizer.step()
        if (step + 1) % steps_of(megabytes):
            continue
        state = {"model": net.state_dict(), "optimizer": optimizer.state_dict()}
        path = os.path.join(folder, f"checkpoint-{step + 1}")
        if how == "save":
            found.append(save_plainly(torch, state, path))
            continue
        begin = time.perf_counter()
        if under_way:  # its own check of the one before would fail otherwise
            under_way[0].result()
        future = dcp.async_save(state, checkpoint_id=path)
        found.append([time.perf_counter() - begin, 0.0])
        entry, since = found[-1], begin
        future.add_done_callback(
            lambda _, entry=entry, since=since: entry.__setitem__(1, time.perf_counter() - since))
        under_way = (future, entry)
    if under_way:
        under_way[0].result()
    print(json.dumps(found[:-1]))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nnmpi", default="build/release/nnmpi")
    parser.add_argument("--megabytes", default="1,100,1000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--folder", default=".")
    parser.add_argument("--torch", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.torch:
        torch_side(args.torch, args.threads, float(args.megabytes), args.folder)
        return
    args.nnmpi = os.path.abspath(args.nnmpi)
    sides = {"nnmpi": lambda mb, f: run_nnmpi(args, mb, f),
             "torch.save": lambda mb, f: run_torch("save", 2, mb, f),
             "async_save": lambda mb, f: run_torch("async", 2, mb, f)}
    print(f"{'MB':>6} {'':12} {'stop s':>10} {'written s':>10} {'stop/written':>13} {'to nnmpi':>9}")
    for megabytes in (float(mb) for mb in args.megabytes.split(",")):
        seen = {name: [] for name in sides}
        for turn in range(args.rounds):
            names = list(sides)
            for name in names[turn % 3:] + names[:turn % 3]:
                with tempfile.TemporaryDirectory(dir=args.folder) as folder:
                    seen[name] += sides[name](megabytes, folder)
        ours = statistics.median(stop for stop, _ in seen["nnmpi"])
        for name, pairs in seen.items():
            stop, written = (statistics.median(column) for column in zip(*pairs))
            print(f"{megabytes:6g} {name:12} {stop:10.6f} {written:10.4f} {stop / written:13.2%} "
                  f"{stop / ours:9.1f}", flush=True)


if __name__ == "__main__":
    main()
